//! Microsoft Entra ID: people behind short-lived tokens, who show only what `$select` names. Pages are reached by the
//! address that the one before gave, may be empty in the middle, and leave out whoever was deleted, whom another list has.

use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::entra_delta::Places;
use super::okta::{form, moment};
use super::people::{Known, People, Standing};
use crate::credentials::{ENTRA_CLIENT, ENTRA_READ_CLIENT, Right, bearer, client};
use crate::exchange::{Call, Reply};
use crate::paging::{Seal, digest};
use crate::tokens::Tokens;

/// Records a page, however many are asked for.
const PAGE_MAX: usize = 200;
const TOP_MAX: usize = 999;
const SHOWN_UNASKED: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// The tenant.
pub(super) struct Entra {
    seal: Seal,
    tokens: Tokens,
    places: Places,
}

impl Entra {
    pub fn new() -> Self {
        Entra { seal: Seal(digest(&"entra")), tokens: Tokens::default(), places: Places::default() }
    }

    fn hand_out(&mut self, call: &Call) -> Reply {
        let form = super::form_of(call);
        let word = |key: &str| form.get(key).map(String::as_str).unwrap_or_default();
        let denied = |status, error: &str| Reply::new(status, json!({"error": error, "error_description": "AADSTS"}));
        if word("grant_type") != "client_credentials" {
            return denied(StatusCode::BAD_REQUEST, "unsupported_grant_type");
        }
        if word("scope") != "https://graph.microsoft.com/.default" {
            return denied(StatusCode::BAD_REQUEST, "invalid_scope");
        }
        match client((word("client_id"), word("client_secret")), ENTRA_CLIENT, ENTRA_READ_CLIENT) {
            Some(right) => {
                let (token, seconds) = self.tokens.issue(right, Instant::now());
                Reply::ok(json!({"token_type": "Bearer", "expires_in": seconds, "access_token": token}))
            }
            None => denied(StatusCode::UNAUTHORIZED, "invalid_client"),
        }
    }

    fn list(&self, call: &Call, people: &People, deleted: bool) -> Reply {
        let top = match call.query("$top").map(str::parse::<usize>) {
            None => 100,
            Some(Ok(top)) if (1..=TOP_MAX).contains(&top) => top.min(PAGE_MAX),
            Some(_) => return bad("Invalid page size specified. Must be between 1 and 999 inclusive."),
        };
        let filter = call.query("$filter").unwrap_or_default();
        let email = filter.strip_prefix("mail eq '").and_then(|rest| rest.strip_suffix('\''));
        if !matches!(filter, "" | "userType eq 'Member'") && email.is_none() {
            return bad("Invalid filter clause");
        }
        let scope = format!("{deleted} {filter}");
        // An even place is one behind which to go on; an odd one comes first, and leads to a page without records.
        let place = match call.query("$skiptoken").map(|token| self.seal.open(&scope, token)) {
            None => 0,
            Some(Some(place)) => place,
            Some(None) => return bad("Skip token is not valid"),
        };
        let (after, empty) = (place / 2, place % 2 == 1);
        let takes = |known: &&Known| {
            (known.standing == Standing::Deactivated) == deleted
                && known.number as i64 > after
                && email.is_none_or(|email| known.email.eq_ignore_ascii_case(email))
        };
        let rows: Vec<&Known> = people.iter().filter(takes).collect();
        let page = if empty { &[][..] } else { &rows[..rows.len().min(top)] };
        let next = match (empty, page.last()) {
            (true, _) => Some(after * 2),
            (false, Some(last)) if rows.len() > page.len() => Some(last.number as i64 * 2 + 1),
            _ => None,
        };
        let mut body = json!({
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users",
            "value": page.iter().map(|known| shown(known, people, call)).collect::<Vec<_>>(),
        });
        if let Some(next) = next {
            let here = call.url.split('?').next().unwrap_or_default();
            let kept = ["$select", "$expand", "$filter", "$top"];
            let same: Vec<&(String, String)> =
                call.query.iter().filter(|(key, _)| kept.contains(&key.as_str())).collect();
            let token = self.seal.close(&scope, next);
            body["@odata.nextLink"] = json!(format!("{here}?$skiptoken={token}{}", form(&same)));
        }
        Reply::ok(body)
    }
}

impl super::Imitation for Entra {
    fn tokens(&mut self) -> &mut Tokens {
        &mut self.tokens
    }

    fn forget_places(&mut self) {
        self.places.forget();
    }

    fn answer(&mut self, call: &Call, headers: &HeaderMap, people: &mut People) -> Reply {
        let path = call.path();
        if let (Method::POST, [_, "oauth2", "v2.0", "token"]) = (call.method.clone(), path.as_slice()) {
            return self.hand_out(call);
        }
        let Some(right) = bearer(headers).and_then(|token| self.tokens.right(token, Instant::now())) else {
            return refuse(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", "Access token is empty.");
        };
        match (call.method.clone(), path.as_slice()) {
            (Method::GET, ["v1.0", "users", "delta"]) => self.places.tell(call, people, self.seal),
            (Method::GET, ["v1.0", "users"]) => self.list(call, people, false),
            (Method::GET, ["v1.0", "directory", "deletedItems", "microsoft.graph.user"]) => {
                self.list(call, people, true)
            }
            (Method::GET, ["v1.0", "users", id]) => match present(people, id) {
                Some(known) => Reply::ok(shown(known, people, call)),
                None => not_found(id),
            },
            (Method::POST, ["v1.0", "users", _, "revokeSignInSessions"]) if right == Right::Read => {
                let text = "Insufficient privileges to complete the operation.";
                refuse(StatusCode::FORBIDDEN, "Authorization_RequestDenied", text)
            }
            (Method::POST, ["v1.0", "users", id, "revokeSignInSessions"]) => {
                let Some(number) = present(people, id).map(|known| known.number) else { return not_found(id) };
                people.end_sessions(number, true);
                Reply::ok(
                    json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#Edm.Boolean", "value": true}),
                )
            }
            _ => not_found(&call.segments.join("/")),
        }
    }
}

pub(super) fn id(number: u64) -> String {
    let mark = digest(&("entra", number));
    format!("{:08x}-{:04x}-4000-8000-{number:012x}", mark >> 32, mark & 0xffff)
}

fn present<'p>(people: &'p People, named: &str) -> Option<&'p Known> {
    let fits = |known: &&Known| id(known.number) == named || known.email.eq_ignore_ascii_case(named);
    people.iter().filter(|known| known.standing != Standing::Deactivated).find(fits)
}

fn shown(known: &Known, people: &People, call: &Call) -> Value {
    let mut record = selected(known, call.query("$select"));
    let expands = call.query("$expand").is_some_and(|expand| expand.starts_with("manager("));
    if let Some(manager) = people.manager(known).filter(|_| expands) {
        record["manager"] = json!({
            "@odata.type": "#microsoft.graph.user",
            "id": id(manager.number),
            "employeeId": manager.employee_id,
            "mail": manager.email,
        });
    }
    record
}

/// Returns what a request selects of a record.
pub(super) fn selected(known: &Known, select: Option<&str>) -> Value {
    let enabled = matches!(known.standing, Standing::Active | Standing::Locked | Standing::Staged);
    let deleted = (known.standing == Standing::Deactivated).then(|| moment(known.updated_ms));
    let everything = json!({
        "id": id(known.number),
        "accountEnabled": enabled,
        "createdDateTime": moment(known.created_ms),
        "deletedDateTime": deleted,
        "userPrincipalName": known.email,
        "mail": known.email,
        "givenName": known.given_name,
        "surname": known.family_name,
        "displayName": known.name(),
        "employeeId": known.employee_id,
        "employeeType": known.employment,
        "employeeHireDate": moment(known.created_ms),
        "employeeLeaveDateTime": Value::Null,
        "department": known.department,
        "companyName": "Acme",
        "jobTitle": known.title,
        "officeLocation": known.location,
        "businessPhones": known.phone.iter().collect::<Vec<_>>(),
        "mobilePhone": Value::Null,
        "preferredLanguage": known.locale,
        "userType": "Member",
    });
    let asked: Vec<&str> = select.map_or_else(|| SHOWN_UNASKED.to_vec(), |select| select.split(',').collect());
    let Value::Object(everything) = everything else { return Value::Null };
    Value::Object(everything.into_iter().filter(|(key, _)| asked.contains(&key.as_str())).collect::<Map<_, _>>())
}

pub(super) fn refuse(status: StatusCode, code: &str, message: &str) -> Reply {
    Reply::new(status, json!({"error": {"code": code, "message": message, "innerError": {"request-id": "0"}}}))
}

pub(super) fn bad(message: &str) -> Reply {
    refuse(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
}

fn not_found(what: &str) -> Reply {
    let text =
        format!("Resource '{what}' does not exist or one of its queried reference-property objects are not present.");
    refuse(StatusCode::NOT_FOUND, "Request_ResourceNotFound", &text)
}
