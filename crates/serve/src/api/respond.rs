//! How an answer goes out: as JSON with a tag by which a client need not read it twice, or as a problem of RFC 9457.
//! Which status an error has is said here and nowhere else.

use crate::door::Problem;
use axum::Json;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tenure_core::hex::hex;
use tenure_engine::fault::{Fault, FaultKind};

/// How much of a hash makes a tag.
const TAG_BYTES: usize = 16;

/// Tells an answer, or that it is the one that the client has.
pub(super) fn tell(headers: &HeaderMap, answer: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(answer).map_err(|error| broken(&error))?;
    let tag = format!("\"{}\"", hex(&Sha256::digest(&body)[..TAG_BYTES]));
    // What is told of a company is kept by nobody on the way, and asked for anew each time.
    let kept = [(ETAG, tag.clone()), (CACHE_CONTROL, "private, no-cache".into())];
    if is_known(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    Ok((kept, [(CONTENT_TYPE, "application/json")], body).into_response())
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known
        .flat_map(|value| value.split(','))
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == tag || one == "*")
}

/// Tells what was done, and where it goes on.
pub(super) fn made(status: StatusCode, place: Option<String>, answer: Value) -> Response {
    let mut response = (status, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response();
    if let Some(place) = place.and_then(|place| place.parse().ok()) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

/// Says why something is not answered. What is missing is the thing itself where the path names it.
pub(super) fn problem(fault: &Fault, path_names_it: bool) -> Problem {
    let status = match fault.kind {
        FaultKind::Missing if path_names_it => StatusCode::NOT_FOUND,
        FaultKind::Missing | FaultKind::Asked => StatusCode::UNPROCESSABLE_ENTITY,
        FaultKind::Forbidden => StatusCode::FORBIDDEN,
        FaultKind::Moved => StatusCode::PRECONDITION_FAILED,
        FaultKind::Busy => StatusCode::CONFLICT,
        FaultKind::Connection => StatusCode::FAILED_DEPENDENCY,
        FaultKind::Unreachable | FaultKind::Ending => StatusCode::SERVICE_UNAVAILABLE,
        FaultKind::Configuration | FaultKind::Ours => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let problem = Problem::new(status, &fault.detail);
    match &fault.field {
        Some(field) => problem.at(field),
        None => problem,
    }
}

/// Says that something of ours is broken; the cause goes to the log.
fn broken(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a request could not be answered");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this is our fault; the log says why")
}
