//! What a page does with letters of a name that would reorder what stands around it: controls of direction and letters that nobody
//! sees are written out by their number, and words that run from right to left are kept to themselves.
//! It works on the finished page, so that no place is forgotten where a name is drawn; what stands in a tag, or is typed in a
//! field, stays as it is. Templates escape before: here, `<` begins a tag.

use std::fmt::Write;
use tenure_core::text::is_unseen;

/// Elements whose text stays as it is.
const RAW: [&str; 3] = ["style", "script", "textarea"];
/// Elements in whose text no other element may stand.
const PLAIN: [&str; 3] = ["title", "option", "text"];

/// Returns a finished page in which no name reorders what stands around it.
pub(crate) fn isolated(page: &str) -> String {
    if !page.chars().any(|letter| is_unseen(letter) || is_from_right(letter)) {
        return page.to_owned();
    }
    let mut told = String::with_capacity(page.len() + 1024);
    let (mut rest, mut within) = (page, "");
    while !rest.is_empty() {
        let text = rest.find('<').unwrap_or(rest.len());
        write_text(&mut told, &rest[..text], within);
        rest = &rest[text..];
        let tag = rest.find('>').map_or(rest.len(), |end| end + 1);
        told.push_str(&rest[..tag]);
        within = match RAW.iter().find(|name| begins(rest, name)) {
            // What looks like a tag in there is none.
            Some(name) => {
                let end = rest[tag..].find(&format!("</{name}")).map_or(rest.len(), |end| tag + end);
                told.push_str(&rest[tag..end]);
                rest = &rest[end..];
                continue;
            }
            None => PLAIN.into_iter().find(|name| begins(rest, name)).unwrap_or(""),
        };
        rest = &rest[tag..];
    }
    told
}

/// Tells whether a tag begins this element.
fn begins(tag: &str, name: &str) -> bool {
    let after = tag.strip_prefix('<').and_then(|tag| tag.strip_prefix(name));
    after.is_some_and(|after| after.starts_with(['>', ' ', '\n']))
}

fn write_text(told: &mut String, text: &str, within: &str) {
    let (open, close) = if within.is_empty() { ("<bdi>", "</bdi>") } else { ("\u{2068}", "\u{2069}") };
    let mut rest = text;
    while let Some(at) = rest.find(|letter| is_unseen(letter) || is_from_right(letter)) {
        told.push_str(&rest[..at]);
        rest = &rest[at..];
        let letter = rest.chars().next().unwrap_or_default();
        if is_unseen(letter) {
            let _ = match within.is_empty() {
                true => write!(told, "<span class=\"unseen\">U+{:04X}</span>", letter as u32),
                false => write!(told, "[U+{:04X}]", letter as u32),
            };
            rest = &rest[letter.len_utf8()..];
            continue;
        }
        let end = run(rest);
        told.extend([open, &rest[..end], close]);
        rest = &rest[end..];
    }
    told.push_str(rest);
}

/// Returns where words end that run from right to left: with the last such letter before one of another direction.
fn run(text: &str) -> usize {
    let mut end = 0;
    for (at, letter) in text.char_indices() {
        if is_from_right(letter) {
            end = at + letter.len_utf8();
        } else if is_unseen(letter) || !(letter == ' ' || letter == '-' || letter == '\'' || is_mark(letter)) {
            break;
        } else if is_mark(letter) {
            end = at + letter.len_utf8();
        }
    }
    end
}

/// Marks that stand on the letter before.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{200c}' | '\u{200d}')
}

/// Letters of scripts that run from right to left: Hebrew, Arabic, Syriac, Thaana, N'Ko and what is kin to them.
fn is_from_right(letter: char) -> bool {
    matches!(
        letter,
        '\u{5be}'..='\u{5f4}' | '\u{608}'..='\u{60d}' | '\u{61b}' | '\u{61d}'..='\u{64a}' | '\u{66d}'..='\u{6ef}' | '\u{6fa}'..='\u{8ff}'
            | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_of_direction_is_written_out_and_turns_nothing_round() {
        let page = "<p title=\"a\u{202e}b\">Eve\u{202e} left</p><title>x\u{2066}</title><textarea>a\u{202e}</textarea>";
        let told = isolated(page);
        assert_eq!(
            told,
            "<p title=\"a\u{202e}b\">Eve<span class=\"unseen\">U+202E</span> left</p><title>x[U+2066]</title>\
             <textarea>a\u{202e}</textarea>"
        );
    }

    #[test]
    fn a_name_from_the_right_is_kept_to_itself() {
        assert_eq!(isolated("<p>محمد علي: 2027</p>"), "<p><bdi>محمد علي</bdi>: 2027</p>");
        assert_eq!(isolated("<option>דנה</option>"), "<option>\u{2068}דנה\u{2069}</option>");
        assert_eq!(isolated("<text x=\"1\">דנה</text>"), "<text x=\"1\">\u{2068}דנה\u{2069}</text>");
    }

    #[test]
    fn what_needs_nothing_stays_as_it_is() {
        let page =
            "<style>a > b { content: \"✓\"; }</style><p>Zoë · 1\u{202f}200 → 👩\u{200d}💻</p><script>1 < 2</script>";
        assert_eq!(isolated(page), page);
        assert_eq!(isolated("<script>1 < 2; a='ד'</script><p>ד"), "<script>1 < 2; a='ד'</script><p><bdi>ד</bdi>");
    }
}
