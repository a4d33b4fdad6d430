//! `Audit`: the journal, newest first and searched; its chain checked; exported as CSV or as a page to print. And the switch
//! that has the console look at an earlier moment. Whoever reads much is written down.

use crate::Shared;
use crate::failure::Failure;
use crate::frame::{AS_OF, Frame, query, show};
use crate::gate::{Form, is_tls};
use crate::past::journal_end;
use crate::words;
use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use futures::stream;
use serde_json::json;
use std::sync::Arc;
use tenure_core::journal::Entry;
use tenure_engine::anchor::known;
use tenure_engine::audit::{Checked, entries, record_read};
use tenure_engine::openid::within;
use tenure_engine::session::Visitor;

const SHOWN: usize = 60;
/// Entries that one search looks through; the page says where it goes on.
const LOOKED_MAX: usize = 20_000;
const PAGE: usize = 1000;
/// Entries on one page to print, at most, and how much text they may hold together.
const PRINTED: usize = 400;
const PRINTED_BYTES: usize = 105_000;
/// What a line of the journal takes besides its words.
const LINE_BYTES: usize = 260;

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    sought: String,
    lines: Vec<EntryLine>,
    next: Option<i64>,
    here: String,
    entries: String,
    head: String,
    checked: Option<Checked>,
}

#[derive(Template)]
#[template(path = "audit_print.html")]
struct Printed {
    frame: Frame,
    lines: Vec<EntryLine>,
    checked: Checked,
    now: String,
    sought: String,
    /// How many entries the journal has, or had.
    entries: i64,
    /// Where the part before this one begins, if there is one: the newest are on the first.
    is_first: bool,
    /// Before which entry the next part goes on.
    next: Option<i64>,
}

struct EntryLine {
    seq: i64,
    at: String,
    actor: String,
    event: String,
    step: Option<String>,
    run: String,
    says: String,
    hash: String,
}

impl EntryLine {
    fn new(entry: &Entry) -> Self {
        Self {
            seq: entry.seq,
            at: words::moment(&entry.at),
            actor: entry.actor.clone(),
            event: entry.event.replace('_', " "),
            step: entry.step.clone(),
            run: entry.run.clone().unwrap_or_default(),
            says: says(entry),
            hash: entry.hash.chars().take(12).collect(),
        }
    }

    /// How much it takes of a page, in bytes.
    fn size(&self) -> usize {
        let words =
            [&*self.at, &*self.actor, &*self.event, &*self.run, &*self.says, self.step.as_deref().unwrap_or("")];
        let escaped = |text: &str| text.chars().filter(|letter| "<>&\"'".contains(*letter)).count() * 5;
        LINE_BYTES + words.iter().map(|text| text.len() + escaped(text)).sum::<usize>()
    }
}

/// Says an entry in one line: when, who, what, and the rest.
pub(crate) fn told(entry: &Entry) -> (String, String, String, String) {
    (words::moment(&entry.at), entry.actor.clone(), entry.event.replace('_', " "), says(entry))
}

/// Says what an entry holds besides.
fn says(entry: &Entry) -> String {
    let text = |name: &str| entry.body[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| entry.body[name].as_u64().unwrap_or(0);
    let says = match entry.event.as_str() {
        "plan_made" => format!(
            "{} · {}, {} held",
            text("plan"),
            words::count(number("steps") as usize, "step", "steps"),
            number("held")
        ),
        "decided" => {
            let decision = &entry.body["decision"];
            let what = decision["decided"].as_str().unwrap_or_default();
            let of = ["step", "account", "identity", "guard", "plan", "attributes"];
            let of = of.iter().map(|name| &decision[*name]).filter(|value| !value.is_null());
            let of: Vec<String> = of.map(words::value).filter(|said| said != "none").collect();
            let note = entry.body["note"].as_str().map(|note| format!(": {note}")).unwrap_or_default();
            format!("{what} {}{note}", of.join(" · "))
        }
        "step_started" => ["connection", "effect", "account"]
            .iter()
            .map(|name| text(name))
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" · "),
        "step_ended" => format!("{} {}", text("outcome").replace('_', " "), text("because")),
        "invited" | "signed_in" => format!("{} as {}", text("who"), text("role")),
        _ => match &entry.body {
            serde_json::Value::Object(map) => {
                let said = map.iter().filter(|(_, value)| !value.is_null());
                said.map(|(name, value)| format!("{} {}", name.replace('_', " "), words::value(value)))
                    .collect::<Vec<_>>()
                    .join(" · ")
            }
            serde_json::Value::Null => String::new(),
            other => words::value(other),
        },
    };
    words::cut(says.trim())
}

/// Finds entries newest first; returns them, and before which one a further search goes on.
async fn find(console: &Shared, sought: &str, before: i64, most: usize) -> Result<(Vec<Entry>, Option<i64>), Failure> {
    let words: Vec<String> = sought.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let fits = |entry: &Entry| {
        let text = serde_json::to_string(entry).unwrap_or_default().to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    };
    let (mut found, mut before, mut looked) = (Vec::new(), before, 0);
    let size = if words.is_empty() { most + 1 } else { PAGE };
    loop {
        let page = console.house.store.journal_before(before, size).await?;
        let last = page.len() < size;
        for entry in page {
            (before, looked) = (entry.seq, looked + 1);
            if words.is_empty() || fits(&entry) {
                if found.len() == most {
                    return Ok((found, Some(before + 1)));
                }
                found.push(entry);
            }
        }
        if last {
            return Ok((found, None));
        }
        if looked >= LOOKED_MAX {
            return Ok((found, Some(before)));
        }
    }
}

/// `GET /audit`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Audit", "audit", (&uri, &headers)).await?;
    listed(&console, frame, &uri, None).await
}

/// `GET /audit/verify`: the whole chain, checked.
pub(crate) async fn verify(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Audit", "audit", (&uri, &headers)).await?;
    let checked = check(&console).await?;
    listed(&console, frame, &uri, Some(checked)).await
}

async fn check(console: &Shared) -> Result<Checked, Failure> {
    let anchors = known(&console.house).await?;
    Ok(tenure_engine::audit::verify(&console.house, &anchors).await?)
}

async fn listed(console: &Shared, frame: Frame, uri: &Uri, checked: Option<Checked>) -> Result<Html<String>, Failure> {
    let sought = query(uri, "q").unwrap_or_default();
    let end = journal_end(&console.house, frame.as_of_ms()).await?;
    let before = query(uri, "before").and_then(|text| text.parse().ok()).unwrap_or(i64::MAX).min(end);
    let (found, next) = find(console, &sought, before, SHOWN).await?;
    let (entries, head) = head(console, end).await?;
    show(&Audit {
        here: format!("/audit?q={}", words::part(&sought)),
        sought,
        lines: found.iter().map(EntryLine::new).collect(),
        next,
        entries: words::thousands(entries),
        head,
        checked,
        frame,
    })
}

/// Returns how many entries the journal has before one, and the hash of the last of them.
async fn head(console: &Shared, end: i64) -> Result<(i64, String), Failure> {
    let last = console.house.store.journal_before(end, 1).await?.pop();
    Ok(last.map(|entry| (entry.seq, entry.hash)).unwrap_or_default())
}

/// `GET /audit/print`: what fits of the journal, newest first, with what the check of the chain says, as a page to print; what
/// does not fit is said, and stands on a further page.
pub(crate) async fn print(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Proof", "audit", (&uri, &headers)).await?;
    let sought = query(&uri, "q").unwrap_or_default();
    // Of the moment before this look is written down.
    let end = journal_end(&console.house, frame.as_of_ms()).await?;
    let (entries, _) = head(&console, end).await?;
    record_read(&console.house, &visitor.who, json!({ "what": "journal", "as": "print", "sought": sought })).await?;
    let before = query(&uri, "before").and_then(|text| text.parse().ok());
    let (found, mut next) = find(&console, &sought, before.unwrap_or(i64::MAX).min(entries + 1), PRINTED).await?;
    let (mut lines, mut size) = (Vec::with_capacity(found.len()), 0);
    for line in found.iter().map(EntryLine::new) {
        size += line.size();
        if size > PRINTED_BYTES {
            next = Some(line.seq + 1);
            break;
        }
        lines.push(line);
    }
    let checked = check(&console).await?;
    let now = words::moment_ms(console.house.clock.now_ms());
    show(&Printed { lines, checked, now, sought, entries, is_first: before.is_none(), next, frame })
}

/// `GET /audit/export.csv`: the whole journal, or what it was at an earlier moment, oldest first, as it is read.
pub(crate) async fn export(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let as_of_ms = Frame::of(&console, &visitor, "Export", "audit", (&uri, &headers)).await?.as_of_ms();
    record_read(&console.house, &visitor.who, json!({ "what": "journal", "as": "csv" })).await?;
    let end = journal_end(&console.house, as_of_ms).await?;
    let heading = "seq,at,actor,event,run,step,body,prev,hash\r\n".to_owned();
    let rows = stream::try_unfold((0_i64, Some(heading)), move |(after, heading)| {
        let house = console.house.clone();
        async move {
            if let Some(heading) = heading {
                return Ok::<_, std::io::Error>(Some((heading, (after, None))));
            }
            let mut page = entries(&house, after).await.map_err(std::io::Error::other)?;
            page.retain(|entry| entry.seq < end);
            let Some(last) = page.last().map(|entry| entry.seq) else { return Ok(None) };
            Ok(Some((page.iter().map(row).collect::<String>(), (last, None))))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"journal.csv\""),
    ];
    Ok((headers, Body::from_stream(rows)).into_response())
}

fn row(entry: &Entry) -> String {
    let body = entry.body.to_string();
    let (run, step) = (entry.run.as_deref().unwrap_or_default(), entry.step.as_deref().unwrap_or_default());
    let cells = [&*entry.at, &*entry.actor, &*entry.event, run, step, &*body, &*entry.prev, &*entry.hash];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{},{}\r\n", entry.seq, cells.join(","))
}

/// Writes a cell so that no program takes it for a formula or for several.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

/// `POST /as-of`: the visitor looks at an earlier moment, or at the present again; that they look is written down.
pub(crate) async fn as_of(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let asked = form.text("as_of").unwrap_or_default();
    let moment = match asked {
        "" => None,
        text => Some(read_moment(text).ok_or_else(|| {
            Failure::Asked(format!("{text:?} is no moment; write 2026-11-24 or 2026-11-24T10:00 (UTC)"))
        })?),
    };
    let now_ms = console.house.clock.now_ms();
    let moment = moment.filter(|moment| moment.as_millisecond() < now_ms);
    let secure = if is_tls(&console) { "; Secure" } else { "" };
    let (text, done) = match moment {
        Some(moment) => (format!("{AS_OF}={moment}; Path=/; HttpOnly; SameSite=Lax{secure}"), "past"),
        None => (format!("{AS_OF}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}"), "now"),
    };
    if let Some(moment) = moment {
        let body = json!({ "what": "console", "as_of": moment.to_string() });
        record_read(&console.house, &visitor.who, body).await?;
    }
    let here = form.text("here").map(within).and_then(|here| here.split(['?', '#']).next());
    let place = here.unwrap_or("/people");
    let mut response = Redirect::to(&format!("{place}?done={done}")).into_response();
    let value = HeaderValue::from_str(&text).map_err(|_| Failure::Ours)?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(response)
}

fn read_moment(text: &str) -> Option<jiff::Timestamp> {
    let written = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    };
    written.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_stays_one_cell() {
        assert_eq!(quoted("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(quoted("a,b\nc"), "\"a,b\nc\"");
    }

    #[test]
    fn a_moment_is_read_as_browsers_write_it() {
        assert_eq!(read_moment("2026-11-24T10:15").unwrap().to_string(), "2026-11-24T10:15:00Z");
        assert_eq!(read_moment("2026-11-24").unwrap().to_string(), "2026-11-24T00:00:00Z");
        assert!(read_moment("yesterday").is_none());
    }
}
