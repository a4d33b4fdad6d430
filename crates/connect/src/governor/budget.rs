//! Counts one window so that a server, wherever its windows begin, never sees more than it permits.
//! The governor asks when the next request may go and tells each answer; what the server says is used is taken in.
//! It counts a request from its sending until one window after its answer: the server received it in between, and
//! so no window of the server can hold more than the limit. A window that outlives the process is counted by the
//! ledger instead. It does not wait and does not know who asks.

use super::ledger::Ledger;
use super::limits::{Window, WindowKind, seconds};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A log holds at most so many entries; answers that lie closer together share one.
const ENTRIES: u32 = 1024;
/// The longest that a request is thought to be on its way, for windows that the ledger counts.
const LATE_MAX: Duration = Duration::from_secs(30);
/// Windows up to this length are over before anybody would note what was spent of them.
const PASSING: Duration = Duration::from_secs(2);
/// Below this many requests a window, a share is kept by shorter windows instead of by rounding down.
const FEW: f64 = 10.0;

/// When the next request may go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Ready {
    /// Now.
    Now,
    /// Not before this moment.
    At(Instant),
    /// Not before another one is answered.
    AfterAnswer,
}

/// Our own part in what a server counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    /// Requests that can have been in the server's window when it counted.
    pub counted: u64,
    /// Requests that are on their way now.
    pub open: u64,
}

/// One window of the tenant, and our share of it.
#[derive(Debug)]
pub(super) struct Budget {
    window: Window,
    share: f64,
    /// The most that we may use of a window, where the operator says so.
    cap: Option<f64>,
    /// What everybody may use together.
    all: Counter,
    /// What we may use of it, where that is less.
    ours: Option<Counter>,
    /// What the ledger says of it, where it outlives the process: when that was, what was spent how long before.
    kept: Option<(Instant, Vec<(Duration, u64)>)>,
}

impl Budget {
    pub fn new(window: Window, share: f64, cap: Option<f64>, now: Instant) -> Self {
        let mut budget = Self { window, share, cap, all: Counter::new(now), ours: None, kept: None };
        budget.resize(now);
        budget
    }

    pub fn window(&self) -> Window {
        self.window
    }

    /// Returns the budget as one whose requests the ledger counts, if its window is a long one.
    pub fn outliving(mut self, now: Instant) -> Self {
        self.kept = self.window.is_long().then(|| (now, Vec::new()));
        self
    }

    /// Tells whether the ledger counts its requests.
    pub fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Takes in what the ledger holds at `now`, by the calendar `now_ms`.
    pub fn take_in(&mut self, ledger: &Ledger, now: Instant, now_ms: i64) {
        if self.kept.is_none() {
            return;
        }
        let age = |at_ms: i64| Duration::from_millis(u64::try_from(now_ms.saturating_sub(at_ms)).unwrap_or(0));
        let spent = ledger.spent.iter().map(|(at_ms, cost)| (age(*at_ms), *cost)).collect();
        self.kept = Some((now, spent));
        self.recount();
    }

    fn recount(&mut self) {
        let Some((at, spent)) = &self.kept else { return };
        std::iter::once(&mut self.all).chain(self.ours.as_mut()).for_each(|counter| counter.take_in(*at, spent));
    }

    /// Returns what others used of the window, whatever was used before our first answer left out.
    pub fn used_by_others(&self) -> u64 {
        self.all.others.saturating_sub(self.all.before)
    }

    /// Tells when `cost` more may go while `open` are on their way.
    pub fn ready(&mut self, now: Instant, open: u64, cost: u64) -> Ready {
        let all = self.all.ready(now, open, cost);
        self.ours.as_mut().map_or(all, |ours| all.max(ours.ready(now, open, cost)))
    }

    /// Counts an answer that came at `at`.
    pub fn answered(&mut self, at: Instant, now: Instant, cost: u64) {
        if self.is_kept() {
            return;
        }
        self.all.answered(at, now, cost);
        if let Some(ours) = &mut self.ours {
            ours.answered(at, now, cost);
        }
    }

    /// Returns how long what was sent last counts, in a window that is too short to be kept.
    pub fn passes_in(&self, now: Instant) -> Option<Duration> {
        let last = self.all.log.back().filter(|_| self.window.per <= PASSING)?.last;
        Some((last + self.all.per).saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Returns how many of our own requests the server can have counted in one window by now, apart from those on
    /// their way.
    pub fn own(&self) -> u64 {
        self.all.logged + self.all.spent.iter().map(|(_, cost)| cost).sum::<u64>()
    }

    /// Takes in that the server counted `used` in its window when at most `own` of ours can have been in it.
    /// The window rolls over at `reset` from now, if the server tells.
    pub fn seen(&mut self, now: Instant, own: Own, used: u64, reset: Option<Duration>) {
        self.all.seen(now, own, used, reset);
    }

    /// Takes in another limit or another share.
    pub fn change(&mut self, count: u32, share: f64, now: Instant) {
        if count == self.window.count && share == self.share {
            return;
        }
        if let WindowKind::LeakyBucket { drain } = &mut self.window.kind {
            *drain *= f64::from(count.max(1)) / f64::from(self.window.count.max(1));
        }
        self.window.count = count;
        self.share = share;
        self.resize(now);
    }

    fn resize(&mut self, now: Instant) {
        let Window { count, per, kind } = self.window;
        let count = f64::from(count.max(1));
        // The ledger is written before the sending, up to so much before the server counts.
        let late = if self.is_kept() { (per / 120).min(LATE_MAX) } else { Duration::ZERO };
        let margin = per / 1000 + Duration::from_millis(1) + late;
        let drain = match kind {
            WindowKind::LeakyBucket { drain } => Some(drain.max(1e-6)),
            WindowKind::Fixed | WindowKind::Rolling => None,
        };
        self.all.set(count, per + margin, drain);
        let part = self.cap.map_or(count * self.share, |cap| cap.min(count * self.share)).max(1e-6);
        if part >= count {
            self.ours = None;
            return;
        }
        let allowed = part.floor().max(1.0);
        let shortened = if part < FEW { per.mul_f64(allowed / part) } else { per };
        let ours = self.ours.get_or_insert_with(|| Counter::new(now));
        ours.set(allowed, shortened + margin, drain.map(|drain| drain * part / count));
        self.recount();
    }

    /// Returns how long it takes at least until `requests` more may have gone.
    pub fn forecast(&mut self, now: Instant, open: u64, requests: u64) -> Duration {
        let kept = self.is_kept() && requests > 0;
        let counters = std::iter::once(&mut self.all).chain(self.ours.as_mut());
        let forecast = |counter: &mut Counter| match kept {
            true => {
                counter.forget_the_past(now);
                counter.forecast_kept(now, open, requests)
            }
            false => counter.forecast(now, open, requests),
        };
        counters.map(forecast).fold(Duration::ZERO, Duration::max)
    }
}

/// Counts requests in a log of their answers, or as the level of a bucket.
#[derive(Debug)]
struct Counter {
    allowed: f64,
    per: Duration,
    drain: Option<f64>,
    log: VecDeque<Entry>,
    logged: u64,
    level: f64,
    level_at: Instant,
    /// What others use at least, and until when that is known.
    others: u64,
    others_until: Instant,
    /// What of it was used before our first answer.
    before: u64,
    heard: bool,
    /// What the ledger holds: until when it counts, and how much.
    spent: VecDeque<(Instant, u64)>,
}

#[derive(Debug)]
struct Entry {
    first: Instant,
    last: Instant,
    cost: u64,
}

impl Counter {
    fn new(now: Instant) -> Self {
        Self {
            allowed: 1.0,
            per: Duration::ZERO,
            drain: None,
            log: VecDeque::new(),
            logged: 0,
            level: 0.0,
            level_at: now,
            others: 0,
            others_until: now,
            before: 0,
            heard: false,
            spent: VecDeque::new(),
        }
    }

    fn set(&mut self, allowed: f64, per: Duration, drain: Option<f64>) {
        self.allowed = allowed;
        self.per = per;
        self.drain = drain;
    }

    fn take_in(&mut self, at: Instant, spent: &[(Duration, u64)]) {
        let counts = |(age, cost): &(Duration, u64)| Some((at + self.per.checked_sub(*age)?, *cost));
        self.spent = spent.iter().filter_map(counts).collect();
    }

    fn forget_the_past(&mut self, now: Instant) {
        while self.spent.front().is_some_and(|(until, _)| *until <= now) {
            self.spent.pop_front();
        }
        while let Some(entry) = self.log.front().filter(|entry| entry.last + self.per <= now) {
            self.logged -= entry.cost;
            self.log.pop_front();
        }
        if now >= self.others_until {
            (self.others, self.before) = (0, 0);
        }
        if let Some(drain) = self.drain {
            let passed = now.saturating_duration_since(self.level_at).as_secs_f64();
            self.level = (self.level - passed * drain * 0.999).max(0.0);
        }
        self.level_at = self.level_at.max(now);
    }

    /// Returns what is used, apart from what is on its way.
    fn used(&self) -> f64 {
        // Others who were seen go on while our next request is on its way.
        let reserve = if self.others > 0 { self.others / 10 + 2 } else { 0 };
        if self.drain.is_some() { self.level } else { (self.logged + self.kept() + self.others + reserve) as f64 }
    }

    fn kept(&self) -> u64 {
        self.spent.iter().map(|(_, cost)| cost).sum()
    }

    fn ready(&mut self, now: Instant, open: u64, cost: u64) -> Ready {
        self.forget_the_past(now);
        // A request that costs more than a whole window goes alone.
        let cost = (cost as f64).min(self.allowed);
        let mut excess = self.used() + open as f64 + cost - self.allowed;
        if excess <= 1e-9 {
            return Ready::Now;
        }
        if open as f64 + cost > self.allowed {
            return Ready::AfterAnswer;
        }
        if let Some(drain) = self.drain {
            return Ready::At(now + seconds(excess / (drain * 0.999)) + Duration::from_millis(1));
        }
        let first = self.passing().next();
        if self.others > 0 && first.is_none_or(|(until, _)| until >= self.others_until) {
            return Ready::At(self.others_until);
        }
        for (until, cost) in self.passing() {
            excess -= cost as f64;
            if excess <= 1e-9 {
                return Ready::At(until);
            }
        }
        if self.others_until > now { Ready::At(self.others_until) } else { Ready::AfterAnswer }
    }

    /// Lists when how much of what is counted passes, soonest first; a counter has a log or what the ledger holds.
    fn passing(&self) -> impl Iterator<Item = (Instant, u64)> {
        let logged = self.log.iter().map(|entry| (entry.last + self.per, entry.cost));
        logged.chain(self.spent.iter().copied())
    }

    fn answered(&mut self, at: Instant, now: Instant, cost: u64) {
        self.forget_the_past(now);
        if let Some(drain) = self.drain {
            let passed = now.saturating_duration_since(at).as_secs_f64();
            self.level += (cost as f64 - passed * drain).max(0.0);
            return;
        }
        self.logged += cost;
        let near = self.per / ENTRIES;
        match self.log.back_mut() {
            // Answers may be told out of order; counting one longer than needed is safe, shorter is not.
            Some(entry) if at <= entry.last || at.saturating_duration_since(entry.first) <= near => {
                entry.last = entry.last.max(at);
                entry.cost += cost;
            }
            _ => self.log.push_back(Entry { first: at, last: at, cost }),
        }
    }

    fn seen(&mut self, now: Instant, own: Own, used: u64, reset: Option<Duration>) {
        self.forget_the_past(now);
        let first = !std::mem::replace(&mut self.heard, true);
        if self.drain.is_some() {
            self.pour(now, own, used, first);
            return;
        }
        if used < self.others {
            // The server has begun a new window: what others used in the old one is over.
            (self.others, self.before) = (0, 0);
        }
        let unexplained = used.saturating_sub(own.counted);
        if first {
            self.before = unexplained;
        }
        if unexplained > self.others {
            self.others = unexplained;
            // A moment told in whole seconds may be up to one early.
            let rolls = reset.map_or(self.per, |reset| (reset + Duration::from_secs(1)).min(self.per));
            self.others_until = now + rolls;
        }
    }

    /// Raises the level to what the server says; what that is above our own, somebody else has poured in.
    fn pour(&mut self, now: Instant, own: Own, used: u64, first: bool) {
        // Our level has run out a little since the server looked, and both are rounded.
        let unexplained = used.saturating_sub(own.open + 2 + self.level.ceil() as u64);
        if !first && unexplained > 0 {
            if self.others == 0 {
                self.others_until = now + self.per;
            }
            self.others += unexplained;
        }
        self.level = self.level.max(used.saturating_sub(own.open) as f64);
    }

    /// Returns when the last of so many requests can go where the ledger counts: what passed makes room, and what
    /// is sent then makes room again a window later.
    fn forecast_kept(&self, now: Instant, open: u64, requests: u64) -> Duration {
        let allowed = (self.allowed as u64).max(1);
        let rounds = requests.saturating_sub(1) / allowed;
        let mut excess = self.used() + open as f64 + (requests - rounds * allowed) as f64 - self.allowed;
        let mut wait = Duration::ZERO;
        for (until, cost) in self.passing() {
            if excess <= 1e-9 {
                break;
            }
            excess -= cost as f64;
            wait = until.saturating_duration_since(now);
        }
        wait + self.per.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    fn forecast(&mut self, now: Instant, open: u64, requests: u64) -> Duration {
        self.forget_the_past(now);
        let free = (self.allowed - self.used() - open as f64).max(0.0);
        let rate = self.drain.unwrap_or(self.allowed / self.per.as_secs_f64().max(1e-6));
        seconds((requests as f64 - free) / rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_window_begins_at_the_answer_not_at_the_sending() {
        let start = Instant::now();
        let mut budget = Budget::new(Window::fixed(2, SECOND), 1.0, None, start);
        assert_eq!(budget.ready(start, 0, 1), Ready::Now);
        assert_eq!(budget.ready(start, 1, 1), Ready::Now);
        assert_eq!(budget.ready(start, 2, 1), Ready::AfterAnswer);
        let answered = start + Duration::from_millis(300);
        budget.answered(answered, answered, 1);
        budget.answered(answered, answered, 1);
        assert_eq!(budget.ready(answered, 0, 1), Ready::At(answered + SECOND + Duration::from_millis(2)));
        assert_eq!(budget.ready(answered + SECOND + Duration::from_millis(2), 0, 2), Ready::Now);
    }

    #[test]
    fn what_others_use_is_left_to_them_until_the_window_rolls() {
        let start = Instant::now();
        let mut budget = Budget::new(Window::fixed(10, SECOND * 60), 1.0, None, start);
        budget.answered(start, start, 1);
        budget.seen(start, Own { counted: 1, open: 0 }, 7, Some(SECOND * 20));
        assert_eq!(budget.ready(start, 0, 1), Ready::Now);
        assert_eq!(budget.ready(start, 0, 2), Ready::At(start + SECOND * 21), "two are kept in reserve");
        let later = start + SECOND * 21;
        assert_eq!(budget.ready(later, 0, 9), Ready::Now);
    }

    #[test]
    fn our_own_requests_are_not_taken_for_those_of_others() {
        let start = Instant::now();
        let mut budget = Budget::new(Window::fixed(10, SECOND), 1.0, None, start);
        for used in 1..=10 {
            budget.answered(start, start, 1);
            budget.seen(start, Own { counted: 10, open: 10 - used }, used, None);
        }
        assert_eq!(budget.all.others, 0);
    }

    #[test]
    fn a_share_of_a_small_window_is_kept_by_time() {
        let start = Instant::now();
        let mut budget = Budget::new(Window::fixed(2, SECOND), 0.8, None, start);
        budget.answered(start, start, 1);
        assert_eq!(budget.ready(start, 0, 1), Ready::At(start + Duration::from_millis(627)));
        let mut eight = Budget::new(Window::fixed(10, SECOND), 0.8, None, start);
        eight.answered(start, start, 8);
        assert!(matches!(eight.ready(start, 0, 1), Ready::At(_)));
    }

    #[test]
    fn a_bucket_runs_out_evenly() {
        let start = Instant::now();
        let mut budget = Budget::new(Window::leaky(40, SECOND * 20), 1.0, None, start);
        budget.answered(start, start, 40);
        let Ready::At(moment) = budget.ready(start, 0, 1) else { panic!("a full bucket") };
        let wait = moment - start;
        assert!(wait >= SECOND / 2 && wait < SECOND * 51 / 100, "{wait:?}");
        budget.seen(start, Own { counted: 40, open: 0 }, 40, None);
        assert!(matches!(budget.ready(start + SECOND * 10, 0, 19), Ready::Now));
        assert!(matches!(budget.ready(start + SECOND * 10, 0, 22), Ready::At(_)));
    }

    #[test]
    fn a_request_dearer_than_a_window_goes_alone_and_a_long_log_stays_short() {
        let start = Instant::now();
        let mut budget = Budget::new(Window::fixed(3, SECOND), 1.0, None, start);
        assert_eq!(budget.ready(start, 0, 50), Ready::Now);
        let mut daily = Budget::new(Window::fixed(50_000, SECOND * 86_400), 1.0, None, start);
        for second in 0..40_000 {
            let now = start + SECOND * second;
            daily.answered(now, now, 1);
        }
        assert!(daily.all.log.len() <= 1100, "{}", daily.all.log.len());
        assert_eq!(daily.all.logged, 40_000);
    }
}
