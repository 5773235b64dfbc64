//! Contacts: the people at the customers, with their kinds and custom fields. The customer's id is at the root in some
//! records, in all of the others inside `customer` only.

use crate::sandbox::absent::{text, value};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::Object;
use crate::sandbox::people::phone_dotted;
use crate::sandbox::world::World;

use super::customers::{CUSTOMERS, domain, fill_short};
use super::entity::{Entity, Next, custom_fields};
use super::people::any;

pub(super) static CONTACTS: Entity = Entity {
    name: "contacts",
    ids: Ids::new("sensedata.contacts", 2_000, 3),
    rows: |world| world.rows("sensedata.contacts", world.large),
    filters: &["updated_at"],
    next: Next::Told,
    write,
};

pub(super) const FIELDS: (&str, u64) = ("sensedata.contacts__custom_fields", 2);
pub(super) const TYPES: (&str, u64) = ("sensedata.contacts__types", 2);

static FIELD_NAMES: [&str; 4] = ["time_do_coracao", "aniversario", "nivel_de_influencia", "linkedin"];
static KINDS: [&str; 5] = ["Decisor", "Usuário-chave", "Financeiro", "TI & infraestrutura", "Jurídico"];
static ROLES: [&str; 5] = ["Diretora de operações", "Gerente", "Analista fiscal", "Sócio", "Coordenadora de RH"];
static REASONS: [&str; 3] = ["Muitos e-mails", "Saiu da empresa", "Não se interessa 😴"];

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(CONTACTS.ids.table, row);
    let d = &mut d;
    let (person, city) = (d.person(), d.city());
    let customer = any(world, d, &CUSTOMERS);
    o.set("id", CONTACTS.id(world, row));
    text(o, d, "id_legacy", 40, |d| format!("C{}", d.digits(6)));
    let customer = customer.filter(|_| d.filled(96));
    match customer {
        Some(customer) => o.object("customer", |o| fill_short(world, customer, o)),
        None => o.null("customer"),
    };
    if row.is_multiple_of(2) {
        o.set("id_customer", customer.map(|customer| CUSTOMERS.id(world, customer)));
    }
    text(o, d, "name", 97, |_| person.full());
    text(o, d, "nickname", 30, |_| person.first);
    text(o, d, "email", 85, |_| {
        let domain = customer.map(|customer| domain(world, customer));
        person.email(domain.as_deref().unwrap_or("contatos.example"))
    });
    text(o, d, "occupation", 60, |d| d.pick(&ROLES));
    text(o, d, "phone", 70, |d| phone_dotted(&d.phone(city)));
    text(o, d, "phone2", 25, |d| format!("+55{}", d.phone(city)));
    text(o, d, "address", 30, |d| {
        format!("{}, {} - {}/{}", d.street(), d.between(1, 3000), city.name, city.state_short())
    });
    text(o, d, "skype", 15, |_| format!("live:{}", person.login()));
    text(o, d, "obs_info", 30, |d| d.note(1500));
    text(o, d, "unsubscribe_reason", 10, |d| d.pick(&REASONS));
    for (name, percent) in [
        ("is_main_sponsor", 20),
        ("is_active", 90),
        ("is_favorite", 15),
        ("email_unsubscribe", 10),
    ] {
        value(o, d, name, 90, |d| d.chance(percent));
    }
    o.set("updated_at", CONTACTS.updated(world, row));
    let revision = world.revision(CONTACTS.ids.table, row);
    let first = d.below(KINDS.len() as u64);
    let kinds = CONTACTS.children(world, TYPES, row);
    o.array("types", |types| {
        for item in 0..kinds {
            let mut d = world.draw_revised(TYPES.0, row * 1000 + item, revision);
            let number = first + item;
            let name = usize::try_from(number % KINDS.len() as u64)
                .ok()
                .and_then(|at| KINDS.get(at))
                .copied();
            types.object(|o| {
                o.set("id", 1 + number);
                text(o, &mut d, "name", 95, |_| name);
            });
        }
    });
    custom_fields(world, o, &CONTACTS, FIELDS, row, &FIELD_NAMES);
}
