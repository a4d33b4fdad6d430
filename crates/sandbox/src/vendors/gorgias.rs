//! Gorgias: agents under `/users`, roles, cursors, and a PUT that replaces. It imitates GOR-02 to GOR-35 as far as a
//! server can show them. It does not hold customers; `/customers` is not there.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Imitation, Named, STRANGER, Seen, Serial, accept, dismiss_stranger, id_of, merge, named, seats_for, shown,
};
use crate::Vendor::Gorgias;
use crate::clock;
use crate::company::{Company, Person};
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent, is_iana};
use crate::paging::{self, Seal, by_cursor};
use crate::refusal::{Wrong, bad_body, invalid, not_allowed, not_found, refuse};
use crate::table::{Row, Table};

const DEFAULT_ROLE: &str = "agent";
const READ_ONLY: [&str; 3] = ["id", "created_datetime", "updated_datetime"];

#[derive(Clone, Serialize, Deserialize)]
struct Role {
    id: u64,
    name: String,
}

/// `signature` is not in the guide: a client that only knows the guide must carry it along all the same.
#[derive(Clone, Serialize, Deserialize)]
struct User {
    id: u64,
    email: String,
    name: String,
    firstname: Option<String>,
    lastname: Option<String>,
    role: Role,
    active: bool,
    bio: Option<String>,
    avatar_url: Option<String>,
    language: Option<String>,
    timezone: Option<String>,
    signature: Option<String>,
    created_datetime: String,
    updated_datetime: String,
    meta: Option<Value>,
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
    roles: Vec<Named>,
    serial: Serial,
    seats: usize,
    seal: Seal,
}

/// What a create and a replace may say; whatever is left out is the default.
struct Body {
    email: Sent<String>,
    name: Sent<String>,
    firstname: Option<String>,
    lastname: Option<String>,
    role: Role,
    active: bool,
    bio: Option<String>,
    avatar_url: Option<String>,
    language: Option<String>,
    timezone: Option<String>,
    signature: Option<String>,
    meta: Option<Value>,
}

impl Tenant {
    pub fn seed(company: &Company, seed: u64) -> Self {
        let base = 10 + seed % 7;
        let roles = named(&[(base, "admin"), (base + 3, "agent"), (base + 4, "observer"), (base + 9, "lead")]);
        let serial = Serial { last: 40_000, step: 3 };
        let mut tenant = Tenant { users: Table::default(), roles, serial, seats: 0, seal: Seal(seed ^ 0x6f72) };
        for person in company.by_start() {
            if let Some(role) = person.gorgias_role() {
                let invited = person.is_pending();
                let user = tenant.user_of(person, role);
                tenant.users.push(user, invited);
            }
        }
        tenant.seats = seats_for(tenant.taken());
        tenant
    }

    fn user_of(&mut self, person: &Person, role: &str) -> User {
        let created = clock::morning(person.start_date);
        User {
            id: self.serial.take(),
            email: person.work_email.clone(),
            name: person.name(),
            firstname: Some(person.given_name.clone()),
            lastname: Some(person.family_name.clone()),
            role: Role { id: id_of(&self.roles, role), name: role.into() },
            active: !person.has_left(),
            bio: None,
            avatar_url: None,
            language: Some(person.locale.into()),
            timezone: Some(person.time_zone.into()),
            signature: Some(format!("Best, {}", person.given_name)),
            created_datetime: created.clone(),
            updated_datetime: created,
            meta: Some(json!({"imported_from": "csv"})),
        }
    }

    /// Licences taken: active people, whether they have accepted or not (GOR-23).
    fn taken(&self) -> usize {
        self.users.iter().filter(|held| held.row.active).count()
    }

    fn list(&self, call: &Call) -> Reply {
        match self.list_page(call) {
            Ok(reply) => reply,
            Err(wrong) => invalid(Gorgias, StatusCode::BAD_REQUEST, &[wrong]),
        }
    }

    fn list_page(&self, call: &Call) -> Result<Reply, Wrong> {
        let limit = paging::count(call, "limit", 30, 100)?;
        let order = call.query("order_by").unwrap_or("created_datetime:asc");
        if !matches!(order, "created_datetime:asc" | "created_datetime:desc") {
            return Err(Wrong::new("order_by", "Unknown ordering.", "invalid_value"));
        }
        let email = call.query("email").map(str::to_lowercase);
        let scope = format!("users|{order}|{email:?}");
        let place = self.opened(call, &scope)?;
        let wanted = |user: &User| email.as_deref().is_none_or(|email| user.email.to_lowercase() == email);
        let total = match &email {
            Some(email) => self.users.with_email(email).len(),
            None => self.users.iter().count(),
        };
        let page = if order.ends_with("asc") {
            by_cursor(self.users.after(place).filter(|(_, held)| wanted(&held.row)), self.seal, &scope, limit)
        } else {
            by_cursor(self.users.before(place).filter(|(_, held)| wanted(&held.row)), self.seal, &scope, limit)
        };
        let data: Vec<Value> = page.items.iter().map(|held| held.row.show()).collect();
        Ok(Reply::ok(json!({"data": data, "meta": {"next_cursor": page.next, "total_count": total}})))
    }

    fn opened(&self, call: &Call, scope: &str) -> Result<Option<i64>, Wrong> {
        let Some(cursor) = call.query("cursor") else { return Ok(None) };
        let place = self.seal.open(scope, cursor);
        place.map(Some).ok_or_else(|| Wrong::new("cursor", "Invalid cursor.", "invalid_value"))
    }

    fn list_roles(&self) -> Reply {
        let total = self.roles.len();
        Reply::ok(json!({"data": self.roles, "meta": {"next_cursor": null, "total_count": total}}))
    }

    fn get(&self, id: &str) -> Reply {
        self.users.get(id).map_or_else(|| not_found(Gorgias), |held| Reply::ok(held.row.show()))
    }

    fn read_body(&self, fields: &mut Fields) -> Body {
        fields.forbid(&READ_ONLY);
        let timezone = fields.text("timezone").value();
        if timezone.as_deref().is_some_and(|zone| !is_iana(zone)) {
            fields.wrong("timezone", "Not a valid timezone.", "invalid_value");
        }
        Body {
            email: fields.email("email"),
            name: fields.solid_text("name"),
            firstname: fields.text("firstname").value(),
            lastname: fields.text("lastname").value(),
            role: self.read_role(fields),
            active: fields.flag("active").value().unwrap_or(true),
            bio: fields.text("bio").value(),
            avatar_url: fields.text("avatar_url").value(),
            language: fields.text("language").value(),
            timezone,
            signature: fields.text("signature").value(),
            meta: fields.object("meta").value().map(Value::Object),
        }
    }

    /// Reads `{"id": N}`; a role that is left out is the default one, an unknown one is refused.
    fn read_role(&self, fields: &mut Fields) -> Role {
        let default = || Role { id: id_of(&self.roles, DEFAULT_ROLE), name: DEFAULT_ROLE.into() };
        let Sent::Value(object) = fields.object("role") else { return default() };
        let id = object.get("id").and_then(Value::as_u64);
        match self.roles.iter().find(|role| Some(role.id) == id) {
            Some(role) => Role { id: role.id, name: role.name.to_string() },
            None => {
                fields.wrong("role", "Role does not exist.", "invalid_value");
                default()
            }
        }
    }

    fn email_taken(&self, email: &str, except: Option<u64>) -> bool {
        self.users.with_email(email).iter().any(|held| Some(held.row.id) != except)
    }

    fn create(&mut self, call: &Call) -> Reply {
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Gorgias, error),
        };
        let body = self.read_body(&mut fields);
        if body.email == Sent::Absent {
            fields.required_text("email");
        }
        if body.name == Sent::Absent {
            fields.required_text("name");
        }
        if let Err(wrongs) = fields.finish() {
            return invalid(Gorgias, StatusCode::BAD_REQUEST, &wrongs);
        }
        let (Some(email), Some(name)) = (body.email.value(), body.name.value()) else { return not_found(Gorgias) };
        if self.email_taken(&email, None) {
            return duplicate();
        }
        if body.active && self.taken() >= self.seats {
            return full();
        }
        let now = clock::now();
        let user = User {
            id: self.serial.take(),
            email,
            name,
            firstname: body.firstname,
            lastname: body.lastname,
            role: body.role,
            active: body.active,
            bio: body.bio,
            avatar_url: body.avatar_url,
            language: body.language,
            timezone: body.timezone,
            signature: body.signature,
            created_datetime: now.clone(),
            updated_datetime: now,
            meta: body.meta,
        };
        let shown = user.show();
        self.users.push(user, true);
        Reply::created(shown)
    }

    /// Replaces a user: what the body leaves out is null or the default afterwards, except e-mail and name (GOR-25).
    fn replace(&mut self, id: &str, call: &Call) -> Reply {
        let Some(before) = self.users.get(id).map(|held| held.row.clone()) else { return not_found(Gorgias) };
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Gorgias, error),
        };
        let body = self.read_body(&mut fields);
        if let Err(wrongs) = fields.finish() {
            return invalid(Gorgias, StatusCode::BAD_REQUEST, &wrongs);
        }
        let email = body.email.value().unwrap_or(before.email);
        if self.email_taken(&email, Some(before.id)) {
            return duplicate();
        }
        if body.active && !before.active && self.taken() >= self.seats {
            return full();
        }
        let after = User {
            id: before.id,
            email,
            name: body.name.value().unwrap_or(before.name),
            firstname: body.firstname,
            lastname: body.lastname,
            role: body.role,
            active: body.active,
            bio: body.bio,
            avatar_url: body.avatar_url,
            language: body.language,
            timezone: body.timezone,
            signature: body.signature,
            created_datetime: before.created_datetime,
            updated_datetime: clock::now(),
            meta: body.meta,
        };
        let shown = after.show();
        self.users.edit(id, |held| held.row = after);
        Reply::ok(shown)
    }

    fn delete(&mut self, id: &str) -> Reply {
        match self.users.remove(id) {
            Some(_) => Reply::no_content(),
            None => not_found(Gorgias),
        }
    }
}

fn duplicate() -> Reply {
    let wrong = Wrong::new("email", "A user with this email already exists.", "duplicate");
    invalid(Gorgias, StatusCode::CONFLICT, &[wrong])
}

fn full() -> Reply {
    let message = "You have reached the number of users of your plan.";
    refuse(Gorgias, StatusCode::UNPROCESSABLE_ENTITY, "seat_limit", message)
}

impl Imitation for Tenant {
    fn answer(&mut self, call: &Call) -> Reply {
        match (call.method.clone(), call.path().as_slice()) {
            (Method::GET, ["users"]) => self.list(call),
            (Method::POST, ["users"]) => self.create(call),
            (Method::GET, ["users", id]) => self.get(id),
            (Method::PUT, ["users", id]) => self.replace(id, call),
            (Method::DELETE, ["users", id]) => self.delete(id),
            (Method::GET, ["roles"]) => self.list_roles(),
            (_, ["users"] | ["users", _] | ["roles"]) => not_allowed(Gorgias),
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
        let touched = id.and_then(|id| self.users.edit(&id, |held| held.row.updated_datetime = clock::now()));
        accepted && touched.is_some()
    }

    fn change(&mut self, id: &str, patch: &Value) -> bool {
        merge(&mut self.users, id, patch)
            && self.users.edit(id, |held| held.row.updated_datetime = clock::now()).is_some()
    }

    fn purge(&mut self, id: &str) -> bool {
        self.users.remove(id).is_some()
    }

    fn shift(&mut self) {
        if dismiss_stranger(&mut self.users) {
            return;
        }
        let first = self.users.iter().next().map(|held| held.row.clone());
        if let Some(mut user) = first {
            user.id = self.serial.take();
            user.email = STRANGER.into();
            user.name = "Shifting Row".into();
            self.users.push_front(user);
        }
    }

    fn set_seats(&mut self, seats: usize) {
        self.seats = seats;
    }

    fn seats(&self) -> Option<(usize, usize)> {
        Some((self.taken(), self.seats))
    }

    fn copy(&self) -> Box<dyn Imitation> {
        Box::new(self.clone())
    }
}
