//! What a manifest says for people rather than for the connector: sessions, webhooks, prerequisites.
//! `app show`, `check` and findings print it. Nothing here changes a request.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use tenure_core::account::Kind;
use tenure_core::name::NativeId;

/// Whether suspending somebody ends the sessions that they have open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionWord {
    /// The app ends them.
    Ended,
    /// The app leaves them open: the sign-in source has to end them.
    Kept,
    /// The vendor does not say.
    Unstated,
}

/// The forms of a file that is an app.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileForm {
    /// A table of people with a header line.
    Csv,
}

/// The forms in which records are pushed to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PushForm {
    /// People and groups over SCIM.
    Scim,
}

/// Which events the app tells by itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Events about accounts.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Events about other things.
    #[serde(default)]
    pub others: Vec<String>,
    /// What they leave out.
    pub note: String,
    /// Where a message may name an account: only that one is looked up then, and the lists are not read.
    #[serde(default)]
    pub names: Vec<Naming>,
}

/// Where a message names accounts of one kind.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Naming {
    /// The kind of what is named.
    #[schemars(with = "String")]
    pub kind: Kind,
    /// Where the objects lie that name one each, steps joined by dots, `*` for every item of a list; the message itself unless said.
    #[serde(default)]
    pub each: String,
    /// What such an object must say to count: place → text.
    #[serde(default)]
    pub is: IndexMap<String, String>,
    /// Where the id may lie in it, in order.
    pub id: Vec<String>,
}

/// Accounts that one message may name; whoever names more has told that much changed.
const NAMED_MAX: usize = 20;
/// The longest id that is looked for.
const ID_LEN_MAX: usize = 128;

impl Webhooks {
    /// Lists the accounts that a message names; none where its form is not known, or it names too many.
    pub fn named(&self, message: &Value) -> BTreeSet<(Kind, NativeId)> {
        let all: BTreeSet<_> = self.names.iter().flat_map(|naming| naming.named(message)).collect();
        if all.len() > NAMED_MAX { BTreeSet::new() } else { all }
    }
}

impl Naming {
    fn named(&self, message: &Value) -> Vec<(Kind, NativeId)> {
        let objects = if self.each.is_empty() { vec![message] } else { reached(message, &self.each) };
        let says = |object: &Value, place: &str| reached(object, place).into_iter().find_map(plain);
        let counts = |object: &&Value| self.is.iter().all(|(place, text)| says(object, place).as_ref() == Some(text));
        let id = |object: &Value| self.id.iter().find_map(|place| says(object, place));
        let ids = objects.into_iter().filter(counts).filter_map(id);
        ids.map(|id| (self.kind, NativeId::from(id.as_str()))).collect()
    }
}

/// Returns everything that lies at a place.
fn reached<'v>(value: &'v Value, place: &str) -> Vec<&'v Value> {
    place.split('.').fold(vec![value], |at, step| match step {
        "*" => at.into_iter().filter_map(Value::as_array).flatten().collect(),
        step => at.into_iter().filter_map(|value| value.get(step)).collect(),
    })
}

/// Reads what can be an id: a text or a number.
fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= ID_LEN_MAX && !text.chars().any(char::is_control)).then_some(text)
}

/// Something that a person must have set up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prerequisite {
    /// What.
    pub what: String,
    /// For which feature.
    pub needed_for: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn okta() -> Webhooks {
        let naming = Naming {
            kind: Kind::Person,
            each: "data.events.*.target.*".into(),
            is: [("type".to_owned(), "User".to_owned())].into_iter().collect(),
            id: vec!["alternate".into(), "id".into()],
        };
        Webhooks { accounts: vec![], others: vec![], note: String::new(), names: vec![naming] }
    }

    fn event(targets: &[(&str, Value)]) -> Value {
        let target = |(kind, id): &(&str, Value)| json!({ "type": kind, "id": id });
        json!({ "data": { "events": [{ "target": targets.iter().map(target).collect::<Vec<_>>() }] } })
    }

    #[test]
    fn a_message_names_what_lies_where_the_manifest_says() {
        let message = event(&[("User", json!("00u1")), ("AppInstance", json!("0oa1")), ("User", json!(7))]);
        let named: Vec<String> = okta().named(&message).into_iter().map(|(_, id)| id.to_string()).collect();
        assert_eq!(named, ["00u1", "7"]);
        for nothing in [json!(null), json!([]), json!({ "data": "x" }), json!({ "data": { "events": {} } })] {
            assert!(okta().named(&nothing).is_empty(), "{nothing}");
        }
        let odd = event(&[
            ("User", json!("")),
            ("User", json!({})),
            ("User", json!("a\nb")),
            ("User", json!("x".repeat(129))),
        ]);
        assert!(okta().named(&odd).is_empty());
    }

    #[test]
    fn a_message_that_names_many_names_none() {
        let many: Vec<_> = (0..=NAMED_MAX).map(|number| ("User", json!(number))).collect();
        assert!(okta().named(&event(&many)).is_empty());
        assert_eq!(okta().named(&event(&many[1..])).len(), NAMED_MAX);
    }
}
