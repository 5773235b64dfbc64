//! From page to page: what to ask for next, given what the page held. A [`Pager`] makes no requests.
//!
//! | variant | next | end |
//! |---|---|---|
//! | keyset | above the last key, which must have grown from record to record | an empty page |
//! | offset | after the rows returned, repeated ones included | an empty page; repeated pages are an error |
//! | page | the next number | an empty page, one without an unseen record, or `next` there and null |
//! | single | | the first page; as many rows as the cap are an error |
//!
//! A short page is never the end, and a link in a reply is never followed: vendors send both in the middle of the data and after it. An
//! empty page that comes before as many rows as the API counted, or first and without the count that was asked for, is asked for once more: one
//! vendor answers so when it throttles.

use super::envelope::Next;
use crate::error::{Error, Kind, Result};
use crate::json::unescape;
use crate::schema::Pagination;

/// Pages in a row without an unseen record after which the vendor is taken to ignore the offset. One may come of rows
/// inserted before the offset meanwhile.
const REPEATS: u32 = 2;

/// The state of one walk through a table, a slice of it, or the rows of one parent.
#[derive(Debug)]
pub(super) struct Pager<'a> {
    pagination: &'a Pagination,
    /// Instead of the declaration's, where one can be asked for.
    size: Option<u32>,
    at: At,
    rows: u64,
    counted: Option<u64>,
    asked_again: bool,
    repeats: u32,
}

/// What a page held.
#[derive(Debug)]
pub(super) struct Held<'a> {
    /// Keys to page by, as they are written; one for each record.
    pub marks: Vec<Option<&'a str>>,
    /// Records not met before in this walk.
    pub unseen: usize,
    pub next: Next,
    pub counted: Option<u64>,
}

/// What follows a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Next,
    /// The same page, after a while.
    Again,
    End,
}

#[derive(Debug, Clone, PartialEq)]
enum At {
    Start,
    Above(Mark),
    Offset(u64),
    Page(u32),
}

impl<'a> Pager<'a> {
    pub fn new(pagination: &'a Pagination) -> Self {
        Self {
            pagination,
            size: None,
            at: At::Start,
            rows: 0,
            counted: None,
            asked_again: false,
            repeats: 0,
        }
    }

    /// Pages of one row, where the vendor lets a size be asked for.
    pub fn small(pagination: &'a Pagination) -> Self {
        Self {
            size: Some(1),
            ..Self::new(pagination)
        }
    }

    /// No page was read yet.
    pub fn at_start(&self) -> bool {
        self.at == At::Start
    }

    /// Unseen rows of this walk.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The API's own count, once the first page was read.
    pub fn counted(&self) -> Option<u64> {
        self.counted
    }

    /// Whether the pagination brings an order of its own, which another would break.
    pub fn ordered(&self) -> bool {
        match self.pagination {
            Pagination::Keyset { .. } => true,
            Pagination::Offset { order, .. } => order.is_some(),
            Pagination::Page { .. } | Pagination::Single { .. } => false,
        }
    }

    /// Query parameters of the page ahead.
    pub fn params(&self) -> Vec<(&'a str, String)> {
        let size = |declared: u32| self.size.unwrap_or(declared).to_string();
        let mut params = Vec::new();
        match self.pagination {
            Pagination::Keyset {
                filter_param,
                filter,
                order_param,
                order,
                size_param,
                size: declared,
                ..
            } => {
                if let At::Above(mark) = &self.at {
                    params.push((filter_param.as_str(), filter.replace("{key}", &mark.literal())));
                }
                params.push((order_param, order.clone()));
                params.push((size_param, size(*declared)));
            }
            Pagination::Offset {
                offset_param,
                size_param,
                size: declared,
                order_param,
                order,
                ..
            } => {
                if let (Some(param), Some(order)) = (order_param, order) {
                    params.push((param, order.clone()));
                }
                params.push((size_param, size(*declared)));
                params.push((offset_param, if let At::Offset(offset) = self.at { offset } else { 0 }.to_string()));
            }
            Pagination::Page {
                page_param,
                first,
                size_param,
                size: declared,
                ..
            } => {
                params.push((page_param, if let At::Page(page) = self.at { page } else { *first }.to_string()));
                if let (Some(param), Some(declared)) = (size_param, declared) {
                    params.push((param, size(*declared)));
                }
            }
            Pagination::Single { params: fixed, .. } => params.extend(fixed.iter().map(|(name, value)| (name.as_str(), value.clone()))),
        }
        if let Some(count) = self.pagination.count().filter(|_| self.at_start()) {
            params.extend(count.params.iter().map(|(name, value)| (name.as_str(), value.clone())));
        }
        params
    }

    /// Takes in what the page held.
    ///
    /// # Errors
    /// [`Kind::Data`] where going on, or ending, would lose or double rows.
    pub fn advance(&mut self, held: &Held<'_>) -> Result<Step> {
        let start = self.at_start();
        if start {
            self.counted = held.counted;
        }
        if held.marks.is_empty() {
            return Ok(self.empty());
        }
        self.asked_again = false;
        self.rows += held.unseen as u64;
        self.repeats = if held.unseen == 0 { self.repeats + 1 } else { 0 };
        match self.pagination {
            Pagination::Keyset { key, .. } => {
                self.at = At::Above(self.grown(key, &held.marks)?);
                Ok(Step::Next)
            }
            Pagination::Offset { offset_param, .. } => {
                if self.repeats >= REPEATS {
                    return Err(Error::new(
                        Kind::Data,
                        format!("expected other rows for another `{offset_param}`, found {REPEATS} pages in a row with rows already read"),
                    )
                    .hint("the vendor repeats a page: it may ignore the offset here; `pagination` in the declaration says how the table is paged"));
                }
                let offset = if let At::Offset(offset) = self.at { offset } else { 0 };
                self.at = At::Offset(offset + held.marks.len() as u64);
                Ok(Step::Next)
            }
            Pagination::Page { first, .. } => {
                let page = if let At::Page(page) = self.at { page } else { *first };
                self.at = At::Page(page.saturating_add(1));
                // One vendor repeats its last page for every number beyond it.
                let end = held.unseen == 0 || held.next == Next::Null || page == u32::MAX;
                Ok(if end { Step::End } else { Step::Next })
            }
            Pagination::Single { cap, .. } => match cap {
                Some(cap) if held.marks.len() >= *cap => Err(Error::new(
                    Kind::Data,
                    format!("expected fewer than {cap} rows on the only page, found {}", held.marks.len()),
                )
                .hint("the vendor cuts this page and offers no next one: rows would be lost; `pagination` in the declaration says how the table is paged")),
                _ => Ok(Step::End),
            },
        }
    }

    fn empty(&mut self) -> Step {
        // A first page without the count that was asked for is no answer to believe either.
        let uncounted = self.at_start() && self.counted.is_none() && self.pagination.count().is_some();
        let early = uncounted || self.counted.is_some_and(|counted| self.rows < counted);
        if early && !std::mem::replace(&mut self.asked_again, true) {
            return Step::Again;
        }
        Step::End
    }

    /// The last key of the page, if every key is above the one before it: else a row was passed over, or will come again.
    fn grown(&self, key: &str, marks: &[Option<&str>]) -> Result<Mark> {
        let mut last = match &self.at {
            At::Above(mark) => Some(mark.clone()),
            _ => None,
        };
        for (at, mark) in marks.iter().enumerate() {
            let wrong = |expected: String, found: &str, hint: &str| {
                Error::new(Kind::Data, format!("expected {expected} in record {at} of the page, found {found}")).hint(hint)
            };
            let Some(mark) = mark.and_then(Mark::new) else {
                return Err(wrong(
                    format!("the key `{key}`"),
                    "none",
                    "the table is paged by this key; `pagination` in the declaration says by which",
                ));
            };
            if let Some(last) = last.as_ref().filter(|last| !mark.is_above(last)) {
                let hint = match at {
                    0 => {
                        "the vendor ignored the filter on the key: it may not be known here; `pagination` in the declaration says how the table is paged"
                    }
                    _ => {
                        "the vendor ignored the order by the key: it may not be known here; `pagination` in the declaration says how the table is paged"
                    }
                };
                return Err(wrong(format!("a `{key}` above {}", last.text), &mark.text, hint));
            }
            last = Some(mark);
        }
        last.ok_or_else(|| Error::defect("a page without records has no last key"))
    }
}

/// A key to page by.
#[derive(Debug, Clone, PartialEq)]
struct Mark {
    text: String,
    integer: Option<i128>,
    number: Option<f64>,
}

impl Mark {
    /// From a scalar as it is written in JSON.
    fn new(raw: &str) -> Option<Self> {
        let text = match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
            Some(inner) => unescape(inner).ok()?.into_owned(),
            None => raw.to_owned(),
        };
        (!raw.starts_with(['{', '['])).then(|| Self {
            integer: text.parse().ok(),
            number: text.parse().ok().filter(|number: &f64| number.is_finite()),
            text,
        })
    }

    /// Integers by their value, other numbers likewise, else the texts.
    fn is_above(&self, other: &Self) -> bool {
        match (self.integer, other.integer, self.number, other.number) {
            (Some(this), Some(other), ..) => this > other,
            (_, _, Some(this), Some(other)) => this > other,
            _ => self.text > other.text,
        }
    }

    /// As OData writes it, without quotes around it: a quote in it is doubled.
    fn literal(&self) -> String {
        self.text.replace('\'', "''")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pagination(text: &str) -> Pagination {
        toml::from_str(text).unwrap()
    }

    fn keyset() -> Pagination {
        pagination(
            r#"type = "keyset"
            key = "Id"
            filter_param = "$filter"
            filter = "Id gt {key}"
            order_param = "$orderby"
            order = "Id"
            size_param = "$top"
            size = 300
            count = { params = { "$count" = "true" }, member = "@odata.count" }"#,
        )
    }

    fn offset() -> Pagination {
        pagination(
            "type = \"offset\"\noffset_param = \"$skip\"\nsize_param = \"$top\"\nsize = 500\norder_param = \"$orderby\"\norder = \"id\"",
        )
    }

    fn page() -> Pagination {
        pagination("type = \"page\"\npage_param = \"page\"\nsize_param = \"limit\"\nsize = 1000\nnext = \"next_page\"")
    }

    fn held<'a>(marks: &[&'a str]) -> Held<'a> {
        Held {
            marks: marks.iter().copied().map(Some).collect(),
            unseen: marks.len(),
            next: Next::Absent,
            counted: None,
        }
    }

    fn query(pager: &Pager) -> String {
        let params: Vec<String> = pager.params().iter().map(|(name, value)| format!("{name}={value}")).collect();
        params.join("&")
    }

    #[test]
    fn keyset_reads_above_the_last_key_until_an_empty_page() {
        let pagination = keyset();
        let mut pager = Pager::new(&pagination);
        assert_eq!(query(&pager), "$orderby=Id&$top=300&$count=true");
        assert_eq!(pager.advance(&held(&["9", "10"])).unwrap(), Step::Next);
        assert_eq!(query(&pager), "$filter=Id gt 10&$orderby=Id&$top=300");
        assert_eq!(pager.advance(&held(&["11"])).unwrap(), Step::Next, "a short page is not the end");
        assert_eq!(query(&pager), "$filter=Id gt 11&$orderby=Id&$top=300");
        assert_eq!(pager.advance(&held(&[])).unwrap(), Step::End);
        assert_eq!(query(&Pager::small(&pagination)), "$orderby=Id&$top=1&$count=true");
    }

    #[test]
    fn keyset_keys_must_grow() {
        let pagination = keyset();
        for (pages, message, advice) in [
            (
                &[&["9", "10"][..], &["10", "11"]][..],
                "a `Id` above 10 in record 0 of the page, found 10",
                "ignored the filter",
            ),
            (
                &[&["9", "10"], &["1", "2"]],
                "a `Id` above 10 in record 0 of the page, found 1",
                "ignored the filter",
            ),
            (
                &[&["9", "10", "10"]],
                "a `Id` above 10 in record 2 of the page, found 10",
                "ignored the order",
            ),
            (
                &[&["9", "8"]],
                "a `Id` above 9 in record 1 of the page, found 8",
                "ignored the order",
            ),
            (&[&["\"b\"", "\"a\""]], "above b in record 1", "ignored the order"),
            (&[&["[1]"]], "the key `Id` in record 0", "paged by this key"),
        ] {
            let mut pager = Pager::new(&pagination);
            let error = pages.iter().find_map(|page| pager.advance(&held(page)).err()).unwrap();
            assert_eq!(error.kind(), Kind::Data);
            assert!(error.message().contains(message), "{error:?}");
            assert!(error.advice().unwrap().contains(advice), "{error:?}");
        }
        let mut pager = Pager::new(&pagination);
        let mut missing = held(&["1"]);
        missing.marks.push(None);
        assert!(pager.advance(&missing).unwrap_err().message().contains("found none"));
        let mut pager = Pager::new(&pagination);
        assert_eq!(pager.advance(&held(&["\"a'b\"", "\"a\\u0063\""])).unwrap(), Step::Next);
        assert!(query(&pager).starts_with("$filter=Id gt ac&"));
        assert_eq!(Mark::new("\"a'b\"").unwrap().literal(), "a''b");
        assert!(Mark::new("10.5").unwrap().is_above(&Mark::new("9.5").unwrap()));
    }

    #[test]
    fn an_empty_page_before_the_count_is_asked_for_once_more() {
        let pagination = keyset();
        let mut pager = Pager::new(&pagination);
        let counted = Held {
            counted: Some(3),
            ..held(&["1", "2"])
        };
        assert_eq!(pager.advance(&counted).unwrap(), Step::Next);
        assert_eq!(pager.advance(&held(&[])).unwrap(), Step::Again);
        assert_eq!(query(&pager), "$filter=Id gt 2&$orderby=Id&$top=300");
        assert_eq!(pager.advance(&held(&["3"])).unwrap(), Step::Next);
        assert_eq!(pager.advance(&held(&[])).unwrap(), Step::End);

        let mut pager = Pager::new(&pagination);
        let nothing = Held {
            counted: Some(3),
            ..held(&[])
        };
        assert_eq!(pager.advance(&nothing).unwrap(), Step::Again);
        assert_eq!(pager.advance(&nothing).unwrap(), Step::End, "believed the second time");
        assert_eq!((pager.rows(), pager.counted()), (0, Some(3)), "and the caller sees what is missing");
    }

    #[test]
    fn offset_advances_by_the_rows_returned() {
        let pagination = offset();
        let mut pager = Pager::new(&pagination);
        assert_eq!(query(&pager), "$orderby=id&$top=500&$skip=0");
        let repeated = Held {
            unseen: 1,
            ..held(&["1", "2", "3"])
        };
        assert_eq!(pager.advance(&repeated).unwrap(), Step::Next);
        assert_eq!(query(&pager), "$orderby=id&$top=500&$skip=3");
        assert_eq!(pager.advance(&held(&[])).unwrap(), Step::End);
        assert_eq!(pager.rows(), 1);
    }

    #[test]
    fn offset_that_is_ignored_is_an_error_and_not_the_end() {
        let pagination = offset();
        let mut pager = Pager::new(&pagination);
        let repeated = Held {
            unseen: 0,
            ..held(&["1", "2"])
        };
        assert_eq!(pager.advance(&held(&["1", "2"])).unwrap(), Step::Next);
        assert_eq!(pager.advance(&repeated).unwrap(), Step::Next, "rows may have been inserted before");
        assert!(pager.advance(&repeated).unwrap_err().advice().unwrap().contains("repeats a page"));
    }

    #[test]
    fn pages_end_in_three_ways() {
        let pagination = page();
        for (last, expected) in [
            (held(&[]), Step::End),
            (Held { unseen: 0, ..held(&["1"]) }, Step::End),
            (
                Held {
                    next: Next::Null,
                    ..held(&["3"])
                },
                Step::End,
            ),
            (
                Held {
                    next: Next::Present,
                    ..held(&["3"])
                },
                Step::Next,
            ),
            (held(&["3"]), Step::Next),
        ] {
            let mut pager = Pager::new(&pagination);
            assert_eq!(query(&pager), "page=1&limit=1000");
            assert_eq!(pager.advance(&held(&["1", "2"])).unwrap(), Step::Next);
            assert_eq!(query(&pager), "page=2&limit=1000");
            assert_eq!(pager.advance(&last).unwrap(), expected, "{last:?}");
        }
    }

    #[test]
    fn a_single_page_at_its_cap_is_an_error() {
        let pagination = pagination("type = \"single\"\nparams = { page = \"-1\" }\ncap = 2");
        let mut pager = Pager::new(&pagination);
        assert_eq!(query(&pager), "page=-1");
        assert_eq!(pager.advance(&held(&["1"])).unwrap(), Step::End);
        let error = Pager::new(&pagination).advance(&held(&["1", "2"])).unwrap_err();
        assert!(error.message().contains("fewer than 2 rows"), "{error:?}");
    }
}
