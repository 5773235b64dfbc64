//! The lists that others refer to: few rows each, and never changed.

use crate::sandbox::absent::{text, value};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::Object;
use crate::sandbox::world::World;

use super::list::List;

pub(super) static GROUPS: List = List {
    wrapped: true,
    ..List::new("groups", Ids::new("customerx.groups", 31, 1), |_| 25, write_group)
};

pub(super) static SEGMENTS: List = List::new(
    "segments",
    Ids::new("customerx.segments", 4, 1),
    |_| 6,
    |world, row, o| fill_named(world, &SEGMENTS, row, o),
);

pub(super) static SERVICES: List = List::new(
    "services",
    Ids::new("customerx.services", 2, 1),
    |_| 4,
    |world, row, o| fill_named(world, &SERVICES, row, o),
);

pub(super) static KINDS_OF_CONTACTS: List = List::new(
    "type_contacts",
    Ids::new("customerx.type_contacts", 1, 1),
    |_| 5,
    |world, row, o| fill_named(world, &KINDS_OF_CONTACTS, row, o),
);

pub(super) static USERS: List = List::new("users", Ids::new("customerx.users", 50, 1), |_| 12, fill_user);

pub(super) static STEPS: List = List::new(
    "board_csm_steps",
    Ids::new("customerx.board_csm_steps", 7, 1),
    |_| 5,
    |world, row, o| fill_named(world, &STEPS, row, o),
);

static NAMES: [(&str, &[&str]); 4] = [
    ("segments", &["Indústria", "Varejo", "Saúde", "Educação", "Agronegócio", "Serviços"]),
    ("services", &["Assinatura", "Projeto", "Suporte", "Consultoria"]),
    (
        "type_contacts",
        &["Decisor", "Usuário-chave", "Financeiro", "TI & infraestrutura", "Jurídico"],
    ),
    (
        "board_csm_steps",
        &["A fazer", "Em andamento", "Aguardando cliente", "Concluído", "Cancelado"],
    ),
];

/// What a row of one of these lists is called.
pub(super) fn name_of(list: &List, row: u64) -> String {
    let names = NAMES.iter().find(|(path, _)| *path == list.path).map(|(_, names)| *names);
    let name = names.and_then(|names| names.get(usize::try_from(row).ok()?));
    name.map_or_else(|| format!("Grupo {}", 1 + row), |name| (*name).to_owned())
}

pub(super) fn fill_named(world: &World, list: &List, row: u64, o: &mut Object<'_>) {
    o.set("id", list.id(world, row)).set("description", name_of(list, row));
}

pub(super) fn fill_user(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw(USERS.ids.table, row);
    let d = &mut d;
    let person = d.person();
    o.set("id", USERS.id(world, row)).set("name", person.full());
    text(o, d, "email", 95, |_| person.email("sucesso.example"));
}

fn write_group(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw(GROUPS.ids.table, row);
    let d = &mut d;
    o.set("id", GROUPS.id(world, row));
    text(o, d, "external_id", 70, |d| format!("G{}", d.digits(3)));
    o.set("description", name_of(&GROUPS, row));
    value(o, d, "status", 90, |d| d.chance(85));
}
