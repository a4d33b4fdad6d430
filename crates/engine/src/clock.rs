//! The clock, handed to whatever must know the time. The one place of this room that reads it.
//! Tests hand in a clock of their own; `core` never sees one, only moments.

use futures::future::BoxFuture;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tenure_connect::transport::SystemClock;

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// Returns the clock of this machine.
    pub fn system() -> Self {
        Self(Arc::new(|| Timestamp::now().as_millisecond()))
    }

    /// Returns a clock that tells what `tell` says, in milliseconds since 1970, UTC.
    pub fn telling(tell: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Returns the moment in milliseconds since 1970, UTC.
    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }

    /// Returns the moment as RFC 3339 in UTC.
    pub fn now_text(&self) -> String {
        moment_text(self.now_ms())
    }
}

/// Connectors tell spans by the runtime's time and moments by this one.
impl tenure_connect::transport::Clock for Clock {
    fn now(&self) -> Instant {
        SystemClock.now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.now_ms().unsigned_abs())
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        SystemClock.sleep(wait)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// Writes milliseconds as RFC 3339 in UTC.
pub fn moment_text(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(|moment| moment.to_string()).unwrap_or_default()
}

/// Reads a moment as people write it: RFC 3339, with a zone's name as well; a time or a date (its first moment), both in
/// UTC; or `now`.
pub fn read_moment(text: &str, now_ms: i64) -> Option<i64> {
    if text == "now" {
        return Some(now_ms);
    }
    let moment = text.parse::<Timestamp>().or_else(|_| text.parse::<Zoned>().map(|zoned| zoned.timestamp()));
    if let Ok(moment) = moment {
        return Some(moment.as_millisecond());
    }
    // What names a zone that nobody knows is not read as if it named none.
    let civil = text.parse::<DateTime>().ok().filter(|_| !text.contains('['))?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// Says of a text that it is no moment, and what to write.
pub(crate) fn no_moment(text: &str) -> String {
    format!("{text:?} is no moment; such as 2026-12-31T17:00:00Z, 2026-12-31T17:00:00 or 2026-12-31 (both in UTC)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_first_moment_in_utc() {
        assert_eq!(read_moment("2026-11-24", 0), read_moment("2026-11-24T00:00:00Z", 0));
        assert_eq!(read_moment("now", 7), Some(7));
        assert_eq!(read_moment("yesterday", 0), None);
    }

    #[test]
    fn a_time_without_an_offset_is_read_in_utc_and_not_cut_to_its_day() {
        assert_eq!(read_moment("2026-11-24T23:00:00", 0), read_moment("2026-11-24T23:00:00Z", 0));
        assert_eq!(read_moment("2026-11-24 23:00", 0), read_moment("2026-11-24T23:00:00Z", 0));
        assert_eq!(read_moment("2026-11-24T23:00:00+01:00", 0), read_moment("2026-11-24T22:00:00Z", 0));
        assert_eq!(read_moment("2026-11-24T23:00:00[Europe/Berlin]", 0), read_moment("2026-11-24T22:00:00Z", 0));
        assert_eq!(read_moment("2026-11-24T23:00:00[Nowhere/At_All]", 0), None);
        assert_eq!(read_moment("2026-11-24T25:00:00", 0), None);
    }
}
