//! The search index of live Freshservice and the `query` parameter that asks it. Each write is told to the index, which
//! learns it only after its lag; what it finds comes in no useful order. It knows addresses and a few other fields of a
//! person and nothing of the endpoints.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::exchange::Call;
use crate::paging::{count, digest};
use crate::refusal::Wrong;

const QUERY_MAX_CHARS: usize = 512;
const PAGES_MAX: usize = 40;
/// How many rows a page of results has, whatever `per_page` says.
pub(super) const PAGE_ROWS: usize = 30;
const LAG_DEFAULT: Duration = Duration::from_secs(2);
const FIELDS: [&str; 8] = [
    "email",
    "primary_email",
    "first_name",
    "last_name",
    "job_title",
    "work_phone_number",
    "mobile_phone_number",
    "active",
];

/// What the index knows, and what it was told and does not know yet.
#[derive(Clone)]
pub(super) struct Index {
    known: BTreeMap<u64, Map<String, Value>>,
    told: VecDeque<Told>,
    lag: Duration,
}

/// What a write left of a record, and when.
#[derive(Clone)]
struct Told {
    at: Instant,
    id: u64,
    fields: Option<Map<String, Value>>,
}

impl Index {
    pub fn new() -> Self {
        Index { known: BTreeMap::new(), told: VecDeque::new(), lag: LAG_DEFAULT }
    }

    pub fn set_lag(&mut self, lag: Duration) {
        self.lag = lag;
    }

    /// Notes a record as it is after a write, or that it is gone.
    pub fn tell(&mut self, id: u64, body: Option<&Value>) {
        let keep = |body: &Value| {
            let fields = FIELDS.iter().filter_map(|field| Some((field.to_string(), body.get(field)?.clone())));
            fields.collect::<Map<String, Value>>()
        };
        self.told.push_back(Told { at: Instant::now(), id, fields: body.map(keep) });
    }

    /// Learns everything at once, as an index does that was built long ago.
    pub fn settle(&mut self) {
        self.learn(|_| true);
    }

    fn learn(&mut self, due: impl Fn(Instant) -> bool) {
        while self.told.front().is_some_and(|told| due(told.at))
            && let Some(told) = self.told.pop_front()
        {
            match told.fields {
                Some(fields) => self.known.insert(told.id, fields),
                None => self.known.remove(&told.id),
            };
        }
    }

    /// Returns the ids that a query finds, of the page that the call asks for, and the number of the next page.
    pub fn find(&mut self, call: &Call, query: &str, is_there: impl Fn(u64) -> bool) -> Result<Found, Wrong> {
        let query = Query::read(query)?;
        let page = count(call, "page", 1, PAGES_MAX)?;
        let (now, lag) = (Instant::now(), self.lag);
        self.learn(|at| now.saturating_duration_since(at) >= lag);
        let known = self.known.iter().filter(|(id, fields)| is_there(**id) && query.matches(fields));
        let mut ids: Vec<u64> = known.map(|(id, _)| *id).collect();
        ids.sort_by_key(|id| digest(&("unsorted", *id)));
        let more = ids.len() > page * PAGE_ROWS && page < PAGES_MAX;
        let ids = ids.into_iter().skip((page - 1) * PAGE_ROWS).take(PAGE_ROWS).collect();
        Ok(Found { ids, next: more.then_some(page + 1) })
    }
}

/// One page of what a query finds.
pub(super) struct Found {
    pub ids: Vec<u64>,
    pub next: Option<usize>,
}

/// Conditions between `AND`; a record matches when it matches all of them in any of the parts between `OR`.
struct Query(Vec<Vec<(String, Value)>>);

impl Query {
    fn read(text: &str) -> Result<Self, Wrong> {
        let wrong = |message: &str| Wrong::new("query", message, "invalid_value");
        if text.chars().count() > QUERY_MAX_CHARS {
            return Err(wrong("It should not be longer than 512 characters."));
        }
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|inner| !inner.is_empty());
        let inner = inner.ok_or_else(|| wrong("It should stand between double quotes."))?;
        let condition = |text: &str| condition(text.trim()).ok_or_else(|| wrong("It should be like field:'value'."));
        let part = |text: &str| text.split(" AND ").map(condition).collect();
        inner.split(" OR ").map(part).collect::<Result<_, _>>().map(Query)
    }

    fn matches(&self, fields: &Map<String, Value>) -> bool {
        let same = |wanted: &Value, value: &Value| match (wanted.as_str(), value.as_str()) {
            (Some(wanted), Some(value)) => wanted.to_lowercase() == value.to_lowercase(),
            _ => wanted == value,
        };
        self.0
            .iter()
            .any(|part| part.iter().all(|(field, wanted)| fields.get(field).is_some_and(|value| same(wanted, value))))
    }
}

fn condition(text: &str) -> Option<(String, Value)> {
    let (field, value) = text.split_once(':')?;
    let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    let value = match (quoted, value) {
        (Some(text), _) => text.into(),
        (None, "true") => true.into(),
        (None, "false") => false.into(),
        (None, "null") => Value::Null,
        _ => return None,
    };
    FIELDS.contains(&field).then(|| (field.to_string(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_must_be_quoted_short_and_about_known_fields() {
        for text in ["email:'a@b.example'", "\"email:a@b.example\"", "\"shoe_size:'4'\"", "\"\"", "\"", ""] {
            assert!(Query::read(text).is_err(), "{text}");
        }
        assert!(Query::read(&format!("\"email:'{}'\"", "x".repeat(502))).is_ok());
        assert!(Query::read(&format!("\"email:'{}'\"", "x".repeat(503))).is_err());
    }

    #[test]
    fn conditions_are_joined_by_and_before_or() {
        let query = Query::read("\"first_name:'ANN' AND active:true OR email:'x@y.example'\"").expect("a query");
        let fields = |body: Value| body.as_object().cloned().unwrap_or_default();
        for (body, matches) in [
            (serde_json::json!({"first_name": "Ann", "active": true}), true),
            (serde_json::json!({"first_name": "Ann", "active": false}), false),
            (serde_json::json!({"email": "X@y.example"}), true),
        ] {
            assert_eq!(query.matches(&fields(body.clone())), matches, "{body}");
        }
    }
}
