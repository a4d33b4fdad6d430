//! `Connect`: the apps of the catalogue, what to click at each vendor, the lines that a connection needs in the file, and
//! for one that is configured: what the rights probe says, the dialect that was found, the first read. An admin adds one
//! here, where the file can be changed; secrets are never typed: the file says where each lies.

use crate::Shared;
use crate::failure::Failure;
use crate::frame::{Frame, show};
use crate::gate::Form;
use crate::words::{self, Chip};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, Redirect};
use std::sync::Arc;
use tenure_engine::added::{self, Asked, NewConnection};
use tenure_engine::check::{Verdict, check as probe};
use tenure_engine::config::SecretPlace;
use tenure_engine::decide::By;
use tenure_engine::dialect::Dialect;
use tenure_engine::session::Visitor;
use tenure_engine::work::is_asked;

#[derive(Template)]
#[template(path = "connect.html")]
struct Catalogue {
    frame: Frame,
    apps: Vec<AppLine>,
}

struct AppLine {
    name: String,
    title: String,
    covers: String,
    connections: Vec<String>,
}

/// `GET /connect`.
pub(crate) async fn list(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Connect", "connect", (&uri, &headers)).await?;
    let house = &console.house;
    let apps = house.catalogue.apps().map(|app| AppLine {
        name: app.name.clone(),
        title: app.manifest.title.clone(),
        covers: app.manifest.covers.clone(),
        connections: connections(&console, &app.name),
    });
    let mut apps: Vec<AppLine> = apps.collect();
    apps.sort_by_key(|app| (app.connections.is_empty(), app.title.clone()));
    show(&Catalogue { frame, apps })
}

fn connections(console: &Shared, app: &str) -> Vec<String> {
    let all = &console.house.config.connections;
    all.iter().filter(|(_, connection)| connection.app == app).map(|(name, _)| name.clone()).collect()
}

#[derive(Template)]
#[template(path = "connect_app.html")]
struct AppPage {
    frame: Frame,
    app: String,
    title: String,
    covers: String,
    secrets: Vec<(String, String, String, Option<String>)>,
    needs: Vec<(String, String)>,
    lines: String,
    connections: Vec<Connected>,
    readme: Vec<Block>,
    checked: Option<(String, Vec<CheckTold>)>,
    /// What is asked of whoever may add one here.
    form: Option<AddForm>,
}

struct AddForm {
    name: String,
    asked: Asked,
}

struct Connected {
    name: String,
    dialect: Option<(String, String)>,
    last: String,
    accounts: String,
    asked: bool,
}

struct CheckTold {
    what: String,
    verdict: Chip,
    says: String,
}

/// A piece of an app's page: a heading, a paragraph, or lines as they stand.
struct Block {
    kind: &'static str,
    text: String,
}

/// `GET /connect/{app}`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Path(app): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Connect", "connect", (&uri, &headers)).await?;
    show(&told(&console, frame, &app).await?)
}

/// `POST /connect/{app}/check`: probes the rights of one connection with calls that only read.
pub(crate) async fn check(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
    Path(app): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Connect", "connect", (&uri, &headers)).await?;
    let mut page = told(&console, frame, &app).await?;
    let name = form.text("connection").unwrap_or_default().to_owned();
    let lines = probe(&console.house, std::slice::from_ref(&name), false).await?;
    let line = |line: tenure_engine::check::CheckLine| CheckTold {
        what: line.what,
        verdict: match line.verdict {
            Verdict::Good => Chip::new("good", "good"),
            Verdict::Confirm => Chip::new("please confirm", "wait"),
            Verdict::Problem => Chip::new("problem", "bad"),
        },
        says: line.says,
    };
    page.checked = Some((name, lines.into_iter().filter(|line| line.connection.is_some()).map(line).collect()));
    show(&page)
}

/// `POST /connect/{app}/add`: writes a connection into the file, once it is known to be good, and has the file read anew.
pub(crate) async fn add(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
    Path(app): Path<String>,
) -> Result<Redirect, Failure> {
    let house = &console.house;
    let asked = added::asked(house, &app).ok_or_else(|| Failure::Missing(format!("no app is named {app:?}")))?;
    let text = |name: String| form.text(&name).unwrap_or_default().to_owned();
    let keys = asked.keys.iter().map(|asked| (asked.key.clone(), text(format!("key.{}", asked.key))));
    let place = |secret: &String| {
        let place = text(format!("place.{secret}"));
        let place = match form.text(&format!("kind.{secret}")) {
            Some("file") => SecretPlace::File(place.into()),
            _ => SecretPlace::Env(place),
        };
        (secret.clone(), place)
    };
    let new = NewConnection {
        name: text("name".into()),
        app: app.clone(),
        source: form.text("source").is_some(),
        keys: keys.filter(|(_, text)| !text.is_empty()).collect(),
        secrets: asked
            .secrets
            .iter()
            .filter(|secret| form.text(&format!("place.{secret}")).is_some())
            .map(place)
            .collect(),
    };
    let by = By { who: visitor.who.clone(), note: None };
    added::add(house, &new, &by).await?;
    house.reload.ask().await.map_err(|because| Failure::Asked(format!("it is in tenure.toml, but {because}")))?;
    Ok(Redirect::to(&format!("/connect/{}?done=added", words::part(&app))))
}

/// Returns what is asked of whoever adds a connection here; nothing where nobody can.
fn form(console: &Shared, frame: &Frame, app: &str) -> Option<AddForm> {
    if !frame.may_admit || !added::is_writable(&console.house) {
        return None;
    }
    let taken = |name: &String| console.house.config.connections.contains_key(name);
    let mut names = std::iter::once(app.to_owned()).chain((2..100).map(|number| format!("{app}-{number}")));
    Some(AddForm { name: names.find(|name| !taken(name))?, asked: added::asked(&console.house, app)? })
}

async fn told(console: &Shared, frame: Frame, name: &str) -> Result<AppPage, Failure> {
    let house = &console.house;
    let app = house.catalogue.get(name).ok_or_else(|| Failure::Missing(format!("no app is named {name:?}")))?;
    let manifest = &app.manifest;
    let now_ms = house.clock.now_ms();
    let mut overviews = house.store.overviews().await?;
    let mut connected = Vec::new();
    for name in connections(console, name) {
        let connection = tenure_core::name::ConnectionName::new(&name);
        let known = overviews.remove(&connection).unwrap_or_default();
        connected.push(Connected {
            dialect: Dialect::noted(&house.store, &connection).await?.map(|found| (found.dialect, found.evidence)),
            last: known.last.as_ref().map(|pull| words::ago(pull.started_ms, now_ms)).unwrap_or_default(),
            accounts: words::thousands(known.totals.total() as i64),
            asked: is_asked(house, &connection).await?,
            name,
        });
    }
    let secrets = manifest.secrets.iter();
    let secrets = secrets.map(|(name, help)| (name.clone(), help.says.clone(), help.issued.clone(), help.twin.clone()));
    let needs = manifest.prerequisites.iter().map(|needed| (needed.what.clone(), needed.needed_for.clone()));
    Ok(AppPage {
        form: form(console, &frame, name),
        title: manifest.title.clone(),
        covers: manifest.covers.clone(),
        secrets: secrets.collect(),
        needs: needs.collect(),
        lines: lines(name, &added::asked(house, name).map(|asked| asked.forms).unwrap_or_default()),
        connections: connected,
        readme: app.readme().map(|text| blocks(&text)).unwrap_or_default(),
        checked: None,
        app: name.to_owned(),
        frame: Frame { title: format!("Connect {}", manifest.title), ..frame },
    })
}

/// Writes the lines that a connection needs in `tenure.toml`, with the secrets of the usual form of its credential.
fn lines(app: &str, forms: &[Vec<String>]) -> String {
    let mut text = format!("[connections.{app}]\napp = \"{app}\"\n");
    for (at, form) in forms.iter().enumerate().filter(|(_, form)| !form.is_empty()) {
        let (head, mark) = match at {
            0 => (format!("\n[connections.{app}.secrets]\n"), ""),
            _ => ("# or, instead of what stands above:\n".to_owned(), "# "),
        };
        text.push_str(&head);
        for secret in form {
            text.push_str(&format!("{mark}{secret} = {{ file = \"/etc/tenure/{app}-{secret}\" }}\n"));
        }
    }
    text
}

/// Takes an app's page apart: headings, paragraphs, and lines that stand as they are.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
            blocks.push(Block { kind: if fenced { "code" } else { "end" }, text: String::new() });
            continue;
        }
        let kind = match line {
            _ if fenced => "code",
            _ if line.starts_with('#') => "heading",
            _ if line.trim().is_empty() => "end",
            _ if line.starts_with('|') => "code",
            _ if line.starts_with("- ") || line.starts_with("* ") => "item",
            _ => "text",
        };
        let text = line.trim_start_matches('#').trim_start_matches("- ").trim_start_matches("* ");
        let text = if kind == "code" { line } else { text.trim() };
        match blocks.last_mut() {
            Some(last) if last.kind == "code" && kind == "code" => {
                last.text.push_str(if last.text.is_empty() { "" } else { "\n" });
                last.text.push_str(text);
            }
            Some(last) if kind == "text" && (last.kind == "text" || last.kind == "item") => {
                last.text.push(' ');
                last.text.push_str(text);
            }
            _ => blocks.push(Block { kind, text: text.to_owned() }),
        }
    }
    blocks.retain(|block| block.kind != "end" && !block.text.is_empty());
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_an_app_is_taken_apart_into_what_it_is() {
        let told = blocks("# Title\n\nOne\ntwo\n\n- a\n- b\n  c\n\n```\nx = 1\ny = 2\n```\n| a | b |\n");
        let told: Vec<String> = told.iter().map(|block| format!("{}:{}", block.kind, block.text)).collect();
        assert_eq!(
            told,
            ["heading:Title", "text:One two", "item:a", "item:b c", "code:x = 1\ny = 2", "code:| a | b |"]
        );
    }

    #[test]
    fn the_lines_for_the_file_name_where_secrets_lie_and_none_of_them() {
        let text = lines("desk", &[vec!["api_key".to_owned()], vec!["client_id".to_owned()]]);
        assert!(text.contains("\napi_key = { file = \"/etc/tenure/desk-api_key\" }"), "{text}");
        assert!(text.contains("\n# client_id = { file"), "another form is offered, and not switched on: {text}");
    }
}
