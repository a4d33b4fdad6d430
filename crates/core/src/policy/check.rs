//! What a policy says that fits nothing: connections, kinds, words and values that are not there.
//! It holds the policy against the abilities of the connections and names what was probably meant.
//! It asks no tenant: whether a role of that name exists is seen when a plan is made.

use super::{GrantRule, Policy, Wanted, WordGrant, WordValue};
use crate::abilities::{Abilities, Cardinality, EntitlementAbility, FieldAbility, KindAbility, Standing};
use crate::name::{ConnectionName, Name};
use crate::place::{Misplaced, misplaced_key, nearest};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something in a policy that fits nothing, with its place.
pub type PolicyProblem = Misplaced;

impl Policy {
    /// Lists what the policy says that the connections do not have, in the order of the file.
    pub fn check(&self, abilities: &BTreeMap<ConnectionName, Arc<Abilities>>) -> Vec<PolicyProblem> {
        let mut problems = Vec::new();
        for (at, rule) in self.grants.iter().enumerate() {
            self.check_grant(at, rule, abilities, &mut problems);
        }
        let known: Vec<&str> = abilities.keys().map(ConnectionName::as_str).collect();
        for connection in self.manage.keys() {
            let (message, hint) = match abilities.get(connection).map(|ability| ability.standing) {
                None => {
                    let message =
                        format!("[[manage]] names the connection `{connection}`, which tenure.toml does not have");
                    (message, meant(connection.as_str(), &known))
                }
                Some(Standing::Source(_)) => {
                    let hint = "name connections in which people hold accounts".to_owned();
                    (format!("`{connection}` is a source: nothing is ever taken away there"), Some(hint))
                }
                Some(Standing::Target) => continue,
            };
            let place = self.managed_at(connection.as_str());
            let keys: Vec<&str> = place.iter().map(String::as_str).collect();
            problems.push(self.problem(&keys, message, hint));
        }
        problems
    }

    /// Returns the way to the place at which `[[manage]]` names a connection.
    fn managed_at(&self, connection: &str) -> Vec<String> {
        let file: toml::Table = self.text.parse().unwrap_or_default();
        let all = file.get("manage").and_then(toml::Value::as_array).into_iter().flatten();
        let names = |one: &toml::Value| -> bool {
            let named = one.get("connections").and_then(toml::Value::as_array).into_iter().flatten();
            named.into_iter().any(|name| name.as_str() == Some(connection))
        };
        let at = all.into_iter().position(names).unwrap_or_default().to_string();
        ["manage".to_owned(), at, "connections".to_owned()].into()
    }

    fn problem(&self, keys: &[&str], message: String, hint: Option<String>) -> PolicyProblem {
        misplaced_key(&self.text, &self.path, keys, message, hint)
    }

    fn check_grant(
        &self,
        at: usize,
        rule: &GrantRule,
        abilities: &BTreeMap<ConnectionName, Arc<Abilities>>,
        problems: &mut Vec<PolicyProblem>,
    ) {
        let at = at.to_string();
        for (connection, wanted) in &rule.to {
            let keys = ["grant", &at, "to", connection.as_str()];
            let Some(ability) = abilities.get(connection) else {
                let targets: Vec<&str> = abilities
                    .iter()
                    .filter(|(_, ability)| ability.standing == Standing::Target)
                    .map(|(name, _)| name.as_str())
                    .collect();
                let message = format!(
                    "rule \"{}\" names the connection `{connection}`, which tenure.toml does not have",
                    rule.name
                );
                problems.push(self.problem(&keys, message, meant(connection.as_str(), &targets)));
                continue;
            };
            if matches!(ability.standing, Standing::Source(_)) {
                let message = format!("`{connection}` is a source: it says who is here, nothing is granted there");
                problems.push(self.problem(&keys, message, None));
                continue;
            }
            self.check_wanted(&keys, wanted, ability, problems);
        }
    }

    fn check_wanted(&self, keys: &[&str], wanted: &Wanted, ability: &Abilities, problems: &mut Vec<PolicyProblem>) {
        let kind = wanted.kind.unwrap_or(ability.default_kind);
        let Some(kind_ability) = ability.kinds.get(&kind) else {
            let known: Vec<&str> = ability.kinds.keys().map(|kind| kind.as_str()).collect();
            let keys: Vec<&str> = keys.iter().copied().chain(["as"]).collect();
            let message = format!("{} knows no {kind}", ability.title);
            problems.push(self.problem(&keys, message, Some(format!("it knows {}", known.join(", ")))));
            return;
        };
        for (word, value) in &wanted.words {
            let keys: Vec<&str> = keys.iter().copied().chain([word.as_str()]).collect();
            if let Some((message, hint)) = unfit(word, value, kind_ability, ability) {
                problems.push(self.problem(&keys, message, hint));
            }
        }
    }
}

fn meant(word: &str, known: &[&str]) -> Option<String> {
    match nearest(word, known) {
        Some(nearest) => Some(format!("did you mean `{nearest}`?")),
        None if known.is_empty() => None,
        None => Some(format!("there are: {}", known.join(", "))),
    }
}

fn unfit(word: &Name, value: &WordValue, kind: &KindAbility, ability: &Abilities) -> Option<(String, Option<String>)> {
    if let Some(entitlement) = kind.entitlements.get(word) {
        return unfit_grants(word, value, entitlement);
    }
    if let Some(field) = kind.fields.get(word.as_str()) {
        return unfit_field(word, value, field);
    }
    let known: Vec<&str> = kind
        .entitlements
        .keys()
        .map(Name::as_str)
        .chain(kind.fields.keys().map(|field| field.as_str()))
        .chain(["as"])
        .collect();
    Some((format!("{} has no word `{word}` here", ability.title), meant(word, &known)))
}

fn unfit_grants(word: &Name, value: &WordValue, entitlement: &EntitlementAbility) -> Option<(String, Option<String>)> {
    let grants = value.grants();
    if matches!(value, WordValue::Flag(_) | WordValue::Number(_)) {
        return Some((format!("`{word}` takes names"), None));
    }
    if entitlement.cardinality == Cardinality::One && grants.len() != 1 {
        return Some((format!("`{word}` takes exactly one name, {} are given", grants.len()), None));
    }
    let twice = |at: usize, grant: &WordGrant| {
        grants[..at].iter().any(|other| same(&other.name, &grant.name, entitlement.exact) && other.scope != grant.scope)
    };
    grants.iter().enumerate().find_map(|(at, grant)| {
        if twice(at, grant) {
            return Some((format!("`{word}` names \"{}\" in two scopes", grant.name), None));
        }
        if grant.scope.is_some() && !entitlement.scoped {
            return Some((format!("`{word}` has no scopes"), None));
        }
        if grant.scope.is_none() && entitlement.scoped && entitlement.default_scope.is_none() {
            let hint = format!("write {{ name = \"{}\", scope = \"…\" }}", grant.name);
            return Some((format!("`{word}` needs a scope for \"{}\"", grant.name), Some(hint)));
        }
        let known: Vec<&str> = entitlement.values.iter().chain(entitlement.synonyms.keys()).map(Name::as_str).collect();
        let found = known.is_empty() || known.iter().any(|known| same(known, &grant.name, entitlement.exact));
        (!found).then(|| (format!("`{word}` knows no \"{}\"", grant.name), meant(&grant.name, &known)))
    })
}

fn unfit_field(word: &Name, value: &WordValue, field: &FieldAbility) -> Option<(String, Option<String>)> {
    if matches!(value, WordValue::Grants(_)) {
        return Some((format!("`{word}` takes one value"), None));
    }
    let known: Vec<&str> = field.values.iter().map(Name::as_str).collect();
    match value {
        WordValue::Text(text) if !known.is_empty() && !known.contains(&text.as_str()) => {
            Some((format!("`{word}` cannot be \"{text}\""), meant(text, &known)))
        }
        _ => None,
    }
}

fn same(one: &str, other: &str, exact: bool) -> bool {
    one == other || (!exact && one.to_lowercase() == other.to_lowercase())
}
