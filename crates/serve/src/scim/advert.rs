//! What the documents say of a connection beyond what its bodies are read by: which attributes always have a value, which
//! cannot change any more, which values are known to be taken. It is laid over a form for the documents only: who leaves
//! something out, or says it in a way that is not advertised, is read all the same. It finds no values itself.

use super::place::Place;
use super::shape::{ROLE, Shape, suggest};
use tenure_core::abilities::{Cardinality, EntitlementAbility, FieldAbility, KindAbility};
use tenure_core::account::Kind;
use tenure_core::name::FieldName;
use tenure_scim::{Attribute, Mutability, ResourceType};

/// Time zones that every app knows; the others of the IANA are taken as well.
const ZONES: [&str; 8] = [
    "America/Chicago",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/London",
];

impl Shape {
    /// Turns the form into the advertised one. `roles` are names that are known.
    pub fn advertise(&mut self, roles: &[&str]) {
        let required = self.required();
        let fixed_address = self.is_settled_at_create(&self.address);
        let is_source = self.abilities.default_kind == Kind::Person;
        let (tells_kind, needs_role) = (self.tells_kind(), self.needs_role());
        for attribute in &mut self.account.schema.attributes {
            attribute.required |=
                required.iter().any(|place| matches!(place, Place::Core(core) if *core == attribute.name));
            match attribute.name.as_str() {
                "active" => attribute.required = true,
                // An app that is told no name makes one.
                "displayName" => attribute.required |= !is_source,
                "name" => tell_parts(attribute, &required),
                "timezone" => attribute.canonical_values = ZONES.map(str::to_owned).to_vec(),
                "emails" if !is_source => {
                    attribute.required = true;
                    attribute.sub_attributes.iter_mut().for_each(|sub| sub.required |= sub.name == "value");
                    if fixed_address {
                        attribute.mutability = Mutability::Immutable;
                    }
                }
                // Who holds a role is an agent: it follows from the roles.
                "userType" if tells_kind => attribute.mutability = Mutability::ReadOnly,
                "roles" => {
                    attribute.required = needs_role;
                    attribute.sub_attributes.retain(|sub| sub.name == "value");
                    attribute.sub_attributes.iter_mut().for_each(|sub| sub.required |= needs_role);
                    if !roles.is_empty() {
                        suggest(attribute, "value", roles);
                    }
                }
                _ => {}
            }
        }
        self.advertise_own();
    }

    /// Tells of the app's own fields which always have a value: flags, and what is one of several words.
    fn advertise_own(&mut self) {
        let own = self.own.clone();
        let valued: Vec<&str> = self
            .places
            .iter()
            .filter(|(field, _)| self.abilities_of(field).any(|ability| ability.is_flag || !ability.values.is_empty()))
            .filter_map(|(_, place)| if let Place::Own(name) = place { Some(name.as_str()) } else { None })
            .collect();
        for extension in self.account.extensions.iter_mut().filter(|extension| extension.schema.id == own) {
            for attribute in &mut extension.schema.attributes {
                attribute.required = valued.contains(&attribute.name.as_str());
                extension.required |= attribute.required;
            }
        }
    }

    fn shown(&self) -> impl Iterator<Item = &KindAbility> {
        self.kinds.iter().filter_map(|kind| self.abilities.kinds.get(kind))
    }

    fn abilities_of(&self, field: &FieldName) -> impl Iterator<Item = &FieldAbility> {
        self.shown().filter_map(move |ability| ability.fields.get(field))
    }

    /// Lists where the fields stand that the app demands of every kind of record.
    fn required(&self) -> Vec<Place> {
        let demanded = |field: &FieldName| {
            let mut known = self.abilities_of(field).peekable();
            known.peek().is_some() && known.all(|ability| ability.required)
        };
        self.places.iter().filter(|(field, _)| demanded(field)).map(|(_, place)| place.clone()).collect()
    }

    /// Tells whether a field is set when an account is made, and never again.
    fn is_settled_at_create(&self, field: &FieldName) -> bool {
        let mut known = self.abilities_of(field).peekable();
        known.peek().is_some() && known.all(|ability| !ability.at_update)
    }

    /// Tells whether every kind of record always has a role.
    fn needs_role(&self) -> bool {
        let is_needed = |ability: &EntitlementAbility| {
            &*ability.kind.0 == ROLE && (ability.required || ability.cardinality == Cardinality::One)
        };
        self.shown().all(|ability| ability.entitlements.values().any(is_needed))
    }
}

fn tell_parts(name: &mut Attribute, required: &[Place]) {
    let is_part = |of: &Attribute| required.iter().any(|place| matches!(place, Place::Name(part) if *part == of.name));
    name.sub_attributes.iter_mut().for_each(|sub| sub.required |= is_part(sub));
    name.required |= name.sub_attributes.iter().any(|sub| sub.required);
}

/// Returns the types that `ResourceTypes` lists: those of which a client can make one. A target's groups are its app's
/// own: they are listed and changed under `/Groups`, described under `/Schemas`, and answered for by name.
pub(super) fn makeable(types: &[ResourceType], is_source: bool) -> Vec<ResourceType> {
    types.iter().take(if is_source { types.len() } else { 1 }).cloned().collect()
}
