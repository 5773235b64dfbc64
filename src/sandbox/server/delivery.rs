//! How an answer goes out: whole, cut or in drips.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use hyper::{Response, StatusCode};

use crate::sandbox::ask::Answer;

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How the bytes of an answer reach the client.
pub(super) enum Delivery {
    Whole,
    /// Half of the promised length, then the connection closes.
    Cut,
    /// In pieces with pauses, about a second in all.
    Dripped,
}

/// The answer as the client gets it.
pub(super) fn respond(answer: Answer, delivery: Delivery) -> Response<Body> {
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
