//! The simulated API against what its sheet says, read as a client reads it: page by page, by the headers.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::*;
use crate::sandbox::Sandbox;

fn get(world: &World, path: &str, query: &str) -> Answer {
    answer(world, &Ask::of(path, query, &[("authorization", Sandbox::token("customerx"))]))
}

fn header(answer: &Answer, name: &str) -> u64 {
    let found = answer.headers.iter().find(|(known, _)| *known == name).unwrap();
    found.1.parse().unwrap()
}

fn records(body: &Value) -> Vec<Value> {
    body.as_array().or_else(|| body["data"].as_array()).unwrap().clone()
}

/// Reads a list to the page that the headers say is the last, and holds it against their count.
fn read(world: &World, path: &str, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for number in 1.. {
        let answer = get(world, &format!("/{path}"), &format!("page={number}&{query}"));
        assert_eq!(answer.status, 200, "{path}?{query}");
        assert_eq!(header(&answer, "X-Page"), number);
        let page = records(&answer.value());
        assert!(page.len() as u64 <= header(&answer, "X-Per-Page"));
        all.extend(page);
        if number >= header(&answer, "X-Pages") {
            assert_eq!(all.len() as u64, header(&answer, "X-Total"), "{path}?{query}");
            break;
        }
    }
    all
}

fn ids(records: &[Value]) -> Vec<u64> {
    records.iter().map(|record| record["id"].as_u64().unwrap()).collect()
}

fn read_all(world: &World) -> HashMap<&'static str, Vec<Value>> {
    let of = |list: &&List| (list.ids.table, read(world, list.path, ""));
    LISTS.iter().map(of).collect()
}

#[test]
fn every_table_answers_as_many_rows_as_are_counted() {
    let fixed = vec![("customerx.clients__phones".to_owned(), 31), ("customerx.groups".to_owned(), 130)];
    for (large, table_rows) in [(0, &[][..]), (1, &[]), (7, &[]), (130, &[]), (60, &fixed)] {
        let mut world = World::new(3, large, table_rows);
        check_counts(&world);
        world
            .churn(1, 300, &["customerx.clients", "customerx.contacts", "customerx.tasks"], false)
            .unwrap();
        check_counts(&world);
    }
}

fn check_counts(world: &World) {
    let all = read_all(world);
    for (table, rows) in row_counts(world) {
        let found = match table.split_once("__") {
            None => {
                let unique: HashSet<u64> = ids(&all[table]).into_iter().collect();
                assert_eq!(unique.len(), all[table].len());
                unique.len()
            }
            Some((parent, member)) => all[parent]
                .iter()
                .filter_map(|record| record[member].as_array())
                .map(Vec::len)
                .sum(),
        };
        assert_eq!(found as u64, rows, "{table} of {}", world.large);
    }
}

#[test]
fn only_the_bare_token_is_let_in() {
    let world = World::new(1, 10, &[]);
    let token = Sandbox::token("customerx");
    let bearer = format!("Bearer {token}");
    for (headers, status) in [
        (&[][..], 401),
        (&[("authorization", bearer.as_str())], 401),
        (&[("token_api", token)], 401),
        (&[("authorization", token)], 200),
        (&[("authorization", bearer.as_str()), ("authorization", token)], 200),
    ] {
        let answer = answer(&world, &Ask::of("/clients", "", headers));
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.value()["error"].is_string(), status == 401);
    }
}

#[test]
fn pages_hold_twenty_rows_at_most_and_headers_tell() {
    let world = World::new(1, 47, &[]);
    for (query, rows, size, pages) in [
        ("", 20, 20, 3),
        ("page=3", 7, 20, 3),
        ("page=4", 0, 20, 3),
        ("page=18446744073709551615", 0, 20, 3),
        ("per_page=500", 20, 20, 3),
        ("per_page=7&page=7", 5, 7, 7),
        ("per_page=0", 20, 20, 3),
    ] {
        let answer = get(&world, "/clients/", query);
        assert_eq!(answer.value().as_array().unwrap().len(), rows, "{query}");
        let told = (
            header(&answer, "X-Per-Page"),
            header(&answer, "X-Pages"),
            header(&answer, "X-Total"),
        );
        assert_eq!(told, (size, pages, 47), "{query}");
    }
    assert_eq!(header(&get(&World::new(1, 0, &[]), "/clients", ""), "X-Pages"), 0);
    let groups = get(&world, "/groups", "").value();
    assert_eq!((groups["data"].as_array().unwrap().len(), &groups["last_page"]), (20, &2.into()));
    for path in ["/", "/client", "/timeline", "/nps", "/clients/901", "/journeys"] {
        assert_eq!(get(&world, path, "").status, 404, "{path}");
    }
}

#[test]
fn days_filter_clients_and_tasks_from_that_day_on() {
    check_days(&World::new(1, 400, &[]));
    check_days(&World::churned(1, 400));
}

fn check_days(world: &World) {
    for (path, filtered) in [("clients", true), ("tasks", true), ("contacts", false)] {
        let all = read(world, path, "");
        assert!(ids(&all).is_sorted());
        for (query, member, day) in [
            ("updated_at=2026-02-03", "updated_at", "2026-02-03"),
            ("created_at=2022-02-03", "created_at", "2022-02-03"),
        ] {
            let found: BTreeSet<u64> = ids(&read(world, path, query)).into_iter().collect();
            // The text has the day of São Paulo.
            let later = all.iter().filter(|record| !filtered || record[member].as_str().unwrap() >= day);
            let expected: Vec<Value> = later.cloned().collect();
            assert_eq!(found, ids(&expected).into_iter().collect(), "{path}?{query}");
            assert_eq!(found.len() < all.len(), filtered, "{path}?{query}");
            assert!(!found.is_empty());
        }
    }
    for wrong in ["updated_at=03/02/2026", "created_at=2026-02-03T10:00:00Z", "updated_at="] {
        assert_eq!(get(world, "/clients", wrong).status, 422, "{wrong}");
    }
}

#[test]
fn values_are_spelled_in_every_way_that_was_seen() {
    let all = read_all(&World::new(1, 400, &[]));
    let kinds = |table: &str, pointer: &str| -> BTreeSet<&'static str> {
        let found = all[table].iter().filter_map(|record| record.pointer(pointer));
        let kind = |value: &Value| match value {
            Value::Null => "null",
            Value::String(text) if text.is_empty() => "empty",
            Value::String(_) => "text",
            Value::Number(_) => "number",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Bool(_) => "bool",
        };
        found.map(kind).collect()
    };
    assert_eq!(kinds("customerx.clients", "/phones/0"), BTreeSet::from(["object", "text"]));
    assert_eq!(kinds("customerx.clients", "/segment"), BTreeSet::from(["null", "object"]));
    assert_eq!(kinds("customerx.clients", "/group"), BTreeSet::from(["null", "text"]));
    assert_eq!(
        kinds("customerx.contacts", "/type_contact"),
        BTreeSet::from(["null", "object", "text"])
    );
    assert_eq!(kinds("customerx.contracts", "/contract_value"), BTreeSet::from(["null", "text"]));
    let values = BTreeSet::from(["array", "bool", "null", "number", "text"]);
    assert_eq!(kinds("customerx.clients", "/custom_attributes/0/value"), values);
    assert!(all["customerx.contacts"].iter().any(|contact| contact.get("client_id").is_none()));
    assert!(
        all["customerx.contracts"]
            .iter()
            .all(|contract| contract.get("updated_at").is_none() && contract.get("created_at").is_none())
    );
    let days: BTreeSet<u8> = all["customerx.clients"]
        .iter()
        .filter_map(|client| client["date_register"].as_str())
        .map(|day| day.as_bytes()[2])
        .collect();
    assert!(days.contains(&b'/') && days.len() > 1, "{days:?}");
    let at = all["customerx.clients"][0]["updated_at"].as_str().unwrap();
    assert!(at.len() == 29 && at.ends_with("-03:00"), "{at}");
}
