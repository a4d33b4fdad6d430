//! Plan: steps in an order in which they can be done, each with its id, its risk, and who must say yes; and what is
//! held back.
//! Proposals come in, a plan goes out. The same proposals make the same plan to the byte, in whatever order the facts
//! came; nothing here looks at the world again.

use crate::abilities::{Effect, EffectAbility};
use crate::account::{Account, Grant};
use crate::approve::{Demands, Said, approval};
use crate::byhand::hand_work;
use crate::change::{Approval, ApprovalState, Change, Cost, Finding, Hold, Plan, Reason, ReasonKind, Risk, Step};
use crate::correlate::{Graph, IdentityAt};
use crate::diff::{Asked, Proposal};
use crate::digest::{derived, json};
use crate::facts::{Decided, Decision, Facts};
use crate::finding::Findings;
use crate::guards::{self, Scene};
use crate::hex::hex;
use crate::name::{ConnectionName, IdentityId, PlanId, StepId};
use crate::policy::Rules;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

mod cost;

use cost::cost;
pub(crate) use cost::{seats_free, seats_of};

/// Steps, held steps and what they cost, before the findings are known.
#[derive(Debug)]
pub struct Planned {
    steps: Vec<Step>,
    held: Vec<Hold>,
    cost: Cost,
}

/// Makes steps of proposals, and holds back what the guards say.
pub fn plan(
    proposals: Vec<Proposal>,
    graph: &Graph<'_>,
    facts: &Facts,
    rules: &Rules,
    asked: &Asked,
    findings: &mut Findings,
) -> Planned {
    let mut demands = Demands::new(rules);
    let said = Said::of(&facts.decisions);
    let mut proposals = proposals;
    let mut steps: Vec<Step> = proposals.iter_mut().map(|proposal| step_of(proposal, graph, facts)).collect();
    link_needs(&mut steps, &proposals, graph);
    let words = newest_words(facts);
    for (step, proposal) in steps.iter_mut().zip(&proposals) {
        let identity = proposal.identity.map(|at| graph.identity_at(at));
        step.reason.by = asker(step, &words);
        step.approval = demands.demand(step, identity);
        let said = said.about(&step.id);
        step.approval = approval(step, said, asked.requested_by.as_deref(), identity, rules, facts.now_ms);
    }
    let steps = ordered(steps, &proposals, graph);
    let scene = Scene { steps: &steps, facts, rules, graph, held: &[] };
    let holds = guards::holds(&scene, findings);
    let (mut free, mut held) = (Vec::new(), Vec::new());
    for (step, hold) in steps.into_iter().zip(holds) {
        match hold {
            None => free.push(step),
            Some((guard, because)) => held.push(Hold { step, guard: guard.to_owned(), because, release: None }),
        }
    }
    let cost = cost(&free, &held, graph, facts);
    Planned { steps: free, held, cost }
}

impl Planned {
    /// Completes the plan with the findings that stand and its digest.
    pub fn finish(mut self, findings: &[Finding], asked: &Asked, rules: &Rules) -> Plan {
        let digest = digest_of(&self.steps, &self.held);
        let id = PlanId::from(format!("p-{}", &digest[..12]));
        for hold in &mut self.held {
            hold.release = guards::release::says(&hold.guard, id.as_str(), rules);
        }
        Plan {
            id,
            digest,
            made_at: asked.made_at.clone(),
            requested_by: asked.requested_by.clone(),
            steps: self.steps,
            held: self.held,
            findings: findings.iter().map(|finding| finding.id.clone()).collect(),
            cost: self.cost,
            way_back: None,
        }
    }
}

/// Returns the digest of steps and holds, approvals left out.
pub fn digest_of(steps: &[Step], held: &[Hold]) -> String {
    #[derive(Serialize)]
    struct Said<'a> {
        step: Step,
        guard: Option<&'a str>,
        because: Option<&'a str>,
    }
    let without = |step: &Step| {
        let approval =
            Approval { state: ApprovalState::Waiting, from: Vec::new(), count: 0, by: Vec::new(), until: None };
        Step { approval, ..step.clone() }
    };
    let free = steps.iter().map(|step| Said { step: without(step), guard: None, because: None });
    let kept = held.iter().map(|hold| Said {
        step: without(&hold.step),
        guard: Some(&hold.guard),
        because: Some(&hold.because),
    });
    let mut hash = Sha256::new();
    for said in free.chain(kept) {
        hash.update(json(&said).as_bytes());
        hash.update(b"\n");
    }
    hex(&hash.finalize())
}

/// Finds what was said last of each person: that they join, move or leave.
fn newest_words(facts: &Facts) -> HashMap<&IdentityId, &Decision> {
    let mut newest: HashMap<&IdentityId, &Decision> = HashMap::new();
    for decision in &facts.decisions {
        if let Decided::Join { identity, .. } | Decided::Move { identity, .. } | Decided::Leave { identity, .. } =
            &decision.what
        {
            let known = newest.entry(identity).or_insert(decision);
            if known.seq < decision.seq {
                *known = decision;
            }
        }
    }
    newest
}

/// Returns who asked for a step by saying what happens to the person, if it comes of that. What drifted, or what a source
/// tells, nobody asked for.
fn asker(step: &Step, words: &HashMap<&IdentityId, &Decision>) -> Option<String> {
    let word = words.get(step.identity.as_ref()?)?;
    let comes_of_it = match &word.what {
        Decided::Move { .. } => step.reason.kind == ReasonKind::Mover,
        Decided::Join { .. } => matches!(step.reason.kind, ReasonKind::Decision | ReasonKind::Joiner),
        _ => step.reason.kind == ReasonKind::Decision,
    };
    comes_of_it.then(|| word.by.clone())
}

fn ability_of<'f>(facts: &'f Facts, proposal: &Proposal) -> Option<&'f EffectAbility> {
    facts.connections.get(&proposal.connection)?.abilities.kinds.get(&proposal.kind)?.effects.get(&proposal.effect)
}

/// Makes a step; the changes and the reason move into it.
fn step_of(proposal: &mut Proposal, graph: &Graph<'_>, facts: &Facts) -> Step {
    let ability = ability_of(facts, proposal);
    let irreversible = ability.is_some_and(|ability| ability.irreversible);
    let privileged = proposal
        .changes
        .iter()
        .filter_map(|change| change.entitlement.as_ref())
        .any(|change| change.add.iter().any(|grant| grant.privileged));
    let account = proposal.account.map(|at| graph.account_at(at));
    let identity = proposal.identity.map(|at| graph.identity_at(at));
    let regains = account.map_or(&[][..], |account| regained(proposal, account));
    let regained: Vec<&str> = regains.iter().filter(|grant| grant.privileged).map(|grant| &*grant.name).collect();
    let risky = irreversible || privileged || !regained.is_empty() || proposal.effect.is_removal();
    let id = step_id(proposal, regains, graph);
    let ability_of_kind =
        facts.connections.get(&proposal.connection).and_then(|facts| facts.abilities.kinds.get(&proposal.kind));
    let owner = facts.connections.get(&proposal.connection).and_then(|facts| facts.abilities.owner.as_deref());
    let by_hand = proposal
        .by_hand
        .as_ref()
        .map(|hand| hand_work(hand, ability_of_kind, owner, account, identity, &proposal.changes, facts.now_ms));
    let mut reason = std::mem::replace(
        &mut proposal.reason,
        Reason { kind: ReasonKind::Drift, rule: None, text: String::new(), by: None },
    );
    if let Some(hand) = &proposal.by_hand {
        reason.text = format!("{}; {}", reason.text, hand.because);
    }
    if !regained.is_empty() {
        reason.text = format!("{}; it holds {} still, which is privileged", reason.text, regained.join(", "));
    }
    Step {
        id,
        connection: proposal.connection.clone(),
        effect: proposal.effect,
        identity: identity.map(|identity| identity.id.clone()),
        person: identity.map(|identity| identity.label().to_owned()),
        account: account.map(|account| account.key.id.as_str().to_owned()),
        kind: proposal.kind,
        account_key: account.map(|account| account.key.clone()),
        changes: std::mem::take(&mut proposal.changes),
        regains: regains.to_vec(),
        reason,
        risk: if risky { Risk::High } else { Risk::Low },
        irreversible,
        loses: ability.and_then(|ability| ability.loses.clone()),
        by_hand,
        needs: Vec::new(),
        after: Vec::new(),
        approval: Approval { state: ApprovalState::NotNeeded, from: Vec::new(), count: 0, by: Vec::new(), until: None },
    }
}

/// Returns what an account that lets nobody in gives access to as soon as it is let in again: all that it holds, also
/// what a later step takes away.
fn regained<'f>(proposal: &Proposal, account: &'f Account) -> &'f [Grant] {
    let does = proposal.by_hand.as_ref().map_or(proposal.effect, |hand| hand.does);
    match does {
        Effect::Resume | Effect::Convert if !account.state.gives_access() => &account.grants,
        _ => &[],
    }
}

/// Derives a step's id from what it would do. Why it would be done is no part of it, so that a better sentence does
/// not ask people again.
fn step_id(proposal: &Proposal, regains: &[Grant], graph: &Graph<'_>) -> StepId {
    #[derive(Serialize)]
    struct Done<'a>(&'a [Change], Option<&'a str>);
    #[derive(Serialize)]
    struct Regained<'a>(Done<'a>, &'a [Grant]);
    let account = proposal.account.map(|at| graph.account_at(at).key.to_string());
    let identity = proposal.identity.map_or("", |at| graph.identity_at(at).id.as_str());
    let done = Done(&proposal.changes, proposal.by_hand.as_ref().map(|hand| hand.does.as_str()));
    let changes = if regains.is_empty() { json(&done) } else { json(&Regained(done, regains)) };
    StepId::from(derived(
        "s-",
        16,
        &[
            proposal.connection.as_str(),
            identity,
            account.as_deref().unwrap_or(""),
            proposal.effect.as_str(),
            proposal.kind.as_str(),
            &changes,
        ],
    ))
}

/// Writes down which steps need or await which: those of one account their predecessors, a report the manager's account.
fn link_needs(steps: &mut [Step], proposals: &[Proposal], graph: &Graph<'_>) {
    let mut made: HashMap<(&ConnectionName, IdentityAt), usize> = HashMap::new();
    for (at, proposal) in proposals.iter().enumerate() {
        let makes = matches!(proposal.effect, Effect::Create | Effect::Convert | Effect::Resume);
        if let Some(identity) = proposal.identity.filter(|_| makes) {
            made.entry((&proposal.connection, identity)).or_insert(at);
        }
    }
    for (at, proposal) in proposals.iter().enumerate() {
        let managers = steps[at].changes.iter().filter(|change| change.after.is_null()).filter_map(|change| {
            let manager = graph.find(change.refers_to.as_ref()?)?;
            made.get(&(&proposal.connection, manager)).copied()
        });
        let mut needs: Vec<StepId> = proposal
            .needs
            .iter()
            .copied()
            .chain(managers)
            .filter(|need| *need != at)
            .map(|need| steps[need].id.clone())
            .collect();
        needs.sort();
        needs.dedup();
        steps[at].needs = needs;
        let mut after: Vec<StepId> = proposal.after.iter().map(|before| steps[*before].id.clone()).collect();
        after.sort();
        after.dedup();
        steps[at].after = after;
    }
}

/// Puts leavers first, then what makes accounts with managers before reports, then what changes them, and what takes
/// away last.
fn ordered(steps: Vec<Step>, proposals: &[Proposal], graph: &Graph<'_>) -> Vec<Step> {
    let any_refers = steps.iter().any(|step| step.changes.iter().any(|change| change.refers_to.is_some()));
    let mut keyed: Vec<(u8, u32, Step)> = steps
        .into_iter()
        .zip(proposals)
        .map(|(step, proposal)| {
            let makes = matches!(step.effect, Effect::Create | Effect::Convert | Effect::Resume);
            let depth = proposal.identity.filter(|_| makes && any_refers).map_or(0, |at| graph.depth(at));
            (rank(&step), depth, step)
        })
        .collect();
    keyed.sort_by(|(one_rank, one_depth, one), (rank, depth, other)| {
        (one_rank, one_depth, &one.connection, &one.identity, &one.account_key, one.effect, &one.id).cmp(&(
            rank,
            depth,
            &other.connection,
            &other.identity,
            &other.account_key,
            other.effect,
            &other.id,
        ))
    });
    after_needs(keyed.into_iter().map(|(_, _, step)| step).collect())
}

/// Keeps the order given, but for steps that stand before one that they need or await: these come right after it. Steps that
/// need each other in a circle come last, as they stood.
fn after_needs(steps: Vec<Step>) -> Vec<Step> {
    let places: HashMap<&StepId, usize> = steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
    let mut wait: Vec<usize> = vec![0; steps.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (at, step) in steps.iter().enumerate() {
        for need in step.needs.iter().chain(&step.after).filter_map(|need| places.get(need)) {
            wait[at] += 1;
            followers[*need].push(at);
        }
    }
    let mut ready: BTreeSet<usize> = (0..steps.len()).filter(|at| wait[*at] == 0).collect();
    let mut order = Vec::with_capacity(steps.len());
    while let Some(at) = ready.pop_first() {
        order.push(at);
        for follower in &followers[at] {
            wait[*follower] -= 1;
            if wait[*follower] == 0 {
                ready.insert(*follower);
            }
        }
    }
    order.extend((0..steps.len()).filter(|at| wait[*at] > 0));
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| steps[at].take()).collect()
}

fn rank(step: &Step) -> u8 {
    let takes_away =
        step.changes.iter().filter_map(|change| change.entitlement.as_ref()).any(|change| change.add.is_empty());
    let goes = matches!(step.reason.kind, ReasonKind::Leaver | ReasonKind::Decision);
    match step.effect {
        Effect::Suspend | Effect::EndSessions if goes => 0,
        Effect::Manual if goes && step.meant() == Effect::Suspend => 0,
        Effect::Create | Effect::Convert | Effect::Resume => 1,
        Effect::Update if takes_away => 4,
        Effect::Update => 2,
        Effect::Grant => 3,
        Effect::Revoke => 4,
        Effect::Suspend | Effect::EndSessions => 5,
        Effect::Manual => 6,
        Effect::Delete => 7,
    }
}

#[cfg(test)]
mod tests;
