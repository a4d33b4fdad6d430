//! `tenure link`, `unlink` and `exempt`: a person's decision on a dispute or a finding.

use crate::arguments::{ExemptArguments, LinkArguments, UnlinkArguments};
use crate::exit::{Exit, Mistake};
use crate::ground::word;
use crate::output::Output;
use tenure_core::change::FindingKind;
use tenure_core::facts::Decided;
use tenure_engine::decide::{decide, find_account};
use tenure_engine::drift::accept;
use tenure_engine::house::House;
use tenure_engine::reconcile::{Scope, company, find_identity};

/// Decides that an account is somebody's.
pub async fn link(house: &House, arguments: &LinkArguments, output: &Output) -> anyhow::Result<Exit> {
    let account = find_account(house, &arguments.account).await?;
    let company = company(house, &Scope::default()).await?;
    let identity = find_identity(&company.graph(house), &arguments.identity)?;
    let what = Decided::Link { account: account.clone(), identity: identity.clone() };
    decide(house, word(&arguments.said), what).await?;
    said(output, &format!("{account} is {identity}'s"))
}

/// Decides that an account is not somebody's.
pub async fn unlink(house: &House, arguments: &UnlinkArguments, output: &Output) -> anyhow::Result<Exit> {
    let account = find_account(house, &arguments.account).await?;
    let identity = match &arguments.identity {
        None => None,
        Some(key) => {
            let company = company(house, &Scope::default()).await?;
            Some(find_identity(&company.graph(house), key)?)
        }
    };
    let what = Decided::Unlink { account: account.clone(), identity: identity.clone() };
    decide(house, word(&arguments.said), what).await?;
    let whose = identity.map_or_else(|| "nobody's".to_owned(), |identity| format!("not {identity}'s"));
    said(output, &format!("{account} is {whose}"))
}

/// Decides that an account is to be left alone, or that the form in which an app answers is the known one from now on.
pub async fn exempt(house: &House, arguments: &ExemptArguments, output: &Output) -> anyhow::Result<Exit> {
    let account = if arguments.thing.starts_with("f-") {
        let company = company(house, &Scope::default()).await?;
        let found = company.judge(house, None).await?;
        let finding = found.findings.iter().find(|finding| finding.id.as_str() == arguments.thing);
        if let Some(finding) = finding.filter(|finding| finding.kind == FindingKind::ContractDrift) {
            let name = accept(house, finding, word(&arguments.said)).await?;
            return said(output, &format!("what {name} answers now is known from now on"));
        }
        let account = finding.and_then(|finding| finding.account_key.clone());
        let nothing = || Mistake(format!("{:?} is no finding about an account or about a contract", arguments.thing));
        account.ok_or_else(nothing)?
    } else {
        find_account(house, &arguments.thing).await?
    };
    decide(house, word(&arguments.said), Decided::Exempt { account: account.clone() }).await?;
    said(output, &format!("{account} is left alone from now on"))
}

fn said(output: &Output, text: &str) -> anyhow::Result<Exit> {
    if output.json {
        output.document(&serde_json::json!({ "decided": text }))?;
    } else {
        output.line(text);
    }
    Ok(Exit::Done)
}
