//! SQLite: one connection that writes, a few that read, and statements run on the thread that asks.
//! `db.rs` takes connections from here and gives them back by dropping them; whatever was not committed never was.
//! A statement takes microseconds and a batch milliseconds, which is less than handing its values to another thread
//! costs; only a commit that waits for the disk is left to another thread, so that this one goes on meanwhile.

use crate::db::{Durability, Row};
use crate::error::StoreError;
use crate::value::Arg;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Statement, ToSql};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

/// Opens one more connection to the same file.
pub(crate) type Opener = Box<dyn Fn() -> Result<Connection, StoreError> + Send + Sync>;

/// The connections to one file, or the only one to a database in memory.
pub(crate) struct Sqlite {
    writer: Arc<Turn<Writer>>,
    readers: Option<Readers>,
}

struct Writer {
    /// Nothing once the store is closed.
    connection: Option<Connection>,
    durability: Durability,
}

struct Readers {
    open: Opener,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
    most: u32,
}

/// A connection that is lent for one transaction.
pub(crate) struct Lent(Inner);

enum Inner {
    Writer(OwnedMutexGuard<Writer>),
    Reader { connection: Option<Connection>, home: Arc<Mutex<Vec<Connection>>>, _turn: OwnedSemaphorePermit },
}

impl Sqlite {
    /// Holds a file by its writing connection, whose commits survive a power cut, and as many readers as are wanted.
    pub(crate) fn file(writer: Connection, open: Opener, readers_most: u32) -> Self {
        let turns = Arc::new(Semaphore::new(readers_most as usize));
        let readers = Some(Readers { open, idle: Arc::default(), turns, most: readers_most });
        Self { writer: Writer::turn(writer), readers }
    }

    /// Holds a database that lives as long as its only connection.
    pub(crate) fn memory(only: Connection) -> Self {
        Self { writer: Writer::turn(only), readers: None }
    }

    /// Lends a connection that reads, for one statement.
    pub(crate) async fn look(&self) -> Result<Lent, StoreError> {
        Ok(match &self.readers {
            None => Lent(Inner::Writer(self.writer.clone().lock_owned().await)),
            Some(readers) => {
                let turn = readers.turns.clone().acquire_owned().await.map_err(|_| closed())?;
                let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let connection = idle.map_or_else(&readers.open, Ok)?;
                Lent(Inner::Reader { connection: Some(connection), home: readers.idle.clone(), _turn: turn })
            }
        })
    }

    pub(crate) async fn read(&self) -> Result<Lent, StoreError> {
        let lent = self.look().await?;
        say(lent.connection()?, "BEGIN")?;
        Ok(lent)
    }

    pub(crate) async fn write(&self, durability: Durability) -> Result<Lent, StoreError> {
        let mut writer = self.writer.clone().lock_owned().await;
        let degree = |durability| if durability == Durability::Full { "FULL" } else { "NORMAL" };
        if degree(writer.durability) != degree(durability) {
            let degree = degree(durability);
            writer.connection.as_ref().ok_or_else(closed)?.pragma_update(None, "synchronous", degree)?;
            writer.durability = durability;
        }
        let lent = Lent(Inner::Writer(writer));
        say(lent.connection()?, "BEGIN IMMEDIATE")?;
        Ok(lent)
    }

    /// Closes all connections, waiting for what is under way.
    pub(crate) async fn close(&self) {
        if let Some(readers) = &self.readers {
            let all = readers.turns.acquire_many(readers.most).await;
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
            readers.turns.close();
            drop(all);
        }
        self.writer.lock().await.connection = None;
    }
}

impl Writer {
    fn turn(connection: Connection) -> Arc<Turn<Self>> {
        Arc::new(Turn::new(Self { connection: Some(connection), durability: Durability::Full }))
    }
}

fn closed() -> StoreError {
    StoreError::Closed
}

impl Lent {
    fn connection(&self) -> Result<&Connection, StoreError> {
        match &self.0 {
            Inner::Writer(writer) => writer.connection.as_ref(),
            Inner::Reader { connection, .. } => connection.as_ref(),
        }
        .ok_or_else(closed)
    }

    /// Runs a statement and returns how many rows it touched.
    pub(crate) fn run(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        bind_by_number(&mut statement, args)?;
        Ok(statement.raw_execute()? as u64)
    }

    /// Runs a statement and hands over its rows.
    pub(crate) fn each(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        mut take: impl FnMut(Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        bind_by_number(&mut statement, args)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            take(Row::Sqlite(row))?;
        }
        Ok(())
    }

    /// Runs a statement and reads its first row, if it has one.
    pub(crate) fn first<T>(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        bind_by_number(&mut statement, args)?;
        let mut rows = statement.raw_query();
        rows.next()?.map(|row| read(Row::Sqlite(row))).transpose()
    }

    /// Runs a statement once for each row of `values`, and returns how many rows it touched in all.
    pub(crate) fn run_rows(&mut self, sql: &str, columns: usize, values: &[Arg<'_>]) -> Result<u64, StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        let (mut touched, mut before) = (0, None);
        for row in values.chunks_exact(columns) {
            bind_anew(&mut statement, before.replace(row), row)?;
            touched += statement.raw_execute()? as u64;
        }
        Ok(touched)
    }

    /// Runs a statement once for each row of `values`, and hands over the rows that it gives.
    pub(crate) fn each_of_rows(
        &mut self,
        sql: &str,
        columns: usize,
        values: &[Arg<'_>],
        mut take: impl FnMut(Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        for row in values.chunks_exact(columns) {
            bind(&mut statement, row)?;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                take(Row::Sqlite(row))?;
            }
        }
        Ok(())
    }

    /// Runs several statements without values.
    pub(crate) fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.connection()?.execute_batch(sql)?)
    }
}

impl Lent {
    /// Makes everything since the beginning true at once. Whoever stops waiting for it does not undo it.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let elsewhere = self.waits_for_disk() && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        let commit = move || say(self.connection()?, "COMMIT");
        if elsewhere { spawn_blocking(commit).await.map_err(|_| closed())? } else { commit() }
    }

    /// Tells whether a commit is over only once the disk has it.
    fn waits_for_disk(&self) -> bool {
        matches!(&self.0, Inner::Writer(writer) if writer.durability == Durability::Full)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Ok(connection) = self.connection()
            && !connection.is_autocommit()
        {
            let _ = say(connection, "ROLLBACK");
        }
        if let Inner::Reader { connection, home, .. } = &mut self.0 {
            home.lock().unwrap_or_else(PoisonError::into_inner).extend(connection.take());
        }
    }
}

/// Says where a transaction begins or ends, in words that the connection has understood before.
fn say(connection: &Connection, words: &str) -> Result<(), StoreError> {
    Ok(connection.prepare_cached(words)?.raw_execute().map(drop)?)
}

/// Binds values in their order.
fn bind(statement: &mut Statement<'_>, args: &[Arg<'_>]) -> Result<(), StoreError> {
    for (arg, at) in args.iter().zip(1_usize..) {
        statement.raw_bind_parameter(at, arg)?;
    }
    Ok(())
}

/// Binds the values of a row but for those that the row before had in the same place: what is bound outlives a run.
fn bind_anew(statement: &mut Statement<'_>, before: Option<&[Arg<'_>]>, row: &[Arg<'_>]) -> Result<(), StoreError> {
    for (at, arg) in row.iter().enumerate() {
        if !before.is_some_and(|before| before[at].is_plainly(arg)) {
            statement.raw_bind_parameter(at + 1, arg)?;
        }
    }
    Ok(())
}

/// Binds values to `$1`, `$2` and so on: SQLite takes these for names and counts them as they come.
fn bind_by_number(statement: &mut Statement<'_>, args: &[Arg<'_>]) -> Result<(), StoreError> {
    for at in 1..=statement.parameter_count() {
        let number = statement.parameter_name(at).and_then(|name| name[1..].parse::<usize>().ok()).unwrap_or(at);
        if let Some(arg) = args.get(number.wrapping_sub(1)) {
            statement.raw_bind_parameter(at, arg)?;
        }
    }
    Ok(())
}

impl ToSql for Arg<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Int(Some(value)) => ToSqlOutput::Owned(Value::Integer(*value)),
            Self::Text(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Self::Bytes(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
            Self::Int(None) | Self::Text(None) => ToSqlOutput::Owned(Value::Null),
        })
    }
}
