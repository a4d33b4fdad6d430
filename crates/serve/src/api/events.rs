//! `GET /events`: what happens, as it happens: entries of the journal (plans made, runs, steps, decisions) and reads of
//! connections, as server-sent events. Everything comes from the store, so that whichever process does the work is heard.
//! A stream is bounded in number, in length and in what it makes up for; whoever comes back says where they were.

use crate::door::{Problem, admit};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tenure_core::journal::Entry;
use tenure_core::scope::Scope;
use tenure_engine::EngineError;
use tenure_engine::answer::{PullSeen, pulls_since};
use tenure_engine::fault::Fault;
use tenure_engine::house::House;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many streams one process keeps.
const STREAMS_MAX: usize = 64;
/// After this time a stream ends; a client comes back by itself.
const LASTS_MS: i64 = 60 * 60 * 1000;
/// How often the store is asked.
const LOOKED_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked whether the token is still good.
const ADMITTED_EVERY_MS: i64 = 60 * 1000;
/// How many entries of the journal are made up for; whoever missed more is told so.
const MISSED_MAX: i64 = 1000;
/// How many events go out together.
const PAGE: usize = 200;

/// The house, and places for streams.
pub(super) struct Watched {
    house: Arc<House>,
    places: Arc<Semaphore>,
}

impl Watched {
    pub(super) fn of(house: Arc<House>) -> Arc<Self> {
        Arc::new(Self { house, places: Arc::new(Semaphore::new(STREAMS_MAX)) })
    }
}

/// One stream.
struct Watch {
    house: Arc<House>,
    headers: HeaderMap,
    /// The last entry of the journal that was told.
    seq: i64,
    /// Until when ended reads were told (milliseconds since 1970, UTC).
    pulls_ms: i64,
    /// What was told of each read.
    told: BTreeMap<i64, Value>,
    missed: bool,
    ends_ms: i64,
    admitted_ms: i64,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn events(
    State(watched): State<Arc<Watched>>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    admit(&watched.house, &headers, &Scope::ApiRead).await?;
    let full = |_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{STREAMS_MAX} streams are open; come back"));
    let place = watched.places.clone().try_acquire_owned().map_err(full)?;
    let house = watched.house.clone();
    let watch = Watch::begin(house, headers, place).await?;
    Ok(Sse::new(run(watch)).keep_alive(KeepAlive::default()))
}

fn run(watch: Watch) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(watch, Watch::next).flat_map(|events| stream::iter(events.into_iter().map(Ok)))
}

impl Watch {
    async fn begin(house: Arc<House>, headers: HeaderMap, place: OwnedSemaphorePermit) -> Result<Self, Problem> {
        let head = house.store.journal_head().await.map_err(|error| failed(&error.into()))?.seq;
        let now_ms = house.clock.now_ms();
        let (mut seq, mut pulls_ms, mut missed) = (head, now_ms, false);
        if let Some(id) = headers.get("last-event-id") {
            let read = id.to_str().ok().and_then(read_id);
            let because =
                || Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "it is no id of an event").at("Last-Event-ID");
            (seq, pulls_ms) = read.ok_or_else(because)?;
            missed = head - seq > MISSED_MAX;
            if missed || seq > head {
                (seq, pulls_ms) = (head, now_ms);
            }
        }
        let (told, ends_ms) = (BTreeMap::new(), now_ms + LASTS_MS);
        Ok(Self { house, headers, seq, pulls_ms, told, missed, ends_ms, admitted_ms: now_ms, _place: place })
    }

    /// Waits for the next events; ends where the process does, the time is over or the token is good no more.
    async fn next(mut self) -> Option<(Vec<Event>, Self)> {
        if std::mem::take(&mut self.missed) {
            let says = json!({ "says": "more has happened than is told again; read the journal", "seq": self.seq });
            return Some((vec![self.event("missed", &says)], self));
        }
        loop {
            let now_ms = self.house.clock.now_ms();
            if now_ms > self.ends_ms || self.house.drain.has_begun() {
                return None;
            }
            if now_ms - self.admitted_ms > ADMITTED_EVERY_MS {
                admit(&self.house, &self.headers, &Scope::ApiRead).await.ok()?;
                self.admitted_ms = now_ms;
            }
            let events = self.gather().await.ok()?;
            if !events.is_empty() {
                // What happened may be that the token was taken back.
                admit(&self.house, &self.headers, &Scope::ApiRead).await.ok()?;
                return Some((events, self));
            }
            tokio::time::sleep(LOOKED_EVERY).await;
        }
    }

    async fn gather(&mut self) -> Result<Vec<Event>, EngineError> {
        let mut events = Vec::new();
        for entry in self.house.store.read_journal(self.seq, PAGE).await? {
            self.seq = entry.seq;
            events.push(self.event(&entry.event, &happened(&entry)));
        }
        for PullSeen { id, ended_ms, view } in pulls_since(&self.house, self.pulls_ms).await? {
            if self.told.get(&id) != Some(&view) {
                self.pulls_ms = self.pulls_ms.max(ended_ms.unwrap_or(0));
                events.push(self.event("pull", &view));
                self.told.insert(id, view);
            }
        }
        while self.told.len() > PAGE {
            self.told.pop_first();
        }
        Ok(events)
    }

    fn event(&self, name: &str, content: &Value) -> Event {
        Event::default().event(name).id(format!("{}-{}", self.seq, self.pulls_ms)).data(content.to_string())
    }
}

/// Tells an entry of the journal without its seal.
fn happened(entry: &Entry) -> Value {
    let Entry { seq, at, actor, event, run, step, body, .. } = entry;
    json!({ "seq": seq, "at": at, "actor": actor, "event": event, "run": run, "step": step, "body": body })
}

fn read_id(text: &str) -> Option<(i64, i64)> {
    let (seq, pulls_ms) = text.split_once('-')?;
    Some((seq.parse().ok().filter(|seq| *seq >= 0)?, pulls_ms.parse().ok().filter(|ms| *ms >= 0)?))
}

fn failed(error: &EngineError) -> Problem {
    super::respond::problem(&Fault::from(error), false)
}
