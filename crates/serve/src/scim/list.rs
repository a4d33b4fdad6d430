//! Accounts as clients look for them: one by its id, some by what an index knows, a page of all, or all that fit.
//! Only what no index knows is found by walking the connection's accounts, a page of the store at a time.
//! It finds; what is shown of what it finds is said elsewhere.

use super::Gate;
use super::account::{Held, key_of};
use super::door::Knock;
use super::entitlement::{Entitlement, groups_of};
use super::read::failed;
use super::shape::Shape;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::account::{Account, AccountKey};
use tenure_core::facts::ClientWish;
use tenure_scim::{
    Bound, Cursor, Cursors, Key, ListResponse, Lookup, Offer, Page, Said, ScimError, ScimType, Search, Sorting,
};
use tenure_store::Observed;

/// Accounts that are read from the store at a time.
const PAGE: usize = 500;
/// So many resources may fit a filter that no index knows, or be put in another order than ours.
const FITTING_MAX: usize = 50_000;

/// What a request looks at: the connection in its form, and what it offers.
pub(super) struct Scene<'a> {
    pub gate: &'a Gate,
    pub knock: &'a Knock,
    pub shape: &'a Shape,
    pub offer: &'a Offer,
}

impl Scene<'_> {
    /// Finds one account by its id, whether a client may see it or not.
    pub async fn find(&self, id: &str) -> Result<Option<Held>, ScimError> {
        let (store, connection) = (&self.gate.house.store, &self.knock.connection);
        let key = key_of(connection, id);
        match store.account_and_wish(connection, id, key.as_ref()).await.map_err(failed)? {
            (None, None) => Ok(None),
            (observed, wish) => Ok(self.with_managers(vec![held(observed, wish)]).await?.pop()),
        }
    }

    /// Finds one account that the client may see.
    ///
    /// # Errors
    /// 404: there is none.
    pub async fn shown(&self, id: &str) -> Result<Held, ScimError> {
        let found = self.find(id).await?.filter(|held| held.is_shown(self.shape));
        found.ok_or_else(|| ScimError::new(404, "there is no such user in this connection"))
    }

    /// Lays what clients wish over what was observed.
    pub async fn with_wishes(&self, all: Vec<Observed>) -> Result<Vec<Held>, ScimError> {
        let keys: Vec<AccountKey> = all.iter().map(|one| one.account.key.clone()).collect();
        let wishes = self.gate.house.store.wishes_of(&keys).await.map_err(failed)?;
        let mut by_key: BTreeMap<AccountKey, ClientWish> =
            wishes.into_iter().filter_map(|wish| Some((wish.account.clone()?, wish))).collect();
        let laid = all.into_iter().map(|observed| {
            let wish = by_key.remove(&observed.account.key);
            held(Some(observed), wish)
        });
        self.with_managers(laid.collect()).await
    }

    /// Finds accounts by a text that an index knows: a sign-in name, an address, the client's own id.
    pub async fn look_up(&self, text: &str) -> Result<Vec<Held>, ScimError> {
        let (store, connection) = (&self.gate.house.store, &self.knock.connection);
        let mut observed = store.find_accounts(text).await.map_err(failed)?;
        observed.retain(|one| one.account.key.connection == *connection);
        let mut seen: BTreeSet<AccountKey> = observed.iter().map(|one| one.account.key.clone()).collect();
        let mut found = self.with_wishes(observed).await?;
        let first = found.len();
        for wish in store.find_wishes(connection, text).await.map_err(failed)? {
            match wish.account.clone() {
                Some(key) if !seen.insert(key.clone()) => {}
                Some(key) => {
                    let observed = store.account(&key, None).await.map_err(failed)?;
                    found.push(held(observed, Some(wish)));
                }
                None => found.push(held(None, Some(wish))),
            }
        }
        let wished = found.split_off(first);
        found.extend(self.with_managers(wished).await?);
        Ok(found)
    }

    /// Calls for each account that clients see, in our order, until it says that it is enough.
    pub async fn walk(&self, mut each: impl FnMut(Held) -> Result<(), ScimError>) -> Result<(), ScimError> {
        let (store, connection) = (&self.gate.house.store, &self.knock.connection);
        let mut after = None;
        let filter = tenure_store::AccountFilter::of(connection.clone());
        loop {
            let page = store.accounts(&filter, after, PAGE).await.map_err(failed)?;
            for held in self.with_wishes(page.accounts).await? {
                if held.is_shown(self.shape) {
                    each(held)?;
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let mut after = String::new();
        loop {
            let page = store.wishes_without_account(connection, &after, PAGE).await.map_err(failed)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id.to_string();
            let page = page.into_iter().map(|wish| held(None, Some(wish))).collect();
            for held in self.with_managers(page).await? {
                each(held)?;
            }
        }
    }

    /// Shows an account with all that is known of it.
    pub fn show(&self, held: &Held, entitlements: &[Entitlement]) -> Map<String, Value> {
        held.show(self.shape, self.offer, groups_of(held, entitlements, self.shape, self.offer))
    }

    /// Returns the page of accounts that a search asks for.
    pub async fn list(
        &self,
        search: &Search,
        entitlements: &[Entitlement],
        said: &mut Said,
    ) -> Result<ListResponse<Map<String, Value>>, ScimError> {
        let of = &self.shape.account;
        let filter = search.filter.as_ref().map(|filter| filter.bind(of, said)).transpose()?;
        let sorting = Sorting::bind(search.sort_by.as_deref(), search.order, of, said)?;
        let plain = search.filter.is_none() && sorting.is_by_id() && search.order == tenure_scim::Order::Ascending;
        if plain {
            return self.page(search, entitlements).await;
        }
        let fitting = match search.filter.as_ref().and_then(tenure_scim::Filter::lookups).map(texts) {
            Some(Some(texts)) => self.fitting_of(&texts, filter.as_ref(), entitlements).await?,
            _ => self.fitting(filter.as_ref(), entitlements).await?,
        };
        tenure_scim::list(of, &fitting, search, self.cursors(&self.scope()).await?.borrowed(), said)
    }

    async fn fitting_of(
        &self,
        texts: &[(Key, String)],
        filter: Option<&Bound<'_>>,
        entitlements: &[Entitlement],
    ) -> Result<Vec<Map<String, Value>>, ScimError> {
        let mut found: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for (key, text) in texts {
            let held = match key {
                Key::Id => self.find(text).await?.into_iter().collect(),
                _ => self.look_up(text).await?,
            };
            for held in held.into_iter().filter(|held| held.is_shown(self.shape)) {
                let shown = self.show(&held, entitlements);
                if filter.is_none_or(|filter| filter.fits(&shown)) {
                    found.insert(held.id(), shown);
                }
            }
        }
        Ok(found.into_values().collect())
    }

    async fn fitting(
        &self,
        filter: Option<&Bound<'_>>,
        entitlements: &[Entitlement],
    ) -> Result<Vec<Map<String, Value>>, ScimError> {
        let mut fitting = Vec::new();
        self.walk(|held| {
            let shown = self.show(&held, entitlements);
            if filter.is_none_or(|filter| filter.fits(&shown)) {
                fitting.push(shown);
            }
            match fitting.len() > FITTING_MAX {
                true => Err(ScimError::because(ScimType::TooMany, "too many fit; ask for fewer, or without an order")),
                false => Ok(()),
            }
        })
        .await?;
        Ok(fitting)
    }

    /// Returns a page of all accounts in our own order, of which nothing else is read. Whom a client wishes and who is
    /// not there yet comes last.
    async fn page(
        &self,
        search: &Search,
        entitlements: &[Entitlement],
    ) -> Result<ListResponse<Map<String, Value>>, ScimError> {
        let (store, connection) = (&self.gate.house.store, &self.knock.connection);
        let there = store.count_accounts(connection, &self.shape.kinds).await.map_err(failed)?;
        let total = there + store.count_wishes_without_account(connection).await.map_err(failed)?;
        let scope = self.scope();
        let cursors = self.cursors(&scope).await?;
        let (start, count) = match &search.page {
            Page::Index { start_index, count } => (start_index - 1, *count),
            Page::Cursor { cursor: None, count } => (0, *count),
            Page::Cursor { cursor: Some(text), count } => {
                let opened = cursors.seal.open(&search.cursor_scope(&scope), text, cursors.now_s)?;
                let place = opened.after.parse().map_err(|_| {
                    ScimError::because(
                        ScimType::InvalidCursor,
                        "the cursor is not one of this list; start again without one",
                    )
                })?;
                (place, *count)
            }
        };
        let mut held = Vec::new();
        if count > 0 && start < there {
            let found = store.accounts_from(connection, &self.shape.kinds, start, count).await.map_err(failed)?;
            held = self.with_wishes(found).await?;
        }
        let skip = start.saturating_sub(there);
        if held.len() < count && start + (held.len() as u64) < total {
            held.extend(self.wished(skip, count - held.len()).await?);
        }
        let shown = search.projection.bind(&self.shape.account);
        let resources: Vec<_> = held.iter().map(|held| shown.show(&self.show(held, entitlements))).collect();
        let end = start + resources.len() as u64;
        let page = ListResponse::page(total, start + 1, resources);
        Ok(match search.page {
            Page::Index { .. } => page,
            Page::Cursor { .. } => {
                let next = || {
                    let cursor = Cursor { after: end.to_string(), made_s: cursors.now_s };
                    cursors.seal.seal(&search.cursor_scope(&scope), &cursor)
                };
                ListResponse { start_index: None, next_cursor: (end < total && count > 0).then(next), ..page }
            }
        })
    }

    /// Lists wishes about whom there is no account yet, from a place on.
    async fn wished(&self, skip: u64, count: usize) -> Result<Vec<Held>, ScimError> {
        let (mut after, mut left, mut all) = (String::new(), skip, Vec::new());
        loop {
            let page = self.gate.house.store.wishes_without_account(&self.knock.connection, &after, PAGE).await;
            let page = page.map_err(failed)?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.id.to_string();
            let page = page.into_iter().map(|wish| held(None, Some(wish))).collect();
            for held in self.with_managers(page).await? {
                match left {
                    0 if all.len() < count => all.push(held),
                    0 => return Ok(all),
                    _ => left -= 1,
                }
            }
        }
    }

    /// Returns whose list it is, for cursors.
    pub fn scope(&self) -> String {
        format!("{}|{}|User", self.knock.connection, self.knock.bearer.token)
    }

    /// Returns what cursors are read and written with.
    pub async fn cursors<'s>(&self, of: &'s str) -> Result<Sealing<'s>, ScimError> {
        let seal = self.gate.seal().await?;
        Ok(Sealing { seal, of, now_s: self.gate.house.clock.now_ms() / 1000 })
    }
}

/// What cursors are read and written with.
pub(super) struct Sealing<'s> {
    pub seal: tenure_scim::CursorSeal,
    of: &'s str,
    now_s: i64,
}

impl Sealing<'_> {
    /// Returns it as it is handed on.
    pub fn borrowed(&self) -> Cursors<'_> {
        Cursors { seal: &self.seal, of: self.of, now_s: self.now_s }
    }
}

/// Joins what was observed and what is wished.
pub(super) fn held(observed: Option<Observed>, wish: Option<ClientWish>) -> Held {
    let since_ms = observed.as_ref().map_or(0, |observed| observed.since_ms);
    let account: Option<Account> = observed.filter(|observed| observed.until_ms.is_none()).map(|one| one.account);
    Held { account, wish, since_ms, manager: None }
}

/// Returns the texts that are looked up; nothing where one of the look-ups is none that our index knows.
fn texts(lookups: Vec<Lookup>) -> Option<Vec<(Key, String)>> {
    lookups
        .into_iter()
        .map(|lookup| match lookup {
            Lookup::Equal(Key::Member | Key::DisplayName, _) | Lookup::ModifiedSince(_) => None,
            Lookup::Equal(key, text) => Some((key, text)),
        })
        .collect()
}
