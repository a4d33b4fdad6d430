//! `Today`: what needs a person, what runs, what changed, and how each connection is. And the brake: stop and resume.
//! Figures come from the store's overview and from what it counted day by day, findings from what judging came to last.

use crate::apps::counted;
use crate::failure::Failure;
use crate::frame::{Frame, show};
use crate::gate::Form;
use crate::trends::{Chart, charts};
use crate::words::{self, Chip};
use crate::{Shared, draw, past};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, Redirect};
use std::sync::Arc;
use tenure_core::change::{ApprovalState, Severity};
use tenure_engine::budget::Left;
use tenure_engine::decide::By;
use tenure_engine::session::Visitor;
use tenure_engine::stop::Brake;

const FINDINGS_SHOWN: usize = 6;
const ENTRIES_SHOWN: usize = 10;

#[derive(Template)]
#[template(path = "today.html")]
struct Today {
    frame: Frame,
    /// The newest plan: its id, how many steps wait, are held, may run.
    plan: Option<PlanBrief>,
    high: usize,
    medium: usize,
    low: usize,
    disputes: usize,
    findings: Vec<FindingLine>,
    connections: Vec<ConnectionLine>,
    runs: Vec<RunLine>,
    entries: Vec<(String, String, String, String)>,
    people: usize,
    accounts: String,
    charts: Vec<Chart>,
    judged: String,
    read_nothing: bool,
}

struct PlanBrief {
    id: String,
    made: String,
    waiting: usize,
    held: usize,
    ready: usize,
}

/// A finding as pages show it.
pub(crate) struct FindingLine {
    pub severity: Chip,
    pub kind: String,
    pub text: String,
    pub since: String,
    /// Where to go about it.
    pub link: String,
}

impl FindingLine {
    pub fn new(finding: &tenure_core::change::Finding) -> Self {
        use tenure_core::change::FindingKind as K;
        let link = match (finding.kind, &finding.identity, &finding.connection) {
            (K::OrphanAccount | K::Dispute | K::DuplicateAccount | K::ServiceAccount, ..) => "/match".into(),
            (_, Some(identity), _) => format!("/people/{}", words::part(identity.as_str())),
            (_, None, Some(connection)) => format!("/apps/{}", words::part(connection.as_str())),
            _ => "/audit".into(),
        };
        Self {
            severity: words::severity(finding.severity),
            kind: words::kind(finding.kind),
            text: words::cut(&finding.text),
            since: finding.since.as_deref().map(words::moment).unwrap_or_default(),
            link,
        }
    }
}

struct ConnectionLine {
    name: String,
    title: String,
    source: bool,
    health: Chip,
    says: String,
    complete: String,
    active: String,
    total: String,
    budget: String,
}

struct RunLine {
    id: String,
    plan: String,
    actor: String,
    started: String,
    state: Chip,
}

/// `GET /`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Today", "today", (&uri, &headers)).await?;
    let house = &console.house;
    let as_of_ms = frame.as_of_ms();
    let now_ms = as_of_ms.unwrap_or_else(|| house.clock.now_ms());
    let known = console.judged.get(&console, as_of_ms).await?;
    let newest = match as_of_ms {
        Some(as_of_ms) => past::plan(house, as_of_ms, None).await?.map(Arc::new),
        None => console.plans.find(house, None).await?,
    };
    let plan = match newest {
        Some(plan) => {
            let count = |state| plan.steps.iter().filter(|step| step.approval.state == state).count();
            Some(PlanBrief {
                waiting: count(ApprovalState::Waiting),
                ready: count(ApprovalState::NotNeeded) + count(ApprovalState::Approved),
                held: plan.held.len(),
                made: words::ago(ms_of(&plan.made_at), now_ms),
                id: plan.id.to_string(),
            })
        }
        None => None,
    };
    let (connections, accounts) = connections(&console, now_ms, as_of_ms).await?;
    let entries = house.store.journal_before(past::journal_end(house, as_of_ms).await?, ENTRIES_SHOWN).await?;
    let disputes = known.of(crate::matching::KINDS).count();
    show(&Today {
        read_nothing: connections.iter().all(|line| line.complete.is_empty()),
        plan,
        high: known.count(Severity::High),
        medium: known.count(Severity::Medium),
        low: known.count(Severity::Low),
        disputes,
        findings: known.findings.iter().take(FINDINGS_SHOWN).map(FindingLine::new).collect(),
        people: known.people.len(),
        accounts: words::thousands(accounts),
        judged: words::ago(known.at_ms, now_ms),
        connections,
        runs: runs(&console, now_ms, as_of_ms).await?,
        entries: entries.iter().map(crate::audit::told).collect(),
        charts: charts(house, as_of_ms).await?,
        frame,
    })
}

/// Reads a moment of RFC 3339.
pub(crate) fn ms_of(moment: &str) -> i64 {
    moment.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond)
}

async fn runs(console: &Shared, now_ms: i64, as_of_ms: Option<i64>) -> Result<Vec<RunLine>, Failure> {
    let all = past::runs(&console.house, as_of_ms, 5).await?;
    let line = |run: tenure_store::Run| RunLine {
        id: run.id.to_string(),
        plan: run.plan.to_string(),
        actor: run.actor,
        started: words::ago(run.started_ms, now_ms),
        state: match run.finished_ms {
            Some(_) => Chip::new("ended", "good"),
            None => Chip::new("under way", "wait"),
        },
    };
    Ok(all.into_iter().map(line).collect())
}

async fn connections(
    console: &Shared,
    now_ms: i64,
    as_of_ms: Option<i64>,
) -> Result<(Vec<ConnectionLine>, i64), Failure> {
    let house = &console.house;
    let mut overviews = house.store.overviews().await?;
    let noted = crate::apps::noted(console, as_of_ms).await?;
    let (mut lines, mut accounts) = (Vec::new(), 0);
    for name in house.names() {
        let mut known = overviews.remove(&name).unwrap_or_default();
        past::date(house, &name, &mut known, as_of_ms).await?;
        let counted = counted(console, &name, &known, as_of_ms).await?;
        let total: u64 = counted.values().sum();
        let active: u64 = counted.iter().filter(|((_, state), _)| state.gives_access()).map(|(_, count)| count).sum();
        let abilities = house.connection(name.as_str())?.abilities();
        let left = match as_of_ms {
            None => tenure_engine::budget::left(house, &name).await?,
            Some(_) => Left::default(),
        };
        let (health, says) = crate::apps::health(console, &name, &known, noted.as_ref(), left.quiet_ms).await?;
        if house.is_target(&name) {
            accounts += total as i64;
        }
        lines.push(ConnectionLine {
            title: abilities.title.to_string(),
            source: !house.is_target(&name),
            health,
            says,
            complete: known.complete.as_ref().map(|pull| words::ago(pull.started_ms, now_ms)).unwrap_or_default(),
            active: words::thousands(active as i64),
            total: words::thousands(total as i64),
            budget: budget(&left),
            name: name.to_string(),
        });
    }
    Ok((lines, accounts))
}

/// Draws the fullest window of a connection's budget.
fn budget(left: &Left) -> String {
    let fullest = left.windows.iter().max_by_key(|window| window.spent * 1000 / window.limit.max(1));
    fullest.map_or_else(String::new, |window| {
        let title = format!("{} of {} requests within {} s", window.spent, window.limit, window.seconds);
        draw::share(&title, window.spent, window.limit)
    })
}

/// `POST /stop`: no step begins from now on.
pub(crate) async fn stop(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
) -> Result<Redirect, Failure> {
    let by = By { who: visitor.who.clone(), note: form.text("note").map(str::to_owned) };
    tenure_engine::stop::stop(&Brake::of(&console.house), &[], &by).await?;
    Ok(Redirect::to("/?done=stopped"))
}

/// `POST /resume`: writes go on, wherever they were stopped.
pub(crate) async fn resume(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
) -> Result<Redirect, Failure> {
    let by = By { who: visitor.who.clone(), note: None };
    let brake = Brake::of(&console.house);
    let stopped = tenure_engine::stop::stops_of(&console.house.store).await?;
    let places: Vec<String> =
        stopped.iter().filter_map(|stop| stop.connection.as_ref().map(ToString::to_string)).collect();
    tenure_engine::stop::resume(&brake, &[], &by).await?;
    if !places.is_empty() {
        tenure_engine::stop::resume(&brake, &places, &by).await?;
    }
    Ok(Redirect::to("/?done=resumed"))
}
