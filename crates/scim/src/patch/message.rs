//! A patch: a list of operations on one resource.
//! `connect` writes patches to other people's servers; our own server reads the dialects that clients send.
//! It does not apply a patch: that needs the resource.

use crate::PATCH_OP;
use crate::dialect::{Dialect, Said};
use crate::words::{get, take};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

const OPERATIONS_MAX: usize = 1000;

/// A patch as RFC 7644 §3.5.2 has it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PatchOp {
    /// What to do, in this order.
    pub operations: Vec<PatchOperation>,
}

/// One operation.
#[derive(Clone, PartialEq, Debug)]
pub struct PatchOperation {
    /// What to do.
    pub verb: PatchVerb,
    /// Where; `None` means the resource itself, and the value is then an object.
    pub path: Option<String>,
    /// With what; absent for most removals.
    pub value: Option<Value>,
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PatchVerb {
    /// Adds a value.
    Add,
    /// Takes a value away.
    Remove,
    /// Puts a value in another's place.
    Replace,
}

/// Why a text is no patch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// It is no JSON.
    #[error("read the patch: not JSON at line {line} column {column}")]
    NotJson {
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
    /// It is JSON without a list of operations.
    #[error("read the patch: it has no list `Operations`")]
    NoOperations,
    /// It has more operations than are read.
    #[error("read the patch: {0} operations, at most {OPERATIONS_MAX} are read")]
    TooMany(usize),
    /// One operation cannot be understood.
    #[error("read operation {number} of the patch: {because}")]
    Operation {
        /// Which, from 1.
        number: usize,
        /// Why.
        because: &'static str,
    },
}

impl PatchVerb {
    /// Returns the word that SCIM uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
        }
    }

    /// Returns the verb that `word` names; clients write it in any case.
    pub fn read(word: &str) -> Option<Self> {
        [Self::Add, Self::Remove, Self::Replace].into_iter().find(|verb| verb.as_str().eq_ignore_ascii_case(word))
    }
}

impl PatchOp {
    /// Returns the patch that sets `path` to `value`.
    pub fn replace(path: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::default().and(PatchVerb::Replace, path, Some(value.into()))
    }

    /// Returns the patch with one more operation.
    pub fn and(mut self, verb: PatchVerb, path: impl Into<String>, value: Option<Value>) -> Self {
        self.operations.push(PatchOperation { verb, path: Some(path.into()), value });
        self
    }

    /// Reads a patch. Names and verbs match in any case.
    ///
    /// # Errors
    /// It is no JSON object with operations, has more than a thousand, or one names no known verb, removes nothing
    /// in particular, or adds without a value.
    pub fn parse(text: &[u8]) -> Result<Self, PatchError> {
        Self::parse_noting(text, &mut Said::default())
    }

    /// As [`PatchOp::parse`], and notes verbs in capitals.
    pub(super) fn parse_noting(text: &[u8], said: &mut Said) -> Result<Self, PatchError> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| PatchError::NotJson { line: error.line(), column: error.column() })?;
        let Value::Object(mut object) = value else { return Err(PatchError::NoOperations) };
        let Some(Value::Array(operations)) = take(&mut object, "Operations") else {
            return Err(PatchError::NoOperations);
        };
        if operations.len() > OPERATIONS_MAX {
            return Err(PatchError::TooMany(operations.len()));
        }
        let read = |(at, operation)| {
            PatchOperation::read(operation, said).map_err(|because| PatchError::Operation { number: at + 1, because })
        };
        Ok(Self { operations: operations.into_iter().enumerate().map(read).collect::<Result<_, _>>()? })
    }
}

impl PatchOperation {
    fn read(value: Value, said: &mut Said) -> Result<Self, &'static str> {
        let Value::Object(mut object) = value else { return Err("it is not an object") };
        let word = get(&object, "op").and_then(Value::as_str).unwrap_or_default();
        let verb = PatchVerb::read(word).ok_or("`op` is none of add, remove, replace")?;
        if word != verb.as_str() {
            said.note(Dialect::VerbCase);
        }
        let path = match take(&mut object, "path") {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) if path.trim().is_empty() => None,
            Some(Value::String(path)) => Some(path),
            Some(_) => return Err("`path` is not a text"),
        };
        let value = take(&mut object, "value");
        match (verb, &path, &value) {
            (PatchVerb::Remove, None, _) => Err("a removal needs a `path`"),
            (PatchVerb::Add, _, None) => Err("an addition needs a `value`"),
            (PatchVerb::Add | PatchVerb::Replace, None, value) if !value.as_ref().is_some_and(Value::is_object) => {
                Err("without a `path` the `value` must be an object")
            }
            _ => Ok(Self { verb, path, value }),
        }
    }
}

impl Serialize for PatchOp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("schemas", &[PATCH_OP])?;
        map.serialize_entry("Operations", &self.operations)?;
        map.end()
    }
}

impl Serialize for PatchOperation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("op", self.verb.as_str())?;
        if let Some(path) = &self.path {
            map.serialize_entry("path", path)?;
        }
        if let Some(value) = &self.value {
            map.serialize_entry("value", value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_suspension_is_written_as_every_server_takes_it() {
        assert_eq!(
            serde_json::to_string(&PatchOp::replace("active", false)).unwrap(),
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}"#
        );
    }

    #[test]
    fn capital_verbs_and_empty_paths_are_understood() {
        let text = br#"{"schemas":[],"operations":[{"op":"Replace","path":"","value":{"active":"False"}},{"op":"REMOVE","path":"members","value":[{"value":"7"}]}]}"#;
        let patch = PatchOp::parse(text).unwrap();
        assert_eq!(patch.operations[0].path, None);
        assert_eq!(patch.operations[1].verb, PatchVerb::Remove);
        assert_eq!(patch.operations[1].value, Some(json!([{"value": "7"}])));
        assert_eq!(PatchOp::parse(&serde_json::to_vec(&patch).unwrap()).unwrap(), patch);
    }

    #[test]
    fn an_operation_that_cannot_be_understood_is_named_by_its_number() {
        for (operation, because) in [
            (json!({"op": "move", "path": "a"}), "`op` is none of add, remove, replace"),
            (json!({"op": "remove"}), "a removal needs a `path`"),
            (json!({"op": "add", "path": "a"}), "an addition needs a `value`"),
            (json!({"op": "replace", "value": 1}), "without a `path` the `value` must be an object"),
            (json!({"op": "replace", "path": 3, "value": 1}), "`path` is not a text"),
            (json!(7), "it is not an object"),
        ] {
            let text = json!({"Operations": [{"op": "remove", "path": "x"}, operation]}).to_string();
            assert_eq!(PatchOp::parse(text.as_bytes()), Err(PatchError::Operation { number: 2, because }));
        }
    }

    #[test]
    fn a_patch_with_endless_operations_is_refused() {
        let text = json!({"Operations": vec![json!({"op": "remove", "path": "x"}); 1001]}).to_string();
        assert_eq!(PatchOp::parse(text.as_bytes()), Err(PatchError::TooMany(1001)));
        assert_eq!(PatchOp::parse(b"{}"), Err(PatchError::NoOperations));
    }
}
