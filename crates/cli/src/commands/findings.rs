//! `tenure findings`: what a person should know, worst first.
//! `--fail-on` turns it into a check for a script.

use crate::arguments::FindingsArguments;
use crate::exit::{Exit, Mistake};
use crate::output::Output;
use tenure_core::change::{Finding, FindingKind, Severity};
use tenure_engine::house::House;
use tenure_engine::reconcile::{Scope, company};

/// Lists findings.
pub async fn run(house: &House, arguments: &FindingsArguments, output: &Output) -> anyhow::Result<Exit> {
    let kind = arguments.kind.as_deref().map(kind_of).transpose()?;
    let connection = arguments.connection.as_deref().map(|name| house.connection(name).map(|_| name)).transpose()?;
    let company = company(house, &Scope::default()).await?;
    let found = company.judge(house, None).await?;
    let findings: Vec<&Finding> = found
        .findings
        .iter()
        .filter(|finding| kind.is_none_or(|kind| finding.kind == kind))
        .filter(|finding| connection.is_none_or(|name| finding.connection.as_ref().is_some_and(|c| c.as_str() == name)))
        .collect();
    show(&findings, output)?;
    let worst = arguments.fail_on.as_deref().map(|word| match word {
        "high" => Severity::High,
        "medium" => Severity::Medium,
        _ => Severity::Low,
    });
    let met = worst.is_some_and(|worst| findings.iter().any(|finding| finding.severity <= worst));
    Ok(if met { Exit::Changes } else { Exit::Done })
}

/// Shows findings.
pub fn show(findings: &[&Finding], output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.document(&serde_json::json!({ "findings": findings }));
    }
    if findings.is_empty() {
        output.line("no findings");
        return Ok(());
    }
    output.table(
        &["finding", "severity", "kind", "where", "what"],
        findings.iter().map(|finding| {
            vec![
                finding.id.to_string(),
                word(&finding.severity),
                word(&finding.kind),
                finding.connection.as_ref().map(ToString::to_string).unwrap_or_default(),
                finding.text.clone(),
            ]
        }),
    );
    Ok(())
}

/// Returns the word that JSON uses for an enum.
pub fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn kind_of(named: &str) -> Result<FindingKind, Mistake> {
    serde_json::from_value(serde_json::Value::String(named.to_owned())).map_err(|_| {
        let known: Vec<String> = FINDING_KINDS.iter().map(word).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let near = tenure_core::place::nearest(named, &known)
            .map_or_else(|| format!("the kinds are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        Mistake(format!("there is no kind of finding named {named:?}; {near}"))
    })
}

const FINDING_KINDS: [FindingKind; 18] = [
    FindingKind::OrphanAccount,
    FindingKind::LeaverActive,
    FindingKind::MissingAccount,
    FindingKind::ExtraGrant,
    FindingKind::Dispute,
    FindingKind::DuplicateAccount,
    FindingKind::PendingInvite,
    FindingKind::SeatLimit,
    FindingKind::UnsupportedChange,
    FindingKind::IgnoredWrite,
    FindingKind::ContractDrift,
    FindingKind::PartialPull,
    FindingKind::Credential,
    FindingKind::Prerequisite,
    FindingKind::OpenWork,
    FindingKind::SessionNotEnded,
    FindingKind::ProtectedAccount,
    FindingKind::ServiceAccount,
];
