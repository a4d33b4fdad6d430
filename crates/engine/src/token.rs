//! Tokens: credentials of the API, the console and of clients. Made here, shown once, kept as a hash; the server asks
//! here who knocks. A token is 256 random bits behind an id, so that a plain SHA-256 of it can be kept and nobody can guess.
//! What a door does with whoever it lets in is not known here.

use crate::clock::moment_text;
use crate::decide::By;
use crate::error::EngineError;
use crate::house::House;
use crate::oauth;
use async_recursion::async_recursion as boxed;
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

/// Tells whether there is a door for each scope that somebody asks for: a client speaks SCIM for accounts, or pushes people.
///
/// # Errors
/// A connection is not there, or nothing is pushed to it.
pub fn check_doors(house: &House, scopes: &[Scope]) -> Result<(), EngineError> {
    for scope in scopes {
        let Scope::Scim(name) = scope else { continue };
        house.connection(name.as_str())?;
        if !house.is_target(name) && !house.is_pushed(name) {
            return Err(EngineError::Asked(format!(
                "{name} is a source that tenure reads: nothing is pushed to it, and `{scope}` would open no door"
            )));
        }
    }
    Ok(())
}

/// Makes a token, whose bearer acts in the name of `by`. Returns the credential, which is shown once and kept nowhere.
///
/// # Errors
/// It is for nothing, or the store failed.
#[tracing::instrument(name = "token_create", skip_all, fields(by = %by.who, name = %asked.name))]
#[boxed]
pub async fn create(house: &House, asked: &NewToken, by: &By) -> Result<(SecretString, TokenView), EngineError> {
    let name = asked.name.trim();
    let is_name = !name.is_empty() && name.chars().count() <= NAME_LEN_MAX && !name.contains(char::is_control);
    if asked.scopes.is_empty() || !is_name {
        let because = "a token needs a name of up to 100 letters on one line, and a scope at least";
        return Err(EngineError::Asked(because.into()));
    }
    let mut scopes: Vec<String> = asked.scopes.iter().map(ToString::to_string).collect();
    scopes.sort();
    scopes.dedup();
    let (credential, token) = mint(house, name, &by.who, scopes, asked.lasts.map(Delay::as_ms))?;
    let view = TokenView::new(token.clone(), token.created_ms);
    let body = serde_json::json!({
        "token": view.id, "name": view.name, "owner": view.owner, "scopes": view.scopes, "expires_at": view.expires_at,
    });
    house.store.add_token(&token, vec![draft(house, by, "token_created", body)]).await?;
    Ok((credential, view))
}

/// Makes up a token that is kept nowhere yet.
fn mint(
    house: &House,
    name: &str,
    owner: &str,
    scopes: Vec<String>,
    lasts_ms: Option<i64>,
) -> Result<(SecretString, Token), EngineError> {
    let id = hex(&house.chance.bytes::<6>()?);
    let credential = SecretString::from(format!("{PREFIX}{id}_{}", hex(&house.chance.bytes::<32>()?)));
    let created_ms = house.clock.now_ms();
    let token = Token {
        hash: hash(credential.expose_secret()),
        id,
        name: name.to_owned(),
        owner: owner.to_owned(),
        scopes,
        created_ms,
        expires_ms: lasts_ms.map(|lasts_ms| created_ms.saturating_add(lasts_ms)),
        revoked_ms: None,
        used_ms: None,
    };
    Ok((credential, token))
}

/// Makes the follower of a token: of the same name, for the same, lasting as long. The old one ends when `overlap` is
/// over, if it does not end before. Returns the credential of the new one, the new one, and the old one.
///
/// # Errors
/// There is none, several have the name, it is not good any more, or the store failed.
#[tracing::instrument(name = "token_rotate", skip(house, overlap, by), fields(by = %by.who))]
#[boxed]
pub async fn rotate(
    house: &House,
    which: &str,
    overlap: Delay,
    by: &By,
) -> Result<(SecretString, TokenView, TokenView), EngineError> {
    let mut old = find(house, which).await?;
    let now_ms = house.clock.now_ms();
    if matches!(TokenState::of(&old, now_ms), TokenState::Revoked | TokenState::Expired) {
        return Err(EngineError::Asked(format!("token {} is not good any more; make a new one", old.id)));
    }
    let lasts_ms = old.expires_ms.map(|expires_ms| expires_ms - old.created_ms);
    let (credential, new) = mint(house, &old.name, &old.owner, old.scopes.clone(), lasts_ms)?;
    let ends_ms = now_ms.saturating_add(overlap.as_ms());
    let ends_ms = old.expires_ms.map_or(ends_ms, |expires_ms| expires_ms.min(ends_ms));
    let (before, after) = (old.id.clone(), new.id.clone());
    old.expires_ms = Some(ends_ms);
    let (old, view) = (TokenView::new(old, now_ms), TokenView::new(new.clone(), now_ms));
    let body = serde_json::json!({
        "token": before, "follower": after, "name": view.name, "scopes": view.scopes, "ends_at": old.expires_at,
        "expires_at": view.expires_at, "note": by.note,
    });
    if !house.store.follow_token(&new, &before, ends_ms, vec![draft(house, by, "token_rotated", body)]).await? {
        return Err(EngineError::Asked(format!("token {before} was revoked meanwhile")));
    }
    Ok((credential, view, old))
}

/// Returns a secret in clear, for the one moment in which whoever asked for it is shown it.
pub fn reveal(secret: &SecretString) -> &str {
    secret.expose_secret()
}

/// Lists all tokens, newest first.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn list(house: &House) -> Result<Vec<TokenView>, EngineError> {
    let now_ms = house.clock.now_ms();
    Ok(house.store.tokens().await?.into_iter().map(|token| TokenView::new(token, now_ms)).collect())
}

/// Ends a token, by its id or its name, at once and for all processes.
///
/// # Errors
/// There is none, several have the name, or the store failed.
#[tracing::instrument(name = "token_revoke", skip(house, by), fields(by = %by.who))]
#[boxed]
pub async fn revoke(house: &House, which: &str, by: &By) -> Result<TokenView, EngineError> {
    let token = find(house, which).await?;
    let now_ms = house.clock.now_ms();
    let body = serde_json::json!({ "token": token.id, "name": token.name, "note": by.note });
    if !house.store.revoke_token(&token.id, now_ms, vec![draft(house, by, "token_revoked", body)]).await? {
        return Err(EngineError::Asked(format!("token {} is revoked already", token.id)));
    }
    Ok(TokenView::new(Token { revoked_ms: Some(now_ms), ..token }, now_ms))
}

/// Finds a token by its id, or by the name that it alone has of those that were not revoked.
async fn find(house: &House, which: &str) -> Result<Token, EngineError> {
    let which = which.trim();
    let all = house.store.tokens().await?;
    let (named, revoked): (Vec<&Token>, Vec<&Token>) =
        all.iter().filter(|token| token.name == which).partition(|token| token.revoked_ms.is_none());
    match (all.iter().find(|token| token.id == which), named.as_slice()) {
        (Some(token), _) => Ok(token.clone()),
        (None, [token]) => Ok((*token).clone()),
        (None, []) if !revoked.is_empty() => {
            let ids: Vec<&str> = revoked.iter().map(|token| token.id.as_str()).collect();
            Err(EngineError::Asked(format!("token {which:?} ({}) is revoked already", ids.join(", "))))
        }
        (None, []) => Err(EngineError::Missing(format!("no token is {which:?}; `tenure token list` shows their ids"))),
        (None, several) => {
            let ids: Vec<&str> = several.iter().map(|token| token.id.as_str()).collect();
            Err(EngineError::Asked(format!("{which:?} may be {}; name one by its id", ids.join(", "))))
        }
    }
}

/// Finds the token of a SCIM client by its id or name.
pub(crate) async fn scim_token(house: &House, which: &str) -> Result<TokenView, EngineError> {
    let view = TokenView::new(find(house, which).await?, house.clock.now_ms());
    match crate::recorded::connections(&view).is_empty() {
        true => {
            Err(EngineError::Asked(format!("token {} is no SCIM client's: it has no scope scim:CONNECTION", view.id)))
        }
        false => Ok(view),
    }
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

/// Tells who bears `credential`, if it is good and permits what is needed: a token, or what was given for one.
///
/// # Errors
/// Why not.
#[boxed]
pub async fn authenticate(house: &House, credential: &str, needed: &Scope) -> Result<Bearer, Denied> {
    let token = match credential.starts_with(oauth::PREFIX) {
        true => oauth::behind(house, credential).await?,
        false => known(house, credential).await?,
    };
    let scopes: Vec<Scope> = token.scopes.iter().filter_map(|scope| Scope::read(scope)).collect();
    if !scopes.iter().any(|held| held.covers(needed)) {
        return Err(Denied::Scope { needed: needed.clone() });
    }
    note_use(house, &token).await?;
    let Token { id, name, owner, expires_ms, .. } = token;
    Ok(Bearer { token: id, name, owner, scopes, expires_ms })
}

/// Returns the token whose credential this is, if it is good.
pub(crate) async fn known(house: &House, credential: &str) -> Result<Token, Denied> {
    let id = id_of(PREFIX, credential).ok_or(Denied::Unknown)?;
    let found = house.store.token(id).await.map_err(EngineError::from)?;
    let kept = found.as_ref().map_or("", |token| token.hash.as_str());
    let token = found.as_ref().filter(|_| is_hash_of(kept, credential)).ok_or(Denied::Unknown)?;
    good(token.clone(), house.clock.now_ms())
}

/// Returns a token again if it has not ended.
pub(crate) fn good(token: Token, now_ms: i64) -> Result<Token, Denied> {
    match TokenState::of(&token, now_ms) {
        TokenState::Revoked => Err(Denied::Revoked),
        TokenState::Expired => Err(Denied::Expired { at: token.expires_ms.map(moment_text).unwrap_or_default() }),
        TokenState::Good | TokenState::Expiring => Ok(token),
    }
}

/// Notes that a token is used, roughly.
pub(crate) async fn note_use(house: &House, token: &Token) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let unless_ms = now_ms - USED_EVERY_MS;
    if token.used_ms.is_none_or(|used_ms| used_ms < unless_ms) {
        house.store.use_token(&token.id, now_ms, unless_ms).await?;
    }
    Ok(())
}

/// Returns the id within a credential that has our form.
pub(crate) fn id_of<'c>(prefix: &str, credential: &'c str) -> Option<&'c str> {
    let (id, secret) = credential.strip_prefix(prefix)?.split_once('_')?;
    let hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex(id, 12) && hex(secret, 64)).then_some(id)
}

/// Returns what is kept of a credential.
pub(crate) fn hash(credential: &str) -> String {
    hex(&Sha256::digest(credential))
}

/// Tells whether this is kept of that credential, in a time that tells nothing.
pub(crate) fn is_hash_of(kept: &str, credential: &str) -> bool {
    hash(credential).as_bytes().ct_eq(kept.as_bytes()).into()
}

fn draft(house: &House, by: &By, event: &str, body: serde_json::Value) -> Draft {
    Draft { at: house.clock.now_text(), actor: by.who.clone(), event: event.into(), run: None, step: None, body }
}
