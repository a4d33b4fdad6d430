//! Gainsight's users as the live SCIM surface shows them: the only way to a role, to a group and to super admin. User
//! names are addresses in small letters, bodies must be declared as SCIM, and a token lasts a while. Ids are not the
//! REST API's.

use serde_json::{Value, json};

use super::gainsight_live::Tenant;
use super::gainsight_live_batch::LICENSES;
use super::gainsight_live_user::User as Record;
use super::gainsight_scim::shut;
use crate::clock;
use crate::exchange::Reply;
use crate::paging::digest;
use crate::scim::{Directory, Group, Rules, User, bad, missing, taken};

const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:gainsight:2.0:User";
const LICENSE: &str = "LicenseType";
const SUPER_ADMIN: &str = "IsSuperAdmin";
const ROLES: [&str; 4] = ["Admin", "Standard User", "Viewer", "CSM"];
const RULES: Rules = Rules {
    filters: &["userName", "emails.value"],
    group_filters: &["displayName"],
    extension: Some((EXTENSION, &[LICENSE, SUPER_ADMIN])),
    config: true,
    own_type: true,
};

/// Returns the id that SCIM has for a record, which cannot be guessed from the record's own.
fn scim_id(kind: &str, name: &str) -> String {
    format!("{:016x}", digest(&("gainsight live scim", kind, name)))
}

fn user_of(record: &Record) -> User {
    let own = json!({ LICENSE: record.license_type, SUPER_ADMIN: record.is_super_admin });
    User {
        id: scim_id("user", &record.gsid),
        external_id: record.external_id.clone(),
        user_name: record.email.to_lowercase(),
        email: Some(record.email.clone()),
        given: Some(record.first_name.clone()),
        family: Some(record.last_name.clone()),
        title: record.title.clone(),
        roles: record.roles.clone(),
        own: own.as_object().cloned().unwrap_or_default(),
        active: record.is_active_user,
        ..User::default()
    }
}

/// Reads a user over a record.
fn read_over(record: Record, user: User) -> Result<Record, Reply> {
    let wrong = |detail: &str| bad("invalidValue", detail);
    let email = user.address(&record.email);
    let (Some(first_name), Some(last_name)) = (user.given, user.family) else {
        return Err(wrong("name.givenName and name.familyName are required."));
    };
    if !user.roles.iter().all(|role| ROLES.contains(&role.as_str())) {
        return Err(wrong("roles: there is no role of this name."));
    }
    let license = user.own.get(LICENSE).and_then(Value::as_str).unwrap_or(&record.license_type).to_string();
    if !LICENSES.contains(&license.as_str()) {
        return Err(wrong("LicenseType is not known."));
    }
    let is_super_admin = user.own.get(SUPER_ADMIN).and_then(Value::as_bool).unwrap_or(record.is_super_admin);
    let name = format!("{first_name} {last_name}");
    Ok(Record {
        email,
        name,
        first_name,
        last_name,
        external_id: user.external_id,
        title: user.title,
        roles: user.roles,
        license_type: license,
        is_super_admin,
        is_active_user: user.active,
        modified_date: clock::now(),
        ..record
    })
}

impl Tenant {
    fn find_record(&self, id: &str) -> Result<Record, Reply> {
        let found = self.users.iter().find(|held| scim_id("user", &held.row.gsid) == id);
        found.map(|held| held.row.clone()).ok_or_else(|| missing(id))
    }

    fn group_of(&self, name: &str) -> Group {
        let gsids = self.groups.get(name).into_iter().flatten();
        let members = gsids.filter(|gsid| self.users.get(gsid).is_some()).map(|gsid| scim_id("user", gsid));
        Group { id: scim_id("group", name), name: name.into(), members: members.collect() }
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
        self.users.iter().map(|held| user_of(&held.row)).collect()
    }

    fn save(&mut self, user: User) -> Result<User, Reply> {
        let new = user.id.is_empty();
        let before = match new {
            true => Record {
                license_type: "Viewer".into(),
                system_type: "Internal".into(),
                created_date: clock::now(),
                ..Record::default()
            },
            false => self.find_record(&user.id)?,
        };
        let mut record = read_over(before, user)?;
        if self.users.with_email(&record.email).iter().any(|held| held.row.gsid != record.gsid) {
            return Err(taken());
        }
        if new {
            record.gsid = self.next_id();
            record.sfdc_user_name = record.email.clone();
            self.users.push(record.clone(), false);
        } else {
            self.users.edit(&record.gsid, |held| held.row = record.clone());
        }
        Ok(user_of(&record))
    }

    fn drop_user(&mut self, id: &str) -> Result<(), Reply> {
        let record = self.find_record(id)?;
        self.users.edit(&record.gsid, |held| held.row.is_active_user = false);
        Ok(())
    }

    fn groups(&self) -> Vec<Group> {
        self.groups.keys().map(|name| self.group_of(name)).collect()
    }

    fn save_group(&mut self, group: Group) -> Result<Group, Reply> {
        let before = self.groups().into_iter().find(|before| before.id == group.id);
        if before.is_none() && self.groups.contains_key(&group.name) {
            return Err(taken());
        }
        if before.as_ref().is_some_and(|before| before.name != group.name) {
            return Err(bad("mutability", "A group can't be renamed."));
        }
        let gsids = group.members.iter().map(|id| self.find_record(id).map(|record| record.gsid));
        let gsids = gsids.collect::<Result<_, _>>().map_err(|_| bad("invalidValue", "A member is not known."))?;
        self.groups.insert(group.name.clone(), gsids);
        Ok(self.group_of(&group.name))
    }
}
