//! The reference: what a bare loop costs that fetches pages, decodes them and inserts them into SQLite in batches.
//! No history, no links, no manifest, no limit, no retry; the bench divides the product's figures by these.
//! It is written to be fast: typed decoding, one prepared statement, one transaction for many pages.

use crate::job::{Outcome, Pull};
use crate::serve::Shape;
use crate::spent::Watch;
use anyhow::Context;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const BATCH: usize = 5_000;
const INSERT: &str = "INSERT OR REPLACE INTO agent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

#[derive(Deserialize)]
struct CursorPage {
    data: Vec<Agent>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct NumberedPage {
    agents: Vec<Agent>,
}

/// An agent of either shape; the names of the fields differ.
#[derive(Deserialize)]
struct Agent {
    id: i64,
    email: String,
    #[serde(alias = "firstname")]
    first_name: String,
    #[serde(alias = "lastname")]
    last_name: String,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    role_ids: Vec<i64>,
    active: bool,
    #[serde(alias = "timezone")]
    time_zone: String,
    language: String,
    #[serde(alias = "created_datetime")]
    created_at: String,
    #[serde(alias = "updated_datetime")]
    updated_at: String,
}

#[derive(Deserialize)]
struct Role {
    id: i64,
}

/// Reads the list once.
pub async fn pull(pull: &Pull) -> anyhow::Result<Outcome> {
    let watch = Watch::since_start();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir()?;
    let client = reqwest::Client::builder().build()?;
    let mut table = Table::open(&folder.path().join("bare.db"))?;
    match pull.shape {
        Shape::Cursor => {
            let mut cursor = Some(String::new());
            while let Some(at) = cursor {
                let after = if at.is_empty() { String::new() } else { format!("&cursor={at}") };
                let page: CursorPage = fetch(&client, format!("{}/users?limit=100{after}", pull.url)).await?;
                table.add(page.data)?;
                cursor = page.meta.next_cursor;
            }
        }
        Shape::Numbered => {
            let mut pages = std::pin::pin!(numbered(&client, pull));
            while let Some(agents) = pages.try_next().await? {
                table.add(agents)?;
            }
        }
    }
    let accounts = table.close()?;
    Ok(Outcome { spent: watch.spent(), accounts, distinct: accounts, complete: true, ..Outcome::default() })
}

/// Asks for numbered pages, several at once, until one is short.
fn numbered<'a>(
    client: &'a reqwest::Client,
    pull: &'a Pull,
) -> impl Stream<Item = anyhow::Result<Vec<Agent>>> + use<'a> {
    let pages = stream::iter(1_u64..)
        .map(move |page| fetch::<NumberedPage>(client, format!("{}/agents?per_page=100&page={page}", pull.url)))
        .buffered(pull.flights);
    pages.map_ok(|page| page.agents).scan(false, |over, page| {
        let last = std::mem::replace(over, page.as_ref().is_ok_and(|agents| agents.len() < 100));
        std::future::ready((!last).then_some(page))
    })
}

async fn fetch<P: DeserializeOwned>(client: &reqwest::Client, url: String) -> anyhow::Result<P> {
    let answer = client.get(&url).basic_auth("bench", Some("bench")).send().await?.error_for_status()?;
    let body = answer.bytes().await?;
    serde_json::from_slice(&body).with_context(|| format!("decode {url}"))
}

/// Where the reference keeps agents.
struct Table {
    connection: rusqlite::Connection,
    batch: Vec<Agent>,
}

impl Table {
    fn open(path: &std::path::Path) -> anyhow::Result<Self> {
        let connection = rusqlite::Connection::open(path)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(
            "CREATE TABLE agent (id INTEGER PRIMARY KEY, email TEXT, first_name TEXT, last_name TEXT, role BIGINT, \
             active BIGINT, time_zone TEXT, language TEXT, created_at TEXT, updated_at TEXT)",
        )?;
        Ok(Self { connection, batch: Vec::with_capacity(BATCH) })
    }

    fn add(&mut self, agents: Vec<Agent>) -> anyhow::Result<()> {
        self.batch.extend(agents);
        if self.batch.len() >= BATCH { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let transaction = self.connection.transaction()?;
        let mut insert = transaction.prepare_cached(INSERT)?;
        for agent in self.batch.drain(..) {
            let role = agent.role.map(|role| role.id).or(agent.role_ids.first().copied());
            insert.execute(rusqlite::params![
                agent.id,
                agent.email,
                agent.first_name,
                agent.last_name,
                role,
                agent.active,
                agent.time_zone,
                agent.language,
                agent.created_at,
                agent.updated_at,
            ])?;
        }
        drop(insert);
        Ok(transaction.commit()?)
    }

    /// Writes what is left and counts what is there.
    fn close(mut self) -> anyhow::Result<u64> {
        self.write()?;
        let count: i64 = self.connection.query_row("SELECT COUNT(*) FROM agent", [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}
