//! The kinds of work that outlive a process, and what each is keyed by. Whoever causes some asks for it here and hands it
//! to the store, in the transaction that causes it.
//! A job says what to look at, never what to do: that is derived when it runs.

use crate::config::Config;
use tenure_core::account::AccountKey;
use tenure_core::name::{ConnectionName, PlanId};
use tenure_store::NewJob;

/// How many processes carry out one plan together at most.
const HANDS_MAX: usize = 4;
/// So many accounts keep one hand busy: with fewer, another one is not called.
const ACCOUNTS_PER_HAND: usize = 8;

/// What sort of work a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Read a connection; keyed by its name.
    Pull,
    /// Look one account up; keyed by it.
    Look,
    /// Judge the company by today's facts, and plan.
    Reconcile,
    /// Carry out a plan as far as it may be; keyed by the plan.
    Apply,
    /// Lend a hand to those who carry out a plan; keyed by the plan and a number.
    Help,
    /// Do what somebody asked for from afar; keyed by the act.
    Act,
    /// Tell somebody of what needs them; keyed by the receiver.
    Deliver,
    /// Read the journal for what receivers of shared signals are told.
    Gather,
    /// Push shared signals; keyed by the stream.
    Push,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Pull,
        Self::Look,
        Self::Reconcile,
        Self::Apply,
        Self::Help,
        Self::Act,
        Self::Deliver,
        Self::Gather,
        Self::Push,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Look => "look",
            Self::Reconcile => "reconcile",
            Self::Apply => "apply",
            Self::Help => "help",
            Self::Act => "act",
            Self::Deliver => "deliver",
            Self::Gather => "gather",
            Self::Push => "push",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Reads a connection.
pub(crate) fn pull(name: &ConnectionName, run_at_ms: i64) -> NewJob {
    NewJob { kind: Kind::Pull.as_str(), key: name.to_string(), run_at_ms }
}

/// Looks one account up.
pub(crate) fn look(key: &AccountKey, run_at_ms: i64) -> NewJob {
    NewJob { kind: Kind::Look.as_str(), key: key.to_string(), run_at_ms }
}

/// Judges the company; whoever asks again before it began asks for the same.
pub(crate) fn reconcile(run_at_ms: i64) -> NewJob {
    NewJob { kind: Kind::Reconcile.as_str(), key: "company".into(), run_at_ms }
}

/// Carries out a plan.
pub(crate) fn apply(plan: &PlanId, run_at_ms: i64) -> NewJob {
    NewJob { kind: Kind::Apply.as_str(), key: plan.to_string(), run_at_ms }
}

/// Does what somebody asked for from afar.
pub(crate) fn act(id: &str, run_at_ms: i64) -> NewJob {
    NewJob { kind: Kind::Act.as_str(), key: id.to_owned(), run_at_ms }
}

/// Looks whether the receivers of the file are to be told of something.
pub(crate) fn deliver(config: &Config, run_at_ms: i64) -> Vec<NewJob> {
    let job = |name: &String| NewJob { kind: Kind::Deliver.as_str(), key: name.clone(), run_at_ms };
    config.notify.keys().map(job).collect()
}

/// Reads the journal for what receivers of shared signals are told.
pub(crate) fn gather(run_at_ms: i64) -> NewJob {
    NewJob { kind: Kind::Gather.as_str(), key: "company".into(), run_at_ms }
}

/// Pushes what waits in a stream of shared signals.
pub(crate) fn push(stream: &str, run_at_ms: i64) -> NewJob {
    NewJob { kind: Kind::Push.as_str(), key: stream.to_owned(), run_at_ms }
}

/// Calls other hands to a plan that touches so many accounts.
pub(crate) fn help(plan: &PlanId, accounts: usize, run_at_ms: i64) -> Vec<NewJob> {
    let hands = (accounts / ACCOUNTS_PER_HAND).min(HANDS_MAX);
    let keys = help_keys(plan).into_iter().take(hands.saturating_sub(1));
    keys.map(|key| NewJob { kind: Kind::Help.as_str(), key, run_at_ms }).collect()
}

/// Returns the keys of all hands that can be called to a plan.
pub(crate) fn help_keys(plan: &PlanId) -> Vec<String> {
    (2..=HANDS_MAX).map(|number| format!("{plan}#{number}")).collect()
}

/// Returns the plan of a job that carries out one, or helps.
pub(crate) fn plan_of(key: &str) -> PlanId {
    PlanId::from(key.split('#').next().unwrap_or(key))
}
