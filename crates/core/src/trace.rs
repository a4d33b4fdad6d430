//! Trace, the pure half: which cells of a person's records a step hangs on, and what a rule of the policy wishes there.
//! Steps, policy and earlier versions of records come in; `engine` fetches them, and shows the story in its order.
//! It does not judge anew: what was decided stands in the step.

use crate::account::{Account, AccountKey};
use crate::change::{ReasonKind, Step};
use crate::digest::derived;
use crate::identity::Identity;
use crate::name::Name;
use crate::policy::{Policy, WordValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What says whether somebody works here.
const STAY: [&str; 3] = ["status", "start_date", "end_date"];

/// Returns the id under which telling systems file everything of a run: 32 hexadecimal digits, the same in every process
/// that takes part in it.
pub fn trace_id(run: &str) -> String {
    derived("", 32, &["trace", run])
}

/// One cell of a record, as it was when a step was planned.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The record.
    pub record: AccountKey,
    /// The attribute.
    pub field: String,
    /// What stood there.
    pub value: Value,
    /// What had stood there before, where an earlier version of the record tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// Since when it was seen so (milliseconds since 1970, UTC).
    #[serde(skip)]
    pub since_ms: i64,
}

/// What a rule wishes, as the policy says it now.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RuleTold {
    /// Its name.
    pub name: String,
    /// Whom it fits; nothing where the policy has no such rule any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What it wishes in the step's connection, by the policy's words.
    pub wishes: BTreeMap<Name, Value>,
}

/// Returns the rule that a step names.
pub fn rule(step: &Step, policy: &Policy) -> Option<RuleTold> {
    let name = step.reason.rule.clone()?;
    let Some(rule) = policy.grants.iter().find(|rule| rule.name == name) else {
        return Some(RuleTold { name, when: None, wishes: BTreeMap::new() });
    };
    let words = rule.to.get(&step.connection).map(|wanted| &wanted.words);
    let wishes = words.into_iter().flatten().map(|(word, value)| (word.clone(), shown(value))).collect();
    Some(RuleTold { name, when: Some(rule.when.text().to_owned()), wishes })
}

fn shown(value: &WordValue) -> Value {
    let named = || value.grants().into_iter().map(|grant| Value::from(grant.name.as_str())).collect();
    value.field().unwrap_or_else(|| Value::Array(named()))
}

/// Lists the attributes of a person on which a step hangs: those that its rule asks for, those that say whether the
/// person works here, and those that its fields follow.
pub fn attributes(step: &Step, policy: &Policy) -> Vec<String> {
    let rule = policy.grants.iter().find(|rule| step.reason.rule.as_deref() == Some(rule.name.as_str()));
    let asked = rule.into_iter().flat_map(|rule| rule.when.reads()).filter_map(|path| match path {
        [root, attribute, ..] if root == "identity" && attribute != "state" => Some(attribute.clone()),
        _ => None,
    });
    let mut attributes: Vec<String> = asked.collect();
    let of_state =
        rule.into_iter().flat_map(|rule| rule.when.reads()).any(|path| path.get(1).is_some_and(|p| p == "state"));
    if of_state || matches!(step.reason.kind, ReasonKind::Joiner | ReasonKind::Leaver | ReasonKind::Rehire) {
        attributes.extend(STAY.map(str::to_owned));
    }
    let plain = step.changes.iter().filter(|change| change.entitlement.is_none());
    attributes.extend(plain.map(|change| match change.field.as_str() {
        "email" | "login" => "work_email".to_owned(),
        "manager" => "manager_id".to_owned(),
        other => other.to_owned(),
    }));
    let mut seen = std::collections::BTreeSet::new();
    attributes.retain(|attribute| seen.insert(attribute.clone()));
    attributes
}

/// Finds the cell that told an attribute: of the first record in the order of authority that had it filled. `versions`
/// gives each version of a record with the moment of its beginning, oldest first, none of them later than the plan.
pub fn cell(
    identity: &Identity,
    attribute: &str,
    versions: &BTreeMap<AccountKey, Vec<(i64, Account)>>,
) -> Option<Cell> {
    identity.records.iter().find_map(|record| {
        let versions = versions.get(record)?;
        let (_, last) = versions.last()?;
        let value = last.told(attribute).filter(|value| !value.is_null())?;
        let mut cell = Cell { record: record.clone(), field: attribute.to_owned(), value, before: None, since_ms: 0 };
        for (since_ms, version) in versions.iter().rev() {
            let told = version.told(attribute).unwrap_or(Value::Null);
            if told != cell.value {
                cell.before = Some(told);
                break;
            }
            cell.since_ms = *since_ms;
        }
        Some(cell)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Kind;
    use crate::identity::IdentityState;
    use serde_json::json;

    fn person() -> Identity {
        let record = |connection: &str| AccountKey::new(&connection.into(), Kind::Person, "E1");
        Identity {
            id: "i-1".into(),
            attributes: Default::default(),
            emails: Vec::new(),
            state: IdentityState::Active,
            start_date: None,
            end_date: None,
            manager: None,
            records: vec![record("hr"), record("idp")],
        }
    }

    fn version(connection: &str, department: Value) -> Account {
        let mut account = Account::unknown(AccountKey::new(&connection.into(), Kind::Person, "E1"));
        account.fields.set("department".into(), department);
        account
    }

    fn history(hr: &[(i64, Value)]) -> BTreeMap<AccountKey, Vec<(i64, Account)>> {
        let of = |connection: &str, all: &[(i64, Value)]| {
            all.iter().map(|(ms, value)| (*ms, version(connection, value.clone()))).collect::<Vec<_>>()
        };
        let records = person().records;
        [(records[0].clone(), of("hr", hr)), (records[1].clone(), of("idp", &[(3, json!("IT"))]))].into()
    }

    #[test]
    fn a_cell_says_since_when_it_is_so_and_what_was_there_before() {
        let versions = history(&[(1, json!("Support")), (5, json!("Success")), (9, json!("Success"))]);
        let cell = cell(&person(), "department", &versions).unwrap();
        assert_eq!((cell.since_ms, cell.value, cell.before), (5, json!("Success"), Some(json!("Support"))));
        assert_eq!(cell.record.connection.as_str(), "hr");
    }

    #[test]
    fn what_the_first_source_leaves_empty_the_next_one_tells() {
        let versions = history(&[(1, Value::Null)]);
        assert_eq!(cell(&person(), "department", &versions).unwrap().value, json!("IT"));
        assert_eq!(cell(&person(), "title", &versions), None);
    }
}
