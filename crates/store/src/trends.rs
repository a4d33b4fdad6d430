//! How many there were of something, day by day: accounts by state, kept with the end of each pull, and findings by
//! severity, kept with each plan of the whole company, of which the last word of a day stays; and how many requests were
//! sent, which add up, written by whoever sent them.
//! What is drawn of it is not known here.

use crate::Store;
use crate::db::{Durability, Row, Tx, args};
use crate::error::StoreError;
use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use tenure_core::name::ConnectionName;

const DAY_MS: i64 = 86_400_000;
const ROWS_MAX: i64 = 5_000;
/// How long it is known how many requests were sent.
const REQUESTS_DAYS: i64 = 366;

/// One figure of one day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figure {
    /// What was counted, such as a state.
    pub word: String,
    /// The day, in days since 1970, UTC.
    pub day: i64,
    /// How many there were when it was counted last that day.
    pub amount: i64,
}

impl Store {
    /// Counts today's of a topic: what was counted before on this day is replaced.
    #[boxed]
    pub async fn count_today(
        &self,
        topic: &str,
        amounts: &BTreeMap<String, i64>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        let day = now_ms.div_euclid(DAY_MS);
        tx.run("DELETE FROM trend WHERE topic = $1 AND day = $2", args![topic, day]).await?;
        for (word, amount) in amounts {
            let sql = "INSERT INTO trend (topic, word, day, amount) VALUES ($1, $2, $3, $4)";
            tx.run(sql, args![topic, word.as_str(), day, *amount]).await?;
        }
        tx.commit().await
    }

    /// The figures of a topic since a moment, oldest first.
    #[boxed]
    pub async fn trend(&self, topic: &str, since_ms: i64) -> Result<Vec<Figure>, StoreError> {
        let sql = "SELECT word, day, amount FROM trend WHERE topic = $1 AND day >= $2 ORDER BY day, word LIMIT $3";
        let read = |row: Row<'_>| Ok(Figure { word: row.text(0)?.to_owned(), day: row.int(1)?, amount: row.int(2)? });
        self.db.list(sql, args![topic, since_ms.div_euclid(DAY_MS), ROWS_MAX], read).await
    }
}

/// Under which topic the requests to a connection are counted.
pub fn requests_topic(connection: &str) -> String {
    format!("requests {connection}")
}

/// Adds to today's requests, within the transaction of whoever sent them; what is older than a year is let go.
pub(crate) async fn add_requests(
    tx: &mut Tx,
    connection: &ConnectionName,
    word: &str,
    sent: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    if sent == 0 {
        return Ok(());
    }
    let (topic, day) = (requests_topic(connection.as_str()), now_ms.div_euclid(DAY_MS));
    let sql = "INSERT INTO trend (topic, word, day, amount) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (topic, word, day) DO UPDATE SET amount = trend.amount + excluded.amount";
    tx.run(sql, args![&*topic, word, day, sent]).await?;
    tx.run("DELETE FROM trend WHERE topic = $1 AND day < $2", args![&*topic, day - REQUESTS_DAYS]).await.map(drop)
}

/// Under which topic the accounts of a connection are counted.
pub fn accounts_topic(connection: &str) -> String {
    format!("accounts {connection}")
}

/// Copies the totals of a connection into today's figures, within the transaction that ends its pull.
pub(crate) async fn count_accounts(tx: &mut Tx, connection: i64, now_ms: i64) -> Result<(), StoreError> {
    let day = now_ms.div_euclid(DAY_MS);
    let sql =
        "DELETE FROM trend WHERE day = $1 AND topic = (SELECT 'accounts ' || name FROM connection WHERE number = $2)";
    tx.run(sql, args![day, connection]).await?;
    let sql = "INSERT INTO trend (topic, word, day, amount) \
               SELECT 'accounts ' || c.name, t.state, $1, CAST(sum(t.accounts) AS BIGINT) FROM tally t \
               JOIN connection c ON c.number = t.connection WHERE t.connection = $2 AND t.accounts > 0 \
               GROUP BY c.name, t.state";
    tx.run(sql, args![day, connection]).await.map(drop)
}
