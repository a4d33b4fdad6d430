//! A list from what is held: filtered, put in order, cut to a page, and shown as was asked (RFC 7644 §3.4.2).
//! A server that holds few resources of a type hands all of them; one that holds many does the same steps with its index.
//! The order is total, so that pages neither overlap nor leave out, while nothing is added or taken in between.

use crate::cursor::{Cursor, CursorSeal};
use crate::dialect::Said;
use crate::error::{ScimError, ScimType};
use crate::list::ListResponse;
use crate::schema::ResourceType;
use crate::search::{Page, Search};
use crate::sort::{SortKey, Sorting, id};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// What is needed to read and write cursors.
#[derive(Clone, Copy, Debug)]
pub struct Cursors<'a> {
    /// The server's seal.
    pub seal: &'a CursorSeal,
    /// Whose list it is.
    pub of: &'a str,
    /// The moment, in seconds since 1970.
    pub now_s: i64,
}

/// Returns the page that a search asks for.
///
/// # Errors
/// The search does not fit the type: `invalidFilter`, `invalidValue`; or its cursor is none: `invalidCursor`,
/// `expiredCursor`.
pub fn list<'a>(
    of: &ResourceType,
    held: impl IntoIterator<Item = &'a Map<String, Value>>,
    search: &Search,
    cursors: Cursors<'_>,
    said: &mut Said,
) -> Result<ListResponse<Map<String, Value>>, ScimError> {
    let filter = search.filter.as_ref().map(|filter| filter.bind(of, said)).transpose()?;
    let sorting = Sorting::bind(search.sort_by.as_deref(), search.order, of, said)?;
    let mut fitting: Vec<_> =
        held.into_iter().filter(|resource| filter.as_ref().is_none_or(|filter| filter.fits(resource))).collect();
    sorting.sort(&mut fitting);
    let total = fitting.len() as u64;
    let shown = search.projection.bind(of);
    let show = |page: &[&Map<String, Value>]| page.iter().map(|resource| shown.show(resource)).collect();
    match &search.page {
        Page::Index { start_index, count } => {
            let start = usize::try_from(start_index - 1).unwrap_or(usize::MAX).min(fitting.len());
            let end = start.saturating_add(*count).min(fitting.len());
            Ok(ListResponse::page(total, *start_index, show(fitting.get(start..end).unwrap_or_default())))
        }
        Page::Cursor { cursor, count } => {
            let scope = search.cursor_scope(cursors.of);
            let start = match cursor {
                None => 0,
                Some(text) => start_after(&sorting, &fitting, &cursors.seal.open(&scope, text, cursors.now_s)?)?,
            };
            let end = start.saturating_add(*count).min(fitting.len());
            let page = fitting.get(start..end).unwrap_or_default();
            let last = page.last().filter(|_| end < fitting.len());
            let next_cursor = last
                .map(|last| cursors.seal.seal(&scope, &Cursor { after: id(last).to_owned(), made_s: cursors.now_s }));
            Ok(ListResponse { start_index: None, next_cursor, ..ListResponse::page(total, 1, show(page)) })
        }
    }
}

/// Returns where the page after a cursor begins. Where its resource is gone, an order by id still knows the place;
/// another order does not, and guessing it could leave somebody out.
fn start_after(sorting: &Sorting<'_>, fitting: &[&Map<String, Value>], cursor: &Cursor) -> Result<usize, ScimError> {
    if let Some(at) = fitting.iter().position(|resource| id(resource) == cursor.after) {
        return Ok(at + 1);
    }
    if !sorting.is_by_id() {
        let because = "the resource at which the page ended is gone; start again without a cursor";
        return Err(ScimError::because(ScimType::ExpiredCursor, because));
    }
    let key = SortKey::Absent;
    let is_behind = |resource: &&Map<String, Value>| {
        sorting.compare((&key, id(resource)), (&key, &cursor.after)) == Ordering::Greater
    };
    Ok(fitting.iter().position(is_behind).unwrap_or(fitting.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::PageLimits;
    use serde_json::json;

    fn held() -> Vec<Map<String, Value>> {
        let user =
            |n: usize| json!({"id": format!("u{n}"), "userName": format!("n{}", 9 - n), "active": n.is_multiple_of(2)});
        (0..7).rev().filter_map(|n| user(n).as_object().cloned()).collect()
    }

    type Asked = (Vec<String>, ListResponse<Map<String, Value>>);

    fn asked(held: &[Map<String, Value>], query: &str) -> Result<Asked, ScimError> {
        let (seal, of, mut said) = (CursorSeal::new([1; 32], 60), ResourceType::user(), Said::default());
        let search = Search::from_query(query, PageLimits { size: 3, size_max: 4 }, &mut said)?;
        let cursors = Cursors { seal: &seal, of: "gate|User", now_s: 0 };
        let page = list(&of, held, &search, cursors, &mut said)?;
        Ok((page.resources.iter().map(|resource| id(resource).to_owned()).collect(), page))
    }

    #[test]
    fn pages_by_place_have_exact_totals_and_a_stable_order() {
        let held = held();
        let (ids, page) = asked(&held, "").unwrap();
        assert_eq!(
            (ids, page.total_results, page.start_index),
            (vec!["u0".into(), "u1".into(), "u2".into()], Some(7), Some(1))
        );
        assert_eq!(asked(&held, "startIndex=6&count=100").unwrap().0, ["u5", "u6"]);
        let (ids, page) = asked(&held, "startIndex=8").unwrap();
        assert_eq!((ids.len(), page.total_results, page.start_index), (0, Some(7), Some(8)));
        let (ids, page) = asked(&held, "filter=active%20eq%20true&sortBy=userName&attributes=id&count=2").unwrap();
        assert_eq!((ids, page.total_results), (vec!["u6".into(), "u4".into()], Some(4)));
        assert_eq!(page.resources[0].len(), 1);
    }

    #[test]
    fn cursors_walk_the_whole_list_once() {
        for query in ["count=2", "count=2&sortBy=userName", "count=3&sortOrder=descending"] {
            let (held, mut seen, mut cursor) = (held(), Vec::new(), String::new());
            loop {
                let (ids, page) = asked(&held, &format!("{query}&cursor={cursor}")).unwrap();
                seen.extend(ids);
                assert!(page.start_index.is_none() && page.total_results == Some(7));
                match page.next_cursor {
                    Some(next) => cursor = next,
                    None => break,
                }
            }
            seen.sort();
            assert_eq!(seen, ["u0", "u1", "u2", "u3", "u4", "u5", "u6"], "{query}");
        }
    }

    #[test]
    fn a_cursor_outlives_its_resource_where_the_order_knows_its_place() {
        let mut held = held();
        let next = |query: &str, held: &[_]| asked(held, query).unwrap().1.next_cursor.unwrap();
        let (by_id, by_name) = (next("count=3&cursor=", &held), next("count=3&cursor=&sortBy=userName", &held));
        held.retain(|resource| !["u2", "u4"].contains(&id(resource)));
        assert_eq!(asked(&held, &format!("cursor={by_id}")).unwrap().0, ["u3", "u5", "u6"]);
        let error = asked(&held, &format!("cursor={by_name}&sortBy=userName")).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::ExpiredCursor));
        let error = asked(&held, &format!("cursor={by_id}&sortBy=userName")).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidCursor), "a cursor of another order");
    }
}
