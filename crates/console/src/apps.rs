//! `Apps`: every connection, and one of them: what it can do and cannot, accounts by state, seats, the rate budget of now,
//! drift, the last reads, reference lists, and its accounts a page at a time.

use crate::failure::Failure;
use crate::frame::{Frame, query, show};
use crate::holders::{Held, Holding, holding};
use crate::judged::{Counted, Holders, Known};
use crate::today::FindingLine;
use crate::trends::{REQUESTS, STATES};
use crate::words::{self, Chip};
use crate::{Shared, draw, past};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, Redirect};
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::abilities::{Abilities, Effect, Sessions, Standing};
use tenure_core::account::{AccountState, Kind};
use tenure_core::facts::Coverage;
use tenure_core::name::ConnectionName;
use tenure_engine::answer::Noted;
use tenure_engine::budget::WindowLeft;
use tenure_engine::dialect::Dialect;
use tenure_engine::session::Visitor;
use tenure_engine::work::{ask_pull, is_asked};
use tenure_store::{AccountFilter, Cursor, Observed, Overview, Pull, accounts_topic, requests_topic};

const ACCOUNTS_SHOWN: usize = 50;
const PULLS_SHOWN: usize = 8;
const ENTITLEMENTS_SHOWN: usize = 120;
const EFFECTS: [Effect; 9] = [
    Effect::Create,
    Effect::Update,
    Effect::Grant,
    Effect::Revoke,
    Effect::Suspend,
    Effect::Resume,
    Effect::Convert,
    Effect::EndSessions,
    Effect::Delete,
];

#[derive(Template)]
#[template(path = "apps.html")]
struct Apps {
    frame: Frame,
    lines: Vec<AppLine>,
}

struct AppLine {
    name: String,
    title: String,
    source: bool,
    states: Vec<(Chip, String)>,
    seats: String,
    last: String,
    health: Chip,
}

/// `GET /apps`.
pub(crate) async fn list(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Apps", "apps", (&uri, &headers)).await?;
    let house = &console.house;
    let as_of_ms = frame.as_of_ms();
    let (mut overviews, noted) = (house.store.overviews().await?, noted(&console, as_of_ms).await?);
    let now_ms = as_of_ms.unwrap_or_else(|| house.clock.now_ms());
    let mut lines = Vec::new();
    for name in house.names() {
        let mut known = overviews.remove(&name).unwrap_or_default();
        past::date(house, &name, &mut known, as_of_ms).await?;
        let counted = counted(&console, &name, &known, as_of_ms).await?;
        let abilities = house.connection(name.as_str())?.abilities();
        let seats = seats(&abilities, &counted).map(|(taken, of)| match of {
            Some(of) => format!("{taken} of {of}"),
            None => taken.to_string(),
        });
        lines.push(AppLine {
            title: abilities.title.to_string(),
            source: matches!(abilities.standing, Standing::Source(_)),
            states: states(&counted),
            seats: seats.unwrap_or_default(),
            last: known.last.as_ref().map(|pull| words::ago(pull.started_ms, now_ms)).unwrap_or_default(),
            health: {
                let quiet_ms = tenure_engine::budget::left(house, &name).await?.quiet_ms;
                health(&console, &name, &known, noted.as_ref(), quiet_ms).await?.0
            },
            name: name.to_string(),
        });
    }
    show(&Apps { frame, lines })
}

/// Counts a connection's accounts: of now as every write counts them, of an earlier moment as the company was then.
pub(crate) async fn counted(
    console: &Shared,
    name: &ConnectionName,
    known: &Overview,
    as_of_ms: Option<i64>,
) -> Result<Counted, Failure> {
    if as_of_ms.is_some() {
        let judged = console.judged.get(console, as_of_ms).await?;
        return Ok(judged.accounts.get(name.as_str()).cloned().unwrap_or_default());
    }
    let all = Kind::ALL.iter().flat_map(|kind| AccountState::ALL.iter().map(move |state| (*kind, *state)));
    Ok(all.map(|(kind, state)| ((kind, state), known.totals.of(kind, state))).collect())
}

fn states(counted: &Counted) -> Vec<(Chip, String)> {
    let of = |state| Kind::ALL.iter().filter_map(|kind| counted.get(&(*kind, state))).sum::<u64>();
    let states = AccountState::ALL.iter().map(|state| (*state, of(*state))).filter(|(_, count)| *count > 0);
    states.map(|(state, count)| (words::state(state.as_str()), words::thousands(count as i64))).collect()
}

fn seats(abilities: &Abilities, counted: &Counted) -> Option<(u64, Option<u64>)> {
    let takes = |kind: Kind, state: AccountState| {
        let taken = matches!(state, AccountState::Active | AccountState::Invited);
        taken && abilities.kinds.get(&kind).is_some_and(|kind| kind.takes_seat)
    };
    let taken = counted.iter().filter(|((kind, state), _)| takes(*kind, *state)).map(|(_, count)| count).sum();
    (taken > 0 || abilities.seats.is_some()).then_some((taken, abilities.seats))
}

/// Reads what is noted of connections now; nothing of an earlier moment.
pub(crate) async fn noted(console: &Shared, as_of_ms: Option<i64>) -> Result<Option<Noted>, Failure> {
    Ok(match as_of_ms {
        None => Some(Noted::now(&console.house).await?),
        Some(_) => None,
    })
}

/// Says how a connection is, and why, where it is not well; of an earlier moment only what was kept of its reads.
pub(crate) async fn health(
    console: &Shared,
    name: &ConnectionName,
    known: &Overview,
    noted: Option<&Noted>,
    quiet_ms: Option<i64>,
) -> Result<(Chip, String), Failure> {
    let end = known.last.as_ref().and_then(|pull| pull.end.as_ref());
    let (state, because) = match noted {
        Some(noted) => noted.health(&console.house, name, known, quiet_ms).await?,
        None => match end.map(|end| end.coverage) {
            None => ("unread", None),
            Some(Coverage::Complete) => ("ready", None),
            Some(Coverage::Partial) => ("partial", end.and_then(|end| end.because.clone())),
        },
    };
    let chip = match state {
        "ready" => Chip::new("good", "good"),
        "unread" => Chip::new("not read yet", "off"),
        "refused" | "drifted" | "failing" => Chip::new(state, "bad"),
        other => Chip::new(other, "wait"),
    };
    Ok((chip, because.unwrap_or_default()))
}

#[derive(Template)]
#[template(path = "app.html")]
struct AppPage {
    frame: Frame,
    name: String,
    app: String,
    title: String,
    source: bool,
    health: Chip,
    because: String,
    asked: bool,
    states: Vec<(Chip, String)>,
    chart: String,
    /// Requests day by day, and how many there were on the day that is looked at.
    spent: String,
    spent_today: i64,
    seats: Option<(u64, Option<u64>, String)>,
    windows: Vec<(String, u64, u64, String)>,
    quiet: String,
    sessions: &'static str,
    dialect: Option<(String, String)>,
    kinds: Vec<KindTold>,
    findings: Vec<FindingLine>,
    more_findings: usize,
    pulls: Vec<PullLine>,
    /// Who holds what, as a picture and as a table.
    held: Held,
    /// Those who hold one thing, if that is asked for.
    holding: Option<Holding>,
    entitlements: Vec<(String, String, bool, String)>,
    more_entitlements: usize,
    accounts: Vec<AccountLine>,
    sought: String,
    next: Option<String>,
}

struct KindTold {
    kind: &'static str,
    takes_seat: bool,
    can: Vec<Chip>,
    cannot: Vec<(String, String)>,
    fields: Vec<(String, String)>,
}

struct PullLine {
    at: String,
    mode: &'static str,
    coverage: Chip,
    because: String,
    accounts: String,
    changes: String,
    requests: u64,
    seconds: String,
}

struct AccountLine {
    id: String,
    kind: &'static str,
    login: String,
    name: String,
    state: Chip,
    grants: String,
    /// Whose it is: where they are shown, and their name.
    person: Option<(String, String)>,
}

/// `GET /apps/{connection}`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let mut frame = Frame::of(&console, &visitor, &name, "apps", (&uri, &headers)).await?;
    let house = &console.house;
    let abilities = house.connection(&name).map_err(|error| Failure::Missing(error.to_string()))?.abilities();
    let connection = ConnectionName::new(&name);
    let as_of_ms = frame.as_of_ms();
    let now_ms = as_of_ms.unwrap_or_else(|| house.clock.now_ms());
    let mut known = house.store.overviews().await?.remove(&connection).unwrap_or_default();
    past::date(house, &connection, &mut known, as_of_ms).await?;
    let judged = console.judged.get(&console, as_of_ms).await?;
    let counted = counted(&console, &connection, &known, as_of_ms).await?;
    let of_here = |finding: &&tenure_core::change::Finding| finding.connection.as_ref() == Some(&connection);
    let figures = past::trend(house, &accounts_topic(&name), as_of_ms).await?;
    let sent = past::trend(house, &requests_topic(&name), as_of_ms).await?;
    let today = now_ms.div_euclid(86_400_000);
    let left = match as_of_ms {
        None => tenure_engine::budget::left(house, &connection).await?,
        Some(_) => tenure_engine::budget::Left::default(),
    };
    let holders = judged.holders.get(&name);
    let sought = query(&uri, "q").unwrap_or_default();
    let (accounts, next) = accounts(&console, &judged, &connection, &sought, &uri, as_of_ms).await?;
    let held = Held::of(&name, &known, &judged);
    let noted = noted(&console, as_of_ms).await?;
    let (health, because) = health(&console, &connection, &known, noted.as_ref(), left.quiet_ms).await?;
    frame.title.clone_from(&name);
    show(&AppPage {
        app: abilities.app.to_string(),
        title: abilities.title.to_string(),
        source: matches!(abilities.standing, Standing::Source(_)),
        health,
        because,
        asked: as_of_ms.is_none() && is_asked(house, &connection).await?,
        states: states(&counted),
        chart: draw::days("Accounts of the last 30 days, by state", &figures, STATES),
        spent: draw::days("Requests of the last 30 days", &sent, REQUESTS),
        spent_today: sent.iter().filter(|figure| figure.day == today).map(|figure| figure.amount).sum(),
        seats: seats(&abilities, &counted).map(|(taken, of)| {
            let title = format!("{taken} seats taken");
            (taken, of, of.map(|of| draw::share(&title, taken, of)).unwrap_or_default())
        }),
        quiet: left.quiet_ms.map(|ms| words::span(ms as f64 / 1000.0)).unwrap_or_default(),
        windows: left.windows.into_iter().map(window).collect(),
        sessions: sessions(abilities.sessions),
        dialect: Dialect::noted(&house.store, &connection).await?.map(|found| (found.dialect, found.evidence)),
        kinds: kinds(&abilities),
        findings: judged.findings.iter().filter(of_here).take(8).map(FindingLine::new).collect(),
        more_findings: judged.findings.iter().filter(of_here).count().saturating_sub(8),
        pulls: pulls(&console, &connection, now_ms, as_of_ms).await?,
        more_entitlements: known.entitlements.len().saturating_sub(ENTITLEMENTS_SHOWN),
        entitlements: entitlements(&known, holders),
        held,
        holding: holding(&name, &judged, &uri),
        accounts,
        sought,
        next,
        name,
        frame,
    })
}

fn window(window: WindowLeft) -> (String, u64, u64, String) {
    let title = format!("{} of {} requests within {} s", window.spent, window.limit, window.seconds);
    let drawn = draw::share(&title, window.spent, window.limit);
    (words::span(window.seconds as f64), window.spent, window.limit, drawn)
}

fn sessions(sessions: Sessions) -> &'static str {
    match sessions {
        Sessions::Ended => "Suspending somebody ends the sessions that they have open.",
        Sessions::Kept => "Suspending somebody leaves open sessions open: a step remains.",
        Sessions::Unstated => "The vendor does not say whether suspending ends open sessions.",
    }
}

fn kinds(abilities: &Abilities) -> Vec<KindTold> {
    let told = |(kind, ability): (&Kind, &tenure_core::abilities::KindAbility)| {
        let can =
            EFFECTS.iter().filter(|effect| ability.effects.contains_key(effect)).map(|effect| words::effect(*effect));
        let cannot = ability.cannot.iter().map(|(effect, why)| (effect.as_str().replace('_', " "), why.clone()));
        let fields = ability.fields.iter().filter_map(|(name, field)| {
            let why = field.cannot.clone().or_else(|| field.ignored_because.clone())?;
            Some((name.to_string(), why))
        });
        KindTold {
            kind: kind.as_str(),
            takes_seat: ability.takes_seat,
            can: can.collect(),
            cannot: cannot.collect(),
            fields: fields.collect(),
        }
    };
    abilities.kinds.iter().map(told).collect()
}

fn entitlements(
    known: &Overview,
    holders: Option<&BTreeMap<(String, String), Holders>>,
) -> Vec<(String, String, bool, String)> {
    let shown = known.entitlements.iter().take(ENTITLEMENTS_SHOWN);
    let line = |entitlement: &tenure_core::account::Entitlement| {
        let (kind, name) = (entitlement.kind.to_string(), entitlement.name.to_string());
        let held = holders.and_then(|holders| holders.get(&(kind.clone(), name.clone())));
        let held = held.map_or(0, |held| held.accounts);
        (kind, name, entitlement.privileged, words::thousands(held as i64))
    };
    shown.map(line).collect()
}

async fn pulls(
    console: &Shared,
    name: &ConnectionName,
    now_ms: i64,
    as_of_ms: Option<i64>,
) -> Result<Vec<PullLine>, Failure> {
    let pulls = past::pulls(&console.house, name, as_of_ms, PULLS_SHOWN).await?;
    let line = |pull: Pull| {
        let end = pull.end.as_ref();
        PullLine {
            at: words::ago(pull.started_ms, now_ms),
            mode: pull.mode.as_str(),
            coverage: match end.map(|end| end.coverage) {
                Some(Coverage::Complete) => Chip::new("complete", "good"),
                Some(Coverage::Partial) => Chip::new("partial", "wait"),
                None => Chip::new("under way", "plain"),
            },
            because: end.and_then(|end| end.because.clone()).unwrap_or_default(),
            accounts: words::thousands(pull.accounts as i64),
            changes: format!("+{} ~{} −{}", pull.counts.added, pull.counts.changed, pull.counts.gone),
            requests: end.map_or(0, |end| end.requests),
            seconds: end.map(|end| format!("{:.1} s", end.seconds)).unwrap_or_default(),
        }
    };
    Ok(pulls.into_iter().map(line).collect())
}

async fn accounts(
    console: &Shared,
    judged: &Known,
    name: &ConnectionName,
    sought: &str,
    uri: &Uri,
    as_of_ms: Option<i64>,
) -> Result<(Vec<AccountLine>, Option<String>), Failure> {
    let store = &console.house.store;
    let (found, next) = if sought.is_empty() {
        let filter = AccountFilter { as_of_ms, ..AccountFilter::of(name.clone()) };
        let after = query(uri, "after").and_then(|text| text.parse().ok()).map(Cursor::at);
        let page = store.accounts(&filter, after, ACCOUNTS_SHOWN).await?;
        (page.accounts, page.next.map(|next| next.place().to_string()))
    } else {
        let mut found = store.find_accounts(sought).await?;
        if as_of_ms.is_some() {
            let mut were = Vec::with_capacity(found.len());
            for one in found {
                were.extend(store.account(&one.account.key, as_of_ms).await?);
            }
            found = were;
        }
        (found.into_iter().filter(|one| one.account.key.connection == *name).take(ACCOUNTS_SHOWN).collect(), None)
    };
    let mut lines = Vec::with_capacity(found.len());
    for Observed { account, .. } in found {
        let owner = past::owner(&console.house, &account.key, as_of_ms).await?;
        let grants: Vec<&str> = account.grants.iter().take(4).map(|grant| &*grant.name).collect();
        let more = account.grants.len().saturating_sub(4);
        lines.push(AccountLine {
            id: account.key.id.to_string(),
            kind: account.key.kind.as_str(),
            login: account.login.as_deref().unwrap_or_default().to_owned(),
            name: account.name.as_deref().unwrap_or_default().to_owned(),
            state: words::state(account.state.as_str()),
            grants: if more > 0 { format!("{} and {more} more", grants.join(", ")) } else { grants.join(", ") },
            person: owner.map(|owner| {
                let known = judged.person(owner.as_str()).map(|line| line.name.clone());
                (format!("/people/{}", words::part(owner.as_str())), known.unwrap_or_else(|| "person".into()))
            }),
        });
    }
    Ok((lines, next))
}

/// `POST /apps/{connection}/pull`: it is read now.
pub(crate) async fn pull(State(console): State<Shared>, Path(name): Path<String>) -> Result<Redirect, Failure> {
    console.house.connection(&name).map_err(|error| Failure::Missing(error.to_string()))?;
    ask_pull(&console.house, &[ConnectionName::new(&name)]).await?;
    Ok(Redirect::to(&format!("/apps/{}?done=pulling", words::part(&name))))
}
