//! Tokens of SCIM clients that end soon, or ended without a follower: an identity provider that is refused stops, and
//! tells nobody here. Told as findings, long before. What takes the place of a token is its follower of the same name,
//! from the moment at which it is used.

use crate::clock::moment_text;
use crate::error::EngineError;
use crate::house::House;
use crate::token::{WARNED_MS, good};
use std::collections::BTreeMap;
use tenure_core::change::{Finding, FindingKind, Severity};
use tenure_core::finding::About;
use tenure_core::scope::Scope;
use tenure_store::Token;

/// How long after its end a token is still spoken of.
const SPOKEN_OF_MS: i64 = 30 * 24 * 3600 * 1000;

/// Finds clients that will be refused soon, or are.
pub(crate) async fn findings(house: &House) -> Result<Vec<Finding>, EngineError> {
    Ok(ending(&house.store.tokens().await?, house.clock.now_ms()))
}

fn ending(all: &[Token], now_ms: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    for token in all.iter().filter(|token| token.revoked_ms.is_none()) {
        let Some(ends_ms) = token.expires_ms else { continue };
        let left_ms = ends_ms - now_ms;
        if !(-SPOKEN_OF_MS..=WARNED_MS).contains(&left_ms) || is_followed(token, all, now_ms) {
            continue;
        }
        let has_ended = left_ms <= 0;
        let severity = if has_ended { Severity::High } else { Severity::Medium };
        let verb = if has_ended { "ended" } else { "ends" };
        for scope in token.scopes.iter().filter_map(|scope| Scope::read(scope)) {
            let Scope::Scim(connection) = &scope else { continue };
            let text = format!(
                "the token {} ({}) of a SCIM client of {connection} {verb} at {}; `tenure token {} its follower",
                token.id,
                token.name,
                moment_text(ends_ms),
                if has_ended { "create` makes".into() } else { format!("rotate {}` makes", token.id) },
            );
            let about = About::new(FindingKind::Credential, severity).connection(connection).topic(&token.id);
            let facts = BTreeMap::from([("token".to_owned(), token.id.clone().into())]);
            findings.push(about.finding(text, facts));
        }
    }
    findings
}

/// Tells whether another token of the same name took its place.
fn is_followed(token: &Token, all: &[Token], now_ms: i64) -> bool {
    all.iter().any(|other| {
        let is_same = other.name == token.name && other.scopes == token.scopes && other.id != token.id;
        let lasts = other.expires_ms.is_none_or(|ends_ms| ends_ms > token.expires_ms.unwrap_or(i64::MAX));
        is_same && lasts && other.used_ms.is_some() && good(other.clone(), now_ms).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3600 * 1000;

    fn token(id: &str, scope: &str, expires_ms: Option<i64>, used_ms: Option<i64>) -> Token {
        Token {
            id: id.into(),
            hash: String::new(),
            name: "okta".into(),
            owner: "mia@acme.example".into(),
            scopes: vec![scope.into()],
            created_ms: 0,
            expires_ms,
            revoked_ms: None,
            used_ms,
        }
    }

    #[test]
    fn nothing_is_said_of_tokens_that_last_or_are_no_clients() {
        let all = [
            token("a", "scim:gorgias", None, None),
            token("b", "scim:gorgias", Some(WARNED_MS + DAY_MS), None),
            token("c", "api:read", Some(DAY_MS), None),
        ];
        assert_eq!(ending(&all, 0), []);
    }

    #[test]
    fn a_client_is_told_of_before_it_is_refused_and_after() {
        let before = ending(&[token("a", "scim:gorgias", Some(DAY_MS), None)], 0);
        assert_eq!((before.len(), before[0].severity), (1, Severity::Medium));
        let after = ending(&[token("a", "scim:gorgias", Some(DAY_MS), None)], 2 * DAY_MS);
        assert_eq!((after[0].severity, &after[0].id), (Severity::High, &before[0].id));
        assert_eq!(ending(&[token("a", "scim:gorgias", Some(DAY_MS), None)], 40 * DAY_MS), []);
    }

    #[test]
    fn a_follower_ends_the_finding_once_it_is_used() {
        let old = token("a", "scim:gorgias", Some(DAY_MS), Some(1));
        let unused = token("b", "scim:gorgias", Some(90 * DAY_MS), None);
        assert_eq!(ending(&[old.clone(), unused.clone()], 0).len(), 1);
        let used = Token { used_ms: Some(1), ..unused };
        assert_eq!(ending(&[old, used], 0), []);
    }
}
