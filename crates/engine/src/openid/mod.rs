//! Signing in to the console by an OpenID provider: whither somebody is sent, what is made of what they come back with, and
//! the end of their sessions when they sign out there. What lies between is kept by the browser alone, in one secret value
//! from which state, nonce and verifier are made: whoever comes back without it, or with another, is not let in.
//! How a page asks for it is not known here.

mod settings;
mod jwt;
mod claims;
mod provider;
mod check;

pub(crate) use check::check;
pub use settings::{OidcConfig, RolesConfig};

use crate::error::EngineError;
use crate::house::House;
use crate::session::{self, is_same};
use async_recursion::async_recursion as boxed;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claims::{Awaited, admit, judge_id, judge_logout, lacks};
use provider::Provider;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tenure_connect::Tokens;
use tenure_core::hex::hex;
use tenure_store::SignedBy;
use url::Url;

/// How long somebody may take at the provider.
pub const FLOW_MS: i64 = 10 * 60_000;
const NEXT_LEN_MAX: usize = 400;

/// The providers by which people may sign in.
#[derive(Debug)]
pub struct Providers(BTreeMap<String, Provider>);

/// Somebody who is about to sign in.
#[derive(Debug)]
pub struct Begun {
    /// Whither they are sent.
    pub place: Url,
    /// What their browser keeps meanwhile, and nobody else.
    pub flow: SecretString,
}

/// What somebody came back with.
#[derive(Debug, Default)]
pub struct Returned {
    /// What the browser kept.
    pub flow: String,
    /// The provider's code, or its refusal.
    pub code: Option<String>,
    /// The provider's word for why there is none.
    pub error: Option<String>,
    /// What was sent along, and has to come back.
    pub state: Option<String>,
    /// Who answers, where the provider says so.
    pub issuer: Option<String>,
}

/// What becomes of it.
#[derive(Debug)]
pub enum Landed {
    /// A session is open.
    Opened {
        /// What the browser keeps.
        credential: SecretString,
        /// How many seconds it lasts.
        seconds: i64,
        /// The page they wanted.
        next: String,
    },
    /// Nobody is let in, for this reason.
    Refused(String),
}

/// What a browser keeps while somebody is at the provider.
struct Flow<'a> {
    provider: &'a str,
    began_ms: i64,
    next: String,
    whole: &'a str,
}

impl<'a> Flow<'a> {
    fn read(whole: &'a str) -> Option<Self> {
        let [provider, began_ms, secret, next] = whole.split('.').collect::<Vec<_>>().try_into().ok()?;
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        let good = secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        good.then_some(Self { provider, began_ms: began_ms.parse().ok()?, next, whole })
    }
}

/// Makes one of the values that belong to a flow: none of them tells another, or the flow.
fn derive(what: &str, flow: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("tenure {what} {flow}")))
}

/// Returns a path within the console, or its beginning where the text would lead elsewhere.
pub fn within(next: &str) -> &str {
    let base = Url::parse("http://console.invalid/").ok();
    let stays =
        |base: Url| base.join(next).is_ok_and(|url| url.host_str() == base.host_str() && url.path() != "/sign-in");
    let plain = next.starts_with('/') && !next.starts_with("//") && next.len() <= NEXT_LEN_MAX;
    let plain = plain && next.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    if plain && base.is_some_and(stays) { next } else { "/" }
}

impl Providers {
    /// Returns the providers that the configuration names.
    pub fn of(house: &House) -> Self {
        let one = |(name, config): (&String, &OidcConfig)| (name.clone(), Provider::new(name, config));
        Self(house.config.server.oidc.iter().map(one).collect())
    }

    /// Lists them: their names, and what their buttons say.
    pub fn list(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(name, provider)| (name.clone(), provider.title().to_owned())).collect()
    }

    fn get(&self, name: &str) -> Result<&Provider, EngineError> {
        self.0.get(name).ok_or_else(|| EngineError::Missing("nobody signs in that way".into()))
    }

    /// Begins a signing-in: whither the browser goes, and what it keeps. `back` is where the provider sends it afterwards.
    ///
    /// # Errors
    /// There is no such provider, it cannot be reached, or the machine gives no random bytes.
    #[boxed]
    pub async fn begin(&self, house: &House, name: &str, back: &str, next: &str) -> Result<Begun, EngineError> {
        let provider = self.get(name)?;
        let said = provider.discovered(house).await?;
        let secret = hex(&house.chance.bytes::<32>()?);
        let next = URL_SAFE_NO_PAD.encode(within(next));
        let flow = format!("{name}.{}.{secret}.{next}", house.clock.now_ms());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(derive("verifier", &flow)));
        let mut place = said.authorization_endpoint.clone();
        place
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.config.client_id)
            .append_pair("redirect_uri", back)
            .append_pair("scope", &provider.scope())
            .append_pair("state", &derive("state", &flow))
            .append_pair("nonce", &derive("nonce", &flow))
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(Begun { place, flow: flow.into() })
    }

    /// Takes in whoever comes back from a provider.
    ///
    /// # Errors
    /// There is no such provider, or the store failed. That somebody is not let in is no error.
    #[tracing::instrument(name = "sign_in_by", skip_all, fields(provider = %name))]
    #[boxed]
    pub async fn land(&self, house: &House, name: &str, back: &str, with: &Returned) -> Result<Landed, EngineError> {
        let provider = self.get(name)?;
        let now_ms = house.clock.now_ms();
        let stale = || Landed::Refused("this signing-in was not begun here, or took too long; begin again".into());
        let Some(flow) = Flow::read(&with.flow) else { return Ok(stale()) };
        let state = is_same(with.state.as_deref().unwrap_or_default(), &derive("state", flow.whole));
        if !state || flow.provider != name || !(0..=FLOW_MS).contains(&(now_ms - flow.began_ms)) {
            return Ok(stale());
        }
        let title = provider.title();
        match self.judge(house, provider, back, with, &flow).await {
            Ok(signed) => open(house, name, signed, &flow).await,
            Err(Refusal::Distrusted(because)) => {
                tracing::warn!(provider = %name, %because, "nobody was let in on the word of a provider");
                Ok(Landed::Refused(format!("what {title} answered is not believed: {because}")))
            }
            Err(Refusal::Denied(because)) => {
                tracing::info!(provider = %name, %because, "somebody was not let in");
                Ok(Landed::Refused(because))
            }
        }
    }

    async fn judge(
        &self,
        house: &House,
        provider: &Provider,
        back: &str,
        with: &Returned,
        flow: &Flow<'_>,
    ) -> Result<Signed, Refusal> {
        let config = &provider.config;
        let said = provider.discovered(house).await.map_err(distrust)?;
        let names_itself = said.authorization_response_iss_parameter_supported;
        if with.issuer.as_ref().map_or(names_itself, |issuer| *issuer != config.issuer) {
            return Err(Refusal::Distrusted("another provider answered (iss)".into()));
        }
        if let Some(error) = &with.error {
            let plain = error.len() <= 40 && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let word = if plain { error } else { "without a plain word" };
            return Err(Refusal::Denied(format!("{} did not sign anybody in ({word})", provider.title())));
        }
        let code = with.code.as_deref().ok_or_else(|| Refusal::Distrusted("there is no code".into()))?;
        let verifier = derive("verifier", flow.whole);
        let client = provider.client(house).await.map_err(distrust)?;
        let Tokens { id_token, access_token } =
            client.exchange(&said, code, &verifier, back).await.map_err(distrust)?;
        let mut claims = provider.verify(house, &id_token).await.map_err(distrust)?;
        let awaited = Awaited { config, now_ms: house.clock.now_ms() };
        let spoken = judge_id(&claims, &awaited, &derive("nonce", flow.whole)).map_err(distrust)?;
        if let (true, Some(endpoint), Some(token)) = (lacks(&claims, config), &said.userinfo_endpoint, &access_token) {
            let told = client.told_of(endpoint, token).await.map_err(distrust)?;
            if told.get("sub") != claims.get("sub") {
                return Err(Refusal::Distrusted("it told of somebody else (sub)".into()));
            }
            told.into_iter().for_each(|(name, value)| {
                claims.entry(name).or_insert(value);
            });
        }
        let (who, role) = admit(&claims, config).map_err(Refusal::Denied)?;
        let subject = spoken.subject.unwrap_or_default();
        Ok(Signed { who, role, subject, sid: spoken.sid })
    }

    /// Ends the sessions of whoever signed out at a provider; tells how many, or why its word is not believed.
    ///
    /// # Errors
    /// There is no such provider, or the store failed.
    #[tracing::instrument(name = "sign_out_by", skip_all, fields(provider = %name))]
    #[boxed]
    pub async fn end(&self, house: &House, name: &str, token: &str) -> Result<Result<usize, String>, EngineError> {
        let provider = self.get(name)?;
        let claims = match provider.verify(house, token).await {
            Ok(claims) => claims,
            Err(because) => return Ok(Err(because)),
        };
        let now_ms = house.clock.now_ms();
        let spoken = match judge_logout(&claims, &Awaited { config: &provider.config, now_ms }) {
            Ok(spoken) => spoken,
            Err(because) => return Ok(Err(because.to_owned())),
        };
        let subject = spoken.subject.map(|subject| mark(name, &subject));
        let sid = spoken.sid.map(|sid| mark(name, &sid));
        let sessions = house.store.sessions_of(name, subject.as_deref(), sid.as_deref(), now_ms).await?;
        let mut ended = 0;
        for session in sessions {
            ended += usize::from(session::end(house, &session.id, &format!("sign-out at {name}")).await?);
        }
        Ok(Ok(ended))
    }
}

/// Whom a provider signed in.
struct Signed {
    who: String,
    role: tenure_core::role::Role,
    subject: String,
    sid: Option<String>,
}

/// Why nobody is let in.
enum Refusal {
    /// The provider's word is not believed, or could not be had.
    Distrusted(String),
    /// It is believed, and does not suffice.
    Denied(String),
}

fn distrust(because: impl ToString) -> Refusal {
    Refusal::Distrusted(because.to_string())
}

/// The provider's marks are kept by their hash: they are compared and never read.
fn mark(provider: &str, mark: &str) -> String {
    hex(&Sha256::digest(format!("{provider} {mark}")))
}

async fn open(house: &House, name: &str, signed: Signed, flow: &Flow<'_>) -> Result<Landed, EngineError> {
    let by = SignedBy {
        provider: name.to_owned(),
        subject: mark(name, &signed.subject),
        sid: signed.sid.map(|sid| mark(name, &sid)),
        flow: hex(&Sha256::digest(flow.whole)),
    };
    let opened = session::open_signed(house, &signed.who, signed.role, by).await?;
    let again = || Landed::Refused("this signing-in was used already; begin again".into());
    Ok(opened.map_or_else(again, |(credential, seconds)| Landed::Opened {
        credential,
        seconds,
        next: within(&flow.next).to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_signs_in_stays_within_the_console() {
        for next in ["/", "/plans/p-1", "/people?q=jane%20doe", "/match?page=2#cases"] {
            assert_eq!(within(next), next);
        }
        let elsewhere = [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "",
            "plans",
            "/a b",
            "/\tx",
            "/x\r\nSet-Cookie: a=b",
            "/sign-in?next=/sign-in",
            "/..//evil.example/..",
        ];
        for next in elsewhere {
            let stays = within(next);
            assert!(stays == "/" || stays == "/..//evil.example/..", "{next} leads to {stays}");
        }
        assert_eq!(within(&format!("/{}", "x".repeat(500))), "/");
    }

    #[test]
    fn what_belongs_to_a_flow_tells_nothing_of_it_and_changes_with_it() {
        let flow = format!("idp.1.{}.Lw", "0".repeat(64));
        let made = ["state", "nonce", "verifier"].map(|what| derive(what, &flow));
        assert!(made[0] != made[1] && made[1] != made[2] && made[2].len() == 43);
        assert_ne!(derive("state", &flow), derive("state", &flow.replace("idp.1.", "idp.2.")));
        assert!(Flow::read(&flow).is_some_and(|flow| flow.next == "/" && flow.provider == "idp"));
        for broken in ["", "idp.1.0.Lw", &flow[1..flow.len() - 1], &format!("{flow}.x")] {
            assert!(Flow::read(broken).is_none_or(|flow| flow.provider != "idp"), "{broken}");
        }
    }
}
