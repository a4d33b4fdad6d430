//! What comes in from outside: licences, forbidden crates and origins of every dependency, by the lists of `deny.toml`.
//! It reads `cargo metadata`, which needs no tool beyond cargo, so that a machine without cargo-deny checks the same.
//! It does not know of advisories: their database is a download of its own.

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use tenure_tests::{Page, root};

struct Rules {
    allowed: BTreeSet<String>,
    banned: BTreeSet<String>,
    registries: BTreeSet<String>,
}

fn rules() -> Rules {
    let table: toml::Value = toml::from_str(&Page::read("deny.toml").text).expect("deny.toml is TOML");
    let texts = |value: &toml::Value, key: Option<&str>| -> BTreeSet<String> {
        let text = |entry: &toml::Value| {
            key.map_or(Some(entry), |key| entry.get(key)).and_then(toml::Value::as_str).map(str::to_owned)
        };
        value.as_array().expect("a list").iter().filter_map(text).collect()
    };
    Rules {
        allowed: texts(&table["licenses"]["allow"], None),
        banned: texts(&table["bans"]["deny"], Some("crate")),
        registries: texts(&table["sources"]["allow-registry"], None),
    }
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    // Only what the workspace really builds: the resolve graph, not every optional dependency that exists.
    let built: BTreeSet<&str> =
        metadata["resolve"]["nodes"].as_array().expect("nodes").iter().filter_map(|node| node["id"].as_str()).collect();
    let all = metadata["packages"].as_array().expect("packages");
    all.iter().filter(|package| package["id"].as_str().is_some_and(|id| built.contains(id))).cloned().collect()
}

fn offences(package: &Value, rules: &Rules) -> Vec<String> {
    let label = format!("{} {}", package["name"].as_str().unwrap_or("?"), package["version"].as_str().unwrap_or("?"));
    let mut offences = Vec::new();
    let licence = package["license"].as_str().unwrap_or_default();
    if !permits(licence, &rules.allowed) {
        offences.push(format!("{label}: licence {licence:?} is not allowed by deny.toml; take another crate"));
    }
    if package["name"].as_str().is_some_and(|name| rules.banned.contains(name)) {
        offences.push(format!("{label}: banned by deny.toml; `cargo tree -i {}` says who brings it", package["name"]));
    }
    let source = package["source"].as_str().map(|source| source.trim_start_matches("registry+"));
    if source.is_some_and(|source| !rules.registries.contains(source)) {
        offences.push(format!("{label}: comes from {source:?}, which deny.toml does not list"));
    }
    offences
}

/// Tells whether an SPDX expression can be met with the allowed licences. `OR` binds weaker than `AND`; what is no
/// expression is met by nothing.
fn permits(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    matches!(any(&words, allowed), Some((true, [])))
}

/// Whether a part is met, and the words behind it; `None` where there is no such part.
type Read<'a> = Option<(bool, &'a [&'a str])>;

fn any<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> Read<'a> {
    let (mut met, mut rest) = all(words, allowed)?;
    while let Some((&"OR", after)) = rest.split_first() {
        let (next, behind) = all(after, allowed)?;
        (met, rest) = (met | next, behind);
    }
    Some((met, rest))
}

fn all<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> Read<'a> {
    let (mut met, mut rest) = licence(words, allowed)?;
    while let Some((&"AND", after)) = rest.split_first() {
        let (next, behind) = licence(after, allowed)?;
        (met, rest) = (met & next, behind);
    }
    Some((met, rest))
}

fn licence<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> Read<'a> {
    match words {
        ["(", rest @ ..] => match any(rest, allowed)? {
            (met, [")", behind @ ..]) => Some((met, behind)),
            _ => None,
        },
        [name, "WITH", exception, rest @ ..] => Some((allowed.contains(&format!("{name} WITH {exception}")), rest)),
        [name, rest @ ..] => Some((allowed.contains(*name), rest)),
        [] => None,
    }
}

#[test]
fn every_dependency_is_permissive_from_the_registry_and_not_banned() {
    let (rules, packages) = (rules(), packages());
    assert!(packages.len() > 100, "only {} packages: the metadata is not the workspace's", packages.len());
    let offences: Vec<String> = packages.iter().flat_map(|package| offences(package, &rules)).collect();
    assert!(offences.is_empty(), "\n  {}\n", offences.join("\n  "));
}

#[test]
fn a_crate_that_is_banned_or_from_elsewhere_or_copyleft_is_named() {
    let rules = rules();
    let bad = |text: &str| offences(&serde_json::from_str(text).unwrap(), &rules);
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    assert!(bad(&format!(r#"{{"name":"x","version":"1","license":"MIT","source":"{registry}"}}"#)).is_empty());
    assert!(
        bad(&format!(r#"{{"name":"openssl-sys","version":"1","license":"MIT","source":"{registry}"}}"#))[0]
            .contains("banned")
    );
    assert!(
        bad(&format!(r#"{{"name":"x","version":"1","license":"GPL-3.0-only","source":"{registry}"}}"#))[0]
            .contains("licence")
    );
    assert!(
        bad(r#"{"name":"x","version":"1","license":"MIT","source":"git+https://example.com/x"}"#)[0]
            .contains("comes from")
    );
}

#[test]
fn a_licence_expression_is_read_as_it_is_meant() {
    let allowed: BTreeSet<String> = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for good in [
        "MIT",
        "GPL-2.0 OR MIT",
        "MIT AND ISC",
        "(GPL-2.0 OR MIT) AND ISC",
        "GPL-2.0/MIT",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(permits(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-2.0", "MIT AND GPL-2.0", "MIT OR", "(MIT", "Apache-2.0", "GPL-2.0 OR MIT AND Zlib"] {
        assert!(!permits(bad, &allowed), "{bad}");
    }
}
