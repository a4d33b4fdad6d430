//! `People`: everybody in one searchable list, a page at a time. It searches lines that judging left in memory; what a
//! person holds is on their own page.

use crate::Shared;
use crate::failure::Failure;
use crate::frame::{Frame, query, show};
use crate::words::{self, Chip};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Html;
use std::sync::Arc;
use tenure_engine::session::Visitor;

const SHOWN: usize = 100;
const STATES: [&str; 5] = ["active", "future", "leave", "left", "unknown"];

#[derive(Template)]
#[template(path = "people.html")]
struct People {
    frame: Frame,
    sought: String,
    state: String,
    states: [&'static str; 5],
    lines: Vec<PersonLine>,
    found: String,
    all: usize,
    page: usize,
    pages: usize,
    here: String,
    judged: String,
}

struct PersonLine {
    link: String,
    name: String,
    email: String,
    department: String,
    title: String,
    state: Chip,
    accounts: u32,
}

/// `GET /people`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "People", "people", (&uri, &headers)).await?;
    let known = console.judged.get(&console, frame.as_of_ms()).await?;
    let sought = query(&uri, "q").unwrap_or_default();
    let words: Vec<String> = sought.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let state = query(&uri, "state").filter(|state| STATES.contains(&state.as_str())).unwrap_or_default();
    let fits = |line: &&crate::judged::Line| (state.is_empty() || line.state.as_str() == state) && line.has(&words);
    let found: Vec<&crate::judged::Line> = known.people.iter().filter(fits).collect();
    let pages = found.len().div_ceil(SHOWN).max(1);
    let page = query(&uri, "page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, pages);
    let lines = found.iter().skip((page - 1) * SHOWN).take(SHOWN).map(|line| PersonLine {
        link: format!("/people/{}", words::part(&line.id)),
        name: line.name.clone(),
        email: line.email.clone(),
        department: line.department.clone(),
        title: line.title.clone(),
        state: words::state(line.state.as_str()),
        accounts: line.accounts,
    });
    show(&People {
        lines: lines.collect(),
        found: words::count(found.len(), "person", "people"),
        all: known.people.len(),
        page,
        pages,
        here: format!("/people?q={}&state={state}", words::part(&sought)),
        judged: words::ago(known.at_ms, console.house.clock.now_ms()),
        sought,
        state,
        states: STATES,
        frame,
    })
}
