//! Filters that ask for one value: `userName eq "jane@acme.com"`.
//! Look-ups of `connect` are built here, so that a value can never end its own quotes and become a filter.
//! It writes filters only; it does not read or evaluate them.

use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// An attribute path that is safe to stand in a filter or a patch: `userName`, `name.familyName`,
/// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AttributePath(Box<str>);

/// A text that is not an attribute path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read attribute path {0:?}: expected a name such as `userName` or `name.familyName`")]
pub struct NotAPath(pub String);

impl AttributePath {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AttributePath {
    type Err = NotAPath;
    fn from_str(text: &str) -> Result<Self, NotAPath> {
        let (schema, path) = match text.rsplit_once(':') {
            Some((schema, path)) => (Some(schema), path),
            None => (None, text),
        };
        let schema_fits = schema.is_none_or(|schema| {
            schema.len() > 4
                && schema.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
                && schema.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":.-_".contains(&byte))
        });
        let mut names = path.split('.');
        let path_fits = names.clone().count() <= 2 && names.all(is_attribute_name);
        if schema_fits && path_fits { Ok(Self(text.into())) } else { Err(NotAPath(text.to_owned())) }
    }
}

fn is_attribute_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'$')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Returns `text` as a quoted filter value: a JSON string, as RFC 7644 §3.4.2.2 wants it.
pub fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

/// Returns the filter that `path` equals `value`. A text is quoted, a number or boolean is not.
pub fn equal(path: &AttributePath, value: &Value) -> String {
    let value = match value {
        Value::Array(_) | Value::Object(_) => quote(&value.to_string()),
        simple => simple.to_string(),
    };
    format!("{path} eq {value}")
}

/// Returns the filter that all these are equal.
pub fn equal_all(pairs: &[(AttributePath, Value)]) -> String {
    let filters: Vec<String> = pairs.iter().map(|(path, value)| equal(path, value)).collect();
    filters.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AttributePath {
        text.parse().unwrap()
    }

    #[test]
    fn a_value_cannot_end_its_quotes() {
        let hostile = Value::from(r#"x" or userName pr or userName eq "\"#);
        assert_eq!(equal(&path("userName"), &hostile), r#"userName eq "x\" or userName pr or userName eq \"\\""#);
        assert_eq!(quote("a\nb\u{0}é"), "\"a\\nb\\u0000é\"");
    }

    #[test]
    fn a_quoted_value_reads_back_as_itself() {
        for text in ["", "jane@acme.com", "O'Neil \"J\"", "back\\slash", "\u{7f}\u{1f600}\t"] {
            assert_eq!(serde_json::from_str::<String>(&quote(text)).unwrap(), text);
        }
    }

    #[test]
    fn numbers_and_booleans_stand_bare() {
        let both = [(path("active"), Value::from(true)), (path("emails.value"), Value::from("a@b"))];
        assert_eq!(equal_all(&both), r#"active eq true and emails.value eq "a@b""#);
    }

    #[test]
    fn a_path_is_a_name_and_nothing_else() {
        for good in ["userName", "name.familyName", "$ref", "urn:ietf:params:scim:schemas:core:2.0:User:userName"] {
            assert_eq!(path(good).as_str(), good);
        }
        for bad in ["", "a b", "a eq", "a.b.c", "a.", ".a", "1a", "a\"", "x:y", "urn:a b:c", "emails[type eq \"work\"]"]
        {
            assert!(bad.parse::<AttributePath>().is_err(), "{bad}");
        }
    }
}
