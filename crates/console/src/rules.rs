//! `Rules`: the policy as it is, and a draft of it tried against the company of today: who would gain, who would lose. The
//! draft is nowhere kept; it is taken away as a file, to be put where the policy lies.

use crate::Shared;
use crate::failure::Failure;
use crate::frame::{Frame, show};
use crate::gate::Form;
use crate::steps::StepLine;
use crate::words;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::name::{IdentityId, Name};
use tenure_core::policy::{Wanted, WordGrant, WordValue};
use tenure_engine::draft::{Difference, Person, Thing, compare};
use tenure_engine::session::Visitor;

const PEOPLE_SHOWN: usize = 60;
const STEPS_SHOWN: usize = 40;
/// Accounts and grants that are counted by themselves.
const THINGS_SHOWN: usize = 60;
/// Longer texts are compared by no lines.
const LINES_MAX: usize = 1500;

#[derive(Template)]
#[template(path = "rules.html")]
struct Rules {
    frame: Frame,
    grants: Vec<GrantTold>,
    approvals: Vec<(String, String)>,
    guards: Vec<(String, String)>,
    approvers: Vec<(String, String)>,
    text: String,
    draft: String,
    problem: Option<String>,
    tried: Option<Tried>,
    diff: Vec<(&'static str, String)>,
}

struct GrantTold {
    name: String,
    when: String,
    /// What it gives: where, and what.
    to: Vec<(String, String)>,
}

/// Somebody who would gain or lose: their name, where they are shown, and what, by where.
type Moved = (String, String, Vec<(String, String)>);

struct Tried {
    /// What moves: where, what, how many gain it, how many lose it.
    things: Vec<(String, String, usize, usize)>,
    more_things: usize,
    gains: Vec<Moved>,
    loses: Vec<Moved>,
    more_gains: usize,
    more_loses: usize,
    more: Vec<StepLine>,
    fewer: Vec<StepLine>,
    steps_more: usize,
    steps_fewer: usize,
    held: usize,
}

fn told(console: &Shared, frame: Frame) -> Rules {
    let policy = &console.house.policy;
    let grants = policy.grants.iter().map(|grant| GrantTold {
        name: grant.name.to_string(),
        when: grant.when.text().to_owned(),
        to: grant.to.iter().map(|(connection, wanted)| (connection.to_string(), wanted_says(wanted))).collect(),
    });
    let approvals = policy.approvals.iter().map(|rule| {
        let from = if rule.from.is_empty() {
            "nobody".to_owned()
        } else {
            format!("{} of {}", rule.count, rule.from.join(" or "))
        };
        (rule.when.text().to_owned(), from)
    });
    let guards = &policy.guards;
    let guards = [
        ("Removals in one plan, at most", guards.removals_max.to_string()),
        ("of a connection's active accounts, at most", format!("{:.1} %", guards.removals_max_share * 100.0)),
        ("A source that lost more people is not believed", format!("{:.1} %", guards.source_shrink_max_share * 100.0)),
        ("Never changed", guards.protected.join(", ")),
    ];
    Rules {
        grants: grants.collect(),
        approvals: approvals.collect(),
        guards: guards.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        approvers: policy.approvers.iter().map(|(group, people)| (group.clone(), people.join(", "))).collect(),
        text: policy.text.clone(),
        draft: policy.text.clone(),
        problem: None,
        tried: None,
        diff: Vec::new(),
        frame,
    }
}

/// Says what a rule gives in one connection.
fn wanted_says(wanted: &Wanted) -> String {
    let kind = wanted.kind.map(|kind| format!("as {}", kind.with_article()));
    let word = |(word, value): (&Name, &WordValue)| {
        let grant = |grant: &WordGrant| {
            let scope = grant.scope.as_deref().map(|scope| format!(" ({scope})")).unwrap_or_default();
            format!("{}{scope}", grant.name)
        };
        let value = match value {
            WordValue::Text(text) => text.to_string(),
            WordValue::Flag(flag) => flag.to_string(),
            WordValue::Number(number) => number.to_string(),
            WordValue::Grants(grants) => grants.iter().map(grant).collect::<Vec<_>>().join(", "),
        };
        format!("{} {}", word.replace('_', " "), words::cut(&value))
    };
    let all: Vec<String> = kind.into_iter().chain(wanted.words.iter().map(word)).collect();
    if all.is_empty() { "an account".into() } else { all.join(" · ") }
}

/// `GET /rules`.
pub(crate) async fn page(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Failure> {
    let frame = Frame::of(&console, &visitor, "Rules", "rules", (&uri, &headers)).await?;
    show(&told(&console, frame))
}

/// `POST /rules`: tries a draft, or gives it back as a file.
pub(crate) async fn attempt(
    State(console): State<Shared>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Extension(form): Extension<Form>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let draft = form.all("draft").first().cloned().unwrap_or_default().replace("\r\n", "\n");
    if form.text("do") == Some("export") {
        let headers = [
            (header::CONTENT_TYPE, "application/toml; charset=utf-8"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"policy.toml\""),
        ];
        return Ok((headers, draft).into_response());
    }
    let frame = Frame::of(&console, &visitor, "Rules", "rules", (&uri, &headers)).await?;
    let mut page = told(&console, frame);
    page.diff = lines(&page.text, &draft);
    match compare(&console.house, &draft).await {
        Ok(difference) => page.tried = Some(Tried::new(&console, &difference)),
        Err(tenure_engine::EngineError::Misplaced(error)) => page.problem = Some(error.to_string()),
        Err(error) => return Err(error.into()),
    }
    page.draft = draft;
    Ok(show(&page)?.into_response())
}

impl Tried {
    fn new(console: &Shared, difference: &Difference) -> Self {
        let people = |all: &BTreeMap<IdentityId, Person>| {
            let things = |person: &Person| {
                let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
                for thing in &person.things {
                    places.entry(thing.connection.to_string()).or_default().push(&thing.what);
                }
                places.into_iter().map(|(place, what)| (place, words::cut(&what.join(", ")))).collect()
            };
            let line = |(id, person): (&IdentityId, &Person)| {
                (person.name.clone(), format!("/people/{}", words::part(id.as_str())), things(person))
            };
            all.iter().take(PEOPLE_SHOWN).map(line).collect()
        };
        let mut things: BTreeMap<&Thing, (usize, usize)> = BTreeMap::new();
        difference
            .gains
            .values()
            .flat_map(|person| &person.things)
            .for_each(|thing| things.entry(thing).or_default().0 += 1);
        difference
            .loses
            .values()
            .flat_map(|person| &person.things)
            .for_each(|thing| things.entry(thing).or_default().1 += 1);
        let line = |step| StepLine::new(step, &console.house.policy);
        let more_things = things.len().saturating_sub(THINGS_SHOWN);
        let thing = |(thing, (gain, lose)): (&Thing, (usize, usize))| {
            (thing.connection.to_string(), thing.what.clone(), gain, lose)
        };
        Self {
            things: things.into_iter().take(THINGS_SHOWN).map(thing).collect(),
            more_things,
            gains: people(&difference.gains),
            loses: people(&difference.loses),
            more_gains: difference.gains.len().saturating_sub(PEOPLE_SHOWN),
            more_loses: difference.loses.len().saturating_sub(PEOPLE_SHOWN),
            more: difference.more.iter().take(STEPS_SHOWN).map(line).collect(),
            fewer: difference.fewer.iter().take(STEPS_SHOWN).map(line).collect(),
            steps_more: difference.more.len(),
            steps_fewer: difference.fewer.len(),
            held: difference.held,
        }
    }
}

/// Compares two texts by lines: what stays, what goes (`-`), what comes (`+`); only changed lines and some around them.
fn lines(before: &str, after: &str) -> Vec<(&'static str, String)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    if before == after || old.len() > LINES_MAX || new.len() > LINES_MAX {
        return Vec::new();
    }
    let width = new.len() + 1;
    let mut common = vec![0_u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = match old[i] == new[j] {
                true => common[(i + 1) * width + j + 1] + 1,
                false => common[(i + 1) * width + j].max(common[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j, mut told) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            told.push((" ", old[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            told.push(("-", old[i].to_owned()));
            i += 1;
        } else {
            told.push(("+", new[j].to_owned()));
            j += 1;
        }
    }
    let changed: Vec<usize> = told.iter().enumerate().filter(|(_, line)| line.0 != " ").map(|(at, _)| at).collect();
    let near = |at: usize| changed.iter().any(|place| place.abs_diff(at) <= 2);
    told.into_iter().enumerate().filter(|(at, _)| near(*at)).map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_compared_by_its_lines() {
        let told = lines("a\nb\nc\nd\ne\nf\n", "a\nb\nx\nd\ne\nf\n");
        let told: Vec<String> = told.iter().map(|(sign, line)| format!("{sign}{line}")).collect();
        assert_eq!(told, [" a", " b", "-c", "+x", " d", " e"]);
        assert!(lines("a\n", "a\n").is_empty());
    }
}
