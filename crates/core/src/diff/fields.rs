//! Fields: what an account should say about its person, from the sources and from the policy.
//! What the app did not tell is never changed; what is empty is filled along with something else.

use super::{Diffing, Spot};
use crate::abilities::FieldAbility;
use crate::account::{Account, Fields};
use crate::change::{Change, FindingKind, Severity};
use crate::correlate::{IdentityAt, attribute, text_of};
use crate::decide::{Standing, Wish};
use crate::finding::{About, told};
use crate::look::same;
use crate::name::{FieldName, IdentityId};
use crate::policy::FieldsFollow;
use crate::text::{folded, trimmed};
use serde_json::Value;
use std::borrow::Cow;

/// When an account is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moment {
    /// It stands as it is.
    Standing,
    /// It is being resumed.
    Return,
}

/// What a field should be.
pub(super) struct WishedValue {
    value: Value,
    refers_to: Option<IdentityId>,
    by_policy: bool,
    clears: bool,
}

const FOLLOW_ALWAYS: [&str; 6] = ["login", "email", "work_email", "name", "given_name", "family_name"];
const KEYS: [&str; 1] = ["external_id"];

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    /// Returns what a field should be, as the app tells it; `None` where nobody says, and where the app cannot be given it.
    /// What a client asks for and the app has no word for is left as it is: the refusal answers the client.
    fn wished_value(
        &mut self,
        spot: &Spot<'a>,
        wish: &Wish,
        field: &FieldName,
        ability: &FieldAbility,
    ) -> Option<WishedValue> {
        let wished = self.told_value(spot, wish, field, ability)?;
        match ability.spelt(&wished.value).map(Cow::into_owned) {
            Some(value) => Some(WishedValue { value, ..wished }),
            None if wished.clears => Some(wished),
            None => {
                self.tell_without_word(spot, field, &wished.value);
                None
            }
        }
    }

    /// Returns what the policy or a source says that a field should be; `None` where nobody tells.
    fn told_value(
        &self,
        spot: &Spot<'a>,
        wish: &Wish,
        field: &FieldName,
        ability: &FieldAbility,
    ) -> Option<WishedValue> {
        if let Some(wished) = wish.fields.get(field) {
            let (value, clears) = (wished.value.clone(), wished.clears);
            return Some(WishedValue { value, refers_to: None, by_policy: true, clears });
        }
        let Some(from) = &ability.from else {
            let value = self.unfinished(spot)?.get(field.as_str())?.clone();
            return Some(WishedValue { value, refers_to: None, by_policy: true, clears: false });
        };
        let identity = self.graph.identity_at(spot.at);
        if ability.refers_to_account {
            let manager = wish.manager.as_ref().or(identity.manager.as_ref())?;
            let (value, refers_to) = (self.account_of(spot, manager).unwrap_or(Value::Null), Some(manager.clone()));
            return Some(WishedValue { value, refers_to, by_policy: wish.manager.is_some(), clears: false });
        }
        let value = match attribute(identity, from.as_str())? {
            Value::String(text) => Value::String(text.trim().to_owned()),
            other => other,
        };
        text_of(&value)?;
        Some(WishedValue { value, refers_to: None, by_policy: false, clears: false })
    }

    /// Returns what a conversion that was begun and not seen done would have set.
    pub(super) fn unfinished(&self, spot: &Spot<'a>) -> Option<&'f Fields> {
        let unfinished = &self.graph.facts().unfinished;
        if unfinished.is_empty() {
            return None;
        }
        unfinished.get(&(spot.connection.clone(), self.graph.identity_at(spot.at).id.clone()))
    }

    /// Tells without copying anything that a field needs no change; most fields of most accounts do not.
    fn is_settled(
        &self,
        spot: &Spot<'a>,
        wish: &Wish,
        field: &FieldName,
        ability: &FieldAbility,
        account: &Account,
    ) -> bool {
        let now = match account.fields.get(field.as_str()) {
            Some(value) => text_of(value),
            None => match field.as_str() {
                "login" | "email" => account.login.as_deref().map(|login| Cow::Borrowed(trimmed(login))),
                "name" => account.name.as_deref().map(|name| Cow::Borrowed(trimmed(name))),
                "external_id" => account.external_id.as_deref().map(|id| Cow::Borrowed(trimmed(id))),
                _ => return true,
            },
        };
        if ability.refers_to_account || wish.fields.contains_key(field) {
            return false;
        }
        let Some(from) = &ability.from else {
            return self.unfinished(spot).is_none_or(|fields| fields.get(field.as_str()).is_none());
        };
        let wished = self.graph.identity_at(spot.at).attributes.get(from.as_str()).and_then(text_of);
        match (now, wished) {
            (Some(now), Some(wished)) if ability.fold_case => now == wished || folded(&now) == folded(&wished),
            (Some(now), Some(wished)) => now == wished,
            _ => false,
        }
    }

    /// Says that the app has no word for a value, so that the field is left out, or as it is.
    fn tell_without_word(&mut self, spot: &Spot<'a>, field: &FieldName, wished: &Value) {
        let text = format!(
            "{}: {field} in {} should be {}, and {} has no such value; the field is left alone",
            self.name(spot.at),
            spot.connection,
            shown(wished),
            spot.target.abilities.title
        );
        let identity = &self.graph.identity_at(spot.at).id;
        self.findings.add_with(
            About::new(FindingKind::UnsupportedChange, Severity::Low)
                .connection(spot.connection)
                .identity(identity)
                .topic(field.as_str()),
            text,
            told([("field", Value::from(field.as_str())), ("wished", wished.clone())]),
        );
    }

    /// Returns the native id of the account that an identity holds beside the spot's.
    fn account_of(&self, spot: &Spot<'a>, id: &IdentityId) -> Option<Value> {
        let mut accounts: Vec<&Account> =
            self.graph.accounts_of(id).filter(|account| account.key.connection == *spot.connection).collect();
        accounts.sort_by_key(|account| (!account.state.gives_access(), account.key.kind != spot.kind));
        accounts.first().map(|account| Value::String(account.key.id.as_str().to_owned()))
    }

    fn will_have_account(&self, spot: &Spot<'a>, id: &IdentityId) -> bool {
        self.graph.find(id).is_some_and(|manager: IdentityAt| {
            let by_rules = self.wishes.standing(manager) == Standing::Present
                && self.wishes.bundle(manager).wishes.contains_key(spot.connection);
            match self.wishes.demands(manager).and_then(|demands| demands.get(spot.connection)) {
                Some(demand) => demand.standing.makes(by_rules),
                None => by_rules,
            }
        })
    }

    /// Returns the fields of an account that is to be made, and the required ones that nobody tells.
    pub(super) fn fields_at_create(&mut self, spot: &Spot<'a>, wish: &Wish) -> (Vec<Change>, Vec<String>) {
        let (mut changes, mut missing) = (Vec::new(), Vec::new());
        for (field, ability) in spot.ability.fields.iter().filter(|(_, ability)| ability.at_create || ability.required)
        {
            let wished = self.wished_value(spot, wish, field, ability);
            let wished = wished.filter(|wished| !(wished.clears && wished.value.is_null()));
            let wished = wished.filter(|wished| self.can_refer(spot, wished));
            let wished = wished.or_else(|| fallback(ability));
            match wished {
                Some(wished) => changes.push(change(field, Some(Value::Null), wished)),
                None if ability.required => missing.push(field.as_str().to_owned()),
                None => {}
            }
        }
        (changes, missing)
    }

    /// A manager who has no account and gets none is left out, and said.
    fn can_refer(&mut self, spot: &Spot<'a>, wished: &WishedValue) -> bool {
        let Some(manager) = wished.refers_to.as_ref().filter(|_| wished.value.is_null()) else { return true };
        if self.will_have_account(spot, manager) {
            return true;
        }
        let name = self.graph.identity(manager).map_or("the manager", |identity| identity.label());
        let text = format!(
            "{}: {name} has no account in {} to be named as the manager; left empty",
            self.name(spot.at),
            spot.connection
        );
        let identity = &self.graph.identity_at(spot.at).id;
        self.findings.add(
            About::new(FindingKind::UnsupportedChange, Severity::Low)
                .connection(spot.connection)
                .identity(identity)
                .topic("manager"),
            text,
        );
        false
    }

    /// Returns the fields of an account that becomes another kind.
    pub(super) fn fields_at_convert(&mut self, spot: &Spot<'a>, wish: &Wish, account: &Account) -> Vec<Change> {
        let mut changes = Vec::new();
        for (field, ability) in spot.ability.fields.iter().filter(|(_, ability)| ability.at_create || ability.at_update)
        {
            let wished = self.wished_value(spot, wish, field, ability).or_else(|| fallback(ability));
            let Some(wished) = wished.filter(|wished| !wished.value.is_null()) else { continue };
            let now = current(account, field);
            let differs = now.as_ref().is_none_or(|now| !same(now, &wished.value, ability.fold_case));
            // Who somebody is, is on the record already; only what the new kind adds or what differs is written.
            let known_key = now.is_none() && FOLLOW_ALWAYS.contains(&field.as_str());
            let settled = now.as_ref().is_some_and(|now| !now.is_null())
                && (!ability.at_update || KEYS.contains(&field.as_str()));
            if differs && !known_key && !settled {
                changes.push(change(field, now, wished));
            }
        }
        changes
    }

    /// Returns the fields of a standing account that should change.
    pub(super) fn field_changes(
        &mut self,
        spot: &Spot<'a>,
        wish: &Wish,
        account: &Account,
        moment: Moment,
    ) -> Vec<Change> {
        let follow = self.rules.manage_of(spot.connection).fields;
        let (mut changes, mut fills) = (Vec::new(), Vec::new());
        for (field, ability) in &spot.ability.fields {
            if self.is_settled(spot, wish, field, ability, account) {
                continue;
            }
            let Some(now) = current(account, field) else { continue };
            let Some(wished) = self.wished_value(spot, wish, field, ability) else { continue };
            if same(&now, &wished.value, ability.fold_case) || (wished.value.is_null() && !wished.clears) {
                continue;
            }
            let is_empty = text_of(&now).is_none();
            if KEYS.contains(&field.as_str()) {
                // A key that the app does not show once it was written is asked for again a day later.
                let by_itself = follow == FieldsFollow::Fill && !self.was_ignored(account, field);
                if is_empty && ability.at_update {
                    if by_itself { &mut changes } else { &mut fills }.push(change(field, Some(now), wished));
                }
                continue;
            }
            if follow == FieldsFollow::Off && !wished.by_policy && !FOLLOW_ALWAYS.contains(&field.as_str()) {
                continue;
            }
            if !ability.at_update {
                if !is_empty {
                    self.tell_fixed(spot, account, field, ability, &now, &wished.value);
                }
                continue;
            }
            let at_once = wished.by_policy || follow == FieldsFollow::Fill || moment == Moment::Return;
            let because = ability.ignored_because.as_deref();
            let because = because.or((is_empty && !at_once).then_some("set it there by hand"));
            if let Some(because) = because.filter(|_| self.was_ignored(account, field)) {
                self.tell_ignored(spot, account, field, because);
                continue;
            }
            // What an app left empty when it was asked is asked for again by itself, or nobody would.
            let at_once = at_once || self.facts.left.get(&account.key).is_some_and(|fields| fields.contains(field));
            match is_empty && !at_once {
                true => fills.push(change(field, Some(now), wished)),
                false => changes.push(change(field, Some(now), wished)),
            }
        }
        if !changes.is_empty() || moment == Moment::Return {
            changes.extend(fills);
        }
        changes
    }

    /// Tells whether the app left the field as it was not long ago: to ask every hour would fail every hour.
    fn was_ignored(&self, account: &Account, field: &FieldName) -> bool {
        self.facts.ignored.get(&account.key).is_some_and(|fields| fields.contains(field))
    }

    fn tell_ignored(&mut self, spot: &Spot<'a>, account: &Account, field: &FieldName, because: &str) {
        let text = format!(
            "{}: {} answered that {field} was changed, and did not change it; {because}; it is asked again a day later",
            self.name(spot.at),
            spot.connection
        );
        let identity = &self.graph.identity_at(spot.at).id;
        let about = About::new(FindingKind::IgnoredWrite, Severity::Medium).account(&account.key).identity(identity);
        let facts = told([("fields", Value::from(vec![field.as_str()]))]);
        self.findings.add_with(about.topic(field.as_str()), text, facts);
    }

    fn tell_fixed(
        &mut self,
        spot: &Spot<'a>,
        account: &Account,
        field: &FieldName,
        ability: &FieldAbility,
        now: &Value,
        wished: &Value,
    ) {
        let because = ability.cannot.as_deref().unwrap_or("the app does not let it be changed");
        let text = format!(
            "{}: {field} in {} is {}, it should be {}: {because}",
            self.name(spot.at),
            spot.connection,
            shown(now),
            shown(wished)
        );
        let identity = &self.graph.identity_at(spot.at).id;
        self.findings.add_with(
            About::new(FindingKind::UnsupportedChange, Severity::Medium)
                .account(&account.key)
                .identity(identity)
                .topic(field.as_str()),
            text,
            told([("field", Value::from(field.as_str())), ("now", now.clone()), ("wished", wished.clone())]),
        );
    }
}

/// Returns what an account says of a field; a missing outside key is known to be empty.
fn current(account: &Account, field: &FieldName) -> Option<Value> {
    account.told(field.as_str()).or_else(|| KEYS.contains(&field.as_str()).then_some(Value::Null))
}

fn change(field: &FieldName, before: Option<Value>, wished: WishedValue) -> Change {
    Change { field: field.clone(), before, after: wished.value, entitlement: None, refers_to: wished.refers_to }
}

fn fallback(ability: &FieldAbility) -> Option<WishedValue> {
    let value = ability.fallback.clone()?;
    Some(WishedValue { value, refers_to: None, by_policy: false, clears: false })
}

fn shown(value: &Value) -> String {
    text_of(value).map_or_else(|| "empty".into(), |text| format!("\"{text}\""))
}
