//! What was spent of windows that are longer than a process lives, and until when the tenant asked for quiet.
//! The governor enters each request before it is sent; a keeper writes the entry down before it lets the request go, and
//! gives back what all processes together have spent. It knows moments by the calendar, and nothing of the requests.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Windows longer than this outlive a process.
pub(super) const LONG: Duration = Duration::from_secs(60);
/// Requests that are sent within so many milliseconds share a line.
const TICK_MS: i64 = 2_000;
/// Past so many lines, a line holds two minutes.
const LINES_MAX: usize = 2_000;
const COARSE_TICK_MS: i64 = 120_000;
/// No window is longer than this.
const FORGOTTEN_MS: i64 = 31 * 86_400_000;

/// What was spent, by all processes together.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// How much was sent up to which moment (milliseconds since 1970, UTC), oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spent: Vec<(i64, u64)>,
    /// When nothing may be sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quiet: Vec<Quiet>,
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

/// What one process adds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// The moment (milliseconds since 1970, UTC).
    pub at_ms: i64,
    /// What is about to be sent.
    pub cost: u64,
    /// What the tenant asked for.
    pub quiet: Vec<Quiet>,
    /// The longest window that the tenant has.
    pub span: Duration,
}

/// Keeps a ledger beyond the process.
pub trait Keeper: Send + Sync + fmt::Debug {
    /// Adds an entry to what is kept and returns the whole; an error says why it could not.
    fn keep(&self, entry: Entry) -> BoxFuture<'_, Result<Ledger, String>>;
}

impl Ledger {
    /// Adds an entry, and forgets what no window holds any more.
    pub fn take_in(&mut self, entry: &Entry) {
        let span = i64::try_from(entry.span.as_millis()).unwrap_or(FORGOTTEN_MS).clamp(0, FORGOTTEN_MS);
        self.spent.retain(|(at_ms, _)| at_ms + span + span / 50 > entry.at_ms);
        self.quiet.retain(|quiet| quiet.until_ms > entry.at_ms);
        if entry.cost > 0 && !entry.span.is_zero() {
            let at_ms = tick(entry.at_ms, TICK_MS);
            match self.spent.last_mut() {
                Some((last_ms, cost)) if *last_ms >= at_ms => *cost += entry.cost,
                _ => self.spent.push((at_ms, entry.cost)),
            }
        }
        for quiet in &entry.quiet {
            self.quiet.retain(|known| known.of != quiet.of || known.until_ms > quiet.until_ms);
            if !self.quiet.iter().any(|known| known.of == quiet.of) {
                self.quiet.push(quiet.clone());
            }
        }
        if self.spent.len() > LINES_MAX {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        let mut coarse: Vec<(i64, u64)> = Vec::new();
        for (at_ms, cost) in self.spent.drain(..) {
            let at_ms = tick(at_ms, COARSE_TICK_MS);
            match coarse.last_mut() {
                Some((last_ms, sum)) if *last_ms == at_ms => *sum += cost,
                _ => coarse.push((at_ms, cost)),
            }
        }
        self.spent = coarse;
    }

    /// Returns how much was spent within `span` before a moment.
    pub fn spent_within(&self, span: Duration, now_ms: i64) -> u64 {
        let span_ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        self.spent.iter().filter(|(at_ms, _)| at_ms.saturating_add(span_ms) > now_ms).map(|(_, cost)| cost).sum()
    }
}

/// Returns the end of the tick that holds a moment: counting a request for longer than needed is safe.
fn tick(at_ms: i64, length_ms: i64) -> i64 {
    (at_ms.div_euclid(length_ms) + i64::from(at_ms.rem_euclid(length_ms) > 0)) * length_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn entry(at_ms: i64, cost: u64) -> Entry {
        Entry { at_ms, cost, quiet: Vec::new(), span: HOUR * 24 }
    }

    #[test]
    fn what_is_spent_is_counted_as_long_as_a_window_can_hold_it() {
        let mut ledger = Ledger::default();
        for second in 0..100 {
            ledger.take_in(&entry(second * 1000 + 1, 1));
        }
        assert_eq!(ledger.spent.len(), 50);
        assert_eq!((ledger.spent_within(HOUR, 100_000), ledger.spent_within(HOUR, 3_800_000)), (100, 0));
        ledger.take_in(&entry(90_000_000, 1));
        assert_eq!(ledger.spent, [(90_000_000, 1)]);
    }

    #[test]
    fn a_long_ledger_stays_short_and_forgets_nothing_too_early() {
        let mut ledger = Ledger::default();
        for at in 0..20_000 {
            ledger.take_in(&entry(at * 4_000, 1));
        }
        assert!(ledger.spent.len() <= LINES_MAX, "{}", ledger.spent.len());
        assert_eq!(ledger.spent_within(HOUR * 24, 80_000_000), 20_000);
    }

    #[test]
    fn the_longest_quiet_stands_until_it_is_over() {
        let mut ledger = Ledger::default();
        let quiet = |until_ms, of: Option<&str>| Quiet { until_ms, because: "x".into(), of: of.map(Into::into) };
        let told = |at_ms, quiet| Entry { quiet: vec![quiet], ..entry(at_ms, 0) };
        ledger.take_in(&told(0, quiet(5_000, None)));
        ledger.take_in(&told(0, quiet(3_000, None)));
        ledger.take_in(&told(0, quiet(9_000, Some("lists"))));
        assert_eq!(ledger.quiet, [quiet(5_000, None), quiet(9_000, Some("lists"))]);
        ledger.take_in(&entry(6_000, 0));
        assert_eq!(ledger.quiet, [quiet(9_000, Some("lists"))]);
    }
}
