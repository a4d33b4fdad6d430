//! A record as a client wants it to be: attributes set under their paths, and the request that leads there.
//! `connect` begins with what a server answered, or with nothing for somebody new; the outcome is a patch in one of the
//! forms that servers take, or the whole record. It checks paths and no values: what is kept, the server's answer says.

use crate::USER;
use crate::patch::{PatchOp, PatchOperation, PatchVerb};
use crate::path::{AttributePath, NotAPath};
use serde_json::{Map, Value, json};

/// Attributes that a server sets itself and a client never sends.
const OWN: [&str; 3] = ["meta", "groups", "password"];

/// A record on its way to what is wanted.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Revision {
    before: Map<String, Value>,
    after: Map<String, Value>,
    touched: Vec<Way>,
}

/// A path taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Way {
    /// The extension's schema, where it is not the core one.
    schema: Option<String>,
    attribute: String,
    /// The `type` of the element of a list that is meant.
    sort: Option<String>,
    part: Option<String>,
}

impl Way {
    fn read(path: &str) -> Result<Self, NotAPath> {
        let wrong = || NotAPath(path.to_owned());
        if let Some((list, rest)) = path.split_once('[') {
            let (sort, part) = rest.split_once("].").ok_or_else(wrong)?;
            let sort = sort.strip_prefix("type eq ").and_then(|text| serde_json::from_str(text).ok());
            let _: (AttributePath, AttributePath) = (list.parse()?, part.parse()?);
            let (attribute, part) = (list.to_owned(), Some(part.to_owned()));
            return Ok(Self { schema: None, attribute, sort: Some(sort.ok_or_else(wrong)?), part });
        }
        let whole: AttributePath = path.parse()?;
        let (schema, inner) = match whole.as_str().rsplit_once(':') {
            Some((schema, _)) => (Some(&path[..schema.len()]), &path[schema.len() + 1..]),
            None => (None, path),
        };
        let schema = schema.filter(|schema| !schema.eq_ignore_ascii_case(USER)).map(str::to_owned);
        let (attribute, part) = inner.split_once('.').map_or((inner, None), |(outer, inner)| (outer, Some(inner)));
        Ok(Self { schema, attribute: attribute.to_owned(), sort: None, part: part.map(str::to_owned) })
    }

    /// Returns the path under which a patch names it; a list is written as a whole.
    fn path(&self) -> String {
        let mut path = self.schema.as_ref().map(|schema| format!("{schema}:")).unwrap_or_default();
        path.push_str(&self.attribute);
        if let (None, Some(part)) = (&self.sort, &self.part) {
            path = format!("{path}.{part}");
        }
        path
    }

    fn of<'r>(&self, record: &'r Map<String, Value>) -> Option<&'r Value> {
        let home = match &self.schema {
            Some(schema) => record.get(schema)?.as_object()?,
            None => record,
        };
        let found = home.get(&self.attribute)?;
        match (&self.sort, &self.part) {
            (None, Some(part)) => found.get(part),
            _ => Some(found),
        }
    }

    fn set(&self, record: &mut Map<String, Value>, value: Value) {
        let home = match &self.schema {
            Some(schema) => object_at(record, schema),
            None => record,
        };
        match (&self.sort, &self.part) {
            (Some(sort), Some(part)) => set_in_list(home, &self.attribute, sort, part, value),
            (_, None) => put(home, &self.attribute, value),
            (None, Some(part)) => put(object_at(home, &self.attribute), part, value),
        }
    }
}

/// Sets an element's part: of the element of that type, else of the primary one, else of the first.
fn set_in_list(home: &mut Map<String, Value>, list: &str, sort: &str, part: &str, value: Value) {
    let items = home.entry(list).or_insert_with(|| json!([]));
    if !items.is_array() {
        *items = json!([]);
    }
    let Value::Array(items) = items else { return };
    let of_sort = items.iter().position(|item| item["type"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(sort)));
    let primary = || items.iter().position(|item| item["primary"] == true);
    let at = of_sort.or_else(primary).or((!items.is_empty()).then_some(0));
    match (at, value.is_null()) {
        (Some(at), true) => {
            items.remove(at);
        }
        (None, true) => {}
        (Some(at), false) => items[at][part] = value,
        (None, false) => items.push(json!({ "type": sort, part: value, "primary": true })),
    }
}

fn put(home: &mut Map<String, Value>, key: &str, value: Value) {
    match value {
        Value::Null => drop(home.remove(key)),
        value => drop(home.insert(key.to_owned(), value)),
    }
}

fn object_at<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let entry = map.entry(key).or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    entry.as_object_mut().expect("it was made an object")
}

impl Revision {
    /// Begins with a record as a server answered it; with one that is no object, from nothing.
    pub fn of(record: Value) -> Self {
        let before = match record {
            Value::Object(record) => record,
            _ => Map::new(),
        };
        Self { after: before.clone(), before, touched: Vec::new() }
    }

    /// Sets an attribute, or takes it away with null: `userName`, `name.familyName`, `emails[type eq "work"].value`, or one
    /// of a named schema.
    ///
    /// # Errors
    /// The path is none of these.
    pub fn set(&mut self, path: &str, value: Value) -> Result<(), NotAPath> {
        let way = Way::read(path)?;
        way.set(&mut self.after, value);
        if !self.touched.contains(&way) {
            self.touched.push(way);
        }
        Ok(())
    }

    /// Returns what stands at a path by now; of a list the whole.
    pub fn value(&self, path: &str) -> Option<&Value> {
        Way::read(path).ok()?.of(&self.after)
    }

    /// Tells whether everything is as it was.
    pub fn is_empty(&self) -> bool {
        self.changed().next().is_none()
    }

    fn changed(&self) -> impl Iterator<Item = &Way> {
        self.touched.iter().filter(|way| way.of(&self.before) != way.of(&self.after))
    }

    /// Returns the patch with one operation for each path.
    pub fn patch(&self) -> PatchOp {
        self.changed().fold(PatchOp::default(), |patch, way| match way.of(&self.after) {
            Some(value) => patch.and(PatchVerb::Replace, way.path(), Some(value.clone())),
            None => patch.and(PatchVerb::Remove, way.path(), None),
        })
    }

    /// Returns the patch that names no path: one object with all that changes, and a removal for each that goes.
    pub fn patch_without_paths(&self) -> PatchOp {
        let mut object = Map::new();
        let mut patch = PatchOp::default();
        for way in self.changed() {
            match way.of(&self.after) {
                None => patch = patch.and(PatchVerb::Remove, way.path(), None),
                Some(value) => {
                    let whole =
                        Way { sort: None, part: way.part.clone().filter(|_| way.sort.is_none()), ..way.clone() };
                    whole.set(&mut object, value.clone());
                }
            }
        }
        if !object.is_empty() {
            let replace = PatchOperation { verb: PatchVerb::Replace, path: None, value: Some(object.into()) };
            patch.operations.insert(0, replace);
        }
        patch
    }

    /// Returns the whole record, as a POST makes one and a PUT replaces one.
    pub fn whole(&self) -> Value {
        let mut whole = self.after.clone();
        OWN.iter().for_each(|own| drop(whole.remove(*own)));
        let extensions = whole.keys().filter(|key| key.contains(':')).cloned();
        let mut schemas: Vec<Value> = std::iter::once(USER.to_owned()).chain(extensions).map(Value::from).collect();
        if let Some(Value::Array(told)) = whole.get("schemas") {
            let more: Vec<Value> = told.iter().filter(|urn| !schemas.contains(urn)).cloned().collect();
            schemas.extend(more);
        }
        whole.insert("schemas".into(), schemas.into());
        Value::Object(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ENTERPRISE_USER;

    fn revised(record: Value, sets: &[(&str, Value)]) -> Revision {
        let mut revision = Revision::of(record);
        for (path, value) in sets {
            revision.set(path, value.clone()).unwrap();
        }
        revision
    }

    #[test]
    fn what_is_as_it_was_is_not_sent() {
        let record = json!({"userName": "a", "name": {"givenName": "A"}, "emails": [{"value": "a@x", "type": "work"}]});
        let same = [("userName", json!("a")), ("emails[type eq \"work\"].value", json!("a@x")), ("title", Value::Null)];
        assert!(revised(record, &same).is_empty());
    }

    #[test]
    fn a_list_is_written_whole_and_keeps_its_other_elements() {
        let home = json!({"value": "home@x", "type": "home"});
        let record = json!({"emails": [home, {"value": "a@x", "primary": true}]});
        let revision = revised(record, &[("emails[type eq \"work\"].value", json!("b@x"))]);
        let emails = json!([home, {"value": "b@x", "primary": true}]);
        let wanted = PatchOp::replace("emails", emails.clone());
        assert_eq!(revision.patch(), wanted);
        assert_eq!(revision.patch_without_paths().operations[0].value, Some(json!({ "emails": emails })));
    }

    #[test]
    fn an_extension_stands_under_its_schema_whatever_the_form() {
        let department = format!("{ENTERPRISE_USER}:department");
        let sets = [(department.as_str(), json!("Sales")), ("name.givenName", json!("B")), ("title", Value::Null)];
        let record =
            json!({"id": "1", "meta": {}, "groups": [], "name": {"givenName": "A", "familyName": "Z"}, "title": "T"});
        let revision = revised(record, &sets);
        let paths: Vec<Option<String>> = revision.patch().operations.into_iter().map(|one| one.path).collect();
        assert_eq!(paths, [Some(department), Some("name.givenName".into()), Some("title".into())]);
        let object = revision.patch_without_paths();
        let value = json!({ ENTERPRISE_USER: {"department": "Sales"}, "name": {"givenName": "B"} });
        assert_eq!((object.operations.len(), &object.operations[0].value), (2, &Some(value)));
        let whole = json!({
            "schemas": [USER, ENTERPRISE_USER], "id": "1", "name": {"givenName": "B", "familyName": "Z"},
            ENTERPRISE_USER: {"department": "Sales"},
        });
        assert_eq!(revision.whole(), whole);
    }

    #[test]
    fn a_path_that_is_none_changes_nothing() {
        let mut revision = Revision::default();
        for path in ["", "a b", "emails[type eq work].value", "emails[primary eq true].value", "emails[type eq \"w\"]"]
        {
            assert!(revision.set(path, "x".into()).is_err(), "{path}");
        }
        assert!(revision.is_empty());
    }
}
