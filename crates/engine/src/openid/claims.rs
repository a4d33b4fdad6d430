//! What the claims of a token mean, once its signature is known to be the provider's: whether it is for us and of now, who
//! it speaks of, as what they are let in, and whose sessions end.
//! It computes and asks nobody.

use super::settings::OidcConfig;
use serde_json::{Map, Value};
use tenure_core::role::Role;

pub(super) type Claims = Map<String, Value>;

/// How far a provider's clock may be from ours.
const SKEW_MS: i64 = 60_000;
/// How old a token may be that was just fetched.
const AGE_MAX_MS: i64 = 10 * 60_000;
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";
const NAME_LEN_MAX: usize = 200;

/// Whose token is awaited, and when.
pub(super) struct Awaited<'a> {
    pub config: &'a OidcConfig,
    pub now_ms: i64,
}

/// Whom a provider speaks of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spoken {
    pub subject: Option<String>,
    pub sid: Option<String>,
}

/// Checks that an ID token is the answer to what was asked with this nonce.
pub(super) fn judge_id(claims: &Claims, awaited: &Awaited<'_>, nonce: &str) -> Result<Spoken, &'static str> {
    is_for_us(claims, awaited)?;
    if text(claims, "nonce") != Some(nonce) {
        return Err("it answers another question (nonce)");
    }
    let spoken = spoken(claims)?;
    match &spoken.subject {
        Some(_) => Ok(spoken),
        None => Err("it names nobody (sub)"),
    }
}

/// Checks that a logout token is one, and says whose sessions end.
pub(super) fn judge_logout(claims: &Claims, awaited: &Awaited<'_>) -> Result<Spoken, &'static str> {
    is_for_us(claims, awaited)?;
    if !claims.get("events").and_then(|events| events.get(LOGOUT)).is_some_and(Value::is_object) {
        return Err("it tells of no sign-out (events)");
    }
    if claims.contains_key("nonce") {
        return Err("it has a nonce, as no logout token has");
    }
    if text(claims, "jti").is_none() {
        return Err("it has no id (jti)");
    }
    let spoken = spoken(claims)?;
    if spoken.subject.is_none() && spoken.sid.is_none() {
        return Err("it names neither a person nor a session");
    }
    Ok(spoken)
}

fn is_for_us(claims: &Claims, Awaited { config, now_ms }: &Awaited<'_>) -> Result<(), &'static str> {
    if text(claims, "iss") != Some(&config.issuer) {
        return Err("it is another issuer's (iss)");
    }
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audience.contains(&config.client_id.as_str()) {
        return Err("it is for somebody else (aud)");
    }
    let party = text(claims, "azp");
    if party.is_some_and(|party| party != config.client_id) || (audience.len() > 1 && party.is_none()) {
        return Err("it was given to somebody else (azp)");
    }
    let moment = |name| claims.get(name).and_then(Value::as_f64).map(|seconds| (seconds * 1000.0) as i64);
    match (moment("iat"), moment("exp")) {
        (Some(made), Some(ends)) if ends <= now_ms - SKEW_MS || made < now_ms - AGE_MAX_MS => {
            Err("it has ended (exp, iat)")
        }
        (Some(made), Some(_)) if made > now_ms + SKEW_MS => Err("it is of later than now (iat); are the clocks right?"),
        (Some(_), Some(_)) if moment("nbf").is_some_and(|from| from > now_ms + SKEW_MS) => {
            Err("it is not good yet (nbf)")
        }
        (Some(_), Some(_)) => Ok(()),
        _ => Err("it does not say when it was made and when it ends (iat, exp)"),
    }
}

fn spoken(claims: &Claims) -> Result<Spoken, &'static str> {
    let mark = |name| match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= 255 => Ok(Some(text.clone())),
        Some(_) => Err("its marks are not as they must be (sub, sid)"),
    };
    Ok(Spoken { subject: mark("sub")?, sid: mark("sid")? })
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// Tells whether a provider would have to be asked for what its token does not say.
pub(super) fn lacks(claims: &Claims, config: &OidcConfig) -> bool {
    let asks_groups = Role::ALL.iter().any(|role| !config.roles.of(*role).is_empty());
    let overage = claims.contains_key("_claim_names");
    text(claims, &config.who).is_none() || (asks_groups && !overage && !claims.contains_key(&config.groups_claim))
}

/// Says who is signed in, and as what they are let in.
pub(super) fn admit(claims: &Claims, config: &OidcConfig) -> Result<(String, Role), String> {
    let who = who(claims, config)?;
    let groups = groups(claims, config);
    let by_group = |role: Role| config.roles.of(role).iter().any(|group| groups.contains(&group.as_str()));
    let by_name = |role: Role| config.people.of(role).iter().any(|name| name.eq_ignore_ascii_case(&who));
    let found = Role::ALL.into_iter().rev().find(|role| by_group(*role) || by_name(*role));
    let everyone = || config.everyone.as_deref().and_then(|role| role.parse().ok());
    match found.or_else(everyone) {
        Some(role) => Ok((who, role)),
        None => Err(no_role(claims, config)),
    }
}

fn who(claims: &Claims, config: &OidcConfig) -> Result<String, String> {
    let name = &config.who;
    let who = text(claims, name).map(str::trim).filter(|who| !who.is_empty());
    let who = who.ok_or_else(|| format!("the provider tells no address (`{name}`)"))?;
    let verified =
        claims.get("email_verified").map(|told| told.as_bool() == Some(true) || told.as_str() == Some("true"));
    if name == "email" && verified != Some(true) {
        return Err("the provider does not vouch for the address (`email_verified`)".into());
    }
    if who.chars().count() > NAME_LEN_MAX || who.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("what the provider tells as `{name}` is no address"));
    }
    if let Some(domain) = &config.domain {
        let of = who.rsplit_once('@').map(|(_, of)| of);
        let told = text(claims, "hd");
        let same = |other: &str| other.eq_ignore_ascii_case(domain);
        if !of.is_some_and(same) || !told.is_none_or(same) {
            return Err("the account is of another domain".into());
        }
    }
    Ok(who.to_lowercase())
}

fn groups<'a>(claims: &'a Claims, config: &OidcConfig) -> Vec<&'a str> {
    match claims.get(&config.groups_claim) {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    }
}

/// Says why nobody is let in whom the provider has signed in.
fn no_role(claims: &Claims, config: &OidcConfig) -> String {
    let claim = &config.groups_claim;
    if claims.get("_claim_names").is_some_and(|names| names.get(claim).is_some()) {
        return "the account is in more groups than the provider puts into a token; have it send only the groups that are \
                assigned to the application, or roles of the application"
            .into();
    }
    if !claims.contains_key(claim) && Role::ALL.iter().any(|role| !config.roles.of(*role).is_empty()) {
        return format!("the provider tells no groups (`{claim}`), and the account has no role of its own");
    }
    "the account has no role here".into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn config(more: &str) -> OidcConfig {
        let text = "issuer = \"https://idp.example\"\nclient_id = \"tenure\"\n[roles]\nviewer = [\"staff\"]\nadmin = [\"it\"]\n";
        toml::from_str(&format!("{more}\n{text}")).unwrap()
    }

    fn claims(change: Value) -> Claims {
        let seconds = NOW_MS / 1000;
        let mut claims = json!({ "iss": "https://idp.example", "aud": "tenure", "sub": "u1", "iat": seconds,
            "exp": seconds + 300, "nonce": "n", "email": "Mia@acme.example", "email_verified": true, "groups": ["staff"] });
        for (name, value) in change.as_object().unwrap() {
            match value.is_null() {
                true => claims.as_object_mut().unwrap().remove(name),
                false => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        claims.as_object().unwrap().clone()
    }

    #[test]
    fn a_token_for_somebody_else_or_of_another_time_is_not_believed() {
        let config = config("");
        let awaited = Awaited { config: &config, now_ms: NOW_MS };
        assert_eq!(judge_id(&claims(json!({})), &awaited, "n").unwrap().subject.as_deref(), Some("u1"));
        let seconds = NOW_MS / 1000;
        let wrong = [
            json!({ "iss": "https://idp.example/" }),
            json!({ "aud": "other" }),
            json!({ "aud": ["tenure", "other"] }),
            json!({ "azp": "other" }),
            json!({ "exp": seconds - 61 }),
            json!({ "iat": seconds + 61 }),
            json!({ "iat": seconds - 601 }),
            json!({ "nbf": seconds + 61 }),
            json!({ "exp": null }),
            json!({ "nonce": "other" }),
            json!({ "nonce": null }),
            json!({ "sub": null }),
            json!({ "sub": 7 }),
        ];
        for change in wrong {
            assert!(judge_id(&claims(change.clone()), &awaited, "n").is_err(), "{change}");
        }
        let late = json!({ "exp": seconds - 59, "aud": ["tenure", "other"], "azp": "tenure" });
        assert!(judge_id(&claims(late), &awaited, "n").is_ok(), "clocks may differ by a minute");
    }

    #[test]
    fn an_id_token_ends_no_session_and_a_logout_token_opens_none() {
        let config = config("");
        let awaited = Awaited { config: &config, now_ms: NOW_MS };
        assert!(judge_logout(&claims(json!({})), &awaited).is_err());
        let logout = json!({ "nonce": null, "jti": "1", "events": { LOGOUT: {} }, "sid": "s" });
        let spoken = judge_logout(&claims(logout.clone()), &awaited).unwrap();
        assert_eq!((spoken.subject.as_deref(), spoken.sid.as_deref()), (Some("u1"), Some("s")));
        assert!(judge_id(&claims(logout.clone()), &awaited, "n").is_err());
        for (name, value) in [("nonce", json!("n")), ("jti", Value::Null), ("events", json!({})), ("aud", json!("x"))] {
            let mut change = logout.clone();
            change[name] = value;
            assert!(judge_logout(&claims(change), &awaited).is_err(), "{name}");
        }
        let nobody = json!({ "nonce": null, "jti": "1", "events": { LOGOUT: {} }, "sub": null });
        assert!(judge_logout(&claims(nobody), &awaited).is_err());
    }

    #[test]
    fn a_role_comes_from_a_group_a_name_or_from_being_there_at_all() {
        let let_in = |change: Value, more: &str| admit(&claims(change), &config(more));
        assert_eq!(let_in(json!({}), ""), Ok(("mia@acme.example".into(), Role::Viewer)));
        assert_eq!(let_in(json!({ "groups": ["it", "staff"] }), "").unwrap().1, Role::Admin);
        assert_eq!(let_in(json!({ "groups": "it" }), "").unwrap().1, Role::Admin);
        assert_eq!(let_in(json!({ "groups": [] }), "everyone = \"viewer\"").unwrap().1, Role::Viewer);
        let named = "people = { approver = [\"mia@ACME.example\"] }";
        assert_eq!(let_in(json!({ "groups": null }), named).unwrap().1, Role::Approver);
        assert!(let_in(json!({ "groups": ["others"] }), "").unwrap_err().contains("no role"));
        assert!(let_in(json!({ "groups": null }), "").unwrap_err().contains("tells no groups"));
        let overage = json!({ "groups": null, "_claim_names": { "groups": "src1" } });
        assert!(let_in(overage, "").unwrap_err().contains("more groups"));
    }

    #[test]
    fn an_address_that_nobody_vouches_for_lets_nobody_in() {
        let let_in = |change: Value, more: &str| admit(&claims(change), &config(more));
        for change in [json!({ "email_verified": false }), json!({ "email_verified": null }), json!({ "email": null })]
        {
            assert!(let_in(change.clone(), "").is_err(), "{change}");
        }
        let upn = json!({ "email": null, "email_verified": null, "upn": "mia@acme.example" });
        assert!(let_in(upn, "who = \"upn\"").is_ok());
        assert!(let_in(json!({}), "domain = \"acme.example\"").is_ok());
        assert!(let_in(json!({ "hd": "other.example" }), "domain = \"acme.example\"").is_err());
        assert!(let_in(json!({ "email": "mia@evil-acme.example" }), "domain = \"acme.example\"").is_err());
    }
}
