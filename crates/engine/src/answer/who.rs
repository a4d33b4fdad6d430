//! `who`: one person across everything, with accounts, grants, links and why.
//! Now it comes from the graph; as of a moment from what was observed then, and that is written into the journal.

use super::lists::as_of_ms;
use crate::audit::record_read;
use crate::error::EngineError;
use crate::house::House;
use crate::reconcile::{Found, Scope, company, find_identity};
use crate::view::{AccountView, IdentityView};
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenure_core::change::{Finding, Step};

/// Whom to show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhoAsked {
    /// An identity's id, employee id, address or name; or an account.
    pub key: String,
    /// As it was at this moment (RFC 3339, or a date).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

/// One person across everything.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// Who it is.
    pub identity: IdentityView,
    /// The manager, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// What is theirs, and the source records that tell of them.
    pub accounts: Vec<AccountView>,
    /// What a person should know of them.
    pub findings: Vec<Finding>,
    /// What would change.
    pub steps: Vec<Step>,
}

/// Shows one person.
///
/// # Errors
/// The key means nobody, or several people; or the store failed.
#[boxed]
pub async fn who(house: &House, asked: &WhoAsked, by: &str) -> Result<Person, EngineError> {
    let as_of_ms = as_of_ms(house, asked.as_of.as_deref())?;
    let scope = Scope { identity: Some(asked.key.clone()), as_of_ms, ..Scope::default() };
    let company = company(house, &scope).await?;
    let found = company.judge(house, None).await?;
    if asked.as_of.is_some() {
        let body = serde_json::json!({ "what": "who", "key": asked.key, "as_of": asked.as_of });
        record_read(house, by, body).await?;
    }
    person_of(house, &found, &asked.key)
}

/// Shows one person of a judged company.
///
/// # Errors
/// The key means nobody, or several people.
pub fn person_of(house: &House, found: &Found<'_>, key: &str) -> Result<Person, EngineError> {
    let id = find_identity(&found.graph, key)?;
    let vanished = || EngineError::Broken(format!("{id} vanished while looking"));
    let identity = found.graph.identity(&id).ok_or_else(vanished)?;
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
