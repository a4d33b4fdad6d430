//! `/scim/v2/{connection}/…`: a SCIM 2.0 server in front of each connection, spoken as values by `tenure-scim`.
//! Users are the accounts of the connection, Groups its entitlements; reads come from the store, acts go through the engine.
//! Every answer is SCIM's, also that of somebody who is not let in; what an act leads to is not decided here.

mod answer;
mod door;
mod shape;
mod advert;
mod place;
mod account;
mod entitlement;
mod list;
mod manager;
mod read;
mod wish;
mod write;
mod members;
mod act;
mod source;
mod tape;
mod me;

use answer::Answer;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use axum::routing::any;
use door::{Doors, Knock};
use entitlement::Known;
use read::View;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use tape::Tapes;
use tenure_core::name::ConnectionName;
use tenure_engine::house::House;
use tenure_scim::{CursorSeal, ScimError};

/// What all requests share.
pub(super) struct Gate {
    house: Arc<House>,
    doors: Doors,
    tapes: Tapes,
    seal: tokio::sync::OnceCell<CursorSeal>,
    /// By connection: what was shown last, and the entitlements that it has.
    views: Mutex<BTreeMap<ConnectionName, Arc<View>>>,
    entitlements: Mutex<BTreeMap<ConnectionName, Known>>,
    /// Held by whoever writes down what is pushed.
    pushing: tokio::sync::Mutex<()>,
    /// By token: what its client sent that the app cannot hold.
    unheld: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

/// The routes of SCIM.
pub(crate) fn router(house: Arc<House>) -> Router {
    let limits = house.config.server.scim_limits.clone();
    let gate = Arc::new(Gate {
        house,
        doors: Doors::new(limits),
        tapes: Tapes::default(),
        seal: tokio::sync::OnceCell::new(),
        views: Mutex::default(),
        entitlements: Mutex::default(),
        unheld: Mutex::default(),
        pushing: tokio::sync::Mutex::default(),
    });
    let routes = ["/scim", "/scim/", "/scim/v2", "/scim/v2/", "/scim/v2/{connection}", "/scim/v2/{connection}/{*rest}"];
    routes.into_iter().fold(Router::new(), |router, path| router.route(path, any(answer))).with_state(gate)
}

/// Refuses what was asked of SCIM before anybody looked whose it is.
pub(crate) fn refused(status: StatusCode, because: &str) -> Response {
    Answer::refused(ScimError::new(status.as_u16(), because)).into_response(tenure_scim::answer_type(None))
}

/// Answers a request: who knocks, what they ask for, and what came of it, each of which may be a SCIM error.
async fn answer(
    State(gate): State<Arc<Gate>>,
    Path(parts): Path<HashMap<String, String>>,
    request: Request<Body>,
) -> Response {
    let accept = answer::answer_type(request.headers());
    let answered = match parts.get("connection") {
        Some(connection) => answer_within(&gate, connection, request).await,
        None => Err(ScimError::new(404, "a SCIM address is /scim/v2/CONNECTION, which the file names".to_owned())),
    };
    answered.unwrap_or_else(Answer::refused).into_response(accept)
}

async fn answer_within(gate: &Arc<Gate>, connection: &str, request: Request<Body>) -> Result<Answer, ScimError> {
    let (mut head, body) = request.into_parts();
    if head.method == Method::HEAD {
        head.method = Method::GET; // the server leaves the body out
    }
    let knock = match Knock::admit(gate, connection, &head.headers).await {
        Ok(knock) => knock,
        Err(busy) => return Ok(Answer::refused_for(busy.error, busy.retry_s)),
    };
    let body_max = gate.house.config.server.scim_limits.body_kib as usize * 1024;
    let body = axum::body::to_bytes(body, body_max)
        .await
        .map_err(|_| ScimError::new(413, format!("a request of more than {body_max} bytes is not read")))?;
    if !body.is_empty() && !tenure_scim::is_readable(answer::header(&head.headers, "content-type")) {
        return Err(ScimError::new(415, "send application/scim+json or application/json"));
    }
    gate.recognise(&knock, &head, &body).await;
    let answered = read::answer(gate, &knock, &head, &body).await.unwrap_or_else(Answer::refused);
    gate.write_down(&knock, &head, &body, &answered).await;
    Ok(answered)
}
