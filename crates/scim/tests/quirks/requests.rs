//! Quirks of creations, replacements, URLs, media types and errors.
//! Each test names its quirk's number.
//! Bodies are as the products send them, shortened.

use super::*;
use tenure_scim::{Client, Endpoint, ScimType, Shows, answer_type, create, is_readable, replace};

/// OneLogin's template of SCIM 1.x.
#[test]
fn quirks_3_14_15_and_16_a_body_of_scim_1_is_understood() {
    let body = json!({
        "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:extension:enterprise:1.0"],
        "id": null, "userName": "jane@acme.com", "active": "true", "emails": {"value": "jane@acme.com", "primary": "true"},
        "urn:scim:schemas:extension:enterprise:1.0": {"manager": {"managerId": "u9", "displayName": "Mia"}},
        "template": "acme", "title": null,
    });
    let written = create(&ResourceType::user(), body.clone()).unwrap();
    let held = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": "jane@acme.com", "active": true, "emails": [{"value": "jane@acme.com", "primary": true}],
        ENTERPRISE: {"manager": {"value": "u9"}},
    });
    assert_eq!(Value::Object(written.resource.clone()), held);
    assert_eq!(Vec::from_iter(&written.said.unheld), ["template"]);
    for dialect in [Dialect::BooleanText, Dialect::OldName, Dialect::OneForMany, Dialect::IdSent] {
        assert!(said(&written, dialect), "{dialect}");
    }
    let client = Client::recognise(Shows { body: Some(&body), ..Shows::default() });
    assert_eq!(client.unwrap().client, Client::OneLogin);
}

/// Okta's creation.
#[test]
fn quirk_14_an_id_in_a_creation_is_passed_over() {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "mine", "userName": "jane@acme.com",
        "externalId": "00u1a2b3c4d5e6f7g8h9", "groups": [], "password": "Zq1!", "active": true,
    });
    let written = create(&ResourceType::user(), body.clone()).unwrap();
    assert!(!written.resource.contains_key("id") && !written.resource.contains_key("groups"));
    assert_eq!(written.resource["password"], "Zq1!");
    assert_eq!(Client::recognise(Shows { body: Some(&body), ..Shows::default() }).unwrap().client, Client::Okta);
}

/// Entra's creation of a group.
#[test]
fn quirk_15_a_schema_that_is_not_known_is_passed_over() {
    let body = json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:Group",
            "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
        ],
        "externalId": "8aa1a0c0", "displayName": "Support", "meta": {"resourceType": "Group"},
        "urn:acme:x": {"a": 1}, "urn:ietf:params:scim:schemas:core:2.0:Group": {"members": []},
    });
    let written = create(&ResourceType::group(), body.clone()).unwrap();
    assert_eq!(written.resource["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:Group"]));
    assert_eq!(names(&written), ["displayName", "externalId"]);
    assert_eq!(Client::recognise(Shows { body: Some(&body), ..Shows::default() }).unwrap().client, Client::Entra);
}

/// Entra's creation of a user with app roles.
#[test]
fn quirk_17_roles_in_a_creation_keep_their_type() {
    let role =
        json!({"primary": false, "type": "WindowsAzureActiveDirectoryRole", "display": "Agent", "value": "agent"});
    let written = create(&ResourceType::user(), json!({"userName": "x", "roles": [role]})).unwrap();
    assert_eq!(written.resource["roles"], json!([role]));
}

#[test]
fn quirk_18_plain_json_and_no_type_at_all_are_read() {
    for content_type in [None, Some("application/json"), Some("Application/SCIM+JSON; charset=utf-8"), Some("")] {
        assert!(is_readable(content_type), "{content_type:?}");
    }
    assert!(!is_readable(Some("text/html")) && !is_readable(Some("application/x-www-form-urlencoded")));
    for (accept, answered) in [
        (None, "application/scim+json"),
        (Some("*/*"), "application/scim+json"),
        (Some("application/json"), "application/json"),
        (Some("application/json, application/scim+json"), "application/scim+json"),
    ] {
        assert_eq!(answer_type(accept), answered);
    }
}

/// Okta sends back what it was given, changed.
#[test]
fn quirk_21_a_replacement_that_forgets_active_suspends_nobody() {
    let mut body = jane();
    body.remove("active");
    body.insert("groups".into(), json!([]));
    body.insert("meta".into(), json!({"version": "old"}));
    body.insert("title".into(), "Lead".into());
    let written = replace(&ResourceType::user(), &jane(), Value::Object(body)).unwrap();
    assert_eq!(names(&written), ["title"]);
    let off = replace(&ResourceType::user(), &jane(), json!({"userName": "jane@acme.com", "active": false})).unwrap();
    assert_eq!(off.resource["active"], false);
    let group = replace(&ResourceType::group(), &support(), json!({"displayName": "Support"})).unwrap();
    assert!(group.changed.is_empty(), "who forgets members empties no group");
    let emptied =
        replace(&ResourceType::group(), &support(), json!({"displayName": "Support", "members": []})).unwrap();
    assert!(members(&emptied).is_empty());
    let wrong = replace(&ResourceType::user(), &jane(), json!({"id": "u2", "userName": "x"})).unwrap_err();
    assert_eq!(wrong.scim_type, Some(ScimType::Mutability));
}

#[test]
fn quirk_25_urls_may_have_slashes_and_prefixes_too_many() {
    let types = [ResourceType::user(), ResourceType::group()];
    for path in [
        "/Users/42",
        "Users/42/",
        "//Users//42",
        "/scim/Users/42",
        "/scim/v2/users/42",
        "/v2/Users/42?aadOptscim062020",
    ] {
        assert_eq!(Endpoint::read(path, &types), Ok(Endpoint::One(&types[0], "42".into())), "{path}");
    }
}

#[test]
fn quirk_30_the_status_of_an_error_is_a_text() {
    let error = ScimError::because(ScimType::Uniqueness, "userName is taken");
    let body = serde_json::to_value(&error).unwrap();
    assert_eq!(body["status"], "409");
    assert_eq!(
        ScimError::parse(br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":409}"#)
            .unwrap()
            .status,
        409
    );
}
