//! The policy that comes with the sandbox. It wishes exactly what `company/access.rs` has seeded, so that yesterday's HR
//! export leads to an almost empty plan. Only the guards depend on the size of the company.

/// Below this many people a single leaver is a large share.
const SMALL: usize = 200;

/// Returns the text of `policy.toml`.
pub(crate) fn text(people: usize) -> String {
    let (max, share) = if people <= SMALL { (40, "0.5") } else { (40, "0.05") };
    let (day, day_share) = if people <= SMALL { (80, "1.0") } else { (80, "0.1") };
    let mut text = String::from(GRANTS);
    text.push_str(&format!(
        "\n# Judged on the whole plan before its first write. In a company this small one leaver is a large share\n\
         # of an app's accounts, so the share is generous; a real one would keep the default of 0.05.\n\
         [guards]\nremovals_max = {max}\nremovals_max_share = {share}\nremovals_max_per_day = {day}\n\
         removals_max_share_per_day = {day_share}\nsource_shrink_max_share = 0.02\n\
         stale_after = \"24h\"\nprotected = [\"owner@acme.example\"]\n"
    ));
    text
}

const GRANTS: &str = r#"# Who gets what at the made-up company Acme. The conditions exclude each other wherever they name one
# single-valued role, so that nobody is wished two roles in one app.

[[grant]]
name = "support agents"
when = 'identity.department == "Support" && identity.type == "employee" && identity.title != "Team Lead"'
[grant.to]
gorgias   = { role = "agent" }
gladly    = { role = "AGENT", teams = ["Tier 1 Support"], inboxes = ["General Support"] }
freshdesk = { roles = ["Agent"], groups = ["Support"], ticket_scope = "group" }

# Leads may do almost everything in Gorgias; such a grant waits for security, see below.
[[grant]]
name = "support leads"
when = 'identity.department == "Support" && identity.type == "employee" && identity.title == "Team Lead"'
[grant.to]
gorgias   = { role = "admin" }
gladly    = { role = "TEAM_LEAD", teams = ["Tier 1 Support", "Escalations"], inboxes = ["General Support"] }
freshdesk = { roles = ["Supervisor"], groups = ["Support", "Escalations"], ticket_scope = "global" }

[[grant]]
name = "support contractors"
when = 'identity.department == "Support" && identity.type == "contractor"'
[grant.to]
gladly = { role = "TASK", teams = ["Tier 1 Support"], inboxes = ["General Support"] }

[[grant]]
name = "everyone may ask IT"
when = 'identity.type == "employee" && identity.department != "IT"'
[grant.to]
freshservice = { as = "requester" }

[[grant]]
name = "IT answers"
when = 'identity.type == "employee" && identity.department == "IT"'
[grant.to]
freshservice = { as = "agent", roles = [{ name = "IT Agent", scope = "entire_helpdesk" }] }

[[grant]]
name = "customer success"
when = 'identity.type == "employee" && identity.department == "Customer Success"'
[grant.to]
gainsight = { role = "Standard User" }

# What is not managed is reported and never touched. "revoke" takes the old side from people who move.
[[manage]]
connections = ["gorgias", "gladly", "freshdesk", "freshservice", "gainsight"]
extra_grants = "revoke"
orphans = "report"

[lifecycle]
create_before_start = "3d"
suspend_after_end = "0h"
delete_after_end = "never"

# The first that matches decides. Powerful grants and steps without a way back wait for security.
[[approve]]
when = 'step.irreversible || step.grants.exists(g, g.privileged)'
from = ["security"]
count = 1

[[approve]]
when = 'true'
from = "nobody"

[approvers]
security = ["mia@acme.example"]
"#;
