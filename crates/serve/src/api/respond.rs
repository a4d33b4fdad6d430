//! How an answer goes out: as JSON with a tag by which a client need not read it twice, or as a problem of RFC 9457.
//! Which status an error has is said here and nowhere else.

use crate::door::Problem;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tenure_core::hex::hex;
use tenure_engine::{Blame, EngineError, blame_of_store};

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
    known.flat_map(|value| value.split(',')).map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag)
}

/// Says why something is not answered. What is missing is the thing itself where the path names it.
pub(super) fn problem(error: &EngineError, path_names_it: bool) -> Problem {
    let status = match error {
        EngineError::Missing(_) if path_names_it => StatusCode::NOT_FOUND,
        EngineError::Missing(_) | EngineError::Asked(_) | EngineError::Field { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        EngineError::Forbidden(_) => StatusCode::FORBIDDEN,
        EngineError::Busy(_) => StatusCode::CONFLICT,
        EngineError::Drained => StatusCode::SERVICE_UNAVAILABLE,
        EngineError::Connect { .. } if error.blame() == Blame::Remote => StatusCode::BAD_GATEWAY,
        EngineError::Connect { .. } | EngineError::Secret(_) => StatusCode::FAILED_DEPENDENCY,
        EngineError::Store(error) if blame_of_store(error) == Blame::Remote => return Problem::failed(error),
        EngineError::Config(_) | EngineError::Misplaced(_) | EngineError::Store(_) | EngineError::Broken(_) => {
            return broken(error);
        }
    };
    match error {
        EngineError::Field { field, because } => Problem::new(status, because).at(*field),
        error => Problem::new(status, error.to_string()),
    }
}

/// Says that something of ours is broken; the cause goes to the log.
fn broken(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a request could not be answered");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this is our fault; the log says why")
}
