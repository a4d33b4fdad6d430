//! Makes one account of kind `person` of one row, or says what is wrong with its cells.
//! `people` hands rows in and keeps what comes out.
//! No message repeats what a cell holds: it is about a person.

use super::header::{Header, Known};
use super::rows::Row;
use jiff::civil::Date;
use serde_json::Value;
use tenure_core::account::{Account, AccountKey, AccountState, Fields, Kind};
use tenure_core::name::{ConnectionName, FieldName, NATIVE_LEN_MAX};

/// What is wrong with a cell: its column, from 1 (0 for the row), and what.
pub(super) type CellProblem = (usize, String);

/// A person, and the keys by which a second row of the same person is known.
pub(super) struct Person {
    pub account: Account,
    pub employee_id: Option<String>,
    pub work_email: Option<String>,
}

/// Reads a row.
pub(super) fn read_person(row: &Row, header: &Header, connection: &ConnectionName) -> Result<Person, Vec<CellProblem>> {
    let mut fields = Fields::default();
    let mut problems = Vec::new();
    for column in &header.columns {
        match cell(row, column.at).and_then(|text| value(column.known, text, column.field.as_str())) {
            Ok(value) => fields.set(column.field.clone(), value),
            Err(message) => problems.push((column.at + 1, message)),
        }
    }
    let employee_id = fields.text("employee_id").map(str::to_owned);
    let work_email = fields.text("work_email").map(str::to_lowercase);
    let Some(id) = employee_id.as_deref().or(work_email.as_deref()).filter(|_| problems.is_empty()) else {
        if problems.is_empty() {
            problems.push((0, "neither employee_id nor work_email is filled".into()));
        }
        return Err(problems);
    };
    derive_name(&mut fields);
    let mut account = Account::unknown(AccountKey::new(connection, Kind::Person, id));
    account.login = fields.text("work_email").map(Into::into);
    account.name = fields.text("name").map(Into::into);
    account.state = match fields.text("status") {
        Some("terminated") => AccountState::Suspended,
        _ => AccountState::Active,
    };
    account.fields = fields;
    Ok(Person { account, employee_id, work_email })
}

fn cell(row: &Row, at: usize) -> Result<&str, String> {
    let bytes = row.cell(at).unwrap_or_default();
    let text = std::str::from_utf8(bytes).map_err(|_| "the cell is no readable text".to_owned())?;
    if text.contains('\0') {
        return Err("the cell contains a NUL byte".into());
    }
    if text.contains('\u{FFFD}') {
        return Err("the cell contains a character that is damaged".into());
    }
    Ok(text.trim())
}

/// Returns the value of a cell; an empty one is known to be empty.
fn value(known: Known, text: &str, field: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match known {
        Known::Date => date(text, field).map(|date| date.to_string().into()),
        Known::WorkEmail if !is_address(text) => Err(format!("{field} is not an e-mail address")),
        Known::OtherEmails => {
            let addresses: Vec<&str> = text.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
            if addresses.iter().all(|address| is_address(address)) {
                Ok(addresses.into())
            } else {
                Err(format!("{field} holds something that is not an e-mail address (they are separated by `;`)"))
            }
        }
        Known::EmployeeId if text.len() > NATIVE_LEN_MAX => {
            Err(format!("{field} is longer than {NATIVE_LEN_MAX} bytes"))
        }
        Known::Status => Ok(status(text).into()),
        _ => Ok(text.into()),
    }
}

fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.contains(char::is_whitespace)
        && text.len() <= 320
}

/// Reads a day; a time behind it is left out.
fn date(text: &str, field: &str) -> Result<Date, String> {
    let wrong = || format!("{field} is not a date such as 2026-01-31");
    let (day, rest) = text.split_at_checked(10).ok_or_else(wrong)?;
    let time_fits = rest.is_empty()
        || (rest.starts_with(['T', ' '])
            && rest.len() <= 30
            && rest[1..].bytes().all(|byte| byte.is_ascii_digit() || b":.+-Z".contains(&byte)));
    let bytes = day.as_bytes();
    let shape_fits = bytes.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    if !time_fits || !shape_fits {
        return Err(wrong());
    }
    day.parse::<Date>().map_err(|_| format!("{field} is a day that does not exist"))
}

/// Returns the word that we use for a status; one that nobody knows stays as it is, in lower case.
fn status(text: &str) -> String {
    let lower = text.to_lowercase();
    let word: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    match word.as_str() {
        "active" | "current" | "employed" => "active".into(),
        "leave" | "onleave" | "leaveofabsence" | "loa" => "leave".into(),
        "terminated" | "left" | "leaver" | "former" | "inactive" | "ended" => "terminated".into(),
        _ => lower,
    }
}

fn derive_name(fields: &mut Fields) {
    if fields.text("name").is_some() {
        return;
    }
    let parts: Vec<&str> = ["given_name", "family_name"].iter().filter_map(|part| fields.text(part)).collect();
    if !parts.is_empty() {
        let name = parts.join(" ");
        fields.set(FieldName::new("name"), name.into());
    }
}
