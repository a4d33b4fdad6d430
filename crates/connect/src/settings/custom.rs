//! Attributes that an admin of the tenant has defined: the connection names them, the manifest says where they lie, and from
//! then on they are fields like any other. Whether one is really defined only the app knows: what does not stick is said.

use super::Settings;
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{Codec, CustomSpec, FieldSpec, KindSpec, Manifest, On};
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Settings {
    /// Takes in the attributes that the connection names: our word → the app's key.
    ///
    /// # Errors
    /// The app has none, or a word is taken or none.
    pub fn customized(mut self, custom: BTreeMap<String, String>) -> Result<Self, ConnectError> {
        self.custom = custom;
        let has = |manifest: &Arc<Manifest>| manifest.kinds.values().any(|kind| kind.custom.is_some());
        let any_has = has(&self.manifest) || self.manifest.further.iter().any(has);
        if !self.custom.is_empty() && !any_has {
            return Err(refuse(format!("{} has no attributes of the tenant's own", self.manifest.title)));
        }
        for (word, key) in &self.custom {
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if word.is_empty() || !word.chars().all(good) || key.is_empty() || key.contains('.') {
                let text = format!("`{word}` = {key:?} names no attribute");
                return Err(refuse(text).hinting("our word in small letters, digits and `_`, then the app's own key"));
            }
            let taken = |kind: &KindSpec| {
                kind.custom.is_some() && (kind.fields.contains_key(word) || kind.entitlements.contains_key(word))
            };
            if self.manifest.kinds.values().any(taken) {
                return Err(refuse(format!("{} has a `{word}` of its own", self.manifest.title)));
            }
        }
        self.manifest = self.with_custom(&self.manifest);
        Ok(self)
    }

    /// Returns a manifest with the connection's attributes among the fields.
    pub(super) fn with_custom(&self, manifest: &Arc<Manifest>) -> Arc<Manifest> {
        if self.custom.is_empty() {
            return manifest.clone();
        }
        let mut with = Manifest::clone(manifest);
        for kind in with.kinds.values_mut() {
            let Some(custom) = kind.custom.clone() else { continue };
            let fields = self.custom.iter().map(|(word, key)| (word.clone(), field(&custom, key)));
            kind.fields.extend(fields);
            ask_for(kind, &custom, self.custom.values());
        }
        Arc::new(with)
    }
}

/// Has a list and a read tell them that tell only what they are asked for.
fn ask_for<'k>(kind: &mut KindSpec, custom: &CustomSpec, keys: impl Iterator<Item = &'k String>) {
    let Some(ask) = &custom.ask else { return };
    for key in keys {
        let body = kind.list.as_mut().and_then(|list| list.read_body.as_mut());
        if let Some(Value::Array(listed)) = body.and_then(|body| body.get_mut(ask)) {
            listed.push(key.as_str().into());
        }
        if let Some(listed) = kind.read.as_mut().and_then(|read| read.query.get_mut(ask)) {
            listed.push(',');
            listed.push_str(key);
        }
    }
}

fn field(custom: &CustomSpec, key: &str) -> FieldSpec {
    let within = custom.within.as_ref().map(|within| format!(".{within}")).unwrap_or_default();
    let place = format!("{}.{key}{within}", custom.at).trim_start_matches('.').to_owned();
    FieldSpec {
        read: vec![place.clone()],
        write: Some(place),
        on: vec![On::Create, On::Update],
        from: None,
        codec: Codec::Text,
        words: IndexMap::new(),
        required: false,
        fallback: None,
        fold_case: false,
        cannot: None,
        ignored_because: custom.ignored_because.clone(),
        empty_in: Some(custom.at.clone()).filter(|at| !at.is_empty()),
    }
}

fn refuse(text: String) -> ConnectError {
    ConnectError::new(ErrorKind::Configuration, text).about("custom")
}
