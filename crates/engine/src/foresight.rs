//! When a pull will be done: by the pages that are left, the rate budget, and how fast it went so far.
//! A pull asks after each page, for its progress. It is a guess and decides nothing.

use std::time::Instant;
use tenure_connect::Connector;
use tenure_core::account::Kind;

/// What is known of the length of a pull.
pub(crate) struct Foresight {
    /// When its first page was asked for.
    pub began: Instant,
    /// Pages that came since.
    pub pages: u64,
    /// Accounts that the last complete pull met.
    pub expected: Option<u64>,
}

impl Foresight {
    /// Returns how many pages are left after one of so many rows.
    pub fn pages_left(&mut self, read: u64, rows: u64, total: Option<u64>) -> Option<u64> {
        self.pages += 1;
        let total = total.or(self.expected).filter(|_| rows > 0)?;
        Some(total.saturating_sub(read).div_ceil(rows))
    }

    /// Returns the seconds until so many more pages have come.
    pub fn seconds_left(&self, connector: &Connector, kind: Option<Kind>, left: u64) -> f64 {
        let as_before = self.began.elapsed().as_secs_f64() / self.pages.max(1) as f64 * left as f64;
        connector.forecast(kind, left).as_secs_f64().max(as_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_app_tells_goes_before_what_was_there_the_last_time() {
        let mut foresight = Foresight { began: Instant::now(), pages: 0, expected: Some(1_000) };
        assert_eq!(foresight.pages_left(100, 100, Some(250)), Some(2));
        assert_eq!(foresight.pages_left(200, 100, None), Some(8));
        foresight.expected = None;
        assert_eq!((foresight.pages_left(300, 100, None), foresight.pages), (None, 3));
    }
}
