//! Work that was given up: what a person should know of it.
//! It reads the jobs that failed for good; one that is asked for anew is no finding any more.

use super::job::{Kind, plan_of};
use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::House;
use std::collections::BTreeMap;
use tenure_core::change::{Finding, FindingKind, Severity};
use tenure_core::finding::About;
use tenure_core::name::ConnectionName;
use tenure_store::{Job, JobState};

/// Jobs that are looked at.
const JOBS_MAX: usize = 1000;

/// Finds the work that was given up.
pub(crate) async fn findings(house: &House) -> Result<Vec<Finding>, EngineError> {
    let jobs = house.store.jobs(JOBS_MAX).await?;
    Ok(jobs.iter().filter(|job| job.state == JobState::Failed).map(finding).collect())
}

fn finding(job: &Job) -> Finding {
    let what = match Kind::parse(&job.kind) {
        Some(Kind::Pull) => format!("reading {}", job.key),
        Some(Kind::Apply | Kind::Help) => format!("carrying out plan {}", plan_of(&job.key)),
        Some(Kind::Deliver) => format!("telling {}", job.key),
        Some(Kind::Act) => format!("what was asked for as {}", job.key),
        _ => "judging the company".to_owned(),
    };
    let because = job.because.as_deref().unwrap_or("nobody said why");
    let when = job.ended_ms.map(|ms| format!(" at {}", moment_text(ms))).unwrap_or_default();
    let topic = format!("{} {}", job.kind, job.key);
    let connection = (job.kind == Kind::Pull.as_str()).then(|| ConnectionName::new(&job.key));
    let mut about = About::new(FindingKind::OpenWork, Severity::High).topic(&topic);
    if let Some(connection) = &connection {
        about = about.connection(connection);
    }
    let facts = BTreeMap::from([("failures".to_owned(), job.failures.into())]);
    about.finding(format!("{what} was given up{when}, after {} failures: {because}", job.failures), facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_told_with_its_reason() {
        let job = Job {
            kind: "apply".into(),
            key: "p-1#2".into(),
            state: JobState::Failed,
            run_at_ms: 0,
            again_at_ms: None,
            holder: None,
            failures: 10,
            because: Some("the secret `token` is missing".into()),
            ended_ms: Some(0),
        };
        let told = finding(&job).text;
        let wanted = "carrying out plan p-1 was given up at 1970-01-01T00:00:00Z, after 10 failures: the secret `token` is missing";
        assert_eq!(told, wanted);
    }
}
