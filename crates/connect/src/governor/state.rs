//! Everything that one governor knows, and the decisions that it takes from it, at a moment that is handed in.
//! `permit` locks it, asks it and waits as it says; answers change it. What may be sent comes in slices from the ledger,
//! which counts for all processes; here lies the slice that is not used up.
//! It neither waits nor reads a clock, so that every decision can be tried at any moment.

use super::backoff::Jitter;
use super::budget::Budget;
use super::hand::Hand;
use super::learn::Told;
use super::ledger::{Keeper, Ledger};
use super::limits::{Covers, Learn, Limits, Window};
use super::queue::{Queue, Rank, Waiter};
use super::retry_after::RetryAfter;
use super::rival::Rival;
use super::silence::Silence;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    /// The slice of the budget that is ours now.
    pub hand: Hand,
    /// What all processes have spent, as it was when it was asked last, and who keeps it.
    pub ledger: Ledger,
    /// When that was, by our clock and by that of the ledger.
    pub known: (Instant, i64),
    pub keeper: Option<Arc<dyn Keeper>>,
    pub requests_open: u32,
    /// Whoever else uses the budget, and when that was seen last.
    pub rival: Option<(Rival, Instant)>,
    /// Whether an answer has told what the tenant permits; until then requests go one at a time.
    pub heard: bool,
    pub silence: Silence,
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
    pub open: u64,
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
}

/// Why a request may not go now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Later {
    /// Not before this moment.
    At(Instant),
    /// Not before another one has gone or is answered.
    AfterOther,
    /// The ledger is to be asked.
    Ask,
}

impl Scope {
    fn new(budgets: Vec<Budget>) -> Self {
        Self { budgets, open: 0, blocked: None, because: String::new(), refusals: 0 }
    }

    /// Returns until when nothing goes, if it is so.
    pub fn blocked(&self, now: Instant) -> Option<Instant> {
        self.blocked.map(|block| block.until).filter(|until| *until > now)
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
impl State {
    pub fn new(limits: Limits, now: Instant) -> Self {
        let share = limits.usable_share();
        let budgets = |windows: &[Window]| -> Vec<Budget> {
            let cap = |count: u32| (limits.learn == Learn::Capped).then(|| f64::from(count) * share);
            windows.iter().map(|window| Budget::new(*window, share, cap(window.count))).collect()
        };
        Self {
            main: Scope::new(budgets(&limits.windows)),
            subs: limits.sub.iter().map(|sub| (sub.covers.clone(), Scope::new(budgets(&sub.windows)))).collect(),
            hand: Hand::default(),
            ledger: Ledger::default(),
            known: (now, 0),
            keeper: None,
            queue: Queue::default(),
            requests_open: 0,
            rival: None,
            heard: limits.learn == Learn::Nothing || limits.windows.is_empty(),
            silence: Silence::default(),
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

    /// Takes the turn if it is that of the waiter at `rank`, or tells why not: where nothing may go, where somebody goes
    /// before, and where the slice is used up.
    pub fn turn(&mut self, rank: &Rank, now: Instant) -> Result<Place, Later> {
        let Some(waiter) = self.queue.get(rank) else { return Err(Later::AfterOther) };
        let sort = waiter.sort.clone();
        if let Some(until) = self.blocked(waiter, now) {
            return Err(Later::At(until));
        }
        if self.is_crowded() || !self.queue.is_lead(rank, &sort) {
            return Err(Later::AfterOther);
        }
        if self.is_limited(&sort.subs) {
            match self.hand.ready(&sort, now) {
                None => return Err(self.hand.when_to_ask(&sort, rank.0.0, now).map_or(Later::Ask, Later::At)),
                Some(from) if from > now => return Err(Later::At(from)),
                Some(_) => {}
            }
        }
        if self.first(now) != Some(*rank) {
            return Err(Later::AfterOther);
        }
        self.queue.leave(rank);
        self.hand.play(&sort, now);
        let place = self.take(now, sort.cost, sort.subs);
        self.wake(now);
        Ok(place)
    }

    /// Tells whether no further request may be open.
    pub fn is_crowded(&self) -> bool {
        self.requests_open >= self.limits.concurrent_max.max(1) || !self.heard && self.requests_open > 0
    }

    /// Tells whether any window counts requests of these limits.
    pub fn is_limited(&self, subs: &[usize]) -> bool {
        !self.main.budgets.is_empty() || subs.iter().any(|at| !self.subs[*at].1.budgets.is_empty())
    }

    fn blocked(&self, waiter: &Waiter, now: Instant) -> Option<Instant> {
        let own = waiter.sort.subs.iter().filter_map(|at| self.subs[*at].1.blocked(now));
        self.main.blocked(now).into_iter().chain(own).max()
    }

    /// Returns the first in the queue who could go.
    fn first(&self, now: Instant) -> Option<Rank> {
        let could = |waiter: &Waiter| {
            let ready = || self.hand.ready(&waiter.sort, now).is_some_and(|from| from <= now);
            self.blocked(waiter, now).is_none() && (!self.is_limited(&waiter.sort.subs) || ready())
        };
        self.queue.leads().filter(|(_, waiter)| could(waiter)).map(|(rank, _)| rank).min()
    }

    /// Wakes whoever may be next.
    pub fn wake(&self, _now: Instant) {
        self.queue.leads().for_each(|(_, waiter)| waiter.wake.notify_one());
    }

    fn take(&mut self, now: Instant, cost: u64, subs: Vec<usize>) -> Place {
        self.requests_open += 1;
        self.main.open += cost;
        for at in &subs {
            self.subs[*at].1.open += cost;
        }
        Place { cost, subs, sent_at: now }
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
        if self.is_limited(&place.subs) {
            self.hand.give_back(&place.subs, place.cost);
        }
    }

    /// Counts a request that reached the server at `at` or before, or may have.
    pub fn answered(&mut self, place: &Place, at: Instant, now: Instant, cost: u64) {
        self.leave(place);
        self.answers += 1;
        if self.is_limited(&place.subs) || !self.limits.kept.is_zero() {
            self.hand.spent(&place.subs, at.clamp(place.sent_at.min(now), now), cost.max(place.cost), place.cost);
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
        if at == self.main.budgets.len() {
            if let (Some(limit), Some(per)) = (told.limit, told.per) {
                let window = Window::fixed(limit.min(u64::from(u32::MAX)) as u32, per);
                self.main.budgets.push(Budget::new(window, share, None));
            }
        } else if let Some(limit) = told.limit {
            self.main.budgets[at].change(limit.min(u64::from(u32::MAX)) as u32, share);
        }
        if let Some(used) = told.used() {
            self.hand.saw(0, at, used, told.reset, now);
        }
    }

    /// Takes in what others use of a window.
    pub fn others_use(&mut self, at: usize, used: u64, now: Instant) {
        let Some(window) = self.main.budgets.get(at).map(Budget::window) else { return };
        if let Some(rival) = Rival::of(used, u64::from(window.count), window.per) {
            self.give_way(rival, now);
        }
    }

    /// Takes in what the headers tell of a limit of some paths only: that of which the told one is nearer.
    fn learn_of_sub(&mut self, place: &Place, told: &Told, now: Instant) -> bool {
        let (Some(at), Some(limit), Some(main)) = (place.subs.first(), told.limit, self.main.budgets.first()) else {
            return false;
        };
        let far = |count: u32| (limit as f64 / f64::from(count.max(1))).ln().abs();
        let Some(budget) = self.subs[*at].1.budgets.first_mut() else { return false };
        if far(budget.window().count) >= far(main.window().count) {
            return false;
        }
        budget.change(limit.min(u64::from(u32::MAX)) as u32, self.limits.usable_share() * self.pressure);
        if let Some(used) = told.used() {
            self.hand.saw(1 + at, 0, used, told.reset, now);
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
        let fits = |window: &Window| {
            told.reset.is_none_or(|reset| reset <= window.per + Duration::from_secs(1))
                && told.limit.is_none_or(|limit| limit <= u64::from(window.count.max(1)) * BELIEVABLE)
        };
        windows.iter().position(fits).filter(|_| self.limits.learn == Learn::Headers)
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
        now: Instant,
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
        let because = scope.because.clone();
        self.hand.hush(own.map_or(0, |at| at + 1), now + wait, because);
        if another {
            self.press(self.pressure * 0.8, now);
        }
        wait
    }

    /// Blocks because the server is busy with something else; returns how long.
    pub fn busy(&mut self, wait: Duration, now: Instant) -> Duration {
        let wait = wait.min(self.limits.retry_after_max);
        self.main.because = format!("the app is busy and asked for a pause of {} s", wait.as_secs_f64().ceil());
        let (wait, _) = self.main.refused(now, now, |_| wait);
        self.hand.hush(0, now + wait, self.main.because.clone());
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
            budget.change(count, share);
        }
    }

    /// Returns what is permitted a second in the long run, as learned so far.
    pub fn per_second(&self) -> Option<f64> {
        let share = self.limits.usable_share();
        self.main.budgets.iter().map(|budget| budget.window().per_second() * share).reduce(f64::min)
    }
}
