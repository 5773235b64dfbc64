//! The HTTP side: takes connections, finds the vendor of a path, counts and refuses, injects faults and sends the answer.
//! Knows nothing of what a vendor answers. Its own routes are under `/_sandbox/`.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::ask::{Answer, Ask, pairs, unescape};
use super::churn::{Change, Changed};
use super::faults::{Dice, Fault};
use super::json::{At, Object};
use super::meter::Meter;
use super::stamp::SECOND;
use super::world::World;
use super::{Options, VENDORS, Vendor, row_counts};

type Body = UnsyncBoxBody<Bytes, io::Error>;

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
}

/// The state kept for one source.
struct Desk {
    vendor: &'static Vendor,
    meter: Mutex<Meter>,
    dice: Mutex<Dice>,
}

/// How the bytes of an answer reach the client.
enum Delivery {
    Whole,
    /// Half of the promised length, then the connection closes.
    Cut,
    /// In pieces with pauses, about a second in all.
    Dripped,
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
            if method != Method::POST || control != "fields" {
                return respond(self.control(&method, &ask), Delivery::Whole);
            }
            let answer = match Limited::new(request.into_body(), LONGEST_CHANGE).collect().await {
                Ok(body) => self.change_field(&body.to_bytes()),
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
        let headers = request.headers().iter().map(header).collect();
        // A filter over a large table takes a while; connections must not wait for it.
        let server = Arc::clone(&self);
        let worked = tokio::task::spawn_blocking(move || {
            let desk = &server.desks[at];
            let path = below(&path, desk.vendor.base).unwrap_or("/");
            let ask = Ask { path, query, headers };
            let (answer, delivery) = server.answer(desk, ask, refused, &address);
            (
                if desk.vendor.says_left {
                    told(answer, desk.vendor, left)
                } else {
                    answer
                },
                delivery,
            )
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

    fn answer(&self, desk: &Desk, ask: Ask, refused: Option<Duration>, address: &str) -> (Answer, Delivery) {
        // One lock for all of an answer: a page shows one moment of the account.
        let world = self.world.read().unwrap_or_else(PoisonError::into_inner);
        let (answer, delivery) = match refused {
            None => self.admitted(&world, desk, ask, address),
            Some(wait) => {
                let wait = desk.vendor.says_when.then(|| wait.as_secs() + 1);
                (too_many(wait), Delivery::Whole)
            }
        };
        // What was changed has moments by the simulated clock: a reader that goes by this header must see the same one.
        let simulated = world.changed() || locked(&self.churn).rate > 0.0;
        let date = simulated.then(|| date(world.now));
        drop(world);
        if refused.is_none() {
            self.churn();
        }
        match date {
            Some(date) => (answer.with_header("Date", date), delivery),
            None => (answer, delivery),
        }
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
            let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
            // The names were looked at when they were given.
            let _ = world.churn(seed, changes, &tables, false);
        }
    }

    fn control(&self, method: &Method, ask: &Ask) -> Answer {
        let mut body = Vec::new();
        let world = || self.world.read().unwrap_or_else(PoisonError::into_inner);
        match (method.as_str(), ask.path) {
            ("GET", "row_counts") => Object::push(&mut body, |all| {
                for (table, rows) in row_counts(&world()) {
                    all.set(&table, rows);
                }
            }),
            ("GET", "requests") => Object::push(&mut body, |all| {
                for desk in &self.desks {
                    let meter = locked(&desk.meter);
                    all.object(desk.vendor.source, |one| {
                        one.set("requests", meter.requests)
                            .set("answered_429", meter.answered_429)
                            .set("max_in_window", meter.max_in_window as u64)
                            .set("limit", meter.limit.most as u64)
                            .set("window_secs", meter.limit.window.as_secs());
                    });
                }
            }),
            ("GET", "now") => Object::push(&mut body, |o| {
                o.set("now", At(world().now, 7, "Z"));
            }),
            ("POST", "churn") => match self.churned(ask) {
                Ok(changed) => Object::push(&mut body, |all| {
                    for (table, counts) in changed {
                        all.object(&table, |one| {
                            one.set("inserted", counts.inserted)
                                .set("updated", counts.updated)
                                .set("deleted", counts.deleted);
                        });
                    }
                }),
                Err(why) => return Answer::text(400, why),
            },
            ("POST", "change") => match self.change(ask) {
                Ok(id) => Object::push(&mut body, |o| {
                    o.set("id", id);
                }),
                Err(why) => return Answer::text(400, why),
            },
            _ => return Answer::text(404, CONTROLS),
        }
        Answer::json(200, body)
    }

    fn change_field(&self, body: &[u8]) -> Answer {
        let change = match serde_json::from_slice(body) {
            Ok(change) => change,
            Err(error) => return Answer::text(400, format!("the body is no change of a custom field: {error}")),
        };
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        match world.change_field(&change) {
            Ok(told) => Answer::json(200, told),
            Err(why) => Answer::text(400, why),
        }
    }

    fn churned(&self, ask: &Ask) -> Result<Changed, String> {
        let tables: Vec<&str> = ask.param("tables").map_or_else(Vec::new, |names| names.split(',').collect());
        let bulk = ask.param("bulk").is_some_and(|bulk| bulk != "false");
        let (seed, changes) = (number(ask, "seed")?, number(ask, "changes")?);
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        world.churn(seed, changes, &tables, bulk)
    }

    fn change(&self, ask: &Ask) -> Result<u64, String> {
        let change = match ask.param("what") {
            Some("insert") => Change::Insert,
            Some("update") => Change::Update(number(ask, "id")?),
            Some("delete") => Change::Delete(number(ask, "id")?),
            _ => return Err("`what`: expected insert, update or delete".to_owned()),
        };
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        world.change(ask.param("table").unwrap_or(""), change)
    }
}

const CONTROLS: &str = "the sandbox has GET /_sandbox/row_counts, /_sandbox/requests and /_sandbox/now, \
    POST /_sandbox/churn?seed=S&changes=N[&tables=a,b][&bulk=true] and POST /_sandbox/change?table=T&what=insert|update|delete[&id=ID], \
    and POST /_sandbox/fields with a JSON body";

/// Bytes of the body of a control route.
const LONGEST_CHANGE: usize = 1 << 16;

/// A whole number that a control route needs.
fn number(ask: &Ask, name: &str) -> Result<u64, String> {
    let text = ask.param(name).unwrap_or("");
    text.parse()
        .map_err(|_| format!("`{name}`: expected a whole number, found `{text}`"))
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
fn told(answer: Answer, vendor: &Vendor, left: (usize, Duration)) -> Answer {
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

fn without_token(mut ask: Ask) -> Ask {
    ask.headers.clear();
    ask.query.retain(|(name, _)| name != "api_token");
    ask
}

fn respond(answer: Answer, delivery: Delivery) -> Response<Body> {
    let length = answer.body.len();
    let body = Bytes::from(answer.body);
    let body: Body = match delivery {
        Delivery::Whole => Full::new(body).map_err(|never| match never {}).boxed_unsync(),
        Delivery::Cut => StreamBody::new(cut(body.slice(..length / 2))).boxed_unsync(),
        Delivery::Dripped => StreamBody::new(drips(body)).boxed_unsync(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(hyper::header::CONTENT_LENGTH, length.into());
    for (name, value) in answer.headers {
        if let Ok(value) = hyper::header::HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

fn cut(half: Bytes) -> impl futures::Stream<Item = io::Result<Frame<Bytes>>> + Send {
    let broken = async {
        // An error at once would close the connection before the head is sent.
        tokio::time::sleep(Duration::from_millis(30)).await;
        Err(io::Error::other("cut on purpose"))
    };
    futures::stream::iter([Ok(Frame::data(half))]).chain(futures::stream::once(broken))
}

fn drips(body: Bytes) -> impl futures::Stream<Item = io::Result<Frame<Bytes>>> + Send {
    let piece = (body.len() / 20).max(1);
    futures::stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let drip = rest.split_to(piece.min(rest.len()));
        Some((Ok(Frame::data(drip)), rest))
    })
}

/// A lock taken even after a panic elsewhere: counters stay usable.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::super::Sandbox;
    use super::*;

    /// A reply as it came: head, and the body up to the end of the connection.
    struct Reply {
        status: u16,
        head: String,
        body: Vec<u8>,
    }

    impl Reply {
        fn json(&self) -> serde_json::Value {
            serde_json::from_slice(&self.body).unwrap()
        }
    }

    fn get(url: &str, headers: &str) -> Reply {
        exchange("GET", url, headers)
    }

    /// One request on a connection of its own.
    fn exchange(method: &str, url: &str, headers: &str) -> Reply {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
        )
        .unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let body = bytes.split_off(end);
        let head = String::from_utf8(bytes).unwrap().to_lowercase();
        Reply {
            status: head[9..12].parse().unwrap(),
            head,
            body,
        }
    }

    /// Runs blocking requests against a sandbox.
    fn with(options: Options, ask: impl FnOnce(&Sandbox)) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        ask(&sandbox);
        let address = sandbox.address;
        runtime.block_on(sandbox.shutdown());
        assert!(std::net::TcpStream::connect(address).is_err());
    }

    fn faulty(faults: &str) -> Options {
        Options {
            faults: faults.parse().unwrap(),
            ..Options::default()
        }
    }

    const PLOOMES: &str = "User-Key: sandbox-ploomes-key-not-a-secret\r\n";

    fn deals(sandbox: &Sandbox) -> Reply {
        get(&format!("{}/Deals?%24top=300", sandbox.base_url("ploomes")), PLOOMES)
    }

    #[test]
    fn every_source_answers_and_is_counted() {
        with(Options::default(), |sandbox| {
            let exact = format!("token_exact: {}\r\n", Sandbox::token("exactsales"));
            assert_eq!(deals(sandbox).status, 200);
            assert_eq!(get(&format!("{}/leads", sandbox.base_url("exactsales")), &exact).status, 200);
            for source in ["ploomes", "nectarcrm", "sensedata", "exactsales", "customerx"] {
                let stranger = get(&format!("{}/Deals", sandbox.base_url(source)), "");
                assert!([401, 404].contains(&stranger.status), "{source}: {}", stranger.status);
            }
            let counts = get(&format!("{}/_sandbox/row_counts", sandbox.url()), "").json();
            assert_eq!(counts["ploomes.deals"], 1000);
            assert_eq!(counts.as_object().unwrap().len(), sandbox.row_counts().len());
            let requests = get(&format!("{}/_sandbox/requests", sandbox.url()), "").json();
            assert_eq!(requests["ploomes"]["requests"], 2);
            assert_eq!(requests["exactsales"]["max_in_window"], 2);
            assert_eq!(requests["exactsales"]["limit"], 30);
            assert_eq!(requests["exactsales"]["window_secs"], 20);
            assert_eq!(get(&format!("{}/elsewhere", sandbox.url()), "").status, 404);
            assert_eq!(get(&format!("{}x", sandbox.base_url("ploomes")), "").status, 404);
        });
    }

    /// A control route that changes something.
    fn post(url: &str, route: &str) -> Reply {
        exchange("POST", &format!("{url}/_sandbox/{route}"), "Content-Length: 0\r\n")
    }

    fn date(reply: &Reply) -> String {
        let line = reply.head.lines().find(|line| line.starts_with("date: "));
        line.unwrap().to_owned()
    }

    #[test]
    fn the_account_is_changed_by_routes_and_the_date_follows() {
        with(Options::default(), |sandbox| {
            let url = sandbox.url();
            let now = || get(&format!("{url}/_sandbox/now"), "").json()["now"].as_str().unwrap().to_owned();
            assert_eq!(now(), "2026-11-01T12:00:00.0000000Z");
            let today = date(&deals(sandbox));
            let changed = post(&url, "churn?seed=7&changes=40&tables=ploomes.deals,exactsales.leads").json();
            let changed = changed.as_object().unwrap();
            assert!(changed.keys().eq(["exactsales.leads", "exactsales.leadspersons", "ploomes.deals"]));
            let of = |table: &str, what: &str| changed[table][what].as_u64().unwrap();
            let all = |table: &str| of(table, "inserted") + of(table, "updated") + of(table, "deleted");
            assert_eq!(all("ploomes.deals") + all("exactsales.leads"), 40);
            let counts = get(&format!("{url}/_sandbox/row_counts"), "").json();
            let rows = 1000 + of("ploomes.deals", "inserted") - of("ploomes.deals", "deleted");
            assert_eq!(counts["ploomes.deals"], rows);
            let present = now();
            assert!(present.as_str() > "2026-11-01T12:00:01" && present == sandbox.now());
            let seconds = crate::sandbox::stamp::read(&present).unwrap().ticks / SECOND;
            let simulated = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs()));
            assert_eq!(date(&deals(sandbox)), format!("date: {}", simulated.to_lowercase()));
            assert_ne!(date(&deals(sandbox)), today);
            let id = post(&url, "change?table=ploomes.deals&what=insert").json()["id"].as_u64().unwrap();
            assert!(id > 700_000_000 && now() > present);
            let same = format!("change?table=ploomes.deals&id={id}&what=");
            assert_eq!(post(&url, &format!("{same}update")).json()["id"], id);
            assert_eq!(post(&url, &format!("{same}delete")).status, 200);
            for wrong in [
                format!("{same}update"),
                format!("{same}vanish"),
                "churn?seed=1".to_owned(),
                "churn?seed=1&changes=1&tables=x".to_owned(),
            ] {
                let reply = post(&url, &wrong);
                assert_eq!(reply.status, 400, "{wrong}");
                assert!(!reply.body.is_empty());
            }
            assert_eq!(get(&format!("{url}/_sandbox/churn?seed=1&changes=1"), "").status, 404);
        });
    }

    #[test]
    fn custom_fields_change_between_requests() {
        let options = Options {
            custom_fields: 2,
            refuse_custom_fields: vec![("ploomes.deals".to_owned(), 403)],
            ..Options::default()
        };
        with(options, |sandbox| {
            let url = sandbox.url();
            let post = |body: &str| {
                let head = format!("Content-Length: {}\r\n\r\n{body}", body.len());
                exchange("POST", &format!("{url}/_sandbox/fields"), &head)
            };
            let reply = post(r#"{"action": "add", "entity": 2, "name": "Novo campo", "type": "date_time"}"#);
            assert_eq!((reply.status, reply.json()["Name"].as_str()), (200, Some("Novo campo")));
            let headers = format!("User-Key: {}\r\n", Sandbox::token("ploomes"));
            let fields = get(&format!("{}/Fields?$filter=EntityId+eq+2", sandbox.base_url("ploomes")), &headers).json();
            assert_eq!(fields["value"].as_array().unwrap().last().unwrap()["Key"], reply.json()["Key"]);
            let expand = format!("{}/Deals?$expand=OtherProperties&$top=1", sandbox.base_url("ploomes"));
            assert_eq!(get(&expand, &headers).status, 403);
            assert_eq!(post(r#"{"action": "allow", "table": "ploomes.deals"}"#).status, 200);
            assert_eq!(get(&expand, &headers).status, 200);
            for wrong in ["", "{}", r#"{"action": "remove", "entity": 2, "field": 9}"#] {
                let reply = post(wrong);
                assert!(reply.status == 400 && !reply.body.is_empty(), "{wrong}");
            }
        });
    }

    #[test]
    fn the_account_moves_while_it_is_paged() {
        let moving = Options {
            churn: 1.5,
            ..Options::default()
        };
        let run = || {
            let mut seen = String::new();
            with(moving.clone(), |sandbox| {
                assert!(date(&deals(sandbox)).contains("01 nov 2026 12:00:00"));
                (0..20).for_each(|_| assert_eq!(deals(sandbox).status, 200));
                seen = format!("{} {:?}", sandbox.now(), sandbox.row_counts());
            });
            seen
        };
        let first = run();
        assert!(!first.starts_with("2026-11-01T12:00:00"));
        assert_eq!(first, run());
    }

    #[test]
    fn an_unknown_table_is_an_error() {
        let options = Options {
            table_rows: vec![("ploomes.dealz".to_owned(), 1)],
            ..Options::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(Sandbox::start(options)).unwrap_err();
        assert!(error.to_string().contains("ploomes.dealz"));
    }

    #[test]
    fn limits_are_enforced_when_asked() {
        let limited = Options {
            limits: true,
            ..Options::default()
        };
        with(limited, |sandbox| {
            let stages = |_| {
                let headers = format!("token_exact: {}\r\n", Sandbox::token("exactsales"));
                get(&format!("{}/Stages", sandbox.base_url("exactsales")), &headers).status
            };
            let statuses: Vec<u16> = (0..32).map(stages).collect();
            assert!(statuses[..30].iter().all(|status| *status == 200));
            assert_eq!(statuses[30..], [429, 429]);
            let requests = get(&format!("{}/_sandbox/requests", sandbox.url()), "").json();
            assert_eq!(requests["exactsales"]["answered_429"], 2);
            assert_eq!(requests["exactsales"]["max_in_window"], 32);
        });
    }

    #[test]
    fn one_vendor_tells_what_is_left_of_its_limit() {
        for limits in [true, false] {
            let options = Options {
                limits,
                ..Options::default()
            };
            with(options, |sandbox| {
                let clients = || {
                    let headers = format!("Authorization: {}\r\n", Sandbox::token("customerx"));
                    get(&format!("{}/clients?per_page=1", sandbox.base_url("customerx")), &headers)
                };
                let told = |reply: &Reply, name: &str| {
                    let line = reply.head.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                    line.trim().parse::<u64>().unwrap()
                };
                let replies: Vec<Reply> = (0..61).map(|_| clients()).collect();
                let left = |at: usize| told(&replies[at], "x-ratelimit-remaining:");
                let last = if limits { (429, 59, 0, 0) } else { (200, 60, 60, 60) };
                assert_eq!((replies[60].status, left(0), left(59), left(60)), last);
                assert!((1..=60).contains(&told(&replies[59], "x-ratelimit-reset:")) || !limits);
                assert_eq!(told(&replies[0], "x-pages:"), 1000);
                assert!(!deals(sandbox).head.contains("x-ratelimit"));
            });
        }
    }

    #[test]
    fn too_many_requests_with_and_without_a_time() {
        with(faulty("429=1"), |sandbox| {
            let reply = deals(sandbox);
            assert_eq!(reply.status, 429);
            assert!(reply.head.contains("retry-after: 1"));
            assert_eq!(deals(sandbox).status, 200);
        });
        with(faulty("429-bare=1"), |sandbox| {
            let reply = deals(sandbox);
            assert!(reply.status == 429 && !reply.head.contains("retry-after"));
        });
    }

    #[test]
    fn bodies_are_cut_dripped_or_something_else() {
        let length = |reply: &Reply| {
            let line = reply
                .head
                .lines()
                .find(|line| line.starts_with("content-length"))
                .unwrap()
                .to_owned();
            line[16..].parse::<usize>().unwrap()
        };
        with(faulty("cut=1"), |sandbox| {
            let reply = deals(sandbox);
            assert_eq!(reply.status, 200);
            assert!(!reply.body.is_empty() && reply.body.len() <= length(&reply) / 2);
            assert!(serde_json::from_slice::<serde_json::Value>(&reply.body).is_err());
        });
        with(faulty("slow=1"), |sandbox| {
            let start = Instant::now();
            let reply = deals(sandbox);
            assert!(start.elapsed() > Duration::from_millis(500));
            assert!(reply.body.len() == length(&reply) && reply.json()["value"].is_array());
        });
        with(faulty("html=1"), |sandbox| {
            let reply = deals(sandbox);
            assert!(reply.status == 200 && reply.body.starts_with(b"<!DOCTYPE html>"));
        });
        with(faulty("error-200=1"), |sandbox| {
            let reply = deals(sandbox);
            assert!(reply.status == 200 && reply.json()["value"] == "Erro interno");
        });
        with(faulty("empty=1"), |sandbox| {
            assert_eq!(deals(sandbox).json()["value"].as_array().map(Vec::len), Some(0));
        });
        with(faulty("500=1"), |sandbox| assert!([500, 503].contains(&deals(sandbox).status)));
    }

    #[test]
    fn an_expired_token_stays_expired() {
        with(faulty("401=1"), |sandbox| {
            for _ in 0..3 {
                let reply = deals(sandbox);
                assert_eq!(
                    (reply.status, reply.json()["value"].as_str()),
                    (401, Some("Usuário não autenticado"))
                );
            }
        });
    }
}
