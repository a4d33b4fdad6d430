//! Exchanges with servers that misbehave in every way that a socket allows.
//! Each world is a real listener on loopback that plays one script per connection.
//! What must never happen is said in the test's name.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, StatusCode};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// What a connection does after each request that it has read.
#[derive(Clone)]
enum Play {
    /// Answers with these bytes and keeps the connection.
    Answer(Vec<u8>),
    /// Answers with these bytes and closes.
    AnswerAndClose(Vec<u8>),
    /// Answers with these bytes and says nothing more.
    AnswerAndStall(Vec<u8>),
    /// Sends zeros for ever behind these bytes.
    AnswerWithoutEnd(Vec<u8>),
    /// Closes without a word.
    Close,
}

#[derive(Clone, Default)]
struct World {
    plays: Arc<Mutex<Vec<Play>>>,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl World {
    async fn start(plays: Vec<Play>) -> (Self, Url) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/things?secret=hush", listener.local_addr().unwrap()).parse().unwrap();
        let world = Self { plays: Arc::new(Mutex::new(plays)), ..Self::default() };
        let inside = world.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                inside.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(inside.clone().serve(stream));
            }
        });
        (world, url)
    }

    async fn serve(self, mut stream: TcpStream) {
        while let Some(request) = read_request(&mut stream).await {
            self.heard.lock().unwrap().push(request);
            let play = {
                let mut plays = self.plays.lock().unwrap();
                if plays.len() > 1 { plays.remove(0) } else { plays[0].clone() }
            };
            match play {
                Play::Answer(bytes) => stream.write_all(&bytes).await.unwrap(),
                Play::AnswerAndClose(bytes) => {
                    let _ = stream.write_all(&bytes).await;
                    return;
                }
                Play::AnswerAndStall(bytes) => {
                    stream.write_all(&bytes).await.unwrap();
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                Play::AnswerWithoutEnd(bytes) => {
                    let mut chunk = bytes;
                    while stream.write_all(&chunk).await.is_ok() {
                        chunk = vec![b'0'; 65536];
                    }
                    return;
                }
                Play::Close => return,
            }
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nX-Mixed-Case: yes\r\n\r\n{body}", body.len()).into_bytes()
}

fn transport(change: impl FnOnce(&mut TransportOptions)) -> Transport {
    let timeouts = Timeouts {
        connect: Duration::from_millis(300),
        head: Duration::from_millis(300),
        idle: Duration::from_millis(300),
        whole: Duration::from_secs(2),
    };
    let mut options = TransportOptions { timeouts, ..TransportOptions::default() };
    change(&mut options);
    Transport::new(options, Arc::new(SystemClock))
}

fn assert_ambiguous(error: &TransportError) {
    assert!(matches!(error, TransportError::Ambiguous { .. } | TransportError::Stalled { .. }), "{error:?}");
    assert!(error.may_have_happened() && error.wait_may_help());
    assert!(!format!("{error} {error:?}").contains("hush"), "a query showed: {error:?}");
}

#[tokio::test]
async fn an_answer_comes_back_whole_and_connections_are_kept() {
    let (world, url) = World::start(vec![Play::Answer(ok("{\"a\":1}"))]).await;
    let transport = transport(|_| {});
    for _ in 0..3 {
        let response = transport.send(&Request::get(url.clone())).await.unwrap();
        assert_eq!((response.status, &response.body[..]), (StatusCode::OK, &b"{\"a\":1}"[..]));
        assert_eq!(response.header("x-MIXED-case"), Some("yes"));
    }
    assert_eq!(world.connections.load(Ordering::SeqCst), 1);
    assert!(world.heard()[0].contains("user-agent: tenure/"));
}

#[tokio::test]
async fn a_refused_connection_is_certainly_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = transport(|_| {}).send(&Request::get(url)).await.unwrap_err();
    assert!(matches!(&error, TransportError::NotSent { because, .. } if because.contains("refused")), "{error:?}");
    assert!(!error.may_have_happened());
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_certainly_not_sent() {
    let url = "http://nobody.invalid/".parse().unwrap();
    let transport = transport(|options| options.allow_http = HttpPolicy::Anywhere);
    let error = transport.send(&Request::get(url)).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent { .. }), "{error:?}");
}

#[tokio::test]
async fn a_cut_before_the_head_is_ambiguous() {
    let (_, url) = World::start(vec![Play::Close]).await;
    let post = Request::new(Method::POST, url).body("application/json", "{}");
    assert_ambiguous(&transport(|_| {}).send(&post).await.unwrap_err());
}

#[tokio::test]
async fn a_cut_within_the_body_is_ambiguous_and_never_a_short_answer() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"items\":[1,2".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n[1,2]\r\n".to_vec();
    for bytes in [short, chunked] {
        let (_, url) = World::start(vec![Play::AnswerAndClose(bytes)]).await;
        assert_ambiguous(&transport(|_| {}).send(&Request::get(url)).await.unwrap_err());
    }
}

#[tokio::test]
async fn a_stall_ends_in_time_wherever_it_happens() {
    let in_the_body = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc".to_vec();
    for bytes in [Vec::new(), b"HTTP/1.1 200".to_vec(), in_the_body] {
        let (_, url) = World::start(vec![Play::AnswerAndStall(bytes)]).await;
        let before = Instant::now();
        assert_ambiguous(&transport(|_| {}).send(&Request::get(url)).await.unwrap_err());
        assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    }
}

#[tokio::test]
async fn a_body_without_end_is_too_large() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let (_, url) = World::start(vec![Play::AnswerWithoutEnd(head)]).await;
    let error = transport(|options| options.body_max = 1_000_000).send(&Request::get(url)).await.unwrap_err();
    assert!(matches!(error, TransportError::TooLarge { max: 1_000_000, .. }), "{error:?}");
    assert!(error.may_have_happened() && !error.wait_may_help());
}

#[tokio::test]
async fn an_announced_body_that_is_too_large_is_not_even_begun() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    let (_, url) = World::start(vec![Play::AnswerAndStall(head)]).await;
    let error = transport(|_| {}).send(&Request::get(url)).await.unwrap_err();
    assert!(matches!(error, TransportError::TooLarge { .. }), "{error:?}");
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn gzip_answer(packed: &[u8], announced: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {announced}\r\n\r\n");
    [head.as_bytes(), packed].concat()
}

#[tokio::test]
async fn a_gzip_bomb_is_too_large_by_what_it_unpacks_to() {
    let bomb = gzip(&vec![0; 40 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    let (_, url) = World::start(vec![Play::Answer(gzip_answer(&bomb, bomb.len()))]).await;
    let error = transport(|_| {}).send(&Request::get(url)).await.unwrap_err();
    assert!(matches!(error, TransportError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn a_packed_body_is_unpacked_and_a_damaged_one_is_ambiguous() {
    let body = "x".repeat(200_000);
    let packed = gzip(body.as_bytes());
    let (world, url) = World::start(vec![Play::Answer(gzip_answer(&packed, packed.len()))]).await;
    let response = transport(|_| {}).send(&Request::get(url)).await.unwrap();
    assert_eq!(response.body.len(), 200_000);
    assert!(world.heard()[0].contains("gzip"));
    let mut damaged = packed.clone();
    damaged[20] ^= 0xFF;
    let half = &packed[..packed.len() / 2];
    for bytes in [damaged.as_slice(), half, b"no gzip at all"] {
        let (_, url) = World::start(vec![Play::Answer(gzip_answer(bytes, bytes.len()))]).await;
        assert_ambiguous(&transport(|_| {}).send(&Request::get(url)).await.unwrap_err());
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_credential_along() {
    let (elsewhere, other) = World::start(vec![Play::Answer(ok("stolen"))]).await;
    let head = format!("HTTP/1.1 302 Found\r\nlocation: {other}\r\ncontent-length: 0\r\n\r\n").into_bytes();
    let (_, url) = World::start(vec![Play::Answer(head)]).await;
    let credential = Arc::new(Credential::Bearer("s3cret".into()));
    let error = transport(|_| {}).send(&Request::get(url).credential(credential)).await.unwrap_err();
    let TransportError::Redirect { to_host, status, .. } = &error else { panic!("{error:?}") };
    assert_eq!((to_host.as_str(), status.as_u16()), (&*format!("127.0.0.1:{}", other.port().unwrap()), 302));
    assert!(!format!("{error} {error:?}").contains("hush"));
    assert!(elsewhere.heard().is_empty());
}

#[tokio::test]
async fn plain_http_and_foreign_hosts_are_refused_before_anything_is_sent() {
    let send = |url: &str, change: fn(&mut TransportOptions)| {
        let request = Request::get(url.parse().unwrap()).credential(Arc::new(Credential::Bearer("s3cret".into())));
        async move { transport(change).send(&request).await.unwrap_err() }
    };
    let refused = [
        send("http://acme.example/", |_| {}).await,
        send("http://127.0.0.1.acme.example/", |_| {}).await,
        send("ftp://127.0.0.1/", |_| {}).await,
        send("http://jane:pw@127.0.0.1/", |_| {}).await,
        send("http://127.0.0.1:9/", |options| options.credential_hosts = vec!["acme.example".into()]).await,
    ];
    for error in refused {
        assert!(matches!(error, TransportError::Insecure { .. }), "{error:?}");
        assert!(!error.may_have_happened());
        assert!(!format!("{error} {error:?}").contains("s3cret") && !format!("{error}").contains("pw"));
    }
}

#[tokio::test]
async fn headers_without_end_are_an_error() {
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    for at in 0..5000 {
        head.extend_from_slice(format!("x-{at}: {}\r\n", "y".repeat(200)).as_bytes());
    }
    let (_, url) = World::start(vec![Play::AnswerAndClose(head)]).await;
    assert_ambiguous(&transport(|_| {}).send(&Request::get(url)).await.unwrap_err());
}

#[tokio::test]
async fn a_credential_is_sent_and_never_shown() {
    let (world, url) = World::start(vec![Play::Answer(ok(""))]).await;
    let name = http::HeaderName::from_static("accesskey");
    let credential = Arc::new(Credential::Header { name, value: "s3cret".into() });
    let request = Request::get(url).credential(credential);
    transport(|_| {}).send(&request).await.unwrap();
    assert!(world.heard()[0].contains("accesskey: s3cret"));
    assert!(!format!("{request:?}").contains("s3cret") && !format!("{request:?}").contains("hush"));
}

#[test]
fn a_target_shows_no_query_and_no_address_of_a_person() {
    let url = "https://acme.example:8443/Users/jane@acme.com/x%40y?token=hush".parse().unwrap();
    assert_eq!(Target::of(&Method::GET, &url).to_string(), "GET acme.example:8443/Users/…/…");
}

fn client(token_url: Url, style: ClientStyle) -> Arc<Credential> {
    let scope = Some("users read".to_owned());
    let client = ClientCredentials::new(token_url, "id".into(), "s3cret".into(), scope, style);
    Arc::new(Credential::OAuthClientCredentials(client))
}

#[tokio::test]
async fn a_token_is_fetched_once_and_again_after_a_401() {
    let token = |word: &str| Play::Answer(ok(&format!("{{\"access_token\":\"{word}\",\"expires_in\":\"3600\"}}")));
    let (issuer, token_url) = World::start(vec![token("one"), token("two")]).await;
    let denied = Play::Answer(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n".to_vec());
    let (app, url) =
        World::start(vec![Play::Answer(ok("a")), Play::Answer(ok("b")), denied, Play::Answer(ok("c"))]).await;
    let (transport, credential) = (transport(|_| {}), client(token_url, ClientStyle::Basic));
    for body in ["a", "b", "c"] {
        let request = Request::get(url.clone()).credential(credential.clone());
        assert_eq!(&transport.send(&request).await.unwrap().body[..], body.as_bytes());
    }
    let bearers: Vec<bool> = app.heard().iter().map(|text| text.contains("authorization: Bearer one")).collect();
    assert_eq!(bearers, [true, true, true, false]);
    assert!(app.heard()[3].contains("authorization: Bearer two"));
    assert_eq!(issuer.heard().len(), 2);
    assert!(issuer.heard()[0].ends_with("grant_type=client_credentials&scope=users+read"));
    assert!(issuer.heard()[0].contains("authorization: Basic aWQ6czNjcmV0"));
}

#[tokio::test]
async fn a_token_that_ends_soon_is_renewed_before() {
    let short = Play::Answer(ok("{\"access_token\":\"t\",\"expires_in\":0.1}"));
    let (issuer, token_url) = World::start(vec![short]).await;
    let (_, url) = World::start(vec![Play::Answer(ok(""))]).await;
    let (transport, credential) = (transport(|_| {}), client(token_url, ClientStyle::Form));
    for _ in 0..2 {
        transport.send(&Request::get(url.clone()).credential(credential.clone())).await.unwrap();
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    assert_eq!(issuer.heard().len(), 2);
    assert!(issuer.heard()[0].contains("client_secret=s3cret"));
}

#[tokio::test]
async fn a_second_401_is_an_answer_and_not_a_loop() {
    let (issuer, token_url) = World::start(vec![Play::Answer(ok("{\"access_token\":\"t\"}"))]).await;
    let (app, url) = World::start(vec![Play::Answer(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n".to_vec())]).await;
    let request = Request::get(url).credential(client(token_url, ClientStyle::Basic));
    assert_eq!(transport(|_| {}).send(&request).await.unwrap().status, StatusCode::UNAUTHORIZED);
    assert_eq!((issuer.heard().len(), app.heard().len()), (2, 2));
}

#[tokio::test]
async fn a_refused_client_is_named_without_its_secret() {
    let body = "{\"error\":\"invalid_client\",\"error_description\":\"s3cret is wrong\"}";
    let head = format!("HTTP/1.1 400 No\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes();
    let (_, token_url) = World::start(vec![Play::Answer(head)]).await;
    let (app, url) = World::start(vec![Play::Answer(ok(""))]).await;
    let request = Request::new(Method::POST, url).credential(client(token_url, ClientStyle::Form));
    let error = transport(|_| {}).send(&request).await.unwrap_err();
    assert!(error.to_string().contains("400 (invalid_client)"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"));
    assert!(!error.may_have_happened() && app.heard().is_empty());
}
