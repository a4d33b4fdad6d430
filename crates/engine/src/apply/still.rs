//! What of a plan still holds, judged anew as a run begins: hours may lie between the two, in which somebody came back,
//! was protected, or a source was found short. What was tried before is not judged here: it is looked at first anyway.

use crate::error::EngineError;
use crate::house::House;
use crate::reconcile::Company;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::change::{Plan, Step};
use tenure_core::name::StepId;

/// The guards that speak of one step and of the facts of this moment. The others are of the plan as a whole, which was
/// judged as it was made, or keep watch while a run goes on.
const OF_THE_MOMENT: [&str; 6] = ["protected", "last_administrator", "source_shrink", "stale", "partial", "absence"];

/// Why steps of a plan are left alone.
#[derive(Debug, Default)]
pub(super) struct Still {
    /// Today's facts lead to these no more.
    pub moved: BTreeSet<StepId>,
    /// Guards keep these back by now, and why.
    pub held: BTreeMap<StepId, String>,
}

/// Judges the company anew and compares. `freed` are steps that a person released from their guard, `released` the guards.
pub(super) async fn judge(
    house: &House,
    company: &Company,
    plan: &Plan,
    freed: &[Step],
    released: &BTreeSet<String>,
) -> Result<Still, EngineError> {
    let mut still = Still::default();
    if plan.way_back.is_some() {
        return Ok(still); // the way back from a run is nobody's wish but of whoever asked for it
    }
    let now = Box::pin(company.judge(house, None)).await?.plan;
    let wished: BTreeSet<&StepId> =
        now.steps.iter().chain(now.held.iter().map(|hold| &hold.step)).map(|step| &step.id).collect();
    let steps = || plan.steps.iter().chain(freed);
    let missing: Vec<&StepId> = steps().map(|step| &step.id).filter(|id| !wished.contains(id)).collect();
    if !missing.is_empty() {
        let tried = house.store.last_results(&missing).await?;
        let open: BTreeSet<StepId> = house.store.open_steps().await?.into_iter().map(|open| open.step).collect();
        let untried = missing.into_iter().filter(|id| !tried.contains_key(*id) && !open.contains(*id));
        still.moved = untried.cloned().collect();
    }
    let ours: BTreeSet<&StepId> = steps().map(|step| &step.id).collect();
    for hold in &now.held {
        let counts = OF_THE_MOMENT.contains(&hold.guard.as_str()) && !released.contains(&hold.guard);
        if counts && ours.contains(&hold.step.id) {
            still.held.insert(hold.step.id.clone(), format!("{}: {}", hold.guard, hold.because));
        }
    }
    Ok(still)
}
