//! Freshservice's people as the SCIM surface shows them. Whoever is created is a requester, and nobody is promoted in the
//! guide's dialect; deprovisioning deactivates and erases nothing. Groups are the agents' groups.

use axum::http::StatusCode;

use super::freshdesk_scim::{no_seat, shut};
use super::freshservice::{Tenant, blank};
use super::freshservice_fields::{Member, Sort};
use crate::clock;
use crate::exchange::Reply;
use crate::paging::digest;
use crate::scim::{Directory, Group, Rules, User, bad, missing, taken};
use crate::table::Row;

const RULES: Rules = Rules {
    filters: &["userName", "externalId", "emails.value", "id"],
    group_filters: &["displayName", "id"],
    extension: None,
    config: false,
    own_type: false,
};

/// Returns the id that SCIM has for a person, which cannot be guessed from the person's own.
pub(super) fn scim_id(id: u64) -> String {
    format!("{:016x}", digest(&("freshservice scim", id)))
}

impl Tenant {
    fn user_of(&self, member: &Member) -> User {
        let id = scim_id(member.id);
        User {
            external_id: self.external_ids.get(&id).cloned(),
            id,
            user_name: member.email.clone(),
            given: Some(member.first_name.clone()),
            family: member.last_name.clone(),
            title: member.job_title.clone(),
            phone: member.phone.clone(),
            department: self.lists.department_of(&member.department_ids),
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

    fn group_of(&self, id: u64, name: &str) -> Group {
        let inside = |member: &&Member| member.agent.as_ref().is_some_and(|agent| agent.group_ids.contains(&id));
        let members = self.agents.iter().map(|held| &held.row).filter(inside).map(|member| scim_id(member.id));
        Group { id: scim_id(id), name: name.into(), members: members.collect() }
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
        let new = user.id.is_empty();
        let before = if new { blank(Sort::Requester) } else { self.find_user(&user.id)? };
        let email = user.address(&before.email);
        if self.email_taken(&email, before.id) {
            return Err(taken());
        }
        let sort = if before.agent.is_some() { Sort::Agent } else { Sort::Requester };
        if sort == Sort::Agent && user.active && !before.active && self.taken() >= self.seats {
            return Err(no_seat(StatusCode::BAD_REQUEST));
        }
        let mut member = Member {
            email,
            first_name: user.given.clone().unwrap_or_else(|| user.user_name.clone()),
            last_name: user.family.clone(),
            job_title: user.title.clone(),
            phone: user.phone.clone(),
            department_ids: self.lists.departments_for(user.department.as_deref(), &before.department_ids),
            active: user.active,
            updated_at: clock::now(),
            ..before
        };
        if new {
            member.id = self.serial.take();
            self.requesters.push(member.clone(), false);
        } else {
            self.table_mut(sort).edit(&member.id(), |held| held.row = member.clone());
        }
        let id = scim_id(member.id);
        self.external_ids.remove(&id);
        self.external_ids.extend(user.external_id.map(|external| (id, external)));
        Ok(self.user_of(&member))
    }

    fn drop_user(&mut self, id: &str) -> Result<(), Reply> {
        let user = self.find_user(id).map(|member| self.user_of(&member))?;
        self.save(User { active: false, ..user }).map(|_| ())
    }

    fn groups(&self) -> Vec<Group> {
        self.lists.groups.iter().map(|entry| self.group_of(entry.id, &entry.name)).collect()
    }

    fn save_group(&mut self, group: Group) -> Result<Group, Reply> {
        let twin = self.lists.groups.iter().find(|entry| entry.name.eq_ignore_ascii_case(&group.name));
        if twin.is_some_and(|twin| scim_id(twin.id) != group.id) {
            return Err(taken());
        }
        let agents: Vec<u64> = self.agents.iter().map(|held| held.row.id).collect();
        if !group.members.iter().all(|id| agents.iter().any(|agent| scim_id(*agent) == *id)) {
            return Err(bad("invalidValue", "Only agents can be members of a group."));
        }
        let id = self.lists.name_group(|entry| scim_id(entry.id) == group.id, &group.name, &mut self.serial);
        for agent in agents {
            let inside = group.members.contains(&scim_id(agent));
            self.agents.edit(&agent.to_string(), |held| {
                if let Some(part) = &mut held.row.agent {
                    part.group_ids.retain(|group| *group != id);
                    part.group_ids.extend(inside.then_some(id));
                }
            });
        }
        Ok(self.group_of(id, &group.name))
    }

    fn drop_group(&mut self, id: &str) -> Result<(), Reply> {
        let group = self.groups().into_iter().find(|group| group.id == id).ok_or_else(|| missing(id))?;
        self.save_group(Group { members: Vec::new(), ..group })?;
        self.lists.groups.retain(|entry| scim_id(entry.id) != id);
        Ok(())
    }
}
