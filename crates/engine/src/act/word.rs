//! What people say: yes and no to steps, whose an account is, what is to be left alone, stop and go on.
//! Each is recorded in the name of whoever says it; who may say what is for the policy.

use crate::decide::{By, Spoken, Verdict, decide, find_account, judge_steps, may_exempt, release, step_of_plan};
use crate::drift::accept;
use crate::error::EngineError;
use crate::house::House;
use crate::plan::find_plan;
use crate::reconcile::{Scope, company, find_identity};
use crate::stop::{Brake, Resumed, resume, stop};
use crate::whole::judge_whole;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::change::{FindingKind, Step};
use tenure_core::facts::Decided;
use tenure_core::name::{PlanId, StepId};
use tenure_core::stop::Stop;

/// To what somebody says yes or no.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveAsked {
    /// Plans (`p-…`) or steps (`s-…`).
    #[schemars(length(min = 1))]
    pub things: Vec<String>,
    /// Lets run what these guards hold in the plan, in this plan only; `things` is that plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub release: Vec<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The steps that were decided about.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// The plan whose guards were released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// The guards that were released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<String>,
    /// The guards that hold again what they were released for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
    /// As they stand afterwards.
    pub steps: Vec<Step>,
    /// Steps of a plan that somebody else must decide about, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_yours: BTreeMap<StepId, String>,
    /// Steps that were done before, so that it counts for none of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub done: BTreeSet<StepId>,
}

/// Says yes or no. `digest` is that of the plan as whoever says it has read it, where they tell.
///
/// # Errors
/// A thing is not known, the plan has another digest by now, or `by` may not say it; then nothing is recorded.
#[boxed]
pub async fn judge(
    house: &House,
    asked: &ApproveAsked,
    verdict: Verdict,
    by: &str,
    digest: Option<&str>,
) -> Result<Judged, EngineError> {
    if asked.things.is_empty() {
        return Err(EngineError::Field { field: "things", because: "name a plan or steps".into() });
    }
    if let Some(digest) = digest {
        is_read(house, &asked.things, digest).await?;
    }
    if asked.release.is_empty() {
        let Spoken { steps, withheld, not_theirs, done } =
            judge_steps(house, &asked.things, verdict, by, asked.note.clone()).await?;
        let not_yours = not_theirs.into_iter().map(|(id, refusal)| (id, refusal.to_string())).collect();
        return Ok(Judged { withheld, steps, not_yours, done, ..Judged::default() });
    }
    let ([thing], Verdict::Approve) = (asked.things.as_slice(), verdict) else {
        return Err(EngineError::Asked("a guard is released by `approve`, for one plan".into()));
    };
    let plan = find_plan(house, Some(thing)).await?;
    let by = By { who: by.to_owned(), note: asked.note.clone() };
    let steps = release(house, &plan, &asked.release, by).await?;
    Ok(Judged { plan: Some(plan.id), released: asked.release.clone(), steps, ..Judged::default() })
}

/// Checks that somebody speaks of the plan that they have read.
async fn is_read(house: &House, things: &[String], digest: &str) -> Result<(), EngineError> {
    // Steps are read in a plan that has them.
    let plan = match things {
        [step] if step.starts_with("s-") => {
            let missing = || EngineError::Missing(format!("no step has the id {step:?}; `tenure plan` shows ids"));
            step_of_plan(house, step).await?.map(|(_, plan)| plan).ok_or_else(missing)?
        }
        [plan] => find_plan(house, Some(plan)).await?,
        _ => {
            return Err(EngineError::Asked("a digest is that of one plan; name that plan, or one of its steps".into()));
        }
    };
    if plan.digest == digest {
        return Ok(());
    }
    Err(EngineError::Moved(format!("plan {} has the digest {}, and not that which was read", plan.id, plan.digest)))
}

/// Whose an account is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkAsked {
    /// An account, such as `gorgias/42`.
    pub account: String,
    /// A person: id, employee id, address or name.
    pub identity: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Whose an account is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlinkAsked {
    /// An account, such as `gorgias/42`.
    pub account: String,
    /// A person; without one, the account is nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What is to be left alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExemptAsked {
    /// An account (`gorgias/7`), or a finding (`f-…`) about one or about a contract.
    pub thing: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What was decided.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// In a sentence.
    pub decided: String,
}

/// Decides that an account is somebody's.
///
/// # Errors
/// There is no such account or person, or several.
#[boxed]
pub async fn link(house: &House, asked: &LinkAsked, by: &str) -> Result<Decision, EngineError> {
    let account = find_account(house, &asked.account).await?;
    let company = company(house, &one(&asked.identity)).await?;
    let identity = find_identity(&company.graph(house), &asked.identity)?;
    let decided = format!("{account} is {identity}'s");
    decide(house, said(by, &asked.note), Decided::Link { account, identity }).await?;
    Ok(Decision { decided })
}

/// Decides that an account is not somebody's.
///
/// # Errors
/// As [`link`].
#[boxed]
pub async fn unlink(house: &House, asked: &UnlinkAsked, by: &str) -> Result<Decision, EngineError> {
    let account = find_account(house, &asked.account).await?;
    let identity = match &asked.identity {
        None => None,
        Some(key) => {
            let company = company(house, &one(key)).await?;
            Some(find_identity(&company.graph(house), key)?)
        }
    };
    let whose = identity.as_ref().map_or_else(|| "nobody's".to_owned(), |identity| format!("not {identity}'s"));
    let decided = format!("{account} is {whose}");
    decide(house, said(by, &asked.note), Decided::Unlink { account, identity }).await?;
    Ok(Decision { decided })
}

/// Decides that an account is to be left alone, that open sessions were seen to, or that the form in which an app answers
/// is the known one from now on.
///
/// # Errors
/// The thing is neither, or a record of a source.
#[boxed]
pub async fn exempt(house: &House, asked: &ExemptAsked, by: &str) -> Result<Decision, EngineError> {
    let account = if asked.thing.starts_with("f-") {
        let found = judge_whole(house, &[], None).await?;
        let finding = found.findings.iter().find(|finding| finding.id.as_str() == asked.thing);
        if let Some(finding) = finding.filter(|finding| finding.kind == FindingKind::ContractDrift) {
            let name = accept(house, finding, said(by, &asked.note)).await?;
            return Ok(Decision { decided: format!("what {name} answers now is known from now on") });
        }
        let open = finding.filter(|finding| finding.kind == FindingKind::SessionNotEnded);
        if let Some((account, identity)) =
            open.and_then(|open| Some((open.account_key.clone()?, open.identity.clone()?)))
        {
            let decided = format!("what {identity} left open at {account} counts as ended");
            decide(house, said(by, &asked.note), Decided::Settle { account, identity }).await?;
            return Ok(Decision { decided });
        }
        let account = finding.and_then(|finding| finding.account_key.clone());
        let nothing = || format!("{:?} is no finding about an account or about a contract", asked.thing);
        account.ok_or_else(|| EngineError::Missing(nothing()))?
    } else {
        find_account(house, &asked.thing).await?
    };
    may_exempt(house, &account)?;
    let decided = format!("{account} is left alone from now on");
    decide(house, said(by, &asked.note), Decided::Exempt { account }).await?;
    Ok(Decision { decided })
}

fn one(key: &str) -> Scope {
    Scope { identity: Some(key.to_owned()), ..Scope::default() }
}

fn said(by: &str, note: &Option<String>) -> By {
    By { who: by.to_owned(), note: note.clone() }
}

/// Where writes are to stop, or may go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StopAsked {
    /// These connections.
    pub connections: Vec<String>,
    /// Everywhere, by a stop of its own.
    pub all: bool,
    /// Why.
    pub note: Option<String>,
}

/// Where writes are stopped.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stops {
    /// The one of everywhere first.
    pub stopped: Vec<Stop>,
}

impl StopAsked {
    fn check(&self) -> Result<(), EngineError> {
        if self.all == self.connections.is_empty() {
            return Ok(());
        }
        let because = "name connections, or say that it is everywhere";
        Err(EngineError::Field { field: "connections", because: because.into() })
    }
}

/// Stops writes.
///
/// # Errors
/// A connection does not exist, or the store failed.
#[boxed]
pub async fn stop_asked(brake: &Brake, asked: &StopAsked, by: &str) -> Result<Stops, EngineError> {
    asked.check()?;
    Ok(Stops { stopped: stop(brake, &asked.connections, &said(by, &asked.note)).await? })
}

/// Lets writes go on.
///
/// # Errors
/// As [`stop_asked`].
#[boxed]
pub async fn resume_asked(brake: &Brake, asked: &StopAsked, by: &str) -> Result<Resumed, EngineError> {
    asked.check()?;
    resume(brake, &asked.connections, &said(by, &asked.note)).await
}
