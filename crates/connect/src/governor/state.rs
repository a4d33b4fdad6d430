//! Everything that one governor knows, and the decisions that it takes from it, at a moment that is handed in.
//! `permit` locks it, asks it and waits as it says; answers change it.
//! It neither waits nor reads a clock, so that every decision can be tried at any moment.

use super::backoff::Jitter;
use super::budget::{Budget, Own, Ready};
use super::learn::Told;
use super::ledger::{Keeper, Ledger, Quiet};
use super::limits::{Covers, Learn, Limits};
use super::queue::{Queue, Rank, Waiter};
use super::retry_after::RetryAfter;
use super::rival::Rival;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

const WINDOWS_MAX: usize = 6;
/// A limit so many times the published one is that of another, longer window.
const BELIEVABLE: u64 = 20;
const PRESSURE_MIN: f64 = 0.25;
const CALM: Duration = Duration::from_secs(10);
const BACKOFF_BASE: Duration = Duration::from_secs(1);
/// Without a usable word of the server nobody waits longer.
const BACKOFF_MAX: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct State {
    pub limits: Limits,
    pub queue: Queue,
    pub main: Scope,
    pub subs: Vec<(Covers, Scope)>,
    /// What all processes have spent, as far as it is known here, and who keeps it.
    pub ledger: Ledger,
    pub keeper: Option<Arc<dyn Keeper>>,
    requests_open: u32,
    /// What was let go and is not in the ledger yet.
    pub unkept: u64,
    /// What the tenant asked for and is not in the ledger yet.
    pub quiet: Vec<Quiet>,
    /// Whoever else uses the budget, and when that was seen last.
    pub rival: Option<(Rival, Instant)>,
    /// The cost of everything that was ever sent.
    sent: u64,
    /// Whether an answer has told what the tenant permits; until then requests go one at a time.
    heard: bool,
    /// Lowered by each refusal, raised again in calm: others eat what the headers do not tell.
    pressure: f64,
    changed_pressure: Instant,
    pub answers: u64,
    pub throttled: u64,
    pub waited: Duration,
}

/// Limits that count the same requests.
#[derive(Debug)]
pub(super) struct Scope {
    pub budgets: Vec<Budget>,
    open: u64,
    pub blocked: Option<Block>,
    /// Why nothing goes.
    pub because: String,
    refusals: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub since: Instant,
    pub until: Instant,
}

/// What an admitted request occupies.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub cost: u64,
    pub subs: Vec<usize>,
    pub sent_at: Instant,
    /// For each window: how many of ours the server can have counted when this one was sent.
    own: Vec<u64>,
    /// How much had been sent by then in all.
    sent: u64,
}

impl Scope {
    fn new(budgets: Vec<Budget>) -> Self {
        Self { budgets, open: 0, blocked: None, because: String::new(), refusals: 0 }
    }

    /// Tells when a request may go; of what the ledger counts, only what is not in it yet is on its way.
    pub fn ready(&mut self, now: Instant, unkept: u64, cost: u64) -> Ready {
        let blocked = self.blocked.filter(|block| block.until > now).map_or(Ready::Now, |block| Ready::At(block.until));
        let open = self.open;
        let under_way = |budget: &Budget| if budget.is_kept() { unkept } else { open };
        self.budgets.iter_mut().map(|budget| budget.ready(now, under_way(budget), cost)).fold(blocked, Ready::max)
    }

    fn forecast(&mut self, now: Instant, unkept: u64, requests: u64) -> Duration {
        let open = self.open;
        let blocked = self.blocked.map_or(Duration::ZERO, |block| block.until.saturating_duration_since(now));
        let under_way = |budget: &Budget| if budget.is_kept() { unkept } else { open };
        self.budgets
            .iter_mut()
            .map(|budget| budget.forecast(now, under_way(budget), requests))
            .fold(blocked, Duration::max)
    }

    fn answered(&mut self, at: Instant, now: Instant, cost: u64) {
        self.budgets.iter_mut().for_each(|budget| budget.answered(at, now, cost));
    }

    /// Blocks after a refusal of a request that was sent at `sent_at`. Refusals of requests that were on their way
    /// when the block began are the same refusal.
    fn refused(&mut self, now: Instant, sent_at: Instant, wait: impl FnOnce(u32) -> Duration) -> (Duration, bool) {
        let another = self.blocked.is_none_or(|block| sent_at > block.since);
        if another {
            self.refusals = self.refusals.saturating_add(1);
        }
        let wait = wait(self.refusals);
        let before = self.blocked;
        let until = before.map_or(now + wait, |block| block.until.max(now + wait));
        let since = before.filter(|_| !another).map_or(now, |block| block.since);
        self.blocked = Some(Block { since, until });
        (until - now, another)
    }
}

/// Tells when a request may go as far as the limits of its own paths are concerned.
fn own_ready(subs: &mut [(Covers, Scope)], now: Instant, waiter: &Waiter) -> Ready {
    waiter.subs.iter().map(|at| subs[*at].1.ready(now, 0, waiter.cost)).fold(Ready::Now, Ready::max)
}

impl State {
    pub fn new(limits: Limits, now: Instant) -> Self {
        let share = limits.usable_share();
        let budgets = |windows: &[super::limits::Window]| -> Vec<Budget> {
            let cap = |count: u32| (limits.learn == Learn::Capped).then(|| f64::from(count) * share);
            windows.iter().map(|window| Budget::new(*window, share, cap(window.count), now)).collect()
        };
        Self {
            main: Scope::new(budgets(&limits.windows).into_iter().map(|budget| budget.outliving(now)).collect()),
            subs: limits.sub.iter().map(|sub| (sub.covers.clone(), Scope::new(budgets(&sub.windows)))).collect(),
            ledger: Ledger::default(),
            keeper: None,
            queue: Queue::default(),
            requests_open: 0,
            unkept: 0,
            quiet: Vec::new(),
            rival: None,
            sent: 0,
            heard: limits.learn == Learn::Nothing || limits.windows.is_empty(),
            pressure: 1.0,
            changed_pressure: now,
            answers: 0,
            throttled: 0,
            waited: Duration::ZERO,
            limits,
        }
    }

    /// Lists the limits of some paths only that count a request with this label.
    pub fn subs_of(&self, label: &str) -> Vec<usize> {
        let covered = self.subs.iter().enumerate().filter(|(_, (covers, _))| covers.includes(label));
        covered.map(|(at, _)| at).collect()
    }

    /// Takes the turn if it is that of the waiter at `rank`, or tells when to look again: when the limits of its own
    /// paths let it go, then when it is the first of those, then when the limits of all let it go.
    pub fn turn(&mut self, rank: &Rank, now: Instant) -> Result<Place, Ready> {
        let Some(waiter) = self.queue.get(rank).cloned() else { return Err(Ready::AfterAnswer) };
        let own = own_ready(&mut self.subs, now, &waiter);
        if own != Ready::Now {
            return Err(own);
        }
        if self.first(now).is_some_and(|(first, _)| first != *rank) {
            return Err(Ready::AfterAnswer);
        }
        match self.shared_ready(now, waiter.cost) {
            Ready::Now => {
                self.queue.leave(rank);
                let place = self.take(now, waiter.cost, waiter.subs);
                self.wake(now);
                Ok(place)
            }
            later => Err(later),
        }
    }

    /// Returns the first in the queue whom the limits of its own paths do not keep.
    fn first(&mut self, now: Instant) -> Option<(Rank, Arc<Notify>)> {
        let Self { queue, subs, .. } = self;
        let (rank, waiter) = queue.iter().find(|(_, waiter)| own_ready(subs, now, waiter) == Ready::Now)?;
        Some((*rank, waiter.wake.clone()))
    }

    /// Wakes whoever may be next, and those before it whom only the limits of their own paths keep.
    pub fn wake(&mut self, now: Instant) {
        let first = self.first(now);
        let before = |rank: &Rank| first.as_ref().is_none_or(|(first, _)| rank <= first);
        self.queue.iter().take_while(|(rank, _)| before(rank)).for_each(|(_, waiter)| waiter.wake.notify_one());
    }

    fn shared_ready(&mut self, now: Instant, cost: u64) -> Ready {
        let crowded = self.requests_open >= self.limits.concurrent_max.max(1);
        let unheard = !self.heard && self.requests_open > 0;
        if crowded || unheard { Ready::AfterAnswer } else { self.main.ready(now, self.unkept, cost) }
    }

    fn take(&mut self, now: Instant, cost: u64, subs: Vec<usize>) -> Place {
        self.requests_open += 1;
        self.main.open += cost;
        self.unkept += if self.limits.kept.is_zero() { 0 } else { cost };
        for at in &subs {
            self.subs[*at].1.open += cost;
        }
        self.sent += cost;
        let own = self.main.budgets.iter().map(|budget| budget.own() + self.main.open).collect();
        Place { cost, subs, sent_at: now, own, sent: self.sent }
    }

    fn leave(&mut self, place: &Place) {
        self.requests_open = self.requests_open.saturating_sub(1);
        self.main.open = self.main.open.saturating_sub(place.cost);
        for at in &place.subs {
            let scope = &mut self.subs[*at].1;
            scope.open = scope.open.saturating_sub(place.cost);
        }
    }

    /// Frees the place of a request that never left.
    pub fn unsent(&mut self, place: &Place) {
        self.leave(place);
    }

    /// Counts a request that reached the server at `at` or before, or may have.
    pub fn answered(&mut self, place: &Place, at: Instant, now: Instant, cost: u64) {
        self.leave(place);
        self.answers += 1;
        let at = at.clamp(place.sent_at.min(now), now);
        let cost = cost.max(place.cost);
        self.unkept += if self.limits.kept.is_zero() { 0 } else { cost - place.cost };
        self.main.answered(at, now, cost);
        for sub in &place.subs {
            self.subs[*sub].1.answered(at, now, cost);
        }
    }

    /// Takes in what the headers of an answer tell.
    pub fn learn(&mut self, place: &Place, told: &Told, now: Instant) {
        self.heard = true;
        if self.learn_of_sub(place, told, now) {
            return;
        }
        let Some(at) = self.window_of(told) else {
            self.pause_when_empty(told, now);
            return;
        };
        let share = self.limits.usable_share() * self.pressure;
        let open = self.main.open;
        if at == self.main.budgets.len() {
            if let (Some(limit), Some(per)) = (told.limit, told.per) {
                let window = super::limits::Window::fixed(limit.min(u64::from(u32::MAX)) as u32, per);
                self.main.budgets.push(Budget::new(window, share, None, now));
            }
        } else if let Some(limit) = told.limit {
            self.main.budgets[at].change(limit.min(u64::from(u32::MAX)) as u32, share, now);
        }
        // The server counted somewhere between sending and answer: what was in the log at the sending, and whatever
        // was sent since, may be in its count. What has left the log meanwhile may be, too.
        let since = self.sent.saturating_sub(place.sent);
        let counted = place.own.get(at).map(|own| own + since);
        if let (Some(used), Some(counted), Some(budget)) = (told.used(), counted, self.main.budgets.get_mut(at)) {
            budget.seen(now, Own { counted, open }, used, told.reset);
            let window = budget.window();
            if let Some(rival) = Rival::of(budget.used_by_others(), u64::from(window.count), window.per) {
                self.give_way(rival, now);
            }
        }
    }

    /// Takes in what the headers tell of a limit of some paths only: that of which the told one is nearer.
    fn learn_of_sub(&mut self, place: &Place, told: &Told, now: Instant) -> bool {
        let (Some(at), Some(limit), Some(main)) = (place.subs.first(), told.limit, self.main.budgets.first()) else {
            return false;
        };
        let far = |count: u32| (limit as f64 / f64::from(count.max(1))).ln().abs();
        let since = self.sent.saturating_sub(place.sent);
        let scope = &mut self.subs[*at].1;
        let Some(budget) = scope.budgets.first_mut() else { return false };
        if far(budget.window().count) >= far(main.window().count) {
            return false;
        }
        budget.change(limit.min(u64::from(u32::MAX)) as u32, self.limits.usable_share() * self.pressure, now);
        if let Some(used) = told.used() {
            let own = Own { counted: budget.own() + scope.open + since, open: scope.open };
            budget.seen(now, own, used, told.reset);
        }
        true
    }

    fn give_way(&mut self, rival: Rival, now: Instant) {
        self.rival = Some((rival, now));
        if rival.leaves() < self.pressure {
            self.press(rival.leaves(), now);
        }
    }

    /// Returns the window that an answer speaks of; one behind the last is a new one.
    fn window_of(&self, told: &Told) -> Option<usize> {
        told.limit?;
        let windows: Vec<_> = self.main.budgets.iter().map(Budget::window).collect();
        if let Some(per) = told.per {
            return windows
                .iter()
                .position(|window| window.per == per)
                .or((windows.len() < WINDOWS_MAX).then_some(windows.len()));
        }
        let fits = |window: &super::limits::Window| {
            told.reset.is_none_or(|reset| reset <= window.per + Duration::from_secs(1))
                && told.limit.is_none_or(|limit| limit <= u64::from(window.count.max(1)) * BELIEVABLE)
        };
        windows.iter().position(fits)
    }

    /// Where no window is known, the server's word that nothing is left is all there is to go by.
    fn pause_when_empty(&mut self, told: &Told, now: Instant) {
        let left_to_others = told.limit.unwrap_or(0) as f64 * (1.0 - self.limits.usable_share());
        let empty = told.remaining.is_some_and(|remaining| remaining as f64 <= left_to_others);
        if let (true, Some(reset)) = (empty, told.reset) {
            let until = now + reset.min(self.limits.retry_after_max);
            let block = self.main.blocked.filter(|block| block.until >= until);
            self.main.blocked = block.or(Some(Block { since: now, until }));
            self.main.because = "the app says that nothing is left".into();
        }
    }

    /// Blocks after a refusal; returns how long.
    pub fn refused(
        &mut self,
        place: &Place,
        retry_after: RetryAfter,
        told: &Told,
        (now, now_ms): (Instant, i64),
        jitter: &Jitter,
    ) -> Duration {
        let cap = self.limits.retry_after_max;
        let reset = told.reset;
        // A tenant that has requests left has refused for the paths' own limit; one that names a pause means it.
        let own = place.subs.first().copied().filter(|_| told.remaining.is_some_and(|remaining| remaining > 0));
        let own = own.filter(|_| !matches!(retry_after, RetryAfter::Wait(_)));
        let scope = own.map_or(&mut self.main, |at| &mut self.subs[at].1);
        let mut spans: Vec<Duration> = scope.budgets.iter().map(|budget| budget.window().per).collect();
        spans.sort();
        let wait = |refusals: u32| match retry_after {
            RetryAfter::Wait(wait) => jitter.stretch(wait.min(cap), 0.02),
            RetryAfter::Rubbish => jitter.backoff(refusals, BACKOFF_BASE, cap.min(BACKOFF_MAX)),
            RetryAfter::Absent => {
                let rolls = spans.get(refusals.saturating_sub(1) as usize).or(spans.last()).copied();
                let rolls = reset.map(|reset| reset + Duration::from_secs(1)).or(rolls);
                let backoff =
                    jitter.backoff(refusals, BACKOFF_BASE.min(rolls.unwrap_or(BACKOFF_BASE)), cap.min(BACKOFF_MAX));
                rolls.map_or(backoff, |rolls| jitter.stretch(rolls.max(backoff).min(cap), 0.02))
            }
        };
        let (wait, another) = scope.refused(now, place.sent_at, wait);
        scope.because = match retry_after {
            RetryAfter::Wait(wait) => format!("the app asked for a pause of {} s", wait.min(cap).as_secs_f64().ceil()),
            RetryAfter::Rubbish | RetryAfter::Absent => {
                "the app refused for the rate and did not say for how long".into()
            }
        };
        self.ask_quiet(own, wait, now_ms);
        if another {
            self.press(self.pressure * 0.8, now);
        }
        wait
    }

    /// Blocks because the server is busy with something else; returns how long.
    pub fn busy(&mut self, wait: Duration, (now, now_ms): (Instant, i64)) -> Duration {
        let wait = wait.min(self.limits.retry_after_max);
        self.main.because = format!("the app is busy and asked for a pause of {} s", wait.as_secs_f64().ceil());
        let (wait, _) = self.main.refused(now, now, |_| wait);
        self.ask_quiet(None, wait, now_ms);
        wait
    }

    /// Takes in that an answer was no refusal.
    pub fn accepted(&mut self, place: &Place, now: Instant) {
        self.main.refusals = 0;
        for at in &place.subs {
            self.subs[*at].1.refusals = 0;
        }
        let given_way = self.rival.is_some_and(|(rival, at)| now.saturating_duration_since(at) <= rival.per);
        if !given_way && self.pressure < 1.0 && now.saturating_duration_since(self.changed_pressure) >= CALM {
            self.press(self.pressure + 0.1, now);
        }
    }

    fn press(&mut self, pressure: f64, now: Instant) {
        self.pressure = pressure.clamp(PRESSURE_MIN, 1.0);
        self.changed_pressure = now;
        let share = self.limits.usable_share() * self.pressure;
        for budget in &mut self.main.budgets {
            let count = budget.window().count;
            budget.change(count, share, now);
        }
    }

    /// Returns how long it takes at least until so many requests more may have gone.
    pub fn forecast(&mut self, now: Instant, label: Option<&str>, requests: u64) -> Duration {
        if requests == 0 {
            return Duration::ZERO;
        }
        let (subs, unkept) = (label.map(|label| self.subs_of(label)).unwrap_or_default(), self.unkept);
        let own = subs.iter().fold(Duration::ZERO, |wait, at| wait.max(self.subs[*at].1.forecast(now, 0, requests)));
        own.max(self.main.forecast(now, unkept, requests))
    }

    /// Returns what is permitted a second in the long run, as learned so far.
    pub fn per_second(&self) -> Option<f64> {
        let share = self.limits.usable_share();
        self.main.budgets.iter().map(|budget| budget.window().per_second() * share).reduce(f64::min)
    }
}
