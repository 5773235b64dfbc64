//! Produtos: the price list, with the products that hang on a product, and the copy of one inside an opportunity's line.
//! Two members are spelled with and without `is`, and the subcategory with and without its capital.

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::{Cents, Object};
use crate::sandbox::world::{Draw, World};

use super::loose::{list, object, text, value};
use super::noun::{End, Noun, Order, Paging};

pub(super) static PRODUTOS: Noun = Noun {
    ids: Ids::new("nectarcrm.produtos", 300, 1),
    rows: |world| world.rows("nectarcrm.produtos", (world.large / 20).clamp(world.large.min(3), 2000)),
    order: Order::Id,
    paging: Paging {
        default: 50,
        most: 200,
        at_once: 200,
        end: End::Empty,
    },
    write,
};

pub(super) const DEPENDENTS: (&str, u64) = ("nectarcrm.produtos__produtos", 2);

pub(super) fn answer(world: &World, ask: &Ask) -> Answer {
    PRODUTOS.list(world, ask, &PRODUTOS.all(world))
}

/// What a line of an opportunity repeats of its product.
pub(super) struct Product {
    pub id: u64,
    pub code: String,
    pub name: String,
    pub description: String,
    pub group: &'static str,
    pub subgroup: &'static str,
    pub currency: &'static str,
    pub price_cents: i64,
}

impl Product {
    /// A product as others mention it, and the generator of what else they tell of it.
    pub(super) fn of(world: &World, row: u64) -> (Product, Draw) {
        Product::drawn(world, row, world.draw(PRODUTOS.table(), row))
    }

    /// A product as it is now, and the generator of what else its record holds.
    fn now(world: &World, row: u64) -> (Product, Draw) {
        Product::drawn(world, row, world.draw_now(PRODUTOS.table(), row))
    }

    fn drawn(world: &World, row: u64, mut d: Draw) -> (Product, Draw) {
        let (group, subgroup) = d.pick(&GROUPS);
        let name = format!("{} {}", d.pick(&THINGS), d.pick(&GRADES));
        let product = Product {
            id: PRODUTOS.id(world, row),
            code: format!("P-{:04}", 1 + row),
            description: format!("{name}. {}", d.note(300)),
            name,
            group,
            subgroup,
            currency: if d.chance(90) { "BRL" } else { "USD" },
            price_cents: d.between(990, 2_000_000),
        };
        (product, d)
    }
}

/// The members of a product as others mention it, without its dependents.
pub(super) fn fill(world: &World, row: u64, o: &mut Object<'_>) {
    fill_with(Product::of(world, row), row, o);
}

fn fill_with((product, mut d): (Product, Draw), row: u64, o: &mut Object<'_>) {
    let d = &mut d;
    o.set("id", product.id).set("nome", &product.name);
    text(o, d, "codigo", 85, |_| &product.code);
    text(o, d, "descricao", 60, |_| &product.description);
    value(o, d, "contador", 90, |_| 1 + row);
    value(o, d, "ativo", 95, |d| d.chance(90));
    text(o, d, "moeda", 90, |_| product.currency);
    value(o, d, "valorBase", 95, |_| Cents(product.price_cents));
    value(o, d, "valorEditavel", 80, |d| d.chance(50));
    value(o, d, "recorrencia", 90, |d| d.below(3));
    value(o, d, "fracionario", 70, |d| d.chance(20));
    value(o, d, "permiteAcrescimo", 80, |d| d.chance(50));
    value(o, d, "acrescimoMaximo", 50, |d| Cents(d.between(0, 5000)));
    value(o, d, "acrescimoPercentual", 60, |d| d.chance(60));
    value(o, d, "permiteDesconto", 80, |d| d.chance(70));
    value(o, d, "descontoMaximo", 60, |d| Cents(d.between(0, 3000)));
    let discount = if row.is_multiple_of(2) {
        "isDescontoPorcentual"
    } else {
        "descontoPorcentual"
    };
    value(o, d, discount, 90, |d| d.chance(70));
    value(o, d, "comissao", 60, |d| Cents(d.between(0, 2000)));
    let commission = if row.is_multiple_of(3) {
        "isComissaoPorcentual"
    } else {
        "comissaoPorcentual"
    };
    value(o, d, commission, 90, |d| d.chance(80));
    value(o, d, "possuiEstoque", 80, |d| d.chance(40));
    value(o, d, "quantidadeEstoque", 50, |d| d.below(1000));
    value(o, d, "editarProdutosDependentes", 70, |d| d.chance(50));
    value(o, d, "isExpiravel", 70, |d| d.chance(10));
    let number = d.below(90);
    object(o, d, "categoria", 80, |o, _| {
        o.set("id", 10 + number).set("nome", product.group);
    });
    let subcategory = if row.is_multiple_of(2) { "subCategoria" } else { "subcategoria" };
    object(o, d, subcategory, 60, |o, _| {
        o.set("id", 100 + number).set("nome", product.subgroup);
    });
}

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    fill_with(Product::now(world, row), row, o);
    let rows = (PRODUTOS.rows)(world);
    let count = PRODUTOS.children(world, DEPENDENTS, row);
    let mut d = PRODUTOS.draw_part(world, DEPENDENTS.0, row, row);
    list(o, &mut d, "produtos", count, |o, item| {
        let other = (row + 1 + item) % rows.max(1);
        let (product, mut d) = Product::of(world, other);
        // The first item must be complete, whichever product it is.
        d.row = row * 1000 + item;
        o.set("id", product.id).set("nome", product.name);
        value(o, &mut d, "contador", 80, |_| 1 + other);
        text(o, &mut d, "descricao", 60, |_| product.description);
    });
}

#[rustfmt::skip]
static GROUPS: [(&str, &str); 6] = [
    ("Software", "Licenças"), ("Software", "Módulos adicionais"), ("Serviços", "Implantação"), ("Serviços", "Treinamento"),
    ("Equipamentos", "Impressão"), ("Equipamentos", "Refrigeração"),
];
static THINGS: [&str; 6] = ["Plano", "Licença", "Implantação", "Treinamento", "Manutenção", "Câmara fria"];
static GRADES: [&str; 6] = ["Básico", "Essencial", "Avançado", "Corporativo", "Anual", "10\" (polegadas)"];
