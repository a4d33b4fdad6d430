//! How the store itself is: which database, which shape, how large, who holds which right, what its clock says.
//! `doctor` and the metrics ask; nothing is changed. What is healthy is the engine's to say.

use crate::Store;
use crate::db::{Db, Row, args};
use crate::error::StoreError;
use crate::migrate::{shape_of, tables_of};
use async_recursion::async_recursion as boxed;
use std::collections::BTreeSet;

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
    /// Whether anybody ever took one of them up.
    pub was_claimed: bool,
}

impl Store {
    /// Counts jobs by kind and state.
    #[boxed]
    pub async fn job_counts(&self) -> Result<Vec<JobCount>, StoreError> {
        let sql = "SELECT kind, state, count(*), CAST(sum(lost) AS BIGINT), min(run_at_ms), max(token) FROM job \
                   GROUP BY kind, state ORDER BY kind, state";
        let read = |row: Row<'_>| {
            let (kind, state) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
            let (jobs, lost, due_ms) = (row.int(2)?, row.int(3)?, row.int(4)?);
            Ok(JobCount { kind, state, jobs, lost, due_ms, was_claimed: row.int(5)? > 0 })
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

    /// Lists what is broken in the database itself: pages of a file that do not hang together, tables that are not there.
    /// A file is read whole for it.
    #[boxed]
    pub async fn damages(&self) -> Result<Vec<String>, StoreError> {
        let mut tx = self.db.read().await?;
        tx.patiently().await?;
        let mut damages = Vec::new();
        if matches!(*self.db, Db::Sqlite(_)) {
            let told = tx.list("PRAGMA quick_check(3)", vec![], |row| Ok(row.text(0)?.to_owned())).await?;
            damages.extend(told.into_iter().filter(|line| line != "ok").map(|line| line.replace('\n', " ")));
        }
        let names = tables_of(shape_of(&mut tx).await?);
        let there: BTreeSet<String> = tx.tables(&names).await?.into_iter().map(|table| table.name).collect();
        let missing = names.into_iter().filter(|name| !there.contains(name));
        damages.extend(missing.map(|name| format!("table {name} is missing")));
        Ok(damages)
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
