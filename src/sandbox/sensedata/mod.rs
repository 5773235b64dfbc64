//! SenseData, simulated: a list under its own name in an envelope, pages by `page` and `limit` with at most 1000 rows, times
//! without a zone, and a next page that some lists tell and others do not.
//! This file knows the token and the routes; the lists are the files beside it.

mod contacts;
mod contracts;
mod customers;
mod entity;
mod people;
mod tasks;

use super::Vendor;
use super::ask::{Answer, Ask};
use super::churn::Subject;
use super::world::World;

use contacts::CONTACTS;
use contracts::{BILLING, CONTRACTS};
use customers::CUSTOMERS;
use entity::{Entity, refused};
use people::{PLAYBOOKS, USERS};
use tasks::TASKS;

/// Answers a request. What is not among the lists is not in the contract: 404. A slash at the end makes no difference.
pub(crate) fn answer(world: &World, ask: &Ask) -> Answer {
    if !admitted(ask) {
        return refused(401, "Unauthorized");
    }
    match LISTS.iter().find(|list| ask.path.trim_matches('/') == list.name) {
        Some(list) => list.list(world, ask),
        None => refused(404, "Not found"),
    }
}

/// The rows of every table, those exploded from arrays and objects too.
pub(crate) fn row_counts(world: &World) -> Vec<(&'static str, u64)> {
    let rows = |list: &Entity| (list.ids.table, list.live(world));
    let items = |list: &Entity, child: (&'static str, u64)| (child.0, list.all_children(world, child));
    vec![
        rows(&CUSTOMERS),
        items(&CUSTOMERS, customers::FIELDS),
        rows(&BILLING),
        rows(&CONTRACTS),
        rows(&CONTACTS),
        items(&CONTACTS, contacts::FIELDS),
        items(&CONTACTS, contacts::TYPES),
        rows(&USERS),
        rows(&PLAYBOOKS),
        rows(&TASKS),
    ]
}

/// The tables that change.
pub(crate) fn churning(world: &World) -> Vec<Subject> {
    let lists = [&CUSTOMERS, &CONTACTS, &CONTRACTS, &TASKS, &BILLING];
    lists.into_iter().map(|list| list.subject(world)).collect()
}

static LISTS: [&Entity; 7] = [&CUSTOMERS, &CONTACTS, &CONTRACTS, &USERS, &PLAYBOOKS, &TASKS, &BILLING];

fn admitted(ask: &Ask) -> bool {
    let sent = ask.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
    let token = Vendor::named("sensedata").map(|vendor| vendor.token);
    token.is_some() && sent == token
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::Value;

    use super::*;
    use crate::sandbox::Sandbox;

    fn get(world: &World, path: &str, query: &str) -> Answer {
        let header = format!("Bearer {}", Sandbox::token("sensedata"));
        answer(world, &Ask::of(path, query, &[("authorization", &header)]))
    }

    fn page(world: &World, name: &str, query: &str) -> Value {
        let answer = get(world, &format!("/{name}"), query);
        assert_eq!(answer.status, 200, "{name}?{query}");
        answer.value()
    }

    fn list(envelope: &Value, name: &str) -> Vec<Value> {
        let list = envelope[name].as_array().unwrap().clone();
        assert_eq!(envelope["count"], list.len());
        list
    }

    /// Reads a list as the sheet says: until `next_page` is null or, when it is missing, until a page is empty.
    fn read(world: &World, name: &str, query: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for number in 1.. {
            let envelope = page(world, name, &format!("page={number}&limit=60&{query}"));
            let records = list(&envelope, name);
            let end = records.is_empty() || envelope.get("next_page").is_some_and(Value::is_null);
            all.extend(records);
            if end {
                break;
            }
        }
        all
    }

    fn ids(records: &[Value]) -> Vec<u64> {
        records.iter().map(|record| record["id"].as_u64().unwrap()).collect()
    }

    #[test]
    fn every_table_answers_as_many_rows_as_are_counted() {
        let fixed = vec![("sensedata.contacts__types".to_owned(), 31), ("sensedata.users".to_owned(), 130)];
        for (large, table_rows) in [(0, &[][..]), (1, &[]), (7, &[]), (240, &[]), (60, &fixed)] {
            let mut world = World::new(3, large, table_rows);
            check_counts(&world);
            world.churn(1, 400, &[], false).unwrap();
            check_counts(&world);
        }
    }

    fn check_counts(world: &World) {
        let all: HashMap<&str, Vec<Value>> = LISTS.iter().map(|one| (one.name, read(world, one.name, ""))).collect();
        for (table, rows) in row_counts(world) {
            let table = table.strip_prefix("sensedata.").unwrap();
            let found = match table.split_once("__") {
                None => {
                    let records = &all[if table == "financials" { "customer_billing" } else { table }];
                    let unique: HashSet<u64> = ids(records).into_iter().collect();
                    assert_eq!(unique.len(), records.len());
                    records.len()
                }
                Some((parent, member)) => {
                    let items = |record: &Value| match &record[member] {
                        Value::Array(items) => items.len(),
                        Value::Object(fields) => fields.len(),
                        _ => 0,
                    };
                    all[parent].iter().map(items).sum()
                }
            };
            assert_eq!(found as u64, rows, "{table} of {}", world.large);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let body = |seed| get(&World::new(seed, 90, &[]), "/customers", "").body;
        assert_eq!(body(4), body(4));
        assert_ne!(body(4), body(5));
    }

    #[test]
    fn a_wrong_token_gets_json() {
        let world = World::new(1, 10, &[]);
        let token = Sandbox::token("sensedata");
        for headers in [
            &[][..],
            &[("authorization", token)],
            &[("authorization", "Bearer x")],
            &[("api_key", token)],
        ] {
            let refused = answer(&world, &Ask::of("/customers", "", headers));
            assert_eq!(refused.status, 401);
            assert!(refused.value()["error"].is_string());
        }
    }

    #[test]
    fn what_is_not_in_the_contract_is_404() {
        let world = World::new(1, 10, &[]);
        for path in [
            "/customers_billing",
            "/billings",
            "/financials",
            "/invoices",
            "/nps",
            "/customers/165",
            "/",
        ] {
            assert_eq!(get(&world, path, "").status, 404, "{path}");
        }
        assert_eq!(get(&world, "/customer_billing/", "page=1").status, 200);
    }

    #[test]
    fn a_page_has_at_most_a_thousand_rows() {
        let world = World::new(1, 2300, &[]);
        let first = page(&world, "customers", "page=1&limit=10000");
        assert_eq!((first["count"].as_u64(), first["per_page"].as_u64()), (Some(1000), Some(1000)));
        assert_eq!((first["current_page"].as_u64(), first["next_page"].as_u64()), (Some(1), Some(2)));
        assert_eq!(page(&world, "customers", "page=3&limit=1000")["next_page"], Value::Null);
        assert_eq!(page(&world, "customers", "")["per_page"], 100);
        assert_eq!(page(&world, "customers", "per_page=30")["count"], 30);
        let past = page(&world, "customers", "page=18446744073709551615&limit=1000");
        assert_eq!(
            (past["count"].as_u64(), past["customers"].as_array().map(Vec::len)),
            (Some(0), Some(0))
        );
    }

    #[test]
    fn some_lists_do_not_tell_the_next_page() {
        let world = World::new(1, 300, &[]);
        for name in ["contracts", "playbooks", "customer_billing"] {
            assert!(page(&world, name, "limit=5").get("next_page").is_none(), "{name}");
        }
        for name in ["customers", "contacts", "users", "tasks"] {
            assert_eq!(page(&world, name, "limit=5")["next_page"], 2, "{name}");
        }
        assert_eq!(page(&world, "customer_billing", "limit=5")["status"]["count"], 300);
    }

    #[test]
    fn filters_and_order_are_those_of_a_scan() {
        check_filters(&World::new(1, 400, &[]));
        check_filters(&World::churned(1, 400));
    }

    fn check_filters(world: &World) {
        let all = read(world, "tasks", "");
        assert!(ids(&all).is_sorted());
        let within = |record: &Value, field: &str, from: &str, to: &str| record[field].as_str().is_some_and(|at| (from..to).contains(&at));
        for (query, field, from, to) in [
            ("updated_at:start=2025-09-01", "updated_at", "2025-09-01", "3000"),
            ("updated_at%3Aend=2025-09-01", "updated_at", "", "2025-09-02"),
            (
                "created_at:start=2021-01-05&created_at:end=2022-02-03",
                "created_at",
                "2021-01-05",
                "2022-02-04",
            ),
            (
                "updated_at:start=2025-09-01T12:00:00&order_by=created_at",
                "updated_at",
                "2025-09-01T12:00:00",
                "3000",
            ),
            (
                "updated_at:start=2025-09-01&order_by=id&sort=desc",
                "updated_at",
                "2025-09-01",
                "3000",
            ),
        ] {
            let found: HashSet<u64> = ids(&read(world, "tasks", query)).into_iter().collect();
            let matching: Vec<Value> = all.iter().filter(|record| within(record, field, from, to)).cloned().collect();
            assert_eq!(found, ids(&matching).into_iter().collect(), "{query}");
            assert!(!found.is_empty() && found.len() < all.len(), "{query}");
        }
        let both = read(
            world,
            "tasks",
            "updated_at:start=2025-09-01&created_at:start=2023-01-01&order_by=updated_at",
        );
        let expected = all
            .iter()
            .filter(|r| within(r, "updated_at", "2025-09-01", "3000") && within(r, "created_at", "2023", "3000"));
        assert_eq!(both.len(), expected.count());
        assert_eq!(get(world, "/tasks", "updated_at:start=01/03/2026").status, 400);
        // Lists without a filter ignore it.
        assert_eq!(
            read(world, "contracts", "updated_at:start=2026-10-30"),
            read(world, "contracts", "")
        );
    }

    #[test]
    fn order_by_update_puts_rows_without_one_last() {
        let world = World::new(1, 400, &[]);
        let rising = read(&world, "customers", "order_by=updated_at&sort=asc");
        let times: Vec<Option<&str>> = rising.iter().map(|customer| customer["updated_at"].as_str()).collect();
        let dated = times.iter().flatten().count();
        assert_eq!(dated, 375);
        assert!(times[..dated].is_sorted() && times[dated..].iter().all(Option::is_none));
        assert!(!ids(&rising).is_sorted());
        let mut falling = ids(&read(&world, "customers", "order_by=updated_at&sort=desc"));
        falling.reverse();
        assert_eq!(falling, ids(&rising));
    }

    #[test]
    fn values_have_the_documented_spellings() {
        let world = World::new(1, 400, &[]);
        let all: HashMap<&str, Vec<Value>> = LISTS.iter().map(|one| (one.name, read(&world, one.name, ""))).collect();
        let kinds = |list: &str, pick: &dyn Fn(&Value) -> Option<&'static str>| -> HashSet<&'static str> {
            all[list].iter().filter_map(pick).collect()
        };
        let kind = |value: &Value| match value {
            Value::Null => "null",
            Value::String(text) if text.is_empty() => "empty",
            Value::String(_) => "text",
            Value::Number(_) => "number",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Bool(_) => "bool",
        };
        assert_eq!(
            kinds("contracts", &|c| Some(kind(&c["cycle"]))),
            HashSet::from(["null", "empty", "text", "number"])
        );
        assert_eq!(
            kinds("tasks", &|t| Some(kind(&t["priority"]))),
            HashSet::from(["null", "text", "object"])
        );
        assert_eq!(kinds("customers", &|c| Some(kind(&c["csm"]))), HashSet::from(["null", "object"]));
        assert_eq!(
            kinds("customers", &|c| Some(kind(&c["size"]))),
            HashSet::from(["null", "empty", "text"])
        );
        assert_eq!(kinds("customer_billing", &|t| t.get("status").map(kind)), HashSet::from(["object"]));
        assert!(
            all["customer_billing"]
                .iter()
                .any(|t| t.get("status").is_none() && t["id_status"].is_number())
        );
        assert!(all["contacts"].iter().any(|c| c["types"].as_array().unwrap().is_empty()));
        assert!(
            all["contacts"]
                .iter()
                .any(|c| c.get("id_customer").is_none() && c["customer"]["id"].is_number())
        );
        assert!(
            all["customers"]
                .iter()
                .any(|c| c["csm"].is_object() && c["csm"]["profile"].get("editor").is_none())
        );
        let fields = all["customers"]
            .iter()
            .filter_map(|c| c["custom_fields"].as_object())
            .flat_map(|f| f.values());
        let values: HashSet<&str> = fields.map(|field| kind(&field["value"])).collect();
        assert!(["text", "number", "array"].iter().all(|kind| values.contains(kind)), "{values:?}");
        let dates = kinds("customers", &|c| {
            Some(if c["dt_register"].as_str()?.len() == 10 { "short" } else { "long" })
        });
        assert_eq!(dates.len(), 2);
        for customer in &all["customers"] {
            let created = customer["created_at"].as_str().unwrap();
            assert!(created.len() == 26 && created.as_bytes()[19] == b'.', "{created}");
        }
    }

    #[test]
    fn every_documented_member_has_a_value_somewhere() {
        // A single row is the first row, which must be complete.
        for large in [1, 60] {
            let world = World::new(9, large, &[]);
            for (name, members) in MEMBERS {
                let all = read(&world, name, "");
                for member in members.split_whitespace() {
                    let pointer = format!("/{}", member.replace('.', "/"));
                    let has = |record: &Value| record.pointer(&pointer).is_some_and(|value| !value.is_null() && value != "");
                    assert!(all.iter().any(has), "{name}: {member} of {large}");
                }
            }
            let first = read(&world, "customers", "").remove(0);
            let mut fields = first["custom_fields"].as_object().unwrap().values();
            assert!(fields.any(|field| !field["value"].is_null()));
        }
    }

    const MEMBERS: [(&str, &str); 7] = [
        (
            "customers",
            "id cancel_description cancel_tag city cnpj created_at cs.active cs.created_at cs.email cs.id cs.name
            cs.profile.name cs.profile.role cs.registered_on cs.updated_at cs.username csm.active csm.created_at csm.email
            csm.id csm.name csm.profile.name csm.profile.editor csm.registered_on csm.updated_at csm.username dt_cancel
            dt_register dt_stage group id_legacy industry name name_contract salesperson size sponsor sponsor_email
            sponsor_phone stage state status.description status.enabled status.id updated_at",
        ),
        (
            "customer_billing",
            "id amount created_at due_date id_customer id_legacy invoice_date legacy_status payment_date ref_doc ref_invoice
            ref_item status.billing_factor status.description status.enabled status.id type updated_at",
        ),
        (
            "contracts",
            "id auto_renewal created_on cycle description end_date id_customer id_legacy instalments is_subscription
            item_sequence license_qty model monthly_payment paper_contract plan start_date status.description status.enabled
            status.id type",
        ),
        (
            "contacts",
            "id address email email_unsubscribe id_customer id_legacy is_active is_favorite is_main_sponsor name nickname
            obs_info occupation phone phone2 skype unsubscribe_reason updated_at types.0.id types.0.name",
        ),
        (
            "users",
            "id active created_at email name profile.name profile.role registered_on updated_at username",
        ),
        ("playbooks", "id name created_on status deleted"),
        (
            "tasks",
            "id created_at created_by.id custom_value description due_date end_date favorite group hours_planned hours_spent
            id_contact id_customer id_legacy id_parent id_playbook id_rule notes owner.id priority.description priority.id
            progress start_date status.description status.id system_end_date tags type.caption type.description type.enabled
            type.id type.is_default updated_at",
        ),
    ];
}
