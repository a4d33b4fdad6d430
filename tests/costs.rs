//! What a plan says it costs in requests, against what carrying it out asks of each app.

use crate::day::{expect, open_under};
use std::collections::BTreeMap;
use tenure_sandbox::{Dialect, Limits, Vendor};

#[test]
fn a_plan_says_about_how_many_requests_it_takes_and_not_too_few() {
    for dialect in [Dialect::Guide, Dialect::Live] {
        let stage = open_under(1, dialect, Limits::Off);
        expect(&stage.run(&["pull"]), 0);
        stage.next_morning();
        expect(&stage.run(&["pull"]), 0);
        stage.edit(&stage.files().policy.clone(), "from = [\"security\"]", "from = \"nobody\"").expect("the policy");
        let plan = stage.run(&["plan"]).json().expect("a plan");
        let asked = || -> BTreeMap<&str, u64> {
            let statistics = stage.sandbox().statistics();
            Vendor::ALL.into_iter().map(|vendor| (vendor.name(), statistics.of(vendor).requests)).collect()
        };
        let before = asked();
        stage.run(&["apply", "--yes"]);
        for (vendor, after) in asked() {
            let (said, asked) = (plan["cost"]["requests"][vendor].as_u64().unwrap_or(0), after - before[vendor]);
            // Which steps go together is seen on the way only, and what an app shows late is read back twice.
            let less = asked <= said + said / 5;
            assert!(less && said <= asked * 3 / 2 + 4, "{dialect}, {vendor}: {said} said, {asked} asked");
        }
    }
}
