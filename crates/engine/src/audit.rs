//! The journal as somebody else would check it: read in order, hashed again, compared.
//! It reads pages of entries from the store and changes nothing.

use crate::error::EngineError;
use crate::house::House;
use serde::Serialize;
use tenure_core::journal::{Entry, Verifier};
use tenure_core::name::StepId;

const PAGE: usize = 1000;

/// What a check found.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// How many entries were read.
    pub entries: u64,
    /// The hash of the last one.
    pub head: String,
    /// The first place at which the chain does not hold.
    pub broken: Option<BrokenAt>,
}

/// Where a chain does not hold.
#[derive(Debug, Clone, Serialize)]
pub struct BrokenAt {
    /// The entry.
    pub seq: i64,
    /// What is wrong with it.
    pub because: String,
}

/// Checks the whole chain.
///
/// # Errors
/// The store failed.
pub async fn verify(house: &House) -> Result<Checked, EngineError> {
    let mut verifier = Verifier::default();
    let mut checked = Checked { entries: 0, head: String::new(), broken: None };
    let mut after = 0;
    loop {
        let page = entries(house, after).await?;
        let Some(last) = page.last() else { return whole(house, checked).await };
        after = last.seq;
        for entry in &page {
            if let Err(broken) = verifier.next(entry) {
                checked.broken = Some(BrokenAt { seq: entry.seq, because: broken.to_string() });
                return Ok(checked);
            }
            checked.entries += 1;
            checked.head.clone_from(&entry.hash);
        }
    }
}

/// Returns the entries after `after`, a page at a time.
///
/// # Errors
/// The store failed.
pub async fn entries(house: &House, after: i64) -> Result<Vec<Entry>, EngineError> {
    Ok(house.store.read_journal(after, PAGE).await?)
}

/// Compares the end of the chain with where the store says that it ends: a chain that was cut off holds in itself.
async fn whole(house: &House, mut checked: Checked) -> Result<Checked, EngineError> {
    let head = house.store.journal_head().await?;
    if head.hash != checked.head && head.seq > 0 {
        let because = format!("{} entries are written, {} are there", head.seq, checked.entries);
        checked.broken = Some(BrokenAt { seq: i64::try_from(checked.entries).unwrap_or(i64::MAX) + 1, because });
    }
    Ok(checked)
}

/// Tells in sentences what the journal says of a step.
///
/// # Errors
/// The store failed.
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
            event => format!("{event} by {} at {} (journal entry {}).", entry.actor, entry.at, entry.seq),
        })
        .collect())
}
