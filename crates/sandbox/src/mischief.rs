//! Decides which fault hits which request, and how it looks. The server asks it once for each authorised request; luck
//! comes from the seed. What a fault does to the world is the world's own affair.

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::io;
use std::time::Duration;

use crate::exchange::{Call, Reply};
use crate::{Fault, Kind, Vendor, gzip};

/// How many resources a SCIM list returns unless it is told.
const SCIM_COUNT_DEFAULT: u64 = 100;

/// The faults in force and how often each was met.
pub(crate) struct Mischief {
    rng: StdRng,
    faults: Vec<(Fault, u64, u64)>,
}

impl Mischief {
    pub fn new(faults: Vec<Fault>, seed: u64) -> Self {
        let faults = faults.into_iter().map(|fault| (fault, 0, 0)).collect();
        Mischief { rng: StdRng::seed_from_u64(seed ^ 0xfa17), faults }
    }

    pub fn replace(&mut self, faults: Vec<Fault>) {
        self.faults = faults.into_iter().map(|fault| (fault, 0, 0)).collect();
    }

    /// Returns the first fault that hits this request; later ones do not see it.
    pub fn pick(&mut self, vendor: Vendor, call: &Call) -> Option<Fault> {
        for (fault, seen, hit) in &mut self.faults {
            if !concerns(fault, vendor, call) {
                continue;
            }
            *seen += 1;
            let due = *seen > fault.after && fault.count.is_none_or(|count| *hit < count);
            if due && fault.rate.is_none_or(|rate| self.rng.random_bool(rate)) {
                *hit += 1;
                return Some(fault.clone());
            }
        }
        None
    }

    /// Returns one of the statuses of a server in trouble.
    pub fn broken(&mut self) -> StatusCode {
        let statuses = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
        statuses[self.rng.random_range(0..statuses.len())]
    }
}

fn concerns(fault: &Fault, vendor: Vendor, call: &Call) -> bool {
    let path = format!("/{}", call.segments.join("/"));
    fault.app.is_none_or(|app| app == vendor)
        && fault.method.as_ref().is_none_or(|method| *method == call.method)
        && fault.path.as_ref().is_none_or(|prefix| path.starts_with(prefix))
        && match fault.kind {
            Kind::RepeatCursor | Kind::Shift => is_list(call),
            Kind::IgnoreWrite => call.is_write(),
            _ => true,
        }
}

fn is_list(call: &Call) -> bool {
    (call.method == Method::GET && call.segments.len() == 1) || (call.method == Method::POST && !call.is_write())
}

/// Makes the request ask for no more than the second page, where pages are numbered.
pub(crate) fn hold_page(call: &mut Call) {
    let count: u64 = call.query("count").and_then(|text| text.parse().ok()).unwrap_or(SCIM_COUNT_DEFAULT);
    for (key, value) in &mut call.query {
        let second = match key.as_str() {
            "page" => 2,
            "startIndex" => count.saturating_add(1),
            _ => continue,
        };
        if value.parse::<u64>().is_ok_and(|asked| asked > second) {
            *value = second.to_string();
        }
    }
    hold_body_page(call);
}

/// Does the same where a query is a body, whose pages are counted from zero.
fn hold_body_page(call: &mut Call) {
    let Ok(mut body) = call.object() else { return };
    if body.get("page").and_then(Value::as_u64).is_some_and(|page| page > 1) {
        body.insert("page".into(), 1.into());
        call.body = Value::Object(body).to_string().into();
    }
}

/// Makes the answer's cursor the one that the request came with.
pub(crate) fn hold_cursor(call: &Call, reply: &mut Reply) {
    let (Some(cursor), Some(body)) = (call.query("cursor"), &mut reply.body) else { return };
    for place in ["/nextCursor", "/meta/next_cursor"] {
        if let Some(next) = body.pointer_mut(place) {
            *next = cursor.into();
        }
    }
}

/// Puts texts in the place of a field's numbers and flags, and a number in the place of its texts, at any depth.
pub(crate) fn retype(value: &mut Value, field: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| retype(item, field)),
        Value::Object(fields) => {
            for (key, inner) in fields {
                match inner {
                    Value::Bool(_) | Value::Number(_) if key == field => *inner = inner.to_string().into(),
                    Value::String(text) if key == field => *inner = text.len().into(),
                    inner => retype(inner, field),
                }
            }
        }
        _ => {}
    }
}

/// Takes a field out of every object in the answer, or gives it another name.
pub(crate) fn rename(value: &mut Value, field: &str, to: Option<&str>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, field, to)),
        Value::Object(fields) => {
            if let (Some(taken), Some(to)) = (fields.remove(field), to) {
                fields.insert(to.into(), taken);
            }
            fields.values_mut().for_each(|inner| rename(inner, field, to));
        }
        _ => {}
    }
}

/// Returns the start of an answer under the length of the whole; the connection then breaks.
pub(crate) fn truncated(mut response: Response, whole: &Bytes) -> Response {
    let start = whole.slice(..whole.len() / 2);
    // The pause lets the first half reach the wire before the break.
    let broken = stream::once(async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    *response.body_mut() = Body::from_stream(stream::once(async { Ok(start) }).chain(broken));
    response
}

/// Returns a web page where JSON was asked for.
pub(crate) fn html() -> Response {
    let page =
        "<!doctype html><html><head><title>Maintenance</title></head><body><h1>We will be back</h1></body></html>";
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// Returns a body that never ends.
pub(crate) fn huge() -> Response {
    let piece = Bytes::from(vec![b' '; 64 * 1024]);
    let start = stream::once(async { Ok::<_, io::Error>(Bytes::from_static(b"{\"data\":[")) });
    let body = Body::from_stream(start.chain(stream::repeat_with(move || Ok(piece.clone()))));
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Returns a few megabytes that unpack to gigabytes.
pub(crate) fn bomb() -> Response {
    let body = Body::from_stream(stream::iter(gzip::bomb(32).map(Ok::<_, io::Error>)));
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_ENCODING, "gzip")];
    (StatusCode::OK, headers, body).into_response()
}

/// Returns a redirect to a host that is not the vendor's.
pub(crate) fn redirect() -> Response {
    (StatusCode::FOUND, [(header::LOCATION, "http://elsewhere.invalid/collect")]).into_response()
}
