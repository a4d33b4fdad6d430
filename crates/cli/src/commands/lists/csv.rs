//! Lists as CSV, for programs: a column for each field of the JSON that is one value, and lists joined by `;`.
//! Rows come from `lists`. What is unknown and what is empty are both an empty cell.

use super::{Columns, told};
use tenure_engine::view::{AccountView, GrantView, IdentityView};

/// People.
pub(super) const IDENTITIES: Columns<IdentityView> = Columns {
    headers: &[
        "id",
        "name",
        "given_name",
        "family_name",
        "work_email",
        "emails",
        "employee_id",
        "type",
        "state",
        "department",
        "title",
        "manager",
        "start_date",
        "end_date",
        "time_zone",
        "accounts",
    ],
    cells: |identity| {
        let accounts = identity.accounts.iter();
        let accounts = accounts.map(|one| format!("{}/{}/{}", one.connection, one.kind.as_str(), one.id));
        vec![
            identity.id.clone(),
            told(&identity.name),
            told(&identity.given_name),
            told(&identity.family_name),
            told(&identity.work_email),
            identity.emails.join(";"),
            told(&identity.employee_id),
            told(&identity.worker_type),
            identity.state.as_str().to_owned(),
            told(&identity.department),
            told(&identity.title),
            told(&identity.manager),
            told(&identity.start_date),
            told(&identity.end_date),
            told(&identity.time_zone),
            accounts.collect::<Vec<_>>().join(";"),
        ]
    },
};

/// Accounts.
pub(super) const ACCOUNTS: Columns<AccountView> = Columns {
    headers: &[
        "connection",
        "id",
        "kind",
        "login",
        "name",
        "state",
        "external_id",
        "grants",
        "identity",
        "evidence",
        "created_at",
        "updated_at",
        "observed_at",
    ],
    cells: |account| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let grants: Vec<&str> = account.grants.iter().map(|grant| &*grant.name).collect();
        vec![
            account.connection.clone(),
            account.id.clone(),
            account.kind.as_str().to_owned(),
            text(&account.login),
            text(&account.name),
            account.state.as_str().to_owned(),
            text(&account.external_id),
            grants.join(";"),
            text(&account.identity),
            text(&account.evidence),
            text(&account.created_at),
            text(&account.updated_at),
            text(&account.observed_at),
        ]
    },
};

/// Grants.
pub(super) const GRANTS: Columns<GrantView> = Columns {
    headers: &["connection", "account", "login", "identity", "kind", "id", "name", "scope", "privileged", "pending"],
    cells: |grant| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![
            grant.connection.clone(),
            grant.account.clone(),
            text(&grant.login),
            text(&grant.identity),
            grant.kind.clone(),
            text(&grant.id),
            grant.name.clone(),
            text(&grant.scope),
            grant.privileged.to_string(),
            grant.pending.to_string(),
        ]
    },
};
