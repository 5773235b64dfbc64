//! Meetings, tasks with their contacts, and boxes (the slots of a calendar).

use super::leads::{LEADS, lead_name, person_id};
use super::row::{appointment, draw, ids, nested, some_time, staff_email, utc, with_country};
use super::small::{SDRS, SELLERS};
use crate::sandbox::json::{At, Object};
use crate::sandbox::odata::{Rows, Set};
use crate::sandbox::stamp::{DAY, HOUR, MINUTE, NOW, date_text};
use crate::sandbox::world::World;

pub(super) static SETS: [Set; 3] = [
    Set {
        table: "exactsales.meetings",
        path: "Meetings",
        rows: |world| world.large / 2,
        id: ids("exactsales.meetings", 100_001, 4),
        // Text without a zone, in São Paulo's time: filters must quote it.
        time: appointment("startTime", 30 * MINUTE, &[7]),
        names: &["Vigente", "Cancelada", "Concluido"],
        write: meeting,
    },
    Set {
        table: "exactsales.tasks",
        path: "Tasks",
        rows: |world| world.large,
        id: ids("exactsales.tasks", 1_000_001, 4),
        time: appointment("dueDate", 15 * MINUTE, &[0]),
        names: &["Pendente", "Concluída", "Atrasada"],
        write: task,
    },
    Set {
        table: "exactsales.boxes",
        path: "Boxes",
        rows: |world| world.large / 2,
        id: ids("exactsales.boxes", 300_001, 2),
        // Printed with a Z, but the value is São Paulo's wall clock.
        time: appointment("start", 30 * MINUTE, &[0]),
        names: &[],
        write: slot,
    },
];

const CONTACTS: &str = "exactsales.tasks__contacts";

/// Contacts of all tasks.
pub(super) fn task_contacts(world: &World) -> (&'static str, u64) {
    SETS[1].all_children(world, CONTACTS, 2)
}

fn meeting(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let start = rows.moment(row).ticks;
    let city = d.city();
    let lead = d.below(LEADS.count(world).max(1));
    let registered = start.min(NOW) - d.between(HOUR, 20 * DAY);
    let kind = if start > NOW { d.below(2) } else { d.below(3) };
    o.set("id", rows.id(row))
        .set("type", rows.set.name(kind))
        .set("registerDate", some_time(&mut d, registered - HOUR, registered))
        .set("meetingType", d.maybe(90, |d| d.pick(&["Online", "Presencial", "Telefone"])))
        .set("meetingDate", date_text(start))
        .set("startTime", At(start, 7, ""))
        .set("finalTime", At(start + 45 * MINUTE, 7, ""))
        .set("managerDescription", d.maybe(30, |d| d.note(1000)))
        .set("sdrDescription", d.maybe(60, |d| d.note(2000)))
        .set("reference", d.maybe(20, |d| format!("REF-{}", d.digits(5))))
        .set(
            "meetingFeedbackUrl",
            d.maybe(30, |d| format!("https://app.example/feedback/{}", d.hex(12))),
        )
        .set("score", d.maybe(30, |d| d.below(100)))
        .set("qualificationDate", d.maybe(50, |d| some_time(d, registered - 9 * DAY, registered)))
        .object("lead", |o| {
            o.set("id", LEADS.any_id(world, lead))
                .set("name", d.maybe(98, |_| lead_name(world, lead)))
                .set("site", "")
                .set("phone", with_country(&mut d, city));
        });
    let seller = d.maybe(90, |d| d.bits());
    nested(o, "salesRep", world, SELLERS, seller);
    // Always the owner of the token.
    o.object("user", |o| {
        o.set("id", 3_u64)
            .set("name", "Beto")
            .set("lastName", "Conceição")
            .set("email", "beto.conceicao@sandbox.example")
            .set("active", true);
        // Older replies have these, newer ones lack the members.
        if d.filled(10) {
            o.set("phone", "5511900000000")
                .set("phone2", "551130000000")
                .array("groupList", |a| {
                    a.object(|o| {
                        o.set("id", 1_u64).set("value", "Gestão");
                    });
                });
        }
    });
}

fn task(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let due = rows.moment(row);
    let lead = d.below(LEADS.count(world).max(1));
    let state = if due.ticks > NOW { 0 } else { 1 + d.below(2) };
    let owner = d.below(SDRS.count(world).max(1));
    o.set("id", rows.id(row))
        .set("activityTypeId", d.maybe(95, |d| 11 + d.below(8)))
        .set("dueDate", utc(due))
        .set("leadId", d.maybe(97, |_| LEADS.any_id(world, lead)).flatten())
        .set("note", d.maybe(50, |d| d.note(3000)))
        .set("status", d.maybe(98, |_| rows.set.name(state)))
        .set("timeNotification", d.maybe(40, |d| format!("00:{:02}:00", 5 * (1 + d.below(6)))))
        .set("title", d.maybe(97, |d| d.title()))
        .set("userEmail", d.maybe(90, |_| staff_email(world, SDRS, owner)));
    let sdr = d.maybe(85, |_| owner);
    nested(o, "sdr", world, SDRS, sdr);
    let contacts = rows.children(CONTACTS, row, 2);
    o.array("contacts", |a| {
        for place in 0..contacts {
            a.object(|o| {
                let (person, company) = (d.person(), d.company());
                o.set("id", person_id(lead, place))
                    .set("name", person.full())
                    .set("email", d.maybe(80, |_| person.email(&company.domain)));
            });
        }
    });
}

fn slot(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let start = rows.moment(row).ticks;
    let lead = d.filled(60).then(|| d.bits()).and_then(|noise| LEADS.any_id(world, noise));
    let seller = d.below(SELLERS.count(world).max(1));
    let person = super::row::staff(world, SELLERS, seller);
    o.set("id", rows.id(row))
        .set("start", At(start, 0, "Z"))
        .set("end", At(start + HOUR, 0, "Z"))
        .set("salesRep", person.full())
        .set("salesRepEmail", staff_email(world, SELLERS, seller))
        .set("status", if lead.is_some() { "busy" } else { "available" })
        .set("description", d.maybe(40, |d| d.note(500)))
        .set("typeMeeting", d.maybe(80, |d| d.pick(&["Online", "Presencial"])))
        .set("address", d.maybe(30, |d| format!("{}, {}", d.street(), d.below(2000))))
        // No lead is 0, not null.
        .set("leadId", lead.unwrap_or(0));
}
