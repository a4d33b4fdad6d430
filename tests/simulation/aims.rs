//! What must be true whatever happens, asked of the apps and of the store by their own words, and not of what the engine
//! says of itself: nothing twice, nobody put out who never left, no step without its yes, no other admin's change undone,
//! a journal that folds, and an end as HR has it.

use crate::process::APPROVER;
use crate::town::{Town, out_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::change::{ApprovalState, Step};
use tenure_core::journal::Entry;
use tenure_engine::audit;
use tenure_engine::house::House;
use tenure_sandbox::{Dialect, Vendor};

/// Plans that are looked through for their steps.
const PLANS_MAX: usize = 10_000;

/// What another admin wrote where the engine has no business: vendor, address and field, and the value.
pub type Notes = BTreeMap<(Vendor, String, &'static str), Value>;

/// Checks what must hold at every moment.
pub fn always(town: &Town, notes: &Notes) -> Result<(), String> {
    let world = town.world();
    for vendor in Vendor::ALL {
        let twice = world.duplicates(vendor);
        if !twice.is_empty() {
            return Err(format!("{vendor} has accounts twice: {twice:?}"));
        }
        for record in world.list(vendor) {
            let out = record["sandbox"]["state"] == "suspended";
            let email = record["sandbox"]["email"].as_str().unwrap_or_default();
            if out && town.hr.stays(email) && !town.out_before.contains(&(vendor, email.to_owned())) {
                return Err(format!("{email} was put out of {vendor} and never left or moved"));
            }
        }
    }
    if let [first, ..] = town.road.blind().as_slice() {
        return Err(format!("sent again, though it may have been done and nobody had looked: {first}"));
    }
    for ((vendor, email, field), value) in notes {
        let Some(record) = world.find(*vendor, email) else { continue };
        let found = record.get(*field).or_else(|| record.pointer(&format!("/contact/{field}")));
        if found != Some(value) {
            return Err(format!("{vendor}: {field} of {email} was {value}, another admin's, and is {found:?}"));
        }
    }
    Ok(())
}

/// Checks that no app lost more accounts since the last time than a day's guard lets through.
pub fn guards(town: &mut Town) -> Result<(), String> {
    let out = out_of(&town.world());
    for vendor in &town.size.vendors {
        let lost: Vec<_> = out.difference(&town.out_lately).filter(|(of, _)| of == vendor).collect();
        let most = town.size.removals_max_per_day;
        if !lost.is_empty() {
            town.tell(|| format!("{vendor} lost {lost:?}"));
        }
        if lost.len() > most {
            return Err(format!("{vendor} lost {lost:?} within a day, and {most} may be taken away"));
        }
    }
    town.out_lately = out;
    town.unseen_max = town.unseen_max.saturating_add(town.size.removals_max_per_day);
    Ok(())
}

/// Returns how often apps were asked although they had asked for quiet.
pub fn impatience(town: &Town) -> u64 {
    let statistics = town.sandbox.statistics();
    Vendor::ALL.into_iter().map(|vendor| statistics.of(vendor).impatient).sum()
}

/// What was ever planned, and what the journal has told of it so far.
struct Told {
    steps: BTreeMap<String, Step>,
    /// Steps that a guard held in every plan that they were in.
    held: BTreeSet<String>,
    released: bool,
    yes: BTreeSet<String>,
    running: BTreeSet<(Option<String>, String)>,
}

/// Checks the journal: the chain, and that each step that needed a yes began after one, and ended once; one that a guard
/// held began after somebody had answered for it.
pub async fn journal(house: &House) -> Result<(), String> {
    let checked = audit::verify(house, &[]).await.map_err(|error| error.to_string())?;
    if let Some(broken) = checked.broken {
        return Err(format!("the journal breaks at {}: {}", broken.seq, broken.because));
    }
    let mut told = planned(house).await?;
    let mut after = 0;
    loop {
        let entries = house.store.read_journal(after, 500).await.map_err(|error| error.to_string())?;
        let Some(last) = entries.last() else { break };
        after = last.seq;
        for entry in &entries {
            told.fold(entry)?;
        }
    }
    Ok(())
}

/// Returns every step that was ever planned.
async fn planned(house: &House) -> Result<Told, String> {
    let (mut steps, mut held) = (BTreeMap::new(), BTreeMap::new());
    for id in house.store.plan_ids(PLANS_MAX).await.map_err(|error| error.to_string())? {
        let plan = house.store.plan(&id).await.map_err(|error| error.to_string())?.ok_or("a plan is lost")?;
        steps.extend(plan.steps.into_iter().map(|step| (step.id.to_string(), step)));
        held.extend(plan.held.into_iter().map(|hold| (hold.step.id.to_string(), hold.step)));
    }
    held.retain(|id, _| !steps.contains_key(id));
    let only_held = held.keys().cloned().collect();
    steps.extend(held);
    Ok(Told { steps, held: only_held, released: false, yes: BTreeSet::new(), running: BTreeSet::new() })
}

impl Told {
    fn fold(&mut self, entry: &Entry) -> Result<(), String> {
        let decision = entry.body["decision"].to_string();
        if entry.event == "decided" && decision.contains("elease") && entry.actor == APPROVER {
            self.released = true;
        }
        let Some(id) = &entry.step else { return Ok(()) };
        match entry.event.as_str() {
            "decided" if decision.contains("pprove") && entry.actor == APPROVER => {
                self.yes.insert(id.clone());
            }
            "decided" => {
                self.yes.remove(id);
            }
            "step_started" => self.start(entry, id)?,
            "step_ended" if !self.running.remove(&(entry.run.clone(), id.clone())) => {
                return Err(format!("{id} ended in {:?} and had not begun there", entry.run));
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, entry: &Entry, id: &str) -> Result<(), String> {
        let step = self.steps.get(id).ok_or_else(|| format!("{id} began and was never planned"))?;
        let what = || format!("{id} ({} in {})", step.effect, step.connection);
        if step.approval.state != ApprovalState::NotNeeded && !self.yes.contains(id) {
            return Err(format!("{} began without its yes", what()));
        }
        if self.held.contains(id) && !self.released {
            return Err(format!("{} began though a guard held it", what()));
        }
        self.running.insert((entry.run.clone(), id.to_owned()));
        Ok(())
    }
}

/// Tells whether an app puts people out and lets them in again when asked; Gorgias' record has no way, so that the rest is
/// work for a person.
fn switches(town: &Town, vendor: Vendor) -> bool {
    vendor != Vendor::Gorgias || town.sandbox.dialect(vendor) == Dialect::Guide
}

/// Tells whether somebody's record stays an agent's: Freshservice's guide names no way back to a requester, and the record
/// keeps the address, so that the rest is work for a person.
fn is_agent_for_good(town: &Town, vendor: Vendor, email: &str) -> bool {
    let is_agent = || town.world().find(vendor, email).is_some_and(|record| record["sandbox"]["kind"] == "agent");
    vendor == Vendor::Freshservice && town.sandbox.dialect(vendor) == Dialect::Guide && is_agent()
}

/// Checks that the apps are as HR's file has it, by the policy as a person reads it.
pub fn as_wished(town: &Town) -> Result<(), String> {
    let (world, today) = (town.world(), town.today());
    for (email, department, employment) in town.hr.working(today) {
        let apps: &[Vendor] = match (department.as_str(), employment.as_str()) {
            ("Support", "employee") => &[Vendor::Gorgias, Vendor::Gladly, Vendor::Freshdesk, Vendor::Freshservice],
            ("Support", _) => &[Vendor::Gladly],
            ("Customer Success", "employee") => &[Vendor::Gainsight, Vendor::Freshservice],
            (_, "employee") => &[Vendor::Freshservice],
            _ => &[],
        };
        for vendor in apps.iter().filter(|vendor| town.size.vendors.contains(vendor)) {
            let state = world.state(*vendor, &email);
            let stays_agent = || department != "IT" && is_agent_for_good(town, *vendor, &email);
            if state == Some("suspended") && (!switches(town, *vendor) || stays_agent()) {
                continue;
            }
            if !matches!(state, Some("active" | "invited")) {
                return Err(format!("{email} works in {department} and is {state:?} in {vendor}"));
            }
        }
    }
    for email in town.hr.left(today) {
        for vendor in town.size.vendors.iter().copied() {
            if !switches(town, vendor) {
                continue;
            }
            let state = world.state(vendor, &email);
            let contact = world.find(vendor, &email).is_some_and(|record| record["sandbox"]["kind"] == "contact");
            if matches!(state, Some("active" | "invited")) && !contact {
                return Err(format!("{email} has left and is {state:?} in {vendor}"));
            }
        }
    }
    Ok(())
}
