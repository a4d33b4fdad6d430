//! What SCIM clients wish of single accounts: the newest of each, found by id, account, sign-in name and the client's own
//! id, and all that it was before. Whoever writes one says which version they saw, so that of two at once none is lost.
//! What a wish leads to is not known here.

use crate::Store;
use crate::bulk::Bulk;
use crate::db::{Arg, Durability, Row, Tx, args};
use crate::error::{StoreError, read_json, write_json};
use crate::jobs::{NewJob, enqueue};
use crate::journal::append;
use crate::keys::join_key;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use tenure_core::account::AccountKey;
use tenure_core::facts::{ClientAsks, ClientWish, Link};
use tenure_core::journal::Draft;
use tenure_core::name::{ConnectionName, IdentityId};

const FOUND_MAX: i64 = 200;
const PAGE_MAX: usize = 1000;

const BY_ACCOUNTS: Bulk = Bulk { head: "SELECT body, account FROM wish WHERE account IN (", columns: 1, tail: ")" };
const BY_IDENTITIES: Bulk = Bulk { head: "SELECT body, account FROM wish WHERE identity IN (", columns: 1, tail: ")" };
const BY_LOGINS: Bulk = Bulk { head: "SELECT body, account FROM wish WHERE login_key IN (", columns: 1, tail: ")" };

impl Store {
    /// The wish with this id.
    #[boxed]
    pub async fn wish(&self, connection: &ConnectionName, id: &str) -> Result<Option<ClientWish>, StoreError> {
        wish_with(&mut self.db.read().await?, connection, id).await
    }

    /// The wishes about these accounts.
    #[boxed]
    pub async fn wishes_of(&self, accounts: &[AccountKey]) -> Result<Vec<ClientWish>, StoreError> {
        let given = accounts.iter().map(|account| Arg::from(account.to_string())).collect();
        let mut found = Vec::new();
        self.db.read().await?.each_bulk(&BY_ACCOUNTS, given, |row| take(row, &mut found)).await?;
        Ok(found)
    }

    /// The wishes of one connection that have this text as sign-in name, as address, or as the id that the client gave.
    #[boxed]
    pub async fn find_wishes(&self, connection: &ConnectionName, text: &str) -> Result<Vec<ClientWish>, StoreError> {
        let Some(key) = join_key(text) else { return Ok(Vec::new()) };
        let sql = "SELECT body, account FROM wish WHERE connection = $1 AND \
                   (login_key = $2 OR mail_key = $2 OR external_key = $2) ORDER BY id LIMIT $3";
        self.db.list(sql, args![connection.as_str(), key, FOUND_MAX], read_wish).await
    }

    /// The wishes of one connection about whom there is no account yet, by their ids, a page of up to 1000 at a time.
    #[boxed]
    pub async fn wishes_without_account(
        &self,
        connection: &ConnectionName,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ClientWish>, StoreError> {
        let sql = "SELECT body, account FROM wish WHERE connection = $1 AND id > $2 AND account IS NULL AND gone = 0 \
                   ORDER BY id LIMIT $3";
        let limit = limit.clamp(1, PAGE_MAX) as i64;
        self.db.list(sql, args![connection.as_str(), after, limit], read_wish).await
    }

    /// The wishes of which something is told that stands in their way, by connection and id, a page of up to 1000 at a time.
    #[boxed]
    pub async fn wishes_told(
        &self,
        after: Option<(&ConnectionName, &str)>,
        limit: usize,
    ) -> Result<Vec<ClientWish>, StoreError> {
        let sql = "SELECT body, account FROM wish WHERE told = 1 AND (connection > $1 OR connection = $1 AND id > $2) \
                   ORDER BY connection, id LIMIT $3";
        let (connection, id) = after.map_or(("", ""), |(connection, id)| (connection.as_str(), id));
        let limit = limit.clamp(1, PAGE_MAX) as i64;
        self.db.list(sql, args![connection, id, limit], read_wish).await
    }

    /// All wishes in whose newest version this client spoke.
    pub async fn wishes_by(&self, client: &str) -> Result<Vec<ClientWish>, StoreError> {
        let mut all = all_wishes(&mut self.db.read().await?).await?;
        all.retain(|wish| wish.client == client);
        Ok(all)
    }

    /// Counts the wishes of one connection about whom there is no account yet.
    #[boxed]
    pub async fn count_wishes_without_account(&self, connection: &ConnectionName) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM wish WHERE connection = $1 AND account IS NULL AND gone = 0";
        let counted = self.db.first(sql, args![connection.as_str()], |row| row.int(0)).await?;
        Ok(counted.unwrap_or(0).max(0) as u64)
    }

    /// Keeps a wish in the place of the one that had the version before it, with the entries of the journal that tell of
    /// it and the jobs that it causes. Tells whether it did: somebody else may have been quicker. Where the journal has
    /// nothing to tell, only what became of the wish is noted, which a look at its account would tell again. The account
    /// that was found meanwhile stays.
    #[boxed]
    pub async fn put_wish(&self, wish: &ClientWish, drafts: Vec<Draft>, jobs: &[NewJob]) -> Result<bool, StoreError> {
        let durability = if drafts.is_empty() { Durability::Normal } else { Durability::Full };
        let mut tx = self.db.write(durability).await?;
        append(&mut tx, drafts).await?;
        let (connection, id, before) = (wish.connection.as_str(), &*wish.id, wish.version - 1);
        let keep = "INSERT INTO wish_past (connection, id, since_ms, until_ms, body) \
                    SELECT connection, id, since_ms, $4, body FROM wish \
                    WHERE connection = $1 AND id = $2 AND version = $3";
        tx.run(keep, args![connection, id, before, wish.since_ms]).await?;
        let body = write_json("a wish", wish)?;
        let account = wish.account.as_ref().map(ToString::to_string);
        let external = wish.external_id.as_deref().and_then(join_key);
        let mail = wish.person.text("work_email").and_then(join_key);
        let (gone, told) = (i64::from(is_gone(wish)), i64::from(wish.because.is_some()));
        let values = args![
            connection,
            id,
            wish.identity.as_str(),
            account,
            join_key(&wish.login),
            external,
            gone,
            wish.version,
            wish.since_ms,
            body,
            mail,
            told,
        ];
        let sql = match before {
            0 => {
                "INSERT INTO wish (connection, id, identity, account, login_key, external_key, gone, version, since_ms, \
                 body, mail_key, told) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (connection, id) DO NOTHING"
            }
            _ => {
                "UPDATE wish SET identity = $3, account = COALESCE($4, account), login_key = $5, external_key = $6, gone = $7, \
                 version = $8, since_ms = $9, body = $10, mail_key = $11, told = $12 WHERE connection = $1 AND id = $2 AND version = $8 - 1"
            }
        };
        if tx.run(sql, values).await? == 0 {
            return Ok(false);
        }
        enqueue(&mut tx, jobs).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes back a wish that has this version, with the entries of the journal that tell of it; what it was is kept.
    #[boxed]
    pub async fn withdraw_wish(&self, wish: &ClientWish, now_ms: i64, drafts: Vec<Draft>) -> Result<bool, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        append(&mut tx, drafts).await?;
        let (connection, id) = (wish.connection.as_str(), &*wish.id);
        let keep = "INSERT INTO wish_past (connection, id, since_ms, until_ms, body) \
                    SELECT connection, id, since_ms, $4, body FROM wish \
                    WHERE connection = $1 AND id = $2 AND version = $3";
        tx.run(keep, args![connection, id, wish.version, now_ms]).await?;
        let sql = "DELETE FROM wish WHERE connection = $1 AND id = $2 AND version = $3";
        if tx.run(sql, args![connection, id, wish.version]).await? == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Tells whether nobody sees the account any more. Who is held back by people is still there, for all to see.
fn is_gone(wish: &ClientWish) -> bool {
    wish.asks == ClientAsks::Gone && !wish.is_held
}

/// Tells wishes about people whose accounts are known now which accounts these are, in the transaction that pins them.
/// What the client says is none other by that, so that the version stays.
pub(crate) async fn name_accounts(tx: &mut Tx, links: &[&Link]) -> Result<(), StoreError> {
    if tx.first("SELECT 1 FROM wish LIMIT 1", vec![], |_| Ok(())).await?.is_none() {
        return Ok(());
    }
    let mut by_identity: BTreeMap<&IdentityId, Vec<&AccountKey>> = BTreeMap::new();
    for link in links {
        by_identity.entry(&link.identity).or_default().push(&link.account);
    }
    let mut wishes = Vec::new();
    let identities = by_identity.keys().map(|identity| Arg::from(identity.as_str())).collect();
    tx.each_bulk(&BY_IDENTITIES, identities, |row| take(row, &mut wishes)).await?;
    for wish in wishes {
        let found = by_identity.get(&wish.identity).into_iter().flatten().copied().find(|key| wish.may_be(key));
        // Who was converted is known by another key now.
        if let Some(key) = found.filter(|_| !wish.account.as_ref().is_some_and(|key| wish.may_be(key))) {
            let sql = "UPDATE wish SET account = $3 WHERE connection = $1 AND id = $2";
            tx.run(sql, args![wish.connection.as_str(), &*wish.id, key.to_string()]).await?;
        }
    }
    Ok(())
}

/// Reads a wish. The account stands beside it: it may be found without the client saying anything.
fn read_wish(row: Row<'_>) -> Result<ClientWish, StoreError> {
    let wish: ClientWish = read_json("a wish", row.text(0)?)?;
    let found = row.text_or_none(1)?.and_then(|key| read_key(&wish.connection, key));
    Ok(ClientWish { account: found.or(wish.account), ..wish })
}

fn read_key(connection: &ConnectionName, key: &str) -> Option<AccountKey> {
    let (kind, id) = key.strip_prefix(connection.as_str())?.strip_prefix('/')?.split_once('/')?;
    Some(AccountKey::new(connection, kind.parse().ok()?, id))
}

/// Reads the wish with this id.
pub(crate) async fn wish_with(
    tx: &mut Tx,
    connection: &ConnectionName,
    id: &str,
) -> Result<Option<ClientWish>, StoreError> {
    let sql = "SELECT body, account FROM wish WHERE connection = $1 AND id = $2";
    tx.first(sql, args![connection.as_str(), id], read_wish).await
}

/// Reads all wishes.
pub(crate) async fn all_wishes(tx: &mut Tx) -> Result<Vec<ClientWish>, StoreError> {
    tx.list("SELECT body, account FROM wish", vec![], read_wish).await
}

/// Shows all wishes, one after the other.
pub(crate) async fn each_wish(tx: &mut Tx, mut show: impl FnMut(ClientWish) + Send) -> Result<(), StoreError> {
    tx.each("SELECT body, account FROM wish", vec![], |row| {
        show(read_wish(row)?);
        Ok(())
    })
    .await
}

/// Reads the wishes of a moment.
pub(crate) async fn past_wishes(tx: &mut Tx, at_ms: i64) -> Result<Vec<ClientWish>, StoreError> {
    let sql = "SELECT body, account FROM wish WHERE since_ms <= $1 UNION ALL \
               SELECT body, NULL FROM wish_past WHERE since_ms <= $1 AND until_ms > $1";
    tx.list(sql, args![at_ms], read_wish).await
}

/// Reads the wishes that speak of these people, accounts or sign-in names.
pub(crate) async fn wishes_about(
    tx: &mut Tx,
    identities: Vec<Arg<'_>>,
    accounts: Vec<Arg<'_>>,
    logins: Vec<Arg<'_>>,
) -> Result<Vec<ClientWish>, StoreError> {
    let mut found = Vec::new();
    tx.each_bulk(&BY_IDENTITIES, identities, |row| take(row, &mut found)).await?;
    tx.each_bulk(&BY_ACCOUNTS, accounts, |row| take(row, &mut found)).await?;
    tx.each_bulk(&BY_LOGINS, logins, |row| take(row, &mut found)).await?;
    Ok(found)
}

fn take(row: Row<'_>, found: &mut Vec<ClientWish>) -> Result<(), StoreError> {
    found.push(read_wish(row)?);
    Ok(())
}
