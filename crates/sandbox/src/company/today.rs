//! What happened since yesterday: people join, move, leave, come back and change their names. It turns yesterday's HR
//! export into today's. The apps know nothing of it yet; bringing them up to date is what the product is for.

use jiff::civil::Date;

use super::cast::{employee_id, leave, person};
use super::{Person, Status, days_after, days_before};

/// Returns today's export.
pub(super) fn export(yesterday: &[Person], today: Date) -> Vec<Person> {
    let mut people = yesterday.to_vec();
    for person in &mut people {
        turn(person, today);
    }
    let number = people.len() as u32;
    people.extend(joiners(number, today));
    people
}

/// Turns one person of the cast into what today makes of them.
fn turn(person: &mut Person, today: Date) {
    let Some(id) = person.employee_id.clone() else { return };
    let is = |number: u32| id == employee_id(number);
    if is(6) {
        person.family_name = "Smith".into();
        person.work_email = "jane.smith@acme.example".into();
    } else if is(7) {
        move_to(person, "Customer Success", "Customer Success Manager", 4);
    } else if is(8) {
        move_to(person, "Support", "Team Lead", 3);
    } else if is(17) {
        move_to(person, "Support", "Support Agent", 5);
    } else if is(20) {
        move_to(person, "IT", "Systems Engineer", 2);
    } else if is(9) || is(16) {
        leave(person, days_before(today, 1));
    } else if is(10) {
        person.end_date = Some(today);
    } else if is(11) {
        person.start_date = today;
        person.end_date = None;
        person.status = Status::Active;
    }
}

fn move_to(person: &mut Person, department: &'static str, title: &str, manager: u32) {
    person.department = department;
    person.title = title.into();
    person.manager_id = Some(employee_id(manager));
}

/// Returns those who are new: one in support, a manager with a report, and one who starts in two weeks. The report
/// stands before the manager, so that a file read from top to bottom does not help.
fn joiners(number: u32, today: Date) -> Vec<Person> {
    let later = days_after(today, 14);
    let success = "Customer Success";
    let new = |offset, name, email, job, start, boss| Person {
        manager_id: Some(employee_id(boss)),
        ..person(number + offset, name, email, job, start)
    };
    vec![
        new(1, ("Pia", "Novak"), "pia.novak", ("Support", "Support Agent"), today, 5),
        new(2, ("Omar", "Haddad"), "omar.haddad", (success, "Customer Success Manager"), today, number + 3),
        new(3, ("Nora", "Weiss"), "nora.weiss", (success, "Customer Success Lead"), today, 4),
        new(4, ("Zoe", "Park"), "zoe.park", ("Support", "Support Agent"), later, 5),
    ]
}
