//! `Plan`: what would change, by person, before → after, with what is held and what it costs; approved or rejected whole
//! or in part, with a note; carried out. Acts go through the engine in the visitor's name, as the command line's do; what
//! takes long is kept, and done by whichever daemon comes to it.

use crate::failure::Failure;
use crate::frame::{Frame, query, show};
use crate::gate::Form;
use crate::steps::{StepLine, hear, results};
use crate::{Shared, past, words};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tenure_core::approve::Refusal;
use tenure_core::change::{ApprovalState, Plan, Step};
use tenure_core::name::{PlanId, StepId};
use tenure_engine::act::{Act, ActView, ApplyAsked, keep, latest};
use tenure_engine::decide::{By, Verdict, judge_steps, judge_waiting, not_theirs, released_guards, withhold};
use tenure_engine::house::House;
use tenure_engine::plan::{find_plan, make_plan};
use tenure_engine::reconcile::Scope;
use tenure_engine::session::Visitor;

/// Steps on one page: a new account has a dozen fields, and the page is to stay below 150 KB.
const STEPS_SHOWN: usize = 36;
/// Held steps that are listed under one reason.
const HELD_SHOWN: usize = 12;
/// Reasons of holding that are shown, those that hold the most first; a guard may have one for each person.
const REASONS_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "plan.html")]
struct PlanPage {
    frame: Frame,
    plan: Option<PlanTold>,
    others: Vec<(String, bool)>,
    groups: Vec<Group>,
    held: Vec<HeldGroup>,
    held_besides: usize,
    by: &'static str,
    only: &'static str,
    page: usize,
    pages: usize,
    /// The address of this view without its page.
    here: String,
    run: Option<(String, String, bool)>,
    /// Whether it is about to be carried out.
    asked: bool,
    failed: Option<String>,
    /// How many steps wait for a word of the visitor.
    yours: usize,
    /// Why how many others that wait are not theirs to decide about.
    not_yours: Vec<(usize, String)>,
}

struct PlanTold {
    id: String,
    digest: String,
    made: String,
    requested_by: String,
    steps: usize,
    waiting: usize,
    ready: usize,
    held: usize,
    irreversible: usize,
    seats: Vec<String>,
    billing: Vec<String>,
    requests: String,
    requests_by: Vec<String>,
    seconds: String,
    way_back: Option<String>,
}

struct Group {
    name: String,
    link: String,
    steps: Vec<StepLine>,
}

struct HeldGroup {
    guard: String,
    because: String,
    release: Option<String>,
    /// Whether somebody said that they may run all the same.
    released: bool,
    steps: Vec<StepLine>,
    more: usize,
}

/// `GET /plan`: the newest.
pub(crate) async fn newest(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let frame = Frame::of(&console, &visitor, "Plan", "plan", (&uri, &headers)).await?;
    if let Some(as_of_ms) = frame.as_of_ms() {
        return match past::plan(&console.house, as_of_ms, None).await? {
            Some(plan) => Ok(told(&console, frame, &visitor, &plan, &uri).await?.into_response()),
            None => Ok(show(&PlanPage::empty(frame))?.into_response()),
        };
    }
    match console.plans.find(&console.house, None).await? {
        Some(plan) => Ok(told(&console, frame, &visitor, &plan, &uri).await?.into_response()),
        None => Ok(show(&PlanPage::empty(frame))?.into_response()),
    }
}

/// `GET /plans/{plan}`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, format!("Plan {id}"), "plan", (&uri, &headers)).await?;
    let id = PlanId::from(id.as_str());
    if let Some(as_of_ms) = frame.as_of_ms() {
        let plan = past::plan(&console.house, as_of_ms, Some(&id)).await?;
        let later = || Failure::Missing(format!("no plan {id} had been made at the moment at which you look"));
        return told(&console, frame, &visitor, &plan.ok_or_else(later)?, &uri).await;
    }
    let plan = console.plans.find(&console.house, Some(&id)).await?;
    let plan = plan.ok_or_else(|| Failure::Missing(format!("no plan has the id {:?}", id.as_str())))?;
    told(&console, frame, &visitor, &plan, &uri).await
}

impl PlanPage {
    fn empty(frame: Frame) -> Self {
        Self {
            frame,
            plan: None,
            others: Vec::new(),
            groups: Vec::new(),
            held: Vec::new(),
            held_besides: 0,
            by: "person",
            only: "all",
            page: 1,
            pages: 1,
            here: String::new(),
            run: None,
            asked: false,
            failed: None,
            yours: 0,
            not_yours: Vec::new(),
        }
    }
}

async fn told(
    console: &Shared,
    frame: Frame,
    visitor: &Visitor,
    plan: &Plan,
    uri: &Uri,
) -> Result<Html<String>, Failure> {
    let house = &console.house;
    let as_of_ms = frame.as_of_ms();
    let is_asked = frame.may_approve && plan.steps.iter().any(|step| step.approval.state != ApprovalState::NotNeeded);
    let refusals = if is_asked { Some(not_theirs(house, plan, &visitor.who).await?) } else { None };
    let (run, results) = results(house, plan, as_of_ms).await?;
    let by = if query(uri, "by").as_deref() == Some("app") { "app" } else { "person" };
    let only = match query(uri, "only").as_deref() {
        Some("waiting") => "waiting",
        Some("irreversible") => "irreversible",
        _ => "all",
    };
    let fits = |step: &&Step| match only {
        "waiting" => step.approval.state == ApprovalState::Waiting,
        "irreversible" => step.irreversible,
        _ => true,
    };
    let mut steps: Vec<&Step> = plan.steps.iter().filter(fits).collect();
    match by {
        "app" => steps.sort_by(|one, other| one.connection.cmp(&other.connection)),
        _ => steps.sort_by(|one, other| (&one.person, &one.identity).cmp(&(&other.person, &other.identity))),
    }
    let pages = steps.len().div_ceil(STEPS_SHOWN).max(1);
    let page = query(uri, "page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, pages);
    let shown = steps.into_iter().skip((page - 1) * STEPS_SHOWN).take(STEPS_SHOWN);
    let mut groups: Vec<Group> = Vec::new();
    for step in shown {
        let mut line = StepLine::new(step, &house.policy).with(results.get(&step.id));
        if let Some(refusals) = &refusals {
            line = line.asking(plan, step.approval.state, refusals.get(&step.id));
        }
        let (name, link) = match by {
            "app" => (line.connection.clone(), format!("/apps/{}", words::part(&line.connection))),
            _ if line.person_id.is_empty() => (line.person.clone(), String::new()),
            _ => (line.person.clone(), format!("/people/{}", words::part(&line.person_id))),
        };
        match groups.last_mut().filter(|group| group.name == name && group.link == link) {
            Some(group) => group.steps.push(line),
            None => groups.push(Group { name, link, steps: vec![line] }),
        }
    }
    let is_past = as_of_ms.is_some();
    let newest = if is_past { Vec::new() } else { house.store.plan_ids(8).await? };
    let asked = if is_past { None } else { asked_apply(house, plan.id.as_str()).await? };
    let is_open = asked.as_ref().is_some_and(|act| act.state == "open");
    let under_way = is_open || (!is_past && house.store.is_under_way(&plan.id, house.clock.now_ms()).await?);
    let released = match plan.held.is_empty() {
        true => BTreeSet::new(),
        false => released_guards(house, plan, as_of_ms.unwrap_or_else(|| house.clock.now_ms())).await?,
    };
    let (held, held_besides) = held(plan, house, &released);
    let (yours, not_yours) = waiting(plan, refusals.as_ref());
    show(&PlanPage {
        others: newest.iter().map(|id| (id.to_string(), *id == plan.id)).collect(),
        held,
        held_besides,
        groups,
        by,
        only,
        page,
        pages,
        here: format!("/plans/{}?by={by}&only={only}", words::part(plan.id.as_str())),
        asked: is_open && run.is_none(),
        run: run.map(|run| (run.id.to_string(), run.actor, under_way)),
        failed: asked.and_then(|act| act.fault).map(|fault| fault.detail),
        plan: Some(PlanTold::new(plan)),
        yours,
        not_yours,
        frame,
    })
}

/// Counts the steps that wait for a word of the visitor, and the others that wait by why they are not theirs.
fn waiting(plan: &Plan, refusals: Option<&BTreeMap<StepId, Refusal>>) -> (usize, Vec<(usize, String)>) {
    let Some(refusals) = refusals else { return (0, Vec::new()) };
    let (mut yours, mut others) = (0, BTreeMap::<String, usize>::new());
    for step in plan.steps.iter().filter(|step| step.approval.state == ApprovalState::Waiting) {
        match refusals.get(&step.id) {
            None => yours += 1,
            Some(refusal) => *others.entry(refusal.to_string()).or_default() += 1,
        }
    }
    (yours, others.into_iter().map(|(why, count)| (count, why)).collect())
}

impl PlanTold {
    fn new(plan: &Plan) -> Self {
        let count = |state| plan.steps.iter().filter(|step| step.approval.state == state).count();
        let cost = &plan.cost;
        let names: BTreeSet<_> = cost.seats.keys().chain(cost.seats_free.keys()).collect();
        let seats = names.into_iter().filter_map(|name| {
            let taken = cost.seats.get(name).copied().unwrap_or(0);
            let free = cost.seats_free.get(name).map(|free| format!(" ({free} free)")).unwrap_or_default();
            (taken != 0 || !free.is_empty()).then(|| format!("{name} {taken:+}{free}"))
        });
        let billing = cost.billing.iter().map(|(name, billed)| {
            let counts: Vec<String> = billed.iter().map(|(role, count)| format!("{count:+} {role}")).collect();
            format!("{name}: {}", counts.join(", "))
        });
        Self {
            id: plan.id.to_string(),
            digest: plan.digest.chars().take(16).collect(),
            made: words::moment(&plan.made_at),
            requested_by: plan.requested_by.clone().unwrap_or_default(),
            steps: plan.steps.len(),
            waiting: count(ApprovalState::Waiting),
            ready: count(ApprovalState::NotNeeded) + count(ApprovalState::Approved),
            held: plan.held.len(),
            irreversible: plan.steps.iter().filter(|step| step.irreversible).count(),
            seats: seats.collect(),
            billing: billing.collect(),
            requests: words::thousands(cost.requests.values().sum::<u64>() as i64),
            requests_by: cost.requests.iter().map(|(name, count)| format!("{name} {count}")).collect(),
            seconds: words::span(cost.seconds),
            way_back: plan.way_back.as_ref().map(|way| way.run.to_string()),
        }
    }
}

/// Groups what is held by its reason, and counts what the reasons hold that are not shown.
fn held(plan: &Plan, house: &House, released: &BTreeSet<String>) -> (Vec<HeldGroup>, usize) {
    let mut by_reason: BTreeMap<_, Vec<&Step>> = BTreeMap::new();
    for hold in &plan.held {
        by_reason.entry((&hold.guard, &hold.because, hold.release.as_ref())).or_default().push(&hold.step);
    }
    let group = |((guard, because, release), steps): ((&String, &String, Option<&String>), Vec<&Step>)| HeldGroup {
        released: released.contains(guard),
        guard: guard.clone(),
        because: because.clone(),
        release: release.cloned(),
        more: steps.len().saturating_sub(HELD_SHOWN),
        steps: steps.into_iter().take(HELD_SHOWN).map(|step| StepLine::new(step, &house.policy)).collect(),
    };
    let mut by_reason: Vec<_> = by_reason.into_iter().collect();
    by_reason.sort_by_key(|(_, steps)| std::cmp::Reverse(steps.len()));
    let left: usize = by_reason.iter().skip(REASONS_SHOWN).map(|(_, steps)| steps.len()).sum();
    (by_reason.into_iter().take(REASONS_SHOWN).map(group).collect(), left)
}

/// `POST /plans`: makes a plan of what is known now, for the whole company or one person.
pub(crate) async fn make(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
) -> Result<Redirect, Failure> {
    let scope = Scope { identity: form.text("person").map(str::to_owned), ..Scope::default() };
    let plan = make_plan(&console.house, &scope, &visitor.who).await?;
    Ok(Redirect::to(&format!("/plans/{}?done=planned", words::part(plan.id.as_str()))))
}

/// `POST /plans/{plan}/approve`: a yes to the chosen steps, or to all that wait.
pub(crate) async fn approve(
    state: State<Shared>,
    visitor: Extension<Arc<Visitor>>,
    form: Extension<Form>,
    plan: Path<String>,
) -> Result<Redirect, Failure> {
    judge(&state, &visitor, &form, &plan, Verdict::Approve).await
}

/// `POST /plans/{plan}/reject`: a no.
pub(crate) async fn reject(
    state: State<Shared>,
    visitor: Extension<Arc<Visitor>>,
    form: Extension<Form>,
    plan: Path<String>,
) -> Result<Redirect, Failure> {
    judge(&state, &visitor, &form, &plan, Verdict::Reject).await
}

async fn judge(
    console: &Shared,
    visitor: &Visitor,
    form: &Form,
    id: &str,
    verdict: Verdict,
) -> Result<Redirect, Failure> {
    let mut plan = find_plan(&console.house, Some(id)).await?;
    let note = form.text("note").map(str::to_owned);
    if form.text("one").is_none() && form.text("which") == Some("all") {
        hear(&console.house, &mut plan, None).await?;
        judge_waiting(&console.house, &plan, verdict, &visitor.who, note).await?;
    } else {
        // A button of one step means that step, whatever else is chosen.
        let chosen: BTreeSet<&str> = match form.text("one") {
            Some(one) => BTreeSet::from([one]),
            None => form.all("step").iter().map(String::as_str).collect(),
        };
        let ids = plan.steps.iter().map(|step| step.id.to_string());
        let things: Vec<String> = ids.filter(|id| chosen.contains(id.as_str())).collect();
        if things.is_empty() {
            return Err(Failure::Asked("choose the steps first, or take all that wait".into()));
        }
        judge_steps(&console.house, &things, verdict, &visitor.who, note).await?;
    }
    let done = if verdict == Verdict::Approve { "approved" } else { "rejected" };
    Ok(Redirect::to(&format!("/plans/{}?done={done}", words::part(id))))
}

/// `POST /plans/{plan}/release`: what a guard holds may run, in this plan only.
pub(crate) async fn release(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    let plan = find_plan(&console.house, Some(&id)).await?;
    let guard = form.text("guard").ok_or_else(|| Failure::Asked("no guard is named".into()))?.to_owned();
    let by = By { who: visitor.who.clone(), note: form.text("note").map(str::to_owned) };
    tenure_engine::decide::release(&console.house, &plan, &[guard], by).await?;
    Ok(Redirect::to(&format!("/plans/{}?done=released", words::part(&id))))
}

/// `POST /plans/{plan}/withhold`: what a guard was released for is held again.
pub(crate) async fn take_back(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    let plan = find_plan(&console.house, Some(&id)).await?;
    let guard = form.text("guard").ok_or_else(|| Failure::Asked("no guard is named".into()))?;
    let by = By { who: visitor.who.clone(), note: form.text("note").map(str::to_owned) };
    withhold(&console.house, &plan, guard, by).await?;
    Ok(Redirect::to(&format!("/plans/{}?done=withheld", words::part(&id))))
}

/// `POST /plans/{plan}/apply`: carries out what may be, in the visitor's name.
pub(crate) async fn apply(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    let plan = find_plan(&console.house, Some(&id)).await?;
    let asked = asked_apply(&console.house, plan.id.as_str()).await?;
    if asked.is_none_or(|act| act.state != "open") {
        let act = Act::Apply(ApplyAsked { plan: Some(plan.id.to_string()) });
        keep(&console.house, "/apply", &act, &visitor.who).await?;
    }
    Ok(Redirect::to(&format!("/plans/{}?done=applying", words::part(&id))))
}

/// Returns what was asked for last about carrying out a plan, here or over the API.
async fn asked_apply(house: &House, plan: &str) -> Result<Option<ActView<Value>>, Failure> {
    let asked = Act::Apply(ApplyAsked { plan: Some(plan.to_owned()) });
    Ok(latest(house, "/apply", &asked).await?)
}
