//! What is to be told: read from the journal, from where it was read last, and laid into each stream that wants it. What one
//! run did to one person is told once. Nothing is sent here.

use super::event::{Event, Kept, Subject, told_of};
use super::stream::{FILE, Stream};
use super::{STREAMS_MAX, signal};
use crate::error::EngineError;
use crate::house::House;
use crate::reconcile::{Scope, company, find_identity};
use crate::work::job;
use async_recursion::async_recursion as boxed;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::change::{Plan, Step};
use tenure_core::hex::hex;
use tenure_core::identity::IdentityState;
use tenure_core::journal::Entry;
use tenure_core::name::{IdentityId, RunId};
use tenure_store::{JobEnd, NewJob, Signal};

/// Entries of the journal that are read at once.
const PAGE: usize = 500;

/// Returns the work of reading the journal for signals, if anybody listens and these steps may be told of.
pub(crate) async fn woken<'s>(
    house: &House,
    mut steps: impl Iterator<Item = &'s Step>,
) -> Result<Vec<NewJob>, EngineError> {
    if steps.all(|step| told_of(step, None).is_empty()) {
        return Ok(Vec::new());
    }
    let listens = !house.config.server.ssf.push.is_empty() || !house.store.signal_streams().await?.is_empty();
    Ok(listens.then(|| job::gather(house.clock.now_ms())).into_iter().collect())
}

/// Lays what happened since the last time into the streams that want it.
///
/// # Errors
/// The store failed.
#[tracing::instrument(name = "gather", skip_all)]
#[boxed]
pub(crate) async fn gather(house: &House) -> Result<JobEnd, EngineError> {
    let streams = streams(house).await?;
    let head = house.store.journal_head().await?.seq;
    let now_ms = house.clock.now_ms();
    let read = house.store.signals_read().await?.filter(|_| !streams.is_empty());
    let Some(mut seq) = read else {
        house.store.add_signals(&[], Some(head), &[], now_ms).await?;
        return Ok(JobEnd::Done);
    };
    let mut told = Told { house, steps: BTreeMap::new(), people: BTreeMap::new() };
    while seq < head {
        let entries = house.store.read_journal(seq, PAGE).await?;
        let Some(last) = entries.last() else { break };
        seq = last.seq;
        let mut signals = Vec::new();
        for entry in entries.iter().filter(|entry| entry.event == "step_ended") {
            signals.extend(told.of(entry, &streams).await?);
        }
        let pushed = |stream: &&Stream| stream.push.is_some() && signals.iter().any(|one| one.stream == stream.id);
        let jobs: Vec<NewJob> = streams.iter().filter(pushed).map(|stream| job::push(&stream.id, now_ms)).collect();
        house.store.add_signals(&signals, Some(seq), &jobs, now_ms).await?;
    }
    Ok(JobEnd::Done)
}

/// Lists the streams, after those of the file were made as the file says.
async fn streams(house: &House) -> Result<Vec<Stream>, EngineError> {
    let rows = house.store.signal_streams().await?;
    let mut streams = rows.into_iter().map(Stream::read).collect::<Result<Vec<_>, _>>()?;
    for (name, push) in &house.config.server.ssf.push {
        let kept = streams.iter().position(|kept| kept.owner == FILE && kept.id == format!("file-{name}"));
        let kept = kept.map(|at| streams.remove(at));
        let stream = Stream::of_file(house, name, push, kept.clone());
        if kept.as_ref() != Some(&stream) {
            house.store.put_signal_stream(&stream.row()?, STREAMS_MAX * 10, vec![]).await?;
        }
        streams.push(stream);
    }
    let named: BTreeSet<String> = house.config.server.ssf.push.keys().map(|name| format!("file-{name}")).collect();
    for gone in streams.extract_if(.., |stream| stream.owner == FILE && !named.contains(&stream.id)) {
        house.store.remove_signal_stream(&gone.id, vec![]).await?;
    }
    Ok(streams)
}

/// What is told, with what was looked up for it.
struct Told<'h> {
    house: &'h House,
    /// The steps of each run that may be told of.
    steps: BTreeMap<RunId, BTreeMap<String, Step>>,
    /// By what somebody is told of, and whether they are here.
    people: BTreeMap<IdentityId, Option<(String, IdentityState)>>,
}

impl Told<'_> {
    /// Returns what is told of a step that ended.
    async fn of(&mut self, entry: &Entry, streams: &[Stream]) -> Result<Vec<Signal>, EngineError> {
        let done = matches!(entry.body["outcome"].as_str(), Some("done" | "already_true"));
        let (true, Some(run), Some(id)) = (done, &entry.run, &entry.step) else { return Ok(Vec::new()) };
        let Some(step) = self.step(&RunId::from(run.as_str()), id).await? else { return Ok(Vec::new()) };
        let Some(identity) = step.identity.clone() else { return Ok(Vec::new()) };
        let Some((email, state)) = self.person(&identity).await? else { return Ok(Vec::new()) };
        let (events, subject) = (told_of(&step, Some(state)), Subject::Email { email });
        let at_ms = entry.at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond);
        let mut signals = Vec::new();
        for (at, event) in events.into_iter().enumerate() {
            let kept =
                Kept { event, subject: subject.clone(), at_s: at_ms / 1000, txn: Some(run.clone()), state: None };
            for stream in streams.iter().filter(|stream| stream.wants(event, &subject)) {
                let place = at_ms * 1000 + (entry.seq % 100) * 8 + at as i64;
                signals.push(signal(&stream.id, jti(&stream.id, run, &identity, event), place, at_ms, &kept)?);
            }
        }
        Ok(signals)
    }

    async fn step(&mut self, run: &RunId, id: &str) -> Result<Option<Step>, EngineError> {
        if !self.steps.contains_key(run) {
            let plan = self.house.store.run(run).await?.map(|run| run.plan);
            let plan = match plan {
                Some(plan) => self.house.store.plan(&plan).await?,
                None => None,
            };
            let steps = plan.map(steps_told_of).unwrap_or_default();
            self.steps.insert(run.clone(), steps);
        }
        Ok(self.steps[run].get(id).cloned())
    }

    async fn person(&mut self, id: &IdentityId) -> Result<Option<(String, IdentityState)>, EngineError> {
        if let Some(known) = self.people.get(id) {
            return Ok(known.clone());
        }
        let scope = Scope { identity: Some(id.to_string()), ..Scope::default() };
        let company = company(self.house, &scope).await?;
        let graph = company.graph(self.house);
        let found = find_identity(&graph, id.as_str()).ok();
        let person = found.and_then(|id| {
            let identity = graph.identity(&id)?;
            Some((identity.work_email()?.to_owned(), identity.state))
        });
        self.people.insert(id.clone(), person.clone());
        Ok(person)
    }
}

/// Returns the steps of a plan that may be told of, those among them that a guard holds: a person may release them.
fn steps_told_of(plan: Plan) -> BTreeMap<String, Step> {
    let all = plan.steps.into_iter().chain(plan.held.into_iter().map(|hold| hold.step));
    all.filter(|step| !told_of(step, None).is_empty()).map(|step| (step.id.to_string(), step)).collect()
}

/// Returns the id of what is told: the same for one run, one person and one event, so that it is told once.
fn jti(stream: &str, run: &str, identity: &IdentityId, event: Event) -> String {
    hex(&Sha256::digest(format!("{stream}\0{run}\0{identity}\0{}", event.word()))[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn step(id: &str, effect: &str, reason: &str) -> Value {
        json!({
            "id": id, "connection": "desk", "effect": effect, "kind": "agent", "identity": "jane", "account": "7",
            "changes": [], "reason": { "kind": reason, "rule": null, "text": "" }, "risk": "low", "irreversible": false,
            "needs": [], "approval": { "state": "not_needed", "from": [], "count": 0, "by": [] },
        })
    }

    #[test]
    fn what_a_guard_held_is_told_of_once_it_is_done() {
        let plan = json!({
            "id": "p-1", "digest": "d", "made_at": "2026-11-26T12:00:00Z", "requested_by": null, "findings": [],
            "steps": [step("s-1", "suspend", "leaver"), step("s-2", "suspend", "mover")],
            "held": [{ "step": step("s-3", "suspend", "leaver"), "guard": "removals_max", "because": "too many", "release": null }],
            "cost": { "seats": {}, "requests": {}, "seconds": 0.0 },
        });
        let told = steps_told_of(serde_json::from_value(plan).expect("a plan"));
        assert_eq!(told.into_keys().collect::<Vec<_>>(), ["s-1", "s-3"]);
    }
}
