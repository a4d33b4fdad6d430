//! `tenure why`: walks back from an account, a step or a finding to its causes, in plain sentences.

use crate::arguments::WhyArguments;
use crate::exit::Exit;
use crate::output::Output;
use crate::place::Place;
use tenure_engine::answer::why;
use tenure_serve::api::reads::{self, Identified};

/// Explains one thing.
pub async fn run(place: &Place, arguments: &WhyArguments, output: &Output) -> anyhow::Result<Exit> {
    let told = match place {
        Place::Here(house) => why(house, &arguments.thing).await?,
        Place::There(remote) => remote.ask::<reads::Why>(&Identified { id: arguments.thing.clone() }).await?,
    };
    if output.json {
        output.document(&told)?;
    } else {
        for sentence in told.because {
            output.line(format!("· {sentence}"));
        }
    }
    Ok(Exit::Done)
}
