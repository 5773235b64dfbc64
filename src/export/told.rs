//! Which rejects were told before: a row that is read again, by a catch-up or in the next run, is not another one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use tokio::runtime::Handle;

use crate::decode::Reject;
use crate::error::{Error, Result};
use crate::scan::DataFileReader;
use crate::schema::Table;
use crate::store::{Lake, rejected_folder};
use crate::write::rejected;

/// Rejects that are remembered: some 12 MiB. Those beyond count as new.
const MOST: usize = 1 << 19;

/// Rejects by a hash of all they say, and how often each was told: two elements of one record can be rejected for the same value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    times: HashMap<u64, u32>,
    is_full: bool,
}

impl Told {
    /// Tells one more; how often that was told by now, nothing if there is no room to remember it.
    pub fn tell(&mut self, reject: &Reject) -> Option<u32> {
        self.add(hash(
            &reject.table,
            reject.key.as_deref(),
            reject.column.as_deref(),
            Some(&reject.raw),
            &reject.reason,
        ))
    }

    /// How often one was told.
    pub fn times(&self, reject: &Reject) -> u32 {
        let hash = hash(
            &reject.table,
            reject.key.as_deref(),
            reject.column.as_deref(),
            Some(&reject.raw),
            &reject.reason,
        );
        self.times.get(&hash).copied().unwrap_or(0)
    }

    /// Takes in what another has told, where that was more often.
    pub fn merge(&mut self, other: Self) {
        for (hash, times) in other.times {
            if self.times.len() < MOST || self.times.contains_key(&hash) {
                let known = self.times.entry(hash).or_default();
                *known = times.max(*known);
            }
        }
        self.is_full |= other.is_full;
    }

    /// Whether there was no room for all.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// What `_rejected/` tells of these tables. Waits for the lake.
    ///
    /// # Errors
    /// `Store` when it cannot be read.
    pub fn by_lake(lake: &Lake, connection: &str, tables: &[Table], handle: &Handle) -> Result<Self> {
        let mut told = Self::default();
        for object in handle.block_on(lake.list(&rejected_folder(connection)))? {
            let table = rejected::named(&object.path).and_then(|(table, _)| tables.iter().find(|other| other.id == table));
            let Some(table) = table else { continue };
            for batch in DataFileReader::open(lake, &object.path, object.bytes, handle.clone())?.batches(None) {
                let batch = batch?;
                let texts = |name: &str| {
                    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
                    column.ok_or_else(|| {
                        Error::store(format!("`{}` has no column `{name}` of its type", lake.url(&object.path)))
                            .hint("is something else writing to the lake?")
                    })
                };
                let (keys, columns, raws, reasons) = (texts("key")?, texts("column")?, texts("raw")?, texts("reason")?);
                for row in 0..batch.num_rows() {
                    let [key, column, raw, reason] =
                        [keys, columns, raws, reasons].map(|texts| texts.is_valid(row).then(|| texts.value(row)));
                    told.add(hash(&table.id, key, column, raw, reason.unwrap_or_default()));
                }
            }
        }
        Ok(told)
    }

    fn add(&mut self, hash: u64) -> Option<u32> {
        if self.times.len() >= MOST && !self.times.contains_key(&hash) {
            self.is_full = true;
            return None;
        }
        let times = self.times.entry(hash).or_default();
        *times += 1;
        Some(*times)
    }
}

/// The same in the whole process, and in no other.
fn hash(table: &str, key: Option<&str>, column: Option<&str>, raw: Option<&str>, reason: &str) -> u64 {
    static HASHING: OnceLock<RandomState> = OnceLock::new();
    HASHING.get_or_init(RandomState::new).hash_one((table, key, column, raw, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(raw: &str, column: Option<&str>) -> Reject {
        Reject {
            table: "deals".to_owned(),
            key: Some("7".to_owned()),
            column: column.map(str::to_owned),
            raw: raw.to_owned(),
            reason: "is not a number".to_owned(),
        }
    }

    #[test]
    fn rejects_are_told_apart_and_counted() {
        let (mut one, mut two) = (Told::default(), Told::default());
        let (a, b) = (reject("x", Some("amount")), reject("x", None));
        assert_eq!([one.tell(&a), one.tell(&a), one.tell(&b)], [Some(1), Some(2), Some(1)]);
        assert_eq!([two.tell(&a), two.tell(&reject("y", None))], [Some(1), Some(1)]);
        assert_ne!(one, two);
        two.merge(one.clone());
        assert_eq!(
            [
                two.times(&a),
                two.times(&b),
                two.times(&reject("y", None)),
                two.times(&reject("z", None))
            ],
            [2, 1, 1, 0]
        );
        one.merge(two.clone());
        assert_eq!(one, two);
    }
}
