//! Okta's own token endpoint: a service app shows no secret, it signs who it is. Every part of the proof is judged, and
//! each proof is good once. Scopes that the app was not granted are left out; with none left, consent is missing.

use std::collections::HashSet;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::google::KEY;
use super::people::now_ms;
use crate::credentials::{OKTA_CLIENT, OKTA_READ_CLIENT, Right};
use crate::exchange::{Call, Reply};
use crate::tokens::Tokens;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const LIFETIME_MAX_S: i64 = 3600;
const READ: &str = "okta.users.read";
const MANAGE: &str = "okta.users.manage";

/// The example of RFC 7517, which guards nothing: its public numbers, and its private one.
const CURVE: (&str, &str, &str) = (
    "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
);

const CURVE_ID: &str = "sandbox-curve";

/// Returns the private key of the service app that reads and writes, as PEM.
pub fn okta_private_key() -> String {
    let mark = |word: &str| format!("-----{word} PRIVATE KEY-----\n");
    [mark("BEGIN").as_str(), KEY, mark("END").as_str()].concat()
}

/// Returns the private key of the service app that only reads, as a JWK.
pub fn okta_read_private_key() -> String {
    let (x, y, d) = CURVE;
    json!({"kty": "EC", "crv": "P-256", "kid": CURVE_ID, "x": x, "y": y, "d": d}).to_string()
}

/// Where service apps get their tokens.
#[derive(Default)]
pub(super) struct Desk {
    pub tokens: Tokens,
    seen: HashSet<String>,
}

impl Desk {
    /// Answers whoever asks for a token.
    pub fn hand_out(&mut self, call: &Call) -> Reply {
        let form = super::form_of(call);
        let word = |key: &str| form.get(key).map(String::as_str).unwrap_or_default();
        if word("grant_type") != "client_credentials" {
            return denied(StatusCode::BAD_REQUEST, "unsupported_grant_type");
        }
        let here = call.url.split('?').next().unwrap_or_default();
        let proven = (word("client_assertion_type") == ASSERTION).then(|| self.proven(word("client_assertion"), here));
        let Some(granted) = proven.flatten() else { return denied(StatusCode::UNAUTHORIZED, "invalid_client") };
        let asked: Vec<&str> = word("scope").split(' ').filter(|scope| !scope.is_empty()).collect();
        if asked.is_empty() || asked.iter().any(|scope| !scope.starts_with("okta.")) {
            return denied(StatusCode::BAD_REQUEST, "invalid_scope");
        }
        let given: Vec<&str> = asked.into_iter().filter(|scope| granted.contains(scope)).collect();
        if !given.contains(&READ) {
            return denied(StatusCode::BAD_REQUEST, "consent_required");
        }
        let right = if given.contains(&MANAGE) { Right::Write } else { Right::Read };
        let (token, seconds) = self.tokens.issue(right, Instant::now());
        let scope = given.join(" ");
        Reply::ok(json!({"token_type": "Bearer", "expires_in": seconds, "access_token": token, "scope": scope}))
    }

    /// Returns the scopes of the app that signed a proof, if nothing is wrong with it.
    fn proven(&mut self, proof: &str, here: &str) -> Option<&'static [&'static str]> {
        let (said, signature) = proof.rsplit_once('.')?;
        let (header, claims) = said.split_once('.')?;
        let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let (header, claims) = (read(header)?, read(claims)?);
        let client = claims["iss"].as_str().filter(|client| claims["sub"] == *client)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let (wanted, key, well, granted) = match client {
            OKTA_CLIENT => ("RS256", "sandbox-okta-key", rsa_signed(said, &signature), [READ, MANAGE].as_slice()),
            OKTA_READ_CLIENT => ("ES256", CURVE_ID, curve_signed(said, &signature), [READ].as_slice()),
            _ => return None,
        };
        let (now_s, until) = (now_ms() / 1000, claims["exp"].as_i64()?);
        let from = claims["iat"].as_i64().unwrap_or(now_s);
        let in_time = from <= now_s + 60 && (now_s + 1..=now_s + LIFETIME_MAX_S).contains(&until);
        // A key need not be named, but a name that is none of the app's is no key.
        let named = header["kid"].is_null() || header["kid"] == key;
        let good = well? && in_time && named && header["alg"] == wanted && claims["aud"] == here;
        let fresh = good && self.seen.insert(claims["jti"].as_str()?.to_owned());
        fresh.then_some(granted)
    }
}

fn rsa_signed(said: &str, signature: &[u8]) -> Option<bool> {
    let der = STANDARD.decode(KEY.split_whitespace().collect::<String>()).ok()?;
    let public = RsaKeyPair::from_pkcs8(&der).ok()?.public_key().as_ref().to_vec();
    Some(UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(said.as_bytes(), signature).is_ok())
}

fn curve_signed(said: &str, signature: &[u8]) -> Option<bool> {
    let number = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let public = [vec![4], number(CURVE.0)?, number(CURVE.1)?].concat();
    Some(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(said.as_bytes(), signature).is_ok())
}

fn denied(status: StatusCode, error: &str) -> Reply {
    Reply::new(status, json!({"error": error, "error_description": "The request was refused."}))
}
