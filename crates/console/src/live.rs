//! `/live`: tells a page that something happened, so that its script asks for it anew; what happened stands in the page alone.
//! A stream is bounded in number and in time, ends with its session, and does not count as somebody's use of it.

use crate::Shared;
use crate::failure::Failure;
use crate::gate::{COOKIE, COOKIE_TLS, cookie};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tenure_engine::EngineError;
use tenure_engine::answer::pulls_since;
use tenure_engine::house::House;
use tenure_engine::session::recognise;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many streams one process keeps.
pub(crate) const STREAMS_MAX: usize = 64;
/// After this time a stream ends; a page comes back by itself.
const LASTS_MS: i64 = 10 * 60 * 1000;
const LOOKED_EVERY: Duration = Duration::from_secs(1);

struct Watch {
    house: Arc<House>,
    credential: String,
    since_ms: i64,
    seen: u64,
    _place: OwnedSemaphorePermit,
}

/// `GET /live`.
pub(crate) async fn stream(State(console): State<Shared>, headers: HeaderMap) -> Result<Response, Failure> {
    let asked = headers.get(header::ACCEPT).is_some_and(|accept| accept == "text/event-stream");
    if !asked {
        return Ok(StatusCode::NOT_ACCEPTABLE.into_response());
    }
    let places: Arc<Semaphore> = console.streams.clone();
    let place = places.try_acquire_owned().map_err(|_| Failure::TooMany)?;
    let credential = cookie(&headers, &[COOKIE_TLS, COOKIE]).unwrap_or_default();
    let (house, since_ms) = (console.house.clone(), console.house.clock.now_ms());
    let seen = mark(&house, since_ms).await?;
    let watch = Watch { house, credential, since_ms, seen, _place: place };
    let events = stream::unfold(watch, |mut watch| async move {
        watch.wait().await.map(|()| (Ok::<_, Infallible>(Event::default().event("changed").data("")), watch))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

impl Watch {
    /// Waits until something happened; nothing where the stream is to end.
    async fn wait(&mut self) -> Option<()> {
        loop {
            tokio::time::sleep(LOOKED_EVERY).await;
            let over = self.house.clock.now_ms() - self.since_ms > LASTS_MS || self.house.drain.has_begun();
            if over || recognise(&self.house, &self.credential).await.ok()?.is_none() {
                return None;
            }
            let seen = mark(&self.house, self.since_ms).await.ok()?;
            if seen != self.seen {
                self.seen = seen;
                return Some(());
            }
        }
    }
}

/// Returns a mark of what is in the journal and of how far the reads are.
async fn mark(house: &House, since_ms: i64) -> Result<u64, EngineError> {
    let mut hasher = DefaultHasher::new();
    house.store.journal_head().await?.seq.hash(&mut hasher);
    for pull in pulls_since(house, since_ms).await? {
        (pull.id, pull.ended_ms, pull.view.to_string()).hash(&mut hasher);
    }
    Ok(hasher.finish())
}
