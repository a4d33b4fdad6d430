//! What a command stands on: the runtime, the opened house, who types, what is shown meanwhile.
//! Commands call these and stay short. It prints nothing itself.

use crate::arguments::{Common, Said};
use crate::exit::{Exit, Mistake};
use std::future::Future;
use tenure_engine::clock::Clock;
use tenure_engine::decide::By;
use tenure_engine::house::House;

/// The stack of a worker: as much as the main thread has, on which commands run by themselves. What a daemon does runs on
/// workers, and applying a plan in a build without optimisation needs more than the 2 MB that they have otherwise.
const STACK_BYTES: usize = 8 << 20;

/// Runs one command's future on a small runtime.
pub fn block_on(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()?;
    let result = runtime.block_on(command);
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    result
}

/// Opens the house that the common arguments name.
pub async fn open(common: &Common) -> anyhow::Result<House> {
    Ok(House::open(&common.config, Clock::system()).await?)
}

/// Returns who types: `--as`, else `TENURE_AS`, else the login name of this machine.
pub fn actor(by: Option<&str>) -> String {
    let said = || std::env::var("TENURE_AS").ok().filter(|name| !name.trim().is_empty());
    let login = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok().filter(|name| !name.is_empty());
    by.map(str::to_owned).or_else(said).or_else(login).unwrap_or_else(|| "local operator".into())
}

/// Returns whose word it is, and why: of whoever types, where nobody is named.
pub fn word(said: &Said) -> By {
    By { who: actor(said.by.as_deref()), note: said.note.clone() }
}

/// Returns who decides, which must be said.
///
/// # Errors
/// It is not.
pub fn named<'a>(by: Option<&'a str>, hint: &str) -> Result<&'a str, Mistake> {
    by.filter(|by| !by.trim().is_empty()).ok_or_else(|| Mistake(hint.into()))
}

/// Asks for a yes on the terminal.
///
/// # Errors
/// The answer is not yes.
pub fn confirm(question: &str) -> anyhow::Result<()> {
    use std::io::Write;
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    match line.trim() {
        "y" | "yes" | "Y" => Ok(()),
        _ => Err(Mistake("not confirmed; nothing was done".into()).into()),
    }
}
