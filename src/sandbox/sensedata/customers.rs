//! Customers, and the short form of one inside contacts, contracts and tasks.

use crate::sandbox::absent::{object, text, value};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::Object;
use crate::sandbox::people::{cnpj_dotted, phone_dotted};
use crate::sandbox::places::City;
use crate::sandbox::stamp::{DAY, NOW};
use crate::sandbox::world::{Draw, World};

use super::entity::{Entity, Next, custom_fields, date};
use super::people::user;

pub(super) static CUSTOMERS: Entity = Entity {
    name: "customers",
    ids: Ids::new("sensedata.customers", 165, 2),
    rows: |world| world.rows("sensedata.customers", world.large),
    filters: &["updated_at", "created_at"],
    next: Next::Told,
    write,
};

/// Table of the custom fields and how many a customer has at most.
pub(super) const FIELDS: (&str, u64) = ("sensedata.customers__custom_fields", 3);

/// What is always the same of a customer.
struct Customer {
    name: String,
    legal: String,
    domain: String,
    /// Digits, or punctuated in some records.
    cnpj: String,
    legacy: String,
    city: &'static City,
}

impl Customer {
    /// A customer as others mention it: as the seed made it.
    fn of(world: &World, row: u64) -> Customer {
        Customer::drawn(&mut world.draw(CUSTOMERS.ids.table, row))
    }

    fn drawn(d: &mut Draw) -> Customer {
        let (company, cnpj, city) = (d.company(), d.cnpj(), d.city());
        Customer {
            name: company.name,
            legal: company.legal,
            domain: company.domain,
            legacy: if d.chance(60) { cnpj.clone() } else { format!("A-{}", d.digits(5)) },
            cnpj: if d.chance(50) { cnpj_dotted(&cnpj) } else { cnpj },
            city,
        }
    }
}

/// The e-mail domain of a customer, for its contacts.
pub(super) fn domain(world: &World, row: u64) -> String {
    Customer::of(world, row).domain
}

/// The members of `customer` in other records.
pub(super) fn fill_short(world: &World, row: u64, o: &mut Object<'_>) {
    let customer = Customer::of(world, row);
    o.set("id", CUSTOMERS.id(world, row))
        .set("id_legacy", customer.legacy)
        .null("group")
        .set("name_contract", customer.legal)
        .set("name", customer.name)
        .set("cnpj", customer.cnpj);
}

#[rustfmt::skip]
static FIELD_NAMES: [&str; 6] = ["dominio", "servidores", "qtd_filiais", "erp_utilizado", "indicado_por", "observacao_fiscal"];
static STATUSES: [(u64, &str); 4] = [(1, "Prospect"), (2, "Ativo"), (3, "Cancelado"), (4, "Inadimplente")];
static STAGES: [&str; 5] = ["Onboarding", "Adoção", "Ongoing", "Renovação", "Recuperação"];
static SIZES: [&str; 4] = ["ME", "EPP", "Médio", "Grande"];
static INDUSTRIES: [&str; 5] = ["Varejo", "Indústria", "Saúde", "Educação", "Agronegócio"];
static CANCELS: [&str; 4] = ["preço", "falta de uso", "concorrência, preço", "encerrou atividades"];

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(CUSTOMERS.ids.table, row);
    let d = &mut d;
    let customer = Customer::drawn(d);
    o.set("id", CUSTOMERS.id(world, row));
    text(o, d, "id_legacy", 85, |_| &customer.legacy);
    text(o, d, "group", 30, |d| format!("Grupo {}", d.company().name));
    text(o, d, "name_contract", 97, |_| &customer.legal);
    text(o, d, "name", 97, |_| &customer.name);
    text(o, d, "cnpj", 85, |_| &customer.cnpj);
    let status = d.pick(&STATUSES);
    object(o, d, "status", 96, |o, _| {
        o.set("id", status.0).set("description", status.1).set("enabled", status.0 != 3);
    });
    text(o, d, "country", 60, |_| "Brasil");
    text(o, d, "state", 90, |_| customer.city.state_short());
    text(o, d, "city", 90, |_| customer.city.name);
    text(o, d, "address", 50, Draw::street);
    text(o, d, "address_number", 50, |d| d.between(1, 3000).to_string());
    text(o, d, "size", 60, |d| d.pick(&SIZES));
    text(o, d, "stage", 85, |d| d.pick(&STAGES));
    text(o, d, "badge", 30, |_| "🥇 ouro");
    text(o, d, "industry", 70, |d| d.pick(&INDUSTRIES));
    text(o, d, "salesperson", 60, |d| d.person().full());
    let registered = CUSTOMERS.created(world, row).0;
    value(o, d, "dt_register", 90, |d| date(d, registered));
    value(o, d, "dt_stage", 70, |d| {
        let day = NOW - d.between(0, 500) * DAY;
        date(d, day)
    });
    value(o, d, "dt_cancel", 15, |d| {
        let day = NOW - d.between(0, 300) * DAY;
        date(d, day)
    });
    text(o, d, "cancel_tag", 15, |d| d.pick(&CANCELS));
    text(o, d, "cancel_description", 15, |d| d.note(800));
    user(world, o, d, "cs", 85, false);
    user(world, o, d, "csm", 60, row.is_multiple_of(3));
    let sponsor = d.person();
    text(o, d, "sponsor", 70, |_| sponsor.full());
    text(o, d, "sponsor_phone", 60, |d| phone_dotted(&d.phone(customer.city)));
    text(o, d, "sponsor_email", 65, |_| sponsor.email(&customer.domain));
    o.set("created_at", CUSTOMERS.created(world, row))
        .set("updated_at", CUSTOMERS.updated(world, row));
    custom_fields(world, o, &CUSTOMERS, FIELDS, row, &FIELD_NAMES);
}
