//! OAuth client credentials (RFC 6749 §4.4): a token of ours is the client, its id the client's id and all of it the
//! secret. It is changed for an access token that lasts an hour, may do the same, and ends with it.
//! Only hashes of what was given are noted, the last hundred of each client; how a client asks is not known here.

use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::House;
use crate::token::{Denied, good, hash, id_of, is_hash_of, known, note_use};
use async_recursion::async_recursion as boxed;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tenure_core::hex::hex;
use tenure_core::name::ConnectionName;
use tenure_store::Token;

/// By which an access token is told from a token.
pub const PREFIX: &str = "tna_";
const LASTS_MS: i64 = 3600 * 1000;
/// So many of one client are good at the same time; a further one ends the oldest.
const GIVEN_MAX: usize = 100;

/// An access token.
#[derive(Debug, Clone)]
pub struct Access {
    /// The credential, which is told once.
    pub credential: SecretString,
    /// How long it is good.
    pub lasts_s: i64,
    /// What its bearer may do.
    pub scopes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Given {
    hash: String,
    ends_ms: i64,
}

/// Gives a client an access token.
///
/// # Errors
/// Its secret is not known or not good any more, or the store failed.
#[tracing::instrument(name = "oauth_exchange", skip_all)]
#[boxed]
pub async fn exchange(house: &House, client: &str, secret: &str) -> Result<Access, Denied> {
    let token = known(house, secret).await?;
    if token.id != client {
        return Err(Denied::Unknown);
    }
    let credential = SecretString::from(format!("{PREFIX}{}_{}", token.id, hex(&house.chance.bytes::<32>()?)));
    let now_ms = house.clock.now_ms();
    let ends_ms = now_ms.saturating_add(LASTS_MS).min(token.expires_ms.unwrap_or(i64::MAX));
    let given = Given { hash: hash(credential.expose_secret()), ends_ms };
    let keep = |all: &mut Vec<Given>| {
        all.retain(|given| given.ends_ms > now_ms);
        let beyond = (all.len() + 1).saturating_sub(GIVEN_MAX);
        all.drain(..beyond);
        all.push(given);
    };
    house.store.change_note(&nowhere(), &note_of(&token.id), keep).await.map_err(EngineError::from)?;
    note_use(house, &token).await?;
    Ok(Access { credential, lasts_s: (ends_ms - now_ms) / 1000, scopes: token.scopes })
}

/// Returns the token for which an access token was given, if both are good.
pub(crate) async fn behind(house: &House, credential: &str) -> Result<Token, Denied> {
    let id = id_of(PREFIX, credential).ok_or(Denied::Unknown)?;
    let all: Option<Vec<Given>> = house.store.noted(&nowhere(), &note_of(id)).await.map_err(EngineError::from)?;
    let mut given = None;
    for one in all.into_iter().flatten() {
        if is_hash_of(&one.hash, credential) {
            given = Some(one);
        }
    }
    let given = given.ok_or(Denied::Unknown)?;
    let now_ms = house.clock.now_ms();
    if given.ends_ms <= now_ms {
        return Err(Denied::Expired { at: moment_text(given.ends_ms) });
    }
    let token = house.store.token(id).await.map_err(EngineError::from)?.ok_or(Denied::Unknown)?;
    good(token, now_ms)
}

fn note_of(id: &str) -> String {
    format!("oauth {id}")
}

fn nowhere() -> ConnectionName {
    ConnectionName::new("")
}
