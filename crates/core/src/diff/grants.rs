//! Grants: what an account should be allowed, word by word.
//! One of a kind is replaced, sets are added to and taken from. Extras are taken away only where the policy manages
//! them or a past version of the person was wished to hold them; otherwise they are said.

use super::fields::Moment;
use super::{Diffing, Spot};
use crate::abilities::{Cardinality, Effect, EntitlementAbility};
use crate::account::{Account, Grant};
use crate::byhand::Hand;
use crate::change::{Change, EntitlementChange, FindingKind, ReasonKind, Severity, WishedGrant};
use crate::decide::{Wish, WishedWord, same_name};
use crate::finding::{About, told};
use crate::name::{FieldName, Name};
use crate::policy::Unwished;
use serde_json::Value;

/// A change of a set: what happened, its rule, the reason in words, and the work by hand where the app cannot be asked.
type SetChange = (Change, ReasonKind, Option<String>, String, Option<Hand>);

/// What should be added to sets and taken from them.
#[derive(Default)]
pub(super) struct Extras {
    pub(super) grants: Vec<SetChange>,
    pub(super) revokes: Vec<SetChange>,
}

impl<'a, 'f: 'a> Diffing<'a, 'f> {
    /// Returns the grants of an account that is made or converted, and the required words that no rule fills.
    pub(super) fn grants_at_create(
        &self,
        spot: &Spot<'a>,
        wish: &Wish,
        account: Option<&Account>,
        missing: &mut Vec<String>,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for (word, ability) in &spot.ability.entitlements {
            let wished = wish.grants.get(word).map_or(&[][..], |wished| &wished.grants);
            if wished.is_empty() {
                if ability.required {
                    missing.push(word.as_str().to_owned());
                }
                continue;
            }
            let before = match account {
                None => Some(Value::Null),
                Some(account) => before_of(account, ability),
            };
            let entitlement = EntitlementChange {
                kind: ability.kind.clone(),
                add: wished.to_vec(),
                remove: Vec::new(),
                keep: Vec::new(),
            };
            changes.push(Change {
                field: FieldName(word.clone()),
                before,
                after: value_of(wished, ability.cardinality),
                entitlement: Some(entitlement),
                refers_to: None,
            });
        }
        changes
    }

    /// Returns the single-valued grants that should be others, each with its rule.
    pub(super) fn single_grant_changes(
        &self,
        spot: &Spot<'a>,
        wish: &Wish,
        account: &Account,
        moment: Moment,
    ) -> Vec<(Change, Option<String>)> {
        let mut changes = Vec::new();
        for (word, ability) in &spot.ability.entitlements {
            let Some(wished) = wish.grants.get(word).filter(|wished| !wished.grants.is_empty()) else { continue };
            if ability.cardinality != Cardinality::One {
                continue;
            }
            let held: Vec<&Grant> = account.grants_of(&ability.kind).collect();
            let told = account.grants_known.contains(&ability.kind) || !held.is_empty();
            if !told && moment == Moment::Standing {
                continue;
            }
            let add = &wished.grants[0];
            if held.iter().any(|grant| is(grant, add, ability)) {
                continue;
            }
            let remove = held.iter().map(|grant| as_wished(grant, ability)).collect();
            let before = told.then(|| held.first().map_or(Value::Null, |grant| Value::String(grant.name.to_string())));
            let entitlement =
                EntitlementChange { kind: ability.kind.clone(), add: vec![add.clone()], remove, keep: Vec::new() };
            let change = Change {
                field: FieldName(word.clone()),
                before,
                after: Value::String(add.name.as_str().to_owned()),
                entitlement: Some(entitlement),
                refers_to: None,
            };
            changes.push((change, Some(wished.rule.clone())));
        }
        changes
    }

    /// Returns what should be added to and taken from the sets of a standing account.
    pub(super) fn set_changes(&mut self, spot: &Spot<'a>, wish: &Wish, account: &Account) -> Extras {
        let mut all = Extras::default();
        let none = WishedWord::default();
        for (word, ability) in &spot.ability.entitlements {
            if ability.cardinality != Cardinality::Many || !account.grants_known.contains(&ability.kind) {
                continue;
            }
            let wished = wish.grants.get(word).unwrap_or(&none);
            self.tell_waiting(spot, account, word, wished, ability);
            if is_settled(account, wished, ability) {
                continue;
            }
            let held: Vec<&Grant> = account.grants_of(&ability.kind).collect();
            let add: Vec<WishedGrant> = wished
                .grants
                .iter()
                .filter(|wish| !held.iter().any(|grant| is(grant, wish, ability)))
                .cloned()
                .collect();
            let (revoke, report) = self.extras(spot, word, wished, &held, ability);
            let names = |grants: &[WishedGrant]| names_of(grants).join(", ");
            let union = union_of(&held, &add, ability);
            let kept = self.kept(spot, word, wished, &held, &revoke, ability);
            if !add.is_empty() {
                let text = format!("{}: rule \"{}\" wishes {word} {}", self.name(spot.at), wished.rule, names(&add));
                let change = set_change(word, ability, &union_of(&held, &[], ability), &union, add, Vec::new());
                let (change, text, hand) = kept.said(change, text, Effect::Grant);
                all.grants.push((change, self.changed(spot, true), Some(wished.rule.clone()), text, hand));
            }
            if !revoke.is_empty() {
                let past = self.wishes.past(spot.at, spot.connection);
                let refused = revoke.iter().all(|extra| is_refused(wished, &extra.name, ability));
                let mover = !refused
                    && revoke
                        .iter()
                        .all(|extra| past.is_some_and(|past| past.wished(word, &extra.name, ability.exact)));
                let (kind, text) = match mover {
                    _ if refused => (
                        ReasonKind::Decision,
                        format!("{} wishes that {} has no {word} {}", wished.rule, self.name(spot.at), names(&revoke)),
                    ),
                    true => (
                        ReasonKind::Mover,
                        format!("{} moved; no rule wishes {word} {} any more", self.name(spot.at), names(&revoke)),
                    ),
                    false => {
                        (ReasonKind::Drift, format!("{}: no rule wishes {word} {}", self.name(spot.at), names(&revoke)))
                    }
                };
                let after: Vec<Name> =
                    union.iter().filter(|name| !revoke.iter().any(|gone| gone.name == **name)).cloned().collect();
                let rule = past.filter(|_| mover).and_then(|past| past.rules.first().cloned());
                let rule = rule.or_else(|| refused.then(|| wished.rule.clone()));
                let change = set_change(word, ability, &union, &after, Vec::new(), revoke);
                let (change, text, hand) = kept.said(change, text, Effect::Revoke);
                all.revokes.push((change, kind, rule, text, hand));
            }
            if !report.is_empty() {
                self.tell_extras(spot, account, word, &report);
            }
        }
        all
    }

    /// Returns in which scope what is held goes back where the app does not tell it: as it is wished or was wished. What is
    /// taken away goes back with the least; of the rest nobody knows.
    fn kept(
        &self,
        spot: &Spot<'a>,
        word: &Name,
        wished: &WishedWord,
        held: &[&Grant],
        revoke: &[WishedGrant],
        ability: &EntitlementAbility,
    ) -> Kept {
        let mut kept = Kept { word: word.clone(), keep: Vec::new(), narrowed: Vec::new(), unknown: Vec::new() };
        let past = self.wishes.past(spot.at, spot.connection);
        for grant in held.iter().filter(|grant| ability.scoped && grant.scope.is_none()) {
            let wish = wished.grants.iter().find(|wish| is(grant, wish, ability));
            let known = wish.and_then(|wish| wish.scope.as_ref());
            let known = known.or_else(|| past?.scope(word, &grant.name, ability));
            let goes = revoke.iter().any(|gone| same_name(&gone.name, &grant.name, ability.exact));
            match (known, ability.least_scope.as_ref().filter(|_| goes)) {
                (Some(scope), _) => {
                    kept.keep.push(WishedGrant { scope: Some(scope.clone()), ..as_wished(grant, ability) })
                }
                (None, Some(scope)) => {
                    kept.narrowed.push((Name::new(&grant.name), scope.clone()));
                    kept.keep.push(WishedGrant { scope: Some(scope.clone()), ..as_wished(grant, ability) });
                }
                (None, None) => kept.unknown.push(Name::new(&grant.name)),
            }
        }
        kept
    }

    /// Returns the grants that only a person gives and the app does not tell, where a move made them others. They cannot be
    /// read back, so that they are said along with other work, and as a finding.
    pub(super) fn untold_changes(&mut self, spot: &Spot<'a>, wish: &Wish, account: &Account) -> Vec<Change> {
        let Some(past) = self.wishes.past(spot.at, spot.connection) else { return Vec::new() };
        let mut changes = Vec::new();
        for (word, ability) in spot.ability.entitlements.iter().filter(|(_, ability)| ability.by_hand) {
            let told =
                account.grants_known.contains(&ability.kind) || account.grants_of(&ability.kind).next().is_some();
            let Some(wished) = wish.grants.get(word).filter(|wished| !told && !wished.grants.is_empty()) else {
                continue;
            };
            let meant = |name: &Name| ability.synonyms.get(name).unwrap_or(name).clone();
            let before: Vec<Name> = past.grants.get(word).into_iter().flatten().map(meant).collect();
            let is_one_of =
                |name: &Name, names: &[Name]| names.iter().any(|known| same_name(known, name, ability.exact));
            let add: Vec<WishedGrant> =
                wished.grants.iter().filter(|wish| !is_one_of(&wish.name, &before)).cloned().collect();
            if add.is_empty() {
                continue;
            }
            let names: Vec<Name> = wished.grants.iter().map(|grant| grant.name.clone()).collect();
            let gone = before.into_iter().filter(|name| !is_one_of(name, &names));
            let remove = gone.map(|name| WishedGrant { name, scope: None, privileged: false }).collect();
            changes.push(Change {
                field: FieldName(word.clone()),
                before: None,
                after: value_of(&wished.grants, ability.cardinality),
                entitlement: Some(EntitlementChange { kind: ability.kind.clone(), add, remove, keep: Vec::new() }),
                refers_to: None,
            });
        }
        changes.iter().for_each(|change| self.tell_untold(spot, account, change));
        changes
    }

    fn tell_untold(&mut self, spot: &Spot<'a>, account: &Account, change: &Change) {
        let names = change.entitlement.as_ref().map(|asked| names_of(&asked.add).join(", ")).unwrap_or_default();
        let text = format!(
            "{} moved and should hold {} {names} in {}: only a person grants it there, and the app does not tell whether it was",
            self.name(spot.at),
            change.field,
            spot.connection
        );
        let identity = &self.graph.identity_at(spot.at).id;
        let about =
            About::new(FindingKind::UnsupportedChange, Severity::Medium).account(&account.key).identity(identity);
        self.findings.add(about.topic(change.field.as_str()), text);
    }

    /// Parts what is held and not wished into what is to be taken away and what is only to be said.
    fn extras(
        &self,
        spot: &Spot<'a>,
        word: &Name,
        wished: &WishedWord,
        held: &[&Grant],
        ability: &EntitlementAbility,
    ) -> (Vec<WishedGrant>, Vec<WishedGrant>) {
        let past = self.wishes.past(spot.at, spot.connection);
        let governed = self.wishes.governs(spot.connection, word);
        // The app chose the grants of somebody whose conversion broke off.
        let removes = self.rules.manage_of(spot.connection).extra_grants == Unwished::Remove;
        let revokes = (removes || self.unfinished(spot).is_some()) && governed;
        let (mut revoke, mut report) = (Vec::new(), Vec::new());
        for grant in held {
            let is_wished = wished.grants.iter().any(|wish| is(grant, wish, ability));
            let is_unclear = wished.unknown.iter().any(|name| same_name(name, &grant.name, ability.exact));
            if is_wished || is_unclear {
                continue;
            }
            let by_move = past.is_some_and(|past| past.wished(word, &grant.name, ability.exact));
            let by_client = is_refused(wished, &grant.name, ability);
            match (revokes || by_move || by_client, governed) {
                (true, _) => revoke.push(as_wished(grant, ability)),
                (false, true) => report.push(as_wished(grant, ability)),
                (false, false) => {}
            }
        }
        (revoke, report)
    }

    /// Says which wished grants are asked for already and wait for somebody's approval in the app.
    fn tell_waiting(
        &mut self,
        spot: &Spot<'a>,
        account: &Account,
        word: &Name,
        wished: &WishedWord,
        ability: &EntitlementAbility,
    ) {
        let waits = |grant: &&Grant| grant.pending && wished.grants.iter().any(|wish| is(grant, wish, ability));
        let names: Vec<String> =
            account.grants_of(&ability.kind).filter(waits).map(|grant| grant.name.to_string()).collect();
        if names.is_empty() {
            return;
        }
        let text = format!(
            "{}: {word} {} in {} waits for somebody's approval there",
            self.name(spot.at),
            names.join(", "),
            spot.connection
        );
        let identity = &self.graph.identity_at(spot.at).id;
        self.findings.add_with(
            About::new(FindingKind::OpenWork, Severity::Low).account(&account.key).identity(identity).topic(word),
            text,
            told([("word", Value::from(word.as_str())), ("names", Value::from(names))]),
        );
    }

    fn tell_extras(&mut self, spot: &Spot<'a>, account: &Account, word: &Name, extras: &[WishedGrant]) {
        let privileged = extras.iter().any(|extra| extra.privileged);
        let severity = if privileged { Severity::High } else { Severity::Low };
        let names = names_of(extras);
        let text = format!(
            "{} holds {word} {} in {}, which no rule wishes",
            self.name(spot.at),
            names.join(", "),
            spot.connection
        );
        let identity = &self.graph.identity_at(spot.at).id;
        self.findings.add_with(
            About::new(FindingKind::ExtraGrant, severity).account(&account.key).identity(identity).topic(word),
            text,
            told([
                ("word", Value::from(word.as_str())),
                ("names", Value::from(names)),
                ("privileged", Value::Bool(privileged)),
            ]),
        );
    }
}

/// What goes back with a set that is written whole, where the app does not tell in which scope it is held.
struct Kept {
    word: Name,
    keep: Vec<WishedGrant>,
    /// What goes back with less than it may have, since it is taken away.
    narrowed: Vec<(Name, Name)>,
    /// What would go back with a scope that nobody knows.
    unknown: Vec<Name>,
}

impl Kept {
    /// Adds to a change what stays, and to its reason what has to be said; where nobody knows, a person does it.
    fn said(&self, mut change: Change, mut text: String, effect: Effect) -> (Change, String, Option<Hand>) {
        let removed: Vec<Name> =
            change.entitlement.iter().flat_map(|asked| &asked.remove).map(|gone| gone.name.clone()).collect();
        if let Some(asked) = &mut change.entitlement {
            asked.keep = self.keep.iter().filter(|kept| !removed.contains(&kept.name)).cloned().collect();
        }
        for (name, scope) in self.narrowed.iter().filter(|(name, _)| !removed.contains(name)) {
            text.push_str(&format!(
                "; {name}, whose scope the app does not tell, goes back as {scope} and is taken away next"
            ));
        }
        if self.unknown.is_empty() {
            return (change, text, None);
        }
        let because = format!(
            "{effect} by hand: the app takes {} only whole, and does not tell in which scope {} is held",
            self.word,
            self.unknown.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
        );
        (change, text, Some(Hand { does: effect, because }))
    }
}

/// Tells whether exactly what is wished is held; so it is with most accounts.
fn is_settled(account: &Account, wished: &WishedWord, ability: &EntitlementAbility) -> bool {
    let held = || account.grants_of(&ability.kind);
    wished.grants.iter().all(|wish| held().any(|grant| is(grant, wish, ability)))
        && held().all(|grant| wished.grants.iter().any(|wish| is(grant, wish, ability)))
}

fn is_refused(wished: &WishedWord, name: &str, ability: &EntitlementAbility) -> bool {
    wished.refused.iter().any(|refused| same_name(refused, name, ability.exact))
}

pub(super) fn is(grant: &Grant, wish: &WishedGrant, ability: &EntitlementAbility) -> bool {
    let scope = ability.scoped.then_some(wish.scope.as_deref()).flatten();
    same_name(&grant.name, &wish.name, ability.exact)
        && scope.is_none_or(|scope| grant.scope.as_deref().is_none_or(|held| held == scope))
}

pub(super) fn as_wished(grant: &Grant, ability: &EntitlementAbility) -> WishedGrant {
    let listed = ability.privileged.iter().any(|name| same_name(name, &grant.name, ability.exact));
    WishedGrant {
        name: Name::new(&grant.name),
        scope: grant.scope.as_deref().map(Name::new),
        privileged: grant.privileged || listed,
    }
}

fn names_of(grants: &[WishedGrant]) -> Vec<String> {
    grants.iter().map(|grant| grant.name.as_str().to_owned()).collect()
}

fn value_of(grants: &[WishedGrant], cardinality: Cardinality) -> Value {
    match cardinality {
        Cardinality::One => grants.first().map_or(Value::Null, |grant| Value::String(grant.name.as_str().to_owned())),
        Cardinality::Many => Value::from(names_of(grants)),
    }
}

fn before_of(account: &Account, ability: &EntitlementAbility) -> Option<Value> {
    if !account.grants_known.contains(&ability.kind) {
        return None;
    }
    let held: Vec<WishedGrant> = account.grants_of(&ability.kind).map(|grant| as_wished(grant, ability)).collect();
    Some(value_of(&held, ability.cardinality))
}

pub(super) fn union_of(held: &[&Grant], add: &[WishedGrant], ability: &EntitlementAbility) -> Vec<Name> {
    let mut names: Vec<Name> = held
        .iter()
        .filter(|grant| !add.iter().any(|add| same_name(&add.name, &grant.name, ability.exact)))
        .map(|grant| Name::new(&grant.name))
        .chain(add.iter().map(|grant| grant.name.clone()))
        .collect();
    names.sort();
    names.dedup();
    names
}

pub(super) fn set_change(
    word: &Name,
    ability: &EntitlementAbility,
    before: &[Name],
    after: &[Name],
    add: Vec<WishedGrant>,
    remove: Vec<WishedGrant>,
) -> Change {
    let list = |names: &[Name]| Value::from(names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    Change {
        field: FieldName(word.clone()),
        before: Some(list(before)),
        after: list(after),
        entitlement: Some(EntitlementChange { kind: ability.kind.clone(), add, remove, keep: Vec::new() }),
        refers_to: None,
    }
}
