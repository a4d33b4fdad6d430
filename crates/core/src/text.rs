//! Texts as they are compared: trimmed, and folded where case does not matter.
//! Nearly all texts need neither, so nothing is copied unless it must be.

use std::borrow::Cow;

/// Tells of a letter that nobody sees: controls of direction, other controls (but for ends of lines and tabs), and letters
/// without width that part or join nothing. In a name from outside it would make somebody read what does not stand there.
pub fn is_unseen(letter: char) -> bool {
    matches!(
        letter,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    ) || (letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'))
}

/// Returns the text without white space around it.
pub(crate) fn trimmed(text: &str) -> &str {
    let is_plain = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if is_plain(bytes.first()) && is_plain(bytes.last()) { text } else { text.trim() }
}

/// Returns an address as it is compared: trimmed, in lower case.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    let text = trimmed(text);
    match text.bytes().any(|letter| letter.is_ascii_uppercase() || !letter.is_ascii()) {
        true => Cow::Owned(text.to_lowercase()),
        false => Cow::Borrowed(text),
    }
}

/// Writes a number of things: "1 job", "3 jobs".
pub fn count_of(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_around_a_text_goes_whatever_it_is() {
        for text in ["Ann", " Ann", "Ann\u{a0}", "\tAnn \n", "\u{3000}Ann"] {
            assert_eq!(trimmed(text), "Ann", "{text:?}");
        }
        assert_eq!((trimmed(""), trimmed(" "), trimmed("é ")), ("", "", "é"));
    }

    #[test]
    fn only_what_must_be_is_copied() {
        assert!(matches!(folded(" ann@x.example"), Cow::Borrowed("ann@x.example")));
        assert_eq!(folded("ÄNN@X.example"), "änn@x.example");
    }

    #[test]
    fn one_thing_is_one() {
        assert_eq!([0, 1, 2].map(|number| count_of(number, "job")), ["0 jobs", "1 job", "2 jobs"]);
    }
}
