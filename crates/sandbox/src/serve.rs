//! The way of a request through the server: count it, check its credential, its rate and its right, play a fault if one
//! is due, and let the vendor answer. It turns HTTP into a call and a reply into HTTP. It knows no vendor's rules.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{self, Body};
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::credentials::{self, Right};
use crate::door::Cut;
use crate::exchange::{Call, Reply};
use crate::hr::{self, Office};
use crate::mischief::{self, Mischief};
use crate::pace::Pace;
use crate::refusal::not_allowed;
use crate::scim;
use crate::statistics::Counter;
use crate::tokens::Tokens;
use crate::{Desk, Dialects, Fault, Idp, Kind, Limits, Surface, Vendor, World, clock};

const UNREADABLE: &str = "The request could not be read.";
const BODY_MAX_BYTES: usize = 1024 * 1024;
const SLOW_MS_DEFAULT: u64 = 2000;

/// Everything that requests share.
pub(crate) struct Hall {
    pub world: World,
    /// The identity providers, in the order of their list.
    pub idps: Vec<Desk>,
    /// What the HR systems know.
    pub office: Arc<Mutex<Office>>,
    /// Whose word each imitation follows now.
    pub dialects: Mutex<Dialects>,
    pub limits: Limits,
    pub tokens: Mutex<Tokens>,
    pub paces: [Mutex<Pace>; 5],
    pub mischief: Mutex<Mischief>,
    pub counter: Mutex<Counter>,
    pub latency: Duration,
    pub stopping: watch::Receiver<bool>,
}

/// Locks one of our own values; none of them can be left half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the service for every path.
pub(crate) fn router(hall: Arc<Hall>) -> Router {
    Router::new().fallback(answer).with_state(hall)
}

async fn answer(State(hall): State<Arc<Hall>>, ConnectInfo(cut): ConnectInfo<Cut>, request: Request) -> Response {
    if let Some(vendor) = Vendor::of_upload(request.uri().path()).filter(|_| request.method() == Method::POST) {
        return upload(&hall, vendor, request).await;
    }
    if let Some((idp, rest)) = Idp::of_path(request.uri().path()) {
        let rest = rest.to_string();
        return match read(request, Surface::Rest, &rest).await {
            Ok((headers, call)) => finish(hall.idps[idp as usize].answer(&call, &headers)),
            Err(status) => (status, UNREADABLE).into_response(),
        };
    }
    let root = request.uri().path().split('/').nth(1).unwrap_or_default();
    if hr::SYSTEMS.contains(&root) {
        return hr::answer(State(hall.office.clone()), request).await;
    }
    let Some((vendor, surface, rest)) = Surface::of_path(request.uri().path(), *lock(&hall.dialects)) else {
        return (StatusCode::NOT_FOUND, "no vendor is imitated under this path\n").into_response();
    };
    let rest = rest.to_string();
    lock(&hall.counter).received(vendor, Instant::now());
    if !hall.latency.is_zero() {
        tokio::time::sleep(hall.latency).await;
    }
    match read(request, surface, &rest).await {
        Ok((headers, _)) if surface == Surface::Token => finish(hand_out(&hall, vendor, &headers)),
        Ok((headers, call)) => {
            lock(&hall.counter).on(vendor).forgets += u64::from(call.forgets());
            admit(&hall, vendor, headers, call, cut).await
        }
        Err(status) => finish(refuse(&hall, vendor, surface, status, "invalid_request", UNREADABLE)),
    }
}

/// Does what an admin does in a vendor's own pages; it is no API, so neither counts, rates nor faults concern it.
async fn upload(hall: &Hall, vendor: Vendor, request: Request) -> Response {
    match body::to_bytes(request.into_body(), BODY_MAX_BYTES).await.map(|bytes| String::from_utf8(bytes.to_vec())) {
        Ok(Ok(rows)) => finish(hall.world.upload(vendor, &rows)),
        _ => finish(hall.world.refuse(vendor, StatusCode::BAD_REQUEST, "invalid", "The file could not be read.")),
    }
}

/// Refuses a call that does not reach the tenant, in the words of the surface.
fn refuse(hall: &Hall, vendor: Vendor, surface: Surface, status: StatusCode, code: &str, message: &str) -> Reply {
    match surface {
        Surface::Rest | Surface::Token => hall.world.refuse(vendor, status, code, message),
        Surface::Scim => scim::refuse(status, None, message).typed(),
    }
}

/// Hands out a token for the SCIM surface to a client that shows its id and secret.
fn hand_out(hall: &Hall, vendor: Vendor, headers: &HeaderMap) -> Reply {
    let Some(right) = credentials::client_right(headers) else {
        lock(&hall.counter).on(vendor).unauthorized += 1;
        return Reply::new(StatusCode::UNAUTHORIZED, json!({"error": "invalid_client"}));
    };
    lock(&hall.counter).on(vendor).tokens += 1;
    let (token, seconds) = lock(&hall.tokens).issue(right, Instant::now());
    Reply::ok(json!({"access_token": token, "token_type": "Bearer", "expires_in": seconds}))
}

/// Returns what a call's credential allows at the door it came to; each door takes its own kind only.
fn right(hall: &Hall, vendor: Vendor, surface: Surface, headers: &HeaderMap) -> Option<Right> {
    if surface == Surface::Rest {
        return credentials::right(vendor, headers);
    }
    let token = credentials::bearer(headers)?;
    if Surface::Token.prefix(vendor, lock(&hall.dialects).of(vendor)).is_some() {
        return lock(&hall.tokens).right(token, Instant::now());
    }
    credentials::is_scim_token(vendor, token).then_some(Right::Write)
}

async fn read(request: Request, surface: Surface, rest: &str) -> Result<(HeaderMap, Call), StatusCode> {
    let (parts, body) = request.into_parts();
    let query = Query::try_from_uri(&parts.uri).map_err(|_| StatusCode::BAD_REQUEST)?;
    let body = body::to_bytes(body, BODY_MAX_BYTES).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let is = |text: &str, wanted: &str| text.split(';').next().is_some_and(|kind| kind.trim() == wanted);
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("localhost");
    let call = Call {
        url: format!("http://{host}{}", parts.uri),
        method: parts.method,
        surface,
        segments: rest.split('/').skip(1).map(String::from).collect(),
        query: query.0,
        json_declared: kind.is_some_and(|kind| is(kind, "application/json")),
        scim_declared: kind.is_some_and(|kind| is(kind, scim::TYPE)),
        body,
    };
    Ok((parts.headers, call))
}

/// Checks the credential, the rate and the right, in this order.
async fn admit(hall: &Hall, vendor: Vendor, headers: HeaderMap, call: Call, cut: Cut) -> Response {
    let surface = call.surface;
    lock(&hall.counter).on(vendor).scim += u64::from(surface == Surface::Scim);
    let Some(right) = right(hall, vendor, surface, &headers) else {
        lock(&hall.counter).on(vendor).unauthorized += 1;
        let message = "You have to be logged in to perform this action.";
        return finish(refuse(hall, vendor, surface, StatusCode::UNAUTHORIZED, "invalid_credentials", message));
    };
    if surface == Surface::Scim && !hall.limits.offers_scim(vendor) {
        let message = "SCIM is not part of your plan.";
        return finish(refuse(hall, vendor, surface, StatusCode::FORBIDDEN, "access_denied", message));
    }
    let verdict = lock(&hall.paces[vendor.index()]).take(clock::since_epoch(), &call);
    if verdict.refused {
        let retry_after = verdict.retry_after.map(|seconds| seconds.to_string());
        return finish(verdict.sign(too_many(hall, vendor, retry_after.as_deref())));
    }
    if call.is_write() && right == Right::Read {
        let message = "You are not authorized to perform this action.";
        let refusal = refuse(hall, vendor, surface, StatusCode::FORBIDDEN, "access_denied", message);
        return finish(verdict.sign(refusal));
    }
    let fault = lock(&hall.mischief).pick(vendor, &call);
    match fault {
        None => finish(verdict.sign(perform(hall, vendor, &call))),
        Some(fault) => {
            lock(&hall.counter).on(vendor).faulted += 1;
            let sign = |reply| verdict.sign(reply);
            play(hall, vendor, call, &fault, cut, sign).await
        }
    }
}

/// Returns a 429 in the vendor's words, and counts it.
fn too_many(hall: &Hall, vendor: Vendor, retry_after: Option<&str>) -> Reply {
    let mut counter = lock(&hall.counter);
    counter.on(vendor).throttled += 1;
    if let Some(seconds) = retry_after.and_then(|text| text.trim().parse().ok()) {
        counter.told_to_wait(vendor, Instant::now(), seconds);
    }
    let message = "You have exceeded the limit of requests.";
    let reply = hall.world.refuse(vendor, StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message);
    match retry_after {
        Some(text) => reply.header("retry-after", text),
        None => reply,
    }
}

/// Lets the vendor do the work, and counts it.
fn perform(hall: &Hall, vendor: Vendor, call: &Call) -> Reply {
    let reply = hall.world.answer(vendor, call);
    if call.is_write() {
        let (mut counter, done) = (lock(&hall.counter), writes_done(&reply));
        counter.on(vendor).writes += done;
        counter.on(vendor).creates += if call.method == Method::POST { done } else { 0 };
    }
    reply
}

/// Returns how many writes an answer tells of; a batch tells it even when a part of it was refused.
fn writes_done(reply: &Reply) -> u64 {
    let told = |pointer| reply.body.as_ref().and_then(|body| body.pointer(pointer));
    let batch = told("/data/errors").and(told("/data/count")).and_then(Value::as_u64);
    let refused = told("/result") == Some(&Value::Bool(false));
    batch.unwrap_or(u64::from(reply.status.is_success() && !refused))
}

async fn play(
    hall: &Hall,
    vendor: Vendor,
    mut call: Call,
    fault: &Fault,
    cut: Cut,
    sign: impl Fn(Reply) -> Reply,
) -> Response {
    match fault.kind {
        Kind::TooMany => finish(sign(storm(hall, vendor, fault))),
        Kind::Broken => {
            let status = lock(&hall.mischief).broken();
            let message = "Something went wrong on our side.";
            finish(sign(hall.world.refuse(vendor, status, "internal_error", message)))
        }
        Kind::Stall => {
            let _ = hall.stopping.clone().wait_for(|stopping| *stopping).await;
            sever(cut)
        }
        Kind::Slow => {
            tokio::time::sleep(Duration::from_millis(fault.ms.unwrap_or(SLOW_MS_DEFAULT))).await;
            finish(sign(perform(hall, vendor, &call)))
        }
        Kind::CutBefore => sever(cut),
        Kind::CutAfter => {
            perform(hall, vendor, &call);
            sever(cut)
        }
        Kind::Truncate => {
            let reply = sign(perform(hall, vendor, &call));
            let whole = text(&reply);
            mischief::truncated(finish(reply), &whole)
        }
        Kind::RepeatCursor => {
            mischief::hold_page(&mut call);
            let mut reply = perform(hall, vendor, &call);
            mischief::hold_cursor(&call, &mut reply);
            finish(sign(reply))
        }
        Kind::Shift => {
            hall.world.shift(vendor);
            finish(sign(perform(hall, vendor, &call)))
        }
        Kind::DropField | Kind::RenameField => {
            let mut reply = perform(hall, vendor, &call);
            if let (Some(body), Some(field)) = (&mut reply.body, &fault.field) {
                mischief::rename(body, field, fault.to.as_deref());
            }
            finish(sign(reply))
        }
        Kind::RetypeField => {
            let mut reply = perform(hall, vendor, &call);
            if let (Some(body), Some(field)) = (&mut reply.body, &fault.field) {
                mischief::retype(body, field);
            }
            finish(sign(reply))
        }
        Kind::Html => mischief::html(),
        Kind::Huge => mischief::huge(),
        Kind::Bomb => mischief::bomb(),
        Kind::Redirect => mischief::redirect(),
        Kind::IgnoreWrite => finish(sign(hall.world.pretend(vendor, &call))),
        Kind::NotServed => finish(sign(not_allowed(vendor))),
    }
}

/// Returns a 429 with the Retry-After that the fault asks for, or with what the vendor would say.
fn storm(hall: &Hall, vendor: Vendor, fault: &Fault) -> Reply {
    let usual = lock(&hall.paces[vendor.index()]).says_when().then_some("1");
    too_many(hall, vendor, fault.retry_after.as_deref().or(usual))
}

/// Cuts the connection; what is returned is never written.
fn sever(cut: Cut) -> Response {
    cut.cut();
    StatusCode::NO_CONTENT.into_response()
}

fn text(reply: &Reply) -> Bytes {
    reply.body.as_ref().map(|body| Bytes::from(body.to_string())).unwrap_or_default()
}

fn finish(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(text(&reply)));
    *response.status_mut() = reply.status;
    if reply.body.is_some() {
        let json = header::HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    for (name, value) in reply.headers {
        match name {
            header::LINK => response.headers_mut().append(name, value),
            _ => response.headers_mut().insert(name, value).is_some(),
        };
    }
    response
}
