//! Cities, states and countries. The first cities are real, the rest of a table is made up; coordinates are text.

use super::row::{draw, id, ids, time};
use crate::sandbox::json::Object;
use crate::sandbox::odata::{Rows, Set};
use crate::sandbox::people::ascii;
use crate::sandbox::places::{CITIES as REAL, STATES};
use crate::sandbox::stamp::NOW;

pub(super) static SETS: [Set; 3] = [
    Set {
        table: "ploomes.cities_countries",
        path: "Cities@Countries",
        rows: |_| COUNTRIES.len() as u64,
        id: ids("ploomes.cities_countries", 76, 3),
        time: None,
        names: &[],
        write: country,
    },
    Set {
        table: "ploomes.cities_states",
        // The shorter `Cities@States` answers 404, as it does at the vendor.
        path: "Cities@Countries@States",
        rows: |_| STATES.len() as u64,
        id: ids("ploomes.cities_states", 1, 1),
        time: None,
        names: &[],
        write: state,
    },
    Set {
        table: "ploomes.cities",
        path: "Cities",
        // As many as Brazil has.
        rows: |world| world.large.min(5570),
        id: ids("ploomes.cities", 10_001, 2),
        time: None,
        names: &[],
        write: city,
    },
];

pub(super) static CITIES: &Set = &SETS[2];

const COUNTRIES: [(&str, &str, &str); 6] = [
    ("Brasil", "BR", "BRA"),
    ("Argentina", "AR", "ARG"),
    ("Paraguai", "PY", "PRY"),
    ("Uruguai", "UY", "URY"),
    ("Estados Unidos", "US", "USA"),
    ("Portugal", "PT", "PRT"),
];

fn country(rows: &Rows, row: u64, o: &mut Object) {
    id(rows, row, o);
    let listed = usize::try_from(row).ok().and_then(|row| COUNTRIES.get(row));
    match listed {
        // The three-letter code is `Short1` here; the documents call it `Short`.
        Some((name, short2, short3)) => o.set("Name", *name).set("Short2", *short2).set("Short1", *short3),
        None => o.set("Name", format!("País {row}")).null("Short2").null("Short1"),
    };
    o.set("Ordination", row);
}

fn state(rows: &Rows, row: u64, o: &mut Object) {
    id(rows, row, o);
    let listed = usize::try_from(row).ok().and_then(|row| STATES.get(row));
    match listed {
        Some(state) => o.set("Name", state.name).set("Short", state.short).set("IBGECode", state.ibge),
        None => o.set("Name", format!("Província {row}")).null("Short").null("IBGECode"),
    };
    let abroad = if listed.is_some() { 0 } else { row };
    o.set("CountryId", SETS[0].any_id(rows.world, abroad));
}

fn city(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    let like = &REAL[usize::try_from(row).unwrap_or(0) % REAL.len()];
    let real = row < REAL.len() as u64;
    id(rows, row, o);
    if real {
        o.set("Name", like.name).set("IBGECode", like.ibge);
    } else {
        let name = d.pick(&[
            "Santa Rita",
            "São José",
            "Água Boa",
            "Nova Esperança",
            "Três Barras",
            "Vila d'Oeste",
        ]);
        o.set("Name", format!("{name} de {} {row}", like.name));
        o.set("IBGECode", d.maybe(95, |d| STATES[like.state].ibge * 100_000 + d.below(90_000)));
    }
    o.set("CountryId", SETS[0].any_id(rows.world, 0))
        .set("StateId", SETS[1].any_id(rows.world, like.state as u64))
        .set("Latitude", d.maybe(90, |d| degrees(like.latitude, d.below(9000))))
        .set("Longitude", d.maybe(90, |d| degrees(like.longitude, d.below(9000))))
        .set("Key", ascii(like.name))
        .set("LastUpdateDate", time(&mut d, super::row::OPENED, NOW));
}

/// `-23.5505000`: the text a decimal column gives.
fn degrees(ten_thousandths: i64, shift: u64) -> String {
    let value = ten_thousandths + shift as i64 - 4500;
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}.{:04}000", value.abs() / 10_000, value.abs() % 10_000)
}
