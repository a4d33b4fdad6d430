//! Answers as HTTP: status, body, media type, and the headers that SCIM has for location and version.
//! It is handed values and knows nothing of where they come from.

use axum::Json;
use axum::http::header::{ALLOW, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use tenure_scim::{Method, ScimError};

/// After so many seconds a client is told to ask again where we cannot tell better.
const RETRY_S: u64 = 5;

/// What is answered.
pub(super) struct Answer {
    status: StatusCode,
    body: Option<Value>,
    headers: Vec<(HeaderName, String)>,
}

impl Answer {
    /// Answers with a document.
    pub fn of(document: &impl Serialize) -> Self {
        Self { status: StatusCode::OK, body: serde_json::to_value(document).ok(), headers: Vec::new() }
    }

    /// Answers with nothing but a status.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, body: None, headers: Vec::new() }
    }

    /// Answers with one resource, which says itself where it is and in which version.
    pub fn one(status: StatusCode, whole: &Map<String, Value>, shown: Map<String, Value>) -> Self {
        let meta = |name: &str| whole.get("meta").and_then(|meta| meta.get(name)).and_then(Value::as_str);
        let headers = [(LOCATION, meta("location")), (ETAG, meta("version"))];
        let headers = headers.into_iter().filter_map(|(name, text)| Some((name, text?.to_owned())));
        Self { status, body: Some(Value::Object(shown)), headers: headers.collect() }
    }

    /// Answers that the client has the resource as it is.
    pub fn known(whole: &Map<String, Value>) -> Self {
        Self { body: None, ..Self::one(StatusCode::NOT_MODIFIED, whole, Map::new()) }
    }

    /// Answers that something else can be done there.
    pub fn not_allowed(methods: &[Method]) -> Self {
        let mut named: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
        let because = format!("there, only {} can be done", named.join(", "));
        if methods.contains(&Method::Get) {
            named.push("HEAD");
        }
        let mut answer = Self::refused(ScimError::new(405, because));
        answer.headers.push((ALLOW, named.join(", ")));
        answer
    }

    /// Answers with an error.
    pub fn refused(error: ScimError) -> Self {
        Self::refused_for(error, RETRY_S)
    }

    /// Answers with an error that may be none after so many seconds.
    pub fn refused_for(error: ScimError, retry_s: u64) -> Self {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = Vec::new();
        match error.status {
            401 => headers.push((WWW_AUTHENTICATE, "Bearer realm=\"tenure\"".to_owned())),
            429 | 503 => headers.push((RETRY_AFTER, retry_s.to_string())),
            _ => {}
        }
        Self { status, body: serde_json::to_value(&error).ok(), headers }
    }

    /// Returns the status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Returns the body, where there is one.
    pub fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    pub fn into_response(self, media_type: &'static str) -> Response {
        let mut response = match self.body {
            Some(body) => (self.status, Json(body)).into_response(),
            None => self.status.into_response(),
        };
        let headers = response.headers_mut();
        if headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        for (name, text) in self.headers {
            if let Ok(text) = HeaderValue::from_str(&text) {
                headers.insert(name, text);
            }
        }
        response
    }
}

/// Returns the type in which to answer.
pub(super) fn answer_type(headers: &HeaderMap) -> &'static str {
    tenure_scim::answer_type(header(headers, "accept"))
}

/// Returns a header as a text.
pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
