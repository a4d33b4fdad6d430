//! Fields: what is told of a record beside what every record has, by canonical name.
//! They come from connectors and from the store. Most records of a connection name the same fields, so the names are
//! held once for all of them, and who looks for a field of a million records finds its place where it was found before.

use super::Depth;
use crate::name::FieldName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// How many lists of names are remembered; another one with the same place takes it over.
const SHAPES: usize = 1024;

thread_local! {
    static KNOWN: RefCell<Vec<Option<Names>>> = RefCell::new(vec![None; SHAPES]);
    /// The names of the record that was read last: a guess at those of the next one.
    static LAST: RefCell<Option<Names>> = const { RefCell::new(None) };
}

/// The names of a record's fields, sorted. As thin as a pointer, since every record has one.
#[derive(Clone)]
struct Names(Arc<Box<[FieldName]>>);

impl Names {
    /// Returns the shared form of these names.
    fn of(fields: &[(FieldName, Value)]) -> Self {
        let place = fields.iter().fold(0_usize, |place, (name, _)| place.rotate_left(5) ^ name.0.address() >> 4);
        let place = (place ^ place >> 10 ^ place >> 20) % SHAPES;
        KNOWN.with(|known| {
            let known = &mut known.borrow_mut()[place];
            let same = |names: &&Names| {
                names.0.len() == fields.len() && names.0.iter().zip(fields).all(|(one, (other, _))| one == other)
            };
            match known.as_ref().filter(same) {
                Some(names) => names.clone(),
                None => known.insert(Self(Arc::new(fields.iter().map(|(name, _)| name.clone()).collect()))).clone(),
            }
        })
    }

    /// Finds a name. Few names are compared one after the other, since their lengths nearly always tell them apart.
    fn find(&self, field: &str) -> Option<usize> {
        match self.0.len() {
            0..=16 => self.0.iter().position(|name| name.as_str() == field),
            _ => self.0.binary_search_by(|name| name.as_str().cmp(field)).ok(),
        }
    }
}

/// The names of all fields that records of one sort can tell, for whoever reads many of them.
#[derive(Clone)]
pub struct FieldNames(Names);

impl FieldNames {
    /// Takes names in any order.
    pub fn new(names: impl IntoIterator<Item = FieldName>) -> Self {
        let mut names: Vec<FieldName> = names.into_iter().collect();
        names.sort();
        names.dedup();
        Self(Names(Arc::new(names.into())))
    }

    /// Lists the names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &FieldName> {
        self.0.0.iter()
    }

    /// Returns the fields of a record, of each of which `value` is asked by its place among the names; those that are not
    /// told are left out.
    pub fn fields(&self, mut value: impl FnMut(usize) -> Option<Value>) -> Fields {
        let all = &self.0.0;
        let mut values = Vec::with_capacity(all.len());
        let mut untold = Vec::new();
        for at in 0..all.len() {
            match value(at) {
                Some(value) => values.push(value),
                None => untold.push(at),
            }
        }
        if untold.is_empty() {
            return Fields(Repr::Shared(self.0.clone(), values.into()));
        }
        let told = (0..all.len()).filter(|at| !untold.contains(at)).map(|at| all[at].clone());
        Fields::sorted(told.zip(values).collect())
    }
}

impl fmt::Debug for FieldNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Canonical field → value, sorted by field. An absent field is unknown; null is known to be empty.
/// Fields that were collected or read share their values with their clones until one of them is changed.
#[derive(Clone)]
pub struct Fields(Repr);

#[derive(Clone)]
enum Repr {
    Own(Vec<(FieldName, Value)>),
    Shared(Names, Arc<[Value]>),
}

impl Default for Fields {
    fn default() -> Self {
        Self(Repr::Own(Vec::new()))
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Fields {
    /// Returns the value of `field`, if the app told one (null included).
    pub fn get(&self, field: &str) -> Option<&Value> {
        match &self.0 {
            Repr::Own(fields) => find(fields, field).ok().map(|at| &fields[at].1),
            Repr::Shared(names, values) => names.find(field).map(|at| &values[at]),
        }
    }

    /// Returns the text of `field`, if it is a text that is not empty.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Sets `field`, replacing what it was.
    pub fn set(&mut self, field: FieldName, value: Value) {
        self.change(|fields| match find(fields, field.as_str()) {
            Ok(at) => fields[at].1 = value,
            Err(at) => fields.insert(at, (field, value)),
        });
    }

    /// Forgets `field`: it is unknown afterwards.
    pub fn remove(&mut self, field: &str) -> Option<Value> {
        self.get(field)?;
        self.change(|fields| find(fields, field).ok().map(|at| fields.remove(at).1))
    }

    /// Lists the fields in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&FieldName, &Value)> {
        (0..self.len()).map(|at| self.at(at))
    }

    /// Tells whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a number of no meaning for which the values, or their texts, must be read from memory.
    pub(super) fn read(&self, depth: Depth) -> usize {
        let texts = (0..self.len()).filter_map(|at| self.at(at).1.as_str());
        match depth {
            Depth::Texts => texts.filter_map(|text| text.bytes().next()).map(usize::from).sum(),
            Depth::Itself | Depth::Parts => texts.map(str::len).sum(),
        }
    }

    fn len(&self) -> usize {
        match &self.0 {
            Repr::Own(fields) => fields.len(),
            Repr::Shared(_, values) => values.len(),
        }
    }

    fn at(&self, at: usize) -> (&FieldName, &Value) {
        match &self.0 {
            Repr::Own(fields) => (&fields[at].0, &fields[at].1),
            Repr::Shared(names, values) => (&names.0[at], &values[at]),
        }
    }

    /// Changes the fields, copying values only where somebody shares them.
    fn change<T>(&mut self, change: impl FnOnce(&mut Vec<(FieldName, Value)>) -> T) -> T {
        let mut fields = match std::mem::replace(&mut self.0, Repr::Own(Vec::new())) {
            Repr::Own(fields) => fields,
            Repr::Shared(names, mut values) => {
                let names = names.0.iter().cloned();
                match Arc::get_mut(&mut values) {
                    Some(values) => names.zip(values.iter_mut().map(Value::take)).collect(),
                    None => names.zip(values.iter().cloned()).collect(),
                }
            }
        };
        let changed = change(&mut fields);
        self.0 = Repr::Own(fields);
        changed
    }

    /// Sorts fields; of several with one name the last stays.
    fn sorted(mut fields: Vec<(FieldName, Value)>) -> Self {
        if !fields.is_sorted_by(|(one, _), (other, _)| one < other) {
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            fields.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    std::mem::swap(later, earlier);
                }
                same
            });
        }
        Self(Repr::Shared(Names::of(&fields), fields.into_iter().map(|(_, value)| value).collect()))
    }
}

fn find(fields: &[(FieldName, Value)], field: &str) -> Result<usize, usize> {
    fields.binary_search_by(|(name, _)| name.as_str().cmp(field))
}

impl FromIterator<(FieldName, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (FieldName, Value)>>(fields: I) -> Self {
        Self::sorted(fields.into_iter().collect())
    }
}

impl Serialize for Fields {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> serde::de::Visitor<'de> for Map {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of fields")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let guessed = LAST.take();
                let guessed = guessed.as_ref().map_or(&[][..], |names| &names.0);
                let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(16).min(64));
                while let Some(field) = map.next_key_seed(Guess(guessed.get(fields.len())))? {
                    fields.push((field, map.next_value()?));
                }
                let fields = Fields::sorted(fields);
                if let Repr::Shared(names, _) = &fields.0 {
                    LAST.set(Some(names.clone()));
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// Reads a name that most likely is this one.
struct Guess<'g>(Option<&'g FieldName>);

impl<'de> serde::de::DeserializeSeed<'de> for Guess<'_> {
    type Value = FieldName;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<FieldName, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl serde::de::Visitor<'_> for Guess<'_> {
    type Value = FieldName;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }
    fn visit_str<E>(self, text: &str) -> Result<FieldName, E> {
        Ok(self.0.filter(|guess| guess.as_str() == text).cloned().unwrap_or_else(|| FieldName::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(text: &str) -> Fields {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn of_one_name_the_last_value_stays() {
        assert_eq!(fields(r#"{"b": 1, "a": 2, "b": 3, "b": null}"#), fields(r#"{"a": 2, "b": null}"#));
    }

    #[test]
    fn whoever_reads_many_records_says_what_each_tells_by_the_places_of_the_names() {
        let names = FieldNames::new(["b", "a", "c", "a"].map(FieldName::from));
        assert_eq!(names.iter().map(FieldName::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(names.fields(|at| Some(at.into())), fields(r#"{"a": 0, "b": 1, "c": 2}"#));
        assert_eq!(names.fields(|at| (at != 1).then(|| at.into())), fields(r#"{"a": 0, "c": 2}"#));
        assert!(names.fields(|_| None).is_empty());
    }

    #[test]
    fn a_clone_keeps_what_it_was() {
        let mut one = fields(r#"{"a": 1, "b": 2}"#);
        let other = one.clone();
        one.set("a".into(), json!(9));
        one.set("c".into(), json!(3));
        assert_eq!(one.remove("b"), Some(json!(2)));
        assert_eq!(other, fields(r#"{"a": 1, "b": 2}"#));
        assert_eq!(one, fields(r#"{"a": 9, "c": 3}"#));
        assert_eq!(one.remove("x"), None);
    }

    #[test]
    fn records_that_name_the_same_fields_share_the_names_and_others_do_not() {
        let shares = |one: &Fields, other: &Fields| match (&one.0, &other.0) {
            (Repr::Shared(one, _), Repr::Shared(other, _)) => Arc::ptr_eq(&one.0, &other.0),
            _ => false,
        };
        let one = fields(r#"{"a": 1, "b": 2}"#);
        assert!(shares(&one, &fields(r#"{"b": 3, "a": null}"#)));
        assert!(!shares(&one, &fields(r#"{"a": 1, "c": 2}"#)) && !shares(&one, &fields(r#"{"a": 1}"#)));
    }

    #[test]
    fn endless_shapes_keep_their_own_names() {
        let names: Vec<String> = (0..4 * SHAPES).map(|at| format!("column {at}")).collect();
        let all: Vec<Fields> =
            names.iter().map(|name| [(FieldName::new(name), json!(name))].into_iter().collect()).collect();
        assert!(names.iter().zip(&all).all(|(name, fields)| fields.text(name) == Some(name)));
    }
}
