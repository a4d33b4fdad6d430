//! What is read: the documents, one resource, a list, a search; and which request is which.
//! It finds in the store and shows; nothing is changed by it.

use super::Gate;
use super::advert::makeable;
use super::answer::{Answer, header};
use super::door::Knock;
use super::entitlement::{Entitlement, entitlements};
use super::list::Scene;
use super::shape::{ROLE, Shape};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use tenure_scim::{
    Authentication, BulkLimits, CursorSeal, Endpoint, ListResponse, Offer, Page, PageLimits, Projection, ResourceType,
    Said, ScimError, ScimType, Search, Version,
};

/// How long a cursor is good.
const CURSOR_LIFETIME_S: i64 = 3600;
/// Under which the key of cursors is noted, so that all processes of one store read each other's.
const SEAL_NOTE: &str = "scim cursor key";
/// Of so many accounts the roles are suggested, where the app tells no list of them.
const SEEN_FOR_ROLES: usize = 1000;
const PAGES: PageLimits = PageLimits { size: 100, size_max: 1000 };
/// How many operations one bulk request may have.
const OPERATIONS_MAX: usize = 1000;

/// Answers a request of somebody who was let in.
pub(super) async fn answer(gate: &Gate, knock: &Knock, head: &Parts, body: &[u8]) -> Result<Answer, ScimError> {
    let mut view = gate.view(knock, &head.headers);
    let described = ["/Schemas", "/ResourceTypes"].iter().any(|place| head.uri.path().contains(place));
    if described {
        let mut shape = Shape::of(&knock.abilities);
        let roles = roles(gate, knock, &shape).await?;
        shape.advertise(&roles.iter().map(String::as_str).collect::<Vec<_>>());
        view = Arc::new(View { offer: offer(view.offer.base.clone(), gate, knock, &shape), shape });
    }
    let View { shape, offer } = &*view;
    let types = &offer.types;
    let scene = Scene { gate, knock, shape, offer };
    let endpoint = match Endpoint::read(path_within(head, knock), types)? {
        Endpoint::Me if known_method(&head.method) => Endpoint::One(&types[0], scene.me().await?),
        endpoint => endpoint,
    };
    let query = head.uri.query().unwrap_or_default();
    let is_account = |of: &ResourceType| of.name == shape.account.name;
    // What a server can do is told as a whole, or somebody takes a part of it for all (RFC 7644 §4).
    let is_document =
        matches!(endpoint, Endpoint::ServiceProviderConfig | Endpoint::ResourceTypes(_) | Endpoint::Schemas(_));
    if is_document && query.split('&').any(|pair| pair.split('=').next() == Some("filter")) {
        return Err(ScimError::new(403, "what this server can do is not filtered"));
    }
    match (&head.method, &endpoint) {
        (&Method::GET, Endpoint::ServiceProviderConfig) => Ok(Answer::of(&offer.service_provider_config())),
        (&Method::GET, Endpoint::ResourceTypes(None)) => {
            let types = makeable(&offer.types, knock.is_source);
            Ok(Answer::of(&Offer { types, ..offer.clone() }.resource_types()))
        }
        (&Method::GET, Endpoint::ResourceTypes(Some(name))) => document(offer.resource_type(name)),
        (&Method::GET, Endpoint::Schemas(None)) => Ok(Answer::of(&offer.schemas())),
        (&Method::GET, Endpoint::Schemas(Some(urn))) => document(offer.schema(urn)),
        (&Method::GET, Endpoint::All(of)) => {
            let mut said = Said::default();
            let search = Search::from_query(query, PAGES, &mut said)?;
            scene.search(&search, is_account(of), &mut said).await
        }
        (&Method::POST, Endpoint::Search(Some(of))) => {
            let mut said = Said::default();
            let search = Search::from_body(body, PAGES, &mut said)?;
            scene.search(&search, is_account(of), &mut said).await
        }
        (&Method::POST, Endpoint::Search(None)) => {
            let mut said = Said::default();
            let search = Search::from_body(body, PAGES, &mut said)?;
            scene.search_all(&search, &mut said).await
        }
        (&Method::GET, Endpoint::One(of, id)) => {
            let projection = projection(query)?;
            let whole = match is_account(of) {
                true => scene.one_account(id).await?,
                false => scene.one_entitlement(id, projection.bind(&shape.entitlement).has("members")).await?,
            };
            Ok(shown(&head.headers, &whole, &projection, of))
        }
        (method, endpoint) => {
            let acted = match super::act::method(method) {
                Some(method) => Box::pin(scene.act(method, endpoint, head, body)).await?,
                None => None,
            };
            Ok(acted.unwrap_or_else(|| Answer::not_allowed(endpoint.methods())))
        }
    }
}

/// Lists the roles that are suggested: those that need nobody's approval. Where the app tells no list of them, those that
/// somebody holds.
async fn roles(gate: &Gate, knock: &Knock, shape: &Shape) -> Result<Vec<String>, ScimError> {
    let all = entitlements(gate, knock, shape).await?;
    let abilities = shape.words().map(|(_, _, ability)| ability).filter(|ability| &*ability.kind.0 == ROLE);
    let mighty: BTreeSet<String> = abilities
        .flat_map(|ability| ability.privileged.iter().chain(&ability.owners))
        .map(|name| name.to_lowercase())
        .collect();
    let is_plain = |name: &str, privileged: bool| !privileged && !mighty.contains(&name.to_lowercase());
    let listed: Vec<&Entitlement> = all.iter().filter(|one| one.of_kind == ROLE).collect();
    if !listed.is_empty() || knock.is_source {
        let plain = listed.into_iter().filter(|one| is_plain(&one.name, one.privileged));
        return Ok(plain.map(|one| one.name.to_string()).collect());
    }
    let filter = tenure_store::AccountFilter::of(knock.connection.clone());
    let page = gate.house.store.accounts(&filter, None, SEEN_FOR_ROLES).await.map_err(failed)?;
    let grants = page.accounts.iter().flat_map(|one| &one.account.grants).filter(|grant| &*grant.kind.0 == ROLE);
    let held = grants.filter(|grant| is_plain(&grant.name, grant.privileged)).map(|grant| grant.name.to_string());
    Ok(held.collect::<BTreeSet<String>>().into_iter().collect())
}

/// Tells whether something can be asked of whoever asks.
fn known_method(method: &Method) -> bool {
    Endpoint::Me.methods().iter().any(|known| known.as_str() == method.as_str())
}

/// Returns the path behind the connection, as it was sent.
pub(super) fn path_within<'h>(head: &'h Parts, knock: &Knock) -> &'h str {
    let path = head.uri.path();
    let marker = format!("/scim/v2/{}", knock.connection);
    path.strip_prefix(marker.as_str()).unwrap_or(path)
}

fn document(found: Option<Value>) -> Result<Answer, ScimError> {
    found.map(|document| Answer::of(&document)).ok_or_else(|| ScimError::new(404, "there is no such document"))
}

/// Reads which attributes are asked for, of a query that asks for nothing else.
pub(super) fn projection(query: &str) -> Result<Projection, ScimError> {
    Ok(Search::from_query(query, PAGES, &mut Said::default())?.projection)
}

/// Answers with a resource, unless the client has it already.
pub(super) fn shown(headers: &HeaderMap, whole: &Map<String, Value>, by: &Projection, of: &ResourceType) -> Answer {
    let known = header(headers, "if-none-match");
    if known.is_some() && Version::of(whole).is_known_by(known) {
        return Answer::known(whole);
    }
    Answer::one(StatusCode::OK, whole, by.bind(of).show(whole))
}

/// Says that something of ours failed; the cause goes to the log.
pub(super) fn failed(error: impl std::fmt::Display) -> ScimError {
    tracing::warn!(%error, "a SCIM request failed");
    ScimError::new(503, "the store could not be asked; the log says why")
}

/// Returns how much comes in one bulk request.
pub(super) fn bulk_limits(gate: &Gate) -> BulkLimits {
    let bytes_max = gate.house.config.server.scim_limits.body_kib as usize * 1024;
    BulkLimits { operations_max: OPERATIONS_MAX, bytes_max }
}

/// Returns the address under which clients know a connection.
pub(super) fn base(gate: &Gate, knock: &Knock, headers: &HeaderMap) -> String {
    let public = gate.house.config.server.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    public.unwrap_or_else(|| format!("http://{}", header(headers, "host").unwrap_or("localhost")))
        + &format!("/scim/v2/{}", knock.connection)
}

/// Says what is offered, under the address by which it is known.
fn offer(base: String, gate: &Gate, knock: &Knock, shape: &Shape) -> Offer {
    let root = base.strip_suffix(&format!("/scim/v2/{}", knock.connection)).unwrap_or_default().to_owned();
    Offer {
        base,
        types: shape.types(),
        pages: PAGES,
        cursor_lifetime_s: CURSOR_LIFETIME_S,
        bulk: Some(bulk_limits(gate)),
        authentication: vec![
            Authentication {
                of_type: "oauthbearertoken".into(),
                name: "Token".into(),
                description: "A token of `tenure token create --scope scim:CONNECTION`.".into(),
            },
            Authentication {
                of_type: "oauth2".into(),
                name: "Client credentials".into(),
                description: format!("{root}/oauth/token; the id is the token's, the secret the token."),
            },
        ],
        documentation: None,
    }
}

/// The form of a connection and what is offered there, as long as the one can what it could and has that address.
pub(super) struct View {
    shape: Shape,
    offer: Offer,
}

impl Gate {
    /// Returns the view of the connection that somebody asks for, made when it is another than the last.
    fn view(&self, knock: &Knock, headers: &HeaderMap) -> Arc<View> {
        let base = base(self, knock, headers);
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good =
            |view: &&Arc<View>| view.offer.base == base && Arc::ptr_eq(&view.shape.abilities, &knock.abilities);
        if let Some(view) = views.get(&knock.connection).filter(is_good) {
            return view.clone();
        }
        let shape = Shape::of(&knock.abilities);
        let view = Arc::new(View { offer: offer(base, self, knock, &shape), shape });
        views.insert(knock.connection.clone(), view.clone());
        view
    }

    /// Returns the seal of cursors, which all processes of one store share.
    pub async fn seal(&self) -> Result<CursorSeal, ScimError> {
        let made = self.seal.get_or_try_init(|| async {
            let nowhere = tenure_core::name::ConnectionName::new("");
            let store = &self.house.store;
            if store.note(&nowhere, SEAL_NOTE).await.map_err(failed)?.is_none() {
                let key = tenure_core::hex::hex(&self.house.chance.bytes::<32>().map_err(failed)?);
                store.set_note(&nowhere, SEAL_NOTE, Some(&key)).await.map_err(failed)?;
            }
            let text = store.note(&nowhere, SEAL_NOTE).await.map_err(failed)?.unwrap_or_default();
            let mut key = [0; 32];
            for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
                let pair = std::str::from_utf8(pair).unwrap_or("0");
                *byte = u8::from_str_radix(pair, 16).unwrap_or(0);
            }
            Ok::<_, ScimError>(CursorSeal::new(key, CURSOR_LIFETIME_S))
        });
        made.await.cloned()
    }
}

impl Scene<'_> {
    async fn search(&self, search: &Search, accounts: bool, said: &mut Said) -> Result<Answer, ScimError> {
        let entitlements = entitlements(self.gate, self.knock, self.shape).await?;
        let page = match accounts {
            true => self.list(search, &entitlements, said).await?,
            false => self.list_entitlements(search, &entitlements, said).await?,
        };
        Ok(Answer::of(&page))
    }

    /// Searches the types that are advertised: users first, then the groups that were pushed, as one list.
    async fn search_all(&self, search: &Search, said: &mut Said) -> Result<Answer, ScimError> {
        let Page::Index { start_index, count } = search.page else {
            return Err(ScimError::because(ScimType::InvalidValue, "a search of all types has no cursors"));
        };
        let entitlements = entitlements(self.gate, self.knock, self.shape).await?;
        let users = self.list(search, &entitlements, said).await?;
        if !self.knock.is_source {
            return Ok(Answer::of(&users));
        }
        let before = users.total_results.unwrap_or(0);
        let mut resources = users.resources;
        let start = (start_index - 1).saturating_sub(before) + 1;
        let page = Page::Index { start_index: start, count: count - resources.len().min(count) };
        let groups = self.list_entitlements(&Search { page, ..search.clone() }, &entitlements, said).await?;
        resources.extend(groups.resources);
        Ok(Answer::of(&ListResponse::page(before + groups.total_results.unwrap_or(0), start_index, resources)))
    }

    /// Returns a user with all that is known.
    pub async fn one_account(&self, id: &str) -> Result<Map<String, Value>, ScimError> {
        let held = self.shown(id).await?;
        let entitlements = entitlements(self.gate, self.knock, self.shape).await?;
        Ok(self.show(&held, &entitlements))
    }

    /// Finds a group by its id.
    pub async fn entitlement(&self, id: &str) -> Result<Entitlement, ScimError> {
        let all = entitlements(self.gate, self.knock, self.shape).await?;
        let found = all.iter().find(|one| one.id == id).cloned();
        found.ok_or_else(|| ScimError::new(404, "there is no such group in this connection"))
    }

    /// Returns a group, with its members where they are asked for.
    pub async fn one_entitlement(&self, id: &str, members: bool) -> Result<Map<String, Value>, ScimError> {
        let entitlement = self.entitlement(id).await?;
        let held = if members { Some(self.members(&entitlement).await?) } else { None };
        Ok(entitlement.show(self.shape, self.offer, held.as_deref()))
    }

    /// Lists who holds an entitlement.
    pub async fn members(&self, entitlement: &Entitlement) -> Result<Vec<super::account::Held>, ScimError> {
        let mut members = Vec::new();
        self.walk(|held| {
            if entitlement.is_held_by(&held, self.shape) {
                members.push(held);
            }
            Ok(())
        })
        .await?;
        Ok(members)
    }

    async fn list_entitlements(
        &self,
        search: &Search,
        all: &[Entitlement],
        said: &mut Said,
    ) -> Result<ListResponse<Map<String, Value>>, ScimError> {
        let of = &self.shape.entitlement;
        let named = search.filter.as_ref().is_some_and(|filter| filter.to_string().to_lowercase().contains("members"));
        let asked = search.projection.bind(of).has("members");
        let mut holders: Vec<Vec<super::account::Held>> = vec![Vec::new(); all.len()];
        let counts = matches!(search.page, Page::Index { count: 0, .. });
        let with_members = named || (asked && !counts);
        if with_members {
            self.walk(|held| {
                for (holders, one) in holders.iter_mut().zip(all) {
                    if one.is_held_by(&held, self.shape) {
                        holders.push(held.clone());
                    }
                }
                Ok(())
            })
            .await?;
        }
        let shown: Vec<Map<String, Value>> = all
            .iter()
            .zip(&holders)
            .map(|(one, holders)| one.show(self.shape, self.offer, with_members.then_some(holders.as_slice())))
            .collect();
        let scope = format!("{}|{}|Group", self.knock.connection, self.knock.bearer.token);
        tenure_scim::list(of, &shown, search, self.cursors(&scope).await?.borrowed(), said)
    }
}
