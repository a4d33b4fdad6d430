//! The grammar of filters (RFC 7644 figure 1), with what clients write besides.
//! `not` binds stronger than `and`, and `and` stronger than `or`. Length, depth and number of terms are bounded.
//! An error says where, and never repeats a value: it may be somebody's address.

use super::lex::Token;
use super::{Comparison, Filter, Lexer, Literal};
use crate::dialect::{Dialect, Said};
use crate::error::{ScimError, ScimType};
use crate::path::{AttributePath, is_attribute_name};
use serde_json::Number;

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("filter, character {at}: {because}")]
pub struct FilterError {
    /// Where, as a character from 1.
    pub at: usize,
    /// What is wrong.
    pub because: String,
}

impl From<FilterError> for ScimError {
    fn from(error: FilterError) -> Self {
        Self::because(ScimType::InvalidFilter, error.to_string())
    }
}

type Parsed<T> = Result<T, FilterError>;

/// Reads one filter.
pub(crate) struct Parser<'t, 's> {
    pub(crate) lexer: Lexer<'t>,
    said: &'s mut Said,
    depth: usize,
    terms: usize,
    is_within: bool,
}

impl<'t, 's> Parser<'t, 's> {
    pub(crate) fn new(text: &'t str, said: &'s mut Said) -> Parsed<Self> {
        if text.len() > Filter::BYTES_MAX {
            let because = format!("{} bytes long, at most {} are read", text.len(), Filter::BYTES_MAX);
            return Err(FilterError { at: 1, because });
        }
        Ok(Self { lexer: Lexer::new(text), said, depth: 0, terms: 0, is_within: false })
    }

    pub(super) fn whole(mut self) -> Parsed<Filter> {
        let filter = self.any()?;
        match self.lexer.peek() {
            Token::End => Ok(filter),
            _ => self.fail("expected `and`, `or` or the end"),
        }
    }

    fn fail<T>(&self, because: impl Into<String>) -> Parsed<T> {
        Err(FilterError { at: self.lexer.place(), because: because.into() })
    }

    fn any(&mut self) -> Parsed<Filter> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.take_word("or") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Filter::Or))
    }

    fn all(&mut self) -> Parsed<Filter> {
        let first = self.term()?;
        let mut parts = vec![first];
        while self.take_word("and") {
            parts.push(self.term()?);
        }
        Ok(one_or(parts, Filter::And))
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.lexer.peek(), Token::Word(word) if word.eq_ignore_ascii_case(wanted));
        if found {
            self.lexer.next();
        }
        found
    }

    fn term(&mut self) -> Parsed<Filter> {
        let mut ahead = self.lexer.clone();
        match ahead.next() {
            Token::Open => self.group(),
            Token::Word(word) if word.eq_ignore_ascii_case("not") && ahead.peek() == Token::Open => {
                self.lexer = ahead;
                Ok(Filter::Not(Box::new(self.group()?)))
            }
            Token::Word(_) => self.attribute(),
            Token::End => self.fail("expected an attribute, found the end"),
            _ => self.fail("expected an attribute, `not` or `(`"),
        }
    }

    fn group(&mut self) -> Parsed<Filter> {
        self.lexer.next();
        let inner = self.deeper(Self::any)?;
        match self.lexer.peek() {
            Token::Close => {
                self.lexer.next();
                Ok(inner)
            }
            _ => self.fail("expected `and`, `or` or `)`"),
        }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == Filter::DEPTH_MAX {
            return self.fail(format!("nested deeper than {}", Filter::DEPTH_MAX));
        }
        self.depth += 1;
        let inner = read(self);
        self.depth -= 1;
        inner
    }

    fn attribute(&mut self) -> Parsed<Filter> {
        let path = self.path()?;
        if self.lexer.peek() != Token::OpenBracket {
            return self.comparison(path);
        }
        let inner = self.brackets()?;
        let Some(sub) = self.sub_attribute()? else { return Ok(Filter::Within(path, Box::new(inner))) };
        // `emails[type eq "work"].value eq "x"` is said of one element, so it moves into the brackets.
        self.said.note(Dialect::PathThenSub);
        let outer = self.comparison(sub)?;
        let parts = match inner {
            Filter::And(mut parts) => {
                parts.push(outer);
                parts
            }
            inner => vec![inner, outer],
        };
        Ok(Filter::Within(path, Box::new(Filter::And(parts))))
    }

    pub(crate) fn path(&mut self) -> Parsed<AttributePath> {
        let Token::Word(word) = self.lexer.peek() else { return self.fail("expected an attribute") };
        match word.parse() {
            Ok(path) => {
                self.lexer.next();
                Ok(path)
            }
            Err(_) => self.fail("expected an attribute such as `userName` or `name.familyName`"),
        }
    }

    /// Reads `[filter]`.
    pub(crate) fn brackets(&mut self) -> Parsed<Filter> {
        if self.is_within {
            return self.fail("brackets cannot stand in brackets");
        }
        self.lexer.next();
        self.is_within = true;
        let inner = self.deeper(Self::any)?;
        self.is_within = false;
        match self.lexer.peek() {
            Token::CloseBracket => {
                self.lexer.next();
                Ok(inner)
            }
            _ => self.fail("expected `and`, `or` or `]`"),
        }
    }

    /// Reads `.value` behind brackets, if it is there.
    pub(crate) fn sub_attribute(&mut self) -> Parsed<Option<AttributePath>> {
        let Token::Word(word) = self.lexer.peek() else { return Ok(None) };
        let Some(name) = word.strip_prefix('.') else { return Ok(None) };
        match name.parse() {
            Ok(path) if is_attribute_name(name) => {
                self.lexer.next();
                Ok(Some(path))
            }
            _ => self.fail("expected a sub-attribute such as `.value`"),
        }
    }

    fn comparison(&mut self, path: AttributePath) -> Parsed<Filter> {
        self.terms += 1;
        if self.terms > Filter::TERMS_MAX {
            return self.fail(format!("more than {} comparisons", Filter::TERMS_MAX));
        }
        if self.take_word("pr") {
            return Ok(Filter::Present(path));
        }
        let Token::Word(word) = self.lexer.peek() else {
            return self.fail("expected an operator such as `eq`");
        };
        let Some(comparison) = Comparison::read(word) else {
            return self.fail("expected one of `eq ne co sw ew gt ge lt le pr`");
        };
        self.lexer.next();
        let literal = self.literal()?;
        if literal == Literal::Null && !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            return self.fail("`null` can only be compared with `eq` and `ne`");
        }
        Ok(Filter::Compare(path, comparison, literal))
    }

    fn literal(&mut self) -> Parsed<Literal> {
        let literal = match self.lexer.peek() {
            Token::Quoted(text) => Literal::Text(text),
            Token::BadQuote => return self.fail("a quoted text that does not end or is not JSON"),
            Token::Word(word) => self.bare(word),
            _ => return self.fail("expected a value"),
        };
        self.lexer.next();
        Ok(literal)
    }

    /// Reads a value without quotes: a constant, a number, or a text whose quotes were forgotten.
    fn bare(&mut self, word: &str) -> Literal {
        let constants = [("true", Literal::Boolean(true)), ("false", Literal::Boolean(false)), ("null", Literal::Null)];
        for (name, literal) in constants {
            if name.eq_ignore_ascii_case(word) {
                if name != word {
                    self.said.note(Dialect::BooleanText);
                }
                return literal;
            }
        }
        match serde_json::from_str::<Number>(word) {
            Ok(number) if number.to_string() == word => Literal::Number(number),
            _ => {
                self.said.note(Dialect::Unquoted);
                Literal::Text(word.to_owned())
            }
        }
    }
}

/// Returns the only part, or all of them joined.
fn one_or(mut parts: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.len() {
        1 => parts.swap_remove(0),
        _ => join(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        Filter::parse(text, &mut Said::default()).unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
    }

    fn refused(text: &str) -> (usize, String) {
        let error = Filter::parse(text, &mut Said::default()).expect_err(text);
        (error.at, error.because)
    }

    /// RFC 7644 figure 2.
    #[test]
    fn the_examples_of_the_rfc_say_the_same_when_printed() {
        for text in [
            r#"userName eq "bjensen""#,
            r#"name.familyName co "O'Malley""#,
            r#"userName sw "J""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
            "title pr",
            r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
            r#"title pr and userType eq "Employee""#,
            r#"title pr or userType eq "Intern""#,
            r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
            r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
            r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
            r#"userType eq "Employee" and (emails.type eq "work")"#,
            r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
            r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
        ] {
            assert_eq!(printed(text), text.replace(r#"(emails.type eq "work")"#, r#"emails.type eq "work""#));
        }
    }

    #[test]
    fn not_binds_stronger_than_and_and_and_stronger_than_or() {
        assert_eq!(printed("a pr or b pr and not(c pr)"), "a pr or b pr and not (c pr)");
        assert_eq!(printed("(a pr or b pr) AND c pr"), "(a pr or b pr) and c pr");
        assert_eq!(printed("((a pr and b pr)) and c pr"), "(a pr and b pr) and c pr");
    }

    #[test]
    fn what_clients_write_besides_is_understood_and_noted() {
        for (text, printed, noted) in [
            ("externalId Eq jyoung", r#"externalId eq "jyoung""#, Some(Dialect::Unquoted)),
            ("active eq True", "active eq true", Some(Dialect::BooleanText)),
            ("(x eq 5)", "x eq 5", None),
            (
                r#"emails[ type EQ "work" ].value eq "x""#,
                r#"emails[type eq "work" and value eq "x"]"#,
                Some(Dialect::PathThenSub),
            ),
        ] {
            let mut said = Said::default();
            assert_eq!(Filter::parse(text, &mut said).unwrap().to_string(), printed);
            assert_eq!(said.dialects.into_iter().next(), noted, "{text}");
        }
    }

    #[test]
    fn an_error_says_where_and_repeats_no_value() {
        for (text, at, because) in [
            ("", 1, "expected an attribute, found the end"),
            ("userName", 9, "expected an operator such as `eq`"),
            ("userName is \"x\"", 10, "expected one of `eq ne co sw ew gt ge lt le pr`"),
            ("userName eq", 12, "expected a value"),
            ("userName eq \"x", 13, "a quoted text that does not end or is not JSON"),
            ("ä pr", 1, "expected an attribute such as `userName` or `name.familyName`"),
            ("a pr b", 6, "expected `and`, `or` or the end"),
            ("(a pr", 6, "expected `and`, `or` or `)`"),
            ("not a pr", 5, "expected one of `eq ne co sw ew gt ge lt le pr`"),
            ("a[b[c pr]]", 4, "brackets cannot stand in brackets"),
            ("a[b pr", 7, "expected `and`, `or` or `]`"),
            ("a[b pr].c.d pr", 8, "expected a sub-attribute such as `.value`"),
            ("a co null", 10, "`null` can only be compared with `eq` and `ne`"),
        ] {
            assert_eq!(refused(text), (at, because.to_owned()), "{text}");
        }
    }

    #[test]
    fn length_depth_and_terms_are_bounded() {
        assert!(refused(&"a".repeat(9000)).1.contains("at most 8192"));
        assert_eq!(refused(&format!("{}a pr{}", "(".repeat(5000 / 2), ")".repeat(2500))).1, "nested deeper than 32");
        assert!(refused(&vec!["a pr"; 201].join(" or ")).1.contains("more than 200"));
        assert_eq!(printed(&format!("{}a pr{}", "(".repeat(32), ")".repeat(32))), "a pr");
    }
}
