//! From page to page: what to ask for next, given what the page held. A [`Pager`] makes no requests.
//!
//! | variant | next | end |
//! |---|---|---|
//! | keyset | above the last key, which must have grown from record to record; a record without one is passed over | an empty page, or the records without a key that the page before ended with, twice |
//! | offset | a window that overlaps the one before (`window`) | a window with nothing beyond what was read; repeated pages are an error |
//! | page with a size | the same, by the number and the size of a page | the same, `next` there and null, or the last number that a header tells* |
//! | page without one, or whose size the vendor ignores | the next number | an empty page, one without an unseen record (unless `next` says that another follows: some of these in a row are an error), `next` there and null, or the last number that a header tells* |
//! | single | | the first page; as many rows as the cap are an error |
//!
//! \* 0 tells nothing; and of a full page only where the rows read are as many as the API counted, for the pages that a vendor counts may be larger than those asked for.
//!
//! What these hold while rows come, go and change: keyset, offset and pages with a size read every row that is there unchanged all the while,
//! once. Pages that only have a number cannot: a row that is deleted while they are read lets another slip from the page ahead to the
//! one just read. A row that is changed meanwhile may come as it was before, or not at all: the next cycle reads it, from the time
//! when this read began.
//!
//! A short page is never the end, and a link in a reply is never followed: vendors send both in the middle of the data and after it. An
//! end that comes before as many rows as the API counted, or first and without the count that was asked for, is asked for once more: one
//! vendor answers with an empty page when it throttles.

use super::envelope::Next;
use super::order::Order;
use super::resume::{Mark, Place, Resume};
use super::window::{After, Grid, Verdict, Windows};
use crate::error::{Error, Kind, Result};
use crate::schema::Pagination;

/// Pages without any key that are asked for again: one whose records are others each time tells nothing.
const MOST_KEYLESS_PAGES: u32 = 3;
/// Times that a walk begins again because rows came back in another order: a row may have moved without a trace of it in its times.
const ORDERS: u32 = 2;

/// Pages in a row that bring nothing new, though each says that another follows: rows may have been inserted before them.
const IDLE_PAGES: u32 = 4;

/// The state of one walk through a table, a slice of it, or the rows of one parent.
#[derive(Debug)]
pub(super) struct Pager<'a> {
    pagination: &'a Pagination,
    place: Place,
    /// The read goes on from here.
    resume: Option<Resume>,
    /// Instead of the declaration's, where one can be asked for.
    size: Option<u32>,
    at: At,
    /// A page with records was taken in.
    started: bool,
    rows: u64,
    counted: Option<u64>,
    asked_again: bool,
    /// The greatest key read of an offset in the order of the key; none once the order was seen to be another.
    last: Option<Mark>,
    sorted: bool,
    /// Keyset: records without a key that were read behind the last key. A page above that key begins with them.
    keyless: Vec<u64>,
    /// Pages in a row that held nothing else.
    keyless_pages: u32,
    order: Order,
    /// Times that rows came back in another order.
    orders: u32,
    /// The number up to which pages are read again, so that one without an unseen record is not the end.
    again_until: u32,
    /// Pages in a row without an unseen record though the vendor said that another follows.
    idle_pages: u32,
    /// Pages with rows seen for the first time, and the rows of the last page.
    pages: u64,
    last_page: Vec<u64>,
}

/// What a page held.
#[derive(Debug)]
pub(super) struct Held<'a> {
    /// Keys to page by, as they are written; one for each record.
    pub marks: Vec<Option<&'a str>>,
    /// What each record is while it stays where it is.
    pub states: Vec<u64>,
    /// Records not met before in this walk.
    pub unseen: usize,
    pub next: Next,
    /// Pages in all, of the size that was asked for.
    pub pages: Option<u64>,
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

#[derive(Debug)]
enum At {
    Above(Option<Mark>),
    Windows(Windows),
    Page(u32),
    Single,
}

impl<'a> Pager<'a> {
    pub fn new(pagination: &'a Pagination, place: Place, resume: Option<Resume>) -> Self {
        Self::sized(pagination, place, resume, None)
    }

    /// Pages of one row, where the vendor lets a size be asked for. What it counts is what a read from `resume` on would begin with.
    pub fn small(pagination: &'a Pagination, resume: Option<Resume>) -> Self {
        Self::sized(pagination, Place::Nowhere, resume.filter(|resume| resume.at.is_none()), Some(1))
    }

    /// The first page, of no more than so many rows where the vendor lets a size be asked for.
    pub fn first(pagination: &'a Pagination, rows: u32) -> Self {
        let size = pagination.size().map_or(rows, |declared| declared.min(rows));
        Self::sized(pagination, Place::Nowhere, None, Some(size))
    }

    fn sized(pagination: &'a Pagination, place: Place, resume: Option<Resume>, size: Option<u32>) -> Self {
        let from = resume.as_ref().and_then(|resume| resume.at).unwrap_or(0);
        Self {
            at: match pagination {
                Pagination::Keyset { .. } => At::Above(resume.as_ref().map(|resume| resume.above.clone())),
                Pagination::Offset { size: declared, .. } => At::Windows(Windows::new(Grid::Any, size.unwrap_or(*declared), from)),
                Pagination::Page {
                    size_param: Some(_),
                    size: Some(declared),
                    ..
                } => At::Windows(Windows::new(Grid::Multiple, size.unwrap_or(*declared), from)),
                Pagination::Page { first, .. } => At::Page(*first),
                Pagination::Single { .. } => At::Single,
            },
            last: resume.as_ref().map(|resume| resume.above.clone()),
            sorted: place == Place::Position,
            pagination,
            place,
            resume,
            size,
            started: false,
            rows: 0,
            counted: None,
            asked_again: false,
            keyless: Vec::new(),
            keyless_pages: 0,
            order: Order::default(),
            orders: 0,
            again_until: 0,
            idle_pages: 0,
            pages: 0,
            last_page: Vec::new(),
        }
    }

    /// Requests that a walk through so many rows takes, if none moves; none where a page's size is the vendor's own.
    pub fn requests(pagination: &Pagination, rows: u64) -> Option<u64> {
        match pagination {
            Pagination::Keyset { size, .. } => Some(rows.div_ceil(u64::from((*size).max(1))) + 1),
            Pagination::Offset { size, .. } => Some(Windows::requests(Grid::Any, *size, rows)),
            Pagination::Page { size, .. } => size.map(|size| Windows::requests(Grid::Multiple, size, rows)),
            Pagination::Single { .. } => Some(1),
        }
    }

    /// The page ahead has records that share their key with another of it: rows to the API, which counts them.
    pub fn count_twins(&mut self, twins: usize) {
        self.rows += twins as u64;
    }

    /// Rows of this walk, as the API counts them.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The API's own count of what this walk is to read, once the first page was read. None for a walk that goes on from a position: the API
    /// counts the rows before it as well, and how many those are is another number with each row that comes and goes.
    pub fn counted(&self) -> Option<u64> {
        self.counted
    }

    /// Whether a reply that is no page, but declared to be the end, is believed. `counted` is the count that it brings itself.
    pub fn takes_end(&self, counted: Option<u64>) -> bool {
        match self.started {
            true => self.counted.is_none_or(|counted| self.rows >= counted),
            false => counted == Some(0),
        }
    }

    /// Whether an earlier read, which this one goes on from, read the record with this key.
    pub fn read_before(&self, mark: Option<&str>) -> bool {
        match (&self.resume, mark.and_then(Mark::new)) {
            (Some(resume), Some(mark)) => !mark.is_above(&resume.above),
            _ => false,
        }
    }

    /// Whether a record without a key, before any with one, was on the page before: a page above the last key known begins with it.
    pub fn comes_again(&self, state: u64) -> bool {
        self.keyless.contains(&state)
    }

    /// Where a read goes on that is to miss nothing which comes after the pages taken in.
    pub fn resume(&self) -> Option<String> {
        let (at, above) = match &self.at {
            At::Above(above) if self.place == Place::Key => (None, above.clone()?),
            At::Windows(windows) if self.sorted && !windows.is_closing() => (Some(windows.end()), self.last.clone()?),
            _ => return None,
        };
        Some(Resume { at, above }.text())
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
        let mut params = Vec::new();
        let size = |declared: u32| self.size.unwrap_or(declared).to_string();
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
                if let At::Above(Some(mark)) = &self.at {
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
                let start = if let At::Windows(windows) = &self.at {
                    windows.ahead().start
                } else {
                    0
                };
                params.push((size_param, size(*declared)));
                params.push((offset_param, start.to_string()));
            }
            Pagination::Page {
                page_param,
                first,
                size_param,
                size: declared,
                ..
            } => {
                let (page, asked) = match &self.at {
                    At::Windows(windows) => {
                        let window = windows.ahead();
                        let page = u64::from(*first) + window.start / window.size.max(1);
                        (page.to_string(), Some(window.size.to_string()))
                    }
                    At::Page(page) => (page.to_string(), declared.map(size)),
                    At::Above(_) | At::Single => (first.to_string(), declared.map(size)),
                };
                params.push((page_param, page));
                params.extend(size_param.as_deref().zip(asked));
            }
            Pagination::Single { params: fixed, .. } => params.extend(fixed.iter().map(|(name, value)| (name.as_str(), value.clone()))),
        }
        if let Some(count) = self.pagination.count().filter(|_| !self.started) {
            params.extend(count.params.iter().map(|(name, value)| (name.as_str(), value.clone())));
        }
        params
    }

    /// Whether the page follows on those before it. Where it does not, nothing of it may be used: the page ahead is another. `size` is the one that the
    /// vendor says it pages by.
    ///
    /// # Errors
    /// [`Kind::Data`] where none can be found that does.
    pub fn follows(&mut self, states: &[u64], size: Option<u64>, first_mark: Option<&str>) -> Result<bool> {
        let resumed = self.resume.is_some() && !self.started;
        let known = self.read_before(first_mark);
        if !self.order.is_kept(states) {
            self.begin_again()?;
            return Ok(false);
        }
        let At::Windows(windows) = &mut self.at else {
            return Ok(true);
        };
        if resumed {
            let follows = known || windows.ahead().start == 0;
            if !follows {
                windows.go_back(u64::MAX)?;
            }
            return Ok(follows);
        }
        match windows.judge(states, size)? {
            Verdict::Follows => Ok(true),
            Verdict::GoBack => Ok(false),
            Verdict::SizeIgnored => {
                let Pagination::Page { first, .. } = self.pagination else {
                    return Ok(true);
                };
                // Page one, page two, or page one once more where the rows of page two were too few to tell.
                let start = windows.ahead().start;
                let page = first.saturating_add(u32::from(self.started));
                self.at = At::Page(page);
                Ok(!self.started || start > 0)
            }
        }
    }

    /// Rows came back in another order than they were read in: pages between which they moved may have passed others over.
    fn begin_again(&mut self) -> Result<()> {
        self.orders += 1;
        if self.orders > ORDERS {
            return Err(Error::new(
                Kind::Data,
                format!(
                    "expected rows that were read in the order in which they were read, found them in another order {} times",
                    self.orders
                ),
            )
            .hint("the vendor has no lasting order here, so rows may be missing between two pages: `pagination` in the declaration can ask for one (`order_param` and `order`, by a member that no two rows share), or `params`"));
        }
        self.order.clear();
        match &mut self.at {
            At::Windows(windows) => windows.read_again(),
            At::Page(page) => {
                let Pagination::Page { first, .. } = self.pagination else {
                    return Ok(());
                };
                self.again_until = self.again_until.max(*page);
                *page = *first;
            }
            At::Above(_) | At::Single => {}
        }
        Ok(())
    }

    /// Takes in what a page that follows held.
    ///
    /// # Errors
    /// [`Kind::Data`] where going on, or ending, would lose or double rows.
    pub fn advance(&mut self, held: &Held<'_>) -> Result<Step> {
        if !self.started {
            let from_position = self.resume.as_ref().is_some_and(|resume| resume.at.is_some());
            self.counted = held.counted.filter(|_| !from_position);
        }
        if !held.marks.is_empty() {
            // Rows that were read show as little as none do.
            self.asked_again &= held.unseen == 0;
            self.rows += held.unseen as u64;
            self.keep_order(&held.marks)?;
        }
        if matches!(self.at, At::Windows(_) | At::Page(_)) {
            self.order.take(&held.states);
        }
        let empty = held.marks.is_empty();
        let last = held.next == Next::Null || self.is_last(held);
        let step = match (&mut self.at, self.pagination) {
            (At::Windows(windows), _) => match windows.take(&held.states, held.unseen, last) {
                After::More => Step::Next,
                After::End => self.ended(),
                // The API has no more rows than were read, wherever it puts them.
                After::Repeats if self.counted.is_some_and(|counted| self.rows >= counted) => Step::End,
                After::Repeats => return Err(repeats()),
            },
            _ if empty => self.ended(),
            (At::Above(Some(_)), Pagination::Keyset { size, .. })
                if is_keyless(held) && held.marks.len() < *size as usize && self.keyless_pages < MOST_KEYLESS_PAGES =>
            {
                // Rows with a key would be here as well. It tells less than an empty page, for a short page may be cut: the second time it is believed.
                self.keyless_pages += 1;
                self.keyless.clone_from(&held.states);
                let is_end = held.unseen == 0 && self.keyless_pages > 1;
                if is_end { Step::End } else { Step::Again }
            }
            (At::Above(_), Pagination::Keyset { key, .. }) => {
                self.at = At::Above(Some(self.grown(key, &held.marks)?));
                let behind = held.marks.iter().rev().take_while(|mark| mark.is_none()).count();
                self.keyless = held.states.iter().rev().take(behind).copied().collect();
                self.keyless_pages = 0;
                Step::Next
            }
            (At::Page(page), _) => {
                self.idle_pages = if held.unseen == 0 { self.idle_pages + 1 } else { 0 };
                let is_more = *page < self.again_until || held.next == Next::Present;
                if held.next == Next::Present && self.idle_pages >= IDLE_PAGES && *page >= self.again_until {
                    return Err(repeats());
                }
                // One vendor repeats its last page for every number beyond it. Another page of known rows is one that rows inserted before it have pushed back;
                // many more than pages were read come of a vendor that begins again.
                let is_repeated = held.states == self.last_page || u64::from(self.idle_pages) > self.pages.max(IDLE_PAGES.into());
                let end = held.unseen == 0 && is_repeated && !is_more || last || *page == u32::MAX;
                *page = page.saturating_add(1);
                if end { Step::End } else { Step::Next }
            }
            (_, Pagination::Single { cap: Some(cap), .. }) if held.marks.len() >= *cap => {
                return Err(Error::new(
                    Kind::Data,
                    format!("expected fewer than {cap} rows on the only page, found {}", held.marks.len()),
                )
                .hint("the vendor cuts this page and offers no next one: rows would be lost; `pagination` in the declaration says how the table is paged"));
            }
            _ => Step::End,
        };
        self.started |= !empty;
        if matches!(self.at, At::Windows(_) | At::Page(_)) {
            self.pages += u64::from(held.unseen > 0);
            self.last_page.clone_from(&held.states);
        }
        Ok(step)
    }

    /// Whether a header tells that the page ahead, which held this, is the last. Where a full page ends before the count, or there is none, it is not believed: a vendor may
    /// count pages of another size than the one asked for.
    fn is_last(&self, held: &Held<'_>) -> bool {
        let asked = match (&self.at, self.pagination) {
            (At::Windows(windows), _) => windows.ahead().size,
            (_, Pagination::Page { size, .. }) => size.map_or(0, u64::from),
            _ => 0,
        };
        let is_full = held.marks.len() as u64 >= asked;
        let told = held.pages.is_some_and(|pages| pages > 0 && self.number() >= pages);
        told && (!is_full || self.counted == Some(self.rows))
    }

    /// The number of the page ahead, counted from 1 whatever the vendor's first is.
    fn number(&self) -> u64 {
        match (&self.at, self.pagination) {
            (At::Windows(windows), _) => {
                let window = windows.ahead();
                1 + window.start / window.size.max(1)
            }
            (At::Page(page), Pagination::Page { first, .. }) => 1 + u64::from(page.saturating_sub(*first)),
            _ => 1,
        }
    }

    fn ended(&mut self) -> Step {
        // A first page without the count that was asked for is no answer to believe either.
        let uncounted = !self.started && self.counted.is_none() && self.pagination.count().is_some() && self.rows == 0;
        let early = uncounted || self.counted.is_some_and(|counted| self.rows < counted);
        if early && !std::mem::replace(&mut self.asked_again, true) {
            return Step::Again;
        }
        Step::End
    }

    /// Only keys that grow from row to row tell what was read; a vendor may ignore the order.
    fn keep_order(&mut self, marks: &[Option<&str>]) -> Result<()> {
        if !self.sorted {
            return Ok(());
        }
        let keys: Option<Vec<Mark>> = marks.iter().map(|mark| mark.and_then(Mark::new)).collect();
        let grows = keys
            .as_ref()
            .is_some_and(|keys| keys.windows(2).all(|pair| pair[1].is_above(&pair[0])));
        if !grows && self.resume.is_some() {
            return Err(Error::new(
                Kind::Data,
                "expected rows in the order of their key, found another, so the read cannot go on from where it was left",
            )
            .hint("the vendor ignored the order: the table has to be read from its beginning"));
        }
        self.sorted = grows;
        if let Some(last) = keys.and_then(|keys| keys.into_iter().next_back())
            && self.last.as_ref().is_none_or(|known| last.is_above(known))
        {
            self.last = Some(last);
        }
        Ok(())
    }

    /// The last key of the page, if every key is above the one before it: else a row was passed over, or will come again. A record without its key
    /// is rejected later and ends no paging: those with one tell where to go on.
    fn grown(&self, key: &str, marks: &[Option<&str>]) -> Result<Mark> {
        let mut last = match &self.at {
            At::Above(mark) => mark.clone(),
            _ => None,
        };
        for (at, mark) in marks.iter().enumerate() {
            let wrong = |expected: String, found: &str, hint: &str| {
                Error::new(Kind::Data, format!("expected {expected} in record {at} of the page, found {found}")).hint(hint)
            };
            let Some(mark) = mark.and_then(Mark::new) else { continue };
            if let Some(last) = last.as_ref().filter(|last| !mark.is_above(last)) {
                let hint = match at {
                    0 => {
                        "the vendor ignored the filter on the key: it may not be known here; `pagination` in the declaration says how the table is paged"
                    }
                    _ => {
                        "the vendor ignored the order by the key: it may not be known here; `pagination` in the declaration says how the table is paged"
                    }
                };
                return Err(wrong(format!("a `{key}` above {}", last.told()), &mark.told(), hint));
            }
            last = Some(mark);
        }
        last.filter(|_| marks.iter().any(|mark| mark.and_then(Mark::new).is_some()))
            .ok_or_else(|| {
                Error::new(
                    Kind::Data,
                    format!("expected the key `{key}` in some record of the page, found it in none"),
                )
                .hint("the table is paged by this key; `pagination` in the declaration says by which")
            })
    }
}

/// Whether no record of the page has a key to go on from.
fn is_keyless(held: &Held<'_>) -> bool {
    held.marks.iter().all(|mark| mark.and_then(Mark::new).is_none())
}

fn repeats() -> Error {
    Error::new(
        Kind::Data,
        "expected other rows for another page, found pages in a row with rows already read",
    )
    .hint("the vendor repeats a page: it may ignore the offset or the page's number here, so rows beyond may be missing; `pagination` in the declaration says how the table is paged")
}
