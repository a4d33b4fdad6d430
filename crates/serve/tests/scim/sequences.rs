//! What each identity provider sends in its usual day, in order, written after their published descriptions in `sequences/*.txt`.
//! A line that begins with a status says what must come back: `path=value` of the answer, and `path>name` to keep it for later lines as `{name}`.
//! `wait` lets the second of the app's clock pass, in which two changes look like one.

use crate::desk::{Client, Desk};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tenure_sandbox::Vendor;

/// One request and what must come back.
struct Exchange {
    line: usize,
    waits: bool,
    method: String,
    path: String,
    body: String,
    status: u16,
    wanted: Vec<String>,
}

fn read(text: &str) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    let (mut open, mut waits): (Option<Exchange>, bool) = (None, false);
    for (at, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        match (first.parse::<u16>(), open.as_mut()) {
            _ if first.is_empty() || first.starts_with('#') => {}
            _ if line == "wait" => waits = true,
            (Ok(status), Some(_)) => {
                let exchange = open.take().unwrap();
                all.push(Exchange { status, wanted: words.map(str::to_owned).collect(), ..exchange });
            }
            (_, Some(exchange)) => exchange.body.push_str(line),
            (_, None) => {
                let (method, path) = line.split_once(' ').unwrap();
                let (method, path) = (method.to_owned(), path.to_owned());
                let (body, wanted) = (String::new(), Vec::new());
                open = Some(Exchange { line: at + 1, waits, method, path, body, status: 0, wanted });
                waits = false;
            }
        }
    }
    assert!(open.is_none(), "the last request has no answer");
    all
}

fn fill(text: &str, kept: &BTreeMap<String, String>) -> String {
    kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// Finds `Resources.0.id` in an answer; what is not there is null.
fn at<'v>(body: &'v Value, path: &str) -> &'v Value {
    body.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or(&Value::Null)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn play(client: &Client<'_>, file: &Path, kept: &mut BTreeMap<String, String>) -> usize {
    let all = read(&std::fs::read_to_string(file).unwrap());
    for exchange in &all {
        let place = format!("{}:{}", file.file_name().unwrap().display(), exchange.line);
        let body = fill(&exchange.body, kept);
        let body = (!body.is_empty())
            .then(|| serde_json::from_str(&body).unwrap_or_else(|error| panic!("{place}: {error}: {body}")));
        if exchange.waits {
            tokio::time::sleep(crate::writes::CLOCK_OF_THE_APPS).await;
        }
        let reply = client.ask(&exchange.method, &fill(&exchange.path, kept), body.as_ref()).await;
        assert_eq!(reply.status, exchange.status, "{place}: {reply:?}");
        for wanted in &exchange.wanted {
            if let Some((path, value)) = wanted.split_once('=') {
                assert_eq!(plain(at(&reply.body, path)), fill(value, kept), "{place}: {path}: {reply:?}");
            } else {
                let (path, name) = wanted.split_once('>').unwrap();
                kept.insert(name.to_owned(), plain(at(&reply.body, path)));
            }
        }
    }
    all.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_has_its_usual_day() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let team = client.group("Escalations").await["id"].as_str().unwrap().to_owned();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scim/sequences");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 7);
    for file in files {
        let mut kept = BTreeMap::from([("team".to_owned(), team.clone())]);
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(play(&client, &file, &mut kept).await >= 6, "{stem}");
        let login = format!("{stem}@acme.example");
        let world = desk.sandbox.world();
        world.confirm(Vendor::Gladly, &login); // who never came is shown as invited, whatever else they are
        assert_eq!(
            (world.count(Vendor::Gladly, &login), world.state(Vendor::Gladly, &login)),
            (1, Some("suspended")),
            "{stem}"
        );
    }
}
