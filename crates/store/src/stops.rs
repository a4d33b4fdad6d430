//! Stops: where nothing is to be written, by whose word. They are notes, and in the journal.
//! Whoever stops and whoever begins a step takes the journal's head first, so that no step begins after the entry that
//! stops it, however many processes there are. What is written where is not known here.

use crate::Store;
use crate::db::{Durability, Tx, args};
use crate::error::{StoreError, read_json, write_json};
use crate::journal::append;
use async_recursion::async_recursion as boxed;
use tenure_core::journal::Draft;
use tenure_core::name::ConnectionName;
use tenure_core::stop::Stop;

const NOTE: &str = "stop";

impl Store {
    /// Stops, and tells it in the journal, all or none. A later stop of the same place takes the place of the earlier one.
    #[boxed]
    pub async fn stop(&self, stops: &[Stop], drafts: Vec<Draft>) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        append(&mut tx, drafts).await?;
        for stop in stops {
            let sql = "INSERT INTO note (connection, name, value) VALUES ($1, $2, $3) \
                       ON CONFLICT (connection, name) DO UPDATE SET value = excluded.value";
            tx.run(sql, args![key(stop.connection.as_ref()), NOTE, write_json("a stop", stop)?]).await?;
        }
        tx.commit().await
    }

    /// Takes back the stops of these places (none: the one of everywhere) and returns those that there were; `draft`
    /// makes the entry that tells it of each.
    pub async fn resume(
        &self,
        places: &[Option<ConnectionName>],
        draft: impl Fn(&Stop) -> Draft + Send,
    ) -> Result<Vec<Stop>, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let mut ended: Vec<Stop> = Vec::new();
        for place in places {
            let sql = "DELETE FROM note WHERE connection = $1 AND name = $2 RETURNING value";
            let place = args![key(place.as_ref()), NOTE];
            ended.extend(tx.first(sql, place, |row| read_json("a stop", row.text(0)?)).await?);
        }
        append(&mut tx, ended.iter().map(draft).collect()).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// All stops there are, the one of everywhere first.
    #[boxed]
    pub async fn stops(&self) -> Result<Vec<Stop>, StoreError> {
        let sql = "SELECT value FROM note WHERE name = $1 ORDER BY connection";
        self.db.list(sql, args![NOTE], |row| read_json("a stop", row.text(0)?)).await
    }
}

/// What stops writes to a connection at this moment of a transaction.
pub(crate) async fn stop_of(tx: &mut Tx, connection: &ConnectionName) -> Result<Option<Stop>, StoreError> {
    let sql = "SELECT value FROM note WHERE connection IN ('', $1) AND name = $2 ORDER BY connection";
    tx.first(sql, args![connection.as_str(), NOTE], |row| read_json("a stop", row.text(0)?)).await
}

fn key(connection: Option<&ConnectionName>) -> &str {
    connection.map_or("", ConnectionName::as_str)
}
