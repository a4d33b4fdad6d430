//! `docs/behaviours.md`, written from the lists and the markers: a table for each vendor with id, line, dialects, proofs.
//! Its text depends on nothing but them, so that a test can hold the page against it.
//! It judges nothing: what is not proven is said to be so.

use crate::listed::{Behaviour, Listed};
use crate::marked::Proof;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HEAD: &str = "# Behaviours of the five vendors\n
What Tenure does because a vendor behaves as it does: one line each, the dialects in which it applies (`guide`: as the vendor's
guide has it; `live`: as the vendor's own record has it today), and the tests that prove it. This page is written by
`TENURE_ACCEPT=1 cargo test -p tenure-tests --test behaviours` from `tests/behaviours/*.toml` and from the `proves` markers in the
tests; a test fails while the page says something else, while a behaviour lacks a proof, or while a marker names none that is listed.\n";

/// Writes the page.
pub fn write(listed: &[Listed], proofs: &[Proof]) -> String {
    let all: Vec<&Behaviour> = listed.iter().flat_map(|vendor| &vendor.behaviours).collect();
    let (open, reasons) =
        (all.iter().filter(|one| one.open).count(), all.iter().filter(|one| one.reason.is_some()).count());
    let mut page = format!("{HEAD}\n{} behaviours: {} proven", all.len(), all.len() - open - reasons);
    let _ = writeln!(page, ", {open} not proven yet, {reasons} not provable or wrong, with the reason.");
    for vendor in listed {
        let _ = write!(page, "\n## {}\n\n| id | behaviour | in | proof |\n|---|---|---|---|\n", vendor.app);
        for behaviour in &vendor.behaviours {
            page.push_str(&row(behaviour, proofs));
        }
    }
    page
}

fn row(behaviour: &Behaviour, proofs: &[Proof]) -> String {
    let but = behaviour.but.as_ref().map(|but| format!(" *{but}*")).unwrap_or_default();
    let mut proven: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for proof in proofs.iter().filter(|proof| proof.id == behaviour.id && proof.problem.is_none()) {
        let dialects = proven.entry(&proof.place).or_default();
        if !dialects.contains(&&*proof.dialect) {
            dialects.push(&proof.dialect);
            dialects.sort_unstable();
        }
    }
    let mut cells: Vec<String> =
        proven.iter().map(|(place, dialects)| format!("`{place}` ({})", dialects.join(", "))).collect();
    cells.extend(behaviour.reason.iter().cloned());
    cells.extend(behaviour.open.then(|| "not proven yet".into()));
    let applies = behaviour.applies.join(", ");
    format!("| {} | {}{but} | {applies} | {} |\n", behaviour.id, behaviour.line, cells.join("<br>"))
}
