//! The lake: a folder or a bucket, and the names of the objects in it.
//!
//! A path here is relative to the lake and uses `/` (`acme/deals/_manifest/…json`). What the objects hold is the business of `write` and `commit`;
//! this module only puts, gets, lists and deletes them, and turns a store's error into one that a person can act on.

mod address;
pub(crate) mod bound;
#[cfg(test)]
pub(crate) mod conformance;
mod data_file;
mod failure;
#[cfg(test)]
pub(crate) mod fake;
mod open;
mod s3;
mod unfinished;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode};

pub use address::check_spelling;
pub use data_file::{Bounds, DataFile, PartitionValue, data_file_version};
pub(crate) use data_file::{data_file_name, hex, random_id};
pub(crate) use failure::is_vanished;
pub use s3::S3Options;
pub use unfinished::Unfinished;

use crate::error::{Error, Result};

/// Size of an upload's parts on disk and in memory, which take any size.
const LOCAL_PART_BYTES: usize = 256 * 1024;

/// How the names of objects begin that live for a moment only, to try the lake out.
pub(crate) const PROBE: &str = "_probe-";

/// Where data files and manifests are kept. Cloning is cheap: the clones share one client.
#[derive(Clone)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    /// Folder of the lake inside the store; empty for its root.
    prefix: String,
    /// Absolute address, without a slash at its end.
    url: String,
    /// The folder, where the lake is on local disk.
    local: Option<Arc<std::path::Path>>,
    /// What the bucket can be asked beyond what every store can, where it is S3's.
    bucket: Option<Arc<s3::Bucket>>,
    part_bytes: usize,
}

/// What [`Lake::put_if_absent`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PutIfAbsent {
    /// The object is new.
    Created,
    /// There was one already; it was not touched.
    Exists,
}

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Relative to the lake.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was written, by the store's clock.
    pub modified: DateTime<Utc>,
}

/// What lies directly in a folder, ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// The names of the folders in it.
    pub folders: Vec<String>,
    /// The objects in it.
    pub objects: Vec<Object>,
}

impl Lake {
    /// An empty lake in memory, for tests. Its clones share it.
    pub fn memory() -> Self {
        Self::over(Arc::new(InMemory::new()))
    }

    /// A lake over any store, for tests.
    pub(crate) fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            prefix: String::new(),
            url: "memory://".to_owned(),
            local: None,
            bucket: None,
            part_bytes: LOCAL_PART_BYTES,
        }
    }

    /// The absolute address of an object; of the lake itself for the empty path.
    ///
    /// Names stand in it as they are, not percent-encoded once more, as Redshift, Spark, Iceberg and DuckDB write and read them.
    pub fn url(&self, path: &str) -> String {
        if path.is_empty() {
            self.url.clone()
        } else {
            format!("{}/{path}", self.url)
        }
    }

    /// Writes an object, over an older one if there is one. It is visible whole or not at all.
    ///
    /// # Errors
    /// `Store` when it cannot be written.
    pub async fn put(&self, path: &str, bytes: impl Into<Bytes>) -> Result<()> {
        let location = self.location(path)?;
        let put = self.store.put(&location, bytes.into().into()).await;
        put.map(drop).map_err(|error| self.failed("write", path, &error))
    }

    /// Writes an object unless there is one. Of any number of callers at the same time, one gets `Created`.
    ///
    /// # Errors
    /// `Store` when it cannot be written. After an error the object may be there all the same: the answer may be what was lost.
    pub async fn put_if_absent(&self, path: &str, bytes: impl Into<Bytes>) -> Result<PutIfAbsent> {
        let location = self.location(path)?;
        match self.store.put_opts(&location, bytes.into().into(), PutMode::Create.into()).await {
            Ok(_) => Ok(PutIfAbsent::Created),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(PutIfAbsent::Exists),
            Err(error) => Err(self.failed("create", path, &error)),
        }
    }

    /// An object's bytes; nothing if there is no such object.
    ///
    /// # Errors
    /// `Store` when the lake cannot be read.
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>> {
        let location = self.location(path)?;
        let read = async { self.store.get(&location).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if failure::is_absent(&error) => Ok(None),
            Err(error) => Err(self.failed("read", path, &error)),
        }
    }

    /// Part of an object's bytes.
    ///
    /// # Errors
    /// `Store` when there is no such object, the range starts beyond its end, or the lake cannot be read.
    pub async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes> {
        let location = self.location(path)?;
        let read = self.store.get_range(&location, range).await;
        read.map_err(|error| self.failed("read", path, &error))
    }

    /// An object's size in bytes; nothing if there is no such object.
    ///
    /// # Errors
    /// `Store` when the lake cannot be read.
    pub async fn size(&self, path: &str) -> Result<Option<u64>> {
        let location = self.location(path)?;
        match self.store.head(&location).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error) if failure::is_absent(&error) => Ok(None),
            Err(error) => Err(self.failed("read", path, &error)),
        }
    }

    /// Every object below a folder, at any depth, ordered by path. A folder that is not there is empty.
    ///
    /// # Errors
    /// `Store` when the lake cannot be read.
    pub async fn list(&self, folder: &str) -> Result<Vec<Object>> {
        let location = self.location(folder)?;
        let prefix = (!location.is_root()).then_some(&location);
        let listing: Vec<_> = self
            .store
            .list(prefix)
            .try_collect()
            .await
            .map_err(|error| self.failed("list", folder, &error))?;
        let mut objects: Vec<Object> = listing.into_iter().filter_map(|meta| self.object(meta)).collect();
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    /// What lies directly in a folder.
    ///
    /// # Errors
    /// `Store` when the lake cannot be read.
    pub async fn level(&self, folder: &str) -> Result<Level> {
        let location = self.location(folder)?;
        let prefix = (!location.is_root()).then_some(&location);
        let listing = self.store.list_with_delimiter(prefix).await;
        let listing = listing.map_err(|error| self.failed("list", folder, &error))?;
        let names = listing.common_prefixes.iter().filter_map(|path| path.filename());
        let mut level = Level {
            folders: names.map(str::to_owned).collect(),
            objects: listing.objects.into_iter().filter_map(|meta| self.object(meta)).collect(),
        };
        level.folders.sort();
        level.objects.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(level)
    }

    /// The time by the store's clock, which is that of [`Object::modified`]; this machine's may be hours off. Costs three requests: an object is written to
    /// be looked at.
    ///
    /// # Errors
    /// `Store` when the lake cannot be written.
    pub async fn now(&self) -> Result<DateTime<Utc>> {
        let path = format!("{PROBE}{}", random_id());
        let looked = async {
            self.put(&path, Bytes::from_static(b"what time is it?\n")).await?;
            let meta = self.store.head(&self.location(&path)?).await;
            meta.map_err(|error| self.failed("read", &path, &error))
        };
        let looked = looked.await;
        self.delete(&[path]).await?;
        Ok(looked?.last_modified)
    }

    /// Copies an object, over an older one if there is one: on disk as a hard link, in a bucket by the bucket itself.
    ///
    /// # Errors
    /// `Store` when it cannot be read or written.
    pub(crate) async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let copied = self.store.copy(&self.location(from)?, &self.location(to)?).await;
        copied.map_err(|error| self.failed("copy", from, &error))
    }

    /// Deletes objects; those that are not there count as deleted.
    ///
    /// # Errors
    /// `Store` at the first object that cannot be deleted; the others may be gone or not.
    pub async fn delete(&self, paths: &[String]) -> Result<()> {
        let locations: Vec<Path> = paths.iter().map(|path| self.location(path)).collect::<Result<_>>()?;
        let stream = futures::stream::iter(locations.into_iter().map(Ok)).boxed();
        let mut deleted = self.store.delete_stream(stream);
        while let Some(result) = deleted.next().await {
            match result {
                Ok(_) => {}
                Err(error) if failure::is_absent(&error) => {}
                Err(error) => return Err(self.failed("delete below", paths.first().map_or("", String::as_str), &error)),
            }
        }
        Ok(())
    }

    /// Begins an object that is written in parts of [`Lake::part_bytes`] and visible only when completed.
    pub(crate) async fn upload(&self, path: &str) -> Result<Box<dyn MultipartUpload>> {
        let location = self.location(path)?;
        let upload = self.store.put_multipart(&location).await;
        upload.map_err(|error| self.failed("write", path, &error))
    }

    /// The size of every part of an upload but the last.
    pub(crate) fn part_bytes(&self) -> usize {
        self.part_bytes
    }

    /// Proves that the lake can be written, read and deleted from, and that it refuses to create an object twice, on which every commit rests.
    ///
    /// # Errors
    /// `Store` with what does not work.
    pub async fn probe(&self) -> Result<()> {
        let path = format!("{PROBE}{}", random_id());
        let outcome = self.probe_at(&path).await;
        let deleted = self.delete(&[path]).await;
        outcome.and(deleted)
    }

    async fn probe_at(&self, path: &str) -> Result<()> {
        let content = Bytes::from(format!("afluente {}: {path}\n", env!("CARGO_PKG_VERSION")));
        self.put(&format!("{path}-overwrite"), content.clone()).await?;
        self.delete(&[format!("{path}-overwrite")]).await?;
        let _ = self.put_if_absent(path, content.clone()).await.map_err(|error| {
            // A plain write went through just before, so this is not about permissions.
            if self.local.is_some() {
                error.hint("manifests are created by a hard link, which this file system refuses: put the lake on another one")
            } else {
                error
            }
        })?;
        let again = self.put_if_absent(path, Bytes::from_static(b"second")).await?;
        let read = self.get(path).await?;
        // `Exists` at first is no fault: an answer was lost, and the request was sent again. The name is chance, so what is there is ours.
        let refuses = again == PutIfAbsent::Exists && read.as_ref() == Some(&content);
        if !refuses {
            return Err(Error::store(format!(
                "the lake `{}` overwrites an object that it was told only to create",
                self.url
            ))
            .hint(
                "two runs at once could lose a commit there: use a store that honours `If-None-Match: *` (S3, R2, MinIO, SeaweedFS, Ceph)",
            ));
        }
        Ok(())
    }

    /// A store's error as one of this program.
    pub(crate) fn failed(&self, attempt: &str, path: &str, error: &object_store::Error) -> Error {
        failure::explain(attempt, &self.url(path), error)
    }

    fn location(&self, path: &str) -> Result<Path> {
        let full = match (self.prefix.as_str(), path) {
            ("", path) => path.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, path) => format!("{prefix}/{path}"),
        };
        Path::parse(&full).map_err(|error| Error::store(format!("`{full}` cannot be the name of an object: {error}")))
    }

    fn object(&self, meta: ObjectMeta) -> Option<Object> {
        Some(Object {
            path: self.relative(&meta.location)?,
            bytes: meta.size,
            modified: meta.last_modified,
        })
    }

    fn relative(&self, location: &Path) -> Option<String> {
        let path = location.as_ref().strip_prefix(self.prefix.as_str())?;
        Some(path.trim_start_matches('/').to_owned())
    }
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lake({})", self.url)
    }
}

/// The folder of a table, relative to the lake.
pub fn table_folder(connection: &str, table: &str) -> String {
    format!("{connection}/{table}")
}

/// The folder of a connection's rejected cells and records, relative to the lake.
pub fn rejected_folder(connection: &str) -> String {
    format!("{connection}/_rejected")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> (tempfile::TempDir, Lake) {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().join("a lake").to_str().unwrap(), &S3Options::default()).unwrap();
        (folder, lake)
    }

    #[tokio::test]
    async fn memory_conforms() {
        conformance::suite(&Lake::memory()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn local_disk_conforms() {
        let (_folder, lake) = local();
        conformance::suite(&lake).await;
    }

    #[tokio::test]
    async fn a_prefix_conforms() {
        let mut lake = Lake::memory();
        lake.prefix = "crm/lake".to_owned();
        conformance::suite(&lake).await;
    }

    /// With the usual AWS_* variables.
    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "writes to a bucket: AFLUENTE_TEST_S3=s3://bucket/prefix"]
    async fn a_bucket_conforms() {
        let url = std::env::var("AFLUENTE_TEST_S3").unwrap();
        conformance::suite(&Lake::open(&url, &S3Options::default()).unwrap()).await;
    }

    #[tokio::test]
    async fn a_lake_that_overwrites_is_refused() {
        let fake = fake::Fake::new();
        fake.ignore_create.store(true, std::sync::atomic::Ordering::Relaxed);
        let lake = Lake::over(Arc::new(fake.clone()));
        let error = lake.probe().await.unwrap_err();
        assert!(error.message().contains("overwrites"), "{error:?}");
        assert!(lake.list("").await.unwrap().is_empty(), "the probe cleans up");
    }
}
