//! A source that an IdP pushes: people as records of their own, groups as what each of them is in.
//! What is pushed is written down as it is; nothing is carried out by it, the company is judged afterwards.
//! Writes of one process come one after the other, so that clients at one group lose nothing.

use super::account::{Held, OTHER_PRIMARY, OTHER_TYPES, OTHERS, PRIMARY, TYPE, id_of, is_alike};
use super::entitlement::{Entitlement, entitlements};
use super::list::Scene;
use super::place::Place;
use super::read::failed;
use super::shape::Shape;
use super::wish::{mail, mail_type, other_mails, primary};
use super::write::{Change, is_login, taken};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tenure_core::account::{Account, AccountKey, AccountState, Grant, Kind};
use tenure_core::hex::hex;
use tenure_core::name::{EntitlementKind, FieldName, Name};
use tenure_engine::pushed::{forget, record};
use tenure_scim::{AttributePath, ListChange, ScimError, ScimType, Version, create};

const GROUP_NOTE: &str = "scim group ";
const GROUP: &str = "group";
/// So many groups one provider pushes at most.
const GROUPS_MAX: usize = 20_000;

/// A group as it was pushed; its members are told by themselves.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Pushed {
    name: String,
    external_id: Option<String>,
}

/// Lists the groups that were pushed to a connection, by ids.
pub(super) async fn groups(
    scene_store: &tenure_store::Store,
    knock: &super::door::Knock,
) -> Result<Vec<Entitlement>, ScimError> {
    let notes = scene_store.notes(&knock.connection).await.map_err(failed)?;
    let groups = notes.iter().filter_map(|(name, text)| Some((name.strip_prefix(GROUP_NOTE)?, text)));
    groups
        .map(|(id, text)| {
            // A group that cannot be read is no group less: whoever asks must not take it for one that is gone.
            let group: Pushed = serde_json::from_str(text).map_err(failed)?;
            Ok(Entitlement {
                id: id.to_owned(),
                of_kind: GROUP.to_owned(),
                name: Name::new(&group.name),
                shown: group.name,
                external_id: group.external_id,
                privileged: false,
                words: BTreeMap::from([(Kind::Person, Name::new("groups"))]),
            })
        })
        .collect()
}

impl Scene<'_> {
    /// Takes somebody in who is pushed for the first time.
    pub async fn take_in(&self, body: Value) -> Result<Map<String, Value>, ScimError> {
        let written = create(&self.shape.account, body)?;
        self.note(&written.said).await;
        let _turn = self.gate.pushing.lock().await;
        let login = written.resource.get("userName").and_then(Value::as_str).unwrap_or_default();
        let known = self.look_up(login).await?;
        if known.iter().any(|held| held.is_shown(self.shape) && is_login(held, login)) {
            return Err(taken(login));
        }
        let house = &self.gate.house;
        let id = hex(&house.chance.bytes::<16>().map_err(failed)?);
        let key = AccountKey::new(&self.knock.connection, Kind::Person, id);
        let mut account = Account::unknown(key);
        account.created_ms = Some(house.clock.now_ms());
        account.state = AccountState::Active;
        account.grants_known = vec![EntitlementKind::from(GROUP)];
        write_down(&mut account, &written.resource, self.shape);
        self.write_manager(&mut account, &written.resource).await?;
        record(house, &account).await.map_err(failed)?;
        self.told(&account).await
    }

    /// Changes somebody who was pushed before.
    pub async fn push(
        &self,
        id: &str,
        change: Change<'_>,
        if_match: Option<&str>,
    ) -> Result<Map<String, Value>, ScimError> {
        let _turn = self.gate.pushing.lock().await;
        let held = self.shown(id).await?;
        let all = entitlements(self.gate, self.knock, self.shape).await?;
        let shown = self.show(&held, &all);
        Version::of(&shown).allows(if_match)?;
        let written = self.written(&shown, &change)?;
        self.note(&written.said).await;
        if written.changed.is_empty() {
            return Ok(shown);
        }
        let login = written.resource.get("userName").and_then(Value::as_str).unwrap_or_default();
        let others = self.look_up(login).await?;
        if others.iter().any(|other| other.id() != held.id() && is_login(other, login)) {
            return Err(taken(login));
        }
        let Some(mut account) = held.account else { return Err(failed("a pushed person has no record")) };
        write_down(&mut account, &written.resource, self.shape);
        self.write_manager(&mut account, &written.resource).await?;
        record(&self.gate.house, &account).await.map_err(failed)?;
        self.told(&account).await
    }

    /// Takes somebody out of those who are pushed. That alone makes nobody a leaver.
    pub async fn take_out(&self, id: &str, if_match: Option<&str>) -> Result<(), ScimError> {
        let _turn = self.gate.pushing.lock().await;
        let held = self.shown(id).await?;
        if if_match.is_some() {
            let all = entitlements(self.gate, self.knock, self.shape).await?;
            Version::of(&self.show(&held, &all)).allows(if_match)?;
        }
        let Some(account) = held.account else { return Ok(()) };
        forget(&self.gate.house, &account.key).await.map_err(failed)
    }

    async fn told(&self, account: &Account) -> Result<Map<String, Value>, ScimError> {
        self.one_account(&id_of(&account.key)).await
    }

    /// Takes a group in.
    pub async fn take_group_in(&self, body: Value) -> Result<Map<String, Value>, ScimError> {
        let written = create(&self.shape.entitlement, body)?;
        self.note(&written.said).await;
        let _turn = self.gate.pushing.lock().await;
        let all = entitlements(self.gate, self.knock, self.shape).await?;
        if all.len() >= GROUPS_MAX {
            return Err(ScimError::new(403, format!("there are {GROUPS_MAX} groups already")));
        }
        let name = display_name(&written.resource);
        if all.iter().any(|one| one.shown.to_lowercase() == name.to_lowercase()) {
            return Err(ScimError::new(409, format!("there is a group {name:?} already")).of(ScimType::Uniqueness));
        }
        let id = hex(&self.gate.house.chance.bytes::<16>().map_err(failed)?);
        self.keep_group(&id, &written.resource).await?;
        let group = self.entitlement(&id).await?;
        let change = self.list_change(&Map::new(), &written.resource)?;
        self.push_members(&group, &change).await?;
        self.one_entitlement(&id, true).await
    }

    /// Changes a group: its name, and who is in it.
    pub async fn push_group(&self, id: &str, change: Change<'_>, if_match: Option<&str>) -> Result<(), ScimError> {
        let _turn = self.gate.pushing.lock().await;
        let group = self.entitlement(id).await?;
        let members = self.members(&group).await?;
        let before = group.show(self.shape, self.offer, Some(&members));
        Version::of(&before).allows(if_match)?;
        let written = self.written_group(&before, &change)?;
        self.note(&written.said).await;
        let change = self.list_change(&before, &written.resource)?;
        self.push_members(&group, &change).await?;
        if written.changed.contains("displayName") || written.changed.contains("externalId") {
            self.keep_group(id, &written.resource).await?;
            let renamed = self.entitlement(id).await?;
            for held in self.members(&group).await? {
                self.put_member(held, &renamed, true).await?;
            }
        }
        Ok(())
    }

    /// Takes a group out, and everybody out of it.
    pub async fn take_group_out(&self, id: &str) -> Result<(), ScimError> {
        let _turn = self.gate.pushing.lock().await;
        let group = self.entitlement(id).await?;
        for held in self.members(&group).await? {
            self.put_member(held, &group, false).await?;
        }
        let note = format!("{GROUP_NOTE}{id}");
        self.gate.house.store.set_note(&self.knock.connection, &note, None).await.map_err(failed)
    }

    async fn keep_group(&self, id: &str, resource: &Map<String, Value>) -> Result<(), ScimError> {
        let external_id = resource.get("externalId").and_then(Value::as_str).map(str::to_owned);
        let group = Pushed { name: display_name(resource), external_id };
        let text = serde_json::to_string(&group).map_err(failed)?;
        let note = format!("{GROUP_NOTE}{id}");
        self.gate.house.store.set_note(&self.knock.connection, &note, Some(&text)).await.map_err(failed)
    }

    fn list_change(&self, before: &Map<String, Value>, after: &Map<String, Value>) -> Result<ListChange, ScimError> {
        let path: AttributePath = "members".parse().map_err(|_| failed("members is no path"))?;
        let place = self.shape.entitlement.find(&path).ok_or_else(|| failed("a group has no members"))?;
        Ok(ListChange::between(&place, before, after))
    }

    async fn push_members(&self, group: &Entitlement, list: &ListChange) -> Result<(), ScimError> {
        let value = |element: &Value| element.get("value").and_then(Value::as_str).map(str::to_owned);
        let mut changed: BTreeMap<String, bool> = BTreeMap::new();
        changed.extend(list.removed.iter().filter_map(value).map(|id| (id, false)));
        changed.extend(list.added.iter().filter_map(value).map(|id| (id, true)));
        let mut known = Vec::with_capacity(changed.len());
        for (id, is_in) in changed {
            match self.find(&id).await?.filter(|held| held.is_shown(self.shape)) {
                Some(held) => known.push((held, is_in)),
                None if is_in => {
                    let because = format!("`members`: {id} is no user of this connection");
                    return Err(ScimError::because(ScimType::InvalidValue, because));
                }
                None => {}
            }
        }
        for (held, is_in) in known {
            self.put_member(held, group, is_in).await?;
        }
        Ok(())
    }

    async fn put_member(&self, held: Held, group: &Entitlement, is_in: bool) -> Result<(), ScimError> {
        let Some(mut account) = held.account else { return Ok(()) };
        account.grants.retain(|grant| grant.id.as_deref() != Some(group.id.as_str()));
        if is_in {
            account.grants.push(Grant {
                kind: EntitlementKind::from(GROUP),
                id: Some(Name::new(&group.id)),
                name: group.name.clone(),
                scope: None,
                privileged: false,
                pending: false,
            });
        }
        account.grants.sort();
        let names: Vec<Value> = account.grants.iter().map(|grant| grant.name.as_str().into()).collect();
        account.fields.set(FieldName::new("groups"), names.into());
        record(&self.gate.house, &account).await.map_err(failed)
    }
}

fn display_name(resource: &Map<String, Value>) -> String {
    resource.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Writes down what a person is by now.
fn write_down(account: &mut Account, resource: &Map<String, Value>, shape: &Shape) {
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    account.login = text("userName").map(Into::into);
    account.external_id = text("externalId").map(Into::into);
    // Who forgets to say `active` changes nothing.
    match resource.get("active") {
        Some(Value::Bool(false)) => account.state = AccountState::Suspended,
        Some(Value::Bool(true)) => account.state = AccountState::Active,
        _ => {}
    }
    for (field, place) in shape.places.iter().filter(|(_, place)| **place != Place::Manager) {
        match place.get(resource, &shape.own) {
            Some(value) => account.fields.set(field.clone(), value),
            None => drop(account.fields.remove(field.as_str())),
        }
    }
    let address = mail(resource).or_else(|| text("userName").filter(|name| name.contains('@')).map(str::to_owned));
    match address {
        Some(address) => account.fields.set(shape.address.clone(), address.into()),
        None => drop(account.fields.remove(shape.address.as_str())),
    }
    match primary(resource) {
        Some(false) => account.fields.set(FieldName::new(PRIMARY), false.into()),
        _ => drop(account.fields.remove(PRIMARY)),
    }
    match mail_type(resource).filter(|of_type| !is_alike(of_type, "work")) {
        Some(of_type) => account.fields.set(FieldName::new(TYPE), of_type.into()),
        None => drop(account.fields.remove(TYPE)),
    }
    write_other_mails(account, resource);
    account.name = account.fields.text("name").map(Into::into);
}

/// Writes down the addresses beside the one for work: by those as well a person is found elsewhere.
fn write_other_mails(account: &mut Account, resource: &Map<String, Value>) {
    let part = |mail: &Value, name: &str| mail.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let others = other_mails(resource);
    for (field, name) in [(OTHERS, "value"), (OTHER_TYPES, "type")] {
        match others.is_empty() {
            true => drop(account.fields.remove(field)),
            false => account.fields.set(
                FieldName::new(field),
                others.iter().map(|mail| Value::from(part(mail, name))).collect::<Vec<_>>().into(),
            ),
        }
    }
    match others.iter().find(|mail| mail.get("primary") == Some(&Value::Bool(true))) {
        Some(first) => account.fields.set(FieldName::new(OTHER_PRIMARY), part(first, "value").into()),
        None => drop(account.fields.remove(OTHER_PRIMARY)),
    }
}
