//! The words of a filter or of a patch's path: brackets, quoted texts and what stands between spaces.
//! Each comes with its place, so that an error can point at it.
//! It does not know the grammar, and so nothing of operators or names.

/// One word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Token<'t> {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// A text that stood in quotes, read as JSON.
    Quoted(String),
    /// A quoted text that is none: it does not end, or holds what JSON forbids.
    BadQuote,
    /// Anything else, up to a space, bracket or quote.
    Word(&'t str),
    /// The end.
    End,
}

/// Reads words one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns where the next word begins, as a character from 1, for people.
    pub(crate) fn place(&self) -> usize {
        let start = self.start();
        self.text.get(..start).map_or(0, |before| before.chars().count()) + 1
    }

    fn start(&self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at + (rest.len() - rest.trim_start().len())
    }

    pub(crate) fn peek(&self) -> Token<'t> {
        self.clone().next()
    }

    /// Returns the next word, whether or not a space stands before it.
    pub(crate) fn next(&mut self) -> Token<'t> {
        self.at = self.start();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(first) = rest.chars().next() else { return Token::End };
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '[' => (Token::OpenBracket, 1),
            ']' => (Token::CloseBracket, 1),
            '"' => quoted(rest),
            _ => {
                let is_end = |letter: char| letter.is_whitespace() || "()[]\"".contains(letter);
                let length = rest.find(is_end).unwrap_or(rest.len());
                (Token::Word(rest.get(..length).unwrap_or_default()), length)
            }
        };
        self.at += length;
        token
    }
}

fn quoted(rest: &str) -> (Token<'static>, usize) {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => {
                let text = rest.get(..=at).unwrap_or_default();
                return (serde_json::from_str(text).map_or(Token::BadQuote, Token::Quoted), at + 1);
            }
            _ => {}
        }
    }
    (Token::BadQuote, rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_at_spaces_brackets_and_quotes() {
        let mut lexer = Lexer::new("emails[type eq\"wörk\\\"\"] .x");
        let mut words = Vec::new();
        loop {
            let (place, token) = (lexer.place(), lexer.next());
            if token == Token::End {
                break;
            }
            words.push((place, token));
        }
        let quoted = Token::Quoted("wörk\"".into());
        let expected = [
            (1, Token::Word("emails")),
            (7, Token::OpenBracket),
            (8, Token::Word("type")),
            (13, Token::Word("eq")),
            (15, quoted),
            (23, Token::CloseBracket),
            (25, Token::Word(".x")),
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn a_quote_that_does_not_end_is_told() {
        assert_eq!(Lexer::new("\"abc").next(), Token::BadQuote);
        assert_eq!(Lexer::new("\"a\nb\"").next(), Token::BadQuote);
        assert_eq!(Lexer::new("\"\\ud800\"").next(), Token::BadQuote);
    }
}
