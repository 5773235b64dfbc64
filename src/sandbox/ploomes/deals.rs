//! Deals with their funnels, stages, statuses and loss reasons, and the currencies.

use super::contacts::{CONTACTS, USERS};
use super::custom::custom;
use super::fields::DEAL;
use super::lookups::{ORIGINS, plain};
use super::row::{UPDATED, any, draw, flag, id, ids, maybe_any, tail};
use crate::sandbox::json::{Cents, Object};
use crate::sandbox::odata::{Rows, Set};

pub(super) static SETS: [Set; 6] = [
    Set {
        table: "ploomes.deals_status",
        path: "Deals@Status",
        rows: |_| 3,
        id: ids("ploomes.deals_status", 1, 1),
        time: None,
        names: &["Em aberto", "Ganho", "Perdido"],
        write: plain,
    },
    Set {
        table: "ploomes.deals_loss_reasons",
        path: "Deals@LossReasons",
        rows: |_| 7,
        id: ids("ploomes.deals_loss_reasons", 7_100, 3),
        time: None,
        names: &[
            "Preço",
            "Prazo",
            "Concorrência",
            "Sem orçamento",
            "Sem retorno",
            "Produto não atende",
            "Outro motivo",
        ],
        write: loss_reason,
    },
    Set {
        table: "ploomes.deals_pipelines",
        path: "Deals@Pipelines",
        rows: |_| PIPELINES,
        id: ids("ploomes.deals_pipelines", 5_000, 11),
        time: None,
        names: &["Vendas", "Pós-venda", "Parcerias", "Licitações"],
        write: pipeline,
    },
    Set {
        table: "ploomes.deals_stages",
        path: "Deals@Stages",
        rows: |_| PIPELINES * STAGES,
        id: ids("ploomes.deals_stages", 50_000, 5),
        time: None,
        names: &["Prospecção", "Qualificação", "Proposta enviada", "Negociação", "Fechamento"],
        write: stage,
    },
    Set {
        table: "ploomes.deals",
        path: "Deals",
        rows: |world| world.large,
        id: ids("ploomes.deals", 700_000_000, 9),
        time: UPDATED,
        names: &[],
        write: deal,
    },
    Set {
        table: "ploomes.currencies",
        path: "Currencies",
        rows: |_| 4,
        id: ids("ploomes.currencies", 1, 1),
        time: None,
        names: &["Real", "Dólar americano", "Euro", "Guarani"],
        write: currency,
    },
];

static STATUS: &Set = &SETS[0];
static LOSS_REASONS: &Set = &SETS[1];
static FUNNELS: &Set = &SETS[2];
static DEAL_STAGES: &Set = &SETS[3];
pub(super) static DEALS: &Set = &SETS[4];
pub(super) static CURRENCIES: &Set = &SETS[5];

/// Funnels, and stages of each.
const PIPELINES: u64 = 4;
const STAGES: u64 = 5;

/// Ploomes' own number of a lost deal; open is 1, won is 2.
const LOST: u64 = 2;

fn deal(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let status = if row == 0 { LOST } else { d.pick(&[0, 0, 0, 1, 1, LOST]) };
    let stage = d.below(DEAL_STAGES.count(world));
    let earlier = stage - stage % STAGES;
    id(rows, row, o);
    o.set("Title", d.title())
        .set("ContactId", maybe_any(world, CONTACTS, &mut d, 95))
        .set("PersonId", maybe_any(world, CONTACTS, &mut d, 60))
        .set("StatusId", STATUS.any_id(world, status))
        .set("PipelineId", FUNNELS.any_id(world, stage / STAGES))
        .set("StageId", DEAL_STAGES.any_id(world, stage))
        .set("LastStageId", d.maybe(60, |_| DEAL_STAGES.any_id(world, earlier)).flatten())
        .set(
            "LossReasonId",
            (status == LOST).then(|| maybe_any(world, LOSS_REASONS, &mut d, 90)).flatten(),
        )
        .set("OriginId", maybe_any(world, &ORIGINS, &mut d, 60))
        .set("OwnerId", maybe_any(world, USERS, &mut d, 95))
        .set("CurrencyId", any(world, CURRENCIES, &mut d))
        .set("Amount", d.maybe(85, |d| Cents(d.between(0, 50_000_000))))
        .set("OriginDealId", maybe_any(world, DEALS, &mut d, 5))
        .set("DealNumber", row + 1)
        .set("ContactProductId", d.maybe(10, |d| 800_000 + d.below(5000)))
        .set("IsLastStage", stage % STAGES == STAGES - 1)
        .set("HasScheduledTasks", d.chance(30))
        .set("TasksOrdination", d.below(10))
        .set("DaysInStage", d.below(90))
        .set("Read", d.chance(50))
        .null("FinishDate");
    tail(rows, row, &mut d, o);
    custom(rows, row, &DEAL, o);
}

fn pipeline(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    id(rows, row, o);
    o.set("Name", rows.set.name(row));
    for name in [
        "MustPassAllStages",
        "ForbiddenStageReturn",
        "MayCreateQuotes",
        "MayCreateOrders",
        "MayCreateDocuments",
        "MayWinDeals",
        "MayLoseDeals",
        "Archived",
        "NewOrderOnWonDeal",
        "CreateOrderOnWonDeal",
        "WinDealOnLastStage",
        "EnableTableViewMode",
        "EnableFunnelViewMode",
        // A recorded reply has these three null.
        "QuotesUseERPFormat",
        "OrdersUseERPFormat",
        "DocumentsUseERPFormat",
    ] {
        o.set(name, flag(&mut d, 50));
    }
    o.set("FormId", d.maybe(60, |d| 300 + d.below(50)))
        .set("QuickFormId", d.maybe(60, |d| 400 + d.below(50)))
        .set("SingularUnitName", d.maybe(80, |_| "Negócio"))
        .set("PluralUnitName", d.maybe(80, |_| "Negócios"))
        .set("GenderId", d.maybe(80, |d| 1 + d.below(2)))
        .set("Ordination", row)
        .set("IconId", d.below(40))
        .set("Color", format!("#{}", d.hex(6)))
        .null("WinButtonId");
}

fn stage(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    id(rows, row, o);
    o.set("Name", rows.set.name(row % STAGES))
        .set("PipelineId", FUNNELS.any_id(rows.world, row / STAGES))
        .set("Ordination", row % STAGES)
        .set("Color", format!("#{}", d.hex(6)))
        .set("MaxDays", d.maybe(30, |d| d.below(60)));
}

fn loss_reason(rows: &Rows, row: u64, o: &mut Object) {
    id(rows, row, o);
    o.set("Name", rows.set.name(row))
        .set("PipelineId", FUNNELS.any_id(rows.world, row))
        .set("Disabled", false);
}

fn currency(rows: &Rows, row: u64, o: &mut Object) {
    id(rows, row, o);
    let known = [("R$", "BRL"), ("US$", "USD"), ("€", "EUR"), ("₲", "PYG")];
    let (symbol, code) = usize::try_from(row)
        .ok()
        .and_then(|row| known.get(row))
        .copied()
        .unwrap_or(("¤", "XXX"));
    o.set("Name", rows.set.name(row))
        .set("Symbol", symbol)
        .set("Code", code)
        .set("DecimalPlaces", 2_u64);
}
