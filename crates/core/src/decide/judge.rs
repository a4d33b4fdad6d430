//! Which rules an identity fits. Rules that read the same attributes are judged together, and people who agree in
//! them are judged once: a company has few departments and many people.
//! It is handed identities and earlier versions of their records, and keeps nothing of them but the join of values.

use crate::account::Fields;
use crate::correlate::attribute;
use crate::expression::{Expression, Verdict};
use crate::identity::Identity;
use crate::policy::Rules;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::rc::Rc;

/// How many different people one group of rules remembers.
const REMEMBERED_MAX: usize = 65_536;

/// The judge of all grant rules.
pub(super) struct Judge<'p> {
    groups: Vec<Group<'p>>,
    senseless: BTreeMap<u16, (u64, String)>,
    /// Whether whoever is judged next is counted.
    pub(super) counts: bool,
}

struct Group<'p> {
    /// What its rules read, sorted; `None` where a rule reads the identity as a whole.
    names: Option<Vec<String>>,
    rules: Vec<(u16, &'p Expression)>,
    remembered: HashMap<Box<str>, Rc<Judged>>,
}

struct Judged {
    fits: Vec<u16>,
    senseless: Vec<(u16, String)>,
}

impl<'p> Judge<'p> {
    pub(super) fn new(rules: &'p Rules) -> Self {
        let mut groups: BTreeMap<Option<Vec<String>>, Vec<(u16, &Expression)>> = BTreeMap::new();
        for (rule, grant) in rules.grants.iter().enumerate().take(usize::from(u16::MAX)) {
            let rule = u16::try_from(rule).unwrap_or(u16::MAX);
            let names: Option<Vec<String>> = grant.when.reads().map(|path| path.get(1).cloned()).collect();
            let names = names.map(|mut names| {
                names.sort();
                names.dedup();
                names
            });
            groups.entry(names).or_default().push((rule, &grant.when));
        }
        let groups =
            groups.into_iter().map(|(names, rules)| Group { names, rules, remembered: HashMap::new() }).collect();
        Self { groups, senseless: BTreeMap::new(), counts: true }
    }

    /// Lists the rules that the identity fits, sorted; with `version`, those it fitted when its record said that.
    pub(super) fn matched(&mut self, identity: &Identity, version: Option<&Fields>) -> Vec<u16> {
        let mut matched = Vec::new();
        let mut key = String::new();
        for group in &mut self.groups {
            let judged = group.judged(identity, version, &mut key);
            matched.extend_from_slice(&judged.fits);
            for (rule, because) in judged.senseless.iter().filter(|_| self.counts) {
                let known = self.senseless.entry(*rule).or_insert_with(|| (0, because.clone()));
                known.0 += 1;
                if *because < known.1 {
                    known.1.clone_from(because);
                }
            }
        }
        matched.sort_unstable();
        matched
    }

    /// Lists the rules that made no sense for some people: for how many, and why.
    pub(super) fn senseless(&self) -> &BTreeMap<u16, (u64, String)> {
        &self.senseless
    }
}

impl Group<'_> {
    fn judged(&mut self, identity: &Identity, version: Option<&Fields>, key: &mut String) -> Rc<Judged> {
        let Some(names) = &self.names else {
            return Rc::new(self.judge(&whole(identity, version)));
        };
        key.clear();
        for name in names {
            write_key(key, value_of(identity, version, name).as_deref());
        }
        if let Some(judged) = self.remembered.get(key.as_str()) {
            return judged.clone();
        }
        let wanted: Map<String, Value> = names
            .iter()
            .filter_map(|name| Some((name.clone(), value_of(identity, version, name)?.into_owned())))
            .collect();
        let judged = Rc::new(self.judge(&Value::Object(wanted)));
        if self.remembered.len() < REMEMBERED_MAX {
            self.remembered.insert(key.as_str().into(), judged.clone());
        }
        judged
    }

    fn judge(&self, view: &Value) -> Judged {
        let mut judged = Judged { fits: Vec::new(), senseless: Vec::new() };
        for (rule, expression) in &self.rules {
            match expression.judge("identity", view) {
                Verdict::Yes => judged.fits.push(*rule),
                Verdict::No => {}
                Verdict::Senseless(because) => judged.senseless.push((*rule, because)),
            }
        }
        judged
    }
}

fn value_of<'a>(identity: &'a Identity, version: Option<&'a Fields>, name: &str) -> Option<Cow<'a, Value>> {
    if let Some(version) = version {
        if name == "state" {
            return Some(Cow::Owned(Value::String("active".into())));
        }
        if let Some(value) = version.get(name) {
            return Some(Cow::Borrowed(value));
        }
    }
    match identity.attributes.get(name) {
        Some(value) if !matches!(name, "id" | "state" | "emails" | "manager" | "attributes") => {
            Some(Cow::Borrowed(value))
        }
        _ => attribute(identity, name).map(Cow::Owned),
    }
}

fn whole(identity: &Identity, version: Option<&Fields>) -> Value {
    let mut view = crate::correlate::identity_view(identity);
    if let (Value::Object(view), Some(version)) = (&mut view, version) {
        view.extend(version.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone())));
        view.insert("state".into(), Value::String("active".into()));
    }
    view
}

fn write_key(key: &mut String, value: Option<&Value>) {
    // A String takes every write.
    let _ = match value {
        None | Some(Value::Null) => key.write_str("-"),
        Some(Value::String(text)) => write!(key, "{}:{text}", text.len()),
        Some(other) => write!(key, "={other}"),
    };
}
