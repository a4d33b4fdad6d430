//! Holds the making of accounts in a connection that was never read completely.
//! Without one complete pull nobody knows who is there already, and everybody would be made a second time.
//! Holds: a create in a connection that was configured today and not pulled. Lets through: one after its first pull.

use super::{Held, Scene};
use crate::abilities::Effect;

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let creates = scene.steps.iter().enumerate().filter(|(_, step)| step.effect == Effect::Create);
    creates
        .filter(|(_, step)| {
            scene.facts.connections.get(&step.connection).is_none_or(|connection| connection.complete_ms.is_none())
        })
        .map(|(at, step)| {
            (at, format!("{} was never read completely, so nobody knows who is there already", step.connection))
        })
        .collect()
}
