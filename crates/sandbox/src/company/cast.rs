//! The people with a part in the story, and those whom HR does not know. They are the same for every seed and size, so
//! that the demo and the documents can name them. What happens to them today stands in the file beside this one.

use jiff::civil::Date;

use super::{Oddity, Person, Status, days_before};
use crate::credentials::OWNER_EMAIL;

/// Builds a person from what differs between people.
pub(super) fn person(number: u32, name: (&str, &str), email: &str, job: (&'static str, &str), start: Date) -> Person {
    let place = super::crowd::OFFICES[number as usize % super::crowd::OFFICES.len()];
    Person {
        employee_id: Some(employee_id(number)),
        given_name: name.0.into(),
        family_name: name.1.into(),
        work_email: format!("{email}@acme.example"),
        employment: "employee",
        department: job.0,
        title: job.1.into(),
        location: place.0,
        manager_id: None,
        start_date: start,
        end_date: None,
        time_zone: place.1,
        status: Status::Active,
        phone: Some(format!("+1 555 {:03} {:04}", number / 10_000, number % 10_000)),
        locale: "en",
        oddity: Oddity::None,
    }
}

/// Returns the employee number as HR writes it.
pub(super) fn employee_id(number: u32) -> String {
    format!("E{number:05}")
}

/// Returns the named people as HR knew them yesterday, each with the number of the manager.
pub(super) fn cast(today: Date) -> Vec<Person> {
    let ago = |days| days_before(today, days);
    let managed = |boss: u32, person: Person| Person { manager_id: Some(employee_id(boss)), ..person };
    let agent = ("Support", "Support Agent");
    let mut people = vec![
        person(1, ("Olivia", "Grant"), "olivia.grant", ("Executive", "Chief Executive"), ago(3000)),
        managed(1, person(2, ("Mia", "Torres"), "mia", ("IT", "Head of IT"), ago(2400))),
        managed(1, person(3, ("Samuel", "Okafor"), "samuel.okafor", ("Support", "Head of Support"), ago(2100))),
        managed(
            1,
            person(4, ("Nadia", "Petrov"), "nadia.petrov", ("Customer Success", "Head of Customer Success"), ago(1900)),
        ),
        managed(3, person(5, ("Lena", "Fischer"), "lena.fischer", ("Support", "Team Lead"), ago(1500))),
        managed(5, person(6, ("Jane", "Doe"), "jane.doe", agent, ago(900))),
        managed(5, person(7, ("Tom", "Baker"), "tom.baker", agent, ago(800))),
        managed(5, person(8, ("Aisha", "Khan"), "aisha.khan", agent, ago(1200))),
        managed(5, person(9, ("Bruno", "Costa"), "bruno.costa", agent, ago(700))),
        managed(5, person(10, ("Hiro", "Tanaka"), "hiro.tanaka", agent, ago(640))),
        managed(5, person(11, ("Rosa", "Lind"), "rosa.lind", agent, ago(1000))),
        managed(5, person(12, ("Derek", "Hall"), "derek.hall", agent, ago(1100))),
        managed(5, person(13, ("Kofi", "Mensah"), "kofi.mensah", agent, ago(500))),
        managed(5, person(14, ("Yuki", "Sato"), "yuki.sato", agent, ago(2))),
        managed(5, person(15, ("Sam", "Lee"), "sam+support", agent, ago(420))),
        managed(
            4,
            person(16, ("Chloe", "Martin"), "chloe.martin", ("Customer Success", "Customer Success Manager"), ago(610)),
        ),
        managed(
            4,
            person(17, ("Ivan", "Sousa"), "ivan.sousa", ("Customer Success", "Customer Success Manager"), ago(580)),
        ),
        managed(2, person(18, ("Priya", "Nair"), "priya.nair", ("IT", "Systems Engineer"), ago(760))),
        managed(
            1,
            person(19, ("Anne-Marie", "d'Aubigné"), "anne-marie.daubigne", ("Finance", "Director, Finance"), ago(1700)),
        ),
        managed(19, person(20, ("Felix", "Braun"), "felix.braun", ("Finance", "Analyst"), ago(330))),
        managed(5, person(21, ("Zoë", "Müller"), "zoe.mueller", ("Support", "Support Agent"), ago(210))),
    ];
    cue(&mut people, today);
    people
}

fn cue(people: &mut [Person], today: Date) {
    for person in people {
        match person.given_name.as_str() {
            "Rosa" => leave(person, days_before(today, 60)),
            "Derek" => leave(person, days_before(today, 200)),
            "Kofi" => person.oddity = Oddity::ExtraGroup,
            "Yuki" => person.oddity = Oddity::Pending,
            // Where the day ends early, so that yesterday is over everywhere when the story begins.
            "Bruno" | "Chloe" => (person.location, person.time_zone) = ("Berlin", "Europe/Berlin"),
            "Zoë" => person.employment = "contractor",
            "Hiro" => (person.location, person.time_zone) = ("San Francisco", "America/Los_Angeles"),
            _ => {}
        }
    }
}

/// Ends somebody's employment.
pub(super) fn leave(person: &mut Person, last_day: Date) {
    person.end_date = Some(last_day);
    person.status = Status::Terminated;
}

/// Returns those who are in the apps and in no HR file.
pub(super) fn strangers(today: Date) -> Vec<Person> {
    let stranger = |oddity, name: (&str, &str), email: &str, days| Person {
        employee_id: None,
        phone: None,
        work_email: email.into(),
        oddity,
        ..person(0, name, "", ("", ""), days_before(today, days))
    };
    vec![
        stranger(Oddity::Owner, ("Account", "Owner"), OWNER_EMAIL, 3200),
        stranger(Oddity::Bot, ("Helpdesk", "Bot"), "helpdesk-bot@acme.example", 1300),
        stranger(Oddity::Orphan, ("Gary", "Former"), "gary.former@acme.example", 1600),
    ]
}
