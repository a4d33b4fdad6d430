//! The processes that the bench starts: its servers, and the jobs that are measured.
//! Both are this same program under another subcommand; they end with the bench, whatever becomes of it.

use crate::job::{Job, Outcome};
use crate::serve::{Counts, Setup};
use anyhow::{Context, bail, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const JOB_MAX: Duration = Duration::from_secs(1800);

/// A server in a process of its own; ends when it is dropped.
pub struct Server {
    child: Child,
    port: u16,
    /// What it serves.
    pub setup: Setup,
}

impl Server {
    /// Starts a server.
    pub fn start(setup: Setup) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(serde_json::to_string(&setup)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let told = child.stdout.take().context("a server without output")?;
        BufReader::new(told).read_line(&mut line)?;
        let port = line.trim().parse().context("a server without port")?;
        Ok(Self { child, port, setup })
    }

    /// Returns the base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/api", self.port)
    }

    /// Asks what was asked so far.
    pub fn counts(&self) -> anyhow::Result<Counts> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET /bench HTTP/1.1\r\n\r\n")?;
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        let mut line = String::new();
        while answer.read_line(&mut line)? > 2 {
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.trim().parse()?;
            }
            line.clear();
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does a job in a process of its own.
pub fn measure(job: &Job) -> anyhow::Result<Outcome> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("run").arg(serde_json::to_string(job)?).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let status = wait(&mut child, JOB_MAX)?;
    let mut text = String::new();
    child.stdout.take().context("a job without output")?.read_to_string(&mut text)?;
    ensure!(status.success(), "a job ended with {status}");
    serde_json::from_str(&text).context("a job without an outcome")
}

/// Waits for a process, and ends it when it takes too long.
pub fn wait(child: &mut Child, most: Duration) -> anyhow::Result<ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if began.elapsed() > most {
            let _ = child.kill();
            let _ = child.wait();
            bail!("ended a process that took more than {} s", most.as_secs());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
