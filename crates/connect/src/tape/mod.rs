//! Recorded exchanges of an app, replayed: a tape says what is done, what goes over the wire, and what comes of it.
//! `tenure app test` and the tests run the tapes of an app folder against a server of its own on this machine, through
//! the same connector that speaks to the real one. A tape knows no tenant and carries no secret.

mod server;
mod word;

pub use word::{Doing, Tape};

use crate::catalogue::App;
use crate::connector::{Act, Connector, Look, LookupBy, PullEvent, PullStart};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{Auth, AuthForm, BudgetSpec, Manifest};
use crate::settings::Settings;
use crate::transport::{Clock, Priority, SystemClock};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use server::Player;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tenure_core::abilities::Standing;
use tenure_core::account::{Account, AccountKey, Kind};
use tenure_core::name::ConnectionName;

/// The name of the connection in which tapes are replayed.
const CONNECTION: &str = "tape";
/// How long one tape may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What replaying the tapes of an app came to.
#[derive(Debug, Clone, PartialEq)]
pub struct TapeReport {
    /// The app.
    pub app: String,
    /// Each tape.
    pub tapes: Vec<TapeResult>,
}

impl TapeReport {
    /// Tells whether every tape came to what was expected.
    pub fn is_good(&self) -> bool {
        self.tapes.iter().all(|tape| tape.problems.is_empty())
    }
}

/// What replaying one tape came to.
#[derive(Debug, Clone, PartialEq)]
pub struct TapeResult {
    /// The file, without its ending.
    pub name: String,
    /// What the tape shows.
    pub says: String,
    /// What differs; none when all is well.
    pub problems: Vec<String>,
    /// What it came to.
    pub actual: Value,
}

/// Replays the tapes of an app and compares what they come to with what is expected.
pub async fn run_tapes(app: &App) -> TapeReport {
    let mut tapes = Vec::new();
    for file in app.json_files("tape") {
        tapes.push(run_tape(app, &file).await);
    }
    TapeReport { app: app.name.clone(), tapes }
}

async fn run_tape(app: &App, file: &str) -> TapeResult {
    let name = file.trim_end_matches(".json").to_owned();
    let failed = |says: &str, problem: String| TapeResult {
        name: name.clone(),
        says: says.to_owned(),
        problems: vec![problem],
        actual: Value::Null,
    };
    let text = app.file(&format!("tape/{file}")).unwrap_or_default();
    let tape: Tape = match serde_json::from_str(&text) {
        Ok(tape) => tape,
        Err(error) => return failed("", format!("tape/{file} cannot be read: {error}")),
    };
    let played = match tokio::time::timeout(PATIENCE, play(app, &tape)).await {
        Ok(Ok(played)) => played,
        Ok(Err(error)) => return failed(&tape.says, error.to_string()),
        Err(_) => return failed(&tape.says, format!("not done within {} s", PATIENCE.as_secs())),
    };
    let (actual, mut problems) = played;
    let expected = app.file(&format!("expected/{file}")).and_then(|text| serde_json::from_str(&text).ok());
    match expected {
        Some(expected) => differences(&expected, &actual, "", &mut problems),
        None => problems.push(format!("expected/{file} is missing or is no JSON")),
    }
    TapeResult { name, says: tape.says, problems, actual }
}

/// Replays a tape; returns what it came to, and what went differently over the wire.
async fn play(app: &App, tape: &Tape) -> Result<(Value, Vec<String>), ConnectError> {
    let player = Player::start(tape.exchanges.clone())
        .await
        .map_err(|error| ConnectError::of_us(format!("listen on this machine: {error}")))?;
    let dialect = tape.dialect.as_deref().unwrap_or(&app.manifest.dialect);
    let Some(manifest) = app.manifest.spoken(dialect) else {
        let text = format!("{} has no dialect {dialect:?}", app.name);
        return Err(ConnectError::new(ErrorKind::Configuration, text).about("dialect"));
    };
    let manifest = behind_key(manifest);
    let mut settings = Settings::new(ConnectionName::new(CONNECTION), manifest.clone(), Standing::Target);
    let pattern = manifest.base.as_ref().map_or("", |base| base.url.as_str());
    let path = pattern.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    settings.url = Some(format!("http://{}/{path}", player.address()));
    // Tokens are issued by the tape, too.
    if manifest.auth.as_ref().is_some_and(|auth| auth.form == AuthForm::ClientCredentials) {
        settings.parameters.insert("token_url".into(), format!("http://{}/token", player.address()));
    }
    settings.limits = Some(BudgetSpec { per_second: Some(100_000.0), ..BudgetSpec::default() });
    let secrets: BTreeMap<String, secrecy::SecretString> = manifest
        .auth
        .iter()
        .flat_map(Auth::secrets)
        .map(|name| (name.to_owned(), format!("tape-{name}").into()))
        .collect();
    let clock = Arc::new(TapeClock { wall: tape.now() });
    let connector = Connector::with_clock(settings, secrets, clock, 1)?;
    let actual = act(&connector, &tape.doing).await;
    drop(connector);
    Ok((actual, player.stop()))
}

/// Returns the manifest as a tape plays it: no tape carries a key that signs, so it begins behind the token.
fn behind_key(manifest: Arc<Manifest>) -> Arc<Manifest> {
    let signs = |auth: &Auth| auth.form == AuthForm::ServiceAccount;
    let Some(auth) = manifest.auth.clone().filter(signs) else { return manifest };
    let auth = Auth { form: AuthForm::Bearer, value: Some("tape-token".into()), ..auth };
    Arc::new(Manifest { auth: Some(auth), ..Manifest::clone(&manifest) })
}

async fn act(connector: &Connector, doing: &Doing) -> Value {
    match doing {
        Doing::Pull { since_ms } => pull(connector, *since_ms).await,
        Doing::References {} => match connector.references().await {
            Ok(entitlements) => json!({ "entitlements": entitlements }),
            Err(error) => shown_error(&error),
        },
        Doing::Read { kind, id } => {
            let key = AccountKey::new(&CONNECTION.into(), *kind, id.as_str());
            shown_look(connector.read(&key).await, |account| json!(*account))
        }
        Doing::Find { kind, email, external_id } => {
            let by = match (email, external_id) {
                (Some(email), _) => LookupBy::Email(email),
                (None, key) => LookupBy::ExternalId(key.as_deref().unwrap_or_default()),
            };
            shown_look(connector.find(*kind, by).await, |accounts| json!(accounts))
        }
        Doing::Perform { effect, kind, account, changes } => {
            let of = |(kind, id): (Kind, &str)| AccountKey::new(&CONNECTION.into(), kind, id);
            let key = account.as_ref().map(|account| of((account.kind.unwrap_or(*kind), &account.id)));
            let act = Act { effect: *effect, kind: *kind, account: key.as_ref(), changes, priority: Priority::Write };
            match connector.perform(&act).await {
                Ok(performed) => json!({ "account": performed.account.to_string(), "answered": performed.answered }),
                Err(error) => shown_error(&error),
            }
        }
    }
}

async fn pull(connector: &Connector, since_ms: Option<i64>) -> Value {
    let mut stream = connector.pull(PullStart { since_ms, ..PullStart::default() });
    let mut all: Vec<Account> = Vec::new();
    while let Some(event) = stream.next().await {
        match event {
            PullEvent::Page { accounts, .. } => all.extend(accounts),
            PullEvent::End { coverage, because, .. } => {
                return json!({ "coverage": coverage, "because": because, "accounts": all });
            }
        }
    }
    json!({ "accounts": all })
}

fn shown_look<T>(look: Look<T>, show: impl Fn(T) -> Value) -> Value {
    match look {
        Look::Found(found) => json!({ "found": show(found) }),
        Look::Absent => json!("absent"),
        Look::CouldNotLook(error) => shown_error(&error),
    }
}

fn shown_error(error: &ConnectError) -> Value {
    json!({ "error": {
        "kind": error.kind.as_str(), "text": error.text, "hint": error.hint, "status": error.status, "field": error.field,
        "may_have_happened": error.may_have_happened,
    } })
}

/// Lists where two documents differ.
fn differences(expected: &Value, actual: &Value, place: &str, problems: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(wanted), Value::Object(got)) => {
            for (key, value) in wanted {
                match got.get(key) {
                    Some(other) => differences(value, other, &format!("{place}/{key}"), problems),
                    None => problems.push(format!("{place}/{key}: expected {value}, it is not there")),
                }
            }
            for (key, value) in got.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
                problems.push(format!("{place}/{key}: {value} is there, and is not expected"));
            }
        }
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => {
            for (at, (value, other)) in wanted.iter().zip(got).enumerate() {
                differences(value, other, &format!("{place}/{at}"), problems);
            }
        }
        _ if expected == actual => {}
        _ => problems.push(format!("{place}: expected {expected}, it is {actual}")),
    }
}

/// A clock that stands still by the calendar, and does not wait long.
#[derive(Debug)]
struct TapeClock {
    wall: SystemTime,
}

impl Clock for TapeClock {
    fn now(&self) -> Instant {
        SystemClock.now()
    }
    fn wall(&self) -> SystemTime {
        self.wall
    }
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        SystemClock.sleep(wait.min(Duration::from_millis(20)))
    }
}

impl Tape {
    fn now(&self) -> SystemTime {
        let seconds = self.now.map_or(0, |now| now.as_second());
        UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }
}
