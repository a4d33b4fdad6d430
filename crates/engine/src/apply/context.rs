//! What all steps of a run share: who does them, the people concerned, and which accounts were made a moment ago.
//! It answers questions about identities from the store, so that a step carries keys and no payloads.
//! It performs nothing.

use crate::clock::Clock;
use crate::house::House;
use crate::progress::Progress;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use std::sync::Mutex;
use tenure_core::account::{AccountKey, Kind};
use tenure_core::change::Step;
use tenure_core::name::{ConnectionName, IdentityId, NativeId};
use tenure_store::Store;

/// What all steps of a run share.
pub(super) struct Context {
    /// Who does them.
    pub by: String,
    store: Store,
    pub clock: Clock,
    pub progress: Progress,
    /// The work address of each identity that the plan touches.
    pub addresses: BTreeMap<IdentityId, String>,
    /// Accounts that this run made, by whose they are and where.
    made: Mutex<BTreeMap<(IdentityId, ConnectionName), AccountKey>>,
}

impl Context {
    pub fn new(house: &House, by: &str, progress: &Progress, addresses: BTreeMap<IdentityId, String>) -> Self {
        let (store, clock, progress) = (house.store.clone(), house.clock.clone(), progress.clone());
        Self { by: by.to_owned(), store, clock, progress, addresses, made: Mutex::default() }
    }

    /// Returns the address by which a step's account can be found.
    pub fn address_of(&self, step: &Step) -> Option<String> {
        step.identity.as_ref().and_then(|identity| self.addresses.get(identity)).cloned()
    }

    /// Remembers an account that was made for an identity.
    pub fn made(&self, identity: &IdentityId, key: &AccountKey) {
        let mut made = self.made.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        made.insert((identity.clone(), key.connection.clone()), key.clone());
    }

    /// Returns the app's own id of an identity's account, made a moment ago or known from the links.
    #[boxed]
    pub async fn account_of(&self, identity: &IdentityId, connection: &ConnectionName, kind: Kind) -> Option<NativeId> {
        {
            let made = self.made.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some(key) = made.get(&(identity.clone(), connection.clone())) {
                return Some(key.id.clone());
            }
        }
        let links = self.store.links_of(identity).await.ok()?;
        let here = links.into_iter().filter(|link| link.account.connection == *connection);
        here.max_by_key(|link| link.account.kind == kind).map(|link| link.account.id)
    }
}
