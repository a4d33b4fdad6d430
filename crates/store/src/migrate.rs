//! Brings a store to the shape that this program knows, one numbered script after the other.
//! The scripts lie in `migrations/`, one text for both databases; the store remembers how far it has come.
//! It never goes back: a store of a later program is refused.

use crate::Store;
use crate::db::{Db, Durability, Tx, args};
use crate::error::StoreError;
use async_recursion::async_recursion as boxed;

/// The scripts in their order; the number of a script is its place in this list, from 1.
const SCRIPTS: [&str; 13] = [
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_native_first.sql"),
    include_str!("../migrations/0003_tokens.sql"),
    include_str!("../migrations/0004_work.sql"),
    include_str!("../migrations/0005_guards.sql"),
    include_str!("../migrations/0006_wishes.sql"),
    include_str!("../migrations/0007_acts.sql"),
    include_str!("../migrations/0008_sessions.sql"),
    include_str!("../migrations/0009_signed_by.sql"),
    include_str!("../migrations/0010_signals.sql"),
    include_str!("../migrations/0011_plan_briefs.sql"),
    include_str!("../migrations/0012_wishes_told.sql"),
    include_str!("../migrations/0013_removals_again.sql"),
];

/// How far a store has come, and how far this program knows the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// The number of the last script that the store has seen.
    pub found: i64,
    /// The number of the last script that this program knows.
    pub known: i64,
}

impl Store {
    /// Asks the store for its shape: a later program may have changed it meanwhile.
    #[boxed]
    pub async fn shape(&self) -> Result<Shape, StoreError> {
        let sql = "SELECT max(number) FROM shape";
        let found = self.db.first(sql, vec![], |row| row.int_or_none(0)).await?.flatten();
        Ok(Shape { found: found.unwrap_or(0), known: SCRIPTS.len() as i64 })
    }
}

/// Runs the scripts that the store has not seen yet, all in one transaction.
pub(crate) async fn migrate(db: &Db) -> Result<(), StoreError> {
    let mut tx = db.write(Durability::Full).await?;
    tx.lock_shape().await?;
    tx.script("CREATE TABLE IF NOT EXISTS shape (number BIGINT NOT NULL PRIMARY KEY)").await?;
    let found = shape_of(&mut tx).await?;
    if found > known_shape() {
        return Err(StoreError::Newer { found, known: known_shape() });
    }
    lay(&mut tx, found, known_shape()).await?;
    tx.commit().await
}

/// The newest shape that this program knows.
pub(crate) fn known_shape() -> i64 {
    SCRIPTS.len() as i64
}

/// Returns how far a store has come.
pub(crate) async fn shape_of(tx: &mut Tx) -> Result<i64, StoreError> {
    let found = tx.first("SELECT max(number) FROM shape", vec![], |row| row.int_or_none(0)).await?.flatten();
    Ok(found.unwrap_or(0))
}

/// Runs the scripts that lead from one shape to a later one.
pub(crate) async fn lay(tx: &mut Tx, from: i64, to: i64) -> Result<(), StoreError> {
    for (script, number) in SCRIPTS.iter().zip(1_i64..) {
        if number > from && number <= to {
            tx.script(script).await?;
            tx.run("INSERT INTO shape (number) VALUES ($1)", args![number]).await?;
        }
    }
    Ok(())
}

/// Lists the tables of a shape, as its scripts make and drop them.
pub(crate) fn tables_of(shape: i64) -> Vec<String> {
    let mut tables: Vec<String> = Vec::new();
    for line in
        SCRIPTS.iter().zip(1_i64..).filter(|(_, number)| *number <= shape).flat_map(|(script, _)| script.lines())
    {
        let name = |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned);
        if let Some(name) = line.strip_prefix("CREATE TABLE ").and_then(name) {
            tables.push(name);
        } else if let Some(name) = line.strip_prefix("DROP TABLE ").and_then(name) {
            tables.retain(|table| *table != name);
        }
    }
    tables
}
