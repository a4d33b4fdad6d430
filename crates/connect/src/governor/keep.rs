//! The governor and what outlives it: each request of a long window, and each quiet that the tenant asks for, is with
//! the keeper before the next request goes; what the keeper gives back is what all processes have spent.
//! Without a keeper the ledger lives as long as the governor. Where nothing is asked of it, it costs nothing.

use super::budget::Ready;
use super::ledger::{Entry, Keeper, Ledger, Quiet};
use super::limits::{Window, seconds};
use super::park::{Parked, SAT_OUT_MAX};
use super::permit::{Governor, NotAdmitted};
use super::queue::Waiter;
use super::state::{Block, State};
use crate::transport::Request;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Moments that were read one after the other differ by less.
const ROUNDED: Duration = Duration::from_secs(1);

impl Governor {
    /// Goes on where `ledger` says that other processes stopped, and has `keeper` keep what is spent from now on.
    pub fn keep_with(&self, ledger: Ledger, keeper: Arc<dyn Keeper>) {
        let (now, now_ms) = self.moments();
        let mut state = self.lock();
        state.take_in(ledger, now, now_ms);
        state.keeper = Some(keeper);
    }

    /// Takes in what other processes have spent.
    pub fn know(&self, ledger: Ledger) {
        let (now, now_ms) = self.moments();
        self.lock().take_in(ledger, now, now_ms);
    }

    /// Leaves word for the next process, which knows nothing of what this one just sent: it begins once the windows of
    /// a second have passed. Longer ones are kept, or told by the tenant's first answer.
    pub async fn hand_over(&self) {
        let (now, now_ms) = self.moments();
        {
            let mut state = self.lock();
            let wait = state.main.budgets.iter().filter_map(|budget| budget.passes_in(now)).max();
            let Some(wait) = wait.filter(|_| state.keeper.is_some()) else { return };
            let because = "the command before has just used its second".into();
            let until_ms = now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
            state.quiet.push(Quiet { until_ms, because, of: None });
        }
        if let Err(error) = self.keep().await {
            tracing::debug!(?error, "what was just sent is not handed over");
        }
    }

    /// Returns until when nothing may be sent, if that is for longer than a worker sits out.
    pub fn parked(&self) -> Option<Parked> {
        let (now, now_ms) = self.moments();
        self.lock().parked(now, now_ms)
    }

    /// Returns how much of each window that outlives the process is spent.
    pub fn spent(&self) -> Vec<(Window, u64)> {
        let (now, _) = self.moments();
        self.lock().spent(now)
    }

    /// Returns until when a request is parked that must wait so long, if that is for longer than a worker sits out.
    pub(super) fn parks(&self, wait: Duration, request: &Request) -> Option<Parked> {
        let (now, now_ms) = self.moments();
        let mut state = self.lock();
        let subs = state.subs_of(request.label_or_path());
        let waiter = Waiter { cost: 1, subs, wake: Arc::default() };
        state.park(&waiter, now + wait, now, now_ms)
    }

    /// Has everything kept that is not kept yet; one at a time, so that what several wait for is kept at once.
    pub(super) async fn keep(&self) -> Result<(), NotAdmitted> {
        if !self.lock().has_news() {
            return Ok(());
        }
        let _alone = self.keeping().lock().await;
        let (_, now_ms) = self.moments();
        let (entry, keeper, mut ledger) = {
            let mut state = self.lock();
            if !state.has_news() {
                return Ok(());
            }
            (state.news(now_ms), state.keeper.clone(), state.ledger.clone())
        };
        let cost = entry.cost;
        match keeper {
            Some(keeper) => ledger = keeper.keep(entry).await.map_err(NotAdmitted::NotKept)?,
            None => ledger.take_in(&entry),
        }
        let (now, now_ms) = self.moments();
        let mut state = self.lock();
        state.unkept = state.unkept.saturating_sub(cost);
        state.take_in(ledger, now, now_ms);
        state.wake(now);
        Ok(())
    }

    pub(super) fn moments(&self) -> (Instant, i64) {
        let since = self.clock().wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (self.clock().now(), i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl State {
    fn has_news(&self) -> bool {
        self.unkept > 0 || !self.quiet.is_empty()
    }

    fn news(&mut self, now_ms: i64) -> Entry {
        Entry { at_ms: now_ms, cost: self.unkept, quiet: std::mem::take(&mut self.quiet), span: self.limits.kept }
    }

    /// Notes a quiet for the ledger.
    pub fn ask_quiet(&mut self, sub: Option<usize>, wait: Duration, now_ms: i64) {
        let because = sub.map_or(&self.main, |at| &self.subs[at].1).because.clone();
        let of = sub.map(|at| self.limits.sub[at].name.clone());
        let until_ms = now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        self.quiet.push(Quiet { until_ms, because, of });
    }

    /// Takes in what all processes have spent, and when nothing may be sent.
    pub fn take_in(&mut self, ledger: Ledger, now: Instant, now_ms: i64) {
        for budget in &mut self.main.budgets {
            budget.take_in(&ledger, now, now_ms);
        }
        for quiet in &ledger.quiet {
            let left = Duration::from_millis(u64::try_from(quiet.until_ms.saturating_sub(now_ms)).unwrap_or(0));
            let until = now + left.min(self.limits.retry_after_max + SAT_OUT_MAX);
            let named = |name: &String| self.limits.sub.iter().position(|sub| sub.name == *name);
            let scope = match quiet.of.as_ref().map(named) {
                None => &mut self.main,
                Some(Some(at)) => &mut self.subs[at].1,
                Some(None) => continue,
            };
            if !left.is_zero() && scope.blocked.is_none_or(|block| block.until < until) {
                scope.blocked = Some(Block { since: now, until });
                scope.because.clone_from(&quiet.because);
            }
        }
        self.ledger = ledger;
    }

    fn parked(&mut self, now: Instant, now_ms: i64) -> Option<Parked> {
        let waiter = Waiter { cost: 1, subs: Vec::new(), wake: Arc::default() };
        match self.main.ready(now, self.unkept, 1) {
            Ready::At(moment) => self.park(&waiter, moment, now, now_ms),
            _ => None,
        }
    }

    /// Returns until when a request is parked that may not go before `moment`, if that is too long to sit out.
    pub fn park(&mut self, waiter: &Waiter, moment: Instant, now: Instant, now_ms: i64) -> Option<Parked> {
        let wait = moment.saturating_duration_since(now);
        if wait <= SAT_OUT_MAX {
            return None;
        }
        let until_ms = now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        Some(Parked::new(now_ms, until_ms, self.why(waiter, moment, now)))
    }

    fn why(&mut self, waiter: &Waiter, moment: Instant, now: Instant) -> String {
        let unkept = self.unkept;
        let own = waiter.subs.iter().map(|at| &self.subs[*at].1);
        let blocked = std::iter::once(&self.main)
            .chain(own)
            .find(|scope| scope.blocked.is_some_and(|block| block.until > now && block.until + ROUNDED >= moment));
        if let Some(scope) = blocked {
            return scope.because.clone();
        }
        let late = |budget: &mut super::budget::Budget| {
            matches!(budget.ready(now, unkept, waiter.cost), Ready::At(at) if at + ROUNDED >= moment)
                .then(|| budget.window())
        };
        let subs = self.subs.iter_mut().flat_map(|(_, scope)| &mut scope.budgets);
        match self.main.budgets.iter_mut().chain(subs).find_map(late) {
            Some(window) => format!("our part of {} is used up", words(&window)),
            None => "the rate limit leaves no turn before".into(),
        }
    }

    fn spent(&mut self, now: Instant) -> Vec<(Window, u64)> {
        let kept = self.main.budgets.iter_mut().filter(|budget| budget.is_kept());
        kept.map(|budget| {
            budget.ready(now, 0, 1);
            (budget.window(), budget.own())
        })
        .collect()
    }
}

/// Writes a window as people say it.
pub(crate) fn words(window: &Window) -> String {
    let per = match window.per.as_secs() {
        1 => "a second".to_owned(),
        60 => "a minute".to_owned(),
        3600 => "an hour".to_owned(),
        86_400 => "a day".to_owned(),
        _ => format!("every {} s", seconds(window.per.as_secs_f64()).as_secs_f64()),
    };
    format!("{} requests {per}", window.count)
}
