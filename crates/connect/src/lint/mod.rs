//! What is wrong with a manifest that can be read: the impossible, the contradictory, the forgotten.
//! `tenure app lint` prints it with lines and suggestions; the built-in apps are linted by a test. Nothing is sent, and
//! nothing is known here that only the app could tell.

mod surface;
mod record;
mod effect;
mod access;
mod scim;
#[cfg(test)]
mod tests;

use crate::catalogue::App;
use crate::manifest::Manifest;
use tenure_core::place::{Misplaced, nearest};

/// Problems with their places, in the order of the file's parts.
pub fn lint(manifest: &Manifest) -> Vec<Misplaced> {
    let mut lint = Lint { manifest, problems: Vec::new() };
    lint.surface();
    for (kind, spec) in &manifest.kinds {
        lint.record(*kind, spec);
        lint.effects(*kind, spec);
        lint.access(*kind, spec);
    }
    lint.problems
}

/// The problems of a manifest, and of the files that belong to an app besides.
pub fn lint_app(app: &App) -> Vec<Misplaced> {
    let mut dialects = Lint { manifest: &app.manifest, problems: lint(&app.manifest) };
    dialects.dialects();
    let mut problems = dialects.problems;
    problems.extend(app.manifest.further.iter().flat_map(|further| lint(further)));
    let mut missing = |message: &str, hint: &str| {
        let path = app.manifest.path.clone();
        problems.push(Misplaced { path, line: 0, column: 0, message: message.into(), hint: Some(hint.into()) });
    };
    if app.readme().is_none() {
        missing(
            "the app has no README.md",
            "say how to get the credential, which rights it needs, and what the app cannot do",
        );
    }
    if app.manifest.is_asked() {
        let (tapes, expected) = (app.json_files("tape"), app.json_files("expected"));
        if tapes.is_empty() {
            missing("the app has no recorded exchanges in tape/", "`tenure app test` replays them");
        }
        for tape in tapes.iter().filter(|tape| !expected.contains(tape)) {
            missing(&format!("tape/{tape} has no expected/{tape}"), "write down what it should come to");
        }
    }
    problems
}

/// A manifest being linted.
struct Lint<'m> {
    manifest: &'m Manifest,
    problems: Vec<Misplaced>,
}

impl<'m> Lint<'m> {
    /// Notes a problem at `keys`.
    fn say(&mut self, keys: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        let hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        self.problems.push(self.manifest.misplaced(keys, message.into(), hint));
    }

    /// Notes that `word` at `keys` is none of the known ones.
    fn say_unknown(&mut self, keys: &[&str], what: &str, word: &str, known: &[&str]) {
        let hint = match nearest(word, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "there is none".to_owned(),
            None => format!("there are {}", known.join(", ")),
        };
        self.say(keys, format!("{what} `{word}` is not known"), hint);
    }

    fn check_paging(&mut self, keys: &[&str], paging: &str) {
        if !self.manifest.paging.contains_key(paging) {
            let known: Vec<&str> = self.manifest.paging.keys().map(String::as_str).collect();
            self.say_unknown(keys, "paging", paging, &known);
        }
    }

    fn check_path(&mut self, keys: &[&str], path: &str, placeholders: &[&str]) {
        if !path.starts_with('/') || path.contains("//") || path.contains("..") || path.contains('?') {
            self.say(
                keys,
                format!("{path:?} is no path"),
                "it begins with `/` and comes after the base URL; parameters stand in `query`",
            );
        }
        for placeholder in placeholders_of(path) {
            if !placeholders.contains(&placeholder) {
                self.say_unknown(keys, "placeholder", placeholder, placeholders);
            }
        }
    }
}

/// Lists what stands in braces.
fn placeholders_of(text: &str) -> Vec<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect()
}
