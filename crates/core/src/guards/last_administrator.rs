//! Holds the step that would take the last active administrator from a connection.
//! Without one nobody can put anything right there, and often not even the vendor will.
//! Holds: the suspend of the only account with a privileged role. Lets through: one of two.
//! When only a part of the connection was looked at, nobody knows whether another one is there, so it holds as well.

use super::{Held, Scene};
use crate::abilities::Effect;
use crate::account::{Account, AccountKey, AccountState};
use crate::change::Step;
use crate::name::ConnectionName;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let losing: Vec<(usize, &Step)> = scene.free().filter(|(_, step)| may_demote(step)).collect();
    if losing.is_empty() {
        return Vec::new();
    }
    let touched: BTreeSet<&ConnectionName> = losing.iter().map(|(_, step)| &step.connection).collect();
    let mut administrators: BTreeMap<&ConnectionName, BTreeSet<&AccountKey>> = BTreeMap::new();
    let mut seen: BTreeMap<&ConnectionName, u64> = BTreeMap::new();
    for account in scene.facts.accounts.iter().filter(|account| touched.contains(&account.key.connection)) {
        if account.state.gives_access() {
            *seen.entry(&account.key.connection).or_default() += 1;
        }
        if is_administrator(account) {
            administrators.entry(&account.key.connection).or_default().insert(&account.key);
        }
    }
    let mut held = Vec::new();
    for (connection, all) in &administrators {
        let demoting: Vec<(usize, &AccountKey)> = losing
            .iter()
            .filter(|(_, step)| step.connection == **connection)
            .filter_map(|(at, step)| Some((*at, step.account_key.as_ref()?)))
            .filter(|(at, key)| all.contains(key) && demotes(scene.steps.get(*at)))
            .collect();
        let gone: BTreeSet<&AccountKey> = demoting.iter().map(|(_, key)| *key).collect();
        let beyond = scene.facts.beyond.get(*connection).copied().unwrap_or_default();
        let all = all.len() as u64 + beyond.administrators;
        if (gone.len() as u64) < all || gone.is_empty() {
            continue;
        }
        let active = scene.facts.connections.get(*connection).map_or(0, |facts| facts.accounts_active);
        let because = match seen.get(*connection).copied().unwrap_or(0) + beyond.active < active {
            true => format!(
                "only a part of {connection} was looked at, so nobody knows whether another administrator remains; plan the whole connection"
            ),
            false => format!(
                "{} of {} active administrators of {connection} would go, and none would remain",
                gone.len(),
                all
            ),
        };
        held.extend(demoting.into_iter().map(|(at, _)| (at, because.clone())));
    }
    held
}

/// Tells whether somebody can do everything with an account.
pub(crate) fn is_administrator(account: &Account) -> bool {
    matches!(account.state, AccountState::Active | AccountState::Unknown)
        && account.grants.iter().any(|grant| grant.privileged)
}

fn may_demote(step: &Step) -> bool {
    matches!(step.effect, Effect::Suspend | Effect::Delete | Effect::Update | Effect::Revoke | Effect::Convert)
        && step.account_key.is_some()
}

/// Tells whether the step ends an administrator's power: the account goes, or a privileged grant and no other comes.
fn demotes(step: Option<&Step>) -> bool {
    let Some(step) = step else { return false };
    let mut changes = step.changes.iter().filter_map(|change| change.entitlement.as_ref());
    match step.effect {
        Effect::Suspend | Effect::Delete | Effect::Convert => true,
        _ => changes.any(|change| {
            change.remove.iter().any(|grant| grant.privileged) && !change.add.iter().any(|grant| grant.privileged)
        }),
    }
}
