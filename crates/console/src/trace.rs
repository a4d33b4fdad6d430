//! `Trace`: one step as a story, from the source cell that it hangs on to the field that was read back. The engine gathers
//! it; here it is laid out in the order in which it happened.

use crate::Shared;
use crate::failure::Failure;
use crate::frame::{Frame, show};
use crate::steps::StepLine;
use crate::today::ms_of;
use crate::words::{self, Chip};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Html;
use serde_json::Value;
use std::sync::Arc;
use tenure_core::change::Plan;
use tenure_engine::session::Visitor;
use tenure_engine::trace::{Attempt, Said, Source, Trace, trace};

/// Plans in which a step of an earlier moment is looked for.
const PLANS_BACK: usize = 10;

#[derive(Template)]
#[template(path = "trace.html")]
struct TracePage {
    frame: Frame,
    step: StepLine,
    person_link: String,
    plan: Option<(String, String, String)>,
    sources: Vec<Record>,
    decisions: Vec<String>,
    rule: Option<RuleLine>,
    approvals: Vec<String>,
    attempts: Vec<AttemptTold>,
}

struct RuleLine {
    name: String,
    when: String,
    wishes: Vec<(String, String)>,
}

/// A record of a source, with its cells on which the step hangs.
struct Record {
    key: String,
    since: String,
    place: String,
    cells: Vec<CellLine>,
}

struct CellLine {
    field: String,
    value: String,
    before: Option<String>,
}

/// Leaves of a trace what had happened at an earlier moment.
fn until(trace: &mut Trace, as_of_ms: i64) {
    let was = |at: &str| ms_of(at) <= as_of_ms;
    trace.attempts.retain(|attempt| was(&attempt.started_at));
    trace.decisions.retain(|said| was(&said.at));
    trace.approvals.retain(|said| was(&said.at));
    for attempt in &mut trace.attempts {
        if attempt.ended_at.as_deref().is_some_and(|at| !was(at)) {
            let Attempt { run, by, started_at, intent_entry, approved_by, .. } = std::mem::take(attempt);
            *attempt = Attempt { run, by, started_at, intent_entry, approved_by, ..Attempt::default() };
        }
    }
}

/// Tells whether a plan had a step at an earlier moment: the plan of the trace, or an earlier one that is kept.
async fn was_planned(console: &Shared, trace: &Trace, as_of_ms: i64) -> Result<bool, Failure> {
    if trace.plan.as_ref().is_none_or(|plan| ms_of(&plan.made_at) <= as_of_ms) {
        return Ok(true);
    }
    for id in console.house.store.plan_ids(PLANS_BACK).await? {
        let plan = console.house.store.plan(&id).await?.filter(|plan| ms_of(&plan.made_at) <= as_of_ms);
        let has = |plan: Plan| plan.steps.iter().any(|step| step.id == trace.step.id);
        if plan.is_some_and(has) {
            return Ok(true);
        }
    }
    Ok(false)
}

struct AttemptTold {
    run: String,
    by: String,
    at: String,
    intent: i64,
    agreed: String,
    requests: Vec<(String, String, Chip, String)>,
    more: u64,
    untold: bool,
    fields: Vec<(String, String, String, Chip)>,
    outcome: Chip,
    because: String,
    ended: String,
    entry: i64,
}

/// `GET /steps/{step}`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, format!("Trace of {id}"), "plan", (&uri, &headers)).await?;
    let mut trace = trace(&console.house, id.trim()).await?;
    if let Some(as_of_ms) = frame.as_of_ms() {
        until(&mut trace, as_of_ms);
        if trace.attempts.is_empty() && !was_planned(&console, &trace, as_of_ms).await? {
            return Err(Failure::Missing("the step was not planned yet at the moment at which you look".into()));
        }
    }
    let mut step = StepLine::new(&trace.step, &console.house.policy);
    let attempts: Vec<AttemptTold> = trace.attempts.into_iter().map(attempt).collect();
    step.outcome = attempts.last().map(|last| (last.outcome.clone(), last.because.clone()));
    if step.outcome.is_some() {
        step.says.clear();
    }
    let plan = trace.plan.map(|plan| {
        let by = plan.requested_by.unwrap_or_default();
        (plan.id.to_string(), words::moment(&plan.made_at), by)
    });
    let rule = trace.rule.map(|rule| {
        let when = rule.when.unwrap_or_else(|| "the policy has it no more".into());
        let wishes = rule.wishes.iter().map(|(word, value)| (word.to_string(), words::value(value)));
        RuleLine { name: rule.name.to_string(), when: when.to_string(), wishes: wishes.collect() }
    });
    show(&TracePage {
        person_link: format!("/people/{}", words::part(&step.person_id)),
        step,
        plan,
        sources: records(&trace.sources),
        decisions: trace.decisions.iter().map(said).collect(),
        rule,
        approvals: trace.approvals.iter().map(said).collect(),
        attempts,
        frame,
    })
}

/// Puts the cells of one record together.
fn records(sources: &[Source]) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for source in sources {
        let cell = &source.cell;
        let place = match (&source.file, source.line) {
            (Some(file), Some(line)) => format!("{}, line {line}", name(file)),
            (Some(file), None) => format!("{}, where it stands no more", name(file)),
            _ => String::new(),
        };
        let (key, since) = (cell.record.to_string(), words::moment(&source.observed_at));
        let line = CellLine {
            field: cell.field.to_string(),
            value: words::value(&cell.value),
            before: cell.before.as_ref().map(words::value),
        };
        match records.iter_mut().find(|record| (&record.key, &record.since, &record.place) == (&key, &since, &place)) {
            Some(record) => record.cells.push(line),
            None => records.push(Record { key, since, place, cells: vec![line] }),
        }
    }
    records
}

/// Returns the name of a file without its folders: where the daemon keeps it is nobody's business.
fn name(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}

fn said(said: &Said) -> String {
    let what = serde_json::to_value(&said.what).ok();
    let what = what.as_ref().and_then(|what| what["decided"].as_str()).unwrap_or("decided").to_owned();
    let note = said.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
    format!("{what}, by {} at {}{note}", said.by, words::moment(&said.at))
}

fn attempt(attempt: Attempt) -> AttemptTold {
    let untold = attempt.requests.is_none();
    let requests = attempt.requests.unwrap_or_default().into_iter().map(|one| {
        let status = match one.status {
            Some(status) => Chip::new(status.to_string(), if status < 400 { "good" } else { "bad" }),
            None => Chip::new("no answer", "bad"),
        };
        (one.method.to_string(), one.path.to_string(), status, one.id.map(|id| id.to_string()).unwrap_or_default())
    });
    let fields = attempt.fields.iter().map(|field| {
        let outcome = match field.outcome.as_deref() {
            Some("applied") => Chip::new("applied", "good"),
            Some(word) => Chip::new(word, "wait"),
            None => Chip::new("not tried", "off"),
        };
        let shows = field.shows.as_ref().map_or_else(|| "not known".to_owned(), shown);
        (field.field.clone(), shown(&field.asked), shows, outcome)
    });
    let class = match attempt.outcome.as_deref() {
        Some("done" | "already_true") => "good",
        Some("pending") | None => "wait",
        Some(_) => "bad",
    };
    AttemptTold {
        fields: fields.collect(),
        run: attempt.run,
        by: attempt.by,
        at: words::moment(&attempt.started_at),
        intent: attempt.intent_entry,
        agreed: attempt.approved_by.join(", "),
        requests: requests.collect(),
        more: attempt.requests_more.unwrap_or(0),
        untold,
        outcome: Chip::new(attempt.outcome.unwrap_or_else(|| "not known yet".into()).replace('_', " "), class),
        because: attempt.because.unwrap_or_default(),
        ended: attempt.ended_at.as_deref().map(words::moment).unwrap_or_default(),
        entry: attempt.outcome_entry.unwrap_or(0),
    }
}

fn shown(value: &Value) -> String {
    words::value(value)
}
