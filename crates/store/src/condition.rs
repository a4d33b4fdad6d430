//! How the store itself is: which database, which shape, how large, who holds which right, what its clock says.
//! `doctor` and the metrics ask; nothing is changed. What is healthy is the engine's to say.

use crate::Store;
use crate::db::{Db, Row, args};
use crate::error::StoreError;
use crate::migrate::shape_of;
use async_recursion::async_recursion as boxed;

const LEASES_MAX: i64 = 1000;

/// How the store is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// Which database, and its version.
    pub database: String,
    /// Its shape.
    pub shape: i64,
    /// The bytes that it takes.
    pub bytes: i64,
    /// What its own clock says (milliseconds since 1970, UTC), where it has one.
    pub now_ms: Option<i64>,
}

/// Who holds a right, and until when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// The right to do what.
    pub lease: String,
    /// Who.
    pub holder: String,
    /// Until when (milliseconds since 1970, UTC).
    pub until_ms: i64,
}

/// Jobs of one kind in one state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobCount {
    /// The kind.
    pub kind: String,
    /// The state, as a word: `open`, `done`, `failed`.
    pub state: String,
    /// How many there are.
    pub jobs: i64,
    /// How often in a row whoever ran one of them was lost on the way, in all.
    pub lost: i64,
    /// When the first of them is due; while somebody runs it, when their lease ends.
    pub due_ms: i64,
}

impl Store {
    /// Counts jobs by kind and state.
    #[boxed]
    pub async fn job_counts(&self) -> Result<Vec<JobCount>, StoreError> {
        let sql = "SELECT kind, state, count(*), CAST(sum(lost) AS BIGINT), min(run_at_ms) FROM job \
                   GROUP BY kind, state ORDER BY kind, state";
        let read = |row: Row<'_>| {
            let (kind, state) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
            Ok(JobCount { kind, state, jobs: row.int(2)?, lost: row.int(3)?, due_ms: row.int(4)? })
        };
        self.db.list(sql, vec![], read).await
    }

    /// Tells how the store is.
    #[boxed]
    pub async fn condition(&self) -> Result<Condition, StoreError> {
        let sql = match *self.db {
            Db::Sqlite(_) => {
                "SELECT 'SQLite ' || sqlite_version(), (SELECT page_count FROM pragma_page_count()) * \
                 (SELECT page_size FROM pragma_page_size()), NULL"
            }
            Db::Postgres(_) => {
                "SELECT 'PostgreSQL ' || current_setting('server_version'), pg_database_size(current_database()), \
                 CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
            }
        };
        let mut tx = self.db.read().await?;
        let read = |row: Row<'_>| Ok((row.text(0)?.to_owned(), row.int(1)?, row.int_or_none(2)?));
        let found = tx.first(sql, vec![], read).await?;
        let (database, bytes, now_ms) =
            found.ok_or_else(|| StoreError::Missing { what: "condition", id: "store".into() })?;
        Ok(Condition { database, shape: shape_of(&mut tx).await?, bytes, now_ms })
    }

    /// Lists who holds which right at a moment.
    #[boxed]
    pub async fn holdings(&self, now_ms: i64) -> Result<Vec<Holding>, StoreError> {
        let sql = "SELECT name, holder, until_ms FROM lease WHERE until_ms > $1 ORDER BY name LIMIT $2";
        let read = |row: Row<'_>| {
            Ok(Holding { lease: row.text(0)?.to_owned(), holder: row.text(1)?.to_owned(), until_ms: row.int(2)? })
        };
        self.db.list(sql, args![now_ms, LEASES_MAX], read).await
    }
}
