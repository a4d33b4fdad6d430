//! Okta: people behind an SSWS token or the token of a service app, lists that hide whoever was deactivated, pages linked by an opaque cursor, filters
//! that are read to the letter, a rate told in headers. Sessions end with DELETE; the tokens of apps only when that asks
//! for it.

use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::okta_token::Desk;
use super::people::{Known, People, Standing};
use crate::credentials::{OKTA_READ_TOKEN, OKTA_TOKEN, OWNER_EMAIL, Right, bearer};
use crate::exchange::{Call, Reply};
use crate::paging::{Seal, by_cursor};
use crate::tokens::Tokens;
use crate::{Limits, clock};

/// Requests a minute that one token gets, which is half of what the org has.
const PER_MINUTE: u64 = 300;
const MINUTE_S: u64 = 60;
const LIMIT_MAX: usize = 200;

/// The org.
pub(super) struct Okta {
    seal: Seal,
    limited: bool,
    /// The minute that is counted, and the requests in it.
    minute: (u64, u64),
    desk: Desk,
}

impl Okta {
    pub fn new(limits: Limits) -> Self {
        Okta {
            seal: Seal(crate::paging::digest(&"okta")),
            limited: limits != Limits::Off,
            minute: (0, 0),
            desk: Desk::default(),
        }
    }

    /// Counts a request; returns what is left and when the minute ends, in seconds since 1970.
    fn count(&mut self) -> (Option<u64>, u64) {
        let now: Duration = clock::since_epoch();
        let minute = now.as_secs() / MINUTE_S;
        if self.minute.0 != minute {
            self.minute = (minute, 0);
        }
        let reset = (minute + 1) * MINUTE_S;
        if self.limited && self.minute.1 >= PER_MINUTE {
            return (None, reset);
        }
        self.minute.1 += 1;
        (Some(PER_MINUTE.saturating_sub(self.minute.1)), reset)
    }

    fn list(&self, call: &Call, people: &People) -> Reply {
        let limit = match call.query("limit").map(str::parse::<usize>) {
            None => LIMIT_MAX,
            Some(Ok(limit)) if limit > 0 => limit.min(LIMIT_MAX),
            Some(_) => return refuse(StatusCode::BAD_REQUEST, "E0000001", "Api validation failed: limit"),
        };
        let asked: Vec<&(String, String)> =
            call.query.iter().filter(|(name, _)| matches!(name.as_str(), "filter" | "search")).collect();
        let filter = match asked.as_slice() {
            [] => Some(Filter::Present),
            [(_, text)] => Filter::read(text),
            _ => None,
        };
        let Some(filter) = filter else {
            return refuse(StatusCode::BAD_REQUEST, "E0000031", "Invalid search criteria.");
        };
        let scope = asked.first().map_or("", |(_, text)| text);
        let after = match call.query("after").map(|cursor| self.seal.open(scope, cursor)) {
            None => 0,
            Some(Some(place)) => place,
            Some(None) => return refuse(StatusCode::BAD_REQUEST, "E0000001", "Api validation failed: after"),
        };
        let rows = people.iter().map(|known| (known.number as i64, known));
        let rows = rows.filter(|(place, known)| *place > after && filter.takes(known));
        let page = by_cursor(rows, self.seal, scope, limit);
        let reply = Reply::ok(page.items.iter().map(|known| shown(known)).collect());
        let (here, own) = (call.url.split('?').next().unwrap_or_default(), form(&asked));
        let reply = reply.header("link", &format!("<{}>; rel=\"self\"", call.url));
        match page.next {
            Some(next) => reply.header("link", &format!("<{here}?after={next}&limit={limit}{own}>; rel=\"next\"")),
            None => reply,
        }
    }

    fn end_sessions(call: &Call, people: &mut People, id: &str) -> Reply {
        let Some(number) = number_of(people, id) else { return not_found(id) };
        people.end_sessions(number, call.query("oauthTokens") == Some("true"));
        Reply::no_content()
    }

    /// Returns who asks: whether they may write, and whether they act as a user. A service app does not.
    fn asker(&self, headers: &HeaderMap) -> Option<(bool, bool)> {
        let token = headers.get("authorization").and_then(|value| value.to_str().ok());
        match token.and_then(|token| token.strip_prefix("SSWS ")) {
            Some(OKTA_TOKEN) => Some((true, true)),
            Some(OKTA_READ_TOKEN) => Some((false, true)),
            Some(_) => None,
            None => Some((self.desk.tokens.right(bearer(headers)?, Instant::now())? == Right::Write, false)),
        }
    }

    fn perform(&self, call: &Call, people: &mut People, (writes, is_user): (bool, bool)) -> Reply {
        let path = call.path();
        let Some(path) = path.strip_prefix(&["api", "v1"]) else { return not_found(&call.segments.join("/")) };
        match (call.method.clone(), path) {
            (Method::GET, ["users"]) => self.list(call, people),
            (Method::GET, ["users", "me"]) if is_user => Reply::ok(json!({
                "id": "00uowner", "status": "ACTIVE", "profile": {"login": OWNER_EMAIL, "email": OWNER_EMAIL},
            })),
            (Method::GET, ["users", id]) => match number_of(people, id).and_then(|number| people.get(number)) {
                Some(known) => Reply::ok(shown(known)),
                None => not_found(id),
            },
            (Method::DELETE, ["users", _, "sessions"]) if !writes => {
                let text = "You do not have permission to perform the requested action";
                refuse(StatusCode::FORBIDDEN, "E0000006", text)
            }
            (Method::DELETE, ["users", id, "sessions"]) => Self::end_sessions(call, people, id),
            (_, ["users"] | ["users", _] | ["users", _, "sessions"]) => refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "E0000022",
                "The endpoint does not support the provided HTTP method",
            ),
            _ => not_found(&call.segments.join("/")),
        }
    }
}

impl super::Imitation for Okta {
    fn tokens(&mut self) -> &mut Tokens {
        &mut self.desk.tokens
    }

    fn answer(&mut self, call: &Call, headers: &HeaderMap, people: &mut People) -> Reply {
        if call.method == Method::POST && call.path() == ["oauth2", "v1", "token"] {
            return self.desk.hand_out(call);
        }
        let Some(asker) = self.asker(headers) else {
            return refuse(StatusCode::UNAUTHORIZED, "E0000011", "Invalid token provided");
        };
        let (left, reset) = self.count();
        let reply = match left {
            Some(_) => self.perform(call, people, asker),
            None => {
                let text = "API call exceeded rate limit due to too many requests.";
                refuse(StatusCode::TOO_MANY_REQUESTS, "E0000047", text)
            }
        };
        if !self.limited {
            return reply;
        }
        let reply = reply.header("x-rate-limit-limit", &PER_MINUTE.to_string());
        let reply = reply.header("x-rate-limit-remaining", &left.unwrap_or(0).to_string());
        reply.header("x-rate-limit-reset", &reset.to_string())
    }
}

/// The filters that the org understands.
enum Filter {
    /// None: everybody but those who were deactivated.
    Present,
    Status(String),
    UpdatedAfter(i64),
    Email(String),
    Login(String),
}

impl Filter {
    fn read(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        let (property, operator, value) = (words.next()?, words.next()?, words.next()?);
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        match (property, operator) {
            ("status", "eq") => Some(Filter::Status(value.into())),
            // A moment has to be told to the millisecond.
            ("lastUpdated", "gt") if value.len() == "2026-01-31T12:00:00.000Z".len() => {
                Some(Filter::UpdatedAfter(value.parse::<Timestamp>().ok()?.as_millisecond()))
            }
            ("profile.email", "eq") => Some(Filter::Email(value.into())),
            ("profile.login", "eq") => Some(Filter::Login(value.into())),
            _ => None,
        }
    }

    fn takes(&self, known: &Known) -> bool {
        match self {
            Filter::Present => known.standing != Standing::Deactivated,
            Filter::Status(wanted) => status(known.standing) == wanted,
            Filter::UpdatedAfter(moment) => known.updated_ms > *moment,
            Filter::Email(email) | Filter::Login(email) => known.email.eq_ignore_ascii_case(email),
        }
    }
}

fn status(standing: Standing) -> &'static str {
    match standing {
        Standing::Staged => "STAGED",
        Standing::Active => "ACTIVE",
        Standing::Locked => "LOCKED_OUT",
        Standing::Suspended => "SUSPENDED",
        Standing::Deactivated => "DEPROVISIONED",
    }
}

fn id(number: u64) -> String {
    format!("00u{:017x}", crate::paging::digest(&("okta", number)) >> 4 | number)
}

/// Returns whom an id, or a login, names.
fn number_of(people: &People, named: &str) -> Option<u64> {
    let by_id = people.iter().find(|known| id(known.number) == named);
    by_id.or_else(|| people.with_email(named)).map(|known| known.number)
}

pub(super) fn moment(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |moment| format!("{moment:.3}"))
}

fn shown(known: &Known) -> Value {
    json!({
        "id": id(known.number),
        "status": status(known.standing),
        "created": moment(known.created_ms),
        "lastUpdated": moment(known.updated_ms),
        "profile": {
            "login": known.email,
            "email": known.email,
            "secondEmail": Value::Null,
            "firstName": known.given_name,
            "lastName": known.family_name,
            "displayName": known.name(),
            "employeeNumber": known.employee_id,
            "userType": known.employment,
            "department": known.department,
            "title": known.title,
            "city": known.location,
            "managerId": known.manager_id,
            "primaryPhone": known.phone,
            "timezone": known.time_zone,
            "locale": known.locale,
        },
    })
}

/// Writes parameters that go on with the next page.
pub(super) fn form(parameters: &[&(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        let escaped: String = value
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect();
        text.push_str(&format!("&{name}={escaped}"));
    }
    text
}

fn refuse(status: StatusCode, code: &str, summary: &str) -> Reply {
    let body =
        json!({"errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oae0", "errorCauses": []});
    Reply::new(status, body)
}

fn not_found(what: &str) -> Reply {
    refuse(StatusCode::NOT_FOUND, "E0000007", &format!("Not found: Resource not found: {what} (User)"))
}
