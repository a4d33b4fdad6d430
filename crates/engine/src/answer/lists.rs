//! Accounts and grants as lists, and what lists have in common: a filter, parts, now or as of a moment.
//! Rows come from the store, page by page, and from the graph; a CEL expression sees the fields that JSON shows.
//! Who looks into the past, or takes a list away, is written into the journal.

use super::page::number;
use crate::audit::record_read;
use crate::clock::{moment_text, no_moment, read_moment};
use crate::error::EngineError;
use crate::house::House;
use crate::reconcile::{Company, Scope, company, company_of};
use crate::view::{AccountView, GrantView};
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use tenure_core::account::AccountKey;
use tenure_core::correlate::{Graph, LinkFact};
use tenure_core::expression::{Expression, ExpressionError};
use tenure_core::identity;
use tenure_core::name::ConnectionName;
use tenure_store::{AccountFilter, Cursor, Extent, Managers, Observed, Page, Seed};

/// The one form in which a list is taken away.
const EXPORTED: &str = "csv";
const PAGE: usize = 1000;
/// A part looks through so many pages whose rows are each found out about; then it ends, short of rows or not.
pub(super) const PAGES_FOUND_OUT: usize = 3;
/// A part looks through so many pages of which it is told before, by what an account itself says, which rows are asked for.
const PAGES_LOOKED_THROUGH: usize = 5;
/// How much larger the next page is, where one had fewer rows than are asked for: of grants an account may have none.
const PAGES_GROW: usize = 4;
/// What a row says that its account does not: it is found out from what hangs together with it.
const FOUND_OUT: [&str; 3] = ["identity", "evidence", "access"];

/// Which rows of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListAsked {
    /// Only this connection.
    pub connection: Option<String>,
    /// Only what this CEL expression is true for, such as `account.state == "invited"`.
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// As it was at this moment (RFC 3339, or a time or a date in UTC).
    pub as_of: Option<String>,
    /// Says that the list is taken away (`csv`): that is written into the journal.
    pub export: Option<String>,
    /// How many rows at most.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<usize>,
    /// Where to go on: the `next` of the part before.
    pub cursor: Option<String>,
}

/// Accounts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Accounts {
    /// In the order in which they were first seen.
    pub accounts: Vec<AccountView>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What is not known of the moment that is asked for, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Grants.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Grants {
    /// By account. A part ends behind the last grant of an account, so that it may have some more rows than asked for.
    pub grants: Vec<GrantView>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What is not known of the moment that is asked for, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Lists accounts.
///
/// # Errors
/// The question cannot be understood, or the store failed.
#[boxed]
pub async fn accounts(house: &House, asked: &ListAsked, by: &str) -> Result<Accounts, EngineError> {
    let filter = begin::<AccountView>(house, asked, by, "accounts", "account").await?;
    let rows = |account: AccountView| Ok(if filter.keeps(&account)? { vec![account] } else { Vec::new() });
    let (accounts, next) = each_account(house, asked, &filter, rows).await?;
    Ok(Accounts {
        accounts,
        next,
        note: unknown_then(house, asked.as_of.as_deref(), asked.connection.as_deref()).await?,
    })
}

/// Lists grants.
///
/// # Errors
/// As [`accounts`].
#[boxed]
pub async fn grants(house: &House, asked: &ListAsked, by: &str) -> Result<Grants, EngineError> {
    let filter = begin::<GrantView>(house, asked, by, "grants", "grant").await?;
    let rows = |account: AccountView| {
        let mut kept = Vec::new();
        for grant in GrantView::of(&account) {
            if filter.keeps(&grant)? {
                kept.push(grant);
            }
        }
        Ok(kept)
    };
    let (grants, next) = each_account(house, asked, &filter, rows).await?;
    Ok(Grants { grants, next, note: unknown_then(house, asked.as_of.as_deref(), asked.connection.as_deref()).await? })
}

/// Which rows are kept, as an expression over their JSON.
pub(super) struct Filter {
    root: &'static str,
    expression: Option<Expression>,
}

impl Filter {
    /// Tells whether it asks only for what an account itself says, if for anything.
    fn is_of_the_account(&self) -> bool {
        self.expression.as_ref().is_none_or(|expression| {
            expression.reads().all(|path| path.get(1).is_some_and(|word| !FOUND_OUT.contains(&word.as_str())))
        })
    }

    /// Tells whether it keeps some rows only.
    pub(super) fn is_narrow(&self) -> bool {
        self.expression.is_some()
    }

    fn keeps(&self, row: &impl Serialize) -> Result<bool, EngineError> {
        self.keeps_with(row, || Value::Null)
    }

    /// As [`Self::keeps`], where a condition sees `beside` as well, as a condition of the policy does.
    pub(super) fn keeps_with(&self, row: &impl Serialize, beside: impl FnOnce() -> Value) -> Result<bool, EngineError> {
        let Some(expression) = &self.expression else { return Ok(true) };
        let mut value = serde_json::to_value(row).map_err(|error| EngineError::Broken(error.to_string()))?;
        if let (Some(row), Value::Object(beside)) = (value.as_object_mut(), beside()) {
            row.extend(beside);
        }
        expression.matches(self.root, &value).map_err(|error| misread(&error))
    }
}

fn misread(error: &ExpressionError) -> EngineError {
    let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
    EngineError::Field { field: "where", because: format!("{}{hint}", error.message) }
}

/// Reads a condition over rows; what a row of this list never has is refused, because no row would fit. Of people, what a
/// condition of the policy may read is known as well, so that one can be tried here.
fn condition<Row: JsonSchema>(text: &str, root: &str) -> Result<Expression, EngineError> {
    let schema = schemars::schema_for!(Row);
    let words = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let of_policy: &[&str] = if root == "identity" { &identity::WORDS } else { &[] };
    let words: Vec<&str> = words.map(|(word, _)| word.as_str()).chain(of_policy.iter().copied()).collect();
    let expression = Expression::parse_of_rows(text, root, &words).map_err(|error| misread(&error))?;
    expression.check_words(&[root], &words, !of_policy.is_empty()).map_err(|error| misread(&error))?;
    expression.check_truth(|_| false).map_err(|error| misread(&error))?;
    Ok(expression)
}

/// Reads what is asked, and writes down who looks.
pub(super) async fn begin<Row: JsonSchema>(
    house: &House,
    asked: &ListAsked,
    by: &str,
    what: &str,
    root: &'static str,
) -> Result<Filter, EngineError> {
    if let Some(name) = &asked.connection {
        house.connection(name)?;
    }
    let expression = asked.filter.as_deref().map(|text| condition::<Row>(text, root)).transpose()?;
    let filter = Filter { root, expression };
    as_of_ms(house, asked.as_of.as_deref())?;
    if asked.export.as_deref().is_some_and(|format| format != EXPORTED) {
        return Err(EngineError::Field { field: "export", because: format!("it is {EXPORTED}, or left out") });
    }
    if (asked.as_of.is_some() || asked.export.is_some()) && asked.cursor.is_none() {
        let format = asked.export.as_deref().unwrap_or("list");
        let body = serde_json::json!({
            "what": what, "format": format, "as_of": asked.as_of, "connection": asked.connection, "where": asked.filter,
        });
        record_read(house, by, body).await?;
    }
    Ok(filter)
}

/// Reads the moment as of which is asked.
pub(super) fn as_of_ms(house: &House, text: Option<&str>) -> Result<Option<i64>, EngineError> {
    let Some(text) = text else { return Ok(None) };
    let moment = read_moment(text, house.clock.now_ms());
    moment.map(Some).ok_or_else(|| EngineError::Field { field: "as_of", because: no_moment(text) })
}

/// Says what is not known of the moment as of which is asked: it has not come yet, or something had not been read by then.
/// An answer without a row would be taken for one about an empty app.
#[boxed]
pub(super) async fn unknown_then(
    house: &House,
    as_of: Option<&str>,
    connection: Option<&str>,
) -> Result<Option<String>, EngineError> {
    let Some(at_ms) = as_of_ms(house, as_of)? else { return Ok(None) };
    let at = moment_text(at_ms);
    if at_ms > house.clock.now_ms() {
        return Ok(Some(format!("{at} has not come yet; this is what is known now")));
    }
    let (mut unread, mut first_ms, mut read) = (Vec::new(), None::<i64>, false);
    for name in house.names() {
        if house.is_pushed(&name) || connection.is_some_and(|one| name.as_str() != one) {
            continue;
        }
        let pull = house.store.first_pull(&name).await?;
        let Some(ended_ms) = pull.and_then(|pull| pull.finished_ms) else { continue };
        if ended_ms > at_ms {
            first_ms = Some(first_ms.map_or(ended_ms, |first| first.min(ended_ms)));
            unread.push(name.to_string());
        } else {
            read = true;
        }
    }
    let Some(first_ms) = first_ms else { return Ok(None) };
    let what = if read { format!("{} had not", unread.join(", ")) } else { "nothing had".into() };
    let first = moment_text(first_ms);
    Ok(Some(format!("{what} been read by {at}: what was there then is not known; the first read ended at {first}")))
}

/// Lists what `rows` makes of the accounts that are asked for, and says where to go on. Whose the accounts of a page are is
/// found out from what hangs together with them; the past, and a list as a whole, have the company correlated once.
/// A part looks through so many pages and no more: where few rows are asked for, it may have none, and goes on all the same.
async fn each_account<Row>(
    house: &House,
    asked: &ListAsked,
    filter: &Filter,
    rows: impl Fn(AccountView) -> Result<Vec<Row>, EngineError>,
) -> Result<(Vec<Row>, Option<String>), EngineError> {
    let as_of_ms = as_of_ms(house, asked.as_of.as_deref())?;
    let after = asked.cursor.as_deref().map(|cursor| number(Some(cursor)).map(Cursor::at)).transpose()?;
    let names = match &asked.connection {
        Some(name) => vec![ConnectionName::from(name.as_str())],
        None => house.names().into_iter().filter(|name| house.is_target(name)).collect(),
    };
    let among = AccountFilter { among: Some(names), as_of_ms };
    let left = asked.limit.unwrap_or(usize::MAX);
    let page_size = if filter.is_narrow() { PAGE } else { PAGE.min(left) };
    let mut part = Part { house, among, page_size, after, left, rows: Vec::new() };
    if asked.limit.is_some() && as_of_ms.is_none() && part.find_out(filter, &rows).await? {
        return Ok(part.told());
    }
    let company = company(house, &Scope { as_of_ms, ..Scope::default() }).await?;
    let graph = company.graph(house);
    let links = links_of(&graph);
    loop {
        let page = part.read().await?;
        if part.take(page, &company, &links, &rows)? {
            return Ok(part.told());
        }
    }
}

/// Loads what hangs together with these accounts; nothing where that is more than a page should cost.
#[boxed]
async fn company_near(house: &House, page: &[Observed]) -> Result<Option<Company>, EngineError> {
    let accounts = page.iter().map(|observed| observed.account.key.clone()).collect();
    let loaded = house.store.load_cluster(&Seed { accounts, ..Seed::default() }, Managers::Left).await?;
    if loaded.extent == Extent::Cut {
        return Ok(None);
    }
    company_of(house, &Scope::default(), loaded).await.map(Some)
}

type Links<'g> = HashMap<&'g AccountKey, LinkFact<'g>>;

fn links_of<'g>(graph: &'g Graph<'_>) -> Links<'g> {
    graph.links().filter_map(|(account, link)| link.map(|link| (&account.key, link))).collect()
}

/// A part of a list, as far as it is made.
struct Part<'a, Row> {
    house: &'a House,
    among: AccountFilter,
    page_size: usize,
    after: Option<Cursor>,
    /// How many rows are still asked for.
    left: usize,
    rows: Vec<Row>,
}

impl<Row> Part<'_, Row> {
    async fn read(&self) -> Result<Page, EngineError> {
        Ok(self.house.store.accounts(&self.among, self.after, self.page_size).await?)
    }

    /// Looks through some pages, without the company; tells whether that was possible.
    async fn find_out(
        &mut self,
        filter: &Filter,
        rows: &impl Fn(AccountView) -> Result<Vec<Row>, EngineError>,
    ) -> Result<bool, EngineError> {
        let of_the_account = filter.is_of_the_account();
        for _ in 0..if of_the_account { PAGES_LOOKED_THROUGH } else { PAGES_FOUND_OUT } {
            let mut page = self.read().await?;
            if of_the_account {
                let mut meant = Vec::new();
                for observed in page.accounts {
                    if !rows(AccountView::new(&observed.account, None, None, Some(observed.since_ms)))?.is_empty() {
                        meant.push(observed);
                    }
                    if meant.len() > self.left {
                        break;
                    }
                }
                page.accounts = meant;
            }
            let Some(near) = company_near(self.house, &page.accounts).await? else { return Ok(false) };
            let graph = near.graph(self.house);
            if self.take(page, &near, &links_of(&graph), rows)? {
                break;
            }
            self.page_size = PAGE.min(self.page_size * PAGES_GROW);
        }
        Ok(true)
    }

    /// Takes the rows of a page; tells whether that was all that is asked for, or all that there is.
    fn take(
        &mut self,
        page: Page,
        company: &Company,
        links: &Links<'_>,
        rows: &impl Fn(AccountView) -> Result<Vec<Row>, EngineError>,
    ) -> Result<bool, EngineError> {
        let last = page.accounts.last().map(|observed| observed.at);
        for Observed { at, account, since_ms, .. } in page.accounts {
            let key = &account.key;
            let link = links.get(key).map(|link| (link.identity.as_str(), link.evidence));
            let connection = company.facts.connections.get(&key.connection);
            let ability = connection.and_then(|connection| connection.abilities.kinds.get(&key.kind));
            let found = rows(AccountView::new(&account, ability, link, Some(since_ms)))?;
            self.left = self.left.saturating_sub(found.len());
            self.rows.extend(found);
            if self.left == 0 {
                self.after = if Some(at) == last { page.next } else { Some(at) };
                return Ok(true);
            }
        }
        self.after = page.next;
        Ok(page.next.is_none())
    }

    fn told(self) -> (Vec<Row>, Option<String>) {
        (self.rows, self.after.map(|after| after.place().to_string()))
    }
}
