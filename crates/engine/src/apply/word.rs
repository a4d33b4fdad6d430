//! What people have said about the steps of a run, until the moment each of them begins.
//! It starts from the decisions that the run found, and hears the newer ones that the store hands over as a step is about
//! to begin. It asks nobody and writes nothing.

use tenure_core::approve::{Said, approval};
use tenure_core::change::{Approval, Plan, Step};
use tenure_core::correlate::Graph;
use tenure_core::facts::Decision;
use tenure_core::policy::Policy;

/// What people have said about the steps of a run.
pub(super) struct Word<'a> {
    graph: &'a Graph<'a>,
    policy: &'a Policy,
    requested_by: Option<&'a str>,
    said: Said,
    heard: i64,
}

impl<'a> Word<'a> {
    /// Starts from the decisions that are known.
    pub fn new(graph: &'a Graph<'a>, policy: &'a Policy, plan: &'a Plan, decisions: &[Decision]) -> Self {
        let requested_by = plan.requested_by.as_deref();
        let mut word = Self { graph, policy, requested_by, said: Said::default(), heard: 0 };
        word.hear(decisions);
        word
    }

    /// Hears what was decided.
    pub fn hear(&mut self, decisions: &[Decision]) {
        self.heard = decisions.iter().map(|decision| decision.seq).max().unwrap_or(0).max(self.heard);
        self.said.hear(decisions);
    }

    /// Returns the number of the newest decision that was heard.
    pub fn heard(&self) -> i64 {
        self.heard
    }

    /// Judges whether a step, which holds what it demands, may run at this moment.
    pub fn approval(&self, step: &Step, now_ms: i64) -> Approval {
        let concerned = step.identity.as_ref().and_then(|id| self.graph.identity(id));
        approval(step, self.said.about(&step.id), self.requested_by, concerned, self.policy, now_ms)
    }
}
