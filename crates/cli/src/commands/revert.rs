//! `tenure revert`: plans the way back from a run. What comes out is a plan like any other, to be approved and applied.
//! What the run did and the way back leaves as it is gets said, each with its reason.

use super::plan;
use crate::arguments::RevertArguments;
use crate::exit::Exit;
use crate::ground;
use crate::output::Output;
use tenure_core::change::Plan;
use tenure_engine::house::House;
use tenure_engine::revert::revert;

/// Makes and shows the way back.
pub async fn run(house: &House, arguments: &RevertArguments, output: &Output) -> anyhow::Result<Exit> {
    let back = revert(house, &arguments.run, &ground::actor(arguments.by.as_deref())).await?;
    plan::write(&back, arguments.out.as_deref())?;
    plan::show(house, &back, output).await?;
    if !output.json {
        stays(&back).iter().for_each(|line| output.line(line));
    }
    Ok(plan::exit(&back))
}

fn stays(back: &Plan) -> Vec<String> {
    let Some(way) = back.way_back.as_ref().filter(|way| !way.stays.is_empty()) else { return Vec::new() };
    let mut lines = vec![format!("\nnot taken back of run {}:", way.run)];
    lines.extend(way.stays.iter().map(|stays| {
        let person = stays.person.as_deref().unwrap_or("nobody's");
        format!("  {} {} in {} · {person}: {}", stays.step, stays.effect, stays.connection, stays.because)
    }));
    lines
}
