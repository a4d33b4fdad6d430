//! Tokens: who may knock at the doors, each by the hash of its credential. Revoked ones stay, so that the journal's words
//! about them can be understood. What a scope permits, and how a credential is made, is not known here.

use crate::Store;
use crate::db::{Durability, Row, Tx, args};
use crate::error::StoreError;
use crate::journal::append;
use async_recursion::async_recursion as boxed;
use tenure_core::journal::Draft;

const LISTED_MAX: i64 = 10_000;

/// A token as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Its id, which is part of the credential and no secret.
    pub id: String,
    /// The hash of the credential, in hex.
    pub hash: String,
    /// What it is for, in its maker's words.
    pub name: String,
    /// In whose name its bearer acts.
    pub owner: String,
    /// What its bearer may do, in words.
    pub scopes: Vec<String>,
    /// When it was made (milliseconds since 1970, UTC).
    pub created_ms: i64,
    /// When it ends; nothing where it does not.
    pub expires_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_ms: Option<i64>,
    /// When it was used last, roughly.
    pub used_ms: Option<i64>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, hash, name, owner, scopes, created_ms, expires_ms, revoked_ms, used_ms FROM token ", $rest)
    };
}

impl Store {
    /// Keeps a token, with the entries of the journal that tell of it.
    #[boxed]
    pub async fn add_token(&self, token: &Token, drafts: Vec<Draft>) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        append(&mut tx, drafts).await?;
        insert(&mut tx, token).await?;
        tx.commit().await
    }

    /// Keeps the follower of a token, which ends at that moment, with the entries of the journal that tell of it; tells
    /// whether the old one was not revoked until then, else nothing is kept.
    #[boxed]
    pub async fn follow_token(
        &self,
        follower: &Token,
        id: &str,
        ends_ms: i64,
        drafts: Vec<Draft>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        append(&mut tx, drafts).await?;
        let sql = "UPDATE token SET expires_ms = $1 WHERE id = $2 AND revoked_ms IS NULL";
        if tx.run(sql, args![ends_ms, id]).await? == 0 {
            return Ok(false);
        }
        insert(&mut tx, follower).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The token with this id.
    #[boxed]
    pub async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        self.db.first(select!("WHERE id = $1"), args![id], |row| read(&row)).await
    }

    /// All tokens, newest first.
    #[boxed]
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let sql = select!("ORDER BY created_ms DESC, id LIMIT $1");
        self.db.list(sql, args![LISTED_MAX], |row| read(&row)).await
    }

    /// Revokes a token, with the entries of the journal that tell of it; tells whether it was good until then.
    #[boxed]
    pub async fn revoke_token(&self, id: &str, now_ms: i64, drafts: Vec<Draft>) -> Result<bool, StoreError> {
        let mut tx = self.db.write(Durability::Full).await?;
        append(&mut tx, drafts).await?;
        let sql = "UPDATE token SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL";
        if tx.run(sql, args![now_ms, id]).await? == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that a token was used, unless that was noted since `unless_ms`.
    #[boxed]
    pub async fn use_token(&self, id: &str, now_ms: i64, unless_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.db.write(Durability::Normal).await?;
        let sql = "UPDATE token SET used_ms = $1 WHERE id = $2 AND (used_ms IS NULL OR used_ms < $3)";
        tx.run(sql, args![now_ms, id, unless_ms]).await?;
        tx.commit().await
    }
}

async fn insert(tx: &mut Tx, token: &Token) -> Result<(), StoreError> {
    let sql = "INSERT INTO token (id, hash, name, owner, scopes, created_ms, expires_ms) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let Token { id, hash, name, owner, scopes, created_ms, expires_ms, .. } = token;
    let scopes = scopes.join(" ");
    tx.run(sql, args![&**id, &**hash, &**name, &**owner, scopes, *created_ms, *expires_ms]).await?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Token, StoreError> {
    Ok(Token {
        id: row.text(0)?.to_owned(),
        hash: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        owner: row.text(3)?.to_owned(),
        scopes: row.text(4)?.split_whitespace().map(str::to_owned).collect(),
        created_ms: row.int(5)?,
        expires_ms: row.int_or_none(6)?,
        revoked_ms: row.int_or_none(7)?,
        used_ms: row.int_or_none(8)?,
    })
}
