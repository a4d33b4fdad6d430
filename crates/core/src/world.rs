//! A small company for tests: an HR file, a help desk with roles and teams, a service desk with requesters.
//! Tests start from `company()`, which is as wished, and change what they are about.

use crate::abilities::{
    Abilities, Cardinality, Effect, EffectAbility, EntitlementAbility, FieldAbility, KindAbility, Seat, Sessions,
    Standing,
};
use crate::account::{Account, AccountKey, AccountState, Grant, Kind};
use crate::change::{Finding, FindingKind, Step};
use crate::diff::Asked;
use crate::facts::{ConnectionFacts, Coverage, Decided, Decision, Facts, Link, Removed};
use crate::name::{ConnectionName, EntitlementKind, FieldName, IdentityId, Name};
use crate::policy::Policy;
use crate::reconcile::{Reconciled, reconcile};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// 2026-11-24 12:00 UTC.
pub(crate) const NOW_MS: i64 = 1_795_521_600_000;
pub(crate) const DAY_MS: i64 = 86_400_000;

pub(crate) const POLICY: &str = r#"
[[grant]]
name = "support agents"
when = 'identity.department == "Support"'
[grant.to]
desk = { role = "agent", teams = ["Tier 1"] }
[[grant]]
name = "everybody"
when = 'identity.type == "employee"'
[grant.to]
service = { as = "requester" }
[[grant]]
name = "it"
when = 'identity.department == "IT"'
[grant.to]
service = { as = "agent", roles = [{ name = "IT Agent", scope = "entire_helpdesk" }] }
[approvers]
security = ["mia@acme.example", "tom@acme.example"]
"#;

pub(crate) fn policy(more: &str) -> Policy {
    Policy::parse(&format!("{POLICY}\n{more}"), "policy.toml").unwrap()
}

pub(crate) fn name(text: &str) -> ConnectionName {
    ConnectionName::new(text)
}

pub(crate) fn person(id: &str, fields: Value) -> Account {
    let mut account = Account::unknown(AccountKey::new(&name("hr"), Kind::Person, id));
    account.state = AccountState::Active;
    let mut all = json!({"employee_id": id, "type": "employee"});
    for (field, value) in fields.as_object().unwrap() {
        all[field] = value.clone();
    }
    account.fields =
        all.as_object().unwrap().iter().map(|(field, value)| (FieldName::new(field), value.clone())).collect();
    account
}

pub(crate) fn support(id: &str, first: &str) -> Account {
    let email = format!("{}@acme.example", first.to_lowercase());
    person(
        id,
        json!({"work_email": email, "name": format!("{first} Doe"), "given_name": first, "family_name": "Doe", "department": "Support", "title": "Agent"}),
    )
}

pub(crate) fn grant(kind: &str, name: &str) -> Grant {
    Grant {
        kind: EntitlementKind::new(kind),
        id: None,
        name: name.into(),
        scope: None,
        privileged: name == "admin",
        pending: false,
    }
}

pub(crate) fn agent(id: &str, first: &str) -> Account {
    let mut account = Account::unknown(AccountKey::new(&name("desk"), Kind::Agent, id));
    account.state = AccountState::Active;
    account.login = Some(format!("{}@acme.example", first.to_lowercase()).into());
    account.name = Some(format!("{first} Doe").into());
    account.grants = vec![grant("role", "agent"), grant("team", "Tier 1")];
    account.grants_known = vec![EntitlementKind::new("role"), EntitlementKind::new("team")];
    account.fields.set(FieldName::new("title"), json!("Agent"));
    account
}

pub(crate) fn requester(id: &str, first: &str) -> Account {
    let mut account = Account::unknown(AccountKey::new(&name("service"), Kind::Requester, id));
    account.state = AccountState::Active;
    account.login = Some(format!("{}@acme.example", first.to_lowercase()).into());
    account.name = Some(format!("{first} Doe").into());
    account
}

fn field(from: Option<&str>) -> FieldAbility {
    FieldAbility { from: from.map(FieldName::new), at_create: true, at_update: true, ..FieldAbility::default() }
}

fn effect(seat: Seat) -> EffectAbility {
    EffectAbility {
        irreversible: false,
        seat,
        sends_mail: false,
        loses: None,
        unproven: false,
        optional: false,
        ignored_because: None,
        requests: 2,
        reads_before: true,
        own_requests: 0,
        together: None,
    }
}

fn effects(of: &[(Effect, Seat)]) -> BTreeMap<Effect, EffectAbility> {
    of.iter().map(|(kind, seat)| (*kind, effect(*seat))).collect()
}

fn entitlement(kind: &str, cardinality: Cardinality) -> EntitlementAbility {
    EntitlementAbility {
        kind: EntitlementKind::new(kind),
        cardinality,
        scoped: false,
        default_scope: None,
        least_scope: None,
        privileged: vec![Name::new("admin")],
        owners: Vec::new(),
        values: Vec::new(),
        synonyms: BTreeMap::new(),
        required: false,
        exact: false,
        by_hand: false,
        numbered: false,
        billed: false,
    }
}

fn desk_agent() -> KindAbility {
    let fields = [
        ("login", FieldAbility { required: true, fold_case: true, ..field(Some("work_email")) }),
        ("name", FieldAbility { required: true, ..field(Some("name")) }),
        ("title", field(Some("title"))),
        ("external_id", field(Some("employee_id"))),
        ("phone", FieldAbility { at_update: false, cannot: Some("only the owner can".into()), ..field(Some("phone")) }),
        ("manager", FieldAbility { refers_to_account: true, ..field(Some("manager")) }),
        ("ticket_scope", FieldAbility { values: vec!["group".into(), "global".into()], ..field(None) }),
    ];
    use Effect::{Create, Delete, Grant, Resume, Revoke, Suspend, Update};
    let mut effects = effects(&[
        (Create, Seat::Takes),
        (Resume, Seat::Takes),
        (Suspend, Seat::Frees),
        (Update, Seat::Keeps),
        (Grant, Seat::Keeps),
        (Revoke, Seat::Keeps),
        (Delete, Seat::Frees),
    ]);
    let delete = effects.get_mut(&Delete).unwrap();
    (delete.irreversible, delete.loses) = (true, Some("open tickets lose their agent".into()));
    KindAbility {
        takes_seat: true,
        fields: fields.into_iter().map(|(name, field)| (FieldName::new(name), field)).collect(),
        entitlements: BTreeMap::from([
            (Name::new("role"), EntitlementAbility { required: true, ..entitlement("role", Cardinality::One) }),
            (Name::new("teams"), entitlement("team", Cardinality::Many)),
        ]),
        effects,
        ..KindAbility::default()
    }
}

fn service_kind(convert_from: Vec<Kind>) -> KindAbility {
    let fields = [
        ("login", FieldAbility { required: true, fold_case: true, ..field(Some("work_email")) }),
        ("name", FieldAbility { required: true, ..field(Some("name")) }),
    ];
    let mut effects = effects(&[
        (Effect::Create, Seat::Keeps),
        (Effect::Resume, Seat::Keeps),
        (Effect::Suspend, Seat::Keeps),
        (Effect::Update, Seat::Keeps),
    ]);
    let mut entitlements = BTreeMap::new();
    if !convert_from.is_empty() {
        effects.insert(Effect::Convert, effect(Seat::Takes));
        let roles = EntitlementAbility {
            scoped: true,
            default_scope: Some("entire_helpdesk".into()),
            least_scope: Some("assigned_items".into()),
            required: true,
            ..entitlement("role", Cardinality::Many)
        };
        entitlements.insert(Name::new("roles"), roles);
    }
    KindAbility {
        fields: fields.into_iter().map(|(name, field)| (FieldName::new(name), field)).collect(),
        entitlements,
        effects,
        convert_from,
        ..KindAbility::default()
    }
}

fn abilities(connection: &str, standing: Standing, default_kind: Kind, kinds: Vec<(Kind, KindAbility)>) -> Abilities {
    Abilities {
        connection: name(connection),
        app: connection.into(),
        title: connection.into(),
        standing,
        default_kind,
        kinds: kinds.into_iter().collect(),
        sessions: Sessions::Ended,
        sso: None,
        seats: None,
        protected_logins: Vec::new(),
        owner: None,
        references: 0,
        per_second: Some(2.0),
    }
}

fn connection(abilities: Abilities) -> (ConnectionName, ConnectionFacts) {
    let facts = ConnectionFacts {
        complete_ms: Some(NOW_MS - 60_000),
        coverage: Some(Coverage::Complete),
        because: None,
        accounts_active: 100,
        seats_taken: 10,
        records_before: Some(100),
        records_now: Some(100),
        removed: Removed::default(),
        removed_by: BTreeSet::new(),
        circuit: None,
        drift: None,
        entitlements: Vec::new(),
        abilities: Arc::new(abilities),
    };
    (facts.abilities.connection.clone(), facts)
}

/// A company without people.
pub(crate) fn empty() -> Facts {
    let connections = [
        connection(abilities("hr", Standing::Source(0), Kind::Person, vec![(Kind::Person, KindAbility::default())])),
        connection(abilities("desk", Standing::Target, Kind::Agent, vec![(Kind::Agent, desk_agent())])),
        connection(abilities(
            "service",
            Standing::Target,
            Kind::Requester,
            vec![(Kind::Requester, service_kind(vec![])), (Kind::Agent, service_kind(vec![Kind::Requester]))],
        )),
    ];
    Facts { now_ms: NOW_MS, connections: connections.into_iter().collect(), ..Facts::default() }
}

/// A company in which everything is as wished: Ann, Ben and Cleo in Support.
pub(crate) fn company() -> Facts {
    let mut facts = empty();
    for (at, first) in ["Ann", "Ben", "Cleo"].into_iter().enumerate() {
        let id = (at + 1).to_string();
        facts.accounts.extend([support(&id, first), agent(&id, first), requester(&id, first)]);
    }
    facts
}

pub(crate) fn abilities_of<'f>(facts: &'f mut Facts, connection: &str) -> &'f mut Abilities {
    Arc::make_mut(&mut facts.connections.get_mut(connection).unwrap().abilities)
}

pub(crate) fn connection_of<'f>(facts: &'f mut Facts, connection: &str) -> &'f mut ConnectionFacts {
    facts.connections.get_mut(connection).unwrap()
}

/// Adds a further source, whose authority is below that of the others.
pub(crate) fn add_source(facts: &mut Facts, source: &str, kind: Kind) {
    let ability = abilities(source, Standing::Source(1), kind, vec![(kind, KindAbility::default())]);
    facts.connections.extend([connection(ability)]);
}

/// Returns the account written `desk/agent/1`.
pub(crate) fn account_of<'f>(facts: &'f mut Facts, key: &str) -> &'f mut Account {
    facts.accounts.iter_mut().find(|account| account.key.to_string() == key).unwrap()
}

pub(crate) fn set(account: &mut Account, field: &str, value: Value) {
    account.fields.set(FieldName::new(field), value);
}

pub(crate) fn without(facts: &mut Facts, key: &str) -> Account {
    let at = facts.accounts.iter().position(|account| account.key.to_string() == key).unwrap();
    facts.accounts.remove(at)
}

pub(crate) fn pin(facts: &mut Facts, policy: &Policy) {
    let links: Vec<Link> = crate::correlate::correlate(facts, policy).new_links().collect();
    facts.links.extend(links);
}

pub(crate) fn decide(facts: &mut Facts, what: Decided) {
    let seq = i64::try_from(facts.decisions.len()).unwrap() + 1;
    facts.decisions.push(Decision { seq, at_ms: NOW_MS - 1000, by: "mia@acme.example".into(), note: None, what });
}

pub(crate) fn id_of(record: &str) -> IdentityId {
    crate::correlate::found_identity_id(&name("hr"), &record.into())
}

pub(crate) fn asked() -> Asked {
    Asked { requested_by: Some("olga@acme.example".into()), made_at: "2026-11-24T12:00:00Z".into(), ..Asked::default() }
}

pub(crate) fn walk<'f>(facts: &'f Facts, policy: &Policy) -> Reconciled<'f> {
    reconcile(facts, policy, &asked())
}

/// Shows steps as `effect connection person: field before→after`, held ones with their guard.
pub(crate) fn shown(reconciled: &Reconciled<'_>) -> Vec<String> {
    let show = |step: &Step| {
        let changes: Vec<String> = step
            .changes
            .iter()
            .map(|change| {
                let before = change.before.as_ref().map_or("?".to_owned(), ToString::to_string);
                format!("{} {before}→{}", change.field, change.after)
            })
            .collect();
        let person = step.person.as_deref().unwrap_or("-").split(' ').next().unwrap_or("").to_owned();
        format!("{} {} {} {person}: {}", step.effect, step.connection, step.reason.kind.as_str(), changes.join(", "))
            .trim_end_matches([':', ' '])
            .to_owned()
    };
    let plan = &reconciled.plan;
    let held = plan.held.iter().map(|hold| format!("[{}] {}", hold.guard, show(&hold.step)));
    plan.steps.iter().map(show).chain(held).collect()
}

pub(crate) fn findings_of<'r>(reconciled: &'r Reconciled<'_>, kind: FindingKind) -> Vec<&'r Finding> {
    reconciled.findings.iter().filter(|finding| finding.kind == kind).collect()
}

/// Makes the world as a plan says.
pub(crate) fn carry_out(facts: &mut Facts, reconciled_steps: &[Step], graph_ids: &BTreeMap<String, String>) {
    for step in reconciled_steps {
        let key = step.account_key.clone();
        if step.effect == Effect::Create {
            let made = AccountKey::new(&step.connection, step.kind, format!("new-{}", step.id));
            let mut account = Account::unknown(made);
            account.grants_known = vec![EntitlementKind::new("role"), EntitlementKind::new("team")];
            facts.accounts.push(account);
        }
        let account = match &key {
            Some(key) => facts.accounts.iter_mut().find(|account| account.key == *key),
            None => facts.accounts.last_mut(),
        };
        let Some(account) = account else { continue };
        match step.effect {
            Effect::Suspend => account.state = AccountState::Suspended,
            Effect::Delete => account.state = AccountState::Removed,
            Effect::Create | Effect::Resume => account.state = AccountState::Active,
            Effect::Convert => {
                account.state = AccountState::Active;
                account.key.kind = step.kind;
                account.grants_known = vec![EntitlementKind::new("role"), EntitlementKind::new("team")];
            }
            _ => {}
        }
        for change in &step.changes {
            let text = change.after.as_str().map(Box::from);
            match (&change.entitlement, change.field.as_str()) {
                (Some(entitlement), _) => {
                    let gone = |grant: &Grant| {
                        grant.kind == entitlement.kind
                            && entitlement.remove.iter().any(|remove| *remove.name == *grant.name)
                    };
                    account.grants.retain(|grant| !gone(grant));
                    for add in &entitlement.add {
                        let scope = add.scope.clone();
                        let held = Grant {
                            kind: entitlement.kind.clone(),
                            id: None,
                            name: add.name.clone(),
                            scope,
                            privileged: add.privileged,
                            pending: false,
                        };
                        account.grants.push(held);
                    }
                }
                (None, "login") => account.login = text,
                (None, "name") => account.name = text,
                (None, "external_id") => account.external_id = text,
                (None, field) => {
                    let of_manager = change.refers_to.as_ref().filter(|_| change.after.is_null());
                    let value = of_manager
                        .and_then(|id| graph_ids.get(id.as_str()))
                        .map_or(change.after.clone(), |id| json!(id));
                    account.fields.set(FieldName::new(field), value);
                }
            }
        }
    }
}
