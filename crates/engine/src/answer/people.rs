//! People as a list: with a filter, in parts, now or as of a moment.
//! A part of today's is found by ids and told from what hangs together with it; the list as a whole, and the past, have the
//! company correlated.

use super::lists::{Filter, ListAsked, PAGES_FOUND_OUT, as_of_ms, begin, unknown_then};
use super::page::cut;
use crate::error::EngineError;
use crate::house::House;
use crate::pinned::people_after;
use crate::reconcile::{Scope, company, company_of};
use crate::view::IdentityView;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenure_core::correlate::{Graph, identity_view, is_identity_id};
use tenure_core::identity::Identity;
use tenure_core::name::IdentityId;
use tenure_store::{Extent, Managers};

/// So many people are looked at together for a part, where not all of them are asked for.
const LOOKED_AT_ONCE: usize = 300;

/// People.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Identities {
    /// In the order of their ids.
    pub identities: Vec<IdentityView>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What is not known of the moment that is asked for, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Lists people.
///
/// # Errors
/// The question cannot be understood, or the store failed.
#[boxed]
pub async fn identities(house: &House, asked: &ListAsked, by: &str) -> Result<Identities, EngineError> {
    let filter = begin::<IdentityView>(house, asked, by, "identities", "identity").await?;
    super::page::text(asked.cursor.as_deref(), is_identity_id)?;
    let as_of_ms = as_of_ms(house, asked.as_of.as_deref())?;
    if let (Some(limit), None) = (asked.limit, as_of_ms)
        && let Some(part) = some_people(house, asked, &filter, limit).await?
    {
        return Ok(part);
    }
    let company = company(house, &Scope { as_of_ms, ..Scope::default() }).await?;
    let graph = company.graph(house);
    let mut rows: Vec<IdentityView> = Vec::new();
    for identity in graph.identities() {
        rows.extend(person(house, &graph, identity, asked, &filter)?);
    }
    if asked.limit.is_some() {
        rows.sort_by(|one, other| one.id.cmp(&other.id));
    }
    let (identities, next) = cut(rows, asked.cursor.as_deref(), asked.limit, |row| row.id.clone());
    Ok(Identities {
        identities,
        next,
        note: unknown_then(house, asked.as_of.as_deref(), asked.connection.as_deref()).await?,
    })
}

/// Returns somebody's row, if it is asked for.
fn person(
    house: &House,
    graph: &Graph<'_>,
    identity: &Identity,
    asked: &ListAsked,
    filter: &Filter,
) -> Result<Option<IdentityView>, EngineError> {
    let accounts = graph.accounts_of(&identity.id).filter(|account| house.is_target(&account.key.connection));
    let row = IdentityView::new(identity, accounts);
    Ok((is_in(&row, asked.connection.as_deref()) && filter.keeps_with(&row, || identity_view(identity))?)
        .then_some(row))
}

/// Lists a part of the people from what hangs together with each of them; nothing where the company has to be correlated
/// first. Where few rows are asked for, a part may have none, and goes on all the same.
async fn some_people(
    house: &House,
    asked: &ListAsked,
    filter: &Filter,
    limit: usize,
) -> Result<Option<Identities>, EngineError> {
    let is_narrow = filter.is_narrow() || asked.connection.is_some();
    let people = if is_narrow { LOOKED_AT_ONCE } else { limit };
    let mut after = asked.cursor.clone().unwrap_or_default();
    let mut rows: Vec<IdentityView> = Vec::new();
    for turn in 1..=PAGES_FOUND_OUT {
        let Some(part) = people_after(house, &after, people).await? else { return Ok(None) };
        let loaded = house.store.load_cluster(&part.seed, Managers::Loaded).await?;
        if loaded.extent == Extent::Cut {
            return Ok(None);
        }
        let company = company_of(house, &Scope::default(), loaded).await?;
        let graph = company.graph(house);
        let end = part.ids.last().filter(|_| part.more).cloned();
        let is_due = |id: &IdentityId| id.as_str() > &*after && end.as_ref().is_none_or(|end| id <= end);
        let is_meant = |identity: &Identity| {
            part.ids.binary_search(&identity.id).is_ok()
                || identity.records.iter().any(|record| part.seed.accounts.contains(record))
        };
        for identity in graph.identities().iter().filter(|one| is_due(&one.id) && is_meant(one)) {
            rows.extend(person(house, &graph, identity, asked, filter)?);
        }
        match end {
            Some(end) if rows.len() < limit && !is_narrow && turn < PAGES_FOUND_OUT => after = end.to_string(),
            end => return Ok(Some(first_of(rows, limit, end))),
        }
    }
    Ok(None)
}

/// Takes as many rows as are asked for; `end` is how far it was looked, if not to the last.
fn first_of(mut rows: Vec<IdentityView>, limit: usize, end: Option<IdentityId>) -> Identities {
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    let is_cut = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().map(|row| row.id.clone());
    Identities { next: if is_cut { last } else { end.map(|end| end.to_string()) }, identities: rows, note: None }
}

fn is_in(identity: &IdentityView, connection: Option<&str>) -> bool {
    connection.is_none_or(|name| {
        identity.external_ids.contains_key(name) || identity.accounts.iter().any(|account| account.connection == name)
    })
}
