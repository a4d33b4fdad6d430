//! Requests that carry several records: what each of them came to, and what to do when the app refuses the lot.
//! Steps that go together end up here; each gets an answer as if it had been alone. A record of which nobody knows what
//! became is said to be so, and is looked up by whoever asked for it before it is sent again.

use super::Inner;
use super::ask::Ask;
use super::gather::{Member, Part};
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{Batch, Call, Many};
use crate::transport::{Priority, Response};
use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};

/// What an answer says of the records that a request carried.
struct Told {
    /// The records that were written.
    done: Option<Vec<Value>>,
    /// Place among those sent → what is wrong there.
    wrong: BTreeMap<usize, Value>,
}

impl Inner {
    /// Sends what a call carries along with what the others who go together send.
    pub(super) async fn send_along(&self, member: &Member, ask: Ask<'_>, call: &Call, batch: &Batch) -> Part {
        let Some((piece, frame)) = ask.body.as_ref().and_then(|body| taken(call, body)) else {
            return self.send_well(ask, &call.success).await;
        };
        let sort = format!("{:?} {} {frame}", ask.method, ask.url);
        let size = usize::try_from(batch.size).unwrap_or(usize::MAX);
        let send = async |pieces: Vec<Value>| self.send_batch(&ask, call, batch, &frame, pieces).await;
        member.ask(sort, piece, size, send).await
    }

    /// Sends records in one request, and in smaller ones where it is refused without saying which is at fault.
    async fn send_batch(
        &self,
        ask: &Ask<'_>,
        call: &Call,
        batch: &Batch,
        frame: &Value,
        pieces: Vec<Value>,
    ) -> Vec<Part> {
        let mut parts: Vec<Option<Part>> = pieces.iter().map(|_| None).collect();
        let mut queue = VecDeque::from([(0..pieces.len()).collect::<Vec<usize>>()]);
        let mut no_seat: Option<ConnectError> = None;
        while let Some(some) = queue.pop_front() {
            if some.is_empty() {
                continue;
            }
            let all = |part: Part| some.iter().map(|at| (*at, part.clone())).collect::<Vec<_>>();
            let settled: Vec<(usize, Part)> = match &no_seat {
                Some(error) => all(Err(error.clone())),
                None => {
                    let body = framed(call, frame, some.iter().map(|at| pieces[*at].clone()).collect());
                    match self.send(Ask { body: Some(body), url: ask.url.clone(), ..*ask }).await {
                        Err(error) => all(Err(error)),
                        Ok(response) => self.parts_of(&response, ask, call, batch, &pieces, &some),
                    }
                }
            };
            for (at, part) in &settled {
                no_seat = no_seat.or(part.as_ref().err().filter(|error| error.kind == ErrorKind::SeatLimit).cloned());
                parts[*at] = Some(part.clone());
            }
            let rest: Vec<usize> = some.iter().copied().filter(|at| parts[*at].is_none()).collect();
            if settled.is_empty() {
                // The first half first, down to one: whether a seat is left shows before others ask for it.
                let (one, other) = rest.split_at(rest.len() / 2);
                queue.push_front(other.to_vec());
                queue.push_front(one.to_vec());
            } else {
                queue.push_front(rest);
            }
        }
        parts.into_iter().map(|part| part.unwrap_or_else(|| Err(lost()))).collect()
    }

    /// Returns what became of the records of one request; of those left out nothing was written, and they are to be
    /// sent again.
    fn parts_of(
        &self,
        response: &Response,
        ask: &Ask<'_>,
        call: &Call,
        batch: &Batch,
        pieces: &[Value],
        some: &[usize],
    ) -> Vec<(usize, Part)> {
        let told = told(response, batch);
        let own = |at: usize| {
            let done = told.done.as_deref().unwrap_or_default();
            done.iter().find(|record| is_same(&batch.by, record, &pieces[at])).cloned()
        };
        if self.is_well(response, &call.success) {
            return some.iter().map(|at| (*at, Ok(with_record(response, batch, own(*at))))).collect();
        }
        let error = self.refusal(response, ask.effect);
        let about_all = !matches!(
            error.kind,
            ErrorKind::Validation
                | ErrorKind::Duplicate
                | ErrorKind::SeatLimit
                | ErrorKind::NotFound
                | ErrorKind::Vendor
        );
        if some.len() == 1 || about_all {
            return some.iter().map(|at| (*at, Err(error.clone()))).collect();
        }
        let each = some.iter().enumerate().filter_map(|(place, at)| {
            let wrong = told.wrong.get(&place).map(|wrong| Err(self.refusal(&with_body(response, wrong), ask.effect)));
            let written = own(*at).map(|record| Ok(with_record(response, batch, Some(record))));
            let unknown = || told.done.is_none() && !told.wrong.is_empty();
            let part = wrong.or(written).or_else(|| unknown().then(|| Err(lost())))?;
            Some((*at, part))
        });
        each.collect()
    }

    /// Reads several records with one request, for those who go together; each gets the whole answer. Nothing where the
    /// app takes no such request.
    pub(super) async fn read_along(
        &self,
        member: &Member,
        path: &str,
        many: &Many,
        placeholder: &str,
        value: &str,
        priority: Priority,
    ) -> Result<Option<Response>, ConnectError> {
        let sort = format!("{path} {placeholder} {}", Value::Object(object(&many.read_body)));
        let size = usize::try_from(many.size).unwrap_or(usize::MAX);
        let send = async |values: Vec<Value>| {
            let body =
                object(&many.read_body).into_iter().map(|(key, over)| (key, spread(&over, placeholder, &values)));
            let answer = async {
                let mut ask = Ask::read(self.url(path, &[])?, path, priority);
                (ask.method, ask.body) = (crate::manifest::Method::Post, Some(Value::Object(body.collect())));
                self.send_well(ask, &[200]).await
            };
            let answer = answer.await;
            values.iter().map(|_| answer.clone()).collect()
        };
        match member.ask(sort, value.into(), size, send).await {
            Ok(response) => Ok(Some(response)),
            Err(error) if matches!(error.kind, ErrorKind::Validation | ErrorKind::Unsupported | ErrorKind::Vendor) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Says of a record that nobody knows what became of it.
fn lost() -> ConnectError {
    let text = "the app refused some records of a request and did not say what became of this one";
    ConnectError { may_have_happened: true, ..ConnectError::new(ErrorKind::Malformed, text) }
}

/// Takes the one record out of a body; what is left is the frame for any number of them.
fn taken(call: &Call, body: &Value) -> Option<(Value, Value)> {
    let Some(key) = &call.within else { return Some((body.as_array()?.first()?.clone(), Value::Null)) };
    let mut frame = body.as_object()?.clone();
    let piece = frame.get(key)?.as_array()?.first()?.clone();
    frame.insert(key.clone(), Value::Null);
    Some((piece, Value::Object(frame)))
}

/// Puts records into the frame of a call.
fn framed(call: &Call, frame: &Value, pieces: Vec<Value>) -> Value {
    match (&call.within, frame) {
        (Some(key), Value::Object(frame)) => {
            let mut body = frame.clone();
            body.insert(key.clone(), Value::Array(pieces));
            Value::Object(body)
        }
        _ => Value::Array(pieces),
    }
}

/// Reads what an answer says of single records.
fn told(response: &Response, batch: &Batch) -> Told {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let list = |at: &str| body.pointer(&pointer(at)).and_then(Value::as_array).cloned();
    let place = |error: &Value| usize::try_from(error.get(&batch.index)?.as_u64()?).ok();
    let wrong = list(&batch.errors).unwrap_or_default().into_iter();
    Told { done: list(&batch.done), wrong: wrong.filter_map(|error| Some((place(&error)?, error))).collect() }
}

/// Tells whether a record of the answer is the one that was sent.
fn is_same(by: &str, record: &Value, piece: &Value) -> bool {
    let sent = if piece.is_object() { piece.get(by) } else { Some(piece) };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_lowercase);
    text(sent).is_some_and(|sent| text(record.get(by)) == Some(sent))
}

/// Returns an answer in which one record alone was written.
fn with_record(response: &Response, batch: &Batch, record: Option<Value>) -> Response {
    let mut body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    if let Some(list) = body.pointer_mut(&pointer(&batch.done)) {
        *list = record.into_iter().collect();
    }
    with_body(response, &body)
}

fn with_body(response: &Response, body: &Value) -> Response {
    Response { body: Bytes::from(body.to_string()), ..response.clone() }
}

fn pointer(place: &str) -> String {
    place.split('.').map(|step| format!("/{step}")).collect()
}

fn object(body: &IndexMap<String, Value>) -> Map<String, Value> {
    super::look::object(body)
}

/// Fills the list that takes the values.
fn spread(value: &Value, placeholder: &str, values: &[Value]) -> Value {
    match value {
        Value::Array(items) => match &items[..] {
            [Value::String(one)] if one == placeholder => Value::Array(values.to_vec()),
            items => items.iter().map(|item| spread(item, placeholder, values)).collect(),
        },
        Value::Object(entries) => {
            entries.iter().map(|(key, item)| (key.clone(), spread(item, placeholder, values))).collect()
        }
        other => other.clone(),
    }
}
