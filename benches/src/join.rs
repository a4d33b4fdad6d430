//! Two files of a million lines, people and accounts, joined on e-mail and diffed: by a bare hash join, by the walk, and
//! by DuckDB where it is installed. All three read the same lines and must find the same differences.
//! The lines are records as the store keeps them; the accounts lie in an order of their own and hold no other key.

use crate::company::{account, connection, open, record};
use crate::job::Outcome;
use crate::spent::{Spent, Watch};
use anyhow::{Context, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use tenure_core::Asked;
use tenure_core::account::Account;
use tenure_core::facts::Facts;
use tenure_core::name::ConnectionName;

const APP: &str = "freshdesk";
const QUERY: &str = include_str!("join.py");

/// Writes the two files: of a hundred people one has no account yet.
pub fn write(folder: &Path, people: u64) -> anyhow::Result<()> {
    let app = ConnectionName::new(APP);
    let records = (0..people).map(|number| record(number, 0));
    write_lines(&people_of(folder), records)?;
    let order = (0..people).map(|at| (at * 7919 + 31) % people).filter(|number| number % 100 != 2);
    write_lines(&accounts_of(folder), order.filter_map(|number| account(&app, number)))
}

fn people_of(folder: &Path) -> PathBuf {
    folder.join("people.jsonl")
}

fn accounts_of(folder: &Path) -> PathBuf {
    folder.join("accounts.jsonl")
}

fn write_lines(path: &Path, accounts: impl Iterator<Item = Account>) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for account in accounts {
        serde_json::to_writer(&mut file, &account)?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
}

fn each_line(path: &Path, mut take: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut line = String::new();
    while file.read_line(&mut line)? > 0 {
        take(line.trim_end())?;
        line.clear();
    }
    Ok(())
}

#[derive(Deserialize)]
struct PersonLine<'a> {
    #[serde(borrow)]
    fields: PersonFields<'a>,
}

#[derive(Deserialize)]
struct PersonFields<'a> {
    #[serde(borrow)]
    work_email: Cow<'a, str>,
    name: Cow<'a, str>,
    title: Cow<'a, str>,
    department: Cow<'a, str>,
    end_date: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct AccountLine<'a> {
    #[serde(borrow)]
    login: Cow<'a, str>,
    name: Cow<'a, str>,
    grants: Vec<GrantLine<'a>>,
    #[serde(borrow)]
    fields: AccountFields<'a>,
}

#[derive(Deserialize)]
struct GrantLine<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct AccountFields<'a> {
    #[serde(borrow)]
    title: Cow<'a, str>,
}

struct Person {
    name: String,
    title: String,
    department: String,
    has_left: bool,
    has_account: bool,
}

/// Joins by one hash table of the addresses: typed decoding, plain comparisons, and nothing else.
pub fn bare(folder: &Path) -> anyhow::Result<Outcome> {
    let watch = Watch::now();
    let mut people: HashMap<String, Person> = HashMap::new();
    each_line(&people_of(folder), |line| {
        let PersonFields { work_email, name, title, department, end_date } =
            serde_json::from_str::<PersonLine>(line)?.fields;
        let (name, title, department) = (name.into_owned(), title.into_owned(), department.into_owned());
        let person = Person { name, title, department, has_left: end_date.is_some(), has_account: false };
        people.insert(work_email.to_lowercase(), person);
        Ok(())
    })?;
    let mut differing: Vec<String> = Vec::new();
    each_line(&accounts_of(folder), |line| {
        let account: AccountLine = serde_json::from_str(line)?;
        let login = account.login.to_lowercase();
        let person = people.get_mut(&login).context("an account of nobody")?;
        person.has_account = true;
        let is_wished = |grant: &GrantLine| match &*grant.kind {
            "role" => grant.name == "Agent",
            _ => *grant.name == *person.department,
        };
        let as_wished = account.grants.len() == 2 && account.grants.iter().all(is_wished);
        if person.has_left || !as_wished || *person.name != *account.name || *person.title != *account.fields.title {
            differing.push(login);
        }
        Ok(())
    })?;
    differing.extend(people.into_iter().filter(|(_, person)| !person.has_account).map(|(email, _)| email));
    Ok(Outcome { spent: watch.spent(), accounts: differing.len() as u64, complete: true, ..Outcome::default() })
}

/// Walks from the lines to a plan, identities, evidence, guards and all.
pub async fn ours(folder: &Path) -> anyhow::Result<Outcome> {
    let house = open(folder).await?;
    let watch = Watch::now();
    let mut facts = Facts { now_ms: house.clock.now_ms(), ..Facts::default() };
    for (name, path) in [("hr", people_of(folder)), (APP, accounts_of(folder))] {
        let before = facts.accounts.len();
        read_all(&path, &mut facts.accounts)?;
        let count = (facts.accounts.len() - before) as u64;
        let (name, known) = connection(&house, &ConnectionName::new(name), count)?;
        facts.connections.insert(name, known);
    }
    let read = watch.spent();
    let asked = Asked { made_at: house.clock.now_text(), ..Asked::default() };
    let judged = tenure_core::reconcile(&facts, &house.policy, &asked);
    let differing = judged.plan.steps.len() + judged.plan.held.len();
    let mut outcome =
        Outcome { spent: watch.spent(), accounts: differing as u64, complete: true, ..Outcome::default() };
    outcome.figures.insert("read_s".into(), read.cpu_s);
    Ok(outcome)
}

/// Reads all lines; how many there are is guessed from the length of the first, so that few are moved again.
fn read_all<T: DeserializeOwned>(path: &Path, all: &mut Vec<T>) -> anyhow::Result<()> {
    let bytes = std::fs::metadata(path)?.len() as usize;
    let mut reserved = false;
    each_line(path, |line| {
        if !std::mem::replace(&mut reserved, true) {
            all.reserve(bytes / (line.len() + 1) + 1);
        }
        all.push(serde_json::from_str(line)?);
        Ok(())
    })
}

/// Lets DuckDB do it; nothing where the build has no Python with it in `target/duckdb`.
pub fn duckdb(folder: &Path) -> anyhow::Result<Option<Outcome>> {
    let python = std::env::current_exe()?.ancestors().nth(2).context("no target")?.join("duckdb/bin/python");
    if !python.exists() {
        return Ok(None);
    }
    let told = Command::new(python).arg("-c").arg(QUERY).arg(people_of(folder)).arg(accounts_of(folder)).output()?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let (differing, cpu_s, wall_s, peak_mb): (u64, f64, f64, f64) = serde_json::from_slice(&told.stdout)?;
    let spent = Spent { cpu_s, wall_s, peak_mb };
    Ok(Some(Outcome { spent, accounts: differing, complete: true, ..Outcome::default() }))
}
