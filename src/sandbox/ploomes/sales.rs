//! Orders, quotes and documents, with the line items of the first two. Items belong to their parent by arithmetic: item
//! row `r` of `m` to parent row `r * n / m` of `n`, so both the items' own set and `$expand=Products` find them.

use super::contacts::{CONTACTS, USERS};
use super::custom::{custom, custom_like};
use super::deals::{CURRENCIES, DEALS};
use super::fields::{ORDER, ORDER_PRODUCT, QUOTE, QUOTE_PRODUCT};
use super::lookups::{APPROVALS, ORDER_STAGES};
use super::products::PRODUCTS;
use super::row::{OPENED, UPDATED, any, day, draw, expanded, flag, id, ids, maybe_any, tail, time};
use crate::sandbox::changes::Item;
use crate::sandbox::churn::{Churn, Cursor, Event};
use crate::sandbox::json::{Cents, Object};
use crate::sandbox::odata::{Rows, Set};
use crate::sandbox::stamp::{DAY, NOW};
use crate::sandbox::world::Draw;

pub(super) static SETS: [Set; 5] = [
    Set {
        table: "ploomes.orders_products",
        path: "Orders@Products",
        rows: |world| world.large,
        id: ids("ploomes.orders_products", 310_000_000, 3),
        time: None,
        names: &[],
        write: order_item,
    },
    Set {
        table: "ploomes.orders",
        path: "Orders",
        rows: |world| world.large / 2,
        id: ids("ploomes.orders", 30_000_000, 5),
        time: UPDATED,
        names: &[],
        write: order,
    },
    Set {
        table: "ploomes.quotes_products",
        path: "Quotes@Products",
        rows: |world| world.large,
        id: ids("ploomes.quotes_products", 510_000_000, 3),
        time: None,
        names: &[],
        write: quote_item,
    },
    Set {
        table: "ploomes.quotes",
        path: "Quotes",
        rows: |world| world.large / 2,
        id: ids("ploomes.quotes", 50_000_000, 6),
        time: UPDATED,
        names: &[],
        write: quote,
    },
    Set {
        table: "ploomes.documents",
        path: "Documents",
        rows: |world| world.large / 4,
        id: ids("ploomes.documents", 80_000_000, 6),
        time: UPDATED,
        names: &["Contrato", "Termo aditivo", "Ata de reunião", "Nota de débito"],
        write: document,
    },
];

static ORDER_ITEMS: &Set = &SETS[0];
static ORDERS: &Set = &SETS[1];
static QUOTE_ITEMS: &Set = &SETS[2];
static QUOTES: &Set = &SETS[3];

fn order(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    id(rows, row, o);
    o.set("OrderNumber", row + 1)
        .set("Date", time(&mut d, OPENED, NOW))
        .set("ContactId", maybe_any(world, CONTACTS, &mut d, 95))
        .set("PersonId", maybe_any(world, CONTACTS, &mut d, 50))
        .set("DealId", maybe_any(world, DEALS, &mut d, 80))
        .set("OwnerId", any(world, USERS, &mut d))
        .set("StageId", maybe_any(world, &ORDER_STAGES, &mut d, 95))
        .set("CurrencyId", any(world, CURRENCIES, &mut d))
        .set("Amount", d.maybe(97, |d| Cents(d.between(1000, 90_000_000))))
        .set("Discount", d.maybe(40, |d| Cents(d.between(0, 3000))))
        .set("InternalComments", d.maybe(20, |d| d.note(2000)))
        .set("Description", d.maybe(50, |d| d.note(4000)))
        .set("AgentId", maybe_any(world, CONTACTS, &mut d, 10))
        .set("Commission", d.maybe(20, |d| Cents(d.between(0, 1500))))
        .set("ApprovalStatusId", maybe_any(world, &APPROVALS, &mut d, 50));
    shared(rows, row, &mut d, o);
    tail(rows, row, &mut d, o);
    custom(rows, row, &ORDER, o);
    expand(rows, row, ORDER_ITEMS, o);
}

fn quote(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    id(rows, row, o);
    o.set("QuoteNumber", row / 2 + 1)
        // A revision is a row of its own with the number of the quote it revises.
        .set("ReviewNumber", row % 2 + 1)
        .set("LastReview", row % 2 == 1)
        .set("DealId", maybe_any(world, DEALS, &mut d, 95))
        .set("TemplateId", d.maybe(80, |d| 2000 + d.below(20)))
        .set("ApprovalStatusId", maybe_any(world, &APPROVALS, &mut d, 70))
        .set("Shared", flag(&mut d, 40))
        .set("ExternalNotifications", flag(&mut d, 30))
        .set("ExternalSharingDate", d.maybe(30, |d| time(d, OPENED, NOW)))
        .set("LastReviewId", d.maybe(50, |_| rows.id(row | 1)))
        .set("Amount", Cents(d.between(1000, 90_000_000)))
        .set("ExpirationDate", d.maybe(50, |d| day(d, NOW, NOW + 60 * DAY)));
    tail(rows, row, &mut d, o);
    custom(rows, row, &QUOTE, o);
    expand(rows, row, QUOTE_ITEMS, o);
}

fn document(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let kind = d.below(rows.set.names.len() as u64);
    id(rows, row, o);
    o.set("Name", format!("{} nº {}", rows.set.name(kind), row + 1))
        .set("DocumentNumber", row + 1)
        .set("Date", d.maybe(95, |d| day(d, OPENED, NOW)))
        .set("ContactId", maybe_any(world, CONTACTS, &mut d, 90))
        .set("PersonId", maybe_any(world, CONTACTS, &mut d, 40))
        .set("DealId", maybe_any(world, DEALS, &mut d, 70))
        .set("OwnerId", maybe_any(world, USERS, &mut d, 95))
        .set("CurrencyId", maybe_any(world, CURRENCIES, &mut d, 60))
        .set("ApprovalStatusId", d.maybe(50, |d| 1 + d.below(4)));
    shared(rows, row, &mut d, o);
    tail(rows, row, &mut d, o);
}

/// The members orders and documents share.
fn shared(rows: &Rows, row: u64, d: &mut Draw, o: &mut Object) {
    let key = d.hex(32);
    o.set("TemplateId", d.maybe(80, |d| 2000 + d.below(20)))
        .set("Shared", flag(d, 40))
        .set("ExternallyAccepted", flag(d, 20))
        .set("ExternalNotifications", flag(d, 30))
        .set("ExternalSharingDate", d.maybe(30, |d| time(d, OPENED, NOW)))
        .set("DocumentUrl", d.maybe(60, |_| format!("https://documents.example/{key}")))
        .set("ApprovalLevelId", d.maybe(30, |d| 1 + d.below(3)))
        .set("OriginQuoteId", maybe_any(rows.world, QUOTES, d, 50))
        .set("FileName", d.maybe(60, |_| format!("documento {} – final (2).pdf", row + 1)))
        .set("Key", key);
}

fn order_item(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = drawn_item(rows, row);
    item(rows, row, &mut d, ("OrderId", ORDERS), o);
    // A yes or no for orders, a number for quotes: the sources disagree, a reader must take both.
    o.set("Bonus", flag(&mut d, 10)).set("OrderDate", time(&mut d, OPENED, NOW));
    custom_like(rows, row, looks(rows, row), &ORDER_PRODUCT, o);
}

fn quote_item(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = drawn_item(rows, row);
    item(rows, row, &mut d, ("QuoteId", QUOTES), o);
    o.set("Bonus", d.maybe(20, |d| Cents(d.between(0, 10_000))));
    custom_like(rows, row, looks(rows, row), &QUOTE_PRODUCT, o);
}

fn item(rows: &Rows, row: u64, d: &mut Draw, parent: (&str, &'static Set), o: &mut Object) {
    let world = rows.world;
    let (name, set) = parent;
    let (items, parents) = (rows.set.count(world), set.count(world));
    let put = rows.item(row);
    let owner = put.map_or_else(
        || set.any_id(world, scaled(row, parents, items)),
        |put| set.id.map(|id| id.ids.id(world, put.owner)),
    );
    let (quantity, unit, discount) = (d.between(1, 40), d.between(500, 500_000), d.between(0, 15));
    let total = quantity * unit * (100 - discount) / 100;
    id(rows, row, o);
    o.set(name, owner)
        .set("ProductId", maybe_any(world, PRODUCTS, d, 97))
        .set("DealId", maybe_any(world, DEALS, d, 80))
        .set("OwnerId", maybe_any(world, USERS, d, 95))
        .set("ContactId", maybe_any(world, CONTACTS, d, 90))
        .set("Quantity", d.maybe(99, |_| quantity))
        .set("UnitPrice", d.maybe(99, |_| Cents(unit)))
        .set("Discount", d.maybe(60, |_| discount))
        .set("Total", d.maybe(99, |_| Cents(total)))
        .set("Ordination", d.row % 7)
        .set("ProductName", d.title());
}

/// The generator of an item.
fn drawn_item(rows: &Rows, row: u64) -> Draw {
    let (like, revision) = looks(rows, row);
    rows.world.draw_revised(rows.set.table, like, revision)
}

/// The row that an item looks like, and after how many revisions: that of the item which it replaces, if any.
fn looks(rows: &Rows, row: u64) -> (u64, u64) {
    let (like, revision) = rows.item(row).map_or((row, 0), |item| (item.like, item.revision));
    (like, revision + rows.revision(row))
}

/// Sets `Products` where the request expands it.
fn expand(rows: &Rows, row: u64, items: &'static Set, o: &mut Object) {
    let Some(options) = expanded(rows.expand, "Products") else {
        return;
    };
    let mut below = Rows::of(rows.world, items);
    below.expand = options
        .split(';')
        .find_map(|option| option.trim().strip_prefix("$expand="))
        .unwrap_or("");
    o.array("Products", |a| {
        for item in items_of(&below, rows.set, row) {
            a.object(|o| (items.write)(&below, item, o));
        }
    });
}

/// The item rows of a parent row.
fn items_of(items: &Rows, parents: &Set, row: u64) -> Vec<u64> {
    if let Some(list) = items.list(row) {
        return list.to_vec();
    }
    let (parents, all) = (parents.count(items.world), items.set.count(items.world));
    let range = first_scaled(row, parents, all)..first_scaled(row + 1, parents, all);
    if row < parents { range.collect() } else { Vec::new() }
}

pub(super) fn order_changed(churn: &mut Churn, event: Event) {
    items_follow(churn, event, ORDERS, ORDER_ITEMS);
}

pub(super) fn quote_changed(churn: &mut Churn, event: Event) {
    items_follow(churn, event, QUOTES, QUOTE_ITEMS);
}

/// What becomes of the items of an order or a quote that changed. An edit may give the same items new ids.
fn items_follow(churn: &mut Churn, event: Event, parents: &'static Set, set: &'static Set) {
    let Some(subject) = set.subject(churn.world, Cursor::Updated) else {
        return;
    };
    let (Event::Inserted(owner) | Event::Updated(owner) | Event::Deleted(owner)) = event;
    let rows = Rows::of(churn.world, set);
    let mut list = items_of(&rows, parents, owner);
    let known = |row: u64| {
        let item = rows.item(row).unwrap_or(Item {
            owner,
            like: row,
            revision: 0,
        });
        let revision = item.revision + rows.revision(row);
        Item { revision, ..item }
    };
    let mut new: Vec<Option<Item>> = Vec::new();
    let mut gone = Vec::new();
    match event {
        Event::Inserted(_) => new.resize(churn.rng.usize(..5), None),
        Event::Deleted(_) => gone.append(&mut list),
        Event::Updated(_) => match churn.rng.u32(..5) {
            0 => {}
            1 => {
                new.extend(list.iter().map(|row| Some(known(*row))));
                gone.append(&mut list);
            }
            2 => gone = list.split_off(churn.rng.usize(..=list.len())),
            3 => new.resize(churn.rng.usize(1..4), None),
            _ => {
                for row in &list {
                    churn.update(&subject, *row);
                }
            }
        },
    }
    for row in gone {
        churn.delete(&subject, row);
    }
    for item in new {
        let row = churn.insert(&subject);
        let item = item.unwrap_or(Item {
            owner,
            like: row,
            revision: 0,
        });
        churn.world.changes_mut(subject.table, subject.rows).set_item(row, item);
        list.push(row);
    }
    churn.world.changes_mut(subject.table, subject.rows).set_list(owner, list);
}

/// The parent row of an item row.
fn scaled(item: u64, parents: u64, items: u64) -> u64 {
    let product = u128::from(item) * u128::from(parents);
    u64::try_from(product / u128::from(items.max(1))).unwrap_or(0)
}

/// The first item row of a parent row.
fn first_scaled(parent: u64, parents: u64, items: u64) -> u64 {
    let product = u128::from(parent) * u128::from(items);
    u64::try_from(product.div_ceil(u128::from(parents.max(1)))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_parents_agree() {
        for (parents, items) in [(5, 10), (7, 10), (10, 7), (1, 3), (3, 3), (4, 1)] {
            for item in 0..items {
                let parent = scaled(item, parents, items);
                let range = first_scaled(parent, parents, items)..first_scaled(parent + 1, parents, items);
                assert!(parent < parents && range.contains(&item), "{item} of {items} in {parents}");
            }
        }
    }
}
