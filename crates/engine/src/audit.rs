//! The journal as somebody else would check it: read in order, hashed again, compared.
//! It reads pages of entries from the store, or the lines of an export, and changes nothing but that it notes who read
//! much.

use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use tenure_core::journal::{Anchor, Broken, Draft, Entry, TextVerifier, Verifier};
use tenure_core::name::StepId;
use tenure_store::StoreError;

const PAGE: usize = 1000;

/// What a check found.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    /// How many entries were read.
    pub entries: u64,
    /// The hash of the last one.
    pub head: String,
    /// The first place at which the chain does not hold.
    pub broken: Option<BrokenAt>,
}

/// Where a chain does not hold.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BrokenAt {
    /// The entry.
    pub seq: i64,
    /// What is wrong with it.
    pub because: String,
}

impl BrokenAt {
    fn new(broken: &Broken) -> Self {
        Self { seq: broken.seq(), because: broken.to_string() }
    }
}

/// Checks the whole chain, and that it agrees with the anchors.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn verify(house: &House, anchors: &[Anchor]) -> Result<Checked, EngineError> {
    let mut verifier = Verifier::default();
    let mut checked = Checked { entries: 0, head: String::new(), broken: None };
    let mut after = i64::MIN;
    loop {
        let page = house.store.journal_as_filed(after, PAGE).await?;
        let Some(last) = page.last() else { return whole(house, checked, anchors).await };
        after = last.seq;
        for filed in &page {
            let entry = match filed.entry() {
                Ok(entry) => entry,
                Err(because) => {
                    checked.broken = Some(BrokenAt { seq: filed.seq, because: because.into() });
                    return Ok(checked);
                }
            };
            let forged = |anchor: &Anchor| anchor.seq == entry.seq && anchor.hash != entry.hash;
            let anchored = match anchors.iter().any(forged) {
                true => Err(Broken::Anchor { seq: entry.seq }),
                false => Ok(()),
            };
            if let Err(broken) = verifier.next(&entry).and(anchored) {
                checked.broken = Some(BrokenAt::new(&broken));
                return Ok(checked);
            }
            checked.entries += 1;
            checked.head.clone_from(&entry.hash);
        }
    }
}

/// Checks an export, without the store that it came from.
///
/// # Errors
/// The file cannot be read.
pub fn verify_export(file: &Path, anchors: &[Anchor]) -> Result<Checked, EngineError> {
    let unreadable = |error: std::io::Error| EngineError::Asked(format!("read {}: {error}", file.display()));
    let mut reader = BufReader::new(File::open(file).map_err(unreadable)?);
    let mut verifier = TextVerifier::new(anchors);
    let mut line = Vec::new();
    let broken = loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            break None;
        }
        if let Err(broken) = verifier.next_raw(&line) {
            break Some(broken);
        }
    };
    let (entries, head) = verifier.head();
    let checked = Checked { entries: entries.unsigned_abs(), head, broken: None };
    let broken = broken.or_else(|| verifier.finish().err());
    Ok(Checked { broken: broken.as_ref().map(BrokenAt::new), ..checked })
}

/// Writes into the journal that somebody read what tells much about people: what, how, and how many.
///
/// # Errors
/// The store failed; then nothing may be shown.
#[boxed]
pub async fn record_read(house: &House, by: &str, what: serde_json::Value) -> Result<(), EngineError> {
    let draft = Draft {
        at: house.clock.now_text(),
        actor: by.to_owned(),
        event: "read".into(),
        run: None,
        step: None,
        body: what,
    };
    house.store.append_journal(vec![draft]).await?;
    Ok(())
}

/// Returns the entries after `after`, a page at a time.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn entries(house: &House, after: i64) -> Result<Vec<Entry>, EngineError> {
    Ok(house.store.read_journal(after, PAGE).await?)
}

/// Compares the end of the chain with where the store and the anchors say that it ends: a chain that was cut off holds
/// in itself.
async fn whole(house: &House, mut checked: Checked, anchors: &[Anchor]) -> Result<Checked, EngineError> {
    let next = i64::try_from(checked.entries).unwrap_or(i64::MAX - 1) + 1;
    let head = match house.store.journal_head().await {
        Err(StoreError::Missing { .. }) => {
            let because = "where the journal ends is not written down any more".into();
            return Ok(Checked { broken: Some(BrokenAt { seq: next, because }), ..checked });
        }
        head => head?,
    };
    if (head.seq + 1, head.hash.as_str()) != (next, checked.head.as_str()) && (head.seq > 0 || checked.entries > 0) {
        let because = format!("{} entries are written, {} are there", head.seq, checked.entries);
        checked.broken = Some(BrokenAt { seq: next, because });
    } else if anchors.iter().any(|anchor| anchor.seq >= next) {
        checked.broken = Some(BrokenAt::new(&Broken::Cut { expected: next }));
    }
    Ok(checked)
}

/// Tells in sentences what the journal says of a step.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn told_of_step(house: &House, step: &StepId) -> Result<Vec<String>, EngineError> {
    let entries = house.store.journal_of_step(step, PAGE).await?;
    Ok(entries
        .iter()
        .map(|entry| match entry.event.as_str() {
            "step_started" => format!("{} began it at {} (journal entry {}).", entry.actor, entry.at, entry.seq),
            "step_ended" => format!(
                "It ended at {} as {} (journal entry {}).",
                entry.at,
                entry.body["outcome"].as_str().unwrap_or("unknown"),
                entry.seq
            ),
            "decided" => {
                let said = match entry.body["decision"]["decided"].as_str() {
                    Some("approve") => "said yes",
                    Some("reject") => "said no",
                    _ => "decided",
                };
                let note = entry.body["note"].as_str().map(|note| format!(": \"{note}\"")).unwrap_or_default();
                format!("{} {said} at {}{note} (journal entry {}).", entry.actor, entry.at, entry.seq)
            }
            event => format!("{event} by {} at {} (journal entry {}).", entry.actor, entry.at, entry.seq),
        })
        .collect())
}
