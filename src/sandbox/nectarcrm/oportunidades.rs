//! Oportunidades: deals in the funnels of sales, with their lines of products. A list holds one status only: the open
//! deals unless `status` is sent.

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::{Cents, Object};
use crate::sandbox::stamp::DAY;
use crate::sandbox::world::{Draw, World};

use super::funis::{Funnel, SALES};
use super::loose::{corrupted, custom_fields, list, moment, object, text, value};
use super::noun::{End, Noun, Order, Paging, cycled, wrong};
use super::people::{client, user};
use super::produtos::{self, PRODUTOS, Product};

pub(super) static OPORTUNIDADES: Noun = Noun {
    ids: Ids::new("nectarcrm.oportunidades", 700, 2),
    rows: |world| world.rows("nectarcrm.oportunidades", world.large),
    order: Order::Changed,
    paging: Paging {
        default: 50,
        most: 200,
        at_once: 200,
        end: End::Empty,
    },
    write,
};

pub(super) const LINES: (&str, u64) = ("nectarcrm.oportunidades__produtos", 3);
pub(super) const FIELDS: (&str, u64) = ("nectarcrm.oportunidades__campos_personalizados", 3);

/// The list. Of the filters of a funnel, `pipeline` (its exact name) and `pipelineId` work; what is not known is ignored.
pub(super) fn answer(world: &World, ask: &Ask) -> Answer {
    let time = match Noun::changed_within(ask) {
        Ok(time) => time,
        Err(answer) => return answer,
    };
    let Ok(status) = ask.param("status").unwrap_or("1").parse::<u64>() else {
        return wrong("status");
    };
    let funnels = Funnel::count(world, SALES).max(1);
    let funnel = |place: u64| Funnel::nth(world, SALES, place / STATUSES.len() as u64);
    let named = |place, name: &str| funnel(place).is_some_and(|funnel| funnel.name == name);
    let numbered = |place, id: &str| funnel(place).is_some_and(|funnel| funnel.id.to_string() == id);
    let wanted = |place: u64| {
        cycled(&STATUSES, place) == status
            && ask.param("pipeline").is_none_or(|name| named(place, name))
            && ask.param("pipelineId").is_none_or(|id| numbered(place, id))
    };
    let picked = OPORTUNIDADES.pick(world, &time, STATUSES.len() as u64 * funnels, wanted);
    OPORTUNIDADES.list(world, ask, &picked)
}

/// Code and name, as a proposal mentions its opportunity.
pub(super) fn code_and_name(world: &World, row: u64) -> (String, String) {
    let mut d = world.draw("nectarcrm.oportunidades.nome", row);
    ((1 + row).to_string(), d.title())
}

/// The status (open, won, lost, discarded, postponed) as it repeats in the list.
const STATUSES: [u64; 8] = [1, 2, 1, 3, 1, 4, 5, 3];

static PROBABILITIES: [u64; 6] = [10, 25, 50, 75, 90, 100];

/// Items of one record are numbered below this, so that their ids differ between records.
const MOST_ITEMS: u64 = 1000;

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    let mut d = world.draw_now(OPORTUNIDADES.table(), row);
    let d = &mut d;
    let id = OPORTUNIDADES.id(world, row);
    let changed = OPORTUNIDADES.changed(world, row);
    let place = OPORTUNIDADES.place(world, row);
    let status = cycled(&STATUSES, place);
    let (code, name) = code_and_name(world, row);
    o.set("id", id).set("nome", name).set("status", status);
    text(o, d, "codigo", 90, |_| code);
    stage(world, place, o, d);
    client(world, o, d, 97);
    user(world, o, d, "autor", 95);
    user(world, o, d, "autorAtualizacao", 80);
    user(world, o, d, "responsavel", 90);
    // A cursor: the only moment that every record has.
    o.set("dataAtualizacao", moment(d, changed));
    value(o, d, "dataCriacao", 97, |d| {
        let created = changed - d.between(0, 700) * DAY;
        // Years such as 0024 and 0026 are in real accounts.
        if row % 25 == 7 {
            moment(d, corrupted(created))
        } else {
            moment(d, created)
        }
    });
    value(o, d, "dataLimite", 70, |d| {
        let limit = changed + d.between(-30, 200) * DAY;
        moment(d, limit)
    });
    value(o, d, "stageEntryDate", 85, |d| {
        let entered = changed - d.between(0, 60) * DAY;
        moment(d, entered)
    });
    if status != 1 {
        user(world, o, d, "autorConclusao", 80);
        value(o, d, "dataConclusao", 90, |d| moment(d, changed));
    }
    text(o, d, "observacao", 50, |d| d.note(4000));
    let probability = d.pick(&PROBABILITIES);
    value(o, d, "probabilidade", 95, |_| probability);
    text(o, d, "temperatura", 90, |_| temperature(probability));
    for name in [
        "atividadesAtrasadas",
        "compromissos",
        "tarefas",
        "diasEstagnacaoNaEtapa",
        "diasSemInteracao",
    ] {
        value(o, d, name, 85, |d| d.below(90));
    }
    value(o, d, "vendaBase", 70, |d| d.chance(20));
    let lines = OPORTUNIDADES.children(world, LINES, row);
    let total = d.between(0, 9_000_000);
    value(o, d, "quantidadeProdutos", 95, |_| lines);
    value(o, d, "valorAvulso", 95, |d| Cents(d.between(0, 5_000_000)));
    value(o, d, "valorMensal", 90, |d| Cents(d.between(0, 500_000)));
    value(o, d, "valorTotal", 95, |_| Cents(total));
    value(o, d, "valorTotalDescontos", 80, |d| Cents(d.between(0, total / 5)));
    list(o, d, "produtos", lines, |o, item| line(world, row, item, id * MOST_ITEMS + item, o));
    let names = ["Data do Pagamento", "Nº do pedido (ERP)", "Concorrentes"];
    custom_fields(world, o, &OPORTUNIDADES, FIELDS, row, &names);
}

/// Funnel and stage. A deal that is not open has a code of its own instead of a stage's number.
fn stage(world: &World, place: u64, o: &mut Object<'_>, d: &mut Draw) {
    let Some(funnel) = Funnel::nth(world, SALES, place / STATUSES.len() as u64) else {
        o.object("funilVenda", |_| {}).object("etapaAtual", |_| {});
        return;
    };
    text(o, d, "pipeline", 97, |_| &funnel.name);
    object(o, d, "funilVenda", 90, |o, d| funnel.fill(o, d));
    let number = d.below(funnel.stages);
    let (code, name) = match cycled(&STATUSES, place) {
        2 => (1002, "Ganha"),
        3 => (1003, "Perdida"),
        4 => (1004, "Descartada"),
        5 => (1005, "Prorrogada"),
        _ => (1 + number, funnel.stage_name(number)),
    };
    value(o, d, "etapa", 97, |_| code);
    text(o, d, "etapaNome", 90, |_| name);
    object(o, d, "etapaAtual", 90, |o, d| funnel.fill_stage(world, o, d, number));
}

fn line(world: &World, row: u64, item: u64, id: u64, o: &mut Object<'_>) {
    let item = row * MOST_ITEMS + item;
    let mut d = OPORTUNIDADES.draw_part(world, LINES.0, row, item);
    let d = &mut d;
    let products = (PRODUTOS.rows)(world);
    let product_row = if item == 0 { 0 } else { d.below(products) };
    let (product, _) = Product::of(world, product_row);
    let quantity = d.between(1, 40);
    o.set("id", id);
    if products > 0 {
        value(o, d, "refId", 95, |_| product.id);
    }
    text(o, d, "nome", 97, |_| product.name);
    text(o, d, "codigo", 60, |_| product.code);
    text(o, d, "descricao", 40, |_| product.description);
    text(o, d, "grupoNome", 50, |_| product.group);
    text(o, d, "subgrupoNome", 40, |_| product.subgroup);
    text(o, d, "moeda", 60, |_| product.currency);
    value(o, d, "quantidade", 97, |_| Cents(quantity * 100));
    value(o, d, "quantidadeRecorrencia", 50, |d| 1 + d.below(36));
    value(o, d, "recorrencia", 90, |d| d.below(3));
    value(o, d, "valorUnitario", 97, |_| Cents(product.price_cents));
    value(o, d, "valorTotal", 97, |_| Cents(product.price_cents * quantity));
    value(o, d, "desconto", 80, |d| Cents(d.between(0, 3000)));
    value(o, d, "isDescontoPorcentual", 85, |d| d.chance(60));
    value(o, d, "acrescimo", 40, |d| Cents(d.between(0, 1000)));
    value(o, d, "acrescimoPercentual", 40, |d| d.chance(50));
    value(o, d, "sequencia", 80, |_| 1 + item % MOST_ITEMS);
    // Most lines are flat; some carry the product itself.
    if products > 0 && d.filled(40) {
        o.object("produto", |o| produtos::fill(world, product_row, o));
    }
}

fn temperature(probability: u64) -> &'static str {
    match probability {
        0..25 => "Frio",
        25..50 => "Morno",
        50..75 => "Quente",
        _ => "Muito Quente",
    }
}
