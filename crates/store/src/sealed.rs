//! Sealed values: secrets that several processes share, as bytes that only the operator's key opens.
//! The engine seals and opens; here they are kept by connection and name, and all sealed anew at once.
//! No key is ever here, and nothing that is sealed can be read.

use crate::Store;
use crate::db::{Durability, Row, args};
use crate::error::StoreError;
use crate::journal::append;
use async_recursion::async_recursion as boxed;
use tenure_core::journal::Draft;
use tenure_core::name::ConnectionName;

/// Values that are sealed anew in one go, at most.
const SEALED_MAX: i64 = 100_000;

/// A sealed value.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key opens it.
    pub opener: String,
    /// The value, sealed.
    pub value: Vec<u8>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed(by {})", self.opener)
    }
}

/// Where a sealed value is kept. It is sealed together with its place, so that it opens nowhere else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedPlace {
    /// Whose it is.
    pub connection: ConnectionName,
    /// What it is.
    pub name: String,
}

impl Store {
    /// Keeps a sealed value in its place.
    #[boxed]
    pub async fn set_sealed(&self, place: &SealedPlace, sealed: &Sealed) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        let sql = "INSERT INTO sealed (connection, name, opener, value) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (connection, name) DO UPDATE SET opener = excluded.opener, value = excluded.value";
        let values = args![place.connection.as_str(), &*place.name, &*sealed.opener, &*sealed.value];
        tx.run(sql, values).await?;
        tx.commit().await
    }

    /// The sealed value of a place.
    #[boxed]
    pub async fn sealed(&self, place: &SealedPlace) -> Result<Option<Sealed>, StoreError> {
        let sql = "SELECT opener, value FROM sealed WHERE connection = $1 AND name = $2";
        let values = args![place.connection.as_str(), &*place.name];
        self.db.first(sql, values, |row| read(&row, 0)).await
    }

    /// How many sealed values there are, by the key that opens them.
    #[boxed]
    pub async fn openers(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = "SELECT opener, count(*) FROM sealed GROUP BY opener ORDER BY opener";
        self.db.list(sql, vec![], |row| Ok((row.text(0)?.to_owned(), row.int(1)?))).await
    }

    /// Seals every value anew, all or none, with the entries of the journal that tell of it; a value for which `anew`
    /// gives nothing is dropped. Returns how many there are afterwards, and how many were dropped.
    ///
    /// # Errors
    /// `anew` could not, or the store failed; then nothing is changed.
    pub async fn reseal<E: From<StoreError>>(
        &self,
        anew: impl Fn(&SealedPlace, &Sealed) -> Result<Option<Sealed>, E> + Send,
        drafts: Vec<Draft>,
    ) -> Result<(u64, u64), E> {
        let mut tx = self.db.write(Durability::Full).await?;
        append(&mut tx, drafts).await?;
        let sql = "SELECT opener, value, connection, name FROM sealed ORDER BY connection, name LIMIT $1";
        let read = |row: Row<'_>| {
            let place = SealedPlace { connection: row.text(2)?.into(), name: row.text(3)?.to_owned() };
            Ok((place, read(&row, 0)?))
        };
        let all = tx.list(sql, args![SEALED_MAX], read).await?;
        let (mut kept, mut dropped) = (0, 0);
        for (place, sealed) in all {
            let at = args![place.connection.as_str(), &*place.name];
            match anew(&place, &sealed)? {
                Some(Sealed { opener, value }) => {
                    kept += 1;
                    let sql = "UPDATE sealed SET opener = $3, value = $4 WHERE connection = $1 AND name = $2";
                    tx.run(sql, [at, args![opener, value]].concat()).await?;
                }
                None => {
                    dropped += 1;
                    tx.run("DELETE FROM sealed WHERE connection = $1 AND name = $2", at).await?;
                }
            }
        }
        tx.commit().await?;
        Ok((kept, dropped))
    }
}

fn read(row: &Row<'_>, from: usize) -> Result<Sealed, StoreError> {
    Ok(Sealed { opener: row.text(from)?.to_owned(), value: row.bytes(from + 1)?.to_vec() })
}
