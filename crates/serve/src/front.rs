//! What stands before everything that is answered, so that a house can be put in the place of another while requests come:
//! each is answered by the house of the moment at which it came. It knows no endpoint.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
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
    let router = front.0.read().unwrap_or_else(PoisonError::into_inner).clone();
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
