//! Decide: what everybody should hold, by which rule. The policy is judged against each identity of the graph, and
//! against what the identity was before, so that both sides of a move are known.
//! People who fit the same rules share one bundle of wishes. What they hold now is not looked at.

mod bundle;
mod client;
mod judge;
mod moved;
mod past;
mod tally;

pub(crate) use bundle::same_name;
pub use bundle::{Bundle, Wish, WishedField, WishedWord};
pub use client::{ClientDemand, ClientStanding};
pub use past::PastWish;
pub use tally::Tallies;

use crate::account::Account;
use crate::change::FindingKind;
use crate::correlate::{Graph, IdentityAt, Zones};
use crate::facts::Facts;
use crate::identity::{Identity, IdentityState};
use crate::name::{ConnectionName, Name};
use crate::policy::{Delay, GrantRule, Rules};
use bundle::Bundles;
use judge::Judge;
use moved::before_moves;
use past::Pasts;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Something that a rule names and its connection does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// Where.
    pub connection: ConnectionName,
    /// The name of the rule.
    pub rule: String,
    /// As what a finding tells it: a prerequisite where the word is left out, else something that nothing is made with.
    pub kind: FindingKind,
    /// What, in a sentence.
    pub text: String,
}

/// Lists what rules name that their connections do not have, whether it fits anybody today or not. Of a connection whose
/// reference lists were never read only what its app tells of itself is known.
pub fn slips(rules: &Rules, facts: &Facts) -> Vec<Slip> {
    let of_rule = |(at, rule): (u16, &GrantRule)| {
        let mut bundles = Bundles::new(rules, facts);
        bundles.make(&[at]);
        let slip = |(connection, kind, text)| Slip { connection, rule: rule.name.clone(), kind, text };
        bundles.finish().1.into_problems().map(slip).collect::<Vec<_>>()
    };
    (0..).zip(&rules.grants).flat_map(of_rule).collect()
}

/// What is wished of a person's accounts as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// They should be as the bundle says.
    Present,
    /// They should be suspended.
    Suspended,
    /// They should be suspended, and then deleted.
    Absent,
    /// They are left as they are: the person is not here yet, has just gone, or nothing is known.
    Untouched,
}

/// What everybody should hold.
#[derive(Debug)]
pub struct Wishes {
    bundles: Vec<Bundle>,
    pasts: Vec<BTreeMap<ConnectionName, PastWish>>,
    of: Vec<Wished>,
    gained: HashMap<IdentityAt, BTreeSet<u16>>,
    governed: BTreeMap<ConnectionName, BTreeSet<Name>>,
    demands: HashMap<IdentityAt, BTreeMap<ConnectionName, ClientDemand>>,
    tallies: Tallies,
}

#[derive(Clone, Copy, Debug)]
struct Wished {
    standing: Standing,
    bundle: u32,
    past: Option<u32>,
}

impl Wishes {
    /// Returns what is wished of the identity's accounts as a whole.
    pub fn standing(&self, at: IdentityAt) -> Standing {
        self.of[at.index()].standing
    }

    /// Returns the wishes of the rules that the identity fits, whether or not it is time for them.
    pub fn bundle(&self, at: IdentityAt) -> &Bundle {
        &self.bundles[self.of[at.index()].bundle as usize]
    }

    /// Returns what was wished of the identity in this connection before.
    pub fn past(&self, at: IdentityAt, connection: &ConnectionName) -> Option<&PastWish> {
        self.pasts[self.of[at.index()].past? as usize].get(connection)
    }

    /// Lists what was wished of the identity before, by connection.
    pub fn pasts(&self, at: IdentityAt) -> impl Iterator<Item = (&ConnectionName, &PastWish)> {
        self.of[at.index()].past.into_iter().flat_map(|past| &self.pasts[past as usize])
    }

    /// Tells whether the identity fits this rule of the policy (by its place) and did not by an earlier version.
    pub fn has_gained(&self, at: IdentityAt, rule: usize) -> bool {
        self.gained.get(&at).is_some_and(|rules| rules.iter().any(|gained| usize::from(*gained) == rule))
    }

    /// Returns what SCIM clients wish of the identity, by connection. There it stands in the place of the bundle.
    pub fn demands(&self, at: IdentityAt) -> Option<&BTreeMap<ConnectionName, ClientDemand>> {
        self.demands.get(&at)
    }

    /// Tells whether any rule of the policy speaks of this word in this connection; other words are nobody's business.
    pub fn governs(&self, connection: &ConnectionName, word: &Name) -> bool {
        self.governed.get(connection).is_some_and(|words| words.contains(word))
    }

    /// Takes out what is to be said of many people at once.
    pub(crate) fn take_tallies(&mut self) -> Tallies {
        std::mem::take(&mut self.tallies)
    }

    /// Tells whether any rule of the policy speaks of this connection.
    pub fn governs_connection(&self, connection: &ConnectionName) -> bool {
        self.governed.contains_key(connection)
    }
}

/// Decides what everybody should hold. Those for whom `counts` holds are counted in what is said of many at once.
pub fn decide(graph: &Graph<'_>, rules: &Rules, facts: &Facts, counts: impl Fn(IdentityAt) -> bool) -> Wishes {
    let mut judge = Judge::new(rules);
    let mut bundles = Bundles::new(rules, facts);
    let mut pasts = Pasts::default();
    let mut zones = Zones::new(facts.now_ms);
    let (earlier, moved) = (earlier_versions(graph, facts), before_moves(graph, facts));
    let nothing = Wished { standing: Standing::Untouched, bundle: 0, past: None };
    let mut of = vec![nothing; graph.identities().len()];
    let mut gained = HashMap::new();
    for group in graph.groups_in_memory() {
        graph.read_people_ahead(group);
        for at in group.iter().copied() {
            judge.counts = counts(at);
            let identity = graph.identity_at(at);
            let standing = standing(graph, at, rules, facts.now_ms, &mut zones);
            let matched = match standing {
                Standing::Untouched if identity.state == IdentityState::Unknown => Vec::new(),
                _ => judge.matched(identity, None),
            };
            let versions = earlier.get(&at).into_iter().flatten().map(|version| &version.fields);
            let versions =
                versions.chain(moved.get(&at).into_iter().flatten()).filter(|_| standing == Standing::Present);
            let fitted: Vec<Vec<u16>> = versions.map(|version| judge.matched(identity, Some(version))).collect();
            let mut before: BTreeSet<u16> = fitted.iter().flatten().copied().collect();
            before.retain(|rule| !matched.contains(rule));
            let is_new = |rule: &&u16| fitted.iter().any(|rules| !rules.contains(rule));
            let new: BTreeSet<u16> = matched.iter().filter(is_new).copied().collect();
            if !new.is_empty() {
                gained.insert(at, new);
            }
            let past = (!before.is_empty()).then(|| pasts.place_of(before.into_iter().collect(), rules, facts));
            let bundle = bundles.place_of(&matched, standing == Standing::Present && judge.counts, identity);
            of[at.index()] = Wished { standing, bundle, past };
        }
    }
    let wished = client::by_identity(graph, facts);
    let mut demands = HashMap::with_capacity(wished.len());
    for (at, wishes) in wished {
        // Rules say what a client leaves open, also of people whom no source knows; in that connection only.
        judge.counts = counts(at);
        let matched = judge.matched(graph.identity_at(at), None);
        let bundle = bundles.place_of(&matched, false, graph.identity_at(at));
        demands.insert(at, wishes.into_iter().map(|wish| bundles.demand(bundle, wish)).collect());
    }
    let (bundles, mut tallies) = bundles.finish();
    for (rule, (people, because)) in judge.senseless() {
        tallies.senseless(&rules.grants[usize::from(*rule)].name, *people, because);
    }
    Wishes { bundles, pasts: pasts.finish(), of, gained, governed: governed(rules), demands, tallies }
}

fn governed(rules: &Rules) -> BTreeMap<ConnectionName, BTreeSet<Name>> {
    let mut governed: BTreeMap<ConnectionName, BTreeSet<Name>> = BTreeMap::new();
    for (connection, wanted) in rules.grants.iter().flat_map(|rule| &rule.to) {
        governed.entry(connection.clone()).or_default().extend(wanted.words.keys().cloned());
    }
    governed
}

fn earlier_versions<'f>(graph: &Graph<'f>, facts: &'f Facts) -> HashMap<IdentityAt, Vec<&'f Account>> {
    let mut versions: HashMap<IdentityAt, Vec<&Account>> = HashMap::new();
    if facts.history.is_empty() {
        return versions;
    }
    let owners: HashMap<_, _> =
        graph.places().flat_map(|at| graph.identity_at(at).records.iter().map(move |key| (key, at))).collect();
    for version in &facts.history {
        if let Some(at) = owners.get(&version.key) {
            versions.entry(*at).or_default().push(version);
        }
    }
    versions
}

fn standing(graph: &Graph<'_>, at: IdentityAt, rules: &Rules, now_ms: i64, zones: &mut Zones) -> Standing {
    let (identity, stay) = (graph.identity_at(at), graph.stay(at));
    let mut due = |from_ms: i64, delay: Option<Delay>, direction: fn(Delay, &jiff::Zoned) -> i64| {
        let moment = zones.moment(from_ms, identity.attributes.text("time_zone"));
        delay.zip(moment).is_some_and(|(delay, moment)| now_ms >= direction(delay, &moment))
    };
    match identity.state {
        IdentityState::Active | IdentityState::Leave => Standing::Present,
        IdentityState::Unknown => Standing::Untouched,
        IdentityState::Future => match stay.start_ms {
            Some(start_ms) if due(start_ms, rules.lifecycle.create_before_start, Delay::before) => Standing::Present,
            _ => Standing::Untouched,
        },
        IdentityState::Left => match stay.left_ms {
            None if rules.lifecycle.suspend_after_end.is_some() => Standing::Suspended,
            Some(left_ms) if due(left_ms, rules.lifecycle.delete_after_end, Delay::after) => Standing::Absent,
            Some(left_ms) if due(left_ms, rules.lifecycle.suspend_after_end, Delay::after) => Standing::Suspended,
            _ => Standing::Untouched,
        },
    }
}

/// Returns a person's name for a sentence.
pub(crate) fn label(identity: &Identity) -> String {
    identity.label().to_owned()
}

#[cfg(test)]
mod tests;
