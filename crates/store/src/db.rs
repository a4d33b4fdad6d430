//! The two databases behind one face: transactions that take one SQL text and give rows.
//! Everything else in this room speaks to `Tx` and `Row`; only this file knows that there are two of them.
//! It knows no table and keeps no state beyond the connections.

use crate::error::StoreError;
use crate::open;
pub(crate) use crate::value::{Arg, Column, args};
use futures::TryStreamExt;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, PgPool, Postgres, Row as _, SqlSafeStr, Sqlite, SqlitePool, Transaction};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How sure a commit must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    /// Survives a power cut: intents, outcomes, decisions, the journal.
    Full,
    /// Survives a kill; what a power cut takes can be observed again.
    Normal,
}

/// The connections to one database.
pub(crate) enum Db {
    /// A file: one writer at a time, in two degrees of durability, and readers beside it.
    Sqlite { full: SqlitePool, normal: SqlitePool, readers: SqlitePool, turn: Arc<Mutex<()>> },
    /// A server.
    Postgres(PgPool),
}

impl Db {
    /// Opens the database at `url`.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        if let Some(rest) = url.strip_prefix("sqlite:") {
            return open::sqlite(rest).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return open::postgres(url).await.map(Self::Postgres);
        }
        Err(StoreError::Address {
            what: "it names neither of the two databases".into(),
            hint: "write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`",
        })
    }

    /// Begins to read: everything read until the end is of one moment.
    pub(crate) async fn read(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite { readers, .. } => Ok(Tx::Sqlite(readers.begin_with("BEGIN").await?, None)),
            Self::Postgres(pool) => {
                Ok(Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?))
            }
        }
    }

    /// Begins to write.
    pub(crate) async fn write(&self, durability: Durability) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite { full, normal, turn, .. } => {
                let turn = turn.clone().lock_owned().await;
                let pool = if durability == Durability::Full { full } else { normal };
                Ok(Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?, Some(turn)))
            }
            Self::Postgres(pool) => Ok(Tx::Postgres(pool.begin().await?)),
        }
    }

    /// Closes all connections, waiting for what is under way.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { full, normal, readers, .. } => {
                readers.close().await;
                normal.close().await;
                full.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// One row of an answer.
pub(crate) enum Row<'r> {
    Sqlite(&'r SqliteRow),
    Postgres(&'r PgRow),
}

impl<'r> From<&'r SqliteRow> for Row<'r> {
    fn from(row: &'r SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}
impl<'r> From<&'r PgRow> for Row<'r> {
    fn from(row: &'r PgRow) -> Self {
        Self::Postgres(row)
    }
}

macro_rules! column {
    ($(#[$doc:meta])* $name:ident -> $type:ty) => {
        $(#[$doc])*
        pub(crate) fn $name(&self, at: usize) -> Result<$type, StoreError> {
            Ok(match self {
                Self::Sqlite(row) => row.try_get(at)?,
                Self::Postgres(row) => row.try_get(at)?,
            })
        }
    };
}

impl<'r> Row<'r> {
    column!(
        /// The integer in this column.
        int -> i64
    );
    column!(
        /// The integer in this column, if there is one.
        int_or_none -> Option<i64>
    );
    column!(
        /// The text in this column.
        text -> &'r str
    );
    column!(
        /// The text in this column, if there is one.
        text_or_none -> Option<&'r str>
    );
    column!(
        /// The bytes in this column.
        bytes -> &'r [u8]
    );
}

/// A transaction. Dropped without a commit, it has never been.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>, Option<OwnedMutexGuard<()>>),
    Postgres(Transaction<'static, Postgres>),
}

/// Runs the same expression with a query for whichever database it is.
macro_rules! on {
    ($tx:expr, $sql:expr, $args:expr, |$query:ident, $connection:ident| $body:expr) => {
        match $tx {
            Tx::Sqlite(tx, _) => {
                let $query = sqlx::query_with($sql, sqlite_arguments($args)?);
                let $connection = &mut **tx;
                $body
            }
            Tx::Postgres(tx) => {
                let $query = sqlx::query_with($sql, postgres_arguments($args)?);
                let $connection = &mut **tx;
                $body
            }
        }
    };
}

fn sqlite_arguments(args: Vec<Arg>) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(args.len(), args.len() * 16);
    for arg in args {
        match arg {
            Arg::Int(value) => arguments.add(value),
            Arg::Text(value) => arguments.add(value),
            Arg::Bytes(value) => arguments.add(value),
            Arg::Column(_) => Err("SQLite takes no columns".into()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(args: Vec<Arg>) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    arguments.reserve(args.len(), args.len() * 16);
    for arg in args {
        match arg {
            Arg::Int(value) => arguments.add(value),
            Arg::Text(value) => arguments.add(value.map(without_nul)),
            Arg::Bytes(value) => arguments.add(value),
            Arg::Column(Column::Ints(all)) => arguments.add(all),
            Arg::Column(Column::Texts(all)) => {
                let all: Vec<Option<String>> = all.into_iter().map(|one| one.map(without_nul)).collect();
                arguments.add(all)
            }
            Arg::Column(Column::Bytes(all)) => arguments.add(all),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// PostgreSQL keeps no NUL in a text; what somebody else's server says may hold one.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// How many rows go to SQLite in one statement. A rest is made of the smaller ones, so that no odd length is prepared.
const PORTIONS: [usize; 4] = [512, 64, 8, 1];
/// How many rows go to PostgreSQL in one statement, at most.
const PORTION_MAX: usize = 5000;

impl Tx {
    /// Runs a statement and returns how many rows it touched.
    pub(crate) async fn run(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<u64, StoreError> {
        on!(self, sql, args, |query, connection| Ok(query.execute(connection).await?.rows_affected()))
    }

    /// Runs a statement and hands over its rows one by one, without keeping them.
    pub(crate) async fn each(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Arg>,
        mut take: impl FnMut(Row<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        on!(self, sql, args, |query, connection| {
            let mut rows = query.fetch(connection);
            while let Some(found) = rows.try_next().await? {
                take(Row::from(&found))?;
            }
            Ok(())
        })
    }

    /// Runs a statement and returns its rows, as read by `read`. The statement bounds how many there can be.
    pub(crate) async fn list<T: Send>(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Arg>,
        mut read: impl FnMut(Row<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        self.each(sql, args, |row| {
            all.push(read(row)?);
            Ok(())
        })
        .await?;
        Ok(all)
    }

    /// Runs a statement and returns its first row, if it has one.
    pub(crate) async fn first<T: Send>(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Arg>,
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Option<T>, StoreError> {
        on!(self, sql, args, |query, connection| {
            let found = query.fetch_optional(connection).await?;
            found.as_ref().map(|found| read(Row::from(found))).transpose()
        })
    }

    /// Runs a script of several statements without values.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let script = |key: &str| sqlx::raw_sql(AssertSqlSafe(sql.replace("SERIAL_KEY", key)));
        match self {
            Tx::Sqlite(tx, _) => script("INTEGER PRIMARY KEY").execute(&mut **tx).await.map(drop)?,
            Tx::Postgres(tx) => {
                let key = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY";
                script(key).execute(&mut **tx).await.map(drop)?;
            }
        }
        Ok(())
    }

    /// Keeps other processes from changing the shape of the store until the end of this transaction.
    pub(crate) async fn lock_shape(&mut self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(..) => Ok(()),
            Tx::Postgres(tx) => {
                sqlx::query("SELECT pg_advisory_xact_lock(7305808869231650)").execute(&mut **tx).await?;
                Ok(())
            }
        }
    }

    /// How many of `rows` to send in the next statement; at least one.
    pub(crate) fn portion(&self, rows: usize) -> usize {
        match self {
            Tx::Sqlite(..) => PORTIONS.into_iter().find(|portion| *portion <= rows).unwrap_or(1),
            Tx::Postgres(_) => rows.min(PORTION_MAX),
        }
    }

    /// How many rows to make of `rows`, so that they go out in one statement; none stay none.
    pub(crate) fn portion_over(&self, rows: usize) -> usize {
        match self {
            Tx::Sqlite(..) if rows > 0 => PORTIONS.into_iter().rev().find(|portion| *portion >= rows).unwrap_or(rows),
            _ => rows,
        }
    }

    /// Writes a list of rows as a query of its own, and returns the values that belong to it. SQLite takes them row by
    /// row; PostgreSQL takes whole columns, since it would plan every value of a long list anew each time.
    pub(crate) fn write_rows(&self, sql: &mut String, columns: usize, values: Vec<Arg>) -> Vec<Arg> {
        let rows = values.len() / columns.max(1);
        match self {
            Tx::Sqlite(..) => {
                sql.push_str("VALUES ");
                let row = format!("({})", vec!["?"; columns].join(", "));
                sql.push_str(&vec![row; rows].join(", "));
                values
            }
            Tx::Postgres(_) => {
                let mut all: Vec<Column> = values.iter().take(columns).map(|first| Column::like(first, rows)).collect();
                for (at, value) in values.into_iter().enumerate() {
                    all[at % columns].push(value);
                }
                let typed = |(at, column): (usize, &Column)| format!("${}::{}", at + 1, column.type_name());
                let typed: Vec<String> = all.iter().enumerate().map(typed).collect();
                sql.push_str(&format!("SELECT * FROM UNNEST({})", typed.join(", ")));
                all.into_iter().map(Arg::Column).collect()
            }
        }
    }

    /// Makes everything of this transaction true at once.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx, turn) => {
                let committed = tx.commit().await;
                drop(turn);
                Ok(committed?)
            }
            Tx::Postgres(tx) => Ok(tx.commit().await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn portions_cover_all_rows_with_few_lengths() {
        let db = Db::open("sqlite::memory:").await.unwrap();
        let tx = db.read().await.unwrap();
        let (mut rows, mut portions) = (1099, Vec::new());
        while rows > 0 {
            portions.push(tx.portion(rows));
            rows -= portions[portions.len() - 1];
        }
        assert_eq!(portions, [512, 512, 64, 8, 1, 1, 1]);
        assert_eq!([0, 1, 2, 9, 513].map(|rows| tx.portion_over(rows)), [0, 1, 8, 64, 513]);
    }
}
