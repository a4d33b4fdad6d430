//! Changes into bodies: the write form of one kind, with whitelisted keys only.
//! A write is prepared once from the changes, then each call of the effect takes its body from it. Sets are merged with
//! what the record holds and sent whole; what nobody asked to change is left out, or carried where the call says so.

use super::grants::{grants_value, held, wanted};
use super::json::Json;
use super::names::Names;
use super::read::sought;
use super::value::ValueCodec;
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{Body, Call, EntitlementSpec, FieldSpec, KindSpec, On};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use tenure_core::account::Account;
use tenure_core::change::Change;
use tenure_core::look::same;
use tenure_core::place::nearest;

/// The record as it is, where there is one.
#[derive(Clone, Copy)]
pub(crate) struct Present<'a> {
    pub account: &'a Account,
    pub record: &'a Json<'a>,
}

/// A write, sorted and resolved: nothing in it can fail any more for want of a name.
#[derive(Debug)]
pub(crate) struct Write<'m> {
    spec: &'m KindSpec,
    /// Canonical field → the app's key and value.
    fields: Vec<(&'m str, &'m str, Value)>,
    /// The policy's word → the app's key and value.
    grants: Vec<(&'m str, &'m str, Value)>,
    /// The asked values in our spelling, for placeholders.
    asked: Vec<(&'m str, Value)>,
    sent: BTreeSet<&'m str>,
}

impl<'m> Write<'m> {
    /// Sorts and resolves `changes`; `on` says whether the record is made or changed.
    ///
    /// # Errors
    /// A change names what the app does not have or cannot set, or a name cannot be resolved.
    pub fn prepare(
        spec: &'m KindSpec,
        changes: &[Change],
        on: On,
        present: Option<Present<'_>>,
        names: &Names,
    ) -> Result<Self, ConnectError> {
        let mut write = Self { spec, fields: Vec::new(), grants: Vec::new(), asked: Vec::new(), sent: BTreeSet::new() };
        for change in changes {
            write.add(change, on, present, names)?;
        }
        Ok(write)
    }

    fn add(
        &mut self,
        change: &Change,
        on: On,
        present: Option<Present<'_>>,
        names: &Names,
    ) -> Result<(), ConnectError> {
        let word = change.field.as_str();
        if let Some((name, field)) = self.spec.fields.get_key_value(word) {
            return self.add_field(name, field, change, on, present);
        }
        let by_kind = |spec: &&EntitlementSpec| {
            change.entitlement.as_ref().is_some_and(|entitlement| entitlement.kind.as_str() == spec.kind)
        };
        let entry = self
            .spec
            .entitlements
            .get_key_value(word)
            .or_else(|| self.spec.entitlements.iter().find(|(_, spec)| by_kind(spec)));
        let Some((name, entitlement)) = entry else {
            return Err(unknown_word(self.spec, word));
        };
        let Some(form) = entitlement.write.as_ref().filter(|form| form.on.contains(&on)) else {
            return Err(cannot_set(name, entitlement.cannot.as_deref()));
        };
        let wanted = wanted(name, entitlement, change, present, names)?;
        let value = grants_value(name, entitlement, form, &wanted, names)?;
        self.grants.push((name, &form.at, value));
        Ok(())
    }

    fn add_field(
        &mut self,
        name: &'m str,
        field: &'m FieldSpec,
        change: &Change,
        on: On,
        present: Option<Present<'_>>,
    ) -> Result<(), ConnectError> {
        self.asked.push((name, change.after.clone()));
        let Some(key) = field.write.as_deref().filter(|_| field.on.contains(&on)) else {
            let is_so = present
                .and_then(|present| present.account.told(name))
                .is_some_and(|now| same(&now, &change.after, field.fold_case));
            return if is_so { Ok(()) } else { Err(cannot_set(name, field.cannot.as_deref())) };
        };
        // Nobody is made with what is empty; of somebody who is there it is taken away.
        if change.after.is_null() && on == On::Create {
            return Ok(());
        }
        let value = ValueCodec::new(field).write(&change.after).map_err(|because| {
            ConnectError::new(ErrorKind::Validation, format!("{name} cannot be set: {because}")).about(name)
        })?;
        self.fields.push((name, key, value));
        Ok(())
    }

    /// Checks that everything is there without which the app makes no record.
    ///
    /// # Errors
    /// Something is missing; nothing was sent.
    pub fn check_required(&self) -> Result<(), ConnectError> {
        let missing = self
            .spec
            .fields
            .iter()
            .filter(|(name, field)| field.required && !self.fields.iter().any(|(have, ..)| have == name))
            .map(|(name, _)| name)
            .chain(
                self.spec
                    .entitlements
                    .iter()
                    .filter(|(word, spec)| spec.required && !self.grants.iter().any(|(have, ..)| have == word))
                    .map(|(word, _)| word),
            )
            .next();
        match missing {
            Some(name) => Err(ConnectError::new(
                ErrorKind::Validation,
                format!("{} needs {name} to be created, and nothing gives it; nothing was sent", self.spec.title),
            )
            .about(name.as_str())),
            None => Ok(()),
        }
    }

    /// Tells whether something is asked that no call has sent.
    pub fn has_remaining(&self) -> bool {
        self.words().any(|word| !self.sent.contains(word))
    }

    /// Lists what was asked and no call has sent.
    pub fn unsent(&self) -> Vec<String> {
        self.words().filter(|word| !self.sent.contains(word)).map(str::to_owned).collect()
    }

    fn words(&self) -> impl Iterator<Item = &'m str> {
        self.fields.iter().chain(&self.grants).map(|(word, ..)| *word)
    }

    /// Returns the asked or present value of a canonical field, for placeholders and look-ups.
    pub fn value_of(&self, field: &str, present: Option<Present<'_>>) -> Option<String> {
        let asked = self.asked.iter().find(|(name, _)| *name == field).and_then(|(_, value)| match value {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        });
        asked.or_else(|| sought(present?.account, field).map(|text| text.into_owned()))
    }

    /// Returns the body of one call and notes what it sends; nothing for a call without one.
    ///
    /// # Errors
    /// What is carried along cannot be said.
    pub fn body(
        &mut self,
        call: &Call,
        id: Option<&str>,
        present: Option<Present<'_>>,
        names: &Names,
    ) -> Result<Option<Value>, ConnectError> {
        let mut body = match (call.body, present) {
            (Body::None, _) if call.set.is_empty() => return Ok(None),
            (Body::Ids, _) => return Ok(Some(id.into_iter().map(Value::from).collect())),
            (Body::Whole, Some(present)) => self.whole(present, names)?,
            _ => Map::new(),
        };
        if call.body != Body::None {
            self.carry(call, present, names, &mut body)?;
            for (word, key, value) in self.fields.iter().chain(&self.grants) {
                let wanted = call.only.is_empty() || call.only.iter().any(|only| only == word);
                let left = call.when == crate::manifest::CallWhen::Remaining && self.sent.contains(word);
                if wanted && !left && !call.without.iter().any(|without| without == word) {
                    put(&mut body, key, value.clone());
                    self.sent.insert(word);
                }
            }
        }
        let is_empty = body.is_empty() && call.body == Body::Changes;
        for (key, value) in &call.set {
            // The id alone changes nothing: a body that would hold no more is as good as empty.
            if is_empty && call.within.is_some() && value.as_str() == Some("{id}") {
                continue;
            }
            put(&mut body, key, self.filled(value, id, present));
        }
        let body = Value::Object(body);
        Ok(Some(match &call.within {
            Some(key) if body.as_object().is_some_and(|body| !body.is_empty()) => {
                let beside = call.beside.iter().map(|(key, value)| (key.clone(), value.clone()));
                Value::Object(beside.chain([(key.clone(), Value::Array(vec![body]))]).collect())
            }
            _ => body,
        }))
    }

    /// Fills `{email}` and the like into a fixed value.
    fn filled(&self, value: &Value, id: Option<&str>, present: Option<Present<'_>>) -> Value {
        match value {
            Value::String(text) => {
                let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
                match inner {
                    Some("id") => id.map_or(Value::Null, Value::from),
                    Some(field) => self.value_of(field, present).map_or(Value::Null, Value::String),
                    None => value.clone(),
                }
            }
            Value::Array(items) => items.iter().map(|item| self.filled(item, id, present)).collect(),
            Value::Object(entries) => {
                entries.iter().map(|(key, value)| (key.clone(), self.filled(value, id, present))).collect()
            }
            other => other.clone(),
        }
    }

    /// Returns the record as it is, without what is read-only, grants in write form.
    fn whole(&self, present: Present<'_>, names: &Names) -> Result<Map<String, Value>, ConnectError> {
        let Value::Object(mut body) = present.record.to_value() else {
            return Err(ConnectError::new(ErrorKind::Malformed, "the record as it is now is no object"));
        };
        for key in &self.spec.read_only {
            body.remove(key);
        }
        for (word, spec) in &self.spec.entitlements {
            let Some(form) = &spec.write else { continue };
            let told = present.account.grants_known.iter().any(|kind| kind.as_str() == spec.kind);
            for place in &spec.read {
                body.remove(&place.at);
            }
            if told && !self.grants.iter().any(|(asked, ..)| asked == word) {
                let held = held(spec, present);
                put(&mut body, &form.at, grants_value(word, spec, form, &held, names)?);
            }
        }
        Ok(body)
    }

    fn carry(
        &self,
        call: &Call,
        present: Option<Present<'_>>,
        names: &Names,
        body: &mut Map<String, Value>,
    ) -> Result<(), ConnectError> {
        let Some(present) = present else { return Ok(()) };
        for word in &call.carry {
            if self.words().any(|asked| asked == word) {
                continue;
            }
            if let Some(field) = self.spec.fields.get(word) {
                let now = present.account.told(word).filter(|value| !value.is_null());
                if let (Some(now), Some(key)) = (now, &field.write)
                    && let Ok(value) = ValueCodec::new(field).write(&now)
                {
                    put(body, key, value);
                }
            } else if let Some(spec) = self.spec.entitlements.get(word)
                && let Some(form) = &spec.write
            {
                let held = held(spec, present);
                if !held.is_empty() {
                    put(body, &form.at, grants_value(word, spec, form, &held, names)?);
                }
            }
        }
        Ok(())
    }
}

fn unknown_word(spec: &KindSpec, word: &str) -> ConnectError {
    let known: Vec<&str> = spec.fields.keys().chain(spec.entitlements.keys()).map(String::as_str).collect();
    let near = nearest(word, &known).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    let text = format!("{} has no {word:?}{near}", spec.title);
    ConnectError::new(ErrorKind::Unsupported, text).about(word)
}

fn cannot_set(word: &str, because: Option<&str>) -> ConnectError {
    let because = because.unwrap_or("the app does not take it here");
    ConnectError::new(ErrorKind::Unsupported, format!("{word} cannot be set: {because}")).about(word)
}

/// Puts a value under a key that may be written with dots.
fn put(body: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            body.insert(key.to_owned(), value);
        }
        Some((outer, inner)) => {
            let nested = body.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if !nested.is_object() {
                *nested = Value::Object(Map::new());
            }
            if let Value::Object(nested) = nested {
                put(nested, inner, value);
            }
        }
    }
}
