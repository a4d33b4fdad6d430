//! Small things to remember, and who may do what only one may do at a time.
//! Notes are key and value per connection (a dialect's evidence, a learned budget); leases end by themselves.
//! What the notes say and what a lease protects is the engine's affair.

use crate::Store;
use crate::db::{Durability, Tx, args};
use crate::error::{StoreError, write_json};
use async_recursion::async_recursion as boxed;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use tenure_core::name::ConnectionName;

/// The right to do something alone, until it ends or somebody else takes it after its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// What it is the right to.
    pub name: String,
    /// Grows with every new holder: whoever has a smaller one has lost it.
    pub token: i64,
    /// When it ends (milliseconds since 1970, UTC).
    pub until_ms: i64,
}

/// What came of asking for a lease.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// It is ours.
    Held(Lease),
    /// It is somebody else's, by the name they gave, until then.
    Taken {
        /// Who holds it.
        by: String,
        /// When it ends.
        until_ms: i64,
    },
}

impl Store {
    /// What was noted for a connection under this name.
    #[boxed]
    pub async fn note(&self, connection: &ConnectionName, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT value FROM note WHERE connection = $1 AND name = $2";
        self.db.first(sql, args![connection.as_str(), name], |row| Ok(row.text(0)?.to_owned())).await
    }

    /// Everything that was noted for a connection.
    #[boxed]
    pub async fn notes(&self, connection: &ConnectionName) -> Result<BTreeMap<String, String>, StoreError> {
        let sql = "SELECT name, value FROM note WHERE connection = $1";
        let notes = self
            .db
            .list(sql, args![connection.as_str()], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))
            .await?;
        Ok(notes.into_iter().collect())
    }

    /// What was noted under this name, by connection.
    #[boxed]
    pub async fn notes_named(&self, name: &str) -> Result<BTreeMap<ConnectionName, String>, StoreError> {
        let sql = "SELECT connection, value FROM note WHERE name = $1";
        let notes = self.db.list(sql, args![name], |row| Ok((row.text(0)?.into(), row.text(1)?.to_owned()))).await?;
        Ok(notes.into_iter().collect())
    }

    /// Notes a value, or forgets it where there is none.
    #[boxed]
    pub async fn set_note(
        &self,
        connection: &ConnectionName,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        match value {
            Some(value) => {
                let sql = "INSERT INTO note (connection, name, value) VALUES ($1, $2, $3) \
                           ON CONFLICT (connection, name) DO UPDATE SET value = excluded.value";
                tx.run(sql, args![connection.as_str(), name, value]).await?;
            }
            None => {
                let sql = "DELETE FROM note WHERE connection = $1 AND name = $2";
                tx.run(sql, args![connection.as_str(), name]).await?;
            }
        }
        tx.commit().await
    }

    /// Forgets everything that was noted for a connection.
    #[boxed]
    pub async fn forget_notes(&self, connection: &ConnectionName) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        tx.run("DELETE FROM note WHERE connection = $1", args![connection.as_str()]).await?;
        tx.commit().await
    }

    /// Changes a note as it is at that moment, whoever else changes it. The moment (milliseconds since 1970, UTC) is
    /// that of the server's clock, which all processes share; a file has none, so that `now_ms` is asked, in the turn.
    ///
    /// # Errors
    /// The store failed, or `change` could not read what is noted; then nothing is changed.
    pub async fn change_note_text(
        &self,
        connection: &ConnectionName,
        name: &str,
        now_ms: impl FnOnce() -> i64 + Send,
        change: impl FnOnce(Option<&str>, i64) -> Result<String, StoreError> + Send,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        let sql = "INSERT INTO note (connection, name, value) VALUES ($1, $2, '') \
                   ON CONFLICT (connection, name) DO UPDATE SET value = note.value RETURNING value";
        let text = tx.first(sql, args![connection.as_str(), name], |row| Ok(row.text(0)?.to_owned())).await?;
        let now_ms = tx.server_clock_ms().await?.unwrap_or_else(now_ms);
        let text = text.filter(|text| !text.is_empty());
        let value = change(text.as_deref(), now_ms)?;
        if text.as_deref() != Some(&value) {
            let sql = "UPDATE note SET value = $1 WHERE connection = $2 AND name = $3";
            tx.run(sql, args![value, connection.as_str(), name]).await?;
        }
        tx.commit().await
    }

    /// Changes a note that holds a value as JSON, as it is at that moment; where nothing is noted it starts from the
    /// value's default.
    ///
    /// # Errors
    /// The store failed, or what is noted cannot be read; then nothing is changed.
    pub async fn change_note<T: Serialize + DeserializeOwned + Default>(
        &self,
        connection: &ConnectionName,
        name: &str,
        change: impl FnOnce(&mut T) + Send,
    ) -> Result<(), StoreError> {
        let changed = |text: Option<&str>, _: i64| {
            let mut value = text.map_or_else(|| Ok(T::default()), |text| read_note(connection, name, text))?;
            change(&mut value);
            write_json("a note", &value)
        };
        self.change_note_text(connection, name, || 0, changed).await
    }

    /// The value that was noted as JSON for a connection under this name.
    ///
    /// # Errors
    /// The store failed, or what is noted cannot be read: that is told, and never taken for nothing.
    pub async fn noted<T: DeserializeOwned>(
        &self,
        connection: &ConnectionName,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        self.note(connection, name).await?.map(|text| read_note(connection, name, &text)).transpose()
    }

    /// The values that were noted as JSON under this name, by connection.
    ///
    /// # Errors
    /// As [`Store::noted`].
    pub async fn noted_everywhere<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<BTreeMap<ConnectionName, T>, StoreError> {
        let notes = self.notes_named(name).await?.into_iter().filter(|(_, text)| !text.is_empty());
        let read = |(connection, text): (ConnectionName, String)| {
            let value = read_note(&connection, name, &text)?;
            Ok((connection, value))
        };
        notes.map(read).collect()
    }

    /// Asks for a lease; it is ours if nobody holds it, or the holder let it end.
    #[boxed]
    pub async fn claim_lease(&self, name: &str, holder: &str, now_ms: i64, lasts_ms: i64) -> Result<Claim, StoreError> {
        let mut tx = self.db.write(Durability::Shared).await?;
        let until_ms = now_ms + lasts_ms;
        let sql = "INSERT INTO lease (name, holder, token, until_ms) VALUES ($1, $2, 1, $3) \
                   ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = lease.token + 1, \
                   until_ms = excluded.until_ms WHERE lease.until_ms <= $4 RETURNING token";
        let token = tx.first(sql, args![name, holder, until_ms, now_ms], |row| row.int(0)).await?;
        let claim = match token {
            Some(token) => Claim::Held(Lease { name: name.into(), token, until_ms }),
            None => {
                let sql = "SELECT holder, until_ms FROM lease WHERE name = $1";
                let taken = tx.first(sql, args![name], |row| Ok((row.text(0)?.to_owned(), row.int(1)?))).await?;
                let (by, until_ms) = taken.ok_or_else(|| StoreError::Missing { what: "lease", id: name.into() })?;
                Claim::Taken { by, until_ms }
            }
        };
        tx.commit().await?;
        Ok(claim)
    }

    /// Holds a lease for longer. Fails if somebody else has taken it meanwhile.
    #[boxed]
    pub async fn renew_lease(&self, lease: &Lease, now_ms: i64, lasts_ms: i64) -> Result<Lease, StoreError> {
        let mut tx = self.db.write(Durability::Shared).await?;
        let until_ms = now_ms + lasts_ms;
        let sql = "UPDATE lease SET until_ms = $1 WHERE name = $2 AND token = $3";
        if tx.run(sql, args![until_ms, &*lease.name, lease.token]).await? == 0 {
            return Err(StoreError::LeaseLost { name: lease.name.clone() });
        }
        tx.commit().await?;
        Ok(Lease { until_ms, ..lease.clone() })
    }

    /// Lets a lease end now. One that was lost already stays with whoever has it.
    #[boxed]
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Shared).await?;
        let sql = "UPDATE lease SET until_ms = 0 WHERE name = $1 AND token = $2";
        tx.run(sql, args![&*lease.name, lease.token]).await?;
        tx.commit().await
    }
}

impl Store {
    /// Lets a lease end now and forgets its name, which nobody will ask for again.
    #[boxed]
    pub async fn forget_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Shared).await?;
        tx.run("DELETE FROM lease WHERE name = $1 AND token = $2", args![&*lease.name, lease.token]).await?;
        tx.commit().await
    }

    /// Ends the lease of a holder that is known to be dead, as it was seen; a later holder keeps theirs.
    #[boxed]
    pub async fn end_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Shared).await?;
        tx.run("UPDATE lease SET until_ms = 0 WHERE name = $1 AND holder = $2", args![name, holder]).await?;
        tx.commit().await
    }

    /// Who holds the lease of this name, by the name they gave.
    #[boxed]
    pub async fn lease_holder(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT holder FROM lease WHERE name = $1";
        self.db.first(sql, args![name], |row| Ok(row.text(0)?.to_owned())).await
    }

    /// How far this machine's clock is ahead of the database server's, in milliseconds; nothing for a file, which has no
    /// clock of its own. `now_ms` is asked for before and after the server is.
    pub async fn clock_ahead_ms(&self, now_ms: impl Fn() -> i64 + Send) -> Result<Option<i64>, StoreError> {
        let mut tx = self.db.read().await?;
        let before_ms = now_ms();
        let there_ms = tx.server_clock_ms().await?;
        Ok(there_ms.map(|there_ms| before_ms + (now_ms() - before_ms) / 2 - there_ms))
    }
}

fn read_note<T: DeserializeOwned>(connection: &ConnectionName, name: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Note {
        connection: connection.clone(),
        name: name.to_owned(),
        source: error.into(),
    })
}

/// Fails if the lease is somebody else's by now; until the end of the transaction nobody else can take it.
pub(crate) async fn check_lease(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    let sql = "UPDATE lease SET token = token WHERE name = $1 AND token = $2";
    if tx.run(sql, args![&*lease.name, lease.token]).await? == 0 {
        return Err(StoreError::LeaseLost { name: lease.name.clone() });
    }
    Ok(())
}
