//! Who holds what in an app: as a picture, as a table with some names beside each thing, and all who hold one thing, a page at a
//! time. People come from what judging came to; no account is read for it.

use crate::frame::query;
use crate::judged::{Holders, Known, Line};
use crate::{draw, words};
use axum::http::Uri;
use tenure_store::Overview;

/// Things that people hold: lines of the table, and of the picture.
const HELD_SHOWN: usize = 40;
const DRAWN: usize = 10;
/// Names beside each, in the table and in the picture.
const NAMES_SHOWN: usize = 6;
const NAMES_DRAWN: usize = 4;
/// People on one page of those who hold one thing.
const HOLDING_SHOWN: usize = 60;

/// Who holds what in an app.
pub(crate) struct Held {
    pub drawn: String,
    pub lines: Vec<HeldLine>,
    pub more: usize,
}

/// One thing that people hold here: what, how many people, some of them with where they are shown.
pub(crate) struct HeldLine {
    pub kind: String,
    pub name: String,
    pub privileged: bool,
    pub link: String,
    pub people: usize,
    pub accounts: String,
    pub some: Vec<(String, String)>,
}

/// Those who hold one thing, a page of them.
pub(crate) struct Holding {
    pub says: String,
    pub people: Vec<(String, String, String, String)>,
    pub all: usize,
    pub page: usize,
    pub pages: usize,
    pub here: String,
}

impl Held {
    /// Finds who holds what, what is privileged first, then what most hold.
    pub fn of(app: &str, known: &Overview, judged: &Known) -> Self {
        let privileged = |kind: &str, name: &str| {
            known.entitlements.iter().any(|one| one.privileged && one.kind.as_str() == kind && &*one.name == name)
        };
        let line = |((kind, name), holders): (&(String, String), &Holders)| HeldLine {
            kind: kind.clone(),
            name: name.clone(),
            privileged: privileged(kind, name),
            link: place(app, kind, name),
            people: holders.len(),
            accounts: words::thousands(holders.accounts as i64),
            some: judged.people_of(holders).take(NAMES_SHOWN).map(named).collect(),
        };
        let mut lines: Vec<HeldLine> = judged.holders.get(app).into_iter().flatten().map(line).collect();
        lines.sort_by_key(|line| (!line.privileged, line.kind.is_empty(), std::cmp::Reverse(line.people)));
        let drawn: Vec<draw::Granted> = lines.iter().take(DRAWN).map(granted).collect();
        let drawn = if drawn.is_empty() { String::new() } else { draw::holders(app, &drawn) };
        let more = lines.len().saturating_sub(HELD_SHOWN);
        lines.truncate(HELD_SHOWN);
        Self { drawn, lines, more }
    }
}

/// Returns where those stand who hold a thing.
fn place(app: &str, kind: &str, name: &str) -> String {
    format!("/apps/{}?kind={}&holds={}", words::part(app), words::part(kind), words::part(name))
}

fn named(line: &Line) -> (String, String) {
    (line.name.clone(), format!("/people/{}", words::part(&line.id)))
}

fn granted(line: &HeldLine) -> draw::Granted {
    let people: Vec<String> = line.some.iter().take(NAMES_DRAWN).map(|(name, _)| name.clone()).collect();
    let name = if line.kind.is_empty() { line.name.clone() } else { format!("{} {}", line.kind, line.name) };
    draw::Granted { name, privileged: line.privileged, more: line.people - people.len(), people }
}

/// Lists those who hold the thing that is asked for, a page of them.
pub(crate) fn holding(app: &str, judged: &Known, uri: &Uri) -> Option<Holding> {
    let name = query(uri, "holds")?;
    let kind = query(uri, "kind").unwrap_or_default();
    let none = Holders::default();
    let holders = judged.holders.get(app).and_then(|all| all.get(&(kind.clone(), name.clone()))).unwrap_or(&none);
    let pages = holders.len().div_ceil(HOLDING_SHOWN).max(1);
    let page = query(uri, "page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, pages);
    let shown = judged.people_of(holders).skip((page - 1) * HOLDING_SHOWN).take(HOLDING_SHOWN);
    let line = |line: &Line| {
        let (name, link) = named(line);
        (name, link, line.email.clone(), line.department.clone())
    };
    Some(Holding {
        here: place(app, &kind, &name),
        says: if kind.is_empty() { name } else { format!("{kind} {name}") },
        people: shown.map(line).collect(),
        all: holders.len(),
        page,
        pages,
    })
}
