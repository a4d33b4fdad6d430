//! A request and its answer.
//! Connectors build requests and read answers; the governor reads priority, cost and label.
//! Neither shows a secret, a query or a body when it is printed.

use super::credential::Credential;
use super::error::Target;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::Url;

/// Who goes first where a budget is short.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Priority {
    /// Reading.
    #[default]
    Read,
    /// Writing.
    Write,
    /// Keeping out somebody who left.
    Leaver,
}

/// One request.
#[derive(Clone)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// Where.
    pub url: Url,
    /// Headers beside those of the credential.
    pub headers: HeaderMap,
    /// The body, if there is one.
    pub body: Option<Bytes>,
    /// How urgent it is.
    pub priority: Priority,
    /// How many units of the budget it takes, as far as is known before.
    pub cost: u32,
    /// By what a limit for some paths only knows it (`/contacts`); the path of the URL where nothing is said.
    pub label: Option<Arc<str>>,
    /// What proves who we are.
    pub credential: Option<Arc<Credential>>,
    /// By what else than 429 the app says that it was asked too often.
    pub too_many: Option<Arc<[TooMany]>>,
}

/// A refusal for the rate under another status than 429.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TooMany {
    /// The statuses that it comes with.
    pub status: Vec<u16>,
    /// Words, in small letters, one of which is in the body.
    pub says: Vec<String>,
}

/// How much of a body is searched for words.
const SEARCHED_MAX: usize = 64 * 1024;

impl TooMany {
    fn fits(&self, response: &Response) -> bool {
        if !self.status.contains(&response.status.as_u16()) {
            return false;
        }
        let body = &response.body[..response.body.len().min(SEARCHED_MAX)];
        let body = String::from_utf8_lossy(body).to_lowercase();
        self.says.iter().any(|words| body.contains(words.as_str()))
    }
}

impl Request {
    /// Returns a request without headers, body or credential, of the priority that its method suggests.
    pub fn new(method: Method, url: Url) -> Self {
        let priority = if method.is_safe() { Priority::Read } else { Priority::Write };
        let (headers, body) = (HeaderMap::new(), None);
        Self { method, url, headers, body, priority, cost: 1, label: None, credential: None, too_many: None }
    }

    /// Returns a request that reads `url`.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Returns the request with one header more.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Returns the request with a body of this media type.
    pub fn body(mut self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        self.body = Some(body.into());
        self
    }

    /// Returns the request with a credential.
    pub fn credential(mut self, credential: Arc<Credential>) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Returns the request with a priority.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Returns the request with what means, beside 429, that it was asked too often.
    pub fn too_many(mut self, too_many: Arc<[TooMany]>) -> Self {
        self.too_many = Some(too_many);
        self
    }

    /// Tells whether an answer is a refusal for the rate.
    pub fn is_throttled(&self, response: &Response) -> bool {
        response.status == StatusCode::TOO_MANY_REQUESTS
            || self.too_many.iter().flat_map(|all| all.iter()).any(|one| one.fits(response))
    }

    /// Returns the request with a label for limits of some paths.
    pub fn label(mut self, label: impl Into<Arc<str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Returns what may be said of the request in a message.
    pub fn target(&self) -> Target {
        Target::of(&self.method, &self.url)
    }

    /// Returns the label, or the path of the URL.
    pub fn label_or_path(&self) -> &str {
        self.label.as_deref().unwrap_or_else(|| self.url.path())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Request")
            .field("target", &format_args!("{}", self.target()))
            .field("headers", &names)
            .field("body_len", &self.body.as_ref().map(Bytes::len))
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

/// One complete answer.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers; names match in any case.
    pub headers: HeaderMap,
    /// The body, unpacked.
    pub body: Bytes,
    /// How long it took, from asking to the last byte.
    pub elapsed: Duration,
    /// When the head of the answer was there: the request had reached the server by then.
    pub answered_at: Instant,
}

impl Response {
    /// Returns the text of a header, if it has that header once or more and it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status.as_u16())
            .field("body_len", &self.body.len())
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}
