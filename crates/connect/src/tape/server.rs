//! A server on this machine that answers as a tape says, each exchange once, and notes what was asked otherwise.
//! It speaks just enough HTTP/1.1 for our own client: one request a connection, bodies of a given length.

use super::word::Exchange;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const REQUEST_MAX: usize = 1024 * 1024;
const PROBLEMS_MAX: usize = 20;

/// What is left of a tape, and what went wrong.
struct Reel {
    left: Vec<Exchange>,
    problems: Vec<String>,
}

/// A tape being played.
pub(super) struct Player {
    address: SocketAddr,
    reel: Arc<Mutex<Reel>>,
    task: JoinHandle<()>,
}

/// One request as it came in.
struct Asked {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Option<Value>,
}

impl Player {
    /// Listens on a free port.
    pub async fn start(exchanges: Vec<Exchange>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let reel = Arc::new(Mutex::new(Reel { left: exchanges, problems: Vec::new() }));
        let shared = reel.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let reel = shared.clone();
                tokio::spawn(async move {
                    let _ = converse(stream, &reel).await;
                });
            }
        });
        Ok(Self { address, reel, task })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops, and returns what was asked otherwise than the tape says.
    pub fn stop(self) -> Vec<String> {
        self.task.abort();
        let mut reel = self.reel.lock().unwrap_or_else(PoisonError::into_inner);
        let mut problems = std::mem::take(&mut reel.problems);
        for exchange in &reel.left {
            problems.push(format!("never asked: {} {}", exchange.request.method, exchange.request.path));
        }
        problems
    }
}

async fn converse(mut stream: TcpStream, reel: &Mutex<Reel>) -> std::io::Result<()> {
    let Some(asked) = read_request(&mut stream).await? else { return Ok(()) };
    let answer = reel.lock().unwrap_or_else(PoisonError::into_inner).answer(&asked);
    stream.write_all(&answer).await?;
    stream.shutdown().await
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    let mut piece = [0_u8; 8192];
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = content_length(&head);
            if bytes.len() >= end + 4 + length {
                return Ok(parse(&head, &bytes[end + 4..end + 4 + length]));
            }
        }
        let read = stream.read(&mut piece).await?;
        if read == 0 || bytes.len() > REQUEST_MAX {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece[..read]);
    }
}

fn content_length(head: &str) -> usize {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

fn parse(head: &str, body: &[u8]) -> Option<Asked> {
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let body = (!body.is_empty()).then(|| {
        serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
    });
    Some(Asked { method, path: path.to_owned(), query, headers, body })
}

impl Reel {
    fn answer(&mut self, asked: &Asked) -> Vec<u8> {
        let found = self.left.iter().position(|exchange| {
            let request = &exchange.request;
            request.method == asked.method
                && request.path == asked.path
                && request.query == asked.query
                && request.body == asked.body
        });
        let Some(at) = found else {
            let body = asked.body.as_ref().map(|body| format!(" with {body}")).unwrap_or_default();
            if self.problems.len() < PROBLEMS_MAX {
                self.problems.push(format!("not on the tape: {} {} {:?}{body}", asked.method, asked.path, asked.query));
            }
            return written(418, &BTreeMap::new(), &Some(Value::String("not on the tape".into())));
        };
        let exchange = self.left.remove(at);
        for (name, wanted) in &exchange.request.headers {
            let got = asked.headers.get(&name.to_lowercase());
            if got != Some(wanted) {
                self.problems.push(format!(
                    "{} {}: the header {name} is {got:?}, expected {wanted:?}",
                    asked.method, asked.path
                ));
            }
        }
        written(exchange.answer.status, &exchange.answer.headers, &exchange.answer.body)
    }
}

fn written(status: u16, headers: &BTreeMap<String, String>, body: &Option<Value>) -> Vec<u8> {
    let (media, body) = match body {
        None => ("", String::new()),
        Some(Value::String(text)) => ("content-type: text/html\r\n", text.clone()),
        Some(value) => ("content-type: application/json\r\n", value.to_string()),
    };
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    format!("HTTP/1.1 {status} Tape\r\n{media}{more}{length}connection: close\r\n\r\n{body}").into_bytes()
}
