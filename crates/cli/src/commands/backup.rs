//! `tenure backup` and `tenure restore`: the whole store as a file, and back, from and into either database.
//! Restoring needs nothing to be right but the file and the store's address.

use crate::arguments::{BackupArguments, Common, RestoreArguments};
use crate::exit::{Exit, Mistake};
use crate::ground;
use crate::output::Output;
use std::path::Path;
use tenure_engine::backup::{back_up, back_up_into, restore};
use tenure_engine::clock::Clock;
use tenure_engine::config::Config;
use tenure_engine::house::House;

/// Backs up.
pub async fn run(house: &House, arguments: &BackupArguments, output: &Output) -> anyhow::Result<Exit> {
    let by = ground::actor(arguments.by.as_deref());
    if arguments.to == Path::new("-") {
        if output.json {
            return Err(Mistake("a backup on standard output leaves no room for --json".into()).into());
        }
        back_up_into(house, &mut std::io::stdout(), &by).await?;
        return Ok(Exit::Done);
    }
    let backup = back_up(house, &arguments.to, &by).await?;
    if output.json {
        output.document(&serde_json::json!({ "file": arguments.to, "backup": backup }))?;
    } else {
        output.line(format!("{} rows as of {} are in {}", backup.rows, backup.at, arguments.to.display()));
        output.line(format!("sha256 {}", backup.sha256));
    }
    output.advice("it holds what the store holds: keep it where nobody else reads, and not beside the key");
    Ok(Exit::Done)
}

/// Restores.
pub async fn run_restore(common: &Common, arguments: &RestoreArguments, output: &Output) -> anyhow::Result<Exit> {
    let config = Config::read(&common.config).map_err(tenure_engine::EngineError::from)?;
    let by = ground::word(&arguments.said);
    if let Some(replaced) = &arguments.replace
        && !arguments.yes
    {
        use std::io::IsTerminal;
        if !std::io::stdin().is_terminal() {
            return Err(Mistake("--replace gives up what the store holds; say --yes as well".into()).into());
        }
        ground::confirm(&format!("Give up everything that {replaced} holds now?"))?;
    }
    let replaced = arguments.replace.as_deref();
    let backup = restore(&config, &arguments.from, replaced, &Clock::system(), &by).await?;
    if output.json {
        output.document(&serde_json::json!({ "restored": backup }))?;
    } else {
        output.line(format!("{} rows as of {} are restored; the journal holds", backup.rows, backup.at));
    }
    output.advice("next: tenure doctor, then tenure pull --full: the world has moved since");
    Ok(Exit::Done)
}
