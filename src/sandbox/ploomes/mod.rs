//! Ploomes: OData v4 behind a `User-Key`. Simulated oddities: at most 300 rows whatever `$top` says, short pages in the
//! middle of the data, `@odata.nextLink` only without `$top` and on another host, a shard's host in `@odata.context`,
//! local times with 0 to 7 fraction digits, and a secret in every user's row.

mod activity;
mod cities;
mod contacts;
mod custom;
mod deals;
mod fields;
mod kinds;
mod lookups;
mod names;
mod products;
mod row;
mod sales;

pub(crate) use fields::Fields;
pub use kinds::{FieldChange, FieldKind, FieldRef};

use super::Sandbox;
use super::ask::{Answer, Ask};
use super::churn::{Churn, Cursor, Event, Subject};
use super::json::{Json, Object};
use super::odata::{Dialect, Page, Query, Refusal, Rows, Set, next_link, read};
use super::world::World;

/// Answers a request below `/ploomes`.
pub(crate) fn answer(world: &World, ask: &Ask) -> Answer {
    let path = ask.path.strip_suffix('/').unwrap_or(ask.path).trim_start_matches('/');
    if ask.header("user-key") != Some(Sandbox::token("ploomes")) {
        return worded(401, path, "Usuário não autenticado");
    }
    // A property this key's profile may not see fails the whole request.
    if ask.query.iter().any(|(_, value)| value.contains("StockBalance")) {
        return error(403, "Você não tem permissão para acessar a propriedade 'StockBalance'.");
    }
    match path {
        "Account" | "Self" => return account(world, path),
        // Nothing is ever deleted here.
        "Deals/GetDeletedDeals" => return Answer::json(200, envelope("Deals", None, |_| {}, None)),
        _ => {}
    }
    match all_sets().find(|set| set.path == path) {
        Some(set) => page(world, set, ask).unwrap_or_else(|Refusal(message)| error(400, &message)),
        None => error(404, &format!("No HTTP resource was found that matches the request URI '/{path}'.")),
    }
}

/// The rows of the documented tables.
pub(crate) fn row_counts(world: &World) -> Vec<(&'static str, u64)> {
    tables().map(|set| (set.table, set.live(world))).collect()
}

/// The tables that change: those with a cursor, and some of the others. Items change with their orders and quotes.
pub(crate) fn churning(world: &World) -> Vec<Subject> {
    let others = ["ploomes.cities", "ploomes.deals_stages", "ploomes.deals_pipelines"];
    let chosen = tables().filter(|set| set.time.is_some() || others.contains(&set.table));
    let mut subjects: Vec<Subject> = chosen.filter_map(|set| set.subject(world, Cursor::Updated)).collect();
    for subject in &mut subjects {
        (subject.after, subject.along) = match subject.table {
            "ploomes.orders" => (Some(sales::order_changed as fn(&mut Churn, Event)), &["ploomes.orders_products"]),
            "ploomes.quotes" => (Some(sales::quote_changed as fn(&mut Churn, Event)), &["ploomes.quotes_products"]),
            _ => continue,
        };
    }
    subjects
}

/// What one user saw above the limit: status 200 and a page that looks like the end of the data.
pub(crate) fn silent_throttle(ask: &Ask) -> Answer {
    let path = ask.path.trim_matches('/');
    Answer::json(200, envelope(path, None, |_| {}, None))
}

const DIALECT: Dialect = Dialect {
    any_case: false,
    bare_dates: false,
};

/// More rows than this are never sent; nothing says so.
const LONGEST_PAGE: u64 = 300;

/// Rows of a page when `$top` is not given.
const DEFAULT_PAGE: u64 = 200;

/// The host in links and contexts: the account's shard, not the host that was called.
const SHARD: &str = "https://public9-api2.ploomes.com";

/// The sets that are documented tables.
fn tables() -> impl Iterator<Item = &'static Set> {
    let large = [
        &sales::SETS[..],
        &activity::SETS,
        &contacts::SETS,
        &deals::SETS,
        &products::SETS,
        &cities::SETS,
    ];
    large.into_iter().flatten().chain(lookups::SETS)
}

fn all_sets() -> impl Iterator<Item = &'static Set> {
    tables().chain([&fields::FIELDS])
}

fn page(world: &World, set: &'static Set, ask: &Ask) -> Result<Answer, Refusal> {
    let mut rows = Rows::of(world, set);
    rows.expand = ask.param("$expand").unwrap_or("");
    // The list of all fields is refused whole, and those of a table when they are asked for.
    let asked = set.table == fields::FIELDS.table || row::expanded(rows.expand, "OtherProperties").is_some();
    match world.fields.refusal(set.table).filter(|_| asked) {
        Some(403) => return Ok(error(403, "Você não tem permissão para acessar a propriedade 'OtherProperties'.")),
        Some(status) => return Ok(error(status, "Could not find a property named 'OtherProperties'.")),
        None => {}
    }
    let query = Query::read(&rows, ask, DIALECT, None)?;
    let top = query.top.unwrap_or(DEFAULT_PAGE).min(LONGEST_PAGE);
    let mut page = read(&rows, &query, top);
    shorten(world, set, &mut page);
    let next = (query.top.is_none() && page.more).then(|| {
        let skip = query.skip + page.rows.len() as u64;
        next_link(&format!("{SHARD}/{}", set.path), ask, skip)
    });
    let write = |out: &mut Vec<u8>| page.push(&rows, &query, out);
    Ok(Answer::json(200, envelope(set.path, page.count, write, next)))
}

/// Takes rows off the end of one page in four although more follow. Never the last page, and never all rows, so a client
/// that goes on from the rows it got reads everything; one that takes a short page for the end does not.
fn shorten(world: &World, set: &Set, page: &mut Page) {
    let length = page.rows.len() as u64;
    let Some(first) = page.rows.first().filter(|_| page.more && length >= 10) else {
        return;
    };
    let noise = world.noise(set.table, *first ^ 0x5407);
    // Always the page that begins with row 0: every table that has two pages has a short one.
    if *first == 0 || noise.is_multiple_of(4) {
        let dropped = 1 + (noise >> 8) % (length / 2);
        page.rows.truncate(usize::try_from(length - dropped).unwrap_or(usize::MAX));
    }
}

fn envelope(path: &str, count: Option<u64>, rows: impl FnOnce(&mut Vec<u8>), next: Option<String>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 16);
    out.extend_from_slice(b"{\"@odata.context\":");
    format!("{SHARD}/$metadata#{path}").push_to(&mut out);
    if let Some(count) = count {
        out.extend_from_slice(b",\"@odata.count\":");
        count.push_to(&mut out);
    }
    out.extend_from_slice(b",\"value\":[");
    rows(&mut out);
    out.push(b']');
    if let Some(next) = next {
        out.extend_from_slice(b",\"@odata.nextLink\":");
        next.push_to(&mut out);
    }
    out.push(b'}');
    out
}

/// Another seed is another account.
fn account(world: &World, path: &str) -> Answer {
    let write = |out: &mut Vec<u8>| {
        Object::push(out, |o| {
            o.set("Id", 4320 + world.seed % 1_000_000_000)
                .set("Name", "Conta da sandbox")
                .set("CreateDate", "2021-11-30T09:00:00-03:00");
        });
    };
    Answer::json(200, envelope(path, None, write, None))
}

/// An error as Ploomes words it most often: text where the rows would be.
fn worded(status: u16, path: &str, text: &str) -> Answer {
    let mut body = Vec::new();
    Object::push(&mut body, |o| {
        o.set("@odata.context", format!("{SHARD}/$metadata#{path}")).set("value", text);
    });
    Answer::json(status, body)
}

fn error(status: u16, message: &str) -> Answer {
    let mut body = Vec::new();
    Object::push(&mut body, |o| {
        o.object("error", |o| {
            o.set("code", "").set("message", message);
        });
    });
    Answer::json(status, body)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    const KEY: &[(&str, &str)] = &[("user-key", "sandbox-ploomes-key-not-a-secret")];

    fn get(world: &World, path: &str, query: &str) -> Answer {
        answer(world, &Ask::of(path, query, KEY))
    }

    fn list(world: &World, path: &str, query: &str) -> Vec<Value> {
        let answer = get(world, path, query);
        assert_eq!(answer.status, 200, "{path}?{query}: {}", String::from_utf8_lossy(&answer.body));
        answer.value()["value"].as_array().unwrap().clone()
    }

    fn ids(rows: &[Value]) -> Vec<u64> {
        rows.iter().map(|row| row["Id"].as_u64().unwrap()).collect()
    }

    /// Reads a set to the empty page, from the rows it got.
    fn by_skip(world: &World, path: &str, query: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = list(world, path, &format!("{query}&$top=300&$skip={}", all.len()));
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    fn by_key(world: &World, path: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let last = all.last().map_or(0, |row| row["Id"].as_u64().unwrap());
            let page = list(world, path, &format!("$filter=Id+gt+{last}&$orderby=Id&$top=300"));
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    fn by_link(world: &World, path: &str) -> Vec<Value> {
        let (mut all, mut query) = (Vec::new(), String::new());
        loop {
            let body = get(world, path, &query).value();
            all.extend(body["value"].as_array().unwrap().clone());
            match body["@odata.nextLink"].as_str() {
                Some(link) => query = link.strip_prefix(&format!("{SHARD}/{path}?")).unwrap().to_owned(),
                None => return all,
            }
        }
    }

    #[test]
    fn every_table_reads_whole_in_every_way() {
        reads_whole(&World::new(1, 700, &[]));
        reads_whole(&World::churned(1, 700));
    }

    fn reads_whole(world: &World) {
        for set in tables() {
            let rows = by_key(world, set.path);
            assert!(!rows.is_empty(), "{}", set.table);
            assert_eq!(rows.len() as u64, set.live(world), "{}", set.table);
            let all = ids(&rows);
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{}", set.table);
            assert_eq!(rows, by_skip(world, set.path, ""), "{}", set.table);
            assert_eq!(rows, by_link(world, set.path), "{}", set.table);
        }
        assert_eq!(row_counts(world).len(), 36);
    }

    #[test]
    fn exact_row_counts_are_kept() {
        for rows in [0, 1, 300] {
            let all: Vec<(String, u64)> = tables().map(|set| (set.table.to_owned(), rows)).collect();
            let world = World::new(1, 700, &all);
            assert!(row_counts(&world).iter().all(|(_, count)| *count == rows));
            for set in tables() {
                assert_eq!(by_key(&world, set.path).len() as u64, rows, "{}", set.table);
            }
        }
    }

    #[test]
    fn the_first_row_is_full_and_the_second_is_not() {
        let world = World::new(1, 100, &[]);
        let never = ["WorkflowId", "FinishDate", "WinButtonId", "ImageName"];
        for set in tables() {
            let rows = list(&world, set.path, "$top=3");
            for (name, value) in rows[0].as_object().unwrap() {
                assert!(!value.is_null() || never.contains(&name.as_str()), "{}.{name}", set.table);
            }
            let seen: HashSet<&String> = rows[0].as_object().unwrap().keys().collect();
            assert!(rows[1].as_object().unwrap().keys().all(|name| seen.contains(name)), "{}", set.table);
        }
        let second = &list(&world, "Contacts", "$top=2")[1];
        for name in ["Note", "CompanyId", "ZipCode", "Latitude", "EmailMarketing", "OwnerId"] {
            assert!(second[name].is_null(), "{name}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let body = |seed| get(&World::new(seed, 500, &[]), "Deals", "$top=300&$expand=OtherProperties").body;
        assert_eq!(body(4), body(4));
        assert_ne!(body(4), body(5));
    }

    #[test]
    fn errors_have_the_vendors_shapes() {
        let world = World::new(1, 50, &[]);
        let stranger = answer(&world, &Ask::of("/Deals", "", &[("user-key", "x")]));
        assert_eq!(
            (stranger.status, stranger.value()["value"].as_str()),
            (401, Some("Usuário não autenticado"))
        );
        assert_eq!(get(&world, "Cities@States", "").status, 404);
        assert_eq!(get(&world, "Deals/Pipelines", "").status, 404);
        assert_eq!(get(&world, "Deals", "$filter=Nope+eq+1").status, 400);
        assert_eq!(get(&world, "Deals", "$orderby=Nope").status, 400);
        assert_eq!(get(&world, "Deals", "$filter=LastUpdateDate+ge+2026-01-01").status, 400);
        assert_eq!(get(&world, "Deals", "$filter=LastUpdateDate+ge+'2026-01-01T00:00:00Z'").status, 400);
        assert_eq!(get(&world, "Products", "$select=Id,StockBalance").status, 403);
        assert!(get(&world, "Deals", "$top=x").value()["error"]["message"].is_string());
        assert_eq!(list(&world, "Account", "$top=1&$select=Id").len(), 1);
        assert!(
            silent_throttle(&Ask::of("/Deals", "", &[])).value()["value"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn pages_are_short_in_the_middle_and_never_above_300() {
        let world = World::new(1, 5000, &[]);
        let page = list(&world, "Contacts", "$top=1000&$orderby=Id&$skip=300");
        assert!(page.len() <= 300);
        let first = list(&world, "Contacts", "$top=300");
        assert!((150..300).contains(&first.len()), "{}", first.len());
        let lengths: Vec<usize> = (0..16)
            .map(|page| list(&world, "Contacts", &format!("$top=300&$skip={}", page * 300)).len())
            .collect();
        assert!(lengths.iter().any(|length| *length < 300) && lengths.contains(&300), "{lengths:?}");
        let body = get(&world, "Contacts", "$top=300").value();
        assert!(body.get("@odata.nextLink").is_none());
        assert!(
            body["@odata.context"]
                .as_str()
                .unwrap()
                .starts_with("https://public9-api2.ploomes.com/")
        );
        assert_eq!(get(&world, "Contacts", "$top=0&$count=true").value()["@odata.count"], 5000);
    }

    #[test]
    fn the_cursor_filters_and_orders() {
        check_cursor(&World::new(1, 4000, &[]));
        check_cursor(&World::churned(1, 4000));
    }

    fn check_cursor(world: &World) {
        let all = by_skip(world, "Deals", "");
        let when = |row: &Value| crate::sandbox::stamp::read(row["LastUpdateDate"].as_str().unwrap()).unwrap().ticks;
        let from = "2025-06-01T00:00:00-03:00";
        let edge = crate::sandbox::stamp::read(from).unwrap().ticks;
        let mut expected: Vec<&Value> = all.iter().filter(|row| when(row) >= edge).collect();
        expected.sort_by_key(|row| (when(row), row["Id"].as_u64()));
        assert!(expected.len() > 300 && expected.len() < 3000);
        let filter = format!("$filter=LastUpdateDate+ge+{from}");
        let ordered = by_skip(world, "Deals", &format!("{filter}&$orderby=LastUpdateDate+asc,Id"));
        assert_eq!(ordered.iter().collect::<Vec<_>>(), expected);
        let falling = by_skip(world, "Deals", &format!("{filter}&$orderby=LastUpdateDate+desc,Id+desc"));
        assert!(falling.iter().eq(expected.iter().rev().copied()));
        expected.sort_by_key(|row| row["Id"].as_u64());
        assert!(by_skip(world, "Deals", &filter).iter().eq(expected.iter().copied()));
        let count = get(world, "Deals", &format!("{filter}&$top=0&$count=true")).value();
        assert_eq!(count["@odata.count"], expected.len());
        // Bulk changes put more rows on one moment than a page holds.
        let mut moments: Vec<i64> = all.iter().map(when).collect();
        moments.sort_unstable();
        assert!(moments.windows(301).any(|run| run[0] == run[300]));
        let digits = |row: &Value| row["LastUpdateDate"].as_str().unwrap().len();
        let lengths: HashSet<usize> = all.iter().map(digits).collect();
        assert_eq!(lengths, HashSet::from([25, 28, 29, 33]));
    }

    #[test]
    fn other_filters_and_orders_scan() {
        check_scan(&World::new(1, 1500, &[]));
        check_scan(&World::churned(1, 1500));
    }

    fn check_scan(world: &World) {
        let all = by_skip(world, "Deals", "");
        let won: Vec<&Value> = all.iter().filter(|row| row["StatusId"] == 2 && !row["Amount"].is_null()).collect();
        let filter = "$filter=StatusId+eq+2+and+not+(Amount+eq+null)";
        assert!(by_skip(world, "Deals", filter).iter().eq(won.iter().copied()));
        let mut dear: Vec<&Value> = won.clone();
        dear.sort_by(|a, b| b["Amount"].as_f64().unwrap().total_cmp(&a["Amount"].as_f64().unwrap()));
        assert!(
            by_skip(world, "Deals", &format!("{filter}&$orderby=Amount+desc,Title"))
                .iter()
                .eq(dear.iter().copied())
        );
        let text = by_skip(world, "Contacts", "$filter=contains(Name,'São')+or+startswith(Name,'Ana')");
        assert!(!text.is_empty() && text.len() < 1500);
        let chosen = list(world, "Deals", "$select=Id,Title&$top=2");
        assert!(chosen.iter().all(|row| row.as_object().unwrap().len() == 2));
    }

    #[test]
    fn rows_carry_what_a_reader_must_survive() {
        let world = World::new(1, 60, &[]);
        let user = &list(&world, "Users", "$top=1")[0];
        assert!(user["UserKey"].as_str().unwrap().contains("SECRET"));
        assert!(user["Permissions"].is_object());
        let order = &list(&world, "Orders", "$top=1&$expand=Products,OtherProperties")[0];
        let items = order["Products"].as_array().unwrap();
        assert!(items.iter().all(|item| item["OrderId"] == order["Id"]) && !items.is_empty());
        let fields = by_skip(&world, "Fields", "$filter=EntityId+eq+4&$expand=Type");
        let keys: HashSet<&Value> = fields.iter().map(|field| &field["Key"]).collect();
        let held = order["OtherProperties"].as_array().unwrap();
        assert!(!held.is_empty() && held.iter().all(|item| keys.contains(&item["FieldKey"])));
        assert!(list(&world, "Cities@Countries", "$top=1")[0].get("Short1").is_some());
        assert!(list(&world, "Cities", "$top=1")[0]["Latitude"].is_string());
    }
}
