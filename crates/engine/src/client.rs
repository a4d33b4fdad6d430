//! What a SCIM client wishes of one account: kept as a fact, and carried out at once as far as that goes, the ordinary
//! way: judged with the person whom it is about, planned, guarded, approved, applied, read back.
//! What is not done by then stays wished, and whoever works on this store goes on with it; what the app refuses is
//! taken back and told in the app's own words. How a client says things is not known here.

use crate::apply::{ApplyReport, Today, apply_today, waits_for};
use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::House;
use crate::plan::keep;
use crate::progress::Progress;
use crate::reconcile::{Company, Found, Scope, company, company_of};
use crate::work::job;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tenure_connect::ErrorKind;
use tenure_core::abilities::Effect;
use tenure_core::account::{AccountKey, AccountState};
use tenure_core::change::{ApprovalState, Finding, FindingKind, Hold, Outcome, Plan, Step, StepResult};
use tenure_core::correlate::{Graph, found_identity_id};
use tenure_core::facts::{ClientAsks, ClientWish};
use tenure_core::journal::Draft;
use tenure_core::name::{ConnectionName, IdentityId, StepId};
use tenure_store::{Managers, Seed};

/// How long after a client stopped waiting the whole company is judged, with what it wished.
const LATER_MS: i64 = 10_000;
/// So often a wish is carried out on what was seen meanwhile: the first try may find that the world has moved.
const TRIES: u32 = 3;
/// What this guard holds nobody can release: who asks for it is told no.
const NEVER: &str = "protected";
/// So many wishes of which something is told are read at a time.
const TOLD_PAGE: usize = 500;

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    /// It is so.
    Applied,
    /// It is not so yet, and will be tried again by itself.
    Pending(String),
    /// It waits for people: a guard or an approval.
    Held(String),
    /// The app will not have it, or it cannot be.
    Refused {
        /// In which sort of words.
        kind: Refusal,
        /// In the app's words, or ours.
        because: String,
    },
}

/// Why a wish was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is such an account already.
    Duplicate,
    /// No seat is left.
    Seats,
    /// Our credential may not do it.
    Rights,
    /// A value is missing or not accepted.
    Value,
    /// The app cannot do it.
    Unsupported,
    /// Anything else that the app says.
    Vendor,
}

/// Whose an account is, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Somebody's who has no account there.
    Free(IdentityId),
    /// Somebody's whose account there this is.
    Held(IdentityId, AccountKey),
    /// Nobody's to speak of: set apart, or in dispute.
    Closed(String),
}

/// Tells whose the account is that a client speaks of: the one that it names, or one that would have this address. Who
/// is not known is founded by this wish.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn whose(
    house: &House,
    connection: &ConnectionName,
    id: &str,
    address: Option<&str>,
    account: Option<&AccountKey>,
) -> Result<Whose, EngineError> {
    let seed = Seed {
        keys: address.map(str::to_lowercase).into_iter().collect(),
        accounts: account.cloned().into_iter().collect(),
        ..Seed::default()
    };
    let loaded = house.store.load_cluster(&seed, Managers::Left).await?;
    let company = company_of(house, &Scope::default(), loaded).await?;
    let graph = company.graph(house);
    let founded = || found_identity_id(&ConnectionName::new(&format!("scim:{connection}")), &id.into());
    if let Some(key) = account {
        if let Some(link) = graph.link_of(key) {
            return Ok(Whose::Held(link.identity.clone(), key.clone()));
        }
        if let Some((_, because)) = graph.service().find(|(account, _)| account.key == *key) {
            return Ok(Whose::Closed(format!("{key} is set apart from people by {because}")));
        }
        if let Some(link) = company.facts.links.iter().find(|link| link.account == *key) {
            return Ok(Whose::Held(link.identity.clone(), key.clone())); // somebody's of whom no source tells any more
        }
        if let Some(dispute) = graph.disputes().iter().find(|dispute| dispute.account.as_ref() == Some(key)) {
            return Ok(Whose::Closed(dispute.text.clone()));
        }
    }
    let known = address.map(|address| graph.search(address)).unwrap_or_default();
    let identity = match known.as_slice() {
        [] => founded(),
        [one] => graph.identity_at(*one).id.clone(),
        several => {
            return Ok(Whose::Closed(format!(
                "{} people have this address; a person must say who it is",
                several.len()
            )));
        }
    };
    if let Some(key) = account {
        return Ok(Whose::Held(identity, key.clone())); // nobody's until now: the client stands for it
    }
    let mut here = graph.accounts_of(&identity).filter(|account| account.key.connection == *connection);
    let there = here.find(|account| account.key.kind.is_staff() && account.state != AccountState::Removed);
    let there = there.map(|account| account.key.clone());
    Ok(match there {
        Some(key) => Whose::Held(identity.clone(), key),
        None => Whose::Free(identity.clone()),
    })
}

/// Keeps a wish in the place of the one with the version before it; the work that follows is woken in case that nobody
/// lives to do it at once. Tells whether it did: somebody else may have been quicker.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn keep_wish(house: &House, wish: &ClientWish) -> Result<bool, EngineError> {
    let wait_ms = wait(house).as_millis() as i64;
    let woken = [job::reconcile(house.clock.now_ms() + wait_ms + LATER_MS)];
    Ok(house.store.put_wish(wish, vec![draft(house, wish, "client_wished")], &woken).await?)
}

/// Returns how long a client waits.
pub fn wait(house: &House) -> Duration {
    house.config.scim_wait().unwrap_or(Duration::from_secs(20))
}

/// A wish that is kept, and what was wished before, to which a refusal leads back.
#[derive(Debug, Clone)]
pub struct Wished {
    /// What is wished.
    pub wish: ClientWish,
    /// What was wished before.
    pub before: Option<ClientWish>,
}

/// Carries wishes of one connection out together, by one plan, so that guards weigh them as one; and waits for what becomes
/// of each, though no longer than a client does: then they go on by themselves.
///
/// # Errors
/// The store failed, or an invariant of ours is broken.
#[boxed]
pub async fn carry_out(house: &Arc<House>, wished: Vec<Wished>) -> Result<Vec<Became>, EngineError> {
    let (limit, count) = (wait(house), wished.len());
    let house = house.clone();
    let work = tokio::spawn(async move {
        let wishes: Vec<&ClientWish> = wished.iter().map(|one| &one.wish).collect();
        let pending = |because: String| vec![(Became::Pending(because), None); count];
        let became = match carry_out_all(&house, &wishes).await {
            Err(EngineError::Busy(because)) => pending(because),
            Err(EngineError::Connect { connection, source }) => pending(format!("{connection}: {source}")),
            other => other?,
        };
        let mut all = Vec::with_capacity(count);
        for (Wished { wish, before }, (became, account)) in wished.into_iter().zip(became) {
            settle(&house, wish, before, &became, account).await?;
            all.push(became);
        }
        Ok(all)
    });
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(became)) => became,
        Ok(Err(error)) => Err(EngineError::Broken(format!("a wish was dropped: {error}"))),
        Err(_) => Ok(vec![Became::Pending(format!("not done within {} s; it goes on", limit.as_secs())); count]),
    }
}

/// Writes down what became of a wish, unless the client has said something newer meanwhile.
async fn settle(
    house: &House,
    wish: ClientWish,
    before: Option<ClientWish>,
    became: &Became,
    account: Option<AccountKey>,
) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let Some(kept) = house.store.wish(&wish.connection, &wish.id).await? else { return Ok(()) };
    if kept.version != wish.version {
        return Ok(());
    }
    let (because, is_held) = match became {
        Became::Applied => (None, false),
        Became::Pending(because) => (Some(because.clone()), false),
        Became::Held(because) => (Some(because.clone()), true),
        Became::Refused { .. } => {
            match before {
                None => {
                    house.store.withdraw_wish(&kept, now_ms, vec![draft(house, &kept, "client_refused")]).await?;
                }
                Some(before) => {
                    let back = ClientWish { version: kept.version + 1, since_ms: now_ms, ..before };
                    house.store.put_wish(&back, vec![draft(house, &back, "client_refused")], &[]).await?;
                }
            }
            return Ok(());
        }
    };
    // Who was converted is known by another key now.
    let account = match (kept.account.as_ref().filter(|account| kept.may_be(account)), account) {
        (Some(account), _) => Some(account.clone()),
        (None, Some(account)) => Some(account),
        (None, None) => account_of(house, &kept).await?.or_else(|| kept.account.clone()),
    };
    if kept.because != because || kept.is_held != is_held || kept.account != account {
        let settled = ClientWish { because, is_held, account, version: kept.version + 1, ..kept };
        house.store.put_wish(&settled, Vec::new(), &[]).await?;
    }
    Ok(())
}

/// Tells anew what stands in the way of the wishes that were kept before `read_ms`, by a plan of the whole company: another
/// hold, somebody's no, or nothing any more.
pub(crate) async fn tell_anew(house: &House, plan: &Plan, read_ms: i64) -> Result<(), EngineError> {
    let standing = standing(plan);
    let mut after: Option<(ConnectionName, Box<str>)> = None;
    loop {
        let place = after.as_ref().map(|(connection, id)| (connection, &**id));
        let page = house.store.wishes_told(place, TOLD_PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.connection.clone(), last.id.clone()));
        for wish in page.into_iter().filter(|wish| wish.since_ms < read_ms) {
            let (because, is_held) = match standing.get(&(wish.identity.clone(), wish.connection.clone())) {
                Some(Some(because)) => (Some(because.clone()), true),
                Some(None) => (wish.because.clone(), false),
                None => (None, false),
            };
            if (&because, is_held) != (&wish.because, wish.is_held) {
                let told = ClientWish { because, is_held, version: wish.version + 1, ..wish };
                house.store.put_wish(&told, Vec::new(), &[]).await?;
            }
        }
    }
}

/// Tells of everybody for whom a plan would do something in a connection what people must do first, if anything.
fn standing(plan: &Plan) -> BTreeMap<(IdentityId, ConnectionName), Option<String>> {
    let mut standing = BTreeMap::new();
    let mut note = |step: &Step, because: Option<String>| {
        if let Some(identity) = &step.identity {
            let told: &mut Option<String> = standing.entry((identity.clone(), step.connection.clone())).or_default();
            *told = told.take().or(because);
        }
    };
    plan.held.iter().for_each(|hold| note(&hold.step, Some(held_by(hold))));
    for step in &plan.steps {
        let waits = matches!(step.approval.state, ApprovalState::Waiting | ApprovalState::Rejected);
        note(step, waits.then(|| waits_for(&step.approval)));
    }
    standing
}

fn held_by(hold: &Hold) -> String {
    format!("{}: {}", hold.guard, hold.because)
}

/// Finds the account that came of a wish.
async fn account_of(house: &House, wish: &ClientWish) -> Result<Option<AccountKey>, EngineError> {
    let scope = Scope { identity: Some(wish.identity.to_string()), ..Scope::default() };
    let company = company(house, &scope).await?;
    Ok(account_in(&company.graph(house), wish))
}

/// Finds the account that came of a wish among those that are known.
fn account_in(graph: &Graph<'_>, wish: &ClientWish) -> Option<AccountKey> {
    let mut here: Vec<_> = graph.accounts_of(&wish.identity).filter(|account| wish.may_be(&account.key)).collect();
    here.sort_by_key(|account| !account.state.gives_access());
    here.first().map(|account| account.key.clone())
}

/// What a report tells of each step.
type Results<'r> = BTreeMap<&'r StepId, &'r StepResult>;

/// Finds the account that steps of a wish told of.
fn account_told(plan: &Plan, results: &Results<'_>, wish: &ClientWish) -> Option<AccountKey> {
    let mut told = steps_of(plan, &wish.identity).filter_map(|step| {
        let result = results.get(&step.id)?;
        let is_done = matches!(result.outcome, Outcome::Done | Outcome::AlreadyTrue);
        Some(AccountKey::new(&step.connection, step.kind, result.account.as_deref().filter(|_| is_done)?))
    });
    told.find(|key| wish.may_be(key))
}

/// Returns what a plan does for somebody.
fn steps_of<'p>(plan: &'p Plan, identity: &IdentityId) -> impl Iterator<Item = &'p Step> {
    plan.steps.iter().filter(move |step| step.identity.as_ref() == Some(identity))
}

/// What became of a wish, and the account that came of it.
type Outcomes = Vec<(Became, Option<AccountKey>)>;

/// Carries wishes of one connection out, and tells of each what became of it, in their order.
async fn carry_out_all(house: &House, wishes: &[&ClientWish]) -> Result<Outcomes, EngineError> {
    let mut outcomes: Outcomes = vec![(Became::Pending("it was not tried".into()), None); wishes.len()];
    let mut left: Vec<usize> = (0..wishes.len()).collect();
    for _ in 0..TRIES {
        let Some(first) = left.first().map(|at| wishes[*at]) else { break };
        house.catch_up(&first.connection).await?;
        let people: Vec<IdentityId> = left.iter().map(|at| wishes[*at].identity.clone()).collect();
        let scope = Scope { only: vec![first.connection.clone()], people, ..Scope::default() };
        let company = company(house, &scope).await?.with_counts(house).await?;
        let found = company.judge_alone(house, Some(&first.client))?;
        let links: Vec<_> = found.graph.new_links().collect();
        house.store.pin_links(&links, house.clock.now_ms()).await?;
        let plan = &found.plan;
        if !plan.steps.is_empty() || !plan.held.is_empty() {
            keep(house, plan, &first.client).await?;
        }
        left.retain(|at| match before_it_is_tried(&company, &found, wishes[*at]) {
            Some(became) => {
                let account = account_in(&found.graph, wishes[*at]).filter(|_| became == Became::Applied);
                outcomes[*at] = (became, account.or(outcomes[*at].1.take()));
                false
            }
            None => true,
        });
        if left.is_empty() {
            break;
        }
        let today = Today { company: &company, found: &found, judged_after_ms: LATER_MS };
        let report = apply_today(house, plan, &first.client, &Progress::silent(), today).await?;
        let results: Results<'_> = report.steps.iter().map(|result| (&result.id, result)).collect();
        left.retain(|at| {
            let wish = wishes[*at];
            let (became, moved) = of_report(plan, &report, &results, &wish.identity);
            let held = held_of(plan, wish).next().map(held_by);
            let again = moved && matches!(became, Became::Pending(_));
            let became = match (became, held) {
                (Became::Applied, Some(held)) => Became::Held(held),
                (became, _) => became,
            };
            outcomes[*at] = (became, account_told(plan, &results, wish));
            again
        });
    }
    Ok(outcomes)
}

/// Returns what a plan holds of a wish.
fn held_of<'p>(plan: &'p Plan, wish: &ClientWish) -> impl Iterator<Item = &'p Hold> {
    plan.held.iter().filter(move |hold| hold.step.identity.as_ref() == Some(&wish.identity))
}

/// Says what becomes of a wish for which a plan tries nothing.
fn before_it_is_tried(company: &Company, found: &Found<'_>, wish: &ClientWish) -> Option<Became> {
    let plan = &found.plan;
    if let Some(hold) = held_of(plan, wish).find(|hold| hold.guard == NEVER) {
        return Some(Became::Refused { kind: Refusal::Rights, because: held_by(hold) });
    }
    if steps_of(plan, &wish.identity).next().is_some() {
        return None;
    }
    let held = held_of(plan, wish).next().map(|hold| Became::Held(held_by(hold)));
    if held.is_none() && found.graph.identity(&wish.identity).is_none() {
        // That nothing is to be done for somebody who is not seen says nothing of what is wished.
        return Some(Became::Pending("it is not known yet whose account this is".into()));
    }
    Some(held.unwrap_or_else(|| nothing_to_do(company, found, wish, &about(found, wish))))
}

/// Returns the findings that say why a wish cannot come true.
fn about(found: &Found<'_>, wish: &ClientWish) -> Vec<Finding> {
    let is_about = |finding: &&Finding| {
        finding.connection.as_ref() == Some(&wish.connection)
            && (finding.identity.as_ref() == Some(&wish.identity)
                || finding.account_key.is_some() && finding.account_key == wish.account)
    };
    found.findings.iter().filter(is_about).cloned().collect()
}

/// Says what it means that there is nothing to do: it is so, or it cannot be.
fn nothing_to_do(company: &Company, found: &Found<'_>, wish: &ClientWish, findings: &[Finding]) -> Became {
    let says = |kind: FindingKind| findings.iter().find(|finding| finding.kind == kind).map(|found| found.text.clone());
    let here = found.graph.accounts_of(&wish.identity).filter(|account| account.key.connection == wish.connection);
    let has_access = here.into_iter().any(|account| account.state.gives_access());
    let wanted = wish.asks == ClientAsks::Present;
    if wanted && !has_access {
        let left = found
            .graph
            .identity(&wish.identity)
            .is_some_and(|one| one.state == tenure_core::identity::IdentityState::Left);
        if left {
            let because = "the sources say that this person has left; nobody who left is let in".to_owned();
            return Became::Refused { kind: Refusal::Value, because };
        }
        let never = company.facts.connections.get(&wish.connection).is_none_or(|facts| facts.complete_ms.is_none());
        if never {
            return Became::Pending(format!("{} was never read completely", wish.connection));
        }
        let because = says(FindingKind::MissingAccount).or_else(|| says(FindingKind::Dispute));
        let because = because.unwrap_or_else(|| "no account can be made of this; `tenure findings` says why".into());
        return Became::Refused { kind: Refusal::Value, because };
    }
    match says(FindingKind::UnsupportedChange) {
        Some(because) => Became::Refused { kind: Refusal::Unsupported, because },
        None => Became::Applied,
    }
}

/// Tells what became of somebody's steps, and whether the world had moved for one.
fn of_report(plan: &Plan, report: &ApplyReport, results: &Results<'_>, identity: &IdentityId) -> (Became, bool) {
    let (mut became, mut moved) = (Became::Applied, false);
    for step in steps_of(plan, identity) {
        let Some(result) = results.get(&step.id).copied() else { continue };
        moved |= result.outcome == Outcome::Moved;
        let because = || result.because.clone().unwrap_or_else(|| "the app says no more".into());
        match result.outcome {
            Outcome::Done | Outcome::AlreadyTrue => {}
            Outcome::Refused | Outcome::Unsupported => {
                let kind = match report.refusals.get(&result.id) {
                    Some(ErrorKind::Duplicate) => Refusal::Duplicate,
                    Some(ErrorKind::SeatLimit) => Refusal::Seats,
                    Some(ErrorKind::Auth | ErrorKind::Scope) => Refusal::Rights,
                    Some(ErrorKind::Validation | ErrorKind::Configuration) => Refusal::Value,
                    Some(ErrorKind::Unsupported) => Refusal::Unsupported,
                    _ => Refusal::Vendor,
                };
                return (Became::Refused { kind, because: because() }, moved);
            }
            Outcome::Skipped if report.waits(result) => became = Became::Held(because()),
            Outcome::Pending if step.effect != Effect::Manual => {}
            _ if became == Became::Applied => became = Became::Pending(because()),
            _ => {}
        }
    }
    (became, moved)
}

fn draft(house: &House, wish: &ClientWish, event: &str) -> Draft {
    let fields: Vec<&str> = wish.fields.iter().map(|(field, _)| field.as_str()).collect();
    let body = serde_json::json!({
        "connection": wish.connection, "id": wish.id, "identity": wish.identity, "asks": wish.asks, "fields": fields,
        "grants": wish.grants, "version": wish.version, "since": moment_text(wish.since_ms),
    });
    Draft { at: house.clock.now_text(), actor: wish.client.clone(), event: event.into(), run: None, step: None, body }
}
