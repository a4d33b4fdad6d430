//! Contract drift: what each connection is known to answer, kept as a note, compared after every pull.
//! `core` says what a drift is; here it is kept, made into findings and a reason to stop writes, and lifted by a person.
//! A later complete pull that fits lifts it as well. Reads never stop.

use crate::alone::alone;
use crate::decide::{By, decide};
use crate::dialect::Dialect;
use crate::error::EngineError;
use crate::house::House;
use async_recursion::async_recursion as boxed;
use serde_json::Value;
use std::collections::BTreeMap;
use tenure_connect::Connector;
use tenure_core::change::{Finding, FindingKind, Severity};
use tenure_core::contract::{Contract, News, TOLD_MS};
use tenure_core::drift::{Drift, Sample};
use tenure_core::facts::Decided;
use tenure_core::finding::About;
use tenure_core::name::ConnectionName;
use tenure_core::shape::Shape;
use tenure_store::Store;

/// The note that holds the known form of a connection; only a pull reads it.
const NOTE: &str = "contract";
/// The note that holds what a person should know of it, if there is anything.
const NEWS: &str = "contract_news";
/// Drifts that one sentence names.
const TOLD_MAX: usize = 6;

async fn noted(store: &Store, name: &ConnectionName) -> Result<Contract, EngineError> {
    let Some(text) = store.note(name, NOTE).await? else { return Ok(Contract::default()) };
    Ok(serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::warn!(connection = %name, %error, "the known form of its answers cannot be read, and is learned anew");
        Contract::default()
    }))
}

/// Notes the known form, after its news: whoever dies between the two makes the same news again.
async fn note(store: &Store, name: &ConnectionName, contract: &Contract) -> Result<(), EngineError> {
    let news = contract.news();
    let text = serde_json::to_string(&news).unwrap_or_default();
    store.set_note(name, NEWS, (!news.is_empty()).then_some(&*text)).await?;
    let text = serde_json::to_string(contract).unwrap_or_default();
    Ok(store.set_note(name, NOTE, Some(&text)).await?)
}

async fn news(store: &Store) -> Result<BTreeMap<ConnectionName, News>, EngineError> {
    let texts = store.notes_named(NEWS).await?.into_iter();
    Ok(texts.filter_map(|(name, text)| Some((name, serde_json::from_str(&text).ok()?))).collect())
}

/// Takes in the shape of what a pull saw; returns why writes stop, if they do.
pub(crate) async fn compare(
    house: &House,
    name: &ConnectionName,
    connector: &Connector,
    shape: Shape,
    sample: Sample,
) -> Result<Option<String>, EngineError> {
    let before = noted(&house.store, name).await?;
    let contract = before.clone().after(shape, connector.dialect(), &connector.needs(), sample, house.clock.now_ms());
    if contract != before {
        note(&house.store, name, &contract).await?;
    }
    let stopping = contract.news().stopping;
    if stopping.is_empty() {
        return Ok(None);
    }
    // Perhaps the tenant changed sides: the next pull asks it.
    crate::dialect::doubt(house, name).await?;
    tracing::warn!(drifts = stopping.len(), "writes stop: the app answers in another form than before");
    Ok(Some(sentence(&stopping.iter().collect::<Vec<_>>())))
}

/// Returns why nothing is written to some connections, without figures, so that it does not change while nothing else
/// does.
pub(crate) async fn stops(store: &Store) -> Result<BTreeMap<ConnectionName, String>, EngineError> {
    let stopped = news(store).await?.into_iter().filter(|(_, news)| !news.stopping.is_empty());
    let because = |(name, news): (ConnectionName, News)| {
        let places = news.stopping.iter().take(TOLD_MAX);
        let places: Vec<String> = places.map(|drift| format!("{} `{}`", drift.sort, drift.place)).collect();
        let text = format!(
            "{name} answers in another form than before ({}): see `tenure findings --kind contract_drift`; a complete \
             pull that fits again lifts it, or `tenure exempt` with the id of that finding",
            places.join(", ")
        );
        (name, text)
    };
    Ok(stopped.map(because).collect())
}

/// Finds what drifted: what stops writes, what came in addition, a tenant that speaks another dialect now.
pub(crate) async fn findings(house: &House) -> Result<Vec<Finding>, EngineError> {
    let now_ms = house.clock.now_ms();
    let (news, dialects) = (news(&house.store).await?, Dialect::all_noted(&house.store).await?);
    let mut findings = Vec::new();
    for name in house.names() {
        findings.extend(news.get(&name).map(|news| of_news(&name, news, now_ms)).into_iter().flatten());
        findings.extend(dialects.get(&name).and_then(|dialect| changed_sides(&name, dialect, now_ms)));
    }
    Ok(findings)
}

fn of_news(name: &ConnectionName, news: &News, now_ms: i64) -> Vec<Finding> {
    let stopped = stopped(name, &news.stopping.iter().collect::<Vec<_>>());
    stopped.into_iter().chain(added(name, &news.told(now_ms))).collect()
}

fn stopped(name: &ConnectionName, drifts: &[&Drift]) -> Option<Finding> {
    let text = format!(
        "{name} answers in another form than before, so nothing is written there or done on its word, and reads go on: \
         {}. Look for a newer manifest; if the new form is right, `tenure exempt` with the id of this finding takes it \
         for the known one",
        sentence(drifts)
    );
    of_drifts(name, Severity::High, "stops", drifts, text)
}

fn added(name: &ConnectionName, drifts: &[&Drift]) -> Option<Finding> {
    let text = format!("{name} answers otherwise than before, which nothing relies on: {}", sentence(drifts));
    of_drifts(name, Severity::Low, "noted", drifts, text)
}

fn of_drifts(
    name: &ConnectionName,
    severity: Severity,
    drift: &str,
    drifts: &[&Drift],
    text: String,
) -> Option<Finding> {
    let keys: Vec<String> = drifts.iter().map(|drift| drift.key()).collect();
    let topic = format!("{drift} {}", keys.join(" "));
    let changes = serde_json::to_value(drifts).unwrap_or_default();
    let facts = BTreeMap::from([("drift".to_owned(), Value::from(drift)), ("changes".to_owned(), changes)]);
    let about = About::new(FindingKind::ContractDrift, severity).connection(name).topic(&topic);
    (!drifts.is_empty()).then(|| about.finding(text, facts))
}

fn changed_sides(name: &ConnectionName, dialect: &Dialect, now_ms: i64) -> Option<Finding> {
    let (before, at_ms) = dialect.before.as_ref().filter(|(_, at_ms)| now_ms - at_ms < TOLD_MS)?;
    let Dialect { dialect: now, evidence, .. } = dialect;
    let text = format!(
        "{name} spoke the dialect \"{before}\" and speaks \"{now}\" since {}: {evidence}. Tenure speaks it too; what can \
         be written there may differ: read the next plan",
        crate::clock::moment_text(*at_ms)
    );
    let facts = [("drift", "dialect"), ("before", before), ("now", now), ("evidence", evidence)];
    let facts = facts.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
    let topic = format!("dialect {before} {now}");
    Some(About::new(FindingKind::ContractDrift, Severity::Medium).connection(name).topic(&topic).finding(text, facts))
}

fn sentence(drifts: &[&Drift]) -> String {
    let mut parts: Vec<String> = drifts.iter().take(TOLD_MAX).map(ToString::to_string).collect();
    let more = drifts.len().saturating_sub(TOLD_MAX);
    parts.extend((more > 0).then(|| format!("and {more} more")));
    parts.join("; ")
}

/// Records that somebody takes what a finding tells for the known form, and does so from then on.
///
/// # Errors
/// The finding is about no drift, or its connection is being pulled.
#[boxed]
pub async fn accept(house: &House, finding: &Finding, by: By) -> Result<ConnectionName, EngineError> {
    let told = finding.facts.get("drift").and_then(Value::as_str);
    let (FindingKind::ContractDrift, Some(name), Some(drift)) = (finding.kind, &finding.connection, told) else {
        return Err(EngineError::Asked(format!("{} is about no change of an app's answers", finding.id)));
    };
    let (name, lease) = (name.clone(), format!("pull:{name}"));
    alone(house, &lease, &by.who.clone(), |_| async {
        let contract = noted(&house.store, &name).await?;
        let told_now = of_news(&name, &contract.news(), house.clock.now_ms());
        if drift != "dialect" && !told_now.iter().any(|told| told.id == finding.id) {
            return Err(EngineError::Asked(format!("{name} answers otherwise again since: read its findings anew")));
        }
        decide(house, by, Decided::Accept { connection: name.clone(), finding: finding.id.clone() }).await?;
        match drift {
            "dialect" => Dialect::settled(&house.store, &name).await,
            "noted" => note(&house.store, &name, &contract.read()).await,
            _ => note(&house.store, &name, &contract.accepted()).await,
        }
    })
    .await?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_that_changed_sides_is_told_from_which_to_which_and_why_for_a_week() {
        let name = ConnectionName::new("desk");
        let dialect = Dialect {
            dialect: "live".into(),
            evidence: "GET /roles answered 404: roles go by name".into(),
            seen_ms: 9,
            before: Some(("guide".into(), 0)),
            offers: None,
        };
        let finding = changed_sides(&name, &dialect, TOLD_MS - 1).unwrap();
        assert_eq!((finding.kind, finding.severity), (FindingKind::ContractDrift, Severity::Medium));
        for part in ["\"guide\"", "\"live\"", "1970-01-01", "GET /roles answered 404"] {
            assert!(finding.text.contains(part), "{}", finding.text);
        }
        assert!(changed_sides(&name, &dialect, TOLD_MS).is_none());
        assert!(changed_sides(&name, &Dialect { before: None, ..dialect }, 0).is_none());
    }

    #[test]
    fn nothing_that_drifted_makes_no_finding() {
        let name = ConnectionName::new("desk");
        assert!(stopped(&name, &[]).is_none() && added(&name, &[]).is_none());
    }
}
