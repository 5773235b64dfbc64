//! A reply that is no page at first sight: another character set, or single values and records that cannot be read.
//!
//! | the reply | taken |
//! |---|---|
//! | not UTF-8, and its Content-Type says ISO-8859-1 or Windows-1252 | at once, decoded from that |
//! | with values that cannot be read, or with elements that are no objects, inside the array of records | when it came a second time: the first may have been damaged on the way |
//! | anything else: damaged outside its records, cut short, a structure that is not that of JSON | never |
//!
//! Nothing here is done to a page that is well-formed.

use std::sync::Arc;

use bytes::Bytes;
use encoding_rs::{Encoding, WINDOWS_1252};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use sha2::{Digest, Sha256};

use super::envelope::{Envelope, Shape, malformed_page, open, read, without_mark};
use crate::error::{Error, Result};
use crate::http::Reply;
use crate::json::mend::{Mended, mend};
use crate::page::{Damage, Damaged, Flaw};
use crate::store::hex;

/// A reply whose unreadable values are replaced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mend<'m> {
    /// As it came.
    pub body: &'m [u8],
    pub mended: &'m Mended,
    /// What the replacements begin with.
    pub marker: &'m str,
}

impl Mend<'_> {
    /// What stands for a piece of the mended text: equal for equal bytes, whatever the markers are.
    pub fn sum(&self, piece: &std::ops::Range<usize>) -> String {
        let bytes = self.body.get(self.mended.origin(piece)).unwrap_or_default();
        hex(&Sha256::digest(bytes))
    }

    /// Whether there is a marker in it.
    pub fn is_in(&self, piece: &std::ops::Range<usize>) -> bool {
        let before = self.mended.flaws.partition_point(|flaw| flaw.at.end <= piece.start);
        self.mended.flaws.get(before).is_some_and(|flaw| flaw.at.start < piece.end)
    }
}

/// What can be taken of a reply that is no page, for this reason. `again`: it was no page the time before either.
///
/// # Errors
/// The reason, or that of the reply once it is decoded.
pub(super) fn second_look(reply: &Reply, shape: Shape<'_>, again: bool, reason: Error) -> Result<Envelope> {
    let (body, reason) = match decoded(&reply.body, &reply.headers) {
        None => (reply.body.clone(), reason),
        Some(body) => match open(&body, shape) {
            Ok(page) => return Ok(page),
            Err(reason) => (body, reason),
        },
    };
    match again {
        true => salvage(&body, shape).map_err(|_| reason),
        false => Err(reason),
    }
}

/// The records of a reply, with a marker for each value that cannot be read.
fn salvage(body: &Bytes, shape: Shape<'_>) -> Result<Envelope> {
    let whole = without_mark(body);
    let skipped = body.len() - whole.len();
    let marker = marker();
    let mended = mend(&whole, &marker).map_err(|malformed| malformed_page("", &malformed))?;
    let mend = Mend {
        body: &whole,
        mended: &mended,
        marker: &marker,
    };
    let mut page = read(&mended.text, shape, Some(mend))?;
    page.body = Bytes::from(mended.text.clone());
    let outside = || Error::new(crate::error::Kind::Data, "damaged outside its records");
    let (mut records, mut inside) = (Vec::new(), 0);
    for record in &page.records {
        let holds = mended.flaws.iter().skip(inside).take_while(|flaw| flaw.at.start < record.range.end);
        let mut flaws = 0;
        for flaw in holds {
            if flaw.at.start < record.range.start {
                return Err(outside());
            }
            flaws += 1;
        }
        inside += flaws;
        if flaws > 0 || !page.body.get(record.range.clone()).is_some_and(|text| text.starts_with(b"{")) {
            let origin = mended.origin(&record.range);
            records.push(Damaged {
                at: record.range.start,
                origin: origin.start + skipped..origin.end + skipped,
                sha256: mend.sum(&record.range),
            });
        }
    }
    // What was said around the records may be what tells that they are not all, or that they are none.
    if inside < mended.flaws.len() {
        return Err(outside());
    }
    let flaws = mended.flaws.iter().map(|flaw| Flaw {
        origin: flaw.origin.start + skipped..flaw.origin.end + skipped,
        why: flaw.why,
    });
    page.damage = Some(Arc::new(Damage {
        flaws: flaws.collect(),
        marker,
        records,
    }));
    Ok(page)
}

/// Half of a surrogate pair, which no column takes, and 128 random bits, which no vendor can have written.
fn marker() -> String {
    format!(r"\ud800{:032x}=", fastrand::u128(..))
}

/// The body in UTF-8, where it is not and its Content-Type says what else it is.
fn decoded(body: &Bytes, headers: &HeaderMap) -> Option<Bytes> {
    if !is_latin(headers) || !is_rather_not_utf8(body) {
        return None;
    }
    // Every byte is a character there.
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(body);
    Some(Bytes::from(text.into_owned()))
}

/// Whether the Content-Type says ISO-8859-1 or Windows-1252, which are one: a text in the first that holds characters of the second means them.
///
/// | Content-Type | is |
/// |---|---|
/// | `application/json; charset=ISO-8859-1`, `text/json;charset="latin1"`, `x; CharSet=windows-1252` | yes |
/// | `application/json`, `application/json; charset=utf-8`, `x; charset=us-ascii`, `x; charset=iso-8859-15` | no |
fn is_latin(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parameters = content_type.split(';').skip(1);
    let charset = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches(['"', '\'']).to_ascii_lowercase());
    // What calls itself ASCII and is not says nothing of what it is.
    charset.is_some_and(|label| !label.contains("ascii") && Encoding::for_label(label.as_bytes()) == Some(WINDOWS_1252))
}

/// Whether what is not UTF-8 outweighs the characters that are: a declaration is often wrong, and one damaged byte must not turn each `ç` of a page in UTF-8 into
/// `Ã§`.
fn is_rather_not_utf8(body: &[u8]) -> bool {
    let (mut broken, mut characters) = (0_usize, 0_usize);
    for chunk in body.utf8_chunks() {
        characters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    broken > characters
}

#[cfg(test)]
mod tests;
