//! A gzip stream that is small on the wire and enormous when unpacked. It is written out by hand, since one fixed
//! Huffman code repeated is all that is needed. It serves the `bomb` fault and nothing else.

use bytes::Bytes;

/// The gzip header, then a deflate block with fixed codes: one blank, and the first copy of it.
fn opening() -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    // Not the last block, fixed codes; the literal blank; 258 times the byte before.
    bytes.extend(packed("010", &["01010000", COPY]));
    bytes
}

/// Length 258 at distance 1: thirteen bits for 258 bytes.
const COPY: &str = "1100010100000";

/// Packs bits in the order in which deflate reads them.
fn packed(first: &str, rest: &[&str]) -> Vec<u8> {
    let bits: Vec<u8> = first.bytes().chain(rest.iter().flat_map(|code| code.bytes())).collect();
    bits.chunks(8)
        .map(|chunk| chunk.iter().enumerate().fold(0, |byte, (place, bit)| byte | ((bit - b'0') << place)))
        .collect()
}

/// Returns the pieces of a bomb: about `copies_mb` megabytes on the wire, 159 times as much unpacked.
pub(crate) fn bomb(copies_mb: usize) -> impl Iterator<Item = Bytes> {
    let cycle = packed("", &[COPY; 8]);
    let piece = Bytes::from(cycle.repeat(5041));
    std::iter::once(Bytes::from(opening())).chain((0..copies_mb * 16).map(move |_| piece.clone()))
}
