//! Performing over SCIM: the changes that REST cannot make, as patches of a user or of a group.
//! An act is split into two parts. What makes or wakes a record goes over REST first; otherwise SCIM goes first, so that
//! its refusal leaves nothing half done. It does not verify: the account is read afterwards as always.

use super::seen::{Group, listed, path, values_of};
use super::{Scim, ScimAsk, is_unknown, record_of};
use crate::connector::perform::{Act, Performed};
use crate::connector::{Connector, Inner};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{CardinalityWord, On, ScimChange, ScimForm, ScimLeave, ScimSuspend, ScimWrite};
use async_recursion::async_recursion as boxed;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tenure_core::abilities::Effect;
use tenure_core::account::{Account, AccountKey};
use tenure_core::change::Change;
use tenure_core::look::same;
use tenure_scim::{PatchOp, PatchVerb, equal};

impl Connector {
    /// Performs an act over whichever of the two surfaces can.
    #[boxed]
    pub(in crate::connector) async fn perform_split(&self, act: &Act<'_>) -> Result<Performed, ConnectError> {
        let inner = &self.0;
        let Some(scim) = &inner.scim else { return inner.perform_rest(act, self.1.as_deref()).await };
        if inner.settings.scim_alone().is_some() {
            return scim.perform(inner, act).await;
        }
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
            true => Ok(Performed { account: key.clone(), answered: None, unsent: Vec::new() }),
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
        Ok(Performed { account: key.clone(), answered: None, unsent: Vec::new() })
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
    pub(super) async fn move_member(
        &self,
        inner: &Inner,
        act: &Act<'_>,
        change: &Change,
        id: &str,
    ) -> Result<(), ConnectError> {
        let Some(asked) = &change.entitlement else { return Ok(()) };
        let word = change.field.as_str();
        for wished in &asked.add {
            let group = self.group_id(inner, act, &wished.name, word).await?;
            self.move_one(inner, act, &group, id, PatchVerb::Add).await?;
        }
        for gone in &asked.remove {
            let group = self.group_id(inner, act, &gone.name, word).await?;
            self.move_one(inner, act, &group, id, PatchVerb::Remove).await?;
        }
        Ok(())
    }

    /// Adds a member to a group or takes one out, in the first form that the service knows.
    async fn move_one(
        &self,
        inner: &Inner,
        act: &Act<'_>,
        group: &str,
        member: &str,
        verb: PatchVerb,
    ) -> Result<(), ConnectError> {
        let _moving = self.moving.lock().await;
        let mut refused = None;
        for patch in self.moves_of(inner, member, verb)? {
            let ask = ScimAsk::write(Method::PATCH, "/Groups/{id}", group, act.effect, act.priority).body(&patch);
            match self.send(inner, ask).await {
                Ok(_) => return self.read_moved(inner, act, group, member).await,
                Err(error) if is_unknown(&error) || is_wrong_path(&error) => refused = refused.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        let put = match refused.as_ref().is_none_or(is_unknown) && inner.settings.scim_alone().is_some() {
            true => self.replace_members(inner, act, group, member, verb).await.map(|()| true),
            false => Ok(false),
        };
        match (put, refused) {
            (Ok(true), _) => self.read_moved(inner, act, group, member).await,
            (_, Some(refused)) => Err(refused),
            (other, None) => other.map(|_| ()),
        }
    }

    /// Lists the patches that move a member, those that the service is known to take first; none where it takes no patch.
    fn moves_of(&self, inner: &Inner, member: &str, verb: PatchVerb) -> Result<Vec<PatchOp>, ConnectError> {
        let listed = Some(json!([{ "value": member }]));
        let by_value = PatchOp::default().and(verb, "members", listed);
        let named = format!("members[{}]", equal(&path("value")?, &Value::from(member)));
        let by_path = PatchOp::default().and(PatchVerb::Remove, named, None);
        let alone = inner.settings.scim_alone();
        Ok(match (verb, alone) {
            (_, Some(scim)) if scim.change == ScimChange::Put => Vec::new(),
            (PatchVerb::Remove, None) => vec![by_path],
            (PatchVerb::Remove, Some(scim)) if scim.member_leaves == ScimLeave::Value => vec![by_value, by_path],
            (PatchVerb::Remove, Some(_)) => vec![by_path, by_value],
            _ => vec![by_value],
        })
    }

    /// Reads again what is known of a group's members, for the look that follows. Some services take a removal of one for
    /// one of all.
    async fn read_moved(&self, inner: &Inner, act: &Act<'_>, id: &str, member: &str) -> Result<(), ConnectError> {
        let Some(before) = self.members_of(id).await else { return Ok(()) };
        let response = self.send(inner, ScimAsk::read("/Groups/{id}", Some(id), act.priority)).await?;
        let read = Group::read(&record_of(&response)?);
        if let (Some(groups), Some((name, group))) = (&mut self.directory.lock().await.groups, read) {
            let known = groups.iter().find(|(_, group)| group.id == id).map(|(name, _)| name.clone());
            groups.insert(known.unwrap_or(name), group);
        }
        let now = self.members_of(id).await.unwrap_or_default();
        let lost = before.iter().filter(|other| *other != member && !now.contains(*other)).count();
        if lost > 0 && inner.settings.scim_alone().is_some() {
            let text = format!("while one member of a group was moved, {lost} others went out of it");
            let error = ConnectError::new(ErrorKind::Vendor, text);
            let error = ConnectError { may_have_happened: true, ..error };
            return Err(error.hinting("if nobody else did that, the service removes all for one: put them back, and leave its groups out of the policy"));
        }
        Ok(())
    }

    /// Returns the known members of a group; nothing where groups were not read.
    async fn members_of(&self, id: &str) -> Option<BTreeSet<String>> {
        let directory = self.directory.lock().await;
        let group = directory.groups.as_ref()?.values().find(|group| group.id == id);
        Some(group.map(|group| group.members.clone()).unwrap_or_default())
    }

    async fn group_id(&self, inner: &Inner, act: &Act<'_>, name: &str, word: &str) -> Result<String, ConnectError> {
        if inner.settings.scim_alone().is_some() {
            return self.known_group(inner, name, word).await;
        }
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

/// Tells whether a service does not understand where a patch would write.
fn is_wrong_path(error: &ConnectError) -> bool {
    !error.may_have_happened && error.kind == ErrorKind::Validation
}

/// Names the field, where a patch of one field was refused.
fn about(error: ConnectError, changes: &[Change]) -> ConnectError {
    match changes {
        [one] if error.kind == ErrorKind::Validation => error.about(one.field.as_str()),
        _ => error,
    }
}
