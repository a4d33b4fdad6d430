//! Sends a recording again, as values: the next request with its ids filled in, and what of an answer differs from the one
//! that was recorded. What was recorded as a whole is compared as a whole; ids, moments and words of an app are not.

use super::{Exchange, Given, Header, Thing, Wanted};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is another each time, or said in an app's own words, and is not kept in an answer.
const PASSED_OVER: [&str; 8] =
    ["created", "lastModified", "version", "detail", "reason", "members", "nextCursor", "documentationUri"];

/// How far a client's wish has come: of who was there before, a replay wishes what nobody wished when it was recorded.
const PROVISIONING: &str = ":Provisioning";

/// How far a recording was sent: what its names stand for.
#[derive(Clone, Debug)]
pub struct Replay {
    kept: BTreeMap<String, String>,
}

/// A request with its names filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query behind the connection.
    pub path: String,
    /// Its headers.
    pub headers: Vec<Header>,
    /// The body; empty where there is none.
    pub body: String,
}

impl Request {
    fn new(method: &str, path: String, body: Option<Value>) -> Self {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        Self { method: method.to_owned(), path, headers: Vec::new(), body }
    }
}

/// Something that is not as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Difference {
    /// Where in the recording the request stands.
    pub line: usize,
    /// Method and path.
    pub request: String,
    /// What differs: `status`, or a path within the answer.
    pub what: String,
    /// As it was recorded; nothing where there was none.
    pub was: Option<String>,
    /// As it is now; nothing where there is none.
    pub is: Option<String>,
}

impl Replay {
    /// Begins before the server whose address this is, up to the connection.
    pub fn new(base: &str) -> Self {
        Self { kept: BTreeMap::from([("base".to_owned(), base.to_owned())]) }
    }

    /// Says for what a name stands.
    pub fn give(&mut self, name: &str, id: String) {
        self.kept.insert(name.to_owned(), id);
    }

    /// Returns the request that finds what was there before: it is the first of the list that is answered.
    pub fn find(&self, given: &Given) -> Request {
        let (place, attribute, text) = match &given.is {
            Thing::Group(name) => ("Groups", "displayName", name.as_str()),
            Thing::User(user) => ("Users", "userName", user["userName"].as_str().unwrap_or_default()),
        };
        let filter = format!("{attribute} eq {}", crate::quote(text));
        let filter: String = filter.bytes().map(encoded).collect();
        Request::new("GET", format!("/{place}?excludedAttributes=members&filter={filter}"), None)
    }

    /// Returns the request that makes somebody who was there before; a group is the app's own.
    pub fn make(&self, given: &Given) -> Option<Request> {
        let Thing::User(user) = &given.is else { return None };
        let mut user = user.as_object()?.clone();
        user.remove("groups");
        Some(Request::new("POST", "/Users".into(), Some(user.into())))
    }

    /// Returns the requests that put somebody who was made into the groups in which they were.
    pub fn join(&self, given: &Given) -> Vec<Request> {
        let Thing::User(user) = &given.is else { return Vec::new() };
        let groups = user["groups"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let member = self.fill(&format!("{{{}}}", given.name));
        let add = json!({ "schemas": [crate::PATCH_OP],
            "Operations": [{ "op": "add", "path": "members", "value": [{ "value": member }] }] });
        groups.map(|group| Request::new("PATCH", format!("/Groups/{}", self.fill(group)), Some(add.clone()))).collect()
    }

    /// Returns the request that comes next.
    pub fn request(&self, exchange: &Exchange) -> Request {
        let fill_header = |header: &Header| Header { name: header.name.clone(), says: self.fill(&header.says) };
        Request {
            method: exchange.method.clone(),
            path: self.fill(&exchange.path),
            headers: exchange.headers.iter().map(fill_header).collect(),
            body: self.fill(&exchange.body),
        }
    }

    /// Tells what differs of an answer, and keeps what later requests speak of.
    pub fn judge(&mut self, exchange: &Exchange, status: u16, answer: &Value) -> Vec<Difference> {
        let mut found = Vec::new();
        if status != exchange.status {
            let told = answer["detail"].as_str().map_or_else(String::new, |detail| format!(": {detail}"));
            found.push(("status".to_owned(), Some(exchange.status.to_string()), Some(format!("{status}{told}"))));
        } else {
            for wanted in &exchange.wanted {
                if let Wanted::Kept { path, name } = wanted {
                    self.kept.insert(name.clone(), plain(at(answer, path)));
                }
            }
            for wanted in &exchange.wanted {
                let Wanted::Is { path, value } = wanted else { continue };
                let (was, is) = (self.fill(value), plain(at(answer, path)));
                if was != is {
                    found.push((path.clone(), Some(was), Some(is)));
                }
            }
            if let Some(was) = &exchange.answer {
                self.compare("", was, answer, &mut found);
            }
        }
        let request = format!("{} {}", exchange.method, exchange.path);
        let difference = |(what, was, is)| Difference { line: exchange.line, request: request.clone(), what, was, is };
        found.into_iter().map(difference).collect()
    }

    fn compare(&self, place: &str, was: &Value, is: &Value, found: &mut Vec<(String, Option<String>, Option<String>)>) {
        let within = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        match (was, is) {
            (Value::Object(before), Value::Object(after)) => {
                for (name, was) in before {
                    match after.get(name) {
                        Some(is) => self.compare(&within(name), was, is, found),
                        None => found.push((within(name), Some(self.fill(&plain(was))), None)),
                    }
                }
                let new = after.iter().filter(|(name, _)| !before.contains_key(*name));
                let new = new.filter(|(name, _)| !PASSED_OVER.contains(&name.as_str()) && !is_list(before, name));
                let new = new.filter(|(name, _)| !name.ends_with(PROVISIONING));
                found.extend(new.map(|(name, is)| (within(name), None, Some(plain(is)))));
            }
            (Value::Array(before), Value::Array(after)) if place.ends_with("schemas") => {
                let told = |all: &[Value]| -> Vec<String> {
                    all.iter().map(plain).filter(|urn| !urn.ends_with(PROVISIONING)).collect()
                };
                if told(before) != told(after) {
                    found.push((place.to_owned(), Some(plain(was)), Some(plain(is))));
                }
            }
            (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
                let pairs = before.iter().zip(after).enumerate();
                pairs.for_each(|(at, (was, is))| self.compare(&within(&at.to_string()), was, is, found));
            }
            (Value::String(text), is) => {
                let filled = self.fill(text);
                // An id that nobody could tell may be any.
                if !is_open(&filled) && is.as_str() != Some(&filled) {
                    found.push((place.to_owned(), Some(filled), Some(plain(is))));
                }
            }
            (was, is) if was != is => found.push((place.to_owned(), Some(self.fill(&plain(was))), Some(plain(is)))),
            _ => {}
        }
    }

    fn fill(&self, text: &str) -> String {
        self.kept.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }
}

/// Tells whether a list of everybody was recorded without those in it.
fn is_list(before: &serde_json::Map<String, Value>, name: &str) -> bool {
    before.contains_key("startIndex") && ["Resources", "totalResults", "itemsPerPage"].contains(&name)
}

/// Tells whether a text still holds a name such as `{u3}`.
fn is_open(text: &str) -> bool {
    text.match_indices('{').any(|(at, _)| {
        let rest = &text[at + 1..];
        let end = rest.find('}').unwrap_or(0);
        let mut letters = rest[..end].chars();
        matches!(letters.next(), Some('u' | 'g' | 't')) && end > 1 && letters.all(|letter| letter.is_ascii_digit())
    })
}

fn encoded(byte: u8) -> String {
    match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

/// Finds `Resources.0.id` in an answer; what is not there is null.
fn at<'v>(answer: &'v Value, path: &str) -> &'v Value {
    answer.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or(&Value::Null)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recording;
    use serde_json::json;

    fn recording() -> Recording {
        Recording::read(
            "POST /Users\n{\"userName\":\"a\"}\n201 id>u1 active=true\n< {\"id\":\"{u1}\",\"active\":true,\"manager\":\"{u9}\",\"meta\":{\"location\":\"{base}/Users/{u1}\"}}\n\
             GET /Users/{u1}\n200\n< {\"startIndex\":1}\n",
        )
        .unwrap()
    }

    fn made() -> Value {
        json!({"id": "42", "active": true, "manager": "7",
            "meta": {"location": "https://x/Users/42", "version": "1", "created": "now"}})
    }

    #[test]
    fn the_same_answer_with_other_ids_and_moments_is_the_same() {
        let (recording, mut replay) = (recording(), Replay::new("https://x"));
        let [post, get] = recording.exchanges.as_slice() else { panic!() };
        assert_eq!(replay.judge(post, 201, &made()), []);
        assert_eq!(replay.request(get).path, "/Users/42");
        let list = json!({"startIndex": 1, "totalResults": 9, "Resources": []});
        assert_eq!(replay.judge(get, 200, &list), []);
    }

    #[test]
    fn who_was_there_is_found_or_made_and_put_into_their_groups() {
        let user = json!({"userName": "a b@x.example", "groups": ["{g1}"]});
        let given = Given { name: "u1".into(), is: Thing::User(user) };
        let mut replay = Replay::new("https://x");
        let filter = "/Users?excludedAttributes=members&filter=userName%20eq%20%22a%20b%40x.example%22";
        assert_eq!(replay.find(&given).path, filter);
        assert_eq!(replay.make(&given).unwrap().body, "{\"userName\":\"a b@x.example\"}");
        replay.give("u1", "42".into());
        replay.give("g1", "7".into());
        let [join] = replay.join(&given).try_into().unwrap();
        assert_eq!((join.path.as_str(), join.body.contains("\"value\":\"42\"")), ("/Groups/7", true));
    }

    #[test]
    fn each_difference_is_told_with_its_place() {
        let (recording, mut replay) = (recording(), Replay::new("https://x"));
        let mut answer = made();
        answer["active"] = false.into();
        answer["title"] = "new".into();
        answer["meta"]["location"] = "https://y/Users/42".into();
        let found = replay.judge(&recording.exchanges[0], 201, &answer);
        let told: Vec<_> = found.iter().map(|one| (one.what.as_str(), one.was.as_deref(), one.is.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("active", Some("true"), Some("false")),
                ("active", Some("true"), Some("false")),
                ("meta.location", Some("https://x/Users/42"), Some("https://y/Users/42")),
                ("title", None, Some("new")),
            ]
        );
        assert_eq!((found[0].line, found[0].request.as_str()), (1, "POST /Users"));
        let refused = replay.judge(&recording.exchanges[0], 409, &json!({"detail": "taken"}));
        assert_eq!((refused[0].what.as_str(), refused[0].is.as_deref()), ("status", Some("409: taken")));
    }
}
