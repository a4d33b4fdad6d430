//! The habits that Freshdesk and Freshservice share, being of one house: numbered pages, `updated_since`, custom fields
//! that an admin must define first. Both imitations read their requests with it. It knows no record of either.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Named, shown};
use crate::Vendor;
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent};
use crate::paging::{PageRule, numbered};
use crate::refusal::{Wrong, invalid};

pub(super) const PAGES: PageRule = PageRule { page: "page", size: "per_page", size_default: 30, size_max: 100 };

/// Says whether every id stands in a reference list.
pub(super) fn known(list: &[Named], ids: &[u64]) -> bool {
    ids.iter().all(|id| list.iter().any(|entry| entry.id == *id))
}

/// Reads custom fields, of which only those an admin has defined exist (FD-12, FS-31).
pub(super) fn read_custom(fields: &mut Fields, defined: &[&str], target: &mut Map<String, Value>) {
    let Sent::Value(custom) = fields.object("custom_fields") else { return };
    if let Some(key) = custom.keys().find(|key| !defined.contains(&key.as_str())) {
        fields.wrong(&format!("custom_fields.{key}"), "Unexpected/invalid field in request.", "invalid_field");
    }
    target.extend(custom);
}

/// Reads the start of an incremental walk, which is inclusive (FD-40).
pub(super) fn updated_since(call: &Call) -> Result<Option<Timestamp>, Wrong> {
    since(call, "updated_since")
}

/// Reads the start of an incremental walk from the parameter of this name.
pub(super) fn since(call: &Call, key: &str) -> Result<Option<Timestamp>, Wrong> {
    let Some(text) = call.query(key) else { return Ok(None) };
    let wrong = || Wrong::new(key, "It should be a UTC time in ISO 8601.", "invalid_value");
    text.parse().map(Some).map_err(|_| wrong())
}

/// Answers with one page, and says in a `Link` header where the next one is, when there is one.
pub(super) fn linked(
    vendor: Vendor,
    call: &Call,
    mut rows: impl Iterator<Item = Value>,
    wrap: impl FnOnce(Vec<Value>) -> Value,
) -> Reply {
    let (skip, take) = match numbered(call, PAGES) {
        Ok(range) => range,
        Err(wrong) => return invalid(vendor, StatusCode::BAD_REQUEST, &[wrong]),
    };
    let page: Vec<Value> = rows.by_ref().skip(skip).take(take).collect();
    let more = rows.next().is_some();
    let reply = Reply::ok(wrap(page));
    if more { with_link(reply, call, skip / take + 2) } else { reply }
}

/// Adds the address of a page of the same list.
pub(super) fn with_link(reply: Reply, call: &Call, page: usize) -> Reply {
    let (path, query) = call.url.split_once('?').unwrap_or((&call.url, ""));
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page="));
    let query: Vec<String> = kept.map(String::from).chain([format!("page={page}")]).collect();
    reply.header("link", &format!("<{path}?{}>; rel=\"next\"", query.join("&")))
}

/// Answers with one page of a reference list.
pub(super) fn list_named(vendor: Vendor, call: &Call, list: &[Named], wrap: impl FnOnce(Vec<Value>) -> Value) -> Reply {
    linked(vendor, call, list.iter().map(shown), wrap)
}
