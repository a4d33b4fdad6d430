//! Values as PostgreSQL takes them: one by one, or as whole columns of many rows.
//! `db.rs` and `bulk.rs` hand them over on their way into a statement.
//! Columns are one text for any number of rows; a long list of values would be planned anew each time.

use crate::error::StoreError;
use crate::value::Arg;
use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use std::borrow::Cow;

/// Writes values into the arguments of a statement.
pub(crate) fn arguments(args: &[Arg<'_>]) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    arguments.reserve(args.len(), args.len() * 16);
    for arg in args {
        match arg {
            Arg::Int(value) => arguments.add(*value),
            Arg::Text(value) => arguments.add(value.as_deref().map(without_nul).as_deref()),
            Arg::Bytes(value) => arguments.add(&**value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// Writes rows of values as columns, and returns the query that gives the rows again. The values of the first row say
/// what type each column has; a value of another type is a mistake of ours and counts as absent.
pub(crate) fn columns(columns: usize, values: &[Arg<'_>]) -> Result<(String, PgArguments), StoreError> {
    let mut arguments = PgArguments::default();
    arguments.reserve(columns, values.len() * 16);
    let mut typed = Vec::with_capacity(columns);
    for (at, first) in values.iter().take(columns).enumerate() {
        let column = values.iter().skip(at).step_by(columns.max(1));
        let (added, name) = match first {
            Arg::Int(_) => (arguments.add(column.map(int).collect::<Vec<_>>()), "BIGINT[]"),
            Arg::Text(_) => (arguments.add(column.map(text).collect::<Vec<_>>()), "TEXT[]"),
            Arg::Bytes(_) => (arguments.add(column.map(bytes).collect::<Vec<_>>()), "BYTEA[]"),
        };
        added.map_err(sqlx::Error::Encode)?;
        typed.push(format!("${}::{name}", at + 1));
    }
    Ok((format!("SELECT * FROM UNNEST({})", typed.join(", ")), arguments))
}

fn int(arg: &Arg<'_>) -> Option<i64> {
    match arg {
        Arg::Int(value) => *value,
        _ => None,
    }
}

fn text<'a>(arg: &'a Arg<'_>) -> Option<Cow<'a, str>> {
    match arg {
        Arg::Text(value) => value.as_deref().map(without_nul),
        _ => None,
    }
}

fn bytes<'a>(arg: &'a Arg<'_>) -> &'a [u8] {
    match arg {
        Arg::Bytes(value) => value,
        _ => &[],
    }
}

/// PostgreSQL keeps no NUL in a text; what somebody else's server says may hold one.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}
