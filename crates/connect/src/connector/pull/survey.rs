//! The shape of what a pull sees, gathered from a few of its pages: the first, second, fourth, eighth of each list, and so on.
//! Of a row that tells only a part of a record, the record is looked at in its place. The walker hands in every answer, and nearly all are passed over, so that a long pull pays next to nothing for it.
//! It keeps names of fields and forms only; what they mean is told by comparing shapes.

use super::Stage;
use crate::codec::json::{Json, Place};
use crate::codec::outline::Outline;
use crate::manifest::Manifest;
use crate::transport::Response;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tenure_core::account::Kind;
use tenure_core::shape::Shape;

/// Records of one page that are looked at.
const ROWS_MAX: usize = 100;

/// What a pull has gathered so far.
#[derive(Debug)]
pub(super) struct Survey {
    outlines: BTreeMap<Kind, Outline>,
    gathered: Mutex<Gathered>,
}

#[derive(Debug, Default)]
struct Gathered {
    shape: Shape,
    /// Pages by the place of their list.
    pages: BTreeMap<usize, u64>,
}

impl Survey {
    pub fn new(manifest: &Manifest) -> Self {
        let outlines = manifest.kinds.iter().map(|(kind, spec)| (*kind, Outline::of_kind(spec))).collect();
        Self { outlines, gathered: Mutex::default() }
    }

    /// Takes in the shapes of the reference lists.
    pub fn start(&self, lists: &Shape) {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner).shape = lists.clone();
    }

    /// Takes in a page, if it is one of those that are looked at. It is decoded anew, since a walk may decode no more
    /// of a page than it reads.
    pub fn page(&self, stage: &Stage, response: &Response) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let pages = gathered.pages.entry(stage.at).or_default();
        *pages += 1;
        if !pages.is_power_of_two() {
            return;
        }
        gathered.shape.answer(response.headers.keys().map(http::HeaderName::as_str));
        let Ok(json) = serde_json::from_slice::<Json<'_>>(&response.body) else { return };
        let Ok(rows) = stage.walk.rows(&json) else { return };
        for row in rows.iter().filter(|row| !stage.is_thin(row)).take(ROWS_MAX) {
            let kind = stage.kind_of(row);
            if let (Some(outline), Some(shape)) = (self.outlines.get(&kind), gathered.shape.record(kind.as_str())) {
                outline.count(row, shape);
            }
        }
    }

    /// Takes in a record that was read by its id, since the list told only a part of it.
    pub fn whole(&self, kind: Kind, item: &Place, response: &Response) {
        let Ok(json) = serde_json::from_slice::<Json<'_>>(&response.body) else { return };
        let Some(record) = item.of(&json) else { return };
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(outline), Some(shape)) = (self.outlines.get(&kind), gathered.shape.record(kind.as_str())) {
            outline.count(record, shape);
        }
    }

    /// Returns the shape of what was seen.
    pub fn shape(self) -> Shape {
        self.gathered.into_inner().unwrap_or_else(PoisonError::into_inner).shape
    }
}
