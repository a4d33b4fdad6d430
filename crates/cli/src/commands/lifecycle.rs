//! `tenure join`, `move` and `leave`: the lifecycle verbs for one person. Each records a decision, pulls, and plans for
//! just that person; with `--yes` the permitted steps are done at once.

use crate::arguments::LifecycleArguments;
use crate::commands::{apply, plan, pull};
use crate::exit::{Exit, Mistake};
use crate::output::Output;
use crate::{ground, progress, time};
use serde_json::Value;
use tenure_core::account::Fields;
use tenure_core::facts::Coverage;
use tenure_core::name::FieldName;
use tenure_engine::decide::decide_lifecycle;
use tenure_engine::house::House;
use tenure_engine::pull::{Reach, pull as read};
use tenure_engine::reconcile::Scope;

pub use tenure_engine::decide::LifecycleEvent as Event;

/// Decides, pulls, plans, and perhaps applies.
pub async fn run(house: &House, event: Event, arguments: &LifecycleArguments, output: &Output) -> anyhow::Result<Exit> {
    let by = ground::word(&arguments.said);
    let attributes = attributes(&arguments.set)?;
    if event == Event::Move && attributes.is_empty() {
        return Err(Mistake("a move needs --set ATTR=VALUE, such as --set department=Sales".into()).into());
    }
    let at_ms = arguments.at.as_deref().map(|text| time::moment(text, house.clock.now_ms())).transpose()?;
    let listener = progress::listener(output);
    let identity = decide_lifecycle(house, event, &arguments.key, attributes, at_ms, &by).await?;
    let pulls = read(house, &house.names(), Reach::Changed, &listener).await?;
    tenure_engine::reconcile::pin_links(house).await?;
    if pulls.iter().any(|pull| pull.coverage != Coverage::Complete) && !output.json {
        pull::show(&pulls, output)?;
    }
    let scope = Scope { identity: Some(identity.to_string()), ..Scope::default() };
    let made = tenure_engine::plan::make_plan(house, &scope, &by.who).await?;
    if !arguments.yes {
        plan::show(house, &made, output).await?;
        return Ok(plan::exit(&made));
    }
    if !output.json {
        plan::show(house, &made, output).await?;
    }
    let report = tenure_engine::apply::apply(house, &made, &by.who, &listener).await?;
    apply::show(&made, &report, output)?;
    Ok(apply::exit(&report))
}

fn attributes(set: &[String]) -> Result<Fields, Mistake> {
    set.iter()
        .map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .filter(|(name, _)| !name.trim().is_empty())
                .ok_or_else(|| Mistake(format!("--set {pair:?}: write ATTR=VALUE")))?;
            let value = if value.is_empty() { Value::Null } else { Value::String(value.to_owned()) };
            Ok((FieldName::new(name.trim()), value))
        })
        .collect()
}
