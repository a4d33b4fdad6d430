//! Reads attributes the way SCIM means them: names without regard to case, numbers that may be spelt as text.
//! The message types are built with it from a JSON object.
//! It does not know which attributes there are.

use serde_json::{Map, Value};

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
            let mut names: Vec<&String> = object.keys().collect();
            names.sort_unstable();
            for (at, name) in names.iter().enumerate() {
                text.push(if at == 0 { '{' } else { ',' });
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(&object[name.as_str()], text);
            }
            text.push_str(if names.is_empty() { "{}" } else { "}" });
        }
        simple => text.push_str(&simple.to_string()),
    }
}
