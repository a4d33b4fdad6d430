//! Filters that ask for one value: `userName eq "jane@acme.com"`.
//! Look-ups of `connect` are built here, so that a value can never end its own quotes and become a filter.
//! It makes texts; a filter that was read is printed by its own type.

use crate::path::AttributePath;
use serde_json::Value;

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
}
