//! Masks paths, queries and filters, and leaves everything about how they were spelt: quotes or none, `+` or `%20`.
//! Literals are masked by the attribute to which they are compared.

use super::mask::{At, Mask, Of};

/// Names of a query whose values are the protocol's.
const PLAIN: [&str; 7] = ["startindex", "count", "attributes", "excludedattributes", "sortby", "sortorder", "_"];
const OPERATORS: [&str; 9] = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
const WORDS: [&str; 4] = ["and", "or", "not", "pr"];

impl Mask {
    /// Masks a path with its query.
    pub fn target(&self, target: &str) -> String {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let of = of(path);
        let mut before = "";
        let parts = path.split('/').map(|part| {
            let is_id = ["users", "groups"].contains(&before.to_lowercase().as_str()) && !part.starts_with('.');
            before = part;
            if is_id && !part.is_empty() { self.id(of, &decoded(part)) } else { part.to_owned() }
        });
        let path = parts.collect::<Vec<_>>().join("/");
        if query.is_empty() {
            return path;
        }
        let pairs: Vec<String> = query.split('&').map(|pair| self.pair(of, pair)).collect();
        format!("{path}?{}", pairs.join("&"))
    }

    fn pair(&self, of: Of, pair: &str) -> String {
        let Some((name, value)) = pair.split_once('=') else { return pair.to_owned() };
        let masked = match name.to_lowercase().as_str() {
            "filter" => encoded(&self.filter(of, &decoded(value)), value),
            "cursor" => self.id(Of::Tag, &decoded(value)),
            plain if PLAIN.contains(&plain) => value.to_owned(),
            _ => encoded(&self.text(&decoded(value)), value),
        };
        format!("{name}={masked}")
    }

    /// Masks the literals of a filter, or of the path of a patch.
    pub(super) fn filter(&self, of: Of, text: &str) -> String {
        let mut masked = String::new();
        let (mut attribute, mut outer, mut last_outer) = (String::new(), String::new(), String::new());
        let mut is_literal = false;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let end = match first {
                '"' => quoted_end(rest),
                '[' | ']' | '(' | ')' | ' ' => 1,
                _ => rest.find(['"', '[', ']', '(', ')', ' ']).unwrap_or(rest.len()),
            };
            let (word, behind) = rest.split_at(end);
            rest = behind;
            let small = word.to_lowercase();
            match first {
                '"' => {
                    let plain = serde_json::from_str::<String>(word).unwrap_or_else(|_| word.trim_matches('"').into());
                    masked += &format!("\"{}\"", self.literal(of, [&outer, &last_outer], &attribute, &plain));
                    is_literal = false;
                }
                '[' => {
                    outer = std::mem::take(&mut attribute);
                    masked.push('[');
                }
                ']' => {
                    last_outer = std::mem::take(&mut outer);
                    masked.push(']');
                }
                '(' | ')' | ' ' => masked.push(first),
                _ if is_literal => {
                    let is_plain = ["true", "false", "null"].contains(&small.as_str());
                    let literal = || self.literal(of, [&outer, &last_outer], &attribute, word);
                    masked += &if is_plain { word.to_owned() } else { literal() };
                    is_literal = false;
                }
                _ => {
                    is_literal = OPERATORS.contains(&small.as_str());
                    if !is_literal && !WORDS.contains(&small.as_str()) {
                        attribute = word.to_owned();
                    }
                    masked += word;
                }
            }
        }
        masked
    }

    fn literal(&self, of: Of, [outer, last]: [&str; 2], attribute: &str, literal: &str) -> String {
        let attribute = attribute.to_lowercase();
        let plain = if attribute.starts_with("urn:") { attribute.rsplit(':').next().unwrap_or("") } else { &attribute };
        let (parent, key) = plain.rsplit_once('.').unwrap_or((outer, plain));
        let parent = if parent.is_empty() { last } else { parent };
        self.string(of, At { parent: &parent.to_lowercase(), key }, literal)
    }
}

/// Tells what a path is about.
pub(super) fn of(path: &str) -> Of {
    let path = path.split('?').next().unwrap_or_default();
    let is_group = path.split('/').any(|part| part.eq_ignore_ascii_case("groups"));
    if is_group { Of::Group } else { Of::User }
}

/// Takes `[type eq "work"]` out of a path.
pub(super) fn without_brackets(path: &str) -> String {
    match (path.find('['), path.rfind(']')) {
        (Some(open), Some(close)) if open < close => format!("{}{}", &path[..open], &path[close + 1..]),
        _ => path.to_owned(),
    }
}

/// Returns where a quoted word ends.
fn quoted_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

fn decoded(text: &str) -> String {
    crate::search::decode(text).unwrap_or_else(|_| text.to_owned())
}

/// Encodes a text for a query as the client did that sent `like`: what it sent plain is plain, a `+` is a space.
fn encoded(text: &str, like: &str) -> String {
    let mut written = String::new();
    for letter in text.chars() {
        match letter {
            ' ' if like.contains('+') => written.push('+'),
            // The name of an id is filled in before it is sent.
            '{' | '}' | ':' => written.push(letter),
            _ if letter.is_ascii_alphanumeric() || "-._~".contains(letter) => written.push(letter),
            _ if letter != '+' && letter.is_ascii() && like.contains(letter) => written.push(letter),
            _ => letter.to_string().bytes().for_each(|byte| written += &format!("%{byte:02X}")),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask() -> Mask {
        Mask { key: b"key".to_vec(), known: Default::default(), base: String::new() }
    }

    #[test]
    fn a_query_keeps_its_spelling_and_loses_its_people() {
        let mask = mask();
        let address = mask.text("jane@acme.com");
        let quoted = address.replace('@', "%40");
        for (sent, masked) in [
            (
                "/Users?filter=userName+Eq+%22jane@acme.com%22&count=2",
                format!("/Users?filter=userName+Eq+%22{address}%22&count=2"),
            ),
            (
                "/Users?filter=userName%20eq%20%22jane%40acme.com%22",
                format!("/Users?filter=userName%20eq%20%22{quoted}%22"),
            ),
            (
                "/Users?aadOptscim062020&filter=externalId%20eq%20jane",
                format!("/Users?aadOptscim062020&filter=externalId%20eq%20{}", mask.text("jane")),
            ),
            (
                "/Users?filter=emails[type eq \"work\"].value eq \"jane@acme.com\" and active eq \"True\"",
                format!("/Users?filter=emails[type eq \"work\"].value eq \"{address}\" and active eq \"True\""),
            ),
            (
                "/Groups/7?excludedAttributes=members",
                format!("/Groups/{}?excludedAttributes=members", mask.id(Of::Group, "7")),
            ),
            ("/Users/.search", "/Users/.search".to_owned()),
            ("/Schemas/urn:x:y", "/Schemas/urn:x:y".to_owned()),
        ] {
            assert_eq!(mask.target(sent), masked, "{sent}");
        }
    }

    #[test]
    fn a_path_is_about_groups_whatever_is_asked_of_them() {
        assert_eq!(of("/Groups?filter=displayName%20eq%20%22/Users%22"), Of::Group);
        assert_eq!(of("/Users?filter=groups%20eq%20%22/Groups/%22"), Of::User);
    }

    #[test]
    fn a_member_that_is_looked_for_is_an_id() {
        let mask = mask();
        let id = mask.id(Of::User, "42");
        for sent in ["members[value eq \"42\"]", "members.value eq \"42\"", "members[value eq 42]"] {
            assert_eq!(mask.filter(Of::Group, sent), sent.replace("42", &id), "{sent}");
        }
        assert_eq!(mask.filter(Of::User, "id eq \"42\""), format!("id eq \"{id}\""));
        assert_eq!(mask.filter(Of::User, "x eq \"a\\\" or"), format!("x eq \"{}\"", mask.text("a\\\" or")));
    }
}
