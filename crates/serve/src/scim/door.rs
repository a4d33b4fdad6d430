//! Who may speak SCIM for a connection: the bearer of a token with its scope, and not too many requests of one token at
//! once. Everybody else is told why not, as a SCIM error.
//! What a token permits is the door's of the whole server to ask; here the answer becomes SCIM's.

use super::Gate;
use crate::door::admit;
use axum::http::HeaderMap;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tenure_core::abilities::{Abilities, Standing};
use tenure_core::name::ConnectionName;
use tenure_core::scope::Scope;
use tenure_engine::token::Bearer;
use tenure_scim::ScimError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many requests of one token are answered at the same time.
const AT_ONCE: usize = 32;
/// So long another one waits for its turn.
const WAITS_MAX: Duration = Duration::from_secs(15);
/// So many tokens are remembered at most.
const TOKENS_MAX: usize = 10_000;

/// The turns of each token.
#[derive(Default)]
pub(super) struct Doors(Mutex<HashMap<String, Arc<Semaphore>>>);

impl Doors {
    fn turns(&self, token: &str) -> Arc<Semaphore> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= TOKENS_MAX {
            all.retain(|_, turns| turns.available_permits() < AT_ONCE);
        }
        all.entry(token.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone()
    }
}

/// A client that was let in, for as long as its request takes.
pub(super) struct Knock {
    /// Whose request it is.
    pub bearer: Bearer,
    /// The connection that it is about.
    pub connection: ConnectionName,
    /// What that can do.
    pub abilities: Arc<Abilities>,
    /// Whether people are pushed through it, and no wishes.
    pub is_source: bool,
    _turn: OwnedSemaphorePermit,
}

impl Knock {
    /// Lets a client in.
    ///
    /// # Errors
    /// 401, 403: not with this token. 404: there is no such connection. 429: too many requests at once.
    pub async fn admit(gate: &Gate, connection: &str, headers: &HeaderMap) -> Result<Self, ScimError> {
        let connection = ConnectionName::new(connection);
        let scope = Scope::Scim(connection.clone());
        let bearer = admit(&gate.house, headers, &scope).await.map_err(|problem| {
            let (status, detail) = problem.into_parts();
            ScimError::new(status.as_u16(), detail)
        })?;
        let known = gate.house.connection(connection.as_str()).ok();
        let abilities = known.map(|known| known.abilities()).ok_or_else(|| {
            ScimError::new(
                404,
                format!("no connection is named {connection} any more; the token is of an earlier file"),
            )
        })?;
        let is_source = gate.house.is_pushed(&connection);
        if abilities.standing != Standing::Target && !is_source {
            let because = format!("{connection} is a source that is read by tenure; nothing is pushed to it");
            return Err(ScimError::new(404, because));
        }
        let waits = tokio::time::timeout(WAITS_MAX, gate.doors.turns(&bearer.token).acquire_owned());
        let turn = match waits.await {
            Ok(Ok(turn)) => turn,
            _ => return Err(ScimError::new(429, format!("more than {AT_ONCE} requests of this token at once"))),
        };
        Ok(Self { bearer, connection, abilities, is_source, _turn: turn })
    }
}
