//! Clients, the short form of one inside other records, and the journeys they are on.

use crate::sandbox::absent::{object, text, value};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::Object;
use crate::sandbox::people::{ascii, cnpj_dotted, cpf_dotted};
use crate::sandbox::places::City;
use crate::sandbox::stamp::{DAY, NOW};
use crate::sandbox::world::{Draw, World};

use super::list::{List, attributes, day, id_of, phones};
use super::small::{GROUPS, SEGMENTS, SERVICES, USERS, fill_named, name_of};

pub(super) static CLIENTS: List = List {
    filtered: true,
    ..List::new("clients", Ids::new("customerx.clients", 901, 3), |world| world.large, write)
};

pub(super) static JOURNEYS: List = List::new(
    "clients/journeys_clients",
    Ids::new("customerx.journeys", 70, 2),
    |world| world.share(1, 4),
    write_journey,
);

/// Tables of the attributes and phones, and how many a client has at most.
pub(super) const ATTRIBUTES: (&str, u64) = ("customerx.clients__custom_attributes", 3);
pub(super) const PHONES: (&str, u64) = ("customerx.clients__phones", 2);

/// What is always the same of a client.
struct Client {
    name: String,
    legal: String,
    domain: String,
    document: String,
    is_company: bool,
    external: String,
    city: &'static City,
}

impl Client {
    fn drawn(d: &mut Draw) -> Client {
        let (company, city) = (d.company(), d.city());
        let is_company = d.row == 0 || d.chance(85);
        let document = if is_company { d.cnpj() } else { d.cpf() };
        Client {
            name: company.name,
            legal: company.legal,
            domain: company.domain,
            external: format!("C-{}", d.digits(5)),
            document: match (d.chance(50), is_company) {
                (false, _) => document,
                (true, true) => cnpj_dotted(&document),
                (true, false) => cpf_dotted(&document),
            },
            is_company,
            city,
        }
    }

    /// A client as others mention it: as the seed made it.
    fn of(world: &World, row: u64) -> Client {
        Client::drawn(&mut world.draw(CLIENTS.ids.table, row))
    }
}

/// The e-mail domain of a client, for its contacts.
pub(super) fn domain(world: &World, row: u64) -> String {
    Client::of(world, row).domain
}

/// The code that a client has in the system it comes from.
pub(super) fn external_id(world: &World, row: u64) -> String {
    Client::of(world, row).external
}

/// The members of `client` in other records.
pub(super) fn fill_short(world: &World, row: u64, o: &mut Object<'_>) {
    let client = Client::of(world, row);
    o.set("id", CLIENTS.id(world, row))
        .set("external_id_client", client.external)
        .set("company_name", client.legal)
        .set("trading_name", client.name);
}

static ATTRIBUTE_NAMES: [(&str, &str); 4] = [
    ("plano", "Plano"),
    ("erp", "ERP utilizado"),
    ("qtd_filiais", "Quantidade de filiais"),
    ("indicado_por", "Indicado por"),
];
static STATUSES: [&str; 4] = ["without_contract", "active_contract", "contract_canceled", "contract_finalized"];
static TAGS: [&str; 4] = ["onboarding", "risco, churn", "QBR;2026", "#upsell"];
static PRODUCTS: [&str; 3] = ["Módulo fiscal", "Aplicativo", "Suporte prioritário"];
static JOURNEY_NAMES: [&str; 4] = ["Onboarding", "Adoção", "Renovação", "Recuperação 🚑"];

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(CLIENTS.ids.table, row);
    let d = &mut d;
    let client = Client::drawn(d);
    o.set("id", CLIENTS.id(world, row));
    text(o, d, "external_id_client", 85, |_| &client.external);
    text(o, d, "company_name", 97, |_| &client.legal);
    text(o, d, "trading_name", 90, |_| &client.name);
    text(o, d, "cnpj_cpf", 85, |_| &client.document);
    text(o, d, "document_type", 80, |_| if client.is_company { "cnpj" } else { "cpf" });
    text(o, d, "ie_rg", 40, |d| d.digits(9));
    text(o, d, "email", 75, |_| format!("contato@{}", client.domain));
    phones(world, o, &CLIENTS, PHONES, row);
    place(o, d, client.city);
    let made = CLIENTS.made(world, row);
    value(o, d, "date_register", 90, |d| day(d, made));
    text(o, d, "contract_status", 95, |d| d.pick(&STATUSES));
    value(o, d, "cancellation_date", 15, |d| {
        let ticks = NOW - d.between(0, 400) * DAY;
        day(d, ticks)
    });
    classes(world, o, d);
    o.object("parent_client", |o| {
        let parent = d.filled(30).then(|| d.below(CLIENTS.rows(world)));
        value(o, d, "is_parent_client", 95, |d| d.chance(20));
        match parent {
            Some(parent) => o.object("parent_client", |o| fill_short(world, parent, o)),
            None => o.null("parent_client"),
        };
    });
    let tags = if d.row == 0 { 2 } else { d.below(3) };
    o.array("tags", |list| {
        for _ in 0..tags {
            list.item(d.pick(&TAGS));
        }
    });
    attributes(world, o, &CLIENTS, ATTRIBUTES, row, &ATTRIBUTE_NAMES);
    let products = if d.row == 0 { 1 } else { d.below(3) };
    o.array("journey_products", |list| {
        for product in 0..products {
            let name = d.pick(&PRODUCTS);
            list.object(|o| {
                o.set("id", 1 + product).set("description", name);
            });
        }
    });
    value(o, d, "only_journey_by_contract", 85, |d| d.chance(30));
    let page = ascii(&client.name);
    text(o, d, "facebook", 30, |_| format!("https://facebook.example/{page}"));
    text(o, d, "instagram", 40, |_| format!("@{page}"));
    text(o, d, "linkedin", 35, |_| format!("https://linkedin.example/company/{page}"));
    text(o, d, "twitter", 15, |_| format!("@{page}_br"));
    text(o, d, "youtube", 10, |_| format!("https://youtube.example/c/{page}"));
    text(o, d, "site", 55, |_| format!("https://www.{}/", client.domain));
    CLIENTS.times(world, row, o);
}

fn place(o: &mut Object<'_>, d: &mut Draw, city: &City) {
    let cep = d.cep(city);
    text(o, d, "cep", 80, |_| format!("{:05}-{:03}", cep / 1000, cep % 1000));
    text(o, d, "country", 60, |_| "Brasil");
    text(o, d, "state", 90, |_| city.state_short());
    text(o, d, "city", 90, |_| city.name);
    text(o, d, "district", 75, Draw::district);
    text(o, d, "street", 75, Draw::street);
    text(o, d, "number", 70, |d| d.between(1, 3000).to_string());
    text(o, d, "complement", 25, |d| format!("Sala {}", d.below(300)));
}

/// The lists a client is classified by: the id, and an object or a bare name beside it.
fn classes(world: &World, o: &mut Object<'_>, d: &mut Draw) {
    for (id, name, list) in [
        ("client_segment_id", "segment", &SEGMENTS),
        ("client_service_id", "service", &SERVICES),
        ("client_group_id", "group", &GROUPS),
    ] {
        let rows = list.rows(world);
        let row = d.below(rows);
        let has = rows > 0 && d.filled(70);
        o.set(id, has.then(|| list.id(world, row)));
        match (has, name) {
            (false, _) => o.null(name),
            (true, "group") => o.set(name, name_of(list, row)),
            (true, _) => o.object(name, |o| fill_named(world, list, row, o)),
        };
    }
    object(o, d, "portfolio", 70, |o, d| {
        o.set("id", 1 + d.below(5)).set("description", "Carteira Sul");
        id_of(world, o, d, "user_id", 90, &USERS);
    });
}

fn write_journey(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(JOURNEYS.ids.table, row);
    let d = &mut d;
    o.set("id", JOURNEYS.id(world, row));
    id_of(world, o, d, "client_id", 97, &CLIENTS);
    text(o, d, "description", 95, |d| d.pick(&JOURNEY_NAMES));
    value(o, d, "default_journey_id", 80, |d| 1 + d.below(9));
    value(o, d, "is_customized", 90, |d| d.chance(25));
    JOURNEYS.times(world, row, o);
}
