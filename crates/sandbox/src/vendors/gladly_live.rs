//! Gladly as it documents itself: an API that looks agents up and cannot write them. What else a user has (roles,
//! inboxes, whether access is on) lives in the vendor's own pages alone, where an admin changes it one by one or by an
//! upload. It sends no mail and knows no customers.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Imitation, STRANGER, Seen, accept, dismiss_stranger, gladly_live_import, merge, shown};
use crate::Habit;
use crate::Vendor::Gladly;
use crate::company::{Company, GladlyAccess, Person};
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent};
use crate::paging::digest;
use crate::refusal::{Wrong, invalid, refuse};
use crate::table::{Held, Row, Table};

/// An agent as the vendor's pages have it; the API shows the first three fields.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Agent {
    pub id: String,
    pub name: String,
    pub email_address: String,
    pub roles: Vec<String>,
    pub inboxes: Vec<String>,
    pub teams: Vec<String>,
    pub active: bool,
}

impl Row for Agent {
    fn id(&self) -> String {
        self.id.clone()
    }
    fn email(&self) -> Option<&str> {
        Some(&self.email_address)
    }
    fn show(&self) -> Value {
        json!({"id": self.id, "name": self.name, "emailAddress": self.email_address})
    }
}

/// A team or an inbox.
#[derive(Clone)]
struct Place {
    id: String,
    name: &'static str,
}

#[derive(Clone)]
pub(crate) struct Tenant {
    agents: Table<Agent>,
    teams: Vec<Place>,
    inboxes: Vec<Place>,
    seed: u64,
    made: u64,
    habit: Habit,
}

impl Tenant {
    pub fn seed(company: &Company, seed: u64) -> Self {
        let places = |kind: &str, names: &[&'static str]| {
            names.iter().map(|name| Place { id: id_for(&(seed, kind, name)), name }).collect::<Vec<_>>()
        };
        let mut tenant = Tenant {
            agents: Table::default(),
            teams: places("team", &["Tier 1 Support", "Tier 2 Support", "Escalations", "Billing"]),
            inboxes: places("inbox", &["General Support", "Returns", "Voice"]),
            seed,
            made: 0,
            habit: Habit::InactiveHidden,
        };
        for person in company.by_start() {
            if let Some(access) = person.gladly_access() {
                let agent = tenant.agent_of(person, &access);
                tenant.push(agent, person.is_pending());
            }
        }
        tenant
    }

    fn agent_of(&self, person: &Person, access: &GladlyAccess) -> Agent {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect();
        Agent {
            name: person.name(),
            roles: texts(roles(access.role)),
            inboxes: texts(access.inboxes),
            teams: texts(access.teams),
            active: !person.has_left(),
            ..self.stranger(&person.work_email)
        }
    }

    fn push(&mut self, agent: Agent, invited: bool) {
        self.made += 1;
        self.agents.push(agent, invited);
    }

    /// Returns the agent with this e-mail.
    pub(super) fn known(&self, email: &str) -> Option<Agent> {
        self.agents.with_email(email).first().map(|held| held.row.clone())
    }

    /// Returns an agent who is not there yet.
    pub(super) fn stranger(&self, email: &str) -> Agent {
        Agent {
            id: id_for(&(self.seed, "agent", self.made, email)),
            name: String::new(),
            email_address: email.into(),
            roles: Vec::new(),
            inboxes: Vec::new(),
            teams: Vec::new(),
            active: true,
        }
    }

    pub fn teams(&self) -> Vec<&str> {
        self.teams.iter().map(|place| place.name).collect()
    }

    pub fn inboxes(&self) -> Vec<&str> {
        self.inboxes.iter().map(|place| place.name).collect()
    }

    fn is_listed(&self, held: &Held<Agent>) -> bool {
        held.row.active || self.habit == Habit::InactiveListed
    }

    fn list(&self) -> Reply {
        let listed = self.agents.iter().filter(|held| self.is_listed(held));
        Reply::ok(listed.map(|held| held.row.show()).collect())
    }

    /// An agent who once was there can be looked up, whether or not the list still has them.
    fn get(&self, id: &str) -> Reply {
        self.agents.get(id).map_or_else(|| absent("agent", id), |held| Reply::ok(held.row.show()))
    }

    fn show_team(&self, team: &Place) -> Value {
        let members = self.agents.iter().filter(|held| self.is_listed(held));
        let members = members.filter(|held| held.row.teams.iter().any(|name| name == team.name));
        let ids: Vec<&str> = members.map(|held| held.row.id.as_str()).collect();
        json!({"id": team.id, "name": team.name, "agentIds": ids})
    }

    /// The one thing about an agent that the API can write, and nothing that identity depends on.
    fn record_call(&self, id: &str, call: &Call) -> Reply {
        let found = self.agents.get(id).or_else(|| self.agents.with_email(id).first().copied());
        let Some(held) = found else { return absent("agent", id) };
        if call.method == Method::GET {
            return Reply::ok(json!({"agentId": held.row.id, "recording": false}));
        }
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(_) => return refuse(Gladly, StatusCode::BAD_REQUEST, "invalid", "the body must be one JSON object"),
        };
        if fields.flag("recording") == Sent::Absent {
            fields.wrong("recording", "recording must be true or false", "invalid");
        }
        match fields.finish() {
            Ok(()) => Reply::no_content(),
            Err(wrongs) => invalid(Gladly, StatusCode::BAD_REQUEST, &wrongs),
        }
    }
}

/// Returns the roles that correspond to the one role that the policy of the made-up company names.
fn roles(role: &str) -> &'static [&'static str] {
    match role {
        "ADMIN" => &["Administrator", "API User"],
        "TEAM_LEAD" => &["Agent", "Team Manager"],
        "TASK" => &["Task User"],
        _ => &["Agent"],
    }
}

/// Returns 22 letters, as the vendor's ids have.
fn id_for(value: &impl std::hash::Hash) -> String {
    use base64::Engine;
    let halves = [digest(value), digest(&(digest(value), "more"))].map(u64::to_be_bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(halves.concat())
}

/// Returns a 404 as the vendor's samples show it: `errors` is one object.
fn absent(kind: &str, id: &str) -> Reply {
    let error = json!({"code": "not_exist", "detail": format!("{kind} {id} does not exist")});
    Reply::new(StatusCode::NOT_FOUND, json!({"errors": error}))
}

fn find<'a>(places: &'a [Place], id: &str) -> Option<&'a Place> {
    places.iter().find(|place| place.id == id)
}

fn show_inbox(inbox: &Place) -> Value {
    json!({"id": inbox.id, "name": inbox.name, "disabled": false})
}

impl Imitation for Tenant {
    fn answer(&mut self, call: &Call) -> Reply {
        match (call.method.clone(), call.path().as_slice()) {
            (Method::GET, ["agents"]) => self.list(),
            (Method::GET, ["agents", id]) => self.get(id),
            (Method::GET | Method::PATCH, ["agents", id, "call-recorder"]) => self.record_call(id, call),
            (Method::GET, ["teams"]) => Reply::ok(self.teams.iter().map(|team| self.show_team(team)).collect()),
            (Method::GET, ["teams", id]) => {
                find(&self.teams, id).map_or_else(|| absent("team", id), |team| Reply::ok(self.show_team(team)))
            }
            (Method::GET, ["inboxes"]) => Reply::ok(self.inboxes.iter().map(show_inbox).collect()),
            (Method::GET, ["inboxes", id]) => {
                find(&self.inboxes, id).map_or_else(|| absent("inbox", id), |inbox| Reply::ok(show_inbox(inbox)))
            }
            _ => absent("path", &call.segments.join("/")),
        }
    }

    fn census(&self) -> Vec<Seen> {
        self.agents.iter().map(seen).collect()
    }

    fn sightings(&self, email: &str) -> Vec<Seen> {
        self.agents.with_email(email).into_iter().map(seen).collect()
    }

    fn confirm(&mut self, email: &str) -> bool {
        accept(&mut self.agents, email)
    }

    fn change(&mut self, id: &str, patch: &Value) -> bool {
        merge(&mut self.agents, id, patch)
    }

    fn purge(&mut self, id: &str) -> bool {
        self.agents.remove(id).is_some()
    }

    fn shift(&mut self) {
        if !dismiss_stranger(&mut self.agents) {
            let row = Agent { name: "Shifting Row".into(), ..self.stranger(STRANGER) };
            self.agents.push_front(row);
        }
    }

    fn import(&mut self, rows: &str) -> Result<usize, Vec<Wrong>> {
        let agents = gladly_live_import::read(self, rows)?;
        let count = agents.len();
        for agent in agents {
            match self.agents.edit(&agent.id(), |held| held.row = agent.clone()) {
                Some(_) => {}
                None => self.push(agent, true),
            }
        }
        Ok(count)
    }

    fn adopt(&mut self, habit: Habit) -> bool {
        let known = matches!(habit, Habit::InactiveHidden | Habit::InactiveListed);
        if known {
            self.habit = habit;
        }
        known
    }

    fn copy(&self) -> Box<dyn Imitation> {
        Box::new(self.clone())
    }
}

/// Shows an agent with all that the vendor's pages have.
fn seen(held: &Held<Agent>) -> Seen {
    Seen { body: shown(&held.row), ..Seen::of("agent", held, held.row.active) }
}
