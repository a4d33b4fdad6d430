//! Stories of the counters that guards judge by: what was taken away within a day, and how many steps failed in a row.
//! Each gets an empty store and a second set of connections, as another process would have them.
//! None of them knows which database it is, nor how much is too much.

use serde_json::json;
use std::collections::BTreeMap;
use tenure_core::change::{Outcome, StepResult};
use tenure_core::circuit::Ended;
use tenure_core::facts::Removed;
use tenure_core::journal::Draft;
use tenure_core::name::{ConnectionName, RunId, StepId};
use tenure_store::test_support::TestStore;
use tenure_store::{Alongside, Began, Beginning, Claim, DAY_MS, Lease, Pulse, Removal, Run, Settled, Store};

const MOST: Removed = Removed { steps: 3, accounts: 2 };

async fn running(store: &Store, name: &str) -> (Lease, RunId) {
    let claim = store.claim_lease(name, name, 0, DAY_MS * 100).await.unwrap();
    let Claim::Held(lease) = claim else { panic!("not ours") };
    let run = Run { id: name.into(), plan: name.into(), actor: "mia".into(), started_ms: 10, finished_ms: None };
    store.join_run(&lease, &run, vec![], &[]).await.unwrap();
    (lease, run.id)
}

async fn begin(store: &Store, (lease, run): &(Lease, RunId), step: &str, account: Option<&str>, at_ms: i64) -> Began {
    let beginning = Beginning {
        run,
        step: &StepId::from(step),
        connection: &ConnectionName::new("gorgias"),
        things: &[],
        intent: &json!({}),
        heard: 0,
        removal: account.map(|account| Removal { account, most: MOST }),
        at_ms,
    };
    store.begin_steps(lease, vec![(beginning, None)]).await.unwrap().remove(0)
}

async fn end(store: &Store, (lease, run): &(Lease, RunId), step: &str, outcome: Outcome, at_ms: i64) {
    let result = StepResult { id: step.into(), outcome, fields: BTreeMap::new(), because: None, account: None };
    let connection = ConnectionName::new("gorgias");
    let ended = match outcome {
        Outcome::Done => Ended::Well,
        _ => Ended::Badly { step: step.into(), because: "the app failed".into() },
    };
    let pulse = Pulse { connection: &connection, ended, failures_max: 2, retry_after_ms: 100 };
    let took_nothing = !matches!(outcome, Outcome::Done | Outcome::Pending | Outcome::Unknown);
    let settled = Settled { pulse: Some(pulse), took_nothing, ..Settled::new(&result) };
    store.settle_steps(lease, run, vec![settled], &Alongside::default(), at_ms).await.unwrap();
}

fn is_begun(began: &Began) -> bool {
    matches!(began, Began::Begun { .. })
}

pub async fn what_was_taken_away_counts_for_a_day_and_for_all_processes(TestStore { store, url, .. }: &TestStore) {
    let other = Store::open(url).await.unwrap();
    let (one, two) = (running(store, "one").await, running(&other, "two").await);
    assert!(is_begun(&begin(store, &one, "s1", Some("42"), 1_000).await));
    assert!(is_begun(&begin(&other, &two, "s2", Some("43"), 2_000).await));
    let known = Removed { steps: 2, accounts: 2 };
    assert_eq!(begin(store, &one, "s3", Some("44"), 3_000).await, Began::TooMuch(known), "a third account");
    assert!(is_begun(&begin(store, &one, "s4", Some("43"), 3_000).await), "more of an account that is counted");
    let known = Removed { steps: 3, accounts: 2 };
    assert_eq!(begin(&other, &two, "s5", Some("42"), 4_000).await, Began::TooMuch(known), "a fourth step");
    assert!(is_begun(&begin(&other, &two, "s6", None, 4_000).await), "what takes nothing away is not counted");
    assert_eq!(store.removed(5_000).await.unwrap(), [("gorgias".into(), known)].into());

    end(store, &one, "s4", Outcome::Refused, 5_000).await;
    end(&other, &two, "s2", Outcome::Done, 5_000).await;
    let known = Removed { steps: 2, accounts: 2 };
    assert_eq!(store.removed(5_000).await.unwrap(), [("gorgias".into(), known)].into(), "it took nothing away");
    assert_eq!(store.removed_by(5_000).await.unwrap(), [("gorgias".into(), ["s1".into(), "s2".into()].into())].into());
    assert!(is_begun(&begin(&other, &two, "s1", Some("42"), 6_000).await), "the same step is counted once");
    end(&other, &two, "s1", Outcome::AlreadyTrue, 7_000).await;
    assert_eq!(
        store.removed(7_000).await.unwrap(),
        [("gorgias".into(), known)].into(),
        "done again, it was so already"
    );
    let three = running(&other, "three").await;
    assert!(is_begun(&begin(&other, &three, "s1", Some("42"), 8_000).await), "it was undone meanwhile, say");
    end(&other, &three, "s1", Outcome::Done, 8_000).await;
    assert_eq!(store.removed(2_000 + DAY_MS).await.unwrap()[&ConnectionName::new("gorgias")].steps, 1);
    assert!(is_begun(&begin(&other, &two, "s3", Some("44"), 2_000 + DAY_MS).await), "the day is over");
    other.close().await;
}

pub async fn processes_that_begin_at_once_do_not_exceed_it_together(TestStore { store, url, .. }: &TestStore) {
    let mut beginning = Vec::new();
    for process in 0..4 {
        let store = Store::open(url).await.unwrap();
        beginning.push(tokio::spawn(async move {
            let name = format!("p{process}");
            let mine = running(&store, &name).await;
            let mut begun = 0;
            for step in 0..5 {
                let (step, account) = (format!("{name}-{step}"), format!("{name}-{step}"));
                begun += usize::from(is_begun(&begin(&store, &mine, &step, Some(&account), 1_000).await));
            }
            store.close().await;
            begun
        }));
    }
    let mut begun = 0;
    for process in beginning {
        begun += process.await.unwrap();
    }
    assert_eq!(begun, 2);
    assert_eq!(store.removed(1_001).await.unwrap()[&ConnectionName::new("gorgias")].accounts, 2);
}

pub async fn failures_in_a_row_hold_a_connection_in_every_process(TestStore { store, url, .. }: &TestStore) {
    let other = Store::open(url).await.unwrap();
    let (one, two) = (running(store, "one").await, running(&other, "two").await);
    for (at_ms, step) in [(1, "s1"), (2, "s2")] {
        assert!(is_begun(&begin(store, &one, step, None, at_ms).await));
        end(store, &one, step, Outcome::Unknown, at_ms).await;
    }
    let Began::Broken(circuit) = begin(&other, &two, "s3", None, 3).await else { panic!("it is open") };
    assert_eq!((circuit.failures, circuit.step), (2, Some("s2".into())));
    assert!(is_begun(&begin(&other, &two, "s3", None, 102).await), "one is tried");
    assert!(!is_begun(&begin(store, &one, "s4", None, 103).await), "and no other, until it has ended");
    end(&other, &two, "s3", Outcome::Done, 104).await;
    assert!(is_begun(&begin(store, &one, "s4", None, 105).await));

    end(store, &one, "s4", Outcome::Refused, 106).await;
    assert!(is_begun(&begin(store, &one, "s5", None, 107).await), "one failure after a success");
    end(store, &one, "s5", Outcome::Refused, 108).await;
    assert!(!is_begun(&begin(store, &one, "s6", None, 109).await));
    let told = |_: &ConnectionName, _: &tenure_core::circuit::Circuit| Draft {
        at: "2026-11-24T10:00:00Z".into(),
        actor: "mia@acme.example".into(),
        event: "circuit_closed".into(),
        run: None,
        step: None,
        body: json!({}),
    };
    let closed = other.reset_circuits(&["gladly".into(), "gorgias".into()], told).await.unwrap();
    assert_eq!(closed.len(), 1);
    assert!(is_begun(&begin(store, &one, "s6", None, 110).await));
    assert_eq!(store.circuits().await.unwrap(), BTreeMap::new());
    assert_eq!(store.read_journal(0, 100).await.unwrap().last().unwrap().event, "circuit_closed");
    other.close().await;
}
