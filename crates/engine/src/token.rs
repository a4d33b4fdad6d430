//! Tokens: credentials of the API, the console and of clients. Made here, shown once, kept as a hash; the server asks
//! here who knocks. A token is 256 random bits behind an id, so that a plain SHA-256 of it can be kept and nobody can guess.
//! What a door does with whoever it lets in is not known here.

use crate::clock::moment_text;
use crate::decide::By;
use crate::error::EngineError;
use crate::house::House;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tenure_core::hex::hex;
use tenure_core::journal::Draft;
use tenure_core::policy::Delay;
use tenure_core::scope::Scope;
use tenure_store::Token;

/// By which scanners of secrets know a token of ours.
pub const PREFIX: &str = "tnr_";
/// How long before its end a token is warned of.
pub const WARNED_MS: i64 = 14 * 24 * 3600 * 1000;
/// How often it is noted that a token is used.
const USED_EVERY_MS: i64 = 10 * 60 * 1000;
const NAME_LEN_MAX: usize = 100;

/// A token that somebody asks for.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What its bearer may do.
    pub scopes: Vec<Scope>,
    /// How long it lasts; `None` means for ever.
    pub lasts: Option<Delay>,
}

/// A token as people see it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the contract names the fields")]
pub struct TokenView {
    pub id: String,
    pub name: String,
    pub owner: String,
    pub scopes: Vec<String>,
    pub state: TokenState,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub revoked_at: Option<String>,
    /// Within ten minutes.
    pub used_at: Option<String>,
}

/// How a token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// It is good.
    Good,
    /// It is good, and ends within two weeks.
    Expiring,
    /// It has ended.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl TokenState {
    fn of(token: &Token, now_ms: i64) -> Self {
        match (token.revoked_ms, token.expires_ms) {
            (Some(_), _) => Self::Revoked,
            (None, Some(end_ms)) if end_ms <= now_ms => Self::Expired,
            (None, Some(end_ms)) if end_ms - now_ms <= WARNED_MS => Self::Expiring,
            _ => Self::Good,
        }
    }
}

impl TokenView {
    fn new(token: Token, now_ms: i64) -> Self {
        Self {
            state: TokenState::of(&token, now_ms),
            id: token.id,
            name: token.name,
            owner: token.owner,
            scopes: token.scopes,
            created_at: moment_text(token.created_ms),
            expires_at: token.expires_ms.map(moment_text),
            revoked_at: token.revoked_ms.map(moment_text),
            used_at: token.used_ms.map(moment_text),
        }
    }
}

/// Makes a token, whose bearer acts in the name of `by`. Returns the credential, which is shown once and kept nowhere.
///
/// # Errors
/// It is for nothing, or the store failed.
#[tracing::instrument(name = "token_create", skip_all, fields(by = %by.who, name = %asked.name))]
pub async fn create(house: &House, asked: &NewToken, by: &By) -> Result<(SecretString, TokenView), EngineError> {
    let name = asked.name.trim();
    if asked.scopes.is_empty() || name.is_empty() || name.chars().count() > NAME_LEN_MAX {
        return Err(EngineError::Asked("a token needs a name of up to 100 letters, and a scope at least".into()));
    }
    let id = hex(&house.chance.bytes::<6>()?);
    let credential = SecretString::from(format!("{PREFIX}{id}_{}", hex(&house.chance.bytes::<32>()?)));
    let created_ms = house.clock.now_ms();
    let mut scopes: Vec<String> = asked.scopes.iter().map(ToString::to_string).collect();
    scopes.sort();
    scopes.dedup();
    let token = Token {
        hash: hash(credential.expose_secret()),
        id,
        name: name.to_owned(),
        owner: by.who.clone(),
        scopes,
        created_ms,
        expires_ms: asked.lasts.map(|lasts| created_ms.saturating_add(lasts.as_ms())),
        revoked_ms: None,
        used_ms: None,
    };
    let view = TokenView::new(token.clone(), created_ms);
    let body = serde_json::json!({
        "token": view.id, "name": view.name, "owner": view.owner, "scopes": view.scopes, "expires_at": view.expires_at,
    });
    house.store.add_token(&token, vec![draft(house, by, "token_created", body)]).await?;
    Ok((credential, view))
}

/// Returns a secret in clear, for the one moment in which whoever asked for it is shown it.
pub fn reveal(secret: &SecretString) -> &str {
    secret.expose_secret()
}

/// Lists all tokens, newest first.
///
/// # Errors
/// The store failed.
pub async fn list(house: &House) -> Result<Vec<TokenView>, EngineError> {
    let now_ms = house.clock.now_ms();
    Ok(house.store.tokens().await?.into_iter().map(|token| TokenView::new(token, now_ms)).collect())
}

/// Ends a token, by its id or its name, at once and for all processes.
///
/// # Errors
/// There is none, several have the name, or the store failed.
#[tracing::instrument(name = "token_revoke", skip(house, by), fields(by = %by.who))]
pub async fn revoke(house: &House, which: &str, by: &By) -> Result<TokenView, EngineError> {
    let which = which.trim();
    let all = house.store.tokens().await?;
    let named: Vec<&Token> = all.iter().filter(|token| token.name == which && token.revoked_ms.is_none()).collect();
    let token = match (all.iter().find(|token| token.id == which), named.as_slice()) {
        (Some(token), _) => token,
        (None, [token]) => *token,
        (None, []) => {
            return Err(EngineError::Missing(format!("no token is {which:?}; `tenure token list` shows their ids")));
        }
        (None, several) => {
            let ids: Vec<&str> = several.iter().map(|token| token.id.as_str()).collect();
            return Err(EngineError::Asked(format!("{which:?} may be {}; name one by its id", ids.join(", "))));
        }
    };
    let now_ms = house.clock.now_ms();
    let body = serde_json::json!({ "token": token.id, "name": token.name, "note": by.note });
    if !house.store.revoke_token(&token.id, now_ms, vec![draft(house, by, "token_revoked", body)]).await? {
        return Err(EngineError::Asked(format!("token {} is revoked already", token.id)));
    }
    Ok(TokenView::new(Token { revoked_ms: Some(now_ms), ..token.clone() }, now_ms))
}

/// Who knocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The token's id.
    pub token: String,
    /// What the token is for.
    pub name: String,
    /// In whose name its bearer acts.
    pub owner: String,
    /// What its bearer may do.
    pub scopes: Vec<Scope>,
    /// When the token ends (milliseconds since 1970, UTC), so that a client can be warned.
    pub expires_ms: Option<i64>,
}

/// Why somebody is not let in. None of the sentences holds the credential.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// Nothing that we made, or not any more: 401.
    #[error("the token is not known")]
    Unknown,
    /// It has ended: 401.
    #[error("the token ended at {at}")]
    Expired {
        /// When.
        at: String,
    },
    /// Somebody ended it: 401.
    #[error("the token was revoked")]
    Revoked,
    /// It is good, and not for this: 403.
    #[error("the token has no scope `{needed}`")]
    Scope {
        /// What is needed.
        needed: Scope,
    },
    /// Nobody could look: 503.
    #[error(transparent)]
    Store(#[from] EngineError),
}

/// Tells who bears `credential`, if it is good and permits what is needed.
///
/// # Errors
/// Why not.
pub async fn authenticate(house: &House, credential: &str, needed: &Scope) -> Result<Bearer, Denied> {
    let id = id_of(credential).ok_or(Denied::Unknown)?;
    let found = house.store.token(id).await.map_err(EngineError::from)?;
    let kept = found.as_ref().map_or("", |token| token.hash.as_str());
    let same = bool::from(hash(credential).as_bytes().ct_eq(kept.as_bytes()));
    let token = found.filter(|_| same).ok_or(Denied::Unknown)?;
    let now_ms = house.clock.now_ms();
    match TokenState::of(&token, now_ms) {
        TokenState::Revoked => return Err(Denied::Revoked),
        TokenState::Expired => {
            return Err(Denied::Expired { at: token.expires_ms.map(moment_text).unwrap_or_default() });
        }
        TokenState::Good | TokenState::Expiring => {}
    }
    let scopes: Vec<Scope> = token.scopes.iter().filter_map(|scope| Scope::read(scope)).collect();
    if !scopes.iter().any(|held| held.covers(needed)) {
        return Err(Denied::Scope { needed: needed.clone() });
    }
    let unless_ms = now_ms - USED_EVERY_MS;
    if token.used_ms.is_none_or(|used_ms| used_ms < unless_ms) {
        house.store.use_token(&token.id, now_ms, unless_ms).await.map_err(EngineError::from)?;
    }
    let Token { id, name, owner, expires_ms, .. } = token;
    Ok(Bearer { token: id, name, owner, scopes, expires_ms })
}

/// Returns the id within a credential that has our form.
fn id_of(credential: &str) -> Option<&str> {
    let (id, secret) = credential.strip_prefix(PREFIX)?.split_once('_')?;
    let hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex(id, 12) && hex(secret, 64)).then_some(id)
}

fn hash(credential: &str) -> String {
    hex(&Sha256::digest(credential))
}

fn draft(house: &House, by: &By, event: &str, body: serde_json::Value) -> Draft {
    Draft { at: house.clock.now_text(), actor: by.who.clone(), event: event.into(), run: None, step: None, body }
}
