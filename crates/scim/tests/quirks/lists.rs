//! Quirks of look-ups and lists: how queries are written, and what pages are asked for.
//! Each test names its quirk's number.
//! The resources are those of `main.rs`.

use super::*;
use tenure_scim::{CursorSeal, Cursors, Key, ListResponse, Lookup, Page, PageLimits, Search, list};

fn search(query: &str) -> (Search, Said) {
    let mut said = Said::default();
    let search =
        Search::from_query(query, PageLimits::default(), &mut said).unwrap_or_else(|error| panic!("{query}: {error}"));
    (search, said)
}

fn found(query: &str) -> ListResponse<Map<String, Value>> {
    let (search, mut said) = search(query);
    let seal = CursorSeal::new([0; 32], 60);
    let cursors = Cursors { seal: &seal, of: "x", now_s: 0 };
    list(&ResourceType::user(), [&jane()], &search, cursors, &mut said)
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

#[test]
fn quirk_3_booleans_come_as_texts_in_filters_too() {
    for filter in ["active eq True", "active%20eq%20%22True%22", "emails[primary eq \"True\"].type eq \"work\""] {
        assert_eq!(found(&format!("filter={filter}")).resources.len(), 1, "{filter}");
    }
}

#[test]
fn quirk_19_filters_come_unquoted_in_capitals_and_however_encoded() {
    for filter in [
        "externalId eq 00u1",
        "externalId+Eq+00u1",
        "userName%20EQ%20%22jane%40acme.com%22",
        "userName+eq+%22jane@acme.com%22",
        "USERNAME eq \"JANE@ACME.COM\"",
        "emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22jane@acme.com%22",
        "id eq \"u1\" and manager eq \"u9\"",
    ] {
        assert_eq!(found(&format!("filter={filter}")).resources.len(), 1, "{filter}");
    }
}

#[test]
fn quirk_19_a_plus_in_an_address_is_not_taken_for_a_space() {
    let value = |query: &str| search(query).0.filter.unwrap().to_string();
    assert_eq!(value("filter=userName%20eq%20%22j+x@acme.com%22"), r#"userName eq "j+x@acme.com""#);
    assert_eq!(value("filter=userName+eq+%22j%2Bx@acme.com%22"), r#"userName eq "j+x@acme.com""#);
}

#[test]
fn quirk_20_the_three_look_ups_of_entra_are_seen_by_an_index() {
    for (filter, key) in [
        ("externalId eq \"x\"", Key::ExternalId),
        ("userName eq \"x\"", Key::UserName),
        ("emails[type eq \"work\"].value eq \"x\"", Key::Email { of_type: Some("work".into()) }),
    ] {
        let lookups = search(&format!("filter={filter}")).0.filter.unwrap().lookups();
        assert_eq!(lookups, Some(vec![Lookup::Equal(key, "x".into())]));
    }
}

/// Entra's test of a connection: a name that nobody has.
#[test]
fn quirk_20_nobody_found_is_an_empty_list_of_integers() {
    let page = found("filter=userName eq \"5f1b2c3d-0000-4000-8000-000000000000\"");
    let expected = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}"#;
    assert_eq!(serde_json::to_string(&page).unwrap(), expected);
}

#[test]
fn quirk_23_who_is_inactive_is_found() {
    let mut inactive = jane();
    inactive.insert("active".into(), false.into());
    let (search, mut said) = search("filter=userName eq \"jane@acme.com\"");
    let seal = CursorSeal::new([0; 32], 60);
    let page = list(&ResourceType::user(), [&inactive], &search, Cursors { seal: &seal, of: "x", now_s: 0 }, &mut said);
    assert_eq!(page.unwrap().resources[0]["active"], false);
}

#[test]
fn quirk_25_flags_of_a_tenants_url_are_passed_over() {
    assert_eq!(
        found("aadOptscim062020&filter=userName eq \"jane@acme.com\"&AzureAdScimPatch2017=1").resources.len(),
        1
    );
    assert_eq!(found("").resources.len(), 1);
}

#[test]
fn quirk_26_pages_out_of_bounds_are_brought_into_them() {
    let page = |query: &str| search(query).0.page;
    for (query, start_index, count) in [
        ("startIndex=0&count=2", 1, 2),
        ("count=100&startIndex=-5", 1, 100),
        ("count=999999999999999999999999999999999999999999", 1, 1000),
        ("count=-1", 1, 0),
        ("count=0", 1, 0),
        ("", 1, 100),
        ("count=&startIndex=", 1, 100),
    ] {
        assert_eq!(page(query), Page::Index { start_index, count }, "{query}");
    }
    let totals = found("count=0");
    assert_eq!((totals.total_results, totals.resources.len()), (Some(1), 0));
    let mut said = Said::default();
    for query in ["count=ten", "startIndex=1.5"] {
        assert_eq!(Search::from_query(query, PageLimits::default(), &mut said).unwrap_err().status, 400);
    }
}

/// Entra reads groups without their members.
#[test]
fn members_that_are_excluded_need_not_be_read() {
    let group = ResourceType::group();
    let shown = search("excludedAttributes=members&filter=displayName eq \"x\"").0.projection;
    assert!(!shown.bind(&group).has("members"));
    assert!(!shown.bind(&group).show(&support()).contains_key("members"));
}
