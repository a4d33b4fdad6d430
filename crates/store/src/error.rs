//! What can go wrong between us and the database, said so that the reader knows what to do.
//! Raised by every file of this room; the engine turns it into an exit code or a retry.
//! It never holds a password, a bound value or a record.

use rusqlite::ErrorCode;
use tenure_core::name::ConnectionName;

/// Why the store could not do what it was asked. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the store is not one.
    #[error("understand the store's address: {what}; {hint}")]
    Address {
        /// What is wrong with it.
        what: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// The store could not be opened.
    #[error("open the store at {place}; {hint}")]
    Open {
        /// Where, without a password.
        place: String,
        /// What to do.
        hint: String,
        /// Why.
        source: DatabaseError,
    },
    /// The store was written by a later version of the program.
    #[error("open the store: it has shape {found}, this program knows up to {known}; use a newer tenure")]
    Newer {
        /// The shape of the store.
        found: i64,
        /// The newest shape that this program knows.
        known: i64,
    },
    /// Somebody else is writing for longer than we wait.
    #[error("write to the store: another process keeps it busy; try again when it is done")]
    Busy {
        /// What the database said.
        source: DatabaseError,
    },
    /// The database said no.
    #[error("use the store{}", source.advice())]
    Database {
        /// What it said.
        source: DatabaseError,
    },
    /// The store was closed before.
    #[error("use the store: it is closed")]
    Closed,
    /// Something in the store is not as we wrote it.
    #[error("read {what} from the store: it is not as it was written")]
    Broken {
        /// What it is.
        what: &'static str,
        /// Why it cannot be read.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A record cannot be kept.
    #[error("keep a record of {connection}: {because}")]
    Record {
        /// Whose record.
        connection: ConnectionName,
        /// Why not.
        because: &'static str,
    },
    /// What was noted cannot be read.
    #[error("read what is noted of {:?} as {name:?}", connection.as_str())]
    Note {
        /// Of which connection; the empty one is the store as a whole.
        connection: ConnectionName,
        /// Under which name.
        name: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The pull has ended, perhaps in another process.
    #[error("go on with pull {pull}: it has ended already")]
    PullOver {
        /// Which pull.
        pull: i64,
    },
    /// A backup cannot be written, or cannot be believed.
    #[error("use the backup: {because}; nothing in the store was changed")]
    Backup {
        /// Why not.
        because: String,
    },
    /// The store that a backup would go into holds something.
    #[error("restore: the store is not empty; name it with --replace and say --yes to give up what it holds")]
    NotEmpty,
    /// The lease was lost to somebody else: whatever was being done must stop.
    #[error("go on: the lease {name:?} now belongs to somebody else")]
    LeaseLost {
        /// Which lease.
        name: String,
    },
    /// Something that must be there is not.
    #[error("find {what} {id:?}")]
    Missing {
        /// What it would be.
        what: &'static str,
        /// Its id.
        id: String,
    },
}

impl StoreError {
    /// Tells whether waiting and trying again may help.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// Tells whether the database could not be reached, or not for long enough.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::Open { source, .. } | Self::Database { source } => source.is_unreachable(),
            _ => false,
        }
    }

    /// Tells whether the operator must change something: the address, a permission, the program's version.
    pub fn is_operator(&self) -> bool {
        matches!(
            self,
            Self::Address { .. } | Self::Open { .. } | Self::Newer { .. } | Self::Backup { .. } | Self::NotEmpty
        ) || matches!(self, Self::Database { source } if source.is_the_disk())
    }
}

/// What a database said.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite said it.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL said it, or the way there.
    #[error(transparent)]
    Postgres(#[from] sqlx::Error),
    /// The file system said it.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

impl DatabaseError {
    /// Tells whether the file or its disk does not take what is written: full, read-only, not there.
    fn is_the_disk(&self) -> bool {
        let codes = [ErrorCode::DiskFull, ErrorCode::ReadOnly, ErrorCode::CannotOpen, ErrorCode::PermissionDenied];
        match self {
            Self::Sqlite(error) => error.sqlite_error_code().is_some_and(|code| codes.contains(&code)),
            Self::Postgres(_) => false,
            Self::File(_) => true,
        }
    }

    /// Says what to do, where that is known.
    fn advice(&self) -> &'static str {
        let Self::Sqlite(error) = self else { return "" };
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                "; its disk is full: make room and do the same again, what was written is kept and nothing is half done"
            }
            Some(ErrorCode::ReadOnly) => "; its file or file system can only be read: let this user write there",
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                "; its file is damaged: stop what runs, keep a copy of it, and restore the newest backup"
            }
            _ => "",
        }
    }

    fn is_unreachable(&self) -> bool {
        use sqlx::Error as E;
        match self {
            Self::Sqlite(error) => matches!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure)),
            Self::Postgres(error) => matches!(error, E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::WorkerCrashed),
            Self::File(_) => false,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let waits = matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked));
        let source = DatabaseError::from(error);
        if waits { Self::Busy { source } } else { Self::Database { source } }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let waits = match &error {
            sqlx::Error::PoolTimedOut => true,
            sqlx::Error::Database(said) => said.code().is_some_and(|code| BUSY.contains(&&*code)),
            _ => false,
        };
        let source = DatabaseError::from(error);
        if waits { Self::Busy { source } } else { Self::Database { source } }
    }
}

/// PostgreSQL's serialization failure, deadlock, lock and statement timeouts.
const BUSY: [&str; 4] = ["40001", "40P01", "55P03", "57014"];

/// Reads JSON that we wrote.
pub(crate) fn read_json<'a, T: serde::Deserialize<'a>>(what: &'static str, text: &'a str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Broken { what, source: error.into() })
}

/// Writes JSON that we will read.
pub(crate) fn write_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Broken { what, source: error.into() })
}

/// Reads a word that we wrote.
pub(crate) fn read_word<T>(what: &'static str, word: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    word.parse().map_err(|error: T::Err| StoreError::Broken { what, source: error.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_the_operators_and_a_broken_index_is_not() {
        let said = |code| StoreError::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
        for code in [rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_READONLY, rusqlite::ffi::SQLITE_CANTOPEN] {
            assert!(said(code).is_operator() && !said(code).is_unreachable(), "{code}");
            assert!(code == rusqlite::ffi::SQLITE_CANTOPEN || said(code).to_string().contains(": "), "{code}");
        }
        assert!(!said(rusqlite::ffi::SQLITE_CORRUPT).is_operator());
        assert!(said(rusqlite::ffi::SQLITE_IOERR).is_unreachable());
    }
}
