//! A load of HTTP requests over connections that stay open: how many are answered in a second, and how long the slowest
//! hundredth took. The same for whoever answers; it knows nothing of what is asked.

use anyhow::{Context, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(300);

/// One request.
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// The body; empty where there is none.
    pub body: String,
}

/// Whom to ask, and how.
pub struct Load {
    /// The port on this machine.
    pub port: u16,
    /// The token of the client.
    pub token: String,
    /// How many requests are under way at once.
    pub flights: u64,
    /// For how long.
    pub lasts: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Answers in a second.
    pub per_second: f64,
    /// What 99 of 100 answers took at most (milliseconds).
    pub p99_ms: f64,
    /// Answers that were errors.
    pub failed: u64,
}

impl Load {
    /// Asks as fast as answers come; `make` says what the request of each number is.
    pub fn run(&self, make: impl Fn(u64) -> Request + Sync) -> anyhow::Result<Figures> {
        let (next, began) = (AtomicU64::new(0), Instant::now());
        let flight = || -> anyhow::Result<(Vec<Duration>, u64)> {
            let (mut line, mut took, mut failed) = (Line::open(self.port)?, Vec::new(), 0);
            while began.elapsed() < self.lasts {
                let request = make(next.fetch_add(1, Ordering::Relaxed));
                let asked = Instant::now();
                let (status, _) = line.ask(&self.token, &request)?;
                took.push(asked.elapsed());
                failed += u64::from(status >= 400);
            }
            Ok((took, failed))
        };
        let flown: Vec<_> = std::thread::scope(|scope| {
            let flights: Vec<_> = (0..self.flights).map(|_| scope.spawn(flight)).collect();
            flights.into_iter().map(|flight| flight.join().expect("a flight that lands")).collect()
        });
        let spent_s = began.elapsed().as_secs_f64();
        let (mut all, mut failed) = (Vec::new(), 0);
        for landed in flown {
            let (took, errors) = landed?;
            all.extend(took);
            failed += errors;
        }
        ensure!(!all.is_empty(), "nothing was answered");
        all.sort_unstable();
        let p99 = all[(all.len() * 99 / 100).min(all.len() - 1)];
        Ok(Figures { per_second: all.len() as f64 / spent_s, p99_ms: p99.as_secs_f64() * 1000.0, failed })
    }
}

/// A connection that stays open.
pub struct Line(BufReader<TcpStream>);

impl Line {
    /// Opens one.
    pub fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).context("connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request, and returns status and body.
    pub fn ask(&mut self, token: &str, request: &Request) -> anyhow::Result<(u16, Vec<u8>)> {
        let Request { method, path, body } = request;
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(text.as_bytes())?;
        let (mut head, mut length, mut is_chunked) = (String::new(), 0, false);
        let mut status = 0;
        loop {
            head.clear();
            ensure!(self.0.read_line(&mut head)? > 0, "the connection ended before the answer");
            let line = head.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(':') {
                Some((name, says)) if name.eq_ignore_ascii_case("content-length") => length = says.trim().parse()?,
                Some((name, says)) if name.eq_ignore_ascii_case("transfer-encoding") => {
                    is_chunked = says.trim().eq_ignore_ascii_case("chunked");
                }
                None => status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).context("no status")?,
                Some(_) => {}
            }
        }
        let mut whole = Vec::new();
        while is_chunked {
            head.clear();
            self.0.read_line(&mut head)?;
            length = usize::from_str_radix(head.trim(), 16)?;
            let start = whole.len();
            whole.resize(start + length, 0);
            self.0.read_exact(&mut whole[start..])?;
            self.0.read_line(&mut head)?;
            is_chunked = length > 0;
            length = 0;
        }
        let start = whole.len();
        whole.resize(start + length, 0);
        self.0.read_exact(&mut whole[start..])?;
        Ok((status, whole))
    }
}
