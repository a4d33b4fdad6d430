//! Stories of durable work: jobs that are enqueued, claimed, lost and ended, and runs that several hands carry out.
//! Each gets an empty store and often a second set of connections, as another process would have them.
//! Moments are made up; none of the stories waits for a clock.

use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::change::{Outcome, StepResult};
use tenure_core::journal::Draft;
use tenure_core::name::{ConnectionName, RunId, StepId};
use tenure_store::test_support::TestStore;
use tenure_store::{
    Alongside, Began, Beginning, Claim, ClaimedJob, Concerns, JobEnd, JobState, Joined, Lease, Left, NewDecision,
    NewJob, Run, Settled, Store, StoreError,
};

const KINDS: [&str; 2] = ["pull", "apply"];

fn job(key: &str, run_at_ms: i64) -> NewJob {
    NewJob { kind: "pull", key: key.into(), run_at_ms }
}

async fn claim(store: &Store, holder: &str, now_ms: i64) -> Vec<ClaimedJob> {
    store.claim_jobs(&KINDS, holder, 10, now_ms, 100).await.unwrap()
}

async fn stands(store: &Store, key: &str) -> (JobState, i64, Option<i64>) {
    let job = store.job("pull", key).await.unwrap().unwrap();
    (job.state, job.run_at_ms, job.again_at_ms)
}

pub async fn a_job_that_waits_is_one_and_keeps_its_earlier_moment(TestStore { store, .. }: &TestStore) {
    store.enqueue(&[job("hr", 50), job("hr", 70), job("gorgias", 90)]).await.unwrap();
    assert_eq!(stands(store, "hr").await, (JobState::Open, 50, None));
    store.enqueue(&[job("hr", 40)]).await.unwrap();
    assert_eq!(stands(store, "hr").await, (JobState::Open, 40, None));
    assert_eq!(store.next_due(&KINDS).await.unwrap(), Some(40));
    assert_eq!(store.first_due().await.unwrap(), Some(40));
    assert_eq!(store.next_due(&["apply"]).await.unwrap(), None);
    assert_eq!(claim(store, "one", 39).await, [], "nothing is due yet");
    let claimed = claim(store, "one", 45).await;
    assert_eq!(claimed.iter().map(|job| &*job.key).collect::<Vec<_>>(), ["hr"]);
    assert_eq!(claim(store, "two", 45).await, [], "it is claimed");
    store.end_jobs(&[(claimed[0].clone(), JobEnd::Done)], 46).await.unwrap();
    assert_eq!(stands(store, "hr").await.0, JobState::Done);
    assert_eq!(store.jobs(10).await.unwrap().len(), 1, "what is done is not listed");
    store.enqueue_missing(&[job("hr", 60), job("gorgias", 60), job("gladly", 60)]).await.unwrap();
    assert_eq!(stands(store, "hr").await, (JobState::Open, 60, None));
    assert_eq!(stands(store, "gladly").await, (JobState::Open, 60, None));
    assert_eq!(stands(store, "gorgias").await, (JobState::Open, 90, None), "what waits is left as it is");
}

pub async fn a_job_asked_for_while_it_runs_is_run_once_more(TestStore { store, .. }: &TestStore) {
    store.enqueue(&[job("hr", 0)]).await.unwrap();
    let first = claim(store, "one", 10).await.remove(0);
    store.enqueue(&[job("hr", 30)]).await.unwrap();
    store.enqueue(&[job("hr", 20), job("hr", 90)]).await.unwrap();
    assert_eq!(stands(store, "hr").await, (JobState::Open, 110, Some(20)));
    store.end_jobs(&[(first.clone(), JobEnd::Done)], 15).await.unwrap();
    assert_eq!(stands(store, "hr").await, (JobState::Open, 20, None));
    let second = claim(store, "one", 25).await.remove(0);
    assert!(second.token > first.token);
    store.enqueue(&[job("hr", 30)]).await.unwrap();
    let later = JobEnd::Later { at_ms: 500, because: None };
    store.end_jobs(&[(second, later)], 26).await.unwrap();
    assert_eq!(stands(store, "hr").await, (JobState::Open, 30, None), "the earlier of both");
}

pub async fn the_job_of_a_dead_process_is_due_again_and_the_dead_end_nothing(TestStore { store, url, .. }: &TestStore) {
    let other = Store::open(url).await.unwrap();
    store.enqueue(&[job("hr", 0)]).await.unwrap();
    let first = claim(store, "one", 10).await.remove(0);
    assert_eq!(store.renew_jobs(&[&first], 60, 100).await.unwrap(), Vec::<&ClaimedJob>::new());
    assert_eq!(claim(&other, "two", 159).await, [], "it was renewed");
    let second = claim(&other, "two", 160).await.remove(0);
    assert_eq!((second.token, second.failures, second.lost), (first.token + 1, 0, 1), "lost is not failed");
    assert_eq!(store.renew_jobs(&[&first], 161, 100).await.unwrap(), [&first]);
    store.end_jobs(&[(first, JobEnd::Done)], 162).await.unwrap();
    assert_eq!(stands(store, "hr").await.0, JobState::Open, "the dead end nothing");
    other.end_jobs(&[(second, JobEnd::GivenBack)], 170).await.unwrap();
    let third = claim(store, "three", 170).await.remove(0);
    assert_eq!(third.lost, 0, "what was given back is not lost");
    other.close().await;
}

pub async fn a_job_that_keeps_failing_ends_as_failed_and_is_seen(TestStore { store, .. }: &TestStore) {
    store.enqueue(&[job("hr", 0)]).await.unwrap();
    for failures in 0..3 {
        let at_ms = failures * 1000;
        let claimed = claim(store, "one", at_ms).await.remove(0);
        assert_eq!(claimed.failures, failures);
        let end = match failures {
            2 => JobEnd::Failed { because: "no".into() },
            _ => JobEnd::Retry { at_ms: at_ms + 1000, because: "not now".into() },
        };
        store.end_jobs(&[(claimed, end)], at_ms + 1).await.unwrap();
    }
    assert_eq!(claim(store, "one", 100_000).await, []);
    let failed = store.jobs(10).await.unwrap().remove(0);
    assert_eq!((failed.state, failed.failures, failed.because.as_deref()), (JobState::Failed, 3, Some("no")));
    store.enqueue(&[job("hr", 5)]).await.unwrap();
    let again = claim(store, "one", 100_000).await.remove(0);
    assert_eq!(again.failures, 0, "asked for anew, it begins anew");
}

pub async fn many_that_claim_at_once_share_the_jobs(TestStore { store, url, .. }: &TestStore) {
    let jobs: Vec<NewJob> = (0..200).map(|number| job(&format!("c{number}"), number)).collect();
    store.enqueue(&jobs).await.unwrap();
    let mut tasks = Vec::new();
    for number in 0..4 {
        let store = Store::open(url).await.unwrap();
        tasks.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            for _ in 0..100 {
                let claimed = store.claim_jobs(&KINDS, &number.to_string(), 7, 1000, 100_000).await.unwrap();
                let ended: Vec<_> = claimed.iter().map(|job| (job.clone(), JobEnd::Done)).collect();
                mine.extend(claimed.into_iter().map(|job| job.key));
                store.end_jobs(&ended, 1000).await.unwrap();
            }
            store.close().await;
            mine
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    assert_eq!(all.len(), 200, "each once");
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 200, "and none lost");
}

pub async fn many_that_change_many_jobs_at_once_never_wait_for_each_other(TestStore { url, .. }: &TestStore) {
    let mut tasks = Vec::new();
    for number in 0..4_i64 {
        let store = Store::open(url).await.unwrap();
        tasks.push(tokio::spawn(async move {
            for round in 0..40 {
                // Each has an order of its own.
                let mut jobs: Vec<NewJob> = (0..8).map(|at| job(&format!("c{at}"), round)).collect();
                jobs.rotate_left(usize::try_from(number).unwrap() * 2);
                store.enqueue(&jobs).await.unwrap();
                let claimed = store.claim_jobs(&KINDS, &number.to_string(), 5, 1000, 100).await.unwrap();
                let held: Vec<&ClaimedJob> = claimed.iter().rev().collect();
                store.renew_jobs(&held, 1000, 100).await.unwrap();
                let ended: Vec<_> = claimed.iter().rev().map(|job| (job.clone(), JobEnd::Done)).collect();
                store.end_jobs(&ended, 1000).await.unwrap();
            }
            store.close().await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

pub async fn what_causes_a_job_and_the_job_come_together_or_not_at_all(TestStore { store, .. }: &TestStore) {
    let decided = |what| NewDecision { at_ms: 5, by: "mia".into(), note: None, what, concerns: Concerns::default() };
    let approve = tenure_core::facts::Decided::Approve { step: "s1".into() };
    let woken = [NewJob { kind: "apply", key: "p1".into(), run_at_ms: 5 }];
    store.decide(vec![decided(approve)], vec![], &woken).await.unwrap();
    assert_eq!(store.next_due(&["apply"]).await.unwrap(), Some(5));

    let run = store.begin_pull(&"gorgias".into(), tenure_store::PullMode::Full, 1).await.unwrap();
    let end = tenure_store::PullEnd::complete;
    store.finish_pull(&run, end(), 7, &[job("after", 7)]).await.unwrap();
    assert_eq!(stands(store, "after").await, (JobState::Open, 7, None));
    store.finish_pull(&run, end(), 8, &[job("never", 8)]).await.unwrap_err();
    assert_eq!(store.job("pull", "never").await.unwrap(), None);
}

fn draft(event: &str) -> Draft {
    Draft {
        at: "2026-11-24T10:00:00Z".into(),
        actor: "tenure".into(),
        event: event.into(),
        run: None,
        step: None,
        body: json!({}),
    }
}

async fn lease(store: &Store, name: &str, now_ms: i64) -> Lease {
    let Claim::Held(lease) = store.claim_lease(name, name, now_ms, 100).await.unwrap() else { panic!("not ours") };
    lease
}

async fn join(store: &Store, lease: &Lease, run: &str, now_ms: i64) -> Result<Joined, StoreError> {
    let run = Run { id: run.into(), plan: "p1".into(), actor: "mia".into(), started_ms: now_ms, finished_ms: None };
    let help = NewJob { kind: "apply", key: "p1#2".into(), run_at_ms: now_ms };
    store.join_run(lease, &run, vec![draft("run_started")], &[help]).await
}

async fn begin(store: &Store, lease: &Lease, run: &str, step: &str, things: &[&str], at_ms: i64) -> Began {
    let things: Vec<String> = things.iter().map(|thing| (*thing).to_owned()).collect();
    let (run, step, connection) = (RunId::from(run), StepId::from(step), ConnectionName::new("gorgias"));
    let intent = json!({});
    let beginning = Beginning {
        run: &run,
        step: &step,
        connection: &connection,
        things: &things,
        intent: &intent,
        heard: 0,
        removal: None,
        at_ms,
    };
    store.begin_steps(lease, vec![(beginning, Some(draft("step_started")))]).await.unwrap().remove(0)
}

fn done(step: &str) -> StepResult {
    StepResult { id: step.into(), outcome: Outcome::Done, fields: BTreeMap::new(), because: None, account: None }
}

async fn settle(store: &Store, lease: &Lease, run: &str, step: &str, now_ms: i64) -> Result<(), StoreError> {
    let result = done(step);
    let settled = Settled { draft: Some(draft("step_ended")), ..Settled::new(&result) };
    store.settle_steps(lease, &run.into(), vec![settled], &Alongside::default(), now_ms).await
}

const BEGUN: Began = Began::Begun { since_ms: None };

pub async fn two_hands_share_a_run_and_the_last_one_ends_it(TestStore { store, url, .. }: &TestStore) {
    let other = Store::open(url).await.unwrap();
    let (one, two) = (lease(store, "hand one", 0).await, lease(&other, "hand two", 0).await);
    assert_eq!(join(store, &one, "r1", 10).await.unwrap(), Joined { run: "r1".into(), others: 0 });
    assert_eq!(join(&other, &two, "r2", 11).await.unwrap(), Joined { run: "r1".into(), others: 1 });
    assert!(store.is_under_way(&"p1".into(), 12).await.unwrap());
    assert_eq!(begin(store, &one, "r1", "s1", &["a", "b"], 12).await, BEGUN);
    let elsewhere = Began::Elsewhere { lease: "hand one".into() };
    assert_eq!(begin(&other, &two, "r1", "s1", &["a", "b"], 13).await, elsewhere, "the same step");
    assert_eq!(begin(&other, &two, "r1", "s2", &["c", "b"], 13).await, elsewhere, "another step on the same thing");
    assert_eq!(begin(&other, &two, "r1", "s3", &["c"], 13).await, BEGUN, "nothing is kept of what was not begun");
    settle(store, &one, "r1", "s1", 20).await.unwrap();
    let (told, seq) = other.results_after(&"r1".into(), 0).await.unwrap();
    assert_eq!(told, [done("s1")]);
    assert_eq!(begin(&other, &two, "r1", "s1", &["a"], 21).await, Began::Settled(done("s1")));
    assert_eq!(begin(&other, &two, "r1", "s2", &["b"], 21).await, BEGUN);
    settle(&other, &two, "r1", "s2", 22).await.unwrap();
    assert_eq!(other.results_after(&"r1".into(), seq).await.unwrap().0, [done("s2")]);
    settle(&other, &two, "r1", "s3", 22).await.unwrap();

    let help = ["p1#2".to_owned()];
    let over = ("apply", &help[..]);
    let leave = |ended: &'static str| vec![draft(ended)];
    assert_eq!(store.leave_run(&one, &"r1".into(), leave("no"), &[], over, 30).await.unwrap(), Left::Others);
    assert_eq!(store.run(&"r1".into()).await.unwrap().unwrap().finished_ms, None);
    let woken = [job("after", 31)];
    assert_eq!(other.leave_run(&two, &"r1".into(), leave("run_ended"), &woken, over, 31).await.unwrap(), Left::Last);
    assert_eq!(store.run(&"r1".into()).await.unwrap().unwrap().finished_ms, Some(31));
    assert!(!store.is_under_way(&"p1".into(), 32).await.unwrap());
    assert_eq!(stands(store, "after").await, (JobState::Open, 31, None));
    assert_eq!(store.job("apply", "p1#2").await.unwrap(), None, "nobody needs to help any more");
    let events: Vec<String> = store.read_journal(0, 20).await.unwrap().into_iter().map(|entry| entry.event).collect();
    let [begun, ended] = ["step_started", "step_ended"];
    assert_eq!(events, ["run_started", begun, begun, ended, begun, ended, ended, "run_ended"]);
    other.close().await;
}

pub async fn a_dead_hand_loses_its_step_and_writes_nothing_more(TestStore { store, url, .. }: &TestStore) {
    let other = Store::open(url).await.unwrap();
    let (one, two) = (lease(store, "hand one", 0).await, lease(&other, "hand two", 50).await);
    join(store, &one, "r1", 10).await.unwrap();
    join(&other, &two, "r2", 51).await.unwrap();
    assert_eq!(begin(store, &one, "r1", "s1", &["a"], 12).await, BEGUN);
    let elsewhere = Began::Elsewhere { lease: "hand one".into() };
    assert_eq!(begin(&other, &two, "r1", "s1", &["a"], 99).await, elsewhere);
    let taken_over = begin(&other, &two, "r1", "s1", &["a"], 100).await;
    assert_eq!(taken_over, Began::Begun { since_ms: Some(12) }, "nobody knows what became of it since then");
    let late = settle(store, &one, "r1", "s1", 101).await;
    assert!(matches!(late, Err(StoreError::LeaseLost { .. })), "{late:?}");
    assert!(matches!(store.renew_lease(&one, 101, 100).await, Err(StoreError::LeaseLost { .. })));
    settle(&other, &two, "r1", "s1", 102).await.unwrap();
    assert_eq!(other.leave_run(&two, &"r1".into(), vec![], &[], ("help", &[]), 103).await.unwrap(), Left::Last);

    let three = lease(store, "hand three", 200).await;
    assert_eq!(join(store, &three, "r3", 200).await.unwrap(), Joined { run: "r3".into(), others: 0 });
    assert_eq!(begin(store, &three, "r3", "s1", &["a"], 201).await, BEGUN, "a new run tries anew");
    other.close().await;
}

pub async fn a_run_whose_hands_are_dead_is_not_joined(TestStore { store, .. }: &TestStore) {
    let one = lease(store, "hand one", 0).await;
    join(store, &one, "r1", 10).await.unwrap();
    let two = lease(store, "hand two", 100).await;
    assert_eq!(join(store, &two, "r2", 100).await.unwrap(), Joined { run: "r2".into(), others: 0 });
}

pub async fn a_step_of_a_dead_hand_is_settled_once_into_its_own_run(TestStore { store, .. }: &TestStore) {
    let hand = lease(store, "hand:1", 0).await;
    join(store, &hand, "r1", 0).await.unwrap();
    assert_eq!(begin(store, &hand, "r1", "s1", &["of ann"], 5).await, BEGUN);
    assert_eq!(store.abandoned_steps(99).await.unwrap(), [], "whoever is at it lives");
    let open = store.abandoned_steps(101).await.unwrap();
    assert_eq!(open.iter().map(|open| (open.step.as_str(), open.started_ms)).collect::<Vec<_>>(), [("s1", 5)]);
    let other = lease(store, "hand:2", 101).await;
    let before = store.read_journal(0, 10).await.unwrap().len();
    for _ in 0..2 {
        store.settle_abandoned(&other, &open[0], &done("s1"), draft("step_ended"), 102).await.unwrap();
    }
    assert_eq!(store.results(&"r1".into()).await.unwrap(), [done("s1")]);
    assert_eq!(store.read_journal(0, 10).await.unwrap().len(), before + 1, "it is told once");
    assert_eq!(store.abandoned_steps(200).await.unwrap(), []);
}
