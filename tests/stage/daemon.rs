//! `tenure serve` as a process on a stage: started, asked, told to end, killed; and what is waited for beside it.
//! It knows how a daemon is spoken to and when nothing is left to do, not what a test makes of it.

use super::{Running, Stage, WAIT_MAX};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tenure_sandbox::Vendor;
use tenure_store::test_support::postgres_url;

/// How often a test looks whether what it waits for is there.
pub const LOOKED_EVERY: Duration = Duration::from_millis(50);

/// A daemon and where it listens.
pub struct Daemon {
    running: Running,
    /// Where it listens.
    pub listens: String,
}

impl Daemon {
    /// Starts one and waits until it says where it listens.
    pub fn start(stage: &Stage) -> Self {
        let mut running = stage.begin(&["serve", "--listen", "127.0.0.1:0"]);
        let began = Instant::now();
        loop {
            let said: Option<Value> = serde_json::from_str(&running.said()).ok();
            if let Some(listens) = said.and_then(|said| said["listen"].as_str().map(str::to_owned)) {
                return Self { running, listens };
            }
            if running.ends_within(LOOKED_EVERY).is_some() || began.elapsed() > WAIT_MAX {
                panic!("the daemon did not start: {}", running.wait(Duration::ZERO));
            }
        }
    }

    /// Returns the address under which a browser reaches it.
    pub fn base(&self) -> String {
        format!("http://{}", self.listens)
    }

    /// Asks it for a page; returns the status and the body.
    pub fn ask(&self, path: &str) -> (u16, String) {
        self.ask_with(path, "")
    }

    /// Asks it for a page with a header more.
    pub fn ask_with(&self, path: &str, header: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.listens).expect("it listens");
        let lines = format!("Host: {}\r\n{header}Connection: close\r\n\r\n", self.listens);
        write!(stream, "GET {path} HTTP/1.1\r\n{lines}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    /// Sends it a signal.
    pub fn signal(&mut self, name: &str) {
        self.running.signal(name);
    }

    /// Tells it to end, and fails unless it does so well.
    pub fn end(mut self) -> Duration {
        let began = Instant::now();
        self.running.signal("TERM");
        let ended = self.running.wait(WAIT_MAX);
        assert_eq!(ended.code, 0, "{ended}");
        began.elapsed()
    }

    /// Fails if it has ended by itself.
    pub fn is_there(&mut self) {
        if self.running.ends_within(Duration::ZERO).is_some() {
            panic!("the daemon ended by itself: {}", self.running.told());
        }
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(mut self) {
        self.running.kill();
        self.running.wait(WAIT_MAX);
    }
}

/// Lets a stage keep its store in a PostgreSQL of its own; tells whether there is one to be had.
pub fn on_postgres(stage: &Stage) -> bool {
    let Some(url) = postgres_url() else { return false };
    keep_in(stage, &url);
    true
}

/// Lets a stage keep its store at this address.
pub fn keep_in(stage: &Stage, url: &str) {
    stage.edit(&stage.files().config, "sqlite:tenure.db", url).unwrap();
}

/// Counts what was written to all apps.
pub fn writes(stage: &Stage) -> u64 {
    let statistics = stage.sandbox().statistics();
    Vendor::ALL.into_iter().map(|vendor| statistics.of(vendor).writes).sum()
}

/// Waits until the sandbox has seen so many writes.
pub fn until_written(stage: &Stage, wanted: u64) {
    let began = Instant::now();
    while writes(stage) < wanted {
        assert!(began.elapsed() < WAIT_MAX, "only {} of {wanted} writes came", writes(stage));
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until nothing is left but work for a person, and returns how long that took.
pub fn until_nothing_is_left(stage: &Stage, within: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let planned = stage.run(&["plan"]);
        let plan = planned.json().unwrap();
        let left: Vec<&Value> =
            plan["steps"].as_array().into_iter().flatten().filter(|step| step["effect"] != "manual").collect();
        if left.is_empty() {
            return began.elapsed();
        }
        assert!(began.elapsed() < within, "after {within:?} there is still {left:?}");
        std::thread::sleep(LOOKED_EVERY);
    }
}
