//! The one place that reads the wall clock. Records carry whole seconds in UTC, as the guides' samples do. Rate limits
//! take a span from it, since some of them outlive the process.

use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, Unit, Zoned};

/// Returns the time of a write, as records carry it.
pub(crate) fn now() -> String {
    let now = Timestamp::now();
    now.round(Unit::Second).unwrap_or(now).to_string()
}

/// Returns the time since the epoch, for spans that may outlive the process.
pub(crate) fn since_epoch() -> Duration {
    Duration::from_millis(Timestamp::now().as_millisecond().unsigned_abs())
}

/// Returns the time of a write without a word about the zone, to the microsecond; it is UTC.
pub(crate) fn naive_now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

/// Returns nine in the morning of a day as [`naive_now`] writes it.
pub(crate) fn naive_morning(date: Date) -> String {
    format!("{date}T09:00:00.000000")
}

/// Returns today's date where this machine stands.
pub(crate) fn today() -> Date {
    Zoned::now().date()
}

/// Returns nine in the morning of a day, as records carry it.
pub(crate) fn morning(date: Date) -> String {
    format!("{date}T09:00:00Z")
}
