//! Work that an app cannot be asked to do, made ready for a person: what to click, the row to import, by when.
//! `diff` finds that it is needed, `plan` writes it into the step from what the manifest says; it is closed only by
//! reading the result from the app. Nothing here does the work or tells whether it is done.

use crate::abilities::{ByHand, Effect, KindAbility};
use crate::account::Account;
use crate::change::{Change, Step};
use crate::identity::Identity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a person must do in place of the app's API.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HandWork {
    /// The effect that the work stands for; read back from the app, it closes the step.
    pub does: Effect,
    /// What to do, click by click.
    pub how: String,
    /// The CSV lines to import, header first, carrying the full wanted state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv: Option<String>,
    /// Who does it, where the operator says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The day by which it is due (ISO 8601): the first day of a joiner, the last of a leaver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// For how many hours the invitation that it sends is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_hours: Option<u32>,
}

/// What is known of the work before the step is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Hand {
    /// The effect that it stands for.
    pub does: Effect,
    /// Why the app cannot.
    pub because: String,
}

/// Makes the work ready: the manifest's words, filled with the person, the account as it is and what becomes different.
pub fn hand_work(
    hand: &Hand,
    ability: Option<&KindAbility>,
    owner: Option<&str>,
    account: Option<&Account>,
    identity: Option<&Identity>,
    changes: &[Change],
    now_ms: i64,
) -> HandWork {
    let said = ability.and_then(|ability| ability.by_hand.get(&hand.does));
    let wished = Words { ability, account, identity, changes, fields: Told::Wished };
    // Whoever does it looks for the account under what the app shows today; `{changes}` says what becomes of that.
    let sought = match hand.does {
        Effect::Create => wished,
        _ => Words { fields: Told::Today, ..wished },
    };
    // A first day that is long past is no day by which anything is due.
    let yesterday = jiff::Timestamp::from_millisecond(now_ms - 86_400_000).unwrap_or_default();
    let yesterday = yesterday.to_zoned(jiff::tz::TimeZone::UTC).date();
    let first = || identity.and_then(|identity| identity.start_date).filter(|date| *date >= yesterday);
    let day = match hand.does {
        Effect::Create | Effect::Resume | Effect::Convert => first(),
        Effect::Suspend | Effect::Delete | Effect::EndSessions => identity.and_then(|identity| identity.end_date),
        _ => None,
    };
    HandWork {
        does: hand.does,
        how: said.map_or_else(|| hand.because.clone(), |said| sought.fill(&said.how)),
        csv: said.and_then(|said| csv(said, |pattern| wished.fill(pattern))),
        owner: owner.map(str::to_owned),
        due: day.map(|day| day.to_string()),
        expires_hours: said.and_then(|said| said.expires_hours),
    }
}

fn csv(said: &ByHand, filled: impl Fn(&str) -> String) -> Option<String> {
    if said.row.is_empty() {
        return None;
    }
    let line = |cells: Vec<String>| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",");
    let header = line(said.row.iter().map(|(column, _)| column.clone()).collect());
    let row = line(said.row.iter().map(|(_, pattern)| filled(pattern)).collect());
    Some(format!("{header}\n{row}"))
}

/// Quotes a cell where it must be (RFC 4180). A cell that a spreadsheet would run as a formula is kept from it.
fn quoted(cell: &str) -> String {
    let cell = if cell.starts_with(['=', '+', '-', '@', '\t']) { format!("'{cell}") } else { cell.to_owned() };
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

/// What the words of a pattern stand for.
#[derive(Clone, Copy)]
struct Words<'a> {
    ability: Option<&'a KindAbility>,
    account: Option<&'a Account>,
    identity: Option<&'a Identity>,
    changes: &'a [Change],
    fields: Told,
}

/// Whether a field that changes is told as it becomes or as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Wished,
    Today,
}

impl Words<'_> {
    /// Fills `{word}`: what it becomes, else what it is, else what the person's record says.
    fn fill(&self, pattern: &str) -> String {
        let mut filled = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((word, after)) = after.split_once('}') else { break };
            filled.push_str(before);
            filled.push_str(&self.value_of(word).unwrap_or_default());
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    fn value_of(&self, word: &str) -> Option<String> {
        let Self { ability, account, identity, changes, fields } = *self;
        if word == "id" {
            return account.map(|account| account.key.id.as_str().to_owned());
        }
        if word == "changes" {
            let told =
                changes.iter().filter_map(|change| Some(format!("{} {}", change.field, text_of(&change.after)?)));
            return Some(told.collect::<Vec<_>>().join(", "));
        }
        let change = changes.iter().find(|change| change.field.as_str() == word);
        let asked = change
            .filter(|change| fields == Told::Wished || change.entitlement.is_some())
            .and_then(|change| text_of(&change.after));
        let held = || {
            let kind = &ability?.entitlements.get(word)?.kind;
            let names: Vec<&str> = account?.grants_of(kind).map(|grant| &*grant.name).collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        let told = || account?.told(word).as_ref().and_then(text_of);
        let recorded = || match word {
            "email" => identity?.work_email().map(str::to_owned),
            "name" | "person" => identity.map(|identity| identity.label().to_owned()),
            other => identity.and_then(|identity| identity.attributes.get(other)).and_then(text_of),
        };
        asked.or_else(held).or_else(told).or_else(recorded)
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(text_of).collect::<Vec<_>>().join(", ")),
        other => Some(other.to_string()),
    }
}

impl Step {
    /// Returns the effect that the step has when it is done, by whomever.
    pub fn meant(&self) -> Effect {
        self.by_hand.as_ref().map_or(self.effect, |work| work.does)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountKey, Kind};

    #[test]
    fn a_cell_cannot_break_out_of_its_row_or_run_in_a_spreadsheet() {
        assert_eq!(quoted("Doe, Jane"), "\"Doe, Jane\"");
        assert_eq!(quoted("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(quoted("=cmd()"), "'=cmd()");
    }

    #[test]
    fn a_row_carries_what_becomes_of_the_account() {
        let said = ByHand {
            how: "import {email}".into(),
            row: vec![("Email".into(), "{email}".into()), ("Teams".into(), "{teams}".into())],
            expires_hours: Some(24),
        };
        let change = |field: &str, after: Value| Change {
            field: field.into(),
            before: None,
            after,
            entitlement: None,
            refers_to: None,
        };
        let changes = [change("email", "jane@acme.example".into()), change("teams", serde_json::json!(["A", "B"]))];
        let ability = KindAbility { by_hand: [(Effect::Create, said)].into(), ..KindAbility::default() };
        let hand = Hand { does: Effect::Create, because: "no".into() };
        let work = hand_work(&hand, Some(&ability), Some("it@acme.example"), None, None, &changes, 0);
        assert_eq!(work.csv.as_deref(), Some("Email,Teams\njane@acme.example,\"A, B\""));
        assert_eq!((work.how.as_str(), work.expires_hours), ("import jane@acme.example", Some(24)));
    }

    #[test]
    fn whoever_changes_an_address_by_hand_is_sent_to_the_one_that_the_app_knows() {
        let said = |how: &str, row: Vec<(String, String)>| ByHand { how: how.into(), row, expires_hours: None };
        let row = vec![("Email".into(), "{email}".into())];
        let ability = KindAbility {
            by_hand: [(Effect::Update, said("Users → {email}: {changes}", row))].into(),
            ..KindAbility::default()
        };
        let change = Change {
            field: "email".into(),
            before: Some("jane@old.example".into()),
            after: "jane@new.example".into(),
            entitlement: None,
            refers_to: None,
        };
        let account = Account {
            login: Some("jane@old.example".into()),
            ..Account::unknown(AccountKey { connection: "g".into(), kind: Kind::Agent, id: "7".into() })
        };
        let hand = Hand { does: Effect::Update, because: "no".into() };
        let work = hand_work(&hand, Some(&ability), None, Some(&account), None, &[change], 0);
        assert_eq!(work.how, "Users → jane@old.example: email jane@new.example");
        assert_eq!(work.csv.as_deref(), Some("Email\njane@new.example"), "a row carries what is wanted");
    }
}
