//! The one kind of filter that the vendors take: an attribute, `eq`, a value in double quotes. A list asks it about each
//! resource. Anything else is refused rather than answered with an empty list.

use serde_json::Value;

use super::bad;
use crate::exchange::Reply;

pub(super) struct Filter {
    attribute: String,
    wanted: String,
}

impl Filter {
    pub fn read(text: &str, known: &[&str]) -> Result<Self, Reply> {
        let wrong = |detail: &str| bad("invalidFilter", detail);
        let mut words = text.trim().splitn(3, ' ');
        let (Some(attribute), Some(operator), Some(value)) = (words.next(), words.next(), words.next()) else {
            return Err(wrong("A filter is: ATTRIBUTE eq \"VALUE\"."));
        };
        if operator != "eq" {
            return Err(wrong("Only eq is supported."));
        }
        let attribute = known.iter().find(|known| known.eq_ignore_ascii_case(attribute));
        let attribute = attribute.ok_or_else(|| wrong("This attribute can't be filtered by."))?.to_string();
        let wanted = serde_json::from_str(value).map_err(|_| wrong("The value must be a text in double quotes."))?;
        Ok(Filter { attribute, wanted })
    }

    pub fn matches(&self, resource: &Value) -> bool {
        let same = |value: &Value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(&self.wanted));
        match self.attribute.split_once('.') {
            None => resource.get(&self.attribute).is_some_and(same),
            Some((list, part)) => {
                let items = resource.get(list).and_then(Value::as_array);
                items.is_some_and(|items| items.iter().any(|item| item.get(part).is_some_and(same)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_an_attribute_eq_and_a_quoted_value() {
        let known = ["userName", "emails.value"];
        let resource = serde_json::json!({"userName": "o\"neil@acme.example", "emails": [{"value": "x@acme.example"}]});
        for (text, matches) in [
            ("userName eq \"O\\\"Neil@acme.example\"", true),
            ("username eq \"someone@acme.example\"", false),
            ("emails.value eq \"x@acme.example\"", true),
        ] {
            assert_eq!(
                Filter::read(text, &known).map(|filter| filter.matches(&resource)).ok(),
                Some(matches),
                "{text}"
            );
        }
        for text in ["userName", "userName co \"a\"", "userName eq a", "title eq \"a\"", "userName eq \"a\" or id pr"] {
            assert!(Filter::read(text, &known).is_err(), "{text}");
        }
    }
}
