//! What a tenant permits: windows, open requests, limits of some paths only, and the share that is ours.
//! Connectors fill it from the manifest and the operator's configuration; the governor keeps to it.
//! It counts nothing itself.

use std::time::Duration;

/// What a tenant permits.
#[derive(Clone, PartialEq, Debug)]
pub struct Limits {
    /// The windows that every request counts in.
    pub windows: Vec<Window>,
    /// Requests that may be open at the same time.
    pub concurrent_max: u32,
    /// Limits of some paths only, on top of the windows.
    pub sub: Vec<SubLimit>,
    /// The share of the budget that may be used, above 0 and up to 1; the rest is left to other integrations.
    pub share: f64,
    /// Whether the headers of answers are believed.
    pub learn: Learn,
    /// The longest wait that a server may impose.
    pub retry_after_max: Duration,
    /// Requests that may wait at the same time.
    pub queue_max: usize,
    /// The longest that one request may wait for its turn.
    pub wait_max: Duration,
    /// The longest window in which requests count beyond this process, in whatever dialect of the app.
    pub kept: Duration,
}

/// Requests that may be open at the same time where nobody says: as many as steps of one connection are under way at most.
pub const CONCURRENT_USUAL: u32 = 16;

impl Default for Limits {
    fn default() -> Self {
        Self {
            windows: Vec::new(),
            concurrent_max: CONCURRENT_USUAL,
            sub: Vec::new(),
            share: 1.0,
            learn: Learn::Headers,
            retry_after_max: Duration::from_secs(86_400),
            queue_max: 10_000,
            wait_max: Duration::from_secs(3600),
            kept: Duration::ZERO,
        }
    }
}

impl Limits {
    /// Returns limits with these windows and otherwise the defaults.
    pub fn of(windows: Vec<Window>) -> Self {
        let kept = longest(&windows);
        Self { windows, kept, ..Self::default() }
    }

    /// Returns the share as it is used: a value that makes no sense counts as 1.
    pub fn usable_share(&self) -> f64 {
        if self.share > 0.0 && self.share <= 1.0 { self.share } else { 1.0 }
    }

    /// Returns the requests a second that our share allows in the long run; `None` where nothing limits.
    pub fn per_second(&self) -> Option<f64> {
        self.windows.iter().map(Window::per_second).reduce(f64::min).map(|rate| rate * self.usable_share())
    }

    /// Returns the least time in which this many requests are permitted in the long run.
    pub fn floor(&self, requests: u64) -> Duration {
        self.per_second().map_or(Duration::ZERO, |rate| seconds(requests as f64 / rate))
    }
}

/// So many requests in so much time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Window {
    /// How many.
    pub count: u32,
    /// In how much time.
    pub per: Duration,
    /// How the server counts.
    pub kind: WindowKind,
}

/// How a server counts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum WindowKind {
    /// From zero again at each window, wherever its windows begin.
    Fixed,
    /// What lies within the last window, at any moment.
    Rolling,
    /// A bucket of `count` that runs out by so many a second.
    LeakyBucket {
        /// Requests that leave the bucket each second.
        drain: f64,
    },
}

impl Window {
    /// Returns a fixed window.
    pub fn fixed(count: u32, per: Duration) -> Self {
        Self { count, per, kind: WindowKind::Fixed }
    }

    /// Returns a rolling window.
    pub fn rolling(count: u32, per: Duration) -> Self {
        Self { count, per, kind: WindowKind::Rolling }
    }

    /// Returns a bucket that takes `count` and runs out within `per`.
    pub fn leaky(count: u32, per: Duration) -> Self {
        let drain = f64::from(count.max(1)) / per.as_secs_f64().max(0.001);
        Self { count, per, kind: WindowKind::LeakyBucket { drain } }
    }

    /// Tells whether it is longer than a process may live.
    pub fn is_long(&self) -> bool {
        self.per > super::ledger::LONG && !matches!(self.kind, WindowKind::LeakyBucket { .. })
    }

    /// Returns the requests a second that it permits in the long run.
    pub fn per_second(&self) -> f64 {
        match self.kind {
            WindowKind::LeakyBucket { drain } if drain > 0.0 => drain,
            _ => f64::from(self.count.max(1)) / self.per.as_secs_f64().max(0.001),
        }
    }
}

/// A limit of some paths only.
#[derive(Clone, PartialEq, Debug)]
pub struct SubLimit {
    /// How people call it.
    pub name: String,
    /// The requests that count in it.
    pub covers: Covers,
    /// Its windows.
    pub windows: Vec<Window>,
}

/// Which requests count in a limit, by their label.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Covers {
    /// This label alone: a list, and not the records under it.
    Exactly(String),
    /// This label and whatever lies under it.
    Under(String),
}

impl Covers {
    /// Tells whether a request with this label counts.
    pub fn includes(&self, label: &str) -> bool {
        match self {
            Self::Exactly(path) => label == path,
            Self::Under(path) => label
                .strip_prefix(path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || path.ends_with('/')),
        }
    }
}

/// Whether the headers of answers are believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Learn {
    /// They are, in whatever family they come; where they tell a limit without its window, they speak of the first
    /// window.
    #[default]
    Headers,
    /// They are, but never to use more than the windows say: the operator chose these. A limit that is told without its
    /// window is that of one that is not known, and changes none of them.
    Capped,
    /// Only `Retry-After` is.
    Nothing,
}

/// Returns the longest of the windows that outlive a process; zero where none does.
pub(crate) fn longest(windows: &[Window]) -> Duration {
    windows.iter().filter(|window| window.is_long()).map(|window| window.per).max().unwrap_or_default()
}

/// Returns a duration of so many seconds, whatever the number.
pub(super) fn seconds(seconds: f64) -> Duration {
    if seconds.is_nan() || seconds <= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(seconds.min(1e9)) }
}
