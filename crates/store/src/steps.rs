//! How far the steps of runs have come: the intent before a call, the outcome after it, written in groups together with
//! their entries in the journal, and only by whoever holds the lease.
//! An intent without an outcome is an open step: somebody died between the two, and must look before going on.

use crate::Store;
use crate::bulk::Bulk;
use crate::claims::Claims;
use crate::counters::{Asked, Pulse, Removal, ask_circuit, count_ends, count_removal, too_much, uncount_removal};
use crate::db::{Durability, Row, Tx, args};
use crate::decisions::decided_after;
use crate::error::{StoreError, read_json, write_json};
use crate::gone::record;
use crate::jobs::{NewJob, enqueue};
use crate::journal::append;
use crate::notes::Lease;
use crate::stops::stop_of;
use crate::trends::add_requests;
use async_recursion::async_recursion as boxed;
use serde_json::Value;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::account::Account;
use tenure_core::change::{Outcome, StepResult};
use tenure_core::circuit::Circuit;
use tenure_core::facts::{Decision, Removed};
use tenure_core::journal::Draft;
use tenure_core::name::{ConnectionName, PlanId, RunId, StepId};
use tenure_core::stop::Stop;

const OPEN_MAX: i64 = 10_000;
const INTENTS: Bulk = Bulk {
    head: "INSERT INTO step_progress (run, step, started_ms, intent) SELECT * FROM (",
    columns: 4,
    tail: ") AS given WHERE true ON CONFLICT (run, step) DO UPDATE SET intent = excluded.intent",
};
const OUTCOMES: Bulk = Bulk {
    head: "INSERT INTO step_progress (run, step, started_ms, settled_ms, settled_seq, intent, outcome) SELECT * FROM (",
    columns: 7,
    tail: ") AS given WHERE true ON CONFLICT (run, step) DO UPDATE SET settled_ms = excluded.settled_ms, \
           settled_seq = excluded.settled_seq, outcome = excluded.outcome",
};
const UNCLAIM: Bulk = Bulk { head: "DELETE FROM claim WHERE (lease, step) IN (", columns: 2, tail: ")" };

/// Decisions that are handed over at once to whoever begins a step.
const NEWER_MAX: usize = 1000;

/// A step whose intent was written and whose outcome was not.
#[derive(Clone, PartialEq, Debug)]
pub struct OpenStep {
    /// The run that began it.
    pub run: RunId,
    /// The plan that it belongs to.
    pub plan: PlanId,
    /// The step.
    pub step: StepId,
    /// When it was begun.
    pub started_ms: i64,
    /// What was written about it before the call.
    pub intent: Value,
}

/// A step that is about to begin.
#[derive(Clone, Debug)]
pub struct Beginning<'a> {
    /// In which run.
    pub run: &'a RunId,
    /// Which.
    pub step: &'a StepId,
    /// Where it writes to.
    pub connection: &'a ConnectionName,
    /// What nobody else may write to there until it is settled: its account, and other things that it replaces.
    pub things: &'a [String],
    /// What is written about it before the call.
    pub intent: &'a Value,
    /// The newest decision that whoever begins it knows.
    pub heard: i64,
    /// What it takes away, if it does, and how much may be taken away there.
    pub removal: Option<Removal<'a>>,
    /// When (milliseconds since 1970, UTC).
    pub at_ms: i64,
}

/// How a step ended.
#[derive(Clone, Debug)]
pub struct Settled<'a> {
    /// What became of it.
    pub result: &'a StepResult,
    /// What the journal tells of it.
    pub draft: Option<Draft>,
    /// What it tells of its connection.
    pub pulse: Option<Pulse<'a>>,
    /// Whether it is certain that it took nothing away, neither now nor in an earlier try.
    pub took_nothing: bool,
}

/// What is written in one transaction with the ends of steps.
#[derive(Clone, Debug, Default)]
pub struct Alongside {
    /// Accounts as they were read back, by connection.
    pub read_back: BTreeMap<ConnectionName, Vec<Account>>,
    /// How many requests were sent, by connection.
    pub sent: BTreeMap<ConnectionName, i64>,
    /// Work that follows.
    pub woken: Vec<NewJob>,
}

impl<'a> Settled<'a> {
    /// Returns the end of a step of which nothing else is to be told.
    pub fn new(result: &'a StepResult) -> Self {
        Self { result, draft: None, pulse: None, took_nothing: false }
    }
}

/// What came of beginning a step.
#[derive(Clone, PartialEq, Debug)]
pub enum Began {
    /// It is begun; where another hand of this run, which is gone, had begun it before: since when.
    Begun {
        /// Milliseconds since 1970, UTC.
        since_ms: Option<i64>,
    },
    /// It is not: somebody stopped writes there.
    Stopped(Stop),
    /// It is not: somebody decided something meanwhile, oldest first. Who has heard them may begin it again.
    Decided(Vec<Decision>),
    /// It is not: so many steps failed there that nothing is tried now.
    Broken(Circuit),
    /// It is not: so much was taken away there within the last 24 hours already.
    TooMuch(Removed),
    /// It is not: another hand of this run has settled it.
    Settled(StepResult),
    /// It is not: somebody writes to the same thing at this moment, under the lease of this name.
    Elsewhere {
        /// The lease.
        lease: String,
    },
}

impl Store {
    /// Writes the intents of steps, before the calls that carry them out: of each step unless writes there are stopped,
    /// somebody decided something that is not known yet, or somebody else is at it. The draft of a step that begins is
    /// written with it. Beginning one again is allowed until it is settled.
    pub async fn begin_steps(
        &self,
        lease: &Lease,
        beginnings: Vec<(Beginning<'_>, Option<Draft>)>,
    ) -> Result<Vec<Began>, StoreError> {
        // Holds the journal's head, which whoever stops or decides takes as well: what they said before is seen below.
        let mut tx = self.held(lease, Durability::Full).await?;
        let (beginnings, drafts): (Vec<_>, Vec<_>) = beginnings.into_iter().unzip();
        let (mut all, mut told) = (Vec::with_capacity(beginnings.len()), Vec::new());
        let (mut said, mut intents) = (Said::default(), Vec::new());
        let known = progress(&mut tx, beginnings.iter()).await?;
        let mut claims = Claims::of(&mut tx, beginnings.iter()).await?;
        for (beginning, draft) in beginnings.iter().zip(drafts) {
            let began = begin(&mut tx, lease, beginning, &known, &mut claims, &mut said).await?;
            if matches!(began, Began::Begun { .. }) {
                told.extend(draft);
                let Beginning { run, step, intent, at_ms, .. } = *beginning;
                intents.extend(args![run.as_str(), step.as_str(), at_ms, write_json("an intent", intent)?]);
            }
            all.push(began);
        }
        tx.run_bulk(&INTENTS, intents).await?;
        claims.write(&mut tx, lease).await?;
        append(&mut tx, told).await?;
        tx.commit().await?;
        Ok(all)
    }

    /// Writes the outcomes of steps, after the calls or after a look, with what goes along with them, and lets go of what they
    /// claimed; one that was never begun is written as well. The next intent, or the end of the run, makes them last
    /// through a power cut: one sync of the disk for both, and what is lost before is an open step.
    pub async fn settle_steps(
        &self,
        lease: &Lease,
        run: &RunId,
        settled: Vec<Settled<'_>>,
        alongside: &Alongside,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.held(lease, Durability::Normal).await?;
        let Alongside { read_back, sent, woken } = alongside;
        for (connection, accounts) in read_back.iter().filter(|(_, accounts)| !accounts.is_empty()) {
            record(&mut tx, connection, accounts, now_ms).await?;
        }
        for (connection, sent) in sent {
            add_requests(&mut tx, connection, "writes", *sent, now_ms).await?;
        }
        enqueue(&mut tx, woken).await?;
        let (mut ends, mut drafts) = (Vec::with_capacity(settled.len()), Vec::with_capacity(settled.len()));
        let mut pulses = Vec::with_capacity(settled.len());
        for Settled { result, draft, pulse, took_nothing } in settled {
            pulses.extend(pulse);
            drafts.extend(draft);
            ends.push((result, took_nothing));
        }
        count_ends(&mut tx, &pulses, now_ms).await?;
        append(&mut tx, drafts).await?;
        let seq = tx.first("SELECT seq FROM journal_head WHERE name = 'journal'", vec![], |row| row.int(0)).await?;
        let (mut outcomes, mut claims) = (Vec::with_capacity(ends.len() * 7), Vec::with_capacity(ends.len() * 2));
        for (result, took_nothing) in ends {
            let outcome = write_json("a step's result", result)?;
            outcomes.extend(args![run.as_str(), result.id.as_str(), now_ms, now_ms, seq, "null", outcome]);
            claims.extend(args![&*lease.name, result.id.as_str()]);
            if took_nothing {
                uncount_removal(&mut tx, &result.id).await?;
            }
        }
        tx.run_bulk(&OUTCOMES, outcomes).await?;
        tx.run_bulk(&UNCLAIM, claims).await?;
        tx.commit().await
    }

    /// Steps that were begun and not settled, in whatever run, oldest first.
    #[boxed]
    pub async fn open_steps(&self) -> Result<Vec<OpenStep>, StoreError> {
        let sql = "SELECT p.run, r.plan, p.step, p.started_ms, p.intent FROM step_progress p \
                   JOIN run r ON r.id = p.run WHERE p.settled_ms IS NULL ORDER BY p.started_ms, p.step LIMIT $1";
        self.db.list(sql, args![OPEN_MAX], |row| read_open(&row)).await
    }

    /// Open steps that nobody is at: whoever began them is gone.
    #[boxed]
    pub async fn abandoned_steps(&self, now_ms: i64) -> Result<Vec<OpenStep>, StoreError> {
        let sql = "SELECT p.run, r.plan, p.step, p.started_ms, p.intent FROM step_progress p \
                   JOIN run r ON r.id = p.run WHERE p.settled_ms IS NULL AND NOT EXISTS (SELECT 1 FROM claim c \
                   JOIN lease l ON l.name = c.lease WHERE c.step = p.step AND l.until_ms > $1) \
                   ORDER BY p.started_ms, p.step LIMIT $2";
        self.db.list(sql, args![now_ms, OPEN_MAX], |row| read_open(&row)).await
    }

    /// Writes the outcome of a step that nobody was at, by a look, into its own run; nothing where somebody is at it, or
    /// has settled it meanwhile.
    #[boxed]
    pub async fn settle_abandoned(
        &self,
        lease: &Lease,
        open: &OpenStep,
        result: &StepResult,
        draft: Draft,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.held(lease, Durability::Full).await?;
        append(&mut tx, vec![draft]).await?;
        let seq = tx.first("SELECT seq FROM journal_head WHERE name = 'journal'", vec![], |row| row.int(0)).await?;
        let outcome = write_json("a step's result", result)?;
        let sql = "UPDATE step_progress SET settled_ms = $3, settled_seq = $4, outcome = $5 \
                   WHERE run = $1 AND step = $2 AND settled_ms IS NULL AND NOT EXISTS (SELECT 1 FROM claim c \
                   JOIN lease l ON l.name = c.lease WHERE c.step = $2 AND l.until_ms > $3)";
        if tx.run(sql, args![open.run.as_str(), open.step.as_str(), now_ms, seq, outcome]).await? == 1 {
            tx.commit().await?;
        }
        Ok(())
    }

    /// What became of the steps of a run, in the order in which they were settled.
    #[boxed]
    pub async fn results(&self, run: &RunId) -> Result<Vec<StepResult>, StoreError> {
        let sql = "SELECT outcome FROM step_progress WHERE run = $1 AND outcome IS NOT NULL ORDER BY settled_ms, step";
        let read = |row: Row<'_>| read_json("a step's result", row.text(0)?);
        self.db.list(sql, args![run.as_str()], read).await
    }

    /// What became of the steps of a run that were settled after the entry `seq` of the journal, and up to where.
    #[boxed]
    pub async fn results_after(&self, run: &RunId, seq: i64) -> Result<(Vec<StepResult>, i64), StoreError> {
        let sql = "SELECT outcome, settled_seq FROM step_progress WHERE run = $1 AND settled_seq > $2";
        let mut last = seq;
        let read = |row: Row<'_>| {
            last = last.max(row.int(1)?);
            read_json("a step's result", row.text(0)?)
        };
        let results = self.db.list(sql, args![run.as_str(), seq], read).await?;
        Ok((results, last))
    }

    /// What became of each of these steps the last time that it was settled, in whatever run; a step that never was
    /// settled is not among them.
    #[boxed]
    pub async fn last_results(&self, steps: &[&StepId]) -> Result<BTreeMap<StepId, StepResult>, StoreError> {
        const LAST: Bulk = Bulk {
            head: "WITH given (step) AS (",
            columns: 1,
            tail: ") SELECT given.step, (SELECT p.outcome FROM step_progress p WHERE p.step = given.step \
                   AND p.outcome IS NOT NULL ORDER BY p.settled_ms DESC LIMIT 1) FROM given",
        };
        let mut results = BTreeMap::new();
        let given = steps.iter().flat_map(|step| args![step.as_str()]).collect();
        let mut tx = self.db.read().await?;
        tx.each_bulk(&LAST, given, |row| {
            if let Some(outcome) = row.text_or_none(1)? {
                results.insert(row.text(0)?.into(), read_json("a step's result", outcome)?);
            }
            Ok(())
        })
        .await?;
        Ok(results)
    }

    /// When a step was first tried (milliseconds since 1970, UTC) in such a way that nobody knows what became of it,
    /// since it was last done for certain; nothing where that never was.
    #[boxed]
    pub async fn doubtful_since(&self, step: &StepId) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT started_ms, outcome FROM step_progress WHERE step = $1 ORDER BY started_ms DESC LIMIT 100";
        let read = |row: Row<'_>| {
            let outcome =
                row.text_or_none(1)?.map(|text| read_json::<StepResult>("a step's result", text)).transpose()?;
            Ok((row.int(0)?, outcome.map(|result| result.outcome)))
        };
        let tries = self.db.list(sql, args![step.as_str()], read).await?;
        let certain = |outcome: &Option<Outcome>| matches!(outcome, Some(Outcome::Done | Outcome::AlreadyTrue));
        let since = tries.into_iter().take_while(|(_, outcome)| !certain(outcome));
        Ok(since.filter(|(_, outcome)| matches!(outcome, None | Some(Outcome::Unknown))).map(|(at_ms, _)| at_ms).last())
    }
}

fn read_open(row: &Row<'_>) -> Result<OpenStep, StoreError> {
    Ok(OpenStep {
        run: row.text(0)?.into(),
        plan: row.text(1)?.into(),
        step: row.text(2)?.into(),
        started_ms: row.int(3)?,
        intent: read_json("an intent", row.text(4)?)?,
    })
}

/// What people said, as one transaction sees it: asked for once, however many steps begin in it.
#[derive(Default)]
struct Said {
    stops: BTreeMap<ConnectionName, Option<Stop>>,
    newer: BTreeMap<i64, Vec<Decision>>,
    /// Connections whose circuit is whole.
    whole: BTreeSet<ConnectionName>,
}

impl Said {
    async fn stop_of(&mut self, tx: &mut Tx, connection: &ConnectionName) -> Result<Option<Stop>, StoreError> {
        if !self.stops.contains_key(connection) {
            self.stops.insert(connection.clone(), stop_of(tx, connection).await?);
        }
        Ok(self.stops.get(connection).cloned().flatten())
    }

    /// Returns the circuit of a connection where nothing may be tried. One that is whole is asked for once.
    async fn broken(
        &mut self,
        tx: &mut Tx,
        connection: &ConnectionName,
        at_ms: i64,
    ) -> Result<Option<Circuit>, StoreError> {
        if self.whole.contains(connection) {
            return Ok(None);
        }
        match ask_circuit(tx, connection, at_ms).await? {
            Asked::Whole => {
                self.whole.insert(connection.clone());
                Ok(None)
            }
            Asked::Tried => Ok(None),
            Asked::Broken(circuit) => Ok(Some(circuit)),
        }
    }

    async fn newer(&mut self, tx: &mut Tx, heard: i64) -> Result<&[Decision], StoreError> {
        let newer = match self.newer.entry(heard) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(decided_after(tx, heard, NEWER_MAX).await?),
        };
        Ok(newer)
    }
}

async fn begin<'a>(
    tx: &mut Tx,
    lease: &Lease,
    beginning: &'a Beginning<'a>,
    known: &BTreeMap<&str, Progress>,
    claims: &mut Claims<'a>,
    said: &mut Said,
) -> Result<Began, StoreError> {
    let Beginning { step, connection, heard, at_ms, .. } = *beginning;
    if let Some(stop) = said.stop_of(tx, connection).await? {
        return Ok(Began::Stopped(stop));
    }
    let newer = said.newer(tx, heard).await?;
    if !newer.is_empty() {
        return Ok(Began::Decided(newer.to_vec()));
    }
    let since_ms = match known.get(step.as_str()) {
        Some((_, Some(outcome))) => return Ok(Began::Settled(read_json("a step's result", outcome)?)),
        Some((started_ms, None)) => Some(*started_ms),
        None => None,
    };
    if let Some(circuit) = said.broken(tx, connection, at_ms).await? {
        return Ok(Began::Broken(circuit));
    }
    if let Some(removed) = too_much(tx, beginning).await? {
        return Ok(Began::TooMuch(removed));
    }
    if let Some(lease) = claims.claim(tx, lease, beginning).await? {
        return Ok(Began::Elsewhere { lease });
    }
    count_removal(tx, beginning).await?;
    Ok(Began::Begun { since_ms })
}

/// When a step was begun in its run, and its outcome where it has one.
type Progress = (i64, Option<String>);

/// Looks up how far steps have come in their run.
async fn progress<'a>(
    tx: &mut Tx,
    beginnings: impl Iterator<Item = &'a Beginning<'a>>,
) -> Result<BTreeMap<&'a str, Progress>, StoreError> {
    const KNOWN: Bulk = Bulk {
        head: "WITH given (run, step) AS (",
        columns: 2,
        tail: ") SELECT p.step, p.started_ms, p.outcome FROM given CROSS JOIN step_progress p \
               WHERE p.run = given.run AND p.step = given.step",
    };
    let steps: BTreeMap<&str, &str> = beginnings.map(|one| (one.step.as_str(), one.run.as_str())).collect();
    let given = steps.iter().flat_map(|(step, run)| args![*run, *step]).collect();
    let mut known = BTreeMap::new();
    tx.each_bulk(&KNOWN, given, |row| {
        if let Some((step, _)) = steps.get_key_value(row.text(0)?) {
            known.insert(*step, (row.int(1)?, row.text_or_none(2)?.map(str::to_owned)));
        }
        Ok(())
    })
    .await?;
    Ok(known)
}
