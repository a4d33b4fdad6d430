//! Stories of clusters, lists, links, decisions, plans and findings.
//! Each gets an empty store; what a database answers goes through the public interface only.
//! None of them knows which database it is.

use crate::observation_stories::{agent, gorgias, pull};
use serde_json::json;
use tenure_core::account::{Account, AccountKey, Entitlement, Kind};
use tenure_core::change::{Cost, Plan, PlanBrief};
use tenure_core::facts::{Decided, Link};
use tenure_core::name::{ConnectionName, EntitlementKind, FindingId, IdentityId, StepId};
use tenure_store::test_support::TestStore;
use tenure_store::{AccountFilter, Alongside, Claim, Concerns, Extent, FindingScope, Managers, NewDecision, Seed};

fn hr() -> ConnectionName {
    ConnectionName::new("hr")
}

fn person(employee_id: &str, work_email: &str) -> Account {
    let mut account = Account::unknown(AccountKey::new(&hr(), Kind::Person, employee_id));
    account.fields.set("employee_id".into(), json!(employee_id));
    account.fields.set("work_email".into(), json!(work_email));
    account
}

fn link(account: &AccountKey, identity: &str, since_ms: i64) -> Link {
    Link { account: account.clone(), identity: identity.into(), evidence: "login = work_email".into(), since_ms }
}

fn ids(accounts: &[Account]) -> Vec<String> {
    let mut ids: Vec<String> = accounts.iter().map(|account| account.key.to_string()).collect();
    ids.sort();
    ids
}

fn seed(key: &str) -> Seed {
    Seed { keys: vec![key.into()], ..Seed::default() }
}

pub async fn a_cluster_is_all_that_hangs_together_and_nothing_else(TestStore { store, .. }: &TestStore) {
    let mut jane = person("7", "Jane@acme.com");
    jane.fields.set("other_emails".into(), json!("jd@old.com; j.doe@acme.com"));
    pull(store, &hr(), &[jane, person("8", "max@acme.com")], 1000).await;
    let mut by_number = agent("13", "somebody@else.com");
    by_number.external_id = Some("7".into());
    let stranger = agent("14", "max@acme.com");
    let pinned = agent("15", "renamed@acme.com");
    let others = (100..400).map(|id| agent(&id.to_string(), &format!("p{id}@acme.com")));
    let mut all = vec![agent("11", "JANE@ACME.COM"), agent("12", "jd@old.com"), by_number, stranger, pinned.clone()];
    all.extend(others);
    pull(store, &gorgias(), &all, 1000).await;
    let person_key = AccountKey::new(&hr(), Kind::Person, "7");
    store.pin_links(&[link(&person_key, "01JANE", 1), link(&pinned.key, "01JANE", 1)], 1).await.unwrap();
    let decided = NewDecision {
        at_ms: 1,
        by: "mia".into(),
        note: None,
        what: Decided::Leave { identity: "01JANE".into(), at_ms: None, start_date: None },
        concerns: Concerns::default(),
    };
    let other = NewDecision {
        what: Decided::Leave { identity: "01MAX".into(), at_ms: None, start_date: None },
        ..decided.clone()
    };
    store.decide(vec![decided, other], vec![], &[]).await.unwrap();

    let expected = ["gorgias/agent/11", "gorgias/agent/12", "gorgias/agent/13", "gorgias/agent/15", "hr/person/7"];
    let by_identity = Seed { identities: vec!["01JANE".into()], ..Seed::default() };
    let by_account = Seed { accounts: vec![AccountKey::new(&gorgias(), Kind::Agent, "12")], ..Seed::default() };
    for seed in [seed("jane@acme.com"), seed("7"), seed(" JD@old.com "), by_identity, by_account] {
        let loaded = store.load_cluster(&seed, Managers::Left).await.unwrap();
        assert_eq!(ids(&loaded.accounts), expected, "from {seed:?}");
        assert_eq!((loaded.links.len(), loaded.decisions.len()), (2, 1));
        assert_eq!(loaded.extent, Extent::Cluster);
    }
    let nobody = store.load_cluster(&seed("nobody@acme.com"), Managers::Left).await.unwrap();
    assert_eq!(nobody.accounts, []);
}

pub async fn managers_come_with_a_cluster_when_asked_for(TestStore { store, .. }: &TestStore) {
    let mut jane = person("7", "jane@acme.com");
    jane.fields.set("manager_id".into(), json!("8"));
    let mut max = person("8", "max@acme.com");
    max.fields.set("manager_id".into(), json!("B-9"));
    let mut boss = person("B-9", "ceo@acme.com");
    boss.fields.remove("employee_id"); // named by the id of the record alone
    pull(store, &hr(), &[jane, max, boss], 1000).await;
    pull(store, &gorgias(), &[agent("1", "jane@acme.com"), agent("2", "max@acme.com")], 1000).await;
    let alone = store.load_cluster(&seed("jane@acme.com"), Managers::Left).await.unwrap();
    assert_eq!(ids(&alone.accounts), ["gorgias/agent/1", "hr/person/7"]);
    let with = store.load_cluster(&seed("jane@acme.com"), Managers::Loaded).await.unwrap();
    let up = ["gorgias/agent/1", "gorgias/agent/2", "hr/person/7", "hr/person/8", "hr/person/B-9"];
    assert_eq!(ids(&with.accounts), up, "and whoever is above");
}

pub async fn a_cluster_without_end_is_cut_and_says_so(TestStore { store, .. }: &TestStore) {
    let shared = |id: u32| {
        let mut account = agent(&id.to_string(), &format!("{id}@acme.com"));
        account.external_id = Some("shared".into());
        account
    };
    pull(store, &gorgias(), &(0..900).map(shared).collect::<Vec<_>>(), 1000).await;
    let loaded = store.load_cluster(&seed("shared"), Managers::Left).await.unwrap();
    assert_eq!(loaded.extent, Extent::Cut);
    assert!(loaded.accounts.len() <= 1000);
}

pub async fn the_whole_is_loaded_with_history_and_the_vanished(TestStore { store, .. }: &TestStore) {
    let accounts: Vec<Account> = (0..700).map(|id| agent(&id.to_string(), &format!("{id}@acme.com"))).collect();
    pull(store, &gorgias(), &accounts, 1000).await;
    pull(store, &hr(), &[person("7", "jane@acme.com"), person("8", "max@acme.com")], 1000).await;
    pull(store, &hr(), &[person("7", "jane.doe@acme.com")], 2000).await;
    let links: Vec<Link> = accounts.iter().map(|account| link(&account.key, "01A", 1)).collect();
    assert_eq!(store.pin_links(&links, 1).await.unwrap(), 700);
    let loaded = store.load_all().await.unwrap();
    assert_eq!(loaded.accounts.len(), 701);
    assert_eq!(loaded.history, [person("7", "jane@acme.com")]);
    assert_eq!(loaded.vanished, [person("8", "max@acme.com")]);
    assert_eq!(loaded.links.len(), 700);
    assert_eq!(loaded.extent, Extent::Whole);
    let cluster = store.load_cluster(&seed("7"), Managers::Left).await.unwrap();
    assert_eq!(cluster.history, [person("7", "jane@acme.com")]);
    let vanished = store.load_cluster(&seed("max@acme.com"), Managers::Left).await.unwrap();
    assert_eq!(vanished.vanished, [person("8", "max@acme.com")]);
}

pub async fn pages_show_every_account_once(TestStore { store, .. }: &TestStore) {
    let accounts: Vec<Account> = (0..250).map(|id| agent(&id.to_string(), &format!("{id}@x"))).collect();
    pull(store, &gorgias(), &accounts, 1000).await;
    pull(store, &hr(), &[person("7", "jane@acme.com")], 1000).await;
    for as_of_ms in [None, Some(1500)] {
        let filter = AccountFilter { as_of_ms, ..AccountFilter::of(gorgias()) };
        let (mut after, mut seen, mut pages) = (None, Vec::new(), 0);
        loop {
            let page = store.accounts(&filter, after, 100).await.unwrap();
            seen.extend(page.accounts.into_iter().map(|observed| observed.account));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((pages, seen.len()), (3, 250));
        assert_eq!(ids(&seen), ids(&accounts));
    }
    let everywhere = store.accounts(&AccountFilter::default(), None, 1000).await.unwrap();
    assert_eq!(everywhere.accounts.len(), 251);
    let elsewhere = |id: &str| Account::unknown(AccountKey::new(&"gladly".into(), Kind::Agent, id));
    pull(store, &"gladly".into(), &[elsewhere("x"), elsewhere("y")], 1000).await;
    let among = AccountFilter { among: Some(vec!["gladly".into(), gorgias(), "unknown".into()]), as_of_ms: None };
    let first = store.accounts(&among, None, 251).await.unwrap();
    assert_eq!(first.accounts.len(), 251, "a page goes on in the next connection");
    let rest = store.accounts(&among, first.next, 251).await.unwrap();
    assert_eq!((rest.accounts.len(), rest.next), (1, None));
    let seen: Vec<Account> = first.accounts.into_iter().chain(rest.accounts).map(|observed| observed.account).collect();
    assert!(seen.iter().all(|account| account.key.connection != hr()), "the source lies between and is left out");
    let filter = AccountFilter::of("unknown".into());
    assert_eq!(store.accounts(&filter, None, 10).await.unwrap().accounts, []);
}

pub async fn an_account_is_found_by_any_of_its_keys(TestStore { store, .. }: &TestStore) {
    let mut jane = agent("Id-42", "Jane@acme.com");
    jane.external_id = Some("EXT-1".into());
    jane.fields.set("employee_id".into(), json!("1042"));
    jane.fields.set("emails".into(), json!(["j@acme.com"]));
    store.record_accounts(&gorgias(), &[jane, agent("2", "b@x")], 1000).await.unwrap();
    for text in ["jane@ACME.com", "ext-1", "1042", "J@acme.com", "Id-42"] {
        let found = store.find_accounts(text).await.unwrap();
        assert_eq!(found.len(), 1, "by {text}");
        assert_eq!(found[0].account.key.id.as_str(), "Id-42");
    }
    assert_eq!(store.find_accounts("id-42").await.unwrap(), [], "native ids are opaque, their case counts");
    let mut renamed = agent("Id-42", "jane.doe@acme.com");
    renamed.fields.set("emails".into(), json!(["jd@acme.com"]));
    store.record_accounts(&gorgias(), &[renamed], 2000).await.unwrap();
    assert_eq!(store.find_accounts("j@acme.com").await.unwrap(), []);
    assert_eq!(store.find_accounts("jd@acme.com").await.unwrap().len(), 1);
}

pub async fn a_link_outlives_a_new_login(TestStore { store, .. }: &TestStore) {
    pull(store, &gorgias(), &[agent("1", "old@acme.com")], 1000).await;
    let key = AccountKey::new(&gorgias(), Kind::Agent, "1");
    let jane = IdentityId::from("01JANE");
    assert_eq!(store.pin_links(&[link(&key, "01JANE", 1000)], 1000).await.unwrap(), 1);
    pull(store, &gorgias(), &[agent("1", "new@acme.com")], 2000).await;
    let again = Link { evidence: "external id".into(), since_ms: 2000, ..link(&key, "01JANE", 2000) };
    assert_eq!(store.pin_links(&[again], 2000).await.unwrap(), 0);
    assert_eq!(store.links_of(&jane).await.unwrap(), [link(&key, "01JANE", 1000)]);
    assert_eq!(store.pin_links(&[link(&key, "01MAX", 3000)], 3000).await.unwrap(), 1);
    assert_eq!(store.link_of(&key).await.unwrap().unwrap().identity.as_str(), "01MAX");
    assert_eq!(store.links_of(&jane).await.unwrap(), []);
    assert_eq!(store.unpin(&key, 4000).await.unwrap().unwrap().since_ms, 3000);
    assert_eq!(store.unpin(&key, 5000).await.unwrap(), None);
    let past = store.past_links(&key).await.unwrap();
    let told: Vec<_> = past.iter().map(|past| (past.link.identity.as_str(), past.until_ms)).collect();
    assert_eq!(told, [("01JANE", 3000), ("01MAX", 4000)]);
}

pub async fn decisions_are_numbered_in_the_order_in_which_they_were_made(TestStore { store, .. }: &TestStore) {
    let step = StepId::from("s1");
    let approve = |by: &str, concerns: Concerns| NewDecision {
        at_ms: 5,
        by: by.into(),
        note: Some("fine".into()),
        what: Decided::Approve { step: step.clone() },
        concerns,
    };
    let jane = Concerns { identity: Some("01JANE".into()), account: None };
    let made =
        store.decide(vec![approve("mia", jane), approve("kim", Concerns::default())], vec![], &[]).await.unwrap();
    assert_eq!(made.iter().map(|decision| decision.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(store.decisions(0, 10).await.unwrap(), made);
    assert_eq!(store.decisions(1, 10).await.unwrap(), made[1..]);
    assert_eq!(store.load_all().await.unwrap().decisions, made);
    let of_jane = Seed { identities: vec!["01JANE".into()], ..Seed::default() };
    assert_eq!(store.load_cluster(&of_jane, Managers::Left).await.unwrap().decisions, made);
    let of_max = Seed { identities: vec!["01MAX".into()], ..Seed::default() };
    assert_eq!(store.load_cluster(&of_max, Managers::Left).await.unwrap().decisions, made[1..]);
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (store, decision) = (store.clone(), approve("lee", Concerns::default()));
        tasks.push(tokio::spawn(async move { store.decide(vec![decision], vec![], &[]).await.unwrap() }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let seqs: Vec<i64> = store.decisions(0, 100).await.unwrap().iter().map(|decision| decision.seq).collect();
    assert_eq!(seqs, (1..=10).collect::<Vec<i64>>());
}

pub async fn reference_lists_are_replaced_by_kind(TestStore { store, .. }: &TestStore) {
    let (role, group) = (EntitlementKind::new("role"), EntitlementKind::new("group"));
    let one = |kind: &EntitlementKind, id: &str, name: &str| Entitlement {
        kind: kind.clone(),
        id: id.into(),
        name: name.into(),
        privileged: name == "admin",
    };
    let roles = [one(&role, "1", "admin"), one(&role, "2", "agent"), one(&role, "2", "agent")];
    store.set_entitlements(&gorgias(), &role, &roles).await.unwrap();
    store.set_entitlements(&gorgias(), &group, &[one(&group, "1", "Tier 1")]).await.unwrap();
    store.set_entitlements(&gorgias(), &role, &[one(&role, "3", "admin")]).await.unwrap();
    let mut overviews = store.overviews().await.unwrap();
    let all = overviews.remove(&gorgias()).unwrap().entitlements;
    assert_eq!(all, [one(&group, "1", "Tier 1"), one(&role, "3", "admin")]);
    assert!(!overviews.contains_key(&hr()));
}

pub async fn a_finding_keeps_its_first_moment_until_it_is_over(TestStore { store, .. }: &TestStore) {
    let (a, b) = (FindingId::from("a"), FindingId::from("b"));
    let since = async |ids: &[&FindingId], scope, now_ms| {
        let ids: Vec<FindingId> = ids.iter().map(|id| (*id).clone()).collect();
        let since = store.findings_since(&ids, scope, now_ms).await.unwrap();
        since.into_iter().map(|(id, since_ms)| format!("{id}{since_ms}")).collect::<Vec<_>>()
    };
    assert_eq!(since(&[&a], FindingScope::All, 1).await, ["a1"]);
    assert_eq!(since(&[&a, &b], FindingScope::All, 2).await, ["a1", "b2"]);
    assert_eq!(since(&[&b], FindingScope::Some, 3).await, ["b2"]);
    assert_eq!(since(&[&b], FindingScope::All, 4).await, ["b2"]);
    assert_eq!(since(&[&a, &b], FindingScope::All, 5).await, ["a5", "b2"]);
}

pub async fn a_plan_saved_twice_is_one_plan(TestStore { store, .. }: &TestStore) {
    let plan = |id: &str| Plan {
        id: id.into(),
        digest: id.into(),
        made_at: "2026-11-24T00:00:00Z".into(),
        requested_by: None,
        steps: Vec::new(),
        held: Vec::new(),
        findings: Vec::new(),
        cost: Cost::default(),
        way_back: None,
    };
    store.save_plan(&plan("one"), 1, vec![], &[]).await.unwrap();
    store.save_plan(&plan("two"), 2, vec![], &[]).await.unwrap();
    let changed = Plan { requested_by: Some("mia".into()), ..plan("one") };
    store.save_plan(&changed, 3, vec![], &[]).await.unwrap();
    assert_eq!(store.latest_plan().await.unwrap(), Some(changed.clone()));
    assert_eq!(store.plan(&"one".into()).await.unwrap(), Some(changed));
    assert_eq!(store.plan(&"three".into()).await.unwrap(), None);
    let ids = store.plan_ids(10).await.unwrap();
    assert_eq!(ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let briefs = store.plan_briefs(10).await.unwrap();
    let told = |brief: &PlanBrief| (brief.id.to_string(), brief.requested_by.clone(), brief.steps);
    assert_eq!(
        briefs.iter().map(told).collect::<Vec<_>>(),
        [("one".into(), Some("mia".into()), 0), ("two".into(), None, 0)]
    );
    for number in 0..60 {
        store.save_plan(&plan(&format!("p{number}")), 4, vec![], &[]).await.unwrap();
    }
    assert_eq!(store.plan_ids(100).await.unwrap().len(), 50);
    assert_eq!(store.plan_briefs(100).await.unwrap().len(), 50);
}

pub async fn requests_of_a_day_add_up_whoever_sent_them(TestStore { store, .. }: &TestStore) {
    const DAY_MS: i64 = 86_400_000;
    let topic = tenure_store::requests_topic("gorgias");
    let Claim::Held(lease) = store.claim_lease("hand", "one", 1, 1000).await.unwrap() else { panic!("taken") };
    let sent = async |count: i64, now_ms: i64| {
        let alongside = Alongside { sent: [(gorgias(), count)].into_iter().collect(), ..Alongside::default() };
        store.settle_steps(&lease, &"r-1".into(), Vec::new(), &alongside, now_ms).await.unwrap();
    };
    sent(3, 5).await;
    sent(0, 6).await;
    sent(4, DAY_MS - 1).await;
    pull(store, &gorgias(), &[agent("1", "a@x")], DAY_MS).await;
    let all = store.trend(&topic, 0).await.unwrap();
    let writes: Vec<_> = all.iter().filter(|figure| figure.word == "writes").map(|one| (one.day, one.amount)).collect();
    assert_eq!(writes, [(0, 7)]);
    let read = store.pulls(&gorgias(), 1).await.unwrap()[0].end.as_ref().unwrap().requests as i64;
    let reads: i64 = all.iter().filter(|figure| figure.word == "reads").map(|figure| figure.amount).sum();
    assert_eq!(reads, read, "what a pull sent is counted with its end");
    sent(1, 400 * DAY_MS).await;
    assert_eq!(store.trend(&topic, 0).await.unwrap().len(), 1, "after a year it is let go");
}

pub async fn a_day_keeps_its_last_word_on_how_many_there_were(TestStore { store, .. }: &TestStore) {
    const DAY_MS: i64 = 86_400_000;
    let amounts = |pairs: &[(&str, i64)]| pairs.iter().map(|(word, amount)| ((*word).to_owned(), *amount)).collect();
    let trend = async |topic: &str, since_ms| {
        let all = store.trend(topic, since_ms).await.unwrap();
        all.into_iter().map(|figure| format!("{} {} {}", figure.day, figure.word, figure.amount)).collect::<Vec<_>>()
    };
    store.count_today("findings", &amounts(&[("high", 3), ("low", 1)]), 5).await.unwrap();
    store.count_today("findings", &amounts(&[("high", 2)]), 9).await.unwrap();
    store.count_today("findings", &amounts(&[("high", 1)]), DAY_MS + 1).await.unwrap();
    assert_eq!(trend("findings", 0).await, ["0 high 2", "1 high 1"], "a word that is there no more is gone");
    assert_eq!(trend("findings", DAY_MS).await, ["1 high 1"]);
    pull(store, &gorgias(), &[agent("1", "a@x"), agent("2", "b@x")], DAY_MS).await;
    assert_eq!(trend(&tenure_store::accounts_topic("gorgias"), 0).await, ["1 active 2"]);
}
