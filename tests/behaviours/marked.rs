//! The markers that name what a test proves: `// proves GOR-16, GOR-17 (guide)` above or inside a Rust test, `# proves
//! FD-35 (live)` in a scenario, `proves GLA-20 (guide)` in what a tape says. Each yields one proof per id and dialect.
//! Tests of the sandbox prove nothing here: an imitation shows how the vendor behaves, not what the product does.

use regex::Regex;
use tenure_tests::Page;

/// One id that one test claims to prove in one dialect.
#[derive(Clone, Debug)]
pub struct Proof {
    /// `GOR-16`.
    pub id: String,
    /// `guide` or `live`.
    pub dialect: String,
    /// File and test: `crates/connect/tests/gorgias.rs::a_fact`.
    pub place: String,
    /// What is wrong with the marker itself.
    pub problem: Option<String>,
}

/// What one marker says, and where.
struct Marker {
    line: usize,
    ids: Vec<String>,
    dialects: Vec<String>,
}

const APPS: [(&str, &str); 5] =
    [("GOR", "gorgias"), ("GLA", "gladly"), ("FD", "freshdesk"), ("FS", "freshservice"), ("GS", "gainsight")];

/// Returns what a page claims to prove; most claim nothing.
pub fn proofs(page: &Page) -> Vec<Proof> {
    if page.path.starts_with("tests/behaviours") || !page.text.contains("proves ") {
        return Vec::new();
    }
    match page.path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("rs") => rust(page),
        Some("txt") if page.path.starts_with("tests/scenarios/") => scenario(page),
        Some("json") if page.path.contains("/tape/") => tape(page),
        _ => Vec::new(),
    }
}

fn rust(page: &Page) -> Vec<Proof> {
    let lines: Vec<&str> = page.text.lines().collect();
    let found = markers(&lines, r"^\s*// proves (.*)$");
    let claims = found.iter().flat_map(|marker| {
        let test = test_at(&lines, marker.line);
        let problem = match &test {
            _ if page.path.starts_with("crates/sandbox/") => Some("an imitation proves nothing about the product"),
            None => Some("there is no test there"),
            Some(_) => None,
        };
        let place = test.map_or(page.path.clone(), |name| format!("{}::{name}", page.path));
        claim(page, marker, &place, |_, _| problem.map(str::to_owned))
    });
    claims.collect()
}

fn scenario(page: &Page) -> Vec<Proof> {
    let lines: Vec<&str> = page.text.lines().collect();
    let found = markers(&lines, r"^# proves (.*)$");
    let plays = |app: &str| {
        let told = lines.iter().filter_map(|line| line.strip_prefix("given dialect "));
        let told = told.map(|rest| rest.split_whitespace().collect::<Vec<_>>());
        let mut said = told.filter(|words| words.len() == 1 || words[0] == app);
        said.next_back().and_then(|words| words.last().map(|word| (*word).to_owned())).unwrap_or_else(|| "guide".into())
    };
    found.iter().flat_map(|marker| claim(page, marker, &page.path, |id, dialect| played(id, dialect, plays))).collect()
}

fn tape(page: &Page) -> Vec<Proof> {
    let tape: serde_json::Value = serde_json::from_str(&page.text).unwrap_or_default();
    let says = tape["says"].as_str().unwrap_or_default();
    let dialect = tape["dialect"].as_str().unwrap_or("guide").to_owned();
    let found = markers(&[says], r"\bproves ([A-Z]+-.*)$");
    let plays = |_: &str| dialect.clone();
    found.iter().flat_map(|marker| claim(page, marker, &page.path, |id, asked| played(id, asked, plays))).collect()
}

/// Objects where a story plays the app of `id` in another dialect.
fn played(id: &str, dialect: &str, plays: impl Fn(&str) -> String) -> Option<String> {
    let prefix = id.split('-').next().unwrap_or_default();
    let app = APPS.iter().find(|(known, _)| *known == prefix).map_or("", |(_, app)| app);
    let spoken = plays(app);
    (spoken != dialect).then(|| format!("plays {app} in {spoken}, so it proves nothing in {dialect}"))
}

/// Reads the markers among lines. One that is not understood has no ids.
fn markers(lines: &[&str], pattern: &str) -> Vec<Marker> {
    let marker = Regex::new(pattern).expect("a pattern");
    let said = Regex::new(r"^((?:[A-Z]+-\d\d)(?:, [A-Z]+-\d\d)*) \(([a-z]+(?:, [a-z]+)*)\)$").expect("a pattern");
    let split = |text: &str| text.split(", ").map(str::to_owned).collect::<Vec<_>>();
    let found =
        lines.iter().enumerate().filter_map(|(at, line)| marker.captures(line).map(|rest| (at, rest[1].to_owned())));
    let read = found.map(|(line, rest)| match said.captures(rest.trim_end()) {
        Some(words) => Marker { line, ids: split(&words[1]), dialects: split(&words[2]) },
        None => Marker { line, ids: Vec::new(), dialects: Vec::new() },
    });
    read.collect()
}

/// Makes the proofs of a marker; `problem` objects to one id in one dialect.
fn claim(page: &Page, marker: &Marker, place: &str, problem: impl Fn(&str, &str) -> Option<String>) -> Vec<Proof> {
    let at = format!("{}:{}", page.path, marker.line + 1);
    let proof = |id: &str, dialect: &str, problem: Option<String>| Proof {
        id: id.into(),
        dialect: dialect.into(),
        place: place.into(),
        problem: problem.map(|says| format!("{at}: {id}: {says}")),
    };
    if marker.ids.is_empty() {
        return vec![proof("a marker", "", Some("is not understood: `proves ID, ID (guide, live)`".into()))];
    }
    let judge = |id: &str, dialect: &str| match dialect {
        "guide" | "live" => problem(id, dialect),
        other => Some(format!("`{other}` is no dialect: guide or live")),
    };
    let pairs = marker.ids.iter().flat_map(|id| marker.dialects.iter().map(move |dialect| (id, dialect)));
    pairs.map(|(id, dialect)| proof(id, dialect, judge(id, dialect))).collect()
}

/// Returns the name of the test that a line stands right above, or else inside.
fn test_at(lines: &[&str], at: usize) -> Option<String> {
    let plain = |line: &str| line.trim_start().starts_with("//") || line.trim_start().starts_with('#');
    let below = (at + 1..lines.len()).find(|next| !plain(lines[*next]))?;
    let depth = |line: &str| line.len() - line.trim_start().len();
    let head = match name(lines[below]) {
        Some(_) => below,
        None => {
            (0..at).rev().find(|before| name(lines[*before]).is_some() && depth(lines[*before]) < depth(lines[at]))?
        }
    };
    let attribute = Regex::new(r"^\s*#\[(tokio::)?test\b").expect("a pattern");
    let is_test =
        (0..head).rev().take_while(|before| plain(lines[*before])).any(|before| attribute.is_match(lines[before]));
    is_test.then(|| name(lines[head])).flatten()
}

fn name(line: &str) -> Option<String> {
    let head = Regex::new(r"^\s*(?:pub )?(?:async )?fn ([a-z0-9_]+)\(").expect("a pattern");
    head.captures(line).map(|found| found[1].to_owned())
}
