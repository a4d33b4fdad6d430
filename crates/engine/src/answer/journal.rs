//! The journal in parts, oldest first, for whoever reads it from afar.
//! Reading it is written into it, as an export is.

use super::page::{LIMIT_MAX, number};
use crate::audit::record_read;
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenure_core::journal::Entry;
use tenure_core::name::{RunId, StepId};

/// Which entries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JournalAsked {
    /// Only those of this run.
    pub run: Option<String>,
    /// Only those about this step.
    pub step: Option<String>,
    /// How many at most.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<usize>,
    /// Where to go on: the `next` of the part before, or the number of an entry.
    pub cursor: Option<String>,
}

/// Entries of the journal.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Journal {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Lists entries. Whoever begins with the first one is noted as a reader of the journal.
///
/// # Errors
/// The cursor is none, or the store failed.
#[boxed]
pub async fn journal(house: &House, asked: &JournalAsked, by: &str) -> Result<Journal, EngineError> {
    let (after, limit) = (number(asked.cursor.as_deref())?, asked.limit.unwrap_or(LIMIT_MAX));
    let entries = match (&asked.run, &asked.step) {
        (Some(run), step) => {
            let mut entries = house.store.journal_of_run(&RunId::from(run.as_str()), after, limit).await?;
            entries.retain(|entry| step.is_none() || entry.step == *step);
            entries
        }
        (None, Some(step)) => {
            let mut entries = house.store.journal_of_step(&StepId::from(step.as_str()), LIMIT_MAX).await?;
            entries.retain(|entry| entry.seq > after);
            entries.truncate(limit);
            entries
        }
        (None, None) => {
            if after == 0 {
                record_read(house, by, serde_json::json!({ "what": "journal" })).await?;
            }
            house.store.read_journal(after, limit).await?
        }
    };
    let next = entries.last().filter(|_| entries.len() >= limit).map(|entry| entry.seq.to_string());
    Ok(Journal { entries, next })
}
