//! Qualificações: leads on their way to an opportunity. A page holds fifteen at most whatever is asked, and a page after
//! the last is the last again. A list holds one status only, the first unless `status` is sent.

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::{Array, Object};
use crate::sandbox::stamp::DAY;
use crate::sandbox::world::World;

use super::funis::{Funnel, QUALIFICATION};
use super::loose::{custom_fields, moment, object, text, value};
use super::noun::{End, Noun, Order, Paging, cycled, wrong};
use super::people::{client, user};

pub(super) static QUALIFICACOES: Noun = Noun {
    ids: Ids::new("nectarcrm.qualificacoes", 5_000, 4),
    rows: |world| world.rows("nectarcrm.qualificacoes", world.share(1, 2)),
    order: Order::Changed,
    paging: Paging {
        default: 15,
        most: 15,
        at_once: 15,
        end: End::LastAgain,
    },
    write,
};

pub(super) const FIELDS: (&str, u64) = ("nectarcrm.qualificacoes__campos_personalizados", 1);

pub(super) fn answer(world: &World, ask: &Ask) -> Answer {
    let time = match Noun::changed_within(ask) {
        Ok(time) => time,
        Err(answer) => return answer,
    };
    let Ok(status) = ask.param("status").unwrap_or("1").parse::<u64>() else {
        return wrong("status");
    };
    let picked = QUALIFICACOES.pick(world, &time, STATUSES.len() as u64, |place| cycled(&STATUSES, place) == status);
    QUALIFICACOES.list(world, ask, &picked)
}

/// The status (under way, scheduled, qualified, discarded, sold, not sold) as it repeats in the list.
const STATUSES: [u64; 10] = [1, 3, 4, 1, 2, 5, 1, 6, 4, 3];

static RAISED: [&str; 3] = ["Pediu demonstração", "Baixou o e-book 📘", "Orçamento pelo site"];

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(QUALIFICACOES.table(), row);
    let d = &mut d;
    let changed = QUALIFICACOES.changed(world, row);
    let place = QUALIFICACOES.place(world, row);
    o.set("id", QUALIFICACOES.id(world, row)).set("status", cycled(&STATUSES, place));
    text(o, d, "codigo", 90, |_| (1 + row).to_string());
    text(o, d, "nome", 80, |d| d.title());
    client(world, o, d, 95);
    user(world, o, d, "autor", 95);
    user(world, o, d, "autorAtualizacao", 80);
    user(world, o, d, "autorConclusao", 40);
    user(world, o, d, "responsavel", 90);
    // A cursor: the only moment that every record has.
    o.set("dataAtualizacao", moment(d, changed));
    value(o, d, "dataCriacao", 97, |d| {
        let created = changed - d.between(0, 300) * DAY;
        moment(d, created)
    });
    value(o, d, "dataLimite", 70, |d| {
        let limit = changed + d.between(0, 90) * DAY;
        moment(d, limit)
    });
    value(o, d, "dataConclusao", 40, |d| moment(d, changed));
    if let Some(funnel) = Funnel::nth(world, QUALIFICATION, place / STATUSES.len() as u64) {
        let number = d.below(funnel.stages);
        text(o, d, "pipeline", 95, |_| &funnel.name);
        object(o, d, "funilVenda", 90, |o, d| funnel.fill(o, d));
        value(o, d, "etapa", 95, |_| 1 + number);
        text(o, d, "etapaNome", 90, |_| funnel.stage_name(number));
        object(o, d, "etapaAtual", 90, |o, d| funnel.fill_stage(world, o, d, number));
    }
    value(o, d, "handRaised", 70, |d| d.chance(40));
    for name in ["tarefas", "tarefasAbertas", "compromissos"] {
        value(o, d, name, 85, |d| d.below(12));
    }
    text(o, d, "observacao", 40, |d| d.note(2000));
    o.array("camposListagem", |fields: &mut Array<'_>| {
        if d.filled(50) {
            fields.object(|o| {
                o.set("nome", "Interesse").set("valor", d.pick(&RAISED));
            });
        }
    });
    custom_fields(world, o, &QUALIFICACOES, FIELDS, row, &["Data da visita"]);
}
