//! By what records find each other: sign-in names and addresses, external ids, employee ids, all in lower case.
//! Taken from each account as it is written, so that the store has them as indexed columns; the cluster walk asks by them.
//! Whether two records with one key belong together is not decided here: that is `correlate`.

use tenure_core::account::{Account, Fields, Kind};
use tenure_core::facts::{Decided, Decision};

/// Longer texts join nothing, and would not fit an index.
const KEY_LEN_MAX: usize = 320;
/// A record with more addresses than this joins by the first ones only.
const ALIASES_MAX: usize = 64;
/// Fields that hold addresses, alone or as a list.
const ADDRESS_FIELDS: [&str; 5] = ["work_email", "other_emails", "email", "emails", "username"];

/// The keys of one account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JoinKeys {
    /// What it signs in with; for a source record the work address.
    pub login: Option<String>,
    /// What an outside system left on it.
    pub external: Option<String>,
    /// The number that the employer gave.
    pub employee: Option<String>,
    /// Further addresses, sorted, without the login.
    pub aliases: Vec<String>,
}

impl JoinKeys {
    /// Returns the keys of `account`.
    pub fn of(account: &Account) -> Self {
        let mut addresses = Vec::new();
        let told = |field: &&str| account.fields.iter().any(|(name, _)| name.as_str() == *field);
        for field in ADDRESS_FIELDS.into_iter().filter(told) {
            match account.fields.get(field) {
                Some(serde_json::Value::String(text)) => addresses.extend(text.split([';', ',']).filter_map(join_key)),
                Some(serde_json::Value::Array(all)) => {
                    addresses.extend(all.iter().filter_map(|one| one.as_str()).filter_map(join_key));
                }
                _ => {}
            }
            if addresses.len() > ALIASES_MAX {
                addresses.truncate(ALIASES_MAX);
                break;
            }
        }
        let login = account.login.as_deref().and_then(join_key).or_else(|| addresses.first().cloned());
        addresses.sort_unstable();
        addresses.dedup();
        addresses.retain(|address| Some(address) != login.as_ref());
        Self {
            login,
            external: account.external_id.as_deref().and_then(join_key),
            employee: account.fields.get("employee_id").and_then(plain).as_deref().and_then(join_key),
            aliases: addresses,
        }
    }

    /// Lists all of them.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let single = [&self.login, &self.external, &self.employee];
        single.into_iter().flatten().chain(&self.aliases).map(String::as_str)
    }
}

/// Returns the text by which a source record names its manager.
pub(crate) fn manager_of(account: &Account) -> Option<String> {
    if account.key.kind != Kind::Person {
        return None;
    }
    manager_in(&account.fields)
}

/// Returns the text by which a decision names somebody's manager, if it names one.
pub(crate) fn decided_manager(decision: &Decision) -> Option<String> {
    match &decision.what {
        Decided::Join { attributes, .. } | Decided::Move { attributes, .. } => manager_in(attributes),
        _ => None,
    }
}

/// Returns the text by which some fields name a manager.
pub(crate) fn manager_in(fields: &Fields) -> Option<String> {
    fields.get("manager_id").and_then(plain)
}

fn plain(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns `text` as a key: trimmed, in lower case; nothing if it is empty or no key at all.
pub(crate) fn join_key(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > KEY_LEN_MAX || text.contains('\0') {
        return None;
    }
    Some(text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tenure_core::account::AccountKey;

    #[test]
    fn a_person_is_found_by_every_address_and_the_employee_id() {
        let mut account = Account::unknown(AccountKey::new(&"hr".into(), Kind::Person, "7"));
        account.fields.set("work_email".into(), json!("Jane@Acme.com"));
        account.fields.set("other_emails".into(), json!(["J.Doe@acme.com", " jane@acme.com "]));
        account.fields.set("employee_id".into(), json!(1042));
        let keys = JoinKeys::of(&account);
        assert_eq!(keys.login.as_deref(), Some("jane@acme.com"));
        assert_eq!(keys.employee.as_deref(), Some("1042"));
        assert_eq!(keys.aliases, ["j.doe@acme.com"]);
    }

    #[test]
    fn a_text_too_long_or_with_a_nul_joins_nothing() {
        assert_eq!(join_key(&"x".repeat(KEY_LEN_MAX + 1)), None);
        assert_eq!(join_key("a\0b"), None);
        assert_eq!(join_key("  "), None);
    }
}
