//! Freshservice: agents and requesters with one pool of e-mails and ids, wrapped answers, soft deletion. It imitates
//! FS-02 to FS-37 as far as a server can show them. The SCIM surface stands in a file of its own; the workflow webhooks
//! are not imitated.

use std::collections::{BTreeMap, HashMap};

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::fresh::{PAGES, updated_since};
use super::freshservice_fields::{
    AgentPart, Assigned, Lists, Member, RequesterPart, Sort, Writing, rails_zone, read_over,
};
use super::{Imitation, Named, STRANGER, Seen, Serial, changed_since, id_of, merge, seats_for, shown};
use crate::Vendor::Freshservice;
use crate::clock;
use crate::company::{Company, DEPARTMENTS, LOCATIONS, Person};
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent};
use crate::paging::{self, numbered};
use crate::refusal::{Wrong, bad_body, invalid, not_allowed, not_found, refuse};
use crate::scim::Directory;
use crate::table::{Row, Table};

impl Sort {
    pub(super) fn of(segment: &str) -> Option<Sort> {
        match segment {
            "agents" => Some(Sort::Agent),
            "requesters" => Some(Sort::Requester),
            _ => None,
        }
    }

    pub(super) fn one(self) -> &'static str {
        match self {
            Sort::Agent => "agent",
            Sort::Requester => "requester",
        }
    }

    pub(super) fn many(self) -> &'static str {
        match self {
            Sort::Agent => "agents",
            Sort::Requester => "requesters",
        }
    }

    /// Returns the name of the address in the live dialect; in the guide's it is `email` for both.
    pub(super) fn email_field(self) -> &'static str {
        match self {
            Sort::Agent => "email",
            Sort::Requester => "primary_email",
        }
    }
}

#[derive(Clone)]
pub(crate) struct Tenant {
    pub(super) agents: Table<Member>,
    pub(super) requesters: Table<Member>,
    pub(super) lists: Lists,
    pub(super) serial: Serial,
    pub(super) seats: usize,
    pub(super) sso: bool,
    /// What SCIM clients call their users, by SCIM id.
    pub(super) external_ids: BTreeMap<String, String>,
}

impl Tenant {
    pub fn seed(company: &Company) -> Self {
        let mut tenant = Tenant {
            agents: Table::default(),
            requesters: Table::default(),
            lists: Lists::new(&DEPARTMENTS, &LOCATIONS),
            serial: Serial { last: 15_000_100, step: 11 },
            seats: 0,
            sso: false,
            external_ids: BTreeMap::new(),
        };
        let mut ids = HashMap::new();
        for person in company.by_start() {
            let Some(role) = person.freshservice_role() else { continue };
            let member = tenant.member_of(person, role);
            if let Some(employee_id) = &person.employee_id {
                ids.insert(employee_id.clone(), member.id);
            }
            if role.is_some() { tenant.agents.push(member, false) } else { tenant.requesters.push(member, false) }
        }
        tenant.seed_managers(company, &ids);
        tenant.seats = seats_for(tenant.taken());
        tenant
    }

    fn member_of(&mut self, person: &Person, role: Option<&str>) -> Member {
        let created = clock::morning(person.start_date);
        let assigned = |name: &str| Assigned {
            role_id: id_of(&self.lists.roles, name),
            assignment_scope: "entire_helpdesk".into(),
        };
        let known = |list: &[Named], name: &str| Some(id_of(list, name)).filter(|id| *id != 0);
        Member {
            agent: role.map(|name| AgentPart { roles: vec![assigned(name)], ..AgentPart::default() }),
            requester: role.is_none().then(RequesterPart::default),
            id: self.serial.take(),
            first_name: person.given_name.clone(),
            last_name: Some(person.family_name.clone()),
            email: person.work_email.clone(),
            phone: person.phone.clone(),
            mobile_phone_number: None,
            job_title: person.known_title(),
            department_ids: known(&self.lists.departments, person.department).into_iter().collect(),
            location_id: known(&self.lists.locations, person.location),
            active: !person.has_left(),
            time_zone: Some(rails_zone(person.time_zone).into()),
            language: Some(person.locale.into()),
            custom_fields: Map::new(),
            created_at: created.clone(),
            updated_at: created,
        }
    }

    fn seed_managers(&mut self, company: &Company, ids: &HashMap<String, u64>) {
        for person in &company.yesterday {
            let own = person.employee_id.as_ref().and_then(|id| ids.get(id));
            let manager = person.manager_id.as_ref().and_then(|id| ids.get(id));
            if let (Some(own), Some(manager)) = (own, manager) {
                self.requesters.edit(&own.to_string(), |held| {
                    held.row.requester = Some(RequesterPart { reporting_manager_id: Some(*manager), vip_user: false });
                });
            }
        }
    }

    fn table(&self, sort: Sort) -> &Table<Member> {
        match sort {
            Sort::Agent => &self.agents,
            Sort::Requester => &self.requesters,
        }
    }

    pub(super) fn table_mut(&mut self, sort: Sort) -> &mut Table<Member> {
        match sort {
            Sort::Agent => &mut self.agents,
            Sort::Requester => &mut self.requesters,
        }
    }

    /// Licences taken: active agents; requesters are free.
    pub(super) fn taken(&self) -> usize {
        self.agents.iter().filter(|held| held.row.active).count()
    }

    /// E-mail is unique across both sorts, active or not (FS-06, FS-29).
    pub(super) fn email_taken(&self, email: &str, except: u64) -> bool {
        let both = [&self.agents, &self.requesters];
        both.into_iter().any(|table| table.with_email(email).iter().any(|held| held.row.id != except))
    }

    fn list(&self, sort: Sort, call: &Call) -> Reply {
        match self.list_page(sort, call) {
            Ok(rows) => Reply::ok(json!({ sort.many(): rows })),
            Err(wrong) => invalid(Freshservice, StatusCode::BAD_REQUEST, &[wrong]),
        }
    }

    fn list_page(&self, sort: Sort, call: &Call) -> Result<Vec<Value>, Wrong> {
        let (skip, take) = numbered(call, PAGES)?;
        let active = paging::flag(call, "active")?.unwrap_or(true);
        let since = updated_since(call)?;
        let rows = self.table(sort).of_email(call.query("email")).map(|held| &held.row);
        let rows = rows.filter(|member| member.active == active && changed_since(&member.updated_at, since));
        Ok(rows.skip(skip).take(take).map(Row::show).collect())
    }

    fn get(&self, sort: Sort, id: &str) -> Reply {
        let held = self.table(sort).get(id);
        held.map_or_else(|| not_found(Freshservice), |held| Reply::ok(json!({ sort.one(): held.row.show() })))
    }

    fn create(&mut self, sort: Sort, call: &Call) -> Reply {
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshservice, error),
        };
        let mut member = blank(sort);
        read_over(&mut member, &mut fields, &self.lists, Writing::Create);
        member.first_name = fields.required_text("first_name");
        member.email = fields.required_email("email");
        if sort == Sort::Agent && fields.objects("roles") == Sent::Absent {
            fields.wrong("roles", "It should be a/an Array of Objects.", "missing_field");
        }
        self.check_manager(&member, &mut fields);
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshservice, StatusCode::BAD_REQUEST, &wrongs);
        }
        if self.email_taken(&member.email, 0) {
            return duplicate();
        }
        if sort == Sort::Agent && self.taken() >= self.seats {
            return full();
        }
        member.id = self.serial.take();
        let shown = member.show();
        self.table_mut(sort).push(member, false);
        Reply::created(json!({ sort.one(): shown }))
    }

    /// Changes what is sent. With SSO on, an e-mail is accepted and ignored (FS-19).
    fn update(&mut self, sort: Sort, id: &str, call: &Call) -> Reply {
        let Some(before) = self.table(sort).get(id).map(|held| held.row.clone()) else {
            return not_found(Freshservice);
        };
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshservice, error),
        };
        let mut member = before.clone();
        read_over(&mut member, &mut fields, &self.lists, Writing::Update);
        let email = fields.email("email");
        if !self.sso {
            email.set(&mut member.email);
        }
        self.check_manager(&member, &mut fields);
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshservice, StatusCode::BAD_REQUEST, &wrongs);
        }
        if self.email_taken(&member.email, before.id) {
            return duplicate();
        }
        if sort == Sort::Agent && member.active && !before.active && self.taken() >= self.seats {
            return full();
        }
        member.updated_at = clock::now();
        let shown = member.show();
        self.table_mut(sort).edit(id, |held| held.row = member);
        Reply::ok(json!({ sort.one(): shown }))
    }

    fn check_manager(&self, member: &Member, fields: &mut Fields) {
        let manager = member.requester.as_ref().and_then(|requester| requester.reporting_manager_id);
        let unknown =
            |id: u64| [&self.agents, &self.requesters].iter().all(|table| table.get(&id.to_string()).is_none());
        if manager.is_some_and(|id| unknown(id) || id == member.id) {
            fields.wrong("reporting_manager_id", "There is no person matching the given id.", "invalid_value");
        }
    }

    fn delete(&mut self, sort: Sort, id: &str) -> Reply {
        let edited = self.table_mut(sort).edit(id, |held| {
            held.row.active = false;
            held.row.updated_at = clock::now();
        });
        if edited.is_some() { Reply::no_content() } else { not_found(Freshservice) }
    }

    /// Makes an agent of a requester: the id stays, the seat is taken at once, roles are still to be given (FS-25).
    fn convert(&mut self, id: &str, call: &Call) -> Reply {
        let Some(active) = self.requesters.get(id).map(|held| held.row.active) else { return not_found(Freshservice) };
        if let Err(error) = call.object_or_empty() {
            return bad_body(Freshservice, error);
        }
        if !active {
            let message = "A deactivated requester can't be converted.";
            return refuse(Freshservice, StatusCode::BAD_REQUEST, "invalid_value", message);
        }
        if self.taken() >= self.seats {
            return full();
        }
        let Some(mut held) = self.requesters.remove(id) else { return not_found(Freshservice) };
        held.row.requester = None;
        held.row.agent = Some(AgentPart::default());
        held.row.updated_at = clock::now();
        let shown = held.row.show();
        self.agents.push(held.row, false);
        Reply::ok(json!({"agent": shown}))
    }

    fn list_named(&self, key: &str, list: &[Named], call: &Call) -> Reply {
        match numbered(call, PAGES) {
            Ok((skip, take)) => {
                let rows: Vec<Value> = list.iter().skip(skip).take(take).map(shown).collect();
                Reply::ok(json!({ key: rows }))
            }
            Err(wrong) => invalid(Freshservice, StatusCode::BAD_REQUEST, &[wrong]),
        }
    }

    fn answer_people(&mut self, sort: Sort, call: &Call) -> Reply {
        match (call.method.clone(), &call.path()[1..]) {
            (Method::GET, []) => self.list(sort, call),
            (Method::POST, []) => self.create(sort, call),
            (Method::GET, [id]) => self.get(sort, id),
            (Method::PUT, [id]) => self.update(sort, id, call),
            (Method::DELETE, [id]) => self.delete(sort, id),
            (Method::PUT, [id, "convert_to_agent"]) if sort == Sort::Requester => self.convert(id, call),
            (_, [] | [_]) => not_allowed(Freshservice),
            (_, [_, "convert_to_agent"]) if sort == Sort::Requester => not_allowed(Freshservice),
            _ => not_found(Freshservice),
        }
    }

    fn sort_of(&self, id: &str) -> Sort {
        if self.agents.get(id).is_some() { Sort::Agent } else { Sort::Requester }
    }
}

pub(super) fn blank(sort: Sort) -> Member {
    let now = clock::now();
    Member {
        id: 0,
        first_name: String::new(),
        last_name: None,
        email: String::new(),
        phone: None,
        mobile_phone_number: None,
        job_title: None,
        department_ids: Vec::new(),
        location_id: None,
        active: true,
        time_zone: None,
        language: None,
        custom_fields: Map::new(),
        agent: (sort == Sort::Agent).then(AgentPart::default),
        requester: (sort == Sort::Requester).then(RequesterPart::default),
        created_at: now.clone(),
        updated_at: now,
    }
}

/// The vendor's text does not say which of the two sorts holds the address.
fn duplicate() -> Reply {
    let wrong = Wrong::new("email", "It should be a unique value.", "invalid_value");
    invalid(Freshservice, StatusCode::BAD_REQUEST, &[wrong])
}

pub(super) fn full() -> Reply {
    let message = "The number of agents has reached the licence of the account.";
    refuse(Freshservice, StatusCode::BAD_REQUEST, "agent_limit_reached", message)
}

impl Imitation for Tenant {
    fn answer(&mut self, call: &Call) -> Reply {
        if let Some(sort) = call.segments.first().and_then(|segment| Sort::of(segment)) {
            return self.answer_people(sort, call);
        }
        let list = match call.path().as_slice() {
            ["roles"] => ("roles", &self.lists.roles),
            ["groups"] => ("groups", &self.lists.groups),
            ["departments"] => ("departments", &self.lists.departments),
            ["locations"] => ("locations", &self.lists.locations),
            _ => return not_found(Freshservice),
        };
        if call.method == Method::GET { self.list_named(list.0, list.1, call) } else { not_allowed(Freshservice) }
    }

    fn census(&self) -> Vec<Seen> {
        let agents = self.agents.iter().map(|held| Seen::of("agent", held, held.row.active));
        agents.chain(self.requesters.iter().map(|held| Seen::of("requester", held, held.row.active))).collect()
    }

    fn sightings(&self, email: &str) -> Vec<Seen> {
        let agents = self.agents.with_email(email).into_iter().map(|held| Seen::of("agent", held, held.row.active));
        let requesters = self.requesters.with_email(email).into_iter();
        agents.chain(requesters.map(|held| Seen::of("requester", held, held.row.active))).collect()
    }

    fn confirm(&mut self, _email: &str) -> bool {
        false
    }

    fn change(&mut self, id: &str, patch: &Value) -> bool {
        let table = self.table_mut(self.sort_of(id));
        merge(table, id, patch) && table.edit(id, |held| held.row.updated_at = clock::now()).is_some()
    }

    fn purge(&mut self, id: &str) -> bool {
        self.table_mut(self.sort_of(id)).remove(id).is_some()
    }

    fn shift(&mut self) {
        for sort in [Sort::Agent, Sort::Requester] {
            if let Some(id) = self.table(sort).with_email(STRANGER).first().map(|held| held.row.id()) {
                self.table_mut(sort).remove(&id);
                continue;
            }
            let id = self.serial.take();
            let row = Member { id, first_name: "Shifting".into(), email: STRANGER.into(), ..blank(sort) };
            self.table_mut(sort).push_front(row);
        }
    }

    fn set_seats(&mut self, seats: usize) {
        self.seats = seats;
    }

    fn seats(&self) -> Option<(usize, usize)> {
        Some((self.taken(), self.seats))
    }

    fn set_sso(&mut self, on: bool) {
        self.sso = on;
    }

    fn directory(&mut self) -> Option<&mut dyn Directory> {
        Some(self)
    }

    fn copy(&self) -> Box<dyn Imitation> {
        Box::new(self.clone())
    }
}
