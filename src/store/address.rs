//! How the address of a lake is spelled. One slash too few would make a folder named `s3:`, and the lake would be in it.

use crate::error::{Error, Result};

/// Schemes by which people know a bucket, and the one to write.
const BUCKETS: [(&str, &str); 11] = [
    ("s3", "s3"),
    ("s3a", "s3"),
    ("s3n", "s3"),
    ("r2", "s3"),
    ("gs", "gs"),
    ("gcs", "gs"),
    ("az", "az"),
    ("azure", "az"),
    ("abfs", "az"),
    ("abfss", "az"),
    ("adl", "az"),
];

/// Refuses what looks like the address of something else than a folder and would be taken as the name of one.
///
/// | address | meant |
/// |---|---|
/// | `s3:/bucket/x`, `s3:bucket/x`, `s3//bucket/x` | `s3://bucket/x` |
/// | `s3a:/bucket` | `s3://bucket` |
/// | `gs:bucket`, `az:/container` | `gs://bucket`, `az://container` |
/// | `file:/data/lake`, `file:lake` | `file:///data/lake`, `./lake` |
/// | `~/lake` | `lake` in the home folder, in full |
/// | `./s3:`, `./~`, `lake`, `C:\lake` | themselves |
///
/// # Errors
/// `Config`, with the spelling that was meant.
pub fn check_spelling(address: &str) -> Result<()> {
    check_credentials(address)?;
    let wrong = |hint: String| Err(Error::config(format!("`{address}` is not the address of a lake")).hint(hint));
    if address.is_empty() {
        return wrong("write a path, or s3://bucket/prefix".to_owned());
    }
    if address.contains("://") {
        // Told when it is opened.
        return Ok(());
    }
    if let Some(rest) = address.strip_prefix('~') {
        // Only a shell knows `~`, and none has seen this one: it stood in a file, or behind a `=`.
        let home = std::env::var("HOME").ok().filter(|home| home.starts_with('/'));
        let meant = match home {
            Some(home) if rest.is_empty() || rest.starts_with('/') => format!("{}{rest}", home.trim_end_matches('/')),
            _ => "/home/ana/lake".to_owned(),
        };
        return wrong(format!(
            "`~` is a word of the shell: write the path in full, for example {meant}; a folder of that name is ./{address}"
        ));
    }
    let Some((scheme, rest)) = scheme(address) else { return Ok(()) };
    let rest_of_bucket = rest.trim_start_matches('/');
    let lower = scheme.to_ascii_lowercase();
    if let Some((_, scheme)) = BUCKETS.iter().find(|(known, _)| *known == lower) {
        let rest = if rest_of_bucket.is_empty() {
            "bucket/prefix"
        } else {
            rest_of_bucket
        };
        return wrong(format!("did you mean {scheme}://{rest}? A folder of that name is ./{address}"));
    }
    match lower.as_str() {
        "file" if rest.starts_with('/') => wrong(format!(
            "did you mean file:///{rest_of_bucket}? A folder of that name is ./{address}"
        )),
        "file" => wrong(format!("did you mean ./{rest_of_bucket}? A folder of that name is ./{address}")),
        "http" | "https" | "hdfs" | "wasb" | "wasbs" => {
            wrong("a lake is a path, file:///path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix".to_owned())
        }
        _ => Ok(()),
    }
}

/// Refuses an address with credentials in it, without repeating it: a user and a password before `@`, a signature behind `?`. A folder may have both in its name.
fn check_credentials(address: &str) -> Result<()> {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => match scheme(address) {
            Some((scheme, rest)) if BUCKETS.iter().any(|(known, _)| scheme.eq_ignore_ascii_case(known)) => (scheme, rest),
            _ => return Ok(()),
        },
    };
    if scheme.eq_ignore_ascii_case("file") || !rest.contains(['@', '?', '#']) {
        return Ok(());
    }
    Err(
        Error::config("the address of the lake holds `@`, `?` or `#`, behind which credentials stand; it is not shown").hint(
            "write the lake as s3://bucket/prefix: credentials come from variables such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the machine's role",
        ),
    )
}

/// What stands where a scheme would, and what follows it: `s3` and `/x` of `s3:/x`, `s3` and `//x` of `s3//x`.
fn scheme(address: &str) -> Option<(&str, &str)> {
    let end = address.find(|c: char| !c.is_ascii_alphanumeric())?;
    let (scheme, rest) = address.split_at(end);
    match rest.strip_prefix(':') {
        Some(rest) => Some((scheme, rest)),
        None => rest.starts_with("//").then_some((scheme, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_follow_their_table() {
        for (address, meant) in [
            ("s3:/bucket/x", "s3://bucket/x?"),
            ("s3:bucket/x", "s3://bucket/x?"),
            ("s3//bucket/x", "s3://bucket/x?"),
            ("s3:", "s3://bucket/prefix?"),
            ("S3A:/bucket", "s3://bucket?"),
            ("gs:bucket", "gs://bucket?"),
            ("az:/container", "az://container?"),
            ("file:/data/lake", "file:///data/lake?"),
            ("file:lake", "./lake?"),
            ("https:/host/x", "s3://bucket/prefix"),
            ("~bob/lake", "in full"),
            ("", "path"),
        ] {
            let error = check_spelling(address).unwrap_err();
            assert!(error.advice().unwrap().contains(meant), "{address}: {error:?}");
            assert!(error.message().contains(&format!("`{address}`")), "{error:?}");
        }
        for address in [
            "s3://KEY:S3CR3T@bucket/x",
            "s3:/KEY:S3CR3T@bucket/x",
            "s3a://KEY:S3CR3T@bucket",
            "https://bucket.s3.amazonaws.com/x?X-Amz-Signature=S3CR3T",
            "az://container/x?sig=S3CR3T",
            "ftp://user:S3CR3T@host/x",
            "s3://bucket/x#S3CR3T",
        ] {
            let error = check_spelling(address).unwrap_err();
            assert!(!format!("{error:?}").contains("S3CR3T"), "{error:?}");
        }
        for address in [
            "ana@acme/lake?",
            "file:///ana@acme",
            "./s3:",
            "./~",
            "lake",
            "s3",
            "s3/x",
            "lakes//x",
            "lake:2024",
            "/s3:/x",
            "C:\\lake",
            "C:/lake",
            "../file:x",
            "é:x",
            "s3://bucket",
            "ftp://x",
        ] {
            check_spelling(address).unwrap_or_else(|error| panic!("{address}: {error:?}"));
        }
    }
}
