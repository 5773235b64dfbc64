//! The address of a lake, and the client that goes with it.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientConfigKey, ObjectStore};
use url::Url;

use super::{LOCAL_PART_BYTES, Lake, S3Options, check_spelling, failure, s3};
use crate::error::{Error, Result};

/// Size of an upload's parts in a bucket. S3 wants 5 MiB at least and 10,000 parts at most; R2 wants them equal.
const BUCKET_PART_BYTES: usize = 8 * 1024 * 1024;

impl Lake {
    /// Opens the lake at this address; a local folder is created.
    ///
    /// | address | lake | credentials |
    /// |---|---|---|
    /// | `lake`, `./lake`, `/data/lake` | that folder | |
    /// | `file:///data/lake` | that folder; `%20` and the like are decoded | |
    /// | `s3://bucket/prefix` | the objects of the bucket whose names begin with `prefix/` | `AWS_*`, see [`S3Options`] |
    /// | `gs://bucket/prefix` | the same, of Google Cloud Storage | `GOOGLE_*` |
    /// | `az://container/prefix` | the same, of Azure Blob Storage | `AZURE_*` |
    ///
    /// # Errors
    /// `Config` when the address or the options make no sense; `Store` when the folder cannot be created or no client can be built. A bucket is not
    /// contacted: [`Lake::probe`] does that.
    pub fn open(url: &str, options: &S3Options) -> Result<Self> {
        check_spelling(url)?;
        match url.split_once("://") {
            Some((scheme @ ("s3" | "gs" | "az"), rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let prefix = prefix.trim_matches('/');
                Path::parse(prefix).map_err(|error| Error::config(format!("`{url}` is not the address of a lake: {error}")))?;
                if bucket.is_empty() {
                    return Err(
                        Error::config(format!("`{url}` names no bucket")).hint(format!("write the lake as {scheme}://bucket/prefix"))
                    );
                }
                let root = if prefix.is_empty() {
                    format!("{scheme}://{bucket}")
                } else {
                    format!("{scheme}://{bucket}/{prefix}")
                };
                // reqwest is built without a TLS provider of its own. An error means that one is installed already.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let (store, bucket): (Arc<dyn ObjectStore>, _) = match scheme {
                    "s3" => {
                        let bucket = s3::Bucket::open(bucket, &root, options)?;
                        (Arc::new(bucket.client().clone()), Some(Arc::new(bucket)))
                    }
                    "gs" => (google(bucket, &root)?, None),
                    _ => (azure(bucket, &root)?, None),
                };
                Ok(Self {
                    store,
                    prefix: prefix.to_owned(),
                    url: root,
                    local: None,
                    bucket,
                    part_bytes: BUCKET_PART_BYTES,
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
                "a lake is a path, file:///path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix; other services are reached \
                 through their S3-compatible endpoint",
            )),
            None => Self::on_disk(PathBuf::from(url)),
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
            local: Some(folder.into()),
            bucket: None,
            part_bytes: LOCAL_PART_BYTES,
        })
    }
}

fn google(bucket: &str, url: &str) -> Result<Arc<dyn ObjectStore>> {
    // Its client would take plain http unasked.
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_config(GoogleConfigKey::Client(ClientConfigKey::AllowHttp), "false");
    if std::env::var_os("GOOGLE_TIMEOUT").is_none() {
        builder = builder.with_config(GoogleConfigKey::Client(ClientConfigKey::Timeout), s3::TIMEOUT);
    }
    let store = builder.build().map_err(|error| failure::explain("open the lake", url, &error))?;
    Ok(Arc::new(store))
}

fn azure(container: &str, url: &str) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_allow_http(false);
    if std::env::var_os("AZURE_TIMEOUT").is_none() {
        builder = builder.with_config(AzureConfigKey::Client(ClientConfigKey::Timeout), s3::TIMEOUT);
    }
    let store = builder.build().map_err(|error| failure::explain("open the lake", url, &error))?;
    Ok(Arc::new(store))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("ftp://host", "ftp://"),
            ("gs://", "gs://bucket/prefix"),
            ("az:///x", "az://bucket/prefix"),
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
}
