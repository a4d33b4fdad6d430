//! Whether somebody is here: from dates, status and decisions, in the person's own time zone.
//! Merged attributes and decisions come in, a state with its cause goes out. It reads no clock: the moment is handed
//! in, and time zones are the bundled ones, so that the same facts are judged the same everywhere.

use super::attributes::text_of;
use crate::account::{Account, AccountState, Fields};
use crate::facts::{Decided, Decision};
use crate::identity::IdentityState;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan, Zoned};
use serde_json::Value;
use std::collections::HashMap;

const ZONES_MAX: usize = 4096;

/// How long a decision to join outweighs a source that says "terminated" without a day: by then the source should
/// know, and an old decision must not keep a later leaver in.
const JOIN_OUTWEIGHS_MS: i64 = 30 * 86_400_000;

/// When and why somebody is here or gone, beside what the identity itself says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// What the state was judged by.
    pub cause: StayCause,
    /// The moment from which somebody is gone (milliseconds since 1970); `None` where only a status says so.
    pub left_ms: Option<i64>,
    /// The moment from which somebody who is to come is here; not worked out for those who simply are.
    pub start_ms: Option<i64>,
    /// Whether they were gone before: a rehire.
    pub returned: bool,
    /// Whether an earlier version of their record said that they were gone, with no later first day since: they are back
    /// only if they were put out on that word, which may have been a bad export's.
    pub said_gone: bool,
    /// Whether an earlier version of their record is known, or somebody said that they are another now: they moved.
    pub changed: bool,
    /// How many of the identity's addresses are current; further ones are earlier ones.
    pub emails_now: u16,
}

/// What a state was judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StayCause {
    /// The sources list the person.
    Listed,
    /// The last day of work, or the first.
    Dates,
    /// The status that a source tells.
    Status,
    /// The state of the person's record in the source.
    Record,
    /// A person decided it.
    Decision {
        /// Who.
        by: String,
    },
    /// The record is gone from its source: nothing is known.
    Vanished,
    /// The source's words could not be read.
    Unreadable,
}

/// Time zones by name, looked up once each.
#[derive(Debug)]
pub(crate) struct Zones {
    database: TimeZoneDatabase,
    now: Timestamp,
    known: HashMap<String, Option<(TimeZone, Date)>>,
}

impl Zones {
    pub(crate) fn new(now_ms: i64) -> Self {
        let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { database: TimeZoneDatabase::bundled(), now, known: HashMap::new() }
    }

    /// Returns the zone of that name and today's date there; UTC for none; `None` for a name that is no zone.
    pub(crate) fn find(&mut self, name: Option<&str>) -> Option<(TimeZone, Date)> {
        let name = name.unwrap_or("UTC");
        if let Some(found) = self.known.get(name) {
            return found.clone();
        }
        let found = self.database.get(name).ok().map(|zone| {
            let today = self.now.to_zoned(zone.clone()).date();
            (zone, today)
        });
        if self.known.len() < ZONES_MAX {
            self.known.insert(name.to_owned(), found.clone());
        }
        found
    }

    pub(super) fn utc(&self) -> (TimeZone, Date) {
        (TimeZone::UTC, self.now.to_zoned(TimeZone::UTC).date())
    }

    /// Returns a moment in the zone.
    pub(crate) fn moment(&mut self, at_ms: i64, zone: Option<&str>) -> Option<Zoned> {
        Some(Timestamp::from_millisecond(at_ms).ok()?.to_zoned(self.find(zone).unwrap_or_else(|| self.utc()).0))
    }
}

/// What was judged of one person.
pub(super) struct Judged {
    pub(super) state: IdentityState,
    pub(super) start_date: Option<Date>,
    pub(super) end_date: Option<Date>,
    pub(super) stay: Stay,
    /// Words of the source that could not be read: topic and sentence.
    pub(super) unreadable: Vec<(&'static str, String)>,
}

enum Status {
    Untold,
    /// Nothing stands there now, and before it was that they are gone.
    Blanked,
    Future,
    Active,
    Leave,
    Terminated,
    Unreadable(String),
}

fn status_of(record: Option<&Account>, attributes: &Fields, earlier: &[&Account]) -> Status {
    let told = match record {
        Some(record) => record.fields.get("status"),
        None => attributes.get("status"),
    };
    let Some(word) = told.and_then(text_of) else {
        // Some systems leave an empty field out: then nothing else of the record tells a state either.
        let is_blank = |record: &&Account| told.map_or(record.state == AccountState::Unknown, Value::is_null);
        let gone = record.filter(is_blank).is_some_and(|record| was_gone(record, earlier));
        return if gone { Status::Blanked } else { Status::Untold };
    };
    status_word(&word).unwrap_or_else(|| Status::Unreadable(word.into_owned()))
}

fn status_word(word: &str) -> Option<Status> {
    match word.to_lowercase().replace([' ', '-'], "_").as_str() {
        "future" => Some(Status::Future),
        "active" => Some(Status::Active),
        "leave" | "on_leave" => Some(Status::Leave),
        "terminated" | "left" | "inactive" => Some(Status::Terminated),
        _ => None,
    }
}

/// Tells whether the last that a record said of a status was that its person is gone, and no later first day has come
/// since. `earlier` are the versions of all records of the person, oldest first.
fn was_gone(record: &Account, earlier: &[&Account]) -> bool {
    let versions = earlier.iter().rev().filter(|version| version.key == record.key);
    let said = |version: &&&Account| {
        let word = version.fields.get("status").and_then(text_of);
        word.and_then(|word| status_word(&word)).map(|status| (status, date_of(&version.fields, "start_date")))
    };
    let Some((Status::Terminated, before)) = versions.into_iter().find_map(|version| said(&version)) else {
        return false;
    };
    let start = date_of(&record.fields, "start_date");
    !matches!((before, start), (Ok(Some(before)), Ok(Some(start))) if start > before)
}

fn date_of(attributes: &Fields, name: &str) -> Result<Option<Date>, String> {
    match attributes.get(name).and_then(text_of) {
        None => Ok(None),
        Some(text) => {
            let day = text.get(..10).filter(|_| text[10..].starts_with(['T', ' '])).unwrap_or(&text);
            day.parse().map(Some).map_err(|_| text.into_owned())
        }
    }
}

/// How a record of a person compares with an earlier version of it that said they were gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SaidGone {
    /// Their first day now is a later one.
    Before,
    /// It is the same, or none is told.
    OnThisStay,
}

/// Compares a first day with a version that said, by its status or by a last day before `today`, that somebody is gone;
/// nothing where it did not.
pub(super) fn said_gone(version: &Account, start: Option<Date>, today: Date) -> Option<SaidGone> {
    let status = version.fields.get("status").and_then(text_of).and_then(|word| status_word(&word));
    let (first, last) = days(version);
    let last = last.filter(|last| *last < today && first.is_none_or(|first| first <= *last));
    if last.is_none() && !matches!(status, Some(Status::Terminated)) {
        return None;
    }
    let is_later = start.zip(last.or(first)).is_some_and(|(start, before)| start > before);
    Some(if is_later { SaidGone::Before } else { SaidGone::OnThisStay })
}

/// Returns the very moment from which somebody is gone, where a source tells one and not only a day (milliseconds since
/// 1970, UTC).
pub(crate) fn end_moment_ms(attributes: &Fields) -> Option<i64> {
    let text = attributes.get("end_date").and_then(text_of)?;
    let moment: Timestamp = text.parse().ok().filter(|_| text.contains(['T', ' ']))?;
    Some(moment.as_millisecond())
}

/// How far one employment has come; the later word is the one that counts less where somebody has several.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Employment {
    /// It is held, as far as is known.
    Held,
    /// It is to come.
    ToCome,
    /// It is over.
    Over,
}

/// Judges one record of a source by itself.
pub(super) fn employment(record: &Account, now_ms: i64, zones: &mut Zones) -> Employment {
    match judged(Some(record), &record.fields, &[], &[], (now_ms, zones)).state {
        IdentityState::Left => Employment::Over,
        IdentityState::Future => Employment::ToCome,
        IdentityState::Active | IdentityState::Leave | IdentityState::Unknown => Employment::Held,
    }
}

/// Returns the first and the last day that a record tells, none where there is none: later ones are of a later employment.
pub(super) fn days(record: &Account) -> (Option<Date>, Option<Date>) {
    let of = |name: &str| date_of(&record.fields, name).unwrap_or_default();
    (of("start_date"), of("end_date"))
}

/// Judges whether somebody is here. `record` is the live record of the highest authority, `None` when there is none;
/// `earlier` are earlier versions of their records, oldest first.
pub(super) fn judged(
    record: Option<&Account>,
    attributes: &Fields,
    earlier: &[&Account],
    decisions: &[&Decision],
    (now_ms, zones): (i64, &mut Zones),
) -> Judged {
    let mut unreadable = Vec::new();
    let mut read = |name: &'static str| {
        date_of(attributes, name).unwrap_or_else(|text| {
            unreadable.push((name, format!("{name} \"{text}\" is no date")));
            None
        })
    };
    let (start_date, end_date) = (read("start_date"), read("end_date"));
    let blurred = !unreadable.is_empty();
    let zone_name = attributes.text("time_zone");
    let (zone, today) = zones.find(zone_name).unwrap_or_else(|| {
        unreadable.push(("time_zone", format!("time_zone \"{}\" is no zone, UTC is taken", zone_name.unwrap_or(""))));
        zones.utc()
    });
    let returned = matches!((start_date, end_date), (Some(start), Some(end)) if start > end);
    let end = end_date.filter(|_| !returned);
    let status = status_of(record, attributes, earlier);
    let moment_ms = end.and_then(|_| end_moment_ms(attributes));
    let is_over = |end: Date| moment_ms.map_or(today > end, |moment_ms| now_ms >= moment_ms);
    let by_dates = match (end, start_date) {
        (Some(end), _) if is_over(end) => Some((IdentityState::Left, StayCause::Dates)),
        (_, Some(start)) if today < start => Some((IdentityState::Future, StayCause::Dates)),
        _ => None,
    };
    match &status {
        Status::Unreadable(word) => {
            unreadable.push(("status", format!("status \"{word}\" is none of future, active, leave, terminated")));
        }
        Status::Blanked if by_dates.is_none() => {
            let text = "status is empty now and was \"terminated\": nobody is let in on that; write active, or a later start_date";
            unreadable.push(("status", text.to_owned()));
        }
        _ => {}
    }
    let shut = record.is_some_and(|record| matches!(record.state, AccountState::Suspended | AccountState::Removed));
    // Whoever was made in a source and did not come in yet is to come.
    let awaited = record.is_some_and(|record| record.state == AccountState::Invited);
    let (state, cause) = match (by_dates, &status) {
        _ if blurred => (IdentityState::Unknown, StayCause::Unreadable),
        (Some(by_dates), _) => by_dates,
        (None, Status::Terminated) if end.is_none() => (IdentityState::Left, StayCause::Status),
        (None, Status::Unreadable(_) | Status::Blanked) => (IdentityState::Unknown, StayCause::Unreadable),
        (None, Status::Leave) => (IdentityState::Leave, StayCause::Status),
        (None, Status::Future) if start_date.is_none() => (IdentityState::Future, StayCause::Status),
        (None, Status::Future | Status::Active | Status::Terminated) => (IdentityState::Active, StayCause::Listed),
        (None, Status::Untold) if shut => (IdentityState::Left, StayCause::Record),
        (None, Status::Untold) if awaited && start_date.is_none() => (IdentityState::Future, StayCause::Record),
        (None, Status::Untold) => (IdentityState::Active, StayCause::Listed),
    };
    let (state, cause) = if record.is_none() { (IdentityState::Unknown, StayCause::Vanished) } else { (state, cause) };
    // Most people are simply here, and nobody asks for the millisecond in which they came.
    let plainly_here = decisions.is_empty() && matches!(state, IdentityState::Active | IdentityState::Leave);
    let start_ms = start_date.filter(|_| !plainly_here).and_then(|date| midnight_ms(date, &zone));
    let end_ms = end.filter(|_| !plainly_here).and_then(|date| {
        moment_ms.or_else(|| date.checked_add(1.day()).ok().and_then(|date| midnight_ms(date, &zone)))
    });
    let left_ms = end_ms.filter(|_| state == IdentityState::Left);
    let stay = Stay { cause, left_ms, start_ms, returned, said_gone: false, changed: false, emails_now: 0 };
    let judged = Judged { state, start_date, end_date, stay, unreadable };
    decide_over(judged, decisions, end_ms, now_ms)
}

/// Lets the newest decision to join or leave win, unless the sources tell of something later.
fn decide_over(mut judged: Judged, decisions: &[&Decision], end_ms: Option<i64>, now_ms: i64) -> Judged {
    for decision in decisions.iter().rev() {
        let cause = || StayCause::Decision { by: decision.by.clone() };
        match &decision.what {
            Decided::Leave { at_ms, start_date: known, .. } => {
                let at_ms = at_ms.unwrap_or(decision.at_ms);
                let starts_later = judged.stay.start_ms.is_some_and(|start_ms| start_ms > at_ms);
                // Whoever decided it knew of this first day, or of a later one.
                let was_known = known.is_some_and(|known| judged.start_date.is_some_and(|start| start <= known));
                let came_back = starts_later && !was_known;
                if now_ms >= at_ms && !came_back {
                    judged.state = IdentityState::Left;
                    judged.stay.cause = cause();
                    judged.stay.left_ms = Some(at_ms);
                } else if starts_later && was_known {
                    // They will be gone before their first day, so nothing is made ready for it.
                    judged.stay.start_ms = None;
                }
                judged.stay.returned |= came_back;
                return judged;
            }
            Decided::Join { start_ms, .. } => {
                let start_ms = start_ms.unwrap_or(decision.at_ms);
                let left_before =
                    |other: &&Decision| matches!(other.what, Decided::Leave { .. }) && other.seq < decision.seq;
                let returned = decisions.iter().any(left_before);
                judged.stay.returned |= returned;
                let outweighs = match (judged.state, end_ms) {
                    (IdentityState::Active | IdentityState::Leave, _) => false,
                    (IdentityState::Left, Some(end_ms)) => end_ms <= start_ms,
                    (IdentityState::Left, None) => now_ms.saturating_sub(decision.at_ms) <= JOIN_OUTWEIGHS_MS,
                    (IdentityState::Unknown, _) => judged.stay.cause == StayCause::Vanished,
                    (IdentityState::Future, _) => true,
                };
                if !outweighs {
                    return judged;
                }
                judged.stay.returned |= judged.state == IdentityState::Left;
                judged.state = if start_ms > now_ms { IdentityState::Future } else { IdentityState::Active };
                judged.stay.cause = cause();
                judged.stay.start_ms = Some(start_ms);
                judged.stay.left_ms = None;
                return judged;
            }
            _ => {}
        }
    }
    judged
}

fn midnight_ms(date: Date, zone: &TimeZone) -> Option<i64> {
    date.to_zoned(zone.clone()).ok().map(|moment| moment.timestamp().as_millisecond())
}
