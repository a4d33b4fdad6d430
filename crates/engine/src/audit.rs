//! The journal as somebody else would check it: read in order, hashed again, compared.
//! It reads pages of entries from the store and changes nothing.

use crate::error::EngineError;
use crate::house::House;
use serde::Serialize;
use tenure_core::journal::{Entry, Verifier};

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
        let Some(last) = page.last() else { return Ok(checked) };
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
