//! Replies that are no page and still an answer, where the declaration says so; and replies that look like a page and are none.

use super::*;
use crate::error::Kind;

const ENDS: &str = "ends = [\"null\", \"no_content\", \"empty_body\"]";

/// Each way to tell the end, as the declaration names it.
fn ends() -> [(&'static str, Answer); 5] {
    [
        ("null", Answer::ok(r#"{"value":null}"#)),
        ("null", Answer::ok("null")),
        ("no_content", Answer::new(204, "")),
        ("empty_body", Answer::ok("")),
        ("empty_body", Answer::ok(" \r\n")),
    ]
}

#[tokio::test]
async fn an_end_that_is_told_otherwise_is_one_where_it_is_declared() {
    for (name, end) in ends() {
        for pagination in [KEYSET, OFFSET, PAGE] {
            let pages = || match pagination {
                OFFSET => vec![page(&[1, 2]), page(&[2])],
                _ => vec![page(&[1, 2]), end.clone(), end.clone(), end.clone()],
            };
            let lines = format!("{}\nends = [\"{name}\"]", endpoint(pagination));
            let outcome = run(&[("deals", &lines)], pages()).await;
            assert_eq!(ids(&outcome), [1, 2], "{name} {pagination}");
            outcome.summary();
            if pagination == OFFSET {
                continue;
            }
            // Another one is declared, or none.
            let other = if name == "null" { "no_content" } else { "null" };
            for lines in [format!("{}\nends = [\"{other}\"]", endpoint(pagination)), endpoint(pagination)] {
                let outcome = run(&[("deals", &lines)], pages()).await;
                assert_eq!(outcome.error().kind(), Kind::Data, "{lines}");
            }
        }
    }
}

#[tokio::test]
async fn such_an_end_is_none_before_the_count_is_reached() {
    for (name, end) in ends() {
        let lines = format!("{}\n{ENDS}", endpoint(COUNTED));
        let mut answers = vec![counted(&[1, 2], 3)];
        answers.extend(vec![end.clone(); 3]);
        let outcome = run(&[("deals", &lines)], answers).await;
        assert_eq!(outcome.error().kind(), Kind::Data, "{name}");
        // Asked for again, the page is there.
        let outcome = run(&[("deals", &lines)], [counted(&[1, 2], 3), end.clone(), page(&[3]), end.clone()]).await;
        assert_eq!(ids(&outcome), [1, 2, 3], "{name}");
        outcome.summary();
    }
}

#[tokio::test]
async fn as_the_first_page_it_is_no_end_unless_the_count_is_zero() {
    for (name, end) in ends() {
        for pagination in [KEYSET, COUNTED, OFFSET, PAGE, "{ type = \"single\" }"] {
            let lines = format!("{}\n{ENDS}", endpoint(pagination));
            let outcome = run(&[("deals", &lines)], vec![end.clone(); 3]).await;
            assert_eq!(outcome.error().kind(), Kind::Data, "{name} {pagination}");
        }
    }
    let lines = format!("{}\n{ENDS}", endpoint(COUNTED));
    for (body, is_end) in [
        (r#"{"@odata.count":0,"value":null}"#, true),
        (r#"{"value":null,"@odata.count":"0"}"#, true),
        (r#"{"@odata.count":1,"value":null}"#, false),
        (r#"{"@odata.count":0,"value":null,"error":{"message":"x"}}"#, false),
        (r#"{"@odata.count":0}"#, false),
    ] {
        let outcome = run(&[("deals", &lines)], vec![Answer::ok(body); 3]).await;
        assert_eq!(outcome.result.is_ok(), is_end, "{body}: {:?}", outcome.result);
        if is_end {
            assert_eq!((outcome.summary().rows, outcome.summary().counted), (0, Some(0)));
        }
    }
    let by_header = r#"{ type = "page", page_param = "page", count = { header = "X-Total" } }"#;
    let lines = format!("{}\n{ENDS}", endpoint(by_header));
    let outcome = run(&[("deals", &lines)], [Answer::new(204, "").header("X-Total", "0")]).await;
    assert_eq!(outcome.summary().counted, Some(0));
}

#[tokio::test]
async fn records_beside_an_error_are_no_page() {
    for member in [
        r#""error":{"code":"","message":"quota"}"#,
        r#""error":"quota""#,
        r#""Errors":["quota"]"#,
        r#""erro":true"#,
        r#""erros":[{"x":1}]"#,
    ] {
        for body in [
            format!(r#"{{{member},"value":[]}}"#),
            format!(r#"{{"value":[{{"Id":3}}],{member}}}"#),
        ] {
            let bad = || Answer::ok(body.as_str());
            let outcome = run(&[("deals", &endpoint(KEYSET))], [bad(), bad(), bad()]).await;
            assert!(
                outcome
                    .error()
                    .message()
                    .contains("expected a page, found records beside the member"),
                "{outcome:?}"
            );
            let outcome = run(&[("deals", &endpoint(KEYSET))], [page(&[1]), bad(), page(&[2]), page(&[])]).await;
            assert_eq!(ids(&outcome), [1, 2], "asked for again: {body}");
        }
    }
    // There with every reply, and empty.
    for member in [
        r#""error":null"#,
        r#""error":false"#,
        r#""errors":[ ]"#,
        r#""errors":{}"#,
        r#""erro":"""#,
        r#""error":0"#,
    ] {
        let bodies = [
            format!(r#"{{{member},"value":[{{"Id":1}}]}}"#),
            format!(r#"{{{member},"value":[]}}"#),
        ];
        let outcome = run(&[("deals", &endpoint(KEYSET))], bodies.map(Answer::ok)).await;
        assert_eq!(ids(&outcome), [1], "{member}");
    }
    // A table of errors is declared.
    let lines = format!("{}\nrecords = [\"errors\"]", endpoint("{ type = \"single\" }"));
    let outcome = run(&[("deals", &lines)], [Answer::ok(r#"{"errors":[{"Id":1}]}"#)]).await;
    assert_eq!(ids(&outcome), [1]);
}

#[tokio::test]
async fn an_answer_that_is_not_there_yet_is_no_page() {
    for status in [202, 206] {
        let not_yet = || Answer::new(status, r#"{"value":[]}"#);
        let outcome = run(&[("deals", &endpoint(KEYSET))], [not_yet(), not_yet(), not_yet()]).await;
        let message = outcome.error().message();
        assert!(message.contains(&format!("answered {status}")), "{message}");
        let outcome = run(&[("deals", &endpoint(KEYSET))], [not_yet(), page(&[1]), not_yet(), page(&[])]).await;
        assert_eq!(ids(&outcome), [1]);
    }
}

const LOOKED_UP: &str = "look_up = { nothing = [\"message\"], bare = true }";

fn child(lines: &str) -> String {
    format!("endpoint = \"/quotes/{{id}}\"\nfor_each = {{ table = \"deals\", column = \"id\" }}\npagination = {PAGE}\n{lines}")
}

/// Reads the children of deals 1, 2 and 3.
async fn children(lines: &str, answers: Vec<Answer>) -> Outcome {
    let (child, parent) = (child(lines), endpoint("{ type = \"single\" }"));
    let mut all = vec![page(&[1, 2, 3])];
    all.extend(answers);
    run(&[("quotes", &child), ("deals", &parent)], all).await
}

#[tokio::test]
async fn a_look_up_that_finds_nothing_is_none_for_that_row_where_it_is_declared() {
    let nothing = || Answer::ok(r#"{"message":"Nenhum registro encontrado","status":404}"#);
    let some = |id: u32| vec![page(&[id]), page(&[])];
    let answers = || [vec![nothing()], some(20), vec![Answer::new(404, "")]].concat();
    let outcome = children(LOOKED_UP, answers()).await;
    assert_eq!(ids(&outcome), [20]);
    let summary = outcome.summary();
    assert_eq!((summary.parents, summary.not_found), (3, 1));
    assert_eq!(summary.nothing_for, ["1", "3"], "a 404 says so as well");
    let catalog = catalog(&[("quotes", &child(LOOKED_UP)), ("deals", &endpoint("{ type = \"single\" }"))]);
    let table = &catalog.source("acme").unwrap().tables["quotes"];
    assert_eq!(
        summary.warning(table).as_deref(),
        Some("for 1 of 3 rows of `deals` the vendor answered that it found nothing")
    );
    // All of them, which is for whoever knows the lake to judge; none of them, which is nothing to warn of.
    let outcome = children(LOOKED_UP, vec![nothing(); 3]).await;
    assert_eq!((outcome.summary().not_found, outcome.summary().nothing_for.len()), (3, 3));
    assert_eq!(outcome.summary().unavailable, None);
    let outcome = children(LOOKED_UP, [some(10), some(20), some(30)].concat()).await;
    assert_eq!((outcome.summary().nothing_for.len(), outcome.summary().warning(table)), (0, None));
    // After a page with rows it is the end of these.
    let outcome = children(LOOKED_UP, [some(10), vec![page(&[20]), nothing()], some(30)].concat()).await;
    assert_eq!((ids(&outcome), outcome.summary().not_found), (vec![10, 20, 30], 0));
    // Not declared.
    assert_eq!(children("", vec![nothing(); 3]).await.error().kind(), Kind::Data);
}

#[tokio::test]
async fn what_only_looks_like_a_look_up_that_finds_nothing_is_no_page() {
    for body in [
        r#"{"error":"x","message":"y"}"#,
        r#"{"message":{"text":"x"}}"#,
        r#"{"message":"x","data":{"a":1}}"#,
        r#"{"message":null}"#,
        r#"{"mensagem":"x"}"#,
        r#"{}"#,
        "\"x\"",
    ] {
        let outcome = children(LOOKED_UP, vec![Answer::ok(body); 3]).await;
        assert_eq!(outcome.error().kind(), Kind::Data, "{body}");
    }
    // A table that is not read row by row has no look-ups.
    let lines = format!("{}\n{LOOKED_UP}", endpoint(PAGE));
    let outcome = run(&[("deals", &lines)], vec![Answer::ok(r#"{"message":"x"}"#); 3]).await;
    assert_eq!(outcome.error().kind(), Kind::Data);
    let outcome = run(&[("deals", &lines)], vec![Answer::ok(r#"{"Id":1}"#); 3]).await;
    assert_eq!(outcome.error().kind(), Kind::Data);
}

#[tokio::test]
async fn a_bare_object_with_the_key_is_one_record() {
    let bare = |id: u32| Answer::ok(format!(r#"{{"Id":{id},"message":"oi","itens":[]}}"#));
    let nothing = || Answer::ok(r#"{"message":"nada"}"#);
    let outcome = children(LOOKED_UP, vec![bare(10), nothing(), bare(20), bare(20), page(&[30]), page(&[])]).await;
    let records: Vec<&str> = outcome.records.iter().map(String::as_str).collect();
    assert_eq!(
        records,
        [
            r#"{"Id":10,"message":"oi","itens":[]}"#,
            r#"{"Id":20,"message":"oi","itens":[]}"#,
            r#"{"Id":30}"#
        ]
    );
    assert_eq!(outcome.summary().not_found, 0);
    // Not declared so: neither a record nor nothing.
    let outcome = children("look_up = { nothing = [\"message\"] }", vec![bare(10); 3]).await;
    assert_eq!(outcome.error().kind(), Kind::Data);
}
