//! Opens the two kinds of database with the settings that the rest relies on.
//! The address comes from `tenure.toml`; what is opened goes to `db.rs`.
//! It never prints an address as it was given, since a password may be in it.

use crate::db::Db;
use crate::error::StoreError;
use sqlx::ConnectOptions;
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use std::io::ErrorKind;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

const BUSY_TIMEOUT: Duration = Duration::from_secs(15);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
const READERS_MAX: u32 = 4;
const SERVER_CONNECTIONS_MAX: u32 = 8;
const STATEMENTS_KEPT: usize = 64;
const ROWS_BUFFERED: usize = 512;

/// Opens the SQLite file named after `sqlite:`.
pub(crate) async fn sqlite(rest: &str) -> Result<Db, StoreError> {
    let turn = Arc::new(Mutex::new(()));
    if rest == ":memory:" {
        let only = memory().await?;
        return Ok(Db::Sqlite { full: only.clone(), normal: only.clone(), readers: only, turn });
    }
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.contains('?') {
        return Err(StoreError::Address {
            what: "it names no file".into(),
            hint: "write `sqlite:PATH`, such as `sqlite:tenure.db`",
        });
    }
    create_private(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .row_buffer_size(ROWS_BUFFERED)
        .foreign_keys(false)
        .pragma("wal_autocheckpoint", "4000")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging();
    let full = options.clone().synchronous(SqliteSynchronous::Full).pragma("cache_size", "-2000");
    let normal = options.clone().synchronous(SqliteSynchronous::Normal).pragma("cache_size", "-16000");
    let readers = options.pragma("cache_size", "-4000").pragma("query_only", "ON");
    let full = connect(path, pool(1), full).await?;
    Ok(Db::Sqlite {
        full,
        normal: pool(1).connect_lazy_with(normal),
        readers: pool(READERS_MAX).connect_lazy_with(readers),
        turn,
    })
}

/// Opens a database that lives as long as its only connection.
async fn memory() -> Result<SqlitePool, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(":memory:")
        .statement_cache_capacity(STATEMENTS_KEPT)
        .row_buffer_size(ROWS_BUFFERED)
        .disable_statement_logging();
    connect(":memory:", pool(1).min_connections(1), options).await
}

fn pool<DB: sqlx::Database>(connections_max: u32) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

async fn connect(
    path: &str,
    pool: PoolOptions<sqlx::Sqlite>,
    options: SqliteConnectOptions,
) -> Result<SqlitePool, StoreError> {
    pool.connect_with(options).await.map_err(|source| StoreError::Open {
        place: format!("sqlite:{path}"),
        hint: "check that it is a tenure store and that the disk has room".into(),
        source,
    })
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
            Err(StoreError::Open { place: format!("sqlite:{path}"), hint, source: sqlx::Error::Io(error) })
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
        ])
        .disable_statement_logging();
    let pool = pool(SERVER_CONNECTIONS_MAX).idle_timeout(Some(Duration::from_secs(600))).test_before_acquire(true);
    pool.connect_with(options).await.map_err(|source| StoreError::Open {
        place,
        hint: postgres_hint(&source).into(),
        source,
    })
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
