//! Gives names to the ids of a recording, in the order in which they come: what a request made is known by the name from
//! its answer on, and what was there before stands at the head, so that it can be found or made before the rest is sent.

use super::heard::Recorded;
use super::mask::Of;
use super::{Exchange, Given, Recording, Thing, Wanted};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// As long a pause before a write is one that may matter.
const PAUSE_MS: i64 = 1000;
/// What a server adds to a user by itself. Groups are joined one by one.
const OF_THE_SERVER: [&str; 3] = ["id", "meta", "schemas"];

impl Recording {
    /// Writes down what was recorded before an app. Requests whose body was not understood are left out.
    pub fn of(app: Option<String>, all: &[Recorded]) -> Self {
        let mut naming = Naming { tags: tags(all), ..Naming::default() };
        let client = all.iter().rev().find_map(|recorded| recorded.client.clone());
        let mut recording = Self { client, app, ..Self::default() };
        let mut before_ms = None;
        for recorded in all.iter().filter(|recorded| !recorded.is_unread) {
            let pause_ms = recorded.at_ms - before_ms.replace(recorded.at_ms).unwrap_or(recorded.at_ms);
            let waits = pause_ms >= PAUSE_MS && recorded.method != "GET";
            recording.exchanges.push(Exchange { waits, ..naming.exchange(recorded) });
        }
        recording.given = std::mem::take(&mut naming.given);
        for given in &mut recording.given {
            given.is = naming.named_thing(&given.is);
        }
        recording.given.sort_by_key(|given| matches!(given.is, Thing::User(_)));
        recording
    }
}

/// Lists the versions and cursors that a later request speaks of.
fn tags(all: &[Recorded]) -> BTreeSet<String> {
    let asked = all.iter().map(|recorded| {
        let headers: Vec<&str> = recorded.headers.iter().map(|header| header.says.as_str()).collect();
        format!("{} {}", recorded.target, headers.join(" "))
    });
    asked.flat_map(|text| marks(&text)).filter(|mark| kind(mark) == Some(Of::Tag)).collect()
}

#[derive(Default)]
struct Naming {
    names: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
    known: BTreeSet<String>,
    tags: BTreeSet<String>,
    given: Vec<Given>,
}

impl Naming {
    fn exchange(&mut self, recorded: &Recorded) -> Exchange {
        let body = recorded.body.as_ref().map(Value::to_string).unwrap_or_default();
        let answer = recorded.answer.clone().unwrap_or_default();
        let made = (recorded.method == "POST" && recorded.status == 201).then(|| answer["id"].as_str()).flatten();
        let mut wanted = Vec::new();
        if let Some(made) = made {
            self.known.insert(made.to_owned());
            wanted.push(Wanted::Kept { path: "id".into(), name: self.name(made) });
        }
        let all = format!("{} {body} {answer}", recorded.target);
        for mark in marks(&all) {
            if kind(&mark).is_some_and(|of| of != Of::Tag) && self.known.insert(mark.clone()) {
                let is = thing(recorded, &mark);
                let name = self.name(&mark);
                self.given.push(Given { name, is });
            }
        }
        for (path, pointer) in [("meta.version", "/meta/version"), ("nextCursor", "/nextCursor")] {
            let tag = answer.pointer(pointer).and_then(Value::as_str).filter(|tag| self.tags.contains(*tag));
            wanted.extend(tag.map(|tag| Wanted::Kept { path: path.into(), name: self.name(tag) }));
        }
        let headers = recorded.headers.iter().map(|header| {
            let mut header = header.clone();
            header.says = self.named(&header.says);
            header
        });
        let headers = headers.collect();
        let without_tags = recorded.answer.as_ref().map(without_tags);
        let answer = without_tags.and_then(|answer| serde_json::from_str(&self.named(&answer.to_string())).ok());
        Exchange {
            line: 0,
            waits: false,
            method: recorded.method.clone(),
            path: self.named(&recorded.target),
            headers,
            body: self.named(&body),
            status: recorded.status,
            wanted,
            answer,
        }
    }

    /// Names the groups of somebody who was there.
    fn named_thing(&mut self, is: &Thing) -> Thing {
        match is {
            Thing::User(user) => Thing::User(serde_json::from_str(&self.named(&user.to_string())).unwrap_or_default()),
            group => group.clone(),
        }
    }

    fn name(&mut self, mark: &str) -> String {
        let letter = match kind(mark) {
            Some(Of::User) => "u",
            Some(Of::Group) => "g",
            _ => "t",
        };
        if let Some(name) = self.names.get(mark) {
            return name.clone();
        }
        let count = self.counts.entry(letter).or_default();
        *count += 1;
        let name = format!("{letter}{count}");
        self.names.insert(mark.to_owned(), name.clone());
        name
    }

    fn named(&mut self, text: &str) -> String {
        marks(text).into_iter().fold(text.to_owned(), |text, mark| {
            let name = format!("{{{}}}", self.name(&mark));
            text.replace(&mark, &name)
        })
    }
}

/// Finds what a thing looks like that was there before.
fn thing(recorded: &Recorded, mark: &str) -> Thing {
    let answer = recorded.answer.as_ref();
    let found = answer.and_then(|answer| find(answer, mark));
    let text = |name: &str| found.and_then(|found| found.get(name)?.as_str());
    match kind(mark) {
        Some(Of::Group) => {
            let is_asked = recorded.target.contains(mark);
            let name = text("displayName").or(text("display")).or(recorded.group.as_deref().filter(|_| is_asked));
            Thing::Group(name.unwrap_or("not told").to_owned())
        }
        _ => Thing::User(user(found, mark)),
    }
}

/// Returns somebody as they can be made.
fn user(found: Option<&Map<String, Value>>, mark: &str) -> Value {
    let known = found.filter(|found| found.contains_key("userName"));
    let mut user = known.cloned().unwrap_or_else(|| {
        let digits: String = mark.chars().filter(char::is_ascii_hexdigit).collect();
        let login = format!("somebody-{digits}@masked.example");
        Map::from_iter([("userName".to_owned(), login.into()), ("active".to_owned(), true.into())])
    });
    let groups = user.remove("groups");
    user.retain(|name, value| !OF_THE_SERVER.contains(&name.as_str()) && marks(&value.to_string()).is_empty());
    user.retain(|name, _| !name.ends_with(":Provisioning"));
    let groups: Vec<Value> = groups.iter().flat_map(|all| all.as_array().cloned().unwrap_or_default()).collect();
    let groups: Vec<Value> = groups.iter().filter_map(|group| group.get("value").cloned()).collect();
    if !groups.is_empty() {
        user.insert("groups".into(), groups.into());
    }
    Value::Object(user)
}

/// Finds the object whose `id` or `value` this is.
fn find<'v>(value: &'v Value, mark: &str) -> Option<&'v Map<String, Value>> {
    match value {
        Value::Object(object) => {
            let is = ["id", "value"].iter().any(|name| object.get(*name).and_then(Value::as_str) == Some(mark));
            if is { Some(object) } else { object.values().find_map(|inner| find(inner, mark)) }
        }
        Value::Array(all) => all.iter().find_map(|one| find(one, mark)),
        _ => None,
    }
}

/// Takes versions and cursors out of an answer.
fn without_tags(answer: &Value) -> Value {
    match answer {
        Value::Object(object) => {
            let lasting =
                object.iter().filter(|(_, value)| value.as_str().is_none_or(|text| !text.starts_with("{tag:")));
            lasting.map(|(name, value)| (name.clone(), without_tags(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(all) => all.iter().map(without_tags).collect(),
        plain => plain.clone(),
    }
}

fn kind(mark: &str) -> Option<Of> {
    [Of::User, Of::Group, Of::Tag].into_iter().find(|of| mark.starts_with(&format!("{{{}:", of.as_str())))
}

/// Lists the ids that a text speaks of, in order.
fn marks(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let starts = text.match_indices('{').map(|(at, _)| &text[at..]);
    for start in starts {
        let Some(end) = start.find('}') else { continue };
        let mark = &start[..=end];
        let digits = mark.split_once(':').map_or("", |(_, digits)| digits.trim_end_matches('}'));
        let is_mark = kind(mark).is_some() && digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_mark && !all.iter().any(|known| known == mark) {
            all.push(mark.to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::{Header, Heard, Mask};
    use super::*;
    use serde_json::json;

    fn told(mask: &Mask, at_ms: i64, asked: (&str, &str, &str), status: u16, answer: &Value) -> Recorded {
        let (method, target, body) = asked;
        let headers = [Header { name: "If-Match".into(), says: "W/\"1\"".into() }];
        let headers = if method == "PUT" { &headers[..] } else { &[] };
        let answer = Some(answer).filter(|answer| !answer.is_null());
        mask.recorded(&Heard {
            at_ms,
            method,
            target,
            headers,
            body: body.as_bytes(),
            status,
            answer,
            group: Some("Crew"),
        })
    }

    #[test]
    fn what_was_made_is_known_by_its_answer_and_what_was_there_is_given() {
        let mask = Mask { key: b"key".to_vec(), known: ["crew".to_owned()].into(), base: "https://x".into() };
        let jane = json!({"id": "9", "userName": "jane@acme.com", "meta": {"version": "W/\"1\"", "location": "https://x/Users/9"}});
        let bob = json!({"totalResults": 1, "Resources": [{"id": "4", "userName": "bob@acme.com", "groups": [{"value": "7", "display": "Crew"}]}]});
        let recording = Recording::of(
            Some("desk".into()),
            &[
                told(&mask, 0, ("POST", "/Users", "{\"userName\":\"jane@acme.com\"}"), 201, &jane),
                told(&mask, 500, ("PUT", "/Users/9", "{\"id\":\"9\"}"), 200, &jane),
                told(
                    &mask,
                    2000,
                    (
                        "PATCH",
                        "/Groups/7",
                        "{\"Operations\":[{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"9\"}]}]}",
                    ),
                    204,
                    &Value::Null,
                ),
                told(&mask, 2100, ("GET", "/Users?filter=userName%20eq%20%22bob@acme.com%22", ""), 200, &bob),
            ],
        );
        let text = recording.to_string();
        assert_eq!(Recording::read(&text).unwrap().to_string(), text);
        assert!(
            text.starts_with("@ app desk\n@ given g1 group Crew\n@ given u2 user {\"groups\":[\"{g1}\"],\"userName\":"),
            "{text}"
        );
        let [post, put, patch, get] = recording.exchanges.as_slice() else { panic!("{text}") };
        assert!(post.to_string().contains("\n201 id>u1 meta.version>t1\n"), "{text}");
        assert!(post.to_string().contains("\"location\":\"{base}/Users/{u1}\""), "{text}");
        assert_eq!((put.path.as_str(), put.headers[0].says.as_str(), put.waits), ("/Users/{u1}", "{t1}", false));
        assert!(patch.waits && patch.path == "/Groups/{g1}" && patch.body.contains("\"value\":\"{u1}\""), "{text}");
        assert!(get.to_string().contains("\"value\":\"{g1}\"") && get.wanted.is_empty(), "{text}");
        assert!(
            !["jane", "bob", "acme", "{user:", "{group:", "{tag:"].iter().any(|word| text.contains(word)),
            "{text}"
        );
    }
}
