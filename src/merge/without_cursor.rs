//! Rows without a cursor. No range asks for them, so one that is not sent stays, but where everything is read. One that is sent is taken as any other row is, and
//! compared with those that the lake holds, or it would be written anew in each run. These are looked for only once such a row was sent: few APIs send one.

use arrow_array::{Array, ArrayRef, RecordBatch};

use super::index::Index;
use super::rewrite::selection;
use super::{Member, Merge, Range};
use crate::commit::Entry;
use crate::error::Result;
use crate::scan::{DataFileReader, conform};
use crate::schema::arrow_schema;

impl Merge {
    /// The cursors of a batch where some are null, and it matters; the base's rows without one are indexed then.
    pub(super) fn lacking_cursor(&mut self, batch: &RecordBatch) -> Result<Option<ArrayRef>> {
        let (false, Some((cursor, name)), Some(index)) = (self.options.range == Range::default(), &self.cursor, &self.index) else {
            return Ok(None);
        };
        let cursors = batch.column(*cursor);
        if cursors.null_count() == 0 {
            return Ok(None);
        }
        if self.without_cursor.is_none() {
            let memory = self.options.memory.saturating_sub(index.bytes());
            // What does not fit is not compared: it counts as changed.
            self.without_cursor = Some(self.index_without(name, memory)?.unwrap_or_default());
        }
        Ok(Some(cursors.clone()))
    }

    /// The base's rows without a cursor; nothing if they do not fit in memory.
    fn index_without(&self, cursor: &str, memory: usize) -> Result<Option<Index>> {
        let mut index = Index::default();
        let parent = &self.members[0];
        let schema = arrow_schema(&parent.table);
        for entry in parent.entries().iter().filter(|entry| parent.may_lack(cursor, entry)) {
            let reader = self.open(parent, entry)?;
            for group in (0..reader.row_groups()).filter(|group| may_be_null(&reader, *group, cursor)) {
                let mut mask = Vec::new();
                for batch in reader.read(group, Some(&[cursor]), None)? {
                    let batch = batch?;
                    let cursors = batch.column(0);
                    mask.extend((0..cursors.len()).map(|row| cursors.is_null(row)));
                }
                let Some(selection) = selection(&mask) else { continue };
                for batch in reader.read(group, None, selection)? {
                    let batch = conform(&batch?, &schema)?;
                    let keys = self.hashing.keys(&batch, &parent.key)?;
                    let digests = self.hashing.digests(&batch, parent.columns)?;
                    for (key, digest) in keys.into_iter().zip(digests) {
                        if !index.add(key, digest, memory) {
                            return Ok(None);
                        }
                    }
                }
            }
        }
        index.seal();
        for member in &self.members[1..] {
            self.index_exploded(member, &mut index)?;
        }
        Ok(Some(index))
    }
}

impl Member {
    /// Whether a file may hold rows without a cursor, as far as its folder tells.
    fn may_lack(&self, cursor: &str, entry: &Entry) -> bool {
        let by_cursor = self.table.partition.as_ref().is_some_and(|partition| partition.column == cursor);
        let has_value = entry.meta.partition.iter().flatten().any(|(_, value)| value.is_some());
        !(by_cursor && has_value)
    }
}

/// Whether a group may hold nulls in this column, as far as the footer tells.
fn may_be_null(reader: &DataFileReader, group: usize, column: &str) -> bool {
    let group = reader.metadata().row_groups().get(group);
    let chunk = group.and_then(|group| group.columns().iter().find(|chunk| chunk.column_path().parts() == [column]));
    chunk.is_none_or(|chunk| chunk.statistics().and_then(|statistics| statistics.null_count_opt()) != Some(0))
}
