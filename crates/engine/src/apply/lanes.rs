//! The steps of a run in lanes, one for each account: they keep their order, and only the first of a lane can start.
//! What can be asked for costs the same however many lanes there are. It does not know why a step should wait.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use tenure_core::change::Step;
use tenure_core::name::{ConnectionName, IdentityId, StepId};

/// All lanes of a run.
pub(super) struct Lanes<'a> {
    all: Vec<Lane<'a>>,
    /// The lane of each step.
    lane_of: BTreeMap<&'a StepId, usize>,
    /// Lanes whose first step nobody is at, by connection, in the order in which they are to be taken.
    free: BTreeMap<&'a ConnectionName, BTreeSet<usize>>,
    /// Lanes that another hand, or another run, is at.
    elsewhere: BTreeSet<usize>,
}

/// The steps of one account, in their order.
struct Lane<'a> {
    connection: &'a ConnectionName,
    /// A step of it is under way.
    busy: bool,
    steps: VecDeque<&'a Arc<Step>>,
}

impl<'a> Lanes<'a> {
    /// Sorts steps into lanes. Lanes with open work come first, then the plan's order; each hand of a run begins at a
    /// place of its own.
    pub fn new(steps: &'a [Arc<Step>], open: &BTreeSet<StepId>, others: i64) -> Self {
        let mut by_account: BTreeMap<_, usize> = BTreeMap::new();
        let mut all: Vec<Lane<'a>> = Vec::new();
        for step in steps {
            let at = *by_account.entry(account_of(step)).or_insert_with(|| {
                all.push(Lane { connection: &step.connection, busy: false, steps: VecDeque::new() });
                all.len() - 1
            });
            all[at].steps.push_back(step);
        }
        all.sort_by_key(|lane| !lane.steps.iter().any(|step| open.contains(&step.id)));
        begin_apart(&mut all, others);
        let of_lane = |(at, lane): (usize, &Lane<'a>)| lane.steps.iter().map(|step| (&step.id, at)).collect::<Vec<_>>();
        let lane_of = all.iter().enumerate().flat_map(of_lane).collect();
        let mut lanes = Self { all, lane_of, free: BTreeMap::new(), elsewhere: BTreeSet::new() };
        (0..lanes.all.len()).for_each(|at| lanes.sort_in(at));
        lanes
    }

    /// Lists the connections that have a lane to be taken.
    pub fn connections(&self) -> Vec<ConnectionName> {
        self.free.iter().filter(|(_, lanes)| !lanes.is_empty()).map(|(name, _)| (*name).clone()).collect()
    }

    /// Returns the first step of the first lane of a connection that nobody is at, of those after lane `after`.
    pub fn first_free(&self, connection: &ConnectionName, after: Option<usize>) -> Option<(usize, &'a Arc<Step>)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let at = *self.free.get(connection)?.range((from, Bound::Unbounded)).next()?;
        Some((at, self.all[at].steps.front().copied()?))
    }

    /// Takes the first step out of a lane, which nobody else may begin until it is freed.
    pub fn begin(&mut self, at: usize) {
        self.all[at].busy = true;
        self.pass_over(at);
    }

    /// Takes the first step out of a lane without beginning it.
    pub fn pass_over(&mut self, at: usize) {
        self.all[at].steps.pop_front();
        self.sort_in(at);
    }

    /// Puts a step that was not begun back to the front of its lane.
    pub fn put_back(&mut self, at: usize, step: &'a Arc<Step>) {
        self.all[at].steps.push_front(step);
    }

    /// Lets the next step of a lane be taken.
    pub fn free(&mut self, at: usize) {
        self.all[at].busy = false;
        self.sort_in(at);
    }

    /// Leaves a lane alone until `look_again`: somebody else is at it.
    pub fn leave_to_others(&mut self, at: usize) {
        self.elsewhere.insert(at);
        self.sort_in(at);
    }

    /// Tells whether a lane was left to others.
    pub fn wait_for_others(&self) -> bool {
        !self.elsewhere.is_empty()
    }

    /// Lets the lanes that were left to others be tried again.
    pub fn look_again(&mut self) {
        for at in std::mem::take(&mut self.elsewhere) {
            self.sort_in(at);
        }
    }

    /// Drops a step that somebody else has settled.
    pub fn drop_step(&mut self, id: &StepId) {
        let Some(at) = self.lane_of.get(id).copied() else { return };
        self.all[at].steps.retain(|step| step.id != *id);
        self.sort_in(at);
    }

    /// Takes all steps that are left.
    pub fn take_rest(&mut self) -> Vec<&'a Arc<Step>> {
        self.free.clear();
        self.elsewhere.clear();
        std::mem::take(&mut self.all).into_iter().flat_map(|lane| lane.steps).collect()
    }

    fn sort_in(&mut self, at: usize) {
        let lane = &self.all[at];
        let lanes = self.free.entry(lane.connection).or_default();
        if lane.busy || lane.steps.is_empty() || self.elsewhere.contains(&at) {
            lanes.remove(&at);
        } else {
            lanes.insert(at);
        }
    }
}

/// Lets each hand of a run begin at another place, as far from the others as can be.
fn begin_apart(lanes: &mut [Lane<'_>], others: i64) {
    let bits = u64::BITS - others.leading_zeros();
    let place = (u64::try_from(others).unwrap_or(0).reverse_bits() >> (u64::BITS - bits.max(1))) as usize;
    lanes.rotate_left((lanes.len() * place) >> bits);
}

/// Returns whose account a step is about, and where.
pub(super) fn account_of(step: &Step) -> (ConnectionName, Option<IdentityId>, Option<String>) {
    let account = if step.identity.is_some() { None } else { step.account.clone() };
    (step.connection.clone(), step.identity.clone(), account)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: &str, connection: &str, identity: &str) -> Step {
        serde_json::from_value(serde_json::json!({
            "id": id, "connection": connection, "effect": "update", "kind": "agent", "identity": identity,
            "account": null, "changes": [], "reason": { "kind": "drift", "rule": null, "text": "" }, "risk": "low",
            "irreversible": false, "needs": [], "approval": { "state": "not_needed", "from": [], "count": 0, "by": [] },
        }))
        .expect("a step")
    }

    #[test]
    fn only_the_first_of_a_lane_is_free_and_the_next_when_it_has_ended() {
        let steps = [step("1", "a", "jane"), step("2", "a", "jane"), step("3", "a", "john"), step("4", "b", "jane")]
            .map(Arc::new);
        let mut lanes = Lanes::new(&steps, &BTreeSet::new(), 0);
        let (a, b) = (ConnectionName::new("a"), ConnectionName::new("b"));
        let free = |lanes: &Lanes<'_>, after| lanes.first_free(&a, after).map(|(at, step)| (at, step.id.to_string()));
        assert_eq!(lanes.connections(), [a.clone(), b]);
        let (jane, id) = free(&lanes, None).unwrap();
        assert_eq!((id.as_str(), free(&lanes, Some(jane)).unwrap().1.as_str()), ("1", "3"));
        lanes.begin(jane);
        assert_eq!(free(&lanes, None).unwrap().1, "3");
        lanes.free(jane);
        assert_eq!(free(&lanes, None).unwrap(), (jane, "2".into()));
        lanes.begin(jane);
        lanes.put_back(jane, &steps[1]);
        lanes.leave_to_others(jane);
        lanes.free(jane);
        assert_eq!((free(&lanes, None).unwrap().1.as_str(), lanes.wait_for_others()), ("3", true));
        lanes.drop_step(&steps[1].id);
        lanes.look_again();
        assert_eq!((free(&lanes, None).unwrap().1.as_str(), lanes.wait_for_others()), ("3", false));
        assert_eq!(lanes.take_rest().iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["3", "4"]);
        assert!(lanes.connections().is_empty());
    }
}
