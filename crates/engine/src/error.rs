//! Why a verb of the engine could not do its work, by who must act.
//! Errors of other rooms come in as their source; the program's edge picks the exit code by `blame`.
//! Held steps, refused writes and partial reads are results, not errors, and do not appear here.

use crate::config::ConfigError;
use crate::secrets::SecretError;
use tenure_connect::ConnectError;
use tenure_core::place::Misplaced;
use tenure_store::StoreError;

/// Who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Whoever wrote the configuration, or typed the command.
    Operator,
    /// Somebody who decides.
    Reviewer,
    /// Nobody: a remote side could not be reached.
    Remote,
    /// Us.
    Us,
}

/// Why a verb could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A policy or a manifest is wrong.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    /// A secret could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An app failed before any result could be told.
    #[error("{connection}: {source}")]
    Connect {
        /// Which connection.
        connection: String,
        /// Why.
        source: Box<ConnectError>,
    },
    /// What was asked for is not there, or not possible.
    #[error("{0}")]
    Asked(String),
    /// What was asked for is not there.
    #[error("{0}")]
    Missing(String),
    /// One thing of what was asked for cannot be understood.
    #[error("{field}: {because}")]
    Field {
        /// Which.
        field: &'static str,
        /// Why not.
        because: String,
    },
    /// Whoever asks may not have it: the policy says who may.
    #[error("{0}")]
    Forbidden(String),
    /// What it was about is another by now.
    #[error("{0}")]
    Moved(String),
    /// Somebody else is at it.
    #[error("{0}")]
    Busy(String),
    /// This process is to end, and what it was at is left to another.
    #[error("this process is about to end")]
    Drained,
    /// An invariant of ours is broken.
    #[error("broken invariant: {0}; nothing was changed by this, please report it")]
    Broken(String),
}

impl EngineError {
    /// Tells who must act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Config(_) | Self::Misplaced(_) | Self::Secret(_) => Blame::Operator,
            Self::Asked(_) | Self::Missing(_) | Self::Field { .. } | Self::Forbidden(_) => Blame::Operator,
            Self::Busy(_) | Self::Drained | Self::Moved(_) => Blame::Reviewer,
            Self::Connect { source, .. } if source.kind == tenure_connect::ErrorKind::Unreachable => Blame::Remote,
            Self::Connect { .. } => Blame::Operator,
            Self::Store(error) => blame_of_store(error),
            Self::Broken(_) => Blame::Us,
        }
    }
}

/// Tells who must act when the store fails.
pub fn blame_of_store(error: &StoreError) -> Blame {
    if error.is_unreachable() {
        Blame::Remote
    } else if error.is_operator() {
        Blame::Operator
    } else {
        Blame::Us
    }
}
