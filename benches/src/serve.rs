//! A fast server of made-up agents, as a process of its own so that its CPU is nobody else's: pages by cursor or by
//! number, with a latency, a rate limit or errors if the bench wants them, and a count of what was asked.
//! Its setup comes from the bench as JSON; what it counted is told under `/bench`. It checks no credential.

use crate::people;
use crate::window::{Limit, Turn, Window};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const HEAD_BYTES_MAX: usize = 16 * 1024;
const PAGE_SIZE_MAX: u64 = 100;
const PAGE_SIZE_DEFAULT: u64 = 30;

/// How the list is cut into pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Shape {
    /// `{"data": […], "meta": {"next_cursor": …}}`: each page says where the next one begins.
    Cursor,
    /// `{"agents": […]}`: pages have numbers, a short one is the last.
    Numbered,
}

/// What to serve.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// How the list is cut.
    pub shape: Shape,
    /// How many agents there are.
    pub records: u64,
    /// How long each answer takes.
    pub latency_ms: u64,
    /// How many requests are permitted.
    pub limit: Option<Limit>,
    /// How many in a hundred requests for pages fail with 500.
    pub errors_percent: u64,
}

impl Setup {
    /// Returns the setup of a server without latency, limit or errors.
    pub fn plain(shape: Shape, records: u64) -> Self {
        Self { shape, records, latency_ms: 0, limit: None, errors_percent: 0 }
    }

    /// Returns the least number of requests in which the list can be read.
    pub fn pages(&self) -> u64 {
        self.records.div_ceil(PAGE_SIZE_MAX)
    }
}

/// What was asked so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Pages of the list of agents that were served.
    pub listed: u64,
    /// Pages of it that were asked for beyond its end, or of lists that are empty.
    pub empty: u64,
    /// Everything else that was served: reference lists, look-ups of one record.
    pub others: u64,
    /// Requests refused with 429.
    pub refused: u64,
    /// Requests answered with 500.
    pub failed: u64,
    /// When the first request came (microseconds since 1970).
    pub first_us: u64,
    /// Every path that was asked for beside the list of agents.
    pub paths: Vec<String>,
}

struct Hall {
    setup: Setup,
    counts: Mutex<Counts>,
    window: Mutex<Option<Window>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until standard input ends; tells its port on standard output.
pub fn run(setup: Setup) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    let hall = Arc::new(Hall { setup, counts: Mutex::default(), window: Mutex::new(setup.limit.map(Window::new)) });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let hall = hall.clone();
            std::thread::spawn(move || drop(converse(&hall, stream)));
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(())
}

/// Answers requests on one connection until it ends.
fn converse(hall: &Hall, mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(HEAD_BYTES_MAX);
    let mut answer = Vec::with_capacity(128 * 1024);
    loop {
        let end = loop {
            if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece)?;
            if count == 0 || read.len() > HEAD_BYTES_MAX {
                return Ok(());
            }
            read.extend_from_slice(&piece[..count]);
        };
        let target = read[..end].split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let target = String::from_utf8_lossy(target).into_owned();
        read.drain(..end);
        answer.clear();
        respond(hall, &target, &mut answer);
        stream.write_all(&answer)?;
    }
}

fn respond(hall: &Hall, target: &str, answer: &mut Vec<u8>) {
    if target == "/bench" {
        let told = serde_json::to_vec(&*lock(&hall.counts)).unwrap_or_default();
        return finish(answer, "200 OK", "", &told);
    }
    let began = Instant::now();
    first_of(hall);
    let turn = lock(&hall.window).as_mut().map(|window| window.take(Instant::now()));
    let headers = turn.as_ref().map(|turn| headers(hall.setup.shape, turn)).unwrap_or_default();
    if turn.is_some_and(|turn| turn.refused) {
        lock(&hall.counts).refused += 1;
        return finish(answer, "429 Too Many Requests", &headers, b"{\"message\":\"too many requests\"}");
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = body(hall, path, query);
    std::thread::sleep(Duration::from_millis(hall.setup.latency_ms).saturating_sub(began.elapsed()));
    match body {
        Some(body) => finish(answer, "200 OK", &headers, &body),
        None => finish(answer, "500 Internal Server Error", &headers, b"{\"message\":\"something went wrong\"}"),
    }
}

fn first_of(hall: &Hall) {
    let mut counts = lock(&hall.counts);
    if counts.first_us == 0 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        counts.first_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
    }
}

/// Returns the body, or nothing where this request is to fail.
fn body(hall: &Hall, path: &str, query: &str) -> Option<Vec<u8>> {
    let setup = &hall.setup;
    let asked = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    let number = |key: &str| asked(key).and_then(|text| text.trim_start_matches('c').parse::<u64>().ok());
    let list = match setup.shape {
        Shape::Cursor => "/users",
        Shape::Numbered => "/agents",
    };
    if !path.ends_with(list) || asked("active") == Some("false") || asked("email").is_some() {
        return Some(other(hall, path, query));
    }
    let size = |key| number(key).unwrap_or(PAGE_SIZE_DEFAULT).clamp(1, PAGE_SIZE_MAX);
    let (from, size) = match setup.shape {
        Shape::Cursor => (number("cursor").unwrap_or(0), size("limit")),
        Shape::Numbered => {
            let size = size("per_page");
            (number("page").unwrap_or(1).saturating_sub(1) * size, size)
        }
    };
    let mut counts = lock(&hall.counts);
    if scattered(counts.listed + counts.failed) % 100 < setup.errors_percent {
        counts.failed += 1;
        return None;
    }
    if from < setup.records {
        counts.listed += 1
    } else {
        counts.empty += 1
    }
    drop(counts);
    let to = (from + size).min(setup.records);
    Some(match setup.shape {
        Shape::Cursor => people::cursor_page(from, to, setup.records),
        Shape::Numbered => people::numbered_page(from, to),
    })
}

/// Returns a number that looks like chance, the same for the same request of every run.
fn scattered(number: u64) -> u64 {
    let mixed = (number ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Answers what is not the list: the roles, or a list of that name which is empty.
fn other(hall: &Hall, path: &str, query: &str) -> Vec<u8> {
    let mut counts = lock(&hall.counts);
    counts.others += 1;
    if counts.paths.len() < 1000 {
        counts.paths.push(format!("{path}?{query}"));
    }
    drop(counts);
    let name = path.rsplit('/').next().unwrap_or_default();
    match (hall.setup.shape, name) {
        (Shape::Cursor, "roles") => people::CURSOR_ROLES.into(),
        (Shape::Cursor, _) => b"{\"data\":[],\"meta\":{\"next_cursor\":null,\"total_count\":0}}".to_vec(),
        (Shape::Numbered, "roles") => people::NUMBERED_ROLES.into(),
        (Shape::Numbered, name) => format!("{{\"{name}\":[]}}").into_bytes(),
    }
}

fn headers(shape: Shape, turn: &Turn) -> String {
    if !turn.told {
        return String::new();
    }
    let limit = match shape {
        Shape::Cursor => "x-ratelimit-limit",
        Shape::Numbered => "x-ratelimit-total",
    };
    let mut headers = format!("{limit}: {}\r\nx-ratelimit-remaining: {}\r\n", turn.limit, turn.remaining);
    if shape == Shape::Cursor {
        headers.push_str(&format!("x-ratelimit-reset: {}\r\n", turn.reset_seconds));
    }
    if turn.refused {
        headers.push_str(&format!("retry-after: {}\r\n", turn.reset_seconds));
    }
    headers
}

fn finish(answer: &mut Vec<u8>, status: &str, headers: &str, body: &[u8]) {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n");
    answer.extend_from_slice(head.as_bytes());
    answer.extend_from_slice(body);
}
