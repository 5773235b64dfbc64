//! What happens with the clients: tasks on the board, tickets, surveys and the timeline.

use crate::sandbox::absent::{object, text, value};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::Object;
use crate::sandbox::stamp::{DAY, HOUR};
use crate::sandbox::world::{Draw, World};

use super::accounts::{CLIENTS, external_id, fill_short};
use super::contacts::CONTACTS;
use super::list::{List, any, id_of, local, moment};
use super::small::{STEPS, USERS, fill_user};

pub(super) static TASKS: List = List {
    filtered: true,
    ..List::new("tasks", Ids::new("customerx.tasks", 20_000, 2), |world| world.large, write_task)
};

pub(super) static TICKETS: List = List::new(
    "tickets",
    Ids::new("customerx.tickets", 40_000, 1),
    |world| world.share(1, 2),
    write_ticket,
);

pub(super) static NPS: List = List::new(
    "net_promoter_scores",
    Ids::new("customerx.nps", 600, 1),
    |world| world.share(1, 4),
    write_survey,
);

pub(super) static TIMELINE: List = List::new(
    "timelines",
    Ids::new("customerx.timeline", 100_000, 1),
    |world| world.share(1, 2),
    write_note,
);

static STATUSES: [&str; 3] = ["to_do", "doing", "done"];
static LABELS: [&str; 4] = ["risco, churn", "QBR", "#upsell", "urgente ⚠️"];
static TICKET_STATUSES: [&str; 4] = ["open", "pending", "solved", "closed"];
static PRIORITIES: [&str; 3] = ["low", "normal", "high"];
static TICKET_KINDS: [&str; 3] = ["dúvida", "erro", "melhoria"];
static OPERATIONS: [&str; 2] = ["client_note", "client_notes"];

fn write_task(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(TASKS.ids.table, row);
    let d = &mut d;
    let made = TASKS.made(world, row);
    o.set("id", TASKS.id(world, row));
    text(o, d, "title", 97, |d| d.title());
    text(o, d, "description", 60, |d| d.note(4000));
    client(world, o, d, 96);
    let user = any(world, d, &USERS).filter(|_| d.filled(90));
    o.set("user_id", user.map(|user| USERS.id(world, user)));
    match user {
        Some(user) => o.object("user", |o| fill_user(world, user, o)),
        None => o.null("user"),
    };
    id_of(world, o, d, "dashboard_activities_step_id", 90, &STEPS);
    value(o, d, "position", 90, |d| d.below(40));
    text(o, d, "status", 95, |d| d.pick(&STATUSES));
    let on = made + d.between(0, 20) * DAY;
    value(o, d, "date", 90, |d| moment(d, on));
    value(o, d, "date_scheduled", 60, |d| moment(d, on + DAY));
    value(o, d, "date_scheduled_final", 50, |_| local(on + DAY + HOUR));
    let contacts = if d.row == 0 { 1 } else { d.below(3) };
    o.array("additional_contacts", |list| {
        for _ in 0..contacts {
            if let Some(contact) = any(world, d, &CONTACTS) {
                list.object(|o| {
                    o.set("id", CONTACTS.id(world, contact)).set("name", d.person().full());
                });
            }
        }
    });
    let labels = if d.row == 0 { 2 } else { d.below(3) };
    o.array("labels", |list| {
        for _ in 0..labels {
            list.item(d.pick(&LABELS));
        }
    });
    TASKS.times(world, row, o);
}

fn write_ticket(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(TICKETS.ids.table, row);
    let d = &mut d;
    let made = TICKETS.made(world, row);
    o.set("id", TICKETS.id(world, row));
    text(o, d, "external_id", 90, |d| d.digits(6));
    client(world, o, d, 96);
    text(o, d, "title", 97, |d| d.title());
    text(o, d, "description", 85, |d| d.note(3000));
    text(o, d, "comment", 40, |d| d.note(1000));
    text(o, d, "status", 97, |d| d.pick(&TICKET_STATUSES));
    text(o, d, "priority", 80, |d| d.pick(&PRIORITIES));
    text(o, d, "type_ticket", 70, |d| d.pick(&TICKET_KINDS));
    let person = d.person();
    text(o, d, "attendant_name", 80, |_| person.full());
    text(o, d, "attendant_email", 75, |_| person.email("suporte.example"));
    for (name, percent, days) in [
        ("date_opening", 97, 0),
        ("date_closing", 60, 5),
        ("date_finalized", 50, 4),
        ("date_reopening", 10, 8),
        ("date_deadline_attendance", 70, 1),
        ("date_deadline_closing", 70, 6),
    ] {
        value(o, d, name, percent, |d| moment(d, made + days * DAY));
    }
    TICKETS.times(world, row, o);
}

fn write_survey(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(NPS.ids.table, row);
    let d = &mut d;
    let made = NPS.made(world, row);
    o.set("id", NPS.id(world, row));
    client(world, o, d, 97);
    value(o, d, "date_send", 97, |d| moment(d, made));
    value(o, d, "score", 60, |d| d.below(11));
    text(o, d, "comment", 30, |d| d.note(500));
}

fn write_note(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(TIMELINE.ids.table, row);
    let d = &mut d;
    o.set("id", TIMELINE.id(world, row));
    let client = any(world, d, &CLIENTS).filter(|_| d.filled(97));
    o.set("client_id", client.map(|client| CLIENTS.id(world, client)))
        .set("external_id_client", client.map(|client| external_id(world, client)));
    text(o, d, "title", 90, |d| d.title());
    text(o, d, "body", 95, |d| d.note(3000));
    text(o, d, "operation", 95, |d| d.pick(&OPERATIONS));
    id_of(world, o, d, "user_id", 80, &USERS);
    object(o, d, "attachment", 10, |o, d| {
        o.set("name", format!("{}.pdf", d.digits(4)));
    });
    TIMELINE.times(world, row, o);
}

/// The client as an id and as an object.
fn client(world: &World, o: &mut Object<'_>, d: &mut Draw, percent: u64) {
    let client = any(world, d, &CLIENTS).filter(|_| d.filled(percent));
    o.set("client_id", client.map(|client| CLIENTS.id(world, client)));
    match client {
        Some(client) => o.object("client", |o| fill_short(world, client, o)),
        None => o.null("client"),
    };
}
