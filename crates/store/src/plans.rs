//! Plans and findings: what was proposed, and since when each finding stands.
//! Both are derived and could be made again; they are kept because people refer to them by id.
//! Old plans that no run refers to are dropped, so that the store does not grow with asking.

use crate::bulk::Bulk;
use crate::db::{Durability, Tx, args};
use crate::error::{StoreError, read_json, write_json};
use crate::jobs::{NewJob, enqueue};
use crate::journal::append;
use crate::{Store, next_number};
use async_recursion::async_recursion as boxed;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::change::{Plan, PlanBrief};
use tenure_core::journal::Draft;
use tenure_core::name::{FindingId, PlanId};

/// Plans kept besides those that were carried out.
const PLANS_KEPT: i64 = 50;

/// Whether the findings given are all that there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FindingScope {
    /// They are: those that are not among them are over, and begin anew when they come back.
    All,
    /// They are those of some people only.
    Some,
}

impl Store {
    /// Saves a plan and makes it the latest, with the entries of the journal that tell of it, and enqueues the jobs that follow
    /// from it. The same plan saved again stays one plan, with its newer approvals.
    #[boxed]
    pub async fn save_plan(
        &self,
        plan: &Plan,
        now_ms: i64,
        drafts: Vec<Draft>,
        jobs: &[NewJob],
    ) -> Result<(), StoreError> {
        let body = write_json("a plan", plan)?;
        let mut tx = self.db.write(Durability::Normal).await?;
        append(&mut tx, drafts).await?;
        let number = next_number(&mut tx, "plan").await?;
        let sql = "INSERT INTO plan (id, number, saved_ms, digest, body) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (id) DO UPDATE SET number = excluded.number, saved_ms = excluded.saved_ms, \
                   digest = excluded.digest, body = excluded.body";
        tx.run(sql, args![plan.id.as_str(), number, now_ms, &*plan.digest, body]).await?;
        // Those before were looked at when they became as old as that.
        let sql = "DELETE FROM plan WHERE number > $1 AND number <= $2 \
                   AND NOT EXISTS (SELECT 1 FROM run r WHERE r.plan = plan.id)";
        tx.run(sql, args![number - 2 * PLANS_KEPT, number - PLANS_KEPT]).await?;
        keep_brief(&mut tx, plan.brief(), number).await?;
        enqueue(&mut tx, jobs).await?;
        tx.commit().await
    }

    /// The plan with this id.
    #[boxed]
    pub async fn plan(&self, id: &PlanId) -> Result<Option<Plan>, StoreError> {
        let sql = "SELECT body FROM plan WHERE id = $1";
        self.db.first(sql, args![id.as_str()], |row| read_json("a plan", row.text(0)?)).await
    }

    /// The plan saved last.
    #[boxed]
    pub async fn latest_plan(&self) -> Result<Option<Plan>, StoreError> {
        let sql = "SELECT body FROM plan ORDER BY number DESC LIMIT 1";
        self.db.first(sql, vec![], |row| read_json("a plan", row.text(0)?)).await
    }

    /// The ids of the plans that are kept, latest first.
    #[boxed]
    pub async fn plan_ids(&self, limit: usize) -> Result<Vec<PlanId>, StoreError> {
        let sql = "SELECT id FROM plan ORDER BY number DESC LIMIT $1";
        self.db.list(sql, args![limit as i64], |row| Ok(row.text(0)?.into())).await
    }

    /// The plans that are kept in a line each, latest first.
    #[boxed]
    pub async fn plan_briefs(&self, limit: usize) -> Result<Vec<PlanBrief>, StoreError> {
        // Plans of older versions have no line of their own, and are read as a whole.
        let sql = "SELECT p.id, b.digest, b.made_at, b.requested_by, b.steps, b.held, \
                   CASE WHEN b.id IS NULL THEN p.body END \
                   FROM plan p LEFT JOIN plan_brief b ON b.id = p.id ORDER BY p.number DESC LIMIT $1";
        self.db
            .list(sql, args![limit as i64], |row| {
                if let Some(body) = row.text_or_none(6)? {
                    return Ok(read_json::<Plan>("a plan", body)?.brief());
                }
                let text = |at| row.text(at).map(str::to_owned);
                Ok(PlanBrief {
                    id: row.text(0)?.into(),
                    digest: text(1)?,
                    made_at: text(2)?,
                    requested_by: row.text_or_none(3)?.map(str::to_owned),
                    steps: row.int(4)? as usize,
                    held: row.int(5)? as usize,
                })
            })
            .await
    }

    /// Tells since when each of these findings stands; for those never seen before, since now.
    #[boxed]
    pub async fn findings_since(
        &self,
        findings: &[FindingId],
        scope: FindingScope,
        now_ms: i64,
    ) -> Result<BTreeMap<FindingId, i64>, StoreError> {
        let known = read_since(&mut self.db.read().await?, findings, scope).await?;
        let wanted: BTreeSet<&FindingId> = findings.iter().collect();
        let new: Vec<&FindingId> = wanted.iter().copied().filter(|id| !known.contains_key(*id)).collect();
        let over: Vec<&FindingId> = known.keys().filter(|id| !wanted.contains(id)).collect();
        if !new.is_empty() || !over.is_empty() {
            self.keep_since(&new, &over, now_ms).await?;
        }
        let mut since: BTreeMap<FindingId, i64> = known.into_iter().filter(|(id, _)| wanted.contains(id)).collect();
        for id in wanted {
            since.entry(id.clone()).or_insert(now_ms);
        }
        Ok(since)
    }

    async fn keep_since(&self, new: &[&FindingId], over: &[&FindingId], now_ms: i64) -> Result<(), StoreError> {
        const KEEP: Bulk =
            Bulk { head: "INSERT INTO finding (id, since_ms) ", columns: 2, tail: " ON CONFLICT (id) DO NOTHING" };
        const DROP: Bulk = Bulk { head: "DELETE FROM finding WHERE id IN (", columns: 1, tail: ")" };
        let mut tx = self.db.write(Durability::Normal).await?;
        let over = over.iter().flat_map(|id| args![id.as_str()]).collect();
        tx.run_bulk(&DROP, over).await?;
        let new = new.iter().flat_map(|id| args![id.as_str(), now_ms]).collect();
        tx.run_bulk(&KEEP, new).await?;
        tx.commit().await
    }
}

async fn keep_brief(tx: &mut Tx, brief: PlanBrief, number: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO plan_brief (id, number, digest, made_at, requested_by, steps, held) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET number = excluded.number, \
               digest = excluded.digest, made_at = excluded.made_at, requested_by = excluded.requested_by, \
               steps = excluded.steps, held = excluded.held";
    let PlanBrief { id, digest, made_at, requested_by, steps, held } = brief;
    tx.run(sql, args![id.as_str(), number, digest, made_at, requested_by, steps as i64, held as i64]).await?;
    let sql = "DELETE FROM plan_brief WHERE number > $1 AND number <= $2 \
               AND NOT EXISTS (SELECT 1 FROM plan p WHERE p.id = plan_brief.id)";
    tx.run(sql, args![number - 2 * PLANS_KEPT, number - PLANS_KEPT]).await?;
    Ok(())
}

async fn read_since(
    tx: &mut Tx,
    findings: &[FindingId],
    scope: FindingScope,
) -> Result<BTreeMap<FindingId, i64>, StoreError> {
    const SOME: Bulk = Bulk { head: "SELECT id, since_ms FROM finding WHERE id IN (", columns: 1, tail: ")" };
    let mut since = BTreeMap::new();
    let mut read = |row: crate::db::Row<'_>| {
        since.insert(FindingId::from(row.text(0)?), row.int(1)?);
        Ok(())
    };
    match scope {
        FindingScope::All => tx.each("SELECT id, since_ms FROM finding", vec![], read).await?,
        FindingScope::Some => {
            let wanted = findings.iter().flat_map(|id| args![id.as_str()]).collect();
            tx.each_bulk(&SOME, wanted, &mut read).await?;
        }
    }
    Ok(since)
}
