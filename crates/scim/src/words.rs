//! Reads attributes the way SCIM means them: names without regard to case, numbers that may be spelt as text.
//! The message types are built with it from a JSON object.
//! It does not know which attributes there are.

use serde_json::{Map, Value};
use std::fmt::Write;

/// Returns the value of `name`, which matches in any case; the exact spelling is preferred.
pub(crate) fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Takes the value of `name` out of the object.
pub(crate) fn take(object: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = match object.get_key_value(name) {
        Some((key, _)) => key.clone(),
        None => object.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone(),
    };
    object.remove(&key)
}

/// Returns a count that is a whole number, or a text that spells one.
pub(crate) fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number
            .as_u64()
            .or_else(|| number.as_f64().filter(|n| *n >= 0.0 && *n <= 9e15 && n.fract() == 0.0).map(|n| n as u64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Returns the one spelling of a value: names in order, no spaces, so that equal values have equal texts.
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

/// As [`canonical`], of what a resource holds beside one of its attributes.
pub(crate) fn canonical_without(resource: &Map<String, Value>, without: &str) -> String {
    let mut text = String::with_capacity(1024);
    write_canonical_object(resource.iter().filter(|(name, _)| *name != without), &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                text.push(if at == 0 { '[' } else { ',' });
                write_canonical(element, text);
            }
            text.push_str(if elements.is_empty() { "[]" } else { "]" });
        }
        Value::Object(object) => {
            write_canonical_object(object.iter(), text);
        }
        Value::String(said) => write_quoted(said, text),
        simple => drop(write!(text, "{simple}")), // a String takes whatever is written
    }
}

fn write_canonical_object<'v>(parts: impl Iterator<Item = (&'v String, &'v Value)>, text: &mut String) {
    let mut parts: Vec<_> = parts.collect();
    parts.sort_unstable_by_key(|(name, _)| *name);
    for (at, (name, value)) in parts.iter().enumerate() {
        text.push(if at == 0 { '{' } else { ',' });
        write_quoted(name, text);
        text.push(':');
        write_canonical(value, text);
    }
    text.push_str(if parts.is_empty() { "{}" } else { "}" });
}

/// Writes a text as JSON has it. Most need no escapes.
fn write_quoted(said: &str, text: &mut String) {
    match said.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        true => drop(write!(text, "{}", Value::from(said))),
        false => {
            text.push('"');
            text.push_str(said);
            text.push('"');
        }
    }
}
