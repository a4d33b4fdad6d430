//! `Match`: accounts that are nobody's or may be several people's, each beside whoever they may be, with the evidence.
//! What a person decides is recorded as the command line records it; one at a time, so that hundreds go quickly by key.

use crate::Shared;
use crate::failure::Failure;
use crate::frame::{Frame, query, show};
use crate::gate::Form;
use crate::judged::{Known, Line};
use crate::words::{self, Chip};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, Redirect};
use std::sync::Arc;
use tenure_core::change::{Finding, FindingKind};
use tenure_core::facts::Decided;
use tenure_engine::decide::{By, decide as record, find_account, may_exempt};
use tenure_engine::reconcile::{Scope, company, find_identity};
use tenure_engine::session::Visitor;

/// What waits for somebody to match it.
pub(crate) const KINDS: &[FindingKind] =
    &[FindingKind::Dispute, FindingKind::OrphanAccount, FindingKind::DuplicateAccount];
const SHOWN: usize = 20;
const CANDIDATES_MAX: usize = 5;

#[derive(Template)]
#[template(path = "match.html")]
struct Match {
    frame: Frame,
    cases: Vec<Case>,
    all: usize,
    disputes: usize,
    orphans: usize,
    duplicates: usize,
    only: String,
    page: usize,
    pages: usize,
    here: String,
}

struct Case {
    kind: String,
    severity: Chip,
    account: String,
    text: String,
    facts: Vec<(String, String)>,
    candidates: Vec<Candidate>,
    /// The account of the case to which one goes on from here.
    next: String,
    /// Whether somebody comes here from the case before.
    is_at: bool,
}

struct Candidate {
    id: String,
    link: String,
    name: String,
    email: String,
    department: String,
    state: Chip,
    /// What speaks for them.
    evidence: String,
}

/// `GET /match`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Match", "match", (&uri, &headers)).await?;
    let as_of_ms = frame.as_of_ms();
    let known = console.judged.get(&console, as_of_ms).await?;
    let only = query(&uri, "only").unwrap_or_default();
    let count = |kind| known.of(&[kind]).count();
    let kinds: &[FindingKind] = match only.as_str() {
        "disputes" => &[FindingKind::Dispute],
        "orphans" => &[FindingKind::OrphanAccount],
        "duplicates" => &[FindingKind::DuplicateAccount],
        _ => KINDS,
    };
    let findings: Vec<&Finding> = known.of(kinds).collect();
    let pages = findings.len().div_ceil(SHOWN).max(1);
    let account = |finding: &&Finding| finding.account_key.as_ref().map(ToString::to_string).unwrap_or_default();
    let at = query(&uri, "at").and_then(|at| findings.iter().position(|finding| account(finding) == at));
    let page = query(&uri, "page").and_then(|page| page.parse().ok());
    let page = page.or(at.map(|at| at / SHOWN + 1)).unwrap_or(1).clamp(1, pages);
    let mut cases = Vec::new();
    let begin = (page - 1) * SHOWN;
    for (place, finding) in findings.iter().enumerate().skip(begin).take(SHOWN) {
        let next = findings.get(place + 1).or(place.checked_sub(1).and_then(|before| findings.get(before)));
        let next = next.map(account).unwrap_or_default();
        let is_at = at.map_or(place == begin, |at| at == place);
        cases.push(Case { next, is_at, ..case(&console, &known, finding, as_of_ms).await? });
    }
    show(&Match {
        all: known.of(KINDS).count(),
        disputes: count(FindingKind::Dispute),
        orphans: count(FindingKind::OrphanAccount),
        duplicates: count(FindingKind::DuplicateAccount),
        here: format!("/match?only={}", words::part(&only)),
        only,
        cases,
        page,
        pages,
        frame,
    })
}

async fn case(console: &Shared, known: &Known, finding: &Finding, as_of_ms: Option<i64>) -> Result<Case, Failure> {
    let observed = match &finding.account_key {
        Some(key) => console.house.store.account(key, as_of_ms).await?,
        None => None,
    };
    let mut facts = Vec::new();
    let mut name = String::new();
    if let Some(observed) = &observed {
        let account = &observed.account;
        name = account.name.as_deref().unwrap_or_default().to_owned();
        let grants: Vec<&str> = account.grants.iter().take(6).map(|grant| &*grant.name).collect();
        facts = vec![
            ("Login".to_owned(), account.login.as_deref().unwrap_or("none").to_owned()),
            ("Name".to_owned(), name.clone()),
            ("State".to_owned(), account.state.to_string()),
            ("Kind".to_owned(), account.key.kind.to_string()),
            ("Grants".to_owned(), grants.join(", ")),
        ];
        facts.retain(|(_, value)| !value.is_empty());
    }
    let login = observed.as_ref().and_then(|observed| observed.account.login.as_deref()).unwrap_or_default();
    Ok(Case {
        kind: words::kind(finding.kind),
        severity: words::severity(finding.severity),
        account: finding.account_key.as_ref().map(ToString::to_string).unwrap_or_default(),
        text: finding.text.split("; `tenure").next().unwrap_or_default().to_owned(),
        candidates: candidates(known, finding, &name, login),
        facts,
        next: String::new(),
        is_at: false,
    })
}

/// Lists who an account may be: those whom a dispute names, else those who have its name or an address like its own.
fn candidates(known: &Known, finding: &Finding, name: &str, login: &str) -> Vec<Candidate> {
    let named = finding.facts.get("identities").and_then(serde_json::Value::as_array);
    let named = named.into_iter().flatten().filter_map(serde_json::Value::as_str);
    let named = named.chain(finding.identity.as_ref().map(|id| id.as_str())).filter_map(|id| known.person(id));
    let place = login.split('@').next().unwrap_or_default();
    let parts = || place.split(['.', '_', '-', '+']).filter(|part| part.len() > 1);
    let words = || name.split_whitespace();
    let mut found: Vec<(&Line, &str)> = named.map(|line| (line, "named by the finding")).collect();
    if found.is_empty() && words().count() > 1 {
        found.extend(known.named(words()).into_iter().map(|line| (line, "has the same name")));
    }
    if found.is_empty() && !place.is_empty() {
        let mut like = known.addressed(place);
        if parts().count() > 1 {
            like.extend(known.named(parts()));
        }
        found.extend(like.into_iter().map(|line| (line, "has an address like it")));
    }
    let mut told = std::collections::BTreeSet::new();
    found.retain(|(line, _)| told.insert(line.id.clone()));
    found.into_iter().take(CANDIDATES_MAX).map(|(line, evidence)| candidate(line, evidence)).collect()
}

fn candidate(line: &Line, evidence: &str) -> Candidate {
    Candidate {
        id: line.id.clone(),
        link: format!("/people/{}", words::part(&line.id)),
        name: line.name.clone(),
        email: line.email.clone(),
        department: line.department.clone(),
        state: words::state(line.state.as_str()),
        evidence: evidence.to_owned(),
    }
}

/// `POST /match`: an account is somebody's, is not, or is to be left alone.
pub(crate) async fn decide(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
) -> Result<Redirect, Failure> {
    let house = &console.house;
    let account = form.text("account").ok_or_else(|| Failure::Asked("no account is named".into()))?;
    let account = find_account(house, account).await?;
    let whom = match form.text("whom").filter(|whom| *whom != "other") {
        Some(whom) => Some(whom),
        None => form.text("other"),
    };
    let identity = match whom {
        Some(key) => {
            let company = company(house, &Scope { identity: Some(key.to_owned()), ..Scope::default() }).await?;
            Some(find_identity(&company.graph(house), key)?)
        }
        None => None,
    };
    let (what, done) = match (form.text("decide"), identity) {
        (Some("link"), Some(identity)) => (Decided::Link { account, identity }, "linked"),
        (Some("link"), None) => return Err(Failure::Asked("choose whose it is first".into())),
        (Some("unlink"), Some(identity)) => (Decided::Unlink { account, identity: Some(identity) }, "unlinked"),
        (Some("unlink"), None) => {
            // Nobody is chosen: it is not theirs whose it is now.
            let link = house.store.link_of(&account).await?;
            let identity = link.map(|link| link.identity).ok_or_else(|| {
                Failure::Asked(format!(
                    "{account} is nobody's now: choose whose it is not first; what is to stay nobody's is left alone"
                ))
            })?;
            (Decided::Unlink { account, identity: Some(identity) }, "unlinked")
        }
        (Some("exempt"), _) => {
            may_exempt(house, &account)?;
            (Decided::Exempt { account }, "exempted")
        }
        _ => return Err(Failure::Asked("say what is decided".into())),
    };
    let by = By { who: visitor.who.clone(), note: form.text("note").map(str::to_owned) };
    record(house, by, what).await?;
    let only = form.text("only").unwrap_or_default();
    let at = form.text("next").map(|next| format!("&at={}", words::part(next))).unwrap_or_default();
    Ok(Redirect::to(&format!("/match?only={}&done={done}{at}#at", words::part(only))))
}
