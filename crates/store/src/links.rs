//! Pinned links: whose an account is, kept by the account's own immutable key, so that a new address changes nothing.
//! Written when `correlate` has found one or a person has decided; read with the facts and for `who` and `why`.
//! Why a link was found is its evidence, given from outside; links that ended are kept beside it.

use crate::Store;
use crate::bulk::Bulk;
use crate::db::{Db, Durability, Row, args};
use crate::error::{StoreError, read_json, write_json};
use crate::wishes::name_accounts;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use tenure_core::account::AccountKey;
use tenure_core::facts::Link;
use tenure_core::name::IdentityId;

/// Keeps what another identity's link replaces.
const KEEP: Bulk = Bulk {
    head: "INSERT INTO link_past (account, identity, since_ms, until_ms, body) \
           WITH given (account, identity, now_ms) AS (",
    columns: 3,
    tail: ") SELECT l.account, l.identity, l.since_ms, given.now_ms, l.body FROM given CROSS JOIN link l \
           WHERE l.account = given.account AND l.identity <> given.identity",
};

const PIN: Bulk = Bulk {
    head: "INSERT INTO link (account, identity, since_ms, body) ",
    columns: 4,
    tail: " ON CONFLICT (account) DO UPDATE SET identity = excluded.identity, since_ms = excluded.since_ms, \
           body = excluded.body WHERE link.identity <> excluded.identity",
};

/// So many links are written in one transaction.
const GROUP: usize = 50_000;
/// So many links, if they are more than there were, are indexed by person when all are written.
const MANY: usize = 20_000;
const UNINDEX: &str = "DROP INDEX IF EXISTS link_identity";
const INDEX: &str = "CREATE INDEX IF NOT EXISTS link_identity ON link (identity)";

/// A link that ended.
#[derive(Clone, PartialEq, Debug)]
pub struct PastLink {
    /// As it was.
    pub link: Link,
    /// When it ended.
    pub until_ms: i64,
}

impl Store {
    /// Pins links. One that is pinned already stays as it is; one to another identity ends and is replaced. What clients
    /// wish of these people is about these accounts from then on. Returns how many are new.
    #[boxed]
    pub async fn pin_links(&self, links: &[Link], now_ms: i64) -> Result<u64, StoreError> {
        if links.is_empty() {
            return Ok(0);
        }
        let by_account: BTreeMap<String, &Link> = links.iter().map(|link| (link.account.to_string(), link)).collect();
        let (mut given, mut rows) = (Vec::new(), Vec::new());
        let links: Vec<&Link> = by_account.values().copied().collect();
        for (account, link) in by_account {
            let identity = link.identity.as_str();
            given.extend(args![account.clone(), identity, now_ms]);
            rows.extend(args![account, identity, link.since_ms, write_json("a link", link)?]);
        }
        let mut tx = self.db.write(Durability::Normal).await?;
        tx.run_bulk(&KEEP, given).await?;
        let pinned = tx.run_bulk(&PIN, rows).await?;
        name_accounts(&mut tx, &links).await?;
        tx.commit().await?;
        Ok(pinned)
    }

    /// Pins any number of links, many in one transaction and in the order in which they are kept. Those of a company that is
    /// linked for the first time are indexed by person at the end: people come in no order, so that each link would have a
    /// page of its own copied twice. Only in a file, where nobody waits for the index; who is killed before leaves one
    /// without it, which whoever opens it mends.
    #[boxed]
    pub async fn pin_many(&self, mut links: Vec<Link>, now_ms: i64) -> Result<u64, StoreError> {
        links.sort_unstable_by(|one, other| one.account.cmp(&other.account));
        let afterwards = self.db.is_file() && links.len() >= MANY && self.has_fewer_links(links.len()).await?;
        if afterwards {
            shape(&self.db, UNINDEX).await?;
        }
        let pinned = self.pin_groups(&links, now_ms).await;
        drop(links);
        if afterwards {
            shape(&self.db, INDEX).await?;
        }
        pinned
    }

    async fn pin_groups(&self, links: &[Link], now_ms: i64) -> Result<u64, StoreError> {
        let mut pinned = 0;
        for group in links.chunks(GROUP) {
            pinned += self.pin_links(group, now_ms).await?;
        }
        Ok(pinned)
    }

    async fn has_fewer_links(&self, than: usize) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM link LIMIT $1) AS some";
        let held = self.db.first(sql, args![than as i64], |row| row.int(0)).await?;
        Ok(held.is_none_or(|held| held < than as i64))
    }

    /// Ends the link of an account, and returns it, if it has one.
    #[boxed]
    pub async fn unpin(&self, account: &AccountKey, now_ms: i64) -> Result<Option<Link>, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let account = account.to_string();
        let sql = "INSERT INTO link_past (account, identity, since_ms, until_ms, body) \
                   SELECT account, identity, since_ms, $1, body FROM link WHERE account = $2";
        tx.run(sql, args![now_ms, &*account]).await?;
        let sql = "DELETE FROM link WHERE account = $1 RETURNING body";
        let ended = tx.first(sql, args![account], |row| read_json("a link", row.text(0)?)).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// The link of an account.
    #[boxed]
    pub async fn link_of(&self, account: &AccountKey) -> Result<Option<Link>, StoreError> {
        let sql = "SELECT body FROM link WHERE account = $1";
        self.db.first(sql, args![account.to_string()], |row| read_json("a link", row.text(0)?)).await
    }

    /// The links of an identity, by account.
    #[boxed]
    pub async fn links_of(&self, identity: &IdentityId) -> Result<Vec<Link>, StoreError> {
        let sql = "SELECT body FROM link WHERE identity = $1";
        let mut links: Vec<Link> =
            self.db.list(sql, args![identity.as_str()], |row| read_json("a link", row.text(0)?)).await?;
        links.sort_by(|one, other| one.account.cmp(&other.account));
        Ok(links)
    }

    /// The links that an account once had, oldest first.
    #[boxed]
    pub async fn past_links(&self, account: &AccountKey) -> Result<Vec<PastLink>, StoreError> {
        let sql = "SELECT until_ms, body FROM link_past WHERE account = $1 ORDER BY until_ms";
        let read = |row: Row<'_>| Ok(PastLink { until_ms: row.int(0)?, link: read_json("a link", row.text(1)?)? });
        self.db.list(sql, args![account.to_string()], read).await
    }
}

/// Indexes links by person where a process that wrote many of them did not live to do so.
pub(crate) async fn mend(db: &Db) -> Result<(), StoreError> {
    if !db.is_file() {
        return Ok(());
    }
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = 'link_identity'";
    let indexed = db.read().await?.first(sql, vec![], |row| row.int(0)).await?;
    if indexed.is_none() { shape(db, INDEX).await } else { Ok(()) }
}

/// Changes what is indexed. It makes nothing else of the links, so that it need not outlast a power cut by itself.
async fn shape(db: &Db, sql: &'static str) -> Result<(), StoreError> {
    let mut tx = db.write(Durability::Normal).await?;
    tx.script(sql).await?;
    tx.commit().await
}
