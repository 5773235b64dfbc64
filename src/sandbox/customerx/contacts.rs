//! Contacts: the people at the clients, with their phones and attributes. Some records have the phones of an older shape, too.

use crate::sandbox::absent::{text, value};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::Object;
use crate::sandbox::people::{cpf_dotted, phone_dotted};
use crate::sandbox::stamp::{DAY, NOW};
use crate::sandbox::world::World;

use super::accounts::{CLIENTS, domain, fill_short};
use super::list::{List, any, attributes, day, phones};
use super::small::{KINDS_OF_CONTACTS, fill_named, name_of};

pub(super) static CONTACTS: List = List::new("contacts", Ids::new("customerx.contacts", 3_000, 2), |world| world.large, write);

/// Tables of the attributes and phones, and how many a contact has at most.
pub(super) const ATTRIBUTES: (&str, u64) = ("customerx.contacts__custom_attributes", 2);
pub(super) const PHONES: (&str, u64) = ("customerx.contacts__phones", 2);

static ATTRIBUTE_NAMES: [(&str, &str); 3] = [
    ("time_do_coracao", "Time do coração"),
    ("influencia", "Nível de influência"),
    ("idioma", "Idioma"),
];
static ROLES: [&str; 5] = ["Diretora de operações", "Gerente", "Analista fiscal", "Sócio", "Coordenadora de RH"];

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(CONTACTS.ids.table, row);
    let d = &mut d;
    let (person, city) = (d.person(), d.city());
    let client = any(world, d, &CLIENTS).filter(|_| d.filled(96));
    o.set("id", CONTACTS.id(world, row));
    text(o, d, "external_id_contact", 50, |d| format!("P{}", d.digits(6)));
    // At the root in most records, inside the object in all.
    if row % 5 != 4 {
        o.set("client_id", client.map(|client| CLIENTS.id(world, client)));
    }
    match client {
        Some(client) => o.object("client", |o| fill_short(world, client, o)),
        None => o.null("client"),
    };
    text(o, d, "name", 97, |_| person.full());
    text(o, d, "email", 85, |_| {
        let domain = client.map(|client| domain(world, client));
        person.email(domain.as_deref().unwrap_or("contatos.example"))
    });
    text(o, d, "document", 45, |d| {
        let cpf = d.cpf();
        if d.chance(50) { cpf_dotted(&cpf) } else { cpf }
    });
    phones(world, o, &CONTACTS, PHONES, row);
    if row.is_multiple_of(4) {
        text(o, d, "phone_cel", 60, |d| phone_dotted(&d.phone(city)));
        text(o, d, "phone_fix", 30, |d| phone_dotted(&d.phone(city)));
    }
    text(o, d, "occupation", 60, |d| d.pick(&ROLES));
    value(o, d, "birthday", 40, |d| {
        let ticks = NOW - d.between(19 * 365, 70 * 365) * DAY;
        day(d, ticks)
    });
    text(o, d, "note", 30, |d| d.note(1500));
    value(o, d, "is_principal", 90, |d| d.chance(30));
    let kinds = KINDS_OF_CONTACTS.rows(world);
    let kind = d.below(kinds);
    let has = kinds > 0 && d.filled(70);
    o.set("type_contact_id", has.then(|| KINDS_OF_CONTACTS.id(world, kind)));
    match has {
        false => o.null("type_contact"),
        true if row % 3 == 1 => o.set("type_contact", name_of(&KINDS_OF_CONTACTS, kind)),
        true => o.object("type_contact", |o| fill_named(world, &KINDS_OF_CONTACTS, kind, o)),
    };
    attributes(world, o, &CONTACTS, ATTRIBUTES, row, &ATTRIBUTE_NAMES);
    CONTACTS.times(world, row, o);
}
