//! Which accounts a pull has seen: one bit for each, in rows of 32768, so that an unchanged record costs no row of its own.
//! Written with every batch and read when a complete walk asks what is gone.
//! It knows ids only, not what they are ids of.

use crate::bulk::Bulk;
use crate::db::{Tx, args};
use crate::error::StoreError;
use std::collections::BTreeMap;

const CHUNK_BITS: u32 = 15;
const CHUNK_BYTES: usize = (1 << CHUNK_BITS) / 8;

const LOAD: Bulk = Bulk {
    head: "WITH given (pull, chunk) AS (",
    columns: 2,
    tail: ") SELECT s.chunk, s.bits FROM given CROSS JOIN seen s WHERE s.pull = given.pull AND s.chunk = given.chunk",
};
const SAVE: Bulk = Bulk {
    head: "INSERT INTO seen (pull, chunk, bits) ",
    columns: 3,
    tail: " ON CONFLICT (pull, chunk) DO UPDATE SET bits = excluded.bits",
};

/// The part of a pull's bits that a batch touches.
pub(crate) struct Seen {
    pull: i64,
    chunks: BTreeMap<i64, Chunk>,
}

struct Chunk {
    bits: Vec<u8>,
    touched: bool,
}

fn place(id: i64) -> (i64, usize, u8) {
    let bit = (id & ((1 << CHUNK_BITS) - 1)) as usize;
    (id >> CHUNK_BITS, bit / 8, 1 << (bit % 8))
}

impl Seen {
    /// Loads the bits around `ids`.
    pub(crate) async fn load(tx: &mut Tx, pull: i64, ids: impl Iterator<Item = i64>) -> Result<Self, StoreError> {
        let mut chunks = BTreeMap::new();
        for id in ids {
            chunks.entry(place(id).0).or_insert_with(|| Chunk { bits: vec![0; CHUNK_BYTES], touched: false });
        }
        let wanted = chunks.keys().flat_map(|chunk| args![pull, *chunk]).collect();
        tx.each_bulk(&LOAD, wanted, |row| {
            let bits = row.bytes(1)?;
            if let Some(chunk) = chunks.get_mut(&row.int(0)?)
                && bits.len() == CHUNK_BYTES
            {
                chunk.bits.copy_from_slice(bits);
            }
            Ok(())
        })
        .await?;
        Ok(Self { pull, chunks })
    }

    /// Marks `id`, one of those around which the bits were loaded, as seen; tells whether it was already.
    pub(crate) fn mark(&mut self, id: i64) -> bool {
        let (chunk, byte, bit) = place(id);
        let Some(chunk) = self.chunks.get_mut(&chunk) else { return false };
        let was = chunk.bits[byte] & bit != 0;
        chunk.touched |= !was;
        chunk.bits[byte] |= bit;
        was
    }

    /// Forgets that `id`, one of those around which the bits were loaded, was seen.
    pub(crate) fn unmark(&mut self, id: i64) {
        let (chunk, byte, bit) = place(id);
        if let Some(chunk) = self.chunks.get_mut(&chunk) {
            chunk.touched |= chunk.bits[byte] & bit != 0;
            chunk.bits[byte] &= !bit;
        }
    }

    /// Tells whether `id` was seen.
    pub(crate) fn contains(&self, id: i64) -> bool {
        let (chunk, byte, bit) = place(id);
        self.chunks.get(&chunk).is_some_and(|chunk| chunk.bits[byte] & bit != 0)
    }

    /// Writes what was marked.
    pub(crate) async fn save(self, tx: &mut Tx) -> Result<(), StoreError> {
        let touched = self.chunks.into_iter().filter(|(_, chunk)| chunk.touched);
        let values = touched.flat_map(|(number, chunk)| args![self.pull, number, chunk.bits]).collect();
        tx.run_bulk(&SAVE, values).await.map(drop)
    }
}

/// Returns the range of ids that share a row of bits with `id`: the first of it and the first after it.
pub(crate) fn neighbourhood(id: i64) -> (i64, i64) {
    let chunk = id >> CHUNK_BITS;
    (chunk << CHUNK_BITS, (chunk + 1) << CHUNK_BITS)
}

/// Counts what the pull has seen.
pub(crate) async fn count(tx: &mut Tx, pull: i64) -> Result<i64, StoreError> {
    let mut total = 0;
    tx.each("SELECT bits FROM seen WHERE pull = $1", args![pull], |row| {
        total += row.bytes(0)?.iter().map(|byte| i64::from(byte.count_ones())).sum::<i64>();
        Ok(())
    })
    .await?;
    Ok(total)
}

/// Forgets what the pull has seen.
pub(crate) async fn forget(tx: &mut Tx, pull: i64) -> Result<(), StoreError> {
    tx.run("DELETE FROM seen WHERE pull = $1", args![pull]).await.map(drop)
}
