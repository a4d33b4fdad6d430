//! Roles: what somebody who is signed in to the console may do. One table, which every page asks before it answers.
//! Whose yes counts for which step is the policy's to say; a role only opens the door to saying it.

use std::fmt;
use std::str::FromStr;

/// What somebody is signed in as.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Runs the company: pulls, plans, applies, decides about people and accounts.
    Operator,
    /// Says yes or no.
    Approver,
    /// All of it, and who may come in.
    Admin,
}

/// What a page lets somebody do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Deed {
    /// Look at people, plans, apps and the journal.
    Look,
    /// Ask for pulls and plans, apply, decide about people and accounts.
    Operate,
    /// Say yes or no to steps, and free what guards hold.
    Approve,
    /// Stop and resume all writes: whoever sees that something is wrong.
    Stop,
    /// Invite people, end their sessions, add connections.
    Admit,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Approver, Self::Admin];

    /// Returns the word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// Tells whether the role may do something: the table of who may do what.
    pub fn may(self, deed: Deed) -> bool {
        match deed {
            Deed::Look => true,
            Deed::Operate => matches!(self, Self::Operator | Self::Admin),
            Deed::Approve => matches!(self, Self::Approver | Self::Admin),
            Deed::Stop => matches!(self, Self::Operator | Self::Approver | Self::Admin),
            Deed::Admit => matches!(self, Self::Admin),
        }
    }
}

impl Deed {
    /// All deeds.
    pub const ALL: [Self; 5] = [Self::Look, Self::Operate, Self::Approve, Self::Stop, Self::Admit];

    /// Says what it is, for sentences such as "a viewer may not …".
    pub fn says(self) -> &'static str {
        match self {
            Self::Look => "look at this",
            Self::Operate => "pull, plan, apply or decide about people and accounts",
            Self::Approve => "approve or reject steps",
            Self::Stop => "stop or resume writes",
            Self::Admit => "invite people, end sessions or add connections",
        }
    }
}

/// A word that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role; there are viewer, operator, approver and admin")]
pub struct NoRole(pub String);

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(word: &str) -> Result<Self, NoRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == word.trim()).ok_or_else(|| NoRole(word.to_owned()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().unwrap_err().to_string().contains("viewer"));
    }

    #[test]
    fn an_operator_approves_nothing_and_an_approver_runs_nothing() {
        let table: Vec<String> = Role::ALL
            .iter()
            .map(|role| Deed::ALL.iter().map(|deed| if role.may(*deed) { 'x' } else { '-' }).collect())
            .collect();
        assert_eq!(table, ["x----", "xx-x-", "x-xx-", "xxxxx"]);
    }
}
