//! A company judged in parts comes to what it comes to in one piece: the same plan to the byte, findings and links.
//! The parts are made here by comparing every text with every other; how the store finds them is tested there.

use super::*;
use crate::account::Account;
use crate::correlate::found_identity_id;
use crate::facts::{ConnectionFacts, Decided, Decision};
use crate::policy::Policy;
use crate::reconcile::tests::{marks, rules, some_company};
use crate::text::folded;
use crate::wake::{next_moment, next_of_plan};
use crate::world::*;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

/// Everything that tells of one thing, and by which texts it hangs together with others.
struct Node {
    texts: Vec<String>,
    managers: Vec<String>,
    names_people: bool,
}

fn texts_of(fields: &crate::account::Fields, names: &[&str]) -> Vec<String> {
    let values = names.iter().filter_map(|name| fields.get(name)).filter_map(crate::correlate::text_of);
    values.flat_map(|text| text.split([';', ',']).map(|part| folded(part).into_owned()).collect::<Vec<_>>()).collect()
}

const KEYS: [&str; 4] = ["work_email", "email", "other_emails", "employee_id"];

fn node_of_account(account: &Account) -> Node {
    let mut texts = texts_of(&account.fields, &KEYS);
    let own = [account.login.as_deref(), account.external_id.as_deref()].into_iter().flatten();
    texts.extend(own.flat_map(|text| text.split([';', ','])).map(|text| folded(text).into_owned()));
    texts.push(format!("account {}", account.key));
    let names_people = account.key.connection == name("hr");
    if names_people {
        texts.push(folded(account.key.id.as_str()).into_owned());
        texts.push(format!("identity {}", found_identity_id(&account.key.connection, &account.key.id)));
    }
    Node { texts, managers: texts_of(&account.fields, &["manager_id"]), names_people }
}

fn node_of_decision(decision: &Decision) -> Node {
    let (texts, managers) = match &decision.what {
        Decided::Link { account, identity } => {
            (vec![format!("account {account}"), format!("identity {identity}")], vec![])
        }
        Decided::Join { identity, attributes, .. } | Decided::Move { identity, attributes, .. } => {
            let mut texts = texts_of(attributes, &KEYS);
            texts.push(format!("identity {identity}"));
            (texts, texts_of(attributes, &["manager_id"]))
        }
        Decided::Leave { identity, .. } => (vec![format!("identity {identity}")], vec![]),
        _ => (vec![], vec![]),
    };
    Node { texts, managers, names_people: true }
}

/// Which nodes hang together: the accounts, what is gone, earlier versions, links and decisions, in this order.
struct Cut {
    cluster: Vec<u32>,
    nodes: Vec<Node>,
}

impl Cut {
    fn new(facts: &Facts) -> Self {
        let accounts = facts.accounts.iter().chain(&facts.vanished).chain(&facts.history).map(node_of_account);
        let links = facts.links.iter().map(|link| Node {
            texts: vec![format!("account {}", link.account), format!("identity {}", link.identity)],
            managers: vec![],
            names_people: false,
        });
        let nodes: Vec<Node> = accounts.chain(links).chain(facts.decisions.iter().map(node_of_decision)).collect();
        let mut cluster: Vec<u32> = (0..).take(nodes.len()).collect();
        for one in 0..nodes.len() {
            for other in 0..one {
                if nodes[one].texts.iter().any(|text| !text.is_empty() && nodes[other].texts.contains(text)) {
                    let (from, to) = (cluster[one], cluster[other]);
                    cluster.iter_mut().filter(|cluster| **cluster == from).for_each(|cluster| *cluster = to);
                }
            }
        }
        Self { cluster, nodes }
    }

    fn with_managers(&self, own: &BTreeSet<u32>) -> BTreeSet<u32> {
        let nodes = || self.nodes.iter().zip(&self.cluster);
        let mut all = own.clone();
        loop {
            let here = nodes().filter(|(_, cluster)| all.contains(cluster));
            let named: BTreeSet<&String> = here.flat_map(|(node, _)| &node.managers).collect();
            let is_manager = |node: &Node| node.names_people && node.texts.iter().any(|text| named.contains(text));
            let managers: BTreeSet<u32> =
                nodes().filter(|(node, _)| is_manager(node)).map(|(_, cluster)| *cluster).collect();
            if managers.is_subset(&all) {
                return all;
            }
            all.extend(managers);
        }
    }

    fn part(&self, whole: &Facts, own: &BTreeSet<u32>) -> Part {
        let all = self.with_managers(own);
        let mut clusters = self.cluster.iter().copied();
        let (accounts, of_accounts) = kept(&whole.accounts, &mut clusters, &all);
        let (vanished, of_vanished) = kept(&whole.vanished, &mut clusters, &all);
        let (history, _) = kept(&whole.history, &mut clusters, &all);
        let (links, _) = kept(&whole.links, &mut clusters, &all);
        let (decisions, of_decisions) = kept(&whole.decisions, &mut clusters, &all);
        let spoken_of = decisions.iter().zip(of_decisions).filter_map(|(decision, cluster)| match &decision.what {
            Decided::Join { identity, .. } => Some((identity.clone(), cluster)),
            _ => None,
        });
        Part {
            accounts: of_accounts,
            vanished: of_vanished,
            people: spoken_of.collect(),
            guests: all.difference(own).map(|cluster| Cluster(*cluster)).collect(),
            facts: Facts {
                connections: whole.connections.clone(),
                now_ms: whole.now_ms,
                accounts,
                vanished,
                history,
                links,
                decisions,
                ..Facts::default()
            },
        }
    }
}

/// Takes what belongs to these clusters.
fn kept<T: Clone>(all: &[T], clusters: &mut impl Iterator<Item = u32>, of: &BTreeSet<u32>) -> (Vec<T>, Vec<Cluster>) {
    let both = all.iter().zip(clusters.take(all.len()));
    both.filter(|(_, cluster)| of.contains(cluster)).map(|(one, cluster)| (one.clone(), Cluster(cluster))).unzip()
}

fn sorted(mut links: Vec<Link>) -> Vec<Link> {
    links.sort_by(|one, other| one.account.cmp(&other.account));
    links
}

/// Judges a company in so many parts and in one piece, and compares what comes of it.
fn compare(facts: &Facts, rules: &Policy, parts: usize) -> Result<(), TestCaseError> {
    let asked = Asked { made_at: "now".into(), ..Asked::default() };
    let cut = Cut::new(facts);
    let clusters: BTreeSet<u32> = cut.cluster.iter().copied().collect();
    let mut totals = Totals::default();
    let (mut links, mut people) = (Vec::new(), Vec::new());
    for turn in 0..parts {
        let own = clusters.iter().copied().enumerate().filter(|(at, _)| at % parts == turn).map(|(_, one)| one);
        let part = cut.part(facts, &own.collect());
        let judged = totals.judge(&part, rules, &asked);
        people.extend(judged.own().cloned());
        links.extend(judged.links);
    }
    let wanted = totals.wanted().iter().map(|cluster| cluster.0).collect();
    let mut kept = cut.part(facts, &wanted).facts;
    kept.beyond = totals.beyond(&kept);
    let next_ms = totals.next_ms();
    let found = totals.finish(&kept, rules, &asked);
    let whole = crate::reconcile(facts, rules, &asked);
    prop_assert_eq!(&found.findings, &whole.findings);
    prop_assert_eq!(json!(found.plan), json!(whole.plan));
    prop_assert_eq!(sorted(links), sorted(whole.graph.new_links().collect()));
    people.sort();
    prop_assert_eq!(people, whole.graph.identities().iter().map(|one| one.id.clone()).collect::<Vec<_>>());
    let next = [next_ms, next_of_plan(&found.plan, facts.now_ms)].into_iter().flatten().min();
    prop_assert_eq!(next, next_moment(&whole.graph, facts, rules, &whole.plan));
    Ok(())
}

/// Rules that contradict each other, and one that cannot be judged; orphans go, and managers are named in the help desk.
const MORE: &str = r#"
[[grant]]
name = "bosses"
when = 'identity.title == "Lead" || identity.manager == null'
[grant.to]
desk = { role = "admin" }
[[grant]]
name = "senseless"
when = 'identity.department > 3'
[grant.to]
desk = { teams = ["Leads"] }
[[manage]]
connections = ["desk"]
extra_grants = "revoke"
orphans = "suspend"
[guards]
removals_max = 3
"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_company_in_parts_is_judged_as_in_one_piece(
        facts in some_company(),
        marks in marks(),
        parts in 1_usize..6,
        gone in 0_usize..3,
        is_pinned in any::<bool>(),
        contradicts in any::<bool>(),
    ) {
        let mut facts = facts;
        if is_pinned {
            pin(&mut facts, &rules());
        }
        for (at, field, text) in marks {
            let mut rows = facts.accounts.iter_mut().filter(|account| account.key.connection == name("hr"));
            let Some(row) = rows.nth(at) else { continue };
            match field {
                "login" => row.login = Some(text.into()),
                field => set(row, field, json!(text)),
            }
        }
        let records = facts.accounts.iter().position(|account| account.key.connection == name("hr"));
        for _ in 0..gone {
            if let Some(at) = records.filter(|at| *at < facts.accounts.len()) {
                let mut record = facts.accounts.remove(at);
                facts.history.push(record.clone());
                record.fields.set("title".into(), json!("Lead"));
                if record.key.connection == name("hr") { facts.vanished.push(record) }
            }
        }
        name_managers(&mut facts);
        let rules = if contradicts { policy(MORE) } else { rules() };
        compare(&facts, &rules, parts)?;
    }
}

/// Lets the help desk keep whom somebody reports to.
fn name_managers(facts: &mut Facts) {
    let desk: &mut ConnectionFacts = facts.connections.get_mut(&name("desk")).unwrap();
    let abilities = Arc::make_mut(&mut desk.abilities);
    let kind = abilities.kinds.get_mut(&crate::account::Kind::Agent).unwrap();
    let mut field = kind.fields["title"].clone();
    field.from = Some("manager_id".into());
    field.refers_to_account = true;
    kind.fields.insert("manager".into(), field);
}
