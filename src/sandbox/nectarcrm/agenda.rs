//! Compromissos (appointments, with their participants) and tarefas (tasks). Neither has a filter by time: whatever is
//! asked, all are listed.

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::{Cents, Object};
use crate::sandbox::stamp::{DAY, HOUR};
use crate::sandbox::world::{Draw, World};

use super::funis::{Funnel, SALES};
use super::loose::{list, moment, object, text, value};
use super::noun::{End, Noun, Order, Paging, cycled};
use super::oportunidades::{self, OPORTUNIDADES};
use super::people::{USERS, any_contact, client, fill_user, user};

pub(super) static COMPROMISSOS: Noun = Noun {
    ids: Ids::new("nectarcrm.compromissos", 9_000, 5),
    rows: |world| world.rows("nectarcrm.compromissos", world.share(1, 2)),
    order: Order::Id,
    paging: Paging {
        default: 50,
        most: 50,
        at_once: 200,
        end: End::Empty,
    },
    write: write_appointment,
};

pub(super) static TAREFAS: Noun = Noun {
    ids: Ids::new("nectarcrm.tarefas", 60_000, 5),
    rows: |world| world.rows("nectarcrm.tarefas", world.large),
    order: Order::Id,
    paging: Paging {
        default: 50,
        most: 200,
        at_once: 200,
        end: End::LastAgain,
    },
    write: write_task,
};

pub(super) const PARTICIPANTS: (&str, u64) = ("nectarcrm.compromissos__participantes", 3);

pub(super) fn appointments(world: &World, ask: &Ask) -> Answer {
    COMPROMISSOS.list(world, ask, &COMPROMISSOS.all(world))
}

pub(super) fn tasks(world: &World, ask: &Ask) -> Answer {
    TAREFAS.list(world, ask, &TAREFAS.all(world))
}

static TEMPERATURES: [&str; 4] = ["Frio", "Morno", "Quente", "Muito Quente"];
static CHECKLISTS: [&str; 3] = ["Onboarding", "Pré-visita", "Cobrança"];
static TASK_KINDS: [&str; 5] = ["Comum", "Ligação", "Notificação", "E-mail", "Compromisso"];

/// Items of one record are numbered below this, so that their ids differ between records.
const MOST_ITEMS: u64 = 1000;

fn write_appointment(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(COMPROMISSOS.table(), row);
    let d = &mut d;
    let changed = COMPROMISSOS.changed(world, row);
    o.set("id", COMPROMISSOS.id(world, row));
    text(o, d, "assunto", 95, |d| d.title());
    text(o, d, "descricao", 50, |d| d.note(3000));
    text(o, d, "endereco", 40, |d| {
        format!("{}, {} - {}", d.street(), d.between(1, 3000), d.city().name)
    });
    value(o, d, "status", 95, |d| d.below(4));
    let starts = changed + d.between(-60, 60) * DAY;
    value(o, d, "dataInicio", 95, |d| moment(d, starts));
    value(o, d, "dataFim", 90, |d| {
        let ends = starts + d.between(1, 4) * HOUR;
        moment(d, ends)
    });
    value(o, d, "diaInteiro", 90, |d| d.chance(15));
    value(o, d, "dataAtualizacao", 95, |d| moment(d, changed));
    value(o, d, "dataCriacao", 97, |d| {
        let created = changed - d.between(0, 90) * DAY;
        moment(d, created)
    });
    user(world, o, d, "autor", 95);
    user(world, o, d, "autorAtualizacao", 70);
    user(world, o, d, "responsavel", 90);
    client(world, o, d, 80);
    opportunity(world, row, o, d);
    let count = COMPROMISSOS.children(world, PARTICIPANTS, row);
    list(o, d, "participantes", count, |o, item| participant(world, row, item, o));
}

fn opportunity(world: &World, row: u64, o: &mut Object<'_>, d: &mut Draw) {
    object(o, d, "oportunidade", 50, |o, d| {
        let deal = d.below((OPORTUNIDADES.rows)(world));
        o.set("id", OPORTUNIDADES.id(world, deal))
            .set("nome", oportunidades::code_and_name(world, deal).1);
        object(o, d, "funilVenda", 80, |o, d| {
            if let Some(funnel) = Funnel::nth(world, SALES, row) {
                funnel.fill(o, d);
            }
        });
        text(o, d, "temperatura", 80, |d| d.pick(&TEMPERATURES));
        value(o, d, "diasEstagnacaoNaEtapa", 80, |d| d.below(90));
        value(o, d, "diasSemInteracao", 80, |d| d.below(90));
        value(o, d, "quantidadeProdutos", 80, |d| d.below(6));
        value(o, d, "valorTotalDescontos", 70, |d| Cents(d.between(0, 500_000)));
    });
}

/// A user of the account, a contact, or somebody known by the e-mail only.
fn participant(world: &World, row: u64, item: u64, o: &mut Object<'_>) {
    let mut d = COMPROMISSOS.draw_part(world, PARTICIPANTS.0, row, row * MOST_ITEMS + item);
    let d = &mut d;
    let id = COMPROMISSOS.id(world, row) * MOST_ITEMS + item;
    match (row * 2 + item) % 3 {
        0 => {
            let number = d.below(USERS);
            let person = world.draw("nectarcrm.usuarios", number).person();
            o.set("id", id);
            text(o, d, "nome", 80, |_| person.full());
            text(o, d, "email", 80, |_| person.email("vendas.example"));
            value(o, d, "participar", 80, |d| d.chance(80));
            o.object("usuario", |o| {
                fill_user(world, o, number);
                value(o, d, "ativo", 80, |d| d.chance(90));
            });
        }
        1 => {
            o.set("id", id);
            if let Some(contact) = any_contact(world, d) {
                text(o, d, "nome", 80, |_| &contact.name);
                text(o, d, "email", 80, |_| &contact.email);
                o.object("contato", |o| {
                    o.set("id", contact.id).set("nome", &contact.name);
                });
            }
        }
        _ => {
            o.set("email", d.person().email("convidados.example"));
        }
    }
}

fn write_task(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(TAREFAS.table(), row);
    let d = &mut d;
    let changed = TAREFAS.changed(world, row);
    o.set("id", TAREFAS.id(world, row));
    text(o, d, "titulo", 95, |d| d.title());
    text(o, d, "descricao", 60, |d| d.note(3000));
    value(o, d, "status", 97, |d| d.below(4));
    value(o, d, "prioridade", 90, |d| d.below(3));
    let kind = d.below(TASK_KINDS.len() as u64);
    value(o, d, "tipo", 95, |_| kind);
    value(o, d, "dataLimite", 90, |d| {
        let limit = changed + d.between(-30, 60) * DAY;
        moment(d, limit)
    });
    value(o, d, "dataAtualizacao", 95, |d| moment(d, changed));
    value(o, d, "dataCriacao", 97, |d| {
        let created = changed - d.between(0, 90) * DAY;
        moment(d, created)
    });
    object(o, d, "checklist", 30, |o, d| {
        o.set("id", 1 + d.below(9)).set("nome", d.pick(&CHECKLISTS));
    });
    client(world, o, d, 85);
    user(world, o, d, "responsavel", 90);
    let fill = |o: &mut Object<'_>, d: &mut Draw| {
        o.set("id", 1 + kind).set("nome", cycled(&TASK_KINDS, kind));
        value(o, d, "ativo", 90, |d| d.chance(90));
        value(o, d, "natureza", 90, |d| d.below(3));
    };
    // Tasks of a workflow have the kind inside their template.
    if row % 4 == 3 {
        object(o, d, "modeloTarefa", 90, |o, d| {
            object(o.set("id", 1 + kind), d, "tarefaTipo", 90, fill)
        });
    } else {
        object(o, d, "tarefaTipo", 80, fill);
    }
}
