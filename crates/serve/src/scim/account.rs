//! An account as a SCIM User: what was observed of it, and over that what a client wishes of it.
//! It is `active` only when it really can be used; how far a wish has come is told beside it.
//! It shows and decides nothing.

use super::place::Place;
use super::shape::{ROLE, Shape, provisioning_urn};
use serde_json::{Map, Value, json};
use tenure_core::account::{Account, AccountKey, Kind};
use tenure_core::facts::{ClientAsks, ClientWish};
use tenure_core::look::same;
use tenure_core::name::{ConnectionName, Name};
use tenure_engine::clock::moment_text;
use tenure_scim::{Offer, Version};

/// Where a source keeps that its provider does not call the address its first choice.
pub(super) const PRIMARY: &str = "email_is_primary";
/// Where a source keeps of which type its provider calls the address, if not for work.
pub(super) const TYPE: &str = "email_type";
/// Where a source keeps a person's further addresses.
pub(super) const OTHERS: &str = "other_emails";
/// Of which types these are, in their order; an empty text for none.
pub(super) const OTHER_TYPES: &str = "other_email_types";
/// Which of these is the first choice.
pub(super) const OTHER_PRIMARY: &str = "other_email_primary";

/// An account, what a client wishes of it, or both.
#[derive(Clone)]
pub(super) struct Held {
    /// What was observed, if there is an account.
    pub account: Option<Account>,
    /// What a client wishes, if one spoke of it.
    pub wish: Option<ClientWish>,
    /// Since when the account is as it was observed.
    pub since_ms: i64,
    /// The id of the manager for clients, where it is known.
    pub manager: Option<String>,
}

/// Returns the id under which an account is known to clients that never spoke of it.
pub(super) fn id_of(key: &AccountKey) -> String {
    format!("{}-{}", key.kind, key.id)
}

/// Tells whether two names are one but for case.
pub(super) fn is_alike(one: &str, other: &str) -> bool {
    match one.is_ascii() && other.is_ascii() {
        true => one.eq_ignore_ascii_case(other),
        false => one.to_lowercase() == other.to_lowercase(),
    }
}

/// Shows the further addresses of somebody who was pushed.
fn other_emails(account: &Account) -> Vec<Value> {
    let texts = |field: &str| account.fields.get(field).and_then(|value| value.as_array().cloned()).unwrap_or_default();
    let (types, first) = (texts(OTHER_TYPES), account.fields.text(OTHER_PRIMARY).map(str::to_owned));
    let show = |(at, address): (usize, Value)| {
        let mut shown = json!({"value": address});
        if let Some(of_type) = types.get(at).filter(|of_type| of_type.as_str().is_some_and(|text| !text.is_empty())) {
            shown["type"] = of_type.clone();
        }
        if first.is_some() && first.as_deref() == address.as_str() {
            shown["primary"] = true.into();
        }
        shown
    };
    texts(OTHERS).into_iter().enumerate().map(show).collect()
}

/// Reads such an id.
pub(super) fn key_of(connection: &ConnectionName, id: &str) -> Option<AccountKey> {
    let (kind, native) = id.split_once('-')?;
    let kind: Kind = kind.parse().ok()?;
    (!native.is_empty()).then(|| AccountKey::new(connection, kind, native))
}

impl Held {
    /// Tells whether a client took it away, whatever came of that.
    pub fn is_gone(&self) -> bool {
        self.wish.as_ref().is_some_and(|wish| wish.asks == ClientAsks::Gone)
    }

    fn has_access(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.state.gives_access())
    }

    /// Tells whether clients see it: who was taken away is not seen, but for those whom people hold back and who can still
    /// go in.
    pub fn is_shown(&self, shape: &Shape) -> bool {
        let gone = self.is_gone() && !(self.wish.as_ref().is_some_and(|wish| wish.is_held) && self.has_access());
        let kind = self.account.as_ref().is_none_or(|account| shape.kinds.contains(&account.key.kind));
        !gone && kind && (self.account.is_some() || self.wish.is_some())
    }

    /// Returns the id.
    pub fn id(&self) -> String {
        let by_account = || self.account.as_ref().map(|account| id_of(&account.key)).unwrap_or_default();
        self.wish.as_ref().map_or_else(by_account, |wish| wish.id.to_string())
    }

    /// Returns the kind of record that it is or would be; of who is to be converted, the one that they become.
    pub fn kind(&self, shape: &Shape) -> Kind {
        let known = self.account.as_ref().map(|account| account.key.kind);
        let wished = self.wish.as_ref().and_then(|wish| wish.kind);
        let converts = |to: &Kind| {
            shape.ability(*to).is_some_and(|ability| known.is_some_and(|from| ability.convert_from.contains(&from)))
        };
        if let Some(to) = wished.filter(converts) {
            return to;
        }
        known.or(wished).or(shape.kinds.first().copied()).unwrap_or(Kind::User)
    }

    /// Returns the sign-in name.
    pub fn login(&self) -> String {
        if let Some(wish) = &self.wish {
            return wish.login.clone();
        }
        let Some(account) = &self.account else { return String::new() };
        let told = account.told("email").and_then(|value| value.as_str().map(str::to_owned));
        told.or_else(|| account.name.as_deref().map(str::to_owned)).unwrap_or_else(|| id_of(&account.key))
    }

    /// Returns a field, as wished where it is.
    pub fn field(&self, field: &str) -> Option<Value> {
        let wished = self.wish.as_ref().and_then(|wish| wish.fields.get(field));
        wished.cloned().or_else(|| self.account.as_ref()?.told(field)).filter(|value| !value.is_null())
    }

    /// Tells whether the only address is the first choice: unless its client says that it is not.
    fn is_primary(&self) -> bool {
        let pushed = || self.account.as_ref()?.fields.get(PRIMARY)?.as_bool();
        self.wish.as_ref().and_then(|wish| wish.primary).or_else(pushed).unwrap_or(true)
    }

    /// Tells whether an entitlement is held, or wished to be.
    pub fn holds(&self, shape: &Shape, word: &Name, name: &str) -> bool {
        let ability = shape.ability(self.kind(shape)).and_then(|ability| ability.entitlements.get(word));
        let Some(ability) = ability else { return false };
        let is = |known: &str| match ability.exact {
            true => known == name,
            false => is_alike(known, name),
        };
        let wished = self.wish.as_ref().and_then(|wish| wish.grants.get(word));
        if let Some((_, held)) = wished.and_then(|names| names.iter().find(|(known, _)| is(known))) {
            return *held;
        }
        let replaced = ability.cardinality == tenure_core::abilities::Cardinality::One
            && wished.is_some_and(|names| names.values().any(|held| *held));
        let account = self.account.iter().flat_map(|account| account.grants_of(&ability.kind));
        !replaced && account.into_iter().any(|grant| is(&grant.name))
    }

    /// Tells whether what a client asked is so.
    pub fn is_as_wished(&self, shape: &Shape) -> bool {
        let Some(wish) = &self.wish else { return true };
        let state = match wish.asks {
            ClientAsks::Nothing => true,
            ClientAsks::Present => self.has_access(),
            ClientAsks::Suspended | ClientAsks::Gone => return !self.has_access(),
        };
        let Some(account) = &self.account else { return false };
        let fields = wish.fields.iter().all(|(field, value)| {
            let ability = shape.ability(account.key.kind).and_then(|ability| ability.fields.get(field));
            let spelt = ability.and_then(|ability| ability.spelt(value));
            let is_folded = ability.is_some_and(|ability| ability.fold_case);
            account.told(field.as_str()).is_none_or(|now| same(&now, spelt.as_deref().unwrap_or(value), is_folded))
        });
        let grants = wish.grants.iter().all(|(word, names)| {
            let Some(ability) = shape.ability(account.key.kind).and_then(|ability| ability.entitlements.get(word))
            else {
                return !names.values().any(|held| *held); // only what it is to become can hold that
            };
            let has = |name: &Name| {
                let mut held = account.grants_of(&ability.kind);
                held.any(|grant| is_alike(&grant.name, name))
            };
            !account.grants_known.contains(&ability.kind) || names.iter().all(|(name, held)| has(name) == *held)
        });
        state && fields && grants
    }

    /// Shows it as it is held: all attributes, with `meta`.
    pub fn show(&self, shape: &Shape, offer: &Offer, groups: Vec<Value>) -> Map<String, Value> {
        let mut shown = Map::new();
        let id = self.id();
        shown.insert("id".into(), id.as_str().into());
        let pushed = self.account.as_ref().filter(|account| account.key.kind == Kind::Person);
        let external = self
            .wish
            .as_ref()
            .map_or(pushed.and_then(|account| account.external_id.as_deref()), |wish| wish.external_id.as_deref());
        if let Some(external) = external {
            shown.insert("externalId".into(), external.into());
        }
        shown.insert("userName".into(), self.login().into());
        let mut emails = Vec::new();
        if let Some(email) = self.field(shape.address.as_str()) {
            let of_type = pushed.and_then(|account| account.fields.text(TYPE)).unwrap_or("work");
            emails.push(json!({"value": email, "type": of_type, "primary": self.is_primary()}));
        }
        emails.extend(pushed.into_iter().flat_map(other_emails));
        if !emails.is_empty() {
            shown.insert("emails".into(), emails.into());
        }
        shown.insert("active".into(), self.has_access().into());
        for (field, place) in &shape.places {
            if *place == Place::Manager {
                if let Some(manager) = &self.manager {
                    super::manager::put(&mut shown, manager, shape, offer);
                }
                continue;
            }
            if let Some(value) = self.field(field.as_str()) {
                place.put(&mut shown, &shape.own, &value);
            }
        }
        if shape.tells_kind() && !shape.places.values().any(|place| *place == Place::Core("userType")) {
            shown.insert("userType".into(), self.kind(shape).as_str().into());
        }
        let roles: Vec<Value> = self.roles(shape).into_iter().map(|name| json!({"value": name})).collect();
        if !roles.is_empty() {
            shown.insert("roles".into(), roles.into());
        }
        if !groups.is_empty() {
            shown.insert("groups".into(), groups.into());
        }
        if let Some(wish) = &self.wish {
            shown.insert(provisioning_urn(), self.provisioning(shape, wish));
        }
        self.finish(shown, shape, offer, &id)
    }

    /// Tells how far a wish has come.
    fn provisioning(&self, shape: &Shape, wish: &ClientWish) -> Value {
        if self.is_as_wished(shape) {
            return json!({"state": "applied"});
        }
        let state = if wish.is_held { "held" } else { "pending" };
        json!({"state": state, "reason": wish.because.as_deref().unwrap_or("it is being carried out")})
    }

    fn finish(&self, mut shown: Map<String, Value>, shape: &Shape, offer: &Offer, id: &str) -> Map<String, Value> {
        shown.insert("schemas".into(), shape.account.schemas_of(&shown).into());
        let mut meta = offer.meta(&shape.account, id, &Version::of(&shown));
        let observed = self.account.as_ref().and_then(|account| account.created_ms);
        let created = self.wish.as_ref().map(|wish| wish.created_ms).into_iter().chain(observed).min();
        let changed = self.wish.as_ref().map(|wish| wish.since_ms).unwrap_or(0).max(self.since_ms);
        meta.insert("created".into(), moment_text(created.unwrap_or(changed)).into());
        meta.insert("lastModified".into(), moment_text(changed).into());
        shown.insert("meta".into(), meta.into());
        shown
    }

    /// Lists the names of the roles that are held, or wished.
    pub fn roles(&self, shape: &Shape) -> Vec<String> {
        let kind = self.kind(shape);
        let mut names: Vec<String> = Vec::new();
        for (word, ability) in shape.ability(kind).into_iter().flat_map(|ability| &ability.entitlements) {
            if &*ability.kind.0 != ROLE {
                continue;
            }
            let account = self.account.iter().flat_map(|account| account.grants_of(&ability.kind));
            let observed = account.map(|grant| grant.name.to_string());
            let wished = self.wish.iter().flat_map(|wish| wish.grants.get(word)).flatten();
            let wished = wished.filter(|(_, held)| **held).map(|(name, _)| name.to_string());
            for name in observed.chain(wished) {
                let known = names.iter().any(|known| known.to_lowercase() == name.to_lowercase());
                if !known && self.holds(shape, word, &name) {
                    names.push(name);
                }
            }
        }
        names.sort();
        names
    }
}
