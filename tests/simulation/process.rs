//! One process: it reads, plans, has somebody say yes or not, and applies, as the program's commands do; and it may be
//! killed at any point at which it waits. Errors that are ours end the schedule, others are a matter of the day.

use crate::killed::Killed;
use crate::town::Town;
use rand::Rng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::Duration;
use tenure_core::change::{ApprovalState, Outcome, Plan};
use tenure_core::facts::Coverage;
use tenure_engine::apply::apply;
use tenure_engine::decide::{By, Verdict, judge_steps};
use tenure_engine::house::House;
use tenure_engine::plan::{find_plan, make_plan};
use tenure_engine::progress::Progress;
use tenure_engine::pull::{Reach, pull};
use tenure_engine::reconcile::{Scope, pin_links};
use tenure_engine::stop::{Brake, resume, stop};
use tenure_engine::work::{Schedule, work};
use tenure_engine::{Blame, EngineError};

pub const APPROVER: &str = "mia@acme.example";

/// A request may be under way, and is waited for.
const DRAINED_WITHIN: Duration = Duration::from_secs(300);

/// What a process does about its plan.
#[derive(Clone, Copy, Debug)]
pub enum Word {
    /// Whoever may approve does.
    Yes,
    /// Whoever may reject does.
    No,
    /// Somebody who may not approve tries to.
    Stranger,
    /// Nobody says anything.
    Silence,
    /// Everything is stopped before it is applied, and let go on later.
    Stop,
}

/// How a process went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Went {
    pub killed: u64,
    pub steps: u64,
    pub refused: u64,
}

/// Lets a process live, perhaps to its end.
pub async fn process(town: &Town, name: &str, chance: &mut StdRng) -> Result<Went, String> {
    tokio::time::sleep(Duration::from_millis(chance.random_range(0..4_000))).await;
    let polls = chance.random_bool(0.5).then(|| chance.random_range(town.size.dies_after.clone()));
    let word = match chance.random_range(0..10) {
        0 => Word::No,
        1 => Word::Stranger,
        2 => Word::Silence,
        3 => Word::Stop,
        _ => Word::Yes,
    };
    let reach = if chance.random_bool(0.3) { Reach::Everything } else { Reach::Changed };
    town.tell(|| format!("{name} begins ({word:?}, {reach:?}, dies after {polls:?})"));
    match Killed::after(polls, walk(town, name, word, reach)).await {
        None => {
            town.tell(|| format!("{name} is killed"));
            Ok(Went { killed: 1, ..Went::default() })
        }
        Some(Ok(steps)) => Ok(Went { steps, ..Went::default() }),
        Some(Err(error)) if error.blame() == Blame::Us => Err(format!("{name}: our own fault: {error}")),
        Some(Err(error)) => {
            town.tell(|| format!("{name}: {error}"));
            Ok(Went { refused: 1, ..Went::default() })
        }
    }
}

/// Lets a daemon live for a while; then it is told to end, or killed. Whoever may approve says yes to what it plans, in a
/// process of their own.
pub async fn daemon(town: &Town, name: &str, chance: &mut StdRng) -> Result<Went, String> {
    tokio::time::sleep(Duration::from_millis(chance.random_range(0..4_000))).await;
    let lives = Duration::from_secs(chance.random_range(town.size.serves_secs.clone()));
    let is_killed = chance.random_bool(0.5);
    town.tell(|| format!("{name} serves, and is {} after {lives:?}", if is_killed { "killed" } else { "told to end" }));
    let house = Arc::new(town.house().await);
    let ours = |error: EngineError| format!("{name}: {error}");
    let schedule = Schedule::of(&house).await.map_err(ours)?;
    let working = work(house.clone(), schedule, Progress::silent());
    let speaking = async {
        loop {
            tokio::time::sleep(Duration::from_secs(90)).await;
            let other = town.house().await;
            if let Ok(plan) = find_plan(&other, None).await {
                let said = say(&other, &plan, Word::Yes).await;
                town.tell(|| format!("yes to {}: {said:?}", plan.id));
            }
            other.close().await;
        }
    };
    tokio::pin!(working, speaking);
    tokio::select! {
        biased;
        ended = &mut working => return Err(format!("{name} ended by itself: {ended:?}")),
        () = &mut speaking => {}
        () = tokio::time::sleep(lives) => {}
    }
    if is_killed {
        return Ok(Went { killed: 1, ..Went::default() });
    }
    house.drain.begin();
    match tokio::time::timeout(DRAINED_WITHIN, working).await {
        Ok(ended) => ended.map_err(ours)?,
        Err(_) => return Err(format!("{name} was told to end and did not within {DRAINED_WITHIN:?}")),
    }
    house.close().await;
    Ok(Went::default())
}

/// Goes the way from reading to applying once; returns how many steps came to a good end.
pub async fn walk(town: &Town, name: &str, word: Word, reach: Reach) -> Result<u64, EngineError> {
    let house = town.house().await;
    let pulls = pull(&house, &house.names(), reach, &Progress::silent()).await?;
    for pull in pulls.iter().filter(|pull| pull.coverage != Coverage::Complete) {
        town.tell(|| {
            format!("{name}: {} is partial: {}", pull.connection, pull.because.as_deref().unwrap_or_default())
        });
    }
    pin_links(&house).await?;
    let plan = make_plan(&house, &Scope::default(), name).await?;
    tell_plan(town, name, &plan);
    say(&house, &plan, word).await?;
    let report = apply(&house, &plan, name, &Progress::silent()).await?;
    let mut well = 0;
    for result in &report.steps {
        well += u64::from(matches!(result.outcome, Outcome::Done | Outcome::AlreadyTrue));
        town.tell(|| format!("{name}: {} {:?} {}", result.id, result.outcome, result.because.as_deref().unwrap_or("")));
    }
    if matches!(word, Word::Stop) {
        resume(&Brake::of(&house), &[], &By { who: APPROVER.into(), note: None }).await?;
    }
    house.close().await;
    Ok(well)
}

fn tell_plan(town: &Town, name: &str, plan: &Plan) {
    for step in &plan.steps {
        town.tell(|| {
            let person = step.person.as_deref().unwrap_or("nobody's");
            format!(
                "{name} plans {} {} in {} for {person}: {}",
                step.id, step.effect, step.connection, step.reason.text
            )
        });
    }
    for hold in &plan.held {
        town.tell(|| format!("{name} holds {} {}: {}", hold.step.id, hold.guard, hold.because));
    }
}

async fn say(house: &House, plan: &Plan, word: Word) -> Result<(), EngineError> {
    let things = [plan.id.to_string()];
    let by = || By { who: APPROVER.into(), note: None };
    match word {
        Word::Yes => judge_steps(house, &things, Verdict::Approve, APPROVER, None).await.map(drop),
        Word::No => judge_steps(house, &things, Verdict::Reject, APPROVER, None).await.map(drop),
        Word::Stop => stop(&Brake::of(house), &[], &by()).await.map(drop),
        Word::Silence => Ok(()),
        Word::Stranger => {
            let waits = plan.steps.iter().any(|step| step.approval.state == ApprovalState::Waiting);
            let said = judge_steps(house, &things, Verdict::Approve, "eve@acme.example", None).await;
            match (waits, said) {
                (true, Ok(_)) => Err(EngineError::Broken("a stranger's yes was taken".into())),
                _ => Ok(()),
            }
        }
    }
}
