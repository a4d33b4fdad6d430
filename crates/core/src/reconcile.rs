//! The walk in one piece: correlate, decide, diff, plan.
//! Facts and rules come in, everything that is derived from them comes out. Every input gives a value, and equal
//! facts give equal bytes, in whatever order they come.

use crate::change::{Finding, Plan};
use crate::correlate::{Graph, correlate};
use crate::decide::{Wishes, decide};
use crate::diff::{Asked, diff};
use crate::facts::Facts;
use crate::finding::Findings;
use crate::plan::plan;
use crate::policy::Rules;

/// Everything that one reconcile derives.
#[derive(Debug)]
pub struct Reconciled<'f> {
    /// Who is who, and whose is what.
    pub graph: Graph<'f>,
    /// What everybody should hold.
    pub wishes: Wishes,
    /// What a person should know, worst first.
    pub findings: Vec<Finding>,
    /// What would be done.
    pub plan: Plan,
}

/// Derives graph, wishes, findings and plan.
pub fn reconcile<'f>(facts: &'f Facts, rules: &Rules, asked: &Asked) -> Reconciled<'f> {
    let mut findings = Findings::default();
    let graph = correlate(facts, rules);
    let mut wishes = decide(&graph, rules, facts, |_| true);
    wishes.take_tallies().tell(&mut findings);
    concluded(graph, wishes, findings, facts, rules, asked)
}

/// Goes the rest of the walk: from what is wished to the plan.
pub(crate) fn concluded<'f>(
    graph: Graph<'f>,
    wishes: Wishes,
    mut findings: Findings,
    facts: &'f Facts,
    rules: &Rules,
    asked: &Asked,
) -> Reconciled<'f> {
    let proposals = diff(&graph, &wishes, rules, facts, asked, &mut findings);
    let planned = plan(proposals, &graph, facts, rules, asked, &mut findings);
    let findings = findings.sorted();
    let plan = planned.finish(&findings, asked, rules);
    Reconciled { graph, wishes, findings, plan }
}

#[cfg(test)]
pub(crate) mod tests;
