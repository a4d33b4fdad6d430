//! What people decide: approvals, links, exceptions, joins, moves and leaves. Each is appended with a name and a moment
//! and never changed; a later decision about the same thing wins.
//! It records. What a decision leads to is for `reconcile` to say.

use crate::error::EngineError;
use crate::house::House;
use crate::plan::find_plan;
use crate::reconcile::{Scope, company, company_about, company_of, find_identity};
use crate::work::job;
use async_recursion::async_recursion as boxed;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tenure_core::account::{Account, AccountKey, Fields, Kind};
use tenure_core::approve::{Refusal, Said, approval, may_approve};
use tenure_core::change::{ApprovalState, Outcome, Plan, Step, StepResult};
use tenure_core::correlate::found_identity_id;
use tenure_core::facts::{Decided, Decision};
use tenure_core::guards::release::{freed, may_release, released};
use tenure_core::journal::Draft;
use tenure_core::name::{ConnectionName, FieldName, IdentityId, NativeId, PlanId, RunId, StepId};
use tenure_store::{Concerns, JoinKeys, Managers, NewDecision, NewJob, Seed};

/// How many plans back a step is looked for.
const PLANS_BACK: usize = 50;

/// Which way an approver decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The steps may run.
    Approve,
    /// They may not.
    Reject,
}

/// Who decides, and why.
#[derive(Debug, Clone)]
pub struct By {
    /// By name.
    pub who: String,
    /// In their words.
    pub note: Option<String>,
}

/// What happens to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// They join.
    Join,
    /// Their attributes change.
    Move,
    /// They leave.
    Leave,
}

/// Records one decision, and a line in the journal with it.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn decide(house: &House, by: By, what: Decided) -> Result<(), EngineError> {
    let woken = [job::reconcile(house.clock.now_ms())];
    record(house, &by, vec![(what, Concerns::default())], &woken).await.map(drop)
}

/// Records decisions, and wakes the work that follows from them. Returns them as they are kept.
async fn record(
    house: &House,
    by: &By,
    decided: Vec<(Decided, Concerns)>,
    woken: &[NewJob],
) -> Result<Vec<Decision>, EngineError> {
    let at_ms = house.clock.now_ms();
    let mut drafts = Vec::with_capacity(decided.len());
    let mut decisions = Vec::with_capacity(decided.len());
    for (what, concerns) in decided {
        drafts.push(Draft {
            at: crate::clock::moment_text(at_ms),
            actor: by.who.clone(),
            event: "decided".into(),
            run: None,
            step: match &what {
                Decided::Approve { step } | Decided::Reject { step } => Some(step.to_string()),
                _ => None,
            },
            body: serde_json::json!({ "decision": what, "note": by.note }),
        });
        decisions.push(NewDecision { at_ms, by: by.who.clone(), note: by.note.clone(), what, concerns });
    }
    Ok(house.store.decide(decisions, drafts, woken).await?)
}

/// What came of a word about steps.
#[derive(Debug, Default)]
pub struct Spoken {
    /// The steps that it was said about, as they stand afterwards.
    pub steps: Vec<Step>,
    /// The guards that hold again what they were released for.
    pub withheld: Vec<String>,
    /// Steps of a plan that are not for whoever said it to decide about.
    pub not_theirs: BTreeMap<StepId, Refusal>,
    /// Steps that were done before it was said; it counts for none of them.
    pub done: BTreeSet<StepId>,
}

/// Records that somebody lets steps run, or forbids it. A thing is a step, or a plan: that means those of its steps which
/// need an approval and are theirs to decide about. A no to a plan takes back what was released there. What is done
/// already is left out.
///
/// # Errors
/// A thing is not known, `by` may not decide about a step that is named or about any of a plan, or a no comes too late for
/// a step that is named; then nothing is recorded.
#[tracing::instrument(name = "approve", skip_all, fields(by))]
#[boxed]
pub async fn judge_steps(
    house: &House,
    things: &[String],
    verdict: Verdict,
    by: &str,
    note: Option<String>,
) -> Result<Spoken, EngineError> {
    let Meant { steps, plans, whole } = meant(house, things).await?;
    let mut spoken = Spoken::default();
    let mut decided = Vec::new();
    for plan in whole.iter().filter(|_| verdict == Verdict::Reject) {
        for guard in released_before(house, plan, by).await? {
            let what = Decided::Withhold { plan: plan.id.clone(), guard: guard.clone() };
            decided.push((what, Concerns::default()));
            spoken.withheld.push(guard);
        }
    }
    let all: Vec<&Step> = steps.iter().map(|about| &about.step).collect();
    let company = company_about(house, &all).await?;
    let graph = company.graph(house);
    let concerned = |step: &Step| step.identity.as_ref().and_then(|id| graph.identity(id));
    let mut theirs = Vec::new();
    for about in &steps {
        let step = &about.step;
        // A no of somebody who has no say would be written down and count for nothing.
        match (may_approve(step, by, about.requested_by.as_deref(), concerned(step), &house.policy), &about.done_in) {
            (Err(refusal), _) if about.is_named => return Err(refused(step, &refusal)),
            (Ok(()), Some(run)) if about.is_named && verdict == Verdict::Reject => {
                let because = format!("{} was done already; `tenure revert {run}` plans the way back", step.id);
                return Err(EngineError::Asked(because));
            }
            (_, Some(_)) => drop(spoken.done.insert(step.id.clone())),
            (Err(refusal), None) => drop(spoken.not_theirs.insert(step.id.clone(), refusal)),
            (Ok(()), None) => {
                decided.push(word(step, verdict));
                theirs.push(about);
            }
        }
    }
    if decided.is_empty() {
        if let Some((id, refusal)) = spoken.not_theirs.first_key_value() {
            let step = steps.iter().map(|about| &about.step).find(|step| step.id == *id);
            return Err(step.map_or_else(|| EngineError::Forbidden(refusal.to_string()), |step| refused(step, refusal)));
        }
        if verdict == Verdict::Reject {
            return Err(EngineError::Asked(nothing_to_forbid(&steps)));
        }
    }
    let by = By { who: by.to_owned(), note };
    let kept = record(house, &by, decided, &woken(house, &plans, verdict)).await?;
    let mut said = Said::of(&company.facts.decisions);
    said.hear(&kept);
    let now_ms = house.clock.now_ms();
    let judged = |About { step, requested_by, .. }: &About| {
        let said = said.about(&step.id);
        let approval = approval(step, said, requested_by.as_deref(), concerned(step), &house.policy, now_ms);
        Step { approval, ..step.clone() }
    };
    spoken.steps = theirs.into_iter().map(judged).collect();
    Ok(spoken)
}

fn refused(step: &Step, refusal: &Refusal) -> EngineError {
    EngineError::Forbidden(format!("{} {} in {}: {refusal}", step.id, step.effect, step.connection))
}

/// Says why a no would change nothing, and what would.
fn nothing_to_forbid(steps: &[About]) -> String {
    match steps.iter().find_map(|about| about.done_in.as_ref()) {
        Some(run) => {
            format!("all of it that needed a yes was done already; `tenure revert {run}` plans the way back")
        }
        None => {
            "nobody's yes is needed there, so that a no would change nothing; `tenure stop CONNECTION` stops what is \
                 written to an app, `tenure exempt ACCOUNT` leaves an account alone"
                .into()
        }
    }
}

/// Records a word of `by` about all steps of a plan that wait and are theirs to decide about. Returns how many these are;
/// the others wait on. The plan holds what people said to its steps already.
///
/// # Errors
/// None of them is theirs to decide about, with the reason why not; then nothing is recorded.
#[tracing::instrument(name = "approve", skip_all, fields(by))]
#[boxed]
pub async fn judge_waiting(
    house: &House,
    plan: &Plan,
    verdict: Verdict,
    by: &str,
    note: Option<String>,
) -> Result<usize, EngineError> {
    let waiting: Vec<&Step> = plan.steps.iter().filter(|step| step.approval.state == ApprovalState::Waiting).collect();
    let company = company_about(house, &waiting).await?;
    let graph = company.graph(house);
    let (mut decided, mut refused) = (Vec::new(), None);
    for step in waiting {
        let concerned = step.identity.as_ref().and_then(|id| graph.identity(id));
        match may_approve(step, by, plan.requested_by.as_deref(), concerned, &house.policy) {
            Ok(()) => decided.push(word(step, verdict)),
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    if decided.is_empty() {
        let none = || "no step of it waits for anybody".to_owned();
        return Err(EngineError::Forbidden(refused.map_or_else(none, |refusal| refusal.to_string())));
    }
    let plans = BTreeSet::from([plan.id.clone()]);
    let kept = record(house, &By { who: by.to_owned(), note }, decided, &woken(house, &plans, verdict)).await?;
    Ok(kept.len())
}

/// Returns what somebody says about a step, and whom that concerns.
fn word(step: &Step, verdict: Verdict) -> (Decided, Concerns) {
    let what = match verdict {
        Verdict::Approve => Decided::Approve { step: step.id.clone() },
        Verdict::Reject => Decided::Reject { step: step.id.clone() },
    };
    (what, Concerns { identity: step.identity.clone(), account: None })
}

/// Lists the work that follows from a word about steps of these plans.
fn woken(house: &House, plans: &BTreeSet<PlanId>, verdict: Verdict) -> Vec<NewJob> {
    match verdict {
        Verdict::Approve => plans.iter().map(|plan| job::apply(plan, house.clock.now_ms())).collect(),
        Verdict::Reject => Vec::new(),
    }
}

/// Whom a word is about.
#[derive(Default)]
struct Meant {
    /// The steps that need an approval.
    steps: Vec<About>,
    /// The plans that have them.
    plans: BTreeSet<PlanId>,
    /// Those that were named as plans.
    whole: Vec<Plan>,
}

/// A step that a word is about.
struct About {
    step: Step,
    /// Who asked for its plan.
    requested_by: Option<String>,
    /// It was named itself, and not only its plan.
    is_named: bool,
    /// The run of that plan that has done it.
    done_in: Option<RunId>,
}

/// Finds what things mean: plans and steps.
async fn meant(house: &House, things: &[String]) -> Result<Meant, EngineError> {
    let needs = |step: &Step| step.approval.state != ApprovalState::NotNeeded;
    let mut meant = Meant::default();
    let asked: Vec<StepId> = things.iter().filter(|thing| is_step(thing)).map(|id| StepId::from(id.as_str())).collect();
    let mut found = steps_of_plans(house, &asked).await?;
    let mut done = Doings::default();
    for thing in things {
        if is_step(thing) {
            // Who names a step twice means it once.
            let Some((step, plan)) = found.remove(&StepId::from(thing.as_str())) else { continue };
            if needs(&step) {
                let done_in = done.of(house, &plan.id).await?.run_of(&step.id);
                meant.plans.insert(plan.id.clone());
                meant.steps.push(About { step, requested_by: plan.requested_by.clone(), is_named: true, done_in });
            }
        } else {
            let plan = find_plan(house, Some(thing)).await?;
            let done = done.of(house, &plan.id).await?;
            meant.steps.extend(plan.steps.iter().filter(|step| needs(step)).map(|step| About {
                step: step.clone(),
                requested_by: plan.requested_by.clone(),
                is_named: false,
                done_in: done.run_of(&step.id),
            }));
            meant.plans.insert(plan.id.clone());
            meant.whole.push(plan);
        }
    }
    Ok(meant)
}

/// What was done of plans, each read once.
#[derive(Default)]
struct Doings(BTreeMap<PlanId, Done>);

/// The newest run of a plan, and the steps that it has done.
#[derive(Default)]
struct Done {
    run: Option<RunId>,
    steps: BTreeSet<StepId>,
}

impl Doings {
    async fn of(&mut self, house: &House, plan: &PlanId) -> Result<&Done, EngineError> {
        if !self.0.contains_key(plan) {
            let run = house.store.newest_run(plan).await?.map(|run| run.id);
            let results = match &run {
                Some(run) => house.store.results(run).await?,
                None => Vec::new(),
            };
            let is_done = |result: &StepResult| matches!(result.outcome, Outcome::Done | Outcome::AlreadyTrue);
            let steps = results.into_iter().filter(is_done).map(|result| result.id).collect();
            self.0.insert(plan.clone(), Done { run, steps });
        }
        Ok(&self.0[plan])
    }
}

impl Done {
    fn run_of(&self, step: &StepId) -> Option<RunId> {
        self.run.clone().filter(|_| self.steps.contains(step))
    }
}

/// Lists the guards of a plan that are released at a moment (milliseconds since 1970, UTC).
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn released_guards(house: &House, plan: &Plan, at_ms: i64) -> Result<BTreeSet<String>, EngineError> {
    let mut decisions = house.store.load_cluster(&Seed::default(), Managers::Left).await?.decisions;
    decisions.retain(|decision| decision.at_ms <= at_ms);
    Ok(released(plan, &decisions, &house.policy, at_ms))
}

/// Lists the guards of a plan that are released, if `by` may say what becomes of them.
async fn released_before(house: &House, plan: &Plan, by: &str) -> Result<BTreeSet<String>, EngineError> {
    let guards = released_guards(house, plan, house.clock.now_ms()).await?;
    for guard in &guards {
        may_release(plan, guard, by, &house.policy)
            .map_err(|refusal| EngineError::Forbidden(format!("take back {guard} of {}: {refusal}", plan.id)))?;
    }
    Ok(guards)
}

/// Records that a guard holds again what it was released for in a plan.
///
/// # Errors
/// It is not released there, or `by` may not say so; then nothing is recorded.
#[tracing::instrument(name = "withhold", skip_all, fields(plan = %plan.id, by = %by.who))]
#[boxed]
pub async fn withhold(house: &House, plan: &Plan, guard: &str, by: By) -> Result<(), EngineError> {
    if !released_before(house, plan, &by.who).await?.contains(guard) {
        return Err(EngineError::Asked(format!("{guard} is not released in {}; it holds", plan.id)));
    }
    let what = Decided::Withhold { plan: plan.id.clone(), guard: guard.to_owned() };
    record(house, &by, vec![(what, Concerns::default())], &[]).await.map(drop)
}

/// Says of the steps of a plan that need a yes which ones `who` may not decide about, and why not.
///
/// # Errors
/// The store failed.
#[boxed]
pub async fn not_theirs(house: &House, plan: &Plan, who: &str) -> Result<BTreeMap<StepId, Refusal>, EngineError> {
    let seed = Seed { keys: vec![who.trim().to_lowercase()], ..Seed::default() };
    let themselves = house.store.load_cluster(&seed, Managers::Left).await?;
    let company = company_of(house, &Scope::default(), themselves).await?;
    let graph = company.graph(house);
    let themselves: Vec<_> = graph.search(who).into_iter().map(|at| graph.identity_at(at)).collect();
    let refusal = |step: &Step| {
        let concerned = themselves.iter().copied().find(|identity| step.identity.as_ref() == Some(&identity.id));
        may_approve(step, who, plan.requested_by.as_deref(), concerned, &house.policy).err()
    };
    let asked = plan.steps.iter().filter(|step| step.approval.state != ApprovalState::NotNeeded);
    Ok(asked.filter_map(|step| Some((step.id.clone(), refusal(step)?))).collect())
}

/// Records that what these guards hold in a plan may run all the same. Returns the steps that are freed.
///
/// # Errors
/// A guard cannot be released, or not by `by`; then nothing is recorded.
#[tracing::instrument(name = "release", skip_all, fields(plan = %plan.id, by = %by.who))]
#[boxed]
pub async fn release(house: &House, plan: &Plan, guards: &[String], by: By) -> Result<Vec<Step>, EngineError> {
    let mut decided = Vec::new();
    for guard in guards {
        may_release(plan, guard, &by.who, &house.policy)
            .map_err(|refusal| EngineError::Forbidden(format!("release {guard} of {}: {refusal}", plan.id)))?;
        let what = Decided::Release { plan: plan.id.clone(), guard: guard.clone() };
        decided.push((what, Concerns::default()));
    }
    record(house, &by, decided, &[job::apply(&plan.id, house.clock.now_ms())]).await?;
    Ok(freed(plan, &released_guards(house, plan, house.clock.now_ms()).await?))
}

fn is_step(thing: &str) -> bool {
    thing.starts_with("s-")
}

/// Returns a step that some kept plan has, and the plan.
pub(crate) async fn step_of_plan(house: &House, id: &str) -> Result<Option<(Step, Plan)>, EngineError> {
    let id = StepId::from(id);
    let found = kept_steps(house, std::slice::from_ref(&id)).await?.remove(&id);
    Ok(found.map(|(step, plan)| (step, Arc::unwrap_or_clone(plan))))
}

/// As [`step_of_plan`], of several steps, each of which must be there.
async fn steps_of_plans(house: &House, ids: &[StepId]) -> Result<BTreeMap<StepId, (Step, Arc<Plan>)>, EngineError> {
    let found = kept_steps(house, ids).await?;
    match ids.iter().find(|id| !found.contains_key(*id)) {
        None => Ok(found),
        Some(id) => {
            let id = id.as_str();
            Err(EngineError::Missing(format!("no step has the id {id:?}; `tenure plan` shows them")))
        }
    }
}

/// Finds steps in the newest plan that has each. A plan is read once, however many of its steps are meant.
async fn kept_steps(house: &House, ids: &[StepId]) -> Result<BTreeMap<StepId, (Step, Arc<Plan>)>, EngineError> {
    let mut sought: BTreeSet<&StepId> = ids.iter().collect();
    let mut found = BTreeMap::new();
    if sought.is_empty() {
        return Ok(found);
    }
    for plan_id in house.store.plan_ids(PLANS_BACK).await? {
        let Some(plan) = house.store.plan(&plan_id).await?.map(Arc::new) else { continue };
        for step in plan.all_steps() {
            if sought.remove(&step.id) {
                found.insert(step.id.clone(), (step.clone(), plan.clone()));
            }
        }
        if sought.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// Records that somebody joins, moves or leaves. Returns whom it is about; somebody who joins may be new.
///
/// # Errors
/// The key means nobody (for a move or a leave), or several people.
#[boxed]
pub async fn decide_lifecycle(
    house: &House,
    event: LifecycleEvent,
    key: &str,
    attributes: Fields,
    at_ms: Option<i64>,
    by: &By,
) -> Result<IdentityId, EngineError> {
    let company = company(house, &Scope { identity: Some(key.to_owned()), ..Scope::default() }).await?;
    let graph = company.graph(house);
    let known = graph.search(key);
    let (identity, attributes) = match event {
        LifecycleEvent::Join if known.is_empty() => newcomer(key, attributes)?,
        _ => (find_identity(&graph, key)?, attributes),
    };
    let what = match event {
        LifecycleEvent::Join => Decided::Join { identity: identity.clone(), attributes, start_ms: at_ms },
        LifecycleEvent::Move => Decided::Move { identity: identity.clone(), attributes, from_ms: at_ms },
        LifecycleEvent::Leave => {
            let start_date = graph.identity(&identity).and_then(|known| known.start_date);
            Decided::Leave { identity: identity.clone(), at_ms, start_date }
        }
    };
    decide(house, by.clone(), what).await?;
    Ok(identity)
}

/// Founds an identity for somebody whom no source knows; an address is the least that is needed.
fn newcomer(key: &str, mut attributes: Fields) -> Result<(IdentityId, Fields), EngineError> {
    if !key.contains('@') && attributes.text("work_email").is_none() {
        return Err(EngineError::Asked(format!(
            "nobody is known as {key:?}; to have somebody join whom no source knows, give the work address as the key"
        )));
    }
    if key.contains('@') && attributes.text("work_email").is_none() {
        attributes.set(FieldName::new("work_email"), Value::String(key.trim().to_owned()));
    }
    let connection = ConnectionName::new("decision");
    Ok((found_identity_id(&connection, &NativeId::from(key.trim().to_lowercase())), attributes))
}

/// Reads `connection/id` or `connection/kind/id`; without a kind it is guessed by [`find_account`].
pub fn parse_account(text: &str) -> Option<AccountKey> {
    let (connection, rest) = text.trim().split_once('/')?;
    let (kind, id) = rest.split_once('/')?;
    let kind: Kind = kind.parse().ok()?;
    (!id.is_empty()).then(|| AccountKey::new(&ConnectionName::new(connection), kind, id))
}

/// Finds the account that a person means by `connection/id`, `connection/kind/id`, its id or what it signs in with. An
/// external id is a person's number and means none of their accounts.
///
/// # Errors
/// There is none, or several.
#[boxed]
pub async fn find_account(house: &House, text: &str) -> Result<AccountKey, EngineError> {
    if let Some(key) = parse_account(text)
        && house.store.account(&key, None).await?.is_some()
    {
        return Ok(key);
    }
    let (connection, id) = text.trim().split_once('/').unwrap_or(("", text.trim()));
    if !connection.is_empty() {
        house.connection(connection)?;
    }
    let is_within = |key: &AccountKey| match connection {
        "" => house.is_target(&key.connection),
        name => key.connection.as_str() == name,
    };
    let found = house.store.find_accounts(id).await?.into_iter().map(|observed| observed.account);
    let (named, others): (Vec<Account>, Vec<Account>) =
        found.filter(|account| is_within(&account.key)).partition(|account| is_named(account, id));
    let list = |accounts: &[Account]| {
        let all: Vec<String> = accounts.iter().take(6).map(|account| account.key.to_string()).collect();
        all.join(", ")
    };
    match (named.as_slice(), others.as_slice()) {
        ([one], _) => Ok(one.key.clone()),
        ([], []) => Err(EngineError::Missing(format!(
            "no account is {text:?}; write it as CONNECTION/ID (`tenure accounts` lists them)"
        ))),
        ([], others) => Err(EngineError::Asked(format!(
            "{text:?} is the number of a person and no account; name the account itself: {}",
            list(others)
        ))),
        (several, _) => Err(EngineError::Asked(format!("{text:?} may be {}", list(several)))),
    }
}

/// Tells whether a text is an account's own id, or what it signs in with.
fn is_named(account: &Account, text: &str) -> bool {
    let keys = JoinKeys::of(account);
    let name = text.trim().to_lowercase();
    account.key.id.as_str() == text || keys.login.iter().chain(&keys.aliases).any(|one| *one == name)
}

/// Tells whether an account may be left alone.
///
/// # Errors
/// It is a record of a source: without it, nobody would be known to hold the accounts of whom it tells.
pub fn may_exempt(house: &House, account: &AccountKey) -> Result<(), EngineError> {
    if house.is_target(&account.connection) {
        return Ok(());
    }
    Err(EngineError::Asked(format!(
        "{account} is a record of the source {}, not an account: without it, the accounts of this person would be \
         nobody's. Exempt the accounts themselves (`tenure who` lists them); who leaves does so with `tenure leave`, and \
         what the record says is corrected in {}",
        account.connection, account.connection
    )))
}
