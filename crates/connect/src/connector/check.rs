//! Checking a connection with read-only requests: credential, lists, clock, and what a person must confirm.
//! `tenure check` prints the lines. No write is ever a probe: that writing is allowed is not known before the first one.

use super::walk::Walk;
use super::{Connector, Inner};
use crate::codec::json::Place;
use crate::error::{ConnectError, ErrorKind};
use crate::transport::{Priority, Response};
use async_recursion::async_recursion as boxed;
use std::time::{Duration, UNIX_EPOCH};
use tenure_core::account::Kind;

/// A clock that differs by more than this is reported.
const SKEW_MAX: Duration = Duration::from_secs(60);

/// How one thing stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is in order.
    Good,
    /// It is not.
    Bad,
    /// A person must say.
    Unconfirmed,
}

/// One thing that was checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckLine {
    /// What.
    pub what: String,
    /// How it stands.
    pub ok: Verdict,
    /// What was seen, and who must do what.
    pub says: String,
    /// What kind of error it was, where it is not in order.
    pub error: Option<ErrorKind>,
}

impl CheckLine {
    pub(super) fn new(what: impl Into<String>, ok: Verdict, says: impl Into<String>) -> Self {
        Self { what: what.into(), ok, says: says.into(), error: None }
    }

    pub(super) fn bad(what: impl Into<String>, error: &ConnectError) -> Self {
        Self { what: what.into(), ok: Verdict::Bad, says: error.to_string(), error: Some(error.kind) }
    }
}

impl Connector {
    /// Checks the connection without changing anything.
    #[boxed]
    pub async fn check(&self) -> Vec<CheckLine> {
        let inner = &self.0;
        let mut lines: Vec<CheckLine> = inner.plan_line().into_iter().chain(inner.custom_line()).collect();
        for kind in inner.manifest().kinds.keys() {
            let what = format!("read {kind} records");
            match inner.first_page(*kind).await {
                Ok(None) => {}
                Ok(Some((response, rows))) => {
                    lines.push(CheckLine::new(what, Verdict::Good, format!("{rows} on the first page")));
                    lines.extend(inner.skew(&response));
                }
                Err(error) => {
                    let refused =
                        matches!(error.kind, ErrorKind::Auth | ErrorKind::Unreachable | ErrorKind::Configuration);
                    lines.push(CheckLine::bad(what, &inner.placed(error)));
                    if refused {
                        return lines;
                    }
                }
            }
        }
        inner.check_references(&mut lines).await;
        lines.extend(inner.check_scim().await);
        lines.extend(inner.check_alone().await);
        lines.dedup();
        lines.push(self.check_whoami().await);
        for prerequisite in &inner.manifest().prerequisites {
            let what = prerequisite.what.clone();
            let says = format!("needed for {}; no request can tell, please confirm", prerequisite.needed_for);
            lines.push(CheckLine::new(what, Verdict::Unconfirmed, says));
        }
        lines
    }
}

impl Connector {
    async fn check_whoami(&self) -> CheckLine {
        let what = "the credential's own account";
        match self.whoami().await {
            Ok(Some(login)) => CheckLine::new(what, Verdict::Good, format!("is {login}, which is never changed")),
            Ok(None) => {
                let says = "the app does not tell which it is; if there is one, name its login under `protected` in \
                            [guards] of the policy, so that it is never changed";
                CheckLine::new(what, Verdict::Unconfirmed, says)
            }
            Err(error) => CheckLine::bad(what, &error),
        }
    }
}

impl Inner {
    /// Says of a plan that it has no API.
    fn plan_line(&self) -> Option<CheckLine> {
        let plan = self.settings.plan.as_deref()?;
        let without = &self.manifest().limits.without_api;
        let says = format!(
            "{plan} has no API: everything here will be refused; take a plan that has one, or correct `plan` of {}",
            self.settings.name
        );
        without
            .iter()
            .any(|known| known.eq_ignore_ascii_case(plan))
            .then(|| CheckLine { error: Some(ErrorKind::Configuration), ..CheckLine::new("plan", Verdict::Bad, says) })
    }

    /// Says of attributes that were named in vain: this dialect has no place for them.
    fn custom_line(&self) -> Option<CheckLine> {
        let words: Vec<&str> = self.settings.custom.keys().map(String::as_str).collect();
        let manifest = self.manifest();
        if words.is_empty() || manifest.kinds.values().any(|kind| kind.custom.is_some()) {
            return None;
        }
        let says = format!(
            "{} cannot be written: for attributes of the tenant's own no place is known in {} as this tenant answers \
             ({}); take `custom` out of {}, and its words out of the policy",
            words.join(", "),
            manifest.title,
            manifest.dialect,
            self.settings.name
        );
        Some(CheckLine { error: Some(ErrorKind::Configuration), ..CheckLine::new("custom", Verdict::Bad, says) })
    }

    /// Says of an address at which nobody answers as the app does, which part of it the operator chose.
    fn placed(&self, error: ConnectError) -> ConnectError {
        if !matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unreachable | ErrorKind::Malformed) {
            return error;
        }
        let parameters = self.manifest().base.iter().flat_map(|base| &base.parameters);
        let parts: Vec<String> = parameters.map(|(name, help)| format!("`{name}` is {}", help.says)).collect();
        let address = format!("is {} the address of your tenant? {}", self.base, parts.join("; "));
        match error.hint.clone() {
            Some(hint) => error.hinting(format!("{hint}; {address}")),
            None => error.hinting(address),
        }
    }

    async fn first_page(&self, kind: Kind) -> Result<Option<(Response, usize)>, ConnectError> {
        let (spec, reader) = self.kind(kind)?;
        let Some(list) = &spec.list else { return Ok(None) };
        let first = list.passes.first().map(|pass| pass.query.clone()).unwrap_or_default();
        let walk = Walk {
            path: list.path.clone(),
            items: Place::new(&list.items),
            paging: Walk::paging(self, &list.paging)?,
            query: list.query.iter().chain(&first).map(|(key, value)| (key.clone(), value.clone())).collect(),
            body: list.read_body.as_ref().map(super::look::object),
            priority: Priority::Write,
        };
        let response = walk.fetch(self, &walk.start()).await?;
        let rows = {
            let json = super::ask::json_of(&response)?;
            let rows = walk.rows(&json)?;
            if rows.iter().any(|row| reader.id(row).is_none()) {
                let text = "records have no id where the app used to put it";
                return Err(ConnectError::new(ErrorKind::Malformed, text));
            }
            rows.len()
        };
        Ok(Some((response, rows)))
    }

    fn skew(&self, response: &Response) -> Option<CheckLine> {
        let theirs = httpdate::parse_http_date(response.header("date")?).ok()?;
        let ours = self.clock.wall();
        let seconds = |moment: std::time::SystemTime| moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let apart = seconds(ours).abs_diff(seconds(theirs));
        Some(if Duration::from_secs(apart) > SKEW_MAX {
            let says = format!("this machine's clock and the app's are {apart} s apart; set this machine's clock");
            CheckLine::new("clock", Verdict::Bad, says)
        } else {
            CheckLine::new("clock", Verdict::Good, "agrees with the app's")
        })
    }

    async fn check_references(&self, lines: &mut Vec<CheckLine>) {
        if self.manifest().references.is_empty() {
            return;
        }
        match self.names(Duration::ZERO, Priority::Write).await {
            Ok(names) => {
                for reference in self.manifest().references.keys() {
                    let count = names.list(reference).map_or(0, |list| list.entries().len());
                    let says = if names.missing.contains(reference) {
                        "the app has no such list; ids stand for names".to_owned()
                    } else {
                        format!("{count} entries")
                    };
                    lines.push(CheckLine::new(format!("read {reference}"), Verdict::Good, says));
                }
            }
            Err(error) => lines.push(CheckLine::bad("read reference lists", &error)),
        }
    }
}
