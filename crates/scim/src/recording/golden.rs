//! The usual day of each identity provider that is known, written after its published description. Each is a recording like
//! any other, so that a change of ours is tried on all of them at once.

/// The recordings by their names, in order.
const GOLDEN: [(&str, &str); 7] = [
    ("entra", include_str!("../../recordings/entra.txt")),
    ("entra-flag", include_str!("../../recordings/entra-flag.txt")),
    ("google", include_str!("../../recordings/google.txt")),
    ("jumpcloud", include_str!("../../recordings/jumpcloud.txt")),
    ("okta-aiw", include_str!("../../recordings/okta-aiw.txt")),
    ("okta-oin", include_str!("../../recordings/okta-oin.txt")),
    ("onelogin", include_str!("../../recordings/onelogin.txt")),
];

/// Lists the names.
pub fn golden_names() -> impl Iterator<Item = &'static str> {
    GOLDEN.iter().map(|(name, _)| *name)
}

/// Returns the text of one.
pub fn golden(name: &str) -> Option<&'static str> {
    GOLDEN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recording;

    #[test]
    fn each_is_a_recording_that_says_whose_it_is() {
        for name in golden_names() {
            let recording = Recording::read(golden(name).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(recording.client.is_some() && recording.app.is_some(), "{name}");
            assert!(recording.exchanges.len() >= 6, "{name}");
            let written = Recording::read(&recording.to_string()).unwrap();
            assert_eq!(written.exchanges.len(), recording.exchanges.len(), "{name}");
        }
    }
}
