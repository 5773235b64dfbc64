//! The lake: a folder or an S3-compatible bucket, and the names of the objects in it.
//!
//! A path here is relative to the lake and uses `/` (`acme/deals/_manifest/…json`). What the objects hold is the business of `write` and `commit`;
//! this module only puts, gets, lists and deletes them, and turns a store's error into one that a person can act on.

#[cfg(test)]
pub(crate) mod conformance;
mod data_file;
mod failure;
#[cfg(test)]
pub(crate) mod fake;
mod s3;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutMode};
use url::Url;

pub use data_file::{Bounds, DataFile, PartitionValue, data_file_version};
pub(crate) use data_file::{data_file_name, hex, random_id};
pub(crate) use failure::is_vanished;
pub use s3::S3Options;

use crate::error::{Error, Result};

/// Size of an upload's parts on disk and in memory, which take any size.
const LOCAL_PART_BYTES: usize = 256 * 1024;

/// Size of an upload's parts in a bucket. S3 wants 5 MiB at least and 10,000 parts at most; R2 wants them equal.
const S3_PART_BYTES: usize = 8 * 1024 * 1024;

/// Where data files and manifests are kept. Cloning is cheap: the clones share one client.
#[derive(Clone)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    /// Folder of the lake inside the store; empty for its root.
    prefix: String,
    /// Absolute address, without a slash at its end.
    url: String,
    /// The folder, where the lake is on local disk.
    local: Option<PathBuf>,
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
}

impl Lake {
    /// Opens the lake at this address; a local folder is created.
    ///
    /// | address | lake |
    /// |---|---|
    /// | `lake`, `./lake`, `/data/lake` | that folder |
    /// | `file:///data/lake` | that folder; `%20` and the like are decoded |
    /// | `s3://bucket/prefix` | the objects of the bucket whose names begin with `prefix/` |
    ///
    /// # Errors
    /// `Config` when the address or the options make no sense; `Store` when the folder cannot be created or no client can be built. A bucket is not
    /// contacted: [`Lake::probe`] does that.
    pub fn open(url: &str, options: &S3Options) -> Result<Self> {
        match url.split_once("://") {
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let prefix = prefix.trim_matches('/');
                Path::parse(prefix).map_err(|error| Error::config(format!("`{url}` is not the address of a lake: {error}")))?;
                let root = if prefix.is_empty() {
                    format!("s3://{bucket}")
                } else {
                    format!("s3://{bucket}/{prefix}")
                };
                Ok(Self {
                    store: s3::open(bucket, &root, options)?,
                    prefix: prefix.to_owned(),
                    url: root,
                    local: None,
                    part_bytes: S3_PART_BYTES,
                })
            }
            Some(("file", _)) => {
                let folder = Url::parse(url).ok().and_then(|url| url.to_file_path().ok());
                Self::on_disk(folder.ok_or_else(|| {
                    Error::config(format!("`{url}` is not the address of a folder"))
                        .hint("write it as file:///absolute/path, or as a plain path")
                })?)
            }
            Some((scheme, _)) => Err(Error::config(format!("a lake cannot be at `{scheme}://`: `{url}`")).hint(
                "a lake is a path, file:///path or s3://bucket/prefix; other services are reached through their S3-compatible endpoint",
            )),
            None if url.is_empty() || url.starts_with("~/") => {
                Err(Error::config(format!("`{url}` is not the path of a lake")).hint("write the path in full, for example /home/ana/lake"))
            }
            None => Self::on_disk(PathBuf::from(url)),
        }
    }

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
            part_bytes: LOCAL_PART_BYTES,
        }
    }

    fn on_disk(folder: PathBuf) -> Result<Self> {
        let failed = |error: &(dyn std::error::Error + 'static)| failure::explain("open the lake", &folder.to_string_lossy(), error);
        std::fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let folder = std::fs::canonicalize(&folder).map_err(|error| failed(&error))?;
        // fsync: a manifest on disk must never name a data file that a power cut has emptied. Folders left empty by a delete go too: a
        // partition without files would still be listed by readers that discover partitions.
        let store = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|error| failed(&error))?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Self {
            store: Arc::new(store),
            prefix: String::new(),
            url: format!("file://{}", folder.to_string_lossy().trim_end_matches('/')),
            local: Some(folder),
            part_bytes: LOCAL_PART_BYTES,
        })
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
        let mut objects: Vec<Object> = listing
            .into_iter()
            .filter_map(|meta| {
                Some(Object {
                    path: self.relative(&meta.location)?,
                    bytes: meta.size,
                })
            })
            .collect();
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
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

    /// Deletes, on local disk, files of unfinished uploads that a killed process left below a folder: `x.parquet#1` is one of `x.parquet`. Those
    /// for whose object `dead` is true go. A bucket shows no unfinished uploads; a lifecycle rule of the bucket ends them.
    pub(crate) async fn delete_staged(&self, folder: &str, dead: impl Fn(&str) -> bool + Send + 'static) -> Result<usize> {
        let Some(root) = &self.local else { return Ok(0) };
        let root = root.join(folder);
        let work = tokio::task::spawn_blocking(move || remove_staged(&root, &dead));
        let removed = work
            .await
            .map_err(|error| Error::defect(format!("cannot look for unfinished uploads: {error}")))?;
        removed.map_err(|error| self.failed("delete unfinished uploads in", folder, &error))
    }

    /// Proves that the lake can be written, read and deleted from, and that it refuses to create an object twice, on which every commit rests.
    ///
    /// # Errors
    /// `Store` with what does not work.
    pub async fn probe(&self) -> Result<()> {
        let path = format!("_probe-{}", random_id());
        let outcome = self.probe_at(&path).await;
        let deleted = self.delete(&[path]).await;
        outcome.and(deleted)
    }

    async fn probe_at(&self, path: &str) -> Result<()> {
        let content = Bytes::from(format!("afluente {}: {path}\n", env!("CARGO_PKG_VERSION")));
        self.put(&format!("{path}-overwrite"), content.clone()).await?;
        self.delete(&[format!("{path}-overwrite")]).await?;
        let created = self.put_if_absent(path, content.clone()).await.map_err(|error| {
            // A plain write went through just before, so this is not about permissions.
            if self.local.is_some() {
                error.hint("manifests are created by a hard link, which this file system refuses: put the lake on another one")
            } else {
                error
            }
        })?;
        let again = self.put_if_absent(path, Bytes::from_static(b"second")).await?;
        let read = self.get(path).await?;
        if created != PutIfAbsent::Created || again != PutIfAbsent::Exists || read.as_ref() != Some(&content) {
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

fn remove_staged(folder: &std::path::Path, dead: &dyn Fn(&str) -> bool) -> Result<usize, object_store::Error> {
    let failed = |source: std::io::Error| object_store::Error::Generic {
        store: "local",
        source: source.into(),
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().map_err(failed)?.is_dir() {
            let below = remove_staged(&entry.path(), dead)?;
            if below > 0 {
                // A partition that never came to be; the folder stays if there is anything in it.
                let _ = std::fs::remove_dir(entry.path());
            }
            removed += below;
        } else if let Some((object, number)) = name.rsplit_once('#')
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && dead(object)
            && std::fs::remove_file(entry.path()).is_ok()
        {
            removed += 1;
        }
    }
    Ok(removed)
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

    /// Against a real bucket, with the usual AWS_* variables: AFLUENTE_TEST_S3=s3://bucket/prefix.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_bucket_conforms() {
        let Ok(url) = std::env::var("AFLUENTE_TEST_S3") else {
            eprintln!("skipped: set AFLUENTE_TEST_S3=s3://bucket/prefix to run the suite against a bucket");
            return;
        };
        conformance::suite(&Lake::open(&url, &S3Options::default()).unwrap()).await;
    }

    #[test]
    fn addresses_follow_their_table() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(folder.path()).unwrap();
        let root = root.to_str().unwrap();
        let expected = format!("file://{root}/meu lake/é");
        for url in [
            format!("{root}/meu lake/é"),
            format!("{root}/./meu lake/é/"),
            format!("file://{root}/meu%20lake/%C3%A9"),
        ] {
            let lake = Lake::open(&url, &S3Options::default()).unwrap();
            assert_eq!(lake.url(""), expected, "{url}");
            assert_eq!(lake.url("a/b_value=x%2Fy/c"), format!("{expected}/a/b_value=x%2Fy/c"));
        }
        for (url, word) in [
            ("gs://bucket", "gs://"),
            ("", "path"),
            ("~/lake", "in full"),
            ("s3://", "bucket"),
            ("s3://bucket/a//b", "not the address"),
            ("file://host/x", "file:///"),
        ] {
            let error = Lake::open(url, &S3Options::default()).unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Config, "{url}");
            assert!(format!("{error:?}").contains(word), "{error:?}");
        }
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

    #[tokio::test(flavor = "multi_thread")]
    async fn unfinished_uploads_of_a_killed_process_are_found() {
        let (_folder, lake) = local();
        lake.put("c/t/m=1/part-1-0-aaaaaaaa.parquet", "x").await.unwrap();
        let root = lake.local.clone().unwrap();
        std::fs::create_dir(root.join("c/t/m=2")).unwrap();
        for name in [
            "c/t/part-1-1-aaaaaaaa.parquet#1",
            "c/t/m=2/part-2-0-aaaaaaaa.parquet#12",
            "c/t/keep#x",
        ] {
            std::fs::write(root.join(name), "x").unwrap();
        }
        assert_eq!(lake.delete_staged("c/t", |name| name.starts_with("part-1")).await.unwrap(), 1);
        assert_eq!(lake.delete_staged("c/t", |_| true).await.unwrap(), 1);
        assert_eq!(lake.delete_staged("c/absent", |_| true).await.unwrap(), 0);
        assert!(root.join("c/t/keep#x").exists());
        assert!(!root.join("c/t/m=2").exists(), "the folder of a partition that never came to be");
        assert!(root.join("c/t/m=1/part-1-0-aaaaaaaa.parquet").exists());
    }
}
