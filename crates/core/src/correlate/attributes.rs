//! What the sources tell of a person, merged by authority, and the addresses that are theirs.
//! Records and decisions come in, attributes go out. Where one record tells everything, it is shared, not copied.

use crate::account::{Account, Fields};
use crate::name::FieldName;
use crate::text::{folded, trimmed};
use serde_json::Value;
use std::borrow::Cow;

/// Merges records in their order of authority: the first that tells a value that is not null wins.
pub(super) fn merged(records: &[&Account], decided: &[&Fields]) -> Fields {
    let mut fields = match records {
        [] => Fields::default(),
        [only] => only.fields.clone(),
        [first, rest @ ..] => {
            let mut fields = first.fields.clone();
            for record in rest {
                for (name, value) in record.fields.iter() {
                    if fields.get(name.as_str()).is_none_or(Value::is_null) {
                        fields.set(name.clone(), value.clone());
                    }
                }
            }
            fields
        }
    };
    for (name, value) in decided.iter().flat_map(|fields| fields.iter()) {
        fields.set(name.clone(), value.clone());
    }
    complete(&mut fields, records);
    fields
}

/// Fills what a source tells in another place: the address as the login, the name as its parts.
fn complete(fields: &mut Fields, records: &[&Account]) {
    if fields.text("work_email").is_none()
        && let Some(login) =
            records.iter().find_map(|record| record.login.as_deref()).filter(|login| login.contains('@'))
    {
        fields.set(FieldName::new("work_email"), Value::String(login.to_owned()));
    }
    if fields.text("name").is_none() {
        let told = records.iter().find_map(|record| record.name.as_deref()).filter(|name| !name.trim().is_empty());
        if let Some(name) = told.map(str::to_owned).or_else(|| name_of_parts(fields)) {
            fields.set(FieldName::new("name"), Value::String(name));
        }
    }
}

fn name_of_parts(fields: &Fields) -> Option<String> {
    let parts: Vec<&str> =
        ["given_name", "family_name"].iter().filter_map(|part| fields.text(part)).map(str::trim).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Tells whether two source records tell one name; a record that tells none has nobody's.
pub(super) fn has_name_of(one: &Account, other: &Account) -> bool {
    let name = |record: &Account| {
        let told = record.fields.text("name").or(record.name.as_deref()).filter(|name| !name.trim().is_empty());
        let name = told.map(str::to_owned).or_else(|| name_of_parts(&record.fields))?;
        Some(folded(&name).into_owned())
    };
    name(one).is_some_and(|told| name(other) == Some(told))
}

/// Shows every address in some fields, the work address first, as they are compared.
pub(super) fn each_address<'f>(fields: &'f Fields, mut show: impl FnMut(Cow<'f, str>)) {
    let mut show = |address: Cow<'f, str>| {
        if address.contains('@') {
            show(address);
        }
    };
    for name in ["work_email", "email", "other_emails"] {
        match fields.get(name) {
            Some(Value::String(text)) => text.split([';', ',']).for_each(|address| show(folded(address))),
            Some(Value::Array(items)) => {
                items.iter().filter_map(Value::as_str).for_each(|address| show(folded(address)))
            }
            _ => {}
        }
    }
}

/// Shows every address of a source record.
pub(super) fn each_address_of<'f>(record: &'f Account, mut show: impl FnMut(Cow<'f, str>)) {
    each_address(&record.fields, &mut show);
    let login = record.login.as_deref().unwrap_or_default();
    login.split([';', ',']).filter(|address| address.contains('@')).for_each(|address| show(folded(address)));
}

/// Lists the addresses in some fields.
pub(super) fn addresses(fields: &Fields) -> Vec<Cow<'_, str>> {
    let mut all = Vec::new();
    each_address(fields, |address| all.push(address));
    all
}

/// Lists the addresses of a source record.
pub(super) fn addresses_of(record: &Account) -> Vec<Cow<'_, str>> {
    let mut all = Vec::new();
    each_address_of(record, |address| all.push(address));
    all
}

/// Returns a scalar as the text that people see.
pub(crate) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(trimmed(text))).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        _ => None,
    }
}
