//! A request and its answer as they came, and what of them is kept: everything masked, and of an answer only what is the
//! same when the request is sent again. Lists of everybody are not kept, nor who is in a group, nor what an app says in
//! words of its own.

use super::mask::{At, Mask, Of};
use super::{Header, filter};
use crate::client::{Client, Shows};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Headers that say something about a request.
const HEADERS: [&str; 5] = ["content-type", "accept", "if-match", "if-none-match", "user-agent"];
/// So many resources of a list are kept at most.
const LISTED_MAX: usize = 10;
/// What is another thing each time, or said in words of somebody else's.
const FLEETING: [&str; 4] = ["detail", "reason", "members", "documentationUri"];
const MOMENTS: [&str; 2] = ["created", "lastModified"];

/// A request as it came, and how it was answered.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// When (milliseconds since 1970, UTC).
    pub at_ms: i64,
    /// The method.
    pub method: &'a str,
    /// Path and query behind the connection.
    pub target: &'a str,
    /// Its headers, of which only some are kept.
    pub headers: &'a [Header],
    /// The body as it was sent.
    pub body: &'a [u8],
    /// The status of the answer.
    pub status: u16,
    /// The answer, where it has a body.
    pub answer: Option<&'a Value>,
    /// The name of the group that the request is about.
    pub group: Option<&'a str>,
}

/// A request and its answer as they are kept: masked, ids marked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// When (milliseconds since 1970, UTC).
    pub at_ms: i64,
    /// The method.
    pub method: String,
    /// Path and query behind the connection.
    pub target: String,
    /// Headers that matter.
    pub headers: Vec<Header>,
    /// The body; nothing where there was none.
    pub body: Option<Value>,
    /// Whether there was a body that is no JSON, which is not kept.
    #[serde(default)]
    pub is_unread: bool,
    /// The status of the answer.
    pub status: u16,
    /// What of the answer is the same each time.
    pub answer: Option<Value>,
    /// The name of the group that the request is about.
    pub group: Option<String>,
    /// Who it was, as far as that shows.
    pub client: Option<String>,
}

impl Mask {
    /// Masks a request and its answer.
    pub fn recorded(&self, heard: &Heard<'_>) -> Recorded {
        let of = filter::of(heard.target);
        let body: Option<Value> = serde_json::from_slice(heard.body).ok();
        let top = At { parent: "", key: "" };
        let user_agent = heard.headers.iter().find(|header| header.name.eq_ignore_ascii_case("user-agent"));
        let query = heard.target.split_once('?').map_or("", |(_, query)| query);
        let shows = Shows { user_agent: user_agent.map(|is| is.says.as_str()), query, body: body.as_ref(), said: None };
        let client = Client::recognise(shows).map(|is| format!("{} ({})", is.client.as_str(), is.by));
        let answer = heard.answer.and_then(|answer| lasting(answer, heard.target));
        Recorded {
            at_ms: heard.at_ms,
            method: heard.method.to_owned(),
            target: self.target(heard.target),
            headers: heard.headers.iter().filter_map(|header| self.header(header)).collect(),
            is_unread: body.is_none() && !heard.body.is_empty(),
            body: body.map(|body| self.value(of, top, &body)),
            status: heard.status,
            answer: answer.map(|answer| self.value(of, top, &answer)),
            group: heard.group.map(str::to_owned),
            client,
        }
    }

    fn header(&self, header: &Header) -> Option<Header> {
        let name = HEADERS.into_iter().find(|name| header.name.eq_ignore_ascii_case(name))?;
        let says = match name {
            "if-match" | "if-none-match" if header.says != "*" => self.id(Of::Tag, &header.says),
            _ => header.says.clone(),
        };
        Some(Header { name: name.to_owned(), says })
    }
}

/// Returns what of an answer is the same when the request is sent again; nothing where it is a document of the server.
fn lasting(answer: &Value, target: &str) -> Option<Value> {
    let path = target.split('?').next().unwrap_or_default().to_lowercase();
    if ["serviceproviderconfig", "schemas", "resourcetypes", "bulk"].iter().any(|place| path.contains(place)) {
        return None;
    }
    let mut answer = answer.as_object()?.clone();
    let is_filtered = target.to_lowercase().contains("filter=") || path.contains(".search");
    let listed = answer.get("Resources").and_then(Value::as_array).map(Vec::len);
    if listed.is_some_and(|listed| !is_filtered || listed > LISTED_MAX) {
        for name in ["Resources", "totalResults", "itemsPerPage", "nextCursor"] {
            answer.remove(name);
        }
    }
    forget_fleeting(&mut answer);
    Some(Value::Object(answer))
}

fn forget_fleeting(object: &mut Map<String, Value>) {
    object.retain(|name, _| !FLEETING.contains(&name.as_str()));
    if let Some(Value::Object(meta)) = object.get_mut("meta") {
        meta.retain(|name, _| !MOMENTS.contains(&name.as_str()));
    }
    for value in object.values_mut() {
        match value {
            Value::Object(inner) => forget_fleeting(inner),
            Value::Array(all) => all.iter_mut().filter_map(Value::as_object_mut).for_each(forget_fleeting),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn heard<'a>(target: &'a str, answer: &'a Value) -> Heard<'a> {
        let (method, status) = ("GET", 200);
        Heard { at_ms: 1, method, target, headers: &[], body: b"", status, answer: Some(answer), group: None }
    }

    #[test]
    fn nobody_is_kept_who_was_not_asked_for() {
        let mask = Mask { key: b"key".to_vec(), known: Default::default(), base: "https://x".into() };
        let answer = json!({"totalResults": 2, "startIndex": 1, "Resources": [{"userName": "jane@acme.com"}]});
        let all = mask.recorded(&heard("/Users?startIndex=1&count=2", &answer)).answer.unwrap();
        assert_eq!(all, json!({"startIndex": 1}));
        let one = mask.recorded(&heard("/Users?filter=userName%20eq%20%22jane@acme.com%22", &answer));
        assert_eq!(one.answer.unwrap()["Resources"][0]["userName"], mask.text("jane@acme.com"));
        let group = json!({"id": "7", "displayName": "Crew", "members": [{"value": "1"}], "meta": {"created": "x", "version": "v"}});
        let group = mask.recorded(&heard("/Groups/7", &group)).answer.unwrap();
        assert_eq!((group.get("members"), group["meta"].get("created")), (None, None));
        assert_eq!(group["id"], mask.id(Of::Group, "7"));
    }

    #[test]
    fn a_credential_is_no_header_that_is_kept() {
        let mask = Mask { key: b"key".to_vec(), known: Default::default(), base: String::new() };
        let header = |name: &str, says: &str| Header { name: name.into(), says: says.into() };
        let headers = [header("Authorization", "Bearer s3cret"), header("User-Agent", "Okta SCIM Client 1.0.0")];
        let recorded = mask.recorded(&Heard { headers: &headers, ..heard("/Users", &Value::Null) });
        assert_eq!(recorded.headers, [header("user-agent", "Okta SCIM Client 1.0.0")]);
        assert_eq!(recorded.client.as_deref(), Some("Okta (its User-Agent)"));
    }

    #[test]
    fn a_body_that_is_no_json_is_not_kept() {
        let mask = Mask { key: b"key".to_vec(), known: Default::default(), base: String::new() };
        let recorded = mask.recorded(&Heard { body: b"jane", ..heard("/Users", &Value::Null) });
        assert!(recorded.is_unread && recorded.body.is_none(), "{recorded:?}");
    }
}
