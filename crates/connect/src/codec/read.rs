//! Records into accounts: the compiled read form of one kind.
//! The walker hands in each record of a page, looks and writes hand in single ones. A record without an id is none.

use super::json::{Json, Place, Places, Wanted};
use super::moment::read_moment;
use super::names::{NameList, Names};
use super::state::{Memory, Moments, StateReader};
use super::value::ValueCodec;
use crate::manifest::{EntitlementSpec, GrantForm, GrantPlace, KindSpec};
use serde_json::Value;
use std::borrow::Cow;
use tenure_core::account::{Account, AccountKey, FieldNames, Fields, Grant, Kind};
use tenure_core::name::{ConnectionName, EntitlementKind, FieldName, Name, NativeId};

/// The compiled read form of one kind.
#[derive(Debug)]
pub(crate) struct RecordReader {
    connection: ConnectionName,
    kind: Kind,
    id: Places,
    email: Option<Places>,
    name: Option<Places>,
    external_id: Option<Places>,
    /// In the order of their names.
    fields: Vec<FieldReader>,
    names: FieldNames,
    grants: Vec<GrantReader>,
    state: StateReader,
    created: Places,
    updated: Places,
    /// For an app without a field for the whole name: its parts, for people who read lists.
    whole_name: Option<(FieldName, FieldName)>,
    wanted: Wanted,
    /// Texts that a record of somebody outside has, and where.
    outside: Vec<(Place, Box<str>)>,
}

#[derive(Debug)]
struct FieldReader {
    name: FieldName,
    places: Places,
    codec: ValueCodec,
    empty_in: Option<Place>,
}

impl FieldReader {
    /// Returns the value of a record; nothing where it is not told.
    fn value(&self, json: &Json<'_>) -> Option<Value> {
        let empty = || {
            let holder = self.empty_in.as_ref()?.of(json)?;
            matches!(holder, Json::Object(_)).then_some(Value::Null)
        };
        self.found(json).map(|found| self.codec.read(found)).or_else(empty)
    }

    /// Returns the place that counts: of several that may hold a word, the first that does; a `false` that is none of them
    /// says nothing.
    fn found<'j, 'a>(&self, json: &'j Json<'a>) -> Option<&'j Json<'a>> {
        let several = self.codec.has_words() && self.places.iter().nth(1).is_some();
        let mut told = self.places.iter().filter(|_| several).filter_map(|place| place.of(json));
        if let Some(word) = told.find(|found| self.codec.is_word(found)) {
            return Some(word);
        }
        self.places.of_those(json, |found| !several || !matches!(found, Json::Flag(false)))
    }
}

#[derive(Debug)]
struct GrantReader {
    kind: EntitlementKind,
    reference: Option<Box<str>>,
    by_members: bool,
    places: Vec<GrantPlaceReader>,
    /// Where those lie that wait for somebody's approval.
    pending: Vec<GrantPlaceReader>,
    privileged: Vec<Box<str>>,
    exact: bool,
}

#[derive(Debug)]
struct GrantPlaceReader {
    at: Place,
    pending: bool,
    form: GrantForm,
    id: Box<str>,
    name: Option<Box<str>>,
    scope: Option<Box<str>>,
}

/// What a record is read with, besides itself.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub names: &'a Names,
    pub now_ms: i64,
    pub memory: &'a (dyn Fn(Kind, &str) -> Option<Memory> + Sync),
}

impl RecordReader {
    /// Compiles the read form of `kind`.
    pub fn new(connection: &ConnectionName, kind: Kind, spec: &KindSpec) -> Self {
        let own = |field: &str| spec.fields.get(field).map(|field| Places::new(&field.read));
        let mut fields: Vec<FieldReader> = spec
            .fields
            .iter()
            .filter(|(name, field)| {
                !matches!(name.as_str(), "email" | "name" | "external_id") && !field.read.is_empty()
            })
            .map(|(name, field)| FieldReader {
                name: FieldName::new(name),
                places: Places::new(&field.read),
                empty_in: field.empty_in.as_deref().map(Place::new),
                codec: ValueCodec::new(field),
            })
            .collect();
        fields.sort_by(|one, other| one.name.cmp(&other.name));
        let has = |wanted: &str| fields.iter().any(|field| field.name.as_str() == wanted);
        let whole_name = (own("name").is_none() && has("given_name") && has("family_name"))
            .then(|| (FieldName::new("given_name"), FieldName::new("family_name")));
        let mut reader = Self {
            connection: connection.clone(),
            kind,
            id: Places::new(&spec.id),
            email: own("email"),
            name: own("name"),
            external_id: own("external_id"),
            names: FieldNames::new(fields.iter().map(|field| field.name.clone())),
            fields,
            grants: spec.entitlements.values().map(GrantReader::new).collect(),
            state: StateReader::new(&spec.state),
            created: Places::new(&spec.created),
            updated: Places::new(&spec.updated),
            whole_name,
            wanted: Wanted::default(),
            outside: spec.outside.iter().map(|(at, text)| (Place::new(at), text.to_lowercase().into())).collect(),
        };
        reader.wanted = Wanted::new(reader.places());
        reader
    }

    /// Lists every place that is read.
    fn places(&self) -> impl Iterator<Item = &Place> {
        let own = [&self.email, &self.name, &self.external_id].into_iter().flatten();
        let own = own.chain([&self.id, &self.created, &self.updated]);
        let all = own.chain(self.fields.iter().map(|field| &field.places)).flat_map(Places::iter);
        let grants = self.grants.iter().flat_map(|reader| reader.places.iter().chain(&reader.pending));
        let grants = grants.map(|place| &place.at);
        let outside = self.outside.iter().map(|(place, _)| place);
        all.chain(grants).chain(self.state.places()).chain(outside)
    }

    /// Returns what is read of a record; the rest need not be decoded.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Tells whether a record is of somebody outside, of whom nothing is known here.
    pub fn is_outside(&self, json: &Json<'_>) -> bool {
        let holds = |(place, text): &(Place, Box<str>)| {
            let found = place.of(json).and_then(Json::plain);
            found.is_some_and(|found| found.to_lowercase().contains(&**text))
        };
        self.outside.iter().any(holds)
    }

    /// Returns the id of a record.
    pub fn id(&self, json: &Json<'_>) -> Option<Box<str>> {
        self.id.of(json).and_then(Json::id)
    }

    /// Tells whether what we know from before can matter.
    pub fn asks_memory(&self) -> bool {
        self.state.asks_memory()
    }

    /// Returns the account of a record; nothing for one without an id.
    pub fn read(&self, json: &Json<'_>, reading: Reading<'_>) -> Option<Account> {
        self.read_with_id(json, self.id(json)?, reading).into()
    }

    /// Returns the account of a record whose id was read before.
    pub fn read_with_id(&self, json: &Json<'_>, id: Box<str>, reading: Reading<'_>) -> Account {
        let memory = if self.state.asks_memory() { (reading.memory)(self.kind, &id) } else { None };
        let moment = |places: &Places| match places.of(json) {
            Some(Json::Text(text)) => read_moment(text),
            _ => None,
        };
        let moments = Moments { created: moment(&self.created), updated: moment(&self.updated), now: reading.now_ms };
        let fields = self.names.fields(|at| self.fields[at].value(json));
        let text = |places: &Option<Places>| -> Option<Box<str>> {
            let found = places.as_ref()?.of(json)?.plain()?;
            (!found.is_empty()).then(|| found.as_ref().into())
        };
        let mut account = Account {
            login: text(&self.email),
            name: text(&self.name).or_else(|| self.joined_name(&fields)),
            state: self.state.read(json, moments, memory),
            external_id: text(&self.external_id),
            grants: Vec::new(),
            grants_known: Vec::new(),
            fields,
            created_ms: moments.created,
            updated_ms: moments.updated,
            key: AccountKey { connection: self.connection.clone(), kind: self.kind, id: NativeId(id) },
        };
        for reader in &self.grants {
            reader.read(json, reading.names, &mut account);
        }
        account.grants.sort_unstable();
        account.grants.dedup();
        account
    }

    fn joined_name(&self, fields: &Fields) -> Option<Box<str>> {
        let (given, family) = self.whole_name.as_ref()?;
        match (fields.text(given.as_str()), fields.text(family.as_str())) {
            (Some(given), Some(family)) => Some([given, " ", family].concat().into()),
            (one, other) => one.or(other).map(Into::into),
        }
    }
}

fn items<'a, 'j>(found: &'a Json<'j>) -> &'a [Json<'j>] {
    match found {
        Json::Null => &[],
        Json::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    }
}

impl GrantPlaceReader {
    fn new(place: &GrantPlace, pending: bool) -> Self {
        Self {
            at: Place::new(&place.at),
            pending,
            form: place.form,
            id: place.id.as_str().into(),
            name: place.name.as_deref().map(Into::into),
            scope: place.scope.as_deref().map(Into::into),
        }
    }
}

impl GrantReader {
    fn new(spec: &EntitlementSpec) -> Self {
        Self {
            kind: EntitlementKind::new(&spec.kind),
            reference: spec.reference.as_deref().map(Into::into),
            by_members: spec.by_members,
            places: spec.read.iter().map(|place| GrantPlaceReader::new(place, false)).collect(),
            pending: spec.pending.iter().map(|place| GrantPlaceReader::new(place, true)).collect(),
            privileged: spec.privileged.iter().map(|name| name.as_str().into()).collect(),
            exact: spec.exact,
        }
    }

    /// Adds what the record tells of this entitlement, and that it told.
    fn read(&self, json: &Json<'_>, names: &Names, account: &mut Account) {
        let list = self.reference.as_deref().and_then(|reference| names.list(reference));
        if let (true, Some(held)) = (self.by_members, list.and_then(|list| list.held_by(account.key.id.as_str()))) {
            account.grants.extend(held.iter().filter_map(|id| {
                let (id, name) = list?.entry(id)?;
                let (id, name) = (Some(id.clone()), name.clone());
                let privileged = self.is_privileged(&name);
                Some(Grant { kind: self.kind.clone(), id, name, scope: None, privileged, pending: false })
            }));
            account.grants_known.push(self.kind.clone());
            return;
        }
        let Some((place, found)) = self.places.iter().find_map(|place| Some((place, place.at.of(json)?))) else {
            return;
        };
        let mut held: Vec<Grant> = items(found).iter().filter_map(|item| self.grant(place, item, list)).collect();
        for place in &self.pending {
            let waiting =
                place.at.of(json).map_or(&[][..], items).iter().filter_map(|item| self.grant(place, item, list));
            let new: Vec<Grant> = waiting.filter(|grant| !held.iter().any(|has| has.name == grant.name)).collect();
            held.extend(new);
        }
        account.grants.append(&mut held);
        account.grants_known.push(self.kind.clone());
    }

    fn grant(&self, place: &GrantPlaceReader, item: &Json<'_>, list: Option<&NameList>) -> Option<Grant> {
        let (id, name, scope) = match place.form {
            GrantForm::Name => (None, item.plain(), None),
            GrantForm::Id => (item.id(), None, None),
            GrantForm::Object => {
                let of = |key: &Option<Box<str>>| key.as_deref().and_then(|key| item.get(key)).and_then(Json::plain);
                (item.get(&place.id).and_then(Json::id), of(&place.name), of(&place.scope))
            }
        };
        let name = name.filter(|name| !name.is_empty());
        let (id, name) = match id.as_deref().and_then(|id| list?.entry(id)) {
            Some((id, name)) => (Some(id.clone()), name.clone()),
            None => {
                let id = id.as_deref().map(Name::new);
                let name = name.map(|name| Name::new(&name)).or_else(|| id.clone())?;
                (id, name)
            }
        };
        let privileged = self.is_privileged(&name);
        let scope = scope.as_deref().map(Name::new);
        Some(Grant { kind: self.kind.clone(), id, name, scope, privileged, pending: place.pending })
    }

    fn is_privileged(&self, name: &str) -> bool {
        self.privileged.iter().any(|known| if self.exact { **known == *name } else { known.eq_ignore_ascii_case(name) })
    }
}

/// Returns the text of an account's field by which it is looked up.
pub(crate) fn sought<'a>(account: &'a Account, field: &str) -> Option<Cow<'a, str>> {
    match field {
        "email" => account.login.as_deref().map(Cow::Borrowed),
        "name" => account.name.as_deref().map(Cow::Borrowed),
        "external_id" => account.external_id.as_deref().map(Cow::Borrowed),
        other => match account.fields.get(other)? {
            Value::String(text) => Some(Cow::Borrowed(text.as_str())),
            Value::Null => None,
            value => Some(value.to_string().into()),
        },
    }
}
