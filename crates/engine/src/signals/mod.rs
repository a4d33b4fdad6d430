//! Shared signals (Shared Signals Framework 1.0): whoever asks for it, or is named by the file, is told when somebody who left
//! was put out, when sessions were ended, and when somebody was let in again. What is told comes from the journal and waits
//! in the store until it was taken. Here receivers manage their streams; what is told is gathered and sent by jobs.

mod deliver;
mod event;
mod gather;
mod settings;
mod signer;
mod stream;

pub use deliver::{PollAsked, Polled, poll};
pub use event::Subject;
pub use settings::{PushConfig, SsfConfig};
pub use signer::jwks;
pub use stream::{POLL, PUSH, Status, Stream, StreamAsked, Unsaid};

pub(crate) use deliver::{Troubled, push, troubled};
pub(crate) use gather::{gather, woken};
pub(crate) use signer::{Signer, check};

use crate::error::EngineError;
use crate::house::House;
use crate::seal::Keys;
use crate::token::Bearer;
use async_recursion::async_recursion as boxed;
use event::{Event, Kept};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use stream::VERIFIED_EVERY_S;
use tenure_connect::{Unreached, may_reach};
use tenure_core::hex::hex;
use tenure_core::journal::Draft;
use tenure_store::{SealedPlace, Signal};

/// Streams of one receiver.
const STREAMS_MAX: i64 = 10;
/// People of whom one stream tells nothing.
const WITHOUT_MAX: usize = 10_000;
const STATE_LEN_MAX: usize = 1000;

/// A receiver, as its token tells who it is: a follower of the token is the same one.
#[derive(Clone, Debug)]
pub struct Receiver {
    owner: String,
    name: String,
}

impl Receiver {
    /// Returns the receiver that bears a token.
    pub fn of(bearer: &Bearer) -> Self {
        Self { owner: format!("{}/{}", bearer.owner, bearer.name), name: bearer.name.clone() }
    }
}

/// Begins a stream, known as `iss` to its receiver.
///
/// # Errors
/// It cannot be as it is asked for, the receiver has as many as it may, or the store failed.
#[boxed]
pub async fn create(house: &House, receiver: &Receiver, iss: &str, asked: &StreamAsked) -> Result<Stream, EngineError> {
    let id = format!("ss-{}", hex(&house.chance.bytes::<10>()?));
    let mut stream = Stream::new(id, &receiver.owner, iss, &receiver.name, house.clock.now_ms());
    stream.allow_private = house.config.server.ssf.allow_private;
    if house.store.signals_read().await?.is_none() {
        let head = house.store.journal_head().await?.seq;
        house.store.add_signals(&[], Some(head), &[], house.clock.now_ms()).await?;
    }
    stream.take(asked, Unsaid::Goes)?;
    keep(house, &stream, asked, "signals_asked").await?;
    Ok(stream)
}

/// Changes a stream.
///
/// # Errors
/// As [`create`]; or the receiver has no such stream.
#[boxed]
pub async fn change(
    house: &House,
    receiver: &Receiver,
    asked: &StreamAsked,
    unsaid: Unsaid,
) -> Result<Stream, EngineError> {
    let id = asked.stream_id.as_deref().ok_or_else(|| EngineError::Asked("`stream_id` says which one".into()))?;
    let mut stream = find(house, receiver, id).await?;
    stream.allow_private = house.config.server.ssf.allow_private;
    stream.take(asked, unsaid)?;
    keep(house, &stream, asked, "signals_changed").await?;
    Ok(stream)
}

/// Keeps what was asked for: the address is one that may be reached, and what is shown there is sealed.
async fn keep(house: &House, stream: &Stream, asked: &StreamAsked, event: &str) -> Result<(), EngineError> {
    let delivery = asked.delivery.as_ref().filter(|_| stream.push.is_some());
    if let (Some(url), true) = (&stream.push, delivery.is_some()) {
        match may_reach(url, settings::reach(stream.allow_private)).await {
            Err(Unreached::Wrong(because)) => return Err(EngineError::Asked(because)),
            Ok(()) | Err(Unreached::Silent(_)) => {}
        }
    }
    if let Some(shown) = delivery.and_then(|delivery| delivery.authorization_header.as_ref()) {
        let keys = Keys::read(&house.config)?.ok_or_else(|| {
            let because = "`delivery.authorization_header` is a secret, and without `[store] key` no secret is kept";
            EngineError::Asked(because.to_owned())
        })?;
        let place = authorization_of(&stream.id);
        let sealed = keys.seal(&house.chance, &place, shown.expose_secret())?;
        house.store.set_sealed(&place, &sealed).await?;
    }
    let body = json!({
        "stream": stream.id, "audience": stream.aud, "push": stream.push.as_deref().map(host_of),
        "events": stream.delivers().map(Event::word).collect::<Vec<_>>(),
    });
    let draft = draft(house, &stream.owner, event, body);
    if !house.store.put_signal_stream(&stream.row()?, STREAMS_MAX, vec![draft]).await? {
        return Err(EngineError::Asked(format!("a receiver has {STREAMS_MAX} streams at most; end one")));
    }
    Ok(())
}

/// Returns one stream of a receiver. Those of others are not there.
///
/// # Errors
/// The receiver has none of that id, or the store failed.
#[boxed]
pub async fn find(house: &House, receiver: &Receiver, id: &str) -> Result<Stream, EngineError> {
    let row = house.store.signal_stream(id).await?.filter(|row| row.owner == receiver.owner);
    row.map_or_else(|| Err(EngineError::Missing("there is no such stream".into())), Stream::read)
}

/// Lists the streams of a receiver.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn list(house: &House, receiver: &Receiver) -> Result<Vec<Stream>, EngineError> {
    let rows = house.store.signal_streams().await?.into_iter().filter(|row| row.owner == receiver.owner);
    rows.map(Stream::read).collect()
}

/// Ends a stream, with what was on its way.
///
/// # Errors
/// As [`find`].
#[boxed]
pub async fn end(house: &House, receiver: &Receiver, id: &str) -> Result<(), EngineError> {
    let stream = find(house, receiver, id).await?;
    let draft = draft(house, &stream.owner, "signals_ended", json!({ "stream": stream.id }));
    house.store.remove_signal_stream(&stream.id, vec![draft]).await?;
    Ok(())
}

/// Has a stream go on, wait, or tell nothing.
///
/// # Errors
/// As [`find`].
#[boxed]
pub async fn set_status(
    house: &House,
    receiver: &Receiver,
    id: &str,
    status: Status,
    reason: Option<String>,
) -> Result<Stream, EngineError> {
    let mut stream = find(house, receiver, id).await?;
    let reason = reason.map(|text| text.chars().take(STATE_LEN_MAX).collect());
    (stream.status, stream.reason, stream.failing) = (status, reason, None);
    let body = json!({ "stream": stream.id, "status": status });
    let draft = draft(house, &stream.owner, "signals_changed", body);
    house.store.put_signal_stream(&stream.row()?, STREAMS_MAX, vec![draft]).await?;
    if status == Status::Enabled && stream.push.is_some() {
        house.store.enqueue(&[crate::work::job::push(&stream.id, house.clock.now_ms())]).await?;
    }
    Ok(stream)
}

/// Tells a stream about somebody, or nothing of them any more. Whether anybody is known by the address is not said.
///
/// # Errors
/// As [`find`]; or there are too many of whom nothing is told.
#[boxed]
pub async fn set_subject(
    house: &House,
    receiver: &Receiver,
    id: &str,
    email: &str,
    told: bool,
) -> Result<(), EngineError> {
    let mut stream = find(house, receiver, id).await?;
    let email = email.trim().to_lowercase();
    let changed = if told { stream.without.remove(&email) } else { stream.without.insert(email) };
    if stream.without.len() > WITHOUT_MAX {
        return Err(EngineError::Asked(format!("a stream leaves out {WITHOUT_MAX} people at most")));
    }
    if changed {
        house.store.put_signal_stream(&stream.row()?, STREAMS_MAX, vec![]).await?;
    }
    Ok(())
}

/// What becomes of the wish to hear a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// It is on its way.
    Sent,
    /// The last one is too young.
    TooSoon,
}

/// Sends a verification by a stream, with what the receiver wants to hear again.
///
/// # Errors
/// As [`find`].
#[boxed]
pub async fn verify(
    house: &House,
    receiver: &Receiver,
    id: &str,
    state: Option<String>,
) -> Result<Verified, EngineError> {
    let mut stream = find(house, receiver, id).await?;
    if state.as_ref().is_some_and(|state| state.len() > STATE_LEN_MAX) {
        return Err(EngineError::Asked("`state` is too long".into()));
    }
    let now_ms = house.clock.now_ms();
    if now_ms - stream.verified_ms < VERIFIED_EVERY_S * 1000 {
        return Ok(Verified::TooSoon);
    }
    stream.verified_ms = now_ms;
    house.store.put_signal_stream(&stream.row()?, STREAMS_MAX, vec![]).await?;
    let subject = Subject::Opaque { id: stream.id.clone() };
    let kept = Kept { event: Event::Verification, subject, at_s: now_ms / 1000, txn: None, state };
    let jti = hex(&house.chance.bytes::<12>()?);
    let signal = signal(&stream.id, jti, now_ms * 1000, now_ms, &kept)?;
    let jobs: Vec<_> = stream.push.iter().map(|_| crate::work::job::push(&stream.id, now_ms)).collect();
    house.store.add_signals(&[signal], None, &jobs, now_ms).await?;
    Ok(Verified::Sent)
}

fn signal(stream: &str, jti: String, place: i64, made_ms: i64, kept: &Kept) -> Result<Signal, EngineError> {
    let body = serde_json::to_string(kept).map_err(|error| EngineError::Broken(error.to_string()))?;
    Ok(Signal { stream: stream.to_owned(), jti, place, made_ms, body })
}

fn authorization_of(stream: &str) -> SealedPlace {
    SealedPlace { connection: signer::nowhere(), name: format!("signal authorization {stream}") }
}

/// Returns what is shown at a receiver's door, if anything is.
async fn authorization(house: &House, stream: &Stream) -> Result<Option<SecretString>, EngineError> {
    if !stream.authorized {
        return Ok(None);
    }
    if stream.owner == stream::FILE {
        let named = stream.id.trim_start_matches("file-");
        let push = house.config.server.ssf.push.get(named).and_then(|push| push.authorization.as_ref());
        let read = |place| {
            crate::secrets::read_secret(
                &format!("[server.ssf.push.{named}]"),
                "authorization",
                place,
                &house.config.folder,
            )
        };
        return Ok(push.map(read).transpose()?);
    }
    let place = authorization_of(&stream.id);
    let sealed = house.store.sealed(&place).await?;
    let keys = Keys::read(&house.config)?;
    let opened = sealed.zip(keys).and_then(|(sealed, keys)| keys.open(&place, &sealed));
    let lost = || EngineError::Asked(format!("what is shown to the receiver of {} is opened by no key", stream.id));
    opened.map(Some).ok_or_else(lost)
}

/// Returns where an address leads, without its path, which may be a secret.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default()
}

fn draft(house: &House, actor: &str, event: &str, body: serde_json::Value) -> Draft {
    let (at, actor, event) = (house.clock.now_text(), actor.to_owned(), event.to_owned());
    Draft { at, actor, event, run: None, step: None, body }
}
