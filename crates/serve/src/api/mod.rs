//! `/api/v1`: everything that the command line does, with the same JSON, for programs.
//! `routes` is the one place that lists the endpoints; the description for programs and the tests are made from it.
//! What is asked and answered is the engine's.

mod request;
mod respond;
mod once;
mod events;
pub mod openapi;
pub mod endpoint;
pub mod reads;
pub mod writes;

use crate::door::{Problem, admit};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use endpoint::Route;
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::scope::Scope;
use tenure_engine::house::House;

pub use axum::http::Method;
pub use url::Url;

/// Where the API begins.
pub const BASE: &str = "/api/v1";

/// Lists every endpoint.
pub fn routes() -> Vec<Route> {
    vec![
        Route::of::<reads::Description>(),
        Route::of::<reads::Connections>(),
        Route::of::<reads::Connection>(),
        Route::of::<reads::Identities>(),
        Route::of::<reads::Accounts>(),
        Route::of::<reads::Grants>(),
        Route::of::<reads::Who>(),
        Route::of::<reads::Why>(),
        Route::of::<reads::Trace>(),
        Route::of::<reads::Findings>(),
        Route::of::<reads::Plans>(),
        Route::of::<reads::Plan>(),
        Route::of::<reads::Runs>(),
        Route::of::<reads::Run>(),
        Route::of::<reads::Journal>(),
        Route::of::<reads::JournalCheck>(),
        Route::of::<reads::Stopped>(),
        Route::of::<reads::Apps>(),
        Route::of::<reads::App>(),
        Route::of::<reads::Doctor>(),
        Route::of::<reads::Jobs>(),
        Route::of::<reads::Job>(),
        Route::of::<reads::Act>(),
        Route::of::<writes::Pull>(),
        Route::of::<writes::PlanNow>(),
        Route::of::<writes::Approve>(),
        Route::of::<writes::Reject>(),
        Route::of::<writes::Apply>(),
        Route::of::<writes::Revert>(),
        Route::of::<writes::Join>(),
        Route::of::<writes::Move>(),
        Route::of::<writes::Leave>(),
        Route::of::<writes::Link>(),
        Route::of::<writes::Unlink>(),
        Route::of::<writes::Exempt>(),
        Route::of::<writes::Stop>(),
        Route::of::<writes::Resume>(),
        Route::of::<reads::TokenList>(),
        Route::of::<writes::TokenCreate>(),
        Route::of::<writes::TokenRevoke>(),
    ]
}

/// Answers everything below `/api/v1`.
pub(crate) fn router(house: Arc<House>) -> Router {
    let mut by_path = BTreeMap::new();
    for route in routes() {
        let served = (route.served)();
        let known = by_path.remove(route.path);
        by_path.insert(
            route.path,
            known.map_or(served.clone(), |known: axum::routing::MethodRouter<_>| known.merge(served)),
        );
    }
    let mut api = Router::new();
    for (path, served) in by_path {
        api = api.route(path, served);
    }
    let api = api.fallback(nowhere).method_not_allowed_fallback(not_so);
    let watched = Router::new().route("/events", get(events::events)).with_state(events::Watched::of(house.clone()));
    Router::new().nest(BASE, api.with_state(house).merge(watched))
}

/// Says that there is nothing, to whoever may look at all.
async fn nowhere(State(house): State<Arc<House>>, headers: HeaderMap) -> Problem {
    match admit(&house, &headers, &Scope::ApiRead).await {
        Ok(_) => Problem::new(StatusCode::NOT_FOUND, "there is nothing here; /api/v1/openapi.json says what there is"),
        Err(problem) => problem,
    }
}

/// Says that a thing cannot be asked in this way, to whoever may look at all.
async fn not_so(State(house): State<Arc<House>>, headers: HeaderMap) -> Problem {
    match admit(&house, &headers, &Scope::ApiRead).await {
        Ok(_) => Problem::new(StatusCode::METHOD_NOT_ALLOWED, "it cannot be asked in this way; `Allow` says how"),
        Err(problem) => problem,
    }
}
