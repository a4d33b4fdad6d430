//! Releases: a person's word that what one guard holds in one plan may run all the same.
//! It is bound to the plan's id, which is made of its steps and holds: another plan is held anew. Guards that nobody can
//! answer for (a protected account, a read that saw only a part) cannot be released; what helps there is said elsewhere.

use crate::change::{Hold, Plan, Step};
use crate::facts::{Decided, Decision};
use crate::name::StepId;
use crate::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};

/// The guards that a person can release.
pub const RELEASABLE: [&str; 6] = [
    "removals_max",
    "removals_max_share",
    "removals_max_per_day",
    "removals_max_share_per_day",
    "source_shrink",
    "mass_rename",
];

/// Those that are judged once more as each step begins, by what all plans of a day took away.
const COUNTED: [&str; 2] = ["removals_max_per_day", "removals_max_share_per_day"];

/// Why somebody cannot release a guard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreleasable {
    /// Nobody can.
    #[error("{guard} cannot be released; {} can", RELEASABLE.join(", "))]
    Guard {
        /// Which.
        guard: String,
    },
    /// It holds nothing there.
    #[error("{guard} holds nothing in this plan")]
    Idle {
        /// Which.
        guard: String,
    },
    /// They are nobody's approver.
    #[error("{who} is in none of the groups of [approvers] in policy.toml")]
    NoApprover {
        /// Who wanted to.
        who: String,
    },
    /// They asked for the plan.
    #[error("{who} asked for the plan and may not release it as well")]
    Asked {
        /// Who wanted to.
        who: String,
    },
}

/// Tells whether somebody may release a guard of a plan: anybody of `[approvers]` (anybody, where it is empty) but the one
/// who asked for the plan.
///
/// # Errors
/// Why they may not.
pub fn may_release(plan: &Plan, guard: &str, who: &str, policy: &Policy) -> Result<(), Unreleasable> {
    if !RELEASABLE.contains(&guard) {
        return Err(Unreleasable::Guard { guard: guard.into() });
    }
    // What is counted while a plan runs may hold what another guard was released for.
    let is_counted = COUNTED.contains(&guard) && plan.held.iter().any(|hold| super::removes(&hold.step));
    if !is_counted && !plan.held.iter().any(|hold| hold.guard == guard) {
        return Err(Unreleasable::Idle { guard: guard.into() });
    }
    let is_who = |other: &str| other.trim().eq_ignore_ascii_case(who.trim());
    let mut approvers = policy.approvers.values().flatten().peekable();
    if approvers.peek().is_some() && !approvers.any(|approver| is_who(approver)) {
        return Err(Unreleasable::NoApprover { who: who.into() });
    }
    if plan.requested_by.as_deref().is_some_and(is_who) {
        return Err(Unreleasable::Asked { who: who.into() });
    }
    Ok(())
}

/// Returns the guards of a plan that are released at a moment, each with the word that does it. A word holds as long as an
/// approval, and until somebody who could say it takes it back.
pub fn words<'d>(
    plan: &Plan,
    decisions: &'d [Decision],
    policy: &Policy,
    now_ms: i64,
) -> BTreeMap<&'d str, &'d Decision> {
    let mut newest: BTreeMap<&str, &Decision> = BTreeMap::new();
    for decision in decisions {
        let guard = match &decision.what {
            Decided::Release { plan: of, guard } | Decided::Withhold { plan: of, guard } if *of == plan.id => guard,
            _ => continue,
        };
        let known = newest.get(guard.as_str()).is_some_and(|known| known.seq > decision.seq);
        if !known && may_release(plan, guard, &decision.by, policy).is_ok() {
            newest.insert(guard, decision);
        }
    }
    newest.retain(|_, word| {
        let fresh = until_ms(word, policy).is_none_or(|until| now_ms < until);
        fresh && matches!(word.what, Decided::Release { .. })
    });
    newest
}

/// Tells until when a word holds (milliseconds since 1970, UTC); for ever where the policy sets no end.
pub fn until_ms(word: &Decision, policy: &Policy) -> Option<i64> {
    policy.valid_for.map(|valid| word.at_ms.saturating_add(valid.as_ms()))
}

/// Returns the names of the guards of a plan that are released at a moment; [`words`] tells by whom.
pub fn released(plan: &Plan, decisions: &[Decision], policy: &Policy, now_ms: i64) -> BTreeSet<String> {
    words(plan, decisions, policy, now_ms).into_keys().map(str::to_owned).collect()
}

/// Returns the held steps that may run all the same, in their order: those of released guards, and those that were held
/// because they need one of them.
pub fn freed(plan: &Plan, released: &BTreeSet<String>) -> Vec<Step> {
    let mut free: BTreeSet<&str> = BTreeSet::new();
    let needs_met = |hold: &Hold, free: &BTreeSet<&str>| {
        let held = |need: &str| plan.held.iter().any(|hold| hold.step.id.as_str() == need);
        let may_run = |need: &StepId| free.contains(need.as_str()) || !held(need.as_str());
        let after = &hold.step.after;
        hold.step.needs.iter().all(may_run) && (after.is_empty() || after.iter().any(may_run))
    };
    for _ in 0..=plan.held.len() {
        let before = free.len();
        for hold in &plan.held {
            let free_now = released.contains(&hold.guard) || hold.guard == "needs" && needs_met(hold, &free);
            if free_now && needs_met(hold, &free) {
                free.insert(hold.step.id.as_str());
            }
        }
        if free.len() == before {
            break;
        }
    }
    plan.held.iter().filter(|hold| free.contains(hold.step.id.as_str())).map(|hold| hold.step.clone()).collect()
}

/// Says who may release a hold, and how; nothing where nobody may.
pub fn says(guard: &str, plan: &str, policy: &Policy) -> Option<String> {
    if !RELEASABLE.contains(&guard) {
        return None;
    }
    let groups: Vec<&str> = policy.approvers.keys().map(String::as_str).collect();
    let who = if groups.is_empty() { "anybody else".to_owned() } else { groups.join(" or ") };
    Some(format!("{who} may release it for this plan: `tenure approve {plan} --release {guard} --as WHO`"))
}
