//! The journal's chain: what was done, by whom, sealed so that no entry can be changed, removed or moved unnoticed.
//! The engine drafts entries, the store appends them, anybody checks them with nothing but SHA-256.
//! It does not know what an entry means, and it reads no clock: moments come in the drafts.

use crate::hex::hex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;

mod text;

pub use text::{Anchor, DOCUMENT, TextVerifier, anchor_line, last_line, line, read_anchors, verify_text};

/// The hash that stands before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An entry before it has its place.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Who.
    pub actor: String,
    /// What happened, in one word: `plan_made`, `decided`, `step_started`, `step_ended`.
    pub event: String,
    /// The run that it belongs to.
    pub run: Option<String>,
    /// The step that it belongs to.
    pub step: Option<String>,
    /// The rest. Never a secret.
    pub body: Value,
}

/// An entry in its place.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Its number, from 1, without gaps.
    pub seq: i64,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Who.
    pub actor: String,
    /// What happened, in one word.
    pub event: String,
    /// The run that it belongs to.
    pub run: Option<String>,
    /// The step that it belongs to.
    pub step: Option<String>,
    /// The rest.
    pub body: Value,
    /// The hash of the entry before, in hex.
    pub prev: String,
    /// SHA-256 over the canonical bytes of everything above, in hex.
    pub hash: String,
}

/// Where a chain does not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Broken {
    /// An entry is missing, or stands elsewhere.
    #[error("entry {expected} is expected here, {found} is found")]
    Place {
        /// The number that should be here.
        expected: i64,
        /// The number that is.
        found: i64,
    },
    /// The entry before is not the one that this was sealed on.
    #[error("entry {seq} was sealed on another entry than the one before it")]
    Link {
        /// The entry.
        seq: i64,
    },
    /// The entry is not as it was sealed.
    #[error("entry {seq} is not as it was sealed")]
    Content {
        /// The entry.
        seq: i64,
    },
    /// What stands where the entry should be is none.
    #[error("what stands in the place of entry {seq} is no entry")]
    Text {
        /// The entry.
        seq: i64,
    },
    /// The entry is another than the one whose hash was written down outside.
    #[error("entry {seq} is not the one that was anchored")]
    Anchor {
        /// The entry.
        seq: i64,
    },
    /// There should be more.
    #[error("the journal is cut off before entry {expected}")]
    Cut {
        /// The first entry that is missing.
        expected: i64,
    },
    /// Something stands behind the end.
    #[error("something stands behind the end, in the place of entry {seq}")]
    Beyond {
        /// The entry in whose place it stands.
        seq: i64,
    },
}

impl Broken {
    /// Returns the number of the first entry that does not hold.
    pub fn seq(&self) -> i64 {
        match self {
            Self::Place { expected: seq, .. } | Self::Cut { expected: seq } => *seq,
            Self::Link { seq } | Self::Content { seq } | Self::Text { seq } => *seq,
            Self::Anchor { seq } | Self::Beyond { seq } => *seq,
        }
    }
}

/// Puts a draft in its place after `last` (its number and hash); `None` makes it the first.
pub fn seal(last: Option<(i64, &str)>, draft: Draft) -> Entry {
    let (seq, prev) = last.map_or((1, GENESIS), |(seq, hash)| (seq + 1, hash));
    let Draft { at, actor, event, run, step, body } = draft;
    let mut entry = Entry { seq, at, actor, event, run, step, body, prev: prev.to_owned(), hash: String::new() };
    entry.hash = hash(&entry);
    entry
}

/// Checks a chain entry by entry, in order.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    last: Option<(i64, String)>,
}

impl Verifier {
    /// Goes on after an entry that is taken as it is.
    pub fn after(seq: i64, hash: &str) -> Self {
        Self { last: Some((seq, hash.to_owned())) }
    }

    /// Checks the next entry.
    ///
    /// # Errors
    /// It does not stand where it should, or is not what was sealed.
    pub fn next(&mut self, entry: &Entry) -> Result<(), Broken> {
        let (expected, prev) = self.last.as_ref().map_or((1, GENESIS), |(seq, hash)| (seq + 1, hash.as_str()));
        if entry.seq != expected {
            return Err(Broken::Place { expected, found: entry.seq });
        }
        if entry.prev != prev {
            return Err(Broken::Link { seq: entry.seq });
        }
        if entry.hash != hash(entry) {
            return Err(Broken::Content { seq: entry.seq });
        }
        self.last = Some((entry.seq, entry.hash.clone()));
        Ok(())
    }

    /// Returns number and hash of the last entry that was checked.
    pub fn head(&self) -> Option<(i64, &str)> {
        self.last.as_ref().map(|(seq, hash)| (*seq, hash.as_str()))
    }
}

/// Checks a whole chain and returns how many entries it has.
///
/// # Errors
/// The first entry that does not hold.
pub fn verify<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<u64, Broken> {
    let mut verifier = Verifier::default();
    let mut count = 0;
    for entry in entries {
        verifier.next(entry)?;
        count += 1;
    }
    Ok(count)
}

/// Writes a value as canonical JSON: no blanks, keys in the order of their UTF-8 bytes, texts and numbers as
/// `serde_json` writes them.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                let _ = write!(text, "{}:", Value::String(key.clone()));
                write_canonical(&members[key], text);
            }
            text.push('}');
        }
        plain => {
            let _ = write!(text, "{plain}");
        }
    }
}

fn hash(entry: &Entry) -> String {
    let sealed = serde_json::json!({
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "event": entry.event,
        "run": entry.run,
        "step": entry.step,
        "body": entry.body,
        "prev": entry.prev,
    });
    hex(&Sha256::digest(canonical(&sealed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chain() -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for number in 0..4 {
            let draft = Draft {
                at: "2026-11-24T10:00:00Z".into(),
                actor: "mia@acme.example".into(),
                event: "step_ended".into(),
                run: Some("r-1".into()),
                step: None,
                body: json!({ "b": number, "a": [1, null] }),
            };
            let last = entries.last().map(|entry| (entry.seq, entry.hash.clone()));
            entries.push(seal(last.as_ref().map(|(seq, hash)| (*seq, hash.as_str())), draft));
        }
        entries
    }

    #[test]
    fn an_untouched_chain_holds() {
        assert_eq!(verify(&chain()), Ok(4));
    }

    #[test]
    fn a_changed_entry_is_named() {
        let mut entries = chain();
        entries[2].actor = "eve@acme.example".into();
        assert_eq!(verify(&entries), Err(Broken::Content { seq: 3 }));
    }

    #[test]
    fn a_removed_entry_is_named() {
        let mut entries = chain();
        entries.remove(1);
        assert_eq!(verify(&entries), Err(Broken::Place { expected: 2, found: 3 }));
    }

    #[test]
    fn an_entry_that_was_sealed_anew_breaks_the_next_one() {
        let mut entries = chain();
        entries[1].actor = "eve@acme.example".into();
        entries[1].hash = hash(&entries[1]);
        assert_eq!(verify(&entries), Err(Broken::Link { seq: 3 }));
    }

    #[test]
    fn canonical_json_has_sorted_keys_and_no_blanks() {
        assert_eq!(canonical(&json!({ "b": 1, "a": { "d": "x\"y", "c": [] } })), r#"{"a":{"c":[],"d":"x\"y"},"b":1}"#);
    }
}
