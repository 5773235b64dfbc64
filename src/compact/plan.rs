//! Which files of a table are to be written anew: small ones, and those that older readers refuse.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::commit::{Entry, Manifest};
use crate::error::Result;
use crate::scan::DataFileReader;
use crate::store::{Lake, bound};

/// Footers looked at at a time.
const LOOKED_AT_AT_A_TIME: usize = 8;

/// Files whose rows go, in this order, into new ones.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) entries: Vec<Entry>,
    /// The files may claim that their rows are in the order of the key.
    pub(super) ordered: bool,
}

/// What is to be done to a table.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) groups: Vec<Group>,
    /// Paths of files that no reader refuses.
    pub(super) looked_at: HashSet<String>,
}

impl Plan {
    /// What is to be done to this table.
    pub(super) async fn of(lake: &Lake, manifest: &Manifest, is_history: bool, target_bytes: u64) -> Result<Self> {
        // A history grows by small files, run by run: merged, they would be written again and again.
        let small = if is_history {
            Vec::new()
        } else {
            small_files(manifest, target_bytes)
        };
        let merged: HashSet<&str> = small.iter().flatten().map(|entry| entry.path.as_str()).collect();
        let mut plan = Self::default();
        let rest = manifest.entries.iter().filter(|entry| !merged.contains(entry.path.as_str()));
        let rest: Vec<Entry> = rest.filter(|entry| entry.meta.may_be_refused()).cloned().collect();
        let mut looks = futures::stream::iter(rest)
            .map(|entry| look(lake.clone(), manifest.path_of(&entry), entry))
            .buffered(LOOKED_AT_AT_A_TIME);
        while let Some((entry, look)) = looks.try_next().await? {
            if look.refused {
                plan.groups.push(Group {
                    entries: vec![entry],
                    ordered: look.ordered,
                });
            } else {
                plan.looked_at.insert(entry.path);
            }
        }
        plan.groups.extend(small.into_iter().map(|entries| Group {
            ordered: is_ascending(manifest, &entries),
            entries,
        }));
        Ok(plan)
    }
}

/// What a file's footer tells.
pub(super) struct Look {
    pub(super) refused: bool,
    /// It claims that its rows are in an order.
    pub(super) ordered: bool,
}

pub(super) async fn look(lake: Lake, path: String, entry: Entry) -> Result<(Entry, Look)> {
    let handle = Handle::current();
    let work = spawn_blocking(move || {
        let reader = DataFileReader::open(&lake, &path, entry.meta.content_length, handle)?;
        let mut groups = reader.metadata().row_groups().iter();
        let look = Look {
            refused: reader.is_refused()?,
            ordered: groups.len() > 0 && groups.all(|group| group.sorting_columns().is_some()),
        };
        Ok((entry, look))
    });
    work.await?
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
