//! Managers: between the id that the app holds of somebody's manager and the id under which clients know that person.
//! At a pushed source the client's own word is kept beside what the company is judged by: the key by which the manager
//! is found. It looks managers up, each once for a page, and knows nothing else of anybody.

use super::account::{Held, id_of, key_of};
use super::list::Scene;
use super::place::Place;
use super::read::failed;
use super::shape::Shape;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tenure_core::account::{Account, AccountKey};
use tenure_core::facts::{ClientWish, ReportsTo};
use tenure_core::name::FieldName;
use tenure_scim::{ENTERPRISE_USER, Offer, Said, ScimError};

/// Where a source keeps whom its provider named as the manager.
const NAMED: &str = "manager_named";
/// The field by which the company finds a manager.
const KEY: &str = "manager_id";
/// The field in which an app holds a manager.
const FIELD: &str = "manager";

impl Shape {
    fn has_manager(&self) -> bool {
        self.places.values().any(|place| *place == Place::Manager)
    }
}

impl Scene<'_> {
    /// Adds who leads each of them, as clients know that person.
    pub async fn with_managers(&self, mut all: Vec<Held>) -> Result<Vec<Held>, ScimError> {
        if !self.shape.has_manager() {
            return Ok(all);
        }
        let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
        for held in &mut all {
            if self.knock.is_source {
                held.manager = held.account.as_ref().and_then(|account| account.fields.text(NAMED)).map(str::to_owned);
                continue;
            }
            if let Some(named) = held.wish.as_ref().and_then(|wish| wish.manager.as_ref()) {
                held.manager = Some(named.id.to_string());
                continue;
            }
            let native = match held.field(FIELD) {
                Some(Value::String(text)) if !text.is_empty() => text,
                Some(Value::Number(number)) => number.to_string(),
                _ => continue,
            };
            if !known.contains_key(&native) {
                let id = self.id_of_native(&native).await?;
                known.insert(native.clone(), id);
            }
            held.manager = known.get(&native).cloned().flatten();
        }
        Ok(all)
    }

    /// Finds the id under which clients know the account with a native id.
    async fn id_of_native(&self, native: &str) -> Result<Option<String>, ScimError> {
        let (store, connection) = (&self.gate.house.store, &self.knock.connection);
        let keys = self.shape.kinds.iter().map(|kind| AccountKey::new(connection, *kind, native));
        let keys: Vec<AccountKey> = keys.collect();
        let wishes = store.wishes_of(&keys).await.map_err(failed)?;
        let there = store.account_states(&keys.iter().collect::<Vec<_>>()).await.map_err(failed)?;
        let id = |key: &AccountKey| {
            let wish = wishes.iter().find(|wish| wish.account.as_ref() == Some(key));
            let here = || there.iter().any(|(known, _)| known == key).then(|| id_of(key));
            wish.map(|wish| wish.id.to_string()).or_else(here)
        };
        Ok(keys.iter().find_map(id))
    }

    /// Writes into a wish whom a client names as the manager, where it names another one than before. Who is only wished
    /// here so far is named once there is an account; who is not known at all is passed over, and noted.
    pub async fn lay_manager(
        &self,
        wish: &mut ClientWish,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<(), ScimError> {
        let [before, after] = [before, after].map(named);
        if !self.shape.has_manager() || before == after {
            return Ok(());
        }
        let Some(id) = after else {
            wish.manager = None;
            match wish.account {
                None => drop(wish.fields.remove(FIELD)),
                Some(_) => wish.fields.set(FieldName::new(FIELD), Value::Null),
            }
            return Ok(());
        };
        let found = Box::pin(self.find(&id)).await?.filter(|held| held.is_shown(self.shape));
        match found {
            Some(Held { account: Some(account), .. }) => {
                wish.manager = None;
                wish.fields.set(FieldName::new(FIELD), account.key.id.as_str().into());
            }
            Some(Held { wish: Some(ClientWish { id, identity, .. }), .. }) => {
                wish.fields.remove(FIELD);
                wish.manager = Some(ReportsTo { id, identity });
            }
            _ => {
                // Some providers send a name or a number of theirs. Nobody stays out because of it.
                let unheld = ["manager.value".to_owned()].into();
                self.note(&Said { unheld, ..Said::default() }).await;
            }
        }
        Ok(())
    }

    /// Writes down whom a provider names as the manager of somebody it pushes: its word, and the key by which the company
    /// finds that person.
    pub async fn write_manager(&self, account: &mut Account, resource: &Map<String, Value>) -> Result<(), ScimError> {
        account.fields.remove(KEY);
        account.fields.remove(NAMED);
        let Some(id) = named(resource) else { return Ok(()) };
        let found = Box::pin(self.find(&id)).await?.and_then(|held| held.account);
        let key = found.as_ref().map(|manager| {
            let told = |field: &str| manager.fields.text(field).filter(|text| !text.is_empty()).map(str::to_owned);
            let address = || told(self.shape.address.as_str());
            told("employee_id").or_else(address).unwrap_or_else(|| manager.key.id.to_string())
        });
        account.fields.set(FieldName::new(KEY), key.unwrap_or_else(|| id.clone()).into());
        account.fields.set(FieldName::new(NAMED), id.into());
        Ok(())
    }
}

/// Shows a manager: who it is, and where, unless it is a name that a provider made up.
pub(super) fn put(shown: &mut Map<String, Value>, id: &str, shape: &Shape, offer: &Offer) {
    let is_here = !shape.places.contains_key(KEY) || key_of(&"".into(), id).is_some();
    let manager = match is_here {
        true => json!({"value": id, "$ref": offer.location(&shape.account, id)}),
        false => json!({"value": id}),
    };
    if let Value::Object(enterprise) = shown.entry(ENTERPRISE_USER).or_insert_with(|| json!({})) {
        enterprise.insert(FIELD.to_owned(), manager);
    }
}

/// Returns the id of the manager whom a User names, by the id or by where that is.
fn named(resource: &Map<String, Value>) -> Option<String> {
    let manager = resource.get(ENTERPRISE_USER)?.get(FIELD)?;
    let text = |name: &str| manager.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let place = || text("$ref").and_then(|place| place.rsplit('/').next());
    text("value").or_else(place).filter(|id| !id.is_empty()).map(str::to_owned)
}
