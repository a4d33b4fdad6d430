//! Freshservice's people as the live SCIM surface shows them: looked up by user name alone, without groups, and with an
//! attribute that makes an agent of a requester and a requester of an agent. Seats count as they do elsewhere.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::freshdesk_scim::{no_seat, shut};
use super::freshservice_fields::{RequesterPart, Sort};
use super::freshservice_live::Tenant;
use super::freshservice_live_fields::{AgentPart, Member};
use super::freshservice_scim::scim_id;
use crate::clock;
use crate::exchange::Reply;
use crate::scim::{Directory, Rules, User, missing, taken};

const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:freshservice:2.0:User";
const IS_AGENT: &str = "isAgent";
const RULES: Rules = Rules {
    filters: &["userName"],
    group_filters: &[],
    extension: Some((EXTENSION, &[IS_AGENT])),
    config: false,
    own_type: false,
};

impl Tenant {
    fn user_of(&self, member: &Member) -> User {
        let id = scim_id(member.id);
        let own = json!({ IS_AGENT: member.agent.is_some() });
        User {
            external_id: self.external_ids.get(&id).cloned(),
            id,
            user_name: member.email.clone(),
            given: Some(member.first_name.clone()),
            family: member.last_name.clone(),
            title: member.job_title.clone(),
            phone: member.work_phone_number.clone(),
            department: self.lists.department_of(&member.department_ids),
            own: own.as_object().cloned().unwrap_or_default(),
            active: member.active,
            ..User::default()
        }
    }

    fn everyone(&self) -> impl Iterator<Item = &Member> {
        self.agents.iter().chain(self.requesters.iter()).map(|held| &held.row)
    }

    fn find_user(&self, id: &str) -> Result<Member, Reply> {
        self.everyone().find(|member| scim_id(member.id) == id).cloned().ok_or_else(|| missing(id))
    }

    /// Moves a person to the sort that the write asks for.
    fn sorted(&self, member: Member, agent: bool) -> Member {
        match (agent, member.agent.is_some()) {
            (true, false) => Member { agent: Some(AgentPart::converted(&self.lists)), requester: None, ..member },
            (false, true) => Member { agent: None, requester: Some(RequesterPart::default()), ..member },
            _ => member,
        }
    }
}

impl Directory for Tenant {
    fn rules(&self) -> Rules {
        RULES
    }

    fn shut(&self) -> Option<Reply> {
        shut(self.sso)
    }

    fn users(&self) -> Vec<User> {
        self.everyone().map(|member| self.user_of(member)).collect()
    }

    fn save(&mut self, user: User) -> Result<User, Reply> {
        let before = if user.id.is_empty() { Member::blank(Sort::Requester) } else { self.find_user(&user.id)? };
        let agent = user.own.get(IS_AGENT).and_then(Value::as_bool).unwrap_or(false);
        let takes_seat = agent && user.active && !(before.active && before.agent.is_some());
        let department_ids = self.lists.departments_for(user.department.as_deref(), &before.department_ids);
        let mut member = Member {
            email: user.address(&before.email),
            first_name: user.given.clone().unwrap_or_else(|| user.user_name.clone()),
            last_name: user.family.clone(),
            job_title: user.title.clone(),
            work_phone_number: user.phone.clone(),
            department_ids,
            active: user.active,
            updated_at: clock::now(),
            ..self.sorted(before, agent)
        };
        if self.email_taken(&member) {
            return Err(taken());
        }
        if takes_seat && self.taken() >= self.seats {
            return Err(no_seat(StatusCode::BAD_REQUEST));
        }
        if user.id.is_empty() {
            member.id = self.serial.take();
        }
        let id = scim_id(member.id);
        self.external_ids.remove(&id);
        self.external_ids.extend(user.external_id.map(|external| (id, external)));
        let saved = self.user_of(&member);
        self.put(member);
        Ok(saved)
    }

    fn drop_user(&mut self, id: &str) -> Result<(), Reply> {
        let user = self.find_user(id).map(|member| self.user_of(&member))?;
        self.save(User { active: false, ..user }).map(|_| ())
    }
}
