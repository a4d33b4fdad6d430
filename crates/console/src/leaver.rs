//! `Leavers`: who left or leaves soon, and one departure as a checklist with a clock: each app, open sessions, work by hand,
//! and what proves that it is closed. What is still to be done is judged from the person's own cluster, as of now; what was
//! done comes from the newest plans and their runs.

use crate::Shared;
use crate::failure::Failure;
use crate::frame::{Frame, query, show};
use crate::past::date;
use crate::steps::{StepLine, heard, results, said};
use crate::today::ms_of;
use crate::words::{self, Chip};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Html;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tenure_core::abilities::{Effect, Sessions};
use tenure_core::change::FindingKind;
use tenure_core::facts::Coverage;
use tenure_core::identity::IdentityState;
use tenure_core::name::{ConnectionName, IdentityId, StepId};
use tenure_engine::clock::moment_text;
use tenure_engine::decide::released_guards;
use tenure_engine::house::House;
use tenure_engine::reconcile::{Found, Scope, company, find_identity};
use tenure_engine::session::Visitor;

const SHOWN: usize = 100;
/// Plans in which the steps of a departure are looked for.
const PLANS_BACK: usize = 10;
const SOON_DAYS: i64 = 30;

#[derive(Template)]
#[template(path = "leavers.html")]
struct Leavers {
    frame: Frame,
    open: Vec<LeaverLine>,
    soon: Vec<LeaverLine>,
    closed: Vec<LeaverLine>,
    more: usize,
}

struct LeaverLine {
    link: String,
    name: String,
    department: String,
    last_day: String,
    open: u32,
}

/// `GET /leavers`.
pub(crate) async fn list(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Leavers", "leavers", (&uri, &headers)).await?;
    let as_of_ms = frame.as_of_ms();
    let known = console.judged.get(&console, as_of_ms).await?;
    let today = as_of_ms.unwrap_or_else(|| console.house.clock.now_ms()).div_euclid(86_400_000);
    let latest = crate::draw::date(today + SOON_DAYS);
    let line = |line: &crate::judged::Line| LeaverLine {
        link: format!("/leavers/{}", words::part(&line.id)),
        name: line.name.clone(),
        department: line.department.clone(),
        last_day: line.end_date.clone().unwrap_or_default(),
        open: line.accounts,
    };
    let left = || known.people.iter().filter(|line| line.state == IdentityState::Left);
    let soon = known.people.iter().filter(|line| {
        line.state != IdentityState::Left && line.end_date.as_deref().is_some_and(|day| day <= latest.as_str())
    });
    let mut closed: Vec<_> = left().filter(|line| line.accounts == 0).collect();
    closed.sort_by(|one, other| other.end_date.cmp(&one.end_date));
    show(&Leavers {
        open: left().filter(|line| line.accounts > 0).take(SHOWN).map(line).collect(),
        soon: soon.take(SHOWN).map(line).collect(),
        more: closed.len().saturating_sub(SHOWN),
        closed: closed.into_iter().take(SHOWN).map(line).collect(),
        frame,
    })
}

#[derive(Template)]
#[template(path = "leaver.html")]
struct Leaver {
    frame: Frame,
    id: String,
    person: String,
    name: String,
    state: Chip,
    left: bool,
    last_day: String,
    /// Since when they are gone, and how long that is.
    since: Option<(String, String)>,
    /// For the script that lets the clock go on: the moment.
    since_at: String,
    rows: Vec<Row>,
    open: usize,
    by_hand: Vec<StepLine>,
    /// What guards hold, with the guard and why.
    held: Vec<(StepLine, String, String)>,
    decisions: Vec<String>,
    sessions: Vec<String>,
    head: (i64, String),
    printed: bool,
    /// What keeps the departure from being closed, if anything does.
    remains: Option<String>,
    /// When each app was read last: its name, the moment, and what that read did not see.
    reads: Vec<(String, String, String)>,
    now: String,
}

struct Row {
    connection: String,
    login: String,
    state: Chip,
    closed: bool,
    since: String,
    step: Option<StepLine>,
    step_link: String,
}

/// `GET /leavers/{person}`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Path(key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Departure", "leavers", (&uri, &headers)).await?;
    let house = &console.house;
    let as_of_ms = frame.as_of_ms();
    let company = company(house, &Scope { identity: Some(key.clone()), as_of_ms, ..Scope::default() }).await?;
    let found = company.judge(house, None).await?;
    let graph = &found.graph;
    let gone = || Failure::Missing(format!("nobody is known as {key:?}"));
    let at = graph.find(&find_identity(graph, &key)?).ok_or_else(gone)?;
    let identity = graph.identity_at(at);
    let now_ms = as_of_ms.unwrap_or_else(|| house.clock.now_ms());
    let Past { steps, held } = past(&console, &identity.id, as_of_ms).await?;
    let open = open(house, &found, &identity.id, &steps, &held);
    let (mut rows, mut sessions) = (Vec::new(), Vec::new());
    for (_, account) in graph.accounts_at(at).filter(|(_, account)| house.is_target(&account.key.connection)) {
        let since_ms = house.store.account(&account.key, as_of_ms).await?.map(|observed| observed.since_ms);
        let of_here = |step: &&StepLine| {
            step.connection == account.key.connection.as_str() && step.account == account.key.id.as_str()
        };
        let step = steps.iter().find(of_here).cloned();
        let abilities = house.connection(account.key.connection.as_str())?.abilities();
        let closed = !account.state.gives_access();
        if closed && abilities.sessions != Sessions::Ended {
            sessions.push(match abilities.sessions {
                Sessions::Kept => format!("{}: suspending leaves open sessions open", account.key.connection),
                _ => format!("{}: the vendor does not say whether sessions end", account.key.connection),
            });
        }
        rows.push(Row {
            connection: account.key.connection.to_string(),
            login: account.login.as_deref().unwrap_or_default().to_owned(),
            state: words::state(account.state.as_str()),
            closed,
            since: since_ms.map(words::moment_ms).unwrap_or_default(),
            step_link: step.as_ref().map(|step| format!("/steps/{}", words::part(&step.id))).unwrap_or_default(),
            step,
        });
    }
    let left_ms = graph.stay(at).left_ms.filter(|ms| *ms <= now_ms);
    let head = house.store.journal_head().await?;
    let left = identity.state == IdentityState::Left;
    let known = console.judged.get(&console, as_of_ms).await?;
    let of_person = |finding: &&tenure_core::change::Finding| finding.identity.as_ref() == Some(&identity.id);
    let kept = known.of(&[FindingKind::SessionNotEnded]).filter(of_person);
    sessions.extend(kept.map(|finding| words::cut(&finding.text)));
    show(&Leaver {
        id: identity.id.to_string(),
        person: words::part(identity.id.as_str()),
        name: identity.label().to_owned(),
        state: words::state(identity.state.as_str()),
        last_day: identity.end_date.map(|date| date.to_string()).unwrap_or_default(),
        since: left_ms.filter(|_| left).map(|ms| (words::moment_ms(ms), words::ago(ms, now_ms))),
        since_at: left_ms.filter(|_| left).map(moment_text).unwrap_or_default(),
        open: rows.iter().filter(|row| !row.closed).count(),
        remains: remains(&rows, &open).filter(|_| left),
        by_hand: open.by_hand,
        held: open.held,
        reads: reads(house, &rows, as_of_ms).await?,
        decisions: decisions(&company.facts.decisions, &identity.id),
        head: (head.seq, head.hash),
        printed: query(&uri, "print").is_some(),
        now: words::moment_ms(now_ms),
        frame: Frame { title: format!("Departure of {}", identity.label()), ..frame },
        sessions,
        rows,
        left,
    })
}

fn decisions(all: &[tenure_core::facts::Decision], id: &IdentityId) -> Vec<String> {
    use tenure_core::facts::Decided;
    let leaves = |decision: &&tenure_core::facts::Decision| matches!(&decision.what, Decided::Leave { identity, .. } if identity == id);
    let told = |decision: &tenure_core::facts::Decision| {
        let note = decision.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
        format!("{} said that they leave, at {}{note}", decision.by, words::moment_ms(decision.at_ms))
    };
    all.iter().filter(leaves).map(told).collect()
}

/// By step, the guard that holds it in the newest plan that has it, and why.
type Held = BTreeMap<StepId, (String, String)>;

/// What the newest plans say of a departure.
#[derive(Default)]
struct Past {
    /// Steps that take something, newest first, one for each thing.
    steps: Vec<StepLine>,
    held: Held,
}

async fn past(console: &Shared, id: &IdentityId, as_of_ms: Option<i64>) -> Result<Past, Failure> {
    let house = &console.house;
    let (mut found, mut held) = (BTreeMap::<String, (usize, StepLine)>::new(), Held::new());
    let (mut known, said) = (BTreeSet::new(), said(house, as_of_ms).await?);
    for plan_id in house.store.plan_ids(PLANS_BACK).await? {
        let Some(mut plan) = house.store.plan(&plan_id).await? else { continue };
        plan.steps.retain(|step| step.identity.as_ref() == Some(id));
        plan.held.retain(|hold| hold.step.identity.as_ref() == Some(id));
        let is_none = plan.steps.is_empty() && plan.held.is_empty();
        if is_none || as_of_ms.is_some_and(|as_of_ms| ms_of(&plan.made_at) > as_of_ms) {
            continue;
        }
        let released = match plan.held.is_empty() {
            true => BTreeSet::new(),
            false => released_guards(house, &plan, as_of_ms.unwrap_or_else(|| house.clock.now_ms())).await?,
        };
        for hold in &plan.held {
            if !known.contains(&hold.step.id) && !released.contains(&hold.guard) {
                held.insert(hold.step.id.clone(), (hold.guard.clone(), hold.because.clone()));
            }
        }
        known.extend(plan.held.iter().map(|hold| hold.step.id.clone()));
        known.extend(plan.steps.iter().map(|step| step.id.clone()));
        heard(house, &mut plan, &said, as_of_ms);
        let (_, results) = results(house, &plan, as_of_ms).await?;
        let takes = |effect: Effect| effect.is_removal() || matches!(effect, Effect::EndSessions | Effect::Manual);
        for step in plan.steps.iter().filter(|step| takes(step.effect)) {
            let line = StepLine::new(step, &house.policy).with(results.get(&step.id));
            let place = found.len();
            let known = found.entry(line.id.clone()).or_insert_with(|| (place, line.clone()));
            if known.1.outcome.is_none() && line.outcome.is_some() {
                known.1 = line;
            }
        }
    }
    let mut lines: Vec<_> = found.into_values().collect();
    lines.sort_by_key(|(place, line)| (line.outcome.is_none(), *place));
    Ok(Past { steps: lines.into_iter().map(|(_, line)| line).collect(), held })
}

/// What is still to be done about a departure.
struct Open {
    by_hand: Vec<StepLine>,
    held: Vec<(StepLine, String, String)>,
}

/// Finds what is still to be done by what follows from the facts of now, and not by what was tried: work by hand is open
/// until the app shows it done, and a step is held that a guard holds, whether the person's own or the whole plan's.
fn open(house: &House, found: &Found<'_>, id: &IdentityId, past: &[StepLine], held: &Held) -> Open {
    let guarded = found.plan.held.iter().map(|hold| (&hold.step, Some((hold.guard.clone(), hold.because.clone()))));
    let free = found.plan.steps.iter().map(|step| (step, held.get(&step.id).cloned()));
    let mut open = Open { by_hand: Vec::new(), held: Vec::new() };
    for (step, hold) in guarded.chain(free).filter(|(step, _)| step.identity.as_ref() == Some(id)) {
        let mut line = StepLine::new(step, &house.policy);
        if let Some(tried) = past.iter().find(|tried| tried.id == line.id) {
            line = tried.clone();
        }
        match hold {
            Some((guard, because)) => open.held.push((line, guard, because)),
            None if line.by_hand.is_some() => open.by_hand.push(line),
            None => {}
        }
    }
    open
}

/// Says what keeps a departure from being closed.
fn remains(rows: &[Row], open: &Open) -> Option<String> {
    let accounts = rows.iter().filter(|row| !row.closed).count();
    let all = [
        (accounts, "account is open", "accounts are open"),
        (open.by_hand.len(), "piece of work by hand remains", "pieces of work by hand remain"),
        (open.held.len(), "step is held", "steps are held"),
    ];
    let said: Vec<String> =
        all.iter().filter(|(count, ..)| *count > 0).map(|(n, one, more)| words::count(*n, one, more)).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// Says when the apps in which a person holds accounts were read last, to their end or not.
async fn reads(house: &House, rows: &[Row], as_of_ms: Option<i64>) -> Result<Vec<(String, String, String)>, Failure> {
    let mut overviews = house.store.overviews().await?;
    let names: BTreeSet<&str> = rows.iter().map(|row| row.connection.as_str()).collect();
    let mut reads = Vec::new();
    for name in names {
        let connection = ConnectionName::new(name);
        let mut known = overviews.remove(&connection).unwrap_or_default();
        date(house, &connection, &mut known, as_of_ms).await?;
        let complete = known.complete.map(|pull| words::moment_ms(pull.started_ms));
        let partial = known.last.filter(|pull| pull.end.as_ref().is_none_or(|end| end.coverage == Coverage::Partial));
        let partial = partial.map(|pull| format!("the read of {} saw a part only", words::moment_ms(pull.started_ms)));
        reads.push((name.to_owned(), complete.unwrap_or_default(), partial.unwrap_or_default()));
    }
    Ok(reads)
}
