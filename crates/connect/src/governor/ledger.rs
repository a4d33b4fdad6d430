//! What all processes together have sent to one tenant and may still send: kept outside of them, asked a few times a
//! second. A process tells what became of its last slice and gets the next one: so many requests, each from a moment on.
//! Here are the words of that exchange; `grant` reckons. Moments are those of whoever keeps the ledger, and so the clocks
//! of the processes may differ.

use super::budget::Rule;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Windows longer than this outlive a process.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// What was sent, what may be sent and when nothing may be, by all processes together.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// How much was sent up to which moment (milliseconds since 1970, UTC), oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) spent: Log,
    /// The same for limits of some paths only, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) subs: BTreeMap<String, Log>,
    /// What processes hold: slices not used up, and requests that are on their way.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) lent: BTreeMap<String, Lent>,
    /// What others were seen to use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) others: Vec<Others>,
    /// When each bucket will have run out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) levels: Vec<Level>,
    /// When nothing may be sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) quiet: Vec<Quiet>,
}

pub(super) type Log = Vec<(i64, u64)>;

impl Ledger {
    /// Returns how much was sent within `span` before a moment; what is lent counts as sent.
    pub fn spent_within(&self, span: Duration, now_ms: i64) -> u64 {
        let span_ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let sent = self.spent.iter().filter(|(at_ms, _)| at_ms.saturating_add(span_ms) > now_ms).map(|(_, cost)| cost);
        sent.chain(self.lent.values().map(|lent| &lent.all)).sum()
    }

    /// Returns for how long nothing may be sent at all, if that is so.
    pub fn quiet_for_ms(&self, now_ms: i64) -> Option<i64> {
        let all = self.quiet.iter().filter(|quiet| quiet.of.is_none());
        all.map(|quiet| quiet.until_ms - now_ms).filter(|left| *left > 0).max()
    }
}

/// What one process holds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Lent {
    /// Until when it uses it. If it is not heard of until then, all of it counts as sent at that moment.
    pub until_ms: i64,
    /// How much of what all requests count in.
    pub all: u64,
    /// How much of each limit of some paths only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subs: BTreeMap<String, u64>,
}

/// What others use of one window, at least.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Others {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    pub span_ms: i64,
    pub used: u64,
    /// Until when that is known.
    pub until_ms: i64,
    /// What of it was used before the first answer that told.
    pub before: u64,
}

/// How full one bucket is: by when it will have run out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Level {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    pub span_ms: i64,
    pub everybody: bool,
    pub empty_ms: f64,
}

/// A time in which nothing may be sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quiet {
    /// When it ends (milliseconds since 1970, UTC).
    pub until_ms: i64,
    /// Why.
    pub because: String,
    /// The limit of some paths only that is meant; all requests where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// What a process tells and asks. Its moments are so many milliseconds before or after the exchange.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Ask {
    /// Who it is.
    pub(super) holder: String,
    /// The limits, first what all requests count in.
    pub(super) scopes: Vec<ScopeRules>,
    /// The longest window that the tenant has.
    pub(super) span_ms: i64,
    /// What was answered since the last exchange.
    pub(super) spent: Vec<Spending>,
    /// What never left, by its scopes.
    pub(super) returned: Vec<(Vec<usize>, u64)>,
    /// What is held on to, by scope: on its way, or not used yet.
    pub(super) held: Vec<u64>,
    /// What of it is on its way, by scope.
    pub(super) open: Vec<u64>,
    /// For how long the rest may be used.
    pub(super) held_for_ms: i64,
    /// What answers told of windows.
    pub(super) seen: Vec<Seen>,
    /// For how long the tenant asked for quiet, of which scope, and why.
    pub(super) quiet: Vec<(i64, usize, String)>,
    /// The slice that is wanted.
    pub(super) want: Option<Want>,
}

/// The rules of one scope.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct ScopeRules {
    /// Its name; none for what all requests count in.
    pub name: Option<String>,
    pub rules: Vec<Rule>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Spending {
    pub scopes: Vec<usize>,
    /// How long ago the answer came.
    pub age_ms: i64,
    pub cost: u64,
    /// What it cost beyond what was thought when it went.
    pub beyond: u64,
}

/// That so much of a window was used, by whomever, when an answer came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub scope: usize,
    pub window: usize,
    pub used: u64,
    pub reset_ms: Option<i64>,
    pub age_ms: i64,
}

/// A slice that is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Want {
    pub scopes: Vec<usize>,
    pub cost: u64,
    /// How many requests wait.
    pub count: u64,
    /// How many more would soon be used.
    pub more: u64,
    /// How far ahead a request may be promised: the more urgent, the further, and so the urgent come first.
    pub ahead_ms: i64,
    pub urgent: bool,
}

/// What a process gets.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Answer {
    /// The moment of the exchange.
    pub(super) now_ms: i64,
    /// From which moment on each request may go.
    pub(super) granted: Vec<i64>,
    /// Whether less was given than was wanted.
    pub(super) short: bool,
    /// When the next one could go, as far as is known.
    pub(super) next_ms: Option<i64>,
    /// Which window of which scope keeps it until then.
    pub(super) limit: Option<(usize, usize)>,
    /// What others use of the windows that all requests count in.
    pub(super) others: Vec<(usize, u64)>,
    /// The ledger as it is now.
    pub(super) ledger: Ledger,
}

/// Keeps a ledger beyond the process.
pub trait Keeper: Send + Sync + fmt::Debug {
    /// Has the ledger answer, alone and at a moment of the keeper's own clock, and keeps what it is then; an error says
    /// why it could not.
    fn exchange(&self, ask: Ask) -> BoxFuture<'_, Result<Answer, String>>;
}
