//! The SCIM 2.0 surface that some vendors have beside their REST one: routes, lists, refusals. It works on whatever a
//! tenant offers as a directory, so that both surfaces act on the same records. It is written from the RFCs and the
//! guides alone and knows no vendor.

mod filter;
mod group;
mod patch;
mod user;

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::exchange::{Call, Reply};
pub(crate) use group::Group;
pub(crate) use user::User;

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// How a SCIM body is declared.
pub(crate) const TYPE: &str = "application/scim+json";
const COUNT_MAX: usize = 100;

/// What a vendor's surface has and what it has not.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// By what users may be looked up.
    pub filters: &'static [&'static str],
    /// By what groups may be looked up; without any, there are no groups at all.
    pub group_filters: &'static [&'static str],
    /// The vendor's own schema, and the attributes in it that stick.
    pub extension: Option<(&'static str, &'static [&'static str])>,
    /// Whether the surface describes itself.
    pub config: bool,
    /// Whether a body must be declared as SCIM and not just as JSON.
    pub own_type: bool,
}

/// A tenant's people as SCIM sees them. A refusal is a whole answer.
pub(crate) trait Directory {
    fn rules(&self) -> Rules;
    /// Returns the answer to everything while the surface is shut, as it is without single sign-on.
    fn shut(&self) -> Option<Reply>;
    fn users(&self) -> Vec<User>;
    /// Stores a user; one without an id is new.
    fn save(&mut self, user: User) -> Result<User, Reply>;
    fn drop_user(&mut self, id: &str) -> Result<(), Reply>;
    fn groups(&self) -> Vec<Group> {
        Vec::new()
    }
    /// Stores a group; one without an id is new.
    fn save_group(&mut self, _group: Group) -> Result<Group, Reply> {
        Err(not_allowed())
    }
    fn drop_group(&mut self, _id: &str) -> Result<(), Reply> {
        Err(not_allowed())
    }
}

/// Words a refusal.
pub(crate) fn refuse(status: StatusCode, kind: Option<&str>, detail: &str) -> Reply {
    let mut body = json!({"schemas": [ERROR], "status": status.as_str(), "detail": detail});
    if let Some(kind) = kind {
        body["scimType"] = json!(kind);
    }
    Reply::new(status, body)
}

pub(crate) fn bad(kind: &'static str, detail: &str) -> Reply {
    refuse(StatusCode::BAD_REQUEST, Some(kind), detail)
}

pub(crate) fn missing(id: &str) -> Reply {
    refuse(StatusCode::NOT_FOUND, None, &format!("Resource {id} not found."))
}

pub(crate) fn taken() -> Reply {
    refuse(StatusCode::CONFLICT, Some("uniqueness"), "The value is in use already.")
}

fn not_allowed() -> Reply {
    refuse(StatusCode::METHOD_NOT_ALLOWED, None, "This operation is not supported.")
}

/// Answers a call to the SCIM surface.
pub(crate) fn answer(directory: &mut dyn Directory, call: &Call) -> Reply {
    if let Some(reply) = directory.shut() {
        return reply.typed();
    }
    let rules = directory.rules();
    let answered = match call.path().as_slice() {
        ["Users", rest @ ..] => users(directory, rules, call, rest),
        ["Groups", rest @ ..] if !rules.group_filters.is_empty() => groups(directory, rules, call, rest),
        ["ServiceProviderConfig"] if rules.config && call.method == Method::GET => Ok(Reply::ok(config(rules))),
        _ => Err(refuse(StatusCode::NOT_FOUND, None, "There is no such endpoint.")),
    };
    answered.unwrap_or_else(|refusal| refusal).typed()
}

fn users(directory: &mut dyn Directory, rules: Rules, call: &Call, rest: &[&str]) -> Result<Reply, Reply> {
    let shown = |user: &User| user.show(rules, call);
    match (call.method.clone(), rest) {
        (Method::GET, []) => list(call, directory.users().iter().map(shown).collect(), rules.filters),
        (Method::POST, []) => {
            let user = User::default().read(&body(call, rules)?, rules)?;
            Ok(located(Reply::created(shown(&directory.save(user)?))))
        }
        (Method::GET, [id]) => Ok(Reply::ok(shown(&user(directory, id)?))),
        (Method::PUT, [id]) => {
            let before = user(directory, id)?;
            let body = body(call, rules)?;
            Ok(Reply::ok(shown(&directory.save(before.cleared().read(&body, rules)?)?)))
        }
        (Method::PATCH, [id]) => {
            let before = user(directory, id)?;
            let body = body(call, rules)?;
            let patched = patch::apply(shown(&before), &body, rules)?;
            Ok(Reply::ok(shown(&directory.save(before.cleared().read(&patched, rules)?)?)))
        }
        (Method::DELETE, [id]) => directory.drop_user(id).map(|()| Reply::no_content()),
        (_, [] | [_]) => Err(not_allowed()),
        _ => Err(missing(&rest.join("/"))),
    }
}

fn groups(directory: &mut dyn Directory, rules: Rules, call: &Call, rest: &[&str]) -> Result<Reply, Reply> {
    let bare = call.query("excludedAttributes") == Some("members");
    let shown = |group: &Group| if bare { group.show_bare(call) } else { group.show(call) };
    match (call.method.clone(), rest) {
        (Method::GET, []) => list(call, directory.groups().iter().map(shown).collect(), rules.group_filters),
        (Method::POST, []) => {
            let group = Group::default().read(&body(call, rules)?)?;
            Ok(located(Reply::created(shown(&directory.save_group(group)?))))
        }
        (Method::GET, [id]) => Ok(Reply::ok(shown(&group(directory, id)?))),
        (Method::PUT, [id]) => {
            let before = Group { members: Vec::new(), ..group(directory, id)? };
            let group = before.read(&body(call, rules)?)?;
            Ok(Reply::ok(shown(&directory.save_group(group)?)))
        }
        (Method::PATCH, [id]) => {
            let before = group(directory, id)?;
            let body = body(call, rules)?;
            let patched = patch::apply(before.show(call), &body, rules)?;
            let group = Group { members: Vec::new(), ..before }.read(&patched)?;
            Ok(Reply::ok(shown(&directory.save_group(group)?)))
        }
        (Method::DELETE, [id]) => directory.drop_group(id).map(|()| Reply::no_content()),
        (_, [] | [_]) => Err(not_allowed()),
        _ => Err(missing(&rest.join("/"))),
    }
}

fn user(directory: &dyn Directory, id: &str) -> Result<User, Reply> {
    directory.users().into_iter().find(|user| user.id == id).ok_or_else(|| missing(id))
}

fn group(directory: &dyn Directory, id: &str) -> Result<Group, Reply> {
    directory.groups().into_iter().find(|group| group.id == id).ok_or_else(|| missing(id))
}

fn body(call: &Call, rules: Rules) -> Result<Map<String, Value>, Reply> {
    if !(call.scim_declared || call.json_declared && !rules.own_type) {
        let detail = "Content-Type must be application/scim+json.";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, None, detail));
    }
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(bad("invalidSyntax", "The body must be one JSON object.")),
    }
}

/// Says in a header where a new resource is.
fn located(reply: Reply) -> Reply {
    let location = reply.body.as_ref().and_then(|body| body.pointer("/meta/location")?.as_str().map(String::from));
    location.into_iter().fold(reply, |reply, location| reply.header("location", &location))
}

/// Cuts a page out of the resources that the filter lets through; positions count from one.
fn list(call: &Call, all: Vec<Value>, filters: &[&str]) -> Result<Reply, Reply> {
    let filter = call.query("filter").map(|text| filter::Filter::read(text, filters)).transpose()?;
    let found: Vec<Value> =
        all.into_iter().filter(|one| filter.as_ref().is_none_or(|filter| filter.matches(one))).collect();
    let number = |key: &str, default: usize| match call.query(key) {
        None => Ok(default),
        Some(text) => match text.parse::<i64>() {
            Ok(number) => Ok(number.max(0) as usize),
            Err(_) => Err(bad("invalidValue", &format!("{key} must be a number."))),
        },
    };
    let (start, count) = (number("startIndex", 1)?.max(1), number("count", COUNT_MAX)?.min(COUNT_MAX));
    let total = found.len();
    let page: Vec<Value> = found.into_iter().skip(start - 1).take(count).collect();
    Ok(Reply::ok(json!({"schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": page.len(),
        "Resources": page})))
}

fn config(rules: Rules) -> Value {
    let no = || json!({"supported": false});
    json!({"schemas": [CONFIG], "patch": {"supported": true}, "bulk": no(), "sort": no(), "etag": no(),
        "changePassword": no(), "filter": {"supported": true, "maxResults": COUNT_MAX},
        "authenticationSchemes": [{"type": if rules.own_type { "oauth2" } else { "oauthbearertoken" },
            "name": "Bearer token", "description": "The token of this surface, not the key of the other one."}]})
}
