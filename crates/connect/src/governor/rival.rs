//! Somebody else who uses the same budget: noticed by what a window loses beyond what we send.
//! The governor leaves room for them; `check` and the log say so.
//! What was used before our first answer is nobody's: it may have been us, in a process before this one.

use std::fmt;
use std::time::Duration;

/// Use of others below this share of the limit is not worth a word.
const WORTH: u64 = 20;
/// Nor is this little.
const LEAST: u64 = 3;
/// Beside what they use, others are left so much of it again, to grow.
const GROWTH: f64 = 1.1;
/// So much of our share is ours, however much others use.
const SHARE_MIN: f64 = 0.25;

/// Somebody else who uses the same budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rival {
    /// What they used of one window, at least.
    pub used: u64,
    /// What the window permits.
    pub limit: u64,
    /// How long it is.
    pub per: Duration,
}

impl Rival {
    /// Returns somebody who used so much, if it is worth a word.
    pub(super) fn of(used: u64, limit: u64, per: Duration) -> Option<Self> {
        (used >= LEAST.max(limit / WORTH)).then_some(Self { used, limit, per })
    }

    /// Returns the part of our share that stays ours.
    pub fn leaves(&self) -> f64 {
        (1.0 - GROWTH * self.used as f64 / self.limit.max(1) as f64).clamp(SHARE_MIN, 1.0)
    }
}

impl fmt::Display for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (used, limit, seconds, ours) = (self.used, self.limit, self.per.as_secs(), self.leaves() * 100.0);
        write!(
            f,
            "another integration used {used} of {limit} requests within {seconds} s; it is given way, down to {ours:.0} % of our share"
        )
    }
}

#[test]
fn a_rival_is_left_what_it_uses_and_we_keep_a_part() {
    assert_eq!(Rival::of(4, 100, Duration::from_secs(60)), None);
    let rival = |used| Rival::of(used, 100, Duration::from_secs(60)).map(|rival| (rival.leaves() * 100.0).round());
    assert_eq!((rival(10), rival(50), rival(99)), (Some(89.0), Some(45.0), Some(25.0)));
}
