//! OneLogin: bare lists behind short-lived tokens, whose next page is told in a header. Where somebody stands lies on two
//! axes, status and state, and whoever is deleted is in no list any more. Sessions end in the first version of the API only.

use axum::http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::okta::moment;
use super::people::{Known, People, Standing};
use crate::credentials::{ONELOGIN_CLIENT, ONELOGIN_READ_CLIENT, Right, basic, bearer, client};
use crate::exchange::{Call, Reply};
use crate::paging::{Seal, digest};
use crate::tokens::Tokens;

const PAGE_MAX: usize = 100;

/// The account.
pub(super) struct OneLogin {
    seal: Seal,
    tokens: Tokens,
}

impl OneLogin {
    pub fn new() -> Self {
        OneLogin { seal: Seal(digest(&"onelogin")), tokens: Tokens::default() }
    }

    fn hand_out(&mut self, call: &Call, headers: &HeaderMap) -> Reply {
        let asked = super::form_of(call);
        let shown = basic(headers).unwrap_or_default();
        let right = client((&shown.0, &shown.1), ONELOGIN_CLIENT, ONELOGIN_READ_CLIENT);
        match right.filter(|_| asked.get("grant_type").map(String::as_str) == Some("client_credentials")) {
            Some(right) => {
                let (token, seconds) = self.tokens.issue(right, Instant::now());
                Reply::ok(json!({"access_token": token, "expires_in": seconds, "token_type": "bearer"}))
            }
            None => refuse(StatusCode::UNAUTHORIZED, "UnauthorizedError", "Authentication Failure"),
        }
    }

    fn list(&self, call: &Call, people: &People) -> Reply {
        let limit = match call.query("limit").map(str::parse::<usize>) {
            None => 50,
            Some(Ok(limit)) if (1..=PAGE_MAX).contains(&limit) => limit,
            Some(_) => return bad("limit must be between 1 and 100"),
        };
        let since = match call.query("updated_since").map(str::parse::<Timestamp>) {
            None => i64::MIN,
            Some(Ok(since)) => since.as_millisecond(),
            Some(Err(_)) => return bad("updated_since must be a date in ISO 8601"),
        };
        let email = call.query("email");
        let scope = format!("{since} {email:?}");
        let after = match call.query("cursor").map(|cursor| self.seal.open(&scope, cursor)) {
            None => 0,
            Some(Some(place)) => place,
            Some(None) => return bad("cursor is invalid"),
        };
        let takes = |known: &&Known| {
            known.number as i64 > after
                && known.updated_ms > since
                && email.is_none_or(|email| known.email.eq_ignore_ascii_case(email))
        };
        let rows: Vec<&Known> = people.iter().filter(takes).collect();
        let page = &rows[..rows.len().min(limit)];
        let reply = Reply::ok(page.iter().map(|known| shown(known, people)).collect());
        match page.last().filter(|_| rows.len() > page.len()) {
            Some(last) => reply.header("after-cursor", &self.seal.close(&scope, last.number as i64)),
            None => reply,
        }
    }
}

impl super::Imitation for OneLogin {
    fn tokens(&mut self) -> &mut Tokens {
        &mut self.tokens
    }

    fn answer(&mut self, call: &Call, headers: &HeaderMap, people: &mut People) -> Reply {
        let path = call.path();
        if let (Method::POST, ["auth", "oauth2", "v2", "token"]) = (call.method.clone(), path.as_slice()) {
            return self.hand_out(call, headers);
        }
        let Some(right) = bearer(headers).and_then(|token| self.tokens.right(token, Instant::now())) else {
            return refuse(StatusCode::UNAUTHORIZED, "UnauthorizedError", "Unauthorized");
        };
        let find = |people: &People, id: &str| {
            let number = id.parse::<u64>().ok()?.checked_sub(FIRST)?;
            people.get(number).map(|known| known.number)
        };
        match (call.method.clone(), path.as_slice()) {
            (Method::GET, ["api", "2", "users"]) => self.list(call, people),
            (Method::GET, ["api", "2", "users", id]) => match find(people, id).and_then(|number| people.get(number)) {
                Some(known) => Reply::ok(shown(known, people)),
                None => not_found(),
            },
            (Method::PUT, ["api", "1", "users", _, "logout"]) if right == Right::Read => {
                refuse(StatusCode::FORBIDDEN, "ForbiddenError", "Insufficient Permissions")
            }
            (Method::PUT, ["api", "1", "users", id, "logout"]) => {
                let Some(number) = find(people, id) else { return not_found() };
                people.end_sessions(number, true);
                Reply::ok(json!({"status": {"error": false, "code": 200, "type": "success", "message": "Success"}}))
            }
            _ => not_found(),
        }
    }
}

const FIRST: u64 = 51_000_000;

fn shown(known: &Known, people: &People) -> Value {
    let (status, state) = match known.standing {
        Standing::Staged => (0, 1),
        Standing::Active => (1, 1),
        Standing::Locked => (3, 1),
        Standing::Suspended => (2, 1),
        Standing::Deactivated => (1, 3),
    };
    json!({
        "id": FIRST + known.number,
        "username": known.email,
        "email": known.email,
        "firstname": known.given_name,
        "lastname": known.family_name,
        "external_id": Value::Null,
        "department": known.department,
        "company": "Acme",
        "title": known.title,
        "manager_user_id": people.manager(known).map(|manager| FIRST + manager.number),
        "phone": known.phone,
        "preferred_locale_code": known.locale,
        "custom_attributes": {"employee_id": known.employee_id},
        "status": status,
        "state": state,
        "created_at": moment(known.created_ms),
        "updated_at": moment(known.updated_ms),
    })
}

fn refuse(status: StatusCode, name: &str, message: &str) -> Reply {
    Reply::new(status, json!({"statusCode": status.as_u16(), "name": name, "message": message}))
}

fn bad(message: &str) -> Reply {
    refuse(StatusCode::BAD_REQUEST, "BadRequestError", message)
}

fn not_found() -> Reply {
    refuse(StatusCode::NOT_FOUND, "NotFoundError", "User not found")
}
