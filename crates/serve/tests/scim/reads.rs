//! What is read: documents, accounts and entitlements, filters, pages, projections, versions, and who is let in.

use crate::desk::Desk;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tenure_sandbox::Vendor;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_the_right_token_is_told_so_as_a_scim_error() {
    let desk = Desk::open().await;
    let reply = desk.send("GET", "/scim/v2/gladly/Users", "", "").await;
    reply.expect(401);
    assert!(reply.head.contains("www-authenticate: bearer"), "{reply:?}");
    let forged = format!("Authorization: Bearer tnr_{}_{}\r\n", "0".repeat(12), "0".repeat(64));
    desk.send("GET", "/scim/v2/gladly/Users", &forged, "").await.expect(401);
    let other = desk.client(Vendor::Gorgias).await;
    let path = "/../gladly/Users";
    assert!(other.get(path).await.status >= 400);
    let hr = desk.client_of("hr").await;
    hr.get("/Users").await.expect(404);
    let nobody = desk.client_of("gone").await;
    nobody.get("/Users").await.expect(404);
    desk.send("GET", "/scim/v2", "", "").await.expect(404);
    let large = "x".repeat((1 << 20) + 1);
    let client = desk.client(Vendor::Gladly).await;
    client.post("/Users", &json!(large)).await.expect(413);
    client.with("Content-Type", "text/xml").post("/Users", &json!({})).await.expect(415);
    client.get("/Nothing").await.expect(404);
    client.ask("DELETE", "/Schemas", None).await.expect(405);
    client.get("/Me").await.expect(404); // whoever made the token has no account there
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_exactly_what_the_app_can_hold() {
    let desk = Desk::open().await;
    let mut told = Vec::new();
    for vendor in Vendor::ALL {
        let client = desk.client(vendor).await;
        let config = client.get("/ServiceProviderConfig").await;
        config.expect(200);
        assert_eq!(config.body["patch"]["supported"], true);
        let types = client.get("/ResourceTypes").await;
        assert_eq!(types.body["totalResults"], 1, "nobody makes a group there: {types:?}");
        client.get("/ResourceTypes/Group").await.expect(200);
        client.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group").await.expect(200);
        let schema = client.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User").await;
        schema.expect(200);
        let names = |schema: &Value| -> String {
            let all = schema["attributes"].as_array().unwrap();
            all.iter().map(|attribute| attribute["name"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        let own = format!("urn:ietf:params:scim:schemas:extension:tenure:2.0:{vendor:?}");
        let own = client.get(&format!("/Schemas/{own}")).await;
        told.push(format!(
            "{vendor}: {} + {}",
            names(&schema.body),
            if own.status == 200 { names(&own.body) } else { String::new() }
        ));
    }
    assert_eq!(
        told,
        [
            "gorgias: userName name displayName locale timezone active emails groups roles + ",
            "gladly: userName displayName locale active emails phoneNumbers groups roles + ",
            "freshdesk: userName displayName title active emails phoneNumbers groups roles + agentType occasional ticketScope",
            "freshservice: userName name title userType locale timezone active emails phoneNumbers groups roles + occasional vip",
            "gainsight: userName name displayName title userType locale timezone active emails phoneNumbers groups roles + ",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_by_what_clients_look_for() {
    let desk = Desk::open().await;
    for vendor in Vendor::ALL {
        let client = desk.client(vendor).await;
        let all = client.get("/Users?count=1000").await;
        all.expect(200);
        let total = all.body["totalResults"].as_u64().unwrap();
        let people = all.body["Resources"].as_array().unwrap();
        assert!(total > 0 && people.len() as u64 == total, "{vendor}: {total}");
        let one = people.iter().find(|one| one["active"] == true).unwrap();
        let (id, login) = (one["id"].as_str().unwrap(), one["userName"].as_str().unwrap());
        let same = client.find(&login.to_uppercase()).await;
        assert_eq!(same["id"], id, "{vendor}: case does not matter");
        let by_mail =
            client.get(&format!("/Users?filter=emails[type%20eq%20%22work%22].value%20eq%20%22{login}%22")).await;
        assert_eq!(by_mail.body["Resources"][0]["id"], id, "{by_mail:?}");
        let alone = client.get(&format!("/Users/{id}")).await;
        assert_eq!(&alone.expect(200).body, one, "{vendor}");
        let version = one["meta"]["version"].as_str().unwrap();
        client.with("If-None-Match", version).get(&format!("/Users/{id}")).await.expect(304);
        let brief = client.get(&format!("/Users/{id}?attributes=userName")).await;
        let names: BTreeSet<&String> = brief.body.as_object().unwrap().keys().collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["id", "schemas", "userName"]);
        let probe = client.get("/Users?filter=userName%20eq%20%226f0b1c1e-probe%22").await;
        assert_eq!(probe.expect(200).body["totalResults"], 0);
        client.get("/Users/agent-999999").await.expect(404);
        let wrong = client.get("/Users?filter=userName%20is%20%22x%22").await;
        assert_eq!(wrong.expect(400).body["scimType"], "invalidFilter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_by_place_and_by_cursor_see_everybody_once() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Freshservice).await;
    let all = client.get("/Users?count=1000&attributes=id").await;
    let ids = |reply: &Value| -> Vec<String> {
        let all = reply["Resources"].as_array().unwrap();
        all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let everybody = ids(&all.body);
    assert_eq!(client.get("/Users?count=0").await.body["totalResults"], everybody.len());
    let mut by_place = Vec::new();
    while by_place.len() < everybody.len() {
        let page = client.get(&format!("/Users?startIndex={}&count=7&attributes=id", by_place.len() + 1)).await;
        assert_eq!(page.body["totalResults"], everybody.len());
        by_place.extend(ids(&page.body));
    }
    assert_eq!(by_place, everybody);
    for order in ["", "&sortBy=userName", "&filter=active%20eq%20true"] {
        let (mut by_cursor, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = client.get(&format!("/Users?cursor={cursor}&count=7&attributes=id{order}")).await;
            by_cursor.extend(ids(&page.expect(200).body));
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        let seen: BTreeSet<&String> = by_cursor.iter().collect();
        assert_eq!(seen.len(), by_cursor.len(), "{order}");
        assert!(by_cursor.len() == everybody.len() || order.contains("filter"), "{order}");
    }
    let page = client.get("/Users?cursor=&count=2").await;
    let cursor = page.body["nextCursor"].as_str().unwrap();
    let other = client.get(&format!("/Users?cursor={cursor}&sortBy=userName")).await;
    assert_eq!(other.expect(400).body["scimType"], "invalidCursor");
    let another = desk.client(Vendor::Gladly).await.get(&format!("/Users?cursor={cursor}")).await;
    assert_eq!(another.expect(400).body["scimType"], "invalidCursor");
    let search = json!({"filter": "active eq true", "count": 3, "attributes": ["userName"]});
    let found = client.post("/Users/.search", &search).await;
    assert_eq!(found.expect(200).body["itemsPerPage"], 3);
    client.post("/.search", &json!({"count": 5})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn entitlements_are_groups_with_their_members() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let groups = client.get("/Groups?excludedAttributes=members&count=1000").await;
    let kinds: BTreeSet<String> = groups.expect(200).body["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["urn:ietf:params:scim:schemas:extension:tenure:2.0:Group"]["type"].to_string())
        .collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["\"inbox\"", "\"role\"", "\"team\""]);
    assert!(groups.body["Resources"][0].get("members").is_none());
    let team = client.group("Tier 1 Support").await;
    let whole = client.get(&format!("/Groups/{}", team["id"].as_str().unwrap())).await;
    let members = whole.expect(200).body["members"].as_array().unwrap();
    assert!(!members.is_empty());
    let first = client.get(&format!("/Users/{}", members[0]["value"].as_str().unwrap())).await;
    let named = first.body["groups"].as_array().unwrap().iter().any(|group| group["value"] == team["id"]);
    assert!(named, "{first:?}");
    let holds = client.get(&format!("/Groups?filter=members.value%20eq%20%22{}%22", first.id())).await;
    assert!(holds.expect(200).body["totalResults"].as_u64().unwrap() >= 2, "{holds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_the_type_that_was_asked_for() {
    let desk = Desk::open().await;
    let client = desk.client(Vendor::Gladly).await;
    let plain = client.with("Accept", "application/json").get("/Users?count=1").await;
    assert!(plain.head.contains("content-type: application/json"), "{plain:?}");
    client.with("Accept", "*/*").get("/Users?count=1").await.expect(200);
    let flagged = client.get("/scim/v2/Users/?aadOptscim062020&count=1").await;
    assert_eq!(flagged.expect(200).body["itemsPerPage"], 1);
    assert!(flagged.body["startIndex"].is_u64());
}
