//! Holds what would take a seat that the company has not bought.
//! At the limit a vendor refuses in the middle of a plan, or sends a bill; invitations that wait take seats, too.
//! Holds: the third create when two seats are free. Lets through: it, when a leaver frees a seat in the same plan and
//! nobody needs to approve that first.

use super::{Held, Scene};
use crate::abilities::Effect;
use crate::change::{FindingKind, Severity};
use crate::finding::{About, Findings, told};
use crate::name::ConnectionName;
use crate::plan::{seats_free, seats_of};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn hold(scene: &Scene<'_>, holds: &[Option<(&'static str, String)>], findings: &mut Findings) -> Held {
    let mut free: BTreeMap<&ConnectionName, i64> = BTreeMap::new();
    let mut lacking: BTreeMap<&ConnectionName, i64> = BTreeMap::new();
    let mut held = Vec::new();
    for (at, step) in scene.steps.iter().enumerate() {
        let Some(connection) = scene.facts.connections.get(&step.connection) else { continue };
        let Some(bought) = connection.abilities.seats else { continue };
        let seats = seats_of(step, connection);
        let left = free.entry(&step.connection).or_insert_with(|| seats_free(connection).unwrap_or(0));
        let is_held = holds[at].is_some();
        // When a person gets round to freeing one, nobody knows.
        if seats < 0 && !is_held && step.effect != Effect::Manual && step.approval.state.permits() {
            *left += 1;
        }
        if seats <= 0 || is_held {
            continue;
        }
        if *left > 0 {
            *left -= 1;
            continue;
        }
        *lacking.entry(&step.connection).or_default() += 1;
        let (name, taken) = (&step.connection, connection.seats_taken);
        let because = match bought.saturating_sub(taken) {
            0 => format!("{taken} of {bought} seats of {name} are taken, and none is left for this"),
            1 => format!("{taken} of {bought} seats of {name} are taken, and a step before this takes the last one"),
            left => {
                format!("{taken} of {bought} seats of {name} are taken, and steps before this take the other {left}")
            }
        };
        held.push((at, because));
    }
    for (connection, lacks) in lacking {
        let Some(facts) = scene.facts.connections.get(connection) else { continue };
        let bought = facts.abilities.seats.unwrap_or(0);
        let text = format!(
            "{connection} has {bought} seats, {} are taken, and the plan needs {lacks} more",
            facts.seats_taken
        );
        findings.add_with(
            About::new(FindingKind::SeatLimit, Severity::Medium).connection(connection),
            text,
            told([
                ("seats", Value::from(bought)),
                ("taken", Value::from(facts.seats_taken)),
                ("lacking", Value::from(lacks)),
            ]),
        );
    }
    held
}
