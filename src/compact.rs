//! Small data files of a partition merged into files near the target size. The rows stay what they are.
//!
//! A file is small below half the target; a partition with two small files or more gets new ones that hold the same rows in the same order. A table is
//! replaced in one commit, its savepoint, mode and unfinished load kept. The parent of a table that was merged gets a new manifest, too: it names the
//! versions of its children. Exploded tables commit first, as in an export, so that a crash in between leaves what was there before.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::commit::{self, Entry, Manifest};
use crate::error::{Error, Kind, Result};
use crate::scan::{DataFileReader, conform};
use crate::schema::{Table, arrow_schema};
use crate::store::{DataFile, Lake, bound};
use crate::write::{MemoryBudget, StagedFile, TableWriter, WriteOptions, publish_all};

/// How files are merged.
#[derive(Debug, Clone)]
pub struct CompactOptions {
    /// What files aim at; one below half of it is small.
    pub target_file_bytes: u64,
    /// For the writer, in bytes.
    pub memory: usize,
    /// How long superseded files stay for readers.
    pub retention: Duration,
}

impl Default for CompactOptions {
    fn default() -> Self {
        Self {
            target_file_bytes: WriteOptions::new("").target_file_bytes,
            memory: 96 << 20,
            retention: Duration::ZERO,
        }
    }
}

/// A table whose files were merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    /// The connection.
    pub connection: String,
    /// The table.
    pub table: String,
    /// Its new version.
    pub version: u64,
    /// Data files before.
    pub files_before: u64,
    /// And after.
    pub files: u64,
    /// Their bytes before.
    pub bytes_before: u64,
    /// And after.
    pub bytes: u64,
}

/// Merges the small files of a family, a table followed by those exploded from it, as [`content`](commit::content) gives it. Tables for which `chosen` is
/// false are left alone. If there is nothing to merge, nothing is written.
///
/// # Errors
/// `Conflict` when an export committed meanwhile, or was cut between the commits of the family: its content stands, and nothing is lost. `Store` when a
/// file cannot be read or written.
pub async fn compact(
    lake: &Lake,
    family: &[Manifest],
    options: &CompactOptions,
    chosen: impl Fn(&Manifest) -> bool,
) -> Result<Vec<Compacted>> {
    let Some(parent) = family.first() else { return Ok(Vec::new()) };
    let plans: Vec<Vec<Vec<Entry>>> = family
        .iter()
        .map(|manifest| {
            if chosen(manifest) {
                small_files(manifest, options.target_file_bytes)
            } else {
                Vec::new()
            }
        })
        .collect();
    if plans.iter().all(Vec::is_empty) {
        return Ok(Vec::new());
    }
    for manifest in family {
        let named = parent
            .children
            .get(&manifest.table)
            .is_none_or(|version| *version == manifest.version);
        let newest = commit::versions(lake, &manifest.connection, &manifest.table).await?;
        if !named || newest.last() != Some(&manifest.version) {
            return Err(Error::new(
                Kind::Conflict,
                format!(
                    "`{}` is at version {} by now, expected {}: nothing was merged",
                    manifest.folder(),
                    newest.last().unwrap_or(&0),
                    manifest.version
                ),
            )
            .hint("an export is running, or was cut: let one run to its end, then compact again"));
        }
    }
    let run_id = Uuid::now_v7().to_string();
    let mut next: Vec<Option<Manifest>> = Vec::with_capacity(family.len());
    let mut staged = Vec::with_capacity(family.len());
    for (manifest, groups) in family.iter().zip(&plans) {
        let files = if groups.is_empty() {
            Vec::new()
        } else {
            let (lake, manifest, groups, run_id, options) =
                (lake.clone(), manifest.clone(), groups.clone(), run_id.clone(), options.clone());
            let handle = Handle::current();
            spawn_blocking(move || merge(&lake, &manifest, &groups, &run_id, &options, &handle)).await??
        };
        staged.push(files);
    }
    let sizes: Vec<usize> = staged.iter().map(Vec::len).collect();
    let mut published = publish_all(staged.into_iter().flatten().collect()).await?.into_iter();
    for ((manifest, groups), size) in family.iter().zip(&plans).zip(sizes) {
        let files: Vec<DataFile> = published.by_ref().take(size).collect();
        let merged: Vec<&str> = groups.iter().flatten().map(|entry| entry.path.as_str()).collect();
        next.push((!groups.is_empty()).then(|| manifest.successor(lake, &run_id, &merged, files)));
    }
    let mut children: BTreeMap<String, u64> = BTreeMap::new();
    for manifest in next.iter().skip(1).flatten() {
        children.insert(manifest.table.clone(), manifest.version);
    }
    if !children.is_empty() {
        let parent = next[0].get_or_insert_with(|| parent.successor(lake, &run_id, &[], Vec::new()));
        parent.children.extend(children);
    }
    let next: Vec<(&Manifest, Manifest)> = family.iter().zip(next).filter_map(|(old, new)| Some((old, new?))).collect();
    for (old, new) in &next {
        if old.rows != new.rows {
            let dead: Vec<String> = next.iter().flat_map(|(_, new)| new.written()).collect();
            lake.delete(&dead).await?;
            return Err(Error::defect(format!(
                "merging `{}` would make {} rows of {}",
                old.folder(),
                new.rows,
                old.rows
            )));
        }
    }
    commit_all(lake, &next, options.retention).await?;
    Ok(next
        .iter()
        .filter(|(old, new)| old.entries != new.entries)
        .map(|(old, new)| Compacted {
            connection: new.connection.clone(),
            table: new.table.clone(),
            version: new.version,
            files_before: old.entries.len() as u64,
            files: new.entries.len() as u64,
            bytes_before: old.bytes,
            bytes: new.bytes,
        })
        .collect())
}

/// The small files of each partition that has two or more, in the order of the manifest.
fn small_files(manifest: &Manifest, target_bytes: u64) -> Vec<Vec<Entry>> {
    let mut partitions: BTreeMap<&str, Vec<Entry>> = BTreeMap::new();
    for entry in manifest.entries.iter().filter(|entry| entry.meta.content_length < target_bytes / 2) {
        let folder = entry.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        partitions.entry(folder).or_default().push(entry.clone());
    }
    partitions.into_values().filter(|entries| entries.len() > 1).collect()
}

/// Writes the rows of each group anew. Nothing is visible in the lake afterwards.
fn merge(
    lake: &Lake,
    manifest: &Manifest,
    groups: &[Vec<Entry>],
    run_id: &str,
    options: &CompactOptions,
    handle: &Handle,
) -> Result<Vec<StagedFile>> {
    let table = manifest.as_table()?;
    let mut write = WriteOptions::new(run_id);
    write.target_file_bytes = options.target_file_bytes;
    let (write, budget) = (Arc::new(write), MemoryBudget::new(options.memory));
    let mut staged = Vec::new();
    for group in groups {
        // One writer for each partition: it has one file open, and what it says of the order of its rows is true of this partition.
        let mut writer = TableWriter::new(
            lake,
            &manifest.connection,
            &table,
            manifest.version + 1,
            Arc::clone(&write),
            Arc::clone(&budget),
            handle.clone(),
        )?;
        match rewrite(&mut writer, lake, manifest, &table, group, handle) {
            Ok(()) => staged.extend(writer.finish()?),
            Err(error) => {
                writer.abort();
                return Err(error);
            }
        }
    }
    Ok(staged)
}

fn rewrite(writer: &mut TableWriter, lake: &Lake, manifest: &Manifest, table: &Table, group: &[Entry], handle: &Handle) -> Result<()> {
    let schema = arrow_schema(table);
    if !is_ascending(manifest, group) {
        // A file that claims an order ends where it breaks: of two small files two would be made, every time.
        writer.claim_no_order();
    }
    for entry in group {
        let path = manifest.path_of(entry);
        let reader = DataFileReader::open(lake, &path, entry.meta.content_length, handle.clone())?;
        let mut rows = 0;
        for batch in reader.batches(None) {
            let batch = conform(&batch?, &schema).map_err(|error| error.context(format!("data file `{}`", lake.url(&path))))?;
            rows += batch.num_rows() as u64;
            writer.write(&batch)?;
        }
        if rows != entry.meta.record_count {
            return Err(Error::store(format!(
                "data file `{}` has {rows} rows, its manifest says {}",
                lake.url(&path),
                entry.meta.record_count
            ))
            .hint("`afluente verify` looks at every file; `afluente export --full-refresh` of the table writes its rows anew"));
        }
    }
    Ok(())
}

/// Whether the files follow each other in the order of a single numeric key, as far as their bounds tell. Where a file is not in order itself, the writer
/// finds it out.
fn is_ascending(manifest: &Manifest, group: &[Entry]) -> bool {
    let [key] = manifest.primary_key.as_slice() else { return false };
    let numbers = |entry: &Entry| {
        Some((
            entry.meta.min.get(key)?.as_number()?.clone(),
            entry.meta.max.get(key)?.as_number()?.clone(),
        ))
    };
    let Some(bounds) = group.iter().map(numbers).collect::<Option<Vec<_>>>() else {
        return false;
    };
    bounds.windows(2).all(|pair| bound::compare(&pair[0].1, &pair[1].0).is_le())
}

/// Commits these manifests, the parent, which is the first, last.
async fn commit_all(lake: &Lake, next: &[(&Manifest, Manifest)], retention: Duration) -> Result<()> {
    let last_first: Vec<&Manifest> = next.iter().rev().map(|(_, new)| new).collect();
    // Those that were committed hold the same rows as before.
    if let Some(lost) = commit::commit_family(lake, &last_first).await? {
        return Err(Error::new(
            Kind::Conflict,
            format!(
                "an export committed version {} of `{}` while its files were merged; its content stands",
                lost.version,
                lost.folder()
            ),
        )
        .hint("nothing is lost: compact again when no export is running"));
    }
    for (_, manifest) in next {
        commit::sweep(lake, manifest, retention).await?;
    }
    Ok(())
}
