//! Cursors (RFC 9865): where a page ended, sealed so that nobody can make one up or use it for another list.
//! The key, the scope and the moment are handed in; a cursor that was changed, or is of another scope, is `invalidCursor`.
//! It holds a place in an order and keeps nothing on the server.

use crate::error::{ScimError, ScimType};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The place after which a page begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// The id of the last resource of the page before.
    pub after: String,
    /// When the cursor was made, in seconds since 1970.
    pub made_s: i64,
}

/// Seals cursors with a key that only the server has.
#[derive(Clone)]
pub struct CursorSeal {
    key: [u8; 32],
    lifetime_s: i64,
}

const BLOCK: usize = 64;
const MAC_BYTES: usize = 16;
const TEXT_MAX: usize = 4096;

impl CursorSeal {
    /// Returns a seal; what it seals is good for a while.
    pub fn new(key: [u8; 32], lifetime_s: i64) -> Self {
        Self { key, lifetime_s }
    }

    /// Returns how long a cursor is good.
    pub fn lifetime_s(&self) -> i64 {
        self.lifetime_s
    }

    /// Writes a cursor. `scope` says for whom and for which list: connection, type, filter, order.
    pub fn seal(&self, scope: &str, cursor: &Cursor) -> String {
        let body = json!([cursor.after, cursor.made_s]).to_string();
        format!("{}.{}", hex(body.as_bytes()), hex(&self.mac(scope, &body)))
    }

    /// Reads a cursor at a moment.
    ///
    /// # Errors
    /// `invalidCursor`: it was not sealed by this key for this scope. `expiredCursor`: it was, too long ago.
    pub fn open(&self, scope: &str, text: &str, now_s: i64) -> Result<Cursor, ScimError> {
        let cursor = self.read(scope, text).ok_or_else(|| {
            ScimError::because(ScimType::InvalidCursor, "the cursor is not one of this list; start again without one")
        })?;
        if now_s.saturating_sub(cursor.made_s) > self.lifetime_s {
            return Err(ScimError::because(ScimType::ExpiredCursor, "the cursor is too old; start again without one"));
        }
        Ok(cursor)
    }

    fn read(&self, scope: &str, text: &str) -> Option<Cursor> {
        let (body, mac) = text.trim().split_once('.').filter(|_| text.len() <= TEXT_MAX)?;
        let (body, mac) = (String::from_utf8(unhex(body)?).ok()?, unhex(mac)?);
        let expected = self.mac(scope, &body);
        let differing = mac.iter().zip(&expected).fold(0, |differing, (one, other)| differing | (one ^ other));
        if mac.len() != MAC_BYTES || differing != 0 {
            return None;
        }
        let body: Value = serde_json::from_str(&body).ok()?;
        Some(Cursor { after: body.get(0)?.as_str()?.to_owned(), made_s: body.get(1)?.as_i64()? })
    }

    /// Returns the first bytes of HMAC-SHA-256 (RFC 2104) over scope and body, each with its length before it.
    fn mac(&self, scope: &str, body: &str) -> [u8; MAC_BYTES] {
        let padded =
            |with: u8| -> [u8; BLOCK] { std::array::from_fn(|at| self.key.get(at).copied().unwrap_or(0) ^ with) };
        let mut inner = Sha256::new();
        inner.update(padded(0x36));
        inner.update((scope.len() as u64).to_be_bytes());
        inner.update(scope);
        inner.update(body);
        let mut outer = Sha256::new();
        outer.update(padded(0x5c));
        outer.update(inner.finalize());
        let whole = outer.finalize();
        std::array::from_fn(|at| whole[at])
    }
}

impl std::fmt::Debug for CursorSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CursorSeal").field("lifetime_s", &self.lifetime_s).finish_non_exhaustive()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| (*byte as char).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some((digit(pair.first()?)? * 16 + digit(pair.get(1)?)?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(outcome: Result<Cursor, ScimError>) -> Option<ScimType> {
        outcome.err().and_then(|error| error.scim_type)
    }

    #[test]
    fn a_cursor_opens_for_its_scope_only_and_not_for_ever() {
        let seal = CursorSeal::new([7; 32], 600);
        let cursor = Cursor { after: "u1\"é".into(), made_s: 1000 };
        let text = seal.seal("gate|User", &cursor);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "unreserved letters only");
        assert_eq!(seal.open("gate|User", &text, 1600), Ok(cursor));
        assert_eq!(kind(seal.open("gate|User", &text, 1601)), Some(ScimType::ExpiredCursor));
        assert_eq!(kind(seal.open("other|User", &text, 1000)), Some(ScimType::InvalidCursor));
        assert_eq!(kind(CursorSeal::new([8; 32], 600).open("gate|User", &text, 1000)), Some(ScimType::InvalidCursor));
    }

    #[test]
    fn no_letter_of_a_cursor_can_be_changed() {
        let seal = CursorSeal::new([7; 32], 600);
        let text = seal.seal("s", &Cursor { after: "u1".into(), made_s: 0 });
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(kind(seal.open("s", &changed, 0)), Some(ScimType::InvalidCursor), "letter {at}");
            assert_eq!(kind(seal.open("s", &text[..at], 0)), Some(ScimType::InvalidCursor), "cut at {at}");
        }
    }

    #[test]
    fn the_mac_is_hmac_sha_256() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let seal = CursorSeal::new(key, 0);
        // HMAC over eight bytes of length, computed with Python's hmac module: key "Jefe", text 00*8 + "x".
        assert_eq!(hex(&seal.mac("", "x")), EXPECTED);
    }

    const EXPECTED: &str = "b11212a2d9a172c2682552b722e2358c";
}
