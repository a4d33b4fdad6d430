//! The one place that reads the wall clock. Records carry whole seconds in UTC, as the guides' samples do. Rate limits
//! take a span from it, since some of them outlive the process. A simulation gives a thread a calendar of its own.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use jiff::civil::Date;
use jiff::{Timestamp, Unit, Zoned};

thread_local! {
    /// The moment that this thread's calendar began with, and when that was by the runtime's time.
    static CALENDAR: Cell<Option<(Timestamp, Instant)>> = const { Cell::new(None) };
}

/// Lets this thread's calendar begin with a moment and go on with the runtime's time, which may be paused.
pub(crate) fn begin_with(moment: Timestamp) {
    CALENDAR.set(Some((moment, Instant::now())));
}

fn moment() -> Timestamp {
    let own = CALENDAR.get().and_then(|(moment, began)| moment.checked_add(began.elapsed()).ok());
    own.unwrap_or_else(Timestamp::now)
}

/// Returns the time of a write, as records carry it.
pub(crate) fn now() -> String {
    let now = moment();
    now.round(Unit::Second).unwrap_or(now).to_string()
}

/// Returns the time since the epoch, for spans that may outlive the process.
pub(crate) fn since_epoch() -> Duration {
    Duration::from_millis(moment().as_millisecond().unsigned_abs())
}

/// Returns the time of a write without a word about the zone, to the microsecond; it is UTC.
pub(crate) fn naive_now() -> String {
    moment().strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
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
