//! Gainsight as it documents itself: users under `/users/services`, written in batches of at most fifty and switched by
//! a status call of their own, with an envelope around every answer. Roles and groups are no business of this surface
//! but of the SCIM one in the file beside this one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::gainsight_live_batch::{Act, Batch, Flaw, RECORDS_MAX, read_over};
use super::gainsight_live_user::User;
use super::{Imitation, STRANGER, Seen, dismiss_stranger, gainsight_live_list, merge, shown};
use crate::company::{Company, Person};
use crate::exchange::{Call, Reply};
use crate::paging::digest;
use crate::scim::Directory;
use crate::table::{Held, Table};
use crate::{Habit, clock};

/// By which fields an update may name its users; none of them can be changed.
const KEYS: [&str; 3] = ["SFDCUserName", "Gsid", "SfdcUserId"];

#[derive(Clone)]
pub(crate) struct Tenant {
    pub(super) users: Table<User>,
    seed: u64,
    made: u64,
    requests: u64,
    /// The groups, which only SCIM can make, with the GSIDs of their members.
    pub(super) groups: BTreeMap<String, BTreeSet<String>>,
    pub(super) sso: bool,
    /// What becomes of the good records of a batch that has bad ones.
    habit: Habit,
}

impl Tenant {
    pub fn seed(company: &Company, seed: u64) -> Self {
        let mut tenant = Tenant {
            users: Table::default(),
            seed,
            made: 0,
            requests: 0,
            groups: BTreeMap::new(),
            sso: true,
            habit: Habit::BatchInPart,
        };
        let mut ids: HashMap<&str, String> = HashMap::new();
        for person in company.by_start() {
            if let Some(role) = person.gainsight_role() {
                let user = tenant.user_of(person, role);
                ids.extend(person.employee_id.as_deref().map(|employee_id| (employee_id, user.gsid.clone())));
                tenant.users.push(user, false);
            }
        }
        for person in &company.yesterday {
            let id = |employee_id: &Option<String>| ids.get(employee_id.as_deref()?).cloned();
            if let Some(own) = id(&person.employee_id) {
                tenant.users.edit(&own, |held| held.row.manager = id(&person.manager_id));
            }
        }
        tenant
    }

    fn user_of(&mut self, person: &Person, role: &str) -> User {
        let is_owner = person.employee_id.is_none();
        let gsid = self.next_id();
        User {
            sfdc_user_id: Some(format!("005{}", &gsid[4..19])),
            gsid,
            name: person.name(),
            first_name: person.given_name.clone(),
            last_name: person.family_name.clone(),
            email: person.work_email.clone(),
            sfdc_user_name: person.work_email.clone(),
            license_type: "Full".into(),
            system_type: "Internal".into(),
            timezone: Some(person.time_zone.into()),
            title: person.known_title(),
            locale: Some(person.locale.into()),
            is_active_user: !person.has_left(),
            is_super_admin: is_owner,
            created_date: clock::morning(person.start_date),
            modified_date: clock::morning(person.start_date),
            permission_bundles: vec![if is_owner { "Administration" } else { "Client Resources" }.into()],
            roles: vec![role.into()],
            external_id: person.employee_id.clone(),
            ..User::default()
        }
    }

    /// Returns a GSID: 36 letters and digits of which the first four tell the object.
    pub(super) fn next_id(&mut self) -> String {
        self.made += 1;
        let halves = [0, 1].map(|half| format!("{:016X}", digest(&(self.seed, "gsid", self.made, half))));
        format!("1P01{}", halves.concat())
    }

    fn next_request(&mut self) -> String {
        self.requests += 1;
        let halves = [0, 1].map(|half| digest(&(self.seed, "request", self.requests, half)));
        format!("{:08x}-{:04x}-{:012x}", halves[0] >> 32, halves[0] & 0xffff, halves[1] >> 16)
    }

    fn done(&mut self, data: Value) -> Reply {
        let request = self.next_request();
        Reply::ok(json!({
            "result": true, "errorCode": null, "errorDesc": null, "requestId": request, "data": data, "message": null,
        }))
    }

    fn refuse(&mut self, status: StatusCode, code: &str, says: &str, data: Value) -> Reply {
        let request = self.next_request();
        let body = json!({
            "result": false, "errorCode": code, "errorDesc": says, "requestId": request, "data": data, "message": null,
        });
        Reply::new(status, body)
    }

    fn list(&mut self, call: &Call) -> Reply {
        let body = call.object().map_err(|_| "The body must be one JSON object.".to_string());
        let told = body.and_then(gainsight_live_list::read).map(|query| query.run(self.users.iter()));
        match told {
            Ok(data) => self.done(data),
            Err(says) => self.refuse(StatusCode::BAD_REQUEST, "invalid_query", &says, Value::Null),
        }
    }

    fn create(&mut self, call: &Call) -> Reply {
        let batch = match Batch::read(call, Act::Create) {
            Ok(batch) => batch,
            Err(flaw) => return self.refuse(StatusCode::BAD_REQUEST, flaw.code, &flaw.says, Value::Null),
        };
        let notified = call.query("notify") == Some("true");
        self.write(Act::Create, batch.records.clone(), |tenant, record| {
            let now = clock::now();
            let gsid = tenant.next_id();
            let mut user = User { gsid, created_date: now, notified, ..User::default() };
            (user.is_active_user, user.system_type, user.license_type) = (true, "Internal".into(), "Viewer".into());
            tenant.read_record(&mut user, record, &batch, Act::Create)?;
            tenant.users.push(user.clone(), false);
            Ok(user)
        })
    }

    fn update(&mut self, call: &Call) -> Reply {
        let Some(key) = KEYS.into_iter().find(|key| call.query("key") == Some(key)) else {
            let says = format!("The key is not supported; one of {} is.", KEYS.join(", "));
            return self.refuse(StatusCode::BAD_REQUEST, "GU_2409", &says, Value::Null);
        };
        let batch = match Batch::read(call, Act::Update) {
            Ok(batch) => batch,
            Err(flaw) => return self.refuse(StatusCode::BAD_REQUEST, flaw.code, &flaw.says, Value::Null),
        };
        let mut met = BTreeSet::new();
        self.write(Act::Update, batch.records.clone(), |tenant, mut record| {
            let named = record.remove(key).and_then(|value| value.as_str().map(String::from)).unwrap_or_default();
            let mut user =
                tenant.by_key(key, &named).ok_or_else(|| Act::Update.flaw(format!("{key}: no such user")))?;
            if !met.insert(user.gsid.clone()) {
                return Err(Flaw { code: "GU_2411", says: "This user stands in the batch twice.".into() });
            }
            tenant.read_record(&mut user, record, &batch, Act::Update)?;
            tenant.users.edit(&user.gsid, |held| held.row = user.clone());
            Ok(user)
        })
    }

    /// Reads one record over a user and looks whether the result may stand beside the others.
    fn read_record(
        &self,
        user: &mut User,
        mut record: Map<String, Value>,
        batch: &Batch,
        act: Act,
    ) -> Result<(), Flaw> {
        let before = user.clone();
        batch.resolve(&mut record, act, self.users.iter().map(|held| &held.row))?;
        read_over(user, record, batch, act)?;
        for (key, was, is) in
            [("SFDCUserName", &before.sfdc_user_name, &user.sfdc_user_name), ("Email", &before.email, &user.email)]
        {
            if !was.eq_ignore_ascii_case(is) && self.by_key(key, is).is_some_and(|other| other.gsid != user.gsid) {
                return Err(Flaw { code: "GU_2411", says: format!("{key}: another user has it") });
            }
        }
        match &user.manager {
            Some(manager) if *manager == user.gsid => {
                Err(Flaw { code: "GU_2410", says: "Manager: a user can't be their own manager".into() })
            }
            Some(manager) if self.users.get(manager).is_none() => Err(act.flaw("Manager: no such user".into())),
            _ => {
                user.modified_date = clock::now();
                Ok(())
            }
        }
    }

    fn by_key(&self, key: &str, value: &str) -> Option<User> {
        if key == "Email" {
            return self.users.with_email(value).first().map(|held| held.row.clone());
        }
        let fits = |user: &User| match key {
            "SFDCUserName" => user.sfdc_user_name.eq_ignore_ascii_case(value),
            "SfdcUserId" => user.sfdc_user_id.as_deref() == Some(value),
            _ => user.gsid == value,
        };
        self.users.iter().map(|held| &held.row).find(|user| !value.is_empty() && fits(user)).cloned()
    }

    /// Switches users on or off; the body is a bare array of GSIDs.
    fn switch(&mut self, call: &Call) -> Reply {
        let on = match call.query("status") {
            Some("true") => true,
            Some("false") => false,
            _ => return self.refuse(StatusCode::BAD_REQUEST, "GU_2402", "status is true or false.", Value::Null),
        };
        let ids: Option<Vec<String>> = call.json().ok().and_then(|body| serde_json::from_value(body).ok());
        let Some(ids) = ids.filter(|ids| (1..=RECORDS_MAX).contains(&ids.len())) else {
            let says = format!("The body must be an array of 1 to {RECORDS_MAX} GSIDs.");
            return self.refuse(StatusCode::BAD_REQUEST, "GU_2402", &says, Value::Null);
        };
        self.write(Act::Update, ids, |tenant, id| {
            let switched = tenant.users.edit(&id, |held| {
                (held.row.is_active_user, held.row.modified_date) = (on, clock::now());
            });
            switched.map(|held| held.row.clone()).ok_or_else(|| Act::Update.flaw(format!("{id}: no such user")))
        })
    }

    /// Does each part of a batch and tells what became of which. Where some are bad, the good ones stand or fall with
    /// them, as the tenant's habit is; either way the answer is a 400.
    fn write<T>(&mut self, act: Act, parts: Vec<T>, mut each: impl FnMut(&mut Self, T) -> Result<User, Flaw>) -> Reply {
        let (before, size) = (self.users.clone(), parts.len());
        let (mut done, mut flaws) = (Vec::new(), Vec::new());
        for (index, part) in parts.into_iter().enumerate() {
            match each(self, part) {
                Ok(user) => done.push(json!({"Gsid": user.gsid, "Email": user.email})),
                Err(flaw) => flaws.push((index, flaw)),
            }
        }
        if !flaws.is_empty() && self.habit == Habit::BatchAsAWhole {
            self.users = before;
            done.clear();
        }
        let errors: Vec<Value> = flaws.iter().map(|(index, flaw)| flaw.told(*index)).collect();
        let data = json!({"count": done.len(), "records": done, "errors": errors});
        match flaws.first() {
            None => self.done(data),
            Some((_, flaw)) if size == 1 => self.refuse(StatusCode::BAD_REQUEST, flaw.code, &flaw.says, data),
            Some(_) => self.refuse(StatusCode::BAD_REQUEST, act.code(), act.says(), data),
        }
    }
}

impl Imitation for Tenant {
    fn answer(&mut self, call: &Call) -> Reply {
        match (call.method.clone(), call.path().as_slice()) {
            (Method::POST, ["users", "services"]) => self.create(call),
            (Method::PUT, ["users", "services"]) => self.update(call),
            (Method::PUT, ["users", "services", "status"]) => self.switch(call),
            (Method::POST, ["users", "services", "list"]) => self.list(call),
            _ => self.refuse(StatusCode::NOT_FOUND, "not_found", "There is nothing here.", Value::Null),
        }
    }

    fn census(&self) -> Vec<Seen> {
        self.users.iter().map(seen).collect()
    }

    fn sightings(&self, email: &str) -> Vec<Seen> {
        self.users.with_email(email).into_iter().map(seen).collect()
    }

    fn confirm(&mut self, _email: &str) -> bool {
        false
    }

    fn change(&mut self, id: &str, patch: &Value) -> bool {
        merge(&mut self.users, id, patch) && self.users.edit(id, |held| held.row.modified_date = clock::now()).is_some()
    }

    fn purge(&mut self, id: &str) -> bool {
        self.users.remove(id).is_some()
    }

    fn shift(&mut self) {
        if !dismiss_stranger(&mut self.users) {
            let (gsid, name) = (self.next_id(), "Shifting Row".into());
            self.users.push_front(User { gsid, name, email: STRANGER.into(), ..User::default() });
        }
    }

    fn adopt(&mut self, habit: Habit) -> bool {
        let known = matches!(habit, Habit::BatchInPart | Habit::BatchAsAWhole);
        if known {
            self.habit = habit;
        }
        known
    }

    fn refusal(&mut self, status: StatusCode, code: &str, message: &str) -> Option<Reply> {
        let code = match status {
            StatusCode::TOO_MANY_REQUESTS => "GU_2400",
            StatusCode::INTERNAL_SERVER_ERROR => "GU_1101",
            _ => code,
        };
        Some(self.refuse(status, code, message, Value::Null))
    }

    fn directory(&mut self) -> Option<&mut dyn Directory> {
        Some(self)
    }

    fn set_sso(&mut self, on: bool) {
        self.sso = on;
    }

    fn copy(&self) -> Box<dyn Imitation> {
        Box::new(self.clone())
    }
}

/// Shows a user with what the other surfaces know besides.
fn seen(held: &Held<User>) -> Seen {
    Seen { body: shown(&held.row), ..Seen::of("user", held, held.row.is_active_user) }
}
