//! An ordered table of records with look-ups by id and by e-mail. The vendors' imitations keep their people in it; the
//! order is the order of creation, which is also the order of every list. It knows nothing about uniqueness rules,
//! since each vendor has its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use serde_json::Value;

/// What a record must say about itself to be kept in a table.
pub(crate) trait Row: Clone + Send {
    fn id(&self) -> String;
    fn email(&self) -> Option<&str>;
    fn show(&self) -> Value;
}

/// A record and what the vendor knows about it but does not show.
#[derive(Clone)]
pub(crate) struct Held<R> {
    pub row: R,
    /// The invitation has not been accepted yet.
    pub invited: bool,
}

#[derive(Clone)]
pub(crate) struct Table<R> {
    rows: BTreeMap<i64, Held<R>>,
    by_id: HashMap<String, i64>,
    by_email: HashMap<String, BTreeSet<i64>>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Table { rows: BTreeMap::new(), by_id: HashMap::new(), by_email: HashMap::new() }
    }
}

impl<R: Row> Table<R> {
    /// Appends a record.
    pub fn push(&mut self, row: R, invited: bool) {
        let place = self.rows.last_key_value().map_or(0, |(place, _)| place + 1);
        self.put(place, Held { row, invited });
    }

    /// Puts a record before all others, so that every later row moves.
    pub fn push_front(&mut self, row: R) {
        let place = self.rows.first_key_value().map_or(0, |(place, _)| place - 1);
        self.put(place, Held { row, invited: false });
    }

    pub fn get(&self, id: &str) -> Option<&Held<R>> {
        self.rows.get(self.by_id.get(id)?)
    }

    /// Returns the records whose e-mail equals the given one, whatever its case.
    pub fn with_email(&self, email: &str) -> Vec<&Held<R>> {
        let places = self.by_email.get(&email.to_lowercase());
        places.into_iter().flatten().filter_map(|place| self.rows.get(place)).collect()
    }

    /// Returns the records of an e-mail, or all of them.
    pub fn of_email(&self, email: Option<&str>) -> Box<dyn Iterator<Item = &Held<R>> + '_> {
        match email {
            Some(email) => Box::new(self.with_email(email).into_iter()),
            None => Box::new(self.iter()),
        }
    }

    /// Changes a record in place and keeps the look-ups true.
    pub fn edit(&mut self, id: &str, change: impl FnOnce(&mut Held<R>)) -> Option<&Held<R>> {
        let place = *self.by_id.get(id)?;
        let mut held = self.take(place)?;
        change(&mut held);
        self.put(place, held);
        self.rows.get(&place)
    }

    pub fn remove(&mut self, id: &str) -> Option<Held<R>> {
        let place = *self.by_id.get(id)?;
        self.take(place)
    }

    /// Returns the records that stand after a place, or all of them.
    pub fn after(&self, place: Option<i64>) -> impl DoubleEndedIterator<Item = (i64, &Held<R>)> {
        let from = place.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range((from, Bound::Unbounded)).map(|(place, held)| (*place, held))
    }

    /// Returns the records that stand before a place, or all of them, from the last to the first.
    pub fn before(&self, place: Option<i64>) -> impl Iterator<Item = (i64, &Held<R>)> {
        let to = place.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range((Bound::Unbounded, to)).rev().map(|(place, held)| (*place, held))
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Held<R>> {
        self.rows.values()
    }

    fn put(&mut self, place: i64, held: Held<R>) {
        self.by_id.insert(held.row.id(), place);
        if let Some(email) = held.row.email() {
            self.by_email.entry(email.to_lowercase()).or_default().insert(place);
        }
        self.rows.insert(place, held);
    }

    fn take(&mut self, place: i64) -> Option<Held<R>> {
        let held = self.rows.remove(&place)?;
        self.by_id.remove(&held.row.id());
        if let Some(email) = held.row.email() {
            let email = email.to_lowercase();
            if let Some(places) = self.by_email.get_mut(&email) {
                places.remove(&place);
                if places.is_empty() {
                    self.by_email.remove(&email);
                }
            }
        }
        Some(held)
    }
}
