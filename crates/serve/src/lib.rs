//! Answers HTTP for the daemon: reads go to the store, acts go through the engine.
//! `router` is the one place that lists what is answered; each endpoint is a file of its own.
//! It runs no work itself: a worker of the engine does that beside it.

mod door;
mod probes;
mod metrics;
mod scim;
mod oauth;
pub mod api;
mod hooks;
mod ssf;
mod front;
mod tls;

pub use front::Front;
pub use tls::{TlsFiles, TlsListener};

use axum::Router;
use axum::routing::get;
use metrics::Measured;
use std::sync::Arc;
use tenure_engine::drain::Drain;
use tenure_engine::house::House;
use tokio::net::TcpListener;

/// Everything that is answered. `/healthz` and the finding of `/ssf` alone answer whoever asks; whatever else is added asks
/// for a credential.
pub fn router(house: Arc<House>) -> Router {
    let measured = Arc::new(Measured::of(house.clone()));
    let measured = Router::new().route("/metrics", get(metrics::metrics)).with_state(measured);
    let probed = Router::new().route("/healthz", get(probes::healthz)).route("/readyz", get(probes::readyz));
    let api = api::router(house.clone()).merge(hooks::router(house.clone())).merge(ssf::router(house.clone()));
    let scim = scim::router(house.clone()).merge(oauth::router(house.clone()));
    let console = tenure_console::router(house.clone());
    probed.with_state(house).merge(measured).merge(api).merge(scim).merge(console)
}

/// Answers on `listener` by one house, until it is told to drain and the answers under way are given.
///
/// # Errors
/// The listener failed.
pub async fn serve(listener: TcpListener, house: Arc<House>) -> std::io::Result<()> {
    let drain = house.drain.clone();
    serve_front(listener, Front::of(house), drain).await
}

/// Answers on `listener` by the house of each moment, until it is told to drain.
///
/// # Errors
/// The listener failed.
pub async fn serve_front<L>(listener: L, front: Front, drain: Drain) -> std::io::Result<()>
where
    L: axum::serve::Listener,
    L::Addr: std::fmt::Debug,
{
    let service = front.router().into_make_service();
    axum::serve(listener, service).with_graceful_shutdown(async move { drain.begun().await }).await
}
