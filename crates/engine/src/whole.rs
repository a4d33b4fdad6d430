//! The whole company judged, however large: in one piece where it is small, else part by part, with the next part read while
//! one is judged. Both come to the same plan, findings and links, which a test compares.
//! Nothing of a part is kept but what is wrong in it, and of whom something is proposed.

use crate::error::EngineError;
use crate::house::House;
use crate::pinned::{Pins, others};
use crate::pushed::is_newest;
use crate::reconcile::{Scope, company, company_of, complete};
use async_recursion::async_recursion as boxed;
use std::collections::BTreeSet;
use std::sync::Arc;
use tenure_core::Asked;
use tenure_core::abilities::Standing;
use tenure_core::change::{Finding, Plan};
use tenure_core::facts::{Facts, Link};
use tenure_core::name::{ConnectionName, IdentityId};
use tenure_core::parts::{Judged, Part, Totals};
use tenure_core::policy::Policy;
use tenure_core::wake::{next_moment, next_of_plan};
use tenure_store::{FindingScope, Loaded, Raw};
use tokio::task::JoinHandle;

/// Companies with fewer accounts are judged in one piece.
const IN_PARTS_MIN: u64 = 10_000;
/// So many accounts are judged at a time, about: an eighth of them within these bounds, so that what is held while judging
/// stays small beside what a process needs anyway.
const PART_MIN: u64 = 4_000;
const PART_MAX: u64 = 20_000;

/// What judging the whole company came to.
#[derive(Debug)]
pub struct Whole {
    /// What would make it as wished.
    pub plan: Plan,
    /// What a person should know, worst first.
    pub findings: Vec<Finding>,
    /// When time alone may make something else of it (milliseconds since 1970, UTC).
    pub next_ms: Option<i64>,
    pub(crate) pins: Pins,
}

/// Which parts of a judging are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Whose is what.
    Links,
    /// Everything.
    Plan,
}

/// Judges the whole company, or these connections of it.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn judge_whole(
    house: &House,
    only: &[ConnectionName],
    requested_by: Option<&str>,
) -> Result<Whole, EngineError> {
    if let Some(part) = part(house).await? {
        return judge_parts(house, only, requested_by, part).await;
    }
    let company = company(house, &Scope { only: only.to_vec(), ..Scope::default() }).await?;
    let found = company.judge(house, requested_by).await?;
    let next_ms = next_moment(&found.graph, &company.facts, &house.policy, &found.plan);
    let pins = Pins::of(&company, &found.graph);
    Ok(Whole { plan: found.plan, findings: found.findings, next_ms, pins })
}

/// Finds the links of the whole company that are new.
pub(crate) async fn new_pins(house: &House) -> Result<Pins, EngineError> {
    if let Some(part) = part(house).await? {
        let (walk, _) = walk(house, &Asked::default(), Depth::Links, part).await?;
        return Ok(walk.pins());
    }
    let company = company(house, &Scope::default()).await?;
    Ok(Pins::of(&company, &company.graph(house)))
}

/// Returns how many accounts are judged at a time; nothing where the company is judged in one piece.
async fn part(house: &House) -> Result<Option<u32>, EngineError> {
    let overviews = house.store.overviews().await?;
    let accounts: u64 = overviews.values().map(|overview| overview.totals.total()).sum();
    let part = (accounts / 8).clamp(PART_MIN, PART_MAX);
    Ok((accounts >= IN_PARTS_MIN).then(|| u32::try_from(part).unwrap_or(u32::MAX)))
}

/// Judges the whole company in parts of about so many accounts.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn judge_parts(
    house: &House,
    only: &[ConnectionName],
    requested_by: Option<&str>,
    size: u32,
) -> Result<Whole, EngineError> {
    let asked = Asked {
        requested_by: requested_by.map(str::to_owned),
        only: only.to_vec(),
        people: Vec::new(),
        made_at: house.clock.now_text(),
    };
    let (mut walk, kept) = walk(house, &asked, Depth::Plan, size).await?;
    let kept = kept.map(Raw::read).transpose()?.unwrap_or_default();
    let mut kept = walk.lent(kept);
    kept.facts.beyond = walk.totals.beyond(&kept.facts);
    let next_ms = walk.totals.next_ms();
    let found = std::mem::take(&mut walk.totals).finish(&kept.facts, &house.policy, &asked);
    let scope = if only.is_empty() { FindingScope::All } else { FindingScope::Some };
    let findings = complete(house, &kept.facts, &found.plan, found.findings, scope).await?;
    let next_ms = [next_ms, next_of_plan(&found.plan, kept.facts.now_ms)].into_iter().flatten().min();
    Ok(Whole { plan: found.plan, findings, next_ms, pins: walk.pins() })
}

/// Walks over all parts, and reads those clusters at the end for which something is proposed.
async fn walk(house: &House, asked: &Asked, depth: Depth, size: u32) -> Result<(Walk, Option<Raw>), EngineError> {
    let base = company_of(house, &Scope::default(), Loaded::default()).await?.facts;
    let is_source = |name: &&ConnectionName| {
        base.connections.get(*name).is_some_and(|known| matches!(known.abilities.standing, Standing::Source(_)))
    };
    let sources: Vec<ConnectionName> = base.connections.keys().filter(is_source).cloned().collect();
    let pushed = sources.iter().filter(|name| house.is_pushed(name)).cloned().collect();
    let mut walk = Walk {
        rules: Arc::new(house.policy.clone()),
        asked: asked.clone(),
        depth,
        pushed,
        base,
        totals: Totals::default(),
        links: Vec::new(),
        others: BTreeSet::new(),
        all_read: true,
    };
    let mut parts = house.store.parts(&sources, size).await?;
    // One part is judged while the next is taken apart and the one after it is read.
    let mut read = parts.next().await?.map(take_apart);
    while let Some(next) = read {
        let part = done(next).await?;
        let judging = tokio::task::spawn_blocking(move || walk.part(part));
        read = parts.next().await?.map(take_apart);
        walk = done(judging).await?;
    }
    let kept = match depth {
        Depth::Links => None,
        Depth::Plan => Some(parts.of(walk.totals.wanted()).await?),
    };
    Ok((walk, kept))
}

fn take_apart(raw: Raw) -> JoinHandle<Result<Part, EngineError>> {
    tokio::task::spawn_blocking(move || Ok(raw.read()?))
}

async fn done<T>(work: JoinHandle<Result<T, EngineError>>) -> Result<T, EngineError> {
    work.await.map_err(|error| EngineError::Broken(error.to_string()))?
}

/// A walk over the parts.
struct Walk {
    rules: Arc<Policy>,
    asked: Asked,
    depth: Depth,
    /// Sources that are pushed to us.
    pushed: Vec<ConnectionName>,
    /// What is known beside the accounts.
    base: Facts,
    totals: Totals,
    links: Vec<Link>,
    /// People whom nothing names.
    others: BTreeSet<IdentityId>,
    /// Whether no account was left out.
    all_read: bool,
}

impl Walk {
    /// Judges one part.
    fn part(mut self, read: Part) -> Result<Self, EngineError> {
        let part = self.lent(read);
        let judged = match self.depth {
            Depth::Links => part.correlated(&self.rules),
            Depth::Plan => self.totals.judge(&part, &self.rules, &self.asked),
        };
        self.others.extend(others(&judged.graph, &part.facts, judged.own()));
        let Judged { links, .. } = judged;
        self.links.extend(links);
        let Facts { connections, unfinished, sessions, ignored, left, invited, .. } = part.facts;
        let (now_ms, rest) = (self.base.now_ms, Facts::default());
        self.base = Facts { now_ms, connections, unfinished, sessions, ignored, left, invited, ..rest };
        Ok(self)
    }

    /// Lends a part what is known beside the accounts, and leaves out who is too new to be believed.
    fn lent(&mut self, mut part: Part) -> Part {
        let base = std::mem::take(&mut self.base);
        self.base.now_ms = base.now_ms;
        part.facts.now_ms = base.now_ms;
        part.facts.connections = base.connections;
        part.facts.unfinished = base.unfinished;
        part.facts.sessions = base.sessions;
        part.facts.ignored = base.ignored;
        part.facts.left = base.left;
        part.facts.invited = base.invited;
        if !self.pushed.is_empty() {
            let before = part.accounts.len();
            let both = std::mem::take(&mut part.facts.accounts).into_iter().zip(std::mem::take(&mut part.accounts));
            let is_new = |name: &ConnectionName| self.pushed.contains(name);
            let left = both.filter(|(account, _)| !is_newest(account, is_new, base.now_ms));
            (part.facts.accounts, part.accounts) = left.unzip();
            self.all_read &= part.accounts.len() == before;
        }
        part
    }

    fn pins(self) -> Pins {
        Pins { links: self.links, others: self.all_read.then_some(self.others) }
    }
}

#[cfg(test)]
mod tests;
