//! Holds all removals of a plan that has too many, and those of a connection that would lose too large a share.
//! A wrong feed or a wrong rule looks like many leavers at once; a person should look before it is believed.
//! Holds: 26 suspends by default, or 4 of 20 accounts. Lets through: one removal, however small the connection.

use super::{Held, Scene, removals};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn hold_many(scene: &Scene<'_>) -> Held {
    let most = scene.rules.guards.removals_max;
    let places: Vec<usize> = removals(scene).map(|(at, _)| at).collect();
    if places.len() as u64 <= most {
        return Vec::new();
    }
    let because = format!("the plan has {} removals, removals_max is {most}", places.len());
    places.into_iter().map(|at| (at, because.clone())).collect()
}

pub(super) fn hold_share(scene: &Scene<'_>) -> Held {
    let mut losing = BTreeMap::<_, BTreeSet<_>>::new();
    for (_, step) in removals(scene) {
        losing.entry(&step.connection).or_default().insert(&step.account_key);
    }
    let share = scene.rules.guards.removals_max_share;
    let mut held = Vec::new();
    for (connection, accounts) in losing {
        let active = scene.facts.connections.get(connection).map_or(0, |facts| facts.accounts_active);
        let most = allowed(active, share);
        if accounts.len() as u64 <= most {
            continue;
        }
        let because = format!(
            "{} of {active} active accounts of {connection} would lose something, removals_max_share = {share} allows {most}",
            accounts.len()
        );
        held.extend(
            removals(scene).filter(|(_, step)| step.connection == *connection).map(|(at, _)| (at, because.clone())),
        );
    }
    held
}

/// Returns how many of `whole` a share allows: no more than that share, but one of however few; a share of 0 allows none.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of accounts are far below 2^52, shares lie between 0 and 1"
)]
pub(super) fn allowed(whole: u64, share: f64) -> u64 {
    // A little more, since 0.29 of 100 is a little less than 29 to a computer.
    let within = (whole as f64 * share + 1e-9).floor() as u64;
    if share > 0.0 { within.max(1) } else { 0 }
}
