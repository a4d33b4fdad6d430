//! A server that pretends to be an app and answers whatever a test hands it, one answer for each path.
//! It writes down every request line, so that a test can say what was never asked. One connection at a time, no
//! keep-alive; it ends with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An answer: status line, further headers, body.
#[derive(Clone)]
pub struct Answer {
    pub status: &'static str,
    pub headers: String,
    pub body: String,
}

impl Answer {
    /// Returns a JSON answer.
    pub fn json(body: &str) -> Self {
        Self { status: "200 OK", headers: "Content-Type: application/json\r\n".into(), body: body.into() }
    }
}

/// A server that pretends.
pub struct Pretender {
    pub addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Pretender {
    /// Starts it; `answer` is given the method and the path with its query.
    pub fn start(answer: impl Fn(&str, &str) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (lines, bodies) = (asked.clone(), told.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
                serve(stream, &answer, &lines, &bodies);
            }
        });
        Self { addr, asked, told }
    }

    /// Returns the body of every request so far.
    pub fn told(&self) -> Vec<String> {
        self.told.lock().map(|bodies| bodies.clone()).unwrap_or_default()
    }

    /// Returns every request so far, as `METHOD PATH`, each followed by its headers in lower case.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().map(|lines| lines.clone()).unwrap_or_default()
    }
}

fn serve(
    mut stream: TcpStream,
    answer: &impl Fn(&str, &str) -> Answer,
    lines: &Mutex<Vec<String>>,
    bodies: &Mutex<Vec<String>>,
) {
    let Ok(copy) = stream.try_clone() else { return };
    let mut reader = BufReader::new(copy.take(1024 * 1024));
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        if let Some(told) = line.to_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    if let Ok(mut bodies) = bodies.lock() {
        bodies.push(String::from_utf8_lossy(&body).into_owned());
    }
    let mut words = head.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return };
    if let Ok(mut lines) = lines.lock() {
        lines.push(format!("{method} {path}\n{}", head.to_lowercase()));
    }
    let Answer { status, headers, body } = answer(method, path);
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let _ = stream.write_all(text.as_bytes());
}
