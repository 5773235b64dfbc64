//! One attempt: a turn at the limit, a request, an answer to its last byte. Redirects are followed here, each with a turn of its own.

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::fault::{Fault, Then, host, transport};
use super::{Client, Meter, clock, quota};
use crate::error::Kind;

/// Redirects followed for one request.
const REDIRECTS: usize = 3;

/// An answer with its whole body.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, decompressed.
    pub body: Bytes,
    /// The headers.
    pub headers: HeaderMap,
    /// When the request was sent, by the vendor's clock: not later than what the reply shows.
    pub asked_at: DateTime<Utc>,
}

/// Sends the request once.
pub(super) async fn exchange(client: &Client, url: &Url, meter: &Meter) -> Result<Reply, Fault> {
    let mut url = url.clone();
    for _ in 0..=REDIRECTS {
        // First a place among the requests under way, then the turn: a turn must be used at once or it counts in the wrong window.
        let _place = client.in_flight.acquire().await;
        client.limiter.turn(meter).await;
        meter.request();
        let reply = match tokio::time::timeout(client.options.timeout, send(client, &url, meter)).await {
            Ok(reply) => reply?,
            Err(_) => {
                let what = format!("no complete answer within {} s", client.options.timeout.as_secs_f32());
                return Err(Fault::new(Kind::Network, what, Then::Retry)
                    .hint("the vendor is slow or silent: run again later, or raise `timeout` in its source.toml"));
            }
        };
        // A reset far away under a success is more likely a misread header than a quota; if it is one, a 429 will tell.
        if let Some(wait) = quota::reset(reply.status, &reply.headers, SystemTime::now()).filter(|wait| *wait <= quota::LONGEST_PAUSE) {
            client.limiter.pause(wait);
        }
        match redirect(&url, &reply)? {
            Some(target) => url = target,
            None => return Ok(reply),
        }
    }
    let what = format!("redirected more than {REDIRECTS} times, at last to {}", host(&url));
    Err(Fault::new(Kind::Refused, what, Then::Fail).hint("check `base_url`: the vendor's address may have moved"))
}

async fn send(client: &Client, url: &Url, meter: &Meter) -> Result<Reply, Fault> {
    let transport = |error: reqwest::Error| transport(&error, url, &client.options);
    let (sent, began) = (SystemTime::now(), Instant::now());
    let mut response = client.http.get(url.clone()).send().await.map_err(transport)?;
    let asked_at = clock::asked_at(response.headers(), sent, began.elapsed());
    let max_body = client.options.max_body;
    let too_large = || {
        Fault::new(
            Kind::Data,
            format!("the answer is larger than {} MiB", max_body / (1024 * 1024)),
            Then::Fail,
        )
        .hint("raise `max_body` in the vendor's source.toml, or lower the page's `size`")
    };
    // The length announced is that of the compressed body, so it is a beginning and not a bound.
    let announced = response
        .content_length()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0);
    if announced > max_body {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(announced);
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len() + chunk.len() > max_body {
            return Err(too_large());
        }
        meter.bytes(chunk.len());
        body.extend_from_slice(&chunk);
    }
    // Pages wait in memory for the decoder and are counted by their length.
    body.shrink_to_fit();
    Ok(Reply {
        status: response.status().as_u16(),
        body: Bytes::from(body),
        headers: std::mem::take(response.headers_mut()),
        asked_at,
    })
}

/// Where the answer sends us, if it does. The token goes along, so the way never leads to another host, port or weaker scheme.
fn redirect(from: &Url, reply: &Reply) -> Result<Option<Url>, Fault> {
    if !matches!(reply.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let refused = |what: String| Fault {
        status: Some(reply.status),
        ..Fault::new(Kind::Refused, what, Then::Fail)
            .hint("the token is sent to the host of `base_url` only; if the vendor has moved, set `base_url`")
    };
    let location = reply.headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let Some(target) = location.and_then(|location| from.join(location).ok()) else {
        return Err(refused(format!("answered {} without a valid address to go to", reply.status)));
    };
    if target.host() != from.host() {
        return Err(refused(format!("redirects to another host, {}", host(&target))));
    }
    let upgraded = from.scheme() == "http" && target.scheme() == "https";
    if target.scheme() != from.scheme() && !upgraded {
        return Err(refused(format!(
            "redirects from {} to {} on {}",
            from.scheme(),
            target.scheme(),
            host(&target)
        )));
    }
    if target.port_or_known_default() != from.port_or_known_default() && !upgraded {
        return Err(refused(format!("redirects to another port, {}", host(&target))));
    }
    if !target.username().is_empty() || target.password().is_some() {
        return Err(refused(format!("redirects to an address with a user name, at {}", host(&target))));
    }
    Ok(Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_on_the_host_and_never_lose_tls() {
        for (from, location, outcome) in [
            ("https://a.example/v1/x", "/v2/x", Ok("https://a.example/v2/x")),
            ("https://a.example/v1/x", "https://a.example/y?z=1", Ok("https://a.example/y?z=1")),
            ("http://127.0.0.1/x", "https://127.0.0.1/x", Ok("https://127.0.0.1/x")),
            ("https://a.example/x", "https://b.example/secret", Err("another host, `b.example`")),
            ("https://a.example/x", "//b.example/x", Err("another host, `b.example`")),
            (
                "https://a.example/x",
                "https://sub.a.example/x",
                Err("another host, `sub.a.example`"),
            ),
            ("https://a.example/x", "http://a.example/x", Err("from https to http")),
            ("https://a.example/x", "ftp://a.example/x", Err("from https to ftp")),
            (
                "https://a.example/x",
                "https://a.example:8443/x",
                Err("another port, `a.example:8443`"),
            ),
            ("https://a.example/x", "https://u:p@a.example/x", Err("with a user name")),
            ("https://a.example/x", "https://", Err("without a valid address")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, location.parse().unwrap());
            let reply = Reply {
                status: 307,
                body: Bytes::new(),
                headers,
                asked_at: DateTime::UNIX_EPOCH,
            };
            match (redirect(&Url::parse(from).unwrap(), &reply), outcome) {
                (Ok(target), Ok(expected)) => assert_eq!(target.unwrap().as_str(), expected),
                (Err(fault), Err(expected)) => assert!(fault.what.contains(expected), "{}", fault.what),
                (got, _) => panic!("{from} {location}: {got:?}"),
            }
        }
    }
}
