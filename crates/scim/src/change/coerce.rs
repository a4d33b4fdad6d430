//! Values as clients send them, made into the kind that their attribute has (RFC 7643 §2.3).
//! Each difference that is bridged is noted; what cannot be bridged is `invalidValue`, with the attribute's name.
//! Texts stay byte for byte as they came: a client that reads back something else sends it again for ever.

use crate::dialect::{Dialect, Said};
use crate::error::{ScimError, ScimType};
use crate::filter::moment;
use crate::schema::{Attribute, Kind, Mutability, is_unassigned};
use crate::words::get;
use serde_json::{Map, Value};

/// Returns the values of a list; one value stands for a list of one.
pub(super) fn list(attribute: &Attribute, value: Value, said: &mut Said) -> Result<Vec<Value>, ScimError> {
    let elements = match value {
        Value::Null => Vec::new(),
        Value::Array(elements) => elements,
        value => {
            said.note(Dialect::OneForMany);
            vec![value]
        }
    };
    let elements = elements.into_iter().map(|element| {
        let is_none = element.is_null();
        one(attribute, element, said).and_then(|element| if is_none { Ok(element) } else { whole(attribute, element) })
    });
    Ok(elements.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|element| !is_unassigned(element)).collect())
}

/// Refuses an element without what it must have: a member without an id would be passed over with success.
fn whole(attribute: &Attribute, element: Value) -> Result<Value, ScimError> {
    let missing = attribute.sub_attributes.iter().filter(|sub| sub.required);
    match missing.into_iter().find(|sub| element.get(&sub.name).is_none_or(is_unassigned)) {
        Some(sub) => Err(invalid(attribute, &format!("an element without `{}`", sub.name))),
        None => Ok(element),
    }
}

/// Returns one value; a list of one stands for it. Null where there is none.
pub(super) fn single(attribute: &Attribute, value: Value, said: &mut Said) -> Result<Value, ScimError> {
    match value {
        Value::Array(mut elements) if elements.len() <= 1 => {
            said.note(Dialect::ManyForOne);
            elements.pop().map_or(Ok(Value::Null), |element| one(attribute, element, said))
        }
        Value::Array(elements) => Err(invalid(attribute, &format!("expected one value, found {}", elements.len()))),
        value => one(attribute, value, said),
    }
}

/// Returns a list or one value, as the attribute has it.
pub(super) fn any(attribute: &Attribute, value: Value, said: &mut Said) -> Result<Value, ScimError> {
    if attribute.multi_valued { list(attribute, value, said).map(Value::Array) } else { single(attribute, value, said) }
}

pub(super) fn invalid(attribute: &Attribute, because: &str) -> ScimError {
    ScimError::because(ScimType::InvalidValue, format!("`{}`: {because}", attribute.name))
}

fn one(attribute: &Attribute, value: Value, said: &mut Said) -> Result<Value, ScimError> {
    if attribute.kind == Kind::Complex && !value.is_null() {
        return complex(attribute, value, said);
    }
    simple(attribute.kind, value, said).map_err(|because| invalid(attribute, because))
}

fn simple(kind: Kind, value: Value, said: &mut Said) -> Result<Value, &'static str> {
    match (kind, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Kind::Boolean, Value::Bool(value)) => Ok(value.into()),
        (Kind::Boolean, Value::String(text)) => boolean(&text, said).ok_or("expected true or false"),
        (Kind::Boolean, _) => Err("expected true or false"),
        (Kind::Integer | Kind::Decimal, Value::Number(number)) => {
            whole_where_asked(kind, number).map(Value::Number).ok_or("expected a whole number")
        }
        (Kind::Integer | Kind::Decimal, Value::String(text)) => {
            let number = serde_json::from_str(text.trim()).ok();
            let number = number.and_then(|number| whole_where_asked(kind, number));
            number.inspect(|_| said.note(Dialect::NumberText)).map(Value::Number).ok_or("expected a number")
        }
        (Kind::Integer | Kind::Decimal, _) => Err("expected a number"),
        (Kind::DateTime, Value::String(text)) => {
            if moment(&text).is_some() {
                Ok(text.into())
            } else {
                Err("expected a date and time")
            }
        }
        (Kind::DateTime, _) => Err("expected a date and time"),
        (_, Value::String(text)) if text.contains('\0') => Err("a text holds no NUL"),
        (_, Value::String(text)) => Ok(text.into()),
        (_, bare @ (Value::Number(_) | Value::Bool(_))) => {
            said.note(Dialect::NumberText);
            Ok(bare.to_string().into())
        }
        (_, Value::Array(_) | Value::Object(_)) => Err("expected a text"),
    }
}

fn boolean(text: &str, said: &mut Said) -> Option<Value> {
    let text = text.trim();
    let value = [true, false].into_iter().find(|value| value.to_string().eq_ignore_ascii_case(text));
    value.inspect(|_| said.note(Dialect::BooleanText)).map(Value::Bool)
}

fn whole_where_asked(kind: Kind, number: serde_json::Number) -> Option<serde_json::Number> {
    let is_whole = number.is_i64() || number.is_u64();
    (kind == Kind::Decimal || is_whole).then_some(number)
}

/// Reads an object of sub-attributes, or a bare text that stands for its `value`.
fn complex(attribute: &Attribute, value: Value, said: &mut Said) -> Result<Value, ScimError> {
    let object = match value {
        Value::Object(object) => object,
        Value::String(text) => match json_object(&text) {
            Some(object) => {
                said.note(Dialect::JsonText);
                object
            }
            None => {
                said.note(Dialect::BareValue);
                bare(attribute, text.into())?
            }
        },
        number @ Value::Number(_) => {
            said.note(Dialect::BareValue);
            bare(attribute, number)?
        }
        _ => return Err(invalid(attribute, "expected an object")),
    };
    sub_attributes(attribute, unpacked(attribute, object, said), said).map(Value::Object)
}

fn bare(attribute: &Attribute, value: Value) -> Result<Map<String, Value>, ScimError> {
    if attribute.sub("value").is_none() {
        return Err(invalid(attribute, "expected an object"));
    }
    Ok(Map::from_iter([("value".to_owned(), value)]))
}

/// Reads a text that is a JSON object with something that can be a value.
fn json_object(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    if !text.starts_with('{') {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let has_value = ["value", "id"].iter().any(|name| get(&object, name).is_some_and(Value::is_string));
    has_value.then_some(object)
}

/// Unpacks `{"value": "{\"id\": …, \"value\": …, \"displayName\": …}"}`, in which app roles are sent.
fn unpacked(attribute: &Attribute, mut object: Map<String, Value>, said: &mut Said) -> Map<String, Value> {
    let packed = get(&object, "value").and_then(Value::as_str).and_then(json_object);
    let is_packed = packed.is_some();
    if let Some(packed) = packed {
        said.note(Dialect::JsonText);
        object.retain(|name, _| !name.eq_ignore_ascii_case("value"));
        object.extend(packed);
    }
    if is_packed || said.dialects.contains(&Dialect::JsonText) {
        for (from, to) in [("id", "value"), ("displayName", "display")] {
            let is_free = get(&object, to).is_none() && attribute.sub(from).is_none() && attribute.sub(to).is_some();
            if let Some(value) = object.remove(from).filter(|_| is_free) {
                object.insert(to.into(), value);
            }
        }
    }
    object
}

fn sub_attributes(
    attribute: &Attribute,
    object: Map<String, Value>,
    said: &mut Said,
) -> Result<Map<String, Value>, ScimError> {
    let mut held = Map::new();
    for (name, value) in object {
        let Some(sub) = sub_of(attribute, &name, said) else {
            said.pass_over(&format!("{}.{name}", attribute.name));
            continue;
        };
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        let value = any(sub, value, said).map_err(|error| error.at(format!("`{}`", attribute.name)))?;
        if !is_unassigned(&value) {
            held.insert(sub.name.clone(), value);
        }
    }
    Ok(held)
}

fn sub_of<'a>(attribute: &'a Attribute, name: &str, said: &mut Said) -> Option<&'a Attribute> {
    if let Some(sub) = attribute.sub(name) {
        if sub.name != name {
            said.note(Dialect::NameCase);
        }
        return Some(sub);
    }
    // SCIM 1.1 says `managerId` where 2.0 says `value`.
    let is_old = name.eq_ignore_ascii_case("managerId") && attribute.name == "manager";
    is_old.then(|| attribute.sub("value")).flatten().inspect(|_| said.note(Dialect::OldName))
}
