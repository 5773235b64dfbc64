//! A vendor whose rows are inserted, deleted and changed between any two requests.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// How the vendor sends its rows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Style {
    /// Above a key.
    Key,
    /// From an offset on, in the key's order.
    Offset,
    /// Numbered pages, the rows changed last at the end, `next_page` null on the last.
    Latest,
    /// Numbered pages, the rows changed last at the beginning, the last page again for every number beyond it.
    Newest,
    /// As `Latest`, of seven rows at most whatever is asked, and no `next_page`.
    Capped,
    /// As `Latest`, of seven rows whatever is asked.
    Sizeless,
    /// As `Latest`, but how many pages there are, and of what size, stands in headers.
    Told,
    /// As `Told`, of seven rows whatever is asked, which the headers say.
    ToldSizeless,
    /// From an offset on; the order by the key is asked for and ignored: the rows changed last are at the end.
    Unasked,
    /// As `Unasked`, the rows changed last at the beginning.
    UnaskedNewest,
}

const STYLES: [Style; 8] = [
    Style::Key,
    Style::Offset,
    Style::Latest,
    Style::Newest,
    Style::Capped,
    Style::Told,
    Style::Unasked,
    Style::UnaskedNewest,
];

impl Style {
    fn declared(self) -> String {
        match self {
            Self::Key => endpoint(&KEYSET.replace("size = 2", "size = 8")),
            Self::Offset | Self::Unasked | Self::UnaskedNewest => endpoint(
                r#"{ type = "offset", offset_param = "$skip", size_param = "$top", size = 8, order_param = "$orderby", order = "id" }"#,
            ),
            Self::Latest => endpoint(r#"{ type = "page", page_param = "page", size_param = "limit", size = 8, next = "next_page" }"#),
            Self::Newest => endpoint(r#"{ type = "page", page_param = "page", size_param = "limit", size = 8 }"#),
            Self::Capped | Self::Sizeless => endpoint(r#"{ type = "page", page_param = "page", size_param = "limit", size = 12 }"#),
            Self::Told | Self::ToldSizeless => endpoint(
                r#"{ type = "page", page_param = "page", size_param = "limit", size = 8, pages_header = "X-Pages", size_header = "X-Per-Page" }"#,
            ),
        }
    }

    /// Whether a row that is changed moves to the beginning, where the walk has been.
    fn is_newest(self) -> bool {
        matches!(self, Self::Newest | Self::UnaskedNewest)
    }

    /// The most rows of a page.
    fn size(self) -> usize {
        if matches!(self, Self::Capped | Self::Sizeless | Self::ToldSizeless) {
            7
        } else {
            8
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Insert,
    /// Of the row at this place, modulo the number of rows.
    Delete(usize),
    Update(usize),
}

/// Rows and the times of their last change.
#[derive(Debug, Clone, Default)]
struct Rows {
    times: BTreeMap<u32, u32>,
    clock: u32,
    touched: BTreeSet<u32>,
    deleted: BTreeSet<u32>,
}

impl Rows {
    fn new(rows: u32) -> Self {
        Self {
            // Keys with room between them; the order of the times is another.
            times: (0..rows).map(|row| (row * 10, row * 7 % rows.max(1))).collect(),
            clock: rows,
            ..Self::default()
        }
    }

    fn apply(&mut self, change: Change) {
        self.clock += 1;
        let at = |place: usize| self.times.keys().copied().nth(place % self.times.len().max(1));
        match change {
            Change::Insert => {
                let key = (self.clock * 37) % 1_000 + 1;
                // Not a key that was there before.
                if !key.is_multiple_of(10) && !self.deleted.contains(&key) {
                    self.touched.insert(key);
                    self.times.entry(key).or_insert(self.clock);
                }
            }
            Change::Delete(place) => {
                if let Some(key) = at(place) {
                    self.times.remove(&key);
                    self.deleted.insert(key);
                }
            }
            Change::Update(place) => {
                if let Some(key) = at(place) {
                    self.touched.insert(key);
                    self.times.insert(key, self.clock);
                }
            }
        }
    }

    fn answer(&self, style: Style, target: &str) -> Answer {
        let target = target.replace("%20", " ");
        let number = |name: &str| {
            let rest = &target[target.find(name)? + name.len()..];
            rest.split(['&', ' ']).next()?.parse::<usize>().ok()
        };
        let mut rows: Vec<(u32, u32)> = self.times.iter().map(|(key, time)| (*key, *time)).collect();
        let (start, size) = match style {
            Style::Key => {
                let above = number("Id gt ");
                rows.retain(|(key, _)| above.is_none_or(|above| *key as usize > above));
                (0, style.size())
            }
            Style::Offset | Style::Unasked | Style::UnaskedNewest => {
                if style != Style::Offset {
                    rows.sort_by_key(|(_, time)| *time);
                }
                if style == Style::UnaskedNewest {
                    rows.reverse();
                }
                (number("$skip=").unwrap(), style.size())
            }
            Style::Latest | Style::Newest | Style::Capped | Style::Sizeless | Style::Told | Style::ToldSizeless => {
                rows.sort_by_key(|(_, time)| *time);
                if style == Style::Newest {
                    rows.reverse();
                }
                let asked = number("limit=").unwrap().min(style.size());
                let sizeless = matches!(style, Style::Sizeless | Style::ToldSizeless);
                let size = if sizeless { style.size() } else { asked };
                let mut page = number("page=").unwrap();
                if style == Style::Newest {
                    page = page.min(rows.len().div_ceil(size)).max(1);
                }
                ((page - 1) * size, size)
            }
        };
        let next = if start + size < rows.len() { "2" } else { "null" };
        let records: Vec<String> = rows.iter().skip(start).take(size).map(|(key, time)| record(*key, *time)).collect();
        let members = match style {
            Style::Latest => format!(r#","next_page":{next}"#),
            _ => String::new(),
        };
        let answer = Answer::ok(format!(r#"{{"value":[{}]{members}}}"#, records.join(",")));
        match style {
            Style::Told | Style::ToldSizeless => answer
                .header("X-Pages", rows.len().div_ceil(size).to_string())
                .header("X-Per-Page", size.to_string()),
            _ => answer,
        }
    }
}

fn record(key: u32, time: u32) -> String {
    format!(r#"{{"Id":{key},"At":"2026-01-02T{:02}:{:02}:00Z"}}"#, time / 60 % 24, time % 60)
}

fn key_of(record: &str) -> u32 {
    record.split([':', ',']).nth(1).unwrap().parse().unwrap()
}

/// Reads while the changes happen, those of each list before one request; what was read, and the rows in the end.
fn read_while(style: Style, rows: Rows, changes: Vec<Vec<Change>>, options: ReadOptions) -> (Outcome, Rows) {
    let rows = std::sync::Arc::new(std::sync::Mutex::new((rows, changes.into_iter())));
    let shared = rows.clone();
    let mut requests = 0;
    let server = Scripted::answering(move |target| {
        requests += 1;
        if requests > 500 {
            return Answer::new(418, "a walk without an end");
        }
        let mut shared = shared.lock().unwrap();
        let (rows, changes) = &mut *shared;
        changes.next().into_iter().flatten().for_each(|change| rows.apply(change));
        rows.answer(style, target)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(run_against(&[("deals", &style.declared())], server, options));
    let rows = rows.lock().unwrap().0.clone();
    (outcome, rows)
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Insert),
        (0..100_usize).prop_map(Change::Delete),
        (0..100_usize).prop_map(Change::Update),
    ]
}

/// Now and then a lot.
fn changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    prop::collection::vec(prop::collection::vec(change(), 0..12), 0..10)
}

/// Each row once; those nobody touched as they are; and where changed rows never move behind the walk, all that were there throughout.
fn check(style: Style, before: &Rows, records: &[String], after: &Rows, from: Option<u32>) {
    let mut read: BTreeMap<u32, &str> = BTreeMap::new();
    for record in records {
        assert!(read.insert(key_of(record), record).is_none(), "twice: {record}");
    }
    for (key, time) in before.times.iter().filter(|(key, _)| from.is_none_or(|from| **key > from)) {
        if after.deleted.contains(key) {
            continue;
        }
        if !after.touched.contains(key) {
            assert_eq!(read.get(key), Some(&&*record(*key, *time)), "{key} was there all the while");
        } else if !style.is_newest() {
            assert!(read.contains_key(key), "{key} was there all the while, and was changed");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_that_stay_are_read_once_whatever_the_others_do(rows in 0..60_u32, changes in changes()) {
        for style in STYLES {
            let before = Rows::new(rows);
            let (outcome, after) = read_while(style, before.clone(), changes.clone(), options());
            outcome.summary();
            check(style, &before, &outcome.records, &after, None);
        }
    }

    #[test]
    fn a_read_goes_on_where_another_ended(rows in 1..60_u32, page in 0..20_usize, between in prop::collection::vec(change(), 0..12), changes in changes()) {
        for style in [Style::Key, Style::Offset] {
            let (first, _) = read_while(style, Rows::new(rows), Vec::new(), options());
            let page = page % first.resumes.len();
            let resume = first.resumes[page].clone().unwrap();
            let from: u32 = resume.rsplit(' ').next().unwrap().parse().unwrap();
            let mut now = Rows::new(rows);
            between.iter().for_each(|change| now.apply(*change));
            let options = ReadOptions { resume: Some(resume), ..options() };
            let (rest, after) = read_while(style, now.clone(), changes.clone(), options);
            rest.summary();
            assert!(rest.records.iter().all(|record| key_of(record) > from), "read before");
            check(style, &now, &rest.records, &after, Some(from));
        }
    }
}

#[test]
fn what_nobody_changes_takes_as_many_requests_as_estimated() {
    for style in [
        Style::Key,
        Style::Offset,
        Style::Latest,
        Style::Newest,
        Style::Capped,
        Style::Sizeless,
        Style::Told,
        Style::ToldSizeless,
        Style::Unasked,
        Style::UnaskedNewest,
    ] {
        for rows in [0, 1, 2, 3, 6, 7, 8, 9, 14, 15, 16, 40, 59] {
            let before = Rows::new(rows);
            let (outcome, after) = read_while(style, before.clone(), Vec::new(), options());
            check(style, &before, &outcome.records, &after, None);
            assert_eq!(outcome.summary().rows, u64::from(rows), "{style:?}");
            let requests = outcome.targets.len() as u64;
            if matches!(style, Style::Key | Style::Offset | Style::Unasked | Style::UnaskedNewest) {
                let catalog = catalog(&[("deals", &style.declared())]);
                let fetch = catalog.source("acme").unwrap().tables["deals"].fetch().unwrap().clone();
                let estimated = super::super::pagination::Pager::requests(&fetch.pagination, u64::from(rows));
                assert_eq!(Some(requests), estimated, "{style:?} {rows}: {:?}", outcome.targets);
            }
            if rows as usize <= style.size() {
                let most = match style {
                    Style::Latest | Style::ToldSizeless => 1,
                    // Without a count a full page is not believed to be the last.
                    Style::Told => 1 + u64::from(rows as usize == style.size()),
                    // It takes some to see that the size is ignored.
                    Style::Sizeless => 5,
                    _ => 2,
                };
                assert!(requests <= most, "{style:?} {rows}: {:?}", outcome.targets);
            }
        }
    }
}

#[test]
fn a_row_that_moves_to_the_front_is_fetched_there() {
    // Twenty rows; after the second page the oldest is changed, which sends it behind the walk.
    let before = Rows::new(20);
    let oldest = *before.times.iter().min_by_key(|(_, time)| **time).unwrap().0;
    let place = before.times.keys().position(|key| *key == oldest).unwrap();
    let changes = vec![vec![], vec![], vec![Change::Update(place)]];
    let (outcome, _) = read_while(Style::Newest, before, changes, options());
    assert_eq!(outcome.summary().rows, 20);
    assert!(outcome.records.iter().any(|record| key_of(record) == oldest));
}

#[test]
fn a_vendor_without_an_order_is_an_error() {
    let mut last = 0;
    let server = Scripted::answering(move |target| {
        let size: u32 = target.rsplit("limit=").next().unwrap().parse().unwrap();
        let ids: Vec<u32> = (last..last + size).collect();
        last += size;
        page(&ids)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(run_against(&[("deals", &Style::Capped.declared())], server, options()));
    assert!(outcome.error().message().contains("expected a row that was read"), "{outcome:?}");
}
