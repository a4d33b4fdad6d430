//! `trace`: the story of one step from the source cell that it hangs on to the field that was read back.
//! Gathered from the kept plan, the history of the person's records, what people decided and the journal; nothing is
//! judged anew and nothing is sent. Entries of before requests were written down tell none.

use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::{FileSource, House, Reader};
use crate::reconcile::{Scope, company};
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use tenure_connect::Exchanged;
use tenure_connect::file::{People, PeopleOptions};
use tenure_core::account::{Account, AccountKey, Kind};
use tenure_core::change::{Change, Plan, Step};
use tenure_core::facts::{Decided, Decision};
use tenure_core::identity::Identity;
use tenure_core::journal::Entry;
use tenure_core::name::{ConnectionName, IdentityId, PlanId, RunId, StepId};
use tenure_core::trace::{Cell, RuleTold, attributes, cell, rule, trace_id};

const ENTRIES_MAX: usize = 1000;
const VERSIONS_MAX: usize = 1000;

/// The story of one step.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Trace {
    /// The cells on which it hangs, as they were when it was planned.
    pub sources: Vec<Source>,
    /// What people decided about the person, as far as the plan knew it.
    pub decisions: Vec<Said>,
    /// The rule that wishes it.
    pub rule: Option<RuleTold>,
    /// The plan that proposed it.
    pub plan: Option<Proposed>,
    /// The step.
    pub step: Step,
    /// The guard that held it in its plan, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// What people said to it, and to the guard.
    pub approvals: Vec<Said>,
    /// Each try.
    pub attempts: Vec<Attempt>,
}

/// A cell, and where it lies.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// The cell.
    #[serde(flatten)]
    pub cell: Cell,
    /// Since when it was seen so.
    pub observed_at: String,
    /// The file in which the record lies, where the source is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of that file, as it is now, where the cell still stands in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// Something that a person said.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "who, when, why, and what")]
pub struct Said {
    pub at: String,
    pub by: String,
    pub note: Option<String>,
    #[serde(flatten)]
    #[schemars(with = "BTreeMap<String, Value>")]
    pub what: Decided,
}

/// The plan of a step.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the plan's own words")]
pub struct Proposed {
    pub id: PlanId,
    pub made_at: String,
    pub requested_by: Option<String>,
}

/// One try of a step.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// The run.
    pub run: String,
    /// Under which id its spans were exported, where they were.
    #[serde(default)]
    pub trace_id: String,
    /// Who ran it.
    pub by: String,
    /// When its intent was written, before the first request.
    pub started_at: String,
    /// The entry of the journal with the intent.
    pub intent_entry: i64,
    /// Who had agreed by then.
    pub approved_by: Vec<String>,
    /// What was asked of the app; absent where the journal does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Vec<Exchanged>>,
    /// How many requests more there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_more: Option<u64>,
    /// Each field: what was asked, what became of it, what was read back.
    pub fields: Vec<ReadBack>,
    /// How it ended; absent while nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Why, where it is not simply done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// The entry of the journal with the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome_entry: Option<i64>,
    /// The app's id of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// One field after a try.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the contract of a change, and what became of it")]
pub struct ReadBack {
    pub field: String,
    pub before: Option<Value>,
    pub asked: Value,
    pub outcome: Option<String>,
    /// What the account showed when the outcome was written; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shows: Option<Value>,
}

/// Tells the story of the step with this id.
///
/// # Errors
/// No step has it, or the store failed.
#[tracing::instrument(name = "trace", skip(house))]
#[boxed]
pub async fn trace(house: &House, id: &str) -> Result<Trace, EngineError> {
    let entries = house.store.journal_of_step(&StepId::from(id), ENTRIES_MAX).await?;
    let (step, plan, guard) = find(house, id, &entries).await?;
    let made_ms = plan.as_ref().and_then(|plan| ms_of(&plan.made_at)).unwrap_or_else(|| house.clock.now_ms());
    let identity = step.identity.as_ref().map(ToString::to_string);
    let company = company(house, &Scope { identity, ..Scope::default() }).await?;
    let graph = company.graph(house);
    let person = step.identity.as_ref().and_then(|id| graph.identity(id));
    let sources = match person {
        Some(person) => sources(house, &step, person, made_ms).await?,
        None => Vec::new(),
    };
    let decisions = &company.facts.decisions;
    let about =
        |decision: &&Decision| decision.at_ms <= made_ms && concerns(&decision.what, step.identity.as_ref(), &step);
    let of_step = |decision: &&Decision| match &decision.what {
        Decided::Approve { step: of } | Decided::Reject { step: of } => *of == step.id,
        Decided::Release { plan: of, guard: which } | Decided::Withhold { plan: of, guard: which } => {
            plan.as_ref().is_some_and(|plan| plan.id == *of) && guard.as_ref() == Some(which)
        }
        _ => false,
    };
    Ok(Trace {
        sources,
        decisions: decisions.iter().filter(about).map(said).collect(),
        rule: rule(&step, &house.policy),
        approvals: decisions.iter().filter(of_step).map(said).collect(),
        attempts: attempts(house, &step, &entries).await?,
        guard,
        plan,
        step,
    })
}

/// Finds a step in the plan of one of its runs, which is kept for ever, or in one that is kept for a while; and the guard
/// that held it there.
async fn find(
    house: &House,
    id: &str,
    entries: &[Entry],
) -> Result<(Step, Option<Proposed>, Option<String>), EngineError> {
    let mut seen = HashSet::new();
    for run in entries.iter().rev().filter_map(|entry| entry.run.as_deref()).filter(|run| seen.insert(*run)) {
        let Some(run) = house.store.run(&RunId::from(run)).await? else { continue };
        let Some(plan) = house.store.plan(&run.plan).await? else { continue };
        let found = plan.all_steps().find(|step| step.id.as_str() == id).cloned();
        if let Some(step) = found {
            return Ok(told(step, plan));
        }
    }
    let found = crate::decide::step_of_plan(house, id).await?;
    let (step, plan) = found.ok_or_else(|| {
        EngineError::Missing(format!("no step has the id {id:?}; `tenure plan` and `apply` show them"))
    })?;
    Ok(told(step, plan))
}

fn told(step: Step, plan: Plan) -> (Step, Option<Proposed>, Option<String>) {
    let guard = plan.held.into_iter().find(|hold| hold.step.id == step.id).map(|hold| hold.guard);
    (step, Some(Proposed { id: plan.id, made_at: plan.made_at, requested_by: plan.requested_by }), guard)
}

fn ms_of(moment: &str) -> Option<i64> {
    moment.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

fn concerns(what: &Decided, identity: Option<&IdentityId>, step: &Step) -> bool {
    match what {
        Decided::Join { identity: of, .. }
        | Decided::Move { identity: of, .. }
        | Decided::Leave { identity: of, .. } => Some(of) == identity,
        Decided::Link { account, .. }
        | Decided::Unlink { account, .. }
        | Decided::Exempt { account }
        | Decided::Settle { account, .. } => Some(account) == step.account_key.as_ref(),
        Decided::Accept { .. }
        | Decided::Approve { .. }
        | Decided::Reject { .. }
        | Decided::Release { .. }
        | Decided::Withhold { .. } => false,
    }
}

fn said(decision: &Decision) -> Said {
    let Decision { at_ms, by, note, what, .. } = decision.clone();
    Said { at: moment_text(at_ms), by, note, what }
}

async fn sources(house: &House, step: &Step, person: &Identity, made_ms: i64) -> Result<Vec<Source>, EngineError> {
    let mut versions = BTreeMap::new();
    for record in &person.records {
        let all = house.store.versions(record, VERSIONS_MAX).await?;
        let then = all.into_iter().filter(|version| version.since_ms <= made_ms);
        versions.insert(record.clone(), then.map(|version| (version.since_ms, version.account)).collect::<Vec<_>>());
    }
    let cells = attributes(step, &house.policy).into_iter().filter_map(|field| cell(person, &field, &versions));
    let cells: Vec<Cell> = cells.collect();
    let records: HashSet<AccountKey> = cells.iter().map(|cell| cell.record.clone()).collect();
    let mut rows = BTreeMap::new();
    let of_file = |record: &AccountKey| {
        house.config.connections.get(record.connection.as_str()).is_some_and(|connection| connection.path.is_some())
    };
    for record in records.into_iter().filter(of_file) {
        let Ok(Reader::File(file)) = house.reader(&record.connection).await else { continue };
        let Ok(Some(path)) = file.local(house.clock.now_ms()) else { continue };
        let line = find_row(&path, &file, &record.connection, &record);
        rows.insert(record, (path.display().to_string(), line));
    }
    let source = |cell: Cell| {
        let row = rows.get(&cell.record);
        let line = row
            .and_then(|(_, found)| found.as_ref())
            .filter(|(_, account)| account.told(&cell.field).is_some_and(|value| value == cell.value));
        let line = line.map(|(line, _)| *line);
        let file = row.map(|(path, _)| path.clone());
        Source { observed_at: moment_text(cell.since_ms), cell, file, line }
    };
    Ok(cells.into_iter().map(source).collect())
}

/// Finds the row of a record in a file as it is now.
fn find_row(
    path: &Path,
    file: &FileSource,
    connection: &ConnectionName,
    record: &AccountKey,
) -> Option<(u64, Account)> {
    let options = PeopleOptions { connection: connection.clone(), map: file.map.clone(), skip: Default::default() };
    let mut people = People::open(path, options).ok()?;
    let account = people.by_ref().find(|account| account.key == *record)?;
    Some((people.line(), account))
}

/// Pairs the entries of a step into tries.
async fn attempts(house: &House, step: &Step, entries: &[Entry]) -> Result<Vec<Attempt>, EngineError> {
    let mut attempts: Vec<Attempt> = Vec::new();
    for entry in entries {
        match entry.event.as_str() {
            "step_started" => attempts.push(began(entry)),
            "step_ended" => {
                let run = entry.run.clone().unwrap_or_default();
                let open = attempts.iter_mut().rev().find(|one| one.run == run && one.outcome.is_none());
                if let Some(attempt) = open {
                    end(house, step, attempt, entry).await?;
                }
            }
            _ => {}
        }
    }
    Ok(attempts)
}

fn began(entry: &Entry) -> Attempt {
    let by = entry.body["approval"]["by"].as_array();
    Attempt {
        trace_id: entry.run.as_deref().map(trace_id).unwrap_or_default(),
        run: entry.run.clone().unwrap_or_default(),
        by: entry.actor.clone(),
        started_at: entry.at.clone(),
        intent_entry: entry.seq,
        approved_by: by.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        ..Attempt::default()
    }
}

async fn end(house: &House, step: &Step, attempt: &mut Attempt, entry: &Entry) -> Result<(), EngineError> {
    let text = |name: &str| entry.body[name].as_str().map(str::to_owned);
    attempt.outcome = text("outcome");
    attempt.because = text("because");
    attempt.account = text("account");
    attempt.ended_at = Some(entry.at.clone());
    attempt.outcome_entry = Some(entry.seq);
    attempt.requests = serde_json::from_value(entry.body["requests"].clone()).ok();
    attempt.requests_more = entry.body["requests_more"].as_u64();
    let shown = read_back(house, step, attempt, ms_of(&entry.at)).await?;
    attempt.fields = step.changes.iter().map(|change| field(change, &entry.body, shown.as_ref())).collect();
    Ok(())
}

/// Returns the account as it was known when an outcome was written.
async fn read_back(
    house: &House,
    step: &Step,
    attempt: &Attempt,
    at_ms: Option<i64>,
) -> Result<Option<Account>, EngineError> {
    let (Some(id), Some(at_ms)) = (&attempt.account, at_ms) else { return Ok(None) };
    let kinds: [Option<Kind>; 2] = [Some(step.kind), step.account_key.as_ref().map(|key| key.kind)];
    for kind in kinds.into_iter().flatten() {
        let key = AccountKey::new(&step.connection, kind, id.as_str());
        if let Some(observed) = house.store.account(&key, Some(at_ms)).await? {
            return Ok(Some(observed.account));
        }
    }
    Ok(None)
}

fn field(change: &Change, body: &Value, shown: Option<&Account>) -> ReadBack {
    let shows = shown.and_then(|account| match &change.entitlement {
        Some(entitlement) => {
            let known = account.grants_known.contains(&entitlement.kind);
            let names = || account.grants_of(&entitlement.kind).map(|grant| Value::from(&*grant.name)).collect();
            known.then(|| Value::Array(names()))
        }
        None => account.told(change.field.as_str()),
    });
    ReadBack {
        field: change.field.to_string(),
        before: change.before.clone(),
        asked: change.after.clone(),
        outcome: body["fields"][change.field.as_str()].as_str().map(str::to_owned),
        shows,
    }
}
