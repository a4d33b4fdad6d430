//! `GET /metrics`: what an alert needs, as text for Prometheus, for the bearer of a token with `api:read`.
//! What is measured is the engine's to say; here it is asked for and remembered between two looks.

use crate::door::{Problem, admit};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use tenure_core::scope::Scope;
use tenure_engine::house::House;
use tenure_engine::metrics::Metrics;

/// A house, and what its metrics remember.
pub(crate) struct Measured {
    house: Arc<House>,
    metrics: Metrics,
}

impl Measured {
    pub(crate) fn of(house: Arc<House>) -> Self {
        Self { house, metrics: Metrics::default() }
    }
}

pub(crate) async fn metrics(State(measured): State<Arc<Measured>>, headers: HeaderMap) -> Result<Response, Problem> {
    admit(&measured.house, &headers, &Scope::ApiRead).await?;
    let text = measured.metrics.text(&measured.house).await.map_err(|error| Problem::failed(&error))?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
