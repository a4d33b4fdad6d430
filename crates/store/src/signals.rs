//! Shared signals: the streams by which receivers are told, and what is on its way to each, in its order. What was taken
//! stays for as long as it could be said again, so that it is said once; both are bounded.
//! What a signal says, and how it travels, is not known here.

use crate::Store;
use crate::db::{Durability, Row, Tx, args};
use crate::error::StoreError;
use crate::jobs::{NewJob, enqueue};
use crate::journal::append;
use async_recursion::async_recursion as boxed;
use tenure_core::journal::Draft;

/// Signals that are kept of one stream, those that were taken among them; beyond that the oldest go.
const KEPT_MAX: i64 = 20_000;
/// How long a signal is kept, taken or not.
const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;
const STREAMS_MAX: i64 = 1000;
/// The note up to where the journal was read for signals.
const READ: &str = "signals read";

/// A stream as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignalStream {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// When it was made (milliseconds since 1970, UTC).
    pub created_ms: i64,
    /// The rest.
    pub body: String,
}

/// A signal on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// The stream by which it goes.
    pub stream: String,
    /// Its id, by which a receiver tells one that comes twice.
    pub jti: String,
    /// Where it stands among those of its stream.
    pub place: i64,
    /// When it was made.
    pub made_ms: i64,
    /// What it says.
    pub body: String,
}

impl Store {
    /// All streams, the oldest first.
    #[boxed]
    pub async fn signal_streams(&self) -> Result<Vec<SignalStream>, StoreError> {
        let sql = "SELECT id, owner, created_ms, body FROM signal_stream ORDER BY created_ms, id LIMIT $1";
        self.db.list(sql, args![STREAMS_MAX], |row| read_stream(&row)).await
    }

    /// One stream.
    #[boxed]
    pub async fn signal_stream(&self, id: &str) -> Result<Option<SignalStream>, StoreError> {
        let sql = "SELECT id, owner, created_ms, body FROM signal_stream WHERE id = $1";
        self.db.first(sql, args![id], |row| read_stream(&row)).await
    }

    /// Keeps a stream, as it is now, unless its owner would have more than `most`; tells whether it was.
    #[boxed]
    pub async fn put_signal_stream(
        &self,
        stream: &SignalStream,
        most: i64,
        drafts: Vec<Draft>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        append(&mut tx, drafts).await?;
        let sql = "INSERT INTO signal_stream (id, owner, created_ms, body) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (id) DO UPDATE SET body = excluded.body";
        let SignalStream { id, owner, created_ms, body } = stream;
        tx.run(sql, args![&**id, &**owner, *created_ms, &**body]).await?;
        let count = "SELECT count(*) FROM signal_stream WHERE owner = $1";
        let theirs = tx.first(count, args![&**owner], |row| row.int(0)).await?.unwrap_or(0);
        if theirs > most {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Ends a stream, with what was on its way; tells whether there was one.
    #[boxed]
    pub async fn remove_signal_stream(&self, id: &str, drafts: Vec<Draft>) -> Result<bool, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        if tx.run("DELETE FROM signal_stream WHERE id = $1", args![id]).await? == 0 {
            return Ok(false);
        }
        append(&mut tx, drafts).await?;
        tx.run("DELETE FROM signal WHERE stream = $1", args![id]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Up to which entry the journal was read for signals.
    #[boxed]
    pub async fn signals_read(&self) -> Result<Option<i64>, StoreError> {
        let noted = self.note(&"".into(), READ).await?;
        Ok(noted.and_then(|text| text.parse().ok()))
    }

    /// Keeps signals with the jobs that send them, and up to where the journal was read for them, all or nothing. One that
    /// is kept already stays as it is.
    #[boxed]
    pub async fn add_signals(
        &self,
        signals: &[Signal],
        read: Option<i64>,
        jobs: &[NewJob],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let mut streams: Vec<&str> = Vec::new();
        for Signal { stream, jti, place, made_ms, body } in signals {
            let sql = "INSERT INTO signal (stream, jti, place, made_ms, body) VALUES ($1, $2, $3, $4, $5) \
                       ON CONFLICT (stream, jti) DO NOTHING";
            tx.run(sql, args![&**stream, &**jti, *place, *made_ms, &**body]).await?;
            if !streams.contains(&&**stream) {
                streams.push(stream);
            }
        }
        for stream in streams {
            bound(&mut tx, stream, now_ms).await?;
        }
        if let Some(read) = read {
            let sql = "INSERT INTO note (connection, name, value) VALUES ('', $1, $2) \
                       ON CONFLICT (connection, name) DO UPDATE SET value = excluded.value";
            tx.run(sql, args![READ, read.to_string()]).await?;
        }
        enqueue(&mut tx, jobs).await?;
        tx.commit().await
    }

    /// What is to be told by a stream next, and whether there is more.
    #[boxed]
    pub async fn next_signals(&self, stream: &str, limit: usize) -> Result<(Vec<Signal>, bool), StoreError> {
        let sql = "SELECT jti, place, made_ms, body FROM signal WHERE stream = $1 AND done_ms IS NULL \
                   ORDER BY place, jti LIMIT $2";
        let read = |row: Row<'_>| {
            Ok(Signal {
                stream: stream.to_owned(),
                jti: row.text(0)?.to_owned(),
                place: row.int(1)?,
                made_ms: row.int(2)?,
                body: row.text(3)?.to_owned(),
            })
        };
        let mut next = self.db.list(sql, args![stream, limit as i64 + 1], read).await?;
        let more = next.len() > limit;
        next.truncate(limit);
        Ok((next, more))
    }

    /// Writes that signals were taken.
    #[boxed]
    pub async fn end_signals(&self, stream: &str, jtis: &[String], now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        for jti in jtis {
            let sql = "UPDATE signal SET done_ms = $1 WHERE stream = $2 AND jti = $3 AND done_ms IS NULL";
            tx.run(sql, args![now_ms, stream, &**jti]).await?;
        }
        bound(&mut tx, stream, now_ms).await?;
        tx.commit().await
    }
}

/// Lets go what is too old, or too much.
async fn bound(tx: &mut Tx, stream: &str, now_ms: i64) -> Result<(), StoreError> {
    tx.run("DELETE FROM signal WHERE stream = $1 AND made_ms < $2", args![stream, now_ms - KEPT_MS]).await?;
    let sql = "DELETE FROM signal WHERE stream = $1 AND place <= \
               (SELECT place FROM signal WHERE stream = $1 ORDER BY place DESC LIMIT 1 OFFSET $2)";
    tx.run(sql, args![stream, KEPT_MAX]).await.map(drop)
}

fn read_stream(row: &Row<'_>) -> Result<SignalStream, StoreError> {
    Ok(SignalStream {
        id: row.text(0)?.to_owned(),
        owner: row.text(1)?.to_owned(),
        created_ms: row.int(2)?,
        body: row.text(3)?.to_owned(),
    })
}
