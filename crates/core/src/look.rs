//! What a look at an account says about a step: is it already true, still to be done, or has the world moved?
//! `engine` looks before and after each effect and asks here what it saw; the same answers serve probe, read-back and
//! the settling of an unknown outcome. It does not look itself and does not choose what to do.

use crate::abilities::{Effect, KindAbility};
use crate::account::{Account, AccountState, Grant};
use crate::change::{Change, FieldOutcome, Step, WishedGrant};
use crate::name::FieldName;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a look says about a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sight {
    /// Everything asked is so already.
    AlreadyTrue,
    /// Something is still to be done.
    Open,
    /// The world is neither as it was when the step was planned nor as it should become.
    Moved(String),
}

/// Judges `step` by what was found where its account should be; `None` means a clear absence.
pub fn sight(step: &Step, found: Option<&Account>, ability: &KindAbility) -> Sight {
    let Some(account) = found else { return sight_of_nothing(step) };
    match step.meant() {
        Effect::Suspend if !account.state.gives_access() => Sight::AlreadyTrue,
        // Who is only switched off still has a record, and a deletion is about the record.
        Effect::Delete if account.state == AccountState::Removed => Sight::AlreadyTrue,
        Effect::Delete if step.effect == Effect::Delete && account.state.gives_access() => {
            Sight::Moved(format!("the account is {} again, and only who is switched off is deleted", account.state))
        }
        Effect::Suspend | Effect::Delete | Effect::EndSessions | Effect::Manual => Sight::Open,
        Effect::Create | Effect::Resume | Effect::Convert => {
            let stands = account.kind_is(step) && account.state.gives_access();
            if stands && all_hold(step, account, ability) { Sight::AlreadyTrue } else { Sight::Open }
        }
        Effect::Update | Effect::Grant | Effect::Revoke => {
            if all_hold(step, account, ability) {
                return Sight::AlreadyTrue;
            }
            match step.changes.iter().find_map(|change| moved(change, account, ability)) {
                Some(because) => Sight::Moved(because),
                None => Sight::Open,
            }
        }
    }
}

/// Tells what became of each asked field, by an account that was read back after the effect.
pub fn field_outcomes(step: &Step, read_back: &Account, ability: &KindAbility) -> BTreeMap<FieldName, FieldOutcome> {
    step.changes
        .iter()
        .map(|change| {
            let outcome = match holds(change, read_back, ability) {
                Some(true) if waits(change, read_back, ability) => FieldOutcome::Pending,
                Some(true) => FieldOutcome::Applied,
                Some(false) => FieldOutcome::Ignored,
                None => FieldOutcome::Unknown,
            };
            (change.field.clone(), outcome)
        })
        .collect()
}

/// Tells whether the effect itself, apart from its fields, is so: somebody suspended is out, somebody resumed is in.
pub fn effect_holds(step: &Step, read_back: Option<&Account>) -> bool {
    match (step.meant(), read_back) {
        (Effect::Suspend, account) => account.is_none_or(|account| !account.state.gives_access()),
        (Effect::Delete, account) => account.is_none_or(|account| account.state == AccountState::Removed),
        (Effect::Create | Effect::Resume | Effect::Convert, Some(account)) => {
            account.kind_is(step) && account.state.gives_access()
        }
        (Effect::Create | Effect::Resume | Effect::Convert, None) => false,
        (_, account) => account.is_some(),
    }
}

/// Tells whether something that a change adds is asked for, and waits for somebody's approval in the app.
pub fn waits(change: &Change, account: &Account, ability: &KindAbility) -> bool {
    let Some(entitlement) = &change.entitlement else { return false };
    let exact = ability.entitlements.values().any(|known| known.kind == entitlement.kind && known.exact);
    let waiting = |wished: &WishedGrant| {
        account.grants_of(&entitlement.kind).any(|grant| grant.pending && grants(grant, wished, exact))
    };
    entitlement.add.iter().any(waiting)
}

/// Tells whether a change is so; `None` where the account does not tell. What waits for somebody's approval counts as
/// so: asking again would change nothing.
pub fn holds(change: &Change, account: &Account, ability: &KindAbility) -> Option<bool> {
    if let Some(entitlement) = &change.entitlement {
        if !account.grants_known.contains(&entitlement.kind) {
            return None;
        }
        let exact = ability.entitlements.values().any(|known| known.kind == entitlement.kind && known.exact);
        let has = |wished: &WishedGrant| account.grants_of(&entitlement.kind).any(|grant| grants(grant, wished, exact));
        return Some(entitlement.add.iter().all(has) && !entitlement.remove.iter().any(has));
    }
    let fold_case = ability.fields.get(&change.field).is_some_and(|field| field.fold_case);
    account.told(change.field.as_str()).map(|value| same(&value, &change.after, fold_case))
}

/// Tells whether two values are the same to a person: texts trimmed, numbers by what they say, empty equals null.
pub fn same(left: &Value, right: &Value, fold_case: bool) -> bool {
    match (plain(left), plain(right)) {
        (Some(left), Some(right)) if fold_case => left.to_lowercase() == right.to_lowercase(),
        (Some(left), Some(right)) => left == right,
        (None, None) => true,
        _ => false,
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.trim().to_owned()),
        other => Some(other.to_string()),
    }
}

fn sight_of_nothing(step: &Step) -> Sight {
    match step.meant() {
        Effect::Create => Sight::Open,
        Effect::Suspend | Effect::Delete | Effect::Revoke | Effect::EndSessions => Sight::AlreadyTrue,
        Effect::Manual => Sight::Open,
        Effect::Update | Effect::Grant | Effect::Resume | Effect::Convert => {
            Sight::Moved("the account is not there any more".into())
        }
    }
}

/// Tells whether all that is asked is so. Work by hand is believed in what its app does not tell, as long as something
/// else shows that it was done.
fn all_hold(step: &Step, account: &Account, ability: &KindAbility) -> bool {
    let told: Vec<Option<bool>> = step.changes.iter().map(|change| holds(change, account, ability)).collect();
    if step.effect != Effect::Manual {
        return told.iter().all(|is| *is == Some(true));
    }
    let shows = !matches!(step.meant(), Effect::Update) || told.contains(&Some(true));
    shows && !told.contains(&Some(false))
}

/// Returns why a change cannot be carried out as it was planned: its field is neither as before nor as wished. Sets
/// are merged with what is there, so that they never block each other.
fn moved(change: &Change, account: &Account, ability: &KindAbility) -> Option<String> {
    if holds(change, account, ability) == Some(true) {
        return None;
    }
    let before = change.before.as_ref()?;
    if let Some(entitlement) = &change.entitlement {
        let single = ability
            .entitlements
            .values()
            .any(|known| known.kind == entitlement.kind && known.cardinality == crate::abilities::Cardinality::One);
        if !single || !account.grants_known.contains(&entitlement.kind) {
            return None;
        }
        let now: Vec<&str> = account.grants_of(&entitlement.kind).map(|grant| &*grant.name).collect();
        let as_before = match before {
            Value::String(name) => now.len() == 1 && now[0].eq_ignore_ascii_case(name),
            Value::Null => now.is_empty(),
            _ => true,
        };
        return (!as_before)
            .then(|| format!("{} is {} now, it was {before} when the plan was made", change.field, now.join(", ")));
    }
    let fold_case = ability.fields.get(&change.field).is_some_and(|field| field.fold_case);
    let now = account.told(change.field.as_str())?;
    (!same(&now, before, fold_case))
        .then(|| format!("{} is {now} now, it was {before} when the plan was made", change.field))
}

fn grants(grant: &Grant, wished: &WishedGrant, exact: bool) -> bool {
    let named = if exact { *grant.name == *wished.name } else { grant.name.eq_ignore_ascii_case(&wished.name) };
    named && wished.scope.as_ref().is_none_or(|scope| grant.scope.as_deref().is_none_or(|held| held == &**scope))
}
