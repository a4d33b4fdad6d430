//! The upload of users in Gladly's own pages, which is how an admin does many at once. A row of an e-mail that is known
//! overwrites that user; a column that is missing changes nothing, an empty cell clears. Either every row is fine or
//! nothing is done.

use std::collections::BTreeSet;

use super::gladly_live::{Agent, Tenant};
use crate::fields::is_email;
use crate::refusal::Wrong;
use crate::sheet::{self, SheetRow};

/// The roles that an admin can tick; a user may have several.
pub(super) const ROLES: [&str; 11] = [
    "Administrator",
    "Agent",
    "Agent Plus",
    "Analyst",
    "Answers Administrator",
    "API User",
    "Compliance Administrator",
    "Developer",
    "Liveboards Only",
    "Task User",
    "Team Manager",
];

/// Reads all rows into the agents they would lead to, or everything that is wrong with them.
pub(super) fn read(tenant: &Tenant, text: &str) -> Result<Vec<Agent>, Vec<Wrong>> {
    let rows = sheet::read(text);
    let (mut agents, mut wrongs, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    if rows.is_empty() {
        wrongs.push(Wrong::new("file", "the file has no rows", "blank"));
    }
    for row in &rows {
        let agent = read_row(tenant, row, &mut wrongs);
        if !seen.insert(agent.email_address.to_lowercase()) {
            wrongs.push(wrong(row, "email", "stands in the file twice", "taken"));
        }
        agents.push(agent);
    }
    if wrongs.is_empty() { Ok(agents) } else { Err(wrongs) }
}

fn read_row(tenant: &Tenant, row: &SheetRow, wrongs: &mut Vec<Wrong>) -> Agent {
    let email = row.cell("email").unwrap_or_default();
    let mut agent = tenant.known(email).unwrap_or_else(|| tenant.stranger(email));
    for column in ["name", "email", "roles"] {
        if row.cell(column).unwrap_or_default().is_empty() {
            wrongs.push(wrong(row, column, "cannot be blank", "blank"));
        }
    }
    if !email.is_empty() && !is_email(email) {
        wrongs.push(wrong(row, "email", "is no address", "invalid"));
    }
    agent.name = row.cell("name").unwrap_or_default().into();
    let lists = [
        ("roles", ROLES.to_vec(), &mut agent.roles),
        ("inboxes", tenant.inboxes(), &mut agent.inboxes),
        ("teams", tenant.teams(), &mut agent.teams),
    ];
    for (column, known, target) in lists {
        let Some(parts) = row.parts(column) else { continue };
        if let Some(part) = parts.iter().find(|part| !known.contains(&part.as_str())) {
            wrongs.push(wrong(row, column, &format!("`{part}` does not exist"), "not_exist"));
        }
        *target = parts;
    }
    match row.cell("deactivated").map(str::to_lowercase).as_deref() {
        None => {}
        Some("" | "no") => agent.active = true,
        Some("yes") => agent.active = false,
        Some(_) => wrongs.push(wrong(row, "deactivated", "is yes, no or blank", "invalid")),
    }
    agent
}

fn wrong(row: &SheetRow, column: &str, message: &str, code: &'static str) -> Wrong {
    Wrong::new(column, format!("line {}: {column} {message}", row.line), code)
}
