//! Holds whatever would be done in a connection that answers in another form than before, where a write relies on it.
//! A field that is gone is read as empty, and a plan made of that would put right what is not wrong; a record that is sent
//! back whole would lose it. Work by hand rests on the same reading. Holds: a suspend in an app whose records have no
//! `active` any more. Lets through: one in an app whose records have a new field besides.

use super::{Held, Scene};

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let drift = |name| scene.facts.connections.get(name).and_then(|connection| connection.drift.clone());
    let steps = scene.steps.iter().enumerate();
    steps.filter_map(|(at, step)| Some((at, drift(&step.connection)?))).collect()
}
