//! How the program ends. Each code has one meaning, and this is the only place that picks one.
//! Commands return an `Exit` or an error; `main` turns either into a code and, for an error, a text on standard error.
//! It does not know which command ran.

use tenure_engine::{Blame, EngineError, blame_of_store};
use tenure_store::StoreError;

/// The exit codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Usage or configuration.
    Usage = 1,
    /// There are changes (`plan`), problems (`check`, `lint`), or `--fail-on` is met.
    Changes = 2,
    /// Held by a guard, or waiting for an approval.
    Held = 3,
    /// Finished, but some steps failed or some reads were partial.
    Incomplete = 4,
    /// A remote side could not be reached.
    Unreachable = 5,
    /// Our own fault: a broken invariant.
    Broken = 70,
}

/// An error that the operator caused and can mend: it ends with [`Exit::Usage`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Mistake(pub String);

/// Returns the code for an error.
pub fn exit_for(error: &anyhow::Error) -> Exit {
    if error.downcast_ref::<Mistake>().is_some() {
        return Exit::Usage;
    }
    if let Some(refused) = error.downcast_ref::<crate::remote::Refused>() {
        return refused.exit();
    }
    let blame = match (error.downcast_ref::<EngineError>(), error.downcast_ref::<StoreError>()) {
        (Some(error), _) => error.blame(),
        (None, Some(error)) => blame_of_store(error),
        (None, None) => Blame::Operator,
    };
    match blame {
        Blame::Operator => Exit::Usage,
        Blame::Reviewer => Exit::Held,
        Blame::Remote => Exit::Unreachable,
        Blame::Us => Exit::Broken,
    }
}
