//! Holds removals while the newest pull of their connection, or of a source, is partial.
//! Only a complete pull proves that something is absent, and only then may something be taken away for it.
//! Holds: a suspend in gladly after a pull that broke off at page 3. Lets through: one in gorgias at the same time.

use super::{Held, Scene, by_sources, removals, sources};
use crate::facts::{ConnectionFacts, Coverage};
use crate::name::ConnectionName;

pub(super) fn hold(scene: &Scene<'_>) -> Held {
    let partial_source = sources(scene).find_map(|(name, source)| partial(name, source));
    removals(scene)
        .filter_map(|(at, step)| {
            let target = scene.facts.connections.get(&step.connection);
            let because = target.and_then(|target| partial(&step.connection, target));
            because.or_else(|| partial_source.clone().filter(|_| by_sources(step))).map(|because| (at, because))
        })
        .collect()
}

fn partial(name: &ConnectionName, connection: &ConnectionFacts) -> Option<String> {
    (connection.coverage == Some(Coverage::Partial)).then(|| {
        let because = connection.because.as_deref().unwrap_or("something was not read");
        format!("the newest pull of {name} is partial: {because}")
    })
}
