//! `who`: one person across everything, with accounts, grants, links and why.
//! Now it comes from the graph; as of a moment from what was observed then, and that is written into the journal.

use super::lists::{as_of_ms, unknown_then};
use crate::audit::record_read;
use crate::clock::moment_text;
use crate::decide::find_account;
use crate::error::EngineError;
use crate::house::House;
use crate::reconcile::{Found, Scope, company, find_identity};
use crate::view::{AccountView, IdentityView};
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenure_core::account::AccountKey;
use tenure_core::change::{Finding, Step};
use tenure_core::facts::{Decided, Decision};
use tenure_core::name::IdentityId;

/// Whom to show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhoAsked {
    /// An identity's id, employee id, address or name; or an account.
    pub key: String,
    /// As it was at this moment (RFC 3339, or a time or a date in UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

/// One person across everything.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// Who it is.
    pub identity: IdentityView,
    /// The manager, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// What is theirs, and the source records that tell of them.
    pub accounts: Vec<AccountView>,
    /// What a person should know of them.
    pub findings: Vec<Finding>,
    /// What would change.
    pub steps: Vec<Step>,
    /// What was decided for later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upcoming: Vec<Upcoming>,
    /// What is not known of the moment that is asked for, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Something that was decided about a person and has not come yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upcoming {
    /// `join`, `move` or `leave`.
    pub what: String,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Who decided it.
    pub by: String,
}

/// Lists what was decided about somebody and comes after this moment, soonest first: every move, and the newest word on
/// joining or leaving.
pub fn upcoming(decisions: &[Decision], of: &IdentityId, now_ms: i64) -> Vec<Upcoming> {
    let mut newest_stay: Option<i64> = None;
    let mut all: Vec<(i64, Upcoming)> = Vec::new();
    let mut newest_first: Vec<&Decision> = decisions.iter().collect();
    newest_first.sort_by_key(|decision| std::cmp::Reverse(decision.seq));
    for decision in newest_first {
        let (what, at_ms) = match &decision.what {
            Decided::Join { identity, start_ms, .. } if identity == of => ("join", *start_ms),
            Decided::Leave { identity, at_ms, .. } if identity == of => ("leave", *at_ms),
            Decided::Move { identity, from_ms, .. } if identity == of => ("move", *from_ms),
            _ => continue,
        };
        if what != "move" && newest_stay.replace(decision.seq).is_some() {
            continue;
        }
        if let Some(at_ms) = at_ms.filter(|at_ms| *at_ms > now_ms) {
            let (what, at, by) = (what.to_owned(), moment_text(at_ms), decision.by.clone());
            all.push((at_ms, Upcoming { what, at, by }));
        }
    }
    all.sort_by_key(|(at_ms, _)| *at_ms);
    all.into_iter().map(|(_, upcoming)| upcoming).collect()
}

/// Shows one person.
///
/// # Errors
/// The key means nobody, or several people; or the store failed.
#[boxed]
pub async fn who(house: &House, asked: &WhoAsked, by: &str) -> Result<Person, EngineError> {
    let note = unknown_then(house, asked.as_of.as_deref(), None).await?;
    match (look(house, asked, by).await, note) {
        (Ok(person), note) => Ok(Person { note, ..person }),
        (Err(EngineError::Missing(says)), Some(note)) => Err(EngineError::Missing(format!("{says}; {note}"))),
        (Err(EngineError::Missing(says)), None) => {
            let account = find_account(house, &asked.key).await;
            Err(EngineError::Missing(account.map_or(says, |account| nobodys(&account))))
        }
        (Err(error), _) => Err(error),
    }
}

async fn look(house: &House, asked: &WhoAsked, by: &str) -> Result<Person, EngineError> {
    let as_of_ms = as_of_ms(house, asked.as_of.as_deref())?;
    let scope = Scope { identity: Some(asked.key.clone()), as_of_ms, ..Scope::default() };
    let company = company(house, &scope).await?;
    let found = company.judge(house, None).await?;
    if asked.as_of.is_some() {
        let body = serde_json::json!({ "what": "who", "key": asked.key, "as_of": asked.as_of });
        record_read(house, by, body).await?;
    }
    person_of(house, &found, &asked.key, as_of_ms).await
}

/// Says of an account that nobody holds it, and what to do.
fn nobodys(account: &AccountKey) -> String {
    format!(
        "{account} is nobody's account; `tenure why {account}` says why, `tenure link {account} PERSON` gives it to \
         somebody, `tenure exempt {account}` leaves it alone"
    )
}

/// Shows one person of a judged company, which is that of now or of a moment.
///
/// # Errors
/// The key means nobody, or several people; or the store failed.
#[boxed]
pub async fn person_of(
    house: &House,
    found: &Found<'_>,
    key: &str,
    as_of_ms: Option<i64>,
) -> Result<Person, EngineError> {
    let id = find_identity(&found.graph, key)?;
    let vanished = || EngineError::Broken(format!("{id} vanished while looking"));
    let identity = found.graph.identity(&id).ok_or_else(vanished)?;
    let own: Vec<_> = found.graph.find(&id).into_iter().flat_map(|at| found.graph.accounts_at(at)).collect();
    let mut accounts = Vec::with_capacity(own.len());
    for (at, account) in own {
        let link = found.graph.link_at(at).map(|link| (link.identity.as_str(), link.evidence));
        let connection = found.graph.facts().connections.get(&account.key.connection);
        let ability = connection.and_then(|connection| connection.abilities.kinds.get(&account.key.kind));
        let since_ms = house.store.account(&account.key, as_of_ms).await?.map(|observed| observed.since_ms);
        accounts.push(AccountView::new(account, ability, link, since_ms));
    }
    let shown = found.graph.accounts_of(&id).filter(|account| house.is_target(&account.key.connection));
    let manager = identity.manager.as_ref().and_then(|id| found.graph.identity(id)).map(|boss| boss.label().to_owned());
    Ok(Person {
        identity: IdentityView::new(identity, shown),
        manager,
        accounts,
        findings: found.findings.iter().filter(|finding| finding.identity.as_ref() == Some(&id)).cloned().collect(),
        steps: found.plan.steps.iter().filter(|step| step.identity.as_ref() == Some(&id)).cloned().collect(),
        upcoming: upcoming(&found.graph.facts().decisions, &id, house.clock.now_ms()),
        note: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::account::Fields;

    fn said(seq: i64, what: Decided) -> Decision {
        Decision { seq, at_ms: seq, by: "mia".into(), note: None, what }
    }

    #[test]
    fn what_was_decided_for_later_is_told_unless_a_newer_word_stands() {
        let (jane, other) = (IdentityId::from("i-1"), IdentityId::from("i-2"));
        let leave = |of: &IdentityId, at_ms| Decided::Leave { identity: of.clone(), at_ms, start_date: None };
        let moves = Decided::Move { identity: jane.clone(), attributes: Fields::default(), from_ms: Some(200) };
        let mut all = vec![said(1, leave(&jane, Some(300))), said(2, moves), said(3, leave(&other, Some(300)))];
        let told = |all: &[Decision]| upcoming(all, &jane, 100).into_iter().map(|one| one.what).collect::<Vec<_>>();
        assert_eq!(told(&all), ["move", "leave"]);
        all.push(said(4, Decided::Join { identity: jane.clone(), attributes: Fields::default(), start_ms: None }));
        assert_eq!(told(&all), ["move"], "whoever was taken back leaves no more");
        assert!(upcoming(&all, &jane, 200).is_empty(), "what has come is not to come");
    }
}
