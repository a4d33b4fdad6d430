//! What a scenario says must be so (`then`): in the program's documents, in its findings and lists, and in the world.
//! Words come from the script; the answer is nothing, or a text that says what was there instead.

use super::scene::{Scene, list, text};
use super::steps::{find, find_held, find_results, told};
use crate::stage::{email_of, vendor_of};
use serde_json::Value;

/// Judges one line.
pub fn then(scene: &mut Scene, words: &[String]) -> Result<(), String> {
    let mut filled = Vec::with_capacity(words.len());
    for word in words {
        filled.push(scene.fill(word)?);
    }
    let words: Vec<&str> = filled.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["pull", connection, rest @ ..] => pull(scene, connection, rest),
        ["plan", rest @ ..] => plan(scene, rest),
        ["second", "plan", "is", "empty"] => second_plan(scene),
        ["step", rest @ ..] => step(scene, rest),
        ["every", "step", "is", outcomes] => every_step(scene, outcomes),
        ["no", "step", "is", outcome] => no_step(scene, outcome),
        ["finding", kind, connection, person] => {
            let found = findings(scene, kind, connection, person)?;
            expect(!found.is_empty(), || format!("there is none; all: {}", all_findings(scene)))
        }
        ["no", "finding", kind, connection, person] => {
            let found = findings(scene, kind, connection, person)?;
            expect(found.is_empty(), || format!("there is one: {}", found[0]))
        }
        ["account", connection, person, rest @ ..] => account(scene, connection, person, rest),
        ["identity", person, rest @ ..] => identity(scene, person, rest),
        ["people", count] => {
            let people = scene.people()?.count();
            expect(count.parse() == Ok(people), || format!("the program knows {people}"))
        }
        ["says", text] => {
            let last = scene.last()?;
            expect(last.says(text), || format!("it does not: {last}"))
        }
        ["never", "says", text] => {
            let last = scene.last()?;
            expect(!last.says(text), || format!("it does: {last}"))
        }
        ["json", pointer, "=", value] => {
            let document = scene.last()?.json()?;
            let found = document.pointer(pointer).cloned().unwrap_or_default();
            expect(text(&found) == *value, || format!("it is {found}"))
        }
        ["vendor", vendor, rest @ ..] => statistics(scene, vendor, rest),
        [name, rest @ ..] if let Some(idp) = super::idp::named(name) => super::idp::then(scene, idp, rest),
        [vendor, rest @ ..] => world(scene, vendor, rest),
        [] => Err("then what?".into()),
    }
}

/// Returns nothing, or what was there instead.
fn expect(holds: bool, instead: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(instead()) }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn pull(scene: &Scene, connection: &str, words: &[&str]) -> Result<(), String> {
    let pulls = list(&scene.pulls["pulls"]);
    let pull = pulls.iter().find(|pull| pull["connection"] == connection);
    let pull = pull.ok_or_else(|| format!("the last pull did not read {connection}"))?;
    match words {
        ["is", coverage] => expect(pull["coverage"] == *coverage, || pull.to_string()),
        ["is", "partial", "because", because] => {
            let told = text(&pull["because"]).to_lowercase();
            expect(pull["coverage"] == "partial" && told.contains(&because.to_lowercase()), || pull.to_string())
        }
        [figure @ ("accounts" | "added" | "changed" | "gone" | "requests" | "throttled"), "=", wanted] => {
            expect(pull[figure].as_u64() == Some(number(wanted)?), || pull.to_string())
        }
        _ => Err("a pull `is complete`, `is partial [because TEXT]`, or has FIGURE = N".into()),
    }
}

fn plan(scene: &mut Scene, words: &[&str]) -> Result<(), String> {
    let all = |scene: &Scene| {
        let held: Vec<Value> = list(&scene.plan["held"]).iter().map(|hold| hold["step"].clone()).collect();
        format!("steps: {}\n  held: {}", told(list(&scene.plan["steps"])), told(&held))
    };
    match words {
        ["is", "empty"] => {
            let empty = list(&scene.plan["steps"]).is_empty() && list(&scene.plan["held"]).is_empty();
            expect(empty && !scene.plan.is_null(), || all(scene))
        }
        ["has", count, "steps"] => expect(list(&scene.plan["steps"]).len() as u64 == number(count)?, || all(scene)),
        ["has", pattern @ ..] => expect(!find(scene, pattern)?.is_empty(), || all(scene)),
        ["lacks", pattern @ ..] => {
            let found = find(scene, pattern)?;
            expect(found.is_empty(), || told(&found))
        }
        ["holds", "nothing"] => expect(list(&scene.plan["held"]).is_empty(), || all(scene)),
        ["holds", effect, connection, person, "by", guard] => {
            let held = find_held(scene, &[effect, connection, person])?;
            let by = held.iter().any(|hold| text(&hold["guard"]).contains(guard));
            expect(by, || format!("held of these: {held:?}\n  {}", all(scene)))
        }
        ["lets", effect, connection, person, "wait", "for", group] => {
            let found = find(scene, &[effect, connection, person])?;
            let waits = found
                .iter()
                .any(|step| step["approval"]["state"] == "waiting" && text(&step["approval"]["from"]).contains(group));
            expect(waits, || all(scene))
        }
        ["approval", "of", effect, connection, person, "is", state] => {
            let found = find(scene, &[effect, connection, person])?;
            expect(found.iter().any(|step| step["approval"]["state"] == *state), || all(scene))
        }
        ["reason", "of", effect, connection, person, "is", reason] => {
            let found = find(scene, &[effect, connection, person])?;
            let is = found.iter().any(|step| step["reason"]["kind"] == *reason);
            expect(is, || format!("{:?}", found.iter().map(|step| &step["reason"]).collect::<Vec<_>>()))
        }
        ["puts", e1, c1, p1, "before", e2, c2, p2] => order(scene, [e1, c1, p1], [e2, c2, p2]),
        ["costs", connection, seats, "seats"] => {
            let found = &scene.plan["cost"]["seats"][connection];
            expect(text(found) == *seats || (*seats == "0" && found.is_null()), || scene.plan["cost"].to_string())
        }
        ["bills", connection, counts @ ..] => {
            let billed = &scene.plan["cost"]["billing"][connection];
            let is = |count: &&str| count.split_once('=').is_some_and(|(name, count)| text(&billed[name]) == count);
            expect(counts.iter().all(is), || scene.plan["cost"].to_string())
        }
        _ => Err("the plan cannot be asked that".into()),
    }
}

/// One step stands before the other, and the other needs it, or comes after it.
fn order(scene: &mut Scene, first: [&str; 3], second: [&str; 3]) -> Result<(), String> {
    let one = find(scene, &first)?.first().cloned().ok_or("the plan lacks the first")?;
    let other = find(scene, &second)?.first().cloned().ok_or("the plan lacks the second")?;
    let place = |id: &Value| list(&scene.plan["steps"]).iter().position(|step| step["id"] == *id);
    let needed = list(&other["needs"]).contains(&one["id"]) || list(&other["after"]).contains(&one["id"]);
    expect(place(&one["id"]) < place(&other["id"]) && needed, || format!("the second needs {}", other["needs"]))
}

/// Everything is read again, and a plan made now is empty.
fn second_plan(scene: &mut Scene) -> Result<(), String> {
    let pulled = scene.stage.run(&["pull"]);
    if pulled.code != 0 {
        return Err(format!("the pull before it: {pulled}"));
    }
    scene.keep(pulled);
    let planned = scene.stage.run(&["plan"]);
    let code = planned.code;
    scene.keep(planned);
    plan(scene, &["is", "empty"])?;
    expect(code == 0, || format!("it is empty, and the exit code is {code}"))
}

fn step(scene: &mut Scene, words: &[&str]) -> Result<(), String> {
    let [effect, connection, person, "is", outcomes, fields @ ..] = words else {
        return Err("write: step EFFECT CONNECTION PERSON is OUTCOME [FIELD=OUTCOME…]".into());
    };
    let found = find_results(scene, &[effect, connection, person])?;
    let fits = |result: &Value| {
        outcomes.split('|').any(|outcome| result["outcome"] == outcome)
            && fields.iter().all(|field| {
                let (field, outcome) = field.split_once('=').unwrap_or((field, ""));
                result["fields"][field] == outcome
            })
    };
    expect(found.iter().any(fits), || format!("results: {found:?}\n  of {}", scene.report))
}

fn every_step(scene: &Scene, outcomes: &str) -> Result<(), String> {
    let results = list(&scene.report["steps"]);
    // Work by hand waits for a person, whatever else is done.
    let waits = |result: &&Value| {
        let step = scene.steps.get(&text(&result["id"]));
        result["outcome"] == "pending" && step.is_some_and(|step| step["effect"] == "manual")
    };
    let others: Vec<String> = results
        .iter()
        .filter(|result| !waits(result))
        .filter(|result| !outcomes.split('|').any(|outcome| result["outcome"] == outcome))
        .map(|result| {
            format!("{result} of {}", told(scene.steps.get(&text(&result["id"])).map_or(&[], std::slice::from_ref)))
        })
        .collect();
    expect(!results.is_empty() && others.is_empty(), || {
        format!("{} steps; others: {}", results.len(), others.join("\n    "))
    })
}

fn no_step(scene: &Scene, outcome: &str) -> Result<(), String> {
    let found = list(&scene.report["steps"]).iter().find(|result| result["outcome"] == outcome);
    expect(found.is_none(), || format!("{found:?}"))
}

/// Returns the findings that fit; `*` stands for any.
pub fn findings(scene: &mut Scene, kind: &str, connection: &str, person: &str) -> Result<Vec<Value>, String> {
    let document = scene.look(&["findings"])?;
    let identity = if person == "*" { None } else { scene.people()?.id(person) };
    let account = scene.id(connection, person).ok();
    let whose = |finding: &Value| {
        let by_account = account.is_some() && finding["account"].as_str() == account.as_deref();
        person == "*" || by_account || (identity.is_some() && finding["identity"].as_str() == identity.as_deref())
    };
    let any = |wanted: &str, found: &Value| wanted == "*" || found == wanted;
    let fits =
        |finding: &&Value| any(kind, &finding["kind"]) && any(connection, &finding["connection"]) && whose(finding);
    Ok(list(&document["findings"]).iter().filter(fits).cloned().collect())
}

fn all_findings(scene: &Scene) -> String {
    let Ok(document) = scene.look(&["findings"]) else { return "?".into() };
    let told =
        |finding: &Value| format!("\n    {} {} {}", text(&finding["kind"]), finding["connection"], finding["text"]);
    list(&document["findings"]).iter().map(told).collect()
}

/// Looks at an account as the program sees it.
fn account(scene: &mut Scene, connection: &str, person: &str, words: &[&str]) -> Result<(), String> {
    let id = scene.id(connection, person);
    let document = scene.look(&["accounts", "--connection", connection, "--format", "json"])?;
    let accounts = list(&document["accounts"]);
    let email = email_of(person);
    let same = |account: &&Value| match &id {
        Ok(id) => account["id"].as_str() == Some(id),
        Err(_) => account["login"].as_str().is_some_and(|login| login.eq_ignore_ascii_case(&email)),
    };
    let found = accounts.iter().find(same).cloned();
    if words == ["is", "absent"] {
        return expect(found.is_none(), || format!("{found:?}"));
    }
    let found = found.ok_or_else(|| format!("the program has none among {} accounts", accounts.len()))?;
    match words {
        ["is", state] => expect(found["state"] == *state, || found.to_string()),
        ["kind", "is", kind] => expect(found["kind"] == *kind, || found.to_string()),
        ["belongs", "to", "nobody"] => expect(found["identity"].is_null(), || found.to_string()),
        ["belongs", "to", owner] => {
            let owner = scene.people()?.id(owner);
            expect(owner.is_some() && found["identity"].as_str() == owner.as_deref(), || found.to_string())
        }
        ["evidence", evidence] => expect(text(&found["evidence"]).contains(evidence), || found.to_string()),
        ["holds", kind, names] => {
            let mut held: Vec<String> = list(&found["grants"])
                .iter()
                .filter(|grant| grant["kind"] == *kind)
                .map(|grant| text(&grant["name"]))
                .collect();
            held.sort();
            expect(held.join("+") == *names, || found["grants"].to_string())
        }
        _ => Err("an account cannot be asked that".into()),
    }
}

fn identity(scene: &mut Scene, person: &str, words: &[&str]) -> Result<(), String> {
    let found = scene.people()?.find(person).cloned();
    match words {
        ["is", "absent"] => expect(found.is_none(), || format!("{found:?}")),
        ["is", state] => {
            let found = found.ok_or("the program knows nobody of that name")?;
            expect(found["state"] == *state, || found.to_string())
        }
        ["has", change] => {
            let found = found.ok_or("the program knows nobody of that name")?;
            let (field, value) = change.split_once('=').ok_or("FIELD=VALUE")?;
            expect(text(&found[field]) == value, || found.to_string())
        }
        _ => Err("an identity cannot be asked that".into()),
    }
}

/// Looks at what is really there.
fn world(scene: &mut Scene, vendor: &str, words: &[&str]) -> Result<(), String> {
    let (name, vendor) = (vendor, vendor_of(vendor)?);
    let world = scene.stage.world();
    match words {
        ["counts", person, count] => {
            let found = world.count(vendor, &email_of(person));
            expect(found as u64 == number(count)?, || format!("it counts {found}"))
        }
        [person, "is", "absent"] => {
            let found = world.find(vendor, &email_of(person));
            expect(found.is_none(), || format!("{found:?}"))
        }
        [person, "is", state] => {
            let found = world.state(vendor, &email_of(person));
            expect(found.is_some_and(|found| state.split('|').any(|one| one == found)), || format!("it is {found:?}"))
        }
        [person, "keeps", "its", "id"] => {
            let noted = scene.notes.get(&format!("{name} {person}")).ok_or("no id was noted")?;
            let found = world.id(vendor, &email_of(person));
            expect(noted.as_str() == found.as_deref(), || format!("noted {noted}, found {found:?}"))
        }
        [person, "has", changes @ ..] => {
            let found = world.find(vendor, &email_of(person)).ok_or_else(|| format!("{vendor} has no {person}"))?;
            for change in changes {
                let (field, value) = change.split_once('=').ok_or("FIELD=VALUE")?;
                let pointer = format!("/{}", field.replace('.', "/"));
                let there = found.pointer(&pointer).cloned().unwrap_or_default();
                expect(text(&there) == value, || format!("{field} is {there} in {found}"))?;
            }
            Ok(())
        }
        [person, "includes", item] => {
            let found = world.find(vendor, &email_of(person)).ok_or_else(|| format!("{vendor} has no {person}"))?;
            let (field, value) = item.split_once('=').ok_or("FIELD=VALUE")?;
            expect(list(&found[field]).iter().any(|item| text(item) == value), || found.to_string())
        }
        _ => Err(format!("`{vendor} {}` means nothing", words.join(" "))),
    }
}

/// Looks at what reached a vendor.
pub(super) fn statistics(scene: &Scene, vendor: &str, words: &[&str]) -> Result<(), String> {
    let counts = scene.stage.sandbox().statistics().of(vendor_of(vendor)?);
    let (figure, sign, wanted) = match words {
        [figure, sign, wanted] => (*figure, *sign, number(wanted)?),
        _ => return Err("write: vendor NAME FIGURE =|<=|>= N".into()),
    };
    let found = match figure {
        "requests" => counts.requests,
        "unauthorized" => counts.unauthorized,
        "throttled" => counts.throttled,
        "impatient" => counts.impatient,
        "writes" => counts.writes,
        "creates" => counts.creates,
        "faulted" => counts.faulted,
        "forgets" => counts.forgets,
        "scim" => counts.scim,
        "tokens" => counts.tokens,
        _ => return Err(format!("`{figure}` is not counted")),
    };
    let holds = match sign {
        "=" => found == wanted,
        "<=" => found <= wanted,
        ">=" => found >= wanted,
        _ => return Err("=, <= or >=".into()),
    };
    expect(holds, || format!("{counts:?}"))
}
