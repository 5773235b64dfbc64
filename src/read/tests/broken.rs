//! Vendors whose paging is broken: their answers must neither go on for ever nor pass for the whole table. Beside them vendors that only look broken.

use super::*;
use crate::error::Kind;

/// Requests after which a read of these small tables is taken to go on for ever.
const PATIENCE: usize = 150;

const BY_OFFSET: &str = r#"{ type = "offset", offset_param = "$skip", size_param = "$top", size = 50 }"#;
const BY_KEY_OFFSET: &str =
    r#"{ type = "offset", offset_param = "$skip", size_param = "$top", size = 50, order_param = "$orderby", order = "id" }"#;
const BY_PAGE: &str = r#"{ type = "page", page_param = "page", size_param = "limit", size = 50 }"#;
const COUNTED_PAGE: &str = r#"{ type = "page", page_param = "page", size_param = "limit", size = 50, count = { header = "X-Total" } }"#;
const BY_NUMBER: &str = r#"{ type = "page", page_param = "page" }"#;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    start: usize,
    size: usize,
}

impl Asked {
    /// `own` is the vendor's size where none is asked for.
    fn of(target: &str, own: usize) -> Self {
        let number = |name: &str| {
            let rest = &target[target.find(name)? + name.len()..];
            rest.split(['&', ' ']).next()?.parse::<usize>().ok()
        };
        let size = number("$top=").or(number("limit=")).unwrap_or(own);
        let start = number("$skip=").or(number("page=").map(|page| (page - 1) * size)).unwrap_or(0);
        Self { start, size }
    }
}

/// Reads a table of a vendor that answers with these rows; the vendor's size, where none is asked for, is 20.
fn read_from(pagination: &str, total: Option<usize>, mut rows: impl FnMut(Asked) -> Vec<u32> + Send + 'static) -> Outcome {
    let mut requests = 0;
    let server = Scripted::answering(move |target| {
        requests += 1;
        if requests > PATIENCE {
            return Answer::new(418, "a read without an end");
        }
        let answer = page(&rows(Asked::of(target, 20)));
        match total {
            Some(total) => answer.header("X-Total", total.to_string()),
            None => answer,
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run_against(&[("deals", &endpoint(pagination))], server, options()))
}

fn cut(rows: impl IntoIterator<Item = u32>, asked: Asked) -> Vec<u32> {
    rows.into_iter().skip(asked.start).take(asked.size).collect()
}

/// An error of the paging, soon.
fn refused(outcome: &Outcome, about: &str) -> String {
    let error = outcome.result.as_ref().expect_err(about);
    assert_eq!(error.kind(), Kind::Data, "{about}: {error:?}");
    assert!(outcome.targets.len() <= PATIENCE, "{about}: {} requests", outcome.targets.len());
    error.message().to_owned()
}

fn whole(outcome: &Outcome, rows: usize, about: &str) {
    let mut ids = ids(outcome);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(outcome.summary().rows, ids.len() as u64, "{about}: rows twice");
    assert_eq!(ids.len(), rows, "{about}");
}

/// Numbers by chance, the same ones for the same seed.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn shuffled(&mut self, rows: u32) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..rows).collect();
        for at in (1..rows.len()).rev() {
            rows.swap(at, self.below(at + 1));
        }
        rows
    }
}

#[test]
fn a_position_that_is_ignored_is_an_error_where_the_first_page_was_full() {
    for pagination in [BY_OFFSET, BY_KEY_OFFSET, BY_PAGE] {
        for rows in [50_u32, 51, 500] {
            let outcome = read_from(pagination, None, move |asked| cut(0..rows, Asked { start: 0, ..asked }));
            let message = refused(&outcome, &format!("{rows} rows by {pagination}"));
            assert!(message.contains("expected other rows for another page"), "{message}");
            assert!(outcome.targets.len() <= 9, "{}", outcome.targets.len());
        }
        // Two rows a page are told by nothing from a last page of two that is repeated.
        for size in 3..8_u32 {
            let outcome = read_from(&pagination.replace("50", &size.to_string()), None, |asked| {
                cut(0..100, Asked { start: 0, ..asked })
            });
            refused(&outcome, &format!("{size} rows a page by {pagination}"));
        }
        // A first page that was not full holds all that there is.
        for rows in [1_u32, 2, 30, 49] {
            let outcome = read_from(pagination, None, move |asked| cut(0..rows, Asked { start: 0, ..asked }));
            whole(&outcome, rows as usize, &format!("{rows} rows by {pagination}"));
            assert!(outcome.targets.len() <= 6, "{rows}: {:?}", outcome.targets);
        }
    }
}

#[test]
fn the_count_tells_a_position_that_is_ignored_from_a_last_page_that_is_repeated() {
    for (size, counted) in [(50, 500), (20, 500), (20, 21)] {
        let outcome = read_from(COUNTED_PAGE, Some(counted), move |_| (0..size).collect());
        refused(&outcome, &format!("pages of {size}, {counted} counted"));
    }
    // Its own size whatever is asked, or as it is asked, and no more rows than that: the count says so.
    let outcome = read_from(COUNTED_PAGE, Some(20), |_| (0..20).collect());
    whole(&outcome, 20, "one page of the vendor's own size");
    let outcome = read_from(COUNTED_PAGE, Some(50), |asked| cut(0..50, Asked { start: 0, ..asked }));
    whole(&outcome, 50, "one full page");
}

#[tokio::test]
async fn a_page_that_is_repeated_is_not_the_end_while_it_says_that_another_follows() {
    let said = |ids: &[u32], next: &str| Answer::ok(format!(r#"{{"value":{},"next_page":{next}}}"#, array(ids)));
    let lines = endpoint(PAGE);
    let outcome = run(&[("deals", &lines)], vec![said(&[1, 2], "2"); 20]).await;
    assert!(outcome.error().message().contains("expected other rows"), "{outcome:?}");
    assert!(outcome.targets.len() <= 6, "{:?}", outcome.targets);
    // As many rows as a page has were inserted before it.
    let answers = [said(&[1, 2], "2"), said(&[1, 2], "3"), said(&[3], "null")];
    let outcome = run(&[("deals", &lines)], answers).await;
    assert_eq!(ids(&outcome), [1, 2, 3]);
}

#[test]
fn a_vendor_that_repeats_its_last_page_is_read_whole() {
    for own in [None, Some(15)] {
        for rows in [1_u32, 14, 15, 16, 30, 49, 50, 51, 99, 100, 101, 150] {
            let outcome = read_from(BY_PAGE, None, move |asked| {
                let size = own.unwrap_or(asked.size);
                // The number of the page, whatever its size.
                let page = (asked.start / asked.size).min((rows as usize).div_ceil(size) - 1);
                cut(0..rows, Asked { start: page * size, size })
            });
            whole(&outcome, rows as usize, &format!("{rows} rows, pages of {own:?}"));
        }
    }
}

#[test]
fn a_position_that_wraps_round_ends() {
    for pagination in [BY_OFFSET, BY_KEY_OFFSET, BY_PAGE] {
        for rows in [200_u32, 190] {
            let outcome = read_from(pagination, None, move |asked| {
                (asked.start..asked.start + asked.size).map(|at| at as u32 % rows).collect()
            });
            refused(&outcome, &format!("{rows} rows by {pagination}"));
            assert_eq!(outcome.records.len(), rows as usize);
        }
    }
}

#[test]
fn rows_in_another_order_each_time_are_an_error() {
    for pagination in [BY_OFFSET, BY_KEY_OFFSET, BY_PAGE, BY_NUMBER] {
        for rows in [120_u32, 200, 1_000] {
            for seed in 1..40 {
                let mut chance = Chance::new(seed);
                let outcome = read_from(pagination, None, move |asked| cut(chance.shuffled(rows), asked));
                let Err(error) = &outcome.result else {
                    panic!("{} of {rows} rows by {pagination}, seed {seed}", outcome.records.len());
                };
                assert!(
                    error.message().contains("order") || error.message().contains("first of a page"),
                    "{error:?}"
                );
            }
        }
    }
}

#[test]
fn rows_that_tie_and_change_places_are_an_error() {
    // Five rows share a place in the order, as those of one import share a date.
    for seed in 1..40 {
        let mut chance = Chance::new(seed);
        let outcome = read_from(&BY_OFFSET.replace("50", "500"), None, move |asked| {
            let mut rows = chance.shuffled(5_000);
            rows.sort_by_key(|row| row / 5);
            cut(rows, asked)
        });
        let message = refused(&outcome, &format!("seed {seed}"));
        assert!(message.contains("another order"), "{message}");
    }
}

#[test]
fn an_order_that_changes_once_is_read_again_from_the_beginning() {
    for pagination in [BY_OFFSET, BY_KEY_OFFSET, BY_PAGE, BY_NUMBER] {
        let mut requests = 0;
        let outcome = read_from(pagination, None, move |asked| {
            requests += 1;
            match requests {
                1 | 2 => cut(0..200, asked),
                // Rows read already, the other way round, between those of the new order.
                _ => cut((0..100).map(|at| at * 2 + 1).chain((0..100).rev().map(|at| at * 2)), asked),
            }
        });
        whole(&outcome, 200, pagination);
    }
}

#[test]
fn the_newest_first_and_thirty_more_at_each_request_are_read() {
    for pagination in [BY_OFFSET, BY_KEY_OFFSET, BY_PAGE] {
        let (pagination, mut last) = (&*pagination.replace("50", "500"), 6_000);
        let outcome = read_from(pagination, None, move |asked| {
            last += 30;
            cut((0..last - 30).rev(), asked)
        });
        outcome.summary();
        let read: std::collections::BTreeSet<u32> = ids(&outcome).into_iter().collect();
        assert_eq!(read.len(), outcome.records.len(), "rows twice");
        assert!((0..6_000).all(|id| read.contains(&id)), "{pagination}");
    }
}

#[test]
fn more_rows_inserted_at_once_than_pages_hold_end_no_walk_by_number() {
    let (mut requests, mut last) = (0, 400);
    let outcome = read_from(BY_NUMBER, None, move |asked| {
        requests += 1;
        if requests == 10 {
            last += 70;
        }
        cut((0..last).rev(), asked)
    });
    outcome.summary();
    let read: std::collections::BTreeSet<u32> = ids(&outcome).into_iter().collect();
    assert!((0..400).all(|id| read.contains(&id)), "{} of 400 rows", read.len());
}

#[test]
fn rows_that_nobody_changes_cost_no_request_more() {
    // As many as the release before took.
    for (pagination, expected) in [(BY_OFFSET, 14), (BY_KEY_OFFSET, 14), (BY_PAGE, 15), (BY_NUMBER, 31)] {
        let outcome = read_from(pagination, None, |asked| cut(0..600, asked));
        whole(&outcome, 600, pagination);
        assert_eq!(outcome.targets.len(), expected, "{pagination}");
    }
}
