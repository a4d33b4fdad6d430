//! A client as plain as can be: one request a connection, over TCP, read to its end.

use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LISTENED_MAX: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

impl Answer {
    /// Reads the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Reads the body as JSON, and fails unless the status is this one.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// Fails unless it is a problem of this status in the form of RFC 9457.
    pub fn expect_problem(&self, status: u16) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert!(
            problem["status"] == status && problem["title"].is_string() && problem["detail"].is_string(),
            "{self:?}"
        );
        assert!(!self.text.contains("tnr_"), "a credential is told: {self:?}");
        problem
    }
}

/// Who asks where.
#[derive(Clone, Debug)]
pub struct Client {
    pub address: SocketAddr,
    /// The header that shows who it is; empty for nobody.
    pub shows: String,
}

impl Client {
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}", self.address, self.shows);
        for header in headers {
            head += &format!("{header}\r\n");
        }
        if !body.is_empty() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        // Whoever is refused for a body that is too large may be cut off while it is still sent.
        let _ = stream.read_to_end(&mut bytes).await;
        read(&String::from_utf8_lossy(&bytes))
    }
}

impl Client {
    /// Listens to a stream until what came satisfies `enough`, and returns it.
    pub async fn listen(&self, path: &str, headers: &[&str], enough: impl Fn(&str) -> bool) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{}{headers}\r\n", self.address, self.shows);
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut heard, mut bytes) = (String::new(), [0; 4096]);
        let listened = tokio::time::timeout(LISTENED_MAX, async {
            while !enough(&heard) {
                let count = stream.read(&mut bytes).await.unwrap();
                assert!(count > 0, "the stream ended: {heard}");
                heard += &String::from_utf8_lossy(&bytes[..count]);
            }
        });
        assert!(listened.await.is_ok(), "heard only {heard}");
        heard
    }
}

fn read(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Answer { status, headers: lines.filter_map(header).collect(), text: body.to_owned() }
}
