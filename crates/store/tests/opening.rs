//! What happens before a store can be used: addresses, permissions, shapes of other versions.
//! Databases are made in temporary folders and in the private PostgreSQL.
//! What a store does once it is open is told in `conformance`.

use tenure_store::test_support::{postgres_url, sqlite_store};
use tenure_store::{PullMode, Store, StoreError};

/// The error with all its causes, as a person may come to read it.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_file_and_what_lies_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tenure.db");
    let store = Store::open(&format!("sqlite:{}", path.display())).await.unwrap();
    store.begin_pull(&"gorgias".into(), PullMode::Full, 1).await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        files += 1;
    }
    assert!(files >= 2, "the log lies beside the file");
    store.close().await;
}

#[tokio::test]
async fn an_address_that_is_none_says_what_to_write() {
    for url in ["tenure.db", "mysql://root:hunter2@localhost/x", "sqlite:", "postgres://u:hunter2@[::bad/x"] {
        let error = Store::open(url).await.unwrap_err();
        assert!(matches!(error, StoreError::Address { .. }), "{url}");
        assert!(error.is_operator() && !told(&error).contains("hunter2"), "{}", told(&error));
        assert!(error.to_string().contains("write `"), "{error}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let error = Store::open("sqlite:/nowhere/at/all/tenure.db").await.unwrap_err();
    assert!(error.to_string().contains("create the folder /nowhere/at/all first"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "these are my notes, and they are not a database at all, however long they may be").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(Store::open(&format!("sqlite:{}", path.display())).await.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn an_unreachable_server_is_told_without_its_password() {
    let error = Store::open("postgres://tenure:hunter2@127.0.0.1:9/tenure").await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    let text = format!("{} {error:?}", told(&error));
    assert!(text.contains("tenure@127.0.0.1:9/tenure") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_missing_database_says_how_to_make_it() {
    let Some(url) = postgres_url() else { return };
    let (server, socket) = url.split_once('?').unwrap();
    let error = Store::open(&format!("{server}_not_there?{socket}")).await.unwrap_err();
    assert!(error.to_string().contains("createdb"), "{error}");
}

#[tokio::test]
async fn a_store_of_a_later_program_is_refused() {
    let empty = sqlite_store().await;
    empty.store.close().await;
    let file = rusqlite::Connection::open(empty.url.trim_start_matches("sqlite:")).unwrap();
    file.execute("INSERT INTO shape (number) VALUES (999)", []).unwrap();
    file.close().unwrap();
    let error = Store::open(&empty.url).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 999, .. }), "{error}");
}

/// What a store of the first shape held: an account of a connection, and a pull that saw it.
const SEED: &str = r#"
    CREATE TABLE shape (number BIGINT NOT NULL PRIMARY KEY);
    INSERT INTO shape (number) VALUES (1);
    INSERT INTO connection (name, number, next_id) VALUES ('gorgias', 1, 1099511627778);
    UPDATE counter SET value = 1 WHERE name = 'connection';
    INSERT INTO tally (connection, kind, state, accounts) VALUES (1, 'agent', 'active', 1);
    INSERT INTO account (id, connection, kind, native, state, since_ms, login_key, hash, body)
    VALUES (1099511627777, 1, 'agent', '42', 'active', 5, 'jane@acme.example', '00', '{"key":{"connection":"gorgias",
    "kind":"agent","id":"42"},"login":"jane@acme.example","name":null,"state":"active","external_id":null,"grants":[],
    "grants_known":[],"fields":{},"created_ms":null,"updated_ms":null}');
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_the_first_shape_keeps_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let first = include_str!("../migrations/0001_first.sql");
    let path = folder.path().join("tenure.db");
    let script = format!("{}{SEED}", first.replace("SERIAL_KEY", "INTEGER PRIMARY KEY"));
    rusqlite::Connection::open(&path).unwrap().execute_batch(&script).unwrap();
    holds_the_seed(&format!("sqlite:{}", path.display())).await;
    if let Some(url) = postgres_url() {
        use sqlx::Connection;
        let key = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY";
        let script = format!("{}{SEED}", first.replace("SERIAL_KEY", key));
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        holds_the_seed(&url).await;
    }
}

async fn holds_the_seed(url: &str) {
    let store = Store::open(url).await.unwrap();
    let found = store.find_accounts("42").await.unwrap();
    assert_eq!(found.len(), 1, "{url}");
    let mut account = found[0].account.clone();
    account.name = Some("Jane Doe".into());
    let run = store.begin_pull(&"gorgias".into(), PullMode::Full, 9).await.unwrap();
    let counts = store.write_batch(&run, std::slice::from_ref(&account), None, 9).await.unwrap();
    assert_eq!((counts.added, counts.changed), (0, 1), "{url}");
    let versions = store.versions(&account.key, 10).await.unwrap();
    assert_eq!(versions.iter().map(|one| one.since_ms).collect::<Vec<_>>(), [5, 9], "{url}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_open_a_new_database_at_once_shape_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("tenure.db").display());
    for url in [Some(file), postgres_url()].into_iter().flatten() {
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let url = url.clone();
            tasks.push(tokio::spawn(async move { Store::open(&url).await }));
        }
        for task in tasks {
            task.await.unwrap().unwrap().close().await;
        }
    }
}

#[tokio::test]
async fn a_store_in_memory_lives_as_long_as_it_is_open() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let run = store.begin_pull(&"gorgias".into(), PullMode::Full, 1).await.unwrap();
    store.write_batch(&run, &[], Some("page 2"), 1).await.unwrap();
    let again = store.clone().begin_pull(&"gorgias".into(), PullMode::Full, 2).await.unwrap();
    assert_eq!((again.id, again.checkpoint.as_deref()), (run.id, Some("page 2")));
    let other = Store::open("sqlite::memory:").await.unwrap();
    assert_eq!(other.connections().await.unwrap(), []);
}
