//! One run over a plan: which steps may start, in which order, how many at once. Several hands may share a run, each in a
//! process of its own: what one is at, the others leave to it, and what it settled they take over.
//! How steps begin is told in `begin`, how they end in `settle`, how one is carried out in `step`.

use super::Context;
use super::abandoned::settle_abandoned;
use super::lanes::{Lanes, account_of};
use super::places::Places;
use super::seats::{NoSeat, Seats};
use super::settle::Ended;
use super::step::{Aim, carry_out};
use super::still::{self, MOVED, Still};
use super::under_way::UnderWay;
use super::urgency;
use super::word::Word;
use crate::alone::{as_hand, mark};
use crate::error::EngineError;
use crate::house::{House, Reader};
use crate::progress::Progress;
use crate::reconcile::{Company, Found, Scope, company, company_about};
use crate::work::job;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tenure_connect::{Connector, ErrorKind, witnessed};
use tenure_core::abilities::{Abilities, Effect};
use tenure_core::approve::Demands;
use tenure_core::change::{Approval, ApprovalState, Outcome, Plan, Step, StepResult};
use tenure_core::facts::{ConnectionFacts, Removed};
use tenure_core::guards;
use tenure_core::guards::release::{freed, released};
use tenure_core::journal::Draft;
use tenure_core::name::{ConnectionName, IdentityId, RunId, StepId};
use tenure_store::{Joined, Lease, Removal, Run as StoredRun};

/// After so many steps in a row without a clear answer a connection is left alone until the next run.
pub(super) const UNANSWERED_MAX: u32 = 5;

/// How long a step that has ended waits for others, to be settled in one transaction with them.
const GATHERED: Duration = Duration::from_millis(5);

/// How long a hand waits for others who are at what is left.
const ELSEWHERE_LOOKED: Duration = Duration::from_millis(150);

/// What became of a plan.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ApplyReport {
    /// The run.
    pub run: RunId,
    /// Each step of the plan, in its order.
    pub steps: Vec<StepResult>,
    /// How many steps guards keep back.
    pub held: usize,
    /// Steps that were skipped because somebody must still say yes, or end a stop, and those that need them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) waiting: BTreeSet<StepId>,
    /// Steps that failed because their side could not be reached.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) unreachable: BTreeSet<StepId>,
    /// In which sort of words apps refused.
    #[serde(skip)]
    pub(crate) refusals: BTreeMap<StepId, ErrorKind>,
    /// Until when a connection is parked whose steps were left alone because of that, the first of them.
    #[serde(skip)]
    pub parked_until_ms: Option<i64>,
    /// Whether a step got no clear answer, or the facts of that moment spoke against it: it may go better a moment later.
    #[serde(skip)]
    pub(crate) unclear: bool,
    /// Whether this process was to end before everything was tried.
    #[serde(skip)]
    pub drained: bool,
}

impl ApplyReport {
    /// Tells whether a step was skipped because somebody must still say yes, or end a stop: to it, or to one that it needs.
    pub fn waits(&self, result: &StepResult) -> bool {
        self.waiting.contains(&result.id)
    }

    /// Tells whether every step that was tried failed because its side could not be reached.
    pub fn all_unreachable(&self) -> bool {
        let tried: Vec<_> = self.steps.iter().filter(|result| !self.waits(result)).collect();
        !tried.is_empty() && tried.iter().all(|result| self.unreachable.contains(&result.id))
    }
}

/// Does the permitted steps of a plan, together with whoever else is at it.
///
/// # Errors
/// A connector cannot be built, or the store failed. What an app refuses is in the report.
#[tracing::instrument(name = "apply", skip_all, fields(plan = %plan.id, run))]
#[boxed]
pub async fn apply(house: &House, plan: &Plan, by: &str, progress: &Progress) -> Result<ApplyReport, EngineError> {
    let work = |lease| async move {
        let all: Vec<&Step> = plan.all_steps().collect();
        let about = company_about(house, &all).await?;
        let found = about.judge_alone(house, None)?;
        let everybody;
        let is_enough = !about.is_part || plan.way_back.is_some();
        let (company, found) = if is_enough || still::leads_to_all(house, &found.plan, plan).await? {
            (&about, found)
        } else {
            // That a step is wished no more is said on the word of the whole company only.
            everybody = company(house, &Scope::default()).await?;
            (&everybody, everybody.judge_alone(house, None)?)
        };
        let today = Today { company, found: &found, judged_after_ms: 0 };
        Box::pin(apply_as_hand(house, plan, by, progress, lease, today)).await
    };
    as_hand(house, by, work).await
}

/// What is known as a run begins.
pub(crate) struct Today<'a, 'f> {
    /// The facts.
    pub company: &'a Company,
    /// What they lead to.
    pub found: &'a Found<'f>,
    /// How long after the run the company is judged anew: who comes with one person after the other judges each by
    /// themselves, and the company once for many.
    pub judged_after_ms: i64,
}

/// As [`apply`], of a plan that was made of today's facts a moment ago.
///
/// # Errors
/// As [`apply`].
#[tracing::instrument(name = "apply", skip_all, fields(plan = %plan.id, run))]
pub(crate) async fn apply_today(
    house: &House,
    plan: &Plan,
    by: &str,
    progress: &Progress,
    today: Today<'_, '_>,
) -> Result<ApplyReport, EngineError> {
    as_hand(house, by, |lease| Box::pin(apply_as_hand(house, plan, by, progress, lease, today))).await
}

async fn apply_as_hand(
    house: &House,
    plan: &Plan,
    by: &str,
    progress: &Progress,
    lease: Lease,
    Today { company, found, judged_after_ms }: Today<'_, '_>,
) -> Result<ApplyReport, EngineError> {
    let Found { graph, plan: now, .. } = found;
    let now_ms = house.clock.now_ms();
    let mut addresses = BTreeMap::new();
    let mut steps = Vec::with_capacity(plan.steps.len());
    let mut demands = Demands::new(&house.policy);
    let word = Word::new(graph, &house.policy, plan, &company.facts.decisions);
    let released = released(plan, &company.facts.decisions, &house.policy, now_ms);
    let freed = freed(plan, &released);
    for step in plan.steps.iter().chain(&freed) {
        let identity = step.identity.as_ref().and_then(|id| graph.identity(id));
        if let Some((id, address)) = identity.and_then(|identity| Some((&identity.id, identity.work_email()?))) {
            addresses.insert(id.clone(), address.to_owned());
        }
        let asked = Step { approval: demands.demand(step, identity), ..step.clone() };
        steps.push(Arc::new(Step { approval: word.approval(&asked, now_ms), ..asked }));
    }
    let context = Arc::new(Context::new(house, by, progress, addresses));
    let drifted = company.facts.connections.iter();
    let doubts = Doubts {
        stale: is_stale(house, plan),
        drifted: drifted.filter_map(|(name, facts)| Some((name.clone(), facts.drift.clone()?))).collect(),
        most: most_per_day(house, &company.facts.connections, &released),
        still: still::compare(house, now, plan, &freed, &released).await?,
    };
    // Boxed, so that a run's own future stays of a size that others can hold.
    Box::pin(settle_abandoned(house, &context, plan, &lease)).await?;
    let mut walk = Run::new(house, context, plan, lease, &steps, doubts, word).await?;
    walk.carry_out_all().await?;
    walk.end(&steps, plan, plan.held.len() - freed.len(), judged_after_ms).await
}

/// Takes part in the run of a plan that is under way, or begins one.
async fn join(house: &House, plan: &Plan, by: &str, lease: &Lease, accounts: usize) -> Result<Joined, EngineError> {
    let now_ms = house.clock.now_ms();
    let run = StoredRun {
        id: RunId::from(format!("r-{now_ms:x}-{:x}", mark())),
        plan: plan.id.clone(),
        actor: by.to_owned(),
        started_ms: now_ms,
        finished_ms: None,
    };
    let begun = Draft {
        at: house.clock.now_text(),
        actor: by.to_owned(),
        event: "run_started".into(),
        run: Some(run.id.to_string()),
        step: None,
        body: serde_json::json!({ "plan": plan.id, "digest": plan.digest }),
    };
    Ok(house.store.join_run(lease, &run, vec![begun], &job::help(&plan.id, accounts, now_ms)).await?)
}

/// Why a plan is not believed any more, in part.
pub(super) struct Doubts {
    /// It is older than what the policy takes access away on.
    stale: bool,
    /// Connections that answer in another form than before, and what to do about it.
    drifted: BTreeMap<ConnectionName, String>,
    /// How much may be taken away in each connection within a day.
    most: BTreeMap<ConnectionName, Removed>,
    /// What today's facts say of its steps.
    still: Still,
}

/// A run on its way, as one of its hands sees it.
pub(super) struct Run<'a> {
    pub(super) house: &'a House,
    pub(super) context: Arc<Context>,
    pub(super) id: RunId,
    pub(super) lease: Lease,
    pub(super) connectors: BTreeMap<ConnectionName, Arc<Connector>>,
    pub(super) lanes: Lanes<'a>,
    /// Steps that are not settled yet.
    pub(super) left: BTreeSet<StepId>,
    pub(super) results: BTreeMap<StepId, StepResult>,
    /// Steps that were tried before, since when nobody knows what became of them.
    pub(super) unsettled: BTreeMap<StepId, i64>,
    /// Steps that a person does.
    by_hand: BTreeSet<StepId>,
    /// Steps that were skipped because of a guard, a stop or a missing yes, and those that need them.
    pub(super) waiting: BTreeSet<StepId>,
    /// Connections to which writes were stopped, and by whom.
    pub(super) stopped: BTreeMap<ConnectionName, String>,
    pub(super) unreachable: BTreeSet<StepId>,
    /// Steps that are not done for a field that their app left alone; the accounts that they make are there.
    pub(super) stands: BTreeSet<StepId>,
    pub(super) refusals: BTreeMap<StepId, ErrorKind>,
    doubts: Doubts,
    pub(super) word: Word<'a>,
    pub(super) seats: Seats,
    /// How many steps in a row a connection gave no clear answer to.
    pub(super) unanswered: BTreeMap<ConnectionName, u32>,
    /// Whether any step got none, or was kept back by the facts of the moment.
    pub(super) unclear: bool,
    pub(super) places: Places,
    /// Until when a connection is parked whose steps were left alone, the first of them.
    pub(super) parked_until_ms: Option<i64>,
    /// Whether others carry the run out as well, as far as this hand has seen.
    pub(super) shared: bool,
    /// Up to which entry of the journal the results of the others are known, and when they were asked for.
    pub(super) seen: (i64, i64),
}

/// A step that is taken out of its lane to be begun.
pub(super) struct Ready<'a> {
    pub lane: usize,
    pub step: &'a Arc<Step>,
    pub connector: Connector,
}

impl<'a> Run<'a> {
    async fn new(
        house: &'a House,
        context: Arc<Context>,
        plan: &Plan,
        lease: Lease,
        steps: &'a [Arc<Step>],
        doubts: Doubts,
        word: Word<'a>,
    ) -> Result<Self, EngineError> {
        let mut connectors = BTreeMap::new();
        for step in steps {
            if !connectors.contains_key(&step.connection)
                && let Reader::App(connector) = house.reader(&step.connection).await?
            {
                connectors.insert(step.connection.clone(), connector);
            }
        }
        let permitted = steps.iter().filter(|step| step.approval.state.permits());
        let accounts = permitted.map(|step| account_of(step)).collect::<BTreeSet<_>>().len();
        let Joined { run: id, others } = join(house, plan, &context.by, &lease, accounts).await?;
        tracing::Span::current().record("run", id.as_str());
        let open = house.store.open_steps().await?;
        let open: BTreeSet<StepId> = open.into_iter().filter(|open| open.run != id).map(|open| open.step).collect();
        Ok(Self {
            house,
            context,
            id,
            lease,
            connectors,
            lanes: Lanes::new(steps, &open, others),
            left: steps.iter().map(|step| step.id.clone()).collect(),
            results: BTreeMap::new(),
            unsettled: unsettled(house, steps, &open).await?,
            by_hand: steps.iter().filter(|step| step.effect == Effect::Manual).map(|step| step.id.clone()).collect(),
            waiting: BTreeSet::new(),
            stopped: BTreeMap::new(),
            unreachable: BTreeSet::new(),
            stands: BTreeSet::new(),
            refusals: BTreeMap::new(),
            doubts,
            word,
            seats: Seats::default(),
            unanswered: BTreeMap::new(),
            unclear: false,
            places: Places::default(),
            parked_until_ms: None,
            shared: others > 0,
            seen: (0, 0),
        })
    }

    /// Begins what is ready, all in one transaction, and settles what has ended in another, until nothing is left.
    async fn carry_out_all(&mut self) -> Result<(), EngineError> {
        let mut under_way = UnderWay::default();
        loop {
            if self.shared {
                self.look_at_others().await?;
            }
            let ready = self.all_ready();
            if !ready.is_empty() {
                for (Ready { lane, step, connector }, opened) in self.begin(ready).await? {
                    let aim = if self.doubts.still.perhaps_so.contains(&step.id) { Aim::Look } else { Aim::Act };
                    let (context, own) = (self.context.clone(), step.clone());
                    // Boxed, so that what is large is moved once.
                    let work = async move { witnessed(carry_out(&context, &connector, &own, (opened, aim))).await };
                    under_way.push((lane, step, opened), Box::pin(work));
                }
                if under_way.is_empty() {
                    continue;
                }
            }
            let ended = match (self.is_held_up(), under_way.is_empty()) {
                (true, true) => {
                    tokio::time::sleep(ELSEWHERE_LOOKED).await;
                    Vec::new()
                }
                (true, false) => {
                    tokio::time::timeout(ELSEWHERE_LOOKED, under_way.next(GATHERED)).await.unwrap_or_default()
                }
                (false, _) => under_way.next(GATHERED).await,
            };
            if ended.is_empty() && under_way.is_empty() && !self.is_held_up() {
                self.skip_rest();
                return Ok(());
            }
            let told = |((lane, step, opened), (carried, asked))| Ended { lane, step, opened, carried, asked };
            let ended: Vec<_> = ended.into_iter().map(told).collect();
            for Ended { lane, step, .. } in &ended {
                self.lanes.free(*lane);
                self.places.end(&step.connection, self.house.clock.now_ms());
            }
            self.settle(ended).await?;
        }
    }

    /// Tells whether what is left waits for other hands, while this one may still begin something.
    fn is_held_up(&self) -> bool {
        !self.house.drain.has_begun() && self.lanes.wait_for_others()
    }

    /// Takes everything that can start now.
    fn all_ready(&mut self) -> Vec<Ready<'a>> {
        let mut all = Vec::new();
        while let Some(ready) = self.next_ready() {
            let connectors = self.connectors_of(&ready);
            all.extend(ready.into_iter().zip(connectors).map(|((lane, step), connector)| Ready {
                lane,
                step,
                connector,
            }));
        }
        all
    }

    /// Returns a connector for each of the steps, which go together where there are several.
    fn connectors_of(&self, ready: &[(usize, &Arc<Step>)]) -> Vec<Connector> {
        let Some((_, first)) = ready.first() else { return Vec::new() };
        let connector = &self.connectors[&first.connection];
        if ready.len() > 1 { connector.together(ready.len()) } else { vec![connector.as_ref().clone()] }
    }

    /// Takes the next step that can start, and those that go along with it in the same requests; none once this process
    /// is to end.
    fn next_ready(&mut self) -> Option<Vec<(usize, &'a Arc<Step>)>> {
        if self.house.drain.has_begun() {
            return None;
        }
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
    fn take_ready(&mut self, along: Option<&Step>) -> Option<(usize, &'a Arc<Step>)> {
        loop {
            let settled = self.results.len();
            let taken = self.take_first(along);
            // Whoever waited for a step that was settled on the way is asked once more.
            if taken.is_some() || self.results.len() == settled {
                return taken;
            }
        }
    }

    fn take_first(&mut self, along: Option<&Step>) -> Option<(usize, &'a Arc<Step>)> {
        let connections = along.map_or_else(|| self.lanes.connections(), |first| vec![first.connection.clone()]);
        for connection in &connections {
            let mut after = None;
            while let Some((at, step)) = self.lanes.first_free(connection, after) {
                if along.is_some_and(|first| !goes_along(first, step)) {
                    after = Some(at);
                    continue;
                }
                match self.obstacle(step, along.is_some()) {
                    Some(Obstacle::Full) => break,
                    Some(Obstacle::Now) => after = Some(at),
                    Some(Obstacle::Ever(because)) => {
                        self.note_parked(step);
                        self.lanes.pass_over(at);
                        self.skip(step, because, Outcome::Skipped);
                    }
                    Some(Obstacle::Waits(because)) => {
                        self.lanes.pass_over(at);
                        self.waiting.insert(step.id.clone());
                        self.skip(step, because, Outcome::Skipped);
                    }
                    Some(Obstacle::Held(because)) => {
                        self.lanes.pass_over(at);
                        self.waiting.insert(step.id.clone());
                        self.unclear = true;
                        self.skip(step, because, Outcome::Skipped);
                    }
                    Some(Obstacle::Moved) => {
                        self.lanes.pass_over(at);
                        self.unclear = true;
                        self.skip(step, MOVED.into(), Outcome::Moved);
                    }
                    Some(Obstacle::ByHand(because)) => {
                        self.lanes.pass_over(at);
                        self.skip(step, because, Outcome::Pending);
                    }
                    None => {
                        self.lanes.begin(at);
                        self.take_place(step);
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
        let answers = self.unanswered.get(&step.connection) == Some(&0);
        if !along && self.places.are_full(&step.connection, answers, self.house.clock.now_ms()) {
            return Some(Obstacle::Full);
        }
        // Before it is told that a step moved: what was read of another form says nothing certain of what is wished.
        if let Some(because) = self.doubts.drifted.get(&step.connection) {
            return ever(because);
        }
        if self.doubts.still.moved.contains(&step.id) {
            return Some(Obstacle::Moved);
        }
        if !step.approval.state.permits() {
            return Some(Obstacle::Ever(waits_for(&step.approval)));
        }
        if let Some(because) = self.doubts.still.held.get(&step.id) {
            return Some(Obstacle::Held(because.clone()));
        }
        if let Some(because) = self.stopped.get(&step.connection) {
            return ever(because);
        }
        let Some(connector) = self.connectors.get(&step.connection) else {
            return ever("the connection has no app that could be written to");
        };
        if let Some(parked) = connector.parked(urgency(step)) {
            return Some(Obstacle::Ever(parked.to_string()));
        }
        if self.doubts.stale && step.effect.is_removal() {
            return Some(Obstacle::Held(STALE.into()));
        }
        let no_seat = self.seats.obstacle(step, &self.connectors[&step.connection].abilities());
        if no_seat == Some(NoSeat::Full) {
            return ever("the app has no seat left; free one or buy one, then plan again");
        }
        if self.unanswered.get(&step.connection).is_some_and(|row| *row >= UNANSWERED_MAX) {
            return ever("too many steps in a row got no clear answer from the app; apply again when it answers");
        }
        let mut kept_back = None;
        for need in &step.needs {
            match self.results.get(need).map(|result| result.outcome) {
                Some(Outcome::Pending) if self.by_hand.contains(need) => {
                    return Some(Obstacle::ByHand(format!("{need}, which a person does by hand, is not done yet")));
                }
                Some(Outcome::Done | Outcome::AlreadyTrue | Outcome::Pending) => {}
                Some(_) if self.waiting.contains(need) => kept_back = Some(need),
                // Not done for a field that the app left alone; the account that is needed is there.
                Some(Outcome::Refused) if self.stands.contains(need) => {}
                Some(_) => return Some(Obstacle::Ever(format!("{need}, which it needs, was not done"))),
                None if self.left.contains(need) => return Some(Obstacle::Now),
                None => {} // not a step of this plan: what it made is there already
            }
        }
        if let Some(need) = kept_back {
            return Some(Obstacle::Waits(format!("{need}, which it needs, waits or was rejected")));
        }
        if step.after.iter().any(|before| self.left.contains(before)) {
            return Some(Obstacle::Now);
        }
        // Whatever became of them; but where a person may stop them all, nobody has said yet that it should be done.
        if let Some(before) = step.after.first().filter(|_| step.after.iter().all(|one| self.waiting.contains(one))) {
            return Some(Obstacle::Waits(format!("{before}, after which it comes, waits or was rejected")));
        }
        if along {
            return None;
        }
        if no_seat == Some(NoSeat::Now) {
            return Some(Obstacle::Now);
        }
        // What can go together waits for what is under way, so that more of it is ready by then.
        let many = together(step, &self.connectors[&step.connection].abilities()) > 1;
        (many && self.places.busy(&step.connection) > 0).then_some(Obstacle::Now)
    }

    /// Returns what a step takes away, and how much may be taken away there within a day.
    pub(super) fn removal<'s>(&self, step: &'s Step) -> Option<Removal<'s>> {
        let most = self.doubts.most.get(&step.connection).copied()?;
        let account = step.account.as_deref().or(step.identity.as_ref().map(IdentityId::as_str))?;
        guards::removes(step).then_some(Removal { account, most })
    }

    /// Says why a step takes away too much.
    pub(super) fn too_much(&self, step: &Step, removed: Removed) -> String {
        let (name, most) = (&step.connection, self.doubts.most.get(&step.connection).copied().unwrap_or_default());
        let (guard, before, most) = match removed.steps >= most.steps {
            true => ("removals_max_per_day", removed.steps, most.steps),
            false => ("removals_max_share_per_day", removed.accounts, most.accounts),
        };
        format!(
            "{before} were taken away in {name} within the last 24 hours, {guard} allows {most}; plan again, and wait or \
             release the guard for that plan"
        )
    }

    /// Takes the place in its connection that a step needs to begin.
    fn take_place(&mut self, step: &Step) {
        self.places.take(&step.connection);
        self.seats.begin(step, &self.connectors[&step.connection].abilities());
    }

    /// Remembers until when the connection of a step that is left alone is parked.
    fn note_parked(&mut self, step: &Step) {
        let parked = self.connectors.get(&step.connection).and_then(|connector| connector.parked(urgency(step)));
        if let Some(until_ms) = parked.map(|parked| parked.until_ms).filter(|_| step.approval.state.permits()) {
            self.parked_until_ms = Some(self.parked_until_ms.map_or(until_ms, |earlier| earlier.min(until_ms)));
        }
    }

    fn skip_rest(&mut self) {
        let drained = self.house.drain.has_begun();
        let because = if drained { ENDING } else { "it needs steps that need it in turn" };
        for step in self.lanes.take_rest() {
            self.skip(step, because.into(), Outcome::Skipped);
        }
    }
}

const STALE: &str =
    "the plan is older than `stale_after` of the policy; pull and plan again before taking anything away";
const ENDING: &str = "this process is about to end; another goes on, or `tenure apply` does";

/// Returns how much may be taken away in each connection within a day, as far as nobody has released it.
fn most_per_day(
    house: &House,
    connections: &BTreeMap<ConnectionName, ConnectionFacts>,
    released: &BTreeSet<String>,
) -> BTreeMap<ConnectionName, Removed> {
    let most = |(name, facts): (&ConnectionName, &ConnectionFacts)| {
        let most = guards::most_per_day(&house.policy.guards, facts.accounts_active + facts.removed.accounts);
        let or_all = |guard: &str, most: u64| if released.contains(guard) { u64::MAX } else { most };
        let steps = or_all("removals_max_per_day", most.steps);
        (name.clone(), Removed { steps, accounts: or_all("removals_max_share_per_day", most.accounts) })
    };
    connections.iter().map(most).collect()
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

/// Why a step cannot start.
enum Obstacle {
    /// Not now, and no other of its connection either.
    Full,
    /// Not now; later in this run perhaps.
    Now,
    /// Not in this run.
    Ever(String),
    /// Not in this run: what it needs is kept back itself, by a guard, a stop or for want of somebody's yes.
    Waits(String),
    /// Not in this run: a guard keeps it back.
    Held(String),
    /// Not any more: nothing leads to it today.
    Moved,
    /// Not before a person has done something by hand.
    ByHand(String),
}

/// Finds the steps of which nobody knows what became of an earlier try. All are looked up before anything is under way:
/// a step that waits for its turn may hold a connection to the store.
async fn unsettled(
    house: &House,
    steps: &[Arc<Step>],
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

pub(crate) fn waits_for(approval: &Approval) -> String {
    match approval.state {
        ApprovalState::Rejected => format!("rejected by {}", approval.by.join(", ")),
        _ if approval.from.is_empty() => "waits for an approval".into(),
        _ => format!("waits for {} of {}", approval.count, approval.from.join(" or ")),
    }
}
