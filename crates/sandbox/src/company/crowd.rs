//! The people without a part in the story, as many as were asked for. They come from a seed and two lists of names, each
//! with an address of their own. Nothing happens to them.

use jiff::civil::Date;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::cast::{employee_id, person};
use super::{Person, days_before};

/// Offices and their time zones.
pub(super) const OFFICES: [(&str, &str); 6] = [
    ("Berlin", "Europe/Berlin"),
    ("London", "Europe/London"),
    ("New York", "America/New_York"),
    ("San Francisco", "America/Los_Angeles"),
    ("Tokyo", "Asia/Tokyo"),
    ("Auckland", "Pacific/Auckland"),
];

const GIVEN: [&str; 32] = [
    "Adam", "Beatriz", "Carlos", "Diana", "Emeka", "Fatima", "Georg", "Hana", "Ingrid", "Jonas", "Karim", "Leila",
    "Marco", "Nina", "Oskar", "Paula", "Quentin", "Rita", "Stefan", "Tara", "Umar", "Vera", "Wei", "Ximena", "Yusuf",
    "Zara", "Arjun", "Bella", "Cedric", "Dora", "Elias", "Freya",
];
const FAMILY: [&str; 31] = [
    "Abbott",
    "Bianchi",
    "Cohen",
    "Dubois",
    "Eriksen",
    "Ferrari",
    "Gupta",
    "Horvat",
    "Ibrahim",
    "Jansen",
    "Kowalski",
    "Larsen",
    "Moreau",
    "Novotny",
    "Olsen",
    "Pereira",
    "Quinn",
    "Rossi",
    "Schmidt",
    "Tamm",
    "Ueda",
    "Varga",
    "Walsh",
    "Xu",
    "Yilmaz",
    "Zhang",
    "Andersson",
    "Brandt",
    "Castro",
    "Dahl",
    "Engel",
];

/// Departments with their managers' numbers, usual titles and shares.
const JOBS: [(&str, u32, &str, u32); 7] = [
    ("Support", 5, "Support Agent", 38),
    ("IT", 2, "Systems Engineer", 8),
    ("Customer Success", 4, "Customer Success Manager", 14),
    ("Sales", 1, "Account Executive", 14),
    ("Engineering", 1, "Software Engineer", 14),
    ("Finance", 19, "Analyst", 6),
    ("Marketing", 1, "Campaign Manager", 6),
];

/// Returns so many people, numbered on after those who are there.
pub(super) fn crowd(count: usize, there: usize, seed: u64, today: Date) -> Vec<Person> {
    let mut rng = StdRng::seed_from_u64(seed);
    let turn = rng.random_range(0..GIVEN.len() * FAMILY.len());
    (0..count).map(|index| extra(index, (there + index + 1) as u32, turn, &mut rng, today)).collect()
}

fn extra(index: usize, number: u32, turn: usize, rng: &mut StdRng, today: Date) -> Person {
    let names = GIVEN.len() * FAMILY.len();
    // 32 and 31 have no common divisor, so walking both lists at once meets every pair before it repeats.
    let pair = index + turn;
    let (given, family) = (GIVEN[pair % GIVEN.len()], FAMILY[pair % FAMILY.len()]);
    let round = index / names;
    let namesake = if round == 0 { String::new() } else { (round + 1).to_string() };
    let email = format!("{}.{}{namesake}", given.to_lowercase(), family.to_lowercase());
    let (department, manager, title) = job(rng);
    let lead = department == "Support" && rng.random_range(0..14) == 0;
    let title = if lead { "Team Lead" } else { title };
    let start = days_before(today, rng.random_range(20..2000));
    let mut person = person(number, (given, family), &email, (department, title), start);
    person.manager_id = Some(employee_id(if lead { 3 } else { manager }));
    if department == "Support" && !lead && rng.random_range(0..20) == 0 {
        person.employment = "contractor";
    }
    person
}

fn job(rng: &mut StdRng) -> (&'static str, u32, &'static str) {
    let mut ticket = rng.random_range(0..100);
    for (department, manager, title, share) in JOBS {
        if ticket < share {
            return (department, manager, title);
        }
        ticket -= share;
    }
    ("Sales", 1, "Account Executive")
}
