//! Apply, the pure half: which event may follow which status of a step. `engine` does the work, writes each event to
//! the journal first, and asks here both while it works and when it reads the journal again after a crash.
//! It makes no choices and knows no connection.

use crate::change::Outcome;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where one step of a run stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    Waiting,
    /// Begun: the world may or may not have changed.
    Running,
    /// So, and read back.
    Done,
    /// Accepted by the app, not yet visible.
    Pending,
    /// Ended without effect: refused, unsupported, or the world had moved.
    Failed,
    /// Nobody knows: it is looked up before anything else happens to the account.
    Unknown,
    /// Not tried.
    Skipped,
}

/// What happens to a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Work begins; written before the first request.
    Started,
    /// It was done and read back.
    Done,
    /// Nothing was to be done any more.
    AlreadyTrue,
    /// The app accepted and takes its time.
    Pending,
    /// What it was planned on is not so any more.
    Moved {
        /// What is different.
        because: String,
    },
    /// The app said no.
    Refused {
        /// What it said.
        because: String,
    },
    /// The app cannot.
    Unsupported {
        /// Why.
        because: String,
    },
    /// The answer was lost.
    Lost {
        /// How.
        because: String,
    },
    /// It is not tried.
    Skipped {
        /// Why.
        because: String,
    },
}

impl Event {
    /// Returns the word that the journal uses.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Done => "done",
            Self::AlreadyTrue => "already_true",
            Self::Pending => "pending",
            Self::Moved { .. } => "moved",
            Self::Refused { .. } => "refused",
            Self::Unsupported { .. } => "unsupported",
            Self::Lost { .. } => "lost",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// Returns how a step ended with this event; `None` for the one that begins it.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Started => None,
            Self::Done => Some(Outcome::Done),
            Self::AlreadyTrue => Some(Outcome::AlreadyTrue),
            Self::Pending => Some(Outcome::Pending),
            Self::Moved { .. } => Some(Outcome::Moved),
            Self::Refused { .. } => Some(Outcome::Refused),
            Self::Unsupported { .. } => Some(Outcome::Unsupported),
            Self::Lost { .. } => Some(Outcome::Unknown),
            Self::Skipped { .. } => Some(Outcome::Skipped),
        }
    }
}

/// An event that may not follow: our own fault, or a journal that is not ours.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("step is {status}, so \"{}\" may not follow", event.as_str())]
pub struct OutOfOrder {
    /// Where the step stands.
    pub status: StepStatus,
    /// What came.
    pub event: Event,
}

impl fmt::Display for StepStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl StepStatus {
    /// Returns the word that the journal and JSON use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }

    /// Tells whether the step is settled before any new one starts.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Unknown | Self::Pending)
    }

    /// The one place that says which event may follow which status; live writes and replay both ask it.
    ///
    /// # Errors
    /// The event may not follow the status.
    pub fn next(self, event: &Event) -> Result<Self, OutOfOrder> {
        use {Event as E, StepStatus as S};
        match (self, event) {
            (S::Waiting | S::Running | S::Unknown | S::Pending, E::Started) => Ok(S::Running),
            (S::Waiting, E::Skipped { .. }) => Ok(S::Skipped),
            (S::Running, E::Done | E::AlreadyTrue) => Ok(S::Done),
            (S::Running, E::Pending) => Ok(S::Pending),
            (S::Running, E::Lost { .. }) => Ok(S::Unknown),
            (S::Running, E::Moved { .. } | E::Refused { .. } | E::Unsupported { .. }) => Ok(S::Failed),
            (status, event) => Err(OutOfOrder { status, event: event.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event as E, StepStatus as S};

    fn because() -> String {
        "x".into()
    }

    #[test]
    fn a_step_is_begun_before_it_is_done() {
        assert!(S::Waiting.next(&E::Done).is_err());
        assert_eq!(S::Waiting.next(&E::Started).and_then(|status| status.next(&E::Done)), Ok(S::Done));
    }

    #[test]
    fn a_lost_answer_is_looked_at_again() {
        let unknown = S::Running.next(&E::Lost { because: because() }).unwrap();
        assert!(unknown.is_open());
        assert_eq!(unknown.next(&E::Started).and_then(|status| status.next(&E::AlreadyTrue)), Ok(S::Done));
    }

    #[test]
    fn what_ended_stays_ended() {
        for ended in [S::Done, S::Failed, S::Skipped] {
            assert!(!ended.is_open());
            for event in [E::Started, E::Done, E::Pending, E::Skipped { because: because() }] {
                assert_eq!(ended.next(&event).unwrap_err().status, ended);
            }
        }
    }

    #[test]
    fn what_was_begun_is_not_skipped() {
        assert!(S::Running.next(&E::Skipped { because: because() }).is_err());
    }

    #[test]
    fn a_crash_while_running_begins_again() {
        assert_eq!(S::Running.next(&E::Started), Ok(S::Running));
    }
}
