//! What the reader hands to the decoder.

use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::OwnedSemaphorePermit;

/// One API reply, its records found but not yet decoded.
#[derive(Debug)]
pub struct Page {
    /// The reply's body: valid UTF-8, well-formed JSON.
    pub body: Bytes,
    /// Where each record's value lies in the body, in the vendor's order. Records whose key was already read are left out.
    pub records: Vec<Range<usize>>,
    /// Records that share their key with one that stands before them in the body: where that lies, and where they do.
    pub twins: Vec<(Range<usize>, Range<usize>)>,
    /// Where a read goes on ([`ReadOptions::resume`](crate::read::ReadOptions::resume)) that is to give every row which is neither in this page
    /// nor in those before it; none where the table's paging has no such place.
    pub resume: Option<String>,
    /// When the read that it belongs to began, by the vendor's clock: what was changed before is in what was read.
    pub began: DateTime<Utc>,
    /// The body's share of the memory budget, given back when the page is dropped.
    pub memory: Option<OwnedSemaphorePermit>,
}

impl Page {
    /// The text of each record.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.records.iter().map(|range| self.text(range))
    }

    /// The text of a record. The reader checked the body; a range that is not text yields an empty record, which the decoder refuses.
    pub fn text(&self, range: &Range<usize>) -> &str {
        let bytes = self.body.get(range.clone());
        bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}
