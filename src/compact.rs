//! Small data files of a partition merged into files near the target size, and files that older readers refuse written anew. The rows stay what they are.
//!
//! | file | becomes |
//! |---|---|
//! | below half the target, in a partition with two such files or more | part of a new one that holds the same rows in the same order; not in histories |
//! | one that older readers refuse ([`DataFileReader::is_refused`]) | a new one of the same rows in the same order |
//! | one that was looked at for that, and is not | itself; the manifest notes it, so that nobody looks again |
//!
//! A table is replaced in one commit for each `GROUPS` of these, its savepoint, mode and unfinished load kept. The parent of a table that was replaced gets a
//! new manifest, too: it names the versions of its children and histories. These commit first, as in an export, so that a crash in between leaves what was
//! there before.

mod plan;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::commit::{self, FOOTER, Manifest};
use crate::error::{Error, Kind, Result};
use crate::scan::{DataFileReader, conform};
use crate::schema::{Table, arrow_schema};
use crate::store::{DataFile, Lake};
use crate::write::{MemoryBudget, StagedFile, TableWriter, WriteOptions, publish_all};
use plan::{Group, Plan};

/// Groups of files that are written before a commit: each is an open file on local disk, and file descriptors are finite.
const GROUPS: usize = 256;

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

/// A table whose files were replaced.
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

/// The families of this content of a lake: each table with those exploded from it and their histories, which its manifest names.
pub fn families(content: &[Manifest]) -> Vec<Vec<Manifest>> {
    let of = |parent: &Manifest, manifest: &Manifest| {
        let named = parent.children.contains_key(&manifest.table) || parent.histories.contains_key(&manifest.table);
        parent.connection == manifest.connection && named
    };
    let parents = content
        .iter()
        .filter(|manifest| !content.iter().any(|parent| of(parent, manifest) && !of(manifest, parent)));
    parents
        .map(|parent| {
            let members = content
                .iter()
                .filter(|manifest| manifest.table != parent.table && of(parent, manifest));
            std::iter::once(parent).chain(members).cloned().collect()
        })
        .collect()
}

/// Merges the small files of a family, as [`families`] gives it, and writes those anew that older readers refuse. Tables for which `chosen` is false are left
/// alone. If there is nothing to do, nothing is written.
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
    let mut work = Vec::new();
    let mut looked_at = Vec::with_capacity(family.len());
    for (member, manifest) in family.iter().enumerate() {
        let mut plan = Plan::default();
        if chosen(manifest) {
            plan = Plan::of(
                lake,
                manifest,
                parent.histories.contains_key(&manifest.table),
                options.target_file_bytes,
            )
            .await?;
        }
        work.extend(plan.groups.into_iter().map(|group| (member, group)));
        looked_at.push(plan.looked_at);
    }
    let mut now = family.to_vec();
    let mut rounds: Vec<&[(usize, Group)]> = work.chunks(GROUPS).collect();
    if rounds.is_empty() && looked_at.iter().any(|paths| !paths.is_empty()) {
        rounds.push(&[]);
    }
    for round in rounds {
        now = replace(lake, now, round, &looked_at, options).await?;
    }
    let changed = family.iter().zip(&now).filter(|(old, new)| {
        let files = |manifest: &Manifest| manifest.entries.iter().map(|entry| entry.path.clone()).collect::<Vec<_>>();
        files(old) != files(new)
    });
    Ok(changed
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

/// Writes these groups of the family anew and commits it; its manifests then.
async fn replace(
    lake: &Lake,
    family: Vec<Manifest>,
    round: &[(usize, Group)],
    looked_at: &[HashSet<String>],
    options: &CompactOptions,
) -> Result<Vec<Manifest>> {
    check_newest(lake, &family).await?;
    let run_id = Uuid::now_v7().to_string();
    let mut staged = Vec::with_capacity(family.len());
    for (member, manifest) in family.iter().enumerate() {
        let groups: Vec<Group> = round
            .iter()
            .filter(|(of, _)| *of == member)
            .map(|(_, group)| group.clone())
            .collect();
        let mut files = Vec::new();
        if !groups.is_empty() {
            let (lake, manifest, run_id, options) = (lake.clone(), manifest.clone(), run_id.clone(), options.clone());
            let handle = Handle::current();
            files = spawn_blocking(move || merge(&lake, &manifest, &groups, &run_id, &options, &handle)).await??;
        }
        staged.push(files);
    }
    let sizes: Vec<usize> = staged.iter().map(Vec::len).collect();
    let mut published = publish_all(staged.into_iter().flatten().collect()).await?.into_iter();
    let mut next: Vec<Option<Manifest>> = Vec::with_capacity(family.len());
    for ((member, manifest), size) in family.iter().enumerate().zip(sizes) {
        let files: Vec<DataFile> = published.by_ref().take(size).collect();
        let of_member = round.iter().filter(|(of, _)| *of == member);
        let merged: Vec<&str> = of_member
            .flat_map(|(_, group)| &group.entries)
            .map(|entry| entry.path.as_str())
            .collect();
        let is_noted = manifest
            .entries
            .iter()
            .all(|entry| !entry.meta.may_be_refused() || !looked_at[member].contains(&entry.path));
        next.push((!merged.is_empty() || !is_noted).then(|| {
            let mut next = manifest.successor(lake, &run_id, &merged, files);
            for entry in next.entries.iter_mut().filter(|entry| looked_at[member].contains(&entry.path)) {
                entry.meta.footer = Some(FOOTER);
            }
            next
        }));
    }
    name_versions(lake, &family, &mut next, &run_id);
    let committed: Vec<(&Manifest, Manifest)> = family
        .iter()
        .zip(&next)
        .filter_map(|(old, new)| Some((old, new.clone()?)))
        .collect();
    for (old, new) in &committed {
        if old.rows != new.rows {
            let dead: Vec<String> = committed.iter().flat_map(|(_, new)| new.written()).collect();
            lake.delete(&dead).await?;
            return Err(Error::defect(format!(
                "merging `{}` would make {} rows of {}",
                old.folder(),
                new.rows,
                old.rows
            )));
        }
    }
    commit_all(lake, &committed, options.retention).await?;
    Ok(family
        .iter()
        .zip(next)
        .map(|(old, new)| new.unwrap_or_else(|| old.clone()))
        .collect())
}

/// Whether what is in the lake belongs together, and nobody replaced it.
async fn check_newest(lake: &Lake, family: &[Manifest]) -> Result<()> {
    let Some(parent) = family.first() else { return Ok(()) };
    for manifest in family {
        let named = parent.children.get(&manifest.table).or(parent.histories.get(&manifest.table));
        let named = named.is_none_or(|version| *version == manifest.version);
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
    Ok(())
}

/// Lets the parent name the new versions of the others, in a new manifest if it has none yet.
fn name_versions(lake: &Lake, family: &[Manifest], next: &mut [Option<Manifest>], run_id: &str) {
    let others: Vec<(String, u64)> = next
        .iter()
        .skip(1)
        .flatten()
        .map(|manifest| (manifest.table.clone(), manifest.version))
        .collect();
    let (Some(parent), Some(next), false) = (family.first(), next.first_mut(), others.is_empty()) else {
        return;
    };
    let next = next.get_or_insert_with(|| parent.successor(lake, run_id, &[], Vec::new()));
    for (table, version) in others {
        if let Some(history) = next.histories.get_mut(&table) {
            *history = version;
        } else {
            next.children.insert(table, version);
        }
    }
}

/// Writes the rows of each group anew. Nothing is visible in the lake afterwards.
fn merge(
    lake: &Lake,
    manifest: &Manifest,
    groups: &[Group],
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

fn rewrite(writer: &mut TableWriter, lake: &Lake, manifest: &Manifest, table: &Table, group: &Group, handle: &Handle) -> Result<()> {
    let schema = arrow_schema(table);
    if !group.ordered {
        // A file that claims an order ends where it breaks: of two small files two would be made, every time.
        writer.claim_no_order();
    }
    for entry in &group.entries {
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
    // A table without rows has a file all the same.
    writer.ensure_file()
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
