//! Replies that are no page and still an answer: that nothing more follows, that nothing was found, or one record by itself.
//!
//! | reply | declared by | answer |
//! |---|---|---|
//! | `{"value": null}` where `value` is a place of records | `ends = ["null"]` | the end |
//! | 204 | `ends = ["no_content"]` | the end |
//! | 200 with an empty body | `ends = ["empty_body"]` | the end |
//! | `{"message": "..."}`, to a request for one row of another table | `look_up = { nothing = ["message"] }` | nothing for that row |
//! | `{"id": 7, ...}`, to such a request | `look_up = { bare = true }` | one record |
//!
//! An end is believed after pages were read, with as many rows as the API counted if it did; as the first page, only where the reply
//! itself counts 0. Throttles and broken servers send the same replies.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::envelope::{Envelope, Shape, is_failure, open};
use super::headers::Told;
use super::pagination::Pager;
use crate::http::Reply;
use crate::json::key_matches;
use crate::schema::{End, Fetch, Records};

/// The page that stands for a reply which is none; nothing where it says nothing. `one_row`: the request is for one row of another table.
pub(super) fn answer(reply: &Reply, told: Told, fetch: &Fetch, shape: Shape<'_>, pager: &Pager<'_>, one_row: bool) -> Option<Envelope> {
    let body = reply.body.trim_ascii();
    let end = |count: Option<u64>| {
        let believed = pager.takes_end(count.or(told.count));
        believed
            .then(|| none(shape))
            .flatten()
            .map(|page| Envelope { count, ..page }.with(told))
    };
    if reply.status == 204 || body.is_empty() {
        let kind = if reply.status == 204 { End::NoContent } else { End::EmptyBody };
        return fetch.ends.contains(&kind).then(|| end(None)).flatten();
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    let Value::Object(object) = &value else {
        let is_end = value.is_null() && fetch.ends.contains(&End::Null) && fetch.records.contains(&Records::Root);
        return is_end.then(|| end(None)).flatten();
    };
    if object.iter().any(|(name, value)| is_failure(name) && !is_empty(value)) {
        return None;
    }
    if fetch.ends.contains(&End::Null) && has_null_place(object, shape) {
        return end(shape.count.and_then(|count| count_in(object, count)));
    }
    if !one_row {
        return None;
    }
    let record = one(body, shape);
    if record.is_some() {
        return record.filter(|_| fetch.look_up.bare).map(|page| page.with(told));
    }
    let is_plain = object.values().all(|value| !value.is_array() && !value.is_object());
    let says_so = |name: &String| fetch.look_up.nothing.iter().any(|nothing| key_matches(name, nothing));
    let is_nothing = is_plain && object.iter().any(|(name, value)| value.is_string() && says_so(name));
    is_nothing.then(|| none(shape)).flatten().map(|page| {
        Envelope {
            found_nothing: true,
            ..page
        }
        .with(told)
    })
}

/// A page without records.
fn none(shape: Shape<'_>) -> Option<Envelope> {
    let records = [Records::Root];
    open(
        &Bytes::from_static(b"[]"),
        Shape {
            records: &records,
            ..shape
        },
    )
    .ok()
}

/// The page of this object alone, if it has the key.
fn one(object: &[u8], shape: Shape<'_>) -> Option<Envelope> {
    let records = [Records::Root];
    let body = [b"[", object, b"]"].concat();
    let page = open(
        &body.into(),
        Shape {
            records: &records,
            ..shape
        },
    )
    .ok()?;
    let has_key = shape.key_columns > 0 && page.records.iter().all(|record| record.named);
    has_key.then_some(page)
}

/// Whether a member that is a place of records is null.
fn has_null_place(object: &Map<String, Value>, shape: Shape<'_>) -> bool {
    object.iter().any(|(name, value)| {
        value.is_null()
            && shape.records.iter().any(|records| match records {
                Records::Member(member) => key_matches(name, member),
                Records::Endpoint => key_matches(name, shape.endpoint),
                Records::Root | Records::Only => false,
            })
    })
}

/// The number in a member, by its whole name or a dotted one.
fn count_in(object: &Map<String, Value>, path: &str) -> Option<u64> {
    let member = |name: &str| object.iter().find(|(known, _)| key_matches(known, name)).map(|(_, value)| value);
    if let Some(value) = member(path) {
        return value.as_u64().or_else(|| value.as_str()?.parse().ok());
    }
    let (first, rest) = path.split_once('.')?;
    count_in(member(first)?.as_object()?, rest)
}

/// Whether a member says nothing although it is there.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(array) => array.is_empty(),
        Value::Object(object) => object.is_empty(),
    }
}
