//! One HTTP client per connection, shared by all its tables: it knows requests and answers, not tables.
//!
//! | file | what |
//! |---|---|
//! | `request` | a path and ordered parameters, made into an address that cannot leave the connection's own |
//! | `rate_limit` | turns: never more requests in a window than the vendor allows |
//! | `exchange` | one attempt, redirects included, bounded in time and size |
//! | `fault` | what a status or a broken connection means: again, pause, or the end |
//! | `clock` | the vendor's clock |
//! | `quota`, `retry` | how long to wait: by the vendor's word, or by our own backoff |
//! | `words` | the vendor's words in an error body, without the token |
//! | `meter`, `stop` | progress counters, and the signal that ends a run |
//!
//! The token goes into a header, to the host of the connection's address only. It stands in no address and in no error.

mod clock;
mod exchange;
mod fault;
mod meter;
mod quota;
mod rate_limit;
mod request;
mod retry;
#[cfg(test)]
pub(crate) mod scripted;
mod stop;
mod structure;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Semaphore;
use url::{Host, Url};

use self::exchange::exchange;
use self::fault::{Fault, Then, judge};
use self::rate_limit::Limiter;
use self::words::Words;
use crate::error::{Error, Kind, Result};
use crate::schema::{Auth, RateLimit, Retry};
use crate::secret::Secret;

pub use self::exchange::Reply;
pub use self::fault::Failure;
pub use self::meter::{Counts, Meter};
pub use self::request::Request;
pub(crate) use self::request::path_segment;
pub use self::stop::{Stop, Stopper};

/// Requests under way at once where no rate limit says how many.
const IN_FLIGHT: usize = 4;

/// A connection's address, token and limits.
#[derive(Clone)]
pub struct ClientOptions {
    /// The source's id, for the advice in errors.
    pub source: String,
    /// The vendor's address, https; plain http to this machine only.
    pub base_url: Url,
    /// The token.
    pub token: Secret,
    /// Where the token comes from, for the advice in errors: `` the environment variable `PLOOMES_USER_KEY` ``.
    pub token_origin: String,
    /// How the token is sent.
    pub auth: Auth,
    /// The vendor's limit; none for the sandbox.
    pub rate_limit: Option<RateLimit>,
    /// When a request is sent again.
    pub retry: Retry,
    /// For one answer, from request to last byte.
    pub timeout: Duration,
    /// Largest body taken, decompressed, bytes.
    pub max_body: usize,
    /// No error quotes the beginning of a body: it may be that of a page, with records of persons whose data is not to be shown.
    pub hides_bodies: bool,
    /// Ends whatever is under way.
    pub stop: Stop,
}

/// The HTTP client of one connection.
pub struct Client {
    options: ClientOptions,
    http: reqwest::Client,
    limiter: Limiter,
    in_flight: Semaphore,
    /// Set by the first 401: every later request would only hear it again.
    refused: OnceLock<(String, Option<String>)>,
}

impl Client {
    /// # Errors
    /// [`Kind::Config`] when the address is not https (or http to this machine), carries a user, a query or a fragment, or the
    /// token cannot be sent in the declared header.
    pub fn new(options: ClientOptions) -> Result<Self> {
        check_address(&options.base_url)?;
        // An error means that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Auth::Header { name, prefix } = &options.auth;
        let name = HeaderName::try_from(name.as_str())
            .map_err(|_| Error::config(format!("{}/source.toml: auth: `{name}` is not a header's name", options.source)))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(name, options.token.header(prefix)?);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("afluente/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // Redirects, retries and proxies of the library's own would send requests that neither the limit nor the host check sees.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(options.timeout.min(Duration::from_secs(15)));
        if options.base_url.scheme() == "http" {
            // The sandbox must run where there is no certificate store.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Error::config(format!("cannot set up TLS: {cause}"))
                .hint("this machine's certificate store is missing or broken: install the package `ca-certificates`")
        })?;
        let in_flight = options.rate_limit.as_ref().map_or(IN_FLIGHT, |limit| limit.in_flight.max(1));
        Ok(Self {
            limiter: Limiter::new(options.rate_limit.as_ref()),
            in_flight: Semaphore::new(in_flight),
            refused: OnceLock::new(),
            http,
            options,
        })
    }

    /// The answer to a request, however many attempts it takes.
    ///
    /// # Errors
    /// * [`Kind::Auth`] on 401.
    /// * [`Kind::Refused`] on 400, 403, 404 and other statuses that say that the request itself is wrong.
    /// * [`Kind::Network`] without an answer, or on one of the statuses worth another attempt, until the attempts ran out.
    /// * [`Kind::Data`] where the body is too large.
    /// * [`Kind::Stopped`] when the signal came.
    pub async fn get(&self, request: &Request, meter: &Meter) -> Result<Reply, Failure> {
        self.get_as(request, meter, |reply| Ok(reply.clone())).await
    }

    /// The answer to a request as `read` understands it. An answer that it does not understand, [`Kind::Data`], is asked for again: vendors
    /// send pages of HTML and bodies cut short with a status of success, and most of these faults pass.
    ///
    /// # Errors
    /// Those of [`Client::get`] and of `read`.
    pub async fn get_as<T>(&self, request: &Request, meter: &Meter, read: impl FnMut(&Reply) -> Result<T>) -> Result<T, Failure> {
        self.options.stop.race(self.attempts(request, meter, read)).await
    }

    /// The signal that ends whatever is under way.
    pub fn stop(&self) -> &Stop {
        &self.options.stop
    }

    /// The wait before something that looks wrong is asked for again.
    pub(crate) async fn breathe(&self) {
        tokio::time::sleep(self.options.retry.backoff).await;
    }

    /// The wait before a read that brought nothing is made again, after so many that did: long beside the waits between the attempts of one request, because what made the
    /// vendor silent has to pass.
    pub(crate) async fn breathe_long(&self, reads: u32) {
        let retry = &self.options.retry;
        tokio::time::sleep(retry.backoff.saturating_mul(5_u32.saturating_pow(reads)).min(retry.max_backoff)).await;
    }

    async fn attempts<T>(&self, request: &Request, meter: &Meter, mut read: impl FnMut(&Reply) -> Result<T>) -> Result<T, Failure> {
        let url = request.url(&self.options.base_url)?;
        let started = Instant::now();
        let mut attempt = 1;
        loop {
            if let Some((message, hint)) = self.refused.get() {
                let error = Error::new(Kind::Auth, format!("not asked for, the token was refused before: {message}"));
                return Err(Failure {
                    status: Some(401),
                    error: hint.iter().fold(error, |error, hint| error.hint(hint)),
                });
            }
            let fault = match self.attempt(&url, request, meter, &mut read).await {
                Ok(done) => {
                    meter.trouble_over();
                    return Ok(done);
                }
                Err(fault) => fault,
            };
            let wait = retry::backoff(&self.options.retry, attempt);
            // The other tables keep the pause even where this one gives up.
            match fault.then {
                Then::PauseFor(wait) => self.limiter.pause(wait),
                Then::Pause => self.limiter.pause(wait.max(self.window_share())),
                Then::Retry | Then::Fail => {}
            }
            if fault.then == Then::Fail || attempt >= self.options.retry.attempts {
                return Err(self.give_up(&url, fault, attempt, started.elapsed()));
            }
            meter.retry();
            self.tell_retry(&url, request, &fault, attempt, meter);
            if fault.then == Then::Retry {
                tokio::time::sleep(wait).await;
            }
            attempt += 1;
        }
    }

    /// The attempts that are left may take minutes: whoever reads the log, or looks at [`Meter::trouble`], hears why at once.
    fn tell_retry(&self, url: &Url, request: &Request, fault: &Fault, attempt: u32, meter: &Meter) {
        let of = self.options.retry.attempts;
        let fault = self.options.token.redact(&fault.what);
        tracing::warn!(table = request.table, url = %told(url), attempt, of, fault, "asking again");
        meter.trouble_with(format!("{fault}; asking again (attempt {attempt} of {of} failed)"));
    }

    async fn attempt<T>(
        &self,
        url: &Url,
        request: &Request,
        meter: &Meter,
        read: &mut impl FnMut(&Reply) -> Result<T>,
    ) -> Result<T, Fault> {
        let began = Instant::now();
        let reply = exchange(self, url, meter).await.inspect_err(|fault| {
            tracing::debug!(table = request.table, url = %told(url), fault = fault.what, ms = began.elapsed().as_millis(), "no answer");
        })?;
        tracing::debug!(table = request.table, url = %told(url), status = reply.status, bytes = reply.body.len(), ms = began.elapsed().as_millis(), "answer");
        if let Some(fault) = judge(&reply, &request.table, &self.options) {
            return Err(fault);
        }
        read(&reply).map_err(|error| {
            let then = if error.kind() == Kind::Data { Then::Retry } else { Then::Fail };
            let token = &self.options.token;
            let mut what = error.message().to_owned();
            if self.options.hides_bodies {
                // What is no page can be a part of one, with the records of persons in it.
                return Fault {
                    status: Some(reply.status),
                    hint: error.advice().map(str::to_owned),
                    ..Fault::new(
                        error.kind(),
                        format!("{what}; the body is not shown: personal data is protected"),
                        then,
                    )
                };
            }
            what = match words::of(&reply.body, token) {
                Words::Said(said) => format!("{what}; the vendor says `{said}`"),
                Words::Begins(beginning) => format!("{what}; the body begins `{beginning}`"),
                Words::Structure(structure) => format!("{what}; the body is {structure}"),
                Words::None => format!("{what}; the body is empty"),
            };
            Fault {
                status: Some(reply.status),
                hint: error.advice().map(str::to_owned),
                ..Fault::new(error.kind(), what, then)
            }
        })
    }

    /// The pauses of all attempts together outlast the vendor's window: by then a quota that others used up is there again.
    fn window_share(&self) -> Duration {
        let pauses = self.options.retry.attempts.saturating_sub(1).max(1);
        self.options.rate_limit.as_ref().map_or(Duration::ZERO, |limit| limit.per / pauses)
    }

    fn give_up(&self, url: &Url, fault: Fault, attempts: u32, elapsed: Duration) -> Failure {
        let tries = match attempts {
            1 => String::new(),
            _ => format!(" ({attempts} attempts in {:.1} s)", elapsed.as_secs_f64()),
        };
        // The address holds no token; a redirect or an id that the vendor made of it might.
        let message = self.options.token.redact(&format!("GET {}: {}{tries}", told(url), fault.what));
        if fault.kind == Kind::Auth {
            self.refused.get_or_init(|| (message.clone(), fault.hint.clone()));
        }
        let error = Error::new(fault.kind, message);
        Failure {
            status: fault.status,
            error: match fault.hint {
                Some(hint) => error.hint(hint),
                None => error,
            },
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the whole address: before it is checked, it may hold a password.
        f.debug_struct("ClientOptions")
            .field("source", &self.source)
            .field("host", &self.base_url.host_str())
            .field("token_origin", &self.token_origin)
            .finish_non_exhaustive()
    }
}

/// An address as it is told: what stands in quotes in its query is the key of a record, which may be a name or a number of a person.
///
/// `…?$filter=Email%20gt%20%27ana@x%27&$top=9` → `…?$filter=Email%20gt%20%27…%27&$top=9`
fn told(url: &Url) -> String {
    let text = url.as_str();
    let (address, query) = text.split_at(text.find('?').unwrap_or(text.len()));
    // A quote within a key is doubled, and parts it once more.
    let parts = query.split("%27").enumerate();
    let shown: Vec<&str> = parts.map(|(at, part)| if at % 2 == 1 { "…" } else { part }).collect();
    format!("{address}{}", shown.join("%27"))
}

fn check_address(url: &Url) -> Result<()> {
    let host = fault::host(url);
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            Error::config(format!("base_url of {host} holds a user name or a password, expected none"))
                .hint("the token goes into its environment variable or file; it never stands in an address"),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::config(format!(
            "base_url of {host} holds a query or a fragment, expected none"
        )));
    }
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if loopback => Ok(()),
        "http" => Err(Error::config(format!("base_url of {host} is plain http, expected https"))
            .hint("the token would travel in the clear; plain http is taken to this machine only (127.0.0.1, localhost)")),
        scheme => Err(Error::config(format!(
            "base_url of {host} has the scheme `{scheme}`, expected https"
        ))),
    }
}
