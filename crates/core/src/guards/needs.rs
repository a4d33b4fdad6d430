//! Holds whatever needs a step that is held, and what waits for steps of which none may run.
//! An account's groups cannot be granted while the account itself waits.
//! Holds: the update of an account whose resume is held. Lets through: that of an account that stands.

use super::Scene;
use crate::name::StepId;
use std::collections::HashMap;

pub(super) fn hold(scene: &Scene<'_>, holds: &mut [Option<(&'static str, String)>]) {
    let places: HashMap<&str, usize> =
        scene.steps.iter().enumerate().map(|(at, step)| (step.id.as_str(), at)).collect();
    // Every round holds at least one more step, so there are no more rounds than steps.
    for _ in 0..scene.steps.len() {
        let mut more = Vec::new();
        for (at, step) in scene.steps.iter().enumerate().filter(|(at, _)| holds[*at].is_none()) {
            let is_held = |need: &&StepId| places.get(need.as_str()).is_some_and(|place| holds[*place].is_some());
            if let Some(need) = step.needs.iter().find(is_held) {
                more.push((at, format!("it needs step {need}, which is held")));
            } else if let Some(before) = step.after.first().filter(|_| step.after.iter().all(|one| is_held(&one))) {
                more.push((at, format!("it comes after step {before}, which is held")));
            }
        }
        if more.is_empty() {
            return;
        }
        for (at, because) in more {
            holds[at] = Some(("needs", because));
        }
    }
}
