//! What doctor and metrics say of steps in doubt and of a journal that was tampered with, on both stores.
//! The store is brought there by its own functions; the clock is the test's.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tenure_core::journal::Draft;
use tenure_engine::check::{CheckLine, Verdict, check};
use tenure_engine::clock::{Clock, moment_text};
use tenure_engine::doctor::doctor;
use tenure_engine::house::House;
use tenure_engine::metrics::Metrics;
use tenure_engine::work::Schedule;
use tenure_store::test_support::postgres_url;
use tenure_store::{Began, Beginning, Claim, NewJob, PullEnd, PullMode, Run, Store};

struct Stage {
    folder: TempDir,
    now_ms: Arc<AtomicI64>,
}

impl Stage {
    fn new(store: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("tenure.toml"), format!("[store]\nurl = \"{store}\"\n")).unwrap();
        fs::write(folder.path().join("policy.toml"), "").unwrap();
        let now = Clock::system().now_ms();
        Self { folder, now_ms: Arc::new(AtomicI64::new(now)) }
    }

    fn clock(&self) -> Clock {
        let now_ms = self.now_ms.clone();
        Clock::telling(move || now_ms.load(Ordering::Relaxed))
    }

    async fn house(&self) -> House {
        House::open(&self.folder.path().join("tenure.toml"), self.clock()).await.unwrap()
    }

    async fn problems(&self) -> Vec<CheckLine> {
        let lines = doctor(&self.folder.path().join("tenure.toml"), self.clock()).await;
        assert!(lines.iter().any(|line| line.what == "journal"), "{lines:?}");
        lines.into_iter().filter(|line| line.verdict == Verdict::Problem && line.what != "disk").collect()
    }

    async fn metric(&self, name: &str) -> f64 {
        let house = self.house().await;
        let text = Metrics::default().text(&house).await.unwrap();
        house.close().await;
        let line =
            text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("no {name}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

fn both() -> Vec<Stage> {
    [Some("sqlite:tenure.db".to_owned()), postgres_url()].into_iter().flatten().map(|url| Stage::new(&url)).collect()
}

async fn begin(store: &Store, now_ms: i64) {
    let Claim::Held(lease) = store.claim_lease("hand:1", "one", now_ms, 60_000).await.unwrap() else {
        panic!("not ours")
    };
    let run = Run { id: "r1".into(), plan: "p1".into(), actor: "mia".into(), started_ms: now_ms, finished_ms: None };
    store.join_run(&lease, &run, vec![], &[]).await.unwrap();
    let (step, connection, intent) = ("s-1".into(), "gorgias".into(), serde_json::json!({}));
    let things = ["42".to_owned()];
    let (connection, things) = (&connection, &things[..]);
    let beginning = Beginning {
        run: &run.id,
        step: &step,
        connection,
        things,
        intent: &intent,
        heard: 0,
        removal: None,
        at_ms: now_ms,
    };
    let began = store.begin_steps(&lease, vec![(beginning, None)]).await.unwrap();
    assert!(matches!(began[..], [Began::Begun { .. }]), "{began:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_in_doubt_is_told_once_nobody_is_at_it_any_more() {
    for stage in both() {
        let house = stage.house().await;
        begin(&house.store, house.clock.now_ms()).await;
        house.close().await;
        assert_eq!(stage.problems().await.len(), 0, "somebody is at it");
        assert_eq!(stage.metric("tenure_steps_in_doubt").await, 1.0);
        // The right ends with the process that had it; clocks may not be apart for longer than a minute.
        stage.now_ms.fetch_add(61_000, Ordering::Relaxed);
        let told: Vec<_> = stage.problems().await.into_iter().filter(|line| line.what == "steps").collect();
        assert!(told.len() == 1 && told[0].says.contains("s-1") && told[0].says.contains("apply"), "{told:?}");
        assert_eq!(stage.metric("tenure_steps_in_doubt_age_seconds").await, 61.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_apart_from_the_stores_is_told() {
    for stage in both().into_iter().skip(1) {
        stage.house().await.close().await;
        stage.now_ms.fetch_add(120_000, Ordering::Relaxed);
        let told = stage.problems().await;
        assert!(told.len() == 1 && told[0].what == "clock" && told[0].says.contains("NTP"), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_long_journal_is_checked_and_a_clock_that_went_back_is_told() {
    for stage in both() {
        let house = stage.house().await;
        let draft = |at_ms: i64| Draft {
            at: moment_text(at_ms),
            actor: "mia".into(),
            event: "read".into(),
            run: None,
            step: None,
            body: serde_json::json!({}),
        };
        let now_ms = house.clock.now_ms();
        house.store.append_journal((0..1500).map(|_| draft(now_ms)).collect()).await.unwrap();
        assert_eq!(stage.problems().await.len(), 0);
        house.store.append_journal(vec![draft(now_ms + 3_600_000)]).await.unwrap();
        let told = stage.problems().await;
        assert!(told.len() == 1 && told[0].what == "clock", "{told:?}");
        assert_eq!(stage.metric("tenure_journal_entries").await, 1501.0);
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_nobody_does_is_told() {
    for stage in both() {
        let house = stage.house().await;
        let due_ms = house.clock.now_ms();
        house.store.enqueue(&[NewJob { kind: "pull", key: "hr".into(), run_at_ms: due_ms }]).await.unwrap();
        assert_eq!(stage.problems().await.len(), 0, "it has just become due");
        stage.now_ms.fetch_add(1_000_000, Ordering::Relaxed);
        // The stage's clock is ahead of PostgreSQL's by now, which is a problem of its own.
        let of_work =
            async || stage.problems().await.into_iter().filter(|line| line.what == "work").collect::<Vec<_>>();
        assert!(of_work().await.is_empty(), "no daemon ever worked here: commands do the work");
        house.store.claim_jobs(&["pull"], "lost", 1, due_ms, 0).await.unwrap();
        house.close().await;
        let told = of_work().await;
        assert!(told.len() == 1 && told[0].says.contains("tenure serve"), "{told:?}");
        assert_eq!(stage.metric("tenure_jobs_late_seconds{kind=\"pull\"}").await, 1000.0);
        assert_eq!(stage.metric("tenure_jobs{kind=\"pull\",state=\"open\"}").await, 1.0);
    }
}

#[tokio::test]
async fn what_no_rate_limit_can_serve_is_told_and_leaves_nobody_without_a_daemon() {
    let stage = Stage::new("sqlite:tenure.db");
    let (config, people) = (stage.folder.path().join("tenure.toml"), stage.folder.path().join("people.csv"));
    let hr = "[connections.hr]\napp = \"csv\"\nsource = true\npath = \"people.csv\"\nevery = \"5m\"\n";
    fs::write(&config, format!("[store]\nurl = \"sqlite:tenure.db\"\n{hr}")).unwrap();
    fs::write(&people, "employee_id,name,work_email\n1,Jane Doe,jane@acme.example\n").unwrap();
    let house = stage.house().await;
    assert_eq!(Schedule::of(&house).await.unwrap().refused(), [""; 0], "before the first read nobody can tell");
    let (hr, now_ms) = ("hr".into(), house.clock.now_ms());
    let run = house.store.begin_pull(&hr, PullMode::Full, now_ms).await.unwrap();
    let end = PullEnd { requests: 1002, floor_seconds: 501.0, ..PullEnd::complete() };
    house.store.finish_pull(&run, end, now_ms, &[]).await.unwrap();
    let schedule = Schedule::of(&house).await.unwrap();
    let refused = schedule.refused().join("\n");
    assert!(refused.contains("tenure.toml:7") && refused.contains("1002 requests"), "{refused}");
    assert!(refused.contains("it is read every 34 min"), "{refused}");
    let next_ms = schedule.next_ms("hr", now_ms).unwrap() - now_ms;
    assert!((33 * 60_000..38 * 60_000).contains(&next_ms), "{next_ms}");
    let lines = check(&house, &["hr".into()], true).await.unwrap();
    let told = lines.iter().find(|line| line.what == "schedule").unwrap();
    assert!(told.verdict == Verdict::Problem && told.says.contains("needs 9 min at least"), "{told:?}");
    house.close().await;
}
