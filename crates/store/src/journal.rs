//! The journal: what we did, one entry after the other, each sealed on the one before.
//! Drafts come from the engine; whoever appends takes the head first, so that however many write there is one chain.
//! What an entry means and how it is sealed is `tenure_core::journal`'s affair.

use crate::Store;
use crate::bulk::Bulk;
use crate::db::{Durability, Row, Tx, args};
use crate::error::{StoreError, read_json, write_json};
use async_recursion::async_recursion as boxed;
use tenure_core::journal::{Draft, Entry, seal};
use tenure_core::name::{RunId, StepId};

const WRITE: Bulk = Bulk { head: "INSERT INTO journal (seq, hash, run, step, body) ", columns: 5, tail: "" };

/// Where the journal ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The number of the last entry; 0 while there is none.
    pub seq: i64,
    /// Its hash; empty while there is none.
    pub hash: String,
}

/// An entry as it lies in the store: its text, and what it is found by.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the parts of an entry")]
pub struct Filed {
    pub seq: i64,
    pub hash: String,
    pub run: Option<String>,
    pub step: Option<String>,
    /// The entry itself, as JSON.
    pub body: String,
}

impl Filed {
    /// Reads the entry.
    ///
    /// # Errors
    /// What lies there is none, or is found by something else than it says.
    pub fn entry(&self) -> Result<Entry, &'static str> {
        let entry: Entry = serde_json::from_str(&self.body).map_err(|_| "what lies there is no entry")?;
        let told = (entry.seq, entry.hash.as_str(), entry.run.as_deref(), entry.step.as_deref());
        let filed = (self.seq, self.hash.as_str(), self.run.as_deref(), self.step.as_deref());
        if told == filed { Ok(entry) } else { Err("it is filed under another number, hash, run or step than it says") }
    }
}

impl Store {
    /// Appends entries, all or none, and returns them sealed.
    #[boxed]
    pub async fn append_journal(&self, drafts: Vec<Draft>) -> Result<Vec<Entry>, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let entries = append(&mut tx, drafts).await?;
        tx.commit().await?;
        Ok(entries)
    }

    /// The entries after the one with number `after`, oldest first.
    #[boxed]
    pub async fn read_journal(&self, after: i64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let sql = "SELECT body FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2";
        self.db.list(sql, args![after, limit as i64], read_entry).await
    }

    /// The entries with a number above `after`, as they lie in the store.
    #[boxed]
    pub async fn journal_as_filed(&self, after: i64, limit: usize) -> Result<Vec<Filed>, StoreError> {
        let sql = "SELECT seq, hash, run, step, body FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2";
        let read = |row: Row<'_>| {
            let (run, step) = (row.text_or_none(2)?.map(str::to_owned), row.text_or_none(3)?.map(str::to_owned));
            Ok(Filed { seq: row.int(0)?, hash: row.text(1)?.to_owned(), run, step, body: row.text(4)?.to_owned() })
        };
        self.db.list(sql, args![after, limit as i64], read).await
    }

    /// Where the journal ends and when the newest pull did: whoever remembers something of the store asks whether it is
    /// still so.
    #[boxed]
    pub async fn pulse(&self) -> Result<(i64, i64), StoreError> {
        let sql = "SELECT seq, (SELECT max(finished_ms) FROM pull) FROM journal_head WHERE name = 'journal'";
        let read = |row: Row<'_>| Ok((row.int(0)?, row.int_or_none(1)?.unwrap_or(0)));
        let pulse = self.db.first(sql, vec![], read).await?;
        pulse.ok_or_else(|| StoreError::Missing { what: "journal's head", id: "journal".into() })
    }

    /// The entries before the one with number `before`, newest first.
    #[boxed]
    pub async fn journal_before(&self, before: i64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let sql = "SELECT body FROM journal WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
        self.db.list(sql, args![before, limit as i64], read_entry).await
    }

    /// The entries of one run, oldest first.
    #[boxed]
    pub async fn journal_of_run(&self, run: &RunId, after: i64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let sql = "SELECT body FROM journal WHERE run = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        self.db.list(sql, args![run.as_str(), after, limit as i64], read_entry).await
    }

    /// The entries about one step, oldest first.
    #[boxed]
    pub async fn journal_of_step(&self, step: &StepId, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let sql = "SELECT body FROM journal WHERE step = $1 ORDER BY seq LIMIT $2";
        self.db.list(sql, args![step.as_str(), limit as i64], read_entry).await
    }

    /// Where the journal ends, as it was written beside it: a chain that ends earlier has lost entries.
    #[boxed]
    pub async fn journal_head(&self) -> Result<Head, StoreError> {
        let sql = "SELECT seq, hash FROM journal_head WHERE name = 'journal'";
        let head = self.db.first(sql, vec![], |row| read_head(&row)).await?;
        head.ok_or_else(|| StoreError::Missing { what: "journal's head", id: "journal".into() })
    }

    /// Where the journal ends, once no power cut can take an entry of it any more.
    #[boxed]
    pub async fn lasting_head(&self) -> Result<Head, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let head = take_head(&mut tx).await?;
        tx.commit().await?;
        Ok(head)
    }
}

/// Holds the journal's end until the end of the transaction, as whoever appends does.
pub(crate) async fn take_head(tx: &mut Tx) -> Result<Head, StoreError> {
    let sql = "UPDATE journal_head SET seq = seq WHERE name = 'journal' RETURNING seq, hash";
    let head = tx.first(sql, vec![], |row| read_head(&row)).await?;
    head.ok_or_else(|| StoreError::Missing { what: "journal's head", id: "journal".into() })
}

/// Appends entries within a transaction that also writes what they tell of.
pub(crate) async fn append(tx: &mut Tx, drafts: Vec<Draft>) -> Result<Vec<Entry>, StoreError> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let mut head = take_head(tx).await?;
    let (mut entries, mut rows) = (Vec::with_capacity(drafts.len()), Vec::with_capacity(drafts.len() * 5));
    for draft in drafts {
        let last = (head.seq > 0).then_some((head.seq, &*head.hash));
        let entry = seal(last, draft);
        head = Head { seq: entry.seq, hash: entry.hash.clone() };
        let (run, step) = (entry.run.as_deref().map(String::from), entry.step.as_deref().map(String::from));
        rows.extend(args![entry.seq, entry.hash.clone(), run, step, write_json("an entry", &entry)?]);
        entries.push(entry);
    }
    tx.run_bulk(&WRITE, rows).await?;
    let sql = "UPDATE journal_head SET seq = $1, hash = $2 WHERE name = 'journal'";
    tx.run(sql, args![head.seq, head.hash]).await?;
    Ok(entries)
}

fn read_entry(row: Row<'_>) -> Result<Entry, StoreError> {
    read_json("an entry", row.text(0)?)
}

fn read_head(row: &Row<'_>) -> Result<Head, StoreError> {
    Ok(Head { seq: row.int(0)?, hash: row.text(1)?.to_owned() })
}
