//! What nothing needs any more: superseded files, old manifests, old reports.
//!
//! | object | goes when |
//! |---|---|
//! | data file of version `v` or less that manifest `v` does not list | the manifest that dropped it is as old as the retention |
//! | data file of a version above `v` | never here: a run may be writing it |
//! | manifest below `v` | its successor is older than [`MANIFESTS_STAY`], and than the retention |
//! | beginning of an object of version `v` or less, on local disk | at once: it can only lose |
//! | report of a run | [`REPORTS_STAY`] later runs have one |
//!
//! Ages are those of the store's clock: the successor's time in the listing against the newest time in it.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Manifest, read, version_of};
use crate::error::Result;
use crate::store::{Lake, Object, Unfinished, data_file_version};

/// A superseded manifest stays this long although its files are gone. A run that began from manifest `v` and is slow, or slept, wants to create `v + 1`, and
/// must find it taken: were it pruned, the run would take its own, outdated commit for the table.
const MANIFESTS_STAY: Duration = Duration::from_secs(7 * 24 * 3600);

/// Reports in `_runs/`: three weeks of a run every hour.
const REPORTS_STAY: usize = 500;

/// Deletes what this manifest makes superfluous in the table's folder, and returns how many objects that were. To be called with a committed manifest only.
///
/// With a retention, files stay that a manifest superseded more recently lists, for readers that still use it. Costs one listing; with a retention, one older
/// manifest is read.
///
/// # Errors
/// `Store` when the lake cannot be listed or something not deleted; the rest is swept with the next commit.
pub async fn sweep(lake: &Lake, manifest: &Manifest, retention: Duration) -> Result<usize> {
    let listing = lake.list(&manifest.folder()).await?;
    let Some(now) = listing.iter().map(|object| object.modified).max() else {
        return Ok(0);
    };
    let superfluous = Superfluous::find(lake, manifest, &listing, now, retention).await?;
    let paths = superfluous.files.iter().chain(&superfluous.manifests);
    let paths: Vec<String> = paths.map(|object| object.path.clone()).collect();
    lake.delete(&paths).await?;
    lake.abort(&superfluous.staged).await?;
    Ok(paths.len() + superfluous.staged.len())
}

/// Deletes all reports of runs but the newest, and returns how many they were.
///
/// # Errors
/// `Store` when the lake cannot be listed or a report not deleted.
pub async fn sweep_reports(lake: &Lake) -> Result<usize> {
    let old: Vec<String> = superfluous_reports(lake).await?.into_iter().map(|report| report.path).collect();
    lake.delete(&old).await?;
    Ok(old.len())
}

/// Reports of runs beyond the newest. Their names are run ids, which sort by time.
pub(crate) async fn superfluous_reports(lake: &Lake) -> Result<Vec<Object>> {
    let is_report = |path: &str| {
        let name = path.strip_prefix("_runs/").and_then(|name| name.strip_suffix(".json"));
        name.is_some_and(|name| uuid::Uuid::try_parse(name).is_ok())
    };
    let mut reports = lake.list("_runs").await?;
    reports.retain(|object| is_report(&object.path));
    reports.truncate(reports.len().saturating_sub(REPORTS_STAY));
    Ok(reports)
}

/// What a manifest makes superfluous in its table's folder.
pub(crate) struct Superfluous {
    /// Data files that can never be live again.
    pub files: Vec<Object>,
    /// Manifests that nobody can want.
    pub manifests: Vec<Object>,
    /// Beginnings of objects that lost before they were written.
    pub staged: Vec<Unfinished>,
}

impl Superfluous {
    /// Finds it in a listing of the folder.
    pub(crate) async fn find(
        lake: &Lake,
        manifest: &Manifest,
        listing: &[Object],
        now: DateTime<Utc>,
        retention: Duration,
    ) -> Result<Self> {
        let folder = manifest.folder();
        let version = manifest.version;
        let mut versions: Vec<(u64, &Object)> = listing
            .iter()
            .filter_map(|object| Some((version_of(&object.path)?, object)))
            .filter(|(of_manifest, _)| *of_manifest <= version)
            .collect();
        versions.sort_unstable_by_key(|(of_manifest, _)| *of_manifest);
        let superseded_for = |successor: &Object| (now - successor.modified).to_std().unwrap_or_default();
        let superseded: Vec<(u64, &Object, Duration)> = versions
            .windows(2)
            .map(|pair| (pair[0].0, pair[0].1, superseded_for(pair[1].1)))
            .collect();

        let mut kept = names(manifest);
        // Of the manifests that still offer their files, the oldest says it for all: what it lists may be in use; what a later one lists is either in it or
        // of a later version. Files of such versions that never were live stay with them, until their turn comes.
        let oldest = superseded.iter().find(|(.., age)| *age < retention).map(|(oldest, ..)| *oldest);
        if let Some(oldest) = oldest
            && let Some(offered) = read(lake, &manifest.connection, &manifest.table, oldest).await?
        {
            kept.extend(names(&offered));
        }
        let may_be_offered = |of_file: u64| oldest.is_some_and(|oldest| of_file > oldest && of_file < version);
        let files = listing.iter().filter(|object| {
            data_file_version(&object.path).is_some_and(|of_file| of_file <= version && !may_be_offered(of_file))
                && !kept.contains(name(&object.path))
        });
        let stay = MANIFESTS_STAY.max(retention);
        let manifests = superseded.iter().filter(|(.., age)| *age > stay);
        let mut staged = lake.staged(&folder).await?;
        staged.retain(|one| object_version(&one.path).is_some_and(|of_object| of_object <= version));
        Ok(Self {
            files: files.cloned().collect(),
            manifests: manifests.map(|(_, object, _)| (*object).clone()).collect(),
            staged,
        })
    }

    /// Takes out what this older manifest of the table needs, and itself.
    pub(crate) fn spare(&mut self, manifest: &Manifest) {
        let needed = names(manifest);
        self.files.retain(|object| !needed.contains(name(&object.path)));
        self.manifests.retain(|object| version_of(&object.path) != Some(manifest.version));
    }
}

/// The version in the name of a data file or a manifest.
pub(crate) fn object_version(path: &str) -> Option<u64> {
    data_file_version(path).or_else(|| version_of(path))
}

/// By name, not by path: names are unique in a table, and a file system may spell a folder's accents in another way than it was told.
fn names(manifest: &Manifest) -> HashSet<String> {
    manifest.entries.iter().map(|entry| name(&entry.path).to_owned()).collect()
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
