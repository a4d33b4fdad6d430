//! The imitated Workday: one report with a row for each employment, as JSON only where that is asked for. Columns without a
//! value are left out of a row.

use super::{Ask, Office, Trouble, WORKDAY_PASSWORD, WORKDAY_USER, Worker, list};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

const REPORT: &str = "ccx/service/customreport2/acme/people_team/Workers";

pub(super) fn answer(office: &Office, rest: &str, ask: &Ask) -> Response {
    let known = (WORKDAY_USER.to_owned(), WORKDAY_PASSWORD.to_owned());
    if ask.basic() != Some(known) {
        return (StatusCode::UNAUTHORIZED, "invalid username or password").into_response();
    }
    if ask.method != Method::GET || rest != REPORT {
        return StatusCode::NOT_FOUND.into_response();
    }
    if ask.query.get("format").is_none_or(|format| format != "json") {
        let xml = "<?xml version=\"1.0\"?><wd:Report_Data/>";
        return (StatusCode::OK, [(header::CONTENT_TYPE, "text/xml")], xml).into_response();
    }
    let rows: Vec<Value> = office.workers.iter().map(|worker| row(office, worker)).collect();
    list(office, &json!({ "Report_Entry": rows }))
}

fn row(office: &Office, worker: &Worker) -> Value {
    let status = match (office.has_ended(worker), worker.on_leave) {
        (true, _) => "Terminated",
        (false, true) => "On Leave",
        (false, false) => "Active",
    };
    let status = Some(status.to_owned()).filter(|_| office.trouble != Some(Trouble::LostColumn));
    // Dates carry the offset of whoever reads them.
    let date = |date: Option<jiff::civil::Date>| date.map(|date| format!("{date}-08:00"));
    let columns = [
        ("Employee_ID", Some(worker.id.to_string())),
        ("First_Name", Some(worker.given_name.clone())),
        ("Last_Name", Some(worker.family_name.clone())),
        ("Email_Work", Some(worker.email.clone())),
        ("Department", Some(worker.department.clone())),
        ("Business_Title", Some(worker.title.clone())),
        ("Hire_Date", date(worker.start)),
        ("Last_Day_of_Work", date(worker.end)),
        ("Worker_Status", status),
        ("Worker_Type", Some(if worker.contractor { "Contingent Worker" } else { "Employee" }.to_owned())),
        ("Time_Zone", worker.time_zone.clone()),
        ("Manager_Employee_ID", worker.manager.map(|manager| manager.to_string())),
    ];
    let told = columns.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(
        told.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.into())).collect::<Map<_, _>>(),
    )
}
