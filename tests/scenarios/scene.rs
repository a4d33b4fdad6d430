//! A scenario under way: its stage, and what the program said last.
//! Acts write into it, facts read it. It understands the program's JSON no further than to tell its documents apart.

use super::people::People;
use super::script::Script;
use crate::stage::{Ended, Running, Stage, email_of, vendor_of};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use tenure_sandbox::{Dialect, Dialects, Fault, Limits, Options};

/// How many people the company has where a scenario does not say.
const PEOPLE: usize = 30;

/// A scenario under way.
pub struct Scene {
    pub stage: Stage,
    pub faults: Vec<Fault>,
    /// What was begun and runs still.
    pub running: Option<Running>,
    /// The last run.
    pub last: Option<Ended>,
    /// The last document of each sort.
    pub plan: Value,
    pub report: Value,
    pub pulls: Value,
    /// Every step that a plan ever had, by id.
    pub steps: BTreeMap<String, Value>,
    /// What was noted, by its name.
    pub notes: BTreeMap<String, Value>,
    people: Option<People>,
}

impl Scene {
    /// Starts the sandbox that the script asks for.
    pub fn open(script: &Script) -> Result<Self, String> {
        let number = |name: &str, default: u64| -> Result<u64, String> {
            script
                .setting(name)
                .map_or(Ok(default), |text| text.parse().map_err(|_| format!("{name} {text}: no number")))
        };
        let limits = match script.setting("limits") {
            None | Some("off") => Limits::Off,
            Some("published") => Limits::published(),
            Some(other) => return Err(format!("limits are `off` or `published`, not `{other}`")),
        };
        let options = Options {
            dialects: dialects(script)?,
            people: number("people", PEOPLE as u64)? as usize,
            seed: number("seed", 1)?,
            limits,
            ..Options::default()
        };
        Ok(Self {
            stage: Stage::open(options),
            faults: Vec::new(),
            running: None,
            last: None,
            plan: Value::Null,
            report: Value::Null,
            pulls: Value::Null,
            steps: BTreeMap::new(),
            notes: BTreeMap::new(),
            people: None,
        })
    }

    /// Keeps what a run said.
    pub fn keep(&mut self, ended: Ended) {
        let document = ended.json().unwrap_or_default();
        if document.get("pulls").is_some() {
            self.pulls = document;
        } else if document.get("digest").is_some() {
            self.keep_plan(document);
        } else if document.get("run").is_some() {
            self.report = document;
        }
        // Whoever is known may have changed with any command.
        self.people = None;
        self.last = Some(ended);
    }

    fn keep_plan(&mut self, plan: Value) {
        let all = list(&plan["steps"]).iter().chain(list(&plan["held"]).iter().map(|hold| &hold["step"]));
        for step in all {
            self.steps.insert(text(&step["id"]), step.clone());
        }
        self.plan = plan;
    }

    /// Returns the last run.
    pub fn last(&self) -> Result<&Ended, String> {
        self.last.as_ref().ok_or_else(|| "nothing was run yet".to_owned())
    }

    /// Returns the people whom the program knows, asked once after each command.
    pub fn people(&mut self) -> Result<&People, String> {
        if self.people.is_none() {
            self.people = Some(People::ask(&self.stage)?);
        }
        self.people.as_ref().ok_or_else(|| "unreachable".to_owned())
    }

    /// Runs a command that only looks, and returns its document.
    pub fn look(&self, words: &[&str]) -> Result<Value, String> {
        let ended = self.stage.run(words);
        if ended.code != 0 {
            return Err(format!("could not look: {ended}"));
        }
        ended.json()
    }

    /// Returns the app's own id of somebody's account, from the world.
    pub fn id(&self, connection: &str, person: &str) -> Result<String, String> {
        let id = self.stage.world().id(vendor_of(connection)?, &email_of(person));
        id.ok_or_else(|| format!("{connection} has nobody called {person}"))
    }

    /// Replaces what stands in braces: `{plan}`, `{run}`, `{now+SECONDS}`, `{step EFFECT CONNECTION PERSON}`, `{account CONNECTION PERSON}`,
    /// `{id CONNECTION PERSON}`, `{identity PERSON}`, `{finding KIND CONNECTION PERSON}`, `{noted NAME}`.
    pub fn fill(&mut self, word: &str) -> Result<String, String> {
        let (Some(start), Some(end)) = (word.find('{'), word.find('}')) else { return Ok(word.to_owned()) };
        let inner: Vec<String> = word[start + 1..end].split_whitespace().map(String::from).collect();
        let inner: Vec<&str> = inner.iter().map(String::as_str).collect();
        let value = match inner.as_slice() {
            ["plan"] => text(&self.plan["id"]),
            ["run"] => text(&self.report["run"]),
            [moment] if moment.starts_with("now+") || moment.starts_with("now-") => {
                let seconds: i64 = moment[3..].parse().map_err(|_| format!("{moment} is no moment"))?;
                (Timestamp::now() + SignedDuration::from_secs(seconds)).to_string()
            }
            ["noted", name @ ..] => {
                let name = name.join(" ");
                text(self.notes.get(&name).ok_or_else(|| format!("nothing was noted as {name}"))?)
            }
            ["id", connection, person] => self.id(connection, person)?,
            ["step", pattern @ ..] => {
                let found = super::steps::find(self, pattern)?;
                text(&found.first().ok_or("the plan has no such step")?["id"])
            }
            ["csv", pattern @ ..] => {
                let found = super::steps::find(self, pattern)?;
                text(&found.first().ok_or("the plan has no such step")?["by_hand"]["csv"])
            }
            ["account", connection, person] => format!("{connection}/{}", self.id(connection, person)?),
            ["identity", person] => {
                let people = self.people()?;
                people.id(person).ok_or_else(|| format!("the program knows nobody called {person}"))?
            }
            ["finding", kind, connection, person] => {
                let found = super::facts::findings(self, kind, connection, person)?;
                text(&found.first().ok_or("there is no such finding")?["id"])
            }
            _ => return Err(format!("`{{{}}}` means nothing", inner.join(" "))),
        };
        Ok(format!("{}{value}{}", &word[..start], &word[end + 1..]))
    }
}

/// Reads `given dialect live` and `given dialect VENDOR live`; the guide's is spoken where nothing else is said.
fn dialects(script: &Script) -> Result<Dialects, String> {
    let mut dialects = Dialects::default();
    for words in script.settings("dialect") {
        let named = |word: &str| word.parse::<Dialect>().map_err(|error| error.to_string());
        dialects = match words {
            [dialect] => Dialects::all(named(dialect)?),
            [vendor, dialect] => dialects.with(vendor_of(vendor)?, named(dialect)?),
            _ => return Err("write `given dialect guide|live` or `given dialect VENDOR guide|live`".into()),
        };
    }
    Ok(dialects)
}

/// Returns the items of a list, or none.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns a value as a scenario writes it: a text bare, a list with its items sorted and joined by `+`.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(text_of_item).collect();
            items.sort();
            items.join("+")
        }
        other => other.to_string(),
    }
}

fn text_of_item(item: &Value) -> String {
    if item["name"].is_string() { text(&item["name"]) } else { text(item) }
}
