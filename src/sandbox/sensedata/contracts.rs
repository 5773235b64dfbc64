//! Contracts, and the financial titles of `customer_billing`, which keep the shape of the API's first version: plain dates,
//! the status as a number and only in some records as an object.

use crate::sandbox::absent::{object, text, value};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::{Cents, Object};
use crate::sandbox::stamp::{self, DAY};
use crate::sandbox::world::World;

use super::customers::{CUSTOMERS, fill_short};
use super::entity::{Entity, Next, date};
use super::people::any;

pub(super) static CONTRACTS: Entity = Entity {
    name: "contracts",
    ids: Ids::new("sensedata.contracts", 500, 2),
    rows: |world| world.rows("sensedata.contracts", world.share(1, 2)),
    filters: &[],
    next: Next::Missing,
    write: write_contract,
};

pub(super) static BILLING: Entity = Entity {
    name: "customer_billing",
    ids: Ids::new("sensedata.financials", 90_000, 1),
    rows: |world| world.rows("sensedata.financials", world.large),
    filters: &[],
    next: Next::Counted,
    write: write_title,
};

static CONTRACT_STATUSES: [&str; 4] = ["Ativo", "Suspenso", "Encerrado", "Em negociação"];
static CONTRACT_KINDS: [&str; 3] = ["Assinatura", "Projeto", "Suporte & manutenção"];
static MODELS: [&str; 3] = ["ARR", "MRR", "OTR"];
static PLANS: [&str; 4] = ["Básico", "Essencial", "Avançado", "Corporativo"];
static TITLE_STATUSES: [(&str, u64); 4] = [("Em aberto", 100), ("Pago", 100), ("Vencido", 50), ("Cancelado", 0)];
static TITLE_KINDS: [&str; 3] = ["Mensalidade", "Implantação", "Serviço avulso"];

fn write_contract(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(CONTRACTS.ids.table, row);
    let d = &mut d;
    let customer = any(world, d, &CUSTOMERS).filter(|_| d.filled(98));
    o.set("id", CONTRACTS.id(world, row));
    match customer {
        Some(customer) => o.object("customer", |o| fill_short(world, customer, o)),
        None => o.null("customer"),
    };
    o.set("id_customer", customer.map(|customer| CUSTOMERS.id(world, customer)));
    text(o, d, "id_legacy", 60, |d| format!("CT{}", d.digits(6)));
    value(o, d, "item_sequence", 80, |d| 1 + d.below(5));
    text(o, d, "paper_contract", 60, |d| format!("{}/{}", d.digits(4), 2020 + d.below(7)));
    text(o, d, "description", 50, |d| d.note(600));
    text(o, d, "model", 80, |d| d.pick(&MODELS));
    text(o, d, "type", 80, |d| d.pick(&CONTRACT_KINDS));
    text(o, d, "plan", 70, |d| d.pick(&PLANS));
    value(o, d, "instalments", 70, |d| 1 + d.below(36));
    let signed = CONTRACTS.created(world, row);
    value(o, d, "start_date", 95, |d| {
        let starts = signed.0 + d.between(0, 30) * DAY;
        date(d, starts)
    });
    value(o, d, "end_date", 80, |d| {
        let ends = signed.0 + d.between(300, 1500) * DAY;
        date(d, ends)
    });
    value(o, d, "monthly_payment", 90, |d| Cents(d.between(0, 3_000_000)));
    let status = d.below(CONTRACT_STATUSES.len() as u64);
    object(o, d, "status", 95, |o, _| {
        let name = usize::try_from(status).ok().and_then(|at| CONTRACT_STATUSES.get(at)).copied();
        o.set("id", 1 + status).set("description", name).set("enabled", status != 2);
    });
    value(o, d, "auto_renewal", 85, |d| d.chance(60));
    value(o, d, "license_qty", 70, |d| 1 + d.below(500));
    value(o, d, "is_subscription", 85, |d| d.chance(80));
    // A number in some records, text in others.
    let months = d.pick(&[1_u64, 3, 6, 12, 24]);
    if d.chance(50) {
        value(o, d, "cycle", 80, |_| months);
    } else {
        text(o, d, "cycle", 80, |_| months.to_string());
    }
    // Was a date once.
    if d.row > 0 && d.chance(10) {
        o.set("created_on", stamp::date_text(signed.0));
    } else {
        value(o, d, "created_on", 95, |_| signed);
    }
    o.set("created_at", signed);
}

fn write_title(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(BILLING.ids.table, row);
    let d = &mut d;
    let customer = any(world, d, &CUSTOMERS);
    let made = BILLING.created(world, row);
    o.set("id", BILLING.id(world, row));
    text(o, d, "id_legacy", 70, |d| format!("T{}", d.digits(7)));
    o.set(
        "id_customer",
        customer.filter(|_| d.filled(98)).map(|customer| CUSTOMERS.id(world, customer)),
    );
    value(o, d, "amount", 97, |d| Cents(d.between(-20_000, 5_000_000)));
    value(o, d, "invoice_date", 85, |_| stamp::date_text(made.0));
    value(o, d, "due_date", 95, |d| stamp::date_text(made.0 + d.between(5, 60) * DAY));
    value(o, d, "payment_date", 60, |d| stamp::date_text(made.0 + d.between(5, 90) * DAY));
    text(o, d, "ref_doc", 70, |d| format!("DOC-{}", d.digits(6)));
    text(o, d, "ref_invoice", 70, |d| format!("NF {}", d.digits(5)));
    text(o, d, "ref_item", 50, |d| d.digits(3));
    text(o, d, "type", 80, |d| d.pick(&TITLE_KINDS));
    let status = d.below(TITLE_STATUSES.len() as u64);
    o.set("id_status", 1 + status);
    text(o, d, "legacy_status", 30, |d| d.pick(&["A", "P", "V", "C"]));
    if d.filled(40) {
        let (name, percent) = usize::try_from(status)
            .ok()
            .and_then(|at| TITLE_STATUSES.get(at))
            .copied()
            .unwrap_or(("", 0));
        o.object("status", |o| {
            o.set("id", 1 + status).set("description", name).set("enabled", status != 3);
            o.set("billing_factor", percent as f64 / 100.0);
        });
    }
    o.set("created_at", made).set("updated_at", BILLING.updated(world, row));
}
