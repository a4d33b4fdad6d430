//! Looking: one account by its id, or accounts by an address or an outside key. There are three answers, and the third,
//! could not look, is never read as absence.
//! A look-up is believed only as far as it can be checked: every match is compared again, and an app that answers with
//! others than those asked for is walked as a whole.

use super::ask::{Ask, json_of};
use super::gather::Member;
use super::references::FRESH;
use super::walk::Walk;
use super::{Connector, Inner};
use crate::codec::json::{Json, Place};
use crate::codec::names::Names;
use crate::codec::read::{Reading, sought};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{LookupSpec, Method, ReadSpec};
use crate::transport::{Priority, Response};
use async_recursion::async_recursion as boxed;
use indexmap::IndexMap;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tenure_core::account::{Account, AccountKey, Kind};

/// For how long an app that refused to look by a filter is not asked by it again.
const REFUSED_FOR: Duration = Duration::from_secs(60 * 60);

/// What a look found.
#[derive(Debug, Clone, PartialEq)]
pub enum Look<T = Box<Account>> {
    /// This.
    Found(T),
    /// It is certainly not there.
    Absent,
    /// Nobody knows: it could not be looked for.
    CouldNotLook(ConnectError),
}

/// By what accounts are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupBy<'a> {
    /// The address, in any case.
    Email(&'a str),
    /// The key that an outside system left on the record.
    ExternalId(&'a str),
}

impl<'a> LookupBy<'a> {
    fn word(self) -> (&'static str, &'a str) {
        match self {
            Self::Email(address) => ("email", address),
            Self::ExternalId(key) => ("external_id", key),
        }
    }
}

/// An account together with the answer in which it lies.
pub(super) struct Held {
    pub account: Account,
    pub response: Response,
}

impl Connector {
    /// Looks at one account.
    pub async fn read(&self, key: &AccountKey) -> Look {
        self.read_as(key, Priority::Write).await
    }

    /// Looks at one account, as urgently as what comes of it is.
    #[boxed]
    pub async fn read_as(&self, key: &AccountKey, priority: Priority) -> Look {
        match self.0.hold(key, priority, self.1.as_deref()).await {
            Ok(Some(held)) => Look::Found(Box::new(held.account)),
            Ok(None) => Look::Absent,
            Err(error) => Look::CouldNotLook(error),
        }
    }

    /// Looks for accounts of `kind`, inactive ones included, and of the kinds that share its space of addresses.
    pub async fn find(&self, kind: Kind, by: LookupBy<'_>) -> Look<Vec<Account>> {
        match self.0.find(kind, by, self.1.as_deref()).await {
            Ok(found) if found.is_empty() => Look::Absent,
            Ok(found) => Look::Found(found),
            Err(error) => Look::CouldNotLook(error),
        }
    }
}

impl Inner {
    /// Reads one record by its id; nothing where the app says that there is none.
    #[boxed]
    pub(super) async fn hold(
        &self,
        key: &AccountKey,
        priority: Priority,
        member: Option<&Member>,
    ) -> Result<Option<Held>, ConnectError> {
        if key.connection != self.settings.name {
            let text = format!("{key} is not an account of {}", self.settings.name);
            return Err(ConnectError::new(ErrorKind::Configuration, text));
        }
        let (spec, reader) = self.kind(key.kind)?;
        let Some(read) = &spec.read else {
            let text = format!("{} cannot be read by id", spec.title);
            return Err(ConnectError::new(ErrorKind::Unsupported, text));
        };
        let Some(response) = self.ask_for(key, read, member, priority).await? else { return Ok(None) };
        let names = self.names(FRESH, priority).await?;
        let account = {
            let json = json_of(&response)?;
            let record = match &read.read_body {
                None => Place::new(&read.item).of(&json),
                // An app that reads by POST answers with a list of those that fit.
                Some(_) => {
                    let rows = super::walk::rows_of(&json, &Place::new(&read.item), &read.path)?;
                    let is = |row: &&Json<'_>| reader.id(row).is_some_and(|id| *id == *key.id.as_str());
                    let Some(found) = rows.iter().find(is) else { return Ok(None) };
                    Some(found)
                }
            };
            if record.is_some_and(|record| reader.is_outside(record)) {
                return Ok(None);
            }
            record.and_then(|record| reader.read(record, self.reading(&names, &self.memory())))
        };
        let malformed = |text: String| Err(ConnectError::new(ErrorKind::Malformed, text));
        match account {
            Some(mut account) if account.key == *key => {
                self.scim_join(&mut account, priority).await;
                Ok(Some(Held { account, response }))
            }
            Some(account) => malformed(format!("asked for {}, and the app answered with {}", key.id, account.key.id)),
            None => malformed(format!("the answer for {} holds no record where the app used to put it", key.id)),
        }
    }

    /// Asks for one record, along with what the others of a batch ask for; nothing where the app says that there is none.
    async fn ask_for(
        &self,
        key: &AccountKey,
        read: &ReadSpec,
        member: Option<&Member>,
        priority: Priority,
    ) -> Result<Option<Response>, ConnectError> {
        let ids = [("id", key.id.as_str())];
        let mut url = self.url(&read.path, &ids)?;
        if !read.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&read.query);
        }
        let mut ask = Ask::read(url, &read.path, priority);
        if let Some(body) = &read.read_body {
            ask.method = Method::Post;
            ask.body = Some(filled_body(body, &ids));
        }
        let along = match (member, &read.many) {
            (Some(member), Some(many)) => {
                self.read_along(member, &read.path, many, "{id}", key.id.as_str(), priority).await.transpose()
            }
            _ => None,
        };
        let response = match along {
            Some(along) => along,
            None => self.send_well(ask, &[200]).await,
        };
        match response {
            Ok(response) => Ok(Some(response)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn memory(&self) -> impl Fn(Kind, &str) -> Option<crate::codec::state::Memory> + Sync {
        |kind, id| self.memory_of(kind, id)
    }

    pub(super) fn reading<'a>(
        &self,
        names: &'a Names,
        memory: &'a (dyn Fn(Kind, &str) -> Option<crate::codec::state::Memory> + Sync),
    ) -> Reading<'a> {
        Reading { names, now_ms: self.now_ms(), memory }
    }

    async fn find(&self, kind: Kind, by: LookupBy<'_>, member: Option<&Member>) -> Result<Vec<Account>, ConnectError> {
        let (word, value) = by.word();
        if value.trim().is_empty() {
            return Err(ConnectError::new(ErrorKind::Validation, format!("an empty {word} cannot be looked for")));
        }
        let (spec, _) = self.kind(kind)?;
        let Some(lookup) = spec.lookup.get(word) else {
            let text = format!("{} cannot be looked up by {word}", spec.title);
            return Err(ConnectError::new(ErrorKind::Unsupported, text));
        };
        let along = match member {
            Some(member) => self.find_along(member, kind, lookup, value.trim()).await?,
            None => None,
        };
        let mut found = match along {
            Some(found) => found,
            None => self.find_in(kind, lookup, value.trim()).await?,
        };
        for also in &lookup.also {
            let (spec, _) = self.kind(*also)?;
            if let Some(lookup) = spec.lookup.get(word) {
                found.extend(self.find_in(*also, lookup, value.trim()).await?);
            }
        }
        for account in &mut found {
            self.scim_join(account, Priority::Write).await;
        }
        Ok(found)
    }

    /// Finds the records of one kind that match exactly, along with what the others look for; nothing where the app takes
    /// no such request, or may have cut its answer off.
    async fn find_along(
        &self,
        member: &Member,
        kind: Kind,
        lookup: &LookupSpec,
        value: &str,
    ) -> Result<Option<Vec<Account>>, ConnectError> {
        let (spec, _) = self.kind(kind)?;
        let (Some(many), Some(list)) = (&lookup.many, spec.list.as_ref()) else { return Ok(None) };
        let asked = self.read_along(member, &list.path, many, "{value}", value, Priority::Write).await?;
        let Some(response) = asked else { return Ok(None) };
        let names = self.names(FRESH, Priority::Write).await?;
        let json = json_of(&response)?;
        let rows = super::walk::rows_of(&json, &Place::new(&list.items), &list.path)?;
        if rows.len() >= usize::try_from(many.size).unwrap_or(usize::MAX) {
            return Ok(None);
        }
        let mut found = BTreeMap::new();
        let mut take = self.taker(kind, lookup, value, &names, &mut found)?;
        rows.iter().try_for_each(&mut take)?;
        drop(take);
        Ok(Some(found.into_values().collect()))
    }

    /// Finds the records of one kind that match exactly, over all passes of its list.
    pub(super) async fn find_in(
        &self,
        kind: Kind,
        lookup: &LookupSpec,
        value: &str,
    ) -> Result<Vec<Account>, ConnectError> {
        let names = self.names(FRESH, Priority::Write).await?;
        let mut found: BTreeMap<AccountKey, Account> = BTreeMap::new();
        for mut walk in self.lookup_walks(kind, lookup, value, &lookup.query)? {
            let filter = lookup.query.keys().fold(walk.path.clone(), |text, key| text + " " + key);
            let filters = !lookup.query.is_empty() && !self.is_refused(&filter);
            if filters {
                match self.collect(kind, &walk, lookup, value, &names, &mut found).await {
                    Err(error) if is_unknown_filter(&error) => {}
                    other => {
                        other?;
                        continue;
                    }
                }
            }
            // The app does not know the parameter: everything is read and compared, and it is not asked by it again soon.
            walk.query.retain(|(key, _)| !lookup.query.contains_key(key));
            self.collect(kind, &walk, lookup, value, &names, &mut found).await?;
            if filters {
                self.unfiltered.lock().unwrap_or_else(PoisonError::into_inner).insert(filter, self.clock.now());
            }
        }
        if found.is_empty() && !lookup.again.is_empty() {
            for walk in self.lookup_walks(kind, lookup, value, &lookup.again)? {
                self.collect(kind, &walk, lookup, value, &names, &mut found).await?;
            }
        }
        Ok(found.into_values().collect())
    }

    /// Tells whether the app refused a filter not long ago.
    fn is_refused(&self, filter: &str) -> bool {
        let now = self.clock.now();
        let refused = self.unfiltered.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(filter).is_some_and(|at| now.saturating_duration_since(*at) < REFUSED_FOR)
    }

    /// Returns one walk for each pass of the kind's list, with the filter of the look-up.
    fn lookup_walks(
        &self,
        kind: Kind,
        lookup: &LookupSpec,
        value: &str,
        query: &IndexMap<String, String>,
    ) -> Result<Vec<Walk>, ConnectError> {
        let (spec, _) = self.kind(kind)?;
        let Some(list) = &spec.list.as_ref().or(spec.searched.as_ref()) else {
            let text = format!("{} have no list to look in", spec.title);
            return Err(ConnectError::new(ErrorKind::Unsupported, text));
        };
        let mut body = list.read_body.as_ref().map(object);
        if let (Some(body), Some(over)) = (&mut body, &lookup.read_body) {
            body.extend(object(over).into_iter().map(|(key, over)| (key, filled_json(&over, &[("value", value)]))));
        }
        let filter = query.iter().map(|(key, pattern)| (key.clone(), pattern.replace("{value}", value)));
        let filter: Vec<(String, String)> = filter.collect();
        let pairs = |query: &IndexMap<String, String>| {
            query.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
        };
        let mut passes: Vec<Vec<(String, String)>> = list.passes.iter().map(|pass| pairs(&pass.query)).collect();
        if passes.is_empty() || !lookup.passes {
            passes = vec![Vec::new()];
        }
        let paging = Walk::paging(self, &list.paging)?;
        Ok(passes
            .into_iter()
            .map(|pass| Walk {
                path: list.path.clone(),
                items: Place::new(&list.items),
                paging: paging.clone(),
                query: pairs(&list.query).into_iter().chain(filter.clone()).chain(pass).collect(),
                body: body.clone(),
                priority: Priority::Write,
            })
            .collect())
    }

    async fn collect(
        &self,
        kind: Kind,
        walk: &Walk,
        lookup: &LookupSpec,
        value: &str,
        names: &Arc<Names>,
        found: &mut BTreeMap<AccountKey, Account>,
    ) -> Result<(), ConnectError> {
        let take = self.taker(kind, lookup, value, names, found)?;
        self.walk_all(walk, take).await
    }

    /// Returns what takes the records that match exactly out of a list.
    fn taker<'a>(
        &'a self,
        kind: Kind,
        lookup: &LookupSpec,
        value: &'a str,
        names: &'a Names,
        found: &'a mut BTreeMap<AccountKey, Account>,
    ) -> Result<impl FnMut(&Json<'_>) -> Result<(), ConnectError> + Send + use<'a>, ConnectError> {
        let (spec, reader) = self.kind(kind)?;
        let by = lookup.field.clone();
        let fold = spec.fields.get(&lookup.field).is_some_and(|field| field.fold_case);
        let memory = self.memory();
        let aliases: Vec<Place> = lookup.aliases.iter().map(|place| Place::new(place)).collect();
        let is = move |held: &str| if fold { held.to_lowercase() == value.to_lowercase() } else { held == value };
        let is_alias = move |row: &Json<'_>| {
            aliases.iter().filter_map(|place| place.of(row)).any(|found| match found {
                Json::List(values) => values.iter().filter_map(Json::plain).any(|held| is(&held)),
                one => one.plain().is_some_and(|held| is(&held)),
            })
        };
        Ok(move |row: &Json<'_>| {
            let account = reader.read(row, self.reading(names, &memory)).filter(|_| !reader.is_outside(row));
            let Some(account) = account else { return Ok(()) };
            if sought(&account, &by).is_some_and(|held| is(&held)) || is_alias(row) {
                found.insert(account.key.clone(), account);
            }
            Ok(())
        })
    }
}

/// Fills `{id}` and the like into the texts of a body.
pub(super) fn filled_body(body: &IndexMap<String, Value>, ids: &[(&str, &str)]) -> Value {
    Value::Object(body.iter().map(|(key, value)| (key.clone(), filled_json(value, ids))).collect())
}

fn filled_json(value: &Value, ids: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => {
            let filled = ids.iter().fold(text.clone(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id));
            Value::String(filled)
        }
        Value::Array(items) => items.iter().map(|item| filled_json(item, ids)).collect(),
        Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), filled_json(value, ids))).collect(),
        other => other.clone(),
    }
}

pub(super) fn object(body: &IndexMap<String, Value>) -> Map<String, Value> {
    body.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn is_unknown_filter(error: &ConnectError) -> bool {
    matches!(error.kind, ErrorKind::Validation | ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::Vendor)
}
