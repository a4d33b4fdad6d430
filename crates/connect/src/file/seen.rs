//! Remembers which keys were seen on which line, in 12 bytes a key.
//! People are counted by the million, so only a 64-bit hash of a key is kept.
//! Two keys with one hash would be called equal: one chance in 37 million among a million keys.

use std::hash::{DefaultHasher, Hasher};

#[derive(Debug)]
pub(super) struct Seen {
    hashes: Vec<u64>,
    lines: Vec<u32>,
    count: usize,
}

impl Seen {
    /// Returns an empty memory with room for about `keys`.
    pub fn with_room(keys: u64) -> Self {
        let slots = (keys.min(16_000_000) as usize + 8) * 5 / 4;
        Self { hashes: vec![0; slots], lines: vec![0; slots], count: 0 }
    }

    /// Remembers `key`, or returns the line on which it was seen before.
    pub fn insert(&mut self, key: &str, line: u64) -> Option<u64> {
        if self.count * 8 >= self.hashes.len() * 7 {
            self.grow();
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(key.as_bytes());
        let hash = hasher.finish().max(1);
        let slot = self.slot(hash);
        if self.hashes[slot] == hash {
            return Some(u64::from(self.lines[slot]));
        }
        self.hashes[slot] = hash;
        self.lines[slot] = u32::try_from(line).unwrap_or(u32::MAX);
        self.count += 1;
        None
    }

    /// Returns the slot of `hash`, or the free one where it belongs. One in eight is always free.
    fn slot(&self, hash: u64) -> usize {
        let slots = self.hashes.len();
        let mut slot = ((u128::from(hash) * slots as u128) >> 64) as usize;
        while self.hashes[slot] != 0 && self.hashes[slot] != hash {
            slot = if slot + 1 == slots { 0 } else { slot + 1 };
        }
        slot
    }

    fn grow(&mut self) {
        let slots = self.hashes.len() * 2;
        let hashes = std::mem::replace(&mut self.hashes, vec![0; slots]);
        let lines = std::mem::replace(&mut self.lines, vec![0; slots]);
        for (hash, line) in hashes.into_iter().zip(lines).filter(|(hash, _)| *hash != 0) {
            let slot = self.slot(hash);
            self.hashes[slot] = hash;
            self.lines[slot] = line;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_again_on_its_first_line() {
        let mut seen = Seen::with_room(0);
        for line in 1..=20_000 {
            assert_eq!(seen.insert(&format!("E{line}"), line), None);
        }
        assert_eq!(seen.insert("E7", 30_000), Some(7));
        assert_eq!(seen.insert("E20000", 30_000), Some(20_000));
    }
}
