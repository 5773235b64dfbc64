//! Leads, their people and their custom fields.

use super::row::{draw, ids, lead_of, nested, some_time, time, utc, with_country};
use super::small::{INDUSTRIES, SDRS, SELLERS, SOURCES, STAGE_SET, funnel_id, stage_name, sub_source, sub_sources_of};
use crate::sandbox::churn::{Churn, Cursor, Event};
use crate::sandbox::json::{At, Object};
use crate::sandbox::odata::{Id, Rows, Set};
use crate::sandbox::people::cpf_dotted;
use crate::sandbox::stamp::{DAY, NOW, SECOND};
use crate::sandbox::world::{Draw, World};

pub(super) static SETS: [Set; 3] = [
    Set {
        table: "exactsales.leads",
        path: "Leads",
        rows: |world| world.large,
        id: LEAD_IDS,
        time: time("updateDate", true),
        names: &[],
        write: lead,
    },
    Set {
        table: "exactsales.leadspersons",
        path: "LeadsAndPersons",
        rows: |world| LEADS.count(world),
        // A row is a lead: the same ids.
        id: LEAD_IDS,
        time: time("updateDate", true),
        names: &[],
        write: lead_and_persons,
    },
    Set {
        table: "exactsales.leadscustomfields",
        path: "LeadsCustomFields",
        rows: |world| LEADS.count(world),
        // The `id` of a row is the slug of its field, which no order of rows follows.
        id: None,
        time: None,
        names: &[
            "_segmento",
            "_faturamento_anual",
            "_observações",
            "_canais",
            "_data_de_abertura",
            "_qtd_funcionários",
        ],
        write: custom_field,
    },
];

pub(super) static LEADS: &Set = &SETS[0];

const LEAD_IDS: Option<Id> = ids("exactsales.leads", 9_000_000, 3);

const PERSONS: &str = "exactsales.leadspersons__persons";

/// People of all leads.
pub(super) fn persons(world: &World) -> (&'static str, u64) {
    SETS[1].all_children(world, PERSONS, 3)
}

/// The id of one of a lead's people.
pub(super) fn person_id(lead_row: u64, place: u64) -> u64 {
    5_000_000 + lead_row * 1000 + place
}

/// What a lead is called.
pub(super) fn lead_name(world: &World, lead_row: u64) -> String {
    world.draw("exactsales.lead_names", lead_row).company().name
}

/// `/LeadsAndPersons` shows the same leads, unless the options gave it rows of its own.
pub(super) fn changed(churn: &mut Churn, event: Event) {
    let same = LEADS.count(churn.world) == SETS[1].count(churn.world);
    let Some(subject) = SETS[1].subject(churn.world, Cursor::Updated).filter(|_| same) else {
        return;
    };
    match event {
        Event::Inserted(_) => {
            churn.insert(&subject);
        }
        Event::Updated(row) => churn.update(&subject, row),
        Event::Deleted(row) => churn.delete(&subject, row),
    }
}

fn lead(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let (city, person) = (d.city(), d.person());
    let domain = world.draw("exactsales.lead_names", row).company().domain;
    o.set("id", rows.id(row));
    head(rows, row, o);
    let industry = d.maybe(70, |d| d.below(INDUSTRIES.count(world)));
    value(
        o,
        "industry",
        industry.and_then(|row| Some((INDUSTRIES.any_id(world, row)?, INDUSTRIES.name(row)))),
    );
    let sdr = d.maybe(70, Draw::bits);
    if sdr.is_none() && d.chance(50) {
        // Nobody is usually an object of nulls, but some rows have a plain null.
        o.null("sdr");
    } else {
        nested(o, "sdr", world, SDRS, sdr);
    }
    nested(o, "salesRep", world, SELLERS, d.maybe(60, Draw::bits));
    o.set("closingForecastDate", d.maybe(40, |d| some_time(d, NOW, NOW + 120 * DAY)))
        .set("cep", d.maybe(60, |d| format!("{:08}", d.cep(city))))
        .set("city", d.maybe(70, |_| city.name))
        .set("state", d.maybe(70, |_| city.state_short()))
        .set("country", d.maybe(70, |_| "Brasil"))
        .set("district", d.maybe(50, |d| d.district()))
        .set("street", d.maybe(50, |d| d.street()))
        .set("number", d.maybe(50, |d| d.below(3000).to_string()))
        .set(
            "complement",
            d.maybe(15, |d| format!("Bloco {}\tSala {}", 1 + d.below(4), d.below(900))),
        )
        .set("cnpj", d.maybe(50, Draw::cnpj))
        .set("cpf", d.maybe(20, |d| cpf_dotted(&d.cpf())))
        .set("description", d.maybe(50, |d| d.note(8000)))
        .set(
            "leadProduct",
            d.maybe(40, |d| d.pick(&["Plano Básico", "Plano Pro", "Consultoria & Treinamento"])),
        )
        .set("mktLink", d.maybe(20, |d| format!("https://mkt.example/l/{}", d.hex(10))))
        .set("publicLink", d.maybe(80, |d| format!("https://app.example/public/{}", d.guid())))
        .set("organizationId", d.maybe(30, |d| 60_000 + d.below(900)))
        .set("website", d.maybe(50, |_| format!("https://www.{domain}")))
        .set("integrationId", d.maybe(25, |d| format!("INT-{}", d.digits(6))))
        .set("email", d.maybe(50, |_| person.email(&domain)))
        // Always null on reading, whatever was written.
        .null("ddiPhone")
        .array("telephones", |a| {
            for _ in 0..d.below(3) + u64::from(row == 0) {
                a.item(with_country(&mut d, city));
            }
        });
}

fn lead_and_persons(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    let city = d.city();
    let domain = rows.world.draw("exactsales.lead_names", row).company().domain;
    o.set("id", rows.id(row));
    head(rows, row, o);
    nested(o, "sdr", rows.world, SDRS, d.maybe(70, Draw::bits));
    let persons = rows.children(PERSONS, row, 3);
    o.array("persons", |a| {
        for place in 0..persons {
            let person = d.person();
            // The first person of the table is full, the second empty, whichever lead they belong to.
            d.row = if place == 1 && row == 0 { 1 } else { row };
            a.object(|o| {
                o.set("id", person_id(row, place))
                    .set("name", person.full())
                    .set("email", d.maybe(80, |_| person.email(&domain)))
                    .set("phone1", d.maybe(80, |d| with_country(d, city)))
                    .set("phone2", d.maybe(30, |d| with_country(d, city)))
                    .set("mainContact", place == 0)
                    .set(
                        "jobTitle",
                        d.maybe(60, |d| d.pick(&["Sócia", "Diretor de TI", "Compras", "CEO & fundador"])),
                    )
                    .set(
                        "idMessagingPlatform",
                        d.maybe(20, |d| format!("@{}{}", person.login(), d.below(99))),
                    )
                    .set("messagingPlatform", d.maybe(20, |d| d.pick(&["Skype", "WhatsApp", "Telegram"])));
            });
        }
    });
}

/// The members `/Leads` and `/LeadsAndPersons` share, with the same values.
fn head(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = rows.draw("exactsales.lead_heads", row);
    let stage_row = d.below(STAGE_SET.count(world).max(1));
    let city = d.city();
    let updated = rows.moment(row);
    // `Descartado` is the stage of discarded leads; the list of stages does not have it.
    let stage = if d.chance(15) {
        "Descartado".to_owned()
    } else {
        stage_name(stage_row)
    };
    let age = d.between(SECOND, 200 * DAY);
    o.set("lead", lead_name(world, row))
        .set("stage", stage)
        .set("funnelId", funnel_id(stage_row))
        .set("registerDate", some_time(&mut d, updated.ticks - age, updated.ticks))
        .set("updateDate", utc(updated))
        .set("phone1", d.maybe(80, |d| with_country(d, city)))
        .set("phone2", d.maybe(30, |d| with_country(d, city)));
    let source = d.maybe(70, |d| d.below(SOURCES.count(world)));
    value(
        o,
        "source",
        source.and_then(|row| Some((SOURCES.any_id(world, row)?, SOURCES.name(row)))),
    );
    let places = source.map_or(0, |row| sub_sources_of(world, row));
    // Row 0 shows every member, so it makes a sub-source up where its source has none.
    let chosen = d.maybe(60, |d| d.below(places)).filter(|_| places > 0 || row == 0);
    value(o, "subSource", source.zip(chosen).map(|(row, place)| sub_source(row, place)));
}

fn value(o: &mut Object, name: &str, found: Option<(u64, String)>) {
    match found {
        Some((id, value)) => o.object(name, |o| {
            o.set("id", id).set("value", value);
        }),
        None => o.null(name),
    };
}

fn custom_field(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    // Two rows to a lead, of different fields; where there are more rows than that, numbered fields.
    let (lead, lead_id, round) = lead_of(world, row / 2);
    let field = (lead + row % 2 * 3) % rows.set.names.len() as u64;
    let slug = rows.set.name(field);
    o.set("leadId", lead_id)
        .set("id", if round == 0 { slug } else { format!("{slug}_{round}") });
    // Fields of choice have no value but options, which are plain texts.
    match field {
        3 => o.null("value"),
        1 => o.set("value", d.maybe(90, |d| d.below(9_000_000))),
        5 => o.set("value", d.maybe(90, |d| d.below(900))),
        4 => o.set("value", d.maybe(90, |d| At(d.between(0, NOW), 0, "Z"))),
        _ => o.set("value", d.maybe(90, |d| d.note(300))),
    };
    o.array("options", |a| {
        if field == 3 {
            a.item("WhatsApp").item("E-mail, quinzenal");
        }
    });
}
