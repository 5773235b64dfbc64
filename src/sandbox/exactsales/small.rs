//! The small tables: stages, industries, sources with their sub-sources, pre-sellers and sellers.

use super::row::{draw, ids, staff_email, with_country};
use crate::sandbox::json::Object;
use crate::sandbox::odata::{Rows, Set};
use crate::sandbox::world::World;

pub(super) static SETS: [Set; 5] = [
    Set {
        table: "exactsales.stages",
        path: "Stages",
        rows: |_| FUNNELS * STAGES,
        id: ids("exactsales.stages", 20_001, 4),
        time: None,
        // A name may begin with a space.
        names: &["Entrada", "Filtro 1", " Filtro 2", "Agendados", " Negociação", "Vendidos"],
        write: stage,
    },
    Set {
        table: "exactsales.industries",
        path: "Industries",
        rows: |_| 9,
        id: ids("exactsales.industries", 3_001, 2),
        time: None,
        names: &[
            "Agro",
            "Alimentos",
            "Construção",
            "Educação",
            "Indústria",
            "Logística",
            "Saúde",
            "Serviços",
            "Varejo",
        ],
        write: industry,
    },
    Set {
        table: "exactsales.sources",
        path: "Sources",
        rows: |_| 6,
        id: ids("exactsales.sources", 4_001, 3),
        time: None,
        names: &["Site", "Indicação", "Eventos", "Prospecção ativa", "Mídia paga", "Parceiros"],
        write: source,
    },
    Set {
        table: "exactsales.sdrs",
        path: "Sdrs",
        rows: |_| 6,
        id: ids("exactsales.sdrs", 501, 7),
        time: None,
        names: &[],
        write: person,
    },
    Set {
        table: "exactsales.sellers",
        path: "Sellers",
        rows: |_| 8,
        id: ids("exactsales.sellers", 701, 7),
        time: None,
        names: &[],
        write: person,
    },
];

pub(super) static STAGE_SET: &Set = &SETS[0];
pub(super) static INDUSTRIES: &Set = &SETS[1];
pub(super) static SOURCES: &Set = &SETS[2];
pub(super) static SDRS: &Set = &SETS[3];
pub(super) static SELLERS: &Set = &SETS[4];

/// Funnels, and stages of each.
pub(super) const FUNNELS: u64 = 3;
pub(super) const STAGES: u64 = 6;

/// The name and the funnel of a stage by its row. Leads also stand in a stage that no list has.
pub(super) fn stage_name(row: u64) -> String {
    STAGE_SET.name(row % STAGES)
}

/// The id of the funnel a stage belongs to.
pub(super) fn funnel_id(stage_row: u64) -> u64 {
    101 + stage_row / STAGES
}

const SUB_SOURCES: &str = "exactsales.sources__subsources";

/// Sub-sources of all sources.
pub(super) fn sub_sources(world: &World) -> (&'static str, u64) {
    SOURCES.all_children(world, SUB_SOURCES, 4)
}

/// How many sub-sources the seed gives a source.
pub(super) fn sub_sources_of(world: &World, source_row: u64) -> u64 {
    world.children((SUB_SOURCES, 4), ("", SOURCES.count(world)), source_row)
}

/// Id and name of a sub-source.
pub(super) fn sub_source(source_row: u64, place: u64) -> (u64, String) {
    (
        40_000 + source_row * 1000 + place,
        format!("{} · campanha {}", SOURCES.name(source_row), place + 1),
    )
}

fn stage(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    o.set("id", rows.id(row))
        .set("value", stage_name(row))
        .set("active", d.chance(90))
        .set("position", row % STAGES + 1)
        .set("funnelId", funnel_id(row))
        .set("gateType", d.maybe(60, |d| 2 + d.below(2)))
        .set("defaultQuestionnaireId", d.maybe(50, |d| 800 + d.below(20)));
}

fn industry(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    o.set("id", rows.id(row))
        .set("value", rows.set.name(row))
        .set("active", d.chance(85));
}

fn source(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    o.set("id", rows.id(row))
        .set("value", rows.set.name(row))
        .set("active", d.chance(85))
        .set("default", d.maybe(80, |_| row == 0))
        .set("type", d.maybe(80, |d| d.chance(50)))
        .array("subSources", |a| {
            for place in 0..rows.children(SUB_SOURCES, row, 4) {
                a.object(|o| {
                    let (id, value) = sub_source(row, place);
                    o.set("id", id).set("value", value).set("active", d.chance(80));
                });
            }
        });
}

fn person(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    // First of the draw, as in `staff`: the person nested in other sets is this one.
    let person = d.person();
    let city = d.city();
    o.set("id", rows.id(row))
        .set("name", person.first)
        .set("lastName", person.last)
        .set("email", staff_email(rows.world, rows.set, row))
        .set("phone", d.maybe(80, |d| with_country(d, city)))
        .set("phone2", d.maybe(30, |d| with_country(d, city)))
        .set("active", d.chance(80));
    // Older replies have the groups, newer ones lack the member.
    if d.filled(40) {
        o.array("groupList", |a| {
            a.object(|o| {
                o.set("id", 1 + d.below(5))
                    .set("value", d.pick(&["Equipe Sul", "Equipe Norte", "Inbound"]));
            });
        });
    }
}
