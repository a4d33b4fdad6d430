//! Fields and whole effects that an app left as they were although it answered that all is well: remembered as a note of
//! the connection, by account and field, until a write of the field sticks. A plan that asks for such a field again is
//! told of it; one that the vendor's own record says may be ignored is not asked for again for a day.
//! Only names of fields are kept, never values; why a field is left alone, the app's abilities say.

use crate::error::EngineError;
use crate::house::House;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::abilities::Effect;
use tenure_core::account::AccountKey;
use tenure_core::change::{FieldOutcome, Finding, FindingKind, Outcome, Plan, Severity, Step, StepResult};
use tenure_core::facts::Facts;
use tenure_core::finding::About;
use tenure_core::name::FieldName;

const NOTE: &str = "ignored_since";
/// How long a field that the vendor's record says may be ignored is not asked for again.
const LATELY_MS: i64 = 24 * 60 * 60 * 1000;
/// Accounts of one connection that are remembered.
const ACCOUNTS_MAX: usize = 1000;

/// Account → field → when it was left as it was (milliseconds since 1970, UTC).
type Ignored = BTreeMap<String, BTreeMap<FieldName, i64>>;

/// Accounts, each with some of its fields.
type Fields = BTreeMap<AccountKey, BTreeSet<FieldName>>;

/// A step that ended, and whether its app left the whole effect undone.
pub(crate) type End<'a> = (&'a Step, &'a StepResult, bool);

/// Remembers what steps left as it was, and forgets what stuck.
pub(crate) async fn remember(house: &House, ended: &[End<'_>]) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let mut by_connection: BTreeMap<_, Vec<(String, End<'_>)>> = BTreeMap::new();
    for (step, result, undone) in ended {
        let account = account_of(step, result).map(|account| (account, (*step, *result, *undone)));
        by_connection.entry(&step.connection).or_default().extend(account);
    }
    for (connection, results) in by_connection {
        let all =
            |before: Ignored| results.iter().fold(before, |so_far, (account, one)| noted(so_far, account, one, now_ms));
        let before: Ignored = house.store.noted(connection, NOTE).await?.unwrap_or_default();
        let after = all(before.clone());
        if after != before && after.len() <= ACCOUNTS_MAX {
            // Others end at the same time: it is changed as it is by then.
            let change = |ignored: &mut Ignored| *ignored = all(std::mem::take(ignored));
            house.store.change_note(connection, NOTE, change).await?;
        }
    }
    Ok(())
}

fn noted(mut after: Ignored, account: &str, (step, result, undone): &End<'_>, now_ms: i64) -> Ignored {
    let fields = after.entry(account.to_owned()).or_default();
    for (field, outcome) in &result.fields {
        match outcome {
            FieldOutcome::Ignored => fields.insert(field.clone(), now_ms),
            FieldOutcome::Applied | FieldOutcome::Pending => fields.remove(field),
            // A key that is not shown is taken for an empty one, and would be filled with every plan.
            FieldOutcome::Unknown if field.as_str() == "external_id" => fields.insert(field.clone(), now_ms),
            FieldOutcome::Unknown => None,
        };
    }
    match result.outcome {
        _ if *undone => fields.insert(whole(step.meant()), now_ms),
        Outcome::Done | Outcome::AlreadyTrue | Outcome::Pending => fields.remove(&whole(step.meant())),
        _ => None,
    };
    if fields.is_empty() {
        after.remove(account);
    }
    after
}

/// Returns the word under which a whole effect is remembered; no field has such a name.
fn whole(effect: Effect) -> FieldName {
    FieldName::new(&format!("the whole {effect}"))
}

fn account_of(step: &Step, result: &StepResult) -> Option<String> {
    let key = |id: &String| AccountKey::new(&step.connection, step.kind, id.as_str());
    step.account_key.clone().or_else(|| result.account.as_ref().map(key)).map(|key| key.to_string())
}

/// Returns what was left as it was, and what of it within the last day.
pub(crate) async fn all(house: &House) -> Result<(Fields, Fields), EngineError> {
    let since_ms = house.clock.now_ms() - LATELY_MS;
    let notes: BTreeMap<_, Ignored> = house.store.noted_everywhere(NOTE).await?;
    let (mut all, mut lately) = (Fields::new(), Fields::new());
    for (account, fields) in notes.into_values().flatten() {
        let Some(key) = crate::decide::parse_account(&account) else { continue };
        let is_late = |(_, at_ms): &(&FieldName, &i64)| **at_ms > since_ms;
        let late: BTreeSet<_> = fields.iter().filter(is_late).map(|(field, _)| field.clone()).collect();
        if !late.is_empty() {
            lately.insert(key.clone(), late);
        }
        all.insert(key, fields.into_keys().collect());
    }
    Ok((all, lately))
}

/// Finds steps that ask again for what an app left as it was.
pub(crate) async fn findings(house: &House, facts: &Facts, plan: &Plan) -> Result<Vec<Finding>, EngineError> {
    let parsed: BTreeMap<_, Ignored> = house.store.noted_everywhere(NOTE).await?;
    let mut findings = Vec::new();
    for step in plan.all_steps() {
        let Some(key) = &step.account_key else { continue };
        let Some(ignored) = parsed.get(&step.connection).and_then(|all| all.get(&key.to_string())) else { continue };
        let asked = step.changes.iter().map(|change| change.field.as_str());
        let fields: Vec<&str> = asked.filter(|field| ignored.keys().any(|known| known.as_str() == *field)).collect();
        if !fields.is_empty() {
            findings.push(finding(facts, step, key, &fields));
        }
        if ignored.contains_key(&whole(step.meant())) {
            findings.push(undone(facts, step, key));
        }
    }
    Ok(findings)
}

fn finding(facts: &Facts, step: &Step, key: &AccountKey, fields: &[&str]) -> Finding {
    let topic = fields.join(",");
    let mut about = About::new(FindingKind::IgnoredWrite, Severity::Medium).account(key).topic(&topic);
    if let Some(identity) = &step.identity {
        about = about.identity(identity);
    }
    let person = step.person.as_deref().unwrap_or("an account");
    let text = format!(
        "{person}: {} answered that {} was changed, and did not change it; {}",
        step.connection,
        fields.join(", "),
        reasons(facts, step, fields).unwrap_or_else(|| "change it there by hand".into())
    );
    about.finding(text, [("step".to_owned(), step.id.as_str().into()), ("fields".to_owned(), fields.into())].into())
}

/// Says that an app left a whole effect undone that is asked for again, or that a person does now.
fn undone(facts: &Facts, step: &Step, key: &AccountKey) -> Finding {
    let effect = step.meant();
    let mut about = About::new(FindingKind::IgnoredWrite, Severity::Medium).account(key).topic(effect.as_str());
    if let Some(identity) = &step.identity {
        about = about.identity(identity);
    }
    let ability = facts.connections.get(&step.connection).and_then(|facts| facts.abilities.kinds.get(&step.kind));
    let because = ability.and_then(|ability| ability.effects.get(&effect)?.ignored_because.as_deref());
    let text = format!(
        "{}: {} answered that {effect} was done, and left the account as it was; {}",
        step.person.as_deref().unwrap_or("an account"),
        step.connection,
        because.unwrap_or("do it there by hand")
    );
    about.finding(
        text,
        [("step".to_owned(), step.id.as_str().into()), ("effect".to_owned(), effect.as_str().into())].into(),
    )
}

/// Returns the vendor's reasons why fields stay as they are.
fn reasons(facts: &Facts, step: &Step, fields: &[&str]) -> Option<String> {
    let ability = facts.connections.get(&step.connection)?.abilities.kinds.get(&step.kind)?;
    let told = fields.iter().filter_map(|field| ability.fields.get(*field)?.ignored_because.as_deref());
    let told: Vec<&str> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}
