//! What a write to Gorgias may say in the live dialect, and in what words it is refused. The tenant asks it to read a
//! body over a record. Every field that is not documented is refused by its name, even those that a read shows.

use serde_json::Value;

use super::gorgias_live::{Role, User};
use crate::Habit;
use crate::credentials::GORGIAS_PASSWORD;
use crate::fields::{Fields, Sent, is_iana};

/// The roles that people may have; lists show `bot` and `internal-agent` besides.
pub(super) const ROLES: [&str; 5] = ["admin", "agent", "basic-agent", "lite-agent", "observer-agent"];

const WRITABLE: [&str; 13] = [
    "bio",
    "country",
    "email",
    "external_id",
    "language",
    "meta",
    "name",
    "new_password",
    "old_password",
    "password_confirmation",
    "role",
    "timezone",
    "two_fa_code",
];

/// Reads a body over a user; what is not sent stays as it is.
pub(super) fn read_over(user: &mut User, fields: &mut Fields, habit: Habit) {
    let known = |key: &str| WRITABLE.contains(&key) || (habit == Habit::ActiveIgnored && key == "active");
    let unknown: Vec<String> = fields.keys().filter(|key| !known(key)).map(String::from).collect();
    for field in unknown {
        fields.wrong(&field, "Unknown field.", "unknown_field");
    }
    fields.email("email").set(&mut user.email);
    if let Sent::Value(name) = fields.solid_text("name") {
        user.rename(&name);
    }
    if let Some(role) = read_role(fields) {
        user.role = role;
    }
    fields.text("external_id").store(&mut user.external_id);
    fields.text("bio").store(&mut user.bio);
    fields.text("country").store(&mut user.country);
    fields.text("language").store(&mut user.language);
    let timezone = fields.text("timezone");
    if matches!(&timezone, Sent::Value(zone) if !is_iana(zone)) {
        fields.wrong("timezone", "Not a valid timezone.", "invalid_value");
    }
    timezone.store(&mut user.timezone);
    match fields.object("meta") {
        Sent::Absent => {}
        Sent::Null => user.meta = None,
        Sent::Value(meta) => user.meta = Some(Value::Object(meta)),
    }
}

/// Reads `{"name": …}`, the one way to name a role.
fn read_role(fields: &mut Fields) -> Option<Role> {
    let role = match fields.object("role") {
        Sent::Absent => return None,
        Sent::Null => {
            fields.wrong("role", "This field can't be null.", "invalid_value");
            return None;
        }
        Sent::Value(role) => role,
    };
    if let Some(key) = role.keys().find(|key| *key != "name") {
        fields.wrong(&format!("role.{key}"), "Unknown field.", "unknown_field");
    }
    let name = role.get("name").and_then(Value::as_str).filter(|name| ROLES.contains(name));
    if name.is_none() {
        fields.wrong("role.name", &format!("Must be one of {}.", ROLES.join(", ")), "invalid_value");
    }
    name.map(|name| Role { name: name.into() })
}

/// Refuses a new e-mail without the password of the person whose e-mail it is.
pub(super) fn guard_email(fields: &mut Fields, before: &User, after: &User) {
    if before.email.eq_ignore_ascii_case(&after.email) {
        return;
    }
    let password = fields.text("password_confirmation").value();
    if password.as_deref() != Some(GORGIAS_PASSWORD) {
        let message = "The password of this user is needed to change the email.";
        fields.wrong("password_confirmation", message, "invalid_value");
    }
}
