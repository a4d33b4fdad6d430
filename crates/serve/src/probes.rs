//! What a supervisor asks: whether the process lives, and whether it should be sent work.
//! The second is told to the bearer of a token: it says something of the store.

use crate::door::{Problem, admit};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tenure_core::scope::Scope;
use tenure_engine::house::House;

/// A store that takes longer to answer is not ready.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// `GET /healthz`: the process lives.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the store can be reached and has the shape that this program knows, and the process is not about to
/// end.
pub(crate) async fn readyz(
    State(house): State<Arc<House>>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), Problem> {
    // Who asks is in the store as well: one that does not answer must not keep them waiting.
    let Ok(admitted) = tokio::time::timeout(ANSWERS_WITHIN, admit(&house, &headers, &Scope::ApiRead)).await else {
        return Ok(unready(silent()));
    };
    admitted?;
    Ok(match obstacle(&house).await {
        None => (StatusCode::OK, Json(json!({ "ready": true }))),
        Some(because) => unready(because),
    })
}

fn unready(because: String) -> (StatusCode, Json<Value>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false, "because": because })))
}

fn silent() -> String {
    format!("the store did not answer within {} s", ANSWERS_WITHIN.as_secs())
}

async fn obstacle(house: &House) -> Option<String> {
    if house.drain.has_begun() {
        return Some("the process is about to end".into());
    }
    match tokio::time::timeout(ANSWERS_WITHIN, house.store.shape()).await {
        Err(_) => Some(silent()),
        Ok(Err(error)) => Some(error.to_string()),
        Ok(Ok(shape)) if shape.found != shape.known => {
            Some(format!("the store has shape {}, this program knows {}", shape.found, shape.known))
        }
        Ok(Ok(_)) => None,
    }
}
