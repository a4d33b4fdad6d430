//! The made-up company: who works there, as yesterday's and today's HR export say. The vendors' tenants are seeded from
//! yesterday's state and the files are written from both, so the two agree. It is made from a seed and a date alone and
//! knows no vendor's record.

mod access;
mod cast;
mod crowd;
mod today;

use jiff::civil::Date;

pub(crate) use access::{GladlyAccess, Oddity};

/// The departments, in the order of the reference lists.
pub(crate) const DEPARTMENTS: [&str; 8] =
    ["Executive", "Support", "IT", "Customer Success", "Sales", "Engineering", "Finance", "Marketing"];

/// The locations, in the order of the reference lists.
pub(crate) const LOCATIONS: [&str; 6] = ["Berlin", "London", "New York", "San Francisco", "Tokyo", "Auckland"];

/// What HR says about someone's employment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Employed.
    Active,
    /// Employed and away for a while.
    Leave,
    /// No longer employed.
    Terminated,
}

/// One row of the HR file, or somebody who is in the apps alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The employee number; absent for those whom HR does not know.
    pub employee_id: Option<String>,
    /// The first name.
    pub given_name: String,
    /// The last name.
    pub family_name: String,
    /// The address that accounts are made with.
    pub work_email: String,
    /// `employee` or `contractor`.
    pub employment: &'static str,
    /// The department.
    pub department: &'static str,
    /// The job title.
    pub title: String,
    /// The office.
    pub location: &'static str,
    /// The employee number of the manager.
    pub manager_id: Option<String>,
    /// The first day worked.
    pub start_date: Date,
    /// The last day worked.
    pub end_date: Option<Date>,
    /// The IANA name of the person's time zone.
    pub time_zone: &'static str,
    /// What HR says.
    pub status: Status,
    /// The telephone number.
    pub phone: Option<String>,
    /// The language.
    pub locale: &'static str,
    pub(crate) oddity: Oddity,
}

/// The made-up company on two days.
#[derive(Clone, Debug)]
pub struct Company {
    /// The day of the second export.
    pub today: Date,
    /// What HR exported yesterday, and what the apps reflect.
    pub yesterday: Vec<Person>,
    /// What HR exports today.
    pub now: Vec<Person>,
    strangers: Vec<Person>,
}

impl Company {
    /// Makes up a company with about so many people.
    pub fn invent(people: usize, seed: u64, today: Date) -> Self {
        let mut yesterday = cast::cast(today);
        let missing = people.saturating_sub(yesterday.len());
        yesterday.extend(crowd::crowd(missing, yesterday.len(), seed, today));
        let now = today::export(&yesterday, today);
        Company { today, yesterday, now, strangers: cast::strangers(today) }
    }

    /// Returns everyone who may hold accounts, in the order in which they came.
    pub(crate) fn by_start(&self) -> Vec<&Person> {
        let mut people: Vec<&Person> = self.strangers.iter().chain(&self.yesterday).collect();
        people.sort_by_key(|person| person.start_date);
        people
    }
}

impl Person {
    /// Returns the full name.
    pub fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// Returns the title, where there is one; machines and strangers have none.
    pub(crate) fn known_title(&self) -> Option<String> {
        Some(self.title.clone()).filter(|title| !title.is_empty())
    }

    pub(crate) fn has_left(&self) -> bool {
        self.status == Status::Terminated
    }
}

/// Returns a day that lies so many days before another.
pub(crate) fn days_before(date: Date, days: i64) -> Date {
    date.saturating_sub(jiff::Span::new().days(days))
}

/// Returns a day that lies so many days after another.
pub(crate) fn days_after(date: Date, days: i64) -> Date {
    date.saturating_add(jiff::Span::new().days(days))
}
