//! Writing to a service whose only surface is SCIM: users made, changed, switched off and on, deleted, and moved between
//! groups. Ids are the accounts' own. A change begins with the record as it is now and is written in the form that the
//! service takes; it does not verify: the account is read afterwards as always.

use super::{Scim, ScimAsk, record_of};
use crate::codec::json::Json;
use crate::connector::Inner;
use crate::connector::perform::{Act, Performed};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{FieldSpec, On, ScimChange, ScimForm, ScimLogin, ScimSuspend};
use async_recursion::async_recursion as boxed;
use http::Method;
use serde_json::{Value, json};
use tenure_core::abilities::Effect;
use tenure_core::account::{Account, AccountKey};
use tenure_core::change::Change;
use tenure_scim::{PatchVerb, Revision};

const USER_NAME: &str = "userName";

impl Scim {
    /// Performs an act.
    #[boxed]
    pub(super) async fn perform(&self, inner: &Inner, act: &Act<'_>) -> Result<Performed, ConnectError> {
        let (spec, _) = inner.kind(act.kind)?;
        if !spec.effects.contains_key(&act.effect) {
            let because = spec.cannot.get(&act.effect).map(|because| format!(": {because}")).unwrap_or_default();
            let text = format!("{} cannot be asked to {}{because}", spec.title, act.effect);
            return Err(ConnectError::new(ErrorKind::Unsupported, text));
        }
        if act.effect == Effect::Create {
            return self.join(inner, act).await;
        }
        let Some(key) = act.account else {
            return Err(ConnectError::new(ErrorKind::Configuration, format!("{} needs an account", act.effect)));
        };
        inner.check_protected(key)?;
        let how = inner.settings.scim_alone().and_then(|scim| scim.suspend);
        match act.effect {
            Effect::Delete => self.delete(inner, act, key).await,
            Effect::Suspend if how == Some(ScimSuspend::Delete) => self.delete(inner, act, key).await,
            Effect::Suspend => self.revise(inner, act, key, Some(false)).await,
            Effect::Resume => self.revise(inner, act, key, Some(true)).await,
            _ => self.revise(inner, act, key, None).await,
        }
    }

    /// Makes somebody, and then a member of the groups that are asked for.
    async fn join(&self, inner: &Inner, act: &Act<'_>) -> Result<Performed, ConnectError> {
        for change in act.changes {
            self.check_groups(inner, act, change).await?;
        }
        let mut record = Revision::default();
        set(&mut record, "active", true.into())?;
        self.fill(inner, act, &mut record, On::Create)?;
        let ask = ScimAsk::make("/Users", act.effect, act.priority).json(&record.whole());
        let made = self.send(inner, ask).await?;
        let answered = read_account(inner, act, &made.body).await?;
        let key = answered.key.clone();
        let moved = self.move_all(inner, act, key.id.as_str()).await;
        moved.map_err(|error| ConnectError { may_have_happened: true, ..error })?;
        let answered = if self.moves(inner, act) { None } else { Some(answered) };
        Ok(Performed { account: key, answered, unsent: Vec::new() })
    }

    async fn delete(&self, inner: &Inner, act: &Act<'_>, key: &AccountKey) -> Result<Performed, ConnectError> {
        let ask = ScimAsk::write(Method::DELETE, "/Users/{id}", key.id.as_str(), act.effect, act.priority);
        match self.send(inner, ask).await {
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Performed { account: key.clone(), answered: None, unsent: Vec::new() })
    }

    /// Changes somebody's record and groups.
    async fn revise(
        &self,
        inner: &Inner,
        act: &Act<'_>,
        key: &AccountKey,
        active: Option<bool>,
    ) -> Result<Performed, ConnectError> {
        let id = key.id.as_str();
        for change in act.changes {
            self.check_groups(inner, act, change).await?;
        }
        let on_record = active.is_some() || act.changes.iter().any(|change| !is_membership(inner, act, change));
        let mut done = false;
        if on_record {
            let now = self.send(inner, ScimAsk::read("/Users/{id}", Some(id), act.priority)).await?;
            let mut record = Revision::of(record_of(&now)?);
            if let Some(active) = active {
                set(&mut record, "active", active.into())?;
            }
            self.fill(inner, act, &mut record, On::Update)?;
            done = self.write(inner, act, id, &record).await?;
        }
        let moved = self.move_all(inner, act, id).await;
        moved.map_err(|error| ConnectError { may_have_happened: error.may_have_happened || done, ..error })?;
        Ok(Performed { account: key.clone(), answered: None, unsent: Vec::new() })
    }

    /// Writes what changed, in the form that the service takes; tells whether something was sent.
    async fn write(&self, inner: &Inner, act: &Act<'_>, id: &str, record: &Revision) -> Result<bool, ConnectError> {
        if record.is_empty() {
            return Ok(false);
        }
        let form = inner.settings.scim_alone().map(|scim| scim.change).unwrap_or_default();
        let ask = |method| ScimAsk::write(method, "/Users/{id}", id, act.effect, act.priority);
        let sent = match form {
            ScimChange::Put => return self.send(inner, ask(Method::PUT).json(&record.whole())).await.map(|_| true),
            ScimChange::Paths => self.send(inner, ask(Method::PATCH).body(&record.patch())).await,
            ScimChange::Object => self.send(inner, ask(Method::PATCH).body(&record.patch_without_paths())).await,
        };
        match sent {
            // The record was read a moment ago: it is the verb that the service does not know, or a path of it.
            Err(error) if super::is_unknown(&error) => {
                self.send(inner, ask(Method::PUT).json(&record.whole())).await.map_err(|_| error)?;
                Ok(true)
            }
            other => other.map(|_| true),
        }
    }

    /// Sets what the changes of an act say, under the paths that the manifest names.
    fn fill(&self, inner: &Inner, act: &Act<'_>, record: &mut Revision, on: On) -> Result<(), ConnectError> {
        let (spec, _) = inner.kind(act.kind)?;
        for change in act.changes {
            let word = change.field.as_str();
            let writes = inner.manifest().scim.as_ref().and_then(|scim| scim.writes.get(word));
            if let Some(field) = spec.fields.get(word) {
                let paths = match (writes, &field.write) {
                    (Some(write), _) => write.paths.clone(),
                    (None, Some(path)) => vec![path.clone()],
                    (None, None) => return Err(cannot_set(word, field)),
                };
                for path in paths {
                    let value = if path == USER_NAME {
                        login_of(inner, record, change, on)
                    } else {
                        Some(change.after.clone())
                    };
                    if let Some(value) = value {
                        set(record, &path, value)?;
                    }
                }
            } else if let Some(write) = writes.filter(|write| write.form == ScimForm::Values) {
                for path in &write.paths {
                    let now = values_with(record.value(path), change);
                    set(record, path, now)?;
                }
            } else if !is_membership(inner, act, change) {
                let text = format!("{} has no {word:?} that could be written", spec.title);
                return Err(ConnectError::new(ErrorKind::Unsupported, text).about(word));
            }
        }
        if on == On::Create {
            let told =
                |name: &str| act.changes.iter().any(|change| change.field.as_str() == name && !change.after.is_null());
            let missing = spec.fields.iter().find(|(name, field)| field.required && !told(name));
            if let Some((name, _)) = missing {
                let text = format!("{name} is needed, and nothing says what it is");
                return Err(ConnectError::new(ErrorKind::Validation, text).about(name.as_str()));
            }
        }
        Ok(())
    }

    /// Finds every group that a change names, before anything is written.
    async fn check_groups(&self, inner: &Inner, act: &Act<'_>, change: &Change) -> Result<(), ConnectError> {
        if let Some(asked) = change.entitlement.as_ref().filter(|_| is_membership(inner, act, change)) {
            for wished in &asked.add {
                self.known_group(inner, &wished.name, change.field.as_str()).await?;
            }
        }
        Ok(())
    }

    fn moves(&self, inner: &Inner, act: &Act<'_>) -> bool {
        act.changes.iter().any(|change| is_membership(inner, act, change))
    }

    async fn move_all(&self, inner: &Inner, act: &Act<'_>, id: &str) -> Result<(), ConnectError> {
        let mut done = false;
        for change in act.changes.iter().filter(|change| is_membership(inner, act, change)) {
            let moved = self.move_member(inner, act, change, id).await;
            moved.map_err(|error| ConnectError { may_have_happened: error.may_have_happened || done, ..error })?;
            done = true;
        }
        Ok(())
    }

    /// Writes a group's members as a whole, where the service takes no patch of it.
    pub(super) async fn replace_members(
        &self,
        inner: &Inner,
        act: &Act<'_>,
        id: &str,
        member: &str,
        becomes: PatchVerb,
    ) -> Result<(), ConnectError> {
        let now = self.send(inner, ScimAsk::read("/Groups/{id}", Some(id), act.priority)).await?;
        let mut group = record_of(&now)?;
        let members = group.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut members: Vec<Value> = members.into_iter().filter(|one| one["value"] != member).collect();
        if becomes == PatchVerb::Add {
            members.push(json!({ "value": member }));
        }
        if let Value::Object(group) = &mut group {
            group.remove("meta");
            group.insert("members".into(), members.into());
        }
        let ask = ScimAsk::write(Method::PUT, "/Groups/{id}", id, act.effect, act.priority).json(&group);
        self.send(inner, ask).await.map(|_| ())
    }
}

/// Tells whether a change is about groups of which the person is a member.
fn is_membership(inner: &Inner, act: &Act<'_>, change: &Change) -> bool {
    let Some(asked) = &change.entitlement else { return false };
    let Ok((spec, _)) = inner.kind(act.kind) else { return false };
    let word = spec.entitlements.iter().find(|(_, spec)| spec.kind == asked.kind.as_str()).map(|(word, _)| word);
    let writes = inner.manifest().scim.as_ref().map(|scim| &scim.writes);
    word.and_then(|word| writes?.get(word)).is_some_and(|write| write.form == ScimForm::Members)
}

/// Returns the `userName` that goes with an address: of somebody new as the service forms it; of somebody who is there
/// the new address, where it was the old one.
fn login_of(inner: &Inner, record: &Revision, change: &Change, on: On) -> Option<Value> {
    let scim = inner.settings.scim_alone()?;
    let address = change.after.as_str()?;
    let address = if scim.lower_case { address.to_lowercase() } else { address.to_owned() };
    match (on, scim.login) {
        (On::Create, ScimLogin::Address) => Some(address.into()),
        (On::Create, ScimLogin::LocalPart) => Some(address.split('@').next().unwrap_or_default().into()),
        (On::Update, ScimLogin::LocalPart) => None,
        (On::Update, ScimLogin::Address) => {
            let now = record.value(USER_NAME)?.as_str()?;
            now.contains('@').then(|| address.into())
        }
    }
}

/// Returns a list of values with what a change adds and without what it takes.
fn values_with(now: Option<&Value>, change: &Change) -> Value {
    let Some(asked) = &change.entitlement else { return now.cloned().unwrap_or(Value::Null) };
    let is = |item: &Value, name: &str| item["value"].as_str().is_some_and(|value| value.eq_ignore_ascii_case(name));
    let mut items = now.and_then(Value::as_array).cloned().unwrap_or_default();
    items.retain(|item| !asked.remove.iter().any(|gone| is(item, &gone.name)));
    for wished in &asked.add {
        if !items.iter().any(|item| is(item, &wished.name)) {
            items.push(json!({ "value": &*wished.name }));
        }
    }
    items.into()
}

fn set(record: &mut Revision, path: &str, value: Value) -> Result<(), ConnectError> {
    record.set(path, value).map_err(|error| ConnectError::new(ErrorKind::Configuration, error.to_string()))
}

fn cannot_set(word: &str, field: &FieldSpec) -> ConnectError {
    let because = field.cannot.as_deref().unwrap_or("the service does not take it");
    ConnectError::new(ErrorKind::Unsupported, format!("{word} cannot be set: {because}")).about(word)
}

/// Reads the answer to a POST; nobody knows what was done where it does not tell who was made.
async fn read_account(inner: &Inner, act: &Act<'_>, body: &[u8]) -> Result<Account, ConnectError> {
    let unclear =
        |text: &str| ConnectError { may_have_happened: true, ..ConnectError::new(ErrorKind::Malformed, text) };
    let names = inner.names(crate::connector::references::FRESH, act.priority).await;
    let names = names.map_err(|error| ConnectError { may_have_happened: true, ..error })?;
    let json = Json::read(body).map_err(|_| unclear("the answer to the new user is no JSON"))?;
    let (_, reader) = inner.kind(act.kind)?;
    let read = reader.read(&json, inner.reading(&names, &inner.memory()));
    read.ok_or_else(|| unclear("the answer to the new user does not tell its id"))
}
