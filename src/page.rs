//! What the reader hands to the decoder.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::OwnedSemaphorePermit;

/// One API reply, its records found but not yet decoded.
#[derive(Debug)]
pub struct Page {
    /// The reply's body: valid UTF-8, well-formed JSON. Where something in the reply could not be read, a marker stands in its place.
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
    /// What of the reply could not be read; none where all of it could.
    pub damage: Option<Arc<Damage>>,
    /// The body's share of the memory budget, given back when the page is dropped.
    pub memory: Option<OwnedSemaphorePermit>,
}

/// What of a reply could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// What each marker in the body begins with, behind its quote; the number of the flaw follows.
    pub marker: String,
    /// The values that markers stand for.
    pub flaws: Vec<Flaw>,
    /// The records that hold a marker, and those that are no objects, in the order of the body.
    pub records: Vec<Damaged>,
}

/// A value that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Where it lies in the reply, once its character set is decoded.
    pub origin: Range<usize>,
    /// Plain English, to follow "the value".
    pub why: &'static str,
}

/// A record with something in it that cannot be read, or that is no object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Where it begins in the body.
    pub at: usize,
    /// Where it lies in the reply, once its character set is decoded.
    pub origin: Range<usize>,
    /// SHA-256 of what stands there.
    pub sha256: String,
}

impl Damage {
    /// The first flaw in a piece of the body.
    pub fn in_piece(&self, json: &str) -> Option<&Flaw> {
        let number = json.split_once(self.marker.as_str())?.1;
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        self.flaws.get(number.get(..digits)?.parse::<usize>().ok()?)
    }

    /// The damaged record that begins here in the body.
    pub fn record(&self, at: usize) -> Option<&Damaged> {
        let place = self.records.binary_search_by_key(&at, |record| record.at).ok()?;
        self.records.get(place)
    }
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
