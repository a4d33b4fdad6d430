//! The made-up agents, as JSON in the two shapes: one line of text for each, by its number, the same in every run.
//! The server asks for pages of them. They are of ordinary size, about 400 bytes.

use std::io::Write;

/// The roles of the cursor shape.
pub const CURSOR_ROLES: &str = r#"{"data":[{"id":1,"name":"admin"},{"id":2,"name":"agent"},{"id":3,"name":"observer"}],"meta":{"next_cursor":null,"total_count":3}}"#;
/// The roles of the numbered shape.
pub const NUMBERED_ROLES: &str = r#"{"roles":[{"id":1,"name":"Admin"},{"id":2,"name":"IT Agent"}]}"#;

const GIVEN: [&str; 16] = [
    "Ada",
    "Grace",
    "Alan",
    "Edsger",
    "Barbara",
    "Donald",
    "Frances",
    "John",
    "Katherine",
    "Ken",
    "Margaret",
    "Niklaus",
    "Radia",
    "Robin",
    "Tony",
    "Zoë",
];
const FAMILY: [&str; 16] = [
    "Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Allen", "Backus", "Johnson", "Thompson",
    "Hamilton", "Wirth", "Perlman", "Milner", "Hoare", "Müller",
];

fn given(number: u64) -> &'static str {
    GIVEN[(number % 16) as usize]
}

fn family(number: u64) -> &'static str {
    FAMILY[(number / 16 % 16) as usize]
}

/// Writes a page of the cursor shape: the agents `from` up to `to`, of so many.
pub fn cursor_page(from: u64, to: u64, records: u64) -> Vec<u8> {
    let mut page = Vec::with_capacity(64 * 1024);
    page.extend_from_slice(b"{\"data\":[");
    for number in from..to {
        let (given, family) = (given(number), family(number));
        let comma = if number == from { "" } else { "," };
        let _ = write!(
            page,
            r#"{comma}{{"id":{},"email":"person.{number}@acme.example","name":"{given} {family}","firstname":"{given}","lastname":"{family}","role":{{"id":2,"name":"agent"}},"active":{},"bio":null,"avatar_url":null,"language":"en","timezone":"Europe/Berlin","created_datetime":"2024-03-{:02}T09:{:02}:00Z","updated_datetime":"2026-05-{:02}T10:{:02}:{:02}Z","meta":{{"imported_from":"csv"}}}}"#,
            1_000_000 + number,
            number % 50 != 7,
            number % 28 + 1,
            number % 60,
            number % 28 + 1,
            number / 28 % 60,
            number % 60,
        );
    }
    let _ = match to < records {
        true => write!(page, r#"],"meta":{{"next_cursor":"c{to}","total_count":{records}}}}}"#),
        false => write!(page, r#"],"meta":{{"next_cursor":null,"total_count":{records}}}}}"#),
    };
    page
}

/// Writes a page of the numbered shape: the agents `from` up to `to`.
pub fn numbered_page(from: u64, to: u64) -> Vec<u8> {
    let mut page = Vec::with_capacity(64 * 1024);
    page.extend_from_slice(b"{\"agents\":[");
    for number in from..to {
        let comma = if number == from { "" } else { "," };
        let _ = write!(
            page,
            r#"{comma}{{"id":{},"first_name":"{}","last_name":"{}","email":"person.{number}@acme.example","phone":"+49 30 {number:08}","mobile_phone_number":null,"job_title":"Engineer","department_ids":[],"location_id":null,"role_ids":[2],"roles":[{{"role_id":2,"assignment_scope":"entire_helpdesk"}}],"group_ids":[],"occasional":false,"active":true,"time_zone":"Berlin","language":"en","custom_fields":{{}},"created_at":"2024-03-{:02}T09:{:02}:00Z","updated_at":"2026-05-{:02}T10:{:02}:{:02}Z"}}"#,
            15_000_000 + number,
            given(number),
            family(number),
            number % 28 + 1,
            number % 60,
            number % 28 + 1,
            number / 28 % 60,
            number % 60,
        );
    }
    page.extend_from_slice(b"]}");
    page
}
