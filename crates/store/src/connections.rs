//! Connections as the store numbers them, and how many accounts each has.
//! The numbers are given when a connection is first pulled; the totals are kept by every write.
//! Which connections are configured is not known here.

use crate::bulk::Bulk;
use crate::db::{Durability, Row, Tx, args};
use crate::error::StoreError;
use crate::{Store, next_number};
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use tenure_core::account::{AccountState, Entitlement, Kind};
use tenure_core::name::{ConnectionName, EntitlementKind};

/// Accounts of one connection have ids from `number << ID_BITS` upwards.
const ID_BITS: u32 = 40;

/// How many accounts of each kind stand in each state.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Totals(BTreeMap<(Kind, AccountState), u64>);

impl Totals {
    /// All accounts that are there, in whatever state.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Accounts that give access.
    pub fn active(&self) -> u64 {
        self.0.iter().filter(|((_, state), _)| state.gives_access()).map(|(_, accounts)| accounts).sum()
    }

    /// Accounts of the kinds for which `takes_seat` holds that are active or invited.
    pub fn seats(&self, takes_seat: impl Fn(Kind) -> bool) -> u64 {
        let taken = |kind, state| takes_seat(kind) && matches!(state, AccountState::Active | AccountState::Invited);
        self.0.iter().filter(|((kind, state), _)| taken(*kind, *state)).map(|(_, accounts)| accounts).sum()
    }

    pub(crate) fn set(&mut self, kind: Kind, state: AccountState, accounts: u64) {
        self.0.insert((kind, state), accounts);
    }

    /// Accounts of one kind in one state.
    pub fn of(&self, kind: Kind, state: AccountState) -> u64 {
        self.0.get(&(kind, state)).copied().unwrap_or(0)
    }
}

impl Store {
    /// Every connection that was ever pulled, by name.
    #[boxed]
    pub async fn connections(&self) -> Result<Vec<ConnectionName>, StoreError> {
        let mut names = self.db.list("SELECT name FROM connection", vec![], |row| Ok(row.text(0)?.into())).await?;
        names.sort();
        Ok(names)
    }

    /// The reference lists of one connection, sorted.
    #[boxed]
    pub async fn entitlements(&self, connection: &ConnectionName) -> Result<Vec<Entitlement>, StoreError> {
        let sql = "SELECT kind, id, name, privileged FROM entitlement WHERE connection = $1";
        let read = |row: Row<'_>| {
            let (kind, id, name) = (row.text(0)?.into(), row.text(1)?.into(), row.text(2)?.into());
            Ok(Entitlement { kind, id, name, privileged: row.int(3)? == 1 })
        };
        let mut all = self.db.list(sql, args![connection.as_str()], read).await?;
        all.sort();
        Ok(all)
    }

    /// Replaces the reference list of one kind of entitlement.
    #[boxed]
    pub async fn set_entitlements(
        &self,
        connection: &ConnectionName,
        kind: &EntitlementKind,
        entitlements: &[Entitlement],
    ) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        let sql = "DELETE FROM entitlement WHERE connection = $1 AND kind = $2";
        tx.run(sql, args![connection.as_str(), kind.as_str()]).await?;
        let own = entitlements.iter().filter(|one| one.kind == *kind);
        write_entitlements(&mut tx, connection, own).await?;
        tx.commit().await
    }

    /// Replaces the reference lists of all kinds.
    #[boxed]
    pub async fn set_all_entitlements(
        &self,
        connection: &ConnectionName,
        entitlements: &[Entitlement],
    ) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        tx.run("DELETE FROM entitlement WHERE connection = $1", args![connection.as_str()]).await?;
        write_entitlements(&mut tx, connection, entitlements.iter()).await?;
        tx.commit().await
    }
}

/// Writes reference lists; of two entitlements with one id the later counts.
async fn write_entitlements(
    tx: &mut Tx,
    connection: &ConnectionName,
    entitlements: impl Iterator<Item = &Entitlement>,
) -> Result<(), StoreError> {
    const WRITE: Bulk =
        Bulk { head: "INSERT INTO entitlement (connection, kind, id, name, privileged) ", columns: 5, tail: "" };
    let by_id: BTreeMap<(&str, String), &Entitlement> =
        entitlements.map(|one| ((one.kind.as_str(), text(&one.id)), one)).collect();
    let mut values = Vec::with_capacity(by_id.len() * WRITE.columns);
    for ((kind, id), one) in by_id {
        values.extend(args![connection.as_str(), kind, id, text(&one.name), i64::from(one.privileged)]);
    }
    tx.run_bulk(&WRITE, values).await.map(drop)
}

/// Returns `text` as a database can hold it.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Returns the number of a connection, if it was ever pulled.
pub(crate) async fn number_of(tx: &mut Tx, connection: &ConnectionName) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT number FROM connection WHERE name = $1";
    tx.first(sql, args![connection.as_str()], |row| row.int(0)).await
}

/// Returns the number of a connection, giving it one if it has none.
pub(crate) async fn number_or_new(tx: &mut Tx, connection: &ConnectionName) -> Result<i64, StoreError> {
    if let Some(number) = number_of(tx, connection).await? {
        return Ok(number);
    }
    let number = next_number(tx, "connection").await?;
    let sql = "INSERT INTO connection (name, number, next_id) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    tx.run(sql, args![connection.as_str(), number, first_id_of(number)]).await?;
    match number_of(tx, connection).await? {
        Some(number) => Ok(number),
        None => Err(StoreError::Missing { what: "connection", id: connection.to_string() }),
    }
}

/// Returns the id of a connection's first account.
pub(crate) fn first_id_of(number: i64) -> i64 {
    (number << ID_BITS) + 1
}

/// Returns the range of ids that a connection's accounts have: the last before it and the first after it.
pub(crate) fn ids_of(number: i64) -> (i64, i64) {
    (number << ID_BITS, (number + 1) << ID_BITS)
}
