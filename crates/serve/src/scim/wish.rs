//! From a User as a client wants it to a wish: what of it differs from what is held, in the words of the walk.
//! Only what differs is wished, so that a client that echoes everything pins nothing.
//! It reads values and writes nothing.

use super::account::Held;
use super::entitlement::Entitlement;
use super::place::Place;
use super::shape::{ROLE, Shape};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use tenure_core::account::{Fields, Kind};
use tenure_core::facts::{ClientAsks, ClientWish};
use tenure_core::name::{FieldName, IdentityId, Name};
use tenure_scim::{ScimError, ScimType};

/// So many addresses of one person are kept beside the one for work.
const OTHERS_MAX: usize = 50;

/// Returns a wish that says nothing yet, about an account that is held or one that is to be.
pub(super) fn blank(held: Option<&Held>, id: String, client: String, identity: IdentityId, now_ms: i64) -> ClientWish {
    let account = held.and_then(|held| held.account.as_ref());
    let mut person = Fields::default();
    for (theirs, ours) in
        [("name", "name"), ("given_name", "given_name"), ("family_name", "family_name"), ("email", "work_email")]
    {
        if let Some(value) = account.and_then(|account| account.told(theirs)).filter(|value| !value.is_null()) {
            person.set(FieldName::new(ours), value);
        }
    }
    ClientWish {
        connection: account.map(|account| account.key.connection.clone()).unwrap_or_else(|| "".into()),
        id: id.into(),
        client,
        identity,
        account: account.map(|account| account.key.clone()),
        kind: None,
        asks: ClientAsks::Nothing,
        login: held.map(Held::login).unwrap_or_default(),
        external_id: None,
        primary: None,
        person,
        fields: Fields::default(),
        manager: None,
        grants: Default::default(),
        because: None,
        is_held: false,
        since_ms: now_ms,
        created_ms: now_ms,
        version: 0,
    }
}

/// What a client wants, beside what is held.
pub(super) struct Wanted<'a> {
    /// As it is shown.
    pub before: &'a Map<String, Value>,
    /// As it should be.
    pub after: &'a Map<String, Value>,
    /// Whether roles that are not named are to be taken: a replacement that does not speak of roles takes none.
    pub names_roles: bool,
    /// How the person is called as a whole, where the client says so and the app has no place for it.
    pub name: Option<&'a str>,
}

impl Wanted<'_> {
    /// Writes into a wish what the client wants.
    ///
    /// # Errors
    /// `invalidValue`: a value is none that the app has.
    pub fn lay(&self, wish: &mut ClientWish, shape: &Shape, entitlements: &[Entitlement]) -> Result<(), ScimError> {
        self.lay_login(wish, shape)?;
        wish.external_id = text(self.after, "externalId");
        if self.after.get("active") != self.before.get("active") {
            wish.asks = match self.after.get("active") {
                Some(Value::Bool(false)) => ClientAsks::Suspended,
                _ => ClientAsks::Present,
            };
        }
        // Whoever is named as the manager is looked up first.
        for (field, place) in shape.places.iter().filter(|(_, place)| **place != Place::Manager) {
            let (before, after) = (place.get(self.before, &shape.own), place.get(self.after, &shape.own));
            if before == after {
                continue;
            }
            match after {
                Some(value) => wish.fields.set(field.clone(), value),
                None if wish.account.is_none() => drop(wish.fields.remove(field.as_str())),
                // A switch is on or off: who takes it away means that it is not on.
                None if before.as_ref().is_some_and(Value::is_boolean) => {
                    if before == Some(Value::Bool(true)) {
                        wish.fields.set(field.clone(), false.into());
                    }
                }
                None => wish.fields.set(field.clone(), Value::Null),
            }
        }
        wish.primary = primary(self.after);
        self.lay_names(wish, shape);
        self.lay_kind(wish, shape)?;
        self.lay_roles(wish, shape, entitlements)
    }

    /// Lists the names of the roles that somebody has and should not.
    pub fn taken_roles(&self) -> BTreeSet<String> {
        match self.names_roles {
            true => role_names(self.before).difference(&role_names(self.after)).cloned().collect(),
            false => BTreeSet::new(),
        }
    }

    /// Says how the person is called: what a client leaves out is made of what it says, for apps need a name.
    fn lay_names(&self, wish: &mut ClientWish, shape: &Shape) {
        for name in ["name", "given_name", "family_name"] {
            let place = Place::of(&FieldName::new(name));
            if let Some(value) = place.and_then(|place| place.get(self.after, &shape.own)) {
                wish.person.set(FieldName::new(name), value);
            }
        }
        if let Some(name) = self.name.filter(|_| wish.person.text("name").is_none()) {
            wish.person.set(FieldName::new("name"), name.into());
        }
        let said = |name: &str| wish.person.text(name).map(str::to_owned);
        let parts = [said("given_name"), said("family_name")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let name = said("name").or(Some(parts).filter(|parts| !parts.is_empty())).unwrap_or_else(|| wish.login.clone());
        let (given, family) = name.split_once(' ').unwrap_or((&name, &name));
        for (field, value) in [("name", name.as_str()), ("given_name", given), ("family_name", family)] {
            if wish.person.text(field).is_none() {
                wish.person.set(FieldName::new(field), value.into());
            }
        }
    }

    /// Takes the sign-in name as it is written, and the address from the mails or from that name.
    fn lay_login(&self, wish: &mut ClientWish, shape: &Shape) -> Result<(), ScimError> {
        let login = text(self.after, "userName").unwrap_or_default();
        let mail = mail(self.after);
        let moved = login != text(self.before, "userName").unwrap_or_default();
        let mailed = mail.is_some() && mail != self::mail(self.before);
        // Who signs in with an address and renames only that is reached under the new one.
        let address = match (moved && login.contains('@'), mailed) {
            (true, false) => Some(login.clone()),
            (_, true) => mail,
            _ => None,
        };
        if let Some(address) = address.filter(|address| address.contains('@')) {
            wish.fields.set(shape.address.clone(), address.as_str().into());
            wish.person.set(FieldName::new("work_email"), address.into());
        }
        wish.login = login;
        if wish.person.text("work_email").is_none() {
            let because = "neither `userName` nor `emails` is an address; the app signs people in by one";
            return Err(ScimError::because(ScimType::InvalidValue, because));
        }
        Ok(())
    }

    fn lay_kind(&self, wish: &mut ClientWish, shape: &Shape) -> Result<(), ScimError> {
        if !shape.tells_kind() || self.after.get("userType") == self.before.get("userType") {
            return Ok(());
        }
        let Some(word) = text(self.after, "userType") else { return Ok(()) };
        let kind: Option<Kind> = word.to_lowercase().parse().ok().filter(|kind| shape.kinds.contains(kind));
        let kind = kind.ok_or_else(|| {
            let known: Vec<&str> = shape.kinds.iter().map(|kind| kind.as_str()).collect();
            ScimError::because(ScimType::InvalidValue, format!("`userType` is one of {}", known.join(", ")))
        })?;
        if wish.account.as_ref().is_some_and(|account| account.kind != kind) {
            let because = "`userType` is said when somebody is made; who is given a role becomes an agent";
            return Err(ScimError::because(ScimType::Mutability, because));
        }
        wish.kind = Some(kind);
        Ok(())
    }

    fn lay_roles(&self, wish: &mut ClientWish, shape: &Shape, all: &[Entitlement]) -> Result<(), ScimError> {
        if !shape.account.schema.attributes.iter().any(|attribute| attribute.name == "roles") || !self.names_roles {
            return Ok(());
        }
        let find = |name: &String| {
            let is = |one: &&Entitlement| {
                one.of_kind == ROLE
                    && (one.name.to_lowercase() == name.to_lowercase()
                        || one.id == *name
                        || one.id == format!("{ROLE}-{name}"))
            };
            let found = all.iter().find(is).cloned();
            found.or_else(|| unlisted(shape, all, name)).ok_or_else(|| {
                let known: Vec<&str> = all.iter().filter(|one| one.of_kind == ROLE).map(|one| &*one.name).collect();
                let because = format!("`roles`: the app has none of that name, there are {}", known.join(", "));
                ScimError::because(ScimType::InvalidValue, because)
            })
        };
        let (before, after) = (role_names(self.before), role_names(self.after));
        // What is one of a kind is replaced: the old one goes first.
        for name in before.difference(&after) {
            if let Ok(role) = find(name) {
                grant(wish, shape, &role, false);
            }
        }
        for name in after.difference(&before) {
            grant(wish, shape, &find(name)?, true);
        }
        Ok(())
    }
}

/// Writes into a wish that somebody should hold an entitlement, or not.
pub(super) fn grant(wish: &mut ClientWish, shape: &Shape, entitlement: &Entitlement, held: bool) {
    let kind = wish.account.as_ref().map(|account| account.kind).or(wish.kind);
    let fits = |kind: &Kind| entitlement.word(*kind).is_some();
    // Who is to hold what only agents hold is to be an agent.
    let kind = kind.filter(fits).or_else(|| shape.kinds.iter().copied().find(fits));
    let Some((kind, word)) = kind.and_then(|kind| Some((kind, entitlement.word(kind)?.clone()))) else { return };
    // Who is held as something else becomes it, where the app has a way there.
    let converts = |from: Kind| shape.ability(kind).is_some_and(|ability| ability.convert_from.contains(&from));
    if held && wish.account.as_ref().is_none_or(|account| converts(account.kind)) {
        wish.kind = Some(kind);
    }
    let is_single = shape
        .ability(kind)
        .and_then(|ability| ability.entitlements.get(&word))
        .is_some_and(|ability| ability.cardinality == tenure_core::abilities::Cardinality::One);
    let names = wish.grants.entry(word).or_default();
    if is_single {
        names.clear();
        if !held {
            return; // one of a kind is replaced, never taken
        }
    }
    names.insert(Name::new(&entitlement.name), held);
}

/// Takes a role by its name where the app tells no list of them: whether there is one, it says when it is asked.
fn unlisted(shape: &Shape, all: &[Entitlement], name: &str) -> Option<Entitlement> {
    if all.iter().any(|one| one.of_kind == ROLE) {
        return None;
    }
    let words = shape.words().filter(|(_, _, ability)| &*ability.kind.0 == ROLE);
    let words: std::collections::BTreeMap<Kind, Name> = words.map(|(kind, word, _)| (kind, word.clone())).collect();
    (!words.is_empty()).then(|| Entitlement {
        id: format!("{ROLE}-{name}"),
        of_kind: ROLE.to_owned(),
        name: Name::new(name),
        shown: name.to_owned(),
        privileged: false,
        external_id: None,
        words,
    })
}

fn role_names(resource: &Map<String, Value>) -> BTreeSet<String> {
    let roles = resource.get("roles").and_then(Value::as_array).into_iter().flatten();
    let name = |role: &Value| {
        let part = |name: &str| role.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        role.as_str().or_else(|| part("value")).or_else(|| part("display")).map(str::to_owned)
    };
    roles.filter_map(name).collect()
}

/// Returns the address: the mail for work, else the first choice, else the first.
pub(super) fn mail(resource: &Map<String, Value>) -> Option<String> {
    mail_of(resource)?.get("value")?.as_str().map(str::to_owned)
}

/// Returns whether the client calls that address its first choice, where it says so.
pub(super) fn primary(resource: &Map<String, Value>) -> Option<bool> {
    mail_of(resource)?.get("primary")?.as_bool()
}

/// Returns of which type the client calls that address, where it says so.
pub(super) fn mail_type(resource: &Map<String, Value>) -> Option<String> {
    mail_of(resource)?.get("type")?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Returns the addresses beside that one.
pub(super) fn other_mails(resource: &Map<String, Value>) -> Vec<&Value> {
    let main = mail_of(resource);
    let all = resource.get("emails").and_then(Value::as_array).into_iter().flatten();
    let is_other = |one: &&Value| !main.is_some_and(|main| std::ptr::eq(main, *one));
    let has_value = |one: &&Value| one.get("value").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    all.filter(is_other).filter(has_value).take(OTHERS_MAX).collect()
}

fn mail_of(resource: &Map<String, Value>) -> Option<&Value> {
    let all = resource.get("emails")?.as_array()?;
    let is_work =
        |mail: &&Value| mail.get("type").and_then(Value::as_str).is_some_and(|of| of.eq_ignore_ascii_case("work"));
    let is_first = |mail: &&Value| mail.get("primary") == Some(&Value::Bool(true));
    all.iter().find(is_work).or_else(|| all.iter().find(is_first)).or_else(|| all.first())
}

fn text(resource: &Map<String, Value>, name: &str) -> Option<String> {
    resource.get(name).and_then(Value::as_str).map(str::to_owned)
}
