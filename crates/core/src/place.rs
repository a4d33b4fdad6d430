//! Where in a file something is wrong, and what was probably meant.
//! `policy.toml`, `tenure.toml` and manifests are read through here, so that every error has the same shape: file,
//! line, column, what, and a hint. It reads texts that are handed in and touches no disk.

use serde::de::DeserializeOwned;
use std::fmt;
use std::ops::Range;

/// An error with its place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// The file.
    pub path: String,
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The column, from 1; 0 where the line as a whole is meant.
    pub column: usize,
    /// What is wrong, in lower case.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Misplaced {}

/// Reads a TOML text as `T`.
///
/// # Errors
/// The text is no TOML, has an unknown key (the nearest known one is named), or a value of the wrong type.
pub fn read_toml<T: DeserializeOwned>(text: &str, path: &str) -> Result<T, Misplaced> {
    toml::from_str(text).map_err(|error| misplaced_toml(&error, text, path))
}

/// Gives a TOML error its place and, for an unknown key, the nearest known one.
pub fn misplaced_toml(error: &toml::de::Error, text: &str, path: &str) -> Misplaced {
    let (line, column) = error.span().map_or((0, 0), |span| line_column(text, span.start));
    let message = error.message().trim().replace('\n', "; ");
    let hint = unknown_word(&message).and_then(|(word, known)| {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        nearest(&word, &known).map(|nearest| format!("did you mean `{nearest}`?"))
    });
    let message = plainly(&message);
    Misplaced { path: path.to_owned(), line, column, message, hint }
}

/// Points at the key that `keys` leads to (`["connections", "gorgias", "plan"]`), or at the nearest part of the way
/// that the text has.
pub fn misplaced_key(text: &str, path: &str, keys: &[&str], message: String, hint: Option<String>) -> Misplaced {
    let (line, column) = key_span(text, keys).map_or((0, 0), |span| line_column(text, span.start));
    Misplaced { path: path.to_owned(), line, column, message, hint }
}

/// Tells how many of `keys` the text has, one inside the other.
pub fn depth_of(text: &str, keys: &[&str]) -> usize {
    (1..=keys.len())
        .take_while(|depth| {
            let before = key_span(text, &keys[..depth - 1]);
            let here = key_span(text, &keys[..*depth]);
            here.is_some() && here != before
        })
        .count()
}

/// Returns the way to the key that stands at or nearest before a byte of the text.
pub fn keys_at(text: &str, offset: usize) -> Vec<String> {
    use toml::de::{DeTable, DeValue};
    fn search(value: &DeValue<'_>, way: &mut Vec<String>, offset: usize, best: &mut (usize, Vec<String>)) {
        let mut enter = |name: String, start: usize, value: &DeValue<'_>| {
            way.push(name);
            if start <= offset && start >= best.0 {
                *best = (start, way.clone());
            }
            search(value, way, offset, best);
            way.pop();
        };
        match value {
            DeValue::Table(table) => {
                for (name, value) in table.iter() {
                    enter(name.get_ref().to_string(), name.span().start, value.get_ref());
                }
            }
            DeValue::Array(items) => {
                for (at, value) in items.iter().enumerate() {
                    enter(at.to_string(), value.span().start, value.get_ref());
                }
            }
            _ => {}
        }
    }
    let mut best = (0, Vec::new());
    if let Ok(root) = DeTable::parse(text) {
        search(&DeValue::Table(root.into_inner()), &mut Vec::new(), offset, &mut best);
    }
    best.1
}

/// Returns the known word that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&word, &known.to_lowercase()), *known))
        .filter(|(distance, known)| *distance <= 1 + known.chars().count().max(word.chars().count()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Returns line and column, both from 1, of a byte offset.
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Says of a wrong value what it is and what is expected; never the value itself, which may be a secret in the wrong place.
fn plainly(message: &str) -> String {
    let (wrong, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let value = wrong.strip_prefix("invalid type: ").or_else(|| wrong.strip_prefix("invalid value: "));
    let value = value.map(|value| value.split([' ', '`']).next().unwrap_or_default());
    let value = value.or_else(|| wrong.starts_with("unknown variant ").then_some("word"));
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "i64" | "i32" => "a whole number",
        "f64" | "f32" => "a number",
        "a boolean" => "true or false",
        other => other,
    };
    match value {
        Some(value) => format!("this {value} cannot stand here: expected {expected}"),
        None => message.to_owned(),
    }
}

/// Takes the word and the known ones out of serde's sentence "unknown field `x`, expected one of `a`, `b`".
fn unknown_word(message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"))?;
    let (word, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Some((word.to_owned(), known))
}

/// Finds the bytes of the deepest key of `keys` that the text has. An array is entered by its index.
fn key_span(text: &str, keys: &[&str]) -> Option<Range<usize>> {
    use toml::de::{DeTable, DeValue};
    let root = DeTable::parse(text).ok()?;
    let mut found = None;
    let mut table: &DeTable<'_> = root.get_ref();
    let mut keys = keys.iter();
    while let Some(key) = keys.next() {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref().as_ref() == *key) else {
            break;
        };
        found = Some(name.span());
        table = match value.get_ref() {
            DeValue::Table(inner) => inner,
            DeValue::Array(items) => {
                let Some(item) = keys.next().and_then(|at| at.parse::<usize>().ok()).and_then(|at| items.get(at))
                else {
                    break;
                };
                found = Some(item.span());
                let DeValue::Table(inner) = item.get_ref() else { break };
                inner
            }
            _ => break,
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Small {
        #[allow(dead_code, reason = "only read by serde")]
        listen: Option<String>,
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = read_toml::<Small>("\nlisten = \"a\"\nlistn = 1\n", "x.toml").unwrap_err();
        assert_eq!((error.line, error.column), (3, 1));
        assert_eq!(error.hint.as_deref(), Some("did you mean `listen`?"));
    }

    #[test]
    fn a_key_is_found_through_tables_and_arrays() {
        let text = "[a]\nb = 1\n[[c]]\nd = 1\n[[c]]\nd = 2\n";
        let line = |keys: &[&str]| misplaced_key(text, "x", keys, String::new(), None).line;
        assert_eq!(line(&["a", "b"]), 2);
        assert_eq!(line(&["c", "1", "d"]), 6);
        assert_eq!(line(&["a", "nothing"]), 1);
    }

    #[test]
    fn a_byte_leads_back_to_its_key() {
        let text = "[a]\nb = 1\n[[c]]\nd = 1\n[[c]]\nd = 2\n";
        assert_eq!(keys_at(text, text.rfind('2').unwrap()), ["c", "1", "d"]);
        assert_eq!(keys_at(text, text.find("b =").unwrap()), ["a", "b"]);
        assert_eq!(depth_of(text, &["c", "1", "d"]), 3);
        assert_eq!(depth_of(text, &["a", "nothing"]), 1);
    }

    #[test]
    fn a_word_that_resembles_nothing_has_no_nearest() {
        assert_eq!(nearest("zebra", &["listen", "store"]), None);
    }
}
