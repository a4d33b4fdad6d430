//! A JSON document that borrows from the bytes of its page, and the places in it.
//! Pages are decoded once into this; records and errors are read out of it. It does not know what the values mean.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::fmt;

/// A JSON value whose texts lie in the page where they can.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Flag(bool),
    Natural(u64),
    Whole(i64),
    Real(f64),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Returns the value under `key`, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        match self {
            Json::Object(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Returns an id: a text that is not empty, or a whole number.
    pub fn id(&self) -> Option<Box<str>> {
        match self {
            Json::Text(text) if !text.is_empty() => Some(text.as_ref().into()),
            Json::Natural(number) => Some(number.to_string().into()),
            Json::Whole(number) => Some(number.to_string().into()),
            _ => None,
        }
    }

    /// Returns what a person would read: texts as they are, numbers in digits; nothing for the rest.
    pub fn plain(&self) -> Option<Cow<'_, str>> {
        match self {
            Json::Text(text) => Some(Cow::Borrowed(text)),
            Json::Natural(number) => Some(number.to_string().into()),
            Json::Whole(number) => Some(number.to_string().into()),
            Json::Real(number) => Some(number.to_string().into()),
            _ => None,
        }
    }

    /// Tells whether nothing is there: null, an empty text, an empty list or object.
    pub fn is_empty(&self) -> bool {
        match self {
            Json::Null => true,
            Json::Text(text) => text.is_empty(),
            Json::List(items) => items.is_empty(),
            Json::Object(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// Returns a copy that borrows nothing.
    pub fn to_value(&self) -> Value {
        match self {
            Json::Null => Value::Null,
            Json::Flag(flag) => Value::Bool(*flag),
            Json::Natural(number) => Value::from(*number),
            Json::Whole(number) => Value::from(*number),
            Json::Real(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Json::Text(text) => Value::String(text.clone().into_owned()),
            Json::List(items) => Value::Array(items.iter().map(Json::to_value).collect()),
            Json::Object(entries) => Value::Object(
                entries.iter().map(|(key, value)| (key.clone().into_owned(), value.to_value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// Tells whether this is what a manifest wrote.
    pub fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Json::Null, Value::Null) => true,
            (Json::Flag(left), Value::Bool(right)) => left == right,
            (Json::Text(left), Value::String(right)) => left.eq_ignore_ascii_case(right),
            (Json::Natural(_) | Json::Whole(_) | Json::Real(_), Value::Number(_)) => self.to_value() == *value,
            _ => false,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson(std::marker::PhantomData))
    }
}

struct AnyJson<'a>(std::marker::PhantomData<Json<'a>>);

impl<'de: 'a, 'a> Visitor<'de> for AnyJson<'a> {
    type Value = Json<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Json<'a>, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Json<'a>, E> {
        Ok(Json::Flag(flag))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Json<'a>, E> {
        Ok(Json::Natural(number))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Json<'a>, E> {
        Ok(u64::try_from(number).map_or(Json::Whole(number), Json::Natural))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Json<'a>, E> {
        Ok(Json::Real(number))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'a>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Json<'a>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'a>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'a>, A::Error> {
        let mut object = Vec::with_capacity(16);
        while let Some((Key(key), value)) = entries.next_entry()? {
            object.push((key, value));
        }
        Ok(Json::Object(object))
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::Text(text) => Ok(Key(text)),
            _ => Err(serde::de::Error::custom("a key that is no text")),
        }
    }
}

/// A place in a document: keys one inside the other, written with dots. A step into a list takes the entry of that
/// number, or the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(Box<[Box<str>]>);

impl Place {
    /// Reads `contact.email`; an empty text is the document itself.
    pub fn new(text: &str) -> Self {
        Self(text.split('.').filter(|step| !step.is_empty()).map(Into::into).collect())
    }

    /// Returns what lies there.
    pub fn of<'j, 'a>(&self, json: &'j Json<'a>) -> Option<&'j Json<'a>> {
        let mut here = json;
        for step in &self.0 {
            here = match here {
                Json::List(items) => match step.parse::<usize>() {
                    Ok(at) => items.get(at)?,
                    Err(_) => items.first()?.get(step)?,
                },
                _ => here.get(step)?,
            };
        }
        Some(here)
    }
}

/// Several places, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Box<[Place]>);

impl Places {
    /// Reads places as a manifest writes them.
    pub fn new(texts: &[String]) -> Self {
        Self(texts.iter().map(|text| Place::new(text)).collect())
    }

    /// Returns the first that is there and not empty; else one that is there and empty; else nothing.
    pub fn of<'j, 'a>(&self, json: &'j Json<'a>) -> Option<&'j Json<'a>> {
        let mut empty = None;
        for place in &self.0 {
            match place.of(json) {
                Some(found) if !found.is_empty() => return Some(found),
                Some(found) => empty = empty.or(Some(found)),
                None => {}
            }
        }
        empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_escapes_are_borrowed() {
        let json: Json<'_> = serde_json::from_str(r#"{"a":"b","c":"d\n"}"#).unwrap();
        assert!(matches!(json.get("a"), Some(Json::Text(Cow::Borrowed("b")))));
        assert!(matches!(json.get("c"), Some(Json::Text(Cow::Owned(_)))));
    }

    #[test]
    fn the_first_place_that_holds_something_wins_over_one_that_is_empty() {
        let json: Json<'_> = serde_json::from_str(r#"{"email":"","contact":{"email":"x@y"}}"#).unwrap();
        let places = Places::new(&["email".into(), "contact.email".into()]);
        assert_eq!(places.of(&json).and_then(Json::plain).as_deref(), Some("x@y"));
    }

    #[test]
    fn an_absent_place_differs_from_a_null_one() {
        let json: Json<'_> = serde_json::from_str(r#"{"email":null}"#).unwrap();
        assert_eq!(Places::new(&["email".into()]).of(&json), Some(&Json::Null));
        assert_eq!(Places::new(&["login".into()]).of(&json), None);
    }
}
