//! The data files that hold a row of the key, and what stays of them.

use std::sync::Arc;

use arrow_select::filter::filter_record_batch;
use tokio::runtime::Handle;

use super::{MEMORY, Member};
use crate::commit::{Entry, Manifest};
use crate::error::{Error, Result};
use crate::scan::{DataFileReader, conform};
use crate::schema::arrow_schema;
use crate::store::Lake;
use crate::write::{MemoryBudget, StagedFile, TableWriter, WriteOptions};

/// The files that hold a row of the key.
pub(super) fn find(lake: &Lake, member: &Member, handle: &Handle) -> Result<Vec<(Entry, u64)>> {
    let mut hit = Vec::new();
    for entry in &member.manifest.entries {
        if !member.wanted.may_be_in(entry) {
            continue;
        }
        let reader = open(lake, member, entry, handle)?;
        let mut rows = 0;
        for batch in reader.batches(Some(&member.wanted.names())) {
            rows += member.wanted.rows(&batch?)?.iter().filter(|hit| **hit).count() as u64;
        }
        if rows > 0 {
            hit.push((entry.clone(), rows));
        }
    }
    Ok(hit)
}

/// Writes what stays of these files; nothing is visible afterwards.
pub(super) fn rewrite(lake: &Lake, member: &Member, run_id: &str, handle: &Handle) -> Result<Vec<StagedFile>> {
    if member.hit.is_empty() {
        return Ok(Vec::new());
    }
    let Manifest {
        connection,
        version,
        entries,
        ..
    } = &member.manifest;
    let table = member.manifest.as_table()?;
    let mut writer = TableWriter::new(
        lake,
        connection,
        &table,
        version + 1,
        Arc::new(WriteOptions::new(run_id)),
        MemoryBudget::new(MEMORY),
        handle.clone(),
    )?;
    writer.claim_no_order();
    let mut written = || -> Result<()> {
        let schema = arrow_schema(&table);
        for (entry, _) in &member.hit {
            for batch in open(lake, member, entry, handle)?.batches(None) {
                let batch = conform(&batch?, &schema)?;
                let stays: Vec<bool> = member.wanted.rows(&batch)?.into_iter().map(|hit| !hit).collect();
                let rows = filter_record_batch(&batch, &stays.into())
                    .map_err(|error| Error::defect(format!("rows cannot be taken out of a batch: {error}")))?;
                if rows.num_rows() > 0 {
                    writer.write(&rows)?;
                }
            }
        }
        // A table has a file without rows, which shows its columns, if and only if it has no rows.
        if writer.rows() == 0 && entries.len() == member.hit.len() {
            writer.ensure_file()?;
        }
        Ok(())
    };
    match written() {
        Ok(()) => writer.finish(),
        Err(error) => {
            writer.abort();
            Err(error)
        }
    }
}

fn open(lake: &Lake, member: &Member, entry: &Entry, handle: &Handle) -> Result<DataFileReader> {
    DataFileReader::open(lake, &member.manifest.path_of(entry), entry.meta.content_length, handle.clone())
}
