//! The order of a list (RFC 7644 §3.4.2.3): by an attribute, and among equals by id, so that pages never overlap.
//! A list attribute sorts by its primary element or its first; who has no value comes last going up, first going down.
//! The keys can be compared by themselves, so that a store may keep its own order.

use crate::dialect::Said;
use crate::error::{ScimError, ScimType};
use crate::filter::moment;
use crate::path::AttributePath;
use crate::schema::{Kind, Place, ResourceType};
use crate::words::get;
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Whether the smallest or the largest comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

impl Order {
    /// Reads `sortOrder`.
    ///
    /// # Errors
    /// `invalidValue`: it is neither.
    pub fn read(word: &str) -> Result<Self, ScimError> {
        match word.trim().to_ascii_lowercase().as_str() {
            "" | "ascending" => Ok(Self::Ascending),
            "descending" => Ok(Self::Descending),
            _ => Err(ScimError::because(ScimType::InvalidValue, "`sortOrder` is `ascending` or `descending`")),
        }
    }

    fn of(self, ordering: Ordering) -> Ordering {
        match self {
            Self::Ascending => ordering,
            Self::Descending => ordering.reverse(),
        }
    }
}

/// The order of a list.
#[derive(Clone, Debug)]
pub struct Sorting<'a> {
    place: Option<Place<'a>>,
    order: Order,
}

/// Where a resource stands in an order. Values of one attribute are of one kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SortKey {
    /// A boolean.
    Boolean(bool),
    /// A number, as bits that sort alike.
    Number(i64),
    /// A moment.
    Moment(jiff::Timestamp),
    /// A text, folded where case does not matter.
    Text(String),
    /// No value.
    Absent,
}

impl<'a> Sorting<'a> {
    /// Binds `sortBy` to a type; without one the order is that of the ids.
    ///
    /// # Errors
    /// `invalidValue`: the type has no such attribute, or it has no order.
    pub fn bind(sort_by: Option<&str>, order: Order, to: &'a ResourceType, said: &mut Said) -> Result<Self, ScimError> {
        let Some(name) = sort_by.map(str::trim).filter(|name| !name.is_empty()) else {
            return Ok(Self { place: None, order });
        };
        let refuse = |because: &str| ScimError::because(ScimType::InvalidValue, format!("`sortBy`: {because}"));
        let path: AttributePath = name.parse().map_err(|_| refuse("it is not an attribute path"))?;
        let mut place = to.find(&path).ok_or_else(|| refuse(&format!("{} has no `{path}`", to.name)))?;
        crate::filter::note(place.spelling, said);
        if place.sub.is_none() && place.attribute.kind == Kind::Complex {
            place.sub = place.attribute.sub("value");
            if place.sub.is_none() {
                return Err(refuse("name one of its sub-attributes"));
            }
        }
        Ok(Self { place: Some(place), order })
    }

    /// Tells whether the ids alone decide.
    pub fn is_by_id(&self) -> bool {
        self.place.is_none()
    }

    /// Returns where a resource stands, apart from its id.
    pub fn key(&self, resource: &Map<String, Value>) -> SortKey {
        let Some(place) = self.place else { return SortKey::Absent };
        let elements = place.elements(resource);
        let primary = elements.iter().find(|element| element.get("primary") == Some(&Value::Bool(true)));
        let element = primary.or_else(|| elements.first());
        let value = match place.sub {
            None => element,
            Some(sub) => element.and_then(Value::as_object).and_then(|object| get(object, &sub.name)),
        };
        value.map_or(SortKey::Absent, |value| key_of(value, place))
    }

    /// Compares two places in the order.
    pub fn compare(&self, one: (&SortKey, &str), other: (&SortKey, &str)) -> Ordering {
        self.order.of(one.cmp(&other))
    }

    /// Puts resources in order.
    pub fn sort(&self, resources: &mut [&Map<String, Value>]) {
        if self.place.is_none() {
            resources.sort_by(|one, other| self.order.of(id(one).cmp(id(other))));
            return;
        }
        resources.sort_by_cached_key(|resource| {
            let key = (self.key(resource), id(resource).to_owned());
            Directed { key, order: self.order }
        });
    }
}

#[derive(PartialEq, Eq)]
struct Directed {
    key: (SortKey, String),
    order: Order,
}

impl Ord for Directed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order.of(self.key.cmp(&other.key))
    }
}

impl PartialOrd for Directed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

pub(crate) fn id(resource: &Map<String, Value>) -> &str {
    resource.get("id").and_then(Value::as_str).unwrap_or_default()
}

fn key_of(value: &Value, place: Place<'_>) -> SortKey {
    let leaf = place.sub.unwrap_or(place.attribute);
    match value {
        Value::Bool(value) => SortKey::Boolean(*value),
        Value::Number(number) => number.as_f64().map_or(SortKey::Absent, |number| SortKey::Number(sortable(number))),
        Value::String(text) if leaf.kind == Kind::DateTime => moment(text).map_or(SortKey::Absent, SortKey::Moment),
        Value::String(text) => SortKey::Text(leaf.fold(text).into_owned()),
        _ => SortKey::Absent,
    }
}

/// Returns a number's bits in an order that is the number's (IEEE 754 §5.10).
fn sortable(number: f64) -> i64 {
    let bits = (number + 0.0).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn order(sort_by: Option<&str>, order: Order) -> String {
        let held = json!([
            {"id": "3", "userName": "bob", "active": true, "emails": [{"value": "z"}, {"value": "a", "primary": true}]},
            {"id": "1", "userName": "Ann", "meta": {"created": "2020-01-01T00:00:00+02:00"}},
            {"id": "2", "userName": "ann", "active": false, "emails": [{"value": "b"}], "meta": {"created": "2019-12-31T23:00:00Z"}},
        ]);
        let user = ResourceType::user();
        let mut held: Vec<_> = held.as_array().unwrap().iter().filter_map(Value::as_object).collect();
        Sorting::bind(sort_by, order, &user, &mut Said::default()).unwrap().sort(&mut held);
        held.iter().map(|resource| id(resource)).collect()
    }

    #[test]
    fn equals_stand_by_their_ids_and_the_absent_at_the_end_that_the_rfc_says() {
        use Order::{Ascending, Descending};
        assert_eq!(order(None, Ascending), "123");
        assert_eq!(order(Some("userName"), Ascending), "123");
        assert_eq!(order(Some("USERNAME"), Descending), "321");
        assert_eq!(order(Some("emails"), Ascending), "321");
        assert_eq!(order(Some("emails.value"), Descending), "123");
        assert_eq!(order(Some("active"), Ascending), "231");
        assert_eq!(order(Some("meta.created"), Ascending), "123");
    }

    #[test]
    fn what_has_no_order_is_refused() {
        let user = ResourceType::user();
        for name in ["colour", "name", "emails[type pr]"] {
            let error = Sorting::bind(Some(name), Order::Ascending, &user, &mut Said::default()).unwrap_err();
            assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
        }
        assert!(Order::read("sideways").is_err());
        assert_eq!(Order::read("DESCENDING"), Ok(Order::Descending));
    }

    #[test]
    fn numbers_sort_as_numbers() {
        let numbers = [f64::MIN, -2.5, -1.0, 0.0, 1e-9, 3.0, 1e300];
        assert!(numbers.is_sorted_by_key(|number| sortable(*number)));
        assert_eq!(sortable(-0.0), sortable(0.0));
    }
}
