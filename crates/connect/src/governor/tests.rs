//! The governor against simulated servers, on a time that only the test moves.
//! A server counts in its own windows, at its own phase, and tells as much as the test lets it.
//! Ratios are those that the product promises: no refusal, and at least 97 % of the permitted rate.

use super::*;
use crate::transport::{Priority, Request, Response, TransportError, Wire};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The runtime's paused time, with a calendar that follows it.
#[derive(Debug)]
pub(super) struct TestClock {
    began: Instant,
}

impl TestClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { began: tokio::time::Instant::now().into_std() })
    }
    pub(super) fn elapsed(&self) -> Duration {
        self.now().duration_since(self.began)
    }
    pub(super) fn wall_ms(&self) -> i64 {
        self.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000) + self.now().duration_since(self.began)
    }
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// How a simulated server counts and what it tells.
#[derive(Clone)]
pub(super) struct Rules {
    limit: u64,
    per: Duration,
    counting: Counting,
    retry_after: Option<&'static str>,
    tells: Tells,
    /// From sending to receipt, and from receipt to the answer, in milliseconds, taken in turn.
    pub(super) latency_ms: Vec<(u64, u64)>,
    /// Statuses that the first requests get instead of 200.
    failures: Vec<u16>,
    /// Requests of others that count in the same windows, a second.
    others_per_second: f64,
}

#[derive(Clone, Copy)]
pub(super) enum Counting {
    /// Windows that begin at the clock's multiples, shifted by so much.
    Aligned(Duration),
    /// Windows that begin with their first request.
    FromFirst,
    Rolling,
    Leaky,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Tells {
    Nothing,
    Remaining,
    Fraction,
}

pub(super) fn rules(limit: u64, per: Duration) -> Rules {
    Rules {
        limit,
        per,
        counting: Counting::FromFirst,
        retry_after: None,
        tells: Tells::Nothing,
        latency_ms: vec![(1, 3)],
        failures: Vec::new(),
        others_per_second: 0.0,
    }
}

#[derive(Default)]
struct Counted {
    window: Option<(Duration, u64)>,
    receipts: Vec<Duration>,
    others_before: f64,
    requests: u64,
    answered: u64,
    refused: u64,
    log: Vec<String>,
}

pub(super) struct Server {
    rules: Rules,
    clock: Arc<TestClock>,
    counted: Mutex<Counted>,
}

impl Server {
    pub(super) fn new(rules: Rules, clock: &Arc<TestClock>) -> Arc<Self> {
        Arc::new(Self { rules, clock: clock.clone(), counted: Mutex::default() })
    }

    /// Counts a request at its receipt; returns how much is used with it, and whether it is refused.
    fn count(&self, counted: &mut Counted, cost: u64, at: Duration) -> (u64, bool) {
        let Rules { limit, per, .. } = self.rules;
        let now = at + Duration::from_secs(1000);
        let window_start = match self.rules.counting {
            Counting::Aligned(phase) => {
                let shifted = now + phase;
                shifted - Duration::from_nanos((shifted.as_nanos() % per.as_nanos()) as u64)
            }
            Counting::FromFirst => {
                counted.window.map(|(start, _)| start).filter(|start| now < *start + per).unwrap_or(now)
            }
            Counting::Rolling => {
                counted.receipts.retain(|receipt| *receipt + per > now);
                let used = counted.receipts.len() as u64 + cost;
                if used <= limit {
                    counted.receipts.extend(std::iter::repeat_n(now, cost as usize));
                }
                return (used, used > limit);
            }
            Counting::Leaky => {
                let (at, level) = counted.window.unwrap_or((now, 0));
                // The level is kept in millionths.
                let drained = (now - at).as_secs_f64() * limit as f64 / per.as_secs_f64() * 1e6;
                let level = level.saturating_sub(drained as u64);
                let used = level + cost * 1_000_000;
                let refused = used > limit * 1_000_000;
                counted.window = Some((now, if refused { level } else { used }));
                return (used.div_ceil(1_000_000), refused);
            }
        };
        let before = counted.window.filter(|(start, _)| *start == window_start).map_or(0, |(_, used)| used);
        let used = before + cost;
        counted.window = Some((window_start, used));
        (used, used > limit)
    }

    /// Counts a request that somebody else sent.
    pub(super) fn count_one(&self) {
        let mut counted = self.counted.lock().unwrap();
        let (_, refused) = self.count(&mut counted, 1, self.clock.elapsed());
        counted.refused += u64::from(refused);
    }

    /// Returns how many requests were answered well, and how many were refused.
    pub(super) fn answered(&self) -> (u64, u64) {
        let counted = self.counted.lock().unwrap();
        (counted.answered, counted.refused)
    }

    fn headers(&self, used: u64, refused: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: String| {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        };
        match self.rules.tells {
            Tells::Nothing => {}
            Tells::Remaining => {
                set("x-ratelimit-limit", self.rules.limit.to_string());
                set("x-ratelimit-remaining", self.rules.limit.saturating_sub(used).to_string());
            }
            Tells::Fraction => {
                set("x-gorgias-account-api-call-limit", format!("{used}/{}", self.rules.limit));
            }
        }
        if let Some(value) = self.rules.retry_after.filter(|_| refused) {
            set("retry-after", value.into());
        }
        headers
    }
}

impl Wire for Server {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(async move {
            let sent = self.clock.now();
            let number = {
                let mut counted = self.counted.lock().unwrap();
                counted.requests += 1;
                counted.requests as usize - 1
            };
            let (there, back) = self.rules.latency_ms[number % self.rules.latency_ms.len()];
            tokio::time::sleep(Duration::from_millis(there)).await;
            let (status, headers) = {
                let mut counted = self.counted.lock().unwrap();
                let elapsed = self.clock.elapsed();
                while counted.others_before + 1.0 <= elapsed.as_secs_f64() * self.rules.others_per_second {
                    counted.others_before += 1.0;
                    let came = Duration::from_secs_f64(counted.others_before / self.rules.others_per_second);
                    self.count(&mut counted, 1, came);
                }
                let (used, refused) = self.count(&mut counted, u64::from(request.cost), elapsed);
                counted.log.push(request.label_or_path().to_owned());
                let failure = self.rules.failures.get(number).copied().filter(|status| *status != 0);
                let status = if refused { 429 } else { failure.unwrap_or(200) };
                counted.refused += u64::from(status == 429);
                counted.answered += u64::from(status == 200);
                (StatusCode::from_u16(status).unwrap(), self.headers(used, status == 429))
            };
            tokio::time::sleep(Duration::from_millis(back)).await;
            let answered_at = self.clock.now();
            Ok(Response { status, headers, body: Bytes::new(), elapsed: answered_at - sent, answered_at })
        })
    }
}

pub(super) fn get(path: &str) -> Request {
    Request::get(format!("https://acme.example{path}").parse().unwrap())
}

/// Reads `pages` with so many workers; returns the time that it took and the refusals.
async fn pull(rules: Rules, limits: Limits, pages: usize, workers: usize) -> (Duration, u64) {
    let clock = TestClock::new();
    let server = Server::new(rules, &clock);
    let governor = Governor::new(limits, clock.clone(), 7);
    let left = Arc::new(Mutex::new(pages));
    let work = (0..workers).map(|_| {
        let (server, governor, left) = (server.clone(), governor.clone(), left.clone());
        tokio::spawn(async move {
            loop {
                {
                    let mut left = left.lock().unwrap();
                    if *left == 0 {
                        return;
                    }
                    *left -= 1;
                }
                send_governed(&*server, &governor, &get("/pages"), &RetryPolicy::safe()).await.unwrap();
            }
        })
    });
    for worker in work.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let counted = server.counted.lock().unwrap();
    assert_eq!(counted.answered, pages as u64);
    assert_eq!(governor.statistics().throttled, counted.refused);
    (clock.now().duration_since(clock.began), counted.refused)
}

pub(super) fn limits(limit: u32, per: Duration) -> Limits {
    Limits { concurrent_max: 16, ..Limits::of(vec![Window::fixed(limit, per)]) }
}

/// The least time in which the windows permit so many pages, the first window being there at once.
fn floor(pages: usize, limit: u64, per: Duration) -> f64 {
    (pages as f64 - limit as f64) / (limit as f64 / per.as_secs_f64())
}

fn every_counting(per: Duration) -> Vec<Counting> {
    let phases = (0..8).map(|eighth| Counting::Aligned(per * eighth / 8 + Duration::from_millis(7)));
    phases.chain([Counting::FromFirst, Counting::Rolling]).collect()
}

#[tokio::test(start_paused = true)]
async fn ten_a_second_are_used_without_one_refusal_whatever_the_phase() {
    for counting in every_counting(SECOND) {
        for (tells, retry_after) in [(Tells::Nothing, None), (Tells::Remaining, Some("1"))] {
            for (workers, latency) in [(1, (1, 3)), (8, (1, 19))] {
                let rules = Rules { counting, retry_after, tells, latency_ms: vec![latency], ..rules(10, SECOND) };
                let (took, refused) = pull(rules, limits(10, SECOND), 400, workers).await;
                assert_eq!(refused, 0);
                assert!(took.as_secs_f64() < floor(400, 10, SECOND) * 1.03, "{took:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn six_hundred_a_minute_are_used_without_one_refusal_whatever_the_phase() {
    for counting in every_counting(MINUTE) {
        for tells in [Tells::Nothing, Tells::Remaining] {
            let rules = Rules { counting, tells, latency_ms: vec![(10, 90), (3, 20)], ..rules(600, MINUTE) };
            let (took, refused) = pull(rules, limits(600, MINUTE), 2400, 8).await;
            assert_eq!(refused, 0);
            // Half of a minute's budget goes at once and the rest evenly, so that somebody urgent need not wait for the
            // next minute: what is promised is pages by the permitted rate, and no burst besides.
            assert!(took.as_secs_f64() < 2400.0 / 10.0 * 1.03, "{took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn latency_that_varies_makes_no_refusal() {
    let latency_ms = vec![(1, 2), (180, 1), (0, 90), (40, 40), (5, 0), (0, 200), (0, 0)];
    for counting in every_counting(SECOND) {
        let rules = Rules { counting, latency_ms: latency_ms.clone(), ..rules(10, SECOND) };
        let (took, refused) = pull(rules, limits(10, SECOND), 500, 16).await;
        assert_eq!(refused, 0);
        assert!(took.as_secs_f64() < floor(500, 10, SECOND) * 1.25, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leaky_bucket_is_used_without_one_refusal() {
    for tells in [Tells::Nothing, Tells::Fraction] {
        let rules =
            Rules { counting: Counting::Leaky, tells, latency_ms: vec![(10, 90), (1, 5)], ..rules(40, SECOND * 20) };
        let limits = Limits { concurrent_max: 16, ..Limits::of(vec![Window::leaky(40, SECOND * 20)]) };
        let (took, refused) = pull(rules, limits, 1000, 8).await;
        assert_eq!(refused, 0);
        assert!(took.as_secs_f64() < floor(1000, 40, SECOND * 20) * 1.03, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_share_leaves_the_rest_to_others() {
    for (limit, share) in [(10, 0.8), (2, 0.8), (600, 0.5)] {
        let limits = Limits { share, ..limits(limit, SECOND) };
        let (took, refused) = pull(rules(u64::from(limit), SECOND), limits, 1000, 4).await;
        let permitted = 1000.0 / (f64::from(limit) * share);
        assert_eq!(refused, 0);
        assert!(took.as_secs_f64() > permitted * 0.9, "{limit} at {share}: {took:?}, permitted {permitted}");
        assert!(limit == 600 || took.as_secs_f64() < permitted * 1.05, "{limit} at {share}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_that_the_server_tells_is_believed_over_the_published_one() {
    let tells = Tells::Remaining;
    let (took, refused) = pull(Rules { tells, ..rules(2, SECOND) }, limits(10, SECOND), 100, 8).await;
    assert_eq!(refused, 0);
    assert!(took > SECOND * 49);
    let (took, _) = pull(Rules { tells, ..rules(40, SECOND) }, limits(10, SECOND), 400, 8).await;
    assert!(took < SECOND * 11, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_the_operator_chose_is_never_raised() {
    let limits = Limits { learn: Learn::Capped, ..limits(5, SECOND) };
    let (took, refused) = pull(Rules { tells: Tells::Remaining, ..rules(50, SECOND) }, limits, 100, 8).await;
    assert_eq!(refused, 0);
    assert!(took > Duration::from_millis(18_900), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_told_without_its_window_is_none_of_the_operators() {
    // The server speaks of its seconds, the operator of minutes: neither 20 nor 50 a minute is meant.
    for told in [20, 50] {
        let limits = Limits { learn: Learn::Capped, ..limits(30, MINUTE) };
        let rules = Rules { tells: Tells::Remaining, ..rules(told, SECOND) };
        let (took, refused) = pull(rules, limits, 90, 8).await;
        assert_eq!(refused, 0);
        assert!(took > MINUTE + SECOND * 50 && took < MINUTE * 3, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_eat_is_yielded() {
    let shared = Rules { tells: Tells::Remaining, others_per_second: 5.0, ..rules(600, MINUTE) };
    let (took, refused) = pull(shared, limits(600, MINUTE), 1500, 4).await;
    assert!(refused <= 6, "{refused}");
    assert!(took < MINUTE * 6, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_retry_after_waits_for_the_window_to_roll() {
    // The published limit is wrong and the server tells nothing: only refusals teach.
    let (took, refused) = pull(rules(50, MINUTE), limits(100, MINUTE), 100, 1).await;
    assert!((1..=2).contains(&refused), "{refused}");
    assert!(took >= MINUTE && took < MINUTE * 3, "{took:?}");
}

async fn refused_once(retry_after: Option<&'static str>, limits: Limits) -> Duration {
    let failures = vec![429];
    let rules = Rules { failures, retry_after, ..rules(1000, SECOND) };
    let clock = TestClock::new();
    let server = Server::new(rules, &clock);
    let governor = Governor::new(limits, clock.clone(), 7);
    send_governed(&*server, &governor, &get("/"), &RetryPolicy::safe()).await.unwrap();
    clock.now().duration_since(clock.began)
}

#[tokio::test(start_paused = true)]
async fn every_retry_after_is_honoured_bounded_and_never_zero() {
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_005));
    let date: &'static str = Box::leak(date.into_boxed_str());
    for (value, least, most) in [
        ("3", 3.0, 3.1),
        ("0.5", 0.5, 0.6),
        (date, 4.9, 5.2),
        ("0", 1.0, 1.6),
        ("-7", 1.0, 1.6),
        ("soon", 1.0, 1.6),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 1.0, 1.6),
    ] {
        let took = refused_once(Some(value), limits(1000, SECOND)).await.as_secs_f64();
        assert!((least..most).contains(&took), "{value}: {took}");
    }
    let took = refused_once(None, Limits::default()).await.as_secs_f64();
    assert!((1.0..1.6).contains(&took), "without windows: {took}");
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_ends_in_an_error_within_its_bounds() {
    let clock = TestClock::new();
    let server = Server::new(Rules { failures: vec![429; 1000], ..rules(1000, SECOND) }, &clock);
    let governor = Governor::new(limits(1000, SECOND), clock.clone(), 7);
    let error = send_governed(&*server, &governor, &get("/"), &RetryPolicy::safe()).await.unwrap_err();
    assert!(matches!(error, SendError::NotAdmitted { reason: NotAdmitted::Parked(_), .. }));
    assert!(!error.may_have_happened() && governor.parked(Priority::Write).is_some());
    assert!(clock.now().duration_since(clock.began) <= Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn a_single_500_costs_a_read_less_than_half_a_second() {
    let clock = TestClock::new();
    let failures: Vec<u16> = (0..1000).map(|at| if at % 50 == 1 { 500 } else { 0 }).collect();
    let server = Server::new(Rules { failures, ..rules(100_000, SECOND) }, &clock);
    let governor = Governor::new(limits(100_000, SECOND), clock.clone(), 7);
    for _ in 0..900 {
        send_governed(&*server, &governor, &get("/"), &RetryPolicy::safe()).await.unwrap();
    }
    let lost = clock.now().duration_since(clock.began).saturating_sub(Duration::from_millis(4 * 900));
    assert!(lost < Duration::from_millis(500) * 18, "{lost:?}");
    assert_eq!(server.counted.lock().unwrap().answered, 900);
}

#[tokio::test(start_paused = true)]
async fn a_create_is_never_repeated_where_it_may_have_happened() {
    for (failure, requests, may) in [(500, 1, true), (503, 1, true), (429, 2, false), (0, 1, false)] {
        let clock = TestClock::new();
        let server = Server::new(Rules { failures: vec![failure], ..rules(1000, SECOND) }, &clock);
        let governor = Governor::new(limits(1000, SECOND), clock.clone(), 7);
        let create = Request::new(Method::POST, "https://acme.example/users".parse().unwrap());
        let result = send_governed(&*server, &governor, &create, &RetryPolicy::only_if_not_sent()).await;
        assert_eq!(server.counted.lock().unwrap().requests, requests, "{failure}");
        assert_eq!(result.is_err_and(|error| error.may_have_happened()), may, "{failure}");
    }
}

/// Fails as told before it answers.
struct Failing(Mutex<Vec<TransportError>>);

impl Wire for Failing {
    fn send<'a>(&'a self, _: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(async move {
            let answered_at = tokio::time::Instant::now().into_std();
            match self.0.lock().unwrap().pop() {
                Some(error) => Err(error),
                None => Ok(Response {
                    status: StatusCode::CREATED,
                    headers: HeaderMap::new(),
                    body: Bytes::new(),
                    elapsed: Duration::ZERO,
                    answered_at,
                }),
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_is_repeated_only_where_it_was_not_sent() {
    let create = Request::new(Method::POST, "https://acme.example/users".parse().unwrap());
    let (target, because) = (create.target(), String::new());
    let not_sent = TransportError::NotSent { target: target.clone(), because: because.clone() };
    let cut = TransportError::Ambiguous { target, because };
    let governor = Governor::new(Limits::default(), TestClock::new(), 7);
    let retry = RetryPolicy::only_if_not_sent();
    let wire = Failing(Mutex::new(vec![not_sent.clone(), not_sent]));
    assert!(send_governed(&wire, &governor, &create, &retry).await.is_ok());
    let wire = Failing(Mutex::new(vec![cut.clone()]));
    let error = send_governed(&wire, &governor, &create, &retry).await.unwrap_err();
    assert!(error.may_have_happened());
    let wire = Failing(Mutex::new(vec![cut; 3]));
    assert!(send_governed(&wire, &governor, &get("/"), &RetryPolicy::safe()).await.is_ok());
    assert_eq!(governor.statistics().throttled, 0);
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_is_asked_twice_and_no_more() {
    let read = get("/");
    let stalled = TransportError::Stalled { target: read.target(), waited: Duration::from_secs(40) };
    let governor = Governor::new(Limits::default(), TestClock::new(), 7);
    let wire = Failing(Mutex::new(vec![stalled.clone()]));
    assert!(send_governed(&wire, &governor, &read, &RetryPolicy::safe()).await.is_ok());
    let wire = Failing(Mutex::new(vec![stalled; 3]));
    let error = send_governed(&wire, &governor, &read, &RetryPolicy::safe()).await.unwrap_err();
    assert!(error.to_string().ends_with("sent, and nothing came for 40.0 s"), "{error}");
    assert_eq!(wire.0.lock().unwrap().len(), 1, "the third was not asked");
}

/// Takes every request and says nothing for 40 s, or answers.
struct Silent {
    asked: AtomicU64,
    answers: AtomicBool,
}

impl Wire for Silent {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if !self.answers.load(Ordering::SeqCst) {
                tokio::time::sleep(SECOND * 40).await;
                return Err(TransportError::Stalled { target: request.target(), waited: SECOND * 40 });
            }
            Failing(Mutex::default()).send(request).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_costs_those_behind_the_first_nothing_and_is_tried_once_after_a_pause() {
    let clock = TestClock::new();
    let governor = Governor::new(limits(10, SECOND), clock.clone(), 7);
    let wire = Silent { asked: AtomicU64::new(0), answers: AtomicBool::new(false) };
    let (ask, retry) = (get("/"), RetryPolicy::safe());
    let send = || send_governed(&wire, &governor, &ask, &retry);
    let all = futures::future::join_all((0..50).map(|_| send())).await;
    let took = clock.now().duration_since(clock.began);
    assert!((SECOND * 80..SECOND * 82).contains(&took), "{took:?}");
    let told = |result: Result<Response, SendError>| result.unwrap_err().to_string();
    let told: Vec<_> = all.into_iter().map(told).collect();
    assert_eq!(told.iter().filter(|text| text.contains("nothing was heard from the app for 80 s")).count(), 50);
    assert_eq!(wire.asked.load(Ordering::SeqCst), 2, "two were asked, one after the other");
    tokio::time::sleep(SECOND * 31).await;
    assert!(send().await.is_err() && wire.asked.load(Ordering::SeqCst) == 3, "once more after a pause");
    tokio::time::sleep(SECOND * 31).await;
    wire.answers.store(true, Ordering::SeqCst);
    assert!(send().await.is_ok() && send().await.is_ok(), "one answer and all may ask again");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_says_nothing_does_not_keep_a_leaver_waiting() {
    let governor = Governor::new(limits(10, SECOND), TestClock::new(), 7);
    let wire = Silent { asked: AtomicU64::new(0), answers: AtomicBool::new(false) };
    let (list, leaver) = (get("/users"), get("/users/7").priority(Priority::Leaver));
    let retry = RetryPolicy::safe();
    assert!(send_governed(&wire, &governor, &list, &retry).await.is_err());
    let error = send_governed(&wire, &governor, &list, &retry).await.unwrap_err();
    assert!(error.to_string().contains("nothing was heard from the app"), "{error}");
    wire.answers.store(true, Ordering::SeqCst);
    assert!(send_governed(&wire, &governor, &leaver, &retry).await.is_ok(), "the leaver tries at once");
    assert!(send_governed(&wire, &governor, &list, &retry).await.is_ok(), "and what it heard is good for all");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_stays_in_doubt_whatever_its_repetition_meets() {
    let put = Request::new(Method::PUT, "https://acme.example/users/7".parse().unwrap());
    let (target, because) = (put.target(), String::new());
    let cut = TransportError::Ambiguous { target: target.clone(), because: because.clone() };
    let not_sent = TransportError::NotSent { target, because };
    let governor = Governor::new(Limits::default(), TestClock::new(), 7);
    let retry = RetryPolicy { attempts_max: 2, ..RetryPolicy::safe() };
    // The last goes first.
    let wire = Failing(Mutex::new(vec![not_sent.clone(), cut]));
    let error = send_governed(&wire, &governor, &put, &retry).await.unwrap_err();
    assert!(error.may_have_happened(), "{error}");
    let wire = Failing(Mutex::new(vec![not_sent.clone(), not_sent]));
    let error = send_governed(&wire, &governor, &put, &retry).await.unwrap_err();
    assert!(!error.may_have_happened(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn leavers_go_before_writes_and_writes_before_reads() {
    let clock = TestClock::new();
    let server = Server::new(rules(1, SECOND), &clock);
    let governor = Governor::new(limits(1, SECOND), clock.clone(), 7);
    let first = governor.admit(Priority::Read, 1, "/").await.unwrap();
    let mut work = Vec::new();
    for (label, priority) in [
        ("read 1", Priority::Read),
        ("read 2", Priority::Read),
        ("write", Priority::Write),
        ("leaver", Priority::Leaver),
    ] {
        let (server, governor) = (server.clone(), governor.clone());
        let request = get("/").priority(priority).label(label);
        work.push(tokio::spawn(async move {
            send_governed(&*server, &governor, &request, &RetryPolicy::safe()).await.unwrap();
        }));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(first);
    for worker in work {
        worker.await.unwrap();
    }
    assert_eq!(server.counted.lock().unwrap().log, ["leaver", "write", "read 1", "read 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_some_paths_keeps_only_those() {
    let clock = TestClock::new();
    let lists = SubLimit {
        name: "lists".into(),
        covers: Covers::Exactly("/agents".into()),
        windows: vec![Window::fixed(1, MINUTE)],
    };
    let limits = Limits { sub: vec![lists], learn: Learn::Nothing, ..limits(100, SECOND) };
    let governor = Governor::new(limits, clock.clone(), 7);
    drop(governor.admit(Priority::Write, 1, "/agents").await.unwrap());
    let waits = {
        let governor = governor.clone();
        tokio::spawn(async move { governor.admit(Priority::Leaver, 1, "/agents").await.map(drop) })
    };
    tokio::time::sleep(SECOND).await;
    drop(governor.admit(Priority::Read, 1, "/agents/42").await.unwrap());
    assert!(clock.now().duration_since(clock.began) < SECOND * 2);
    assert!(!waits.is_finished());
    waits.await.unwrap().unwrap();
    assert!(clock.now().duration_since(clock.began) > MINUTE);
}

#[test]
fn a_label_under_a_path_is_not_one_that_begins_alike() {
    let under = Covers::Under("/contacts".into());
    assert!(under.includes("/contacts") && under.includes("/contacts/7"));
    assert!(!under.includes("/contacts_export") && !Covers::Exactly("/contacts".into()).includes("/contacts/7"));
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_open_at_once() {
    let governor =
        Governor::new(Limits { concurrent_max: 2, learn: Learn::Nothing, ..limits(1000, SECOND) }, TestClock::new(), 7);
    let one = governor.admit(Priority::Read, 1, "/").await.unwrap();
    let _two = governor.admit(Priority::Read, 1, "/").await.unwrap();
    let third = {
        let governor = governor.clone();
        tokio::spawn(async move { governor.admit(Priority::Read, 1, "/").await.map(drop) })
    };
    tokio::time::sleep(MINUTE * 5).await;
    assert!(!third.is_finished());
    drop(one);
    third.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_queue_and_the_wait_are_bounded() {
    let limits = Limits { queue_max: 1, wait_max: MINUTE, concurrent_max: 1, ..limits(1, SECOND) };
    let governor = Governor::new(limits, TestClock::new(), 7);
    let _held = governor.admit(Priority::Read, 1, "/").await.unwrap();
    let waits = {
        let governor = governor.clone();
        tokio::spawn(async move { governor.admit(Priority::Read, 1, "/").await.map(drop) })
    };
    tokio::time::sleep(SECOND).await;
    assert_eq!(governor.admit(Priority::Leaver, 1, "/").await.unwrap_err(), NotAdmitted::QueueFull(1));
    assert_eq!(waits.await.unwrap().unwrap_err(), NotAdmitted::WaitedTooLong(MINUTE));
    assert_eq!(governor.statistics().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_holds_nobody_back() {
    let clock = TestClock::new();
    let governor = Governor::new(limits(1, SECOND), clock.clone(), 7);
    let held = governor.admit(Priority::Read, 1, "/").await.unwrap();
    let gives_up = AtomicBool::new(false);
    let leaver = async {
        let turn = governor.admit(Priority::Leaver, 1, "/");
        assert!(tokio::time::timeout(Duration::from_millis(10), turn).await.is_err());
        gives_up.store(true, Ordering::SeqCst);
        drop(held);
    };
    let read = async { governor.admit(Priority::Read, 1, "/").await.unwrap() };
    futures::future::join(leaver, read).await;
    assert!(gives_up.load(Ordering::SeqCst));
    assert!(clock.now().duration_since(clock.began) < Duration::from_millis(1100));
}

#[tokio::test(start_paused = true)]
async fn a_forecast_is_what_the_budget_allows() {
    let governor = Governor::new(limits(10, SECOND), TestClock::new(), 7);
    assert_eq!(governor.forecast(None, 10), Duration::ZERO);
    let seconds = governor.forecast(None, 110).as_secs_f64();
    assert!((10.0..10.1).contains(&seconds), "{seconds}");
    assert_eq!(limits(10, SECOND).floor(100), SECOND * 10);
    assert_eq!(Limits::default().floor(100), Duration::ZERO);
    assert_eq!(governor.statistics().per_second, Some(10.0));
}

#[tokio::test(start_paused = true)]
async fn without_windows_the_servers_word_that_nothing_is_left_is_heeded() {
    let clock = TestClock::new();
    let governor = Governor::new(Limits::default(), clock.clone(), 7);
    let permit = governor.admit(Priority::Read, 1, "/").await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("x-ratelimit-remaining", "0".parse().unwrap());
    headers.insert("x-ratelimit-reset", "12".parse().unwrap());
    governor.observe(permit, StatusCode::OK, &headers, clock.now());
    drop(governor.admit(Priority::Read, 1, "/").await.unwrap());
    assert_eq!(clock.now().duration_since(clock.began).as_secs(), 12);
}
