//! Statements over many rows at once: a list of rows inside a constant text, so that each statement is prepared once.
//! The callers give a head, a tail and the values of all rows in one list. SQLite runs the statement once for each row,
//! since one over several rows would keep a copy of every page that it touches; PostgreSQL takes whole columns.
//! What the statement means, this file does not know; it must mean the same for each row whatever the others are.

use crate::db::{Arg, Row, Tx};
use crate::error::StoreError;
use crate::postgres;
use futures::TryStreamExt;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgArguments;

/// How many rows go to PostgreSQL in one statement, at most.
const PORTION_MAX: usize = 5000;

/// A statement with a list of rows in it: `head`, the rows, then `tail`. The rows are a query of their own and may
/// stand wherever one may: after `INSERT INTO … `, in `IN (…)`, in `WITH given (…) AS (…)`.
pub(crate) struct Bulk {
    /// What stands before the rows; holds no value.
    pub head: &'static str,
    /// How many values a row has.
    pub columns: usize,
    /// What stands after the rows; holds no value either.
    pub tail: &'static str,
}

impl Bulk {
    /// Writes the statement for one row. Where it asks for rows that are `IN` a list, the one is compared: for a list
    /// SQLite would make a table each time.
    fn for_one(&self) -> String {
        let row = vec!["?"; self.columns].join(", ");
        match self.head.strip_suffix(" IN (") {
            Some(head) => format!("{head} = ({row}{}", self.tail),
            None => format!("{}VALUES ({row}){}", self.head, self.tail),
        }
    }

    /// Writes the statement for many rows as columns.
    fn for_columns(&self, rows: &[Arg<'_>]) -> Result<(AssertSqlSafe<String>, PgArguments), StoreError> {
        let (query, arguments) = postgres::columns(self.columns, rows)?;
        Ok((AssertSqlSafe(format!("{}{query}{}", self.head, self.tail)), arguments))
    }
}

impl Tx {
    /// Runs a bulk statement over all `values`, and returns how many rows it touched.
    pub(crate) async fn run_bulk(&mut self, bulk: &Bulk, values: Vec<Arg<'_>>) -> Result<u64, StoreError> {
        let tx = match self {
            Self::Sqlite(_) if values.is_empty() => return Ok(0),
            Self::Sqlite(lent) => return lent.run_rows(&bulk.for_one(), bulk.columns, &values),
            Self::Postgres(tx) => tx,
        };
        let mut touched = 0;
        for portion in values.chunks(PORTION_MAX * bulk.columns) {
            let (sql, arguments) = bulk.for_columns(portion)?;
            touched += sqlx::query_with(sql, arguments).execute(&mut **tx).await?.rows_affected();
        }
        Ok(touched)
    }

    /// Runs a bulk statement over all `values`, and hands over the rows it gives.
    pub(crate) async fn each_bulk(
        &mut self,
        bulk: &Bulk,
        values: Vec<Arg<'_>>,
        mut take: impl FnMut(Row<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        let tx = match self {
            Self::Sqlite(_) if values.is_empty() => return Ok(()),
            Self::Sqlite(lent) => return lent.each_of_rows(&bulk.for_one(), bulk.columns, &values, take),
            Self::Postgres(tx) => tx,
        };
        for portion in values.chunks(PORTION_MAX * bulk.columns) {
            let (sql, arguments) = bulk.for_columns(portion)?;
            let mut rows = sqlx::query_with(sql, arguments).fetch(&mut **tx);
            while let Some(found) = rows.try_next().await? {
                take(Row::Postgres(&found))?;
            }
        }
        Ok(())
    }
}
