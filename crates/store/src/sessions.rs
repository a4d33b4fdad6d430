//! Sessions of the console and what opens them, each by the hash of its credential: an invitation, or a provider's word.
//! Either opens one session, in one transaction with the journal's word about it, however many ask at once.
//! What a role may do, and how a credential is made, is not known here.

use crate::Store;
use crate::db::{Durability, Row, Tx, args};
use crate::error::StoreError;
use crate::journal::append;
use async_recursion::async_recursion as boxed;
use tenure_core::journal::Draft;

const LISTED_MAX: i64 = 1_000;
/// How long sessions and invitations are kept after their end, so that the journal's words can be understood.
const KEPT_MS: i64 = 30 * 86_400_000;

/// An invitation as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// Its id, which is part of the credential and no secret.
    pub id: String,
    /// The hash of the credential, in hex.
    pub hash: String,
    /// Whom it signs in.
    pub who: String,
    /// As what, in one word.
    pub role: String,
    /// Who made it.
    pub made_by: String,
    /// When it was made (milliseconds since 1970, UTC).
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: i64,
    /// When it was used.
    pub used_ms: Option<i64>,
}

/// A session as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Its id, which is part of the credential and no secret.
    pub id: String,
    /// The hash of the credential, in hex.
    pub hash: String,
    /// Who is signed in.
    pub who: String,
    /// As what, in one word.
    pub role: String,
    /// Since when (milliseconds since 1970, UTC).
    pub created_ms: i64,
    /// When it ends, whatever happens.
    pub expires_ms: i64,
    /// When it was used last, roughly.
    pub seen_ms: i64,
    /// When somebody ended it.
    pub ended_ms: Option<i64>,
    /// Which provider let them in; none where an invitation did.
    pub signed_by: Option<SignedBy>,
}

/// By which marks a provider speaks of whoever it let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedBy {
    /// Its name.
    pub provider: String,
    /// The mark of the person.
    pub subject: String,
    /// The mark of the provider's own session, where it has told one.
    pub sid: Option<String>,
    /// The mark of the signing-in, which opens one session only.
    pub flow: String,
}

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT id, hash, who, role, created_ms, expires_ms, seen_ms, ended_ms, provider, subject, sid, flow ",
            "FROM session WHERE ",
            $where
        )
    };
}

impl Store {
    /// Keeps an invitation, with the entries of the journal that tell of it.
    #[boxed]
    pub async fn add_invitation(&self, invitation: &Invitation, drafts: Vec<Draft>) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        append(&mut tx, drafts).await?;
        let sql = "INSERT INTO invitation (id, hash, who, role, made_by, created_ms, expires_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let Invitation { id, hash, who, role, made_by, created_ms, expires_ms, .. } = invitation;
        tx.run(sql, args![&**id, &**hash, &**who, &**role, &**made_by, *created_ms, *expires_ms]).await?;
        tx.commit().await
    }

    /// The invitation with this id.
    #[boxed]
    pub async fn invitation(&self, id: &str) -> Result<Option<Invitation>, StoreError> {
        let sql = "SELECT id, hash, who, role, made_by, created_ms, expires_ms, used_ms FROM invitation WHERE id = $1";
        self.db.first(sql, args![id], |row| read_invitation(&row)).await
    }

    /// Opens a session with an invitation, which is used up by that; tells whether it was good until then.
    #[boxed]
    pub async fn open_session(
        &self,
        invitation: &str,
        session: &Session,
        drafts: Vec<Draft>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        let now_ms = session.created_ms;
        let sql = "UPDATE invitation SET used_ms = $1 WHERE id = $2 AND used_ms IS NULL AND expires_ms > $1";
        if tx.run(sql, args![now_ms, invitation]).await? == 0 {
            return Ok(false);
        }
        if !add_session(&mut tx, session, drafts).await? {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Opens a session on the word of a provider; tells whether this signing-in had opened none yet.
    #[boxed]
    pub async fn open_signed(&self, session: &Session, drafts: Vec<Draft>) -> Result<bool, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        if !add_session(&mut tx, session, drafts).await? {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The sessions that have not ended of whoever a provider speaks of: by its own session where it names one (and those
    /// of the person of which it never named any), else all of the person.
    #[boxed]
    pub async fn sessions_of(
        &self,
        provider: &str,
        subject: Option<&str>,
        sid: Option<&str>,
        now_ms: i64,
    ) -> Result<Vec<Session>, StoreError> {
        let sql = select!(
            "provider = $1 AND ended_ms IS NULL AND expires_ms > $2 \
             AND (sid = $3 OR (subject = $4 AND (sid IS NULL OR $3 IS NULL))) ORDER BY id LIMIT $5"
        );
        let arguments = args![provider, now_ms, sid, subject, LISTED_MAX];
        self.db.list(sql, arguments, |row| read_session(&row)).await
    }

    /// The session with this id.
    #[boxed]
    pub async fn session(&self, id: &str) -> Result<Option<Session>, StoreError> {
        let sql = select!("id = $1");
        self.db.first(sql, args![id], |row| read_session(&row)).await
    }

    /// The sessions that have not ended at a moment, newest first.
    #[boxed]
    pub async fn sessions(&self, now_ms: i64) -> Result<Vec<Session>, StoreError> {
        let sql = select!("ended_ms IS NULL AND expires_ms > $1 ORDER BY created_ms DESC, id LIMIT $2");
        self.db.list(sql, args![now_ms, LISTED_MAX], |row| read_session(&row)).await
    }

    /// Notes that a session was used.
    #[boxed]
    pub async fn see_session(&self, id: &str, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        tx.run("UPDATE session SET seen_ms = $1 WHERE id = $2 AND seen_ms < $1", args![now_ms, id]).await?;
        tx.commit().await
    }

    /// Ends a session, with the entries of the journal that tell of it; tells whether it was good until then.
    #[boxed]
    pub async fn end_session(&self, id: &str, now_ms: i64, drafts: Vec<Draft>) -> Result<bool, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        append(&mut tx, drafts).await?;
        let sql = "UPDATE session SET ended_ms = $1 WHERE id = $2 AND ended_ms IS NULL";
        if tx.run(sql, args![now_ms, id]).await? == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Adds a session, with the entries that tell of it, unless its signing-in has opened one already.
async fn add_session(tx: &mut Tx, session: &Session, drafts: Vec<Draft>) -> Result<bool, StoreError> {
    let before_ms = session.created_ms - KEPT_MS;
    tx.run("DELETE FROM session WHERE expires_ms < $1", args![before_ms]).await?;
    tx.run("DELETE FROM invitation WHERE expires_ms < $1", args![before_ms]).await?;
    let sql = "INSERT INTO session (id, hash, who, role, created_ms, expires_ms, seen_ms, provider, subject, sid, flow) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (flow) DO NOTHING";
    let Session { id, hash, who, role, created_ms, expires_ms, seen_ms, signed_by, .. } = session;
    let by = |mark: fn(&SignedBy) -> Option<&str>| signed_by.as_ref().and_then(mark);
    let provider = by(|by| Some(&by.provider));
    let subject = by(|by| Some(&by.subject));
    let (sid, flow) = (by(|by| by.sid.as_deref()), by(|by| Some(&by.flow)));
    let mut arguments = args![&**id, &**hash, &**who, &**role, *created_ms, *expires_ms, *seen_ms];
    arguments.extend(args![provider, subject, sid, flow]);
    if tx.run(sql, arguments).await? == 0 {
        return Ok(false);
    }
    append(tx, drafts).await?;
    Ok(true)
}

fn read_invitation(row: &Row<'_>) -> Result<Invitation, StoreError> {
    Ok(Invitation {
        id: row.text(0)?.to_owned(),
        hash: row.text(1)?.to_owned(),
        who: row.text(2)?.to_owned(),
        role: row.text(3)?.to_owned(),
        made_by: row.text(4)?.to_owned(),
        created_ms: row.int(5)?,
        expires_ms: row.int(6)?,
        used_ms: row.int_or_none(7)?,
    })
}

fn read_session(row: &Row<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.text(0)?.to_owned(),
        hash: row.text(1)?.to_owned(),
        who: row.text(2)?.to_owned(),
        role: row.text(3)?.to_owned(),
        created_ms: row.int(4)?,
        expires_ms: row.int(5)?,
        seen_ms: row.int(6)?,
        ended_ms: row.int_or_none(7)?,
        signed_by: read_signed_by(row)?,
    })
}

fn read_signed_by(row: &Row<'_>) -> Result<Option<SignedBy>, StoreError> {
    let text = |at| Ok::<_, StoreError>(row.text_or_none(at)?.map(str::to_owned));
    let (Some(provider), Some(subject), Some(flow)) = (text(8)?, text(9)?, text(11)?) else { return Ok(None) };
    Ok(Some(SignedBy { provider, subject, sid: text(10)?, flow }))
}
