//! What a plan costs: seats, requests, time, and the names (roles) by which a vendor bills.
//! It counts the free steps of a plan with what each connection's abilities say; prices it does not know.

use crate::abilities::{Cardinality, Effect, EntitlementAbility, Seat};
use crate::account::{Account, Kind};
use crate::change::{Cost, Hold, Step};
use crate::correlate::Graph;
use crate::facts::{ConnectionFacts, Facts};
use crate::name::{ConnectionName, Name};
use std::collections::{BTreeMap, BTreeSet};

/// Adds up what the free steps take.
pub(super) fn cost(steps: &[Step], held: &[Hold], graph: &Graph<'_>, facts: &Facts) -> Cost {
    let mut cost = Cost::default();
    let mut alike: BTreeMap<(&ConnectionName, Kind, Effect), u32> = BTreeMap::new();
    for step in steps {
        let Some(connection) = facts.connections.get(&step.connection) else { continue };
        bill(step, connection, graph, &mut cost);
        let seats = seats_of(step, connection);
        if seats != 0 {
            *cost.seats.entry(step.connection.clone()).or_default() += seats;
        }
        let ability = connection.abilities.kinds.get(&step.kind).and_then(|kind| kind.effects.get(&step.effect));
        let requests =
            cost.requests.entry(step.connection.clone()).or_insert_with(|| connection.abilities.references.into());
        let Some(ability) = ability else {
            // What a person does by hand is looked at.
            *requests += u64::from(step.effect == Effect::Manual);
            continue;
        };
        let before = alike.entry((&step.connection, step.kind, step.effect)).or_default();
        let leads = ability.together.is_none_or(|size| before.is_multiple_of(size));
        let asked = if leads { ability.requests } else { ability.own_requests };
        let merges = !ability.reads_before && step.effect != Effect::Create && changes_a_set(step, connection);
        *requests += u64::from(asked) + u64::from(merges);
        *before += 1;
    }
    cost.billing.values_mut().for_each(|billed| billed.retain(|_, count| *count != 0));
    cost.billing.retain(|_, billed| !billed.is_empty());
    let kept = held.iter().filter(|hold| hold.guard == "seats").map(|hold| &hold.step.connection);
    let touched: BTreeSet<&ConnectionName> = cost.seats.keys().chain(kept).collect();
    let free = |name: &ConnectionName| Some((name.clone(), seats_free(facts.connections.get(name)?)?));
    cost.seats_free = touched.into_iter().filter_map(free).collect();
    let seconds = |(name, requests): (&ConnectionName, &u64)| {
        let per_second = facts.connections.get(name)?.abilities.per_second.filter(|rate| *rate > 0.0)?;
        #[allow(clippy::cast_precision_loss, reason = "requests of one plan are far below 2^52")]
        Some(*requests as f64 / per_second)
    };
    cost.seconds = cost.requests.iter().filter_map(seconds).fold(0.0, f64::max);
    cost
}

/// Tells whether a step changes a set of grants, for which the app wants to be told all of it.
fn changes_a_set(step: &Step, connection: &ConnectionFacts) -> bool {
    let Some(kind) = connection.abilities.kinds.get(&step.kind) else { return false };
    step.changes.iter().filter_map(|change| change.entitlement.as_ref()).any(|asked| {
        let of_it = |ability: &&EntitlementAbility| ability.kind == asked.kind;
        kind.entitlements.values().find(of_it).is_some_and(|ability| ability.cardinality == Cardinality::Many)
    })
}

/// Returns how many seats are free, invitations that wait counted as taken; `None` where nobody says how many there are.
pub(crate) fn seats_free(connection: &ConnectionFacts) -> Option<i64> {
    let bought = i64::try_from(connection.abilities.seats?).unwrap_or(i64::MAX);
    Some(bought.saturating_sub(i64::try_from(connection.seats_taken).unwrap_or(i64::MAX)))
}

/// Returns the seats that a step takes (positive) or frees (negative), by whomever it is done.
pub(crate) fn seats_of(step: &Step, connection: &ConnectionFacts) -> i64 {
    let Some(kind) = connection.abilities.kinds.get(&step.kind) else { return 0 };
    match (kind.effects.get(&step.effect).map(|ability| ability.seat), step.meant()) {
        (Some(Seat::Takes), _) => 1,
        (Some(Seat::Frees), _) => -1,
        (Some(Seat::Keeps), _) => 0,
        (None, Effect::Create | Effect::Resume | Effect::Convert) if kind.takes_seat => 1,
        (None, Effect::Suspend | Effect::Delete) if kind.takes_seat => -1,
        (None, _) => 0,
    }
}

/// Counts the billed names (roles) that a step gives and takes. Whoever is put out frees what they hold.
fn bill(step: &Step, connection: &ConnectionFacts, graph: &Graph<'_>, cost: &mut Cost) {
    let Some(kind) = connection.abilities.kinds.get(&step.kind) else { return };
    if !kind.entitlements.values().any(|ability| ability.billed) {
        return;
    }
    let account = account_of(step, graph);
    for (word, ability) in kind.entitlements.iter().filter(|(_, ability)| ability.billed) {
        let change = step.changes.iter().find(|change| change.field.0 == *word);
        let asked = change.and_then(|change| change.entitlement.as_ref());
        let held = account.into_iter().flat_map(|account| account.grants_of(&ability.kind));
        let held = held.map(|grant| (Name::new(&grant.name), 1));
        let given = asked.into_iter().flat_map(|asked| &asked.add).map(|grant| (grant.name.clone(), 1));
        let taken = asked.into_iter().flat_map(|asked| &asked.remove).map(|grant| (grant.name.clone(), -1));
        let counted: Vec<(Name, i64)> = match step.meant() {
            Effect::Suspend | Effect::Delete => held.map(|(name, one)| (name, -one)).collect(),
            Effect::Resume => held.chain(given).chain(taken).collect(),
            _ => given.chain(taken).collect(),
        };
        let billed = cost.billing.entry(step.connection.clone()).or_default();
        counted.into_iter().for_each(|(name, count)| *billed.entry(name).or_default() += count);
    }
}

/// Finds the account of a step: among those of its person, and only where it is nobody's among all.
fn account_of<'f>(step: &Step, graph: &Graph<'f>) -> Option<&'f Account> {
    let key = step.account_key.as_ref()?;
    match &step.identity {
        Some(identity) => graph.accounts_of(identity).find(|account| account.key == *key),
        None => graph.find_account(key).map(|at| graph.account_at(at)),
    }
}
