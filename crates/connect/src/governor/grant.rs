//! What the ledger answers: who may send how much, from when on, so that no window of the tenant ever holds more than it
//! may, wherever it begins and whoever sends.
//! A request counts from its promise until one window after its answer. What is promised ahead is promised less far ahead
//! to those who can wait, so that whoever is urgent gets the next that becomes free; and of windows that last, they use
//! half at once and the rest evenly, so that there is always a next one soon. It neither waits nor reads a clock.

use super::budget::Rule;
use super::ledger::{Answer, Ask, Ledger, Lent, Level, Log, Others, Quiet, Seen, Want};
use std::time::Duration;

/// How long a slice is lent to a process that is not heard of.
pub(super) const LEASE_MS: i64 = 2_000;
/// How long after its moment a promised request may still go.
pub(super) const USE_WITHIN_MS: i64 = 1_000;
/// What a slice holds at least, as a part of what is permitted in a second.
const SLICE: f64 = 0.2;
/// Entries that lie closer together than this part of their age share one, once they are so old.
const COARSE: i64 = 200;
const FINE_MS: i64 = 2_000;
/// The even pace ends so long before its window does: what is late in one window is not late in all that follow.
const EARLY_MS: i64 = 1_500;
/// No window is longer than this.
const FORGOTTEN_MS: i64 = 31 * 86_400_000;

/// How long everybody waits where nobody knows what was spent.
const UNKNOWN_MS: i64 = 60_000;

impl Ledger {
    /// Reads what [`Ledger::write`] wrote, and what earlier versions did.
    ///
    /// # Errors
    /// It is no ledger.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Writes it as a text.
    pub fn write(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Returns a ledger of which nobody knows what was spent: everybody waits a while.
    pub fn unknown(now_ms: i64) -> Self {
        let because = "what was spent before cannot be read".to_owned();
        Self { quiet: vec![Quiet { until_ms: now_ms + UNKNOWN_MS, because, of: None }], ..Self::default() }
    }

    /// Takes in what a process tells, and gives it its next slice.
    pub fn answer(&mut self, ask: &Ask, now_ms: i64) -> Answer {
        self.lent.remove(&ask.holder);
        self.enter(ask, now_ms);
        self.forget(ask.span_ms, now_ms);
        for seen in &ask.seen {
            self.hear(ask, seen, now_ms);
        }
        let mut answer = Answer { now_ms, others: self.others_of(ask, now_ms), ..Answer::default() };
        if let Some(want) = &ask.want {
            self.grant(ask, want, now_ms, &mut answer);
        }
        self.lend(ask, &answer.granted, now_ms);
        answer.ledger = self.clone();
        answer
    }

    /// Notes what was spent, what never left, and when nothing may be sent.
    fn enter(&mut self, ask: &Ask, now_ms: i64) {
        for spending in &ask.spent {
            let at_ms = now_ms.saturating_sub(spending.age_ms);
            for scope in &spending.scopes {
                insert(self.log_mut(ask.name(*scope)), at_ms, spending.cost);
                self.pour(ask, *scope, spending.beyond as f64, now_ms);
            }
        }
        for (scopes, cost) in &ask.returned {
            scopes.iter().for_each(|scope| self.pour(ask, *scope, -(*cost as f64), now_ms));
        }
        self.quiet.retain(|quiet| quiet.until_ms > now_ms);
        for (for_ms, scope, because) in &ask.quiet {
            let until_ms = now_ms.saturating_add(*for_ms);
            let quiet = Quiet { until_ms, because: because.clone(), of: ask.name(*scope).map(str::to_owned) };
            self.quiet.retain(|known| known.of != quiet.of || known.until_ms > until_ms);
            if until_ms > now_ms && !self.quiet.iter().any(|known| known.of == quiet.of) {
                self.quiet.push(quiet);
            }
        }
    }

    /// Forgets what no window holds any more, and lets old entries that lie close together share one: counting a request
    /// for longer than needed is safe.
    fn forget(&mut self, span_ms: i64, now_ms: i64) {
        let kept_ms = (span_ms + span_ms / 50).clamp(0, FORGOTTEN_MS);
        for log in std::iter::once(&mut self.spent).chain(self.subs.values_mut()) {
            log.retain(|(at_ms, _)| at_ms.saturating_add(kept_ms) > now_ms);
            log.dedup_by(|later, earlier| {
                // Boxes that grow with their age by twos, so that what shares one never comes to share more than that.
                let near = ((now_ms - later.0 - FINE_MS) / COARSE).max(0);
                let boxed = |at_ms: i64| near.checked_ilog2().map_or(at_ms, |twos| at_ms >> twos);
                let alike = boxed(later.0) == boxed(earlier.0);
                if alike {
                    *earlier = (later.0, earlier.1 + later.1);
                }
                alike
            });
        }
        self.subs.retain(|_, log| !log.is_empty());
        self.lent.retain(|_, lent| lent.until_ms.saturating_add(kept_ms.max(1)) > now_ms);
        self.levels.retain(|level| level.empty_ms > now_ms as f64);
    }

    /// Takes in that a server counted so much in one of its windows: what we cannot have sent, others have.
    fn hear(&mut self, ask: &Ask, seen: &Seen, now_ms: i64) {
        let rules = ask.scopes.get(seen.scope).map_or(&[][..], |scope| &scope.rules);
        let Some(rule) = rules.iter().find(|rule| rule.window == seen.window && rule.everybody) else { return };
        let answered_ms = now_ms.saturating_sub(seen.age_ms);
        let of = ask.name(seen.scope);
        let own = match rule.drain {
            // A bucket's level has run out a little since the server looked, and both are rounded.
            Some(drain) => {
                2 + ((self.empty_ms(of, rule, answered_ms) - answered_ms as f64) * drain / 1000.0).ceil() as u64
            }
            None => {
                let logged = self.log(of).iter().filter(|(at_ms, _)| at_ms + rule.counts_ms > answered_ms);
                let open = ask.open.get(seen.scope).copied().unwrap_or(0);
                logged.map(|(_, cost)| cost).sum::<u64>() + self.lent_of(of, i64::MIN) + open
            }
        };
        let unexplained = seen.used.saturating_sub(own);
        let known = self.others.iter_mut().find(|others| others.of.as_deref() == of && others.span_ms == rule.span_ms);
        // A moment told in whole seconds may be up to one early.
        let rolls_ms = seen.reset_ms.map_or(rule.counts_ms, |reset| (reset + 1000).min(rule.counts_ms));
        match known {
            None => {
                let of = of.map(str::to_owned);
                let until_ms = now_ms + rolls_ms;
                let before = if rule.drain.is_some() { 0 } else { unexplained };
                self.others.push(Others { of, span_ms: rule.span_ms, used: before, until_ms, before });
            }
            Some(others) if rule.drain.is_some() => {
                if others.until_ms <= now_ms || others.used == 0 {
                    (others.used, others.until_ms) = (0, now_ms + rule.span_ms);
                }
                others.used += unexplained;
            }
            Some(others) => {
                if seen.used < others.used || others.until_ms <= now_ms {
                    // The server has begun a new window: what others used in the old one is over.
                    (others.used, others.before) = (0, 0);
                }
                if unexplained > others.used {
                    (others.used, others.until_ms) = (unexplained, now_ms + rolls_ms);
                }
            }
        }
        if let Some(drain) = rule.drain {
            let full_ms = answered_ms as f64 + seen.used as f64 * 1000.0 / drain;
            let level = self.level_mut(of, rule);
            level.empty_ms = level.empty_ms.max(full_ms);
        }
    }

    /// Returns what others use of each window that all requests count in, whatever was used before the first word of it
    /// left out.
    fn others_of(&self, ask: &Ask, now_ms: i64) -> Vec<(usize, u64)> {
        let rules = ask.scopes.first().map_or(&[][..], |scope| &scope.rules);
        let used = |rule: &Rule| {
            let others = self.others.iter().find(|others| others.of.is_none() && others.span_ms == rule.span_ms)?;
            let worth = others.until_ms > now_ms && others.used > others.before;
            worth.then_some((rule.window, others.used - others.before))
        };
        rules.iter().filter(|rule| rule.everybody).filter_map(used).collect()
    }

    /// Gives as much as is wanted, as far ahead as it may be promised, but no more than a fair part where others ask too.
    fn grant(&self, ask: &Ask, want: &Want, now_ms: i64, answer: &mut Answer) {
        let mut view = View::new(self, ask, want, now_ms);
        let active = 1 + self.lent.values().filter(|lent| lent.until_ms > now_ms).count() as u64;
        let slice = view.slice();
        let more = if view.has_long() { 0 } else { want.more.min(slice.max(view.free() / (4 * active))) };
        let most = want.count.max(more);
        let latest_ms = now_ms.saturating_add(want.ahead_ms);
        while (answer.granted.len() as u64) < most {
            let (moment, limit) = view.next(want);
            (answer.next_ms, answer.limit) = (moment, limit);
            match moment.filter(|moment| *moment <= latest_ms) {
                Some(moment) => {
                    view.take(want.cost, moment);
                    answer.granted.push(moment);
                }
                None => break,
            }
        }
        let given = answer.granted.len() as u64;
        let fair = given.div_ceil(active).max(slice);
        if !want.urgent && fair < given.min(want.count) {
            answer.next_ms = answer.granted.get(fair as usize).copied();
            answer.granted.truncate(fair as usize);
        }
        answer.short = (answer.granted.len() as u64) < want.count;
    }

    fn lend(&mut self, ask: &Ask, granted: &[i64], now_ms: i64) {
        let mut held = ask.held.clone();
        if let Some(want) = &ask.want {
            for scope in &want.scopes {
                for moment in granted {
                    self.pour_at(ask, *scope, want.cost as f64, *moment);
                }
                if let Some(held) = held.get_mut(*scope) {
                    *held += want.cost * granted.len() as u64;
                }
            }
        }
        if ask.want.is_none() && held.iter().all(|held| *held == 0) {
            return;
        }
        let last_ms = granted.last().map_or(0, |last| last + USE_WITHIN_MS);
        let until_ms = last_ms.max(now_ms + LEASE_MS).max(now_ms.saturating_add(ask.held_for_ms));
        let subs = held.iter().enumerate().skip(1).filter(|(_, held)| **held > 0);
        let subs = subs.filter_map(|(scope, held)| Some((ask.name(scope)?.to_owned(), *held))).collect();
        let all = held.first().copied().unwrap_or(0);
        self.lent.insert(ask.holder.clone(), Lent { until_ms, all, subs });
    }

    pub(super) fn log(&self, of: Option<&str>) -> &[(i64, u64)] {
        of.map_or(&self.spent[..], |name| self.subs.get(name).map_or(&[][..], |log| log))
    }

    fn log_mut(&mut self, of: Option<&str>) -> &mut Log {
        match of {
            None => &mut self.spent,
            Some(name) => self.subs.entry(name.to_owned()).or_default(),
        }
    }

    /// Returns how much is lent to processes that are heard of, or were after `now_ms`.
    pub(super) fn lent_of(&self, of: Option<&str>, now_ms: i64) -> u64 {
        self.lent.values().filter(|lent| lent.until_ms > now_ms).map(|lent| lent.cost_of(of)).sum()
    }

    /// Lists what counts until a window after its moment: what was spent, and what was lent to processes that were not
    /// heard of again.
    pub(super) fn counted(&self, of: Option<&str>, now_ms: i64) -> Log {
        let mut log = self.log(of).to_vec();
        for lent in self.lent.values().filter(|lent| lent.until_ms <= now_ms && lent.cost_of(of) > 0) {
            insert(&mut log, lent.until_ms, lent.cost_of(of));
        }
        log
    }

    /// Returns what others use of a window, and until when.
    pub(super) fn used_by_others(&self, of: Option<&str>, rule: &Rule, now_ms: i64) -> (u64, i64) {
        let known = self.others.iter().find(|others| others.of.as_deref() == of && others.span_ms == rule.span_ms);
        match known.filter(|others| rule.everybody && others.until_ms > now_ms && others.used > 0) {
            // Others who were seen go on while our next request is on its way.
            Some(others) => (others.used + others.used / 10 + 2, others.until_ms),
            None => (0, now_ms),
        }
    }

    pub(super) fn empty_ms(&self, of: Option<&str>, rule: &Rule, now_ms: i64) -> f64 {
        let level = self.levels.iter().find(|level| level.is(of, rule));
        level.map_or(now_ms as f64, |level| level.empty_ms.max(now_ms as f64))
    }

    fn level_mut(&mut self, of: Option<&str>, rule: &Rule) -> &mut Level {
        let at = self.levels.iter().position(|level| level.is(of, rule)).unwrap_or_else(|| {
            let (span_ms, everybody) = (rule.span_ms, rule.everybody);
            self.levels.push(Level { of: of.map(str::to_owned), span_ms, everybody, empty_ms: 0.0 });
            self.levels.len() - 1
        });
        &mut self.levels[at]
    }

    fn pour(&mut self, ask: &Ask, scope: usize, cost: f64, now_ms: i64) {
        if cost != 0.0 {
            self.pour_at(ask, scope, cost, now_ms);
        }
    }

    fn pour_at(&mut self, ask: &Ask, scope: usize, cost: f64, at_ms: i64) {
        let rules = ask.scopes.get(scope).map_or(&[][..], |scope| &scope.rules);
        for (rule, drain) in rules.iter().filter_map(|rule| Some((rule, rule.drain?))) {
            let level = self.level_mut(ask.name(scope), rule);
            level.empty_ms = level.empty_ms.max(at_ms as f64) + cost * 1000.0 / drain;
        }
    }
}

impl Lent {
    fn cost_of(&self, of: Option<&str>) -> u64 {
        of.map_or(self.all, |name| self.subs.get(name).copied().unwrap_or(0))
    }
}

impl Level {
    fn is(&self, of: Option<&str>, rule: &Rule) -> bool {
        self.of.as_deref() == of && self.span_ms == rule.span_ms && self.everybody == rule.everybody
    }
}

impl Ask {
    fn name(&self, scope: usize) -> Option<&str> {
        self.scopes.get(scope)?.name.as_deref()
    }
}

fn insert(log: &mut Log, at_ms: i64, cost: u64) {
    let at = log.partition_point(|(known_ms, _)| *known_ms <= at_ms);
    match at.checked_sub(1).map(|before| &mut log[before]) {
        Some((known_ms, known)) if *known_ms == at_ms => *known += cost,
        _ => log.insert(at, (at_ms, cost)),
    }
}

/// What one sort of request meets, at one moment.
pub(super) struct View<'a> {
    now_ms: i64,
    quiet_ms: i64,
    limits: Vec<Limit<'a>>,
}

/// One rule and what counts in it.
struct Limit<'a> {
    scope: usize,
    rule: &'a Rule,
    log: Log,
    /// What counts for as long as nobody says otherwise.
    live: u64,
    others: (u64, i64),
    empty_ms: f64,
}

impl<'a> View<'a> {
    pub fn new(ledger: &Ledger, ask: &'a Ask, want: &Want, now_ms: i64) -> Self {
        let mut limits = Vec::new();
        let mut quiet_ms = now_ms;
        for scope in want.scopes.iter().copied() {
            let of = ask.name(scope);
            let until = ledger.quiet.iter().filter(|quiet| quiet.of.as_deref() == of).map(|quiet| quiet.until_ms);
            quiet_ms = until.fold(quiet_ms, i64::max);
            let held = ask.held.get(scope).copied().unwrap_or(0);
            for rule in ask.scopes.get(scope).map_or(&[][..], |scope| &scope.rules) {
                limits.push(Limit {
                    scope,
                    rule,
                    log: ledger.counted(of, now_ms),
                    live: ledger.lent_of(of, now_ms) + held,
                    others: ledger.used_by_others(of, rule, now_ms),
                    empty_ms: ledger.empty_ms(of, rule, now_ms),
                });
            }
        }
        Self { now_ms, quiet_ms, limits }
    }

    /// Returns how many requests a slice holds at least.
    fn slice(&self) -> u64 {
        let rates = self.limits.iter().map(|limit| limit.rule.per_second());
        rates.reduce(f64::min).map_or(1, |rate| ((rate * SLICE) as u64).max(1))
    }

    fn has_long(&self) -> bool {
        self.limits.iter().any(|limit| limit.rule.long)
    }

    /// Returns how many could go now.
    fn free(&self) -> u64 {
        let free = self
            .limits
            .iter()
            .map(|limit| (limit.rule.allowed - limit.rule.late - limit.used(self.now_ms)).max(0.0) as u64);
        free.min().unwrap_or(0)
    }

    /// Returns when the next one may go, and which window keeps it until then; nothing where that depends on what
    /// becomes of those that are lent.
    pub fn next(&self, want: &Want) -> (Option<i64>, Option<(usize, usize)>) {
        let (mut latest_ms, mut by) = (self.quiet_ms, None);
        for limit in &self.limits {
            let place = (limit.scope, limit.rule.window);
            match limit.next(want, self.now_ms) {
                None => return (None, Some(place)),
                Some(moment) if moment > latest_ms => (latest_ms, by) = (moment, Some(place)),
                Some(_) => {}
            }
        }
        (Some(latest_ms), by)
    }

    fn take(&mut self, cost: u64, at_ms: i64) {
        for limit in &mut self.limits {
            limit.live += cost;
            if let Some(drain) = limit.rule.drain {
                limit.empty_ms = limit.empty_ms.max(at_ms as f64) + cost as f64 * 1000.0 / drain;
            }
        }
    }
}

impl Limit<'_> {
    fn used(&self, now_ms: i64) -> f64 {
        match self.rule.drain {
            Some(drain) => (self.empty_ms - now_ms as f64).max(0.0) * drain / 1000.0,
            None => {
                let counts = self.log.iter().filter(|(at_ms, _)| at_ms + self.rule.counts_ms > now_ms);
                (counts.map(|(_, cost)| cost).sum::<u64>() + self.live + self.others.0) as f64
            }
        }
    }

    fn next(&self, want: &Want, now_ms: i64) -> Option<i64> {
        // A request that costs more than a whole window goes alone.
        let cost = (want.cost as f64).min(self.rule.allowed - self.rule.late);
        if let Some(drain) = self.rule.drain {
            let room_ms = (self.rule.allowed - self.rule.late - cost) * 1000.0 / drain;
            return Some(((self.empty_ms - room_ms).ceil() as i64).max(now_ms));
        }
        let reserve = if want.urgent { 0.0 } else { self.rule.reserve.min(self.rule.allowed - cost) };
        let free = self.free_at(self.used(now_ms) + cost + reserve - self.rule.allowed, now_ms)?;
        Some(if want.urgent { free } else { free.max(self.evenly(cost, now_ms)) })
    }

    /// Returns when so much of what counts will have passed.
    fn free_at(&self, mut excess: f64, now_ms: i64) -> Option<i64> {
        if excess <= 1e-9 {
            return Some(now_ms);
        }
        let mut others = (self.others.0 > 0).then_some((self.others.1, self.others.0));
        let passing = self.log.iter().map(|(at_ms, cost)| (at_ms + self.rule.counts_ms, *cost));
        for (until_ms, cost) in passing.filter(|(until_ms, _)| *until_ms > now_ms) {
            if let Some((_, used)) = others.take_if(|(others_ms, _)| *others_ms <= until_ms) {
                excess -= used as f64;
                if excess <= 1e-9 {
                    return Some(self.others.1);
                }
            }
            excess -= cost as f64;
            if excess <= 1e-9 {
                return Some(until_ms);
            }
        }
        others.filter(|(_, used)| excess - *used as f64 <= 1e-9).map(|(others_ms, _)| others_ms)
    }

    /// Returns when one more goes at the even pace that follows the burst.
    fn evenly(&self, cost: f64, now_ms: i64) -> i64 {
        let (burst, rest) = (self.rule.burst, self.rule.allowed - self.rule.burst);
        if rest <= 0.0 {
            return now_ms;
        }
        let after = |at_ms: i64, sum: u64| {
            let over = ((sum as f64 + cost - burst) / rest).clamp(0.0, 1.0);
            if over > 0.0 { at_ms + (over * (self.rule.counts_ms - EARLY_MS) as f64) as i64 } else { now_ms }
        };
        let mut sum = self.live;
        let mut moment = after(now_ms, sum);
        for (at_ms, cost) in self.log.iter().rev().take_while(|(at_ms, _)| at_ms + self.rule.counts_ms > now_ms) {
            sum += cost;
            moment = moment.max(after(*at_ms, sum));
        }
        moment
    }
}

/// Returns how long it takes at least until so many requests more may have gone, as far as one rule is concerned.
pub(super) fn forecast(ledger: &Ledger, of: Option<&str>, rule: &Rule, requests: u64, now_ms: i64) -> Duration {
    let limit = Limit {
        scope: 0,
        rule,
        log: ledger.counted(of, now_ms),
        live: ledger.lent_of(of, now_ms),
        others: ledger.used_by_others(of, rule, now_ms),
        empty_ms: ledger.empty_ms(of, rule, now_ms),
    };
    let used = limit.used(now_ms);
    if !rule.long {
        let free = (rule.allowed - used).max(0.0);
        return super::limits::seconds((requests as f64 - free) / rule.per_second());
    }
    // What passed makes room, and what is sent then makes room again a window later.
    let allowed = (rule.allowed as u64).max(1);
    let rounds = requests.saturating_sub(1) / allowed;
    let excess = used + (requests - rounds * allowed) as f64 - rule.allowed;
    let wait_ms = limit.free_at(excess, now_ms).map_or(rule.counts_ms, |moment| moment - now_ms);
    let ms = wait_ms.saturating_add(rule.counts_ms.saturating_mul(i64::try_from(rounds).unwrap_or(i64::MAX)));
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
