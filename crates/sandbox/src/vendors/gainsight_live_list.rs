//! The query language of Gainsight's user list in the live dialect: which fields, under which conditions, in which
//! order, which page. A body becomes a query, and a query runs over the users. Pages are counted from zero, and what is
//! not understood is refused, never ignored.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::gainsight_live_user::User;
use crate::fields::{Fields, Sent};
use crate::paging::Order;
use crate::table::{Held, Row};

const LIMIT_DEFAULT: u64 = 25;
const LIMIT_MAX: u64 = 5_000;

/// How a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Ne,
    In,
    Contains,
    StartsWith,
    Gt,
    Gte,
    Lt,
    Lte,
    IsNull,
    IsNotNull,
}

struct Condition {
    alias: String,
    field: String,
    operator: Operator,
    values: Vec<Value>,
}

/// What somebody wants to know about users.
pub(super) struct Query {
    select: Vec<String>,
    conditions: Vec<Condition>,
    /// Aliases that must all hold, of which one group is enough.
    groups: Vec<Vec<String>>,
    order: Vec<(String, Order)>,
    limit: usize,
    page: usize,
    total: bool,
}

/// Reads a query, or says what is wrong with it.
pub(super) fn read(body: Map<String, Value>) -> Result<Query, String> {
    let mut fields = Fields::new(body);
    fields.allow_only(&["select", "where", "orderBy", "includeTotal", "limit", "page"]);
    let select = fields.texts("select").value().unwrap_or_default();
    let filter = fields.object("where").value();
    let order = fields.object("orderBy").value().unwrap_or_default();
    let limit = match fields.number("limit") {
        Sent::Value(limit) if (1..=LIMIT_MAX).contains(&limit) => limit,
        Sent::Absent | Sent::Null => LIMIT_DEFAULT,
        Sent::Value(_) => return Err(format!("limit: it should be a number from 1 to {LIMIT_MAX}.")),
    };
    let page = fields.number("page").value().unwrap_or(0);
    let total = fields.flag("includeTotal").value().unwrap_or(false);
    fields.finish().map_err(|wrongs| format!("{}: {}", wrongs[0].field, wrongs[0].message))?;
    let (conditions, groups) = filter.map_or(Ok((Vec::new(), Vec::new())), read_filter)?;
    let order = order.into_iter().map(read_order).collect::<Result<Vec<_>, _>>()?;
    let known = |field: &String| User::default().show().get(field).is_some();
    let mut named =
        select.iter().chain(conditions.iter().map(|one| &one.field)).chain(order.iter().map(|(one, _)| one));
    match named.find(|field| !known(field)) {
        Some(field) => Err(format!("There is no field `{field}`.")),
        None => {
            let (limit, page) = (limit as usize, usize::try_from(page).unwrap_or(usize::MAX));
            Ok(Query { select, conditions, groups, order, limit, page, total })
        }
    }
}

fn read_order((field, order): (String, Value)) -> Result<(String, Order), String> {
    match order.as_str().map(str::to_lowercase).as_deref() {
        Some("asc") => Ok((field, Order::Rising)),
        Some("desc") => Ok((field, Order::Falling)),
        _ => Err(format!("orderBy.{field}: it is asc or desc.")),
    }
}

type Filter = (Vec<Condition>, Vec<Vec<String>>);

/// Reads conditions and the expression over their aliases: groups of AND, joined by OR, without brackets.
fn read_filter(filter: Map<String, Value>) -> Result<Filter, String> {
    let listed = filter.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    let conditions = listed.iter().map(read_condition).collect::<Result<Vec<_>, _>>()?;
    let expression = filter.get("expression").and_then(Value::as_str).unwrap_or_default();
    let groups: Vec<Vec<String>> = expression
        .split(" OR ")
        .map(|group| group.split(" AND ").map(|alias| alias.trim().to_string()).collect())
        .collect();
    let known = |alias: &String| conditions.iter().any(|condition| condition.alias == *alias);
    match groups.iter().flatten().find(|alias| !known(alias)) {
        Some(alias) => Err(format!("where.expression: there is no condition `{alias}`.")),
        None => Ok((conditions, groups)),
    }
}

fn read_condition(condition: &Value) -> Result<Condition, String> {
    let text = |key: &str| condition.get(key).and_then(Value::as_str).map(String::from);
    let (Some(field), Some(operator)) = (text("name"), text("operator")) else {
        return Err("where.conditions: a condition needs name and operator.".into());
    };
    let operator = match operator.as_str() {
        "EQ" => Operator::Eq,
        "NE" => Operator::Ne,
        "IN" => Operator::In,
        "CONTAINS" => Operator::Contains,
        "STARTS_WITH" => Operator::StartsWith,
        "GT" => Operator::Gt,
        "GTE" => Operator::Gte,
        "LT" => Operator::Lt,
        "LTE" => Operator::Lte,
        "IS_NULL" => Operator::IsNull,
        "IS_NOT_NULL" => Operator::IsNotNull,
        other => return Err(format!("where.conditions: there is no operator `{other}`.")),
    };
    let values = condition.get("value").and_then(Value::as_array).cloned().unwrap_or_default();
    let needs_one = !matches!(operator, Operator::IsNull | Operator::IsNotNull);
    if needs_one && values.is_empty() {
        return Err("where.conditions: value is an array with something in it.".into());
    }
    Ok(Condition { alias: text("alias").unwrap_or_else(|| field.clone()), field, operator, values })
}

impl Query {
    /// Returns the page as the vendor shows it.
    pub fn run<'a>(&self, users: impl Iterator<Item = &'a Held<User>>) -> Value {
        let mut rows: Vec<Value> = users.map(|held| held.row.show()).filter(|row| self.wants(row)).collect();
        rows.sort_by(|one, other| self.compare(one, other));
        let total = rows.len();
        let start = self.page.saturating_mul(self.limit);
        let page: Vec<Value> = rows.into_iter().skip(start).take(self.limit).map(|row| self.pick(row)).collect();
        if self.total { json!({"records": page, "totalCount": total}) } else { json!({"records": page}) }
    }

    fn wants(&self, row: &Value) -> bool {
        let holds = |alias: &String| {
            self.conditions.iter().filter(|condition| condition.alias == *alias).all(|condition| condition.holds(row))
        };
        self.groups.is_empty() || self.groups.iter().any(|group| group.iter().all(holds))
    }

    fn compare(&self, one: &Value, other: &Value) -> Ordering {
        let by = |(field, order): &(String, Order)| {
            let ordering = text(&one[field]).cmp(&text(&other[field]));
            if *order == Order::Rising { ordering } else { ordering.reverse() }
        };
        self.order.iter().map(by).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// Keeps the selected fields, and the GSID in any case.
    fn pick(&self, mut row: Value) -> Value {
        if let Some(fields) = row.as_object_mut().filter(|_| !self.select.is_empty()) {
            fields.retain(|key, _| key == "Gsid" || self.select.contains(key));
        }
        row
    }
}

impl Condition {
    fn holds(&self, row: &Value) -> bool {
        let is = &row[&self.field];
        let (mine, wanted) = (text(is), self.values.iter().map(text).collect::<Vec<_>>());
        let first = wanted.first().map(String::as_str).unwrap_or_default();
        match self.operator {
            Operator::Eq => mine == first,
            Operator::Ne => mine != first,
            Operator::In => wanted.contains(&mine),
            Operator::Contains => mine.contains(first),
            Operator::StartsWith => mine.starts_with(first),
            Operator::Gt => mine.as_str() > first,
            Operator::Gte => mine.as_str() >= first,
            Operator::Lt => mine.as_str() < first,
            Operator::Lte => mine.as_str() <= first,
            Operator::IsNull => is.is_null(),
            Operator::IsNotNull => !is.is_null(),
        }
    }
}

/// Returns what is compared: text without its case, everything else as JSON writes it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_lowercase)
}
