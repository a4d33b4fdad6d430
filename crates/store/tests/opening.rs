//! What happens before a store can be used: addresses, permissions, shapes of other versions.
//! Databases are made in temporary folders and in the private PostgreSQL.
//! What a store does once it is open is told in `conformance`.

use tenure_core::account::{AccountKey, Kind};
use tenure_core::facts::Link;
use tenure_core::journal::{Draft, Entry, seal, verify};
use tenure_core::name::IdentityId;
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
    assert!(error.is_operator() && !error.is_unreachable(), "{error:?}");
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

/// What a store of an earlier shape held, in the forms of its time: an account and its past, a person, what people
/// decided, a plan, a run with a step that ended and one that did not, and what was noted.
const SEED: &str = r#"
    INSERT INTO connection (name, number, next_id) VALUES ('gorgias', 1, 1099511627779), ('hr', 2, 2199023255554);
    UPDATE counter SET value = 2 WHERE name = 'connection';
    UPDATE counter SET value = 1 WHERE name IN ('pull', 'decision', 'plan', 'run');
    INSERT INTO tally (connection, kind, state, accounts) VALUES (1, 'agent', 'active', 1), (2, 'person', 'active', 1);
    INSERT INTO account (id, connection, kind, native, state, since_ms, login_key, hash, body)
    VALUES (1099511627777, 1, 'agent', '42', 'active', 5, 'jane@acme.example', '00', '{"key":{"connection":"gorgias",
    "kind":"agent","id":"42"},"login":"jane@acme.example","name":null,"state":"active","external_id":null,"grants":[
    {"kind":"role","id":"2","name":"agent","privileged":false}],"grants_known":["role"],"fields":{"title":"Agent"},
    "created_ms":null,"updated_ms":null}');
    INSERT INTO account (id, connection, kind, native, state, since_ms, employee_key, hash, body)
    VALUES (2199023255553, 2, 'person', 'E1', 'active', 7, 'e1', '00', '{"key":{"connection":"hr","kind":"person",
    "id":"E1"},"login":null,"name":"Jane Doe","state":"active","external_id":null,"grants":[],"grants_known":[],
    "fields":{"department":"Success","employee_id":"E1"},"created_ms":null,"updated_ms":null}');
    INSERT INTO version (account, kind, since_ms, until_ms, body) VALUES (2199023255553, 'person', 3, 7, '{"key":{
    "connection":"hr","kind":"person","id":"E1"},"login":null,"name":"Jane Doe","state":"active","external_id":null,
    "grants":[],"grants_known":[],"fields":{"department":"Support"},"created_ms":null,"updated_ms":null}');
    INSERT INTO pull (id, connection, mode, started_ms, finished_ms, coverage, accounts, added, changed, unchanged,
    repeated, gone, requests, throttled, floor_ms, spent_ms, believed)
    VALUES (1, 1, 'full', 5, 6, 'complete', 1, 1, 0, 0, 0, 0, 3, 0, 0, 10, 1);
    INSERT INTO entitlement (connection, kind, id, name, privileged) VALUES ('gorgias', 'role', '2', 'agent', 0);
    INSERT INTO link (account, identity, since_ms, body) VALUES ('gorgias/agent/42', 'i-1', 5, '{"account":{
    "connection":"gorgias","kind":"agent","id":"42"},"identity":"i-1","evidence":"login = work_email","since_ms":5}');
    INSERT INTO decision (seq, at_ms, body) VALUES (1, 8, '{"seq":1,"at_ms":8,"by":"mia","note":null,"what":{
    "decided":"approve","step":"s-1"}}');
    INSERT INTO plan (id, number, saved_ms, digest, body) VALUES ('p-1', 1, 8, 'd', '{"id":"p-1","digest":"d",
    "made_at":"2026-11-01T00:00:00Z","steps":[],"held":[],"findings":[],"cost":{"seats":{},"requests":{},
    "seconds":0.0}}');
    INSERT INTO finding (id, since_ms) VALUES ('f-1', 4);
    INSERT INTO run (id, number, plan, actor, started_ms) VALUES ('r-1', 1, 'p-1', 'mia', 9);
    INSERT INTO step_progress (run, step, started_ms, settled_ms, intent, outcome)
    VALUES ('r-1', 's-1', 9, 10, '{}', '{"id":"s-1","outcome":"done","fields":{"role":"applied"}}'),
           ('r-1', 's-2', 9, NULL, '{"account":"42"}', NULL);
    INSERT INTO note (connection, name, value) VALUES ('gorgias', 'dialect', 'guide');
    INSERT INTO lease (name, holder, token, until_ms) VALUES ('apply', 'one', 4, 0);
"#;

/// The scripts of the shapes that stores are brought from.
const EARLIER: [&str; 3] = [
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_native_first.sql"),
    include_str!("../migrations/0003_tokens.sql"),
];

/// Two entries of the journal, as an earlier program sealed them.
fn journal() -> String {
    let draft = |number: i64| Draft {
        at: "2026-11-01T00:00:00Z".into(),
        actor: "mia".into(),
        event: "decided".into(),
        run: None,
        step: (number == 2).then(|| "s-1".into()),
        body: serde_json::json!({ "number": number }),
    };
    let first = seal(None, draft(1));
    let second = seal(Some((first.seq, &first.hash)), draft(2));
    let row = |entry: &Entry| {
        let step = entry.step.as_ref().map_or("NULL".into(), |step| format!("'{step}'"));
        format!("({}, '{}', {step}, '{}')", entry.seq, entry.hash, serde_json::to_string(entry).unwrap())
    };
    format!(
        "INSERT INTO journal (seq, hash, step, body) VALUES {}, {};\n\
         UPDATE journal_head SET seq = 2, hash = '{}' WHERE name = 'journal';\n",
        row(&first),
        row(&second),
        second.hash
    )
}

/// Returns a script that makes a store of this shape, with its seed.
fn seeded(shape: usize) -> String {
    let mut script = String::from("CREATE TABLE shape (number BIGINT NOT NULL PRIMARY KEY);\n");
    for (number, lines) in (1..=shape).zip(EARLIER) {
        script += &format!("{lines}\nINSERT INTO shape (number) VALUES ({number});\n");
    }
    // Bodies stand on one line each.
    script + &SEED.replace("\n    ", "") + &journal()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_any_earlier_shape_keeps_what_it_holds() {
    for shape in 1..=EARLIER.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenure.db");
        let script = seeded(shape).replace("SERIAL_KEY", "INTEGER PRIMARY KEY");
        rusqlite::Connection::open(&path).unwrap().execute_batch(&script).unwrap();
        holds_the_seed(&format!("sqlite:{}", path.display())).await;
        if let Some(url) = postgres_url() {
            use sqlx::Connection;
            let key = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY";
            let script = seeded(shape).replace("SERIAL_KEY", key);
            let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            holds_the_seed(&url).await;
        }
    }
}

async fn holds_the_seed(url: &str) {
    let store = Store::open(url).await.unwrap();
    let condition = store.condition().await.unwrap();
    assert!(condition.shape >= EARLIER.len() as i64, "{url}: shape {}", condition.shape);
    let found = store.find_accounts("42").await.unwrap();
    assert_eq!((found.len(), found[0].account.grants.len()), (1, 1), "{url}");
    let person = store.find_accounts("E1").await.unwrap().remove(0).account;
    let then = store.account(&person.key, Some(4)).await.unwrap().unwrap().account;
    assert_eq!((then.fields.text("department"), person.fields.text("department")), (Some("Support"), Some("Success")));
    let loaded = store.load_all().await.unwrap();
    let counts = [loaded.accounts.len(), loaded.history.len(), loaded.links.len(), loaded.decisions.len()];
    assert_eq!(counts, [2, 1, 1, 1], "{url}");
    assert_eq!(verify(&store.read_journal(0, 10).await.unwrap()), Ok(2), "{url}");
    assert_eq!(store.journal_head().await.unwrap().seq, 2, "{url}");
    let plan = store.plan(&"p-1".into()).await.unwrap().unwrap();
    assert_eq!(store.plan_briefs(10).await.unwrap(), [plan.brief()], "{url}");
    let open = store.open_steps().await.unwrap();
    assert_eq!(open.iter().map(|step| step.step.as_str()).collect::<Vec<_>>(), ["s-2"], "{url}");
    assert_eq!(store.results(&"r-1".into()).await.unwrap().len(), 1, "{url}");
    let known = store.overviews().await.unwrap().remove(&tenure_core::name::ConnectionName::new("gorgias")).unwrap();
    assert_eq!((known.totals.total(), known.complete.is_some(), known.entitlements.len()), (1, true, 1), "{url}");
    assert_eq!(store.note(&"gorgias".into(), "dialect").await.unwrap().as_deref(), Some("guide"), "{url}");
    // It goes on: what it held is changed, and what it was is kept.
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

/// Tells whether the links of a file are indexed by person.
fn is_indexed(path: &std::path::Path) -> bool {
    let sql = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND name = 'link_identity'";
    let counted: i64 = rusqlite::Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
    counted == 1
}

#[tokio::test]
async fn links_of_a_whole_company_are_pinned_and_indexed_also_after_a_kill_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tenure.db");
    let url = format!("sqlite:{}", path.display());
    let store = Store::open(&url).await.unwrap();
    let link = |number: u32, of: u32| Link {
        account: AccountKey::new(&"desk".into(), Kind::Agent, format!("{number}")),
        identity: IdentityId::from(format!("person {of}")),
        evidence: "external id".into(),
        since_ms: 1,
    };
    let all: Vec<Link> = (0..20_001).map(|number| link(number, number % 10_000)).collect();
    assert_eq!(store.pin_many(all.clone(), 2).await.unwrap(), 20_001);
    assert!(is_indexed(&path));
    assert_eq!(store.links_of(&"person 7".into()).await.unwrap().len(), 2);
    assert_eq!(store.pin_many(all, 3).await.unwrap(), 0, "all are pinned already");
    let moved = link(7, 1);
    assert_eq!(store.pin_many(vec![moved.clone()], 4).await.unwrap(), 1);
    assert_eq!(store.past_links(&moved.account).await.unwrap().len(), 1);
    store.close().await;
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP INDEX link_identity").unwrap();
    let store = Store::open(&url).await.unwrap();
    assert!(is_indexed(&path), "whoever opens the file mends it");
    assert_eq!(store.links_of(&"person 1".into()).await.unwrap().len(), 3);
}
