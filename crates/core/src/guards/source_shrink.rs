//! Holds all removals that rest on sources while one of them has shrunk more than is believable.
//! A feed that was cut off says that everybody behind the cut is gone.
//! Holds: a file of 970 people after one of 1,000. Lets through: 985 after 1,000, and what a person decided.

use super::{Held, Scene, by_sources, removals, sources};

#[allow(clippy::cast_precision_loss, reason = "counts of people are far below 2^52")]
pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let share = scene.rules.guards.source_shrink_max_share;
    let shrunk = sources(scene).find_map(|(name, source)| {
        let (before, now) = (source.records_before?, source.records_now?);
        let lost = before.saturating_sub(now);
        (lost as f64 > before as f64 * share).then_some((name, before, now, lost))
    });
    let Some((name, before, now, lost)) = shrunk else { return Vec::new() };
    let because = format!(
        "{name} had {before} people and has {now}: it lost {lost}, source_shrink_max_share = {share} allows {}",
        (before as f64 * share).floor()
    );
    removals(scene).filter(|(_, step)| by_sources(step)).map(|(at, _)| (at, because.clone())).collect()
}
