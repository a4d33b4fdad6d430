//! What the tests of the house share: its files, and a look at Rust text that tells code, strings and comments apart.
//! Files come from the checkout as it lies on disk, committed or not, and go to the fences in `tidy.rs`.
//! Nothing here knows a rule; a rule is a pattern and a sentence, and stands beside the test that asks for it.

use regex::Regex;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDERS_SKIPPED: [&str; 4] = ["target", ".git", "node_modules", "screenshots"];
const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Returns the folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// One text file of the workspace.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its path from the workspace's folder, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl Page {
    /// Returns a page that is on no disk, to show that a rule objects.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Reads one page.
    ///
    /// # Panics
    /// The file is not there: a test that reads it cannot say anything.
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("read {path}: {error}"));
        Self { path: path.into(), text }
    }

    /// Tells whether the page lies in one of `places` (a folder ends with `/`, else a whole path is meant).
    pub fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| if place.ends_with('/') { self.path.starts_with(place) } else { self.path == *place })
    }

    /// Tells whether the page holds tests or benchmarks only.
    pub fn is_test(&self) -> bool {
        let path = format!("/{}", self.path);
        ["/tests/", "/benches/", "/examples/", "/bench/", "/simulation/"].iter().any(|folder| path.contains(folder))
            || path.ends_with("/tests.rs")
    }
}

/// Lists the text files whose names end in one of `endings`, sorted by path. Folders of builds are left out.
pub fn list(endings: &[&str]) -> Vec<Page> {
    let mut pages = Vec::new();
    gather(&root(), endings, &mut pages);
    pages.sort_by(|one, other| one.path.cmp(&other.path));
    pages
}

fn gather(folder: &Path, endings: &[&str], pages: &mut Vec<Page>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && !FOLDERS_SKIPPED.contains(&name.as_str()) {
            gather(&entry.path(), endings, pages);
        }
        let small = entry.metadata().is_ok_and(|metadata| metadata.len() <= PAGE_BYTES_MAX);
        if !kind.is_file() || !small || !endings.iter().any(|ending| name.ends_with(ending)) {
            continue;
        }
        let path = entry.path();
        let relative = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if let Ok(text) = fs::read_to_string(&path) {
            pages.push(Page { path: relative, text });
        }
    }
}

/// Something that stands on the wrong side of a fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// Where.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What stands there, and what to do.
    pub says: String,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.says)
    }
}

/// Fails with all offences, one a line, unless there are none.
///
/// # Panics
/// There is an offence.
pub fn expect_none(offences: &[Offence]) {
    let lines: Vec<String> = offences.iter().map(|offence| format!("  {offence}")).collect();
    assert!(offences.is_empty(), "{} offence(s):\n{}\n", offences.len(), lines.join("\n"));
}

/// Which part of a Rust file a rule looks at. Each view has the lines and columns of the whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum View {
    /// Code, without comments and without what strings say.
    Code,
    /// What strings say, and nothing else.
    Strings,
    /// Code and strings, without comments.
    CodeAndStrings,
}

/// Finds `pattern` in a view of `page`, test modules left out.
pub fn find(page: &Page, view: View, pattern: &Regex, says: &str) -> Vec<Offence> {
    let seen = look(&page.text, view);
    if !pattern.is_match(&seen) {
        return Vec::new();
    }
    let tests = if page.is_test() { Vec::new() } else { test_lines(&look(&page.text, View::Code)) };
    seen.lines()
        .enumerate()
        .filter(|(at, _)| !tests.get(*at).copied().unwrap_or(false))
        .filter_map(|(at, line)| pattern.find(line).map(|found| (at + 1, found.as_str().trim().to_owned())))
        .map(|(line, found)| Offence { path: page.path.clone(), line, says: format!("`{found}`: {says}") })
        .collect()
}

/// Returns `text` with everything outside the view turned into blanks.
pub fn look(text: &str, view: View) -> String {
    let bytes = text.as_bytes();
    let mut seen = vec![b' '; bytes.len()];
    let mut at = 0;
    while at < bytes.len() {
        let (end, part) = next_part(bytes, at);
        let shown = match part {
            Part::Code => view != View::Strings,
            Part::Text => view != View::Code,
            Part::Comment => false,
        };
        for here in at..end {
            if shown || bytes[here] == b'\n' {
                seen[here] = bytes[here];
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&seen).into_owned()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Text,
    Comment,
}

/// Returns where the part that starts at `at` ends, and what it is. Always moves on by at least one byte.
fn next_part(bytes: &[u8], at: usize) -> (usize, Part) {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        return (at + length, Part::Comment);
    }
    if rest.starts_with(b"/*") {
        return (block_comment_end(bytes, at), Part::Comment);
    }
    let after_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if !after_word && let Some(end) = raw_string_end(bytes, at) {
        return (end, Part::Text);
    }
    match rest[0] {
        b'"' => (quoted_end(bytes, at), Part::Text),
        b'\'' => (char_end(bytes, at), Part::Code),
        _ => (at + 1, Part::Code),
    }
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at.min(bytes.len())
}

/// Returns the end of `r"…"`, `br#"…"#` and their like, if one starts here.
fn raw_string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    if matches!(bytes.get(at), Some(b'b' | b'c')) {
        at += 1;
    }
    if bytes.get(at) != Some(&b'r') {
        return None;
    }
    at += 1;
    let hashes = bytes[at..].iter().take_while(|byte| **byte == b'#').count();
    at += hashes;
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = at + 1;
    let length = bytes[body..].windows(close.len()).position(|window| window == close)?;
    Some(body + length + close.len())
}

fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// Returns the end of a character literal, or of the quote alone where a lifetime starts.
fn char_end(bytes: &[u8], start: usize) -> usize {
    if bytes.get(start + 1) == Some(&b'\\') {
        let close = bytes[(start + 3).min(bytes.len())..].iter().take(12).position(|byte| *byte == b'\'');
        return close.map_or(start + 1, |length| start + 4 + length);
    }
    let close = bytes[start + 1..].iter().take(5).position(|byte| *byte == b'\'');
    match close {
        Some(length) if length > 0 && std::str::from_utf8(&bytes[start + 1..start + 1 + length]).is_ok_and(one) => {
            start + 2 + length
        }
        _ => start + 1,
    }
}

fn one(text: &str) -> bool {
    text.chars().count() == 1
}

/// Tells for each line of a code view whether it belongs to an item under `#[cfg(test)]`.
fn test_lines(code: &str) -> Vec<bool> {
    let mut marks = Vec::new();
    let mut open: Option<i64> = None;
    let mut waiting = false;
    for line in code.lines() {
        waiting |= open.is_none() && line.trim_start().starts_with("#[cfg(test)]");
        marks.push(waiting || open.is_some());
        let depth: i64 = line.bytes().map(|byte| i64::from(byte == b'{') - i64::from(byte == b'}')).sum();
        if waiting && (line.contains('{') || line.contains(';')) {
            waiting = false;
            open = (depth > 0).then_some(depth);
        } else if let Some(before) = open {
            open = (before + depth > 0).then_some(before + depth);
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "let a = \"in // it\"; // said \"so\"\nlet b = r#\"raw \" here\"#; /* x /* y */ z */ let c = '\"';\nfn f<'a>(x: &'a str) { g(\"\\\"q\") }\n";

    #[test]
    fn code_is_told_from_strings_and_comments() {
        let code = look(TEXT, View::Code);
        assert!(code.contains("let a =") && code.contains("let c = '\"'") && code.contains("fn f<'a>(x: &'a str)"));
        assert!(!code.contains("in //") && !code.contains("said") && !code.contains("raw") && !code.contains('y'));
    }

    #[test]
    fn strings_are_seen_without_code_and_comments() {
        let strings = look(TEXT, View::Strings);
        assert!(strings.contains("in // it") && strings.contains("raw \" here") && strings.contains("\\\"q"));
        assert!(!strings.contains("let") && !strings.contains("said"));
    }

    #[test]
    fn a_view_keeps_lines_where_they_are() {
        assert_eq!(look(TEXT, View::Strings).lines().count(), TEXT.lines().count());
    }

    #[test]
    fn test_modules_are_left_out() {
        let page = Page::new(
            "crates/core/src/x.rs",
            "fn a() { now() }\n#[cfg(test)]\nmod tests {\n  fn b() { now() }\n}\nfn c() { now() }\n",
        );
        let found = find(&page, View::Code, &Regex::new("now").unwrap(), "no");
        assert_eq!(found.iter().map(|offence| offence.line).collect::<Vec<_>>(), [1, 6]);
    }
}
