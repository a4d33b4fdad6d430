//! A request as an imitation sees it, and its answer before it becomes HTTP. Both are plain values, so that the
//! imitations are ordinary functions without a socket. Faults are played on either side of them, not in here.

use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{Surface, scim};

/// An authorised request to one vendor.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub method: Method,
    pub surface: Surface,
    /// The address as the client sees it, query and all.
    pub url: String,
    /// What follows the vendor's prefix, split at the slashes.
    pub segments: Vec<String>,
    pub query: Vec<(String, String)>,
    pub json_declared: bool,
    pub scim_declared: bool,
    pub body: Bytes,
}

/// Why a body could not be read as a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    NotDeclaredJson,
    NotAnObject,
}

impl Call {
    /// Returns the first value of a query parameter.
    pub fn query(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Says whether the call may change anything; a POST to a path that ends in `list` only looks.
    pub fn is_write(&self) -> bool {
        match self.method {
            Method::GET | Method::HEAD => false,
            Method::POST => self.segments.last().is_none_or(|last| last != "list"),
            _ => true,
        }
    }

    /// Says whether the call erases somebody for good.
    pub fn forgets(&self) -> bool {
        self.method == Method::DELETE && self.segments.last().is_some_and(|last| last == "forget")
    }

    /// Returns the path as borrowed pieces, to match on.
    pub fn path(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    pub fn object(&self) -> Result<Map<String, Value>, BodyError> {
        match self.json()? {
            Value::Object(object) => Ok(object),
            _ => Err(BodyError::NotAnObject),
        }
    }

    /// Reads a body that need not be an object.
    pub fn json(&self) -> Result<Value, BodyError> {
        if !self.json_declared {
            return Err(BodyError::NotDeclaredJson);
        }
        serde_json::from_slice(&self.body).map_err(|_| BodyError::NotAnObject)
    }

    /// Reads the body, where an empty one is allowed.
    pub fn object_or_empty(&self) -> Result<Map<String, Value>, BodyError> {
        if self.body.is_empty() { Ok(Map::new()) } else { self.object() }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Option<Value>,
}

impl Reply {
    pub fn new(status: StatusCode, body: Value) -> Self {
        Reply { status, headers: Vec::new(), body: Some(body) }
    }

    pub fn ok(body: Value) -> Self {
        Reply::new(StatusCode::OK, body)
    }

    pub fn created(body: Value) -> Self {
        Reply::new(StatusCode::CREATED, body)
    }

    pub fn no_content() -> Self {
        Reply { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: None }
    }

    /// Declares the body as SCIM.
    pub fn typed(self) -> Self {
        if self.body.is_some() { self.header("content-type", scim::TYPE) } else { self }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }
}
