//! What an index can do for a filter: the look-ups whose union holds every resource that may fit.
//! A server fetches those and evaluates the whole filter on each; nothing is decided here about what fits.
//! It sees the few keys by which clients look people and groups up, and no others.

use super::{Comparison, Filter, Literal};
use crate::path::AttributePath;
use crate::schema::is_core_urn;

/// Something by which resources can be found quickly.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    /// `id`
    Id,
    /// `userName`, in any case
    UserName,
    /// `externalId`
    ExternalId,
    /// `displayName`, in any case
    DisplayName,
    /// `emails.value`, in any case, of an address of this type if one is given
    Email {
        /// The address's type.
        of_type: Option<String>,
    },
    /// `members.value`
    Member,
}

/// One look-up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lookup {
    /// The key has this value.
    Equal(Key, String),
    /// It was changed at this moment or later.
    ModifiedSince(jiff::Timestamp),
}

impl Filter {
    /// Returns look-ups whose union holds all that may fit; `None` where every resource has to be looked at.
    pub fn lookups(&self) -> Option<Vec<Lookup>> {
        match self {
            // A key of its own is narrower than a moment.
            Self::And(parts) => {
                let all: Vec<_> = parts.iter().filter_map(Self::lookups).collect();
                let breadth = |lookups: &Vec<Lookup>| {
                    (lookups.iter().any(|one| matches!(one, Lookup::ModifiedSince(_))), lookups.len())
                };
                all.into_iter().min_by_key(breadth)
            }
            Self::Or(parts) => {
                let parts: Option<Vec<_>> = parts.iter().map(Self::lookups).collect();
                parts.map(|parts| parts.concat())
            }
            Self::Compare(path, Comparison::Equal, literal) => {
                let value = text(literal)?;
                Some(vec![Lookup::Equal(key(path)?, value)])
            }
            Self::Compare(path, Comparison::Greater | Comparison::GreaterOrEqual, Literal::Text(text)) => {
                let is_modified = names(path, "meta", Some("lastModified"));
                is_modified.then(|| super::bind::moment(text)).flatten().map(|at| vec![Lookup::ModifiedSince(at)])
            }
            Self::Within(path, inner) => within(path, inner),
            Self::Not(_) | Self::Present(_) | Self::Compare(..) => None,
        }
    }
}

fn text(literal: &Literal) -> Option<String> {
    match literal {
        Literal::Text(text) => Some(text.clone()),
        Literal::Number(number) => Some(number.to_string()),
        Literal::Boolean(value) => Some(value.to_string()),
        Literal::Null => None,
    }
}

fn names(path: &AttributePath, attribute: &str, sub: Option<&str>) -> bool {
    let same_sub = match (path.sub_attribute(), sub) {
        (None, None) => true,
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    };
    path.schema().is_none_or(is_core_urn) && path.attribute().eq_ignore_ascii_case(attribute) && same_sub
}

fn key(path: &AttributePath) -> Option<Key> {
    let simple = [
        ("id", Key::Id),
        ("userName", Key::UserName),
        ("externalId", Key::ExternalId),
        ("displayName", Key::DisplayName),
    ];
    if let Some((_, key)) = simple.into_iter().find(|(name, _)| names(path, name, None)) {
        return Some(key);
    }
    let is_list = |name| names(path, name, None) || names(path, name, Some("value"));
    if is_list("emails") {
        return Some(Key::Email { of_type: None });
    }
    is_list("members").then_some(Key::Member)
}

/// Reads `emails[type eq "work" and value eq "x"]` and `members[value eq "x"]`.
fn within(path: &AttributePath, inner: &Filter) -> Option<Vec<Lookup>> {
    let parts = match inner {
        Filter::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let equal = |wanted: &str| {
        parts.iter().find_map(|part| match part {
            Filter::Compare(path, Comparison::Equal, literal) if names(path, wanted, None) => text(literal),
            _ => None,
        })
    };
    let value = equal("value")?;
    let key = if names(path, "emails", None) {
        Key::Email { of_type: equal("type") }
    } else if names(path, "members", None) {
        Key::Member
    } else {
        return None;
    };
    Some(vec![Lookup::Equal(key, value)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Said;

    fn lookups(text: &str) -> Option<Vec<Lookup>> {
        Filter::parse(text, &mut Said::default()).unwrap().lookups()
    }

    fn equal(key: Key, value: &str) -> Option<Vec<Lookup>> {
        Some(vec![Lookup::Equal(key, value.into())])
    }

    #[test]
    fn the_ways_in_which_clients_look_somebody_up_are_seen() {
        let work = || Key::Email { of_type: Some("work".into()) };
        assert_eq!(lookups(r#"username eq "x""#), equal(Key::UserName, "x"));
        assert_eq!(lookups("externalId eq jyoung"), equal(Key::ExternalId, "jyoung"));
        assert_eq!(lookups("externalId eq 701"), equal(Key::ExternalId, "701"));
        assert_eq!(lookups(r#"urn:ietf:params:scim:schemas:core:2.0:User:id eq "x""#), equal(Key::Id, "x"));
        assert_eq!(lookups(r#"displayName eq "g""#), equal(Key::DisplayName, "g"));
        assert_eq!(lookups(r#"emails[type eq "work"].value eq "x""#), equal(work(), "x"));
        assert_eq!(lookups(r#"emails[type eq "work" and value eq "x"]"#), equal(work(), "x"));
        assert_eq!(lookups(r#"emails.value eq "x""#), equal(Key::Email { of_type: None }, "x"));
        assert_eq!(lookups(r#"members[value eq "7"]"#), equal(Key::Member, "7"));
        assert_eq!(lookups(r#"id eq "a" and manager eq "b""#), equal(Key::Id, "a"));
        assert_eq!(lookups(r#"manager eq "b" and id eq "a""#), equal(Key::Id, "a"));
    }

    #[test]
    fn a_union_needs_all_its_parts_and_a_key_goes_before_a_moment() {
        assert_eq!(lookups(r#"id eq "a" or id eq "b""#).unwrap().len(), 2);
        assert_eq!(lookups(r#"id eq "a" or title eq "b""#), None);
        let since = r#"meta.lastModified ge "2011-05-13T04:42:34Z""#;
        assert!(matches!(lookups(since).unwrap()[..], [Lookup::ModifiedSince(_)]));
        assert_eq!(lookups(&format!("{since} and id eq \"a\"")), equal(Key::Id, "a"));
    }

    #[test]
    fn what_no_index_answers_is_not_claimed() {
        for text in [
            r#"not (id eq "a")"#,
            r#"userName sw "a""#,
            "id pr",
            r#"name.id eq "a""#,
            r#"emails[value co "x"]"#,
            r#"userName eq null"#,
        ] {
            assert_eq!(lookups(text), None, "{text}");
        }
        let other = r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:id eq "a""#;
        assert_eq!(lookups(other), None);
    }
}
