//! Decisions: what people said, in the order in which they said it.
//! Appended by the engine on behalf of a person, never changed; `decide` and `approve` read them with the facts.
//! What a decision means is not known here.

use crate::bulk::Bulk;
use crate::db::{Durability, Tx, args};
use crate::error::{StoreError, read_json, write_json};
use crate::jobs::{NewJob, enqueue};
use crate::journal::append;
use crate::{Store, next_numbers};
use async_recursion::async_recursion as boxed;
use tenure_core::account::AccountKey;
use tenure_core::facts::{Decided, Decision};
use tenure_core::journal::Draft;
use tenure_core::name::IdentityId;

const WRITE: Bulk = Bulk { head: "INSERT INTO decision (seq, at_ms, identity, account, body) ", columns: 5, tail: "" };

/// A decision to be kept.
#[derive(Clone, PartialEq, Debug)]
pub struct NewDecision {
    /// When (milliseconds since 1970, UTC).
    pub at_ms: i64,
    /// Who, by name.
    pub by: String,
    /// Why, in their words.
    pub note: Option<String>,
    /// What.
    pub what: Decided,
    /// Whom it concerns, where `what` does not say: an approval names a step only, its step knows the rest. A
    /// decision that concerns nobody is read with every cluster.
    pub concerns: Concerns,
}

/// Whom a decision concerns.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Concerns {
    /// The identity.
    pub identity: Option<IdentityId>,
    /// The account.
    pub account: Option<AccountKey>,
}

impl Store {
    /// Appends decisions, in their order, with the entries of the journal that tell of them and the jobs that they cause,
    /// all or none.
    #[boxed]
    pub async fn decide(
        &self,
        decisions: Vec<NewDecision>,
        drafts: Vec<Draft>,
        jobs: &[NewJob],
    ) -> Result<Vec<Decision>, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        append(&mut tx, drafts).await?;
        enqueue(&mut tx, jobs).await?;
        let (mut kept, mut rows) = (Vec::with_capacity(decisions.len()), Vec::with_capacity(decisions.len() * 5));
        let mut seq = next_numbers(&mut tx, "decision", decisions.len()).await?;
        for NewDecision { at_ms, by, note, what, concerns } in decisions {
            let (identity, account) = concerned(&what);
            let identity = identity.cloned().or(concerns.identity).map(|identity| identity.to_string());
            let account = account.cloned().or(concerns.account).map(|account| account.to_string());
            let decision = Decision { seq, at_ms, by, note, what };
            rows.extend(args![seq, at_ms, identity, account, write_json("a decision", &decision)?]);
            kept.push(decision);
            seq += 1;
        }
        tx.run_bulk(&WRITE, rows).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Decisions after the one with number `after`, oldest first.
    #[boxed]
    pub async fn decisions(&self, after: i64, limit: usize) -> Result<Vec<Decision>, StoreError> {
        decided_after(&mut self.db.read().await?, after, limit).await
    }
}

/// Decisions after the one with number `after`, as a transaction sees them.
pub(crate) async fn decided_after(tx: &mut Tx, after: i64, limit: usize) -> Result<Vec<Decision>, StoreError> {
    let sql = "SELECT body FROM decision WHERE seq > $1 ORDER BY seq LIMIT $2";
    tx.list(sql, args![after, limit as i64], |row| read_json("a decision", row.text(0)?)).await
}

fn concerned(what: &Decided) -> (Option<&IdentityId>, Option<&AccountKey>) {
    match what {
        Decided::Link { account, identity } | Decided::Settle { account, identity } => (Some(identity), Some(account)),
        Decided::Unlink { account, identity } => (identity.as_ref(), Some(account)),
        Decided::Exempt { account } => (None, Some(account)),
        Decided::Join { identity, .. } | Decided::Move { identity, .. } | Decided::Leave { identity, .. } => {
            (Some(identity), None)
        }
        Decided::Approve { .. }
        | Decided::Reject { .. }
        | Decided::Release { .. }
        | Decided::Withhold { .. }
        | Decided::Accept { .. } => (None, None),
    }
}
