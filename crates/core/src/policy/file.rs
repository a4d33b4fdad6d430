//! `policy.toml` as it is written, and the way from there to a policy.
//! serde reads the shape, this file reads what serde cannot: conditions, lengths of time, groups.
//! Every error has its line; what a connection can do is not asked here.

use super::{
    ApprovalRule, Correlation, Delay, FieldsFollow, GrantRule, Guards, Lifecycle, Manage, MatchRule, Policy,
    PolicyError, Unwished, Wanted, WordValue,
};
use crate::account::Kind;
use crate::approve;
use crate::correlate::ACCOUNT_WORDS;
use crate::expression::Expression;
use crate::identity;
use crate::name::{ConnectionName, Name};
use crate::place::{misplaced_key, nearest, read_toml};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Who gets what, guards, approvals.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    /// What people should hold; every wish names the rule that made it.
    #[serde(default)]
    grant: Vec<GrantFile>,
    /// What may be taken away; unmanaged accounts and grants are reported, never touched.
    #[serde(default)]
    manage: Vec<ManageFile>,
    /// When accounts come and go.
    #[serde(default)]
    lifecycle: LifecycleFile,
    /// Which steps wait for a person; the first that matches decides.
    #[serde(default)]
    approve: Vec<ApproveFile>,
    /// What holds for every approval.
    #[serde(default)]
    approvals: ApprovalsFile,
    /// Groups of approvers: name = list of addresses.
    #[serde(default)]
    approvers: BTreeMap<String, Vec<String>>,
    /// Judged on the whole plan before its first write.
    #[serde(default)]
    guards: GuardsFile,
    /// How accounts find their people.
    #[serde(default)]
    correlation: CorrelationFile,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GrantFile {
    /// The name of the rule, which reasons carry.
    name: String,
    /// Whom it fits: CEL over `identity.*`, such as `identity.department == "Support"`.
    when: String,
    /// What they hold: connection = { word = names }.
    to: BTreeMap<String, WantedFile>,
}

#[derive(Deserialize, JsonSchema)]
struct WantedFile {
    /// As which kind of record: agent, contact, requester, user.
    #[serde(rename = "as")]
    kind: Option<String>,
    /// The connection's words for what can be held, such as `role` or `teams`, and fields that a policy sets.
    #[serde(flatten)]
    words: BTreeMap<String, WordValue>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ManageFile {
    /// Which connections.
    connections: Vec<String>,
    /// Grants beyond the wished ones.
    #[serde(default)]
    extra_grants: ExtraGrantsFile,
    /// Accounts that are nobody's.
    #[serde(default)]
    orphans: OrphansFile,
    /// Whether fields of existing accounts follow the sources (names and addresses always do).
    #[serde(default)]
    fields: FieldsFile,
}

#[derive(Deserialize, JsonSchema, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum ExtraGrantsFile {
    /// Say it.
    #[default]
    Report,
    /// Take them away.
    Revoke,
}

#[derive(Deserialize, JsonSchema, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum OrphansFile {
    /// Say it.
    #[default]
    Report,
    /// Suspend them.
    Suspend,
}

#[derive(Deserialize, JsonSchema, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum FieldsFile {
    /// A value that differs is changed; an empty one is filled along with another change.
    #[default]
    Follow,
    /// An empty one is filled by itself, too.
    Fill,
    /// Only names and addresses follow.
    Off,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
struct LifecycleFile {
    /// How long before the first day accounts are made, in the person's own time zone. Default 3d.
    create_before_start: Option<String>,
    /// How long after the last day accounts are suspended. Default 0h.
    suspend_after_end: Option<String>,
    /// How long after the last day accounts are deleted. Default never.
    delete_after_end: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ApproveFile {
    /// Which steps: CEL over `step.*`, such as `step.irreversible`.
    when: String,
    /// `nobody`, or groups of `[approvers]`.
    from: FromFile,
    /// How many must say yes. Default 1.
    count: Option<u32>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
struct ApprovalsFile {
    /// How long a yes holds, such as 12h; never means that it does not end. Default 7d.
    valid_for: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "the first is only for the schema")]
enum FromFile {
    /// `nobody`.
    Word(String),
    /// Groups.
    Groups(Vec<String>),
}

impl<'de> Deserialize<'de> for FromFile {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct From;
        impl<'de> serde::de::Visitor<'de> for From {
            type Value = FromFile;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"nobody\" or a list of groups")
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<FromFile, E> {
                Ok(FromFile::Word(word.to_owned()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<FromFile, A::Error> {
                let mut groups = Vec::new();
                while let Some(group) = items.next_element()? {
                    groups.push(group);
                }
                Ok(FromFile::Groups(groups))
            }
        }
        deserializer.deserialize_any(From)
    }
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
struct GuardsFile {
    /// Suspends, revokes and deletes in one plan. Default 25.
    removals_max: Option<u64>,
    /// Of a connection's active accounts. Default 0.05.
    removals_max_share: Option<f64>,
    /// Removals in one connection within any 24 hours, across plans. Default 50.
    removals_max_per_day: Option<u64>,
    /// Of a connection's active accounts, within any 24 hours, across plans. Default 0.1.
    removals_max_share_per_day: Option<f64>,
    /// A source that lost more of its people than this is not believed. Default 0.02.
    source_shrink_max_share: Option<f64>,
    /// Nothing is taken away on the word of an older pull. Default 24h.
    stale_after: Option<String>,
    /// After so many failures in a row in one connection nothing more is written there. Default 10.
    failures_max: Option<u32>,
    /// After this time one step is tried there again; `never` waits for a person. Default 15m.
    failures_retry_after: Option<String>,
    /// Logins that are never changed.
    #[serde(default)]
    protected: Vec<String>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
struct CorrelationFile {
    /// By what an account finds its person, in order. Default: link, external_id, employee_id, email.
    rules: Option<Vec<MatchFile>>,
    /// Which accounts are machines: CEL over `account.*`, such as `account.login.startsWith("svc-")`.
    #[serde(default)]
    service: Vec<String>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum MatchFile {
    /// The pinned link, by the app's immutable id.
    Link,
    /// The key that was left on the record.
    ExternalId,
    /// The employee id.
    EmployeeId,
    /// An address.
    Email,
}

pub(super) fn schema() -> serde_json::Value {
    schemars::schema_for!(PolicyFile).to_value()
}

struct Reader<'a> {
    text: &'a str,
    path: &'a str,
}

pub(super) fn read(text: &str, path: &str) -> Result<Policy, PolicyError> {
    let file: PolicyFile = read_toml(text, path)?;
    let reader = Reader { text, path };
    Ok(Policy {
        path: path.to_owned(),
        text: text.to_owned(),
        grants: reader.grants(file.grant)?,
        manage: reader.manage(file.manage)?,
        lifecycle: reader.lifecycle(&file.lifecycle)?,
        approvals: reader.approvals(file.approve, &file.approvers)?,
        valid_for: reader.valid_for(&file.approvals)?,
        guards: reader.guards(&file.guards)?,
        correlation: reader.correlation(file.correlation)?,
        approvers: file.approvers,
    })
}

/// Tells of a path that a condition reads that it holds neither yes nor no, by what each word means. Attributes of a
/// company's own may hold it.
fn is_neither(path: &[&str]) -> bool {
    match path {
        [_] => true,
        ["identity", word] | ["step", "identity", word] => identity::WORDS.contains(word),
        ["account", word] => ACCOUNT_WORDS.contains(word),
        ["step", part] => *part != "irreversible" && approve::PARTS.contains(part),
        _ => false,
    }
}

impl Reader<'_> {
    fn error(&self, keys: &[&str], message: String, hint: Option<String>) -> PolicyError {
        misplaced_key(self.text, self.path, keys, message, hint)
    }

    fn expression(&self, text: &str, root: &str, keys: &[&str]) -> Result<Expression, PolicyError> {
        let expression = Expression::parse(text, &[root]).and_then(|expression| {
            match root {
                "step" => {
                    expression.check_words(&["step"], &approve::PARTS, false)?;
                    expression.check_words(&["step", "identity"], &identity::WORDS, true)?;
                }
                "account" => expression.check_words(&["account"], &ACCOUNT_WORDS, true)?,
                _ => expression.check_words(&["identity"], &identity::WORDS, true)?,
            }
            expression.check_truth(is_neither)?;
            Ok(expression)
        });
        expression.map_err(|error| {
            let place = error.offset.map_or_else(String::new, |at| format!(" (at character {})", at + 1));
            self.error(keys, format!("{}{place}", error.message), error.hint)
        })
    }

    fn grants(&self, grants: Vec<GrantFile>) -> Result<Vec<GrantRule>, PolicyError> {
        let mut rules: Vec<GrantRule> = Vec::with_capacity(grants.len());
        for (at, grant) in grants.into_iter().enumerate() {
            let at = at.to_string();
            if rules.iter().any(|rule| rule.name == grant.name) {
                let message = format!("two rules are named \"{}\"", grant.name);
                return Err(self.error(
                    &["grant", &at, "name"],
                    message,
                    Some("reasons name rules: give each its own".into()),
                ));
            }
            let when = self.expression(&grant.when, "identity", &["grant", &at, "when"])?;
            let mut to = BTreeMap::new();
            for (connection, wanted) in grant.to {
                let kind = match &wanted.kind {
                    Some(word) => Some(self.kind(word, &["grant", &at, "to", &connection, "as"])?),
                    None => None,
                };
                let words = wanted.words.into_iter().map(|(word, value)| (Name::from(word), value)).collect();
                to.insert(ConnectionName::from(connection), Wanted { kind, words });
            }
            rules.push(GrantRule { name: grant.name, when, to });
        }
        Ok(rules)
    }

    fn kind(&self, word: &str, keys: &[&str]) -> Result<Kind, PolicyError> {
        word.parse().map_err(|error: crate::account::UnknownWord| {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            let hint = nearest(word, &known).map(|nearest| format!("did you mean `{nearest}`?"));
            self.error(keys, error.to_string(), hint)
        })
    }

    fn manage(&self, all: Vec<ManageFile>) -> Result<BTreeMap<ConnectionName, Manage>, PolicyError> {
        let mut manage = BTreeMap::new();
        for (at, one) in all.into_iter().enumerate() {
            let rule = Manage {
                extra_grants: match one.extra_grants {
                    ExtraGrantsFile::Report => Unwished::Report,
                    ExtraGrantsFile::Revoke => Unwished::Remove,
                },
                orphans: match one.orphans {
                    OrphansFile::Report => Unwished::Report,
                    OrphansFile::Suspend => Unwished::Remove,
                },
                fields: match one.fields {
                    FieldsFile::Follow => FieldsFollow::Follow,
                    FieldsFile::Fill => FieldsFollow::Fill,
                    FieldsFile::Off => FieldsFollow::Off,
                },
            };
            for connection in one.connections {
                if manage.insert(ConnectionName::new(&connection), rule).is_some() {
                    let message = format!("`{connection}` is managed twice");
                    return Err(self.error(&["manage", &at.to_string(), "connections"], message, None));
                }
            }
        }
        Ok(manage)
    }

    fn delay(&self, text: &str, keys: &[&str]) -> Result<Option<Delay>, PolicyError> {
        Delay::parse(text).ok_or_else(|| {
            let hint = "write a number and w, d, h, m or s, such as \"3d\" or \"12h\", or \"never\"".to_owned();
            self.error(keys, format!("\"{text}\" is no length of time"), Some(hint))
        })
    }

    fn lifecycle(&self, file: &LifecycleFile) -> Result<Lifecycle, PolicyError> {
        let default = Lifecycle::default();
        let read = |text: &Option<String>, key: &str, default| match text {
            Some(text) => self.delay(text, &["lifecycle", key]),
            None => Ok(default),
        };
        Ok(Lifecycle {
            create_before_start: read(&file.create_before_start, "create_before_start", default.create_before_start)?,
            suspend_after_end: read(&file.suspend_after_end, "suspend_after_end", default.suspend_after_end)?,
            delete_after_end: read(&file.delete_after_end, "delete_after_end", default.delete_after_end)?,
        })
    }

    fn approvals(
        &self,
        rules: Vec<ApproveFile>,
        approvers: &BTreeMap<String, Vec<String>>,
    ) -> Result<Vec<ApprovalRule>, PolicyError> {
        let mut read = Vec::with_capacity(rules.len());
        for (at, rule) in rules.into_iter().enumerate() {
            let at = at.to_string();
            let when = self.expression(&rule.when, "step", &["approve", &at, "when"])?;
            let from = self.groups(rule.from, approvers, &["approve", &at, "from"])?;
            let people: std::collections::BTreeSet<&String> =
                from.iter().filter_map(|group| approvers.get(group)).flatten().collect();
            let count = rule.count.unwrap_or(1);
            if !from.is_empty() && (count == 0 || people.len() < count as usize) {
                let message = format!("count = {count}, but the groups have {} people", people.len());
                return Err(self.error(&["approve", &at, "count"], message, None));
            }
            read.push(ApprovalRule { when, from, count });
        }
        Ok(read)
    }

    fn valid_for(&self, file: &ApprovalsFile) -> Result<Option<Delay>, PolicyError> {
        let Some(text) = &file.valid_for else { return Ok(Some(super::VALID_FOR)) };
        let keys = ["approvals", "valid_for"];
        match self.delay(text, &keys)? {
            Some(valid) if valid.as_ms() == 0 => {
                let hint = "the least is \"1m\"; \"never\" lets it hold for ever".to_owned();
                Err(self.error(&keys, format!("a yes that holds for \"{text}\" permits nothing"), Some(hint)))
            }
            valid => Ok(valid),
        }
    }

    fn groups(
        &self,
        from: FromFile,
        approvers: &BTreeMap<String, Vec<String>>,
        keys: &[&str],
    ) -> Result<Vec<String>, PolicyError> {
        let groups = match from {
            FromFile::Word(word) if word == "nobody" => return Ok(Vec::new()),
            FromFile::Word(word) => vec![word],
            FromFile::Groups(groups) if groups.is_empty() => {
                let hint = "from = \"nobody\" asks nobody".to_owned();
                return Err(self.error(keys, "no group is named".into(), Some(hint)));
            }
            FromFile::Groups(groups) => groups,
        };
        let known: Vec<&str> = approvers.keys().map(String::as_str).chain(["nobody"]).collect();
        match groups.iter().find(|group| !approvers.contains_key(*group)) {
            None => Ok(groups),
            Some(group) => {
                let hint = nearest(group, &known).map_or_else(
                    || format!("add it: [approvers] {group} = [\"mia@acme.example\"]"),
                    |nearest| format!("did you mean `{nearest}`?"),
                );
                Err(self.error(keys, format!("there is no group `{group}` under [approvers]"), Some(hint)))
            }
        }
    }

    fn guards(&self, file: &GuardsFile) -> Result<Guards, PolicyError> {
        let default = Guards::default();
        let share = |value: Option<f64>, key: &str, default: f64| match value {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Err(self.error(&["guards", key], format!("{share} is no share: it lies between 0 and 1"), None))
            }
            share => Ok(share.unwrap_or(default)),
        };
        let time = |value: &Option<String>, key: &str, default: Delay| match value {
            None => Ok(default),
            Some(text) => {
                let never = Delay::days(Delay::DAYS_MAX);
                self.delay(text, &["guards", key]).map(|delay| delay.unwrap_or(never))
            }
        };
        Ok(Guards {
            removals_max: file.removals_max.unwrap_or(default.removals_max),
            removals_max_share: share(file.removals_max_share, "removals_max_share", default.removals_max_share)?,
            source_shrink_max_share: share(
                file.source_shrink_max_share,
                "source_shrink_max_share",
                default.source_shrink_max_share,
            )?,
            stale_after: time(&file.stale_after, "stale_after", default.stale_after)?,
            removals_max_per_day: file.removals_max_per_day.unwrap_or(default.removals_max_per_day),
            removals_max_share_per_day: share(
                file.removals_max_share_per_day,
                "removals_max_share_per_day",
                default.removals_max_share_per_day,
            )?,
            failures_max: file.failures_max.unwrap_or(default.failures_max).max(1),
            failures_retry_after: time(
                &file.failures_retry_after,
                "failures_retry_after",
                default.failures_retry_after,
            )?,
            protected: file.protected.iter().map(|login| login.trim().to_lowercase()).collect(),
        })
    }

    fn correlation(&self, file: CorrelationFile) -> Result<Correlation, PolicyError> {
        let rules = file.rules.map_or(MatchRule::ALL.to_vec(), |rules| {
            rules
                .into_iter()
                .map(|rule| match rule {
                    MatchFile::Link => MatchRule::Link,
                    MatchFile::ExternalId => MatchRule::ExternalId,
                    MatchFile::EmployeeId => MatchRule::EmployeeId,
                    MatchFile::Email => MatchRule::Email,
                })
                .collect()
        });
        let service = file
            .service
            .iter()
            .enumerate()
            .map(|(at, text)| self.expression(text, "account", &["correlation", "service", &at.to_string()]))
            .collect::<Result<_, _>>()?;
        Ok(Correlation { rules, service })
    }
}
