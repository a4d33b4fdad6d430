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
