//! How steps end: what was read back becomes an observation, what is remembered of an app is noted, and the outcomes are
//! written, all that ended at about the same time in one transaction. The last hand that leaves a run ends it.
//! What an outcome means for the next plan is not known here.

use super::run::{ApplyReport, Run, UNANSWERED_MAX};
use super::step::Carried;
use super::{Context, Opened};
use crate::error::EngineError;
use crate::house::House;
use crate::progress::Said;
use crate::work::job;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_connect::Witnessed;
use tenure_core::abilities::Effect;
use tenure_core::account::Account;
use tenure_core::change::{FieldOutcome, Outcome, Plan, Step, StepResult};
use tenure_core::circuit;
use tenure_core::facts::Link;
use tenure_core::journal::Draft;
use tenure_core::look::effect_holds;
use tenure_core::name::{ConnectionName, StepId};
use tenure_store::{Alongside, Pulse, Settled};

/// A step that was carried out, and what was asked of its app meanwhile.
pub(super) struct Ended<'a> {
    pub lane: usize,
    pub step: &'a Arc<Step>,
    pub opened: Opened,
    pub carried: Carried,
    pub asked: Witnessed,
}

impl Ended<'_> {
    /// Tells whether it is certain that nothing was taken away: neither now, nor by an earlier try that nobody saw end.
    fn took_nothing(&self) -> bool {
        let may_have = matches!(self.carried.result.outcome, Outcome::Done | Outcome::Pending | Outcome::Unknown);
        self.opened == Opened::Fresh && !may_have
    }
}

impl<'a> Run<'a> {
    /// Settles steps that have ended.
    pub(super) async fn settle(&mut self, ended: Vec<Ended<'a>>) -> Result<(), EngineError> {
        if ended.is_empty() {
            return Ok(());
        }
        let house = self.house;
        let carried: Vec<_> = ended.iter().map(|one| (one.step.as_ref(), &one.carried)).collect();
        let read_back = observe(house, &self.context, &carried).await?;
        for Ended { step, carried, .. } in &ended {
            self.remember(step, carried).await?;
        }
        let results: Vec<_> = carried.iter().map(|(step, carried)| (*step, &carried.result)).collect();
        let ends: Vec<_> = carried.iter().map(|(step, carried)| (*step, &carried.result, carried.undone)).collect();
        crate::ignored::remember(house, &ends).await?;
        let seen = carried.iter().map(|(step, carried)| (*step, &carried.result, carried.read_back.as_ref()));
        crate::invited::note(house, &seen.collect::<Vec<_>>()).await?;
        crate::begun::end(house, &results).await?;
        crate::endings::end(house, &results).await?;
        // What was read back is of the moment before the steps are said to have ended, so that it is seen as of their end.
        let now_ms = house.clock.now_ms();
        let settled = ended.iter().map(|one| Settled {
            result: &one.carried.result,
            draft: Some(self.draft("step_ended", Some(&one.step.id), told(one.step, &one.carried.result, &one.asked))),
            pulse: self.pulse(one),
            took_nothing: one.took_nothing(),
        });
        let mut sent: BTreeMap<ConnectionName, i64> = BTreeMap::new();
        for Ended { step, asked, .. } in &ended {
            *sent.entry(step.connection.clone()).or_default() += (asked.requests.len() + asked.more) as i64;
        }
        let woken = crate::signals::woken(house, carried.iter().map(|(step, _)| *step)).await?;
        let alongside = Alongside { read_back, sent, woken };
        house.store.settle_steps(&self.lease, &self.id, settled.collect(), &alongside, now_ms).await?;
        for Ended { step, carried: Carried { result, .. }, asked, .. } in ended {
            tracing::info!(
                step = %result.id, run = %self.id, connection = %step.connection, effect = %step.effect,
                outcome = ?result.outcome, requests = asked.requests.len() + asked.more, "step ended"
            );
            self.context.progress.say(Said::StepEnded { step: step.clone(), result: Box::new(result.clone()) });
            self.left.remove(&step.id);
            self.results.insert(step.id.clone(), result);
        }
        Ok(())
    }

    /// Returns what a step tells of its connection's health; nothing where the world had moved, there was no
    /// turn, or the app left alone what its vendor's record says it may.
    fn pulse<'s>(&self, ended: &Ended<'s>) -> Option<Pulse<'s>> {
        let (step, carried) = (ended.step, &ended.carried);
        let failed = match carried.result.outcome {
            Outcome::Done | Outcome::AlreadyTrue | Outcome::Pending => false,
            Outcome::Refused if carried.foreseen => return None,
            Outcome::Refused | Outcome::Unknown => !carried.no_seat,
            Outcome::Skipped if carried.unreachable => true,
            Outcome::Skipped | Outcome::Moved | Outcome::Unsupported => return None,
        };
        let because = carried.result.because.clone().unwrap_or_default();
        let badly = || circuit::Ended::Badly { step: step.id.clone(), because };
        let guards = &self.house.policy.guards;
        Some(Pulse {
            connection: &step.connection,
            ended: if failed { badly() } else { circuit::Ended::Well },
            failures_max: guards.failures_max,
            retry_after_ms: guards.failures_retry_after.as_ms(),
        })
    }

    /// Remembers what a step showed of its app.
    async fn remember(&mut self, step: &Step, carried: &Carried) -> Result<(), EngineError> {
        let (house, result) = (self.house, &carried.result);
        let because = || result.because.as_deref().unwrap_or("refused");
        if let Some(how) = carried.disproved {
            crate::unproven::refuse(house, step, because(), how).await?;
        }
        if let Some(kind) = carried.refusal {
            self.refusals.insert(step.id.clone(), kind);
        }
        if stands(step, carried) {
            self.stands.insert(step.id.clone());
        }
        if carried.unreachable {
            self.unreachable.insert(step.id.clone());
        }
        // A step that was begun and skipped all the same is one whose account could not be looked at.
        let unclear = carried.unreachable || matches!(result.outcome, Outcome::Unknown | Outcome::Skipped);
        let row = self.unanswered.entry(step.connection.clone()).or_default();
        *row = if unclear { *row + 1 } else { 0 };
        self.unclear |= unclear;
        self.seats.end(step, &self.connectors[&step.connection].abilities(), carried.no_seat);
        if carried.no_seat {
            crate::seats::refuse(house, &step.connection, because()).await?;
        } else if result.outcome == Outcome::Done && step.effect == Effect::Create {
            crate::seats::found(house, &step.connection).await?;
        }
        Ok(())
    }

    /// Settles a step that is not begun.
    pub(super) fn skip(&mut self, step: &Step, because: String, outcome: Outcome) {
        if !step.approval.state.permits() || self.stopped.contains_key(&step.connection) {
            self.waiting.insert(step.id.clone());
        }
        if outcome == Outcome::Skipped && self.hangs_on_unreachable(step) {
            self.unreachable.insert(step.id.clone());
        }
        let result = StepResult {
            id: step.id.clone(),
            outcome,
            fields: BTreeMap::new(),
            because: Some(because),
            account: step.account.clone(),
        };
        self.left.remove(&step.id);
        self.results.insert(step.id.clone(), result);
    }

    /// Tells whether a step was not begun only because its side could not be reached: what it needs failed by that, or
    /// nothing else came from there.
    fn hangs_on_unreachable(&self, step: &Step) -> bool {
        let tried = || self.results.values().filter(|result| result.outcome != Outcome::Pending);
        step.needs.iter().any(|id| self.unreachable.contains(id))
            || (self.unanswered.get(&step.connection).is_some_and(|row| *row >= UNANSWERED_MAX)
                && tried().all(|result| self.unreachable.contains(&result.id)))
    }

    /// Leaves the run, and ends it where no other hand is at it; so long after that the company is judged anew.
    pub(super) async fn end(
        mut self,
        steps: &[Arc<Step>],
        plan: &Plan,
        held: usize,
        judged_after_ms: i64,
    ) -> Result<ApplyReport, EngineError> {
        let drained = self.house.drain.has_begun();
        let results: Vec<StepResult> = steps.iter().filter_map(|step| self.results.remove(&step.id)).collect();
        let done = results.iter().filter(|r| matches!(r.outcome, Outcome::Done | Outcome::AlreadyTrue)).count();
        let body = serde_json::json!({ "steps": results.len(), "done": done, "held": held });
        let (draft, now_ms) = (self.draft("run_ended", None, body), self.house.clock.now_ms());
        // What an earlier hand settled and did not live to tell is told with this end.
        let mut woken = crate::signals::woken(self.house, steps.iter().map(Arc::as_ref)).await?;
        woken.push(job::reconcile(now_ms + judged_after_ms));
        let over = job::help_keys(&plan.id);
        let over = (job::Kind::Help.as_str(), over.as_slice());
        self.house.store.leave_run(&self.lease, &self.id, vec![draft], &woken, over, now_ms).await?;
        Ok(ApplyReport {
            run: self.id,
            steps: results,
            held,
            waiting: self.waiting,
            unreachable: self.unreachable,
            refusals: self.refusals,
            parked_until_ms: self.parked_until_ms,
            unclear: self.unclear,
            drained,
        })
    }

    pub(super) fn draft(&self, event: &str, step: Option<&StepId>, body: serde_json::Value) -> Draft {
        Draft {
            at: self.house.clock.now_text(),
            actor: self.context.by.clone(),
            event: event.to_owned(),
            run: Some(self.id.to_string()),
            step: step.map(ToString::to_string),
            body,
        }
    }
}

/// Returns what the journal tells of a step that ended.
pub(super) fn told(step: &Step, result: &StepResult, asked: &Witnessed) -> Value {
    let mut body = serde_json::json!({
        "connection": step.connection, "effect": step.effect, "outcome": result.outcome, "fields": result.fields,
        "because": result.because, "account": result.account, "requests": asked.requests,
    });
    if asked.more > 0 {
        body["requests_more"] = asked.more.into();
    }
    body
}

/// Tells whether a step is not done for a field that its app left alone, and the account that it should make is there.
fn stands(step: &Step, carried: &Carried) -> bool {
    let ignored = carried.result.fields.values().any(|outcome| *outcome == FieldOutcome::Ignored);
    let makes = matches!(step.effect, Effect::Create | Effect::Convert | Effect::Resume);
    carried.result.outcome == Outcome::Refused && ignored && makes && effect_holds(step, carried.read_back.as_ref())
}

/// Writes which accounts are gone, pins the links of those that were made for somebody, and returns what was read back,
/// by connection: it is written together with the outcomes, so that a pull that walks meanwhile learns of both at once.
pub(super) async fn observe(
    house: &House,
    context: &Context,
    ended: &[(&Step, &Carried)],
) -> Result<BTreeMap<ConnectionName, Vec<Account>>, EngineError> {
    let now_ms = house.clock.now_ms();
    let mut read_back: BTreeMap<ConnectionName, Vec<Account>> = BTreeMap::new();
    for (step, carried) in ended {
        read_back.entry(step.connection.clone()).or_default().extend(carried.read_back.clone());
    }
    let mut links = Vec::new();
    for (step, carried) in ended {
        let Some(account) = &carried.read_back else {
            let gone = step.account_key.as_ref().filter(|_| carried.found_gone);
            if let Some(key) = gone {
                house.store.record_gone(&step.connection, std::slice::from_ref(key), now_ms).await?;
            }
            continue;
        };
        if step.meant() == Effect::Convert
            && let Some(before) = step.account_key.as_ref().filter(|key| **key != account.key)
            && (account.kind_is(step) || matches!(carried.result.outcome, Outcome::Done | Outcome::AlreadyTrue))
        {
            house.store.record_gone(&step.connection, std::slice::from_ref(before), now_ms).await?;
        }
        let makes = matches!(step.effect, Effect::Create | Effect::Convert | Effect::Resume);
        let is_done = matches!(carried.result.outcome, Outcome::Done | Outcome::AlreadyTrue | Outcome::Pending);
        let ours = is_done || stands(step, carried);
        if let (true, true, Some(identity)) = (makes, ours, &step.identity) {
            context.made(identity, &account.key);
            links.push(Link {
                account: account.key.clone(),
                identity: identity.clone(),
                evidence: format!("{} by step {}", step.effect, step.id).into(),
                since_ms: now_ms,
            });
        }
    }
    if !links.is_empty() {
        house.store.pin_links(&links, now_ms).await?;
    }
    Ok(read_back)
}
