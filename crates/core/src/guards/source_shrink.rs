//! Holds all removals that rest on sources while one of them has shrunk more than is believable.
//! A feed that was cut off says that everybody behind the cut is gone.
//! Holds: a file of 970 people after one of 1,000. Lets through: 985 after 1,000, and what a person decided.

use super::{Held, Scene, by_sources, removals, sources};
use crate::facts::ConnectionFacts;
use crate::name::ConnectionName;

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let share = scene.rules.guards.source_shrink_max_share;
    let Some(because) = sources(scene).find_map(|(name, source)| shrunk(name, source, share)) else {
        return Vec::new();
    };
    removals(scene).filter(|(_, step)| by_sources(step)).map(|(at, _)| (at, because.clone())).collect()
}

/// Says how a source has shrunk, where that is more than the share that is believed.
#[allow(clippy::cast_precision_loss, reason = "counts of people are far below 2^52")]
pub(crate) fn shrunk(name: &ConnectionName, source: &ConnectionFacts, share: f64) -> Option<String> {
    let (before, now) = (source.records_before?, source.records_now?);
    let (lost, most) = (before.saturating_sub(now), before as f64 * share);
    (lost as f64 > most).then(|| {
        format!(
            "{name} had {before} people and has {now}: it lost {lost}, source_shrink_max_share = {share} allows {}",
            most.floor()
        )
    })
}
