//! The people whom an identity provider knows, with where they stand and the sessions that they have open. Each provider
//! shows them in its own form. It is seeded from what HR knew yesterday; what happens here HR does not know.

use std::collections::BTreeMap;

use crate::paging::digest;
use crate::{Company, Person, Status, clock};

/// Where somebody stands with an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Staged,
    Active,
    Locked,
    Suspended,
    Deactivated,
}

impl Standing {
    const ALL: [Standing; 5] =
        [Standing::Staged, Standing::Active, Standing::Locked, Standing::Suspended, Standing::Deactivated];

    pub fn name(self) -> &'static str {
        match self {
            Standing::Staged => "staged",
            Standing::Active => "active",
            Standing::Locked => "locked",
            Standing::Suspended => "suspended",
            Standing::Deactivated => "deactivated",
        }
    }

    pub fn signs_in(self) -> bool {
        self == Standing::Active
    }
}

/// Somebody.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// A number that each provider writes in its own way.
    pub number: u64,
    pub email: String,
    pub given_name: String,
    pub family_name: String,
    pub employee_id: String,
    pub employment: String,
    pub department: String,
    pub title: String,
    pub location: String,
    pub manager_id: Option<String>,
    pub phone: Option<String>,
    pub time_zone: String,
    pub locale: String,
    pub standing: Standing,
    /// When they were made and last changed (milliseconds since 1970).
    pub created_ms: i64,
    pub updated_ms: i64,
    /// What was changed last, in our word.
    pub changed: &'static str,
    /// Sessions of a browser, and tokens of apps.
    pub sessions: u32,
    pub tokens: u32,
    /// Passwords of apps that cannot ask their user.
    pub app_passwords: u32,
    /// How often their sessions were ended.
    pub endings: u32,
}

impl Known {
    pub fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }
}

/// All of them, by their numbers in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct People(BTreeMap<u64, Known>, Vec<(u64, i64)>);

impl People {
    pub fn of(company: &Company) -> Self {
        let known = company.yesterday.iter().enumerate().map(|(at, person)| known(at as u64 + 1, person));
        People(known.map(|known| (known.number, known)).collect(), Vec::new())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Known> {
        self.0.values()
    }

    pub fn get(&self, number: u64) -> Option<&Known> {
        self.0.get(&number)
    }

    /// Ends the browser's sessions of somebody, and what apps hold where that is asked as well.
    pub fn end_sessions(&mut self, number: u64, tokens_too: bool) {
        let Some(known) = self.0.get_mut(&number) else { return };
        known.sessions = 0;
        if tokens_too {
            known.tokens = 0;
        }
        known.endings += 1;
    }

    /// Takes back the last app that was let in by somebody, or the last of their app passwords; says whether it was there.
    pub fn take_back(&mut self, number: u64, last: u32, is_token: bool) -> bool {
        let Some(known) = self.0.get_mut(&number) else { return false };
        let count = if is_token { &mut known.tokens } else { &mut known.app_passwords };
        let there = last > 0 && *count == last;
        *count -= u32::from(there);
        there
    }

    pub fn with_email(&self, email: &str) -> Option<&Known> {
        self.iter().find(|known| known.email.eq_ignore_ascii_case(email))
    }

    fn edit(&mut self, email: &str, change: impl FnOnce(&mut Known)) -> bool {
        let found = self.0.values_mut().find(|known| known.email.eq_ignore_ascii_case(email));
        let Some(known) = found else { return false };
        change(known);
        known.updated_ms = now_ms();
        true
    }

    pub fn stand(&mut self, email: &str, standing: &str) -> bool {
        let Some(standing) = Standing::ALL.into_iter().find(|one| one.name() == standing) else { return false };
        self.edit(email, |known| {
            known.standing = standing;
            known.changed = "standing";
            // A provider ends the browser's sessions of whomever it shuts out; what apps hold lives on.
            if !standing.signs_in() {
                known.sessions = 0;
            }
        })
    }

    pub fn change(&mut self, email: &str, field: &str, value: &str) -> bool {
        let Some(known) = self.with_email(email).map(|known| known.number) else { return false };
        let Some(known) = self.0.get_mut(&known) else { return false };
        let (word, place) = match field {
            "email" => ("email", &mut known.email),
            "department" => ("department", &mut known.department),
            "title" => ("title", &mut known.title),
            "employee_id" => ("employee_id", &mut known.employee_id),
            _ => return false,
        };
        known.changed = word;
        *place = value.to_owned();
        known.updated_ms = now_ms();
        true
    }

    pub fn delete(&mut self, email: &str) -> bool {
        let number = self.with_email(email).map(|known| known.number);
        self.1.extend(number.map(|number| (number, now_ms())));
        number.is_some_and(|number| self.0.remove(&number).is_some())
    }

    /// Lists the numbers of those who were removed for good, and when.
    pub fn removed(&self) -> &[(u64, i64)] {
        &self.1
    }

    /// Returns somebody's manager.
    pub fn manager(&self, known: &Known) -> Option<&Known> {
        let id = known.manager_id.as_deref()?;
        self.iter().find(|other| other.employee_id == id)
    }

    pub fn sign_in(&mut self, email: &str) -> bool {
        let found = self.0.values_mut().find(|known| known.email.eq_ignore_ascii_case(email));
        let Some(known) = found.filter(|known| known.standing.signs_in()) else { return false };
        known.sessions += 1;
        known.tokens += 1;
        true
    }
}

pub(super) fn now_ms() -> i64 {
    i64::try_from(clock::since_epoch().as_millis()).unwrap_or(i64::MAX)
}

fn known(number: u64, person: &Person) -> Known {
    let standing = match person.status {
        Status::Active => Standing::Active,
        Status::Leave => Standing::Suspended,
        Status::Terminated => Standing::Deactivated,
    };
    let day = |date: jiff::civil::Date| {
        date.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |day| day.timestamp().as_millisecond())
    };
    let created_ms = day(person.start_date);
    let open = u32::from(standing.signs_in());
    Known {
        number,
        email: person.work_email.clone(),
        given_name: person.given_name.clone(),
        family_name: person.family_name.clone(),
        employee_id: person.employee_id.clone().unwrap_or_default(),
        employment: person.employment.into(),
        department: person.department.into(),
        title: person.title.clone(),
        location: person.location.into(),
        manager_id: person.manager_id.clone(),
        phone: person.phone.clone(),
        time_zone: person.time_zone.into(),
        locale: person.locale.into(),
        standing,
        created_ms,
        changed: "",
        updated_ms: person.end_date.map_or(created_ms, day).max(created_ms),
        sessions: open + (digest(&number) % 2) as u32 * open,
        tokens: open,
        app_passwords: 2 * open,
        endings: 0,
    }
}
