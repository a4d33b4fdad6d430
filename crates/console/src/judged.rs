//! What judging the whole company came to, remembered for a while: findings, and a line for each person to search in.
//! Judged anew when something was read, decided or done since; a company that takes long to judge is judged beside, and
//! the earlier result is shown with its time. Pages never scan the company themselves.

use crate::Console;
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::account::{AccountState, Kind};
use tenure_core::change::{Finding, FindingKind, Severity};
use tenure_core::identity::IdentityState;
use tenure_engine::EngineError;
use tenure_engine::house::House;
use tenure_engine::reconcile::{Scope, company};
use tokio::sync::Mutex;

/// How old a result may be at most before it is made anew, whatever happened.
const OLD_MS: i64 = 5 * 60 * 1000;
/// A company that is judged within this time is judged while the page waits.
const QUICK_MS: i64 = 250;

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    known: std::sync::Mutex<Option<Arc<Known>>>,
    /// Of the earlier moment that was looked at last.
    past: Mutex<Option<(i64, Arc<Known>)>>,
    judging: Mutex<()>,
}

/// What judging came to.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub at_ms: i64,
    /// What the store was like then: the journal's end, and when the newest pull ended.
    mark: (i64, i64),
    took_ms: i64,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// By name.
    pub people: Vec<Line>,
    /// People by their id, by the words of their name, and by what stands before the `@` of their address.
    index: BTreeMap<Box<str>, Vec<u32>>,
    /// Who holds what: connection, kind and name of the entitlement. An account that lets in is one of them, without a kind.
    pub holders: BTreeMap<String, BTreeMap<(String, String), Holders>>,
    /// How many accounts of a kind are in a state, by connection.
    pub accounts: BTreeMap<String, Counted>,
}

/// How many accounts of each kind are in each state.
pub(crate) type Counted = BTreeMap<(Kind, AccountState), u64>;

/// The name under which [`Known::holders`] has those who hold an account at all.
pub(crate) const ACCOUNT: &str = "an account";

/// Who holds one thing.
#[derive(Debug, Default, Clone)]
pub(crate) struct Holders {
    /// How many accounts have it, nobody's among them.
    pub accounts: u64,
    /// Whose they are, by their places among the people: by name, each once.
    people: Vec<u32>,
}

impl Holders {
    /// How many people hold it.
    pub fn len(&self) -> usize {
        self.people.len()
    }
}

/// One person in one line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub id: String,
    pub name: String,
    pub email: String,
    pub department: String,
    pub title: String,
    pub state: IdentityState,
    pub end_date: Option<String>,
    pub accounts: u32,
    /// Name, address, department and title in lower case, to be searched.
    sought: String,
}

impl Line {
    /// Tells whether all of these words, in lower case, are in the line.
    pub fn has(&self, words: &[String]) -> bool {
        words.iter().all(|word| self.sought.contains(word.as_str()))
    }
}

/// Puts the words of a name in an order in which it does not matter who writes the family's first.
fn name_key<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = words.map(str::to_lowercase).collect();
    words.sort();
    format!("name {}", words.join(" "))
}

impl Known {
    /// Returns the person with this id.
    pub fn person(&self, id: &str) -> Option<&Line> {
        self.sought(&format!("id {id}")).next()
    }

    /// Lists the people whose name has just these words, in whatever order.
    pub fn named<'a>(&self, words: impl Iterator<Item = &'a str>) -> Vec<&Line> {
        self.sought(&name_key(words)).collect()
    }

    /// Lists the people with this before the `@` of their address.
    pub fn addressed(&self, place: &str) -> Vec<&Line> {
        self.sought(&format!("at {}", place.to_lowercase())).collect()
    }

    fn place(&self, id: &str) -> Option<u32> {
        self.index.get(format!("id {id}").as_str())?.first().copied()
    }

    fn sought<'k>(&'k self, key: &str) -> impl Iterator<Item = &'k Line> + use<'k> {
        self.index.get(key).into_iter().flatten().filter_map(|at| self.people.get(*at as usize))
    }

    fn index(&mut self) {
        for (at, line) in self.people.iter().enumerate() {
            let place = line.email.split('@').next().unwrap_or_default().to_lowercase();
            let keys = [format!("id {}", line.id), name_key(line.name.split_whitespace()), format!("at {place}")];
            for key in keys {
                self.index.entry(key.into_boxed_str()).or_default().push(at as u32);
            }
        }
    }

    /// Lists the people who hold a thing, by name.
    pub fn people_of<'a>(&'a self, holders: &'a Holders) -> impl Iterator<Item = &'a Line> {
        holders.people.iter().filter_map(|at| self.people.get(*at as usize))
    }

    /// Returns how many findings there are of each severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Lists the findings of these kinds.
    pub fn of<'a>(&'a self, kinds: &'a [FindingKind]) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| kinds.contains(&finding.kind))
    }
}

impl Judged {
    /// Returns what judging came to, of now where that is quick; or of an earlier moment.
    pub async fn get(&self, console: &Arc<Console>, as_of_ms: Option<i64>) -> Result<Arc<Known>, Failure> {
        let house = &console.house;
        if let Some(as_of_ms) = as_of_ms {
            return self.of_past(house, as_of_ms).await;
        }
        let mark = house.store.pulse().await?;
        let now_ms = house.clock.now_ms();
        let known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        match known {
            Some(known) if known.mark == mark && now_ms - known.at_ms < OLD_MS => Ok(known),
            Some(known) if known.took_ms > QUICK_MS => {
                let console = console.clone();
                tokio::spawn(async move {
                    if let Ok(_judging) = console.judged.judging.try_lock()
                        && let Err(error) = console.judged.renew(&console.house, mark).await
                    {
                        tracing::warn!(%error, "the company could not be judged for the console");
                    }
                });
                Ok(known)
            }
            _ => {
                let _judging = self.judging.lock().await;
                Ok(self.renew(house, mark).await?)
            }
        }
    }

    /// What was known of a moment then stays so: it is remembered until another moment is looked at.
    async fn of_past(&self, house: &House, as_of_ms: i64) -> Result<Arc<Known>, Failure> {
        let mut past = self.past.lock().await;
        if let Some((_, known)) = past.as_ref().filter(|(moment, _)| *moment == as_of_ms) {
            return Ok(known.clone());
        }
        let known = Arc::new(judge(house, (0, 0), Some(as_of_ms)).await?);
        *past = Some((as_of_ms, known.clone()));
        Ok(known)
    }

    async fn renew(&self, house: &House, mark: (i64, i64)) -> Result<Arc<Known>, EngineError> {
        let known = Arc::new(judge(house, mark, None).await?);
        *self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }
}

async fn judge(house: &House, mark: (i64, i64), as_of_ms: Option<i64>) -> Result<Known, EngineError> {
    let began_ms = house.clock.now_ms();
    let company = company(house, &Scope { as_of_ms, ..Scope::default() }).await?;
    let found = company.judge(house, None).await?;
    let mut known = Known { at_ms: as_of_ms.unwrap_or(began_ms), mark, findings: found.findings, ..Known::default() };
    for identity in found.graph.identities() {
        let text = |field: &str| identity.attributes.text(field).unwrap_or_default().to_owned();
        let held = found.graph.accounts_of(&identity.id).filter(|account| house.is_target(&account.key.connection));
        let mut line = Line {
            id: identity.id.to_string(),
            name: identity.label().to_owned(),
            email: identity.work_email().unwrap_or_default().to_owned(),
            department: text("department"),
            title: text("title"),
            state: identity.state,
            end_date: identity.end_date.map(|date| date.to_string()),
            accounts: held.filter(|account| account.state.gives_access()).count() as u32,
            sought: String::new(),
        };
        line.sought = format!("{} {} {} {}", line.name, line.email, line.department, line.title).to_lowercase();
        known.people.push(line);
    }
    known.people.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    known.index();
    for (account, link) in found.graph.links() {
        let counted = match known.accounts.get_mut(account.key.connection.as_str()) {
            Some(counted) => counted,
            None => known.accounts.entry(account.key.connection.to_string()).or_default(),
        };
        *counted.entry((account.key.kind, account.state)).or_default() += 1;
        if !account.state.gives_access() || !house.is_target(&account.key.connection) {
            continue;
        }
        let person = link.and_then(|link| known.place(link.identity.as_str()));
        let of = known.holders.entry(account.key.connection.to_string()).or_default();
        let grants = account.grants.iter().map(|grant| (grant.kind.to_string(), grant.name.to_string()));
        for thing in grants.chain([(String::new(), ACCOUNT.to_owned())]) {
            let holders = of.entry(thing).or_default();
            holders.accounts += 1;
            holders.people.extend(person);
        }
    }
    for holders in known.holders.values_mut().flat_map(BTreeMap::values_mut) {
        holders.people.sort_unstable();
        holders.people.dedup();
    }
    known.took_ms = house.clock.now_ms() - began_ms;
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, name: &str, email: &str) -> Line {
        Line {
            id: id.into(),
            name: name.into(),
            email: email.into(),
            department: String::new(),
            title: String::new(),
            state: IdentityState::Active,
            end_date: None,
            accounts: 0,
            sought: format!("{name} {email}").to_lowercase(),
        }
    }

    #[test]
    fn somebody_is_found_by_name_in_any_order_by_address_and_by_id() {
        let people = vec![line("1", "Jane Doe", "jd@a.example"), line("2", "Doe Jane", "jane@a.example")];
        let mut known = Known { people, ..Known::default() };
        known.index();
        let ids = |lines: Vec<&Line>| lines.iter().map(|line| line.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(known.named(["doe", "JANE"].into_iter())), ["1", "2"]);
        assert_eq!(ids(known.named(["jane"].into_iter())), [""; 0]);
        assert_eq!(ids(known.addressed("JD")), ["1"]);
        assert_eq!(known.person("2").map(|line| &*line.name), Some("Doe Jane"));
        assert!(known.people[0].has(&["jan".into(), "jd@".into()]) && !known.people[0].has(&["nobody".into()]));
    }
}
