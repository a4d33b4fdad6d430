//! A bulk request being carried out: which operation comes next, and what came of each.
//! An operation is handed out when all to which it refers are done; else the order is the client's.
//! The answer lists what was tried, in the order in which it was tried.

use super::BULK_RESPONSE;
use super::request::{BulkOperation, BulkRequest, Method};
use crate::error::{ScimError, ScimType};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A bulk request being carried out.
#[derive(Clone, Debug)]
pub struct BulkRun {
    request: BulkRequest,
    /// Which operations are still to be tried, in this order; the first is the next.
    order: std::collections::VecDeque<usize>,
    in_circle: BTreeSet<usize>,
    ids: BTreeMap<String, String>,
    answers: Vec<Value>,
    errors: u64,
}

/// An operation that can be carried out now.
#[derive(Clone, PartialEq, Debug)]
pub struct Ready {
    /// Which it is, in the order of the request, from 0.
    pub number: usize,
    /// What to do; its references are resolved.
    pub operation: BulkOperation,
}

/// What came of an operation that succeeded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// The HTTP status: 201, 200 or 204.
    pub status: u16,
    /// The id of the resource.
    pub id: String,
    /// Where the resource is.
    pub location: String,
    /// Its version, where it is still there.
    pub version: Option<String>,
}

impl BulkRun {
    /// Begins a run.
    pub fn new(request: BulkRequest) -> Self {
        let (order, in_circle) = order(&request);
        Self { request, order: order.into(), in_circle, ids: BTreeMap::new(), answers: Vec::new(), errors: 0 }
    }

    /// Returns the next operation to carry out; tell what came of it with [`BulkRun::done`] before asking again.
    /// Those that cannot be carried out are answered in passing.
    pub fn next_ready(&mut self) -> Option<Ready> {
        loop {
            if self.request.fail_on_errors.is_some_and(|most| most > 0 && self.errors >= most) {
                return None;
            }
            let number = self.order.pop_front()?;
            match self.ready(number) {
                Ok(operation) => return Some(Ready { number, operation }),
                Err(error) => self.done(number, Err(error)),
            }
        }
    }

    fn ready(&self, number: usize) -> Result<BulkOperation, ScimError> {
        let missing = || ScimError::because(ScimType::InvalidSyntax, "there is no such operation");
        let operation = self.request.entries.get(number).ok_or_else(missing)?.operation.clone()?;
        if self.in_circle.contains(&number) {
            return Err(ScimError::new(409, "the operation refers by `bulkId` to itself, through others"));
        }
        let unknown = operation.references().into_iter().find(|bulk_id| !self.ids.contains_key(bulk_id));
        if let Some(bulk_id) = unknown {
            let because = format!("`bulkId:{bulk_id}` stands for no operation that succeeded");
            return Err(ScimError::because(ScimType::InvalidValue, because));
        }
        Ok(operation.resolved(&|bulk_id| self.ids.get(bulk_id).cloned()))
    }

    /// Takes down what came of an operation.
    pub fn done(&mut self, number: usize, outcome: Result<Done, ScimError>) {
        let Some(entry) = self.request.entries.get(number) else { return };
        let mut answer = Map::from_iter([("method".to_owned(), Value::from(entry.method.to_ascii_uppercase()))]);
        if let Some(bulk_id) = &entry.bulk_id {
            answer.insert("bulkId".into(), bulk_id.as_str().into());
        }
        match outcome {
            Ok(done) => {
                if let Some(bulk_id) = &entry.bulk_id {
                    self.ids.insert(bulk_id.clone(), done.id);
                }
                answer.insert("location".into(), done.location.into());
                answer.extend(done.version.map(|version| ("version".to_owned(), version.into())));
                answer.insert("status".into(), done.status.to_string().into());
            }
            Err(error) => {
                self.errors += 1;
                answer.insert("status".into(), error.status.to_string().into());
                answer.insert("response".into(), json!(error));
                let path = entry.operation.as_ref().ok().filter(|operation| operation.method != Method::Post);
                answer.extend(path.map(|operation| ("location".to_owned(), operation.path.as_str().into())));
            }
        }
        self.answers.push(Value::Object(answer));
    }

    /// Returns the answer.
    pub fn answer(self) -> Value {
        json!({"schemas": [BULK_RESPONSE], "Operations": self.answers})
    }
}

/// Returns an order in which references come after what they name, as near to the client's as can be, and those
/// operations for which there is none. These stand at the end.
fn order(request: &BulkRequest) -> (Vec<usize>, BTreeSet<usize>) {
    let numbers: BTreeMap<&str, usize> = request
        .entries
        .iter()
        .enumerate()
        .filter_map(|(number, entry)| Some((entry.bulk_id.as_deref()?, number)))
        .collect();
    let needs_of = |(number, entry): (usize, &super::request::Entry)| {
        let references = entry.operation.as_ref().map(BulkOperation::references).unwrap_or_default();
        let needs: BTreeSet<usize> = references.iter().filter_map(|id| numbers.get(id.as_str()).copied()).collect();
        (number, needs)
    };
    let mut needs: BTreeMap<usize, BTreeSet<usize>> = request.entries.iter().enumerate().map(needs_of).collect();
    let mut needed_by: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (&number, needs) in &needs {
        needs.iter().for_each(|&need| needed_by.entry(need).or_default().push(number));
    }
    let mut free: BTreeSet<usize> =
        needs.iter().filter(|(_, needs)| needs.is_empty()).map(|(&number, _)| number).collect();
    let mut order = Vec::with_capacity(request.entries.len());
    while let Some(number) = free.pop_first() {
        order.push(number);
        needs.remove(&number);
        for waiting in needed_by.get(&number).into_iter().flatten() {
            let left = needs.get_mut(waiting);
            if left.is_some_and(|left| left.remove(&number) && left.is_empty()) {
                free.insert(*waiting);
            }
        }
    }
    let bound: BTreeSet<usize> = needs.keys().copied().collect();
    order.extend(&bound);
    let in_circle = bound.iter().copied().filter(|&number| reaches_itself(number, &needs)).collect();
    (order, in_circle)
}

fn reaches_itself(start: usize, needs: &BTreeMap<usize, BTreeSet<usize>>) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(number) = open.pop() {
        for &need in needs.get(&number).into_iter().flatten() {
            if need == start {
                return true;
            }
            if seen.insert(need) {
                open.push(need);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests;
