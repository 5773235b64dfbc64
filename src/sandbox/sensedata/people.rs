//! Users, as a list of their own and inside customers and tasks, and playbooks.

use crate::sandbox::absent::{text, value};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::Object;
use crate::sandbox::stamp;
use crate::sandbox::world::{Draw, World};

use super::entity::{Entity, Next};

pub(super) static USERS: Entity = Entity {
    name: "users",
    ids: Ids::new("sensedata.users", 7, 2),
    rows: |world| world.rows("sensedata.users", 12),
    filters: &[],
    next: Next::Told,
    write: |world, row, o| fill_user(world, row, o, false),
};

pub(super) static PLAYBOOKS: Entity = Entity {
    name: "playbooks",
    ids: Ids::new("sensedata.playbooks", 3, 1),
    rows: |world| world.rows("sensedata.playbooks", 8),
    filters: &[],
    next: Next::Missing,
    write: write_playbook,
};

static PROFILES: [(&str, &str); 4] = [
    ("CS Sênior", "manager"),
    ("CS", "user"),
    ("Administrador", "admin"),
    ("Suporte N1", "user"),
];
static PLAYS: [&str; 6] = [
    "Onboarding",
    "Risco de churn",
    "Renovação",
    "QBR trimestral",
    "Adoção do módulo fiscal",
    "Upsell 🚀",
];

/// A member that is a user, or `null`. Some profiles say whether they may edit.
pub(super) fn user(world: &World, o: &mut Object<'_>, d: &mut Draw, name: &str, percent: u64, editor: bool) {
    match d.filled(percent).then(|| any(world, d, &USERS)).flatten() {
        Some(row) => o.object(name, |o| fill_user(world, row, o, editor)),
        None => o.null(name),
    };
}

/// A row of another list for row `d.row` of this one: its first for the first, any for the others.
pub(super) fn any(world: &World, d: &mut Draw, entity: &Entity) -> Option<u64> {
    let rows = (entity.rows)(world);
    let row = if d.row == 0 { 0 } else { d.below(rows) };
    (rows > 0).then_some(row)
}

fn fill_user(world: &World, row: u64, o: &mut Object<'_>, editor: bool) {
    let mut d = world.draw(USERS.ids.table, row);
    let d = &mut d;
    let (person, profile) = (d.person(), d.pick(&PROFILES));
    o.set("id", USERS.id(world, row)).set("name", person.full());
    text(o, d, "username", 90, |_| person.login());
    text(o, d, "email", 95, |_| person.email("sucesso.example"));
    let has_profile = d.filled(85);
    if has_profile || editor {
        o.object("profile", |o| {
            text(o, d, "name", 95, |_| profile.0);
            text(o, d, "role", 95, |_| profile.1);
            if editor {
                o.set("editor", if profile.1 == "user" { "false" } else { "true" });
            }
        });
    } else {
        o.null("profile");
    }
    value(o, d, "active", 95, |d| d.chance(85));
    value(o, d, "registered_on", 50, |_| USERS.created(world, row));
    o.set("created_at", USERS.created(world, row));
    if d.filled(70) {
        o.set("updated_at", USERS.updated(world, row));
    } else {
        o.null("updated_at");
    }
}

fn write_playbook(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw(PLAYBOOKS.ids.table, row);
    let d = &mut d;
    o.set("id", PLAYBOOKS.id(world, row));
    text(o, d, "name", 95, |d| format!("{} {}", d.pick(&PLAYS), 1 + row));
    value(o, d, "created_on", 90, |_| stamp::date_text(PLAYBOOKS.created(world, row).0));
    value(o, d, "status", 90, |d| d.chance(80));
    value(o, d, "deleted", 90, |d| d.chance(10));
}
