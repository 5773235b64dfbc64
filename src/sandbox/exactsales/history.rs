//! What happened to leads: stage changes, losses, qualifications with their questions, pains and calls.

use super::leads::LEADS;
use super::leads::lead_name;
use super::row::{NO_DATE, draw, ids, lead_of, some_time, staff, staff_email, time, utc};
use super::small::{SDRS, STAGE_SET, funnel_id, stage_name};
use crate::sandbox::clock::Moment;
use crate::sandbox::json::{At, Cents, Object};
use crate::sandbox::odata::{Rows, Set};
use crate::sandbox::stamp::{DAY, HOUR, SECOND};
use crate::sandbox::world::{Draw, World};

pub(super) static SETS: [Set; 5] = [
    Set {
        table: "exactsales.stageslead",
        path: "LeadStages",
        rows: |world| world.large * 3 / 2,
        id: None,
        time: time("createdAt", false),
        names: &[],
        write: stage_change,
    },
    Set {
        table: "exactsales.losts",
        path: "Losts",
        rows: |world| world.large * 3 / 10,
        id: None,
        time: time("date", false),
        names: &[
            "Sem perfil",
            "Sem contato",
            "Preço",
            "Comprou do concorrente",
            "Motivo não informado",
        ],
        write: lost,
    },
    Set {
        table: "exactsales.qualifications",
        path: "QualificationHistories",
        rows: |world| world.large / 2,
        // Rows show no id, yet the set may be ordered by it.
        id: ids("exactsales.qualifications", 1, 1),
        time: time("qualificationDate", false),
        names: &["Excelente", "Bom", "Regular", "Ruim"],
        write: qualification,
    },
    Set {
        table: "exactsales.painpoints",
        path: "PainPoints",
        rows: |world| world.large / 2,
        id: None,
        time: None,
        names: &[
            "Perde vendas por falta de controle",
            "Planilhas demais",
            "Equipe nova",
            "Custo \"invisível\"",
            "Sem métricas",
        ],
        write: pain,
    },
    Set {
        table: "exactsales.callshistory",
        path: "CallsHistory",
        rows: |world| world.large,
        id: ids("exactsales.callshistory", 7_000_001, 5),
        time: time("startDate", true),
        names: &["Atendida", "Não atendida", "Caixa postal", "Ocupado", "Número inválido"],
        write: call,
    },
];

const ANSWERS: &str = "exactsales.qualifications__questionanswers";

/// Questions of all qualifications.
pub(super) fn question_answers(world: &World) -> (&'static str, u64) {
    SETS[2].all_children(world, ANSWERS, 5)
}

/// Exactly the nine members the vendor has: no id, nobody who did it.
fn stage_change(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let (_, lead_id, round) = lead_of(world, row);
    let to = d.below(STAGE_SET.count(world).max(1));
    let discarded = row == 0 || d.chance(10);
    let at = rows.moment(row);
    o.set("leadId", lead_id)
        .set("originStage", d.maybe(80, |_| stage_name(to.saturating_sub(1))))
        .set("destinationStage", if discarded { "Descartado".to_owned() } else { stage_name(to) })
        .set("createdAt", utc(at))
        .set("cycle", round + 1)
        .set("discardedStage", discarded)
        .set("discardDate", discarded.then(|| utc(at)).filter(|_| row != 1))
        .set("originFunnelId", d.maybe(80, |_| funnel_id(to)))
        .set("destinationFunnelId", funnel_id(to));
}

fn lost(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let (_, lead_id, _) = lead_of(world, row * 3);
    let stage = d.below(STAGE_SET.count(world).max(1));
    let reason = d.below(rows.set.names.len() as u64);
    o.set("leadId", lead_id)
        .set("funnelId", funnel_id(stage))
        .set("reason", d.maybe(90, |_| rows.set.name(reason)))
        .set("stage", d.maybe(95, |_| stage_name(stage)))
        .set("date", utc(rows.moment(row)));
}

fn qualification(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let (_, lead_id, round) = lead_of(world, row);
    let at = rows.moment(row);
    let stage = d.below(STAGE_SET.count(world).max(1));
    let score = d.below(rows.set.names.len() as u64);
    let actor = d.below(SDRS.count(world).max(1));
    let person = staff(world, SDRS, actor);
    o.set("leadId", lead_id)
        .set("funnelId", funnel_id(stage))
        .set("originStage", d.maybe(80, |_| stage_name(stage.saturating_sub(1))))
        .set("stage", d.maybe(98, |_| stage_name(stage)))
        .set("stageId", STAGE_SET.any_id(world, stage))
        .set("cycle", round + 1)
        .set("score", d.maybe(90, |_| rows.set.name(score)))
        .set("points", d.below(100))
        .set("qualificationDate", utc(at));
    match d.filled(40) {
        true => o.set("meetingDate", some_time(&mut d, at.ticks, at.ticks + 9 * DAY)),
        false => o.set("meetingDate", NO_DATE),
    };
    o.object("userAction", |o| {
        o.set("id", SDRS.any_id(world, actor))
            .set("name", person.first)
            .set("lastName", person.last)
            .set("email", staff_email(world, SDRS, actor));
    });
    let questions = rows.children(ANSWERS, row, 5);
    o.array("questionAnswers", |a| {
        for place in 0..questions {
            a.object(|o| question(row, place, &mut d, o));
        }
    });
}

fn question(row: u64, place: u64, d: &mut Draw, o: &mut Object) {
    let texts = [
        "Qual o maior desafio hoje?",
        "Usa alguma ferramenta?",
        "Quem decide?",
        "Qual o prazo?",
        "Tem orçamento?",
    ];
    let asked = texts[usize::try_from(place % 5).unwrap_or(0)];
    o.set("questionId", 900 + place)
        .set("question", d.maybe(98, |_| asked))
        .array("answers", |a| {
            for _ in 0..d.below(3) + u64::from(row == 0) {
                let text = d.pick(&["Sim", "Não", "Até 3 meses", "Planilha, caderno e memória", "Diretoria (\"board\")"]);
                // Objects with a text, and now and then the plain text.
                if row % 4 == 3 {
                    a.item(text);
                } else {
                    a.object(|o| {
                        o.set("text", text);
                    });
                }
            }
        });
}

/// One pain of a lead, flat or as the only item of a list: nobody has shown which form the vendor sends.
fn pain(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    let (lead, lead_id, round) = lead_of(rows.world, row);
    // Each round has kinds of its own, so a lead never has one twice.
    let kind = round * 8 + lead % 8;
    let name = d.maybe(95, |_| rows.set.name(kind % rows.set.names.len() as u64));
    o.set("leadId", lead_id);
    if row % 3 == 2 {
        o.array("painPoints", |a| {
            a.object(|o| {
                o.set("id", 60 + kind).set("value", name);
            });
        });
    } else {
        o.set("painPointId", 60 + kind).set("value", name);
    }
}

fn call(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let lead = d.below(LEADS.count(world).max(1));
    let (city, start) = (d.city(), rows.moment(row));
    let seconds = d.between(0, 1800);
    let end = Moment {
        ticks: start.ticks + seconds * SECOND,
        digits: start.digits,
    };
    let caller = d.below(SDRS.count(world).max(1));
    let person = staff(world, SDRS, caller);
    let stage = d.below(STAGE_SET.count(world).max(1));
    let result = d.below(rows.set.names.len() as u64);
    o.set("id", rows.id(row))
        .set("leadId", d.maybe(95, |_| LEADS.any_id(world, lead)).flatten())
        .set("leadName", d.maybe(95, |_| lead_name(world, lead)))
        .set("startDate", zoned(row, start));
    match row % 7 {
        // A call that never ended has no date or an empty one.
        1 => o.null("endDate"),
        5 => o.set("endDate", ""),
        _ => o.set("endDate", zoned(row, end)),
    };
    o.set("userEmail", staff_email(world, SDRS, caller))
        .set("userName", person.full())
        .set("manualSet", d.maybe(95, |d| d.chance(10)))
        .set("talkingDurationSeconds", d.maybe(95, |_| seconds))
        .set("audio", d.maybe(50, |d| format!("https://audio.example/{}.mp3", d.hex(20))))
        .set("callAnswered", d.maybe(97, |_| result == 0))
        .set("called", d.maybe(95, |d| format!("+55{}", d.phone(city))))
        .set("caller", d.maybe(95, |d| format!("+55{}", d.phone(city))))
        .set("description", d.maybe(30, |d| d.note(1000)))
        .set("funnelId", d.maybe(95, |_| funnel_id(stage)))
        .set("result", d.maybe(95, |_| rows.set.name(result)))
        .set("stage", d.maybe(95, |_| stage_name(stage)));
    // A number, or the text of one.
    match (d.filled(80), row % 2) {
        (false, _) => o.null("price"),
        (true, 0) => o.set("price", Cents(d.between(1, 900))),
        (true, _) => o.set("price", format!("0.{:02}", d.below(100))),
    };
}

/// A moment in one of the three zones seen: the instant is the same.
fn zoned(row: u64, moment: Moment) -> At {
    let Moment { ticks, digits } = moment;
    match row % 5 {
        2 => At(ticks - 3 * HOUR, digits, "-03:00"),
        3 => At(ticks, digits, "+00:00"),
        _ => At(ticks, digits, "Z"),
    }
}
