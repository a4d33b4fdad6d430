//! What one window of the tenant means for whoever sends: rules that the ledger can keep.
//! Published windows, learned counts and our share go in; rules come out, one for what everybody may use together and
//! one for our part of it, where that is less. It counts nothing and knows no moment.

use super::limits::{Window, WindowKind};
use std::time::Duration;

/// Below this many requests a window, a share is kept by shorter windows instead of by rounding down.
const FEW: f64 = 10.0;
/// A window up to this length is over before somebody urgent has waited for long.
const SHORT: Duration = Duration::from_millis(2_500);
/// What urgent requests find of a long window, whatever others have used of it.
const RESERVE: f64 = 0.02;
/// Requests of a bucket are told when they go, not when they arrive: what may come together by that.
const JITTER: Duration = Duration::from_millis(500);

/// One window of the tenant, and our share of it.
#[derive(Debug)]
pub(super) struct Budget {
    window: Window,
    share: f64,
    /// The most that we may use of a window, where the operator says so.
    cap: Option<f64>,
}

/// So many requests within so long, at any moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    /// The place of its window among those of its scope.
    pub(super) window: usize,
    /// The length of the window, by which it is known.
    pub(super) span_ms: i64,
    /// How long a request counts after its answer.
    pub(super) counts_ms: i64,
    /// How many may count at once.
    pub(super) allowed: f64,
    /// How many of them requests that can wait may use at once; the rest they use evenly over the window.
    pub(super) burst: f64,
    /// How many of them are left, because some may arrive together that went one after the other.
    pub(super) late: f64,
    /// How many of them are there for urgent requests only.
    pub(super) reserve: f64,
    /// A bucket that runs out by so many a second.
    pub(super) drain: Option<f64>,
    /// Whether what others use counts as well.
    pub(super) everybody: bool,
    /// Whether it is longer than a process lives.
    pub(super) long: bool,
}

impl Budget {
    pub fn new(window: Window, share: f64, cap: Option<f64>) -> Self {
        Self { window, share, cap }
    }

    pub fn window(&self) -> Window {
        self.window
    }

    /// Takes in another limit or another share.
    pub fn change(&mut self, count: u32, share: f64) {
        if let WindowKind::LeakyBucket { drain } = &mut self.window.kind {
            *drain *= f64::from(count.max(1)) / f64::from(self.window.count.max(1));
        }
        self.window.count = count;
        self.share = share;
    }

    /// Lists its rules; `at` is its place among the windows of its scope.
    pub fn rules(&self, at: usize) -> impl Iterator<Item = Rule> {
        let Window { count, per, kind } = self.window;
        let count = f64::from(count.max(1));
        let drain = match kind {
            WindowKind::LeakyBucket { drain } => Some(drain.max(1e-6)),
            WindowKind::Fixed | WindowKind::Rolling => None,
        };
        let all = self.rule(at, count, per, drain, true);
        let part = self.cap.map_or(count * self.share, |cap| cap.min(count * self.share)).max(1e-6);
        let ours = (part < count).then(|| {
            let allowed = part.floor().max(1.0);
            let shortened = if part < FEW { per.mul_f64(allowed / part) } else { per };
            self.rule(at, allowed, shortened, drain.map(|drain| drain * part / count), false)
        });
        std::iter::once(all).chain(ours)
    }

    fn rule(&self, window: usize, allowed: f64, per: Duration, drain: Option<f64>, everybody: bool) -> Rule {
        let long = self.window.is_long();
        let spread = !long && per > SHORT && drain.is_none() && allowed >= 4.0;
        let jitter = drain.map_or(0.0, |drain| (1.0 + drain * JITTER.as_secs_f64()).min(allowed / 2.0));
        Rule {
            window,
            span_ms: ms_up(self.window.per),
            counts_ms: ms_up(per + per / 1000).saturating_add(1),
            allowed,
            late: jitter,
            burst: if spread { (allowed / 2.0).floor() } else { allowed },
            reserve: if long { (allowed * RESERVE).floor() } else { 0.0 },
            drain: drain.map(|drain| drain * 0.999),
            everybody,
            long,
        }
    }
}

impl Rule {
    /// Returns the requests a second that it permits in the long run.
    pub(super) fn per_second(&self) -> f64 {
        self.drain.unwrap_or(self.allowed * 1000.0 / self.counts_ms.max(1) as f64)
    }
}

/// Returns whole milliseconds, rounded up.
pub(super) fn ms_up(span: Duration) -> i64 {
    i64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX / 4)
}
