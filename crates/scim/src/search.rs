//! What a client asks of a list: the parameters of a GET, or the body of a POST to `/.search` (RFC 7644 §3.4.2, §3.4.3).
//! Everything is read and bounded here; what of it a type can answer is seen when it is bound to one.
//! Parameters that are no part of SCIM, such as flags on a tenant's URL, are passed over.

use crate::dialect::Said;
use crate::error::{ScimError, ScimType};
use crate::filter::Filter;
use crate::projection::Projection;
use crate::sort::Order;
use crate::words::{canonical, get};
use serde_json::{Map, Value, json};

/// What is asked of a list.
#[derive(Clone, PartialEq, Debug)]
pub struct Search {
    /// Which resources.
    pub filter: Option<Filter>,
    /// In the order of which attribute.
    pub sort_by: Option<String>,
    /// In which direction.
    pub order: Order,
    /// Which page.
    pub page: Page,
    /// Which attributes.
    pub projection: Projection,
}

/// Which page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Page {
    /// By place (RFC 7644 §3.4.2.4).
    Index {
        /// The place of the first, from 1.
        start_index: u64,
        /// How many at most; 0 asks for the total only.
        count: usize,
    },
    /// By cursor (RFC 9865).
    Cursor {
        /// The cursor; `None` for the first page.
        cursor: Option<String>,
        /// How many at most.
        count: usize,
    },
}

/// How large pages are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageLimits {
    /// Where the client does not say.
    pub size: usize,
    /// At most.
    pub size_max: usize,
}

impl Default for PageLimits {
    fn default() -> Self {
        Self { size: 100, size_max: 1000 }
    }
}

/// The parameters as texts, wherever they stood.
#[derive(Default)]
struct Asked {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
    cursor: Option<String>,
    attributes: Option<Vec<String>>,
    excluded: Option<Vec<String>>,
}

impl Search {
    /// Reads the query of a URL, without its `?`.
    ///
    /// # Errors
    /// `invalidFilter`, `invalidValue`, or `invalidCount` beside a cursor.
    pub fn from_query(query: &str, limits: PageLimits, said: &mut Said) -> Result<Self, ScimError> {
        let mut asked = Asked::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || decode(value);
            match decode(name).unwrap_or_default().to_ascii_lowercase().as_str() {
                "filter" => asked.filter = Some(value()?),
                "sortby" => asked.sort_by = Some(value()?),
                "sortorder" => asked.sort_order = Some(value()?),
                "startindex" => asked.start_index = Some(value()?),
                "count" => asked.count = Some(value()?),
                "cursor" => asked.cursor = Some(value()?),
                "attributes" => asked.attributes = Some(value()?.split(',').map(str::to_owned).collect()),
                "excludedattributes" => asked.excluded = Some(value()?.split(',').map(str::to_owned).collect()),
                _ => {}
            }
        }
        asked.read(limits, said)
    }

    /// Reads the body of a POST to `/.search`.
    ///
    /// # Errors
    /// `invalidSyntax`, and as [`Search::from_query`].
    pub fn from_body(body: &[u8], limits: PageLimits, said: &mut Said) -> Result<Self, ScimError> {
        let object: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
            let at = format!("line {} column {}", error.line(), error.column());
            ScimError::because(ScimType::InvalidSyntax, format!("the search is not a JSON object at {at}"))
        })?;
        let text = |name: &str| match get(&object, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(number @ Value::Number(_)) => Ok(Some(number.to_string())),
            Some(_) => Err(ScimError::because(ScimType::InvalidValue, format!("`{name}`: expected a text or number"))),
        };
        let names = |name: &str| match get(&object, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(list)) => Ok(Some(list.split(',').map(str::to_owned).collect())),
            Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
                Ok(Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
            }
            Some(_) => Err(ScimError::because(ScimType::InvalidValue, format!("`{name}`: expected a list of names"))),
        };
        let asked = Asked {
            filter: text("filter")?,
            sort_by: text("sortBy")?,
            sort_order: text("sortOrder")?,
            start_index: text("startIndex")?,
            count: text("count")?,
            cursor: text("cursor")?,
            attributes: names("attributes")?,
            excluded: names("excludedAttributes")?,
        };
        asked.read(limits, said)
    }

    /// Returns the text that a cursor of this list is sealed with: all that decides which resources come in which
    /// order. `of` says whose list it is.
    pub fn cursor_scope(&self, of: &str) -> String {
        let filter = self.filter.as_ref().map(ToString::to_string);
        canonical(&json!([of, filter, self.sort_by, self.order == Order::Descending]))
    }
}

impl Asked {
    fn read(self, limits: PageLimits, said: &mut Said) -> Result<Search, ScimError> {
        let filter = self.filter.filter(|filter| !filter.trim().is_empty());
        Ok(Search {
            filter: filter.map(|filter| Filter::parse(&filter, said)).transpose()?,
            page: page(self.cursor, self.start_index.as_deref(), self.count.as_deref(), limits)?,
            sort_by: self.sort_by.filter(|name| !name.trim().is_empty()),
            order: Order::read(self.sort_order.as_deref().unwrap_or_default())?,
            projection: Projection::of(self.attributes, self.excluded)?,
        })
    }
}

fn page(
    cursor: Option<String>,
    start_index: Option<&str>,
    count: Option<&str>,
    limits: PageLimits,
) -> Result<Page, ScimError> {
    let bounded = |count: i128| usize::try_from(count.max(0)).unwrap_or(usize::MAX).min(limits.size_max);
    let default = limits.size.min(limits.size_max);
    let Some(cursor) = cursor else {
        let start_index = whole(start_index, "startIndex")?.unwrap_or(1).clamp(1, i128::from(u64::MAX));
        let count = whole(count, "count")?.map_or(default, bounded);
        return Ok(Page::Index { start_index: u64::try_from(start_index).unwrap_or(1), count });
    };
    if start_index.is_some() {
        let because = "`startIndex` and `cursor` exclude each other";
        return Err(ScimError::because(ScimType::InvalidValue, because));
    }
    let invalid = || ScimError::because(ScimType::InvalidCount, "`count`: expected a whole number, 0 or more");
    let count = whole(count, "count").map_err(|_| invalid())?;
    if count.is_some_and(|count| count < 0) {
        return Err(invalid());
    }
    Ok(Page::Cursor { cursor: Some(cursor).filter(|cursor| !cursor.is_empty()), count: count.map_or(default, bounded) })
}

fn whole(text: Option<&str>, name: &str) -> Result<Option<i128>, ScimError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ScimError::because(ScimType::InvalidValue, format!("`{name}`: expected a whole number")));
    }
    // A number with more digits than any list has resources is as good as the largest.
    let largest = if text.starts_with('-') { -i128::from(i64::MAX) } else { i128::from(u64::MAX) };
    Ok(Some(text.parse().unwrap_or(largest)))
}

/// Decodes a part of a query. `+` is a space, unless the text spells spaces as `%20`: then its author does not write
/// spaces as `+`, and means the `+` of an address.
pub(crate) fn decode(text: &str) -> Result<String, ScimError> {
    let is_plus_space = !text.contains("%20");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let hex = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        (bytes, rest) = match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => (push(bytes, byte), after.get(2..).unwrap_or_default()),
            None if first == b'+' && is_plus_space => (push(bytes, b' '), after),
            None => (push(bytes, first), after),
        };
    }
    String::from_utf8(bytes).map_err(|_| ScimError::because(ScimType::InvalidSyntax, "the query is not UTF-8"))
}

fn push(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}
