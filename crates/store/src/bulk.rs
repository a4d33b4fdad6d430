//! Statements over many rows at once: a list of rows inside a constant text, so that each statement is prepared once.
//! The callers give a head, a tail and the values of all rows in one list; the rows go out in portions.
//! What the statement means, this file does not know; how a list of rows is written, `db.rs` does.

use crate::db::{Arg, Row, Tx};
use crate::error::StoreError;
use sqlx::AssertSqlSafe;

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
    /// Writes the statement for these rows, and returns it with its values.
    fn written(&self, tx: &Tx, rows: Vec<Arg>) -> (AssertSqlSafe<String>, Vec<Arg>) {
        let mut sql = String::with_capacity(self.head.len() + self.tail.len() + rows.len() * 4);
        sql.push_str(self.head);
        let args = tx.write_rows(&mut sql, self.columns, rows);
        sql.push_str(self.tail);
        (AssertSqlSafe(sql), args)
    }
}

impl Tx {
    /// Runs a bulk statement over all `values`, and returns how many rows it touched.
    pub(crate) async fn run_bulk(&mut self, bulk: &Bulk, values: Vec<Arg>) -> Result<u64, StoreError> {
        let mut touched = 0;
        let mut rows = values.len() / bulk.columns;
        let mut values = values.into_iter();
        while rows > 0 {
            let portion = self.portion(rows);
            rows -= portion;
            let (sql, args) = bulk.written(self, values.by_ref().take(portion * bulk.columns).collect());
            touched += self.run(sql, args).await?;
        }
        Ok(touched)
    }

    /// Runs a bulk statement over all `values`, and hands over the rows it gives.
    pub(crate) async fn each_bulk(
        &mut self,
        bulk: &Bulk,
        values: Vec<Arg>,
        mut take: impl FnMut(Row<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        let mut rows = values.len() / bulk.columns;
        let mut values = values.into_iter();
        while rows > 0 {
            let portion = self.portion(rows);
            rows -= portion;
            let (sql, args) = bulk.written(self, values.by_ref().take(portion * bulk.columns).collect());
            self.each(sql, args, &mut take).await?;
        }
        Ok(())
    }

    /// Runs a bulk statement that may be given a row more than once, and hands over the rows that it gives. The list is
    /// filled up with its last row, so that a few look-ups are one statement and not one each.
    pub(crate) async fn look_up(
        &mut self,
        bulk: &Bulk,
        mut values: Vec<Arg>,
        take: impl FnMut(Row<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        let rows = values.len() / bulk.columns;
        let last: Vec<Arg> = values.iter().skip(rows.saturating_sub(1) * bulk.columns).cloned().collect();
        for _ in rows..self.portion_over(rows) {
            values.extend(last.iter().cloned());
        }
        self.each_bulk(bulk, values, take).await
    }
}
