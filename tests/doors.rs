//! Tokens and the key, as an operator meets them: a token is shown once and kept nowhere, a key seals what processes share
//! and can be changed without a pause. The store's file is read byte by byte for what must not be in it.
//! Who is let in by a token is told where the server is.

use crate::day::expect;
use crate::stage::{Ended, Stage};
use serde_json::Value;
use std::fs;
use tenure_sandbox::{Dialect, Dialects, GAINSIGHT_SCIM_CLIENT, GAINSIGHT_SCIM_SECRET, Limits, Options, Vendor};

fn open() -> Stage {
    Stage::open(Options { people: 21, limits: Limits::Off, ..Options::default() })
}

/// Fails where a text stands in clear in the store, or in the log beside it.
fn expect_not_kept(stage: &Stage, text: &str) {
    for name in ["tenure.db", "tenure.db-wal"] {
        let bytes = fs::read(stage.folder().join(name)).unwrap_or_default();
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{name} holds it in clear");
    }
}

fn list(stage: &Stage) -> Vec<Value> {
    let ended = stage.run(&["token", "list"]);
    expect(&ended, 0);
    ended.json().unwrap()["tokens"].as_array().unwrap().clone()
}

#[test]
fn a_token_is_shown_once_and_only_its_hash_is_kept() {
    let stage = open();
    let made = stage.plainly(&[
        "token",
        "create",
        "--scope",
        "api:read",
        "approve",
        "--name",
        "ci",
        "--as",
        "mia@acme.example",
    ]);
    expect(&made, 0);
    let token = made.out.trim();
    assert!(token.starts_with("tnr_") && token.len() == 81 && !token.contains(char::is_whitespace), "{made}");
    expect_not_kept(&stage, token);
    expect_not_kept(&stage, token.rsplit('_').next().unwrap());
    let all = list(&stage);
    assert_eq!(all.len(), 1);
    assert_eq!((all[0]["name"].as_str(), all[0]["owner"].as_str()), (Some("ci"), Some("mia@acme.example")));
    assert_eq!((&all[0]["scopes"], &all[0]["state"]), (&serde_json::json!(["api:read", "approve"]), &"good".into()));
    assert!(token.contains(all[0]["id"].as_str().unwrap()), "the id is the part that is no secret");
    let short = stage.run(&["token", "create", "--scope", "hooks", "--name", "short", "--expires", "3d"]);
    expect(&short, 0);
    assert!(short.json().unwrap()["token"].as_str().unwrap().starts_with("tnr_"));
    let listed = stage.plainly(&["token", "list"]);
    assert!(listed.out.contains("ends soon") && listed.err.contains("warning: token"), "{listed}");
    expect(&stage.run(&["token", "revoke", "ci"]), 0);
    expect(&stage.run(&["token", "revoke", all[0]["id"].as_str().unwrap()]), 1);
    let again = stage.run(&["token", "revoke", "ci"]);
    expect(&again, 1);
    assert!(again.says("is revoked already"), "{again}");
    let states: Vec<Value> = list(&stage).iter().map(|token| token["state"].clone()).collect();
    assert_eq!(states, ["expiring", "revoked"]);
    let exported = stage.plainly(&["audit", "export"]);
    for word in ["token_created", "token_revoked", "scopes"] {
        assert!(exported.out.contains(word), "{exported}");
    }
    assert!(!exported.out.contains("tnr_"), "no entry holds a token");
    assert_eq!(stage.aftermath(), Vec::<String>::new());
}

#[test]
fn a_scope_or_a_time_that_is_none_is_refused_with_the_nearest_that_is() {
    let stage = open();
    let cases: [(&[&str], &str); 6] = [
        (&["--scope", "api:raed"], "did you mean `api:read`"),
        (&["--scope", "scim:gorgis"], "did you mean `scim:gorgias`"),
        (&["--scope", "scim:hr"], "would open no door"),
        (&["--scope", "api:read", "--expires", "soon"], "no time"),
        (&["--scope", "api:read", "--expires", "0h"], "a while"),
        (&["--scope", "api:read", "--name", ""], "needs a name"),
    ];
    for (words, says) in cases {
        let refused = stage.run(&[&["token", "create"], words].concat());
        expect(&refused, 1);
        assert!(refused.says(says), "{refused}");
    }
    assert_eq!(list(&stage).len(), 0);
}

/// Opens a company whose Gainsight is written over SCIM, with a client that is given tokens, and a key.
fn sealing() -> (Stage, impl Fn(&Stage, &str, Option<&str>)) {
    let dialects = Dialects::all(Dialect::Live);
    let stage = Stage::open(Options { people: 21, limits: Limits::Off, dialects, ..Options::default() });
    let config = stage.files().config.clone();
    let secrets = &stage.files().secrets;
    fs::write(secrets.join("scim-id"), GAINSIGHT_SCIM_CLIENT).unwrap();
    fs::write(secrets.join("scim-secret"), GAINSIGHT_SCIM_SECRET).unwrap();
    let scim = "app = \"gainsight\"\nscim = { provider = \"Okta\", secrets = { client_id = { file = \"secrets/scim-id\" }, \
                client_secret = { file = \"secrets/scim-secret\" } } }";
    stage.edit(&config, "app = \"gainsight\"", scim).unwrap();
    let policy = stage.files().policy.clone();
    stage.edit(&policy, "gainsight = { role = \"Standard User\" }", "gainsight = { license_type = \"Full\" }").unwrap();
    let plain = fs::read_to_string(&config).unwrap();
    let keyed = move |stage: &Stage, key: &str, before: Option<&str>| {
        let place = |name: &str, key: &str| {
            fs::write(stage.files().secrets.join(name), key).unwrap();
            format!("{name} = {{ file = \"secrets/{name}\" }}\n")
        };
        let keys = place("key", key) + &before.map(|before| place("key_before", before)).unwrap_or_default();
        fs::write(&stage.files().config, plain.replacen("[store]\n", &format!("[store]\n{keys}"), 1)).unwrap();
    };
    (stage, keyed)
}

fn new_key(stage: &Stage) -> String {
    let made = stage.plainly(&["key", "new"]);
    expect(&made, 0);
    made.out.trim().to_owned()
}

fn pulled(stage: &Stage) -> Ended {
    let ended = stage.run(&["pull", "gainsight", "--full"]);
    expect(&ended, 0);
    ended
}

fn tokens(stage: &Stage) -> u64 {
    stage.sandbox().statistics().of(Vendor::Gainsight).tokens
}

#[test]
fn processes_share_one_access_token_which_only_the_key_opens() {
    let (stage, keyed) = sealing();
    pulled(&stage);
    pulled(&stage);
    let alone = tokens(&stage);
    assert!(alone >= 2, "without a key, each process fetches its own: {alone}");
    let (old, new) = (new_key(&stage), new_key(&stage));
    assert!(old.len() == 64 && old != new);
    keyed(&stage, &old, None);
    for _ in 0..3 {
        pulled(&stage);
    }
    assert_eq!(tokens(&stage), alone + 1, "one fetches, the others find it");
    expect_not_kept(&stage, "sandbox-access-token-");
    // One that the app does not take any more is fetched anew, and shared again.
    stage.sandbox().revoke_tokens();
    pulled(&stage);
    pulled(&stage);
    assert_eq!(tokens(&stage), alone + 2);
    // The key is changed without a pause.
    keyed(&stage, &new, Some(&old));
    pulled(&stage);
    assert_eq!(tokens(&stage), alone + 2, "the key before opens what it sealed");
    let rotated = stage.run(&["key", "rotate", "--as", "mia@acme.example"]);
    expect(&rotated, 0);
    assert_eq!(rotated.json().unwrap()["sealed"], 1, "{rotated}");
    keyed(&stage, &new, None);
    pulled(&stage);
    assert_eq!(tokens(&stage), alone + 2);
    let exported = stage.plainly(&["audit", "export"]).out;
    assert!(exported.contains("key_rotated") && !exported.contains(&old) && !exported.contains(&new));
    expect_not_kept(&stage, &old);
    expect_not_kept(&stage, &new);
}

#[test]
fn a_key_that_was_lost_is_told_and_harms_no_pull() {
    let (stage, keyed) = sealing();
    keyed(&stage, &new_key(&stage), None);
    pulled(&stage);
    keyed(&stage, &new_key(&stage), None);
    let refused = stage.run(&["key", "rotate"]);
    expect(&refused, 1);
    assert!(refused.says("key_before") && refused.says("--drop-lost"), "{refused}");
    let dropped = stage.run(&["key", "rotate", "--drop-lost"]);
    expect(&dropped, 0);
    assert_eq!(dropped.json().unwrap()["dropped"], 1, "{dropped}");
    pulled(&stage);
    keyed(&stage, "not a key", None);
    let refused = stage.run(&["key", "list"]);
    expect(&refused, 1);
    assert!(refused.says("64 hex digits") && !refused.says("not a key\""), "{refused}");
}
