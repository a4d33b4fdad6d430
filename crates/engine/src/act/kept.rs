//! Acts that are kept: what takes long is written down with the work that does it, and done by whichever daemon comes to
//! it first; what came of it stays for whoever looks later. An act that was broken off is done once more, which is
//! harmless: its verbs look before they act.

use super::lifecycle::{LifecycleAsked, lifecycle};
use super::walk::{ApplyAsked, PlanAsked, PullAsked, RevertAsked, apply_asked, plan_asked, pull_asked, revert_asked};
use crate::clock::moment_text;
use crate::decide::LifecycleEvent;
use crate::error::EngineError;
use crate::fault::{Fault, FaultKind};
use crate::house::House;
use crate::progress::Progress;
use crate::work::job;
use async_recursion::async_recursion as boxed;
use futures::future::{BoxFuture, FutureExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tenure_core::hex::hex;
use tenure_store::{Act as Stored, JobState, NewJob};

/// Something that takes long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant says it")]
pub enum Act {
    Pull(PullAsked),
    Plan(PlanAsked),
    Apply(ApplyAsked),
    Revert(RevertAsked),
    Join(LifecycleAsked),
    Move(LifecycleAsked),
    Leave(LifecycleAsked),
}

/// An act, and what came of it as far as it is known.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ActView<T> {
    /// Its id.
    pub id: String,
    /// In whose name it was asked for.
    pub by: String,
    /// `open` while it is to be done, `done`, or `failed`.
    pub state: String,
    /// When it was asked for.
    pub asked_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// What came of it: what the command line shows of the same as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<T>,
    /// Why nothing came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// What came of an act, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant says it")]
pub enum Kept {
    Answer(Value),
    Fault(Fault),
}

/// Returns a mark of what is asked for where.
pub fn digest_of(place: &str, asked: &impl Serialize) -> String {
    let asked = serde_json::to_string(asked).unwrap_or_default();
    hex(&Sha256::digest(format!("{place}\n{asked}")))
}

/// Keeps an act, to be done by `jobs` of it, or finds the one that its owner asked for under the same key. Tells which it
/// is, and whether it is new.
///
/// # Errors
/// The key is one of something else, or the store failed.
#[boxed]
pub async fn ask(
    house: &House,
    body: &Value,
    digest: String,
    by: &str,
    key: Option<&str>,
    is_work: bool,
) -> Result<(Stored, bool), EngineError> {
    let act = Stored {
        id: format!("a-{}", hex(&house.chance.bytes::<8>()?)),
        owner: by.to_owned(),
        key: key.map(str::to_owned),
        digest,
        asked_ms: house.clock.now_ms(),
        body: body.to_string(),
        ended_ms: None,
        answer: None,
    };
    let jobs: Vec<NewJob> = is_work.then(|| job::act(&act.id, act.asked_ms)).into_iter().collect();
    match house.store.add_act(&act, &jobs).await? {
        None => Ok((act, true)),
        Some(known) if known.digest == act.digest => Ok((known, false)),
        Some(_) => {
            let because = "something else was asked for under this key; a key is for one request and its repetitions";
            Err(EngineError::Field { field: "Idempotency-Key", because: because.into() })
        }
    }
}

/// Keeps an act that a page asks for, to be done by whichever daemon comes to it; `place` is what the API calls it.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn keep(house: &House, place: &str, act: &Act, by: &str) -> Result<(), EngineError> {
    let body = serde_json::to_value(act).map_err(|error| EngineError::Broken(error.to_string()))?;
    ask(house, &body, digest_of(place, &fields(&body)), by, None, true).await.map(drop)
}

/// Shows the act that was asked for last among those of the same, in whoever's name.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn latest(house: &House, place: &str, asked: &Act) -> Result<Option<ActView<Value>>, EngineError> {
    let body = serde_json::to_value(asked).map_err(|error| EngineError::Broken(error.to_string()))?;
    let Some(id) = house.store.latest_act(&digest_of(place, &fields(&body))).await? else { return Ok(None) };
    act(house, &id).await.map(Some)
}

/// Returns what is asked for in an act, without the word for it: as it is sent over the API.
fn fields(body: &Value) -> Value {
    let mut fields = body.clone();
    fields.as_object_mut().map(|fields| fields.remove("act"));
    fields
}

/// Writes down what came of an act.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn end(house: &House, id: &str, kept: &Kept) -> Result<(), EngineError> {
    let text = serde_json::to_string(kept).map_err(|error| EngineError::Broken(error.to_string()))?;
    Ok(house.store.end_act(id, &text, house.clock.now_ms()).await?)
}

/// Takes back an act of which nothing came.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn forget(house: &House, id: &str) -> Result<(), EngineError> {
    Ok(house.store.forget_act(id).await?)
}

/// Shows an act.
///
/// # Errors
/// There is none, or the store failed.
#[boxed]
pub async fn act(house: &House, id: &str) -> Result<ActView<Value>, EngineError> {
    let missing = || EngineError::Missing(format!("no act has the id {id:?}; what ended a week ago is forgotten"));
    let stored = house.store.act(id).await?.ok_or_else(missing)?;
    let kept: Option<Kept> = stored.answer.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let kept = match kept {
        None => given_up(house, id).await?.map(Kept::Fault),
        kept => kept,
    };
    let (state, answer, fault) = match kept {
        None => ("open", None, None),
        Some(Kept::Answer(answer)) => ("done", Some(answer), None),
        Some(Kept::Fault(fault)) => ("failed", None, Some(fault)),
    };
    Ok(ActView {
        id: stored.id,
        by: stored.owner,
        state: state.into(),
        asked_at: moment_text(stored.asked_ms),
        ended_at: stored.ended_ms.map(moment_text),
        answer,
        fault,
    })
}

/// Tells why the work of an act was given up, if it was.
async fn given_up(house: &House, id: &str) -> Result<Option<Fault>, EngineError> {
    let job = house.store.job(job::Kind::Act.as_str(), id).await?;
    Ok(job.filter(|job| job.state == JobState::Failed).map(|job| {
        let because = job.because.unwrap_or_else(|| "nobody said why".into());
        Fault { kind: FaultKind::Ours, detail: format!("it was given up: {because}"), field: None }
    }))
}

/// Does an act that is kept, unless it was done, and writes down what came of it.
///
/// # Errors
/// This process is to end, or the store cannot be reached: then it is to be done later.
#[boxed]
pub async fn carry_out(house: &House, id: &str, progress: &Progress) -> Result<(), EngineError> {
    let Some(stored) = house.store.act(id).await?.filter(|act| act.ended_ms.is_none()) else { return Ok(()) };
    let broken = |error: serde_json::Error| EngineError::Broken(format!("act {id}: {error}"));
    let act: Act = serde_json::from_str(&stored.body).map_err(broken)?;
    let kept = match perform(house, &act, &stored.owner, progress).await {
        Ok(answer) => Kept::Answer(answer),
        Err(EngineError::Drained) => return Err(EngineError::Drained),
        Err(error) => Kept::Fault(Fault::from(&error)),
    };
    end(house, id, &kept).await
}

/// Boxed, so that what carries a plan out does not grow whoever waits for it.
fn perform<'a>(
    house: &'a House,
    act: &'a Act,
    by: &'a str,
    progress: &'a Progress,
) -> BoxFuture<'a, Result<Value, EngineError>> {
    use LifecycleEvent as Event;
    match act {
        Act::Pull(asked) => async move { value(pull_asked(house, asked, progress).await?) }.boxed(),
        Act::Plan(asked) => async move { value(plan_asked(house, asked, by).await?) }.boxed(),
        Act::Apply(asked) => async move {
            let report = apply_asked(house, asked, by, progress).await?;
            if report.drained { Err(EngineError::Drained) } else { value(report) }
        }
        .boxed(),
        Act::Revert(asked) => async move { value(revert_asked(house, asked, by).await?) }.boxed(),
        Act::Join(asked) => async move { value(lifecycle(house, Event::Join, asked, by, progress).await?) }.boxed(),
        Act::Move(asked) => async move { value(lifecycle(house, Event::Move, asked, by, progress).await?) }.boxed(),
        Act::Leave(asked) => async move { value(lifecycle(house, Event::Leave, asked, by, progress).await?) }.boxed(),
    }
}

fn value(answer: impl Serialize) -> Result<Value, EngineError> {
    serde_json::to_value(answer).map_err(|error| EngineError::Broken(error.to_string()))
}
