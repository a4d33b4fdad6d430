//! When something becomes due by time alone: first and last days, the moments that the policy counts from them, what
//! people decided for later, and yeses that end. Derived anew from today's facts and never kept as work by itself, so
//! that nothing fires for somebody who came back.
//! It only says when to judge again; what is due then, judging says.

use crate::change::Plan;
use crate::correlate::{Graph, Zones, end_moment_ms};
use crate::facts::{Decided, Facts};
use crate::identity::Identity;
use crate::policy::{Delay, Rules};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

/// Returns the next moment at which judging may come to something else although nobody said anything new
/// (milliseconds since 1970, UTC).
pub fn next_moment(graph: &Graph<'_>, facts: &Facts, rules: &Rules, plan: &Plan) -> Option<i64> {
    [next_of_people(graph, facts, rules), next_of_plan(plan, facts.now_ms)].into_iter().flatten().min()
}

/// Returns the next moment at which something becomes due of what is known of people.
pub fn next_of_people(graph: &Graph<'_>, facts: &Facts, rules: &Rules) -> Option<i64> {
    let mut next = Next { now_ms: facts.now_ms, earliest_ms: i64::MAX };
    let mut zones = Zones::new(facts.now_ms);
    for at in graph.places() {
        let (identity, stay) = (graph.identity_at(at), graph.stay(at));
        let zone = identity.attributes.text("time_zone");
        let starts = [midnight_ms(identity, identity.start_date, 0, &mut zones), stay.start_ms];
        let moment_ms = end_moment_ms(&identity.attributes);
        let day_ms = || midnight_ms(identity, identity.end_date, 1, &mut zones);
        let ends = [moment_ms.or_else(day_ms), stay.left_ms];
        for start_ms in starts.into_iter().flatten() {
            next.after(start_ms);
            next.counted(start_ms, zone, &mut zones, rules.lifecycle.create_before_start, Delay::before);
        }
        for end_ms in ends.into_iter().flatten() {
            next.after(end_ms);
            next.counted(end_ms, zone, &mut zones, rules.lifecycle.suspend_after_end, Delay::after);
            next.counted(end_ms, zone, &mut zones, rules.lifecycle.delete_after_end, Delay::after);
        }
    }
    for decision in &facts.decisions {
        match &decision.what {
            Decided::Join { start_ms: at_ms, .. }
            | Decided::Move { from_ms: at_ms, .. }
            | Decided::Leave { at_ms, .. } => at_ms.iter().for_each(|at_ms| next.after(*at_ms)),
            _ => {}
        }
    }
    next.found()
}

/// Returns the next moment at which a yes to a step ends.
pub fn next_of_plan(plan: &Plan, now_ms: i64) -> Option<i64> {
    let mut next = Next { now_ms, earliest_ms: i64::MAX };
    for step in plan.all_steps() {
        let until = step.approval.until.as_deref().and_then(|until| until.parse::<Timestamp>().ok());
        until.into_iter().for_each(|until| next.after(until.as_millisecond()));
    }
    next.found()
}

/// The earliest moment that is yet to come.
struct Next {
    now_ms: i64,
    earliest_ms: i64,
}

impl Next {
    fn found(&self) -> Option<i64> {
        (self.earliest_ms < i64::MAX).then_some(self.earliest_ms)
    }

    fn after(&mut self, at_ms: i64) {
        if at_ms > self.now_ms {
            self.earliest_ms = self.earliest_ms.min(at_ms);
        }
    }

    fn counted(
        &mut self,
        from_ms: i64,
        zone: Option<&str>,
        zones: &mut Zones,
        delay: Option<Delay>,
        direction: fn(Delay, &jiff::Zoned) -> i64,
    ) {
        if let Some((delay, moment)) = delay.zip(zones.moment(from_ms, zone)) {
            self.after(direction(delay, &moment));
        }
    }
}

fn midnight_ms(identity: &Identity, date: Option<Date>, days: i64, zones: &mut Zones) -> Option<i64> {
    let zone = identity.attributes.text("time_zone");
    let (zone, _) = zones.find(zone).or_else(|| zones.find(None))?;
    let date = date?.checked_add(days.days()).ok()?;
    date.to_zoned(zone).ok().map(|moment| moment.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests;
