//! What a service offers: told by what it says of itself, and by how it answers harmless reads.
//! The engine asks before a pull and keeps the answer. A service that shows no schemas is taken to have them all; one that
//! does not answer at all is no answer. No write is ever a probe.

use super::seen::listed;
use super::{Scim, ScimAsk};
use crate::connector::Inner;
use crate::connector::check::{CheckLine, Verdict};
use crate::error::{ConnectError, ErrorKind};
use crate::settings::ScimOffers;
use crate::transport::Priority;
use serde_json::Value;
use std::collections::BTreeSet;
use tenure_scim::{ENTERPRISE_USER, USER, equal};

/// A name that nobody has.
const NOBODY: &str = "nobody-of-this-name@tenure.invalid";

impl Scim {
    /// Asks the service what it offers.
    pub(in crate::connector) async fn offers(&self, inner: &Inner) -> Result<ScimOffers, ConnectError> {
        let itself = self.told(inner, "/ServiceProviderConfig").await?.unwrap_or_default();
        let schemas = self.told(inner, "/Schemas").await?;
        let types = self.told(inner, "/ResourceTypes").await?;
        let flag = |name: &str, part: &str| itself.get(name)?.get(part)?.as_bool();
        let number = |name: &str, part: &str| u32::try_from(itself.get(name)?.get(part)?.as_u64()?).ok();
        let page_max = number("pagination", "maxPageSize").or_else(|| number("filter", "maxResults"));
        Ok(ScimOffers {
            patch: flag("patch", "supported").unwrap_or(true),
            filter: flag("filter", "supported").unwrap_or(true) && self.filters(inner).await?,
            groups: self.has_groups(inner).await?,
            cursor: flag("pagination", "cursor") == Some(true) && flag("pagination", "index") == Some(false),
            search: self.must_search(inner).await?,
            page_max: page_max.filter(|max| *max > 0),
            attributes: schemas.as_ref().and_then(|schemas| attributes(schemas, types.as_ref())),
        })
    }

    /// Reads one of the documents in which a service tells of itself; nothing where it has none.
    async fn told(&self, inner: &Inner, label: &'static str) -> Result<Option<Value>, ConnectError> {
        match self.send(inner, ScimAsk::read(label, None, Priority::Write)).await {
            Ok(response) => Ok(serde_json::from_slice(&response.body).ok()),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tells whether a filter that fits nobody is answered with nobody.
    async fn filters(&self, inner: &Inner) -> Result<bool, ConnectError> {
        let filter = equal(&super::seen::path("userName")?, &Value::from(NOBODY));
        let ask = ScimAsk::read("/Users", None, Priority::Write).with("filter", filter).with("count", "1");
        match self.send(inner, ask).await {
            Ok(response) => Ok(listed(&response.body)?.resources.is_empty()),
            // Some say that nobody was found.
            Err(error) if error.kind == ErrorKind::NotFound => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Tells whether the second page of a GET is the first one again, while that of a POST is not.
    async fn must_search(&self, inner: &Inner) -> Result<bool, ConnectError> {
        let mut firsts = Vec::new();
        for start in ["1", "2"] {
            let ask = ScimAsk::read("/Users", None, Priority::Write).with("startIndex", start).with("count", "1");
            let page = listed(&self.send(inner, ask).await?.body)?;
            if page.total_results.is_none_or(|total| total < 2) {
                return Ok(false);
            }
            firsts.push(first_id(&page.resources).map(str::to_owned));
        }
        if firsts[0] != firsts[1] {
            return Ok(false);
        }
        let ask = ScimAsk::search("/Users", 2, 1, Priority::Write);
        match self.send(inner, ask).await {
            Ok(response) => {
                Ok(listed(&response.body).is_ok_and(|page| first_id(&page.resources) != firsts[0].as_deref()))
            }
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn has_groups(&self, inner: &Inner) -> Result<bool, ConnectError> {
        let ask = ScimAsk::read("/Groups", None, Priority::Write).with("startIndex", "1").with("count", "1");
        match self.send(inner, ask).await {
            Ok(response) => Ok(listed(&response.body).is_ok()),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn first_id(resources: &[Value]) -> Option<&str> {
    resources.first()?.get("id")?.as_str()
}

/// Tells whether a service has no such thing, rather than failing at it.
fn is_missing(error: &ConnectError) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::Validation | ErrorKind::Scope)
}

/// Lists the attributes of a user that can be written; nothing where the document does not tell of users.
fn attributes(document: &Value, types: Option<&Value>) -> Option<BTreeSet<String>> {
    let schemas = listed_in(document)?;
    let extended = types.and_then(extensions).is_none_or(|known| known.iter().any(|urn| is_enterprise(urn)));
    let mut known = BTreeSet::new();
    let mut told = false;
    for schema in schemas {
        let id = schema.get("id").and_then(Value::as_str).unwrap_or_default();
        let before = match id {
            _ if id.eq_ignore_ascii_case(USER) => String::new(),
            _ if is_enterprise(id) && extended => format!("{}:", id.to_lowercase()),
            _ => continue,
        };
        told |= before.is_empty();
        for attribute in schema.get("attributes").and_then(Value::as_array).into_iter().flatten() {
            take(attribute, &before, &mut known);
        }
    }
    told.then_some(known)
}

fn listed_in(document: &Value) -> Option<&Vec<Value>> {
    document.get("Resources").and_then(Value::as_array).or(document.as_array())
}

fn is_enterprise(urn: &str) -> bool {
    urn.eq_ignore_ascii_case(ENTERPRISE_USER)
}

/// Lists the schemas by which a user is extended; nothing where the document does not tell of users.
fn extensions(types: &Value) -> Option<Vec<&str>> {
    let of_users = |one: &&Value| one["schema"].as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(USER));
    let users = listed_in(types)?.iter().find(of_users)?;
    let listed = users.get("schemaExtensions").and_then(Value::as_array).into_iter().flatten();
    Some(listed.filter_map(|one| one.get("schema")?.as_str()).collect())
}

fn take(attribute: &Value, before: &str, known: &mut BTreeSet<String>) {
    let Some(name) = attribute.get("name").and_then(Value::as_str).filter(|_| is_written(attribute)) else { return };
    let name = format!("{before}{}", name.to_lowercase());
    for part in attribute.get("subAttributes").and_then(Value::as_array).into_iter().flatten() {
        if let Some(part) = part.get("name").and_then(Value::as_str).filter(|_| is_written(part)) {
            known.insert(format!("{name}.{}", part.to_lowercase()));
        }
    }
    known.insert(name);
}

fn is_written(attribute: &Value) -> bool {
    let word = attribute.get("mutability").and_then(Value::as_str).unwrap_or("readWrite");
    !word.eq_ignore_ascii_case("readOnly")
}

impl Inner {
    /// Says what a service offers whose only surface is SCIM, and what it cannot hold.
    pub(in crate::connector) async fn check_alone(&self) -> Vec<CheckLine> {
        let Some(scim) = self.scim.as_ref().filter(|_| self.settings.scim_alone().is_some()) else { return Vec::new() };
        let what = "what the service offers";
        let offers = match self.settings.offers.as_deref() {
            Some(offers) => offers.clone(),
            None => match scim.offers(self).await {
                Ok(offers) => offers,
                Err(error) => return vec![CheckLine::bad(what, &error)],
            },
        };
        let mut lines = vec![CheckLine::new(what, Verdict::Good, offers.say())];
        let fields = self.manifest().kinds.values().flat_map(|kind| &kind.fields);
        let lost: Vec<&str> = fields
            .filter(|(_, field)| field.write.as_ref().is_none_or(|path| !offers.has(path)) && field.from.is_some())
            .map(|(name, _)| name.as_str())
            .collect();
        if !lost.is_empty() {
            let says = format!("it cannot hold {}: they are not sent", lost.join(", "));
            lines.push(CheckLine::new("what the service cannot hold", Verdict::Good, says));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_can_be_written_counts_and_extensions_keep_their_schema() {
        let document = json!({"Resources": [
            {"id": USER, "attributes": [
                {"name": "userName"}, {"name": "groups", "mutability": "readOnly"},
                {"name": "name", "subAttributes": [{"name": "givenName"}, {"name": "formatted", "mutability": "readOnly"}]},
            ]},
            {"id": ENTERPRISE_USER, "attributes": [{"name": "department"}]},
            {"id": "urn:example:Other", "attributes": [{"name": "secret"}]},
        ]});
        let known: Vec<String> = attributes(&document, None).unwrap().into_iter().collect();
        let department = format!("{}:department", ENTERPRISE_USER.to_lowercase());
        assert_eq!(known, ["name", "name.givenname", department.as_str(), "username"]);
        let plain = json!({"Resources": [{"id": "User", "schema": USER}]});
        assert!(!attributes(&document, Some(&plain)).unwrap().contains(&department), "users are not extended by it");
        assert_eq!(attributes(&json!({"Resources": []}), None), None, "a document without users tells nothing of them");
    }
}
