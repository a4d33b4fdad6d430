//! One stage: a sandbox on a port of its own, a folder with its configuration, and the program that is run in it.
//! Scenarios, kills and refusals each build one and ask the world behind it afterwards what is really there.
//! It knows how to run the program and nothing of what the program should do.

mod daemon;
mod leaks;
mod pretender;
mod program;
mod rival;
mod world;

pub use daemon::{Daemon, LOOKED_EVERY, keep_in, on_postgres, until_nothing_is_left, until_written, writes};
pub use leaks::find_leaks;
pub use pretender::{Answer, Pretender};
pub use program::{Ended, Running, program};
pub use world::{email_of, picture, vendor_of};

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tenure_sandbox::{Fault, Files, Options, Sandbox, Vendor, World, start};
use tokio::runtime::Runtime;

/// No command takes longer; one that does is ended and reported.
pub const WAIT_MAX: Duration = Duration::from_secs(240);

/// A sandbox and a folder to run the program in.
pub struct Stage {
    sandbox: Sandbox,
    runtime: Runtime,
    folder: TempDir,
    files: Files,
    outputs: RefCell<Vec<Ended>>,
}

impl Stage {
    /// Starts a sandbox and writes its files into a new folder.
    pub fn open(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime for the sandbox");
        let sandbox = runtime.block_on(start(options)).expect("the sandbox starts");
        let folder = tempfile::Builder::new().prefix("tenure-walk-").tempdir().expect("a folder");
        let files = sandbox.write_files(folder.path()).expect("the sandbox writes its files");
        Self { sandbox, runtime, folder, files, outputs: RefCell::default() }
    }

    /// Returns the folder that the program runs in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns where the written files are.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Returns the running sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Returns what is really there.
    pub fn world(&self) -> World {
        self.sandbox.world()
    }

    /// Replaces all faults by these.
    pub fn play(&self, faults: Vec<Fault>) {
        self.sandbox.set_faults(faults);
    }

    /// Runs the program with JSON output until it ends.
    pub fn run(&self, words: &[&str]) -> Ended {
        self.end(self.begin(words))
    }

    /// Waits until what was begun ends.
    pub fn end(&self, running: Running) -> Ended {
        let ended = running.wait(WAIT_MAX);
        self.outputs.borrow_mut().push(ended.clone());
        ended
    }

    /// Runs the program as a person does, without JSON.
    pub fn plainly(&self, words: &[&str]) -> Ended {
        Running::begin_plainly(self.folder(), &self.files.config, words).wait(WAIT_MAX)
    }

    /// Runs the program as a person does far from the store: with no configuration, a server and a token.
    pub fn run_afar(&self, server: &str, token: &str, words: &[&str]) -> Ended {
        let nowhere = self.folder().join("nowhere.toml");
        let variables = [("TENURE_SERVER", server), ("TENURE_TOKEN", token)];
        Running::begin_knowing(self.folder(), &nowhere, words, &variables).wait(WAIT_MAX)
    }

    /// Starts the program with JSON output.
    pub fn begin(&self, words: &[&str]) -> Running {
        Running::begin(self.folder(), &self.files.config, words)
    }

    /// Puts today's HR export in the place of yesterday's.
    pub fn next_morning(&self) {
        fs::copy(&self.files.people_today, &self.files.people).expect("today's export is there");
    }

    /// Replaces text in a file of the folder; the text must be there.
    pub fn edit(&self, file: &Path, from: &str, to: &str) -> Result<(), String> {
        let text = fs::read_to_string(file).map_err(|error| format!("read {}: {error}", file.display()))?;
        if !text.contains(from) {
            return Err(format!("{} does not contain {from:?}", file.display()));
        }
        fs::write(file, text.replace(from, to)).map_err(|error| format!("write {}: {error}", file.display()))
    }

    /// Lets another admin of the app create an account through the vendor's own API.
    pub fn invite(&self, vendor: Vendor, email: &str, name: &str) -> Result<(), String> {
        self.runtime.block_on(rival::invite(&self.sandbox, vendor, email, name))
    }

    /// Lets another integration of the app ask so often, as long as the stage stands.
    pub fn eat(&self, vendor: Vendor, per_second: u32) {
        let (address, credential) = (self.sandbox.addr(), rival::credential(vendor));
        self.runtime.spawn(rival::eat(address, vendor, credential, per_second));
    }

    /// Tells what no run may leave behind: a person twice, a broken journal, a secret in clear.
    pub fn aftermath(&self) -> Vec<String> {
        let mut wrongs = Vec::new();
        for vendor in Vendor::ALL {
            for (email, count) in self.world().duplicates(vendor) {
                wrongs.push(format!("{vendor} has {email} {count} times"));
            }
        }
        let database: PathBuf = self.folder().join("tenure.db");
        if database.exists() {
            let verified = self.run(&["audit", "verify"]);
            if verified.code != 0 {
                wrongs.push(format!("the journal does not verify: {verified}"));
            }
            self.run(&["audit", "export"]);
        }
        wrongs.extend(find_leaks(self.folder(), &self.outputs.borrow()));
        wrongs
    }
}
