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
use crate::policy::{Unwished, WordGrant};
use serde_json::Value;

/// A change of a set: what happened, its rule, the reason in words, and the work by hand where the app cannot be asked.
type SetChange = (Change, ReasonKind, Option<String>, String, Option<Hand>);

/// A single-valued grant that should be another, and the rule that says so.
pub(super) type Single = (Change, String);

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
    ) -> Vec<Single> {
        let mut changes = Vec::new();
        for (word, ability) in &spot.ability.entitlements {
            let Some(wished) = wish.grants.get(word).filter(|wished| !wished.grants.is_empty()) else { continue };
            let is_unread = wished.grants.iter().any(|grant| ability.is_unread(spot.target, &grant.name));
            if ability.cardinality != Cardinality::One || is_unread {
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
            changes.push((change, wished.rule.clone()));
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
            if wished.grants.iter().any(|grant| ability.is_unread(spot.target, &grant.name)) {
                continue;
            }
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
            let sets = Sets::new(&held, add, revoke, ability);
            let report: Vec<_> = report.into_iter().filter(|extra| !sets.replaced.contains(extra)).collect();
            let kept = self.kept(spot, word, wished, &held, &sets.revoke, ability);
            if !sets.add.is_empty() {
                all.grants.push(self.grant_change(spot, word, ability, wish, &sets, &kept));
            }
            if !sets.revoke.is_empty() && sets.last.is_empty() && ability.required {
                self.tell_last(spot, account, word, &sets.revoke);
            } else if !sets.revoke.is_empty() {
                all.revokes.push(self.revoke_change(spot, word, ability, wished, &sets, &kept));
            }
            if !report.is_empty() {
                self.tell_extras(spot, account, word, &report);
            }
        }
        all
    }

    fn grant_change(
        &self,
        spot: &Spot<'a>,
        word: &Name,
        ability: &EntitlementAbility,
        wish: &Wish,
        sets: &Sets,
        kept: &Kept,
    ) -> SetChange {
        let rules = self.makers(spot, word, ability, wish, &sets.add);
        let named = rules.iter().map(|rule| format!("rule \"{rule}\"")).collect::<Vec<_>>().join(" and ");
        let wishes = if rules.len() == 1 { "wishes" } else { "wish" };
        let names = list_of(&sets.add, &sets.scopes);
        let text = format!("{}: {named} {wishes} {word} {}", self.name(spot.at), joined(&names));
        let change = set_change(word, ability, &sets.before, &sets.between, sets.add.clone(), sets.replaced.clone());
        let (change, text, hand) = kept.said(change, text, Effect::Grant);
        (change, self.changed(spot, &rules, false), rules.first().map(|rule| (*rule).to_owned()), text, hand)
    }

    fn revoke_change(
        &self,
        spot: &Spot<'a>,
        word: &Name,
        ability: &EntitlementAbility,
        wished: &WishedWord,
        sets: &Sets,
        kept: &Kept,
    ) -> SetChange {
        let past = self.wishes.past(spot.at, spot.connection);
        let was_wished = |name: &Name| past.is_some_and(|past| past.wished(word, name, ability.exact));
        let refused = sets.revoke.iter().all(|extra| is_refused(wished, &extra.name, ability));
        let mover = !refused && sets.revoke.iter().all(|extra| was_wished(&extra.name));
        let (name, names) = (self.name(spot.at), joined(&list_of(&sets.revoke, &sets.scopes)));
        let (kind, text) = match mover {
            _ if refused => (ReasonKind::Decision, format!("{} wishes that {name} has no {word} {names}", wished.rule)),
            true => (ReasonKind::Mover, format!("{name} moved; no rule wishes {word} {names} any more")),
            false => (ReasonKind::Drift, format!("{name}: no rule wishes {word} {names}")),
        };
        let rule = past.filter(|_| mover).and_then(|past| past.rules.first().cloned());
        let rule = rule.or_else(|| refused.then(|| wished.rule.clone()));
        let change = set_change(word, ability, &sets.between, &sets.last, Vec::new(), sets.revoke.clone());
        let (change, text, hand) = kept.said(change, text, Effect::Revoke);
        (change, kind, rule, text, hand)
    }

    /// Names the rules that made these wishes, the first of each; where it was a client, the client.
    fn makers<'w>(
        &self,
        spot: &Spot<'a>,
        word: &Name,
        ability: &EntitlementAbility,
        wish: &'w Wish,
        grants: &[WishedGrant],
    ) -> Vec<&'w str> {
        let Some(first) = wish.grants.get(word).map(|wished| wished.rule.as_str()) else { return Vec::new() };
        let asks = |rule: &str, grant: &WishedGrant| {
            let mut of_name = self.rules.grants.iter().filter(|known| known.name == rule);
            let asked = of_name.find_map(|rule| rule.to.get(spot.connection)?.words.get(word));
            asked.is_some_and(|asked| asked.grants().iter().any(|asked| is_meant(asked, grant, ability)))
        };
        if !self.rules.grants.iter().any(|rule| rule.name == first) {
            return vec![first];
        }
        let maker = |grant| wish.rules.iter().map(String::as_str).find(|rule| asks(rule, grant)).unwrap_or(first);
        let mut makers: Vec<&str> = grants.iter().map(maker).collect();
        makers.sort_by_key(|maker| wish.rules.iter().position(|rule| rule == maker));
        makers.dedup();
        makers
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
        // A name that the app does not have may be one that is held, misspelt: until it is mended, nothing is taken for want
        // of a rule, and all is said.
        let revokes = (removes || self.unfinished(spot).is_some()) && governed && wished.unknown.is_empty();
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

    /// Says what should be taken away and stays, since the app keeps nobody without any of these.
    fn tell_last(&mut self, spot: &Spot<'a>, account: &Account, word: &Name, last: &[WishedGrant]) {
        let privileged = last.iter().any(|gone| gone.privileged);
        let severity = if privileged { Severity::High } else { Severity::Medium };
        let text = format!(
            "{} holds {word} {} in {}, which no rule wishes, and {} keeps nobody there without {word}: \
             say in the policy which to hold instead, or take the account itself away",
            self.name(spot.at),
            names_of(last).join(", "),
            spot.connection,
            spot.target.abilities.title
        );
        let identity = &self.graph.identity_at(spot.at).id;
        let about = About::new(FindingKind::UnsupportedChange, severity).account(&account.key).identity(identity);
        self.findings.add_with(
            about.topic(word),
            text,
            told([("word", Value::from(word.as_str())), ("names", Value::from(names_of(last)))]),
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

/// A set as it is, as it is once something is added, and as it is at last.
struct Sets {
    add: Vec<WishedGrant>,
    /// What an added grant replaces: the same name within other bounds.
    replaced: Vec<WishedGrant>,
    revoke: Vec<WishedGrant>,
    before: Vec<Name>,
    between: Vec<Name>,
    last: Vec<Name>,
    /// Names that stand there within several bounds, which are shown with them.
    scopes: Vec<Name>,
}

impl Sets {
    fn new(held: &[&Grant], add: Vec<WishedGrant>, revoke: Vec<WishedGrant>, ability: &EntitlementAbility) -> Self {
        let held: Vec<WishedGrant> = held.iter().map(|grant| as_wished(grant, ability)).collect();
        let is_added = |grant: &WishedGrant| add.iter().any(|add| same_name(&add.name, &grant.name, ability.exact));
        let (replaced, kept): (Vec<_>, Vec<_>) = held.iter().cloned().partition(is_added);
        let between: Vec<WishedGrant> = kept.into_iter().chain(add.iter().cloned()).collect();
        let revoke: Vec<WishedGrant> = revoke.into_iter().filter(|gone| !replaced.contains(gone)).collect();
        let last: Vec<WishedGrant> = between.iter().filter(|grant| !revoke.contains(grant)).cloned().collect();
        let all = || held.iter().chain(&add);
        let differs = |one: &WishedGrant| {
            all().any(|other| same_name(&one.name, &other.name, ability.exact) && one.scope != other.scope)
        };
        let scopes: Vec<Name> = all().filter(|one| differs(one)).map(|one| one.name.clone()).collect();
        let list = |grants: &[WishedGrant]| list_of(grants, &scopes);
        let (before, between, last) = (list(&held), list(&between), list(&last));
        let replaced = if ability.scoped { replaced } else { Vec::new() };
        Self { add, replaced, revoke, before, between, last, scopes }
    }
}

/// Lists names, sorted, some of them with the bounds within which they stand.
pub(super) fn list_of(grants: &[WishedGrant], scopes: &[Name]) -> Vec<Name> {
    let shown = |grant: &WishedGrant| match &grant.scope {
        Some(scope) if scopes.contains(&grant.name) => Name::new(&format!("{} ({scope})", grant.name)),
        _ => grant.name.clone(),
    };
    let mut names: Vec<Name> = grants.iter().map(shown).collect();
    names.sort();
    names.dedup();
    names
}

pub(super) fn joined(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

/// Tells whether a policy means this grant by what it names.
fn is_meant(asked: &WordGrant, grant: &WishedGrant, ability: &EntitlementAbility) -> bool {
    let meant = ability.synonyms.iter().find(|(word, _)| same_name(word, &asked.name, ability.exact));
    let name = meant.map_or(&asked.name, |(_, name)| name);
    let scope = asked.scope.as_ref().or(ability.default_scope.as_ref()).filter(|_| ability.scoped);
    same_name(name, &grant.name, ability.exact) && scope == grant.scope.as_ref()
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
