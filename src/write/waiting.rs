//! Rows of partitioned tables that wait until there are enough of them for a file.
//!
//! Rows often come in an order that visits every partition again and again. Were each handful written as it comes, every batch would open and close
//! files, and a table of a hundred months would end in a hundred thousand of them.

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use indexmap::IndexMap;

use super::budget::Share;
use super::partition::Folder;
use crate::error::{Error, Result};

/// Rows of a partition that are enough.
const ENOUGH_ROWS: usize = 8_192;

/// Bytes of a partition that are enough.
const ENOUGH_BYTES: usize = 4 * 1024 * 1024;

/// Handfuls that are joined into one batch: a batch of three rows takes more memory for its columns than for its values.
const MAX_HANDFULS: usize = 64;

/// The rows that wait, by folder, in the order in which they came.
pub(super) struct Waiting {
    partitions: IndexMap<String, Rows>,
    share: Share,
}

struct Rows {
    folder: Folder,
    joined: Vec<RecordBatch>,
    handfuls: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl Waiting {
    pub(super) fn new(share: Share) -> Self {
        Self {
            partitions: IndexMap::new(),
            share,
        }
    }

    /// Adds rows of a partition; gives all of its rows back once there are enough.
    pub(super) fn push(&mut self, folder: Folder, batch: RecordBatch) -> Result<Option<(Folder, RecordBatch)>> {
        let place = self.partitions.entry(folder.dir.clone());
        let at = place.index();
        let waiting = place.or_insert_with(|| Rows {
            folder,
            joined: Vec::new(),
            handfuls: Vec::new(),
            rows: 0,
            bytes: 0,
        });
        waiting.rows += batch.num_rows();
        waiting.bytes += batch.get_array_memory_size();
        let mut held = self.share.bytes() + batch.get_array_memory_size();
        waiting.handfuls.push(batch);
        if waiting.handfuls.len() >= MAX_HANDFULS {
            let loose: usize = waiting.handfuls.iter().map(RecordBatch::get_array_memory_size).sum();
            let joined = join(&std::mem::take(&mut waiting.handfuls))?;
            let tight = joined.get_array_memory_size();
            waiting.joined.push(joined);
            waiting.bytes = waiting.bytes - loose + tight;
            held = held - loose + tight;
        }
        let enough = waiting.rows >= ENOUGH_ROWS || waiting.bytes >= ENOUGH_BYTES;
        self.share.set(held);
        if enough { self.take_at(at) } else { Ok(None) }
    }

    /// Bytes of all the rows that wait.
    pub(super) fn bytes(&self) -> usize {
        self.share.bytes()
    }

    /// Bytes of the partition with the most.
    pub(super) fn largest_bytes(&self) -> usize {
        self.partitions.values().map(|rows| rows.bytes).max().unwrap_or(0)
    }

    /// The rows of the partition with the most bytes.
    pub(super) fn take_largest(&mut self) -> Result<Option<(Folder, RecordBatch)>> {
        let largest = self.partitions.values().enumerate().max_by_key(|(_, rows)| rows.bytes);
        match largest.map(|(at, _)| at) {
            Some(at) => self.take_at(at),
            None => Ok(None),
        }
    }

    fn take_at(&mut self, at: usize) -> Result<Option<(Folder, RecordBatch)>> {
        let Some((_, rows)) = self.partitions.swap_remove_index(at) else {
            return Ok(None);
        };
        self.share.set(self.share.bytes() - rows.bytes);
        let mut batches = rows.joined;
        batches.extend(rows.handfuls);
        Ok(Some((rows.folder, join(&batches)?)))
    }
}

fn join(batches: &[RecordBatch]) -> Result<RecordBatch> {
    match batches {
        [one] => Ok(one.clone()),
        [first, ..] => concat_batches(&first.schema(), batches).map_err(|error| Error::defect(format!("cannot join batches: {error}"))),
        [] => Err(Error::defect("no batches to join")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array};

    use super::*;
    use crate::store::PartitionValue;
    use crate::write::MemoryBudget;

    #[test]
    fn rows_come_back_in_order_once_there_are_enough() {
        let budget = MemoryBudget::new(usize::MAX);
        let mut waiting = Waiting::new(Share::of(&budget, 0));
        let folder = |value: &str| Folder {
            dir: format!("p_value={value}"),
            partition: PartitionValue {
                name: "p_value".to_owned(),
                value: Some(value.to_owned()),
            },
        };
        let batch = |from: i64| {
            let array: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + 3));
            RecordBatch::try_from_iter([("id", array)]).unwrap()
        };
        assert!(waiting.push(folder("b"), batch(-3)).unwrap().is_none());
        let mut pushed = 0;
        let (back, rows) = loop {
            let ready = waiting.push(folder("a"), batch(pushed)).unwrap();
            pushed += 3;
            if let Some(ready) = ready {
                break ready;
            }
        };
        assert_eq!(back, folder("a"));
        assert_eq!(pushed, 8_193);
        let ids = rows.column(0).as_primitive::<Int64Type>().values().to_vec();
        assert_eq!(ids, (0..8_193).collect::<Vec<_>>());
        assert!(budget.peak() < 1024 * 1024, "handfuls are joined: {}", budget.peak());
        assert_eq!(waiting.bytes(), waiting.largest_bytes());
        assert_eq!(waiting.take_largest().unwrap().unwrap().0, folder("b"));
        assert!(waiting.take_largest().unwrap().is_none());
        assert_eq!(budget.used(), 0);
    }
}
