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
    /// Keys of more than one row, in order: a lake that an earlier version doubled rows in.
    doubled: Vec<Key>,
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
        let pairs = self.rows.windows(2).filter(|pair| pair[0].key == pair[1].key);
        self.doubled = pairs.map(|pair| pair[0].key).collect();
        self.rows.dedup_by_key(|row| row.key);
        self.met = vec![false; self.rows.len()];
    }

    /// Adds to the digest of a row what was exploded from it, in any order.
    pub fn add_exploded(&mut self, key: Key, digest: u64) {
        if let Some(at) = self.find(key) {
            self.rows[at].digest = self.rows[at].digest.wrapping_add(digest);
        }
    }

    /// Whether this row is as the lake holds it; nothing if the lake does not hold its key here. It counts as met.
    ///
    /// One key is one row: the first that a read brings. A vendor that writes a key in two ways (`100` and `"100"`) brings it twice, and the second is passed
    /// over as if the lake held it. A key that the lake holds twice is never as it should be, so that the row is written once in the place of both.
    pub fn meet(&mut self, key: Key, digest: u64) -> Option<bool> {
        let at = self.find(key)?;
        let is_second = std::mem::replace(&mut self.met[at], true);
        Some(is_second || self.rows[at].digest == digest && self.doubled.binary_search(&key).is_err())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_the_lake_holds_twice_becomes_one_row_and_a_second_reading_none() {
        let keys = crate::merge::key::Hashing::default();
        let batch = arrow_array::RecordBatch::try_from_iter([(
            "id",
            std::sync::Arc::new(arrow_array::Int64Array::from(vec![1, 2])) as arrow_array::ArrayRef,
        )])
        .unwrap();
        let keys = keys.keys(&batch, &[0]).unwrap();
        let mut index = Index::default();
        for (key, digest) in [(keys[0], 7), (keys[1], 8), (keys[0], 7)] {
            assert!(index.add(key, digest, 1 << 20));
        }
        index.seal();
        assert_eq!(index.len(), 2);
        // Written anew in the place of both, and once.
        assert_eq!([index.meet(keys[0], 7), index.meet(keys[0], 7)], [Some(false), Some(true)]);
        // A second row of the key is none, whatever it holds.
        assert_eq!([index.meet(keys[1], 8), index.meet(keys[1], 9)], [Some(true), Some(true)]);
    }
}
