//! Join, move and leave as somebody asks for them: a decision, then pull, plan and perhaps apply for just that person.

use crate::answer::{Told, told};
use crate::apply::{ApplyReport, apply};
use crate::clock::{no_moment, read_moment};
use crate::decide::{By, LifecycleEvent, decide_lifecycle};
use crate::error::EngineError;
use crate::house::House;
use crate::plan::make_plan;
use crate::progress::Progress;
use crate::pull::{Reach, pull};
use crate::reconcile::{Scope, company, pin_links};
use crate::view::PullView;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::correlate::Graph;
use tenure_core::expression::Expression;
use tenure_core::identity::WORDS;
use tenure_core::name::{FieldName, IdentityId};
use tenure_core::place::nearest;

/// Attributes by name; null for one that is to be empty.
pub type Fields = BTreeMap<String, Option<String>>;

/// What happens to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LifecycleAsked {
    /// An identity's id, employee id, address or name; for somebody new the work address.
    pub key: String,
    /// From when on (RFC 3339, or a time or a date in UTC); now where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Sets attributes; null empties one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: Fields,
    /// Carries out at once what needs nobody's yes.
    #[serde(default)]
    pub apply: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LifecycleDone {
    /// Whom it is about; somebody who joins may be new.
    pub identity: IdentityId,
    /// How the reads before the plan went.
    pub pulls: Vec<PullView>,
    /// What would change for that person.
    pub plan: Told,
    /// What became of each step, where they were to be carried out at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<ApplyReport>,
}

/// Decides, pulls, plans, and perhaps applies.
///
/// # Errors
/// The key means nobody or several people, a moment or an attribute is none, or the store failed.
#[boxed]
pub async fn lifecycle(
    house: &House,
    event: LifecycleEvent,
    asked: &LifecycleAsked,
    by: &str,
    progress: &Progress,
) -> Result<LifecycleDone, EngineError> {
    if event == LifecycleEvent::Move && asked.set.is_empty() {
        let because = "a move needs an attribute that changes: --set ATTR=VALUE, such as --set department=Sales";
        return Err(EngineError::Field { field: "set", because: because.into() });
    }
    check_attributes(house, asked).await?;
    let now_ms = house.clock.now_ms();
    let at_ms = asked.at.as_deref().map(|text| moment(text, now_ms)).transpose()?;
    let attributes = asked.set.iter().map(|(name, value)| {
        let value = value.clone().map_or(Value::Null, Value::String);
        (FieldName::new(name.trim()), value)
    });
    let who = By { who: by.to_owned(), note: asked.note.clone() };
    let identity = decide_lifecycle(house, event, &asked.key, attributes.collect(), at_ms, &who).await?;
    let pulls = pull(house, &house.names(), Reach::Changed, progress).await?;
    pin_links(house).await?;
    let scope = Scope { identity: Some(identity.to_string()), ..Scope::default() };
    let plan = make_plan(house, &scope, by).await?;
    let applied = if asked.apply { Some(apply(house, &plan, by, progress).await?) } else { None };
    Ok(LifecycleDone { identity, pulls, plan: told(house, plan).await?, applied })
}

/// What a person has that is found out and cannot be said.
const FOUND_OUT: [&str; 5] = ["id", "state", "emails", "manager", "attributes"];

/// Refuses an attribute that nobody has and no condition reads, where it looks like another's name written wrongly.
async fn check_attributes(house: &House, asked: &LifecycleAsked) -> Result<(), EngineError> {
    let mut known = read_by_policy(house);
    if asked.set.keys().all(|name| known.contains(name.trim())) {
        return Ok(());
    }
    // Only a word that nobody has to have costs a look at everybody.
    known.extend(had_by_people(&company(house, &Scope::default()).await?.graph(house)));
    let words: Vec<&str> = known.iter().map(String::as_str).collect();
    for name in asked.set.keys().map(|name| name.trim()).filter(|name| !known.contains(*name)) {
        if let Some(near) = nearest(name, &words) {
            let because = format!("nobody has an attribute `{name}`; did you mean `{near}`?");
            return Err(EngineError::Field { field: "set", because });
        }
    }
    Ok(())
}

/// Lists the attributes that everybody may have, and those that a condition reads.
fn read_by_policy(house: &House) -> BTreeSet<String> {
    let conditions = house.policy.grants.iter().map(|rule| &rule.when);
    let conditions = conditions.chain(house.policy.approvals.iter().map(|rule| &rule.when));
    let read = conditions.flat_map(Expression::reads).filter(|path| path.iter().any(|part| part == "identity"));
    let read = read.filter_map(|path| path.last().cloned());
    read.chain(WORDS.into_iter().map(str::to_owned)).filter(|name| !FOUND_OUT.contains(&name.as_str())).collect()
}

fn had_by_people(graph: &Graph<'_>) -> BTreeSet<String> {
    let had = graph.identities().iter().flat_map(|identity| identity.attributes.iter());
    had.map(|(name, _)| name.as_str().to_owned()).collect()
}

fn moment(text: &str, now_ms: i64) -> Result<i64, EngineError> {
    read_moment(text, now_ms).ok_or_else(|| EngineError::Field { field: "at", because: no_moment(text) })
}
