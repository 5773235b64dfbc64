//! Churn against a naive model: the account is read whole before and after, as JSON, and searched by scans.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::*;
use crate::sandbox::ask::Ask;
use crate::sandbox::{Vendor, row_counts, stamp};

type Account = BTreeMap<&'static str, Vec<Value>>;

const PLOOMES: &str = "deals=Deals contacts=Contacts users=Users orders=Orders orders_products=Orders@Products quotes=Quotes \
    quotes_products=Quotes@Products documents=Documents tasks=Tasks interaction_records=InteractionRecords products=Products \
    products_groups=Products@Groups cities=Cities deals_stages=Deals@Stages deals_pipelines=Deals@Pipelines \
    currencies=Currencies roles=Roles";
const EXACTSALES: &str = "leads=Leads leadspersons=LeadsAndPersons qualifications=QualificationHistories leadssold=LeadsSold \
    callshistory=CallsHistory tasks=Tasks meetings=Meetings boxes=Boxes sources=Sources sdrs=Sdrs sellers=Sellers \
    leadscustomfields=LeadsCustomFields stageslead=LeadStages losts=Losts painpoints=PainPoints industries=Industries stages=Stages";
const NECTARCRM: &str = "contatos oportunidades qualificacoes compromissos tarefas produtos pipelines oportunidades_propostas=proposta";
const CUSTOMERX: &str = "clients contacts contracts contract_additives contract_plans tasks tickets financials nps=net_promoter_scores \
    journeys=clients/journeys_clients groups timeline=timelines users";
const SENSEDATA: &str = "customers contacts contracts users playbooks tasks financials=customer_billing";

/// The records of one reply.
fn page(world: &World, source: &str, path: &str, query: &str) -> Vec<Value> {
    let vendor = Vendor::named(source).unwrap();
    let (header, scheme) = match source {
        "ploomes" => ("user-key", ""),
        "exactsales" => ("token_exact", ""),
        "nectarcrm" => ("access-token", ""),
        "customerx" => ("authorization", ""),
        _ => ("authorization", "Bearer "),
    };
    let answer = (vendor.answer)(
        world,
        &Ask::of(&format!("/{path}"), query, &[(header, &format!("{scheme}{}", vendor.token))]),
    );
    assert_eq!(answer.status, 200, "{path}?{query}: {}", String::from_utf8_lossy(&answer.body));
    let body = answer.value();
    let records = match source {
        "nectarcrm" => &body,
        "customerx" if path == "groups" => &body["data"],
        "customerx" => &body,
        "sensedata" => &body[path],
        _ => &body["value"],
    };
    records.as_array().unwrap().clone()
}

/// All records of a list.
fn list(world: &World, source: &str, path: &str, query: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    let mut seen = HashSet::new();
    for number in 1.. {
        let paging = match source {
            "nectarcrm" => format!("displayLength=200&page={number}"),
            "sensedata" => format!("limit=1000&page={number}"),
            "customerx" => format!("per_page=20&page={number}"),
            _ => format!("$top=300&$skip={}", all.len()),
        };
        let mut records = page(world, source, path, &format!("{paging}&{query}"));
        // Some lists of NectarCRM repeat the last page.
        records.retain(|record| source != "nectarcrm" || seen.insert(record["id"].as_u64()));
        if records.is_empty() {
            break;
        }
        all.extend(records);
    }
    all
}

fn account(world: &World) -> Account {
    let mut account = Account::new();
    for (source, names) in [
        ("ploomes", PLOOMES),
        ("exactsales", EXACTSALES),
        ("nectarcrm", NECTARCRM),
        ("sensedata", SENSEDATA),
        ("customerx", CUSTOMERX),
    ] {
        for name in names.split_whitespace() {
            let (table, path) = name.split_once('=').unwrap_or((name, name));
            let records = match (source, table) {
                ("ploomes", _) => list(world, source, path, "$expand=OtherProperties"),
                (_, "boxes") => list(world, source, path, "$filter=start+ge+2000-01-01"),
                (_, "oportunidades" | "qualificacoes") => (1..7)
                    .flat_map(|status| list(world, source, path, &format!("status={status}")))
                    .collect(),
                (_, "pipelines") => (0..2).flat_map(|kind| list(world, source, path, &format!("type={kind}"))).collect(),
                _ => list(world, source, path, ""),
            };
            account.insert(format!("{source}.{table}").leak(), records);
        }
    }
    account
}

/// The texts of `left` that `right` lacks.
fn only_in<'a>(left: &'a [Value], right: &[Value]) -> Vec<&'a Value> {
    let mut right: Vec<String> = right.iter().map(Value::to_string).collect();
    right.sort_unstable();
    left.iter().filter(|one| right.binary_search(&one.to_string()).is_err()).collect()
}

fn cursor(table: &str) -> Option<&'static str> {
    Some(match table {
        "exactsales.leads" | "exactsales.leadspersons" => "updateDate",
        "nectarcrm.contatos" | "nectarcrm.oportunidades" | "nectarcrm.qualificacoes" => "dataAtualizacao",
        "sensedata.customers" | "sensedata.contacts" | "sensedata.tasks" => "updated_at",
        "customerx.clients" | "customerx.contacts" | "customerx.tasks" | "customerx.tickets" | "customerx.timeline" => "updated_at",
        "ploomes.contacts" | "ploomes.users" | "ploomes.deals" | "ploomes.orders" | "ploomes.quotes" => "LastUpdateDate",
        "ploomes.documents" | "ploomes.tasks" | "ploomes.interaction_records" | "ploomes.products" => "LastUpdateDate",
        _ => return None,
    })
}

fn ticks(value: &Value) -> i64 {
    stamp::read(value.as_str().unwrap()).unwrap().ticks
}

/// Applies single changes and checks that exactly the records that they say are others afterwards.
fn check_single_changes(tables: &[&str]) {
    for rows in [3, 30] {
        let mut world = World::new(5, rows, &[]);
        let mut before = account(&world);
        let mut seen = BTreeSet::new();
        for seed in 0..70 {
            let present = world.now;
            let changed = world.churn(seed, 1, tables, false).unwrap();
            assert!(world.now >= present && !changed.is_empty());
            let after = account(&world);
            for (table, records) in &after {
                let counts = changed.get(*table).copied().unwrap_or_default();
                let (added, removed) = (only_in(records, &before[table]), only_in(&before[table], records));
                let news = added.len() as u64;
                assert_eq!(
                    news + counts.deleted,
                    removed.len() as u64 + counts.inserted,
                    "{table} {seed} {counts:?}"
                );
                assert!(news <= counts.inserted + counts.updated, "{table} {seed} {counts:?}");
                let Some(cursor) = cursor(table) else { continue };
                assert_eq!(news, counts.inserted + counts.updated, "{table} {seed} {counts:?}");
                for record in added {
                    let age = world.now - ticks(&record[cursor]);
                    assert!((0..SECOND).contains(&age), "{table} {seed}: {age} {record}");
                    seen.insert(*table);
                }
            }
            before = after;
        }
        assert!(seen.len() > 1, "{seen:?}");
    }
}

#[test]
fn a_change_of_ploomes_shows_where_it_says_and_nowhere_else() {
    let tables: Vec<&str> = PLOOMES.split_whitespace().map(|name| name.split_once('=').unwrap().0).collect();
    let names: Vec<String> = tables[..15].iter().map(|name| format!("ploomes.{name}")).collect();
    check_single_changes(&names.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_change_of_the_others_shows_where_it_says_and_nowhere_else() {
    let world = World::new(1, 1, &[]);
    let all = subjects(&world);
    let names: Vec<&str> = all
        .iter()
        .map(|one| one.table)
        .filter(|name| !name.starts_with("ploomes"))
        .collect();
    check_single_changes(&names);
}

#[test]
fn counts_are_those_of_what_is_answered() {
    for rows in [0, 1, 90] {
        let mut world = World::new(2, rows, &[]);
        for seed in 0..4 {
            world.churn(seed, 150, &[], seed == 3).unwrap();
            let counts: BTreeMap<String, u64> = row_counts(&world).into_iter().collect();
            for (table, records) in account(&world) {
                assert_eq!(counts[table], records.len() as u64, "{table} of {rows}");
            }
        }
    }
}

#[test]
fn filters_and_orders_of_odata_are_those_of_a_scan() {
    let world = World::churned(4, 250);
    for (source, names, ties) in [("ploomes", PLOOMES, "Id"), ("exactsales", EXACTSALES, "id")] {
        for name in names.split_whitespace() {
            let (table, path) = name.split_once('=').unwrap();
            let property = match (source, table) {
                ("exactsales", "leadssold") => "saleDate",
                ("exactsales", "callshistory") => "startDate",
                ("exactsales", "tasks") => "dueDate",
                ("exactsales", "boxes") => "start",
                _ => match cursor(&format!("{source}.{table}")) {
                    Some(cursor) => cursor,
                    None => continue,
                },
            };
            let mut all = list(&world, source, path, &format!("$filter={ties}+gt+0"));
            let ids: Vec<u64> = all.iter().map(|row| row[ties].as_u64().unwrap()).collect();
            assert!(ids.is_sorted_by(|a, b| a < b), "{table}");
            all.sort_by_key(|row| (ticks(&row[property]), row[ties].as_u64()));
            let mut edges: Vec<i64> = all.iter().map(|row| ticks(&row[property])).step_by(17).collect();
            edges.extend([world.now, world.now - DAY, stamp::NOW, stamp::NOW - 300 * DAY]);
            for edge in edges {
                let literal = stamp::text(edge, 7, "Z");
                let (old, new): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|row| ticks(&row[property]) < edge);
                let rising = list(
                    &world,
                    source,
                    path,
                    &format!("$filter={property}+ge+{literal}&$orderby={property},{ties}"),
                );
                assert!(rising.iter().eq(new.iter().copied()), "{table} from {literal}");
                let falling = format!("$filter={property}+lt+{literal}&$orderby={property}+desc,{ties}+desc");
                let falling = list(&world, source, path, &falling);
                assert!(falling.iter().eq(old.iter().rev().copied()), "{table} to {literal}");
                let mut by_id: Vec<u64> = new.iter().map(|row| row[ties].as_u64().unwrap()).collect();
                by_id.sort_unstable();
                let found = list(&world, source, path, &format!("$filter={property}+ge+{literal}"));
                assert!(
                    found.iter().map(|row| row[ties].as_u64().unwrap()).eq(by_id),
                    "{table} by id from {literal}"
                );
            }
        }
    }
}

#[test]
fn items_shrink_grow_vanish_and_get_other_ids() {
    let mut world = World::new(6, 60, &[]);
    let items = |world: &World| -> BTreeMap<u64, Vec<Value>> {
        let orders = list(world, "ploomes", "Orders", "$expand=Products");
        let items = |order: &Value| order["Products"].as_array().unwrap().clone();
        let listed: BTreeMap<u64, Vec<Value>> = orders.iter().map(|order| (order["Id"].as_u64().unwrap(), items(order))).collect();
        let mut expanded: Vec<&Value> = listed.values().flatten().collect();
        expanded.sort_by_key(|item| item["Id"].as_u64());
        let own = list(world, "ploomes", "Orders@Products", "");
        assert!(own.iter().eq(expanded));
        assert!(listed.iter().all(|(id, items)| items.iter().all(|item| item["OrderId"] == *id)));
        listed
    };
    let without_id = |items: &[Value]| -> Vec<Value> {
        let strip = |item: &Value| {
            let mut item = item.clone();
            item.as_object_mut().unwrap().remove("Id");
            item
        };
        items.iter().map(strip).collect()
    };
    let mut seen = BTreeSet::new();
    let mut before = items(&world);
    for seed in 0..200 {
        world.churn(seed, 1, &["ploomes.orders_products"], false).unwrap();
        let after = items(&world);
        for (order, now) in &after {
            let Some(old) = before.get(order).filter(|old| *old != now) else {
                continue;
            };
            seen.insert(match (old.len(), now.len()) {
                (_, 0) => "emptied",
                (old, now) if old > now => "shrunk",
                (old, now) if old < now => "grown",
                _ if without_id(old) == without_id(now) => "re-issued",
                _ => "redrawn",
            });
        }
        before = after;
    }
    assert_eq!(seen, BTreeSet::from(["emptied", "grown", "re-issued", "redrawn", "shrunk"]));
}

#[test]
fn the_same_seed_makes_the_same_changes() {
    let churned = |seed| {
        let mut world = World::new(3, 30, &[]);
        let changed = world.churn(seed, 120, &[], false).unwrap();
        (changed, world.now, account(&world))
    };
    assert!(churned(1) == churned(1));
    assert!(churned(1).2 != churned(2).2);
}

#[test]
fn bulk_updates_share_a_moment() {
    let mut world = World::new(3, 500, &[]);
    world.churn(1, 96, &["ploomes.deals"], true).unwrap();
    let mut moments: BTreeMap<String, usize> = BTreeMap::new();
    for deal in list(&world, "ploomes", "Deals", "$filter=LastUpdateDate+ge+2026-11-01T12:00:00Z") {
        *moments.entry(deal["LastUpdateDate"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    // The second may draw rows of the first again.
    assert!(moments.len() == 2 && moments.values().all(|rows| *rows > 24), "{moments:?}");
}

#[test]
fn events_stay_and_appointments_move_near_the_present() {
    let mut world = World::new(3, 300, &[]);
    let read = |world: &World, path: &str, property: &str| -> BTreeMap<u64, i64> {
        let rows = list(world, "exactsales", path, "$filter=id+gt+0");
        rows.iter()
            .map(|row| (row["id"].as_u64().unwrap(), ticks(&row[property])))
            .collect()
    };
    let calls = read(&world, "CallsHistory", "startDate");
    let tasks = read(&world, "Tasks", "dueDate");
    world
        .churn(1, 600, &["exactsales.callshistory", "exactsales.tasks"], false)
        .unwrap();
    let moved = |old: &BTreeMap<u64, i64>, new: &BTreeMap<u64, i64>| -> Vec<i64> {
        let other = new.iter().filter(|(id, at)| old.get(id).is_some_and(|old| old != *at));
        other.map(|(_, at)| *at).collect()
    };
    let calls_now = read(&world, "CallsHistory", "startDate");
    assert!(moved(&calls, &calls_now).is_empty());
    assert!(calls_now.iter().any(|(id, at)| !calls.contains_key(id) && *at > stamp::NOW));
    let near = moved(&tasks, &read(&world, "Tasks", "dueDate"));
    let range = stamp::NOW - NEARER.0 - HOUR..world.now + NEARER.1;
    assert!(near.len() > 20 && near.iter().all(|at| range.contains(at)), "{near:?}");
}

#[test]
fn one_row_is_changed_by_its_id() {
    let mut world = World::new(3, 30, &[]);
    let names: Vec<&str> = subjects(&world).iter().map(|one| one.table).collect();
    for name in names {
        let rows = |world: &World| row_counts(world).iter().find(|(table, _)| table == name).unwrap().1;
        let before = rows(&world);
        let id = world.change(name, Change::Insert).unwrap();
        assert_eq!(rows(&world), before + 1, "{name}");
        assert_eq!(world.change(name, Change::Update(id)), Ok(id));
        assert_eq!(world.change(name, Change::Delete(id)), Ok(id));
        assert_eq!(rows(&world), before, "{name}");
        let again = world.change(name, Change::Delete(id)).unwrap_err();
        assert_eq!(again, format!("`{name}` has no row with the id {id}"));
        assert!(world.change(name, Change::Insert).unwrap() > id);
    }
    let along = world.change("ploomes.orders_products", Change::Insert).unwrap_err();
    assert_eq!(along, "`ploomes.orders_products` changes with `ploomes.orders` only");
    assert!(world.churn(1, 1, &["ploomes.dealz"], false).unwrap_err().contains("ploomes.deals,"));
    assert!(world.churn(1, 1, &["exactsales.tasks"], true).is_err());
}
