//! The habits that Freshdesk and Freshservice share, being of one house: numbered pages, `updated_since`, custom fields
//! that an admin must define first. Both imitations read their requests with it. It knows no record of either.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Named;
use crate::exchange::Call;
use crate::fields::{Fields, Sent};
use crate::paging::PageRule;
use crate::refusal::Wrong;

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
    let Some(text) = call.query("updated_since") else { return Ok(None) };
    let wrong = || Wrong::new("updated_since", "It should be a UTC time in ISO 8601.", "invalid_value");
    text.parse().map(Some).map_err(|_| wrong())
}
