//! The exchange itself: checks that a request may be sent, sends it, reads the answer within its bounds.
//! Requests come from connectors and the governor; the connections that stay open are kept here.
//! It repeats nothing, except once after a 401 with a renewed access token.

use super::carrier::{Carrier, Lost};
use super::clock::Clock;
use super::credential::Credential;
use super::error::{TransportError, host_and_port};
use super::oauth::Token;
use super::options::{HttpPolicy, TransportOptions};
use super::request::{Request, Response};
use async_recursion::async_recursion as boxed;
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use std::error::Error;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use url::{Host, Url};

const HEADERS_MAX: usize = 128;
const HEADER_LIST_MAX: u32 = 64 * 1024;
const IDLE_KEPT: Duration = Duration::from_secs(15);
const IDLE_CONNECTIONS_MAX: usize = 32;
const BODY_START: usize = 64 * 1024;

/// Something that answers requests: the real transport, or a world made for a test.
pub trait Wire: Send + Sync {
    /// Sends one request and returns its complete answer.
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>>;
}

/// Sends requests over HTTP.
#[derive(Debug)]
pub struct Transport {
    options: TransportOptions,
    clock: Arc<dyn Clock>,
    carrier: Option<Arc<dyn Carrier>>,
    /// For `http://` on this machine: no proxy, and no certificates to load.
    nearby: OnceLock<reqwest::Client>,
    outside: OnceLock<reqwest::Client>,
}

impl Wire for Transport {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(self.send(request))
    }
}

impl Transport {
    /// Returns a transport that has not connected to anything yet.
    pub fn new(options: TransportOptions, clock: Arc<dyn Clock>) -> Self {
        Self { options, clock, carrier: None, nearby: OnceLock::new(), outside: OnceLock::new() }
    }

    /// Lets requests be carried by something else than the network.
    pub fn carried_by(mut self, carrier: Option<Arc<dyn Carrier>>) -> Self {
        self.carrier = carrier;
        self
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Sends one request and returns its complete answer, whatever its status, redirects excepted.
    ///
    /// # Errors
    /// The request was not sent, or its answer is not complete, too large or a redirect. Each error tells whether
    /// the server may have done what was asked.
    #[boxed]
    pub async fn send(&self, request: &Request) -> Result<Response, TransportError> {
        self.check(request)?;
        let Some(Credential::OAuthClientCredentials(client)) = request.credential.as_deref() else {
            return self.exchange(request, None).await;
        };
        let token = client.token(self, request, None).await?;
        let response = self.exchange(request, Some(&token)).await?;
        if response.status != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let renewed = client.token(self, request, Some(&token)).await?;
        self.exchange(request, Some(&renewed)).await
    }

    /// Sends a request without fetching tokens.
    pub(super) async fn exchange(&self, request: &Request, token: Option<&Token>) -> Result<Response, TransportError> {
        self.check(request)?;
        let outgoing = self.outgoing(request, token)?;
        if let Some(carrier) = &self.carrier {
            return self.carry(&**carrier, request, outgoing).await;
        }
        let client = self.client(&request.url).map_err(|because| not_sent(request, because))?;
        let started = self.clock.now();
        let timeouts = self.options.timeouts;
        let waited = timeouts.connect + timeouts.head;
        let incoming = tokio::time::timeout(waited, client.execute(outgoing))
            .await
            .map_err(|_| stalled(request, waited))?
            .map_err(|error| sending_failed(request, error))?;
        let answered_at = self.clock.now();
        let status = incoming.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(redirect(request, status, incoming.headers()));
        }
        let headers = incoming.headers().clone();
        let body = self.read(request, incoming, started).await?;
        let elapsed = self.clock.now().saturating_duration_since(started);
        Ok(Response { status, headers, body, elapsed, answered_at })
    }

    /// Sends a request by the carrier, within the same bounds.
    async fn carry(
        &self,
        carrier: &dyn Carrier,
        request: &Request,
        outgoing: reqwest::Request,
    ) -> Result<Response, TransportError> {
        let outgoing = http::Request::try_from(outgoing).map_err(|error| not_sent(request, root(&error)))?;
        let outgoing = outgoing.map(|body| body.as_bytes().map(Bytes::copy_from_slice).unwrap_or_default());
        let started = self.clock.now();
        let waited = self.options.timeouts.head;
        let carried = tokio::time::timeout(waited, carrier.carry(outgoing)).await;
        let (parts, body) = match carried.map_err(|_| stalled(request, waited))? {
            Ok(answer) => answer.into_parts(),
            Err(Lost::NotSent) => return Err(not_sent(request, "connection refused".into())),
            Err(Lost::Ambiguous) => return Err(ambiguous(request, "the connection was reset".into())),
        };
        if parts.status.is_redirection() && parts.status != StatusCode::NOT_MODIFIED {
            return Err(redirect(request, parts.status, &parts.headers));
        }
        if body.len() > self.options.body_max {
            return Err(TransportError::TooLarge { target: request.target(), max: self.options.body_max });
        }
        let answered_at = self.clock.now();
        let elapsed = answered_at.saturating_duration_since(started);
        Ok(Response { status: parts.status, headers: parts.headers, body, elapsed, answered_at })
    }

    /// Refuses what would not be safe to send.
    fn check(&self, request: &Request) -> Result<(), TransportError> {
        let insecure = |because: String| TransportError::Insecure { target: request.target(), because };
        match request.url.scheme() {
            "https" => {}
            "http" if is_loopback(&request.url) || self.options.allow_http == HttpPolicy::Anywhere => {}
            "http" => return Err(insecure("plain http is accepted for loopback addresses only (allow_http)".into())),
            other => return Err(insecure(format!("{other}: is not spoken here, only https"))),
        }
        if !request.url.username().is_empty() || request.url.password().is_some() {
            return Err(insecure("the url carries a credential, which belongs into the secrets".into()));
        }
        let allowed = &self.options.credential_hosts;
        let host = host_and_port(&request.url);
        if request.credential.is_some()
            && !allowed.is_empty()
            && !allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&host))
        {
            return Err(insecure(format!("the credential is not for {host}")));
        }
        Ok(())
    }

    fn outgoing(&self, request: &Request, token: Option<&Token>) -> Result<reqwest::Request, TransportError> {
        let mut outgoing = reqwest::Request::new(request.method.clone(), request.url.clone());
        outgoing.headers_mut().clone_from(&request.headers);
        outgoing.headers_mut().remove(http::header::ACCEPT_ENCODING);
        if let Some(credential) = &request.credential {
            let (name, value) = credential
                .header(token.map(|token| &token.value))
                .map_err(|because| TransportError::Insecure { target: request.target(), because: because.into() })?;
            outgoing.headers_mut().insert(name, value);
        }
        *outgoing.body_mut() = request.body.clone().map(reqwest::Body::from);
        Ok(outgoing)
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client, String> {
        let nearby = url.scheme() == "http" && is_loopback(url);
        let place = if nearby { &self.nearby } else { &self.outside };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        // Several providers are no error: the first one that is installed serves all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(&self.options.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.options.timeouts.connect)
            .pool_idle_timeout(IDLE_KEPT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .http1_max_headers(HEADERS_MAX)
            .http2_max_header_list_size(HEADER_LIST_MAX);
        if nearby {
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| format!("the HTTP client cannot be built: {}", root(&error)))?;
        Ok(place.get_or_init(|| client))
    }

    /// Reads the body within size and time.
    async fn read(
        &self,
        request: &Request,
        mut incoming: reqwest::Response,
        started: Instant,
    ) -> Result<Bytes, TransportError> {
        let max = self.options.body_max;
        let too_large = || TransportError::TooLarge { target: request.target(), max };
        let announced = incoming.content_length();
        if request.method != http::Method::HEAD && announced.is_some_and(|length| length > max as u64) {
            return Err(too_large());
        }
        let mut first: Option<Bytes> = None;
        let mut whole = BytesMut::new();
        loop {
            let left = self.options.timeouts.whole.saturating_sub(self.clock.now().saturating_duration_since(started));
            let chunk = within(left.min(self.options.timeouts.idle), incoming.chunk())
                .await
                .map_err(|late| ambiguous(request, late))?
                .map_err(|error| reading_failed(request, &error))?;
            let Some(chunk) = chunk else { break };
            let before = first.as_ref().map_or(whole.len(), Bytes::len);
            if before.saturating_add(chunk.len()) > max {
                return Err(too_large());
            }
            match first.take() {
                None if whole.is_empty() => first = Some(chunk),
                earlier => {
                    if let Some(earlier) = earlier {
                        whole.reserve(announced.map_or(BODY_START, |length| length as usize).max(BODY_START));
                        whole.extend_from_slice(&earlier);
                    }
                    whole.extend_from_slice(&chunk);
                }
            }
        }
        Ok(first.unwrap_or_else(|| whole.freeze()))
    }
}

/// Awaits `work` for at most `limit`, and says how long it waited in vain.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, String> {
    tokio::time::timeout(limit, work).await.map_err(|_| format!("nothing came for {:.1} s", limit.as_secs_f64()))
}

/// Tells whether an address is of this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn not_sent(request: &Request, because: String) -> TransportError {
    TransportError::NotSent { target: request.target(), because }
}

fn ambiguous(request: &Request, because: String) -> TransportError {
    TransportError::Ambiguous { target: request.target(), because }
}

fn stalled(request: &Request, waited: Duration) -> TransportError {
    TransportError::Stalled { target: request.target(), waited }
}

/// Only an error of connecting proves that nothing was sent.
fn sending_failed(request: &Request, error: reqwest::Error) -> TransportError {
    if error.is_builder() {
        return not_sent(request, format!("the request cannot be built: {}", root(&error)));
    }
    if !error.is_connect() {
        return ambiguous(request, root(&error));
    }
    let because = if error.is_timeout() { "no connection in time".into() } else { root(&error) };
    not_sent(request, because)
}

fn reading_failed(request: &Request, error: &reqwest::Error) -> TransportError {
    let what = "the answer broke off or cannot be unpacked";
    ambiguous(request, format!("{what}: {}", root(error)))
}

/// Returns the text of the innermost cause; outer ones repeat the address.
fn root(error: &dyn Error) -> String {
    let mut innermost = error;
    for _ in 0..16 {
        match innermost.source() {
            Some(source) => innermost = source,
            None => break,
        }
    }
    innermost.to_string().chars().take(200).collect()
}

fn redirect(request: &Request, status: StatusCode, headers: &HeaderMap) -> TransportError {
    let to_host = headers
        .get(http::header::LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| request.url.join(location).ok())
        .map_or_else(|| "an address that cannot be read".into(), |url| host_and_port(&url));
    TransportError::Redirect { target: request.target(), status, to_host }
}
