//! Who a client is, by what it sends, and what it sends, where somebody wants it recorded. What is written down is masked
//! first. No answer depends on either: what fails here is told in the log, and the client is answered all the same.

use super::Gate;
use super::answer::{Answer, header};
use super::door::Knock;
use super::entitlement::entitlements;
use super::read::{base, path_within};
use super::shape::Shape;
use axum::http::request::Parts;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use tenure_engine::recorded::{self, Begun, KnownClient, REQUESTS_MAX};
use tenure_scim::{Client, Header, Heard, Mask, Said, Shows};

/// How long it is believed that a client is recorded, or is not (milliseconds).
const BELIEVED_MS: i64 = 1000;
/// So many clients are remembered at most.
const CLIENTS_MAX: usize = 10_000;

/// What is known of each client, by its token.
#[derive(Default)]
pub(super) struct Tapes(Mutex<BTreeMap<String, Tape>>);

#[derive(Default)]
struct Tape {
    known: Option<KnownClient>,
    begun: Option<Begun>,
    looked_ms: i64,
    written: usize,
}

impl Tapes {
    fn with<T>(&self, token: &str, change: impl FnOnce(&mut Tape) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CLIENTS_MAX && !all.contains_key(token) {
            all.clear();
        }
        match all.get_mut(token) {
            Some(tape) => change(tape),
            None => change(all.entry(token.to_owned()).or_default()),
        }
    }
}

impl Gate {
    /// Finds out who a client is by a request, unless it has said so before.
    pub(super) async fn recognise(&self, knock: &Knock, head: &Parts, body: &[u8]) {
        let is_told = |tape: &mut Tape| tape.known.as_ref().is_some_and(|known| known.is_told);
        if self.tapes.with(&knock.bearer.token, is_told) {
            return;
        }
        let body: Option<Value> = if body.is_empty() { None } else { serde_json::from_slice(body).ok() };
        let (user_agent, query) = (header(&head.headers, "user-agent"), head.uri.query().unwrap_or_default());
        self.see(knock, Shows { user_agent, query, body: body.as_ref(), said: None }).await;
    }

    /// Finds out who a client is by the turns of phrase of what it wrote.
    pub(super) async fn recognise_by(&self, knock: &Knock, said: &Said) {
        if !said.dialects.is_empty() {
            self.see(knock, Shows { said: Some(said), ..Shows::default() }).await;
        }
    }

    async fn see(&self, knock: &Knock, shows: Shows<'_>) {
        let Some(seen) = Client::recognise(shows) else { return };
        let (product, by, is_told) = (seen.client.as_str().to_owned(), seen.by.to_owned(), seen.is_told);
        let known = KnownClient { product, by, is_told };
        let is_new = self.tapes.with(&knock.bearer.token, |tape| {
            let is_new = tape.known.as_ref().is_none_or(|before| known.is_told && !before.is_told);
            if is_new {
                tape.known = Some(known.clone());
            }
            is_new
        });
        if !is_new {
            return;
        }
        tracing::info!(connection = %knock.connection, client = knock.bearer.name, product = known.product, by = known.by, "a SCIM client is recognised");
        if let Err(error) = recorded::recognise(&self.house, &knock.connection, &knock.bearer.token, &known).await {
            tracing::warn!(%error, "who a SCIM client is could not be noted");
        }
    }

    /// Writes down a request and its answer, where its client is recorded.
    pub(super) async fn write_down(&self, knock: &Knock, head: &Parts, body: &[u8], answer: &Answer) {
        let Some(begun) = self.begun(knock).await else { return };
        if let Err(error) = self.keep(knock, &begun, head, body, answer).await {
            tracing::warn!(%error, "a request of a SCIM client could not be recorded");
        }
    }

    /// Tells whether a client is recorded at this moment.
    async fn begun(&self, knock: &Knock) -> Option<Begun> {
        let (token, now_ms) = (&knock.bearer.token, self.house.clock.now_ms());
        let looked = self.tapes.with(token, |tape| {
            let is_believed = (0..BELIEVED_MS).contains(&(now_ms - tape.looked_ms));
            tape.looked_ms = if is_believed { tape.looked_ms } else { now_ms };
            is_believed.then(|| tape.begun.clone())
        });
        let begun = match looked {
            Some(begun) => begun,
            None => {
                let found = recorded::begun(&self.house, token).await;
                let found = found.inspect_err(|error| tracing::warn!(%error, "is a SCIM client recorded?"));
                let found = found.unwrap_or_default();
                self.tapes.with(token, |tape| {
                    if tape.begun.as_ref().map(|begun| begun.since_ms) != found.as_ref().map(|begun| begun.since_ms) {
                        tape.written = 0;
                    }
                    tape.begun.clone_from(&found);
                });
                found
            }
        };
        let begun = begun.filter(|begun| begun.until_ms > now_ms)?;
        let is_room = self.tapes.with(token, |tape| {
            tape.written += 1;
            tape.written <= REQUESTS_MAX
        });
        is_room.then_some(begun)
    }

    async fn keep(
        &self,
        knock: &Knock,
        begun: &Begun,
        head: &Parts,
        body: &[u8],
        answer: &Answer,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let all = entitlements(self, knock, &Shape::of(&knock.abilities)).await?;
        let path = path_within(head, knock);
        let group = all.iter().find(|one| path.split('/').any(|part| part == one.id));
        let names = all.iter().flat_map(|one| [one.name.to_lowercase(), one.shown.to_lowercase()]);
        let known: BTreeSet<String> = names.collect();
        let mask = Mask { key: begun.key.clone().into_bytes(), known, base: base(self, knock, &head.headers) };
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers: Vec<Header> =
            head.headers.iter().map(|(name, value)| Header { name: name.to_string(), says: text(value) }).collect();
        let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let at_ms = self.house.clock.now_ms();
        let recorded = mask.recorded(&Heard {
            at_ms,
            method: head.method.as_str(),
            target: &format!("{path}{query}"),
            headers: &headers,
            body,
            status: answer.status(),
            answer: answer.body(),
            group: group.map(|group| group.shown.as_str()),
        });
        recorded::keep(&self.house, &knock.bearer.token, at_ms, &serde_json::to_string(&recorded)?).await?;
        Ok(())
    }
}
