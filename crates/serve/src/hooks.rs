//! `/hooks/{connection}/{secret}`: where apps say that something changed. It is a hint that wakes a read and never a fact: of a
//! message only the ids are read where the app's manifest knows them to lie, as places to look. The secret is a token with the scope `hooks`, in the path since some apps can show nothing else.

use crate::door::Problem;
use axum::Json;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use std::sync::Arc;
use tenure_core::scope::Scope;
use tenure_engine::EngineError;
use tenure_engine::clock::moment_text;
use tenure_engine::hint::hint;
use tenure_engine::house::House;

/// The largest message that is let by.
const BODY_MAX: usize = 1 << 20;
/// By this header an identity provider asks whether the address is ours, and wants to hear its value again.
const CHALLENGE: &str = "x-okta-verification-challenge";
/// The longest value that is said again.
const CHALLENGE_MAX: usize = 512;

pub(crate) fn router(house: Arc<House>) -> Router {
    Router::new().route("/hooks/{connection}/{secret}", get(verify).post(take)).with_state(house)
}

/// Answers whether the address is ours.
async fn verify(
    State(house): State<Arc<House>>,
    Path((connection, secret)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admit(&house, &connection, &secret).await?;
    let value =
        headers.get(CHALLENGE).and_then(|value| value.to_str().ok()).filter(|value| value.len() <= CHALLENGE_MAX);
    Ok(match value {
        Some(value) => Json(json!({ "verification": value })).into_response(),
        None => Json(json!({ "listens": true })).into_response(),
    })
}

/// Takes a hint.
async fn take(
    State(house): State<Arc<House>>,
    Path((connection, secret)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Problem> {
    admit(&house, &connection, &secret).await?;
    let large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a message has {BODY_MAX} bytes at most"));
    let message = to_bytes(body, BODY_MAX).await.map_err(large)?;
    let message = serde_json::from_slice(&message).unwrap_or_default();
    let hinted = hint(&house, &connection, &message).await.map_err(|error| failed(&error))?;
    Ok(Json(json!({ "read_at": moment_text(hinted.at_ms), "accounts": hinted.accounts })).into_response())
}

/// Lets in whoever knows the secret; which connections there are is told to nobody else.
async fn admit(house: &House, connection: &str, secret: &str) -> Result<(), Problem> {
    let unknown = || Problem::new(StatusCode::UNAUTHORIZED, "the secret of the address is not known");
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {secret}").parse().map_err(|_| unknown())?);
    crate::door::admit(house, &headers, &Scope::Hooks).await?;
    house.connection(connection).map(drop).map_err(|error| failed(&error))
}

fn failed(error: &EngineError) -> Problem {
    match error {
        EngineError::Missing(text) => Problem::new(StatusCode::NOT_FOUND, text),
        error => Problem::failed(error),
    }
}
