//! Where scans stood. `$skip` paging through a filtered set asks for matches 0 to 299, then 300 to 599, ...: without a mark
//! each page would test every row before it again, and a full read would cost the square of the table.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// A small store of scan positions, the oldest forgotten first.
#[derive(Debug, Default)]
pub(crate) struct Marks(Mutex<VecDeque<Mark>>);

#[derive(Debug)]
struct Mark {
    scan: String,
    matches: u64,
    position: u64,
}

const KEPT: usize = 256;

impl Marks {
    /// The furthest known point of a scan with at most `skip` matches before it: matches, position.
    pub(super) fn nearest(&self, scan: &str, skip: u64) -> (u64, u64) {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = marks.iter().filter(|mark| mark.scan == scan && mark.matches <= skip);
        let best = known.max_by_key(|mark| mark.matches);
        best.map_or((0, 0), |mark| (mark.matches, mark.position))
    }

    /// Remembers that `matches` rows of a scan lie before `position`.
    pub(super) fn leave(&self, scan: &str, matches: u64, position: u64) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() == KEPT {
            marks.pop_front();
        }
        marks.push_back(Mark {
            scan: scan.to_owned(),
            matches,
            position,
        });
    }
}
