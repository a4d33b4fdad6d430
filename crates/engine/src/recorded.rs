//! Recordings of SCIM clients: which client is recorded and until when, what was written down of it, and who each client
//! was found to be. They are notes; what stands in one is masked before it comes here.
//! How a request is masked and how a recording is read is for those who speak SCIM.

use crate::clock::moment_text;
use crate::decide::By;
use crate::error::EngineError;
use crate::house::House;
use crate::token::TokenView;
use async_recursion::async_recursion as boxed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tenure_core::hex::hex;
use tenure_core::journal::Draft;
use tenure_core::name::ConnectionName;
use tenure_core::policy::Delay;
use tenure_core::scope::Scope;

/// So many requests are written down of one client at most.
pub const REQUESTS_MAX: usize = 2000;
/// The longest time for which a client is recorded.
const LASTS_MAX_MS: i64 = 24 * 3600 * 1000;
const BEGUN: &str = "begun";
const REQUEST: &str = "request ";

/// That a client is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// On which it hangs what a word becomes when it is masked.
    pub key: String,
    /// Since when (milliseconds since 1970, UTC).
    pub since_ms: i64,
    /// Until when.
    pub until_ms: i64,
}

/// Who a client was found to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownClient {
    /// The product.
    pub product: String,
    /// By what that was seen.
    pub by: String,
    /// Whether it said so itself; else it is a guess from its habits.
    pub is_told: bool,
}

/// A SCIM client as people see it.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct ClientView {
    pub token: String,
    pub name: String,
    pub connections: Vec<String>,
    pub product: Option<String>,
    pub by: Option<String>,
    /// `told` where it says its name, `guess` where its habits show it.
    pub certainty: Option<&'static str>,
    pub used_at: Option<String>,
    /// What it sends and the app cannot hold.
    pub unheld: BTreeSet<String>,
    pub recorded_until: Option<String>,
    pub requests: usize,
}

/// Returns where the recording of a client is kept, beside the connections.
fn room(token: &str) -> ConnectionName {
    ConnectionName::new(&format!("scim recording {token}"))
}

fn client_note(token: &str) -> String {
    format!("scim client {token}")
}

/// Begins to write down what a client sends, in the place of what was written down before.
///
/// # Errors
/// There is no such client, it is recorded for too long, or the store failed.
#[tracing::instrument(name = "scim_record", skip(house, lasts, by), fields(by = %by.who))]
#[boxed]
pub async fn begin(house: &House, which: &str, lasts: Delay, by: &By) -> Result<(TokenView, Begun), EngineError> {
    let token = crate::token::scim_token(house, which).await?;
    let since_ms = house.clock.now_ms();
    if !(1..=LASTS_MAX_MS).contains(&lasts.as_ms()) {
        return Err(EngineError::Asked("a client is recorded for a day at most, such as `1h`".into()));
    }
    let begun =
        Begun { key: hex(&house.chance.bytes::<32>()?), since_ms, until_ms: since_ms.saturating_add(lasts.as_ms()) };
    let room = room(&token.id);
    house.store.forget_notes(&room).await?;
    let body = serde_json::json!({
        "token": token.id, "name": token.name, "until": moment_text(begun.until_ms), "note": by.note,
    });
    let (at, actor, event) = (house.clock.now_text(), by.who.clone(), "scim_recording_begun".into());
    house.store.append_journal(vec![Draft { at, actor, event, run: None, step: None, body }]).await?;
    let text = serde_json::to_string(&begun).map_err(|error| EngineError::Broken(error.to_string()))?;
    house.store.set_note(&room, BEGUN, Some(&text)).await?;
    Ok((token, begun))
}

/// Ends a recording before its time; what was written down stays.
///
/// # Errors
/// There is no such client, it is not recorded, or the store failed.
#[boxed]
pub async fn end(house: &House, which: &str) -> Result<TokenView, EngineError> {
    let token = crate::token::scim_token(house, which).await?;
    let begun = begun(house, &token.id).await?;
    let missing = || EngineError::Missing(format!("{} is not recorded", token.name));
    let ended = Begun { until_ms: house.clock.now_ms(), ..begun.ok_or_else(missing)? };
    let text = serde_json::to_string(&ended).map_err(|error| EngineError::Broken(error.to_string()))?;
    house.store.set_note(&room(&token.id), BEGUN, Some(&text)).await?;
    Ok(token)
}

/// Tells whether a client was ever recorded, and until when.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn begun(house: &House, token: &str) -> Result<Option<Begun>, EngineError> {
    Ok(house.store.noted(&room(token), BEGUN).await?)
}

/// Writes down a request of a client; `text` is masked.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn keep(house: &House, token: &str, at_ms: i64, text: &str) -> Result<(), EngineError> {
    let name = format!("{REQUEST}{at_ms:020} {}", hex(&house.chance.bytes::<6>()?));
    Ok(house.store.set_note(&room(token), &name, Some(text)).await?)
}

/// Returns what was written down of a client, in the order in which it came.
///
/// # Errors
/// There is no such client, it was never recorded, or the store failed.
#[boxed]
pub async fn requests(house: &House, which: &str) -> Result<(TokenView, Vec<String>), EngineError> {
    let token = crate::token::scim_token(house, which).await?;
    let notes = house.store.notes(&room(&token.id)).await?;
    if !notes.contains_key(BEGUN) {
        let hint = format!("{} was never recorded; `tenure scim record` begins it", token.name);
        return Err(EngineError::Missing(hint));
    }
    let requests = notes.into_iter().filter(|(name, _)| name.starts_with(REQUEST)).map(|(_, text)| text).collect();
    Ok((token, requests))
}

/// Notes who a client was found to be.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn recognise(
    house: &House,
    connection: &ConnectionName,
    token: &str,
    known: &KnownClient,
) -> Result<(), EngineError> {
    let keep = |before: &mut KnownClient| {
        if known.is_told || !before.is_told {
            before.clone_from(known);
        }
    };
    Ok(house.store.change_note(connection, &client_note(token), keep).await?)
}

/// Lists the SCIM clients whose tokens were not revoked.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn clients(house: &House) -> Result<Vec<ClientView>, EngineError> {
    let mut views = Vec::new();
    let now_ms = house.clock.now_ms();
    for token in crate::token::list(house).await?.into_iter().filter(|token| token.revoked_at.is_none()) {
        let connections = connections(&token);
        let Some(first) = connections.first() else { continue };
        let known: Option<KnownClient> = house.store.noted(first, &client_note(&token.id)).await?;
        let unheld = house.store.noted(first, &format!("scim unheld {}", token.id)).await?.unwrap_or_default();
        let notes = house.store.notes(&room(&token.id)).await?;
        let begun = begun(house, &token.id).await?.filter(|begun| begun.until_ms > now_ms);
        let certainty = known.as_ref().map(|known| if known.is_told { "told" } else { "guess" });
        views.push(ClientView {
            connections: connections.iter().map(ToString::to_string).collect(),
            token: token.id,
            name: token.name,
            product: known.as_ref().map(|known| known.product.clone()),
            by: known.map(|known| known.by),
            certainty,
            used_at: token.used_at,
            unheld,
            recorded_until: begun.map(|begun| moment_text(begun.until_ms)),
            requests: notes.keys().filter(|name| name.starts_with(REQUEST)).count(),
        });
    }
    Ok(views)
}

/// Returns the connection of which a client speaks.
pub fn connection(token: &TokenView) -> Option<ConnectionName> {
    connections(token).into_iter().next()
}

/// Lists the connections for which a token is a SCIM client's.
pub(crate) fn connections(token: &TokenView) -> Vec<ConnectionName> {
    let scopes = token.scopes.iter().filter_map(|scope| Scope::read(scope));
    scopes
        .filter_map(|scope| match scope {
            Scope::Scim(connection) => Some(connection),
            _ => None,
        })
        .collect()
}
