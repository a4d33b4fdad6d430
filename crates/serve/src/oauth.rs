//! `/oauth/token`: where a client changes its id and secret for an access token (RFC 6749 §4.4), for identity providers that
//! speak SCIM no other way. The secret is a token of ours; it comes in the body or as Basic, and never in an address.
//! What an access token permits is the engine's to say.

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tenure_engine::house::House;
use tenure_engine::oauth::exchange;
use tenure_engine::token::{Denied, reveal};

/// How large a request may be.
const BODY_MAX: usize = 16 << 10;

#[derive(Deserialize, Default)]
struct Asked {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// Why no token is given: the word of RFC 6749 §5.2, and a sentence.
struct Refused(StatusCode, &'static str, String);

pub(crate) fn router(house: Arc<House>) -> Router {
    Router::new().route("/oauth/token", post(token)).with_state(house)
}

async fn token(State(house): State<Arc<House>>, request: Request<Body>) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let wrong = |text: &str| Refused(StatusCode::BAD_REQUEST, "invalid_request", text.to_owned());
    let body = to_bytes(body, BODY_MAX).await.map_err(|_| wrong("the request is too large"))?;
    let asked: Asked = serde_urlencoded::from_bytes(&body)
        .map_err(|_| wrong("send grant_type, client_id and client_secret as a form"))?;
    match asked.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            let because = "only client_credentials is known here".to_owned();
            return Err(Refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", because));
        }
        None => return Err(wrong("grant_type is missing")),
    }
    let unknown = |text: String| Refused(StatusCode::UNAUTHORIZED, "invalid_client", text);
    let client = basic(&head.headers).or_else(|| asked.client_id.zip(asked.client_secret));
    let (id, secret) = client.ok_or_else(|| unknown("the client's id and secret are needed".into()))?;
    let access = exchange(&house, &id, &secret).await.map_err(|denied| match &denied {
        Denied::Store(error) => {
            tracing::warn!(%error, "a request failed");
            Refused(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "the store could not be asked".into())
        }
        Denied::Unknown => unknown("the client is not known by this id and secret".into()),
        Denied::Expired { .. } | Denied::Revoked | Denied::Scope { .. } => unknown(denied.to_string()),
    })?;
    let answer = json!({
        "access_token": reveal(&access.credential), "token_type": "Bearer", "expires_in": access.lasts_s,
        "scope": access.scopes.join(" "),
    });
    Ok(uncached(Json(answer).into_response()))
}

/// Reads the id and the secret of the header, each of which is written as in a form.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, given) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let given = STANDARD.decode(given.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (id, secret) = std::str::from_utf8(&given).ok()?.split_once(':')?;
    let plain = |text: &str| serde_urlencoded::from_str::<Vec<(String, String)>>(text).ok()?.pop().map(|pair| pair.0);
    Some((plain(id)?, plain(secret)?))
}

fn uncached(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, "no-store".parse().expect("a directive"));
    headers.insert(PRAGMA, "no-cache".parse().expect("a directive"));
    response
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, error, because) = self;
        let mut response = (status, Json(json!({ "error": error, "error_description": because }))).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = "Basic realm=\"tenure\"".parse().expect("a challenge");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        uncached(response)
    }
}
