//! Quirks of patches: what each operation leaves of the user Jane or the group Support.
//! Each test names its quirk's number; what was noted for the log is asserted beside the outcome.
//! A failure in the middle is shown to leave nothing behind.

use super::*;
use tenure_scim::ScimType;

/// Entra without its flag.
#[test]
fn quirk_1_verbs_come_in_any_case() {
    let written = patch_user(json!([{"op": "Replace", "path": "displayName", "value": "J"}])).unwrap();
    assert_eq!(written.resource["displayName"], "J");
    assert!(said(&written, Dialect::VerbCase));
    let plain = patch_user(json!([{"op": "replace", "path": "displayName", "value": "J"}])).unwrap();
    assert!(plain.said.is_plain());
}

#[test]
fn quirk_2_names_come_in_any_case_and_brackets_with_spaces() {
    let operation = json!([{"op": "replace", "path": "EMAILS[ Type EQ \"work\" ].Value", "value": "j@acme.com"}]);
    let written = patch_user(operation).unwrap();
    assert_eq!(written.resource["emails"][0], json!({"value": "j@acme.com", "type": "work", "primary": true}));
    assert!(said(&written, Dialect::NameCase));
    let urn = "URN:IETF:params:scim:schemas:extension:enterprise:2.0:user:Department";
    let written = patch_user(json!([{"op": "replace", "path": urn, "value": "Sales"}])).unwrap();
    assert_eq!(written.resource[ENTERPRISE]["department"], "Sales");
}

#[test]
fn quirk_3_booleans_come_as_texts_and_nothing_else_is_one() {
    for text in ["False", "false", "FALSE"] {
        let written = patch_user(json!([{"op": "Replace", "path": "active", "value": text}])).unwrap();
        assert_eq!(written.resource["active"], false);
        assert!(said(&written, Dialect::BooleanText));
    }
    for other in [json!("no"), json!("0"), json!(0), json!([]), json!({"value": false})] {
        let outcome = patch_user(json!([{"op": "replace", "path": "active", "value": other}]));
        if other == json!([]) {
            assert!(!outcome.unwrap().resource.contains_key("active"), "an empty list is no value");
            continue;
        }
        let error = outcome.expect_err("not a boolean");
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
        assert!(error.detail.unwrap().contains("operation 1 (replace): `active`: expected true or false"));
    }
}

/// Okta's deactivation, and SailPoint's merge.
#[test]
fn quirks_4_and_6_without_a_path_each_key_is_one_and_the_rest_stays() {
    let written = patch_user(json!([{"op": "replace", "value": {"active": false}}])).unwrap();
    assert_eq!(names(&written), ["active"]);
    let written = patch_user(json!([{"op": "replace", "value": {"name": {"familyName": "Roe"}}}])).unwrap();
    assert_eq!(written.resource["name"], json!({"givenName": "Jane", "familyName": "Roe"}));
    let written =
        patch_user(json!([{"op": "add", "value": {"nickName": "J", "emails": [{"value": "x@y.z", "type": "other"}]}}]));
    assert_eq!(written.unwrap().resource["emails"].as_array().unwrap().len(), 3);
}

/// Entra with `aadOptscim062020`.
#[test]
fn quirk_5_dotted_keys_and_keys_with_a_urn_are_paths() {
    let value = json!({
        "displayName": "Jane Roe", "name.familyName": "Roe", "name.givenName": "Janet",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Sales",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"costCenter": "7"},
        "emails[type eq \"work\"].value": "roe@acme.com",
    });
    let written = patch_user(json!([{"op": "replace", "value": value}])).unwrap();
    assert_eq!(written.resource["name"], json!({"givenName": "Janet", "familyName": "Roe"}));
    assert_eq!(written.resource[ENTERPRISE]["department"], "Sales");
    assert_eq!(written.resource[ENTERPRISE]["costCenter"], "7");
    assert_eq!(written.resource["emails"][0]["value"], "roe@acme.com");
    assert!(written.resource.keys().all(|name| !name.contains(['.', '[']) || name == ENTERPRISE));
    for dialect in [Dialect::DottedKey, Dialect::UrnKey, Dialect::ValuePathKey] {
        assert!(said(&written, dialect), "{dialect}");
    }
}

#[test]
fn quirk_7_a_value_path_that_fits_nothing_makes_the_element() {
    for verb in ["Replace", "Add"] {
        let operation = json!([{"op": verb, "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 555"}]);
        let written = patch_user(operation).unwrap();
        assert_eq!(written.resource["phoneNumbers"], json!([{"type": "mobile", "value": "+1 555"}]));
        assert!(said(&written, Dialect::MadeByPath));
    }
    let other = json!([{"op": "replace", "path": "emails[type eq \"other\"].value", "value": "o@acme.com"}]);
    assert_eq!(patch_user(other).unwrap().resource["emails"].as_array().unwrap().len(), 3, "the others stay");
    let vague = json!([{"op": "replace", "path": "emails[value co \"nobody\"].display", "value": "x"}]);
    assert_eq!(patch_user(vague).unwrap_err().scim_type, Some(ScimType::NoTarget));
    let primary = json!([{"op": "add", "path": "roles[primary eq \"True\"].value", "value": "agent"}]);
    assert_eq!(patch_user(primary).unwrap().resource["roles"], json!([{"primary": true, "value": "agent"}]));
}

#[test]
fn quirk_8_a_removal_that_lists_members_takes_those_and_never_all() {
    for listed in [
        json!([{"value": "B"}]),
        json!({"value": "B"}),
        json!(["B"]),
        json!("B"),
        json!([{"value": "B", "display": "was Ben"}]),
    ] {
        let written = patch_group(json!([{"op": "Remove", "path": "members", "value": listed}])).unwrap();
        assert_eq!(members(&written), ["A", "C"], "{listed}");
        assert!(said(&written, Dialect::RemoveListed));
    }
    for (listed, left) in
        [(json!([]), 3), (json!([{"value": "nobody"}]), 3), (json!([{"value": "A"}, {"value": "C"}]), 1)]
    {
        let written = patch_group(json!([{"op": "remove", "path": "members", "value": listed}])).unwrap();
        assert_eq!(members(&written).len(), left);
        assert!(!said(&written, Dialect::RemoveAll));
    }
    for listed in [json!([{}]), json!([null]), json!([{"display": "Ben"}]), json!([{"value": null}])] {
        let error = patch_group(json!([{"op": "remove", "path": "members", "value": listed}])).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue), "{listed}");
    }
}

#[test]
fn quirk_9_a_removal_of_all_members_is_done_and_told() {
    let written = patch_group(json!([{"op": "remove", "path": "members"}])).unwrap();
    assert!(!written.resource.contains_key("members"));
    assert!(said(&written, Dialect::RemoveAll));
    let error = patch_group(json!([{"op": "remove", "path": "members[]"}])).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::InvalidPath), "empty brackets choose nobody, not everybody");
    let written = patch_group(json!([{"op": "remove", "path": "members[]", "value": [{"value": "A"}]}])).unwrap();
    assert_eq!(members(&written), ["B", "C"]);
    assert_eq!(patch_group(json!([{"op": "remove"}])).unwrap_err().scim_type, Some(ScimType::NoTarget));
}

#[test]
fn quirk_10_a_member_is_removed_by_value_path_and_absence_is_success() {
    let written = patch_group(json!([{"op": "remove", "path": "members[value eq \"B\"]"}])).unwrap();
    assert_eq!(members(&written), ["A", "C"]);
    let written = patch_group(json!([{"op": "remove", "path": "members[value eq \"nobody\"]"}])).unwrap();
    assert!(written.changed.is_empty());
    let several = json!([{"op": "remove", "path": "members[value eq \"A\" or value eq \"C\"]"}]);
    assert_eq!(members(&patch_group(several).unwrap()), ["B"]);
}

#[test]
fn quirk_11_adding_a_member_again_is_success_without_a_double() {
    let written =
        patch_group(json!([{"op": "add", "path": "members", "value": [{"value": "A"}, {"value": "B"}]}])).unwrap();
    assert!(written.changed.is_empty());
    let twice = json!([{"op": "add", "path": "members", "value": [{"value": "D"}, {"value": "D"}]}]);
    assert_eq!(members(&patch_group(twice).unwrap()), ["A", "B", "C", "D"]);
    let bare = patch_group(json!([{"op": "add", "path": "members", "value": ["D"]}])).unwrap();
    assert_eq!(members(&bare), ["A", "B", "C", "D"]);
    assert!(said(&bare, Dialect::BareValue));
}

#[test]
fn quirk_12_replacing_members_by_none_clears_the_group() {
    let written = patch_group(json!([{"op": "replace", "path": "members", "value": []}])).unwrap();
    assert!(members(&written).is_empty());
    assert_eq!(names(&written), ["members"]);
    let full = json!([{"op": "replace", "path": "members", "value": [{"value": "C"}, {"value": "A"}, {"value": "B"}]}]);
    assert!(patch_group(full).unwrap().changed.is_empty(), "the same members in another order are no change");
}

#[test]
fn quirk_13_what_else_stands_in_a_member_is_passed_over() {
    let member = json!([{"$ref": null, "value": "D", "display": "Dee", "type": "User"}]);
    let written = patch_group(json!([{"op": "add", "path": "members", "value": member}])).unwrap();
    assert_eq!(written.resource["members"][3], json!({"value": "D"}));
    let again = json!([{"op": "add", "path": "members", "value": [{"value": "A", "display": "Annabel"}]}]);
    assert!(patch_group(again).unwrap().changed.is_empty(), "a member's name is the server's to say");
    let error = patch_group(json!([{"op": "add", "path": "members", "value": [{"display": "Dee"}]}])).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::InvalidValue), "a member without an id is not silently nobody");
}

#[test]
fn quirk_14_an_id_may_be_said_again_and_not_changed() {
    let rename = json!([{"op": "replace", "value": {"id": "g1", "displayName": "Success"}}]);
    let written = patch_group(rename).unwrap();
    assert_eq!(names(&written), ["displayName"]);
    assert!(said(&written, Dialect::IdSent));
    for operation in [
        json!([{"op": "replace", "value": {"id": "g2"}}]),
        json!([{"op": "replace", "path": "id", "value": "g2"}]),
        json!([{"op": "remove", "path": "id"}]),
        json!([{"op": "replace", "path": "meta.version", "value": "1"}]),
    ] {
        let error = patch_group(operation).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::Mutability)));
    }
}

#[test]
fn quirk_15_what_is_not_held_is_passed_over_and_named() {
    let operations = json!([
        {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:acme:2.0:User:shoeSize", "value": "42"},
        {"op": "Add", "path": "favourite[colour eq \"jane@acme.com\"].shade", "value": "blue"},
        {"op": "Replace", "path": "title", "value": "Lead"},
        {"op": "replace", "value": {"unknown thing": 1, "name.shade": "x", "emails": [{"value": "a@b.c", "sort": 1}]}},
    ]);
    let written = patch_user(operations).unwrap();
    assert_eq!(names(&written), ["emails", "title"]);
    let unheld: Vec<&str> = written.said.unheld.iter().map(String::as_str).collect();
    let expected = [
        "emails.sort",
        "favourite",
        "name.shade",
        "unknown thing",
        "urn:ietf:params:scim:schemas:extension:acme:2.0:User:shoeSize",
    ];
    assert_eq!(unheld, expected);
}

#[test]
fn quirk_16_one_stands_for_a_list_and_a_list_of_one_for_one() {
    let path = format!("{ENTERPRISE}:manager");
    for value in [
        json!("u2"),
        json!({"value": "u2"}),
        json!([{"value": "u2", "$ref": "../Users/u2"}]),
        json!({"managerId": "u2"}),
    ] {
        for verb in ["Add", "replace"] {
            let written = patch_user(json!([{"op": verb, "path": path, "value": value}])).unwrap();
            let manager = &written.resource[ENTERPRISE]["manager"];
            assert_eq!(manager, &json!({"value": "u2"}), "the old manager's name goes with him: {value}");
        }
    }
    let same = patch_user(json!([{"op": "Replace", "path": "manager", "value": "u9"}])).unwrap();
    assert!(same.changed.is_empty() && said(&same, Dialect::NoUrn) && said(&same, Dialect::BareValue));
    let written = patch_user(json!([{"op": "replace", "path": "emails", "value": {"value": "a@b.c"}}])).unwrap();
    assert_eq!(written.resource["emails"], json!([{"value": "a@b.c"}]));
    assert!(said(&written, Dialect::OneForMany));
    let two = json!([{"op": "replace", "path": "title", "value": ["a", "b"]}]);
    assert_eq!(patch_user(two).unwrap_err().scim_type, Some(ScimType::InvalidValue));
}

#[test]
fn quirk_17_roles_come_as_json_in_a_text() {
    let text = r#"{"id":"18d14569","value":"agent","displayName":"Agent"}"#;
    for value in
        [json!([{"value": text}]), json!(text), json!([{"value": text, "type": "WindowsAzureActiveDirectoryRole"}])]
    {
        let written = patch_user(json!([{"op": "Add", "path": "roles", "value": value}])).unwrap();
        assert_eq!(written.resource["roles"][0]["value"], "agent");
        assert_eq!(written.resource["roles"][0]["display"], "Agent");
        assert!(said(&written, Dialect::JsonText));
    }
    for opaque in ["{not json", "{\"a\":1}", "[1]"] {
        let written = patch_user(json!([{"op": "Add", "path": "roles", "value": [{"value": opaque}]}])).unwrap();
        assert_eq!(written.resource["roles"], json!([{"value": opaque}]));
    }
}

/// Okta sends the name with each change of members.
#[test]
fn quirk_24_a_rename_to_the_same_name_is_no_change() {
    let written = patch_group(json!([{"op": "replace", "value": {"id": "g1", "displayName": "Support"}}])).unwrap();
    assert!(written.changed.is_empty());
    assert_eq!(written.resource, support());
}

#[test]
fn quirk_27_a_user_name_may_change_and_the_id_stays() {
    let written = patch_user(json!([{"op": "replace", "path": "userName", "value": "Jane@acme.com"}])).unwrap();
    assert_eq!(names(&written), ["userName"]);
    assert_eq!(written.resource["id"], "u1");
    let error = patch_user(json!([{"op": "remove", "path": "userName"}])).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::Mutability));
}

#[test]
fn quirk_29_a_patch_that_fails_anywhere_is_done_nowhere() {
    let before = support();
    let operations = json!([
        {"op": "add", "path": "members", "value": [{"value": "D"}]},
        {"op": "remove", "path": "members[value eq \"A\"]"},
        {"op": "replace", "path": "displayName", "value": {"a": 1}},
    ]);
    let error = patch(&ResourceType::group(), &before, operations).unwrap_err();
    assert_eq!(error.detail.as_deref(), Some("operation 3 (replace): `displayName`: expected a text"));
    assert_eq!(before, support());
    for (path, kind) in [
        ("members[value eq \"A\"", ScimType::InvalidFilter),
        ("members[colour eq \"A\"]", ScimType::InvalidFilter),
        ("members..value", ScimType::InvalidPath),
        ("displayName[value eq \"A\"]", ScimType::InvalidPath),
    ] {
        let error = patch_group(json!([{"op": "remove", "path": path}])).unwrap_err();
        assert_eq!(error.scim_type, Some(kind), "{path}");
    }
}

/// RFC 7644 §3.5.2: the element written last is the primary one.
#[test]
fn one_address_at_most_is_primary() {
    let operation = json!([{"op": "add", "path": "emails", "value": [{"value": "n@acme.com", "primary": true}]}]);
    let written = patch_user(operation).unwrap();
    assert_eq!(written.resource["emails"][0]["primary"], false);
    assert_eq!(written.resource["emails"][2]["primary"], true);
    let two = json!([{"op": "replace", "path": "emails", "value": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}]);
    assert_eq!(patch_user(two).unwrap_err().scim_type, Some(ScimType::InvalidValue));
    let both = json!([{"op": "add", "path": "emails", "value": [
        {"value": "jane@acme.com", "type": "work"}, {"value": "j@home.org", "type": "home", "primary": true},
    ]}]);
    assert_eq!(patch_user(both).unwrap().resource["emails"][0]["primary"], false, "who does not say so gives it up");
    let home = json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True"}]);
    assert_eq!(patch_user(home).unwrap().resource["emails"][0]["primary"], false);
}

#[test]
fn a_removed_value_takes_its_empty_element_along() {
    let written = patch_user(json!([{"op": "Remove", "path": "emails[type eq \"home\"].value"}])).unwrap();
    assert_eq!(written.resource["emails"].as_array().unwrap().len(), 1);
    let written = patch_user(json!([{"op": "remove", "path": format!("{ENTERPRISE}:manager")}])).unwrap();
    assert_eq!(written.resource[ENTERPRISE], json!({"department": "Support"}));
    let written = patch_user(json!([{"op": "remove", "path": ENTERPRISE}])).unwrap();
    assert_eq!(written.resource["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User"]));
}
