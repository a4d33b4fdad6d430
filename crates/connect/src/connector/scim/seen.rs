//! What SCIM shows: users and groups, by which an account gets the grants that its REST record does not hold.
//! A pull walks the lists once and joins by address; a look asks for one person. SCIM's ids are kept for the process
//! only, and each comes from an answer that had the very address that was asked for.

use super::groups::{HeldGroup, join_groups};
use super::{Scim, ScimAsk, record_of};
use crate::connector::Inner;
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::ScimForm;
use crate::transport::Priority;
use async_recursion::async_recursion as boxed;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;
use tenure_core::account::{Account, AccountKey, Grant};
use tenure_core::name::{EntitlementKind, Name};
use tenure_scim::{ListResponse, Next, equal, page_after};

const COUNT: u64 = 100;
const PAGES_MAX: usize = 20_000;
/// Users and groups that are kept at most.
const KEPT_MAX: usize = 2_000_000;

/// What a process knows of the surface.
#[derive(Default)]
pub(super) struct Directory {
    /// Account → SCIM's id of the person.
    pub ids: HashMap<AccountKey, String>,
    /// Name → group, once the groups were read.
    pub groups: Option<BTreeMap<String, Group>>,
    /// When that was.
    pub groups_at: Option<Instant>,
    /// Addresses of people who were made here, or may have been: the answer was lost.
    pub begun: BTreeSet<String>,
}

/// A group and the SCIM ids of its members.
#[derive(Clone, Default)]
pub(super) struct Group {
    pub id: String,
    pub members: BTreeSet<String>,
}

/// A user, as far as it matters here.
#[derive(Clone)]
pub(super) struct Person {
    pub id: String,
    addresses: Vec<String>,
    record: Value,
}

/// All users of one walk, by address and by outside key; of a surface that stands alone only who holds what.
#[derive(Default)]
pub(in crate::connector) struct Seen {
    /// SCIM's id → name and id of the groups.
    held: Option<HashMap<String, Vec<HeldGroup>>>,
    users: Vec<Person>,
    by_address: HashMap<String, usize>,
    by_key: HashMap<String, usize>,
    groups: BTreeMap<String, Group>,
}

impl From<HashMap<String, Vec<HeldGroup>>> for Seen {
    fn from(held: HashMap<String, Vec<HeldGroup>>) -> Self {
        Self { held: Some(held), ..Self::default() }
    }
}

impl Person {
    pub fn read(record: Value) -> Option<Self> {
        let id = record.get("id")?.as_str()?.to_owned();
        let name = record.get("userName").and_then(Value::as_str);
        let emails = record.get("emails").and_then(Value::as_array).into_iter().flatten();
        let emails = emails.filter_map(|email| email.get("value").and_then(Value::as_str));
        let mut addresses: Vec<String> = name.into_iter().chain(emails).map(str::to_lowercase).collect();
        addresses.dedup();
        Some(Self { id, addresses, record })
    }

    /// Returns the whole record.
    pub fn into_record(self) -> Value {
        self.record
    }

    /// Tells whether SCIM says that the person may sign in.
    pub fn is_active(&self) -> bool {
        self.record.get("active").and_then(Value::as_bool).unwrap_or(true)
    }

    /// Tells whether this is one of the person's addresses.
    pub fn is(&self, address: &str) -> bool {
        self.addresses.iter().any(|known| *known == address.trim().to_lowercase())
    }
}

impl Group {
    pub fn read(record: &Value) -> Option<(String, Self)> {
        let id = record.get("id")?.as_str()?.to_owned();
        let name = record.get("displayName")?.as_str()?.to_owned();
        let members = record.get("members").and_then(Value::as_array).into_iter().flatten();
        let members = members.filter_map(|member| member.get("value")?.as_str().map(str::to_owned)).collect();
        Some((name, Self { id, members }))
    }
}

impl Seen {
    /// Makes users findable by address; a user's name goes before what another one has as a further address.
    fn index(&mut self) {
        for further in [false, true] {
            for (at, user) in self.users.iter().enumerate() {
                let own = user.addresses.iter().enumerate().filter(|(place, _)| (*place > 0) == further);
                for (_, address) in own {
                    self.by_address.entry(address.clone()).or_insert(at);
                }
            }
        }
    }

    fn find(&self, account: &Account) -> Option<&Person> {
        let address = account.login.as_deref().map(str::to_lowercase);
        let by_address = address.and_then(|address| self.by_address.get(&address));
        let at = by_address.or_else(|| self.by_key.get(account.external_id.as_deref()?))?;
        self.users.get(*at)
    }

    /// Adds what SCIM tells of an account.
    pub fn join(&self, inner: &Inner, account: &mut Account) {
        if let Some(held) = &self.held {
            let own = held.get(account.key.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            join_groups(inner, account, own);
        } else if let Some(user) = self.find(account) {
            join(inner, account, user, Some(&self.groups));
        }
    }
}

/// Adds the grants that only SCIM tells.
fn join(inner: &Inner, account: &mut Account, user: &Person, groups: Option<&BTreeMap<String, Group>>) {
    for (word, write) in inner.settings.scim_tells(account.key.kind) {
        let Some(spec) = inner.manifest().kinds.get(&account.key.kind).and_then(|spec| spec.entitlements.get(word))
        else {
            continue;
        };
        let names: Vec<&str> = match (write.form, groups) {
            (ScimForm::Members, Some(groups)) => {
                let inside = groups.iter().filter(|(_, group)| group.members.contains(&user.id));
                inside.map(|(name, _)| name.as_str()).collect()
            }
            (ScimForm::Values, _) => values_of(&user.record, write.paths.first().map_or("", String::as_str)),
            _ => continue,
        };
        let kind = EntitlementKind::new(&spec.kind);
        account.grants.extend(names.into_iter().map(|name| {
            let privileged = spec.privileged.iter().any(|known| known.eq_ignore_ascii_case(name));
            Grant { kind: kind.clone(), id: None, name: Name::new(name), scope: None, privileged, pending: false }
        }));
        account.grants_known.push(kind);
    }
    account.grants.sort_unstable();
    account.grants.dedup();
}

/// Returns the texts of a multi-valued attribute; none where it is absent, which SCIM means by an empty one.
pub(super) fn values_of<'v>(record: &'v Value, path: &str) -> Vec<&'v str> {
    let items = record.get(path).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.get("value").unwrap_or(item).as_str()).filter(|name| !name.is_empty()).collect()
}

impl Inner {
    /// Walks users and groups, where a pull needs them; otherwise asks for one user, so that a credential that has ended
    /// is noticed before somebody has to be put out.
    pub(in crate::connector) async fn scim_seen(&self) -> Result<Option<Seen>, ConnectError> {
        let words: Vec<ScimForm> = self
            .manifest()
            .kinds
            .keys()
            .flat_map(|kind| self.settings.scim_tells(*kind))
            .map(|(_, write)| write.form)
            .collect();
        let Some(scim) = self.scim.as_ref() else { return Ok(None) };
        if self.settings.scim_alone().is_some() {
            return scim.seen_alone(self, &words).await;
        }
        if words.is_empty() {
            return scim.first_person(self, Priority::Read).await.map(|_| None);
        }
        let mut seen = Seen::default();
        for user in scim.walk(self, "/Users").await?.into_iter().filter_map(Person::read) {
            let at = seen.users.len();
            seen.by_key.extend(user.record.get("externalId").and_then(Value::as_str).map(|key| (key.to_owned(), at)));
            seen.users.push(user);
        }
        seen.index();
        if words.contains(&ScimForm::Members) {
            seen.groups = scim.walk(self, "/Groups").await?.iter().filter_map(Group::read).collect();
            scim.directory.lock().await.groups = Some(seen.groups.clone());
        }
        Ok(Some(seen))
    }

    /// Adds to one account what only SCIM tells. Where it cannot be asked, its grants stay untold: the account itself
    /// was read.
    pub(in crate::connector) async fn scim_join(&self, account: &mut Account, priority: Priority) {
        let words = self.settings.scim_tells(account.key.kind);
        let Some(scim) = self.scim.as_ref().filter(|_| !words.is_empty()) else { return };
        if self.settings.scim_alone().is_some() {
            match scim.groups_of(self, account.key.id.as_str(), &words).await {
                Ok(Some(own)) => join_groups(self, account, &own),
                Ok(None) => {}
                Err(error) => tracing::warn!(connection = %self.settings.name, %error, "scim does not tell"),
            }
            return;
        }
        let told = async {
            let Some(user) = scim.person_of(self, &account.key, account.login.as_deref(), priority).await? else {
                return Ok(None);
            };
            let grouped = words.iter().any(|(_, write)| write.form == ScimForm::Members);
            let groups = if grouped { Some(scim.groups(self).await?) } else { None };
            Ok::<_, ConnectError>(Some((user, groups)))
        };
        match told.await {
            Ok(Some((user, groups))) => join(self, account, &user, groups.as_ref()),
            Ok(None) => {}
            Err(error) => tracing::warn!(connection = %self.settings.name, %error, "scim does not tell"),
        }
    }
}

impl Scim {
    /// Returns the user of an account: by the id that is known of it, else by its address, which the answer must have.
    pub(super) async fn person_of(
        &self,
        inner: &Inner,
        key: &AccountKey,
        address: Option<&str>,
        priority: Priority,
    ) -> Result<Option<Person>, ConnectError> {
        let known = self.directory.lock().await.ids.get(key).cloned();
        if let Some(id) = known {
            match self.send(inner, ScimAsk::read("/Users/{id}", Some(&id), priority)).await {
                Ok(response) => {
                    let user = Person::read(record_of(&response)?);
                    if let Some(user) = user.filter(|user| address.is_none_or(|address| user.is(address))) {
                        return Ok(Some(user));
                    }
                }
                Err(error) if error.status == Some(404) => {}
                Err(error) => return Err(error),
            }
            self.directory.lock().await.ids.remove(key);
        }
        let Some(address) = address.map(str::trim).filter(|address| !address.is_empty()) else { return Ok(None) };
        let found = self.find(inner, address, priority).await?;
        if let Some(user) = &found {
            self.keep(key, &user.id).await;
        }
        Ok(found)
    }

    /// Keeps the id that SCIM has for an account's person.
    pub(super) async fn keep(&self, key: &AccountKey, id: &str) {
        let mut directory = self.directory.lock().await;
        if directory.ids.len() < KEPT_MAX {
            directory.ids.insert(key.clone(), id.to_owned());
        }
    }

    /// Finds the user of an address.
    #[boxed]
    pub(super) async fn find(
        &self,
        inner: &Inner,
        address: &str,
        priority: Priority,
    ) -> Result<Option<Person>, ConnectError> {
        let lower = inner.manifest().scim.as_ref().is_some_and(|scim| scim.lower_case);
        let spelt = if lower { address.to_lowercase() } else { address.to_owned() };
        let filter = equal(&path("userName")?, &Value::from(spelt));
        let response = self.send(inner, ScimAsk::read("/Users", None, priority).with("filter", filter)).await?;
        let found = listed(&response.body)?.resources.into_iter().filter_map(Person::read);
        let mut found: Vec<Person> = found.filter(|user| user.is(address)).collect();
        match (found.pop(), found.is_empty()) {
            (Some(_), false) => {
                let text = "SCIM has several users of one address; a person must say which";
                Err(ConnectError::new(ErrorKind::Duplicate, text))
            }
            (found, _) => Ok(found),
        }
    }

    /// Returns the groups, read once.
    async fn groups(&self, inner: &Inner) -> Result<BTreeMap<String, Group>, ConnectError> {
        if let Some(groups) = &self.directory.lock().await.groups {
            return Ok(groups.clone());
        }
        let groups: BTreeMap<String, Group> =
            self.walk(inner, "/Groups").await?.iter().filter_map(Group::read).collect();
        self.directory.lock().await.groups = Some(groups.clone());
        Ok(groups)
    }

    /// Walks a whole list.
    pub(super) async fn walk(&self, inner: &Inner, list: &'static str) -> Result<Vec<Value>, ConnectError> {
        let (mut start, mut all) = (1, Vec::new());
        let offers = inner.settings.offers.as_deref();
        let by_post = offers.is_some_and(|offers| offers.search);
        let count = offers.and_then(|offers| offers.page_max).map_or(COUNT, |max| COUNT.min(u64::from(max)));
        for _ in 0..PAGES_MAX {
            let ask = match by_post {
                true => ScimAsk::search(list, start, count, Priority::Read),
                false => {
                    let ask = ScimAsk::read(list, None, Priority::Read);
                    ask.with("startIndex", start.to_string()).with("count", count.to_string())
                }
            };
            let page = listed(&self.send(inner, ask).await?.body)?;
            if !page.resources.is_empty() && all.ends_with(&page.resources) {
                return Err(malformed(format!("{list} came with the same page twice")));
            }
            let next = page_after(start, page.resources.len() as u64, page.total_results);
            all.extend(page.resources);
            match next {
                Next::Start(next) if all.len() <= KEPT_MAX => start = next,
                Next::End => return Ok(all),
                Next::Short { seen, total } => return Err(malformed(format!("{seen} of {total} {list} came"))),
                Next::Start(_) => break,
            }
        }
        Err(malformed(format!("{list} does not end")))
    }
}

/// Reads an answer as a page of a list.
pub(super) fn listed(body: &[u8]) -> Result<ListResponse, ConnectError> {
    ListResponse::parse(body).map_err(|error| malformed(error.to_string()))
}

pub(super) fn path(text: &str) -> Result<tenure_scim::AttributePath, ConnectError> {
    text.parse().map_err(|error| ConnectError::new(ErrorKind::Configuration, format!("{error}")))
}

fn malformed(text: String) -> ConnectError {
    ConnectError::new(ErrorKind::Malformed, format!("SCIM: {text}"))
}
