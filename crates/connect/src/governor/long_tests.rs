//! Windows of an hour and a day, and waits that no worker sits out, on a time that only the test moves.
//! A keeper of the test's own stands for the store; a governor that is dropped stands for a process that was killed.

use super::tests::TestClock;
use super::*;
use crate::transport::Priority;
use futures::future::{BoxFuture, FutureExt};
use http::{HeaderMap, StatusCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// Stands for the store: a ledger, and a clock of its own.
#[derive(Debug)]
pub(super) struct Kept {
    pub ledger: Mutex<Ledger>,
    clock: Arc<TestClock>,
    pub exchanges: AtomicU64,
}

impl Kept {
    pub fn new(clock: &Arc<TestClock>) -> Arc<Self> {
        Arc::new(Self { ledger: Mutex::default(), clock: clock.clone(), exchanges: AtomicU64::new(0) })
    }
}

impl Keeper for Kept {
    fn exchange(&self, ask: Ask) -> BoxFuture<'_, Result<Answer, String>> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        // The clock of the store goes wrong by an hour, and nobody minds.
        let now_ms = self.clock.wall_ms() - 3_600_000;
        async move { Ok(self.ledger.lock().unwrap().answer(&ask, now_ms)) }.boxed()
    }
}

/// Refuses to keep anything.
#[derive(Debug)]
struct Full;

impl Keeper for Full {
    fn exchange(&self, _: Ask) -> BoxFuture<'_, Result<Answer, String>> {
        async { Err("the disk is full".to_owned()) }.boxed()
    }
}

fn scarce() -> Limits {
    Limits::of(vec![Window::fixed(100, HOUR), Window::fixed(1_000, HOUR * 24)])
}

/// A process: a governor that goes on where the one before was killed.
async fn process(limits: Limits, kept: &Arc<Kept>, clock: &Arc<TestClock>) -> Governor {
    let governor = Governor::new(limits, clock.clone(), 7);
    governor.keep_with(kept.clone()).await.unwrap();
    governor
}

/// Takes turns until the governor parks; returns how many it gave, and until when it is parked.
async fn take(governor: &Governor, most: usize) -> (usize, Option<Parked>) {
    for taken in 0..most {
        match governor.admit(Priority::Read, 1, "/users").await {
            Ok(permit) => drop(permit),
            Err(NotAdmitted::Parked(parked)) => return (taken, Some(parked)),
            Err(error) => panic!("{error}"),
        }
    }
    (most, None)
}

#[tokio::test(start_paused = true)]
async fn killed_again_and_again_no_hour_and_no_day_holds_more_than_it_may() {
    let clock = TestClock::new();
    let kept = Kept::new(&clock);
    let mut taken: Vec<Duration> = Vec::new();
    for _ in 0..3 * 24 * 12 {
        let governor = process(scarce(), &kept, &clock).await;
        let (count, _) = take(&governor, 17).await;
        taken.extend(std::iter::repeat_n(clock.elapsed(), count));
        tokio::time::sleep(Duration::from_secs(300)).await;
    }
    let most = |span: Duration| {
        taken.iter().map(|from| taken.iter().filter(|at| **at >= *from && **at < *from + span).count()).max()
    };
    assert!(most(HOUR) <= Some(100) && most(HOUR * 24) <= Some(1_000), "{:?} {:?}", most(HOUR), most(HOUR * 24));
    assert!(taken.len() >= 2_900, "{}: the budget is there to be used", taken.len());
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_parks_until_there_is_some_again() {
    let clock = TestClock::new();
    let kept = Kept::new(&clock);
    let governor = process(scarce(), &kept, &clock).await;
    let (count, parked) = take(&governor, 200).await;
    let parked = parked.unwrap();
    assert_eq!(count, 98, "two are kept for whoever is urgent");
    assert!(parked.to_string().contains("our part of 100 requests an hour is used up"), "{parked}");
    let wait = parked.until_ms - clock.wall_ms();
    assert!((3_590_000..3_700_000).contains(&wait), "{wait}");
    tokio::time::sleep(Duration::from_millis(wait as u64)).await;
    let governor = process(scarce(), &kept, &clock).await;
    assert!(governor.parked(Priority::Write).is_none());
    assert_eq!(take(&governor, 200).await.0, 98);
    for _ in 0..2 {
        assert!(governor.parked(Priority::Write).is_some() && governor.parked(Priority::Leaver).is_none());
        drop(governor.admit(Priority::Leaver, 1, "/users").await.unwrap());
    }
    assert!(matches!(governor.admit(Priority::Leaver, 1, "/users").await, Err(NotAdmitted::Parked(_))));
    assert_eq!(governor.spent().iter().map(|(_, spent)| *spent).collect::<Vec<_>>(), [100, 198]);
}

#[tokio::test(start_paused = true)]
async fn two_processes_at_once_share_one_budget() {
    let clock = TestClock::new();
    let kept = Kept::new(&clock);
    let (one, other) = (process(scarce(), &kept, &clock).await, process(scarce(), &kept, &clock).await);
    let mut taken = 0;
    for _ in 0..100 {
        taken += take(&one, 1).await.0 + take(&other, 1).await.0;
    }
    assert!((95..=101).contains(&taken), "{taken}");
}

#[tokio::test(start_paused = true)]
async fn many_workers_at_once_do_not_take_more_than_there_is() {
    let clock = TestClock::new();
    let kept = Kept::new(&clock);
    let governor = process(scarce(), &kept, &clock).await;
    let workers = (0..16).map(|_| {
        let governor = governor.clone();
        tokio::spawn(async move { take(&governor, 50).await.0 })
    });
    let mut taken = 0;
    for worker in workers.collect::<Vec<_>>() {
        taken += worker.await.unwrap();
    }
    assert_eq!(taken, 98);
    governor.hand_over().await;
    assert_eq!(kept.ledger.lock().unwrap().spent.iter().map(|(_, cost)| cost).sum::<u64>(), 98);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_noted_is_not_sent() {
    let governor = Governor::new(scarce(), TestClock::new(), 7);
    assert_eq!(governor.keep_with(Arc::new(Full)).await, Err("the disk is full".to_owned()));
    let error = governor.admit(Priority::Write, 1, "/users").await.unwrap_err();
    assert_eq!(error, NotAdmitted::NotKept("the disk is full".into()));
}

#[tokio::test(start_paused = true)]
async fn a_share_of_an_hour_is_kept_as_well() {
    let clock = TestClock::new();
    let kept = Kept::new(&clock);
    let limits = || Limits { share: 0.8, ..scarce() };
    let first = take(&process(limits(), &kept, &clock).await, 50).await.0;
    assert_eq!((first, take(&process(limits(), &kept, &clock).await, 200).await.0), (50, 29));
}

/// Lets a governor hear one refusal; returns the governor.
async fn refused(retry_after: Option<&str>, clock: &Arc<TestClock>, kept: &Arc<Kept>) -> Governor {
    let governor = process(Limits::of(vec![Window::fixed(400, Duration::from_secs(60))]), kept, clock).await;
    let permit = governor.admit(Priority::Read, 1, "/agents").await.unwrap();
    let mut headers = HeaderMap::new();
    if let Some(text) = retry_after {
        headers.insert("retry-after", text.parse().unwrap());
    }
    governor.observe(permit, StatusCode::TOO_MANY_REQUESTS, &headers, clock.now());
    governor.keep().await.unwrap();
    governor
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_25_minutes_parks_this_process_and_the_next() {
    let clock = TestClock::new();
    let kept = Kept::new(&clock);
    let governor = refused(Some("1521"), &clock, &kept).await;
    let parked = governor.parked(Priority::Write).unwrap();
    assert!(parked.to_string().contains("the app asked for a pause of 1521 s"), "{parked}");
    let next = process(Limits::of(vec![Window::fixed(400, Duration::from_secs(60))]), &kept, &clock).await;
    assert!(matches!(next.admit(Priority::Leaver, 1, "/").await, Err(NotAdmitted::Parked(_))));
    tokio::time::sleep(Duration::from_secs(1600)).await;
    next.admit(Priority::Read, 1, "/").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_short_pause_is_sat_out_by_the_next_process_too() {
    let clock = TestClock::new();
    let kept = Kept::new(&clock);
    drop(refused(Some("30"), &clock, &kept).await);
    let next = process(Limits::default(), &kept, &clock).await;
    next.admit(Priority::Read, 1, "/").await.unwrap();
    assert!(clock.elapsed() >= Duration::from_secs(30), "{:?}", clock.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_enormous_pause_ends_within_a_day_and_a_minute_is_sat_out() {
    let clock = TestClock::new();
    let kept = Kept::new(&clock);
    let parked = refused(Some("99999999999"), &clock, &kept).await.parked(Priority::Write).unwrap();
    let wait = parked.until_ms - clock.wall_ms();
    assert!((86_400_000..=88_200_000).contains(&wait), "{wait}");
    for sat_out in [None, Some("60"), Some("0"), Some("-1"), Some("rubbish")] {
        let governor = refused(sat_out, &TestClock::new(), &Kept::new(&TestClock::new())).await;
        assert_eq!(governor.parked(Priority::Write), None, "{sat_out:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_date_is_read_by_the_clock_of_the_server_that_wrote_it() {
    let clock = TestClock::new();
    let governor = Governor::new(Limits::default(), clock.clone(), 7);
    let permit = governor.admit(Priority::Read, 1, "/").await.unwrap();
    // The server's clock is an hour behind ours.
    let date = |ahead: u64| httpdate::fmt_http_date(clock.wall() - HOUR + Duration::from_secs(ahead));
    let mut headers = HeaderMap::new();
    headers.insert("date", date(0).parse().unwrap());
    headers.insert("retry-after", date(20).parse().unwrap());
    let wait = governor.observe(permit, StatusCode::TOO_MANY_REQUESTS, &headers, clock.now()).unwrap();
    assert!(wait >= Duration::from_secs(19) && wait < Duration::from_secs(22), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn a_forecast_goes_over_hours_and_days() {
    let clock = TestClock::new();
    let kept = Kept::new(&clock);
    let governor = process(scarce(), &kept, &clock).await;
    take(&governor, 60).await;
    assert_eq!(governor.forecast(None, 40), Duration::ZERO);
    let hours = |requests| governor.forecast(None, requests).as_secs_f64() / 3600.0;
    assert!((0.99..1.02).contains(&hours(41)), "{}", hours(41));
    assert!((4.99..5.1).contains(&hours(540)), "{}", hours(540));
    assert!((23.9..24.4).contains(&hours(941)), "{}", hours(941));
}

#[tokio::test(start_paused = true)]
async fn the_word_of_a_list_about_its_own_limit_is_not_taken_for_all() {
    let clock = TestClock::new();
    let lists = SubLimit {
        name: "list of agents".into(),
        covers: Covers::Exactly("/agents".into()),
        windows: vec![Window::fixed(140, Duration::from_secs(60))],
    };
    let limits = Limits { sub: vec![lists], ..Limits::of(vec![Window::fixed(500, Duration::from_secs(60))]) };
    let governor = Governor::new(limits, clock.clone(), 7);
    let tell = |label: &'static str, total: &'static str, remaining: &'static str| {
        let (governor, clock) = (governor.clone(), clock.clone());
        async move {
            let permit = governor.admit(Priority::Read, 1, label).await.unwrap();
            let mut headers = HeaderMap::new();
            headers.insert("x-ratelimit-total", total.parse().unwrap());
            headers.insert("x-ratelimit-remaining", remaining.parse().unwrap());
            governor.observe(permit, StatusCode::OK, &headers, clock.now());
        }
    };
    tell("/agents", "120", "119").await;
    assert_eq!(governor.statistics().per_second, Some(500.0 / 60.0));
    assert!(governor.forecast(Some("/agents"), 120) > Duration::ZERO);
    assert_eq!(governor.forecast(Some("/agents/7"), 400), Duration::ZERO);
    tell("/agents/7", "700", "698").await;
    assert_eq!(governor.statistics().per_second, Some(700.0 / 60.0));
}

#[tokio::test(start_paused = true)]
async fn somebody_else_in_the_same_bucket_is_noticed_and_given_way() {
    let clock = TestClock::new();
    let governor = Governor::new(Limits::of(vec![Window::fixed(100, Duration::from_secs(60))]), clock.clone(), 7);
    let tell = |remaining: u64| {
        let (governor, clock) = (governor.clone(), clock.clone());
        async move {
            let permit = governor.admit(Priority::Read, 1, "/").await.unwrap();
            let mut headers = HeaderMap::new();
            headers.insert("x-ratelimit-limit", "100".parse().unwrap());
            headers.insert("x-ratelimit-remaining", remaining.to_string().parse().unwrap());
            governor.observe(permit, StatusCode::OK, &headers, clock.now());
        }
    };
    // What was used before our first answer may have been us.
    tell(79).await;
    tell(78).await;
    assert_eq!(governor.statistics().rival, None);
    tell(47).await;
    assert_eq!(governor.statistics().rival, None, "the ledger has not heard of it");
    tell(46).await;
    let rival = governor.statistics().rival.unwrap();
    assert_eq!((rival.used, rival.limit), (30, 100));
    let ours = rival.leaves() * 100.0;
    assert!((60.0..70.0).contains(&ours), "{ours}");
}
