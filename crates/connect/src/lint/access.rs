//! Lint of what is said about access, invitations and writes that an app ignores: sentences about words that are not
//! there, reasons that could never be told. Whether a sentence is true only the vendor's record can tell.

use super::{Lint, placeholders_of};
use crate::manifest::{AccessSpec, KindSpec, StateWord};
use tenure_core::abilities::Effect;
use tenure_core::account::Kind;

impl Lint<'_> {
    pub(super) fn access(&mut self, kind: Kind, spec: &KindSpec) {
        let kind = kind.as_str();
        for (at, access) in spec.access.iter().enumerate() {
            let at = at.to_string();
            self.sentence(&["kinds", kind, "access", &at], spec, access);
        }
        self.invitations(kind, spec);
        for (name, field) in &spec.fields {
            if field.ignored_because.is_some() && field.write.is_none() {
                let message = format!("{name} is never written, so that no write of it could be ignored");
                self.say(&["kinds", kind, "fields", name], message, "leave `ignored_because` out, or say `cannot`");
            }
        }
        for (word, entitlement) in &spec.entitlements {
            if !entitlement.pending.is_empty() && entitlement.read.is_empty() {
                let message = format!("{word} may wait for approval, and nothing says where it lies once approved");
                self.say(&["kinds", kind, "entitlements", word], message, "read = [{ at = \"…\", form = \"id\" }]");
            }
        }
    }

    fn sentence(&mut self, keys: &[&str], spec: &KindSpec, access: &AccessSpec) {
        let known: Vec<&str> = spec.fields.keys().chain(spec.entitlements.keys()).map(String::as_str).collect();
        if access.says.trim().is_empty() {
            self.say(keys, "the sentence is empty", "says = \"sees all tickets of the groups {groups}\"");
        }
        for word in access.when.keys().filter(|word| !known.contains(&word.as_str())) {
            self.say_unknown(keys, "word", word, &known);
        }
        for word in placeholders_of(&access.says) {
            let of_grant = access.each.is_some() && matches!(word, "name" | "scope");
            if !of_grant && !known.contains(&word) {
                self.say_unknown(keys, "placeholder", word, &known);
            }
        }
        let words: Vec<&str> = spec.entitlements.keys().map(String::as_str).collect();
        match (&access.each, &access.scope) {
            (Some(each), _) if !words.contains(&each.as_str()) => self.say_unknown(keys, "entitlement", each, &words),
            (Some(each), Some(scope)) => {
                let scopes: Vec<&str> = spec.entitlements[each].scopes.iter().map(String::as_str).collect();
                if !scopes.contains(&scope.as_str()) {
                    self.say_unknown(keys, "scope", scope, &scopes);
                }
            }
            (None, Some(_)) => {
                self.say(keys, "a scope belongs to a grant, and no `each` names one", "each = \"roles\"")
            }
            _ => {}
        }
    }

    fn invitations(&mut self, kind: &str, spec: &KindSpec) {
        let Some(hours) = spec.invitation_hours else { return };
        let keys = ["kinds", kind, "invitation_hours"];
        if hours == 0 {
            self.say(&keys, "an invitation that is never valid", "the hours for which the vendor keeps it valid");
        }
        let by_hand = spec.by_hand.contains_key(&Effect::Create);
        if !by_hand && !spec.state.iter().any(|rule| rule.is == StateWord::Invited) {
            self.say(
                &keys,
                "invitations end, and no rule tells an invited account",
                "state = [{ is = \"invited\", … }]",
            );
        }
    }
}
