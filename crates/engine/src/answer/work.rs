//! Durable work as people look at it: what is to be done, when, by whom, and what went wrong.

use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenure_store::{Job, JobState};

const JOBS_MAX: usize = 1000;

/// Jobs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Jobs {
    /// Those that are open or were given up, the first due first.
    pub jobs: Vec<JobView>,
}

/// One job.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct JobView {
    /// What sort of work.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// `open`, `running`, `done` or `failed`.
    pub state: String,
    /// When it is due.
    pub due_at: String,
    /// Who runs it.
    pub holder: Option<String>,
    /// How often it failed in a row.
    pub failures: i64,
    /// Why it failed, or waits.
    pub because: Option<String>,
    /// When it ended the last time.
    pub ended_at: Option<String>,
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let state = match (job.state, &job.holder) {
            (JobState::Open, Some(_)) => "running",
            (JobState::Open, None) => "open",
            (JobState::Done, _) => "done",
            (JobState::Failed, _) => "failed",
        };
        Self {
            kind: job.kind,
            key: job.key,
            state: state.into(),
            due_at: moment_text(job.run_at_ms),
            holder: job.holder,
            failures: job.failures,
            because: job.because,
            ended_at: job.ended_ms.map(moment_text),
        }
    }
}

/// Lists jobs.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn jobs(house: &House) -> Result<Jobs, EngineError> {
    Ok(Jobs { jobs: house.store.jobs(JOBS_MAX).await?.into_iter().map(JobView::from).collect() })
}

/// Shows one job, even one that is done.
///
/// # Errors
/// There is none, or the store failed.
#[boxed]
pub async fn job(house: &House, kind: &str, key: &str) -> Result<JobView, EngineError> {
    let missing = || EngineError::Missing(format!("no job of the kind {kind:?} has the key {key:?}"));
    house.store.job(kind, key).await?.map(JobView::from).ok_or_else(missing)
}
