//! The two ways in which the vendors cut lists into pages: sealed cursors and numbered pages. The imitations hand over
//! their rows and get a page back, or what is wrong with the request. A cursor cannot be guessed or carried over to
//! another list, filter or order, so a client that makes one up is found out.

use std::hash::{DefaultHasher, Hash, Hasher};

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
