//! What the rows of all Exact Sales sets have in common: UTC times with four to seven digits, nested people, references.

use super::leads::LEADS;
use crate::sandbox::clock::{Ids, Moment, Pace};
use crate::sandbox::json::{At, Object};
use crate::sandbox::odata::{Id, Rows, Set, Time};
use crate::sandbox::people::Person;
use crate::sandbox::stamp::{self, DAY, HOUR, NOW};
use crate::sandbox::world::{Draw, World};

/// When the simulated account was opened.
pub(super) const OPENED: i64 = stamp::days(2022, 5, 2) * DAY + 12 * HOUR;

/// Stands for "no date".
pub(super) const NO_DATE: &str = "0001-01-01T00:00:00Z";

/// Fraction digits as the vendor sends them: mostly all seven, as few as four.
const DIGITS: &[u8] = &[7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 5, 6];

/// A time column in the past, in UTC.
pub(super) const fn time(property: &'static str, ties: bool) -> Option<Time> {
    Some(Time {
        property,
        pace: Pace {
            from: OPENED,
            to: NOW,
            grain: 1,
            digits: DIGITS,
            ties,
        },
    })
}

/// A time column of appointments: rounded, and up to eight months ahead.
pub(super) const fn appointment(property: &'static str, grain: i64, digits: &'static [u8]) -> Option<Time> {
    Some(Time {
        property,
        pace: Pace {
            from: OPENED,
            to: NOW + 240 * DAY,
            grain,
            digits,
            ties: false,
        },
    })
}

/// Ids from `first`, by `step` on average.
pub(super) const fn ids(table: &'static str, first: u64, step: u64) -> Option<Id> {
    Some(Id {
        property: "id",
        ids: Ids { table, first, step },
    })
}

/// The generator of a row of a set.
pub(super) fn draw(rows: &Rows, row: u64) -> Draw {
    rows.draw(rows.set.table, row)
}

/// A moment with `Z`.
pub(super) fn utc(moment: Moment) -> At {
    At(moment.ticks, moment.digits, "Z")
}

/// A random UTC time between two moments.
pub(super) fn some_time(d: &mut Draw, from: i64, to: i64) -> At {
    let digits = d.pick(DIGITS);
    let ticks = d.between(from, to);
    let unit = 10_i64.pow(u32::from(7 - digits));
    At(ticks - ticks.rem_euclid(unit), digits, "Z")
}

/// The lead a row of another set belongs to, going round the leads: its row number and id. Rows that share a lead are as
/// far apart as there are leads, so (lead, round) is unique.
pub(super) fn lead_of(world: &World, row: u64) -> (u64, u64, u64) {
    let leads = LEADS.count(world).max(1);
    let lead = row % leads;
    (lead, LEADS.id.map_or(lead, |id| id.ids.id(world, lead)), row / leads)
}

/// The person in a row of the sellers' or pre-sellers' table.
pub(super) fn staff(world: &World, set: &Set, row: u64) -> Person {
    world.draw(set.table, row).person()
}

/// The e-mail address of that person.
pub(super) fn staff_email(world: &World, set: &Set, row: u64) -> String {
    format!("{}{row}@sandbox.example", staff(world, set, row).login())
}

/// Sets a nested seller or pre-seller. Nobody is an object whose members are null, not `null`.
pub(super) fn nested(o: &mut Object, name: &str, world: &World, set: &Set, row: Option<u64>) {
    let row = row.filter(|_| set.count(world) > 0).map(|row| row % set.count(world));
    let person = row.map(|row| staff(world, set, row));
    o.object(name, |o| {
        o.set("id", row.and_then(|row| set.any_id(world, row)))
            .set("name", person.map(|person| person.first))
            .set("lastName", person.map(|person| person.last))
            .set("email", row.map(|row| staff_email(world, set, row)))
            .set("active", row.is_some());
    });
}

/// Telephone digits with the country's code glued on.
pub(super) fn with_country(d: &mut Draw, city: &crate::sandbox::places::City) -> String {
    format!("55{}", d.phone(city))
}
