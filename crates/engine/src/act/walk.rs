//! The verbs of the walk as somebody asks for them: pull, plan, apply, revert.

use crate::answer::{Told, told};
use crate::apply::{ApplyReport, apply};
use crate::error::EngineError;
use crate::house::House;
use crate::plan::{find_plan, make_plan};
use crate::progress::Progress;
use crate::pull::{Reach, pull};
use crate::reconcile::{Scope, pin_links};
use crate::revert::revert;
use crate::view::PullView;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PullAsked {
    /// Only these connections; all where none is named.
    pub connections: Vec<String>,
    /// Reads everything, even where the app could tell what changed.
    pub full: bool,
}

/// How each read went.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Pulled {
    /// Connection by connection.
    pub pulls: Vec<PullView>,
}

/// What to plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanAsked {
    /// Only these connections; all where none is named.
    pub only: Vec<String>,
    /// Only this person: an identity's id, employee id, address or name.
    pub identity: Option<String>,
}

/// Which plan to carry out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApplyAsked {
    /// The plan; the newest one by default.
    pub plan: Option<String>,
}

/// Which run to take back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevertAsked {
    /// The run, as `apply` showed it.
    pub run: String,
}

/// Reads connections, and pins the links that are found by it.
///
/// # Errors
/// A connection does not exist, its secret is missing, or the store failed.
#[boxed]
pub async fn pull_asked(house: &House, asked: &PullAsked, progress: &Progress) -> Result<Pulled, EngineError> {
    let names = house.asked(&asked.connections)?;
    let reach = if asked.full { Reach::Everything } else { Reach::Changed };
    let pulls = pull(house, &names, reach, progress).await?;
    if pulls.iter().any(|pull| pull.added + pull.changed + pull.gone > 0) {
        pin_links(house).await?;
    }
    Ok(Pulled { pulls })
}

/// Makes a plan and keeps it.
///
/// # Errors
/// As [`make_plan`].
#[boxed]
pub async fn plan_asked(house: &House, asked: &PlanAsked, by: &str) -> Result<Told, EngineError> {
    let only = if asked.only.is_empty() { Vec::new() } else { house.asked(&asked.only)? };
    let scope = Scope { only, identity: asked.identity.clone(), ..Scope::default() };
    told(house, make_plan(house, &scope, by).await?).await
}

/// Does the permitted steps of a plan.
///
/// # Errors
/// There is no such plan, or as [`apply`].
#[boxed]
pub async fn apply_asked(
    house: &House,
    asked: &ApplyAsked,
    by: &str,
    progress: &Progress,
) -> Result<ApplyReport, EngineError> {
    let plan = find_plan(house, asked.plan.as_deref()).await?;
    apply(house, &plan, by, progress).await
}

/// Plans the way back from a run.
///
/// # Errors
/// As [`revert`].
#[boxed]
pub async fn revert_asked(house: &House, asked: &RevertAsked, by: &str) -> Result<Told, EngineError> {
    told(house, revert(house, &asked.run, by).await?).await
}
