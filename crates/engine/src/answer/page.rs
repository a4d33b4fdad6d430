//! Parts of lists: how much of one is told at once, and where the next part goes on.
//! A cursor is opaque to whoever holds it; one that was not made here is refused.

use crate::error::EngineError;

/// How many rows a part has unless said.
pub const LIMIT_USUAL: usize = 1000;
/// How many rows a part has at most.
pub const LIMIT_MAX: usize = 1000;

/// Bounds a part for whoever asks from afar.
///
/// # Errors
/// More is asked for than may be, or nothing.
pub fn bound(limit: &mut Option<usize>) -> Result<(), EngineError> {
    match limit.get_or_insert(LIMIT_USUAL) {
        1..=LIMIT_MAX => Ok(()),
        _ => Err(EngineError::Field { field: "limit", because: format!("it is from 1 to {LIMIT_MAX}") }),
    }
}

/// Cuts a part out of rows that are sorted by `key`: what comes after the cursor, at most `limit`, and where to go on.
pub(super) fn cut<T>(
    rows: impl IntoIterator<Item = T>,
    cursor: Option<&str>,
    limit: Option<usize>,
    key: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let after = |row: &T| cursor.is_none_or(|cursor| key(row).as_str() > cursor);
    let limit = limit.unwrap_or(usize::MAX);
    let mut part: Vec<T> = rows.into_iter().filter(after).take(limit.saturating_add(1)).collect();
    let more = part.len() > limit;
    part.truncate(limit);
    let next = part.last().filter(|_| more).map(key);
    (part, next)
}

/// Reads a cursor that is a text of the form that `is_one` knows.
pub(super) fn text(cursor: Option<&str>, is_one: impl Fn(&str) -> bool) -> Result<Option<&str>, EngineError> {
    if cursor.is_none_or(is_one) { Ok(cursor) } else { Err(unknown()) }
}

/// Reads a cursor that is a number.
pub(super) fn number(cursor: Option<&str>) -> Result<i64, EngineError> {
    let Some(text) = cursor else { return Ok(0) };
    let number = text.parse::<i64>().ok().filter(|number| *number >= 0);
    number.ok_or_else(unknown)
}

fn unknown() -> EngineError {
    EngineError::Field { field: "cursor", because: "it is none that was given out".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_without_a_gap() {
        let rows = ["a", "b", "c"];
        let cut = |cursor| cut(rows, cursor, Some(2), |row| (*row).to_owned());
        assert_eq!(cut(None), (vec!["a", "b"], Some("b".into())));
        assert_eq!(cut(Some("b")), (vec!["c"], None));
        assert_eq!(super::cut(rows, None, None, |row| (*row).to_owned()), (rows.to_vec(), None));
    }

    #[test]
    fn a_cursor_that_nobody_gave_out_is_refused() {
        assert_eq!(number(None).unwrap(), 0);
        assert!(number(Some("-1")).is_err() && number(Some("x")).is_err());
        let text = |cursor| text(cursor, |text| text.starts_with("i-"));
        assert!(text(Some("")).is_err() && text(Some("zzz")).is_err());
        assert_eq!((text(None).unwrap(), text(Some("i-1")).unwrap()), (None, Some("i-1")));
    }
}
