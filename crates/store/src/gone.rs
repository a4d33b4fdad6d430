//! Absence: which accounts a complete walk did not meet, and which are gone for sure.
//! The engine looks each candidate up by id before it marks it; single records come and go here as well.
//! A partial walk cannot ask: its questions need a `Sweep`, which only a complete one has.

use crate::Store;
use crate::accounts::KEYS;
use crate::bulk::Bulk;
use crate::connections::{number_of, number_or_new};
use crate::db::{Arg, Durability, Tx, args};
use crate::error::{StoreError, read_word};
use crate::observe::{Counts, Tally, lock, put};
use crate::pulls::{PullRun, Sweep, count};
use crate::record::Batch;
use crate::seen::{self, Seen, neighbourhood};
use async_recursion::async_recursion as boxed;
use tenure_core::account::{Account, AccountKey, AccountState, Kind};
use tenure_core::name::{ConnectionName, NativeId};

const FIND: Bulk = Bulk {
    head: "WITH given (connection, kind, native) AS (",
    columns: 3,
    tail: ") SELECT a.id, a.kind, a.state FROM given CROSS JOIN account a \
           WHERE a.connection = given.connection AND a.kind = given.kind AND a.native = given.native AND a.gone_ms IS NULL",
};

const MARK: Bulk = Bulk {
    head: "WITH given (id, now_ms) AS (",
    columns: 2,
    tail: ") UPDATE account SET gone_ms = CASE WHEN since_ms > given.now_ms THEN since_ms ELSE given.now_ms END \
           FROM given WHERE account.id = given.id",
};

impl Store {
    /// Up to `limit` accounts of these kinds that a complete walk did not meet: candidates for being gone.
    #[boxed]
    pub async fn unseen(&self, sweep: &Sweep<'_>, kinds: &[Kind], limit: usize) -> Result<Vec<AccountKey>, StoreError> {
        let run = sweep.pull;
        let mut tx = self.db.read().await?;
        if all_met(&mut tx, run).await? {
            return Ok(Vec::new());
        }
        let next_id = tx
            .first("SELECT next_id FROM connection WHERE number = $1", args![run.number], |row| row.int(0))
            .await?
            .unwrap_or(0);
        let (mut id, _) = crate::connections::ids_of(run.number);
        let mut found = Vec::new();
        while id < next_id && found.len() < limit {
            let (from, to) = neighbourhood(id);
            found.extend(unseen_within(&mut tx, run, kinds, from, to).await?);
            id = to;
        }
        found.truncate(limit);
        let mut keys = Vec::with_capacity(found.len());
        let found = found.into_iter().map(Arg::from).collect();
        tx.each_bulk(&KEYS, found, |row| {
            let kind = read_word("a kind", row.text(0)?)?;
            keys.push(AccountKey { connection: run.connection.clone(), kind, id: NativeId::from(row.text(1)?) });
            Ok(())
        })
        .await?;
        Ok(keys)
    }

    /// Marks accounts as gone on the word of a complete walk. Those that it met after all are left as they are.
    #[boxed]
    pub async fn mark_gone(&self, sweep: &Sweep<'_>, keys: &[AccountKey], now_ms: i64) -> Result<u64, StoreError> {
        let run = sweep.pull;
        let mut tx = self.db.write(Durability::Normal).await?;
        lock(&mut tx, run.number).await?;
        let mut standing = find(&mut tx, run.number, &run.connection, keys).await?;
        let seen = Seen::load(&mut tx, run.id.0, standing.iter().map(|(id, ..)| *id)).await?;
        standing.retain(|(id, ..)| !seen.contains(*id));
        let gone = mark(&mut tx, run.number, standing, now_ms).await?;
        count(&mut tx, run, Counts { gone, ..Counts::default() }, None).await?;
        tx.commit().await?;
        Ok(gone)
    }

    /// Marks accounts as met by a pull, though no page of its walk showed them: a look-up by id found them.
    #[boxed]
    pub async fn mark_seen(&self, run: &PullRun, keys: &[AccountKey]) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        lock(&mut tx, run.number).await?;
        let standing = find(&mut tx, run.number, &run.connection, keys).await?;
        let mut seen = Seen::load(&mut tx, run.id.0, standing.iter().map(|(id, ..)| *id)).await?;
        for (id, ..) in standing {
            seen.mark(id);
        }
        seen.save(&mut tx).await?;
        count(&mut tx, run, Counts::default(), None).await?;
        tx.commit().await
    }

    /// Writes single records outside any pull: read back after a write, or pushed to us.
    #[boxed]
    pub async fn record_accounts(
        &self,
        connection: &ConnectionName,
        accounts: &[Account],
        now_ms: i64,
    ) -> Result<Counts, StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        let counts = record(&mut tx, connection, accounts, now_ms).await?;
        tx.commit().await?;
        Ok(counts)
    }

    /// Marks single records as gone on a clear answer of the app: a look-up by id that found nothing, or our delete.
    #[boxed]
    pub async fn record_gone(
        &self,
        connection: &ConnectionName,
        keys: &[AccountKey],
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        let Some(number) = number_of(&mut tx, connection).await? else { return Ok(0) };
        lock(&mut tx, number).await?;
        let standing = find(&mut tx, number, connection, keys).await?;
        let gone = mark(&mut tx, number, standing, now_ms).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

/// Writes single records within a transaction that also writes what led to them.
pub(crate) async fn record(
    tx: &mut Tx,
    connection: &ConnectionName,
    accounts: &[Account],
    now_ms: i64,
) -> Result<Counts, StoreError> {
    let mut batch = Batch::new(connection);
    accounts.iter().try_for_each(|account| batch.add(account))?;
    let number = number_or_new(tx, connection).await?;
    put(tx, number, &batch.take(), None, now_ms).await
}

/// Tells whether the walk met as many accounts as there are: since it can only have met what is there, none is missing,
/// and none need be read to say so.
async fn all_met(tx: &mut Tx, run: &PullRun) -> Result<bool, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(accounts), 0) AS BIGINT) FROM tally WHERE connection = $1";
    let standing = tx.first(sql, args![run.number], |row| row.int(0)).await?;
    Ok(standing == Some(seen::count(tx, run.id.0).await?))
}

async fn unseen_within(tx: &mut Tx, run: &PullRun, kinds: &[Kind], from: i64, to: i64) -> Result<Vec<i64>, StoreError> {
    let seen = Seen::load(tx, run.id.0, std::iter::once(from)).await?;
    let sql = "SELECT kind, string_agg(CAST(id AS TEXT), ' ') FROM account \
               WHERE id >= $1 AND id < $2 AND connection = $3 AND gone_ms IS NULL GROUP BY kind";
    let mut unseen = Vec::new();
    tx.each(sql, args![from, to, run.number], |row| {
        if kinds.contains(&read_word("a kind", row.text(0)?)?) {
            for id in row.text_or_none(1)?.unwrap_or("").split_ascii_whitespace() {
                let id = read_word("an account's id", id)?;
                if !seen.contains(id) {
                    unseen.push(id);
                }
            }
        }
        Ok(())
    })
    .await?;
    unseen.sort_unstable();
    Ok(unseen)
}

type Standing = (i64, Kind, AccountState);

async fn find(
    tx: &mut Tx,
    number: i64,
    connection: &ConnectionName,
    keys: &[AccountKey],
) -> Result<Vec<Standing>, StoreError> {
    let mut own: Vec<&AccountKey> = keys.iter().filter(|key| key.connection == *connection).collect();
    own.sort_unstable();
    own.dedup();
    let given = own.into_iter().flat_map(|key| args![number, key.kind.as_str(), key.id.as_str()]).collect();
    let mut standing = Vec::new();
    tx.each_bulk(&FIND, given, |row| {
        standing.push((row.int(0)?, read_word("a kind", row.text(1)?)?, read_word("a state", row.text(2)?)?));
        Ok(())
    })
    .await?;
    Ok(standing)
}

async fn mark(tx: &mut Tx, number: i64, standing: Vec<Standing>, now_ms: i64) -> Result<u64, StoreError> {
    let mut tally = Tally::default();
    let gone = standing.len() as u64;
    let all: Vec<i64> = standing.iter().map(|(id, ..)| *id).collect();
    let mut ids = Vec::with_capacity(standing.len() * 2);
    for (id, kind, state) in standing {
        tally.add(kind, state, -1);
        ids.extend(args![id, now_ms]);
    }
    tx.run_bulk(&MARK, ids).await?;
    tally.save(tx, number).await?;
    unmark(tx, number, &all).await?;
    Ok(gone)
}

/// Takes accounts that are gone out of what unfinished pulls have met: these hold nothing that is not there.
async fn unmark(tx: &mut Tx, number: i64, ids: &[i64]) -> Result<(), StoreError> {
    let sql = "SELECT id FROM pull WHERE connection = $1 AND finished_ms IS NULL";
    for pull in tx.list(sql, args![number], |row| row.int(0)).await? {
        let mut seen = Seen::load(tx, pull, ids.iter().copied()).await?;
        ids.iter().for_each(|id| seen.unmark(*id));
        seen.save(tx).await?;
    }
    Ok(())
}
