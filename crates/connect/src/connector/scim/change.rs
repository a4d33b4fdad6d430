//! Performing over SCIM: the changes that REST cannot make, as patches of a user or of a group.
//! An act is split into two parts. What makes or wakes a record goes over REST first; otherwise SCIM goes first, so that
//! its refusal leaves nothing half done. It does not verify: the account is read afterwards as always.

use super::seen::{Group, listed, path, values_of};
use super::{Scim, ScimAsk, record_of};
use crate::connector::perform::{Act, Performed};
use crate::connector::{Connector, Inner};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{CardinalityWord, On, ScimForm, ScimSuspend, ScimWrite};
use http::Method;
use serde_json::{Value, json};
use tenure_core::abilities::Effect;
use tenure_core::account::{Account, AccountKey};
use tenure_core::change::Change;
use tenure_core::look::same;
use tenure_scim::{PatchOp, PatchVerb, equal};

impl Connector {
    /// Performs an act over whichever of the two surfaces can.
    pub(in crate::connector) async fn perform_split(&self, act: &Act<'_>) -> Result<Performed, ConnectError> {
        let inner = &self.0;
        let Some(scim) = &inner.scim else { return inner.perform_rest(act, self.1.as_deref()).await };
        if let Some(how) = inner.settings.scim_effect(act.kind, act.effect) {
            return scim.suspend(inner, act, how).await;
        }
        let on = if act.effect == Effect::Create { On::Create } else { On::Update };
        let write_of = |change: &Change| inner.scim_write_of(act, change, on);
        let (own, rest): (Vec<Change>, Vec<Change>) =
            act.changes.iter().cloned().partition(|change| write_of(change).is_some());
        if act.effect == Effect::Create
            && let Some(how) = inner.settings.scim_create(act.kind)
            && inner.found_before_creation(&Act { changes: &rest, ..*act }).await?.is_none()
        {
            return scim.create(inner, act, how, &own, &rest).await;
        }
        if own.is_empty() {
            return inner.perform_rest(act, self.1.as_deref()).await;
        }
        let rest_act = Act { changes: &rest, ..*act };
        let half = |error: ConnectError| ConnectError { may_have_happened: true, ..error };
        if matches!(act.effect, Effect::Create | Effect::Resume | Effect::Convert) {
            let performed = inner.perform_rest(&rest_act, self.1.as_deref()).await?;
            let asked = act.changes.iter().find(|change| change.field.as_str() == "email" && !own.contains(change));
            let address = asked.and_then(|change| change.after.as_str()).map(str::to_owned);
            scim.change(inner, act, &performed.account, address, &own).await.map_err(half)?;
            return Ok(performed);
        }
        let Some(key) = act.account else {
            return Err(ConnectError::new(ErrorKind::Configuration, format!("{} needs an account", act.effect)));
        };
        scim.change(inner, act, key, None, &own).await?;
        match rest.is_empty() {
            true => Ok(Performed { account: key.clone(), answered: None }),
            false => inner.perform_rest(&rest_act, self.1.as_deref()).await.map_err(half),
        }
    }
}

impl Inner {
    /// Returns how SCIM makes a change; nothing where REST does.
    fn scim_write_of(&self, act: &Act<'_>, change: &Change, on: On) -> Option<&ScimWrite> {
        let spec = self.manifest().kinds.get(&act.kind)?;
        let word = change.field.as_str();
        let by_kind = || {
            let kind = &change.entitlement.as_ref()?.kind;
            let found = spec.entitlements.iter().find(|(_, spec)| spec.kind == kind.as_str());
            found.map(|(word, _)| word.as_str())
        };
        let known = spec.fields.contains_key(word) || spec.entitlements.contains_key(word);
        self.settings.scim_write(act.kind, if known { word } else { by_kind()? }, on)
    }
}

impl Scim {
    /// Puts somebody out.
    async fn suspend(&self, inner: &Inner, act: &Act<'_>, how: ScimSuspend) -> Result<Performed, ConnectError> {
        let key = act
            .account
            .ok_or_else(|| ConnectError::new(ErrorKind::Configuration, format!("{} needs an account", act.effect)))?;
        inner.check_protected(key)?;
        let id = self.id_of(inner, act, key, None).await?;
        let ask = match how {
            ScimSuspend::Inactive => ScimAsk::write(Method::PATCH, "/Users/{id}", &id, act.effect, act.priority)
                .body(&PatchOp::replace("active", false)),
            ScimSuspend::Delete => ScimAsk::write(Method::DELETE, "/Users/{id}", &id, act.effect, act.priority),
        };
        match self.send(inner, ask).await {
            Ok(_) => {}
            Err(error) if how == ScimSuspend::Delete && error.status == Some(404) => {}
            Err(error) => return Err(error),
        }
        Ok(Performed { account: key.clone(), answered: None })
    }

    /// Makes the changes to one person.
    pub(super) async fn change(
        &self,
        inner: &Inner,
        act: &Act<'_>,
        key: &AccountKey,
        address: Option<String>,
        changes: &[Change],
    ) -> Result<(), ConnectError> {
        inner.check_protected(key)?;
        let on = if act.effect == Effect::Create { On::Create } else { On::Update };
        let held = match address {
            Some(_) => None,
            None => inner.hold(key, act.priority, None).await?.map(|held| held.account),
        };
        let login = address.or_else(|| held.as_ref()?.login.as_deref().map(str::to_owned));
        let id = self.id_of(inner, act, key, login.as_deref()).await?;
        let mut patch = PatchOp::default();
        let mut moves = Vec::new();
        for change in changes {
            let Some(write) = inner.scim_write_of(act, change, on) else { continue };
            match write.form {
                ScimForm::Text => patch = with_text(inner, patch, write, change, held.as_ref()),
                ScimForm::Values => patch = self.with_values(inner, act, patch, write, change, key).await?,
                ScimForm::Members => moves.push(change),
            }
        }
        if !patch.operations.is_empty() {
            let ask = ScimAsk::write(Method::PATCH, "/Users/{id}", &id, act.effect, act.priority).body(&patch);
            self.send(inner, ask).await.map_err(|error| about(error, changes))?;
        }
        let mut done = !patch.operations.is_empty();
        for change in moves {
            let moved = self.move_member(inner, act, change, &id).await;
            moved.map_err(|error| ConnectError { may_have_happened: error.may_have_happened || done, ..error })?;
            done = true;
        }
        Ok(())
    }

    /// Returns SCIM's id of an account's person.
    async fn id_of(
        &self,
        inner: &Inner,
        act: &Act<'_>,
        key: &AccountKey,
        login: Option<&str>,
    ) -> Result<String, ConnectError> {
        if let Some(id) = self.directory.lock().await.ids.get(key) {
            return Ok(id.clone());
        }
        let login = match login {
            Some(login) => Some(login.to_owned()),
            None => {
                let held = inner.hold(key, act.priority, None).await?;
                held.and_then(|held| held.account.login).map(String::from)
            }
        };
        let user = self.person_of(inner, key, login.as_deref(), act.priority).await?;
        user.map(|user| user.id).ok_or_else(|| {
            let text = format!("SCIM of {} does not know the person of {key}", inner.manifest().title);
            ConnectError::new(ErrorKind::Validation, text)
                .hinting("it knows whom the identity provider or the app gave it; do it by hand, or in the provider")
        })
    }

    /// Sets grants by name: one replaces, a set is added to and taken from.
    async fn with_values(
        &self,
        inner: &Inner,
        act: &Act<'_>,
        patch: PatchOp,
        write: &ScimWrite,
        change: &Change,
        key: &AccountKey,
    ) -> Result<PatchOp, ConnectError> {
        let Some(asked) = &change.entitlement else { return Ok(patch) };
        let at = write.paths.first().map_or("", String::as_str);
        let spec = inner.manifest().kinds.get(&act.kind);
        let one = spec
            .into_iter()
            .flat_map(|spec| spec.entitlements.values())
            .any(|spec| spec.kind == asked.kind.as_str() && spec.cardinality == CardinalityWord::One);
        let mut names: Vec<String> = Vec::new();
        if !one || asked.add.is_empty() {
            let user = self.person_of(inner, key, None, act.priority).await?;
            let record = user.map(|user| user.into_record()).unwrap_or_default();
            let gone = |name: &&str| asked.remove.iter().any(|wished| wished.name.eq_ignore_ascii_case(name));
            names.extend(values_of(&record, at).into_iter().filter(|name| !gone(name)).map(str::to_owned));
        }
        for wished in &asked.add {
            if !names.iter().any(|name| name.eq_ignore_ascii_case(&wished.name)) {
                names.push(wished.name.to_string());
            }
        }
        let values: Vec<Value> = names.into_iter().map(|name| json!({ "value": name })).collect();
        Ok(write
            .paths
            .iter()
            .fold(patch, |patch, path| patch.and(PatchVerb::Replace, path, Some(values.clone().into()))))
    }

    /// Adds a person to groups and takes them out of groups.
    async fn move_member(&self, inner: &Inner, act: &Act<'_>, change: &Change, id: &str) -> Result<(), ConnectError> {
        let Some(asked) = &change.entitlement else { return Ok(()) };
        let word = change.field.as_str();
        for wished in &asked.add {
            let group = self.group_id(inner, act, &wished.name, word).await?;
            let patch = PatchOp::default().and(PatchVerb::Add, "members", Some(json!([{ "value": id }])));
            self.patch_group(inner, act, &group, &patch).await?;
        }
        for gone in &asked.remove {
            let group = self.group_id(inner, act, &gone.name, word).await?;
            let member = format!("members[{}]", equal(&path("value")?, &Value::from(id)));
            self.patch_group(inner, act, &group, &PatchOp::default().and(PatchVerb::Remove, member, None)).await?;
        }
        Ok(())
    }

    async fn patch_group(&self, inner: &Inner, act: &Act<'_>, id: &str, patch: &PatchOp) -> Result<(), ConnectError> {
        let ask = ScimAsk::write(Method::PATCH, "/Groups/{id}", id, act.effect, act.priority).body(patch);
        self.send(inner, ask).await?;
        if self.directory.lock().await.groups.is_none() {
            return Ok(());
        }
        // What is known of the members is read again, for the look that follows.
        let response = self.send(inner, ScimAsk::read("/Groups/{id}", Some(id), act.priority)).await?;
        let read = Group::read(&record_of(&response)?);
        if let Some(groups) = &mut self.directory.lock().await.groups {
            groups.extend(read);
        }
        Ok(())
    }

    async fn group_id(&self, inner: &Inner, act: &Act<'_>, name: &str, word: &str) -> Result<String, ConnectError> {
        let filter = equal(&path("displayName")?, &Value::from(name));
        let ask = ScimAsk::read("/Groups", None, act.priority).with("filter", filter);
        let response = self.send(inner, ask.with("excludedAttributes", "members")).await?;
        let found = listed(&response.body)?.resources;
        let found = found.iter().filter_map(Group::read).find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, group)| group.id).ok_or_else(|| {
            let text = format!("{word}: SCIM of {} has no group called {name:?}", inner.manifest().title);
            ConnectError::new(ErrorKind::Validation, text).about(word)
        })
    }
}

/// Sets a text under each of its paths, unless it is so already.
fn with_text(inner: &Inner, patch: PatchOp, write: &ScimWrite, change: &Change, held: Option<&Account>) -> PatchOp {
    let now = held.and_then(|account| account.told(change.field.as_str()));
    if now.is_some_and(|now| same(&now, &change.after, true)) {
        return patch;
    }
    let lower = inner.manifest().scim.as_ref().is_some_and(|scim| scim.lower_case);
    write.paths.iter().fold(patch, |patch, path| match &change.after {
        Value::Null => patch.and(PatchVerb::Remove, path, None),
        Value::String(text) if lower && path == "userName" => {
            patch.and(PatchVerb::Replace, path, Some(text.to_lowercase().into()))
        }
        after => patch.and(PatchVerb::Replace, path, Some(after.clone())),
    })
}

/// Names the field, where a patch of one field was refused.
fn about(error: ConnectError, changes: &[Change]) -> ConnectError {
    match changes {
        [one] if error.kind == ErrorKind::Validation => error.about(one.field.as_str()),
        _ => error,
    }
}
