//! Pulls: one read of one connection from its beginning to its end, in batches, over crashes.
//! The engine begins one, writes batches with its checkpoint, asks what is gone, and finishes it with its coverage.
//! Whether a walk was complete is the caller's word; that only a complete one proves absence is said here, by a type.

use crate::connections::{number_of, number_or_new};
use crate::db::{Durability, Row, Tx, args};
use crate::error::{StoreError, read_word};
use crate::jobs::{NewJob, enqueue};
use crate::observe::{Counts, expects_new, put, put_new};
use crate::record::Batch;
use crate::seen;
use crate::{Store, next_number};
use async_recursion::async_recursion as boxed;
use std::fmt;
use std::str::FromStr;
use tenure_core::account::{Account, UnknownWord};
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;

/// An unfinished pull older than this is begun anew: its checkpoint may no longer mean anything.
const RESUMED_WITHIN_MS: i64 = 24 * 60 * 60 * 1000;

/// Reads pulls by the columns that `read_pull` reads; the name of the connection comes behind them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, mode, started_ms, finished_ms, coverage, because, watermark, requests, throttled, floor_ms, ",
            "spent_ms, believed, accounts, added, changed, unchanged, repeated, gone, ",
            "(SELECT c.name FROM connection c WHERE c.number = pull.connection) FROM pull ",
            $rest
        )
    };
}
pub(crate) use select;

/// The column of the connection's name.
pub(crate) const NAME: usize = 18;

/// A pull's id: later is larger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PullId(pub i64);

impl fmt::Display for PullId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How much a pull asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PullMode {
    /// Everything.
    Full,
    /// What changed since the last watermark; proves no absence.
    Incremental,
}

impl PullMode {
    /// Returns the word that the store uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
        }
    }
}

impl FromStr for PullMode {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "full" => Ok(Self::Full),
            "incremental" => Ok(Self::Incremental),
            _ => Err(UnknownWord { word: word.into(), expected: "full, incremental" }),
        }
    }
}

/// Whether what a complete pull says is acted upon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Belief {
    /// It is.
    Believed,
    /// It is kept, but not compared with: a source that lost too many people.
    Doubted,
}

/// A pull under way.
#[derive(Clone, Debug)]
pub struct PullRun {
    /// Its id; the same after a crash.
    pub id: PullId,
    /// What is pulled.
    pub connection: ConnectionName,
    /// How much is asked for.
    pub mode: PullMode,
    /// When it was first begun.
    pub started_ms: i64,
    /// How far it had come when it was interrupted; nothing for a new one.
    pub checkpoint: Option<String>,
    /// What had been counted when it was interrupted.
    pub counts: Counts,
    pub(crate) number: i64,
}

impl PullRun {
    /// Returns the right to say what is gone, if this pull asked for everything and saw everything.
    pub fn sweep(&self, coverage: Coverage) -> Option<Sweep<'_>> {
        let complete = coverage == Coverage::Complete && self.mode == PullMode::Full;
        complete.then_some(Sweep { pull: self })
    }
}

/// A pull that asked for everything and saw everything: the only thing that proves absence.
#[derive(Clone, Copy, Debug)]
pub struct Sweep<'a> {
    pub(crate) pull: &'a PullRun,
}

/// How a pull ended.
#[derive(Clone, PartialEq, Debug)]
pub struct PullEnd {
    /// Whether it saw everything that it asked for.
    pub coverage: Coverage,
    /// Why not.
    pub because: Option<String>,
    /// From where the next incremental pull goes on; nothing leaves the last one as it is.
    pub watermark: Option<String>,
    /// Requests sent.
    pub requests: u64,
    /// Requests that the app asked us to send again later.
    pub throttled: u64,
    /// The least time that the rate limits allow.
    pub floor_seconds: f64,
    /// The time that it took.
    pub seconds: f64,
    /// Whether it is acted upon.
    pub belief: Belief,
}

impl PullEnd {
    /// The end of a pull that read everything, and of which nothing else is to be told.
    pub fn complete() -> Self {
        Self {
            coverage: Coverage::Complete,
            because: None,
            watermark: None,
            requests: 0,
            throttled: 0,
            floor_seconds: 0.0,
            seconds: 0.0,
            belief: Belief::Believed,
        }
    }
}

/// A pull as it was.
#[derive(Clone, PartialEq, Debug)]
pub struct Pull {
    /// Its id.
    pub id: PullId,
    /// How much was asked for.
    pub mode: PullMode,
    /// When it was first begun.
    pub started_ms: i64,
    /// When it ended; nothing while it is under way or interrupted.
    pub finished_ms: Option<i64>,
    /// Different records seen.
    pub accounts: u64,
    /// What became of them.
    pub counts: Counts,
    /// How it ended, if it did.
    pub end: Option<PullEnd>,
}

impl Store {
    /// Begins a pull, or goes on with one of the same mode that was interrupted or parked less than a day ago.
    #[boxed]
    pub async fn begin_pull(
        &self,
        connection: &ConnectionName,
        mode: PullMode,
        now_ms: i64,
    ) -> Result<PullRun, StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        let number = number_or_new(&mut tx, connection).await?;
        crate::observe::lock(&mut tx, number).await?;
        let sql = "SELECT id, started_ms, checkpoint, added, changed, unchanged, repeated, gone FROM pull \
                   WHERE connection = $1 AND mode = $2 AND (finished_ms IS NULL OR checkpoint IS NOT NULL) \
                   ORDER BY id DESC LIMIT 1";
        let left = tx
            .first(sql, args![number, mode.as_str()], |row| {
                Ok(PullRun {
                    id: PullId(row.int(0)?),
                    connection: connection.clone(),
                    mode,
                    started_ms: row.int(1)?,
                    checkpoint: row.text_or_none(2)?.map(String::from),
                    counts: read_counts(&row, 3)?,
                    number,
                })
            })
            .await?;
        let run = match left {
            Some(run) if now_ms - run.started_ms < RESUMED_WITHIN_MS => {
                let sql = "UPDATE pull SET finished_ms = NULL, coverage = NULL, because = NULL WHERE id = $1";
                tx.run(sql, args![run.id.0]).await?;
                run
            }
            left => {
                if let Some(stale) = left {
                    give_up(&mut tx, stale.id, now_ms).await?;
                }
                new_pull(&mut tx, connection, number, mode, now_ms).await?
            }
        };
        tx.commit().await?;
        Ok(run)
    }

    /// Writes accounts and the checkpoint behind them, together. No checkpoint leaves the last one as it is.
    #[boxed]
    pub async fn write_batch(
        &self,
        run: &PullRun,
        accounts: &[Account],
        checkpoint: Option<&str>,
        now_ms: i64,
    ) -> Result<Counts, StoreError> {
        let mut batch = Batch::new(&run.connection);
        accounts.iter().try_for_each(|account| batch.add(account))?;
        self.write(run, &mut batch, checkpoint, now_ms).await
    }

    /// As [`Store::write_batch`], for a batch that was filled as the accounts came; it is empty afterwards.
    #[boxed]
    pub async fn write(
        &self,
        run: &PullRun,
        batch: &mut Batch,
        checkpoint: Option<&str>,
        now_ms: i64,
    ) -> Result<Counts, StoreError> {
        let records = batch.take();
        let (number, pull) = (run.number, run.id.0);
        let mut tx = self.db.write(Durability::Normal).await?;
        let mut counts = None;
        if expects_new(&mut tx, number, pull).await? {
            counts = put_new(&mut tx, number, &records, pull, now_ms).await?;
            if counts.is_none() {
                drop(tx);
                tx = self.db.write(Durability::Normal).await?;
            }
        }
        let counts = match counts {
            Some(counts) => counts,
            None => put(&mut tx, number, &records, Some(pull), now_ms).await?,
        };
        count(&mut tx, run, counts, checkpoint).await?;
        tx.commit().await?;
        Ok(counts)
    }

    /// Ends a pull, and enqueues the jobs that follow from it. What it has seen is counted and forgotten.
    #[boxed]
    pub async fn finish_pull(
        &self,
        run: &PullRun,
        end: PullEnd,
        now_ms: i64,
        jobs: &[NewJob],
    ) -> Result<Pull, StoreError> {
        self.end_pull(run, end, false, now_ms, jobs).await
    }

    /// Ends a pull for now: the next one of the same mode goes on behind its checkpoint.
    #[boxed]
    pub async fn park_pull(&self, run: &PullRun, end: PullEnd, now_ms: i64) -> Result<Pull, StoreError> {
        self.end_pull(run, end, true, now_ms, &[]).await
    }

    async fn end_pull(
        &self,
        run: &PullRun,
        end: PullEnd,
        parked: bool,
        now_ms: i64,
        jobs: &[NewJob],
    ) -> Result<Pull, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let accounts = seen::count(&mut tx, run.id.0).await?;
        let sql = "UPDATE pull SET finished_ms = $1, coverage = $2, because = $3, accounts = $4, requests = $5, \
                   throttled = $6, floor_ms = $7, spent_ms = $8, believed = $9, watermark = $10, \
                   checkpoint = CASE WHEN $11 = 1 THEN checkpoint ELSE NULL END \
                   WHERE id = $12 AND finished_ms IS NULL";
        let requests = end.requests as i64;
        let values = args![
            now_ms,
            end.coverage.as_str(),
            end.because,
            accounts,
            requests,
            end.throttled as i64,
            milliseconds(end.floor_seconds),
            milliseconds(end.seconds),
            i64::from(end.belief == Belief::Believed),
            end.watermark,
            i64::from(parked),
            run.id.0,
        ];
        if tx.run(sql, values).await? == 0 {
            return Err(StoreError::PullOver { pull: run.id.0 });
        }
        if !parked {
            seen::forget(&mut tx, run.id.0).await?;
        }
        if let Some(number) = number_of(&mut tx, &run.connection).await? {
            crate::trends::count_accounts(&mut tx, number, now_ms).await?;
        }
        crate::trends::add_requests(&mut tx, &run.connection, "reads", requests, now_ms).await?;
        let sql = select!("WHERE id = $1");
        let pull = tx.first(sql, args![run.id.0], |row| read_pull(&row)).await?;
        enqueue(&mut tx, jobs).await?;
        tx.commit().await?;
        pull.ok_or_else(|| StoreError::Missing { what: "pull", id: run.id.to_string() })
    }

    /// The newest pulls of a connection that have ended, newest first.
    #[boxed]
    pub async fn pulls(&self, connection: &ConnectionName, limit: usize) -> Result<Vec<Pull>, StoreError> {
        self.pulls_where(
            connection,
            select!("WHERE connection = $1 AND finished_ms IS NOT NULL ORDER BY id DESC LIMIT $2"),
            limit,
        )
        .await
    }

    /// The first pull of a connection that has ended.
    #[boxed]
    pub async fn first_pull(&self, connection: &ConnectionName) -> Result<Option<Pull>, StoreError> {
        let sql = select!("WHERE connection = $1 AND finished_ms IS NOT NULL ORDER BY id LIMIT $2");
        Ok(self.pulls_where(connection, sql, 1).await?.pop())
    }

    /// The first pull of a connection that asked for everything and saw everything.
    #[boxed]
    pub async fn first_complete_pull(&self, connection: &ConnectionName) -> Result<Option<Pull>, StoreError> {
        let sql = select!("WHERE connection = $1 AND mode = 'full' AND coverage = 'complete' ORDER BY id LIMIT $2");
        Ok(self.pulls_where(connection, sql, 1).await?.pop())
    }

    /// Pulls under way, and those that ended since a moment, of the newest 500, the first begun first.
    #[boxed]
    pub async fn pulls_since(&self, since_ms: i64) -> Result<Vec<(ConnectionName, Pull)>, StoreError> {
        let sql = select!(
            "WHERE id > (SELECT COALESCE(max(p.id), 0) - 500 FROM pull p) \
             AND (finished_ms IS NULL OR finished_ms >= $1) ORDER BY id"
        );
        self.db.list(sql, args![since_ms], |row| Ok((ConnectionName::from(row.text(NAME)?), read_pull(&row)?))).await
    }

    /// The newest pull that asked for everything and saw everything.
    #[boxed]
    pub async fn last_complete_pull(&self, connection: &ConnectionName) -> Result<Option<Pull>, StoreError> {
        let sql =
            select!("WHERE connection = $1 AND mode = 'full' AND coverage = 'complete' ORDER BY id DESC LIMIT $2");
        Ok(self.pulls_where(connection, sql, 1).await?.pop())
    }

    /// The newest believed complete pull before the last complete one: what a source is compared with.
    #[boxed]
    pub async fn previous_complete_pull(&self, connection: &ConnectionName) -> Result<Option<Pull>, StoreError> {
        let sql = select!(
            "WHERE connection = $1 AND mode = 'full' AND coverage = 'complete' AND believed = 1 AND id < \
             (SELECT max(p.id) FROM pull p WHERE p.connection = pull.connection AND p.mode = 'full' \
             AND p.coverage = 'complete') ORDER BY id DESC LIMIT $2"
        );
        Ok(self.pulls_where(connection, sql, 1).await?.pop())
    }

    /// Believes or doubts a pull that has ended.
    #[boxed]
    pub async fn set_belief(&self, pull: PullId, belief: Belief) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let believed = i64::from(belief == Belief::Believed);
        tx.run("UPDATE pull SET believed = $1 WHERE id = $2", args![believed, pull.0]).await?;
        tx.commit().await
    }

    /// From where the next incremental pull of a connection goes on.
    #[boxed]
    pub async fn watermark(&self, connection: &ConnectionName) -> Result<Option<String>, StoreError> {
        let mut tx = self.db.read().await?;
        let Some(number) = number_of(&mut tx, connection).await? else { return Ok(None) };
        let sql = "SELECT watermark FROM pull WHERE connection = $1 AND finished_ms IS NOT NULL \
                   AND watermark IS NOT NULL ORDER BY id DESC LIMIT 1";
        tx.first(sql, args![number], |row| Ok(row.text(0)?.to_owned())).await
    }

    async fn pulls_where(
        &self,
        connection: &ConnectionName,
        sql: &'static str,
        limit: usize,
    ) -> Result<Vec<Pull>, StoreError> {
        let mut tx = self.db.read().await?;
        let Some(number) = number_of(&mut tx, connection).await? else { return Ok(Vec::new()) };
        tx.list(sql, args![number, limit as i64], |row| read_pull(&row)).await
    }
}

async fn new_pull(
    tx: &mut Tx,
    connection: &ConnectionName,
    number: i64,
    mode: PullMode,
    now_ms: i64,
) -> Result<PullRun, StoreError> {
    let id = next_number(tx, "pull").await?;
    let sql = "INSERT INTO pull (id, connection, mode, started_ms, accounts, added, changed, unchanged, repeated, gone, \
               requests, throttled, floor_ms, spent_ms, believed) VALUES ($1, $2, $3, $4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)";
    tx.run(sql, args![id, number, mode.as_str(), now_ms]).await?;
    Ok(PullRun {
        id: PullId(id),
        connection: connection.clone(),
        mode,
        started_ms: now_ms,
        checkpoint: None,
        counts: Counts::default(),
        number,
    })
}

/// Ends a pull that was interrupted too long ago.
async fn give_up(tx: &mut Tx, pull: PullId, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE pull SET finished_ms = $1, coverage = 'partial', \
               because = 'it was interrupted and not taken up again within a day', checkpoint = NULL \
               WHERE id = $2";
    tx.run(sql, args![now_ms, pull.0]).await?;
    seen::forget(tx, pull.0).await
}

/// Adds to what the pull has counted, and keeps its checkpoint.
pub(crate) async fn count(
    tx: &mut Tx,
    run: &PullRun,
    counts: Counts,
    checkpoint: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "UPDATE pull SET added = added + $1, changed = changed + $2, unchanged = unchanged + $3, \
               repeated = repeated + $4, gone = gone + $5, checkpoint = COALESCE($6, checkpoint) \
               WHERE id = $7 AND finished_ms IS NULL";
    let Counts { added, changed, unchanged, repeated, gone } = counts;
    let numbers = [added, changed, unchanged, repeated, gone].map(|number| number as i64);
    let [added, changed, unchanged, repeated, gone] = numbers;
    let touched = tx.run(sql, args![added, changed, unchanged, repeated, gone, checkpoint, run.id.0]).await?;
    if touched == 0 { Err(StoreError::PullOver { pull: run.id.0 }) } else { Ok(()) }
}

fn read_counts(row: &Row<'_>, at: usize) -> Result<Counts, StoreError> {
    let number = |column| row.int(at + column).map(|number| number.max(0) as u64);
    Ok(Counts { added: number(0)?, changed: number(1)?, unchanged: number(2)?, repeated: number(3)?, gone: number(4)? })
}

pub(crate) fn read_pull(row: &Row<'_>) -> Result<Pull, StoreError> {
    let end = match row.text_or_none(4)? {
        None => None,
        Some(coverage) => Some(PullEnd {
            coverage: if coverage == Coverage::Complete.as_str() { Coverage::Complete } else { Coverage::Partial },
            because: row.text_or_none(5)?.map(String::from),
            watermark: row.text_or_none(6)?.map(String::from),
            requests: row.int(7)?.max(0) as u64,
            throttled: row.int(8)?.max(0) as u64,
            floor_seconds: row.int(9)? as f64 / 1000.0,
            seconds: row.int(10)? as f64 / 1000.0,
            belief: if row.int(11)? == 1 { Belief::Believed } else { Belief::Doubted },
        }),
    };
    Ok(Pull {
        id: PullId(row.int(0)?),
        mode: read_word("a pull's mode", row.text(1)?)?,
        started_ms: row.int(2)?,
        finished_ms: row.int_or_none(3)?,
        accounts: row.int(12)?.max(0) as u64,
        counts: read_counts(row, 13)?,
        end,
    })
}

fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}
