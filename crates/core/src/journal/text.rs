//! The journal as a file that anybody can check: one entry a line, in the very bytes that were sealed, and a last line
//! that says how many there are. Lines come from outside and are believed in nothing.
//! It reads no file and no clock; docs/journal.md describes the format for those who write a verifier of their own.

use super::{Broken, Entry, GENESIS, canonical, hex};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Where the journal stood at a moment, as it was written down outside of the store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Anchor {
    /// When (RFC 3339, UTC).
    pub at: String,
    /// The hash of the last entry.
    pub hash: String,
    /// The number of the last entry.
    pub seq: i64,
}

/// Returns the line of one entry: canonical JSON. Without `"hash":"…",` these are the bytes that its hash is over.
pub fn line(entry: &Entry) -> String {
    canonical(&json!(entry))
}

/// Returns the last line: how many entries there are, and the hash of the last one.
pub fn last_line(entries: i64, head: &str) -> String {
    canonical(&json!({ "end": { "entries": entries, "head": head } }))
}

/// The first line of an export that is one document: an entry a line, and in place of the last line its member.
pub const DOCUMENT: &str = "{\"entries\":[";

/// Returns the line of an anchor.
pub fn anchor_line(anchor: &Anchor) -> String {
    canonical(&json!(anchor))
}

/// Reads anchors, one a line; empty lines are passed over.
///
/// # Errors
/// The number of the first line that is none.
pub fn read_anchors(text: &str) -> Result<Vec<Anchor>, usize> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| serde_json::from_str(line).map_err(|_| at + 1)).collect()
}

/// Checks an export line by line, in order.
#[derive(Clone, Debug)]
pub struct TextVerifier {
    seq: i64,
    head: String,
    ended: bool,
    /// Whether the lines are those of one document.
    document: bool,
    anchors: BTreeMap<i64, String>,
}

impl TextVerifier {
    /// Starts, with the anchors that the journal must agree with.
    pub fn new(anchors: &[Anchor]) -> Self {
        let anchors = anchors.iter().map(|anchor| (anchor.seq, anchor.hash.clone())).collect();
        Self { seq: 0, head: GENESIS.to_owned(), ended: false, document: false, anchors }
    }

    /// Checks the next line, without its line end.
    ///
    /// # Errors
    /// It is not what must stand here.
    pub fn next(&mut self, line: &[u8]) -> Result<(), Broken> {
        if self.seq == 0 && !self.document && line == DOCUMENT.as_bytes() {
            self.document = true;
            return Ok(());
        }
        if !self.document {
            return self.next_line(line);
        }
        match line.strip_prefix(b"],") {
            Some(end) => self.next_line(&[b"{", end].concat()),
            None => self.next_line(line.strip_suffix(b",").unwrap_or(line)),
        }
    }

    fn next_line(&mut self, line: &[u8]) -> Result<(), Broken> {
        let expected = self.seq + 1;
        if self.ended {
            return Err(Broken::Beyond { seq: expected });
        }
        if line == last_line(self.seq, &self.head).as_bytes() {
            self.ended = true;
            return Ok(());
        }
        let (found, prev, hash) = parts(line).ok_or(Broken::Text { seq: expected })?;
        if found != expected {
            return Err(Broken::Place { expected, found });
        }
        if prev != self.head {
            return Err(Broken::Link { seq: found });
        }
        let sealed = without_hash(line, &hash).ok_or(Broken::Content { seq: found })?;
        if hex(&Sha256::digest(&sealed)) != hash {
            return Err(Broken::Content { seq: found });
        }
        if self.anchors.get(&found).is_some_and(|anchored| *anchored != hash) {
            return Err(Broken::Anchor { seq: found });
        }
        (self.seq, self.head) = (found, hash);
        Ok(())
    }

    /// Checks the next line as it was read, with its line end; only the last piece of a file has none.
    ///
    /// # Errors
    /// It is not what must stand here, or breaks off.
    pub fn next_raw(&mut self, line: &[u8]) -> Result<(), Broken> {
        match line.split_last() {
            Some((b'\n', line)) => self.next(line),
            _ if self.ended => Err(Broken::Beyond { seq: self.seq + 1 }),
            _ => Err(Broken::Cut { expected: self.seq + 1 }),
        }
    }

    /// Returns how many entries were checked, and the hash of the last one.
    pub fn head(&self) -> (i64, String) {
        (self.seq, self.head.clone())
    }

    /// Checks that the export is whole, and returns how many entries it has, and the hash of the last one.
    ///
    /// # Errors
    /// It ends too early.
    pub fn finish(self) -> Result<(i64, String), Broken> {
        let anchored = self.anchors.keys().last().copied().unwrap_or(0);
        if !self.ended || anchored > self.seq {
            return Err(Broken::Cut { expected: self.seq + 1 });
        }
        Ok((self.seq, self.head))
    }
}

/// Checks a whole export.
///
/// # Errors
/// The first entry that does not hold.
pub fn verify_text(text: &[u8], anchors: &[Anchor]) -> Result<(i64, String), Broken> {
    let mut verifier = TextVerifier::new(anchors);
    text.split_inclusive(|byte| *byte == b'\n').try_for_each(|line| verifier.next_raw(line))?;
    verifier.finish()
}

fn parts(line: &[u8]) -> Option<(i64, String, String)> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some((value["seq"].as_i64()?, text("prev")?, text("hash")?))
}

/// Takes the hash out of a line. Where it stands twice, the line is none of ours.
fn without_hash(line: &[u8], hash: &str) -> Option<Vec<u8>> {
    let member = format!("\"hash\":\"{hash}\",");
    let mut places = line.windows(member.len()).enumerate().filter(|(_, window)| *window == member.as_bytes());
    let (at, _) = places.next()?;
    if places.next().is_some() {
        return None;
    }
    Some([&line[..at], &line[at + member.len()..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Draft, seal};
    use proptest::prelude::*;

    fn entries() -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for number in 0..6 {
            let draft = Draft {
                at: "2026-11-24T10:00:00Z".into(),
                actor: "mia@acme.example".into(),
                event: "step_ended".into(),
                run: (number > 1).then(|| "r-1".into()),
                step: None,
                body: json!({ "because": "“no”, \"hash\":\"x\",\n\u{1}", "share": 0.05, "large": 1e300, "number": number }),
            };
            let last = entries.last().map(|entry| (entry.seq, entry.hash.clone()));
            entries.push(seal(last.as_ref().map(|(seq, hash)| (*seq, hash.as_str())), draft));
        }
        entries
    }

    fn lines() -> Vec<String> {
        let entries = entries();
        let last = last_line(6, &entries[5].hash);
        entries.iter().map(line).chain([last]).collect()
    }

    fn text(lines: &[String]) -> Vec<u8> {
        lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
    }

    fn anchor(seq: usize) -> Anchor {
        Anchor { at: String::new(), hash: entries()[seq - 1].hash.clone(), seq: seq as i64 }
    }

    /// The number of the entry that an error names.
    fn named(broken: &Broken) -> i64 {
        broken.seq()
    }

    #[test]
    fn an_untouched_export_holds() {
        assert_eq!(verify_text(&text(&lines()), &[anchor(3), anchor(6)]).map(|(count, _)| count), Ok(6));
    }

    #[test]
    fn any_byte_that_is_changed_is_found_and_its_entry_named() {
        let text = text(&lines());
        let mut line = 1;
        for at in 0..text.len() {
            for change in [1_u8, 0x20, 0x80] {
                let mut changed = text.clone();
                changed[at] ^= change;
                let broken = verify_text(&changed, &[]).expect_err("the change is found");
                assert_eq!(named(&broken), line, "byte {at}: {broken}");
            }
            line += i64::from(text[at] == b'\n');
        }
    }

    #[test]
    fn an_export_that_was_cut_off_anywhere_is_found() {
        let text = text(&lines());
        for at in 0..text.len() {
            assert!(verify_text(&text[..at], &[]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn an_end_that_was_forged_contradicts_the_anchor() {
        let entries = entries();
        let mut lines: Vec<String> = entries[..4].iter().map(line).collect();
        lines.push(last_line(4, &entries[3].hash));
        assert!(verify_text(&text(&lines), &[]).is_ok(), "nothing in it tells that there was more");
        assert_eq!(verify_text(&text(&lines), &[anchor(6)]), Err(Broken::Cut { expected: 5 }));
    }

    #[test]
    fn a_chain_that_was_sealed_anew_contradicts_the_anchor() {
        let mut entries = entries();
        let mut last: Option<(i64, String)> = None;
        for entry in &mut entries {
            let Entry { at, event, run, step, body, .. } = entry.clone();
            let draft = Draft { at, actor: "eve@acme.example".into(), event, run, step, body };
            *entry = seal(last.as_ref().map(|(seq, hash)| (*seq, hash.as_str())), draft);
            last = Some((entry.seq, entry.hash.clone()));
        }
        let mut lines: Vec<String> = entries.iter().map(line).collect();
        lines.push(last_line(6, &entries[5].hash));
        assert_eq!(verify_text(&text(&lines), &[anchor(3)]), Err(Broken::Anchor { seq: 3 }));
    }

    proptest! {
        #[test]
        fn what_is_removed_repeated_or_moved_is_found(from in 0..6_usize, to in 0..7_usize, what in 0..3) {
            let mut lines = lines();
            let (first, taken) = (from.min(to), lines[from].clone());
            match what {
                0 => drop(lines.remove(from)),
                1 => lines.insert(to, taken),
                _ if from == to => return Ok(()),
                _ => lines.swap(from, to),
            }
            let broken = verify_text(&text(&lines), &[]).expect_err("it is found");
            // A copy right before its original looks like the original, which then is one too many.
            let expected = match what {
                0 => from + 1,
                1 if to == from => from + 2,
                1 => to + 1,
                _ => first + 1,
            };
            prop_assert_eq!(named(&broken), expected as i64, "{}", broken);
        }
    }
}
