//! What is left of objects whose writing began and never ended: on local disk a file beside the object, in a bucket an upload that only a listing of its own
//! shows. No reader sees either; both take space.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};

use super::{Lake, failure};
use crate::error::{Error, Result};

/// Uploads that are ended side by side.
const IN_FLIGHT: usize = 8;

/// An object whose writing began and did not end, or goes on right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The object that it would have become, relative to the lake.
    pub path: String,
    /// What it takes; 0 in a bucket, which does not say.
    pub bytes: u64,
    /// When it was last written to; in a bucket, when it was begun. By the store's clock.
    pub since: DateTime<Utc>,
    remains: Remains,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Remains {
    File(PathBuf),
    Upload(String),
}

impl Lake {
    /// What is unfinished below a folder of a lake on local disk: `x.parquet#1` is one of `x.parquet`. Nothing anywhere else.
    ///
    /// # Errors
    /// `Store` when the folder cannot be read.
    pub async fn staged(&self, folder: &str) -> Result<Vec<Unfinished>> {
        let Some(root) = self.local.clone() else { return Ok(Vec::new()) };
        let below = root.join(folder);
        let work = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            find(&root, &below, &mut found).map(|()| found)
        });
        let found = work
            .await
            .map_err(|error| Error::defect(format!("cannot look for unfinished objects: {error}")))?;
        let mut found = found.map_err(|error| self.failed("look for unfinished objects in", folder, &generic(error)))?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// What is unfinished in the whole of a lake that is a bucket of S3's kind. Nothing anywhere else: on Google's and Azure's only a lifecycle rule ends it.
    ///
    /// # Errors
    /// `Store` when the service cannot or will not tell.
    pub async fn uploads(&self) -> Result<Vec<Unfinished>> {
        let Some(bucket) = &self.bucket else { return Ok(Vec::new()) };
        let prefix = if self.prefix.is_empty() {
            String::new()
        } else {
            format!("{}/", self.prefix)
        };
        let uploads = bucket.uploads(&prefix, &self.url).await?;
        let mut found: Vec<Unfinished> = uploads
            .into_iter()
            .map(|upload| Unfinished {
                path: upload.key[prefix.len()..].to_owned(),
                bytes: 0,
                since: upload.initiated,
                remains: Remains::Upload(upload.upload_id),
            })
            .collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Ends what is unfinished, for good; what has ended meanwhile counts as ended. A writer that is still at it fails.
    ///
    /// # Errors
    /// `Store` at the first that cannot be ended.
    pub async fn abort(&self, unfinished: &[Unfinished]) -> Result<()> {
        futures::stream::iter(unfinished)
            .map(|one| self.abort_one(one))
            .buffer_unordered(IN_FLIGHT)
            .try_collect()
            .await
    }

    async fn abort_one(&self, one: &Unfinished) -> Result<()> {
        let ended = match (&one.remains, &self.bucket, &self.local) {
            (Remains::File(file), _, Some(root)) => {
                let (root, file) = (root.clone(), file.clone());
                let work = tokio::task::spawn_blocking(move || remove(&root, &file));
                let removed = work
                    .await
                    .map_err(|error| Error::defect(format!("cannot delete what is unfinished: {error}")))?;
                removed.map_err(generic)
            }
            (Remains::Upload(id), Some(bucket), _) => match self.location(&one.path) {
                Ok(key) => bucket.abort(key.as_ref(), id).await,
                Err(error) => return Err(error),
            },
            _ => return Err(Error::defect(format!("`{}` is unfinished in another lake", one.path))),
        };
        ended.map_err(|error| self.failed("delete the beginning of", &one.path, &error))
    }
}

fn generic(source: std::io::Error) -> object_store::Error {
    object_store::Error::Generic {
        store: "local",
        source: source.into(),
    }
}

fn find(root: &Path, folder: &Path, found: &mut Vec<Unfinished>) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if failure::is_gone(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            find(root, &entry.path(), found)?;
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((object, number)) = name.rsplit_once('#') else { continue };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let meta = match entry.metadata() {
            Ok(meta) => meta,
            // It was finished in the meantime.
            Err(error) if failure::is_gone(&error) => continue,
            Err(error) => return Err(error),
        };
        let path = entry.path().with_file_name(object);
        let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        found.push(Unfinished {
            path,
            bytes: meta.len(),
            since: meta.modified()?.into(),
            remains: Remains::File(entry.path()),
        });
    }
    Ok(())
}

fn remove(root: &Path, file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if !failure::is_gone(&error) => return Err(error),
        _ => {}
    }
    // A partition that never came to be. A folder with anything in it stays.
    for folder in file.ancestors().skip(1).take_while(|folder| *folder != root) {
        if std::fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::S3Options;

    #[tokio::test(flavor = "multi_thread")]
    async fn beginnings_on_disk_are_found_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap();
        lake.put("c/t/m=1/part-1-0-aaaaaaaa.parquet", "x").await.unwrap();
        std::fs::create_dir(folder.path().join("c/t/m=2")).unwrap();
        let begun = ["c/t/m=2/part-2-0-aaaaaaaa.parquet", "c/t/part-1-1-aaaaaaaa.parquet"];
        for name in [&format!("{}#12", begun[0]), &format!("{}#1", begun[1]), "c/t/keep#x", "c/t/keep#"] {
            std::fs::write(folder.path().join(name), "half").unwrap();
        }
        let staged = lake.staged("c/t").await.unwrap();
        let found: Vec<_> = staged.iter().map(|one| (one.path.as_str(), one.bytes)).collect();
        assert_eq!(found, begun.map(|path| (path, 4)));
        assert_eq!(lake.staged("").await.unwrap(), staged);
        assert!(lake.staged("c/absent").await.unwrap().is_empty());
        assert!(lake.uploads().await.unwrap().is_empty());

        lake.abort(&staged).await.unwrap();
        lake.abort(&staged).await.unwrap();
        assert!(lake.staged("").await.unwrap().is_empty());
        assert!(
            !folder.path().join("c/t/m=2").exists(),
            "the folder of a partition that never came to be"
        );
        for name in ["c/t/keep#x", "c/t/keep#", "c/t/m=1/part-1-0-aaaaaaaa.parquet"] {
            assert!(folder.path().join(name).exists(), "{name}");
        }
    }
}
