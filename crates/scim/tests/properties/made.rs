//! Made-up filters, users and JSON for the properties.
//! Names and values are few, so that filters find something and patches meet what is there.
//! What must hold of them stands in `main.rs`.

use super::ENTERPRISE;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tenure_scim::{AttributePath, Comparison, Filter, Literal, ResourceType, Said, create};

fn comparison() -> impl Strategy<Value = Comparison> {
    let words = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
    prop::sample::select(words.to_vec()).prop_map(|word| Comparison::read(word).unwrap())
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<bool>().prop_map(Literal::Boolean),
        any::<i64>().prop_map(|number| Literal::Number(number.into())),
        any::<f64>().prop_filter_map("finite", |number| serde_json::Number::from_f64(number).map(Literal::Number)),
        any::<String>().prop_map(Literal::Text),
        "[a-c]{0,3}".prop_map(Literal::Text),
    ]
}

fn path(names: &'static [&'static str]) -> impl Strategy<Value = AttributePath> {
    prop::sample::select(names.to_vec()).prop_map(|name| name.parse().unwrap())
}

fn term(names: &'static [&'static str]) -> impl Strategy<Value = Filter> {
    prop_oneof![
        path(names).prop_map(Filter::Present),
        (path(names), comparison(), literal()).prop_map(|(path, with, literal)| Filter::Compare(path, with, literal)),
        (path(names), any::<bool>()).prop_map(|(path, equal)| {
            let with = if equal { Comparison::Equal } else { Comparison::NotEqual };
            Filter::Compare(path, with, Literal::Null)
        }),
    ]
}

fn joined(terms: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
    terms.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Filter::And),
            vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

/// Any filter that the grammar knows, over names that need not exist.
pub fn filter() -> impl Strategy<Value = Filter> {
    const NAMES: &[&str] =
        &["userName", "not", "and", "pr", "name.familyName", "$ref", "urn:x:y:2.0:Z:a-b_c.value", "true"];
    let within = (path(&["emails", "or", "urn:x:y:z"]), joined(term(&["type", "value", "not"])))
        .prop_map(|(path, inner)| Filter::Within(path, Box::new(inner)));
    joined(prop_oneof![3 => term(NAMES), 1 => within])
}

/// Filters by which people are looked up, with values that occur.
pub fn lookup_filter() -> impl Strategy<Value = Filter> {
    const PATHS: [&str; 8] =
        ["userName", "externalId", "displayName", "emails.value", "emails", "title", "name.familyName", "emails[]"];
    let term = (prop::sample::select(PATHS.to_vec()), "[ab]{1,2}|[AB]", any::<bool>(), 0..4_u8).prop_map(
        |(path, value, is_work, with)| {
            let with = ["eq", "eq", "sw", "ne"][usize::from(with)];
            let of_type = if is_work { "type eq \"work\" and " } else { "" };
            let text = match path {
                "emails[]" => format!("emails[{of_type}value {with} \"{value}\"]"),
                path => format!("{path} {with} \"{value}\""),
            };
            Filter::parse(&text, &mut Said::default()).unwrap()
        },
    );
    joined(term)
}

fn short() -> impl Strategy<Value = Value> {
    "[ab]{1,2}|[AB]".prop_map(Value::from)
}

fn emails() -> impl Strategy<Value = Value> {
    let email = (short(), prop::option::of(prop::sample::select(vec!["work", "home"])));
    (vec(email, 0..4), prop::option::of(0..4_usize)).prop_map(|(emails, primary)| {
        let email = |(at, (value, of_type)): (usize, (Value, Option<&str>))| {
            let mut email = Map::from_iter([("value".to_owned(), value)]);
            email.extend(of_type.map(|of_type| ("type".to_owned(), of_type.into())));
            email.extend((primary == Some(at)).then(|| ("primary".to_owned(), true.into())));
            Value::Object(email)
        };
        emails.into_iter().enumerate().map(email).collect()
    })
}

/// The body of a user that names everything which a replacement would keep.
pub fn body() -> impl Strategy<Value = Map<String, Value>> {
    let maybe = || prop::option::of(short());
    let names = (maybe(), maybe()).prop_map(|(given, family)| {
        let parts = [("givenName", given), ("familyName", family)];
        parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>()
    });
    (short(), short(), any::<bool>(), names, maybe(), maybe(), emails(), maybe(), maybe()).prop_map(
        |(user_name, external_id, active, name, title, display_name, emails, department, manager)| {
            let mut body =
                json!({"userName": user_name, "externalId": external_id, "active": active, "emails": emails});
            let mut set = |name: &str, value: Option<Value>| {
                if let (Some(value), Some(body)) = (value, body.as_object_mut()) {
                    body.insert(name.into(), value);
                }
            };
            set("title", title);
            set("displayName", display_name);
            set("name", (!name.is_empty()).then_some(Value::Object(name)));
            let mut extension = Map::new();
            extension.extend(department.map(|department| ("department".to_owned(), department)));
            extension.extend(manager.map(|manager| ("manager".to_owned(), json!({"value": manager}))));
            set(ENTERPRISE, (!extension.is_empty()).then_some(Value::Object(extension)));
            body.as_object().cloned().unwrap()
        },
    )
}

pub fn held() -> impl Strategy<Value = Map<String, Value>> {
    body().prop_map(|body| {
        let mut held = create(&ResourceType::user(), Value::Object(body)).unwrap().resource;
        held.insert("id".into(), "u1".into());
        held
    })
}

pub fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ab]{0,2}|\\{\"value\":\"a\"\\}".prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "value",
        "type",
        "primary",
        "id",
        "userName",
        "emails",
        "name.givenName",
        "Operations",
        "schemas",
    ]);
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((names.clone(), inner), 0..4).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}
