//! The five vendors by name, and where each stands on the one port. Everything else in this crate is told which vendor
//! it deals with by this type. It does not know how any of them behaves.

use std::fmt;
use std::str::FromStr;

/// One imitated vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vendor {
    /// Gorgias, a help desk for shops.
    Gorgias,
    /// Gladly, a help desk built around conversations.
    Gladly,
    /// Freshdesk, a help desk with agents and contacts.
    Freshdesk,
    /// Freshservice, a service desk with agents and requesters.
    Freshservice,
    /// Gainsight, a customer success platform.
    Gainsight,
}

/// A name that is none of the five vendors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown app `{0}`; known are gorgias, gladly, freshdesk, freshservice, gainsight")]
pub struct UnknownVendor(pub String);

impl Vendor {
    /// All five, in the order in which the files list them.
    pub const ALL: [Vendor; 5] =
        [Vendor::Gorgias, Vendor::Gladly, Vendor::Freshdesk, Vendor::Freshservice, Vendor::Gainsight];

    /// Returns the lowercase name, as a connection would be called.
    pub fn name(self) -> &'static str {
        match self {
            Vendor::Gorgias => "gorgias",
            Vendor::Gladly => "gladly",
            Vendor::Freshdesk => "freshdesk",
            Vendor::Freshservice => "freshservice",
            Vendor::Gainsight => "gainsight",
        }
    }

    /// Returns the path under which the vendor's API begins.
    pub fn prefix(self) -> &'static str {
        match self {
            Vendor::Gorgias => "/gorgias/api",
            Vendor::Gladly => "/gladly/api/v1",
            Vendor::Freshdesk => "/freshdesk/api/v2",
            Vendor::Freshservice => "/freshservice/api/v2",
            Vendor::Gainsight => "/gainsight/v1",
        }
    }

    /// Returns the vendor whose own pages take an upload under this path, such as `/gladly/ui/import`.
    pub(crate) fn of_upload(path: &str) -> Option<Vendor> {
        path.strip_prefix('/')?.strip_suffix("/ui/import")?.parse().ok()
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Vendor {
    type Err = UnknownVendor;

    fn from_str(text: &str) -> Result<Self, UnknownVendor> {
        Vendor::ALL.into_iter().find(|vendor| vendor.name() == text).ok_or_else(|| UnknownVendor(text.into()))
    }
}
