//! Runs of `apply`: who carries out which plan. Several hands may share one run, each in a process of its own and under a
//! lease that shows that it lives; the last that leaves ends it.
//! What becomes of the steps is told in `steps.rs`.

use crate::db::{Durability, Row, Tx, args};
use crate::error::StoreError;
use crate::jobs::{NewJob, enqueue, withdraw};
use crate::journal::{append, take_head};
use crate::notes::{Lease, check_lease};
use crate::{Store, next_number};
use async_recursion::async_recursion as boxed;
use tenure_core::journal::Draft;
use tenure_core::name::{PlanId, RunId};

/// Leases of hands that ended so long ago are forgotten, with what they claimed.
const DEAD_MS: i64 = 24 * 60 * 60 * 1000;

/// One execution of `apply`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The plan that it carries out.
    pub plan: PlanId,
    /// Who asked for it.
    pub actor: String,
    /// When it began.
    pub started_ms: i64,
    /// When it ended; nothing while it is under way or interrupted.
    pub finished_ms: Option<i64>,
}

/// A run that a hand takes part in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Joined {
    /// The run: a new one, or one of the same plan that others carry out already.
    pub run: RunId,
    /// How many others carry it out.
    pub others: i64,
}

/// Whether a hand was the last of its run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// It was: the run is over.
    Last,
    /// Others go on.
    Others,
}

impl Store {
    /// Takes part in the run of a plan that others carry out at this moment, or begins `run`: then the drafts are
    /// written and the jobs enqueued.
    #[boxed]
    pub async fn join_run(
        &self,
        lease: &Lease,
        run: &Run,
        drafts: Vec<Draft>,
        jobs: &[NewJob],
    ) -> Result<Joined, StoreError> {
        let mut tx = self.held(lease, Durability::Normal).await?;
        let sql = "SELECT r.id, (SELECT count(*) FROM hand h JOIN lease l ON l.name = h.lease \
                   WHERE h.run = r.id AND l.until_ms > $2) FROM run r \
                   WHERE r.plan = $1 AND r.finished_ms IS NULL ORDER BY r.number DESC LIMIT 1";
        let read = |row: Row<'_>| Ok((RunId::from(row.text(0)?), row.int(1)?));
        let under_way = tx.first(sql, args![run.plan.as_str(), run.started_ms], read).await?;
        let joined = match under_way.filter(|(_, hands)| *hands > 0) {
            Some((id, others)) => Joined { run: id, others },
            None => {
                let number = next_number(&mut tx, "run").await?;
                let sql = "INSERT INTO run (id, number, plan, actor, started_ms) VALUES ($1, $2, $3, $4, $5)";
                tx.run(sql, args![run.id.as_str(), number, run.plan.as_str(), &*run.actor, run.started_ms]).await?;
                append(&mut tx, drafts).await?;
                enqueue(&mut tx, jobs).await?;
                forget_dead(&mut tx, run.started_ms - DEAD_MS).await?;
                Joined { run: run.id.clone(), others: 0 }
            }
        };
        let sql = "INSERT INTO hand (run, lease) VALUES ($1, $2)";
        tx.run(sql, args![joined.run.as_str(), &*lease.name]).await?;
        tx.commit().await?;
        Ok(joined)
    }

    /// Leaves a run. The last that leaves ends it: then the drafts are written, `jobs` enqueued and the jobs of kind
    /// and keys in `over` taken back.
    #[boxed]
    pub async fn leave_run(
        &self,
        lease: &Lease,
        run: &RunId,
        drafts: Vec<Draft>,
        jobs: &[NewJob],
        over: (&str, &[String]),
        now_ms: i64,
    ) -> Result<Left, StoreError> {
        let mut tx = self.held(lease, Durability::Full).await?;
        tx.run("DELETE FROM hand WHERE run = $1 AND lease = $2", args![run.as_str(), &*lease.name]).await?;
        let sql = "SELECT h.lease FROM hand h JOIN lease l ON l.name = h.lease \
                   WHERE h.run = $1 AND l.until_ms > $2 LIMIT 1";
        let other = tx.first(sql, args![run.as_str(), now_ms], |row| Ok(row.text(0)?.to_owned())).await?;
        if other.is_some() {
            tx.commit().await?;
            return Ok(Left::Others);
        }
        let sql = "UPDATE run SET finished_ms = $1 WHERE id = $2";
        if tx.run(sql, args![now_ms, run.as_str()]).await? == 0 {
            return Err(StoreError::Missing { what: "run", id: run.to_string() });
        }
        tx.run("DELETE FROM hand WHERE run = $1", args![run.as_str()]).await?;
        append(&mut tx, drafts).await?;
        enqueue(&mut tx, jobs).await?;
        withdraw(&mut tx, over.0, over.1).await?;
        tx.commit().await?;
        Ok(Left::Last)
    }

    /// The run with this id.
    #[boxed]
    pub async fn run(&self, id: &RunId) -> Result<Option<Run>, StoreError> {
        let sql = "SELECT id, plan, actor, started_ms, finished_ms FROM run WHERE id = $1";
        self.db.first(sql, args![id.as_str()], |row| read_run(&row)).await
    }

    /// The newest runs, newest first.
    #[boxed]
    pub async fn runs(&self, limit: usize) -> Result<Vec<Run>, StoreError> {
        let sql = "SELECT id, plan, actor, started_ms, finished_ms FROM run ORDER BY number DESC LIMIT $1";
        self.db.list(sql, args![limit as i64], |row| read_run(&row)).await
    }

    /// The newest run of a plan, however it ended.
    #[boxed]
    pub async fn newest_run(&self, plan: &PlanId) -> Result<Option<Run>, StoreError> {
        let sql =
            "SELECT id, plan, actor, started_ms, finished_ms FROM run WHERE plan = $1 ORDER BY number DESC LIMIT 1";
        self.db.first(sql, args![plan.as_str()], |row| read_run(&row)).await
    }

    /// The newest run of a plan that was begun and not ended: interrupted, or under way elsewhere.
    #[boxed]
    pub async fn unfinished_run(&self, plan: &PlanId) -> Result<Option<Run>, StoreError> {
        let sql = "SELECT id, plan, actor, started_ms, finished_ms FROM run \
                   WHERE plan = $1 AND finished_ms IS NULL ORDER BY number DESC LIMIT 1";
        self.db.first(sql, args![plan.as_str()], |row| read_run(&row)).await
    }

    /// Tells whether somebody who lives carries out a plan at this moment.
    #[boxed]
    pub async fn is_under_way(&self, plan: &PlanId, now_ms: i64) -> Result<bool, StoreError> {
        let sql = "SELECT l.until_ms FROM run r JOIN hand h ON h.run = r.id JOIN lease l ON l.name = h.lease \
                   WHERE r.plan = $1 AND r.finished_ms IS NULL AND l.until_ms > $2 LIMIT 1";
        let found = self.db.first(sql, args![plan.as_str(), now_ms], |row| row.int(0)).await;
        Ok(found?.is_some())
    }

    /// Begins to write what only the holder of a lease may write. The journal's head comes first: whoever ends
    /// somebody else's lease holds it, too.
    pub(crate) async fn held(&self, lease: &Lease, durability: Durability) -> Result<Tx, StoreError> {
        let mut tx = self.db.write(durability).await?;
        take_head(&mut tx).await?;
        check_lease(&mut tx, lease).await?;
        Ok(tx)
    }
}

/// Forgets hands that have been dead for long, and what they claimed.
async fn forget_dead(tx: &mut Tx, before_ms: i64) -> Result<(), StoreError> {
    let dead = "SELECT h.lease FROM hand h LEFT JOIN lease l ON l.name = h.lease \
                WHERE l.until_ms IS NULL OR l.until_ms < $1";
    for lease in tx.list(dead, args![before_ms], |row| Ok(row.text(0)?.to_owned())).await? {
        tx.run("DELETE FROM claim WHERE lease = $1", args![&*lease]).await?;
        tx.run("DELETE FROM lease WHERE name = $1", args![&*lease]).await?;
        tx.run("DELETE FROM hand WHERE lease = $1", args![&*lease]).await?;
    }
    Ok(())
}

fn read_run(row: &Row<'_>) -> Result<Run, StoreError> {
    Ok(Run {
        id: row.text(0)?.into(),
        plan: row.text(1)?.into(),
        actor: row.text(2)?.to_owned(),
        started_ms: row.int(3)?,
        finished_ms: row.int_or_none(4)?,
    })
}
