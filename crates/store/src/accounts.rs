//! Accounts as lists: of one connection or all, now or at an earlier moment, and single ones by key or by text.
//! Read from the current rows, and from the earlier versions only where a row is younger than the moment asked for.
//! Whose accounts they are is not known here.

use crate::Store;
use crate::body::read_body;
use crate::bulk::Bulk;
use crate::connections::{ids_of, number_of};
use crate::db::{Row, Tx, args};
use crate::error::StoreError;
use crate::keys::join_key;
use crate::wishes::{wish_with, wishes_about};
use async_recursion::async_recursion as boxed;
use tenure_core::account::{Account, AccountKey, AccountState, Kind};
use tenure_core::facts::ClientWish;
use tenure_core::name::ConnectionName;

/// Reads kind and native id of accounts by their ids inside the store.
pub(crate) const KEYS: Bulk = Bulk { head: "SELECT kind, native FROM account WHERE id IN (", columns: 1, tail: ")" };

/// An account as it is known now.
const ONE_NOW: &str = "SELECT id, since_ms, gone_ms, body FROM account \
                       WHERE connection = $1 AND kind = $2 AND native = $3 AND gone_ms IS NULL";
const PAGE_MAX: usize = 1000;
const FOUND_MAX: i64 = 200;

/// Which accounts to list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountFilter {
    /// Of these connections only; nothing means all.
    pub among: Option<Vec<ConnectionName>>,
    /// As they were at this moment (milliseconds since 1970, UTC); nothing means now.
    pub as_of_ms: Option<i64>,
}

impl AccountFilter {
    /// Asks for the accounts of one connection, as they are now.
    pub fn of(connection: ConnectionName) -> Self {
        Self { among: Some(vec![connection]), as_of_ms: None }
    }
}

/// An account and the time for which it was so.
#[derive(Clone, PartialEq, Debug)]
pub struct Observed {
    /// Its place in lists.
    pub at: Cursor,
    /// The account.
    pub account: Account,
    /// Since when it is so.
    pub since_ms: i64,
    /// Since when it is not so any more: it changed, or is gone.
    pub until_ms: Option<i64>,
}

/// Where the next page goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor(i64);

impl Cursor {
    /// Returns the cursor of a place that was told by another one.
    pub fn at(place: i64) -> Self {
        Self(place)
    }

    /// Returns its place, for whoever goes on later.
    pub fn place(self) -> i64 {
        self.0
    }
}

/// One page of accounts.
#[derive(Clone, PartialEq, Debug)]
pub struct Page {
    /// The accounts, in the order in which they were first observed.
    pub accounts: Vec<Observed>,
    /// Where to go on; nothing at the end.
    pub next: Option<Cursor>,
}

const NOW: &str = "SELECT id, since_ms, gone_ms, body FROM account \
     WHERE id > $1 AND id < $2 AND gone_ms IS NULL ORDER BY id LIMIT $3";

/// The row itself where it is old enough, else the one version that covers the moment: the first that ended after it,
/// one step into the index however many there are.
macro_rules! then {
    ($filter:literal) => {
        concat!(
            "SELECT a.id, CASE WHEN v.id IS NULL THEN a.since_ms ELSE v.since_ms END, ",
            "CASE WHEN v.id IS NULL THEN a.gone_ms ELSE v.until_ms END, ",
            "CASE WHEN v.id IS NULL THEN a.body ELSE v.body END ",
            "FROM account a LEFT JOIN version v ON a.since_ms > $1 AND v.since_ms <= $1 AND v.id = (",
            "SELECT w.id FROM version w WHERE w.account = a.id AND w.until_ms > $1 ",
            "ORDER BY w.until_ms, w.id LIMIT 1) WHERE ",
            $filter,
            " AND (v.id IS NOT NULL OR (a.since_ms <= $1 AND (a.gone_ms IS NULL OR a.gone_ms > $1)))"
        )
    };
}

/// The accounts of up to three kinds within a range, without those that a SCIM client wishes gone.
macro_rules! shown {
    () => {
        "FROM account a WHERE id > $1 AND id < $2 AND gone_ms IS NULL AND kind IN ($3, $4, $5) \
         AND NOT EXISTS (SELECT 1 FROM wish w WHERE w.gone = 1 AND w.account = $6 || '/' || a.kind || '/' || a.native)"
    };
}

impl Store {
    /// Lists accounts, a page of up to 1000 at a time.
    #[boxed]
    pub async fn accounts(
        &self,
        filter: &AccountFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut tx = self.db.read().await?;
        let (after, limit) = (after.map_or(0, |cursor| cursor.0), limit.clamp(1, PAGE_MAX));
        let mut found: Vec<Observed> = Vec::new();
        for (first, end) in ranges(&mut tx, filter.among.as_deref()).await? {
            let (after, left) = (after.max(first), limit - found.len());
            if left == 0 || after >= end {
                continue;
            }
            found.extend(match filter.as_of_ms {
                None => tx.list(NOW, args![after, end, left as i64], |row| read_row(&row)).await?,
                Some(at_ms) => {
                    let sql = concat!(then!("a.id > $2 AND a.id < $3"), " ORDER BY a.id LIMIT $4");
                    tx.list(sql, args![at_ms, after, end, left as i64], |row| read_row(&row)).await?
                }
            });
        }
        let next = if found.len() < limit { None } else { found.last().map(|observed| observed.at) };
        Ok(Page { accounts: found, next })
    }

    /// The account with this key, now or at an earlier moment; nothing if it was not there.
    #[boxed]
    pub async fn account(&self, key: &AccountKey, as_of_ms: Option<i64>) -> Result<Option<Observed>, StoreError> {
        let mut tx = self.db.read().await?;
        let Some(number) = number_of(&mut tx, &key.connection).await? else { return Ok(None) };
        let (kind, native) = (key.kind.as_str(), key.id.as_str());
        let found = match as_of_ms {
            None => tx.first(ONE_NOW, args![number, kind, native], |row| read_row(&row)).await?,
            Some(at_ms) => {
                let sql = then!("a.connection = $2 AND a.kind = $3 AND a.native = $4");
                tx.first(sql, args![at_ms, number, kind, native], |row| read_row(&row)).await?
            }
        };
        Ok(found)
    }

    /// An account and what a client wishes of it, of one moment: by the id of the wish, else by the key of the account.
    #[boxed]
    pub async fn account_and_wish(
        &self,
        connection: &ConnectionName,
        id: &str,
        key: Option<&AccountKey>,
    ) -> Result<(Option<Observed>, Option<ClientWish>), StoreError> {
        let mut tx = self.db.read().await?;
        let mut wish = wish_with(&mut tx, connection, id).await?;
        let key = match &wish {
            Some(wish) => wish.account.clone(),
            None => key.cloned(),
        };
        let Some(key) = key else { return Ok((None, wish)) };
        let number = number_of(&mut tx, &key.connection).await?;
        let observed = match number {
            Some(number) => {
                let values = args![number, key.kind.as_str(), key.id.as_str()];
                tx.first(ONE_NOW, values, |row| read_row(&row)).await?
            }
            None => None,
        };
        if wish.is_none() {
            wish = wishes_about(&mut tx, vec![], vec![key.to_string().into()], vec![]).await?.pop();
        }
        Ok((observed, wish))
    }

    /// Returns the states of accounts as they are known now, of those that are there.
    #[boxed]
    pub async fn account_states(&self, keys: &[&AccountKey]) -> Result<Vec<(AccountKey, AccountState)>, StoreError> {
        let (mut tx, mut states) = (self.db.read().await?, Vec::with_capacity(keys.len()));
        for key in keys {
            let Some(number) = number_of(&mut tx, &key.connection).await? else { continue };
            let args = args![number, key.kind.as_str(), key.id.as_str()];
            let found = tx.first(ONE_NOW, args, |row| read_row(&row)).await?;
            states.extend(found.map(|observed| ((*key).clone(), observed.account.state)));
        }
        Ok(states)
    }

    /// Every version of one account that is kept, oldest first; the last one is the current one, gone or not.
    #[boxed]
    pub async fn versions(&self, key: &AccountKey, limit: usize) -> Result<Vec<Observed>, StoreError> {
        let mut tx = self.db.read().await?;
        let Some(number) = number_of(&mut tx, &key.connection).await? else { return Ok(Vec::new()) };
        let sql = "SELECT id, since_ms, gone_ms, body FROM account \
                   WHERE connection = $1 AND kind = $2 AND native = $3";
        let values = args![number, key.kind.as_str(), key.id.as_str()];
        let Some(current) = tx.first(sql, values, |row| read_row(&row)).await? else { return Ok(Vec::new()) };
        let sql = "SELECT account, since_ms, until_ms, body FROM version WHERE account = $1 \
                   ORDER BY until_ms DESC, id DESC LIMIT $2";
        let (id, limit) = (current.at.0, limit.saturating_sub(1) as i64);
        let mut all = vec![current];
        tx.each(sql, args![id, limit], |row| {
            all.push(read_row(&row)?);
            Ok(())
        })
        .await?;
        all.reverse();
        Ok(all)
    }

    /// Counts the accounts of these kinds in one connection, without those that a SCIM client wishes gone.
    #[boxed]
    pub async fn count_accounts(&self, connection: &ConnectionName, kinds: &[Kind]) -> Result<u64, StoreError> {
        let mut tx = self.db.read().await?;
        let Some(number) = number_of(&mut tx, connection).await? else { return Ok(0) };
        let [one, two, three] = three(kinds);
        let gone = "SELECT 1 FROM wish WHERE connection = $1 AND gone = 1 LIMIT 1";
        let counted = match tx.first(gone, args![connection.as_str()], |_| Ok(())).await? {
            None => {
                let sql = "SELECT CAST(COALESCE(SUM(accounts), 0) AS BIGINT) FROM tally \
                           WHERE connection = $1 AND kind IN ($2, $3, $4)";
                tx.first(sql, args![number, one, two, three], |row| row.int(0)).await?
            }
            Some(_) => {
                let (first, end) = ids_of(number);
                let sql = concat!("SELECT COUNT(*) ", shown!());
                let values = args![first, end, one, two, three, connection.as_str()];
                tx.first(sql, values, |row| row.int(0)).await?
            }
        };
        Ok(counted.unwrap_or(0).max(0) as u64)
    }

    /// The accounts of these kinds in one connection from a place on, in the order in which they were first observed,
    /// without those that a SCIM client wishes gone; a page of up to 1000.
    #[boxed]
    pub async fn accounts_from(
        &self,
        connection: &ConnectionName,
        kinds: &[Kind],
        place: u64,
        limit: usize,
    ) -> Result<Vec<Observed>, StoreError> {
        let mut tx = self.db.read().await?;
        let Some(number) = number_of(&mut tx, connection).await? else { return Ok(Vec::new()) };
        let ((first, end), [one, two, three]) = (ids_of(number), three(kinds));
        let sql = concat!("SELECT id, since_ms, gone_ms, body ", shown!(), " ORDER BY id LIMIT $7 OFFSET $8");
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let limit = limit.clamp(1, PAGE_MAX) as i64;
        let values = args![first, end, one, two, three, connection.as_str(), limit, place];
        tx.list(sql, values, |row| read_row(&row)).await
    }

    /// Accounts that have this text as sign-in name, address, external id, employee id, or as their own id.
    #[boxed]
    pub async fn find_accounts(&self, text: &str) -> Result<Vec<Observed>, StoreError> {
        let mut tx = self.db.read().await?;
        let mut found = Vec::new();
        if let Some(key) = join_key(text) {
            let sql = "SELECT id, since_ms, gone_ms, body FROM account WHERE gone_ms IS NULL AND id IN (\
                       SELECT id FROM account WHERE login_key = $1 \
                       UNION SELECT id FROM account WHERE external_key = $1 \
                       UNION SELECT id FROM account WHERE employee_key = $1 \
                       UNION SELECT account FROM alias WHERE address = $1) ORDER BY id LIMIT $2";
            found = tx.list(sql, args![key, FOUND_MAX], |row| read_row(&row)).await?;
        }
        found.extend(by_native_id(&mut tx, text).await?);
        found.sort_by_key(|observed| observed.at.0);
        found.dedup_by_key(|observed| observed.at.0);
        Ok(found)
    }
}

/// Returns the ranges in which the accounts of these connections have their ids, in their order.
async fn ranges(tx: &mut Tx, among: Option<&[ConnectionName]>) -> Result<Vec<(i64, i64)>, StoreError> {
    let Some(names) = among else { return Ok(vec![(0, i64::MAX)]) };
    let mut ranges = Vec::with_capacity(names.len());
    for name in names {
        ranges.extend(number_of(tx, name).await?.map(ids_of));
    }
    ranges.sort_unstable();
    ranges.dedup();
    Ok(ranges)
}

/// Lays up to three kinds out as values.
fn three(kinds: &[Kind]) -> [&'static str; 3] {
    std::array::from_fn(|at| kinds.get(at).or(kinds.first()).map_or("", |kind| kind.as_str()))
}

async fn by_native_id(tx: &mut Tx, text: &str) -> Result<Vec<Observed>, StoreError> {
    const BY_KEY: Bulk = Bulk {
        head: "WITH given (kind, native) AS (",
        columns: 2,
        tail: ") SELECT a.id, a.since_ms, a.gone_ms, a.body FROM given CROSS JOIN connection c CROSS JOIN account a \
               WHERE a.connection = c.number AND a.kind = given.kind AND a.native = given.native \
               AND a.gone_ms IS NULL",
    };
    if text.is_empty() || text.contains('\0') {
        return Ok(Vec::new());
    }
    let given = Kind::ALL.into_iter().flat_map(|kind| args![kind.as_str(), text]).collect();
    let mut found = Vec::new();
    tx.each_bulk(&BY_KEY, given, |row| {
        found.push(read_row(&row)?);
        Ok(())
    })
    .await?;
    Ok(found)
}

fn read_row(row: &Row<'_>) -> Result<Observed, StoreError> {
    let account = read_body("an account", row.text(3)?)?;
    Ok(Observed { at: Cursor(row.int(0)?), account, since_ms: row.int(1)?, until_ms: row.int_or_none(2)? })
}
