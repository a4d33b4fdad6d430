//! Plans and runs as people look them up: the newest ones in a line each, one as a whole.
//! They come from the store as they were kept; nothing is judged anew.

use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::House;
use crate::plan::find_plan;
use crate::stop::stops_of;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenure_core::change::{Plan, PlanBrief, StepResult};
use tenure_core::name::{PlanId, RunId};
use tenure_core::stop::Stop;
use tenure_store::Run;

/// Plans and runs that are listed.
const LISTED_MAX: usize = 50;

/// A plan, and what keeps it from being applied at this moment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
    /// Where writes are stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<Stop>,
}

/// The newest plans.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Plans {
    /// Newest first.
    pub plans: Vec<PlanBrief>,
}

/// The newest runs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Runs {
    /// Newest first.
    pub runs: Vec<RunView>,
}

/// A run. `steps` tells what became of each step so far, where one run is asked for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the fields are those of a run")]
pub struct RunView {
    pub run: RunId,
    pub plan: PlanId,
    pub by: String,
    pub started_at: String,
    pub finished_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepResult>>,
}

impl RunView {
    fn new(run: Run, steps: Option<Vec<StepResult>>) -> Self {
        Self {
            run: run.id,
            plan: run.plan,
            by: run.actor,
            started_at: moment_text(run.started_ms),
            finished_at: run.finished_ms.map(moment_text),
            steps,
        }
    }
}

/// Adds to a plan what keeps it from being applied.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn told(house: &House, plan: Plan) -> Result<Told, EngineError> {
    Ok(Told { plan, stopped: stops_of(&house.store).await? })
}

/// Shows one plan; the newest where the id is `latest`.
///
/// # Errors
/// There is none, or the store failed.
#[boxed]
pub async fn plan(house: &House, id: &str) -> Result<Told, EngineError> {
    let plan = find_plan(house, Some(id).filter(|id| *id != "latest")).await?;
    told(house, plan).await
}

/// Lists the newest plans.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn plans(house: &House) -> Result<Plans, EngineError> {
    Ok(Plans { plans: house.store.plan_briefs(LISTED_MAX).await? })
}

/// Lists the newest runs.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn runs(house: &House) -> Result<Runs, EngineError> {
    let runs = house.store.runs(LISTED_MAX).await?.into_iter().map(|run| RunView::new(run, None)).collect();
    Ok(Runs { runs })
}

/// Shows one run with what became of each step so far.
///
/// # Errors
/// There is none, or the store failed.
#[boxed]
pub async fn run(house: &House, id: &str) -> Result<RunView, EngineError> {
    let id = RunId::from(id);
    let missing = || EngineError::Missing(format!("no run has the id \"{id}\"; `apply` shows it"));
    let run = house.store.run(&id).await?.ok_or_else(missing)?;
    let steps = house.store.results(&id).await?;
    Ok(RunView::new(run, Some(steps)))
}
