//! Every fault that the sandbox can play, each alone, over a whole day under the published rate limits, in both dialects:
//! the day must end as a calm one, with nothing lost or done twice, and nothing sent beyond a budget or into a wait.
//! Faults that no day gets through while they last have scenarios of their own, which are named here.

use crate::day::{calm_day, faulty_day, open_under, settle};
use crate::stage::Stage;
use std::path::Path;
use tenure_sandbox::{Dialect, Kind, Limits, Plans, Vendor};

const SEED: u64 = 1;

const OVER_A_DAY: [&str; 12] = [
    "429:rate=0.05,retry_after=1",
    "500:rate=0.05",
    "slow:rate=0.05,ms=300",
    "cut-before:rate=0.05",
    "cut-after:rate=0.05",
    "redirect:rate=0.03",
    "truncate:rate=0.04",
    "html:rate=0.03",
    "huge:count=2,after=20",
    "bomb:count=2,after=20",
    "ignore-write:app=gorgias,count=1",
    "ignore-write:app=freshdesk,count=1",
];

/// Scenarios of the other faults, in the guide's dialect and in the live one.
const IN_SCENARIOS: [(Kind, &str, &str); 7] = [
    (Kind::Stall, "stalled", "live-stalled"),
    (Kind::RepeatCursor, "repeated-cursor", "live-repeated-cursor"),
    (Kind::Shift, "shifting-rows", "live-shifting-rows"),
    (Kind::DropField, "finding-contract-drift", "finding-contract-drift-live"),
    (Kind::RenameField, "finding-contract-drift", "finding-contract-drift-live"),
    (Kind::RetypeField, "retyped", "live-retyped"),
    (Kind::NotServed, "gladly-not-served", "live-not-served"),
];

/// Goes through a day of each fault whose place in the list lies in `part`.
fn each(part: std::ops::Range<usize>, dialect: Dialect) {
    let day = calm_day(SEED, dialect);
    for fault in &OVER_A_DAY[part] {
        println!("{fault}, {dialect}");
        let stage = open_under(SEED, dialect, Limits::Published(Plans::default()));
        faulty_day(&stage, &[fault]);
        settle(&stage, &day);
        expect_patience(&stage, fault);
    }
}

/// Fails if the fault was never played, if anything else was refused for its rate, or sent while quiet was asked for.
fn expect_patience(stage: &Stage, fault: &str) {
    let statistics = stage.sandbox().statistics();
    let faulted: u64 = Vendor::ALL.iter().map(|vendor| statistics.of(*vendor).faulted).sum();
    assert!(faulted > 0, "{fault} was never played");
    for vendor in Vendor::ALL {
        let counts = statistics.of(vendor);
        let refused = if fault.starts_with("429") { counts.faulted } else { 0 };
        assert_eq!(counts.throttled, refused, "{vendor} refused for its rate, under {fault}: {counts:?}");
        assert_eq!(counts.impatient, 0, "{vendor} was asked while it wanted quiet, under {fault}: {counts:?}");
    }
}

#[test]
fn a_day_of_each_fault_of_the_way_ends_as_a_calm_one() {
    each(0..6, Dialect::Guide);
}

#[test]
fn a_day_of_each_fault_of_the_way_ends_as_a_calm_one_in_the_live_dialect() {
    each(0..6, Dialect::Live);
}

#[test]
fn a_day_of_each_fault_of_the_answer_ends_as_a_calm_one() {
    each(6..12, Dialect::Guide);
}

#[test]
fn a_day_of_each_fault_of_the_answer_ends_as_a_calm_one_in_the_live_dialect() {
    each(6..12, Dialect::Live);
}

#[test]
fn every_fault_is_played_in_both_dialects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for (kind, guide, live) in IN_SCENARIOS {
        for (name, is_live) in [(guide, false), (live, true)] {
            let text = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
            assert!(text.contains(&format!("given fault {}:", kind.name())), "{name} plays no {}", kind.name());
            assert_eq!(text.contains("given dialect live"), is_live, "{name} speaks the other dialect");
        }
    }
    let of_days: Vec<&str> = OVER_A_DAY.iter().filter_map(|fault| fault.split(':').next()).collect();
    let of_scenarios: Vec<&str> = IN_SCENARIOS.iter().map(|(kind, _, _)| kind.name()).collect();
    for kind in Kind::ALL {
        assert!(of_days.contains(&kind.name()) || of_scenarios.contains(&kind.name()), "nothing plays {}", kind.name());
    }
}
