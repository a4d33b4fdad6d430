//! Revert: the way back from a run, as a plan like any other: guards hold, people approve, apply looks before it acts.
//! The steps of the run come in with what became of each, and today's facts; a plan goes out, with what it cannot take
//! back. Accounts are found again by their links, so that an id that changed since is followed.

use crate::abilities::Effect;
use crate::change::{Plan, Step, StepResult};
use crate::correlate::correlate;
use crate::diff::{Asked, back};
use crate::facts::Facts;
use crate::finding::Findings;
use crate::name::{ConnectionName, RunId, StepId};
use crate::plan::plan;
use crate::policy::Rules;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A step of a run, and what became of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Taken {
    /// The step, with the values that it was planned on.
    pub step: Step,
    /// What became of it.
    pub result: StepResult,
}

/// Which run a plan takes back, and what of it stays.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WayBack {
    /// The run.
    pub run: RunId,
    /// What is not taken back.
    pub stays: Vec<Stays>,
}

/// Something that a run did and that is not taken back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stays {
    /// The step that did it.
    pub step: StepId,
    /// Where.
    pub connection: ConnectionName,
    /// What it did.
    pub effect: Effect,
    /// For whom, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Why it stays, in a plain sentence.
    pub because: String,
}

/// Plans the way back from a run.
pub fn revert(run: &RunId, taken: &[Taken], facts: &Facts, rules: &Rules, asked: &Asked) -> Plan {
    let mut findings = Findings::default();
    let graph = correlate(facts, rules);
    let (proposals, stays) = back(run, taken, &graph, facts);
    let planned = plan(proposals, &graph, facts, rules, asked, &mut findings);
    let mut plan = planned.finish(&[], asked, rules);
    plan.way_back = Some(WayBack { run: run.clone(), stays });
    plan
}

#[cfg(test)]
mod tests;
