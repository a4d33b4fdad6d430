//! `Person`: one person across everything: accounts, grants and links with their evidence, what the policy wishes and why,
//! what happened when; as a picture, too. Judged from the person's own cluster, found by look-ups.

use crate::failure::Failure;
use crate::frame::{Frame, show};
use crate::gate::Form;
use crate::steps::StepLine;
use crate::today::FindingLine;
use crate::words::{self, Chip};
use crate::{Shared, draw};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, Redirect};
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::access::access;
use tenure_core::account::Account;
use tenure_core::correlate::IdentityAt;
use tenure_core::facts::{Decided, Decision, Facts};
use tenure_core::name::{ConnectionName, IdentityId};
use tenure_core::why;
use tenure_engine::answer::upcoming;
use tenure_engine::decide::{By, LifecycleEvent, decide_lifecycle};
use tenure_engine::house::House;
use tenure_engine::plan::make_plan;
use tenure_engine::reconcile::{Found, Scope, company};
use tenure_engine::session::Visitor;
use tenure_store::Observed;

const ACCOUNTS_MAX: usize = 40;
const VERSIONS_MAX: usize = 20;
const MOMENTS_MAX: usize = 60;

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    frame: Frame,
    id: String,
    name: String,
    state: Chip,
    facts: Vec<(&'static str, String)>,
    manager: Option<(String, String)>,
    accounts: Vec<AccountLine>,
    records: Vec<AccountLine>,
    graph: String,
    wished: Vec<(String, Vec<String>)>,
    why: Vec<String>,
    findings: Vec<FindingLine>,
    steps: Vec<StepLine>,
    moments: Vec<Moment>,
    gone: bool,
}

struct AccountLine {
    connection: String,
    id: String,
    kind: &'static str,
    login: String,
    state: Chip,
    evidence: String,
    pinned: bool,
    grants: Vec<(String, String, bool)>,
    access: Vec<(String, bool)>,
    fields: Vec<(String, String)>,
}

struct Moment {
    at_ms: i64,
    at: String,
    place: String,
    says: String,
}

/// `GET /people/{person}`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Path(key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Person", "people", (&uri, &headers)).await?;
    let house = &console.house;
    let as_of_ms = frame.as_of_ms();
    let company = company(house, &Scope { identity: Some(key.clone()), as_of_ms, ..Scope::default() }).await?;
    let found = company.judge(house, None).await?;
    if let Some(as_of) = &frame.as_of {
        let body = serde_json::json!({ "what": "person", "key": key, "as_of": as_of });
        tenure_engine::audit::record_read(house, &visitor.who, body).await?;
    }
    let gone = || Failure::Missing(format!("nobody is known as {key:?}"));
    let id = found.people.first().cloned().ok_or_else(gone)?;
    let at = found.graph.find(&id).ok_or_else(gone)?;
    let mut page = shown(house, &found, at, &id, frame);
    page.moments = moments(house, &found, at, &id, &company.facts).await?;
    show(&page)
}

fn shown(house: &House, found: &Found<'_>, at: IdentityAt, id: &IdentityId, frame: Frame) -> PersonPage {
    let identity = found.graph.identity_at(at);
    let text = |field: &str| identity.attributes.text(field).map(str::to_owned);
    let facts = [
        ("Title", text("title")),
        ("Department", text("department")),
        ("Address", Some(identity.emails.join(", ")).filter(|emails| !emails.is_empty())),
        ("Employee", text("employee_id")),
        ("Type", text("type")),
        ("Location", text("location")),
        ("First day", identity.start_date.map(|date| date.to_string())),
        ("Last day", identity.end_date.map(|date| date.to_string())),
        ("Time zone", text("time_zone")),
    ];
    let decided = upcoming(&found.graph.facts().decisions, id, found.graph.facts().now_ms);
    let decided = decided.into_iter().map(|one| ("Decided", format!("{} at {}, by {}", one.what, one.at, one.by)));
    let manager = identity.manager.as_ref().and_then(|id| found.graph.identity(id));
    let all: Vec<_> =
        found.graph.accounts_at(at).take(ACCOUNTS_MAX).map(|(at, account)| line(found, at, account)).collect();
    let (accounts, records): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|line| house.is_target(&ConnectionName::new(&line.connection)));
    let wished = house.names().into_iter().filter(|name| house.is_target(name));
    let wished = wished.map(|name| (name.to_string(), why::wished(&found.graph, &found.wishes, at, &name)));
    let held = accounts.iter().map(|line| draw::Held {
        connection: line.connection.clone(),
        class: if line.state.class == "good" || line.state.class == "wait" { "node-good" } else { "node-off" },
        grants: line.grants.iter().map(|(_, name, privileged)| (name.clone(), *privileged)).collect(),
    });
    let held: Vec<_> = held.collect();
    let name = identity.label().to_owned();
    let steps = found.plan.steps.iter().filter(|step| step.identity.as_ref() == Some(id));
    PersonPage {
        graph: if held.is_empty() { String::new() } else { draw::reach(&name, &held) },
        state: words::state(identity.state.as_str()),
        gone: identity.state.as_str() == "left",
        facts: facts.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).chain(decided).collect(),
        manager: manager.map(|boss| (boss.label().to_owned(), format!("/people/{}", words::part(boss.id.as_str())))),
        wished: wished.filter(|(_, lines)| !lines.is_empty()).collect(),
        why: why::identity(&found.graph, at),
        findings: found.findings.iter().filter(|one| one.identity.as_ref() == Some(id)).map(FindingLine::new).collect(),
        steps: steps.map(|step| StepLine::new(step, &house.policy)).collect(),
        moments: Vec::new(),
        id: id.to_string(),
        frame: Frame { title: name.clone(), ..frame },
        name,
        accounts,
        records,
    }
}

fn line(found: &Found<'_>, at: tenure_core::correlate::AccountAt, account: &Account) -> AccountLine {
    let link = found.graph.link_at(at);
    let connection = found.graph.facts().connections.get(&account.key.connection);
    let ability = connection.and_then(|connection| connection.abilities.kinds.get(&account.key.kind));
    let told = ability.map(|ability| access(account, ability)).unwrap_or_default();
    let grants = account.grants.iter().map(|grant| {
        let scope = grant.scope.as_deref().map(|scope| format!(" ({scope})")).unwrap_or_default();
        let pending = if grant.pending { ", waits for approval there" } else { "" };
        (grant.kind.to_string(), format!("{}{scope}{pending}", grant.name), grant.privileged)
    });
    AccountLine {
        connection: account.key.connection.to_string(),
        id: account.key.id.to_string(),
        kind: account.key.kind.as_str(),
        login: account.login.as_deref().unwrap_or_default().to_owned(),
        state: words::state(account.state.as_str()),
        evidence: link.as_ref().map_or_else(|| "no link".into(), |link| link.evidence.to_owned()),
        pinned: link.is_some_and(|link| link.pinned),
        grants: grants.collect(),
        access: told.into_iter().map(|access| (access.says, access.privileged)).collect(),
        fields: account.fields.iter().map(|(name, value)| (name.to_string(), words::value(value))).collect(),
    }
}

/// Tells what happened to a person, newest first: what changed in their records and accounts, what was decided.
async fn moments(
    house: &House,
    found: &Found<'_>,
    at: IdentityAt,
    id: &IdentityId,
    facts: &Facts,
) -> Result<Vec<Moment>, Failure> {
    let mut moments = Vec::new();
    for (_, account) in found.graph.accounts_at(at).take(ACCOUNTS_MAX) {
        let mut versions = house.store.versions(&account.key, VERSIONS_MAX).await?;
        versions.retain(|version| version.since_ms <= facts.now_ms);
        versions.sort_by_key(|version| version.since_ms);
        let mut before: Option<&Observed> = None;
        for version in &versions {
            let says = match before {
                None => format!("seen first, {}", version.account.state),
                Some(before) => differences(&before.account, &version.account),
            };
            before = Some(version);
            moments.push(moment(version.since_ms, account.key.connection.to_string(), says));
        }
    }
    for decision in &facts.decisions {
        if let Some(says) = decided(decision, id) {
            let note = decision.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
            moments.push(moment(decision.at_ms, "decision".into(), format!("{says}, by {}{note}", decision.by)));
        }
    }
    moments.sort_by_key(|moment| std::cmp::Reverse(moment.at_ms));
    moments.truncate(MOMENTS_MAX);
    Ok(moments)
}

fn moment(at_ms: i64, place: String, says: String) -> Moment {
    Moment { at_ms, at: words::moment_ms(at_ms), place, says: words::cut(&says) }
}

fn decided(decision: &Decision, id: &IdentityId) -> Option<&'static str> {
    match &decision.what {
        Decided::Link { identity, .. } if identity == id => Some("an account is theirs"),
        Decided::Unlink { identity: Some(identity), .. } if identity == id => Some("an account is not theirs"),
        Decided::Join { identity, .. } if identity == id => Some("joins"),
        Decided::Move { identity, .. } if identity == id => Some("moves"),
        Decided::Leave { identity, .. } if identity == id => Some("leaves"),
        _ => None,
    }
}

fn differences(before: &Account, after: &Account) -> String {
    let mut told = Vec::new();
    if before.state != after.state {
        told.push(format!("{} → {}", before.state, after.state));
    }
    if before.login != after.login {
        told.push(format!("login → {}", after.login.as_deref().unwrap_or("none")));
    }
    let fields = |account: &Account| -> BTreeMap<String, String> {
        account.fields.iter().map(|(name, value)| (name.to_string(), words::value(value))).collect()
    };
    let (was, is) = (fields(before), fields(after));
    for (name, value) in &is {
        match was.get(name) {
            Some(old) if old != value => told.push(format!("{name}: {old} → {value}")),
            None => told.push(format!("{name}: {value}")),
            Some(_) => {}
        }
    }
    let names = |account: &Account| account.grants.iter().map(|grant| grant.name.to_string()).collect::<Vec<_>>();
    let (was, is) = (names(before), names(after));
    told.extend(is.iter().filter(|name| !was.contains(name)).map(|name| format!("+ {name}")));
    told.extend(was.iter().filter(|name| !is.contains(name)).map(|name| format!("− {name}")));
    if told.is_empty() { "seen again, changed in what is not shown".into() } else { told.join("; ") }
}

/// `POST /people/{person}/leave`: they leave now; what follows is planned for them alone.
pub(crate) async fn leave(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
    Path(key): Path<String>,
) -> Result<Redirect, Failure> {
    let house = &console.house;
    if form.text("sure") != Some("yes") {
        return Err(Failure::Asked("tick the box that says that they leave, then send it again".into()));
    }
    let by = By { who: visitor.who.clone(), note: form.text("note").map(str::to_owned) };
    let id = decide_lifecycle(house, LifecycleEvent::Leave, &key, Default::default(), None, &by).await?;
    let scope = Scope { identity: Some(id.to_string()), ..Scope::default() };
    make_plan(house, &scope, &visitor.who).await?;
    Ok(Redirect::to(&format!("/leavers/{}?done=leaving", words::part(id.as_str()))))
}
