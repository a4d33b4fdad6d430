//! What is said of the end of a plan's work: a budget that is small beside it makes it long, and people are told until
//! when. How it is reckoned, the governor's own tests show.

use crate::day::open_under;
use tenure_sandbox::{Dialect, Limits};

#[test]
fn a_plan_says_when_it_will_be_done_where_that_takes_more_than_a_minute() {
    for dialect in [Dialect::Guide, Dialect::Live] {
        let stage = open_under(1, dialect, Limits::Off);
        assert_eq!(stage.run(&["pull"]).code, 0);
        stage.next_morning();
        assert_eq!(stage.run(&["pull", "hr"]).code, 0);
        let soon = stage.plainly(&["plan"]);
        assert!(soon.out.contains("cost:") && !soon.out.contains("done about"), "{dialect}: {soon}");
        let config = &stage.files().config;
        stage.edit(config, "limits = { per_second = 1000 }", "limits = { per_minute = 2 }").unwrap();
        let late = stage.plainly(&["plan"]);
        assert!(late.out.contains("done about"), "{dialect}: {late}");
    }
}
