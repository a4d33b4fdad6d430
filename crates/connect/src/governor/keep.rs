//! The governor and the ledger: what was spent and what the tenant asked for is told, the next slice comes back.
//! Without a keeper the ledger lives as long as the governor. Where nothing limits, it is only listened to, once a second,
//! for a pause that another process was asked for.

use super::budget::Budget;
use super::grant::{View, forecast};
use super::hand::{ahead, scopes};
use super::ledger::{Answer, Ask, Keeper, Ledger, ScopeRules, Want};
use super::limits::Window;
use super::park::{Parked, SAT_OUT_MAX};
use super::permit::{Governor, NotAdmitted};
use super::queue::{Rank, Sort};
use super::state::{Block, Scope, State};
use crate::transport::{Priority, Request};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Moments that were read one after the other differ by less.
const ROUNDED: Duration = Duration::from_secs(1);
/// How often the ledger is listened to where nothing else makes one ask.
const LISTEN_EVERY: Duration = Duration::from_secs(1);

impl Governor {
    /// Goes on where other processes stopped, and has `keeper` keep what is spent from now on.
    ///
    /// # Errors
    /// It says why it cannot.
    pub async fn keep_with(&self, keeper: Arc<dyn Keeper>) -> Result<(), String> {
        self.lock().keeper = Some(keeper);
        self.exchange(None).await.map_err(|error| match error {
            NotAdmitted::NotKept(because) => because,
            other => other.to_string(),
        })
    }

    /// Takes in what other processes have spent.
    pub fn know(&self, ledger: Ledger) {
        let (now, now_ms) = self.moments();
        self.lock().know(ledger, now, now_ms);
    }

    /// Ends the work: tells what was spent and gives back what was not used, so that the next process goes on from there.
    pub async fn hand_over(&self) {
        let untold = {
            let mut state = self.lock();
            let now = self.clock().now();
            state.hand.fold(now, true);
            state.keeper.is_some() && state.hand.is_untold()
        };
        if untold && let Err(error) = self.exchange(None).await {
            tracing::debug!(?error, "what was sent last is not handed over");
        }
    }

    /// Returns until when a request of this urgency may not be sent, if that is for longer than a worker sits out.
    pub fn parked(&self, priority: Priority) -> Option<Parked> {
        let (now, now_ms) = self.moments();
        self.lock().parked(priority, now, now_ms)
    }

    /// Returns how much of each window that outlives the process is spent.
    pub fn spent(&self) -> Vec<(Window, u64)> {
        let now = self.clock().now();
        self.lock().spent(now)
    }

    /// Returns how long it takes at least until so many requests more may have gone, all with this label if one is
    /// given.
    pub fn forecast(&self, label: Option<&str>, requests: u64) -> Duration {
        let now = self.clock().now();
        self.lock().forecast(label, requests, now)
    }

    /// Returns until when a request is parked that must wait so long, if that is for longer than a worker sits out.
    pub(super) fn parks(&self, wait: Duration, request: &Request) -> Option<Parked> {
        let (now, now_ms) = self.moments();
        let mut state = self.lock();
        let sort = Sort { subs: state.subs_of(request.label_or_path()), cost: 1 };
        state.park(&sort, now + wait, now, now_ms)
    }

    /// Tells the ledger at once what other processes must know.
    pub(super) async fn keep(&self) -> Result<(), NotAdmitted> {
        if self.lock().hand.has_news() {
            return self.exchange(None).await;
        }
        Ok(())
    }

    /// Listens, where nothing limits requests of this sort, for what other processes were asked for.
    pub(super) async fn listen(&self, sort: &Sort) {
        let now = self.clock().now();
        let silent = {
            let state = self.lock();
            let since = state.hand.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= LISTEN_EVERY);
            since && state.keeper.is_some() && !state.is_limited(&sort.subs)
        };
        if silent && let Err(error) = self.exchange(None).await {
            tracing::debug!(?error, "nobody told what other processes were asked for");
        }
    }

    /// Asks for the next slice for whoever waits at `rank`.
    pub(super) async fn ask(&self, rank: &Rank, sort: &Sort) -> Result<(), NotAdmitted> {
        self.exchange(Some((rank, sort))).await
    }

    /// Tells and asks; one at a time, so that what several wait for is asked at once.
    async fn exchange(&self, asking: Option<(&Rank, &Sort)>) -> Result<(), NotAdmitted> {
        let _alone = self.keeping().lock().await;
        let asked = self.clock().now();
        let (ask, more, keeper) = {
            let mut state = self.lock();
            if asking.is_some_and(|(rank, sort)| !state.still_asks(rank, sort, asked)) {
                return Ok(());
            }
            let more = asking.map_or(0, |(_, sort)| state.hand.more(sort, asked));
            (state.asks(asking, more, self.holder(), asked), more, state.keeper.clone())
        };
        let told = (ask.spent.len(), ask.quiet.len());
        let answer = match keeper {
            Some(keeper) => keeper.exchange(ask).await.map_err(NotAdmitted::NotKept)?,
            None => {
                let (_, now_ms) = self.moments();
                self.lock().ledger.answer(&ask, now_ms)
            }
        };
        let now = self.clock().now();
        let mut state = self.lock();
        let wanted = asking.map(|(rank, sort)| (sort.clone(), rank.0.0, more));
        state.hand.take_in(told, &answer, wanted, asked, now);
        for (at, used) in &answer.others {
            state.others_use(*at, *used, now);
        }
        let Answer { ledger, now_ms, .. } = answer;
        state.know(ledger, now, now_ms);
        state.wake(now);
        Ok(())
    }

    pub(super) fn moments(&self) -> (Instant, i64) {
        let since = self.clock().wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (self.clock().now(), i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl State {
    /// Tells whether whoever waits at `rank` still has to ask: others may have done it meanwhile.
    fn still_asks(&self, rank: &Rank, sort: &Sort, now: Instant) -> bool {
        self.hand.ready(sort, now).is_none() && self.hand.when_to_ask(sort, rank.0.0, now).is_none()
    }

    /// Makes up what is told and asked.
    fn asks(&mut self, asking: Option<(&Rank, &Sort)>, more: u64, holder: &str, now: Instant) -> Ask {
        self.hand.fold(now, false);
        let open = std::iter::once(self.main.open).chain(self.subs.iter().map(|(_, scope)| scope.open));
        let open: Vec<u64> = open.collect();
        let held = open.iter().enumerate().map(|(scope, open)| open + self.hand.held(scope)).collect();
        let held_for = self.hand.held_until().map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let want = asking.map(|(rank, sort)| {
            let priority = rank.0.0;
            let room = self.limits.concurrent_max.max(1).saturating_sub(self.requests_open);
            let room = if self.heard { u64::from(room) } else { 1 };
            let waits = self.queue.count(sort, priority) as u64;
            Want {
                scopes: scopes(&sort.subs),
                cost: sort.cost,
                count: waits.min(room).saturating_sub(self.hand.count(sort)).max(1),
                more: if self.heard { more } else { 0 },
                ahead_ms: ahead(priority).as_millis() as i64,
                urgent: priority == Priority::Leaver,
            }
        });
        let scopes = self.scope_rules();
        let longest = scopes.iter().flat_map(|scope| &scope.rules).map(|rule| rule.counts_ms).max().unwrap_or(0);
        let telling = self.hand.tell(now);
        Ask {
            holder: holder.to_owned(),
            span_ms: longest.max(super::budget::ms_up(self.limits.kept)),
            scopes,
            spent: telling.spent,
            returned: telling.returned,
            held,
            open,
            held_for_ms: i64::try_from(held_for.as_millis()).unwrap_or(0),
            seen: telling.seen,
            quiet: telling.quiet,
            want,
        }
    }

    fn scope_rules(&self) -> Vec<ScopeRules> {
        let rules =
            |scope: &Scope| scope.budgets.iter().enumerate().flat_map(|(at, budget)| budget.rules(at)).collect();
        let own = self.subs.iter().zip(&self.limits.sub);
        let own = own.map(|((_, scope), sub)| ScopeRules { name: Some(sub.name.clone()), rules: rules(scope) });
        std::iter::once(ScopeRules { name: None, rules: rules(&self.main) }).chain(own).collect()
    }

    /// Takes in what all processes have spent, and when nothing may be sent.
    pub fn know(&mut self, ledger: Ledger, now: Instant, now_ms: i64) {
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
        (self.ledger, self.known) = (ledger, (now, now_ms));
    }

    /// Returns the moment by the ledger's clock.
    fn ledger_ms(&self, now: Instant) -> i64 {
        let since = now.saturating_duration_since(self.known.0);
        self.known.1.saturating_add(i64::try_from(since.as_millis()).unwrap_or(0))
    }

    fn parked(&mut self, priority: Priority, now: Instant, now_ms: i64) -> Option<Parked> {
        let sort = Sort { subs: Vec::new(), cost: 1 };
        if let Some(until) = self.main.blocked(now) {
            return self.park(&sort, until, now, now_ms);
        }
        if !self.main.budgets.iter().any(|budget| budget.window().is_long()) {
            return None;
        }
        let urgent = priority == Priority::Leaver;
        let want = Want { scopes: vec![0], cost: 1, count: 1, more: 0, ahead_ms: 0, urgent };
        let held = vec![0; 1 + self.subs.len()];
        let ask = Ask { scopes: self.scope_rules(), held, ..Ask::default() };
        let ledger_ms = self.ledger_ms(now);
        let (moment, limit) = View::new(&self.ledger, &ask, &want, ledger_ms).next(&want);
        let wait_ms = moment? - ledger_ms;
        let long = wait_ms > SAT_OUT_MAX.as_millis() as i64;
        long.then(|| Parked::new(now_ms, now_ms.saturating_add(wait_ms), self.used_up(limit)))
    }

    /// Returns until when a request is parked that may not go before `moment`, if that is too long to sit out.
    pub fn park(&mut self, sort: &Sort, moment: Instant, now: Instant, now_ms: i64) -> Option<Parked> {
        let wait = moment.saturating_duration_since(now);
        if wait <= SAT_OUT_MAX {
            return None;
        }
        let until_ms = now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        Some(Parked::new(now_ms, until_ms, self.why(sort, moment, now)))
    }

    fn why(&self, sort: &Sort, moment: Instant, now: Instant) -> String {
        let own = sort.subs.iter().map(|at| &self.subs[*at].1);
        let mut scopes = std::iter::once(&self.main).chain(own);
        match scopes.find(|scope| scope.blocked(now).is_some_and(|until| until + ROUNDED >= moment)) {
            Some(scope) => scope.because.clone(),
            None => self.used_up(self.hand.limit(sort)),
        }
    }

    fn used_up(&self, limit: Option<(usize, usize)>) -> String {
        let scope = |at: usize| at.checked_sub(1).map_or(&self.main, |at| &self.subs[at].1);
        match limit.and_then(|(at, window)| scope(at).budgets.get(window)).map(Budget::window) {
            Some(window) => format!("our part of {} is used up", words(&window)),
            None => "the rate limit leaves no turn before".into(),
        }
    }

    fn spent(&self, now: Instant) -> Vec<(Window, u64)> {
        let now_ms = self.ledger_ms(now);
        let long = self.main.budgets.iter().filter(|budget| budget.window().is_long());
        long.filter_map(|budget| {
            let rule = budget.rules(0).next()?;
            let log = self.ledger.counted(None, now_ms);
            let counts = log.iter().filter(|(at_ms, _)| at_ms + rule.counts_ms > now_ms).map(|(_, cost)| cost);
            Some((budget.window(), counts.sum::<u64>() + self.ledger.lent_of(None, now_ms)))
        })
        .collect()
    }

    fn forecast(&self, label: Option<&str>, requests: u64, now: Instant) -> Duration {
        if requests == 0 {
            return Duration::ZERO;
        }
        let subs = label.map(|label| self.subs_of(label)).unwrap_or_default();
        let (all, now_ms) = (self.scope_rules(), self.ledger_ms(now));
        let mut wait = Duration::ZERO;
        for at in scopes(&subs) {
            let scope = at.checked_sub(1).map_or(&self.main, |at| &self.subs[at].1);
            wait = wait.max(scope.blocked(now).map_or(Duration::ZERO, |until| until.saturating_duration_since(now)));
            let of = all[at].name.as_deref();
            let rules = all[at].rules.iter().map(|rule| forecast(&self.ledger, of, rule, requests, now_ms));
            wait = rules.fold(wait, Duration::max);
        }
        wait
    }
}

/// Writes a window as people say it.
pub(crate) fn words(window: &Window) -> String {
    let per = match window.per.as_secs() {
        1 => "a second".to_owned(),
        60 => "a minute".to_owned(),
        3600 => "an hour".to_owned(),
        86_400 => "a day".to_owned(),
        _ => format!("every {} s", window.per.as_secs_f64()),
    };
    format!("{} requests {per}", window.count)
}
