//! `check`: looks whether everything that a walk needs is in order, with read-only calls and none that writes.
//! Files were checked when the house was opened; here come the policy's words, secrets, and what each connection says
//! of itself. It mends nothing.

use crate::dialect::{Dialect, settle};
use crate::error::EngineError;
use crate::house::{FilePlace, FileSource, House, Reader};
use crate::reconcile::connection_facts;
use crate::stop::stops_of;
use crate::work::schedule::every_ms;
use async_recursion::async_recursion as boxed;
use futures::{StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use tenure_connect::file::{FileError, People, PeopleOptions, meant};
use tenure_connect::{Connector, ErrorKind, Priority};
use tenure_core::change::FindingKind;
use tenure_core::decide::{Slip, slips};
use tenure_core::facts::Facts;
use tenure_core::name::ConnectionName;
use tenure_core::stop::Stop;

const AT_ONCE: usize = 8;

/// One thing that was checked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CheckLine {
    /// Of which connection; none for the files.
    pub connection: Option<String>,
    /// What.
    pub what: String,
    /// How it is.
    pub verdict: Verdict,
    /// In a sentence; for a problem, who must do what.
    pub says: String,
    /// Whether the remote side could not be reached.
    #[serde(skip)]
    pub unreachable: bool,
}

impl CheckLine {
    /// Says how a thing is that the files describe and no connection has.
    pub fn of_files(what: &str, verdict: Verdict, says: String) -> Self {
        Self { connection: None, what: what.to_owned(), verdict, says, unreachable: false }
    }
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// In order.
    Good,
    /// Only a person can tell.
    Confirm,
    /// Somebody must do something.
    Problem,
}

/// Checks the files and the connections named.
///
/// # Errors
/// A connection of that name does not exist.
#[boxed]
pub async fn check(house: &House, names: &[String], offline: bool) -> Result<Vec<CheckLine>, EngineError> {
    let (is_all, names) = (names.is_empty(), house.asked(names)?);
    let mut lines = files(house);
    if is_all {
        lines.extend(crate::signals::check(&house.config));
        lines.extend(crate::openid::check(house, offline).await);
        lines.extend(crate::notify::check(house, offline).await);
    }
    lines.extend(slips_of(house, &names).await?);
    let one = |name: ConnectionName| async move { check_one(house, &name, offline).await };
    let checked: Vec<_> = stream::iter(names.clone()).map(one).buffered(AT_ONCE).collect().await;
    lines.extend(checked.into_iter().flatten());
    let asked = |stop: &Stop| stop.connection.as_ref().is_none_or(|name| names.contains(name));
    lines.extend(stops_of(&house.store).await?.iter().filter(|stop| asked(stop)).map(stopped));
    Ok(lines)
}

/// Says that somebody stopped writes: only a person can tell whether that is still right.
pub(crate) fn stopped(stop: &Stop) -> CheckLine {
    CheckLine {
        connection: stop.connection.as_ref().map(ToString::to_string),
        what: "writes".into(),
        verdict: Verdict::Confirm,
        says: stop.says(),
        unreachable: false,
    }
}

fn files(house: &House) -> Vec<CheckLine> {
    let line = CheckLine::of_files;
    let config = house.config.file.display();
    let mut lines = vec![
        line("configuration", Verdict::Good, format!("{config} has {} connections", house.config.connections.len())),
        line(
            "policy",
            Verdict::Good,
            format!("{} grants, {} approval rules", house.policy.grants.len(), house.policy.approvals.len()),
        ),
        line("store", Verdict::Good, "can be opened and is of this version".into()),
    ];
    if !house.config.connections.values().any(|connection| connection.source) {
        let says = "no connection has `source = true`, so nobody is known to belong here".into();
        lines.push(line("sources", Verdict::Problem, says));
    }
    lines
}

#[boxed]
async fn check_one(house: &House, name: &ConnectionName, offline: bool) -> Vec<CheckLine> {
    let line = |what: &str, verdict, says: String| CheckLine {
        connection: Some(name.to_string()),
        what: what.to_owned(),
        verdict,
        says,
        unreachable: false,
    };
    let reader = match house.reader(name).await {
        Ok(reader) => reader,
        Err(error) => return vec![line("secrets", Verdict::Problem, error.to_string())],
    };
    let unserved = match every_ms(house, name).await {
        Ok((_, refused)) => refused.map(|wrong| wrong.to_string()),
        Err(error) => Some(error.to_string()),
    };
    let (reader, mut lines) = match reader {
        Reader::App(_) if !offline => match settle(house, name).await {
            // What stands in the way of asking, the checks below say as well.
            Ok(settled) => {
                let told = settled.dialect.filter(|_| settled.error.is_none());
                let says =
                    |told: Dialect| line("dialect", Verdict::Good, format!("{} ({})", told.dialect, told.evidence));
                (settled.reader, told.map(says).into_iter().collect())
            }
            Err(error) => return vec![line("dialect", Verdict::Problem, error.to_string())],
        },
        reader => (reader, Vec::new()),
    };
    let asked = match &reader {
        Reader::App(connector) if !offline => Some(connector.clone()),
        _ => None,
    };
    lines.extend(match reader {
        Reader::File(file) => {
            let mut lines = vec![check_file(house, name, &file, offline, line).await];
            lines.extend(map_slips(house, name, &file).into_iter().map(|says| line("map", Verdict::Problem, says)));
            lines
        }
        Reader::Pushed => {
            let says =
                format!("nothing is asked; people are pushed to /scim/v2/{name} with a token of scope scim:{name}");
            vec![line("door", Verdict::Good, says)]
        }
        Reader::App(_) if offline => vec![line("secrets", Verdict::Good, "are there; nothing was sent".into())],
        Reader::App(connector) if connector.parked(Priority::Write).is_some() => parked_line(&line, &connector),
        Reader::App(connector) => connector
            .check()
            .await
            .into_iter()
            .map(|checked| CheckLine {
                unreachable: checked.error == Some(ErrorKind::Unreachable),
                ..line(&checked.what, verdict(checked.ok), checked.says)
            })
            .collect(),
    });
    if let Some(connector) = asked.filter(|connector| connector.parked(Priority::Write).is_none()) {
        lines.push(line("rate limit", Verdict::Good, connector.budget()));
        let seen = connector.statistics().rival.map(|rival| rival.to_string());
        let noted = crate::budget::rival(&house.store, name).await.unwrap_or_default();
        lines.extend(seen.or(noted).map(|says| line("rate limit", Verdict::Confirm, says)));
    }
    lines.extend(unserved.map(|says| line("schedule", Verdict::Problem, says)));
    lines
}

/// Lists what the policy names that a connection does not have, as far as its reference lists were read.
async fn slips_of(house: &House, names: &[ConnectionName]) -> Result<Vec<CheckLine>, EngineError> {
    let facts = Facts { connections: connection_facts(house, None).await?, ..Facts::default() };
    let line = |slip: Slip| CheckLine {
        connection: Some(slip.connection.to_string()),
        what: "policy".into(),
        verdict: if slip.kind == FindingKind::Prerequisite { Verdict::Confirm } else { Verdict::Problem },
        says: format!("rule \"{}\": {}", slip.rule, slip.text),
        unreachable: false,
    };
    Ok(slips(&house.policy, &facts).into_iter().filter(|slip| names.contains(&slip.connection)).map(line).collect())
}

/// Lists names of the map that may be meant for a column that is known, with their lines.
fn map_slips(house: &House, name: &ConnectionName, file: &FileSource) -> Vec<String> {
    let slip = |ours: &String| {
        let hint = format!("did you mean `{}`?", meant(ours)?);
        let message = format!("`{ours}` is no column that is known");
        Some(house.config.misplaced(&["connections", name.as_str(), "map", ours], message, Some(hint)).to_string())
    };
    file.map.keys().filter_map(slip).collect()
}

/// Reads a file to its end and says how it is.
fn read_through(name: &ConnectionName, file: &FileSource, path: &Path) -> Result<String, String> {
    let options = PeopleOptions { connection: name.clone(), map: file.map.clone(), skip: BTreeSet::new() };
    let cause = |error: FileError| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
    };
    let mut people = People::open(path, options).map_err(cause)?;
    people.by_ref().for_each(drop);
    let report = people.report_now();
    match report.because {
        None => Ok(format!("{} can be read, {} people", path.display(), report.people)),
        Some(because) => Err(format!("{}: {because}", path.display())),
    }
}

/// Says whether a file can be read, or fetched.
async fn check_file(
    house: &House,
    name: &ConnectionName,
    file: &FileSource,
    offline: bool,
    line: impl Fn(&str, Verdict, String) -> CheckLine,
) -> CheckLine {
    let problem = |says: String| line("file", Verdict::Problem, says);
    if let FilePlace::Url(download) = &file.place {
        let place = download.place();
        if offline {
            return line("file", Verdict::Good, format!("{place} was not asked for"));
        }
        return match download.fetch(None).await {
            Ok(_) => line("file", Verdict::Good, format!("{place} can be read")),
            Err(error) => CheckLine { unreachable: error.kind == ErrorKind::Unreachable, ..problem(error.to_string()) },
        };
    }
    match file.local(house.clock.now_ms()) {
        Ok(Some(path)) => {
            read_through(name, file, &path).map_or_else(problem, |says| line("file", Verdict::Good, says))
        }
        Ok(None) => problem("there is no file".into()),
        Err(error) => problem(error.to_string()),
    }
}

/// Says that a connection is parked; nothing is asked of it.
fn parked_line(line: &impl Fn(&str, Verdict, String) -> CheckLine, connector: &Connector) -> Vec<CheckLine> {
    let says = |parked: String| format!("{parked}; nothing was asked, check again afterwards");
    let parked = connector.parked(Priority::Write).map(|parked| parked.to_string());
    parked.map(|parked| line("rate limit", Verdict::Problem, says(parked))).into_iter().collect()
}

fn verdict(ok: tenure_connect::Verdict) -> Verdict {
    match ok {
        tenure_connect::Verdict::Good => Verdict::Good,
        tenure_connect::Verdict::Bad => Verdict::Problem,
        tenure_connect::Verdict::Unconfirmed => Verdict::Confirm,
    }
}
