//! Keeps observations, decisions and the journal in SQLite or PostgreSQL: the only room with SQL.
//! The engine and the server call it; it reads and writes whole facts in the words of `tenure-core`.
//! It decides nothing, reads no clock (every moment is passed in), and holds no transaction open while others work, but for
//! the one in which `Parts` reads a whole company as of one moment.

mod bulk;
mod db;
mod error;
mod migrate;
mod open;
mod postgres;
mod sqlite;
mod value;

mod connections;
mod body;
mod keys;
mod record;
mod seen;

mod observe;
mod pulls;
mod gone;

mod accounts;
mod cluster;
mod load;
mod parts;
mod people;
mod overview;

mod decisions;
mod links;
mod wishes;
mod plans;

mod journal;
mod notes;
mod stops;
mod counters;
mod jobs;
mod acts;
mod runs;
mod claims;
mod steps;

mod sealed;
mod sessions;
mod signals;
mod tokens;
mod trends;

mod copy;
mod backup;
mod condition;

#[cfg(feature = "test-support")]
pub mod test_support;

pub use accounts::{AccountFilter, Cursor, Observed, Page};
pub use acts::Act;
pub use backup::{Backup, Present};
pub use cluster::{Managers, Seed};
pub use condition::{Condition, Holding, JobCount};
pub use connections::Totals;
pub use counters::{DAY_MS, Pulse, Removal};
pub use decisions::{Concerns, NewDecision};
pub use error::{DatabaseError, StoreError};
pub use jobs::{ClaimedJob, Job, JobEnd, JobState, NewJob};
pub use journal::{Filed, Head};
pub use keys::JoinKeys;
pub use links::PastLink;
pub use load::{Extent, Loaded};
pub use migrate::Shape;
pub use notes::{Claim, Lease};
pub use observe::Counts;
pub use overview::Overview;
pub use parts::{Parts, Raw};
pub use people::Mark;
pub use plans::FindingScope;
pub use pulls::{Belief, Pull, PullEnd, PullId, PullMode, PullRun, Sweep};
pub use record::Batch;
pub use runs::{Joined, Left, Run};
pub use sealed::{Sealed, SealedPlace};
pub use sessions::{Invitation, Session, SignedBy};
pub use signals::{Signal, SignalStream};
pub use steps::{Alongside, Began, Beginning, OpenStep, Settled};
pub use tokens::Token;
pub use trends::{Figure, accounts_topic, requests_topic};

use async_recursion::async_recursion as boxed;
use db::{Db, Tx, args};
use std::sync::Arc;

/// The store. Clones share their connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) db: Arc<Db>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match *self.db {
            Db::Sqlite { .. } => "Store(sqlite)",
            Db::Postgres(_) => "Store(postgres)",
        })
    }
}

impl Store {
    /// Opens the store at `url` (`sqlite:PATH`, `sqlite::memory:` or `postgres://…`), makes it if it is not there,
    /// and brings it to the present shape.
    ///
    /// # Errors
    /// The address is none, the database cannot be reached or created, or a later program has written it.
    #[boxed]
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let db = Db::open(url).await?;
        migrate::migrate(&db).await?;
        links::mend(&db).await?;
        Ok(Self { db: Arc::new(db) })
    }

    /// Tells whether there is anybody behind the store to be asked. It waits as long as the server's machine says nothing.
    pub async fn answers(&self) -> bool {
        self.db.answers().await
    }

    /// Closes the store for all its clones, when what is under way is done.
    #[boxed]
    pub async fn close(&self) {
        self.db.close().await;
    }
}

/// Counts one further in a sequence, and keeps others from doing so until the end of the transaction.
pub(crate) async fn next_number(tx: &mut Tx, name: &'static str) -> Result<i64, StoreError> {
    next_numbers(tx, name, 1).await
}

/// Counts so many further in a sequence, and returns the first; keeps others from doing so as [`next_number`] does.
pub(crate) async fn next_numbers(tx: &mut Tx, name: &'static str, count: usize) -> Result<i64, StoreError> {
    let sql = "UPDATE counter SET value = value + $1 WHERE name = $2 RETURNING value";
    let last = tx.first(sql, args![count as i64, name], |row| row.int(0)).await?;
    let last = last.ok_or_else(|| StoreError::Missing { what: "counter", id: name.into() })?;
    Ok(last - count as i64 + 1)
}
