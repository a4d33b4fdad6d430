//! Access, effective: what an account's roles, groups and scopes let its person see and do, in the app's own terms.
//! Rules come from the app's manifest through its abilities, facts from the account; lists and `who` show the lines.
//! It knows no app, guesses nothing from a name, and never reads silence of the app as "none".

use crate::abilities::KindAbility;
use crate::account::{Account, AccountState, Grant};
use crate::look::same;
use crate::name::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

const UNTOLD: &str = "(not told)";

/// One sentence of a manifest, and when it is true.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AccessRule {
    /// Field or word → values, one of which it must have; a word must be held under one of these names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<(Name, Vec<Value>)>,
    /// Said once for each grant under this word, as `{name}`; of several such rules the first that fits a grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Name>,
    /// Only of grants within this scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Name>,
    /// The sentence; `{word}` is the field's value or the names that are held.
    pub says: String,
    /// Whether it is privileged, besides the privileged grants that it names.
    #[serde(default)]
    pub privileged: bool,
}

/// One line of what somebody can see or do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// The sentence.
    pub says: String,
    /// Whether the manifest calls it privileged.
    pub privileged: bool,
}

/// Tells what an account lets its person see and do; nothing where it lets nobody in.
pub fn access(account: &Account, ability: &KindAbility) -> Vec<Access> {
    if !account.state.gives_access() {
        return Vec::new();
    }
    let mut told: BTreeSet<&Grant> = BTreeSet::new();
    let mut lines = Vec::new();
    for rule in ability.access.iter().filter(|rule| fits(rule, account, ability)) {
        let Some(word) = &rule.each else {
            lines.push(line(rule, account, ability, None));
            continue;
        };
        for grant in held(account, ability, word).filter(|grant| within(grant, rule)) {
            if told.insert(grant) {
                lines.push(line(rule, account, ability, Some(grant)));
            }
        }
    }
    if account.state == AccountState::Invited && !lines.is_empty() {
        let says = "nothing until the invitation is accepted; then:".to_owned();
        lines.insert(0, Access { says, privileged: false });
    }
    lines
}

fn within(grant: &Grant, rule: &AccessRule) -> bool {
    rule.scope.as_deref().is_none_or(|scope| grant.scope.as_deref() == Some(scope))
}

/// Lists what is held under a word; what waits for approval is not held yet.
fn held<'a>(account: &'a Account, ability: &'a KindAbility, word: &str) -> impl Iterator<Item = &'a Grant> {
    let kind = ability.entitlements.get(word).map(|entitlement| &entitlement.kind);
    account.grants.iter().filter(move |grant| Some(&grant.kind) == kind && !grant.pending)
}

fn fits(rule: &AccessRule, account: &Account, ability: &KindAbility) -> bool {
    rule.when.iter().all(|(word, wanted)| match ability.entitlements.get(word.as_str()) {
        Some(_) => held(account, ability, word).any(|grant| wanted.iter().any(|name| is_named(grant, name))),
        None => account.told(word).is_some_and(|value| wanted.iter().any(|wanted| same(&value, wanted, true))),
    })
}

fn is_named(grant: &Grant, name: &Value) -> bool {
    name.as_str().is_some_and(|name| grant.name.eq_ignore_ascii_case(name))
}

fn line(rule: &AccessRule, account: &Account, ability: &KindAbility, grant: Option<&Grant>) -> Access {
    let mut says = String::new();
    let mut privileged = rule.privileged || grant.is_some_and(|grant| grant.privileged);
    let mut rest = rule.says.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let Some((word, after)) = after.split_once('}') else { break };
        says.push_str(before);
        match (word, grant) {
            ("name", Some(grant)) => says.push_str(&grant.name),
            ("scope", Some(grant)) => says.push_str(grant.scope.as_deref().unwrap_or(UNTOLD)),
            _ => {
                privileged |= held(account, ability, word).any(|grant| grant.privileged);
                says.push_str(&value_of(word, account, ability));
            }
        }
        rest = after;
    }
    says.push_str(rest);
    Access { says, privileged }
}

fn value_of(word: &str, account: &Account, ability: &KindAbility) -> String {
    let Some(entitlement) = ability.entitlements.get(word) else {
        return match account.told(word) {
            None => UNTOLD.into(),
            Some(Value::Null) => "none".into(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
    };
    if !account.grants_known.contains(&entitlement.kind) {
        return UNTOLD.into();
    }
    let names: Vec<&str> = held(account, ability, word).map(|grant| &*grant.name).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Kind;
    use crate::facts::Facts;
    use crate::world::{agent, company, grant, name};
    use serde_json::json;

    fn rule(when: &[(&str, Value)], each: Option<&str>, scope: Option<&str>, says: &str) -> AccessRule {
        AccessRule {
            when: when.iter().map(|(word, value)| (Name::new(word), vec![value.clone()])).collect(),
            each: each.map(Name::new),
            scope: scope.map(Name::new),
            says: says.into(),
            privileged: false,
        }
    }

    fn desk(facts: &Facts, rules: Vec<AccessRule>) -> KindAbility {
        let ability = facts.connections[&name("desk")].abilities.kinds[&Kind::Agent].clone();
        KindAbility { access: rules, ..ability }
    }

    fn lines(account: &Account, rules: Vec<AccessRule>) -> Vec<String> {
        let told = access(account, &desk(&company(), rules));
        told.into_iter().map(|line| if line.privileged { format!("{}!", line.says) } else { line.says }).collect()
    }

    fn scoped(word: &str, scope: Option<&str>) -> Grant {
        Grant { scope: scope.map(Into::into), ..grant("team", word) }
    }

    #[test]
    fn a_sentence_is_said_where_its_field_says_so() {
        let mut ann = agent("1", "Ann");
        ann.fields.set("ticket_scope".into(), json!("group"));
        let rules = vec![
            rule(&[("ticket_scope", json!("global"))], None, None, "all tickets"),
            rule(&[("ticket_scope", json!("group"))], None, None, "tickets of {teams}"),
        ];
        assert_eq!(lines(&ann, rules.clone()), ["tickets of Tier 1"]);
        ann.fields.remove("ticket_scope");
        assert_eq!(lines(&ann, rules), [""; 0]);
    }

    #[test]
    fn silence_is_not_none() {
        let mut ann = agent("1", "Ann");
        let rules = vec![rule(&[], None, None, "{teams} / {ticket_scope}")];
        ann.grants.retain(|grant| grant.kind.as_str() != "team");
        assert_eq!(lines(&ann, rules.clone()), ["none / (not told)"]);
        ann.grants_known.clear();
        assert_eq!(lines(&ann, rules), ["(not told) / (not told)"]);
    }

    #[test]
    fn the_first_rule_that_fits_a_grant_tells_it() {
        let mut ann = agent("1", "Ann");
        ann.grants = vec![scoped("a", Some("all")), scoped("b", None), Grant { pending: true, ..scoped("c", None) }];
        let rules = vec![
            rule(&[], Some("teams"), Some("all"), "{name}: everything"),
            rule(&[], Some("teams"), None, "{name}: {scope}"),
        ];
        assert_eq!(lines(&ann, rules), ["a: everything", "b: (not told)"]);
    }

    #[test]
    fn what_is_privileged_comes_from_the_manifest() {
        let mut ann = agent("1", "Ann");
        ann.grants = vec![grant("role", "admin")];
        assert_eq!(lines(&ann, vec![rule(&[], None, None, "{role}")]), ["admin!"]);
        ann.grants[0].privileged = false;
        assert_eq!(lines(&ann, vec![rule(&[], None, None, "{role}")]), ["admin"]);
    }

    #[test]
    fn nobody_who_is_out_sees_anything_and_an_invitation_is_not_access_yet() {
        let mut ann = agent("1", "Ann");
        let rules = vec![rule(&[("role", json!("agent"))], None, None, "works")];
        ann.state = AccountState::Suspended;
        assert_eq!(lines(&ann, rules.clone()), [""; 0]);
        ann.state = AccountState::Invited;
        assert_eq!(lines(&ann, rules), ["nothing until the invitation is accepted; then:", "works"]);
    }
}
