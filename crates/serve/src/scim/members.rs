//! Groups changed by their members: each who is added or taken is a wish of that one account, so that many clients at one
//! group never write over each other. What one request changes is carried out by one plan, as one for the guards.
//! Names of entitlements are the app's own: a client makes, renames and deletes none.

use super::account::Held;
use super::entitlement::{Entitlement, entitlements};
use super::list::Scene;
use super::read::failed;
use super::wish::grant;
use super::write::{Change, refused};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tenure_engine::client::{Became, Wished, carry_out, keep_wish};
use tenure_scim::{AttributePath, ListChange, PatchOp, Said, ScimError, ScimType, Version, Written, create, replace};

/// So many members are changed in one request at most.
const MEMBERS_MAX: usize = 1000;
const TRIES: usize = 40;

impl Scene<'_> {
    /// Says that no group is made here, or that there is one of that name.
    pub async fn make_entitlement(&self, body: Value) -> Result<Map<String, Value>, ScimError> {
        let written = create(&self.shape.entitlement, body)?;
        let name = written.resource.get("displayName").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let all = entitlements(self.gate, self.knock, self.shape).await?;
        Err(match all.iter().find(|one| one.shown.to_lowercase() == name || one.name.to_lowercase() == name) {
            Some(known) => {
                let because = format!("there is a group of this name already, as {}; link to it", known.id);
                ScimError::new(409, because).of(ScimType::Uniqueness)
            }
            None => {
                let known: Vec<&str> = all.iter().take(20).map(|one| one.shown.as_str()).collect();
                let because = format!("groups are the app's own and made there; there are {}", known.join(", "));
                ScimError::new(403, because)
            }
        })
    }

    /// Changes a group: adds members and takes some.
    ///
    /// # Errors
    /// 404: there is no such group. `invalidValue`: no such member. `mutability`: something else should change.
    pub async fn change_entitlement(
        &self,
        id: &str,
        change: Change<'_>,
        if_match: Option<&str>,
    ) -> Result<(), ScimError> {
        let entitlement = self.entitlement(id).await?;
        let members = self.members(&entitlement).await?;
        let of = &self.shape.entitlement;
        let before = entitlement.show(self.shape, self.offer, Some(&members));
        Version::of(&before).allows(if_match)?;
        let written = self.written_group(&before, &change)?;
        self.note(&written.said).await;
        let name = |resource: &Map<String, Value>| resource.get("displayName").cloned();
        if name(&written.resource) != name(&before) {
            let because = format!("{} is the app's own name; rename it there", entitlement.shown);
            return Err(ScimError::because(ScimType::Mutability, because));
        }
        let path: AttributePath = "members".parse().map_err(|_| failed("members is no path"))?;
        let place = of.find(&path).ok_or_else(|| failed("a group has no members"))?;
        let list = ListChange::between(&place, &before, &written.resource);
        self.change_members(&entitlement, &list).await
    }

    /// Returns what a change makes of a group.
    pub fn written_group(&self, before: &Map<String, Value>, change: &Change<'_>) -> Result<Written, ScimError> {
        let of = &self.shape.entitlement;
        match change {
            Change::Replace(body) => replace(of, before, (*body).clone()),
            Change::Patch(body) => {
                let mut said = Said::default();
                let mut written = PatchOp::read(body, &mut said)?.apply(of, before)?;
                written.said.extend(said);
                Ok(written)
            }
        }
    }

    async fn change_members(&self, entitlement: &Entitlement, list: &ListChange) -> Result<(), ScimError> {
        let value = |element: &Value| element.get("value").and_then(Value::as_str).map(str::to_owned);
        let mut changed: BTreeMap<String, bool> = BTreeMap::new();
        changed.extend(list.removed.iter().filter_map(value).map(|id| (id, false)));
        // A member whose other words differ is taken and added in one: it stays.
        changed.extend(list.added.iter().filter_map(value).map(|id| (id, true)));
        if changed.len() > MEMBERS_MAX {
            let because = format!("{} members change at once, at most {MEMBERS_MAX} may", changed.len());
            return Err(ScimError::new(413, because));
        }
        // All are known before any is changed.
        for (id, held) in &changed {
            let found = self.find(id).await?.filter(|found| found.is_shown(self.shape));
            let fits = found
                .as_ref()
                .is_some_and(|found| found.account.is_none() || entitlement.word(found.kind(self.shape)).is_some());
            if *held && !fits {
                let because = format!("`members`: {id} is no user here who can hold {}", entitlement.shown);
                return Err(ScimError::because(ScimType::InvalidValue, because));
            }
        }
        let mut wished = Vec::new();
        for (id, held) in &changed {
            wished.extend(self.wished_of_member(entitlement, id, *held).await?);
        }
        let mut kept = Vec::with_capacity(wished.len());
        for (id, one) in wished {
            kept.extend(self.keep_member(entitlement, &id, changed[&id], one).await?);
        }
        if kept.is_empty() {
            return Ok(());
        }
        for became in carry_out(&self.gate.house, kept).await.map_err(failed)? {
            if let Became::Refused { kind, because } = became {
                return Err(refused(kind, because));
            }
        }
        Ok(())
    }

    /// Returns the wish that makes somebody hold an entitlement or not; nothing where it is so.
    async fn wished_of_member(
        &self,
        entitlement: &Entitlement,
        id: &str,
        wanted: bool,
    ) -> Result<Option<(String, Wished)>, ScimError> {
        let Some(held) = self.find(id).await?.filter(|held| held.is_shown(self.shape)) else { return Ok(None) };
        if entitlement.is_held_by(&held, self.shape) == wanted {
            return Ok(None);
        }
        let before = held.wish.clone();
        let mut wish = self.wish_of(&held).await?;
        grant(&mut wish, self.shape, entitlement, wanted);
        if !wanted && entitlement.is_held_by(&Held { wish: Some(wish.clone()), ..held }, self.shape) {
            return Err(one_of_a_kind(&entitlement.shown));
        }
        wish.version += 1;
        wish.since_ms = self.gate.house.clock.now_ms();
        Ok(Some((id.to_owned(), Wished { wish, before })))
    }

    /// Keeps such a wish; where another came before it, the one that follows from that.
    async fn keep_member(
        &self,
        entitlement: &Entitlement,
        id: &str,
        wanted: bool,
        mut wished: Wished,
    ) -> Result<Option<Wished>, ScimError> {
        for _ in 0..TRIES {
            if keep_wish(&self.gate.house, &wished.wish).await.map_err(failed)? {
                return Ok(Some(wished));
            }
            match self.wished_of_member(entitlement, id, wanted).await? {
                Some((_, anew)) => wished = anew,
                None => return Ok(None),
            }
        }
        Err(ScimError::new(503, "others change this user without a pause; try again"))
    }
}

/// Says that an app demands one of a kind, so that it cannot be taken alone.
pub(super) fn one_of_a_kind(name: &str) -> ScimError {
    ScimError::because(ScimType::Mutability, format!("{name} is one of a kind: give another instead of taking it"))
}
