//! What a scenario does: it prepares the company, the apps and the files (`given`) and runs the program (`when`).
//! Words come from the script; effects go to the stage. Nothing here judges, except an exit code that was announced.

use super::scene::Scene;
use crate::stage::{email_of, vendor_of};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};
use tenure_sandbox::{
    FRESHDESK_READ_API_KEY, FRESHSERVICE_READ_API_KEY, GAINSIGHT_READ_ACCESS_KEY, GLADLY_READ_SECRET,
    GLADLY_READ_USERNAME, GORGIAS_READ_TOKEN, Habit, PutStyle, Vendor,
};

/// How long something is waited for.
const NAP_MAX: Duration = Duration::from_secs(60);

/// Prepares something.
pub fn given(scene: &mut Scene, words: &[String]) -> Result<(), String> {
    let mut filled = Vec::with_capacity(words.len());
    for word in words {
        filled.push(if word.starts_with("{csv ") { scene.fill(word)? } else { word.clone() });
    }
    let words: Vec<&str> = filled.iter().map(String::as_str).collect();
    let files = scene.stage.files().clone();
    match words.as_slice() {
        ["people" | "seed" | "limits", _] | ["dialect", ..] => Ok(()),
        ["hr", rest @ ..] => hr(scene, rest),
        ["fault", spec] => {
            scene.faults.push(spec.parse().map_err(|error: tenure_sandbox::FaultError| error.to_string())?);
            scene.stage.play(scene.faults.clone());
            Ok(())
        }
        ["no", "faults"] => {
            scene.faults.clear();
            scene.stage.play(Vec::new());
            Ok(())
        }
        ["policy", from, "becomes", to] => scene.stage.edit(&files.policy, from, to),
        ["policy", "also", text] => append(&files.policy, text),
        ["config", from, "becomes", to] => scene.stage.edit(&files.config, from, &to.replace("\\n", "\n")),
        ["secret", name, text] => {
            fs::write(files.secrets.join(name), text).map_err(|error| format!("write secret {name}: {error}"))
        }
        ["read-only", "credential", connection] => read_only(scene, connection),
        ["nap", ms] => {
            std::thread::sleep(Duration::from_millis(ms.parse().map_err(|_| "no number")?));
            Ok(())
        }
        ["nap", "until", vendor, figure @ ..] => nap_until(scene, vendor, figure),
        ["noted", connection, "id", person] => {
            let id = scene.id(connection, person)?;
            scene.notes.insert(format!("{connection} {person}"), Value::String(id));
            Ok(())
        }
        ["noted", "the", "plan", "as", name] => {
            let id = scene.plan["id"].clone();
            scene.notes.insert((*name).to_owned(), id);
            Ok(())
        }
        [name, rest @ ..] if let Some(idp) = super::idp::named(name) => super::idp::given(scene, idp, rest),
        [vendor, rest @ ..] => behind_the_scenes(scene, vendor_of(vendor)?, rest),
        [] => Err("given what?".into()),
    }
}

/// Waits until so much has reached an app.
fn nap_until(scene: &Scene, vendor: &str, figure: &[&str]) -> Result<(), String> {
    let until = Instant::now() + NAP_MAX;
    loop {
        match super::facts::statistics(scene, vendor, figure) {
            Err(because) if Instant::now() >= until => return Err(because),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
            Ok(()) => return Ok(()),
        }
    }
}

fn append(file: &std::path::Path, text: &str) -> Result<(), String> {
    let before = fs::read_to_string(file).map_err(|error| error.to_string())?;
    fs::write(file, format!("{before}\n{}\n", text.replace("\\n", "\n"))).map_err(|error| error.to_string())
}

/// Changes the HR export.
fn hr(scene: &Scene, words: &[&str]) -> Result<(), String> {
    let files = scene.stage.files();
    let write = |text: String| fs::write(&files.people, text).map_err(|error| error.to_string());
    let text = fs::read_to_string(&files.people).map_err(|error| error.to_string())?;
    let mut rows: Vec<String> = text.lines().map(String::from).collect();
    match words {
        ["today"] => fs::copy(&files.people_today, &files.people).map(|_| ()).map_err(|error| error.to_string()),
        ["today", "without", numbers @ ..] => {
            let today = fs::read_to_string(&files.people_today).map_err(|error| error.to_string())?;
            write(today.lines().filter(|row| !is_any(row, numbers)).map(|row| format!("{row}\n")).collect())
        }
        ["without", numbers @ ..] => {
            rows.retain(|row| !is_any(row, numbers));
            write(rows.join("\n") + "\n")
        }
        ["first", count] => {
            let count: usize = count.parse().map_err(|_| format!("{count} is no number"))?;
            rows.truncate(count + 1);
            write(rows.join("\n") + "\n")
        }
        ["loses", "the", "column", name] => {
            let at = rows[0].split(',').position(|column| column == *name);
            let at = at.ok_or_else(|| format!("HR has no column {name}"))?;
            let without = |row: &String| {
                let kept = row.split(',').enumerate().filter(|(place, _)| *place != at).map(|(_, cell)| cell);
                kept.collect::<Vec<_>>().join(",") + "\n"
            };
            write(rows.iter().map(without).collect())
        }
        ["row", number, changes @ ..] => {
            let columns: Vec<String> = rows[0].split(',').map(String::from).collect();
            let row = rows.iter_mut().skip(1).find(|row| is_any(row, &[number]));
            let row = row.ok_or_else(|| format!("HR has no {number}"))?;
            *row = changed(row, &columns, changes)?;
            write(rows.join("\n") + "\n")
        }
        ["new", values @ ..] => {
            let columns: Vec<String> = rows[0].split(',').map(String::from).collect();
            rows.push(changed(&",".repeat(columns.len() - 1), &columns, values)?);
            write(rows.join("\n") + "\n")
        }
        _ => {
            Err("HR can be: today, today without N…, without N…, first N, loses the column NAME, row N COLUMN=VALUE…, \
                 new COLUMN=VALUE…"
                .into())
        }
    }
}

fn is_any(row: &str, numbers: &[&str]) -> bool {
    numbers.iter().any(|number| row.split(',').next() == Some(number))
}

/// Changes cells of a row. Rows with quoted cells are not needed by any scenario and are refused.
fn changed(row: &str, columns: &[String], changes: &[&str]) -> Result<String, String> {
    if row.contains('"') {
        return Err(format!("a row with quotes cannot be changed: {row}"));
    }
    let mut cells: Vec<String> = row.split(',').map(String::from).collect();
    for change in changes {
        let (column, value) = change.split_once('=').ok_or_else(|| format!("{change} is not COLUMN=VALUE"))?;
        let at = columns.iter().position(|name| name == column).ok_or_else(|| format!("HR has no column {column}"))?;
        value.clone_into(&mut cells[at]);
    }
    Ok(cells.join(","))
}

/// Gives a connection a credential that may only read.
fn read_only(scene: &Scene, connection: &str) -> Result<(), String> {
    let secrets: &[(&str, &str)] = match vendor_of(connection)? {
        Vendor::Gorgias => &[("token", GORGIAS_READ_TOKEN)],
        Vendor::Gladly => &[("username", GLADLY_READ_USERNAME), ("secret", GLADLY_READ_SECRET)],
        Vendor::Freshdesk => &[("api_key", FRESHDESK_READ_API_KEY)],
        Vendor::Freshservice => &[("api_key", FRESHSERVICE_READ_API_KEY)],
        Vendor::Gainsight => &[("access_key", GAINSIGHT_READ_ACCESS_KEY)],
    };
    for (name, secret) in secrets {
        let file = scene.stage.files().secrets.join(format!("{connection}-{name}"));
        fs::write(file, secret).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Does what another admin, or the vendor, does to an app.
fn behind_the_scenes(scene: &Scene, vendor: Vendor, words: &[&str]) -> Result<(), String> {
    let world = scene.stage.world();
    let done = |done: bool, what: &str| if done { Ok(()) } else { Err(format!("{vendor} has nobody to {what}")) };
    let habit = |habit| {
        if world.set_habit(vendor, habit) { Ok(()) } else { Err(format!("{vendor} has no such habit in this dialect")) }
    };
    match words {
        ["confirms", person] => done(world.confirm(vendor, &email_of(person)), "confirm"),
        ["speaks", dialect] => {
            let dialect = dialect.parse().map_err(|error| format!("{error}"))?;
            scene.stage.sandbox().speak(vendor, dialect).map_err(|error| error.to_string())
        }
        ["purges", person] => done(world.purge(vendor, &email_of(person)), "purge"),
        ["changes", person, patch] => {
            let patch: Value = serde_json::from_str(patch).map_err(|error| format!("{patch}: {error}"))?;
            done(world.change(vendor, &email_of(person), &patch), "change")
        }
        ["gives", person, "the", "role", "of", model] => {
            let role = world.find(vendor, &email_of(model)).map(|record| record["role"].clone());
            let patch = json!({ "role": role.ok_or_else(|| format!("{vendor} has no {model}"))? });
            done(world.change(vendor, &email_of(person), &patch), "change")
        }
        ["invites", person, name] => scene.stage.invite(vendor, &email_of(person), name),
        ["is", "eaten", times, "times", "a", "second"] => {
            scene.stage.eat(vendor, times.parse().map_err(|_| format!("{times} is no number"))?);
            Ok(())
        }
        ["seats", "full"] => {
            let (taken, _) = world.seats(vendor).ok_or_else(|| format!("{vendor} counts no seats"))?;
            world.set_seats(vendor, taken);
            Ok(())
        }
        ["seats", count] => {
            world.set_seats(vendor, count.parse().map_err(|_| format!("{count} is no number"))?);
            Ok(())
        }
        ["uploads", row] => {
            let whole = row.contains('\n');
            let header = if whole { "" } else { "name,email,roles,inboxes,teams,deactivated\n" };
            let rows = format!("{header}{row}\n");
            world.import(vendor, &rows).map(|_| ())
        }
        ["ignores", "active"] => habit(Habit::ActiveIgnored),
        ["lists", "the", "deactivated"] => habit(Habit::InactiveListed),
        ["lists", "whole", "rows"] => habit(Habit::RowsWhole),
        ["shows", "sampled", "rows"] => habit(Habit::RowsSampled),
        ["has", "no", "unnamed", "lists"] => habit(Habit::ListsUnnamed),
        ["search", "lags", seconds] => {
            let seconds = seconds.parse().map_err(|_| format!("{seconds} is no number"))?;
            habit(Habit::IndexLag(Duration::from_secs(seconds)))
        }
        ["sso", state @ ("on" | "off")] => {
            world.set_sso(vendor, *state == "on");
            Ok(())
        }
        ["scim", uses @ ..] => super::surface::connect(scene, vendor, uses),
        ["ends", "its", "tokens"] => {
            super::surface::end_tokens(scene);
            Ok(())
        }
        ["put", "replaces"] => {
            world.set_gainsight_put(PutStyle::Full);
            Ok(())
        }
        _ => Err(format!("`{vendor} {}` means nothing", words.join(" "))),
    }
}

/// Runs `tenure … -> CODE [within SECONDS]`; `-> begun` leaves it running until `it ends -> CODE` or `it is killed -> -1`.
pub fn when(scene: &mut Scene, words: &[String]) -> Result<(), String> {
    let arrow = words.iter().position(|word| word == "->").ok_or("no `-> CODE` at the end")?;
    let (command, announced) = words.split_at(arrow);
    let announced: Vec<&str> = announced[1..].iter().map(String::as_str).collect();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let ended = match (command.as_slice(), announced.as_slice()) {
        (["tenure", words @ ..], ["begun"]) => {
            let words = fill_all(scene, words)?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            scene.running = Some(scene.stage.begin(&words));
            return Ok(());
        }
        (["tenure", words @ ..], _) => {
            let words = fill_all(scene, words)?;
            scene.stage.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
        }
        (["it", "ends"], _) => {
            let running = scene.running.take().ok_or("nothing was begun")?;
            scene.stage.end(running)
        }
        (["it", "is", "killed"], _) => {
            let mut running = scene.running.take().ok_or("nothing was begun")?;
            running.kill();
            scene.stage.end(running)
        }
        _ => return Err("a command begins with `tenure`, or is `it ends` or `it is killed`".into()),
    };
    let (codes, seconds) = match announced.as_slice() {
        [codes] => (*codes, None),
        [codes, "within", seconds] => (*codes, Some(seconds.parse::<f64>().map_err(|_| "no number")?)),
        _ => return Err("write `-> CODE` or `-> CODE within SECONDS`".into()),
    };
    scene.keep(ended.clone());
    if !codes.split('|').any(|code| code == ended.code.to_string()) {
        return Err(format!("{ended}"));
    }
    match seconds {
        Some(seconds) if ended.took.as_secs_f64() > seconds => Err(format!("it took too long: {ended}")),
        _ => Ok(()),
    }
}

fn fill_all(scene: &mut Scene, words: &[&str]) -> Result<Vec<String>, String> {
    words.iter().map(|word| scene.fill(word)).collect()
}
