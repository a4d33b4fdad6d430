//! Masks what says who somebody is: each word becomes another one, the same each time, so that an address stays that of
//! the person whose name it holds. What it becomes hangs on a key that is kept nowhere but beside the recording.
//! Words of the protocol and names of what an app has are left as they are; everything else is taken to be somebody's.

use super::filter;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Attributes whose values are words of the protocol, of a language or of a clock.
const KEPT: [&str; 19] = [
    "schemas",
    "op",
    "type",
    "resourcetype",
    "method",
    "scimtype",
    "status",
    "locale",
    "preferredlanguage",
    "timezone",
    "usertype",
    "state",
    "created",
    "lastmodified",
    "sortby",
    "sortorder",
    "attributes",
    "excludedattributes",
    "bulkid",
];
/// Attributes whose numbers count something.
const COUNTS: [&str; 5] = ["totalresults", "startindex", "itemsperpage", "count", "failonerrors"];
/// Lists whose values are ids.
const OF_USERS: [&str; 3] = ["members", "manager", "directreports"];
const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
const VOWELS: &[u8] = b"aeiou";

/// What ids are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    User,
    Group,
    /// A version or a cursor.
    Tag,
}

impl Of {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Tag => "tag",
        }
    }
}

/// Where a value stands: its attribute, and that within which it is.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub parent: &'a str,
    pub key: &'a str,
}

/// Masks words.
#[derive(Clone, Debug)]
pub struct Mask {
    /// On which it hangs what a word becomes.
    pub key: Vec<u8>,
    /// In small letters: names of roles and groups, which are nobody's.
    pub known: BTreeSet<String>,
    /// The address before `/Users`.
    pub base: String,
}

impl Mask {
    /// Masks a text, word by word.
    pub fn text(&self, text: &str) -> String {
        let small = text.to_lowercase();
        if text.is_empty() || ["true", "false"].contains(&small.as_str()) || self.known.contains(&small) {
            return text.to_owned();
        }
        if text.starts_with("bulkId:") {
            return text.to_owned();
        }
        let inner = Some(text).filter(|text| text.starts_with(['{', '[']));
        if let Some(Ok(inner)) = inner.map(serde_json::from_str::<Value>) {
            return self.value(Of::User, At { parent: "", key: "" }, &inner).to_string();
        }
        match text.rsplit_once('@') {
            Some((local, domain)) if domain.contains('.') => {
                format!("{}@{}.example", self.words(local), self.word(domain))
            }
            _ if is_guid(text) => self.shaped(text),
            _ => self.words(text),
        }
    }

    fn words(&self, text: &str) -> String {
        let mut masked = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let is_word = first.is_alphanumeric();
            let end = rest.find(|letter: char| letter.is_alphanumeric() != is_word).unwrap_or(rest.len());
            let (run, behind) = rest.split_at(end);
            match is_word {
                true if run.chars().all(char::is_alphabetic) => masked.push_str(&self.word(run)),
                true => masked.push_str(&self.shaped(run)),
                false => masked.push_str(run),
            }
            rest = behind;
        }
        masked
    }

    /// Makes up a word, written as large as the one that it stands for.
    fn word(&self, word: &str) -> String {
        let bytes = self.bytes(word);
        let syllables = bytes.chunks(2).take(4);
        let made: String = syllables
            .flat_map(|pair| {
                let of = |letters: &[u8], byte: &u8| char::from(letters[usize::from(*byte) % letters.len()]);
                [of(CONSONANTS, &pair[0]), of(VOWELS, &pair[1])]
            })
            .collect();
        let is_large = |letter: char| letter.is_uppercase();
        match word.chars().next() {
            Some(first) if is_large(first) && word.chars().count() > 1 && !word.chars().any(char::is_lowercase) => {
                made.to_uppercase()
            }
            Some(first) if is_large(first) => made[..1].to_uppercase() + &made[1..],
            _ => made,
        }
    }

    /// Puts other letters and digits in the place of each, for ids and numbers.
    fn shaped(&self, text: &str) -> String {
        let bytes = self.bytes(text);
        let kept = if text.len() == 20 && text.starts_with("00u") { 3 } else { 0 };
        let other = |(at, letter): (usize, char)| {
            let byte = bytes[at % bytes.len()].wrapping_add((at / bytes.len()) as u8);
            let within = |first: u8, count: u8| char::from(first + byte % count);
            match letter {
                _ if at < kept => letter,
                '0'..='9' => within(b'0', 10),
                'a'..='f' => within(b'a', 6),
                'A'..='F' => within(b'A', 6),
                _ if letter.is_uppercase() => within(b'A', 26),
                _ if letter.is_alphabetic() => within(b'a', 26),
                _ if letter.is_numeric() => within(b'0', 10),
                _ => letter,
            }
        };
        text.chars().enumerate().map(other).collect()
    }

    fn bytes(&self, word: &str) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update((self.key.len() as u64).to_be_bytes());
        hasher.update(&self.key);
        hasher.update(word.to_lowercase());
        hasher.finalize().into()
    }

    /// Marks an id, to be given a name later.
    pub(super) fn id(&self, of: Of, id: &str) -> String {
        let bytes = self.bytes(id);
        let digits: String = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{{{}:{digits}}}", of.as_str())
    }

    /// Masks an address of a resource, of ours or of somebody else.
    fn link(&self, of: Of, link: &str) -> String {
        let ours = link.strip_prefix(self.base.as_str()).filter(|_| !self.base.is_empty());
        let (start, rest) = match ours.or_else(|| link.strip_prefix("..")) {
            Some(rest) if ours.is_some() => ("{base}", rest),
            Some(rest) => ("..", rest),
            None => return self.text(link),
        };
        let (place, id) = rest.rsplit_once('/').unwrap_or(("", rest));
        let of = if place.ends_with("Groups") {
            Of::Group
        } else if place.ends_with("Users") {
            Of::User
        } else {
            of
        };
        format!("{start}{place}/{}", self.id(of, id))
    }

    /// Masks a value; `of` is what the request is about.
    pub(super) fn value(&self, of: Of, at: At<'_>, value: &Value) -> Value {
        match value {
            Value::Array(all) => all.iter().map(|one| self.value(of, at, one)).collect(),
            Value::Object(object) => self.object(of, at, object).into(),
            Value::String(text) => self.string(of, at, text).into(),
            Value::Number(number) if !COUNTS.contains(&at.key) => {
                let shaped = self.shaped(&number.to_string());
                serde_json::from_str(&shaped).unwrap_or_else(|_| shaped.trim_start_matches('0').len().into())
            }
            plain => plain.clone(),
        }
    }

    fn object(&self, of: Of, at: At<'_>, object: &Map<String, Value>) -> Map<String, Value> {
        let path = object.iter().find(|(key, _)| key.eq_ignore_ascii_case("path"));
        let path = path.and_then(|(_, path)| path.as_str());
        let is_operation = object.keys().any(|key| key.eq_ignore_ascii_case("op"));
        let masked = |(key, value): (&String, &Value)| {
            let (outer, name) = names(key);
            let outer = if outer.is_empty() { at.key } else { outer.as_str() };
            let masked = match (name.as_str(), path) {
                ("path", Some(path)) if is_operation => self.filter(of, path).into(),
                ("path", Some(path)) => self.target(path).into(),
                ("value", Some(path)) if is_operation => {
                    let plain = filter::without_brackets(path);
                    let (parent, key) = names(&plain);
                    self.value(of, At { parent: &parent, key: &key }, value)
                }
                _ => self.value(of, At { parent: outer, key: &name }, value),
            };
            (key.clone(), masked)
        };
        object.iter().map(masked).collect()
    }

    pub(super) fn string(&self, of: Of, at: At<'_>, text: &str) -> String {
        let is_user = OF_USERS.contains(&at.key) || at.key == "value" && OF_USERS.contains(&at.parent);
        let is_group = at.key == "groups" || at.key == "value" && at.parent == "groups";
        match at.key {
            _ if text.is_empty() => String::new(),
            key if KEPT.contains(&key) => text.to_owned(),
            key if ["password", "secret", "token"].iter().any(|word| key.contains(word)) => "masked".into(),
            "id" => self.id(of, text),
            "managerid" => self.id(Of::User, text),
            _ if is_user => self.id(Of::User, text),
            _ if is_group => self.id(Of::Group, text),
            "version" | "nextcursor" | "previouscursor" => self.id(Of::Tag, text),
            "$ref" | "location" => self.link(of, text),
            _ => self.text(text),
        }
    }
}

/// Splits `urn:…:User:name.givenName` into `name` and `givenname`.
fn names(key: &str) -> (String, String) {
    let plain = if key.to_lowercase().starts_with("urn:") { key.rsplit(':').next().unwrap_or(key) } else { key };
    let (outer, name) = plain.rsplit_once('.').unwrap_or(("", plain));
    (outer.to_lowercase(), name.to_lowercase())
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mask() -> Mask {
        let known = ["agent".to_owned(), "night shift".to_owned()].into();
        Mask { key: b"key".to_vec(), known, base: "https://x.example/scim/v2/desk".into() }
    }

    #[test]
    fn a_word_becomes_the_same_word_wherever_it_stands() {
        let mask = mask();
        let (address, name) = (mask.text("jane.doe@acme.com"), mask.text("Jane DOE"));
        let (local, domain) = address.split_once('@').unwrap();
        assert_eq!(local.replace('.', " "), name.to_lowercase());
        assert!(domain.ends_with(".example") && !address.contains("jane") && !address.contains("acme"), "{address}");
        assert_eq!(mask.text("JANE.DOE@acme.com").to_lowercase(), address);
        let other = Mask { key: b"other".to_vec(), ..mask.clone() };
        assert_ne!(other.text("jane"), mask.text("jane"));
    }

    #[test]
    fn ids_and_numbers_keep_their_shape_and_nothing_else() {
        let mask = mask();
        let okta = mask.text("00ujl29u0le5T6Aj10h7");
        assert!(okta.starts_with("00u") && okta.len() == 20 && okta != "00ujl29u0le5T6Aj10h7", "{okta}");
        let guid = mask.text("b2a9aa31-3c5c-4bd1-9c0c-5f7c41c5b3a1");
        assert!(is_guid(&guid) && guid != "b2a9aa31-3c5c-4bd1-9c0c-5f7c41c5b3a1", "{guid}");
        let phone = mask.text("+1 (555) 123-4567");
        assert!(phone.starts_with('+') && phone.len() == 17 && !phone.contains("4567"), "{phone}");
        for plain in ["", "True", "Agent", "NIGHT SHIFT"] {
            assert_eq!(mask.text(plain), plain);
        }
    }

    #[test]
    fn what_stands_for_people_is_masked_in_a_body_and_words_of_the_protocol_are_not() {
        let mask = mask();
        let body = json!({"schemas": ["urn:x"], "id": "42", "userName": "jane@acme.com", "active": "True", "password": "p",
            "employeeNumber": 70198, "emails": [{"type": "work", "value": "jane@acme.com"}], "roles": [{"value": "Agent"}],
            "urn:y:User": {"manager": {"value": "7", "$ref": "../Users/7"}, "department": "Ops"}});
        let masked = mask.value(Of::User, At { parent: "", key: "" }, &body);
        assert_eq!(
            (&masked["schemas"], &masked["active"], &masked["password"]),
            (&body["schemas"], &body["active"], &json!("masked"))
        );
        assert_eq!(masked["emails"][0]["value"], masked["userName"]);
        assert_eq!(masked["roles"], body["roles"]);
        assert_eq!(
            masked["urn:y:User"]["manager"]["$ref"],
            format!("../Users/{}", masked["urn:y:User"]["manager"]["value"].as_str().unwrap())
        );
        let text = masked.to_string();
        assert!(!["jane", "acme", "70198", "\"42\"", "\"7\"", "Ops"].iter().any(|word| text.contains(word)), "{text}");
    }

    #[test]
    fn operations_are_masked_by_their_path() {
        let mask = mask();
        let user = mask.id(Of::User, "42");
        let body = json!({"Operations": [
            {"op": "Remove", "path": "members[value eq \"42\"]"},
            {"op": "add", "path": "members", "value": [{"value": "42", "display": "Jane"}]},
            {"op": "replace", "value": {"id": "9", "displayName": "Night shift", "urn:x:2.0:User:name.givenName": "Jane"}},
        ]});
        let masked = mask.value(Of::Group, At { parent: "", key: "" }, &body);
        let all = masked["Operations"].as_array().unwrap();
        assert_eq!(all[0]["path"], format!("members[value eq \"{user}\"]"));
        assert_eq!(all[1]["value"][0]["value"], user);
        assert_eq!(
            (&all[2]["value"]["id"], &all[2]["value"]["displayName"]),
            (&json!(mask.id(Of::Group, "9")), &json!("Night shift"))
        );
        assert!(!masked.to_string().contains("Jane"), "{masked}");
    }
}
