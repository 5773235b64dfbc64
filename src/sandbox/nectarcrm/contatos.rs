//! Contatos: companies and people, with their arrays of related contacts, addresses, and links to parent and employer.

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::clock::Ids;
use crate::sandbox::json::{Cents, Object};
use crate::sandbox::people::ascii;
use crate::sandbox::stamp::DAY;
use crate::sandbox::world::{Draw, World};

use super::loose::{custom_fields, list, moment, object, text, value};
use super::noun::{End, Noun, Order, Paging, cycled, wrong};
use super::people::{Contact, user};

pub(super) static CONTATOS: Noun = Noun {
    ids: Ids::new("nectarcrm.contatos", 1_000, 3),
    rows: |world| world.rows("nectarcrm.contatos", world.large),
    order: Order::Changed,
    paging: Paging {
        default: 50,
        most: 50,
        at_once: 200,
        end: End::Empty,
    },
    write,
};

pub(super) const RELATED: (&str, u64) = ("nectarcrm.contatos__contatos", 2);
pub(super) const ADDRESSES: (&str, u64) = ("nectarcrm.contatos__enderecos", 2);
pub(super) const PARENTS: (&str, u64) = ("nectarcrm.contatos__contatospai", 1);
pub(super) const EMPLOYERS: (&str, u64) = ("nectarcrm.contatos__empresasatuais", 1);
pub(super) const FIELDS: (&str, u64) = ("nectarcrm.contatos__campos_personalizados", 2);

/// The list: all contacts, or those of the kinds in `constante`, which may be several with commas.
pub(super) fn answer(world: &World, ask: &Ask) -> Answer {
    let time = match Noun::changed_within(ask) {
        Ok(time) => time,
        Err(answer) => return answer,
    };
    let mut kinds = Vec::new();
    for kind in ask.param("constante").iter().flat_map(|kinds| kinds.split(',')) {
        match kind.trim().parse::<u64>() {
            Ok(kind) => kinds.push(kind),
            Err(_) => return wrong("constante"),
        }
    }
    let wanted = |place| kinds.is_empty() || kinds.contains(&cycled(&KINDS, place));
    CONTATOS.list(world, ask, &CONTATOS.pick(world, &time, KINDS.len() as u64, wanted))
}

/// The value of `constante` (customer, prospect, suspect, lead, discarded) as it repeats in the list.
const KINDS: [u64; 8] = [0, 3, 1, 0, 2, 5, 0, 1];

#[rustfmt::skip]
static CATEGORIES: [&str; 6] = ["Cliente ativo", "Parceiro", "Fornecedor", "Indústria", "Varejo & atacado", "Órgão público"];
static ORIGINS: [&str; 6] = [
    "Indicação",
    "Site",
    "Feira de negócios",
    "Prospecção ativa",
    "WhatsApp 📱",
    "RD Station",
];
static SEGMENTS: [&str; 6] = ["Alimentação", "Construção civil", "Saúde", "Educação", "Agronegócio", "Serviços"];
static ENTITIES: [&str; 4] = ["Empresa privada", "Pessoa física", "Associação", "Administração pública"];
static ROLES: [&str; 6] = ["Diretora", "Sócio", "Comprador", "Gerente de TI", "Secretária", "Proprietário"];
static ADDRESS_KINDS: [&str; 4] = ["Comercial", "Residencial", "Cobrança", "Entrega"];
static COMPLEMENTS: [&str; 4] = ["Sala 12", "Conj. 301, bloco B", "Fundos", "3º andar"];

fn write(world: &World, row: u64, o: &mut Object<'_>) {
    let (contact, mut d) = Contact::now(world, row);
    let d = &mut d;
    let changed = CONTATOS.changed(world, row);
    o.set("id", contact.id).set("nome", &contact.name);
    text(o, d, "razaoSocial", 90, |_| &contact.legal);
    text(o, d, "cnpj", 80, |_| contact.dotted());
    text(o, d, "codigo", 40, |d| format!("C{}", d.digits(5)));
    value(o, d, "empresa", 95, |_| contact.company);
    value(o, d, "isEmpresa", 95, |_| contact.claims_company());
    value(o, d, "ativo", 95, |d| d.chance(90));
    value(o, d, "blocked", 70, |d| d.chance(5));
    o.set("constante", cycled(&KINDS, CONTATOS.place(world, row)));
    named(o, d, "categoria", &CATEGORIES, true);
    named(o, d, "origem", &ORIGINS, false);
    named(o, d, "segmento", &SEGMENTS, false);
    object(o, d, "tipoEntidade", 50, |o, d| fill_named(o, d, &ENTITIES));
    user(world, o, d, "autor", 95);
    user(world, o, d, "autorAtualizacao", 80);
    user(world, o, d, "responsavel", 85);
    // A cursor: the only moment that every record has.
    o.set("dataAtualizacao", moment(d, changed));
    value(o, d, "dataCriacao", 97, |d| {
        let before = d.between(1, 1500);
        moment(d, changed - before * DAY)
    });
    numbers(o, d);
    reach(o, d, &contact);
    text(o, d, "observacao", 40, |d| d.note(4000));
    text(o, d, "indicadoPor", 20, |d| d.person().full());
    value(o, d, "integradoRD", 60, |d| d.chance(50));
    relatives(world, row, o, d);
    arrays(world, row, o, d, changed);
    o.array("listas", |_| {});
    custom_fields(world, o, &CONTATOS, FIELDS, row, &["Data de aniversário", "Observação fiscal"]);
}

fn numbers(o: &mut Object<'_>, d: &mut Draw) {
    for name in ["compromissos", "oportunidades", "tarefas", "qtdeQualificacoes"] {
        value(o, d, name, 90, |d| d.below(12));
    }
    value(o, d, "diasSemInteracao", 75, |d| d.below(400));
    // A number in some records, text in others.
    let revenue = d.between(1_000_000, 900_000_000);
    if d.chance(50) {
        value(o, d, "receitaAnual", 50, |_| Cents(revenue));
    } else {
        text(o, d, "receitaAnual", 50, |_| format!("{}.{:02}", revenue / 100, revenue % 100));
    }
}

fn reach(o: &mut Object<'_>, d: &mut Draw, contact: &Contact) {
    text(o, d, "email", 70, |_| &contact.email);
    text(o, d, "emailPrincipal", 85, |_| &contact.email);
    text(o, d, "telefonePrincipal", 85, |_| &contact.phone);
    let emails = if d.row == 0 { 2 } else { d.below(3) };
    contact.emails(o, d, emails);
    let phones = if d.row == 0 { 2 } else { d.below(3) };
    contact.phones(o, d, phones);
    let page = ascii(&contact.name);
    text(o, d, "site", 50, |_| format!("https://www.{page}.example/"));
    text(o, d, "facebook", 25, |_| format!("https://facebook.example/{page}"));
    text(o, d, "linkedin", 30, |_| format!("https://linkedin.example/company/{page}"));
    text(o, d, "twitter", 15, |_| format!("@{page}"));
    text(o, d, "skype", 15, |_| format!("live:{page}"));
}

/// The contact above this one and the present employer. The first is spelled `contaPai` in some records.
fn relatives(world: &World, row: u64, o: &mut Object<'_>, d: &mut Draw) {
    let spelled = if row % 4 == 2 { "contaPai" } else { "contatoPai" };
    for name in [spelled, "empresaAtual"] {
        let other = d.below((CONTATOS.rows)(world));
        let other = Contact::of(world, other).0;
        object(o, d, name, 30, |o, d| {
            o.set("id", other.id).set("nome", &other.name);
            text(o, d, "razaoSocial", 80, |_| format!("{} Holding", other.name));
            // Digits as text, or a number that has lost its leading zeros.
            if other.id.is_multiple_of(2) {
                text(o, d, "cnpj", 80, |_| &other.document);
            } else {
                value(o, d, "cnpj", 80, |_| other.document.parse::<u64>().unwrap_or_default());
            }
            text(o, d, "email", 70, |_| &other.email);
            text(o, d, "emailPrincipal", 80, |_| &other.email);
            value(o, d, "empresa", 90, |_| other.company);
            value(o, d, "isEmpresa", 90, |_| other.claims_company());
            value(o, d, "diasSemInteracao", 70, |d| d.below(400));
            let count = if d.row == 0 { 1 } else { d.below(3) };
            other.emails(o, d, count);
            other.phones(o, d, count);
        });
    }
}

fn arrays(world: &World, row: u64, o: &mut Object<'_>, d: &mut Draw, changed: i64) {
    let rows = (CONTATOS.rows)(world);
    let count = |child| CONTATOS.children(world, child, row);
    let id = CONTATOS.id(world, row);
    list(o, d, "contatos", count(RELATED), |o, item| {
        let other = Contact::of(world, (row + 1 + item) % rows.max(1)).0;
        let mut d = CONTATOS.draw_part(world, RELATED.0, row, row * MOST_ITEMS + item);
        let d = &mut d;
        o.set("id", other.id);
        text(o, d, "nome", 95, |_| &other.name);
        text(o, d, "cargo", 60, |d| d.pick(&ROLES));
        text(o, d, "email", 60, |_| &other.email);
        text(o, d, "emailPrincipal", 80, |_| &other.email);
        value(o, d, "diasSemInteracao", 70, |d| d.below(400));
    });
    list(o, d, "enderecos", count(ADDRESSES), |o, item| {
        let mut d = CONTATOS.draw_part(world, ADDRESSES.0, row, row * MOST_ITEMS + item);
        o.set("id", id * MOST_ITEMS + item).set("principal", item == 0);
        address(o, &mut d);
    });
    for (name, child) in [("contatosPai", PARENTS), ("empresasAtuais", EMPLOYERS)] {
        list(o, d, name, count(child), |o, item| {
            let mut d = CONTATOS.draw_part(world, child.0, row, row * MOST_ITEMS + item);
            let company = CONTATOS.id(world, (row + 2 + item) % rows.max(1));
            // Two spellings of the same two ids.
            if d.row == 0 || d.chance(50) {
                o.object("contato", |o| {
                    o.set("id", id);
                });
                o.object("empresa", |o| {
                    o.set("id", company);
                });
            } else {
                o.set("contatoId", id).set("empresaId", company);
            }
            value(o, &mut d, "dataAtualizacao", 80, |d| moment(d, changed));
            value(o, &mut d, "empresaPrincipal", 80, |_| item == 0);
        });
    }
}

fn address(o: &mut Object<'_>, d: &mut Draw) {
    let city = d.city();
    let cep = d.cep(city);
    text(o, d, "cep", 80, |d| {
        if d.chance(50) {
            format!("{:05}-{:03}", cep / 1000, cep % 1000)
        } else {
            format!("{cep:08}")
        }
    });
    let street = d.street();
    text(o, d, "endereco", 90, |_| &street);
    text(o, d, "logradouro", 90, |_| &street);
    text(o, d, "numero", 80, |d| {
        if d.row > 0 && d.chance(10) {
            "s/n".to_owned()
        } else {
            d.between(1, 3000).to_string()
        }
    });
    text(o, d, "complemento", 30, |d| d.pick(&COMPLEMENTS));
    text(o, d, "bairro", 80, Draw::district);
    text(o, d, "municipio", 90, |_| city.name);
    text(o, d, "estado", 90, |_| city.state_short());
    text(o, d, "pais", 70, |_| "Brasil");
    text(o, d, "tipo", 80, |d| d.pick(&ADDRESS_KINDS));
    value(o, d, "searchByCep", 70, |d| d.chance(50));
}

/// `categoria` as text beside `categoriaObject` with the same name.
fn named(o: &mut Object<'_>, d: &mut Draw, name: &str, names: &'static [&'static str], with_active: bool) {
    let number = d.below(names.len() as u64);
    let called = cycled(names, number);
    text(o, d, name, 70, |_| called);
    object(o, d, &format!("{name}Object"), 60, |o, d| {
        o.set("id", 10 + number).set("nome", called);
        if with_active {
            value(o, d, "ativo", 90, |d| d.chance(90));
        }
    });
}

fn fill_named(o: &mut Object<'_>, d: &mut Draw, names: &'static [&'static str]) {
    let number = d.below(names.len() as u64);
    let called = cycled(names, number);
    o.set("id", 10 + number).set("nome", called);
}

/// Items of one record are numbered below this, so that their ids differ between records.
const MOST_ITEMS: u64 = 1000;
