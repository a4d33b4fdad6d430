//! `tenure who`: one person across everything, with accounts, grants, links and why.
//! Now it comes from the graph; as of a moment from what was observed then.

use crate::arguments::WhoArguments;
use crate::commands::plan::change_line;
use crate::exit::Exit;
use crate::output::Output;
use crate::{ground, time};
use serde::Serialize;
use tenure_core::change::{Finding, Step};
use tenure_engine::audit::record_read;
use tenure_engine::house::House;
use tenure_engine::reconcile::{Found, Scope, company, find_identity};
use tenure_engine::view::{AccountView, IdentityView};

/// One person across everything.
#[derive(Debug, Serialize)]
pub struct Person {
    identity: IdentityView,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<String>,
    accounts: Vec<AccountView>,
    findings: Vec<Finding>,
    steps: Vec<Step>,
}

/// Shows one person.
pub async fn run(house: &House, arguments: &WhoArguments, output: &Output) -> anyhow::Result<Exit> {
    let as_of_ms = arguments.as_of.as_deref().map(|text| time::moment(text, house.clock.now_ms())).transpose()?;
    let scope = Scope { identity: Some(arguments.key.clone()), as_of_ms, ..Scope::default() };
    let company = company(house, &scope).await?;
    let found = company.judge(house, None).await?;
    if arguments.as_of.is_some() {
        let body = serde_json::json!({ "what": "who", "key": arguments.key, "as_of": arguments.as_of });
        record_read(house, &ground::actor(None), body).await?;
    }
    show_person(house, &found, &arguments.key, output)?;
    Ok(Exit::Done)
}

/// Shows one person of a judged company.
pub fn show_person(house: &House, found: &Found<'_>, key: &str, output: &Output) -> anyhow::Result<()> {
    show(&person(house, found, key)?, output)
}

fn person(house: &House, found: &Found<'_>, key: &str) -> anyhow::Result<Person> {
    let id = find_identity(&found.graph, key)?;
    let identity = found.graph.identity(&id).ok_or_else(|| anyhow::anyhow!("{key} vanished while looking"))?;
    let at = found.graph.find(&id);
    let accounts: Vec<AccountView> = at
        .into_iter()
        .flat_map(|at| found.graph.accounts_at(at))
        .map(|(at, account)| {
            let link = found.graph.link_at(at);
            let connection = found.graph.facts().connections.get(&account.key.connection);
            let ability = connection.and_then(|connection| connection.abilities.kinds.get(&account.key.kind));
            AccountView::new(account, ability, link.map(|link| (link.identity.as_str(), link.evidence)), None)
        })
        .collect();
    let shown = found.graph.accounts_of(&id).filter(|account| house.is_target(&account.key.connection));
    let manager = identity.manager.as_ref().and_then(|id| found.graph.identity(id)).map(|boss| boss.label().to_owned());
    Ok(Person {
        identity: IdentityView::new(identity, shown),
        manager,
        accounts,
        findings: found.findings.iter().filter(|finding| finding.identity.as_ref() == Some(&id)).cloned().collect(),
        steps: found.plan.steps.iter().filter(|step| step.identity.as_ref() == Some(&id)).cloned().collect(),
    })
}

fn show(person: &Person, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.document(person);
    }
    let identity = &person.identity;
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".into());
    output.line(format!("{} · {} · {}", or_dash(&identity.name), identity.state, identity.id));
    output.line(format!("  {} · {}", or_dash(&identity.title), or_dash(&identity.department)));
    output.line(format!("  addresses   {}", identity.emails.join(", ")));
    output.line(format!("  employee    {}", or_dash(&identity.employee_id)));
    output.line(format!("  manager     {}", person.manager.clone().unwrap_or_else(|| "–".into())));
    let days = format!("{} to {}", or_dash(&identity.start_date), or_dash(&identity.end_date));
    output.line(format!("  works       {days} ({})", identity.time_zone.as_deref().unwrap_or("UTC")));
    for account in &person.accounts {
        output.line(format!("\n  {}/{}/{}  {}", account.connection, account.kind, account.id, account.state));
        let evidence = account.evidence.as_deref().unwrap_or("no link");
        output.line(format!("    {} · because: {evidence}", account.login.as_deref().unwrap_or("no login")));
        for grant in &account.grants {
            let scope = grant.scope.as_deref().map(|scope| format!(" ({scope})")).unwrap_or_default();
            let privileged = if grant.privileged { " · privileged" } else { "" };
            let pending = if grant.pending { " · waits for approval there" } else { "" };
            output.line(format!("    {}: {}{scope}{privileged}{pending}", grant.kind, grant.name));
        }
        for access in &account.access {
            let privileged = if access.privileged { " · privileged" } else { "" };
            output.line(format!("    › {}{privileged}", access.says));
        }
        for word in ["ticket_scope", "access"] {
            if let Some(value) = account.attributes.text(word) {
                output.line(format!("    {word}: {value}"));
            }
        }
    }
    for finding in &person.findings {
        output.line(format!("\n  ! {}", finding.text));
    }
    for step in &person.steps {
        output.line(format!("\n  → {} {} in {}: {}", step.id, step.effect, step.connection, step.reason.text));
        for change in &step.changes {
            output.line(format!("      {}", change_line(change)));
        }
    }
    Ok(())
}
