//! Restless daemons: two `tenure serve` on one store, of which now one and now the other is ended with `kill -9` and
//! started again, and a PostgreSQL that is cut off under them. What is there afterwards is compared with a calm day.
//! A few kills in every run, hundreds with `TENURE_LONG=1`; `TENURE_SEED` repeats the moments of a run.

use crate::day::{Day, calm_day, expect, finish, is_long, open, seed_of_the_moments, settle, steps_for_us, until_done};
use crate::stage::{Daemon, Stage, keep_in, on_postgres};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;
use tenure_sandbox::Dialect;
use tenure_store::test_support::FrailPostgres;

const SEED: u64 = 1;
const KILLS_SHORT: usize = 8;
const KILLS_LONG: usize = 260;
const CUTS_SHORT: usize = 2;
const CUTS_LONG: usize = 60;
/// So many disturbances come before somebody looks whether there is anything left to do.
const BETWEEN_LOOKS: usize = 3;
/// A day that still has something to do after so many disturbances does not get on.
const DISTURBANCES_MAX: usize = 45;
/// After so many the daemons are left alone twice as long as at first.
const CALMS_DOWN_AFTER: f64 = 6.0;
/// The longest that the daemons are left alone, and that the database is away.
const ALONE_MAX: Duration = Duration::from_millis(1200);

/// What befalls a stage now and then.
trait Disturbance {
    fn befall(&mut self, stage: &Stage, daemons: &mut [Daemon; 2], rng: &mut StdRng);
}

/// One of the two is killed and started again.
struct Kill;

impl Disturbance for Kill {
    fn befall(&mut self, stage: &Stage, daemons: &mut [Daemon; 2], rng: &mut StdRng) {
        let one = &mut daemons[rng.random_range(0..2)];
        one.is_there();
        std::mem::replace(one, Daemon::start(stage)).kill();
    }
}

/// The database is cut off and comes back.
struct Cut(FrailPostgres);

impl Disturbance for Cut {
    fn befall(&mut self, _: &Stage, daemons: &mut [Daemon; 2], rng: &mut StdRng) {
        self.0.stop();
        std::thread::sleep(ALONE_MAX.mul_f64(rng.random_range(0.0..1.0)));
        self.0.start_again();
        daemons.iter_mut().for_each(Daemon::is_there);
    }
}

/// Goes through a day that is disturbed from its first read to its last write; returns how often it was.
fn restless_day(stage: &Stage, day: &Day, disturbance: &mut dyn Disturbance, rng: &mut StdRng) -> usize {
    let mut daemons = [Daemon::start(stage), Daemon::start(stage)];
    let mut disturbed = 0;
    let mut disturb = |daemons: &mut [Daemon; 2], rng: &mut StdRng| {
        for _ in 0..BETWEEN_LOOKS {
            // The longer a day lasts, the calmer it gets: a busy machine needs more time between two disturbances.
            let calmer = 1.0 + disturbed as f64 / CALMS_DOWN_AFTER;
            std::thread::sleep(ALONE_MAX.mul_f64(calmer * rng.random_range(0.0..1.0)));
            disturbance.befall(stage, daemons, rng);
            disturbed += 1;
        }
        assert!(disturbed < DISTURBANCES_MAX, "there is still something to do: {}", everything_told(stage));
    };
    disturb(&mut daemons, rng);
    until_done(stage, &["pull"]);
    stage.next_morning();
    until_done(stage, &["pull"]);
    while is_left(stage) {
        disturb(&mut daemons, rng);
    }
    for daemon in daemons {
        daemon.end();
    }
    finish(stage, &["pull"]);
    settle(stage, day);
    expect(&stage.run(&["audit", "verify"]), 0);
    disturbed
}

/// Returns what an operator would look at: the plan, the work that waits, and what was done last.
fn everything_told(stage: &Stage) -> String {
    let journal = stage.plainly(&["audit", "export"]).out;
    let lines: Vec<&str> = journal.lines().collect();
    let last = lines[lines.len().saturating_sub(60)..].join("\n");
    let told = ["plan", "doctor", "metrics"].map(|word| stage.plainly(&[word]).out).join("\n");
    format!("{told}\n{last}")
}

/// Tells whether anything is left for us to do, and lets security agree to it.
fn is_left(stage: &Stage) -> bool {
    let planned = stage.run(&["plan"]);
    assert!(matches!(planned.code, 0 | 2 | 3), "{planned}");
    let plan = planned.json().unwrap();
    let steps = steps_for_us(&plan);
    if steps.iter().any(|step| step["approval"]["state"] == "waiting") {
        let id = plan["id"].as_str().unwrap();
        let approved = stage.run(&["approve", id, "--as", "mia@acme.example"]);
        // A daemon may have carried it out or made it anew meanwhile.
        assert!(matches!(approved.code, 0 | 1 | 3), "{approved}");
    }
    !steps.is_empty()
}

/// Goes through days until there were enough disturbances.
fn restless_days(wanted: usize, mut stage: impl FnMut(Dialect) -> Option<(Stage, Box<dyn Disturbance>)>) {
    let seed = seed_of_the_moments();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut calm = [Dialect::Guide, Dialect::Live].map(|dialect| (dialect, None));
    let (mut disturbed, mut days) = (0, 0);
    while disturbed < wanted {
        let (dialect, day) = &mut calm[days % 2];
        let Some((stage, mut disturbance)) = stage(*dialect) else { return };
        let day = day.get_or_insert_with(|| calm_day(SEED, *dialect));
        disturbed += restless_day(&stage, day, &mut *disturbance, &mut rng);
        days += 1;
        println!("{disturbed} disturbances in {days} days");
    }
}

fn kills() -> usize {
    if is_long() { KILLS_LONG } else { KILLS_SHORT }
}

#[test]
fn daemons_killed_now_and_then_on_sqlite_do_nothing_twice_and_lose_nothing() {
    restless_days(kills(), |dialect| Some((open(SEED, dialect), Box::new(Kill))));
}

#[test]
fn daemons_killed_now_and_then_on_postgresql_do_nothing_twice_and_lose_nothing() {
    restless_days(kills(), |dialect| {
        let stage = open(SEED, dialect);
        on_postgres(&stage).then(|| (stage, Box::new(Kill) as Box<dyn Disturbance>))
    });
}

#[test]
fn daemons_whose_postgresql_is_cut_off_go_on_when_it_is_back() {
    restless_days(if is_long() { CUTS_LONG } else { CUTS_SHORT }, |dialect| {
        let (stage, postgres) = (open(SEED, dialect), FrailPostgres::start()?);
        keep_in(&stage, postgres.url());
        Some((stage, Box::new(Cut(postgres)) as Box<dyn Disturbance>))
    });
}
