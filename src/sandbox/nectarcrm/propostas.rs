//! Propostas: read per opportunity or as one list. Of four opportunities one has two proposals, one has one, one answers
//! an empty array and one 404.

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::churn::{Churn, Event};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::{Array, Object};
use crate::sandbox::stamp::DAY;
use crate::sandbox::world::World;

use super::funis::{Funnel, SALES};
use super::loose::{moment, object, text, value};
use super::noun::{ALWAYS, End, Noun, Order, Paging, cycled, not_found, wrong};
use super::oportunidades::{self, OPORTUNIDADES};
use super::people::user;

pub(super) static PROPOSTAS: Noun = Noun {
    ids: Ids::new("nectarcrm.oportunidades_propostas", 400, 2),
    rows: |world| match spread(world) {
        0 => 0,
        spread => world.rows("nectarcrm.oportunidades_propostas", spread),
    },
    order: Order::Id,
    paging: Paging {
        default: 50,
        most: 50,
        at_once: 200,
        end: End::Empty,
    },
    write,
};

/// The list of all proposals, or those of one `status`.
pub(super) fn answer(world: &World, ask: &Ask) -> Answer {
    let status = match ask.param("status").map(str::parse::<u64>) {
        None => None,
        Some(Ok(status)) => Some(status),
        Some(Err(_)) => return wrong("status"),
    };
    let wanted = |place: u64| status.is_none_or(|status| status == place);
    let picked = PROPOSTAS.pick(world, &ALWAYS, STATUSES.len() as u64, wanted);
    PROPOSTAS.list(world, ask, &picked)
}

/// The proposals of one opportunity.
pub(super) fn of_opportunity(world: &World, id: &str) -> Answer {
    let Some(row) = id.parse().ok().and_then(|id| OPORTUNIDADES.row(world, id)) else {
        return not_found();
    };
    if row % 4 == 3 {
        return not_found();
    }
    let mut body = Vec::new();
    Array::push(&mut body, |all| {
        for proposal in rows_of(world, row) {
            all.object(|o| write(world, proposal, o));
        }
    });
    Answer::json(200, body)
}

/// The proposals of an opportunity go with it.
pub(super) fn opportunity_changed(churn: &mut Churn, event: Event) {
    let Event::Deleted(row) = event else { return };
    let subject = PROPOSTAS.subject(churn.world);
    for proposal in rows_of(churn.world, row) {
        churn.delete(&subject, proposal);
    }
}

/// The rows of the proposals that the seed gives an opportunity.
fn rows_of(world: &World, row: u64) -> Vec<u64> {
    let firsts = match row % 4 {
        0 => row / 4 * 3..row / 4 * 3 + 2,
        2 => row / 4 * 3 + 2..row / 4 * 3 + 3,
        _ => return Vec::new(),
    };
    let (rows, spread) = ((PROPOSTAS.rows)(world), spread(world));
    let laps = (0..rows).step_by(usize::try_from(spread.max(1)).unwrap_or(usize::MAX));
    let of_lap = |lap: u64| {
        firsts
            .clone()
            .filter(|first| *first < spread)
            .map(move |first| lap + first)
            .collect::<Vec<_>>()
    };
    laps.flat_map(of_lap).filter(|proposal| *proposal < rows).collect()
}

static STATUSES: [&str; 5] = ["Rascunho", "Em aprovação", "Aprovada", "Reprovada", "Obsoleta"];
static TEMPLATES: [&str; 3] = ["Padrão", "Comercial & técnica", "Renovação anual"];

/// How many proposals the opportunities have when none has more than its pattern. More go round again.
fn spread(world: &World) -> u64 {
    let opportunities = (OPORTUNIDADES.rows)(world);
    let rest = match opportunities % 4 {
        0 => 0,
        1 | 2 => 2,
        _ => 3,
    };
    opportunities / 4 * 3 + rest
}

/// The row of the opportunity a proposal belongs to.
fn opportunity(world: &World, row: u64) -> u64 {
    let place = row % spread(world).max(1);
    place / 3 * 4 + if place % 3 == 2 { 2 } else { 0 }
}

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw(PROPOSTAS.table(), row);
    let d = &mut d;
    let made = PROPOSTAS.changed(world, row);
    let number = 1 + row;
    let status = row % STATUSES.len() as u64;
    o.set("id", PROPOSTAS.id(world, row));
    value(o, d, "numero", 95, |_| number);
    value(o, d, "versao", 95, |d| 1 + d.below(4));
    text(o, d, "codigo", 90, |_| number.to_string());
    text(o, d, "codigoFormatado", 80, |_| format!("{number:06}/2026"));
    o.set("status", status);
    text(o, d, "statusLabel", 90, |_| cycled(&STATUSES, status));
    text(o, d, "publicUrl", 70, |d| {
        format!("https://app.nectarcrm.example/proposta/{}", d.hex(24))
    });
    value(o, d, "dataProposta", 90, |d| moment(d, made));
    value(o, d, "dataCriacao", 95, |d| {
        let created = made - d.between(0, 20) * DAY;
        moment(d, created)
    });
    object(o, d, "modeloProposta", 80, |o, d| {
        o.set("id", 1 + d.below(9)).set("nome", d.pick(&TEMPLATES));
    });
    user(world, o, d, "autor", 90);
    let opportunity = opportunity(world, row);
    let (code, name) = oportunidades::code_and_name(world, opportunity);
    o.object("oportunidade", |o| {
        o.set("id", OPORTUNIDADES.id(world, opportunity)).set("nome", name);
        text(o, d, "codigo", 90, |_| code);
        object(o, d, "funilVenda", 20, |o, d| {
            if let Some(funnel) = Funnel::nth(world, SALES, opportunity) {
                funnel.fill(o, d);
            }
        });
        object(o, d, "origem", 20, |o, _| {
            o.set("id", 1_u64).set("nome", "Site");
        });
    });
}
