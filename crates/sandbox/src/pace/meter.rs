//! The shapes of a rate limit: a window that begins with the first request in it or with the clock's, and a bucket that
//! leaks. A rule
//! reads one before a request and counts the request afterwards. Time is passed in, so that hours can pass in a test;
//! which limit is whose it does not know.

use std::time::Duration;

/// What a meter says about now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub limit: u32,
    pub used: u32,
    /// How long until a full meter lets the next request through, or an open window ends.
    pub reset: Duration,
}

impl Reading {
    /// Says whether a request of this cost does not fit any more.
    pub fn lacks(self, cost: u32) -> bool {
        self.remaining() < cost
    }

    pub fn remaining(self) -> u32 {
        self.limit.saturating_sub(self.used)
    }

    /// Returns the reset in whole seconds, rounded up, at least one.
    pub fn reset_seconds(self) -> u64 {
        self.reset.as_millis().div_ceil(1000).max(1) as u64
    }
}

/// When a window begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With the first request in it.
    Request,
    /// With the clock's hour, day or minute in UTC, whoever asks when.
    Clock,
}

/// How full a limit is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meter {
    Window { limit: u32, span: Duration, start: Start, began: Duration, used: u32 },
    Bucket { limit: u32, span: Duration, level: f64, at: Duration },
}

impl Meter {
    pub fn window(limit: u32, span: Duration, start: Start) -> Self {
        Meter::Window { limit, span, start, began: Duration::ZERO, used: 0 }
    }

    /// Returns a bucket that holds `limit` requests and empties itself in `span`.
    pub fn bucket(limit: u32, span: Duration) -> Self {
        Meter::Bucket { limit, span, level: 0.0, at: Duration::ZERO }
    }

    /// Lets time pass and returns what the meter says; the times are spans since one fixed moment.
    pub fn read(&mut self, now: Duration) -> Reading {
        match self {
            Meter::Window { limit, span, start, began, used } => {
                if *used == 0 || now >= *began + *span {
                    let since_tick = Duration::from_secs(now.as_secs() % span.as_secs());
                    let tick = Duration::from_secs(now.as_secs()) - since_tick;
                    *began = if *start == Start::Clock { tick } else { now };
                    *used = 0;
                }
                Reading { limit: *limit, used: *used, reset: (*began + *span).saturating_sub(now) }
            }
            Meter::Bucket { limit, span, level, at } => {
                let per_second = f64::from(*limit) / span.as_secs_f64();
                *level = (*level - now.saturating_sub(*at).as_secs_f64() * per_second).max(0.0);
                *at = now;
                let over = (*level + 1.0 - f64::from(*limit)).max(0.0);
                // A request fits as long as the level does not rise above the rim with it; the hair is for rounding.
                let used = if over > 1e-6 { *limit } else { (level.ceil() as u32).min(*limit - 1) };
                Reading { limit: *limit, used, reset: Duration::from_secs_f64(over / per_second) }
            }
        }
    }

    /// Counts a request at its cost; the meter must have been read at the same time.
    pub fn count(&mut self, cost: u32) {
        match self {
            Meter::Window { used, .. } => *used += cost,
            Meter::Bucket { level, .. } => *level += f64::from(cost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(meter: &mut Meter, now: Duration) -> u32 {
        let mut served = 0;
        while !meter.read(now).lacks(1) {
            meter.count(1);
            served += 1;
        }
        served
    }

    #[test]
    fn a_window_begins_with_the_first_request_in_it() {
        let mut meter = Meter::window(10, Duration::from_secs(1), Start::Request);
        let at = |ms: u64| Duration::from_millis(7_000 + ms);
        assert_eq!(served(&mut meter, at(0)), 10);
        assert_eq!((served(&mut meter, at(999)), meter.read(at(999)).reset_seconds()), (0, 1));
        assert_eq!((served(&mut meter, at(3400)), served(&mut meter, at(4300))), (10, 0));
    }

    #[test]
    fn a_window_of_the_clock_begins_with_the_hour() {
        let mut meter = Meter::window(5, Duration::from_secs(3600), Start::Clock);
        let at = |minutes: u64| Duration::from_secs(100 * 3600 + minutes * 60);
        assert_eq!((served(&mut meter, at(50)), meter.read(at(50)).reset), (5, Duration::from_secs(600)));
        assert_eq!((served(&mut meter, at(59)), served(&mut meter, at(60))), (0, 5));
    }

    #[test]
    fn a_bucket_takes_a_burst_and_then_what_leaks_out() {
        let mut meter = Meter::bucket(40, Duration::from_secs(20));
        let at = |ms: u64| Duration::from_millis(7_000 + ms);
        assert_eq!(served(&mut meter, at(0)), 40);
        assert_eq!(meter.read(at(0)).reset, Duration::from_millis(500));
        assert_eq!((served(&mut meter, at(400)), served(&mut meter, at(500))), (0, 1));
        assert_eq!((served(&mut meter, at(5500)), served(&mut meter, at(60_000))), (10, 40));
    }
}
