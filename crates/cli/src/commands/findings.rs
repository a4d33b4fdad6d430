//! `tenure findings`: what a person should know, worst first.
//! `--fail-on` turns it into a check for a script.

use crate::arguments::FindingsArguments;
use crate::exit::Exit;
use crate::output::Output;
use crate::place::Place;
use tenure_core::change::{Finding, Severity};
use tenure_engine::answer::{self, FindingsAsked};
use tenure_serve::api::reads;

/// Lists findings.
pub async fn run(place: &Place, arguments: &FindingsArguments, output: &Output) -> anyhow::Result<Exit> {
    let FindingsArguments { kind, connection, .. } = arguments.clone();
    let mut asked = FindingsAsked { kind, connection, ..FindingsAsked::default() };
    let findings = match place {
        Place::Here(house) => answer::findings(house, &asked).await?.findings,
        Place::There(remote) => {
            asked.limit = Some(answer::LIMIT_MAX);
            let mut findings = Vec::new();
            loop {
                let part = remote.ask::<reads::Findings>(&asked).await?;
                findings.extend(part.findings);
                if part.next.is_none() {
                    break findings;
                }
                asked.cursor = part.next;
            }
        }
    };
    let shown: Vec<&Finding> = findings.iter().collect();
    show(&shown, output)?;
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
