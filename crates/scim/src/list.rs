//! A page of a SCIM list: how it is read, written, and where the next one starts.
//! Pages come from other people's servers through `connect`, or go out from our own.
//! It keeps resources as they are: what a user looks like is the reader's business.

use crate::LIST_RESPONSE;
use crate::words::{count, get, take};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

/// A page of resources.
#[derive(Clone, PartialEq, Debug)]
pub struct ListResponse<R = Value> {
    /// How many there are in all; servers may not know and then tell the size of the page, or nothing.
    pub total_results: Option<u64>,
    /// The place of the first resource of this page, from 1.
    pub start_index: Option<u64>,
    /// How many this page holds, as the server says; the resources themselves are what counts.
    pub items_per_page: Option<u64>,
    /// The cursor of the next page, where the server pages by cursor (RFC 9865).
    pub next_cursor: Option<String>,
    /// The resources.
    pub resources: Vec<R>,
}

/// Why an answer is not a page of a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The answer is no JSON, or ends too early.
    #[error("read the list: not JSON at line {line} column {column}")]
    NotJson {
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
    /// The answer is JSON, but no list: neither `Resources` nor a total of 0.
    #[error("read the list: {0}")]
    NotAList(&'static str),
}

impl ListResponse<Value> {
    /// Reads a page. Attribute names match in any case, numbers may be spelt as text, and `Resources` may be absent
    /// when the total is 0.
    ///
    /// # Errors
    /// The text is no JSON object with a list in it; a SCIM error is none.
    pub fn parse(text: &[u8]) -> Result<Self, ListError> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| ListError::NotJson { line: error.line(), column: error.column() })?;
        Self::from_value(value)
    }

    /// Reads a page that is JSON already.
    ///
    /// # Errors
    /// As [`ListResponse::parse`].
    pub fn from_value(value: Value) -> Result<Self, ListError> {
        let Value::Object(mut object) = value else {
            return Err(ListError::NotAList("the answer is not an object"));
        };
        let total_results = get(&object, "totalResults").and_then(count);
        let resources = match take(&mut object, "Resources") {
            Some(Value::Array(resources)) => resources,
            Some(Value::Null) | None if total_results == Some(0) => Vec::new(),
            Some(_) => return Err(ListError::NotAList("`Resources` is not a list")),
            None => return Err(ListError::NotAList("it has no `Resources`")),
        };
        Ok(Self {
            total_results,
            start_index: get(&object, "startIndex").and_then(count),
            items_per_page: get(&object, "itemsPerPage").and_then(count),
            next_cursor: cursor(&object),
            resources,
        })
    }
}

fn cursor(object: &Map<String, Value>) -> Option<String> {
    get(object, "nextCursor").and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

impl<R> ListResponse<R> {
    /// Returns the page that starts at `start_index` (from 1) of a list of `total_results`.
    pub fn page(total_results: u64, start_index: u64, resources: Vec<R>) -> Self {
        let items_per_page = Some(resources.len() as u64);
        Self {
            total_results: Some(total_results),
            start_index: Some(start_index.max(1)),
            items_per_page,
            next_cursor: None,
            resources,
        }
    }
}

impl<R: Serialize> Serialize for ListResponse<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schemas", &[LIST_RESPONSE])?;
        map.serialize_entry("totalResults", &self.total_results.unwrap_or(self.resources.len() as u64))?;
        if let Some(start_index) = self.start_index {
            map.serialize_entry("startIndex", &start_index)?;
        }
        map.serialize_entry("itemsPerPage", &self.resources.len())?;
        if let Some(next_cursor) = &self.next_cursor {
            map.serialize_entry("nextCursor", next_cursor)?;
        }
        map.serialize_entry("Resources", &self.resources)?;
        map.end()
    }
}

/// What follows a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// The page that starts here.
    Start(u64),
    /// Nothing: the list was read to its end.
    End,
    /// Nothing, but the server had promised more resources than it gave: what was read is not the whole list.
    Short {
        /// How many resources the pages had in all.
        seen: u64,
        /// How many the server says there are.
        total: u64,
    },
}

/// Tells what follows the page that was asked for at `asked_start` and held `resources` of them.
/// The start grows by what came, never by what was asked for: a server may give fewer than `count` in the middle.
pub fn page_after(asked_start: u64, resources: u64, total_results: Option<u64>) -> Next {
    let asked_start = asked_start.max(1);
    let seen = (asked_start - 1).saturating_add(resources);
    match (resources, total_results) {
        (0, Some(total)) if seen < total => Next::Short { seen, total },
        (0, _) => Next::End,
        (_, Some(total)) if seen >= total => Next::End,
        _ => Next::Start(seen.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_is_read_in_any_case_and_with_numbers_as_text() {
        let text = br#"{"schemas":["x"],"TotalResults":"3","startindex":1,"itemsPerPage":2.0,"resources":[{"id":"a"},{"id":"b"}]}"#;
        let page = ListResponse::parse(text).unwrap();
        assert_eq!((page.total_results, page.start_index, page.items_per_page), (Some(3), Some(1), Some(2)));
        assert_eq!(page.resources.len(), 2);
    }

    #[test]
    fn an_empty_list_may_leave_its_resources_out() {
        assert_eq!(ListResponse::parse(br#"{"totalResults":0}"#).unwrap().resources.len(), 0);
        assert!(ListResponse::parse(br#"{"totalResults":0,"Resources":null}"#).is_ok());
        assert!(ListResponse::parse(br#"{"totalResults":2}"#).is_err(), "promised and not given is no empty list");
    }

    #[test]
    fn an_error_or_a_page_of_html_is_no_list() {
        let error = br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"401"}"#;
        assert_eq!(ListResponse::parse(error).unwrap_err(), ListError::NotAList("it has no `Resources`"));
        assert!(matches!(ListResponse::parse(b"<html>"), Err(ListError::NotJson { line: 1, .. })));
        assert!(matches!(ListResponse::parse(br#"{"Resources":[{"id""#), Err(ListError::NotJson { .. })));
        assert!(ListResponse::parse(b"[]").is_err());
        assert!(ListResponse::parse(br#"{"Resources":{"id":1}}"#).is_err());
    }

    #[test]
    fn a_page_is_written_as_the_rfc_says() {
        let page = ListResponse::page(7, 3, vec![json!({"id": "a"})]);
        assert_eq!(
            serde_json::to_string(&page).unwrap(),
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":7,"startIndex":3,"itemsPerPage":1,"Resources":[{"id":"a"}]}"#
        );
        assert_eq!(ListResponse::parse(&serde_json::to_vec(&page).unwrap()).unwrap(), page);
    }

    #[test]
    fn the_next_page_starts_after_what_came_not_after_what_was_asked() {
        assert_eq!(page_after(1, 100, Some(250)), Next::Start(101));
        assert_eq!(page_after(101, 40, Some(250)), Next::Start(141));
        assert_eq!(page_after(201, 50, Some(250)), Next::End);
        assert_eq!(page_after(1, 100, None), Next::Start(101));
        assert_eq!(page_after(101, 0, None), Next::End);
    }

    #[test]
    fn a_list_that_ends_before_its_total_is_short() {
        assert_eq!(page_after(101, 0, Some(250)), Next::Short { seen: 100, total: 250 });
        assert_eq!(page_after(0, 0, Some(0)), Next::End);
    }
}
