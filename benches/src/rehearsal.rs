//! A company to be changed: the sandbox without rate limits in a process of its own, and a folder in which the program
//! finds its files. It ends when its standard input does.
//! Unlike `serve` it keeps what is written to it.

use crate::children::wait;
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tenure_sandbox::{Limits, Options};

const PATIENCE: Duration = Duration::from_secs(600);

/// What is rehearsed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// People of the company.
    pub people: usize,
    /// How long each answer takes at least.
    pub latency_ms: u64,
    /// Where the files are written.
    pub folder: PathBuf,
}

/// Plays the company until standard input ends.
pub fn run(setup: Setup) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let latency = Duration::from_millis(setup.latency_ms);
    let options = Options { people: setup.people, latency, limits: Limits::Off, ..Options::default() };
    let sandbox = runtime.block_on(tenure_sandbox::start(options))?;
    sandbox.write_files(&setup.folder)?;
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A running company and the folder in which the program is run against it.
pub struct Rehearsal {
    child: Child,
    folder: TempDir,
    program: PathBuf,
}

impl Rehearsal {
    /// Starts a company whose store lies at `store`.
    pub fn start(people: usize, latency_ms: u64, store: &str) -> anyhow::Result<Self> {
        let this = std::env::current_exe()?;
        let (folder, program) = (tempfile::tempdir()?, this.with_file_name("tenure"));
        ensure!(program.exists(), "{} is not built", program.display());
        let setup = Setup { people, latency_ms, folder: folder.path().into() };
        let mut child = Command::new(this)
            .arg("rehearse")
            .arg(serde_json::to_string(&setup)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("a company without output")?).read_line(&mut line)?;
        ensure!(line.trim() == "ready", "the company did not start");
        let rehearsal = Self { child, folder, program };
        rehearsal.edit("tenure.toml", "sqlite:tenure.db", store)?;
        rehearsal.edit("tenure.toml", "per_second = 1000 }", "per_second = 1000000 }")?;
        Ok(rehearsal)
    }

    /// Replaces text in one of its files.
    pub fn edit(&self, file: &str, from: &str, to: &str) -> anyhow::Result<()> {
        let path = self.folder.path().join(file);
        let text = std::fs::read_to_string(&path)?;
        ensure!(text.contains(from), "{file} lacks {from:?}");
        Ok(std::fs::write(&path, text.replace(from, to))?)
    }

    /// Begins a command.
    pub fn begin(&self, words: &[&str]) -> anyhow::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(["--json", "--quiet", "--config"]).arg(self.folder.path().join("tenure.toml")).args(words);
        Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?)
    }

    /// Runs a command; returns what it printed and how many seconds it took.
    pub fn run(&self, words: &[&str], codes: &[i32]) -> anyhow::Result<(Value, f64)> {
        let began = Instant::now();
        let mut child = self.begin(words)?;
        let mut out = String::new();
        child.stdout.take().context("a command without output")?.read_to_string(&mut out)?;
        let status = wait(&mut child, PATIENCE)?;
        let took = began.elapsed().as_secs_f64();
        ensure!(status.code().is_some_and(|code| codes.contains(&code)), "{words:?} ended with {status}");
        Ok((serde_json::from_str(&out).unwrap_or(Value::Null), took))
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
