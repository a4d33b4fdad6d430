//! The form in which a connection shows its accounts and entitlements: exactly what its app can hold, by its abilities.
//! Made anew when these change, since a tenant's dialect may be found out meanwhile; the documents are written from it.
//! It describes and moves no value.

use super::place::Place;
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::abilities::{Abilities, EntitlementAbility, FieldAbility, KindAbility};
use tenure_core::account::Kind;
use tenure_core::name::{FieldName, Name};
use tenure_scim::{Attribute, Kind as ScimKind, Mutability, ResourceType, Schema};

/// The start of the URNs of our own extensions.
const OURS: &str = "urn:ietf:params:scim:schemas:extension:tenure:2.0";
/// The kind of entitlement that a User names by itself.
pub(super) const ROLE: &str = "role";

/// Returns the URN under which it is told how far a wish has come.
pub(super) fn provisioning_urn() -> String {
    format!("{OURS}:Provisioning")
}

/// Returns the URN under which it is told what sort of entitlement a Group is.
pub(super) fn group_urn() -> String {
    format!("{OURS}:Group")
}

/// The form of one connection.
pub(super) struct Shape {
    /// Users.
    pub account: ResourceType,
    /// Groups.
    pub entitlement: ResourceType,
    /// The kinds of account that are shown, the usual one first.
    pub kinds: Vec<Kind>,
    /// The URN of the app's own extension.
    pub own: String,
    /// The field that holds the address by which the app signs people in.
    pub address: FieldName,
    /// Where each field stands.
    pub places: BTreeMap<FieldName, Place>,
    pub(super) abilities: Arc<Abilities>,
}

impl Shape {
    /// Describes a connection.
    pub fn of(abilities: &Arc<Abilities>) -> Self {
        let is_source = abilities.default_kind == Kind::Person;
        let staff = [abilities.default_kind, Kind::Agent, Kind::User, Kind::Requester];
        let mut kinds: Vec<Kind> = Vec::new();
        for kind in staff {
            let shown = abilities.kinds.contains_key(&kind)
                && !matches!(kind, Kind::Contact | Kind::Bot)
                && (kind != Kind::Person || is_source);
            if shown && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let own = format!("{OURS}:{}", abilities.title.split_whitespace().collect::<String>());
        let mut fields: BTreeMap<FieldName, FieldAbility> = BTreeMap::new();
        for ability in kinds.iter().filter_map(|kind| abilities.kinds.get(kind)) {
            // What nobody can set through the app, such as whether an agent is at the desk, changes all day long.
            let settable = |ability: &FieldAbility| is_source || ability.at_create || ability.at_update;
            for (field, ability) in ability.fields.iter().filter(|(_, ability)| settable(ability)) {
                let known = fields.entry(field.clone()).or_insert_with(|| ability.clone());
                known.at_create |= ability.at_create;
                known.at_update |= ability.at_update;
            }
        }
        let places: BTreeMap<FieldName, Place> =
            fields.keys().filter_map(|field| Some((field.clone(), Place::of(field)?))).collect();
        let account = account_type(abilities, &kinds, &fields, &places, &own);
        let address = ["email", "work_email"].into_iter().find(|field| fields.contains_key(*field)).unwrap_or("login");
        let address = FieldName::new(address);
        Self {
            account,
            entitlement: entitlement_type(is_source),
            kinds,
            own,
            address,
            places,
            abilities: abilities.clone(),
        }
    }

    /// Returns the types, for the documents and for paths.
    pub fn types(&self) -> Vec<ResourceType> {
        vec![self.account.clone(), self.entitlement.clone()]
    }

    /// Returns what a kind of record can do.
    pub fn ability(&self, kind: Kind) -> Option<&KindAbility> {
        self.abilities.kinds.get(&kind)
    }

    /// Lists what can be granted, with the word under which it is: that of the usual kind first.
    pub fn words(&self) -> impl Iterator<Item = (Kind, &Name, &EntitlementAbility)> {
        self.kinds.iter().filter_map(|kind| Some((*kind, self.ability(*kind)?))).flat_map(|(kind, ability)| {
            ability.entitlements.iter().map(move |(word, entitlement)| (kind, word, entitlement))
        })
    }

    /// Tells whether `userType` says as which kind of record somebody is held.
    pub fn tells_kind(&self) -> bool {
        self.kinds.len() > 1
    }
}

fn account_type(
    abilities: &Abilities,
    kinds: &[Kind],
    fields: &BTreeMap<FieldName, FieldAbility>,
    places: &BTreeMap<FieldName, Place>,
    own: &str,
) -> ResourceType {
    let mut of = ResourceType::user();
    let has_place = |wanted: &Place| places.values().any(|place| place == wanted);
    let roles = kinds
        .iter()
        .filter_map(|kind| abilities.kinds.get(kind))
        .flat_map(|ability| ability.entitlements.values())
        .filter(|ability| &*ability.kind.0 == ROLE);
    let role_names: Option<Vec<&str>> =
        roles.map(|ability| ability.values.iter().map(|name| name.as_str()).collect()).next();
    of.schema.attributes.retain(|attribute| match attribute.name.as_str() {
        "userName" | "active" | "emails" | "groups" => true,
        "roles" => role_names.is_some(),
        "userType" => kinds.len() > 1 || has_place(&Place::Core("userType")),
        "name" => places.values().any(|place| matches!(place, Place::Name(_))),
        name => places.values().any(|place| match place {
            Place::Core(core) => *core == name,
            Place::Listed(list, _) => *list == name,
            _ => false,
        }),
    });
    let roles = role_names.as_deref().unwrap_or_default();
    of.schema.attributes.iter_mut().for_each(|attribute| narrow(attribute, kinds, places, roles));
    let enterprise: Vec<&str> = places
        .values()
        .filter_map(|place| match place {
            Place::Enterprise(name) => Some(*name),
            Place::Manager => Some("manager"),
            _ => None,
        })
        .collect();
    of.extensions.iter_mut().for_each(|extension| extension.schema = extension.schema.clone().only(&enterprise));
    for attribute in of.extensions.iter_mut().flat_map(|extension| &mut extension.schema.attributes) {
        if attribute.name == "manager" {
            cut(attribute, &["value", "$ref"]);
            attribute.sub_attributes.iter_mut().for_each(|part| part.mutability = Mutability::ReadWrite);
        }
    }
    of.extensions.retain(|extension| !extension.schema.attributes.is_empty());
    let theirs = own_schema(own, &abilities.title, fields, places);
    of.description = format!("An account of {}.", abilities.title);
    if !theirs.attributes.is_empty() {
        of = of.with(theirs);
    }
    if abilities.default_kind == Kind::Person {
        return of;
    }
    of.with(
        Schema::new(&provisioning_urn(), "Provisioning", "How far what was asked has come.")
            .with(Attribute::text("state", "Whether it is so.").suggest(&["applied", "pending", "held"]).read_only())
            .with(Attribute::text("reason", "What stands in the way.").read_only()),
    )
}

/// Leaves of an attribute what the app can hold, and suggests what is known to be taken.
fn narrow(attribute: &mut Attribute, kinds: &[Kind], places: &BTreeMap<FieldName, Place>, roles: &[&str]) {
    match attribute.name.as_str() {
        "name" => attribute
            .sub_attributes
            .retain(|sub| places.values().any(|place| matches!(place, Place::Name(part) if *part == sub.name))),
        "phoneNumbers" => {
            cut(attribute, &["value", "type"]);
            suggest_types(attribute, places);
        }
        "emails" => {
            cut(attribute, &["value", "type", "primary"]);
            let types: &[&str] = if kinds.contains(&Kind::Person) { &["work", "home", "other"] } else { &["work"] };
            suggest(attribute, "type", types);
        }
        "roles" => {
            cut(attribute, &["value", "display"]);
            suggest(attribute, "value", roles);
        }
        "userType" if kinds.len() > 1 => {
            attribute.canonical_values = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        }
        _ => {}
    }
}

/// Describes what the app holds beside the attributes of the standard.
fn own_schema(
    urn: &str,
    title: &str,
    fields: &BTreeMap<FieldName, FieldAbility>,
    places: &BTreeMap<FieldName, Place>,
) -> Schema {
    let mut theirs = Schema::new(urn, title, "What the app holds beside the attributes of the standard.");
    for (field, place) in places {
        let (Place::Own(name), Some(ability)) = (place, fields.get(field)) else { continue };
        let description = ability.cannot.clone().unwrap_or_else(|| format!("The app's `{field}`."));
        let kind = if ability.is_flag { ScimKind::Boolean } else { ScimKind::String };
        let mut attribute = Attribute::new(name, kind, &description);
        attribute.canonical_values = ability.values.iter().map(|value| value.as_str().to_owned()).collect();
        theirs = theirs.with(attribute);
    }
    theirs
}

fn suggest_types(attribute: &mut Attribute, places: &BTreeMap<FieldName, Place>) {
    let types: Vec<&str> = places
        .values()
        .filter_map(|place| match place {
            Place::Listed(list, of_type) if *list == attribute.name => Some(*of_type),
            _ => None,
        })
        .collect();
    suggest(attribute, "type", &types);
}

/// Leaves of a list's parts those that are held.
fn cut(attribute: &mut Attribute, held: &[&str]) {
    attribute.sub_attributes.retain(|sub| held.contains(&sub.name.as_str()));
}

pub(super) fn suggest(attribute: &mut Attribute, sub: &str, values: &[&str]) {
    for sub in attribute.sub_attributes.iter_mut().filter(|known| known.name == sub) {
        sub.canonical_values = values.iter().map(|value| (*value).to_owned()).collect();
    }
}

fn entitlement_type(is_source: bool) -> ResourceType {
    let mut of = ResourceType::group();
    // A member may be named by where it is as well.
    let members = of.schema.attributes.iter_mut().filter(|attribute| attribute.name == "members");
    for sub in members.flat_map(|members| &mut members.sub_attributes).filter(|sub| sub.name == "$ref") {
        sub.mutability = Mutability::Immutable;
        sub.reference_types = vec!["User".into()];
    }
    if is_source {
        return of;
    }
    of.description = "A role, group, team or the like that the app has; it is made in the app.".into();
    let told = Schema::new(&group_urn(), "Entitlement", "What the app calls it.")
        .with(Attribute::text("type", "What sort it is: role, group, team, inbox.").read_only())
        .with(Attribute::new("privileged", ScimKind::Boolean, "Whether much can be done with it.").read_only());
    of.with(told)
}
