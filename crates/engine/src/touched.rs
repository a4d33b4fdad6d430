//! Accounts that steps wrote to while a pull walks, in whatever process: what was read back of them then is newer than
//! the page on which the pull met them, and what that page was judged by may be older still.
//! The journal says which they are. The read-back stays; the next pull sees them as it sees others.

use crate::error::EngineError;
use crate::house::{House, memory_of};
use async_recursion::async_recursion as boxed;
use serde_json::Value;
use std::collections::BTreeSet;
use tenure_connect::{Connector, Look, Memory};
use tenure_core::account::AccountKey;
use tenure_core::name::ConnectionName;
use tenure_store::{Batch, Observed};

const PAGE: usize = 1000;

/// The accounts of one connection that steps wrote to since a moment.
pub(crate) struct Touched<'a> {
    house: &'a House,
    name: &'a ConnectionName,
    seq: i64,
    keys: BTreeSet<AccountKey>,
}

impl<'a> Touched<'a> {
    /// Begins at the journal's end.
    #[boxed]
    pub async fn from_now_on(house: &'a House, name: &'a ConnectionName) -> Result<Self, EngineError> {
        let seq = house.store.journal_head().await?.seq;
        Ok(Self { house, name, seq, keys: BTreeSet::new() })
    }

    /// Returns those accounts of a batch that is about to be written, as the steps left them. The connector is let know
    /// them so, and all that steps wrote to since the last batch.
    #[boxed]
    pub async fn now(&mut self, connector: &Connector, batch: &Batch) -> Result<Vec<Observed>, EngineError> {
        let new = self.read_on().await?.into_iter().map(|(key, _)| key);
        let mut known: BTreeSet<AccountKey> = batch.met(&self.keys).into_iter().cloned().collect();
        let met = known.clone();
        known.extend(new);
        let mut all = Vec::with_capacity(known.len());
        for key in &known {
            all.extend(self.house.store.account(key, None).await?);
        }
        let memory = |observed: &Observed| Some((observed.account.key.clone(), memory_of(observed.account.state)?));
        connector.remember(all.iter().filter_map(memory));
        all.retain(|observed| met.contains(&observed.account.key));
        Ok(all)
    }

    /// Puts back what a batch of the pull has replaced.
    #[boxed]
    pub async fn restore(&self, left: Vec<Observed>) -> Result<(), EngineError> {
        let (store, now_ms) = (&self.house.store, self.house.clock.now_ms());
        for observed in left {
            let key = &observed.account.key;
            let Some(now) = store.account(key, None).await? else { continue };
            if observed.until_ms.is_some() && now.until_ms.is_none() {
                store.record_gone(self.name, std::slice::from_ref(key), now_ms).await?;
            } else if observed.until_ms.is_none() && now.account != observed.account {
                store.record_accounts(self.name, std::slice::from_ref(&observed.account), now_ms).await?;
            }
        }
        Ok(())
    }

    /// Looks, by their ids, at accounts whose steps ended while a batch was being written: nobody can tell which of the
    /// two came last.
    #[boxed]
    pub async fn look_again(&mut self, connector: &Connector) -> Result<(), EngineError> {
        for (key, memory) in self.read_on().await? {
            connector.remember(memory.map(|memory| (key.clone(), memory)));
            if let Look::Found(account) = connector.read(&key).await {
                let now_ms = self.house.clock.now_ms();
                self.house.store.record_accounts(self.name, std::slice::from_ref(&*account), now_ms).await?;
            }
        }
        Ok(())
    }

    /// Reads the journal on, and returns the accounts of steps that have ended since, with what their effects say of them.
    async fn read_on(&mut self) -> Result<Vec<(AccountKey, Option<Memory>)>, EngineError> {
        let mut new = Vec::new();
        loop {
            let entries = self.house.store.read_journal(self.seq, PAGE).await?;
            let Some(last) = entries.last() else { break };
            self.seq = last.seq;
            let ended = entries.iter().filter(|entry| entry.event == "step_ended");
            for entry in ended.filter(|entry| entry.body["connection"] == self.name.as_str()) {
                let Some(id) = entry.body["account"].as_str() else { continue };
                let found = self.house.store.find_accounts(id).await?.into_iter().map(|found| found.account.key);
                let here = found.filter(|key| key.connection == *self.name && key.id.as_str() == id);
                new.extend(here.map(|key| (key, memory_by(&entry.body))));
            }
        }
        self.keys.extend(new.iter().map(|(key, _)| key.clone()));
        Ok(new)
    }
}

/// Says what is known of an account by the effect that a step had on it.
fn memory_by(body: &Value) -> Option<Memory> {
    let is_done = matches!(body["outcome"].as_str(), Some("done" | "already_true" | "pending"));
    match body["effect"].as_str().filter(|_| is_done)? {
        "create" | "resume" | "convert" => Some(Memory::Made),
        "suspend" | "delete" => Some(Memory::PutOut),
        _ => None,
    }
}
