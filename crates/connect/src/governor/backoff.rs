//! Chance that is handed in as a seed, and waits that grow with each failure.
//! Retries and refusals without a usable `Retry-After` wait as long as this says.
//! Nothing here is secret: the chance only keeps workers from knocking at the same moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Chance from a seed.
#[derive(Debug)]
pub(super) struct Jitter(AtomicU64);

impl Jitter {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Returns a number from 0 up to 1 (SplitMix64).
    pub fn unit(&self) -> f64 {
        let mut mixed = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns `wait` and up to `share` of it more.
    pub fn stretch(&self, wait: Duration, share: f64) -> Duration {
        wait.mul_f64(1.0 + share * self.unit())
    }

    /// Returns the wait before attempt `failures + 1`: `base`, doubled at each failure after the first, at most
    /// `max`, and up to half as much again by chance. Never zero.
    pub fn backoff(&self, failures: u32, base: Duration, max: Duration) -> Duration {
        let doubled = base.max(Duration::from_millis(1)).saturating_mul(1 << failures.saturating_sub(1).min(20));
        self.stretch(doubled.min(max.max(Duration::from_millis(1))), 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backoff_grows_stays_bounded_and_is_never_zero() {
        let jitter = Jitter::new(7);
        let (base, max) = (Duration::from_millis(100), Duration::from_secs(20));
        for failures in 0..40 {
            let wait = jitter.backoff(failures, base, max);
            assert!(wait >= base && wait <= max.mul_f64(1.5), "{failures}: {wait:?}");
        }
        assert!(jitter.backoff(1, base, max) < Duration::from_millis(151));
        assert!(jitter.backoff(0, Duration::ZERO, Duration::ZERO) > Duration::ZERO);
    }

    #[test]
    fn equal_seeds_give_equal_chance() {
        let (one, other) = (Jitter::new(1), Jitter::new(1));
        let draw = |jitter: &Jitter| (0..100).map(|_| jitter.unit()).collect::<Vec<_>>();
        let drawn = draw(&one);
        assert_eq!(drawn, draw(&other));
        assert!(drawn.iter().all(|unit| (0.0..1.0).contains(unit)));
        assert!(drawn.iter().any(|unit| *unit > 0.8) && drawn.iter().any(|unit| *unit < 0.2));
    }
}
