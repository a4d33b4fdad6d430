//! `tenure pull`: reads connections and shows how each read went.
//! A partial read ends with its own exit code, a side that could not be reached with another.

use crate::arguments::PullArguments;
use crate::exit::Exit;
use crate::output::Output;
use crate::place::Place;
use crate::{progress, time};
use tenure_core::facts::Coverage;
use tenure_engine::act::{PullAsked, pull_asked};
use tenure_engine::view::{PullView, Way};
use tenure_serve::api::writes;

/// Pulls.
pub async fn run(place: &Place, arguments: &PullArguments, output: &Output) -> anyhow::Result<Exit> {
    let asked = PullAsked { connections: arguments.connections.clone(), full: arguments.full };
    let pulled = match place {
        Place::Here(house) => pull_asked(house, &asked, &progress::listener(output)).await?,
        Place::There(remote) => remote.act::<writes::Pull>(&asked).await?,
    };
    show(&pulled.pulls, output)?;
    Ok(exit(&pulled.pulls))
}

/// Shows how pulls went.
pub fn show(pulls: &[PullView], output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.document(&serde_json::json!({ "pulls": pulls }));
    }
    let headers = ["connection", "coverage", "accounts", "added", "changed", "gone", "requests", "throttled", "time"];
    output.table(
        &headers,
        pulls.iter().map(|pull| {
            vec![
                pull.connection.clone(),
                pull.coverage.as_str().to_owned(),
                pull.accounts.to_string(),
                pull.added.to_string(),
                pull.changed.to_string(),
                pull.gone.to_string(),
                pull.requests.to_string(),
                pull.throttled.to_string(),
                time::span(pull.seconds),
            ]
        }),
    );
    for pull in pulls {
        if let Some(because) = &pull.because {
            let partly = if pull.coverage == Coverage::Complete { "" } else { " was read in part" };
            output.line(format!("\n{}{partly}: {because}", pull.connection));
        }
        for problem in &pull.problems {
            output.line(format!("  {problem}"));
        }
    }
    Ok(())
}

/// Picks the exit code. One side of several that cannot be reached is a partial read.
pub fn exit(pulls: &[PullView]) -> Exit {
    let remote: Vec<Way> = pulls.iter().map(|pull| pull.way).filter(|way| *way != Way::None).collect();
    if !remote.is_empty() && remote.iter().all(|way| *way == Way::Closed) {
        Exit::Unreachable
    } else if pulls.iter().any(|pull| pull.coverage != Coverage::Complete) {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}
