//! Where a pull goes on: a short text that the store keeps behind every page.
//! It names a stage of the walk and a place in it; a checkpoint of other stages, or of pages of another size, is not
//! used. It holds nothing of the records.

use super::Stage;
use crate::connector::walk::Position;
use serde::{Deserialize, Serialize};

/// What a checkpoint says: which stage, where in it, how many records it had given.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(super) struct Checkpoint {
    /// The stage.
    pub s: usize,
    /// The page, or the record with which it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<u64>,
    /// The cursor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c: Option<String>,
    /// The address of the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l: Option<String>,
    /// Records of the stage so far.
    pub n: u64,
    /// Records a page; pages of another size are other pages.
    pub z: u32,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i: Option<i64>,
    /// From where changes are asked for once all of this is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d: Option<String>,
}

impl Checkpoint {
    /// Returns where to go on.
    pub fn position(&self, stage: &Stage) -> Position {
        match (self.p, &self.c, &self.l) {
            (Some(page), ..) if stage.walk.is_numbered() => Position::Page(page),
            (Some(index), ..) => Position::Index(index),
            (_, Some(cursor), _) => Position::Cursor(cursor.clone()),
            (_, _, Some(address)) => Position::Link(address.clone()),
            _ => stage.walk.start(),
        }
    }

    /// Returns the checkpoint before a place.
    pub fn at(stage: usize, position: Option<&Position>, seen: u64, size: Option<u32>, since: Option<i64>) -> Self {
        let z = size.unwrap_or(0);
        let mut checkpoint = Self { s: stage, p: None, c: None, l: None, n: seen, z, i: since, d: None };
        match position {
            Some(Position::Page(page) | Position::Index(page)) => checkpoint.p = Some(*page),
            Some(Position::Cursor(cursor)) => checkpoint.c = Some(cursor.clone()),
            Some(Position::Link(address)) => checkpoint.l = Some(address.clone()),
            Some(Position::Start) | None => {}
        }
        checkpoint
    }

    /// Returns it as a text.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_says_where_to_go_on() {
        let checkpoint = Checkpoint::at(1, Some(&Position::Cursor("abc".into())), 300, Some(100), None);
        assert_eq!(checkpoint.text(), r#"{"s":1,"c":"abc","n":300,"z":100}"#);
        assert_eq!(serde_json::from_str::<Checkpoint>(&checkpoint.text()).unwrap(), checkpoint);
    }
}
