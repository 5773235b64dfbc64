//! A connection moved to another name inside its lake: what its tables are now, its rejects, and whose rows they are.
//!
//! | step | what is there if it is cut after it |
//! |---|---|
//! | both names bear a mark, `_renaming.json` | the old connection |
//! | data files and other objects are copied, then the manifests, with the new name in them | the old connection, and more and more of the new one |
//! | the new name's mark says that everything is there | both |
//! | the old connection's objects are deleted, the marks last | the new connection |
//!
//! Either name is whole at every moment, and the same command goes on where one was cut. While a mark is there, no export goes on with either name. On disk a copy is a hard link; a bucket
//! copies by itself.
//!
//! What is superseded stays behind and goes with the old name: manifests but the newest and those that it names, and files that no live manifest lists. The old name keeps its newest
//! lease, by which a run that slept learns that it lost it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commit::{self, Manifest};
use crate::config::check_name;
use crate::error::{Error, Kind, Result};
use crate::lease::{Acquired, Lease, lease_folder};
use crate::store::{Lake, Object, data_file_version};
use crate::views;

/// Objects that are copied at a time.
const AT_A_TIME: usize = 16;

/// What a rename did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// Tables that the new name has, with children and histories.
    pub tables: u64,
    /// Objects that were copied: none where an earlier rename was only to be finished.
    pub copied: u64,
}

/// `_renaming.json`, in both folders while a connection is moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    from: String,
    to: String,
    /// Everything is at the new name.
    is_copied: bool,
}

/// Moves the connection.
///
/// # Errors
/// `Config` when there is no connection of the old name, or one of the new; `Conflict` when a run is at work on either; `Store` when the lake cannot be read or written. Then the same
/// command goes on.
pub async fn rename(lake: &Lake, from: &str, to: &str, run_id: &str) -> Result<Renamed> {
    check_name(to)?;
    if from == to {
        return Err(Error::config(format!("connection `{from}` has that name")));
    }
    let listing = lake.list(from).await?;
    if listing.iter().all(|object| object.path.starts_with(&lease_folder(from)))
        && mark(lake, to).await?.is_none_or(|mark| mark.from != from)
    {
        return Err(
            Error::config(format!("there is no connection `{from}` in the lake `{}`", lake.url("")))
                .hint("`afluente status` lists the tables of all"),
        );
    }
    let old = held(lake, from, run_id).await?;
    let done = match held(lake, to, run_id).await {
        Err(error) => Err(error),
        Ok(new) => {
            let work = Move { lake, from, to };
            let done = tokio::select! {
                biased;
                lost = old.lost() => Err(lost),
                lost = new.lost() => Err(lost),
                done = work.run(&old, &new) => done,
            };
            released(&new, done).await
        }
    };
    let renamed = released(&old, done).await?;
    views::write(lake, &commit::content(lake).await?).await?;
    let lists = lake.list(&views::lists_folder(from)).await?;
    lake.delete(&lists.into_iter().map(|object| object.path).collect::<Vec<_>>())
        .await?;
    Ok(renamed)
}

/// # Errors
/// `Config` while the connection is being moved: neither name is to be gone on with.
pub(crate) async fn check_not_moving(lake: &Lake, connection: &str) -> Result<()> {
    match mark(lake, connection).await? {
        None => Ok(()),
        Some(Mark { from, to, .. }) => Err(Error::config(format!(
            "connection `{connection}` is being moved from `{from}` to `{to}`, and that was cut"
        ))
        .hint(format!("`afluente rename {from} {to}` goes on with it"))),
    }
}

/// Gives a lease up, whatever became of the work.
async fn released<T>(lease: &Lease, done: Result<T>) -> Result<T> {
    let released = lease.release().await;
    done.and_then(|done| released.map(|()| done))
}

async fn held(lake: &Lake, connection: &str, run_id: &str) -> Result<Lease> {
    match Lease::acquire(lake, connection, run_id).await? {
        Acquired::Held(lease) => Ok(lease),
        Acquired::Busy(holder) => Err(Error::new(Kind::Conflict, format!("connection `{connection}` is busy: {holder}"))
            .hint("rename it when that is done; a run that died gives its lease up within two minutes")),
    }
}

fn mark_path(connection: &str) -> String {
    format!("{connection}/_renaming.json")
}

async fn mark(lake: &Lake, connection: &str) -> Result<Option<Mark>> {
    let path = mark_path(connection);
    let Some(bytes) = lake.get(&path).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Error::store(format!("`{}` is corrupt: {error}", lake.url(&path)))
            .hint("it is there while a connection is moved; restore it from a copy of the lake")
    })
}

/// A connection on its way.
struct Move<'a> {
    lake: &'a Lake,
    from: &'a str,
    to: &'a str,
}

impl Move<'_> {
    async fn run(&self, old: &Lease, new: &Lease) -> Result<Renamed> {
        let begun = self.begin().await?;
        let mut copied = 0;
        if !begun.is_copied {
            copied = self.copy().await?;
            // From here on there is no way back.
            old.check().await?;
            new.check().await?;
            let done = Mark { is_copied: true, ..begun };
            self.write_mark(self.to, &done).await?;
        }
        self.clear().await?;
        let content = commit::content_of(self.lake, &self.lake.list(self.to).await?).await?;
        Ok(Renamed {
            tables: content.len() as u64,
            copied,
        })
    }

    /// Marks both names, if they are not marked by an earlier attempt.
    async fn begin(&self) -> Result<Mark> {
        let fresh = Mark {
            from: self.from.to_owned(),
            to: self.to.to_owned(),
            is_copied: false,
        };
        for name in [self.from, self.to] {
            if let Some(mark) = mark(self.lake, name).await?
                && (&mark.from, &mark.to) != (&fresh.from, &fresh.to)
            {
                return Err(Error::config(format!(
                    "connection `{name}` is being moved from `{}` to `{}`, and that was cut",
                    mark.from, mark.to
                ))
                .hint(format!("`afluente rename {} {}` goes on with it", mark.from, mark.to)));
            }
        }
        if let Some(begun) = mark(self.lake, self.to).await? {
            if !begun.is_copied {
                self.write_mark(self.from, &fresh).await?;
            }
            return Ok(begun);
        }
        let own = lease_folder(self.to);
        let there = self.lake.list(self.to).await?;
        if let Some(object) = there.iter().find(|object| !object.path.starts_with(&format!("{own}/"))) {
            return Err(Error::config(format!(
                "there is a connection `{}` in the lake already: `{}`",
                self.to,
                self.lake.url(&object.path)
            ))
            .hint("choose another name; two connections are not made one"));
        }
        // The new name first: it is the one that tells what was done.
        self.write_mark(self.to, &fresh).await?;
        self.write_mark(self.from, &fresh).await?;
        Ok(fresh)
    }

    async fn write_mark(&self, connection: &str, mark: &Mark) -> Result<()> {
        let path = mark_path(connection);
        let text = serde_json::to_vec_pretty(mark).map_err(|error| Error::defect(format!("cannot write `{path}`: {error}")))?;
        self.lake.put(&path, text).await
    }

    /// Brings everything that is live to the new name; how many objects that took.
    async fn copy(&self) -> Result<u64> {
        let listing = self.lake.list(self.from).await?;
        let content = commit::content_of(self.lake, &listing).await?;
        let live: BTreeSet<String> = content
            .iter()
            .flat_map(|one| one.entries.iter().map(|entry| one.path_of(entry)))
            .collect();
        let lease = lease_folder(self.from) + "/";
        let is_wanted = |object: &&Object| {
            let path = object.path.as_str();
            let is_other = data_file_version(path).is_none() && commit::version_of(path).is_none();
            !path.starts_with(&lease) && *path != mark_path(self.from) && (live.contains(path) || is_other)
        };
        let there: HashMap<String, u64> = self
            .lake
            .list(self.to)
            .await?
            .into_iter()
            .map(|one| (one.path, one.bytes))
            .collect();
        // A data file is never written again under its name; anything else may have been, after a rename that was cut.
        let is_there = |object: &Object| live.contains(&object.path) && there.get(&self.moved(&object.path)) == Some(&object.bytes);
        let wanted: Vec<String> = listing
            .iter()
            .filter(is_wanted)
            .filter(|object| !is_there(object))
            .map(|object| object.path.clone())
            .collect();
        let copied = wanted.len() as u64 + content.len() as u64;
        futures::stream::iter(wanted)
            .map(|path| async move { self.lake.copy(&path, &self.moved(&path)).await })
            .buffer_unordered(AT_A_TIME)
            .try_collect::<()>()
            .await?;
        futures::stream::iter(&content)
            .map(|manifest| self.copy_manifest(manifest))
            .buffer_unordered(AT_A_TIME)
            .try_collect::<()>()
            .await?;
        // Manifests of an attempt that was cut, which an export has overtaken since.
        let kept: BTreeSet<String> = content.iter().map(|manifest| self.moved(&commit::path_of(manifest))).collect();
        let outdated = there
            .into_keys()
            .filter(|path| commit::version_of(path).is_some() && !kept.contains(path));
        self.lake.delete(&outdated.collect::<Vec<_>>()).await?;
        Ok(copied)
    }

    /// The manifest with the new name in it. What a later program wrote there stays.
    async fn copy_manifest(&self, manifest: &Manifest) -> Result<()> {
        let path = commit::path_of(manifest);
        let Some(bytes) = self.lake.get(&path).await? else {
            return Err(
                Error::store(format!("`{}` was there and is gone", self.lake.url(&path))).hint("is something else deleting from the lake?")
            );
        };
        let corrupt = || Error::store(format!("manifest `{}` is corrupt", self.lake.url(&path)));
        let mut document: Value = serde_json::from_slice(&bytes).map_err(|_| corrupt())?;
        document["connection"] = self.to.into();
        for entry in document["entries"].as_array_mut().ok_or_else(corrupt)? {
            let file = entry["path"].as_str().ok_or_else(corrupt)?;
            entry["url"] = self.lake.url(&format!("{}/{}/{file}", self.to, manifest.table)).into();
        }
        let mut text = serde_json::to_vec_pretty(&document).map_err(|error| Error::defect(format!("cannot write `{path}`: {error}")))?;
        text.push(b'\n');
        self.lake.put(&self.moved(&path), text).await
    }

    /// Deletes what is at the old name, and the marks.
    async fn clear(&self) -> Result<()> {
        let lease = lease_folder(self.from) + "/";
        let listing = self.lake.list(self.from).await?;
        let paths = listing.into_iter().map(|object| object.path);
        let old: Vec<String> = paths
            .filter(|path| !path.starts_with(&lease) && *path != mark_path(self.from))
            .collect();
        // Manifests first: a table without one is none.
        let (manifests, others): (Vec<String>, Vec<String>) = old.into_iter().partition(|path| commit::version_of(path).is_some());
        self.lake.delete(&manifests).await?;
        self.lake.delete(&others).await?;
        let staged = self.lake.staged(self.from).await?;
        self.lake.abort(&staged).await?;
        self.lake.delete(&[mark_path(self.from)]).await?;
        self.lake.delete(&[mark_path(self.to)]).await
    }

    fn moved(&self, path: &str) -> String {
        let below = path.strip_prefix(self.from).unwrap_or(path);
        format!("{}{below}", self.to)
    }
}
