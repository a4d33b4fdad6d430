//! Counters by which guards judge while work is under way, one for all processes: what was taken away in a connection of
//! late, and how many steps failed there one after the other.
//! They are read and written in the transaction in which a step begins or ends, under the journal's lock. How much is too
//! much comes from outside.

use crate::Store;
use crate::db::{Durability, Row, Tx, args};
use crate::error::{StoreError, read_json, write_json};
use crate::journal::append;
use crate::steps::Beginning;
use async_recursion::async_recursion as boxed;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::circuit::{Circuit, Ended};
use tenure_core::facts::Removed;
use tenure_core::journal::Draft;
use tenure_core::name::{ConnectionName, StepId};

const NOTE: &str = "circuit";
/// What was taken away longer ago counts no more.
pub const DAY_MS: i64 = 86_400_000;
/// Steps that are handed over as counted; older ones are counted once more where they are planned again.
const COUNTED_MAX: i64 = 10_000;

/// What a step that is about to begin takes away, and how much may be taken away there within a day.
#[derive(Clone, Debug)]
pub struct Removal<'a> {
    /// The account that loses something.
    pub account: &'a str,
    /// How much may be, this one among it.
    pub most: Removed,
}

/// How a step ended, for the circuit of its connection.
#[derive(Clone, Debug)]
pub struct Pulse<'a> {
    /// In which connection.
    pub connection: &'a ConnectionName,
    /// How.
    pub ended: Ended,
    /// After how many failures in a row nothing more is tried.
    pub failures_max: u32,
    /// For how long.
    pub retry_after_ms: i64,
}

impl Store {
    /// What was taken away in each connection within the last 24 hours.
    ///
    /// # Errors
    /// The store failed.
    #[boxed]
    pub async fn removed(&self, now_ms: i64) -> Result<BTreeMap<ConnectionName, Removed>, StoreError> {
        let sql =
            "SELECT connection, count(*), count(DISTINCT account) FROM removal WHERE at_ms > $1 GROUP BY connection";
        let read = |row: Row<'_>| {
            let removed = Removed { steps: row.int(1)?.unsigned_abs(), accounts: row.int(2)?.unsigned_abs() };
            Ok((row.text(0)?.into(), removed))
        };
        let all = self.db.list(sql, args![now_ms - DAY_MS], read).await?;
        Ok(all.into_iter().collect())
    }

    /// Which steps took something away within the last 24 hours, or may have: of a great many, the latest.
    ///
    /// # Errors
    /// The store failed.
    #[boxed]
    pub async fn removed_by(&self, now_ms: i64) -> Result<BTreeMap<ConnectionName, BTreeSet<StepId>>, StoreError> {
        let sql = "SELECT connection, step FROM removal WHERE at_ms > $1 ORDER BY at_ms DESC, step LIMIT $2";
        let mut steps: BTreeMap<ConnectionName, BTreeSet<StepId>> = BTreeMap::new();
        let read = |row: Row<'_>| Ok((ConnectionName::new(row.text(0)?), StepId::from(row.text(1)?)));
        for (connection, step) in self.db.list(sql, args![now_ms - DAY_MS, COUNTED_MAX], read).await? {
            steps.entry(connection).or_default().insert(step);
        }
        Ok(steps)
    }

    /// The circuits of all connections in which steps failed of late.
    ///
    /// # Errors
    /// The store failed.
    #[boxed]
    pub async fn circuits(&self) -> Result<BTreeMap<ConnectionName, Circuit>, StoreError> {
        self.noted_everywhere(NOTE).await
    }

    /// Forgets the failures of these connections, and tells it in the journal; returns those that there were.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reset_circuits(
        &self,
        places: &[ConnectionName],
        draft: impl Fn(&ConnectionName, &Circuit) -> Draft + Send,
    ) -> Result<Vec<(ConnectionName, Circuit)>, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let mut ended = Vec::new();
        for place in places {
            let sql = "DELETE FROM note WHERE connection = $1 AND name = $2 RETURNING value";
            let read = |row: Row<'_>| read_json("a circuit", row.text(0)?);
            ended.extend(
                tx.first(sql, args![place.as_str(), NOTE], read).await?.map(|circuit| (place.clone(), circuit)),
            );
        }
        append(&mut tx, ended.iter().map(|(place, circuit)| draft(place, circuit)).collect()).await?;
        tx.commit().await?;
        Ok(ended)
    }
}

/// Returns what was taken away within a day, where what a step takes away besides would be too much.
pub(crate) async fn too_much(tx: &mut Tx, beginning: &Beginning<'_>) -> Result<Option<Removed>, StoreError> {
    let Some(removal) = &beginning.removal else { return Ok(None) };
    let sql = "SELECT count(*), count(DISTINCT account), sum(CASE WHEN account = $4 THEN 1 ELSE 0 END) \
               FROM removal WHERE connection = $1 AND at_ms > $2 AND step <> $3";
    let (connection, step) = (beginning.connection.as_str(), beginning.step.as_str());
    let read = |row: Row<'_>| {
        let count = |at: usize| row.int(at).map(i64::unsigned_abs);
        Ok((Removed { steps: count(0)?, accounts: count(1)? }, row.int_or_none(2)?.unwrap_or(0) > 0))
    };
    let values = args![connection, beginning.at_ms - DAY_MS, step, removal.account];
    let (removed, known) = tx.first(sql, values, read).await?.unwrap_or_default();
    let accounts = removed.accounts + u64::from(!known);
    let more = removed.steps + 1 > removal.most.steps || accounts > removal.most.accounts;
    Ok(more.then_some(removed))
}

/// Counts what a step takes away that begins, and keeps in mind when it did so before.
pub(crate) async fn count_removal(tx: &mut Tx, beginning: &Beginning<'_>) -> Result<(), StoreError> {
    let Some(removal) = &beginning.removal else { return Ok(()) };
    let sql = "INSERT INTO removal (step, connection, account, at_ms) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (step) DO UPDATE SET at_ms = excluded.at_ms, \
               before_ms = CASE WHEN removal.at_ms > $5 THEN removal.at_ms END";
    let (connection, step) = (beginning.connection.as_str(), beginning.step.as_str());
    let values = args![step, connection, removal.account, beginning.at_ms, beginning.at_ms - DAY_MS];
    tx.run(sql, values).await.map(drop)
}

/// Takes back the count of a removal that took nothing away; what the same step took away before counts as it did.
pub(crate) async fn uncount_removal(tx: &mut Tx, step: &StepId) -> Result<(), StoreError> {
    if tx.run("DELETE FROM removal WHERE step = $1 AND before_ms IS NULL", args![step.as_str()]).await? == 0 {
        let sql = "UPDATE removal SET at_ms = before_ms, before_ms = NULL WHERE step = $1 AND before_ms IS NOT NULL";
        tx.run(sql, args![step.as_str()]).await?;
    }
    Ok(())
}

/// What the circuit of a connection says to a step that would begin.
pub(crate) enum Asked {
    /// Nothing failed there of late.
    Whole,
    /// This one step may be tried.
    Tried,
    /// Nothing is tried now.
    Broken(Circuit),
}

/// Tells whether a step may begin as far as the circuit of its connection is concerned.
pub(crate) async fn ask_circuit(tx: &mut Tx, connection: &ConnectionName, at_ms: i64) -> Result<Asked, StoreError> {
    let Some(before) = circuit_of(tx, connection).await? else { return Ok(Asked::Whole) };
    let mut circuit = before.clone();
    if !circuit.may_begin(at_ms) {
        return Ok(Asked::Broken(circuit));
    }
    if circuit != before {
        write_circuit(tx, connection, &circuit).await?;
    }
    Ok(Asked::Tried)
}

/// Counts how steps ended, in this order.
pub(crate) async fn count_ends(tx: &mut Tx, pulses: &[Pulse<'_>], at_ms: i64) -> Result<(), StoreError> {
    let mut circuits: BTreeMap<&ConnectionName, (Circuit, Circuit)> = BTreeMap::new();
    for pulse in pulses {
        if !circuits.contains_key(pulse.connection) {
            let before = circuit_of(tx, pulse.connection).await?.unwrap_or_default();
            circuits.insert(pulse.connection, (before.clone(), before));
        }
        if let Some((_, circuit)) = circuits.get_mut(pulse.connection) {
            circuit.ended(pulse.ended.clone(), at_ms, pulse.failures_max, pulse.retry_after_ms);
        }
    }
    for (connection, (before, circuit)) in circuits {
        if circuit != before {
            write_circuit(tx, connection, &circuit).await?;
        }
    }
    Ok(())
}

async fn circuit_of(tx: &mut Tx, connection: &ConnectionName) -> Result<Option<Circuit>, StoreError> {
    let sql = "SELECT value FROM note WHERE connection = $1 AND name = $2";
    tx.first(sql, args![connection.as_str(), NOTE], |row| read_json("a circuit", row.text(0)?)).await
}

async fn write_circuit(tx: &mut Tx, connection: &ConnectionName, circuit: &Circuit) -> Result<(), StoreError> {
    let sql = "INSERT INTO note (connection, name, value) VALUES ($1, $2, $3) \
               ON CONFLICT (connection, name) DO UPDATE SET value = excluded.value";
    tx.run(sql, args![connection.as_str(), NOTE, write_json("a circuit", circuit)?]).await.map(drop)
}
