//! One pass over a reply: the array of records, where each lies, what names it, the API's count and its mark of a next page.
//!
//! A reply without the array is an error and never the end of the data: vendors answer with an error body, a bare text or a page of
//! HTML under a status of success.

use std::ops::Range;

use bytes::Bytes;

use super::headers::Told;
use super::identity::{Identity, Namer, Picks};
use crate::error::{Error, Kind, Result};
use crate::json::{self, Malformed, Scanner, Value, key_matches};
use crate::schema::Records;
use crate::visible;

/// What a page looks like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    /// Where the array may be, tried in order.
    pub records: &'a [Records],
    /// The endpoint's last segment.
    pub endpoint: &'a str,
    /// The primary key, then the key to page by if there is one, then the times.
    pub picks: &'a Picks,
    /// How many columns of `picks` are the primary key.
    pub key_columns: usize,
    /// Whether one is the key to page by.
    pub marked: bool,
    /// Member that holds the total.
    pub count: Option<&'a str>,
    /// Member that is null on the last page.
    pub next: Option<&'a str>,
    pub namer: &'a Namer,
}

/// A page whose records were found.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    /// Valid UTF-8, well-formed JSON.
    pub body: Bytes,
    pub records: Vec<Record>,
    /// The API's own count of all records.
    pub count: Option<u64>,
    pub next: Next,
    /// What the headers say.
    pub told: Told,
    /// It is no page: the vendor found nothing for the row that was asked about.
    pub found_nothing: bool,
}

impl Envelope {
    /// The page with what came in the headers.
    pub fn with(self, told: Told) -> Self {
        Self {
            count: self.count.or(told.count),
            told,
            ..self
        }
    }
}

/// One record of a page.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub range: Range<usize>,
    pub identity: Identity,
    /// The identity is a key: two records that share it are the same row.
    pub named: bool,
    /// Where the key to page by lies, as it is written.
    pub mark: Option<Range<usize>>,
    /// Its key and its times: a row that is changed has another time, and may have moved.
    pub state: u64,
}

/// What the page says of a next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Absent,
    Null,
    Present,
}

/// Finds the records of a reply.
///
/// # Errors
/// [`Kind::Data`] where it is not a page.
pub(super) fn open(body: &Bytes, shape: Shape<'_>) -> Result<Envelope> {
    // Some servers put a byte order mark before JSON.
    let body = if body.starts_with(b"\xef\xbb\xbf") {
        body.slice(3..)
    } else {
        body.clone()
    };
    let text = std::str::from_utf8(&body).map_err(|error| {
        not_a_page(format!(
            "expected JSON in UTF-8, found another encoding at byte {}",
            error.valid_up_to()
        ))
    })?;
    let mut pass = Pass {
        shape,
        text,
        failure: None,
        scanner: Scanner::new(text),
        best: None,
        arrays: Vec::new(),
        members: Vec::new(),
        extras: [None, None],
        picked: Vec::new(),
    };
    let top = pass.top().map_err(|malformed| malformed_page(text, &malformed))?;
    let records = pass.chosen(top)?;
    let [count, next] = pass.extras;
    Ok(Envelope {
        records,
        count: count.and_then(|count| count.contents().unwrap_or(count.raw).parse().ok()),
        next: match next.map(|next| next.kind) {
            None => Next::Absent,
            Some(json::Kind::Null) => Next::Null,
            Some(_) => Next::Present,
        },
        told: Told::default(),
        found_nothing: false,
        body,
    })
}

/// What `value` names in an error.
fn kind_name(kind: json::Kind) -> &'static str {
    match kind {
        json::Kind::Null => "null",
        json::Kind::True | json::Kind::False => "a boolean",
        json::Kind::Number => "a number",
        json::Kind::String => "a text",
        json::Kind::Array => "an array",
        json::Kind::Object => "an object",
    }
}

fn not_a_page(message: String) -> Error {
    Error::new(Kind::Data, message)
        .hint("the vendor answers something else than a page; if the records are there, `records` in the declaration says where")
}

fn malformed_page(text: &str, malformed: &Malformed) -> Error {
    if text.trim_start().starts_with('<') {
        return not_a_page("expected JSON, found HTML or XML".to_owned());
    }
    if malformed.at >= text.len() {
        return not_a_page(format!(
            "expected {} at byte {}, found the end of the body",
            malformed.expected, malformed.at
        ));
    }
    not_a_page(format!(
        "expected {} at byte {}, found something that is not JSON",
        malformed.expected, malformed.at
    ))
}

/// Members whose array, if it is the only one, holds errors and not records.
const NOT_RECORDS: [&str; 6] = ["error", "errors", "erro", "erros", "messages", "warnings"];

/// Members by which a reply says that it failed, whatever else it holds.
const FAILURES: [&str; 4] = ["error", "errors", "erro", "erros"];

struct Pass<'s, 'a> {
    shape: Shape<'s>,
    text: &'a str,
    /// The member by which the reply says that it failed.
    failure: Option<&'a str>,
    scanner: Scanner<'a>,
    best: Option<Candidate>,
    /// Names of the members that are arrays.
    arrays: Vec<&'a str>,
    /// All members, for the error.
    members: Vec<(&'a str, json::Kind)>,
    /// The count and the next page.
    extras: [Option<Value<'a>>; 2],
    picked: Vec<Option<Value<'a>>>,
}

/// An array that may be the one.
struct Candidate {
    /// Place in the declaration's list.
    rank: usize,
    records: Vec<Record>,
    /// The first element that is not an object.
    odd: Option<(usize, json::Kind)>,
}

impl<'a> Pass<'_, 'a> {
    /// Passes the whole text; what it is.
    fn top(&mut self) -> Result<json::Kind, Malformed> {
        let kind = self.scanner.peek()?;
        match kind {
            json::Kind::Array => match self.rank(|records| *records == Records::Root) {
                Some(rank) => self.array(rank)?,
                None => drop(self.scanner.skip()?),
            },
            json::Kind::Object => {
                self.scanner.begin_object()?;
                while let Some(name) = self.scanner.next_key()? {
                    self.member(name)?;
                }
            }
            _ => drop(self.scanner.skip()?),
        }
        self.scanner.end()?;
        Ok(kind)
    }

    fn member(&mut self, name: &'a str) -> Result<(), Malformed> {
        let kind = self.scanner.peek()?;
        self.members.push((name, kind));
        if is_failure(name) && !self.is_place(name) {
            let value = self.scanner.skip()?;
            self.failure = self.failure.or(says_something(&value).then_some(name));
            return Ok(());
        }
        if kind == json::Kind::Array {
            if !NOT_RECORDS.iter().any(|odd| key_matches(name, odd)) {
                self.arrays.push(name);
            }
            let endpoint = self.shape.endpoint;
            let rank = self
                .rank(|records| match records {
                    Records::Member(member) => key_matches(name, member),
                    Records::Endpoint => key_matches(name, endpoint),
                    Records::Root | Records::Only => false,
                })
                .or_else(|| match self.arrays[..] {
                    [only] if only == name => self.rank(|records| *records == Records::Only),
                    _ => None,
                });
            if let Some(rank) = rank.filter(|rank| self.best.as_ref().is_none_or(|best| *rank < best.rank)) {
                return self.array(rank);
            }
        }
        let wanted = [self.shape.count, self.shape.next];
        let wanted = wanted
            .iter()
            .enumerate()
            .filter_map(|(at, name)| Some((at, (*name)?)))
            .collect::<Vec<_>>();
        if !dig(&mut self.scanner, name, &wanted, &mut self.extras)? {
            self.scanner.skip()?;
        }
        Ok(())
    }

    fn rank(&self, is: impl Fn(&Records) -> bool) -> Option<usize> {
        self.shape.records.iter().position(is)
    }

    fn array(&mut self, rank: usize) -> Result<(), Malformed> {
        let mut candidate = Candidate {
            rank,
            records: Vec::new(),
            odd: None,
        };
        self.scanner.begin_array()?;
        while self.scanner.next_element()? {
            match self.scanner.peek()? {
                json::Kind::Object => {
                    let record = self.record()?;
                    candidate.records.push(record);
                }
                kind => {
                    candidate.odd = candidate.odd.or(Some((candidate.records.len(), kind)));
                    self.scanner.skip()?;
                }
            }
        }
        self.best = Some(candidate);
        Ok(())
    }

    fn record(&mut self) -> Result<Record, Malformed> {
        let start = self.scanner.at();
        self.shape.picks.pick(&mut self.scanner, &mut self.picked)?;
        let range = start..self.scanner.at();
        let (key, rest) = self.picked.split_at(self.shape.key_columns.min(self.picked.len()));
        let (mark, times) = rest.split_at(usize::from(self.shape.marked).min(rest.len()));
        let whole = self.text.get(range.clone()).unwrap_or_default();
        let parts = self.shape.picks.parts(key);
        // Where records have no key at all, equal texts are equal rows; where one merely lacks its key, nothing is known.
        let named = parts.is_some() || key.is_empty();
        let (identity, state) = match parts {
            Some(parts) => {
                let times = times.iter().flatten().map(|value| value.raw);
                let state = self.shape.namer.state(parts.iter().copied().chain(times));
                (self.shape.namer.key(parts.iter().copied()), state)
            }
            None => (self.shape.namer.whole(whole), self.shape.namer.state(std::iter::once(whole))),
        };
        Ok(Record {
            range,
            identity,
            named,
            state,
            mark: mark.first().copied().flatten().map(|value| {
                let start = value.raw.as_ptr() as usize - self.text.as_ptr() as usize;
                start..start + value.raw.len()
            }),
        })
    }

    fn chosen(&mut self, top: json::Kind) -> Result<Vec<Record>> {
        let Some(best) = self.best.take() else {
            return Err(not_a_page(format!(
                "expected an array of records {}, found {}",
                self.places(),
                self.found(top)
            )));
        };
        if let Some(name) = self.failure {
            return Err(not_a_page(format!("expected a page, found records beside the member `{name}`")));
        }
        if matches!(self.shape.records.get(best.rank), Some(Records::Only)) && self.arrays.len() > 1 {
            return Err(not_a_page(format!(
                "expected one array in the page, found {}: {}",
                self.arrays.len(),
                self.arrays
                    .iter()
                    .take(10)
                    .map(|name| visible::name(name))
                    .collect::<Vec<_>>()
                    .join(", ")
            )));
        }
        if let Some((at, kind)) = best.odd {
            return Err(not_a_page(format!(
                "expected an object as record {at} of the page, found {}",
                kind_name(kind)
            )));
        }
        Ok(best.records)
    }

    /// Whether the declaration names this member as a place of records.
    fn is_place(&self, name: &str) -> bool {
        self.shape.records.iter().any(|records| match records {
            Records::Member(member) => key_matches(name, member),
            Records::Endpoint => key_matches(name, self.shape.endpoint),
            Records::Root | Records::Only => false,
        })
    }

    fn places(&self) -> String {
        let places: Vec<String> = self
            .shape
            .records
            .iter()
            .map(|records| match records {
                Records::Member(name) => format!("in `{name}`"),
                Records::Root => "as the page itself".to_owned(),
                Records::Endpoint => format!("in `{}`", self.shape.endpoint),
                Records::Only => "in the only array".to_owned(),
            })
            .collect();
        places.join(" or ")
    }

    fn found(&self, top: json::Kind) -> String {
        let place = self.members.iter().find(|(name, _)| self.is_place(name));
        match (place, top) {
            (Some((_, kind)), _) => format!("{} there", kind_name(*kind)),
            (None, json::Kind::Object) if self.members.is_empty() => "an empty object".to_owned(),
            (None, json::Kind::Object) => {
                let names: Vec<String> = self.members.iter().take(10).map(|(name, _)| visible::name(name)).collect();
                format!("an object with {}", names.join(", "))
            }
            (None, kind) => kind_name(kind).to_owned(),
        }
    }
}

pub(super) fn is_failure(name: &str) -> bool {
    FAILURES.iter().any(|failure| key_matches(name, failure))
}

/// Whether the value of such a member says that something failed: vendors send them empty with every reply as well.
///
/// | value | |
/// |---|---|
/// | `null`, `false`, `0`, `""`, `[]`, `{ }` | nothing |
/// | anything else | something |
fn says_something(value: &Value<'_>) -> bool {
    match value.kind {
        json::Kind::Null | json::Kind::False => false,
        json::Kind::True => true,
        json::Kind::Number => value.raw != "0",
        json::Kind::String => value.raw != "\"\"",
        json::Kind::Array | json::Kind::Object => value
            .raw
            .get(1..value.raw.len() - 1)
            .is_some_and(|inside| !inside.trim().is_empty()),
    }
}

/// Passes a member's value if it is wanted or leads to what is; a wanted name is a member's whole name (`@odata.count`) or dotted (`status.count`).
fn dig<'a>(scanner: &mut Scanner<'a>, name: &str, wanted: &[(usize, &str)], found: &mut [Option<Value<'a>>; 2]) -> Result<bool, Malformed> {
    if let Some((slot, _)) = wanted.iter().find(|(_, wanted)| key_matches(name, wanted)) {
        found[*slot] = Some(scanner.skip()?);
        return Ok(true);
    }
    let inside: Vec<(usize, &str)> = wanted
        .iter()
        .filter_map(|(slot, wanted)| {
            let (first, rest) = wanted.split_once('.')?;
            key_matches(name, first).then_some((*slot, rest))
        })
        .collect();
    if inside.is_empty() || scanner.peek()? != json::Kind::Object {
        return Ok(false);
    }
    scanner.begin_object()?;
    while let Some(name) = scanner.next_key()? {
        if !dig(scanner, name, &inside, found)? {
            scanner.skip()?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODATA: &[&str] = &["value"];
    const SENSEDATA: &[&str] = &["@endpoint", "@root", "data", "@only"];
    const NECTAR: &[&str] = &["@root", "data"];

    fn opened(body: &[u8], records: &[&str]) -> Result<Envelope> {
        let records: Vec<Records> = records.iter().map(|name| Records::from((*name).to_owned())).collect();
        let mut picks = Picks::default();
        picks.column([vec!["id".to_owned()]]);
        picks.column([vec!["id".to_owned()]]);
        open(
            &Bytes::copy_from_slice(body),
            Shape {
                records: &records,
                endpoint: "customers",
                picks: &picks,
                key_columns: 1,
                marked: true,
                count: Some("@odata.count"),
                next: Some("page.next"),
                namer: &Namer::default(),
            },
        )
    }

    fn texts(page: &Envelope) -> Vec<&str> {
        page.records
            .iter()
            .map(|record| std::str::from_utf8(&page.body[record.range.clone()]).unwrap())
            .collect()
    }

    #[test]
    fn the_array_is_found_where_the_declaration_says() {
        let a = r#"{"id":1}"#;
        for (body, records) in [
            (format!(r#"{{"@odata.context":"x","value":[{a}],"more":[]}}"#), ODATA),
            (format!(r#"{{"VALUE":[ {a} ]}}"#), ODATA),
            (format!("\u{feff}[{a}]"), NECTAR),
            (format!(r#"{{"data":[{a}]}}"#), NECTAR),
            (
                format!(r#"{{"errors":[],"data":[{{"id":9}}],"Customers":[{a}],"tags":[1]}}"#),
                SENSEDATA,
            ),
            (format!(r#"{{"tags":[1],"data":[{a}]}}"#), SENSEDATA),
            (format!(r#"{{"count":1,"list":[{a}],"errors":[]}}"#), SENSEDATA),
            (format!(" [\n{a}] "), SENSEDATA),
        ] {
            let page = opened(body.as_bytes(), records).unwrap_or_else(|error| panic!("{body}: {error:?}"));
            assert_eq!(texts(&page), [a], "{body}");
        }
    }

    #[test]
    fn what_is_no_page_is_an_error_that_says_what_it_is() {
        for (body, records, message) in [
            (&b""[..], ODATA, "found the end of the body"),
            (b"<!DOCTYPE html><html>", ODATA, "found HTML"),
            (b"Invalid token", NECTAR, "found something that is not JSON"),
            (br#""Erro""#, ODATA, "in `value`, found a text"),
            (br#"{"value":"Erro interno"}"#, ODATA, "in `value`, found a text there"),
            (br#"{"value":null}"#, ODATA, "found null there"),
            (br#"{"value":{"id":1}}"#, ODATA, "found an object there"),
            (br#"{"error":{"message":"x"}}"#, ODATA, "found an object with error"),
            (b"{}", ODATA, "found an empty object"),
            (b"[]", ODATA, "found an array"),
            (b"null", NECTAR, "as the page itself or in `data`, found null"),
            (
                br#"{"value":[{"id":1},null]}"#,
                ODATA,
                "an object as record 1 of the page, found null",
            ),
            (br#"{"value":["x"]}"#, ODATA, "an object as record 0 of the page, found a text"),
            (
                br#"{"a":[{}],"b":[{}]}"#,
                SENSEDATA,
                "expected one array in the page, found 2: a, b",
            ),
            (br#"{"errors":[{"code":1}]}"#, SENSEDATA, "found an object with errors"),
            (br#"{"value":[{"id":1}"#, ODATA, "found the end of the body"),
            (br#"{"value":[]} x"#, ODATA, "the end of the text at byte 13"),
            (b"{\"value\":[{\"a\":\"\xff\"}]}", ODATA, "UTF-8, found another encoding at byte 16"),
        ] {
            let error = opened(body, records).unwrap_err();
            let shown = String::from_utf8_lossy(body);
            assert_eq!(error.kind(), Kind::Data, "{shown}");
            assert!(error.message().contains(message), "{shown}: {error:?}");
        }
    }

    #[test]
    fn count_and_next_are_read_wherever_they_stand() {
        for (body, count, next) in [
            (r#"{"@odata.count":7,"value":[]}"#, Some(7), Next::Absent),
            (r#"{"value":[],"@odata.count":"7","page":{"x":1,"next":null}}"#, Some(7), Next::Null),
            (r#"{"page":{"Next":2},"value":[],"@odata.count":-1}"#, None, Next::Present),
            (r#"{"page":null,"value":[],"@odata":{"count":3}}"#, Some(3), Next::Absent),
            (r#"{"page.next":null,"value":[]}"#, None, Next::Null),
        ] {
            let page = opened(body.as_bytes(), ODATA).unwrap();
            assert_eq!((page.count, page.next), (count, next), "{body}");
        }
    }

    #[test]
    fn records_are_named_by_their_key_and_marked_by_the_key_to_page_by() {
        let page = opened(br#"{"value":[{"Id":"a"},{"x":1,"id":"a"},{"id":null},{"id":2}]}"#, ODATA).unwrap();
        let [a, same, unnamed, b] = &page.records[..] else {
            panic!("{page:?}");
        };
        assert_eq!(a.identity, same.identity);
        assert_ne!(a.identity, b.identity);
        assert_eq!([a.named, unnamed.named], [true, false]);
        assert_eq!(unnamed.mark, None);
        assert_eq!(&page.body[a.mark.clone().unwrap()], b"\"a\"");
    }
}
