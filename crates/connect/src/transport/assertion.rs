//! Signed assertions (RFC 7523): who we are, said in a token of our own that a private key signs.
//! The token endpoint is asked with one, on somebody's behalf or in place of a client's secret. It knows no app: issuer,
//! subject and key are handed in, and the key never shows.

use super::key::{SigningKey, unheard_of};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::{Value, json};

/// How long what is said for somebody holds.
const LIFETIME_S: u64 = 3600;
/// How long the proof of a client holds; it is used at once and only once.
const PROOF_S: u64 = 300;

/// Who says what about whom, and the key that signs it.
pub struct Assertion {
    key: SigningKey,
    /// Who signs.
    pub(super) issuer: String,
    /// On whose behalf; the issuer's own for the proof of a client.
    pub(super) subject: String,
    stands_for: StandsFor,
}

/// What an assertion is good for at the token endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StandsFor {
    /// It is what is given for the token.
    Grant,
    /// It stands for the client's secret.
    Secret,
}

impl Assertion {
    /// Returns what is said on somebody's behalf. The key may have an id that its issuer gave it.
    ///
    /// # Errors
    /// The text is no key that can sign; it is not repeated.
    pub fn new(
        key: &SecretString,
        key_id: Option<String>,
        issuer: String,
        subject: String,
    ) -> Result<Self, &'static str> {
        let mut key = SigningKey::read(key)?;
        key.id = key_id.or(key.id);
        Ok(Self { key, issuer, subject, stands_for: StandsFor::Grant })
    }

    /// Returns the proof that we are a client, in place of its secret.
    ///
    /// # Errors
    /// As [`Assertion::new`].
    pub fn of_client(key: &SecretString, key_id: Option<String>, client: String) -> Result<Self, &'static str> {
        let said = Self::new(key, key_id, client.clone(), client)?;
        Ok(Self { stands_for: StandsFor::Secret, ..said })
    }

    /// Returns the fields of the form that asks one endpoint for a token, at `now_s` (seconds since 1970). No two are
    /// alike where the endpoint takes each but once.
    pub(super) fn fields(
        &self,
        audience: &str,
        scope: Option<&str>,
        now_s: u64,
    ) -> Result<Vec<(&'static str, String)>, &'static str> {
        let common = json!({"iss": self.issuer, "sub": self.subject, "aud": audience, "iat": now_s});
        let with = |further: Value| match (common, further) {
            (Value::Object(common), Value::Object(further)) => {
                Value::Object(common.into_iter().chain(further).collect())
            }
            (common, _) => common,
        };
        match self.stands_for {
            StandsFor::Grant => Ok(vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".into()),
                ("assertion", self.sign(&with(json!({"exp": now_s + LIFETIME_S, "scope": scope})))?),
            ]),
            StandsFor::Secret => Ok([
                ("grant_type", "client_credentials".into()),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into()),
                ("client_assertion", self.sign(&with(json!({"exp": now_s + PROOF_S, "jti": unheard_of()?})))?),
            ]
            .into_iter()
            .chain(scope.map(|scope| ("scope", scope.to_owned())))
            .collect()),
        }
    }

    fn sign(&self, claims: &Value) -> Result<String, &'static str> {
        let mut header = json!({"alg": self.key.algorithm(), "typ": "JWT"});
        if let Some(id) = &self.key.id {
            header["kid"] = json!(id);
        }
        let said = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = self.key.sign(said.as_bytes())?;
        Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
