//! What SCIM clients wish: each of one person in one connection, laid over what the rules say there.
//! Rules say what a client leaves open. Where both speak, the client's word counts in the connection that it speaks to;
//! nobody who left is let in by it.
//! A client's name stands where a rule's would, so that every change of its making names it.

use super::bundle::{Bundles, resolve, same_name};
use super::{Wish, WishedField, WishedWord};
use crate::abilities::{Cardinality, EntitlementAbility};
use crate::account::Kind;
use crate::correlate::{Graph, IdentityAt};
use crate::facts::{ClientAsks, ClientWish, ConnectionFacts, Facts};
use crate::identity::IdentityState;
use crate::name::{ConnectionName, Name};
use crate::policy::WordGrant;
use std::collections::{BTreeMap, HashMap};

/// What a client wishes of one person in one connection.
#[derive(Debug)]
pub struct ClientDemand {
    /// Who wishes it, as reasons name it.
    pub client: String,
    /// What of the account as a whole.
    pub standing: ClientStanding,
    /// What the account should be, where it should be.
    pub wish: Wish,
}

/// What a client wishes of an account as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientStanding {
    /// That it be there and can be used.
    Present,
    /// That it be as wished if it is there.
    IfThere,
    /// That it cannot be used.
    Suspended,
}

impl ClientStanding {
    /// Tells whether an account that is not there is made; `by_rules` where the rules wish one.
    pub fn makes(self, by_rules: bool) -> bool {
        match self {
            Self::Present => true,
            Self::IfThere => by_rules,
            Self::Suspended => false,
        }
    }
}

/// Sorts the wishes by whom they are about, of connections that are there.
pub(super) fn by_identity<'f>(graph: &Graph<'_>, facts: &'f Facts) -> HashMap<IdentityAt, Vec<&'f ClientWish>> {
    let mut all: HashMap<IdentityAt, Vec<&ClientWish>> = HashMap::new();
    for wish in facts.client_wishes.iter().filter(|wish| facts.connections.contains_key(&wish.connection)) {
        if let Some(at) = graph.find(&wish.identity) {
            let left = graph.identity_at(at).state == IdentityState::Left;
            if !left || matches!(wish.asks, ClientAsks::Suspended | ClientAsks::Gone) {
                all.entry(at).or_default().push(wish);
            }
        }
    }
    for wishes in all.values_mut() {
        // Of two wishes about one person in one connection, the later counts: it is collected last.
        wishes.sort_by(|one, other| (one.since_ms, &one.id).cmp(&(other.since_ms, &other.id)));
    }
    all
}

impl Bundles<'_> {
    /// Lays what a client wishes over what a bundle of rules says in its connection.
    pub(super) fn demand(&self, bundle: u32, wish: &ClientWish) -> (ConnectionName, ClientDemand) {
        let target = &self.facts.connections[&wish.connection];
        let by_rules = self.bundles[bundle as usize].wishes.get(&wish.connection);
        // Who is held as one kind and wished as another becomes it, where the app has a way from the one to the other.
        let held = wish.account.as_ref().map(|account| account.kind);
        let converts = |kind: &Kind| {
            let ability = target.abilities.kinds.get(kind);
            ability.is_some_and(|ability| held.is_none_or(|held| ability.convert_from.contains(&held)))
        };
        let kind = wish.kind.filter(converts).or(held).or(wish.kind);
        let kind = kind.or(by_rules.map(|wish| wish.kind)).unwrap_or(target.abilities.default_kind);
        let mut laid = by_rules.filter(|wish| wish.kind == kind).cloned().unwrap_or(Wish {
            kind,
            rules: Vec::new(),
            grants: BTreeMap::new(),
            fields: BTreeMap::new(),
            manager: None,
        });
        laid.rules.insert(0, wish.client.clone());
        for (field, value) in wish.fields.iter() {
            let (rule, value) = (wish.client.clone(), value.clone());
            laid.fields.insert(field.clone(), WishedField { rule, value, clears: true });
        }
        laid.manager = wish.manager.as_ref().map(|manager| manager.identity.clone());
        let entitlements = target.abilities.kinds.get(&kind).map(|ability| &ability.entitlements);
        for (word, names) in &wish.grants {
            if let Some(ability) = entitlements.and_then(|all| all.get(word)) {
                lay_word(laid.grants.entry(word.clone()).or_default(), ability, target, names, &wish.client);
            }
        }
        let standing = match wish.asks {
            ClientAsks::Present => ClientStanding::Present,
            ClientAsks::Nothing => ClientStanding::IfThere,
            ClientAsks::Suspended | ClientAsks::Gone => ClientStanding::Suspended,
        };
        (wish.connection.clone(), ClientDemand { client: wish.client.clone(), standing, wish: laid })
    }
}

fn lay_word(
    wished: &mut WishedWord,
    ability: &EntitlementAbility,
    target: &ConnectionFacts,
    names: &BTreeMap<Name, bool>,
    client: &str,
) {
    for (name, _) in names.iter().filter(|(_, held)| !**held) {
        wished.grants.retain(|grant| !same_name(&grant.name, name, ability.exact));
        wished.refused.push(name.clone());
    }
    for (name, _) in names.iter().filter(|(_, held)| **held) {
        match resolve(target, ability, &WordGrant { name: name.clone(), scope: None }) {
            Ok(grant) => {
                if ability.cardinality == Cardinality::One {
                    wished.grants.clear();
                }
                if !wished.grants.iter().any(|known| same_name(&known.name, &grant.name, ability.exact)) {
                    wished.grants.push(grant);
                }
                client.clone_into(&mut wished.rule);
            }
            Err(_) => wished.unknown.push(name.clone()),
        }
    }
    if wished.rule.is_empty() {
        client.clone_into(&mut wished.rule);
    }
    *wished = std::mem::take(wished).sorted();
}
