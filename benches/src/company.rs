//! A made-up company of any size: an HR list and five apps in which everybody holds an account, nearly as wished.
//! It gives accounts in the store's own words, with the configuration and the policy that go with them; of a hundred
//! people one moved, one lacks an account, one holds too much, and every second time one left.

use anyhow::Context;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use tenure_core::account::{Account, AccountKey, AccountState, Entitlement, Grant, Kind};
use tenure_core::correlate::found_identity_id;
use tenure_core::facts::{ConnectionFacts, Coverage, Facts, Link};
use tenure_core::name::ConnectionName;
use tenure_engine::clock::Clock;
use tenure_engine::house::House;

const DEPARTMENTS: [&str; 4] = ["Support", "Sales", "Finance", "IT"];
/// The source.
pub const HR: &str = "hr";

/// One app: its name, the kind of its records, what everybody is granted there (`*` is the department).
struct App {
    name: &'static str,
    kind: Kind,
    grants: &'static [(&'static str, &'static str)],
    secrets: &'static [&'static str],
    external_ids: bool,
    fields: &'static [&'static str],
}

const APPS: [App; 5] = [
    App {
        name: "gorgias",
        kind: Kind::Agent,
        grants: &[("role", "agent")],
        secrets: &["email", "token"],
        external_ids: false,
        fields: &["given_name", "family_name"],
    },
    App {
        name: "gladly",
        kind: Kind::Agent,
        grants: &[("inbox", "General Support"), ("role", "AGENT"), ("team", "*")],
        secrets: &["username", "secret"],
        external_ids: true,
        fields: &[],
    },
    App {
        name: "freshdesk",
        kind: Kind::Agent,
        grants: &[("group", "*"), ("role", "Agent")],
        secrets: &["api_key"],
        external_ids: false,
        fields: &["title"],
    },
    App {
        name: "freshservice",
        kind: Kind::Requester,
        grants: &[],
        secrets: &["api_key"],
        external_ids: false,
        fields: &["given_name", "family_name", "title"],
    },
    App {
        name: "gainsight",
        kind: Kind::User,
        grants: &[("role", "Standard User")],
        secrets: &["access_key"],
        external_ids: true,
        fields: &["given_name", "family_name", "title", "department"],
    },
];

/// Opens a house for the company in `folder`; nothing is asked of anybody.
pub async fn open(folder: &Path) -> anyhow::Result<House> {
    let file = write_files(folder)?;
    House::open(&file, Clock::system()).await.context("open the house")
}

fn write_files(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut text = format!(
        "[store]\nurl = \"sqlite:tenure.db\"\n\n[connections.{HR}]\napp = \"csv\"\nsource = true\npath = \"people.csv\"\n"
    );
    for app in &APPS {
        write!(text, "\n[connections.{0}]\napp = \"{0}\"\nurl = \"http://127.0.0.1:9/api\"\n", app.name)?;
        writeln!(text, "[connections.{}.secrets]", app.name)?;
        for secret in app.secrets {
            writeln!(text, "{secret} = {{ file = \"secret\" }}")?;
        }
    }
    std::fs::write(folder.join("secret"), "bench\n")?;
    std::fs::write(folder.join("people.csv"), "employee_id,work_email\n")?;
    std::fs::write(folder.join("policy.toml"), policy())?;
    let file = folder.join("tenure.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}

fn policy() -> String {
    let mut text = String::new();
    for department in DEPARTMENTS {
        text.push_str(&format!(
            "[[grant]]\nname = \"{department}\"\n\
             when = 'identity.department == \"{department}\" && identity.type == \"employee\"'\n[grant.to]\n\
             gorgias = {{ role = \"agent\" }}\n\
             gladly = {{ role = \"AGENT\", teams = [\"{department}\"], inboxes = [\"General Support\"] }}\n\
             freshdesk = {{ roles = [\"Agent\"], groups = [\"{department}\"] }}\n\
             freshservice = {{ as = \"requester\" }}\ngainsight = {{ role = \"Standard User\" }}\n\n"
        ));
    }
    text.push_str("[[manage]]\nconnections = [\"gladly\", \"freshdesk\"]\nextra_grants = \"revoke\"\n");
    text
}

/// Lists the connections, the source first.
pub fn connections() -> Vec<ConnectionName> {
    std::iter::once(HR).chain(APPS.iter().map(|app| app.name)).map(ConnectionName::new).collect()
}

/// Returns what one person has in a connection, if anything.
pub fn account(connection: &ConnectionName, number: u64) -> Option<Account> {
    if connection.as_str() == HR {
        return Some(record(number, 0));
    }
    let app = APPS.iter().find(|app| app.name == connection.as_str())?;
    if app.name == "gorgias" && number % 100 == 2 {
        return None;
    }
    let mut account = Account::unknown(AccountKey::new(connection, app.kind, format!("{}", 1_000_000 + number)));
    account.login = Some(email(number).into());
    account.name = Some(format!("Person Number {number}").into());
    account.state = AccountState::Active;
    account.external_id = app.external_ids.then(|| employee_id(number).into());
    account.grants = app.grants.iter().map(|(kind, name)| grant(kind, name, number)).collect();
    if app.name == "freshdesk" && number % 100 == 4 {
        account.grants.push(grant("group", "Escalations", number));
        account.grants.sort();
    }
    account.grants_known = app.grants.iter().map(|(kind, _)| (*kind).into()).collect();
    account.created_ms = Some(1_700_000_000_000);
    account.updated_ms = Some(1_700_000_000_000);
    account.fields = app.fields.iter().map(|field| ((*field).into(), attribute(field, number))).collect();
    Some(account)
}

/// Returns a person's line of the HR list, in its so-manieth version.
pub fn record(number: u64, version: u64) -> Account {
    let mut record = Account::unknown(AccountKey::new(&ConnectionName::new(HR), Kind::Person, employee_id(number)));
    record.state = AccountState::Active;
    let mut fields: Vec<(&str, Value)> = ["given_name", "family_name", "name", "department", "title"]
        .into_iter()
        .map(|field| (field, attribute(field, number)))
        .collect();
    if version > 0 || number % 100 == 1 {
        fields.push(("title", json!(format!("Senior Agent {version}"))));
    }
    fields.push(("employee_id", json!(employee_id(number))));
    fields.push(("work_email", json!(email(number))));
    fields.push(("type", json!("employee")));
    fields.push(("start_date", json!("2024-03-01")));
    if number >= 10 {
        fields.push(("manager_id", json!(employee_id(number / 10))));
    }
    if number % 200 == 3 {
        fields.push(("status", json!("terminated")));
        fields.push(("end_date", json!("2026-10-31")));
    }
    record.fields = fields.into_iter().map(|(field, value)| (field.into(), value)).collect();
    record
}

/// Returns the address by which a person is known everywhere.
pub fn email(number: u64) -> String {
    format!("person.{number}@acme.example")
}

/// The number that a person has at work.
pub fn employee_id(number: u64) -> String {
    format!("E{number:07}")
}

fn attribute(field: &str, number: u64) -> Value {
    match field {
        "given_name" => json!("Person"),
        "family_name" => json!(format!("Number {number}")),
        "name" => json!(format!("Person Number {number}")),
        "department" => json!(department(number)),
        _ => json!("Agent"),
    }
}

fn department(number: u64) -> &'static str {
    DEPARTMENTS[(number % 4) as usize]
}

fn grant(kind: &str, name: &str, number: u64) -> Grant {
    let name = if name == "*" { department(number) } else { name };
    Grant {
        kind: kind.into(),
        id: Some(id_of(name).into()),
        name: name.into(),
        scope: None,
        privileged: false,
        pending: false,
    }
}

fn id_of(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

/// Lists what a connection offers.
pub fn entitlements(connection: &ConnectionName) -> Vec<Entitlement> {
    let Some(app) = APPS.iter().find(|app| app.name == connection.as_str()) else { return Vec::new() };
    let mut all = Vec::new();
    for (kind, name) in app.grants {
        let names = if *name == "*" { DEPARTMENTS.to_vec() } else { vec![*name] };
        let extra = (*name == "*").then_some("Escalations");
        for name in names.into_iter().chain(extra) {
            all.push(Entitlement {
                kind: (*kind).into(),
                id: id_of(name).into(),
                name: name.into(),
                privileged: false,
            });
        }
    }
    all
}

/// Returns the links that a first run would pin.
pub fn links(people: u64) -> Vec<Link> {
    let hr = ConnectionName::new(HR);
    let link = |connection: &ConnectionName, number| {
        let account = account(connection, number)?;
        let evidence = match account.external_id {
            _ if *connection == hr => "founded by its source record",
            Some(_) => "external_id = employee_id",
            None => "login = work_email",
        };
        let identity = found_identity_id(&hr, &employee_id(number).into());
        Some(Link { account: account.key, identity, evidence: evidence.into(), since_ms: 1_790_000_000_000 })
    };
    connections().iter().flat_map(|name| (0..people).filter_map(move |number| link(name, number))).collect()
}

/// Returns the facts of the whole company, as the store would load them.
pub fn facts(house: &House, people: u64) -> anyhow::Result<Facts> {
    let mut facts = Facts { now_ms: house.clock.now_ms(), ..Facts::default() };
    facts.accounts.reserve_exact(people as usize * (APPS.len() + 1));
    for name in connections() {
        let before = facts.accounts.len();
        facts.accounts.extend((0..people).filter_map(|number| account(&name, number)));
        let count = (facts.accounts.len() - before) as u64;
        let (name, known) = connection(house, &name, count)?;
        facts.connections.insert(name, known);
    }
    Ok(facts)
}

/// Returns what is known of a connection that was just read completely.
pub fn connection(
    house: &House,
    name: &ConnectionName,
    count: u64,
) -> anyhow::Result<(ConnectionName, ConnectionFacts)> {
    let known = ConnectionFacts {
        abilities: house.connection(name.as_str())?.abilities(),
        complete_ms: Some(house.clock.now_ms() - 60_000),
        coverage: Some(Coverage::Complete),
        because: None,
        accounts_active: count,
        seats_taken: count,
        records_before: Some(count),
        records_now: Some(count),
        removed: Default::default(),
        removed_by: Default::default(),
        circuit: None,
        drift: None,
        entitlements: entitlements(name),
    };
    Ok((name.clone(), known))
}
