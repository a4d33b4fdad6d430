//! Every family of rate headers and every form of `Retry-After`, over real HTTP: a small server says what the test lets
//! it, and notes when it was asked. The imitations of the vendors have scenarios of their own.
//! Waits that a worker sits out are kept to seconds here; longer ones must park at once.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tenure_connect::governor::{
    Governor, Ledger, Limits, NotAdmitted, RetryPolicy, SendError, SystemClock, Window, send_governed,
};
use tenure_connect::transport::{Request, Transport, TransportOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers the first request with one head, all others with another, and notes when each came.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Server {
    async fn start(first: impl Into<String>, then: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/users", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let (noted, first) = (asked.clone(), first.into());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (noted, first) = (noted.clone(), first.clone());
                tokio::spawn(async move {
                    let mut head = [0; 4096];
                    while stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                        let number = {
                            let mut noted = noted.lock().unwrap();
                            noted.push(Instant::now());
                            noted.len()
                        };
                        let head = if number == 1 { first.as_str() } else { then };
                        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 2\r\n\r\n{{}}");
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, asked }
    }

    async fn ask(&self, governor: &Governor) -> Result<u16, SendError> {
        let transport = Transport::new(TransportOptions::default(), Arc::new(SystemClock));
        let request = Request::get(self.url.parse().unwrap());
        let answer = send_governed(&transport, governor, &request, &RetryPolicy::safe()).await?;
        Ok(answer.status.as_u16())
    }

    /// Returns how long it was left alone after its first answer.
    fn pause(&self) -> Duration {
        let asked = self.asked.lock().unwrap();
        asked[1] - asked[0]
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn governor(limits: Limits) -> Governor {
    Governor::new(limits, Arc::new(SystemClock), 7)
}

fn a_minute(count: u32) -> Limits {
    Limits::of(vec![Window::fixed(count, Duration::from_secs(60))])
}

#[tokio::test]
async fn every_form_of_retry_after_is_a_wait_that_is_never_zero() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(3));
    let past = "Mon, 01 Jan 2001 00:00:00 GMT".to_owned();
    let forms =
        [("2", 2.0), ("1.25", 1.25), (&date, 1.5), ("-5", 1.0), ("0", 1.0), ("soon", 1.0), ("", 1.0), (&past, 1.0)];
    let asked = forms.map(|(value, least)| async move {
        let server = Server::start(format!("429 No\r\nretry-after: {value}"), "200 OK").await;
        assert_eq!(server.ask(&governor(a_minute(100))).await.unwrap(), 200, "{value}");
        let pause = server.pause().as_secs_f64();
        assert!(pause >= least && pause < least + 3.0, "{value:?}: {pause}");
    });
    futures::future::join_all(asked).await;
}

#[tokio::test]
async fn a_pause_that_nobody_sits_out_parks_at_once_and_nothing_more_is_asked() {
    let far = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(4000));
    for head in [
        "429 No\r\nretry-after: 1521".to_owned(),
        "429 No\r\nretry-after: 99999999999999".to_owned(),
        format!("429 No\r\nretry-after: {far}"),
        "503 Busy\r\nretry-after: 1521".to_owned(),
    ] {
        let server = Server::start(head.clone(), "200 OK").await;
        let governor = governor(a_minute(100));
        for _ in 0..3 {
            let error = server.ask(&governor).await.unwrap_err();
            let parked = matches!(error, SendError::NotAdmitted { reason: NotAdmitted::Parked(_), .. });
            assert!(parked && !error.may_have_happened(), "{head}: {error}");
        }
        assert_eq!(server.count(), 1, "{head}");
    }
}

#[tokio::test]
async fn every_family_of_headers_tells_what_is_left() {
    for (headers, limits, left) in [
        ("X-RateLimit-Limit: 100\r\nX-RateLimit-Remaining: 40\r\nX-RateLimit-Reset: 30", a_minute(100), 40),
        (
            "X-RateLimit-Total: 100\r\nX-RateLimit-Remaining: 40\r\nX-RateLimit-Used-CurrentRequest: 1",
            a_minute(100),
            40,
        ),
        (
            "X-Gorgias-Account-Api-Call-Limit: 60/100",
            Limits::of(vec![Window::leaky(100, Duration::from_secs(1000))]),
            40,
        ),
        (
            "Ratelimit-Limit-Second: 100\r\nRatelimit-Remaining-Second: 40",
            Limits::of(vec![Window::fixed(100, Duration::from_secs(1))]),
            40,
        ),
    ] {
        let head: &'static str = Box::leak(format!("200 OK\r\n{headers}").into_boxed_str());
        let server = Server::start(head, head).await;
        let governor = governor(limits);
        assert_eq!(governor.forecast(None, 100), Duration::ZERO);
        // What an answer tells is reckoned with from the next request on.
        server.ask(&governor).await.unwrap();
        server.ask(&governor).await.unwrap();
        // A little is kept in reserve for whoever used the rest.
        assert_eq!(governor.forecast(None, left * 3 / 4), Duration::ZERO, "{headers}");
        assert!(governor.forecast(None, left + 5) > Duration::ZERO, "{headers}");
    }
}

#[tokio::test]
async fn rubbish_in_every_family_changes_nothing() {
    for headers in [
        "X-RateLimit-Limit: many\r\nX-RateLimit-Remaining: -\r\nX-RateLimit-Reset: yesterday",
        "X-RateLimit-Total: 0\r\nX-RateLimit-Remaining: NaN",
        "X-Gorgias-Account-Api-Call-Limit: 60 of 100",
        "X-Gorgias-Account-Api-Call-Limit: /",
        "Ratelimit-Limit-Second: 0x10\r\nRatelimit-Remaining-Second: inf",
        "Retry-After: 1521",
    ] {
        let head: &'static str = Box::leak(format!("200 OK\r\n{headers}").into_boxed_str());
        let server = Server::start(head, head).await;
        let governor = governor(a_minute(100));
        server.ask(&governor).await.unwrap();
        assert_eq!(governor.forecast(None, 99), Duration::ZERO, "{headers}");
        assert_eq!(governor.statistics().per_second, Some(100.0 / 60.0), "{headers}");
    }
}

#[tokio::test]
async fn the_next_process_asks_nothing_before_the_pause_is_over() {
    let server = Server::start("200 OK", "200 OK").await;
    let next = governor(a_minute(100));
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let ledger: Ledger =
        serde_json::from_str(&format!(r#"{{"quiet":[{{"until_ms":{},"because":"quiet"}}]}}"#, now_ms + 900_000))
            .unwrap();
    next.know(ledger);
    assert!(server.ask(&next).await.unwrap_err().to_string().contains("parked until"));
    assert_eq!(server.count(), 0);
}
