//! An account as a row: its key, its join keys, its text and the hash by which a change is noticed.
//! Made from what connectors observed, on the way into the database.
//! It does not know what the database holds already.

use crate::body::write_body;
use crate::error::StoreError;
use crate::keys::JoinKeys;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use tenure_core::account::{Account, AccountKey, AccountState, Kind};
use tenure_core::name::{ConnectionName, NativeId};

/// One account, ready to be written.
#[derive(Debug)]
pub(crate) struct Record {
    pub kind: Kind,
    pub native: Box<str>,
    pub state: AccountState,
    pub keys: JoinKeys,
    pub hash: [u8; 16],
    /// Where its text lies among those of its batch.
    body: Range<usize>,
}

impl Record {
    /// Makes the row of `account`, whose text goes behind `texts`.
    fn of(connection: &ConnectionName, account: &Account, texts: &mut String) -> Result<Self, StoreError> {
        let refuse = |because| Err(StoreError::Record { connection: connection.clone(), because });
        let native = account.key.id.as_str();
        if account.key.connection != *connection {
            return refuse("it belongs to another connection");
        }
        if !NativeId::fits(native) {
            return refuse("its id is empty, longer than 1024 bytes, or holds a NUL");
        }
        let from = texts.len();
        write_body(account, texts).map_err(|error| StoreError::Broken { what: "an account", source: error.into() })?;
        let body = from..texts.len();
        let digest = Sha256::digest(&texts.as_bytes()[body.clone()]);
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        let keys = JoinKeys::of(account);
        Ok(Self { kind: account.key.kind, native: native.into(), state: account.state, keys, hash, body })
    }
}

/// Accounts of one connection on their way into the store, as rows: smaller than what they were made from.
#[derive(Debug)]
pub struct Batch {
    connection: ConnectionName,
    records: Records,
}

/// Records and the texts that they refer to.
#[derive(Debug, Default)]
pub(crate) struct Records {
    rows: Vec<Record>,
    texts: String,
}

impl Records {
    /// Lists them.
    pub fn rows(&self) -> &[Record] {
        &self.rows
    }

    /// Returns the text of one of them.
    pub fn body(&self, record: &Record) -> &str {
        &self.texts[record.body.clone()]
    }
}

impl Batch {
    /// Returns an empty batch.
    pub fn new(connection: &ConnectionName) -> Self {
        Self { connection: connection.clone(), records: Records::default() }
    }

    /// Takes one account in. Of two with one key the later wins.
    ///
    /// # Errors
    /// The account is of another connection, or has an id that cannot be kept.
    pub fn add(&mut self, account: &Account) -> Result<(), StoreError> {
        let Records { rows, texts } = &mut self.records;
        rows.push(Record::of(&self.connection, account, texts)?);
        Ok(())
    }

    /// Tells how many accounts were taken in.
    pub fn len(&self) -> usize {
        self.records.rows.len()
    }

    /// Tells whether none was.
    pub fn is_empty(&self) -> bool {
        self.records.rows.is_empty()
    }

    /// Lists those of these accounts that were taken in.
    pub fn met<'k>(&self, keys: &'k BTreeSet<AccountKey>) -> Vec<&'k AccountKey> {
        if keys.is_empty() {
            return Vec::new();
        }
        let here: HashSet<(Kind, &str)> = self.records.rows.iter().map(|row| (row.kind, &*row.native)).collect();
        keys.iter().filter(|key| here.contains(&(key.kind, key.id.as_str()))).collect()
    }

    /// Empties the batch, and returns its records sorted by key, each key once.
    pub(crate) fn take(&mut self) -> Records {
        let Records { rows, texts } = &self.records;
        let room = Records { rows: Vec::with_capacity(rows.len()), texts: String::with_capacity(texts.len()) };
        let mut records = std::mem::replace(&mut self.records, room);
        let rows = &mut records.rows;
        let key = |record: &Record| (record.kind, record.native.clone());
        if !rows.is_sorted_by(|one, other| (one.kind, &one.native) < (other.kind, &other.native)) {
            rows.sort_by_cached_key(key);
            rows.dedup_by(|later, kept| {
                let same = (later.kind, &later.native) == (kept.kind, &kept.native);
                if same {
                    std::mem::swap(later, kept);
                }
                same
            });
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_records_with_one_key_the_later_wins() {
        let connection = ConnectionName::new("gorgias");
        let mut batch = Batch::new(&connection);
        for (id, name) in [("2", "first"), ("1", "one"), ("2", "second")] {
            let mut account = Account::unknown(AccountKey::new(&connection, Kind::Agent, id));
            account.name = Some(name.into());
            batch.add(&account).unwrap();
        }
        let key = |id| AccountKey::new(&connection, Kind::Agent, id);
        assert_eq!(batch.met(&[key("2"), key("3")].into()), [&key("2")]);
        let found = batch.take();
        assert_eq!(found.rows().iter().map(|record| &*record.native).collect::<Vec<_>>(), ["1", "2"]);
        assert!(found.body(&found.rows()[1]).contains("second") && batch.is_empty());
    }

    #[test]
    fn an_id_that_no_index_can_hold_is_refused() {
        let connection = ConnectionName::new("gorgias");
        for id in [String::new(), "x".repeat(2000), "a\0b".into()] {
            let account = Account::unknown(AccountKey::new(&connection, Kind::Agent, id));
            assert!(Batch::new(&connection).add(&account).is_err());
        }
    }
}
