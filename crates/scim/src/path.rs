//! Names of attributes: `userName`, `name.familyName`, `urn:ietf:params:scim:schemas:core:2.0:User:userName`.
//! Filters, patches, projections and sort orders are written in them (RFC 7644 §3.10).
//! A name does not know whether there is such an attribute: that is the schema's business.

use std::fmt;
use std::str::FromStr;

/// An attribute path that is safe to stand in a filter or a patch: `userName`, `name.familyName`,
/// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AttributePath(Box<str>);

/// A text that is not an attribute path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read attribute path {0:?}: expected a name such as `userName` or `name.familyName`")]
pub struct NotAPath(pub String);

impl AttributePath {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URN before the name, where it has one.
    pub fn schema(&self) -> Option<&str> {
        self.0.rsplit_once(':').map(|(schema, _)| schema)
    }

    /// Returns the name of the attribute, without URN and sub-attribute.
    pub fn attribute(&self) -> &str {
        let path = self.unqualified();
        path.split_once('.').map_or(path, |(attribute, _)| attribute)
    }

    /// Returns the name of the sub-attribute, where it has one.
    pub fn sub_attribute(&self) -> Option<&str> {
        self.unqualified().split_once('.').map(|(_, sub)| sub)
    }

    fn unqualified(&self) -> &str {
        self.0.rsplit_once(':').map_or(&*self.0, |(_, path)| path)
    }
}

impl FromStr for AttributePath {
    type Err = NotAPath;
    fn from_str(text: &str) -> Result<Self, NotAPath> {
        let (schema, path) = match text.rsplit_once(':') {
            Some((schema, path)) => (Some(schema), path),
            None => (None, text),
        };
        let schema_fits = schema.is_none_or(|schema| {
            schema.len() > 4
                && schema.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
                && schema.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":.-_".contains(&byte))
        });
        let mut names = path.split('.');
        let path_fits = names.clone().count() <= 2 && names.all(is_attribute_name);
        if schema_fits && path_fits { Ok(Self(text.into())) } else { Err(NotAPath(text.to_owned())) }
    }
}

/// Tells whether `name` is an ATTRNAME (RFC 7643 §2.1); `$ref` is one as well.
pub(crate) fn is_attribute_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'$')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AttributePath {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_is_a_name_and_nothing_else() {
        for good in ["userName", "name.familyName", "$ref", "urn:ietf:params:scim:schemas:core:2.0:User:userName"] {
            assert_eq!(path(good).as_str(), good);
        }
        for bad in ["", "a b", "a eq", "a.b.c", "a.", ".a", "1a", "a\"", "x:y", "urn:a b:c", "emails[type eq \"work\"]"]
        {
            assert!(bad.parse::<AttributePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_has_up_to_three_parts() {
        let long = path("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value");
        assert_eq!(long.schema(), Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"));
        assert_eq!((long.attribute(), long.sub_attribute()), ("manager", Some("value")));
        let short = path("userName");
        assert_eq!((short.schema(), short.attribute(), short.sub_attribute()), (None, "userName", None));
    }
}
