//! Performing: one effect as the calls that the manifest names for it, with bodies of whitelisted keys only.
//! Acts come from `engine`, which looked before and looks after. Where the app replaces whole records or whole lists,
//! the record is read and merged here first. It does not verify and does not try again what may have happened.

use super::ask::{Ask, Repeat, is_page, json_of, page_for_a_write};
use super::each::stops;
use super::gather::Member;
use super::look::Held;
use super::references::FRESH;
use super::{Connector, Inner};
use crate::codec::json::{Json, Place, Places};
use crate::codec::names::Names;
use crate::codec::state::Memory;
use crate::codec::write::{Present, Write};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{Body, Call, CallWhen, CardinalityWord, EffectSpec, KindSpec, Method, On};
use crate::transport::{Priority, Response};
use async_recursion::async_recursion as boxed;
use std::sync::Arc;
use std::time::Duration;
use tenure_core::abilities::Effect;
use tenure_core::account::{Account, AccountKey, Kind};
use tenure_core::change::Change;

/// One effect to perform.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// What.
    pub effect: Effect,
    /// The kind of record that is made or touched; for `convert`: what it becomes.
    pub kind: Kind,
    /// The account; none when it is yet to be made.
    pub account: Option<&'a AccountKey>,
    /// What becomes different. A change that refers to another account carries that account's native id.
    pub changes: &'a [Change],
    /// How urgent it is.
    pub priority: Priority,
}

/// An effect that the app accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Performed {
    /// The account from now on; an app may give it a new id.
    pub account: AccountKey,
    /// What the app answered of the account; what it left out is unknown.
    pub answered: Option<Account>,
    /// What was asked and this way of doing it does not send: nobody may take it for ignored by the app.
    pub unsent: Vec<String>,
}

impl Connector {
    /// Performs one effect.
    ///
    /// # Errors
    /// The app or the manifest does not allow it, or no clear answer came; the error tells whether it may have happened.
    #[boxed]
    pub async fn perform(&self, act: &Act<'_>) -> Result<Performed, ConnectError> {
        let performed = self.perform_split(act).await?;
        if let Some(known) = known_after(act.effect).filter(|_| self.asks_memory()) {
            self.remember([(performed.account.clone(), known)]);
        }
        Ok(performed)
    }
}

/// Returns what is known of an account after an effect.
fn known_after(effect: Effect) -> Option<Memory> {
    match effect {
        Effect::Create | Effect::Resume | Effect::Convert => Some(Memory::Made),
        Effect::Suspend | Effect::Delete => Some(Memory::PutOut),
        _ => None,
    }
}

/// An effect on its way.
struct Performing<'a> {
    inner: &'a Inner,
    act: &'a Act<'a>,
    spec: &'a KindSpec,
    effect: &'a EffectSpec,
    names: Arc<Names>,
    /// Those with whom it goes together.
    member: Option<&'a Member>,
    /// The record as it is now, where it had to be read.
    held: Option<Held>,
}

/// What the calls so far have led to.
struct Course {
    id: Option<String>,
    found: Option<String>,
    answered: Option<Account>,
    done: usize,
}

impl<'a> Performing<'a> {
    async fn begin(inner: &'a Inner, act: &'a Act<'a>, member: Option<&'a Member>) -> Result<Self, ConnectError> {
        let (spec, _) = inner.kind(act.kind)?;
        let effect = effect_of(spec, act.effect)?;
        if act.effect != Effect::Create && act.account.is_none() {
            let text = format!("{} needs an account", act.effect);
            return Err(ConnectError::new(ErrorKind::Configuration, text));
        }
        act.account.map_or(Ok(()), |key| inner.check_protected(key))?;
        let names = inner.names(FRESH, act.priority).await?;
        let mut performing = Self { inner, act, spec, effect, names, member, held: None };
        if let Some(key) = act.account
            && performing.must_read()
        {
            performing.held = inner.hold(key, act.priority, member).await?;
            if performing.held.is_none() && act.effect != Effect::Convert {
                let text = format!("{key} is not there any more");
                return Err(ConnectError::new(ErrorKind::NotFound, text));
            }
        }
        Ok(performing)
    }

    fn on(&self) -> On {
        if self.act.effect == Effect::Create { On::Create } else { On::Update }
    }

    /// Tells whether the record as it is now is needed for the bodies.
    fn must_read(&self) -> bool {
        let calls = self
            .effect
            .calls
            .iter()
            .any(|call| call.body == Body::Whole || !call.carry.is_empty() || call.find.is_some());
        let on = self.on();
        calls
            || self.act.changes.iter().any(|change| match self.spec.fields.get(change.field.as_str()) {
                Some(field) => field.write.is_none() || !field.on.contains(&on),
                None => self.spec.entitlements.values().any(|spec| {
                    spec.cardinality == CardinalityWord::Many
                        && change.entitlement.as_ref().is_none_or(|asked| asked.kind.as_str() == spec.kind)
                }),
            })
    }

    async fn run(mut self) -> Result<Performed, ConnectError> {
        let held = self.held.take();
        // A record of another kind tells the address of its person, but nothing that could be merged.
        let json = held.as_ref().map(|held| json_of(&held.response)).transpose()?;
        let place = held
            .as_ref()
            .and_then(|held| self.inner.kind(held.account.key.kind).ok())
            .map(|(spec, _)| Place::new(spec.read.as_ref().map_or("", |read| read.item.as_str())));
        let id = held.as_ref().map(|held| held.account.key.id.as_str());
        let record = json.as_ref().zip(place.as_ref()).and_then(|(json, place)| self.record(json, place, id));
        let present = held.as_ref().zip(record).map(|(held, record)| Present { account: &held.account, record });
        let own = present.filter(|present| present.account.key.kind == self.act.kind);
        let mut write = self.prepare(own).await?;
        if self.act.effect == Effect::Create {
            write.check_required()?;
        }
        let mut course =
            Course { id: self.act.account.map(|key| key.id.to_string()), found: None, answered: None, done: 0 };
        let mut refused = None;
        for call in &self.effect.calls {
            if !self.is_due(call, &course, &write) {
                continue;
            }
            match self.call(call, &mut course, &mut write, present, own).await {
                Ok(()) => {}
                // Each of these calls ends something by itself, and no look shows what: a refused one keeps none of the
                // others back, and nobody doubts that it was refused.
                Err(error) if self.act.effect == Effect::EndSessions => {
                    let has_no_right = error.kind == ErrorKind::Scope && course.done == 0;
                    let stops = stops(&error) || has_no_right;
                    refused.get_or_insert(error);
                    if stops {
                        break;
                    }
                }
                Err(error) => {
                    let may_have_happened = error.may_have_happened || course.done > 0;
                    return Err(ConnectError { may_have_happened, ..error });
                }
            }
        }
        if let Some(error) = refused {
            let part = if course.done > 0 { "a part was done, and then: " } else { "" };
            return Err(ConnectError { text: format!("{part}{}", error.text), ..error });
        }
        let Some(id) = course.id else {
            let mut error = ConnectError::new(ErrorKind::Malformed, "the app did not tell the id of the account");
            error.may_have_happened = true;
            return Err(error);
        };
        let account = AccountKey::new(&self.inner.settings.name, self.act.kind, id);
        Ok(Performed { account, answered: course.answered, unsent: write.unsent() })
    }

    /// Returns the record that was read, out of the answer in which it lies.
    fn record<'j, 'd>(&self, json: &'j Json<'d>, place: &Place, id: Option<&str>) -> Option<&'j Json<'d>> {
        if self.spec.read.as_ref().is_none_or(|read| read.read_body.is_none()) {
            return place.of(json);
        }
        let (_, reader) = self.inner.kind(self.act.kind).ok()?;
        let rows = super::walk::rows_of(json, place, "").ok()?;
        rows.iter().find(|row| reader.id(row).as_deref() == id)
    }

    /// Sorts and resolves the changes; a name that is not known is asked for once more.
    async fn prepare(&mut self, own: Option<Present<'_>>) -> Result<Write<'a>, ConnectError> {
        let on = self.on();
        match Write::prepare(self.spec, self.act.changes, on, own, &self.names) {
            Err(error) if error.kind == ErrorKind::Validation && !self.inner.manifest().references.is_empty() => {
                self.names = self.inner.names(Duration::ZERO, self.act.priority).await?;
                Write::prepare(self.spec, self.act.changes, on, own, &self.names)
            }
            other => other,
        }
    }

    fn is_due(&self, call: &Call, course: &Course, write: &Write<'_>) -> bool {
        match call.when {
            CallWhen::Always => true,
            CallWhen::Found => course.found.is_some(),
            CallWhen::NotFound => course.found.is_none(),
            CallWhen::Remaining => write.has_remaining(),
            CallWhen::OtherKind => self.act.account.is_some_and(|key| key.kind != self.act.kind),
        }
    }

    async fn call(
        &self,
        call: &Call,
        course: &mut Course,
        write: &mut Write<'_>,
        present: Option<Present<'_>>,
        own: Option<Present<'_>>,
    ) -> Result<(), ConnectError> {
        if let Some(kind) = call.find {
            course.found = self.find(kind, write.value_of("email", present)).await?;
            return Ok(());
        }
        if let (Some(each), Some(id)) = (&call.each, &course.id) {
            course.done += self.inner.call_each(call, each, id, (self.act.effect, self.act.priority)).await?;
            return Ok(());
        }
        let (Some(method), Some(path)) = (call.method, &call.path) else {
            return Err(ConnectError::new(ErrorKind::Configuration, "a call has neither method and path nor `find`"));
        };
        if path.contains("{found}") && course.found.is_none() {
            let text = format!("no other record of the person was found, which {} needs", self.act.effect);
            return Err(ConnectError::new(ErrorKind::NotFound, text).hinting("do it by hand in the app"));
        }
        let body = write.body(call, course.id.as_deref(), own, &self.names)?;
        let is_change = matches!(self.act.effect, Effect::Update | Effect::Grant | Effect::Revoke);
        if is_change && call.body == Body::Changes && is_empty(body.as_ref()) {
            return Ok(());
        }
        let ids = [("id", course.id.as_deref()), ("found", course.found.as_deref())];
        let ids: Vec<(&str, &str)> = ids.iter().filter_map(|(name, id)| Some((*name, (*id)?))).collect();
        let once = method == Method::Post || call.once;
        let mut url = self.inner.url(path, &ids)?;
        for (key, pattern) in &call.query {
            let value = ids.iter().fold(pattern.clone(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id));
            url.query_pairs_mut().append_pair(key, &value);
        }
        let ask = Ask {
            method,
            url,
            label: path,
            body,
            effect: Some(self.act.effect),
            priority: self.act.priority,
            repeat: if once { Repeat::OnlyIfNotSent } else { Repeat::Harmless },
        };
        let sent = match (&call.batch, self.member) {
            (Some(batch), Some(member)) => self.inner.send_along(member, ask, call, batch).await,
            _ => self.inner.send_well(ask, &call.success).await,
        };
        match sent {
            Ok(response) if is_page(&response) => return Err(page_for_a_write(&response)),
            Ok(response) => self.take_answer(call, &response, course, write, present).await?,
            Err(error) if error.kind == ErrorKind::NotFound && self.was_done(call, &ids).await => {}
            Err(error) => return Err(error),
        }
        course.done += 1;
        Ok(())
    }

    /// Tells whether a call that was refused as not found had been done before.
    async fn was_done(&self, call: &Call, ids: &[(&str, &str)]) -> bool {
        let Some(path) = &call.done_if else { return false };
        let Ok(url) = self.inner.url(path, ids) else { return false };
        self.inner.send_well(Ask::read(url, path, self.act.priority), &[200]).await.is_ok()
    }

    /// Finds the other record of the same person.
    #[boxed]
    async fn find(&self, kind: Kind, email: Option<String>) -> Result<Option<String>, ConnectError> {
        let (spec, _) = self.inner.kind(kind)?;
        let Some(email) = email else {
            let text = format!("the address by which the {} would be found is not known", spec.title);
            return Err(ConnectError::new(ErrorKind::Validation, text).about("email"));
        };
        let Some(lookup) = spec.lookup.get("email") else {
            let text = format!("{} cannot be looked up by email", spec.title);
            return Err(ConnectError::new(ErrorKind::Configuration, text));
        };
        let found = self.inner.find_in(kind, lookup, &email).await?;
        match &found[..] {
            [] => Ok(None),
            [one] => Ok(Some(one.key.id.to_string())),
            several => {
                let text =
                    format!("{} records of kind {kind} have the address; a person must say which", several.len());
                Err(ConnectError::new(ErrorKind::Duplicate, text))
            }
        }
    }

    async fn take_answer(
        &self,
        call: &Call,
        response: &Response,
        course: &mut Course,
        write: &Write<'_>,
        present: Option<Present<'_>>,
    ) -> Result<(), ConnectError> {
        let told = self.read_answer(call, response);
        if let Some((id, answered)) = told {
            if !call.new_id.is_empty()
                && let Some(id) = id
            {
                course.id = Some(id);
            } else if !call.new_id.is_empty() {
                course.id = self.find_made(write, present).await;
            }
            course.answered = answered.or(course.answered.take());
        } else if !call.new_id.is_empty() {
            if !response.body.trim_ascii().is_empty() {
                let text = "the answer to the write is no JSON, so nobody knows what was done".to_owned();
                let error = ConnectError::new(ErrorKind::Malformed, text);
                return Err(ConnectError { may_have_happened: true, ..error });
            }
            course.id = self.find_made(write, present).await;
        }
        Ok(())
    }

    /// Returns the new id and the account that an answer tells; nothing for an answer without a document.
    fn read_answer(&self, call: &Call, response: &Response) -> Option<(Option<String>, Option<Account>)> {
        let json: Json<'_> = serde_json::from_slice(&response.body).ok()?;
        let item = self.spec.read.as_ref().map_or("", |read| read.item.as_str());
        let record = Place::new(item).of(&json).filter(|record| matches!(record, Json::Object(_)));
        let new_id = Places::new(&call.new_id);
        let id = record.and_then(|record| new_id.of(record)).or_else(|| new_id.of(&json)).and_then(Json::id);
        let known = known_after(self.act.effect);
        let memory = |kind: Kind, id: &str| known.or_else(|| self.inner.memory_of(kind, id));
        let answered = self
            .inner
            .kind(self.act.kind)
            .ok()
            .and_then(|(_, reader)| reader.read(record.unwrap_or(&json), self.inner.reading(&self.names, &memory)));
        Some((id.map(String::from), answered))
    }

    /// Looks up an account that was made while its id was not told.
    async fn find_made(&self, write: &Write<'_>, present: Option<Present<'_>>) -> Option<String> {
        let email = write.value_of("email", present)?;
        let lookup = self.spec.lookup.get("email")?;
        let found = self.inner.find_in(self.act.kind, lookup, &email).await.ok()?;
        match &found[..] {
            [one] => Some(one.key.id.to_string()),
            _ => None,
        }
    }
}

fn is_empty(body: Option<&serde_json::Value>) -> bool {
    body.and_then(serde_json::Value::as_object).is_some_and(serde_json::Map::is_empty)
}

/// Returns how an effect is carried out; `like` leads to another one.
fn effect_of(spec: &KindSpec, effect: Effect) -> Result<&EffectSpec, ConnectError> {
    let unsupported = || {
        let because = spec.cannot.get(&effect).map(|because| format!(": {because}")).unwrap_or_default();
        ConnectError::new(ErrorKind::Unsupported, format!("{} cannot be asked to {effect}{because}", spec.title))
    };
    let found = spec.effects.get(&effect).ok_or_else(unsupported)?;
    match found.like {
        Some(like) => spec.effects.get(&like).filter(|other| other.like.is_none()).ok_or_else(unsupported),
        None => Ok(found),
    }
}

impl Inner {
    /// Performs an act over REST.
    pub(super) async fn perform_rest(&self, act: &Act<'_>, member: Option<&Member>) -> Result<Performed, ConnectError> {
        Performing::begin(self, act, member).await?.run().await
    }

    /// Checks what an account that is to be made needs, and returns another record of the person of which the app makes
    /// accounts.
    pub(super) async fn found_before_creation(&self, act: &Act<'_>) -> Result<Option<String>, ConnectError> {
        let mut performing = Performing::begin(self, act, None).await?;
        let write = performing.prepare(None).await?;
        write.check_required()?;
        match performing.effect.calls.iter().find_map(|call| call.find) {
            Some(kind) => performing.find(kind, write.value_of("email", None)).await,
            None => Ok(None),
        }
    }

    /// Refuses a key that is itself named as protected; logins are guarded where plans are made.
    pub(super) fn check_protected(&self, key: &AccountKey) -> Result<(), ConnectError> {
        match self.settings.protected.iter().any(|protected| protected == key.id.as_str()) {
            true => Err(ConnectError::new(ErrorKind::Configuration, format!("{key} is protected"))),
            false => Ok(()),
        }
    }
}
