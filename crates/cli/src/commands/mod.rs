//! The commands, one file each, in the order of the walk. This is the one place that lists them.
//! Each opens the house, calls a verb of the engine, shows the result and says how the program ends.
//! None of them decides anything about a company.

pub mod init;
pub mod check;
pub mod doctor;
pub mod pull;
pub mod lists;
pub mod who;
pub mod why;
pub mod trace;
pub mod findings;
pub mod plan;
pub mod approve;
pub mod stop;
pub mod apply;
pub mod revert;
pub mod lifecycle;
pub mod decide;
pub mod audit;
pub mod metrics;
pub mod backup;
pub mod token;
pub mod scim;
pub mod console;
pub mod key;
pub mod serve;
pub mod apps;
pub mod sandbox;
pub mod demo;
pub mod documents;

use crate::arguments::{Command, Common};
use crate::exit::Exit;
use crate::output::Output;
use crate::place::Place;
use tenure_engine::anchor::When;

/// Runs a command that walks with an opened house.
pub async fn walk(command: &Command, common: &Common, output: &Output) -> anyhow::Result<Exit> {
    if let Some(ended) = without_house(command, common, output).await {
        return ended;
    }
    let place = Place::of(common).await?;
    let exit = match command {
        Command::Pull(arguments) => pull::run(&place, arguments, output).await,
        Command::Identities(arguments) => lists::identities(&place, arguments, output).await,
        Command::Accounts(arguments) => lists::accounts(&place, arguments, output).await,
        Command::Grants(arguments) => lists::grants(&place, arguments, output).await,
        Command::Who(arguments) => who::run(&place, arguments, output).await,
        Command::Why(arguments) => why::run(&place, arguments, output).await,
        Command::Trace(arguments) => trace::run(&place, arguments, output).await,
        Command::Findings(arguments) => findings::run(&place, arguments, output).await,
        Command::Plan(arguments) => plan::run(&place, arguments, output).await,
        Command::Approve(arguments) => approve::run(&place, arguments, approve::Answer::Yes, output).await,
        Command::Reject(arguments) => approve::run(&place, arguments, approve::Answer::No, output).await,
        Command::Apply(arguments) => apply::run(&place, arguments, output).await,
        Command::Revert(arguments) => revert::run(&place, arguments, output).await,
        Command::Join(arguments) => lifecycle::run(&place, lifecycle::Event::Join, arguments, output).await,
        Command::Move(arguments) => lifecycle::run(&place, lifecycle::Event::Move, arguments, output).await,
        Command::Leave(arguments) => lifecycle::run(&place, lifecycle::Event::Leave, arguments, output).await,
        Command::Link(arguments) => decide::link(&place, arguments, output).await,
        Command::Unlink(arguments) => decide::unlink(&place, arguments, output).await,
        Command::Exempt(arguments) => decide::exempt(&place, arguments, output).await,
        Command::Metrics => metrics::run(&place, output).await,
        Command::Audit(arguments) => audit::run(&place, arguments, common, output).await,
        Command::Backup(arguments) => {
            backup::run(place.house("copies the whole store, which no server gives away")?, arguments, output).await
        }
        Command::Token(arguments) => token::run(&place, arguments, output).await,
        Command::Scim(arguments) => {
            scim::run(place.house("tells of the clients of a store, which is done beside it")?, arguments, output).await
        }
        Command::Console(arguments) => console::run(place.house(FIRST_WAY_IN)?, arguments, output).await,
        Command::Key(arguments) => {
            key::run(place.house("handles the key, which no server is told")?, arguments, output).await
        }
        Command::Doctor => doctor::ask(&place, output).await,
        other => place
            .house(local(other))
            .map_err(anyhow::Error::from)
            .and_then(|_| anyhow::bail!("command {other:?} does not walk")),
    };
    if let Place::Here(house) = &place {
        if let Err(error) = tenure_engine::anchor::anchor(house, When::Due).await {
            output.warning(format!("{error:#}"));
        }
        house.close().await;
    }
    exit
}

/// Why a link to sign in is made beside the store.
const FIRST_WAY_IN: &str = "makes the first way in; an admin who is signed in does it under Access";

/// Says why a command is done on the machine where it is given.
fn local(command: &Command) -> &'static str {
    match command {
        Command::Check(_) => {
            "reads the files and secrets of this machine; `tenure doctor --server URL` says how the server's are"
        }
        Command::Serve(_) => "is the server",
        Command::Restore(_) => "gives up what the store holds",
        _ => "needs what lies on this machine",
    }
}

/// Runs a command that opens what it needs by itself, or needs nothing; `None` where it walks with a house.
async fn without_house(command: &Command, common: &Common, output: &Output) -> Option<anyhow::Result<Exit>> {
    if let Command::Audit(arguments) = command {
        // An export is checked wherever it lies.
        return audit::offline(arguments, output);
    }
    if let Command::Scim(arguments) = command {
        return scim::offline(arguments, output).await;
    }
    if common.server.is_some() && !matches!(command, Command::Stop(_) | Command::Resume(_)) {
        return None;
    }
    Some(match command {
        Command::Check(arguments) => check::run(common, arguments, output).await,
        Command::Doctor => doctor::run(common, output).await,
        Command::Serve(arguments) => serve::run(common, arguments, output).await,
        Command::Stop(arguments) => stop::run(common, arguments, output).await,
        Command::Resume(arguments) => stop::run_resume(common, arguments, output).await,
        Command::Restore(arguments) => backup::run_restore(common, arguments, output).await,
        Command::Key(arguments) => return key::offline(arguments, output),
        _ => return None,
    })
}
