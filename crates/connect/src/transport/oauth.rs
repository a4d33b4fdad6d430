//! OAuth 2 client credentials, by a secret or a signed assertion: one token per credential, kept until shortly before it ends,
//! fetched by one asker.
//! The transport asks for a token before a request and for a fresh one after a 401; the token endpoint is asked
//! through the same transport, without a credential of its own in the way.
//! A keeper, where there is one, shares the token with other processes.
//! It knows no app: endpoint, scope and the form of the client's proof are handed in.

use super::assertion::Assertion;
use super::credential::basic;
use super::error::{TransportError, host_and_port};
use super::exchange::Transport;
use super::request::{Request, Response};
use futures::future::BoxFuture;
use http::{HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, UNIX_EPOCH};
use tokio::sync::Mutex;
use url::Url;

const LIFETIME_DEFAULT: Duration = Duration::from_secs(300);
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 3600);
const EARLY_MAX: Duration = Duration::from_secs(60);

/// Who we are to a token endpoint, and the token that it gave.
pub struct ClientCredentials {
    token_url: Box<Url>,
    id: SecretString,
    secret: SecretString,
    scope: Option<String>,
    style: ClientStyle,
    /// What is signed instead of a secret that is shown.
    assertion: Option<Box<Assertion>>,
    token: Mutex<Option<Token>>,
    keeper: OnceLock<Arc<dyn TokenKeeper>>,
}

/// A token as it is shared between processes.
#[derive(Clone, Debug)]
pub struct KeptToken {
    /// The token.
    pub value: SecretString,
    /// Until when it is used (milliseconds since 1970, UTC).
    pub until_ms: i64,
    /// Which credentials it was given for: others must not use it.
    pub of: u64,
}

/// Shares tokens with other processes. What it cannot keep or find is fetched anew: it never fails.
pub trait TokenKeeper: Send + Sync {
    /// Returns the token that was kept last.
    fn load(&self) -> BoxFuture<'_, Option<KeptToken>>;
    /// Keeps a token.
    fn keep(&self, token: KeptToken) -> BoxFuture<'_, ()>;
}

/// How the client proves itself at the token endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientStyle {
    /// Id and secret as HTTP Basic.
    Basic,
    /// Id and secret in the form.
    Form,
}

#[derive(Clone)]
pub(super) struct Token {
    pub value: SecretString,
    fresh_until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
}

impl ClientCredentials {
    /// Returns credentials without a token yet.
    pub fn new(
        token_url: Url,
        id: SecretString,
        secret: SecretString,
        scope: Option<String>,
        style: ClientStyle,
    ) -> Self {
        let (token, keeper) = (Mutex::new(None), OnceLock::new());
        Self { token_url: Box::new(token_url), id, secret, scope, style, assertion: None, token, keeper }
    }

    /// Returns credentials that are shown by a signed assertion, without a token yet.
    pub fn signed(token_url: Url, assertion: Assertion, scope: Option<String>) -> Self {
        let (id, secret) = (assertion.issuer.clone().into(), assertion.subject.clone().into());
        let plain = Self::new(token_url, id, secret, scope, ClientStyle::Form);
        Self { assertion: Some(Box::new(assertion)), ..plain }
    }

    /// Shares tokens through `keeper` from now on; a second one is not listened to.
    pub fn keep_with(&self, keeper: Arc<dyn TokenKeeper>) {
        let _ = self.keeper.set(keeper);
    }

    /// Returns a token that is still good, fetching one where needed. Where several ask, one fetches.
    /// `refused` is a token that the app did not accept.
    pub(super) async fn token(
        &self,
        transport: &Transport,
        request: &Request,
        refused: Option<&Token>,
    ) -> Result<Token, TransportError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref() {
            let was_refused =
                refused.is_some_and(|refused| refused.value.expose_secret() == token.value.expose_secret());
            if !was_refused && transport.clock().now() < token.fresh_until {
                return Ok(token.clone());
            }
        }
        *kept = None;
        let token = match self.shared(transport, refused).await {
            Some(token) => token,
            None => self.fetch_and_share(transport, request).await?,
        };
        *kept = Some(token.clone());
        Ok(token)
    }

    /// Returns the token that another process shares, if it is ours to use and was not refused.
    async fn shared(&self, transport: &Transport, refused: Option<&Token>) -> Option<Token> {
        let kept = self.keeper.get()?.load().await?;
        let was_refused = refused.is_some_and(|refused| refused.value.expose_secret() == kept.value.expose_secret());
        let left_ms = kept.until_ms.saturating_sub(wall_ms(transport));
        let left = Duration::from_millis(u64::try_from(left_ms).ok().filter(|left| *left > 0)?);
        let good = kept.of == self.mark() && !was_refused;
        good.then(|| Token { value: kept.value, fresh_until: transport.clock().now() + left.min(LIFETIME_MAX) })
    }

    async fn fetch_and_share(&self, transport: &Transport, request: &Request) -> Result<Token, TransportError> {
        let token = self.fetch(transport, request).await?;
        if let Some(keeper) = self.keeper.get() {
            let left = token.fresh_until.saturating_duration_since(transport.clock().now());
            let until_ms = wall_ms(transport).saturating_add(i64::try_from(left.as_millis()).unwrap_or(i64::MAX));
            keeper.keep(KeptToken { value: token.value.clone(), until_ms, of: self.mark() }).await;
        }
        Ok(token)
    }

    /// Tells these credentials from others.
    fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let (id, secret) = (self.id.expose_secret(), self.secret.expose_secret());
        (self.token_url.as_str(), id, secret, &self.scope).hash(&mut hasher);
        hasher.finish()
    }

    async fn fetch(&self, transport: &Transport, request: &Request) -> Result<Token, TransportError> {
        let fail = |because: String, wait_may_help: bool| TransportError::Credential {
            target: request.target(),
            token_host: host_and_port(&self.token_url),
            because,
            wait_may_help,
        };
        let ask = self.ask(transport).map_err(|because| fail(because.to_owned(), false))?;
        let asked_at = transport.clock().now();
        let response =
            transport.exchange(&ask, None).await.map_err(|error| fail(error.to_string(), error.wait_may_help()))?;
        if !response.status.is_success() {
            let status = response.status;
            let wait_may_help = status.is_server_error() || status.as_u16() == 429;
            return Err(fail(format!("it answered {}{}", status.as_u16(), denied(&response)), wait_may_help));
        }
        let granted: Granted = serde_json::from_slice(&response.body)
            .map_err(|_| fail("its answer has no `access_token`".into(), false))?;
        Ok(Token {
            fresh_until: fresh_until(asked_at, granted.expires_in.as_ref()),
            value: granted.access_token.into(),
        })
    }

    fn ask(&self, transport: &Transport) -> Result<Request, &'static str> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        if let Some(assertion) = &self.assertion {
            let now_s = u64::try_from(wall_ms(transport) / 1000).unwrap_or_default();
            form.extend_pairs(assertion.fields(self.token_url.as_str(), self.scope.as_deref(), now_s)?);
            return Ok(self.ask_with(form.finish()));
        }
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        if self.style == ClientStyle::Form {
            form.append_pair("client_id", self.id.expose_secret());
            form.append_pair("client_secret", self.secret.expose_secret());
        }
        let mut ask = self.ask_with(form.finish());
        if self.style == ClientStyle::Basic {
            ask.headers.insert(http::header::AUTHORIZATION, basic(&self.id, &self.secret)?);
        }
        Ok(ask)
    }

    fn ask_with(&self, form: String) -> Request {
        Request::new(Method::POST, Url::clone(&self.token_url))
            .body("application/x-www-form-urlencoded", form)
            .header(http::header::ACCEPT, HeaderValue::from_static("application/json"))
    }
}

fn wall_ms(transport: &Transport) -> i64 {
    let wall = transport.clock().wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)
}

/// Returns until when a token is used: a tenth of its life, at most a minute, before it ends.
fn fresh_until(asked_at: Instant, expires_in: Option<&serde_json::Value>) -> Instant {
    let seconds = expires_in.and_then(|value| match value {
        serde_json::Value::String(text) => text.trim().parse::<f64>().ok(),
        other => other.as_f64(),
    });
    let lifetime = seconds
        .filter(|seconds| seconds.is_finite() && *seconds > 0.0)
        .map_or(LIFETIME_DEFAULT, |seconds| Duration::from_secs_f64(seconds.min(LIFETIME_MAX.as_secs_f64())));
    asked_at + lifetime - (lifetime / 10).min(EARLY_MAX)
}

/// Returns the endpoint's own word for the refusal, where it is one of OAuth's plain words.
fn denied(response: &Response) -> String {
    serde_json::from_slice::<Denied>(&response.body)
        .ok()
        .map(|denied| denied.error)
        .filter(|word| word.len() <= 40 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .map_or_else(String::new, |word| format!(" ({word})"))
}
