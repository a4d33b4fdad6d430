//! Claims: what the step of a run writes to, nobody else may write to until it is settled.
//! They are taken in the transaction in which steps begin, for all of a group at once, and go with the lease they are under.
//! What a thing is, whoever begins the step says.

use crate::bulk::Bulk;
use crate::db::{Tx, args};
use crate::error::StoreError;
use crate::notes::Lease;
use crate::steps::Beginning;
use std::collections::{BTreeMap, BTreeSet};

/// Who is at what the steps of a group write to, and what is claimed for them.
#[derive(Default)]
pub(crate) struct Claims<'a> {
    /// The lease and the step of whoever is at a thing of a connection, and until when the lease lasts.
    held: BTreeMap<(&'a str, &'a str), (String, String, i64)>,
    new: BTreeMap<(&'a str, &'a str), &'a str>,
}

impl<'a> Claims<'a> {
    /// Looks up who is at what these steps write to.
    pub(crate) async fn of(
        tx: &mut Tx,
        beginnings: impl Iterator<Item = &'a Beginning<'a>>,
    ) -> Result<Claims<'a>, StoreError> {
        const HELD: Bulk = Bulk {
            head: "WITH given (connection, thing) AS (",
            columns: 2,
            tail: ") SELECT c.connection, c.thing, c.lease, c.step, COALESCE(l.until_ms, 0) FROM given CROSS JOIN claim c \
                   LEFT JOIN lease l ON l.name = c.lease \
                   WHERE c.connection = given.connection AND c.thing = given.thing",
        };
        let mut things: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for one in beginnings {
            things.entry(one.connection.as_str()).or_default().extend(one.things.iter().map(|thing| &**thing));
        }
        let places = things.iter().flat_map(|(connection, things)| things.iter().map(|thing| (*connection, *thing)));
        let given = places.flat_map(|(connection, thing)| args![connection, thing]).collect();
        let mut claims = Claims::default();
        tx.each_bulk(&HELD, given, |row| {
            let place = things.get_key_value(row.text(0)?);
            if let Some((connection, thing)) = place.and_then(|(name, all)| Some((*name, *all.get(row.text(1).ok()?)?)))
            {
                claims
                    .held
                    .insert((connection, thing), (row.text(2)?.to_owned(), row.text(3)?.to_owned(), row.int(4)?));
            }
            Ok(())
        })
        .await?;
        Ok(claims)
    }

    /// Claims what a step writes to, all or nothing; returns the lease of whoever is at it. Whose lease has ended is
    /// dead: the lease goes, so that whatever they still try to write fails.
    pub(crate) async fn claim(
        &mut self,
        tx: &mut Tx,
        lease: &Lease,
        beginning: &'a Beginning<'a>,
    ) -> Result<Option<String>, StoreError> {
        let (connection, step) = (beginning.connection.as_str(), beginning.step.as_str());
        let places = beginning.things.iter().map(|thing| (connection, &**thing));
        let mut wanted = Vec::with_capacity(beginning.things.len());
        for place in places {
            match self.held.get(&place).cloned() {
                Some((holder, of, _)) if holder == lease.name && of == step => continue,
                Some((holder, _, until_ms)) if until_ms > beginning.at_ms => return Ok(Some(holder)),
                Some((dead, ..)) => {
                    tx.run("DELETE FROM lease WHERE name = $1", args![&*dead]).await?;
                    tx.run("DELETE FROM claim WHERE lease = $1", args![&*dead]).await?;
                    self.held.retain(|_, (holder, ..)| *holder != dead);
                }
                None => {}
            }
            wanted.push(place);
        }
        for place in wanted {
            self.held.insert(place, (lease.name.clone(), step.to_owned(), i64::MAX));
            self.new.insert(place, step);
        }
        Ok(None)
    }

    /// Writes what was claimed.
    pub(crate) async fn write(self, tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
        const CLAIM: Bulk = Bulk { head: "INSERT INTO claim (connection, thing, lease, step) ", columns: 4, tail: "" };
        let rows =
            self.new.iter().flat_map(|((connection, thing), step)| args![*connection, *thing, &*lease.name, *step]);
        tx.run_bulk(&CLAIM, rows.collect()).await.map(drop)
    }
}
