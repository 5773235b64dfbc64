//! From page to page: what is asked for, what is left out, what must not pass as the end.

use super::*;
use crate::error::Kind;

#[tokio::test]
async fn keyset_reads_on_after_short_pages_and_early_empty_ones() {
    let outcome = run(
        &[("deals", &endpoint(COUNTED))],
        [counted(&[8, 9], 4), page(&[10]), page(&[]), page(&[11]), page(&[])],
    )
    .await;
    assert_eq!(ids(&outcome), [8, 9, 10, 11]);
    let expected = ReadSummary {
        rows: 4,
        counted: Some(4),
        pages: 3,
        began: outcome.summary().began,
        ..ReadSummary::default()
    };
    assert_eq!(*outcome.summary(), expected);
    assert_eq!(
        outcome.targets,
        [
            "/Deals?$orderby=Id&$top=2&$count=true",
            "/Deals?$filter=Id%20gt%209&$orderby=Id&$top=2",
            "/Deals?$filter=Id%20gt%2010&$orderby=Id&$top=2",
            "/Deals?$filter=Id%20gt%2010&$orderby=Id&$top=2",
            "/Deals?$filter=Id%20gt%2011&$orderby=Id&$top=2",
        ]
    );
    assert_eq!((outcome.counts.pages, outcome.counts.rows, outcome.counts.total_rows), (5, 4, 4));
}

#[tokio::test]
async fn a_filter_ignored_is_an_error() {
    let outcome = run(&[("deals", &endpoint(KEYSET))], [page(&[1, 2]), page(&[1, 2])]).await;
    assert_eq!(outcome.error().kind(), Kind::Data);
    assert!(outcome.error().advice().unwrap().contains("ignored the filter"));
    assert_eq!(ids(&outcome), [1, 2], "nothing of the wrong page is sent on");
}

#[tokio::test]
async fn rows_missing_from_the_count_are_an_error_unless_they_are_gone() {
    let tables = endpoint(COUNTED);
    let tables = [("deals", &*tables)];
    let outcome = run(&tables, [counted(&[1, 2], 5), page(&[]), page(&[]), counted(&[1], 4)]).await;
    assert_eq!(outcome.error().message(), "expected the 4 rows that the API counts, found 2");
    assert!(outcome.error().advice().unwrap().contains("take `count` out"));
    assert_eq!(outcome.targets[3], "/Deals?$orderby=Id&$top=1&$count=true");

    let outcome = run(&tables, [counted(&[1, 2], 5), page(&[]), page(&[]), counted(&[1], 2)]).await;
    assert_eq!(
        (outcome.summary().rows, outcome.summary().counted),
        (2, Some(5)),
        "deleted meanwhile"
    );

    let outcome = run(&tables, [counted(&[1, 2], 1), page(&[3]), page(&[])]).await;
    assert_eq!(outcome.summary().rows, 3, "added meanwhile");
}

#[tokio::test]
async fn rows_missing_from_the_count_of_a_header_are_an_error() {
    let tables = endpoint(
        r#"{ type = "page", page_param = "page", size_param = "per_page", size = 2, pages_header = "X-Pages", count = { header = "X-Total" } }"#,
    );
    let tables = [("deals", &*tables)];
    let told = |ids: &[u32], pages: u32, rows: u32| {
        Answer::ok(array(ids))
            .header("X-Pages", pages.to_string())
            .header("X-Total", rows.to_string())
    };
    // Of three rows the vendor hides one, says so in the count, and goes on saying it.
    let short = [told(&[1], 1, 3), told(&[1], 1, 3), told(&[1], 3, 3)];
    let outcome = run(&tables, short).await;
    assert_eq!(outcome.error().message(), "expected the 3 rows that the API counts, found 1");
    assert_eq!(outcome.targets.last().unwrap(), "/Deals?page=1&per_page=1");
    let outcome = run(&tables, [told(&[1, 2], 1, 2)]).await;
    assert_eq!(
        (outcome.summary().rows, outcome.summary().counted, outcome.targets.len()),
        (2, Some(2), 1)
    );
}

#[tokio::test]
async fn offset_leaves_out_what_was_read_and_follows_no_link() {
    let with_link = |ids: &[u32]| {
        let body = format!(
            r#"{{"value":{},"@odata.nextLink":"http://localhost:1/Deals?$skip=500"}}"#,
            array(ids)
        );
        Answer::ok(body)
    };
    let outcome = run(
        &[("deals", &endpoint(OFFSET))],
        [with_link(&[1, 2]), with_link(&[2, 3]), with_link(&[3, 4]), with_link(&[4])],
    )
    .await;
    assert_eq!(ids(&outcome), [1, 2, 3, 4]);
    assert_eq!(
        (outcome.summary().rows, outcome.summary().repeated, outcome.summary().counted),
        (4, 3, None)
    );
    assert_eq!(
        outcome.targets,
        [
            "/Deals?$top=2&$skip=0",
            "/Deals?$top=2&$skip=1",
            "/Deals?$top=2&$skip=2",
            "/Deals?$top=2&$skip=3"
        ]
    );
}

#[tokio::test]
async fn an_offset_ignored_is_an_error() {
    let outcome = run(&[("deals", &endpoint(OFFSET))], [page(&[1, 2]), page(&[1, 2]), page(&[1, 2])]).await;
    assert_eq!(outcome.error().kind(), Kind::Data);
    assert!(outcome.error().advice().unwrap().contains("repeats a page"));
}

#[tokio::test]
async fn numbered_pages_end_on_null_on_nothing_new_and_on_nothing() {
    let next = |ids: &[u32], next: &str| Answer::ok(format!(r#"{{"value":{},"next_page":{next}}}"#, array(ids)));
    for (answers, requests, repeated) in [
        (vec![next(&[1, 2], "2"), next(&[3], "null")], 2, 0),
        (vec![page(&[1, 2]), page(&[3]), page(&[3])], 3, 1),
        (vec![page(&[1, 2]), page(&[3]), page(&[])], 3, 0),
        (vec![Answer::ok("[{\"Id\":1}]"), page(&[2, 3]), Answer::ok("[]")], 3, 0),
    ] {
        let outcome = run(&[("deals", &endpoint(PAGE))], answers).await;
        assert_eq!(ids(&outcome), [1, 2, 3]);
        assert_eq!((outcome.summary().repeated, outcome.targets.len()), (repeated, requests));
        assert_eq!(outcome.targets[1], "/Deals?page=2");
    }
}

#[tokio::test]
async fn slices_are_walked_one_by_one_and_a_row_that_moved_between_them_comes_once() {
    let lines = format!("{}\nslices = {{ param = \"status\", values = [\"1\", \"2\"] }}", endpoint(PAGE));
    // The first page of the second slice holds a row of the first slice only: that is not the end of the slice.
    let outcome = run(&[("deals", &lines)], [page(&[1, 2]), page(&[]), page(&[2]), page(&[3]), page(&[3])]).await;
    assert_eq!(ids(&outcome), [1, 2, 3]);
    assert_eq!(outcome.summary().repeated, 2);
    assert_eq!(outcome.targets[0], "/Deals?status=1&page=1");
    assert_eq!(
        outcome.targets[2..],
        ["/Deals?status=2&page=1", "/Deals?status=2&page=2", "/Deals?status=2&page=3"]
    );
}

#[tokio::test]
async fn records_to_unnest_have_no_key_and_only_equal_ones_repeat() {
    let lines = format!("{}\nunnest = \"painPoints\"", endpoint(OFFSET));
    let body = r#"[{"Id":1,"painPoints":[{"v":1}]},{"Id":1,"painPoints":[{"v":2}]}]"#;
    let outcome = run(
        &[("pains", &lines)],
        [
            Answer::ok(body),
            Answer::ok(r#"[{"Id":1,"painPoints":[{"v":2}]},{"Id":2}]"#),
            Answer::ok(r#"[{"Id":2}]"#),
        ],
    )
    .await;
    assert_eq!(outcome.summary().repeated, 2);
    assert_eq!(outcome.records.len(), 3);
}

#[tokio::test]
async fn records_without_a_key_are_sent_on_and_a_repeated_page_of_them_still_ends() {
    let body = r#"[{"Id":null,"a":1},{"a":1},{"a":1}]"#;
    let outcome = run(&[("deals", &endpoint(PAGE))], [Answer::ok(body), Answer::ok(body)]).await;
    assert_eq!((outcome.records.len(), outcome.summary().repeated), (3, 3));
}

/// Pages overlap: a record without a key that stands in both is one.
#[tokio::test]
async fn a_record_without_a_key_that_pages_share_is_sent_on_once() {
    let pages = [r#"[{"Id":1},{"a":1}]"#, r#"[{"a":1},{"Id":2}]"#, r#"[{"Id":2}]"#];
    let outcome = run(&[("deals", &endpoint(OFFSET))], pages.map(Answer::ok)).await;
    assert_eq!((outcome.records.len(), outcome.summary().repeated), (3, 2));
}

/// Two records of one page that share their key are two to the API's count, and one row.
#[tokio::test]
async fn records_of_one_page_that_share_their_key_are_counted_as_the_api_counts_them() {
    let counted =
        r#"{ type = "offset", offset_param = "$skip", size_param = "$top", size = 2, count = { params = { n = "1" }, member = "n" } }"#;
    let pages = [
        r#"{"n":3,"value":[{"Id":1},{"Id":2}]}"#,
        r#"{"value":[{"Id":2},{"Id":2,"a":1}]}"#,
        r#"{"value":[{"Id":2,"a":1}]}"#,
    ];
    let outcome = run(&[("deals", &endpoint(counted))], pages.map(Answer::ok)).await;
    assert_eq!(ids(&outcome), [1, 2]);
    assert_eq!(outcome.summary().repeated, 3);
}

#[tokio::test]
async fn keys_that_outgrow_their_memory_are_an_error() {
    let mut options = options();
    options.seen_keys_limit = 1_000;
    // Texts: numbers are remembered in next to nothing.
    let all: Vec<String> = (0..100).map(|id| format!(r#"{{"Id":"k{id}"}}"#)).collect();
    let body = format!("[{}]", all.join(","));
    let outcome = run_with(&[("deals", &endpoint(PAGE))], [Answer::ok(body.as_str())], options).await;
    assert!(outcome.error().advice().unwrap().contains("--memory"), "{outcome:?}");
}
