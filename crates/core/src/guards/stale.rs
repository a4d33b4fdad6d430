//! Holds removals that would rest on an old pull, of their connection or of a source, or on none at all.
//! What was true yesterday may have been put right since; making something is looked up first, taking away is not.
//! Holds: a suspend when the HR file was last read completely 25 hours ago. Lets through: one 23 hours ago.

use super::{Held, Scene, by_sources, moment, removals, sources};
use crate::facts::ConnectionFacts;
use crate::name::ConnectionName;

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let stale_source = sources(scene).find_map(|(name, source)| stale(scene, name, source));
    removals(scene)
        .filter_map(|(at, step)| {
            let target = scene.facts.connections.get(&step.connection);
            let because = target.and_then(|target| stale(scene, &step.connection, target));
            because.or_else(|| stale_source.clone().filter(|_| by_sources(step))).map(|because| (at, because))
        })
        .collect()
}

fn stale(scene: &Scene<'_>, name: &ConnectionName, connection: &ConnectionFacts) -> Option<String> {
    let after = scene.rules.guards.stale_after;
    match connection.complete_ms {
        None => Some(format!("{name} was never read completely")),
        Some(at_ms) if scene.facts.now_ms.saturating_sub(at_ms) > after.as_ms() => {
            Some(format!("the last complete pull of {name} is of {}, stale_after = {after}", moment(at_ms)))
        }
        Some(_) => None,
    }
}
