//! Ids and digests that are derived from what they stand for, so that equal things have equal ids.
//! Texts go in, hexadecimal SHA-256 comes out; parts are told apart by their lengths.

use crate::hex::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Returns `prefix` and the first `letters` of the hash of some parts.
pub(crate) fn derived(prefix: &str, letters: usize, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = prefix.to_owned();
    text.push_str(&hex(&hash.finalize())[..letters.min(64)]);
    text
}

/// Returns a value as JSON; a value that cannot be written is an empty text.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
