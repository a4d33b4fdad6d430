//! The path of a patch operation (RFC 7644 figure 7): `members`, `name.familyName`, `emails[type eq "work"].value`.
//! Keys of path-less values are read as such paths too.
//! It does not know whether there is such an attribute.

use crate::dialect::{Dialect, Said};
use crate::error::{ScimError, ScimType};
use crate::filter::{Filter, FilterError, Parser, Token};
use crate::path::AttributePath;
use std::fmt;

/// A path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PatchPath {
    /// The attribute, with URN and sub-attribute where it has them.
    pub attribute: AttributePath,
    /// Which of its elements.
    pub filter: Option<Filter>,
    /// The sub-attribute behind the brackets.
    pub sub: Option<String>,
    /// Whether the brackets were empty: `members[]`.
    pub is_emptily_bracketed: bool,
}

impl PatchPath {
    /// Reads a path and notes which dialects it was in.
    ///
    /// # Errors
    /// `invalidPath` or, within the brackets, `invalidFilter`; each says where.
    pub fn parse(text: &str, said: &mut Said) -> Result<Self, ScimError> {
        let mut parser = Parser::new(text, said).map_err(invalid)?;
        let attribute = parser.path().map_err(invalid)?;
        let (mut filter, mut is_emptily_bracketed) = (None, false);
        if parser.lexer.peek() == Token::OpenBracket {
            if attribute.sub_attribute().is_some() {
                return Err(ScimError::because(ScimType::InvalidPath, "brackets stand behind an attribute only"));
            }
            let mut ahead = parser.lexer.clone();
            ahead.next();
            if ahead.next() == Token::CloseBracket {
                is_emptily_bracketed = true;
                parser.lexer = ahead;
            } else {
                filter = Some(parser.brackets()?);
            }
        }
        let sub = match filter.is_some() || is_emptily_bracketed {
            true => parser.sub_attribute().map_err(invalid)?,
            false => None,
        };
        if parser.lexer.peek() != Token::End {
            let at = parser.lexer.place();
            return Err(invalid(FilterError { at, because: "expected the end".into() }));
        }
        if is_emptily_bracketed {
            said.note(Dialect::EmptyBrackets);
        }
        Ok(Self { attribute, filter, sub: sub.map(|sub| sub.as_str().to_owned()), is_emptily_bracketed })
    }
}

fn invalid(error: FilterError) -> ScimError {
    ScimError::because(ScimType::InvalidPath, format!("path, character {}: {}", error.at, error.because))
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.attribute)?;
        match &self.filter {
            Some(filter) => write!(f, "[{filter}]")?,
            None if self.is_emptily_bracketed => f.write_str("[]")?,
            None => {}
        }
        self.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_say_the_same_when_printed() {
        for text in [
            "members",
            "name.familyName",
            r#"addresses[type eq "work"]"#,
            r#"members[value eq "2819c223-7f76-453a-919d-413861904646"]"#,
            r#"members[value eq "2819c223-7f76-453a-919d-413861904646"].displayName"#,
            r#"emails[type eq "work" and value ew "example.com"]"#,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            "members[]",
        ] {
            assert_eq!(PatchPath::parse(text, &mut Said::default()).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_error_says_where_and_whether_path_or_filter_is_wrong() {
        for (text, kind, detail) in [
            ("", ScimType::InvalidPath, "path, character 1: expected an attribute"),
            ("a b", ScimType::InvalidPath, "path, character 3: expected the end"),
            ("a[b eq 1].", ScimType::InvalidPath, "path, character 10: expected a sub-attribute such as `.value`"),
            ("a.b[c pr]", ScimType::InvalidPath, "brackets stand behind an attribute only"),
            ("a[b]", ScimType::InvalidFilter, "filter, character 4: expected an operator such as `eq`"),
        ] {
            let error = PatchPath::parse(text, &mut Said::default()).expect_err(text);
            assert_eq!((error.scim_type, error.detail.as_deref()), (Some(kind), Some(detail)), "{text}");
        }
    }
}
