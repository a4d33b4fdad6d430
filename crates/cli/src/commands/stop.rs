//! `tenure stop` and `tenure resume`: halt all writes of some connections, or of all, and let them go on.
//! The word of one person is enough for either. What is under way ends; nothing else begins.
//! Stopping opens no house: a broken policy must not stand in its way.

use crate::arguments::{Common, ResumeArguments, StopArguments};
use crate::exit::{Exit, Mistake};
use crate::output::Output;
use tenure_core::stop::Stop;
use tenure_engine::clock::Clock;
use tenure_engine::decide::By;
use tenure_engine::stop::{Brake, resume, stop};

/// Stops.
pub async fn run(common: &Common, arguments: &StopArguments, output: &Output) -> anyhow::Result<Exit> {
    let by = by(arguments.said.by.as_deref(), arguments.said.note.clone())?;
    let brake = Brake::open(&common.config, Clock::system()).await?;
    let stops = stop(&brake, &arguments.places.connections, &by).await?;
    brake.store.close().await;
    if output.json {
        output.document(&serde_json::json!({ "stopped": stops }))?;
    } else {
        show(&stops, output);
    }
    Ok(Exit::Done)
}

/// Lets writes go on.
pub async fn run_resume(common: &Common, arguments: &ResumeArguments, output: &Output) -> anyhow::Result<Exit> {
    let by = by(arguments.by.as_deref(), None)?;
    let brake = Brake::open(&common.config, Clock::system()).await?;
    let done = resume(&brake, &arguments.places.connections, &by).await?;
    brake.store.close().await;
    if output.json {
        output.document(&done)?;
        return Ok(Exit::Done);
    }
    if done.resumed.is_empty() && done.tried_again.is_empty() {
        output.line("that was not stopped");
    }
    for name in &done.tried_again {
        output.line(format!("steps are tried in {name} again"));
    }
    for stop in &done.resumed {
        let what = stop.connection.as_ref().map_or_else(|| "all writes".into(), |name| format!("writes to {name}"));
        output.line(format!("{what}, stopped by {} at {}, may go on", stop.by, stop.at));
    }
    show(&done.stopped, output);
    if !(done.resumed.is_empty() && done.tried_again.is_empty()) {
        output.advice("next: tenure apply");
    }
    Ok(Exit::Done)
}

/// Says what is stopped.
pub fn show(stops: &[Stop], output: &Output) {
    for stop in stops {
        output.line(stop.says());
    }
}

fn by(who: Option<&str>, note: Option<String>) -> Result<By, Mistake> {
    match who.filter(|who| !who.trim().is_empty()) {
        Some(who) => Ok(By { who: who.to_owned(), note }),
        None => Err(Mistake("this needs a name: --as WHO".into())),
    }
}
