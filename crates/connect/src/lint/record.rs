//! Lint of what records look like: ids, lists, look-ups, fields, entitlements and states.
//! Whether a place exists in the app's records only a tape can tell.

use super::Lint;
use crate::manifest::{
    CardinalityWord, Codec, Delta, EntitlementSpec, FieldSpec, GrantForm, KindSpec, ListSpec, LookupSpec, Many,
    PagingStyle, StateWord,
};
use tenure_core::abilities::Effect;
use tenure_core::account::Kind;

impl Lint<'_> {
    pub(super) fn record(&mut self, kind: Kind, spec: &KindSpec) {
        let kind = kind.as_str();
        if spec.id.is_empty() {
            self.say(&["kinds", kind, "id"], "records need an id", "id = [\"id\"]");
        }
        if !self.manifest.is_asked() {
            return;
        }
        let lists = self.manifest.kinds.values().filter_map(|spec| spec.list.as_ref());
        let in_other = lists.flat_map(|list| &list.others).any(|other| other.kind.as_str() == kind);
        if spec.list.is_none() && spec.lookup.is_empty() && !in_other {
            self.say(
                &["kinds", kind],
                format!("{kind} records are neither listed nor looked up"),
                "[kinds.KIND.list] or [kinds.KIND.lookup.email]",
            );
        }
        match &spec.read {
            None if spec.list.as_ref().is_some_and(|list| list.proves_absence) && spec.effects.is_empty() => {}
            None => self.say(
                &["kinds", kind],
                format!("{kind} records cannot be read by id"),
                "[kinds.KIND.read] with path = \"/…/{id}\"; every write is read back",
            ),
            Some(read) => {
                self.check_path(&["kinds", kind, "read", "path"], &read.path, &["id"]);
                self.many(&["kinds", kind, "read", "many"], read.many.as_ref(), "{id}");
                if !read.path.contains("{id}") && read.read_body.is_none() {
                    self.say(&["kinds", kind, "read", "path"], "the path has no {id}", "");
                }
            }
        }
        for (key, list) in [("list", &spec.list), ("searched", &spec.searched)] {
            let Some(list) = list else { continue };
            self.check_paging(&["kinds", kind, key, "paging"], &list.paging);
            self.check_path(&["kinds", kind, key, "path"], &list.path, &[]);
        }
        if let Some(list) = &spec.list {
            self.source_list(kind, spec, list);
        }
        for other in spec.list.iter().flat_map(|list| &list.others) {
            if !self.manifest.kinds.contains_key(&other.kind) {
                let known: Vec<&str> = self.manifest.kinds.keys().map(|kind| kind.as_str()).collect();
                self.say_unknown(&["kinds", kind, "list", "others"], "kind", other.kind.as_str(), &known);
            }
        }
        for (word, lookup) in &spec.lookup {
            self.lookup(kind, spec, word, lookup);
        }
        for (name, field) in &spec.fields {
            self.field(kind, spec, name, field);
        }
        for (word, entitlement) in &spec.entitlements {
            self.entitlement(kind, word, entitlement);
        }
        self.states(kind, spec);
    }

    /// Looks that what is said of a list of people fits it.
    fn source_list(&mut self, kind: &str, spec: &KindSpec, list: &ListSpec) {
        let single = self.manifest.paging.get(&list.paging).is_some_and(|paging| paging.style == PagingStyle::Single);
        if list.one_person && !single {
            let message = "records of one person may lie in two pages, and only those of one are laid together";
            self.say(&["kinds", kind, "list", "one_person"], message, "a paging of the style `single`");
        }
        if let Some(delta) = &list.delta {
            self.delta(kind, spec, list, delta);
        }
        if list.proves_absence && spec.read.is_some() {
            let message = "whoever is missing can be asked for by id, which is surer than the list";
            self.say(&["kinds", kind, "list", "proves_absence"], message, "leave it out");
        }
    }

    fn delta(&mut self, kind: &str, spec: &KindSpec, list: &ListSpec, delta: &Delta) {
        let at = ["kinds", kind, "list", "delta"];
        self.check_path(&[&at[..], &["path"]].concat(), &delta.path, &[]);
        if self.manifest.kinds.values().filter(|kind| kind.list.is_some()).count() > 1 {
            self.say(&at, "changes are told of one list, and this app has more", "leave it out");
        }
        if spec.read.is_none() {
            self.say(&at, "whoever changed cannot be read by id", "[kinds.KIND.read]");
        }
        if list.incremental.is_some() {
            self.say(&at, "changes are asked for by `incremental` as well", "leave one of them out");
        }
        let known: Vec<&str> = list.passes.iter().map(|pass| pass.name.as_str()).collect();
        for pass in delta.removed_pass.iter().filter(|pass| !known.contains(&pass.as_str())) {
            self.say_unknown(&[&at[..], &["removed_pass"]].concat(), "pass", pass, &known);
        }
    }

    fn lookup(&mut self, kind: &str, spec: &KindSpec, word: &str, lookup: &LookupSpec) {
        if !matches!(word, "email" | "external_id") {
            self.say_unknown(&["kinds", kind, "lookup", word], "look-up", word, &["email", "external_id"]);
        }
        if spec.list.is_none() && spec.searched.is_none() {
            self.say(
                &["kinds", kind, "lookup", word],
                "there is no list to look in",
                "[kinds.KIND.list], or [kinds.KIND.searched] for one that is not pulled",
            );
        }
        if !spec.fields.contains_key(&lookup.field) {
            let known: Vec<&str> = spec.fields.keys().map(String::as_str).collect();
            self.say_unknown(&["kinds", kind, "lookup", word, "field"], "field", &lookup.field, &known);
        }
        let in_body = lookup.read_body.is_some();
        if !in_body && !lookup.query.is_empty() && !lookup.query.values().any(|value| value.contains("{value}")) {
            self.say(
                &["kinds", kind, "lookup", word, "query"],
                "no parameter takes the value sought",
                "query = { email = \"{value}\" }",
            );
        }
        self.many(&["kinds", kind, "lookup", word, "many"], lookup.many.as_ref(), "{value}");
        for also in &lookup.also {
            let there = self.manifest.kinds.get(also).is_some_and(|other| other.lookup.contains_key(word));
            if !there {
                self.say(&["kinds", kind, "lookup", word, "also"], format!("kind {also} has no look-up by {word}"), "");
            }
        }
    }

    /// Looks that a request for several records has a list that takes them.
    fn many(&mut self, keys: &[&str], many: Option<&Many>, placeholder: &str) {
        let Some(many) = many else { return };
        let text = serde_json::to_string(&many.read_body).unwrap_or_default();
        if !text.contains(&format!("[\"{placeholder}\"]")) {
            self.say(keys, "no list takes what is sought", format!("value = [\"{placeholder}\"]"));
        }
    }

    fn field(&mut self, kind: &str, spec: &KindSpec, name: &str, field: &FieldSpec) {
        let keys = ["kinds", kind, "fields", name];
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.chars().all(good) {
            self.say(&keys, format!("`{name}` is no canonical name"), "small letters, digits and `_`");
        }
        if spec.entitlements.contains_key(name) {
            self.say(&keys, format!("`{name}` is a field and an entitlement"), "a policy could not tell them apart");
        }
        if field.read.is_empty() {
            self.say(
                &keys,
                format!("{name} lies nowhere"),
                "read = [\"…\"]; what cannot be read back cannot be verified",
            );
        }
        if let Some(write) = &field.write {
            if spec.read_only.contains(write) {
                self.say(
                    &keys,
                    format!("{name} is written to `{write}`, which is read-only"),
                    "leave `write` out and say why in `cannot`",
                );
            }
            if field.on.is_empty() {
                self.say(&keys, format!("{name} is written at no moment"), "on = [\"create\", \"update\"]");
            }
        } else if !is_written(spec) && spec.by_hand.is_empty() {
            // A source is read and never written.
        } else if field.required {
            self.say(&keys, format!("{name} is required and never written"), "");
        } else if field.cannot.is_none() {
            self.say(
                &keys,
                format!("{name} is never written, and nothing says why"),
                "cannot = \"…\", in the operator's words",
            );
        }
        match (field.codec == Codec::Words, field.words.is_empty()) {
            (true, true) => {
                self.say(&keys, format!("{name} is one of `words`, and there are none"), "words = { global = 1 }")
            }
            (false, false) => {
                self.say(&keys, format!("{name} has `words` that its codec does not use"), "codec = \"words\"")
            }
            _ => {}
        }
    }

    fn entitlement(&mut self, kind: &str, word: &str, spec: &EntitlementSpec) {
        let keys = ["kinds", kind, "entitlements", word];
        let known: Vec<&str> = self.manifest.references.keys().map(String::as_str).collect();
        match &spec.reference {
            Some(reference) if !known.contains(&reference.as_str()) => {
                self.say_unknown(&["kinds", kind, "entitlements", word, "reference"], "reference", reference, &known);
            }
            Some(_) if !spec.values.is_empty() => {
                self.say(&keys, format!("{word} has a reference list and a closed list"), "leave one of them out");
            }
            _ => {}
        }
        let scim = self.manifest.scim.as_ref().is_some_and(|scim| scim.writes.contains_key(word));
        let alone = scim && self.manifest.scim.as_ref().is_some_and(|scim| scim.alone);
        if spec.read.is_empty() && !spec.by_members && !spec.by_hand && !scim {
            self.say(&keys, format!("{word} lies nowhere"), "read = [{ at = \"…\", form = \"id\" }]");
        }
        match &spec.write {
            None if spec.cannot.is_none() && !spec.by_hand && !alone => {
                self.say(&keys, format!("{word} is never written, and nothing says why"), "cannot = \"…\"");
            }
            Some(write) if write.form != GrantForm::Name && spec.reference.is_none() => {
                self.say(
                    &keys,
                    format!("{word} is written by id, and no reference list knows ids"),
                    "reference = \"…\", or form = \"name\"",
                );
            }
            Some(write) if write.scope.is_some() && (spec.scopes.is_empty() || spec.default_scope.is_none()) => {
                self.say(
                    &keys,
                    format!("{word} is written with a scope, and `scopes` or `default_scope` is missing"),
                    "",
                );
            }
            _ => {}
        }
        if let Some(scope) = spec.default_scope.as_ref().filter(|scope| !spec.scopes.contains(scope)) {
            let known: Vec<&str> = spec.scopes.iter().map(String::as_str).collect();
            self.say_unknown(&["kinds", kind, "entitlements", word, "default_scope"], "scope", scope, &known);
        }
        for name in spec.owners.iter().filter(|name| !spec.privileged.contains(name)) {
            let known: Vec<&str> = spec.privileged.iter().map(String::as_str).collect();
            self.say_unknown(&["kinds", kind, "entitlements", word, "owners"], "privileged name", name, &known);
        }
        for name in spec.privileged.iter().filter(|name| !spec.values.is_empty() && !spec.values.contains(name)) {
            let known: Vec<&str> = spec.values.iter().map(String::as_str).collect();
            self.say_unknown(&["kinds", kind, "entitlements", word, "privileged"], "name", name, &known);
        }
        if spec.cardinality == CardinalityWord::One && !spec.scopes.is_empty() {
            self.say(&keys, format!("{word} is one at a time, and scopes belong to sets"), "");
        }
    }

    fn states(&mut self, kind: &str, spec: &KindSpec) {
        if spec.state.is_empty() {
            self.say(
                &["kinds", kind, "state"],
                "no rule tells the state, so that every account is unknown",
                "state = [{ is = \"active\", equals = { active = true } }]",
            );
        }
        let asks_age = spec.state.iter().any(|rule| rule.younger_than_days.is_some() || rule.changed.is_some());
        if asks_age && spec.created.is_empty() {
            self.say(
                &["kinds", kind, "state"],
                "a rule asks for the age of a record, and no `created` says when it was made",
                "created = [\"created_at\"]",
            );
        }
        let suspend = spec.effects.get(&tenure_core::abilities::Effect::Suspend);
        if suspend.is_some_and(|suspend| !suspend.gone)
            && !spec.state.iter().any(|rule| rule.is == StateWord::Suspended)
        {
            self.say(
                &["kinds", kind, "state"],
                "accounts can be suspended, and no rule tells a suspended one",
                "it could not be verified",
            );
        }
    }
}

/// Tells whether records of a kind are made or changed at all; those of a source are only read.
fn is_written(spec: &KindSpec) -> bool {
    [Effect::Create, Effect::Update].iter().any(|effect| spec.effects.contains_key(effect))
}
