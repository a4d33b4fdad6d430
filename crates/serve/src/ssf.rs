//! `/ssf`: a Shared Signals transmitter (Shared Signals Framework 1.0). Receivers find it, make and end their streams, ask for
//! a verification, and fetch what they are not pushed. Finding it asks for no credential; everything else for a token with the
//! scope `ssf`. What is told, and to whom, is the engine's affair.

use crate::door::{Problem, admit};
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, HOST};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use tenure_core::scope::Scope;
use tenure_engine::EngineError;
use tenure_engine::house::House;
use tenure_engine::signals::{
    POLL, PUSH, PollAsked, Receiver, Status, StreamAsked, Subject, Unsaid, Verified, change, create, end, find, jwks,
    list, poll, set_status, set_subject, verify,
};

/// The largest request.
const BODY_MAX: usize = 256 * 1024;
/// How long receivers may keep what they found.
const FOUND_KEPT: &str = "public, max-age=300";

type Answer = Result<Response, Problem>;

pub(crate) fn router(house: Arc<House>) -> Router {
    let found = Router::new()
        .route("/.well-known/ssf-configuration", get(configuration))
        .route("/ssf/.well-known/ssf-configuration", get(configuration))
        .route("/ssf", get(configuration))
        .route("/ssf/jwks.json", get(keys));
    let streams = get(read).post(begin).put(replace).patch(amend).delete(stop);
    let managed = Router::new()
        .route("/ssf/streams", streams)
        .route("/ssf/status", get(status).post(put_status))
        .route("/ssf/subjects/add", post(add_subject))
        .route("/ssf/subjects/remove", post(remove_subject))
        .route("/ssf/verify", post(ask_verification))
        .route("/ssf/poll/{stream}", post(fetch))
        .layer(map_response(uncached));
    found.merge(managed).with_state(house)
}

async fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns the address by which a transmitter is known, without a slash at its end.
fn issuer(house: &House, headers: &HeaderMap) -> String {
    let public = house.config.server.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = if house.config.server.tls.is_some() { "https" } else { "http" };
    public.unwrap_or_else(|| format!("{scheme}://{host}"))
}

fn kept(value: Value) -> Response {
    ([(CACHE_CONTROL, FOUND_KEPT)], Json(value)).into_response()
}

async fn configuration(State(house): State<Arc<House>>, headers: HeaderMap) -> Response {
    let base = issuer(&house, &headers);
    kept(json!({
        "spec_version": "1_0", "issuer": base, "jwks_uri": format!("{base}/ssf/jwks.json"),
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": format!("{base}/ssf/streams"), "status_endpoint": format!("{base}/ssf/status"),
        "add_subject_endpoint": format!("{base}/ssf/subjects/add"),
        "remove_subject_endpoint": format!("{base}/ssf/subjects/remove"),
        "verification_endpoint": format!("{base}/ssf/verify"), "default_subjects": "ALL",
        "authorization_schemes": [{ "spec_urn": "urn:ietf:rfc:6749" }, { "spec_urn": "urn:ietf:rfc:6750" }],
    }))
}

async fn keys(State(house): State<Arc<House>>) -> Answer {
    Ok(kept(jwks(&house).await.map_err(failed)?))
}

#[derive(Deserialize)]
struct Which {
    stream_id: Option<String>,
}

impl Which {
    fn named(&self) -> Result<&str, Problem> {
        self.stream_id.as_deref().ok_or_else(|| wrong("`stream_id` says which one"))
    }
}

async fn read(State(house): State<Arc<House>>, headers: HeaderMap, Query(which): Query<Which>) -> Answer {
    let receiver = receiver(&house, &headers).await?;
    if let Some(id) = &which.stream_id {
        return Ok(Json(find(&house, &receiver, id).await.map_err(failed)?.shown()).into_response());
    }
    let all = list(&house, &receiver).await.map_err(failed)?;
    Ok(Json(all.iter().map(|stream| stream.shown()).collect::<Vec<_>>()).into_response())
}

async fn begin(State(house): State<Arc<House>>, headers: HeaderMap, body: Body) -> Answer {
    let receiver = receiver(&house, &headers).await?;
    let asked: StreamAsked = said(body).await?;
    let made = create(&house, &receiver, &issuer(&house, &headers), &asked).await.map_err(failed)?;
    Ok((StatusCode::CREATED, Json(made.shown())).into_response())
}

async fn replace(State(house): State<Arc<House>>, headers: HeaderMap, body: Body) -> Answer {
    changed(&house, &headers, body, Unsaid::Goes).await
}

async fn amend(State(house): State<Arc<House>>, headers: HeaderMap, body: Body) -> Answer {
    changed(&house, &headers, body, Unsaid::Stays).await
}

async fn changed(house: &House, headers: &HeaderMap, body: Body, unsaid: Unsaid) -> Answer {
    let receiver = receiver(house, headers).await?;
    let asked: StreamAsked = said(body).await?;
    Ok(Json(change(house, &receiver, &asked, unsaid).await.map_err(failed)?.shown()).into_response())
}

async fn stop(State(house): State<Arc<House>>, headers: HeaderMap, Query(which): Query<Which>) -> Answer {
    let receiver = receiver(&house, &headers).await?;
    end(&house, &receiver, which.named()?).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn status(State(house): State<Arc<House>>, headers: HeaderMap, Query(which): Query<Which>) -> Answer {
    let receiver = receiver(&house, &headers).await?;
    Ok(Json(find(&house, &receiver, which.named()?).await.map_err(failed)?.status_shown()).into_response())
}

#[derive(Deserialize)]
struct StatusAsked {
    stream_id: String,
    status: Status,
    reason: Option<String>,
}

async fn put_status(State(house): State<Arc<House>>, headers: HeaderMap, body: Body) -> Answer {
    let receiver = receiver(&house, &headers).await?;
    let StatusAsked { stream_id, status, reason } = said(body).await?;
    let now = set_status(&house, &receiver, &stream_id, status, reason).await.map_err(failed)?;
    Ok(Json(now.status_shown()).into_response())
}

#[derive(Deserialize)]
struct SubjectAsked {
    stream_id: String,
    subject: Subject,
}

async fn add_subject(State(house): State<Arc<House>>, headers: HeaderMap, body: Body) -> Answer {
    subject(&house, &headers, body, true).await.map(|()| StatusCode::OK.into_response())
}

async fn remove_subject(State(house): State<Arc<House>>, headers: HeaderMap, body: Body) -> Answer {
    subject(&house, &headers, body, false).await.map(|()| StatusCode::NO_CONTENT.into_response())
}

async fn subject(house: &House, headers: &HeaderMap, body: Body, told: bool) -> Result<(), Problem> {
    let receiver = receiver(house, headers).await?;
    let SubjectAsked { stream_id, subject } = said(body).await?;
    let Subject::Email { email } = subject else { return Err(wrong("people are known by `email` here")) };
    set_subject(house, &receiver, &stream_id, &email, told).await.map_err(failed)
}

#[derive(Deserialize)]
struct VerificationAsked {
    stream_id: String,
    state: Option<String>,
}

async fn ask_verification(State(house): State<Arc<House>>, headers: HeaderMap, body: Body) -> Answer {
    let receiver = receiver(&house, &headers).await?;
    let VerificationAsked { stream_id, state } = said(body).await?;
    match verify(&house, &receiver, &stream_id, state).await.map_err(failed)? {
        Verified::Sent => Ok(StatusCode::NO_CONTENT.into_response()),
        Verified::TooSoon => {
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "a verification was sent a moment ago; ask again later"))
        }
    }
}

async fn fetch(State(house): State<Arc<House>>, Path(stream): Path<String>, headers: HeaderMap, body: Body) -> Answer {
    let receiver = receiver(&house, &headers).await?;
    let asked: PollAsked = said(body).await?;
    Ok(Json(poll(&house, &receiver, &stream, &asked).await.map_err(failed)?).into_response())
}

async fn receiver(house: &House, headers: &HeaderMap) -> Result<Receiver, Problem> {
    Ok(Receiver::of(&admit(house, headers, &Scope::Ssf).await?))
}

/// Reads a body, whatever it calls itself: a JSON object, or nothing for one.
async fn said<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has {BODY_MAX} bytes at most"));
    let body = to_bytes(body, BODY_MAX).await.map_err(large)?;
    let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
    if body.windows(6).any(|six| six == b"\\u0000") {
        return Err(wrong("a text has a character that no text has"));
    }
    serde_json::from_slice(body).map_err(|error| wrong(&format!("the body is not what is asked for: {error}")))
}

fn wrong(because: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, because)
}

fn failed(error: EngineError) -> Problem {
    match error {
        EngineError::Missing(because) => Problem::new(StatusCode::NOT_FOUND, because),
        EngineError::Asked(because) => wrong(&because),
        error => Problem::failed(&error),
    }
}
