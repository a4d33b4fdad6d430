//! `tenure metrics`: what an alert needs, as text for Prometheus: for its textfile collector, where no daemon serves it.

use crate::exit::{Exit, Mistake};
use crate::output::Output;
use tenure_engine::house::House;
use tenure_engine::metrics::Metrics;

/// Prints the metrics.
pub async fn run(house: &House, output: &Output) -> anyhow::Result<Exit> {
    if output.json {
        return Err(Mistake("metrics are text for Prometheus; there is no JSON of them".into()).into());
    }
    output.line(Metrics::default().text(house).await?.trim_end());
    Ok(Exit::Done)
}
