//! Gladly: agents with teams and inboxes, cursors, and a PATCH that is partial except for arrays. It imitates GLA-02 to
//! GLA-33 as far as a server can show them. It sends no mail and emits no notifications.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Imitation, STRANGER, Seen, Serial, accept, dismiss_stranger, merge, shown};
use crate::Vendor::Gladly;
use crate::clock;
use crate::company::{Company, Person};
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent};
use crate::paging::{self, Seal, by_cursor, digest};
use crate::refusal::{Wrong, bad_body, invalid, not_allowed, not_found};
use crate::table::{Row, Table};

const ROLES: [&str; 5] = ["AGENT", "TEAM_LEAD", "ADMIN", "ANALYST", "TASK"];
const READ_ONLY: [&str; 4] = ["id", "createdAt", "updatedAt", "agentStatus"];

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Agent {
    id: String,
    email_address: String,
    name: String,
    role: String,
    agent_profile: Option<Value>,
    inboxes: Vec<String>,
    teams: Vec<String>,
    active: bool,
    phone_number: Option<String>,
    external_id: Option<String>,
    created_at: String,
    updated_at: String,
    agent_status: String,
    language: Option<String>,
}

impl Row for Agent {
    fn id(&self) -> String {
        self.id.clone()
    }
    fn email(&self) -> Option<&str> {
        Some(&self.email_address)
    }
    fn show(&self) -> Value {
        shown(self)
    }
}

/// A team, or an inbox with its channel.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    id: String,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_type: Option<&'static str>,
}

#[derive(Clone)]
pub(crate) struct Tenant {
    agents: Table<Agent>,
    teams: Vec<Place>,
    inboxes: Vec<Place>,
    serial: Serial,
    seal: Seal,
}

impl Tenant {
    pub fn seed(company: &Company, seed: u64) -> Self {
        let place = |kind: &str, name: &'static str, channel_type: Option<&'static str>| {
            let id = format!("{kind}_{:06x}", digest(&(seed, kind, name, channel_type)) & 0xff_ffff);
            Place { id, name, channel_type }
        };
        let teams = ["Tier 1 Support", "Tier 2 Support", "Escalations", "Billing"];
        // Two inboxes share a name, so that matching by name alone has to notice (GLA-30).
        let inboxes = [("General Support", "EMAIL"), ("Returns", "EMAIL"), ("Returns", "CHAT"), ("Voice", "PHONE")];
        let mut tenant = Tenant {
            agents: Table::default(),
            teams: teams.into_iter().map(|name| place("team", name, None)).collect(),
            inboxes: inboxes.into_iter().map(|(name, channel)| place("inbox", name, Some(channel))).collect(),
            serial: Serial { last: seed, step: 1 },
            seal: Seal(seed ^ 0x676c),
        };
        for person in company.by_start() {
            if let Some(access) = person.gladly_access() {
                let invited = person.is_pending();
                let agent = tenant.agent_of(person, access.role, access.teams, access.inboxes);
                tenant.agents.push(agent, invited);
            }
        }
        tenant
    }

    fn agent_of(&mut self, person: &Person, role: &str, teams: &[&str], inboxes: &[&str]) -> Agent {
        let created = clock::morning(person.start_date);
        Agent {
            id: self.next_id(),
            email_address: person.work_email.clone(),
            name: person.name(),
            role: role.into(),
            agent_profile: None,
            inboxes: ids(&self.inboxes, inboxes),
            teams: ids(&self.teams, teams),
            active: !person.has_left(),
            phone_number: person.phone.clone(),
            external_id: person.employee_id.clone(),
            created_at: created.clone(),
            updated_at: created,
            agent_status: "OFFLINE".into(),
            language: Some(person.locale.into()),
        }
    }

    fn next_id(&mut self) -> String {
        format!("agt_{:016x}", digest(&("gladly", self.serial.take())))
    }

    fn list(&self, call: &Call) -> Reply {
        match self.list_page(call) {
            Ok(reply) => reply,
            Err(wrong) => invalid(Gladly, StatusCode::BAD_REQUEST, &[wrong]),
        }
    }

    fn list_page(&self, call: &Call) -> Result<Reply, Wrong> {
        let limit = paging::count(call, "limit", 20, 100)?;
        let active = paging::flag(call, "active")?;
        let email = call.query("emailAddress").map(str::to_lowercase);
        let scope = format!("agents|{active:?}|{email:?}");
        let place = self.opened(call, &scope)?;
        let rows = self.agents.after(place).filter(|(_, held)| {
            active.is_none_or(|active| held.row.active == active)
                && email.as_deref().is_none_or(|email| held.row.email_address.to_lowercase() == email)
        });
        let page = by_cursor(rows, self.seal, &scope, limit);
        let items: Vec<Value> = page.items.iter().map(|held| held.row.show()).collect();
        Ok(envelope(items, page.next))
    }

    fn list_places(&self, places: &[Place], scope: &str, call: &Call) -> Reply {
        let page = paging::count(call, "limit", 20, 100).and_then(|limit| {
            let start = self.opened(call, scope)?.map_or(0, |place| place + 1);
            let rows = places.iter().enumerate().map(|(place, row)| (place as i64, row));
            Ok(by_cursor(rows.filter(|(place, _)| *place >= start), self.seal, scope, limit))
        });
        match page {
            Ok(page) => envelope(page.items.into_iter().map(shown).collect(), page.next),
            Err(wrong) => invalid(Gladly, StatusCode::BAD_REQUEST, &[wrong]),
        }
    }

    fn opened(&self, call: &Call, scope: &str) -> Result<Option<i64>, Wrong> {
        let Some(cursor) = call.query("cursor") else { return Ok(None) };
        let place = self.seal.open(scope, cursor);
        place.map(Some).ok_or_else(|| Wrong::new("cursor", "The cursor is not valid.", "invalid"))
    }

    fn get(&self, id: &str) -> Reply {
        self.agents.get(id).map_or_else(|| not_found(Gladly), |held| Reply::ok(held.row.show()))
    }

    fn availability(&self, id: &str) -> Reply {
        let Some(held) = self.agents.get(id) else { return not_found(Gladly) };
        let row = &held.row;
        Reply::ok(json!({"agentId": row.id, "status": row.agent_status, "updatedAt": row.updated_at}))
    }

    /// Reads the body over a record: scalars that are sent change, arrays that are sent replace.
    fn read_over(&self, agent: &mut Agent, fields: &mut Fields) {
        fields.forbid(&READ_ONLY);
        fields.email("emailAddress").set(&mut agent.email_address);
        fields.solid_text("name").set(&mut agent.name);
        let role = fields.solid_text("role");
        if matches!(&role, Sent::Value(role) if !ROLES.contains(&role.as_str())) {
            fields.wrong("role", "Must be one of AGENT, TEAM_LEAD, ADMIN, ANALYST, TASK.", "invalid");
        }
        role.set(&mut agent.role);
        if let Sent::Value(profile) = fields.object("agentProfile") {
            agent.agent_profile = Some(Value::Object(profile));
        }
        self.read_places(fields, "inboxes", &self.inboxes, &mut agent.inboxes);
        self.read_places(fields, "teams", &self.teams, &mut agent.teams);
        fields.flag("active").set(&mut agent.active);
        fields.text("phoneNumber").store(&mut agent.phone_number);
        fields.text("externalId").store(&mut agent.external_id);
        fields.text("language").store(&mut agent.language);
    }

    fn read_places(&self, fields: &mut Fields, field: &str, known: &[Place], target: &mut Vec<String>) {
        match fields.texts(field) {
            Sent::Absent => {}
            Sent::Null => target.clear(),
            Sent::Value(wanted) => {
                if wanted.iter().any(|id| !known.iter().any(|place| place.id == *id)) {
                    fields.wrong(field, "One of the ids does not exist.", "not_found");
                }
                *target = wanted;
            }
        }
    }

    fn email_taken(&self, email: &str, except: &str) -> bool {
        self.agents.with_email(email).iter().any(|held| held.row.id != except)
    }

    fn create(&mut self, call: &Call) -> Reply {
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Gladly, error),
        };
        let mut agent = blank();
        self.read_over(&mut agent, &mut fields);
        for field in ["emailAddress", "name", "role"] {
            fields.required_text(field);
        }
        if let Err(wrongs) = fields.finish() {
            return invalid(Gladly, StatusCode::BAD_REQUEST, &wrongs);
        }
        if self.email_taken(&agent.email_address, "") {
            return duplicate();
        }
        agent.id = self.next_id();
        agent.created_at = clock::now();
        agent.updated_at = agent.created_at.clone();
        let shown = agent.show();
        self.agents.push(agent, true);
        Reply::created(shown)
    }

    fn patch(&mut self, id: &str, call: &Call) -> Reply {
        let Some(mut agent) = self.agents.get(id).map(|held| held.row.clone()) else { return not_found(Gladly) };
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Gladly, error),
        };
        self.read_over(&mut agent, &mut fields);
        let sent: Vec<String> = fields.keys().map(String::from).collect();
        if let Err(wrongs) = fields.finish() {
            return invalid(Gladly, StatusCode::BAD_REQUEST, &wrongs);
        }
        if self.email_taken(&agent.email_address, id) {
            return duplicate();
        }
        agent.updated_at = clock::now();
        let answer = only(&agent.show(), &sent);
        self.agents.edit(id, |held| held.row = agent);
        Reply::ok(answer)
    }
}

/// Returns the id and the fields that were sent, which is all a PATCH answers (GLA-25).
fn only(shown: &Value, sent: &[String]) -> Value {
    let mut answer = Map::new();
    for (field, value) in shown.as_object().into_iter().flatten() {
        if field == "id" || sent.contains(field) {
            answer.insert(field.clone(), value.clone());
        }
    }
    Value::Object(answer)
}

fn envelope(items: Vec<Value>, next: Option<String>) -> Reply {
    Reply::ok(match next {
        Some(next) => json!({"items": items, "nextCursor": next}),
        None => json!({"items": items, "nextCursor": null}),
    })
}

fn ids(places: &[Place], names: &[&str]) -> Vec<String> {
    let found = |name: &&str| places.iter().find(|place| place.name == *name).map(|place| place.id.clone());
    names.iter().filter_map(found).collect()
}

fn blank() -> Agent {
    Agent {
        id: String::new(),
        email_address: String::new(),
        name: String::new(),
        role: String::new(),
        agent_profile: None,
        inboxes: Vec::new(),
        teams: Vec::new(),
        active: true,
        phone_number: None,
        external_id: None,
        created_at: String::new(),
        updated_at: String::new(),
        agent_status: "OFFLINE".into(),
        language: None,
    }
}

fn duplicate() -> Reply {
    let wrong = Wrong::new("emailAddress", "An agent with this email address already exists.", "conflict");
    invalid(Gladly, StatusCode::CONFLICT, &[wrong])
}

impl Imitation for Tenant {
    fn answer(&mut self, call: &Call) -> Reply {
        match (call.method.clone(), call.path().as_slice()) {
            (Method::GET, ["agents"]) => self.list(call),
            (Method::POST, ["agents"]) => self.create(call),
            (Method::GET, ["agents", id]) => self.get(id),
            (Method::PATCH, ["agents", id]) => self.patch(id, call),
            (Method::GET, ["agents", id, "availability"]) => self.availability(id),
            (Method::GET, ["teams"]) => self.list_places(&self.teams, "teams", call),
            (Method::GET, ["inboxes"]) => self.list_places(&self.inboxes, "inboxes", call),
            (_, ["agents"] | ["agents", _] | ["agents", _, "availability"] | ["teams"] | ["inboxes"]) => {
                not_allowed(Gladly)
            }
            _ => not_found(Gladly),
        }
    }

    fn census(&self) -> Vec<Seen> {
        self.agents.iter().map(|held| Seen::of("agent", held, held.row.active)).collect()
    }

    fn sightings(&self, email: &str) -> Vec<Seen> {
        self.agents.with_email(email).into_iter().map(|held| Seen::of("agent", held, held.row.active)).collect()
    }

    fn confirm(&mut self, email: &str) -> bool {
        accept(&mut self.agents, email)
    }

    fn change(&mut self, id: &str, patch: &Value) -> bool {
        merge(&mut self.agents, id, patch) && self.agents.edit(id, |held| held.row.updated_at = clock::now()).is_some()
    }

    fn purge(&mut self, id: &str) -> bool {
        self.agents.remove(id).is_some()
    }

    fn shift(&mut self) {
        if dismiss_stranger(&mut self.agents) {
            return;
        }
        let id = self.next_id();
        let name = "Shifting Row".into();
        let row = Agent { id, name, email_address: STRANGER.into(), role: "TASK".into(), active: false, ..blank() };
        self.agents.push_front(row);
    }

    fn copy(&self) -> Box<dyn Imitation> {
        Box::new(self.clone())
    }
}
