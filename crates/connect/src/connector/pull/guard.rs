//! Guards of a walk: the same page again, records without ids, records that come twice, totals that do not add up.
//! It sees ids and totals only, and keeps those of two pages, so that a walk of any length stays small.

use crate::connector::walk::Position;
use crate::error::{ConnectError, ErrorKind};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What was seen of one list.
#[derive(Debug, Default)]
pub(super) struct Guard {
    seen: u64,
    last_page: Option<u64>,
    /// Ids of this page and the one before: rows that shift while pages are walked come again there.
    recent: HashSet<u64>,
    before: HashSet<u64>,
    total_least: Option<u64>,
    total_last: Option<u64>,
    shrank: bool,
}

impl Guard {
    pub fn new(seen: u64) -> Self {
        Self { seen, ..Self::default() }
    }

    /// Returns how many different records were seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes in a page by the ids of its records.
    pub fn page(&mut self, ids: &[Option<Box<str>>]) -> Result<(), ConnectError> {
        let nameless = ids.iter().filter(|id| id.is_none()).count();
        if nameless > 0 {
            let text = format!("{nameless} of {} records of a page have no id, or one that cannot be kept", ids.len());
            return Err(ConnectError::new(ErrorKind::Malformed, text)
                .hinting("the app's contract may have changed; `tenure app test` compares it with what was recorded"));
        }
        let print = (!ids.is_empty()).then(|| digest(&ids));
        if print.is_some() && print == self.last_page {
            return Err(ConnectError::new(
                ErrorKind::Malformed,
                "the app gave the same page twice: the walk would never end",
            ));
        }
        self.last_page = print;
        Ok(())
    }

    /// Tells whether a record was not in this page or the one before, and counts it.
    pub fn is_new(&mut self, id: &str) -> bool {
        let print = digest(&id);
        if self.before.contains(&print) || !self.recent.insert(print) {
            return false;
        }
        self.seen += 1;
        true
    }

    /// Ends a page.
    pub fn turn(&mut self) {
        std::mem::swap(&mut self.before, &mut self.recent);
        self.recent.clear();
    }

    /// Takes in how many records the app says there are.
    pub fn total(&mut self, total: Option<u64>) {
        let Some(total) = total else { return };
        self.shrank |= self.total_last.is_some_and(|last| total < last);
        self.total_least = Some(self.total_least.map_or(total, |least| least.min(total)));
        self.total_last = Some(total);
    }

    /// Tells whether the list became shorter while it was walked: rows behind the gap moved up and may be missed.
    pub fn shrank(&self) -> bool {
        self.shrank
    }

    /// Compares what was seen with what there is.
    pub fn check_total(&self) -> Result<(), ConnectError> {
        match self.total_least {
            Some(total) if self.seen < total => Err(ConnectError::new(
                ErrorKind::Malformed,
                format!("the app says that it has {total} records, and gave {}", self.seen),
            )),
            _ => Ok(()),
        }
    }
}

/// Returns what stands for a place in a list.
pub(super) fn place(position: &Position) -> u64 {
    match position {
        Position::Start => 0,
        Position::Page(page) | Position::Index(page) => digest(page),
        Position::Cursor(text) | Position::Link(text) => digest(text),
    }
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<Option<Box<str>>> {
        ids.iter().map(|id| Some((*id).into())).collect()
    }

    #[test]
    fn a_row_that_shifts_into_the_next_page_counts_once() {
        let mut guard = Guard::default();
        assert!(guard.is_new("1") && guard.is_new("2"));
        guard.turn();
        assert!(!guard.is_new("2") && guard.is_new("3"));
        assert_eq!(guard.seen(), 3);
    }

    #[test]
    fn the_same_page_twice_ends_the_walk() {
        let mut guard = Guard::default();
        guard.page(&ids(&["1", "2"])).unwrap();
        assert!(guard.page(&ids(&["1", "2"])).is_err());
        let mut guard = Guard::default();
        guard.page(&[]).unwrap();
        guard.page(&[]).unwrap();
    }

    #[test]
    fn fewer_records_than_there_are_is_no_complete_walk() {
        let mut guard = Guard::new(9);
        guard.total(Some(10));
        assert!(guard.check_total().is_err());
        guard.total(Some(9));
        assert!(guard.check_total().is_ok() && guard.shrank());
    }
}
