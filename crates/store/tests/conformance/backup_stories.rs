//! Stories of backups: taken while others write, put into either database, damaged on the way, too old, in the way of
//! something else. Each gets an empty store; what it is restored into is made on the way.
//! What is the same is told by the file: a store that was restored gives the same rows again.

use crate::observation_stories::{agent, gorgias};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tenure_core::account::{AccountState, Kind};
use tenure_core::journal::{Draft, verify};
use tenure_store::test_support::{TestStore, postgres_url};
use tenure_store::{Backup, Present, PullMode, Sealed, SealedPlace, Store, StoreError};

fn draft(number: i64) -> Draft {
    let (at, actor) = ("2026-11-24T10:00:00Z".into(), "mia".into());
    Draft {
        at,
        actor,
        event: "read".into(),
        run: None,
        step: None,
        body: json!({ "number": number, "text": "ä\u{0}\n" }),
    }
}

/// Writes one more of several sorts: an account that changes, a version of it, an entry, a note.
async fn write(store: &Store, number: i64) {
    let mut account = agent(&format!("{}", number % 50), "jane@acme.example");
    account.name = Some(format!("Jane {number}").into());
    store.record_accounts(&gorgias(), &[account], number + 10).await.unwrap();
    store.append_journal(vec![draft(number)]).await.unwrap();
    store.set_note(&gorgias(), "count", Some(&number.to_string())).await.unwrap();
}

async fn fill(store: &Store) {
    let run = store.begin_pull(&gorgias(), PullMode::Full, 1).await.unwrap();
    let accounts: Vec<_> = (0..50).map(|id| agent(&id.to_string(), "jane@acme.example")).collect();
    store.write_batch(&run, &accounts, None, 1).await.unwrap();
    for number in 0..60 {
        write(store, number).await;
    }
    let place = SealedPlace { connection: gorgias(), name: "token".into() };
    store.set_sealed(&place, &Sealed { opener: "k".into(), value: vec![0, 255, 7] }).await.unwrap();
}

async fn back_up(store: &Store) -> (Vec<u8>, Backup) {
    let mut file = Vec::new();
    let backup = store.back_up(&mut file, "2026-11-24T10:00:00Z").await.unwrap();
    (file, backup)
}

async fn restore(url: &str, file: &[u8], present: Present) -> Result<Store, StoreError> {
    Store::restore(url, || Ok(Cursor::new(file.to_vec())), present).await.map(|(store, _)| store)
}

/// The lines of a backup but for the first and the last, as a set: tables give their rows in any order.
fn rows(file: &[u8]) -> BTreeSet<String> {
    let text = std::str::from_utf8(file).unwrap();
    let mut table = "";
    let row = |line| {
        if !str::starts_with(line, "[") {
            table = line;
        }
        format!("{table}{line}")
    };
    let lines: Vec<&str> = text.lines().collect();
    lines[1..lines.len() - 1].iter().copied().map(row).collect()
}

/// Addresses of new, empty stores, one in each database.
fn places(folder: &tempfile::TempDir) -> Vec<String> {
    let file = format!("sqlite:{}", folder.path().join("restored.db").display());
    [Some(file), postgres_url()].into_iter().flatten().collect()
}

pub async fn what_was_backed_up_is_restored_in_either_database(TestStore { store, .. }: &TestStore) {
    fill(store).await;
    let (file, backup) = back_up(store).await;
    assert!(backup.rows > 150 && backup.sha256.len() == 64, "{backup:?}");
    let folder = tempfile::tempdir().unwrap();
    for url in places(&folder) {
        let restored = restore(&url, &file, Present::Empty).await.unwrap();
        assert_eq!(rows(&back_up(&restored).await.0), rows(&file), "{url}");
        assert_eq!(verify(&restored.read_journal(0, 1000).await.unwrap()), Ok(60), "{url}");
        // It goes on where it was: keys that count by themselves do not count anew.
        for number in 100..110 {
            write(&restored, number).await;
        }
        let versions = restored.versions(&agent("0", "jane@acme.example").key, 100).await.unwrap();
        assert_eq!(versions.last().unwrap().account.name.as_deref(), Some("Jane 100"), "{url}");
        assert_eq!(restored.journal_head().await.unwrap().seq, 70, "{url}");
        restored.close().await;
    }
}

pub async fn a_backup_is_of_one_moment_while_others_write(TestStore { store, .. }: &TestStore) {
    fill(store).await;
    let ended = Arc::new(AtomicBool::new(false));
    let (writing, over) = (store.clone(), ended.clone());
    let writer = tokio::spawn(async move {
        let mut number = 1000;
        while !over.load(Ordering::Relaxed) {
            write(&writing, number).await;
            number += 1;
        }
        number - 1000
    });
    let mut files = Vec::new();
    for _ in 0..5 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        files.push(back_up(store).await.0);
    }
    ended.store(true, Ordering::Relaxed);
    assert!(writer.await.unwrap() > 5, "others wrote meanwhile");
    let folder = tempfile::tempdir().unwrap();
    let mut heads = BTreeSet::new();
    for (at, file) in files.iter().enumerate() {
        let url = format!("sqlite:{}", folder.path().join(format!("{at}.db")).display());
        // Restoring fails where the journal does not end where its head says.
        let restored = restore(&url, file, Present::Empty).await.unwrap();
        let head = restored.journal_head().await.unwrap().seq;
        let last = restored.read_journal(head - 1, 1).await.unwrap()[0].body["number"].as_i64().unwrap();
        let note: i64 = restored.note(&gorgias(), "count").await.unwrap().unwrap().parse().unwrap();
        assert!(last == note || last == note + 1, "entry {last}, note {note}: not of one moment");
        let totals = restored.overviews().await.unwrap()[&gorgias()].totals.clone();
        assert_eq!(totals.of(Kind::Agent, AccountState::Active), 50);
        heads.insert(head);
        restored.close().await;
    }
    assert!(heads.len() > 1, "the store moved between the backups");
}

pub async fn a_damaged_backup_is_refused_and_changes_nothing(TestStore { store, url, .. }: &TestStore) {
    fill(store).await;
    let (file, _) = back_up(store).await;
    let before = rows(&file);
    let mut damaged: Vec<Vec<u8>> = (1..20).map(|part| file[..file.len() * part / 20].to_vec()).collect();
    for at in (0..file.len()).step_by(file.len() / 40) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        damaged.push(changed);
    }
    damaged.extend([Vec::new(), b"{}\n".to_vec(), [&*file, b"\n"].concat()]);
    for file in damaged {
        let refused = restore(url, &file, Present::Replaced).await;
        assert!(matches!(refused, Err(StoreError::Backup { .. } | StoreError::Newer { .. })), "{refused:?}");
    }
    // One whose checksum was made anew, and whose journal was not.
    let text = String::from_utf8(file.clone()).unwrap();
    let at = text.rfind("{\"end\":").unwrap();
    let forged = text[..at].replace("\\\"actor\\\":\\\"mia\\\"", "\\\"actor\\\":\\\"eve\\\"");
    assert_ne!(forged, text[..at]);
    let refused = restore(url, &ended(&forged), Present::Replaced).await.unwrap_err();
    assert!(refused.to_string().contains("journal does not hold"), "{refused}");
    assert_eq!(rows(&back_up(store).await.0), before);
}

/// Puts a last line behind lines.
fn ended(lines: &str) -> Vec<u8> {
    let sha256: String = Sha256::digest(lines).iter().map(|byte| format!("{byte:02x}")).collect();
    let rows = lines.lines().filter(|line| line.starts_with('[')).count();
    format!("{lines}{}\n", json!({ "end": { "rows": rows, "sha256": sha256 } })).into_bytes()
}

pub async fn a_store_that_holds_something_is_replaced_only_when_told(TestStore { store, url, .. }: &TestStore) {
    fill(store).await;
    let (file, _) = back_up(store).await;
    write(store, 5000).await;
    assert!(matches!(restore(url, &file, Present::Empty).await, Err(StoreError::NotEmpty)));
    assert_eq!(store.note(&gorgias(), "count").await.unwrap().as_deref(), Some("5000"));
    let replaced = restore(url, &file, Present::Replaced).await.unwrap();
    assert_eq!(replaced.note(&gorgias(), "count").await.unwrap().as_deref(), Some("59"));
    assert_eq!(rows(&back_up(&replaced).await.0), rows(&file));
    replaced.close().await;
}

pub async fn a_backup_of_the_first_shape_is_brought_to_the_present_one(TestStore { store, url, .. }: &TestStore) {
    let body = json!({"key":{"connection":"gorgias","kind":"agent","id":"42"},"login":"jane@acme.example","name":null,
        "state":"active","external_id":null,"grants":[],"grants_known":[],"fields":{},"created_ms":null,"updated_ms":null});
    let table =
        |name: &str, columns: Value, row: Value| format!("{}\n{row}\n", json!({ "table": name, "columns": columns }));
    let int = |name: &str| json!([name, "int"]);
    let text = |name: &str| json!([name, "text"]);
    let mut lines = format!("{}\n", json!({ "tenure_backup": 1, "at": "2026-11-01T00:00:00Z", "shape": 1 }));
    lines += &table(
        "connection",
        json!([text("name"), int("number"), int("next_id")]),
        json!(["gorgias", 1, 1_099_511_627_778_i64]),
    );
    lines += &table("journal_head", json!([text("name"), int("seq"), text("hash")]), json!(["journal", 0, ""]));
    let columns = json!([
        int("id"),
        int("connection"),
        text("kind"),
        text("native"),
        text("state"),
        int("since_ms"),
        int("gone_ms"),
        text("login_key"),
        text("external_key"),
        text("employee_key"),
        ["hash", "bytes"],
        text("body")
    ]);
    let row = json!([
        1_099_511_627_777_i64,
        1,
        "agent",
        "42",
        "active",
        5,
        null,
        "jane@acme.example",
        null,
        null,
        "3030",
        body.to_string()
    ]);
    lines += &table("account", columns, row);
    let restored = restore(url, &ended(&lines), Present::Empty).await.unwrap();
    assert_eq!(restored.find_accounts("jane@acme.example").await.unwrap().len(), 1);
    assert_eq!(restored.tokens().await.unwrap(), [], "what came with later shapes is there");
    let later = lines.replace("\"shape\":1", "\"shape\":999");
    assert!(matches!(restore(url, &ended(&later), Present::Replaced).await, Err(StoreError::Newer { .. })));
    let strange = lines.replace("\"table\":\"connection\"", "\"table\":\"pg_class\"");
    assert!(matches!(restore(url, &ended(&strange), Present::Replaced).await, Err(StoreError::Backup { .. })));
    drop(restored);
    assert_eq!(store.find_accounts("42").await.unwrap().len(), 1, "what was refused changed nothing");
}
