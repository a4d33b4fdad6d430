//! Holds changes of names and addresses when a connection would see too many of them at once.
//! A column that moved by one in a file renames everybody.
//! Holds: 40 renames among 200 accounts. Lets through: 25, or 5 % of a large connection.

use super::removals::allowed;
use super::{Held, Scene};
use crate::abilities::Effect;
use crate::change::Step;
use std::collections::BTreeMap;

const RENAMES_MAX: u64 = 25;
const RENAMES_MAX_SHARE: f64 = 0.05;
const NAMES: [&str; 6] = ["login", "email", "work_email", "name", "given_name", "family_name"];

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let mut renames: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, step) in scene.free().filter(|(_, step)| renames_somebody(step)) {
        renames.entry(&step.connection).or_default().push(at);
    }
    let mut held = Vec::new();
    for (connection, places) in renames {
        let active = scene.facts.connections.get(connection).map_or(0, |facts| facts.accounts_active);
        let most = allowed(active, RENAMES_MAX_SHARE).max(RENAMES_MAX);
        if places.len() as u64 > most {
            let because = format!(
                "{} accounts of {connection} would be renamed at once, where {active} are active; {most} may be",
                places.len()
            );
            held.extend(places.into_iter().map(|at| (at, because.clone())));
        }
    }
    held
}

fn renames_somebody(step: &Step) -> bool {
    step.meant() == Effect::Update
        && step.changes.iter().any(|change| {
            NAMES.contains(&change.field.as_str()) && change.before.as_ref().is_some_and(|before| !before.is_null())
        })
}
