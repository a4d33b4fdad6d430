//! How the whole company went over the last thirty days, in three charts: accounts by state, findings by severity, requests
//! by what they were for. Figures are what the store counted day by day; the charts are drawn by `draw`.

use crate::{draw, past};
use std::collections::{BTreeMap, BTreeSet};
use tenure_engine::house::House;
use tenure_engine::plan::FINDINGS;
use tenure_store::{Figure, StoreError, accounts_topic, requests_topic};

/// Which words a chart tells apart, from the bottom up, and in which colour.
pub(crate) type Order = &'static [(&'static str, &'static str)];

pub(crate) const STATES: Order =
    &[("active", "fill-good"), ("invited", "fill-wait"), ("suspended", "fill-off"), ("unknown", "fill-plain")];
pub(crate) const SEVERITIES: Order = &[("high", "fill-bad"), ("medium", "fill-wait"), ("low", "fill-plain")];
pub(crate) const REQUESTS: Order = &[("reads", "fill-plain"), ("writes", "fill-accent")];

/// A chart, what it shows, and its colours with their words.
pub(crate) struct Chart {
    pub name: &'static str,
    pub says: &'static str,
    pub drawn: String,
    pub order: Order,
}

/// Draws what was counted of the company; what was never counted is left out.
pub(crate) async fn charts(house: &House, as_of_ms: Option<i64>) -> Result<Vec<Chart>, StoreError> {
    let (mut accounts, mut requests) = (Vec::new(), Vec::new());
    for name in house.names() {
        if house.is_target(&name) {
            accounts.push(past::trend(house, &accounts_topic(name.as_str()), as_of_ms).await?);
        }
        requests.push(past::trend(house, &requests_topic(name.as_str()), as_of_ms).await?);
    }
    let chart = |name, says, title, figures: &[Figure], order| Chart {
        name,
        says,
        drawn: draw::days(title, figures, order),
        order,
    };
    let all = [
        chart(
            "Accounts",
            "in all apps, as they were read last by the end of each day",
            "Accounts of the last 30 days, by state",
            &added_up(&lasting(&accounts)),
            STATES,
        ),
        chart(
            "Findings",
            "as they were judged last on each day",
            "Findings of the last 30 days, by severity",
            &past::trend(house, FINDINGS, as_of_ms).await?,
            SEVERITIES,
        ),
        chart("Requests to apps", "sent on each day", "Requests of the last 30 days", &added_up(&requests), REQUESTS),
    ];
    Ok(all.into_iter().filter(|chart| !chart.drawn.is_empty()).collect())
}

/// Lets what was counted of each connection stand until it is counted again: no account is gone on a day without a read.
fn lasting(all: &[Vec<Figure>]) -> Vec<Vec<Figure>> {
    let days: BTreeSet<i64> = all.iter().flatten().map(|figure| figure.day).collect();
    let of_one = |figures: &Vec<Figure>| {
        let mut lasting = Vec::new();
        let mut last: Vec<&Figure> = Vec::new();
        for day in &days {
            let today: Vec<&Figure> = figures.iter().filter(|figure| figure.day == *day).collect();
            if !today.is_empty() {
                last = today;
            }
            lasting.extend(last.iter().map(|figure| Figure { day: *day, ..(*figure).clone() }));
        }
        lasting
    };
    all.iter().map(of_one).collect()
}

/// Adds up what several connections came to, day by day.
fn added_up(all: &[Vec<Figure>]) -> Vec<Figure> {
    let mut sums: BTreeMap<(i64, &str), i64> = BTreeMap::new();
    for figure in all.iter().flatten() {
        *sums.entry((figure.day, &figure.word)).or_default() += figure.amount;
    }
    sums.into_iter().map(|((day, word), amount)| Figure { word: word.to_owned(), day, amount }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(word: &str, day: i64, amount: i64) -> Figure {
        Figure { word: word.into(), day, amount }
    }

    #[test]
    fn a_day_on_which_one_app_was_not_read_loses_none_of_its_accounts() {
        let one = vec![figure("active", 1, 4), figure("invited", 1, 1), figure("active", 3, 5)];
        let other = vec![figure("active", 2, 10), figure("active", 3, 10)];
        let added = added_up(&lasting(&[one, other]));
        let told: Vec<_> = added.iter().map(|figure| (figure.day, &*figure.word, figure.amount)).collect();
        let day_three = (3, "active", 15);
        assert_eq!(told, [(1, "active", 4), (1, "invited", 1), (2, "active", 14), (2, "invited", 1), day_three]);
    }
}
