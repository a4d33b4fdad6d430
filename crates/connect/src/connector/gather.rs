//! Steps that go together: each asks as if it were alone, and what several ask in the same way becomes one request.
//! The run says how many go together; a request goes out when everybody who is still under way has asked or is done.
//! It knows no app and no plan, and keeps nothing: every part of an answer goes to the one who asked for it.

use crate::error::ConnectError;
use crate::transport::{Response, Witnessed, tell_shared, witnessed};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What one of those who go together gets: an answer that holds its own part, or why there is none.
pub(super) type Part = Result<Response, ConnectError>;

/// One of those who go together; it is done when it is dropped.
pub(super) struct Member(Arc<Round>);

/// What those who go together share.
#[derive(Default)]
struct Round {
    state: Mutex<State>,
    turn: Notify,
}

#[derive(Default)]
struct State {
    /// Who is still under way.
    inside: usize,
    tickets: u64,
    /// Who waits, with what kind of request and what it adds to one.
    waiting: BTreeMap<u64, Question>,
    /// Who sends for whom.
    leads: HashMap<u64, Vec<(u64, Value)>>,
    /// What each gets, and what was asked for it.
    parts: HashMap<u64, (Part, Arc<Shared>)>,
}

/// What was asked for several, and how many these are.
struct Shared(Witnessed, usize);

/// What one adds to a request of many.
struct Question {
    /// Equal where one request can carry both.
    sort: String,
    piece: Value,
    size: usize,
}

impl Member {
    /// Lets so many go together.
    pub fn several(count: usize) -> Vec<Arc<Self>> {
        let round = Arc::new(Round::default());
        round.state().inside = count;
        (0..count).map(|_| Arc::new(Self(round.clone()))).collect()
    }

    /// Asks for `piece` along with all who ask for the same `sort`, at most `size` at once. Whoever comes first of a
    /// request sends it for the others; `send` returns a part for each piece, in their order.
    pub async fn ask<F>(&self, sort: String, piece: Value, size: usize, send: impl FnOnce(Vec<Value>) -> F) -> Part
    where
        F: Future<Output = Vec<Part>>,
    {
        let round = &*self.0;
        let ticket = round.enter(Question { sort, piece, size: size.max(1) });
        let mut send = Some(send);
        loop {
            let mut turn = pin!(round.turn.notified());
            turn.as_mut().enable();
            let part = round.state().parts.remove(&ticket);
            if let Some((part, shared)) = part {
                tell_shared(&shared.0, shared.1);
                return part;
            }
            let lead = round.state().leads.remove(&ticket);
            match (lead, send.take()) {
                (Some(lead), Some(send)) => {
                    let (tickets, pieces): (Vec<u64>, Vec<Value>) = lead.into_iter().unzip();
                    let (parts, seen) = witnessed(send(pieces)).await;
                    let shared = Arc::new(Shared(seen, tickets.len()));
                    let parts = parts.into_iter().map(|part| (part, shared.clone()));
                    round.state().parts.extend(tickets.into_iter().zip(parts));
                    round.turn.notify_waiters();
                }
                (_, unused) => {
                    send = unused;
                    turn.await;
                }
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.inside = state.inside.saturating_sub(1);
        state.go();
        drop(state);
        self.0.turn.notify_waiters();
    }
}

impl Round {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, question: Question) -> u64 {
        let mut state = self.state();
        state.tickets += 1;
        let ticket = state.tickets;
        state.waiting.insert(ticket, question);
        state.go();
        drop(state);
        self.turn.notify_waiters();
        ticket
    }
}

impl State {
    /// Makes requests of what is asked, once everybody under way has asked.
    fn go(&mut self) {
        if self.waiting.len() < self.inside {
            return;
        }
        let mut requests: BTreeMap<String, (usize, Vec<(u64, Value)>)> = BTreeMap::new();
        for (ticket, question) in std::mem::take(&mut self.waiting) {
            requests.entry(question.sort).or_insert((question.size, Vec::new())).1.push((ticket, question.piece));
        }
        for (size, mut asked) in requests.into_values() {
            while !asked.is_empty() {
                let rest = asked.split_off(size.min(asked.len()));
                self.leads.insert(asked[0].0, std::mem::replace(&mut asked, rest));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use futures::future::join_all;
    use serde_json::json;

    /// Refuses every piece with the size of the request that carried it.
    async fn sized(pieces: Vec<Value>) -> Vec<Part> {
        let text = pieces.len().to_string();
        pieces.iter().map(|_| Err(ConnectError::new(ErrorKind::Vendor, text.clone()))).collect()
    }

    async fn ask(member: &Member, sort: &str, size: usize) -> String {
        member.ask(sort.into(), json!(1), size, sized).await.unwrap_err().text
    }

    #[tokio::test]
    async fn what_is_asked_alike_goes_in_one_request_and_the_rest_in_others() {
        let asked = ["a", "a", "b", "a"];
        let members = Member::several(asked.len());
        let all = asked.iter().zip(members).map(|(sort, member)| async move { ask(&member, sort, 50).await });
        assert_eq!(join_all(all).await, ["3", "3", "1", "3"]);
        let all = Member::several(5).into_iter().map(|member| async move { ask(&member, "a", 2).await });
        assert_eq!(join_all(all).await, ["2", "2", "2", "2", "1"]);
    }

    #[tokio::test]
    async fn nobody_waits_for_one_who_is_done_or_asks_no_more() {
        let mut members = Member::several(3).into_iter();
        let (one, two, gone) = (members.next().unwrap(), members.next().unwrap(), members.next().unwrap());
        let twice = async move { [ask(&one, "a", 50).await, ask(&one, "a", 50).await] };
        let once = async move { ask(&two, "a", 50).await };
        let leaves = async move {
            tokio::task::yield_now().await;
            drop(gone);
        };
        let (twice, once, ()) = futures::join!(twice, once, leaves);
        assert_eq!((twice.map(|text| text), once.as_str()), (["2".to_owned(), "1".to_owned()], "2"));
    }
}
