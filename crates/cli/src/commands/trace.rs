//! `tenure trace`: one step as a story, from the source cell that it hangs on to the field that was read back.
//! The engine gathers it; here it is told in the order in which it happened.

use crate::arguments::TraceArguments;
use crate::commands::plan::change_line;
use crate::exit::Exit;
use crate::output::{Output, clean};
use crate::place::Place;
use serde_json::Value;
use tenure_core::change::{ApprovalState, Step};
use tenure_core::facts::Decided;
use tenure_engine::trace::{Attempt, ReadBack, Said, Source, Trace, trace};
use tenure_serve::api::reads::{self, Identified};

/// Tells the story of one step.
pub async fn run(place: &Place, arguments: &TraceArguments, output: &Output) -> anyhow::Result<Exit> {
    let step = arguments.step.trim();
    let trace = match place {
        Place::Here(house) => trace(house, step).await?,
        Place::There(remote) => remote.ask::<reads::Trace>(&Identified { id: step.to_owned() }).await?,
    };
    if output.json {
        output.document(&trace)?;
        return Ok(Exit::Done);
    }
    for (heading, lines) in story(&trace) {
        for (at, line) in lines.iter().enumerate() {
            output.line(format!("{:<10} {}", if at == 0 { heading } else { "" }, clean(line)));
        }
    }
    Ok(Exit::Done)
}

fn story(trace: &Trace) -> Vec<(&'static str, Vec<String>)> {
    let mut story = vec![
        ("source", trace.sources.iter().map(source).collect()),
        ("decided", trace.decisions.iter().map(decided).collect()),
        ("rule", rule(trace)),
        ("step", step(trace)),
        ("approval", approvals(trace)),
    ];
    for attempt in &trace.attempts {
        story.push(("run", began(attempt)));
        story.push(("requests", requests(attempt)));
        story.push(("read back", attempt.fields.iter().map(read_back).collect()));
        story.push(("outcome", vec![ended(attempt)]));
    }
    if trace.attempts.is_empty() {
        story.push(("run", vec!["it was never begun".into()]));
    }
    story
}

fn source(source: &Source) -> String {
    let cell = &source.cell;
    let before = cell.before.as_ref().map(|before| format!(", before {}", shown(before))).unwrap_or_default();
    let place = match (&source.file, source.line) {
        (Some(file), Some(line)) => format!("; {file}, line {line}"),
        (Some(file), None) => format!("; {file}, where it stands no more"),
        _ => String::new(),
    };
    format!(
        "{}: {} = {}{before}, seen since {}{place}",
        cell.record,
        cell.field,
        shown(&cell.value),
        source.observed_at
    )
}

fn decided(said: &Said) -> String {
    let what = match &said.what {
        Decided::Join { .. } => "joins",
        Decided::Move { .. } => "moves",
        Decided::Leave { .. } => "leaves",
        Decided::Link { .. } => "the account is linked",
        Decided::Unlink { .. } => "the account is unlinked",
        Decided::Exempt { .. } => "the account is exempt",
        Decided::Approve { .. } => "yes",
        Decided::Release { .. } => "what a guard held may run",
        Decided::Withhold { .. } => "what a guard held stays held",
        Decided::Reject { .. } => "no",
        Decided::Accept { .. } => "accepted",
        Decided::Settle { .. } => "what is open there counts as ended",
    };
    let note = said.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    format!("{what}, by {} at {}{note}", said.by, said.at)
}

fn rule(trace: &Trace) -> Vec<String> {
    let Some(rule) = &trace.rule else { return Vec::new() };
    let when = match &rule.when {
        Some(when) => format!("\"{}\" when {when}", rule.name),
        None => format!("\"{}\", which the policy has no more", rule.name),
    };
    let wishes = rule.wishes.iter().map(|(word, value)| format!("wishes {word} {}", shown(value)));
    std::iter::once(when).chain(wishes).collect()
}

fn step(trace: &Trace) -> Vec<String> {
    let step = &trace.step;
    let whom = step.person.as_deref().unwrap_or("nobody known");
    let account = step.account_key.as_ref().map_or_else(|| step.connection.to_string(), ToString::to_string);
    let mut lines = vec![format!("{} {} {account} of {whom}", step.id, step.effect)];
    lines.push(format!("{:?}, because {}", step.reason.kind.as_str(), step.reason.text).replace('"', ""));
    lines.extend(step.changes.iter().map(change_line));
    if let Some(plan) = &trace.plan {
        let by = plan.requested_by.as_ref().map(|by| format!(", asked for by {by}")).unwrap_or_default();
        lines.push(format!("in plan {} of {}{by}", plan.id, plan.made_at));
    }
    lines
}

fn approvals(trace: &Trace) -> Vec<String> {
    let Step { approval, .. } = &trace.step;
    let asked = match (approval.state, &trace.guard) {
        (ApprovalState::NotNeeded, Some(guard)) => Some(format!("guard {guard} held it")),
        (ApprovalState::NotNeeded, None) => Some("nobody had to be asked".into()),
        _ if trace.approvals.is_empty() => {
            Some(format!("waits for {} of {}", approval.count, approval.from.join(" or ")))
        }
        _ => None,
    };
    asked.into_iter().chain(trace.approvals.iter().map(decided)).collect()
}

fn began(attempt: &Attempt) -> Vec<String> {
    let agreed = match attempt.approved_by.is_empty() {
        true => String::new(),
        false => format!(", agreed by {}", attempt.approved_by.join(", ")),
    };
    vec![
        format!(
            "{} by {}, intent written at {} (journal entry {}){agreed}",
            attempt.run, attempt.by, attempt.started_at, attempt.intent_entry
        ),
        format!("trace {}", attempt.trace_id),
    ]
}

fn requests(attempt: &Attempt) -> Vec<String> {
    let Some(requests) = &attempt.requests else {
        return vec!["the journal does not tell them".into()];
    };
    let mut lines: Vec<String> = requests
        .iter()
        .map(|one| {
            let status = one.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            let id = one.id.as_ref().map(|id| format!(" · request {id}")).unwrap_or_default();
            let together = one.together.map(|count| format!(" · with {count} steps")).unwrap_or_default();
            format!("{} {} → {status}{id}{together}", one.method, one.path)
        })
        .collect();
    lines.extend(attempt.requests_more.map(|more| format!("and {more} more")));
    if lines.is_empty() {
        lines.push("none was needed".into());
    }
    lines
}

fn read_back(read: &ReadBack) -> String {
    let outcome = read.outcome.as_deref().unwrap_or("not tried");
    let shows = read.shows.as_ref().map(|shows| format!(", shows {}", shown(shows))).unwrap_or_default();
    format!("{}: asked {} → {outcome}{shows}", read.field, shown(&read.asked))
}

fn ended(attempt: &Attempt) -> String {
    match (&attempt.outcome, &attempt.ended_at, attempt.outcome_entry) {
        (Some(outcome), Some(at), Some(entry)) => {
            let because = attempt.because.as_ref().map(|because| format!(": {because}")).unwrap_or_default();
            format!("{outcome} at {at} (journal entry {entry}){because}")
        }
        _ => "not known: it was begun and nobody wrote how it ended; the next `apply` looks".into(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "empty".into(),
        Value::String(text) => format!("\"{text}\""),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
