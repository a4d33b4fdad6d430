//! An account as a row: its key, its join keys, its text and the hash by which a change is noticed.
//! Made from what connectors observed, on the way into the database.
//! It does not know what the database holds already.

use crate::error::{StoreError, write_json};
use crate::keys::JoinKeys;
use sha2::{Digest, Sha256};
use tenure_core::account::{Account, AccountState, Kind};
use tenure_core::name::ConnectionName;

/// No app has ids that long; an index has no room for them.
const NATIVE_LEN_MAX: usize = 1024;

/// One account, ready to be written.
pub(crate) struct Record {
    pub kind: Kind,
    pub native: Box<str>,
    pub state: AccountState,
    pub keys: JoinKeys,
    pub hash: [u8; 16],
    pub body: String,
}

impl Record {
    fn of(connection: &ConnectionName, account: &Account) -> Result<Self, StoreError> {
        let refuse = |because| Err(StoreError::Record { connection: connection.clone(), because });
        let native = account.key.id.as_str();
        if account.key.connection != *connection {
            return refuse("it belongs to another connection");
        }
        if native.is_empty() || native.len() > NATIVE_LEN_MAX || native.contains('\0') {
            return refuse("its id is empty, longer than 1024 bytes, or holds a NUL");
        }
        let body = write_json("an account", account)?;
        let digest = Sha256::digest(body.as_bytes());
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        let keys = JoinKeys::of(account);
        Ok(Self { kind: account.key.kind, native: native.into(), state: account.state, keys, hash, body })
    }
}

/// Makes rows of `accounts`, sorted by key, each key once: of two with one key the later wins.
/// Lets others run now and then, since a batch takes milliseconds.
pub(crate) async fn records(connection: &ConnectionName, accounts: &[Account]) -> Result<Vec<Record>, StoreError> {
    let mut order: Vec<(usize, &Account)> = accounts.iter().enumerate().collect();
    order.sort_unstable_by(|(at, one), (other_at, other)| {
        (one.key.kind, &one.key.id, other_at).cmp(&(other.key.kind, &other.key.id, at))
    });
    order.dedup_by(|(_, later), (_, kept)| later.key == kept.key);
    let mut records = Vec::with_capacity(order.len());
    for portion in order.chunks(512) {
        for (_, account) in portion {
            records.push(Record::of(connection, account)?);
        }
        tokio::task::yield_now().await;
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::account::AccountKey;

    #[tokio::test]
    async fn of_two_records_with_one_key_the_later_wins() {
        let connection = ConnectionName::new("gorgias");
        let account = |id: &str, name: &str| {
            let mut account = Account::unknown(AccountKey::new(&connection, Kind::Agent, id));
            account.name = Some(name.into());
            account
        };
        let given = [account("2", "first"), account("1", "one"), account("2", "second")];
        let found = records(&connection, &given).await.unwrap();
        assert_eq!(found.iter().map(|record| &*record.native).collect::<Vec<_>>(), ["1", "2"]);
        assert!(found[1].body.contains("second"));
    }

    #[tokio::test]
    async fn an_id_that_no_index_can_hold_is_refused() {
        let connection = ConnectionName::new("gorgias");
        for id in [String::new(), "x".repeat(2000), "a\0b".into()] {
            let account = Account::unknown(AccountKey::new(&connection, Kind::Agent, id));
            assert!(records(&connection, &[account]).await.is_err());
        }
    }
}
