//! Lint of where an app answers, who asks, how often, and how lists are walked.
//! It looks at the manifest's own words only.

use super::{Lint, placeholders_of};
use crate::manifest::{Auth, AuthForm, Manifest, Paging, PagingStyle, Total};
use crate::settings::CONNECTION_KEYS;
use std::sync::Arc;

impl Lint<'_> {
    pub(super) fn surface(&mut self) {
        let manifest = self.manifest;
        if manifest.kinds.get(&manifest.default_kind).is_none() {
            let known: Vec<&str> = manifest.kinds.keys().map(|kind| kind.as_str()).collect();
            self.say_unknown(&["default_kind"], "kind", manifest.default_kind.as_str(), &known);
        }
        if !manifest.is_asked() {
            if manifest.base.is_some() || manifest.auth.is_some() {
                self.say(&["file"], "a file has neither `base` nor `auth`", "leave them out, or leave `file` out");
            }
            return;
        }
        self.base();
        match &manifest.auth {
            Some(auth) => {
                auth.forms().for_each(|form| self.auth(form));
                self.secrets_of(auth);
            }
            None => self.say(&["app"], "no `auth` says how a request proves who asks", "such as form = \"bearer\""),
        }
        self.limits();
        for (name, paging) in &manifest.paging {
            self.paging(name, paging);
        }
        for (name, reference) in &manifest.references {
            self.check_paging(&["references", name, "paging"], &reference.paging);
            self.check_path(&["references", name, "path"], &reference.path, &[]);
        }
        self.evidence();
        self.names();
        self.whoami();
        for (at, rule) in manifest.errors.rules.iter().enumerate() {
            let at = at.to_string();
            if rule.status.iter().any(|status| !(100..=599).contains(status)) {
                self.say(&["errors", "rules", &at, "status"], "a status lies between 100 and 599", "");
            }
            if rule.status.is_empty() && rule.says.is_empty() {
                self.say(
                    &["errors", "rules", &at, "is"],
                    "a rule without `status` and `says` fits every failure",
                    "name one",
                );
            }
        }
        self.scim();
    }

    /// Looks whether what a message may name can be looked up.
    fn names(&mut self) {
        let manifest = self.manifest;
        for (at, naming) in manifest.webhooks.iter().flat_map(|webhooks| &webhooks.names).enumerate() {
            let at = at.to_string();
            if manifest.kinds.get(&naming.kind).is_none_or(|kind| kind.read.is_none()) {
                let read = manifest.kinds.iter().filter(|(_, spec)| spec.read.is_some());
                let known: Vec<&str> = read.map(|(kind, _)| kind.as_str()).collect();
                let what = "kind that is read by its id";
                self.say_unknown(&["webhooks", "names", &at, "kind"], what, naming.kind.as_str(), &known);
            }
            if naming.id.is_empty() {
                let keys = ["webhooks", "names", &at, "id"];
                self.say(&keys, "no place says where the id may lie", "such as id = [\"user.id\"]");
            }
        }
    }

    fn whoami(&mut self) {
        let Some(whoami) = &self.manifest.whoami else { return };
        if let Some(secret) = whoami.secret.as_ref().filter(|secret| !self.manifest.secrets.contains_key(*secret)) {
            let known: Vec<&str> = self.manifest.secrets.keys().map(String::as_str).collect();
            self.say_unknown(&["whoami", "secret"], "secret", secret, &known);
        }
        match &whoami.path {
            Some(path) if whoami.login.is_empty() => {
                self.say(&["whoami"], format!("{path} answers, and nothing says where the login lies"), "add `login`");
            }
            Some(path) => self.check_path(&["whoami", "path"], path, &[]),
            None if whoami.secret.is_none() => {
                self.say(&["whoami"], "nothing tells whose the credential is", "give a `path` or a `secret`");
            }
            None => {}
        }
    }

    fn evidence(&mut self) {
        if self.manifest.under.is_some() {
            return; // the file below is judged by itself
        }
        for (at, evidence) in self.manifest.evidence.iter().enumerate() {
            self.check_path(&["evidence", &at.to_string(), "path"], &evidence.path, &[]);
        }
    }

    /// Judges the dialects of an app side by side.
    pub(super) fn dialects(&mut self) {
        let known = self.manifest.dialects();
        for (at, evidence) in self.manifest.evidence.iter().enumerate() {
            for tell in evidence.tells.iter().filter(|tell| !known.contains(&tell.is.as_str())) {
                self.say_unknown(&["evidence", &at.to_string(), "tells"], "dialect", &tell.is, &known);
            }
        }
        let told =
            |dialect: &str| self.manifest.evidence.iter().flat_map(|one| &one.tells).any(|tell| tell.is == dialect);
        // A service that speaks SCIM is known by its host, or named by the operator.
        let preset = |further: &Manifest| further.scim.as_ref().is_some_and(|scim| scim.alone);
        let untold = |further: &&Arc<Manifest>| !told(&further.dialect) && !preset(further);
        for further in self.manifest.further.iter().filter(untold) {
            let message = format!("no evidence tells the dialect `{}`", further.dialect);
            self.problems.push(self.manifest.misplaced(
                &["evidence"],
                message,
                Some("name a read whose answer differs, or write `dialect` in every connection".to_owned()),
            ));
        }
    }

    fn base(&mut self) {
        let Some(base) = &self.manifest.base else {
            self.say(
                &["app"],
                "no `base` says where the app answers",
                "[base] with url = \"https://{account}.vendor.com/api\"",
            );
            return;
        };
        if !base.url.starts_with("https://") {
            self.say(
                &["base", "url"],
                "the pattern does not begin with https://",
                "a connection may give another `url`",
            );
        }
        let used = placeholders_of(&base.url);
        let known: Vec<&str> = base.parameters.keys().map(String::as_str).collect();
        for parameter in &used {
            if !known.contains(parameter) {
                self.say(
                    &["base", "url"],
                    format!("nothing says what {{{parameter}}} is"),
                    format!("[base.parameters.{parameter}] with says = \"…\""),
                );
            }
        }
        for parameter in known.iter().filter(|known| CONNECTION_KEYS.contains(known)) {
            self.say(
                &["base", "parameters", parameter],
                format!("`{parameter}` is a key of every connection, so that this parameter could never be said"),
                "call it something else",
            );
        }
        let anywhere = self.manifest.scim.as_ref().is_some_and(|scim| scim.alone);
        if !used.is_empty() && base.hosts.is_empty() && !anywhere {
            self.say(
                &["base", "url"],
                "no `hosts` keeps the credential on the vendor's hosts",
                "hosts = [\".vendor.com\"]",
            );
        }
        let forms: Vec<&Auth> = self.manifest.auth.iter().flat_map(Auth::forms).collect();
        let asks_tokens = |known: &str| {
            forms.iter().any(|auth| {
                let tokens = auth.token_url.as_deref().unwrap_or_default();
                placeholders_of(tokens).contains(&known)
                    || auth.subject.as_deref() == Some(known)
                    || auth.key_id.as_deref() == Some(known)
                    || known == "token_url" && !tokens.is_empty()
            })
        };
        for parameter in known.iter().filter(|known| !used.contains(known) && !asks_tokens(known)) {
            self.say(&["base", "parameters", parameter], format!("{{{parameter}}} stands in no pattern"), "");
        }
    }

    fn auth(&mut self, auth: &Auth) {
        let needed: &[(&str, &Option<String>)] = match auth.form {
            AuthForm::Basic => &[("username", &auth.username), ("password", &auth.password)],
            AuthForm::Header => &[("header", &auth.header), ("value", &auth.value)],
            AuthForm::Bearer => &[("value", &auth.value)],
            AuthForm::ServiceAccount => &[
                ("token_url", &auth.token_url),
                ("key", &auth.key),
                ("subject", &auth.subject),
                ("scope", &auth.scope),
            ],
            AuthForm::PrivateKeyJwt => {
                &[("token_url", &auth.token_url), ("client_id", &auth.client_id), ("private_key", &auth.private_key)]
            }
            AuthForm::ClientCredentials => &[
                ("token_url", &auth.token_url),
                ("client_id", &auth.client_id),
                ("client_secret", &auth.client_secret),
            ],
        };
        for (key, value) in needed {
            if value.as_deref().is_none_or(str::is_empty) {
                self.say(&["auth", "form"], format!("this form needs `{key}`"), "a secret is written {secret.NAME}");
            }
        }
        if !auth.instead.is_empty() && auth.forms().any(|form| form.secrets().is_empty()) {
            self.say(&["auth", "instead"], "a form that names no secret is never told from the others", "");
        }
        let manifest = self.manifest;
        let known: Vec<&str> =
            manifest.base.iter().flat_map(|base| base.parameters.keys()).map(String::as_str).collect();
        for word in auth.key_id.iter().filter(|word| !known.contains(&word.as_str())) {
            self.say_unknown(&["auth", "key_id"], "parameter", word, &known);
        }
    }

    /// Judges the secrets of all forms together.
    fn secrets_of(&mut self, auth: &Auth) {
        let named: Vec<&str> = auth.forms().flat_map(Auth::texts).flat_map(|value| placeholders_of(value)).collect();
        let known: Vec<&str> = self.manifest.secrets.keys().map(String::as_str).collect();
        for name in &named {
            let secret = name.strip_prefix("secret.").unwrap_or(name);
            if !name.starts_with("secret.") || !known.contains(&secret) {
                self.say_unknown(&["auth"], "secret", secret, &known);
            }
        }
        for secret in
            known.iter().filter(|secret| !named.iter().any(|name| name.strip_prefix("secret.") == Some(secret)))
        {
            self.say(
                &["secrets", secret],
                format!("the secret `{secret}` is used nowhere"),
                "name it in [auth], or leave it out",
            );
        }
    }

    fn limits(&mut self) {
        let limits = &self.manifest.limits;
        if let Some(plan) = limits.default_plan.as_deref().filter(|plan| !limits.plans.contains_key(*plan)) {
            let known: Vec<&str> = limits.plans.keys().map(String::as_str).collect();
            self.say_unknown(&["limits", "default_plan"], "plan", plan, &known);
        }
        for plan in limits.without_api.iter().filter(|plan| !limits.plans.contains_key(*plan)) {
            let known: Vec<&str> = limits.plans.keys().map(String::as_str).collect();
            self.say_unknown(&["limits", "without_api"], "plan", plan, &known);
        }
        if limits.plans.is_empty() && limits.assumed.is_none() {
            self.say(
                &["limits"],
                "neither `plans` nor `assumed` says how often the app may be asked",
                "assumed = { per_second = 5 }",
            );
        }
        let all = limits.plans.iter().map(|(plan, limit)| (vec!["limits", "plans", plan.as_str()], limit));
        let assumed = limits.assumed.iter().map(|limit| (vec!["limits", "assumed"], limit));
        for (keys, limit) in all.chain(assumed).collect::<Vec<_>>() {
            let counts = [limit.per_second, limit.per_minute, limit.per_hour];
            if counts.iter().flatten().any(|count| *count <= 0.0) || limit.concurrent == Some(0) {
                self.say(&keys, "a limit is above 0", "a negotiated one is left to `limits` of the connection");
            }
        }
    }

    fn paging(&mut self, name: &str, paging: &Paging) {
        let at = |key: &'static str| ["paging".to_owned(), name.to_owned(), key.to_owned()];
        let mut say = |key: &'static str, message: String, hint: &str| {
            let keys = at(key);
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            self.say(&keys, message, hint);
        };
        if let (Some(size), Some(max)) = (paging.size, paging.size_max)
            && size > max
        {
            say(
                "size",
                format!("pages of {size} are asked for, and the app gives at most {max}"),
                "ask for the most that the app gives",
            );
        }
        if paging.size == Some(0) || paging.size_max == Some(0) {
            say("size", "a page holds at least one record".into(), "");
        }
        if paging.size_parameter.is_some() && paging.size.is_none() && paging.size_max.is_none() {
            say("size_parameter", "no `size` says what it takes".into(), "");
        }
        let needs_parameter = matches!(paging.style, PagingStyle::Cursor | PagingStyle::Page | PagingStyle::StartIndex);
        if needs_parameter && paging.parameter.is_none() {
            say("style", "this style needs `parameter`".into(), "the parameter that takes the cursor or the number");
        }
        let tells = paging.next.is_some() || paging.next_header.is_some();
        if matches!(paging.style, PagingStyle::Cursor | PagingStyle::Address) && !tells {
            say("style", "this style needs `next`".into(), "where the next cursor lies in the body");
        }
        if paging.style == PagingStyle::Page && paging.size.or(paging.size_max).is_none() {
            say(
                "style",
                "numbered pages need `size`".into(),
                "a page with fewer records than asked for is the last one",
            );
        }
        if (paging.total_is == Total::End || paging.style == PagingStyle::StartIndex) && paging.total.is_none() {
            say(
                "style",
                "`total` is missing, which would end the walk".into(),
                "where the body tells how many records there are",
            );
        }
    }
}
