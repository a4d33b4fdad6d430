//! Which request changes what, alone or as one of many in a bulk request.
//! Both go the same way, so that what can be done alone can be done in bulk.

use super::answer::{Answer, header};
use super::list::Scene;
use super::read::{bulk_limits, projection};
use super::write::Change;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::{Map, Value};
use tenure_scim::{BulkRequest, BulkRun, Done, Endpoint, Method, ResourceType, ScimError, ScimType};

/// What a change came to.
enum Came {
    /// There is this now.
    Is(StatusCode, Map<String, Value>),
    /// There is nothing to show.
    Nothing,
}

impl Scene<'_> {
    /// Carries out a request that changes something; `None` where it is none.
    pub async fn act(
        &self,
        method: Method,
        endpoint: &Endpoint<'_>,
        head: &Parts,
        body: &[u8],
    ) -> Result<Option<Answer>, ScimError> {
        if let (Method::Post, Endpoint::Bulk) = (method, endpoint) {
            return self.bulk(body).await.map(|answer| Some(Answer::of(&answer)));
        }
        if !endpoint.methods().contains(&method) || method == Method::Get {
            return Ok(None);
        }
        let (Endpoint::One(of, _) | Endpoint::All(of)) = endpoint else { return Ok(None) };
        let query = head.uri.query().unwrap_or_default();
        let asked = projection(query)?;
        let came = self.carry(method, endpoint, body, header(&head.headers, "if-match")).await?;
        Ok(Some(match came {
            Came::Nothing if asks_attributes(query) && method == Method::Patch => {
                let Endpoint::One(_, id) = endpoint else { return Ok(None) };
                let whole = self.one_entitlement(id, asked.bind(of).has("members")).await?;
                Answer::one(StatusCode::OK, &whole, asked.bind(of).show(&whole))
            }
            Came::Nothing => Answer::empty(StatusCode::NO_CONTENT),
            Came::Is(status, whole) => {
                let shown = asked.bind(of).show(&whole);
                Answer::one(status, &whole, shown)
            }
        }))
    }

    async fn carry(
        &self,
        method: Method,
        endpoint: &Endpoint<'_>,
        body: &[u8],
        if_match: Option<&str>,
    ) -> Result<Came, ScimError> {
        let is_account = |of: &ResourceType| of.name == self.shape.account.name;
        if self.knock.is_source {
            return self.carry_pushed(method, endpoint, body, if_match).await;
        }
        match (method, endpoint) {
            (Method::Post, Endpoint::All(of)) if is_account(of) => {
                Ok(Came::Is(StatusCode::CREATED, self.make(json(body)?).await?))
            }
            (Method::Post, Endpoint::All(_)) => {
                Ok(Came::Is(StatusCode::CREATED, self.make_entitlement(json(body)?).await?))
            }
            (Method::Put, Endpoint::One(of, id)) if is_account(of) => {
                let whole = self.change(id, Change::Replace(&json(body)?), if_match).await?;
                Ok(Came::Is(StatusCode::OK, whole))
            }
            (Method::Patch, Endpoint::One(of, id)) if is_account(of) => {
                Ok(Came::Is(StatusCode::OK, self.change(id, Change::Patch(body), if_match).await?))
            }
            (Method::Delete, Endpoint::One(of, id)) if is_account(of) => {
                self.remove(id, if_match).await.map(|()| Came::Nothing)
            }
            (Method::Put, Endpoint::One(_, id)) => {
                self.change_entitlement(id, Change::Replace(&json(body)?), if_match).await?;
                Ok(Came::Is(StatusCode::OK, self.one_entitlement(id, true).await?))
            }
            (Method::Patch, Endpoint::One(_, id)) => {
                self.change_entitlement(id, Change::Patch(body), if_match).await.map(|()| Came::Nothing)
            }
            (Method::Delete, Endpoint::One(_, id)) => {
                let known = self.entitlement(id).await?;
                let because = format!("{} is the app's own; delete it there, or take its members", known.shown);
                Err(ScimError::new(403, because))
            }
            _ => Err(ScimError::new(405, "that cannot be done there")),
        }
    }

    /// As [`Scene::carry`], of what an IdP pushes.
    async fn carry_pushed(
        &self,
        method: Method,
        endpoint: &Endpoint<'_>,
        body: &[u8],
        if_match: Option<&str>,
    ) -> Result<Came, ScimError> {
        let is_account = |of: &ResourceType| of.name == self.shape.account.name;
        let is = |whole| Ok(Came::Is(StatusCode::OK, whole));
        match (method, endpoint) {
            (Method::Post, Endpoint::All(of)) => {
                let body = json(body)?;
                let whole = if is_account(of) { self.take_in(body).await? } else { self.take_group_in(body).await? };
                Ok(Came::Is(StatusCode::CREATED, whole))
            }
            (Method::Put, Endpoint::One(of, id)) => {
                let body = json(body)?;
                if is_account(of) {
                    return is(self.push(id, Change::Replace(&body), if_match).await?);
                }
                self.push_group(id, Change::Replace(&body), if_match).await?;
                is(self.one_entitlement(id, true).await?)
            }
            (Method::Patch, Endpoint::One(of, id)) if is_account(of) => {
                is(self.push(id, Change::Patch(body), if_match).await?)
            }
            (Method::Patch, Endpoint::One(_, id)) => {
                self.push_group(id, Change::Patch(body), if_match).await.map(|()| Came::Nothing)
            }
            (Method::Delete, Endpoint::One(of, id)) if is_account(of) => {
                self.take_out(id, if_match).await.map(|()| Came::Nothing)
            }
            (Method::Delete, Endpoint::One(_, id)) => self.take_group_out(id).await.map(|()| Came::Nothing),
            _ => Err(ScimError::new(405, "that cannot be done there")),
        }
    }

    async fn bulk(&self, body: &[u8]) -> Result<Value, ScimError> {
        let mut run = BulkRun::new(BulkRequest::parse(body, bulk_limits(self.gate))?);
        let types = self.shape.types();
        while let Some(ready) = run.next_ready() {
            let operation = &ready.operation;
            let outcome = async {
                let endpoint = Endpoint::read(&operation.path, &types)?;
                if operation.method == Method::Get || matches!(endpoint, Endpoint::Bulk) {
                    return Err(ScimError::new(405, "that cannot be done in bulk"));
                }
                let body = operation.data.as_ref().map(Value::to_string).unwrap_or_default();
                let came =
                    self.carry(operation.method, &endpoint, body.as_bytes(), operation.version.as_deref()).await?;
                let at = |of: &ResourceType, id: &str| self.offer.location(of, id);
                Ok(match (came, &endpoint) {
                    (Came::Is(status, whole), Endpoint::All(of) | Endpoint::One(of, _)) => {
                        let id = whole.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                        let version = whole.get("meta").and_then(|meta| meta.get("version")).and_then(Value::as_str);
                        let version = version.map(str::to_owned);
                        Done { status: status.as_u16(), location: at(of, &id), id, version }
                    }
                    (_, Endpoint::One(of, id)) => {
                        Done { status: 204, location: at(of, id), id: id.clone(), version: None }
                    }
                    _ => Done { status: 204, location: String::new(), id: String::new(), version: None },
                })
            };
            let outcome = Box::pin(outcome).await;
            run.done(ready.number, outcome);
        }
        Ok(run.answer())
    }
}

/// Returns SCIM's word for a method.
pub(super) fn method(of: &axum::http::Method) -> Option<Method> {
    [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete]
        .into_iter()
        .find(|method| method.as_str() == of.as_str())
}

fn asks_attributes(query: &str) -> bool {
    let mut names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    names.any(|name| name.eq_ignore_ascii_case("attributes"))
}

fn json(body: &[u8]) -> Result<Value, ScimError> {
    serde_json::from_slice(body).map_err(|error| {
        let at = format!("line {} column {}", error.line(), error.column());
        ScimError::because(ScimType::InvalidSyntax, format!("the body is no JSON at {at}"))
    })
}
