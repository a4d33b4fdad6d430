//! Telling a tenant's dialect from read-only evidence: the looks that the manifest names, in their order.
//! The engine asks once per tenant and keeps what was found; another connector then speaks that dialect. A look that was
//! refused, not answered, or answered with a web page tells nothing, and no write is ever a probe.

use super::ask::{Ask, json_of};
use super::scim::Scim;
use super::{Connector, Inner};
use crate::codec::json::{Json, Place};
use crate::error::ConnectError;
use crate::manifest::{Evidence, Method, Tell};
use crate::settings::ScimOffers;
use crate::transport::{Priority, Response};
use async_recursion::async_recursion as boxed;

/// A tenant's dialect, and why it is believed to be that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DialectFound {
    /// The dialect.
    pub dialect: String,
    /// What was seen, for people: `GET /roles answered 404: roles go by name`.
    pub evidence: String,
    /// What the service offers, where SCIM is its only surface.
    pub offers: Option<ScimOffers>,
}

/// So often is looked at what answers with something that is no JSON: a proxy's page, or half an answer.
const LOOKS_MAX: usize = 3;

impl Connector {
    /// Tells the tenant's dialect; nothing where all looks were answered and none decides.
    ///
    /// # Errors
    /// The app could not be asked: unreachable, the credential was refused, or something else answers in its place.
    #[boxed]
    pub async fn tell_dialect(&self) -> Result<Option<DialectFound>, ConnectError> {
        if let (Some(scim), true) = (&self.0.scim, self.0.settings.asks_offers()) {
            return self.0.tell_offers(scim).await.map(Some);
        }
        for evidence in &self.0.manifest().evidence {
            let response = self.0.look_at(evidence).await?;
            if let Some(tell) = evidence.tells.iter().find(|tell| fits(tell, &response)) {
                let method = if evidence.read_body.is_some() { "POST" } else { "GET" };
                let answered = response.status.as_u16();
                let evidence = format!("{method} {} answered {answered}: {}", evidence.path, tell.says);
                return Ok(Some(DialectFound { dialect: tell.is.clone(), evidence, offers: None }));
            }
        }
        Ok(None)
    }
}

impl Inner {
    /// Asks a service whose only surface is SCIM what it offers; whose it is, its host tells.
    async fn tell_offers(&self, scim: &Scim) -> Result<DialectFound, ConnectError> {
        let offers = scim.offers(self).await?;
        let known = self.settings.known_by_host().map(str::to_owned);
        let told = self.settings.dialect.clone().filter(|dialect| dialect != "auto");
        let dialect = told.or(known).unwrap_or_else(|| self.manifest().dialect.clone());
        Ok(DialectFound { dialect, evidence: format!("the service offers {}", offers.say()), offers: Some(offers) })
    }

    async fn look_at(&self, evidence: &Evidence) -> Result<Response, ConnectError> {
        let mut looks = 0;
        loop {
            looks += 1;
            let response = self.look_once(evidence).await?;
            match json_of(&response) {
                Err(error) if response.status.is_success() && looks >= LOOKS_MAX => return Err(error),
                Err(_) if response.status.is_success() => {}
                _ => return Ok(response),
            }
        }
    }

    async fn look_once(&self, evidence: &Evidence) -> Result<Response, ConnectError> {
        let mut url = self.url(&evidence.path, &[])?;
        if !evidence.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&evidence.query);
        }
        let mut ask = Ask::read(url, &evidence.path, Priority::Write);
        if let Some(body) = &evidence.read_body {
            ask.method = Method::Post;
            ask.body =
                Some(serde_json::Value::Object(body.iter().map(|(key, value)| (key.clone(), value.clone())).collect()));
        }
        let response = self.send(ask).await?;
        match response.status.as_u16() {
            401 | 403 | 407 | 429 | 500..=599 => Err(self.refusal(&response, None)),
            _ => Ok(response),
        }
    }
}

fn fits(tell: &Tell, response: &Response) -> bool {
    if !tell.status.contains(&response.status.as_u16()) {
        return false;
    }
    if tell.has.is_empty() && tell.list.is_none() {
        return true;
    }
    let Ok(json) = serde_json::from_slice::<Json<'_>>(&response.body) else { return false };
    tell.list.is_none_or(|list| list == matches!(json, Json::List(_)))
        && tell.has.iter().all(|place| Place::new(place).of(&json).is_some())
}
