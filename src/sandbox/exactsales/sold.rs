//! Sold leads and their products.

use super::row::{OPENED, draw, ids, lead_of, staff, staff_email};
use super::small::{SDRS, SELLERS, STAGE_SET, stage_name};
use crate::sandbox::clock::Pace;
use crate::sandbox::json::{At, Cents, Object};
use crate::sandbox::odata::{Rows, Set, Time};
use crate::sandbox::stamp::{DAY, NOW};
use crate::sandbox::world::World;

pub(super) static SETS: [Set; 1] = [Set {
    table: "exactsales.leadssold",
    path: "LeadsSold",
    rows: |world| world.large / 4,
    id: ids("exactsales.leadssold", 55_001, 2),
    time: Some(Time {
        property: "saleDate",
        pace: Pace {
            from: OPENED,
            to: NOW,
            // A day, so that many sales share a moment.
            grain: DAY,
            digits: &[0],
            ties: false,
        },
    }),
    names: &["Plano Básico", "Plano Pro", "Implantação", "Treinamento (8h)", "Suporte 24×7"],
    write: sale,
}];

const PRODUCTS: &str = "exactsales.leadssold__products";

/// Products of all sales.
pub(super) fn products(world: &World) -> (&'static str, u64) {
    SETS[0].all_children(world, PRODUCTS, 4)
}

fn sale(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let (_, lead_id, round) = lead_of(world, row * 4);
    let seller = d.below(SELLERS.count(world).max(1));
    let sdr = d.below(SDRS.count(world).max(1));
    let person = staff(world, SELLERS, seller);
    let stage = d.below(STAGE_SET.count(world).max(1));
    let sold = d.filled(95);
    o.set("id", rows.id(row))
        .set("leadId", lead_id)
        .set("saleDate", At(rows.moment(row).ticks, 0, "Z"))
        .set("saleStage", d.maybe(97, |_| stage_name(stage)))
        .set("cycle", round + 1)
        .object("salesRep", |o| {
            o.set("name", sold.then_some(person.first))
                .set("lastName", sold.then_some(person.last))
                .set("email", sold.then(|| staff_email(world, SELLERS, seller)));
        })
        .object("preSales", |o| {
            o.set("email", staff_email(world, SDRS, sdr));
        });
    let mut total = 0;
    o.array("products", |a| {
        for place in 0..rows.children(PRODUCTS, row, 4) {
            let kind = (row + place) % rows.set.names.len() as u64;
            let (quantity, price) = (d.between(1, 12), d.between(5_000, 400_000));
            let full = quantity * price;
            let discount = d.maybe(50, |d| d.between(0, full / 5));
            let left = full - discount.unwrap_or(0);
            total += left;
            a.object(|o| {
                let how = if discount.is_none() {
                    "Nenhum"
                } else {
                    d.pick(&["Absoluto", "Porcentual", "Percentual"])
                };
                o.set("id", 1 + kind)
                    .set("name", rows.set.name(kind))
                    .set("quantity", quantity)
                    .set("individualValue", Cents(price))
                    .set("fullValue", Cents(full))
                    .set("discountAmount", discount.map(Cents))
                    .set("discountType", how)
                    .set("finalValue", Cents(left));
            });
        }
    });
    o.set("totalDealValue", d.maybe(97, |_| Cents(total)));
}
