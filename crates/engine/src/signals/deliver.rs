//! How signals come to their receivers: pushed, one after the other, each until it was taken (RFC 8935), or handed out to
//! whoever asks until they say that they have them (RFC 8936). They are signed as they go.

use super::event::Kept;
use super::settings::reach;
use super::signer::sign;
use super::stream::{Failing, Refused, Status, Stream};
use super::{Receiver, STREAMS_MAX, authorization, find};
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tenure_connect::{SetRefused, send_set};
use tenure_store::{JobEnd, Signal};

/// So many are pushed before the job is begun anew.
const PUSHED_MAX: usize = 100;
const RETRY_FIRST_MS: i64 = 5_000;
const RETRY_MAX_MS: i64 = 10 * 60 * 1000;
/// So many are handed out at once, unless fewer are asked for.
const POLLED_MAX: usize = 100;
/// How long whoever asks waits for the next one.
const POLL_WAIT_MS: i64 = 25_000;
const LOOKED_EVERY: Duration = Duration::from_millis(500);
/// Acknowledgements in one request.
const ACKS_MAX: usize = 1000;

/// Pushes what waits in a stream, in its order, until it is empty or something is not taken.
///
/// # Errors
/// The store failed.
#[tracing::instrument(name = "push", skip_all, fields(stream = %id))]
#[boxed]
pub(crate) async fn push(house: &House, id: &str) -> Result<JobEnd, EngineError> {
    let Some(row) = house.store.signal_stream(id).await? else { return Ok(JobEnd::Done) };
    let stream = Stream::read(row)?;
    let (Some(url), Status::Enabled) = (&stream.push, stream.status) else { return Ok(JobEnd::Done) };
    let shown = match authorization(house, &stream).await {
        Ok(shown) => shown,
        Err(error) => return failing(house, stream.clone(), error.to_string()).await,
    };
    let (next, more) = house.store.next_signals(id, PUSHED_MAX).await?;
    for signal in next {
        if house.drain.has_begun() {
            return Ok(JobEnd::GivenBack);
        }
        let token = token(house, &stream, &signal).await?;
        match send_set(url, token, shown.as_ref(), reach(stream.may_be_private(house))).await {
            Ok(()) => tracing::info!(jti = %signal.jti, "told"),
            Err(SetRefused::Refused(word)) => {
                tracing::warn!(jti = %signal.jti, "the receiver will not take it: {word}");
                note_refused(house, id, 1, word).await?;
            }
            Err(SetRefused::Later(because)) => return failing(house, stream, because).await,
        }
        house.store.end_signals(id, std::slice::from_ref(&signal.jti), house.clock.now_ms()).await?;
    }
    if stream.failing.is_some() {
        note(house, id, None).await?;
    }
    let now_ms = house.clock.now_ms();
    Ok(if more { JobEnd::Later { at_ms: now_ms, because: None } } else { JobEnd::Done })
}

/// Says when a receiver that cannot be told is told again.
async fn failing(house: &House, stream: Stream, because: String) -> Result<JobEnd, EngineError> {
    let times = stream.failing.map_or(0, |failing| failing.times).saturating_add(1);
    tracing::warn!(stream = %stream.id, times, "the receiver could not be told: {because}");
    note(house, &stream.id, Some(Failing { times, because: because.clone() })).await?;
    let wait_ms = (RETRY_FIRST_MS << times.min(10).saturating_sub(1)).min(RETRY_MAX_MS);
    Ok(JobEnd::Later { at_ms: house.clock.now_ms() + wait_ms, because: Some(because) })
}

/// Notes how it went, in the stream as it is by now.
async fn note(house: &House, id: &str, failing: Option<Failing>) -> Result<(), EngineError> {
    let Some(row) = house.store.signal_stream(id).await? else { return Ok(()) };
    let stream = Stream { failing, ..Stream::read(row)? };
    house.store.put_signal_stream(&stream.row()?, STREAMS_MAX * 10, vec![]).await?;
    Ok(())
}

/// Notes that the receiver will not take some events, which are not told again: `tenure doctor` says so.
async fn note_refused(house: &House, id: &str, times: u32, because: String) -> Result<(), EngineError> {
    let Some(row) = house.store.signal_stream(id).await? else { return Ok(()) };
    let stream = Stream::read(row)?;
    let times = stream.refused.as_ref().map_or(0, |refused| refused.times).saturating_add(times);
    let refused = Some(Refused { times, at_ms: house.clock.now_ms(), because });
    house.store.put_signal_stream(&Stream { refused, ..stream }.row()?, STREAMS_MAX * 10, vec![]).await?;
    Ok(())
}

/// What is wrong with a stream, for whoever looks after it.
pub(crate) struct Troubled {
    /// Which, and whose.
    pub stream: String,
    /// What, as a sentence.
    pub says: String,
}

/// For how long a refusal is worth telling.
const REFUSED_TOLD_MS: i64 = 7 * 86_400_000;

/// Lists the streams whose receivers cannot be told, or would not take something of late.
pub(crate) async fn troubled(house: &House) -> Result<Vec<Troubled>, EngineError> {
    let mut troubled = Vec::new();
    for row in house.store.signal_streams().await? {
        let stream = Stream::read(row)?;
        let name = format!("{} ({})", stream.id, stream.aud);
        let mut tell = |says: String| troubled.push(Troubled { stream: name.clone(), says });
        if let Some(Failing { times, because }) = &stream.failing {
            tell(format!("the receiver could not be told {times} times in a row, and is told again: {because}"));
        }
        if let Some(Refused { times, at_ms, because }) = &stream.refused
            && house.clock.now_ms().saturating_sub(*at_ms) < REFUSED_TOLD_MS
        {
            let last = crate::clock::moment_text(*at_ms);
            tell(format!(
                "the receiver would not take {times} so far, the last at {last}: {because}; these are not told again"
            ));
        }
    }
    Ok(troubled)
}

async fn token(house: &House, stream: &Stream, signal: &Signal) -> Result<String, EngineError> {
    let broken = |error: serde_json::Error| EngineError::Broken(format!("signal {}: {error}", signal.jti));
    let kept: Kept = serde_json::from_str(&signal.body).map_err(broken)?;
    sign(house, &kept.claims(&stream.iss, &stream.aud, &signal.jti)).await
}

/// What a receiver asks for, and what it has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PollAsked {
    max_events: Option<usize>,
    return_immediately: Option<bool>,
    ack: Vec<String>,
    set_errs: BTreeMap<String, serde_json::Value>,
}

/// What a receiver is handed.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Polled {
    sets: BTreeMap<String, String>,
    more_available: bool,
}

/// Takes what a receiver has off its stream, and hands out what is next; waits a little for it, unless it is not to.
///
/// # Errors
/// The receiver has no such stream, it is pushed, or the store failed.
#[boxed]
pub async fn poll(house: &House, receiver: &Receiver, id: &str, asked: &PollAsked) -> Result<Polled, EngineError> {
    let stream = find(house, receiver, id).await?;
    if stream.push.is_some() {
        return Err(EngineError::Asked("the events of this stream are pushed".into()));
    }
    if asked.ack.len() + asked.set_errs.len() > ACKS_MAX {
        return Err(EngineError::Asked(format!("{ACKS_MAX} at most are acknowledged at once")));
    }
    let mut had = asked.ack.clone();
    let mut refused = None;
    for (jti, said) in &asked.set_errs {
        let word = said["err"].as_str().unwrap_or("no reason is given");
        let word: String = word.chars().filter(char::is_ascii_graphic).take(60).collect();
        tracing::warn!(stream = %id, %jti, "the receiver will not take it: {word}");
        refused = Some(word);
        had.push(jti.clone());
    }
    if let Some(word) = refused {
        note_refused(house, id, u32::try_from(asked.set_errs.len()).unwrap_or(u32::MAX), word).await?;
    }
    if !had.is_empty() {
        house.store.end_signals(id, &had, house.clock.now_ms()).await?;
    }
    let limit = asked.max_events.unwrap_or(POLLED_MAX).min(POLLED_MAX);
    let waits = limit > 0 && !asked.return_immediately.unwrap_or(false);
    let until_ms = house.clock.now_ms() + POLL_WAIT_MS;
    let (next, more) = loop {
        let open = find(house, receiver, id).await?.status == Status::Enabled;
        let next = if open { house.store.next_signals(id, limit).await? } else { (Vec::new(), false) };
        if !next.0.is_empty() || !waits || house.clock.now_ms() > until_ms || house.drain.has_begun() {
            break next;
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    };
    let mut sets = BTreeMap::new();
    for signal in next {
        sets.insert(signal.jti.clone(), token(house, &stream, &signal).await?);
    }
    Ok(Polled { sets, more_available: more })
}
