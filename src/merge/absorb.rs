//! Small files, taken into those that are being written: a table that is refreshed every hour must not become thousands of them.

use arrow_array::RecordBatch;

use super::{Member, Merge};
use crate::commit::Entry;
use crate::error::Result;
use crate::scan::conform;
use crate::schema::arrow_schema;
use crate::store::PartitionValue;

/// A file is small beside rows that are a quarter of its own or more. So a row is written again only when the file it is in grows by a quarter: as often as the logarithm
/// of the file's size, not once an hour.
const SMALL: u64 = 4;

impl Merge {
    /// Takes out of the files that stay the ones that are small beside the new rows of their partition, and gives their rows to `write`.
    pub(super) fn absorb(
        &self,
        at: usize,
        member: &Member,
        kept: &mut Vec<Entry>,
        write: &mut impl FnMut(usize, &RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut absorbed: Vec<Entry> = Vec::new();
        for (partition, rows) in self.new_rows.get(at).into_iter().flatten() {
            let mut same: Vec<&Entry> = kept.iter().filter(|entry| is_in(entry, partition.as_ref())).collect();
            same.sort_by_key(|entry| entry.meta.record_count);
            let mut sum = *rows;
            for entry in same {
                let own = entry.meta.record_count;
                if own == 0 || own > sum.saturating_mul(SMALL) || entry.meta.content_length >= self.options.target_file_bytes / 2 {
                    break;
                }
                sum += own;
                absorbed.push(entry.clone());
            }
        }
        kept.retain(|entry| !absorbed.iter().any(|other| other.path == entry.path));
        let schema = arrow_schema(&member.table);
        for entry in absorbed {
            for batch in self.open(member, &entry)?.batches(None) {
                write(at, &conform(&batch?, &schema)?)?;
            }
        }
        Ok(())
    }
}

fn is_in(entry: &Entry, partition: Option<&PartitionValue>) -> bool {
    match (&entry.meta.partition, partition) {
        (None, None) => true,
        (Some(entry), Some(partition)) => entry.get(&partition.name) == Some(&partition.value),
        _ => false,
    }
}
