//! Connections as people look after them: what each is, how it was read last, what is left of its budget, what it speaks.
//! Everything comes from the file and the store; no app is asked.

use crate::answer::health::Noted;
use crate::clock::moment_text;
use crate::dialect::Dialect;
use crate::error::EngineError;
use crate::house::House;
use crate::work::schedule::every_ms;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use tenure_core::abilities::Standing;
use tenure_core::account::{AccountState, Kind};
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;
use tenure_core::stop::Stop;
use tenure_store::{Overview, Pull};

/// How far the clocks of processes are apart at most; `serve` refuses to start where they are further.
const CLOCKS_APART_MS: i64 = 3000;

/// All connections.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Connections {
    /// By name.
    pub connections: Vec<ConnectionView>,
}

/// One connection.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionView {
    /// Its name.
    pub name: String,
    /// The app behind it.
    pub app: String,
    /// The app's name for people.
    pub title: String,
    /// Whether it says who should be here.
    pub source: bool,
    /// Whether it can be read and written to: `ready`, `unread` (never read), `partial`, `refused` (its credential),
    /// `drifted` (it answers otherwise than before), `parked` (the app asked for a pause) or `stopped` (by a person).
    pub state: String,
    /// Why, where it is not ready.
    pub because: Option<String>,
    /// How it was read last; null where it never was.
    pub last_pull: Option<LastPull>,
    /// When the last read began that saw everything.
    pub complete_at: Option<String>,
    /// How often it is read by a daemon, in seconds; null where only by hand.
    pub every_seconds: Option<i64>,
    /// How many accounts it has, by kind and state.
    pub accounts: BTreeMap<Kind, BTreeMap<AccountState, u64>>,
    /// Licences bought, where that is known.
    pub seats: Option<u64>,
    /// Licences taken; invitations are taken.
    pub seats_taken: u64,
    /// Requests spent of each window that outlives a process.
    pub budget: Vec<BudgetView>,
    /// For how many seconds nothing is sent, because the app asked for it.
    pub quiet_seconds: Option<f64>,
    /// The dialect that its tenant speaks, where that was looked at.
    pub dialect: Option<DialectView>,
    /// Who stopped writes to it, if anybody did.
    pub stopped: Option<Stop>,
}

/// How a connection was read.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the fields are those of a pull")]
pub struct LastPull {
    pub coverage: Option<Coverage>,
    pub because: Option<String>,
    pub started_at: String,
    pub finished_at: Option<String>,
    pub accounts: u64,
    pub added: u64,
    pub changed: u64,
    pub gone: u64,
    pub requests: u64,
    pub seconds: f64,
}

/// What is spent of a window.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BudgetView {
    /// How long the window is.
    pub window_seconds: u64,
    /// Requests spent.
    pub spent: u64,
    /// Requests that our share allows.
    pub limit: u64,
}

/// A dialect, and by what it was known.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the words of the dialects' page")]
pub struct DialectView {
    pub name: String,
    pub evidence: String,
    pub seen_at: String,
}

/// Lists connections.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn connections(house: &House) -> Result<Connections, EngineError> {
    let mut connections = Vec::new();
    let (mut overviews, noted) = (house.store.overviews().await?, Noted::now(house).await?);
    for name in house.names() {
        let known = overviews.remove(&name).unwrap_or_default();
        connections.push(view(house, &name, known, &noted).await?);
    }
    connections.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Connections { connections })
}

/// Shows one connection.
///
/// # Errors
/// There is none of that name, or the store failed.
#[boxed]
pub async fn connection(house: &House, name: &str) -> Result<ConnectionView, EngineError> {
    house.connection(name)?;
    let name = ConnectionName::new(name);
    let known = house.store.overviews().await?.remove(&name).unwrap_or_default();
    view(house, &name, known, &Noted::now(house).await?).await
}

/// A read of a connection, under way or ended.
#[derive(Clone, Debug)]
pub struct PullSeen {
    /// Its number.
    pub id: i64,
    /// When it ended (milliseconds since 1970, UTC).
    pub ended_ms: Option<i64>,
    /// What is told of it.
    pub view: Value,
}

/// Lists reads that are under way, or ended since a moment or shortly before it: the clocks of several processes differ
/// a little.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn pulls_since(house: &House, since_ms: i64) -> Result<Vec<PullSeen>, EngineError> {
    let seen = house.store.pulls_since(since_ms - CLOCKS_APART_MS).await?.into_iter().map(|(name, pull)| {
        let (id, ended_ms) = (pull.id.0, pull.finished_ms);
        let mut view = serde_json::to_value(last_pull(pull)).unwrap_or_default();
        view["connection"] = name.to_string().into();
        PullSeen { id, ended_ms, view }
    });
    Ok(seen.collect())
}

async fn view(
    house: &House,
    name: &ConnectionName,
    known: Overview,
    noted: &Noted,
) -> Result<ConnectionView, EngineError> {
    let abilities = house.connection(name.as_str())?.abilities();
    let budget = crate::budget::left(house, name).await?;
    let dialect = Dialect::noted(&house.store, name).await?;
    let mut accounts: BTreeMap<Kind, BTreeMap<AccountState, u64>> = BTreeMap::new();
    for (kind, state) in Kind::ALL.into_iter().flat_map(|kind| AccountState::ALL.map(|state| (kind, state))) {
        let count = known.totals.of(kind, state);
        if count > 0 {
            accounts.entry(kind).or_default().insert(state, count);
        }
    }
    let (state, because) = noted.state(name, &known, budget.quiet_ms);
    let takes_seat = |kind| abilities.kinds.get(&kind).is_some_and(|kind| kind.takes_seat);
    Ok(ConnectionView {
        name: name.to_string(),
        app: abilities.app.to_string(),
        title: abilities.title.to_string(),
        source: matches!(abilities.standing, Standing::Source(_)),
        state: state.to_owned(),
        because,
        complete_at: known.complete.as_ref().map(|pull| moment_text(pull.started_ms)),
        every_seconds: every_ms(house, name).await?.0.map(|ms| ms / 1000),
        accounts,
        seats: house.config.connections.get(name.as_str()).and_then(|connection| connection.seats),
        seats_taken: known.totals.seats(takes_seat),
        last_pull: known.last.map(last_pull),
        budget: budget
            .windows
            .into_iter()
            .map(|window| BudgetView { window_seconds: window.seconds, spent: window.spent, limit: window.limit })
            .collect(),
        quiet_seconds: budget.quiet_ms.map(|ms| ms as f64 / 1000.0),
        dialect: dialect.map(|dialect| DialectView {
            name: dialect.dialect,
            evidence: dialect.evidence,
            seen_at: moment_text(dialect.seen_ms),
        }),
        stopped: noted.stop(name).cloned(),
    })
}

fn last_pull(pull: Pull) -> LastPull {
    let end = pull.end.as_ref();
    LastPull {
        coverage: end.map(|end| end.coverage),
        because: end.and_then(|end| end.because.clone()),
        started_at: moment_text(pull.started_ms),
        finished_at: pull.finished_ms.map(moment_text),
        accounts: pull.accounts,
        added: pull.counts.added,
        changed: pull.counts.changed,
        gone: pull.counts.gone,
        requests: end.map_or(0, |end| end.requests),
        seconds: end.map_or(0.0, |end| end.seconds),
    }
}
