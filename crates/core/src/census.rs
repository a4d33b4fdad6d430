//! How many accounts of a connection are such that a guard asks after them: counted, so that the guards of a plan need not
//! see those accounts about which nothing is proposed.
//! The guards say what counts; here it is only added up.

use crate::account::{Account, Kind};
use crate::facts::{ConnectionFacts, Facts};
use crate::guards::{is_administrator, is_owner};
use crate::name::ConnectionName;
use std::collections::BTreeMap;

/// Counts of some accounts of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// All but the records of people.
    pub records: u64,
    /// Those of them that tell neither a login nor an outside key.
    pub nameless: u64,
    /// Accounts that give access.
    pub active: u64,
    /// Accounts that hold power over others.
    pub administrators: u64,
    /// Accounts that hold what only an owner holds.
    pub owners: u64,
}

/// Counts by connection.
pub type Censuses = BTreeMap<ConnectionName, Census>;

impl Census {
    /// Counts one account more.
    pub fn count(&mut self, account: &Account, connection: Option<&ConnectionFacts>) {
        let is_record = account.key.kind != Kind::Person;
        let is_nameless = account.login.is_none() && account.external_id.is_none();
        self.records += u64::from(is_record);
        self.nameless += u64::from(is_record && is_nameless);
        self.active += u64::from(account.state.gives_access());
        self.administrators += u64::from(is_administrator(account));
        self.owners += u64::from(connection.is_some_and(|connection| is_owner(account, connection)));
    }

    fn without(self, some: Self) -> Self {
        Self {
            records: self.records.saturating_sub(some.records),
            nameless: self.nameless.saturating_sub(some.nameless),
            active: self.active.saturating_sub(some.active),
            administrators: self.administrators.saturating_sub(some.administrators),
            owners: self.owners.saturating_sub(some.owners),
        }
    }
}

/// Counts these accounts as well.
pub(crate) fn count<'a>(accounts: impl Iterator<Item = &'a Account>, facts: &Facts, into: &mut Censuses) {
    for account in accounts {
        let name = &account.key.connection;
        // Looked up without a copy first: there are few connections and many accounts.
        match into.get_mut(name) {
            Some(census) => census.count(account, facts.connections.get(name)),
            None => into.entry(name.clone()).or_default().count(account, facts.connections.get(name)),
        }
    }
}

/// Tells whether a guard asks how many others are like this account.
pub fn is_counted(account: &Account, facts: &Facts) -> bool {
    let mut own = Census::default();
    own.count(account, facts.connections.get(&account.key.connection));
    own.administrators + own.owners + own.nameless > 0
}

/// Returns what is left of the counts of all when those of some facts are taken away.
pub fn beyond(all: &Censuses, facts: &Facts) -> Censuses {
    let mut own = Censuses::new();
    count(facts.accounts.iter(), facts, &mut own);
    let less = |name: &ConnectionName| own.get(name).copied().unwrap_or_default();
    all.iter().map(|(name, census)| (name.clone(), census.without(less(name)))).collect()
}
