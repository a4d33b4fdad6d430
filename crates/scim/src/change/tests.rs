//! Creation and replacement, where they differ from patches.
//! The resource is a user that holds what only the server sets.
//! What patches do is shown by the quirks.

use super::*;
use crate::{ENTERPRISE_USER, USER};
use serde_json::json;

fn jane() -> Map<String, Value> {
    let jane = json!({
        "schemas": [USER, ENTERPRISE_USER], "id": "u1", "externalId": "e1", "userName": "jane@acme.com", "active": true,
        "title": "Lead", "groups": [{"value": "g1"}], "meta": {"resourceType": "User"},
        ENTERPRISE_USER: {"manager": {"value": "u9", "displayName": "Mia"}},
    });
    jane.as_object().cloned().unwrap()
}

#[test]
fn a_body_is_held_as_the_schema_has_it() {
    let body = json!({"USERNAME": "x", "Name": {"FAMILYNAME": "Y"}, "password": "secret", "groups": [], "shoe": 1});
    let written = create(&ResourceType::user(), body).unwrap();
    let held = json!({"schemas": [USER], "userName": "x", "name": {"familyName": "Y"}, "password": "secret"});
    assert_eq!(Value::Object(written.resource), held);
    assert_eq!(Vec::from_iter(written.changed), ["name", "password", "userName"]);
    assert_eq!(Vec::from_iter(written.said.unheld), ["shoe"]);
}

#[test]
fn what_is_required_must_be_said() {
    for body in [json!({}), json!({"userName": " "}), json!({"userName": null})] {
        let error = create(&ResourceType::user(), body.clone()).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
        assert!(replace(&ResourceType::user(), &jane(), body).is_err());
    }
    assert_eq!(create(&ResourceType::user(), json!([])).unwrap_err().scim_type, Some(ScimType::InvalidSyntax));
}

#[test]
fn a_replacement_takes_away_what_it_does_not_name_but_not_what_the_server_set() {
    let written = replace(&ResourceType::user(), &jane(), json!({"userName": "jane@acme.com"})).unwrap();
    assert_eq!(Vec::from_iter(&written.changed), ["title", &format!("{ENTERPRISE_USER}:manager")]);
    let held = |name: &str| written.resource.get(name) == jane().get(name);
    assert!(held("id") && held("meta") && held("groups") && held("active") && held("externalId"));
}

#[test]
fn a_replacement_that_says_null_takes_away_also_what_is_kept() {
    let body = json!({"userName": "jane@acme.com", "active": null, "externalId": null});
    let written = replace(&ResourceType::user(), &jane(), body).unwrap();
    assert!(written.changed.contains("active") && written.changed.contains("externalId"));
    let written = replace(&ResourceType::user(), &jane(), json!({"userName": "j", "ACTIVE": []})).unwrap();
    assert!(written.changed.contains("active"));
}

#[test]
fn a_replacement_by_what_was_given_changes_nothing() {
    let written = replace(&ResourceType::user(), &jane(), Value::Object(jane())).unwrap();
    assert!(written.changed.is_empty(), "{:?}", written.changed);
    assert_eq!(written.resource, jane());
}

#[test]
fn an_immutable_attribute_is_set_once() {
    let hired = Attribute::text("hired", "When.").mutability(Mutability::Immutable);
    let of = ResourceType::user().with(Schema::new("urn:x:y", "Y", "").with(hired));
    let held = create(&of, json!({"userName": "x", "urn:x:y": {"hired": "2020"}})).unwrap().resource;
    let other = json!({"userName": "x", "urn:x:y": {"hired": "2021"}});
    assert_eq!(replace(&of, &held, other).unwrap_err().scim_type, Some(ScimType::Mutability));
    assert_eq!(replace(&of, &held, json!({"userName": "x"})).unwrap().resource["urn:x:y"]["hired"], "2020");
}

#[test]
fn a_change_of_a_list_is_told_by_its_elements() {
    let group = ResourceType::group();
    let place = group.find(&"members".parse().unwrap()).unwrap();
    let of = |members: Value| json!({"members": members}).as_object().cloned().unwrap();
    let (before, after) = (of(json!([{"value": "A"}, {"value": "B"}])), of(json!([{"value": "C"}, {"value": "B"}])));
    let change = ListChange::between(&place, &before, &after);
    assert_eq!((change.added, change.removed), (vec![json!({"value": "C"})], vec![json!({"value": "A"})]));
}
