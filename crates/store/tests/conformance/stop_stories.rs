//! Stories of steps that may not begin: somebody stopped writes, or decided something that is not known yet.
//! Each gets an empty store and a second set of connections, as another process would have them.
//! None of them knows which database it is.

use serde_json::json;
use tenure_core::facts::Decided;
use tenure_core::journal::{Draft, Entry};
use tenure_core::name::{ConnectionName, RunId, StepId};
use tenure_core::stop::Stop;
use tenure_store::test_support::TestStore;
use tenure_store::{Began, Beginning, Claim, Concerns, Lease, NewDecision, Run, Store};

fn draft(event: &str) -> Draft {
    Draft {
        at: "2026-11-24T10:00:00Z".into(),
        actor: "mia@acme.example".into(),
        event: event.into(),
        run: None,
        step: None,
        body: json!({}),
    }
}

fn stop(connection: Option<&str>) -> Stop {
    Stop {
        connection: connection.map(ConnectionName::new),
        by: "mia@acme.example".into(),
        at: "2026-11-24T10:00:00Z".into(),
        note: Some("wrong roles".into()),
    }
}

async fn running(store: &Store) -> Lease {
    let Claim::Held(lease) = store.claim_lease("apply", "one", 0, 1_000_000).await.unwrap() else { panic!("not ours") };
    let run = Run { id: "r1".into(), plan: "p1".into(), actor: "mia".into(), started_ms: 10, finished_ms: None };
    store.join_run(&lease, &run, vec![], &[]).await.unwrap();
    lease
}

async fn begin(store: &Store, lease: &Lease, connection: &str, step: &str, heard: i64) -> Began {
    let beginning = Beginning {
        run: &RunId::from("r1"),
        step: &StepId::from(step),
        connection: &ConnectionName::new(connection),
        things: &[],
        intent: &json!({}),
        heard,
        removal: None,
        at_ms: 11,
    };
    store.begin_steps(lease, vec![(beginning, Some(draft("step_started")))]).await.unwrap().remove(0)
}

fn is_begun(began: &Began) -> bool {
    matches!(began, Began::Begun { .. })
}

pub async fn a_stop_holds_its_connection_until_it_is_taken_back(TestStore { store, url, .. }: &TestStore) {
    let lease = running(store).await;
    let other = Store::open(url).await.unwrap();
    assert!(is_begun(&begin(store, &lease, "gorgias", "s1", 0).await));
    other.stop(&[stop(Some("gorgias"))], vec![draft("stopped")]).await.unwrap();
    assert_eq!(begin(store, &lease, "gorgias", "s2", 0).await, Began::Stopped(stop(Some("gorgias"))));
    assert!(is_begun(&begin(store, &lease, "gladly", "s3", 0).await));
    other.stop(&[stop(None)], vec![draft("stopped")]).await.unwrap();
    assert_eq!(begin(store, &lease, "gladly", "s4", 0).await, Began::Stopped(stop(None)));
    assert_eq!(store.stops().await.unwrap(), [stop(None), stop(Some("gorgias"))]);
    let open: Vec<String> = store.open_steps().await.unwrap().iter().map(|open| open.step.to_string()).collect();
    assert_eq!(open, ["s1", "s3"], "what was stopped was not begun");

    assert_eq!(other.resume(&[None], |_| draft("resumed")).await.unwrap(), [stop(None)]);
    assert_eq!(other.resume(&[None], |_| draft("resumed")).await.unwrap(), []);
    assert!(is_begun(&begin(store, &lease, "gladly", "s4", 0).await));
    assert!(!is_begun(&begin(store, &lease, "gorgias", "s2", 0).await), "each stop is taken back by itself");
    other.resume(&[Some("gorgias".into())], |_| draft("resumed")).await.unwrap();
    assert!(is_begun(&begin(store, &lease, "gorgias", "s2", 0).await));
    let entries = store.read_journal(0, 100).await.unwrap();
    let told = |event: &str| entries.iter().filter(|entry| entry.event == event).count();
    assert_eq!((told("stopped"), told("resumed"), told("step_started")), (2, 2, 4));
    other.close().await;
}

pub async fn no_step_begins_after_the_entry_that_stops_it(TestStore { store, url, .. }: &TestStore) {
    let lease = running(store).await;
    let other = Store::open(url).await.unwrap();
    for round in 0..5 {
        let stopping = tokio::spawn({
            let other = other.clone();
            async move { other.stop(&[stop(None)], vec![draft("stopped")]).await.unwrap() }
        });
        let mut number = 0;
        while is_begun(&begin(store, &lease, "gorgias", &format!("s{round}-{number}"), 0).await) {
            number += 1;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        stopping.await.unwrap();
        let entries: Vec<Entry> = store.read_journal(0, 100_000).await.unwrap();
        assert_eq!(entries.last().unwrap().event, "stopped");
        other.resume(&[None], |_| draft("resumed")).await.unwrap();
    }
    other.close().await;
}

pub async fn a_step_begins_only_when_the_newest_decisions_are_heard(TestStore { store, url, .. }: &TestStore) {
    let lease = running(store).await;
    let other = Store::open(url).await.unwrap();
    let no = NewDecision {
        at_ms: 5,
        by: "mia@acme.example".into(),
        note: None,
        what: Decided::Reject { step: "s1".into() },
        concerns: Concerns::default(),
    };
    let kept = other.decide(vec![no.clone(), no], vec![draft("decided")], &[]).await.unwrap();
    assert_eq!(begin(store, &lease, "gorgias", "s1", 0).await, Began::Decided(kept.clone()));
    assert_eq!(begin(store, &lease, "gorgias", "s1", 1).await, Began::Decided(kept[1..].to_vec()));
    assert_eq!(store.open_steps().await.unwrap(), []);
    assert!(is_begun(&begin(store, &lease, "gorgias", "s2", 2).await));
    let events: Vec<String> = store.read_journal(0, 10).await.unwrap().into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, ["decided", "step_started"]);
    other.close().await;
}
