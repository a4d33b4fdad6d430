//! Runs of `apply` and how far their steps have come: the intent before a call, the outcome after it.
//! Each is written together with its entries in the journal, and only by whoever holds the lease.
//! An intent without an outcome is an open step: somebody died between the two, and must look before going on.

use crate::bulk::Bulk;
use crate::db::{Durability, Row, Tx, args};
use crate::decisions::decided_after;
use crate::error::{StoreError, read_json, write_json};
use crate::journal::append;
use crate::notes::{Lease, check_lease};
use crate::stops::stop_of;
use crate::{Store, next_number};
use serde_json::Value;
use std::collections::BTreeMap;
use tenure_core::change::{Outcome, StepResult};
use tenure_core::facts::Decision;
use tenure_core::journal::{Draft, Entry};
use tenure_core::name::{ConnectionName, PlanId, RunId, StepId};
use tenure_core::stop::Stop;

const OPEN_MAX: i64 = 10_000;
/// Decisions that are handed over at once to whoever begins a step.
const NEWER_MAX: usize = 1000;

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

/// A step whose intent was written and whose outcome was not.
#[derive(Clone, PartialEq, Debug)]
pub struct OpenStep {
    /// The run that began it.
    pub run: RunId,
    /// The plan that it belongs to.
    pub plan: PlanId,
    /// The step.
    pub step: StepId,
    /// When it was begun.
    pub started_ms: i64,
    /// What was written about it before the call.
    pub intent: Value,
}

/// A step that is about to begin.
#[derive(Clone, Debug)]
pub struct Beginning<'a> {
    /// In which run.
    pub run: &'a RunId,
    /// Which.
    pub step: &'a StepId,
    /// Where it writes to.
    pub connection: &'a ConnectionName,
    /// What is written about it before the call.
    pub intent: &'a Value,
    /// The newest decision that whoever begins it knows.
    pub heard: i64,
    /// When (milliseconds since 1970, UTC).
    pub at_ms: i64,
}

/// What came of beginning a step.
#[derive(Clone, PartialEq, Debug)]
pub enum Began {
    /// It is begun; these are its entries.
    Begun(Vec<Entry>),
    /// It is not: somebody stopped writes there.
    Stopped(Stop),
    /// It is not: somebody decided something meanwhile, oldest first. Who has heard them may begin it again.
    Decided(Vec<Decision>),
}

impl Store {
    /// Begins a run.
    pub async fn begin_run(&self, lease: &Lease, run: &Run, drafts: Vec<Draft>) -> Result<Vec<Entry>, StoreError> {
        let mut tx = self.held(lease).await?;
        let number = next_number(&mut tx, "run").await?;
        let sql = "INSERT INTO run (id, number, plan, actor, started_ms) VALUES ($1, $2, $3, $4, $5)";
        tx.run(sql, args![run.id.as_str(), number, run.plan.as_str(), &*run.actor, run.started_ms]).await?;
        finish(tx, drafts).await
    }

    /// Writes the intent of a step, before the call that carries it out, unless writes there are stopped or somebody
    /// decided something that is not known yet. Beginning it again is allowed.
    pub async fn begin_step(
        &self,
        lease: &Lease,
        beginning: &Beginning<'_>,
        drafts: Vec<Draft>,
    ) -> Result<Began, StoreError> {
        let Beginning { run, step, connection, intent, heard, at_ms } = *beginning;
        let mut tx = self.held(lease).await?;
        // Takes the journal's head, which whoever stops or decides takes as well: what they said before is seen below.
        let entries = append(&mut tx, drafts).await?;
        if let Some(stop) = stop_of(&mut tx, connection).await? {
            return Ok(Began::Stopped(stop));
        }
        let newer = decided_after(&mut tx, heard, NEWER_MAX).await?;
        if !newer.is_empty() {
            return Ok(Began::Decided(newer));
        }
        let intent = write_json("an intent", intent)?;
        let sql = "INSERT INTO step_progress (run, step, started_ms, intent) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (run, step) DO UPDATE SET started_ms = excluded.started_ms, settled_ms = NULL, \
                   intent = excluded.intent, outcome = NULL";
        tx.run(sql, args![run.as_str(), step.as_str(), at_ms, intent]).await?;
        tx.commit().await?;
        Ok(Began::Begun(entries))
    }

    /// Writes the outcome of a step, after the call or after a look; one that was never begun is written as well.
    pub async fn settle_step(
        &self,
        lease: &Lease,
        run: &RunId,
        result: &StepResult,
        drafts: Vec<Draft>,
        now_ms: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut tx = self.held(lease).await?;
        let outcome = write_json("a step's result", result)?;
        let sql = "INSERT INTO step_progress (run, step, started_ms, settled_ms, intent, outcome) \
                   VALUES ($1, $2, $3, $3, 'null', $4) ON CONFLICT (run, step) DO UPDATE SET \
                   settled_ms = excluded.settled_ms, outcome = excluded.outcome";
        tx.run(sql, args![run.as_str(), result.id.as_str(), now_ms, outcome]).await?;
        finish(tx, drafts).await
    }

    /// Ends a run.
    pub async fn finish_run(
        &self,
        lease: &Lease,
        run: &RunId,
        drafts: Vec<Draft>,
        now_ms: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut tx = self.held(lease).await?;
        let sql = "UPDATE run SET finished_ms = $1 WHERE id = $2";
        if tx.run(sql, args![now_ms, run.as_str()]).await? == 0 {
            return Err(StoreError::Missing { what: "run", id: run.to_string() });
        }
        finish(tx, drafts).await
    }

    /// Steps that were begun and not settled, in whatever run, oldest first.
    pub async fn open_steps(&self) -> Result<Vec<OpenStep>, StoreError> {
        let sql = "SELECT p.run, r.plan, p.step, p.started_ms, p.intent FROM step_progress p \
                   JOIN run r ON r.id = p.run WHERE p.settled_ms IS NULL ORDER BY p.started_ms, p.step LIMIT $1";
        let read = |row: Row<'_>| {
            Ok(OpenStep {
                run: row.text(0)?.into(),
                plan: row.text(1)?.into(),
                step: row.text(2)?.into(),
                started_ms: row.int(3)?,
                intent: read_json("an intent", row.text(4)?)?,
            })
        };
        self.db.read().await?.list(sql, args![OPEN_MAX], read).await
    }

    /// What became of the steps of a run, in the order in which they were settled.
    pub async fn results(&self, run: &RunId) -> Result<Vec<StepResult>, StoreError> {
        let sql = "SELECT outcome FROM step_progress WHERE run = $1 AND outcome IS NOT NULL ORDER BY settled_ms, step";
        let read = |row: Row<'_>| read_json("a step's result", row.text(0)?);
        self.db.read().await?.list(sql, args![run.as_str()], read).await
    }

    /// What became of each of these steps the last time that it was settled, in whatever run; a step that never was
    /// settled is not among them.
    pub async fn last_results(&self, steps: &[&StepId]) -> Result<BTreeMap<StepId, StepResult>, StoreError> {
        const LAST: Bulk = Bulk {
            head: "WITH given (step) AS (",
            columns: 1,
            tail: ") SELECT given.step, (SELECT p.outcome FROM step_progress p WHERE p.step = given.step \
                   AND p.outcome IS NOT NULL ORDER BY p.settled_ms DESC LIMIT 1) FROM given",
        };
        let mut results = BTreeMap::new();
        let given = steps.iter().flat_map(|step| args![step.as_str()]).collect();
        let mut tx = self.db.read().await?;
        tx.each_bulk(&LAST, given, |row| {
            if let Some(outcome) = row.text_or_none(1)? {
                results.insert(row.text(0)?.into(), read_json("a step's result", outcome)?);
            }
            Ok(())
        })
        .await?;
        Ok(results)
    }

    /// When a step was first tried (milliseconds since 1970, UTC) in such a way that nobody knows what became of it,
    /// since it was last done for certain; nothing where that never was.
    pub async fn doubtful_since(&self, step: &StepId) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT started_ms, outcome FROM step_progress WHERE step = $1 ORDER BY started_ms DESC LIMIT 100";
        let read = |row: Row<'_>| {
            let outcome =
                row.text_or_none(1)?.map(|text| read_json::<StepResult>("a step's result", text)).transpose()?;
            Ok((row.int(0)?, outcome.map(|result| result.outcome)))
        };
        let tries = self.db.read().await?.list(sql, args![step.as_str()], read).await?;
        let certain = |outcome: &Option<Outcome>| matches!(outcome, Some(Outcome::Done | Outcome::AlreadyTrue));
        let since = tries.into_iter().take_while(|(_, outcome)| !certain(outcome));
        Ok(since.filter(|(_, outcome)| matches!(outcome, None | Some(Outcome::Unknown))).map(|(at_ms, _)| at_ms).last())
    }

    /// The run with this id.
    pub async fn run(&self, id: &RunId) -> Result<Option<Run>, StoreError> {
        let sql = "SELECT id, plan, actor, started_ms, finished_ms FROM run WHERE id = $1";
        self.db.read().await?.first(sql, args![id.as_str()], |row| read_run(&row)).await
    }

    /// The newest runs, newest first.
    pub async fn runs(&self, limit: usize) -> Result<Vec<Run>, StoreError> {
        let sql = "SELECT id, plan, actor, started_ms, finished_ms FROM run ORDER BY number DESC LIMIT $1";
        self.db.read().await?.list(sql, args![limit as i64], |row| read_run(&row)).await
    }

    /// The newest run of a plan that was begun and not ended: interrupted, or under way elsewhere.
    pub async fn unfinished_run(&self, plan: &PlanId) -> Result<Option<Run>, StoreError> {
        let sql = "SELECT id, plan, actor, started_ms, finished_ms FROM run \
                   WHERE plan = $1 AND finished_ms IS NULL ORDER BY number DESC LIMIT 1";
        self.db.read().await?.first(sql, args![plan.as_str()], |row| read_run(&row)).await
    }

    async fn held(&self, lease: &Lease) -> Result<Tx, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        check_lease(&mut tx, lease).await?;
        Ok(tx)
    }
}

async fn finish(mut tx: Tx, drafts: Vec<Draft>) -> Result<Vec<Entry>, StoreError> {
    let entries = append(&mut tx, drafts).await?;
    tx.commit().await?;
    Ok(entries)
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
