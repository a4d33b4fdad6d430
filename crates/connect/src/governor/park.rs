//! Work that has to wait for longer than a worker sits out: until when, and why.
//! The governor says it in the place of a turn; whoever asked puts the work away and goes on with something else.
//! It keeps nothing: what the next process must know stands in the ledger.

use jiff::Timestamp;
use std::fmt;
use std::time::Duration;

/// The longest that a worker sits out: a minute, and what is added to a window of a minute to be on the safe side.
pub const SAT_OUT_MAX: Duration = Duration::from_secs(65);

/// Until when nothing may be sent, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parked {
    /// When it ends (milliseconds since 1970, UTC).
    pub until_ms: i64,
    /// Why.
    pub because: String,
    tomorrow: bool,
}

impl Parked {
    /// Returns a wait from `now_ms` until `until_ms`.
    pub fn new(now_ms: i64, until_ms: i64, because: impl Into<String>) -> Self {
        let day = |ms: i64| ms.div_euclid(86_400_000);
        Self { until_ms, because: because.into(), tomorrow: day(now_ms) != day(until_ms) }
    }
}

impl fmt::Display for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = Timestamp::from_millisecond(self.until_ms.saturating_add(999)).unwrap_or(Timestamp::MAX);
        let form = if self.tomorrow { "%H:%M:%S UTC on %Y-%m-%d" } else { "%H:%M:%S UTC" };
        write!(f, "parked until {}: {}", moment.strftime(form), self.because)
    }
}

#[test]
fn a_wait_past_midnight_says_which_day() {
    let parked = |now_ms, until_ms| Parked::new(now_ms, until_ms, "the app asked for it").to_string();
    assert_eq!(parked(0, 3_723_000), "parked until 01:02:03 UTC: the app asked for it");
    assert_eq!(parked(86_390_000, 86_410_001), "parked until 00:00:11 UTC on 1970-01-02: the app asked for it");
}
