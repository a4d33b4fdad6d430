//! What can be granted in one tenant: names and ids of its reference lists, both ways.
//! Read from the app and kept for a while; decoding asks for names, encoding for ids. Ids of one tenant are never used
//! in another. Two entries of one name are told apart by their id behind the name.

use std::collections::{BTreeMap, HashMap};
use tenure_core::account::Entitlement;
use tenure_core::name::Name;
use tenure_core::shape::Shape;

/// An id and its name.
pub(crate) type Entry = (Box<str>, Box<str>);

/// The entries of one reference list.
#[derive(Debug, Default)]
pub(crate) struct NameList {
    /// Id → name, both shared with the grants that are read.
    name_of: HashMap<Name, Name>,
    /// Name without case → ids and exact names.
    ids_of: HashMap<String, Vec<Entry>>,
    /// The app has no such list: ids stand for names.
    missing: bool,
    /// Account → ids of the entries that name it as a member.
    held_by: HashMap<Box<str>, Vec<Box<str>>>,
}

/// All reference lists of a tenant, by their name in the manifest.
#[derive(Debug, Default)]
pub(crate) struct Names {
    lists: BTreeMap<String, NameList>,
    /// The same as entitlements, in the order of the lists.
    pub entitlements: Vec<Entitlement>,
    /// The lists that the app does not have.
    pub missing: Vec<String>,
    /// The shapes of their entries.
    pub shape: Shape,
}

/// Why a name cannot be turned into an id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoId {
    /// There is no entry of that name; these are there.
    Unknown(Vec<String>),
    /// Several entries have that name; these tell them apart.
    Several(Vec<String>),
}

impl NameList {
    /// Returns a list that the app does not have.
    pub fn missing() -> Self {
        Self { missing: true, ..Self::default() }
    }

    /// Returns the list of these ids and names.
    pub fn new(entries: Vec<Entry>) -> Self {
        let mut count: HashMap<&str, usize> = HashMap::new();
        for (_, name) in &entries {
            *count.entry(name).or_default() += 1;
        }
        let shown: Vec<Entry> = entries
            .iter()
            .map(|(id, name)| {
                let name = if count[&**name] > 1 { format!("{name} ({id})").into() } else { name.clone() };
                (id.clone(), name)
            })
            .collect();
        let mut list = Self::default();
        for ((id, plain), (_, shown)) in entries.into_iter().zip(shown) {
            list.ids_of.entry(plain.to_lowercase()).or_default().push((id.clone(), plain.clone()));
            if plain != shown {
                list.ids_of.entry(shown.to_lowercase()).or_default().push((id.clone(), shown.clone()));
            }
            list.name_of.insert(Name::new(&id), Name::new(&shown));
        }
        list
    }

    /// Returns the list with what its entries say of their members, as pairs of account and entry.
    pub fn with_members(mut self, members: Vec<Entry>) -> Self {
        for (account, entry) in members {
            self.held_by.entry(account).or_default().push(entry);
        }
        self
    }

    /// Returns the ids of the entries that name an account as a member; nothing for a list that is missing.
    pub fn held_by(&self, account: &str) -> Option<&[Box<str>]> {
        (!self.missing).then(|| self.held_by.get(account).map_or(&[][..], Vec::as_slice))
    }

    /// Returns the name of an id.
    pub fn name_of(&self, id: &str) -> Option<&str> {
        self.entry(id).map(|(_, name)| name.as_str())
    }

    /// Returns an id and its name.
    pub fn entry(&self, id: &str) -> Option<(&Name, &Name)> {
        self.name_of.get_key_value(id)
    }

    /// Returns the id of a name; an id stands for itself.
    pub fn id_of(&self, name: &str, exact: bool) -> Result<Box<str>, NoId> {
        if self.missing {
            return Ok(name.into());
        }
        let found = self.ids_of.get(&name.to_lowercase()).map_or(&[][..], Vec::as_slice);
        let same: Vec<_> = found.iter().filter(|(_, known)| &**known == name).collect();
        let fit: Vec<_> = if exact || !same.is_empty() { same } else { found.iter().collect() };
        match fit[..] {
            [(id, _)] => Ok(id.clone()),
            [] if self.name_of.contains_key(name) => Ok(name.into()),
            [] => {
                let mut known: Vec<String> = self.name_of.values().map(|name| name.to_string()).collect();
                known.sort();
                Err(NoId::Unknown(known))
            }
            _ => Err(NoId::Several(fit.iter().filter_map(|(id, _)| self.name_of(id)).map(str::to_owned).collect())),
        }
    }

    /// Lists ids and names, sorted by name.
    pub fn entries(&self) -> Vec<(&str, &str)> {
        let mut entries: Vec<(&str, &str)> = self.name_of.iter().map(|(id, name)| (&**id, &**name)).collect();
        entries.sort_by_key(|(id, name)| (*name, *id));
        entries
    }
}

impl Names {
    /// Adds a list.
    pub fn add(&mut self, reference: &str, list: NameList) {
        if list.missing {
            self.missing.push(reference.to_owned());
        }
        self.lists.insert(reference.to_owned(), list);
    }

    /// Returns a list by its name in the manifest.
    pub fn list(&self, reference: &str) -> Option<&NameList> {
        self.lists.get(reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, &str)]) -> NameList {
        NameList::new(entries.iter().map(|(id, name)| ((*id).into(), (*name).into())).collect())
    }

    #[test]
    fn two_of_a_name_are_told_apart_and_never_chosen_between() {
        let list = list(&[("a", "Returns"), ("b", "Returns"), ("c", "Voice")]);
        assert_eq!(list.name_of("a"), Some("Returns (a)"));
        assert_eq!(list.id_of("Returns", false), Err(NoId::Several(vec!["Returns (a)".into(), "Returns (b)".into()])));
        assert_eq!(list.id_of("Returns (b)", false).as_deref(), Ok("b"));
        assert_eq!(list.id_of("voice", false).as_deref(), Ok("c"));
    }

    #[test]
    fn an_exact_list_does_not_fold_case() {
        let list = list(&[("1", "Admin")]);
        assert!(matches!(list.id_of("admin", true), Err(NoId::Unknown(_))));
    }

    #[test]
    fn a_list_that_is_missing_takes_ids_for_names() {
        assert_eq!(NameList::missing().id_of("17", false).as_deref(), Ok("17"));
    }
}
