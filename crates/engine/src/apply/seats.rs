//! Seats while a run goes on: which steps take one, and which connections have shown that none is left.
//! In each connection steps that take a seat go one after the other, so that the first refusal is the only one.
//! It counts nothing itself; the guard counted before the plan.

use std::collections::{BTreeMap, BTreeSet};
use tenure_core::abilities::{Abilities, Seat};
use tenure_core::change::Step;
use tenure_core::name::ConnectionName;

/// The seats of all connections during one run.
#[derive(Debug, Default)]
pub(super) struct Seats {
    /// Connections in which steps that take a seat are under way, and how many; those of one request go together.
    taking: BTreeMap<ConnectionName, usize>,
    /// Connections that refused one.
    full: BTreeSet<ConnectionName>,
}

/// Why a step that takes a seat cannot start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSeat {
    /// Another one is being taken; whether one is left shows then.
    Now,
    /// The app refused one in this run.
    Full,
}

impl Seats {
    /// Tells why a step cannot start for want of a seat.
    pub fn obstacle(&self, step: &Step, abilities: &Abilities) -> Option<NoSeat> {
        if !takes(step, abilities) {
            None
        } else if self.full.contains(&step.connection) {
            Some(NoSeat::Full)
        } else {
            self.taking.contains_key(&step.connection).then_some(NoSeat::Now)
        }
    }

    /// Notes that a step begins.
    pub fn begin(&mut self, step: &Step, abilities: &Abilities) {
        if takes(step, abilities) {
            *self.taking.entry(step.connection.clone()).or_default() += 1;
        }
    }

    /// Notes that a step ended, and whether the app refused it for want of a seat.
    pub fn end(&mut self, step: &Step, abilities: &Abilities, refused: bool) {
        if takes(step, abilities) {
            let left = self.taking.get(&step.connection).map_or(0, |count| count.saturating_sub(1));
            match left {
                0 => self.taking.remove(&step.connection),
                left => self.taking.insert(step.connection.clone(), left),
            };
        }
        if refused {
            self.full.insert(step.connection.clone());
        }
    }
}

fn takes(step: &Step, abilities: &Abilities) -> bool {
    let ability = abilities.kinds.get(&step.kind).and_then(|kind| kind.effects.get(&step.effect));
    ability.is_some_and(|ability| ability.seat == Seat::Takes)
}
