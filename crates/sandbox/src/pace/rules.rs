//! Which limits each vendor has in each dialect, which requests they concern, and what the vendor says about them in
//! its headers. The pace asks it once at the start. Where a vendor publishes nothing, the number is a guess and says so.

use std::time::Duration;

use axum::http::Method;

use super::meter::{Meter, Reading, Start};
use crate::exchange::Call;
use crate::{Dialect, Limits, Plans, Vendor};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// What Gladly's guide does not publish: a guess.
const GLADLY_PER_SECOND: u32 = 10;
/// What Gainsight's guide does not publish: a guess.
const GAINSIGHT_PER_SECOND: u32 = 20;

/// One limit.
pub(crate) struct Rule {
    pub concerns: fn(&Call) -> bool,
    pub meter: Meter,
}

/// How a vendor speaks about its limits.
#[derive(Clone, Copy)]
pub(crate) struct Speech {
    /// The headers of every answer, from the fullest limit that the request counts against and from its cost.
    pub headers: fn(Reading, u32) -> Vec<(&'static str, String)>,
    /// For how many a request counts.
    pub cost: fn(&Call) -> u32,
    /// Whether a refusal says when to come back.
    pub says_when: bool,
    /// Whether the limits last so long that they must survive a restart.
    pub kept: bool,
}

/// Returns a vendor's limits; none when they are off.
pub(crate) fn rules(vendor: Vendor, dialect: Dialect, limits: Limits) -> Vec<Rule> {
    let Limits::Published(plans) = limits else { return Vec::new() };
    match dialect {
        Dialect::Guide => vec![every(guide(vendor, plans))],
        Dialect::Live => live(vendor, plans),
    }
}

fn guide(vendor: Vendor, plans: Plans) -> Meter {
    match vendor {
        Vendor::Gorgias => Meter::window(plans.gorgias.published().1, SECOND, Start::Request),
        Vendor::Gladly => Meter::window(GLADLY_PER_SECOND, SECOND, Start::Request),
        Vendor::Freshdesk => Meter::window(plans.freshdesk.published().1, MINUTE, Start::Request),
        Vendor::Freshservice => Meter::window(plans.freshservice.published().1, MINUTE, Start::Request),
        Vendor::Gainsight => Meter::window(GAINSIGHT_PER_SECOND, SECOND, Start::Request),
    }
}

fn live(vendor: Vendor, plans: Plans) -> Vec<Rule> {
    match vendor {
        Vendor::Gorgias => vec![every(Meter::bucket(40, Duration::from_secs(20)))],
        Vendor::Gladly => [is_get as fn(&Call) -> bool, is_post, is_put, is_patch, is_delete]
            .into_iter()
            .map(|concerns| Rule { concerns, meter: Meter::window(10, SECOND, Start::Request) })
            .collect(),
        Vendor::Freshdesk => {
            let (all, contacts) = plans.freshdesk.documented();
            vec![every(per_minute(all)), Rule { concerns: lists_contacts, meter: per_minute(contacts) }]
        }
        Vendor::Freshservice => {
            let (all, list) = plans.freshservice.documented();
            let lists = [lists_agents as fn(&Call) -> bool, lists_requesters];
            let lists = lists.into_iter().map(|concerns| Rule { concerns, meter: per_minute(list) });
            std::iter::once(every(per_minute(all))).chain(lists).collect()
        }
        Vendor::Gainsight => {
            vec![every(Meter::window(100, HOUR, Start::Clock)), every(Meter::window(1_000, DAY, Start::Clock))]
        }
    }
}

/// Returns how a vendor speaks about its limits.
pub(crate) fn speech(vendor: Vendor, dialect: Dialect) -> Speech {
    let speech = |headers, says_when| Speech { headers, cost: |_| 1, says_when, kept: false };
    match (vendor, dialect) {
        (Vendor::Gorgias, Dialect::Guide) => speech(gorgias_guide, true),
        (Vendor::Gorgias, Dialect::Live) => speech(gorgias_live, true),
        (Vendor::Gladly, Dialect::Guide) => speech(silent, true),
        (Vendor::Gladly, Dialect::Live) => speech(gladly_live, false),
        (Vendor::Freshdesk, Dialect::Guide) => speech(fresh, false),
        (Vendor::Freshdesk, Dialect::Live) | (Vendor::Freshservice, Dialect::Guide) => speech(fresh, true),
        (Vendor::Freshservice, Dialect::Live) => Speech { cost: includes, ..speech(fresh, true) },
        (Vendor::Gainsight, Dialect::Guide) => speech(silent, false),
        (Vendor::Gainsight, Dialect::Live) => Speech { kept: true, ..speech(silent, false) },
    }
}

fn silent(_: Reading, _: u32) -> Vec<(&'static str, String)> {
    Vec::new()
}

fn gorgias_guide(reading: Reading, _: u32) -> Vec<(&'static str, String)> {
    vec![
        ("x-ratelimit-limit", reading.limit.to_string()),
        ("x-ratelimit-remaining", reading.remaining().to_string()),
        ("x-ratelimit-reset", reading.reset_seconds().to_string()),
    ]
}

fn gorgias_live(reading: Reading, _: u32) -> Vec<(&'static str, String)> {
    vec![("x-gorgias-account-api-call-limit", format!("{}/{}", reading.used, reading.limit))]
}

fn gladly_live(reading: Reading, _: u32) -> Vec<(&'static str, String)> {
    vec![
        ("ratelimit-limit-second", reading.limit.to_string()),
        ("ratelimit-remaining-second", reading.remaining().to_string()),
    ]
}

fn fresh(reading: Reading, cost: u32) -> Vec<(&'static str, String)> {
    vec![
        ("x-ratelimit-total", reading.limit.to_string()),
        ("x-ratelimit-remaining", reading.remaining().to_string()),
        ("x-ratelimit-used-currentrequest", cost.to_string()),
    ]
}

fn every(meter: Meter) -> Rule {
    Rule { concerns: |_| true, meter }
}

fn per_minute(limit: u32) -> Meter {
    Meter::window(limit, MINUTE, Start::Request)
}

fn lists(call: &Call, what: &str) -> bool {
    is_get(call) && call.path().as_slice() == [what]
}

fn lists_contacts(call: &Call) -> bool {
    lists(call, "contacts")
}

fn lists_agents(call: &Call) -> bool {
    lists(call, "agents")
}

fn lists_requesters(call: &Call) -> bool {
    lists(call, "requesters")
}

/// Counts one for the request, and one more for each thing that it includes.
fn includes(call: &Call) -> u32 {
    let named = call.query("include").map_or(0, |names| names.split(',').filter(|name| !name.is_empty()).count());
    let agents = call.query("include_agents") == Some("true");
    1 + named as u32 + u32::from(agents)
}

fn is_get(call: &Call) -> bool {
    call.method == Method::GET
}

fn is_post(call: &Call) -> bool {
    call.method == Method::POST
}

fn is_put(call: &Call) -> bool {
    call.method == Method::PUT
}

fn is_patch(call: &Call) -> bool {
    call.method == Method::PATCH
}

fn is_delete(call: &Call) -> bool {
    call.method == Method::DELETE
}
