//! Lint of what is written over SCIM: words that the manifest has, in a form that fits, at paths that are some.
//! It looks at the manifest's own words only.

use super::Lint;
use crate::manifest::{Scim, ScimChange, ScimCreate, ScimForm, ScimLeave, ScimLogin, ScimWrite};
use tenure_scim::AttributePath;

/// Attributes that no manifest may write: access to everything, and what is an effect of its own.
const NEVER: [&str; 2] = ["issuperadmin", "active"];

impl Lint<'_> {
    pub(super) fn scim(&mut self) {
        let Some(scim) = self.manifest.scim.as_ref().filter(|scim| scim.available) else { return };
        if scim.url.is_none() && !scim.alone {
            self.say(&["scim", "available"], "an available SCIM surface has a `url`", "");
        }
        let writes = !scim.writes.is_empty() || scim.suspend.is_some() || scim.create.is_some();
        if writes && scim.credentials.is_empty() && !scim.alone {
            let hint = "credentials = [{ form = \"bearer\", value = \"{secret.token}\" }]";
            self.say(&["scim", "writes"], "no `credentials` say how a SCIM request proves who asks", hint);
        }
        if writes && scim.kinds.is_empty() {
            self.say(&["scim", "writes"], "no `kinds` say whose people SCIM has", "kinds = [\"user\"]");
        }
        for kind in scim.kinds.iter().filter(|kind| !self.manifest.kinds.contains_key(*kind)) {
            let known: Vec<&str> = self.manifest.kinds.keys().map(|kind| kind.as_str()).collect();
            self.say_unknown(&["scim", "kinds"], "kind", kind.as_str(), &known);
        }
        self.scim_alone(scim);
        for (word, write) in &scim.writes {
            self.scim_write(scim, word, write);
        }
        if let Some(create) = &scim.create {
            self.scim_create(scim, create);
        }
    }

    /// A surface that stands alone writes fields at attribute paths, and no other does; nor does it make anybody twice.
    fn scim_alone(&mut self, scim: &Scim) {
        if !scim.alone {
            let plain = ScimChange::default() == scim.change
                && ScimLeave::default() == scim.member_leaves
                && ScimLogin::default() == scim.login;
            if !plain {
                let message = "`change`, `member_leaves` and `login` are for a surface that stands alone";
                self.say(&["scim", "available"], message, "alone = true");
            }
            return;
        }
        if scim.create.is_some() || !scim.credentials.is_empty() || scim.url.is_some() {
            let message = "a surface that stands alone has the connection's own address, credential and effects";
            self.say(&["scim", "alone"], message, "leave `url`, `credentials` and `create` out");
        }
        let manifest = self.manifest;
        for (kind, spec) in &manifest.kinds {
            for (word, field) in &spec.fields {
                if let Some(path) = &field.write {
                    self.scim_path(&["kinds", kind.as_str(), "fields", word], path);
                }
            }
        }
    }

    fn scim_create(&mut self, scim: &Scim, create: &ScimCreate) {
        let keys = ["scim", "create", "fields"];
        let manifest = self.manifest;
        let known: Vec<&str> = scim
            .kinds
            .iter()
            .filter_map(|kind| manifest.kinds.get(kind))
            .flat_map(|kind| kind.fields.keys())
            .map(String::as_str)
            .collect();
        for (word, paths) in &create.fields {
            if !known.contains(&word.as_str()) {
                self.say_unknown(&keys, "field", word, &known);
            }
            for path in paths {
                self.scim_path(&["scim", "create", "fields", word], path);
            }
        }
        for path in create.split_name.iter().flatten() {
            self.scim_path(&["scim", "create", "split_name"], path);
        }
        if !create.fields.get("email").is_some_and(|paths| paths.iter().any(|path| path == "userName")) {
            self.say(&keys, "nobody is found again whose `userName` is not the address", "email = [\"userName\"]");
        }
        if let Some(makes) = create.makes.filter(|makes| !manifest.kinds.contains_key(makes)) {
            let known: Vec<&str> = manifest.kinds.keys().map(|kind| kind.as_str()).collect();
            self.say_unknown(&["scim", "create", "makes"], "kind", makes.as_str(), &known);
        }
    }

    fn scim_write(&mut self, scim: &Scim, word: &str, write: &ScimWrite) {
        let keys = ["scim", "writes", word];
        let manifest = self.manifest;
        let kinds = || scim.kinds.iter().filter_map(|kind| manifest.kinds.get(kind));
        let field = kinds().any(|kind| kind.fields.contains_key(word));
        let grants = kinds().any(|kind| kind.entitlements.contains_key(word));
        if !field && !grants {
            let known: Vec<&str> = kinds()
                .flat_map(|kind| kind.fields.keys().chain(kind.entitlements.keys()))
                .map(String::as_str)
                .collect();
            return self.say_unknown(&keys, "field or entitlement", word, &known);
        }
        if field != (write.form == ScimForm::Text) {
            let hint = "fields are `text`; grants are `values` or `members`";
            self.say(&keys, format!("{word} is written in a form that does not fit"), hint);
        }
        if write.paths.is_empty() != (write.form == ScimForm::Members) {
            self.say(&keys, "`members` has no paths, and all else has", "paths = [\"roles\"]");
        }
        for path in &write.paths {
            self.scim_path(&keys, path);
        }
    }

    fn scim_path(&mut self, keys: &[&str], path: &str) {
        // What stands in brackets chooses an element of a list.
        let plain = match (path.split_once('['), path.split_once(']')) {
            (Some((attribute, _)), Some((_, part))) => format!("{attribute}{part}"),
            _ => path.to_owned(),
        };
        let last = plain.rsplit([':', '.']).next().unwrap_or_default().to_lowercase();
        if plain.parse::<AttributePath>().is_err() {
            self.say(keys, format!("{path:?} is no attribute path"), "such as userName or name.familyName");
        } else if NEVER.contains(&last.as_str()) {
            self.say(keys, format!("`{path}` is never written as a value"), "");
        }
    }
}
