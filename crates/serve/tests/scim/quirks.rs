//! The ways in which clients in the field speak SCIM otherwise than its standard, one test each, over HTTP.
//! Where it matters which app stands behind, Gladly's imitation does; else a source does, which holds what it is sent.

use crate::desk::{Client, Desk, Reply};
use crate::source::{person, pushed_desk};
use crate::writes::newcomer;
use serde_json::{Value, json};
use tenure_sandbox::Vendor;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A person who was pushed, and where they are.
async fn pia(client: &Client<'_>) -> String {
    let made = client.post("/Users", &person("pia@acme.example")).await;
    format!("/Users/{}", made.expect(201).id())
}

async fn patched(client: &Client<'_>, path: &str, operations: Value) -> Value {
    let reply = client.patch(path, operations).await;
    reply.expect(200);
    reply.body
}

/// A group with two people in it.
async fn crew(client: &Client<'_>) -> (String, [String; 2]) {
    let mut ids = Vec::new();
    for login in ["one@acme.example", "two@acme.example"] {
        ids.push(client.post("/Users", &person(login)).await.expect(201).id().to_owned());
    }
    let members: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
    let group = client.post("/Groups", &json!({"displayName": "Crew", "members": members})).await;
    (format!("/Groups/{}", group.expect(201).id()), [ids[0].clone(), ids[1].clone()])
}

async fn members(client: &Client<'_>, path: &str) -> Vec<String> {
    let group = client.get(path).await;
    let all = group.expect(200).body["members"].as_array().cloned().unwrap_or_default();
    all.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
}

macro_rules! at_a_source {
    ($($name:ident($client:ident) $body:block)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let desk = pushed_desk().await;
                let $client = desk.client_of("idp").await;
                $body
            }
        )*
    };
}

at_a_source! {
    quirk_01_a_verb_in_any_case(client) {
        let path = pia(&client).await;
        for verb in ["Replace", "REPLACE", "replace"] {
            let user = patched(&client, &path, json!([{"op": verb, "path": "title", "value": verb}])).await;
            assert_eq!(user["title"], verb);
        }
    }

    quirk_02_names_in_any_case_and_spaces_in_brackets(client) {
        let path = pia(&client).await;
        let user = patched(&client, &path, json!([
            {"op": "replace", "path": "NAME.GivenName", "value": "Paula"},
            {"op": "replace", "path": "PhoneNumbers[ Type eq \"work\" ].Value", "value": "+1"},
            {"op": "replace", "path": format!("{}:Department", ENTERPRISE.to_uppercase()), "value": "Ops"},
        ])).await;
        assert_eq!((&user["name"]["givenName"], &user[ENTERPRISE]["department"]), (&json!("Paula"), &json!("Ops")));
        assert!(user["phoneNumbers"].as_array().unwrap().iter().any(|number| number["value"] == "+1"), "{user}");
    }

    quirk_03_booleans_as_texts_in_values_and_filters(client) {
        let path = pia(&client).await;
        let user = patched(&client, &path, json!([{"op": "Replace", "path": "active", "value": "False"}])).await;
        assert_eq!(user["active"], false);
        let found = client.get("/Users?filter=active%20eq%20%22False%22").await;
        assert_eq!(found.expect(200).body["totalResults"], 1);
        let refused = client.patch(&path, json!([{"op": "Replace", "path": "active", "value": "maybe"}])).await;
        assert_eq!(refused.expect(400).body["scimType"], "invalidValue");
    }

    quirk_04_a_patch_without_a_path(client) {
        let path = pia(&client).await;
        let user = patched(&client, &path, json!([{"op": "replace", "value": {"title": "Lead", "active": false}}])).await;
        assert_eq!((&user["title"], &user["active"]), (&json!("Lead"), &json!(false)));
        assert_eq!(user["displayName"], "Pia Pushed");
    }

    quirk_05_dotted_and_qualified_keys_in_a_patch_without_a_path(client) {
        let path = pia(&client).await;
        let department = format!("{ENTERPRISE}:department");
        let user = patched(&client, &path, json!([{"op": "replace", "value": {"name.givenName": "Paula", department: "Ops"}}])).await;
        assert_eq!((&user["name"]["givenName"], &user[ENTERPRISE]["department"]), (&json!("Paula"), &json!("Ops")));
        assert!(user.get("name.givenName").is_none());
    }

    quirk_06_a_nested_object_merges(client) {
        let path = pia(&client).await;
        let user = patched(&client, &path, json!([{"op": "replace", "value": {"name": {"givenName": "Paula"}}}])).await;
        assert_eq!(user["name"], json!({"givenName": "Paula", "familyName": "Pushed"}));
    }

    quirk_07_a_replacement_that_matches_nothing_makes_the_element(client) {
        let mut body = person("pia@acme.example");
        body["phoneNumbers"] = json!([{"value": "+1", "type": "work"}]);
        let path = format!("/Users/{}", client.post("/Users", &body).await.expect(201).id());
        let of = "phoneNumbers[type eq \"mobile\"].value";
        let user = patched(&client, &path, json!([{"op": "Replace", "path": of, "value": "+2"}])).await;
        let numbers: Vec<&Value> = user["phoneNumbers"].as_array().unwrap().iter().map(|one| &one["value"]).collect();
        assert!(numbers.contains(&&json!("+1")) && numbers.contains(&&json!("+2")), "{user}");
    }

    quirk_08_a_removal_with_a_list_removes_these_only(client) {
        let (path, [one, two]) = crew(&client).await;
        client.patch(&path, json!([{"op": "Remove", "path": "members", "value": [{"value": one}]}])).await.expect(204);
        assert_eq!(members(&client, &path).await, [two]);
    }

    quirk_09_a_removal_of_all_members_clears(client) {
        let (path, _) = crew(&client).await;
        client.patch(&path, json!([{"op": "remove", "path": "members"}])).await.expect(204);
        assert!(members(&client, &path).await.is_empty());
    }

    quirk_10_a_member_is_removed_by_its_path_and_twice_is_no_error(client) {
        let (path, [one, two]) = crew(&client).await;
        for _ in 0..2 {
            let of = format!("members[value eq \"{one}\"]");
            client.patch(&path, json!([{"op": "remove", "path": of}])).await.expect(204);
            assert_eq!(members(&client, &path).await, std::slice::from_ref(&two));
        }
    }

    quirk_11_a_member_who_is_added_twice_is_in_once(client) {
        let (path, [one, _]) = crew(&client).await;
        client.patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": one}]}])).await.expect(204);
        assert_eq!(members(&client, &path).await.len(), 2);
    }

    quirk_12_an_empty_list_of_members_clears(client) {
        let (path, _) = crew(&client).await;
        client.patch(&path, json!([{"op": "replace", "path": "members", "value": []}])).await.expect(204);
        assert!(members(&client, &path).await.is_empty());
    }

    quirk_13_words_beside_a_member_are_passed_over(client) {
        let (path, [one, two]) = crew(&client).await;
        let value = json!([{"value": one, "$ref": null, "display": "?", "type": "User"}, {"value": two, "$ref": null}]);
        client.patch(&path, json!([{"op": "replace", "path": "members", "value": value}])).await.expect(204);
        assert_eq!(members(&client, &path).await.len(), 2);
    }

    quirk_14_an_id_in_a_body(client) {
        let mut body = person("pia@acme.example");
        body["id"] = Value::Null;
        let made = client.post("/Users", &body).await;
        let path = format!("/Users/{}", made.expect(201).id());
        patched(&client, &path, json!([{"op": "replace", "value": {"id": made.id(), "title": "Lead"}}])).await;
        let other = client.patch(&path, json!([{"op": "replace", "value": {"id": "another", "title": "x"}}])).await;
        assert_eq!(other.expect(400).body["scimType"], "mutability");
    }

    quirk_15_unknown_attributes_and_schemas_are_ignored(client) {
        let mut body = person("pia@acme.example");
        body["schemas"] = json!(["urn:scim:schemas:core:1.0", "urn:x:unheard:of"]);
        body["urn:x:unheard:of"] = json!({"a": 1});
        body["shoeSize"] = json!(42);
        let made = client.post("/Users", &body).await;
        assert!(made.expect(201).body.get("shoeSize").is_none());
    }

    quirk_16_one_for_a_list_and_a_list_for_one(client) {
        let mut body = person("pia@acme.example");
        body["emails"] = json!({"value": "pia@acme.example", "type": "work"});
        body["phoneNumbers"] = json!({"value": "+1", "type": "work"});
        let made = client.post("/Users", &body).await;
        assert_eq!(made.expect(201).body["emails"][0]["value"], "pia@acme.example");
        assert_eq!(made.body["phoneNumbers"][0]["value"], "+1");
    }

    quirk_18_plain_json_or_no_type_at_all(client) {
        let plain = client.with("Content-Type", "application/json").with("Accept", "*/*");
        plain.post("/Users", &person("pia@acme.example")).await.expect(201);
        let untyped = client.with("Content-Type", "");
        untyped.post("/Users", &person("max@acme.example")).await.expect(201);
    }

    quirk_19_filters_as_they_are_typed(client) {
        pia(&client).await;
        for filter in [
            "userName%20Eq%20%22pia@acme.example%22",
            "userName+eq+%22pia%40acme.example%22",
            "externalId%20eq%20ext-pia@acme.example",
            "USERNAME%20eq%20%22PIA@acme.example%22",
        ] {
            let found = client.get(&format!("/Users?filter={filter}")).await;
            assert_eq!(found.expect(200).body["totalResults"], 1, "{filter}");
        }
    }

    quirk_20_look_ups_by_external_id_and_by_mail(client) {
        pia(&client).await;
        for filter in ["externalId%20eq%20%22ext-pia@acme.example%22", "emails[type%20eq%20%22work%22].value%20eq%20%22pia@acme.example%22"] {
            let found = client.get(&format!("/Users?filter={filter}")).await;
            assert_eq!(found.expect(200).body["totalResults"], 1, "{filter}");
        }
    }

    quirk_21_a_replacement_that_echoes_and_forgets_active(client) {
        let path = pia(&client).await;
        let mut echo = client.get(&path).await.body;
        echo.as_object_mut().unwrap().remove("active");
        echo["groups"] = json!([]);
        assert_eq!(client.put(&path, &echo).await.expect(200).body["active"], true);
    }

    quirk_22_a_deletion_after_a_deactivation_and_twice(client) {
        let path = pia(&client).await;
        patched(&client, &path, json!([{"op": "replace", "value": {"active": false}}])).await;
        client.delete(&path).await.expect(204);
        client.delete(&path).await.expect(404);
    }

    quirk_23_a_creation_of_somebody_inactive(client) {
        let path = pia(&client).await;
        patched(&client, &path, json!([{"op": "replace", "value": {"active": false}}])).await;
        assert_eq!(client.find("pia@acme.example").await["active"], false);
        let again = client.post("/Users", &person("pia@acme.example")).await;
        assert_eq!(again.expect(409).body["scimType"], "uniqueness");
    }

    quirk_24_a_name_that_comes_along_with_each_change_of_members(client) {
        let (path, [one, _]) = crew(&client).await;
        let id = path.rsplit('/').next().unwrap();
        client.patch(&path, json!([
            {"op": "replace", "value": {"id": id, "displayName": "Crew"}},
            {"op": "remove", "path": format!("members[value eq \"{one}\"]")},
        ])).await.expect(204);
        assert_eq!(members(&client, &path).await.len(), 1);
    }

    quirk_25_addresses_with_more_words_than_needed(client) {
        pia(&client).await;
        for path in ["/Users/", "//Users", "/scim/v2/Users", "/v2/Users", "/Users?aadOptscim062020", "/users"] {
            assert_eq!(client.get(path).await.expect(200).body["totalResults"], 1, "{path}");
        }
    }

    quirk_26_pages_of_any_size(client) {
        pia(&client).await;
        for (query, items) in [("count=100000", 1), ("count=0", 0), ("startIndex=0", 1), ("startIndex=-5", 1), ("count=-1", 0)] {
            let page = client.get(&format!("/Users?{query}")).await;
            assert_eq!(page.expect(200).body["totalResults"], 1, "{query}");
            assert_eq!(page.body["itemsPerPage"], items, "{query}");
        }
    }

    quirk_27_another_sign_in_name_is_the_same_person(client) {
        let path = pia(&client).await;
        let user = patched(&client, &path, json!([{"op": "replace", "path": "userName", "value": "paula@acme.example"}])).await;
        assert!(path.ends_with(user["id"].as_str().unwrap()));
        client.post("/Users", &person("max@acme.example")).await.expect(201);
        let taken = client.patch(&path, json!([{"op": "replace", "path": "userName", "value": "Max@acme.example"}])).await;
        assert_eq!(taken.expect(409).body["scimType"], "uniqueness");
    }

    quirk_28_what_was_written_is_read_at_once(client) {
        let (path, [one, two]) = crew(&client).await;
        let change = |op: &'static str, id: String| {
            let (client, path) = (&client, &path);
            async move { client.patch(path, json!([{"op": op, "path": "members", "value": [{"value": id}]}])).await }
        };
        for _ in 0..5 {
            let (gone, _) = tokio::join!(change("remove", one.clone()), change("add", two.clone()));
            gone.expect(204);
            assert_eq!(members(&client, &path).await, std::slice::from_ref(&two));
            change("add", one.clone()).await.expect(204);
            assert_eq!(members(&client, &path).await.len(), 2);
        }
    }

    quirk_29_what_cannot_be_done_undoes_the_whole_patch(client) {
        let path = pia(&client).await;
        let refused: Reply = client.patch(&path, json!([
            {"op": "replace", "path": "title", "value": "Lead"},
            {"op": "replace", "path": "active", "value": "maybe"},
        ])).await;
        refused.expect(400);
        assert_eq!(client.get(&path).await.body["title"], "Agent");
        let nowhere = client.patch(&path, json!([{"op": "remove"}])).await;
        assert_eq!(nowhere.expect(400).body["scimType"], "noTarget");
    }

    quirk_30_the_status_of_an_error_is_a_text(client) {
        let missing = client.get("/Users/nobody").await;
        assert_eq!(missing.expect(404).body["status"], "404");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_17_a_role_as_json_within_a_text() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let mut body = newcomer(Vendor::Gladly, "nia@acme.example");
    body["roles"] = json!([{"value": "{\"id\":\"r1\",\"value\":\"AGENT\",\"displayName\":\"Agent\"}"}]);
    let made = client.post("/Users", &body).await;
    assert_eq!(made.expect(201).body["roles"][0]["value"], "AGENT", "{made:?}");
}
