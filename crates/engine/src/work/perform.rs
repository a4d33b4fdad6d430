//! What each kind of job does: one verb of the walk, run on today's facts, and when it is to be run again.
//! Running one twice is harmless: the verbs look before they act. What wakes what is written by the verbs themselves,
//! in the transactions that cause it.

use super::job::{self, Kind};
use super::schedule::Schedule;
use crate::act::carry_out as carry_act_out;
use crate::anchor::{When, anchor};
use crate::apply::apply;
use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::House;
use crate::notify::deliver;
use crate::plan::{Derived, derive, keep_waking};
use crate::progress::Progress;
use crate::pull::{Reach, pull_alone};
use crate::reconcile::Scope;
use crate::view::Way;
use async_recursion::async_recursion as boxed;
use tenure_core::abilities::Effect;
use tenure_core::change::{Plan, Step};
use tenure_core::name::ConnectionName;
use tenure_store::{ClaimedJob, JobEnd, JobState, NewJob};

/// Who asks for what a daemon does by itself.
pub(crate) const DAEMON: &str = "tenure serve";

/// How often a job is tried before it is given up.
const FAILURES_MAX: i64 = 10;
/// How often a job is run on after whoever ran it was lost: it may be what kills them.
const LOST_MAX: i64 = 20;
const RETRY_FIRST_MS: i64 = 5_000;
const RETRY_MAX_MS: i64 = 10 * 60 * 1000;
/// How often a receiver is tried who did not take anything for long.
const DELIVERED_EVERY_MS: i64 = 60 * 60 * 1000;
/// How soon a connection is tried again that could not be reached.
const UNREACHABLE_MS: i64 = 60 * 1000;
/// How soon a job is tried again that somebody else is at.
const BUSY_MS: i64 = 5_000;
/// What is left of a plan that was carried out is tried again after this time, unless something else changes it.
const LEFT_MS: i64 = 15 * 60 * 1000;
/// The note that says of the daemons' newest plan up to which entry of the journal it knows what was done.
const PLANNED: &str = "planned";
/// Entries of the journal that are looked through for that.
const ENTRIES_MAX: usize = 1000;
/// How old a plan may be that is carried out without being made anew.
const YOUNG_MS: i64 = 60 * 1000;

/// Runs a job and says how it ended.
pub(super) async fn perform(house: &House, schedule: &Schedule, claimed: &ClaimedJob, progress: &Progress) -> JobEnd {
    if claimed.lost >= LOST_MAX {
        let because = format!("whoever ran it was lost, {} times in a row", claimed.lost);
        return JobEnd::Failed { because };
    }
    let key = claimed.key.as_str();
    let done = match Kind::parse(&claimed.kind) {
        Some(Kind::Pull) => pull_once(house, schedule, key, progress).await,
        Some(Kind::Look) => crate::hint::look(house, key).await,
        Some(Kind::Reconcile) => reconcile(house).await,
        Some(Kind::Apply) => apply_plan(house, claimed, progress).await,
        Some(Kind::Help) => help(house, key, progress).await,
        Some(Kind::Deliver) => deliver(house, key).await,
        Some(Kind::Gather) => crate::signals::gather(house).await,
        Some(Kind::Push) => crate::signals::push(house, key).await,
        Some(Kind::Act) => carry_act_out(house, key, progress).await.map(|()| JobEnd::Done),
        None => Ok(JobEnd::Done),
    };
    let now_ms = house.clock.now_ms();
    match done {
        Ok(end) => end,
        Err(EngineError::Drained) => JobEnd::GivenBack,
        Err(EngineError::Busy(because)) => JobEnd::Later { at_ms: now_ms + BUSY_MS, because: Some(because) },
        Err(error) => failed(schedule, claimed, error.to_string(), now_ms),
    }
}

/// Says when a job that failed is tried again. A connection stays on its schedule, however often it fails, and nobody is
/// left without word for good.
fn failed(schedule: &Schedule, claimed: &ClaimedJob, because: String, now_ms: i64) -> JobEnd {
    tracing::warn!(kind = claimed.kind, key = claimed.key, "{because}");
    if let Some(at_ms) = retry_ms(claimed, now_ms) {
        return JobEnd::Retry { at_ms, because };
    }
    match Kind::parse(&claimed.kind) {
        Some(Kind::Deliver) => JobEnd::Retry { at_ms: now_ms + DELIVERED_EVERY_MS, because },
        Some(Kind::Pull) if let Some(at_ms) = schedule.next_ms(&claimed.key, now_ms) => {
            JobEnd::Later { at_ms, because: Some(because) }
        }
        _ => JobEnd::Failed { because },
    }
}

/// Returns when a job that did not end well is tried again, if it is.
fn retry_ms(claimed: &ClaimedJob, now_ms: i64) -> Option<i64> {
    let wait_ms = RETRY_FIRST_MS << claimed.failures.clamp(0, 10);
    (claimed.failures + 1 < FAILURES_MAX).then(|| now_ms + wait_ms.min(RETRY_MAX_MS))
}

async fn pull_once(house: &House, schedule: &Schedule, name: &str, progress: &Progress) -> Result<JobEnd, EngineError> {
    let name = ConnectionName::new(name);
    if house.connection(name.as_str()).is_err() {
        return Ok(JobEnd::Done); // the file knows it no more
    }
    let view = pull_alone(house, &name, Reach::Changed, progress).await?;
    let now_ms = house.clock.now_ms();
    let parked_ms = view.parked_until.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let next_ms = schedule.next_ms(name.as_str(), now_ms);
    Ok(match (parked_ms, next_ms) {
        (Some(parked), _) => JobEnd::Later { at_ms: parked.as_millisecond(), because: view.because },
        (None, Some(next_ms)) if view.way == Way::Closed => {
            let soon_ms = schedule.unquiet_ms(name.as_str(), now_ms + UNREACHABLE_MS);
            JobEnd::Later { at_ms: next_ms.min(soon_ms), because: view.because }
        }
        (None, Some(at_ms)) => JobEnd::Later { at_ms, because: view.because },
        (None, None) => JobEnd::Done,
    })
}

async fn reconcile(house: &House) -> Result<JobEnd, EngineError> {
    plan_anew(house).await?;
    note_anchor(house).await;
    Ok(JobEnd::Done)
}

/// Makes today's plan, with the work that follows from it: what may run without anybody's yes, or has one, is carried
/// out; when time alone will change something, it is judged again.
#[boxed]
async fn plan_anew(house: &House) -> Result<Option<Plan>, EngineError> {
    for name in house.names() {
        house.catch_up(&name).await?;
    }
    let seq = house.store.journal_head().await?.seq;
    let Derived { plan, next_ms } = match derive(house, &Scope::default(), DAEMON).await {
        Ok(derived) => derived,
        Err(EngineError::Asked(because)) => {
            tracing::info!("nothing is planned: {because}");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let now_ms = house.clock.now_ms();
    let mut woken: Vec<NewJob> = next_ms.map(job::reconcile).into_iter().collect();
    if plan.steps.iter().any(is_ours) {
        let known = house.store.job(Kind::Apply.as_str(), plan.id.as_str()).await?;
        let tried_ms = known.and_then(|job| job.ended_ms);
        woken.push(job::apply(&plan.id, tried_ms.map_or(now_ms, |tried_ms| now_ms.max(tried_ms + LEFT_MS))));
    }
    for told in job::deliver(&house.config, now_ms) {
        // Whoever did not answer is asked again when their turn comes, however often there is something new.
        let known = house.store.job(told.kind, &told.key).await?;
        if known.is_none_or(|job| job.state != JobState::Open || job.failures == 0) {
            woken.push(told);
        }
    }
    house.store.set_note(&ConnectionName::new(""), PLANNED, Some(&format!("{} {seq}", plan.id))).await?;
    keep_waking(house, &plan, DAEMON, &woken).await?;
    tracing::info!(plan = %plan.id, steps = plan.steps.len(), held = plan.held.len(), "planned");
    Ok(Some(plan))
}

/// Tells whether there is something to do for a step without anybody else: work by hand is closed by reading it.
fn is_ours(step: &Step) -> bool {
    step.approval.state.permits() && step.effect != Effect::Manual
}

/// Carries a plan out, if it is still what today's facts say: whoever agreed to it may have done so hours ago.
async fn apply_plan(house: &House, claimed: &ClaimedJob, progress: &Progress) -> Result<JobEnd, EngineError> {
    let id = job::plan_of(&claimed.key);
    let Some(plan) = house.store.plan(&id).await? else { return Ok(JobEnd::Done) };
    let under_way = house.store.is_under_way(&id, house.clock.now_ms()).await?;
    let plan = if plan.way_back.is_some() || under_way || is_of_now(house, &plan).await? {
        // Another process may have begun it, and found out what this one does not know.
        for name in house.names().iter().filter(|name| plan.steps.iter().any(|step| step.connection == **name)) {
            house.catch_up(name).await?;
        }
        plan
    } else {
        match plan_anew(house).await? {
            Some(today) if today.id == id => today,
            _ => return Ok(JobEnd::Done), // today's plan has a job of its own, if there is anything to do
        }
    };
    let (end, unclear) = carry_out(house, &plan, progress).await?;
    note_anchor(house).await;
    // What got no clear answer may get one soon; if anything was done, a newer plan has it and this job does nothing.
    let again_ms = retry_ms(claimed, house.clock.now_ms()).filter(|_| unclear && end == JobEnd::Done);
    let because =
        || "some steps got no clear answer from their apps, or the facts of the moment spoke against them".to_owned();
    Ok(again_ms.map_or(end, |at_ms| JobEnd::Retry { at_ms, because: because() }))
}

/// Tells whether a plan is the newest, is young, and nothing was done since the facts were read of which it was made: a
/// plan that is made while another is carried out may ask for what is done by now.
async fn is_of_now(house: &House, plan: &Plan) -> Result<bool, EngineError> {
    let made_ms = plan.made_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond);
    let noted = house.store.note(&ConnectionName::new(""), PLANNED).await?.unwrap_or_default();
    let seq = noted.split_once(' ').filter(|(id, _)| *id == plan.id.as_str()).and_then(|(_, seq)| seq.parse().ok());
    let (true, Some(seq)) = (house.clock.now_ms() - made_ms < YOUNG_MS, seq) else { return Ok(false) };
    let entries = house.store.read_journal(seq, ENTRIES_MAX).await?;
    Ok(entries.len() < ENTRIES_MAX && entries.iter().all(|entry| entry.event != "step_ended"))
}

/// Lends a hand to those who carry out a plan, if anybody still does.
async fn help(house: &House, key: &str, progress: &Progress) -> Result<JobEnd, EngineError> {
    let id = job::plan_of(key);
    if !house.store.is_under_way(&id, house.clock.now_ms()).await? {
        return Ok(JobEnd::Done);
    }
    let Some(plan) = house.store.plan(&id).await? else { return Ok(JobEnd::Done) };
    carry_out(house, &plan, progress).await?;
    Ok(JobEnd::Done)
}

/// Carries a plan out; says how the job ends, and whether a step got no clear answer.
async fn carry_out(house: &House, plan: &Plan, progress: &Progress) -> Result<(JobEnd, bool), EngineError> {
    let report = apply(house, plan, DAEMON, progress).await?;
    let end = match (report.drained, report.parked_until_ms) {
        (true, _) => JobEnd::GivenBack,
        (false, Some(at_ms)) => {
            JobEnd::Later { at_ms, because: Some(format!("the rate limit is waited for until {}", moment_text(at_ms))) }
        }
        (false, None) => JobEnd::Done,
    };
    Ok((end, report.unclear))
}

/// Writes down outside where the journal stands, when it is time to; a place that cannot be written to is told.
async fn note_anchor(house: &House) {
    if let Err(error) = anchor(house, When::Due).await {
        tracing::warn!("{error}");
    }
}
