//! Which pages a [`Pager`] asks for, what it believes, and where it ends.

use super::super::envelope::Next;
use super::super::pagination::{Held, Pager, Step};
use super::super::resume::{Mark, Place, Resume};
use crate::error::Kind;
use crate::schema::Pagination;

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
    pagination("type = \"offset\"\noffset_param = \"$skip\"\nsize_param = \"$top\"\nsize = 500\norder_param = \"$orderby\"\norder = \"id\"")
}

fn page() -> Pagination {
    pagination("type = \"page\"\npage_param = \"page\"\nsize_param = \"limit\"\nsize = 1000\nnext = \"next_page\"")
}

fn held<'a>(marks: &[&'a str]) -> Held<'a> {
    Held {
        marks: marks.iter().copied().map(Some).collect(),
        states: marks
            .iter()
            .map(|mark| mark.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(257) + u64::from(byte)))
            .collect(),
        unseen: marks.len(),
        next: Next::Absent,
        pages: None,
        counted: None,
    }
}

fn walk(pagination: &Pagination) -> Pager<'_> {
    Pager::new(pagination, Place::Nowhere, None)
}

/// Takes in a page that follows.
fn take(pager: &mut Pager, held: &Held<'_>) -> Step {
    assert!(
        pager.follows(&held.states, None, held.marks.first().copied().flatten()).unwrap(),
        "{held:?}"
    );
    pager.advance(held).unwrap()
}

fn query(pager: &Pager) -> String {
    let params: Vec<String> = pager.params().iter().map(|(name, value)| format!("{name}={value}")).collect();
    params.join("&")
}

#[test]
fn keyset_reads_above_the_last_key_until_an_empty_page() {
    let pagination = keyset();
    let mut pager = walk(&pagination);
    assert_eq!(query(&pager), "$orderby=Id&$top=300&$count=true");
    assert_eq!(pager.advance(&held(&["9", "10"])).unwrap(), Step::Next);
    assert_eq!(query(&pager), "$filter=Id gt 10&$orderby=Id&$top=300");
    assert_eq!(pager.advance(&held(&["11"])).unwrap(), Step::Next, "a short page is not the end");
    assert_eq!(query(&pager), "$filter=Id gt 11&$orderby=Id&$top=300");
    assert_eq!(pager.advance(&held(&[])).unwrap(), Step::End);
    assert_eq!(query(&Pager::small(&pagination, None)), "$orderby=Id&$top=1&$count=true");
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
        (
            &[&["\"b\"", "\"a\""]],
            "above a text of 1 characters in record 1 of the page, found a text of 1 characters",
            "ignored the order",
        ),
        (&[&["[1]"]], "the key `Id` in some record", "paged by this key"),
        (
            &[&["9"], &["[1]"], &["[2]"], &["[3]"], &["[4]"]],
            "the key `Id` in some record",
            "paged by this key",
        ),
    ] {
        let mut pager = walk(&pagination);
        let error = pages.iter().find_map(|page| pager.advance(&held(page)).err()).unwrap();
        assert_eq!(error.kind(), Kind::Data);
        assert!(error.message().contains(message), "{error:?}");
        assert!(error.advice().unwrap().contains(advice), "{error:?}");
    }
    let mut pager = walk(&pagination);
    assert_eq!(pager.advance(&held(&["\"a'b\"", "\"a\\u0063\""])).unwrap(), Step::Next);
    assert!(query(&pager).starts_with("$filter=Id gt ac&"));
    assert_eq!(Mark::new("\"a'b\"").unwrap().literal(), "a''b");
    assert!(Mark::new("10.5").unwrap().is_above(&Mark::new("9.5").unwrap()));
}

#[test]
fn an_empty_page_before_the_count_is_asked_for_once_more() {
    let pagination = keyset();
    let mut pager = walk(&pagination);
    let counted = Held {
        counted: Some(3),
        ..held(&["1", "2"])
    };
    assert_eq!(pager.advance(&counted).unwrap(), Step::Next);
    assert_eq!(pager.advance(&held(&[])).unwrap(), Step::Again);
    assert_eq!(query(&pager), "$filter=Id gt 2&$orderby=Id&$top=300");
    assert_eq!(pager.advance(&held(&["3"])).unwrap(), Step::Next);
    assert_eq!(pager.advance(&held(&[])).unwrap(), Step::End);

    let mut pager = walk(&pagination);
    let nothing = Held {
        counted: Some(3),
        ..held(&[])
    };
    assert_eq!(pager.advance(&nothing).unwrap(), Step::Again);
    assert_eq!(pager.advance(&nothing).unwrap(), Step::End, "believed the second time");
    assert_eq!((pager.rows(), pager.counted()), (0, Some(3)), "and the caller sees what is missing");
}

#[test]
fn offsets_overlap_and_go_back_until_a_page_begins_with_a_known_row() {
    let pagination = offset();
    let mut pager = walk(&pagination);
    let rows: Vec<String> = (0..700).map(|row| row.to_string()).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(query(&pager), "$orderby=id&$top=500&$skip=0");
    assert_eq!(take(&mut pager, &held(&rows[..500])), Step::Next);
    assert_eq!(query(&pager), "$orderby=id&$top=500&$skip=475", "a twentieth");
    // Sixty rows were deleted before it.
    let mut follows = |rows: &[&str]| {
        pager
            .follows(&held(rows).states, None, None)
            .map(|follows| (follows, query(&pager)))
            .unwrap()
    };
    assert_eq!(follows(&rows[535..]), (false, "$orderby=id&$top=500&$skip=450".to_owned()));
    assert_eq!(follows(&rows[510..]), (false, "$orderby=id&$top=500&$skip=400".to_owned()));
    let page = Held {
        unseen: 200,
        ..held(&rows[460..])
    };
    assert_eq!(take(&mut pager, &page), Step::Next);
    assert_eq!(
        query(&pager),
        "$orderby=id&$top=500&$skip=628",
        "400 and 240, less a twentieth of the last"
    );
    let nothing_new = Held {
        unseen: 0,
        ..held(&rows[688..])
    };
    assert_eq!(take(&mut pager, &nothing_new), Step::End);
    assert_eq!(pager.rows(), 700);
}

#[test]
fn no_rows_at_all_are_the_end_at_the_beginning_only() {
    let pagination = offset();
    let mut pager = walk(&pagination);
    assert_eq!(take(&mut pager, &held(&["1", "2", "3"])), Step::Next);
    assert!(!pager.follows(&[], None, None).unwrap());
    assert_eq!(query(&pager), "$orderby=id&$top=500&$skip=1");
    assert!(!pager.follows(&[], None, None).unwrap());
    assert_eq!(query(&pager), "$orderby=id&$top=500&$skip=0");
    assert_eq!(take(&mut pager, &held(&[])), Step::End);
}

#[test]
fn offset_that_is_ignored_is_an_error_and_not_the_end() {
    let mut pagination = offset();
    if let Pagination::Offset { size, .. } = &mut pagination {
        *size = 2;
    }
    let mut pager = walk(&pagination);
    let repeated = Held {
        unseen: 0,
        ..held(&["1", "2"])
    };
    assert_eq!(take(&mut pager, &held(&["1", "2"])), Step::Next);
    assert_eq!(take(&mut pager, &repeated), Step::Next, "rows may have been inserted before");
    assert!(pager.advance(&repeated).unwrap_err().advice().unwrap().contains("repeats a page"));
}

#[test]
fn numbered_pages_overlap_by_their_size() {
    let pagination = page();
    let mut pager = walk(&pagination);
    let rows: Vec<String> = (0..2_000).map(|row| row.to_string()).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(query(&pager), "page=1&limit=1000");
    assert_eq!(take(&mut pager, &held(&rows[..1_000])), Step::Next);
    assert_eq!(query(&pager), "page=2&limit=999");
    assert_eq!(take(&mut pager, &held(&rows[999..1_998])), Step::Next);
    assert_eq!(query(&pager), "page=3&limit=998", "from row 1996 on");
    let last = Held {
        next: Next::Null,
        ..held(&rows[1_996..])
    };
    assert_eq!(take(&mut pager, &last), Step::End);
}

#[test]
fn a_vendor_that_ignores_the_size_is_paged_by_number() {
    let pagination = page();
    for (pages, expected) in [
        // More than asked: the size is its own. At the second page, at the first, or at the first asked for again.
        (vec![(&["1", "2", "3"][..], true), (&["4", "5", "6"], true)], "page=3&limit=1000"),
        (
            vec![(&["1", "2", "3"], true), (&["4"], false), (&["1", "2", "3"], false)],
            "page=2&limit=1000",
        ),
    ] {
        let mut pager = walk(&pagination);
        for (page, follows) in pages {
            let page = held(page);
            assert_eq!(pager.follows(&page.states, None, None).unwrap(), follows, "{}", query(&pager));
            if follows {
                assert_eq!(pager.advance(&page).unwrap(), Step::Next);
            }
        }
        assert_eq!(query(&pager), expected);
    }
}

#[test]
fn headers_tell_the_last_page_and_a_size_that_is_ignored() {
    let text = "type = \"page\"\npage_param = \"page\"\nsize_param = \"limit\"\nsize = 4\npages_header = \"X-Pages\"\nsize_header = \"X-Per-Page\"";
    let pagination = pagination(text);
    let of = |rows: &[&'static str], pages| Held { pages, ..held(rows) };
    let mut pager = walk(&pagination);
    assert_eq!(take(&mut pager, &of(&["1", "2", "3", "4"], Some(2))), Step::Next);
    assert_eq!(query(&pager), "page=2&limit=3");
    let (last, told) = (of(&["4", "5"], Some(2)), Some(4));
    assert_eq!(take(&mut pager, &last), Step::End, "the second of two");
    // Without the header it would have been asked for a page more.
    let mut pager = walk(&pagination);
    assert_eq!(take(&mut pager, &of(&["1", "2", "3", "4"], None)), Step::Next);
    assert_eq!(take(&mut pager, &of(&["4", "5"], None)), Step::Next);
    // Two rows of a page of four do not look like it: the header does.
    let mut pager = walk(&pagination);
    assert_eq!(take(&mut pager, &of(&["1", "2", "3", "4"], Some(2))), Step::Next);
    let last = of(&["5", "6"], Some(2));
    assert!(pager.follows(&last.states, told, None).unwrap());
    assert_eq!(pager.advance(&last).unwrap(), Step::End);
}

#[test]
fn a_full_page_is_the_last_only_where_the_count_agrees() {
    let text = "type = \"page\"\npage_param = \"page\"\nsize_param = \"limit\"\nsize = 4\npages_header = \"X-Pages\"";
    let pagination = pagination(text);
    for (pages, counted, rows, expected) in [
        (Some(1), Some(4), 4, Step::End),
        (Some(1), None, 4, Step::Next),
        (Some(1), Some(0), 4, Step::Next),
        (Some(1), Some(3), 4, Step::Next),
        (Some(1), Some(9), 4, Step::Next),
        (Some(1), None, 3, Step::End),
        // No number of pages at all.
        (Some(0), None, 4, Step::Next),
        (Some(0), Some(0), 3, Step::Next),
        (Some(0), Some(4), 4, Step::Next),
    ] {
        let page = Held {
            pages,
            counted,
            ..held(&["1", "2", "3", "4"][..rows])
        };
        assert_eq!(
            take(&mut walk(&pagination), &page),
            expected,
            "{pages:?} pages, {counted:?} counted, {rows} rows"
        );
    }
    // The vendor counts pages of twenty rows whatever size is asked for: the second of two would be the last of three.
    let mut pager = walk(&pagination);
    for rows in [&["1", "2", "3", "4"][..], &["4", "5", "6"]] {
        let page = Held {
            pages: Some(2),
            ..held(rows)
        };
        assert_eq!(take(&mut pager, &page), Step::Next, "{rows:?}");
    }
}

#[test]
fn pages_without_a_size_end_in_three_ways_and_not_where_rows_were_pushed_back() {
    let pagination = pagination("type = \"page\"\npage_param = \"page\"\nnext = \"next_page\"");
    for (last, expected) in [
        (held(&[]), Step::End),
        (
            Held {
                unseen: 0,
                ..held(&["1", "2"])
            },
            Step::End,
        ),
        // Rows inserted before it have pushed it back: what follows it was not read yet.
        (Held { unseen: 0, ..held(&["2"]) }, Step::Next),
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
        let mut pager = walk(&pagination);
        assert_eq!(query(&pager), "page=1");
        assert_eq!(take(&mut pager, &held(&["1", "2"])), Step::Next);
        assert_eq!(query(&pager), "page=2");
        assert_eq!(take(&mut pager, &last), expected, "{last:?}");
    }
}

#[test]
fn a_record_without_its_key_ends_no_keyset_paging() {
    let page = |marks: &[&'static str], unseen| {
        let marks: Vec<_> = marks.iter().map(|mark| (*mark != "-").then_some(*mark)).collect();
        let states = marks
            .iter()
            .enumerate()
            .map(|(at, mark)| if mark.is_some() { 100 + at as u64 } else { 7 })
            .collect();
        Held {
            marks,
            states,
            unseen,
            next: Next::Absent,
            pages: None,
            counted: None,
        }
    };
    let pagination = keyset();
    let mut pager = walk(&pagination);
    assert_eq!(pager.advance(&page(&["-", "9", "-", "10"], 4)).unwrap(), Step::Next);
    assert!(query(&pager).contains("Id gt 10") && !pager.comes_again(7));
    // The last one may have any key above 10: what is above 10 begins with it.
    assert_eq!(pager.advance(&page(&["11", "-"], 2)).unwrap(), Step::Next);
    assert!(query(&pager).contains("Id gt 11") && pager.comes_again(7));
    assert_eq!(pager.advance(&page(&["-", "12", "-"], 1)).unwrap(), Step::Next);
    // Nothing else is left: asked for again before it is believed.
    assert_eq!(pager.advance(&page(&["-"], 0)).unwrap(), Step::Again);
    assert!(query(&pager).contains("Id gt 12"));
    assert_eq!(pager.advance(&page(&["-"], 0)).unwrap(), Step::End);
    // A full page of them tells neither where to go on nor that it is the end; nor does a first page.
    let mut full = walk(&pagination);
    assert_eq!(full.advance(&page(&["9"], 1)).unwrap(), Step::Next);
    assert!(full.advance(&page(&["-"; 300], 300)).is_err());
    assert!(walk(&pagination).advance(&page(&["-"], 1)).is_err());
}

#[test]
fn a_resumed_walk_finds_its_place() {
    let above = |key| Resume {
        at: None,
        above: Mark::new(key).unwrap(),
    };
    let pagination = keyset();
    let pager = Pager::new(&pagination, Place::Key, Some(above("9")));
    assert_eq!(query(&pager), "$filter=Id gt 9&$orderby=Id&$top=300&$count=true");
    assert_eq!(
        query(&Pager::small(&pagination, Some(above("9")))),
        "$filter=Id gt 9&$orderby=Id&$top=1&$count=true"
    );
    assert_eq!(pager.resume().as_deref(), Some("above 9"));

    let pagination = offset();
    let mut pager = Pager::new(
        &pagination,
        Place::Position,
        Some(Resume {
            at: Some(900),
            ..above("9")
        }),
    );
    assert_eq!(query(&pager), "$orderby=id&$top=500&$skip=899");
    assert!(
        !pager.follows(&[0], None, Some("10")).unwrap(),
        "rows before it may not have been read"
    );
    assert_eq!(query(&pager), "$orderby=id&$top=500&$skip=898");
    let page = Held {
        unseen: 1,
        counted: Some(1_000),
        ..held(&["8", "9", "11"])
    };
    assert_eq!(take(&mut pager, &page), Step::Next);
    assert_eq!((pager.rows(), pager.counted()), (1, None), "the API counts the rows before as well");
    assert_eq!(pager.resume().as_deref(), Some("at 901 above 11"));
    let wrong = Held {
        unseen: 2,
        ..held(&["11", "13", "12"])
    };
    assert!(pager.advance(&wrong).unwrap_err().message().contains("cannot go on"));

    let mut pager = Pager::new(&pagination, Place::Position, None);
    assert_eq!(take(&mut pager, &held(&["2", "1"])), Step::Next);
    assert_eq!(pager.resume(), None, "the vendor ignores the order");
}

#[test]
fn a_single_page_at_its_cap_is_an_error() {
    let pagination = pagination("type = \"single\"\nparams = { page = \"-1\" }\ncap = 2");
    let mut pager = walk(&pagination);
    assert_eq!(query(&pager), "page=-1");
    assert_eq!(pager.advance(&held(&["1"])).unwrap(), Step::End);
    let error = walk(&pagination).advance(&held(&["1", "2"])).unwrap_err();
    assert!(error.message().contains("fewer than 2 rows"), "{error:?}");
}
