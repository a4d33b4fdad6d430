//! Join keys → identities: a hash table that keeps marks of its keys and knows ties.
//! `found` fills it, `link` asks it. It holds places of identities and knows nothing about them.

use crate::name::IdentityId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

const MANY: u32 = 1 << 31;

/// A join key as it is kept: 128 bits of its hash. The texts lie with a million records, and comparing with them would
/// touch a record for every look-up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mark(u64, u64);

impl Mark {
    fn of(key: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(key.as_bytes());
        let first = hasher.finish();
        hasher.write_u8(1);
        Self(first, hasher.finish())
    }
}

impl Hash for Mark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Join keys of one sort.
#[derive(Debug, Default)]
pub(super) struct Lookup<'f> {
    places: HashMap<Mark, u32, BuildHasherDefault<Spread>>,
    ties: Vec<(Cow<'f, str>, Vec<u32>)>,
}

impl<'f> Lookup<'f> {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let places = HashMap::with_capacity_and_hasher(capacity, BuildHasherDefault::default());
        Self { places, ties: Vec::new() }
    }

    /// Notes that `key` leads to `place`.
    pub(super) fn insert(&mut self, key: Cow<'f, str>, place: u32) {
        if key.is_empty() {
            return;
        }
        let known = self.places.entry(Mark::of(&key)).or_insert(place);
        if *known & MANY != 0 {
            let tie = &mut self.ties[(*known & !MANY) as usize].1;
            if !tie.contains(&place) {
                tie.push(place);
            }
        } else if *known != place {
            self.ties.push((key, vec![*known, place]));
            *known = MANY | (u32::try_from(self.ties.len() - 1).unwrap_or(0));
        }
    }

    /// Lists the places to which `key` leads.
    pub(super) fn get(&self, key: &str) -> &[u32] {
        match self.places.get(&Mark::of(key)) {
            None => &[],
            Some(found) if found & MANY != 0 => &self.ties[(found & !MANY) as usize].1,
            Some(found) => std::slice::from_ref(found),
        }
    }

    /// Lists the keys that lead to more than one place, sorted.
    pub(super) fn ties(&self) -> Vec<(&str, &[u32])> {
        let mut ties: Vec<(&str, &[u32])> = self.ties.iter().map(|(key, places)| (&**key, places.as_slice())).collect();
        ties.sort_unstable();
        ties
    }
}

/// Join keys of all identities. The places are those of founding; `moved` leads to those of the graph.
#[derive(Debug, Default)]
pub(super) struct Lookups<'f> {
    pub(super) emails: Lookup<'f>,
    pub(super) employee_ids: Lookup<'f>,
    /// Employee ids that only a decision tells.
    pub(super) decided_ids: Lookup<'f>,
    pub(super) record_ids: Lookup<'f>,
}

/// Identity ids → places, by the ends of the ids: the ids themselves stand in one place only.
pub(super) struct Places {
    by_end: HashMap<u64, u32, BuildHasherDefault<Spread>>,
}

impl Places {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { by_end: HashMap::with_capacity_and_hasher(capacity, BuildHasherDefault::default()) }
    }

    /// Returns the place of an id, or the key under which it would be noted. Two ids with one end stand beside each
    /// other.
    pub(super) fn find<'i>(&self, id: &IdentityId, id_at: impl Fn(u32) -> &'i IdentityId) -> Result<u32, u64> {
        let letters = id.as_str().as_bytes();
        let mut key = letters.iter().rev().take(12).fold(0_u64, |end, letter| end.rotate_left(5) ^ u64::from(*letter));
        loop {
            match self.by_end.get(&key) {
                None => return Err(key),
                Some(place) if id_at(*place) == id => return Ok(*place),
                Some(_) => key = key.wrapping_add(1),
            }
        }
    }

    pub(super) fn insert(&mut self, key: u64, place: u32) {
        self.by_end.insert(key, place);
    }
}

/// Spreads a number that is all but random already.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(29) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
