//! Entitlements as SCIM Groups: roles, groups, teams, inboxes, by the tenant's own reference lists or the app's closed ones.
//! They are read from the store. Who holds one is found by walking the accounts, and only where somebody asks for it.
//! A client grants and takes them by their members; it makes, renames and deletes none, for they are the app's own.

use super::Gate;
use super::account::Held;
use super::door::Knock;
use super::read::failed;
use super::shape::{Shape, group_urn};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use tenure_core::abilities::Abilities;
use tenure_core::account::{Entitlement as Listed, Kind};
use tenure_core::name::Name;
use tenure_scim::{Offer, ScimError, Version};

/// One entitlement that the app has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entitlement {
    /// Its id for clients.
    pub id: String,
    /// What sort it is.
    pub of_kind: String,
    /// Its name in the app.
    pub name: Name,
    /// The id that the client gave, where it made it.
    pub external_id: Option<String>,
    /// The name that clients see; with its sort where another one has the same name.
    pub shown: String,
    /// Whether the app's description calls it privileged.
    pub privileged: bool,
    /// The policy's word, by the kind of record that can hold it.
    pub words: BTreeMap<Kind, Name>,
}

/// What of a connection was listed, and what came of it: the app's own lists change once in a long while.
pub(super) struct Known {
    listed: Vec<Listed>,
    abilities: Arc<Abilities>,
    all: Arc<Vec<Entitlement>>,
}

/// Lists what the connection has, by ids.
pub(super) async fn entitlements(
    gate: &Gate,
    knock: &Knock,
    shape: &Shape,
) -> Result<Arc<Vec<Entitlement>>, ScimError> {
    if knock.is_source {
        return super::source::groups(&gate.house.store, knock).await.map(Arc::new);
    }
    let listed = gate.house.store.entitlements(&knock.connection).await.map_err(failed)?;
    let mut known = gate.entitlements.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = |known: &&Known| known.listed == listed && Arc::ptr_eq(&known.abilities, &shape.abilities);
    if let Some(known) = known.get(&knock.connection).filter(is_known) {
        return Ok(known.all.clone());
    }
    let all = Arc::new(describe(&listed, shape));
    let abilities = shape.abilities.clone();
    known.insert(knock.connection.clone(), Known { listed, abilities, all: all.clone() });
    Ok(all)
}

/// Describes what the app lists, or what it always has.
fn describe(listed: &[Listed], shape: &Shape) -> Vec<Entitlement> {
    let mut all: BTreeMap<String, Entitlement> = BTreeMap::new();
    for (kind, word, ability) in shape.words() {
        let of_kind = ability.kind.as_str();
        let listed = listed.iter().filter(|one| one.kind == ability.kind);
        let mut known: Vec<(String, Name, bool)> =
            listed.map(|one| (one.id.to_string(), Name::new(&one.name), one.privileged)).collect();
        if known.is_empty() {
            let privileged = |name: &Name| ability.privileged.contains(name);
            known.extend(ability.values.iter().map(|name| (name.to_string(), name.clone(), privileged(name))));
        }
        for (id, name, privileged) in known {
            let entitlement = all.entry(format!("{of_kind}-{id}")).or_insert_with_key(|id| Entitlement {
                id: id.clone(),
                of_kind: of_kind.to_owned(),
                shown: name.to_string(),
                name,
                privileged,
                external_id: None,
                words: BTreeMap::new(),
            });
            entitlement.words.entry(kind).or_insert_with(|| word.clone());
        }
    }
    let mut all: Vec<Entitlement> = all.into_values().collect();
    tell_apart(&mut all);
    all
}

/// Adds its sort to a name that several have: clients look groups up by name.
fn tell_apart(all: &mut [Entitlement]) {
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    for one in all.iter() {
        *names.entry(one.name.to_lowercase()).or_default() += 1;
    }
    for one in all.iter_mut().filter(|one| names.get(&one.name.to_lowercase()).is_some_and(|count| *count > 1)) {
        one.shown = format!("{} ({})", one.name, one.of_kind);
    }
}

impl Entitlement {
    /// Returns the word under which a record of this kind holds it.
    pub fn word(&self, kind: Kind) -> Option<&Name> {
        self.words.get(&kind)
    }

    /// Tells whether somebody holds it.
    pub fn is_held_by(&self, held: &Held, shape: &Shape) -> bool {
        self.word(held.kind(shape)).is_some_and(|word| held.holds(shape, word, &self.name))
    }

    /// Shows it with its members, where they are known.
    pub fn show(&self, shape: &Shape, offer: &Offer, members: Option<&[Held]>) -> Map<String, Value> {
        let mut shown = Map::new();
        shown.insert("id".into(), self.id.as_str().into());
        shown.insert("displayName".into(), self.shown.as_str().into());
        if let Some(external) = &self.external_id {
            shown.insert("externalId".into(), external.as_str().into());
        }
        if shape.entitlement.extension(&group_urn()).is_some() {
            let told = json!({"type": self.of_kind, "privileged": self.privileged});
            shown.insert(group_urn(), told);
        }
        if let Some(members) = members.filter(|members| !members.is_empty()) {
            let member = |held: &Held| {
                let id = held.id();
                json!({"value": id, "type": "User", "$ref": offer.location(&shape.account, &id)})
            };
            let members: Vec<Value> = members.iter().map(member).collect();
            shown.insert("members".into(), members.into());
        }
        shown.insert("schemas".into(), shape.entitlement.schemas_of(&shown).into());
        let meta = offer.meta(&shape.entitlement, &self.id, &Version::of(&shown));
        shown.insert("meta".into(), meta.into());
        shown
    }
}

/// Lists the groups of somebody, as a User shows them.
pub(super) fn groups_of(held: &Held, all: &[Entitlement], shape: &Shape, offer: &Offer) -> Vec<Value> {
    let seen: BTreeSet<&str> =
        all.iter().filter(|one| one.is_held_by(held, shape)).map(|one| one.id.as_str()).collect();
    all.iter()
        .filter(|one| seen.contains(one.id.as_str()))
        .map(|one| {
            json!({
                "value": one.id, "display": one.shown, "type": "direct",
                "$ref": offer.location(&shape.entitlement, &one.id),
            })
        })
        .collect()
}
