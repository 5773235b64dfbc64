//! Tasks, with the records they belong to as ids and as objects. An object is `null` in some records and, for the priority,
//! a bare text in a few.

use crate::sandbox::absent::{object, text, value};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::{At, Cents, Object};
use crate::sandbox::stamp::{DAY, HOUR};
use crate::sandbox::world::{Draw, World};

use super::contacts::CONTACTS;
use super::customers::{CUSTOMERS, fill_short};
use super::entity::{Entity, Next, date};
use super::people::{PLAYBOOKS, any, user};

pub(super) static TASKS: Entity = Entity {
    name: "tasks",
    ids: Ids::new("sensedata.tasks", 10_000, 3),
    rows: |world| world.rows("sensedata.tasks", world.large),
    filters: &["updated_at", "created_at"],
    next: Next::Told,
    write,
};

static KINDS: [(&str, &str); 4] = [
    ("call", "Ligação"),
    ("meeting", "Reunião"),
    ("email", "E-mail"),
    ("task", "Tarefa interna"),
];
static STATUSES: [&str; 4] = ["Aberta", "Em andamento", "Concluída", "Cancelada"];
static PRIORITIES: [&str; 3] = ["Baixa", "Média", "Alta"];
static TAGS: [&str; 4] = ["onboarding", "risco, churn", "QBR;2026", "#upsell"];

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(TASKS.ids.table, row);
    let d = &mut d;
    let created = TASKS.created(world, row);
    o.set("id", TASKS.id(world, row));
    text(o, d, "id_legacy", 20, |d| format!("TK{}", d.digits(6)));
    relations(world, o, d);
    text(o, d, "description", 95, |d| d.title());
    text(o, d, "notes", 60, |d| d.note(4000));
    text(o, d, "group", 30, |d| format!("Grupo {}", 1 + d.below(9)));
    text(o, d, "tags", 30, |d| d.pick(&TAGS));
    let starts = created.0 + d.between(0, 20) * DAY;
    value(o, d, "start_date", 90, |d| date(d, starts));
    value(o, d, "due_date", 90, |d| {
        let due = starts + d.between(1, 30) * DAY;
        date(d, due)
    });
    let ended = At(starts + d.between(1, 900) * HOUR, 6, "");
    value(o, d, "end_date", 60, |_| ended);
    value(o, d, "system_end_date", 60, |_| ended);
    value(o, d, "hours_planned", 50, |d| Cents(d.between(25, 4000)));
    value(o, d, "hours_spent", 40, |d| Cents(d.between(0, 4000)));
    value(o, d, "progress", 80, |d| d.below(101));
    value(o, d, "custom_value", 20, |d| Cents(d.between(-10_000, 1_000_000)));
    value(o, d, "favorite", 90, |d| d.chance(10));
    let kind = d.below(KINDS.len() as u64);
    object(o, d, "type", 96, |o, d| {
        let (code, caption) = named(&KINDS, kind);
        o.set("id", 1 + kind).set("description", code).set("caption", caption);
        value(o, d, "enabled", 90, |d| d.chance(90));
        value(o, d, "is_default", 90, |_| kind == 0);
    });
    let status = d.below(STATUSES.len() as u64);
    object(o, d, "status", 96, |o, _| {
        o.set("id", 1 + status).set("description", named(&STATUSES, status));
    });
    let priority = d.below(PRIORITIES.len() as u64);
    if row % 100 == 37 {
        o.set("priority", named(&PRIORITIES, priority));
    } else {
        object(o, d, "priority", 90, |o, _| {
            o.set("id", 1 + priority).set("description", named(&PRIORITIES, priority));
        });
    }
    user(world, o, d, "owner", 92, false);
    user(world, o, d, "created_by", 92, false);
    user(world, o, d, "updated_by", 50, false);
    o.set("created_on", created)
        .set("created_at", created)
        .set("updated_at", TASKS.updated(world, row));
}

/// The records a task belongs to: ids at the root, and objects beside them.
fn relations(world: &World, o: &mut Object<'_>, d: &mut Draw) {
    let customer = any(world, d, &CUSTOMERS).filter(|_| d.filled(95));
    o.set("id_customer", customer.map(|row| CUSTOMERS.id(world, row)));
    match customer {
        Some(customer) => o.object("customer", |o| fill_short(world, customer, o)),
        None => o.null("customer"),
    };
    let (tasks, row) = ((TASKS.rows)(world), d.row);
    // Any task but this one, when there are two.
    let parent = (row + 1 + d.below(tasks.saturating_sub(1))) % tasks.max(1);
    let contact = any(world, d, &CONTACTS).map(|row| CONTACTS.id(world, row));
    let playbook = any(world, d, &PLAYBOOKS).map(|row| PLAYBOOKS.id(world, row));
    let parent = Some(TASKS.id(world, parent));
    for (name, id, percent) in [("contact", contact, 60), ("playbook", playbook, 40), ("parent", parent, 20)] {
        let id = id.filter(|_| d.filled(percent));
        o.set(&format!("id_{name}"), id);
        match id {
            Some(id) => o.object(name, |o| {
                o.set("id", id);
            }),
            None => o.null(name),
        };
    }
    value(o, d, "id_rule", 30, |d| 1 + d.below(40));
    o.null("rule").null("form");
}

fn named<T: Copy + Default>(list: &[T], number: u64) -> T {
    usize::try_from(number)
        .ok()
        .and_then(|at| list.get(at))
        .copied()
        .unwrap_or_default()
}
