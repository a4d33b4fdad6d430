//! Gainsight's users as the SCIM surface shows them, in the guide's dialect. Its external ids and its groups are what the
//! REST API shows and cannot write; a DELETE deactivates. Without single sign-on it fails and does not say why.

use std::collections::BTreeMap;

use axum::http::StatusCode;

use super::gainsight::{Tenant, User as Record, blank};
use crate::exchange::Reply;
use crate::paging::digest;
use crate::scim::{Directory, Group, Rules, User, bad, missing, taken};

const RULES: Rules = Rules {
    filters: &["userName", "externalId", "emails.value", "id"],
    group_filters: &["displayName", "id"],
    extension: None,
    config: true,
    own_type: false,
};
/// What somebody may do who comes by SCIM and of whom nothing is said.
const ROLE_DEFAULT: &str = "Viewer";

/// Returns the answer of a surface that lost its single sign-on: a refusal without a word.
pub(super) fn shut(sso: bool) -> Option<Reply> {
    (!sso).then(|| Reply { status: StatusCode::FORBIDDEN, headers: Vec::new(), body: None })
}

fn user_of(record: &Record) -> User {
    User {
        id: record.user_id.clone(),
        external_id: record.external_id.clone(),
        user_name: record.email.clone(),
        given: Some(record.first_name.clone()),
        family: Some(record.last_name.clone()),
        title: record.title.clone(),
        phone: record.phone.clone(),
        department: record.department.clone(),
        active: record.is_active,
        ..User::default()
    }
}

fn group_id(name: &str) -> String {
    format!("g{:012x}", digest(&("gainsight group", name)) >> 16)
}

impl Directory for Tenant {
    fn rules(&self) -> Rules {
        RULES
    }

    fn shut(&self) -> Option<Reply> {
        shut(self.sso)
    }

    fn users(&self) -> Vec<User> {
        self.users.iter().map(|held| user_of(&held.row)).collect()
    }

    fn save(&mut self, user: User) -> Result<User, Reply> {
        let new = user.id.is_empty();
        let before = match new {
            true => Record { role: ROLE_DEFAULT.into(), ..blank() },
            false => self.users.get(&user.id).map(|held| held.row.clone()).ok_or_else(|| missing(&user.id))?,
        };
        let email = user.address(&before.email);
        if self.users.with_email(&email).iter().any(|held| held.row.user_id != before.user_id) {
            return Err(taken());
        }
        let (Some(first_name), Some(last_name)) = (user.given, user.family) else {
            return Err(bad("invalidValue", "name.givenName and name.familyName are required."));
        };
        let mut record = Record {
            email,
            name: format!("{first_name} {last_name}"),
            first_name,
            last_name,
            external_id: user.external_id,
            title: user.title,
            phone: user.phone,
            department: user.department,
            is_active: user.active,
            ..before
        };
        if new {
            record.user_id = self.next_id();
            self.users.push(record.clone(), false);
        } else {
            self.users.edit(&user.id, |held| held.row = record.clone());
        }
        Ok(user_of(&record))
    }

    fn drop_user(&mut self, id: &str) -> Result<(), Reply> {
        self.users.edit(id, |held| held.row.is_active = false).map(|_| ()).ok_or_else(|| missing(id))
    }

    /// Returns the groups that were made, each with the users that show it.
    fn groups(&self) -> Vec<Group> {
        let mut groups: BTreeMap<&String, Vec<String>> = self.groups.iter().map(|name| (name, Vec::new())).collect();
        for held in self.users.iter() {
            for name in &held.row.groups {
                groups.entry(name).or_default().push(held.row.user_id.clone());
            }
        }
        let group = |(name, members): (&String, Vec<String>)| Group { id: group_id(name), name: name.clone(), members };
        groups.into_iter().map(group).collect()
    }

    fn save_group(&mut self, group: Group) -> Result<Group, Reply> {
        let before = self.groups().into_iter().find(|before| before.id == group.id);
        if before.is_none() && self.groups.contains(&group.name) {
            return Err(taken());
        }
        if before.as_ref().is_some_and(|before| before.name != group.name) {
            return Err(bad("mutability", "A group can't be renamed."));
        }
        if !group.members.iter().all(|id| self.users.get(id).is_some()) {
            return Err(bad("invalidValue", "A member is not known."));
        }
        self.groups.insert(group.name.clone());
        let ids: Vec<String> = self.users.iter().map(|held| held.row.user_id.clone()).collect();
        for id in ids {
            let inside = group.members.contains(&id);
            self.users.edit(&id, |held| {
                held.row.groups.retain(|name| *name != group.name);
                held.row.groups.extend(inside.then(|| group.name.clone()));
            });
        }
        Ok(Group { id: group_id(&group.name), ..group })
    }
}
