//! Facts of one person: everything that hangs together with them by keys, links or decisions, and nothing else.
//! Starts from a seed and follows join keys to a fixed point by look-ups only; its cost is that of the cluster.
//! It reaches too far rather than too short: whether records belong together is for `correlate` to say.

use crate::Store;
use crate::body::read_body;
use crate::bulk::Bulk;
use crate::db::{Arg, Tx, args};
use crate::error::{StoreError, read_json};
use crate::keys::{JoinKeys, decided_manager, join_key, manager_in, manager_of};
use crate::load::{Extent, Loaded};
use crate::wishes::wishes_about;
use async_recursion::async_recursion as boxed;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::account::{Account, AccountKey, Kind};
use tenure_core::facts::{ClientWish, Decided, Decision, Link};
use tenure_core::name::IdentityId;

/// A cluster with more records than this is no person; the whole is loaded instead.
const ACCOUNTS_MAX: usize = 500;
const KEYS_MAX: usize = 2000;
/// As many more are read for each account or person beyond the first that is asked for: a page is of many people.
const ACCOUNTS_MAX_EACH: usize = 20;
const KEYS_MAX_EACH: usize = 80;
const ROUNDS_MAX: usize = 16;
/// No company has that many managers one above the other.
const LEVELS_MAX: usize = 64;

/// From where a cluster is found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seed {
    /// Identities, found by their pinned links and by decisions about them.
    pub identities: Vec<IdentityId>,
    /// Sign-in names, addresses, external ids, employee ids.
    pub keys: Vec<String>,
    /// Accounts and source records.
    pub accounts: Vec<AccountKey>,
}

/// Whether the managers of the people in a cluster are loaded with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Managers {
    /// They are, with their own accounts, so that a change can refer to them, and so are those above them.
    Loaded,
    /// They are not.
    Left,
}

// A record that is found by several keys comes several times: to weigh each against the others would cost a table for each
// look-up.
const BY_KEYS: Bulk = Bulk {
    head: "WITH given (k) AS NOT MATERIALIZED (",
    columns: 1,
    tail: ") SELECT a.id FROM given CROSS JOIN account a WHERE a.login_key = given.k \
           UNION ALL SELECT a.id FROM given CROSS JOIN account a WHERE a.external_key = given.k \
           UNION ALL SELECT a.id FROM given CROSS JOIN account a WHERE a.employee_key = given.k \
           UNION ALL SELECT l.account FROM given CROSS JOIN alias l WHERE l.address = given.k",
};

const BY_ACCOUNTS: Bulk = Bulk {
    head: "WITH given (connection, kind, native) AS (",
    columns: 3,
    tail: ") SELECT a.id FROM given CROSS JOIN connection c CROSS JOIN account a WHERE c.name = given.connection \
           AND a.connection = c.number AND a.kind = given.kind AND a.native = given.native",
};

const PEOPLE_BY_IDS: Bulk = Bulk {
    head: "WITH given (k) AS (",
    columns: 1,
    tail: ") SELECT a.id FROM given CROSS JOIN account a WHERE a.native = given.k AND a.kind = 'person'",
};

const BODIES: Bulk = Bulk { head: "SELECT id, gone_ms, body FROM account WHERE id IN (", columns: 1, tail: ")" };

const LINKS_OF_IDENTITIES: Bulk = Bulk { head: "SELECT body FROM link WHERE identity IN (", columns: 1, tail: ")" };
const LINKS_OF_ACCOUNTS: Bulk = Bulk { head: "SELECT body FROM link WHERE account IN (", columns: 1, tail: ")" };
const DECISIONS_OF_IDENTITIES: Bulk =
    Bulk { head: "SELECT body FROM decision WHERE identity IN (", columns: 1, tail: ")" };
const DECISIONS_OF_ACCOUNTS: Bulk =
    Bulk { head: "SELECT body FROM decision WHERE account IN (", columns: 1, tail: ")" };
const HISTORY: Bulk =
    Bulk { head: "SELECT id, body FROM version WHERE account IN (", columns: 1, tail: ") AND kind = 'person'" };

impl Store {
    /// Loads what hangs together with `seed`.
    #[boxed]
    pub async fn load_cluster(&self, seed: &Seed, managers: Managers) -> Result<Loaded, StoreError> {
        let mut tx = self.db.read().await?;
        let mut walk = Walk::default();
        walk.ask_seed(seed);
        walk.follow(&mut tx).await?;
        if managers == Managers::Loaded {
            walk.climb(&mut tx).await?;
        }
        walk.finish(&mut tx).await
    }
}

/// What is asked next, what was asked already, and what was found.
#[derive(Default)]
struct Walk {
    keys: Frontier<String>,
    /// Ids of source records, by which managers and accounts of apps name them.
    records: Frontier<String>,
    accounts: Frontier<AccountKey>,
    identities: Frontier<IdentityId>,
    found: BTreeMap<i64, (Account, Option<i64>)>,
    links: BTreeMap<AccountKey, Link>,
    decisions: BTreeMap<i64, Decision>,
    wishes: BTreeMap<(String, Box<str>), ClientWish>,
    /// How many accounts, and how many keys, are too many.
    most: (usize, usize),
    cut: bool,
}

/// Things to ask for, each once.
struct Frontier<T> {
    asked: BTreeSet<T>,
    next: Vec<T>,
}

impl<T> Default for Frontier<T> {
    fn default() -> Self {
        Self { asked: BTreeSet::new(), next: Vec::new() }
    }
}

impl<T: Ord + Clone> Frontier<T> {
    fn ask(&mut self, one: T) {
        if self.asked.insert(one.clone()) {
            self.next.push(one);
        }
    }

    fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.next)
    }
}

impl Walk {
    fn ask_seed(&mut self, seed: &Seed) {
        seed.identities.iter().for_each(|identity| self.identities.ask(identity.clone()));
        seed.accounts.iter().for_each(|account| self.accounts.ask(account.clone()));
        let others = (seed.accounts.len() + seed.identities.len()).saturating_sub(1);
        self.most = (ACCOUNTS_MAX + others * ACCOUNTS_MAX_EACH, KEYS_MAX + others * KEYS_MAX_EACH);
        self.ask_keys(seed.keys.iter().filter_map(|key| join_key(key)));
    }

    fn ask_keys(&mut self, keys: impl Iterator<Item = String>) {
        keys.for_each(|key| self.keys.ask(key));
    }

    /// Asks until nothing new comes, or too much has come.
    async fn follow(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        for _ in 0..ROUNDS_MAX {
            let (keys, accounts, identities) = (self.keys.take(), self.accounts.take(), self.identities.take());
            let records = self.records.take();
            if keys.is_empty() && accounts.is_empty() && identities.is_empty() && records.is_empty() {
                return Ok(());
            }
            if self.found.len() > self.most.0 || self.keys.asked.len() > self.most.1 {
                break;
            }
            let mut ids = Vec::new();
            let mut id = |row: crate::db::Row<'_>| {
                ids.push(row.int(0)?);
                Ok(())
            };
            self.read_wishes(tx, &identities, &accounts, &keys).await?;
            tx.each_bulk(&BY_KEYS, texts(keys), &mut id).await?;
            tx.each_bulk(&PEOPLE_BY_IDS, texts(records), &mut id).await?;
            let given =
                accounts.iter().flat_map(|key| args![key.connection.as_str(), key.kind.as_str(), key.id.as_str()]);
            tx.each_bulk(&BY_ACCOUNTS, given.collect(), &mut id).await?;
            self.read_links(tx, &identities, &accounts).await?;
            self.read_decisions(tx, &identities, &accounts).await?;
            self.read_bodies(tx, ids).await?;
        }
        self.cut = true;
        Ok(())
    }

    /// Loads the managers of whoever was found, and theirs, up to those who have none: who reports to each other in a
    /// circle is seen only where all of it is there.
    async fn climb(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        for _ in 0..LEVELS_MAX {
            let told = self.found.values().filter_map(|(account, _)| manager_of(account));
            let decided = self.decisions.values().filter_map(decided_manager);
            let wished = self.wishes.values().filter_map(|wish| manager_in(&wish.person));
            let named: BTreeSet<String> = told.chain(decided).chain(wished).collect();
            for name in named {
                self.ask_keys(join_key(&name).into_iter());
                self.records.ask(name.to_lowercase());
                self.records.ask(name);
            }
            let wished = self.wishes.values().filter_map(|wish| wish.manager.as_ref());
            wished.for_each(|manager| self.identities.ask(manager.identity.clone()));
            let nobody = self.keys.next.is_empty() && self.records.next.is_empty() && self.identities.next.is_empty();
            if self.cut || nobody {
                return Ok(());
            }
            self.follow(tx).await?;
        }
        self.cut = true;
        Ok(())
    }

    async fn read_bodies(&mut self, tx: &mut Tx, mut ids: Vec<i64>) -> Result<(), StoreError> {
        ids.retain(|id| !self.found.contains_key(id));
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > self.most.0 {
            self.cut = true;
            ids.truncate(self.most.0);
        }
        let ids = ids.into_iter().map(Arg::from).collect();
        let mut read: Vec<(i64, Option<i64>, Account)> = Vec::new();
        tx.each_bulk(&BODIES, ids, |row| {
            read.push((row.int(0)?, row.int_or_none(1)?, read_body("an account", row.text(2)?)?));
            Ok(())
        })
        .await?;
        for (id, gone_ms, account) in read {
            self.accounts.ask(account.key.clone());
            self.ask_keys(JoinKeys::of(&account).all().map(String::from));
            match account.key.kind {
                Kind::Person => self.ask_keys(join_key(account.key.id.as_str()).into_iter()),
                _ => account.external_id.iter().for_each(|id| self.records.ask(id.trim().to_owned())),
            }
            self.found.insert(id, (account, gone_ms));
        }
        Ok(())
    }

    async fn read_links(
        &mut self,
        tx: &mut Tx,
        identities: &[IdentityId],
        accounts: &[AccountKey],
    ) -> Result<(), StoreError> {
        let mut read: Vec<Link> = Vec::new();
        let mut link = |row: crate::db::Row<'_>| {
            read.push(read_json("a link", row.text(0)?)?);
            Ok(())
        };
        tx.each_bulk(&LINKS_OF_IDENTITIES, texts(identities), &mut link).await?;
        tx.each_bulk(&LINKS_OF_ACCOUNTS, texts(accounts), &mut link).await?;
        for link in read {
            self.accounts.ask(link.account.clone());
            self.identities.ask(link.identity.clone());
            self.links.insert(link.account.clone(), link);
        }
        Ok(())
    }

    async fn read_wishes(
        &mut self,
        tx: &mut Tx,
        identities: &[IdentityId],
        accounts: &[AccountKey],
        keys: &[String],
    ) -> Result<(), StoreError> {
        for wish in wishes_about(tx, texts(identities), texts(accounts), texts(keys)).await? {
            self.identities.ask(wish.identity.clone());
            wish.account.iter().for_each(|account| self.accounts.ask(account.clone()));
            let mut told = Account::unknown(AccountKey::new(&"".into(), Kind::Person, ""));
            told.fields = wish.person.clone();
            self.ask_keys(JoinKeys::of(&told).all().map(String::from));
            self.wishes.insert((wish.connection.to_string(), wish.id.clone()), wish);
        }
        Ok(())
    }

    async fn read_decisions(
        &mut self,
        tx: &mut Tx,
        identities: &[IdentityId],
        accounts: &[AccountKey],
    ) -> Result<(), StoreError> {
        let mut read: Vec<Decision> = Vec::new();
        let mut decision = |row: crate::db::Row<'_>| {
            read.push(read_json("a decision", row.text(0)?)?);
            Ok(())
        };
        tx.each_bulk(&DECISIONS_OF_IDENTITIES, texts(identities), &mut decision).await?;
        tx.each_bulk(&DECISIONS_OF_ACCOUNTS, texts(accounts), &mut decision).await?;
        for decision in read {
            if let Decided::Link { account, identity } = &decision.what {
                self.accounts.ask(account.clone());
                self.identities.ask(identity.clone());
            }
            if let Decided::Join { attributes, .. } | Decided::Move { attributes, .. } = &decision.what {
                let mut told = Account::unknown(AccountKey::new(&"".into(), Kind::Person, ""));
                told.fields = attributes.clone();
                self.ask_keys(JoinKeys::of(&told).all().map(String::from));
            }
            self.decisions.insert(decision.seq, decision);
        }
        Ok(())
    }

    async fn finish(mut self, tx: &mut Tx) -> Result<Loaded, StoreError> {
        let free = "SELECT body FROM decision WHERE identity IS NULL AND account IS NULL";
        tx.each(free, vec![], |row| {
            let decision: Decision = read_json("a decision", row.text(0)?)?;
            self.decisions.insert(decision.seq, decision);
            Ok(())
        })
        .await?;
        let people = self.found.iter().filter(|(_, (account, _))| account.key.kind == Kind::Person);
        let people = people.map(|(id, _)| Arg::from(*id)).collect();
        let mut history: BTreeMap<i64, Account> = BTreeMap::new();
        tx.each_bulk(&HISTORY, people, |row| {
            history.insert(row.int(0)?, read_body("a version", row.text(1)?)?);
            Ok(())
        })
        .await?;
        let mut loaded = Loaded {
            history: history.into_values().collect(),
            links: self.links.into_values().collect(),
            decisions: self.decisions.into_values().collect(),
            client_wishes: self.wishes.into_values().collect(),
            extent: if self.cut { Extent::Cut } else { Extent::Cluster },
            ..Loaded::default()
        };
        for (account, gone_ms) in self.found.into_values() {
            match gone_ms {
                None => loaded.accounts.push(account),
                Some(_) if account.key.kind == Kind::Person => loaded.vanished.push(account),
                Some(_) => {}
            }
        }
        Ok(loaded)
    }
}

fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<Arg<'static>> {
    all.into_iter().map(|one| Arg::from(one.to_string())).collect()
}
