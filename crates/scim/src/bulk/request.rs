//! A bulk request as it was sent: its operations, each read or refused by itself.
//! Only what is wrong with the whole is an error of the whole: no JSON, no operations, too many, too large.
//! References by `bulkId` are found here and resolved by the run.

use crate::error::{ScimError, ScimType};
use crate::words::{count, get, take};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The methods of SCIM.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the words of HTTP")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    const WORDS: [(&'static str, Self); 5] = [
        ("GET", Self::Get),
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("PATCH", Self::Patch),
        ("DELETE", Self::Delete),
    ];

    /// Returns the word.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, method)| *method == self).map_or("", |(word, _)| word)
    }

    fn read(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, method)| *method)
    }
}

/// How much a bulk request may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BulkLimits {
    /// How many operations.
    pub operations_max: usize,
    /// How many bytes.
    pub bytes_max: usize,
}

/// A bulk request.
#[derive(Clone, PartialEq, Debug)]
pub struct BulkRequest {
    /// After how many errors nothing more is tried.
    pub fail_on_errors: Option<u64>,
    /// The operations as they were sent, and what was wrong with each.
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry {
    /// The method as it was sent, for the answer.
    pub(super) method: String,
    pub(super) bulk_id: Option<String>,
    pub(super) operation: Result<BulkOperation, ScimError>,
}

/// One operation.
#[derive(Clone, PartialEq, Debug)]
pub struct BulkOperation {
    /// What to do.
    pub method: Method,
    /// With what: `/Users`, `/Users/42`.
    pub path: String,
    /// What would stand in `If-Match`.
    pub version: Option<String>,
    /// The body.
    pub data: Option<Value>,
}

const REFERENCE: &str = "bulkId:";

impl BulkRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// `invalidSyntax`: it is no bulk request. 413: it is larger than the limits.
    pub fn parse(text: &[u8], limits: BulkLimits) -> Result<Self, ScimError> {
        if text.len() > limits.bytes_max {
            let because = format!("{} bytes in one request, at most {} are taken", text.len(), limits.bytes_max);
            return Err(ScimError::new(413, because));
        }
        let invalid = |because: &str| ScimError::because(ScimType::InvalidSyntax, because);
        let mut object: Map<String, Value> = serde_json::from_slice(text).map_err(|error| {
            invalid(&format!("the request is not a JSON object at line {} column {}", error.line(), error.column()))
        })?;
        let Some(Value::Array(operations)) = take(&mut object, "Operations") else {
            return Err(invalid("the request has no list `Operations`"));
        };
        if operations.len() > limits.operations_max {
            let because =
                format!("{} operations in one request, at most {} are taken", operations.len(), limits.operations_max);
            return Err(ScimError::new(413, because));
        }
        let fail_on_errors = match get(&object, "failOnErrors") {
            None | Some(Value::Null) => None,
            Some(value) => Some(count(value).ok_or_else(|| invalid("`failOnErrors`: expected a whole number"))?),
        };
        let mut taken = BTreeSet::new();
        let entries = operations.into_iter().map(|operation| Entry::read(operation, &mut taken));
        Ok(Self { fail_on_errors, entries: entries.collect() })
    }
}

impl Entry {
    fn read(value: Value, taken: &mut BTreeSet<String>) -> Self {
        let Value::Object(mut object) = value else {
            let operation = Err(ScimError::because(ScimType::InvalidSyntax, "the operation is not an object"));
            return Self { method: String::new(), bulk_id: None, operation };
        };
        let mut text = |name: &str| match take(&mut object, name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        let method = text("method").unwrap_or_default();
        let (bulk_id, version, path) = (text("bulkId"), text("version"), text("path"));
        let data = take(&mut object, "data").filter(|data| !data.is_null());
        let is_double = bulk_id.as_ref().is_some_and(|id| !taken.insert(id.clone()));
        let operation = operation(&method, bulk_id.as_deref(), path, version, data).and_then(|operation| {
            let double = || ScimError::because(ScimType::InvalidValue, "`bulkId` stands for another operation already");
            if is_double { Err(double()) } else { Ok(operation) }
        });
        // A second one of the same name must not take the place of the first in references.
        Self { method, bulk_id: if is_double { None } else { bulk_id }, operation }
    }
}

fn operation(
    method: &str,
    bulk_id: Option<&str>,
    path: Option<String>,
    version: Option<String>,
    data: Option<Value>,
) -> Result<BulkOperation, ScimError> {
    let invalid = |because: &str| Err(ScimError::because(ScimType::InvalidSyntax, because));
    let Some(method) = Method::read(method).filter(|method| *method != Method::Get) else {
        return invalid("`method` is none of POST, PUT, PATCH, DELETE");
    };
    let Some(path) = path else { return invalid("the operation has no `path`") };
    if method == Method::Post && bulk_id.is_none() {
        return invalid("a POST needs a `bulkId`");
    }
    if method != Method::Delete && !data.as_ref().is_some_and(Value::is_object) {
        return invalid("the operation needs an object as its `data`");
    }
    Ok(BulkOperation { method, path, version, data: data.filter(|_| method != Method::Delete) })
}

impl BulkOperation {
    /// Returns the `bulkId`s to which the operation refers.
    pub(super) fn references(&self) -> BTreeSet<String> {
        let mut found: BTreeSet<String> = self.path.split('/').filter_map(reference).map(str::to_owned).collect();
        if let Some(data) = &self.data {
            gather(data, &mut found);
        }
        found
    }

    /// Returns the operation with each reference replaced by the id that it stands for.
    pub(super) fn resolved(&self, id_of: &dyn Fn(&str) -> Option<String>) -> Self {
        let word = |word: &str| reference(word).and_then(id_of).unwrap_or_else(|| word.to_owned());
        let mut data = self.data.clone();
        if let Some(data) = &mut data {
            settle(data, id_of);
        }
        Self { path: self.path.split('/').map(word).collect::<Vec<_>>().join("/"), data, ..self.clone() }
    }
}

fn reference(text: &str) -> Option<&str> {
    let start = text.get(..REFERENCE.len())?;
    start.eq_ignore_ascii_case(REFERENCE).then(|| text.get(REFERENCE.len()..)).flatten().filter(|id| !id.is_empty())
}

fn gather(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(reference(text).map(str::to_owned)),
        Value::Array(elements) => elements.iter().for_each(|element| gather(element, found)),
        Value::Object(object) => object.values().for_each(|value| gather(value, found)),
        _ => {}
    }
}

fn settle(value: &mut Value, id_of: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(id) = reference(text).and_then(id_of) {
                *text = id;
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| settle(element, id_of)),
        Value::Object(object) => object.values_mut().for_each(|value| settle(value, id_of)),
        _ => {}
    }
}
