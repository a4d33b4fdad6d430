//! The key by which signals are signed: the file's, or one that is made up and kept sealed where the store has a key. Where
//! it has none, each process makes up its own and keeps it nowhere; public halves are noted in the store, so that every
//! process shows the keys of all.

use crate::check::{CheckLine, Verdict};
use crate::config::Config;
use crate::error::EngineError;
use crate::house::House;
use crate::seal::Keys;
use crate::secrets::read_secret;
use async_recursion::async_recursion as boxed;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicI64, Ordering};
use tenure_connect::SigningKey;
use tenure_core::hex::hex;
use tenure_core::name::ConnectionName;
use tenure_store::SealedPlace;

/// The note of the public halves.
const SHOWN: &str = "signal keys";
/// What the key is sealed as.
const SEALED: &str = "signal key";
/// How often a key in use is shown anew.
const SHOWN_EVERY_MS: i64 = 24 * 3600 * 1000;
/// How long a key is shown that nobody signs with any more: longer than a signal is kept.
const SHOWN_MS: i64 = 9 * 24 * 3600 * 1000;
const KEYS_MAX: usize = 50;

/// A key of this process.
#[derive(Debug)]
pub(crate) struct Signer {
    key: SigningKey,
    id: String,
    shown_ms: AtomicI64,
}

/// The public half of a key, and when it was last in use.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Shown {
    id: String,
    jwk: Value,
    used_ms: i64,
}

impl Signer {
    fn new(key: SigningKey) -> Self {
        let id = hex(&Sha256::digest(key.public_jwk().to_string())[..8]);
        Self { key, id, shown_ms: AtomicI64::new(0) }
    }

    /// Signs claims, as a security event token.
    fn sign(&self, claims: &Value) -> Result<String, EngineError> {
        let header = json!({ "alg": self.key.algorithm(), "typ": "secevent+jwt", "kid": self.id });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let said = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(said.as_bytes()).map_err(|because| EngineError::Broken(because.to_owned()))?;
        Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Signs claims with the key of this process, which is shown before.
#[boxed]
pub(super) async fn sign(house: &House, claims: &Value) -> Result<String, EngineError> {
    let signer = shown(house).await?;
    signer.sign(claims)
}

/// Returns all keys by which signals were signed lately, as a set of JWKs.
///
/// # Errors
/// The key cannot be read, or the store failed.
#[boxed]
pub async fn jwks(house: &House) -> Result<Value, EngineError> {
    shown(house).await?;
    let all: Option<Vec<Shown>> = house.store.noted(&nowhere(), SHOWN).await?;
    let keys: Vec<Value> = all.into_iter().flatten().map(|shown| shown.jwk).collect();
    Ok(json!({ "keys": keys }))
}

/// Returns the key of this process, whose public half is noted.
async fn shown(house: &House) -> Result<&Signer, EngineError> {
    let signer = house.signer.get_or_try_init(|| open(house)).await?;
    let now_ms = house.clock.now_ms();
    if now_ms - signer.shown_ms.load(Ordering::Relaxed) < SHOWN_EVERY_MS {
        return Ok(signer);
    }
    let mut jwk = signer.key.public_jwk();
    jwk["kid"] = json!(signer.id);
    let show = |all: &mut Vec<Shown>| {
        all.retain(|shown| shown.id != signer.id && shown.used_ms > now_ms - SHOWN_MS);
        let beyond = (all.len() + 1).saturating_sub(KEYS_MAX);
        all.drain(..beyond);
        all.push(Shown { id: signer.id.clone(), jwk, used_ms: now_ms });
    };
    house.store.change_note(&nowhere(), SHOWN, show).await?;
    signer.shown_ms.store(now_ms, Ordering::Relaxed);
    Ok(signer)
}

/// Says whether the key that the file names can be signed with; nothing where it names none.
pub(crate) fn check(config: &Config) -> Option<CheckLine> {
    let line = |verdict, says| CheckLine::of_files("signals", verdict, says);
    Some(match named(config).transpose()? {
        Ok(_) => line(Verdict::Good, "the key of [server.ssf] can be read, and signs".to_owned()),
        Err(error) => {
            let hint =
                "nothing is signed, so no receiver is told: name an RSA or P-256 private key, as PEM or as a JWK";
            let told = config.misplaced(&["server", "ssf", "key"], error.to_string(), Some(hint.to_owned()));
            line(Verdict::Problem, told.to_string())
        }
    })
}

fn read(text: &SecretString) -> Result<SigningKey, EngineError> {
    SigningKey::read(text).map_err(|because| EngineError::Asked(format!("`key` of [server.ssf]: {because}")))
}

/// Reads the key that the file names.
fn named(config: &Config) -> Result<Option<SigningKey>, EngineError> {
    let Some(place) = &config.server.ssf.key else { return Ok(None) };
    let text = read_secret("[server.ssf]", "key", place, &config.folder)?;
    read(&text).map(Some)
}

async fn open(house: &House) -> Result<Signer, EngineError> {
    if let Some(key) = named(&house.config)? {
        return Ok(Signer::new(key));
    }
    let fresh = || SigningKey::fresh().map_err(|because| EngineError::Broken(because.to_owned()));
    let Some(keys) = Keys::read(&house.config)? else { return read(&fresh()?).map(Signer::new) };
    let place = SealedPlace { connection: nowhere(), name: SEALED.to_owned() };
    if let Some(text) = house.store.sealed(&place).await?.and_then(|sealed| keys.open(&place, &sealed)) {
        return read(&text).map(Signer::new);
    }
    let sealed = keys.seal(&house.chance, &place, fresh()?.expose_secret())?;
    house.store.set_sealed(&place, &sealed).await?;
    // Another process may have been at it: what is kept now is everybody's.
    let kept = house.store.sealed(&place).await?.and_then(|sealed| keys.open(&place, &sealed));
    let kept = kept.ok_or_else(|| EngineError::Broken("the key of signals is not there once it was kept".into()))?;
    read(&kept).map(Signer::new)
}

pub(super) fn nowhere() -> ConnectionName {
    ConnectionName::new("")
}
