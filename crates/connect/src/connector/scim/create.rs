//! Making somebody over SCIM, where the operator wants that: a POST of what SCIM takes, then over REST what it does not.
//! Everything is checked before the POST, and an address that is taken is looked up. A lost answer is remembered, so that
//! whoever came of it is known again; nobody else is taken over. It does not verify: the account is read afterwards.

use super::seen::Person;
use super::{Scim, ScimAsk, record_of};
use crate::connector::Inner;
use crate::connector::perform::{Act, Performed};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{CardinalityWord, EntitlementSpec, KindSpec, On, ScimCreate};
use serde_json::Value;
use tenure_core::abilities::Effect;
use tenure_core::account::{Account, Kind};
use tenure_core::change::{Change, WishedGrant};
use tenure_core::look::same;
use tenure_core::name::Name;
use tenure_scim::Newcomer;

impl Scim {
    /// Makes the account of a person: `own` are the changes that only SCIM makes, `rest` all others.
    pub(super) async fn create(
        &self,
        inner: &Inner,
        act: &Act<'_>,
        how: &ScimCreate,
        own: &[Change],
        rest: &[Change],
    ) -> Result<Performed, ConnectError> {
        let Some(address) = asked_text(rest, "email") else {
            return Err(ConnectError::new(ErrorKind::Validation, "nobody is made without an address").about("email"));
        };
        let makes = how.makes.unwrap_or(act.kind);
        let earlier = if makes == act.kind { None } else { inner.by_address(makes, address).await? };
        let person = match &earlier {
            Some(account) if account.state.gives_access() => None,
            Some(account) => return Err(taken(inner, &format!("a {makes} who is {}", account.state))),
            None => Some(self.make(inner, act, how, address, rest).await?),
        };
        let half = |error: ConnectError| {
            let may_have_happened = error.may_have_happened || person.is_some();
            ConnectError { may_have_happened, ..error }
        };
        let found = match earlier {
            Some(account) => Some(account),
            None => inner.by_address(makes, address).await.map_err(half)?,
        };
        let Some(account) = found else {
            let text = format!("made over SCIM, and {} does not show it over REST yet", inner.manifest().title);
            return Err(half(ConnectError::new(ErrorKind::Vendor, text)));
        };
        if let Some(person) = &person {
            self.keep(&account.key, &person.id).await;
        }
        let key = inner.complete(act, &account, rest).await.map_err(half)?.account;
        if !own.is_empty() {
            self.change(inner, act, &key, Some(address.to_owned()), own).await.map_err(half)?;
        }
        Ok(Performed { account: key, answered: None, unsent: Vec::new() })
    }

    /// Asks for a new user and returns who it is.
    async fn make(
        &self,
        inner: &Inner,
        act: &Act<'_>,
        how: &ScimCreate,
        address: &str,
        changes: &[Change],
    ) -> Result<Person, ConnectError> {
        let ask = ScimAsk::make("/Users", act.effect, act.priority).body(&newcomer(inner, how, changes)?);
        let begun = address.to_lowercase();
        let error = match self.send(inner, ask).await {
            Ok(response) => {
                self.directory.lock().await.begun.insert(begun.clone());
                let told = record_of(&response).ok().and_then(Person::read).filter(|person| person.is(address));
                if let Some(person) = told {
                    return Ok(person);
                }
                let text = "the answer to the new SCIM user does not tell who it is";
                ConnectError { may_have_happened: true, ..ConnectError::new(ErrorKind::Malformed, text) }
            }
            Err(error) => error,
        };
        if error.may_have_happened {
            self.directory.lock().await.begun.insert(begun);
            return Err(error);
        }
        if error.kind != ErrorKind::Duplicate {
            return Err(error);
        }
        match self.find(inner, address, act.priority).await? {
            Some(person) if self.directory.lock().await.begun.contains(&begun) => Ok(person),
            Some(person) if person.is_active() => Err(taken(inner, "an active user")),
            Some(_) => Err(taken(inner, "a user who was deactivated")),
            None => Err(taken(inner, "somebody whom SCIM does not show, as a contact or as a second address")),
        }
    }
}

impl Inner {
    async fn by_address(&self, kind: Kind, address: &str) -> Result<Option<Account>, ConnectError> {
        let (spec, _) = self.kind(kind)?;
        let Some(lookup) = spec.lookup.get("email") else {
            let text = format!("{} cannot be looked up by email", spec.title);
            return Err(ConnectError::new(ErrorKind::Configuration, text));
        };
        let mut found = self.find_in(kind, lookup, address).await?;
        found.sort_by_key(|account| !account.state.gives_access());
        Ok(found.into_iter().next())
    }

    /// Sets over REST what SCIM did not.
    async fn complete(&self, act: &Act<'_>, made: &Account, changes: &[Change]) -> Result<Performed, ConnectError> {
        let (spec, _) = self.kind(act.kind)?;
        // A list may leave out what the app gave by itself.
        let whole = match made.key.kind == act.kind {
            true => self.hold(&made.key, act.priority, None).await?.map(|held| held.account),
            false => None,
        };
        let made = whole.as_ref().unwrap_or(made);
        let left: Vec<Change> = changes.iter().filter_map(|change| open(spec, made, change)).collect();
        if made.key.kind != act.kind {
            let convert = Act { effect: Effect::Convert, account: Some(&made.key), changes: &left, ..*act };
            return self.perform_rest(&convert, None).await;
        }
        let alike = spec.effects.get(&Effect::Grant).is_none_or(|grant| grant.like == Some(Effect::Update));
        let (grants, fields): (Vec<Change>, Vec<Change>) =
            left.into_iter().partition(|change| !alike && change.entitlement.is_some());
        for (effect, changes) in [(Effect::Update, fields), (Effect::Grant, grants)] {
            if !changes.is_empty() {
                let set = Act { effect, account: Some(&made.key), changes: &changes, ..*act };
                self.perform_rest(&set, None).await?;
            }
        }
        Ok(Performed { account: made.key.clone(), answered: None, unsent: Vec::new() })
    }
}

/// Returns the body of a new user.
fn newcomer(inner: &Inner, how: &ScimCreate, changes: &[Change]) -> Result<Newcomer, ConnectError> {
    let lower = inner.manifest().scim.as_ref().is_some_and(|scim| scim.lower_case);
    let mut new = Newcomer::default();
    let mut set = |path: &str, value: Value| {
        new.set(path, value).map_err(|error| ConnectError::new(ErrorKind::Configuration, error.to_string()))
    };
    for change in changes.iter().filter(|change| !change.after.is_null()) {
        for path in how.fields.get(change.field.as_str()).into_iter().flatten() {
            match change.after.as_str().filter(|_| lower && path == "userName") {
                Some(text) => set(path, text.to_lowercase().into())?,
                None => set(path, change.after.clone())?,
            }
        }
    }
    if let (Some([first, others]), Some(name)) = (&how.split_name, asked_text(changes, "name")) {
        let (given, family) = name.trim().split_once(' ').unwrap_or((name, ""));
        set(first, given.into())?;
        if !family.trim().is_empty() {
            set(others, family.trim().into())?;
        }
    }
    Ok(new)
}

/// Returns what is left of a change on a record that was just made, as REST can make it: a set replaces what the app
/// gave by itself. What REST cannot change is left out, and told of by reading back.
fn open(spec: &KindSpec, made: &Account, change: &Change) -> Option<Change> {
    let word = change.field.as_str();
    if let Some(field) = spec.fields.get(word) {
        let is_so = made.told(word).is_some_and(|now| same(&now, &change.after, field.fold_case));
        let writes = field.write.is_some() && field.on.contains(&On::Update);
        return (writes && !is_so).then(|| change.clone());
    }
    let by_kind =
        |spec: &&EntitlementSpec| change.entitlement.as_ref().is_some_and(|asked| asked.kind.as_str() == spec.kind);
    let grants = spec.entitlements.get(word).or_else(|| spec.entitlements.values().find(by_kind));
    let Some(grants) = grants else { return Some(change.clone()) };
    let writes = grants.write.as_ref().is_some_and(|write| write.on.contains(&On::Update));
    let is_set = grants.cardinality == CardinalityWord::Many;
    let mut left = change.clone();
    if let Some(asked) = left.entitlement.as_mut().filter(|_| is_set) {
        let wished = |name: &str| asked.add.iter().any(|wished| wished.name.eq_ignore_ascii_case(name));
        let others = made.grants_of(&asked.kind).filter(|grant| !wished(&grant.name));
        let gone = |name: &str| WishedGrant { name: Name::new(name), scope: None, privileged: false };
        asked.remove = others.map(|grant| gone(&grant.name)).collect();
    }
    writes.then_some(left)
}

fn asked_text<'c>(changes: &'c [Change], field: &str) -> Option<&'c str> {
    changes.iter().find(|change| change.field.as_str() == field)?.after.as_str()
}

fn taken(inner: &Inner, whom: &str) -> ConnectError {
    let text = format!("the address is taken in {}, by {whom}; nobody was made", inner.manifest().title);
    ConnectError::new(ErrorKind::Duplicate, text).hinting("pull and plan again: whoever is there is taken into account")
}
