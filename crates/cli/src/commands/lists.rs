//! `tenure identities`, `accounts` and `grants`: lists with a filter, now or as of a moment.
//! Rows come from the store and the graph; a CEL expression sees the same fields that `--json` prints.

mod csv;

use crate::arguments::{Format, ListArguments};
use crate::exit::Exit;
use crate::ground;
use crate::output::{self, Output};
use crate::place::Place;
use serde::Serialize;
use std::collections::BTreeMap;
use tenure_core::account::AccountState;
use tenure_engine::answer::{self, ListAsked};
use tenure_engine::reconcile::Found;
use tenure_engine::view::{AccountBrief, AccountView, GrantView, IdentityView, Told};
use tenure_serve::api::reads;

/// Lists people.
pub async fn identities(place: &Place, arguments: &ListArguments, output: &Output) -> anyhow::Result<Exit> {
    let asked = asked(arguments);
    let (rows, note) = match place {
        Place::Here(house) => {
            let whole = answer::identities(house, &asked, &ground::actor(None)).await?;
            (whole.identities, whole.note)
        }
        Place::There(remote) => {
            whole(asked, async |asked| {
                let part = remote.ask::<reads::Identities>(asked).await?;
                Ok((part.identities, part.next, part.note))
            })
            .await?
        }
    };
    let table = Columns {
        headers: &["id", "name", "work_email", "employee_id", "state", "department", "title", "accounts"],
        cells: |identity: &IdentityView| {
            vec![
                identity.id.clone(),
                told(&identity.name),
                told(&identity.work_email),
                told(&identity.employee_id),
                identity.state.as_str().to_owned(),
                told(&identity.department),
                told(&identity.title),
                briefs(&identity.accounts),
            ]
        },
    };
    if let Some(note) = note {
        output.warning(note);
    }
    list(arguments, output, "identities", &rows, &table, &csv::IDENTITIES)
}

/// Lists accounts.
pub async fn accounts(place: &Place, arguments: &ListArguments, output: &Output) -> anyhow::Result<Exit> {
    let asked = asked(arguments);
    let (rows, note) = match place {
        Place::Here(house) => {
            let whole = answer::accounts(house, &asked, &ground::actor(None)).await?;
            (whole.accounts, whole.note)
        }
        Place::There(remote) => {
            whole(asked, async |asked| {
                let part = remote.ask::<reads::Accounts>(asked).await?;
                Ok((part.accounts, part.next, part.note))
            })
            .await?
        }
    };
    let table = Columns {
        headers: &["connection", "id", "kind", "login", "name", "state", "grants", "identity", "evidence"],
        cells: |account: &AccountView| {
            vec![
                account.connection.clone(),
                account.id.clone(),
                account.kind.as_str().to_owned(),
                account.login.clone().unwrap_or_default(),
                account.name.clone().unwrap_or_default(),
                account.state.as_str().to_owned(),
                grant_names(account),
                account.identity.clone().unwrap_or_default(),
                account.evidence.clone().unwrap_or_default(),
            ]
        },
    };
    if let Some(note) = note {
        output.warning(note);
    }
    list(arguments, output, "accounts", &rows, &table, &csv::ACCOUNTS)
}

/// Lists grants.
pub async fn grants(place: &Place, arguments: &ListArguments, output: &Output) -> anyhow::Result<Exit> {
    let asked = asked(arguments);
    let (rows, note) = match place {
        Place::Here(house) => {
            let whole = answer::grants(house, &asked, &ground::actor(None)).await?;
            (whole.grants, whole.note)
        }
        Place::There(remote) => {
            whole(asked, async |asked| {
                let part = remote.ask::<reads::Grants>(asked).await?;
                Ok((part.grants, part.next, part.note))
            })
            .await?
        }
    };
    let table = Columns {
        headers: &["connection", "account", "login", "kind", "name", "scope", "privileged", "identity"],
        cells: |grant: &GrantView| {
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
        },
    };
    if let Some(note) = note {
        output.warning(note);
    }
    list(arguments, output, "grants", &rows, &table, &csv::GRANTS)
}

/// Says what is asked for. A list for a spreadsheet is one that is taken away.
fn asked(arguments: &ListArguments) -> ListAsked {
    let export = (arguments.format == Format::Csv).then(|| "csv".to_owned());
    let ListArguments { connection, filter, as_of, .. } = arguments.clone();
    ListAsked { connection, filter, as_of, export, ..ListAsked::default() }
}

/// Reads a whole list from a server, part by part, and what it notes.
async fn whole<T>(
    mut asked: ListAsked,
    part: impl AsyncFn(&ListAsked) -> anyhow::Result<(Vec<T>, Option<String>, Option<String>)>,
) -> anyhow::Result<(Vec<T>, Option<String>)> {
    let mut rows = Vec::new();
    asked.limit = Some(answer::LIMIT_MAX);
    loop {
        let (more, next, note) = part(&asked).await?;
        rows.extend(more);
        if next.is_none() {
            return Ok((rows, note));
        }
        asked.cursor = next;
    }
}

/// What a list shows of each row.
struct Columns<T> {
    headers: &'static [&'static str],
    cells: fn(&T) -> Vec<String>,
}

/// Prints rows in the form that was asked for: for people as a table, for programs as JSON or CSV.
fn list<T: Serialize>(
    arguments: &ListArguments,
    output: &Output,
    title: &str,
    rows: &[T],
    table: &Columns<T>,
    csv: &Columns<T>,
) -> anyhow::Result<Exit> {
    if output.json || arguments.format == Format::Json {
        output.document(&serde_json::json!({ title: rows }))?;
    } else if arguments.format == Format::Csv {
        output.raw(output::csv(csv.headers, rows.iter().map(csv.cells)));
    } else {
        output.table(table.headers, rows.iter().map(table.cells));
        output.advice(format!("{} {title}", rows.len()));
    }
    Ok(Exit::Done)
}

fn told(told: &Told) -> String {
    told.as_deref().unwrap_or_default().to_owned()
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
            AccountState::Active => account.connection.clone(),
            state => format!("{} ({})", account.connection, state.as_str()),
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
