//! How the program ends. Each code has one meaning, and this is the only place that picks one.
//! Commands return an `Exit` or an error; `main` turns either into a code and, for an error, a text on standard error.
//! It does not know which command ran.

use tenure_engine::EngineError;

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
    match error.downcast_ref::<EngineError>() {
        Some(error) => match error.blame() {
            tenure_engine::Blame::Operator => Exit::Usage,
            tenure_engine::Blame::Reviewer => Exit::Held,
            tenure_engine::Blame::Remote => Exit::Unreachable,
            tenure_engine::Blame::Us => Exit::Broken,
        },
        None => Exit::Usage,
    }
}
