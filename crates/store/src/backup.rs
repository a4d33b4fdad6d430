//! Backup and restore: everything in the store as of one moment, in a file that either database gives and takes.
//! Rows are streamed both ways. A file is checked whole before anything is touched, and put in with one transaction, in
//! the shape that it was taken from; what has changed since is done to it afterwards. Where files lie is the engine's affair.

use crate::Store;
use crate::copy::{Sort, Table};
use crate::db::{Arg, Db, Durability, Row, Tx, args};
use crate::error::{StoreError, read_json};
use crate::migrate::{known_shape, lay, shape_of, tables_of};
use async_recursion::async_recursion as boxed;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{BufRead, Write};
use tenure_core::hex::{hex, unhex};
use tenure_core::journal::{Entry, Verifier};

/// The form of the file.
const FORM: u32 = 1;
/// Rows and bytes that are put in with one statement.
const ROWS_MAX: usize = 500;
const BYTES_MAX: usize = 1 << 20;
const PAGE: i64 = 1000;
/// Tables that are never empty: they count, and say where the journal ends.
const COUNTING: [&str; 3] = ["counter", "journal_head", "shape"];

/// What a backup holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Backup {
    /// When it was taken (RFC 3339, UTC).
    pub at: String,
    /// The shape of the store that it was taken from.
    pub shape: i64,
    /// How many rows it has.
    pub rows: u64,
    /// The SHA-256 of everything before its last line, in hex.
    pub sha256: String,
}

/// What may become of a store that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Present {
    /// It must be empty.
    Empty,
    /// It is replaced.
    Replaced,
}

#[derive(Serialize, Deserialize)]
struct First {
    tenure_backup: u32,
    at: String,
    shape: i64,
}

#[derive(Serialize, Deserialize)]
struct Heading {
    table: String,
    columns: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct Last {
    end: Summary,
}

#[derive(Serialize, Deserialize)]
struct Summary {
    rows: u64,
    sha256: String,
}

impl Sort {
    fn word(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }
}

impl Store {
    /// Writes everything as of this moment to `out`, while others go on writing. `at` is the moment in words.
    ///
    /// # Errors
    /// The database failed, or `out` did.
    #[boxed]
    pub async fn back_up(&self, out: &mut (dyn Write + Send), at: &str) -> Result<Backup, StoreError> {
        let mut tx = self.db.read().await?;
        tx.patiently().await?;
        let shape = shape_of(&mut tx).await?;
        let mut file = Hashed { out, hasher: Sha256::new(), rows: 0 };
        file.line(&First { tenure_backup: FORM, at: at.to_owned(), shape })?;
        for table in tx.tables(&tables_of(shape)).await? {
            let columns = table.columns.iter().map(|(name, sort)| (name.clone(), sort.word().to_owned())).collect();
            file.line(&Heading { table: table.name.clone(), columns })?;
            let sorts: Vec<Sort> = table.columns.iter().map(|(_, sort)| *sort).collect();
            tx.each_row(&table, |row| file.row(&sorts, &row)).await?;
        }
        file.end(at, shape)
    }

    /// Checks a backup, and puts it into the store at `url`, which is made if it is not there. `open` opens the file
    /// from its beginning. Everything or nothing is done.
    ///
    /// # Errors
    /// The file is damaged or of a later program, its journal does not hold, the store is not empty and may not be
    /// replaced, or the database failed.
    pub async fn restore<R: BufRead + Send>(
        url: &str,
        open: impl Fn() -> std::io::Result<R>,
        present: Present,
    ) -> Result<(Self, Backup), StoreError> {
        let backup = check(open().map_err(unreadable)?)?;
        if backup.shape > known_shape() {
            return Err(StoreError::Newer { found: backup.shape, known: known_shape() });
        }
        let db = Db::open(url).await?;
        let mut tx = db.write(Durability::Full).await?;
        tx.patiently().await?;
        tx.lock_shape().await?;
        make_room(&mut tx, present).await?;
        lay(&mut tx, 0, backup.shape).await?;
        put_in(&mut tx, open().map_err(unreadable)?, backup.shape).await?;
        lay(&mut tx, backup.shape, known_shape()).await?;
        check_journal(&mut tx).await?;
        tx.commit().await?;
        Ok((Self { db: std::sync::Arc::new(db) }, backup))
    }
}

fn unreadable(error: std::io::Error) -> StoreError {
    StoreError::Backup { because: format!("it cannot be read: {error}") }
}

fn damaged(because: impl Into<String>) -> StoreError {
    StoreError::Backup { because: because.into() }
}

/// A file that is hashed as it is written.
struct Hashed<'o> {
    out: &'o mut (dyn Write + Send),
    hasher: Sha256,
    rows: u64,
}

impl Hashed<'_> {
    fn write(&mut self, text: &str) -> Result<(), StoreError> {
        self.hasher.update(text.as_bytes());
        let written = self.out.write_all(text.as_bytes());
        written.map_err(|error| damaged(format!("it cannot be written: {error}")))
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), StoreError> {
        let text = serde_json::to_string(line).map_err(|error| damaged(error.to_string()))?;
        self.write(&(text + "\n"))
    }

    fn row(&mut self, sorts: &[Sort], row: &Row<'_>) -> Result<(), StoreError> {
        let mut values = Vec::with_capacity(sorts.len());
        for (at, sort) in sorts.iter().enumerate() {
            values.push(match sort {
                Sort::Int => row.int_or_none(at)?.map_or(Value::Null, Value::from),
                Sort::Text => row.text_or_none(at)?.map_or(Value::Null, Value::from),
                Sort::Bytes => Value::from(hex(row.bytes(at)?)),
            });
        }
        self.rows += 1;
        self.line(&values)
    }

    fn end(mut self, at: &str, shape: i64) -> Result<Backup, StoreError> {
        let (rows, sha256) = (self.rows, hex(&self.hasher.clone().finalize()));
        self.line(&Last { end: Summary { rows, sha256: sha256.clone() } })?;
        self.out.flush().map_err(|error| damaged(format!("it cannot be written: {error}")))?;
        Ok(Backup { at: at.to_owned(), shape, rows, sha256 })
    }
}

/// Reads a whole backup and tells what it holds, if it is as it was written.
fn check(mut file: impl BufRead) -> Result<Backup, StoreError> {
    let (mut line, mut hasher, mut rows) = (Vec::new(), Sha256::new(), 0);
    let first: First = match next_line(&mut file, &mut line)? {
        true => serde_json::from_slice(&line).map_err(|_| damaged("its first line is none of a backup"))?,
        false => return Err(damaged("it is empty")),
    };
    if first.tenure_backup != FORM {
        return Err(damaged(format!("its form is {}, this program knows {FORM}", first.tenure_backup)));
    }
    hasher.update(&line);
    while next_line(&mut file, &mut line)? {
        if !line.starts_with(b"{\"end\":") {
            rows += u64::from(line.starts_with(b"["));
            hasher.update(&line);
            continue;
        }
        let Last { end } = serde_json::from_slice(&line).map_err(|_| damaged("its last line is damaged"))?;
        let sha256 = hex(&hasher.finalize());
        if end.sha256 != sha256 || end.rows != rows {
            return Err(damaged("it is not as it was written: its checksum is another"));
        }
        return match next_line(&mut file, &mut line)? {
            false => Ok(Backup { at: first.at, shape: first.shape, rows, sha256 }),
            true => Err(damaged("something stands behind its end")),
        };
    }
    Err(damaged("it is cut off"))
}

fn next_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, StoreError> {
    line.clear();
    file.read_until(b'\n', line).map_err(unreadable)?;
    match line.last() {
        None => Ok(false),
        Some(b'\n') => Ok(true),
        Some(_) => Err(damaged("it is cut off")),
    }
}

/// Takes what is there away, if that is allowed.
async fn make_room(tx: &mut Tx, present: Present) -> Result<(), StoreError> {
    tx.script("CREATE TABLE IF NOT EXISTS shape (number BIGINT NOT NULL PRIMARY KEY)").await?;
    let found = shape_of(tx).await?;
    if found > known_shape() {
        return Err(StoreError::Newer { found, known: known_shape() });
    }
    for table in tx.tables(&tables_of(found)).await? {
        let counts = COUNTING.contains(&table.name.as_str());
        if present == Present::Empty && !counts && tx.has_rows(&table).await? {
            return Err(StoreError::NotEmpty);
        }
        tx.clear(&table.name, true).await?;
    }
    tx.clear("shape", false).await
}

/// Puts the rows of a checked backup into an empty store of its shape.
async fn put_in(tx: &mut Tx, mut file: impl BufRead, shape: i64) -> Result<(), StoreError> {
    let tables = tx.tables(&tables_of(shape)).await?;
    for table in &tables {
        tx.clear(&table.name, false).await?;
    }
    let mut line = Vec::new();
    next_line(&mut file, &mut line)?;
    let mut batch: Option<Rows> = None;
    while next_line(&mut file, &mut line)? && !line.starts_with(b"{\"end\":") {
        if line.starts_with(b"[") {
            let rows = batch.as_mut().ok_or_else(|| damaged("a row stands outside of every table"))?;
            rows.take(&line)?;
            if rows.is_full() {
                rows.put(tx).await?;
            }
            continue;
        }
        if let Some(mut rows) = batch.take() {
            rows.put(tx).await?;
        }
        let heading: Heading = serde_json::from_slice(&line).map_err(|_| damaged("a table has no name"))?;
        batch = Some(Rows::of(&tables, heading)?);
    }
    if let Some(mut rows) = batch {
        rows.put(tx).await?;
    }
    for table in &tables {
        tx.count_on(table).await?;
    }
    Ok(())
}

/// Rows of one table on their way in.
struct Rows {
    table: Table,
    values: Vec<Arg<'static>>,
    bytes: usize,
}

impl Rows {
    /// Begins a table; its columns must be those of the store, in whatever order.
    fn of(tables: &[Table], heading: Heading) -> Result<Self, StoreError> {
        let strange = || damaged(format!("table {:?} is not as stores of its shape have it", heading.table));
        let own = tables.iter().find(|table| table.name == heading.table).ok_or_else(strange)?;
        let mut columns = Vec::with_capacity(own.columns.len());
        for (name, word) in &heading.columns {
            let column = own.columns.iter().find(|(own, sort)| own == name && sort.word() == word);
            columns.push(column.cloned().ok_or_else(strange)?);
        }
        if columns.len() != own.columns.len() {
            return Err(strange());
        }
        Ok(Self { table: Table { name: own.name.clone(), columns }, values: Vec::new(), bytes: 0 })
    }

    fn take(&mut self, line: &[u8]) -> Result<(), StoreError> {
        let wrong = || damaged("a row does not fit its table");
        let values: Vec<Value> = serde_json::from_slice(line).map_err(|_| wrong())?;
        if values.len() != self.table.columns.len() {
            return Err(wrong());
        }
        for (value, (_, sort)) in values.into_iter().zip(&self.table.columns) {
            self.values.push(match (sort, value) {
                (Sort::Int, Value::Null) => Arg::Int(None),
                (Sort::Int, value) => Arg::Int(Some(value.as_i64().ok_or_else(wrong)?)),
                (Sort::Text, Value::Null) => Arg::Text(None),
                (Sort::Text, Value::String(text)) => Arg::from(text),
                (Sort::Bytes, Value::String(text)) => Arg::from(unhex(&text).ok_or_else(wrong)?),
                _ => return Err(wrong()),
            });
        }
        self.bytes += line.len();
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes >= BYTES_MAX || self.values.len() >= ROWS_MAX * self.table.columns.len()
    }

    async fn put(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        self.bytes = 0;
        tx.put_rows(&self.table, std::mem::take(&mut self.values)).await
    }
}

/// Checks that the journal which was put in is one chain up to its head.
async fn check_journal(tx: &mut Tx) -> Result<(), StoreError> {
    let (mut verifier, mut after) = (Verifier::default(), 0);
    loop {
        let sql = "SELECT body FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2";
        let read = |row: Row<'_>| read_json::<Entry>("an entry", row.text(0)?);
        let page = tx.list(sql, args![after, PAGE], read).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for entry in &page {
            verifier.next(entry).map_err(|broken| damaged(format!("its journal does not hold: {broken}")))?;
        }
    }
    let sql = "SELECT seq, hash FROM journal_head WHERE name = 'journal'";
    let head = tx.first(sql, vec![], |row| Ok((row.int(0)?, row.text(1)?.to_owned()))).await?;
    match head {
        Some((seq, hash)) if verifier.head().unwrap_or((0, "")) == (seq, hash.as_str()) => Ok(()),
        _ => Err(damaged("its journal does not hold: it ends elsewhere than it says")),
    }
}
