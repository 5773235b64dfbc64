//! A store's error, told so that a person knows what to do.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use crate::error::Error;

/// Longest part of a store's own words that is repeated, in characters.
const MAX_WORDS: usize = 300;

/// `cannot <attempt> <url>: <cause>`, with a hint where the cause is known.
///
/// | cause | found by | hint |
/// |---|---|---|
/// | no space, quota | io error in the chain | free space; nothing half-written is visible |
/// | read-only file system, no permission | io error in the chain | who needs what |
/// | bucket missing, credentials, access, region, clock | `<Code>` of S3's answer, or its status | which variable or permission |
/// | the same on `gs://` and `az://` | status | which variables |
/// | address does not answer | io error in the chain, connect error | the endpoint |
pub(super) fn explain(attempt: &str, url: &str, error: &(dyn StdError + 'static)) -> Error {
    let told = Error::store(format!("cannot {attempt} `{url}`: {}", cause(error)));
    match hint(url, error) {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// Whether the object is not there; a bucket that is not there is another matter.
pub(super) fn is_absent(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. }) && tag(&error.to_string(), "Code").is_none_or(|code| code == "NoSuchKey")
}

fn cause(error: &(dyn StdError + 'static)) -> String {
    if let Some(io) = io_error(error) {
        return io.to_string();
    }
    answer(&error.to_string())
}

/// What matters of a store's answer. Only code and message: S3 repeats the request, with the key's id, in the rest.
pub(super) fn answer(text: &str) -> String {
    match tag(text, "Code") {
        Some(code) => shorten(&format!("{code}: {}", tag(text, "Message").unwrap_or("no message"))),
        None => shorten(text),
    }
}

fn hint(url: &str, error: &(dyn StdError + 'static)) -> Option<&'static str> {
    match io_error(error).map(io::Error::kind) {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            return Some("free some space and run again: nothing half-written is visible, and the last commit stands");
        }
        Some(ErrorKind::ReadOnlyFilesystem) => {
            return Some("the file system is mounted read-only: mount it for writing or choose another lake");
        }
        Some(ErrorKind::PermissionDenied) => return Some("the user that runs afluente needs to read and write this folder"),
        Some(ErrorKind::NotADirectory | ErrorKind::AlreadyExists) => return Some("a file stands where the lake needs a folder"),
        Some(ErrorKind::ConnectionRefused | ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
            return Some("nothing answers there: is the endpoint (AWS_ENDPOINT_URL_S3 or [lake.s3] endpoint) right?");
        }
        _ => {}
    }
    let text = error.to_string();
    match url.split_once("://") {
        Some(("gs", _)) => return elsewhere(&text, GOOGLE),
        Some(("az", _)) => return elsewhere(&text, AZURE),
        _ => {}
    }
    match tag(&text, "Code") {
        Some("NoSuchBucket") => return Some("create the bucket first, or mend its name in the lake's address"),
        Some("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken" | "TokenRefreshRequired" | "AuthFailure") => {
            return Some("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN are wrong or expired for this endpoint");
        }
        Some("AccessDenied") => {
            return Some(
                "the credentials need s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and \
                 s3:AbortMultipartUpload on its objects",
            );
        }
        Some("InternalError" | "ServiceUnavailable" | "SlowDown") => {
            return Some("the store itself fails, after several tries: is it healthy, and does the bucket exist?");
        }
        Some("RequestTimeTooSkewed") => {
            return Some("this machine's clock is more than 15 minutes off: set it (`timedatectl` tells), then run again");
        }
        Some("PermanentRedirect" | "AuthorizationHeaderMalformed") => return Some("the bucket is in another region: set AWS_REGION"),
        _ => {}
    }
    // The messages of object_store for what has no status and no code.
    if text.contains("169.254.169.254") || text.contains("Missing AccessKeyId") || text.contains("Missing SecretAccessKey") {
        return Some("no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (profiles in ~/.aws are not read)");
    }
    let cause = cause(error);
    if cause.contains("InvalidContentType") {
        return Some("the endpoint answers without TLS: write it as http://, which is taken for localhost only");
    }
    if cause.contains("certificate") {
        return Some("this machine does not trust the endpoint's certificate");
    }
    if text.contains("incorrectly configured region") {
        return Some("the bucket is in another region: set AWS_REGION");
    }
    if text.contains("401 Unauthorized") || text.contains("403 Forbidden") {
        return Some("the store refuses these credentials: look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do");
    }
    None
}

const GOOGLE: &str = "the bucket must exist, and the credentials in GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT need the role Storage Object \
                      Admin on it";
const AZURE: &str = "the container must exist, and AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY, or a principal with the \
                     role Storage Blob Data Contributor, must reach it";

/// The hint for stores that are not S3's kind, where it is about what a person has set.
fn elsewhere(text: &str, variables: &'static str) -> Option<&'static str> {
    let words = [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "169.254.169.254",
        "metadata",
        "Account must be specified",
    ];
    words.iter().any(|word| text.contains(word)).then_some(variables)
}

/// The innermost error of the operating system.
fn io_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut found = None;
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // `Other` is a wrapper around somebody else's error, which `source` steps over.
            if io.kind() != ErrorKind::Other {
                found = Some(io);
            }
            if let Some(inner) = io.get_ref() {
                next = Some(inner);
            }
        }
    }
    found
}

/// Whether the operating system's answer was that something is not there.
pub(crate) fn is_vanished(error: &object_store::Error) -> bool {
    io_error(error).is_some_and(|io| io.kind() == ErrorKind::NotFound)
}

/// Whether an error says that a file or folder is not there.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner)
}

fn shorten(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(source: impl Into<Box<dyn StdError + Send + Sync>>) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: source.into(),
        }
    }

    #[test]
    fn every_cause_has_its_hint() {
        let s3 = |code: &str| {
            generic(format!(
                "Error performing PUT http://x/y in 1s - Server returned non-2xx status code: 403 Forbidden: \
                 <Error><Code>{code}</Code><Message>No.</Message><AWSAccessKeyId>AKIASECRET</AWSAccessKeyId></Error>"
            ))
        };
        for (error, word) in [
            (generic(io::Error::from(ErrorKind::StorageFull)), "free some space"),
            (generic(io::Error::from_raw_os_error(28)), "free some space"),
            (generic(io::Error::other(io::Error::from_raw_os_error(28))), "free some space"),
            (generic(io::Error::from(ErrorKind::ReadOnlyFilesystem)), "read-only"),
            (generic(io::Error::from(ErrorKind::PermissionDenied)), "read and write this folder"),
            (generic(io::Error::from(ErrorKind::ConnectionRefused)), "endpoint"),
            (s3("NoSuchBucket"), "create the bucket"),
            (s3("InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID"),
            (s3("SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY"),
            (s3("AccessDenied"), "s3:PutObject"),
            (s3("InternalError"), "healthy"),
            (s3("RequestTimeTooSkewed"), "clock"),
            (
                generic(io::Error::new(ErrorKind::InvalidData, "corrupt message of type InvalidContentType")),
                "without TLS",
            ),
            (
                generic(io::Error::new(ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer")),
                "certificate",
            ),
            (
                generic("PUT http://169.254.169.254/latest/api/token failed"),
                "no credentials were found",
            ),
            (generic("status code: 403 Forbidden: "), "refuses these credentials"),
        ] {
            let told = explain("write", "s3://b/x", &error);
            assert!(told.advice().is_some_and(|hint| hint.contains(word)), "{told:?}");
            assert!(told.message().starts_with("cannot write `s3://b/x`: "), "{told:?}");
            assert!(!format!("{told:?}").contains("AKIASECRET"), "{told:?}");
        }
    }

    #[test]
    fn other_stores_name_their_own_variables() {
        let refused = generic("Server returned non-2xx status code: 403 Forbidden: ");
        for (url, word) in [("gs://b/x", "GOOGLE_"), ("az://b/x", "AZURE_"), ("s3://b/x", "AWS_")] {
            let told = explain("write", url, &refused);
            assert!(told.advice().is_some_and(|hint| hint.contains(word)), "{told:?}");
        }
        assert_eq!(explain("write", "gs://b/x", &generic("500 Internal Server Error")).advice(), None);
    }

    #[test]
    fn a_missing_bucket_is_not_a_missing_object() {
        let missing = |source: &str| object_store::Error::NotFound {
            path: "x".to_owned(),
            source: source.to_owned().into(),
        };
        assert!(is_absent(&missing("no such file")));
        assert!(is_absent(&missing("<Code>NoSuchKey</Code>")));
        assert!(!is_absent(&missing("<Code>NoSuchBucket</Code>")));
    }

    #[test]
    fn long_words_are_cut() {
        assert!(cause(&generic("é ".repeat(5_000))).chars().count() <= MAX_WORDS + 1);
    }
}
