//! Whole tables on their way out of a database and into another: which there are, their rows, their columns by name.
//! `backup.rs` writes what comes out to a file and hands it in again, on whichever of the two databases.
//! Names of tables come from the scripts of the store, never from a file; what a row means is not known here.

use crate::db::{Arg, Row, Tx, args};
use crate::error::StoreError;
use crate::postgres;
use futures::TryStreamExt;
use sqlx::AssertSqlSafe;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sort {
    /// Integers.
    Int,
    /// Texts.
    Text,
    /// Bytes.
    Bytes,
}

/// One table and its columns in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Table {
    pub name: String,
    pub columns: Vec<(String, Sort)>,
}

impl Table {
    fn column_names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    }
}

impl Tx {
    /// Takes as long as it takes: a whole table is read or written in one statement.
    pub(crate) async fn patiently(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(tx) => {
                sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut **tx).await?;
                Ok(())
            }
        }
    }

    /// Returns the columns of the tables named; of those that are not there, none.
    pub(crate) async fn tables(&mut self, names: &[String]) -> Result<Vec<Table>, StoreError> {
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            let sql = match self {
                Self::Sqlite(_) => "SELECT name, type FROM pragma_table_info($1) ORDER BY cid",
                Self::Postgres(_) => {
                    "SELECT column_name::text, data_type::text FROM information_schema.columns \
                     WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
                }
            };
            let read = |row: Row<'_>| {
                let sort = match row.text(1)?.to_lowercase().as_str() {
                    "integer" | "bigint" => Sort::Int,
                    "bytea" | "blob" => Sort::Bytes,
                    _ => Sort::Text,
                };
                Ok((row.text(0)?.to_owned(), sort))
            };
            let columns = self.list(sql, args![&**name], read).await?;
            if !columns.is_empty() {
                tables.push(Table { name: name.clone(), columns });
            }
        }
        Ok(tables)
    }

    /// Hands over every row of a table.
    pub(crate) async fn each_row(
        &mut self,
        table: &Table,
        mut take: impl FnMut(Row<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        let sql = format!("SELECT {} FROM {}", table.column_names(), table.name);
        match self {
            Self::Sqlite(lent) => lent.each(&sql, &[], take),
            Self::Postgres(tx) => {
                let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut **tx);
                while let Some(found) = rows.try_next().await? {
                    take(Row::Postgres(&found))?;
                }
                Ok(())
            }
        }
    }

    /// Puts rows into a table.
    pub(crate) async fn put_rows(&mut self, table: &Table, values: Vec<Arg<'_>>) -> Result<(), StoreError> {
        let columns = table.columns.len();
        let head = format!("INSERT INTO {} ({})", table.name, table.column_names());
        match self {
            _ if values.is_empty() => Ok(()),
            Self::Sqlite(lent) => {
                let sql = format!("{head} VALUES ({})", vec!["?"; columns].join(", "));
                lent.run_rows(&sql, columns, &values).map(drop)
            }
            Self::Postgres(tx) => {
                let (query, arguments) = postgres::columns(columns, &values)?;
                let sql = AssertSqlSafe(format!("{head} {query}"));
                sqlx::query_with(sql, arguments).execute(&mut **tx).await?;
                Ok(())
            }
        }
    }

    /// Drops a table, or only its rows.
    pub(crate) async fn clear(&mut self, name: &str, whole: bool) -> Result<(), StoreError> {
        let sql = if whole { format!("DROP TABLE IF EXISTS {name}") } else { format!("DELETE FROM {name}") };
        match self {
            Self::Sqlite(lent) => lent.script(&sql),
            Self::Postgres(tx) => Ok(sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut **tx).await.map(drop)?),
        }
    }

    /// Tells whether a table has a row.
    pub(crate) async fn has_rows(&mut self, table: &Table) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", table.name);
        match self {
            Self::Sqlite(lent) => Ok(lent.first(&sql, &[], |_| Ok(()))?.is_some()),
            Self::Postgres(tx) => Ok(sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut **tx).await?.is_some()),
        }
    }

    /// Lets keys that count by themselves go on behind the largest one; SQLite does so by itself.
    pub(crate) async fn count_on(&mut self, table: &Table) -> Result<(), StoreError> {
        let Self::Postgres(tx) = self else { return Ok(()) };
        let sql = "SELECT column_name::text FROM information_schema.columns \
                   WHERE table_schema = current_schema() AND table_name = $1 AND is_identity = 'YES'";
        let counted: Vec<(String,)> = sqlx::query_as(sql).bind(&table.name).fetch_all(&mut **tx).await?;
        for (column,) in counted {
            let sql = format!(
                "SELECT setval(pg_get_serial_sequence('{0}', '{column}'), greatest(coalesce(max({column}), 0), 1)) FROM {0}",
                table.name
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut **tx).await?;
        }
        Ok(())
    }
}
