//! The imitated BambooHR: a custom report by POST, one employee by GET. Only fields that are asked for are told, and whoever
//! left or is to come only where `onlyCurrent=false`; an empty date is `0000-00-00`.

use super::{Ask, BAMBOO_KEY, Office, Trouble, Worker, list, told};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde_json::{Map, Value, json};

const NO_DATE: &str = "0000-00-00";

pub(super) fn answer(office: &Office, rest: &str, ask: &Ask) -> Response {
    if ask.basic().is_none_or(|(key, _)| key != BAMBOO_KEY) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let everybody = ask.query.get("onlyCurrent").is_some_and(|value| value == "false");
    match (&ask.method, rest.strip_prefix("api/v1/")) {
        (&Method::POST, Some("reports/custom")) => report(office, ask, everybody),
        (&Method::GET, Some(path)) => one(office, path, ask, everybody),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn report(office: &Office, ask: &Ask, everybody: bool) -> Response {
    let asked: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
    let Some(fields) = asked["fields"].as_array().filter(|_| ask.query.get("format").is_some_and(|one| one == "JSON"))
    else {
        return told(StatusCode::BAD_REQUEST, &json!({"error": "a report in JSON with a list of fields is asked for"}));
    };
    let fields: Vec<&str> = fields.iter().filter_map(Value::as_str).collect();
    let shown = office.workers.iter().filter(|worker| everybody || is_current(office, worker));
    let employees: Vec<Value> = shown.map(|worker| employee(office, worker, &fields)).collect();
    let columns: Vec<Value> = fields.iter().map(|field| json!({"id": field, "type": "text", "name": field})).collect();
    list(office, &json!({"title": asked["title"], "fields": columns, "employees": employees}))
}

fn one(office: &Office, path: &str, ask: &Ask, everybody: bool) -> Response {
    let id = path.strip_prefix("employees/").and_then(|id| id.parse::<u32>().ok());
    let found = office.workers.iter().find(|worker| Some(worker.id) == id && (everybody || is_current(office, worker)));
    let fields: Vec<&str> = ask.query.get("fields").map(|fields| fields.split(',').collect()).unwrap_or_default();
    match found {
        Some(worker) => told(StatusCode::OK, &employee(office, worker, &fields)),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn is_current(office: &Office, worker: &Worker) -> bool {
    !office.has_ended(worker) && worker.start.zip(office.today).is_none_or(|(start, today)| start <= today)
}

fn employee(office: &Office, worker: &Worker, fields: &[&str]) -> Value {
    let date = |date: Option<Date>| date.map_or(NO_DATE.to_owned(), |date| date.to_string()).into();
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let mut told = Map::from_iter([("id".to_owned(), Value::from(worker.id.to_string()))]);
    for field in fields {
        let value = match *field {
            "employeeNumber" => format!("N-{}", worker.id).into(),
            "firstName" => text(&worker.given_name),
            "lastName" => text(&worker.family_name),
            "workEmail" => text(&worker.email),
            "department" => text(&worker.department),
            "jobTitle" => text(&worker.title),
            "hireDate" => date(worker.start),
            "terminationDate" => date(worker.end.filter(|_| office.has_ended(worker) || worker.end.is_some())),
            "supervisorEId" => worker.manager.map_or(Value::Null, |manager| manager.to_string().into()),
            "status" if office.trouble == Some(Trouble::LostColumn) => continue,
            "status" => if office.has_ended(worker) { "Inactive" } else { "Active" }.into(),
            "employmentHistoryStatus" => if worker.contractor { "Contractor" } else { "Full-Time" }.into(),
            "customZone" => worker.time_zone.clone().map_or(Value::Null, Value::from),
            "preferredName" | "homeEmail" | "workPhone" | "division" | "location" | "lastChanged" => Value::Null,
            _ => continue,
        };
        told.insert((*field).to_owned(), value);
    }
    told.into()
}
