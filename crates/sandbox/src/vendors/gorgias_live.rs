//! Gorgias as it documents itself: roles by name and no list of them, a PUT that changes what it is sent, no way to
//! suspend. Bots and service users stand among the agents, and the id 0 is whoever calls. It holds no tickets, so what a
//! DELETE takes away with it does not show.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::gorgias_live_body::{guard_email, read_over};
use super::{Imitation, STRANGER, Seen, Serial, accept, dismiss_stranger, merge, seats_for, shown};
use crate::Vendor::Gorgias;
use crate::company::{Company, Person};
use crate::credentials::OWNER_EMAIL;
use crate::exchange::{BodyError, Call, Reply};
use crate::fields::{Fields, Sent};
use crate::paging::{self, Order, Seal, by_key};
use crate::refusal::{Wrong, invalid, not_found, refuse};
use crate::table::{Held, Row, Table};
use crate::{Habit, clock};

const PARAMETERS: [&str; 7] = ["cursor", "limit", "order_by", "email", "external_id", "search", "roles"];
/// The roles of machines.
const MACHINES: [&str; 2] = ["bot", "internal-agent"];

/// A role as it is written and read: by its name alone.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Role {
    pub name: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct User {
    pub id: u64,
    pub active: bool,
    pub bio: Option<String>,
    /// The app that a service user belongs to.
    pub client_id: Option<String>,
    pub country: Option<String>,
    pub created_datetime: String,
    pub deactivated_datetime: Option<String>,
    pub email: String,
    pub external_id: Option<String>,
    pub firstname: String,
    pub lastname: String,
    pub language: Option<String>,
    pub meta: Option<Value>,
    pub name: String,
    pub role: Role,
    pub timezone: Option<String>,
    pub updated_datetime: String,
}

impl User {
    /// Gives the user another name; first and last name follow it.
    pub fn rename(&mut self, name: &str) {
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        (self.firstname, self.lastname, self.name) = (first.into(), last.into(), name.into());
    }

    fn is_machine(&self) -> bool {
        MACHINES.contains(&self.role.name.as_str())
    }

    fn is_owner(&self) -> bool {
        self.email.eq_ignore_ascii_case(OWNER_EMAIL)
    }
}

impl Row for User {
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn email(&self) -> Option<&str> {
        Some(&self.email)
    }
    fn show(&self) -> Value {
        shown(self)
    }
}

#[derive(Clone)]
pub(crate) struct Tenant {
    users: Table<User>,
    serial: Serial,
    seats: usize,
    seal: Seal,
    /// What an `active` in a PUT leads to.
    habit: Habit,
}

impl Tenant {
    pub fn seed(company: &Company, seed: u64) -> Self {
        let (serial, seal) = (Serial { last: 40_000, step: 3 }, Seal(seed ^ 0x6f73));
        let mut tenant = Tenant { users: Table::default(), serial, seats: 0, seal, habit: Habit::ActiveRefused };
        for person in company.by_start() {
            if let Some(role) = person.gorgias_role() {
                let role = if person.is_machine() { "bot" } else { role };
                let user = tenant.user_of(person, role);
                tenant.users.push(user, person.is_pending());
            }
        }
        let mut service = tenant.blank(&clock::naive_morning(company.today));
        service.email = "workflows@apps.acme.example".into();
        service.rename("Workflow Service");
        service.role.name = "internal-agent".into();
        service.client_id = Some("0b1e55ed5ea15c0ffee0".into());
        tenant.users.push(service, false);
        tenant.seats = seats_for(tenant.taken());
        tenant
    }

    fn user_of(&mut self, person: &Person, role: &str) -> User {
        let mut user = self.blank(&clock::naive_morning(person.start_date));
        user.email.clone_from(&person.work_email);
        user.rename(&person.name());
        (user.firstname, user.lastname) = (person.given_name.clone(), person.family_name.clone());
        user.role.name = role.into();
        user.active = !person.has_left();
        user.deactivated_datetime = person.end_date.filter(|_| person.has_left()).map(clock::naive_morning);
        user.language = Some(person.locale.into());
        user.timezone = Some(person.time_zone.into());
        user.client_id = person.is_machine().then(|| "0b1e55ed5ea1dead4b07".into());
        user.meta = Some(json!({"imported_from": "csv"}));
        user
    }

    fn blank(&mut self, created: &str) -> User {
        User {
            id: self.serial.take(),
            active: true,
            bio: None,
            client_id: None,
            country: None,
            created_datetime: created.into(),
            deactivated_datetime: None,
            email: String::new(),
            external_id: None,
            firstname: String::new(),
            lastname: String::new(),
            language: None,
            meta: None,
            name: String::new(),
            role: Role { name: "agent".into() },
            timezone: None,
            updated_datetime: created.into(),
        }
    }

    /// Licences taken: active people, whether they have accepted or not; machines need none.
    fn taken(&self) -> usize {
        self.users.iter().filter(|held| held.row.active && !held.row.is_machine()).count()
    }

    /// Returns the id that a path means: 0 is the calling user's.
    fn meant(&self, id: &str) -> String {
        let caller = self.users.with_email(OWNER_EMAIL).first().map(|held| held.row.id());
        caller.filter(|_| id == "0").unwrap_or_else(|| id.into())
    }

    fn list(&self, call: &Call) -> Result<Reply, Wrong> {
        if let Some((key, _)) = call.query.iter().find(|(key, _)| !PARAMETERS.contains(&key.as_str())) {
            return Err(Wrong::new(key, "Unknown parameter.", "unknown_parameter"));
        }
        let limit = paging::count(call, "limit", 30, 100)?;
        let ordering = call.query("order_by").unwrap_or("name:asc");
        let (field, order) = match ordering.split_once(':') {
            Some((field @ ("name" | "created_datetime"), "asc")) => (field, Order::Rising),
            Some((field @ ("name" | "created_datetime"), "desc")) => (field, Order::Falling),
            _ => return Err(Wrong::new("order_by", "Unknown ordering.", "invalid_value")),
        };
        let filters = PARAMETERS[3..].iter().map(|key| call.query(key).unwrap_or_default());
        let scope = format!("users|{ordering}|{}", filters.collect::<Vec<_>>().join("|"));
        let key = |user: &User| match field {
            "name" => format!("{} {:020}", user.name.to_lowercase(), user.id),
            _ => format!("{} {:020}", user.created_datetime, user.id),
        };
        let rows = self.users.iter().filter(|held| is_wanted(&held.row, call));
        let rows = rows.map(|held| (key(&held.row), held)).collect();
        let page = by_key(rows, order, (self.seal, &scope), limit, call.query("cursor"));
        let page = page.ok_or_else(|| Wrong::new("cursor", "Invalid cursor.", "invalid_value"))?;
        let data: Vec<Value> = page.items.iter().map(|held| held.row.show()).collect();
        Ok(Reply::ok(json!({"data": data, "meta": {"prev_cursor": page.before, "next_cursor": page.after}})))
    }

    fn get(&self, id: &str) -> Reply {
        self.users.get(&self.meant(id)).map_or_else(|| not_found(Gorgias), |held| Reply::ok(held.row.show()))
    }

    /// Refuses an identifier that somebody else has.
    fn objection(&self, user: &User) -> Option<Reply> {
        let other = |held: &&Held<User>| held.row.id != user.id;
        let clash = |field| {
            let wrong = Wrong::new(field, "This identifier is already in use.", "duplicate");
            Some(invalid(Gorgias, StatusCode::CONFLICT, &[wrong]))
        };
        if self.users.with_email(&user.email).into_iter().any(|held| other(&held)) {
            return clash("email");
        }
        let same = |held: &Held<User>| user.external_id.is_some() && held.row.external_id == user.external_id;
        self.users.iter().filter(other).any(same).then(|| clash("external_id")).flatten()
    }

    fn create(&mut self, call: &Call) -> Reply {
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return unreadable(error),
        };
        let mut user = self.blank(&clock::naive_now());
        read_over(&mut user, &mut fields, self.habit);
        fields.required_text("email");
        fields.required_text("name");
        if let Err(wrongs) = fields.finish() {
            return invalid(Gorgias, StatusCode::BAD_REQUEST, &wrongs);
        }
        if let Some(refusal) = self.objection(&user) {
            return refusal;
        }
        if self.taken() >= self.seats {
            return forbidden("You have reached the number of users of your plan.");
        }
        let shown = user.show();
        self.users.push(user, true);
        Reply::created(shown)
    }

    /// Changes what the body says and nothing else; `meta` is one field and replaced as a whole.
    fn update(&mut self, id: &str, call: &Call) -> Reply {
        let id = self.meant(id);
        let Some(before) = self.users.get(&id).map(|held| held.row.clone()) else { return not_found(Gorgias) };
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return unreadable(error),
        };
        let mut after = before.clone();
        read_over(&mut after, &mut fields, self.habit);
        guard_email(&mut fields, &before, &after);
        let role_sent = fields.object("role") != Sent::Absent;
        if let Err(wrongs) = fields.finish() {
            return invalid(Gorgias, StatusCode::BAD_REQUEST, &wrongs);
        }
        if before.is_owner() && after.role.name != "admin" {
            return forbidden("The account owner can't be downgraded.");
        }
        if before.is_machine() && role_sent {
            return forbidden("The role of this user can't be changed.");
        }
        if let Some(refusal) = self.objection(&after) {
            return refusal;
        }
        after.updated_datetime = clock::naive_now();
        let shown = after.show();
        self.users.edit(&id, |held| held.row = after);
        Reply::ok(shown)
    }

    fn delete(&mut self, id: &str) -> Reply {
        let id = self.meant(id);
        match self.users.get(&id) {
            None => not_found(Gorgias),
            Some(held) if held.row.is_owner() => forbidden("The account owner can't be deleted."),
            Some(_) => {
                self.users.remove(&id);
                Reply::no_content()
            }
        }
    }
}

fn is_wanted(user: &User, call: &Call) -> bool {
    let has = |key: &str, fits: &dyn Fn(&str) -> bool| call.query(key).is_none_or(fits);
    let roles: Vec<&str> = call.query.iter().filter(|(key, _)| key == "roles").map(|(_, role)| role.as_str()).collect();
    has("email", &|email| user.email.eq_ignore_ascii_case(email))
        && has("external_id", &|id| user.external_id.as_deref() == Some(id))
        && has("search", &|text| format!("{} {}", user.name, user.email).to_lowercase().contains(&text.to_lowercase()))
        && (roles.is_empty() || roles.iter().flat_map(|roles| roles.split(',')).any(|role| role == user.role.name))
}

fn forbidden(message: &str) -> Reply {
    refuse(Gorgias, StatusCode::FORBIDDEN, "forbidden", message)
}

/// Refuses a body that is no JSON object; the published statuses know no 415.
fn unreadable(_: BodyError) -> Reply {
    refuse(Gorgias, StatusCode::BAD_REQUEST, "invalid_json", "The body must be one JSON object.")
}

impl Imitation for Tenant {
    fn answer(&mut self, call: &Call) -> Reply {
        match (call.method.clone(), call.path().as_slice()) {
            (Method::GET, ["users"]) => {
                self.list(call).unwrap_or_else(|wrong| invalid(Gorgias, StatusCode::BAD_REQUEST, &[wrong]))
            }
            (Method::POST, ["users"]) => self.create(call),
            (Method::GET, ["users", id]) => self.get(id),
            (Method::PUT, ["users", id]) => self.update(id, call),
            (Method::DELETE, ["users", id]) => self.delete(id),
            _ => not_found(Gorgias),
        }
    }

    fn census(&self) -> Vec<Seen> {
        self.users.iter().map(|held| Seen::of("agent", held, held.row.active)).collect()
    }

    fn sightings(&self, email: &str) -> Vec<Seen> {
        self.users.with_email(email).into_iter().map(|held| Seen::of("agent", held, held.row.active)).collect()
    }

    fn confirm(&mut self, email: &str) -> bool {
        // Whoever accepts sets a password, which changes the record.
        let accepted = accept(&mut self.users, email);
        let id = self.users.with_email(email).first().map(|held| held.row.id());
        let touched = id.and_then(|id| self.users.edit(&id, |held| stamp(&mut held.row, clock::naive_now())));
        accepted && touched.is_some()
    }

    fn change(&mut self, id: &str, patch: &Value) -> bool {
        let now = clock::naive_now();
        merge(&mut self.users, id, patch) && self.users.edit(id, |held| stamp(&mut held.row, now)).is_some()
    }

    fn purge(&mut self, id: &str) -> bool {
        self.users.remove(id).is_some()
    }

    fn shift(&mut self) {
        if !dismiss_stranger(&mut self.users) {
            let mut user = self.blank(&clock::naive_now());
            user.email = STRANGER.into();
            user.rename("A Shifting Row");
            self.users.push_front(user);
        }
    }

    fn set_seats(&mut self, seats: usize) {
        self.seats = seats;
    }

    fn seats(&self) -> Option<(usize, usize)> {
        Some((self.taken(), self.seats))
    }

    fn adopt(&mut self, habit: Habit) -> bool {
        let known = matches!(habit, Habit::ActiveRefused | Habit::ActiveIgnored);
        if known {
            self.habit = habit;
        }
        known
    }

    fn copy(&self) -> Box<dyn Imitation> {
        Box::new(self.clone())
    }
}

/// Keeps the moments of a user true after a change.
fn stamp(user: &mut User, now: String) {
    user.deactivated_datetime = match (user.active, user.deactivated_datetime.take()) {
        (true, _) => None,
        (false, Some(since)) => Some(since),
        (false, None) => Some(now.clone()),
    };
    user.updated_datetime = now;
}
