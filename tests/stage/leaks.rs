//! The search for secrets where none may be: in what the program printed and in every file it left behind.
//! The sandbox's credentials are well known, so each can be looked for, in clear and in the form in which Basic
//! authentication sends it. It does not know which file is the database and which the journal; it reads them all.

use super::Ended;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::bytes::RegexSet;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tenure_sandbox::*;

const FILES_MAX: usize = 5000;

/// Returns a line for each place where a secret stands in clear.
pub fn find_leaks(folder: &Path, outputs: &[Ended]) -> Vec<String> {
    let needles = needles(folder);
    // All of them in one pass: unoptimized, a pass for each would take longer than what is tested.
    let any = RegexSet::new(needles.iter().map(|needle| regex::escape(needle))).expect("plain text is a pattern");
    let within = |bytes: &[u8]| any.matches(bytes).into_iter().map(|nth| &needles[nth]).collect::<BTreeSet<_>>();
    let mut leaks = Vec::new();
    for ended in outputs {
        for needle in &within(ended.out.as_bytes()) | &within(ended.err.as_bytes()) {
            leaks.push(format!("`tenure {}` printed the secret {needle:?}", ended.words));
        }
    }
    for file in files(folder) {
        for needle in within(&fs::read(&file).unwrap_or_default()) {
            leaks.push(format!("{} holds the secret {needle:?}", file.display()));
        }
    }
    leaks
}

/// Returns the sandbox's secrets and whatever a test wrote in their place.
fn needles(folder: &Path) -> Vec<String> {
    let mut secrets: Vec<String> = [
        GORGIAS_TOKEN,
        GORGIAS_READ_TOKEN,
        GLADLY_SECRET,
        GLADLY_READ_SECRET,
        FRESHDESK_API_KEY,
        FRESHDESK_READ_API_KEY,
        FRESHSERVICE_API_KEY,
        FRESHSERVICE_READ_API_KEY,
        GAINSIGHT_ACCESS_KEY,
        GAINSIGHT_READ_ACCESS_KEY,
    ]
    .map(String::from)
    .into();
    for entry in fs::read_dir(folder.join("secrets")).into_iter().flatten().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        // A name is no secret: the owner's address stands in every app.
        if text.len() >= 8 && text != GORGIAS_EMAIL && !secrets.contains(&text) {
            secrets.push(text);
        }
    }
    let sent: Vec<String> = secrets
        .iter()
        .flat_map(|secret| {
            [(GORGIAS_EMAIL, secret.as_str()), (GLADLY_USERNAME, secret), (secret, "X"), (secret, "x")]
                .map(|(name, password)| STANDARD.encode(format!("{name}:{password}")))
        })
        .collect();
    secrets.into_iter().chain(sent).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && entry.file_name() != "secrets" => folders.push(path),
                Ok(kind) if kind.is_file() && found.len() < FILES_MAX => found.push(path),
                _ => {}
            }
        }
    }
    found
}

#[test]
fn a_secret_that_leaked_is_found() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(folder.path().join("secrets/token"), "mistyped-token").unwrap();
    fs::write(folder.path().join("harmless"), "sandbox-gorgias").unwrap();
    assert!(find_leaks(folder.path(), &[]).is_empty());
    fs::write(folder.path().join("tenure.db"), b"\0\x01mistyped-token\0").unwrap();
    fs::write(folder.path().join("log"), STANDARD.encode(format!("{GORGIAS_EMAIL}:{GORGIAS_TOKEN}"))).unwrap();
    assert_eq!(find_leaks(folder.path(), &[]).len(), 2);
}
