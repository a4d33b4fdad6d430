//! The pages that people read, held against the code: links lead somewhere, every kind of finding, every room and every
//! app has its place. Pages come from the checkout, words from the source text.
//! It judges no prose.

use regex::Regex;
use std::path::Path;
use tenure_tests::{Page, list, root};

fn broken_links(page: &Page) -> Vec<String> {
    let link = Regex::new(r"\]\(([^)\s#]+)(#[^)]*)?\)|(?:src|href)=.([^)\s#:]+?)[\x22']").expect("a pattern");
    let folder = Path::new(&page.path).parent().unwrap_or(Path::new("")).to_path_buf();
    let lines = page.text.lines().enumerate();
    lines
        .flat_map(|(at, line)| link.captures_iter(line).map(move |found| (at + 1, found)))
        .filter_map(|(line, found)| found.get(1).or(found.get(3)).map(|target| (line, target.as_str())))
        .filter(|(_, target)| !target.contains("://") && !target.starts_with("mailto:"))
        .filter(|(_, target)| !root().join(&folder).join(target).exists())
        .map(|(line, target)| format!("{}:{line}: leads to {target}, which is not there", page.path))
        .collect()
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let broken: Vec<String> = list(&[".md"]).iter().flat_map(broken_links).collect();
    assert!(broken.is_empty(), "\n  {}\n", broken.join("\n  "));
    assert!(!broken_links(&Page::new("README.md", "[x](docs/nowhere.md)")).is_empty());
}

/// Returns the variants of `pub enum NAME` in `text`, as JSON spells them.
fn variants(text: &str, name: &str) -> Vec<String> {
    let body =
        text.split(&format!("pub enum {name} {{")).nth(1).and_then(|rest| rest.split("\n}").next()).unwrap_or("");
    let variant = Regex::new(r"(?m)^    ([A-Z][A-Za-z]+),").expect("a pattern");
    let apart = Regex::new("([a-z])([A-Z])").expect("a pattern");
    variant.captures_iter(body).map(|found| apart.replace_all(&found[1], "${1}_$2").to_lowercase()).collect()
}

#[test]
fn every_kind_of_finding_is_explained() {
    let kinds = variants(&Page::read("crates/core/src/change.rs").text, "FindingKind");
    assert!(kinds.len() >= 18, "only {} kinds were read from the source", kinds.len());
    let page = Page::read("docs/findings.md").text;
    let missing: Vec<&String> = kinds.iter().filter(|kind| !page.contains(&format!("\n## {kind}\n"))).collect();
    assert!(missing.is_empty(), "docs/findings.md has no heading for {missing:?}");
}

#[test]
fn every_guard_is_explained() {
    let source = Page::read("crates/core/src/guards.rs").text;
    let module = Regex::new(r"(?m)^mod ([a-z_]+);").expect("a pattern");
    let listed = Regex::new(r#"\("([a-z_]+)", [a-z_]+::hold"#).expect("a pattern");
    let named = listed.captures_iter(&source).map(|found| found[1].to_owned());
    // One file may hold two guards, and some guards are asked apart from the list.
    let alone = module
        .captures_iter(&source)
        .map(|found| found[1].to_owned())
        .filter(|name| name != "tests" && !name.starts_with("removals"));
    let guards: std::collections::BTreeSet<String> = named.chain(alone).collect();
    assert!(guards.len() >= 9, "only {} guards were read from the source", guards.len());
    let page = Page::read("docs/guards.md").text;
    let missing: Vec<&String> = guards.iter().filter(|guard| !page.contains(&format!("\n## {guard}\n"))).collect();
    assert!(missing.is_empty(), "docs/guards.md has no heading for {missing:?}");
}

#[test]
fn every_outcome_and_effect_is_explained() {
    let change = Page::read("crates/core/src/change.rs").text;
    let abilities = Page::read("crates/core/src/abilities.rs").text;
    let words =
        [variants(&change, "Outcome"), variants(&change, "FieldOutcome"), variants(&abilities, "Effect")].concat();
    assert!(words.len() >= 20, "only {} words were read from the source", words.len());
    let page = Page::read("docs/commands.md").text;
    let missing: Vec<&String> = words.iter().filter(|word| !page.contains(&format!("`{word}`"))).collect();
    assert!(missing.is_empty(), "docs/commands.md does not explain {missing:?}");
}

#[test]
fn every_room_is_drawn() {
    let architecture = Page::read("ARCHITECTURE.md").text;
    let rooms: Vec<String> = list(&["Cargo.toml"])
        .into_iter()
        .filter(|page| page.path.starts_with("crates/"))
        .map(|page| page.path.replace("/Cargo.toml", ""))
        .collect();
    assert!(rooms.len() >= 7, "only {} rooms found", rooms.len());
    let missing: Vec<&String> = rooms.iter().filter(|room| !architecture.contains(&format!("`{room}`"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name {missing:?}");
}

#[test]
fn every_app_has_a_page_for_its_operator() {
    let manifests: Vec<Page> =
        list(&["manifest.toml"]).into_iter().filter(|page| page.path.starts_with("apps/")).collect();
    let readme = Page::read("README.md").text;
    for manifest in manifests {
        let page = manifest.path.replace("manifest.toml", "README.md");
        assert!(root().join(&page).exists(), "{page} is not there");
        assert!(readme.contains(&page), "README.md does not lead to {page}");
    }
}
