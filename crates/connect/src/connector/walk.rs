//! How one list is walked, page after page: the request of each page, what it holds, and where the next one is.
//! Pulls, look-ups and reference lists walk by it. It knows neither records nor what is done with them.

use super::Inner;
use super::ask::{Ask, json_of};
use crate::codec::json::{Json, Place};
use crate::codec::value::number;
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{Method, Paging, PagingStyle, Total};
use crate::transport::{Priority, Response};
use http::header::LINK;
use serde_json::{Map, Value};
use std::collections::HashSet;
use url::Url;

/// Pages of one list that are read at most.
pub(super) const PAGES_MAX: u64 = 200_000;

/// One list to walk.
#[derive(Clone)]
pub(super) struct Walk {
    pub path: String,
    pub items: Place,
    pub paging: Paging,
    pub query: Vec<(String, String)>,
    /// The body of every request, for an app that lists by POST.
    pub body: Option<Map<String, Value>>,
    pub priority: Priority,
}

/// Where a page is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Position {
    /// The first page of a list that is walked from page to page.
    Start,
    /// A numbered page.
    Page(u64),
    /// The page that begins with this record, counted as the app counts.
    Index(u64),
    /// Behind a cursor.
    Cursor(String),
    /// At an address that the app gave.
    Link(String),
}

impl Walk {
    /// Returns the paging of this name in the manifest.
    pub fn paging(inner: &Inner, name: &str) -> Result<Paging, ConnectError> {
        inner
            .manifest()
            .paging
            .get(name)
            .cloned()
            .ok_or_else(|| ConnectError::new(ErrorKind::Configuration, format!("the manifest has no paging {name:?}")))
    }

    /// Returns where the walk begins.
    pub fn start(&self) -> Position {
        match self.paging.style {
            PagingStyle::Page => Position::Page(1),
            PagingStyle::StartIndex => Position::Index(self.paging.first),
            _ => Position::Start,
        }
    }

    /// Tells whether pages are numbered, so that several can be asked for at once.
    pub fn is_numbered(&self) -> bool {
        self.paging.style == PagingStyle::Page
    }

    /// Returns the records a page that are asked for: never more than the app gives.
    pub fn size(&self) -> Option<u32> {
        let max = self.paging.size_max.unwrap_or(u32::MAX);
        self.paging.size.or(self.paging.size_max).map(|size| size.min(max).max(1))
    }

    /// Reads one page.
    pub async fn fetch(&self, inner: &Inner, position: &Position) -> Result<Response, ConnectError> {
        let url = self.page_url(inner, position)?;
        let mut ask = Ask::read(url, &self.path, self.priority);
        if let Some(body) = &self.body {
            ask.method = Method::Post;
            let paging = self.paging_parameters(position).into_iter();
            let numbers =
                paging.map(|(key, value)| (key, number(&Value::String(value.clone())).unwrap_or(value.into())));
            ask.body = Some(Value::Object(body.clone().into_iter().chain(numbers).collect()));
        }
        inner.send_well(ask, &[200]).await
    }

    /// Returns the parameters that lead to a page.
    fn paging_parameters(&self, position: &Position) -> Vec<(String, String)> {
        let size = self.size();
        let mut parameters = Vec::new();
        if let (Some(parameter), Some(size)) = (&self.paging.size_parameter, size) {
            parameters.push((parameter.clone(), size.to_string()));
        }
        let Some(parameter) = self.paging.parameter.clone() else { return parameters };
        match position {
            Position::Page(page) => {
                parameters.push((parameter, (self.paging.first + page - 1).to_string()));
            }
            Position::Index(index) => parameters.push((parameter, index.to_string())),
            Position::Cursor(cursor) => parameters.push((parameter, cursor.clone())),
            Position::Start | Position::Link(_) => {}
        }
        parameters
    }

    fn page_url(&self, inner: &Inner, position: &Position) -> Result<Url, ConnectError> {
        if let Position::Link(address) = position {
            return Self::linked(inner, address);
        }
        let mut url = inner.url(&self.path, &[])?;
        let paging = if self.body.is_none() { self.paging_parameters(position) } else { Vec::new() };
        url.query_pairs_mut().extend_pairs(self.query.iter().chain(&paging));
        if url.query() == Some("") {
            url.set_query(None);
        }
        Ok(url)
    }

    /// Follows an address only on our own host.
    pub fn linked(inner: &Inner, address: &str) -> Result<Url, ConnectError> {
        let url = inner.base.join(address).map_err(|error| {
            ConnectError::new(ErrorKind::Malformed, format!("the next page has an address that is none: {error}"))
        })?;
        if url.origin() != inner.base.origin() {
            let text = format!("the next page lies on another host ({})", url.host_str().unwrap_or("none"));
            return Err(ConnectError::new(ErrorKind::Malformed, text).hinting("credentials are not sent elsewhere"));
        }
        Ok(url)
    }

    /// Returns the records of a page.
    pub fn rows<'j, 'a>(&self, json: &'j Json<'a>) -> Result<&'j [Json<'a>], ConnectError> {
        // An empty list may leave its records out.
        if self.paging.style == PagingStyle::StartIndex && self.total(json) == Some(0) && self.items.of(json).is_none()
        {
            return Ok(&[]);
        }
        let marked = |mark: &String| Place::new(mark).of(json).is_some();
        if self.items.of(json).is_none() && self.paging.mark.as_ref().is_some_and(marked) {
            return Ok(&[]);
        }
        rows_of(json, &self.items, &self.path)
    }

    /// Returns how many records the app says there are.
    pub fn total(&self, json: &Json<'_>) -> Option<u64> {
        match Place::new(self.paging.total.as_deref()?).of(json)? {
            Json::Natural(total) => Some(*total),
            Json::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Tells whether the total ends the walk.
    pub fn total_ends(&self) -> bool {
        self.paging.total_is == Total::End
    }

    /// Returns where the next page is, for lists that are walked from page to page; `seen` counts the records up to here.
    pub fn next(
        &self,
        response: &Response,
        json: &Json<'_>,
        position: &Position,
        (rows, seen): (usize, u64),
    ) -> Option<Position> {
        if let Some(header) = &self.paging.next_header {
            let cursor = response.header(header).map(str::trim).filter(|cursor| !cursor.is_empty());
            return cursor.map(|cursor| Position::Cursor(cursor.to_owned()));
        }
        if matches!(json, Json::List(_)) && self.paging.style == PagingStyle::Cursor {
            return None;
        }
        match self.paging.style {
            PagingStyle::Single => None,
            PagingStyle::Cursor => {
                let next = Place::new(self.paging.next.as_deref()?).of(json)?;
                let cursor = next.plain().filter(|cursor| !cursor.is_empty())?;
                Some(Position::Cursor(cursor.into_owned()))
            }
            PagingStyle::Address => {
                let next = Place::new(self.paging.next.as_deref()?).of(json)?;
                Some(Position::Link(next.plain().filter(|address| !address.is_empty())?.into_owned()))
            }
            PagingStyle::Link => link_next(response).map(Position::Link),
            // An app may give fewer than asked for in the middle. Where its total is not believed to end the walk, it is asked
            // on behind a full page: it may have counted that page only.
            PagingStyle::StartIndex => {
                let Position::Index(index) = position else { return None };
                let after = index + rows as u64;
                let left = self.total(json).is_some_and(|total| after < self.paging.first + total);
                let full = !self.total_ends() && self.size().is_some_and(|size| rows >= size as usize);
                (rows > 0 && (left || full)).then_some(Position::Index(after))
            }
            PagingStyle::Page => {
                let Position::Page(page) = position else { return None };
                // A total that is believed says it; without one a short page is the last, unless the app links to a next one.
                let goes_on = match self.total(json).filter(|_| self.total_ends()) {
                    Some(total) => seen < total,
                    None => self.size().is_none_or(|size| rows >= size as usize) || link_next(response).is_some(),
                };
                (goes_on && rows > 0).then_some(Position::Page(page + 1))
            }
        }
    }
}

/// Returns the records of an answer. A body that is a list is taken as one, and some wrap the list once more, beside
/// figures about it.
pub(super) fn rows_of<'j, 'a>(json: &'j Json<'a>, items: &Place, path: &str) -> Result<&'j [Json<'a>], ConnectError> {
    let found = if matches!(json, Json::List(_)) { Some(json) } else { items.of(json) };
    let within = found.and_then(|found| found.get("records")).filter(|records| matches!(records, Json::List(_)));
    match within.or(found) {
        Some(Json::List(rows)) => Ok(rows),
        _ => Err(ConnectError::new(
            ErrorKind::Malformed,
            format!("the answer of {path} has no list of records where the app used to put it"),
        )),
    }
}

/// Returns the address of `Link: <…>; rel="next"`.
pub(super) fn link_next(response: &Response) -> Option<String> {
    let links = response.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    links.flat_map(|value| value.split(',')).find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|parameter| {
            let (key, value) = parameter.trim().split_once('=').unwrap_or_default();
            key.eq_ignore_ascii_case("rel") && value.trim_matches('"').eq_ignore_ascii_case("next")
        });
        next.then(|| address.to_owned())
    })
}

pub(super) fn shrank() -> ConnectError {
    let text = "the list became shorter while it was walked: records may have been missed";
    ConnectError::new(ErrorKind::Malformed, text)
}

impl Inner {
    /// Walks a whole list, one page after the other, and hands each record to `take`, which may end the walk.
    pub(super) async fn walk_all(
        &self,
        walk: &Walk,
        mut take: impl FnMut(&Json<'_>) -> Result<(), ConnectError> + Send,
    ) -> Result<(), ConnectError> {
        let mut position = walk.start();
        let (mut places, mut seen): (HashSet<String>, u64) = (HashSet::new(), 0);
        for _ in 0..PAGES_MAX {
            let response = walk.fetch(self, &position).await?;
            let next = {
                let json = json_of(&response)?;
                let rows = walk.rows(&json)?;
                for row in rows {
                    take(row)?;
                }
                seen += rows.len() as u64;
                walk.next(&response, &json, &position, (rows.len(), seen))
            };
            match next {
                None => return Ok(()),
                Some(Position::Cursor(cursor) | Position::Link(cursor)) if !places.insert(cursor.clone()) => {
                    return Err(repeated());
                }
                Some(next) => position = next,
            }
        }
        Err(ConnectError::new(ErrorKind::Malformed, format!("the list has more than {PAGES_MAX} pages")))
    }
}

/// Returns the error of a cursor that was given before.
pub(super) fn repeated() -> ConnectError {
    ConnectError::new(ErrorKind::Malformed, "the app gave a cursor that it had given before: the walk would never end")
}
