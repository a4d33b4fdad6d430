//! The parts of the manifest vocabulary that none of the five built-in apps uses: bearer tokens, SCIM's startIndex,
//! `Link: rel=next`, fixed bodies with fields in them. A made-up app in a folder, its tapes, no Rust of its own.

mod common;

use std::path::Path;
use tenure_connect::{Connector, Settings, TapeResult, lint, read_app, run_tapes};
use tenure_core::abilities::{Effect, Standing};
use tenure_core::account::{AccountState, Kind};
use tenure_sandbox::Vendor;

const SCIM: &str = r#"
app = "scimmy"
title = "Scimmy"
covers = "people over SCIM"
default_kind = "user"
sessions = "unstated"
[base]
url = "https://api.scimmy.example/scim/v2"
[auth]
form = "bearer"
value = "{secret.token}"
[secrets.token]
says = "the token"
issued = "its page"
[limits]
assumed = { per_second = 5 }
[paging.scim]
style = "start_index"
size_parameter = "count"
size = 2
size_max = 2
parameter = "startIndex"
total = "totalResults"
total_is = "end"
[paging.link]
style = "link"
size_parameter = "per_page"
size = 2
[errors]
text = ["detail"]
[references.groups]
kind = "group"
path = "/groups"
paging = "link"
[kinds.user]
title = "SCIM user"
id = ["id"]
state = [{ is = "suspended", equals = { active = false } }, { is = "active", equals = { active = true } }]
[kinds.user.list]
path = "/Users"
items = "Resources"
paging = "scim"
[kinds.user.read]
path = "/Users/{id}"
[kinds.user.fields]
email = { read = ["userName", "emails.value"], write = "userName", from = "work_email", required = true, fold_case = true }
given_name = { read = ["name.givenName"], write = "name.givenName", from = "given_name" }
family_name = { read = ["name.familyName"], write = "name.familyName", from = "family_name" }
[kinds.user.effects.create]
[[kinds.user.effects.create.calls]]
method = "POST"
path = "/Users"
body = "changes"
set = { schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"], displayName = "{given_name}" }
new_id = ["id"]
[kinds.user.effects.suspend]
[[kinds.user.effects.suspend.calls]]
method = "PATCH"
path = "/Users/{id}"
set = { schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations = [{ op = "replace", path = "active", value = false }] }
"#;

/// Replays one tape with the made-up app.
async fn replay(tape: &str, expected: &str) -> TapeResult {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("manifest.toml", SCIM);
    write("tape/one.json", tape);
    write("expected/one.json", expected);
    run_tapes(&read_app(folder.path()).unwrap()).await.tapes.remove(0)
}

const LISTS: &str = r#"
{"request":{"method":"GET","path":"/scim/v2/groups","query":{"per_page":"2"},"headers":{"authorization":"Bearer tape-token"}},
 "answer":{"status":200,"headers":{"Link":"</scim/v2/groups?after=2>; rel=\"next\", </x>; rel=\"last\""},"body":[{"id":"1","name":"A"},{"id":"2","name":"B"}]}},
{"request":{"method":"GET","path":"/scim/v2/groups","query":{"after":"2"}},"answer":{"status":200,"body":[{"id":"3","name":"C"}]}}"#;

#[test]
fn the_made_up_app_is_clean_but_for_its_display_name() {
    let manifest = tenure_connect::Manifest::parse(SCIM, "m.toml").unwrap();
    let problems: Vec<String> = lint(&manifest).iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains("`displayName` is set"));
}

#[tokio::test]
async fn links_are_followed_to_their_end() {
    let tape = format!(r#"{{"says":"links","do":{{"references":{{}}}},"exchanges":[{LISTS}]}}"#);
    let result = replay(&tape, "{}").await;
    let names: Vec<&str> =
        result.actual["entitlements"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["A", "B", "C"]);
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let tape = r#"{"says":"links","do":{"references":{}},"exchanges":[
      {"request":{"method":"GET","path":"/scim/v2/groups","query":{"per_page":"2"}},
       "answer":{"status":200,"headers":{"link":"<https://evil.example/groups>; rel=next"},"body":[{"id":"1","name":"A"}]}}]}"#;
    let result = replay(tape, "{}").await;
    let text = result.actual["error"]["text"].as_str().unwrap();
    assert!(text.contains("another host (evil.example)"), "{text}");
}

#[tokio::test]
async fn start_index_counts_records_and_the_total_ends_the_walk() {
    let page = |start: u32, ids: &str| {
        format!(
            r#"{{"request":{{"method":"GET","path":"/scim/v2/Users","query":{{"count":"2","startIndex":"{start}"}}}},
                 "answer":{{"status":200,"body":{{"totalResults":4,"Resources":[{ids}]}}}}}}"#
        )
    };
    let user = |id: &str| format!(r#"{{"id":"{id}","userName":"{id}@acme.com","active":true}}"#);
    let tape = format!(
        r#"{{"says":"scim","do":{{"pull":{{}}}},"exchanges":[{LISTS},{},{}]}}"#,
        page(1, &[user("a"), user("b")].join(",")),
        page(3, &[user("c"), user("d")].join(","))
    );
    let result = replay(&tape, "{}").await;
    assert_eq!(result.actual["coverage"], "complete", "{result:?}");
    assert_eq!(result.actual["accounts"].as_array().unwrap().len(), 4);
    assert!(result.problems.iter().all(|problem| problem.contains("is not expected")), "{:?}", result.problems);
}

#[tokio::test]
async fn fixed_bodies_take_fields_and_nested_keys() {
    let tape = format!(
        r#"{{"says":"create","do":{{"perform":{{"effect":"create","kind":"user","changes":[
              {{"field":"email","after":"new@acme.com"}},{{"field":"given_name","after":"New"}},{{"field":"family_name","after":"User"}}]}}}},
            "exchanges":[{LISTS},{{"request":{{"method":"POST","path":"/scim/v2/Users","body":{{
                "schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"new@acme.com",
                "name":{{"givenName":"New","familyName":"User"}},"displayName":"New"}}}},
              "answer":{{"status":201,"body":{{"id":"u789","userName":"new@acme.com","active":true}}}}}}]}}"#
    );
    assert_eq!(replay(&tape, "{}").await.actual["account"], "tape/user/u789");
    let tape = format!(
        r#"{{"says":"suspend","do":{{"perform":{{"effect":"suspend","kind":"user","account":{{"id":"u789"}}}}}},
            "exchanges":[{LISTS},{{"request":{{"method":"PATCH","path":"/scim/v2/Users/u789","body":{{
                "schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations":[{{"op":"replace","path":"active","value":false}}]}}}},
              "answer":{{"status":200,"body":{{"id":"u789","active":false}}}}}}]}}"#
    );
    assert_eq!(replay(&tape, "{}").await.actual["answered"]["state"], "suspended");
}

// proves GS-36 (guide)
/// The same manifest against a real surface: Gainsight's of the guide, as the sandbox imitates it.
#[tokio::test]
async fn the_made_up_app_makes_reads_and_puts_out_somebody_on_a_real_surface() {
    let sandbox = common::sandbox().await;
    let text = SCIM.replace(
        "path = \"/groups\"\npaging = \"link\"",
        "path = \"/Groups\"\nitems = \"Resources\"\npaging = \"scim\"",
    );
    let mut settings = Settings::new("scimmy".into(), common::manifest(&text), Standing::Target);
    settings.url = sandbox.surface_url(Vendor::Gainsight, tenure_sandbox::Surface::Scim);
    settings.limits = Some(tenure_connect::BudgetSpec { per_second: Some(1000.0), ..Default::default() });
    let token = [("token".to_owned(), tenure_sandbox::GAINSIGHT_SCIM_TOKEN.to_owned().into())];
    let connector = Connector::new(settings, std::collections::BTreeMap::from(token)).unwrap();
    let (email, kind) = ("new.joiner@acme.example", Kind::User);
    let changes =
        [common::field("email", email), common::field("given_name", "New"), common::field("family_name", "Joiner")];
    let made = common::perform(&connector, Effect::Create, kind, None, &changes).await.unwrap().account;
    let truth = sandbox.world().find(Vendor::Gainsight, email).unwrap();
    assert_eq!((&truth["name"], &truth["userId"]), (&"New Joiner".into(), &made.id.as_str().into()));
    assert_eq!(common::read(&connector, &made).await.login.as_deref(), Some(email));
    common::perform(&connector, Effect::Suspend, kind, Some(&made), &[]).await.unwrap();
    assert_eq!(common::read(&connector, &made).await.state, AccountState::Suspended);
    assert_eq!(sandbox.world().find(Vendor::Gainsight, email).unwrap()["isActive"], false);
}
