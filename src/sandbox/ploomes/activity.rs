//! Tasks and interaction records.

use super::contacts::{CONTACTS, USERS};
use super::deals::DEALS;
use super::lookups::{INTERVALS, REMINDERS, TASK_TYPES};
use super::row::{OPENED, UPDATED, draw, id, ids, maybe_any, tail, time};
use crate::sandbox::json::Object;
use crate::sandbox::odata::{Rows, Set};
use crate::sandbox::stamp::{DAY, NOW};

pub(super) static SETS: [Set; 2] = [
    Set {
        table: "ploomes.tasks",
        path: "Tasks",
        rows: |world| world.large,
        id: ids("ploomes.tasks", 120_000_000, 4),
        time: UPDATED,
        names: &[],
        write: task,
    },
    Set {
        table: "ploomes.interaction_records",
        path: "InteractionRecords",
        rows: |world| world.large,
        id: ids("ploomes.interaction_records", 220_000_000, 4),
        time: UPDATED,
        names: &[],
        write: interaction,
    },
];

fn task(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    id(rows, row, o);
    o.set("Title", d.title())
        .set("Description", d.maybe(50, |d| d.note(4000)))
        .set("TypeId", maybe_any(world, &TASK_TYPES, &mut d, 95))
        .set("ContactId", maybe_any(world, CONTACTS, &mut d, 80))
        .set("DealId", maybe_any(world, DEALS, &mut d, 60))
        .set("Length", d.maybe(50, |d| 15 * (1 + d.below(8))))
        .set("RepeatIntervalLength", d.maybe(10, |d| 1 + d.below(4)))
        .set("RepeatIntervalUnitId", maybe_any(world, &INTERVALS, &mut d, 10))
        .set("EmailReminderId", maybe_any(world, &REMINDERS, &mut d, 30))
        .set("DateTime", time(&mut d, OPENED, NOW + 60 * DAY))
        .set("EndTime", d.maybe(40, |d| time(d, OPENED, NOW + 60 * DAY)))
        .set("Finished", d.chance(60))
        .set("FinishDate", d.maybe(60, |d| time(d, OPENED, NOW)))
        .set("OwnerId", maybe_any(world, USERS, &mut d, 95))
        .set("Pending", d.chance(30));
    tail(rows, row, &mut d, o);
}

fn interaction(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let city = d.city();
    id(rows, row, o);
    o.set("ContactId", maybe_any(world, CONTACTS, &mut d, 90))
        .set("DealId", maybe_any(world, DEALS, &mut d, 60))
        .set("Date", d.maybe(98, |d| time(d, OPENED, NOW)))
        .set("TypeId", maybe_any(world, &TASK_TYPES, &mut d, 95))
        .set("Content", d.maybe(90, |d| d.note(8000)))
        .set("Latitude", d.maybe(20, |_| city.latitude as f64 / 10_000.0))
        .set("Longitude", d.maybe(20, |_| city.longitude as f64 / 10_000.0));
    // Only e-mails have these; other records do not even have the members.
    if d.filled(30) {
        let (first, second, company) = (d.person(), d.person(), d.company());
        o.set("Title", d.title())
            .set("EmailSubject", format!("RE: {} — \"urgente\"", d.title()))
            .set(
                "EmailRecipients",
                format!("{}; {}", first.email(&company.domain), second.email(&company.domain)),
            );
    }
    tail(rows, row, &mut d, o);
}
