//! What is known of all connections at one moment, beside their accounts: totals, newest pulls, reference lists.
//! Read in one transaction with a statement for each sort, however many connections there are, since a person is judged
//! by these too. Which connections are configured, and what the figures mean, is not known here.

use crate::Store;
use crate::connections::Totals;
use crate::db::{Row, Tx, args};
use crate::error::{StoreError, read_word};
use crate::pulls::{Belief, NAME, Pull, PullMode, read_pull, select};
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use tenure_core::account::Entitlement;
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;

/// What is known of one connection.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Overview {
    /// How many accounts it has.
    pub totals: Totals,
    /// The newest pull that has ended, however it did.
    pub last: Option<Pull>,
    /// The newest pull that asked for everything and saw everything.
    pub complete: Option<Pull>,
    /// The newest believed one of that sort before it: what a source is compared with.
    pub previous: Option<Pull>,
    /// The reference lists, sorted.
    pub entitlements: Vec<Entitlement>,
}

type Overviews = BTreeMap<ConnectionName, Overview>;

impl Store {
    /// Every connection of which anything is known.
    #[boxed]
    pub async fn overviews(&self) -> Result<Overviews, StoreError> {
        let mut tx = self.db.read().await?;
        let mut all = Overviews::new();
        read_totals(&mut tx, &mut all).await?;
        read_pulls(&mut tx, &mut all).await?;
        read_entitlements(&mut tx, &mut all).await?;
        Ok(all)
    }
}

fn of<'a>(all: &'a mut Overviews, row: &Row<'_>, at: usize) -> Result<&'a mut Overview, StoreError> {
    Ok(all.entry(row.text(at)?.into()).or_default())
}

async fn read_totals(tx: &mut Tx, all: &mut Overviews) -> Result<(), StoreError> {
    let sql = "SELECT c.name, t.kind, t.state, t.accounts FROM connection c CROSS JOIN tally t \
               WHERE t.connection = c.number AND t.accounts > 0";
    tx.each(sql, vec![], |row| {
        let (kind, state) = (read_word("a kind", row.text(1)?)?, read_word("a state", row.text(2)?)?);
        of(all, &row, 0)?.totals.set(kind, state, row.int(3)?.max(0) as u64);
        Ok(())
    })
    .await
}

async fn read_pulls(tx: &mut Tx, all: &mut Overviews) -> Result<(), StoreError> {
    let sql = select!(
        "WHERE id IN (\
         SELECT (SELECT p.id FROM pull p WHERE p.connection = c.number AND p.finished_ms IS NOT NULL \
         ORDER BY p.id DESC LIMIT 1) FROM connection c \
         UNION SELECT (SELECT p.id FROM pull p WHERE p.connection = c.number AND p.mode = 'full' \
         AND p.coverage = 'complete' ORDER BY p.id DESC LIMIT 1) FROM connection c \
         UNION SELECT (SELECT p.id FROM pull p WHERE p.connection = c.number AND p.mode = 'full' \
         AND p.coverage = 'complete' AND p.believed = 1 AND p.id < (SELECT q.id FROM pull q \
         WHERE q.connection = c.number AND q.mode = 'full' AND q.coverage = 'complete' ORDER BY q.id DESC LIMIT 1) \
         ORDER BY p.id DESC LIMIT 1) FROM connection c)"
    );
    let mut pulls = tx.list(sql, vec![], |row| Ok((ConnectionName::from(row.text(NAME)?), read_pull(&row)?))).await?;
    pulls.sort_by_key(|(_, pull)| pull.id);
    for (name, pull) in pulls {
        all.entry(name).or_default().take(pull);
    }
    Ok(())
}

async fn read_entitlements(tx: &mut Tx, all: &mut Overviews) -> Result<(), StoreError> {
    let sql = "SELECT connection, kind, id, name, privileged FROM entitlement";
    tx.each(sql, args![], |row| {
        let entitlement = Entitlement {
            kind: row.text(1)?.into(),
            id: row.text(2)?.into(),
            name: row.text(3)?.into(),
            privileged: row.int(4)? == 1,
        };
        of(all, &row, 0)?.entitlements.push(entitlement);
        Ok(())
    })
    .await?;
    all.values_mut().for_each(|overview| overview.entitlements.sort());
    Ok(())
}

impl Overview {
    /// Takes one more of the pulls that matter; the later ones come later.
    fn take(&mut self, pull: Pull) {
        let is_complete =
            pull.mode == PullMode::Full && pull.end.as_ref().is_some_and(|end| end.coverage == Coverage::Complete);
        if is_complete {
            let is_believed = |pull: &Pull| pull.end.as_ref().is_some_and(|end| end.belief == Belief::Believed);
            let before = self.complete.replace(pull.clone());
            self.previous = before.filter(is_believed).or(self.previous.take());
        }
        self.last = Some(pull);
    }
}
