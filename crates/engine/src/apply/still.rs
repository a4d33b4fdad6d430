//! What of a plan still holds, judged anew as a run begins: hours may lie between the two, in which somebody came back,
//! was protected, or a source was found short. What is wished no more is not done; where it was tried before, the app is
//! looked at, so that what is so already is told as that.

use crate::error::EngineError;
use crate::house::House;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::change::{Outcome, Plan, Step};
use tenure_core::name::StepId;

/// The guards that speak of one step and of the facts of this moment. The others are of the plan as a whole, which was
/// judged as it was made, or keep watch while a run goes on.
const OF_THE_MOMENT: [&str; 6] = ["protected", "last_administrator", "source_shrink", "stale", "partial", "absence"];

/// Why steps of a plan are left alone.
#[derive(Debug, Default)]
pub(super) struct Still {
    /// Today's facts lead to these no more.
    pub moved: BTreeSet<StepId>,
    /// Nor to these, which were tried before: they may be so already.
    pub perhaps_so: BTreeSet<StepId>,
    /// Guards keep these back by now, and why.
    pub held: BTreeMap<StepId, String>,
}

/// What is said of a step to which nothing leads any more.
pub(super) const MOVED: &str = "what is known today leads to it no more; plan again";

/// Compares a plan with that of today. `freed` are steps that a person released from their guard, `released` the guards.
pub(super) async fn compare(
    house: &House,
    now: &Plan,
    plan: &Plan,
    freed: &[Step],
    released: &BTreeSet<String>,
) -> Result<Still, EngineError> {
    let mut still = Still::default();
    if plan.way_back.is_some() {
        return Ok(still); // the way back from a run is nobody's wish but of whoever asked for it
    }
    let wished: BTreeSet<&StepId> =
        now.steps.iter().chain(now.held.iter().map(|hold| &hold.step)).map(|step| &step.id).collect();
    let steps = || plan.steps.iter().chain(freed);
    let missing: Vec<&Step> = steps().filter(|step| !wished.contains(&step.id)).collect();
    if !missing.is_empty() {
        let ids: Vec<&StepId> = missing.iter().map(|step| &step.id).collect();
        let tried = house.store.last_results(&ids).await?;
        let open: BTreeSet<StepId> = house.store.open_steps().await?.into_iter().map(|open| open.step).collect();
        for step in missing {
            let last = tried.get(&step.id).map(|result| result.outcome);
            let is_certain = matches!(last, Some(Outcome::Done | Outcome::AlreadyTrue)) && !open.contains(&step.id);
            match last.is_some() || open.contains(&step.id) {
                false => still.moved.insert(step.id.clone()),
                // What gives access and got half way is finished; what takes it away needs a wish of today.
                true if is_certain || step.effect.is_removal() => still.perhaps_so.insert(step.id.clone()),
                true => false,
            };
        }
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
