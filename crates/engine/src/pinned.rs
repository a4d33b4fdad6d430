//! Pinning the links of the whole company, and telling from them who its people are without judging it: whoever a pinned
//! link, a decision or a client's wish names, and whoever was read or decided about since.
//! A note says up to where that is true; where it says nothing, the company is to be correlated.

use crate::error::EngineError;
use crate::house::House;
use crate::reconcile::Company;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tenure_core::correlate::Graph;
use tenure_core::facts::{Facts, Link};
use tenure_core::name::{ConnectionName, IdentityId};
use tenure_store::{Mark, Seed};

const NOTE: &str = "people_pinned";
/// So many people without any link are noted.
const OTHERS_MAX: usize = 1000;
/// So many records may have come since; more of them, and the company is correlated.
const NEW_MAX: usize = 200;

/// Up to where the links of all people are pinned.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Pinned {
    mark: Mark,
    /// The connections that were configured.
    connections: Vec<ConnectionName>,
    /// People whom nothing names: what told of them was gone before a link was pinned.
    others: BTreeSet<IdentityId>,
}

/// Ids of people in their order, and where to look for those of whom no id is known.
pub(crate) struct Ids {
    /// After the place that was asked for.
    pub ids: Vec<IdentityId>,
    /// Whether there are further ones after these.
    pub more: bool,
    /// These people, and the records that came since.
    pub seed: Seed,
}

/// What is to be pinned.
#[derive(Debug)]
pub(crate) struct Pins {
    /// Links that are new.
    pub links: Vec<Link>,
    /// People whom nothing names; nothing where not everybody was looked at.
    pub others: Option<BTreeSet<IdentityId>>,
}

impl Pins {
    /// Takes what is new in a graph.
    pub(crate) fn of(company: &Company, graph: &Graph<'_>) -> Self {
        let everybody = graph.identities().iter().map(|identity| &identity.id);
        let others = company.is_all.then(|| others(graph, &company.facts, everybody));
        Self { links: graph.new_links().collect(), others }
    }
}

/// Pins the links that are new, of facts that were read after `mark`. Returns how many.
pub(crate) async fn pin_all(house: &House, pins: Pins, mark: Mark) -> Result<u64, EngineError> {
    // When nobody reads the company any more, since a log that somebody reads behind only grows.
    let pinned = house.store.pin_many(pins.links, house.clock.now_ms()).await?;
    if let Some(others) = pins.others.filter(|others| others.len() <= OTHERS_MAX) {
        note(house, Pinned { mark, connections: house.names(), others }).await?;
    }
    Ok(pinned)
}

/// Lists those of some people whom neither a link nor a decision nor a wish names.
pub(crate) fn others<'g>(
    graph: &'g Graph<'_>,
    facts: &Facts,
    people: impl Iterator<Item = &'g IdentityId>,
) -> BTreeSet<IdentityId> {
    let is_named = |id: &IdentityId| {
        let at = graph.find(id);
        at.is_some_and(|at| graph.accounts_at(at).any(|(at, _)| graph.link_at(at).is_some()))
    };
    let mut others: BTreeSet<IdentityId> = people.filter(|id| !is_named(id)).cloned().collect();
    if !others.is_empty() {
        for link in &facts.links {
            others.remove(&link.identity);
        }
    }
    others
}

async fn note(house: &House, pinned: Pinned) -> Result<(), EngineError> {
    let everywhere = ConnectionName::new("");
    if house.store.noted::<Pinned>(&everywhere, NOTE).await?.as_ref() != Some(&pinned) {
        house.store.change_note(&everywhere, NOTE, |noted| *noted = pinned).await?;
    }
    Ok(())
}

/// Lists people after a place, as far as they can be told without correlating the company.
pub(crate) async fn people_after(house: &House, after: &str, limit: usize) -> Result<Option<Ids>, EngineError> {
    let Some(pinned) = house.store.noted::<Pinned>(&ConnectionName::new(""), NOTE).await? else { return Ok(None) };
    if pinned.connections != house.names() {
        return Ok(None);
    }
    let Some(accounts) = house.store.records_since(&pinned.mark, NEW_MAX).await? else { return Ok(None) };
    let Some(named) = house.store.people_after(after, limit + 1).await? else { return Ok(None) };
    let others = pinned.others.into_iter().filter(|id| id.as_str() > after);
    let mut ids: Vec<IdentityId> = named.into_iter().chain(others).collect::<BTreeSet<_>>().into_iter().collect();
    let more = ids.len() > limit;
    ids.truncate(limit);
    let seed = Seed { identities: ids.clone(), accounts, ..Seed::default() };
    Ok(Some(Ids { ids, more, seed }))
}
