//! Measures how many steps of a run the store begins and settles in a second, by how many go in one transaction: what a
//! sync of the disk costs, and what groups save of it.
//! `cargo run --release -p tenure-store --example steps -- [-|postgres|URL] [STEPS]`; `postgres` is a private server
//! without fsync. Nothing of the network is in the figures.

use serde_json::json;
use std::collections::BTreeMap;
use std::time::Instant;
use tenure_core::change::{Outcome, StepResult};
use tenure_core::journal::Draft;
use tenure_core::name::{ConnectionName, RunId, StepId};
use tenure_store::{Alongside, Beginning, Claim, Lease, Run, Settled, Store, StoreError, test_support};

const GROUPS: [usize; 4] = [1, 8, 40, 200];

fn draft(event: &str, step: &StepId) -> Option<Draft> {
    Some(Draft {
        at: "2026-11-25T10:00:00Z".into(),
        actor: "tenure serve".into(),
        event: event.into(),
        run: Some("r-1".into()),
        step: Some(step.to_string()),
        body: json!({ "connection": "gorgias", "effect": "update", "changes": [{ "field": "role", "after": "agent" }] }),
    })
}

async fn carry_out(store: &Store, lease: &Lease, run: &RunId, steps: &[StepId]) -> Result<(), StoreError> {
    let connection = ConnectionName::new("gorgias");
    let intent = json!({ "connection": "gorgias", "effect": "update", "changes": [{ "field": "role" }] });
    let things: Vec<Vec<String>> =
        steps.iter().map(|step| vec![format!("of {step}"), format!("account {step}")]).collect();
    let beginnings = steps.iter().zip(&things).map(|(step, things)| {
        let beginning = Beginning {
            run,
            step,
            connection: &connection,
            things,
            intent: &intent,
            heard: 0,
            removal: None,
            at_ms: 1,
        };
        (beginning, draft("step_started", step))
    });
    store.begin_steps(lease, beginnings.collect()).await?;
    let results: Vec<StepResult> = steps
        .iter()
        .map(|id| StepResult {
            id: id.clone(),
            outcome: Outcome::Done,
            fields: BTreeMap::new(),
            because: None,
            account: None,
        })
        .collect();
    let settled = results
        .iter()
        .map(|result| Settled { draft: draft("step_ended", &result.id), ..Settled::new(result) })
        .collect();
    store.settle_steps(lease, run, settled, &Alongside::default(), 2).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| "-".into());
    let count: usize = arguments.next().map_or(Ok(4000), |text| text.parse())?;
    let kept = match place.as_str() {
        "-" => Some(test_support::sqlite_store().await),
        "postgres" => test_support::postgres_store().await,
        _ => None,
    };
    let store = match &kept {
        Some(kept) => kept.store.clone(),
        None => Store::open(&place).await?,
    };
    let Claim::Held(lease) = store.claim_lease("hand", "example", 0, i64::MAX / 2).await? else { return Ok(()) };
    for group in GROUPS {
        let id = RunId::from(format!("r-{group}"));
        let run = Run { id, plan: format!("p-{group}").into(), actor: "x".into(), started_ms: 1, finished_ms: None };
        let id = store.join_run(&lease, &run, vec![], &[]).await?.run;
        let steps: Vec<StepId> = (0..count).map(|at| StepId::from(format!("s-{group}-{at}"))).collect();
        let began = Instant::now();
        for steps in steps.chunks(group) {
            carry_out(&store, &lease, &id, steps).await?;
        }
        let seconds = began.elapsed().as_secs_f64();
        println!("{group:>4} in a transaction: {:>7.0} steps/s", count as f64 / seconds);
    }
    Ok(())
}
