//! Scopes: what the bearer of a token may do. `token create` reads them, the server asks for one before it answers.
//! They are words, not a policy: who may approve what is still the policy's to say.

use crate::name::ConnectionName;
use crate::place::nearest;
use std::fmt;

/// What the bearer of a token may do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// Look at everything.
    ApiRead,
    /// Ask for pulls and plans, decide and apply; looking is part of it.
    ApiWrite,
    /// Say yes or no to steps, in the owner's name.
    Approve,
    /// Speak SCIM for one connection.
    Scim(ConnectionName),
    /// Send hints that something changed.
    Hooks,
    /// Be told by shared signals, and manage streams of one's own.
    Ssf,
    /// All of it but approving and SCIM, which are only ever given by name.
    Admin,
}

const WORDS: [(&str, Scope); 6] = [
    ("api:read", Scope::ApiRead),
    ("api:write", Scope::ApiWrite),
    ("approve", Scope::Approve),
    ("hooks", Scope::Hooks),
    ("ssf", Scope::Ssf),
    ("admin", Scope::Admin),
];

impl Scope {
    /// Reads a scope; `connections` are those that there are.
    ///
    /// # Errors
    /// It is none; a sentence with the nearest that is.
    pub fn parse(text: &str, connections: &[&str]) -> Result<Self, String> {
        let text = text.trim();
        if let Some((_, scope)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(scope.clone());
        }
        let places: Vec<String> = connections.iter().map(|name| format!("scim:{name}")).collect();
        if let Some(name) = text.strip_prefix("scim:").filter(|name| connections.contains(name)) {
            return Ok(Self::Scim(ConnectionName::new(name)));
        }
        let known: Vec<&str> = WORDS.iter().map(|(word, _)| *word).chain(places.iter().map(String::as_str)).collect();
        Err(match nearest(text, &known) {
            Some(near) => format!("{text:?} is no scope; did you mean `{near}`?"),
            None => {
                format!(
                    "{text:?} is no scope; there are api:read, api:write, approve, scim:CONNECTION, hooks, ssf, admin"
                )
            }
        })
    }

    /// Reads a scope that was written down; its connection may be there no more.
    pub fn read(text: &str) -> Option<Self> {
        match text.strip_prefix("scim:") {
            Some(name) if !name.is_empty() => Some(Self::Scim(ConnectionName::new(name))),
            _ => WORDS.iter().find(|(word, _)| *word == text).map(|(_, scope)| scope.clone()),
        }
    }

    /// Tells whether who has this may do what `needed` asks for.
    pub fn covers(&self, needed: &Scope) -> bool {
        match (self, needed) {
            (held, needed) if held == needed => true,
            (Self::ApiWrite, Self::ApiRead) => true,
            (Self::Admin, Self::ApiRead | Self::ApiWrite | Self::Hooks | Self::Ssf) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Scim(name) = self {
            return write!(f, "scim:{name}");
        }
        f.pad(WORDS.iter().find(|(_, scope)| scope == self).map_or("", |(word, _)| word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Scope, String> {
        Scope::parse(text, &["hr", "support"])
    }

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for text in ["api:read", "api:write", "approve", "scim:support", "hooks", "ssf", "admin"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
            assert_eq!(Scope::read(text), Some(parse(text).unwrap()));
        }
    }

    #[test]
    fn what_is_no_scope_is_told_with_the_nearest_that_is() {
        assert!(parse("api:raed").unwrap_err().contains("`api:read`"));
        assert!(parse("scim:suport").unwrap_err().contains("`scim:support`"));
        assert!(parse("everything").unwrap_err().contains("there are api:read"));
        assert!(parse("scim:").is_err() && parse("").is_err());
    }

    #[test]
    fn approving_and_scim_are_only_ever_given_by_name() {
        let all =
            ["api:read", "api:write", "approve", "scim:hr", "hooks", "ssf", "admin"].map(|text| parse(text).unwrap());
        let covered =
            |held: &Scope| all.iter().filter(|needed| held.covers(needed)).map(Scope::to_string).collect::<Vec<_>>();
        assert_eq!(covered(&Scope::Admin), ["api:read", "api:write", "hooks", "ssf", "admin"]);
        assert_eq!(covered(&Scope::ApiWrite), ["api:read", "api:write"]);
        assert_eq!(covered(&Scope::ApiRead), ["api:read"]);
        assert_eq!(covered(&Scope::Approve), ["approve"]);
        assert!(!Scope::Scim("hr".into()).covers(&Scope::Scim("support".into())));
    }
}
