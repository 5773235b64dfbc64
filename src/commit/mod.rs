//! Which files are the table: numbered manifests, each created once.
//!
//! A commit is one object, `<connection>/<table>/_manifest/<version, 20 digits>.json`, created only if it is absent. Two runs that both read version 6
//! and both want to write version 7 get one `Committed` and one `Conflict`; neither can overwrite the other. Before the commit the table is what
//! manifest 6 says, after it what manifest 7 says, whatever happens in between.
//!
//! **Invariant.** A data file carries the version of the manifest it was written for in its name, and can become live only through that manifest: a
//! manifest lists files of its own version and files that the manifest before it listed. So once manifest `v` is there, a file of version `v` or less
//! that it does not list can never become live again, whether it was superseded, left by a crash, or written by the loser of a race. [`sweep()`] deletes
//! exactly these, and is safe beside other runs: what they write has a greater version, or has already lost.

mod content;
mod manifest;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod words;

use serde::Deserialize;

pub use content::{content, content_of};
pub use manifest::{Entry, EntryMeta, FOOTER, FORMAT_VERSION, Load, LoadCounts, Manifest, ManifestColumn, ManifestSchema};
pub(crate) use sweep::{Superfluous, object_version, superfluous_reports};
pub use sweep::{sweep, sweep_reports};

use crate::error::{Error, Result};
use crate::store::{Lake, PutIfAbsent, table_folder};

/// Times that a manifest is created again when the store first says that it exists and then has none: S3 answers so when another request on the same name
/// is under way.
const ATTEMPTS: u32 = 3;

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// The manifest is the table now.
    Committed,
    /// Another run committed this version first: read it, and begin again from there.
    Conflict {
        /// The version that both wanted.
        version: u64,
    },
}

/// The newest manifest of a table; nothing if it was never committed. The next version is one more than its own, the first is 1.
///
/// # Errors
/// `Store` when the lake cannot be read, or the manifest cannot be understood.
pub async fn latest(lake: &Lake, connection: &str, table: &str) -> Result<Option<Manifest>> {
    match versions(lake, connection, table).await?.last() {
        None => Ok(None),
        Some(version) => match read(lake, connection, table, *version).await? {
            Some(manifest) => Ok(Some(manifest)),
            None => Err(
                Error::store(format!("`{}` was there and is gone", lake.url(&path(connection, table, *version))))
                    .hint("runs never delete the newest manifest: is something else writing to the lake?"),
            ),
        },
    }
}

/// The versions of a table that have a manifest, ascending.
///
/// # Errors
/// `Store` when the lake cannot be listed.
pub async fn versions(lake: &Lake, connection: &str, table: &str) -> Result<Vec<u64>> {
    let listing = lake.list(&folder(connection, table)).await?;
    let mut versions: Vec<u64> = listing.iter().filter_map(|object| version_of(&object.path)).collect();
    versions.sort_unstable();
    Ok(versions)
}

/// The manifest of this version, if there is one.
///
/// # Errors
/// `Store` when it cannot be read, is not JSON, lacks a field, or is of a form that this program does not know.
pub async fn read(lake: &Lake, connection: &str, table: &str, version: u64) -> Result<Option<Manifest>> {
    let path = path(connection, table, version);
    let Some(bytes) = lake.get(&path).await? else {
        return Ok(None);
    };
    let url = lake.url(&path);
    let manifest = parse(&url, &bytes)?;
    if manifest.version != version {
        return Err(corrupt(&url, format_args!("it says that it is version {}", manifest.version)));
    }
    Ok(Some(manifest))
}

/// Makes this manifest the table, unless its version exists already. Its files must be published. Nothing is ever overwritten.
///
/// A commit whose answer was lost is recognised: whenever the store does not say that it created the manifest, what stands there is read back, and is this
/// commit if it bears its run id.
///
/// # Errors
/// `Store` when the store failed and it is not there; `Defect` when the manifest contradicts itself. After an error, leave the files as they are: a request
/// that timed out may still arrive. If it does, they are the table; if not, they are swept with the next commit.
pub async fn commit(lake: &Lake, manifest: &Manifest) -> Result<Outcome> {
    manifest.check()?;
    let path = path(&manifest.connection, &manifest.table, manifest.version);
    let mut document =
        serde_json::to_vec_pretty(manifest).map_err(|error| Error::defect(format!("cannot write `{}`: {error}", lake.url(&path))))?;
    document.push(b'\n');
    let mut failure = None;
    for _ in 0..ATTEMPTS {
        let created = lake.put_if_absent(&path, document.clone()).await;
        if let Ok(PutIfAbsent::Created) = created {
            return Ok(Outcome::Committed);
        }
        match (read_run(lake, &path).await, created) {
            (Ok(Some(run_id)), _) if run_id == manifest.run_id => return Ok(Outcome::Committed),
            (Ok(Some(_)), _) => {
                return Ok(Outcome::Conflict { version: manifest.version });
            }
            // The store failed before it stored anything; it has retried already.
            (Ok(None), Err(error)) => return Err(error),
            (Err(_), Err(error)) => {
                return Err(error.context("whether the commit was stored could not be found out, the next run will see"));
            }
            (Err(error), Ok(_)) => return Err(error),
            (Ok(None), Ok(_)) => {
                failure = Some(Error::store(format!("`{}` neither exists nor can be created", lake.url(&path))));
            }
        }
    }
    Err(failure.unwrap_or_else(|| Error::defect("a commit without an attempt")))
}

/// Commits the tables of a family in this order, the one that names the others last; gives back the one that another run was first at, if any. What was
/// committed before it stays, beside what the other's parent names: the next run replaces it. The files of the others can never become live, and are deleted.
///
/// # Errors
/// As [`commit`]; `Store` when a file cannot be deleted.
pub async fn commit_family<'a>(lake: &Lake, family: &[&'a Manifest]) -> Result<Option<&'a Manifest>> {
    for (at, manifest) in family.iter().enumerate() {
        if let Outcome::Conflict { .. } = commit(lake, manifest).await? {
            let dead: Vec<String> = family[at..].iter().flat_map(|lost| lost.written()).collect();
            lake.delete(&dead).await?;
            return Ok(Some(manifest));
        }
    }
    Ok(None)
}

fn folder(connection: &str, table: &str) -> String {
    format!("{}/_manifest", table_folder(connection, table))
}

/// The version in a manifest's path; nothing if the path is not that of a manifest.
pub(crate) fn version_of(path: &str) -> Option<u64> {
    manifest_of(path).map(|(_, version)| version)
}

/// The table's folder and the version in a manifest's path; nothing if the path is not that of a manifest.
fn manifest_of(path: &str) -> Option<(&str, u64)> {
    let (folder, name) = path.rsplit_once("/_manifest/")?;
    Some((folder, numbered(name)?))
}

/// The number of `00000000000000000007.json`.
pub(crate) fn numbered(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    let all = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().ok()).flatten()
}

/// Where a manifest stands, relative to the lake.
pub(crate) fn path_of(manifest: &Manifest) -> String {
    path(&manifest.connection, &manifest.table, manifest.version)
}

fn path(connection: &str, table: &str, version: u64) -> String {
    format!("{}/{version:020}.json", folder(connection, table))
}

/// What a manifest of any form says of itself.
#[derive(Deserialize)]
struct Head {
    format_version: u32,
}

/// Who committed a manifest, of any form.
#[derive(Deserialize)]
struct Author {
    run_id: String,
}

async fn read_run(lake: &Lake, path: &str) -> Result<Option<String>> {
    let Some(bytes) = lake.get(path).await? else {
        return Ok(None);
    };
    let author: Author = serde_json::from_slice(&bytes).map_err(|error| corrupt(&lake.url(path), error))?;
    Ok(Some(author.run_id))
}

fn parse(url: &str, bytes: &[u8]) -> Result<Manifest> {
    let head: Head = serde_json::from_slice(bytes).map_err(|error| corrupt(url, error))?;
    if head.format_version != FORMAT_VERSION {
        return Err(Error::store(format!(
            "manifest `{url}` has format_version {}, expected {FORMAT_VERSION}",
            head.format_version
        ))
        .hint("a newer afluente wrote it: use that version or a later one"));
    }
    serde_json::from_slice(bytes).map_err(|error| corrupt(url, error))
}

fn corrupt(url: &str, what: impl std::fmt::Display) -> Error {
    Error::store(format!("manifest `{url}` is corrupt: {what}")).hint(
        "restore it from a copy of the lake; or delete it, and the table is what the manifest before it says, as far as its files still exist",
    )
}
