//! What stands before everything that is answered, so that a house can be put in the place of another while requests come:
//! each is answered by the house of the moment at which it came. It knows no endpoint.

use crate::door::Problem;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, PoisonError, RwLock};
use tenure_engine::house::House;
use tower::ServiceExt;

/// Everything that is answered, by the house of now. Clones are one.
#[derive(Clone, Debug)]
pub struct Front(Arc<RwLock<Router>>);

impl Front {
    /// Answers by this house.
    pub fn of(house: Arc<House>) -> Self {
        Self(Arc::new(RwLock::new(crate::router(house))))
    }

    /// Answers by another house from now on.
    pub fn put(&self, house: Arc<House>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = crate::router(house);
    }

    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(pass).with_state(self.clone())
    }
}

async fn pass(State(front): State<Front>, request: Request) -> Response {
    let path = request.uri().path();
    if percent_encoding::percent_decode_str(path).decode_utf8().is_err() {
        return unreadable(path);
    }
    let router = front.0.read().unwrap_or_else(PoisonError::into_inner).clone();
    match router.oneshot(request).await {
        Ok(response) => in_words(response),
        Err(never) => match never {},
    }
}

/// Lets an answer that only says by its status that there is nothing, or that it cannot be asked so, say it in words.
fn in_words(response: Response) -> Response {
    let says = match response.status() {
        StatusCode::NOT_FOUND => "there is nothing here",
        StatusCode::METHOD_NOT_ALLOWED => "it cannot be asked in this way; `Allow` says how",
        _ => return response,
    };
    if response.headers().contains_key(CONTENT_TYPE) {
        return response;
    }
    let mut told = Problem::new(response.status(), says).into_response();
    if let Some(ways) = response.headers().get(ALLOW) {
        told.headers_mut().insert(ALLOW, ways.clone());
    }
    told
}

/// Refuses a path that is no text, in the words of whoever would have been asked.
fn unreadable(path: &str) -> Response {
    let because = "the path is no UTF-8 where it is written with %";
    match path.starts_with("/scim") {
        true => crate::scim::refused(StatusCode::BAD_REQUEST, because),
        false => Problem::new(StatusCode::BAD_REQUEST, because).into_response(),
    }
}
