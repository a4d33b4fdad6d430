//! What people were before somebody moved them by a word: an earlier version of a person, as an earlier version of their
//! record is one. Only what the words changed is told; everything else is as now.

use crate::account::Fields;
use crate::correlate::{Graph, IdentityAt};
use crate::facts::{Decided, Decision, Facts};
use crate::identity::Identity;
use serde_json::Value;
use std::collections::HashMap;

/// Finds what each of those whom somebody moved was before each move that is in effect, oldest first.
pub(super) fn before_moves(graph: &Graph<'_>, facts: &Facts) -> HashMap<IdentityAt, Vec<Fields>> {
    let mut words: HashMap<IdentityAt, Vec<(&Decision, &Fields)>> = HashMap::new();
    for decision in &facts.decisions {
        let (identity, attributes) = match &decision.what {
            Decided::Join { identity, attributes, .. } => (identity, attributes),
            Decided::Move { identity, attributes, .. } if decision.moves_at(facts.now_ms) => (identity, attributes),
            _ => continue,
        };
        if let Some(at) = graph.find(identity) {
            words.entry(at).or_default().push((decision, attributes));
        }
    }
    let versions = words.into_iter().map(|(at, mut said)| {
        said.sort_by_key(|(decision, _)| decision.seq);
        (at, versions(graph, graph.identity_at(at), facts.now_ms, &said))
    });
    versions.filter(|(_, versions)| !versions.is_empty()).collect()
}

/// Goes through what was said of one person, from what the sources say on, and keeps how it was before each move.
fn versions(graph: &Graph<'_>, identity: &Identity, now_ms: i64, said: &[(&Decision, &Fields)]) -> Vec<Fields> {
    let moves = said.iter().filter(|(decision, _)| decision.moves_at(now_ms));
    let changed = moves.flat_map(|(_, attributes)| attributes.iter()).map(|(name, _)| name);
    let mut before: Fields = changed
        .map(|name| (name.clone(), in_records(graph, identity, name.as_str()).cloned().unwrap_or(Value::Null)))
        .collect();
    let mut versions = Vec::new();
    for (decision, attributes) in said {
        if decision.moves_at(now_ms) {
            versions.push(before.clone());
        }
        for (name, value) in attributes.iter() {
            if before.get(name.as_str()).is_some() {
                before.set(name.clone(), value.clone());
            }
        }
    }
    versions
}

/// Returns what the sources say, the first that says anything.
fn in_records<'f>(graph: &Graph<'f>, identity: &Identity, name: &str) -> Option<&'f Value> {
    let told = identity.records.iter().filter_map(|key| graph.account_at(graph.find_account(key)?).fields.get(name));
    told.into_iter().find(|value| !value.is_null())
}
