//! Contracts, what was added to them, their plans, and the titles they bring. A contract shows no time of its making or last change.

use crate::sandbox::absent::{text, value};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::Object;
use crate::sandbox::stamp::DAY;
use crate::sandbox::world::World;

use super::accounts::{CLIENTS, fill_short};
use super::list::{List, amount, any, day, id_of, local};

pub(super) static CONTRACTS: List = List::new(
    "contracts",
    Ids::new("customerx.contracts", 5_001, 2),
    |world| world.share(1, 2),
    write_contract,
);

pub(super) static ADDITIVES: List = List::new(
    "contract_additives",
    Ids::new("customerx.contract_additives", 300, 1),
    |world| world.share(1, 8),
    write_additive,
);

pub(super) static PLANS: List = List::new("contract_plans", Ids::new("customerx.contract_plans", 11, 1), |_| 9, write_plan);

pub(super) static FINANCIALS: List = List::new(
    "financials",
    Ids::new("customerx.financials", 80_000, 1),
    |world| world.large,
    write_title,
);

static STATUSES: [&str; 4] = ["active", "canceled", "renewed", "finished"];
static REASONS: [&str; 4] = ["preço", "falta de uso", "concorrência, preço", "encerrou atividades"];
static KINDS: [&str; 3] = ["upsell", "reajuste", "downsell"];
static PLAN_NAMES: [&str; 4] = ["Básico", "Essencial", "Avançado", "Corporativo"];
static TITLE_STATUSES: [&str; 4] = ["open", "paid", "late", "canceled"];

fn write_contract(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(CONTRACTS.ids.table, row);
    let d = &mut d;
    let made = CONTRACTS.made(world, row);
    o.set("id", CONTRACTS.id(world, row));
    text(o, d, "external_id_contract", 60, |d| format!("K-{}", d.digits(5)));
    id_of(world, o, d, "client_id", 98, &CLIENTS);
    id_of(world, o, d, "contract_plan_id", 70, &PLANS);
    text(o, d, "description", 80, |d| d.title());
    text(o, d, "status", 97, |d| d.pick(&STATUSES));
    for (name, percent, from, to) in [
        ("start_date", 95, 0, 30),
        ("final_date", 90, 365, 400),
        ("initial_start_date", 60, -30, 0),
        ("initial_final_date", 60, 300, 364),
        ("date_sale", 85, -60, -31),
        ("cancellation_date", 15, 60, 300),
    ] {
        value(o, d, name, percent, |d| {
            let ticks = made + d.between(from, to) * DAY;
            day(d, ticks)
        });
    }
    text(o, d, "cancellation_reason", 15, |d| d.pick(&REASONS));
    value(o, d, "initial_value", 95, |d| amount(d, 3_000_000));
    value(o, d, "contract_value", 95, |d| amount(d, 3_000_000));
    value(o, d, "number_of_users", 80, |d| 1 + d.below(200));
    value(o, d, "value_per_user", 60, |d| amount(d, 30_000));
    value(o, d, "renew_in_days", 70, |d| 15 + d.below(90));
    value(o, d, "auto_renovation", 90, |d| d.chance(60));
}

fn write_additive(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(ADDITIVES.ids.table, row);
    let d = &mut d;
    let made = ADDITIVES.made(world, row);
    o.set("id", ADDITIVES.id(world, row));
    text(o, d, "external_id_additive", 50, |d| format!("A-{}", d.digits(4)));
    id_of(world, o, d, "contract_id", 97, &CONTRACTS);
    text(o, d, "type_additive", 90, |d| d.pick(&KINDS));
    value(o, d, "date_sale", 90, |d| day(d, made));
    for name in ["value_additive", "value_contract", "new_value_contract", "value_per_user"] {
        value(o, d, name, 85, |d| amount(d, 900_000));
    }
    value(o, d, "number_of_users", 60, |d| 1 + d.below(50));
    text(o, d, "note", 40, |d| d.note(400));
    ADDITIVES.times(world, row, o);
}

fn write_plan(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw(PLANS.ids.table, row);
    let d = &mut d;
    let made = PLANS.made(world, row);
    o.set("id", PLANS.id(world, row));
    text(o, d, "external_id", 60, |d| d.digits(3));
    text(o, d, "description", 97, |d| format!("{} {}", d.pick(&PLAN_NAMES), 1 + row));
    value(o, d, "number_users", 80, |d| 5 + d.below(100));
    value(o, d, "status", 90, |d| d.chance(80));
    PLANS.times(world, row, o);
    value(o, d, "deleted_at", 15, |_| local(made + 400 * DAY));
}

fn write_title(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(FINANCIALS.ids.table, row);
    let d = &mut d;
    let made = FINANCIALS.made(world, row);
    let client = any(world, d, &CLIENTS).filter(|_| d.filled(97));
    o.set("id", FINANCIALS.id(world, row));
    text(o, d, "external_id_financial", 70, |d| format!("F{}", d.digits(7)));
    text(o, d, "identifier", 80, |d| format!("NF {}/{}", d.digits(5), 1 + d.below(12)));
    o.set("client_id", client.map(|client| CLIENTS.id(world, client)));
    match client {
        Some(client) => o.object("client", |o| fill_short(world, client, o)),
        None => o.null("client"),
    };
    text(o, d, "description", 60, |d| d.note(200));
    text(o, d, "status", 95, |d| d.pick(&TITLE_STATUSES));
    for (name, percent, most) in [("value", 97, 900_000), ("amount_paid", 60, 900_000), ("discount_value", 30, 20_000)] {
        value(o, d, name, percent, |d| amount(d, most));
    }
    for (name, percent, from, to) in [
        ("date_issue", 90, 0, 2),
        ("date_due", 95, 5, 60),
        ("date_original_due", 80, 5, 60),
        ("date_payment", 55, 5, 90),
    ] {
        value(o, d, name, percent, |d| {
            let ticks = made + d.between(from, to) * DAY;
            day(d, ticks)
        });
    }
    FINANCIALS.times(world, row, o);
}
