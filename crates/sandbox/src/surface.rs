//! The doors of each vendor on the one port: the REST API, the SCIM surface where there is one, and the desk that hands out
//! its tokens. The server asks which door a path leads to. What happens behind a door it does not know.

use crate::{Dialect, Dialects, Vendor};

/// One door of a vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Surface {
    /// The REST API.
    #[default]
    Rest,
    /// SCIM 2.0, with a credential of its own.
    Scim,
    /// Where a client gets a token for SCIM.
    Token,
}

impl Surface {
    /// Returns the path under which a vendor has this door in a dialect. Freshservice's SCIM has a host of its own, which
    /// is a path of its own here.
    pub fn prefix(self, vendor: Vendor, dialect: Dialect) -> Option<&'static str> {
        match (self, vendor, dialect) {
            (Surface::Rest, ..) => Some(vendor.prefix()),
            (Surface::Scim, Vendor::Freshdesk, _) => Some("/freshdesk/scim/v2"),
            (Surface::Scim, Vendor::Freshservice, _) => Some("/scim.freshservice/scim/v2"),
            (Surface::Scim, Vendor::Gainsight, Dialect::Guide) => Some("/gainsight/scim/v2"),
            (Surface::Scim, Vendor::Gainsight, Dialect::Live) => Some("/gainsight/v1/users/services/scim"),
            (Surface::Token, Vendor::Gainsight, Dialect::Live) => Some("/gainsight/v1/users/m2m/oauth/token"),
            (Surface::Scim | Surface::Token, ..) => None,
        }
    }

    /// Returns the vendor and the door that a path leads to, and what follows the prefix.
    pub(crate) fn of_path(path: &str, dialects: Dialects) -> Option<(Vendor, Surface, &str)> {
        // One door of Gainsight lies under another one, so the inner doors are tried first.
        [Surface::Token, Surface::Scim, Surface::Rest].into_iter().find_map(|surface| {
            Vendor::ALL.into_iter().find_map(|vendor| {
                let rest = path.strip_prefix(surface.prefix(vendor, dialects.of(vendor))?)?;
                (rest.is_empty() || rest.starts_with('/')).then_some((vendor, surface, rest))
            })
        })
    }
}
