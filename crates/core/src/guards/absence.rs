//! Holds the making of accounts in a connection of which nobody knows who is there already.
//! Without one complete pull, or where most records came without the address that says whose they are, everybody would
//! be made a second time. Holds: a create in a connection that was configured today and not pulled. Lets through: one
//! after its first pull.

use super::{Held, Scene};
use crate::abilities::Effect;
use crate::census::Census;
use crate::name::ConnectionName;
use std::collections::BTreeMap;

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let counts = counts(scene);
    let creates = scene.steps.iter().enumerate().filter(|(_, step)| step.meant() == Effect::Create);
    creates
        .filter_map(|(at, step)| {
            let name = &step.connection;
            let complete = scene.facts.connections.get(name).is_some_and(|connection| connection.complete_ms.is_some());
            if !complete {
                return Some((at, format!("{name} was never read completely, so nobody knows who is there already")));
            }
            let Census { records: all, nameless: without, .. } = counts.get(name)?;
            (without * 2 > *all).then(|| {
                (at, format!("{without} of {all} records of {name} came without a login, so nobody knows who is there already"))
            })
        })
        .collect()
}

/// Counts, by connection, the records that tell neither a login nor an outside key, and all.
fn counts<'f>(scene: &Scene<'f>) -> BTreeMap<&'f ConnectionName, Census> {
    if !scene.steps.iter().any(|step| step.meant() == Effect::Create) {
        return BTreeMap::new();
    }
    let mut counts: BTreeMap<&ConnectionName, Census> =
        scene.facts.beyond.iter().map(|(name, census)| (name, *census)).collect();
    for account in &scene.facts.accounts {
        counts.entry(&account.key.connection).or_default().count(account, None);
    }
    counts
}
