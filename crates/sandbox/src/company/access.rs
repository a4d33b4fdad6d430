//! Who holds what in the apps, as the policy file that comes with the sandbox wishes it, and the few deliberate
//! oddities. The vendors' seeds ask it; whoever changes a rule in `policy.toml` changes it here too. It does not know
//! ids, since those belong to each vendor.

use super::Person;

/// Why somebody's accounts are not what the policy alone would give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    None,
    /// The owner of every tenant, whom HR does not list.
    Owner,
    /// Left the company before HR's records begin, and kept two accounts.
    Orphan,
    /// A machine.
    Bot,
    /// Was given a group that no rule gives.
    ExtraGroup,
    /// Has not accepted the invitations yet.
    Pending,
}

/// What a Gladly agent holds.
pub(crate) struct GladlyAccess {
    pub role: &'static str,
    pub teams: &'static [&'static str],
    pub inboxes: &'static [&'static str],
}

/// What a Freshdesk agent holds.
pub(crate) struct FreshdeskAccess {
    pub role: &'static str,
    pub groups: &'static [&'static str],
    pub ticket_scope: u64,
}

impl Person {
    pub(crate) fn is_pending(&self) -> bool {
        self.oddity == Oddity::Pending
    }

    fn is_employee_of(&self, department: &str) -> bool {
        self.department == department && self.employment == "employee"
    }

    fn is_lead(&self) -> bool {
        self.title == "Team Lead"
    }

    pub(crate) fn gorgias_role(&self) -> Option<&'static str> {
        match self.oddity {
            Oddity::Owner => Some("admin"),
            Oddity::Orphan | Oddity::Bot => Some("agent"),
            _ if !self.is_employee_of("Support") => None,
            _ if self.is_lead() => Some("admin"),
            _ => Some("agent"),
        }
    }

    pub(crate) fn is_machine(&self) -> bool {
        self.oddity == Oddity::Bot
    }

    pub(crate) fn gladly_access(&self) -> Option<GladlyAccess> {
        let access = |role, teams, inboxes| Some(GladlyAccess { role, teams, inboxes });
        match self.oddity {
            Oddity::Owner => access("ADMIN", &[], &[]),
            Oddity::Bot => access("TASK", &[], &["General Support"]),
            Oddity::Orphan => None,
            _ if self.department != "Support" => None,
            _ if self.employment == "contractor" => access("TASK", &["Tier 1 Support"], &["General Support"]),
            _ if self.is_lead() => access("TEAM_LEAD", &["Tier 1 Support", "Escalations"], &["General Support"]),
            _ => access("AGENT", &["Tier 1 Support"], &["General Support"]),
        }
    }

    pub(crate) fn freshdesk_access(&self) -> Option<FreshdeskAccess> {
        let access = |role, groups, ticket_scope| Some(FreshdeskAccess { role, groups, ticket_scope });
        match self.oddity {
            Oddity::Owner => access("Account Administrator", &[], 1),
            Oddity::Orphan => access("Agent", &["Billing"], 2),
            Oddity::Bot => None,
            _ if !self.is_employee_of("Support") => None,
            _ if self.is_lead() => access("Supervisor", &["Support", "Escalations"], 1),
            Oddity::ExtraGroup => access("Agent", &["Support", "Billing"], 2),
            _ => access("Agent", &["Support"], 2),
        }
    }

    /// Returns nothing for nobody, a role for an agent, and no role for a requester.
    pub(crate) fn freshservice_role(&self) -> Option<Option<&'static str>> {
        match self.oddity {
            Oddity::Owner => Some(Some("Account Admin")),
            Oddity::Orphan | Oddity::Bot => None,
            _ if self.employment != "employee" => None,
            _ if self.department == "IT" => Some(Some("IT Agent")),
            _ => Some(None),
        }
    }

    pub(crate) fn gainsight_role(&self) -> Option<&'static str> {
        match self.oddity {
            Oddity::Owner => Some("Admin"),
            _ if self.is_employee_of("Customer Success") => Some("Standard User"),
            _ => None,
        }
    }
}
