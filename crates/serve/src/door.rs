//! Who is let in: the bearer of a token that is good and permits what is asked. Everybody else is told why not, as a
//! problem of RFC 9457, in words that say nothing of what is behind the door.
//! Endpoints ask here first. What a token permits is the engine's to say.

use axum::Json;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tenure_core::scope::Scope;
use tenure_engine::house::House;
use tenure_engine::token::{Bearer, Denied, authenticate};

/// Why a request is not answered as it was meant.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    field: Option<String>,
}

impl Problem {
    /// Says what is wrong with a request.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None }
    }

    /// Names the field that is wrong.
    pub(crate) fn at(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// Says that something of ours failed; the cause goes to the log.
    pub(crate) fn failed(error: &dyn std::error::Error) -> Self {
        tracing::warn!(%error, "a request failed");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the store could not be asked; the log says why")
    }

    /// Returns status and sentence, for doors that say it in a form of their own.
    pub(crate) fn into_parts(self) -> (StatusCode, String) {
        (self.status, self.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or_default();
        let mut body =
            json!({ "type": "about:blank", "title": title, "status": self.status.as_u16(), "detail": self.detail });
        if let Some(field) = self.field {
            body["field"] = field.into();
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, "application/problem+json".parse().expect("a media type"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, "Bearer realm=\"tenure\"".parse().expect("a challenge"));
        }
        response
    }
}

/// Lets the bearer of a token in, if it permits what is needed.
///
/// # Errors
/// Why not, to be answered.
pub(crate) async fn admit(house: &House, headers: &HeaderMap, needed: &Scope) -> Result<Bearer, Problem> {
    let credential = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let credential = credential.and_then(|text| text.split_once(' '));
    let credential = credential.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, credential)) = credential else {
        let detail = "a token is needed: Authorization: Bearer …; `tenure token create` makes one";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, detail));
    };
    authenticate(house, credential.trim(), needed).await.map_err(|denied| match &denied {
        Denied::Store(error) => Problem::failed(error),
        Denied::Scope { .. } => Problem::new(StatusCode::FORBIDDEN, denied.to_string()),
        Denied::Unknown | Denied::Expired { .. } | Denied::Revoked => {
            Problem::new(StatusCode::UNAUTHORIZED, denied.to_string())
        }
    })
}
