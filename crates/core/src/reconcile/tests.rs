//! What the whole walk says, as facts and as properties over many small companies: equal facts give equal plans, and a
//! plan that was carried out leaves nothing to do. Nothing here touches a disk, a clock or a network.
//! It does not test what one verb says by itself.

use crate::account::{Account, AccountState};
use crate::change::Step;
use crate::facts::{Decided, Facts};
use crate::policy::Policy;
use crate::world::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

const MORE: &str = r#"
[[grant]]
name = "leads"
when = 'identity.title == "Lead"'
[grant.to]
desk = { teams = ["Leads"] }
[[manage]]
connections = ["desk"]
extra_grants = "revoke"
orphans = "suspend"
[guards]
removals_max = 1000
removals_max_share = 1.0
"#;

/// One person and what they hold, in every condition that a company may leave them in.
fn somebody(at: usize) -> impl Strategy<Value = Vec<Account>> {
    let row = (
        prop::option::weighted(0.9, prop::sample::select(vec!["Support", "IT", "Sales"])),
        prop::sample::select(vec!["Agent", "Lead", ""]),
        prop::option::weighted(0.2, prop::sample::select(vec!["2026-11-20", "2026-12-24", "nonsense"])),
        prop::option::weighted(0.2, prop::sample::select(vec!["2026-11-26", "2027-03-01", "2026-11-22"])),
        prop::sample::select(vec!["", "active", "leave", "terminated", "odd"]),
        prop::option::of(0_usize..8),
    );
    let desk = prop::option::weighted(
        0.7,
        (
            prop::sample::select(AccountState::ALL.to_vec()),
            prop::sample::select(vec!["agent", "admin", "observer"]),
            prop::collection::btree_set(prop::sample::select(vec!["Tier 1", "Leads", "Old"]), 0..3),
            prop::option::of(prop::sample::select(vec!["Agent", "Boss"])),
            any::<bool>(),
        ),
    );
    let service =
        prop::option::weighted(0.6, prop::sample::select(vec![AccountState::Active, AccountState::Suspended]));
    (row, desk, service, any::<bool>()).prop_map(move |(row, desk, service, has_row)| {
        let (id, first) = (format!("{at}"), format!("P{at}"));
        let mut all = Vec::new();
        if has_row || at == 0 {
            let (department, title, end, start, status, manager) = row;
            let mut person = support(&id, &first);
            set(&mut person, "department", json!(department));
            set(&mut person, "title", json!(title));
            set(&mut person, "end_date", json!(end));
            set(&mut person, "start_date", json!(start));
            set(&mut person, "status", json!(status));
            set(&mut person, "manager_id", json!(manager.map(|at| at.to_string())));
            all.push(person);
        }
        if let Some((state, role, teams, title, known)) = desk {
            let mut account = agent(&id, &first);
            account.state = state;
            account.grants =
                std::iter::once(grant("role", role)).chain(teams.into_iter().map(|team| grant("team", team))).collect();
            set(&mut account, "title", json!(title));
            if !known {
                account.grants.clear();
                account.grants_known.clear();
            }
            all.push(account);
        }
        if let Some(state) = service {
            let mut account = requester(&id, &first);
            account.state = state;
            all.push(account);
        }
        all
    })
}

pub(crate) fn some_company() -> impl Strategy<Value = Facts> {
    let people: Vec<_> = (0..7).map(somebody).collect();
    (people, prop::collection::vec((0_usize..7, 0_usize..4), 0..3)).prop_map(|(people, decided)| {
        let mut facts = empty();
        facts.accounts = people.into_iter().flatten().collect();
        for (who, what) in decided {
            let identity = id_of(&who.to_string());
            decide(
                &mut facts,
                match what {
                    0 => Decided::Leave { identity, at_ms: None, start_date: None },
                    1 => Decided::Join {
                        identity,
                        attributes: support(&who.to_string(), &format!("J{who}")).fields,
                        start_ms: None,
                    },
                    2 => Decided::Move {
                        identity,
                        attributes: [("title".into(), json!("Lead"))].into_iter().collect(),
                        from_ms: None,
                    },
                    _ => Decided::Link { account: agent(&who.to_string(), "x").key, identity: id_of("0") },
                },
            );
        }
        facts
    })
}

/// Keys that several people may come to have, by place of their row.
pub(crate) fn marks() -> impl Strategy<Value = Vec<(usize, &'static str, &'static str)>> {
    let fields = vec!["work_email", "other_emails", "manager_id", "manager_id", "employee_id", "login"];
    let keys =
        vec!["p0@acme.example", "P1@acme.example", "x@acme.example; p2@acme.example", "x@acme.example", "0", " 3"];
    prop::collection::vec((0_usize..6, prop::sample::select(fields), prop::sample::select(keys)), 0..10)
}

pub(crate) fn rules() -> Policy {
    policy(MORE)
}

/// Makes the world as the plan says, then pins what that made known.
fn carried_out(facts: &Facts, rules: &Policy) -> Facts {
    let mut after = facts.clone();
    let reconciled = walk(facts, rules);
    let steps: Vec<Step> = reconciled.plan.steps.clone();
    let made: BTreeMap<String, String> = steps
        .iter()
        .filter(|step| step.effect == crate::abilities::Effect::Create)
        .filter_map(|step| Some((step.identity.as_ref()?.to_string(), format!("new-{}", step.id))))
        .collect();
    carry_out(&mut after, &steps, &made);
    after
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_facts_in_any_order_give_equal_plans(facts in some_company(), seed in any::<u64>()) {
        let rules = rules();
        let mut shuffled = facts.clone();
        // A shuffle that needs no generator: sort by a hash of place and seed.
        let mut places: Vec<(u64, usize)> = (0..shuffled.accounts.len())
            .map(|at| ((at as u64 + 1).wrapping_mul(seed | 1).rotate_left(17), at))
            .collect();
        places.sort_unstable();
        shuffled.accounts = places.iter().map(|(_, at)| facts.accounts[*at].clone()).collect();
        let (one, other) = (walk(&facts, &rules), walk(&shuffled, &rules));
        prop_assert_eq!(serde_json::to_string(&one.plan).unwrap(), serde_json::to_string(&other.plan).unwrap());
        prop_assert_eq!(one.findings, other.findings);
    }

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(facts in some_company()) {
        let rules = rules();
        let mut now = carried_out(&facts, &rules);
        // A person who is converted or resumed may be completed by one more plan, but then it ends.
        now = carried_out(&now, &rules);
        let left = shown(&walk(&now, &rules));
        let doable: Vec<&String> = left.iter().filter(|step| !step.starts_with('[')).collect();
        prop_assert!(doable.is_empty(), "{:?}", doable);
    }

    #[test]
    fn every_step_comes_after_what_it_needs(facts in some_company()) {
        let rules = rules();
        let plan = walk(&facts, &rules).plan;
        let mut done = std::collections::BTreeSet::new();
        for step in &plan.steps {
            prop_assert!(step.needs.iter().all(|need| done.contains(need)), "{}", step.id);
            done.insert(step.id.clone());
        }
        prop_assert_eq!(done.len(), plan.steps.len());
    }

    #[test]
    fn a_pinned_company_plans_the_same(facts in some_company()) {
        let rules = rules();
        let mut pinned = facts.clone();
        pin(&mut pinned, &rules);
        let (before, after) = (walk(&facts, &rules), walk(&pinned, &rules));
        prop_assert_eq!(shown(&before), shown(&after));
        prop_assert_eq!(before.findings, after.findings);
    }

    #[test]
    fn what_is_found_by_keys_is_what_looking_at_everybody_finds(facts in some_company(), marks in marks()) {
        let mut facts = facts;
        for (at, field, text) in marks {
            let mut rows = facts.accounts.iter_mut().filter(|account| account.key.connection == name("hr"));
            let Some(row) = rows.nth(at) else { continue };
            match field {
                "login" => row.login = Some(text.into()),
                field => set(row, field, json!(text)),
            }
        }
        let rules = rules();
        let graph = walk(&facts, &rules).graph;
        let now = |at| graph.identity_at(at).emails.iter().take(usize::from(graph.stay(at).emails_now));
        for address in graph.places().flat_map(now) {
            let of = graph.places().filter(|at| now(*at).any(|email| email == address)).count();
            prop_assert_eq!(graph.is_shared(address), of > 1, "{}", address);
        }
        for identity in graph.identities().iter().filter(|identity| identity.manager.is_some()) {
            let wanted = identity.attributes.text("manager_id").unwrap().trim();
            let named = |wanted: &str| {
                let is_named = |other: &&crate::identity::Identity| {
                    other.attributes.text("employee_id").is_some_and(|id| id.trim() == wanted)
                        || other.records.first().is_some_and(|record| record.id.as_str() == wanted)
                        || other.emails.first().is_some_and(|email| **email == *wanted)
                };
                let all: Vec<_> = graph.identities().iter().filter(is_named).map(|other| other.id.clone()).collect();
                <[_; 1]>::try_from(all).ok().map(|[one]| one)
            };
            let manager = named(wanted).or_else(|| named(&wanted.to_lowercase()));
            prop_assert_eq!(&identity.manager, &manager, "{}", wanted);
        }
    }

    #[test]
    fn any_attribute_gives_a_value(text in "\\PC{0,40}", field in prop::sample::select(vec!["start_date", "end_date", "time_zone", "status", "work_email", "manager_id", "department", "other_emails"])) {
        let mut facts = company();
        set(account_of(&mut facts, "hr/person/1"), field, json!(text));
        let rules = rules();
        let _ = walk(&facts, &rules);
    }
}

#[test]
fn nothing_gives_nothing() {
    let facts = Facts::default();
    let rules = Policy::default();
    let reconciled = walk(&facts, &rules);
    assert!(reconciled.plan.steps.is_empty() && reconciled.findings.is_empty());
}

#[test]
fn why_tells_an_account_from_its_record_to_its_rule() {
    let facts = company();
    let rules = policy("");
    let reconciled = walk(&facts, &rules);
    let key = &facts.accounts[1].key;
    let told = crate::why::account(key, &reconciled.graph);
    assert_eq!(
        told,
        [
            "desk/agent/1 is active.".to_owned(),
            format!("It belongs to Ann Doe ({}): login = work_email.", id_of("1")),
            "Ann Doe is known from hr/person/1.".to_owned(),
            "Ann Doe is \"active\": the source lists them.".to_owned(),
        ]
    );
    let at = reconciled.graph.find(&id_of("1")).unwrap();
    let wished = crate::why::wished(&reconciled.graph, &reconciled.wishes, at, &name("desk"));
    assert_eq!(wished[0], "In desk, rule \"support agents\" wants them to be an agent.");
}

#[test]
fn why_tells_a_step_its_reason_and_its_approval() {
    let mut facts = company();
    set(account_of(&mut facts, "hr/person/1"), "end_date", json!("2026-11-20"));
    let rules = policy("[[approve]]\nwhen = 'true'\nfrom = [\"security\"]");
    let reconciled = walk(&facts, &rules);
    let told = crate::why::step(&reconciled.plan.steps[0], &reconciled.graph);
    assert!(told[0].contains("would suspend desk/agent/1 of Ann Doe"), "{told:?}");
    assert!(told.contains(&"Because Ann Doe left: 2026-11-20 was the last day.".to_owned()), "{told:?}");
    assert!(told.contains(&"It waits for 1 of security.".to_owned()), "{told:?}");
    let finding = &reconciled.findings[0];
    assert!(crate::why::settled_by(finding, &reconciled.plan)[0].contains("would suspend"));
}
