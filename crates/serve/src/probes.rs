//! What a supervisor asks: whether the process lives, and whether it should be sent work.
//! The second is told to the same machine only: it says something of the store.

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
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
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
) -> (StatusCode, Json<Value>) {
    if !peer.ip().to_canonical().is_loopback() {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "because": "this is told to the same machine only" })));
    }
    match obstacle(&house).await {
        None => (StatusCode::OK, Json(json!({ "ready": true }))),
        Some(because) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false, "because": because }))),
    }
}

async fn obstacle(house: &House) -> Option<String> {
    if house.drain.has_begun() {
        return Some("the process is about to end".into());
    }
    match tokio::time::timeout(ANSWERS_WITHIN, house.store.shape()).await {
        Err(_) => Some(format!("the store did not answer within {} s", ANSWERS_WITHIN.as_secs())),
        Ok(Err(error)) => Some(error.to_string()),
        Ok(Ok(shape)) if shape.found != shape.known => {
            Some(format!("the store has shape {}, this program knows {}", shape.found, shape.known))
        }
        Ok(Ok(_)) => None,
    }
}
