//! Stories of the journal, of runs and their steps, of leases and notes.
//! Each gets an empty store; tampering goes around the store, through a connection of its own.
//! None of them knows which database it is, but for that connection.

use crate::observation_stories::gorgias;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use tenure_core::change::{Outcome, StepResult};
use tenure_core::journal::{Broken, Draft, verify};
use tenure_core::name::{ConnectionName, PlanId, RunId, StepId};
use tenure_store::test_support::TestStore;
use tenure_store::{Alongside, Began, Beginning, Claim, Lease, Left, Run, Settled, Store, StoreError};

const BEGUN: Began = Began::Begun { since_ms: None };

fn draft(event: &str, body: serde_json::Value) -> Draft {
    Draft {
        at: "2026-11-24T10:00:00Z".into(),
        actor: "mia@acme.example".into(),
        event: event.into(),
        run: Some("r1".into()),
        step: None,
        body,
    }
}

async fn lease(store: &Store, holder: &str, now_ms: i64) -> Lease {
    match store.claim_lease("apply", holder, now_ms, 1000).await.unwrap() {
        Claim::Held(lease) => lease,
        taken => panic!("{holder} did not get the lease: {taken:?}"),
    }
}

pub async fn the_journal_is_one_chain_however_many_write(TestStore { store, url, .. }: &TestStore) {
    assert_eq!(store.journal_head().await.unwrap().seq, 0);
    // A second set of connections, as another process would have them.
    let other = Store::open(url).await.unwrap();
    let mut tasks = Vec::new();
    for writer in 0..6 {
        let store = if writer % 2 == 0 { store.clone() } else { other.clone() };
        tasks.push(tokio::spawn(async move {
            for number in 0..10 {
                let drafts = vec![draft("one", json!({"writer": writer, "number": number})), draft("two", json!(null))];
                store.append_journal(drafts).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let entries = store.read_journal(0, 1000).await.unwrap();
    assert_eq!(verify(&entries), Ok(120));
    let head = store.journal_head().await.unwrap();
    assert_eq!(store.lasting_head().await.unwrap(), head);
    assert_eq!((head.seq, &head.hash), (120, &entries[119].hash));
    assert_eq!(store.read_journal(100, 5).await.unwrap(), entries[100..105]);
    assert_eq!(store.journal_of_run(&RunId::from("r1"), 110, 1000).await.unwrap().len(), 10);
    assert!(entries.chunks(2).all(|pair| pair[0].event == "one" && pair[1].event == "two"));
    other.close().await;
}

/// Changes rows behind the store's back.
async fn tamper(url: &str, sql: &'static str) {
    if url.starts_with("sqlite") {
        let file = rusqlite::Connection::open(url.trim_start_matches("sqlite:")).unwrap();
        file.execute(sql, []).unwrap();
    } else {
        use sqlx::Connection;
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

pub async fn a_tampered_entry_is_noticed(TestStore { store, url, .. }: &TestStore) {
    let drafts = (0..5).map(|number| draft("step_ended", json!({"number": number, "share": 0.1, "text": "ä\u{0}\n"})));
    store.append_journal(drafts.collect()).await.unwrap();
    assert_eq!(verify(&store.read_journal(0, 10).await.unwrap()), Ok(5));
    let filed = || async { store.journal_as_filed(i64::MIN, 10).await.unwrap() };
    assert!(filed().await.iter().all(|one| one.entry().is_ok()));
    tamper(url, "UPDATE journal SET step = 's9' WHERE seq = 2").await;
    assert!(filed().await[1].entry().is_err(), "it would be found as another step's");
    tamper(url, "UPDATE journal SET step = NULL, run = 'r9' WHERE seq = 2").await;
    assert!(filed().await[1].entry().is_err(), "it would be found as another run's");
    tamper(url, "UPDATE journal SET run = NULL, body = 'x' WHERE seq = 4").await;
    assert!(filed().await[3].entry().is_err(), "nothing can be read there");
    tamper(url, "UPDATE journal SET run = NULL, body = (SELECT body FROM journal WHERE seq = 5) WHERE seq = 4").await;
    assert!(filed().await[3].entry().is_err(), "another one's text");
    tamper(url, "DELETE FROM journal WHERE seq = 4").await;
    tamper(url, "UPDATE journal SET run = NULL WHERE seq = 2").await;
    tamper(url, "UPDATE journal SET body = REPLACE(body, 'mia@', 'eve@') WHERE seq = 3").await;
    assert_eq!(verify(&store.read_journal(0, 10).await.unwrap()), Err(Broken::Content { seq: 3 }));
    tamper(url, "DELETE FROM journal WHERE seq >= 3").await;
    let rest = store.read_journal(0, 10).await.unwrap();
    assert_eq!(verify(&rest), Ok(2));
    assert_ne!(store.journal_head().await.unwrap().seq, 2, "the head remembers that there were more");
}

fn run(id: &str) -> Run {
    Run { id: id.into(), plan: "p1".into(), actor: "mia".into(), started_ms: 10, finished_ms: None }
}

fn result(step: &StepId, outcome: Outcome) -> StepResult {
    StepResult { id: step.clone(), outcome, fields: BTreeMap::new(), because: None, account: Some("42".into()) }
}

fn beginning<'a>(run: &'a RunId, step: &'a StepId, intent: &'a serde_json::Value, at_ms: i64) -> Beginning<'a> {
    static CONNECTION: LazyLock<ConnectionName> = LazyLock::new(|| "gorgias".into());
    Beginning { run, step, connection: &CONNECTION, things: &[], intent, heard: 0, removal: None, at_ms }
}

pub async fn an_intent_without_an_outcome_is_an_open_step(TestStore { store, url, .. }: &TestStore) {
    let lease = lease(store, "one", 0).await;
    let (run_id, plan) = (RunId::from("r1"), PlanId::from("p1"));
    store.join_run(&lease, &run("r1"), vec![draft("run_started", json!({}))], &[]).await.unwrap();
    let (one, two) = (StepId::from("s1"), StepId::from("s2"));
    let started = Draft { step: Some("s1".into()), ..draft("step_started", json!({})) };
    let (nothing, seven) = (json!({"account": null}), json!({"account": "7"}));
    let both =
        vec![(beginning(&run_id, &one, &nothing, 11), Some(started)), (beginning(&run_id, &two, &seven, 12), None)];
    assert_eq!(store.begin_steps(&lease, both).await.unwrap(), [BEGUN, BEGUN]);
    store
        .settle_steps(&lease, &run_id, vec![Settled::new(&result(&one, Outcome::Done))], &Alongside::default(), 13)
        .await
        .unwrap();

    // Somebody else finds it after a crash.
    let other = Store::open(url).await.unwrap();
    let open = other.open_steps().await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((&open[0].run, &open[0].plan, &open[0].step), (&run_id, &plan, &two));
    assert_eq!((open[0].started_ms, &open[0].intent), (12, &json!({"account": "7"})));
    other.close().await;

    assert_eq!(store.unfinished_run(&plan).await.unwrap(), Some(run("r1")));
    store
        .settle_steps(&lease, &run_id, vec![Settled::new(&result(&two, Outcome::Unknown))], &Alongside::default(), 14)
        .await
        .unwrap();
    let skipped = result(&StepId::from("s3"), Outcome::Skipped);
    store.settle_steps(&lease, &run_id, vec![Settled::new(&skipped)], &Alongside::default(), 15).await.unwrap();
    assert_eq!(store.open_steps().await.unwrap(), []);
    let outcomes: Vec<Outcome> = store.results(&run_id).await.unwrap().iter().map(|result| result.outcome).collect();
    assert_eq!(outcomes, [Outcome::Done, Outcome::Unknown, Outcome::Skipped]);
    let last = store.last_results(&[&one, &StepId::from("never")]).await.unwrap();
    assert_eq!(last, [(one.clone(), result(&one, Outcome::Done))].into());
    assert_eq!(store.doubtful_since(&one).await.unwrap(), None, "it was done for certain");
    assert_eq!(store.doubtful_since(&two).await.unwrap(), Some(12));
    let ended = vec![draft("run_ended", json!({}))];
    assert_eq!(store.leave_run(&lease, &run_id, ended, &[], ("help", &[]), 16).await.unwrap(), Left::Last);
    assert_eq!(store.unfinished_run(&plan).await.unwrap(), None);
    assert_eq!(store.run(&run_id).await.unwrap().unwrap().finished_ms, Some(16));
    assert_eq!(store.runs(10).await.unwrap().len(), 1);
    let events: Vec<String> = store.read_journal(0, 10).await.unwrap().into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, ["run_started", "step_started", "run_ended"]);
    assert_eq!(store.journal_of_step(&one, 10).await.unwrap().len(), 1);
}

pub async fn a_step_stays_doubtful_until_it_is_done_for_certain(TestStore { store, .. }: &TestStore) {
    let lease = lease(store, "one", 0).await;
    let step = StepId::from("s1");
    let tries = [(Outcome::Unknown, 20), (Outcome::Done, 30), (Outcome::Unknown, 40), (Outcome::Refused, 50)];
    for (at, (outcome, at_ms)) in tries.into_iter().enumerate() {
        let id = format!("r{at}");
        let id = RunId::from(id);
        store.join_run(&lease, &run(id.as_str()), vec![], &[]).await.unwrap();
        store.begin_steps(&lease, vec![(beginning(&id, &step, &json!({}), at_ms), None)]).await.unwrap();
        store
            .settle_steps(&lease, &id, vec![Settled::new(&result(&step, outcome))], &Alongside::default(), at_ms + 1)
            .await
            .unwrap();
        store.leave_run(&lease, &id, vec![], &[], ("help", &[]), at_ms + 2).await.unwrap();
    }
    assert_eq!(store.doubtful_since(&step).await.unwrap(), Some(40));
}

pub async fn only_one_holds_the_lease_and_a_lost_one_writes_nothing(TestStore { store, .. }: &TestStore) {
    let first = lease(store, "one", 0).await;
    let refused = store.claim_lease("apply", "two", 999, 1000).await.unwrap();
    assert_eq!(refused, Claim::Taken { by: "one".into(), until_ms: 1000 });
    let renewed = store.renew_lease(&first, 500, 1000).await.unwrap();
    assert_eq!((renewed.token, renewed.until_ms), (first.token, 1500));
    let second = lease(store, "two", 1500).await;
    assert!(second.token > first.token);
    assert!(matches!(store.renew_lease(&first, 1600, 1000).await, Err(StoreError::LeaseLost { .. })));
    let late = store.join_run(&first, &run("r1"), vec![draft("run_started", json!({}))], &[]).await;
    assert!(matches!(late, Err(StoreError::LeaseLost { .. })));
    assert_eq!(store.runs(10).await.unwrap(), []);
    assert_eq!(store.read_journal(0, 10).await.unwrap(), []);
    store.release_lease(&first).await.unwrap();
    let still = store.claim_lease("apply", "three", 1600, 1000).await.unwrap();
    assert!(matches!(still, Claim::Taken { .. }), "a lost lease releases nothing");
    store.release_lease(&second).await.unwrap();
    lease(store, "three", 1601).await;
    let mut tasks = Vec::new();
    for holder in 0..8 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            matches!(store.claim_lease("pull", &holder.to_string(), 0, 1000).await.unwrap(), Claim::Held(_))
        }));
    }
    let mut held = 0;
    for task in tasks {
        held += usize::from(task.await.unwrap());
    }
    assert_eq!(held, 1);
}

pub async fn a_note_that_many_change_loses_no_change(TestStore { store, url, .. }: &TestStore) {
    let mut changing = Vec::new();
    for _ in 0..4 {
        let store = Store::open(url).await.unwrap();
        changing.push(tokio::spawn(async move {
            let mut last_ms = 0;
            for _ in 0..25 {
                let count = |text: Option<&str>, now_ms: i64| {
                    assert!(now_ms >= last_ms, "the database's clock is one for all");
                    last_ms = now_ms;
                    Ok((text.map_or(0, |text| text.parse::<u64>().unwrap()) + 1).to_string())
                };
                store.change_note_text(&gorgias(), "count", || 0, count).await.unwrap();
            }
            store.close().await;
        }));
    }
    for one in changing {
        one.await.unwrap();
    }
    assert_eq!(store.note(&gorgias(), "count").await.unwrap().as_deref(), Some("100"));
}

pub async fn a_note_that_cannot_be_read_is_told_and_stays(TestStore { store, .. }: &TestStore) {
    store.set_note(&gorgias(), "begun", Some("[1, 2")).await.unwrap();
    let told = store.noted::<Vec<u64>>(&gorgias(), "begun").await.unwrap_err();
    assert_eq!(told.to_string(), "read what is noted of \"gorgias\" as \"begun\"");
    assert!(store.noted_everywhere::<Vec<u64>>("begun").await.is_err());
    assert!(store.change_note(&gorgias(), "begun", |numbers: &mut Vec<u64>| numbers.push(3)).await.is_err());
    assert_eq!(store.note(&gorgias(), "begun").await.unwrap().as_deref(), Some("[1, 2"));
    assert_eq!(store.noted::<Vec<u64>>(&gorgias(), "other").await.unwrap(), None);
}

pub async fn a_note_is_replaced_and_forgotten(TestStore { store, .. }: &TestStore) {
    store.set_note(&gorgias(), "dialect", Some("guide")).await.unwrap();
    store.set_note(&gorgias(), "dialect", Some("2026")).await.unwrap();
    store.set_note(&gorgias(), "budget", Some("5")).await.unwrap();
    assert_eq!(store.note(&gorgias(), "dialect").await.unwrap().as_deref(), Some("2026"));
    assert_eq!(store.notes(&gorgias()).await.unwrap().len(), 2);
    store.set_note(&gorgias(), "dialect", None).await.unwrap();
    assert_eq!(store.note(&gorgias(), "dialect").await.unwrap(), None);
    assert_eq!(store.notes(&"gladly".into()).await.unwrap(), BTreeMap::new());
    store.set_note(&"gladly".into(), "kept", Some("yes")).await.unwrap();
    store.forget_notes(&gorgias()).await.unwrap();
    assert_eq!(store.notes(&gorgias()).await.unwrap(), BTreeMap::new());
    assert_eq!(store.note(&"gladly".into(), "kept").await.unwrap().as_deref(), Some("yes"));
}
