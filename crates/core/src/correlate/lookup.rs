//! Join keys → identities: a hash table that borrows its keys where it can and knows ties.
//! `found` fills it, `link` asks it. It holds places of identities and knows nothing about them.

use crate::name::IdentityId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

const MANY: u32 = 1 << 31;

/// Join keys of one sort.
#[derive(Debug, Default)]
pub(super) struct Lookup<'f> {
    places: HashMap<Cow<'f, str>, u32>,
    ties: Vec<Vec<u32>>,
}

impl<'f> Lookup<'f> {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { places: HashMap::with_capacity(capacity), ties: Vec::new() }
    }

    /// Notes that `key` leads to `place`.
    pub(super) fn insert(&mut self, key: Cow<'f, str>, place: u32) {
        if key.is_empty() {
            return;
        }
        let found = self.places.entry(key).or_insert(place);
        if *found & MANY != 0 {
            let tie = &mut self.ties[(*found & !MANY) as usize];
            if !tie.contains(&place) {
                tie.push(place);
            }
        } else if *found != place {
            self.ties.push(vec![*found, place]);
            *found = MANY | (u32::try_from(self.ties.len() - 1).unwrap_or(0));
        }
    }

    /// Lists the places to which `key` leads.
    pub(super) fn get(&self, key: &str) -> &[u32] {
        match self.places.get(key) {
            None => &[],
            Some(found) if found & MANY != 0 => &self.ties[(found & !MANY) as usize],
            Some(found) => std::slice::from_ref(found),
        }
    }

    /// Lists the keys that lead to more than one place, sorted.
    pub(super) fn ties(&self) -> Vec<(&str, &[u32])> {
        let mut ties: Vec<(&str, &[u32])> = self
            .places
            .iter()
            .filter(|(_, found)| **found & MANY != 0)
            .map(|(key, found)| (&**key, self.ties[(found & !MANY) as usize].as_slice()))
            .collect();
        ties.sort_unstable();
        ties
    }
}

/// Join keys of all identities. The places are those of founding; `moved` leads to those of the graph.
#[derive(Debug, Default)]
pub(super) struct Lookups<'f> {
    pub(super) emails: Lookup<'f>,
    pub(super) employee_ids: Lookup<'f>,
    pub(super) record_ids: Lookup<'f>,
}

/// Identity ids → places, by the hashes of the ids: the ids themselves stand in one place only.
pub(super) struct Places {
    by_hash: HashMap<u64, u32>,
    hasher: BuildHasherDefault<DefaultHasher>,
}

impl Places {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { by_hash: HashMap::with_capacity(capacity), hasher: BuildHasherDefault::default() }
    }

    /// Returns the place of an id, or the key under which it would be noted. Two ids with one hash stand beside each
    /// other.
    pub(super) fn find<'i>(&self, id: &IdentityId, id_at: impl Fn(u32) -> &'i IdentityId) -> Result<u32, u64> {
        let mut key = self.hasher.hash_one(id);
        loop {
            match self.by_hash.get(&key) {
                None => return Err(key),
                Some(place) if id_at(*place) == id => return Ok(*place),
                Some(_) => key = key.wrapping_add(1),
            }
        }
    }

    pub(super) fn insert(&mut self, key: u64, place: u32) {
        self.by_hash.insert(key, place);
    }
}
