//! Holds the removals of a connection where, with them, too many would be taken away within any 24 hours.
//! Ten small plans take away as much as a large one. What was taken away is counted by the store, whichever process did it,
//! and counted again as each step begins. A step that is counted already, such as work that still waits for a person, is not
//! counted once more when it is planned again.
//! Holds: 20 suspends after 31 of this morning, by default. Lets through: one, however small the connection is.

use super::removals::allowed;
use super::{Held, Scene, removals};
use crate::change::Step;
use crate::facts::Removed;
use crate::name::ConnectionName;
use crate::policy::Guards;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn hold_many(scene: &Scene<'_>) -> Held {
    let most = most_per_day(&scene.rules.guards, 0).steps;
    hold(scene, |name, places, _, removed| {
        let sum = removed.steps + places.len() as u64;
        (sum > most).then(|| {
            let (now, before) = (places.len(), removed.steps);
            format!("{now} removals in {name} after {before} within the last 24 hours, removals_max_per_day is {most}")
        })
    })
}

pub(super) fn hold_share(scene: &Scene<'_>) -> Held {
    hold(scene, |name, _, accounts, removed| {
        let active = scene.facts.connections.get(name).map_or(0, |facts| facts.accounts_active);
        let most = most_per_day(&scene.rules.guards, active + removed.accounts).accounts;
        (removed.accounts + accounts > most).then(|| {
            let (before, share) = (removed.accounts, scene.rules.guards.removals_max_share_per_day);
            format!(
                "{accounts} accounts of {name} would lose something after {before} within the last 24 hours, of {active} \
                 that are active; removals_max_share_per_day = {share} allows {most}"
            )
        })
    })
}

/// Returns how much may be taken away in one connection within 24 hours, of so many accounts.
pub fn most_per_day(guards: &Guards, active: u64) -> Removed {
    let accounts = allowed(active, guards.removals_max_share_per_day);
    Removed { steps: guards.removals_max_per_day, accounts }
}

/// Holds the removals of each connection for which `because` has a reason: by their places, the number of their accounts,
/// and what was taken away before.
fn hold(scene: &Scene<'_>, because: impl Fn(&ConnectionName, &[usize], u64, Removed) -> Option<String>) -> Held {
    let mut losing: BTreeMap<_, (Vec<usize>, BTreeSet<_>)> = BTreeMap::new();
    let is_counted = |step: &Step| {
        scene.facts.connections.get(&step.connection).is_some_and(|facts| facts.removed_by.contains(&step.id))
    };
    for (at, step) in removals(scene).filter(|(_, step)| !is_counted(step)) {
        let (places, accounts) = losing.entry(&step.connection).or_default();
        places.push(at);
        accounts.insert(&step.account_key);
    }
    let mut held = Vec::new();
    for (name, (places, accounts)) in losing {
        let removed = scene.facts.connections.get(name).map(|connection| connection.removed).unwrap_or_default();
        if let Some(because) = because(name, &places, accounts.len() as u64, removed) {
            held.extend(places.into_iter().map(|at| (at, because.clone())));
        }
    }
    held
}
