//! Acts: what somebody asked for from afar, and what came of it. Whoever asks twice under one key asks once: the key is
//! kept with the answer, in the transaction in which the work is enqueued.
//! What an act means, and what its answer says, is not known here.

use crate::Store;
use crate::db::{Durability, Row, args};
use crate::error::StoreError;
use crate::jobs::{NewJob, enqueue};
use async_recursion::async_recursion as boxed;

/// Acts that ended so long ago are forgotten, with their keys.
const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// An act as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// Its id.
    pub id: String,
    /// In whose name it was asked for.
    pub owner: String,
    /// The key under which it was asked for, if one was given.
    pub key: Option<String>,
    /// A mark of what was asked for: who asks for something else under one key has made a mistake.
    pub digest: String,
    /// When (milliseconds since 1970, UTC).
    pub asked_ms: i64,
    /// What was asked for.
    pub body: String,
    /// When it ended; nothing while it is to be done.
    pub ended_ms: Option<i64>,
    /// What came of it.
    pub answer: Option<String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, owner, key, digest, asked_ms, body, ended_ms, answer FROM act ", $rest)
    };
}

impl Store {
    /// Keeps an act and enqueues the jobs that do it, unless its owner has asked for one under its key: then that one is
    /// returned, and nothing else is done.
    #[boxed]
    pub async fn add_act(&self, act: &Act, jobs: &[NewJob]) -> Result<Option<Act>, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let sql = "INSERT INTO act (id, owner, key, digest, asked_ms, body) VALUES ($1, $2, $3, $4, $5, $6) \
                   ON CONFLICT (owner, key) DO NOTHING";
        let Act { id, owner, key, digest, asked_ms, body, .. } = act;
        let values = args![&**id, &**owner, key.clone(), &**digest, *asked_ms, &**body];
        if tx.run(sql, values).await? == 0 {
            let sql = select!("WHERE owner = $1 AND key = $2");
            let known = tx.first(sql, args![&**owner, key.clone()], |row| read(&row)).await?;
            return known.map(Some).ok_or_else(|| StoreError::Missing { what: "act", id: id.clone() });
        }
        enqueue(&mut tx, jobs).await?;
        tx.run("DELETE FROM act WHERE ended_ms < $1", args![*asked_ms - KEPT_MS]).await?;
        tx.commit().await?;
        Ok(None)
    }

    /// The act with this id.
    #[boxed]
    pub async fn act(&self, id: &str) -> Result<Option<Act>, StoreError> {
        self.db.first(select!("WHERE id = $1"), args![id], |row| read(&row)).await
    }

    /// The id of the act that was asked for last under this mark.
    #[boxed]
    pub async fn latest_act(&self, digest: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT id FROM act WHERE digest = $1 ORDER BY asked_ms DESC, id LIMIT 1";
        self.db.first(sql, args![digest], |row| Ok(row.text(0)?.to_owned())).await
    }

    /// Writes what came of an act, unless that was written already.
    #[boxed]
    pub async fn end_act(&self, id: &str, answer: &str, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let sql = "UPDATE act SET answer = $1, ended_ms = $2 WHERE id = $3 AND ended_ms IS NULL";
        tx.run(sql, args![answer, now_ms, id]).await?;
        tx.commit().await
    }

    /// Takes back an act of which nothing came, so that its key may be used again.
    #[boxed]
    pub async fn forget_act(&self, id: &str) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        tx.run("DELETE FROM act WHERE id = $1 AND ended_ms IS NULL", args![id]).await?;
        tx.commit().await
    }
}

fn read(row: &Row<'_>) -> Result<Act, StoreError> {
    Ok(Act {
        id: row.text(0)?.to_owned(),
        owner: row.text(1)?.to_owned(),
        key: row.text_or_none(2)?.map(String::from),
        digest: row.text(3)?.to_owned(),
        asked_ms: row.int(4)?,
        body: row.text(5)?.to_owned(),
        ended_ms: row.int_or_none(6)?,
        answer: row.text_or_none(7)?.map(String::from),
    })
}
