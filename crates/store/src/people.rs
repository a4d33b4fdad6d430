//! Who may be among the people, by ids alone: whoever a pinned link, a decision or a client's wish names, in the order of
//! the ids; and the source records that came after a mark, whose links may not be pinned yet.
//! Whether there is such a person, and who they are, is for `correlate` to say.

use crate::Store;
use crate::connections::ids_of;
use crate::db::{Row, Tx, args};
use crate::error::{StoreError, read_json};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::account::{AccountKey, Kind};
use tenure_core::facts::{Decided, Decision};
use tenure_core::name::{ConnectionName, IdentityId};

/// How far the store had come: what was written later lies beyond.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Mark {
    /// The id that the next new account of each connection gets.
    pub next_ids: BTreeMap<ConnectionName, i64>,
    /// The newest decision.
    pub decision: i64,
}

/// Reads ids of people from a table, a part at a time.
macro_rules! named_in {
    ($table:literal) => {
        concat!(
            "SELECT DISTINCT identity FROM ",
            $table,
            " WHERE identity IS NOT NULL AND identity > $1 ORDER BY identity LIMIT $2"
        )
    };
}

impl Store {
    /// Tells how far the store has come.
    pub async fn mark(&self) -> Result<Mark, StoreError> {
        let mut tx = self.db.read().await?;
        let sql = "SELECT name, next_id FROM connection";
        let next_ids = tx.list(sql, vec![], |row| Ok((row.text(0)?.into(), row.int(1)?))).await?;
        let sql = "SELECT value FROM counter WHERE name = 'decision'";
        let decision = tx.first(sql, vec![], |row| row.int(0)).await?.unwrap_or(0);
        Ok(Mark { next_ids: next_ids.into_iter().collect(), decision })
    }

    /// The ids after this one that a pinned link, a decision or a client's wish names, in their order. Nothing where the
    /// database orders them otherwise than by their letters.
    pub async fn people_after(&self, after: &str, limit: usize) -> Result<Option<Vec<IdentityId>>, StoreError> {
        // Of one moment: who goes from one table to another meanwhile would be in none.
        let mut tx = self.db.read().await?;
        let mut all = BTreeSet::new();
        for sql in [named_in!("link"), named_in!("decision"), named_in!("wish")] {
            let part: Vec<String> = tx.list(sql, args![after, limit as i64], |row| Ok(row.text(0)?.to_owned())).await?;
            if !part.is_sorted() || part.first().is_some_and(|first| first.as_str() <= after) {
                return Ok(None);
            }
            all.extend(part);
        }
        Ok(Some(all.into_iter().take(limit).map(IdentityId::from).collect()))
    }

    /// The source records that were first read after a mark, and those that a later decision is about. Nothing where there
    /// are more than `most`.
    pub async fn records_since(&self, mark: &Mark, most: usize) -> Result<Option<Vec<AccountKey>>, StoreError> {
        let mut tx = self.db.read().await?;
        let mut found = decided_since(&mut tx, mark.decision, most).await?;
        let sql = "SELECT name, number, next_id FROM connection";
        let connections: Vec<(ConnectionName, i64, i64)> =
            tx.list(sql, vec![], |row| Ok((row.text(0)?.into(), row.int(1)?, row.int(2)?))).await?;
        for (name, number, next_id) in connections {
            let from = mark.next_ids.get(&name).copied().unwrap_or(ids_of(number).0);
            if next_id <= from {
                continue;
            }
            let sql = "SELECT native FROM account WHERE id >= $1 AND id < $2 AND kind = 'person' ORDER BY id LIMIT $3";
            let values = args![from, next_id, most as i64 + 1];
            found.extend(tx.list(sql, values, |row| Ok(AccountKey::new(&name, Kind::Person, row.text(0)?))).await?);
        }
        Ok((found.len() <= most).then_some(found))
    }
}

async fn decided_since(tx: &mut Tx, decision: i64, most: usize) -> Result<Vec<AccountKey>, StoreError> {
    let sql = "SELECT body FROM decision WHERE seq > $1 AND account IS NOT NULL ORDER BY seq LIMIT $2";
    let read = |row: Row<'_>| read_json("a decision", row.text(0)?);
    let decisions: Vec<Decision> = tx.list(sql, args![decision, most as i64 + 1], read).await?;
    let about = decisions.into_iter().filter_map(|decision| match decision.what {
        Decided::Link { account, .. } | Decided::Unlink { account, .. } | Decided::Exempt { account } => Some(account),
        _ => None,
    });
    Ok(about.collect())
}
