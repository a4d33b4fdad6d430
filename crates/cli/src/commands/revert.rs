//! `tenure revert`: plans the way back from a run. What comes out is a plan like any other, to be approved and applied.
//! What the run did and the way back leaves as it is gets said, each with its reason.

use super::plan;
use crate::arguments::RevertArguments;
use crate::exit::Exit;
use crate::ground;
use crate::output::Output;
use crate::place::Place;
use tenure_core::change::Plan;
use tenure_engine::act::{RevertAsked, revert_asked};
use tenure_serve::api::writes;

/// Makes and shows the way back.
pub async fn run(place: &Place, arguments: &RevertArguments, output: &Output) -> anyhow::Result<Exit> {
    let asked = RevertAsked { run: arguments.run.clone() };
    let told = match place {
        Place::Here(house) => revert_asked(house, &asked, &ground::actor(arguments.by.as_deref())).await?,
        Place::There(remote) => remote.act::<writes::Revert>(&asked).await?,
    };
    let back = &told.plan;
    plan::write(back, arguments.out.as_deref())?;
    plan::show(&told, output)?;
    if !output.json {
        stays(back).iter().for_each(|line| output.line(line));
    }
    Ok(plan::exit(&told))
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
