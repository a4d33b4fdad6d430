//! Bundles of wishes: what everybody who fits the same rules should hold, connection by connection.
//! Rules and abilities come in; names are looked up in the tenants' reference lists here, once per bundle.
//! Where rules contradict each other, the first in the file wins and a dispute says so.

use super::tally::{Contradiction, Tallies};
use crate::abilities::{Abilities, Cardinality, EntitlementAbility, KindAbility, Standing};
use crate::account::Kind;
use crate::change::{FindingKind, Severity, WishedGrant};
use crate::facts::{ConnectionFacts, Facts};
use crate::identity::Identity;
use crate::name::{ConnectionName, FieldName, IdentityId, Name};
use crate::place::nearest;
use crate::policy::{GrantRule, Rules, WordGrant, WordValue};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// What everybody who fits the same rules should hold.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The rules, by their place in the policy.
    pub rules: Vec<u16>,
    /// The wishes, by connection.
    pub wishes: BTreeMap<ConnectionName, Wish>,
}

/// What is wished in one connection.
#[derive(Clone, Debug)]
pub struct Wish {
    /// As which kind.
    pub kind: Kind,
    /// The names of the rules that made it, in the order of the file.
    pub rules: Vec<String>,
    /// The policy's word → what should be granted under it.
    pub grants: BTreeMap<Name, WishedWord>,
    /// Fields that the policy sets.
    pub fields: BTreeMap<FieldName, WishedField>,
    /// Whom a client names as the manager, in the place of whom the sources tell.
    pub manager: Option<IdentityId>,
}

/// What should be granted under one word.
#[derive(Clone, Debug, Default)]
pub struct WishedWord {
    /// The rule that named it first.
    pub rule: String,
    /// The grants, by the names of this tenant, sorted.
    pub grants: Vec<WishedGrant>,
    /// Names that this tenant does not have, or has twice: nothing may be made with them.
    pub unknown: Vec<Name>,
    /// Names that a client wishes not to be held.
    pub refused: Vec<Name>,
}

/// A field that the policy sets.
#[derive(Clone, Debug)]
pub struct WishedField {
    /// The rule that named it first.
    pub rule: String,
    /// Its value.
    pub value: Value,
    /// Whether an empty value takes away what is there: a client that says so means it, a rule that comes to nothing does not.
    pub clears: bool,
}

/// Makes bundles, each once.
pub(super) struct Bundles<'a> {
    rules: &'a Rules,
    pub(super) facts: &'a Facts,
    pub(super) bundles: Vec<Bundle>,
    contradictions: Vec<Vec<Contradiction>>,
    places: HashMap<Vec<u16>, u32>,
    tallies: Tallies,
}

impl<'a> Bundles<'a> {
    pub(super) fn new(rules: &'a Rules, facts: &'a Facts) -> Self {
        Self {
            rules,
            facts,
            bundles: Vec::new(),
            contradictions: Vec::new(),
            places: HashMap::new(),
            tallies: Tallies::default(),
        }
    }

    /// Returns the place of the bundle of these rules, and counts one more person who holds it.
    pub(super) fn place_of(&mut self, matched: &[u16], counts: bool, identity: &Identity) -> u32 {
        let place = match self.places.get(matched) {
            Some(place) => *place,
            None => {
                let place = u32::try_from(self.bundles.len()).unwrap_or(u32::MAX);
                let (bundle, contradictions) = self.make(matched);
                self.bundles.push(bundle);
                self.contradictions.push(contradictions);
                self.places.insert(matched.to_vec(), place);
                place
            }
        };
        if counts && !self.contradictions[place as usize].is_empty() {
            let names = [super::label(identity)];
            for contradiction in &self.contradictions[place as usize] {
                self.tallies.contradiction(contradiction.clone(), 1, &names);
            }
        }
        place
    }

    pub(super) fn make(&mut self, matched: &[u16]) -> (Bundle, Vec<Contradiction>) {
        let (rules, facts) = (self.rules, self.facts);
        let mut bundle = Bundle { rules: matched.to_vec(), wishes: BTreeMap::new() };
        let mut contradictions = Vec::new();
        let fitting = || matched.iter().map(|rule| &rules.grants[usize::from(*rule)]);
        let connections: std::collections::BTreeSet<&ConnectionName> =
            fitting().flat_map(|rule| rule.to.keys()).collect();
        for connection in connections {
            let Some(target) = facts.connections.get(connection) else { continue };
            let abilities = &target.abilities;
            if abilities.standing != Standing::Target {
                continue;
            }
            let kinds =
                fitting().filter_map(|rule| Some(rule.to.get(connection)?.kind.unwrap_or(abilities.default_kind)));
            let Some(kind) = kinds.min_by_key(|kind| rank(*kind)) else { continue };
            let Some(ability) = abilities.kinds.get(&kind) else {
                self.problem(
                    connection,
                    "kind",
                    FindingKind::Prerequisite,
                    format!("{} knows no {kind}, so nothing is made there", abilities.title),
                );
                continue;
            };
            let wish =
                Wish { kind, rules: Vec::new(), grants: BTreeMap::new(), fields: BTreeMap::new(), manager: None };
            let mut making = Making { wish, firsts: BTreeMap::new(), contradictions: &mut contradictions, connection };
            let wishing = fitting().filter_map(|rule| Some((rule, rule.to.get(connection)?)));
            // What rules wish of a weaker kind is added where the wished one has it, too.
            let (own, weaker): (Vec<_>, Vec<_>) =
                wishing.partition(|(_, wanted)| wanted.kind.unwrap_or(abilities.default_kind) == kind);
            for (rule, wanted) in own {
                making.wish.rules.push(rule.name.clone());
                for (word, value) in &wanted.words {
                    let mut merge = Merge { making: &mut making, rule, standing: RuleStanding::Own };
                    if !self.merge(&mut merge, target, ability, word, value) {
                        let text = unknown_word(word, abilities, ability);
                        self.problem(connection, word, FindingKind::Prerequisite, text);
                    }
                }
            }
            for (rule, wanted) in weaker {
                for (word, value) in &wanted.words {
                    let mut merge = Merge { making: &mut making, rule, standing: RuleStanding::Weaker };
                    self.merge(&mut merge, target, ability, word, value);
                }
            }
            bundle.wishes.insert(connection.clone(), making.wish);
        }
        (bundle, contradictions)
    }

    /// Adds what a rule wishes under one word. Returns whether the kind has the word.
    fn merge(
        &mut self,
        merge: &mut Merge<'_, '_>,
        target: &ConnectionFacts,
        ability: &KindAbility,
        word: &Name,
        value: &WordValue,
    ) -> bool {
        if let Some(entitlement) = ability.entitlements.get(word) {
            let (grants, unknown) = self.resolved(merge.making.connection, target, word, entitlement, value);
            merge.grants(word, entitlement, grants, unknown);
        } else if let Some(value) = value.field().filter(|_| ability.fields.contains_key(word.as_str())) {
            merge.field(word, value);
        } else {
            return false;
        }
        true
    }

    fn problem(&mut self, connection: &ConnectionName, topic: &str, kind: FindingKind, text: String) {
        self.tallies.problem((connection.clone(), topic.to_owned()), (kind, Severity::Medium, text));
    }

    fn resolved(
        &mut self,
        connection: &ConnectionName,
        target: &ConnectionFacts,
        word: &Name,
        ability: &EntitlementAbility,
        value: &WordValue,
    ) -> (Vec<WishedGrant>, Vec<Name>) {
        let (mut grants, mut unknown) = (Vec::new(), Vec::new());
        for grant in value.grants() {
            match resolve(target, ability, &grant) {
                Ok(grant) => grants.push(grant),
                Err((kind, because)) => {
                    let text = format!("{word} \"{}\": {because}; no step is made for it", grant.name);
                    self.problem(connection, &format!("{word} {}", grant.name), kind, text);
                    unknown.push(grant.name);
                }
            }
        }
        (grants, unknown)
    }

    /// Returns the bundles, and what was wrong with them.
    pub(super) fn finish(self) -> (Vec<Bundle>, Tallies) {
        (self.bundles, self.tallies)
    }
}

/// The wish of one connection while it is made.
struct Making<'m> {
    wish: Wish,
    /// The rules that named each grant of a set first, by word and name.
    firsts: BTreeMap<(Name, Name), String>,
    contradictions: &'m mut Vec<Contradiction>,
    connection: &'m ConnectionName,
}

/// Whether a rule wishes the kind that is made, or a weaker one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RuleStanding {
    Own,
    Weaker,
}

struct Merge<'a, 'm> {
    making: &'a mut Making<'m>,
    rule: &'a GrantRule,
    standing: RuleStanding,
}

impl Merge<'_, '_> {
    fn grants(&mut self, word: &Name, ability: &EntitlementAbility, grants: Vec<WishedGrant>, unknown: Vec<Name>) {
        let rule = &self.rule.name;
        if ability.cardinality == Cardinality::One {
            match self.making.wish.grants.get(word) {
                Some(known) if known.grants != grants || known.unknown != unknown => {
                    let first = known.rule.clone();
                    self.contradict(word.clone(), first);
                }
                Some(_) => {}
                None => {
                    let wished = WishedWord { rule: rule.clone(), grants, unknown, refused: Vec::new() };
                    self.making.wish.grants.insert(word.clone(), wished);
                }
            }
            return;
        }
        let wished = WishedWord { rule: rule.clone(), ..WishedWord::default() };
        let mut known = self.making.wish.grants.remove(word).unwrap_or(wished);
        for grant in grants {
            match known.grants.iter().find(|other| other.name == grant.name) {
                None => {
                    self.making.firsts.insert((word.clone(), grant.name.clone()), rule.clone());
                    known.grants.push(grant);
                }
                // Nobody holds one thing in two bounds.
                Some(other) if other.scope != grant.scope => {
                    let about = (word.clone(), grant.name.clone());
                    let first = self.making.firsts.get(&about).cloned().unwrap_or_else(|| known.rule.clone());
                    self.contradict(Name::from(format!("the scope of {word} \"{}\"", grant.name)), first);
                }
                Some(_) => {}
            }
        }
        known.unknown.extend(unknown);
        self.making.wish.grants.insert(word.clone(), known.sorted());
    }

    fn field(&mut self, word: &Name, value: Value) {
        let field = FieldName(word.clone());
        match self.making.wish.fields.get(&field) {
            None => {
                let wished = WishedField { rule: self.rule.name.clone(), value, clears: false };
                self.making.wish.fields.insert(field, wished);
            }
            Some(known) if known.value != value => {
                let first = known.rule.clone();
                self.contradict(word.clone(), first);
            }
            Some(_) => {}
        }
    }

    /// Notes that the rule says something else than the one that stands first. Where the kinds differ already, the
    /// mightier one was wished, and there is nothing to settle.
    fn contradict(&mut self, word: Name, first: String) {
        if self.standing == RuleStanding::Own {
            let about = (self.making.connection.clone(), word, first, self.rule.name.clone());
            self.making.contradictions.push(about);
        }
    }
}

impl WishedWord {
    pub(super) fn sorted(mut self) -> Self {
        self.grants.sort();
        self.grants.dedup_by(|one, other| one.name == other.name && one.scope == other.scope);
        self.unknown.sort();
        self.unknown.dedup();
        self
    }
}

/// Says which kind wins where rules wish two: the one that can do more.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Agent => 0,
        Kind::User => 1,
        Kind::Requester => 2,
        Kind::Contact => 3,
        Kind::Bot => 4,
        Kind::Person => 5,
    }
}

fn unknown_word(word: &Name, abilities: &Abilities, ability: &KindAbility) -> String {
    let known: Vec<&str> = ability
        .entitlements
        .keys()
        .map(Name::as_str)
        .chain(ability.fields.keys().map(|field| field.as_str()))
        .collect();
    let meant = nearest(word, &known).map_or_else(String::new, |nearest| format!(", `{nearest}` perhaps"));
    format!("{} has no word `{word}` that takes this{meant}; it is left out", abilities.title)
}

impl EntitlementAbility {
    /// Tells whether nobody can say yet what a name means: the connection was never read completely, and the part of its
    /// list that was read lacks the name. Then nothing is known to be wrong with it, and nothing is compared.
    pub(crate) fn is_unread(&self, target: &ConnectionFacts, name: &str) -> bool {
        let mut listed = target.entitlements.iter().filter(|listed| listed.kind == self.kind).peekable();
        let asks = if listed.peek().is_none() { self.numbered && !is_number(name) } else { true };
        target.complete_ms.is_none()
            && self.values.is_empty()
            && asks
            && !listed.any(|listed| same_name(&listed.name, name, self.exact))
    }
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Compares two names of entitlements.
pub(crate) fn same_name(one: &str, other: &str, exact: bool) -> bool {
    one == other || (!exact && (one.eq_ignore_ascii_case(other) || one.to_lowercase() == other.to_lowercase()))
}

/// Finds the entitlement that a policy names in the tenant's reference list, or in the app's closed list.
pub(super) fn resolve(
    target: &ConnectionFacts,
    ability: &EntitlementAbility,
    grant: &WordGrant,
) -> Result<WishedGrant, (FindingKind, String)> {
    let meant = ability.synonyms.iter().find(|(word, _)| same_name(word, &grant.name, ability.exact));
    let meant = meant.map(|(_, name)| WordGrant { name: name.clone(), scope: grant.scope.clone() });
    let grant = meant.as_ref().unwrap_or(grant);
    let listed: Vec<(&str, bool)> = target
        .entitlements
        .iter()
        .filter(|entitlement| entitlement.kind == ability.kind)
        .map(|entitlement| (&*entitlement.name, entitlement.privileged))
        .collect();
    let known: Vec<(&str, bool)> = match listed.is_empty() {
        true => ability.values.iter().map(|name| (name.as_str(), false)).collect(),
        false => listed,
    };
    let privileged =
        |name: &str| ability.privileged.iter().any(|privileged| same_name(privileged, name, ability.exact));
    let scope = grant.scope.clone().or_else(|| ability.default_scope.clone()).filter(|_| ability.scoped);
    let as_written =
        || Ok(WishedGrant { name: grant.name.clone(), scope: scope.clone(), privileged: privileged(&grant.name) });
    if ability.is_unread(target, &grant.name) {
        return as_written();
    }
    if known.is_empty() && ability.numbered && !is_number(&grant.name) {
        let because =
            format!("{} tells no list of these, and has numbers for ids: write the number", target.abilities.title);
        return Err((FindingKind::UnsupportedChange, because));
    }
    if known.is_empty() {
        return as_written();
    }
    let exactly: Vec<&(&str, bool)> = known.iter().filter(|(name, _)| *name == &*grant.name).collect();
    let found = match exactly.is_empty() {
        true => known.iter().filter(|(name, _)| same_name(name, &grant.name, ability.exact)).collect(),
        false => exactly,
    };
    match found[..] {
        [(name, listed)] => Ok(WishedGrant { name: Name::new(name), scope, privileged: *listed || privileged(name) }),
        [] => {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            // Entries that share a name are listed with their ids behind it.
            let shares = |name: &&&str| {
                let plain = name.strip_suffix(')').and_then(|name| name.rsplit_once(" ("));
                plain.is_some_and(|(plain, _)| same_name(plain, &grant.name, ability.exact))
            };
            let shared: Vec<String> = names.iter().filter(shares).map(|name| format!("\"{name}\"")).collect();
            if shared.len() > 1 {
                let because = format!("there are several of that name: write one of {}", shared.join(", "));
                return Err((FindingKind::Dispute, because));
            }
            let meant =
                nearest(&grant.name, &names).map_or_else(String::new, |nearest| format!(", \"{nearest}\" perhaps"));
            Err((FindingKind::UnsupportedChange, format!("there is none of that name{meant}")))
        }
        _ => Err((FindingKind::Dispute, format!("there are {} of that name", found.len()))),
    }
}
