//! Steps as scenarios call them: effect, connection, person, and perhaps what a field becomes.
//! They are looked up in the last plan and in the last report of `apply`. `*` stands for any.

use super::scene::{Scene, list, text};
use crate::stage::{email_of, vendor_of};
use serde_json::Value;

/// Returns the steps of the last plan, held ones left out, that fit `EFFECT CONNECTION PERSON [FIELD=VALUE…]`.
pub fn find(scene: &mut Scene, pattern: &[&str]) -> Result<Vec<Value>, String> {
    let steps = list(&scene.plan["steps"]).to_vec();
    fitting(scene, steps, pattern)
}

/// Returns the held steps of the last plan that fit, each with its guard and reason.
pub fn find_held(scene: &mut Scene, pattern: &[&str]) -> Result<Vec<Value>, String> {
    let mut held = Vec::new();
    for hold in list(&scene.plan["held"]).to_vec() {
        if !fitting(scene, vec![hold["step"].clone()], pattern)?.is_empty() {
            held.push(hold);
        }
    }
    Ok(held)
}

/// Returns the results of the last `apply` whose steps fit.
pub fn find_results(scene: &mut Scene, pattern: &[&str]) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    for result in list(&scene.report["steps"]).to_vec() {
        let Some(step) = scene.steps.get(&text(&result["id"])).cloned() else {
            return Err(format!("apply reports a step that no plan had: {result}"));
        };
        if !fitting(scene, vec![step], pattern)?.is_empty() {
            found.push(result);
        }
    }
    Ok(found)
}

fn fitting(scene: &mut Scene, steps: Vec<Value>, pattern: &[&str]) -> Result<Vec<Value>, String> {
    let [effect, connection, person, changes @ ..] = pattern else {
        return Err("a step is written as EFFECT CONNECTION PERSON [FIELD=VALUE…]".into());
    };
    let identity = if *person == "*" { None } else { scene.people()?.id(person) };
    let account = vendor_of(connection).ok().and_then(|vendor| scene.stage.world().id(vendor, &email_of(person)));
    let whose = |step: &Value| {
        let by_identity = identity.is_some() && step["identity"].as_str() == identity.as_deref();
        let by_account = account.is_some() && step["account"].as_str() == account.as_deref();
        *person == "*" || by_identity || by_account
    };
    let any = |wanted: &str, found: &Value| wanted == "*" || wanted.split('|').any(|one| found == one);
    let fits = |step: &Value| {
        any(effect, &step["effect"])
            && any(connection, &step["connection"])
            && whose(step)
            && changes.iter().all(|change| becomes(step, change))
    };
    Ok(steps.into_iter().filter(|step| fits(step)).collect())
}

/// Tells whether a step changes a field, and to what it does if a value is asked for.
fn becomes(step: &Value, change: &str) -> bool {
    let (field, value) = change.split_once('=').map_or((change, None), |(field, value)| (field, Some(value)));
    let changes = list(&step["changes"]);
    changes.iter().any(|change| change["field"] == field && value.is_none_or(|value| text(&change["after"]) == value))
}

/// Tells steps in a few words each.
pub fn told(steps: &[Value]) -> String {
    let lines: Vec<String> = steps.iter().map(told_one).collect();
    if lines.is_empty() { "nothing".into() } else { format!("\n    {}", lines.join("\n    ")) }
}

/// Tells a step in a few words.
pub fn told_one(step: &Value) -> String {
    let changes: Vec<String> = list(&step["changes"])
        .iter()
        .map(|change| format!("{}: {} -> {}", text(&change["field"]), change["before"], change["after"]))
        .collect();
    format!(
        "{} {} {} {} ({}) [{}]",
        text(&step["effect"]),
        text(&step["connection"]),
        step["person"].as_str().unwrap_or("?"),
        text(&step["account"]),
        changes.join("; "),
        text(&step["approval"]["state"]),
    )
}
