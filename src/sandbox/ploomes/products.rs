//! Products with their groups and families.

use super::custom::custom;
use super::deals::CURRENCIES;
use super::fields::PRODUCT;
use super::lookups::plain;
use super::row::{UPDATED, draw, flag, id, ids, maybe_any, tail};
use crate::sandbox::json::{Cents, Object};
use crate::sandbox::odata::{Rows, Set};
use crate::sandbox::world::World;

pub(super) static SETS: [Set; 3] = [
    Set {
        table: "ploomes.products_families",
        path: "Products@Families",
        rows: |_| 3,
        id: ids("ploomes.products_families", 610, 2),
        time: None,
        names: &["Equipamentos", "Serviços", "Peças de reposição"],
        write: plain,
    },
    Set {
        table: "ploomes.products_groups",
        path: "Products@Groups",
        rows: |_| 8,
        id: ids("ploomes.products_groups", 6_200, 4),
        time: UPDATED,
        names: &[
            "Máquinas",
            "Ferramentas",
            "Instalação",
            "Manutenção",
            "Treinamento",
            "Filtros",
            "Correias",
            "Óleos",
        ],
        write: group,
    },
    Set {
        table: "ploomes.products",
        path: "Products",
        rows: |world| (world.large / 5).max(3),
        id: ids("ploomes.products", 66_000_000, 5),
        time: UPDATED,
        names: &[
            "Bomba d'água",
            "Compressor",
            "Furadeira",
            "Plano mensal",
            "Revisão",
            "Filtro de óleo",
            "Correia 3/8\"",
        ],
        write: product,
    },
];

pub(super) static PRODUCTS: &Set = &SETS[2];

fn group(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    id(rows, row, o);
    o.set("Name", rows.set.name(row))
        .set("FamilyId", maybe_any(rows.world, &SETS[0], &mut d, 80))
        .set("FixedPrice", flag(&mut d, 40))
        .set("Default", flag(&mut d, 20));
    tail(rows, row, &mut d, o);
}

/// What a product is called by the seed.
pub(super) fn product_name(world: &World, row: u64) -> String {
    let kind = world.draw(PRODUCTS.table, row).below(PRODUCTS.names.len() as u64);
    format!("{} {}", PRODUCTS.name(kind), row + 1)
}

fn product(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    let kind = d.below(rows.set.names.len() as u64);
    id(rows, row, o);
    o.set("GroupId", maybe_any(rows.world, &SETS[1], &mut d, 90))
        .set("Name", format!("{} {}", rows.set.name(kind), row + 1))
        .set("Code", d.maybe(80, |d| format!("0{}-{}", d.digits(5), row)))
        .set("MeasurementUnit", d.maybe(70, |d| d.pick(&["UN", "CX", "KG", "m²", "h"])))
        .set(
            "ImageUrl",
            d.maybe(30, |d| format!("https://files.example/product/{}.png", d.hex(16))),
        )
        .set("CurrencyId", maybe_any(rows.world, CURRENCIES, &mut d, 95))
        .set("UnitPrice", d.maybe(95, |d| Cents(d.between(100, 900_000))))
        .set("MinimumPrice", d.maybe(20, |d| Cents(d.between(50, 100))))
        .set("Suspended", d.chance(5))
        .set("SaleCode", d.hex(8));
    tail(rows, row, &mut d, o);
    custom(rows, row, &PRODUCT, o);
}
