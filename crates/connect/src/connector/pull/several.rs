//! Several records of one person in a list, one for each employment: which of them counts.
//! A pull hands in what a page came to, and takes one account for each id. Employments that follow each other without a
//! gap are one stay; of others the one of today counts, then the next one, then the last.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::Value;
use std::collections::HashMap;
use tenure_core::account::Account;
use tenure_core::name::{FieldName, NativeId};

/// One employment.
struct Stint {
    start: Option<Date>,
    end: Option<Date>,
    /// Whether the source says that it has ended.
    ended: bool,
}

impl Stint {
    fn of(account: &Account) -> Self {
        let date = |field: &str| account.fields.text(field).and_then(|text| text.parse().ok());
        Self {
            start: date("start_date"),
            end: date("end_date"),
            ended: account.fields.text("status") == Some("terminated"),
        }
    }

    /// Orders employments by how much they count on a day: the one of today, the next to come, the last that was.
    fn rank(&self, today: Date) -> (u8, i64) {
        let days = |date: Date| i64::from(date.since(today).map_or(0, |span| span.get_days()));
        let is_past = self.end.is_some_and(|end| end < today) || (self.ended && self.end.is_none());
        let is_future = self.start.is_some_and(|start| start > today);
        match (is_past, is_future) {
            (false, false) => (0, self.end.map_or(i64::MIN, |end| -days(end))),
            (false, true) => (1, self.start.map_or(0, days)),
            (true, _) => (2, self.end.map_or(i64::MAX, |end| -days(end))),
        }
    }
}

/// Returns one account for each id, in the order in which the ids came.
pub(super) fn one_each(accounts: Vec<Account>, now_ms: i64) -> Vec<Account> {
    let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut order: Vec<NativeId> = Vec::new();
    let mut by_id: HashMap<NativeId, Vec<Account>> = HashMap::new();
    for account in accounts {
        let own = by_id.entry(account.key.id.clone()).or_default();
        if own.is_empty() {
            order.push(account.key.id.clone());
        }
        own.push(account);
    }
    order.into_iter().filter_map(|id| counting(by_id.remove(&id)?, today)).collect()
}

fn counting(mut own: Vec<Account>, today: Date) -> Option<Account> {
    own.sort_by_key(|account| Stint::of(account).rank(today));
    let mut own = own.into_iter();
    let mut first = own.next()?;
    let mut stay = Stint::of(&first);
    let others: Vec<Stint> = own.map(|account| Stint::of(&account)).collect();
    // As long as one more touches the stay, it becomes longer.
    let mut left: Vec<&Stint> = others.iter().collect();
    loop {
        let before = left.len();
        left.retain(|other| !join(&mut stay, other));
        if left.len() == before {
            break;
        }
    }
    if !others.is_empty() {
        let text = |date: Option<Date>| date.map_or(Value::Null, |date| Value::String(date.to_string()));
        first.fields.set(FieldName::new("start_date"), text(stay.start));
        first.fields.set(FieldName::new("end_date"), text(stay.end));
    }
    Some(first)
}

/// Makes a stay longer by an employment that overlaps it or follows the day after; tells whether it did.
fn join(stay: &mut Stint, other: &Stint) -> bool {
    let follows = |end: Option<Date>, start: Option<Date>| match (end, start) {
        (Some(end), Some(start)) => end.checked_add(1.day()).is_ok_and(|next| next >= start),
        _ => true,
    };
    if !(follows(stay.end, other.start) && follows(other.end, stay.start)) || (other.ended && other.end.is_none()) {
        return false;
    }
    stay.start = stay.start.min(other.start);
    stay.end = stay.end.zip(other.end).map(|(one, other)| one.max(other));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::account::{AccountKey, Kind};

    const NOV_26: i64 = 1_795_651_200_000;

    fn row(title: &str, status: &str, start: &str, end: &str) -> Account {
        let mut account = Account::unknown(AccountKey::new(&"hr".into(), Kind::Person, "7"));
        let text = |text: &str| if text.is_empty() { Value::Null } else { Value::String(text.into()) };
        for (field, value) in [("title", title), ("status", status), ("start_date", start), ("end_date", end)] {
            account.fields.set(FieldName::new(field), text(value));
        }
        account
    }

    fn told(rows: Vec<Account>) -> [String; 4] {
        let mut rows = one_each(rows, NOV_26);
        assert_eq!(rows.len(), 1);
        let one = rows.remove(0);
        ["title", "status", "start_date", "end_date"].map(|field| one.fields.text(field).unwrap_or("-").to_owned())
    }

    #[test]
    fn somebody_with_two_employments_is_here_as_long_as_one_of_them_lasts() {
        let night = row("Night", "active", "2025-01-01", "2026-12-31");
        let day = row("Day", "active", "2024-01-01", "");
        assert_eq!(told(vec![night.clone(), day.clone()]), ["Day", "active", "2024-01-01", "-"]);
        assert_eq!(told(vec![day, night]), ["Day", "active", "2024-01-01", "-"]);
        let ended = row("Night", "terminated", "2025-01-01", "2026-03-31");
        assert_eq!(told(vec![ended, row("Day", "active", "2026-01-01", "")])[..2], ["Day", "active"]);
    }

    #[test]
    fn a_contractor_who_is_hired_stays_without_a_gap_and_becomes_it_on_the_day() {
        let contract = row("Contractor", "active", "2026-01-01", "2026-12-31");
        let hired = row("Employee", "active", "2027-01-01", "");
        assert_eq!(told(vec![hired, contract]), ["Contractor", "active", "2026-01-01", "-"]);
    }

    #[test]
    fn a_rehire_does_not_bridge_the_gap() {
        let left = row("Before", "terminated", "2020-01-01", "2025-03-31");
        let next = row("After", "active", "2027-02-01", "");
        assert_eq!(told(vec![left.clone(), next]), ["After", "active", "2027-02-01", "-"]);
        let back = row("After", "active", "2026-02-01", "");
        assert_eq!(told(vec![left.clone(), back]), ["After", "active", "2026-02-01", "-"]);
        assert_eq!(told(vec![left]), ["Before", "terminated", "2020-01-01", "2025-03-31"]);
    }
}
