//! The client of an S3-compatible bucket.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{ClientConfigKey, ObjectStore};
use serde::Deserialize;
use url::{Host, Url};

use super::failure;
use crate::error::{Error, Result};

/// For one request, from connecting to the last byte. object_store's 30 seconds would need 2.2 Mbit/s for one part of an upload.
const TIMEOUT: &str = "120 seconds";

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

/// A client for the bucket; nothing is sent yet.
pub(super) fn open(bucket: &str, url: &str, options: &S3Options) -> Result<Arc<dyn ObjectStore>> {
    if bucket.is_empty() {
        return Err(Error::config(format!("`{url}` names no bucket")).hint("write the lake as s3://bucket/prefix"));
    }
    // reqwest is built without a TLS provider of its own. An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
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
    let store = builder
        .with_allow_http(plain)
        .build()
        .map_err(|error| failure::explain("open the lake", url, &error))?;
    Ok(Arc::new(store))
}

/// Whether an endpoint is `http://` on this machine; anything else must be `https://`.
fn is_plain_loopback(endpoint: &str) -> Result<bool> {
    let wrong = |found: &str| {
        Error::config(format!("the lake's endpoint `{endpoint}` {found}"))
            .hint("write it as https://host[:port]; http:// is only taken for localhost")
    };
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
        assert!(open("acme-lake", "s3://acme-lake/crm", &options).is_ok());
        let clear = S3Options {
            endpoint: Some("http://minio.acme.example".to_owned()),
            ..options
        };
        assert!(open("acme-lake", "s3://acme-lake/crm", &clear).is_err());
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(toml::from_str::<S3Options>("endpoint = \"https://x\"\npath_style = true").is_ok());
        assert!(toml::from_str::<S3Options>("secret_access_key = \"x\"").is_err());
    }
}
