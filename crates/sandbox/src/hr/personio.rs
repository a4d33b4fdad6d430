//! The imitated Personio: a token for a client's id and secret, employees in parts of at most a hundred, each attribute with
//! its label beside its value.

use super::{Ask, Office, PERSONIO_ID, PERSONIO_SECRET, Trouble, Worker, list, told};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use jiff::civil::Date;
use serde_json::{Value, json};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100;

pub(super) fn answer(office: &mut Office, rest: &str, ask: &Ask) -> Response {
    if (&ask.method, rest) == (&Method::POST, "v2/auth/token") {
        return token(office, ask);
    }
    let bearer = ask.authorization().and_then(|text| text.strip_prefix("Bearer "));
    if !bearer.is_some_and(|bearer| office.tokens.iter().any(|token| token == bearer)) {
        return told(StatusCode::UNAUTHORIZED, &failure("Authorization token is invalid"));
    }
    match (&ask.method, rest.strip_prefix("v1/company/employees")) {
        (&Method::GET, Some("")) => page(office, ask),
        (&Method::GET, Some(path)) => one(office, path.trim_start_matches('/')),
        _ => told(StatusCode::NOT_FOUND, &failure("not found")),
    }
}

fn failure(message: &str) -> Value {
    json!({"success": false, "error": {"code": 0, "message": message}})
}

fn token(office: &mut Office, ask: &Ask) -> Response {
    let form = String::from_utf8_lossy(&ask.body).into_owned();
    let given = |key: &str| form.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    let fits = given("grant_type") == Some("client_credentials")
        && given("client_id") == Some(PERSONIO_ID)
        && given("client_secret") == Some(PERSONIO_SECRET);
    if !fits {
        return told(StatusCode::UNAUTHORIZED, &json!({"error": "invalid_client"}));
    }
    office.tokens.push(format!("papi-{}", office.tokens.len() + 1));
    told(StatusCode::OK, &json!({"access_token": office.tokens.last(), "token_type": "Bearer", "expires_in": 86400}))
}

fn page(office: &Office, ask: &Ask) -> Response {
    let number = |key: &str| ask.query.get(key).map(|text| text.parse::<usize>());
    let (limit, offset) = match (number("limit").unwrap_or(Ok(LIMIT_DEFAULT)), number("offset").unwrap_or(Ok(0))) {
        (Ok(limit), Ok(offset)) if (1..=LIMIT_MAX).contains(&limit) => (limit, offset),
        _ => return told(StatusCode::BAD_REQUEST, &failure("limit is at most 100")),
    };
    let total = office.workers.len() + usize::from(office.trouble == Some(Trouble::Short)) * 5;
    let shown = office.workers.iter().skip(offset).take(limit);
    let data: Vec<Value> = shown.map(|worker| employee(office, worker)).collect();
    let metadata = json!({
        "total_elements": total, "current_page": offset / limit, "total_pages": total.div_ceil(limit),
    });
    list(office, &json!({"success": true, "metadata": metadata, "offset": offset, "limit": limit, "data": data}))
}

fn one(office: &Office, id: &str) -> Response {
    match office.workers.iter().find(|worker| worker.id.to_string() == id) {
        Some(worker) => told(StatusCode::OK, &json!({"success": true, "data": employee(office, worker)})),
        None => told(StatusCode::NOT_FOUND, &failure("employee not found")),
    }
}

fn employee(office: &Office, worker: &Worker) -> Value {
    let is_future = worker.start.zip(office.today).is_some_and(|(start, today)| start > today);
    let status = match (office.has_ended(worker), is_future, worker.on_leave) {
        (true, ..) => "inactive",
        (_, true, _) => "onboarding",
        (_, _, true) => "leave",
        _ => "active",
    };
    let at =
        |label: &str, value: Value| json!({"label": label, "value": value, "type": "standard", "universal_id": label});
    let date = |date: Option<Date>| date.map_or(Value::Null, |date| format!("{date}T00:00:00+02:00").into());
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let named = |kind: &str, name: &str| match name {
        "" => Value::Null,
        name => json!({"type": kind, "attributes": {"id": 1, "name": name}}),
    };
    let manager = worker.manager.and_then(|id| office.workers.iter().find(|worker| worker.id == id));
    let manager = manager.map_or(Value::Null, |manager| {
        json!({"type": "Employee", "attributes": {"id": at("ID", manager.id.into()), "email": at("Email", text(&manager.email))}})
    });
    let mut attributes = json!({
        "id": at("ID", worker.id.into()),
        "first_name": at("First name", text(&worker.given_name)),
        "last_name": at("Last name", text(&worker.family_name)),
        "email": at("Email", text(&worker.email)),
        "status": at("Status", status.into()),
        "position": at("Position", text(&worker.title)),
        "department": at("Department", named("Department", &worker.department)),
        "supervisor": at("Supervisor", manager),
        "employment_type": at("Employment type", if worker.contractor { "external" } else { "internal" }.into()),
        "hire_date": at("Hire date", date(worker.start)),
        "termination_date": at("Termination date", date(worker.end)),
        "last_working_day": at("Last day of work", date(worker.end)),
        "dynamic_77": at("Zone", worker.time_zone.clone().map_or(Value::Null, Value::from)),
    });
    if office.trouble == Some(Trouble::LostColumn) {
        attributes.as_object_mut().map(|attributes| attributes.remove("status"));
    }
    json!({"type": "Employee", "attributes": attributes})
}
