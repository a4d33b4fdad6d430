//! The slice of the budget that one process holds: requests that it may send, each from a moment on; and what it has to
//! tell the ledger at the next exchange.
//! It says when the ledger is to be asked, so that a process asks a few times a second and misses nothing. It counts
//! nothing.

use super::budget::ms_up;
use super::grant::USE_WITHIN_MS;
use super::ledger::{Answer, Seen, Spending};
use super::park::SAT_OUT_MAX;
use super::queue::Sort;
use crate::transport::Priority;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Whoever can wait asks no more often than this once less was given than wanted.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// Whoever is urgent asks again after this, where nobody can say when there is something.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// Slices grow while they are used up within this time.
const QUICK: Duration = Duration::from_millis(200);
/// No slice is asked to hold more.
const MORE_MAX: u64 = 256;
/// Words of answers about windows that are kept until the ledger is asked.
const SEEN_MAX: usize = 64;
/// How far ahead each is promised a turn. Readers ask more often than that, and so miss none.
const READ_AHEAD: Duration = Duration::from_millis(300);
const WRITE_AHEAD: Duration = Duration::from_secs(1);

/// What a process holds, and has to tell.
#[derive(Debug, Default)]
pub(super) struct Hand {
    /// Of each sort those that may go first last, so that one is found and used up at the same cost however many are held.
    cards: BTreeMap<Sort, Vec<Card>>,
    pace: BTreeMap<Sort, Pace>,
    spent: Vec<Spent>,
    returned: Vec<(Vec<usize>, u64)>,
    seen: Vec<(Instant, Seen)>,
    quiet: Vec<(Instant, usize, String)>,
    /// When the ledger was asked last.
    pub asked: Option<Instant>,
}

/// One request that may be sent.
#[derive(Debug)]
struct Card {
    from: Instant,
    until: Instant,
}

/// What came of asking for a sort of request the last time.
#[derive(Clone, Debug)]
struct Pace {
    asked: Instant,
    /// How urgent whoever asked was.
    priority: Priority,
    /// When the next one could go, where it was not promised.
    next: Option<Instant>,
    short: bool,
    more: u64,
    /// The window that keeps it.
    limit: Option<(usize, usize)>,
}

#[derive(Clone, Debug)]
struct Spent {
    scopes: Vec<usize>,
    at: Instant,
    cost: u64,
    beyond: u64,
}

/// Returns how far ahead a request of this urgency is promised its turn.
pub(super) fn ahead(priority: Priority) -> Duration {
    match priority {
        Priority::Read => READ_AHEAD,
        Priority::Write => WRITE_AHEAD,
        Priority::Leaver => SAT_OUT_MAX,
    }
}

/// Returns the scopes in which a request counts: what all requests count in, and the limits of some paths only.
pub(super) fn scopes(subs: &[usize]) -> Vec<usize> {
    std::iter::once(0).chain(subs.iter().map(|at| at + 1)).collect()
}

impl Hand {
    /// Returns from when on a request of this sort may go, if it may.
    pub fn ready(&self, sort: &Sort, now: Instant) -> Option<Instant> {
        self.cards.get(sort)?.iter().rev().find(|card| card.until > now).map(|card| card.from)
    }

    /// Uses one up.
    pub fn play(&mut self, sort: &Sort, now: Instant) {
        let Some(cards) = self.cards.get_mut(sort) else { return };
        if let Some(at) = cards.iter().rposition(|card| card.until > now) {
            cards.remove(at);
        }
    }

    /// Returns how many requests of this sort may go, now or in a moment.
    pub fn count(&self, sort: &Sort) -> u64 {
        self.cards.get(sort).map_or(0, Vec::len) as u64
    }

    /// Returns when the ledger is to be asked for more of a sort; nothing where it is now.
    pub fn when_to_ask(&self, sort: &Sort, priority: Priority, now: Instant) -> Option<Instant> {
        // Somebody more urgent may be given what the one before was not.
        let pace = self.pace.get(sort).filter(|pace| pace.short && priority <= pace.priority)?;
        if let Some(next) = pace.next.filter(|next| next.saturating_duration_since(now) > SAT_OUT_MAX) {
            return Some(next);
        }
        let promised = |next: Instant| next.checked_sub(ahead(priority)).unwrap_or(next);
        let moment = match (priority, pace.next) {
            (Priority::Leaver, Some(next)) => promised(next),
            (Priority::Leaver, None) => pace.asked + ASK_AGAIN,
            (_, next) => next.map_or(pace.asked, promised).max(pace.asked + ASK_EVERY),
        };
        Some(moment).filter(|moment| *moment > now)
    }

    /// Returns how many more than wait are worth asking for: more and more while slices are used up quickly.
    pub fn more(&self, sort: &Sort, now: Instant) -> u64 {
        match self.pace.get(sort) {
            Some(pace) if !pace.short && now.saturating_duration_since(pace.asked) < QUICK => {
                (pace.more * 2).min(MORE_MAX)
            }
            Some(pace) if now.saturating_duration_since(pace.asked) < QUICK * 5 => pace.more,
            _ => 1,
        }
    }

    /// Returns the window that keeps a sort of request waiting.
    pub fn limit(&self, sort: &Sort) -> Option<(usize, usize)> {
        self.pace.get(sort)?.limit
    }

    /// Notes that a request was answered.
    pub fn spent(&mut self, subs: &[usize], at: Instant, cost: u64, thought: u64) {
        let (scopes, beyond) = (scopes(subs), cost.saturating_sub(thought));
        match self.spent.last_mut() {
            Some(last) if last.scopes == scopes && last.at == at => {
                last.cost += cost;
                last.beyond += beyond;
            }
            _ => self.spent.push(Spent { scopes, at, cost, beyond }),
        }
    }

    /// Notes that a request never left.
    pub fn give_back(&mut self, subs: &[usize], cost: u64) {
        self.returned.push((scopes(subs), cost));
    }

    /// Notes what an answer told of a window.
    pub fn saw(&mut self, scope: usize, window: usize, used: u64, reset: Option<Duration>, now: Instant) {
        let seen = Seen { scope, window, used, reset_ms: reset.map(ms_up), age_ms: 0 };
        if self.seen.len() >= SEEN_MAX {
            self.seen.remove(0);
        }
        self.seen.push((now, seen));
    }

    /// Notes that the tenant wants nothing sent until a moment.
    pub fn hush(&mut self, scope: usize, until: Instant, because: String) {
        self.quiet.push((until, scope, because));
    }

    /// Tells whether something is to be told that others must know at once.
    pub fn has_news(&self) -> bool {
        !self.quiet.is_empty()
    }

    /// Tells whether the ledger knows less of this process than there is to know.
    pub fn is_untold(&self) -> bool {
        !self.spent.is_empty() || !self.quiet.is_empty() || !self.pace.is_empty()
    }

    /// Takes back what can be used no more; all of it if the work is over.
    pub fn fold(&mut self, now: Instant, all: bool) {
        for (sort, cards) in &mut self.cards {
            let void = cards.extract_if(.., |card| all || card.until <= now);
            self.returned.extend(void.map(|_| (scopes(&sort.subs), sort.cost)));
        }
    }

    /// Returns what is held and not sent, in a scope.
    pub fn held(&self, scope: usize) -> u64 {
        let counts = |sort: &Sort| scope == 0 || sort.subs.contains(&(scope - 1));
        self.cards.iter().filter(|(sort, _)| counts(sort)).map(|(sort, cards)| sort.cost * cards.len() as u64).sum()
    }

    /// Returns until when what is held may be used.
    pub fn held_until(&self) -> Option<Instant> {
        self.cards.values().flatten().map(|card| card.until).max()
    }

    /// Lists what there is to tell, as it is at `now`. What was spent is told again until the ledger has it.
    pub fn tell(&mut self, now: Instant) -> Telling {
        let age_ms = |at: Instant| i64::try_from(now.saturating_duration_since(at).as_millis()).unwrap_or(i64::MAX);
        let spent = self.spent.iter().map(|spent| Spending {
            scopes: spent.scopes.clone(),
            age_ms: age_ms(spent.at),
            cost: spent.cost,
            beyond: spent.beyond,
        });
        let seen = std::mem::take(&mut self.seen).into_iter();
        let left_ms = |until: Instant| ms_up(until.saturating_duration_since(now));
        Telling {
            spent: spent.collect(),
            returned: std::mem::take(&mut self.returned),
            seen: seen.map(|(at, seen)| Seen { age_ms: age_ms(at), ..seen }).collect(),
            quiet: self
                .quiet
                .iter()
                .map(|(until, scope, because)| (left_ms(*until), *scope, because.clone()))
                .collect(),
        }
    }

    /// Takes in what the ledger gave: `asked` before and `now` after the exchange.
    pub fn take_in(
        &mut self,
        told: (usize, usize),
        answer: &Answer,
        wanted: Option<(Sort, Priority, u64)>,
        asked: Instant,
        now: Instant,
    ) {
        self.spent.drain(..told.0.min(self.spent.len()));
        self.quiet.drain(..told.1.min(self.quiet.len()));
        self.asked = Some(asked);
        let Some((sort, priority, more)) = wanted else { return };
        let after = |base: Instant, moment: i64| {
            base + Duration::from_millis(u64::try_from(moment - answer.now_ms).unwrap_or(0))
        };
        // The ledger's moment lies between the two: nothing goes before it may, and nothing once it is void.
        let given = answer
            .granted
            .iter()
            .map(|moment| Card { from: after(now, *moment), until: after(asked, moment + USE_WITHIN_MS) });
        let cards = self.cards.entry(sort.clone()).or_default();
        cards.extend(given);
        cards.sort_by_key(|card| std::cmp::Reverse(card.from));
        let next = answer.next_ms.filter(|_| answer.short).map(|moment| after(now, moment));
        self.pace.insert(sort, Pace { asked, priority, next, short: answer.short, more, limit: answer.limit });
    }
}

/// What a process tells at an exchange.
#[derive(Debug)]
pub(super) struct Telling {
    pub spent: Vec<Spending>,
    pub returned: Vec<(Vec<usize>, u64)>,
    pub seen: Vec<Seen>,
    pub quiet: Vec<(i64, usize, String)>,
}
