//! A wire that listens: it stands between a connector and the sandbox, passes everything on as it is, and keeps what the
//! connector sent. Tests ask it what went over HTTP; it plays no fault and answers nothing itself.
//! It understands HTTP/1.1 as far as a request with a length goes.

use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tenure_sandbox::{Sandbox, Vendor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it went over the wire.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    /// What follows the vendor's prefix, without the query.
    pub path: String,
    /// The query as it stood in the line.
    pub raw_query: String,
    pub query: BTreeMap<String, String>,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

/// The bytes of each connection, in the order in which they came.
type Heard = Arc<Mutex<Vec<(usize, Vec<u8>)>>>;

/// What the wire answers by itself: a status and a body, or nothing where the sandbox answers.
pub type Refuse = fn(&Sent) -> Option<(u16, Value)>;

/// A wire to one vendor of a sandbox.
pub struct Wire {
    pub url: String,
    prefix: String,
    heard: Heard,
}

impl Wire {
    /// Listens before a vendor of the sandbox.
    pub async fn before(sandbox: &Sandbox, vendor: Vendor) -> Self {
        Self::before_url(sandbox, &sandbox.base_url(vendor)).await
    }

    /// As [`Wire::before`], but some requests are answered here.
    pub async fn refusing(sandbox: &Sandbox, vendor: Vendor, refuse: Refuse) -> Self {
        Self::listen(sandbox, &sandbox.base_url(vendor), Some(refuse)).await
    }

    /// As [`Wire::before_url`], but some requests are answered here.
    pub async fn refusing_url(sandbox: &Sandbox, url: &str, refuse: Refuse) -> Self {
        Self::listen(sandbox, url, Some(refuse)).await
    }

    /// Listens before one address of the sandbox.
    pub async fn before_url(sandbox: &Sandbox, url: &str) -> Self {
        Self::listen(sandbox, url, None).await
    }

    async fn listen(sandbox: &Sandbox, url: &str, refuse: Option<Refuse>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (here, there) = (listener.local_addr().unwrap(), sandbox.addr());
        let heard = Heard::default();
        let keeps = heard.clone();
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((client, _)) = listener.accept().await {
                number += 1;
                tokio::spawn(pass_on(client, there, number, keeps.clone(), refuse));
            }
        });
        let url = url.replace(&there.to_string(), &here.to_string());
        let prefix = url.split_once(&here.to_string()).unwrap().1.to_owned();
        Self { url, prefix, heard }
    }

    /// Returns what was sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        let (mut open, mut sent) = (BTreeMap::<usize, Vec<u8>>::new(), Vec::new());
        for (number, bytes) in self.heard.lock().unwrap().iter() {
            let buffer = open.entry(*number).or_default();
            buffer.extend_from_slice(bytes);
            while let Some((request, length)) = first(buffer, &self.prefix) {
                sent.push(request);
                buffer.drain(..length);
            }
        }
        sent
    }

    /// Forgets what was sent so far.
    pub fn forget(&self) {
        self.heard.lock().unwrap().clear();
    }

    /// Returns what was sent with one of these methods.
    pub fn writes(&self) -> Vec<Sent> {
        self.sent().into_iter().filter(|sent| sent.method != "GET" && !sent.path.ends_with("/list")).collect()
    }

    /// Returns method and path of everything that was sent.
    pub fn lines(&self) -> Vec<String> {
        self.sent().iter().map(|sent| format!("{} {}", sent.method, sent.path)).collect()
    }
}

async fn pass_on(mut client: TcpStream, there: SocketAddr, number: usize, heard: Heard, refuse: Option<Refuse>) {
    if let Some(refuse) = refuse {
        return answer_some(client, there, number, heard, refuse).await;
    }
    let Ok(mut server) = TcpStream::connect(there).await else { return };
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let out = async {
        let mut chunk = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from_client.read(&mut chunk).await {
            heard.lock().unwrap().push((number, chunk[..length].to_vec()));
            if to_server.write_all(&chunk[..length]).await.is_err() {
                break;
            }
        }
    };
    let back = async { tokio::io::copy(&mut from_server, &mut to_client).await.map(drop) };
    tokio::select! { () = out => {}, _ = back => {} }
}

/// Passes whole requests on, one connection to the sandbox for each, but for those that are answered here.
async fn answer_some(mut client: TcpStream, there: SocketAddr, number: usize, heard: Heard, refuse: Refuse) {
    let mut buffer = Vec::new();
    loop {
        while let Some((sent, length)) = first(&buffer, "") {
            let request: Vec<u8> = buffer.drain(..length).collect();
            let answer = match refuse(&sent) {
                Some((status, body)) => {
                    let (body, kind) = (body.to_string(), "content-type: application/json");
                    format!("HTTP/1.1 {status} Refused\r\n{kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
                        .into()
                }
                None => asked(there, &request).await,
            };
            if client.write_all(&answer).await.is_err() {
                return;
            }
        }
        let mut chunk = vec![0; 16 * 1024];
        let Ok(length @ 1..) = client.read(&mut chunk).await else { return };
        heard.lock().unwrap().push((number, chunk[..length].to_vec()));
        buffer.extend_from_slice(&chunk[..length]);
    }
}

/// Asks the sandbox once and returns the whole answer, which has to tell its length.
async fn asked(there: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut server = TcpStream::connect(there).await.unwrap();
    server.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let length = server.read(&mut chunk).await.unwrap_or(0);
        answer.extend_from_slice(&chunk[..length]);
        let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let told = head_end.and_then(|end| {
            let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
            let length: usize = head.split("content-length: ").nth(1)?.lines().next()?.trim().parse().ok()?;
            Some(end + 4 + length)
        });
        if length == 0 || told.is_some_and(|told| answer.len() >= told) {
            return answer;
        }
    }
}

/// Reads the first whole request of a connection, and how long it is.
fn first(bytes: &[u8], prefix: &str) -> Option<(Sent, usize)> {
    let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0_usize);
    let end = head_end + 4 + length;
    let body = serde_json::from_slice(bytes.get(head_end + 4..end)?).unwrap_or_default();
    let (path, raw_query) = target.split_once('?').unwrap_or((&target, ""));
    let query = url::form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
    let path = path.strip_prefix(prefix).unwrap_or(path).to_owned();
    Some((Sent { method, path, raw_query: raw_query.to_owned(), query, headers, body }, end))
}
