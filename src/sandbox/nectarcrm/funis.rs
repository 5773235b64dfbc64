//! Pipelines: the funnels of sales (`type=0`) and of qualification (`type=1`) with their stages.

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::Object;
use crate::sandbox::world::{Draw, World};

use super::loose::{list, moment, text, value};
use super::noun::{ALWAYS, End, Noun, Order, Paging, Pick, Picked, cycled, wrong};

pub(super) static PIPELINES: Noun = Noun {
    ids: Ids::new("nectarcrm.pipelines", 20, 3),
    rows: |world| world.rows("nectarcrm.pipelines", 6),
    order: Order::Id,
    paging: Paging {
        default: 50,
        most: 50,
        at_once: 200,
        end: End::Empty,
    },
    write,
};

pub(super) const STAGES: &str = "nectarcrm.pipelines__sequencias";

/// Funnels of sales.
pub(super) const SALES: u64 = 0;
/// Funnels of qualification.
pub(super) const QUALIFICATION: u64 = 1;

/// The list: the funnels of one type, those of sales unless `type` is sent.
pub(super) fn answer(world: &World, ask: &Ask) -> Answer {
    let Ok(kind) = ask.param("type").unwrap_or("0").parse::<u64>() else {
        return wrong("type");
    };
    let picked = PIPELINES.pick(world, &ALWAYS, KINDS.len() as u64, |place| cycled(&KINDS, place) == kind);
    PIPELINES.list(world, ask, &picked)
}

/// All stages of all funnels.
pub(super) fn stage_count(world: &World) -> u64 {
    let funnels = (PIPELINES.rows)(world);
    if funnels == 0 { 0 } else { world.rows(STAGES, 5 * funnels) }
}

/// A funnel as other records mention it.
pub(super) struct Funnel {
    row: u64,
    pub id: u64,
    pub name: String,
    pub stages: u64,
}

impl Funnel {
    pub(super) fn count(world: &World, kind: u64) -> u64 {
        Picked::new(0..(PIPELINES.rows)(world), KINDS.len() as u64, |place| {
            cycled(&KINDS, place) == kind
        })
        .count()
    }

    /// The funnels of one kind one after the other, over and over; none when there is none of the kind.
    pub(super) fn nth(world: &World, kind: u64, number: u64) -> Option<Funnel> {
        let funnels = (PIPELINES.rows)(world);
        let picked = Picked::new(0..funnels, KINDS.len() as u64, |place| cycled(&KINDS, place) == kind);
        let Pick::Place(row) = picked.nth(number.checked_rem(picked.count())?) else {
            return None;
        };
        Some(Funnel::of(world, row))
    }

    fn of(world: &World, row: u64) -> Funnel {
        let funnels = (PIPELINES.rows)(world).max(1);
        let all = stage_count(world);
        let named = usize::try_from(row).ok().and_then(|at| NAMES.get(at));
        Funnel {
            row,
            id: PIPELINES.id(world, row),
            name: named.map_or_else(|| format!("Funil {}", 1 + row), |name| (*name).to_owned()),
            stages: all / funnels + u64::from(row < all % funnels),
        }
    }

    /// The members of `funilVenda`.
    pub(super) fn fill(&self, o: &mut Object<'_>, d: &mut Draw) {
        o.set("id", self.id).set("nome", &self.name);
        value(o, d, "padrao", 90, |_| self.row == 0);
        value(o, d, "tipo", 90, |_| cycled(&KINDS, self.row));
        value(o, d, "cascataCicloVida", 70, |d| d.below(3));
    }

    /// The name of a stage, counted from 0.
    pub(super) fn stage_name(&self, number: u64) -> &'static str {
        cycled(&STAGE_NAMES, number)
    }

    /// The members of a stage. `d` decides what is missing; the values are those of the funnel.
    pub(super) fn fill_stage(&self, world: &World, o: &mut Object<'_>, d: &mut Draw, number: u64) {
        let mut fixed = world.draw(STAGES, self.row * 1000 + number);
        let (days, proposal, product) = (1 + fixed.below(30), fixed.chance(30), fixed.chance(30));
        o.set("id", self.id * 1000 + number);
        text(o, d, "nome", 97, |_| self.stage_name(number));
        value(o, d, "sequencia", 97, |_| 1 + number);
        value(o, d, "prazo", 80, |_| days);
        value(o, d, "gerarProposta", 90, |_| proposal);
        value(o, d, "produtoObrigatorio", 70, |_| product);
    }
}

/// Sales or qualification, as it repeats from row to row.
const KINDS: [u64; 3] = [SALES, SALES, QUALIFICATION];

#[rustfmt::skip]
static NAMES: [&str; 6] = [
    "Vendas diretas", "Canais & parceiros", "Pré-venda (SDR)", "Renovação", "Licitações públicas", "Qualificação de inbound",
];
static STAGE_NAMES: [&str; 8] = [
    "Prospecção",
    "Contato",
    "Diagnóstico",
    "Proposta",
    "Negociação",
    "Contrato",
    "Jurídico",
    "Aceite",
];

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw(PIPELINES.table(), row);
    let d = &mut d;
    let funnel = Funnel::of(world, row);
    o.set("id", funnel.id).set("nome", &funnel.name);
    value(o, d, "ativo", 95, |d| d.chance(90));
    value(o, d, "padrao", 95, |_| row == 0);
    o.set("tipo", cycled(&KINDS, row));
    value(o, d, "modeloVenda", 90, |d| d.below(2));
    text(o, d, "moeda", 80, |_| "BRL");
    for name in FLAGS {
        value(o, d, name, 80, |d| d.chance(40));
    }
    value(o, d, "cascataCicloVida", 70, |d| d.below(3));
    value(o, d, "tipoRecorrenciaValorFunil", 70, |d| d.below(3));
    value(o, d, "ultimaAtualizacao", 80, |d| moment(d, PIPELINES.changed(world, row)));
    list(o, d, "sequencias", funnel.stages, |o, number| {
        let mut d = world.draw("nectarcrm.pipelines__sequencias.falta", row * 1000 + number);
        funnel.fill_stage(world, o, &mut d, number);
    });
}

static FLAGS: [&str; 9] = [
    "permitePularEtapa",
    "iniciarQualquerEtapa",
    "permiteRetornoEtapa",
    "propostaObrigatoria",
    "permitirRecorrenciaVariavel",
    "permiteTarefasAvulsas",
    "motivoDescarteObrigatorio",
    "motivoGanhoPerdaObrigatorio",
    "showCustomCard",
];
