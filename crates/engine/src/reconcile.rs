//! `reconcile`: loads the facts of the whole company, or of one person's cluster, and judges them.
//! Facts come from the store, abilities and totals are added here; `core` does the judging. What it finds is pinned
//! (links) or dated (findings) in the store; nothing of the world is touched.

use crate::error::EngineError;
use crate::house::House;
use crate::pinned::pin_all;
use async_recursion::async_recursion as boxed;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tenure_core::abilities::Abilities;
use tenure_core::account::AccountKey;
use tenure_core::census::{self, Census, Censuses};
use tenure_core::change::{Finding, FindingKind, Plan, Severity, Step};
use tenure_core::correlate::{Graph, correlate};
use tenure_core::decide::Wishes;
use tenure_core::facts::{ConnectionFacts, Coverage, Facts};
use tenure_core::finding::About;
use tenure_core::name::{ConnectionName, IdentityId};
use tenure_core::{Asked, Reconciled, reconcile as judge};
use tenure_store::{AccountFilter, Extent, FindingScope, Loaded, Managers, Overview, Seed};

const PAGE: usize = 1000;
/// Where more than one in so many of all accounts would be asked for by themselves, reading everything costs less.
const PART_OF_ALL: u64 = 16;
/// Guards that ask how many others are like an account.
const COUNTING: [&str; 3] = ["last_administrator", "protected", "absence"];

/// Which part of the company is looked at.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only these connections; all where it is empty.
    pub only: Vec<ConnectionName>,
    /// Only this person, by id, employee id, address, account or name.
    pub identity: Option<String>,
    /// Only these people, where no key is given; everybody where it is empty.
    pub people: Vec<IdentityId>,
    /// As it was at this moment (milliseconds since 1970, UTC); now where there is none.
    pub as_of_ms: Option<i64>,
}

/// The facts of a scope.
#[derive(Debug)]
pub struct Company {
    /// The facts.
    pub facts: Facts,
    /// Whether these are the facts of today of everybody.
    pub(crate) is_all: bool,
    /// Whether they are only of those who were asked for.
    pub(crate) is_part: bool,
    scope: Scope,
}

/// What judging came to.
#[derive(Debug)]
pub struct Found<'f> {
    /// Who is who, and whose is what.
    pub graph: Graph<'f>,
    /// What a person should know, worst first.
    pub findings: Vec<Finding>,
    /// What everybody should hold.
    pub wishes: Wishes,
    /// What would make it as wished.
    pub plan: Plan,
    /// The people that were asked for; empty for everybody.
    pub people: Vec<IdentityId>,
}

/// Loads the facts of a scope.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn company(house: &House, scope: &Scope) -> Result<Company, EngineError> {
    let loaded = match (&scope.identity, scope.as_of_ms) {
        (_, Some(at_ms)) => load_past(house, at_ms).await?,
        (Some(key), None) => load_person(house, key).await?,
        (None, None) if !scope.people.is_empty() => {
            if let Some(part) = people_alone(house, scope).await? {
                return Ok(part);
            }
            house.store.load_all().await?
        }
        (None, None) => house.store.load_all().await?,
    };
    company_of(house, scope, loaded).await
}

/// Adds to what was loaded what else is looked at.
#[boxed]
pub(crate) async fn company_of(house: &House, scope: &Scope, mut loaded: Loaded) -> Result<Company, EngineError> {
    let read = loaded.accounts.len();
    crate::pushed::leave_out_newest(house, &mut loaded.accounts, scope.as_of_ms);
    let is_part = loaded.extent != Extent::Whole;
    let is_all = scope.as_of_ms.is_none() && !is_part && loaded.accounts.len() == read;
    let unfinished = if scope.as_of_ms.is_some() { BTreeMap::new() } else { crate::begun::all(house).await? };
    let sessions = if scope.as_of_ms.is_some() { BTreeMap::new() } else { crate::endings::all(house).await? };
    let (left, ignored) =
        if scope.as_of_ms.is_some() { Default::default() } else { crate::ignored::all(house).await? };
    let invited = if scope.as_of_ms.is_some() { BTreeMap::new() } else { crate::invited::all(house).await? };
    let facts = Facts {
        beyond: BTreeMap::new(),
        unfinished,
        sessions,
        ignored,
        left,
        invited,
        now_ms: scope.as_of_ms.unwrap_or_else(|| house.clock.now_ms()),
        connections: connection_facts(house, scope.as_of_ms).await?,
        accounts: loaded.accounts,
        history: loaded.history,
        vanished: loaded.vanished,
        links: loaded.links,
        decisions: loaded.decisions,
        client_wishes: loaded.client_wishes,
    };
    Ok(Company { facts, is_all, is_part, scope: scope.clone() })
}

/// Loads what hangs together with those whom some steps concern: as much as the steps, not as the company. Where that
/// would be much of it, or somebody is not found this way, the whole is loaded.
#[boxed]
pub(crate) async fn company_about(house: &House, steps: &[&Step]) -> Result<Company, EngineError> {
    let known: u64 = house.store.overviews().await?.values().map(|overview| overview.totals.total()).sum();
    if (steps.len() as u64).saturating_mul(PART_OF_ALL) <= known
        && let Some(part) = part_about(house, steps).await?
    {
        return Ok(part);
    }
    company(house, &Scope::default()).await
}

/// Loads what hangs together with those whom some steps concern; nothing where somebody is not found, or it is too much.
#[boxed]
pub(crate) async fn part_about(house: &House, steps: &[&Step]) -> Result<Option<Company>, EngineError> {
    let people: BTreeSet<&IdentityId> = steps.iter().filter_map(|step| step.identity.as_ref()).collect();
    let accounts: BTreeSet<&AccountKey> = steps.iter().filter_map(|step| step.account_key.as_ref()).collect();
    let seed = Seed {
        identities: people.iter().copied().cloned().collect(),
        accounts: accounts.into_iter().cloned().collect(),
        keys: Vec::new(),
    };
    let loaded = house.store.load_cluster(&seed, Managers::Loaded).await?;
    if loaded.extent == Extent::Cut {
        return Ok(None);
    }
    let company = company_of(house, &Scope::default(), loaded).await?;
    let all_known = {
        let graph = company.graph(house);
        people.iter().all(|id| graph.identity(id).is_some())
    };
    if all_known { company.with_counts(house).await.map(Some) } else { Ok(None) }
}

/// Loads what hangs together with one person, by look-ups where the key allows it. A name is no key: the whole is
/// loaded for it.
async fn load_person(house: &House, key: &str) -> Result<Loaded, EngineError> {
    let mut seed = Seed::default();
    seed.identities.push(IdentityId::from(key.trim()));
    seed.keys.push(key.trim().to_lowercase());
    if let Some(account) = crate::decide::parse_account(key) {
        seed.accounts.push(account);
    }
    let loaded = house.store.load_cluster(&seed, Managers::Loaded).await?;
    let useless = loaded.accounts.is_empty() && loaded.decisions.is_empty() && loaded.client_wishes.is_empty();
    Ok(if useless || loaded.extent == Extent::Cut { house.store.load_all().await? } else { loaded })
}

/// Loads what hangs together with some people; nothing where one of them is not found this way, or it is too much.
async fn people_alone(house: &House, scope: &Scope) -> Result<Option<Company>, EngineError> {
    let seed = Seed { identities: scope.people.clone(), ..Seed::default() };
    let loaded = house.store.load_cluster(&seed, Managers::Loaded).await?;
    if loaded.extent == Extent::Cut {
        return Ok(None);
    }
    let company = company_of(house, scope, loaded).await?;
    let all_known = {
        let graph = company.graph(house);
        scope.people.iter().all(|id| graph.identity(id).is_some())
    };
    Ok(all_known.then_some(company))
}

/// Loads the company as it was: the accounts of that moment, the decisions and links that were known then. What hangs
/// together is found out anew from these, by the same rules.
#[boxed]
async fn load_past(house: &House, at_ms: i64) -> Result<Loaded, EngineError> {
    let mut loaded = house.store.load_past(at_ms).await?;
    let filter = AccountFilter { among: None, as_of_ms: Some(at_ms) };
    let mut after = None;
    loop {
        let page = house.store.accounts(&filter, after, PAGE).await?;
        loaded.accounts.extend(page.accounts.into_iter().map(|observed| observed.account));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(loaded),
        }
    }
}

/// Tells whether anything was ever read to its end, or is pushed to us.
pub(crate) async fn was_read(house: &House) -> Result<bool, EngineError> {
    let overviews = house.store.overviews().await?;
    let ended = |name| overviews.get(name).and_then(|known| known.last.as_ref()?.end.as_ref()).is_some();
    Ok(house.names().iter().any(|name| house.is_pushed(name) || ended(name)))
}

/// Gathers what is known of each connection. As of a moment, one that was not read completely by then says nothing of who
/// is not there.
#[boxed]
pub(crate) async fn connection_facts(
    house: &House,
    as_of_ms: Option<i64>,
) -> Result<BTreeMap<ConnectionName, ConnectionFacts>, EngineError> {
    house.hear().await?;
    let mut overviews = house.store.overviews().await?;
    let mut drifted = crate::drift::stops(&house.store).await?;
    let now_ms = house.clock.now_ms();
    let mut removed = house.store.removed(now_ms).await?;
    let mut removed_by = house.store.removed_by(now_ms).await?;
    let circuits = house.store.circuits().await?;
    let protected = crate::own::protected(house).await?;
    let facts_of = |(name, abilities): (ConnectionName, Arc<Abilities>)| {
        let Overview { totals, last, complete, previous, entitlements } = overviews.remove(&name).unwrap_or_default();
        let pushed = house.is_pushed(&name);
        let end = last.and_then(|pull| pull.end);
        let takes_seat = |kind| abilities.kinds.get(&kind).is_some_and(|kind| kind.takes_seat);
        let facts = ConnectionFacts {
            // What is pushed to us is as new as it can be.
            complete_ms: complete.as_ref().map(|pull| pull.started_ms).or(pushed.then_some(now_ms)),
            coverage: end.as_ref().map(|end| end.coverage).or(pushed.then_some(Coverage::Complete)),
            because: end.and_then(|end| end.because),
            accounts_active: totals.active(),
            seats_taken: totals.seats(takes_seat),
            records_before: previous.map(|pull| pull.accounts),
            records_now: complete.map(|pull| pull.accounts),
            drift: drifted.remove(&name),
            removed: removed.remove(&name).unwrap_or_default(),
            removed_by: removed_by.remove(&name).unwrap_or_default(),
            circuit: circuits.get(&name).and_then(|circuit| circuit.says(&name, now_ms)),
            entitlements,
            abilities,
        };
        (name, facts)
    };
    let mut facts: BTreeMap<ConnectionName, ConnectionFacts> = protected.into_iter().map(facts_of).collect();
    if let Some(at_ms) = as_of_ms {
        for (name, facts) in facts.iter_mut().filter(|(name, _)| !house.is_pushed(name)) {
            let first = house.store.first_complete_pull(name).await?;
            if first.and_then(|pull| pull.finished_ms).is_none_or(|ended_ms| ended_ms > at_ms) {
                (facts.complete_ms, facts.coverage) = (None, None);
            }
        }
    }
    Ok(facts)
}

impl Company {
    /// Finds out who is who and whose is what, and no more.
    pub fn graph(&self, house: &House) -> Graph<'_> {
        correlate(&self.facts, &house.policy)
    }

    fn asked(&self, house: &House, requested_by: Option<&str>) -> Result<Asked, EngineError> {
        let people = match &self.scope.identity {
            None => self.scope.people.clone(),
            Some(key) => vec![find_identity(&self.graph(house), key)?],
        };
        Ok(Asked {
            requested_by: requested_by.map(str::to_owned),
            only: self.scope.only.clone(),
            people,
            made_at: house.clock.now_text(),
        })
    }

    /// Counts for the guards what a part of the company does not show, before a plan is made of it: whether another
    /// administrator remains is not seen from the one who goes. Reads the accounts of a connection only where a guard
    /// would hold something for want of them.
    ///
    /// # Errors
    /// As [`judge`](Self::judge).
    #[boxed]
    pub(crate) async fn with_counts(mut self, house: &House) -> Result<Self, EngineError> {
        let facts = &self.facts;
        if !self.is_part || !facts.accounts.iter().any(|account| census::is_counted(account, facts)) {
            return Ok(self);
        }
        let held =
            self.judge_alone(house, None)?.plan.held.into_iter().filter(|hold| COUNTING.contains(&hold.guard.as_str()));
        let names = held.map(|hold| hold.step.connection).collect();
        self.count_in(house, names).await?;
        Ok(self)
    }

    /// Counts for the guards in all connections where something is known about which they count: for a plan that nobody's
    /// wishes lead to.
    pub(crate) async fn with_all_counts(mut self, house: &House) -> Result<Self, EngineError> {
        if self.is_part {
            let facts = &self.facts;
            let counted = facts.accounts.iter().filter(|account| census::is_counted(account, facts));
            let names = counted.map(|account| account.key.connection.clone()).collect();
            self.count_in(house, names).await?;
        }
        Ok(self)
    }

    async fn count_in(&mut self, house: &House, names: BTreeSet<ConnectionName>) -> Result<(), EngineError> {
        let mut all = Censuses::new();
        for name in names {
            all.insert(name.clone(), census_of(house, &self.facts, &name).await?);
        }
        self.facts.beyond = census::beyond(&all, &self.facts);
        Ok(())
    }

    /// Judges everything for somebody who asks.
    ///
    /// # Errors
    /// The person that was asked for is nobody, or several; or the store failed.
    #[boxed]
    pub async fn judge<'a>(&'a self, house: &House, requested_by: Option<&str>) -> Result<Found<'a>, EngineError> {
        let mut found = self.judge_alone(house, requested_by)?;
        if self.scope.as_of_ms.is_some() {
            // What is noted of today says nothing of the past, and looking at it dates no finding.
            sort(&mut found.findings);
            return Ok(found);
        }
        let is_all = found.people.is_empty() && self.scope.only.is_empty() && !self.is_part;
        let scope = if is_all { FindingScope::All } else { FindingScope::Some };
        found.findings = complete(house, &self.facts, &found.plan, found.findings, scope).await?;
        Ok(found)
    }

    /// Judges these facts and asks the store nothing more: what is noted there is not among the findings, none is dated.
    ///
    /// # Errors
    /// The person that was asked for is nobody, or several.
    #[tracing::instrument(name = "reconcile", skip_all, fields(accounts = self.facts.accounts.len()))]
    pub(crate) fn judge_alone<'a>(
        &'a self,
        house: &House,
        requested_by: Option<&str>,
    ) -> Result<Found<'a>, EngineError> {
        let asked = self.asked(house, requested_by)?;
        let judged = judge(&self.facts, &house.policy, &asked);
        let Reconciled { graph, wishes, findings, plan } = judged;
        Ok(Found { graph, wishes, findings, plan, people: asked.people })
    }
}

/// Counts all accounts of a connection, page by page.
async fn census_of(house: &House, facts: &Facts, name: &ConnectionName) -> Result<Census, EngineError> {
    let (filter, mut after) = (AccountFilter::of(name.clone()), None);
    let mut census = Census::default();
    loop {
        let page = house.store.accounts(&filter, after, PAGE).await?;
        page.accounts.iter().for_each(|observed| census.count(&observed.account, facts.connections.get(name)));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(census),
        }
    }
}

/// Adds to what judging found what is noted in the store, and since when each of it is known.
pub(crate) async fn complete(
    house: &House,
    facts: &Facts,
    plan: &Plan,
    mut findings: Vec<Finding>,
    scope: FindingScope,
) -> Result<Vec<Finding>, EngineError> {
    crate::endings::told(house, facts, &findings).await?;
    findings.extend(crate::ignored::findings(house, facts, plan).await?);
    findings.extend(crate::unproven::ignored(house).await?);
    findings.extend(crate::seats::findings(house, facts).await?);
    findings.extend(refused_credentials(house).await?);
    findings.extend(crate::ending::findings(house).await?);
    findings.extend(crate::drift::findings(house).await?);
    findings.extend(crate::work::failed::findings(house).await?);
    findings.extend(crate::doubt::findings(house, plan).await?);
    let ids: Vec<_> = findings.iter().map(|finding| finding.id.clone()).collect();
    let since = house.store.findings_since(&ids, scope, house.clock.now_ms()).await?;
    for finding in &mut findings {
        finding.since = since.get(&finding.id).map(|ms| crate::clock::moment_text(*ms));
    }
    sort(&mut findings);
    Ok(findings)
}

/// Puts the worst first.
fn sort(findings: &mut [Finding]) {
    findings.sort_by(|one, other| (one.severity, one.kind, &one.id).cmp(&(other.severity, other.kind, &other.id)));
}

/// Finds connections whose credential was refused when they were last read.
async fn refused_credentials(house: &House) -> Result<Vec<Finding>, EngineError> {
    let mut refused = house.store.notes_named(crate::pull::CREDENTIAL_REFUSED).await?;
    let mut findings = Vec::new();
    for name in house.names() {
        if let Some(text) = refused.remove(&name) {
            let about = About::new(FindingKind::Credential, Severity::High).connection(&name);
            findings.push(about.finding(format!("{name}: {text}"), BTreeMap::new()));
        }
    }
    Ok(findings)
}

/// Returns the one identity that a key means.
///
/// # Errors
/// It means nobody, or several people.
pub fn find_identity(graph: &Graph<'_>, key: &str) -> Result<IdentityId, EngineError> {
    let found = graph.search(key);
    match found.as_slice() {
        [one] => Ok(graph.identity_at(*one).id.clone()),
        [] => Err(EngineError::Missing(format!(
            "nobody is known as {key:?}; give an id, an employee id, an address or a name (`tenure identities` lists them)"
        ))),
        several => {
            let all: Vec<String> = several
                .iter()
                .take(5)
                .map(|at| graph.identity_at(*at))
                .map(|identity| format!("{} ({})", identity.id, identity.work_email().unwrap_or("no address")))
                .collect();
            Err(EngineError::Asked(format!("{key:?} may be {} people: {}", several.len(), all.join(", "))))
        }
    }
}

/// Correlates everything and pins the links that are new, so that they outlive a change of name or address.
/// Returns how many are new.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn pin_links(house: &House) -> Result<u64, EngineError> {
    let mark = house.store.mark().await?;
    pin_all(house, crate::whole::new_pins(house).await?, mark).await
}
