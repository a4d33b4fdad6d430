//! What a SCIM service offers, as it was found out: laid over the manifest, so that plans are made of what can be done.
//! The connector asks the service and the engine keeps the answer; what is not offered is said with the reason and never
//! tried. Nothing here asks.

use super::Settings;
use crate::manifest::{
    EffectSpec, KindSpec, Manifest, Paging, PagingStyle, ScimChange, ScimForm, ScimSuspend, ScimWrite,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use tenure_core::abilities::Effect;

/// Where a list is asked for by POST, RFC 7644 §3.4.3.
pub(crate) const SEARCH: &str = "/.search";
/// The schema of such a request.
pub(crate) const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// What a service was found to offer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScimOffers {
    /// Whether it takes PATCH, as it says itself.
    pub patch: bool,
    /// Whether it answers a filter with nobody else than those asked for.
    pub filter: bool,
    /// Whether it has groups.
    pub groups: bool,
    /// Whether its lists are walked by cursor only.
    pub cursor: bool,
    /// Whether the pages of a GET are always the first one, and those of a POST to `/.search` are not.
    #[serde(default)]
    pub search: bool,
    /// The most records that a page holds, where it says so.
    pub page_max: Option<u32>,
    /// The attributes of a user that can be written, in small letters; nothing where it does not show its schemas.
    pub attributes: Option<BTreeSet<String>>,
}

impl ScimOffers {
    /// Tells whether a user has an attribute, as far as the service says.
    pub fn has(&self, path: &str) -> bool {
        let plain = match (path.split_once('['), path.split_once(']')) {
            (Some((list, _)), Some((_, part))) => format!("{list}{part}"),
            _ => path.to_owned(),
        };
        self.attributes.as_ref().is_none_or(|known| known.contains(&plain.to_lowercase()))
    }

    /// Says it in one sentence.
    pub fn say(&self) -> String {
        let size = self.page_max.map(|max| format!(" of at most {max}")).unwrap_or_default();
        let walk = match (self.cursor, self.search) {
            (true, _) => "pages by cursor",
            (false, true) => "pages by POST only",
            (false, false) => "numbered pages",
        };
        let attributes = match &self.attributes {
            Some(known) => format!("schemas with {} attributes that can be written", known.len()),
            None => "no schemas, so every attribute is tried".to_owned(),
        };
        [
            if self.patch { "PATCH" } else { "PUT only" },
            if self.filter { "filters" } else { "no filters, so look-ups read the whole list" },
            if self.groups { "groups" } else { "no groups" },
            &format!("{walk}{size}"),
            &attributes,
        ]
        .join(", ")
    }
}

impl Settings {
    /// Tells whether the service has to be asked what it offers.
    pub fn asks_offers(&self) -> bool {
        self.scim_alone().is_some()
    }

    /// Returns the dialect of whoever answers at the connection's address, where the manifest knows the host.
    pub(crate) fn known_by_host(&self) -> Option<&str> {
        let url = self.base_url().ok()?;
        let host = url.host_str()?;
        let fits = |suffix: &String| host.ends_with(suffix.as_str()) || host == suffix.trim_start_matches('.');
        let own = self.manifest.base.as_ref().map(|base| base.hosts.as_slice()).unwrap_or_default();
        let hosts = |further: &Manifest| {
            further.base.as_ref().is_some_and(|base| base.hosts != own && base.hosts.iter().any(fits))
        };
        self.manifest.further.iter().find(|further| hosts(further)).map(|further| further.dialect.as_str())
    }

    /// Returns these settings with what the service was found to offer.
    pub fn offered(mut self, offers: Option<ScimOffers>) -> Self {
        self.offers = offers.map(Arc::new);
        self.manifest = self.with_offers(&self.manifest);
        self
    }

    /// Returns a manifest without what the service does not offer.
    pub(super) fn with_offers(&self, manifest: &Arc<Manifest>) -> Arc<Manifest> {
        let Some(offers) = self.offers.as_deref().filter(|_| manifest.scim.as_ref().is_some_and(|scim| scim.alone))
        else {
            return manifest.clone();
        };
        let mut with = Manifest::clone(manifest);
        let deletes = with.scim.as_ref().is_some_and(|scim| scim.suspend == Some(ScimSuspend::Delete));
        let mut missing = Vec::new();
        if let Some(scim) = &mut with.scim {
            if !offers.patch {
                scim.change = ScimChange::Put;
            }
            let offered = |write: &ScimWrite| match write.form {
                ScimForm::Members => offers.groups,
                ScimForm::Values => write.paths.iter().any(|path| offers.has(path)),
                ScimForm::Text => true,
            };
            missing = scim.writes.iter().filter(|(_, write)| !offered(write)).map(|(word, _)| word.clone()).collect();
            missing.iter().for_each(|word| drop(scim.writes.shift_remove(word)));
        }
        with.paging.values_mut().for_each(|paging| page_as(paging, offers));
        for kind in with.kinds.values_mut() {
            missing.iter().for_each(|word| drop(kind.entitlements.shift_remove(word)));
            narrow(kind, offers);
            if !offers.has("active") {
                without_active(kind, deletes);
            }
        }
        Arc::new(with)
    }
}

fn page_as(paging: &mut Paging, offers: &ScimOffers) {
    if let Some(max) = offers.page_max {
        paging.size_max = Some(paging.size_max.map_or(max, |known| known.min(max)));
    }
    if offers.cursor && paging.style == PagingStyle::StartIndex {
        paging.style = PagingStyle::Cursor;
        paging.parameter = Some("cursor".into());
        paging.next = Some("nextCursor".into());
    }
}

fn narrow(kind: &mut KindSpec, offers: &ScimOffers) {
    if let Some(list) = kind.list.as_mut().filter(|list| offers.search && list.read_body.is_none()) {
        list.path = format!("{}{SEARCH}", list.path);
        list.read_body = Some([("schemas".to_owned(), serde_json::json!([SEARCH_REQUEST]))].into_iter().collect());
        for lookup in kind.lookup.values_mut() {
            let filters: Vec<&str> = lookup.query.values().chain(lookup.again.values()).map(String::as_str).collect();
            let filter = [("filter".to_owned(), filters.join(" or ").into())];
            lookup.read_body = Some(filter.into_iter().collect()).filter(|_| offers.filter);
            lookup.query.clear();
            lookup.again.clear();
        }
    }
    for field in kind.fields.values_mut() {
        if let Some(path) = field.write.take_if(|path| !offers.has(path)) {
            field.cannot = Some(format!("the service's schema has no `{path}` that can be written"));
            field.required = false;
        }
    }
    if !offers.filter {
        for lookup in kind.lookup.values_mut() {
            lookup.query.clear();
            lookup.again.clear();
        }
    }
}

/// Takes out what switches somebody off or on; a service that deletes whoever is put out does without.
fn without_active(kind: &mut KindSpec, deletes: bool) {
    let switches = |how: &EffectSpec| how.calls.iter().any(|call| call.set.contains_key("active"));
    let lost = kind.effects.iter().filter(|(effect, how)| switches(how) && !(deletes && **effect == Effect::Suspend));
    let lost: Vec<Effect> = lost.map(|(effect, _)| *effect).collect();
    for effect in lost {
        kind.effects.shift_remove(&effect);
        kind.cannot.insert(effect, "the service's schema has no `active` that can be written".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use tenure_core::abilities::Standing;
    use tenure_core::account::Kind;

    fn offers(attributes: &[&str]) -> ScimOffers {
        let attributes = Some(attributes.iter().map(|name| (*name).to_owned()).collect());
        ScimOffers {
            patch: false,
            filter: false,
            groups: false,
            cursor: true,
            search: false,
            page_max: Some(20),
            attributes,
        }
    }

    fn found(dialect: &str, offers: ScimOffers) -> Settings {
        let catalogue = Catalogue::load(&[]).unwrap();
        let manifest = catalogue.get("scim-target").unwrap().manifest.clone();
        let mut settings = Settings::new("wiki".into(), manifest, Standing::Target);
        settings.url = Some("https://wiki.example/scim".into());
        settings.speaking(dialect).unwrap().offered(Some(offers))
    }

    #[test]
    fn what_a_service_does_not_offer_is_neither_tried_nor_wished() {
        let settings = found("guide", offers(&["username", "emails.value", "displayname"]));
        let manifest = &settings.manifest;
        let kind = &manifest.kinds[&Kind::User];
        assert!(kind.fields["title"].write.is_none() && kind.fields["title"].cannot.is_some());
        assert!(kind.fields["email"].write.is_some() && kind.entitlements.is_empty());
        assert!(!kind.effects.contains_key(&Effect::Suspend) && kind.cannot[&Effect::Suspend].contains("active"));
        assert!(kind.lookup.values().all(|lookup| lookup.query.is_empty() && lookup.again.is_empty()));
        let paging = &manifest.paging["list"];
        assert_eq!((paging.style, paging.size_max), (PagingStyle::Cursor, Some(20)));
        assert_eq!(manifest.scim.as_ref().unwrap().change, ScimChange::Put);
        assert_eq!(settings.speaking("put").unwrap().offers, settings.offers, "they stay in every dialect");
    }

    #[test]
    fn a_service_that_deletes_whoever_is_put_out_needs_no_active() {
        let settings = found("deletes", offers(&["username"]));
        assert!(settings.manifest.kinds[&Kind::User].effects.contains_key(&Effect::Suspend));
    }

    #[test]
    fn a_service_is_known_by_its_host() {
        let mut settings = found("guide", offers(&[]));
        assert_eq!(settings.known_by_host(), None);
        settings.url = Some("https://scim.eu-west-1.amazonaws.com/tenant/scim/v2".into());
        assert_eq!(settings.known_by_host(), Some("aws"));
        settings.url = Some("https://amazonaws.com.evil.example/scim".into());
        assert_eq!(settings.known_by_host(), None);
    }
}
