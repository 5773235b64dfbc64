//! Whether a lake is what its manifests say: every data file present, whole and in its place, every key once, every exploded row with its parent.
//!
//! | pass | over | memory |
//! |---|---|---|
//! | manifests | the listing | the names in it |
//! | files | every byte, for the hash, then every column | 8 MiB; a row group |
//! | keys | the columns of the key | 128 MiB of keys; more keys take more passes |
//!
//! Two families, a table with those exploded from it, are looked at at once. Nothing is changed.

mod file;
mod keys;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use futures::StreamExt;
use serde::Serialize;
use tokio::runtime::Handle;

use crate::account;
use crate::commit::{self, Entry, Manifest};
use crate::error::{Error, Result};
use crate::store::{Lake, Object, data_file_version};

/// Families looked at at a time.
const AT_A_TIME: usize = 2;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// The file, relative to the lake; or the table's folder.
    pub file: String,
    /// What was found and what was expected.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The table is not what it should be.
    Fault,
    /// The table is right; something lies beside it, or could not be looked at.
    Warning,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Tables.
    pub tables: u64,
    /// Data files of their manifests.
    pub files: u64,
    /// Their rows, as the manifests say.
    pub rows: u64,
    /// Their bytes, as the manifests say.
    pub bytes: u64,
    /// In the order of the tables.
    pub findings: Vec<Finding>,
}

impl Verified {
    /// How many findings are faults.
    pub fn faults(&self) -> u64 {
        self.findings.iter().filter(|finding| finding.level == Level::Fault).count() as u64
    }
}

const REWRITE: &str = "`afluente export --full-refresh` of the table writes its rows anew, or restore the file from a copy of the lake";
const REFRESH: &str = "`afluente export --full-refresh` of the table reads its rows again";
const EXPORT: &str = "`afluente export` of the parent puts them together again";
const VACUUM: &str = "`afluente vacuum` drops it";
const COMPACT: &str = "`afluente compact` writes them anew, from the lake alone";
const RECORD: &str = "restore it from a copy of the lake";
const AGAIN: &str = "verify it again when no export is running";

/// Holds these tables, the content of the lake at this listing, against what is in the lake.
///
/// # Errors
/// `Store` when a manifest cannot be understood; what cannot be read of the data is a finding.
pub async fn verify(lake: &Lake, listing: &[Object], manifests: &[Manifest]) -> Result<Verified> {
    let mut verified = Verified {
        tables: manifests.len() as u64,
        files: manifests.iter().map(|manifest| manifest.entries.len() as u64).sum(),
        rows: manifests.iter().map(|manifest| manifest.rows).sum(),
        bytes: manifests.iter().map(|manifest| manifest.bytes).sum(),
        findings: Vec::new(),
    };
    let sizes: HashMap<&str, u64> = listing.iter().map(|object| (object.path.as_str(), object.bytes)).collect();
    let mut families = futures::stream::iter(families(manifests))
        .map(|family| verify_family(lake, &sizes, family))
        .buffered(AT_A_TIME);
    while let Some(findings) = families.next().await {
        verified.findings.extend(findings?);
    }
    drop(families);
    verified.findings.extend(left_over(listing, manifests));
    verified.findings.extend(unreadable_records(lake, listing).await);
    Ok(verified)
}

/// What tells whose rows a connection holds, and cannot be read.
async fn unreadable_records(lake: &Lake, listing: &[Object]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let connections = listing.iter().filter_map(|object| object.path.split_once('/'));
    for (connection, _) in connections.filter(|(connection, name)| account::path(connection) == format!("{connection}/{name}")) {
        if let Err(error) = account::read(lake, connection).await {
            findings.push(Finding {
                level: Level::Fault,
                file: account::path(connection),
                what: error.message().to_owned(),
                advice: RECORD,
            });
        }
    }
    findings
}

/// A table and those exploded from it.
#[derive(Debug, Clone)]
struct Family {
    parent: Manifest,
    children: Vec<Manifest>,
}

/// Each parent with the children that follow it.
fn families(manifests: &[Manifest]) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for manifest in manifests {
        match families.last_mut() {
            Some(family) if family.parent.connection == manifest.connection && family.parent.children.contains_key(&manifest.table) => {
                family.children.push(manifest.clone());
            }
            _ => families.push(Family {
                parent: manifest.clone(),
                children: Vec::new(),
            }),
        }
    }
    families
}

async fn verify_family(lake: &Lake, sizes: &HashMap<&str, u64>, family: Family) -> Result<Vec<Finding>> {
    let mut findings = missing_versions(&family);
    // By table, the parent first: the entries that are there in their size, so that it is worth reading them.
    let mut whole = Vec::new();
    for manifest in std::iter::once(&family.parent).chain(&family.children) {
        let mut there = Vec::with_capacity(manifest.entries.len());
        for entry in &manifest.entries {
            match present(sizes, manifest, entry) {
                None => there.push(entry.clone()),
                Some(fault) => findings.push(fault),
            }
        }
        whole.push(there);
    }
    let (of_lake, handle, of_family) = (lake.clone(), Handle::current(), family.clone());
    let work = tokio::task::spawn_blocking(move || read_family(&of_lake, &handle, &of_family, whole));
    findings.extend(
        work.await
            .map_err(|error| Error::defect(format!("cannot verify `{}`: {error}", family.parent.folder())))?,
    );
    if findings.is_empty() {
        return Ok(findings);
    }
    // A run that commits meanwhile deletes what is looked at here.
    let parent = &family.parent;
    let newest = commit::versions(lake, &parent.connection, &parent.table).await?;
    if newest.last().is_some_and(|newest| *newest > parent.version) {
        return Ok(vec![Finding {
            level: Level::Warning,
            file: parent.folder(),
            what: format!("version {} was superseded while it was verified", parent.version),
            advice: AGAIN,
        }]);
    }
    Ok(findings)
}

/// Reads every file that is there, then the keys of all.
fn read_family(lake: &Lake, handle: &Handle, family: &Family, whole: Vec<Vec<Entry>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sound = Vec::new();
    for (manifest, entries) in std::iter::once(&family.parent).chain(&family.children).zip(whole) {
        let table = match manifest.as_table() {
            Ok(table) => table,
            Err(error) => {
                findings.push(fault(manifest, None, error.message(), REWRITE));
                sound.push(Vec::new());
                continue;
            }
        };
        let mut of_table = Vec::with_capacity(entries.len());
        let mut refused: u64 = 0;
        for entry in entries {
            match file::verify(lake, handle, manifest, &table, &entry) {
                Ok(is_refused) => {
                    refused += u64::from(is_refused);
                    of_table.push(entry);
                }
                Err(what) => findings.push(fault(manifest, Some(&entry), &what, REWRITE)),
            }
        }
        if refused > 0 {
            findings.push(Finding {
                level: Level::Warning,
                file: manifest.folder(),
                what: format!(
                    "has {refused} of {} data files in a form that older readers refuse (docs/readers.md)",
                    manifest.entries.len()
                ),
                advice: COMPACT,
            });
        }
        sound.push(of_table);
    }
    findings.extend(keys::verify(lake, handle, family, &sound));
    findings
}

/// Why a file cannot be what the manifest says, as far as the listing tells.
fn present(sizes: &HashMap<&str, u64>, manifest: &Manifest, entry: &Entry) -> Option<Finding> {
    let expected = entry.meta.content_length;
    let what = match sizes.get(manifest.path_of(entry).as_str()) {
        None => "is not there".to_owned(),
        Some(found) if *found != expected => format!("has {found} bytes, expected {expected}"),
        Some(_) => return None,
    };
    Some(fault(manifest, Some(entry), &what, REWRITE))
}

fn missing_versions(family: &Family) -> Vec<Finding> {
    let parent = &family.parent;
    let mut findings = Vec::new();
    for (table, version) in &parent.children {
        let found = family.children.iter().find(|child| child.table == *table);
        let what = match found {
            Some(child) if child.version == *version => continue,
            Some(child) => format!(
                "version {} names version {version} of `{table}`, whose manifest is gone: its newest is {}",
                parent.version, child.version
            ),
            None => format!(
                "version {} names version {version} of `{table}`, which has no manifest",
                parent.version
            ),
        };
        findings.push(fault(parent, None, &what, EXPORT));
    }
    findings
}

/// Data files that no live manifest lists: a line for each table that has some.
fn left_over(listing: &[Object], manifests: &[Manifest]) -> Vec<Finding> {
    let live: HashSet<String> = manifests
        .iter()
        .flat_map(|manifest| manifest.entries.iter().map(|entry| manifest.path_of(entry)))
        .collect();
    let mut tables: Vec<(String, Vec<&Object>)> = Vec::new();
    for object in listing {
        let mut parts = object.path.splitn(3, '/');
        let (Some(connection), Some(table), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if data_file_version(&object.path).is_none() || live.contains(&object.path) {
            continue;
        }
        let folder = format!("{connection}/{table}");
        match tables.last_mut() {
            Some((last, objects)) if *last == folder => objects.push(object),
            _ => tables.push((folder, vec![object])),
        }
    }
    let told = |(_, objects): (String, Vec<&Object>)| {
        let bytes: u64 = objects.iter().map(|object| object.bytes).sum();
        let others = match objects.len() {
            1 => String::new(),
            2 => ", as is another of the table".to_owned(),
            several => format!(", as are {} others of the table", several - 1),
        };
        Some(Finding {
            level: Level::Warning,
            file: objects.first()?.path.clone(),
            what: format!("is left over{others}: no live manifest lists it ({bytes} bytes)"),
            advice: VACUUM,
        })
    };
    tables.into_iter().filter_map(told).collect()
}

fn fault(manifest: &Manifest, entry: Option<&Entry>, what: &str, advice: &'static str) -> Finding {
    Finding {
        level: Level::Fault,
        file: entry.map_or_else(|| manifest.folder(), |entry| manifest.path_of(entry)),
        what: what.to_owned(),
        advice,
    }
}
