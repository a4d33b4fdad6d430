//! `tenure join`, `move` and `leave`: the lifecycle verbs for one person. Each records a decision, pulls, and plans for
//! just that person; with `--yes` the permitted steps are done at once.

use crate::arguments::LifecycleArguments;
use crate::commands::{apply, plan, pull};
use crate::exit::{Exit, Mistake};
use crate::output::Output;
use crate::place::Place;
use crate::{ground, progress};
use tenure_core::facts::Coverage;
use tenure_engine::act::{Fields, LifecycleAsked, LifecycleDone, lifecycle};
use tenure_engine::clock::{Clock, moment_text, read_moment};
use tenure_serve::api::writes;

pub use tenure_engine::decide::LifecycleEvent as Event;

/// Decides, pulls, plans, and perhaps applies.
pub async fn run(place: &Place, event: Event, arguments: &LifecycleArguments, output: &Output) -> anyhow::Result<Exit> {
    let LifecycleArguments { key, at, set, yes, said } = arguments;
    let (key, at, note) = (key.clone(), at.clone(), said.note.clone());
    let asked = LifecycleAsked { key, at, set: attributes(set)?, apply: *yes, note };
    let done = match (place, event) {
        (Place::Here(house), event) => {
            let by = ground::actor(said.by.as_deref());
            lifecycle(house, event, &asked, &by, &progress::listener(output)).await?
        }
        (Place::There(remote), Event::Join) => remote.act::<writes::Join>(&asked).await?,
        (Place::There(remote), Event::Move) => remote.act::<writes::Move>(&asked).await?,
        (Place::There(remote), Event::Leave) => remote.act::<writes::Leave>(&asked).await?,
    };
    if let Some(text) = later(event, &asked, Clock::system().now_ms()).filter(|_| !output.json) {
        output.line(text);
    }
    show(&done, output)?;
    Ok(done.applied.as_ref().map_or_else(|| plan::exit(&done.plan), apply::exit))
}

/// Says what was decided, where it is not so yet: the plan then shows nothing of it.
fn later(event: Event, asked: &LifecycleAsked, now_ms: i64) -> Option<String> {
    let at_ms = asked.at.as_deref().and_then(|text| read_moment(text, now_ms)).filter(|at_ms| *at_ms > now_ms)?;
    let word = match event {
        Event::Join => "joins",
        Event::Move => "moves",
        Event::Leave => "leaves",
    };
    let set = asked.set.iter().map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or_default()));
    let set = set.collect::<Vec<_>>().join(", ");
    let set = if set.is_empty() { set } else { format!(" ({set})") };
    let from = moment_text(at_ms);
    Some(format!("decided: {} {word}{set} from {from} on; the plan below is what is to be done today", asked.key))
}

fn show(done: &LifecycleDone, output: &Output) -> anyhow::Result<()> {
    if done.pulls.iter().any(|pull| pull.coverage != Coverage::Complete) && !output.json {
        pull::show(&done.pulls, output)?;
    }
    if done.applied.is_none() || !output.json {
        plan::show(&done.plan, output)?;
    }
    match &done.applied {
        Some(report) => apply::show(&done.plan.plan, report, output),
        None => Ok(()),
    }
}

fn attributes(set: &[String]) -> Result<Fields, Mistake> {
    set.iter()
        .map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .filter(|(name, _)| !name.trim().is_empty())
                .ok_or_else(|| Mistake(format!("--set {pair:?}: write ATTR=VALUE")))?;
            Ok((name.trim().to_owned(), Some(value.to_owned()).filter(|value| !value.is_empty())))
        })
        .collect()
}
