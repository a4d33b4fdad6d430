//! Metrics: what an alert needs, in the text form of Prometheus. Asked of the store at each look; findings, for which the
//! whole company is judged, once in a while. Names are stable and documented in docs/operations.md.
//! No label holds a person, an address or an id; nothing here asks an app.

use crate::anchor;
use crate::error::EngineError;
use crate::house::House;
use crate::token::TokenState;
use crate::whole::judge_whole;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use std::fmt::Write;
use tenure_core::account::{AccountState, Kind};
use tenure_core::change::{ApprovalState, Finding};
use tenure_core::facts::Coverage;
use tenure_store::JobCount;
use tokio::sync::Mutex;

/// How old a judgement may be from which findings are counted.
const JUDGED_EVERY_MS: i64 = 5 * 60 * 1000;

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub struct Metrics {
    judged: Mutex<Option<Judged>>,
}

#[derive(Debug, Clone)]
struct Judged {
    at_ms: i64,
    findings: BTreeMap<(String, String), u64>,
}

/// The text, one metric after the other.
#[derive(Default)]
struct Text(String);

impl Text {
    /// Writes a metric with all its values; a metric without any is left out.
    fn metric(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (String, f64)>) {
        self.typed(name, help, "gauge", values);
    }

    fn typed(&mut self, name: &str, help: &str, sort: &str, values: impl IntoIterator<Item = (String, f64)>) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_some() {
            let _ = writeln!(self.0, "# HELP tenure_{name} {help}\n# TYPE tenure_{name} {sort}");
        }
        for (labels, value) in values {
            let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
            let _ = writeln!(self.0, "tenure_{name}{labels} {value}");
        }
    }

    fn single(&mut self, name: &str, help: &str, value: f64) {
        self.metric(name, help, [(String::new(), value)]);
    }
}

/// Writes labels; values come from names of the configuration and from words of ours.
fn labels(pairs: &[(&str, &str)]) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect::<Vec<_>>().join(",")
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

impl Metrics {
    /// Returns everything as of now.
    ///
    /// # Errors
    /// The store failed.
    #[boxed]
    pub async fn text(&self, house: &House) -> Result<String, EngineError> {
        let mut text = Text::default();
        text.metric("build", "The version of the program.", [(labels(&[("version", env!("CARGO_PKG_VERSION"))]), 1.0)]);
        connections(house, &mut text).await?;
        steps(house, &mut text).await?;
        jobs(house, &mut text).await?;
        store(house, &mut text).await?;
        let Judged { at_ms, findings } = self.judge(house).await?;
        let counted = findings
            .iter()
            .map(|((kind, severity), count)| (labels(&[("kind", kind), ("severity", severity)]), *count as f64));
        text.metric("findings", "Findings, by kind and severity, as of tenure_judged_timestamp_seconds.", counted);
        text.single("judged_timestamp_seconds", "When the company was judged for tenure_findings.", seconds(at_ms));
        Ok(text.0)
    }

    async fn judge(&self, house: &House) -> Result<Judged, EngineError> {
        let now_ms = house.clock.now_ms();
        let mut judged = self.judged.lock().await;
        if let Some(judged) = judged.as_ref().filter(|judged| now_ms - judged.at_ms < JUDGED_EVERY_MS) {
            return Ok(judged.clone());
        }
        let found = judge_whole(house, &[], None).await?;
        let mut findings: BTreeMap<(String, String), u64> = BTreeMap::new();
        for Finding { kind, severity, .. } in &found.findings {
            *findings.entry((word(kind), word(severity))).or_default() += 1;
        }
        Ok(judged.insert(Judged { at_ms: now_ms, findings }).clone())
    }
}

/// Returns the word that JSON uses.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

async fn connections(house: &House, text: &mut Text) -> Result<(), EngineError> {
    let (now_ms, mut overviews) = (house.clock.now_ms(), house.store.overviews().await?);
    let (mut ages, mut whole, mut accounts, mut seats, mut spent) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut limits, mut parked) = (vec![], vec![]);
    for name in house.names() {
        let known = overviews.remove(&name).unwrap_or_default();
        let of = |pairs: &[(&str, &str)]| labels(&[&[("connection", name.as_str())], pairs].concat());
        ages.extend(known.complete.as_ref().map(|pull| (of(&[]), seconds(now_ms - pull.started_ms))));
        let end = known.last.as_ref().and_then(|pull| pull.end.as_ref());
        whole.extend(end.map(|end| (of(&[]), f64::from(u8::from(end.coverage == Coverage::Complete)))));
        for (kind, state) in Kind::ALL.into_iter().flat_map(|kind| AccountState::ALL.map(|state| (kind, state))) {
            let count = known.totals.of(kind, state);
            if count > 0 {
                accounts.push((of(&[("kind", kind.as_str()), ("state", state.as_str())]), count as f64));
            }
        }
        let abilities = house.connection(name.as_str())?.abilities();
        let takes_seat = |kind| abilities.kinds.get(&kind).is_some_and(|kind| kind.takes_seat);
        let bought = house.config.connections.get(name.as_str()).and_then(|connection| connection.seats);
        let free = bought.map(|bought| bought as f64 - known.totals.seats(takes_seat) as f64);
        seats.extend(free.map(|free| (of(&[]), free)));
        let budget = crate::budget::left(house, &name).await?;
        for window in budget.windows {
            let per = window.seconds.to_string();
            spent.push((of(&[("window_seconds", &per)]), window.spent as f64));
            limits.push((of(&[("window_seconds", &per)]), window.limit as f64));
        }
        parked.push((of(&[]), budget.quiet_ms.map_or(0.0, seconds)));
    }
    text.metric("pull_complete_age_seconds", "Since the last pull began that saw everything.", ages);
    text.metric("pull_complete", "Whether the newest pull saw all that it asked for.", whole);
    text.metric("accounts", "Accounts, by kind and state.", accounts);
    text.metric("seats_free", "Seats bought and not taken; invitations are taken.", seats);
    text.metric("budget_spent", "Requests spent in a window that outlives a process.", spent);
    text.metric("budget_limit", "Requests that our share of that window allows.", limits);
    text.metric("quiet_seconds", "For how long nothing is sent, because the app asked for it.", parked);
    Ok(())
}

async fn steps(house: &House, text: &mut Text) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let open = house.store.open_steps().await?;
    text.single(
        "steps_in_doubt",
        "Steps begun whose end nobody wrote; those under way are among them.",
        open.len() as f64,
    );
    let oldest = open.first().map_or(0.0, |step| seconds(now_ms - step.started_ms));
    text.single("steps_in_doubt_age_seconds", "Since the oldest of them began.", oldest);
    if let Some(plan) = house.store.latest_plan().await? {
        let waiting = plan.steps.iter().filter(|step| step.approval.state == ApprovalState::Waiting).count();
        text.single("steps_held", "Steps that guards hold back in the newest plan.", plan.held.len() as f64);
        text.single("steps_waiting", "Steps that waited for a yes when the newest plan was saved.", waiting as f64);
        let made = plan.made_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond);
        text.single("plan_age_seconds", "Since the newest plan was made.", seconds(now_ms - made));
    }
    let stops = house.store.stops().await?;
    let of = |stop: &tenure_core::stop::Stop| stop.connection.as_ref().map_or_else(String::new, ToString::to_string);
    let stopped = stops.iter().map(|stop| (labels(&[("connection", &of(stop))]), 1.0));
    text.metric("stopped", "Where writes are stopped; no name means everywhere.", stopped);
    Ok(())
}

async fn jobs(house: &House, text: &mut Text) -> Result<(), EngineError> {
    let (now_ms, counts) = (house.clock.now_ms(), house.store.job_counts().await?);
    let of = |count: &JobCount| labels(&[("kind", &count.kind), ("state", &count.state)]);
    text.metric("jobs", "Jobs, by kind and state.", counts.iter().map(|count| (of(count), count.jobs as f64)));
    let open = || counts.iter().filter(|count| count.state == "open");
    let late = open().map(|count| (labels(&[("kind", &count.kind)]), seconds((now_ms - count.due_ms).max(0))));
    text.metric("jobs_late_seconds", "Since the first open job of a kind is due.", late);
    let lost = open().map(|count| (labels(&[("kind", &count.kind)]), count.lost as f64));
    text.metric("jobs_lost", "How often in a row whoever ran an open job was lost on the way.", lost);
    Ok(())
}

async fn store(house: &House, text: &mut Text) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let condition = house.store.condition().await?;
    text.single("store_bytes", "The size of the store.", condition.bytes as f64);
    text.single("store_shape", "The number of the newest migration.", condition.shape as f64);
    let head = house.store.journal_head().await?;
    text.typed("journal_entries", "Entries of the journal.", "counter", [(String::new(), head.seq as f64)]);
    if let Some(last) = anchor::last(house).await? {
        text.single("journal_anchored_entry", "The newest entry that is anchored outside.", last.anchor.seq as f64);
        text.single("journal_anchor_age_seconds", "Since the last anchor was written.", seconds(now_ms - last.at_ms));
    }
    let mut tokens: BTreeMap<TokenState, u64> = BTreeMap::new();
    for token in crate::token::list(house).await? {
        *tokens.entry(token.state).or_default() += 1;
    }
    let counted = tokens.iter().map(|(state, count)| (labels(&[("state", &word(state))]), *count as f64));
    text.metric("tokens", "Tokens, by state; `expiring` ones end within two weeks.", counted);
    Ok(())
}
