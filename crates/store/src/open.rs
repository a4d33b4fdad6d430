//! Opens the two kinds of database with the settings that the rest relies on.
//! The address comes from `tenure.toml`; what is opened goes to `db.rs`.
//! It never prints an address as it was given, since a password may be in it.

use crate::error::StoreError;
use crate::sqlite::Sqlite;
use rusqlite::{Connection, OpenFlags};
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{ConnectOptions, Connection as _};
use std::io::ErrorKind;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

const BUSY_TIMEOUT: Duration = Duration::from_secs(15);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
const OPEN_TRIES_MAX: u32 = 100;
const OPEN_PAUSE: Duration = Duration::from_millis(50);
const READERS_MAX: u32 = 4;
const SERVER_CONNECTIONS_MAX: u32 = 8;
const STATEMENTS_KEPT: usize = 200;
/// The bytes of a page, for new files: a row is a few hundred, and each page is asked of the system by itself.
const PAGE_BYTES: i64 = 8192;
/// Pages of the log that are gathered before they go to their places.
const LOG_PAGES: i64 = 4000;
/// What the connections keep of the file, in KiB as SQLite counts them: negative.
const WRITER_CACHE: i64 = -10_000;
const READER_CACHE: i64 = -4_000;

/// Opens the SQLite file named after `sqlite:`.
pub(crate) async fn sqlite(rest: &str) -> Result<Sqlite, StoreError> {
    if rest == ":memory:" {
        return memory();
    }
    let path = rest.strip_prefix("//").unwrap_or(rest).to_owned();
    if path.is_empty() || path.contains('?') {
        return Err(StoreError::Address {
            what: "it names no file".into(),
            hint: "write `sqlite:PATH`, such as `sqlite:tenure.db`",
        });
    }
    create_private(&path)?;
    let writer = writer(&path).await?;
    let reader = move || {
        let reader = connect(&path, READER_CACHE)?;
        reader.pragma_update(None, "query_only", "ON")?;
        Ok(reader)
    };
    Ok(Sqlite::file(writer, Box::new(reader), READERS_MAX))
}

/// Opens a database that lives as long as its only connection.
fn memory() -> Result<Sqlite, StoreError> {
    let only = Connection::open_in_memory()?;
    only.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    only.pragma_update(None, "foreign_keys", "OFF")?;
    Ok(Sqlite::memory(only))
}

/// Opens the connection that writes, again for a while if somebody else is opening the same new file: SQLite does not
/// wait by itself there.
async fn writer(path: &str) -> Result<Connection, StoreError> {
    let mut tries = 1;
    loop {
        let opened = connect(path, WRITER_CACHE).and_then(|connection| {
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => return Ok(connection),
            Err(StoreError::Busy { .. }) if tries < OPEN_TRIES_MAX => tokio::time::sleep(OPEN_PAUSE).await,
            Err(StoreError::Busy { source } | StoreError::Database { source }) => {
                let hint = "check that it is a tenure store and that the disk has room".into();
                return Err(StoreError::Open { place: format!("sqlite:{path}"), hint, source });
            }
            Err(other) => return Err(other),
        }
        tries += 1;
    }
}

fn connect(path: &str, cache: i64) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", cache)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
    Ok(connection)
}

fn pool<DB: sqlx::Database>(connections_max: u32) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Some(IDLE_TIMEOUT))
        .max_lifetime(None)
}

/// Creates the file for its owner only, before the database could create it for everybody.
fn create_private(path: &str) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
            let hint = match (error.kind(), folder) {
                (ErrorKind::NotFound, Some(folder)) => format!("create the folder {} first", folder.display()),
                (ErrorKind::PermissionDenied, _) => "this user may not write there".into(),
                _ => "the file cannot be created".into(),
            };
            Err(StoreError::Open { place: format!("sqlite:{path}"), hint, source: error.into() })
        }
    }
}

/// Opens the PostgreSQL database at `url`.
pub(crate) async fn postgres(url: &str) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Address {
        what: "it is not an address of a PostgreSQL database".into(),
        hint: "write `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with odd characters of the password as %XX",
    })?;
    let place = format!("postgres://{}@{}/{}", options.get_username(), host(&options), database(&options));
    let options = options
        .application_name("tenure")
        .statement_cache_capacity(STATEMENTS_KEPT)
        .options([
            ("statement_timeout", "300000"),
            ("lock_timeout", "30000"),
            ("idle_in_transaction_session_timeout", "60000"),
            // All our joins look up a few keys in an index, and a new store has no statistics: nothing else is offered, and
            // no plan is kept that was made while a table was empty. Without this a first pull is 50 times slower.
            ("plan_cache_mode", "force_custom_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("enable_sort", "off"),
            ("jit", "off"),
        ])
        .disable_statement_logging();
    // The pool would try a refused connection again for as long as it waits; the first one fails at once instead.
    let first = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await;
    let first = first.unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into())));
    match first {
        Ok(connection) => drop(connection.close().await),
        Err(source) => {
            return Err(StoreError::Open { place, hint: postgres_hint(&source).into(), source: source.into() });
        }
    }
    Ok(pool(SERVER_CONNECTIONS_MAX).connect_lazy_with(options))
}

fn host(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or_else(|| options.get_username())
}

fn postgres_hint(source: &sqlx::Error) -> &'static str {
    let code = match source {
        sqlx::Error::Database(said) => said.code(),
        _ => None,
    };
    match code.as_deref() {
        Some("3D000") => "the database does not exist; create it with `createdb`",
        Some("28P01" | "28000") => "the server does not accept this user or password",
        Some("53300") => "the server has no connection left for us",
        _ => "check that the server runs and that host and port are right",
    }
}
