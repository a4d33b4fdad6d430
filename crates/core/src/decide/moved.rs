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
        let (Decided::Join { identity, attributes, .. } | Decided::Move { identity, attributes, .. }) = &decision.what
        else {
            continue;
        };
        if is_past(decision, facts.now_ms)
            && let Some(at) = graph.find(identity)
        {
            words.entry(at).or_default().push((decision, attributes));
        }
    }
    words.retain(|_, said| said.iter().any(|(decision, _)| is_move(decision)));
    words
        .into_iter()
        .map(|(at, mut said)| {
            said.sort_by_key(|(decision, _)| decision.seq);
            (at, versions(graph, graph.identity_at(at), &said))
        })
        .collect()
}

fn versions(graph: &Graph<'_>, identity: &Identity, said: &[(&Decision, &Fields)]) -> Vec<Fields> {
    let moves = said.iter().filter(|(decision, _)| is_move(decision));
    let mut before: Fields = moves
        .flat_map(|(_, attributes)| attributes.iter())
        .map(|(name, _)| (name.clone(), in_records(graph, identity, name.as_str()).unwrap_or(Value::Null)))
        .collect();
    let mut versions = Vec::new();
    for (decision, attributes) in said {
        if is_move(decision) {
            versions.push(before.clone());
        }
        for (name, value) in
            attributes.iter().filter(|(name, _)| before.get(name.as_str()).is_some()).collect::<Vec<_>>()
        {
            before.set(name.clone(), value.clone());
        }
    }
    versions
}

/// Returns what the sources say, the first that says anything.
fn in_records(graph: &Graph<'_>, identity: &Identity, name: &str) -> Option<Value> {
    let mut told =
        identity.records.iter().filter_map(|key| graph.account_at(graph.find_account(key)?).fields.get(name));
    told.find(|value| !value.is_null()).cloned()
}

fn is_move(decision: &Decision) -> bool {
    matches!(decision.what, Decided::Move { .. })
}

fn is_past(decision: &Decision, now_ms: i64) -> bool {
    match &decision.what {
        Decided::Move { from_ms, .. } => from_ms.unwrap_or(decision.at_ms) <= now_ms,
        _ => true,
    }
}
