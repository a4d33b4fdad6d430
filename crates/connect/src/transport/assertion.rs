//! Signed assertions (RFC 7523): who we are, said in a token of our own that a private key signs.
//! The token endpoint is asked with one instead of a client's secret. It knows no app: issuer, subject and key are
//! handed in, and the key never shows.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

const LIFETIME_S: u64 = 3600;

/// Who says what about whom, and the key that signs it.
pub struct Assertion {
    pair: RsaKeyPair,
    /// The id of the key, where its issuer gave it one.
    key_id: Option<String>,
    /// Who signs.
    pub(super) issuer: String,
    /// On whose behalf.
    pub(super) subject: String,
}

impl Assertion {
    /// Reads the key: PKCS#8 in PEM, as vendors hand it out.
    ///
    /// # Errors
    /// The text is no such key; it is not repeated.
    pub fn new(
        key: &SecretString,
        key_id: Option<String>,
        issuer: String,
        subject: String,
    ) -> Result<Self, &'static str> {
        let refused = "the private key is no RSA key in PEM (`-----BEGIN PRIVATE KEY-----`)";
        let text: String =
            key.expose_secret().lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
        let bytes = STANDARD.decode(text).map_err(|_| refused)?;
        let pair = RsaKeyPair::from_pkcs8(&bytes).map_err(|_| refused)?;
        Ok(Self { pair, key_id, issuer, subject })
    }

    /// Returns the signed text for one endpoint, at `now_s` (seconds since 1970).
    pub(super) fn sign(&self, audience: &str, scope: Option<&str>, now_s: u64) -> Result<String, &'static str> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        let claims = json!({
            "iss": self.issuer, "sub": self.subject, "aud": audience, "scope": scope,
            "iat": now_s, "exp": now_s + LIFETIME_S,
        });
        let said = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signature)
            .map_err(|_| "the private key cannot sign")?;
        Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        for text in ["s3cret", "-----BEGIN PRIVATE KEY-----\nczNjcmV0\n-----END PRIVATE KEY-----\n"] {
            let refused = Assertion::new(&text.into(), None, "a@b".into(), "c@d".into()).err().unwrap();
            assert!(refused.contains("PEM") && !refused.contains("s3cret") && !refused.contains("czNj"));
        }
    }
}
