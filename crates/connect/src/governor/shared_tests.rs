//! Several processes at one tenant, on a time that only the test moves: together they use what is permitted, cause no
//! refusal, ask the ledger a few times a second, and let whoever is urgent overtake.
//! A process is a governor; a killed one is never heard of again.

use super::long_tests::Kept;
use super::tests::{Rules, Server, TestClock, get, limits, rules};
use super::*;
use crate::transport::Priority;
use http::StatusCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A server, the ledger that all share, and the time.
struct Tenant {
    clock: Arc<TestClock>,
    kept: Arc<Kept>,
    server: Arc<Server>,
    limits: Limits,
}

impl Tenant {
    fn new(rules: Rules, limits: Limits) -> Self {
        let clock = TestClock::new();
        Self { kept: Kept::new(&clock), server: Server::new(rules, &clock), clock, limits }
    }

    async fn process(&self) -> Governor {
        let governor = Governor::new(self.limits.clone(), self.clock.clone(), 7);
        governor.keep_with(self.kept.clone()).await.unwrap();
        governor
    }

    /// Reads for so long with so many workers; returns how many requests were answered.
    fn read(&self, governor: &Governor, workers: usize, until: Duration) -> tokio::task::JoinHandle<()> {
        let (server, governor, clock) = (self.server.clone(), governor.clone(), self.clock.clone());
        tokio::spawn(async move {
            let work = (0..workers).map(|_| async {
                while clock.elapsed() < until {
                    send_governed(&*server, &governor, &get("/pages"), &RetryPolicy::safe()).await.unwrap();
                }
            });
            futures::future::join_all(work).await;
        })
    }
}

async fn four_processes(tenant: &Tenant, until: Duration) {
    let mut work = Vec::new();
    for _ in 0..4 {
        let governor = tenant.process().await;
        work.push(tenant.read(&governor, 4, until));
    }
    for process in work {
        process.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn four_processes_together_use_what_is_permitted_and_no_more() {
    for (count, per) in [(10, SECOND), (40, SECOND), (600, MINUTE), (50, MINUTE)] {
        for latency_ms in [vec![(1, 3)], vec![(10, 90), (3, 20)]] {
            let latency = latency_ms.iter().map(|(there, back)| there + back).max().unwrap_or(0);
            let mut rules = rules(count, per);
            rules.latency_ms = latency_ms;
            let tenant = Tenant::new(rules, limits(count as u32, per));
            let until = (per * 4).max(MINUTE);
            four_processes(&tenant, until).await;
            let (answered, refused) = tenant.server.answered();
            let permitted = count as f64 * until.as_secs_f64() / per.as_secs_f64();
            // As when one is alone, a window begins anew only when the answer is there.
            let least = permitted * (0.97 - latency as f64 / per.as_millis() as f64);
            assert_eq!(refused, 0, "{count} per {per:?}");
            assert!(answered as f64 >= least, "{count} per {per:?}: {answered} of {permitted}");
            let exchanges = tenant.kept.exchanges.load(Ordering::Relaxed) as f64 / until.as_secs_f64() / 4.0;
            assert!(exchanges <= 6.0, "{count} per {per:?}: {exchanges} exchanges a second and process");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_costs_its_slice_and_no_refusal() {
    let tenant = Tenant::new(rules(20, SECOND), limits(20, SECOND));
    let survivor = tenant.process().await;
    let read = tenant.read(&survivor, 4, MINUTE);
    for _ in 0..20 {
        let killed = tenant.read(&tenant.process().await, 4, MINUTE);
        tokio::time::sleep(Duration::from_millis(1_370)).await;
        killed.abort();
    }
    read.await.unwrap();
    let (answered, refused) = tenant.server.answered();
    assert_eq!(refused, 0);
    // Each of the 20 took at most what it held when it died: a part of one second.
    assert!(answered >= 1_200 - 20 * 20 / 2, "{answered}");
}

#[tokio::test(start_paused = true)]
async fn a_leaver_in_another_process_overtakes_a_pull_that_takes_all_there_is() {
    for (count, per) in [(10, SECOND), (600, MINUTE), (100, MINUTE), (50, MINUTE)] {
        let tenant = Tenant::new(rules(count, per), limits(count as u32, per));
        let pulls = [tenant.process().await, tenant.process().await];
        let until = MINUTE * 5;
        let reads: Vec<_> = pulls.iter().map(|pull| tenant.read(pull, 8, until)).collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let urgent = tenant.process().await;
        let mut waits = Vec::new();
        while tenant.clock.elapsed() < until - MINUTE {
            let came = tenant.clock.elapsed();
            let permit = urgent.admit(Priority::Leaver, 1, "/users/1").await.unwrap();
            waits.push(tenant.clock.elapsed() - came);
            let head = http::HeaderMap::new();
            urgent.observe(permit, StatusCode::OK, &head, tenant.clock.now());
            tenant.server.count_one();
            tokio::time::sleep(per * 7 / (count as u32) + Duration::from_millis(313)).await;
        }
        for read in reads {
            read.await.unwrap();
        }
        waits.sort();
        let longest = waits[waits.len() * 99 / 100];
        let most = per / count as u32 + Duration::from_secs(2);
        assert!(waits.len() >= 20 && longest <= most, "{count} per {per:?}: {longest:?} of {}", waits.len());
        assert_eq!(tenant.server.answered().1, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_one_process_is_asked_for_holds_all_of_them() {
    for limits in [limits(10, SECOND), Limits::default()] {
        let tenant = Tenant::new(rules(10_000, SECOND), limits);
        let (one, other) = (tenant.process().await, tenant.process().await);
        drop(other.admit(Priority::Read, 1, "/").await.unwrap());
        tokio::time::sleep(SECOND * 3).await;
        let permit = one.admit(Priority::Read, 1, "/").await.unwrap();
        let mut head = http::HeaderMap::new();
        head.insert("retry-after", "20".parse().unwrap());
        one.observe(permit, StatusCode::TOO_MANY_REQUESTS, &head, tenant.clock.now());
        one.keep().await.unwrap();
        drop(other.admit(Priority::Leaver, 1, "/").await.unwrap());
        assert!(tenant.clock.elapsed() >= SECOND * 23, "{:?}", tenant.clock.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_process_did_not_use_is_there_for_the_next() {
    let tenant = Tenant::new(rules(10, SECOND), limits(10, SECOND));
    for _ in 0..4 {
        let governor = tenant.process().await;
        for _ in 0..5 {
            send_governed(&*tenant.server, &governor, &get("/"), &RetryPolicy::safe()).await.unwrap();
        }
        governor.hand_over().await;
    }
    // Twenty requests of ten a second: the second ten as soon as the first have passed, and no later.
    assert!(tenant.clock.elapsed() < Duration::from_millis(1_100), "{:?}", tenant.clock.elapsed());
    assert_eq!(tenant.server.answered(), (20, 0));
}
