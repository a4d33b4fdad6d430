//! Guards: what holds steps back. Each is one file that says what it holds, why, and shows an example of both.
//! They are judged on the whole plan before its first write; they hold, they never repair.

mod absence;
mod circuit_breaker;
mod contract_drift;
mod last_administrator;
mod mass_rename;
mod needs;
mod partial;
mod protected;
mod removals;
mod removals_per_day;
pub mod release;
mod seats;
mod source_shrink;
mod stale;

use crate::abilities::Effect;
use crate::change::{ReasonKind, Step};
use crate::correlate::Graph;
use crate::facts::Facts;
use crate::finding::Findings;
use crate::name::ConnectionName;
use crate::policy::Rules;

pub(crate) use last_administrator::is_administrator;
pub(crate) use protected::is_owner;
pub use removals_per_day::most_per_day;
pub(crate) use source_shrink::shrunk;

/// What the guards look at.
#[derive(Debug)]
pub struct Scene<'a> {
    /// All steps, in their order.
    pub steps: &'a [Step],
    /// The facts.
    pub facts: &'a Facts,
    /// The policy.
    pub rules: &'a Rules,
    /// The graph.
    pub graph: &'a Graph<'a>,
    /// For each step: what guards that were asked before hold it by, if any. What is held takes nothing away.
    pub held: &'a [Option<HeldBy>],
}

/// The guard that holds a step, and why.
pub type HeldBy = (&'static str, String);

impl<'a> Scene<'a> {
    /// Lists the steps that no guard holds yet, with their places.
    fn free(&self) -> impl Iterator<Item = (usize, &'a Step)> {
        let held = self.held;
        self.steps.iter().enumerate().filter(move |(at, _)| held.get(*at).is_none_or(Option::is_none))
    }
}

/// What a guard holds: the step's place, and a sentence with the figures.
pub type Held = Vec<(usize, String)>;

type Guard = fn(&Scene<'_>) -> Held;

/// The guards that look at steps, by name, in the order in which they are asked.
pub const GUARDS: [(&str, Guard); 13] = [
    ("protected", protected::hold),
    ("contract_drift", contract_drift::hold),
    ("circuit_breaker", circuit_breaker::hold),
    ("last_administrator", last_administrator::hold),
    ("removals_max", removals::hold_many),
    ("removals_max_share", removals::hold_share),
    ("removals_max_per_day", removals_per_day::hold_many),
    ("removals_max_share_per_day", removals_per_day::hold_share),
    ("source_shrink", source_shrink::hold),
    ("stale", stale::hold),
    ("partial", partial::hold),
    ("absence", absence::hold),
    ("mass_rename", mass_rename::hold),
];

/// For each step: the first guard that holds it and why. Guards count what is not held before them. Seats are counted over
/// what is left, and whatever needs a held step is held with it.
pub fn holds(scene: &Scene<'_>, findings: &mut Findings) -> Vec<Option<HeldBy>> {
    let mut holds: Vec<Option<HeldBy>> = vec![None; scene.steps.len()];
    for (name, guard) in GUARDS {
        let found = guard(&Scene { held: &holds, ..*scene });
        for (at, because) in found {
            holds[at].get_or_insert((name, because));
        }
    }
    needs::hold(scene, &mut holds);
    for (at, because) in seats::hold(scene, &holds, findings) {
        holds[at].get_or_insert(("seats", because));
    }
    needs::hold(scene, &mut holds);
    protected::tell(scene, &holds, findings);
    holds
}

/// Tells whether a step takes something away; work by hand counts when it stands for a removal.
pub fn removes(step: &Step) -> bool {
    let takes_away = |step: &Step| {
        step.changes
            .iter()
            .filter_map(|change| change.entitlement.as_ref())
            .any(|change| change.add.is_empty() && !change.remove.is_empty())
    };
    match step.effect {
        Effect::Update => takes_away(step),
        Effect::Manual => step.meant().is_removal(),
        effect => effect.is_removal(),
    }
}

/// Tells whether a step rests on what the sources say, and not on a person's decision.
fn by_sources(step: &Step) -> bool {
    step.reason.kind != ReasonKind::Decision
}

/// Lists the removals with their places, but for those that are held already.
fn removals<'a>(scene: &Scene<'a>) -> impl Iterator<Item = (usize, &'a Step)> {
    scene.free().filter(|(_, step)| removes(step))
}

/// Lists the sources.
fn sources<'a>(scene: &Scene<'a>) -> impl Iterator<Item = (&'a ConnectionName, &'a crate::facts::ConnectionFacts)> {
    scene
        .facts
        .connections
        .iter()
        .filter(|(_, connection)| matches!(connection.abilities.standing, crate::abilities::Standing::Source(_)))
}

/// Shows a moment in a sentence (RFC 3339, UTC), so that the sentence does not change while nothing else does.
fn moment(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |at| at.to_string())
}

#[cfg(test)]
pub(crate) mod tests;
