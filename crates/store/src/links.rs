//! Pinned links: whose an account is, kept by the account's own immutable key, so that a new address changes nothing.
//! Written when `correlate` has found one or a person has decided; read with the facts and for `who` and `why`.
//! Why a link was found is its evidence, given from outside; links that ended are kept beside it.

use crate::Store;
use crate::bulk::Bulk;
use crate::db::{Durability, Row, args};
use crate::error::{StoreError, read_json, write_json};
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

/// A link that ended.
#[derive(Clone, PartialEq, Debug)]
pub struct PastLink {
    /// As it was.
    pub link: Link,
    /// When it ended.
    pub until_ms: i64,
}

impl Store {
    /// Pins links. One that is pinned already stays as it is; one to another identity ends and is replaced.
    /// Returns how many are new.
    #[boxed]
    pub async fn pin_links(&self, links: &[Link], now_ms: i64) -> Result<u64, StoreError> {
        if links.is_empty() {
            return Ok(0);
        }
        let by_account: BTreeMap<String, &Link> = links.iter().map(|link| (link.account.to_string(), link)).collect();
        let (mut given, mut rows) = (Vec::new(), Vec::new());
        for (account, link) in by_account {
            let identity = link.identity.as_str();
            given.extend(args![account.clone(), identity, now_ms]);
            rows.extend(args![account, identity, link.since_ms, write_json("a link", link)?]);
        }
        let mut tx = self.db.write(Durability::Normal).await?;
        tx.run_bulk(&KEEP, given).await?;
        let pinned = tx.run_bulk(&PIN, rows).await?;
        tx.commit().await?;
        Ok(pinned)
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
        let mut tx = self.db.read().await?;
        let sql = "SELECT body FROM link WHERE account = $1";
        tx.first(sql, args![account.to_string()], |row| read_json("a link", row.text(0)?)).await
    }

    /// The links of an identity, by account.
    #[boxed]
    pub async fn links_of(&self, identity: &IdentityId) -> Result<Vec<Link>, StoreError> {
        let mut tx = self.db.read().await?;
        let sql = "SELECT body FROM link WHERE identity = $1";
        let mut links: Vec<Link> =
            tx.list(sql, args![identity.as_str()], |row| read_json("a link", row.text(0)?)).await?;
        links.sort_by(|one, other| one.account.cmp(&other.account));
        Ok(links)
    }

    /// The links that an account once had, oldest first.
    #[boxed]
    pub async fn past_links(&self, account: &AccountKey) -> Result<Vec<PastLink>, StoreError> {
        let mut tx = self.db.read().await?;
        let sql = "SELECT until_ms, body FROM link_past WHERE account = $1 ORDER BY until_ms";
        let read = |row: Row<'_>| Ok(PastLink { until_ms: row.int(0)?, link: read_json("a link", row.text(1)?)? });
        tx.list(sql, args![account.to_string()], read).await
    }
}
