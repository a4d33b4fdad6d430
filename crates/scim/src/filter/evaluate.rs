//! Whether a resource fits a filter. It is one function over a bound filter and a resource, and total.
//! A list fits when any of its values does; `ne` holds also where there is no value, for then it is not that one.
//! Resources are in the form in which they are held; a value of another kind than its attribute fits nothing.

use super::Comparison;
use super::bind::{Bound, Node, Operand, moment};
use crate::schema::{Place, is_unassigned};
use crate::words::get;
use serde_json::{Map, Value};
use std::cmp::Ordering;

impl Bound<'_> {
    /// Tells whether a resource, or an element of a list, fits.
    pub fn fits(&self, resource: &Map<String, Value>) -> bool {
        self.0.fits(resource)
    }
}

impl Node<'_> {
    fn fits(&self, resource: &Map<String, Value>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.fits(resource)),
            Self::Any(parts) => parts.iter().any(|part| part.fits(resource)),
            Self::Not(inner) => !inner.fits(resource),
            Self::Present(place) => leaves(place, resource).next().is_some(),
            Self::Compare(place, comparison, operand) => {
                let mut values = leaves(place, resource).peekable();
                if values.peek().is_none() {
                    return *comparison == Comparison::NotEqual;
                }
                values.any(|value| holds(value, place, *comparison, operand))
            }
            Self::Within(place, inner) => {
                place.elements(resource).iter().filter_map(Value::as_object).any(|element| inner.fits(element))
            }
        }
    }
}

/// Returns the values at a place: one for each element that has one.
fn leaves<'v>(place: &Place<'v>, resource: &'v Map<String, Value>) -> impl Iterator<Item = &'v Value> {
    let sub = place.sub;
    let values = place.elements(resource).iter().filter_map(move |element| match sub {
        None => Some(element),
        Some(sub) => get(element.as_object()?, &sub.name),
    });
    values.filter(|value| !is_unassigned(value))
}

fn holds(value: &Value, place: &Place<'_>, comparison: Comparison, operand: &Operand) -> bool {
    let leaf = place.sub.unwrap_or(place.attribute);
    let order = match (operand, value) {
        (Operand::Text(wanted), Value::String(text)) => {
            let text = leaf.fold(text);
            match comparison {
                Comparison::Contains => return text.contains(wanted.as_str()),
                Comparison::StartsWith => return text.starts_with(wanted.as_str()),
                Comparison::EndsWith => return text.ends_with(wanted.as_str()),
                _ => Some((*text).cmp(wanted)),
            }
        }
        (Operand::Boolean(wanted), Value::Bool(value)) => Some(value.cmp(wanted)),
        (Operand::Number(wanted), Value::Number(number)) => {
            number.as_f64().and_then(|number| number.partial_cmp(wanted))
        }
        (Operand::Moment(wanted), Value::String(text)) => moment(text).map(|moment| moment.cmp(wanted)),
        _ => None,
    };
    match comparison {
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Filter, ResourceType, Said};
    use serde_json::{Map, Value, json};

    fn jane() -> Map<String, Value> {
        let jane = json!({
            "id": "2819c223", "externalId": "EXT-1", "userName": "Jane@Acme.com", "active": true,
            "name": {"familyName": "O'Malley"}, "title": "", "nickName": null, "roles": [],
            "emails": [{"value": "jane@acme.com", "type": "work", "primary": true}, {"value": "j@home.org", "type": "home"}],
            "meta": {"lastModified": "2011-05-13T04:42:34Z"},
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "701", "manager": {"value": "m1"}},
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        });
        jane.as_object().cloned().unwrap()
    }

    fn fits(text: &str) -> bool {
        let (user, mut said) = (ResourceType::user(), Said::default());
        let filter = Filter::parse(text, &mut said).unwrap_or_else(|error| panic!("{text}: {error}"));
        filter.bind(&user, &mut said).unwrap_or_else(|error| panic!("{text}: {error}")).fits(&jane())
    }

    #[test]
    fn what_fits() {
        for text in [
            r#"userName eq "jane@acme.COM""#,
            r#"USERNAME sw "JANE""#,
            r#"userName co "acme""#,
            r#"userName ew ".com""#,
            r#"userName gt "ja""#,
            r#"userName ge "jane@acme.com""#,
            r#"id eq "2819c223""#,
            "active eq true",
            r#"active eq "True""#,
            "name pr",
            "name.familyName eq \"o'malley\"",
            "nickName eq null",
            "roles eq null",
            "emails ne null",
            r#"nickName ne "x""#,
            r#"emails.type eq "home""#,
            r#"emails.type ne "home""#,
            r#"emails co "@home.org""#,
            r#"emails[type eq "work" and value co "@acme"]"#,
            r#"emails[type eq "home" and not (primary eq true)]"#,
            r#"not (emails[type eq "home" and primary eq true])"#,
            r#"meta.lastModified gt "2011-05-13T04:42:33Z""#,
            r#"meta.lastModified eq "2011-05-13T06:42:34+02:00""#,
            r#"meta.lastModified sw "2011-05""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq 701"#,
            r#"id eq "2819c223" and manager eq "m1""#,
            r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#,
            r#"title eq """#,
        ] {
            assert!(fits(text), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit() {
        for text in [
            r#"id eq "2819C223""#,
            r#"externalId eq "ext-1""#,
            "active eq false",
            "nickName pr",
            "roles pr",
            r#"nickName eq "x""#,
            r#"nickName lt "x""#,
            r#"emails[type eq "work" and value co "@home"]"#,
            r#"emails[type eq "home"].primary eq true"#,
            r#"meta.lastModified lt "2011-05-13T04:42:34Z""#,
            r#"not (userName pr)"#,
            r#"userName eq "jane@acme.com" and active eq false"#,
        ] {
            assert!(!fits(text), "{text}");
        }
    }
}
