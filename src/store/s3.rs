//! The client of an S3-compatible bucket.

use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::ClientConfigKey;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use serde::Deserialize;
use url::{Host, Url};

use super::failure;
use crate::error::{Error, Result};

/// For one request, from connecting to the last byte. object_store's 30 seconds would need 2.2 Mbit/s for one part of an upload.
pub(super) const TIMEOUT: &str = "120 seconds";

/// What a bucket needs beside the usual `AWS_*` variables, over which these rule. Credentials come from the variables only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Options {
    /// Address of the service; default Amazon's. `http://` is taken for loopback addresses only.
    pub endpoint: Option<String>,
    /// Region; default `AWS_REGION`, else us-east-1.
    pub region: Option<String>,
    /// The bucket's name goes in the path (default) rather than in the host's name.
    pub path_style: Option<bool>,
}

/// Longest answer to a listing of uploads that is read. One of 1,000 uploads takes half a MiB.
const MAX_LISTING_BYTES: usize = 8 << 20;

/// Times that a page of the listing of uploads is asked for.
const ATTEMPTS: u32 = 4;

/// A bucket, for what S3 can and other stores cannot.
#[derive(Debug)]
pub(super) struct Bucket {
    client: AmazonS3,
    /// Requests go out without a signature.
    anonymous: bool,
    /// `http://` is taken.
    plain: bool,
}

/// An upload that was begun and neither completed nor aborted.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Upload {
    /// The object's whole name.
    pub key: String,
    /// The store's name for it.
    pub upload_id: String,
    /// When it was begun, by the store's clock.
    pub initiated: DateTime<Utc>,
}

/// A page of such a listing, as S3 writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Uploads {
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: String,
    #[serde(default)]
    next_upload_id_marker: String,
    #[serde(default)]
    upload: Vec<Upload>,
}

impl Bucket {
    /// A client for the bucket; nothing is sent yet.
    pub(super) fn open(bucket: &str, url: &str, options: &S3Options) -> Result<Self> {
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        if let Some(endpoint) = &options.endpoint {
            // The key that rules over AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_S3.
            builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
        }
        if let Some(region) = &options.region {
            builder = builder.with_region(region);
        }
        if let Some(path_style) = options.path_style {
            builder = builder.with_virtual_hosted_style_request(!path_style);
        }
        if std::env::var_os("AWS_TIMEOUT").is_none() {
            builder = builder.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), TIMEOUT);
        }
        let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
            .iter()
            .find_map(|key| builder.get_config_value(key));
        // Whatever AWS_ALLOW_HTTP says: the account's data must not cross a network in the clear.
        let plain = endpoint.as_deref().map_or(Ok(false), is_plain_loopback)?;
        let skip = builder.get_config_value(&AmazonS3ConfigKey::SkipSignature);
        let client = builder
            .with_allow_http(plain)
            .build()
            .map_err(|error| failure::explain("open the lake", url, &error))?;
        Ok(Self {
            client,
            anonymous: skip.is_some_and(|value| value == "true"),
            plain,
        })
    }

    pub(super) fn client(&self) -> &AmazonS3 {
        &self.client
    }

    /// Every unfinished upload whose object's name begins with this prefix. `object_store` has no such request: the address is signed by it, and asked here.
    pub(super) async fn uploads(&self, prefix: &str, url: &str) -> Result<Vec<Upload>> {
        if self.anonymous {
            return Err(Error::store(format!(
                "cannot list the unfinished uploads of `{url}`: the requests are not signed"
            )));
        }
        let client = reqwest::Client::builder()
            .https_only(!self.plain)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .map_err(|error| Error::defect(format!("cannot build the client that lists uploads: {error}")))?;
        let (mut found, mut key, mut id) = (Vec::new(), String::new(), String::new());
        loop {
            let query = [("uploads", ""), ("prefix", prefix), ("key-marker", &key), ("upload-id-marker", &id)];
            let options =
                SignedUrlOptions::new().with_query(query.into_iter().filter(|(name, value)| *name == "uploads" || !value.is_empty()));
            let signed = self
                .client
                .signed_url_opts(Method::GET, &Path::default(), Duration::from_secs(300), &options)
                .await;
            let signed = signed.map_err(|error| failure::explain("list the unfinished uploads of", url, &error))?;
            let body = ask(&client, signed)
                .await
                .map_err(|error| error.context(format!("cannot list the unfinished uploads of `{url}`")))?;
            let page: Uploads = quick_xml::de::from_str(&body).map_err(|error| {
                Error::store(format!(
                    "cannot list the unfinished uploads of `{url}`: the answer cannot be read: {error}"
                ))
            })?;
            // A store that ignores the marker would send the same page for ever.
            let goes_on = page.is_truncated && (&page.next_key_marker, &page.next_upload_id_marker) > (&key, &id);
            found.extend(page.upload.into_iter().filter(|upload| upload.key.starts_with(prefix)));
            if !goes_on {
                return Ok(found);
            }
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }

    /// Ends an upload and frees its parts. One that is not there any more counts as ended.
    pub(super) async fn abort(&self, key: &str, upload_id: &str) -> Result<(), object_store::Error> {
        match self.client.abort_multipart(&Path::parse(key)?, &upload_id.to_owned()).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            aborted => aborted,
        }
    }
}

/// The body of a signed address, which holds credentials and stands in no message.
async fn ask(client: &reqwest::Client, address: Url) -> Result<String> {
    let mut wait = Duration::from_millis(200);
    for attempt in 1.. {
        let (again, error) = match client.get(address.clone()).send().await {
            Ok(reply) => {
                let status = reply.status();
                let body = body(reply).await?;
                if status.is_success() {
                    return Ok(body);
                }
                let again = status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS;
                (
                    again,
                    Error::store(format!("the store answers {status}: {}", failure::answer(&body))),
                )
            }
            Err(error) => (true, Error::store(format!("no answer: {}", error.without_url()))),
        };
        if !again || attempt == ATTEMPTS {
            return Err(error);
        }
        tokio::time::sleep(wait.mul_f32(0.5 + fastrand::f32())).await;
        wait *= 4;
    }
    Err(Error::defect("a request without an attempt"))
}

async fn body(mut reply: reqwest::Response) -> Result<String> {
    let mut body = Vec::new();
    loop {
        match reply.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_LISTING_BYTES => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(Error::store(format!("the answer is longer than {MAX_LISTING_BYTES} bytes"))),
            Ok(None) => return String::from_utf8(body).map_err(|_| Error::store("the answer is no text")),
            Err(error) => return Err(Error::store(format!("the answer breaks off: {}", error.without_url()))),
        }
    }
}

/// Whether an endpoint is `http://` on this machine; anything else must be `https://`.
fn is_plain_loopback(endpoint: &str) -> Result<bool> {
    let wrong = |found: &str| {
        Error::config(format!("the lake's endpoint `{endpoint}` {found}"))
            .hint("write it as https://host[:port]; http:// is only taken for localhost")
    };
    if endpoint.contains(['@', '?', '#']) {
        return Err(
            Error::config("the lake's endpoint holds `@`, `?` or `#`, behind which credentials stand; it is not shown")
                .hint("write it as https://host[:port]; credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        );
    }
    let url = Url::parse(endpoint).map_err(|error| wrong(&format!("is not an address: {error}")))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(wrong("names no host")),
    };
    match (url.scheme(), loopback) {
        ("https", _) => Ok(false),
        ("http", true) => Ok(true),
        ("http", false) => Err(wrong("would send the data in the clear")),
        _ => Err(wrong("is neither https:// nor http://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for endpoint in ["http://localhost:9000", "http://127.0.0.1:8333", "http://[::1]:9000/"] {
            assert!(is_plain_loopback(endpoint).unwrap(), "{endpoint}");
        }
        assert!(!is_plain_loopback("https://minio.acme.example").unwrap());
        for endpoint in [
            "http://minio.acme.example",
            "http://10.0.0.7:9000",
            "http://localhost.evil.example",
            "ftp://x",
            "https://KEY:SECRET@minio.acme.example",
            "minio:9000",
            "x",
        ] {
            assert!(is_plain_loopback(endpoint).is_err(), "{endpoint}");
        }
    }

    #[test]
    fn a_bucket_is_opened_without_being_contacted() {
        let options = S3Options {
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            region: Some("sa-east-1".to_owned()),
            path_style: Some(true),
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(Bucket::open("acme-lake", "s3://acme-lake/crm", &options).is_ok());
        let clear = S3Options {
            endpoint: Some("http://minio.acme.example".to_owned()),
            ..options
        };
        assert!(Bucket::open("acme-lake", "s3://acme-lake/crm", &clear).is_err());
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(toml::from_str::<S3Options>("endpoint = \"https://x\"\npath_style = true").is_ok());
        assert!(toml::from_str::<S3Options>("secret_access_key = \"x\"").is_err());
    }

    #[test]
    fn a_listing_of_uploads_is_read_as_s3_writes_it() {
        let page: Uploads = quick_xml::de::from_str(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Bucket>lake</Bucket><KeyMarker></KeyMarker><NextKeyMarker>crm/b</NextKeyMarker>
              <NextUploadIdMarker>id2</NextUploadIdMarker><MaxUploads>2</MaxUploads><IsTruncated>true</IsTruncated>
              <Upload><Key>crm/a &amp; S&#227;o.parquet</Key><UploadId>id1</UploadId><Initiator><ID>x</ID></Initiator>
                <StorageClass>STANDARD</StorageClass><Initiated>2026-03-01T12:00:00.000Z</Initiated></Upload>
              <Upload><Key>crm/b</Key><UploadId>id2</UploadId><Initiated>2026-03-01T12:00:01.5Z</Initiated></Upload>
            </ListMultipartUploadsResult>"#,
        )
        .unwrap();
        assert!(page.is_truncated);
        assert_eq!(
            (page.next_key_marker.as_str(), page.next_upload_id_marker.as_str()),
            ("crm/b", "id2")
        );
        let found: Vec<_> = page
            .upload
            .iter()
            .map(|upload| (upload.key.as_str(), upload.upload_id.as_str()))
            .collect();
        assert_eq!(found, [("crm/a & São.parquet", "id1"), ("crm/b", "id2")]);
        assert_eq!((page.upload[1].initiated - page.upload[0].initiated).num_milliseconds(), 1_500);

        let none: Uploads =
            quick_xml::de::from_str("<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>").unwrap();
        assert!(none.upload.is_empty() && !none.is_truncated);
        assert!(quick_xml::de::from_str::<Uploads>("<ListMultipartUploadsResult><Upload>").is_err());
    }
}
