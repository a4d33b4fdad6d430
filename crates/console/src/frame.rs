//! What stands around every page: who visits, where in the house they are, what was just done, whether writes are stopped,
//! and as of when they look. Made anew for each page from the store.

use crate::Console;
use crate::failure::Failure;
use askama::Template;
use axum::http::{HeaderMap, Uri};
use axum::response::Html;
use tenure_core::role::Deed;
use tenure_engine::openid::within;
use tenure_engine::session::Visitor;
use tenure_engine::stop::stops_of;

/// The cookie that says as of when the console is looked at.
pub(crate) const AS_OF: &str = "tenure_as_of";

/// What stands around a page.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub title: String,
    /// Who visits; nobody on the way in.
    pub who: Option<String>,
    pub role: &'static str,
    pub form_key: String,
    /// Which entry of the navigation is the page's.
    pub active: &'static str,
    /// What was just done.
    pub done: Option<&'static str>,
    /// Where writes are stopped, in a sentence each.
    pub stopped: Vec<String>,
    /// As of when the visitor looks.
    pub as_of: Option<String>,
    /// Where the page is, to come back to it.
    pub here: String,
    pub may_operate: bool,
    pub may_approve: bool,
    pub may_stop: bool,
    pub may_admit: bool,
    /// Whether the navigation leads to who may come in.
    pub sees_access: bool,
}

/// The entries of the navigation: where, what it is called, and the word by which a page says that it is there.
const NAVIGATION: [(&str, &str, &str); 10] = [
    ("/", "Today", "today"),
    ("/plan", "Plan", "plan"),
    ("/people", "People", "people"),
    ("/apps", "Apps", "apps"),
    ("/match", "Match", "match"),
    ("/leavers", "Leavers", "leavers"),
    ("/rules", "Rules", "rules"),
    ("/connect", "Connect", "connect"),
    ("/audit", "Audit", "audit"),
    ("/sessions", "Access", "access"),
];

/// The entries whose pages show an earlier moment as it was; the others are about what is set up now.
const DATED: [&str; 7] = ["today", "plan", "people", "apps", "match", "leavers", "audit"];

impl Frame {
    /// Returns the frame of a page that says nothing of the house.
    pub fn plain(visitor: Option<&Visitor>, title: &str) -> Self {
        let mut frame = Self { title: title.to_owned(), ..Self::default() };
        if let Some(visitor) = visitor {
            let may = |deed| visitor.role.may(deed);
            frame.who = Some(visitor.who.clone());
            frame.role = visitor.role.as_str();
            frame.form_key.clone_from(&visitor.form_key);
            frame.may_operate = may(Deed::Operate);
            frame.may_approve = may(Deed::Approve);
            frame.may_stop = may(Deed::Stop);
            frame.may_admit = may(Deed::Admit);
            frame.sees_access = frame.may_admit;
        }
        frame
    }

    /// Returns the frame of a page for its visitor.
    pub async fn of(
        console: &Console,
        visitor: &Visitor,
        title: impl Into<String>,
        active: &'static str,
        asked: (&Uri, &HeaderMap),
    ) -> Result<Self, Failure> {
        let (uri, headers) = asked;
        let stops = stops_of(&console.house.store).await?;
        let said = |stop: &tenure_core::stop::Stop| {
            let place = stop.connection.as_ref().map_or_else(|| "everywhere".to_owned(), ToString::to_string);
            let note = stop.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
            format!(
                "Writes are stopped {} {place} by {}, since {}{note}",
                if stop.connection.is_some() { "to" } else { "–" },
                stop.by,
                crate::words::moment(&stop.at)
            )
        };
        let mut frame = Self::plain(Some(visitor), &title.into());
        let as_of = as_of(headers);
        if as_of.is_some() {
            // Nothing can be done to the past, and whoever looks at it does nothing to the present by mistake.
            (frame.may_operate, frame.may_approve, frame.may_stop, frame.may_admit) = (false, false, false, false);
        }
        Ok(Self {
            active,
            here: within(uri.path()).to_owned(),
            done: query(uri, "done").and_then(|word| done(&word)),
            stopped: stops.iter().map(said).collect(),
            as_of,
            ..frame
        })
    }

    /// Tells whether the page shows what changes while it is looked at.
    pub fn live(&self) -> bool {
        self.who.is_some() && self.as_of.is_none() && ["today", "plan", "apps", "connect"].contains(&self.active)
    }

    /// As of which moment the visitor looks (milliseconds since 1970, UTC).
    pub fn as_of_ms(&self) -> Option<i64> {
        self.as_of.as_deref()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
    }

    /// Tells whether the page can show an earlier moment.
    pub fn is_dated(&self) -> bool {
        DATED.contains(&self.active)
    }

    /// Lists the navigation: where, what it is called, whether the page is there.
    pub fn navigation(&self) -> Vec<(&'static str, &'static str, bool)> {
        let shown = |entry: &&(&str, &str, &str)| entry.2 != "access" || self.sees_access;
        NAVIGATION.iter().filter(shown).map(|(path, name, word)| (*path, *name, *word == self.active)).collect()
    }
}

/// Returns the earlier moment at which somebody looks, if they do.
pub(crate) fn as_of(headers: &HeaderMap) -> Option<String> {
    crate::gate::cookie(headers, &[AS_OF]).filter(|text| text.parse::<jiff::Timestamp>().is_ok())
}

/// Returns a field of an address's query.
pub(crate) fn query(uri: &Uri, name: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(uri.query()?.as_bytes());
    pairs
        .into_iter()
        .find(|(of, _)| of == name)
        .map(|(_, value)| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

/// Returns what a page says was done; only known words are said, so that no link can have a page say something else.
fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "planned" => "The plan is made of what is known now.",
        "approved" => "Your yes is written down.",
        "rejected" => "Your no is written down.",
        "released" => "What the guard held may run, in this plan only.",
        "withheld" => "Taken back: the guard holds it again.",
        "applying" => "The permitted steps are being carried out.",
        "leaving" => "They leave: it is written down, and the plan below says what follows.",
        "pulling" => "The read is asked for.",
        "added" => "It is in tenure.toml, its rights were looked at, and it is about to be read for the first time.",
        "linked" => "Decided: the account is theirs.",
        "unlinked" => "Decided: the account is not theirs.",
        "exempted" => "Decided: the account is left alone from now on.",
        "stopped" => "No step begins from now on, in any process.",
        "resumed" => "Writes go on.",
        "ended" => "The session is ended.",
        "signed-in" => "You are signed in.",
        "past" => "You look at the past. Nothing can be changed there.",
        "now" => "You look at the present again.",
        _ => return None,
    })
}

/// Renders a page.
pub(crate) fn show(page: &impl Template) -> Result<Html<String>, Failure> {
    Ok(Html(crate::isolate::isolated(&page.render()?)))
}
