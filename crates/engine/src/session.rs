//! Sessions of the console: an invitation is a link that is shown once, lasts for minutes and opens one session, and so may
//! a provider (`openid`); a session lasts for hours, ends when it is not used, and can be ended by an admin at once. Both are 256 random bits behind an id,
//! kept as a plain SHA-256. What a page does with whoever it lets in is not known here.

use crate::clock::moment_text;
use crate::decide::By;
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tenure_core::hex::hex;
use tenure_core::journal::Draft;
use tenure_core::role::Role;
use tenure_store::{Invitation, Session, SignedBy};

/// How long an invitation lasts unless said.
pub const INVITED_MS: i64 = 15 * 60 * 1000;
/// How long an invitation may last.
pub const INVITED_MAX_MS: i64 = 24 * 3600 * 1000;
/// How long a session lasts, whatever happens.
pub const LASTS_MS: i64 = 10 * 3600 * 1000;
/// How long a session lasts that nobody uses.
pub const IDLE_MS: i64 = 60 * 60 * 1000;
/// How often it is noted that a session is used.
const SEEN_EVERY_MS: i64 = 60 * 1000;
const NAME_LEN_MAX: usize = 200;
const INVITATION: &str = "tni_";
const SESSION: &str = "tns_";

/// Somebody who is to be let in once.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "who, as what, until when")]
pub struct Invited {
    pub id: String,
    pub who: String,
    pub role: &'static str,
    pub expires_at: String,
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The session's id.
    pub session: String,
    /// Who.
    pub who: String,
    /// As what.
    pub role: Role,
    /// What every form of theirs must carry: made from the credential, which cannot be made from it.
    pub form_key: String,
}

/// A session as people see it.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "who, as what, since when")]
pub struct SessionView {
    pub id: String,
    pub who: String,
    pub role: String,
    pub created_at: String,
    pub expires_at: String,
    pub seen_at: String,
}

/// Makes an invitation. Returns the credential, which is shown once and kept nowhere.
///
/// # Errors
/// Nobody is named, or it would last too long, or the store failed.
#[tracing::instrument(name = "invite", skip_all, fields(by = %by.who, role = %role))]
#[boxed]
pub async fn invite(
    house: &House,
    who: &str,
    role: Role,
    lasts_ms: i64,
    by: &By,
) -> Result<(SecretString, Invited), EngineError> {
    let who = who.trim();
    let lasts = lasts_ms > 0 && lasts_ms <= INVITED_MAX_MS;
    if who.is_empty() || who.chars().count() > NAME_LEN_MAX || who.chars().any(char::is_control) || !lasts {
        let says = "an invitation needs a name of up to 200 letters, and lasts a day at most";
        return Err(EngineError::Asked(says.into()));
    }
    let (id, credential) = new_credential(house, INVITATION)?;
    let created_ms = house.clock.now_ms();
    let invitation = Invitation {
        hash: hash(credential.expose_secret()),
        id,
        who: who.to_owned(),
        role: role.as_str().to_owned(),
        made_by: by.who.clone(),
        created_ms,
        expires_ms: created_ms + lasts_ms,
        used_ms: None,
    };
    let invited = Invited {
        id: invitation.id.clone(),
        who: invitation.who.clone(),
        role: role.as_str(),
        expires_at: moment_text(invitation.expires_ms),
    };
    let body = serde_json::json!({ "invitation": invited.id, "who": who, "role": invited.role, "expires_at": invited.expires_at });
    house.store.add_invitation(&invitation, vec![draft(house, &by.who, "invited", body)]).await?;
    Ok((credential, invited))
}

/// Tells whom an invitation would let in, without using it; nothing where it is not good.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn look_at(house: &House, credential: &str) -> Result<Option<(String, Role)>, EngineError> {
    Ok(find_invitation(house, credential).await?.map(|(invitation, role)| (invitation.who, role)))
}

async fn find_invitation(house: &House, credential: &str) -> Result<Option<(Invitation, Role)>, EngineError> {
    let Some(id) = id_of(credential, INVITATION) else { return Ok(None) };
    let found = house.store.invitation(id).await?;
    let kept = found.as_ref().map_or("", |invitation| invitation.hash.as_str());
    let same = bool::from(hash(credential).as_bytes().ct_eq(kept.as_bytes()));
    let now_ms = house.clock.now_ms();
    let good = |invitation: &Invitation| same && invitation.used_ms.is_none() && invitation.expires_ms > now_ms;
    Ok(found.filter(good).and_then(|invitation| invitation.role.parse().ok().map(|role| (invitation, role))))
}

/// Uses an invitation up and opens a session. Returns the credential for the browser, and how many seconds it lasts;
/// nothing where the invitation is not good, or not any more.
///
/// # Errors
/// The store failed.
#[tracing::instrument(name = "sign_in", skip_all)]
#[boxed]
pub async fn sign_in(house: &House, credential: &str) -> Result<Option<(SecretString, i64)>, EngineError> {
    let Some((invitation, role)) = find_invitation(house, credential).await? else { return Ok(None) };
    let (secret, session) = new_session(house, &invitation.who, role, None)?;
    let body = serde_json::json!({ "session": session.id, "role": role.as_str(), "invitation": invitation.id, "invited_by": invitation.made_by });
    let drafts = vec![draft(house, &invitation.who, "signed_in", body)];
    let opened = house.store.open_session(&invitation.id, &session, drafts).await?;
    Ok(opened.then_some((secret, LASTS_MS / 1000)))
}

/// Opens a session on the word of a provider. Returns as [`sign_in`]; nothing where this signing-in opened one before.
pub(crate) async fn open_signed(
    house: &House,
    who: &str,
    role: Role,
    by: SignedBy,
) -> Result<Option<(SecretString, i64)>, EngineError> {
    let provider = by.provider.clone();
    let (secret, session) = new_session(house, who, role, Some(by))?;
    let body = serde_json::json!({ "session": session.id, "role": role.as_str(), "provider": provider });
    let opened = house.store.open_signed(&session, vec![draft(house, who, "signed_in", body)]).await?;
    Ok(opened.then_some((secret, LASTS_MS / 1000)))
}

fn new_session(
    house: &House,
    who: &str,
    role: Role,
    signed_by: Option<SignedBy>,
) -> Result<(SecretString, Session), EngineError> {
    let (id, secret) = new_credential(house, SESSION)?;
    let (created_ms, hash) = (house.clock.now_ms(), hash(secret.expose_secret()));
    let (who, role) = (who.to_owned(), role.as_str().to_owned());
    let (expires_ms, seen_ms) = (created_ms + LASTS_MS, created_ms);
    Ok((secret, Session { id, hash, who, role, created_ms, expires_ms, seen_ms, ended_ms: None, signed_by }))
}

/// Tells who is signed in with `credential`, and notes that they are there; nothing where it is not good, or not any more.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn authenticate(house: &House, credential: &str) -> Result<Option<Visitor>, EngineError> {
    let Some((session, visitor)) = find_session(house, credential).await? else { return Ok(None) };
    let now_ms = house.clock.now_ms();
    if now_ms - session.seen_ms >= SEEN_EVERY_MS {
        house.store.see_session(&session.id, now_ms).await?;
    }
    Ok(Some(visitor))
}

/// As [`authenticate`], for what a page does by itself: nobody need be there.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn recognise(house: &House, credential: &str) -> Result<Option<Visitor>, EngineError> {
    Ok(find_session(house, credential).await?.map(|(_, visitor)| visitor))
}

async fn find_session(house: &House, credential: &str) -> Result<Option<(Session, Visitor)>, EngineError> {
    let Some(id) = id_of(credential, SESSION) else { return Ok(None) };
    let found = house.store.session(id).await?;
    let kept = found.as_ref().map_or("", |session| session.hash.as_str());
    let same = bool::from(hash(credential).as_bytes().ct_eq(kept.as_bytes()));
    let now_ms = house.clock.now_ms();
    let good = |session: &Session| {
        same && session.ended_ms.is_none() && session.expires_ms > now_ms && now_ms - session.seen_ms < IDLE_MS
    };
    let Some(session) = found.filter(good) else { return Ok(None) };
    let Ok(role) = session.role.parse() else { return Ok(None) };
    let form_key = hash(&format!("form {credential}"));
    let visitor = Visitor { session: session.id.clone(), who: session.who.clone(), role, form_key };
    Ok(Some((session, visitor)))
}

/// Ends a session, at once and for all processes; tells whether it was good until then.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn end(house: &House, id: &str, by: &str) -> Result<bool, EngineError> {
    let body = serde_json::json!({ "session": id });
    let drafts = vec![draft(house, by, "session_ended", body)];
    Ok(house.store.end_session(id, house.clock.now_ms(), drafts).await?)
}

/// Lists who is signed in, newest first.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn list(house: &House) -> Result<Vec<SessionView>, EngineError> {
    let now_ms = house.clock.now_ms();
    let used = |session: &Session| now_ms - session.seen_ms < IDLE_MS;
    let view = |session: Session| SessionView {
        id: session.id,
        who: session.who,
        role: session.role,
        created_at: moment_text(session.created_ms),
        expires_at: moment_text(session.expires_ms),
        seen_at: moment_text(session.seen_ms),
    };
    Ok(house.store.sessions(now_ms).await?.into_iter().filter(used).map(view).collect())
}

/// Compares two keys of forms without telling by the time it takes how far they agree.
pub fn is_same(one: &str, other: &str) -> bool {
    bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

fn new_credential(house: &House, prefix: &str) -> Result<(String, SecretString), EngineError> {
    let id = hex(&house.chance.bytes::<6>()?);
    let credential = SecretString::from(format!("{prefix}{id}_{}", hex(&house.chance.bytes::<32>()?)));
    Ok((id, credential))
}

/// Returns the id within a credential that has our form.
fn id_of<'a>(credential: &'a str, prefix: &str) -> Option<&'a str> {
    let (id, secret) = credential.strip_prefix(prefix)?.split_once('_')?;
    let hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex(id, 12) && hex(secret, 64)).then_some(id)
}

fn hash(credential: &str) -> String {
    hex(&Sha256::digest(credential))
}

fn draft(house: &House, actor: &str, event: &str, body: serde_json::Value) -> Draft {
    let (at, actor, event) = (house.clock.now_text(), actor.to_owned(), event.to_owned());
    Draft { at, actor, event, run: None, step: None, body }
}
