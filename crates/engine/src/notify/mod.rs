//! Telling people and programs of what needs somebody: one receiver at a time, by a job of its own that whatever may be worth
//! telling wakes. A message is written down before it is sent, with an id that stays, so that one that is sent twice can be
//! told; what was told is remembered for as long as it stands. What is worth telling is for `matter`.

mod settings;
mod matter;
mod message;
mod check;

pub(crate) use check::check;
pub use settings::{EmailConfig, MatterKind, ReceiverConfig, SlackConfig, WebhookConfig};

use crate::error::EngineError;
use crate::house::House;
use crate::secrets::read_secret;
use async_recursion::async_recursion as boxed;
use matter::{Matter, gather};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use settings::Way;
use std::collections::BTreeSet;
use std::time::Duration;
use tenure_connect::{HookReach, Mail, MailServer, send_mail, send_signed_hook};
use tenure_core::hex::hex;
use tenure_core::name::ConnectionName;
use tenure_store::JobEnd;

/// How long a message that is being sent may take on once this process is to end.
const ENDING_WITHIN: Duration = Duration::from_secs(3);
/// What time alone changes (a token that ends) is looked for this often.
const LOOKED_EVERY_MS: i64 = 6 * 3600 * 1000;
/// So much stands in one message; the rest is counted.
const MATTERS_MAX: usize = 20;

/// What is known of a receiver.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Ledger {
    /// The marks of what stands and was told.
    told: BTreeSet<String>,
    /// When the last message was taken (milliseconds since 1970, UTC).
    sent_ms: i64,
    /// Up to where the journal was read; nothing before the first look.
    seq: Option<i64>,
    /// The message that is on its way.
    pending: Option<Pending>,
}

/// A message that is on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pending {
    id: String,
    made_ms: i64,
    matters: Vec<Matter>,
    marks: BTreeSet<String>,
}

fn whole() -> ConnectionName {
    ConnectionName::new("")
}

fn note(name: &str) -> String {
    format!("told {name}")
}

/// Tells a receiver what is new for it, if it is time to; says when to look again.
///
/// # Errors
/// The message was not taken, or the store failed; then the same message is tried again.
#[tracing::instrument(name = "deliver", skip_all, fields(receiver = %name))]
#[boxed]
pub async fn deliver(house: &House, name: &str) -> Result<JobEnd, EngineError> {
    let Some(receiver) = house.config.notify.get(name) else { return Ok(JobEnd::Done) };
    let mut ledger: Ledger = house.store.noted(&whole(), &note(name)).await?.unwrap_or_default();
    let now_ms = house.clock.now_ms();
    if ledger.pending.is_none() {
        match collect(house, name, receiver, &mut ledger).await? {
            Some(at_ms) => {
                keep(house, name, &ledger).await?;
                return Ok(JobEnd::Later { at_ms, because: None });
            }
            None => keep(house, name, &ledger).await?,
        }
    }
    if let Some(pending) = &ledger.pending {
        tokio::select! {
            sent = send(house, name, receiver, pending) => sent.map_err(EngineError::Asked)?,
            // Whoever follows sends the same message again, under its id.
            () = is_ending(house) => return Ok(JobEnd::GivenBack),
        }
        tracing::info!(message = %pending.id, matters = pending.matters.len(), "told");
    }
    if let Some(pending) = ledger.pending.take() {
        ledger.told.extend(pending.marks);
        ledger.sent_ms = now_ms;
    }
    keep(house, name, &ledger).await?;
    Ok(JobEnd::Later { at_ms: now_ms + LOOKED_EVERY_MS, because: None })
}

/// Waits until this process is to end, and a little longer.
async fn is_ending(house: &House) {
    house.drain.begun().await;
    tokio::time::sleep(ENDING_WITHIN).await;
}

async fn keep(house: &House, name: &str, ledger: &Ledger) -> Result<(), EngineError> {
    let text = serde_json::to_string(ledger).map_err(|error| EngineError::Broken(error.to_string()))?;
    Ok(house.store.set_note(&whole(), &note(name), Some(&text)).await?)
}

/// Writes a message of what is new into the ledger; where there is none to send yet, says when to look again.
async fn collect(
    house: &House,
    name: &str,
    receiver: &ReceiverConfig,
    ledger: &mut Ledger,
) -> Result<Option<i64>, EngineError> {
    let now_ms = house.clock.now_ms();
    let seq = match ledger.seq {
        Some(seq) => seq,
        None => house.store.journal_head().await?.seq,
    };
    let (matters, read) = gather(house, receiver, seq).await?;
    let standing: BTreeSet<&String> = matters.iter().flat_map(|matter| &matter.marks).collect();
    ledger.told.retain(|mark| standing.contains(mark));
    let fresh = |matter: &Matter| matter.marks.iter().any(|mark| !ledger.told.contains(mark));
    let mut fresh: Vec<Matter> = matters.into_iter().filter(fresh).collect();
    if fresh.is_empty() {
        ledger.seq = Some(read);
        return Ok(Some(now_ms + LOOKED_EVERY_MS));
    }
    ledger.seq = Some(seq);
    let every_ms = receiver.every_ms().map_or(0, |every_ms| every_ms);
    let due_ms = ledger.sent_ms + every_ms;
    if now_ms < due_ms {
        return Ok(Some(due_ms));
    }
    let marks = fresh.iter().flat_map(|matter| matter.marks.iter().cloned()).collect();
    let more = fresh.len().saturating_sub(MATTERS_MAX);
    fresh.truncate(MATTERS_MAX);
    if let (Some(last), true) = (fresh.last_mut(), more > 0) {
        last.text.push_str(&format!(" (and {more} things more)"));
    }
    let id = format!("msg_{}", hex(&house.chance.bytes::<12>()?));
    ledger.pending = Some(Pending { id, made_ms: now_ms, matters: fresh, marks });
    ledger.seq = Some(read);
    tracing::debug!(receiver = %name, "a message is written");
    Ok(None)
}

/// Sends a message in the receiver's way; a sentence without any secret where it is not taken.
async fn send(house: &House, name: &str, receiver: &ReceiverConfig, pending: &Pending) -> Result<(), String> {
    let base = house.config.server.public_url.as_deref().unwrap_or("").trim_end_matches('/');
    let secret = |key: &str, place| -> Result<SecretString, String> {
        read_secret(&format!("[notify.{name}]"), key, place, &house.config.folder).map_err(|error| error.to_string())
    };
    let reach = |private| if private { HookReach::Private } else { HookReach::Public };
    match receiver.way().map_err(|(_, says, _)| says)? {
        Way::Webhook(webhook) => {
            let (body, key) = (message::body(pending, base), secret("secret", &webhook.secret)?);
            let seconds = house.clock.now_ms() / 1000;
            let headers = message::signed(&key, &pending.id, seconds, &body)?;
            send_signed_hook(&webhook.url, body, &headers, reach(webhook.allow_private)).await
        }
        Way::Slack(slack) => {
            let url = secret("url", &slack.url)?;
            let body = message::chat(pending, base);
            send_signed_hook(url.expose_secret(), body, &[], reach(slack.allow_private)).await
        }
        Way::Email(email) => {
            let password = email.password.as_ref().map(|place| secret("password", place)).transpose()?;
            let login = email.username.clone().zip(password);
            let server = MailServer { url: email.server.clone(), login };
            let mail = Mail {
                id: pending.id.clone(),
                from: email.from.clone(),
                to: email.to.clone(),
                subject: message::subject(pending),
                text: message::text(pending, base),
                at_ms: pending.made_ms,
            };
            send_mail(&server, &mail).await
        }
    }
}
