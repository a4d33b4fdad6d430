//! Holds whatever would be done in a connection where step after step failed, whichever plan they were of.
//! An app that is broken, or a credential that is not accepted any more, is not to be asked a hundred times.
//! Holds: a create in an app that refused the last ten steps. Lets through: one after a step that was done.

use super::{Held, Scene};

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let open = |name| scene.facts.connections.get(name).and_then(|connection| connection.circuit.clone());
    let steps = scene.steps.iter().enumerate();
    steps.filter_map(|(at, step)| Some((at, open(&step.connection)?))).collect()
}
