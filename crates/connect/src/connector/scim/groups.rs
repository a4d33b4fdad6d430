//! Groups of a service whose only surface is SCIM: which there are, and who is a member of which.
//! A pull walks them once, a look reads them again when they are a minute old; groups of one name are told apart by their
//! ids. What a service does not show of its members stays untold.

use super::Scim;
use super::seen::{Group, Seen};
use crate::connector::Inner;
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::ScimForm;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tenure_core::account::{Account, Entitlement, Grant};
use tenure_core::name::{EntitlementKind, Name};
use tenure_core::place::nearest;

/// How long the groups are believed by a look.
const FRESH: Duration = Duration::from_secs(60);

/// A group that somebody is a member of.
#[derive(Clone, Debug)]
pub(super) struct HeldGroup {
    pub name: Box<str>,
    pub id: Box<str>,
}

impl Inner {
    /// Lists the groups of a surface that stands alone, as what can be granted.
    pub(in crate::connector) async fn scim_groups(&self) -> Result<Vec<Entitlement>, ConnectError> {
        let (Some(scim), Some(kind)) = (self.scim.as_ref(), self.membership()) else { return Ok(Vec::new()) };
        scim.read_groups(self, Duration::ZERO).await?;
        let directory = scim.directory.lock().await;
        let groups = directory.groups.iter().flatten();
        let listed = groups.map(|(name, group)| Entitlement {
            kind: kind.clone(),
            id: group.id.as_str().into(),
            name: name.as_str().into(),
            privileged: false,
        });
        Ok(listed.collect())
    }

    /// Returns the kind of entitlement that groups are; nothing where SCIM does not stand alone or has none.
    fn membership(&self) -> Option<EntitlementKind> {
        let scim = self.settings.scim_alone()?;
        let (word, _) = scim.writes.iter().find(|(_, write)| write.form == ScimForm::Members)?;
        let spec = self.manifest().kinds.values().find_map(|kind| kind.entitlements.get(word))?;
        Some(EntitlementKind::new(&spec.kind))
    }
}

impl Scim {
    /// Tells who holds what, for a pull that read the groups a moment ago.
    pub(super) async fn seen_alone(&self, inner: &Inner, words: &[ScimForm]) -> Result<Option<Seen>, ConnectError> {
        if !words.contains(&ScimForm::Members) {
            return Ok(None);
        }
        self.read_groups(inner, FRESH).await?;
        let mut held: HashMap<String, Vec<HeldGroup>> = HashMap::new();
        for (name, group) in self.directory.lock().await.groups.iter().flatten() {
            for member in &group.members {
                let own = HeldGroup { name: name.as_str().into(), id: group.id.as_str().into() };
                held.entry(member.clone()).or_default().push(own);
            }
        }
        Ok(Some(Seen::from(held)))
    }

    /// Lists the groups of one person; nothing where groups are not told.
    pub(super) async fn groups_of(
        &self,
        inner: &Inner,
        id: &str,
        words: &[(&str, &crate::manifest::ScimWrite)],
    ) -> Result<Option<Vec<HeldGroup>>, ConnectError> {
        if !words.iter().any(|(_, write)| write.form == ScimForm::Members) {
            return Ok(None);
        }
        self.read_groups(inner, FRESH).await?;
        let directory = self.directory.lock().await;
        let inside = directory.groups.iter().flatten().filter(|(_, group)| group.members.contains(id));
        let own = inside.map(|(name, group)| HeldGroup { name: name.as_str().into(), id: group.id.as_str().into() });
        Ok(Some(own.collect()))
    }

    /// Returns the id of a group; a name that is not known is asked for once more.
    pub(super) async fn known_group(&self, inner: &Inner, name: &str, word: &str) -> Result<String, ConnectError> {
        for age_max in [FRESH, Duration::ZERO] {
            self.read_groups(inner, age_max).await?;
            let directory = self.directory.lock().await;
            let mut groups = directory.groups.iter().flatten();
            if let Some((_, group)) = groups.find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                return Ok(group.id.clone());
            }
        }
        let directory = self.directory.lock().await;
        let known: Vec<&str> = directory.groups.iter().flatten().map(|(name, _)| name.as_str()).collect();
        let near = nearest(name, &known).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        let text = format!("{word}: {} has no group called {name:?}{near}", inner.manifest().title);
        Err(ConnectError::new(ErrorKind::Validation, text).about(word))
    }

    /// Reads all groups, unless they were read a short while ago.
    async fn read_groups(&self, inner: &Inner, age_max: Duration) -> Result<(), ConnectError> {
        let _moving = self.moving.lock().await;
        let now = inner.clock.now();
        let read_at = self.directory.lock().await.groups_at;
        if read_at.is_some_and(|at| !age_max.is_zero() && now.saturating_duration_since(at) <= age_max) {
            return Ok(());
        }
        let groups = named(self.walk(inner, "/Groups").await?.iter().filter_map(Group::read).collect());
        let mut directory = self.directory.lock().await;
        (directory.groups, directory.groups_at) = (Some(groups), Some(now));
        Ok(())
    }
}

/// Puts groups under their names; those of one name are told apart by their ids.
fn named(groups: Vec<(String, Group)>) -> BTreeMap<String, Group> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    groups.iter().for_each(|(name, _)| *counts.entry(name.to_lowercase()).or_default() += 1);
    let several = |name: &str| counts.get(&name.to_lowercase()).is_some_and(|count| *count > 1);
    let named = groups.into_iter().map(|(name, group)| match several(&name) {
        true => (format!("{name} ({})", group.id), group),
        false => (name, group),
    });
    named.collect()
}

/// Adds the groups of an account.
pub(super) fn join_groups(inner: &Inner, account: &mut Account, own: &[HeldGroup]) {
    let Some(kind) = inner.membership() else { return };
    account.grants.extend(own.iter().map(|group| Grant {
        kind: kind.clone(),
        id: Some(Name::new(&group.id)),
        name: Name::new(&group.name),
        scope: None,
        privileged: false,
        pending: false,
    }));
    account.grants_known.push(kind);
    account.grants.sort_unstable();
    account.grants.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_one_name_are_told_apart() {
        let group = |id: &str| Group { id: id.into(), ..Group::default() };
        let groups = named(vec![("Sales".into(), group("1")), ("sales".into(), group("2")), ("IT".into(), group("3"))]);
        assert_eq!(groups.keys().collect::<Vec<_>>(), ["IT", "Sales (1)", "sales (2)"]);
    }
}
