//! Statements over many rows at once: `VALUES` lists of a few fixed lengths, so that each is prepared once.
//! The callers give a head, a tail and the values of all rows in one list; the rows go out in portions.
//! What the statement means, this file does not know.

use crate::db::{Arg, Row, Tx};
use crate::error::StoreError;
use sqlx::AssertSqlSafe;

/// The lengths of portions. A rest is made of the smaller ones, so that no odd length is ever prepared.
const PORTIONS: [usize; 4] = [512, 64, 8, 1];

/// A statement with a list of rows in it: `head`, the rows as `(…), (…)`, then `tail`. Each `{}` in the tail stands
/// for one of the values that all portions share.
pub(crate) struct Bulk {
    /// What stands before the rows; holds no value.
    pub head: &'static str,
    /// How many values a row has.
    pub columns: usize,
    /// What stands after the rows.
    pub tail: &'static str,
}

impl Bulk {
    fn sql(&self, tx: &Tx, rows: usize) -> String {
        let mut sql = String::with_capacity(self.head.len() + self.tail.len() + rows * (self.columns * 6 + 4));
        sql.push_str(self.head);
        let mut number = 0;
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..self.columns {
                if column > 0 {
                    sql.push_str(", ");
                }
                number += 1;
                tx.placeholder(&mut sql, number);
            }
            sql.push(')');
        }
        for (at, part) in self.tail.split("{}").enumerate() {
            if at > 0 {
                number += 1;
                tx.placeholder(&mut sql, number);
            }
            sql.push_str(part);
        }
        sql
    }
}

/// Cuts `rows` into portions of the fixed lengths.
fn portions(mut rows: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let portion = PORTIONS.into_iter().find(|portion| *portion <= rows)?;
        rows -= portion;
        Some(portion)
    })
}

/// No shared values.
pub(crate) fn none() -> Vec<Arg> {
    Vec::new()
}

impl Tx {
    /// Runs a bulk statement over all `values`, and returns how many rows it touched.
    pub(crate) async fn run_bulk(
        &mut self,
        bulk: &Bulk,
        values: Vec<Arg>,
        shared: impl Fn() -> Vec<Arg> + Send,
    ) -> Result<u64, StoreError> {
        let mut touched = 0;
        let rows = values.len() / bulk.columns;
        let mut values = values.into_iter();
        for portion in portions(rows) {
            let mut args: Vec<Arg> = values.by_ref().take(portion * bulk.columns).collect();
            args.extend(shared());
            touched += self.run(AssertSqlSafe(bulk.sql(self, portion)), args).await?;
        }
        Ok(touched)
    }

    /// Runs a bulk statement over all `values`, and hands over the rows it gives.
    pub(crate) async fn each_bulk(
        &mut self,
        bulk: &Bulk,
        values: Vec<Arg>,
        shared: impl Fn() -> Vec<Arg> + Send,
        mut take: impl FnMut(Row<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        let rows = values.len() / bulk.columns;
        let mut values = values.into_iter();
        for portion in portions(rows) {
            let mut args: Vec<Arg> = values.by_ref().take(portion * bulk.columns).collect();
            args.extend(shared());
            self.each(AssertSqlSafe(bulk.sql(self, portion)), args, &mut take).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::portions;

    #[test]
    fn portions_cover_all_rows_with_few_lengths() {
        for rows in [0, 1, 7, 8, 65, 511, 512, 1099] {
            assert_eq!(portions(rows).sum::<usize>(), rows);
        }
        assert_eq!(portions(1099).collect::<Vec<_>>(), [512, 512, 64, 8, 1, 1, 1]);
    }
}
