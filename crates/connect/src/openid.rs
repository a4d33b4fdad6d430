//! Speaks to an OpenID provider: its discovery document, its keys, the exchange of a code for tokens, what it says of whoever
//! is signed in. It brings back what was said; whether that is to be believed is not known here.
//! No error holds a code, a token or a secret.

use crate::transport::{Clock, Request, Response, Transport, TransportError, TransportOptions};
use async_recursion::async_recursion as boxed;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Method, header};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::sync::Arc;
use url::Url;

/// The largest answer of a provider that is read.
const BODY_MAX: usize = 512 * 1024;
const KEYS_MAX: usize = 64;

/// Who we are to a provider.
#[derive(Debug)]
pub struct OpenidClient {
    transport: Transport,
    issuer: Url,
    id: String,
    secret: Option<SecretString>,
}

/// What a provider says of itself.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the words of OpenID Connect Discovery")]
pub struct Discovered {
    pub issuer: String,
    #[serde(deserialize_with = "read_url")]
    pub authorization_endpoint: Url,
    #[serde(deserialize_with = "read_url")]
    pub token_endpoint: Url,
    #[serde(deserialize_with = "read_url")]
    pub jwks_uri: Url,
    #[serde(default, deserialize_with = "read_url_or_none")]
    pub userinfo_endpoint: Option<Url>,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    pub scopes_supported: Option<Vec<String>>,
    #[serde(default)]
    pub claims_supported: Option<Vec<String>>,
}

/// A public key of a provider.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the words of JSON Web Keys")]
pub struct Jwk {
    pub kty: String,
    #[serde(default)]
    pub kid: Option<String>,
    #[serde(default)]
    pub alg: Option<String>,
    #[serde(default, rename = "use")]
    pub purpose: Option<String>,
    #[serde(default)]
    pub n: Option<String>,
    #[serde(default)]
    pub e: Option<String>,
    #[serde(default)]
    pub crv: Option<String>,
    #[serde(default)]
    pub x: Option<String>,
    #[serde(default)]
    pub y: Option<String>,
}

/// What a code is exchanged for.
#[derive(Deserialize)]
pub struct Tokens {
    /// Who is signed in, as the provider signed it.
    pub id_token: String,
    /// What opens the provider's further answers about them.
    #[serde(default)]
    pub access_token: Option<String>,
}

/// Why a provider gave no answer that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenidError {
    /// It was not reached, or broke off.
    #[error(transparent)]
    Unreached(Box<TransportError>),
    /// It answered something else.
    #[error("{0}")]
    Answered(String),
}

fn read_url<'de, D: Deserializer<'de>>(text: D) -> Result<Url, D::Error> {
    let text = String::deserialize(text)?;
    Url::parse(&text).map_err(D::Error::custom)
}

fn read_url_or_none<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Url>, D::Error> {
    let text = Option::<String>::deserialize(text)?;
    text.map(|text| Url::parse(&text).map_err(D::Error::custom)).transpose()
}

impl From<TransportError> for OpenidError {
    fn from(error: TransportError) -> Self {
        Self::Unreached(Box::new(error))
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
}

impl OpenidClient {
    /// Returns a client that has asked nothing yet.
    pub fn new(issuer: Url, id: String, secret: Option<SecretString>, clock: Arc<dyn Clock>) -> Self {
        let options = TransportOptions { body_max: BODY_MAX, ..TransportOptions::default() };
        Self { transport: Transport::new(options, clock), issuer, id, secret }
    }

    /// Asks what the provider says of itself.
    ///
    /// # Errors
    /// It cannot be reached, or says nothing that can be read.
    #[boxed]
    pub async fn discover(&self) -> Result<Discovered, OpenidError> {
        let mut url = self.issuer.clone();
        url.set_path(&format!("{}/.well-known/openid-configuration", self.issuer.path().trim_end_matches('/')));
        self.get(url, None, "its discovery document").await
    }

    /// Asks for the provider's keys. One that cannot be read is left out.
    ///
    /// # Errors
    /// As [`OpenidClient::discover`].
    #[boxed]
    pub async fn keys(&self, discovered: &Discovered) -> Result<Vec<Jwk>, OpenidError> {
        let set: KeySet = self.get(discovered.jwks_uri.clone(), None, "its keys").await?;
        let keys = set.keys.into_iter().take(KEYS_MAX);
        Ok(keys.filter_map(|key| serde_json::from_value(key).ok()).collect())
    }

    /// Exchanges a code.
    ///
    /// # Errors
    /// The provider refuses it, or as [`OpenidClient::discover`].
    pub async fn exchange(
        &self,
        discovered: &Discovered,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<Tokens, OpenidError> {
        let ask = self.ask(discovered, code, verifier, redirect_uri)?;
        read(&self.transport.send(&ask).await?, "the exchange of the code")
    }

    fn ask(
        &self,
        discovered: &Discovered,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<Request, OpenidError> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code");
        form.append_pair("code", code);
        form.append_pair("code_verifier", verifier);
        form.append_pair("redirect_uri", redirect_uri);
        let mut ask = Request::new(Method::POST, discovered.token_endpoint.clone());
        match &self.secret {
            Some(secret) if discovered.takes_basic() => {
                let value = self.basic(secret).ok_or_else(|| answered("the client's secret cannot be sent"))?;
                ask = ask.header(header::AUTHORIZATION, value);
            }
            Some(secret) => {
                form.append_pair("client_id", &self.id);
                form.append_pair("client_secret", secret.expose_secret());
            }
            None => {
                form.append_pair("client_id", &self.id);
            }
        }
        Ok(ask
            .body("application/x-www-form-urlencoded", form.finish())
            .header(header::ACCEPT, HeaderValue::from_static("application/json")))
    }

    /// Asks what the provider says of whoever is signed in.
    ///
    /// # Errors
    /// As [`OpenidClient::discover`].
    pub async fn told_of(&self, endpoint: &Url, token: &str) -> Result<Map<String, Value>, OpenidError> {
        self.get(endpoint.clone(), Some(token), "what it says of them").await
    }

    async fn get<T: DeserializeOwned>(&self, url: Url, token: Option<&str>, what: &str) -> Result<T, OpenidError> {
        let mut ask = Request::get(url).header(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = token {
            let value = secret_header(&format!("Bearer {token}"));
            ask = ask.header(header::AUTHORIZATION, value.ok_or_else(|| answered("its token cannot be sent"))?);
        }
        read(&self.transport.send(&ask).await?, what)
    }

    /// RFC 6749 wants both parts encoded as in a form before they are joined.
    fn basic(&self, secret: &SecretString) -> Option<HeaderValue> {
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(&self.id), encode(secret.expose_secret()));
        secret_header(&format!("Basic {}", STANDARD.encode(pair)))
    }
}

impl Discovered {
    /// Tells whether the client's secret goes into a header; a provider that says nothing takes it there.
    fn takes_basic(&self) -> bool {
        let basic = |methods: &Vec<String>| methods.iter().any(|method| method == "client_secret_basic");
        self.token_endpoint_auth_methods_supported.as_ref().is_none_or(basic)
    }
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn answered(says: &str) -> OpenidError {
    OpenidError::Answered(says.to_owned())
}

fn read<T: DeserializeOwned>(response: &Response, what: &str) -> Result<T, OpenidError> {
    if !response.status.is_success() {
        let word = serde_json::from_slice::<Denied>(&response.body).ok().map(|denied| denied.error);
        let plain = |word: &String| word.len() <= 40 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let word = word.filter(plain).map(|word| format!(" ({word})")).unwrap_or_default();
        return Err(OpenidError::Answered(format!("{what}: it answered {}{word}", response.status.as_u16())));
    }
    // The cause may quote what was read, so it is not told.
    serde_json::from_slice(&response.body)
        .map_err(|_| OpenidError::Answered(format!("{what}: the answer is not what OpenID Connect asks for")))
}
