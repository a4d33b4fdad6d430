//! Durable work: jobs as rows, enqueued in the transaction that causes them, claimed for as long as a lease lasts, ended
//! in groups. A job is a kind and a key, never a payload: whoever runs it looks the facts up.
//! What a kind means, how often it is tried and what follows from it is the engine's affair.

use crate::Store;
use crate::db::{Durability, Row, Tx, args};
use crate::error::StoreError;
use async_recursion::async_recursion as boxed;

/// Jobs that ended so long ago are forgotten.
const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// The statement that enqueues a job, or wakes the one of its kind and key.
macro_rules! put {
    () => {
        "INSERT INTO job (kind, key, state, run_at_ms, token, failures, lost) VALUES ($1, $2, 'open', $3, 0, 0, 0) \
         ON CONFLICT (kind, key) DO UPDATE SET \
         again_at_ms = CASE WHEN job.state <> 'open' OR job.holder IS NULL THEN NULL \
         WHEN job.again_at_ms <= excluded.run_at_ms THEN job.again_at_ms ELSE excluded.run_at_ms END, \
         run_at_ms = CASE WHEN job.state = 'open' AND (job.holder IS NOT NULL \
         OR job.run_at_ms <= excluded.run_at_ms) THEN job.run_at_ms ELSE excluded.run_at_ms END, \
         failures = CASE WHEN job.state = 'open' THEN job.failures ELSE 0 END, \
         lost = CASE WHEN job.state = 'open' THEN job.lost ELSE 0 END, \
         because = CASE WHEN job.state = 'open' THEN job.because ELSE NULL END, state = 'open'"
    };
}

/// A job to be enqueued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewJob {
    /// What sort of work it is.
    pub kind: &'static str,
    /// What it is about; there is one job of a kind and a key.
    pub key: String,
    /// When it is due (milliseconds since 1970, UTC).
    pub run_at_ms: i64,
}

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobState {
    /// It is to be run, or is being run.
    Open,
    /// It was run.
    Done,
    /// It was tried as often as it may be.
    Failed,
}

/// A job as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// What sort of work it is.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// Where it stands.
    pub state: JobState,
    /// When it is due; while somebody runs it, when their lease ends.
    pub run_at_ms: i64,
    /// When it is due once more, where that was asked for while it ran.
    pub again_at_ms: Option<i64>,
    /// Who runs it.
    pub holder: Option<String>,
    /// How often it failed in a row.
    pub failures: i64,
    /// Why it failed the last time.
    pub because: Option<String>,
    /// When it ended the last time.
    pub ended_ms: Option<i64>,
}

/// The right to run a job until the lease ends, or somebody claims it after that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimedJob {
    /// What sort of work it is.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// Grows with every claim: whoever has a smaller one has lost it.
    pub token: i64,
    /// How often it failed in a row.
    pub failures: i64,
    /// How often in a row whoever ran it was lost on the way.
    pub lost: i64,
}

/// How a job ended. Whatever it is, a job that was asked for once more meanwhile is run once more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JobEnd {
    /// It is done.
    Done,
    /// It is to be run again then.
    Later {
        /// When.
        at_ms: i64,
        /// What went wrong, where something did that is not worth counting.
        because: Option<String>,
    },
    /// It failed, and is tried again then.
    Retry {
        /// When.
        at_ms: i64,
        /// Why.
        because: String,
    },
    /// It failed for good.
    Failed {
        /// Why.
        because: String,
    },
    /// It was not done: whoever ran it has to go. It stays due.
    GivenBack,
}

impl Store {
    /// Enqueues jobs. One that waits already keeps its earlier moment; one that is running is run once more.
    #[boxed]
    pub async fn enqueue(&self, jobs: &[NewJob]) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        enqueue(&mut tx, jobs).await?;
        tx.commit().await
    }

    /// Enqueues those of these jobs that neither wait nor run.
    #[boxed]
    pub async fn enqueue_missing(&self, jobs: &[NewJob]) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        put(&mut tx, concat!(put!(), " WHERE job.state <> 'open'"), jobs).await?;
        tx.commit().await
    }

    /// Tells when the first job of all is due: what an idle process asks again and again.
    #[boxed]
    pub async fn first_due(&self) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT run_at_ms FROM job WHERE state = 'open' ORDER BY run_at_ms LIMIT 1";
        self.db.first(sql, vec![], |row| row.int(0)).await
    }

    /// Tells when the next job of one of these kinds is due.
    #[boxed]
    pub async fn next_due(&self, kinds: &[&str]) -> Result<Option<i64>, StoreError> {
        let [one, two, three, four] = four(kinds);
        let sql = "SELECT run_at_ms FROM job WHERE state = 'open' AND kind IN ($1, $2, $3, $4) \
                   ORDER BY run_at_ms LIMIT 1";
        self.db.first(sql, args![one, two, three, four], |row| row.int(0)).await
    }

    /// Claims jobs of these kinds (at most four) that are due, at most so many, until `now_ms + lasts_ms`.
    #[boxed]
    pub async fn claim_jobs(
        &self,
        kinds: &[&str],
        holder: &str,
        limit: usize,
        now_ms: i64,
        lasts_ms: i64,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        // What is due is asked again of each row that is changed: another process may have claimed it meanwhile.
        let sql = "WITH due AS (SELECT kind, key FROM job WHERE state = 'open' AND run_at_ms <= $1 \
                   AND kind IN ($5, $6, $7, $8) ORDER BY run_at_ms, kind, key LIMIT $3) \
                   UPDATE job SET run_at_ms = $2, token = token + 1, \
                   lost = CASE WHEN holder IS NULL THEN lost ELSE lost + 1 END, holder = $4, \
                   again_at_ms = CASE WHEN again_at_ms > $1 THEN again_at_ms ELSE NULL END \
                   WHERE (kind, key) IN (SELECT kind, key FROM due) AND state = 'open' AND run_at_ms <= $1 \
                   RETURNING kind, key, token, failures, lost";
        let [one, two, three, four] = four(kinds);
        let values = args![now_ms, now_ms + lasts_ms, limit as i64, holder, one, two, three, four];
        let mut tx = self.db.write(Durability::Full).await?;
        take_turn(&mut tx).await?;
        let claimed = tx
            .list(sql, values, |row| {
                Ok(ClaimedJob {
                    kind: row.text(0)?.to_owned(),
                    key: row.text(1)?.to_owned(),
                    token: row.int(2)?,
                    failures: row.int(3)?,
                    lost: row.int(4)?,
                })
            })
            .await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Holds jobs for longer, and returns those that are somebody else's by now.
    #[boxed]
    pub async fn renew_jobs<'a>(
        &self,
        jobs: &[&'a ClaimedJob],
        now_ms: i64,
        lasts_ms: i64,
    ) -> Result<Vec<&'a ClaimedJob>, StoreError> {
        let sql = "UPDATE job SET run_at_ms = $1 WHERE kind = $2 AND key = $3 AND token = $4 AND holder IS NOT NULL";
        let mut tx = self.db.write(Durability::Full).await?;
        take_turn(&mut tx).await?;
        let mut lost = Vec::new();
        for job in jobs {
            if tx.run(sql, args![now_ms + lasts_ms, &*job.kind, &*job.key, job.token]).await? == 0 {
                lost.push(*job);
            }
        }
        tx.commit().await?;
        Ok(lost)
    }

    /// Ends jobs, all in one transaction; those that are somebody else's by now are left to them.
    #[boxed]
    pub async fn end_jobs(&self, ended: &[(ClaimedJob, JobEnd)], now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        take_turn(&mut tx).await?;
        for (job, end) in ended {
            let Ended { state, at_ms, failures, because } = Ended::of(job, end, now_ms);
            let sql = "UPDATE job SET state = CASE WHEN again_at_ms IS NULL THEN $4 ELSE 'open' END, \
                       run_at_ms = CASE WHEN again_at_ms IS NULL THEN $5 \
                       WHEN $4 = 'open' AND $5 < again_at_ms THEN $5 ELSE again_at_ms END, \
                       again_at_ms = NULL, holder = NULL, failures = $6, lost = 0, because = $7, ended_ms = $8 \
                       WHERE kind = $1 AND key = $2 AND token = $3 AND holder IS NOT NULL";
            let values = args![&*job.kind, &*job.key, job.token, state, at_ms, failures, because, now_ms];
            tx.run(sql, values).await?;
        }
        let sql = "DELETE FROM job WHERE state <> 'open' AND ended_ms < $1";
        tx.run(sql, args![now_ms - KEPT_MS]).await?;
        tx.commit().await
    }

    /// Jobs that are open or have failed, the first due first.
    #[boxed]
    pub async fn jobs(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        let sql = "SELECT kind, key, state, run_at_ms, again_at_ms, holder, failures, because, ended_ms FROM job \
                   WHERE state <> 'done' ORDER BY run_at_ms, kind, key LIMIT $1";
        self.db.list(sql, args![limit as i64], |row| read_job(&row)).await
    }

    /// The job of this kind and key, even one that is done.
    #[boxed]
    pub async fn job(&self, kind: &str, key: &str) -> Result<Option<Job>, StoreError> {
        let sql = "SELECT kind, key, state, run_at_ms, again_at_ms, holder, failures, because, ended_ms FROM job \
                   WHERE kind = $1 AND key = $2";
        self.db.first(sql, args![kind, key], |row| read_job(&row)).await
    }
}

/// Enqueues jobs within a transaction that also writes what causes them.
pub(crate) async fn enqueue(tx: &mut Tx, jobs: &[NewJob]) -> Result<(), StoreError> {
    put(tx, put!(), jobs).await
}

/// Lets transactions that change jobs go one after the other: each changes several rows, in an order of its own, and two
/// would wait for each other.
async fn take_turn(tx: &mut Tx) -> Result<(), StoreError> {
    tx.run("UPDATE counter SET value = value WHERE name = 'run'", vec![]).await.map(drop)
}

async fn put(tx: &mut Tx, sql: &'static str, jobs: &[NewJob]) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    take_turn(tx).await?;
    for job in jobs {
        tx.run(sql, args![job.kind, &*job.key, job.run_at_ms]).await?;
    }
    Ok(())
}

/// Takes jobs back that nobody runs at this moment.
pub(crate) async fn withdraw(tx: &mut Tx, kind: &str, keys: &[String]) -> Result<(), StoreError> {
    take_turn(tx).await?;
    let sql = "DELETE FROM job WHERE kind = $1 AND key = $2 AND (holder IS NULL OR state <> 'open')";
    for key in keys {
        tx.run(sql, args![kind, &**key]).await?;
    }
    Ok(())
}

/// What is written of a job that ended.
struct Ended<'a> {
    state: &'static str,
    at_ms: i64,
    failures: i64,
    because: Option<&'a str>,
}

impl<'a> Ended<'a> {
    fn of(job: &ClaimedJob, end: &'a JobEnd, now_ms: i64) -> Self {
        match end {
            JobEnd::Done => Self { state: "done", at_ms: now_ms, failures: 0, because: None },
            JobEnd::Later { at_ms, because } => {
                Self { state: "open", at_ms: *at_ms, failures: 0, because: because.as_deref() }
            }
            JobEnd::Retry { at_ms, because } => {
                Self { state: "open", at_ms: *at_ms, failures: job.failures + 1, because: Some(because) }
            }
            JobEnd::Failed { because } => {
                Self { state: "failed", at_ms: now_ms, failures: job.failures + 1, because: Some(because) }
            }
            JobEnd::GivenBack => Self { state: "open", at_ms: now_ms, failures: job.failures, because: None },
        }
    }
}

fn four<'a>(kinds: &[&'a str]) -> [&'a str; 4] {
    std::array::from_fn(|at| kinds.get(at).copied().unwrap_or(""))
}

fn read_job(row: &Row<'_>) -> Result<Job, StoreError> {
    Ok(Job {
        kind: row.text(0)?.to_owned(),
        key: row.text(1)?.to_owned(),
        state: match row.text(2)? {
            "open" => JobState::Open,
            "failed" => JobState::Failed,
            _ => JobState::Done,
        },
        run_at_ms: row.int(3)?,
        again_at_ms: row.int_or_none(4)?,
        holder: row.text_or_none(5)?.map(str::to_owned),
        failures: row.int(6)?,
        because: row.text_or_none(7)?.map(str::to_owned),
        ended_ms: row.int_or_none(8)?,
    })
}
