//! Lint of effects: calls that could not be made, bodies that name what is not there, answers that would not be read.
//! It does not know whether the app accepts them.

use super::{Lint, placeholders_of};
use crate::manifest::{Batch, Body, Call, CallWhen, EffectSpec, KindSpec, Method};
use serde_json::Value;
use std::collections::BTreeSet;
use tenure_core::abilities::Effect;
use tenure_core::account::Kind;
use tenure_core::place::nearest;

impl Lint<'_> {
    pub(super) fn effects(&mut self, kind: Kind, spec: &KindSpec) {
        for (effect, how) in &spec.effects {
            let keys = ["kinds", kind.as_str(), "effects", effect.as_str()];
            if spec.cannot.contains_key(effect) {
                self.say(&keys, format!("{effect} is possible and in `cannot`"), "leave one of them out");
            }
            if how.irreversible && how.loses.is_none() {
                self.say(
                    &keys,
                    format!("{effect} cannot be undone, and `loses` does not say what is lost"),
                    "approvers read it",
                );
            }
            self.like_or_calls(&keys, spec, *effect, how);
            if *effect == Effect::Convert {
                self.convert(&keys, how);
            }
            if *effect == Effect::Create && how.like.is_none() && !how.calls.iter().any(|call| !call.new_id.is_empty())
            {
                self.say(&keys, "no call says where the answer holds the id of the new record", "new_id = [\"id\"]");
            }
            let mut found = false;
            for (at, call) in how.calls.iter().enumerate() {
                let at = at.to_string();
                let keys = ["kinds", kind.as_str(), "effects", effect.as_str(), "calls", &at];
                self.call(&keys, spec, *effect, call, found);
                found |= call.find.is_some();
            }
        }
    }

    fn like_or_calls(&mut self, keys: &[&str], spec: &KindSpec, effect: Effect, how: &EffectSpec) {
        match (how.like, how.calls.is_empty()) {
            (None, true) => self.say(
                keys,
                format!("{effect} has no call"),
                "[[….calls]] with method and path, or like = \"update\"",
            ),
            (Some(_), false) => {
                self.say(keys, format!("{effect} has calls of its own and `like`"), "leave one of them out")
            }
            (Some(like), true) if spec.effects.get(&like).is_none_or(|other| other.like.is_some()) => {
                let known: Vec<&str> = spec
                    .effects
                    .iter()
                    .filter(|(_, how)| how.like.is_none())
                    .map(|(effect, _)| effect.as_str())
                    .collect();
                self.say_unknown(keys, "effect", like.as_str(), &known);
            }
            _ => {}
        }
    }

    fn convert(&mut self, keys: &[&str], how: &EffectSpec) {
        if how.from.is_empty() {
            self.say(keys, "convert does not say from which kinds", "from = [\"requester\"]");
        }
        let known: Vec<&str> = self.manifest.kinds.keys().map(|kind| kind.as_str()).collect();
        for from in &how.from {
            if !self.manifest.kinds.contains_key(from) {
                self.say_unknown(keys, "kind", from.as_str(), &known);
            }
        }
    }

    fn call(&mut self, keys: &[&str], spec: &KindSpec, effect: Effect, call: &Call, found: bool) {
        let at = |key: &'static str| keys.iter().copied().chain([key]).collect::<Vec<&str>>();
        if let Some(kind) = call.find {
            return self.finding(keys, kind, call);
        }
        let (Some(method), Some(path)) = (call.method, &call.path) else {
            self.say(keys, "a call needs `method` and `path`, or `find`", "");
            return;
        };
        let mut placeholders = Vec::new();
        if effect != Effect::Create || spec.effects.get(&effect).is_some_and(|how| how.calls.len() > 1) {
            placeholders.push("id");
        }
        if found {
            placeholders.push("found");
        }
        if let Some(each) = &call.each {
            self.check_path(&at("each"), &each.path, &placeholders);
            placeholders.push("each");
            if call.body != Body::None || !path.contains("{each}") {
                self.say(&at("each"), "the call takes nothing of an entry but its id", "{each} in `path`, and no body");
            }
        }
        self.check_path(&at("path"), path, &placeholders);
        if let Some(path) = &call.done_if {
            self.check_path(&at("done_if"), path, &placeholders);
        }
        if matches!(call.when, CallWhen::Found | CallWhen::NotFound) && !found {
            self.say(&at("when"), "no call before finds anything", "a call with find = \"KIND\"");
        }
        self.method(keys, method, call);
        if let Some(batch) = &call.batch {
            self.batch(&at("batch"), batch, path, call);
        }
        let reads = call.body == Body::Whole || !call.carry.is_empty();
        if reads && spec.read.is_none() {
            self.say(&at("body"), "the record has to be read first, and cannot be read by id", "[kinds.KIND.read]");
        }
        if effect == Effect::Create && call.body == Body::Whole {
            self.say(&at("body"), "there is no whole record before it is made", "body = \"changes\"");
        }
        self.words(keys, spec, call);
    }

    fn finding(&mut self, keys: &[&str], kind: Kind, call: &Call) {
        let looked_up = self.manifest.kinds.get(&kind).is_some_and(|kind| kind.lookup.contains_key("email"));
        if !looked_up {
            let keys: Vec<&str> = keys.iter().copied().chain(["find"]).collect();
            self.say(&keys, format!("kind {kind} has no look-up by email"), "[kinds.KIND.lookup.email]");
        }
        if call.method.is_some() || call.path.is_some() {
            self.say(keys, "a call either finds or sends", "two calls, one after the other");
        }
    }

    fn method(&mut self, keys: &[&str], method: Method, call: &Call) {
        let at = |key: &'static str| keys.iter().copied().chain([key]).collect::<Vec<&str>>();
        if method == Method::Get {
            self.say(&at("method"), "an effect is no GET", "");
        }
        let refused = |status: &u16| {
            // Whoever is gone is deleted, and has no session any more.
            let may_be_gone = method == Method::Delete || keys.contains(&"end_sessions");
            let gone = may_be_gone && matches!(status, 404 | 410);
            !gone && !(200..300).contains(status)
        };
        if call.success.is_empty() || call.success.iter().any(refused) {
            self.say(
                &at("success"),
                "success is a status from 200 to 299",
                "a DELETE, and the end of sessions, may count 404 as done before",
            );
        }
    }

    fn batch(&mut self, keys: &[&str], batch: &Batch, path: &str, call: &Call) {
        if call.within.is_none() && call.body != Body::Ids {
            self.say(keys, "a batch needs a list that takes several records", "within = \"…\", or body = \"ids\"");
        }
        if batch.size < 2 {
            self.say(keys, "a batch of one is none", "size = 50, or leave `batch` out");
        }
        if path.contains("{id}") || path.contains("{found}") {
            self.say(keys, "the path names one record", "the ids of a batch stand in its body");
        }
    }

    fn words(&mut self, keys: &[&str], spec: &KindSpec, call: &Call) {
        let at = |key: &'static str| keys.iter().copied().chain([key]).collect::<Vec<&str>>();
        let known: Vec<&str> = spec.fields.keys().chain(spec.entitlements.keys()).map(String::as_str).collect();
        for (key, words) in [("only", &call.only), ("without", &call.without), ("carry", &call.carry)] {
            for word in words.iter().filter(|word| !known.contains(&word.as_str())) {
                self.say_unknown(&at(key), "field or entitlement", word, &known);
            }
        }
        if call.body == Body::None && !(call.only.is_empty() && call.carry.is_empty()) {
            self.say(&at("only"), "there is no body for it", "body = \"changes\"");
        }
        let native = native_keys(spec);
        for (key, value) in &call.set {
            if spec.read_only.contains(key) && value.as_str() != Some("{id}") {
                self.say(&at("set"), format!("`{key}` is read-only"), "");
            } else if value.as_str() != Some("{id}")
                && !native.contains(key.as_str())
                && !value.is_array()
                && !value.is_object()
            {
                let list: Vec<&str> = native.iter().copied().collect();
                let hint = nearest(key, &list).map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
                self.say(&at("set"), format!("`{key}` is set, and no field, entitlement or state knows it"), hint);
            }
            for placeholder in texts(value).into_iter().flat_map(placeholders_of) {
                if placeholder != "id" && !spec.fields.contains_key(placeholder) {
                    self.say_unknown(&at("set"), "field", placeholder, &known);
                }
            }
        }
    }
}

/// Lists the app's own keys that the kind knows, to write or to tell the state by.
fn native_keys(spec: &KindSpec) -> BTreeSet<&str> {
    let fields = spec.fields.values().flat_map(|field| field.write.iter().chain(&field.read)).map(String::as_str);
    let grants = spec.entitlements.values().filter_map(|spec| Some(spec.write.as_ref()?.at.as_str()));
    let states = spec.state.iter().flat_map(|rule| rule.equals.keys().map(String::as_str));
    fields.chain(grants).chain(states).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(entries) => entries.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
