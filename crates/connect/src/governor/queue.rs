//! Who waits, in the order in which they go: the most urgent first, then who came first.
//! `permit` enters and leaves it; whoever may be next is woken.
//! It is bounded by whoever enters, and knows nothing of budgets.

use crate::transport::Priority;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Notify;

/// A place in the queue.
pub(super) type Rank = (Reverse<Priority>, u64);

/// What makes requests alike for the budget: the limits of some paths only that count them, and what they cost.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Sort {
    pub subs: Vec<usize>,
    pub cost: u64,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Rank, Waiter>,
    by_sort: BTreeMap<Sort, BTreeSet<Rank>>,
    came: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub sort: Sort,
    pub wake: Arc<Notify>,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn enter(&mut self, priority: Priority, waiter: Waiter) -> Rank {
        self.came += 1;
        let rank = (Reverse(priority), self.came);
        self.by_sort.entry(waiter.sort.clone()).or_default().insert(rank);
        self.waiting.insert(rank, waiter);
        rank
    }

    pub fn leave(&mut self, rank: &Rank) -> Option<Waiter> {
        let waiter = self.waiting.remove(rank)?;
        if let Some(alike) = self.by_sort.get_mut(&waiter.sort) {
            alike.remove(rank);
            if alike.is_empty() {
                self.by_sort.remove(&waiter.sort);
            }
        }
        Some(waiter)
    }

    pub fn get(&self, rank: &Rank) -> Option<&Waiter> {
        self.waiting.get(rank)
    }

    /// Lists the first of each sort.
    pub fn leads(&self) -> impl Iterator<Item = (Rank, &Waiter)> {
        self.by_sort.values().filter_map(|alike| {
            let rank = *alike.first()?;
            Some((rank, self.waiting.get(&rank)?))
        })
    }

    /// Wakes everybody.
    pub fn wake_all(&self) {
        self.waiting.values().for_each(|waiter| waiter.wake.notify_one());
    }

    /// Tells whether nobody of the same sort goes before.
    pub fn is_lead(&self, rank: &Rank, sort: &Sort) -> bool {
        self.by_sort.get(sort).and_then(BTreeSet::first) == Some(rank)
    }

    /// Returns how many of a sort wait that are at least so urgent.
    pub fn count(&self, sort: &Sort, priority: Priority) -> usize {
        let alike = self.by_sort.get(sort);
        alike.map_or(0, |alike| alike.iter().take_while(|(Reverse(waits), _)| *waits >= priority).count())
    }
}
