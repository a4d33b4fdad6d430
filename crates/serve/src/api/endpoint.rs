//! What an endpoint of the API is, and how any of them is answered: who is let in, what the request says, what is told.
//! What is asked is one value, made of path and query, or path and body; what is told is the engine's own.
//! A client speaks of the same values: path and shapes are read from here, not written down twice.

use super::BASE;
use super::once::once;
use super::request::{by_body, by_query, digest, key};
use super::respond::{made, problem, tell};
use crate::door::{Problem, admit};
use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use tenure_core::scope::Scope;
use tenure_engine::EngineError;
use tenure_engine::fault::Fault;
use tenure_engine::house::House;
use tenure_engine::token::Bearer;

/// One thing that the API can be asked.
pub trait Endpoint: 'static {
    /// What is asked: the words of path, query and body together.
    type Asked: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
    /// What is answered.
    type Answer: Serialize + DeserializeOwned + JsonSchema + Send;
    /// How it is asked.
    const METHOD: Method;
    /// Where, below `/api/v1`.
    const PATH: &'static str;
    /// What it does, in a line.
    const SAYS: &'static str;
    /// What a token must permit.
    const NEEDS: Scope;
    /// The status of its answer.
    const STATUS: StatusCode = StatusCode::OK;
    /// Whether a key under which it is asked for is kept with the work that it leads to, rather than with its answer.
    const KEEPS_KEY: bool = false;

    /// Answers.
    fn answer(
        house: &House,
        asked: Self::Asked,
        by: &Caller,
    ) -> impl Future<Output = Result<Self::Answer, EngineError>> + Send;

    /// Returns where the answer goes on, below `/api/v1`.
    fn place(_: &Self::Answer) -> Option<String> {
        None
    }

    /// Returns what of an answer may be kept: no secret.
    fn kept(answer: Value) -> Value {
        answer
    }
}

/// Who asks, and under which conditions.
#[derive(Debug)]
pub struct Caller {
    /// Who.
    pub bearer: Bearer,
    /// The key under which they ask, to be sure that it is done once.
    pub key: Option<String>,
    /// The digest of what they have read (`If-Match`).
    pub digest: Option<String>,
}

impl Deref for Caller {
    type Target = Bearer;
    fn deref(&self) -> &Bearer {
        &self.bearer
    }
}

/// An endpoint as the list of them has it.
pub struct Route {
    /// How it is asked.
    pub method: Method,
    /// Where, below `/api/v1`.
    pub path: &'static str,
    /// What it does, in a line.
    pub says: &'static str,
    /// What a token must permit.
    pub needs: Scope,
    /// The name of what answers it, for programs that are made from the description.
    pub name: &'static str,
    /// The shape of what is asked.
    pub asked: fn(&mut SchemaGenerator) -> Schema,
    /// The shape of what is answered.
    pub answer: fn(&mut SchemaGenerator) -> Schema,
    /// The status of its answer.
    pub status: StatusCode,
    /// What answers it.
    pub(super) served: fn() -> MethodRouter<Arc<House>>,
}

impl Route {
    pub(super) fn of<E: Endpoint>() -> Self {
        Self {
            method: E::METHOD,
            path: E::PATH,
            says: E::SAYS,
            needs: E::NEEDS,
            status: E::STATUS,
            name: std::any::type_name::<E>().rsplit("::").next().unwrap_or_default(),
            asked: SchemaGenerator::subschema_for::<E::Asked>,
            answer: SchemaGenerator::subschema_for::<E::Answer>,
            served: || on(filter(&E::METHOD), serve::<E>),
        }
    }
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET)
}

async fn serve<E: Endpoint>(
    State(house): State<Arc<House>>,
    path: RawPathParams,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let bearer = admit(&house, request.headers(), &E::NEEDS).await?;
    let path: Vec<(String, String)> = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (parts, body) = request.into_parts();
    let told = |error: EngineError| problem(&Fault::from(&error), !path.is_empty());
    if E::METHOD == Method::GET {
        let asked = by_query(&path, parts.uri.query().unwrap_or_default())?;
        let caller = Caller { bearer, key: None, digest: None };
        return tell(&parts.headers, &E::answer(&house, asked, &caller).await.map_err(told)?);
    }
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "what is asked stands in the body, not in the query",
        ));
    }
    let asked: E::Asked = by_body(&path, &parts, body).await?;
    let caller = Caller { bearer, key: key(&parts.headers)?, digest: digest(&parts.headers)? };
    let (answer, place) = once::<E>(&house, asked, &caller).await.map_err(told)?;
    Ok(made(E::STATUS, place.map(|place| format!("{BASE}{place}")), answer))
}
