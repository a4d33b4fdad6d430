//! Two workers on one store, as two processes would have them, on both databases: each job is run once, what becomes due
//! by time alone is waited for and forgotten with its reason, and a worker told to end leaves nothing behind.
//! Sources are files, so that no request is sent; what daemons do to apps is told where the whole program runs.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tenure_core::facts::Coverage;
use tenure_engine::clock::Clock;
use tenure_engine::house::House;
use tenure_engine::progress::Progress;
use tenure_engine::work::{Schedule, work};
use tenure_store::JobState;
use tenure_store::test_support::postgres_url;
use tokio::task::JoinHandle;

const SOURCES: [&str; 6] = ["hr", "contractors", "interns", "north", "south", "west"];
const WAIT_MAX: Duration = Duration::from_secs(60);
const LOOKED_EVERY: Duration = Duration::from_millis(30);

/// A company whose people stand in files.
struct Company {
    folder: TempDir,
}

impl Company {
    fn new(store: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = format!("[store]\nurl = \"{store}\"\n");
        for (at, name) in SOURCES.iter().enumerate() {
            config += &format!("[connections.{name}]\napp = \"csv\"\nsource = true\npath = \"{name}.csv\"\n");
            write(folder.path(), name, &format!("E{at},p{at}@acme.example,Person {at},"));
        }
        fs::write(folder.path().join("tenure.toml"), config).unwrap();
        fs::write(folder.path().join("policy.toml"), "").unwrap();
        Self { folder }
    }

    async fn open(&self) -> Arc<House> {
        Arc::new(House::open(&self.folder.path().join("tenure.toml"), Clock::system()).await.unwrap())
    }
}

fn write(folder: &Path, name: &str, row: &str) {
    fs::write(folder.join(format!("{name}.csv")), format!("employee_id,work_email,name,end_date\n{row}\n")).unwrap();
}

fn stores() -> Vec<String> {
    std::iter::once("sqlite:tenure.db".to_owned()).chain(postgres_url()).collect()
}

async fn start(house: &Arc<House>) -> JoinHandle<()> {
    let schedule = Schedule::of(house).await.unwrap();
    let house = house.clone();
    tokio::spawn(async move { work(house, schedule, Progress::silent()).await.unwrap() })
}

async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waited = tokio::time::timeout(WAIT_MAX, async {
        while !holds().await {
            tokio::time::sleep(LOOKED_EVERY).await;
        }
    });
    assert!(waited.await.is_ok(), "{what} did not come");
}

/// Tells whether the company was judged after everything was read, and nothing of it waits.
async fn is_judged(house: &House) -> bool {
    let job = house.store.job("reconcile", "company").await.unwrap();
    job.is_some_and(|job| {
        job.ended_ms.is_some() && job.holder.is_none() && job.run_at_ms > house.clock.now_ms() - 60_000
    })
}

async fn are_read(house: &House) -> bool {
    for name in SOURCES {
        let pull = house.store.last_complete_pull(&name.into()).await.unwrap();
        if pull.is_none_or(|pull| pull.end.is_none_or(|end| end.coverage != Coverage::Complete)) {
            return false;
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_what_is_due_and_leave_nothing_behind() {
    for store in stores() {
        let company = Company::new(&store);
        let houses = [company.open().await, company.open().await];
        let workers = [start(&houses[0]).await, start(&houses[1]).await];
        until("every source was read", || are_read(&houses[0])).await;
        until("the company was judged", || is_judged(&houses[1])).await;
        for (house, worker) in houses.iter().zip(workers) {
            house.drain.begin();
            worker.await.unwrap();
        }
        let jobs = houses[0].store.jobs(100).await.unwrap();
        let held: Vec<_> = jobs.iter().filter(|job| job.holder.is_some() || job.state != JobState::Open).collect();
        assert!(held.is_empty(), "{store}: {held:?}");
        let now_ms = houses[0].clock.now_ms();
        for name in SOURCES {
            let job = houses[0].store.job("pull", name).await.unwrap().unwrap();
            assert!(
                job.run_at_ms > now_ms + 10 * 60_000,
                "{store}: {name} is read again on its schedule only: {job:?}"
            );
            // A pull that two had begun would have another number than the first.
            let pull = houses[0].store.last_complete_pull(&name.into()).await.unwrap().unwrap();
            assert!(houses[0].store.previous_complete_pull(&name.into()).await.unwrap().is_none(), "{store}: {pull:?}");
        }
        for house in houses {
            house.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_day_is_waited_for_and_forgotten_when_it_is_taken_back() {
    for store in stores() {
        let company = Company::new(&store);
        write(company.folder.path(), "hr", "E0,p0@acme.example,Person 0,2099-12-31");
        let house = company.open().await;
        let worker = start(&house).await;
        let new_year_ms = "2100-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let waits = async |wanted: bool| {
            let Some(job) = house.store.job("reconcile", "company").await.unwrap() else { return false };
            let is_idle = job.holder.is_none() && job.again_at_ms.is_none();
            is_idle && (job.state == JobState::Open && job.run_at_ms == new_year_ms) == wanted && are_read(&house).await
        };
        until("the moment after the last day", || waits(true)).await;
        write(company.folder.path(), "hr", "E0,p0@acme.example,Person 0,");
        let hr = [tenure_core::name::ConnectionName::new("hr")];
        let reach = tenure_engine::pull::Reach::Everything;
        tenure_engine::pull::pull(&house, &hr, reach, &Progress::silent()).await.unwrap();
        let is_done = async || {
            let job = house.store.job("reconcile", "company").await.unwrap().unwrap();
            job.state == JobState::Done
        };
        until("nothing is waited for", is_done).await;
        house.drain.begin();
        worker.await.unwrap();
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_the_daemon_makes_again_stays_that_of_whoever_asked_for_it() {
    for store in stores() {
        let company = Company::new(&store);
        let house = company.open().await;
        let worker = start(&house).await;
        until("every source was read", || are_read(&house)).await;
        until("the company was judged", || is_judged(&house)).await;
        let scope = tenure_engine::reconcile::Scope::default();
        let asked = tenure_engine::plan::make_plan(&house, &scope, "mia@acme.example").await.unwrap();
        let judged_ms = house.store.job("reconcile", "company").await.unwrap().unwrap().ended_ms;
        let hr = [tenure_core::name::ConnectionName::new("hr")];
        let reach = tenure_engine::pull::Reach::Everything;
        tenure_engine::pull::pull(&house, &hr, reach, &Progress::silent()).await.unwrap();
        let again = async || house.store.job("reconcile", "company").await.unwrap().unwrap().ended_ms != judged_ms;
        until("the company is judged again", again).await;
        house.drain.begin();
        worker.await.unwrap();
        let kept = house.store.plan(&asked.id).await.unwrap().unwrap();
        assert_eq!(kept.requested_by.as_deref(), Some("mia@acme.example"), "{store}");
        house.close().await;
    }
}
