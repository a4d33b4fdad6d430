//! Grants on their way out: what the record holds, with what a change adds and without what it removes, in the form in
//! which the app writes them.
//! A write asks here for each entitlement; names become ids by the tenant's lists. What is held already goes back as it
//! was read, with keys that we do not know.

use super::json::{Json, Place};
use super::names::{Names, NoId};
use super::value::number;
use super::write::Present;
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{CardinalityWord, EntitlementSpec, GrantForm, GrantWrite, IdForm};
use serde_json::{Map, Value};
use tenure_core::account::Grant;
use tenure_core::change::{Change, WishedGrant};
use tenure_core::place::nearest;

/// One grant on its way out.
pub(super) struct Outgoing {
    id: Option<Box<str>>,
    name: Box<str>,
    scope: Option<Box<str>>,
    /// The record's own object for it, whose further keys are kept.
    object: Option<Map<String, Value>>,
    /// It goes back as it is held, so that a scope which the app did not tell is not for us to choose.
    held: bool,
}

/// Returns what the record holds under a word.
pub(super) fn held(spec: &EntitlementSpec, present: Present<'_>) -> Vec<Outgoing> {
    let objects = objects(spec, present.record);
    let outgoing = |grant: &Grant| Outgoing {
        id: grant.id.as_deref().map(Into::into),
        name: grant.name.as_str().into(),
        scope: grant.scope.as_deref().map(Into::into),
        object: objects.iter().find(|(id, _)| Some(&**id) == grant.id.as_deref()).map(|(_, object)| object.clone()),
        held: true,
    };
    present.account.grants.iter().filter(|grant| grant.kind.as_str() == spec.kind).map(outgoing).collect()
}

/// Lists the objects that stand for grants in the record, where it has them in the form in which they are written.
fn objects(spec: &EntitlementSpec, record: &Json<'_>) -> Vec<(Box<str>, Map<String, Value>)> {
    let Some(form) = spec.write.as_ref().filter(|form| form.form == GrantForm::Object && form.scope.is_some()) else {
        return Vec::new();
    };
    let Some(Json::List(items)) = Place::new(&form.at).of(record) else { return Vec::new() };
    items
        .iter()
        .filter_map(|item| match item.to_value() {
            Value::Object(object) => Some((item.get(&form.id)?.id()?, object)),
            _ => None,
        })
        .collect()
}

/// Returns the grants that a change wants: for a set, what is held with what is added and without what is removed.
pub(super) fn wanted(
    word: &str,
    spec: &EntitlementSpec,
    change: &Change,
    present: Option<Present<'_>>,
    names: &Names,
) -> Result<Vec<Outgoing>, ConnectError> {
    let (add, remove) = match &change.entitlement {
        Some(entitlement) => (entitlement.add.clone(), entitlement.remove.clone()),
        None => (named(&change.after), change.before.as_ref().map(named).unwrap_or_default()),
    };
    let new = |wished: &WishedGrant| -> Result<Outgoing, ConnectError> {
        let (id, name) = resolve(word, spec, &wished.name, names)?;
        let scope = wished.scope.as_ref().map(|scope| scope.as_str().into());
        Ok(Outgoing { id, name, scope, object: None, held: false })
    };
    if spec.cardinality == CardinalityWord::One {
        return add.first().map(new).into_iter().collect();
    }
    let mut grants = match present {
        None => Vec::new(),
        Some(present) => {
            if !present.account.grants_known.iter().any(|kind| kind.as_str() == spec.kind) {
                let text = format!(
                    "the app did not tell which {word} the account has, and {word} can only be replaced whole; nothing was sent"
                );
                return Err(ConnectError::new(ErrorKind::Validation, text).about(word));
            }
            held(spec, present)
        }
    };
    let is = |grant: &Outgoing, name: &str| {
        if spec.exact { *grant.name == *name } else { grant.name.eq_ignore_ascii_case(name) }
    };
    for gone in &remove {
        let scope = gone.scope.as_ref().map(|scope| scope.as_str());
        grants.retain(|grant| {
            !(is(grant, &gone.name)
                && scope.is_none_or(|scope| grant.scope.as_deref().is_none_or(|held| held == scope)))
        });
    }
    let keep = change.entitlement.iter().flat_map(|entitlement| &entitlement.keep);
    for kept in keep {
        if let Some(grant) = grants.iter_mut().find(|grant| grant.scope.is_none() && is(grant, &kept.name)) {
            grant.scope = kept.scope.as_ref().map(|scope| scope.as_str().into());
        }
    }
    for wished in &add {
        let fresh = new(wished)?;
        let same_one = |grant: &Outgoing| match (&grant.id, &fresh.id) {
            (Some(held), Some(wanted)) => held == wanted,
            _ => is(grant, &fresh.name),
        };
        match grants.iter_mut().find(|grant| same_one(grant)) {
            Some(grant) => {
                grant.held = false;
                grant.scope = fresh.scope.or(grant.scope.take());
            }
            None => grants.push(fresh),
        }
    }
    Ok(grants)
}

/// Returns the grants that a value names, one or several.
fn named(value: &Value) -> Vec<WishedGrant> {
    let names = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let grant = |name: &str| WishedGrant { name: name.into(), scope: None, privileged: false };
    names.iter().filter_map(Value::as_str).map(grant).collect()
}

/// Returns id and name of a wished grant.
fn resolve(
    word: &str,
    spec: &EntitlementSpec,
    name: &str,
    names: &Names,
) -> Result<(Option<Box<str>>, Box<str>), ConnectError> {
    let refuse = |text: String| ConnectError::new(ErrorKind::Validation, text).about(word);
    if let Some(reference) = &spec.reference {
        let Some(list) = names.list(reference) else {
            return Err(refuse(format!("the list of {reference} was not read")));
        };
        let id = list.id_of(name, spec.exact).map_err(|because| match because {
            NoId::Unknown(known) => {
                let words: Vec<&str> = known.iter().map(String::as_str).collect();
                let near = nearest(name, &words).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
                let shown = known.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
                refuse(format!("{word}: this tenant has no {} called {name:?}, it has {shown}{near}", spec.kind))
            }
            NoId::Several(known) => refuse(format!(
                "{word}: this tenant has several of the name {name:?}; write one of {}",
                known.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
            )),
        })?;
        let name = list.name_of(&id).unwrap_or(name).into();
        return Ok((Some(id), name));
    }
    if !spec.values.is_empty() {
        let fit = |known: &&String| if spec.exact { known.as_str() == name } else { known.eq_ignore_ascii_case(name) };
        return match spec.values.iter().find(fit) {
            Some(known) => Ok((None, known.as_str().into())),
            None => Err(refuse(format!("{word}: {name:?} is not one of {}", spec.values.join(", ")))),
        };
    }
    Ok((None, name.into()))
}

/// Returns grants in the form in which they are written.
pub(super) fn grants_value(
    word: &str,
    spec: &EntitlementSpec,
    form: &GrantWrite,
    grants: &[Outgoing],
    names: &Names,
) -> Result<Value, ConnectError> {
    let mut values = Vec::with_capacity(grants.len());
    for grant in grants {
        values.push(grant_value(word, spec, form, grant, names)?);
    }
    Ok(match spec.cardinality {
        CardinalityWord::One => values.into_iter().next().unwrap_or(Value::Null),
        CardinalityWord::Many => Value::Array(values),
    })
}

fn grant_value(
    word: &str,
    spec: &EntitlementSpec,
    form: &GrantWrite,
    grant: &Outgoing,
    names: &Names,
) -> Result<Value, ConnectError> {
    let id = || -> Result<Value, ConnectError> {
        let id = match &grant.id {
            Some(id) => id.clone(),
            None => resolve(word, spec, &grant.name, names)?.0.unwrap_or_else(|| grant.name.clone()),
        };
        let text = Value::String(id.into());
        match form.ids {
            IdForm::Text => Ok(text),
            IdForm::Number => number(&text).map_err(|because| {
                ConnectError::new(ErrorKind::Validation, format!("{word}: {because}, and this app has numbers for ids"))
                    .about(word)
            }),
        }
    };
    match form.form {
        GrantForm::Name => Ok(Value::String(grant.name.to_string())),
        GrantForm::Id => id(),
        GrantForm::Object => {
            let mut object = grant.object.clone().unwrap_or_default();
            object.insert(form.id.clone(), id()?);
            if let Some(key) = &form.scope {
                if grant.held && grant.scope.is_none() && !spec.scopes.is_empty() {
                    let text = format!(
                        "the app does not tell in which scope {} is held, and {word} can only be replaced whole; nothing was sent",
                        grant.name
                    );
                    return Err(ConnectError::new(ErrorKind::Validation, text).about(word));
                }
                let scope = grant.scope.as_deref().or(spec.default_scope.as_deref());
                if let Some(scope) = scope {
                    check_scope(word, spec, scope)?;
                    object.insert(key.clone(), Value::String(scope.to_owned()));
                }
            }
            Ok(Value::Object(object))
        }
    }
}

fn check_scope(word: &str, spec: &EntitlementSpec, scope: &str) -> Result<(), ConnectError> {
    if spec.scopes.is_empty() || spec.scopes.iter().any(|known| known == scope) {
        return Ok(());
    }
    let text = format!("{word}: the scope {scope:?} is not one of {}", spec.scopes.join(", "));
    Err(ConnectError::new(ErrorKind::Validation, text).about(word))
}
