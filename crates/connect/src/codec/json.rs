//! A JSON document that borrows from the bytes of its page, and the places in it.
//! Pages are decoded once into this; records and errors are read out of it. It does not know what the values mean.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use tenure_core::name::NativeId;

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
            Json::Object(entries) => entries.iter().find(|(name, _)| same(name, key)).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Returns an id: a text that can be kept as one, or a whole number.
    pub fn id(&self) -> Option<Box<str>> {
        match self {
            Json::Text(text) if NativeId::fits(text) => Some(text.as_ref().into()),
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

/// Tells whether two names are the same; nearly all differ in their length or how they begin.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().first() == other.as_bytes().first() && one == other
}

/// Which names of a record are read; the others are passed over. Nothing stands for all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted(Option<Box<[Box<str>]>>);

impl Wanted {
    /// Wants what lies at these places.
    pub fn new<'p>(places: impl Iterator<Item = &'p Place>) -> Self {
        let names: Option<Vec<Box<str>>> = places.map(|place| place.0.first().map(|step| step.name.clone())).collect();
        Self(names.map(|mut names| {
            names.sort_unstable();
            names.dedup();
            names.into()
        }))
    }

    fn has(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|wanted| same(wanted, name)))
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(OBJECT_LEN, |names| names.len())
    }
}

/// Names that an object has room for at first.
const OBJECT_LEN: usize = 4;

impl<'a> Json<'a> {
    /// Reads a document.
    pub fn read(bytes: &'a [u8]) -> serde_json::Result<Self> {
        Self::read_as(bytes, Depth::Whole)
    }

    /// Reads a page: a document that is a list of records, or has one at `items`. Of the records only what is wanted is
    /// kept.
    pub fn read_page(bytes: &'a [u8], items: &Place, wanted: &Wanted) -> serde_json::Result<Self> {
        let is_list = bytes.trim_ascii_start().first() == Some(&b'[');
        Self::read_as(bytes, Depth::Way(if is_list { &[] } else { &items.0 }, wanted))
    }

    fn read_as(bytes: &'a [u8], depth: Depth<'_>) -> serde_json::Result<Self> {
        // A text that is known to be one need not be looked at again for each of its pieces.
        let Ok(text) = std::str::from_utf8(bytes) else { return serde_json::from_slice(bytes) };
        let mut reader = serde_json::Deserializer::from_str(text);
        let json = AnyJson::at(depth).deserialize(&mut reader)?;
        reader.end()?;
        Ok(json)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson::at(Depth::Whole))
    }
}

/// How deep in a page a value lies.
#[derive(Clone, Copy)]
enum Depth<'p> {
    /// On the way to the list of records: the steps that are left.
    Way(&'p [Step], &'p Wanted),
    /// A record.
    Record(&'p Wanted),
    /// Inside a record, or elsewhere.
    Whole,
}

struct AnyJson<'a, 'p> {
    depth: Depth<'p>,
    json: std::marker::PhantomData<Json<'a>>,
}

impl<'a, 'p> AnyJson<'a, 'p> {
    fn at(depth: Depth<'p>) -> Self {
        Self { depth, json: std::marker::PhantomData }
    }
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for AnyJson<'a, '_> {
    type Value = Json<'a>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for AnyJson<'a, '_> {
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
        let depth = match self.depth {
            Depth::Way([], wanted) => Depth::Record(wanted),
            _ => Depth::Whole,
        };
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(AnyJson::at(depth))? {
            list.push(item);
        }
        Ok(Json::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'a>, A::Error> {
        let mut object = Vec::with_capacity(match self.depth {
            Depth::Record(wanted) => wanted.len(),
            _ => OBJECT_LEN,
        });
        while let Some(Key(key)) = entries.next_key()? {
            let depth = match self.depth {
                Depth::Record(wanted) if !wanted.has(&key) => {
                    entries.next_value::<IgnoredAny>()?;
                    continue;
                }
                Depth::Way([step, steps @ ..], wanted) if *step.name == *key => Depth::Way(steps, wanted),
                _ => Depth::Whole,
            };
            object.push((key, entries.next_value_seed(AnyJson::at(depth))?));
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
/// number, or the one that says `"primary": true`, or the first; `relations[type=manager]` is the one with that word in it.
/// A schema's name (`urn:…:User:department`) is one key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(Box<[Step]>);

/// A key on the way to a place. Records of a list are alike, so it is looked for first where it was the last time.
#[derive(Debug)]
struct Step {
    name: Box<str>,
    /// The key and the word of the entry that is taken, where the step leads to a list.
    pick: Option<(Box<str>, Box<str>)>,
    last: AtomicUsize,
}

impl Step {
    fn new(text: &str) -> Self {
        let (name, pick) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            Some((name, rest)) => (name, rest.split_once('=').map(|(key, word)| (key.into(), word.into()))),
            None => (text, None),
        };
        Self { name: name.into(), pick, last: AtomicUsize::new(0) }
    }

    /// Returns where the step leads from an object.
    fn of<'j, 'a>(&self, json: &'j Json<'a>) -> Option<&'j Json<'a>> {
        let found = self.key(json)?;
        let Some((key, word)) = &self.pick else { return Some(found) };
        let Json::List(items) = found else { return None };
        let fits =
            |item: &&Json<'_>| matches!(item.get(key), Some(Json::Text(text)) if text.eq_ignore_ascii_case(word));
        items.iter().find(fits)
    }

    fn key<'j, 'a>(&self, json: &'j Json<'a>) -> Option<&'j Json<'a>> {
        let Json::Object(entries) = json else { return None };
        let fits = |(name, _): &(Cow<'_, str>, Json<'_>)| same(name, &self.name);
        let at = Some(self.last.load(Ordering::Relaxed)).filter(|at| entries.get(*at).is_some_and(fits));
        let at = at.or_else(|| {
            let at = entries.iter().position(fits)?;
            self.last.store(at, Ordering::Relaxed);
            Some(at)
        })?;
        entries.get(at).map(|(_, value)| value)
    }
}

impl Clone for Step {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), pick: self.pick.clone(), last: AtomicUsize::new(0) }
    }
}

impl Place {
    /// Reads `contact.email`; an empty text is the document itself, and after an `@` a dot is part of the key.
    pub fn new(text: &str) -> Self {
        if text.starts_with('@') {
            return Self([Step::new(text)].into());
        }
        let schema = text.rsplit_once(':').filter(|(schema, _)| schema.starts_with("urn:"));
        let (schema, rest) = schema.map_or((None, text), |(schema, rest)| (Some(schema), rest));
        Self(schema.into_iter().chain(rest.split('.')).filter(|step| !step.is_empty()).map(Step::new).collect())
    }

    /// Returns what lies there.
    pub fn of<'j, 'a>(&self, json: &'j Json<'a>) -> Option<&'j Json<'a>> {
        let mut here = json;
        for step in &self.0 {
            here = match here {
                Json::List(items) => match step.name.parse::<usize>() {
                    Ok(at) => items.get(at)?,
                    Err(_) => {
                        let primary = |item: &&Json<'_>| matches!(item.get("primary"), Some(Json::Flag(true)));
                        step.of(items.iter().find(primary).or(items.first())?)?
                    }
                },
                _ => step.of(here)?,
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

    /// Lists them.
    pub fn iter(&self) -> impl Iterator<Item = &Place> {
        self.0.iter()
    }

    /// Returns the first that is there and not empty; else one that is there and empty; else nothing.
    pub fn of<'j, 'a>(&self, json: &'j Json<'a>) -> Option<&'j Json<'a>> {
        self.of_those(json, |_| true)
    }

    /// As `of`, of those values that count.
    pub fn of_those<'j, 'a>(&self, json: &'j Json<'a>, counts: impl Fn(&Json<'a>) -> bool) -> Option<&'j Json<'a>> {
        let mut empty = None;
        for place in &self.0 {
            match place.of(json).filter(|found| counts(found)) {
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
    fn a_text_that_cannot_be_kept_is_no_id() {
        let long = "x".repeat(1025);
        for text in ["", "a\0b", &long] {
            assert_eq!(Json::Text(text.into()).id(), None);
        }
        assert_eq!(Json::Text(long[..1024].into()).id().as_deref(), Some(&long[..1024]));
    }

    #[test]
    fn a_key_that_begins_with_an_at_sign_has_dots_of_its_own() {
        let json: Json<'_> = serde_json::from_str(r#"{"@odata.nextLink":"https://x"}"#).unwrap();
        assert_eq!(Place::new("@odata.nextLink").of(&json).and_then(Json::plain).as_deref(), Some("https://x"));
    }

    #[test]
    fn the_first_place_that_holds_something_wins_over_one_that_is_empty() {
        let json: Json<'_> = serde_json::from_str(r#"{"email":"","contact":{"email":"x@y"}}"#).unwrap();
        let places = Places::new(&["email".into(), "contact.email".into()]);
        assert_eq!(places.of(&json).and_then(Json::plain).as_deref(), Some("x@y"));
    }

    #[test]
    fn of_a_record_only_what_is_wanted_is_kept_and_that_is_kept_whole() {
        let places = [Place::new("id"), Place::new("contact.email")];
        let wanted = Wanted::new(places.iter());
        let record = r#"{"id":1,"x":[{}],"contact":{"email":"a","y":2}}"#;
        let kept: Json<'_> = serde_json::from_str(r#"{"id":1,"contact":{"email":"a","y":2}}"#).unwrap();
        let page = format!(r#" {{"a":{{"b":[{record}],"x":{{"y":[3]}}}},"x":[{{"z":4}}]}}"#);
        let page = Json::read_page(page.as_bytes(), &Place::new("a.b"), &wanted).unwrap();
        assert_eq!(Place::new("a.b.0").of(&page), Some(&kept));
        assert_eq!(Place::new("a.x.y.0").of(&page), Some(&Json::Natural(3)));
        assert_eq!(Place::new("x.z").of(&page), Some(&Json::Natural(4)));
        let list = format!("\n[{record}]");
        let list = Json::read_page(list.as_bytes(), &Place::new("a.b"), &wanted).unwrap();
        assert_eq!(list, Json::List(vec![kept]));
        let everything = Wanted::new([Place::new("")].iter());
        let whole = format!("[{record}]");
        let whole = Json::read_page(whole.as_bytes(), &Place::new(""), &everything).unwrap();
        assert_eq!(whole, serde_json::from_str(&format!("[{record}]")).unwrap());
        assert!(Json::read_page(b"[{}] x", &Place::new(""), &wanted).is_err());
        assert!(Json::read(b"[\"\xff\"]").is_err());
    }

    #[test]
    fn an_absent_place_differs_from_a_null_one() {
        let json: Json<'_> = serde_json::from_str(r#"{"email":null}"#).unwrap();
        assert_eq!(Places::new(&["email".into()]).of(&json), Some(&Json::Null));
        assert_eq!(Places::new(&["login".into()]).of(&json), None);
    }
}
