//! `tenure metrics`: what an alert needs, as text for Prometheus: for its textfile collector, where no daemon serves it.

use crate::exit::{Exit, Mistake};
use crate::output::Output;
use crate::place::Place;
use tenure_engine::metrics::Metrics;

/// Prints the metrics.
pub async fn run(place: &Place, output: &Output) -> anyhow::Result<Exit> {
    if output.json {
        return Err(Mistake("metrics are text for Prometheus; there is no JSON of them".into()).into());
    }
    let text = match place {
        Place::Here(house) => Metrics::default().text(house).await?,
        Place::There(remote) => remote.text("/metrics").await?,
    };
    output.line(text.trim_end());
    Ok(Exit::Done)
}
