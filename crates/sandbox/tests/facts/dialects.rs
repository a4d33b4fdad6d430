//! The choice of dialects: what can be chosen, and what is refused before anything listens.

use tenure_sandbox::*;

use crate::client::options;

#[tokio::test]
async fn a_dialect_that_nobody_imitated_is_refused_at_the_start() {
    let dialects = Dialects::default().with(Vendor::Gainsight, Dialect::Live);
    let refused = start(Options { dialects, ..options() }).await.err().expect("a refusal");
    assert_eq!(refused.kind(), std::io::ErrorKind::Unsupported);
    assert_eq!(refused.to_string(), "the live dialect of gainsight is not imitated");
}

#[tokio::test]
async fn the_guide_is_spoken_unless_something_else_is_said() {
    let sandbox = start(options()).await.expect("the sandbox starts");
    assert!(Vendor::ALL.into_iter().all(|vendor| sandbox.dialect(vendor) == Dialect::Guide));
}
