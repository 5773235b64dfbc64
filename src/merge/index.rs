//! What the lake holds inside a range: the key of each row, and a digest of it and of the rows exploded from it.

use super::key::Key;

/// Bytes that one row takes.
const ROW_BYTES: usize = size_of::<Row>() + size_of::<bool>();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    key: Key,
    digest: u64,
}

/// Rows by key. It is filled, then sealed, then asked.
#[derive(Debug, Default)]
pub(super) struct Index {
    rows: Vec<Row>,
    /// Rows that a read has brought.
    met: Vec<bool>,
}

impl Index {
    /// Adds a row; false if so many bytes do not hold it.
    pub fn add(&mut self, key: Key, digest: u64, limit: usize) -> bool {
        if self.rows.len() == self.rows.capacity() {
            // Growing copies: both are there for a moment.
            let more = (self.rows.len() / 2).max(1_024);
            if (self.rows.len() + more) * ROW_BYTES + self.rows.len() * size_of::<Row>() > limit {
                return false;
            }
            self.rows.reserve_exact(more);
        }
        self.rows.push(Row { key, digest });
        true
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.rows.capacity() * ROW_BYTES
    }

    /// All rows are there.
    pub fn seal(&mut self) {
        self.rows.sort_unstable_by_key(|row| row.key);
        self.met = vec![false; self.rows.len()];
    }

    /// Adds to the digest of a row what was exploded from it, in any order.
    pub fn add_exploded(&mut self, key: Key, digest: u64) {
        if let Some(at) = self.find(key) {
            self.rows[at].digest = self.rows[at].digest.wrapping_add(digest);
        }
    }

    /// Whether this row is as the lake holds it; nothing if the lake does not hold its key here. It counts as met.
    pub fn meet(&mut self, key: Key, digest: u64) -> Option<bool> {
        let at = self.find(key)?;
        self.met[at] = true;
        Some(self.rows[at].digest == digest)
    }

    /// Whether the lake has this key here and the read did not bring it.
    pub fn is_unmet(&self, key: Key) -> bool {
        self.find(key).is_some_and(|at| !self.met[at])
    }

    /// Rows that it holds.
    pub fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Keys that were not met.
    pub fn unmet(&self) -> impl Iterator<Item = Key> {
        self.rows.iter().zip(&self.met).filter(|(_, met)| !**met).map(|(row, _)| row.key)
    }

    pub fn contains(&self, key: Key) -> bool {
        self.find(key).is_some()
    }

    /// Whether a key of this range may be there; always where a key is no whole number.
    pub fn has_numbers_in(&self, least: u64, greatest: u64) -> bool {
        let has_others = self.rows.last().is_some_and(|row| row.key.number().is_none());
        let first = self
            .rows
            .partition_point(|row| row.key.number().is_some_and(|number| number < least));
        has_others
            || self
                .rows
                .get(first)
                .and_then(|row| row.key.number())
                .is_some_and(|number| number <= greatest)
    }

    fn find(&self, key: Key) -> Option<usize> {
        self.rows.binary_search_by_key(&key, |row| row.key).ok()
    }
}
