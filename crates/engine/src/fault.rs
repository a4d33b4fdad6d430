//! Why something could not be done, as a value that can be kept and sent: for whoever asked and looks later, from afar.
//! Made from an error of the engine. What is ours and broken goes to the log in full, and is told in a few words only.

use crate::error::{Blame, EngineError, blame_of_store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// What sort of reason.
    pub kind: FaultKind,
    /// In a sentence.
    pub detail: String,
    /// The field of what was asked that is wrong, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// What sort of reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// What was asked for is not there.
    Missing,
    /// What was asked for is not possible, or cannot be understood.
    Asked,
    /// Whoever asks may not have it.
    Forbidden,
    /// What it was about is another by now.
    Moved,
    /// Somebody else is at it.
    Busy,
    /// The process ends; another one may be asked.
    Ending,
    /// An app refuses, or a secret is missing.
    Connection,
    /// An app, or the store, could not be reached.
    Unreachable,
    /// A file is wrong.
    Configuration,
    /// It is our own fault.
    Ours,
}

impl From<&EngineError> for Fault {
    fn from(error: &EngineError) -> Self {
        let kind = match error {
            EngineError::Missing(_) => FaultKind::Missing,
            EngineError::Field { field, because } => {
                return Self { kind: FaultKind::Asked, detail: because.clone(), field: Some((*field).to_owned()) };
            }
            EngineError::Asked(_) => FaultKind::Asked,
            EngineError::Forbidden(_) => FaultKind::Forbidden,
            EngineError::Moved(_) => FaultKind::Moved,
            EngineError::Busy(_) => FaultKind::Busy,
            EngineError::Drained => FaultKind::Ending,
            EngineError::Connect { .. } if error.blame() == Blame::Remote => FaultKind::Unreachable,
            EngineError::Connect { .. } | EngineError::Secret(_) => FaultKind::Connection,
            EngineError::Config(_) | EngineError::Misplaced(_) => FaultKind::Configuration,
            EngineError::Store(error) => return of_store(blame_of_store(error), error),
            EngineError::Broken(_) => return ours(error),
        };
        Self { kind, detail: error.to_string(), field: None }
    }
}

fn of_store(blame: Blame, error: &dyn std::error::Error) -> Fault {
    if blame != Blame::Remote {
        return ours(error);
    }
    tracing::warn!(%error, "the store could not be asked");
    let detail = "the store could not be asked; the log says why".into();
    Fault { kind: FaultKind::Unreachable, detail, field: None }
}

fn ours(error: &dyn std::error::Error) -> Fault {
    tracing::error!(%error, "something of ours is broken");
    Fault { kind: FaultKind::Ours, detail: "this is our fault; the log says why".into(), field: None }
}
