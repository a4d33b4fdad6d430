//! The two databases behind one face: transactions that take one SQL text and give rows.
//! Everything else in this room speaks to `Tx` and `Row`; only this file, `bulk.rs` and `copy.rs` know that there are two.
//! It knows no table and keeps no state beyond the connections.

use crate::error::StoreError;
use crate::sqlite::{Lent, Sqlite};
pub(crate) use crate::value::{Arg, args};
use crate::{open, postgres};
use async_recursion::async_recursion as boxed;
use futures::TryStreamExt;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Row as _, Transaction};
use std::ops::{Deref, DerefMut};

/// How sure a commit must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    /// Survives a power cut, and so does all that was written before: intents, decisions, the ends of runs.
    Full,
    /// Survives a kill, and a power cut after the next that is full. What it takes is made again: what was read, plans, runs
    /// that had not begun a step, and the outcomes of steps, which are open then and are looked up before anything else
    /// happens to their account.
    Normal,
    /// As normal in a file, where a power cut ends everybody who relies on it; as full on a server, whose end others
    /// outlive: leases.
    Shared,
}

/// The connections to one database.
pub(crate) enum Db {
    /// A file, or memory.
    Sqlite(Sqlite),
    /// A server.
    Postgres(PgPool),
}

impl Db {
    /// Opens the database at `url`.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        if let Some(rest) = url.strip_prefix("sqlite:") {
            return open::sqlite(rest).await.map(Self::Sqlite);
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
    #[boxed]
    pub(crate) async fn read(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite(file) => file.read().await.map(Tx::Sqlite),
            Self::Postgres(pool) => {
                let begun = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
                Ok(Tx::Postgres(PgLent::Within(begun)))
            }
        }
    }

    /// Takes a connection for one statement that reads, which is of one moment by itself, without a transaction around.
    #[boxed]
    async fn look(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite(file) => file.look().await.map(Tx::Sqlite),
            Self::Postgres(pool) => Ok(Tx::Postgres(PgLent::Looking(pool.acquire().await?))),
        }
    }

    /// Runs a statement that reads, as [`Tx::list`] does.
    pub(crate) async fn list<T: Send>(
        &self,
        sql: &'static str,
        args: Vec<Arg<'_>>,
        read: impl FnMut(Row<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        self.look().await?.list(sql, args, read).await
    }

    /// Runs a statement that reads, as [`Tx::first`] does.
    pub(crate) async fn first<T: Send>(
        &self,
        sql: &'static str,
        args: Vec<Arg<'_>>,
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Option<T>, StoreError> {
        self.look().await?.first(sql, args, read).await
    }

    /// Begins to write.
    #[boxed]
    pub(crate) async fn write(&self, durability: Durability) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite(file) => file.write(durability).await.map(Tx::Sqlite),
            Self::Postgres(pool) => Ok(Tx::Postgres(PgLent::Within(match durability {
                Durability::Full | Durability::Shared => pool.begin().await?,
                Durability::Normal => pool.begin_with("BEGIN; SET LOCAL synchronous_commit = off").await?,
            }))),
        }
    }

    /// Tells whether somebody answers at all, however busy: a file does, a server is asked for one more connection.
    #[boxed]
    pub(crate) async fn answers(&self) -> bool {
        let Self::Postgres(pool) = self else { return true };
        match PgConnection::connect_with(&pool.connect_options()).await {
            Ok(connection) => {
                drop(connection);
                true
            }
            Err(error) => {
                matches!(error, sqlx::Error::Database(said) if !said.code().is_some_and(|code| code.starts_with("57P")))
            }
        }
    }

    /// Tells whether all lies in one file, or in the memory of this process.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Closes all connections, waiting for what is under way.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(file) => file.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// One row of an answer.
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r PgRow),
}

macro_rules! column {
    ($(#[$doc:meta])* $name:ident -> $type:ty, $read:ident) => {
        $(#[$doc])*
        pub(crate) fn $name(&self, at: usize) -> Result<$type, StoreError> {
            Ok(match self {
                Self::Sqlite(row) => row.get_ref(at)?.$read().map_err(rusqlite::Error::from)?,
                Self::Postgres(row) => row.try_get(at)?,
            })
        }
    };
}

impl<'r> Row<'r> {
    column!(
        /// The integer in this column.
        int -> i64, as_i64
    );
    column!(
        /// The integer in this column, if there is one.
        int_or_none -> Option<i64>, as_i64_or_null
    );
    column!(
        /// The text in this column.
        text -> &'r str, as_str
    );
    column!(
        /// The text in this column, if there is one.
        text_or_none -> Option<&'r str>, as_str_or_null
    );
    column!(
        /// The bytes in this column.
        bytes -> &'r [u8], as_blob
    );
}

/// A transaction. Dropped without a commit, it has never been.
pub(crate) enum Tx {
    Sqlite(Lent),
    Postgres(PgLent),
}

/// A connection to the server that is lent: for a transaction, or for one statement.
pub(crate) enum PgLent {
    Within(Transaction<'static, Postgres>),
    Looking(PoolConnection<Postgres>),
}

impl Deref for PgLent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Within(tx) => tx,
            Self::Looking(connection) => connection,
        }
    }
}

impl DerefMut for PgLent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Within(tx) => tx,
            Self::Looking(connection) => connection,
        }
    }
}

impl Tx {
    /// Runs a statement and returns how many rows it touched.
    pub(crate) async fn run(&mut self, sql: &'static str, args: Vec<Arg<'_>>) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(lent) => lent.run(sql, &args),
            Self::Postgres(tx) => {
                let query = sqlx::query_with(sql, postgres::arguments(&args)?);
                Ok(query.execute(&mut **tx).await?.rows_affected())
            }
        }
    }

    /// Runs a statement and hands over its rows one by one, without keeping them.
    pub(crate) async fn each(
        &mut self,
        sql: &'static str,
        args: Vec<Arg<'_>>,
        mut take: impl FnMut(Row<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(lent) => lent.each(sql, &args, take),
            Self::Postgres(tx) => {
                let mut rows = sqlx::query_with(sql, postgres::arguments(&args)?).fetch(&mut **tx);
                while let Some(found) = rows.try_next().await? {
                    take(Row::Postgres(&found))?;
                }
                Ok(())
            }
        }
    }

    /// Runs a statement and returns its rows, as read by `read`. The statement bounds how many there can be.
    pub(crate) async fn list<T: Send>(
        &mut self,
        sql: &'static str,
        args: Vec<Arg<'_>>,
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
        sql: &'static str,
        args: Vec<Arg<'_>>,
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError> + Send,
    ) -> Result<Option<T>, StoreError> {
        match self {
            Self::Sqlite(lent) => lent.first(sql, &args, read),
            Self::Postgres(tx) => {
                let query = sqlx::query_with(sql, postgres::arguments(&args)?);
                let found = query.fetch_optional(&mut **tx).await?;
                found.as_ref().map(|found| read(Row::Postgres(found))).transpose()
            }
        }
    }

    /// Runs a script of several statements without values.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(lent) => lent.script(&sql.replace("SERIAL_KEY", "INTEGER PRIMARY KEY")),
            Self::Postgres(tx) => {
                let key = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY";
                let script = AssertSqlSafe(sql.replace("SERIAL_KEY", key));
                Ok(sqlx::raw_sql(script).execute(&mut **tx).await.map(drop)?)
            }
        }
    }

    /// Keeps other processes from changing the shape of the store until the end of this transaction.
    pub(crate) async fn lock_shape(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(tx) => {
                sqlx::query("SELECT pg_advisory_xact_lock(7305808869231650)").execute(&mut **tx).await?;
                Ok(())
            }
        }
    }

    /// Asks the server for the time (milliseconds since 1970, UTC); a file has no clock.
    pub(crate) async fn server_clock_ms(&mut self) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(tx) => {
                let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
                Ok(Some(sqlx::query(sql).fetch_one(&mut **tx).await?.try_get(0)?))
            }
        }
    }

    /// Makes everything of this transaction true at once.
    #[boxed]
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(lent) => lent.commit().await,
            Self::Postgres(PgLent::Within(tx)) => Ok(tx.commit().await?),
            Self::Postgres(PgLent::Looking(_)) => Ok(()),
        }
    }
}
