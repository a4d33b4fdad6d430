//! `tenure identities`, `accounts` and `grants`: lists with a filter, now or as of a moment.
//! Rows come from the store and the graph; a CEL expression sees the same fields that `--json` prints.

use crate::arguments::{Format, ListArguments};
use crate::exit::{Exit, Mistake};
use crate::output::{self, Output};
use crate::{ground, time};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use tenure_core::account::AccountKey;
use tenure_core::correlate::LinkFact;
use tenure_core::expression::Expression;
use tenure_engine::audit::record_read;
use tenure_engine::house::House;
use tenure_engine::reconcile::{Found, Scope, company};
use tenure_engine::view::{AccountBrief, AccountView, GrantView, IdentityView};
use tenure_store::{AccountFilter, Cursor};

const PAGE: usize = 1000;

/// Lists people.
pub async fn identities(house: &House, arguments: &ListArguments, output: &Output) -> anyhow::Result<Exit> {
    let company = company(house, &scope(house, arguments)?).await?;
    let graph = company.graph(house);
    let rows: Vec<IdentityView> = graph
        .identities()
        .iter()
        .map(|identity| {
            let accounts = graph.accounts_of(&identity.id).filter(|account| house.is_target(&account.key.connection));
            IdentityView::new(identity, accounts)
        })
        .collect();
    let rows = rows.into_iter().filter(|identity| {
        arguments.connection.as_ref().is_none_or(|name| {
            identity.external_ids.contains_key(name)
                || identity.accounts.iter().any(|account| account.connection == *name)
        })
    });
    let headers = ["id", "name", "work_email", "employee_id", "state", "department", "title", "accounts"];
    note_read(house, arguments, "identities").await?;
    list(arguments, output, "identities", "identity", &headers, rows, |identity| {
        vec![
            identity.id.clone(),
            identity.name.clone().unwrap_or_default(),
            identity.work_email.clone().unwrap_or_default(),
            identity.employee_id.clone().unwrap_or_default(),
            identity.state.to_owned(),
            identity.department.clone().unwrap_or_default(),
            identity.title.clone().unwrap_or_default(),
            briefs(&identity.accounts),
        ]
    })
}

/// Lists accounts.
pub async fn accounts(house: &House, arguments: &ListArguments, output: &Output) -> anyhow::Result<Exit> {
    let rows = account_views(house, arguments).await?;
    let headers = ["connection", "id", "kind", "login", "name", "state", "grants", "identity", "evidence"];
    note_read(house, arguments, "accounts").await?;
    list(arguments, output, "accounts", "account", &headers, rows.into_iter(), |account| {
        vec![
            account.connection.clone(),
            account.id.clone(),
            account.kind.to_owned(),
            account.login.clone().unwrap_or_default(),
            account.name.clone().unwrap_or_default(),
            account.state.to_owned(),
            grant_names(account),
            account.identity.clone().unwrap_or_default(),
            account.evidence.clone().unwrap_or_default(),
        ]
    })
}

/// Lists grants.
pub async fn grants(house: &House, arguments: &ListArguments, output: &Output) -> anyhow::Result<Exit> {
    let accounts = account_views(house, arguments).await?;
    let rows: Vec<GrantView> = accounts.iter().flat_map(GrantView::of).collect();
    let headers = ["connection", "account", "login", "kind", "name", "scope", "privileged", "identity"];
    note_read(house, arguments, "grants").await?;
    list(arguments, output, "grants", "grant", &headers, rows.into_iter(), |grant| {
        vec![
            grant.connection.clone(),
            grant.account.clone(),
            grant.login.clone().unwrap_or_default(),
            grant.kind.clone(),
            grant.name.clone(),
            grant.scope.clone().unwrap_or_default(),
            if grant.privileged { "privileged".into() } else { String::new() },
            grant.identity.clone().unwrap_or_default(),
        ]
    })
}

/// Writes into the journal who takes whole lists away, or looks into the past. What a person glances at is not written.
async fn note_read(house: &House, arguments: &ListArguments, what: &str) -> anyhow::Result<()> {
    if arguments.format != Format::Csv && arguments.as_of.is_none() {
        return Ok(());
    }
    let format = if arguments.format == Format::Csv { "csv" } else { "list" };
    let body = serde_json::json!({
        "what": what, "format": format, "as_of": arguments.as_of, "connection": arguments.connection, "where": arguments.filter,
    });
    Ok(record_read(house, &ground::actor(None), body).await?)
}

async fn account_views(house: &House, arguments: &ListArguments) -> anyhow::Result<Vec<AccountView>> {
    if let Some(name) = &arguments.connection {
        house.connection(name)?;
    }
    let scope = scope(house, arguments)?;
    let company = company(house, &scope).await?;
    let graph = company.graph(house);
    let links: HashMap<&AccountKey, LinkFact<'_>> =
        graph.links().filter_map(|(account, link)| link.map(|link| (&account.key, link))).collect();
    let filter =
        AccountFilter { connection: arguments.connection.as_deref().map(Into::into), as_of_ms: scope.as_of_ms };
    let mut views = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = house.store.accounts(&filter, after, PAGE).await?;
        for observed in &page.accounts {
            let key = &observed.account.key;
            if arguments.connection.is_some() || house.is_target(&key.connection) {
                let link = links.get(key).map(|link| (link.identity.as_str(), link.evidence));
                let connection = company.facts.connections.get(&key.connection);
                let ability = connection.and_then(|connection| connection.abilities.kinds.get(&key.kind));
                views.push(AccountView::new(&observed.account, ability, link, Some(observed.since_ms)));
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(views),
        }
    }
}

fn scope(house: &House, arguments: &ListArguments) -> anyhow::Result<Scope> {
    let as_of_ms = arguments.as_of.as_deref().map(|text| time::moment(text, house.clock.now_ms())).transpose()?;
    Ok(Scope { as_of_ms, ..Scope::default() })
}

/// Filters rows and prints them in the form that was asked for.
fn list<T: Serialize>(
    arguments: &ListArguments,
    output: &Output,
    title: &str,
    root: &str,
    headers: &[&str],
    rows: impl Iterator<Item = T>,
    cells: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<Exit> {
    let filter = arguments
        .filter
        .as_deref()
        .map(|text| Expression::parse(text, &[root]))
        .transpose()
        .map_err(|error| Mistake(format!("--where: {error}")))?;
    let mut kept = Vec::new();
    for row in rows {
        let keep = match &filter {
            None => true,
            Some(filter) => {
                let value: Value = serde_json::to_value(&row)?;
                filter.matches(root, &value).map_err(|error| Mistake(format!("--where: {error}")))?
            }
        };
        if keep {
            kept.push(row);
        }
    }
    if output.json || arguments.format == Format::Json {
        output.document(&serde_json::json!({ title: kept }))?;
    } else if arguments.format == Format::Csv {
        output.line(output::csv(headers, kept.iter().map(cells)));
    } else {
        output.table(headers, kept.iter().map(cells));
        output.advice(format!("{} {title}", kept.len()));
    }
    Ok(Exit::Done)
}

fn grant_names(account: &AccountView) -> String {
    let names: Vec<String> = account
        .grants
        .iter()
        .map(|grant| if grant.privileged { format!("{}!", grant.name) } else { grant.name.to_string() })
        .collect();
    names.join(", ")
}

fn briefs(accounts: &[AccountBrief]) -> String {
    let all: Vec<String> = accounts
        .iter()
        .map(|account| match account.state {
            "active" => account.connection.clone(),
            state => format!("{} ({state})", account.connection),
        })
        .collect();
    all.join(", ")
}

/// Tells the graph in a few lines: people by state, accounts by connection.
pub fn graph_summary(found: &Found<'_>) -> String {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for identity in found.graph.identities() {
        *states.entry(identity.state.as_str()).or_default() += 1;
    }
    let people: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let mut linked: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (account, link) in found.graph.links() {
        let entry = linked.entry(account.key.connection.as_str()).or_default();
        entry.0 += 1;
        entry.1 += usize::from(link.is_some());
    }
    let accounts: Vec<String> = linked
        .iter()
        .map(|(name, (all, linked))| format!("  {name:<14} {all:>5} records, {linked} linked to a person"))
        .collect();
    format!("{} people: {}\n{}", found.graph.identities().len(), people.join(", "), accounts.join("\n"))
}
