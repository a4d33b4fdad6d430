//! `tenure stop` and `tenure resume`: halt all writes of some connections, or of all, and let them go on.
//! The word of one person is enough for either. What is under way ends; nothing else begins.
//! Stopping opens no house: a broken policy must not stand in its way.

use crate::arguments::{Common, PlaceArguments, ResumeArguments, StopArguments};
use crate::exit::Exit;
use crate::ground;
use crate::output::Output;
use crate::remote::Remote;
use tenure_core::stop::Stop;
use tenure_engine::act::{StopAsked, resume_asked, stop_asked};
use tenure_engine::clock::Clock;
use tenure_engine::stop::Brake;
use tenure_serve::api::writes;

const NEEDS_NAME: &str = "this needs a name: --as WHO";

/// Stops.
pub async fn run(common: &Common, arguments: &StopArguments, output: &Output) -> anyhow::Result<Exit> {
    let StopArguments { places: PlaceArguments { connections, all }, said } = arguments;
    let asked = StopAsked { connections: connections.clone(), all: *all, note: said.note.clone() };
    let stops = match Remote::of(common)? {
        Some(remote) => remote.ask::<writes::Stop>(&asked).await?.stopped,
        None => {
            let by = ground::named(said.by.as_deref(), NEEDS_NAME)?;
            let brake = Brake::open(&common.config, Clock::system()).await?;
            let stops = stop_asked(&brake, &asked, by).await?.stopped;
            brake.store.close().await;
            stops
        }
    };
    if output.json {
        output.document(&serde_json::json!({ "stopped": stops }))?;
    } else {
        show(&stops, output);
    }
    Ok(Exit::Done)
}

/// Lets writes go on.
pub async fn run_resume(common: &Common, arguments: &ResumeArguments, output: &Output) -> anyhow::Result<Exit> {
    let ResumeArguments { places: PlaceArguments { connections, all }, by } = arguments;
    let asked = StopAsked { connections: connections.clone(), all: *all, note: None };
    let done = match Remote::of(common)? {
        Some(remote) => remote.ask::<writes::Resume>(&asked).await?,
        None => {
            let by = ground::named(by.as_deref(), NEEDS_NAME)?;
            let brake = Brake::open(&common.config, Clock::system()).await?;
            let done = resume_asked(&brake, &asked, by).await?;
            brake.store.close().await;
            done
        }
    };
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
