//! The server asked over a socket, byte by byte.

use std::io::{Read, Write};

use super::*;
use crate::sandbox::Sandbox;

/// A reply as it came: head, and the body up to the end of the connection.
pub(super) struct Reply {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(super) fn get(url: &str, headers: &str) -> Reply {
    exchange("GET", url, headers)
}

/// One request on a connection of its own.
pub(super) fn exchange(method: &str, url: &str, headers: &str) -> Reply {
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
pub(super) fn with(options: Options, ask: impl FnOnce(&Sandbox)) {
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

pub(super) fn deals(sandbox: &Sandbox) -> Reply {
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

pub(super) fn date(reply: &Reply) -> String {
    let line = reply.head.lines().find(|line| line.starts_with("date: "));
    line.unwrap().to_owned()
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
