//! Why an attempt failed, and what follows from it: another attempt, a pause, or the end.

use std::error::Error as _;
use std::io;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use url::Url;

use super::exchange::Reply;
use super::words::{self, Words, quote, refuses_token};
use super::{ClientOptions, quota};
use crate::error::{Error, Kind};

/// An answer or a failure that ends a request for good.
#[derive(Debug)]
pub struct Failure {
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
    /// What to tell the user.
    pub error: Error,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { status: None, error }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// Why one attempt failed.
#[derive(Debug)]
pub(super) struct Fault {
    pub kind: Kind,
    pub status: Option<u16>,
    /// Follows the request in the message: `GET https://...: <what>`.
    pub what: String,
    pub hint: Option<String>,
    pub then: Then,
}

/// What follows from a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Another attempt would end the same way.
    Fail,
    /// Another attempt after a backoff of our own.
    Retry,
    /// The whole connection is over the vendor's limit: nobody sends for a backoff.
    Pause,
    /// As `Pause`, for as long as the vendor says.
    PauseFor(Duration),
}

impl Fault {
    pub(super) fn new(kind: Kind, what: impl Into<String>, then: Then) -> Self {
        Self {
            kind,
            status: None,
            what: what.into(),
            hint: None,
            then,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What an answer's status means; none where it is a success.
///
/// | status | kind | then |
/// |---|---|---|
/// | 202, 206 | `Network` | retry: the answer is not there yet, or not whole |
/// | other 2xx | | its body is read |
/// | 401, or a bare `Invalid token` under any status | `Auth` | fail |
/// | 429, 503 with a wait of at most 15 min | `Network` | the connection pauses for it |
/// | 429, 503 with a longer one | `Network` | fail |
/// | 429 without one | `Network` | the connection pauses for a backoff |
/// | those of the declaration's `retry.statuses` | `Network` | retry |
/// | other 5xx | `Network` | fail |
/// | anything else | `Refused` | fail |
pub(super) fn judge(reply: &Reply, table: &str, options: &ClientOptions) -> Option<Fault> {
    let code = reply.status;
    let text = || {
        let reason = StatusCode::from_u16(code)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        let answered = format!("answered {code} {reason}").trim_end().to_owned();
        match words::of(&reply.body, &options.token) {
            Words::Said(words) => format!("{answered}: `{words}`"),
            Words::Begins(words) if !options.hides_bodies => format!("{answered}: `{words}`"),
            Words::Structure(structure) if !options.hides_bodies => format!("{answered}: {structure}"),
            _ => answered,
        }
    };
    let fault = |kind, then| Fault {
        status: Some(code),
        ..Fault::new(kind, text(), then)
    };
    if code == 401 || refuses_token(&reply.body) {
        return Some(fault(Kind::Auth, Then::Fail).hint(format!(
            "the vendor refuses the token in {}: check that it is whole, not expired, and of this account",
            options.token_origin
        )));
    }
    if code == 202 || code == 206 {
        return Some(fault(Kind::Network, Then::Retry).hint(match code {
            202 => "the vendor has taken the request and has no answer to it yet: run again later",
            _ => "the vendor sends a part of the answer, which was not asked for: look for a proxy or cache between here and there",
        }));
    }
    if (200..300).contains(&code) {
        return None;
    }
    if code == 429 || code == 503 {
        let now = SystemTime::now();
        match quota::retry_after(&reply.headers, now).or_else(|| quota::reset(code, &reply.headers, now)) {
            Some(wait) if wait > quota::LONGEST_PAUSE => {
                let mut fault = fault(Kind::Network, Then::Fail);
                fault.what = format!(
                    "{}; it asks for a pause of {} s, expected {} s at most",
                    fault.what,
                    wait.as_secs(),
                    quota::LONGEST_PAUSE.as_secs()
                );
                return Some(
                    fault.hint("the account's quota is used up: run again later, and look for other programs that use this account"),
                );
            }
            // A wait of zero would be six attempts in a blink.
            Some(wait) if !wait.is_zero() => return Some(fault(Kind::Network, Then::PauseFor(wait)).hint(busy(code))),
            _ if code == 429 => return Some(fault(Kind::Network, Then::Pause).hint(busy(code))),
            _ => {}
        }
    }
    if options.retry.statuses.contains(&code) {
        return Some(fault(Kind::Network, Then::Retry).hint(busy(code)));
    }
    if code >= 500 {
        return Some(fault(Kind::Network, Then::Fail).hint("the vendor's server failed: run again later"));
    }
    let file = format!("schemas/{}/{table}.toml", options.source);
    Some(fault(Kind::Refused, Then::Fail).hint(match code {
        404 => format!("the account may not have this table, or its route has another name: `endpoint` is one line in {file}, or a key of the table in afluente.toml"),
        403 => format!("the user of this token may not read `{table}`: give its profile the right, or leave the table out with `exclude`"),
        400 => format!("the vendor does not take this request: its parameters stand in {file}"),
        _ => format!("check `base_url`, and `endpoint` in {file}"),
    }))
}

/// What a failure below HTTP means.
pub(super) fn transport(error: &reqwest::Error, url: &Url, options: &ClientOptions) -> Fault {
    let host = host(url);
    let cause = Cause::of(error);
    let text = quote(&cause.text, &options.token);
    let fault = |what: String| Fault::new(Kind::Network, what, Then::Retry);
    // A server that hangs up on the greeting leaves no error of rustls.
    if cause.tls.is_some() || (error.is_connect() && cause.text.contains("tls handshake")) {
        let mut fault = fault(format!("no secure connection to {host}: {text}"));
        if let Some(rustls::Error::InvalidCertificate(_)) = cause.tls {
            fault.then = Then::Fail;
            return fault.hint(
                "the certificate is not trusted: check `base_url`, this machine's clock and its certificate store (package `ca-certificates`), and any proxy that opens TLS",
            );
        }
        return fault.hint("check that `base_url` is an https address, and that nothing between here and there breaks TLS");
    }
    if error.is_dns() {
        return fault(format!("the name {host} cannot be resolved: {text}")).hint("check the host in `base_url`, and this machine's DNS");
    }
    if cause.io == Some(io::ErrorKind::ConnectionRefused) {
        return fault(format!("{host} refuses the connection")).hint("nothing listens there: check host and port of `base_url`");
    }
    if error.is_connect() {
        return fault(format!("no connection to {host}: {text}")).hint("check `base_url`, and this machine's way to the internet");
    }
    if error.is_body() || error.is_decode() {
        return fault(format!("the answer was cut: {text}")).hint("the vendor or the network broke off every time: run again later");
    }
    fault(format!("the exchange with {host} broke off: {text}")).hint("the vendor or the network broke off every time: run again later")
}

/// Host and port; never the user or password of an address.
pub(super) fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("`{host}:{port}`"),
        (Some(host), None) => format!("`{host}`"),
        (None, _) => "no host".to_owned(),
    }
}

fn busy(code: u16) -> &'static str {
    match code {
        429 => "the account is over the vendor's limit: look for other programs that use it, or lower `rate_limit`",
        _ => "the vendor's server failed every time: run again later",
    }
}

/// What lies at the bottom of a chain of errors. The upper ones repeat the address, so they are not shown.
struct Cause<'a> {
    text: String,
    io: Option<io::ErrorKind>,
    tls: Option<&'a rustls::Error>,
}

impl<'a> Cause<'a> {
    fn of(error: &'a reqwest::Error) -> Self {
        let mut cause = Self {
            text: "unknown cause".to_owned(),
            io: None,
            tls: None,
        };
        let mut next = error.source();
        while let Some(error) = next {
            cause.text = error.to_string();
            if let Some(io) = error.downcast_ref::<io::Error>() {
                cause.io = Some(io.kind());
                // `source` of an io::Error skips what it wraps.
                cause.tls = cause.tls.or(io.get_ref().and_then(|inner| inner.downcast_ref()));
            }
            cause.tls = cause.tls.or(error.downcast_ref());
            next = error.source();
        }
        cause
    }
}
