//! Holds whatever would be done in a connection that answers in another form than before, where a write relies on it.
//! A field that is gone is read as empty, and a plan made of that would put right what is not wrong; a record that is sent
//! back whole would lose it. Work by hand rests on the same reading. Holds: a suspend in an app whose records have no
//! `active` any more. Lets through: one in an app whose records have a new field besides.

use super::{Held, Scene, by_sources, sources};
use crate::change::Step;
use crate::name::ConnectionName;

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let drift =
        |name: &ConnectionName| scene.facts.connections.get(name).and_then(|connection| connection.drift.clone());
    // Where a source lost what tells who is here, nothing that rests on sources is done anywhere.
    let source = sources(scene).find_map(|(_, facts)| facts.drift.clone());
    let because = |step: &Step| drift(&step.connection).or_else(|| source.clone().filter(|_| by_sources(step)));
    let steps = scene.steps.iter().enumerate();
    steps.filter_map(|(at, step)| Some((at, because(step)?))).collect()
}
