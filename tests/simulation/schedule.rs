//! One schedule: some days of bad weather on which HR's file changes, another admin writes, and processes read, plan, apply
//! and are killed side by side; then the weather clears, and all must come to rest as wished.

use crate::aims::{self, Notes};
use crate::process::{APPROVER, Went, Word, daemon, process, walk};
use crate::town::{Town, out_of};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use std::fmt;
use std::time::Duration;
use tenure_core::abilities::Effect;
use tenure_core::change::{Hold, Plan};
use tenure_core::guards::release::RELEASABLE;
use tenure_engine::EngineError;
use tenure_engine::answer::{FindingsAsked, findings};
use tenure_engine::apply::apply;
use tenure_engine::decide::{By, Verdict, judge_steps, release};
use tenure_engine::house::House;
use tenure_engine::plan::make_plan;
use tenure_engine::progress::Progress;
use tenure_engine::pull::Reach;
use tenure_engine::reconcile::Scope;
use tenure_engine::stop::{Brake, resume};
use tenure_sandbox::Vendor;

/// What has not come to rest after so many calm days never will.
const CALM_DAYS_MAX: u32 = 8;

/// Fields of other admins, which no policy wishes.
const FOREIGN: [(Vendor, &str); 2] = [(Vendor::Freshdesk, "mobile"), (Vendor::Freshservice, "mobile_phone_number")];

/// How a schedule went, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    pub trace: u64,
    requests: u64,
    lost: u64,
    went: Went,
    calm_days: u64,
}

impl Ended {
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.lost += other.lost;
        self.went.killed += other.went.killed;
        self.went.steps += other.went.steps;
        self.went.refused += other.went.refused;
        self.calm_days += other.calm_days;
    }

    /// Fails where so many schedules were so quiet that they show nothing.
    pub fn is_lively(&self, schedules: u64) -> Result<(), String> {
        let Went { killed, steps, .. } = self.went;
        let lively = self.lost > schedules && killed > schedules / 4 && steps > schedules / 2;
        if lively { Ok(()) } else { Err(format!("the world is too quiet: {self}")) }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, lost, went, calm_days, .. } = self;
        let Went { killed, steps, refused } = went;
        write!(f, "{requests} requests, {lost} lost; {killed} processes killed, {refused} turned away; ")?;
        write!(f, "{steps} steps done in bad weather; {calm_days} calm days to the end")
    }
}

/// Lives through the schedule of a seed.
pub async fn live(seed: u64) -> Result<Ended, String> {
    let tells = std::env::var_os("TENURE_SEED").is_some();
    let mut town = Town::found(seed, tells);
    let mut chance = StdRng::seed_from_u64(seed);
    let mut notes = Notes::new();
    let mut went = Went::default();
    // The first read is a quiet one: what the company is, is known before things begin to happen.
    let first = walk(&town, "first", Word::Yes, Reach::Everything).await;
    first.map_err(|error| format!("the first walk: {error}"))?;
    for _ in 0..town.size.days {
        town.sleep_till_morning().await;
        let more = day(&mut town, &mut chance, &mut notes).await?;
        went = Went {
            killed: went.killed + more.killed,
            steps: went.steps + more.steps,
            refused: went.refused + more.refused,
        };
    }
    let calm_days = come_to_rest(&mut town, &notes).await?;
    aims::as_wished(&town)?;
    let (trace, requests, lost) = town.road.trace();
    Ok(Ended { trace, requests, lost, went, calm_days })
}

async fn day(town: &mut Town, chance: &mut StdRng, notes: &mut Notes) -> Result<Went, String> {
    let today = town.today();
    for _ in 0..chance.random_range(town.size.happenings.clone()) {
        let happened = town.hr.happen(today, chance);
        town.tell(|| happened);
    }
    let cut = chance.random_bool(0.2);
    town.hr.write(cut);
    town.tell(|| format!("{today}: the file is {}", if cut { "cut short" } else { "whole" }));
    town.weather(true);
    let mut own: Vec<StdRng> =
        (0..chance.random_range(town.size.processes.clone())).map(|_| StdRng::seed_from_u64(chance.random())).collect();
    let impatience = aims::impatience(town);
    let (shared, names) = (&*town, ["one", "two", "three"]);
    let processes = own.iter_mut().zip(names).map(|(own, name)| async move {
        match own.random_bool(0.3) {
            true => daemon(shared, name, own).await,
            false => process(shared, name, own).await,
        }
    });
    let admin = another_admin(shared, chance, notes);
    let (all, ()) = futures::join!(join_all(processes), admin);
    let mut went = Went::default();
    for one in all {
        let one = one?;
        went.killed += one.killed;
        went.steps += one.steps;
        went.refused += one.refused;
    }
    aims::always(town, notes)?;
    aims::guards(town)?;
    // What one process is told, others hear with their next slice, and from one that was killed they never do.
    if own.len() == 1 && went.killed == 0 && aims::impatience(town) > impatience {
        return Err(format!("{today}: an app was asked while it had asked for quiet"));
    }
    let house = town.house().await;
    aims::journal(&house).await?;
    // A process that died with everything stopped leaves it so: somebody sees it, and lets it go on.
    let by = By { who: APPROVER.into(), note: None };
    resume(&Brake::of(&house), &[], &by).await.map_err(|error| error.to_string())?;
    house.close().await;
    if chance.random_bool(0.5) {
        town.everybody_accepts()?;
    }
    Ok(went)
}

/// Another admin writes where the engine has no business, in the middle of things.
async fn another_admin(town: &Town, chance: &mut StdRng, notes: &mut Notes) {
    for _ in 0..chance.random_range(0..3) {
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..5_000))).await;
        let (vendor, field) = FOREIGN[chance.random_range(0..FOREIGN.len())];
        if !town.size.vendors.contains(&vendor) {
            continue;
        }
        let agents: Vec<String> = (town.world().list(vendor).iter())
            .filter(|record| record["sandbox"]["kind"] == "agent" && record["sandbox"]["state"] == "active")
            .filter_map(|record| record["sandbox"]["email"].as_str().map(str::to_owned))
            .collect();
        if agents.is_empty() {
            continue;
        }
        let email = agents[chance.random_range(0..agents.len())].clone();
        let value = json!(format!("+49 30 {}", chance.random_range(1_000..10_000)));
        if town.world().change(vendor, &email, &json!({ field: value })) {
            town.tell(|| format!("another admin sets {field} of {email} in {vendor}"));
            notes.insert((vendor, email, field), value);
        }
    }
}

/// Lets the weather clear, and walks until there is nothing left to do.
async fn come_to_rest(town: &mut Town, notes: &Notes) -> Result<u64, String> {
    town.weather(false);
    town.hr.write(false);
    for calm in 1..=CALM_DAYS_MAX {
        town.sleep_till_morning().await;
        town.everybody_accepts()?;
        town.tell(|| format!("calm day {calm}"));
        walk(town, "calm", Word::Yes, Reach::Everything).await.map_err(|error| format!("calm day {calm}: {error}"))?;
        aims::always(town, notes)?;
        aims::guards(town)?;
        let house = town.house().await;
        let plan = make_plan(&house, &Scope::default(), "calm").await.map_err(|error| error.to_string())?;
        aims::journal(&house).await?;
        tell_findings(town, &house).await?;
        let released = release_all(&house, &plan).await.map_err(|error| format!("calm day {calm}: {error}"))?;
        let open = house.store.open_steps().await.map_err(|error| error.to_string())?;
        house.close().await;
        let left: Vec<_> = plan.steps.iter().filter(|step| step.effect != Effect::Manual).collect();
        // Work for people stays in the plan until they do it; more of it than a guard lets through is held each time.
        let held_in = |of: &Hold| plan.held.iter().filter(|hold| hold.step.connection == of.step.connection).count();
        let stays = |hold: &Hold| hold.step.effect == Effect::Manual && held_in(hold) > town.size.removals_max_per_day;
        let held: Vec<_> = plan.held.iter().filter(|hold| !stays(hold)).collect();
        if released {
            aims::always(town, notes)?;
            (town.out_lately, town.unseen_max) = (out_of(&town.world()), usize::MAX);
        }
        if left.is_empty() && held.is_empty() && open.is_empty() {
            return Ok(u64::from(calm));
        }
        if calm == CALM_DAYS_MAX {
            let told: Vec<String> = left
                .iter()
                .map(|step| {
                    format!("{} in {} for {:?}: {}", step.effect, step.connection, step.person, step.reason.text)
                })
                .collect();
            let held: Vec<&String> = held.iter().map(|hold| &hold.because).collect();
            return Err(format!("no rest after {calm} calm days: {told:?}; held {held:?}; {} open", open.len()));
        }
    }
    Err("no calm day".into())
}

/// Tells whoever replays a seed what a person should know.
async fn tell_findings(town: &Town, house: &House) -> Result<(), String> {
    if town.tells {
        let found = findings(house, &FindingsAsked::default()).await.map_err(|error| error.to_string())?;
        for finding in found.findings {
            town.tell(|| format!("finding {}: {}", finding.kind.as_str(), finding.text));
        }
    }
    Ok(())
}

/// Has somebody answer for what guards hold, once all is calm; tells whether there was anything.
async fn release_all(house: &House, plan: &Plan) -> Result<bool, EngineError> {
    let holds = |guard: &str| plan.held.iter().any(|hold| hold.guard == guard);
    let guards: Vec<String> = RELEASABLE.into_iter().filter(|guard| holds(guard)).map(str::to_owned).collect();
    if guards.is_empty() {
        return Ok(false);
    }
    let freed = release(house, plan, &guards, By { who: APPROVER.into(), note: None }).await?;
    let freed: Vec<String> = freed.iter().map(|step| step.id.to_string()).collect();
    judge_steps(house, &freed, Verdict::Approve, APPROVER, None).await?;
    apply(house, plan, "calm", &Progress::silent()).await?;
    Ok(true)
}
