//! The HTTP side: takes connections, finds the vendor of a path, counts and refuses, injects faults and sends the answer.
//! Knows nothing of what a vendor answers.

mod control;
mod delivery;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant, SystemTime};

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::ask::{Answer, Ask, pairs, unescape};
use super::faults::{Dice, Fault};
use super::meter::Meter;
use super::silence::Silence;
use super::stamp::SECOND;
use super::world::World;
use super::{Options, VENDORS, Vendor};
use control::LONGEST_BODY;
use delivery::{Body, Delivery, respond};

/// Everything a request needs, shared by all connections.
pub(crate) struct Server {
    world: Arc<RwLock<World>>,
    options: Options,
    desks: Vec<Desk>,
    churn: Arc<Mutex<Unrest>>,
}

/// The changes that follow the vendors' answers.
#[derive(Debug)]
pub(crate) struct Unrest {
    /// How many follow an answer; 0 leaves the account alone.
    pub rate: f64,
    /// In these tables only; none names all that change.
    pub tables: Vec<String>,
    /// Draws them.
    pub rng: fastrand::Rng,
    /// What is withheld meanwhile.
    pub silence: Option<Silence>,
}

/// The state kept for one source.
struct Desk {
    vendor: &'static Vendor,
    meter: Mutex<Meter>,
    dice: Mutex<Dice>,
}

impl Server {
    pub(crate) fn new(world: Arc<RwLock<World>>, churn: Arc<Mutex<Unrest>>, options: Options) -> Server {
        let desk = |vendor: &'static Vendor| Desk {
            vendor,
            meter: Mutex::new(Meter::new(vendor.limit)),
            dice: Mutex::new(Dice::new(options.seed, vendor.source)),
        };
        let desks = VENDORS.iter().map(desk).collect();
        Server {
            world,
            options,
            desks,
            churn,
        }
    }

    /// Serves connections until the task is aborted, which ends them too.
    pub(crate) async fn run(self, socket: TcpListener) {
        let server = Arc::new(self);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = socket.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(Arc::clone(&server).connection(stream));
                    }
                    // Out of file handles or a client gone already: wait a little rather than spin.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn connection(self: Arc<Server>, stream: TcpStream) {
        // Pages go out in two writes, head and body; waiting for an acknowledgement between them costs 40 ms a page.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| {
            let server = Arc::clone(&self);
            async move { Ok::<_, Infallible>(server.reply(request).await) }
        });
        // A client that hangs up, or a body cut on purpose, ends the connection with an error that nobody needs.
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn reply(self: Arc<Server>, request: Request<Incoming>) -> Response<Body> {
        let path = unescape(request.uri().path());
        let query = pairs(request.uri().query().unwrap_or(""));
        if let Some(control) = path.strip_prefix("/_sandbox/") {
            let ask = Ask {
                path: control,
                query,
                headers: Vec::new(),
            };
            let method = request.method().clone();
            let answer = match Limited::new(request.into_body(), LONGEST_BODY).collect().await {
                Ok(body) => self.control(&method, &ask, &body.to_bytes()),
                Err(error) => Answer::text(400, format!("the body cannot be read: {error}")),
            };
            return respond(answer, Delivery::Whole);
        }
        if request.method() != Method::GET {
            return respond(Answer::text(405, "only GET is simulated"), Delivery::Whole);
        }
        let found = self.desks.iter().position(|desk| below(&path, desk.vendor.base).is_some());
        let Some(at) = found else {
            return respond(Answer::text(404, "no such source"), Delivery::Whole);
        };
        let (refused, left) = {
            let mut meter = locked(&self.desks[at].meter);
            let now = Instant::now();
            (meter.arrive(now, self.options.limits).err(), meter.left(now))
        };
        if !self.options.page_delay.is_zero() {
            tokio::time::sleep(self.options.page_delay).await;
        }
        let address = request.uri().to_string();
        let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let mut headers: Vec<(String, String)> = request.headers().iter().map(header).collect();
        let vendor = self.desks[at].vendor;
        headers.iter_mut().for_each(|(_, value)| *value = usual_token(vendor, value));
        // A filter over a large table takes a while; connections must not wait for it.
        let server = Arc::clone(&self);
        let worked = tokio::task::spawn_blocking(move || {
            let desk = &server.desks[at];
            let path = below(&path, desk.vendor.base).unwrap_or("/");
            let ask = Ask { path, query, headers };
            server.answer(desk, ask, refused, left, &address)
        });
        let (answer, delivery) = match worked.await {
            Ok(worked) => worked,
            Err(error) => (Answer::text(500, format!("the sandbox failed: {error}")), Delivery::Whole),
        };
        if answer.status == 429 {
            locked(&self.desks[at].meter).answered_429 += 1;
        }
        respond(answer, delivery)
    }

    fn answer(&self, desk: &Desk, ask: Ask, refused: Option<Duration>, left: (usize, Duration), address: &str) -> (Answer, Delivery) {
        // One lock for all of an answer: a page shows one moment of the account.
        let world = self.world();
        let (mut answer, delivery) = match refused {
            None => self.admitted(&world, desk, ask, address),
            Some(wait) => {
                let wait = desk.vendor.says_when.then(|| wait.as_secs() + 1);
                (too_many(wait), Delivery::Whole)
            }
        };
        if let Some(silence) = locked(&self.churn).silence {
            answer = silence.over(address, answer);
        }
        // What was changed has moments by the simulated clock: a reader that goes by this header must see the same one.
        if world.changed() || locked(&self.churn).rate > 0.0 {
            answer = answer.with_header("Date", date(world.now));
        }
        if desk.vendor.says_left {
            answer = with_left(answer, desk.vendor, left);
        }
        drop(world);
        if refused.is_none() {
            self.churn();
        }
        (answer, delivery)
    }

    fn admitted(&self, world: &World, desk: &Desk, ask: Ask, address: &str) -> (Answer, Delivery) {
        let vendor = desk.vendor;
        let fault = locked(&desk.dice).throw(&self.options.faults, address);
        let whole = |answer| (answer, Delivery::Whole);
        match fault {
            None => whole((vendor.answer)(world, &ask)),
            Some(Fault::Cut) => ((vendor.answer)(world, &ask), Delivery::Cut),
            Some(Fault::Slow) => ((vendor.answer)(world, &ask), Delivery::Dripped),
            Some(Fault::TooMany) => whole(too_many(Some(1))),
            Some(Fault::TooManyBare) => whole(too_many(None)),
            Some(Fault::ServerError) => whole(server_error(address)),
            Some(Fault::Html) => whole(Answer::typed(200, "text/html", MAINTENANCE_PAGE)),
            Some(Fault::Error200) => whole(Answer::json(200, vendor.error_body)),
            Some(Fault::Empty) if vendor.source == "ploomes" => whole(super::ploomes::silent_throttle(&ask)),
            Some(Fault::Empty) => whole((vendor.answer)(world, &ask)),
            // Each vendor words its own 401: it gets the request without any token.
            Some(Fault::Expired) => whole((vendor.answer)(world, &without_token(ask))),
        }
    }

    fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The changes that follow an answer.
    fn churn(&self) {
        // Whoever holds the world may ask for the unrest: not the other way round.
        let (changes, seed, tables) = {
            let mut unrest = locked(&self.churn);
            let rate = unrest.rate;
            if rate <= 0.0 {
                return;
            }
            let changes = rate as u64 + u64::from(unrest.rng.f64() < rate.fract());
            (changes, unrest.rng.u64(..), unrest.tables.clone())
        };
        if changes > 0 {
            let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
            // The names were looked at when they were given.
            let _ = self.world_mut().churn(seed, changes, &tables, false);
        }
    }
}

/// A moment as the `Date` header has it.
fn date(ticks: i64) -> String {
    let secs = u64::try_from(ticks / SECOND).unwrap_or(0);
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(secs))
}

const MAINTENANCE_PAGE: &str = "<!DOCTYPE html>\n<html lang=\"pt-BR\"><head><title>Manutenção</title></head>\n\
    <body><h1>Estamos em manutenção</h1><p>Voltamos já.</p></body></html>\n";

/// The rest of a path below a base, or nothing when it is elsewhere.
fn below<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(base)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn too_many(wait_secs: Option<u64>) -> Answer {
    let answer = Answer::text(429, "");
    match wait_secs {
        Some(seconds) => answer.with_header("Retry-After", seconds.to_string()),
        None => answer,
    }
}

/// The answer with what is left of the limit. The wait is in seconds, as one of two clients reads it.
fn with_left(answer: Answer, vendor: &Vendor, left: (usize, Duration)) -> Answer {
    answer
        .with_header("X-RateLimit-Limit", vendor.limit.most.to_string())
        .with_header("X-RateLimit-Remaining", left.0.to_string())
        .with_header("X-RateLimit-Reset", (left.1.as_secs() + 1).to_string())
}

/// 500 with a JSON body or 503 with a proxy's page, as the address has it.
fn server_error(address: &str) -> Answer {
    if address.bytes().map(u64::from).sum::<u64>().is_multiple_of(2) {
        Answer::json(500, r#"{"Message":"An error has occurred."}"#)
    } else {
        Answer::typed(503, "text/html", "<html><body>503 Service Temporarily Unavailable</body></html>")
    }
}

/// A header with the vendor's token in the place of one of its later ones ([`super::Sandbox::later_token`]).
fn usual_token(vendor: &Vendor, value: &str) -> String {
    match value.rsplit_once(super::LATER) {
        Some((before, number)) if before.ends_with(vendor.token) && number.bytes().all(|byte| byte.is_ascii_digit()) => before.to_owned(),
        _ => value.to_owned(),
    }
}

fn without_token(mut ask: Ask) -> Ask {
    ask.headers.clear();
    ask.query.retain(|(name, _)| name != "api_token");
    ask
}

/// A lock taken even after a panic elsewhere: counters stay usable.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
