//! What is wrong with `[notify.NAME]`: whether the secrets can be read, and whether somebody answers where messages go.
//! Asked by `check`. Nothing is sent: a connection is opened and closed.

use super::settings::{ReceiverConfig, Way};
use crate::check::{CheckLine, Verdict};
use crate::config::SecretPlace;
use crate::house::House;
use crate::secrets::read_secret;
use secrecy::{ExposeSecret, SecretString};
use tenure_connect::{HookReach, Unreached, reach_hook, reach_mail};

/// Checks every receiver; with `offline` nobody is looked for.
pub(crate) async fn check(house: &House, offline: bool) -> Vec<CheckLine> {
    let mut lines = Vec::new();
    for (name, receiver) in &house.config.notify {
        let line = |verdict, says: String| CheckLine::of_files(&format!("notify {name}"), verdict, says);
        lines.push(match look(house, name, receiver, offline).await {
            Ok(Some(who)) => line(Verdict::Good, format!("{who} answers; nothing was sent")),
            Ok(None) => line(Verdict::Good, "its secrets can be read; nobody was looked for".into()),
            Err(unreached) => CheckLine {
                unreachable: matches!(unreached, Unreached::Silent(_)),
                ..line(Verdict::Problem, unreached.to_string())
            },
        });
    }
    lines
}

async fn look(
    house: &House,
    name: &str,
    receiver: &ReceiverConfig,
    offline: bool,
) -> Result<Option<String>, Unreached> {
    let secret = |key: &str, place: &SecretPlace| -> Result<SecretString, Unreached> {
        let read = read_secret(&format!("[notify.{name}]"), key, place, &house.config.folder);
        read.map_err(|error| Unreached::Wrong(error.to_string()))
    };
    let reach = |private| if private { HookReach::Private } else { HookReach::Public };
    let is_known = |group: &&String| house.policy.approvers.contains_key(group.as_str());
    if let Some(group) = receiver.approvers.iter().find(|group| !is_known(group)) {
        let says = format!("no group {group:?} is in [approvers] of the policy, so that nobody is told for it");
        return Err(Unreached::Wrong(says));
    }
    match receiver.way().map_err(|(_, says, _)| Unreached::Wrong(says))? {
        Way::Webhook(webhook) => {
            let key = secret("secret", &webhook.secret)?;
            super::message::signed(&key, "msg", 0, "").map_err(|error| Unreached::Wrong(error.to_string()))?;
            if offline { Ok(None) } else { reach_hook(&webhook.url, reach(webhook.allow_private)).await.map(Some) }
        }
        Way::Slack(slack) => {
            let url = secret("url", &slack.url)?;
            if offline {
                return Ok(None);
            }
            reach_hook(url.expose_secret(), reach(slack.allow_private)).await.map(Some)
        }
        Way::Email(email) => {
            email.password.as_ref().map(|place| secret("password", place)).transpose()?;
            if offline { Ok(None) } else { reach_mail(&email.server).await.map(Some) }
        }
    }
}
