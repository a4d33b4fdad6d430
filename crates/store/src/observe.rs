//! Writes what was observed: new accounts, new versions of changed ones, and nothing for those that are as they were.
//! A batch is looked up by its keys first, under a lock on its connection; then only the differences are written.
//! It does not know who asks: a pull that walks, or a single record read back after a write.

use crate::bulk::Bulk;
use crate::connections::first_id_of;
use crate::db::{Arg, Row, Tx, args};
use crate::error::{StoreError, read_word};
use crate::record::{Record, Records};
use crate::seen::Seen;
use std::collections::BTreeMap;
use tenure_core::account::{AccountState, Kind};

/// What became of a batch, or of a whole pull so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Not known before, or gone and back.
    pub added: u64,
    /// Known, but different.
    pub changed: u64,
    /// As they were.
    pub unchanged: u64,
    /// Seen before in the same pull, and as they were then.
    pub repeated: u64,
    /// Proven to be gone.
    pub gone: u64,
}

/// Answers with one text for the whole portion, since a row for each record would cost more than the look-up itself:
/// `3=77` says that the third is account 77 as it was, `3!77!active` that it differs from an active one.
const COMPARE: Bulk = Bulk {
    head: "WITH given (n, connection, kind, native, hash) AS (",
    columns: 5,
    tail: ") SELECT string_agg(CASE WHEN a.gone_ms IS NULL AND a.hash = given.hash THEN given.n || '=' || a.id \
           ELSE given.n || '!' || a.id || '!' || CASE WHEN a.gone_ms IS NULL THEN a.state ELSE 'gone' END END, ' ') \
           FROM given CROSS JOIN account a \
           WHERE a.connection = given.connection AND a.kind = given.kind AND a.native = given.native",
};

const KEEP_VERSIONS: Bulk = Bulk {
    head: "INSERT INTO version (account, kind, since_ms, until_ms, body) \
           WITH given (id, now_ms) AS (",
    columns: 2,
    tail: ") SELECT a.id, a.kind, a.since_ms, CASE WHEN a.gone_ms IS NOT NULL THEN a.gone_ms \
           WHEN a.since_ms > given.now_ms THEN a.since_ms ELSE given.now_ms END, a.body \
           FROM given CROSS JOIN account a WHERE a.id = given.id",
};

/// Records whose values are laid out at a time: as many as stay close to the processor.
const PORTION: usize = 512;

/// The columns that every write of accounts fills.
macro_rules! insert {
    ($conflict:literal) => {
        Bulk {
            head: "INSERT INTO account (id, connection, kind, native, state, since_ms, login_key, external_key, \
                   employee_key, hash, body) ",
            columns: 11,
            tail: $conflict,
        }
    };
}

const INSERT: Bulk = insert!(" ON CONFLICT (connection, kind, native) DO NOTHING");

const WRITE: Bulk = insert!(
    " ON CONFLICT (id) DO UPDATE SET state = excluded.state, since_ms = excluded.since_ms, gone_ms = NULL, \
           login_key = excluded.login_key, external_key = excluded.external_key, \
           employee_key = excluded.employee_key, hash = excluded.hash, body = excluded.body"
);

const FORGET_ALIASES: Bulk = Bulk { head: "DELETE FROM alias WHERE account IN (", columns: 1, tail: ")" };
const WRITE_ALIASES: Bulk = Bulk { head: "INSERT INTO alias (address, account) ", columns: 2, tail: "" };

const TALLY: Bulk = Bulk {
    head: "INSERT INTO tally (connection, kind, state, accounts) ",
    columns: 4,
    tail: " ON CONFLICT (connection, kind, state) DO UPDATE SET accounts = tally.accounts + excluded.accounts",
};

/// What the store holds of a given record.
#[derive(Clone, Copy)]
enum Held {
    /// Nothing.
    Nothing,
    /// The same.
    Same(i64),
    /// Something else, in this state; in none if it was gone.
    Other(i64, Option<AccountState>),
}

/// Keeps others from writing accounts of this connection, and returns the id that its next account gets.
pub(crate) async fn lock(tx: &mut Tx, connection: i64) -> Result<i64, StoreError> {
    let sql = "UPDATE connection SET next_id = next_id WHERE number = $1 RETURNING next_id";
    tx.first(sql, args![connection], |row| row.int(0))
        .await?
        .ok_or_else(|| StoreError::Missing { what: "connection number", id: connection.to_string() })
}

/// Tells whether the records of a pull's next batch will hardly be held already: all accounts of its connection are its
/// own, and none came twice, as in a first pull.
pub(crate) async fn expects_new(tx: &mut Tx, connection: i64, pull: i64) -> Result<bool, StoreError> {
    let sql = "SELECT c.next_id - p.added, p.changed + p.unchanged + p.repeated FROM pull p \
               JOIN connection c ON c.number = p.connection WHERE p.id = $1";
    let first = first_id_of(connection);
    let expected = tx.first(sql, args![pull], |row| Ok(row.int(0)? == first && row.int(1)? == 0)).await?;
    Ok(expected == Some(true))
}

/// Writes `records` without a look at what is held. Nothing comes back if one was held after all, as the key of accounts
/// says: the transaction is of no use then.
pub(crate) async fn put_new(
    tx: &mut Tx,
    connection: i64,
    records: &Records,
    pull: i64,
    now_ms: i64,
) -> Result<Option<Counts>, StoreError> {
    let next_id = lock(tx, connection).await?;
    let held = vec![Held::Nothing; records.rows().len()];
    let batch = Settling { connection, records, held, next_id, now_ms };
    let (counts, written) = batch.settle(tx, Some(pull), &INSERT).await?;
    Ok((written == counts.added).then_some(counts))
}

/// Writes `records` of one connection. With a pull, marks them as seen by it.
pub(crate) async fn put(
    tx: &mut Tx,
    connection: i64,
    records: &Records,
    pull: Option<i64>,
    now_ms: i64,
) -> Result<Counts, StoreError> {
    let next_id = lock(tx, connection).await?;
    let held = compare(tx, connection, records).await?;
    let batch = Settling { connection, records, held, next_id, now_ms };
    Ok(batch.settle(tx, pull, &WRITE).await?.0)
}

async fn compare(tx: &mut Tx, connection: i64, records: &Records) -> Result<Vec<Held>, StoreError> {
    let rows = records.rows();
    let mut held = vec![Held::Nothing; rows.len()];
    let mut given = Vec::with_capacity(rows.len() * COMPARE.columns);
    for (record, n) in rows.iter().zip(0_i64..) {
        given.extend(args![n, connection, record.kind.as_str(), &*record.native, &record.hash[..]]);
    }
    tx.each_bulk(&COMPARE, given, |row| read_held(&row, &mut held)).await?;
    Ok(held)
}

fn read_held(row: &Row<'_>, held: &mut [Held]) -> Result<(), StoreError> {
    for one in row.text_or_none(0)?.unwrap_or("").split_ascii_whitespace() {
        let (n, found) = match one.split_once('=') {
            Some((n, id)) => (n, Held::Same(read_word("an account's id", id)?)),
            None => {
                let mut parts = one.split('!');
                let mut part = || parts.next().unwrap_or("");
                let (n, id, state) = (part(), part(), part());
                let state = if state == "gone" { None } else { Some(read_word("an account's state", state)?) };
                (n, Held::Other(read_word("an account's id", id)?, state))
            }
        };
        let n: usize = read_word("a position", n)?;
        if let Some(slot) = held.get_mut(n) {
            *slot = found;
        }
    }
    Ok(())
}

/// Records of one connection, and what is held of each.
struct Settling<'r> {
    connection: i64,
    records: &'r Records,
    held: Vec<Held>,
    /// The id that the next account gets.
    next_id: i64,
    now_ms: i64,
}

impl Settling<'_> {
    /// Counts what becomes of the records and writes those that differ; returns also how many were written.
    async fn settle(mut self, tx: &mut Tx, pull: Option<i64>, statement: &Bulk) -> Result<(Counts, u64), StoreError> {
        let ids = self.ids();
        let mut repeated = vec![false; ids.len()];
        if let Some(pull) = pull {
            let mut seen = Seen::load(tx, pull, ids.iter().copied()).await?;
            for (id, repeated) in ids.iter().zip(&mut repeated) {
                *repeated = seen.mark(*id);
            }
            seen.save(tx).await?;
        }
        let mut counts = Counts::default();
        for (held, repeated) in self.held.iter().zip(repeated) {
            match held {
                Held::Nothing | Held::Other(_, None) => counts.added += 1,
                Held::Other(_, Some(_)) => counts.changed += 1,
                Held::Same(_) if repeated => counts.repeated += 1,
                Held::Same(_) => counts.unchanged += 1,
            }
        }
        if counts.added + counts.changed == 0 {
            return Ok((counts, 0));
        }
        let written = self.write(tx, &ids, statement).await?;
        let sql = "UPDATE connection SET next_id = $1 WHERE number = $2";
        tx.run(sql, args![self.next_id, self.connection]).await?;
        Ok((counts, written))
    }

    /// Returns the id of each record, giving one to those that have none.
    fn ids(&mut self) -> Vec<i64> {
        let id = |held: &Held| match held {
            Held::Same(id) | Held::Other(id, _) => *id,
            Held::Nothing => {
                self.next_id += 1;
                self.next_id - 1
            }
        };
        self.held.iter().map(id).collect()
    }

    /// Writes what differs, and returns how many accounts that were.
    async fn write(&self, tx: &mut Tx, ids: &[i64], statement: &Bulk) -> Result<u64, StoreError> {
        let mut tally = Tally::default();
        let (mut before, mut aliases) = (Vec::new(), Vec::new());
        for ((record, held), id) in self.records.rows().iter().zip(&self.held).zip(ids) {
            match held {
                Held::Same(_) => continue,
                Held::Other(_, was) => {
                    before.push(*id);
                    was.iter().for_each(|was| tally.add(record.kind, *was, -1));
                }
                Held::Nothing => {}
            }
            tally.add(record.kind, record.state, 1);
            aliases.extend(record.keys.aliases.iter().flat_map(|address| args![&**address, *id]));
        }
        let changed = before.iter().flat_map(|id| args![*id, self.now_ms]).collect();
        tx.run_bulk(&KEEP_VERSIONS, changed).await?;
        tx.run_bulk(&FORGET_ALIASES, before.into_iter().map(Arg::from).collect()).await?;
        let mut written = 0;
        let all: Vec<_> = self.records.rows().iter().zip(&self.held).zip(ids).collect();
        for portion in all.chunks(PORTION) {
            let differ = portion.iter().filter(|((_, held), _)| !matches!(held, Held::Same(_)));
            let rows = differ.flat_map(|((record, _), id)| self.row(record, **id)).collect();
            written += tx.run_bulk(statement, rows).await?;
        }
        tx.run_bulk(&WRITE_ALIASES, aliases).await?;
        tally.save(tx, self.connection).await?;
        Ok(written)
    }

    /// Returns the values of a record in the order of the columns.
    fn row<'a>(&'a self, record: &'a Record, id: i64) -> [Arg<'a>; 11] {
        [
            id.into(),
            self.connection.into(),
            record.kind.as_str().into(),
            Arg::from(&*record.native),
            record.state.as_str().into(),
            self.now_ms.into(),
            record.keys.login.as_deref().into(),
            record.keys.external.as_deref().into(),
            record.keys.employee.as_deref().into(),
            Arg::from(&record.hash[..]),
            self.records.body(record).into(),
        ]
    }
}

/// How the numbers of accounts change with a batch.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<(Kind, AccountState), i64>);

impl Tally {
    pub(crate) fn add(&mut self, kind: Kind, state: AccountState, accounts: i64) {
        *self.0.entry((kind, state)).or_default() += accounts;
    }

    pub(crate) async fn save(self, tx: &mut Tx, connection: i64) -> Result<(), StoreError> {
        let moved = self.0.into_iter().filter(|(_, accounts)| *accounts != 0);
        let values = moved
            .flat_map(|((kind, state), accounts)| args![connection, kind.as_str(), state.as_str(), accounts])
            .collect();
        tx.run_bulk(&TALLY, values).await.map(drop)
    }
}
