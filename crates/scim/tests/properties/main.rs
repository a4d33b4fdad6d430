//! What holds of everything, tried with made-up filters, resources, patches and bytes.
//! Resources are made by reading made-up bodies, so that they are in the form in which they are held.
//! Nothing here expects a certain value; what certain requests do is shown by the quirks.

mod made;

use made::{body, filter, held, json_value, lookup_filter};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tenure_scim::{
    BulkLimits, BulkRequest, BulkRun, CursorSeal, Endpoint, Filter, Key, ListResponse, Lookup, PageLimits, PatchOp,
    PatchPath, PatchVerb, Projection, ResourceType, Said, ScimError, Search, create, fold, replace,
};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Returns patches, of which each dialect is one way, that make of one user another.
fn patches(before: &Map<String, Value>, after: &Map<String, Value>, mut way: u32) -> Vec<PatchOp> {
    let mut patches = Vec::new();
    let mut choose = |ways: u32| {
        let chosen = way % ways;
        way = way / ways + 1_000_003 * (way % 7);
        chosen
    };
    let remove = |path: &str| PatchOp::default().and(PatchVerb::Remove, path, None);
    let whole = |key: &str, value: Value| PatchOp {
        operations: vec![tenure_scim::PatchOperation {
            verb: PatchVerb::Replace,
            path: None,
            value: Some(Value::Object(Map::from_iter([(key.to_owned(), value)]))),
        }],
    };
    for name in ["userName", "externalId", "active", "title", "displayName"] {
        patches.push(match (after.get(name), choose(3)) {
            (None, _) => remove(name),
            (Some(value), 0) => PatchOp::replace(name, value.clone()),
            (Some(value), 1) => whole(name, value.clone()),
            (Some(value), _) if name == "active" => {
                PatchOp::replace("ACTIVE", if value == true { "True" } else { "false" })
            }
            (Some(value), _) => PatchOp::default().and(PatchVerb::Add, name.to_uppercase(), Some(value.clone())),
        });
    }
    let department = format!("{ENTERPRISE}:department");
    let manager = format!("{ENTERPRISE}:manager");
    for (path, value) in [
        ("name.givenName", after.get("name").and_then(|name| name.get("givenName"))),
        ("name.familyName", after.get("name").and_then(|name| name.get("familyName"))),
        (&department, after.get(ENTERPRISE).and_then(|extension| extension.get("department"))),
        (&manager, after.get(ENTERPRISE).and_then(|extension| extension.get("manager")?.get("value"))),
    ] {
        patches.push(match (value, choose(2)) {
            (None, _) => remove(path),
            (Some(value), 0) => PatchOp::replace(path, value.clone()),
            (Some(value), _) => whole(path, value.clone()),
        });
    }
    let none = || json!([]);
    let (old, new) =
        (before.get("emails").cloned().unwrap_or_else(none), after.get("emails").cloned().unwrap_or_else(none));
    match choose(3) {
        0 => patches.push(PatchOp::replace("emails", new)),
        1 => {
            patches.push(PatchOp::default().and(PatchVerb::Remove, "emails", Some(old)));
            patches.push(PatchOp::default().and(PatchVerb::Add, "emails", Some(new)));
        }
        _ => {
            patches.push(remove("emails[value pr]"));
            for email in new.as_array().into_iter().flatten() {
                patches.push(PatchOp::default().and(PatchVerb::Add, "emails", Some(email.clone())));
            }
        }
    }
    patches
}

/// Tells whether a look-up would bring a user.
fn brings(lookup: &Lookup, user: &Map<String, Value>) -> bool {
    let Lookup::Equal(key, wanted) = lookup else { return true };
    let is = |name: &str| user.get(name).and_then(Value::as_str).is_some_and(|held| fold(held) == fold(wanted));
    match key {
        Key::Id => is("id"),
        Key::UserName => is("userName"),
        Key::ExternalId => user.get("externalId").and_then(Value::as_str) == Some(wanted),
        Key::DisplayName => is("displayName"),
        Key::Email { of_type } => user.get("emails").and_then(Value::as_array).into_iter().flatten().any(|email| {
            let fits_type = of_type.as_ref().is_none_or(|of_type| email["type"] == of_type.as_str());
            fits_type && email["value"].as_str().is_some_and(|value| fold(value) == fold(wanted))
        }),
        Key::Member => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_filter_is_read_as_itself(filter in filter()) {
        let mut said = Said::default();
        prop_assert_eq!(Filter::parse(&filter.to_string(), &mut said), Ok(filter));
        prop_assert!(said.is_plain());
    }

    #[test]
    fn a_filter_fits_or_its_opposite_does(filter in lookup_filter(), user in held()) {
        let (of, mut said) = (ResourceType::user(), Said::default());
        let fits = filter.bind(&of, &mut said).unwrap().fits(&user);
        let opposite = Filter::Not(Box::new(filter));
        prop_assert_ne!(opposite.bind(&of, &mut said).unwrap().fits(&user), fits);
    }

    #[test]
    fn what_fits_is_among_what_the_look_ups_bring(filter in lookup_filter(), user in held()) {
        let (of, mut said) = (ResourceType::user(), Said::default());
        if let Some(lookups) = filter.lookups() && filter.bind(&of, &mut said).unwrap().fits(&user) {
            prop_assert!(lookups.iter().any(|lookup| brings(lookup, &user)), "{filter}: {user:?}");
        }
    }

    #[test]
    fn patches_one_after_the_other_come_to_what_the_replacement_comes_to(
        before in held(), body in body(), way in any::<u32>(),
    ) {
        let of = ResourceType::user();
        let after = replace(&of, &before, Value::Object(body)).unwrap().resource;
        let mut patched = before.clone();
        for patch in patches(&before, &after, way) {
            let text = serde_json::to_vec(&patch).unwrap();
            let read = PatchOp::read(&text, &mut Said::default()).unwrap();
            prop_assert_eq!(&read, &patch);
            patched = read.apply(&of, &patched).unwrap().resource;
        }
        let left = replace(&of, &patched, Value::Object(after.clone())).unwrap();
        prop_assert!(left.changed.is_empty(), "{:?}\n{:?}\n{:?}", left.changed, patched, after);
    }

    #[test]
    fn a_patch_that_is_repeated_changes_nothing(before in held(), body in body(), way in any::<u32>()) {
        let of = ResourceType::user();
        let after = create(&of, Value::Object(body)).unwrap().resource;
        for patch in patches(&before, &after, way) {
            let once = patch.apply(&of, &before).unwrap();
            let twice = patch.apply(&of, &once.resource).unwrap();
            prop_assert!(twice.changed.is_empty(), "{:?} {:?}", patch, twice.changed);
        }
    }

    #[test]
    fn what_is_held_is_read_as_itself(held in held()) {
        let of = ResourceType::user();
        let again = replace(&of, &held, Value::Object(held.clone())).unwrap();
        prop_assert_eq!(&again.resource, &held);
        prop_assert!(again.changed.is_empty());
        let mut made = create(&of, Value::Object(held.clone())).unwrap().resource;
        made.insert("id".into(), "u1".into());
        prop_assert_eq!(made, held);
    }

    #[test]
    fn the_id_is_always_shown_and_the_password_never(
        held in held(), names in vec(prop::sample::select(vec!["id", "password", "emails.type", "name", "x"]), 0..4), only in any::<bool>(),
    ) {
        let (of, names, mut held) = (ResourceType::user(), names.join(","), held);
        held.insert("password".into(), "secret".into());
        let (attributes, excluded) = if only { (Some(&*names), None) } else { (None, Some(&*names)) };
        let shown = Projection::read(attributes, excluded).unwrap().bind(&of).show(&held);
        prop_assert!(shown.contains_key("id") && shown.contains_key("schemas") && !shown.contains_key("password"));
    }

    #[test]
    fn no_bytes_make_anything_panic(bytes in vec(any::<u8>(), 0..200), text in any::<String>()) {
        try_all(&bytes);
        try_all(text.as_bytes());
    }

    #[test]
    fn no_near_miss_makes_anything_panic(text in "[\\[\\]().\"\\\\ a-b:%+&=,]{0,30}", filter in filter(), cut in any::<prop::sample::Index>()) {
        try_all(text.as_bytes());
        let printed = filter.to_string();
        let cut = (0..=cut.index(printed.len() + 1)).rev().find(|&at| printed.is_char_boundary(at)).unwrap_or(0);
        try_all(&printed.as_bytes()[..cut]);
        try_all(json!({"Operations": [{"op": "replace", "path": printed[..cut], "value": text}]}).to_string().as_bytes());
    }

    #[test]
    fn no_json_makes_a_reader_panic(value in json_value(), path in prop::sample::select(vec![
        "emails", "emails[type eq \"work\"]", "emails.value", "name", "manager", "active", "members", "roles[primary eq true].value",
    ])) {
        try_all(value.to_string().as_bytes());
        for verb in ["add", "remove", "replace"] {
            let patch = json!({"Operations": [{"op": verb, "path": path, "value": value}, {"op": verb, "value": {path: value}}]});
            try_all(patch.to_string().as_bytes());
        }
    }
}

/// Hands the bytes to everything that reads what others wrote.
fn try_all(bytes: &[u8]) {
    let (types, mut said) = ([ResourceType::user(), ResourceType::group()], Said::default());
    let text = String::from_utf8_lossy(bytes);
    let held = json!({"id": "u1", "userName": "x", "displayName": "g", "emails": [{"value": "a", "type": "work"}], "members": [{"value": "a"}]});
    let held = held.as_object().unwrap();
    if let Ok(filter) = Filter::parse(&text, &mut said) {
        filter.lookups();
        if let Ok(bound) = filter.bind(&types[0], &mut said) {
            bound.fits(held);
        }
    }
    let _ = PatchPath::parse(&text, &mut said);
    let _ = Search::from_query(&text, PageLimits::default(), &mut said);
    let _ = Search::from_body(bytes, PageLimits::default(), &mut said);
    let _ = Endpoint::read(&text, &types);
    let _ = CursorSeal::new([0; 32], 1).open("", &text, 0);
    let _ = (ScimError::parse(bytes), ListResponse::parse(bytes));
    if let Ok(request) = BulkRequest::parse(bytes, BulkLimits { operations_max: 10, bytes_max: 10_000 }) {
        let mut run = BulkRun::new(request);
        while let Some(ready) = run.next_ready() {
            run.done(ready.number, Err(ScimError::new(500, "no")));
        }
        run.answer();
    }
    for of in &types {
        if let Ok(patch) = PatchOp::read(bytes, &mut said) {
            let _ = patch.apply(of, held);
        }
        if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
            let _ = (create(of, value.clone()), replace(of, held, value));
        }
    }
}
