//! Freshservice as its live API documents itself, where that differs from the guide: primary and secondary addresses, a
//! search that lags, `reactivate`, conversion both ways, a DELETE that answers with a body, and `forget`, which erases a
//! person with all tickets. The record's fields, the lists and the search stand in the files beside this one.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fresh::list_named;
use super::freshservice::{self, full};
use super::freshservice_fields::{Lists, RequesterPart, Sort, Writing};
use super::freshservice_live_fields::{AgentPart, Member, lists, read_over};
use super::freshservice_live_query::Index;
use super::{Imitation, STRANGER, Seen, Serial, merge};
use crate::Habit;
use crate::Vendor::Freshservice;
use crate::clock;
use crate::company::{Company, DEPARTMENTS, LOCATIONS};
use crate::credentials::OWNER_EMAIL;
use crate::exchange::{Call, Reply};
use crate::fields::{Fields, Sent};
use crate::refusal::{Wrong, bad_body, invalid, not_allowed, not_found, refuse};
use crate::scim::Directory;
use crate::table::{Row, Table};

#[derive(Clone)]
pub(crate) struct Tenant {
    pub(super) agents: Table<Member>,
    pub(super) requesters: Table<Member>,
    pub(super) lists: Lists,
    pub(super) index: Index,
    /// How many tickets each person requested.
    tickets: BTreeMap<u64, usize>,
    pub(super) serial: Serial,
    pub(super) seats: usize,
    pub(super) sso: bool,
    /// What SCIM clients call their users, by SCIM id.
    pub(super) external_ids: BTreeMap<String, String>,
}

impl Tenant {
    /// Takes over the guide's tenant, so that both dialects have the same people, ids and seats.
    pub fn seed(company: &Company) -> Self {
        let guide = freshservice::Tenant::seed(company);
        let mut tenant = Tenant {
            agents: Table::default(),
            requesters: Table::default(),
            lists: lists(&DEPARTMENTS, &LOCATIONS),
            index: Index::new(),
            tickets: BTreeMap::new(),
            serial: guide.serial,
            seats: guide.seats,
            sso: false,
            external_ids: BTreeMap::new(),
        };
        for held in guide.agents.iter().chain(guide.requesters.iter()) {
            let member = Member::of(&held.row);
            tenant.tickets.insert(member.id, 1 + (member.id % 4) as usize);
            tenant.put(member);
        }
        tenant.index.settle();
        tenant
    }

    pub(super) fn table(&self, sort: Sort) -> &Table<Member> {
        match sort {
            Sort::Agent => &self.agents,
            Sort::Requester => &self.requesters,
        }
    }

    fn member(&self, sort: Sort, id: &str) -> Option<Member> {
        self.table(sort).get(id).map(|held| held.row.clone())
    }

    /// Stores a person where they belong, in the place they had, and tells the index.
    pub(super) fn put(&mut self, member: Member) {
        let id = member.id();
        self.index.tell(member.id, Some(&member.indexed()));
        let (home, other) = match member.sort() {
            Sort::Agent => (&mut self.agents, &mut self.requesters),
            Sort::Requester => (&mut self.requesters, &mut self.agents),
        };
        other.remove(&id);
        if home.get(&id).is_some() {
            home.edit(&id, |held| held.row = member);
        } else {
            home.push(member, false);
        }
    }

    /// Stores a person as changed now, and answers with them.
    fn done(&mut self, member: Member) -> Reply {
        let member = Member { updated_at: clock::now(), ..member };
        let body = json!({ member.sort().one(): member.show() });
        self.put(member);
        Reply::ok(body)
    }

    fn erase(&mut self, id: &str) -> bool {
        let Some(held) = self.agents.remove(id).or_else(|| self.requesters.remove(id)) else { return false };
        self.index.tell(held.row.id, None);
        self.tickets.remove(&held.row.id);
        true
    }

    /// Licences taken: active agents, the occasional ones too; requesters are free.
    pub(super) fn taken(&self) -> usize {
        self.agents.iter().filter(|held| held.row.active).count()
    }

    /// An address is unique across both sorts and both columns, whether its owner is active or not.
    pub(super) fn email_taken(&self, member: &Member) -> bool {
        let taken = |email: &String| {
            let everyone = self.agents.iter().chain(self.requesters.iter());
            everyone.filter(|held| held.row.id != member.id).any(|held| held.row.has_email(email))
        };
        member.emails().any(taken)
    }

    fn get(&self, sort: Sort, id: &str) -> Reply {
        let held = self.table(sort).get(id);
        held.map_or_else(|| not_found(Freshservice), |held| Reply::ok(json!({ sort.one(): held.row.show() })))
    }

    /// Answers with the agent whose key it is.
    fn me(&self) -> Reply {
        let caller = self.agents.with_email(OWNER_EMAIL).first().map(|held| held.row.show());
        caller.map_or_else(|| not_found(Freshservice), |agent| Reply::ok(json!({ "agent": agent })))
    }

    fn create(&mut self, sort: Sort, call: &Call) -> Reply {
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshservice, error),
        };
        let mut member = Member::blank(sort);
        read_over(&mut member, &mut fields, &self.lists, Writing::Create);
        member.first_name = fields.required_text("first_name");
        member.email = fields.required_email(sort.email_field());
        if sort == Sort::Agent && fields.objects("roles") == Sent::Absent {
            fields.wrong("roles", "It should be a/an Array of Objects.", "missing_field");
        }
        self.check_manager(&member, &mut fields);
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshservice, StatusCode::BAD_REQUEST, &wrongs);
        }
        if self.email_taken(&member) {
            return duplicate(sort);
        }
        if sort == Sort::Agent && self.taken() >= self.seats {
            return full();
        }
        member.id = self.serial.take();
        let shown = member.show();
        self.put(member);
        Reply::created(json!({ sort.one(): shown }))
    }

    /// Changes what is sent. With SSO on, an e-mail is accepted and ignored.
    fn update(&mut self, sort: Sort, id: &str, call: &Call) -> Reply {
        let Some(before) = self.member(sort, id) else { return not_found(Freshservice) };
        let mut fields = match call.object() {
            Ok(object) => Fields::new(object),
            Err(error) => return bad_body(Freshservice, error),
        };
        let mut member = before.clone();
        read_over(&mut member, &mut fields, &self.lists, Writing::Update);
        let email = fields.email(sort.email_field());
        if !self.sso {
            email.set(&mut member.email);
        }
        self.check_manager(&member, &mut fields);
        if let Err(wrongs) = fields.finish() {
            return invalid(Freshservice, StatusCode::BAD_REQUEST, &wrongs);
        }
        if self.email_taken(&member) {
            return duplicate(sort);
        }
        self.done(member)
    }

    fn check_manager(&self, member: &Member, fields: &mut Fields) {
        let manager = member.requester.as_ref().and_then(|requester| requester.reporting_manager_id);
        let unknown =
            |id: u64| [&self.agents, &self.requesters].iter().all(|table| table.get(&id.to_string()).is_none());
        if manager.is_some_and(|id| unknown(id) || id == member.id) {
            fields.wrong("reporting_manager_id", "There is no person matching the given id.", "invalid_value");
        }
    }

    /// Deactivates, and answers with the person.
    fn delete(&mut self, sort: Sort, id: &str) -> Reply {
        let Some(member) = self.member(sort, id) else { return not_found(Freshservice) };
        self.done(Member { active: false, ..member })
    }

    fn reactivate(&mut self, sort: Sort, id: &str) -> Reply {
        let Some(member) = self.member(sort, id) else { return not_found(Freshservice) };
        if sort == Sort::Agent && !member.active && self.taken() >= self.seats {
            return full();
        }
        self.done(Member { active: true, ..member })
    }

    /// Erases a person and every ticket they requested.
    fn forget(&mut self, sort: Sort, id: &str) -> Reply {
        if self.table(sort).get(id).is_none() {
            return not_found(Freshservice);
        }
        self.erase(id);
        Reply::no_content()
    }

    /// Makes an agent of a requester: occasional, with the default role, in no group; the seat is taken at once.
    fn promote(&mut self, id: &str, call: &Call) -> Reply {
        let Some(member) = self.member(Sort::Requester, id) else { return not_found(Freshservice) };
        if let Err(error) = call.object_or_empty() {
            return bad_body(Freshservice, error);
        }
        if !member.active {
            let message = "A deactivated requester can't be converted.";
            return refuse(Freshservice, StatusCode::BAD_REQUEST, "invalid_value", message);
        }
        if self.taken() >= self.seats {
            return full();
        }
        let agent = Some(AgentPart::converted(&self.lists));
        self.done(Member { agent, requester: None, ..member })
    }

    /// Makes a requester of an agent again, which frees the seat.
    fn demote(&mut self, id: &str, call: &Call) -> Reply {
        let Some(member) = self.member(Sort::Agent, id) else { return not_found(Freshservice) };
        if let Err(error) = call.object_or_empty() {
            return bad_body(Freshservice, error);
        }
        self.done(Member { agent: None, requester: Some(RequesterPart::default()), ..member })
    }

    fn answer_people(&mut self, sort: Sort, call: &Call) -> Reply {
        match (call.method.clone(), &call.path()[1..]) {
            (Method::GET, []) => self.list(sort, call),
            (Method::POST, []) => self.create(sort, call),
            (Method::GET, ["me"]) if sort == Sort::Agent => self.me(),
            (Method::GET, [id]) => self.get(sort, id),
            (Method::PUT, [id]) => self.update(sort, id, call),
            (Method::DELETE, [id]) => self.delete(sort, id),
            (Method::PUT, [id, "reactivate"]) => self.reactivate(sort, id),
            (Method::DELETE, [id, "forget"]) => self.forget(sort, id),
            (Method::PUT, [id, "convert_to_agent"]) if sort == Sort::Requester => self.promote(id, call),
            (Method::PUT, [id, "convert_to_requester"]) if sort == Sort::Agent => self.demote(id, call),
            (_, [] | [_] | [_, "reactivate" | "forget" | "convert_to_agent" | "convert_to_requester"]) => {
                not_allowed(Freshservice)
            }
            _ => not_found(Freshservice),
        }
    }
}

fn duplicate(sort: Sort) -> Reply {
    let wrong = Wrong::new(sort.email_field(), "It should be a unique value.", "invalid_value");
    invalid(Freshservice, StatusCode::BAD_REQUEST, &[wrong])
}

impl Imitation for Tenant {
    fn answer(&mut self, call: &Call) -> Reply {
        if let Some(sort) = call.segments.first().and_then(|segment| Sort::of(segment)) {
            return self.answer_people(sort, call);
        }
        let (key, list) = match call.path().as_slice() {
            ["roles"] => ("roles", &self.lists.roles),
            ["groups"] => ("groups", &self.lists.groups),
            ["departments"] => ("departments", &self.lists.departments),
            ["locations"] => ("locations", &self.lists.locations),
            _ => return not_found(Freshservice),
        };
        if call.method != Method::GET {
            return not_allowed(Freshservice);
        }
        list_named(Freshservice, call, list, |rows| json!({ key: rows }))
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

    /// Lets an agent into the groups that wait for approval.
    fn confirm(&mut self, email: &str) -> bool {
        let Some(mut member) = self.agents.with_email(email).first().map(|held| held.row.clone()) else { return false };
        let approved = member.agent.as_mut().is_some_and(AgentPart::approve);
        self.done(member);
        approved
    }

    fn change(&mut self, id: &str, patch: &Value) -> bool {
        let mut patch = patch.clone();
        if let Some(email) = patch.get("primary_email").cloned() {
            patch["email"] = email;
        }
        if !merge(&mut self.agents, id, &patch) && !merge(&mut self.requesters, id, &patch) {
            return false;
        }
        let member = self.member(Sort::Agent, id).or_else(|| self.member(Sort::Requester, id));
        member.map(|member| self.done(member)).is_some()
    }

    fn purge(&mut self, id: &str) -> bool {
        self.erase(id)
    }

    fn shift(&mut self) {
        for sort in [Sort::Agent, Sort::Requester] {
            if let Some(id) = self.table(sort).with_email(STRANGER).first().map(|held| held.row.id()) {
                self.erase(&id);
                continue;
            }
            let (id, first_name, email) = (self.serial.take(), "Shifting".into(), STRANGER.into());
            let member = Member { id, first_name, email, ..Member::blank(sort) };
            match sort {
                Sort::Agent => self.agents.push_front(member),
                Sort::Requester => self.requesters.push_front(member),
            }
        }
    }

    fn set_seats(&mut self, seats: usize) {
        self.seats = seats;
    }

    fn seats(&self) -> Option<(usize, usize)> {
        Some((self.taken(), self.seats))
    }

    fn tickets(&self) -> Option<usize> {
        Some(self.tickets.values().sum())
    }

    fn set_sso(&mut self, on: bool) {
        self.sso = on;
    }

    fn adopt(&mut self, habit: Habit) -> bool {
        let Habit::IndexLag(lag) = habit else { return false };
        self.index.set_lag(lag);
        true
    }

    fn directory(&mut self) -> Option<&mut dyn Directory> {
        Some(self)
    }

    fn copy(&self) -> Box<dyn Imitation> {
        Box::new(self.clone())
    }
}
