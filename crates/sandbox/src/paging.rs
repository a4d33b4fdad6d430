//! The ways in which the vendors cut lists into pages: sealed cursors over places or keys, and numbered pages. The
//! imitations hand over their rows and get a page back, or what is wrong with the request. A cursor cannot be guessed or carried over to
//! another list, filter or order, so a client that makes one up is found out.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::exchange::Call;
use crate::refusal::Wrong;

/// The names and bounds of a vendor's numbered pages.
#[derive(Clone, Copy)]
pub(crate) struct PageRule {
    pub page: &'static str,
    pub size: &'static str,
    pub size_default: usize,
    pub size_max: usize,
}

/// Returns the number of rows to skip and to take.
pub(crate) fn numbered(call: &Call, rule: PageRule) -> Result<(usize, usize), Wrong> {
    let page = count(call, rule.page, 1, usize::MAX / rule.size_max)?;
    let size = count(call, rule.size, rule.size_default, rule.size_max)?;
    Ok(((page - 1) * size, size))
}

/// Reads a parameter that counts from one.
pub(crate) fn count(call: &Call, key: &str, default: usize, max: usize) -> Result<usize, Wrong> {
    let Some(text) = call.query(key) else { return Ok(default) };
    match text.parse::<usize>() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(Wrong::new(key, format!("It should be a number from 1 to {max}."), "invalid_value")),
    }
}

/// Reads a parameter that is `true` or `false`.
pub(crate) fn flag(call: &Call, key: &str) -> Result<Option<bool>, Wrong> {
    match call.query(key) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Wrong::new(key, "It should be true or false.", "invalid_value")),
    }
}

/// Makes and opens cursors.
#[derive(Clone, Copy)]
pub(crate) struct Seal(pub u64);

impl Seal {
    /// Returns a cursor that continues after a place in the list that `scope` describes.
    pub fn close(self, scope: &str, place: i64) -> String {
        let mask = digest(&(self.0, scope, "mask"));
        format!("{:016x}{:016x}", (place as u64) ^ mask, digest(&(self.0, scope, place)))
    }

    /// Returns the place after which to continue, when the cursor was made for this list.
    pub fn open(self, scope: &str, cursor: &str) -> Option<i64> {
        if cursor.len() != 32 || !cursor.is_ascii() {
            return None;
        }
        let masked = u64::from_str_radix(&cursor[..16], 16).ok()?;
        let place = (masked ^ digest(&(self.0, scope, "mask"))) as i64;
        (self.close(scope, place) == cursor).then_some(place)
    }
}

impl Seal {
    /// Returns a cursor that carries a sort key instead of a place.
    pub fn close_key(self, scope: &str, key: &str) -> String {
        format!("{:016x}{}", digest(&(self.0, scope, key)), URL_SAFE_NO_PAD.encode(key))
    }

    /// Returns the sort key, when the cursor was made for this list.
    pub fn open_key(self, scope: &str, cursor: &str) -> Option<String> {
        let key = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor.get(16..)?).ok()?).ok()?;
        (self.close_key(scope, &key) == cursor).then_some(key)
    }
}

/// One page of a list that is sorted by a key and can be walked both ways.
pub(crate) struct KeyPage<'a, T> {
    pub items: Vec<&'a T>,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Which way a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Rising,
    Falling,
}

/// Sorts rows by their keys, which differ, and cuts one page out of them; `cursor` is what an earlier page gave. There
/// is no page when the cursor was not made for this list.
pub(crate) fn by_key<'a, T>(
    mut rows: Vec<(String, &'a T)>,
    order: Order,
    (seal, scope): (Seal, &str),
    size: usize,
    cursor: Option<&str>,
) -> Option<KeyPage<'a, T>> {
    rows.sort_by(|(one, _), (other, _)| if order == Order::Rising { one.cmp(other) } else { other.cmp(one) });
    let start = match cursor.map(|cursor| seal.open_key(scope, cursor)) {
        None => 0,
        Some(None) => return None,
        Some(Some(key)) => {
            let (side, key) = key.split_at(1);
            let earlier = |row: &str| if order == Order::Rising { row < key } else { row > key };
            let first = rows.partition_point(|(row, _)| earlier(row));
            let met = rows.get(first).is_some_and(|(row, _)| row == key);
            if side == "<" { first.saturating_sub(size) } else { first + usize::from(met) }
        }
    };
    let start = start.min(rows.len());
    let page = &rows[start..rows.len().min(start + size)];
    let close =
        |side: &str, row: Option<&(String, &T)>| row.map(|(key, _)| seal.close_key(scope, &format!("{side}{key}")));
    Some(KeyPage {
        items: page.iter().map(|(_, row)| *row).collect(),
        before: if start == 0 { None } else { close("<", page.first()) },
        after: if start + page.len() < rows.len() { close(">", page.last()) } else { None },
    })
}

/// Returns a stable number for a value; not secret, only hard to guess by accident.
pub(crate) fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// One page of a list that is walked by cursor.
pub(crate) struct CursorPage<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// Cuts one page out of rows that stand in walking order.
pub(crate) fn by_cursor<'a, T>(
    rows: impl Iterator<Item = (i64, &'a T)>,
    seal: Seal,
    scope: &str,
    size: usize,
) -> CursorPage<&'a T> {
    let mut rows = rows.peekable();
    let mut items = Vec::new();
    let mut last = 0;
    while items.len() < size
        && let Some((place, row)) = rows.next()
    {
        items.push(row);
        last = place;
    }
    let next = rows.peek().is_some().then(|| seal.close(scope, last));
    CursorPage { items, next }
}
