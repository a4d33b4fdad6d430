//! Findings of the whole company, remembered for a moment: whoever walks through them in parts has the company judged once.
//! Judged anew when something was read, decided or done since, and after half a minute.

use crate::error::EngineError;
use crate::house::House;
use crate::whole::judge_whole;
use std::sync::Arc;
use tenure_core::change::Finding;
use tokio::sync::Mutex;

/// How long findings are those of now, if nothing was written since: time alone changes some.
const OLD_MS: i64 = 30 * 1000;

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    at_ms: i64,
    /// What the store was like then: the journal's end, and when the newest pull ended.
    mark: (i64, i64),
    findings: Arc<Vec<Finding>>,
}

/// Returns all findings, worst first. Those who ask meanwhile wait for the same judging.
pub(super) async fn all(house: &House) -> Result<Arc<Vec<Finding>>, EngineError> {
    let mut known = house.kept.0.lock().await;
    let (mark, at_ms) = (house.store.pulse().await?, house.clock.now_ms());
    if let Some(known) = known.as_ref().filter(|known| known.mark == mark && at_ms - known.at_ms < OLD_MS) {
        return Ok(known.findings.clone());
    }
    *known = None; // what was known is let go before what follows takes its place
    let findings = Arc::new(judge_whole(house, &[], None).await?.findings);
    *known = Some(Known { at_ms, mark, findings: findings.clone() });
    Ok(findings)
}
