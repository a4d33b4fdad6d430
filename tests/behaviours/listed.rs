//! The behaviours as `tests/behaviours/*.toml` list them: an id, one line of our own, the dialects in which it applies.
//! Where it does not apply, a sentence says what is true instead; where it is impossible or wrong, a reason says why.
//! It does not know which test proves what.

use serde::Deserialize;
use std::collections::BTreeMap;

/// One behaviour.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// `GOR-01`.
    pub id: String,
    /// What is done, in one sentence.
    pub line: String,
    /// The dialects in which it applies: `guide`, `live`.
    pub applies: Vec<String>,
    /// What is true in the dialect in which it does not apply, or differs there.
    pub but: Option<String>,
    /// Why it cannot be proven, or is wrong.
    pub reason: Option<String>,
    /// Nothing proves it yet.
    pub open: bool,
}

/// The behaviours of one app.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The app's folder.
    pub app: String,
    /// In the order of their ids.
    pub behaviours: Vec<Behaviour>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    line: String,
    #[serde(rename = "in")]
    applies: Option<Vec<String>>,
    but: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    open: bool,
}

impl Listed {
    /// Reads one file.
    ///
    /// # Panics
    /// The file is no list of behaviours, or one applies in a dialect only and nothing says what is true in the other.
    pub fn read(app: &str, text: &str) -> Self {
        let entries: BTreeMap<String, Entry> =
            toml::from_str(text).unwrap_or_else(|error| panic!("{app}.toml: {error}"));
        let behaviours = entries.into_iter().map(|(id, entry)| behaviour(id, entry)).collect();
        Self { app: app.into(), behaviours }
    }
}

fn behaviour(id: String, entry: Entry) -> Behaviour {
    let applies = entry.applies.unwrap_or_else(|| vec!["guide".into(), "live".into()]);
    assert!(applies.iter().all(|dialect| ["guide", "live"].contains(&dialect.as_str())), "{id}: in {applies:?}");
    let whole = applies.len() == 2 || entry.but.is_some() || entry.reason.is_some();
    assert!(whole, "{id}: `but` says what is true in the dialect in which it does not apply");
    assert!(!applies.is_empty() || entry.reason.is_some(), "{id}: `reason` says why it applies nowhere");
    assert!(!(entry.open && entry.reason.is_some()), "{id}: what has a reason is not open");
    Behaviour { id, line: entry.line, applies, but: entry.but, reason: entry.reason, open: entry.open }
}
