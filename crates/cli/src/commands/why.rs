//! `tenure why`: walks back from an account, a step or a finding to its causes, in plain sentences.

use crate::arguments::WhyArguments;
use crate::exit::Exit;
use crate::output::Output;
use tenure_engine::answer::why;
use tenure_engine::house::House;

/// Explains one thing.
pub async fn run(house: &House, arguments: &WhyArguments, output: &Output) -> anyhow::Result<Exit> {
    let told = why(house, &arguments.thing).await?;
    if output.json {
        output.document(&told)?;
    } else {
        for sentence in told.because {
            output.line(format!("· {sentence}"));
        }
    }
    Ok(Exit::Done)
}
