//! What the vendor may answer instead of a page, where tables come from, and when reading stops.

use std::time::{Duration, Instant};

use super::super::walk::{Reader, Sink};
use super::*;
use crate::error::Kind;
use crate::http::Stopper;

#[tokio::test]
async fn a_table_can_be_read_for_each_row_of_another() {
    let child = "endpoint = \"/Deals/{id}/quotes\"\nfor_each = { table = \"deals\", column = \"id\" }\npagination = { type = \"single\" }";
    let parent = endpoint(OFFSET);
    let tables = [("quotes", child), ("deals", &*parent)];
    let parents = || vec![Answer::ok(r#"[{"Id":7},{"Id":"a/b"},{"Id":null}]"#), Answer::ok(r#"[{"Id":null}]"#)];
    let mut answers = parents();
    answers.extend([page(&[70, 71]), Answer::new(404, "")]);
    let outcome = run(&tables, answers).await;
    assert_eq!(ids(&outcome), [70, 71]);
    assert_eq!(outcome.targets[2..], ["/Deals/7/quotes", "/Deals/a%2Fb/quotes"]);
    assert_eq!((outcome.summary().unavailable.as_deref(), outcome.counts.rows), (None, 2));

    let mut answers = parents();
    answers.extend([Answer::new(404, ""), Answer::new(404, "")]);
    let outcome = run(&tables, answers).await;
    assert_eq!(
        outcome.summary().unavailable.as_deref(),
        Some("`/Deals/{id}/quotes` was answered 404 for each of 2 rows")
    );

    let outcome = run(&tables, [Answer::new(403, "")]).await;
    assert!(
        outcome.error().message().starts_with("reading `deals` for its rows: GET "),
        "{outcome:?}"
    );

    let outcome = run(&tables, [Answer::ok(r#"[{"Id":".."}]"#), page(&[])]).await;
    assert!(outcome.error().message().contains("found `..`"), "{outcome:?}");
}

#[tokio::test]
async fn endpoints_are_tried_in_order_while_the_answer_is_404() {
    let lines = format!("endpoint = [\"/a\", \"/b\", \"/c\"]\npagination = {PAGE}");
    let none = || Answer::new(404, "");
    let outcome = run(&[("deals", &lines)], [none(), page(&[1]), page(&[])]).await;
    assert_eq!(outcome.summary().rows, 1);
    assert_eq!(outcome.targets, ["/a?page=1", "/b?page=1", "/b?page=2"]);

    let outcome = run(&[("deals", &lines)], [none(), none(), none()]).await;
    assert_eq!(outcome.error().kind(), Kind::Refused);
    assert!(
        outcome
            .error()
            .message()
            .starts_with("none of the endpoints `/a`, `/b`, `/c` is there: GET"),
        "{outcome:?}"
    );
    assert!(outcome.error().advice().unwrap().contains("schemas/acme/deals.toml"));

    let outcome = run(&[("deals", &lines)], [none(), page(&[1]), none()]).await;
    assert_eq!(outcome.error().kind(), Kind::Refused, "a 404 in the middle is not the end");

    let mut options = options();
    options.endpoint = Some("/d".to_owned());
    let outcome = run_with(&[("deals", &lines)], [none()], options).await;
    assert_eq!(outcome.targets, ["/d?page=1"]);
}

#[tokio::test]
async fn an_optional_table_may_be_absent_and_nothing_else() {
    let lines = format!("{}\noptional = true", endpoint(PAGE));
    let tables = [("deals", &*lines)];
    for status in [400, 403, 404] {
        let outcome = run(&tables, [Answer::new(status, r#"{"Message":"sem acesso"}"#)]).await;
        let reason = outcome.summary().unavailable.as_deref().unwrap();
        assert!(reason.contains(&status.to_string()) && reason.contains("sem acesso"), "{reason}");
        let outcome = run(&[("deals", &endpoint(PAGE))], [Answer::new(status, "")]).await;
        assert_eq!(outcome.error().kind(), Kind::Refused);
        let outcome = run(&tables, [page(&[1]), Answer::new(status, "")]).await;
        assert_eq!(outcome.error().kind(), Kind::Refused);
    }
    assert_eq!(run(&tables, [Answer::new(401, "")]).await.error().kind(), Kind::Auth);
}

#[tokio::test]
async fn a_success_that_is_no_page_is_asked_for_again_and_never_the_end() {
    for (body, told) in [
        ("", "the body is empty"),
        ("<html>", "the body begins `<html>`"),
        ("\"Erro\"", "the vendor says `Erro`"),
        (r#"{"value":"Erro interno"}"#, "the vendor says `Erro interno`"),
        (r#"{"error":{"message":"Erro interno"}}"#, "the vendor says `Erro interno`"),
        (r#"{"value":null}"#, "the body is an object with `value` (null)"),
        ("{}", "the body is an object"),
        ("null", "the body begins `null`"),
        (
            r#"{"value":[{"Id":1}"#,
            "the body is an object with `value` (an array, first an object with `Id`; at byte 18",
        ),
    ] {
        let bad = || Answer::ok(body);
        let outcome = run(&[("deals", &endpoint(KEYSET))], [page(&[1]), bad(), page(&[2]), page(&[])]).await;
        assert_eq!(ids(&outcome), [1, 2], "{body}");
        let outcome = run(&[("deals", &endpoint(KEYSET))], [page(&[1]), bad(), bad(), bad()]).await;
        assert_eq!(outcome.error().kind(), Kind::Data, "{body}");
        let message = outcome.error().message();
        assert!(message.contains("(3 attempts") && message.contains(told), "{message}");
    }
    let context = format!(r#"{{"@odata.context":"{}","value":"Erro {TOKEN}"}}"#, "x".repeat(300));
    let outcome = run(&[("deals", &endpoint(KEYSET))], vec![Answer::ok(context); 3]).await;
    assert!(outcome.error().message().contains("the vendor says `Erro REDACTED`"), "{outcome:?}");
}

#[tokio::test]
async fn reading_stops_wherever_it_waits() {
    let catalog = catalog(&[("deals", &endpoint(KEYSET))]);
    let source = catalog.source("acme").unwrap().clone();
    let pause = Answer::new(429, "").header("Retry-After", "60");
    // Waiting for the decoder, for memory, for a pause to end.
    for (answers, memory) in [
        (vec![page(&[1]), page(&[2]), page(&[3])], 1024),
        (vec![page(&[1]), page(&[2])], 1),
        (vec![pause], 1024),
    ] {
        let server = Scripted::new(answers);
        let (stopper, stop) = Stopper::new();
        let mut client_options = server.options();
        client_options.stop = stop;
        let client = Client::new(client_options).unwrap();
        let (sender, _receiver) = mpsc::channel(1);
        let mut options = options();
        options.memory = Memory::new(memory);
        let source = source.clone();
        let start = Instant::now();
        // Also shows that the future can be spawned.
        let reading = tokio::spawn(async move { read(&client, &source, &source.tables["deals"], &options, &Meter::new(), sender).await });
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(!reading.is_finished());
        stopper.stop();
        assert_eq!(reading.await.unwrap().unwrap_err().kind(), Kind::Stopped);
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn reading_ends_when_nobody_takes_the_pages() {
    let catalog = catalog(&[("deals", &endpoint(KEYSET))]);
    let source = catalog.source("acme").unwrap();
    let server = Scripted::new([page(&[1])]);
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let result = read(&server.client(), source, &source.tables["deals"], &options(), &Meter::new(), sender).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Stopped);
}

#[tokio::test]
async fn probes_ask_for_one_row() {
    let child = "endpoint = \"/Deals/{id}/quotes\"\nfor_each = { table = \"deals\", column = \"id\" }\noptional = true";
    let deals = format!("endpoint = [\"/x\", \"/Deals\"]\npagination = {COUNTED}");
    let catalog = catalog(&[("quotes", child), ("deals", &deals)]);
    let source = catalog.source("acme").unwrap();
    let missing = || Answer::new(404, "");
    for (table, endpoint, answers, rows, counted_rows, targets) in [
        (
            "deals",
            None,
            vec![missing(), counted(&[1], 9)],
            1,
            Some(9),
            vec!["/x?$orderby=Id&$top=1&$count=true", "/Deals?$orderby=Id&$top=1&$count=true"],
        ),
        (
            "deals",
            Some("/y"),
            vec![page(&[])],
            0,
            None,
            vec!["/y?$orderby=Id&$top=1&$count=true"],
        ),
        (
            "quotes",
            None,
            vec![page(&[5]), page(&[1, 2])],
            2,
            None,
            vec!["/x?$orderby=Id&$top=1&$count=true", "/Deals/5/quotes"],
        ),
        (
            "quotes",
            None,
            vec![page(&[5]), missing()],
            0,
            None,
            vec!["/x?$orderby=Id&$top=1&$count=true", "/Deals/5/quotes"],
        ),
        ("quotes", None, vec![page(&[])], 0, None, vec!["/x?$orderby=Id&$top=1&$count=true"]),
    ] {
        let server = Scripted::new(answers);
        let probe = probe(&server.client(), source, &source.tables[table], endpoint, 1, &Meter::new())
            .await
            .unwrap();
        let found = probe.page.map_or(0, |page| page.records.len());
        assert_eq!((found, probe.counted), (rows, counted_rows), "{table}");
        assert_eq!(server.targets(), targets);
    }
    let server = Scripted::new([page(&[5]), Answer::new(403, "")]);
    let absent = probe(&server.client(), source, &source.tables["quotes"], None, 1, &Meter::new())
        .await
        .unwrap();
    assert!(absent.unavailable.unwrap().contains("403"));
    let server = Scripted::new([Answer::new(401, "")]);
    let refused = probe(&server.client(), source, &source.tables["deals"], None, 1, &Meter::new()).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::Auth);
}

#[test]
fn every_embedded_table_can_be_asked_for() {
    let server = Scripted::new([]);
    let client = server.client();
    let catalog = Catalog::embedded().unwrap();
    for source in catalog.sources() {
        for table in source.tables.values() {
            let (pages, _) = mpsc::channel(1);
            let sink = Sink::Pages {
                pages,
                memory: Memory::new(1),
            };
            let reader = Reader::new(&client, source, table, &Meter::new(), &options(), sink).map(|_| ());
            match table.fetch() {
                Some(_) => reader.unwrap_or_else(|error| panic!("{}.{}: {error:?}", source.id, table.id)),
                None => assert_eq!(reader.unwrap_err().kind(), Kind::Defect),
            }
        }
    }
}

#[tokio::test]
async fn a_read_began_when_its_first_page_was_asked_for_by_the_vendors_clock() {
    let at = |answer: Answer, date: &str| answer.header("Date", date);
    let lines = endpoint(KEYSET);
    let answers = [
        Answer::new(500, "").header("Date", "Wed, 21 Oct 2026 07:00:00 GMT"),
        at(page(&[1]), "Wed, 21 Oct 2026 07:28:00 GMT").header("Age", "30"),
        at(page(&[]), "Wed, 21 Oct 2026 09:00:00 GMT"),
    ];
    let outcome = run(&[("deals", &lines)], answers).await;
    let latest: DateTime<Utc> = "2026-10-21T07:27:25Z".parse().unwrap();
    let early = latest - outcome.summary().began;
    assert!((0..10_000).contains(&early.num_milliseconds()), "{early}");
    assert_eq!(outcome.summary().pages, 1);

    let before = Utc::now();
    let outcome = run(&[("deals", &lines)], [page(&[])]).await;
    let early = before - outcome.summary().began;
    assert!(early.num_seconds() > 200, "without a date, our own clock and five minutes: {early}");
}

#[tokio::test]
async fn marks_follow_their_table() {
    let offset = OFFSET.replace(" size = 2 }", r#" size = 2, order_param = "$orderby", order = "id" }"#);
    let by_date = OFFSET.replace(" size = 2 }", r#" size = 2, order_param = "$orderby", order = "date" }"#);
    let sliced = format!("{}\nslices = {{ param = \"status\", values = [\"1\"] }}", endpoint(KEYSET));
    for (lines, good, bad) in [
        (
            endpoint(KEYSET),
            &["above 8831", "above \"ab c\""][..],
            &["", "above", "above ", "above [1]", "above 1 2", "at 5 above 1", "above x"][..],
        ),
        (
            endpoint(&offset),
            &["at 1500 above 8831", "at 0 above \"a above b\""],
            &["above 8831", "at -1 above 1", "at 1 above", "at x above 1"],
        ),
        (endpoint(&by_date), &[], &["at 1500 above 8831", "above 8831"]),
        (endpoint(PAGE), &[], &["above 8831", ""]),
        (sliced, &[], &["above 8831"]),
    ] {
        let catalog = catalog(&[("deals", &lines)]);
        let table = &catalog.source("acme").unwrap().tables["deals"];
        for text in good {
            check_resume(table, text).unwrap();
            assert_eq!(super::super::resume::Resume::parse(text, table).unwrap().text(), *text);
        }
        for text in bad {
            let error = check_resume(table, text).unwrap_err();
            assert_eq!(error.kind(), Kind::Data, "{text}");
            assert!(error.message().contains(&format!("cannot go on from `{text}`")), "{error:?}");
        }
    }
    let options = ReadOptions {
        resume: Some("page 7".to_owned()),
        ..options()
    };
    let outcome = run_with(&[("deals", &endpoint(KEYSET))], [], options).await;
    assert_eq!(outcome.error().kind(), Kind::Data);
    assert!(outcome.targets.is_empty());
}

#[tokio::test]
async fn estimates_count_the_rows_of_the_range() {
    let filter = "[replication]\nmode = \"full\"\ncursor = \"at\"\nfrom = { param = \"$filter\", value = \"At ge {from}\" }";
    let counted_page = format!("{}\n{filter}", endpoint(COUNTED));
    let sliced = format!("{}\nslices = {{ param = \"status\", values = [\"1\", \"2\"] }}", endpoint(COUNTED));
    let options = ReadOptions {
        from: Some("2026-01-02T00:00:00Z".parse().unwrap()),
        ..options()
    };
    for (lines, answers, rows, requests, targets) in [
        (
            counted_page,
            vec![counted(&[1], 7)],
            Some(7),
            Some(5),
            vec!["/Deals?$filter=At%20ge%202026-01-02T00:00:00Z&$orderby=Id&$top=1&$count=true"],
        ),
        (
            sliced,
            vec![counted(&[1], 4), counted(&[2], 0)],
            Some(4),
            Some(4),
            vec![
                "/Deals?status=1&$orderby=Id&$top=1&$count=true",
                "/Deals?status=2&$orderby=Id&$top=1&$count=true",
            ],
        ),
        (
            endpoint(COUNTED),
            vec![page(&[1])],
            None,
            None,
            vec!["/Deals?$orderby=Id&$top=1&$count=true"],
        ),
        (endpoint(OFFSET), vec![], None, None, vec![]),
        (endpoint("{ type = \"single\" }"), vec![], None, Some(1), vec![]),
    ] {
        let catalog = catalog(&[("deals", &lines)]);
        let source = catalog.source("acme").unwrap();
        let server = Scripted::new(answers);
        let estimate = estimate(&server.client(), source, &source.tables["deals"], &options, &Meter::new())
            .await
            .unwrap();
        assert_eq!((estimate.rows, estimate.requests), (rows, requests), "{lines}");
        assert_eq!(server.targets(), targets);
    }
}
