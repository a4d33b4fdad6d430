//! The choice of dialects, and what holds in both.

use tenure_sandbox::*;

use crate::client::{calm, options};

#[tokio::test]
async fn the_guide_is_spoken_unless_something_else_is_said() {
    let sandbox = start(options()).await.expect("the sandbox starts");
    assert!(Vendor::ALL.into_iter().all(|vendor| sandbox.dialect(vendor) == Dialect::Guide));
}

#[tokio::test]
async fn the_same_people_are_behind_both_dialects() {
    let guide = calm().await;
    let dialects = Dialects::all(Dialect::Live);
    let live = start(Options { limits: Limits::Off, dialects, ..options() }).await.expect("the sandbox starts");
    for vendor in Vendor::ALL {
        assert_eq!(live.dialect(vendor), Dialect::Live);
        for email in ["jane.doe@acme.example", "rosa.lind@acme.example", "ivan.sousa@acme.example", OWNER_EMAIL] {
            let state = |sandbox: &Sandbox| sandbox.world().state(vendor, email);
            assert_eq!(state(&guide), state(&live), "{vendor} {email}");
        }
        assert_eq!(live.world().duplicates(vendor).len(), 0, "{vendor}");
    }
}
