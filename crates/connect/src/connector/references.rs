//! The tenant's reference lists: read through the manifest, kept for a while, turned into names both ways.
//! Pulls name grants by them, writes find ids in them. A list that the app does not have leaves ids as names.

use super::walk::Walk;
use super::{Connector, Inner};
use crate::codec::json::{Json, Place};
use crate::codec::names::{NameList, Names};
use crate::codec::outline::Outline;
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::Reference;
use crate::needs::sort_of_reference;
use crate::transport::Priority;
use async_recursion::async_recursion as boxed;
use std::sync::Arc;
use std::time::Duration;
use tenure_core::account::Entitlement;
use tenure_core::name::EntitlementKind;
use tenure_core::shape::RecordShape;

/// How long names are believed for reading; a name that is not found is always asked for again before a write fails.
pub(super) const FRESH: Duration = Duration::from_secs(300);
/// Entries of one list that are kept at most.
const ENTRIES_MAX: usize = 100_000;
/// Members of all entries of one list that are kept at most.
const MEMBERS_MAX: usize = 5_000_000;
/// Entries of one list from which its shape is told.
const SAMPLE: u32 = 100;

impl Connector {
    /// Reads the reference lists of the tenant: everything that can be granted under a name.
    ///
    /// # Errors
    /// A list cannot be read. A list that the app does not have is no error: its ids stand for names then.
    #[boxed]
    pub async fn references(&self) -> Result<Vec<Entitlement>, ConnectError> {
        let mut entitlements = self.0.names(Duration::ZERO, Priority::Read).await?.entitlements.clone();
        entitlements.extend(self.0.scim_groups().await?);
        Ok(entitlements)
    }
}

impl Inner {
    /// Returns the names, read again if they are older than `age_max`. Whoever waited while another's reading failed is
    /// told that failure: each of them asking anew would wait for an app that says nothing one after the other.
    #[boxed]
    pub(super) async fn names(&self, age_max: Duration, priority: Priority) -> Result<Arc<Names>, ConnectError> {
        let asked_at = self.clock.now();
        let mut kept = self.names.lock().await;
        let now = self.clock.now();
        match kept.as_ref() {
            Some((failed_at, Err(error))) if *failed_at > asked_at => return Err(error.clone()),
            Some((read_at, Ok(names))) if now.saturating_duration_since(*read_at) <= age_max && !age_max.is_zero() => {
                return Ok(names.clone());
            }
            _ => {}
        }
        let names = self.read_names(priority).await.map(Arc::new);
        *kept = Some((self.clock.now(), names.clone()));
        names
    }

    async fn read_names(&self, priority: Priority) -> Result<Names, ConnectError> {
        let mut names = Names::default();
        for (reference_name, reference) in &self.manifest().references {
            let list = match self.read_list(reference, priority).await {
                Ok((list, shape)) => {
                    names.shape.records.insert(sort_of_reference(reference_name), shape);
                    list
                }
                Err(error) if is_missing(&error, reference) => NameList::missing(),
                Err(error) => {
                    let text = format!("read the list of {reference_name}: {}", error.text);
                    return Err(ConnectError { text, ..error });
                }
            };
            let kind = EntitlementKind::new(&reference.kind);
            for (id, name) in list.entries() {
                let privileged = self.is_privileged(reference_name, name);
                names.entitlements.push(Entitlement {
                    kind: kind.clone(),
                    id: id.into(),
                    name: name.into(),
                    privileged,
                });
            }
            names.add(reference_name, list);
        }
        Ok(names)
    }

    async fn read_list(
        &self,
        reference: &Reference,
        priority: Priority,
    ) -> Result<(NameList, RecordShape), ConnectError> {
        let walk = Walk {
            path: reference.path.clone(),
            items: Place::new(&reference.items),
            paging: Walk::paging(self, &reference.paging)?,
            query: Vec::new(),
            body: None,
            priority,
        };
        let members_at = reference.members.as_deref().map(Place::new);
        let mut members: Vec<(Box<str>, Box<str>)> = Vec::new();
        let mut entries: Vec<(Box<str>, Box<str>)> = Vec::new();
        let (outline, mut shape) = (Outline::of_reference(reference), RecordShape::default());
        let (id, name) = (Place::new(&reference.id), Place::new(&reference.name));
        self.walk_all(&walk, |row| {
            if shape.records < SAMPLE {
                outline.count(row, &mut shape);
            }
            let id = id.of(row).and_then(Json::id);
            let name =
                name.of(row).and_then(Json::plain).filter(|name| !name.trim().is_empty() && !name.contains('\0'));
            if let (Some(id), Some(name)) = (id, name)
                && !entries.iter().rev().take(1000).any(|(known, _)| *known == id)
            {
                if let Some(Json::List(listed)) = members_at.as_ref().and_then(|place| place.of(row)) {
                    members.extend(listed.iter().filter_map(Json::id).map(|account| (account, id.clone())));
                }
                entries.push((id, name.as_ref().into()));
            }
            if entries.len() > ENTRIES_MAX || members.len() > MEMBERS_MAX {
                return Err(ConnectError::new(ErrorKind::Malformed, format!("more than {ENTRIES_MAX} entries")));
            }
            Ok(())
        })
        .await?;
        Ok((NameList::new(entries).with_members(members), shape))
    }

    fn is_privileged(&self, reference: &str, name: &str) -> bool {
        let kinds = self.manifest().kinds.values();
        kinds.flat_map(|kind| kind.entitlements.values()).any(|spec| {
            spec.reference.as_deref() == Some(reference)
                && spec
                    .privileged
                    .iter()
                    .any(|known| if spec.exact { known == name } else { known.eq_ignore_ascii_case(name) })
        })
    }
}

/// Tells whether the app does not have a list at all. A list that the guide does not name may also be closed to us.
fn is_missing(error: &ConnectError, reference: &Reference) -> bool {
    match error.kind {
        ErrorKind::NotFound | ErrorKind::Unsupported => true,
        ErrorKind::Scope => !reference.documented,
        _ => false,
    }
}
