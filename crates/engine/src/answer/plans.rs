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
use tenure_core::facts::Decision;
use tenure_core::guards::release::{freed, until_ms, words};
use tenure_core::name::{PlanId, RunId, StepId};
use tenure_core::stop::Stop;
use tenure_store::{Managers, Run, Seed};

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
    /// The guards that somebody released for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<Release>,
    /// The held steps that run all the same, since the guards that held them are released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freed: Vec<StepId>,
}

impl Told {
    /// Tells whether a guard still holds something of it.
    pub fn is_held(&self) -> bool {
        self.plan.held.len() > self.freed.len()
    }
}

/// Somebody's word that what a guard holds in a plan may run all the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "who, when, until when, and why")]
pub struct Release {
    pub guard: String,
    pub by: String,
    pub at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
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

/// Adds to a plan what keeps it from being applied, and what somebody released of it.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn told(house: &House, plan: Plan) -> Result<Told, EngineError> {
    let stopped = stops_of(&house.store).await?;
    let released = if plan.held.is_empty() { Vec::new() } else { releases(house, &plan).await? };
    let guards = released.iter().map(|release| release.guard.clone()).collect();
    let freed = freed(&plan, &guards).into_iter().map(|step| step.id).collect();
    Ok(Told { plan, stopped, released, freed })
}

/// Lists who released which guard of a plan.
pub(crate) async fn releases(house: &House, plan: &Plan) -> Result<Vec<Release>, EngineError> {
    let decisions = house.store.load_cluster(&Seed::default(), Managers::Left).await?.decisions;
    let words = words(plan, &decisions, &house.policy, house.clock.now_ms());
    let release = |(guard, word): (&str, &Decision)| Release {
        guard: guard.to_owned(),
        by: word.by.clone(),
        at: moment_text(word.at_ms),
        until: until_ms(word, &house.policy).map(moment_text),
        note: word.note.clone(),
    };
    Ok(words.into_iter().map(release).collect())
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
