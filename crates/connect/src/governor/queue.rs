//! Who waits, in the order in which they go: the most urgent first, then who came first.
//! `permit` enters and leaves it; whoever may be next is woken.
//! It is bounded by whoever enters, and knows nothing of budgets.

use crate::transport::Priority;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;

/// A place in the queue.
pub(super) type Rank = (Reverse<Priority>, u64);

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Rank, Waiter>,
    came: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub cost: u64,
    pub subs: Vec<usize>,
    pub wake: Arc<Notify>,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn enter(&mut self, priority: Priority, waiter: Waiter) -> Rank {
        self.came += 1;
        let rank = (Reverse(priority), self.came);
        self.waiting.insert(rank, waiter);
        rank
    }

    pub fn leave(&mut self, rank: &Rank) -> Option<Waiter> {
        self.waiting.remove(rank)
    }

    pub fn get(&self, rank: &Rank) -> Option<&Waiter> {
        self.waiting.get(rank)
    }

    /// Lists who waits, first the one who goes first.
    pub fn iter(&self) -> impl Iterator<Item = (&Rank, &Waiter)> {
        self.waiting.iter()
    }
}
