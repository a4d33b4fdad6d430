//! The program under test, as a process: found beside the test, run in a folder, waited for with a bound.
//! What it prints goes to files, so that no pipe can fill up; what comes back is an exit code and two texts.
//! It knows no command by name.

use serde_json::Value;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(4);
const SHOWN_MAX: usize = 3000;

/// Returns the program's path: what `TENURE_PROGRAM` names, else what cargo built beside this test.
///
/// # Panics
/// It was not built.
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("TENURE_PROGRAM") {
        return PathBuf::from(named);
    }
    let test = std::env::current_exe().expect("the test knows its own path");
    let folder = test.parent().and_then(Path::parent).expect("target/debug/deps/walk-… lies in target/debug");
    let program = folder.join(format!("tenure{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.is_file(),
        "these tests run the real program, and {} is not there; run `cargo build -p tenure` first (`make test` does)",
        program.display()
    );
    program
}

/// The program, running.
pub struct Running {
    child: Child,
    words: String,
    out: PathBuf,
    err: PathBuf,
    began: Instant,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What was asked.
    pub words: String,
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// How long it took.
    pub took: Duration,
}

impl Running {
    /// Starts the program in `folder` with this configuration, for JSON.
    pub fn begin(folder: &Path, config: &Path, words: &[&str]) -> Self {
        let words: Vec<&str> = std::iter::once("--json").chain(words.iter().copied()).collect();
        Self::begin_plainly(folder, config, &words)
    }

    /// Starts the program in `folder` with this configuration, for people.
    pub fn begin_plainly(folder: &Path, config: &Path, words: &[&str]) -> Self {
        Self::begin_knowing(folder, config, words, &[])
    }

    /// As [`Running::begin_plainly`], with further variables of the environment.
    pub fn begin_knowing(folder: &Path, config: &Path, words: &[&str], variables: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let outputs = folder.join("outputs");
        fs::create_dir_all(&outputs).expect("a folder for outputs");
        let (out, err) = (outputs.join(format!("{number}.out")), outputs.join(format!("{number}.err")));
        let mut command = Command::new(program());
        command.arg("--config").arg(config).args(words).current_dir(folder);
        command.stdin(Stdio::null());
        command.stdout(File::create(&out).expect("a file for standard output"));
        command.stderr(File::create(&err).expect("a file for standard error"));
        for name in [
            "TENURE_CONFIG",
            "TENURE_AS",
            "TENURE_LOG",
            "http_proxy",
            "HTTP_PROXY",
            "all_proxy",
            "ALL_PROXY",
            "TENURE_SERVER",
            "TENURE_TOKEN",
        ] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        command.env("USER", "olga@acme.example").env("RUST_BACKTRACE", "0");
        let child = command.spawn().expect("the program starts");
        Self { child, words: words.join(" "), out, err, began: Instant::now() }
    }

    /// Waits until it ends, and ends it when that takes longer than `most`.
    pub fn wait(mut self, most: Duration) -> Ended {
        let late = self.ends_within(most).is_none();
        if late {
            self.kill();
        }
        let mut ended = self.told();
        if late {
            ended.err.push_str(&format!("\n(ended by the test after {} s)", most.as_secs()));
        }
        ended
    }

    /// Waits at most so long; returns nothing when it still runs.
    pub fn ends_within(&mut self, most: Duration) -> Option<()> {
        let until = Instant::now() + most;
        loop {
            if self.child.try_wait().expect("the program can be waited for").is_some() {
                return Some(());
            }
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(LOOK_EVERY.min(most));
        }
    }

    /// Returns what it printed so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// Sends it a signal by its name, such as `TERM`.
    pub fn signal(&mut self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal could not be sent");
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Tells how it ended, whenever it does.
    pub fn told(&mut self) -> Ended {
        let status = self.child.wait().expect("the program can be waited for");
        let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        Ended {
            words: self.words.clone(),
            code: status.code().unwrap_or(-1),
            out: text(&self.out),
            err: text(&self.err),
            took: self.began.elapsed(),
        }
    }
}

impl Drop for Running {
    /// A test that fails leaves nothing running behind it.
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Returns the JSON document that it printed.
    pub fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.out)
            .map_err(|error| format!("standard output is not one JSON document ({error}): {self}"))
    }

    /// Tells whether it said this anywhere, whatever the case.
    pub fn says(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.out.to_lowercase().contains(&text) || self.err.to_lowercase().contains(&text)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = |text: &str| text.chars().take(SHOWN_MAX).collect::<String>();
        write!(f, "`tenure {}` ended with {} after {:.1} s", self.words, self.code, self.took.as_secs_f64())?;
        write!(f, "\n    out: {}\n    err: {}", cut(&brief(&self.out)), cut(self.err.trim()))
    }
}

/// Shortens a report to the steps that are not simply done, and any other document to one line.
fn brief(out: &str) -> String {
    let Ok(document) = serde_json::from_str::<Value>(out) else { return out.trim().to_owned() };
    let (Some(run), Some(steps)) = (document["run"].as_str(), document["steps"].as_array()) else {
        return document.to_string();
    };
    let simple = |step: &Value| matches!(step["outcome"].as_str(), Some("done" | "already_true"));
    let others: Vec<String> = steps.iter().filter(|step| !simple(step)).map(Value::to_string).collect();
    format!("run {run}, {} steps, of them not simply done: {}", steps.len(), others.join("\n      "))
}
