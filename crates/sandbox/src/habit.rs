//! The ways in which tenants of one vendor differ, or which no document settles. A test chooses one through the world;
//! the imitation that has such a choice adopts it. What a habit leads to stands with the vendor.

use std::time::Duration;

/// What a tenant does where another one may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Guide: the rows of a list show what the guide's sample of one shows, and no more. Not by default.
    RowsSampled,
    /// Guide: there is no list that the guide does not name, such as Freshdesk's roles and groups. Not by default.
    ListsUnnamed,
    /// Gorgias live: an `active` in a PUT is refused by name. The default.
    ActiveRefused,
    /// Gorgias live: an `active` in a PUT is answered with 200 and changes nothing.
    ActiveIgnored,
    /// Gladly live: deactivated agents are not in the list. The default.
    InactiveHidden,
    /// Gladly live: deactivated agents are in the list, and look like all others.
    InactiveListed,
    /// Gainsight live: the good records of a batch are done although others are refused. The default.
    BatchInPart,
    /// Gainsight live: one bad record and nothing of the batch is done.
    BatchAsAWhole,
    /// Freshdesk live: some agents come without the ids of their roles, groups and skills in a list. The default.
    RowsBare,
    /// Freshdesk live: a list shows every agent as a look at one does.
    RowsWhole,
    /// Freshservice live: a search finds what was written so long ago, the writes before this choice included; 2 seconds
    /// by default.
    IndexLag(Duration),
}
