//! The client against a scripted vendor.

use std::time::{Duration, Instant, SystemTime};

use url::Url;

use super::scripted::{Answer, Scripted, TOKEN};
use super::{Client, Failure, Meter, Request, Stopper};
use crate::error::{Error, Kind};
use crate::schema::RateLimit;

fn request() -> Request {
    Request {
        table: "deals".to_owned(),
        path: "/Deals".to_owned(),
        query: vec![("$filter".to_owned(), "Id gt 7".to_owned())],
    }
}

async fn get(server: &Scripted) -> Result<String, Failure> {
    get_with(&server.client()).await
}

async fn get_with(client: &Client) -> Result<String, Failure> {
    let reply = client.get(&request(), &Meter::new()).await?;
    Ok(String::from_utf8(reply.body.to_vec()).unwrap())
}

/// The failure, after a look that no text of it holds the token.
async fn failure(server: &Scripted) -> Failure {
    failure_with(&server.client()).await
}

async fn failure_with(client: &Client) -> Failure {
    let failure = get_with(client).await.unwrap_err();
    assert!(!format!("{failure:?} {} {client:?}", failure.error).contains(TOKEN), "{failure:?}");
    failure
}

fn hint(error: &Error) -> &str {
    error.advice().unwrap_or_default()
}

#[tokio::test]
async fn sends_the_token_and_says_who_it_is() {
    let server = Scripted::new([Answer::ok("[]")]);
    let meter = Meter::new();
    let reply = server.client().get(&request(), &meter).await.unwrap();
    assert_eq!((reply.status, &reply.body[..]), (200, &b"[]"[..]));
    let asked = &server.asked()[0];
    assert_eq!(asked.target, "/Deals?$filter=Id%20gt%207");
    for header in [
        format!("user-key: {TOKEN}"),
        "accept: application/json".to_owned(),
        "accept-encoding: gzip".to_owned(),
        format!("user-agent: afluente/{}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(
            asked.headers.iter().any(|sent| sent.eq_ignore_ascii_case(&header)),
            "{header}: {:?}",
            asked.headers
        );
    }
    assert!(
        !asked
            .headers
            .iter()
            .any(|sent| sent.starts_with("cookie") || sent.starts_with("referer"))
    );
    let counts = meter.counts();
    assert_eq!((counts.requests, counts.retries, counts.bytes), (1, 0, 2));
}

#[tokio::test]
async fn gzip_is_taken() {
    let packed: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x8b, 0xae, 0x56, 0xca, 0x4c, 0x51, 0xb2, 0x32, 0xac, 0x8d, 0x05, 0x00,
        0x64, 0xa8, 0xe5, 0x68, 0x0a, 0x00, 0x00, 0x00,
    ];
    let server = Scripted::new([
        Answer::ok(&packed[..12]).header("Content-Encoding", "gzip"),
        Answer::ok(packed).header("Content-Encoding", "gzip"),
    ]);
    assert_eq!(get(&server).await.unwrap(), r#"[{"id":1}]"#);
    assert_eq!(server.asked().len(), 2, "a packed body that ends too early is asked for again");
}

#[tokio::test]
async fn faults_that_pass_are_asked_for_again() {
    for fault in [
        Answer::new(408, ""),
        Answer::new(429, ""),
        Answer::new(429, "").header("Retry-After", "0"),
        Answer::new(500, "oops"),
        Answer::new(502, "<html>"),
        Answer::new(503, ""),
        Answer::new(504, ""),
        Answer::hang_up(),
        Answer::ok(r#"{"value":[1,2,3]}"#).cut(),
    ] {
        let shown = format!("{fault:?}");
        let server = Scripted::new([fault, Answer::ok("[]")]);
        let meter = Meter::new();
        let reply = server.client().get(&request(), &meter).await;
        assert_eq!(reply.unwrap_or_else(|failure| panic!("{shown}: {failure:?}")).body, "[]");
        assert_eq!((meter.counts().requests, meter.counts().retries), (2, 1), "{shown}");
    }
}

#[tokio::test]
async fn when_the_attempts_run_out_the_error_tells_the_whole_story() {
    let body = format!("{{\"error\":{{\"message\":\"overloaded,\\n key {TOKEN}\"}}}}");
    let server = Scripted::new([Answer::new(500, "first"), Answer::hang_up(), Answer::new(503, body)]);
    let failure = failure(&server).await;
    assert_eq!((failure.error.kind(), failure.status), (Kind::Network, Some(503)));
    let message = failure.error.message();
    let expected = format!(
        "GET {}Deals?$filter=Id%20gt%207: answered 503 Service Unavailable: `overloaded, key REDACTED` (3 attempts in ",
        server.url()
    );
    assert!(message.starts_with(&expected), "{message}");
    assert!(hint(&failure.error).contains("run again later"));
}

#[tokio::test]
async fn refusals_end_at_once_with_the_vendors_words() {
    for (status, kind, advice) in [
        (400, Kind::Refused, "schemas/acme/deals.toml"),
        (401, Kind::Auth, "ACME_TOKEN"),
        (403, Kind::Refused, "exclude"),
        (404, Kind::Refused, "`endpoint` is one line in schemas/acme/deals.toml"),
        (422, Kind::Refused, "schemas/acme/deals.toml"),
        (501, Kind::Network, "run again later"),
    ] {
        let server = Scripted::new([Answer::new(status, format!(r#"{{"error":{{"message":"não {TOKEN}"}}}}"#))]);
        let failure = failure(&server).await;
        assert_eq!((failure.error.kind(), failure.status), (kind, Some(status)), "{failure:?}");
        assert!(failure.error.message().contains("`não REDACTED`"), "{failure:?}");
        assert!(failure.error.message().contains(&status.to_string()), "{failure:?}");
        assert!(hint(&failure.error).contains(advice), "{failure:?}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_bare_invalid_token_is_a_refused_token_under_any_status() {
    for status in [200, 400, 403, 500] {
        let server = Scripted::new([Answer::new(status, "Invalid token")]);
        assert_eq!(failure(&server).await.error.kind(), Kind::Auth, "{status}");
    }
}

#[tokio::test]
async fn a_pause_the_vendor_asks_for_is_made_by_the_whole_connection() {
    let in_a_second = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    for (answer, at_least) in [
        (Answer::new(429, "").header("Retry-After", "0.2"), 200),
        (Answer::new(503, "").header("Retry-After", "0.2"), 200),
        (Answer::new(429, "").header("Retry-After", in_a_second), 500),
        (
            Answer::new(429, "")
                .header("X-RateLimit-Remaining", "0")
                .header("X-RateLimit-Reset", "0.2"),
            200,
        ),
        (
            Answer::ok("[]")
                .header("X-RateLimit-Remaining", "0")
                .header("X-RateLimit-Reset", "0.2"),
            200,
        ),
    ] {
        let server = Scripted::new([answer, Answer::ok("[]"), Answer::ok("[]")]);
        let client = server.client();
        let start = Instant::now();
        get_with(&client).await.unwrap();
        // Another table of the connection.
        let meter = Meter::new();
        client.get(&request(), &meter).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(at_least), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_pause_too_long_fails_and_an_unlikely_one_is_not_made() {
    let server = Scripted::new([Answer::new(429, "").header("Retry-After", "3600")]);
    let failure = failure(&server).await;
    assert_eq!(failure.error.kind(), Kind::Network);
    assert!(
        failure.error.message().contains("a pause of 3600 s, expected 900 s at most"),
        "{failure:?}"
    );
    let server = Scripted::new([
        Answer::ok("[]")
            .header("X-RateLimit-Remaining", "0")
            .header("X-RateLimit-Reset", "90000"),
        Answer::ok("[]"),
    ]);
    let client = server.client();
    get_with(&client).await.unwrap();
    get_with(&client).await.unwrap();
}

#[tokio::test]
async fn without_a_word_from_the_vendor_the_pauses_outlast_its_window() {
    let server = Scripted::new([Answer::new(429, ""), Answer::new(429, ""), Answer::ok("[]")]);
    let mut options = server.options();
    options.rate_limit = Some(RateLimit {
        requests: 1000,
        per: Duration::from_millis(300),
        in_flight: 1,
    });
    let start = Instant::now();
    get_with(&Client::new(options).unwrap()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_answer_not_understood_is_asked_for_again_and_then_told() {
    let server = Scripted::new([Answer::ok("<html>"), Answer::ok("[1]")]);
    let read = |reply: &super::Reply| match &reply.body[..] {
        b"[1]" => Ok(1),
        _ => Err(Error::new(Kind::Data, "expected a page").hint("look at it")),
    };
    assert_eq!(server.client().get_as(&request(), &Meter::new(), read).await.unwrap(), 1);
    let html = format!("<html>\u{7}{TOKEN}{}", "x".repeat(500));
    let server = Scripted::new([Answer::ok(&*html), Answer::ok(&*html), Answer::ok(&*html)]);
    let failure = server.client().get_as(&request(), &Meter::new(), read).await.unwrap_err();
    assert_eq!(failure.error.kind(), Kind::Data);
    let message = failure.error.message();
    assert!(
        message.contains("expected a page; the body begins `<html> REDACTEDxxx"),
        "{message}"
    );
    assert!(message.contains("x…` (3 attempts in ") && message.len() < 400, "{message}");
    assert_eq!(hint(&failure.error), "look at it");
}

#[tokio::test]
async fn bodies_are_bounded_in_size_and_time() {
    let server = Scripted::new([Answer::ok("x".repeat(2 * 1024 * 1024))]);
    let too_large = failure(&server).await;
    assert_eq!(too_large.error.kind(), Kind::Data);
    assert!(too_large.error.message().contains("larger than 1 MiB"), "{too_large:?}");
    assert_eq!(server.asked().len(), 1);

    let slow = Answer::ok("[]").slow(Duration::from_millis(400));
    let server = Scripted::new([slow.clone(), slow.clone(), slow]);
    let mut options = server.options();
    options.timeout = Duration::from_millis(50);
    let timeout = failure_with(&Client::new(options).unwrap()).await;
    assert_eq!(timeout.error.kind(), Kind::Network);
    assert!(
        timeout.error.message().contains("no complete answer within 0.05 s (3 attempts"),
        "{timeout:?}"
    );
}

#[tokio::test]
async fn redirects_are_followed_on_the_host_only() {
    let to = |location: &str| Answer::new(307, "").header("Location", location);
    let server = Scripted::new([to("/a"), to("/b"), to("/c"), Answer::ok("[]")]);
    let meter = Meter::new();
    server.client().get(&request(), &meter).await.unwrap();
    assert_eq!(server.targets()[1..], ["/a", "/b", "/c"]);
    assert_eq!(meter.counts().requests, 4, "each takes a turn");

    let server = Scripted::new([to("/a"), to("/b"), to("/c"), to("/d")]);
    assert!(failure(&server).await.error.message().contains("redirected more than 3 times"));

    let elsewhere = Scripted::new([]);
    let location = elsewhere.url().to_string().replace("127.0.0.1", "localhost");
    let server = Scripted::new([to(&format!("{location}?key={TOKEN}"))]);
    let refused = failure(&server).await;
    assert!(
        refused.error.message().contains("redirects to another host, `localhost:"),
        "{refused:?}"
    );
    assert!(hint(&refused.error).contains("set `base_url`"));
    assert!(elsewhere.asked().is_empty(), "the token went to another host");
}

#[tokio::test]
async fn what_is_wrong_with_the_address_is_told() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Scripted::new([]);
    for (base, message, advice) in [
        (
            format!("http://{closed}"),
            format!("`{closed}` refuses the connection"),
            "host and port of `base_url`",
        ),
        (
            "https://nothing.invalid".to_owned(),
            "the name `nothing.invalid` cannot be resolved".to_owned(),
            "DNS",
        ),
        (
            server.url().as_str().replace("http", "https"),
            "no secure connection to `127.0.0.1:".to_owned(),
            "https address",
        ),
    ] {
        let mut options = server.options();
        options.base_url = Url::parse(&base).unwrap();
        options.retry.attempts = 1;
        let failure = failure_with(&Client::new(options).unwrap()).await;
        assert_eq!((failure.error.kind(), failure.status), (Kind::Network, None));
        assert!(failure.error.message().contains(&message), "{failure:?}");
        assert!(hint(&failure.error).contains(advice), "{failure:?}");
    }
}

#[test]
fn addresses_that_would_give_the_token_away_are_refused() {
    let server = Scripted::new([]);
    for (base, message) in [
        ("http://vendor.example", "plain http"),
        ("http://10.0.0.1", "plain http"),
        ("ftp://vendor.example", "scheme `ftp`"),
        ("https://me:pa55@vendor.example", "a user name or a password"),
        ("https://vendor.example?key=pa55", "a query or a fragment"),
    ] {
        let mut options = server.options();
        options.base_url = Url::parse(base).unwrap();
        let error = Client::new(options).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.message().contains(message), "{error:?}");
        assert!(!format!("{error:?}").contains("pa55"), "{error:?}");
    }
    for base in [
        "http://localhost:1",
        "http://[::1]:1",
        "http://127.9.9.9",
        "https://vendor.example/v2",
    ] {
        let mut options = server.options();
        options.base_url = Url::parse(base).unwrap();
        assert!(Client::new(options).is_ok(), "{base}");
    }
}

#[tokio::test]
async fn the_stop_signal_ends_every_wait() {
    let slow = Answer::ok("[]").slow(Duration::from_secs(9));
    let pause = Answer::new(429, "").header("Retry-After", "60");
    for answer in [slow, pause, Answer::new(500, "")] {
        let server = Scripted::new([answer]);
        let (stopper, stop) = Stopper::new();
        let mut options = server.options();
        options.stop = stop;
        options.timeout = Duration::from_secs(20);
        options.retry.backoff = Duration::from_secs(3_600);
        options.retry.max_backoff = Duration::from_secs(3_600);
        let client = Client::new(options).unwrap();
        let start = Instant::now();
        let (answer, ()) = tokio::join!(get_with(&client), async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            stopper.stop();
        });
        assert_eq!(answer.unwrap_err().error.kind(), Kind::Stopped);
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn every_attempt_waits_for_its_turn() {
    let server = Scripted::new([Answer::new(500, ""), Answer::new(500, ""), Answer::ok("[]")]);
    let mut options = server.options();
    options.rate_limit = Some(RateLimit {
        requests: 2,
        per: Duration::from_millis(60),
        in_flight: 4,
    });
    let meter = Meter::new();
    let start = Instant::now();
    Client::new(options).unwrap().get(&request(), &meter).await.unwrap();
    // Three turns, two intervals of a twentieth more than 30 ms.
    assert!(start.elapsed() >= Duration::from_millis(63), "{:?}", start.elapsed());
    assert!(meter.counts().waited_ms > 0);
}

#[tokio::test]
async fn requests_under_way_are_bounded() {
    let slow = Answer::ok("[]").slow(Duration::from_millis(60));
    let server = Scripted::new(vec![slow; 4]);
    let mut options = server.options();
    options.rate_limit = Some(RateLimit {
        requests: 1000,
        per: Duration::from_millis(1),
        in_flight: 2,
    });
    let client = Client::new(options).unwrap();
    let start = Instant::now();
    futures::future::join_all((0..4).map(|_| get_with(&client))).await;
    // Three turns, two intervals of a twentieth more than 30 ms.
    assert!(start.elapsed() >= Duration::from_millis(63), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_pause_and_the_reason_for_it_are_told_while_it_lasts() {
    let server = Scripted::new([Answer::new(429, TOKEN).header("Retry-After", "60"), Answer::new(429, TOKEN)]);
    let (stopper, stop) = Stopper::new();
    let mut options = server.options();
    options.stop = stop;
    let client = Client::new(options).unwrap();
    let meter = Meter::new();
    let began = Instant::now();
    // Two requests of one table wait for the same pause: the time passes once.
    let (answer, _, waited) = tokio::join!(
        async {
            let request = request();
            client.get(&request, &meter).await
        },
        async {
            let request = request();
            tokio::time::sleep(Duration::from_millis(50)).await;
            client.get(&request, &meter).await
        },
        async {
            while meter.counts().waited_ms < 300 {
                assert!(began.elapsed() < Duration::from_secs(20), "a wait under way is not told");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let waited = meter.counts().waited_ms;
            assert!(
                u128::from(waited) <= began.elapsed().as_millis(),
                "{waited} ms waited of {:?}",
                began.elapsed()
            );
            stopper.stop();
            waited
        }
    );
    assert_eq!(answer.unwrap_err().error.kind(), Kind::Stopped);
    // A wait that was broken off is over, and counts as long as it lasted.
    let after = meter.counts().waited_ms;
    assert!(
        after >= waited && u128::from(after) <= began.elapsed().as_millis(),
        "{after} ms waited"
    );
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(meter.counts().waited_ms, after);
    let trouble = meter.trouble().unwrap();
    assert!(trouble.contains("answered 429") && trouble.contains("attempt 1 of 3"), "{trouble}");
    assert!(!trouble.contains(TOKEN), "{trouble}");

    let server = Scripted::new([Answer::new(500, ""), Answer::ok("[]")]);
    let meter = Meter::new();
    server.client().get(&request(), &meter).await.unwrap();
    assert_eq!(meter.trouble(), None, "it is over");
}
