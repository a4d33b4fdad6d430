//! What is wrong with `[server.oidc.NAME]`: its secret, what the provider says of itself, its keys, and what has to be said
//! to the provider. Asked by `check`; nobody is signed in by it, and the secret is not sent.

use super::provider::Provider;
use super::settings::OidcConfig;
use crate::check::{CheckLine, Verdict};
use crate::house::House;
use async_recursion::async_recursion as boxed;
use tenure_connect::{Discovered, OpenidClient, OpenidError};
use tenure_core::role::Role;

/// Checks every provider; with `offline` nothing is asked of them.
pub(crate) async fn check(house: &House, offline: bool) -> Vec<CheckLine> {
    let mut lines = Vec::new();
    for (name, config) in &house.config.server.oidc {
        lines.extend(check_one(house, name, config, offline).await);
    }
    lines
}

#[boxed]
async fn check_one(house: &House, name: &str, config: &OidcConfig, offline: bool) -> Vec<CheckLine> {
    let line = |verdict, says: String| CheckLine::of_files(&format!("sign-in {name}"), verdict, says);
    let mut lines = vec![match &house.config.server.public_url {
        Some(url) => {
            let back = format!("{}/sign-in/{name}/back", url.trim_end_matches('/'));
            line(Verdict::Confirm, format!("{} has {back} as an address to send people back to", config.title(name)))
        }
        None => line(Verdict::Problem, "say `public_url` under [server]: the provider sends people back to it".into()),
    }];
    let client = match Provider::new(name, config).client(house).await {
        Ok(client) => client,
        Err(error) => {
            lines.push(line(Verdict::Problem, error.to_string()));
            return lines;
        }
    };
    lines.push(line(
        Verdict::Good,
        match config.client_secret {
            Some(_) => "the client's secret can be read".into(),
            None => "it is a public client, without a secret".into(),
        },
    ));
    if offline {
        lines.push(line(Verdict::Good, format!("{} was not asked", config.issuer)));
        return lines;
    }
    lines.extend(ask(&client, config, line).await);
    lines
}

async fn ask(
    client: &OpenidClient,
    config: &OidcConfig,
    line: impl Fn(Verdict, String) -> CheckLine,
) -> Vec<CheckLine> {
    let failed = |error: &OpenidError| CheckLine {
        unreachable: matches!(error, OpenidError::Unreached(_)),
        ..line(Verdict::Problem, format!("{}: {error}", config.issuer))
    };
    let said = match client.discover().await {
        Ok(said) => said,
        Err(error) => return vec![failed(&error)],
    };
    if said.issuer != config.issuer {
        let says = format!("it calls itself {}, and `issuer` must be that to the letter", said.issuer);
        return vec![line(Verdict::Problem, says)];
    }
    let mut lines = vec![match client.keys(&said).await {
        Ok(keys) if keys.is_empty() => line(Verdict::Problem, "it publishes no key by which its word is known".into()),
        Ok(keys) => line(Verdict::Good, format!("{} answers, with {} keys", config.issuer, keys.len())),
        Err(error) => failed(&error),
    }];
    lines.extend(doubts(&said, config).into_iter().map(|says| line(Verdict::Confirm, says)));
    lines
}

/// Says what the provider does not list though it is needed here: it may give it all the same.
fn doubts(said: &Discovered, config: &OidcConfig) -> Vec<String> {
    let lacks = |listed: &Option<Vec<String>>, word: &String| {
        listed.as_ref().is_some_and(|listed| !listed.is_empty() && !listed.contains(word))
    };
    let scopes = config.scopes.iter().filter(|scope| lacks(&said.scopes_supported, scope));
    let mut doubts: Vec<String> =
        scopes.map(|scope| format!("it does not list the scope `{scope}`, which is asked for")).collect();
    let by_group = Role::ALL.iter().any(|role| !config.roles.of(*role).is_empty());
    if by_group && lacks(&said.claims_supported, &config.groups_claim) {
        let claim = &config.groups_claim;
        doubts.push(format!("it does not list the claim `{claim}`: the application there must be told to send it"));
    }
    if lacks(&said.claims_supported, &config.who) {
        doubts.push(format!("it does not list the claim `{}`, which holds who somebody is", config.who));
    }
    doubts
}
