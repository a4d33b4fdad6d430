//! Versions of a resource: weak ETags, `If-Match` and `If-None-Match` (RFC 7644 §3.14).
//! A version is made of what the resource holds, without `meta`, so that equal contents have equal versions.
//! It compares headers with versions; it does not know when a request needs one.

use crate::cursor::hex;
use crate::error::ScimError;
use crate::words::canonical_without;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// A version.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(String);

impl Version {
    /// Returns the version of what a resource holds.
    pub fn of(resource: &Map<String, Value>) -> Self {
        let digest = Sha256::digest(canonical_without(resource, "meta"));
        Self(hex(&digest[..8]))
    }

    /// Returns a version that the server counts by itself. Letters that cannot stand in an ETag are left out.
    pub fn counted(text: &str) -> Self {
        Self(text.chars().filter(|letter| letter.is_ascii_graphic() && *letter != '"').collect())
    }

    /// Tells whether a request with this `If-Match` may change the resource.
    ///
    /// # Errors
    /// 412: it was changed since the client looked.
    pub fn allows(&self, if_match: Option<&str>) -> Result<(), ScimError> {
        match if_match {
            Some(header) if !self.is_in(header) => {
                Err(ScimError::new(412, "the resource was changed since this version; read it again"))
            }
            _ => Ok(()),
        }
    }

    /// Tells whether a client with this `If-None-Match` has the resource already: 304.
    pub fn is_known_by(&self, if_none_match: Option<&str>) -> bool {
        if_none_match.is_some_and(|header| self.is_in(header))
    }

    /// Compares weakly with a list of ETags; `*` is all of them.
    fn is_in(&self, header: &str) -> bool {
        let tags = header.split(',').map(str::trim);
        tags.into_iter().any(|tag| tag == "*" || bare(tag) == self.0)
    }
}

fn bare(tag: &str) -> &str {
    let tag = tag.strip_prefix("W/").or_else(|| tag.strip_prefix("w/")).unwrap_or(tag);
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "W/\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn version(resource: &Value) -> Version {
        Version::of(resource.as_object().unwrap())
    }

    #[test]
    fn a_version_is_that_of_the_contents() {
        let one = version(&json!({"id": "1", "a": {"x": 1, "y": []}, "meta": {"lastModified": "now"}}));
        let same = version(&json!({"a": {"y": [], "x": 1}, "meta": {"version": "old"}, "id": "1"}));
        assert_eq!(one, same);
        assert_ne!(one, version(&json!({"id": "1", "a": {"x": 2, "y": []}})));
        assert_eq!(one.to_string().len(), 20);
    }

    #[test]
    fn headers_are_compared_weakly() {
        let version = Version::counted("a\"1");
        assert_eq!(version.to_string(), "W/\"a1\"");
        for known in ["W/\"a1\"", "\"a1\"", "*", "\"b\", W/\"a1\"", "a1"] {
            assert_eq!(version.allows(Some(known)), Ok(()));
            assert!(version.is_known_by(Some(known)));
        }
        assert_eq!(version.allows(Some("W/\"b\"")).unwrap_err().status, 412);
        assert_eq!(version.allows(None), Ok(()));
        assert!(!version.is_known_by(None) && !version.is_known_by(Some("")));
    }
}
