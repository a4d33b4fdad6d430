//! A client that is too simple to be wrong: one request on one connection, the answer's bytes as they came. The facts use
//! it, so that nothing between them and the wire repairs or hides what the server does. It follows no redirect and
//! unpacks nothing.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tenure_sandbox::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Reading stops here, so that a body without end ends.
const READ_MAX_BYTES: usize = 8 * 1024 * 1024;

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub raw: Vec<u8>,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One door of a sandbox, and the credential to use.
pub struct Client {
    pub addr: std::net::SocketAddr,
    pub prefix: &'static str,
    pub auth: String,
    /// How bodies are declared.
    pub kind: &'static str,
}

/// Starts a sandbox without rate limits on a fixed day.
pub async fn calm() -> Sandbox {
    start(Options { limits: Limits::Off, ..options() }).await.expect("the sandbox starts")
}

/// Starts a sandbox without rate limits in which one vendor is as its live API is.
pub async fn live(vendor: Vendor) -> Sandbox {
    start(live_options(vendor)).await.expect("the sandbox starts")
}

pub fn live_options(vendor: Vendor) -> Options {
    Options { dialects: Dialects::default().with(vendor, Dialect::Live), limits: Limits::Off, ..options() }
}

pub fn options() -> Options {
    Options { today: jiff::civil::date(2026, 3, 16), ..Options::default() }
}

pub fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// Returns the header that each vendor accepts for reading and writing.
pub fn owner(vendor: Vendor) -> String {
    match vendor {
        Vendor::Gorgias => basic(GORGIAS_EMAIL, GORGIAS_TOKEN),
        Vendor::Gladly => basic(GLADLY_USERNAME, GLADLY_SECRET),
        Vendor::Freshdesk => basic(FRESHDESK_API_KEY, "X"),
        Vendor::Freshservice => basic(FRESHSERVICE_API_KEY, "X"),
        Vendor::Gainsight => format!("Accesskey: {GAINSIGHT_ACCESS_KEY}"),
    }
}

/// Returns the header that each vendor accepts for reading only.
pub fn reader(vendor: Vendor) -> String {
    match vendor {
        Vendor::Gorgias => basic(GORGIAS_EMAIL, GORGIAS_READ_TOKEN),
        Vendor::Gladly => basic(GLADLY_READ_USERNAME, GLADLY_READ_SECRET),
        Vendor::Freshdesk => basic(FRESHDESK_READ_API_KEY, "X"),
        Vendor::Freshservice => basic(FRESHSERVICE_READ_API_KEY, "X"),
        Vendor::Gainsight => format!("Accesskey: {GAINSIGHT_READ_ACCESS_KEY}"),
    }
}

pub fn client(sandbox: &Sandbox, vendor: Vendor) -> Client {
    Client { addr: sandbox.addr(), prefix: vendor.prefix(), auth: owner(vendor), kind: "application/json" }
}

/// Comes to the SCIM surface with a token.
pub fn scim(sandbox: &Sandbox, vendor: Vendor, token: &str) -> Client {
    let prefix = Surface::Scim.prefix(vendor, sandbox.dialect(vendor)).expect("a SCIM surface");
    let auth = format!("Authorization: Bearer {token}");
    Client { addr: sandbox.addr(), prefix, auth, kind: "application/scim+json" }
}

impl Client {
    pub fn with(self, auth: String) -> Self {
        Client { auth, ..self }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// Posts text to a path of the sandbox itself, without any credential.
    pub async fn upload(&self, path: &str, text: &str) -> Answer {
        let length = text.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        self.exchange(&format!("{head}{text}")).await.expect("an answer")
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.try_send(method, path, body).await.expect("an answer")
    }

    /// Returns nothing when the connection closes before a whole head has come.
    pub async fn try_send(&self, method: &str, path: &str, body: Option<Value>) -> Option<Answer> {
        let body = body.map(|body| body.to_string());
        self.try_text(method, path, body.as_deref(), &format!("Content-Type: {}", self.kind)).await
    }

    pub async fn try_text(&self, method: &str, path: &str, body: Option<&str>, kind: &str) -> Option<Answer> {
        let (prefix, auth, body) = (self.prefix, &self.auth, body.unwrap_or_default());
        let length = body.len();
        let head = format!("{method} {prefix}{path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n");
        let request = format!("{head}{auth}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{body}");
        self.exchange(&request).await
    }

    async fn exchange(&self, request: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.addr).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut bytes = Vec::new();
        let reading = async {
            let mut piece = vec![0; 64 * 1024];
            while bytes.len() < READ_MAX_BYTES {
                match stream.read(&mut piece).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => bytes.extend_from_slice(&piece[..count]),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the connection ends");
        read(&bytes)
    }
}

fn read(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let split = |line: &str| line.split_once(": ").map(|(key, value)| (key.to_lowercase(), value.to_string()));
    let headers = lines.filter_map(split).collect();
    let raw = bytes[end + 4..].to_vec();
    let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
    Some(Answer { status, headers, raw, body })
}
