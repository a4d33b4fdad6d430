//! What was wished before: the other side of a move.
//! Rules that an identity fitted by an earlier version of its record and fits no more come in; what they wished goes
//! out, so that `diff` may take it away even where other extras are only reported.

use super::bundle::same_name;
use crate::abilities::EntitlementAbility;
use crate::account::Kind;
use crate::facts::Facts;
use crate::name::{ConnectionName, Name};
use crate::policy::Rules;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What was wished in one connection before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastWish {
    /// As which kinds.
    pub kinds: BTreeSet<Kind>,
    /// The policy's word → names.
    pub grants: BTreeMap<Name, BTreeSet<Name>>,
    /// The policy's word → name → scope, where the policy named one.
    pub scopes: BTreeMap<Name, BTreeMap<Name, Name>>,
    /// The names of the rules that wished it.
    pub rules: Vec<String>,
}

impl PastWish {
    /// Tells whether a grant of that name was wished under that word.
    pub fn wished(&self, word: &Name, name: &str, exact: bool) -> bool {
        self.grants.get(word).is_some_and(|names| names.iter().any(|wished| same_name(wished, name, exact)))
    }

    /// Returns the scope in which a grant of that name was wished under that word.
    pub fn scope<'a>(&'a self, word: &Name, name: &str, ability: &'a EntitlementAbility) -> Option<&'a Name> {
        let named = self.scopes.get(word).into_iter().flatten();
        let named = named.into_iter().find(|(wished, _)| same_name(wished, name, ability.exact));
        let meant = ability.default_scope.as_ref().filter(|_| self.wished(word, name, ability.exact));
        named.map(|(_, scope)| scope).or(meant)
    }
}

/// Past wishes, each set of rules once.
#[derive(Default)]
pub(super) struct Pasts {
    places: HashMap<Vec<u16>, u32>,
    all: Vec<BTreeMap<ConnectionName, PastWish>>,
}

impl Pasts {
    pub(super) fn place_of(&mut self, before: Vec<u16>, rules: &Rules, facts: &Facts) -> u32 {
        if let Some(place) = self.places.get(&before) {
            return *place;
        }
        let mut wishes: BTreeMap<ConnectionName, PastWish> = BTreeMap::new();
        for rule in before.iter().map(|rule| &rules.grants[usize::from(*rule)]) {
            for (connection, wanted) in &rule.to {
                let Some(target) = facts.connections.get(connection) else { continue };
                let wish = wishes.entry(connection.clone()).or_default();
                wish.kinds.insert(wanted.kind.unwrap_or(target.abilities.default_kind));
                wish.rules.push(rule.name.clone());
                for (word, value) in &wanted.words {
                    let names = wish.grants.entry(word.clone()).or_default();
                    for grant in value.grants() {
                        if let Some(scope) = grant.scope {
                            wish.scopes.entry(word.clone()).or_default().insert(grant.name.clone(), scope);
                        }
                        names.insert(grant.name);
                    }
                }
            }
        }
        let place = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(wishes);
        self.places.insert(before, place);
        place
    }

    pub(super) fn finish(self) -> Vec<BTreeMap<ConnectionName, PastWish>> {
        self.all
    }
}
