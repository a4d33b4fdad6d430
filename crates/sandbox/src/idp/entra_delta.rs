//! Changes as Microsoft Graph tells them: from a place that it gave, in pages that may be empty, some of them twice, each
//! with little more than what changed. Whoever was deleted is told with `@removed`; a place that is too old is gone.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::entra::{bad, id, refuse, selected};
use super::people::{Known, People, Standing, now_ms};
use crate::exchange::{Call, Reply};
use crate::paging::Seal;

/// Records a page.
const PAGE: usize = 2;
/// Pages that one place can lead to.
const PAGES: i64 = 1_000_000;

/// The places that were given: from when on, and what was selected.
#[derive(Default)]
pub(super) struct Places {
    given: Vec<(i64, String)>,
    /// Places before this one are too old.
    kept_from: usize,
}

impl Places {
    /// Lets all places that were given be too old.
    pub fn forget(&mut self) {
        self.kept_from = self.given.len();
    }

    /// Answers a request for changes.
    pub fn tell(&mut self, call: &Call, people: &People, seal: Seal) -> Reply {
        if call.query.iter().any(|(key, _)| matches!(key.as_str(), "$expand" | "$top" | "$orderby" | "$filter")) {
            return bad("The request has a query option that delta queries do not support.");
        }
        let (place, page) = match (call.query("$deltatoken"), call.query("$skiptoken")) {
            (Some("latest"), None) => {
                let place = self.keep(call.query("$select").unwrap_or_default());
                return answer(Vec::new(), call, "deltaLink", "deltatoken", &seal.close("delta", place));
            }
            (Some(token), None) => (seal.open("delta", token), 0),
            (None, Some(token)) => {
                let place = seal.open("delta page", token);
                (place.map(|place| place / PAGES), place.map_or(0, |place| place % PAGES))
            }
            (None, None) => return bad("Everything at once is not imitated: ask for the latest place."),
            _ => return bad("Two tokens at once."),
        };
        let kept = place.and_then(|place| usize::try_from(place).ok()).filter(|place| *place >= self.kept_from);
        let Some((place, (since_ms, select))) = kept.and_then(|place| Some((place, self.given.get(place)?.clone())))
        else {
            let text = "The sync state generation is not found; continue with a full synchronization.";
            let gone = refuse(StatusCode::GONE, "syncStateNotFound", text);
            return gone.header("location", call.url.split('?').next().unwrap_or_default());
        };
        let rows = changes(people, since_ms, &select);
        let at = page / 2;
        let (from, is_empty) = (at as usize * PAGE, page % 2 == 1);
        let mut told: Vec<Value> = rows.iter().skip(from).take(PAGE).cloned().collect();
        // What was told is told again on the last page, and every other page is empty.
        if !told.is_empty() && from + PAGE >= rows.len() && from > 0 {
            told.push(rows[0].clone());
        }
        if is_empty {
            told.clear();
        }
        let goes_on = if is_empty { from + PAGE < rows.len() } else { !rows.is_empty() };
        if goes_on {
            let next = seal.close("delta page", place as i64 * PAGES + page + 1);
            return answer(told, call, "nextLink", "skiptoken", &next);
        }
        let place = self.keep(&select);
        answer(told, call, "deltaLink", "deltatoken", &seal.close("delta", place))
    }

    fn keep(&mut self, select: &str) -> i64 {
        self.given.push((now_ms(), select.to_owned()));
        self.given.len() as i64 - 1
    }
}

/// Lists what changed, as far as it was selected.
fn changes(people: &People, since_ms: i64, select: &str) -> Vec<Value> {
    let gone = people.removed().iter().filter(|(_, at)| *at >= since_ms);
    let gone = gone.map(|(number, _)| json!({"id": id(*number), "@removed": {"reason": "deleted"}}));
    let changed = people.iter().filter(|known| known.updated_ms >= since_ms && !known.changed.is_empty());
    changed.filter_map(|known| change(known, select)).chain(gone).collect()
}

fn change(known: &Known, select: &str) -> Option<Value> {
    if known.standing == Standing::Deactivated {
        return Some(json!({"id": id(known.number), "@removed": {"reason": "changed"}}));
    }
    let wanted: &[&str] = match known.changed {
        "email" => &["mail", "userPrincipalName"],
        "department" => &["department"],
        "title" => &["jobTitle"],
        "employee_id" => &["employeeId"],
        _ => &["accountEnabled"],
    };
    let told: Vec<&str> = select.split(',').filter(|name| wanted.contains(name)).collect();
    let Value::Object(whole) = selected(known, Some(&told.join(","))) else { return None };
    let mut row: Map<String, Value> = [("id".to_owned(), json!(id(known.number)))].into_iter().collect();
    row.extend(whole);
    (!told.is_empty()).then_some(Value::Object(row))
}

fn answer(rows: Vec<Value>, call: &Call, link: &str, word: &str, token: &str) -> Reply {
    let here = call.url.split('?').next().unwrap_or_default();
    let mut body = json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users(id)", "value": rows});
    body[format!("@odata.{link}")] = json!(format!("{here}?${word}={token}"));
    Reply::ok(body)
}
