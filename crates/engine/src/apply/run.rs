//! One run over a plan: which steps may start, in which order, how many at once, and what is written before and after
//! each. The lease keeps a second run away; a crash leaves open steps, which the next run looks up first.
//! How one step is carried out is `step`.

use super::seats::{NoSeat, Seats};
use super::step::{Carried, carry_out};
use super::under_way::UnderWay;
use super::word::Word;
use super::{Context, Opened};
use crate::alone::alone;
use crate::error::EngineError;
use crate::house::{House, Reader};
use crate::progress::{Progress, Said};
use crate::reconcile::{Scope, company};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tenure_connect::{Connector, Witnessed, witnessed};
use tenure_core::abilities::{Abilities, Effect};
use tenure_core::approve::Demands;
use tenure_core::change::{Approval, ApprovalState, Outcome, Plan, Step, StepResult};
use tenure_core::facts::Link;
use tenure_core::journal::Draft;
use tenure_core::name::{ConnectionName, IdentityId, RunId, StepId};
use tenure_store::{Began, Beginning, Lease, Run as StoredRun};

/// Steps that one connection carries out side by side; their accounts differ.
const AT_ONCE_PER_CONNECTION: usize = 8;

/// After so many steps in a row without a clear answer a connection is left alone until the next run.
const UNANSWERED_MAX: u32 = 5;

/// How often a step is begun again because people decided something meanwhile.
const HEARD_MAX: u32 = 100;

/// What became of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct ApplyReport {
    /// The run.
    pub run: RunId,
    /// Each step of the plan, in its order.
    pub steps: Vec<StepResult>,
    /// How many steps guards keep back.
    pub held: usize,
    #[serde(skip)]
    waiting: BTreeSet<StepId>,
    #[serde(skip)]
    unreachable: BTreeSet<StepId>,
}

impl ApplyReport {
    /// Tells whether a step was skipped because somebody must still say yes, or end a stop.
    pub fn waits(&self, result: &StepResult) -> bool {
        self.waiting.contains(&result.id)
    }

    /// Tells whether every step that was tried failed because its side could not be reached.
    pub fn all_unreachable(&self) -> bool {
        let tried: Vec<_> = self.steps.iter().filter(|result| !self.waits(result)).collect();
        !tried.is_empty() && tried.iter().all(|result| self.unreachable.contains(&result.id))
    }
}

/// Does the permitted steps of a plan.
///
/// # Errors
/// Another run is at it, a connector cannot be built, or the store failed. What an app refuses is in the report.
#[tracing::instrument(name = "apply", skip_all, fields(plan = %plan.id))]
pub async fn apply(house: &House, plan: &Plan, by: &str, progress: &Progress) -> Result<ApplyReport, EngineError> {
    alone(house, "apply", by, |lease| apply_alone(house, plan, by, progress, lease)).await
}

async fn apply_alone(
    house: &House,
    plan: &Plan,
    by: &str,
    progress: &Progress,
    lease: Lease,
) -> Result<ApplyReport, EngineError> {
    let company = company(house, &Scope::default()).await?;
    let graph = company.graph(house);
    let now_ms = house.clock.now_ms();
    let mut addresses = BTreeMap::new();
    let mut steps = Vec::with_capacity(plan.steps.len());
    let mut demands = Demands::new(&house.policy);
    let word = Word::new(&graph, &house.policy, plan, &company.facts.decisions);
    for step in &plan.steps {
        let identity = step.identity.as_ref().and_then(|id| graph.identity(id));
        if let Some((id, address)) = identity.and_then(|identity| Some((&identity.id, identity.work_email()?))) {
            addresses.insert(id.clone(), address.to_owned());
        }
        let asked = Step { approval: demands.demand(step, identity), ..step.clone() };
        steps.push(Step { approval: word.approval(&asked, now_ms), ..asked });
    }
    let run = StoredRun {
        id: RunId::from(format!("r-{now_ms:x}-{:x}", std::process::id())),
        plan: plan.id.clone(),
        actor: by.to_owned(),
        started_ms: now_ms,
        finished_ms: None,
    };
    let context = Context::new(house, progress, addresses);
    let drifted = company.facts.connections.iter();
    let doubts = Doubts {
        stale: is_stale(house, plan),
        drifted: drifted.filter_map(|(name, facts)| Some((name.clone(), facts.drift.clone()?))).collect(),
    };
    let mut walk = Run::new(&context, run.id.clone(), by, lease.clone(), &steps, doubts, word).await?;
    let begun = walk.draft("run_started", None, serde_json::json!({ "plan": plan.id, "digest": plan.digest }));
    house.store.begin_run(&lease, &run, vec![begun]).await?;
    walk.carry_out_all().await?;
    walk.end(&steps, plan.held.len()).await
}

/// Why a plan is not believed any more, in part.
struct Doubts {
    /// It is older than what the policy takes access away on.
    stale: bool,
    /// Connections that answer in another form than before, and what to do about it.
    drifted: BTreeMap<ConnectionName, String>,
}

/// A run on its way.
struct Run<'a> {
    context: &'a Context<'a>,
    id: RunId,
    by: String,
    lease: Lease,
    connectors: BTreeMap<ConnectionName, Arc<Connector>>,
    /// The steps of each account in their order; only the first of a lane can start.
    lanes: Vec<Lane<'a>>,
    /// Steps that are not settled yet.
    left: BTreeSet<StepId>,
    results: BTreeMap<StepId, StepResult>,
    /// Steps that were tried before, since when nobody knows what became of them.
    unsettled: BTreeMap<StepId, i64>,
    /// Steps that a person does.
    by_hand: BTreeSet<StepId>,
    waiting: BTreeSet<StepId>,
    /// Connections to which writes were stopped, and by whom.
    stopped: BTreeMap<ConnectionName, String>,
    /// Steps that were not begun because of that, and those that need them.
    stopped_steps: BTreeSet<StepId>,
    unreachable: BTreeSet<StepId>,
    doubts: Doubts,
    word: Word<'a>,
    seats: Seats,
    /// How many steps in a row a connection gave no clear answer to.
    unanswered: BTreeMap<ConnectionName, u32>,
    busy_connections: BTreeMap<ConnectionName, usize>,
}

impl<'a> Run<'a> {
    async fn new(
        context: &'a Context<'a>,
        id: RunId,
        by: &str,
        lease: Lease,
        steps: &'a [Step],
        doubts: Doubts,
        word: Word<'a>,
    ) -> Result<Self, EngineError> {
        let open: BTreeSet<StepId> =
            context.house.store.open_steps().await?.into_iter().map(|open| open.step).collect();
        let mut connectors = BTreeMap::new();
        for step in steps {
            if !connectors.contains_key(&step.connection)
                && let Reader::App(connector) = context.house.reader(&step.connection).await?
            {
                connectors.insert(step.connection.clone(), connector);
            }
        }
        let left = steps.iter().map(|step| step.id.clone()).collect();
        let lanes = lanes(steps, &open);
        Ok(Self {
            context,
            id,
            by: by.to_owned(),
            lease,
            connectors,
            lanes,
            left,
            results: BTreeMap::new(),
            unsettled: unsettled(context.house, steps, &open).await?,
            by_hand: steps.iter().filter(|step| step.effect == Effect::Manual).map(|step| step.id.clone()).collect(),
            waiting: BTreeSet::new(),
            stopped: BTreeMap::new(),
            stopped_steps: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            doubts,
            word,
            seats: Seats::default(),
            unanswered: BTreeMap::new(),
            busy_connections: BTreeMap::new(),
        })
    }

    async fn carry_out_all(&mut self) -> Result<(), EngineError> {
        let mut under_way = UnderWay::default();
        loop {
            while let Some(ready) = self.next_ready() {
                let all = self.connectors_of(&ready);
                for ((lane, step), connector) in ready.into_iter().zip(all) {
                    let opened =
                        self.unsettled.get(&step.id).map_or(Opened::Fresh, |since_ms| Opened::Doubtful(*since_ms));
                    if let Some(because) = under_way.meanwhile(self.begin(step)).await? {
                        self.lanes[lane].busy = false;
                        self.skip(step, because, Outcome::Skipped);
                        continue;
                    }
                    let context = self.context;
                    under_way.push(async move {
                        let (carried, asked) = witnessed(carry_out(context, &connector, step, opened)).await;
                        (lane, step, carried, asked)
                    });
                }
            }
            let Some((lane, step, carried, asked)) = under_way.next().await else {
                self.skip_rest();
                return Ok(());
            };
            self.lanes[lane].busy = false;
            under_way.meanwhile(self.settle(step, carried, asked)).await?;
        }
    }

    /// Returns a connector for each of the steps, which go together where there are several.
    fn connectors_of(&self, ready: &[(usize, &Step)]) -> Vec<Connector> {
        let Some((_, first)) = ready.first() else { return Vec::new() };
        let connector = &self.connectors[&first.connection];
        if ready.len() > 1 { connector.together(ready.len()) } else { vec![connector.as_ref().clone()] }
    }

    /// Takes the next step that can start, and those that go along with it in the same requests.
    fn next_ready(&mut self) -> Option<Vec<(usize, &'a Step)>> {
        let first = self.take_ready(None)?;
        let size = together(first.1, &self.connectors[&first.1.connection].abilities());
        let mut ready = vec![first];
        while ready.len() < size {
            let Some(other) = self.take_ready(Some(first.1)) else { break };
            ready.push(other);
        }
        Some(ready)
    }

    /// Takes the next step whose needs are met, whose account is free and whose connection has room; `along` with
    /// another, of its sort only. Steps that can never start are settled on the way.
    fn take_ready(&mut self, along: Option<&Step>) -> Option<(usize, &'a Step)> {
        for at in 0..self.lanes.len() {
            while let (false, Some(step)) = (self.lanes[at].busy, self.lanes[at].steps.front().copied()) {
                if along.is_some_and(|first| !goes_along(first, step)) {
                    break;
                }
                match self.obstacle(step, along.is_some()) {
                    Some(Obstacle::Now) => break,
                    Some(Obstacle::Ever(because)) => {
                        self.lanes[at].steps.pop_front();
                        self.skip(step, because, Outcome::Skipped);
                    }
                    Some(Obstacle::ByHand(because)) => {
                        self.lanes[at].steps.pop_front();
                        self.skip(step, because, Outcome::Pending);
                    }
                    None => {
                        self.lanes[at].steps.pop_front();
                        self.lanes[at].busy = true;
                        return Some((at, step));
                    }
                }
            }
        }
        None
    }

    /// Tells why a step cannot start. Going along with another, it takes no place and no turn of its own.
    fn obstacle(&self, step: &Step, along: bool) -> Option<Obstacle> {
        let ever = |because: &str| Some(Obstacle::Ever(because.to_owned()));
        if !step.approval.state.permits() {
            return Some(Obstacle::Ever(waits_for(&step.approval)));
        }
        if let Some(because) = self.stopped.get(&step.connection) {
            return ever(because);
        }
        let Some(connector) = self.connectors.get(&step.connection) else {
            return ever("the connection has no app that could be written to");
        };
        if let Some(parked) = connector.parked() {
            return Some(Obstacle::Ever(parked.to_string()));
        }
        if let Some(because) = self.doubts.drifted.get(&step.connection) {
            return ever(because);
        }
        if self.doubts.stale && step.effect.is_removal() {
            return ever(
                "the plan is older than `stale_after` of the policy; pull and plan again before taking anything away",
            );
        }
        let no_seat = self.seats.obstacle(step, &self.connectors[&step.connection].abilities());
        if no_seat == Some(NoSeat::Full) {
            return ever("the app has no seat left; free one or buy one, then plan again");
        }
        if self.unanswered.get(&step.connection).is_some_and(|row| *row >= UNANSWERED_MAX) {
            return ever("too many steps in a row got no clear answer from the app; apply again when it answers");
        }
        for need in &step.needs {
            match self.results.get(need).map(|result| result.outcome) {
                Some(Outcome::Pending) if self.by_hand.contains(need) => {
                    return Some(Obstacle::ByHand(format!("{need}, which a person does by hand, is not done yet")));
                }
                Some(Outcome::Done | Outcome::AlreadyTrue | Outcome::Pending) => {}
                Some(_) => return Some(Obstacle::Ever(format!("{need}, which it needs, was not done"))),
                None if self.left.contains(need) => return Some(Obstacle::Now),
                None => {} // not a step of this plan: what it made is there already
            }
        }
        if along {
            return None;
        }
        if no_seat == Some(NoSeat::Now) {
            return Some(Obstacle::Now);
        }
        // What can go together waits for what is under way, so that more of it is ready by then.
        let many = together(step, &self.connectors[&step.connection].abilities()) > 1;
        let room = if many { 1 } else { AT_ONCE_PER_CONNECTION };
        let busy = self.busy_connections.get(&step.connection).is_some_and(|count| *count >= room);
        busy.then_some(Obstacle::Now)
    }

    /// Begins a step, or tells why it may not: people may stop it, or take back what they said, until then.
    async fn begin(&mut self, step: &Step) -> Result<Option<String>, EngineError> {
        let house = self.context.house;
        for _ in 0..HEARD_MAX {
            let now_ms = house.clock.now_ms();
            let approval = self.word.approval(step, now_ms);
            if !approval.state.permits() {
                self.waiting.insert(step.id.clone());
                return Ok(Some(waits_for(&approval)));
            }
            let intent = serde_json::json!({
                "connection": step.connection, "effect": step.effect, "identity": step.identity,
                "account": step.account, "changes": step.changes, "reason": step.reason, "approval": approval,
            });
            let beginning = Beginning {
                run: &self.id,
                step: &step.id,
                connection: &step.connection,
                intent: &intent,
                heard: self.word.heard(),
                at_ms: now_ms,
            };
            let draft = self.draft("step_started", Some(&step.id), intent.clone());
            match house.store.begin_step(&self.lease, &beginning, vec![draft]).await? {
                Began::Begun(_) => return self.begun(step).await.map(|()| None),
                Began::Decided(newer) => self.word.hear(&newer),
                Began::Stopped(stop) => {
                    self.stopped.insert(step.connection.clone(), stop.says());
                    return Ok(Some(stop.says()));
                }
            }
        }
        Ok(Some("people decided so much meanwhile that it could not begin; apply again".into()))
    }

    async fn begun(&mut self, step: &Step) -> Result<(), EngineError> {
        *self.busy_connections.entry(step.connection.clone()).or_default() += 1;
        self.seats.begin(step, &self.connectors[&step.connection].abilities());
        self.context.progress.say(Said::StepBegan { step: Box::new(step.clone()) });
        crate::begun::begin(self.context.house, step).await
    }

    async fn settle(&mut self, step: &Step, carried: Carried, asked: Witnessed) -> Result<(), EngineError> {
        if let Some(count) = self.busy_connections.get_mut(&step.connection) {
            *count -= 1;
        }
        self.observe(step, &carried).await?;
        if let Some(how) = carried.disproved {
            let because = carried.result.because.as_deref().unwrap_or("refused");
            crate::unproven::refuse(self.context.house, step, because, how).await?;
        }
        let result = carried.result;
        if carried.unreachable {
            self.unreachable.insert(step.id.clone());
        }
        // A step that was begun and skipped all the same is one whose account could not be looked at.
        let unclear = carried.unreachable || matches!(result.outcome, Outcome::Unknown | Outcome::Skipped);
        let row = self.unanswered.entry(step.connection.clone()).or_default();
        *row = if unclear { *row + 1 } else { 0 };
        self.seats.end(step, &self.connectors[&step.connection].abilities(), carried.no_seat);
        if carried.no_seat {
            let because = result.because.as_deref().unwrap_or("refused");
            crate::seats::refuse(self.context.house, &step.connection, because).await?;
        } else if result.outcome == Outcome::Done && step.effect == Effect::Create {
            crate::seats::found(self.context.house, &step.connection).await?;
        }
        crate::ignored::remember(self.context.house, step, &result).await?;
        crate::begun::end(self.context.house, step, &result).await?;
        let mut body = serde_json::json!({
            "connection": step.connection, "effect": step.effect, "outcome": result.outcome,
            "fields": result.fields, "because": result.because, "account": result.account,
            "requests": asked.requests,
        });
        if asked.more > 0 {
            body["requests_more"] = asked.more.into();
        }
        let draft = self.draft("step_ended", Some(&step.id), body);
        let house = self.context.house;
        house.store.settle_step(&self.lease, &self.id, &result, vec![draft], house.clock.now_ms()).await?;
        tracing::info!(
            step = %result.id, run = %self.id, connection = %step.connection, effect = %step.effect,
            outcome = ?result.outcome, requests = asked.requests.len() + asked.more, "step ended"
        );
        self.context.progress.say(Said::StepEnded { step: Box::new(step.clone()), result: Box::new(result.clone()) });
        self.left.remove(&step.id);
        self.results.insert(step.id.clone(), result);
        Ok(())
    }

    /// Writes what was read back as an observation, and pins the link of an account that was made for somebody.
    async fn observe(&mut self, step: &Step, carried: &Carried) -> Result<(), EngineError> {
        let house = self.context.house;
        let now_ms = house.clock.now_ms();
        let Some(account) = &carried.read_back else {
            let gone = step.account_key.as_ref().filter(|_| carried.found_gone);
            if let Some(key) = gone {
                house.store.record_gone(&step.connection, std::slice::from_ref(key), now_ms).await?;
            }
            return Ok(());
        };
        house.store.record_accounts(&step.connection, std::slice::from_ref(account), now_ms).await?;
        if step.effect == Effect::Convert
            && let Some(before) = step.account_key.as_ref().filter(|key| **key != account.key)
            && (account.kind_is(step) || matches!(carried.result.outcome, Outcome::Done | Outcome::AlreadyTrue))
        {
            house.store.record_gone(&step.connection, std::slice::from_ref(before), now_ms).await?;
        }
        let makes = matches!(step.effect, Effect::Create | Effect::Convert | Effect::Resume);
        let ours = matches!(carried.result.outcome, Outcome::Done | Outcome::AlreadyTrue | Outcome::Pending);
        if let (true, true, Some(identity)) = (makes, ours, &step.identity) {
            self.context.made(identity, &account.key);
            let link = Link {
                account: account.key.clone(),
                identity: identity.clone(),
                evidence: format!("{} by step {}", step.effect, step.id).into(),
                since_ms: now_ms,
            };
            house.store.pin_links(&[link], now_ms).await?;
        }
        Ok(())
    }

    fn skip(&mut self, step: &Step, because: String, outcome: Outcome) {
        if !step.approval.state.permits() {
            self.waiting.insert(step.id.clone());
        }
        if self.stopped.contains_key(&step.connection) || step.needs.iter().any(|id| self.stopped_steps.contains(id)) {
            self.stopped_steps.insert(step.id.clone());
            self.waiting.insert(step.id.clone());
        }
        let result = StepResult {
            id: step.id.clone(),
            outcome,
            fields: BTreeMap::new(),
            because: Some(because),
            account: step.account.clone(),
        };
        self.left.remove(&step.id);
        self.results.insert(step.id.clone(), result);
    }

    fn skip_rest(&mut self) {
        for lane in std::mem::take(&mut self.lanes) {
            for step in lane.steps {
                self.skip(step, "it needs steps that need it in turn".into(), Outcome::Skipped);
            }
        }
    }

    async fn end(mut self, steps: &[Step], held: usize) -> Result<ApplyReport, EngineError> {
        let results: Vec<StepResult> = steps.iter().filter_map(|step| self.results.remove(&step.id)).collect();
        let done = results.iter().filter(|r| matches!(r.outcome, Outcome::Done | Outcome::AlreadyTrue)).count();
        let body = serde_json::json!({ "steps": results.len(), "done": done, "held": held });
        let draft = self.draft("run_ended", None, body);
        let house = self.context.house;
        house.store.finish_run(&self.lease, &self.id, vec![draft], house.clock.now_ms()).await?;
        Ok(ApplyReport { run: self.id, steps: results, held, waiting: self.waiting, unreachable: self.unreachable })
    }

    fn draft(&self, event: &str, step: Option<&StepId>, body: serde_json::Value) -> Draft {
        Draft {
            at: self.context.house.clock.now_text(),
            actor: self.by.clone(),
            event: event.to_owned(),
            run: Some(self.id.to_string()),
            step: step.map(ToString::to_string),
            body,
        }
    }
}

/// Tells whether a plan is too old to take anything away on its word.
fn is_stale(house: &House, plan: &Plan) -> bool {
    let made_ms = plan.made_at.parse::<jiff::Timestamp>().map_or(i64::MIN, jiff::Timestamp::as_millisecond);
    house.clock.now_ms().saturating_sub(made_ms) > house.policy.guards.stale_after.as_ms()
}

/// Returns how many steps of this sort may go together. Work for a person is only looked at, as any other is.
fn together(step: &Step, abilities: &Abilities) -> usize {
    let Some(kind) = abilities.kinds.get(&step.kind) else { return 1 };
    let size = match step.effect {
        Effect::Manual => kind.effects.values().filter_map(|ability| ability.together).max(),
        effect => kind.effects.get(&effect).and_then(|ability| ability.together),
    };
    size.map_or(1, |size| size as usize)
}

/// Tells whether a step may go along with another in the same requests.
fn goes_along(first: &Step, step: &Step) -> bool {
    (&first.connection, first.kind, first.effect) == (&step.connection, step.kind, step.effect)
}

/// The steps of one account, in their order.
struct Lane<'a> {
    busy: bool,
    steps: VecDeque<&'a Step>,
}

/// Why a step cannot start.
enum Obstacle {
    /// Not now; later in this run perhaps.
    Now,
    /// Not in this run.
    Ever(String),
    /// Not before a person has done something by hand.
    ByHand(String),
}

/// Finds the steps of which nobody knows what became of an earlier try. All are looked up before anything is under way:
/// a step that waits for its turn may hold a connection to the store.
async fn unsettled(
    house: &House,
    steps: &[Step],
    open: &BTreeSet<StepId>,
) -> Result<BTreeMap<StepId, i64>, EngineError> {
    let ids: Vec<&StepId> = steps.iter().map(|step| &step.id).collect();
    let results = house.store.last_results(&ids).await?;
    let uncertain = |id: &StepId| {
        let last = results.get(id).map(|result| result.outcome);
        open.contains(id) || last.is_some_and(|last| !matches!(last, Outcome::Done | Outcome::AlreadyTrue))
    };
    let mut unsettled = BTreeMap::new();
    for id in ids.into_iter().filter(|id| uncertain(id)) {
        if let Some(since_ms) = house.store.doubtful_since(id).await? {
            unsettled.insert(id.clone(), since_ms);
        }
    }
    Ok(unsettled)
}

/// Sorts steps into lanes. Lanes with open work come first, then the plan's order.
fn lanes<'a>(steps: &'a [Step], open: &BTreeSet<StepId>) -> Vec<Lane<'a>> {
    let mut by_account: BTreeMap<_, usize> = BTreeMap::new();
    let mut lanes: Vec<Lane<'a>> = Vec::new();
    for step in steps {
        let at = *by_account.entry(account_of(step)).or_insert_with(|| {
            lanes.push(Lane { busy: false, steps: VecDeque::new() });
            lanes.len() - 1
        });
        lanes[at].steps.push_back(step);
    }
    lanes.sort_by_key(|lane| !lane.steps.iter().any(|step| open.contains(&step.id)));
    lanes
}

fn account_of(step: &Step) -> (ConnectionName, Option<IdentityId>, Option<String>) {
    let account = if step.identity.is_some() { None } else { step.account.clone() };
    (step.connection.clone(), step.identity.clone(), account)
}

fn waits_for(approval: &Approval) -> String {
    match approval.state {
        ApprovalState::Rejected => format!("rejected by {}", approval.by.join(", ")),
        _ if approval.from.is_empty() => "waits for an approval".into(),
        _ => format!("waits for {} of {}", approval.count, approval.from.join(" or ")),
    }
}
