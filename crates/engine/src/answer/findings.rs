//! What a person should know, worst first.

use super::page::cut;
use crate::error::EngineError;
use crate::house::House;
use crate::whole::judge_whole;
use async_recursion::async_recursion as boxed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenure_core::change::{Finding, FindingKind};
use tenure_core::place::nearest;

/// Which findings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FindingsAsked {
    /// Only this kind, such as `leaver_active`.
    pub kind: Option<String>,
    /// Only this connection.
    pub connection: Option<String>,
    /// How many at most.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<usize>,
    /// Where to go on: the `next` of the part before.
    pub cursor: Option<String>,
}

/// Findings.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Findings {
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Lists findings.
///
/// # Errors
/// There is no such kind or connection, or the store failed.
#[boxed]
pub async fn findings(house: &House, asked: &FindingsAsked) -> Result<Findings, EngineError> {
    let kind = asked.kind.as_deref().map(kind_of).transpose()?;
    super::page::text(asked.cursor.as_deref(), is_place)?;
    let connection = asked.connection.as_deref();
    if let Some(name) = connection {
        house.connection(name)?;
    }
    let of_kind = |finding: &Finding| kind.is_none_or(|kind| finding.kind == kind);
    let is_in = |finding: &Finding| {
        connection.is_none_or(|name| finding.connection.as_ref().is_some_and(|other| other.as_str() == name))
    };
    if asked.limit.is_none() {
        let found = judge_whole(house, &[], None).await?;
        return Ok(list(found.findings.into_iter().filter(|finding| of_kind(finding) && is_in(finding)), asked));
    }
    let all = super::kept::all(house).await?;
    Ok(list(all.iter().filter(|finding| of_kind(finding) && is_in(finding)).cloned(), asked))
}

/// Tells whether a text is a place in the list, as `list` gives it out.
fn is_place(text: &str) -> bool {
    let mut words = text.split(' ');
    let mut number = || words.next().is_some_and(|word| word.parse::<u8>().is_ok());
    number() && number() && words.next().is_some_and(|id| id.starts_with("f-")) && words.next().is_none()
}

/// Lists these findings, as far as is asked.
pub fn list(findings: impl Iterator<Item = Finding>, asked: &FindingsAsked) -> Findings {
    // They are sorted by this already, so that a part goes on where the one before ended.
    let key = |finding: &Finding| format!("{} {:02} {}", finding.severity as u8, finding.kind as u8, finding.id);
    let (findings, next) = cut(findings, asked.cursor.as_deref(), asked.limit, key);
    Findings { findings, next }
}

/// Reads a kind of finding.
///
/// # Errors
/// There is none of that name; a sentence with the nearest that is.
pub fn kind_of(named: &str) -> Result<FindingKind, EngineError> {
    serde_json::from_value(serde_json::Value::String(named.to_owned())).map_err(|_| {
        let known = FindingKind::ALL.map(FindingKind::as_str);
        let near = nearest(named, &known)
            .map_or_else(|| format!("the kinds are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        EngineError::Field { field: "kind", because: format!("there is no kind of finding named {named:?}; {near}") }
    })
}
