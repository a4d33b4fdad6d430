//! One walk over everything that tells what hangs together: accounts, earlier versions, links, decisions, wishes.
//! Of the sources' records the bodies are read, since managers are named in them; of all others the keys only.
//! What it gives is compact: numbers for accounts, and their clusters.

use super::links::Links;
use super::ties::{Clusters, Mark, Marks, Places};
use crate::body::read_body;
use crate::connections::ids_of;
use crate::db::{Row, Tx, args};
use crate::error::{StoreError, read_json};
use crate::keys::{JoinKeys, decided_manager, join_key, manager_in};
use crate::wishes::each_wish;
use std::collections::BTreeMap;
use tenure_core::account::{Account, AccountKey, Fields, Kind};
use tenure_core::correlate::found_identity_id;
use tenure_core::facts::{ClientWish, Decided, Decision};
use tenure_core::name::{ConnectionName, IdentityId};

const KEY: u8 = 0;
const ACCOUNT: u8 = 1;
const PERSON: u8 = 2;

/// What a walk over the whole found.
pub(super) struct Index {
    /// The ids of the accounts, by their nodes.
    pub(super) ids: Vec<i64>,
    /// Nodes of records of which earlier versions are known, sorted.
    pub(super) earlier: Vec<u32>,
    /// What was decided of accounts and people, each with its node.
    pub(super) decisions: Vec<(u32, Decision)>,
    /// Other decisions.
    pub(super) free: Vec<Decision>,
    /// What clients wish, each with its node.
    pub(super) wishes: Vec<(u32, ClientWish)>,
    pub(super) links: Links,
    pub(super) clusters: Clusters,
}

impl Index {
    /// Walks over the whole; `sources` are the connections whose records are people.
    pub(super) async fn read(tx: &mut Tx, sources: &[ConnectionName]) -> Result<Self, StoreError> {
        let sql = "SELECT number, name FROM connection";
        let names: Vec<(i64, ConnectionName)> =
            tx.list(sql, vec![], |row| Ok((row.int(0)?, row.text(1)?.into()))).await?;
        let mut scan = Scan { names: names.into_iter().collect(), ..Scan::new() };
        for (number, name) in scan.names.clone() {
            match sources.contains(&name) {
                true => scan.people(tx, number, &name).await?,
                false => scan.accounts(tx, number, &name).await?,
            }
        }
        scan.aliases(tx).await?;
        scan.versions(tx).await?;
        let places = Places::new(std::mem::take(&mut scan.places));
        scan.links(tx, &places).await?;
        scan.decisions(tx, &places).await?;
        scan.wishes(tx, &places).await?;
        drop(places);
        let clusters = scan.marks.clusters(scan.next);
        let Scan { ids, mut earlier, decisions, free, wishes, mut links, .. } = scan;
        links.sort();
        earlier.sort_unstable();
        earlier.dedup();
        Ok(Self { ids, earlier, decisions, free, wishes, links, clusters })
    }
}

struct Scan {
    ids: Vec<i64>,
    /// The next node.
    next: u32,
    names: BTreeMap<i64, ConnectionName>,
    marks: Marks,
    places: Vec<(Mark, u32)>,
    earlier: Vec<u32>,
    decisions: Vec<(u32, Decision)>,
    free: Vec<Decision>,
    wishes: Vec<(u32, ClientWish)>,
    links: Links,
}

impl Scan {
    fn new() -> Self {
        Self {
            ids: Vec::new(),
            next: 0,
            names: BTreeMap::new(),
            marks: Marks::new(),
            places: Vec::new(),
            earlier: Vec::new(),
            decisions: Vec::new(),
            free: Vec::new(),
            wishes: Vec::new(),
            links: Links::default(),
        }
    }

    fn begin(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn begin_account(&mut self, id: i64, key: &str) -> u32 {
        self.ids.push(id);
        let node = self.begin();
        self.places.push((Mark::of(ACCOUNT, key), node));
        node
    }

    /// Notes a key, and the addresses in it where it is a list of them.
    fn key(&mut self, node: u32, key: &str) {
        for part in key.split([';', ',']).map(str::trim).filter(|part| !part.is_empty()) {
            self.marks.has(node, Mark::of(KEY, part));
        }
    }

    fn person(&mut self, node: u32, id: &IdentityId) {
        self.marks.has(node, Mark::of(PERSON, id.as_str()));
    }

    fn manager(&mut self, node: u32, named: Option<String>) {
        if let Some(key) = named.as_deref().and_then(join_key) {
            self.marks.asks(node, Mark::of(KEY, &key));
        }
    }

    fn keys_of(&mut self, node: u32, account: &Account) {
        JoinKeys::of(account).all().for_each(|key| self.key(node, key));
    }

    /// Notes what is said of somebody in words for people.
    fn told(&mut self, node: u32, fields: &Fields) {
        let mut told = Account::unknown(AccountKey::new(&"".into(), Kind::Person, ""));
        told.fields = fields.clone();
        self.keys_of(node, &told);
    }

    /// Walks over the records of a source.
    async fn people(&mut self, tx: &mut Tx, number: i64, name: &ConnectionName) -> Result<(), StoreError> {
        let sql = "SELECT id, body FROM account WHERE id > $1 AND id < $2 AND (gone_ms IS NULL OR kind = 'person') \
                   ORDER BY id";
        let (before, end) = ids_of(number);
        tx.each(sql, args![before, end], |row| {
            let account = read_body("an account", row.text(1)?)?;
            let node = self.begin_account(row.int(0)?, &account.key.to_string());
            self.keys_of(node, &account);
            join_key(account.key.id.as_str()).iter().for_each(|key| self.key(node, key));
            self.person(node, &found_identity_id(name, &account.key.id));
            self.manager(node, manager_in(&account.fields));
            Ok(())
        })
        .await
    }

    /// Walks over the accounts of a target.
    async fn accounts(&mut self, tx: &mut Tx, number: i64, name: &ConnectionName) -> Result<(), StoreError> {
        let sql = "SELECT id, kind, native, login_key, external_key, employee_key FROM account \
                   WHERE id > $1 AND id < $2 AND (gone_ms IS NULL OR kind = 'person') ORDER BY id";
        let (before, end) = ids_of(number);
        let mut key = String::new();
        tx.each(sql, args![before, end], |row| {
            write_key(&mut key, name, row.text(1)?, row.text(2)?);
            let node = self.begin_account(row.int(0)?, &key);
            for column in 3..6 {
                row.text_or_none(column)?.into_iter().for_each(|key| self.key(node, key));
            }
            Ok(())
        })
        .await
    }

    fn node_of(&self, id: i64) -> Option<u32> {
        self.ids.binary_search(&id).ok().map(|node| node as u32)
    }

    async fn aliases(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.each("SELECT account, address FROM alias", vec![], |row| {
            if let Some(node) = self.node_of(row.int(0)?) {
                self.key(node, row.text(1)?);
            }
            Ok(())
        })
        .await
    }

    async fn versions(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.each("SELECT account, body FROM version WHERE kind = 'person'", vec![], |row| {
            if let Some(node) = self.node_of(row.int(0)?) {
                self.earlier.push(node);
                self.keys_of(node, &read_body("a version", row.text(1)?)?);
            }
            Ok(())
        })
        .await
    }

    async fn links(&mut self, tx: &mut Tx, places: &Places) -> Result<(), StoreError> {
        tx.each("SELECT account, identity, since_ms, body FROM link", vec![], |row| {
            let Some(node) = places.find(Mark::of(ACCOUNT, row.text(0)?)) else { return Ok(()) };
            let identity = row.text(1)?;
            let person = Mark::of(PERSON, identity);
            self.marks.has(node, person);
            self.links.add(node, (identity, person), row.int(2)?, row.text(3)?)
        })
        .await
    }

    async fn decisions(&mut self, tx: &mut Tx, places: &Places) -> Result<(), StoreError> {
        let read = |row: Row<'_>| read_json("a decision", row.text(0)?);
        let all: Vec<Decision> = tx.list("SELECT body FROM decision ORDER BY seq", vec![], read).await?;
        for decision in all {
            let (account, identity, attributes) = match &decision.what {
                Decided::Link { account, identity } | Decided::Settle { account, identity } => {
                    (Some(account), Some(identity), None)
                }
                Decided::Unlink { account, identity } => (Some(account), identity.as_ref(), None),
                Decided::Exempt { account } => (Some(account), None, None),
                Decided::Join { identity, attributes, .. } | Decided::Move { identity, attributes, .. } => {
                    (None, Some(identity), Some(attributes))
                }
                Decided::Leave { identity, .. } => (None, Some(identity), None),
                Decided::Accept { .. }
                | Decided::Approve { .. }
                | Decided::Reject { .. }
                | Decided::Release { .. }
                | Decided::Withhold { .. } => {
                    self.free.push(decision);
                    continue;
                }
            };
            let node = self.begin();
            self.about(node, account, identity, attributes, places);
            self.manager(node, decided_manager(&decision));
            self.decisions.push((node, decision));
        }
        Ok(())
    }

    async fn wishes(&mut self, tx: &mut Tx, places: &Places) -> Result<(), StoreError> {
        each_wish(tx, |wish| {
            let node = self.begin();
            self.about(node, wish.account.as_ref(), Some(&wish.identity), Some(&wish.person), places);
            join_key(&wish.login).iter().for_each(|key| self.key(node, key));
            self.manager(node, manager_in(&wish.person));
            if let Some(manager) = &wish.manager {
                self.marks.asks(node, Mark::of(PERSON, manager.identity.as_str()));
            }
            self.wishes.push((node, wish));
        })
        .await
    }

    /// Notes of whom and of what something is said.
    fn about(
        &mut self,
        node: u32,
        account: Option<&AccountKey>,
        identity: Option<&IdentityId>,
        attributes: Option<&Fields>,
        places: &Places,
    ) {
        if let Some(account) = account {
            let mark = Mark::of(ACCOUNT, &account.to_string());
            self.marks.has(node, mark);
            places.find(mark).into_iter().for_each(|other| self.marks.has(other, mark));
        }
        identity.into_iter().for_each(|identity| self.person(node, identity));
        attributes.into_iter().for_each(|attributes| self.told(node, attributes));
    }
}

/// Writes an account's key as links name it.
fn write_key(text: &mut String, connection: &ConnectionName, kind: &str, native: &str) {
    text.clear();
    for part in [connection.as_str(), "/", kind, "/", native] {
        text.push_str(part);
    }
}
