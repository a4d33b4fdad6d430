//! Measures the walk: builds a company of so many people with five accounts each, reconciles it, and one person of it
//! alone. `cargo run --release -p tenure-core --example reconcile_scale -- 100000 [pinned|fresh] [TARGETS]`.
//! It makes its own facts and reads nothing but its own counters under `/proc`.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::abilities::{
    Abilities, Cardinality, Effect, EffectAbility, EntitlementAbility, FieldAbility, KindAbility, Seat, Sessions,
    Standing,
};
use tenure_core::account::{Account, AccountKey, AccountState, Grant, Kind};
use tenure_core::correlate::correlate;
use tenure_core::decide::decide;
use tenure_core::diff::diff;
use tenure_core::facts::{ConnectionFacts, Coverage, Facts, Link};
use tenure_core::finding::Findings;
use tenure_core::name::{ConnectionName, EntitlementKind, FieldName, Name};
use tenure_core::plan::plan;
use tenure_core::policy::Policy;
use tenure_core::{Asked, reconcile};

/// 2026-11-24 12:00 UTC.
const NOW_MS: i64 = 1_795_521_600_000;
/// The connections in which everybody holds an account.
const TARGETS: [&str; 5] = ["gorgias", "gladly", "freshdesk", "freshservice", "gainsight"];
const DEPARTMENTS: [&str; 12] = [
    "Support",
    "Sales",
    "IT",
    "Finance",
    "Legal",
    "Marketing",
    "Product",
    "Engineering",
    "People",
    "Success",
    "Logistics",
    "Board",
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let people: usize = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let pinned = arguments.next().is_some_and(|word| word == "pinned");
    let targets: usize = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(TARGETS.len());
    let targets = &TARGETS[..targets.min(TARGETS.len())];
    let policy = match Policy::parse(&policy(targets), "policy.toml") {
        Ok(policy) => policy,
        Err(error) => return println!("{error}"),
    };
    let mut facts = company(people, targets);
    if pinned {
        let links: Vec<Link> = tenure_core::correlate::correlate(&facts, &policy).new_links().collect();
        facts.links = links;
    }
    let (before, resident) = (cpu_seconds(), memory_mb("VmRSS"));
    let reconciled = reconcile(&facts, &policy, &asked());
    let seconds = cpu_seconds() - before;
    println!(
        "{people} people, {} records, {} links: {seconds:.2} s of CPU, facts {resident:.0} MB, peak {:.0} MB; {} steps, {} held, {} findings",
        facts.accounts.len(),
        facts.links.len(),
        memory_mb("VmHWM"),
        reconciled.plan.steps.len(),
        reconciled.plan.held.len(),
        reconciled.findings.len()
    );
    drop(reconciled);
    phases(&facts, &policy);
    one_person(&facts, &policy);
}

/// Says where the time goes.
fn phases(facts: &Facts, policy: &Policy) {
    let mut findings = Findings::default();
    let start = cpu_seconds();
    let graph = correlate(facts, policy);
    let correlated = cpu_seconds();
    let wishes = decide(&graph, policy, facts, |_| true);
    let decided = cpu_seconds();
    let proposals = diff(&graph, &wishes, policy, facts, &asked(), &mut findings);
    let told = cpu_seconds();
    let planned = plan(proposals, &graph, facts, policy, &asked(), &mut findings);
    let plan = planned.finish(&findings.sorted(), &asked(), policy);
    let done = cpu_seconds();
    println!(
        "correlate {:.2} s, decide {:.2} s, diff {:.2} s, plan {:.2} s ({} steps)",
        correlated - start,
        decided - correlated,
        told - decided,
        done - told,
        plan.steps.len()
    );
}

/// Reconciles the cluster of one person with a changed title, as a look-up by join keys would load it.
fn one_person(facts: &Facts, policy: &Policy) {
    let mut cluster = Facts { accounts: Vec::new(), links: Vec::new(), ..facts.clone_without_records() };
    let id = "p0000003";
    cluster.accounts = facts.accounts.iter().filter(|account| is_of(account, id)).cloned().collect();
    cluster.links = facts.links.iter().filter(|link| link.account.id.as_str().ends_with("0000003")).cloned().collect();
    if let Some(row) = cluster.accounts.iter_mut().find(|account| account.key.kind == Kind::Person) {
        row.fields.set(FieldName::new("title"), json!("Changed"));
    }
    const ROUNDS: u32 = 200;
    let before = cpu_seconds();
    let mut steps = 0;
    for _ in 0..ROUNDS {
        steps = reconcile(&cluster, policy, &asked()).plan.steps.len();
    }
    let each_ms = (cpu_seconds() - before) * 1000.0 / f64::from(ROUNDS);
    println!("one person, {} records: {each_ms:.2} ms of CPU; {steps} steps", cluster.accounts.len());
}

trait WithoutRecords {
    fn clone_without_records(&self) -> Facts;
}

impl WithoutRecords for Facts {
    fn clone_without_records(&self) -> Facts {
        Facts { now_ms: self.now_ms, connections: self.connections.clone(), ..Facts::default() }
    }
}

fn is_of(account: &Account, id: &str) -> bool {
    account.key.id.as_str() == id || account.external_id.as_deref() == Some(id)
}

fn asked() -> Asked {
    Asked { requested_by: Some("bench".into()), made_at: "2026-11-24T12:00:00Z".into(), ..Asked::default() }
}

fn policy(targets: &[&str]) -> String {
    let mut text = String::from("[guards]\nremovals_max = 1000000\nremovals_max_share = 1.0\n");
    for department in DEPARTMENTS {
        text.push_str(&format!(
            "[[grant]]\nname = \"{department}\"\nwhen = 'identity.department == \"{department}\" && identity.type == \"employee\"'\n[grant.to]\n"
        ));
        for target in targets {
            text.push_str(&format!("{target} = {{ role = \"agent\", groups = [\"{department}\"] }}\n"));
        }
    }
    text.push_str("[approvers]\nsecurity = [\"mia@acme.example\"]\n[[approve]]\nwhen = 'step.irreversible || step.grants.exists(g, g.privileged)'\nfrom = [\"security\"]\n");
    text
}

fn company(people: usize, targets: &[&str]) -> Facts {
    let mut connections = BTreeMap::new();
    connections.insert(ConnectionName::new("hr"), connection("hr", Standing::Source(0), people));
    for target in targets {
        connections.insert(ConnectionName::new(target), connection(target, Standing::Target, people));
    }
    let mut accounts = Vec::with_capacity(people * (targets.len() + 1));
    accounts.extend((0..people).map(row));
    for (turn, target) in targets.iter().enumerate() {
        // Every app has its people in an order of its own.
        let order = (0..people).map(|at| (at * 7919 + turn * 31) % people.max(1));
        // One in a hundred is new and has no accounts yet.
        accounts.extend(order.filter(|at| at % 100 != 99).map(|at| held(at, target)));
    }
    Facts { now_ms: NOW_MS, connections, accounts, ..Facts::default() }
}

fn fields<const N: usize>(all: [(&str, Value); N]) -> tenure_core::account::Fields {
    all.into_iter().map(|(field, value)| (FieldName::new(field), value)).collect()
}

fn row(at: usize) -> Account {
    let mut account = Account::unknown(AccountKey::new(&ConnectionName::new("hr"), Kind::Person, format!("p{at:07}")));
    account.state = AccountState::Active;
    account.fields = fields([
        ("employee_id", json!(format!("p{at:07}"))),
        ("given_name", json!(format!("Given{at}"))),
        ("family_name", json!(format!("Family{at}"))),
        ("name", json!(format!("Given{at} Family{at}"))),
        ("work_email", json!(format!("person.{at}@acme.example"))),
        ("type", json!("employee")),
        ("department", json!(DEPARTMENTS[at % DEPARTMENTS.len()])),
        ("title", json!("Specialist")),
        ("location", json!("Berlin")),
        ("manager_id", if at < 10 { Value::Null } else { json!(format!("p{:07}", at / 10)) }),
        ("start_date", json!("2020-01-01")),
        // One in a hundred has left.
        ("end_date", if at % 100 == 42 { json!("2026-11-20") } else { Value::Null }),
        ("time_zone", json!("Europe/Berlin")),
        ("status", Value::Null),
    ]);
    account
}

fn held(at: usize, target: &str) -> Account {
    let mut account = Account::unknown(AccountKey::new(&ConnectionName::new(target), Kind::Agent, format!("{at:07}")));
    account.state = AccountState::Active;
    account.login = Some(format!("person.{at}@acme.example").into());
    // One in a hundred was renamed.
    let name = if at % 100 == 7 { format!("Old{at} Family{at}") } else { format!("Given{at} Family{at}") };
    account.name = Some(name.into());
    account.external_id = Some(format!("p{at:07}").into());
    let grant = |kind: &str, id: &str, name: &str| Grant {
        kind: EntitlementKind::new(kind),
        id: Some(id.into()),
        name: name.into(),
        scope: None,
        privileged: false,
        pending: false,
    };
    account.grants = vec![grant("group", "17", DEPARTMENTS[at % DEPARTMENTS.len()]), grant("role", "2", "agent")];
    account.grants_known = vec![EntitlementKind::new("group"), EntitlementKind::new("role")];
    account.fields = fields([
        ("given_name", json!(format!("Given{at}"))),
        ("family_name", json!(format!("Family{at}"))),
        ("title", json!("Specialist")),
        ("time_zone", json!("Europe/Berlin")),
    ]);
    account
}

fn connection(name: &str, standing: Standing, people: usize) -> ConnectionFacts {
    let (kind, ability) = match standing {
        Standing::Source(_) => (Kind::Person, KindAbility::default()),
        Standing::Target => (Kind::Agent, agent()),
    };
    let abilities = Abilities {
        connection: ConnectionName::new(name),
        app: name.into(),
        title: name.into(),
        standing,
        default_kind: kind,
        kinds: BTreeMap::from([(kind, ability)]),
        sessions: Sessions::Ended,
        sso: None,
        seats: None,
        protected_logins: Vec::new(),
        owner: None,
        references: 0,
        per_second: Some(10.0),
    };
    ConnectionFacts {
        abilities: Arc::new(abilities),
        complete_ms: Some(NOW_MS),
        coverage: Some(Coverage::Complete),
        because: None,
        accounts_active: people as u64,
        seats_taken: people as u64,
        records_before: Some(people as u64),
        records_now: Some(people as u64),
        removed: Default::default(),
        removed_by: Default::default(),
        circuit: None,
        drift: None,
        entitlements: Vec::new(),
    }
}

fn agent() -> KindAbility {
    let field = |name: &str, from: &str, required: bool| {
        let ability = FieldAbility {
            from: Some(from.into()),
            required,
            at_create: true,
            at_update: true,
            fold_case: name == "login",
            ..FieldAbility::default()
        };
        (FieldName::new(name), ability)
    };
    let entitlement = |kind: &str, cardinality: Cardinality| EntitlementAbility {
        kind: kind.into(),
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
    };
    let effects = [Effect::Create, Effect::Update, Effect::Grant, Effect::Revoke, Effect::Suspend, Effect::Resume];
    let effect = EffectAbility {
        irreversible: false,
        seat: Seat::Keeps,
        sends_mail: false,
        loses: None,
        unproven: false,
        optional: false,
        ignored_because: None,
        requests: 2,
        reads_before: true,
        own_requests: 0,
        together: None,
    };
    KindAbility {
        takes_seat: true,
        fields: BTreeMap::from([
            field("login", "work_email", true),
            field("name", "name", true),
            field("given_name", "given_name", false),
            field("family_name", "family_name", false),
            field("title", "title", false),
            field("time_zone", "time_zone", false),
            field("external_id", "employee_id", false),
        ]),
        entitlements: BTreeMap::from([
            (Name::new("role"), entitlement("role", Cardinality::One)),
            (Name::new("groups"), entitlement("group", Cardinality::Many)),
        ]),
        effects: effects.into_iter().map(|kind| (kind, effect.clone())).collect(),
        ..KindAbility::default()
    }
}

/// Returns the CPU time of this thread so far; the walk is one thread.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn memory_mb(line: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.split_whitespace().nth(1)?.parse::<f64>().ok());
    found.unwrap_or(0.0) / 1024.0
}
