//! Facts of the whole company, as `reconcile` starts from: all accounts, what source records were, links and decisions.
//! Read at one moment, in blocks of many records to a row, since rows cost more than records.
//! Clusters are read elsewhere; abilities and totals are added by the engine.

use crate::Store;
use crate::body::read_body;
use crate::db::{Arg, Tx, args};
use crate::error::{StoreError, read_json};
use crate::wishes::{all_wishes, past_wishes};
use async_recursion::async_recursion as boxed;
use tenure_core::account::Account;
use tenure_core::facts::{ClientWish, Decision, Link};

const BLOCK: i64 = 256;

/// Whether everything that was asked for is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Extent {
    /// The whole company.
    #[default]
    Whole,
    /// Everything that hangs together with what was asked for.
    Cluster,
    /// More hangs together than is read this way: load the whole.
    Cut,
}

/// What the store gives to a reconcile.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Accounts and source records that are there.
    pub accounts: Vec<Account>,
    /// Earlier versions of source records, oldest first.
    pub history: Vec<Account>,
    /// Source records that are gone.
    pub vanished: Vec<Account>,
    /// Pinned links.
    pub links: Vec<Link>,
    /// Decisions, oldest first.
    pub decisions: Vec<Decision>,
    /// What SCIM clients wish.
    pub client_wishes: Vec<ClientWish>,
    /// How much of the company this is.
    pub extent: Extent,
}

impl Store {
    /// Loads everything.
    #[boxed]
    pub async fn load_all(&self) -> Result<Loaded, StoreError> {
        let mut tx = self.db.read().await?;
        let accounts = "SELECT max(id), string_agg(body, $1) FROM (SELECT id, body FROM account \
                        WHERE id > $2 AND gone_ms IS NULL ORDER BY id LIMIT $3) block";
        let vanished = "SELECT max(id), string_agg(body, $1) FROM (SELECT id, body FROM account \
                        WHERE id > $2 AND gone_ms IS NOT NULL AND kind = 'person' ORDER BY id LIMIT $3) block";
        let history = "SELECT max(id), string_agg(body, $1) FROM (SELECT id, body FROM version \
                       WHERE id > $2 AND kind = 'person' ORDER BY id LIMIT $3) block";
        let decisions = "SELECT max(seq), string_agg(body, $1) FROM (SELECT seq, body FROM decision \
                         WHERE seq > $2 ORDER BY seq LIMIT $3) block";
        let mut loaded = Loaded {
            accounts: blocks(&mut tx, accounts, |body| read_body("an account", body)).await?,
            history: blocks(&mut tx, history, |body| read_body("a version", body)).await?,
            vanished: blocks(&mut tx, vanished, |body| read_body("an account", body)).await?,
            links: links(&mut tx).await?,
            decisions: blocks(&mut tx, decisions, |body| read_json("a decision", body)).await?,
            client_wishes: all_wishes(&mut tx).await?,
            extent: Extent::Whole,
        };
        loaded.decisions.sort_by_key(|decision: &Decision| decision.seq);
        Ok(loaded)
    }

    /// Loads what was known at a moment beside the accounts of that moment, which are listed by pages: links, decisions, what
    /// source records had said before, and those that were gone by then, whether they came back later or not.
    #[boxed]
    pub async fn load_past(&self, at_ms: i64) -> Result<Loaded, StoreError> {
        let links = "SELECT body FROM link WHERE since_ms <= $1 UNION ALL \
                     SELECT body FROM link_past WHERE since_ms <= $1 AND until_ms > $1";
        let decisions = "SELECT body FROM decision WHERE at_ms <= $1 ORDER BY seq";
        let history = "SELECT body FROM version WHERE kind = 'person' AND until_ms <= $1 ORDER BY id";
        let vanished = "SELECT body FROM account WHERE kind = 'person' AND gone_ms <= $1 AND since_ms <= $1 UNION ALL \
                        SELECT v.body FROM version v JOIN account a ON a.id = v.account \
                        WHERE v.kind = 'person' AND v.until_ms <= $1 AND a.since_ms > $1 AND NOT EXISTS (\
                        SELECT 1 FROM version w WHERE w.account = v.account AND w.until_ms > v.until_ms \
                        AND w.since_ms <= $1)";
        let mut tx = self.db.read().await?;
        Ok(Loaded {
            history: tx.list(history, args![at_ms], |row| read_body("a version", row.text(0)?)).await?,
            vanished: tx.list(vanished, args![at_ms], |row| read_body("an account", row.text(0)?)).await?,
            links: tx.list(links, args![at_ms], |row| read_json("a link", row.text(0)?)).await?,
            decisions: tx.list(decisions, args![at_ms], |row| read_json("a decision", row.text(0)?)).await?,
            client_wishes: past_wishes(&mut tx, at_ms).await?,
            ..Loaded::default()
        })
    }
}

/// Reads all bodies of a table, by blocks in the order of its integer key.
async fn blocks<T: Send>(
    tx: &mut Tx,
    sql: &'static str,
    read: impl Fn(&str) -> Result<T, StoreError> + Sync,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let block = tx
            .first(sql, args!["\n", after, BLOCK], |row| {
                let Some(last) = row.int_or_none(0)? else { return Ok(None) };
                read_block(row.text(1)?, &read, &mut all)?;
                Ok(Some(last))
            })
            .await?;
        match block.flatten() {
            Some(last) => after = last,
            None => return Ok(all),
        }
    }
}

async fn links(tx: &mut Tx) -> Result<Vec<Link>, StoreError> {
    let sql = "SELECT max(account), string_agg(body, $1) FROM (SELECT account, body FROM link \
               WHERE account > $2 ORDER BY account LIMIT $3) block";
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let block = tx
            .first(sql, vec![Arg::from("\n"), Arg::from(after), Arg::from(BLOCK)], |row| {
                let Some(last) = row.text_or_none(0)? else { return Ok(None) };
                read_block(row.text(1)?, |body| read_json("a link", body), &mut all)?;
                Ok(Some(last.to_owned()))
            })
            .await?;
        match block.flatten() {
            Some(last) => after = last,
            None => return Ok(all),
        }
    }
}

/// Reads records of JSON that are parted by line ends; JSON as we write it holds none.
fn read_block<T>(
    block: &str,
    read: impl Fn(&str) -> Result<T, StoreError>,
    all: &mut Vec<T>,
) -> Result<(), StoreError> {
    for body in block.split('\n') {
        all.push(read(body)?);
    }
    Ok(())
}
